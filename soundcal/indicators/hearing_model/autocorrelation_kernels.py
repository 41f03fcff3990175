"""Compiled loops of the autocorrelation and its spectrum. They check nothing: the callers do."""

import math

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.kernel import kernel, summing_kernel
from soundcal.indicators.hearing_model.tables import EPSILON

__all__ = ["correlate", "scale_and_share", "square_magnitudes", "strongest_line"]

_BINS = 16384
"""Length of the transform whose lines are the possible frequencies (formula 36)."""
_ROUNDING = 1e-8
"""Step to which magnitudes are rounded before they are compared."""


@kernel
def square_magnitudes(lines: Spectrum) -> None:
    """Replace the lines by their squared magnitudes."""
    for row in range(lines.shape[0]):
        for k in range(lines.shape[1]):
            line = lines[row, k]
            lines[row, k] = complex(line.real * line.real + line.imag * line.imag, 0.0)


@summing_kernel
def _energy(x: Array) -> float:
    total = 0.0
    for n in range(x.size):
        total += x[n] * x[n]
    return total


@summing_kernel
def _product(x: Array, y: Array) -> float:
    total = 0.0
    for n in range(x.size):
        total += x[n] * y[n]
    return total


@kernel
def _normalise(block: Array, sums: Array, first: int, scale: float, out: Array) -> None:
    """Write the scaled autocorrelation at lag 0 and at the lags from ``first`` on to ``out``.

    ``sums`` are the sums of products at these lags (formulas 28 to 30). They cannot be negative or
    exceed their bound; what a transform adds to that by rounding is taken away.
    """
    n, n_lags = block.size, sums.size
    total = _energy(block)
    out[0] = scale * total / (total + EPSILON)
    last = first + n_lags - 1
    early, late = _energy(block[: n - last]), _energy(block[last:])
    for i in range(n_lags - 1, -1, -1):
        out[1 + i] = early * late
        lag = first + i
        early += block[n - lag] * block[n - lag]
        late += block[lag - 1] * block[lag - 1]
    for i in range(n_lags):
        bound = math.sqrt(out[1 + i])
        out[1 + i] = scale * min(max(sums[i], 0.0), bound) / (bound + EPSILON)


@kernel
def correlate(
    x: Array, origin: int, hop: int, basis: Array, first: int, sums: Array, ready: int, out: Array
) -> int:
    """Autocorrelations of a band's blocks by direct products, for few lags.

    ``x`` holds the band's frame from ``origin`` on. Block ``j`` is hops ``j − 3`` to ``j`` of it.
    ``sums``, shape (4, 2, n_lags), keeps for the latest hops the products of each sample with the
    one ``lag`` samples before it: those that lie an odd boundary further back, and the others; so
    four overlapping blocks share them. ``ready`` is the first hop that is not in ``sums``.
    ``out``, shape (n_blocks, 1 + n_lags), receives the rows of audible blocks. Returns ``ready``
    for the next frame.
    """
    n_blocks, n_lags = basis.size, sums.shape[2]
    total = np.empty(n_lags)
    for j in range(n_blocks):
        if basis[j] == 0.0:
            continue
        for i in range(max(ready, j - 3), j + 1):
            start = origin + i * hop
            for lag in range(n_lags):
                m = first + lag
                split = start + m % hop
                sums[i & 3, 0, lag] = _product(x[start:split], x[start - m : split - m])
                stop = start + hop
                sums[i & 3, 1, lag] = _product(x[split:stop], x[split - m : stop - m])
        ready = j + 1
        total[:] = 0.0
        for lag in range(n_lags):
            whole = (first + lag) // hop
            for i in range(j - 3 + whole, j + 1):
                total[lag] += sums[i & 3, 1, lag]
            for i in range(j - 2 + whole, j + 1):
                total[lag] += sums[i & 3, 0, lag]
        block = x[origin + (j - 3) * hop : origin + (j + 1) * hop]
        _normalise(block, total, first, basis[j], out[j])
    return max(ready - n_blocks, -4)


