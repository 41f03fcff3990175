"""Summaries add up: in any order and any groups, to the last bit, and to what the whole gives."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.dsp.distribution import CountedValues
from soundcal.dsp.signal import exceedance
from soundcal.errors import ParameterError
from soundcal.summaries import (
    Summary,
    check_mergeable,
    merge,
    needed_series,
    statistic,
    value_from,
)
from soundcal.summaries.columns import from_columns, summary_fields, to_columns
from soundcal.summaries.values import MERGEABLE
from soundcal.units import P_REF

NOTHING = CountedValues.of(np.empty(0))


def summary(values: Any, symbol: str = "N", series: str = "", **changed: Any) -> Summary:
    x = np.asarray(values, dtype=np.float64)
    told = {
        "unit": "sone",
        "seconds": Fraction(x.size, 44100),
        "total": sum((Fraction(v) for v in x.tolist() if math.isfinite(v)), Fraction()),
        "maximum": float(x.max()) if x.size else math.nan,
        "minimum": float(x.min()) if x.size else math.nan,
        "peak": math.nan,
        "distribution": CountedValues.of(x),
    }
    return Summary(symbol, series, **(told | changed))


def row(one: Summary) -> list[Any]:
    """Return all that a summary says, NaN as text."""
    table = pa.table(to_columns([one]))
    return [str(value) for value in table.to_pylist()[0].values()]


numbers = st.floats(min_value=0.0, max_value=1e6) | st.just(-math.inf)
summaries = st.lists(numbers, max_size=20).map(summary)


@given(st.lists(summaries, min_size=1, max_size=80), st.randoms(), st.integers(1, 7))
@settings(max_examples=30, deadline=None)
def test_order_and_groups_do_not_change_a_bit(parts: list[Summary], random: Any, size: int) -> None:
    whole = merge(parts)
    mixed = random.sample(parts, len(parts))
    groups = [merge(mixed[i : i + size]) for i in range(0, len(mixed), size)]
    random.shuffle(groups)
    again = merge(groups)
    assert row(again) == row(whole)
    assert again.n == sum(part.n for part in parts)


def test_merged_counts_are_those_of_all_values() -> None:
    x = np.random.default_rng(4).lognormal(2.0, 0.6, 30_000)
    merged = merge(summary(part) for part in np.array_split(x, 100))
    assert merged.distribution == CountedValues.of(x)
    exact = sum((Fraction(value) for value in x.tolist()), Fraction()) / x.size
    assert statistic(merged, "mean") == float(exact)
    assert statistic(merged, "max") == x.max()
    for percent in ("5", "12.5", "90"):
        expected = float(exceedance(x, [float(percent)])[0])
        assert statistic(merged, percent) == pytest.approx(expected, rel=2.0**-16)


def test_levels_of_unequal_durations_are_averaged_by_energy() -> None:
    loud = summary([], "LA", "F", unit="dB", total=Fraction(P_REF**2) * 10**9, seconds=Fraction(1))
    quiet = summary([], "LA", "F", unit="dB", total=Fraction(0), seconds=Fraction(9))
    merged = merge([loud, quiet])
    assert statistic(loud, "eq") == pytest.approx(90.0, abs=1e-12)
    assert statistic(quiet, "eq") == -math.inf
    assert statistic(merged, "eq") == pytest.approx(80.0, abs=1e-12)
    assert statistic(merged, "E") == pytest.approx(90.0, abs=1e-12)
    assert math.isnan(statistic(merged, "5"))
    assert math.isnan(statistic(merged, "max"))


def test_values_of_the_registry() -> None:
    found = {
        (s, series): summary([1.0, 2.0, 4.0], s, series)
        for s, series in (("N", ""), ("S", ""), ("F", ""), ("R", ""), ("LA", "F"), ("LA", "S"))
    }
    assert value_from(found, "LN", "max") == 60.0
    assert value_from(found, "LA", "Smax") == value_from(found, "LA", "max") == 4.0
    assert value_from(found, "PA", "eq") > value_from(found, "N", "5")
    assert math.isnan(value_from(found, "LA", "Imax"))
    assert math.isnan(value_from(found, "T", "5"))
    assert needed_series("Loct", "63") == (("Loct", "63"),)


def test_rows_keep_everything() -> None:
    parts = [
        summary([-math.inf, 0.1, 3.7], "LA", "F", unit="dB", peak=97.1, total=Fraction(0.1)),
        summary([], "Lthird", "1000", unit="dB", seconds=Fraction(1, 3)),
        merge([summary([0.1, 1e-30]), summary([1e30])]),
    ]
    table = pa.table(to_columns(parts), schema=pa.schema(summary_fields()))
    again = from_columns(table.slice(1))
    assert [row(one) for one in again] == [row(one) for one in parts[1:]]
    assert again[0].distribution == NOTHING
    assert again[1].total == Fraction(0.1) + Fraction(1e-30) + Fraction(1e30)


def test_refusals() -> None:
    with pytest.raises(ParameterError, match="of nothing"):
        merge([])
    with pytest.raises(ParameterError, match="LA F in dB, LA S in dB"):
        merge([summary([1.0], "LA", one, unit="dB") for one in "FS"])
    with pytest.raises(ParameterError, match="LA has no statistic 'mean'"):
        statistic(summary([1.0], "LA", "F"), "mean")
    with pytest.raises(ParameterError, match=r"TNR, Nst.*ask for LA, LC"):
        check_mergeable(["N", "TNR", "Nst"])
    with pytest.raises(ParameterError, match="no indicator 'XY'"):
        check_mergeable(["XY"])
    assert "PA" in MERGEABLE
    assert "dL" not in MERGEABLE
