"""The checks of the takes in a report: the worst value of each, and what did not pass."""

import math
from typing import Any

from soundcal.recording import Flag
from soundcal.report.sections.takes import take_tables
from soundcal.study import Source
from soundcal.takes.check import Check, Limit, Relation


def check(name: str, value: float, limit: float | None, side: Relation = "≤", **more: Any) -> Check:
    accepted = None if limit is None else Limit(limit, side, "the test")
    return Check(name, value, "dB", accepted, **{"channel": "left", **more})


def source(stimulus: str, *checks: Check, flags: tuple[Flag, ...] = ()) -> Source:
    return Source(f"{stimulus}.wav", "", "ocv", stimulus, "", "", flags, checks=checks)


def rows(*sources: Source) -> dict[str, tuple[Any, ...]]:
    return {str(row[0]): row for row in take_tables(sources)[0].rows}


def test_the_value_nearest_to_its_limit_is_the_worst_of_those_that_passed() -> None:
    found = rows(
        source("A", check("crosstalk", -60.0, -20.0), check("clock drift", -4.0, 5.0, "±")),
        source("B", check("crosstalk", -30.0, -20.0), check("clock drift", 1.0, 5.0, "±")),
    )
    assert found["crosstalk"] == ("crosstalk", 2, -30.0, -20.0, "dB", "pass", "B, ocv, left")
    assert found["clock drift"][2] == -4.0


def test_what_failed_is_worse_than_what_passed_and_the_more_the_worse() -> None:
    failed = {"verdict": "invalid", "reason": "samples missing", "channel": ""}
    found = rows(
        source("A", check("gaps", 0.0, 0.0)),
        source("B", check("gaps", 64.0, 0.0, **failed)),
        source("C", check("gaps", 480.0, 0.0, **failed)),
        source("D", check("gaps", 1000.0, 0.0, verdict="suspect")),
    )
    assert found["gaps"][1:3] == (4, 480.0)
    assert found["gaps"][5:] == ("invalid", "C, ocv")


def test_what_has_no_limit_or_no_value_is_left_out() -> None:
    found = rows(source("A", check("floor", -90.0, None), check("DC", math.nan, 0.01)))
    assert found == {}


def test_takes_are_counted_by_verdict_and_listed_with_their_flags() -> None:
    doubted = source(
        "B", check("DC", 0.1, 0.01, verdict="suspect"), flags=(Flag("DC", "left: DC"),)
    )
    worst, flagged = take_tables([source("A", check("DC", 0.0, 0.01)), doubted])
    assert "1 pass, 1 suspect, 0 invalid" in worst.caption
    assert flagged.rows == (("B.wav", "ocv", "B", "suspect", "left: DC"),)


def test_takes_that_nobody_judged_have_no_verdict() -> None:
    (flagged,) = take_tables([source("A", flags=(Flag("unspecified", "odd"),))])
    assert flagged.rows[0][3] is None
    assert take_tables([source("A")]) == []
