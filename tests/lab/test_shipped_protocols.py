"""The protocols that come with soundcal, run on the simulated lab as a technician would."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from soundcal import stimuli
from soundcal.agreement import bland_altman
from soundcal.cli import main
from soundcal.cli.operators import operator_for
from soundcal.devices import open_device
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import ParameterError, ProtocolAborted
from soundcal.files.calibrations import load_calibration
from soundcal.files.records import read_json, write_json
from soundcal.files.session import Session
from soundcal.lab import protocol
from soundcal.lab.gains import SCHEMA as GAINS_SCHEMA
from soundcal.lab.gains import playing_order
from soundcal.units import db, energetic_mean, from_db, pascal_to_level

THREE = {"stimuli": "CG01,N1,W06", "duration": "1"}
TWICE = {"insertions": "2"}
SHEET = {"impedance": "16", "sensitivity": "96", "sensitivity_per": "mW", "headphone": "closed-16"}


def go(name: str, folder: Path, device: str = "sim:onboard+closed-16", **changes: str) -> Session:
    with open_device(device, seed=3, calibrating=True) as lab:
        return protocol.run(protocol.load(name), lab, operator_for(lab), folder, changes=changes)


def test_list_and_show_tell_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["protocol", "list"]) == 0
    listed = capsys.readouterr().out
    for name in protocol.shipped_names():
        assert name in listed
        assert main(["protocol", "show", name]) == 0
        sheet = capsys.readouterr().out
        assert all(word in sheet for word in ("Needs", "Steps", "Accepted", "Settings"))
        assert str(protocol.find_protocol(name)) in sheet


def test_microphone_check_finds_the_ears(tmp_path: Path) -> None:
    session = go("microphone_check", tmp_path / "s", insertions="3")
    assert session.exit_status == "done"
    calibration = load_calibration(tmp_path / "s" / "calibration_before.json")
    with open_device("sim:onboard+closed-16", seed=3) as lab:
        truth = cast(SimulatedLab, lab).truth
    assert calibration.point == ""  # ears of a HATS or two microphones
    for ear, true in zip(("left", "right"), truth.ear_pa_per_fs, strict=True):
        expanded, _ = calibration.chain(ear).expanded()
        assert abs(db(calibration.sensitivity(ear) / true)) < expanded


def test_ocv_and_hats_leave_gains_and_a_session_can_be_listened_to(tmp_path: Path) -> None:
    ocv = go("ocv_headphones", tmp_path / "ocv", **THREE | SHEET)
    hats = go("hats_headphones", tmp_path / "hats", **THREE | TWICE)
    assert ocv.exit_status == hats.exit_status == "done"
    by_ocv = read_json(tmp_path / "ocv" / "gains_ocv.json", GAINS_SCHEMA)["gains"]
    by_hats = read_json(tmp_path / "hats" / "gains_hats.json", GAINS_SCHEMA)["gains"]
    assert [row["stimulus"] for row in by_ocv] == [row["stimulus"] for row in by_hats]
    assert (tmp_path / "hats" / "gains_hats.csv").read_text().count("\n") == 4
    listening = go(
        "listening_session",
        tmp_path / "listen",
        gains=str(tmp_path / "hats" / "gains_hats.json"),
        participant="P01",
        pause="600",  # silence of the simulated lab: no time at all
        duration="1",
    )
    played = listening.events("presentation")
    assert sorted(e["stimulus"] for e in played) == sorted(row["stimulus"] for row in by_hats)
    assert all(e["n_samples"] == 48000 for e in played)


def test_a_listening_session_needs_something_to_play(tmp_path: Path) -> None:
    table = tmp_path / "gains_hats.json"
    rows = [{"stimulus": "CG01", "target": 65.0, "gain_db": None}]
    write_json(table, GAINS_SCHEMA, {"gains": rows})
    with pytest.raises(ParameterError, match="no stimulus has a gain"):
        go("listening_session", tmp_path / "s", gains=str(table), participant="P01")


def test_a_listening_order_belongs_to_its_participant() -> None:
    rows = [{"stimulus": f"S{i:02}", "gain_db": 0.0} for i in range(27)]

    def names(participant: str, seed: int) -> list[str]:
        return [row["stimulus"] for row in playing_order(rows, participant, seed)]

    assert names("P01", 0) == names("P01", 0)
    assert len({tuple(names(p, s)) for p in ("P01", "P02") for s in (0, 1)}) == 4


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("ocv_headphones", {}, "needs the setting impedance .*data sheet"),
        ("ocv_headphones", SHEET | {"impedance": "nan"}, "impedance='nan' .*: a finite number"),
        ("ocv_headphones", SHEET | {"impedance": "-8"}, "impedance -8.0 ohm; 1 to 10000 ohm"),
        ("ocv_headphones", SHEET | {"sensitivity_per": "W"}, "'W': V or mW expected"),
        ("compare_methods", SHEET | {"stimuli": "CG01,XX"}, "no stimulus 'XX'"),
        ("compare_methods", SHEET | {"indicators": "LA,QQ"}, "'QQ'"),
        (
            "hats_headphones",
            {"duration": "-1"},
            "duration='-1' .in s.: at least 0.1 and at most 3600",
        ),
        ("hats_headphones", {"weighting": "Q"}, "'Q': A or C or Z expected"),
        ("hats_headphones", {"tolerance": "0"}, "tolerance='0' .in dB.: at least 0.001"),
        ("microphone_check", {"tone_duration": "5"}, "tone_duration='5' .in s.: at least 10"),
        ("microphone_check", {"insertions": "0"}, "insertions='0': at least 1"),
        ("microphone_check", {"insertions": "2.5"}, "'2.5': a whole number expected"),
        ("microphone_check", {"inputs": "1,9"}, "inputs=1,9: .* has inputs 1 to 4"),
        ("microphone_check", {"inputs": "2,2"}, "two different channels"),
        ("headphone_response", {"point": "ID"}, "point=ID: .* to the ear drum"),
        ("compare_methods", SHEET | {"methods": "eq", "point": "FF"}, "point=FF: .* ear drum"),
        ("listening_session", {"gains": "gains.json"}, "needs the setting participant"),
        ("listening_session", {"gains": "", "participant": "P01"}, "table of gains.* expected"),
    ],
)
def test_wrong_settings_are_refused_before_anybody_acts(
    tmp_path: Path, name: str, changes: dict[str, str], message: str
) -> None:
    with pytest.raises(ParameterError, match=message):
        go(name, tmp_path / "s", **changes)
    assert not (tmp_path / "s").exists()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "s"
    go("compare_methods", folder, **THREE | TWICE | SHEET, indicators="LA,LC")
    return folder


def test_compare_methods_leaves_everything_a_report_needs(study: Path) -> None:
    session = Session(study)
    assert session.exit_status == "done"
    session.verify()
    for name in ("indicators.csv", "agreement.csv", "report.html"):
        assert (study / "derivatives" / name).stat().st_size > 0
    for stimulus in ("CG01", "N1", "W06"):
        for condition in ("in-situ", "ocv", "hats"):
            record = json.loads((study / f"rec-{stimulus}_{condition}_run-1.json").read_text())
            assert record["condition"] == condition
            assert (study / record["calibration_file"]).is_file()


def test_search_meets_every_target(study: Path) -> None:
    for path in study.glob("rec-*_hats_run-1.json"):
        record = json.loads(path.read_text())
        assert abs(record["search"]["level"] - record["target"]) <= 0.1


class Watched:
    """The simulated lab's operator, with something else to do when a step begins."""

    def __init__(self, lab: Any, step: str, then: Callable[[], None]) -> None:
        self.operator, self.step, self.then = operator_for(lab), step, then

    def __getattr__(self, name: str) -> Any:
        return getattr(self.operator, name)

    def tell(self, text: str) -> None:
        if text.split(",")[0] == self.step:
            self.then()


