"""Bands and limits of ECMA-418-1, by the numbers that it prints and by continuity."""

import numpy as np
import pytest

from soundcal.indicators.prominence import bands


def test_printed_numbers() -> None:
    assert bands.critical_bandwidth(1000.0) == pytest.approx(162.2, abs=0.05)
    assert bands.critical_band(1000.0) == pytest.approx((922.2, 1084.4), abs=0.05)
    assert bands.proximity(150.0) == pytest.approx(23.0, abs=0.5)
    assert bands.tone_to_noise_limit(1000.0) == bands.tone_to_noise_limit(8000.0) == 8.0
    assert bands.prominence_limit(1000.0) == bands.prominence_limit(8000.0) == 9.0
    assert bands.tone_to_noise_limit(250.0) == pytest.approx(13.02, abs=0.005)
    assert bands.prominence_limit(250.0) == pytest.approx(15.02, abs=0.005)


def test_bands_touch_their_neighbours() -> None:
    """The published polynomials are the edges of neighbouring critical bands, roughly."""
    for frequency in (200.0, 500.0, 1000.0, 1600.0, 4000.0, 10000.0):
        lower, upper = bands.critical_band(frequency)
        for edge, beside in (
            (bands.lower_band_edge(frequency), lower),
            (bands.upper_band_edge(frequency), upper),
        ):
            centre = (edge + beside) / 2.0
            assert abs(beside - edge) == pytest.approx(bands.critical_bandwidth(centre), rel=0.06)
    assert bands.lower_band_edge(171.4) == 20.0
    assert bands.lower_band_edge(171.5) == pytest.approx(20.0, abs=0.3)


def test_edges_are_arithmetic_up_to_500_hz_and_geometric_above() -> None:
    lower, upper = bands.critical_band(np.array([100.0, 500.0, 501.0, 5000.0]))
    assert ((lower + upper) / 2.0)[:2] == pytest.approx([100.0, 500.0])
    assert np.sqrt(lower * upper)[2:] == pytest.approx([501.0, 5000.0])


def test_threshold_of_hearing_is_continuous() -> None:
    assert bands.hearing_threshold(1000.0) == pytest.approx(-7.26, abs=0.005)
    for joint in (305.0, 2230.0):
        below, above = (bands.hearing_threshold(joint + step) for step in (-1e-6, 1e-6))
        assert below == pytest.approx(above, abs=0.02)
