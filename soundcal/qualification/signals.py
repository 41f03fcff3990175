"""Test signals for a loop from outputs to inputs, and the analysis of the recorded signals.

Pure signal processing: no device, no limits. :mod:`~soundcal.qualification.measurements` plays the
signals, :mod:`~soundcal.qualification.assessment` judges the numbers.

Response
    An exponential sweep (Farina, AES 108th Convention 2000, preprint 5093; ISO 18233:2006, Annex B)
    is played, and the recorded spectrum is divided by that of the sweep. Distortion of order k
    arrives ``L ln k`` before the linear response, where L is the time in which the frequency grows
    e-fold; the window around the linear response leaves it out.
Tones
    Power in the spectrum of a Kaiser window whose side lobes lie 220 dB down: the fundamental, each
    harmonic and everything else between 20 Hz and 20 kHz are sums of neighbouring lines. In effect
    this replaces the notch filter of AES17 (5.2.8) with one that is a few hertz wide, so no noise
    is lost with the tone, and no line of the tone leaks into the noise.

Levels of tones are in dBFS of AES17 (a full-scale sine has 0 dBFS); levels of noise are rms values
in dB re full scale (where the sine has -3.01 dB).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Samples
from soundcal.units import AES17_OFFSET_DB, aes17, db, from_db, power_db

__all__ = [
    "SILENCE",
    "TONE_HZ",
    "ToneAnalysis",
    "analyse_tone",
    "band_noise",
    "burst_excess",
    "grid",
    "impulse_response",
    "loop_sweep",
    "loop_tone",
    "polarity",
    "response_at",
    "staircase",
    "tone_level",
    "upper_edge",
    "weighted_noise",
    "white_noise",
    "without_tone",
]

Response = NDArray[np.complex128]

TONE_HZ: Final = 997.0
"""Frequency of the tones, Hz: AES17 uses it because it shares no period with sampling rates."""

SWEEP_S: Final = 6.0
_SWEEP_FROM_HZ: Final = 10.0
_SWEEP_TO: Final = 0.49  # of the sampling rate
_FADE_IN_S: Final = 0.3
_FADE_OUT_S: Final = 0.02
_REGULAR: Final = 1e-12
"""Power added to the sweep's spectrum, relative to its largest value: it biases the level at
0.45 fs by 4e-8 dB and suppresses everything beyond the ends of the sweep."""

_POLARITY_HZ: Final = (300.0, 1200.0)
_POLARITY_REACH_S: Final = 0.002

BEFORE_S: Final = 0.05
AFTER_S: Final = 0.5
"""The response is taken from 50 ms before to 0.5 s after its main peak. The second harmonic arrives
0.5 s before it, and 20 Hz needs tenths of a second."""

_KAISER: Final = 30.0
_LOBE: Final = 12
"""Half the width of a line in the spectrum, in lines: the first zero of the window is at
``sqrt(1 + (30/pi)^2) = 9.6``."""

SILENCE: Final = 1e-10
"""Smallest amplitude of a tone as a fraction of full scale: 50 dB below the rounding noise of 24
bits. It replaces the exact zeros of a gate or a pulled plug, so that levels and ratios stay finite.
"""

_HARMONICS: Final = 10
LOWEST_HZ: Final = 20.0
HIGHEST_HZ: Final = 20000.0
_OF_FS: Final = 0.45
_PER_OCTAVE: Final = 24
_NOTCH_Q: Final = 30.0
_BURST_S: Final = 0.125
_BAND_STEP_S: Final = 0.5
_SILENT_DB: Final = -150.0  # the rounding noise of 24 bits is at -149 dB


def upper_edge(fs: int) -> float:
    """Return the upper end of the judged band, Hz: 20 kHz, or 0.45 of the sampling rate."""
    return min(HIGHEST_HZ, _OF_FS * fs)


def loop_tone(fs: int, duration: float, level: float, frequency: float = TONE_HZ) -> Samples:
    """Return a sine of a level in dBFS (AES17), shape (n,).

    >>> float(np.round(np.abs(loop_tone(48000, 1.0, -20.0)).max(), 3))
    0.1
    """
    time = np.arange(round(duration * fs)) / fs
    return np.asarray(from_db(level) * np.sin(2.0 * np.pi * frequency * time))


def staircase(fs: int, levels: Sequence[float], step: float) -> Samples:
    """Return a tone of continuous phase whose level changes in steps of ``step`` s each."""
    size = round(step * fs)
    amplitude = np.repeat([from_db(level) for level in levels], size)
    return np.asarray(amplitude * np.sin(2.0 * np.pi * TONE_HZ * np.arange(amplitude.size) / fs))


def white_noise(fs: int, duration: float, level: float, n_channels: int, seed: int) -> Samples:
    """Return white noise of an rms level in dB re full scale, independent in each channel.

    It is limited to four times its rms value.
    """
    noise = np.random.default_rng(seed).standard_normal((n_channels, round(duration * fs)))
    return np.asarray(np.clip(noise, -4.0, 4.0) * from_db(level))


def _growth(fs: int, duration: float) -> float:
    """Return the time in s in which the frequency of the sweep grows e-fold."""
    return duration / float(np.log(_SWEEP_TO * fs / _SWEEP_FROM_HZ))


def loop_sweep(fs: int, level: float, duration: float = SWEEP_S) -> Samples:
    """Return an exponential sweep from 10 Hz to 0.49 of the sampling rate, level in dBFS."""
    growth = _growth(fs, duration)
    time = np.arange(round(duration * fs)) / fs
    phase = 2.0 * np.pi * _SWEEP_FROM_HZ * growth * np.expm1(time / growth)
    samples = from_db(level) * np.sin(phase)
    rise, fall = round(_FADE_IN_S * fs), round(_FADE_OUT_S * fs)
    samples[:rise] *= _slope(rise)
    samples[-fall:] *= _slope(fall)[::-1]
    return np.asarray(samples)


def _slope(n: int) -> Samples:
    """Return half a Hann window, rising from 0 to 1."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * (np.arange(n) + 0.5) / n))


