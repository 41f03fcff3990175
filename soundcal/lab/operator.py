"""Operators: they do in the laboratory what a computer cannot.

The simulated lab acts for itself; a script assumes that everything is already in place. The person
at the terminal is :class:`soundcal.cli.operators.TerminalOperator`.
"""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol

from soundcal.errors import ParameterError

if TYPE_CHECKING:
    from soundcal.devices.simulated.lab import SimulatedLab

__all__ = ["Operator", "PreparedOperator", "SimulatedOperator", "Tell", "telling"]

_TELL_EVERY_S: Final = 5.0

Tell = Callable[[str], None]
"""Takes a line of text about the progress of the work."""


class Operator(Protocol):
    """Interface of everybody who acts in the lab: a person, a script, or the simulated lab itself.

    Every method returns when its action is complete, and raises :class:`ProtocolAborted` if the
    operator gives up.
    """

    def tell(self, text: str) -> None:
        """Report the progress of the work."""
        ...

    def again(self, reason: str) -> bool:
        """Return True if a refused take is to be recorded again.

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
        """Put the headphones on the simulator's ears, as a new seating."""
        ...

    def remove_headphones(self) -> None:
        """Unplug the headphones, so that the output is unloaded."""
        ...

    def plug_headphones(self) -> None:
        """Plug the headphones in again."""
        ...

    def read_voltmeter(self, channel: str) -> float:
        """Read the true-rms voltage of an output channel in V."""
        ...

    def hear(self, ear: str) -> str:
        """Listen, and return where a noise is heard: ``left``, ``right``, ``both`` or ``nothing``.

        ``ear`` is the one that should hear it; a person is not told.
        """
        ...


def telling(operator: Operator, work: str, unit: str) -> Callable[[float, str, float], None]:
    """Return a callback that tells the operator every 5 s how much of some work is done.

    Examples
    --------
    >>> advance = telling(PreparedOperator(tell=print), "indicators", "recordings")
    >>> advance(1.0, "rec-N1.wav", 3.0)
    """
    last = time.monotonic()

    def advance(done: float, remark: str, total: float) -> None:
        nonlocal last
        if time.monotonic() - last >= _TELL_EVERY_S:
            last = time.monotonic()
            operator.tell(f"  {work}: {done:.0f} of {total:.0f} {unit}")

    return advance


def _silent(text: str) -> None:
    """Drop a line of text."""


class SimulatedOperator:
    """The operator of the simulated lab, who is part of the simulation.

    Parameters
    ----------
    lab : SimulatedLab
        The lab to act in.
    tell : callable, optional
        Takes the progress messages; by default they are dropped.
    """

    def __init__(self, lab: "SimulatedLab", tell: Tell = _silent) -> None:
        self._lab = lab
        self._tell = tell

    def tell(self, text: str) -> None:
        """Report the progress of the work."""
        self._tell(text)

    def again(self, reason: str) -> bool:
        """Return False: the simulated operator would repeat the same fault."""
        return False

    def attach_calibrator(self, ear: str, level: float, frequency: float) -> None:
        """Put the sound calibrator on an ear."""
        self._lab.attach_calibrator(ear, level, frequency)

    def remove_calibrator(self) -> None:
        """Take the sound calibrator off."""
        self._lab.remove_calibrator()

    def seat_headphones(self) -> None:
        """Put the headphones on, as a new seating."""
        self._lab.seat_headphones()

    def remove_headphones(self) -> None:
        """Unplug the headphones."""
        self._lab.remove_headphones()

    def plug_headphones(self) -> None:
        """Plug the headphones in, which puts them on the ears as well."""
        self._lab.seat_headphones()

    def read_voltmeter(self, channel: str) -> float:
        """Read the simulated voltmeter, in V."""
        return self._lab.read_voltmeter(channel)

    def hear(self, ear: str) -> str:
        """Listen with the ears of the simulated lab."""
        return self._lab.hear()


class PreparedOperator:
    """The operator of a script: everything has been put in place beforehand.

    Parameters
    ----------
    voltages : mapping of str to float, optional
        Reading of the voltmeter per output channel, in V.
    tell : callable, optional
        Takes the progress messages; by default they are dropped.
    """

    def __init__(self, voltages: Mapping[str, float] | None = None, tell: Tell = _silent) -> None:
        self._voltages = dict(voltages or {})
        self._tell = tell

    def tell(self, text: str) -> None:
        """Report the progress of the work."""
        self._tell(text)

    def again(self, reason: str) -> bool:
        """Return False: nobody is there to remedy a fault."""
        return False

    def attach_calibrator(self, ear: str, level: float, frequency: float) -> None:
        """Assume that the sound calibrator is on the ear."""
        self._tell(f"assumed: calibrator on the {ear} ear ({level:g} dB, {frequency:g} Hz)")

    def remove_calibrator(self) -> None:
        """Assume that the sound calibrator is off."""
        self._tell("assumed: calibrator off")

    def seat_headphones(self) -> None:
        """Assume that the headphones are on the simulator."""
        self._tell("assumed: headphones on the simulator")

    def remove_headphones(self) -> None:
        """Assume that the headphones are unplugged."""
        self._tell("assumed: headphones unplugged")

    def plug_headphones(self) -> None:
        """Assume that the headphones are plugged in."""
        self._tell("assumed: headphones plugged in")

    def read_voltmeter(self, channel: str) -> float:
        """Return the voltage given beforehand, in V."""
        if channel not in self._voltages:
            raise ParameterError(f"no voltage is given for {channel}; give it beforehand")
        return self._voltages[channel]

    def hear(self, ear: str) -> str:
        """Refuse: nobody listens."""
        raise ParameterError(f"nobody is there to hear the noise of the {ear} ear")
