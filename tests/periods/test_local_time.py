"""Periods of local time, through every kind of change of the clock."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from soundcal.errors import ParameterError
from soundcal.periods.local_time import Every, LocalTime, Period, as_every

ZONES = {
    "Europe/Berlin": (datetime(2026, 3, 28, 12), datetime(2026, 10, 24, 12)),
    "Australia/Lord_Howe": (datetime(2026, 10, 3), datetime(2026, 4, 4)),
    "Asia/Kathmandu": (datetime(2026, 3, 1), datetime(2026, 9, 1)),
    "America/Havana": (datetime(2026, 3, 7, 12), datetime(2026, 10, 31, 12)),
    "Africa/Cairo": (datetime(2026, 4, 23, 6), datetime(2026, 10, 29, 6)),
    "America/Sao_Paulo": (datetime(2018, 11, 3, 12), datetime(2018, 2, 17, 12)),
    "Pacific/Apia": (datetime(2011, 12, 29, 12), datetime(2012, 3, 31, 12)),
}


def periods(zone: str, first: datetime, days: float, every: str) -> list[Period]:
    """All periods from an instant (UTC) on."""
    time, at, found = LocalTime(zone), first.replace(tzinfo=UTC), []
    while at < first.replace(tzinfo=UTC) + timedelta(days=days):
        found.append(time.period(at, as_every(every)))
        at = found[-1].end
    return found


@pytest.mark.parametrize("every", ["hour", "1h30m", "15m", "8h", "day"])
@pytest.mark.parametrize("zone", ZONES)
def test_periods_follow_one_another_and_have_names_of_their_own(zone: str, every: str) -> None:
    for first in ZONES[zone]:
        found = periods(zone, first, 2.0, every)
        assert all(a.end == b.start for a, b in pairwise(found))
        assert len({period.name for period in found}) == len(found)
        time = LocalTime(zone)
        for period in found:
            for share in (0.0, 0.31, 0.999999):
                at = period.start + share * (period.end - period.start)
                assert time.period(at, as_every(every)) == period


def lengths(zone: str, day: datetime, every: str) -> dict[str, float]:
    """Periods of one local day that are shorter or longer than asked for, in minutes."""
    time = LocalTime(zone)
    whole = time.period(day.replace(tzinfo=UTC), Every("day"))
    found = periods(zone, whole.start.replace(tzinfo=None), whole.seconds / 86400, every)
    assert found[-1].end == whole.end
    usual = as_every(every).step
    return {p.name[11:]: p.seconds / 60 for p in found if p.seconds != usual}


def test_days_of_the_change_have_23_and_25_hours() -> None:
    for zone, month, day, hours in (
        ("Europe/Berlin", 3, 29, 23.0),
        ("Europe/Berlin", 10, 25, 25.0),
        ("Australia/Lord_Howe", 10, 4, 23.5),
        ("Australia/Lord_Howe", 4, 5, 24.5),
        ("Asia/Kathmandu", 4, 5, 24.0),
    ):
        noon = datetime(2026, month, day, 2, tzinfo=UTC)
        period = LocalTime(zone).period(noon, Every("day"))
        assert (period.name, period.seconds / 3600) == (f"2026-{month:02d}-{day:02d}", hours)


def test_an_hour_that_occurs_twice_is_two_and_one_that_is_left_out_is_none() -> None:
    found = [p.name for p in periods("Europe/Berlin", datetime(2026, 10, 24, 23), 3 / 24, "hour")]
    assert found == [
        "2026-10-25T01:00+02:00",
        "2026-10-25T02:00+02:00",
        "2026-10-25T02:00+01:00",
    ]
    found = [p.name for p in periods("Europe/Berlin", datetime(2026, 3, 29, 0), 2 / 24, "hour")]
    assert found == ["2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"]
    assert lengths("Europe/Berlin", datetime(2026, 10, 25, 12), "hour") == {}


def test_a_change_of_the_clock_ends_a_period() -> None:
    half = lengths("Australia/Lord_Howe", datetime(2026, 4, 5, 2), "hour")
    assert half == {"01:30+10:30": 30.0}
    assert lengths("Australia/Lord_Howe", datetime(2026, 10, 4, 2), "hour") == {"02:30+11:00": 30.0}
    assert lengths("Europe/Berlin", datetime(2026, 3, 29, 12), "1h30m") == {"01:30+01:00": 30.0}
    assert lengths("Europe/Berlin", datetime(2026, 10, 25, 12), "1h30m") == {"02:00+01:00": 60.0}


def test_a_day_without_midnight_begins_at_one_and_one_with_two_at_the_first() -> None:
    cairo = LocalTime("Africa/Cairo")
    day = cairo.period(datetime(2026, 4, 24, 12, tzinfo=UTC), Every("day"))
    assert (cairo.local(day.start).hour, day.seconds / 3600) == (1, 23.0)
    havana = LocalTime("America/Havana")
    day = havana.period(datetime(2026, 11, 1, 12, tzinfo=UTC), Every("day"))
    assert (havana.local(day.start).isoformat()[11:], day.seconds / 3600) == ("00:00:00-04:00", 25)


def test_months_and_years_have_their_days() -> None:
    berlin = LocalTime("Europe/Berlin")
    for month, hours in ((2, 28 * 24), (3, 31 * 24 - 1), (10, 31 * 24 + 1), (12, 31 * 24)):
        period = berlin.period(datetime(2026, month, 14, tzinfo=UTC), Every("month"))
        assert (period.name, period.seconds / 3600) == (f"2026-{month:02d}", hours)
    for year, days in ((2026, 365), (2028, 366)):
        period = berlin.period(datetime(year, 7, 1, tzinfo=UTC), Every("year"))
        assert (period.name, period.seconds / 86400) == (str(year), days)


@pytest.mark.parametrize("text", ["5h", "7m", "0h", "", "m", "fortnight", "1.5h", "25h", "-1h"])
def test_other_lengths_are_refused(text: str) -> None:
    with pytest.raises(ParameterError, match="periods"):
        as_every(text)


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "../etc/passwd", "", "Berlin\x00"])
def test_other_zones_are_refused(zone: str) -> None:
    with pytest.raises(ParameterError, match="Europe/Berlin"):
        LocalTime(zone)