def polarity(heard: Samples, played: Samples, fs: int) -> float:
    """Return 1 if the sweep, shape (n,), was recorded upright, -1 if inverted, 0 if not at all.

    The correlation covers the part in which the sweep passes from 300 Hz to 1.2 kHz, so that a
    difference between the clocks of output and input, which smears the impulse response over the
    whole sweep, does not matter.
    """
    growth = _growth(fs, played.size / fs)
    first, last = (round(growth * np.log(f / _SWEEP_FROM_HZ) * fs) for f in _POLARITY_HZ)
    reach = round(_POLARITY_REACH_S * fs)
    found = np.correlate(heard[first - reach : last + reach], played[first:last])
    return float(np.sign(found[np.argmax(np.abs(found))]))


def impulse_response(heard: Samples, played: Samples, fs: int) -> Samples:
    """Return the windowed impulse responses between the played and the recorded signals.

    Parameters
    ----------
    heard : ndarray, shape (n_inputs, n)
        Aligned takes of the sweep.
    played : ndarray, shape (m,)
        The sweep.
    fs : int
        Sampling rate in Hz.

    Returns
    -------
    ndarray, shape (n_inputs, n_taps)
        From :data:`BEFORE_S` before to :data:`AFTER_S` after the moment of zero delay.
    """
    from scipy.fft import irfft, next_fast_len, rfft

    before, after = round(BEFORE_S * fs), round(AFTER_S * fs)
    length = next_fast_len(max(heard.shape[1], played.size) + before + after, real=True)
    source = rfft(played, length)
    power = np.abs(source) ** 2
    quotient = rfft(heard, length, axis=1) * np.conj(source) / (power + _REGULAR * power.max())
    whole = np.roll(irfft(quotient, length, axis=1), before, axis=1)
    window = np.ones(before + after)
    rise, fall = before // 2, after // 2
    window[:rise] = _slope(rise)
    window[-fall:] = _slope(fall)[::-1]
    return np.asarray(whole[:, : before + after] * window)


