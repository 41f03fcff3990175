"""Compiled loops of roughness and fluctuation strength. They check nothing: the callers do."""

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.kernel import kernel, summing_kernel

__all__ = ["collect_lines", "excite", "without_mean"]


CHANNELS = 47
LOWER_SLOPE = 27.0
PER_DB = np.log(10.0) / 20.0


@kernel
def put(out: Array, spans: NDArray[np.int64], channel: int, number: int, gain: float) -> None:
    """Enter the gain of a line in a channel, counted from 1; lines come in rising order."""
    out[channel - 1, number] = gain
    if spans[channel - 1, 0] > number:
        spans[channel - 1, 0] = number
    spans[channel - 1, 1] = number + 1


@kernel
def excite(
    lines: Spectrum,
    first: int,
    bark: Array,
    frequency: Array,
    hearing: Array,
    inaudible: Array,
    edges: Array,
    out: Array,
    spans: NDArray[np.int64],
) -> int:
    """Spread the lines of a spectrum over the channels (Terhardt 1979).

    ``lines`` are in Pa (rms); ``hearing`` is the threshold in dB at the lines, ``inaudible`` are
    mean squares safely below it, ``edges`` is the threshold at 0, 0.5, … 24 Bark. ``out``, shape
    (47, n), receives the gains of the lines in every channel; ``spans``, shape (47, 2), the range
    of lines, end excluded, in which they are not zero; on entry it holds the ranges of the previous
    call. Returns the number of audible lines.
    """
    for c in range(CHANNELS):
        out[c, spans[c, 0] : spans[c, 1]] = 0.0
        spans[c, 0], spans[c, 1] = lines.size, 0
    lowest_below, lowest_above = edges.copy(), edges.copy()
    for i in range(1, edges.size):
        lowest_below[i] = min(edges[i], lowest_below[i - 1])
        lowest_above[-1 - i] = min(edges[-1 - i], lowest_above[-i])
    per_channel = np.exp(-0.5 * LOWER_SLOPE * PER_DB)
    audible = 0
    for k in range(first, lines.size):
        line = lines[k]
        energy = line.real * line.real + line.imag * line.imag
        if energy <= inaudible[k]:
            continue
        level = 10.0 * np.log10(energy / 4e-10)
        if level <= hearing[k]:
            continue
        audible += 1
        position = 2.0 * bark[k]
        low, high = int(np.floor(position)), int(np.ceil(position))
        for i in (low, high):
            if 1 <= i <= CHANNELS:
                put(out, spans, i, k, 1.0)
        i = min(low - 1, CHANNELS)
        fall = LOWER_SLOPE * 0.5 * (position - (i + 1))
        gain = np.exp(-fall * PER_DB)
        while i >= 1 and level - fall > lowest_below[i + 1]:
            if level - fall > edges[i + 1]:
                put(out, spans, i, k, gain)
            gain *= per_channel
            fall += 0.5 * LOWER_SLOPE
            i -= 1
        slope = max(24.0 + 230.0 / frequency[k] - 0.2 * level, 0.0)
        step = np.exp(-0.5 * slope * PER_DB)
        i = high + 1
        fall = slope * 0.5 * (i - 1 - position)
        gain = np.exp(-fall * PER_DB)
        while i <= CHANNELS and level - fall > lowest_above[i - 1]:
            if level - fall > edges[i - 1]:
                put(out, spans, i, k, gain)
            gain *= step
            fall += 0.5 * slope
            i += 1
    return audible


@kernel
def collect_lines(
    gains: Array,
    lines: Spectrum,
    spans: NDArray[np.int64],
    channels: NDArray[np.int64],
    shifted: bool,
    out: Spectrum,
) -> None:
    """Write the lines of channels to the rows of ``out``, at their beginning if ``shifted``.

    ``lines`` has a row for each frame; channels are counted on from frame to frame.
    """
    for row in range(channels.size):
        channel = channels[row]
        spectrum = lines[channel // CHANNELS]
        low, after = spans[channel, 0], spans[channel, 1]
        shift = low if shifted else 0
        out[row, : max(low - shift, 0)] = 0.0
        for k in range(low, after):
            gain, line = gains[channel, k], spectrum[k]
            out[row, k - shift] = complex(gain * line.real, gain * line.imag)
        out[row, max(after - shift, 0) :] = 0.0


@summing_kernel
def without_mean(x: Array, window: Array, out: Array) -> None:
    """Multiply samples without their mean by a window."""
    total = 0.0
    for k in range(x.size):
        total += x[k]
    mean = total / x.size
    for k in range(x.size):
        out[k] = (x[k] - mean) * window[k]