@kernel
def scale_and_share(
    x: Array,
    ends: NDArray[np.int64],
    length: int,
    basis: Array,
    sums: Array,
    first: int,
    rows: NDArray[np.int64],
    targets: NDArray[np.int64],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    weights: Array,
    out: Array,
) -> None:
    """Add a band's scaled autocorrelations, at lags from ``first`` on, to the bands that use them.

    ``ends`` are the ends of the blocks in ``x``, ``rows`` their rows in ``out``. ``targets`` are
    the bands in ``out``, with first lag, number of lags and weight.
    """
    n_lags = sums.shape[1]
    scaled = np.empty(1 + n_lags)
    for i in range(ends.size):
        block = x[ends[i] - length : ends[i]]
        _normalise(block, sums[i], first, basis[i], scaled)
        for t in range(targets.size):
            row = out[targets[t], rows[i]]
            weight, offset = weights[t], starts[t] - first
            row[0] += weight * scaled[0]
            for lag in range(1, 1 + sizes[t]):
                row[lag] += weight * scaled[lag + offset]


@kernel
def _magnitude(x: Array, n: int, line: int) -> float:
    """Return the magnitude of a line of the long transform of ``x``, of which ``n`` are not 0."""
    angle = 2.0 * math.pi * line / _BINS
    c, s = math.cos(angle), math.sin(angle)
    c4, s4 = math.cos(4.0 * angle), math.sin(4.0 * angle)
    a0 = a1 = b0 = b1 = d0 = d1 = e0 = e1 = 0.0
    for i in range((n + 3) // 4 * 4 - 4, -1, -4):
        a0, a1 = x[i] + a0 * c4 - a1 * s4, a0 * s4 + a1 * c4
        b0, b1 = x[i + 1] + b0 * c4 - b1 * s4, b0 * s4 + b1 * c4
        d0, d1 = x[i + 2] + d0 * c4 - d1 * s4, d0 * s4 + d1 * c4
        e0, e1 = x[i + 3] + e0 * c4 - e1 * s4, e0 * s4 + e1 * c4
    d0, d1 = d0 + e0 * c - e1 * s, d1 + e0 * s + e1 * c
    b0, b1 = b0 + d0 * c - d1 * s, b1 + d0 * s + d1 * c
    a0, a1 = a0 + b0 * c - b1 * s, a1 + b0 * s + b1 * c
    return math.sqrt(a0 * a0 + a1 * a1)


@kernel
def _highest(x: Array, n: int, low: int, high: int) -> int:
    """Return the line of greatest magnitude in a range that holds one maximum."""
    while low < high:
        middle = (low + high) // 2
        if _magnitude(x, n, middle) < _magnitude(x, n, middle + 1):
            low = middle + 1
        else:
            high = middle
    return low


@kernel
def strongest_line(
    x: Array, n: int, lines: Spectrum, magnitude: Array, number: NDArray[np.int64]
) -> None:
    """Find the greatest magnitude, and the lowest line that has it, in the long transform.

    Each row of ``x`` has ``n`` values and then zeros; ``lines`` are its transform of length
    ``x.shape[1]``, at least 4 n. A line of the long transform that exceeds all of these lies beside
    one that is at least cos(π(n − 1)/(2 size)) of it (Bernstein's inequality), so few are computed.
    """
    size, half = x.shape[1], _BINS // 2
    bound = math.cos(math.pi * (n - 1) / (2.0 * size))
    squares = np.empty(lines.shape[1])
    for row in range(x.shape[0]):
        top = 0.0
        for k in range(squares.size):
            line = lines[row, k]
            squares[k] = line.real * line.real + line.imag * line.imag
            top = max(top, squares[k])
        least = max(bound * math.sqrt(top) - _ROUNDING, 0.0) ** 2
        best, steps, found = 0, 0.0, 0.0
        for k in range(squares.size):
            if squares[k] < least or squares[k] == 0.0:
                continue
            if k > 0 and squares[k - 1] > squares[k]:
                continue
            if k + 1 < squares.size and squares[k + 1] > squares[k]:
                continue
            low = max(math.ceil((k - 1) * _BINS / size), 0)
            high = min(math.floor((k + 1) * _BINS / size), half)
            line_number = _highest(x[row], n, low, high)
            value = _magnitude(x[row], n, line_number)
            found = max(found, value)
            if math.floor(value / _ROUNDING + 0.5) > steps:
                best, steps = line_number, math.floor(value / _ROUNDING + 0.5)
        while best > 0:
            value = _magnitude(x[row], n, best - 1)
            if math.floor(value / _ROUNDING + 0.5) < steps:
                break
            best -= 1
        magnitude[row], number[row] = found, best