def response_at(taps: Samples, frequency: Samples, fs: int) -> Response:
    """Return the complex response of :func:`impulse_response` at frequencies in Hz."""
    from scipy.fft import next_fast_len, rfft

    before = round(BEFORE_S * fs)
    length = next_fast_len(8 * taps.shape[1], real=True)
    padded = np.zeros((taps.shape[0], length))
    padded[:, : taps.shape[1]] = taps
    spectrum = rfft(np.roll(padded, -before, axis=1), axis=1)
    place = frequency * length / fs
    lines = np.arange(spectrum.shape[1])
    return np.stack(
        [np.interp(place, lines, row.real) + 1j * np.interp(place, lines, row.imag)
         for row in spectrum]
    )  # fmt: skip


def grid(fs: int) -> Samples:
    """Return the frequencies of a response in Hz: 24 per octave around 1 kHz, up to 0.45 fs.

    >>> found = grid(48000)
    >>> round(float(found[0]), 1), float(found[-1]), bool(np.isin(1000.0, found))
    (20.0, 21600.0, True)
    """
    top = _OF_FS * fs
    low = np.ceil(_PER_OCTAVE * np.log2(LOWEST_HZ / 1000.0))
    high = np.floor(_PER_OCTAVE * np.log2(top / 1000.0))
    inside = 1000.0 * 2.0 ** (np.arange(low, high + 1) / _PER_OCTAVE)
    return np.unique(np.concatenate([[LOWEST_HZ], inside, [top]]))


@lru_cache(maxsize=8)
def _window(n: int) -> Samples:
    from scipy.signal.windows import kaiser

    window = np.asarray(kaiser(n, _KAISER, sym=False), dtype=np.float64)
    window.flags.writeable = False
    return window


def _line_power(x: Samples) -> Samples:
    """Return the power per spectral line, one-sided: the sum over a line's lobe is its power."""
    from scipy.fft import rfft

    window = _window(x.size)
    power = np.abs(rfft(x * window)) ** 2
    return np.asarray(2.0 * power / (x.size * np.square(window).sum()))


@dataclass(frozen=True, slots=True, eq=False)
class ToneAnalysis:
    """A tone with its harmonics and noise.

    Parameters
    ----------
    frequency : float
        Measured frequency, Hz.
    level : float
        dBFS (AES17: a full-scale sine has 0).
    harmonics : ndarray, shape (n,)
        Level of the second, third, … harmonic relative to the fundamental, dB.
    thd : float
        Level of all harmonics together relative to the fundamental, dB.
    thdn : float
        Level of everything from 20 Hz to 20 kHz except the fundamental, relative to everything, dB
        (AES17-2015, 6.3.1, except for the narrow notch).
    residual_a : float
        Level of everything except the fundamental, A-weighted, in dBFS (AES17).
    lines_hz, lines : ndarray, shape (n_lines,)
        The spectrum for a plot: frequencies in Hz and levels in dBFS.
    """

    frequency: float
    level: float
    harmonics: Samples
    thd: float
    thdn: float
    residual_a: float
    lines_hz: Samples
    lines: Samples


