"""Slow fluctuation of rectified band signals, where possible without computing these signals.

A band signal is given by its lines from ``low`` to ``high``. The slow fluctuation of its rectified
values is 2/π times that of its envelope, if twice the lowest frequency lies well above the
bandwidth: the other components lie around even multiples of the band. The envelope needs a short
transform, in proportion to the bandwidth. Other bands are sampled 16 times more densely than their
highest line requires, at most with all samples of the frame. The transform gives every fourth or
every second of these samples, interpolation the others.

All that is in single precision, whose errors average out over the samples: those of the lines are
about 1e-8 of the mean. The correlation of a channel that hardly fluctuates with its neighbours
would still be one of rounding errors, so channels that fluctuate by less than 4 % are computed
again in double precision. In 4,700 frames of scenes, tones and noises roughness and fluctuation
strength deviated by no more than 8e-7 from what they are in double precision (values of at least
0.0001, half of them by less than 3.1e-8; smaller values by no more than 4e-11).

A transform is computed as four of a quarter of its size, each of which gives every fourth sample:
the library computes four rows together in the lanes of vector instructions. They are always rows of
the same channel, so its bits do not depend on the channels and frames beside it.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.indicators.modulation.excitation import Excitation

__all__ = ["WEAK", "precise_lines", "slow_lines"]

Integers = NDArray[np.int64]
Single = NDArray[np.float32]

WEAK: Final = 0.04
"""Fluctuation relative to the mean below which single precision is not enough."""

_DENSITY: Final = 2
_REAL_DENSITY: Final = 32
_ATTENUATION: Final = 160.0
_TOGETHER: Final = 1 << 16
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
    for kind, size, channels in _kinds(excitation.spans, length, n_lines):
        conversion = _conversion(kind, size, n_lines, repeated)
        groups.setdefault(conversion.transformed, []).append((conversion, channels))
    for transformed, group in groups.items():
        every = np.concatenate([channels for _, channels in group])
        low = workspace.single("low", every.size, transformed)
        _slow_down(excitation, group, length, low)
        low_double = workspace.real("low in double", *low.shape)
        low_double[:] = low
        lines = workspace.complex("low lines", every.size, transformed // 2 + 1)
        np.fft.rfft(low_double, axis=1, out=lines)
        factors, counts = [c.factors for c, _ in group], [some.size for _, some in group]
        found[every] = lines[:, :number] * np.repeat(factors, counts, axis=0)
    return found


def precise_lines(
    excitation: Excitation,
    channels: Integers,
    length: int,
    n_lines: int,
    *,
    repeated: bool = False,
) -> Spectrum:
    """Return what :func:`slow_lines` returns, in double precision, of some channels.

    For channels that hardly fluctuate, as those of tones: the correlation with their neighbours
    would depend on the rounding.
    """
    number = len(range(0, n_lines, 1 + repeated))
    found = np.zeros((channels.size, number), dtype=np.complex128)
    for kind, size, some in _kinds(excitation.spans[channels], length, n_lines):
        for i in some:
            low, lines = excitation.lines_in(int(channels[i]))
            if kind == 0:
                rectified = np.abs(np.fft.ifft(lines, size, norm="forward")) * (4.0 / np.pi)
            else:
                lines = np.pad(lines, (low, 0))
                rectified = np.abs(np.fft.irfft(lines, size, norm="forward"))
            found[i] = np.fft.rfft(rectified, size if repeated else 2 * size)[:number] / size
    return found


def _kinds(spans: Integers, length: int, n_lines: int) -> list[tuple[int, int, Integers]]:
    """Group the channels that are not empty by the kind and the number of their samples.

    Returns kind (see ``choose_kinds``), number of samples and channels of each group.
    """
    from soundcal.indicators.modulation.envelope_kernels import choose_kinds

    kinds = np.empty_like(spans)
    choose_kinds(spans, length, 2 * n_lines, _DENSITY, _REAL_DENSITY, kinds)
    kind, size = kinds.T
    return [
        (k, n, np.flatnonzero((kind == k) & (size == n)))
        for k, n in sorted(set(zip(kind.tolist(), size.tolist(), strict=True)))
        if k >= 0
    ]


class _Conversion(NamedTuple):
    """Conversion of signals to a low rate that preserves their lowest lines."""

    every: int
    """Samples of which one is transformed and the others are interpolated; 0 for envelopes."""
    size: int
    """Samples of the signals."""
    weights: tuple[Single, Single]
    """Weights of the two interpolations; empty without one."""
    stages: Integers
    """Shape (n, 4): samples in for one out, samples before and after a row, samples out, taps."""
    taps: Single
    """Low-pass filters of the stages, shape (n, largest number of taps)."""
    repeated: bool
    """True if the frame repeats itself; it is surrounded by silence if not."""
    transformed: int
    """Samples of the low rate in the time whose reciprocal is the distance of the lines."""
    factors: Spectrum
    """Factors from the lines of the low rate to those of the signals, relative to their size."""


_Group = tuple[_Conversion, Integers]
"""A conversion and its channels."""


@lru_cache(maxsize=64)
def _conversion(kind: int, size: int, n_lines: int, repeated: bool) -> _Conversion:
    """Return the conversion of ``size`` samples to about twice the rate that their lines need.

    The filters are binomial, ``(1/2 + z/2)^n``: zero at half the rate, around which all components
    lie that halving the rate mirrors onto the lines. These are attenuated by 160 dB, below the
    rounding; the effect of the filters on the lines themselves is divided out.
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
    longest = max((taps.size for taps in filters), default=0)
    table = np.zeros((len(filters), longest), dtype=np.float32)
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


