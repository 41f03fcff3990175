"""The failures of a run: a Parquet file for each piece, or file, that could not be measured.

A failure is removed when the same command succeeds later.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from soundcal.errors import RecordError
from soundcal.files.atomic import partial_file
from soundcal.runs.dataset import folder_in, read_file, read_run, recording_key
from soundcal.runs.versions import check_installed

__all__ = ["Failures", "read_failures"]

_FOLDER: Final = "failures"


class Failures:
    """The failures of a dataset.

    Parameters
    ----------
    folder : Path
        Folder of the dataset.
    own : set of str
        Kept up to date with the names of the failures that this run has added and not removed.
    """

    def __init__(self, folder: Path, own: set[str]) -> None:
        self._folder = folder / _FOLDER
        self._own = own
        self._there: dict[str, set[str]] = {}
        if self._folder.is_dir():
            for entry in os.scandir(self._folder):
                if entry.name.endswith(".parquet") and not entry.name.startswith("."):
                    self._there.setdefault(entry.name.partition("-")[0], set()).add(entry.name)

    def add(
        self,
        path: str,
        recording: str,
        reason: str,
        *,
        content: str = "",
        first: int | None = None,
        tries: int = 1,
    ) -> None:
        """Write a failure; ``first`` is the first sample of a piece, None for the whole file."""
        import pyarrow as pa
        from pyarrow.parquet import write_table

        row: Mapping[str, tuple[Any, Any]] = {
            "path": (_as_text(path), pa.string()),
            "recording": (_as_text(recording), pa.string()),
            "content_id": (content, pa.string()),
            "first_sample": (first, pa.int64()),
            "reason": (_as_text(reason), pa.string()),
            "tries": (tries, pa.int32()),
            "when": (datetime.now(UTC), pa.timestamp("us", "UTC")),
        }
        key = recording_key(recording)
        name = _name(key, first)
        folder_in(self._folder.parent, _FOLDER)
        table = pa.table({column: pa.array([cell], kind) for column, (cell, kind) in row.items()})
        with partial_file(self._folder / name, force=True, ending="") as temporary:
            write_table(table, temporary)
        self._there.setdefault(key, set()).add(name)
        self._own.add(name)

    def forget(self, recording: str, first: int | None = None) -> None:
        """Remove the failure of a piece that has succeeded, or of a file that could be read."""
        key = recording_key(recording)
        if (name := _name(key, first)) in self._there.get(key, ()):
            (self._folder / name).unlink(missing_ok=True)
            self._there[key].discard(name)
            self._own.discard(name)

    def keep_only(self, recording: str, firsts: set[int]) -> None:
        """Remove the failures of pieces that a file no longer has, since it was replaced."""
        key = recording_key(recording)
        for name in tuple(self._there.get(key, ())):
            first = name.removesuffix(".parquet").partition("-")[2]
            if first.isdigit() and int(first) not in firsts:
                self.forget(recording, int(first))


def _name(key: str, first: int | None) -> str:
    return f"{key}-{'file' if first is None else f'{first:015d}'}.parquet"


def _as_text(name: str) -> str:
    r"""Return a name whose bytes may be no text in UTF-8.

    >>> _as_text("a\udcff.wav")
    'a\\xff.wav'
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def read_failures(folder: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Return the failures of a dataset, sorted by path and first sample.

    Returns
    -------
    list of dict
        ``path``, ``recording``, ``content_id``, ``first_sample`` (None: the whole file),
        ``reason``, ``tries`` and ``when``.

    Raises
    ------
    ParameterError
        pyarrow is not installed.
    RecordError
        Not a dataset, or a file of it cannot be read or holds something else.
    """
    check_installed("pyarrow")
    read_run(folder)
    rows: list[dict[str, Any]] = []
    for path in (Path(folder) / _FOLDER).glob("[!.]*.parquet"):
        table = read_file(str(path))
        if not {"path", "recording", "first_sample", "reason"} <= set(table.column_names):
            raise RecordError(f"{path}: not written there by soundcal measure; move it elsewhere")
        rows += table.to_pylist()
    return sorted(rows, key=lambda row: (row["path"], row["first_sample"] or -1))
