"""``soundcal response measure`` in the simulated lab."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soundcal.calibration import stated
from soundcal.cli import main
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.files import audio
from soundcal.files.atomic import file_digest
from soundcal.files.calibrations import load_calibration, save_calibration
from soundcal.response import ChannelResponse, load_response, new_response, save_response
from soundcal.units import db

SHORT = ["response", "measure", "--sweep", "0.5", "--averages", "1"]
ONCE = [*SHORT, "--outputs", "1", "--inputs", "1"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def ears() -> None:
    with SimulatedLab("lab") as lab:
        left, right = lab.truth.ear_pa_per_fs
    save_calibration("ears.json", stated.from_sensitivity({"left": left, "right": right}))


def test_headphones_on_ears(capsys: pytest.CaptureFixture[str]) -> None:
    ears()
    on_ears = [*SHORT, "--device", "sim:lab", "--ears", "ears.json", "--seatings", "2"]
    assert main([*on_ears, "--out", "h.json", "--name", "my headphones"]) == 0
    out, err = capsys.readouterr()
    assert "my headphones: FS to DRP, absolute, dB re Pa/FS" in out
    assert "left dB  u dB  s dB" in out
    assert "seating 2 of 2" in err
    assert "they are taken as flat" in err
    response = load_response("h.json")
    assert response.provenance["series"] == "h-seatings"
    for impulse in response.provenance["impulses"]:
        assert file_digest(Path("h-seatings", impulse["wav"])) == impulse["sha256"]
    with SimulatedLab("lab") as lab:
        sheet = db(np.abs(lab.truth.transfer("left", 1000.0)))
    assert abs(response.channel("left").level(1000.0) - sheet) < 2.0  # another seating
    assert main([*on_ears, "--out", "h.json"]) == 5
    assert main([*on_ears, "--out", "h.json", "--force"]) == 5
    assert "already holds a session" in capsys.readouterr().err


def test_ears_that_are_calibrated_elsewhere_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    ears()
    stated_ears = load_calibration("ears.json")
    details = {"inputs": {"left": 3, "right": 4}}
    save_calibration("lines.json", replace(stated_ears, details=details))
    words = [*SHORT, "--device", "sim:lab", "--seatings", "1", "--out", "h.json", "--ears"]
    assert main([*words, "lines.json"]) == 0
    assert "calibrated on input 3 and recorded on input 1" in capsys.readouterr().err
    save_calibration("field.json", replace(stated_ears, details={"point": "FF"}))
    assert main([*words, "field.json", "--force"]) == 2
    assert "field.json: calibrated at FF; the response" in capsys.readouterr().err


def test_a_series_goes_on_where_it_stopped(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ears()
    seat, seated = SimulatedLab.seat_headphones, []

    def interrupted(lab: SimulatedLab) -> None:
        seated.append(1)
        if len(seated) == 2:
            raise KeyboardInterrupt
        seat(lab)

    monkeypatch.setattr(SimulatedLab, "seat_headphones", interrupted)
    words = [*SHORT, "--device", "sim:lab", "--out", "h.json"]
    assert main([*words, "--ears", "ears.json", "--seatings", "2"]) != 0
    assert Path("h-seatings/seating-1.json").exists()
    assert not Path("h.json").exists()
    first = Path("h-seatings/seating-1.json").read_bytes()
    assert main([*words, "--resume", "--seed", "5"]) == 5  # other headphones of the same name
    said = capsys.readouterr().err
    assert "was made with seed 0, and sim:lab now has seed 5; set the device as it was" in said
    assert main([*words, "--resume"]) == 0
    assert "1 seating already measured, kept" in capsys.readouterr().err
    assert Path("h-seatings/seating-1.json").read_bytes() == first
    assert load_response("h.json").conditions["seatings"] == 2


def test_a_path_and_a_microphone_by_substitution(capsys: pytest.CaptureFixture[str]) -> None:
    lab = ["--device", "sim:lab"]
    assert main([*ONCE, *lab, "--out", "before.json", "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["from"], record["to"], record["kind"]) == ("FS", "FS", "absolute")
    impulse, about = audio.read("before.wav"), record["source"]["impulse"]
    assert file_digest("before.wav") == about["sha256"]
    assert int(np.argmax(np.abs(impulse.samples[0]))) >= -about["first_sample"]
    curve = ChannelResponse([10.0, 1000.0, 24000.0], [-1.0, 0.0, 2.0], u_db=0.1)
    reference = new_response("r", "P", "FS", "relative", {"mono": curve}, normalised_at=1000.0)
    save_response("reference.json", reference)
    named = ["--reference", "before.json", "--reference-response", "reference.json"]
    assert main([*ONCE, *lab, *named, "--out", "mic.json"]) == 0  # the same path once more
    found = load_response("mic.json")
    assert (found.source_point, found.target_point, found.normalised_at) == ("P", "FS", 1000.0)
    f = np.geomspace(100.0, 10000.0, 30)
    wanted = reference.channel("mono").level(f)
    np.testing.assert_allclose(found.channel("mono").level(f), wanted, atol=0.02)


def test_references_are_read_before_a_sweep_is_played(capsys: pytest.CaptureFixture[str]) -> None:
    curve = ChannelResponse([10.0, 24000.0], [0.0, 0.0], u_db=0.1)
    reference = new_response("r", "P", "FS", "relative", {"mono": curve}, normalised_at=1000.0)
    save_response("reference.json", reference)
    named = ["--reference", "no.json", "--reference-response", "reference.json"]
    assert main([*ONCE, "--device", "sim:lab", *named, "--out", "mic.json"]) == 5
    assert "no.json" in capsys.readouterr().err
    assert not Path("mic.wav").exists()


def test_noise_gives_exit_code_4(capsys: pytest.CaptureFixture[str]) -> None:
    command = [*ONCE, "--device", "sim:lab,noise=30", "--level", "-50", "--out", "x.json"]
    assert main(command) == 4
    needed = "at least 20 dB are needed; raise the level"
    assert needed in capsys.readouterr().err
    assert main(["response", "show", "x.json"]) == 0
    assert needed in capsys.readouterr().out
    assert load_response("x.json").valid[1] < 20000.0  # white noise, and a pink sweep


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--seatings 3 --out x.json", "--seatings needs --ears"),
        ("--ears e.json --max-level 70 --out x.json", "--max-level needs --output-calibration"),
        ("--out x.csv", "written as .json"),
        ("--reference a.json --out x.json", "belong together"),
        ("--ears e.json --reference a.json --out x.json", "give one"),
        ("--sweep long --out x.json", "sweep='long'"),
        ("--low 5000 --out x.json", "low='5000'"),
    ],
)
def test_what_does_not_fit_is_refused(
    words: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["response", "measure", "--device", "sim:lab", *words.split()]) == 2
    assert message in capsys.readouterr().err
