"""Limits of level and exposure, and the ceilings above them."""

import math
from dataclasses import replace

import pytest

from soundcal.errors import ParameterError
from soundcal.listening.exposure import (
    WEEK_PA2H,
    WEEK_SENSITIVE_PA2H,
    Budget,
    beyond_ceilings,
    beyond_limits,
    exposure_pa2h,
)
from soundcal.listening.presentable import Presentable
from soundcal.listening.study import Limits
from soundcal.units import P_REF


def one_of(level: float, *, duration: float = 30.0, u_above_db: float = 0.0) -> Presentable:
    """Return a presentation whose right ear is 1 dB below the left one."""
    laeq, lafmax, lcpeak = ((level + more, level + more - 1.0) for more in (0.0, 5.0, 20.0))
    return Presentable(
        *("HATS", "CG01", 0.0, "", "", "", level),
        u_db=u_above_db,
        u_above_db=u_above_db,
        laeq=laeq,
        lafmax=lafmax,
        lcpeak=lcpeak,
        predicted_db=level,
        exposure_pa2h=exposure_pa2h(level, duration),
        duration_s=duration,
        peak=0.5,
    )


def test_the_example_of_a_session_and_the_exposures_of_a_week() -> None:
    played = [one_of(70.0)] * (27 * 2)
    assert math.fsum(one.exposure_pa2h for one in played) == pytest.approx(0.0018)
    assert exposure_pa2h(80.0, 40 * 3600) == pytest.approx(WEEK_PA2H)
    assert exposure_pa2h(75.0, 40 * 3600) == pytest.approx(WEEK_SENSITIVE_PA2H, rel=0.01)
    pascal = P_REF * 10 ** (94.0 / 20)
    assert exposure_pa2h(94.0, 3600.0) == pytest.approx(pascal**2)


def test_a_limit_is_lowered_by_the_expanded_uncertainty() -> None:
    limits = Limits(laeq_db=85.0, lafmax_db=95.0, lcpeak_db=120.0)
    assert beyond_limits(limits, one_of(85.0)) == []
    assert beyond_limits(limits, one_of(83.0, u_above_db=1.0)) == []
    (reason,) = beyond_limits(limits, one_of(83.1, u_above_db=1.0))
    assert "CG01 (HATS): LAeq 83.1 dB" in reason
    assert "2.0 dB" in reason
    assert "85 dB" in reason


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(laeq_db=60.0), "LAeq 70.0"),
        (Limits(lafmax_db=74.0), "LAFmax 75.0"),
        (Limits(lcpeak_db=89.0), "LCpeak 90.0"),
    ],
)
def test_every_level_has_its_limit(limits: Limits, words: str) -> None:
    (reason,) = beyond_limits(limits, one_of(70.0))
    assert words in reason


def test_no_study_lifts_the_ceilings() -> None:
    assert beyond_ceilings(Limits()) == []
    assert beyond_ceilings(Limits(laeq_db=94.0, lcpeak_db=135.0, exposure_pa2h=1.6)) == []
    found = beyond_ceilings(Limits(laeq_db=95.0, lcpeak_db=140.0, exposure_pa2h=2.0))
    assert [text.split(" = ")[0] for text in found] == [
        "limit laeq_db",
        "limit lcpeak_db",
        "limit exposure_pa2h",
    ]
    loud = Limits(laeq_db=120.0, lafmax_db=200.0, lcpeak_db=200.0)
    assert beyond_limits(loud, one_of(94.1))[0].endswith(
        "exceeds the limit of 94 dB; lower the target or the uncertainty"
    )
    assert beyond_limits(Limits(laeq_db=math.nan), one_of(70.0))


def test_a_level_that_is_not_known_is_beyond_every_limit() -> None:
    for levels in ((math.nan, 60.0), (60.0, math.nan)):
        one = replace(one_of(60.0), laeq=levels)
        (reason,) = beyond_limits(Limits(), one)
        assert reason.startswith("CG01 (HATS): LAeq nan dB")


def test_a_budget_ends_with_the_play_that_would_cross_it() -> None:
    one = one_of(80.0, duration=1800.0)
    budget = Budget(3.5 * one.exposure_pa2h)
    used, played = 0.0, 0
    while budget.allows(one, used):
        used += one.exposure_pa2h
        played += 1
    assert played == 3
    less = Budget(3.5 * one.exposure_pa2h, u_db=0.5)
    assert less.allowed_pa2h == pytest.approx(budget.allowed_pa2h / 10**0.1)
    assert not less.allows(one, 2.0 * one.exposure_pa2h)
    assert not budget.allows(one, 0.0, week=WEEK_PA2H)


@pytest.mark.parametrize("limit", [0.0, -0.1, 1.7, math.nan])
def test_a_budget_beyond_a_week_is_refused(limit: float) -> None:
    with pytest.raises(ParameterError, match="Pa²h"):
        Budget(limit)
