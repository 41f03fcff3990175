"""Compiled loops of the spectra of long frames. They check nothing: the caller does."""

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.kernel import kernel

__all__ = ["centre_columns", "put_in_order"]


@kernel
def centre_columns(x: Array, mean: float, scale: float, out: Array) -> None:
    """Write columns of samples without their mean, times a factor, to the rows of ``out``.

    The number of rows of ``x`` is a multiple of 4.
    """
    for i in range(0, x.shape[0], 4):
        a, b, c, d = x[i], x[i + 1], x[i + 2], x[i + 3]
        for k in range(a.size):
            row = out[k, i : i + 4]
            row[0], row[1] = (a[k] - mean) * scale, (b[k] - mean) * scale
            row[2], row[3] = (c[k] - mean) * scale, (d[k] - mean) * scale


@kernel
def put_in_order(lines: Spectrum, n: int, out: Spectrum) -> None:
    """Write lines to ``out`` that lie ``n`` apart in the rows; rows above ``n / 2`` are missing."""
    n_rows, n_columns = lines.shape
    for column in range((out.size + n - 1) // n):
        part = out[n * column : n * (column + 1)]
        for k in range(min(n_rows, part.size)):
            part[k] = lines[k, column]
        for k in range(n_rows, part.size):
            line = lines[n - k, n_columns - 1 - column]
            part[k] = complex(line.real, -line.imag)
