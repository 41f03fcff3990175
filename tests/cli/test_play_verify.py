"""``soundcal play --verify``: what was meant, and what the ears got."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.calibration.model import Chain, Link, new_calibration
from soundcal.cli import main
from soundcal.devices import open_device
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration, save_calibration
from soundcal.files.recordings import RecordingRecord, record_beside
from soundcal.indicators import band_levels, leq
from soundcal.lab.play import HeardLevel, LevelAtEars
from soundcal.recording import EQUALISED_BEFORE
from soundcal.response import ChannelResponse, load_response, new_response, save_response
from soundcal.stimuli import file_flags, load_catalogue
from soundcal.units import db, from_db

FS = 48000
Capsys = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a stimulus and calibrations of the simulated lab."""
    folder = tmp_path_factory.mktemp("lab")
    noise = 0.03 * np.random.default_rng(0).standard_normal((2, 2 * FS))
    audio.write(folder / "x.wav", noise, FS, subtype="FLOAT")
    for method in ("calibrator", "ocv"):
        command = f"calibrate --method {method} --device sim:lab --out {folder / method}.json"
        assert main(command.split()) == 0
    return folder


def played(lab: Path, capsys: Capsys, *options: str) -> tuple[int, dict[str, Any], str]:
    capsys.readouterr()
    words = ["play", str(lab / "x.wav"), "--device", "sim:lab", "--json", *options]
    code = main(words)
    out, err = capsys.readouterr()
    return code, json.loads(out) if out else {}, err


