"""Insertions of the sound calibrator: each is judged before the next, whoever makes them."""

from pathlib import Path

import pytest

from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import ParameterError, ToneNotFound
from soundcal.files.session import Session
from soundcal.lab import protocol
from soundcal.lab.calibrator import calibrate_ears, record_insertions
from soundcal.lab.operator import PreparedOperator, SimulatedOperator

FS = 8000


class Clumsy(SimulatedOperator):
    """Hands that put the calibrator on the ears of a list, "" for none, and count what they did."""

    def __init__(self, lab: SimulatedLab, *ears: str, patient: bool = False) -> None:
        super().__init__(lab)
        self.lab, self.ears, self.patient = lab, list(ears), patient
        self.insertions = 0
        self.reasons: list[str] = []

    def again(self, reason: str) -> bool:
        self.reasons.append(reason)
        return self.patient

    def attach_calibrator(self, ear: str, level: float, frequency: float) -> None:
        self.insertions += 1
        where = self.ears.pop(0) if self.ears else ear
        if where:
            self.lab.attach_calibrator(where, level, frequency)


def test_a_calibrator_forgotten_at_the_first_insertion_ends_a_protocol_there(
    tmp_path: Path,
) -> None:
    with SimulatedLab("lab", fs=FS) as lab:
        hands = Clumsy(lab, "")
        with pytest.raises(ToneNotFound, match="left: no tone"):
            protocol.run(protocol.load("microphone_check"), lab, hands, tmp_path / "s")
    assert hands.insertions == 1
    assert Session(tmp_path / "s").exit_status == "failed"


def test_a_protocol_repeats_an_insertion_if_its_operator_does(tmp_path: Path) -> None:
    with SimulatedLab("lab", fs=FS) as lab:
        hands = Clumsy(lab, "", "left", "right", patient=True)
        session = protocol.run(protocol.load("microphone_check"), lab, hands, tmp_path / "s")
    assert session.exit_status == "done"
    assert hands.insertions == 3 + 3 + 2
    forgotten, wrong_ear = hands.reasons
    assert "left: no tone" in forgotten
    assert "left: the tone is on channel right" in wrong_ear


def test_takes_that_were_refused_are_not_kept() -> None:
    with SimulatedLab("lab", fs=FS) as lab:
        hands = Clumsy(lab, "right", "left", "left", patient=True)
        takes = record_insertions(lab, hands, ears=("left",), insertions=2)
    assert (len(takes["left"]), hands.insertions) == (2, 3)


def test_a_script_is_stopped_by_a_take_that_is_refused() -> None:
    with SimulatedLab("lab", fs=FS) as lab, pytest.raises(ToneNotFound, match="no tone"):
        record_insertions(lab, PreparedOperator(), insertions=1)


def test_ears_are_calibrated_in_one_call() -> None:
    with SimulatedLab("lab", fs=FS) as lab:
        found = calibrate_ears(lab, SimulatedOperator(lab), ears=("right",), insertions=1)
        assert found.sensitivity("right") == pytest.approx(lab.truth.ear_pa_per_fs[1], rel=0.05)
        assert (found.channels, found.device) == (("right",), lab.info.identity)


@pytest.mark.parametrize(
    ("how", "message"),
    [({"insertions": 0}, "0 insertions"), ({"inputs": (1, 2, 3)}, "3 input channels")],
)
def test_impossible_insertions_are_refused_before_anybody_acts(
    how: dict[str, int], message: str
) -> None:
    with SimulatedLab("lab", fs=FS) as lab:
        hands = Clumsy(lab)
        with pytest.raises(ParameterError, match=message):
            record_insertions(lab, hands, **how)
        assert hands.insertions == 0
