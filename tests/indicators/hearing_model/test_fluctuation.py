import numpy as np
import pytest

from soundcal.errors import SignalError
from soundcal.indicators import fluctuation_ecma
from soundcal.verification.recipes import pressure

LEFT = {"kind": "am", "fc": 1000, "fm": 4, "db": 60, "d": 2.0}
RIGHT = {"kind": "am", "fc": 2500, "fm": 2, "db": 66, "d": 2.0}


@pytest.fixture(scope="module")
def ears():
    return fluctuation_ecma(np.stack([pressure(LEFT), pressure(RIGHT)]), 48000, specific=True)


def test_what_a_result_holds(ears):
    assert (ears.unit, ears.axis_unit, ears.edition) == ("vacil_HMS", "Bark_HMS", "2025")
    assert ears.standard.startswith("ECMA-418-2:2025")
    assert ears.statistic == "90th percentile (type 7)"
    np.testing.assert_allclose(ears.times, np.arange(101) / 50)
    np.testing.assert_allclose(ears.series, 0.5 * ears.specific_series.sum(axis=-1), rtol=1e-12)
    settled = ears.specific_series[:, ears.discarded :]
    assert ears.discarded == 36
    np.testing.assert_allclose(ears.specific, settled.mean(axis=1), rtol=1e-12)
    highest = np.percentile(0.5 * settled.sum(axis=-1), 90, axis=-1)
    np.testing.assert_allclose(ears.value, highest, rtol=1e-12)
    assert ears.statistics["eq"].tolist() == ears.value.tolist()


def test_both_ears_have_the_root_mean_square_of_their_specific_values(ears):
    both = ears.binaural
    left, right = ears.specific_series
    np.testing.assert_allclose(both.specific_series, np.sqrt((left**2 + right**2) / 2), rtol=1e-12)
    settled = 0.5 * both.specific_series[36:].sum(axis=-1)
    assert both.value == pytest.approx(np.percentile(settled, 90), rel=1e-12)


def test_an_ear_is_analysed_like_a_single_signal(ears):
    alone = fluctuation_ecma(pressure(RIGHT), 48000)
    assert alone.value == ears.value[1]
    assert alone.binaural is None
    assert alone.specific_series is None


def test_short_signals_are_refused_or_warned_of(ears):
    with pytest.raises(SignalError, match=r"1\.49998 s is too short: .* at least 1\.5 s"):
        fluctuation_ecma(pressure(LEFT)[: 48000 * 3 // 2 - 1], 48000)
    assert [w.split(":")[0] for w in ears.warnings] == ["settling"]
    assert fluctuation_ecma(np.zeros(5 * 48000), 48000).warnings == ()


def test_silence_of_both_ears_is_exactly_0():
    silent = fluctuation_ecma(np.zeros((2, 3 * 24000)), 48000)
    assert not silent.value.any()
    assert not silent.specific.any()
    assert silent.binaural.value == 0.0