def test_what_was_meant_and_what_the_ears_got(lab: Path, tmp_path: Path, capsys: Capsys) -> None:
    take = tmp_path / "take.wav"
    ears, ocv = str(lab / "calibrator.json"), str(lab / "ocv.json")
    options = ["--level", "65", "--calibration", ocv, "--record", str(take), "--verify", ears]
    code, found, said = played(lab, capsys, *options)
    heard = found["ears"]
    assert code == 0
    assert heard["deviation_db"] == pytest.approx(heard["mean"] - 65.0)
    chain = max((load_calibration(ocv).chain(e) for e in ("left", "right")), key=lambda c: c.u_db)
    u_meant, (expanded, k) = chain.u_db, chain.expanded()
    assert heard["u_deviation_db"] == pytest.approx(np.hypot(heard["u_mean_db"], u_meant))
    assert "the ears got: left" in said
    assert f"65.0 dB(A) ± {expanded:.1f} dB at the ears (95 %, k = {k:.2f})" in said
    assert main(["measure", str(take), "--indicators", "LAeq", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["channel"]: row["value"] for row in rows} == pytest.approx(heard["levels"])
    record = record_beside(take, needed=True)
    assert record.calibration == load_calibration(ears).id
    assert {check.verdict for check in record.checks} == {"pass"}
    assert audio.info(take).n_samples == 2 * FS


def test_a_wrong_calibration_of_the_output_is_found(
    lab: Path, tmp_path: Path, capsys: Capsys
) -> None:
    with open_device("sim:lab") as device:
        identity = device.info.identity
    chains = {ear: Chain((Link("wrong", 40.0, 0.1),)) for ear in ("left", "right")}
    wrong = tmp_path / "wrong.json"
    save_calibration(wrong, new_calibration("stated", "output", chains, device=identity))
    options = ["--level", "65", "--calibration", str(wrong)]
    code, found, said = played(lab, capsys, *options, "--verify", str(lab / "calibrator.json"))
    assert code == 4
    assert not found["ears"]["within"]
    assert "beyond the expanded uncertainty" in said


def test_a_gain_is_verified_without_a_target(lab: Path, capsys: Capsys) -> None:
    ears = str(lab / "calibrator.json")
    code, found, _ = played(lab, capsys, "--gain-db", "-20", "--verify", ears)
    _, louder, _ = played(lab, capsys, "--gain-db", "-10", "--verify", ears)
    assert code == 0
    assert "within" not in found["ears"]
    assert louder["ears"]["mean"] - found["ears"]["mean"] == pytest.approx(10.0, abs=0.2)


def test_a_recording_is_not_replaced(lab: Path, tmp_path: Path, capsys: Capsys) -> None:
    take = tmp_path / "take.wav"
    take.write_bytes(b"mine")
    code, _, said = played(lab, capsys, "--record", str(take))
    assert code == 5
    assert "already exists" in said
    assert take.read_bytes() == b"mine"
    code, found, _ = played(lab, capsys, "--record", str(take), "--force")
    assert (code, found["recording"]) == (0, str(take))
    assert record_beside(take, needed=True).calibration is None


def test_the_calibration_must_be_of_the_ears(lab: Path, capsys: Capsys) -> None:
    code, _, said = played(lab, capsys, "--verify", str(lab / "ocv.json"))
    assert code == 2
    assert "calibrates the output" in said


def test_few_degrees_of_freedom_make_the_uncertainty_larger() -> None:
    chains = {ear: Chain((Link("scenes", -20.0, 1.0, dof=3.0),)) for ear in ("left", "right")}
    meant = LevelAtEars(65.0, new_calibration("hats", "output", chains), "A")
    heard = HeardLevel({"left": 65.0, "right": 65.0}, {"left": 0.0, "right": 0.0}, "A")
    assert meant.expanded == pytest.approx((3.182, 3.182), abs=0.001)
    assert heard.expanded_deviation(meant) == pytest.approx((3.182, 3.182), abs=0.001)
    few = HeardLevel(heard.levels, {"left": 0.1, "right": 0.1}, "A", {"left": 4.0, "right": 40.0})
    assert few.expanded == pytest.approx({"left": 0.278, "right": 0.202}, abs=0.001)
    assert few.expanded_mean == pytest.approx((0.278, 2.776), abs=0.001)


@pytest.mark.parametrize(
    ("left", "right", "mean", "u_mean"),
    [
        (60.0, 60.0, 60.0, 0.2),
        (60.0, -np.inf, 60.0 - 10 * np.log10(2), 0.1),
        (-np.inf, -np.inf, -np.inf, 0.3),
    ],
)
def test_the_mean_of_the_ears_and_its_uncertainty(
    left: float, right: float, mean: float, u_mean: float
) -> None:
    heard = HeardLevel({"left": left, "right": right}, {"left": 0.1, "right": 0.3}, "A")
    assert heard.mean == pytest.approx(mean)
    assert heard.u_mean_db == pytest.approx(u_mean)
    assert json.loads(json.dumps(heard.to_dict()))["levels"]["left"] == (
        left if np.isfinite(left) else None
    )


@pytest.fixture(scope="module")
def headphones(lab: Path) -> str:
    """Return the file of the response of the simulated headphones, as they are."""
    f = np.geomspace(20.0, 20000.0, 600)
    device = open_device("sim:lab")
    assert isinstance(device, SimulatedLab)
    with device as opened:
        truth = opened.truth
        curves = {
            ear: ChannelResponse(f, db(np.abs(truth.transfer(ear, f))), u_db=0.1)
            for ear in ("left", "right")
        }
    save_response(lab / "headphones.json", new_response("H", "FS", "DRP", "absolute", curves))
    return str(lab / "headphones.json")


def test_headphones_are_made_flat(
    lab: Path, headphones: str, tmp_path: Path, capsys: Capsys
) -> None:
    """The ears get the spectrum of the file; what the filters ring is played, but not measured."""
    take, x = tmp_path / "take.wav", tmp_path / "x.wav"
    spectrum = np.fft.rfft(np.random.default_rng(3).standard_normal((2, 2 * FS)))
    spectrum[:, 10000 * 2 :] = 0.0  # what lies above 16 kHz would not be made flat
    audio.write(x, 0.03 * np.fft.irfft(spectrum), FS, subtype="FLOAT")
    ears, ocv = str(lab / "calibrator.json"), str(lab / "ocv.json")
    wanted = ["--level", "65", "--calibration", ocv, "--record", str(take), "--verify", ears]
    code, found, said = played(tmp_path, capsys, *wanted, "--equalize", headphones)
    assert code == 0, said
    assert found["n_samples"] == 2 * FS + 8191
    assert "equalised: response FS-FS-" in said
    assert found["equalisation"]["direction"] == "embed"
    curve = load_response(headphones)
    kept = RecordingRecord.read(take.with_suffix(".json")).playback_equalisation
    assert list(kept) == [found["equalisation"]]  # the take alone tells how it was made
    assert kept[0]["of"] == [curve.identity]
    assert kept[0]["settings"] == {
        "phase": "minimum",
        "taps": 8192,
        "fixed_at_hz": 1000.0,
        "rule": "mean",
        "boost_db": 12.0,
        "target": "flat",
        "range_hz": [40.0, 16000.0],
        "smoothing": "1/24 octave",
    }
    again = ["play", str(take), "--device", "sim:lab", "--gain-db", "-40"]
    for options, doubted in (([], False), (["--equalize", headphones], True)):
        assert main([*again, *options]) == 0
        told = "take.wav was recorded while inverse of H equalised what was played" in (
            capsys.readouterr().err
        )
        assert told == doubted
    rain = load_catalogue()["W06"]
    sound = replace(rain, kind="file", parameters={"path": "take.wav"}, folder=tmp_path)
    assert EQUALISED_BEFORE in [flag.kind for flag in file_flags(sound, equalised=True)]
    assert EQUALISED_BEFORE not in [flag.kind for flag in file_flags(sound)]
    file = audio.read(x).samples
    for ear, samples in zip(("left", "right"), file, strict=True):
        at_1_khz = found["gain_db"] + float(curve.channel(ear).level(1000.0))
        expected = leq(samples * from_db(at_1_khz), FS, weighting="A").value
        assert found["ears"]["levels"][ear] == pytest.approx(expected, abs=0.3)
    spectra = [audio.read(path).samples[:, : 2 * FS] for path in (x, take)]
    bands = [f"{f}" for f in (125, 500, 1000, 2000, 4000, 8000)]
    levels = [
        np.array([band_levels(x, FS, fraction=1).statistics[band] for band in bands])
        for x in spectra
    ]
    change = levels[1] - levels[0]
    assert np.ptp(change, axis=0).max() < 0.3


def test_equalised_samples_are_never_clipped(lab: Path, headphones: str, capsys: Capsys) -> None:
    loud = ["--equalize", headphones, "--gain-db", "18"]
    code, _, said = played(lab, capsys, *loud)
    assert code == 5
    assert re.search(r"x.wav would clip: the equalised .* \d+\.\d\d dB of headroom", said)
    code, _, said = played(lab, capsys, "--equalize", "generic-df")
    assert code == 2
    assert "leads from DF to DRP; that of headphones (FS to DRP)" in said
