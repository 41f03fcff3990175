"""Upgrades of older records to the form in which soundcal would write them today.

When a schema changes, its number goes up by one: ``NAME.schema.json`` gets the new title and
content, the old one stays as ``NAME-VERSION.schema.json``, and a function here turns a record of
the old version into one of the next. A chain of such functions leads from any version to today's.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

__all__ = ["UPGRADES"]

# Version 1 of recordings, playbacks, kept indicators and qualifications: a flag was a sentence, and
# the limit of a check a number; only qualifications had its side and its source beside it.
_TWO_SIDED: Final = ("DC", "clock drift", "level step", "rate", "samples")
_AT_LEAST: Final = ("bits used", "fading", "swing")
_RELATIONS: Final = {"at most": "≤", "at least": "≥", "within ±": "±"}
_UNSPECIFIED: Final = "unspecified"


def _limit(check: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the limit of a check; its side is stated, or follows from the name of the check."""
    if check["limit"] is None:
        return None
    if check.get("relation") is not None:
        relation = _RELATIONS[check["relation"]]
    elif check["name"] in _AT_LEAST:
        relation = "≥"
    else:
        relation = "±" if check["name"] in _TWO_SIDED else "≤"
    source = str(check.get("source", ""))
    return {"value": check["limit"], "relation": relation, "source": source, "remedy": ""}


def _check(check: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: check[key] for key in check if key not in ("relation", "source")}
    return kept | {"limit": _limit(check)}


def _flags(texts: list[str], checks: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Return flags; the kind of one that is the reason of a check is the name of the check."""
    names = {check["reason"]: check["name"] for check in checks if check["reason"]}
    return [{"kind": names.get(text, _UNSPECIFIED), "text": text} for text in texts]


def _recording_2(record: dict[str, Any]) -> dict[str, Any]:
    found = record | {"schema": "soundcal/recording/2"}
    checks = [_check(check) for check in record.get("checks", ())]
    if "checks" in record:
        found["checks"] = checks
    if "flags" in record:
        found["flags"] = _flags(record["flags"], checks)
    if "capture" in record:
        capture = record["capture"]
        found["capture"] = capture | {"flags": _flags(capture["flags"], checks)}
    return found


def _playback_2(record: dict[str, Any]) -> dict[str, Any]:
    return record | {"schema": "soundcal/playback/2", "flags": _flags(record["flags"], [])}


def _qualification_2(record: dict[str, Any]) -> dict[str, Any]:
    checks = [_check(check) for check in record["checks"]]
    return record | {"schema": "soundcal/qualification/2", "checks": checks}


def _indicators_2(record: dict[str, Any]) -> dict[str, Any]:
    # version 1 knew neither the flags it depends on nor a digest: it is read, and computed again
    unknown = {"record_flags": ["not kept by version 1"], "digest": "0" * 64}
    flags = _flags(record["flags"], [])
    return record | {"schema": "soundcal/indicators/2", "flags": flags} | unknown


UPGRADES: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "soundcal/indicators/1": _indicators_2,
    "soundcal/playback/1": _playback_2,
    "soundcal/qualification/1": _qualification_2,
    "soundcal/recording/1": _recording_2,
}
"""For each older schema the function that returns a record in its next version, ``schema``
included; its argument has been checked against the older schema, and may be changed.
"""
