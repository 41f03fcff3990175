"""Slow fluctuation of rectified band signals, where possible without computing these signals.

A band signal is given by its lines from ``low`` to ``high``. The slow fluctuation of its rectified
values is 2/π times that of its envelope, if twice the lowest frequency lies well above the
bandwidth: the other components lie around even multiples of the band. The envelope needs a short
transform, in proportion to the bandwidth. Other bands are sampled 16 times more densely than their
highest line requires, at most with all samples of the frame. The transform gives every fourth or
every second of these samples, interpolation the others.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.indicators.modulation.excitation import Excitation

__all__ = ["slow_lines"]

Integers = NDArray[np.int64]

_DENSITY: Final = 2
_REAL_DENSITY: Final = 32
_ATTENUATION: Final = 250.0
_TOGETHER: Final = 1 << 15
"""Numbers that are transformed together, so that they stay in the cache."""


def slow_lines(
    excitation: Excitation, length: int, n_lines: int, *, repeated: bool = False
) -> Spectrum:
    """Return the lowest lines of the rectified signals of the frames.

    Parameters
    ----------
    excitation : Excitation
        The bands.
    length : int
        Samples of a frame, a multiple of 50.
    n_lines : int
        Number of lines, at 0, 1/2, 1 … of the reciprocal of the frame's duration.
    repeated : bool
        Leave out every second line, at 1/2, 3/2 …: those of a frame that repeats itself remain.

    Returns
    -------
    ndarray, shape (n_frames · 47, n)
        Transform of the frame surrounded by silence, over its length: the first line is the mean.
    """
    workspace = excitation.workspace
    number = len(range(0, n_lines, 1 + repeated))
    found = np.zeros((len(excitation.spans), number), dtype=np.complex128)
    groups: dict[int, list[_Group]] = {}
    for (kind, size), (extent, channels) in _kinds(excitation.spans, length, n_lines).items():
        conversion = _conversion(kind, size, n_lines, repeated)
        groups.setdefault(conversion.transformed, []).append((conversion, extent, channels))
    for transformed, group in groups.items():
        every = [channel for _, _, channels in group for channel in channels]
        low = workspace.real("low", len(every), transformed)
        _slow_down(excitation, group, length, low)
        lines = workspace.complex("low lines", len(every), transformed // 2 + 1)
        np.fft.rfft(low, axis=1, out=lines)
        factors, counts = [c.factors for c, _, _ in group], [len(some) for _, _, some in group]
        found[every] = lines[:, :number] * np.repeat(factors, counts, axis=0)
    return found


def _kinds(
    spans: Integers, length: int, n_lines: int
) -> dict[tuple[int, int], tuple[int, list[int]]]:
    """Group the channels that are not empty by the kind and the number of their samples.

    The kind is 0 where the envelope is computed, otherwise the least number of samples for each
    line: 32, 16 or 1. Each group has the largest number of lines that are transformed, and its
    channels.
    """
    groups: dict[tuple[int, int], tuple[int, list[int]]] = {}
    least = 2 * n_lines
    for channel, (low, after) in enumerate(spans.tolist()):
        if after == 0:
            continue
        kind, extent = 0, after - low
        size = _power_of_two(max(least, _DENSITY * extent))
        if low <= n_lines or low < extent // 4 or 2 * size > length:
            extent = after
            size = min(_power_of_two(max(least, _REAL_DENSITY * extent)), length)
            density = size // extent
            kind = _REAL_DENSITY if density >= _REAL_DENSITY else 16 if density >= 16 else 1
        largest, channels = groups.get((kind, size), (0, []))
        groups[kind, size] = max(largest, extent), [*channels, channel]
    return groups


def _power_of_two(least: int) -> int:
    return 1 << (least - 1).bit_length()


class _Conversion(NamedTuple):
    """Conversion of signals to a low rate that preserves their lowest lines."""

    every: int
    """Samples of which one is transformed and the others are interpolated; 0 for envelopes."""
    size: int
    """Samples of the signals."""
    weights: tuple[Array, Array]
    """Weights of the two interpolations; empty without one."""
    stages: Integers
    """Shape (n, 4): samples in for one out, samples before and after a row, samples out, taps."""
    taps: Array
    """Low-pass filters of the stages, shape (n, largest number of taps)."""
    repeated: bool
    """True if the frame repeats itself; it is surrounded by silence if not."""
    transformed: int
    """Samples of the low rate in the time whose reciprocal is the distance of the lines."""
    factors: Spectrum
    """Factors from the lines of the low rate to those of the signals, relative to their size."""


_Group = tuple[_Conversion, int, list[int]]
"""A conversion, the number of lines that are transformed, and the channels."""


@lru_cache(maxsize=64)
def _conversion(kind: int, size: int, n_lines: int, repeated: bool) -> _Conversion:
    """Return the conversion of ``size`` samples to about twice the rate that their lines need.

    The filters are binomial, ``(1/2 + z/2)^n``: zero at half the rate, around which all components
    lie that halving the rate mirrors onto the lines. These are attenuated by 250 dB, below the
    rounding of the transform; the effect of the filters on the lines themselves is divided out.
    Two filters that follow each other are one stage.
    """
    number = np.arange(0, n_lines, 1 + repeated)
    orders, left = [], size
    response = np.ones(number.size)
    while left % 2 == 0 and left >= 3 * n_lines:
        attenuation = -20.0 * math.log10(math.sin(math.pi * n_lines / (2.0 * left)))
        orders.append(2 * math.ceil(_ATTENUATION / attenuation / 2.0))
        response *= np.cos(np.pi * number / (2.0 * left)) ** orders[-1]
        left //= 2
    reach = sum(order * 2.0**i for i, order in enumerate(orders)) * left / (2.0 * size)
    ends = 0 if repeated else math.ceil(reach)
    stages, filters, rate = [], [], size
    for pair in (orders[i : i + 2] for i in range(0, len(orders), 2)):
        taps, ratio = _in_one(pair), 2 ** len(pair)
        rate //= ratio
        margin = -(-(taps.size // 2) // ratio)
        before = margin * ratio - taps.size // 2
        filters.append(np.pad(taps, (before, -(before + taps.size) % 8)))
        stages.append((ratio, margin, rate + 2 * ends * (rate // left), filters[-1].size))
    table = np.zeros((len(filters), max((taps.size for taps in filters), default=0)))
    for row, taps in zip(table, filters, strict=True):
        row[: taps.size] = taps
    every = min({_REAL_DENSITY: 4, 16: 2}.get(kind, kind), stages[0][0] if stages else 1)
    factors = np.exp(1j * np.pi * ends * number / left) / (left * response)
    return _Conversion(
        every=every,
        size=size,
        weights=_interpolation(kind, every),
        stages=np.array(stages, dtype=np.int64).reshape(-1, 4),
        taps=table,
        repeated=repeated,
        transformed=left if repeated else 2 * left,
        factors=factors if kind else factors * (4.0 / np.pi),
    )


def _in_one(orders: Sequence[int]) -> Array:
    """Return the binomial filters of these orders, each at half the rate of the one before."""
    taps = np.ones(1)
    for order in reversed(orders):
        apart = np.zeros(2 * taps.size - 1)
        apart[::2] = taps
        taps = np.convolve(apart, [math.comb(order, k) / 2.0**order for k in range(order + 1)])
    return taps


def _interpolation(kind: int, every: int) -> tuple[Array, Array]:
    """Return the weights of the two interpolations.

    The error is 3e-14 with 16 weights and 8 samples for each line, 1e-12 with 8 and 16.
    """
    none = np.empty(0)
    if every < 2:
        return none, none
    if kind < _REAL_DENSITY:
        return _weights(16), none
    return (_weights(8), none) if every == 2 else (_weights(16), _weights(8))


def _weights(n: int) -> Array:
    """Return Lagrange's weights of the ``n`` nearest samples on each side of the value between."""
    squares = (np.arange(n) + 0.5) ** 2
    others = squares - squares[:, np.newaxis]
    np.fill_diagonal(others, squares)
    return np.asarray(0.5 * np.prod(squares / others, axis=1))


