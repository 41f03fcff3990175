"""Compiled loops of the autocorrelation and its spectrum. They check nothing: the callers do."""

import math

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.kernel import kernel, summing_kernel
from soundcal.indicators.hearing_model.tables import EPSILON

__all__ = ["correlate", "scale_and_share", "square_magnitudes", "strongest_line", "window_lags"]

_BINS = 16384
"""Length of the transform whose lines are the possible frequencies (formula 36)."""
_ROUNDING = 1e-8
"""Step to which magnitudes are rounded before they are compared."""
_SINGLE = 1e-4
"""More than the share by which lines in single precision are wrong."""

SingleSpectrum = NDArray[np.complex64]


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


@summing_kernel
def _four_products(x: Array, start: int, stop: int, lag: int, out: Array) -> None:
    """Write the sums of the products of samples with those ``lag`` to ``lag + 3`` before them."""
    z = x[start:stop]
    y0, y1 = x[start - lag : stop - lag], x[start - lag - 1 : stop - lag - 1]
    y2, y3 = x[start - lag - 2 : stop - lag - 2], x[start - lag - 3 : stop - lag - 3]
    a = b = c = d = 0.0
    for n in range(z.size):
        a += z[n] * y0[n]
        b += z[n] * y1[n]
        c += z[n] * y2[n]
        d += z[n] * y3[n]
    out[0], out[1], out[2], out[3] = a, b, c, d


