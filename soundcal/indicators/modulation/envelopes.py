"""Slow fluctuation of rectified band signals, where possible without computing these signals.

A band signal is given by its lines from ``low`` to ``high``. The slow fluctuation of its rectified
values is 2/π times that of its envelope, if twice the lowest frequency lies well above the
bandwidth: the other components lie around even multiples of the band. The envelope needs a short
transform, in proportion to the bandwidth. Other bands are transformed as they are, sampled 16 times
more densely than their highest line requires, at most with all samples of the frame.
"""

import math
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.workspace import Workspace
from soundcal.indicators.modulation.excitation import N_CHANNELS, Excitation

__all__ = ["slow_lines"]

Spans = NDArray[np.int64]

_DENSITY: Final = 2
_REAL_DENSITY: Final = 32
_ATTENUATION: Final = 250.0
_GROUP: Final = 4


def slow_lines(excitation: Excitation, length: int, n_lines: int) -> Spectrum:
    """Return the lowest lines of the rectified signals of one frame, half a line apart.

    Parameters
    ----------
    excitation : Excitation
        The bands.
    length : int
        Samples of the frame, a multiple of 50.
    n_lines : int
        Number of lines, at 0, 1/2, 1 … of the reciprocal of the frame's duration.

    Returns
    -------
    ndarray, shape (n, n_lines)
        Transform of the frame surrounded by silence, over its length: the first line is the mean.
    """
    found = np.zeros((N_CHANNELS, n_lines), dtype=np.complex128)
    for (real, size), channels in _groups(excitation.spans, length, n_lines).items():
        for start in range(0, len(channels), _GROUP):
            some = channels[start : start + _GROUP]
            if real:
                found[some] = _of_signals(excitation, some, size, n_lines)
            else:
                found[some] = _of_envelopes(excitation, some, size, n_lines)
    return found


def _groups(spans: Spans, length: int, n_lines: int) -> dict[tuple[bool, int], list[int]]:
    """Group the bands by kind (real signals or not) and size of the transform."""
    groups: dict[tuple[bool, int], list[int]] = {}
    least = 1 << (2 * n_lines - 1).bit_length()
    for channel, (low, after) in enumerate(spans.tolist()):
        width = after - low
        if after == 0:
            continue
        narrow = low > n_lines and low >= width // 4
        wanted = max(least, _DENSITY * width if narrow else _REAL_DENSITY * after)
        size = 1 << (wanted - 1).bit_length()
        if narrow and 2 * size > length:
            narrow = False
        if not narrow:
            size = size if size < length and size >= _REAL_DENSITY * after else length
        groups.setdefault((not narrow, size), []).append(channel)
    return groups


def _of_envelopes(excitation: Excitation, channels: list[int], size: int, n_lines: int) -> Spectrum:
    from soundcal.indicators.modulation.envelope_kernels import magnitudes

    workspace = excitation.workspace
    widest = int(np.diff(excitation.spans[channels]).max())
    bands = excitation.spectra(channels, widest, shifted=True)
    signals = workspace.complex("signals", len(channels), size)
    np.fft.ifft(bands, size, axis=1, norm="forward", out=signals)
    envelopes = workspace.real("rectified", len(channels), size)
    magnitudes(signals, envelopes)
    return _lowest(envelopes, n_lines, workspace) * (4.0 / np.pi)


def _of_signals(excitation: Excitation, channels: list[int], size: int, n_lines: int) -> Spectrum:
    workspace = excitation.workspace
    spectra = excitation.spectra(channels, int(excitation.spans[channels, 1].max()))
    rectified = workspace.real("rectified", len(channels), size)
    np.fft.irfft(spectra, size, axis=1, norm="forward", out=rectified)
    return _lowest(np.abs(rectified, out=rectified), n_lines, workspace)


class _Decimation(NamedTuple):
    """Conversion of signals to a low rate that preserves their lowest lines."""

    taps: Array
    """Low-pass filters, one before each halving of the rate, shape (n, largest number of taps)."""
    orders: NDArray[np.int64]
    """Numbers of taps minus one."""
    size: int
    """Samples of the low rate in twice the time of the signals."""
    factors: Spectrum
    """Factors from the lines of the low rate to those of the signals, relative to their size."""


@lru_cache(maxsize=16)
def _decimation(size: int, n_lines: int) -> _Decimation:
    """Return the conversion of ``size`` samples to about four times the rate that their lines need.

    The filters are binomial, ``(1/2 + z/2)^n``: zero at half the rate, around which all components
    lie that halving the rate mirrors onto the lines. These are attenuated by 250 dB, below the
    rounding of the transform; the effect of the filters on the lines themselves is divided out.
    """
    number = np.arange(n_lines)
    orders, left, delay = [], size, 0.0
    response = np.ones(n_lines)
    while left % 2 == 0 and left >= 8 * (n_lines - 1):
        attenuation = -20.0 * math.log10(math.sin(math.pi * n_lines / (2.0 * left)))
        orders.append(2 * math.ceil(_ATTENUATION / attenuation / 2.0))
        response *= np.cos(np.pi * number / (2.0 * left)) ** orders[-1]
        delay += orders[-1] / 2.0 * (size / left)
        left //= 2
    taps = np.zeros((len(orders), max(orders, default=0) + 1))
    for row, order in zip(taps, orders, strict=True):
        row[: order + 1] = [math.comb(order, k) / 2.0**order for k in range(order + 1)]
    early = np.exp(1j * np.pi * delay * number / size)
    factors = early / (left * response)
    return _Decimation(taps, np.array(orders, dtype=np.int64), 2 * left, factors)


def _lowest(signals: Array, n_lines: int, workspace: Workspace) -> Spectrum:
    """Return the lowest lines of signals surrounded by silence, half a line apart, over their size.

    The signals are overwritten.
    """
    from soundcal.indicators.modulation.envelope_kernels import slow_down

    n, size = signals.shape
    slow = _decimation(size, n_lines)
    if slow.orders.size:
        halves = workspace.real("halves", 2, size // 2 + slow.taps.shape[1])
        room = workspace.real("slow", n, slow.size)
        slow_down(signals, slow.taps, slow.orders, halves, room)
        signals = room
    lines = workspace.complex("slow lines", n, slow.size // 2 + 1)
    np.fft.rfft(signals, slow.size, axis=1, out=lines)
    return lines[:, :n_lines] * slow.factors
