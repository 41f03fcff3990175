import numpy as np
import pytest

from soundcal.indicators.hearing_model.spectral_analysis_kernels import centre, fit_rate, fit_rates

RESOLUTION = 1500 / 2048


def centred(envelope, first, last):
    """What the fits take, from an envelope of which a part is cut out."""
    cut = np.where((np.arange(2048) >= first) & (np.arange(2048) <= last), envelope, 0.0)
    spectrum = np.fft.rfft(cut)
    signal, window = np.empty((3, 49)), np.empty((3, 49))
    centre(spectrum, first, last, signal, window)
    return spectrum, signal, window


def as_printed(spectrum, first, last, rates, n_bins):
    """Constant, powers and error by the least squares of the standard's (123) to (135)."""
    n, k = np.arange(first, last + 1), np.arange(n_bins)

    def shifted(rate):
        return np.exp(2j * np.pi * n * (rate / 1500 - k[:, np.newaxis] / 2048)).sum(axis=1)

    columns = [shifted(0.0)]
    for rate in rates:
        columns += [shifted(rate) + shifted(-rate), 1j * (shifted(rate) - shifted(-rate))]
    matrix = np.array(columns).T
    both = np.concatenate([matrix.real, matrix.imag])
    right = np.concatenate([spectrum[:n_bins].real, spectrum[:n_bins].imag])
    found = np.linalg.lstsq(both, right, rcond=None)[0]
    error = np.sum((right - both @ found) ** 2)
    return found[0], found[1::2] ** 2 + found[2::2] ** 2, error


@pytest.mark.parametrize(("first", "last"), [(64, 1983), (64, 511), (900, 1601)])
def test_a_line_is_found_whatever_part_of_the_envelope_is_analysed(first, last):
    t = np.arange(2048) / 1500
    _, signal, window = centred(0.05 + 0.02 * np.cos(2 * np.pi * 4.1 * t + 0.7), first, last)
    constant, power, error = fit_rate(signal, window, 4.1, np.empty((2, 49)))
    # half the amplitude squared; the spectrum is cut at bin 16
    assert constant == pytest.approx(0.05, rel=1e-6)
    assert power == pytest.approx(0.01**2, rel=1e-6)
    assert error == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("rate", "n_bins"),
    [(0.125, 17), (0.25, 17), (5 * RESOLUTION, 17), (7.3, 18), (20.0, 35), (60.0, 49)],
)
def test_one_line_is_the_least_squares_of_the_standard(rate, n_bins):
    envelope = np.random.default_rng(1).random(2048)
    spectrum, signal, window = centred(envelope, 101, 1750)
    constant, powers, error = as_printed(spectrum, 101, 1750, [rate], n_bins)
    found = fit_rate(signal, window, rate, np.empty((2, 49)))
    assert found == pytest.approx((constant, powers[0], error), rel=1e-9)


@pytest.mark.parametrize(
    ("rates", "n_bins"), [([3.1], 17), ([8.0, 2.2, 5 * RESOLUTION], 19), ([1.0, 1.6, 33.3], 49)]
)
def test_several_lines_are_the_least_squares_of_the_standard(rates, n_bins):
    envelope = np.random.default_rng(2).random(2048)
    spectrum, signal, window = centred(envelope, 64, 1983)
    _, powers, error = as_printed(spectrum, 64, 1983, rates, n_bins)
    found = np.empty(len(rates))
    left = fit_rates(signal, window, np.array(rates), found, np.empty((3, 27, 49)))
    np.testing.assert_allclose(found, powers, rtol=1e-9)
    assert left == pytest.approx(error, rel=1e-9)


def test_two_lines_of_the_same_rate_share_it():
    t = np.arange(2048) / 1500
    _, signal, window = centred(0.05 + 0.02 * np.cos(2 * np.pi * 4.1 * t), 64, 1983)
    powers = np.empty(2)
    error = fit_rates(signal, window, np.array([4.1, 4.1]), powers, np.empty((3, 27, 49)))
    assert powers.sum() == pytest.approx(0.01**2, rel=1e-6)
    assert error == pytest.approx(0.0, abs=1e-9)
