"""Checks of the files that users name, before opening one can block the program or fill the memory.

A name may belong to a folder, a pipe that nobody writes to, an endless device or a file of
gigabytes; it may be too long, unreadable or a circular link. Each case has one clear error.
"""

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from soundcal.errors import RecordError

__all__ = ["check_file", "inside", "read_text"]

TEXT_LIMIT: Final = 64 * 2**20
"""Size of the largest text that is read, in bytes: a log of a million events; a record is smaller.
"""

_REASONS: Final[Mapping[int, str]] = {
    errno.ELOOP: "a circular symbolic link",
    errno.EACCES: "permission denied: check the permissions of the file and its folder",
    errno.ENAMETOOLONG: "the name is too long for this system",
}


def check_file(path: Path, *, missing: str = "no such file") -> None:
    """Refuse a path that is not a readable regular file.

    Parameters
    ----------
    path : Path
        The file, or a symbolic link to it.
    missing : str
        Message if it does not exist.

    Raises
    ------
    RecordError
        Missing, not a file (a folder, a pipe, a device), unreadable, or the name is impossible.
    """
    try:
        os.fsencode(path).decode("utf-8")  # what libsndfile, JSON and CSV can hold
        mode = os.stat(path).st_mode
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RecordError(f"{path}: {missing}") from error
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, str(error.strerror))
        raise RecordError(f"{_shown(path)}: {reason}") from error
    except ValueError as error:  # not UTF-8, or with a zero in it
        raise RecordError(f"{_shown(path)}: the name is not text; rename the file") from error
    if not stat.S_ISREG(mode):
        raise RecordError(f"{path}: not a file")
    if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        raise RecordError(f"{path}: {_REASONS[errno.EACCES]}")


def inside(folder: Path, name: str) -> Path:
    """Return the path of a file that a record names, if it lies in the folder, links followed.

    Raises
    ------
    RecordError
        The name is absolute, leads out of the folder, or is not a file name.
    """
    path = folder / name
    try:
        within = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError) as error:  # too long, a circle of links, a zero
        raise RecordError(
            f"{folder}: {name!r:.80} does not name a file in it ({error!s:.80})"
        ) from error
    if not within or Path(name).is_absolute():
        raise RecordError(f"{name!r} leaves the folder {folder}")
    return path


def read_text(path: Path, *, missing: str = "no such file") -> str:
    """Return the text of a file.

    Raises
    ------
    RecordError
        As for :func:`check_file`; or the file is larger than 64 MiB, not UTF-8, or cannot be read.
    """
    check_file(path, missing=missing)
    try:
        with open(path, "rb") as file:
            content = file.read(TEXT_LIMIT + 1)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > TEXT_LIMIT:
        raise RecordError(
            f"{path}: larger than {TEXT_LIMIT // 2**20} MiB, too large for a text file"
        )
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: cannot be read as text ({error})") from error


def _shown(path: Path) -> str:
    text = str(path).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 200 else f"{text[:200]}…"
