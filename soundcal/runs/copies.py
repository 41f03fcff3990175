"""Copies of remote files on a disk of this machine, which its processes share.

The pieces of a file are usually measured one after the other, by several workers of a machine. A
copy is therefore made by the first of them, used by all, and removed by the last: each holds a lock
on it, which the system takes from a process that was killed. Windows has no such locks; there each
process makes copies of its own.
"""

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from soundcal.errors import RecordError
from soundcal.files.atomic import make_folder
from soundcal.runs.remote import copy_file, is_address

__all__ = ["local_copy", "remove_unused_copies"]


@dataclass(slots=True)
class _Copy:
    """A folder with a copy, and the file that is locked while the copy is used."""

    folder: Path
    lock: int = -1

    def take(self, name: str) -> None:
        """Lock the copy for use, and make it if it is not there."""
        while True:
            self.lock = _open(self.folder)
            try:
                if _locked(self.lock, self.folder) and self.folder.is_dir():
                    return
                with suppress(BlockingIOError):  # another process begins with the same copy
                    if _locked(self.lock, self.folder, alone=True):
                        self._make(name)
            except BaseException:
                self.release()
                raise
            os.close(self.lock)

    def _make(self, name: str) -> None:
        if not self.folder.is_dir():
            new = self.folder.with_suffix(".new")
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir()
            copy_file(name, new / PurePosixPath(name).name)
            new.rename(self.folder)

    def release(self) -> None:
        """Use the copy no longer, and remove it if nobody uses it."""
        with suppress(OSError):
            if _locked(self.lock, self.folder, alone=True):
                shutil.rmtree(self.folder, ignore_errors=True)
                shutil.rmtree(self.folder.with_suffix(".new"), ignore_errors=True)
                _lock_file(self.folder).unlink(missing_ok=True)
        os.close(self.lock)


class _Latest(threading.local):
    copy: _Copy | None = None


_LATEST: Final = _Latest()
"""The copy that a thread uses."""


def local_copy(name: str, content: str) -> Path:
    """Return a file on a disk of this machine: the file itself, or a copy of it.

    Copies lie in the folder of temporary files, with the record and the calibration beside the
    file. A thread uses one at a time.

    Parameters
    ----------
    name : str
        Path or address of the file.
    content : str
        Identity of its content and of what lies beside it.

    Raises
    ------
    RecordError
        The folder of the copies belongs to another user, or cannot be made.
    """
    if not is_address(name):
        return Path(name)
    key = hashlib.sha256(f"{name}\0{content}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
    folder = _place() / key
    if _LATEST.copy is None or _LATEST.copy.folder != folder:
        if _LATEST.copy is None:
            remove_unused_copies()
        else:
            atexit.unregister(_LATEST.copy.release)
            _LATEST.copy.release()
            _LATEST.copy = None
        copy = _Copy(folder)
        copy.take(name)
        atexit.register(copy.release)
        _LATEST.copy = copy
    return folder / PurePosixPath(name).name


def remove_unused_copies() -> None:
    """Remove copies that no process uses, such as those of processes that were killed."""
    for path in _place().glob("*.lock"):
        folder = path.with_suffix("")
        with suppress(OSError):
            _Copy(folder, _open(folder)).release()


def _place() -> Path:
    """Return the folder of the copies, which nobody else may fill."""
    place = Path(tempfile.gettempdir())
    if sys.platform == "win32":
        return place / f"soundcal-copies-{os.getpid()}-{threading.get_ident()}"
    place /= f"soundcal-copies-{os.getuid()}"
    with suppress(FileExistsError):
        place.mkdir(mode=0o700)
    about = place.lstat()
    if about.st_uid != os.getuid() or about.st_mode & 0o077 or not place.is_dir():
        raise RecordError(
            f"{place}: can be changed by other users; remove it, or name another folder of "
            "temporary files (TMPDIR)"
        )
    return place


def _lock_file(folder: Path) -> Path:
    return folder.with_suffix(".lock")


def _open(folder: Path) -> int:
    make_folder(folder.parent)
    return os.open(_lock_file(folder), os.O_RDWR | os.O_CREAT, 0o600)


def _locked(lock: int, folder: Path, *, alone: bool = False) -> bool:
    """Lock a file together with others, after waiting for one that has it alone; or alone.

    False if the file has been removed in the meantime.

    Raises
    ------
    BlockingIOError
        Another process has locked it, so that it cannot be had alone.
    """
    if sys.platform == "win32":
        return True
    import fcntl

    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH)
    try:
        return os.path.samestat(os.fstat(lock), _lock_file(folder).stat())
    except FileNotFoundError:
        return False
