"""The settings of a run, which all pieces of its dataset have in common."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from soundcal.errors import ParameterError, RecordError
from soundcal.files.atomic import PARTIAL, make_folder, remove_leftovers
from soundcal.files.records import write_json
from soundcal.indicators.rows import BINAURAL, EACH
from soundcal.prepared import Task
from soundcal.recording import utc_now
from soundcal.runs.dataset import RUN_SCHEMA, read_run, summary_days
from soundcal.runs.plan import check_piece_length
from soundcal.runs.starts import RecorderClock
from soundcal.runs.versions import installed
from soundcal.summaries.piece import check_piece_task
from soundcal.summaries.seconds import check_kept, kept_name
from soundcal.summaries.values import SeriesKey

__all__ = ["PIECE_S", "RunSettings", "begin"]

PIECE_S: Final = 600
"""Default length of a piece in s."""


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What is measured, and how files are cut.

    Parameters
    ----------
    task : Task
        The measurement task, as of :func:`soundcal.batch.measure_files`.
    piece_s : int
        Length of a piece in s.
    clock : RecorderClock
        The rule for start times.
    full_hash : bool
        Identify a file by its whole content.
    station : str
        Name of the station of all files; "" for the first folder below the root.
    keep : tuple of (symbol, series)
        Series that are kept second by second, as :func:`soundcal.summaries.seconds.kept_series`
        returns them.

    Raises
    ------
    ParameterError
        A length of pieces or a setting of the task that a dataset cannot have.
    """

    task: Task
    piece_s: int = PIECE_S
    clock: RecorderClock = field(default_factory=RecorderClock)
    full_hash: bool = False
    station: str = ""
    keep: tuple[SeriesKey, ...] = ()

    def __post_init__(self) -> None:
        check_piece_length(self.piece_s)
        check_piece_task(self.task)
        check_kept(self.keep, self.task.wanted)
        refused = {
            "--ears": not set(self.task.ears) <= {EACH, BINAURAL},
            "--stated-level and --levels": bool(self.task.levels),
        }
        if named := [name for name, given in refused.items() if given]:
            raise ParameterError(
                f"{named[0]} cannot be used for a dataset, whose rows are summaries of single "
                "channels of pieces; write a table instead (--out FILE.csv)"
            )

    def to_dict(self) -> dict[str, Any]:
        """Return everything on which the content of the dataset depends, ready for JSON."""
        task = self.task
        calibration = task.calibration
        return {
            "indicators": {symbol: sorted(names) for symbol, names in sorted(task.wanted.items())},
            "calibration": None
            if calibration is None
            else {"id": calibration.id, "sha256": _digest(calibration.to_dict())},
            "sensitivities": list(task.sensitivities),
            "channels": list(task.channels),
            "ears": list(task.ears),
            "field": task.field,
            "refer_to": task.refer_to,
            "responses": [_digest(response.to_dict()) for response in task.responses],
            "other_device": task.other_device,
            "piece_s": self.piece_s,
            "start_from": self.clock.start_from,
            "time_zone": self.clock.time_zone,
            "full_hash": self.full_hash,
            "station": self.station,
            **({"keep": list(map(kept_name, self.keep))} if self.keep else {}),
            "soundcal": installed()["soundcal"],
        }

    @property
    def task_hash(self) -> str:
        """SHA-256 of the settings; the first 16 digits are in the rows and the names of files."""
        return _digest(self.to_dict())


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()


def begin(folder: Path, settings: RunSettings, root: str) -> tuple[str, list[str]]:
    """Begin a dataset, or continue one that has the same settings.

    Parameters
    ----------
    folder : Path
        Folder of the dataset; it is made if there is none.
    settings : RunSettings
        Settings of this run.
    root : str
        Folder above all files of this run.

    Returns
    -------
    root : str
        Folder below which the recordings of the dataset have their names.
    notes : list of str
        Libraries of other versions than those of the first run.

    Raises
    ------
    ParameterError
        The dataset has other settings, which are named.
    RecordError
        The folder holds something else, or cannot be written; or its settings were changed by
        another program.
    """
    path = folder / "run.json"
    # looked at before: another run may write its first file at this moment, which is run.json
    filled = folder.is_dir() and any(not e.name.startswith(".") for e in folder.iterdir())
    if not path.exists():
        if filled:
            raise RecordError(
                f"{folder}: holds other files and no dataset; give an empty or a new folder"
            )
        make_folder(folder)
        _write_new(path, settings, root)
    first = read_run(folder)
    if first["task_hash"] != _digest(first["task"]):
        raise RecordError(
            f"{path}: was changed after it was written, and no longer says with which settings "
            "the pieces were measured; restore it, or write into another folder"
        )
    if differences := list(_differences(first["task"], settings.to_dict())):
        empty = "" if summary_days(folder) else ", or remove this one, which has no pieces yet"
        raise ParameterError(
            f"{folder}: holds a dataset with other settings ({'; '.join(differences)}); repeat "
            f"them, or write into another folder{empty}"
        )
    remove_leftovers(folder)
    now = installed()
    notes = [
        f"{name} {now[name]} instead of {version}, with which {folder} was begun"
        for name, version in first["libraries"].items()
        if now.get(name) not in (None, version)
    ]
    return str(first["root"]), notes


def _write_new(path: Path, settings: RunSettings, root: str) -> None:
    """Write ``run.json`` unless another run has written it in the meantime."""
    content = {
        "task_hash": settings.task_hash,
        "task": settings.to_dict(),
        "root": root,
        "made": utc_now(),
        "libraries": installed(),
    }
    own = path.with_name(f".run.{uuid4().hex}{PARTIAL}.json")
    write_json(own, RUN_SCHEMA, content)
    try:
        with suppress(FileExistsError):
            path.hardlink_to(own)
    except OSError:  # a file system without links
        own.replace(path)
    finally:
        own.unlink(missing_ok=True)


def _differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> Iterator[str]:
    """Give the settings that differ, in words."""
    for name in {**there, **here}:
        before, now = there.get(name), here.get(name)
        if before == now:
            continue
        if name == "indicators":
            only_there, only_here = _labels(before) - _labels(now), _labels(now) - _labels(before)
            yield f"indicators only there: {_listed(only_there)}, only here: {_listed(only_here)}"
        else:
            yield f"{name}: {_said(before)} there, {_said(now)} here"


def _labels(indicators: Mapping[str, list[str]] | None) -> set[str]:
    return {symbol + name for symbol, names in (indicators or {}).items() for name in names}


def _listed(labels: set[str]) -> str:
    return ", ".join(sorted(labels)) or "none"


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return str(value.get("id"))
    if value and isinstance(value, list) and isinstance(value[0], str):
        return f"{','.join(value):.60}"
    return "none" if value in (None, "", []) else f"{value!s:.60}"
