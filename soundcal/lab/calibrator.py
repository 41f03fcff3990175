"""Calibration of ears with a sound calibrator: each insertion is recorded and judged at once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from soundcal.calibration import microphone
from soundcal.calibration.calibrator_take import check_take
from soundcal.calibration.model import Calibration, with_details
from soundcal.devices.protocol import AudioDevice, OnBlock
from soundcal.errors import ParameterError, SignalError, ToneNotFound
from soundcal.lab.operator import Operator
from soundcal.recording import EARS, Capture

__all__ = ["Watch", "calibrate_ears", "record_insertions"]

Watch = Callable[[str, float], AbstractContextManager[OnBlock | None]]
"""Shows a take while it is recorded: takes its title and its length in s, and gives the callback
for its blocks."""


@contextmanager
def _unwatched(title: str, duration: float) -> Iterator[None]:
    yield None


def calibrate_ears(
    device: AudioDevice,
    operator: Operator,
    *,
    ears: Sequence[str] = EARS,
    inputs: Sequence[int] = (1, 2),
    insertions: int = 3,
    duration: float = 10.0,
    level: float = 94.0,
    frequency: float = 1000.0,
    pistonphone: bool = False,
    influences: microphone.Influences | None = None,
    expected: Mapping[str, float] | None = None,
    watch: Watch = _unwatched,
) -> Calibration:
    """Record the calibrator on every ear, several times, and return the ears' calibration.

    Parameters and errors as for :func:`record_insertions` and
    :func:`soundcal.calibration.microphone.calibrate`.
    """
    takes = record_insertions(
        device,
        operator,
        ears=ears,
        inputs=inputs,
        insertions=insertions,
        duration=duration,
        level=level,
        frequency=frequency,
        expected=expected,
        watch=watch,
    )
    calibration = microphone.calibrate(
        takes,
        level=level,
        frequency=frequency,
        pistonphone=pistonphone,
        influences=influences,
        expected=expected,
        device=device.info.identity,
    )
    numbers = dict(zip(_names(ears, inputs), inputs, strict=True))
    return with_details(calibration, inputs={ear: numbers[ear] for ear in ears})


def _names(ears: Sequence[str], inputs: Sequence[int]) -> tuple[str, ...]:
    """Return the names of the inputs: both ears even if one of them is calibrated."""
    return EARS if len(inputs) == 2 and set(ears) <= set(EARS) else tuple(ears)


def record_insertions(
    device: AudioDevice,
    operator: Operator,
    *,
    ears: Sequence[str] = EARS,
    inputs: Sequence[int] = (1, 2),
    insertions: int = 3,
    duration: float = 10.0,
    level: float = 94.0,
    frequency: float = 1000.0,
    expected: Mapping[str, float] | None = None,
    watch: Watch = _unwatched,
) -> dict[str, list[Capture]]:
    """Record the calibrator on every ear, several times, and judge each take before the next.

    Parameters
    ----------
    device : AudioDevice
        Records the ears.
    operator : Operator
        Attaches and removes the calibrator, and decides whether a refused take is recorded again.
    ears : sequence of str
        Ears to calibrate, in this order; other microphones by names of their own.
    inputs : sequence of int
        Input channels: those of left and right, or one for each of ``ears``.
    insertions : int
        Accepted takes per ear.
    duration : float
        Length of each take in s.
    level, frequency : float
        Level of the calibrator in dB re 20 µPa, and its frequency in Hz.
    expected : mapping of str to float, optional
        Sensitivity per ear in Pa per full scale, e.g. of the last calibration.
    watch : callable, optional
        Shows each take while it is recorded.

    Returns
    -------
    dict of str to list of Capture
        The accepted takes of every ear.

    Raises
    ------
    ToneNotFound, SignalError
        A take was refused, and the operator does not try again.
    ParameterError
        Fewer than one insertion, or not one input per ear.
    """
    if insertions < 1:
        raise ParameterError(f"{insertions} insertions; at least 1 is needed")
    names = _names(ears, inputs)
    if len(inputs) != len(names):
        raise ParameterError(
            f"{len(inputs)} input channels for {', '.join(ears)}; give one per ear, or a name for "
            "each input (--inputs 1,2,3 --ears ch1,ch2,ch3)"
        )
    takes: dict[str, list[Capture]] = {ear: [] for ear in ears}
    for ear, accepted in takes.items():
        wanted = None if expected is None else expected.get(ear)
        while len(accepted) < insertions:
            operator.attach_calibrator(ear, level, frequency)
            title = f"{ear} ear, insertion {len(accepted) + 1} of {insertions}"
            with watch(title, duration) as on_block:
                take = device.record(duration, inputs=inputs, on_block=on_block)
            take = replace(take, channels=names)
            try:
                check_take(take, ear, level=level, frequency=frequency, expected=wanted)
            except (ToneNotFound, SignalError) as error:
                if not operator.again(str(error)):
                    raise
            else:
                accepted.append(take)
            operator.remove_calibrator()
    return takes
