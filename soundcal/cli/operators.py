"""Operators: who does in the laboratory what a computer cannot.

A person is asked at the terminal; the simulated lab has hands of its own; a script says beforehand
that everything is in place. Nobody is ever asked where stdin is not a terminal.
"""

import os
import sys
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from soundcal.cli.output import say
from soundcal.errors import ParameterError, ProtocolAborted

if TYPE_CHECKING:
    from soundcal.devices import AudioDevice
    from soundcal.devices.simulated.lab import SimulatedLab
    from soundcal.lab.protocol import Operator

__all__ = ["PreparedOperator", "SimulatedOperator", "TerminalOperator", "operator_for"]

Tell = Callable[[str], None]

_STOP: Final = ("q", "quit", "stop")
_HINT: Final = "run it at a terminal, or with a simulated lab (--device sim:lab)"


class TerminalOperator:
    """A person, asked on stderr and answering on stdin.

    Parameters
    ----------
    device : AudioDevice, optional
        Its input level is shown while the operator works on the ears.
    inputs : tuple of int
        Input channels of the left and right ear.
    hint : str
        What to do instead where nobody can be asked.
    """

    def __init__(
        self,
        device: "AudioDevice | None" = None,
        *,
        inputs: tuple[int, ...] = (1, 2),
        hint: str = _HINT,
    ) -> None:
        self._device = device
        self._inputs = inputs
        self._hint = hint

    def tell(self, text: str) -> None:
        """Say how the work goes on."""
        say(text)

    def attach_calibrator(self, ear: str, level: float, frequency: float) -> None:
        """Ask for the sound calibrator on an ear and show the level meanwhile."""
        self._ask(
            f"Put the sound calibrator on the {ear} ear and switch it on "
            f"({level:g} dB, {frequency:g} Hz)",
            live=True,
        )

    def remove_calibrator(self) -> None:
        """Ask for the sound calibrator to be taken off."""
        self._ask("Take the sound calibrator off")

    def seat_headphones(self) -> None:
        """Ask for the headphones to be put on the simulator."""
        self._ask("Plug the headphones in and put them on the simulator, afresh")

    def remove_headphones(self) -> None:
        """Ask for the headphones to be unplugged."""
        self._ask("Unplug the headphones, so that nothing loads the output")

    def read_voltmeter(self, channel: str) -> float:
        """Ask for the reading of the voltmeter until it is a number, in V."""
        while True:
            text = self._ask(
                f"Rms voltage of the {channel} output while the tone plays, in V", keys="q: stop"
            )
            try:
                return float(text.lower().removesuffix("v").strip().replace(",", "."))
            except ValueError:
                say(f"{text!r} is no number; type the voltage in volt, e.g. 0.1234")

    def confirm(self, text: str) -> None:
        """Ask for something to be done; :class:`ProtocolAborted` if the operator gives up."""
        self._ask(text)

    def _ask(self, text: str, *, live: bool = False, keys: str = "Enter: done, q: stop") -> str:
        """Return the answer; :class:`ProtocolAborted` if the operator gives up."""
        if not sys.stdin.isatty():
            raise ParameterError(
                f"{text}: there is nobody to ask, since stdin is not a terminal; {self._hint}"
            )
        sys.stderr.write(f"{text} [{keys}] ")
        sys.stderr.flush()
        if live and self._device is not None and sys.stderr.isatty():
            line = _line_with_levels(self._device, self._inputs)
        else:
            line = _line()
        if line is None or line.strip().lower() in _STOP:
            raise ProtocolAborted(f"stopped by the operator at: {text}")
        return line.strip()


def _line() -> str | None:
    """Return a line from the terminal; None at its end.

    Reads the descriptor itself: Python's buffered stdin must not be left locked by a waiting thread
    when the program ends.
    """
    found = b""
    while not found.endswith(b"\n"):
        piece = os.read(sys.stdin.fileno(), 1024)
        if not piece:
            return None
        found += piece
    return found.decode(errors="replace")


def _line_with_levels(device: "AudioDevice", inputs: tuple[int, ...]) -> str | None:
    """Return a line from the terminal and show the input level until it comes."""
    from soundcal.cli.levels import RunningLevel
    from soundcal.recording import channel_names

    answers: list[str | None] = []
    waiting = threading.Thread(target=lambda: answers.append(_line()), daemon=True)
    meter = RunningLevel(channel_names(len(inputs)), device.fs, None)
    sys.stderr.write("\n")
    with device.stream(inputs=inputs) as blocks:
        waiting.start()
        for block in blocks:
            meter.push(block.samples)
            sys.stderr.write(f"\r{meter.remark}\x1b[K")
            sys.stderr.flush()
            if not waiting.is_alive():
                break
    sys.stderr.write("\n")
    return answers[0]


class SimulatedOperator:
    """The simulated lab's own hands.

    Parameters
    ----------
    lab : SimulatedLab
        The lab.
    tell : callable
        Takes what is said on the way.
    """

    def __init__(self, lab: "SimulatedLab", tell: Tell = say) -> None:
        self._lab = lab
        self._tell = tell

    def tell(self, text: str) -> None:
        """Say how the work goes on."""
        self._tell(text)

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
    tell : callable
        Takes what is said on the way.
    """

    def __init__(self, voltages: Mapping[str, float] | None = None, tell: Tell = say) -> None:
        self._voltages = dict(voltages or {})
        self._tell = tell

    def tell(self, text: str) -> None:
        """Say how the work goes on."""
        self._tell(text)

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


def operator_for(
    device: "AudioDevice", *, inputs: tuple[int, ...] = (1, 2), hint: str = _HINT
) -> "Operator":
    """Return the operator that belongs to a device: the lab's own hands, or the person here."""
    if device.info.kind == "simulated":
        from soundcal.devices.simulated.lab import SimulatedLab

        if isinstance(device, SimulatedLab):
            return SimulatedOperator(device)
    return TerminalOperator(device, inputs=inputs, hint=hint)
