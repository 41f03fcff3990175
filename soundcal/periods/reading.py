"""The pieces of a dataset, listed by station without their summaries, which are read one by one."""

import os
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from soundcal.errors import RecordError
from soundcal.periods.coverage import Piece
from soundcal.periods.sums import UNDATED
from soundcal.runs.dataset import (
    day_of,
    piece_name,
    read_piece,
    read_run,
    read_summaries,
    short_hash,
)
from soundcal.summaries.columns import from_columns
from soundcal.summaries.summary import Summary
from soundcal.summaries.values import SeriesKey

__all__ = ["Dataset", "Stored"]

_LISTED: Final = (
    "recording",
    "station",
    "content_id",
    "first_sample",
    "n_samples",
    "file_samples",
    "fs",
    "start_utc",
    "channel",
    "flags",
    "valid",
    "calibration",
    "task",
)


@dataclass(frozen=True, slots=True)
class Stored:
    """A piece as a dataset stores it: one file, with the summaries of all channels.

    Parameters
    ----------
    start : datetime or None
        UTC; None if it is not known.
    seconds, file_s : float
        Its sound, and that of the whole file.
    recording, content_id : str
        The file, and the identity of its content.
    first_sample : int
        Place in the file.
    channels : tuple
        Name, validity, flags and calibration of each channel.
    """

    start: datetime | None
    seconds: float
    file_s: float
    recording: str
    content_id: str
    first_sample: int
    channels: tuple[tuple[str, bool, tuple[str, ...], str], ...]

    @property
    def begin(self) -> datetime:
        """Start; :data:`UNDATED` if it is not known."""
        return self.start or UNDATED

    @property
    def end(self) -> datetime:
        """First instant after it."""
        return self.begin + timedelta(seconds=self.seconds)

    @property
    def middle(self) -> datetime:
        """The instant by which pieces are in order."""
        return self.begin + timedelta(seconds=self.seconds / 2)

    def piece(self, channel: str) -> Piece | None:
        """Return the piece of one channel; None if the file does not have it."""
        for name, valid, flags, calibration in self.channels:
            if name == channel:
                place = self.begin, self.seconds, self.recording, self.first_sample
                return Piece(*place, valid, flags, calibration)
        return None


class Dataset:
    """A dataset of ``soundcal measure --out FOLDER/``.

    Parameters
    ----------
    folder : path
        The folder.
    progress : callable
        Called with the number of pieces listed.

    Raises
    ------
    RecordError
        Not a dataset, one without pieces or with pieces of several settings, or a file that cannot
        be read.
    ParameterError
        The library pyarrow is missing.
    """

    def __init__(self, folder: str | os.PathLike[str], progress: Callable[[float], None]) -> None:
        self.folder: Final = Path(folder)
        self.run: Final[Mapping[str, Any]] = read_run(self.folder)
        self.stations: dict[str, list[Stored]] = {}
        self.calibrations: dict[str, None] = {}
        known: dict[Any, Any] = {}
        task = short_hash(self.run["task_hash"])
        for n, batch in enumerate(read_summaries(self.folder, columns=list(_LISTED)), 1):
            if not batch.num_rows:  # too short for every indicator
                continue
            columns = batch.to_pydict()
            if columns["task"][0] != task:
                raise RecordError(
                    f"{folder}: a piece of {columns['recording'][0]} has other settings than those "
                    "in its run.json; the files of two datasets were put together, or run.json "
                    "was changed: measure into a new folder"
                )
            station, stored = self._stored(columns, known)
            self.stations.setdefault(station, []).append(stored)
            progress(n)
        if not self.stations:
            raise RecordError(
                f"{folder}: the dataset has no pieces yet; its failures and the log of its runs "
                "say why"
            )
        self.stations = dict(sorted(self.stations.items()))

    def _stored(self, columns: Mapping[str, Any], known: dict[Any, Any]) -> tuple[str, Stored]:
        """Return the station and the piece of the rows of one file; equal texts are kept once."""

        def once(value: Any) -> Any:
            return known.setdefault(value, value)

        rows = zip(
            *(columns[name] for name in ("channel", "valid", "flags", "calibration")), strict=True
        )
        channels = {row[0]: (row[0], row[1], tuple(row[2] or ()), row[3]) for row in rows}
        self.calibrations |= dict.fromkeys(row[3] for row in channels.values())
        stored = Stored(
            columns["start_utc"][0],
            columns["n_samples"][0] / columns["fs"][0],
            columns["file_samples"][0] / columns["fs"][0],
            once(columns["recording"][0]),
            once(columns["content_id"][0]),
            columns["first_sample"][0],
            once(tuple(channels.values())),
        )
        return once(columns["station"][0]), stored

    def summaries(
        self, stored: Stored, series: Collection[SeriesKey]
    ) -> dict[str, dict[SeriesKey, Summary]]:
        """Return the summaries of a piece that are wanted, by channel and by symbol and series."""
        place = stored.recording, stored.content_id, stored.first_sample
        name = piece_name(*place, self.run["task_hash"])
        table = read_piece(self.folder, day_of(stored.start), name)
        wanted = [
            key in series
            for key in zip(
                table.column("symbol").to_pylist(), table.column("series").to_pylist(), strict=True
            )
        ]
        table = table.filter(wanted)
        found: dict[str, dict[SeriesKey, Summary]] = {}
        names = table.column("channel").to_pylist()
        for channel, summary in zip(names, from_columns(table), strict=True):
            found.setdefault(channel, {})[summary.symbol, summary.series] = summary
        return found
