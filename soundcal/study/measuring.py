"""The indicators of recordings, computed once and stored beside them.

Indicators stored in ``derivatives/indicators`` are used again only if the audio, its record, the
calibration, the indicators, the sound field and the version of soundcal are the same,
and if the stored values are those that were written: the file holds their own digest.
"""

import hashlib
import json
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.calibration.model import Calibration
from soundcal.errors import RecordError, SignalError
from soundcal.files.atomic import make_folder
from soundcal.files.names import some
from soundcal.files.recordings import RecordingRecord
from soundcal.files.records import read_json, write_json
from soundcal.indicators.prominence.result import RatedTone
from soundcal.recording import NOT_MEASURED, Flag
from soundcal.study.common_flags import is_common
from soundcal.study.model import Source
from soundcal.version import __version__

if TYPE_CHECKING:
    import pandas as pd

    from soundcal.indicators import TidyRow
    from soundcal.prepared import Task

__all__ = ["CalibratedRecording", "Progress", "measure_items"]

Progress = Callable[[float, str, float], None]

_KEPT: Final = "soundcal/indicators/2"


@dataclass(frozen=True, slots=True)
class CalibratedRecording:
    """A recording to be measured: its source, record, calibration, and the names of its channels.

    Without names, the channels are called as in the record, or as usual.
    """

    source: Source
    run: int
    record: RecordingRecord
    calibration: Calibration
    channels: tuple[str, ...] = ()

    @property
    def path(self) -> Path:
        """The audio file."""
        return Path(self.source.path)

    @property
    def kept(self) -> Path:
        """The file that stores its indicators."""
        return self.path.parent / "derivatives" / "indicators" / f"{self.path.name}.json"


def measure_items(
    items: Sequence[CalibratedRecording],
    base: "Task",
    jobs: int,
    cache: bool,
    progress: Progress | None,
) -> "tuple[pd.DataFrame, tuple[Source, ...], tuple[str, ...]]":
    """Return the tidy table, the sources with their flags, and failures and notes in words.

    Parameters
    ----------
    items : sequence of CalibratedRecording
        The recordings.
    base : Task
        Indicators, sound field and responses; calibration and channels are those of the items.
    jobs : int
        Files measured at the same time.
    cache : bool
        Store indicators, and use stored ones.
    progress : callable or None
        Called with the number of finished recordings, the name of the last, and the number of all.

    Raises
    ------
    SignalError
        None of the recordings could be measured.
    """
    from soundcal.indicators import to_frame
    from soundcal.indicators.registry import find
    from soundcal.indicators.rows import BINAURAL, EACH

    binaural = any(find(symbol).binaural for symbol in base.wanted)
    base = replace(base, ears=(EACH, BINAURAL) if binaural else (EACH,))
    results: dict[int, dict[str, Any]] = {}
    todo: list[int] = []
    notes = []
    for index, item in enumerate(items):
        try:
            kept = _kept(item, base) if cache else None
        except RecordError as error:
            kept = None
            notes.append(f"stored indicators are not used, and computed anew: {error}")
        if kept is None:
            todo.append(index)
        else:
            results[index] = kept
    failed: dict[str, list[str]] = {}
    for done, (index, result) in enumerate(_fresh(items, todo, base, jobs), start=1):
        item = items[index]
        if isinstance(result, str):
            why = result.removeprefix(f"{item.path}: ")
            failed.setdefault(why, []).append(f"{item.path.parent.name}/{item.path.name}")
            continue
        results[index] = result
        if cache:
            _keep(item, base, result)
        if progress is not None:
            progress(len(items) - len(todo) + done, item.path.name, len(items))
    failures = [f"{some(names)} could not be measured: {why}" for why, names in failed.items()]
    rows: list[TidyRow] = []
    about: list[tuple[str, str, str, int]] = []
    for index, result in sorted(results.items()):
        item, own = items[index], result["rows"]
        rows += own
        source = item.source
        about += [(source.combination, source.condition, source.stimulus, item.run)] * len(own)
    if not rows:
        raise SignalError("none of the recordings could be measured: " + "; ".join(failures))
    table = to_frame(rows)
    table[["combination", "condition", "stimulus", "run"]] = about
    if table["run"].gt(1).any():  # repetitions that the records name as such
        table["take"] = table["run"].astype(str)
    sources = tuple(
        replace(
            item.source,
            flags=_united(item.source.flags, results.get(i)),
            tones=results[i]["tones"] if i in results else {},
        )
        for i, item in enumerate(items)
    )
    return table, sources, (*failures, *notes)


def _united(flags: tuple[Flag, ...], result: Mapping[str, Any] | None) -> tuple[Flag, ...]:
    failed = (Flag(NOT_MEASURED, "could not be measured"),)
    more = result["flags"] if result is not None else failed
    return tuple(dict.fromkeys((*flags, *more)))


