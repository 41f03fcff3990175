"""Loops are compiled once; who waits for it is told, and can do it beforehand."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from soundcal.files import audio

MEASURE = ["measure", "x.wav", "--sensitivity", "2", "--indicators"]


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


def recording(folder: Path) -> None:
    audio.write(folder / "x.wav", np.full((2, 96000), 0.1) * [[1.0], [0.9]], 48000)


def test_what_is_compiled_is_said_once_and_kept(tmp_path: Path) -> None:
    recording(tmp_path)
    assert run(tmp_path, *MEASURE, "LAeq").count("compiling loops for this processor") == 1
    assert "compiling" not in run(tmp_path, *MEASURE, "LAeq")


@pytest.mark.long
def test_a_warm_machine_compiles_nothing(tmp_path: Path) -> None:
    recording(tmp_path)
    assert "loops compiled in" in run(tmp_path, "warm-up")
    assert "compiling" not in run(tmp_path, *MEASURE, "all")
    assert "nothing was to be done" in run(tmp_path, "warm-up")