def press_ctrl_c() -> None:
    raise KeyboardInterrupt


def test_an_interrupted_study_goes_on_where_it_stopped(tmp_path: Path) -> None:
    folder = tmp_path / "s"
    changes = THREE | TWICE | SHEET | {"report": "no"}
    loaded = protocol.load("compare_methods")
    with open_device("sim:onboard+closed-16", seed=3) as lab:
        operator = Watched(lab, "stimulus N1", press_ctrl_c)
        with pytest.raises(ProtocolAborted):
            protocol.run(loaded, lab, operator, folder, changes=changes)
    before = {path.name: path.stat().st_mtime_ns for path in folder.glob("rec-CG01*")}
    with open_device("sim:onboard+closed-16", seed=3) as lab:
        session = protocol.run(loaded, lab, operator_for(lab), folder, resume=True)
    assert session.exit_status == "done"
    assert before == {path.name: path.stat().st_mtime_ns for path in folder.glob("rec-CG01*")}
    assert len(list(folder.glob("rec-*.wav"))) == 9


def measured_ocv_levels(folder: Path) -> dict[str, float]:
    records = [json.loads(path.read_text()) for path in folder.glob("rec-*_ocv_run-1.json")]
    return {record["stimulus"]: record["search"]["level"] for record in records}


def test_without_load_spread_and_response_ocv_is_right(tmp_path: Path) -> None:
    device = "sim:onboard+closed-16,output_impedance=0,spread=0,response=0,noise=0"
    go("compare_methods", tmp_path / "s", device, **THREE | TWICE | SHEET, report="no")
    catalogue = stimuli.load_catalogue()
    for name, level in measured_ocv_levels(tmp_path / "s").items():
        # what is left: the data sheet's rounding and the voltmeter's last digit
        assert level == pytest.approx(catalogue[name].level, abs=0.05)


