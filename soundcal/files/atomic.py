"""Files that get their name only when they are complete, and disk space reserved for them."""

import errno
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Self
from uuid import uuid4

from soundcal.errors import RecordError

__all__ = [
    "PARTIAL",
    "Reserve",
    "check_output",
    "file_digest",
    "make_folder",
    "partial_file",
    "refuse_existing",
    "remove_leftovers",
    "text_digest",
    "why_unwritable",
]

PARTIAL: Final = ".part"
"""Marks the hidden name of a file that is being written: ``.NAME.UNIQUE.part.SUFFIX``."""

_LEFT_S: Final = 3600.0
"""Age in s of a half-written file whose program must have been killed."""


def why_unwritable(error: Exception, path: Path) -> str:
    """Return the reason for which a file or folder could not be written, with its remedy."""
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOSPC, errno.EDQUOT):
        what = "no space left on the disk" if number == errno.ENOSPC else "disk quota exceeded"
        return f"{what}{_free(path)}; make room, or write to another disk"
    if number == errno.EFBIG:
        return f"larger than this system or its limits allow{_free(path)}"
    if number == errno.EROFS:
        return "the disk is read-only"
    if number in (errno.EACCES, errno.EPERM):
        return "permission denied: check the permissions of the file and its folder"
    return (isinstance(error, OSError) and error.strerror) or str(error).strip()


def _free(path: Path) -> str:
    for folder in (path, *path.parents):
        with suppress(OSError):
            return f", {shutil.disk_usage(folder).free} bytes are free"
    return ""


def refuse_existing(path: Path, *, force: bool = False) -> None:
    """Refuse a path that exists unless ``force`` is set; its folder may still be missing.

    Raises
    ------
    RecordError
        ``path`` exists and ``force`` is not set, or its name is impossible.
    """
    try:
        there = path.exists()
    except OSError as error:
        raise RecordError(
            f"{path!s:.200}: cannot be written ({why_unwritable(error, path)})"
        ) from error
    if there and not force:
        raise RecordError(f"{path} already exists; choose another name or use --force")


def check_output(path: Path, *, force: bool = False) -> None:
    """Refuse a path that cannot be written, before the work on its content is done.

    Raises
    ------
    RecordError
        ``path`` exists and ``force`` is not set, it is a folder, a pipe or a device, its name is
        impossible, or its folder is missing.
    """
    refuse_existing(path, force=force)
    try:
        there, is_file, has_folder = path.exists(), path.is_file(), path.parent.is_dir()
    except OSError as error:
        raise RecordError(
            f"{path!s:.200}: cannot be written ({why_unwritable(error, path)})"
        ) from error
    if there and not is_file:
        raise RecordError(f"{path}: not a file, and cannot be replaced by one")
    if not has_folder:
        raise RecordError(f"{path.parent}: no such folder; make it first")


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, unless it exists.

    Raises
    ------
    RecordError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordError(f"{folder}: cannot be made ({why_unwritable(error, folder)})") from error


@contextmanager
def partial_file(path: Path, *, force: bool = False, ending: str | None = None) -> Iterator[Path]:
    """Give a temporary name beside ``path``, renamed to ``path`` when the context ends well.

    The name has the ending of ``path``, by which libraries choose a format, unless another is given
    because programs read all files with this ending, hidden ones as well.

    Raises
    ------
    RecordError
        ``path`` exists and ``force`` is not set, its folder is missing, or writing fails (for
        example because the disk is full); nothing is left behind.
    """
    check_output(path, force=force)
    # unlike the number of a process, it is unique among all machines that share the disk
    unique = uuid4().hex[:12]
    ending = path.suffix if ending is None else ending
    temporary = path.with_name(f".{path.stem}.{unique}{PARTIAL}{ending}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())  # so that a power cut leaves the old file or the new one
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        raise RecordError(f"{path}: cannot be written ({why_unwritable(error, path)})") from error
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove what killed programs have left half-written below a folder, an hour ago or earlier."""
    for place, _, names in os.walk(folder):
        for name in names:
            if name.startswith(".") and PARTIAL in name:
                path = Path(place, name)
                with suppress(OSError):
                    if time.time() - path.stat().st_mtime > _LEFT_S:
                        path.unlink()


def file_digest(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from error


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


class Reserve:
    """Disk space for a record that is written last, so that it can be written to a full disk.

    Use it as a context manager.

    Parameters
    ----------
    folder : Path
        Folder of the record.
    size : int
        Bytes to reserve.

    Raises
    ------
    RecordError
        The disk does not have that much free space.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115  held open
        try:
            written = 0
            while written < size:
                written += self._file.write(os.urandom(size - written))  # zeros might take no room
        except OSError as error:
            self._file.close()
            raise RecordError(
                f"{folder}: no room for a record of {size} bytes ({why_unwritable(error, folder)})"
            ) from error

    def release(self) -> None:
        """Free the space, just before the record is written."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
