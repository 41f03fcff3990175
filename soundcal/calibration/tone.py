"""Analysis of a recorded tone: frequency, narrow-band rms, steadiness, purity.

The tone is measured by its complex envelope: the samples are shifted down by the tone's frequency
to 0 Hz and averaged under short Hann windows. Noise more than some tens of hertz away does not
count, and a tone whose frequency wanders a little loses no level, unlike in one long Fourier
transform.
"""

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundcal.arrays import Array, Samples
from soundcal.dsp.signal import pressure_array
from soundcal.errors import ParameterError
from soundcal.units import db

__all__ = ["HOP_S", "WINDOW_S", "Tone", "envelope", "measure_tone", "sine", "third_harmonic"]

WINDOW_S: Final = 0.04
HOP_S: Final = 0.01
"""Length and step of the envelope's windows: the second harmonic's image of a 250 Hz tone lies
20 bins away and is suppressed by more than 80 dB."""

_BLOCK: Final = 1000
"""Windows that are multiplied at once."""

_FAST_S: Final = 0.125
"""Time constant F (IEC 61672-1:2013, 5.8.1), with which IEC 60942 defines the fluctuation."""

_SETTLING: Final = 5.0
"""Time constants until the F weighting has settled to within 0.03 dB after a sudden start."""

_BAND: Final = (20.0, 20000.0)
"""Frequencies in Hz in which distortion and noise count; DC and rumble below do not."""

_LINE_WIDTH: Final = 0.01
_LINE_BINS: Final = 16.0
"""Half width of the band that counts as the tone: relative to its frequency, and at least this many
bins, beyond which a Hann window leaks less than -70 dB."""


@dataclass(frozen=True, slots=True)
class Tone:
    """The strongest tone of a signal.

    Parameters
    ----------
    frequency : float
        Frequency in Hz.
    level : float
        Narrow-band rms in dB re full scale (a full-scale sine has -3.01 dB).
    fluctuation : float
        Half the difference between the greatest and the smallest F-weighted level, dB.
    distortion : float
        Rms of everything else between 20 Hz and 20 kHz, relative to the total rms; 1 means no tone.
    dc : float
        Mean of the samples as a fraction of full scale.
    peak : float
        Largest magnitude of a sample as a fraction of full scale.
    """

    frequency: float
    level: float
    fluctuation: float
    distortion: float
    dc: float
    peak: float

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return asdict(self)


def sine(
    level: float, frequency: float = 1000.0, *, fs: int = 48000, duration: float = 1.0
) -> Array:
    """Return a sine with the given rms level, to be played.

    Parameters
    ----------
    level : float
        Rms in dB re full scale, at most -3.01 dB (a full-scale sine).
    frequency : float
        Frequency in Hz; with a whole number of periods in ``duration`` the sine can be looped.
    fs : int
        Sampling rate in Hz.
    duration : float
        Duration in s.

    Returns
    -------
    ndarray, shape (n_samples,)

    Raises
    ------
    ParameterError
        The sine would clip, or its frequency is not below half the sampling rate.

    Examples
    --------
    >>> float(np.round(np.std(sine(-20.0)), 6))
    0.1
    """
    amplitude = math.sqrt(2.0) * 10.0 ** (level / 20.0)
    if not amplitude <= 1.0 + 1e-12:
        raise ParameterError(
            f"sine of {level} dB rms re full scale would clip; at most -3.01 dB is possible"
        )
    if not 0 < frequency < fs / 2:
        raise ParameterError(
            f"sine of {frequency} Hz at {fs} Hz; a frequency below {fs / 2:g} Hz is expected"
        )
    phase = 2.0 * np.pi * frequency / fs * np.arange(round(duration * fs))
    return np.asarray(amplitude * np.sin(phase))


def measure_tone(samples: ArrayLike, fs: float) -> Tone:
    """Return the strongest tone between 20 Hz and 20 kHz.

    Parameters
    ----------
    samples : array_like of float, shape (n_samples,)
        Digital samples, 1.0 is full scale; at least 1 s.
    fs : float
        Sampling rate in Hz.

    Raises
    ------
    SignalError
        The samples are not finite or last less than 1 s.

    Examples
    --------
    >>> tone = measure_tone(sine(-20.0, 1000.2, duration=2.0), 48000)
    >>> round(tone.frequency, 2), round(tone.level, 4)
    (1000.2, -20.0)
    """
    x = pressure_array(samples, fs, minimum=1.0)
    dc = float(x.mean())
    frequency, distortion = _line(x - dc, fs)
    power = _envelope_power(x - dc, fs, frequency)
    return Tone(
        frequency=frequency,
        level=db(math.sqrt(float(power.mean()))),
        fluctuation=_fluctuation(power),
        distortion=distortion,
        dc=dc,
        peak=float(np.abs(x).max()),
    )


