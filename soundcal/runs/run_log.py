"""The log of a dataset: a JSON file for every run, with its command, workers, times and totals."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from soundcal.files.records import write_json
from soundcal.runs.dataset import folder_in
from soundcal.runs.running import RunTotals

__all__ = ["LOG_SCHEMA", "write_log"]

LOG_SCHEMA: Final = "soundcal/run-log/1"
"""Value of the key ``schema`` in the log of a run."""

_FOLDER: Final = "runs"


def write_log(
    folder: Path, totals: RunTotals, about: Mapping[str, Any], *, wall_s: float
) -> dict[str, Any]:
    """Write the log of a run into its dataset, and return its content.

    Parameters
    ----------
    folder : Path
        Folder of the dataset.
    totals : RunTotals
        What the run has done.
    about : mapping
        ``command``, ``cluster``, ``workers``, ``started`` and ``ended``.
    wall_s : float
        Time that it took in s.
    """
    content = {
        **about,
        "wall_seconds": wall_s,
        "recordings": totals.listed,
        "pieces": totals.pieces,
        "pieces_there": totals.there,
        "failures": totals.failures,
        "sound_seconds": totals.sound_s,
        "processor_seconds": totals.processor_s,
        "bytes_read": totals.bytes_read,
        "bytes_written": totals.bytes_written,
    }
    place = folder_in(folder, _FOLDER)
    time = "".join(letter for letter in about["started"][:19] if letter.isalnum())
    write_json(place / f"{time}-{uuid4().hex[:8]}.json", LOG_SCHEMA, content)
    return content