SCENES = tuple(scene.id for scene in stimuli.scenes(stimuli.load_catalogue()))


@pytest.mark.parametrize("names", [SCENES[::6], pytest.param(SCENES, marks=pytest.mark.long)])
def test_the_bias_of_ocv_is_the_one_that_physics_implies(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    """Load, response and unit, integrated over each scene's A-weighted spectrum, give the bias."""
    changes = SHEET | TWICE | {"duration": "1", "report": "no", "stimuli": ",".join(names)}
    loaded = protocol.load("compare_methods")
    seated: list[Any] = []
    with open_device("sim:onboard+closed-16", seed=5) as lab:
        # the truth of the lab while the headphones sit as they do during the recordings
        operator = Watched(
            lab, f"stimulus {names[0]}", lambda: seated.append(cast(SimulatedLab, lab).truth)
        )
        protocol.run(loaded, lab, operator, tmp_path / "s", changes=changes)
    implied = {}
    for path in (tmp_path / "s").glob("rec-*_ocv_run-1.json"):
        record = json.loads(path.read_text())
        stimulus = stimuli.load_catalogue()[record["stimulus"]]
        samples = stimuli.render(stimulus, fs=48000, duration=1.0)
        implied[stimulus.id] = ear_level(seated[0], samples * from_db(record["gain_db"]))
    measured = measured_ocv_levels(tmp_path / "s")
    assert measured.keys() == set(names)
    targets = np.array([stimuli.load_catalogue()[name].level for name in names])
    found = bland_altman(targets, np.array([measured[name] for name in names]))
    expected = float(np.mean(targets - np.array([implied[name] for name in names])))
    assert abs(expected) > 1.0  # the effect is there to be found
    assert found.bias_ci[0] <= expected <= found.bias_ci[1]


def ear_level(truth: Any, samples: np.ndarray) -> float:
    """LAeq at the ears from the spectrum of the samples and the lab's true transfer functions."""
    f = np.fft.rfftfreq(samples.shape[1], 1 / 48000)
    exact = a_weighting(f)
    levels = []
    for ear, channel in zip(("left", "right"), samples, strict=True):
        gain = np.abs(truth.transfer(ear, f)) * exact
        power = np.abs(np.fft.rfft(channel)) ** 2
        power[1:-1] *= 2
        levels.append(pascal_to_level(float(np.sqrt((power * gain**2).sum()) / samples.shape[1])))
    return energetic_mean(levels)


def a_weighting(f: np.ndarray) -> np.ndarray:
    """IEC 61672-1:2013, Annex E, as a linear factor."""

    def response(f: np.ndarray) -> np.ndarray:
        f1, f2, f3, f4 = 20.598997, 107.65265, 737.86223, 12194.217
        return f4**2 * f**4 / ((f**2 + f1**2) * np.hypot(f, f2) * np.hypot(f, f3) * (f**2 + f4**2))

    return np.asarray(response(f) / response(np.array([1000.0])))
