"""Recordings on the virtual soundcard that delivers a count: nothing is lost, and losses are known.

Each sample of the card says where it belongs (``tests/rig/plain.py``), so a file is compared with
what was delivered, sample by sample, whatever happened to the program, the server or the machine.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from rig.plain import Account, account
from virtual_soundcard import CARD, Rig, plain_card

from soundcal import audiofile


def command(path: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "soundcal", "record", str(path), "--device", CARD, *options]


def started(rig: Rig, words: list[str]) -> "subprocess.Popen[str]":
    environment = {**os.environ, **rig.environment}
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment)


def kept(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.with_suffix(".json").read_text()))


def counted(path: Path) -> Account:
    channels = range(audiofile.info(path).n_channels)
    return account(audiofile.blocks(path), channels)


@pytest.mark.usefixtures("virtual")
def test_eight_channels_at_96_khz_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    with plain_card("count-8", tmp_path, fs=96000) as rig:
        rig.script("fast")
        process = started(rig, command(path, "--duration", "20", "--fs", "96000"))
        _, printed = process.communicate(timeout=120)
    assert process.returncode == 0, printed
    found = counted(path)
    assert (found.n_samples, found.exact) == (20 * 96000, True), found
    assert kept(path)["flags"] == []
