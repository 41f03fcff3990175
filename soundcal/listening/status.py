"""The state of a listening test in numbers, for people without a dashboard."""

from collections import Counter
from typing import Any

from soundcal.files.lock import user_of
from soundcal.listening.answers import equalisations_of
from soundcal.listening.results import Results

__all__ = ["status_of"]


def status_of(results: Results) -> dict[str, Any]:
    """Return the state of a study: people, progress, exposure, level checks; ready for JSON."""
    tables = results.tables
    people = []
    for person in tables["participant"]:
        visits = {row["id"] for row in results.sessions(person["code"])}
        trials = [row for row in tables["trial"] if row["session"] in visits]
        played = results.presentations(person["code"])
        people.append(
            {
                "code": person["code"],
                "state": person["state"],
                "sequence": person["sequence"],
                "visits": len(visits),
                "answered": sum(row["state"] == "answered" for row in trials),
                "trials": len(trials),
                "exposure_pa2h": sum(row["exposure_pa2h"] for row in played),
            }
        )
    checks = tables["level_check"]
    keys = ("at", "kind", "passed", "valid_until", "device")
    return {
        "study": results.study.id,
        "title": results.study.title,
        "version": max((row["version"] for row in tables["study"]), default=None),
        "planned": results.study.participants.planned,
        "states": dict(Counter(person["state"] for person in people)),
        "answers": len(tables["answer"]),
        "presentations": dict(Counter(row["state"] for row in tables["presentation"])),
        "withdrawn": results.withdrawn,
        "open": user_of(results.study.folder),
        "equalised_for": _equalised_for(results),
        "last_level_check": {key: checks[-1][key] for key in keys} if checks else None,
        "participants": people,
    }


def _equalised_for(results: Results) -> list[str]:
    """Return in words how sounds were equalised, or will be, before anything was played."""
    sound = results.study.sound
    played = [str(how) for how in equalisations_of(results.tables["presentation"])]
    return played or ([f"{sound.equalize}, rule {sound.robust}"] if sound.equalize else [])
