"""What one faultless take cannot show: ears, insertions and harmonics that do not fit together."""

import math
from pathlib import Path

import numpy as np
import pytest

from soundcal.calibration.microphone import Influences, calibrate
from soundcal.cli import main
from soundcal.files import audio
from soundcal.recording import Capture

FS = 48000
TIME = np.arange(10 * FS) / FS


def take(number: int, gain_db: float = 0.0, third: float = 0.0) -> Capture:
    random = np.random.default_rng(number)
    offset = 0.03 * float(random.standard_normal()) + gain_db
    wave = np.sin(2 * np.pi * 1000 * TIME) + third * np.sin(2 * np.pi * 3000 * TIME)
    x = 0.02 * 10 ** (offset / 20) * wave + 2e-6 * random.standard_normal(TIME.size)
    return Capture(x, FS)


GOOD = {"left": [take(k) for k in range(3)], "right": [take(k, 1.9) for k in range(3, 6)]}


def warned(**changes: list[Capture]) -> str:
    return " ".join(calibrate(GOOD | changes).details["warnings"])


def test_a_good_calibration_has_no_warnings() -> None:
    assert warned() == ""


@pytest.mark.parametrize("gain_db", [-20.0, 20.0, 6.0, -5.0])
def test_ears_that_differ_are_named_with_the_size(gain_db: float) -> None:
    text = warned(left=[take(k, gain_db) for k in range(3)])
    assert "more than 3 dB" in text


@pytest.mark.parametrize(("at", "off"), [(0, -20.0), (1, 0.8), (2, -1.0)])
def test_one_insertion_off_is_named(at: int, off: float) -> None:
    rows = [take(k, off if k == at else 0.0) for k in range(3)]
    assert f"left: insertion {at + 1} of 3" in warned(left=rows)


def copies(capture: Capture) -> list[Capture]:
    """One take three times: as it is, inverted, and with the dither of 16 bits."""
    dither = np.random.default_rng(9).uniform(-1.0, 1.0, capture.samples.shape)
    coarse = np.round(capture.samples * 2**15 + dither) / 2**15
    return [Capture(samples, FS) for samples in (capture.samples, -capture.samples, coarse)]


def test_insertions_that_are_equal_are_not_believed() -> None:
    rows = copies(take(1))
    chain = calibrate({"left": rows}).chain("left")
    link = next(link for link in chain.links if link.name == "digital level of the tone")
    assert link.u_db == pytest.approx(0.1 / math.sqrt(3))
    assert "type B" in link.source
    assert "left: the levels of 3 insertions are equal" in warned(left=rows)


@pytest.mark.parametrize(("third", "said"), [(0.003, False), (0.008, True), (0.02, True)])
def test_a_third_harmonic_may_be_compression(third: float, said: bool) -> None:
    text = warned(left=[take(k, third=third) for k in range(3)])
    assert ("third harmonic" in text) == said


@pytest.mark.parametrize("insertions", [1, 2])
def test_one_and_two_insertions_have_the_stated_repeatability(insertions: int) -> None:
    chain = calibrate(
        {"left": [take(k) for k in range(insertions)]}, influences=Influences(repeatability=0.2)
    ).chain("left")
    link = next(link for link in chain.links if link.name == "digital level of the tone")
    assert (link.u_db, link.dof) == (pytest.approx(0.2 / math.sqrt(insertions)), 8.0)
    assert "assumed" in link.source


def test_the_command_prints_the_warnings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for ear, gain_db in (("left", 0.0), ("right", -20.0)):
        audio.write(tmp_path / f"{ear}.wav", take(1, gain_db).samples, FS)
    command = ["calibrate", "--left", str(tmp_path / "left.wav")]
    command += ["--right", str(tmp_path / "right.wav"), "--out", str(tmp_path / "ears.json")]
    assert main(command) == 0
    assert "warning: right and left differ by 20.0 dB" in capsys.readouterr().err