@kernel
def _add_hop(x: Array, start: int, hop: int, first: int, far: Array, near: Array) -> None:
    """Write the sums of the products of a hop's samples with those a lag before them.

    The first ``lag % hop`` samples have their partners one hop further back than the others: their
    sums are in ``far``, those of the others in ``near``. Four lags share a pass over the samples.
    """
    stop = start + hop
    lag = 0
    while lag < far.size:
        m = first + lag
        split = start + m % hop
        if lag + 3 < far.size and split + 3 < stop:
            _four_products(x, start, split, m, far[lag : lag + 4])
            _four_products(x, split + 3, stop, m, near[lag : lag + 4])
            for i in range(4):
                for n in range(split, split + 3):
                    product = x[n] * x[n - m - i]
                    if n < split + i:
                        far[lag + i] += product
                    else:
                        near[lag + i] += product
            lag += 4
        else:
            far[lag] = _product(x[start:split], x[start - m : split - m])
            near[lag] = _product(x[split:stop], x[split - m : stop - m])
            lag += 1


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
    ``sums``, shape (4, 2, n_lags), keeps the products of the latest four hops, far and near, which
    four overlapping blocks share. ``ready`` is the first hop that is not in ``sums``.
    ``out``, shape (n_blocks, 1 + n_lags), receives the rows of audible blocks. Returns ``ready``
    for the next frame.
    """
    n_blocks, n_lags = basis.size, sums.shape[2]
    total = np.empty(n_lags)
    for j in range(n_blocks):
        if basis[j] == 0.0:
            continue
        for i in range(max(ready, j - 3), j + 1):
            _add_hop(x, origin + i * hop, hop, first, sums[i & 3, 0], sums[i & 3, 1])
        ready = j + 1
        total[:] = 0.0
        for lag in range(n_lags):
            back = (first + lag) // hop  # hops from a near partner; both must be in the block
            for i in range(j - 3 + back, j + 1):
                total[lag] += sums[i & 3, 1, lag]
            for i in range(j - 2 + back, j + 1):
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
    end: int,
    rows: NDArray[np.int64],
    targets: NDArray[np.int64],
    starts: NDArray[np.int64],
    sizes: NDArray[np.int64],
    weights: Array,
    out: Array,
) -> None:
    """Add a band's scaled autocorrelations to the bands that use them.

    The lags are ``first`` to ``end`` − 1, the columns of ``sums`` all lags from 0 on. ``ends`` are
    the ends of the blocks in ``x``, ``rows`` their rows in ``out``. ``targets`` are the bands in
    ``out``, with first lag, number of lags and weight.
    """
    scaled = np.empty(1 + end - first)
    for i in range(ends.size):
        block = x[ends[i] - length : ends[i]]
        _normalise(block, sums[i, first:end], first, basis[i], scaled)
        for t in range(targets.size):
            row = out[targets[t], rows[i]]
            weight, offset = weights[t], starts[t] - first
            row[0] += weight * scaled[0]
            for lag in range(1, 1 + sizes[t]):
                row[lag] += weight * scaled[lag + offset]


@kernel
def window_lags(rows: Array, blocks: NDArray[np.int64], width: int, n: int, out: Array) -> None:
    """Write the lag windows of some blocks without their mean, and then zeros, to ``out``.

    Each is the average of ``width`` rows, the first of which is the block's; rows begin with lag 0,
    which is left out (formulas 33 to 35).
    """
    for i in range(blocks.size):
        window = out[i]
        for lag in range(n):
            window[lag] = rows[blocks[i], 1 + lag]
        for j in range(1, width):
            for lag in range(n):
                window[lag] += rows[blocks[i] + j, 1 + lag]
        mean = 0.0
        for lag in range(n):
            mean += window[lag]
        mean /= n
        for lag in range(n):
            window[lag] = (window[lag] - mean) / width
        window[n:] = 0.0


@kernel
def _magnitude(x: Array, n: int, line: int) -> float:
    """Return the magnitude of a line of the long transform of ``x``, of which ``n`` are not 0."""
    angle = 2.0 * math.pi * line / _BINS
    c, s = math.cos(angle), math.sin(angle)
    c2, s2 = c * c - s * s, 2.0 * s * c
    c4, s4 = c2 * c2 - s2 * s2, 2.0 * s2 * c2
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
def _climb(x: Array, n: int, start: int) -> tuple[int, float]:
    """Return the line of the maximum next to a line, and its magnitude."""
    line, value = start, _magnitude(x, n, start)
    for step in (1, -1):
        while 0 <= line + step <= _BINS // 2:
            following = _magnitude(x, n, line + step)
            if following <= value:
                break
            line, value = line + step, following
        if line != start:
            break
    return line, value


@kernel
def strongest_line(
    x: Array, n: int, lines: SingleSpectrum, magnitude: Array, number: NDArray[np.int64]
) -> None:
    """Find the greatest magnitude, and the lowest line that has it, in the long transform.

    Each row of ``x`` has ``n`` values and then zeros; ``lines`` are its transform of length
    ``x.shape[1]``, at least 4 n, in single precision. A line of the long transform that exceeds all
    of these lies beside one that is at least cos(π(n − 1)/(2 size)) of it (Bernstein's
    inequality), so that only the lines next to few maxima are computed.
    """
    size = x.shape[1]
    bound = math.cos(math.pi * (n - 1) / (2.0 * size)) * (1.0 - _SINGLE)
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
            here = squares[k]
            if here < least or here == 0.0:
                continue
            before = squares[k - 1] if k > 0 else squares[1]
            after = squares[k + 1] if k + 1 < squares.size else squares[k - 1]
            if before > here or after > here:
                continue
            offset = 0.5 * (before - after) / min(before - 2.0 * here + after, -1e-300)
            start = math.floor((k + min(max(offset, -1.0), 1.0)) * _BINS / size + 0.5)
            line_number, value = _climb(x[row], n, min(max(start, 0), _BINS // 2))
            found = max(found, value)
            if math.floor(value / _ROUNDING + 0.5) > steps:
                best, steps = line_number, math.floor(value / _ROUNDING + 0.5)
        while best > 0:
            value = _magnitude(x[row], n, best - 1)
            if math.floor(value / _ROUNDING + 0.5) < steps:
                break
            best -= 1
        magnitude[row], number[row] = found, best
