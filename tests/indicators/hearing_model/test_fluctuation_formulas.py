"""Fluctuation strength against the formulas of clause 9, written down plainly.

Band signals of all kinds go through the whole analysis. The reference has none of its shortcuts:
moving medians one by one, the least squares of complex spectra, SciPy's interpolation.
"""

from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.interpolate import PchipInterpolator
from scipy.signal import hilbert

from soundcal.indicators.hearing_model.basis import loudness_of_level
from soundcal.indicators.hearing_model.envelope import EnvelopeBlocks
from soundcal.indicators.hearing_model.fluctuation_analysis import FluctuationAnalysis
from soundcal.indicators.hearing_model.tables import C_F, CENTRES, LTQ

FS = 48000
LINE = 1500 / 2048
EPSILON = 2.2e-16
N = 79000
"""A duration in samples that is no multiple of the hop."""


def moving_median(values, width):
    padded = np.pad(values, width // 2, constant_values=np.nan)
    return np.nanmedian(sliding_window_view(padded, width), axis=1)


def window_of(envelope):
    """First and last value that are analysed (9.1.3), or None."""
    smooth = moving_median(envelope, 33).round(8)
    smooth[:64] = smooth[-64:] = 0
    highest = smooth.max()
    if highest <= 5e-6:
        return None
    low = smooth < round(0.01 * highest, 8)
    first, last = np.flatnonzero(~low)[[0, -1]]
    edges = np.flatnonzero(np.diff(np.concatenate([[False], low[first : last + 1], [False]])))
    runs = [(e - b, first + b, first + e - 1) for b, e in edges.reshape(-1, 2)]
    length, begin, end = max(runs, key=lambda run: run[0], default=(0, 0, 0))
    if length > 320 and begin - first > last - end:
        last = begin - 64
    elif length > 320:
        first = end + 64
    if last - first + 1 < 320 or last < 511:
        return None
    part = smooth[first + 10 : last - 9]
    rest = part - np.polyval(np.polyfit(np.arange(part.size), part, 1), np.arange(part.size))
    return None if rest.std(ddof=1) / part.mean() < 1e-3 else (first, last)


class Envelope:
    """The spectrum of the analysed part of an envelope, and its fits."""

    def __init__(self, envelope, first, last, centre):
        cut = np.where((np.arange(2048) >= first) & (np.arange(2048) <= last), envelope, 0)
        self.spectrum = np.fft.fft(cut)[:49]
        self.sum, self.n = first + last, last - first + 1
        self.carrier = 1 / (1 + 0.092623 * abs(np.log2(centre / 1000)) ** 1.24)

    def shifted(self, rate, k):
        angle = np.pi * (k / 2048 - rate / 1500 + EPSILON)
        return np.exp(-1j * angle * self.sum) * np.sin(angle * self.n) / np.sin(angle)

    def fit(self, rates):
        """Constant, powers and error (123 to 142)."""
        k = np.arange(min(max(17, int(max(rates) / LINE + 0.5) + 8), 49))
        columns = [self.shifted(0, k)]
        for rate in rates:
            up, down = self.shifted(rate, k), self.shifted(-rate, k)
            columns += [up + down, 1j * (up - down)]
        matrix, right = np.array(columns).T, self.spectrum[: k.size]
        both = np.concatenate([matrix.real, matrix.imag])
        x = np.linalg.lstsq(both, np.concatenate([right.real, right.imag]), rcond=None)[0]
        error = np.sum(np.abs(right - matrix @ x) ** 2)
        return x[0], x[1::2] ** 2 + x[2::2] ** 2, error

    def weight(self, f):
        x = (f / 4.8659 - 4.8659 / f) ** 2
        if f <= 4.8659:
            return (1 + x * 0.33048**2) ** -0.85902
        return self.carrier * (1 + x * 0.21792**2) ** -4.6728

    def lines(self):
        """Rates and powers of the prominent lines (9.1.5)."""
        power = np.abs(self.spectrum) ** 2
        k = np.arange(1, 48)
        highest = (power[k] > power[k - 1]) & (power[k] > power[k + 1])
        around = [
            np.arange(i - 1, i + 2) for i in k[highest & (power[k] >= max(1e-3 * power[0], 0.15))]
        ]
        peaks = [LINE * (i * power[i]).sum() / power[i].sum() for i in around]
        grid = 0.25 * 2 ** (np.arange(-1, 15) / 3)
        errors = [self.fit([f])[2] for f in grid]
        least = [i for i in range(1, 15) if errors[i] < min(errors[i - 1], errors[i + 1])]
        rates = peaks
        if least:
            best = grid[min(least, key=lambda i: errors[i])]
            single = [f for f in peaks if abs(f - best) >= 1.25 * LINE]
            rates = [*single, best]
            if len(single) < len(peaks) and self.fit(rates)[2] > self.fit(peaks)[2]:
                rates = peaks
        if not rates:
            return np.empty(0), np.empty(0)
        powers = self.fit(rates)[1]
        kept = powers > 0.05 * powers.max()
        return np.array(rates)[kept], powers[kept]

    def tuned(self, rate):
        """The rate of a line after the damped Newton steps (9.1.7)."""
        x, d = rate / 1500, 1e-5
        for _ in range(40):
            below, here, above = (self.fit([1500 * (x + s * d)])[2] for s in (-1, 0, 1))
            slope, bend = (above - below) / (2 * d), (above - 2 * here + below) / d**2
            step = 0.25 * min(abs(slope) / (abs(bend) + EPSILON), 2e-4)
            x -= np.sign(slope) * step
            if step <= 1e-7:
                break
        return 1500 * x if abs(1500 * x - rate) <= 1.25 * LINE else rate

    def complex(self):
        """Weighted power and power of the strongest complex (9.1.6 to 9.1.9)."""
        rates, powers = self.lines()
        if not rates.size:
            return 0.0, 0.0
        weighted = powers * [self.weight(f) for f in rates]
        i = int(weighted.argmax())
        found = rates[i] = self.tuned(rates[i])
        weighted[i] = self.fit([found])[1][0] * self.weight(found)
        if found < 0.125:
            return 0.0, 0.0
        choices = []
        for part in (1, 2, 3):
            orders = np.floor(rates * part / found + 0.5)
            near = np.abs(rates * part / found - orders) < 0.04 * orders
            members = near & (orders <= 5)
            if part == 1 or 1 in orders[members]:
                choices.append((weighted[members].sum(), -part, sorted({*orders[members]})))
        _, part, orders = max(choices)
        fits = [self.fit([order * found / -part]) for order in orders]
        rates = np.array(orders) * found / -part
        powers = np.array([fit[1][0] for fit in fits])
        weighted = powers * [self.weight(f) for f in rates]
        off = abs((rates * weighted).sum() / (weighted.sum() + EPSILON) - found)
        constant = np.mean([fit[0] for fit in fits])
        return weighted.sum() * (1 + 0.79577 * off**0.43461), constant**2 + 2 * powers.sum()


def amplitudes(block):
    """Amplitudes A of the bands of a block (157 to 161)."""
    found = np.zeros((53, 2))
    for band in np.flatnonzero(block.any(axis=1)):
        envelope = np.abs(hilbert(block[band]))[::32]
        window = window_of(envelope)
        if window is not None:
            found[band] = Envelope(envelope, *window, CENTRES[band]).complex()
    weighted, power = found.T
    loudness = np.maximum(loudness_of_level(np.sqrt(power / 2)) - LTQ, 0)
    scaled = weighted * loudness**2 / (loudness.max() + EPSILON) / (power + EPSILON) * 2048
    return np.where(scaled < 5.2519, 0, scaled)


def expected_of(bands):
    """Specific fluctuation strength over time of band signals."""
    padded = np.concatenate([np.zeros((53, 65536)), bands], axis=1)
    n = bands.shape[1]
    starts = np.array([*range(0, n, 16384), n])
    blocks = [amplitudes(padded[:, start : start + 65536]) for start in starts]
    grid = np.arange(50 * n // FS + 1) / 50
    estimates = np.maximum(PchipInterpolator(starts / FS, blocks)(grid), 0)
    mean = estimates.mean(axis=1)
    ratios = np.sqrt(np.mean(estimates**2, axis=1)) / np.where(mean > 0, mean, 1)
    slope = (np.tanh(1.6407 * (moving_median(ratios, 71) - 2.5804)) + 1) / 2
    targets = C_F * estimates ** (0.58449 + 0.37106 * slope)[:, np.newaxis]
    keep = np.exp(-1 / (50 * 0.75))
    for last, target in pairwise(targets):
        target[:] = (1 - keep) * target + keep * last
    return targets


def band_signals():
    """Carriers of some bands with envelopes of many kinds, in Pa."""
    random = np.random.default_rng(163)
    t = np.arange(N) / FS
    slow = np.interp(t, np.arange(40) / 20, random.random(40))
    cosine = np.cos(2 * np.pi * np.outer([0.7, 2.3, 3.1, 4.6, 5.9, 9.3, 13.8, 31.0], t))
    envelopes = {
        6: 0.02 * (1 + 0.6 * cosine[3] + 0.3 * cosine[1]),  # half of the stronger rate
        11: 0.02 * (1 + 0.5 * cosine[5] + 0.2 * cosine[2]),  # a third
        15: 0.03 * (1 + 0.4 * cosine[3] + 0.4 * cosine[5] + 0.2 * cosine[6]),
        17: 0.03 * (1 + cosine[4]),
        20: 0.01 * (1 + 0.8 * cosine[0]),
        24: 0.05 * slow,
        28: 0.02 * (1 + 0.9 * cosine[2]) * ((t < 0.5) | (t > 0.8)),  # a gap
        33: 0.02 * (0.2 + random.random(N // 500 + 1).repeat(500)[:N]),
        40: 0.01 * np.exp(-3 * t) * (1 + 0.5 * cosine[4] + 0.5 * cosine[7]),
        52: np.full(N, 0.01),
    }
    bands = np.zeros((53, N))
    for band, envelope in envelopes.items():
        bands[band] = envelope * np.sin(2 * np.pi * CENTRES[band] * t)
    return bands


def test_fluctuation_strength_is_that_of_the_formulas():
    bands = band_signals()
    analysis = FluctuationAnalysis()
    blocks = EnvelopeBlocks([analysis.length])
    for part in np.split(bands, np.arange(4096, N, 4096), axis=1):
        for block in blocks.push(np.ascontiguousarray(part)):
            analysis.push(block)
    for block in blocks.finish():
        analysis.push(block)
    analysis.finish(N / 48000)
    found, expected = analysis.take(), expected_of(bands)
    assert np.count_nonzero(expected.max(axis=0)) >= 8
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)
