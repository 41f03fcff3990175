"""Compiled loops of the envelopes of band signals. They check nothing: the callers do."""

import math

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.kernel import kernel, summing_kernel

__all__ = ["add_weighted", "magnitude", "store"]


@summing_kernel
def store(bands: Array, first: int, ring: Array, squares: Array) -> None:
    """Write samples of all bands to a ring, and add up the squares of the positive ones.

    ``ring`` has the shape (n_bands, phases, size) and holds sample ``i`` at
    ``[:, i % phases, i // phases]``; ``first`` is the place of the first sample.
    """
    phases = ring.shape[1]
    for band in range(bands.shape[0]):
        samples = bands[band]
        total = 0.0
        for sample in samples:
            positive = max(sample, 0.0)
            total += positive * positive
        squares[band] += total
        for phase in range(phases):
            begin = (phase - first) % phases
            row = ring[band, phase]
            place = (first + begin) // phases
            for i in range((samples.size - begin + phases - 1) // phases):
                row[place + i] = samples[begin + i * phases]


@kernel
def add_weighted(lines: Spectrum, factors: Spectrum, out: Spectrum) -> None:
    """Add up the spectra (n_bands, n, n_lines) of each band with their factors (n, n_lines)."""
    for band in range(lines.shape[0]):
        out[band] = 0.0
        for row in range(lines.shape[1]):
            for k in range(lines.shape[2]):
                a, b = lines[band, row, k], factors[row, k]
                out[band, k] += complex(
                    a.real * b.real - a.imag * b.imag, a.real * b.imag + a.imag * b.real
                )


@kernel
def magnitude(
    history: Array, bands: NDArray[np.int64], imaginary: Array, first: int, out: Array
) -> None:
    """Write the magnitudes of numbers, shape (n, size), turned so that ``first`` is the first.

    Their real parts are the first of the band's 32 sequences: ``history``, shape (53, 32, size).
    """
    size = out.shape[1]
    for row in range(out.shape[0]):
        for i in range(size):
            place = i + first if i + first < size else i + first - size
            a, b = history[bands[row], 0, place], imaginary[row, place]
            out[row, i] = math.sqrt(a * a + b * b)
