"""What one faultless take cannot show: ears, insertions and harmonics that do not fit together."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundcal.calibration.microphone import LOSSY_DB, Influences, calibrate
from soundcal.cli import main
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration
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


def test_one_take_for_both_ears_is_not_believed() -> None:
    """In another coding it has other samples, and the same level."""
    one, _, coarse = copies(take(7))
    both = calibrate({"left": [one], "right": [coarse]}).details["warnings"]
    assert "equal to within 0.0001 dB, which two microphones are not" in " ".join(both)


@pytest.mark.parametrize(("at", "off"), [(0, -20.0), (1, 0.8), (2, -1.0)])
def test_one_insertion_off_is_named(at: int, off: float) -> None:
    rows = [take(k, off if k == at else 0.0) for k in range(3)]
    assert f"left: insertion {at + 1} of 3" in warned(left=rows)


@pytest.mark.parametrize("step", [-0.3, 0.4])
def test_a_level_that_goes_one_way_from_insertion_to_insertion_is_named(step: float) -> None:
    text = warned(left=[take(k, k * step) for k in range(3)])
    assert "always in one direction" in text
    assert f"{2 * step:+.1f}" in text


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


@pytest.mark.parametrize("bits", [pytest.param(16, marks=pytest.mark.long), 24])
def test_takes_that_an_editor_has_normalised_are_named(bits: int) -> None:
    def normalised(capture: Capture) -> Capture:
        samples = capture.samples * 10 ** (-1 / 20) / np.abs(capture.samples).max()
        return Capture(np.round(samples * 2 ** (bits - 1)) / 2 ** (bits - 1), FS)

    rows = {ear: [normalised(capture) for capture in GOOD[ear]] for ear in GOOD}
    assert "same peak, -1.0 dB re full scale" in warned(**rows)


def test_microphones_of_other_names_need_not_be_alike() -> None:
    rows = {"ch1": [take(1)], "ch2": [take(2, -20.0)]}
    assert calibrate(rows).details["warnings"] == []


@pytest.mark.parametrize("third", [0.0, 0.003, 0.02])
def test_the_third_harmonic_is_in_the_budget(third: float) -> None:
    """A cubic input that makes it compresses the tone by three times as much."""
    chain = calibrate({"left": [take(k, third=third) for k in range(3)]}).chain("left")
    link = next(link for link in chain.links if link.name == "linearity of the input")
    assert link.u_db == pytest.approx(20 * math.log10(1 + 3 * third) / math.sqrt(3), abs=1e-3)


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


@pytest.fixture
def doubtful(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with ears that differ by 20 dB, and takes to be measured with them."""
    monkeypatch.chdir(tmp_path)
    for ear, gain_db in (("left", 0.0), ("right", -20.0)):
        audio.write(f"{ear}.wav", take(1, gain_db).samples, FS)
    noise = 0.01 * np.random.default_rng(1).standard_normal((2, FS))
    for folder in ("one", "two"):
        Path(folder).mkdir()
        audio.write(f"{folder}/a.wav", noise, FS)
    return tmp_path


def test_the_warnings_follow_the_calibration(
    doubtful: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "right and left differ by 20.0 dB"
    command = ["calibrate", "--left", "left.wav", "--right", "right.wav", "--out", "ears.json"]
    assert main([*command, "--json"]) == 0
    out, err = capsys.readouterr()
    assert f"warning: {words}" in err
    assert words in json.loads(out)["calibration"]["details"]["warnings"][0]
    measure = ["measure", "one/a.wav", "--calibration", "ears.json", "--indicators", "LAeq"]
    assert main([*measure, "--json"]) == 0
    out, err = capsys.readouterr()
    assert words in str(json.loads(out)["flags"])
    assert words in err
    report = ["report", "one", "two", "--calibration", "ears.json", "--indicators", "LAeq"]
    assert main([*report, "--out", "report"]) == 0
    assert words in capsys.readouterr().err
    page = Path("report/report.html").read_text()
    assert words in page[page.index("Warnings and validity flags</h2>") :]
    assert main(["check", "ears.json", "ears.json"]) == 0
    assert capsys.readouterr().err.count(words) == 2  # one of each calibration


@pytest.mark.parametrize("subtype", ["ULAW", "ALAW", "IMA_ADPCM", "MS_ADPCM"])
def test_a_lossy_recording_of_the_calibrator_is_used_with_a_warning(
    subtype: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    x = take(1).samples[0]
    soundfile.write("tone.wav", np.tile(x[: 6 * FS], 2), FS, subtype=subtype)
    assert main(["calibrate", "--left", "tone.wav", "--out", "mic.json"]) == 0
    made = load_calibration("mic.json")
    right = calibrate({"left": [take(1)]}).chain("left").gain_db
    assert made.chain("left").gain_db == pytest.approx(right, abs=LOSSY_DB)
    assert "lossy coding" in made.details["warnings"][0]
    (link,) = (link for link in made.chain("left").links if link.name == "lossy coding")
    assert link.u_db == pytest.approx(LOSSY_DB / math.sqrt(3))
