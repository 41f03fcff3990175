"""Roughness of single ears against the formulas of ECMA-418-2:2025, written down plainly."""

from functools import partial

import numpy as np
import pytest
from indicators.hearing_model.single_ears import specific_of
from scipy.signal import find_peaks, peak_prominences

from soundcal.indicators.hearing_model.roughness_analysis import RATE_WEIGHTS, RoughnessAnalysis
from soundcal.indicators.hearing_model.roughness_kernels import block_amplitudes, reduce_noise

LINE = 1500 / 512

specific = partial(specific_of, RoughnessAnalysis)
"""Specific roughness over time of a recipe."""


def single(patterns):
    return np.percentile(0.5 * patterns[16:].sum(axis=1), 90)


@pytest.mark.parametrize(
    ("band", "best_rate", "scale", "q2_high", "q2_low"),
    [
        (0, 4.473, 0.4509, 0.2471, 1.3916),
        (1, 18.235, 0.5003, 0.2471, 1.3273),
        (2, 29.349, 0.5364, 0.2493, 1.2894),
        (10, 67.490, 0.7431, 0.3252, 1.1584),
        (16, 72.183, 0.9501, 0.3904, 1.1026),
        (17, 72.380, 0.9631, 0.4019, 1.0942),
        (34, 72.694, 0.3843, 0.6407, 0.9624),
        (52, 72.694, 0.2460, 0.9979, 0.8277),
    ],
)
def test_weights_of_the_rates_per_band(band, best_rate, scale, q2_high, q2_low):
    found = [values[band] for values in RATE_WEIGHTS]
    assert found[0] == pytest.approx(best_rate, abs=6e-4)
    assert found[1:] == pytest.approx([scale, q2_high, q2_low], abs=6e-5)


BIAS = [0, 0.0457, 0.0907, 0.1346, 0.1765, 0.2157, 0.2515, 0.2828, 0.3084, 0.3269, 0.3364, 0.3348]
BIAS += [0.3188, 0.2844, 0.2259, 0.1351, 0]
BIAS = np.array(BIAS + [-BIAS[32 - theta] for theta in range(17, 33)] + [0])


def plain_rate(before, at, after, k):
    rough = (k - (after - before) / (2 * (before + after - 2 * at))) * LINE
    theta = np.arange(34)
    beta = (np.floor(rough / LINE) + theta / 32) * LINE - (rough + BIAS)
    nearest = np.argmin(np.abs(beta[:33]))
    between = nearest > 0 and beta[nearest] * beta[nearest - 1] < 0
    c = nearest if between else nearest + 1
    slope = (BIAS[c] - BIAS[c - 1]) / (beta[c] - beta[c - 1])
    return rough + BIAS[c - 1] - slope * beta[c - 1]


def resonance(f, best, q1, q2):
    return (1 + ((f / best - best / f) * q1) ** 2) ** -q2


def plain_complex(rates, base):
    """Indices of the peaks that are harmonics of one of them."""
    nearest = {}
    for i, rate in enumerate(rates):
        order = np.floor(rate / base + 0.5)
        error = abs(rate / (order * base) - 1) if order else np.inf
        if order and error < nearest.get(order, (np.inf, 0))[0]:
            nearest[order] = (error, i)
    return [i for error, i in nearest.values() if error < 0.04]


def plain_amplitude(spectrum, best, scale, q2_high, q2_low):
    part = spectrum[2:256]
    places = find_peaks(part)[0]
    prominences = peak_prominences(part, places)[0]
    places = np.sort(places[np.argsort(-prominences)[:10]]) + 2
    if not places.size:
        return 0.0
    places = places[spectrum[places] > 0.05 * spectrum[places].max()]
    rates = np.array([plain_rate(*spectrum[k - 1 : k + 2], k) for k in places])
    weighted = np.array([spectrum[k - 1 : k + 2].sum() * scale for k in places])
    weighted[rates > best] *= resonance(rates[rates > best], best, 1.2822, q2_high)
    weighted[rates <= LINE] = 0
    complexes = [plain_complex(rates, base) for base in rates]
    chosen = int(np.argmax([weighted[members].sum() for members in complexes]))
    members, fundamental = complexes[chosen], rates[chosen]
    centre = (rates * weighted)[members].sum() / (weighted[members].sum() + 1e-12)
    peak_rate = rates[members][np.argmax(weighted[members])]
    amplitude = (1 + 0.1 * abs(centre - peak_rate) ** 0.749) * weighted[members].sum()
    if fundamental <= LINE:
        amplitude = 0.0
    elif fundamental <= best:
        amplitude *= resonance(fundamental, best, 0.7066, q2_low)
    return amplitude if amplitude >= 0.074376 else 0.0


def comb(random):
    """A spectrum with lines at multiples of one rate, some of them shifted or missing."""
    spectrum = 1e-3 * random.random(257)
    base = random.uniform(3.5, 60)
    for order in range(1, 9):
        place = base * order * random.choice([1.0, 1.02, 1.06])
        spectrum += random.exponential() * np.exp(-((np.arange(257) - place) ** 2))
    return spectrum


def test_amplitudes_of_any_spectra_follow_the_formulas():
    random = np.random.default_rng(11)
    spectra = np.array(
        [
            *(random.exponential(size=257) for _ in range(10)),
            *(0.1 * random.random(257) for _ in range(10)),
            *(comb(random) for _ in range(33)),
        ]
    )
    spectra[5, 60:] = 0.0
    spectra[6] = 0.0
    found = np.empty(53)
    block_amplitudes(spectra, *RATE_WEIGHTS, found)
    expected = [plain_amplitude(*each) for each in zip(spectra, *RATE_WEIGHTS, strict=True)]
    assert np.count_nonzero(found) > 40
    np.testing.assert_allclose(found, expected, rtol=1e-10)


def test_noise_reduction_follows_the_formulas():
    random = np.random.default_rng(12)
    for strength in (1.0, 30.0):
        spectra = random.exponential(size=(53, 257)) * np.ones(257)
        spectra[:, 40] *= strength
        mean = spectra.copy()
        mean[1:-1] = (spectra[:-2] + spectra[1:-1] + spectra[2:]) / 3
        total = mean.sum(axis=0)
        weights = 0.0856 * total / (np.median(total[2:256]) + 1e-10)
        weights *= np.clip(0.1891 * np.exp(0.0120 * np.arange(257)), 0, 1)
        kept = weights >= 0.05 * weights[2:256].max()
        weights = np.where(kept, np.clip(weights - 0.1407, 0, 1), 0)
        found = np.empty_like(spectra)
        assert reduce_noise(spectra, found) == np.any(weights[2:256])
        np.testing.assert_allclose(found, weights * mean, rtol=1e-12)


REFERENCE = {"kind": "am", "fc": 1000, "fm": 70, "db": 60, "d": 1.5}


@pytest.fixture(scope="module")
def reference():
    return specific(REFERENCE)


def test_the_definition_is_1_asper(reference):
    assert single(reference) == pytest.approx(1.0, rel=0.0025)


def test_two_thirds_of_a_second_of_silence_are_exactly_0():
    assert not specific({"kind": "silence", "d": 0.66}).any()


def test_steady_sounds_have_no_roughness():
    assert not specific({"kind": "tone", "f": 3150, "db": 60, "d": 0.7})[16:].any()


@pytest.mark.parametrize("cut", [997, 4096, 50000])
def test_any_cutting_of_the_signal_gives_the_same(reference, cut):
    np.testing.assert_allclose(specific(REFERENCE, cut), reference, rtol=0, atol=1e-12)
