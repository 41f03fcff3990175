"""``soundcal play --verify``: what was meant, and what the ears got."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.calibration.model import Chain, Link, new_calibration
from soundcal.cli import main
from soundcal.devices import open_device
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration, save_calibration
from soundcal.files.recordings import record_beside
from soundcal.lab.play import HeardLevel, LevelAtEars

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
