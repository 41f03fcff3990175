"""The operator at the terminal, who does in the laboratory what a computer cannot.

Where stdin is not a terminal, nobody is asked. :mod:`soundcal.lab.operator` has the operators that
need no person: that of the simulated lab, and that of a script.
"""

import os
import sys
import threading
from typing import TYPE_CHECKING, Final

from soundcal.cli.output import say, visible
from soundcal.errors import ParameterError, ProtocolAborted
from soundcal.recording import EARS

if TYPE_CHECKING:
    from soundcal.devices import AudioDevice
    from soundcal.lab.operator import Operator

__all__ = ["TerminalOperator", "operator_for"]

_STOP: Final = ("q", "quit", "stop")
_HINT: Final = "run it at a terminal, or with a simulated lab (--device sim:lab)"


class TerminalOperator:
    """A person who is asked on stderr and answers on stdin.

    Parameters
    ----------
    device : AudioDevice, optional
        Its input level is shown while the operator works on the ears.
    inputs : tuple of int
        Input channels of the left and right ear.
    hint : str
        Advice for the case that nobody can be asked.
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
        """Report the progress of the work."""
        say(text)

    def again(self, reason: str) -> bool:
        """Ask for a refused take to be recorded again; always True, unless the person stops."""
        self._ask(f"not accepted: {reason}\nRecord it again?", keys="Enter: yes, q: stop")
        return True

    def attach_calibrator(self, ear: str, level: float, frequency: float) -> None:
        """Ask for the sound calibrator to be put on an ear, and show the input level meanwhile."""
        place = f"the {ear} ear" if ear in EARS else ear
        self._ask(
            f"Put the sound calibrator on {place} and switch it on "
            f"({level:g} dB, {frequency:g} Hz)",
            live=True,
        )

    def remove_calibrator(self) -> None:
        """Ask for the sound calibrator to be removed."""
        self._ask("Remove the sound calibrator")

    def seat_headphones(self) -> None:
        """Ask for the headphones to be put on the simulator, as a new seating."""
        self._ask("Plug in the headphones and put them on the simulator, as a new seating")

    def remove_headphones(self) -> None:
        """Ask for the headphones to be unplugged."""
        self._ask("Unplug the headphones, so that nothing loads the output")

    def plug_headphones(self) -> None:
        """Ask for the headphones to be plugged in again."""
        self._ask("Plug the headphones in again")

    def hear(self, ear: str) -> str:
        """Ask where a noise is heard, until the answer is one of four."""
        answers = {"l": "left", "r": "right", "b": "both", "n": "nothing"}
        while True:
            text = self._ask(
                "Put the headphones on. Where do you hear the noise?",
                keys="l: left, r: right, b: both, n: nothing, q: stop",
            ).lower()
            if text[:1] in answers and answers[text[:1]].startswith(text):
                return answers[text[:1]]
            say(f"{text!r}: type l, r, b or n")

    def read_voltmeter(self, channel: str) -> float:
        """Ask for the reading of the voltmeter in V, until the answer is a number."""
        while True:
            text = self._ask(
                f"Rms voltage of the {channel} output while the tone plays, in V", keys="q: stop"
            )
            try:
                return float(text.lower().removesuffix("v").strip().replace(",", "."))
            except ValueError:
                say(f"{text!r} is not a number; type the voltage in volts, e.g. 0.1234")

    def confirm(self, text: str) -> None:
        """Ask for something to be done; :class:`ProtocolAborted` if the operator gives up."""
        self._ask(text)

    def _ask(self, text: str, *, live: bool = False, keys: str = "Enter: done, q: stop") -> str:
        """Return the answer; :class:`ProtocolAborted` if the operator gives up."""
        if not sys.stdin.isatty():
            raise ParameterError(
                f"{text}: there is nobody to ask, since stdin is not a terminal; {self._hint}"
            )
        lines = "\n".join(visible(line) for line in text.splitlines())
        sys.stderr.write(f"{lines} [{keys}] ")
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
    """Return a line from the terminal, and show the input level until it is typed."""
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


def operator_for(
    device: "AudioDevice",
    *,
    inputs: tuple[int, ...] = (1, 2),
    hint: str = _HINT,
    ready: bool = False,
) -> "Operator":
    """Return the operator for a device: that of the simulated lab, or the person at the terminal.

    With ``ready`` everything is already in place, and the person is not asked.
    """
    from soundcal.lab.operator import PreparedOperator, SimulatedOperator

    if device.info.kind == "simulated":
        from soundcal.devices.simulated.lab import SimulatedLab

        if isinstance(device, SimulatedLab):
            return SimulatedOperator(device, say)
    if ready:
        return PreparedOperator(tell=say)
    return TerminalOperator(device, inputs=inputs, hint=hint)
