"""Tables of gains: stored in the session that found them, and later used to play to a listener."""

import hashlib
import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from soundcal.calibration import hats, ocv
from soundcal.calibration.model import Calibration
from soundcal.files.atomic import partial_file
from soundcal.files.calibrations import load_calibration
from soundcal.files.gain_tables import output_table
from soundcal.files.recordings import RecordingRecord
from soundcal.files.records import read_json
from soundcal.files.session import Event
from soundcal.lab.equalisation import EqualisationRecord
from soundcal.lab.protocol import Bench

__all__ = [
    "SCHEMA",
    "GainRow",
    "GainTable",
    "keep_gains",
    "keep_hats_gains",
    "playing_order",
    "read_gains",
]

SCHEMA: Final = "soundcal/gains/1"
"""Value of the key ``schema`` in a table of gains."""


_ORIGIN: Final = (
    "weighting",
    "calibration",
    "u_db",
    "u_above_db",
    "device",
    "outputs",
    "fs",
    "duration",
)
"""Keys of a table that state its origin."""

_SEATING_DB: Final = 0.5
"""Standard deviation in dB between seatings of the headphones: the assumption of
:func:`soundcal.calibration.hats.calibrate`."""


def keep_gains(
    bench: Bench,
    name: str,
    rows: Sequence[Mapping[str, Any]],
    calibration: Calibration | None = None,
    *,
    seating_db: float = 0.0,
    equalisation: EqualisationRecord | None = None,
) -> None:
    """Store a table of gains, one row per stimulus, as a record of the session.

    Parameters
    ----------
    bench : Bench
        Its device and its settings become part of the table.
    name : str
        Name of the record.
    rows : sequence of mapping
        ``stimulus``, ``target``, ``gain_db`` and, if known, ``levels`` and ``sha256``, as in
        :class:`GainRow`.
    calibration : Calibration, optional
        The calibration by which the gains were found.
    seating_db : float
        Standard uncertainty in dB that a new seating of the headphones adds to that of the
        calibration.
    equalisation : EqualisationRecord, optional
        The equalisation of the stimuli.
    """
    table: dict[str, Any] = {"device": bench.device.info.identity, "fs": bench.device.fs}
    if "outputs" in bench.settings:
        table["outputs"] = [int(number) for number in str(bench.settings["outputs"]).split(",")]
    if "weighting" in bench.settings:
        table["weighting"] = bench.settings["weighting"]
    if "duration" in bench.settings:
        table["duration"] = bench.number("duration")
    if calibration is not None:
        widest = max(calibration.chain(channel).u_db for channel in calibration.channels)
        table["calibration"] = calibration.id
        table["u_db"] = math.hypot(widest, seating_db)
        table["u_above_db"] = math.hypot(ocv.u_above_db(calibration), seating_db)
    if equalisation is not None:
        table["equalisation"] = equalisation.to_dict()
    bench.session.add_record(name, SCHEMA, {**table, "gains": [dict(row) for row in rows]})


def keep_hats_gains(bench: Bench, *, equalisation: EqualisationRecord | None = None) -> None:
    """Store the gains found at the ears, as a record and as the table of the published program.

    ``equalisation`` is that of the stimuli.
    """
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
        row = {"stimulus": stimulus, "target": target, "gain_db": gain_db, "search": search}
        found = hats.GainSearch.from_dict(search)
        if found.reached:
            row["levels"] = search["levels"]
        if digest := search.get("sha256"):
            row["sha256"] = digest
        rows.append(row)
        searches.append((stimulus, found, datetime.fromisoformat(event["time"])))
    ears = bench.session.path("calibration_before.json")
    calibration = load_calibration(ears) if ears.is_file() else None
    keep_gains(
        bench, "gains_hats", rows, calibration, seating_db=_SEATING_DB, equalisation=equalisation
    )
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


@dataclass(frozen=True, slots=True)
class GainRow:
    """The gain of one stimulus.

    Parameters
    ----------
    stimulus : str
        Id in the catalogue.
    target : float
        Target level in dB re 20 µPa, energetic mean of both ears.
    gain_db : float, optional
        Gain that reaches it in dB; None if the target was not reached.
    levels : tuple of float, optional
        Levels of left and right in dB at this gain, with the weighting of the table: measured at
        the ears, or predicted by the calibration.
    sha256 : str
        SHA-256 of the rendered stimulus (:func:`soundcal.stimuli.digest`); "" if it is not known.
    """

    stimulus: str
    target: float
    gain_db: float | None
    levels: tuple[float, float] | None = None
    sha256: str = ""

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Self:
        """Return a row of a table; older tables hold the levels in the search only."""
        levels = row.get("levels") or (row.get("search") or {}).get("levels")
        known = levels is not None and None not in levels
        return cls(
            str(row["stimulus"]),
            float(row["target"]),
            row["gain_db"],
            (float(levels[0]), float(levels[1])) if known and levels is not None else None,
            str(row.get("sha256", "")),
        )


@dataclass(frozen=True, slots=True)
class GainTable:
    """A table of gains, with what is known of its origin.

    Tables of older versions do not state their origin: its fields are then empty or None.

    Parameters
    ----------
    rows : mapping of str to GainRow
        Rows by stimulus.
    weighting : str
        Frequency weighting of targets and levels.
    calibration : str
        Id of the calibration by which the gains were found.
    u_db : float, optional
        Standard uncertainty in dB of the levels.
    u_above_db : float, optional
        The same without influences that can only lower the levels.
    device : str
        Identity of the device.
    outputs : tuple of int
        Its outputs, left and right.
    fs : int, optional
        Its sampling rate in Hz.
    duration : float, optional
        Duration in s of the stimuli as they were rendered.
    equalisation : EqualisationRecord, optional
        Equalisation of the stimuli; None if they were played as they are.
    unknown : tuple of str
        Names of the fields that the table does not state.
    """

    rows: Mapping[str, GainRow]
    weighting: str = ""
    calibration: str = ""
    u_db: float | None = None
    u_above_db: float | None = None
    device: str = ""
    outputs: tuple[int, ...] = ()
    fs: int | None = None
    duration: float | None = None
    equalisation: EqualisationRecord | None = None
    unknown: tuple[str, ...] = ()

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a table.

        Raises
        ------
        RecordError
            The table cannot be read.
        """
        content = read_json(path, SCHEMA)
        rows = [GainRow.from_dict(row) for row in content["gains"]]
        known: dict[str, Any] = {name: content[name] for name in _ORIGIN if name in content}
        if "outputs" in known:
            known["outputs"] = tuple(known["outputs"])
        unknown = tuple(name for name in _ORIGIN if name not in known)
        if "equalisation" in content:
            known["equalisation"] = EqualisationRecord.from_dict(content["equalisation"])
        return cls({row.stimulus: row for row in rows}, **known, unknown=unknown)


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
