"""Fluctuation strength of single ears."""

from functools import partial

import numpy as np
import pytest
from indicators.hearing_model.single_ears import specific_of

from soundcal.indicators.hearing_model.fluctuation_analysis import FluctuationAnalysis

DEFINITION = {"kind": "am", "fc": 1000, "fm": 4, "db": 60}

specific = partial(specific_of, FluctuationAnalysis)
"""Specific fluctuation strength over time of a recipe."""


@pytest.fixture(scope="module")
def five_seconds():
    return specific({**DEFINITION, "d": 5.0})


@pytest.fixture(scope="module")
def odd_end():
    """A signal that ends within a hop and within a step of the grid."""
    return specific({**DEFINITION, "fm": 6.3, "m": 0.8, "d": 1.867})


def test_the_definition_settles_towards_1_vacil(five_seconds):
    series = 0.5 * five_seconds.sum(axis=1)
    assert series.size == 251
    # values of the specification, which other implementations confirm
    assert np.percentile(series[36:], 90) == pytest.approx(0.993195, rel=1e-5)
    assert series[[40, 80, 120, 180]] == pytest.approx(
        [0.59842, 0.859035, 0.948728, 0.986291], 1e-5
    )


def test_the_definition_is_heard_in_the_bands_around_its_carrier(five_seconds):
    average = five_seconds[36:].mean(axis=0)
    assert np.flatnonzero(average).tolist() == list(range(12, 25))
    assert average[[14, 16, 17, 20]] == pytest.approx(
        [0.107332, 0.338464, 0.371846, 0.112898], 1e-5
    )


@pytest.mark.parametrize("cut", [1000, 70001])
def test_any_cutting_of_the_signal_gives_the_same(odd_end, cut):
    again = specific({**DEFINITION, "fm": 6.3, "m": 0.8, "d": 1.867}, cut)
    assert odd_end.shape == (94, 53)
    assert odd_end.max() > 0.1
    np.testing.assert_allclose(again, odd_end, rtol=0, atol=1e-12)


def test_silence_is_exactly_0():
    assert not specific({"kind": "silence", "d": 1.5}).any()


@pytest.mark.parametrize(
    "recipe",
    [
        {"kind": "tone", "f": 1000, "db": 60, "d": 3.0},
        {"kind": "gated", "f": 1000, "db": 60, "on": 0.4, "off": 0.6, "d": 3.0},
    ],
)
def test_steady_tones_and_long_gaps_have_none(recipe):
    assert not specific(recipe)[60:].any()


def test_the_rate_of_sampling_changes_little():
    high = specific({**DEFINITION, "d": 1.5}, fs=96000)
    low = specific({**DEFINITION, "d": 1.5}, fs=44100)
    np.testing.assert_allclose(low, high, rtol=0, atol=2e-3 * high.max())
