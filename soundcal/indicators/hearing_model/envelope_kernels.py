"""Compiled loops of the envelopes of band signals. They check nothing: the callers do."""

import math

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.kernel import kernel, summing_kernel

__all__ = ["add_weighted", "energies", "magnitude", "sequences", "store"]


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
def energies(ring: Array, first: int, length: int, out: Array) -> None:
    """Write the sums of the squares of the positive samples from place ``first`` on."""
    phases, size = ring.shape[1:]
    for band in range(out.size):
        total = 0.0
        for place in range(first, first + length):
            positive = max(ring[band, place % phases, place // phases % size], 0.0)
            total += positive * positive
        out[band] = total


@kernel
def sequences(ring: Array, bands: NDArray[np.int64], first: int, out: Array) -> None:
    """Copy every 32nd sample from place ``first`` on, and those after an odd number of samples.

    ``out`` has the shape (n, 1 + phases / 2, block length / phases).
    """
    phases, end = ring.shape[1:]
    size = out.shape[2]
    for i in range(bands.size):
        for row in range(out.shape[1]):
            place = first + max(2 * row - 1, 0)
            source = ring[bands[i], place % phases]
            begin = place // phases % end
            n = min(size, end - begin)
            out[i, row, :n] = source[begin : begin + n]
            out[i, row, n:] = source[: size - n]


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
def magnitude(real: Array, imaginary: Array, out: Array) -> None:
    """Write the magnitudes of complex numbers, shape (n, size)."""
    for row in range(out.shape[0]):
        for i in range(out.shape[1]):
            a, b = real[row, i], imaginary[row, i]
            out[row, i] = math.sqrt(a * a + b * b)
