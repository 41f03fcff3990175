"""Compiled loops of the autocorrelation and its spectrum. They check nothing: the callers do."""

import math

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.kernel import kernel, summing_kernel
from soundcal.indicators.hearing_model.tables import EPSILON, RATE

__all__ = [
    "collect_blocks",
    "correlate",
    "find_tones",
    "scale_and_share",
    "square_magnitudes",
    "strongest_line",
    "window_lags",
]

_BINS = 16384
"""Length of the transform whose lines are the possible frequencies (formula 36)."""
_ROUNDING = 1e-8
"""Step to which magnitudes are rounded before they are compared."""
_SINGLE = 1e-4
"""More than the share by which lines in single precision are wrong."""

Integers = NDArray[np.int64]
SingleArray = NDArray[np.float32]
SingleSpectrum = NDArray[np.complex64]


@kernel
def square_magnitudes(lines: Spectrum) -> None:
    """Replace the lines by their squared magnitudes."""
    for row in range(lines.shape[0]):
        for k in range(lines.shape[1]):
            line = lines[row, k]
            lines[row, k] = complex(line.real * line.real + line.imag * line.imag, 0.0)


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
    total = _product(block, block)
    out[0] = scale * total / (total + EPSILON)
    last = first + n_lags - 1
    begin, end = block[: n - last], block[last:]
    early, late = _product(begin, begin), _product(end, end)
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
    samples: Array,
    origin: int,
    hop: int,
    basis: Array,
    starts: Integers,
    sizes: Integers,
    sums: Array,
    ready: Integers,
    out: Array,
) -> None:
    """Autocorrelations of the bands' blocks by direct products, for few lags.

    ``samples`` holds the bands' frame from ``origin`` on. Block ``j`` is hops ``j − 3`` to ``j`` of
    it. ``starts`` are the bands' first lags and ``sizes`` the numbers of lags. ``sums``, shape
    (n_bands, 4, 2, most lags), keeps the products of the latest four hops, far and near, which
    four overlapping blocks share. ``ready`` is the first hop that is not in ``sums``; it is set for
    the next frame. ``out``, shape (n_bands, n_blocks, 1 + most lags), receives the rows of audible
    blocks.
    """
    n_blocks = basis.shape[1]
    total = np.empty(sums.shape[3])
    for b in range(basis.shape[0]):
        x, first, n_lags, done = samples[b], starts[b], sizes[b], ready[b]
        for j in range(n_blocks):
            if basis[b, j] == 0.0:
                continue
            for i in range(max(done, j - 3), j + 1):
                far, near = sums[b, i & 3, 0, :n_lags], sums[b, i & 3, 1, :n_lags]
                _add_hop(x, origin + i * hop, hop, first, far, near)
            done = j + 1
            for lag in range(n_lags):
                back = (first + lag) // hop  # hops from a near partner; both must be in the block
                total[lag] = 0.0
                for i in range(j - 3 + back, j + 1):
                    total[lag] += sums[b, i & 3, 1, lag]
                for i in range(j - 2 + back, j + 1):
                    total[lag] += sums[b, i & 3, 0, lag]
            block = x[origin + (j - 3) * hop : origin + (j + 1) * hop]
            _normalise(block, total[:n_lags], first, basis[b, j], out[b, j])
        ready[b] = max(done - n_blocks, -4)


@kernel
def collect_blocks(
    samples: Array, origin: int, length: int, basis: Array, begin: int, stop: int, out: Array
) -> None:
    """Write the audible blocks of some bands to the rows of ``out``, each followed by zeros.

    The bands are ``begin`` to ``stop`` − 1, as in the functions below.
    """
    row = 0
    for b in range(begin, stop):
        for j in range(basis.shape[1]):
            if basis[b, j] > 0.0:
                end = origin + (j + 1) * length // 4
                out[row, :length] = samples[b, end - length : end]
                out[row, length:] = 0.0
                row += 1


