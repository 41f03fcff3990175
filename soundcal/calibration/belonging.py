"""Comparison of a calibration with the take it is applied to.

Every command that applies a calibration calls :func:`belonging`, so that none of them gives a level
that the records contradict, and :func:`mismatches` for the differences that it accepts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from soundcal.calibration.model import Calibration, Direction, Method
from soundcal.calibration.reference_point import points_differ
from soundcal.errors import ParameterError
from soundcal.identity import devices_differ
from soundcal.recording import (
    CHANGED,
    DOUBTFUL,
    OTHER_DEVICE,
    OTHER_INPUT,
    OTHER_POINT,
    OTHER_RATE,
    Flag,
)

__all__ = ["belonging", "mismatches", "other_device"]

_MONO: Final = "mono"


def other_device(calibration: Calibration, device: str) -> bool:
    """Return whether a calibration names a device other than that of a take.

    A stated calibration of an unknown device, and samples from a file without a record, contradict
    nothing. Of a pair ``INPUT | OUTPUT``, only the side that is calibrated counts.

    Parameters
    ----------
    calibration : Calibration
        The calibration.
    device : str
        Identity of the device that made the take, or the path of its file, or "unknown".
    """
    return devices_differ(calibration.device, device, calibration.direction)


def belonging(
    calibration: Calibration,
    channels: Sequence[str],
    *,
    device: str,
    direction: Direction = "input",
    name: str = "",
    naming: str = "--channels",
    instead: str = "",
) -> Calibration:
    """Return the calibration of the channels of a take, if it belongs to the take.

    If the take has one channel, the calibration has one, and one of them is named ``mono``, they
    belong together.

    Parameters
    ----------
    calibration : Calibration
        The calibration.
    channels : sequence of str
        Channels of the take.
    device : str
        Identity of the device that made the take; a file or "unknown" is not compared.
    direction : {"input", "output"}
        ``input`` for recorded samples, ``output`` for played ones.
    name : str
        Name of the calibration in messages; by default its id.
    naming : str
        Option that names the channels of the take.
    instead : str
        Ways out if the device is another one, in words.

    Returns
    -------
    Calibration
        The same calibration, with a chain for each of the channels.

    Raises
    ------
    ParameterError
        The calibration is for the other direction, another device or other channels.
    """
    name = name or f"calibration {calibration.id}"
    if calibration.direction != direction:
        raise ParameterError(
            f"{name}: calibrates the {calibration.direction}; an {direction} calibration is "
            "expected"
        )
    if other_device(calibration, device):
        raise ParameterError(
            f"{name}: belongs to {calibration.device}, not to {device}; calibrate this device"
            + (f", or {instead}" if instead else "")
        )
    known = calibration.channels
    if len(channels) == len(known) == 1 and _MONO in (channels[0], known[0]):
        return replace(calibration, chains={channels[0]: calibration.chain(known[0])})
    missing = [channel for channel in channels if channel not in known]
    if missing:
        raise ParameterError(
            f"{name}: calibrates {', '.join(known)}, not {', '.join(missing)}; "
            + _way(channels, known, naming, calibration.method)
        )
    return calibration


def _way(channels: Sequence[str], known: Sequence[str], naming: str, method: Method) -> str:
    """Return the remedy for channels that are not calibrated, in words."""
    if len(channels) == 1:
        choice = " or ".join(f"{naming} {name}" for name in known)
        return f"state which of these the channel is ({choice})"
    if len(channels) <= len(known):
        names = ",".join(known[: len(channels)])
        return f"name the channels as they were calibrated, in their order (e.g. {naming} {names})"
    way = "calibrate every channel of the take (calibrate --channel NAME FILE)"
    if method == "stated":
        way = "state a sensitivity for every channel (calibrate --method stated --pa-per-fs PA,PA)"
    return way + (", or choose the calibrated inputs (--inputs)" if naming == "--names" else "")


def mismatches(
    calibration: Calibration,
    *,
    device: str = "unknown",
    fs: int = 0,
    point: str = "",
    inputs: Mapping[str, int] | None = None,
) -> tuple[Flag, ...]:
    """Return the reasons to doubt that a calibration holds for a take to which it belongs.

    What is not known of the calibration or of the take is not compared.

    Parameters
    ----------
    calibration : Calibration
        The calibration.
    device : str
        Identity of the device that made the take.
    fs : int
        Sampling rate of the take in Hz; 0 if it is not known.
    point : str
        Point to which the sound pressure of the take refers, such as ``eardrum``.
    inputs : mapping of str to int, optional
        Number of the device's input by channel of the take.

    Returns
    -------
    tuple of Flag
        What looked wrong when the calibration was made (``details["warnings"]``); it was changed
        after it was made, or is of another device, another input, another sampling rate or another
        point.
    """
    found = [
        Flag(DOUBTFUL, f"calibration {calibration.id}: {text}")
        for text in calibration.details.get("warnings", ())
    ]
    if calibration.details.get("changed"):
        text = (
            f"calibration {calibration.id} was changed after it was made: its content does not "
            "have the digest at the end of its id"
        )
        found.append(Flag(CHANGED, text))
    if other_device(calibration, device):
        text = f"the calibration belongs to {calibration.device}, the take to {device}"
        found.append(Flag(OTHER_DEVICE, text))
    found += _other_inputs(calibration.inputs, inputs or {})
    if fs and calibration.rates and fs not in calibration.rates:
        rates = " and ".join(map(str, calibration.rates))
        text = (
            f"the calibration was made at {rates} Hz, the take is at {fs} Hz; the gain of a "
            "device may depend on its rate: calibrate at the rate of the takes"
        )
        found.append(Flag(OTHER_RATE, text))
    if point and calibration.point and points_differ(point, calibration.point):
        text = (
            f"the calibration refers to the point {calibration.point!r}, the take to {point!r}: "
            "the sound pressure differs between them"
        )
        found.append(Flag(OTHER_POINT, text))
    return tuple(found)


def _other_inputs(calibrated: Mapping[str, int], recorded: Mapping[str, int]) -> list[Flag]:
    """Return a flag if channels were recorded by other inputs than those that were calibrated."""
    if len(calibrated) == len(recorded) == 1:  # whatever the channel is called
        calibrated = dict(zip(recorded, calibrated.values(), strict=True))
    other = [name for name, number in recorded.items() if calibrated.get(name, number) != number]
    if not other:
        return []
    words = ", ".join(
        f"{name} was calibrated on input {calibrated[name]} and recorded on input {recorded[name]}"
        for name in other
    )
    return [Flag(OTHER_INPUT, f"{words}: the gains of inputs differ")]