def _interpolation(kind: int, every: int) -> tuple[Single, Single]:
    """Return the weights of the two interpolations.

    The error is 1e-10 with 12 weights and 8 samples for each line, 1e-12 with 8 and 16, below the
    rounding.
    """
    none = np.empty(0, dtype=np.float32)
    if every < 2:
        return none, none
    if kind < _REAL_DENSITY:
        return _weights(12), none
    return (_weights(8), none) if every == 2 else (_weights(12), _weights(8))


def _weights(n: int) -> Single:
    """Return Lagrange's weights of the ``n`` nearest samples on each side of the value between."""
    squares = (np.arange(n) + 0.5) ** 2
    others = squares - squares[:, np.newaxis]
    np.fill_diagonal(others, squares)
    return np.asarray(0.5 * np.prod(squares / others, axis=1), dtype=np.float32)


@lru_cache(maxsize=32)
def _turns(n: int) -> Single:
    """Return cosines and sines, shape (4, 2, n / 4), with which lines are dealt out to transforms.

    There is only one transform, shape (1, 2, n), if ``n`` is not a multiple of 4.
    """
    dealt = 1 if n % 4 else 4
    angles = np.arange(dealt)[:, np.newaxis] * np.arange(n // dealt) * (2.0 * np.pi / n)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def _slow_down(excitation: Excitation, groups: list[_Group], length: int, low: Single) -> None:
    """Write rectified signals at the low rate to the rows of ``low``."""
    from scipy.fft import ifft

    from soundcal.indicators.modulation.envelope_kernels import (
        ENDS,
        deal_lines,
        slow_rectified,
    )

    single = excitation.workspace.single
    rooms = single("rows", 2 * length + 512), single("samples", 2 * length)
    # at most four rows, each with ENDS more samples on both sides and up to 7 to a multiple of 8
    dense = single("dense", length + 4 * (2 * ENDS + 7))
    after = 0
    for c, channels in groups:
        turns = _turns(c.size // max(c.every, 1))
        dealt, _, n = turns.shape
        count = max(1, _TOGETHER // (dealt * n))
        for some in (channels[i : i + count] for i in range(0, channels.size, count)):
            start, after = after, after + some.size
            lines = single("signals", some.size, dealt, 2 * n)
            deal_lines(
                *(excitation.gains, excitation.spectra, excitation.spans, some, c.every == 0),
                *(turns, single("lines", 2, 2 * n), lines),
            )
            signals = ifft(lines.view(np.complex64), norm="forward", overwrite_x=True)
            slow_rectified(
                *(
                    np.asarray(signals).view(np.float32),
                    c.every == 0,
                    *c.weights,
                    dense,
                    c.stages,
                    c.taps,
                    c.repeated,
                ),
                *(*rooms, low[start:after]),
            )
