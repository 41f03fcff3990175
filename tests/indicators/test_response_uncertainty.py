"""Uncertainty that responses leave in levels, loudness and sharpness."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from soundcal.dsp.octave import bands_between
from soundcal.dsp.weighting import exact_level
from soundcal.indicators import compute
from soundcal.indicators.response_uncertainty import (
    ResponseUncertainty,
    SpectrumOfChannels,
    error_covariance,
)
from soundcal.recording import AppliedResponse, FilterBands, Recording
from soundcal.response import ChannelResponse, Equaliser, new_response
from soundcal.units import P_REF, from_db, power_db

FS = 48000
BANDS = bands_between(3, 12.5, 20000)
MID = np.array([band.mid for band in BANDS])
PINK = ((MID > 24) & (MID < 13000)) * 4e-4  # the bands of ISO 532-1
PINK *= P_REF**2 * 10**6 / (PINK * 10 ** (exact_level(MID) / 10)).sum()  # 60 dB(A)
TRAFFIC = PINK * np.where(MID > 1000, (1000 / MID) ** 2, 1.0)
HISS = PINK * np.where(MID < 3000, (MID / 3000) ** 2, 1.0)


def step(
    u: float = 1.0, octaves: float = 1.0, at: float | None = None, direction: str = "undo"
) -> AppliedResponse:
    n = len(MID)
    none = (0.0,) * n
    bands = FilterBands(tuple(MID), none, none, (u,) * n, (np.inf,) * n, octaves)
    settings = {"fixed_at_hz": at}
    return AppliedResponse(
        "r", "r", f"{u}{octaves}", "DF", "DRP", direction, settings, {"m": bands}
    )


def of(power: Any, *steps: AppliedResponse) -> ResponseUncertainty:
    return ResponseUncertainty(MID, np.asarray(power), error_covariance(steps, "m"))


@pytest.mark.parametrize(
    ("octaves", "u_la", "u_n"),
    [
        (0.0, 0.26, (1.4, 1.7)),
        (1 / 3, 0.41, (2.4, 2.6)),
        (1.0, 0.67, (3.5, 4.2)),
        (np.inf, 1.00, (6.3, 6.9)),
    ],
)
def test_1_db_per_band_in_pink_noise(octaves: float, u_la: float, u_n: Any) -> None:
    found = of(PINK, step(octaves=octaves))
    assert found.of_level("A") == pytest.approx(u_la, abs=0.005)
    n, phon, s = found.of_loudness
    assert u_n[0] <= 100 * n <= u_n[1]
    # twice the loudness is 10 phon more
    assert phon == pytest.approx(10 * n / np.log(2), rel=0.02)
    # sharpness depends on the slope of the spectrum, not on its level
    assert s < 0.003 if octaves == np.inf else 0.01 < s < 0.03


@pytest.mark.long
@pytest.mark.parametrize("power", [PINK, TRAFFIC, HISS])
@pytest.mark.parametrize("octaves", [0.0, 1 / 3, 1.0, np.inf])
def test_the_formula_against_4000_draws(octaves: float, power: Any) -> None:
    compare(octaves, power)


def test_the_formula_against_4000_draws_of_one_case() -> None:
    compare(1.0, TRAFFIC)


def compare(octaves: float, power: Any) -> None:
    found = of(power, step(0.5, octaves))
    for weighting in "AC":
        weighted = power * 10 ** (exact_level(MID, weighting) / 10)
        levels = power_db((weighted * from_db(found.drawn(4000)) ** 2).sum(axis=1))
        assert found.of_level(weighting) == pytest.approx(np.std(levels, ddof=1), rel=0.05)


def test_a_relative_response_is_exact_at_the_calibrator() -> None:
    for octaves in (0.0, 1.0, np.inf):
        covariance = error_covariance([step(0.5, octaves, at=250.0)], "m")
        band = int(np.abs(MID - 250).argmin())
        assert not covariance[band].any()
        assert not covariance[:, band].any()
        far = {0.0: np.sqrt(2), 1.0: np.sqrt(2), np.inf: 0.0}[octaves]
        assert np.sqrt(covariance[-1, -1]) == pytest.approx(0.5 * far, abs=1e-6)
    tone = np.where(np.abs(MID - 251) < 1, 1.0, 0.0)
    assert of(tone, step(at=250.0)).of_level("A") == 0.0
    assert of(tone, step()).of_level("A") == pytest.approx(1.0)


def test_what_was_embedded_and_undone_has_no_uncertainty() -> None:
    embed, undo = (step(direction=direction) for direction in ("embed", "undo"))
    assert not error_covariance([embed, undo], "m").any()
    assert error_covariance([undo], "m").any()
    # of relative ones with other calibrators one error at all frequencies remains
    fixed = [replace(embed, settings={"fixed_at_hz": 250.0}), undo]
    left = error_covariance(fixed, "m")
    np.testing.assert_allclose(left, np.full_like(left, 1.0), atol=1e-12)
    # different responses are independent, one that is undone twice errs twice
    once = error_covariance([undo], "m")
    np.testing.assert_allclose(error_covariance([undo, step(2.0)], "m"), 5 * once)
    np.testing.assert_allclose(error_covariance([undo, undo], "m"), 4 * once)
    silent = of(0 * PINK, undo)
    assert (silent.of_level("A"), silent.of_loudness) == (0.0, (0.0, 0.0, 0.0))


def test_spectra_in_any_blocks_have_the_mean_square() -> None:
    noise = np.random.default_rng(7).standard_normal((2, 30000)) * [[1.0], [0.1]]
    whole = SpectrumOfChannels(FS, 2)
    whole.push(noise)
    parts = SpectrumOfChannels(FS, 2)
    for first, end in ((0, 1), (1, 1024), (1024, 1024), (1024, 30000)):
        parts.push(noise[:, first:end])
    power = whole.finish()
    np.testing.assert_allclose(parts.finish(), power, rtol=1e-12, atol=0)
    np.testing.assert_allclose(power.sum(axis=1), np.square(noise).mean(axis=1))


def test_a_recording_that_was_referred_is_less_certain() -> None:
    rng = np.random.default_rng(8)
    curves = {
        "left": ChannelResponse([20, 20000], [0, 0], u_db=1.0, correlation_octaves=np.inf),
        "right": ChannelResponse([20, 20000], [0, 0], u_db=0.0),
    }
    ear = new_response("E", "DF", "DRP", "absolute", curves)
    noise = 0.02 * rng.standard_normal((2, FS))
    drum = Recording(noise, FS, "c", u_db=(0.3, 0.3), point="DRP")
    undo, embed = (
        Equaliser(ear, direction=d, fs=FS, channels=("left", "right"), taps=256)
        for d in ("undo", "embed")
    )
    field = undo.apply(drum)
    wanted = ["LAeq", "LCpeak", "LAF5", "Lthird1000", "Loct31.5", "N5", "LN5", "S5", "R5"]
    plain, referred, back = (
        {
            (row.channel, row.indicator): row
            for row in compute(of, wanted, field="diffuse", uncertainty=True)
        }
        for of in (drum, field, embed.apply(field))
    )
    for (channel, symbol), row in plain.items():
        u = referred[channel, symbol].u
        assert row.u is not None
        assert u is not None
        assert back[channel, symbol].u == pytest.approx(row.u, rel=1e-6)
        if symbol == "S":  # hardly depends on the level
            assert u < 0.02
            continue
        factor = np.hypot(1.0, 1.0 / 0.3) if channel == "left" else 1.0
        # errors that are alike in all bands raise everything like the calibrator's
        is_level = symbol in ("LA", "LC", "Lthird", "Loct")
        assert u / row.u == pytest.approx(factor, rel=1e-6 if is_level else 0.04)
