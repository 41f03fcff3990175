"""``soundcal devices --test`` with real PortAudio, on the virtual soundcard of tests/rig.

A loop through a real soundcard needs no test of its own: the command itself is that test.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.signal import freqz
from virtual_soundcard import CARD, FS, LAB, Rig

from soundcal.cli import main
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.units import db


def qualified(
    capsys: pytest.CaptureFixture[str], *options: str, inputs: str = "3,4"
) -> tuple[int, dict[str, Any], str]:
    """Run the command; return exit code, result and the messages on stderr."""
    arguments = ["devices", "--test", CARD, "--inputs", inputs, "--plays", "2", "--yes", "--json"]
    code = main([*arguments, *options])
    told = capsys.readouterr()
    return code, json.loads(told.out), told.err


def doubts(found: dict[str, Any]) -> dict[str, str]:
    return {c["name"]: c["verdict"] for c in found["checks"] if c["verdict"] != "pass"}


def test_the_command_finds_the_truth_behind_the_server(
    rig: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "card.html"
    code, found, told = qualified(capsys, "--minutes", "0.3", "--out", str(page))
    # the headphones load the outputs of 100 ohm, and the response shows it
    assert code == 4
    assert set(doubts(found)) == {"frequency response", "level at 0.45 fs"}
    assert "WARNING" in told
    assert page.read_text(encoding="utf-8").count("<svg") == 7
    with SimulatedLab(**LAB) as lab:
        wiring = lab.chain.wiring
    frequency = np.array(found["response"]["frequency"])
    for side in range(2):
        taps = wiring.volts[side] * wiring.kernels[2 + side]
        true = db(np.abs(freqz(taps, worN=frequency, fs=FS)[1]))
        at_1k = true[np.argmin(np.abs(frequency - 1000.0))]
        assert found["response"]["level"][side] == pytest.approx(true - at_1k, abs=0.01)
        assert found["response"]["gain"][side] == pytest.approx(at_1k, abs=0.005)
        of_output = wiring.output_noise * np.linalg.norm(wiring.kernels[2 + side])
        noise = float(db(np.hypot(wiring.noise[2 + side], of_output)))
        assert found["noise"]["unweighted"][side] == pytest.approx(noise, abs=0.1)
    # every take is delayed by one period of the server
    assert len(set(found["timing"]["latency"])) == 1
    assert len(found["timing"]["latency"]) > 10
    assert found["timing"]["drift_ppm"] == pytest.approx(0.0, abs=0.2)


def test_the_command_finds_another_clock_and_exchanged_cables(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.do("remove_headphones")
    rig.arm({"at": 0, "do": "ppm", "ppm": 50.0})
    code, found, _ = qualified(capsys, "--minutes", "0", inputs="4,3")
    assert code == 4
    assert doubts(found) == {"swapped channels": "invalid", "clock drift": "suspect"}
    assert found["paths"] == ["1→3", "2→4"]
    assert found["timing"]["drift_ppm"] == pytest.approx(50.0, abs=2.0)


def test_nothing_loud_is_played_to_a_cable_that_is_not_there(
    rig: Rig, capsys: pytest.CaptureFixture[str]
) -> None:
    rig.do("remove_headphones")
    arguments = ["devices", "--test", CARD, "--outputs", "1", "--inputs", "4", "--yes"]
    assert main(arguments) == 5
    assert "output 1 is not heard by input 4" in capsys.readouterr().err