def analyse_tone(x: Samples, fs: int, frequency: float = TONE_HZ) -> ToneAnalysis:
    """Return the fundamental, harmonics and residual of a steady tone.

    Parameters
    ----------
    x : ndarray, shape (n,)
        The tone, without its beginning and end.
    fs : int
        Sampling rate in Hz.
    frequency : float
        Nominal frequency in Hz; the strongest line within 1 % of it is the fundamental.

    Examples
    --------
    >>> wave = loop_tone(48000, 2.0, -6.0) + loop_tone(48000, 2.0, -66.0, 3 * TONE_HZ)
    >>> found = analyse_tone(wave, 48000)
    >>> round(found.level, 3), round(found.thd, 3), round(float(found.harmonics[1]), 3)
    (-6.0, -60.0, -60.0)
    """
    from soundcal.dsp.weighting import exact_level

    power = _line_power(x)
    hz = fs / x.size
    near = np.arange(round(0.99 * frequency / hz), round(1.01 * frequency / hz) + 1)
    centre = int(near[np.argmax(power[near])])
    fundamental = _lobe(power, centre)
    lobe = np.arange(centre - _LOBE, centre + _LOBE + 1)
    exact = float(lobe @ power[lobe]) / fundamental if fundamental > 0.0 else float(centre)
    n_harmonics = min(_HARMONICS, int(upper_edge(fs) / (exact * hz)))
    orders = range(2, n_harmonics + 1)
    harmonics = np.array([_lobe(power, round(order * exact)) for order in orders])
    rest = power.copy()
    rest[max(0, centre - _LOBE) : centre + _LOBE + 1] = 0.0
    f = np.arange(power.size, dtype=np.float64) * hz
    inside = (f >= LOWEST_HZ) & (f <= upper_edge(fs))
    residual = float(rest[inside].sum())
    weighted = float((rest[inside] * 10.0 ** (exact_level(f[inside], "A") / 10.0)).sum())
    lines_hz, lines = _for_plot(f, power)
    return ToneAnalysis(
        frequency=exact * hz,
        level=aes17(_power_db(fundamental)),
        harmonics=np.array([_power_db(_ratio(float(h), fundamental)) for h in harmonics]),
        thd=_power_db(_ratio(float(harmonics.sum()), fundamental)),
        thdn=_power_db(_ratio(residual, residual + fundamental)),
        residual_a=aes17(_power_db(weighted)),
        lines_hz=lines_hz,
        lines=lines,
    )


def _lobe(power: Samples, centre: int) -> float:
    return float(power[max(0, centre - _LOBE) : centre + _LOBE + 1].sum())


def _ratio(part: float, whole: float) -> float:
    """Return the ratio of two powers; 0 for silence to silence."""
    return part / whole if whole > 0.0 else 0.0


def _power_db(power: float) -> float:
    return power_db(max(power, 0.0))


def _for_plot(f: Samples, power: Samples) -> tuple[Samples, Samples]:
    """Return the largest level in each of 500 steps of a logarithmic axis, in dBFS.

    Each level is the power of all lines that a tone occupies, so that levels of tones read
    correctly.
    """
    total = np.concatenate([[0.0], np.cumsum(power)])
    width = 2 * _LOBE + 1
    bands = np.maximum(total[width:] - total[:-width], 0.0)
    centres = f[_LOBE : _LOBE + bands.size]
    starts = np.unique(np.searchsorted(centres, np.geomspace(LOWEST_HZ, 0.999 * centres[-1], 500)))
    peaks = np.maximum.reduceat(bands, starts)
    return centres[starts], np.asarray(power_db(peaks) + AES17_OFFSET_DB)


def tone_level(x: Samples, fs: int, frequency: float) -> tuple[float, float]:
    """Return the level in dBFS of a tone of known frequency, and its sensitivity to white noise.

    Parameters
    ----------
    x : ndarray, shape (n,)
        The tone.
    fs : int
        Sampling rate in Hz.
    frequency : float
        Hz.

    Returns
    -------
    level : float
        dBFS (AES17), not below -200.
    share : float
        Standard deviation of the amplitude for white noise of rms 1.

    Examples
    --------
    >>> level, share = tone_level(loop_tone(48000, 1.0, -80.0), 48000, TONE_HZ)
    >>> round(level, 4), round(share, 4)
    (-80.0, 0.0079)
    """
    window = np.hanning(x.size)
    turns = np.exp(-2j * np.pi * frequency / fs * np.arange(x.size))
    amplitude = 2.0 * abs(complex((x * window) @ turns)) / float(window.sum())
    share = float(np.sqrt(2.0 * np.square(window).sum()) / window.sum())
    return db(max(amplitude, SILENCE)), share


