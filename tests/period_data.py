"""Datasets of known energies and values, written as a run writes them, without any sound."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import numpy as np

from soundcal.dsp.distribution import CountedValues
from soundcal.indicators.registry import find
from soundcal.runs.columns import encoded_summaries
from soundcal.runs.dataset import RUN_SCHEMA, piece_name
from soundcal.summaries.columns import to_columns
from soundcal.summaries.summary import Summary
from soundcal.units import P_REF
from soundcal.version import __version__

FS = 48000
TASK = 4 * "0123456789abcdef"
LEVELS = {"LA": ("eq", "max", "min", "5", "10", "50", "90", "95")}


@dataclass(frozen=True)
class Sound:
    """A piece: its place in time, and the level or the values of each channel."""

    start: datetime | None
    seconds: float
    level: float = 60.0
    recording: str = "north/a.wav"
    station: str = "north"
    first: int = 0
    channels: tuple[str, ...] = ("mono",)
    valid: bool = True
    flags: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    symbol: str = "LA"
    content: str = ""

    def summary(self) -> Summary:
        """Its summary, of the values or of a constant level."""
        values = np.array(self.values or [self.level])
        is_level = find(self.symbol).is_level
        seconds = Fraction(round(self.seconds * FS), FS)
        exposure = np.mean(10 ** (values / 10)) * P_REF**2 if is_level else 0.0
        return Summary(
            self.symbol,
            "F" if is_level else "",
            find(self.symbol).unit,
            seconds,
            Fraction(float(exposure)) * seconds if is_level else Fraction(float(values.sum())),
            float(values.max()),
            float(values.min()),
            float("nan"),
            CountedValues.of(values),
        )


def write_dataset(
    folder: Path,
    sounds: Iterable[Sound],
    *,
    wanted: Mapping[str, Sequence[str]] = LEVELS,
    time_zone: str = "",
) -> Path:
    """Write the dataset; sounds of one recording and first sample are one piece."""
    folder.mkdir(parents=True, exist_ok=True)
    task = {
        "indicators": {s: sorted(names) for s, names in wanted.items()},
        "piece_s": 600,
        "start_from": "",
        "time_zone": time_zone,
        "soundcal": __version__,
    }
    run = {
        "schema": RUN_SCHEMA,
        "task_hash": TASK,
        "task": task,
        "root": "/sound",
        "made": "2026-01-01T00:00:00+00:00",
        "libraries": {},
    }
    (folder / "run.json").write_text(json.dumps(run))
    pieces: dict[tuple[str, int], list[Sound]] = {}
    for sound in sounds:
        pieces.setdefault((sound.recording, sound.first), []).append(sound)
    whole: dict[str, float] = {}
    for (recording, _), own in pieces.items():
        whole[recording] = whole.get(recording, 0.0) + own[0].seconds
    for (recording, first), own in pieces.items():
        one = own[0]
        rows = [(channel, sound) for sound in own for channel in sound.channels]
        n = len(rows)
        content = hashlib.sha256((one.content or recording).encode()).hexdigest()
        columns = {
            "recording": [recording] * n,
            "station": [one.station] * n,
            "content_id": [content] * n,
            "first_sample": [first] * n,
            "n_samples": [round(one.seconds * FS)] * n,
            "file_samples": [round(whole[recording] * FS)] * n,
            "fs": [FS] * n,
            "start_utc": [one.start] * n,
            "channel": [channel for channel, _ in rows],
            **to_columns([sound.summary() for _, sound in rows]),
            "flags": [list(one.flags)] * n,
            "reasons": [list(one.flags)] * n,
            "valid": [sound.valid for _, sound in rows],
            "calibration": ["cal-1"] * n,
            "task": [TASK[:16]] * n,
            "software": ["soundcal"] * n,
        }
        day = "undated" if one.start is None else f"{one.start:%Y-%m-%d}"
        name = piece_name(recording, content, first, TASK)
        place = folder / "summaries" / f"day={day}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{name}.parquet").write_bytes(encoded_summaries(columns, {}))
    return folder