@kernel
def scale_and_share(
    samples: Array,
    origin: int,
    length: int,
    basis: Array,
    begin: int,
    stop: int,
    sums: Array,
    lags: Integers,
    users: Integers,
    starts: Integers,
    sizes: Integers,
    weights: Array,
    out: Array,
) -> None:
    """Add the scaled autocorrelations of some bands to the bands that use them.

    ``sums`` has a row for each audible block, as :func:`collect_blocks` writes them, and a column
    for each lag from 0 on. Of each band, ``lags`` are the first lag and the one after the last,
    ``users`` the first band of ``out`` that uses it and the one after the last. Of each band of
    ``out``, ``starts`` are the first lags, ``sizes`` the numbers of lags.
    """
    scaled = np.empty(1 + sums.shape[1])
    row = 0
    for b in range(begin, stop):
        first, end = lags[b]
        for j in range(basis.shape[1]):
            if basis[b, j] == 0.0:
                continue
            last = origin + (j + 1) * length // 4
            block = samples[b, last - length : last]
            _normalise(block, sums[row, first:end], first, basis[b, j], scaled)
            row += 1
            for user in range(users[b, 0], users[b, 1]):
                target = out[user, j]
                weight, offset = weights[user], starts[user] - first
                target[0] += weight * scaled[0]
                for lag in range(1, 1 + sizes[user]):
                    target[lag] += weight * scaled[lag + offset]


@kernel
def window_lags(
    found: Array,
    width: int,
    begin: int,
    stop: int,
    sizes: Integers,
    signal: Array,
    out: Array,
    single: SingleArray,
) -> int:
    """Write the lag windows of some bands' audible blocks without their mean, and then zeros.

    Block ``j`` of a band is the average of the rows ``j`` to ``j + width − 1`` of ``found``, shape
    (n_bands, n, 1 + most lags), which begin with lag 0. That one is left out, and written to
    ``signal``, shape (n_blocks, n_bands) (formulas 33 to 35). Returns the number of rows that are
    written to ``out`` and, in single precision, to ``single``.
    """
    row = 0
    for b in range(begin, stop):
        n = sizes[b]
        for j in range(signal.shape[0]):
            total = 0.0
            for i in range(width):
                total += found[b, j + i, 0]
            signal[j, b] = total / width
            if total == 0.0:
                continue
            window = out[row]
            window[:n] = found[b, j, 1 : 1 + n]
            for i in range(1, width):
                for lag in range(n):
                    window[lag] += found[b, j + i, 1 + lag]
            mean = 0.0
            for lag in range(n):
                mean += window[lag]
            mean /= n
            for lag in range(n):
                window[lag] = (window[lag] - mean) / width
            window[n:] = 0.0
            for lag in range(window.size):
                single[row, lag] = window[lag]
            row += 1
    return row


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
def strongest_line(x: Array, n: int, lines: SingleSpectrum, squares: Array) -> tuple[int, float]:
    """Return the line of the long transform with the greatest magnitude, and the magnitude.

    ``x`` has ``n`` values and then zeros; ``lines`` is its transform of the same length, at least
    4 n, in single precision. A line of the long transform that exceeds all of these lies beside one
    that is at least cos(π(n − 1)/(2 size)) of it (Bernstein's inequality), so that only the lines
    next to few maxima are computed. Of equal lines the lowest counts.
    """
    size = x.size
    bound = math.cos(math.pi * (n - 1) / (2.0 * size)) * (1.0 - _SINGLE)
    top = 0.0
    for k in range(squares.size):
        squares[k] = lines[k].real * lines[k].real + lines[k].imag * lines[k].imag
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
        line_number, value = _climb(x, n, min(max(start, 0), _BINS // 2))
        found = max(found, value)
        if math.floor(value / _ROUNDING + 0.5) > steps:
            best, steps = line_number, math.floor(value / _ROUNDING + 0.5)
    while best > 0:
        value = _magnitude(x, n, best - 1)
        if math.floor(value / _ROUNDING + 0.5) < steps:
            break
        best -= 1
    return best, found


@kernel
def find_tones(
    x: Array,
    lines: SingleSpectrum,
    begin: int,
    stop: int,
    sizes: Integers,
    signal: Array,
    tonal: Array,
    frequency: Array,
) -> None:
    """Write tonal component and frequency in Hz of some bands' audible blocks.

    The rows of ``x`` are those that :func:`window_lags` writes, ``lines`` are their transforms.
    ``signal``, ``tonal`` and ``frequency`` have the shape (n_blocks, n_bands).
    """
    squares = np.empty(lines.shape[1])
    row = 0
    for b in range(begin, stop):
        for j in range(signal.shape[0]):
            if signal[j, b] > 0.0:
                number, magnitude = strongest_line(x[row], sizes[b], lines[row], squares)
                tonal[j, b] = min(4.0 * magnitude / sizes[b], signal[j, b])
                frequency[j, b] = number * (RATE / _BINS)
                row += 1