def third_harmonic(samples: ArrayLike, fs: float, frequency: float) -> float:
    """Return the rms of the third harmonic relative to that of the tone; 0 above 0.45 fs.

    Noise counts only within some tens of hertz of the harmonic.

    Examples
    --------
    >>> wave = sine(-20.0, 1000.0) + 0.01 * sine(-20.0, 3000.0)
    >>> round(third_harmonic(wave, 48000, 1000.0), 4)
    0.01
    """
    if 3.0 * frequency > 0.45 * fs:
        return 0.0
    x = pressure_array(samples, fs, minimum=1.0)
    tone, harmonic = (
        float(_envelope_power(x - x.mean(), fs, f).mean()) for f in (frequency, 3.0 * frequency)
    )
    return math.sqrt(harmonic / tone) if tone > 0.0 else 0.0


@lru_cache(maxsize=8)
def _hann(n: int) -> Array:
    window = np.hanning(n + 2)[1:-1]
    window.flags.writeable = False
    return window


def _line(x: Array, fs: float) -> tuple[float, float]:
    """Return the frequency in Hz of the strongest line and the share of the rest (rms)."""
    n = x.size
    magnitude = np.abs(np.fft.rfft(x * _hann(n)))
    step = fs / n
    low, high = math.ceil(_BAND[0] / step), math.floor(min(_BAND[1], 0.45 * fs) / step)
    power = magnitude**2
    total = float(power[low : high + 1].sum())
    if total == 0.0:
        return 0.0, 1.0
    top = low + int(np.argmax(power[low : high + 1]))
    # Between two bins of a Hann-windowed line, the ratio of their magnitudes gives the position:
    # offset = (2 r - 1) / (r + 1) (Grandke, IEEE Trans. Instrum. Meas. 32(2), 1983).
    side = 1 if magnitude[min(top + 1, high)] >= magnitude[top - 1] else -1
    ratio = float(magnitude[min(top + side, magnitude.size - 1)] / magnitude[top])
    frequency = (top + side * (2.0 * ratio - 1.0) / (ratio + 1.0)) * step
    half = max(_LINE_WIDTH * frequency / step, _LINE_BINS)
    first, last = max(low, math.floor(top - half)), min(high, math.ceil(top + half))
    tone = float(power[first : last + 1].sum())
    return frequency, math.sqrt(max(total - tone, 0.0) / total)


def envelope(x: Samples, fs: float, frequency: float) -> NDArray[np.complex128]:
    """Return half the tone's amplitude and its phase at the start of each window.

    The windows are Hann windows of ``WINDOW_S``, one every ``HOP_S``. For a frequency of 0, return
    the means under the windows.
    """
    length, hop = round(WINDOW_S * fs), round(HOP_S * fs)
    if x.size < length:
        return np.empty(0, dtype=np.complex128)
    window = _hann(length) / _hann(length).sum()
    carrier = window * np.exp(-2j * np.pi * frequency / fs * np.arange(length))
    frames = np.lib.stride_tricks.sliding_window_view(x, length)[::hop]
    blocks = [frames[n : n + _BLOCK] for n in range(0, len(frames), _BLOCK)]  # bounds the memory
    return np.concatenate([rows @ carrier.real + 1j * (rows @ carrier.imag) for rows in blocks])


def _envelope_power(x: Samples, fs: float, frequency: float) -> Array:
    """Return the tone's mean square under each window, shape (n_windows,)."""
    return np.asarray(2.0 * np.abs(envelope(x, fs, frequency)) ** 2)


def _fluctuation(power: Array) -> float:
    """Return half the range of the F-weighted level in dB."""
    decay = math.exp(-HOP_S / _FAST_S)
    held = decay * float(power[: round(_FAST_S / HOP_S)].mean())
    weighted = np.empty(power.size)
    for i, value in enumerate(power.tolist()):
        weighted[i] = held + (1.0 - decay) * value
        held = decay * weighted[i]
    settled = weighted[round(_SETTLING * _FAST_S / HOP_S) :]
    lowest, highest = float(settled.min()), float(settled.max())
    if lowest <= 0.0:
        return math.inf if highest > 0.0 else 0.0
    return 5.0 * math.log10(highest / lowest)
