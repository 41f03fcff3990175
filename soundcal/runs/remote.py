"""Audio files that are not on a disk of this machine: addresses such as ``s3://bucket/a.flac``.

They are opened by fsspec. Headers are read in place; a file that is measured is copied first
(:mod:`soundcal.runs.copies`), with its record and the calibration that the record names.
"""

import errno
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final, cast

from soundcal.errors import ParameterError
from soundcal.files.text import check_file
from soundcal.runs.versions import check_installed

__all__ = [
    "OF_ONE_FILE",
    "Stamp",
    "calibration_beside",
    "copy_file",
    "file_system",
    "is_address",
    "opened",
    "record_of",
    "stamp",
    "stamp_of",
]

OF_ONE_FILE: Final = (errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.ELOOP)
"""Errors that concern a file; with others, its disk or server is likely to be away."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """Size of a file in bytes, and the time of its last change as the file system tells it."""

    size: int
    changed: str


def is_address(name: str) -> bool:
    """Return whether a name is an address such as ``s3://…`` and not that of a file on a disk.

    >>> is_address("s3://bucket/a.flac"), is_address("/data/a.flac")
    (True, False)
    """
    return "://" in name


def file_system(address: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path in it.

    Raises
    ------
    ParameterError
        fsspec, or the library of this kind of address, is not installed.
    """
    check_installed("fsspec")
    from fsspec.core import url_to_fs

    try:
        system, path = url_to_fs(address, use_listings_cache=False)
    except (ImportError, ValueError) as error:
        raise ParameterError(f"{address}: cannot be opened ({error})") from error
    return system, str(path)


def opened(name: str) -> BinaryIO:
    """Return a file, opened for reading.

    Raises
    ------
    RecordError
        Not a file of a disk that can be read: a pipe would be waited for without an end.
    """
    if not is_address(name):
        check_file(Path(name))
        return open(name, "rb")
    system, path = file_system(name)
    return cast(BinaryIO, system.open(path, "rb", block_size=1 << 16))


def stamp(name: str) -> Stamp:
    """Return the size of a file and the time of its last change."""
    if not is_address(name):
        found = os.stat(name)
        return Stamp(found.st_size, str(found.st_mtime_ns))
    system, path = file_system(name)
    return stamp_of(system.info(path))


def stamp_of(about: Mapping[str, Any]) -> Stamp:
    """Return the stamp of a file at an address from what its file system tells about it."""
    known = (about.get(key) for key in ("LastModified", "mtime", "ETag", "created"))
    return Stamp(int(about["size"]), str(next((value for value in known if value), "")))


def record_of(name: str) -> bytes:
    """Return the content of the JSON file beside an audio file; empty if there is none."""
    try:
        if not is_address(name):
            return Path(name).with_suffix(".json").read_bytes()
        system, path = file_system(name)
        return bytes(system.cat_file(str(PurePosixPath(path).with_suffix(".json"))))
    except FileNotFoundError:
        return b""


def calibration_beside(name: str, record: bytes) -> bytes:
    """Return the content of the calibration that a record names; empty if there is none.

    That of an address must lie in the folder of the audio.
    """
    if not (named := _calibration_file(record)):
        return b""
    if not is_address(name):
        path = Path(name).parent / named
        return path.read_bytes() if path.is_file() else b""
    if named != PurePosixPath(named).name:
        return b""
    system, audio = file_system(name)
    calibration = str(PurePosixPath(audio).parent / named)
    return bytes(system.cat_file(calibration)) if system.exists(calibration) else b""


def _calibration_file(record: bytes) -> str:
    """Return the name of the calibration in a record; "" if it names none."""
    try:
        named = json.loads(record).get("calibration_file")
    except (ValueError, AttributeError):
        return ""  # none, or of another program
    return named if isinstance(named, str) else ""


def copy_file(name: str, copy: Path) -> None:
    """Copy the file at an address, the record beside it, and the calibration that it names."""
    system, path = file_system(name)
    system.get_file(path, str(copy))
    if not (record := record_of(name)):
        return
    copy.with_suffix(".json").write_bytes(record)
    if content := calibration_beside(name, record):
        (copy.parent / _calibration_file(record)).write_bytes(content)
