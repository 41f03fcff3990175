import numpy as np
import pytest

from soundcal.indicators.hearing_model.fluctuation_kernels import _weight, complexes, cut_out

T = np.arange(2048) / 1500
MODULATED = 0.05 * (1 + 0.5 * np.cos(2 * np.pi * 4.1 * T))


def window_of(envelope):
    """First and last value of the analysis window."""
    windows = np.empty((1, 2), dtype=np.int64)
    cut = envelope[np.newaxis].copy()
    cut_out(cut, windows)
    first, last = windows[0]
    assert np.array_equal(cut[0, first : last + 1], envelope[first : last + 1])
    assert not cut[0, :first].any()
    assert not cut[0, last + 1 :].any()
    return first, last


def analysed(envelope, carrier=1.0):
    """Weighted power and power of the modelled band of one envelope."""
    windows, found = np.empty((1, 2), dtype=np.int64), np.empty((1, 2))
    cut = envelope[np.newaxis].copy()
    cut_out(cut, windows)
    complexes(np.fft.rfft(cut, axis=1), windows, np.array([carrier]), found)
    return found[0]


def with_gap(begin, end):
    return np.where((np.arange(2048) >= begin) & (np.arange(2048) < end), 1e-5, MODULATED)


@pytest.mark.parametrize(
    ("envelope", "expected"),
    [
        (MODULATED, (64, 1983)),
        (with_gap(0, 700), (700, 1983)),
        (with_gap(1500, 2048), (64, 1499)),
        (with_gap(800, 1120), (64, 1983)),  # 320 values are no longer period
        (with_gap(800, 1121), (1184, 1983)),
        (with_gap(1000, 1400), (64, 936)),
        (with_gap(300, 2048), (0, -1)),  # ends before 511
        (with_gap(0, 1700), (0, -1)),  # shorter than 320
        (0.05 * np.ones(2048), (0, -1)),
        (0.05 + 2e-5 * np.arange(2048), (0, -1)),  # a straight line
        (1e-4 * MODULATED, (64, 1983)),
        (6e-5 * MODULATED, (0, -1)),  # nowhere above 5 µPa
        (np.zeros(2048), (0, -1)),
    ],
)
def test_the_analysis_window_leaves_out_quieter_periods(envelope, expected):
    assert window_of(envelope) == expected


def test_the_window_is_found_in_the_moving_median_of_33():
    envelope = np.abs(np.random.default_rng(3).standard_normal(2048)) * 0.01
    envelope *= np.concatenate([np.zeros(400), np.linspace(0.0, 1.0, 1648) ** 4])
    median = np.array([np.median(envelope[max(i - 16, 0) : i + 17]) for i in range(2048)])
    smoothed = np.round(median, 8)[64:1984]
    loud = np.flatnonzero(smoothed >= round(0.01 * smoothed.max(), 8))
    assert window_of(envelope) == (64 + loud[0], 64 + loud[-1])


def test_weight_of_modulation_rates_at_1027_hz():
    carrier = 1 / (1 + 0.092623 * abs(np.log2(1.027025)) ** 1.24)
    rates = (0.5, 1, 2, 4, 8, 16)
    expected = (0.1262, 0.3520, 0.7283, 0.9856, 0.7915, 0.1921)
    assert [_weight(float(f), carrier) for f in rates] == pytest.approx(expected, abs=5e-5)
    assert _weight(0.0, carrier) == 0.0


@pytest.mark.parametrize("rate", [1.3, 3.37, 4.0, 9.1, 23.0])
def test_one_modulation_between_the_bins_has_its_power_and_weight(rate):
    envelope = 0.03 * (1 + 0.4 * np.cos(2 * np.pi * rate * T + 1.1))
    weighted, power = analysed(envelope, 0.8)
    line = (0.03 * 0.2) ** 2
    # the fine tuning ends within 6e-4 Hz
    assert power == pytest.approx(0.03**2 + 2 * line, rel=2e-4)
    assert weighted == pytest.approx(line * _weight(rate, 0.8), rel=3e-3)


def test_a_complex_has_a_line_at_its_fundamental():
    fundamental = 5 * 1500 / 1920  # its lines are orthogonal in the window

    def envelope(*amplitudes):
        lines = [
            a * np.cos(2 * np.pi * order * fundamental * T + order)
            for order, a in enumerate(amplitudes, start=1)
        ]
        return 0.03 * (1 + sum(lines))

    def power(*amplitudes):
        return 0.03**2 * (1 + 0.5 * sum(a * a for a in amplitudes))

    assert analysed(envelope(0.1, 0.3, 0.25))[1] == pytest.approx(power(0.1, 0.3, 0.25), rel=2e-3)
    # orders 2 and 3 alone are no complex: the stronger line counts
    assert analysed(envelope(0.0, 0.3, 0.25))[1] == pytest.approx(power(0.3), rel=2e-3)


def test_nothing_is_found_without_modulation():
    assert analysed(np.full(2048, 0.05)).tolist() == [0.0, 0.0]
    assert analysed(np.zeros(2048)).tolist() == [0.0, 0.0]
