"""Calibrations on disk: one JSON file each, checked against its schema when it is read.

The schema is ``measurements/schema/calibration.schema.json``. Files get their name only when they
are complete, and hold the versions of the software that wrote them.
"""

import os
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from soundcal.calibration.model import SCHEMA, Calibration
from soundcal.errors import ParameterError, RecordError
from soundcal.files.records import parsed_json, write_json
from soundcal.files.text import read_text

__all__ = ["load_calibration", "save_calibration"]


def save_calibration(
    path: str | os.PathLike[str], calibration: Calibration, *, force: bool = False
) -> None:
    """Write a calibration.

    Parameters
    ----------
    path : path
        File to write.
    calibration : Calibration
        The calibration; reading the file gives an equal one.
    force : bool
        Replace an existing file.

    Raises
    ------
    RecordError
        The file exists and ``force`` is not set, or it cannot be written.
    """
    write_json(Path(path), SCHEMA, calibration.to_dict(), force=force)


def load_calibration(path: str | os.PathLike[str]) -> Calibration:
    """Read a calibration; ``details["changed"]`` marks one that was changed after it was made.

    Raises
    ------
    RecordError
        Missing, not JSON, not a calibration, or not as the schema requires.
    ParameterError
        Not a path.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise ParameterError(
            f"calibration {path!r}: a calibration or the path of its file is expected; a "
            "sensitivity in Pa per full scale is stated as sensitivity"
        )
    path = Path(path)
    return _calibration(read_text(path), path)


@lru_cache(maxsize=64)  # a session reads its few calibrations again for every recording
def _calibration(text: str, path: Path) -> Calibration:
    record = parsed_json(text, SCHEMA, path)
    try:
        calibration = Calibration.from_dict(record)
    except RecordError as error:
        raise RecordError(f"{path}: {error}") from error
    if calibration.is_changed:
        return replace(calibration, details={**calibration.details, "changed": True})
    return calibration
