"""Operators: the person at the terminal, the simulated lab's hands, the script."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from soundcal.calibration.tone import sine
from soundcal.cli.calibrating import record_tones
from soundcal.cli.operators import (
    PreparedOperator,
    SimulatedOperator,
    TerminalOperator,
    operator_for,
)
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import ParameterError, ProtocolAborted, ToneNotFound


@contextmanager
def typed(monkeypatch: pytest.MonkeyPatch, text: str) -> Iterator[None]:
    """A terminal at which a text has been typed."""
    pty = pytest.importorskip("pty", reason="no pseudo-terminals on this system")
    master, slave = pty.openpty()
    with os.fdopen(master, "wb", buffering=0) as keyboard, os.fdopen(slave) as stdin:
        monkeypatch.setattr(sys, "stdin", stdin)
        keyboard.write(text.encode())
        yield


def test_a_person_is_asked_and_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with typed(monkeypatch, "\n\n0,1234 V\n"):
        person = TerminalOperator()
        person.attach_calibrator("left", 94.0, 1000.0)
        person.remove_headphones()
        assert person.read_voltmeter("left") == pytest.approx(0.1234)
    shown = capsys.readouterr()
    assert "on the left ear and switch it on (94 dB, 1000 Hz)" in shown.err
    assert shown.out == ""


def test_what_is_no_number_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with typed(monkeypatch, "much\n1e-2\n"):
        assert TerminalOperator().read_voltmeter("right") == 0.01
    assert "'much' is no number" in capsys.readouterr().err


@pytest.mark.parametrize("keys", ["q\n", "stop\n", "\x04"])
def test_a_person_can_give_up(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    with typed(monkeypatch, keys), pytest.raises(ProtocolAborted, match="at: Plug the headphones"):
        TerminalOperator().seat_headphones()


def test_nobody_is_asked_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(ParameterError, match=r"stdin is not a terminal; give --voltage"):
            TerminalOperator(hint="give --voltage").read_voltmeter("left")


def test_the_level_is_shown_while_waiting(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with SimulatedLab("lab") as lab, typed(monkeypatch, "\n"):
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        lab.attach_calibrator("right")
        TerminalOperator(lab).attach_calibrator("right", 94.0, 1000.0)
    assert "right -" in capsys.readouterr().err


def test_the_simulated_lab_has_hands() -> None:
    said: list[str] = []
    with SimulatedLab("interface+open-300,noise=0,spread=0") as lab:
        hands = operator_for(lab)
        assert isinstance(hands, SimulatedOperator)
        SimulatedOperator(lab, said.append).tell("on")
        hands.remove_headphones()
        with lab.playing(sine(-20.0)[np.newaxis], outputs=(1,)):
            volts = hands.read_voltmeter("left")
        assert volts == pytest.approx(0.1 * np.sqrt(2.0) * lab.truth.v_fs[0], rel=1e-3)
        hands.attach_calibrator("left", 94.0, 1000.0)
        with pytest.raises(ParameterError, match="remove it before"):
            hands.seat_headphones()
        hands.remove_calibrator()
        hands.seat_headphones()
    assert said == ["on"]


def test_a_script_says_everything_beforehand() -> None:
    said: list[str] = []
    script = PreparedOperator({"left": 0.2}, said.append)
    script.attach_calibrator("left", 94.0, 1000.0)
    script.remove_calibrator()
    script.seat_headphones()
    script.remove_headphones()
    assert all(text.startswith("taken as done") for text in said)
    assert script.read_voltmeter("left") == 0.2
    with pytest.raises(ParameterError, match="no voltage given for right"):
        script.read_voltmeter("right")


class Clumsy(TerminalOperator):
    """A person who first puts the calibrator on the wrong ear."""

    def __init__(self, lab: SimulatedLab) -> None:
        super().__init__(lab)
        self.lab = lab
        self.ears = ["right", "left", "left"]

    def attach_calibrator(self, ear: str, level: float, frequency: float) -> None:
        self.lab.attach_calibrator(self.ears.pop(0), level, frequency)

    def remove_calibrator(self) -> None:
        self.lab.remove_calibrator()


def test_a_person_may_repeat_a_take_that_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with SimulatedLab("lab", fs=8000) as lab:
        person = Clumsy(lab)
        takes = record_tones(lab, person, ears=("left",), insertions=2)
    assert len(takes["left"]) == 2
    assert person.ears == []
    assert "not accepted: left: the tone is on channel right" in capsys.readouterr().err


def test_a_script_is_stopped_by_a_take_that_is_refused() -> None:
    with SimulatedLab("lab", fs=8000) as lab, pytest.raises(ToneNotFound, match="no tone"):
        record_tones(lab, PreparedOperator(), insertions=1)