def _fresh(
    items: Sequence[CalibratedRecording],
    todo: Sequence[int],
    base: "Task",
    jobs: int,
) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Give the rows and flags of each item, or the reason why it has none.

    A recording that several sessions hold, such as the stimulus itself, is measured once.
    """
    same: dict[str, list[int]] = {}
    for index in todo:
        same.setdefault(_content(items[index]), []).append(index)
    copies = {first: others for first, *others in same.values()}
    own: list[int] = []  # texts of flags and errors may name the folder
    for index, result in _measured(items, list(copies), base, jobs):
        yield index, result
        for copy in copies[index]:
            if isinstance(result, str) or not all(map(is_common, result["flags"])):
                own.append(copy)
                continue
            identity = items[copy].calibration.id
            rows = [replace(row, calibration=identity) for row in result["rows"]]
            yield copy, result | {"rows": rows}
    yield from _measured(items, own, base, jobs)


def _content(item: CalibratedRecording) -> str:
    """Return a digest of all that the values of a recording depend on.

    Names of its combination and calibration, and times, make no difference.
    """
    record, calibration = item.record.to_dict(), item.calibration.to_dict()
    capture = {name: value for name, value in item.record.capture.items() if name != "started"}
    nameless = {"combination": "", "calibration": "", "capture": capture}
    values = [
        *(item.path.name, item.source.sha256, item.channels),
        *(record | nameless, calibration | {"id": "", "made": ""}, item.calibration.is_changed),
    ]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _measured(
    items: Sequence[CalibratedRecording],
    todo: Sequence[int],
    base: "Task",
    jobs: int,
) -> Iterator[tuple[int, dict[str, Any] | str]]:
    """Measure, and give the rows and flags of each item, or the reason why it has none."""
    from soundcal.batch import measure_files
    from soundcal.indicators.rows import BINAURAL, FAILED

    groups: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for index in todo:
        item = items[index]
        groups.setdefault((item.calibration.id, item.channels), []).append(index)
    for (_, channels), group in groups.items():
        task = replace(base, calibration=items[group[0]].calibration, channels=channels)
        measured = measure_files([items[i].path for i in group], task, jobs=jobs)
        for index, result in zip(group, measured, strict=True):
            name = items[index].path.name
            rows = [replace(row, recording=name) for row in result.rows if row.indicator != FAILED]
            missing = (
                Flag(NOT_MEASURED, f"{symbol} not measured: {why}")
                for symbol, why in result.missing.items()
                if symbol != BINAURAL  # a recording without both ears has none, and needs none
            )
            flags = (*result.flags, *missing)
            yield index, result.error or {"rows": rows, "flags": flags, "tones": result.tones}


def _key(item: CalibratedRecording, base: "Task") -> dict[str, Any]:
    """Return everything that must be equal for stored indicators to be used again."""
    return {
        "audio": item.path.name,
        "sha256": item.source.sha256,
        "record": _sha256(item.record.to_dict()),
        "record_flags": [str(flag) for flag in item.source.flags],
        "calibration": item.calibration.to_dict(),
        "indicators": {symbol: list(statistics) for symbol, statistics in base.wanted.items()},
        "channels": list(item.channels),
        "field": base.field,
        "referred": [base.refer_to, *(response.sha256 for response in base.responses)],
        "version": __version__,
    }


def _digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of stored values, without the digest and the heading of the record."""
    left_out = ("digest", "schema", "software")
    values = {name: value for name, value in content.items() if name not in left_out}
    return _sha256(values)


def _sha256(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def _keep(
    item: CalibratedRecording,
    base: "Task",
    result: Mapping[str, Any],
) -> None:
    rows = [
        row.to_dict() | {"value": row.value if math.isfinite(row.value) else str(row.value)}
        for row in result["rows"]
    ]
    content = {
        **_key(item, base),
        "rows": rows,
        "flags": [f.to_dict() for f in result["flags"]],
        "tones": {name: list(map(_tone, tones)) for name, tones in result["tones"].items()},
    }
    content["digest"] = _digest(content)
    try:
        make_folder(item.kept.parent)
    except RecordError as error:
        raise RecordError(f"{error}; use --no-cache to compute without storing") from error
    write_json(item.kept, _KEPT, content, force=True, compact=True)


def _tone(tone: RatedTone) -> dict[str, Any]:
    """Return a tone ready for JSON, which has no numbers that are not finite."""
    return {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(tone).items()
    }


def _stored_tone(stored: Mapping[str, Any]) -> RatedTone:
    """Return a stored tone."""
    own: dict[str, Any] = {n: float(v) if isinstance(v, str) else v for n, v in stored.items()}
    return RatedTone(**own)


def _kept(item: CalibratedRecording, base: "Task") -> dict[str, Any] | None:
    """Return stored rows and flags if they were computed from equal inputs; None otherwise.

    Raises
    ------
    RecordError
        The stored values cannot be read, or were changed after they were written.
    """
    from soundcal.indicators import TidyRow

    if not item.kept.is_file():
        return None
    content = read_json(item.kept, _KEPT)
    key = _key(item, base)
    if {name: content.get(name) for name in key} != key:
        return None
    if content["digest"] != _digest(content):
        raise RecordError(f"{item.kept} was changed after it was written")
    rows = [TidyRow(**(row | {"value": float(row["value"])})) for row in content["rows"]]
    return {
        "rows": rows,
        "flags": tuple(Flag(**flag) for flag in content["flags"]),
        "tones": {
            name: tuple(map(_stored_tone, stored)) for name, stored in content["tones"].items()
        },
    }
