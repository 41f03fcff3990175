"""Requirements of every device on the channels and samples it is given."""

from collections.abc import Sequence

import numpy as np

from soundcal.arrays import Samples
from soundcal.devices.protocol import DeviceInfo
from soundcal.errors import DeviceUnavailable, ParameterError, SignalError
from soundcal.recording import Capture
from soundcal.units import db

__all__ = ["input_channels", "parse_channels", "playable"]


def parse_channels(text: str) -> tuple[int, ...]:
    """Return the channel numbers of a text such as ``1,2``.

    Raises
    ------
    ParameterError
        Not numbers, below 1, or one twice.

    Examples
    --------
    >>> parse_channels("2,1")
    (2, 1)
    """
    try:
        channels = tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise ParameterError(f"{text!r}: channel numbers such as 1,2 are expected") from error
    if min(channels) < 1 or len(set(channels)) < len(channels):
        raise ParameterError(f"{text!r}: distinct channel numbers from 1 are expected")
    return channels


def input_channels(info: DeviceInfo, inputs: Sequence[int] | None) -> tuple[int, ...]:
    """Return the input channels, all if None.

    Raises
    ------
    DeviceUnavailable
        The device does not have these inputs.
    ParameterError
        No input, or one given twice.
    """
    return _channels(info, inputs, info.inputs, "input", info.inputs)


def playable(
    info: DeviceInfo, samples: Samples, fs: int, outputs: Sequence[int] | None
) -> tuple[Samples, tuple[int, ...]]:
    """Return the samples as float64 of shape (n_channels, n), and their outputs.

    Raises
    ------
    SignalError
        No samples, not finite, or beyond full scale.
    DeviceUnavailable
        The device does not have the outputs.
    ParameterError
        Not one output per channel of samples.
    """
    checked = Capture(samples, fs).samples
    peak = float(np.abs(checked).max(initial=0.0))
    if checked.shape[1] == 0:
        raise SignalError("nothing to play: 0 samples")
    if peak > 1.0:
        raise SignalError(
            f"peak {peak:.4g} is beyond full scale (1.0) and would clip; lower the gain by "
            f"{db(peak):.2f} dB or more"
        )
    n_channels = checked.shape[0]
    channels = _channels(info, outputs, info.outputs, "output", n_channels)
    if len(channels) != n_channels:
        raise ParameterError(
            f"{n_channels} channels of samples, but outputs {list(channels)}: give one output "
            "per channel"
        )
    return checked, channels


def _channels(
    info: DeviceInfo, wanted: Sequence[int] | None, there: int, kind: str, default: int
) -> tuple[int, ...]:
    channels = tuple(range(1, default + 1)) if wanted is None else tuple(wanted)
    if not there:
        raise DeviceUnavailable(f"{info.identity} has no {kind}: see soundcal devices")
    if not channels or len(set(channels)) != len(channels):
        raise ParameterError(f"{kind} channels {list(channels)}: distinct numbers are expected")
    if min(channels) < 1 or max(channels) > there:
        raise DeviceUnavailable(
            f"{info.identity} has {kind}s 1 to {there}; {list(channels)} were requested"
        )
    return channels
