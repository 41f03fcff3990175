"""A session folder that is used by one process at a time.

The operating system releases the lock when the process ends, however it ends: the lock file that a
killed process leaves behind is no obstacle.
"""

import errno
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from soundcal.errors import RecordError
from soundcal.files.atomic import why_unwritable

__all__ = ["held", "user_of"]

_NAME: Final = ".session.lock"
_TRIES: Final = 5
_WAIT_S: Final = 0.1  # user_of() takes the lock for a moment
_LOCKED_BYTE: Final = 1 << 30  # Windows: a locked byte cannot be read, so it is not one of the text
_NO_LOCKS: Final = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)
"""Errors of network disks and the like that have no locks."""

_MODE: Final = os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other processes from using a session folder, until the end of the context.

    Raises
    ------
    RecordError
        Another process uses the folder, or a lock file cannot be written into it.
    """
    path = folder / _NAME
    file = _locked(folder, path)
    try:
        yield
    finally:
        if sys.platform == "win32":  # an open file cannot be removed
            os.close(file)
            with suppress(OSError):
                path.unlink()
        else:
            with suppress(OSError):
                path.unlink()
            os.close(file)


def user_of(folder: Path) -> str:
    """Return the other process that holds a session folder, such as ``process 7``, or ""."""
    try:
        file = os.open(folder / _NAME, _MODE)
    except OSError:
        return ""
    try:
        if _lock(file):
            return ""
        user = _said(file)
        return "" if user == _me() else user
    except OSError:
        return ""
    finally:
        os.close(file)


def _locked(folder: Path, path: Path) -> int:
    """Return the descriptor of the lock file, locked and with the name of this process in it."""
    tries = 0
    while True:
        try:
            file = os.open(path, _MODE | os.O_CREAT, 0o666)
        except OSError as error:
            raise _unwritable(folder, error) from error
        try:
            if not _lock(file):
                tries += 1
                user = _said(file)
                if tries == _TRIES:
                    raise RecordError(
                        f"{folder}: in use by {user}; wait until it has ended, or stop it"
                    )
            elif _is_still(path, file):
                os.ftruncate(file, 0)
                os.write(file, _me().encode())
                return file
        except OSError as error:
            os.close(file)
            raise _unwritable(folder, error) from error
        except BaseException:
            os.close(file)
            raise
        os.close(file)
        time.sleep(_WAIT_S)


def _unwritable(folder: Path, error: OSError) -> RecordError:
    reason = why_unwritable(error, folder)
    if error.errno in _NO_LOCKS:
        reason += "; use a folder on a local disk"
    return RecordError(f"{folder}: cannot be locked for this session ({reason})")


def _is_still(path: Path, file: int) -> bool:
    """Return False if the process that held the lock has removed the file in the meantime."""
    try:
        return os.path.samestat(os.stat(path, follow_symlinks=False), os.fstat(file))
    except FileNotFoundError:
        return False


def _said(file: int) -> str:
    os.lseek(file, 0, os.SEEK_SET)
    return os.read(file, 200).decode("utf-8", "replace") or "another process"


def _me() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _lock(file: int) -> bool:
    """Lock an open file unless another process has; return whether it was locked."""
    if sys.platform == "win32":
        import msvcrt

        os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EDEADLK):
                raise
            return False
        os.lseek(file, 0, os.SEEK_SET)
    else:
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # the latter by some network disks
            return False
    return True
