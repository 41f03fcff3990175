"""A protocol of one's own, as CONTRIBUTING.md describes it: stopped, resumed, and complete."""

from pathlib import Path

import pytest

import soundcal
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import ProtocolAborted
from soundcal.files.session import Session
from soundcal.lab import protocol
from soundcal.lab.operator import SimulatedOperator

SOURCE = '''"""Calibrate both ears, then record three stimuli at one gain."""

from functools import partial

from soundcal.arrays import Samples
from soundcal.files.session import ExitStatus
from soundcal.lab import steps
from soundcal.lab.protocol import Bench, Setting
from soundcal.stimuli import Stimulus
from soundcal.takes.against_stimulus import judge_played
from soundcal.units import energetic_mean, from_db

SETTINGS = {
    **steps.DEVICE,
    **steps.CALIBRATOR,
    **steps.STIMULI,
    "weighting": steps.SEARCH["weighting"],
    "stimuli": Setting("N1,W01,W06", "", "ids of the stimuli, separated by commas"),
    "gain": Setting(-20.0, "dB", "of all stimuli", -100.0, 0.0),
}

check = steps.check


def run(bench: Bench) -> ExitStatus:
    bench.step("calibrator on the ears", partial(steps.calibrate_ears, bench, "calibration_before"))
    steps.with_headphones_on(bench, record)
    return "done"


def record(bench: Bench, stimulus: Stimulus, samples: Samples) -> None:
    gain = bench.number("gain")
    ears = steps.ears_of(bench)
    take = ears.take(samples * from_db(gain))
    found = steps.Found("calibration_before", gain, {"level": energetic_mean(ears.levels(take))})
    steps.keep_take(bench, stimulus, "fixed", take, found, judge_played(take, samples))
'''


def test_it_goes_on_after_an_abort(tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(SOURCE, encoding="utf-8")
    folder = tmp_path / "session"

    def stop(text: str) -> None:
        if text == "stimulus W01, 2 of 3":
            raise ProtocolAborted("enough")

    own = protocol.load(str(mine))
    changes = {"duration": "1", "insertions": "1", "point": "ERP"}
    with SimulatedLab("lab", fs=8000) as lab, pytest.raises(ProtocolAborted):
        protocol.run(own, lab, SimulatedOperator(lab, stop), folder, changes=changes)
    assert [path.name for path in folder.glob("*.wav")] == ["rec-N1_fixed_run-1.wav"]
    with SimulatedLab("lab", fs=8000) as lab:
        protocol.run(own, lab, SimulatedOperator(lab), folder, resume=True)
    session = Session(folder)
    assert session.exit_status == "done"
    kept = [session.path(f"rec-{name}_fixed_run-1.wav") for name in ("N1", "W01", "W06")]
    assert all(path.is_file() for path in kept)
    assert sorted(folder.glob("*.wav")) == sorted(kept)
    assert {soundcal.read(path).point for path in kept} == {"ERP"}


def test_a_session_begun_without_a_reference_point_goes_on_without_it(tmp_path: Path) -> None:
    mine, folder = tmp_path / "mine.py", tmp_path / "session"
    older = SOURCE.replace("    **steps.CALIBRATOR,", "    **OLDER,").replace(
        "SETTINGS =",
        'OLDER = {k: s for k, s in steps.CALIBRATOR.items() if k != "point"}\nSETTINGS =',
    )
    changes = {"duration": "1", "insertions": "1", "stimuli": "N1"}

    def stop(text: str) -> None:
        raise ProtocolAborted("enough")

    mine.write_text(older, encoding="utf-8")
    own = protocol.load(str(mine))
    with SimulatedLab("lab", fs=8000) as lab, pytest.raises(ProtocolAborted):
        protocol.run(own, lab, SimulatedOperator(lab, stop), folder, changes=changes)
    mine.write_text(SOURCE, encoding="utf-8")
    own = protocol.load(str(mine))
    with SimulatedLab("lab", fs=8000) as lab:
        protocol.run(own, lab, SimulatedOperator(lab), folder, resume=True)
    assert soundcal.read(folder / "rec-N1_fixed_run-1.wav").point == ""
