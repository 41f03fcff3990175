"""Tones in white noise, whose ratios follow from a formula."""

import numpy as np

from soundcal.indicators.prominence import bands

FS = 48000
P_REF = 2e-5


def tones(*components: tuple[float, float], seconds: float, fs: int = FS) -> np.ndarray:
    """Return tones of frequencies in Hz and levels in dB."""
    t = np.arange(round(seconds * fs)) / fs
    parts = [
        np.sqrt(2) * P_REF * 10 ** (level / 20) * np.sin(2 * np.pi * f * t)
        for f, level in components
    ]
    return np.sum([np.zeros(t.size), *parts], axis=0)


def white(density: float, *, seconds: float, fs: int = FS, seed: int = 1) -> np.ndarray:
    """Return white noise of a density in dB per Hz."""
    sigma = P_REF * 10 ** (density / 20) * np.sqrt(fs / 2)
    return sigma * np.random.default_rng(seed).standard_normal(round(seconds * fs))


def pink(*, seconds: float, fs: int = FS, seed: int = 1) -> np.ndarray:
    """Return pink noise of 0.1 Pa."""
    n = round(seconds * fs)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n))
    noise = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(spectrum.size), 1.0)), n)
    return 0.1 * noise / noise.std()


def expected_tnr(frequency: float, level: float, density: float) -> float:
    return level - density - 10 * np.log10(bands.critical_bandwidth(frequency))


def expected_pr(frequency: float, components: list[tuple[float, float]], density: float) -> float:
    """Return the prominence ratio of tones in white noise: powers of the true bands."""
    lower, upper = bands.critical_band(frequency)
    edges = (bands.lower_band_edge(frequency), lower, upper, bands.upper_band_edge(frequency))

    def power(low: float, high: float) -> float:
        inside = [10 ** (level / 10) for f, level in components if low < f <= high]
        return 10 ** (density / 10) * (high - low) + sum(inside)

    below, middle, above = map(power, edges[:-1], edges[1:])
    if frequency <= 171.4:
        below *= 100.0 / (edges[1] - edges[0])
    return 10 * np.log10(2 * middle / (below + above))
