"""Front end of the hearing model: gains, filters, cutting, rates."""

import numpy as np
import pytest
from scipy.signal import lfilter

from soundcal.errors import ParameterError
from soundcal.indicators.hearing_model.basis import loudness_of_level
from soundcal.indicators.hearing_model.front_end import FrontEnd
from soundcal.indicators.hearing_model.tables import (
    BANDWIDTHS,
    BLOCK,
    CENTRES,
    EAR_SECTIONS,
    N_BANDS,
)
from soundcal.units import P_REF

FS = 48000
NOISE = 0.05 * np.random.default_rng(17).standard_normal(9001)


def bands_of(
    x: np.ndarray,
    fs: float = FS,
    field: str = "free",
    cuts: tuple[int, ...] = (),
    ringing: int = 0,
) -> np.ndarray:
    front_end = FrontEnd(fs, field)
    pieces = []
    for block in np.split(x, cuts):
        pieces += [bands.copy() for bands in front_end.push(block)]
    pieces += [bands.copy() for bands in front_end.finish()]
    assert front_end.n == -(-x.size * FS // fs)
    pieces += [bands.copy() for bands in front_end.ringing(ringing)]
    assert all(piece.shape[1] <= 4096 for piece in pieces)
    return np.concatenate(pieces, axis=1)


def test_bands() -> None:
    assert CENTRES[[0, 17, 52]] == pytest.approx([41.009, 1027.025, 18427.699], abs=6e-4)
    assert BANDWIDTHS[[0, 17, 52]] == pytest.approx([82.197, 185.272, 2982.727], abs=6e-4)
    assert [int(np.sum(size == BLOCK)) for size in (8192, 4096, 2048, 1024)] == [3, 13, 9, 28]


def test_band_signals_are_those_of_the_filters_one_by_one() -> None:
    """Ear sections by SciPy, then the band filter of 5.1.4 as five complex sections."""
    y = np.concatenate([NOISE, np.zeros(3000)])
    y[:240] *= 0.5 - 0.5 * np.cos(np.pi * np.arange(240) / 240)
    for b0, b1, b2, a1, a2 in EAR_SECTIONS:
        y = lfilter([b0, b1, b2], [1.0, a1, a2], y)
    found = bands_of(NOISE, ringing=3000)
    assert found.shape == (N_BANDS, y.size)
    for b in (0, 1, 17, 52):
        d = np.exp(-512 * BANDWIDTHS[b] / (70 * FS))
        q = d * np.exp(2j * np.pi * CENTRES[b] / FS)
        e = np.array([0, 1, 11, 11, 1])
        z = lfilter((1 - d) ** 5 / (e @ d ** np.arange(5)) * e * q ** np.arange(5), [1], y + 0j)
        for _ in range(5):
            z = lfilter([1], [1, -q], z)
        assert np.max(np.abs(found[b] - 2 * z.real)) < 1e-12 * np.max(np.abs(z))


@pytest.mark.parametrize(
    ("field", "gains"),
    [
        ("free", {250: -5.77, 1000: 0.0, 3150: 5.21, 12500: -10.42}),
        ("diffuse", {250: -5.82, 1000: 0.207, 3150: 5.84, 12500: -10.40}),
    ],
)
def test_gains_of_ear_and_band(field: str, gains: dict[int, float]) -> None:
    """Gains of the specification; the band's own gain is taken off by its formula."""
    t = np.arange(14400) / FS
    tones = [np.sqrt(2) * np.sin(2 * np.pi * f * t) for f in gains]
    for (frequency, gain), tone in zip(gains.items(), tones, strict=True):
        b = int(np.argmin(np.abs(CENTRES - frequency)))
        d = np.exp(-512 * BANDWIDTHS[b] / (70 * FS))
        offset = d * np.exp(2j * np.pi * (CENTRES[b] - frequency) / FS)
        e = np.array([0, 1, 11, 11, 1])
        response = (e @ offset ** np.arange(5)) / (1 - offset) ** 5
        response *= (1 - d) ** 5 / (e @ d ** np.arange(5))
        level = 20 * np.log10(np.sqrt(np.mean(bands_of(tone, field=field)[b, 4800:] ** 2)))
        assert level - 20 * np.log10(abs(response)) == pytest.approx(gain, abs=0.01)


def test_a_band_passes_its_centre_and_half_its_width() -> None:
    t = np.arange(14400) / FS
    ear = np.array([[1.0, *row] for row in EAR_SECTIONS])
    for offset, gain in ((0.0, 0.0), (0.5, -3.676), (-0.5, -3.676)):
        f = CENTRES[17] + offset * BANDWIDTHS[17]
        z = np.exp(-2j * np.pi * f / FS) ** np.arange(3)
        outer = np.prod([(row[1:4] @ z) / (row[[0, 4, 5]] @ z) for row in ear])
        tone = np.sqrt(2) * np.sin(2 * np.pi * f * t) / abs(outer)
        level = 20 * np.log10(np.sqrt(np.mean(bands_of(tone)[17, 4800:] ** 2)))
        assert level == pytest.approx(gain, abs=0.01)


@pytest.mark.parametrize("fs", [48000, 44100])
def test_cutting_does_not_matter(fs: int) -> None:
    whole = bands_of(NOISE, fs, ringing=100)
    cut = bands_of(NOISE, fs, cuts=(1, 1, 239, 4096, 4097, 9000), ringing=100)
    assert np.array_equal(whole, cut)


def test_other_rates_give_the_same_band_signals() -> None:
    def tone(fs: int) -> np.ndarray:
        return np.sin(2 * np.pi * 997 * np.arange(fs // 5) / fs)

    reference = bands_of(tone(FS))[17]
    for fs in (44100, 96000):
        assert np.max(np.abs(bands_of(tone(fs), fs)[17] - reference)[1000:-500]) < 1e-4


def test_after_the_signal_the_bands_ring_down_to_zero() -> None:
    ringing = bands_of(NOISE, ringing=24000)[:, NOISE.size :]
    assert np.all(ringing[:, -256:] == 0.0)
    assert np.all(bands_of(np.zeros(5000)) == 0.0)


def test_unknown_field() -> None:
    with pytest.raises(ParameterError, match="'outdoors'; free, diffuse, eardrum"):
        FrontEnd(FS, "outdoors")


def test_growth_of_loudness() -> None:
    """Check numbers at 0 to 100 dB in steps of 20 dB."""
    found = loudness_of_level(P_REF * 10.0 ** np.arange(6.0)[np.newaxis])
    numbers = [0.0207615, 0.1437851, 0.3959266, 0.7919038, 1.7130156, 6.0346469]
    assert found[0] == pytest.approx(numbers, abs=5e-8)
    assert loudness_of_level(np.zeros(3)).tolist() == [0.0, 0.0, 0.0]
