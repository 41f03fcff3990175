"""Tables of gains: stored in the session that found them, and later used to play to a listener."""

import hashlib
import random
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from soundcal.calibration import hats
from soundcal.files.atomic import partial_file
from soundcal.files.gain_tables import output_table
from soundcal.files.recordings import RecordingRecord
from soundcal.files.records import read_json
from soundcal.files.session import Event
from soundcal.lab.protocol import Bench

__all__ = ["SCHEMA", "keep_gains", "keep_hats_gains", "playing_order", "read_gains"]

SCHEMA: Final = "soundcal/gains/1"
"""Value of the key ``schema`` in a table of gains."""


def keep_gains(bench: Bench, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store a table of gains, one row per stimulus, as a record of the session."""
    bench.session.add_record(name, SCHEMA, {"gains": [dict(row) for row in rows]})


def keep_hats_gains(bench: Bench) -> None:
    """Store the gains found at the ears, as a record and as the table of the published program."""
    rows: list[dict[str, Any]] = []
    searches: list[tuple[str, hats.GainSearch, datetime]] = []
    for event in bench.session.events(Event.AUDIO, Event.TARGET_NOT_REACHED):
        if event["event"] == Event.AUDIO:
            made = RecordingRecord.read(bench.session.path(event["record"]))
            if made.condition != "hats":
                continue
            target, gain_db, search = made.target, made.gain_db, made.search
            stimulus = str(made.stimulus)
        elif search := event["search"]:
            target, gain_db = search["track"]["target"], None
            stimulus = str(event["stimulus"])
        if not search:
            continue
        rows.append({"stimulus": stimulus, "target": target, "gain_db": gain_db, "search": search})
        found = hats.GainSearch.from_dict(search)
        searches.append((stimulus, found, datetime.fromisoformat(event["time"])))
    keep_gains(bench, "gains_hats", rows)
    with partial_file(bench.session.path("gains_hats.csv"), force=True) as temporary:
        temporary.write_text(output_table(searches), encoding="utf-8")


def read_gains(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a table of gains.

    Raises
    ------
    RecordError
        The table cannot be read.
    """
    return list(read_json(path, SCHEMA)["gains"])


def playing_order(
    rows: Sequence[Mapping[str, Any]], participant: str, seed: int
) -> list[Mapping[str, Any]]:
    """Return the playable rows in the random order of one participant.

    The order follows from the participant's id and the seed.
    """
    playable = sorted(
        (row for row in rows if row["gain_db"] is not None), key=lambda row: str(row["stimulus"])
    )
    key = hashlib.sha256(f"{participant}/{seed}".encode()).digest()
    random.Random(int.from_bytes(key, "big")).shuffle(playable)
    return playable
