"""Records that soundcal wrote as version 1 are read as those of today."""

import json
from pathlib import Path
from typing import Any

from soundcal.files.records import read_json
from soundcal.takes.check import Check, Limit

DATA = Path(__file__).parents[1] / "data"
"""Written by the last revision with version 1, the arrays of the qualification cut to 3 values, the
flags of the playback and of the kept indicators added, the latter cut to 1 row."""


def old(name: str) -> Any:
    return json.loads((DATA / f"{name}-1.json").read_text(encoding="utf-8"))


def today(name: str) -> dict[str, Any]:
    return read_json(DATA / f"{name}-1.json", f"soundcal/{name}/2")


def test_a_recording() -> None:
    before, record = old("recording"), today("recording")
    assert [flag["text"] for flag in record["flags"]] == before["flags"]
    assert record["capture"]["flags"] == record["flags"]
    kinds = [flag["kind"] for flag in record["flags"]]
    assert kinds[0] == "unspecified"  # a report of the driver
    assert {"DC", "crosstalk", "overflows and underflows"} <= set(kinds)
    checks = {(c.name, c.channel): c for c in map(Check.from_dict, record["checks"])}
    relations = {name: check.limit and check.limit.relation for (name, _), check in checks.items()}
    assert relations["DC"] == "±"
    assert relations["bits used"] == "≥"
    assert relations["slips"] == "≤"
    assert relations["quietest 50 ms"] is None
    for check in before["checks"]:
        found = checks[check["name"], check["channel"]]
        assert (found.value, found.verdict) == (check["value"], check["verdict"])
        assert (found.limit and found.limit.value) == check["limit"]
    kept = {key: record[key] for key in before if key not in ("schema", "flags", "checks")}
    kept["capture"] = kept["capture"] | {"flags": before["flags"]}
    assert kept == {key: before[key] for key in kept}


def test_a_playback() -> None:
    (flag,) = today("playback")["flags"]
    assert [flag["text"]] == old("playback")["flags"]


def test_kept_indicators() -> None:
    (flag,) = today("indicators")["flags"]
    assert [flag["text"]] == old("indicators")["flags"]
    assert flag["kind"] == "unspecified"


def test_a_qualification() -> None:
    pairs = list(zip(old("qualification")["checks"], today("qualification")["checks"], strict=True))
    sides = {"at most": "≤", "at least": "≥", "within ±": "±"}
    assert {before["relation"] for before, _ in pairs} == {*sides, None}
    for before, record in pairs:
        limit = Check.from_dict(record).limit
        if before["limit"] is None:
            assert limit is None
        else:
            side = sides[before["relation"]]
            assert limit == Limit(before["limit"], side, before["source"])
