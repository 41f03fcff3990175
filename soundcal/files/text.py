"""Checks of the files that users name, before opening one can block the program or fill the memory.

A name may belong to a folder, a pipe that nobody writes to, an endless device or a file of
gigabytes; it may be too long, unreadable or a circular link. Each case has one clear error.
"""

import codecs
import errno
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from soundcal.errors import ParameterError, RecordError

__all__ = [
    "TEXT_LIMIT",
    "check_file",
    "check_library",
    "inside",
    "read_export",
    "read_text",
    "read_toml",
]

TEXT_LIMIT: Final = 64 * 2**20
"""Size of the largest table or log that is read, in bytes: a log of a million events."""

_RECORD_LIMIT: Final = 8 * 2**20
"""Size of the largest JSON record, in bytes; one of empty lists needs 30 times as much memory."""

_TOML_LIMIT: Final = 2**20
"""Size of the largest TOML file, in bytes, which takes up to 3 s to read; people write them."""

_REASONS: Final[Mapping[int, str]] = {
    errno.ELOOP: "a circular symbolic link",
    errno.EACCES: "permission denied: check the permissions of the file and its folder",
    errno.ENAMETOOLONG: "the name is too long for this system",
}

_LIBRARIES: Final[Mapping[str, str]] = {".xlsx": "openpyxl", ".parquet": "pyarrow"}
"""Libraries for tables by the ending of the file, which is also the name of the extra."""

_UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
"""Byte order marks of UTF-16."""

_SAVE: Final = "save it as CSV UTF-8"

_UNPACK: Final = "unpack it first"

_NOT_TEXT: Final[Mapping[bytes, tuple[str, str]]] = {
    b"\x1f\x8b": ("compressed by gzip", _UNPACK),
    b"PK\x03\x04": ("a workbook (xlsx, ods) or zip archive", f"{_SAVE}, or {_UNPACK}"),
    b"\xd0\xcf\x11\xe0": ("a workbook (xls)", _SAVE),
    b"BZh": ("compressed by bzip2", _UNPACK),
    b"\xfd7zXZ": ("compressed by xz", _UNPACK),
    b"\x28\xb5\x2f\xfd": ("compressed by zstd", _UNPACK),
}
"""First bytes of files that are no text, though their names may end in .csv."""


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
    if stat.S_ISDIR(mode):
        raise RecordError(f"{path}: a folder, not a file")
    if not stat.S_ISREG(mode):
        raise RecordError(f"{path}: not a file")
    if not os.access(path, os.R_OK, effective_ids=os.access in os.supports_effective_ids):
        raise RecordError(f"{path}: {_REASONS[errno.EACCES]}")


def check_library(path: Path, instead: str) -> None:
    """Refuse a table file whose library is not installed; ``instead`` is the other way out.

    Raises
    ------
    ParameterError
        With the command that installs the library.
    """
    ending = path.suffix.lower()
    library = _LIBRARIES.get(ending, "")
    if library and find_spec(library) is None:
        raise ParameterError(
            f'{path}: needs the library {library}; pip install "soundcal[{ending[1:]}]", or '
            f"{instead}"
        )


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


def read_text(path: Path, *, missing: str = "no such file", limit: int = _RECORD_LIMIT) -> str:
    """Return the text of a record in UTF-8, or in UTF-16 with a byte order mark.

    A byte order mark, which editors and shells of Windows write, is left out (RFC 8259, 8.1).

    Raises
    ------
    RecordError
        As for :func:`check_file`; or the file is larger than ``limit`` bytes, neither UTF-8 nor
        UTF-16, or cannot be read.
    """
    content = _content(path, missing, limit)
    try:
        return _decoded(content)
    except UnicodeDecodeError as error:
        raise RecordError(f"{path}: cannot be read as text ({error})") from error


def read_toml(path: Path, what: str, *, missing: str = "no such file") -> dict[str, Any]:
    """Return the content of a TOML file; ``what`` it is expected to be is for the error.

    Raises
    ------
    RecordError
        As for :func:`read_text`, with a limit of 1 MiB; or the file is not TOML.
    """
    text = read_text(path, missing=missing, limit=_TOML_LIMIT)
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # not TOML, endless numbers, too deep
        raise RecordError(f"{path}: cannot be read as {what} ({error})") from error


def read_export(path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the text of a table or list that another program wrote, and remarks on its coding.

    It is read as by :func:`read_text` and, if it is neither UTF-8 nor UTF-16, as Windows-1252,
    which a remark then says. All line ends become ``\\n``.

    Raises
    ------
    RecordError
        As for :func:`read_text`, with a limit of 64 MiB; or the file is compressed, a workbook, or
        not text.
    """
    content = _content(path, "no such file", TEXT_LIMIT)
    for start, (kind, remedy) in _NOT_TEXT.items():
        if content.startswith(start):
            raise RecordError(f"{path}: {kind}, not text; {remedy}")
    remarks: tuple[str, ...] = ()
    try:
        text = _decoded(content)
    except UnicodeDecodeError as error:
        if content.startswith(_UTF_16):
            raise RecordError(f"{path}: not whole UTF-16 text ({error}); {_SAVE}") from error
        try:
            text = content.decode("cp1252")
        except UnicodeDecodeError:
            raise RecordError(f"{path}: cannot be read as text ({error}); {_SAVE}") from error
        example = re.search(r"[^\s;,]*[^\x00-\x7f][^\s;,]*", text)
        remarks = (
            f"{path}: not UTF-8, read as Windows-1252"
            + (f"; is {example[0]!r:.60} right? If not, " if example else "; ")
            + _SAVE,
        )
    if "\0" in text:
        raise RecordError(
            f"{path}: holds bytes of zero: not text, or UTF-16 without a byte order mark; {_SAVE}"
        )
    return text.replace("\r\n", "\n").replace("\r", "\n"), remarks


def _content(path: Path, missing: str, limit: int) -> bytes:
    check_file(path, missing=missing)
    try:
        with open(path, "rb") as file:
            content = file.read(limit + 1)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from error
    if len(content) > limit:
        raise RecordError(f"{path}: larger than {limit // 2**20} MiB, too large for a file of text")
    return content


def _decoded(content: bytes) -> str:
    coding = "utf-16" if content.startswith(_UTF_16) else "utf-8-sig"
    return content.decode(coding).replace("\r\n", "\n")


def _shown(path: Path) -> str:
    text = str(path).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 200 else f"{text[:200]}…"
