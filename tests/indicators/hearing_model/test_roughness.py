"""The public roughness: values of both ears, what is left out, short and silent sounds."""

import numpy as np
import pytest

from soundcal.errors import SignalError
from soundcal.indicators import open_stream, roughness_ecma
from soundcal.verification.recipes import pressure

EARS = {
    "kind": "stereo",
    "left": {"kind": "am", "fc": 1000, "fm": 70, "db": 60, "d": 0.9},
    "right": {"kind": "am", "fc": 2000, "fm": 40, "db": 70, "m": 0.6, "d": 0.9},
}


@pytest.fixture(scope="module")
def ears():
    return roughness_ecma(pressure(EARS), 48000, specific=True)


def test_the_value_is_the_90th_percentile_after_the_start(ears):
    assert ears.discarded == 16
    assert ears.series.shape == (2, 46)
    np.testing.assert_allclose(ears.times, np.arange(46) / 50)
    settled = ears.series[:, 16:]
    np.testing.assert_allclose(ears.value, np.percentile(settled, 90, axis=1), rtol=1e-12)
    np.testing.assert_allclose(ears.statistics["max"], settled.max(axis=1), rtol=1e-12)
    assert ears.value[0] == pytest.approx(1.0, rel=0.01)


def test_specific_values_add_up_and_are_averaged(ears):
    assert ears.specific_series.shape == (2, 46, 53)
    np.testing.assert_allclose(ears.series, 0.5 * ears.specific_series.sum(axis=2), rtol=1e-12)
    np.testing.assert_allclose(
        ears.specific, ears.specific_series[:, 16:].mean(axis=1), rtol=1e-12, atol=1e-15
    )


def test_both_ears_are_combined_band_by_band(ears):
    both = np.sqrt(np.mean(ears.specific_series**2, axis=0))
    np.testing.assert_allclose(ears.binaural.series, 0.5 * both.sum(axis=1), rtol=1e-12)
    expected = np.percentile(0.5 * both[16:].sum(axis=1), 90)
    assert ears.binaural.value == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(ears.binaural.specific, both[16:].mean(axis=0), atol=1e-15)


def test_a_stream_in_odd_pieces_gives_the_same(ears):
    stream = open_stream(["RHM"], fs=48000, n_channels=2)
    for piece in np.array_split(pressure(EARS), 13, axis=1):
        stream.push(piece)
    found = stream.finish()["RHM"]
    np.testing.assert_allclose(found.value, ears.value, rtol=0, atol=1e-12)
    assert found.binaural.value == pytest.approx(ears.binaural.value, abs=1e-12)


def test_silence_is_exactly_0():
    result = roughness_ecma(np.zeros(16000), 48000)
    assert result.value == 0.0
    assert not result.series.any()


def test_a_sound_has_to_be_longer_than_the_start():
    sound = pressure({"kind": "am", "fc": 1000, "fm": 70, "db": 60, "d": 0.35})
    assert roughness_ecma(sound, 48000).value > 0.5
    with pytest.raises(SignalError, match=r"0\.32 s"):
        roughness_ecma(sound[:15359], 48000)