def without_tone(x: Samples, fs: int) -> Samples:
    """Return takes of a tone, shape (n_channels, n), with the tone filtered out.

    The filter is two notches of 33 Hz at the frequency of the tone in each channel; they settle
    within 0.2 s.
    """
    from scipy.signal import iirnotch, lfilter

    rows = []
    for row in x:
        b, a = iirnotch(analyse_tone(row, fs).frequency, _NOTCH_Q, fs=fs)
        rows.append(lfilter(b, a, lfilter(b, a, row)))
    return np.stack(rows)


def weighted_noise(x: Samples, fs: int, weighting: str, skip: float) -> Samples:
    """Return weighted rms levels of noise in dB re full scale, shape (n_channels,).

    Parameters
    ----------
    x : ndarray, shape (n_channels, n)
        Noise.
    fs : int
        Sampling rate in Hz.
    weighting : {"A", "Z"}
        Frequency weighting; Z excludes the offset.
    skip : float
        Time in s at the beginning that only lets the filter settle.
    """
    power = np.square(_settled(x, fs, weighting, skip))
    return np.asarray(db(np.sqrt(power.mean(axis=1))))


def _settled(x: Samples, fs: int, weighting: str, skip: float) -> Samples:
    """Return noise without its offset, weighted, from where the filter has settled."""
    from soundcal.dsp.weighting import weight

    return weight(x - x.mean(axis=1, keepdims=True), fs, weighting)[:, round(skip * fs) :]


def band_noise(x: Samples, fs: int, skip: float) -> tuple[Samples, Samples]:
    """Return 1/3-octave mid-band frequencies in Hz and levels in dB rms re full scale.

    Class 1 of IEC 61260-1:2014, 20 Hz to 20 kHz, as far as the sampling rate carries them.

    Parameters
    ----------
    x : ndarray, shape (n_channels, n)
        Noise.
    fs : int
        Sampling rate in Hz.
    skip : float
        Time in s at the beginning that only lets the filters settle.

    Returns
    -------
    mid : ndarray, shape (n_bands,)
    levels : ndarray, shape (n_channels, n_bands)
    """
    from soundcal.dsp.octave import BandFilter, bands_between

    rows = []
    for row in x - x.mean(axis=1, keepdims=True):
        filters = BandFilter(bands_between(3, LOWEST_HZ, HIGHEST_HZ), fs, _BAND_STEP_S)
        energies = filters.push(row)
        ends = filters.step_ends(len(energies))
        first = int(np.searchsorted(ends, skip * fs))
        n = ends[-1] - (ends[first - 1] if first else 0)
        rows.append(db(np.sqrt(energies[first:].sum(axis=0) / n)))
    mid = np.array([band.mid for band in filters.bands])
    return mid, np.stack(rows)


def burst_excess(x: Samples, fs: int, skip: float) -> Samples:
    """Return the excess of the loudest 0.125 s over the median, A-weighted, dB per channel.

    The noise of electronics is steady; pieces of 0.125 s of white noise vary by less than 1 dB.
    Sounds of other programs come and go.

    Parameters
    ----------
    x : ndarray, shape (n_channels, n)
        Noise.
    fs : int
        Sampling rate in Hz.
    skip : float
        Time in s at the beginning that only lets the filter settle.
    """
    settled = _settled(x, fs, "A", skip)
    size = round(_BURST_S * fs)
    n = settled.shape[1] // size
    power = np.square(settled[:, : n * size]).reshape(len(x), n, size).mean(axis=2)
    loudest, usual = power.max(axis=1), np.median(power, axis=1)
    floor = 10.0 ** (_SILENT_DB / 10.0)  # below, a digital path is as silent as it can be
    return np.asarray(power_db(np.maximum(loudest, floor) / np.maximum(usual, floor)))