def _slow_down(excitation: Excitation, groups: list[_Group], length: int, low: Array) -> None:
    """Write rectified signals at the low rate to the rows of ``low``."""
    from soundcal.indicators.modulation.envelope_kernels import (
        ENDS,
        slow_envelopes,
        slow_signals,
    )

    workspace = excitation.workspace
    rooms = workspace.real("rows", 2 * length + 512), workspace.real("samples", 2 * length)
    # at most four rows, each with ENDS more samples on both sides and up to 7 to a multiple of 8
    dense = workspace.real("dense", length + 4 * (2 * ENDS + 7))
    after = 0
    for c, extent, channels in groups:
        n = c.size // max(c.every, 1)
        count = max(1, _TOGETHER // n)
        for some in (channels[i : i + count] for i in range(0, len(channels), count)):
            start, after = after, after + len(some)
            spectra = excitation.spectra(some, extent, shifted=c.every == 0)
            rows = low[start:after]
            if c.every == 0:
                envelopes = workspace.complex("signals", len(some), n)
                np.fft.ifft(spectra, n, axis=1, norm="forward", out=envelopes)
                slow_envelopes(envelopes, c.stages, c.taps, c.repeated, *rooms, rows)
            else:
                signals = workspace.real("signals", len(some), n)
                np.fft.irfft(spectra, n, axis=1, norm="forward", out=signals)
                slow_signals(signals, *c.weights, dense, c.stages, c.taps, c.repeated, *rooms, rows)
