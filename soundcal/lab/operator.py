"""Operators: who does in the laboratory what a computer cannot.

The simulated lab has hands of its own; a script says beforehand that everything is in place. The
person at the terminal is :class:`soundcal.cli.operators.TerminalOperator`.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Protocol

from soundcal.errors import ParameterError

if TYPE_CHECKING:
    from soundcal.devices.simulated.lab import SimulatedLab

__all__ = ["Operator", "PreparedOperator", "SimulatedOperator", "Tell"]

Tell = Callable[[str], None]
"""Takes a line of text about the progress of the work."""


class Operator(Protocol):
    """Whoever acts in the lab: a person at the terminal, or the simulated lab's own hands.

    Every method returns when the thing is done and raises :class:`ProtocolAborted` if the operator
    gives up.
    """

    def tell(self, text: str) -> None:
        """Say how the work goes on."""
        ...

    def again(self, reason: str) -> bool:
        """Return whether a refused take is to be recorded once more.

        ``reason`` names the fault and its remedy. An operator who cannot remedy anything returns
        False; the procedure then raises the error that refused the take.
        """
        ...

    def attach_calibrator(self, ear: str, level: float, frequency: float) -> None:
        """Put the sound calibrator on an ear; level in dB re 20 µPa, frequency in Hz."""
        ...

    def remove_calibrator(self) -> None:
        """Take the sound calibrator off."""
        ...

    def seat_headphones(self) -> None:
        """Put the headphones on the simulator's ears, afresh."""
        ...

    def remove_headphones(self) -> None:
        """Unplug the headphones, so that the output is unloaded."""
        ...

    def read_voltmeter(self, channel: str) -> float:
        """Read the true-rms voltage of an output channel in V."""
        ...


def _silent(text: str) -> None:
    """Drop a line of text."""


class SimulatedOperator:
    """The simulated lab's own hands.

    Parameters
    ----------
    lab : SimulatedLab
        The lab.
    tell : callable, optional
        Takes what is said on the way; by default nobody listens.
    """

    def __init__(self, lab: "SimulatedLab", tell: Tell = _silent) -> None:
        self._lab = lab
        self._tell = tell

    def tell(self, text: str) -> None:
        """Say how the work goes on."""
        self._tell(text)

    def again(self, reason: str) -> bool:
        """Return False: these hands would do the same again."""
        return False

    def attach_calibrator(self, ear: str, level: float, frequency: float) -> None:
        """Put the sound calibrator on an ear."""
        self._lab.attach_calibrator(ear, level, frequency)

    def remove_calibrator(self) -> None:
        """Take the sound calibrator off."""
        self._lab.remove_calibrator()

    def seat_headphones(self) -> None:
        """Put the headphones on afresh."""
        self._lab.seat_headphones()

    def remove_headphones(self) -> None:
        """Unplug the headphones."""
        self._lab.remove_headphones()

    def read_voltmeter(self, channel: str) -> float:
        """Read the simulated voltmeter, in V."""
        return self._lab.read_voltmeter(channel)


class PreparedOperator:
    """Somebody who has put everything in place beforehand, for scripts.

    Parameters
    ----------
    voltages : mapping of str to float, optional
        What the voltmeter shows per output channel, in V.
    tell : callable, optional
        Takes what is said on the way; by default nobody listens.
    """

    def __init__(self, voltages: Mapping[str, float] | None = None, tell: Tell = _silent) -> None:
        self._voltages = dict(voltages or {})
        self._tell = tell

    def tell(self, text: str) -> None:
        """Say how the work goes on."""
        self._tell(text)

    def again(self, reason: str) -> bool:
        """Return False: nobody is there to remedy a fault."""
        return False

    def attach_calibrator(self, ear: str, level: float, frequency: float) -> None:
        """Take it as done."""
        self._tell(f"taken as done: {level:g} dB, {frequency:g} Hz on the {ear} ear")

    def remove_calibrator(self) -> None:
        """Take it as done."""
        self._tell("taken as done: calibrator off")

    def seat_headphones(self) -> None:
        """Take it as done."""
        self._tell("taken as done: headphones on the simulator")

    def remove_headphones(self) -> None:
        """Take it as done."""
        self._tell("taken as done: headphones unplugged")

    def read_voltmeter(self, channel: str) -> float:
        """Return the voltage given beforehand, in V."""
        if channel not in self._voltages:
            raise ParameterError(f"no voltage given for {channel}; state it beforehand")
        return self._voltages[channel]
