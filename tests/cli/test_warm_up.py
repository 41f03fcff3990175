"""Loops are compiled once; who waits for it is told, and can do it beforehand."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from soundcal.files import audio


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "soundcal", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=280,
        env={
            **os.environ,
            "NUMBA_CACHE_DIR": str(folder / "cache"),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        },
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_a_warm_machine_compiles_nothing(tmp_path: Path) -> None:
    audio.write(tmp_path / "x.wav", np.full((2, 48000), 0.1) * [[1.0], [0.9]], 48000)
    measure = ["measure", "x.wav", "--sensitivity", "2", "--indicators", "LAeq"]
    assert run(tmp_path, *measure).count("compiling loops for this processor") == 1
    assert "loops compiled in" in run(tmp_path, "warm-up")
    measure[-1] = "all"
    assert "compiling" not in run(tmp_path, *measure)
    assert "nothing was to be done" in run(tmp_path, "warm-up")
