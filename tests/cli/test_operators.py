"""The operator at the terminal, and which operator belongs to a device."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import cast

import pytest

from soundcal.cli.operators import TerminalOperator, operator_for
from soundcal.devices import AudioDevice, DeviceInfo
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import ParameterError, ProtocolAborted
from soundcal.lab.operator import PreparedOperator, SimulatedOperator


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
    assert "'much' is not a number" in capsys.readouterr().err


@pytest.mark.parametrize("keys", ["q\n", "stop\n", "\x04"])
def test_a_person_can_give_up(monkeypatch: pytest.MonkeyPatch, keys: str) -> None:
    with (
        typed(monkeypatch, keys),
        pytest.raises(ProtocolAborted, match="at: Plug in the headphones"),
    ):
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


def test_a_person_decides_whether_a_take_is_recorded_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with typed(monkeypatch, "\nq\n"):
        assert TerminalOperator().again("no tone")
        with pytest.raises(ProtocolAborted, match="not accepted: clipped"):
            TerminalOperator().again("clipped")
    assert "not accepted: no tone\nRecord it again? [Enter: yes, q: stop]" in (
        capsys.readouterr().err
    )


def test_the_operator_belongs_to_the_device() -> None:
    with SimulatedLab("lab") as lab:
        assert isinstance(operator_for(lab), SimulatedOperator)
        assert isinstance(operator_for(lab, ready=True), SimulatedOperator)
    card = cast(AudioDevice, SimpleNamespace(info=DeviceInfo("card", "ALSA", 2, 2)))
    assert isinstance(operator_for(card), TerminalOperator)
    assert isinstance(operator_for(card, ready=True), PreparedOperator)
