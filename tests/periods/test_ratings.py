"""L_day, L_evening, L_night and L_den from closed forms."""

import math
from datetime import UTC, datetime

import pytest

from soundcal.errors import ParameterError
from soundcal.periods.local_time import Every, LocalTime
from soundcal.periods.ratings import DIRECTIVE, as_day_parts


def test_a_constant_level_is_rated_by_the_penalties_alone() -> None:
    level = dict.fromkeys(("day", "evening", "night"), 60.0)
    expected = 60.0 + 10 * math.log10((12 + 4 * 10**0.5 + 8 * 10) / 24)
    assert DIRECTIVE.rating(level) == pytest.approx(expected, abs=1e-12)
    assert DIRECTIVE.rating(level) == pytest.approx(66.4, abs=0.05)


def test_each_part_has_its_hours_and_its_penalty() -> None:
    silent = dict.fromkeys(("day", "evening", "night"), -math.inf)
    for name, share in (("day", 12.0), ("evening", 4.0 * 10**0.5), ("night", 80.0)):
        found = DIRECTIVE.rating({**silent, name: 50.0})
        assert found == pytest.approx(50.0 + 10 * math.log10(share / 24), abs=1e-12)
    assert DIRECTIVE.rating(silent) == -math.inf
    assert math.isnan(DIRECTIVE.rating({**silent, "night": math.nan}))


def test_other_hours_and_penalties_are_stated() -> None:
    for texts, directive in (
        (["day=06:00+0", "evening=18:00+5", "night=22:00+10"], True),
        (["day=07:00+0", "evening=20:00+5", "night=22:00+10"], True),
        (["day=07:00+0", "evening=22:00+5", "night=23:00+10"], False),  # shortened by three hours
        (["day=07:00+0", "evening=19:00+5", "night=00:00+10"], None),
        (["day=07:00+0", "evening=19:00+6", "night=23:00+10"], False),
        (["day=07:00+0", "night=22:00+10"], False),
    ):
        if directive is None:
            with pytest.raises(ParameterError, match="ascend"):
                as_day_parts(texts)
            continue
        parts = as_day_parts(texts)
        assert sum(parts.hours.values()) == 24.0
        assert parts.standard.startswith("Directive 2002/49/EC") == directive
        assert "night from 2" in parts.standard
        assert "+10 dB" in parts.standard


def test_the_night_of_a_change_of_the_clock_is_shorter_or_longer() -> None:
    berlin = LocalTime("Europe/Berlin")
    for month, day, night in ((3, 29, 7.0), (10, 25, 9.0), (7, 1, 8.0)):
        period = berlin.period(datetime(2026, month, day, 12, tzinfo=UTC), Every("day"))
        hours = {n: s / 3600 for n, s in DIRECTIVE.seconds_in(period, berlin).items()}
        assert hours == {"day": 12.0, "evening": 4.0, "night": night}
    year = berlin.period(datetime(2026, 7, 1, tzinfo=UTC), Every("year"))
    found = DIRECTIVE.seconds_in(year, berlin)
    assert found == {"day": 365 * 43200, "evening": 365 * 14400, "night": 365 * 28800}


@pytest.mark.parametrize(
    "texts",
    [
        ["day=07:00+0"],
        ["day=07:00"],
        ["day=7+0", "night=22:00+10"],
        ["day=25:00+0", "night=22:00+10"],
        ["night=22:00+10", "day=07:00+0"],
        ["noon=07:00+0", "night=22:00+10"],
    ],
)
def test_impossible_parts_are_refused(texts: list[str]) -> None:
    with pytest.raises(ParameterError, match="part"):
        as_day_parts(texts)
