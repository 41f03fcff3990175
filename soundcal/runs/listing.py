"""The files of a run, named one after the other, so that a million of them need little memory.

A source is a file, a folder (the audio files in it), a pattern such as ``stations/**/*.flac``, a
list ``@files.txt`` with a name in every line, or an address or pattern for fsspec such as
``s3://bucket/2026/**``. Patterns and folders give names that end as those of audio files do.
"""

import fnmatch
import glob
import os
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, Final

from soundcal.errors import ParameterError, RecordError
from soundcal.files import audio
from soundcal.files.text import check_file
from soundcal.runs.remote import OF_ONE_FILE, file_system, is_address, stamp, stamp_of

__all__ = [
    "check_moved",
    "common_root",
    "listed_names",
    "names_of",
    "relative_name",
    "states_of",
]

Missed = Callable[[str], None]

_MAGIC: Final = re.compile(r"[*?[]")
_LEFT_OUT: Final = "cannot be listed, its files are left out"


def names_of(sources: Iterable[str], missed: Missed = lambda reason: None) -> Iterator[str]:
    """Give the absolute names or addresses of the files of all sources.

    Parameters
    ----------
    sources : iterable of str
        Files, folders, patterns, lists and addresses.
    missed : callable
        Called with the reason for each folder at an address, or of a pattern ``FOLDER/**/NAME`` on
        a disk, that cannot be listed, and whose files are left out.

    Raises
    ------
    RecordError
        A list, folder or pattern without files.
    OSError
        A server that does not answer.
    """
    for source in sources:
        if _is_list(source):
            yield from _checked(source, names_of(listed_names(source), missed))
        elif is_address(source):
            yield from _checked(source, (name for name, _ in _at_address(source, missed)))
        elif _is_one(source):
            yield os.path.abspath(source)
        else:
            yield from _checked(source, _on_disk(source, missed))


def states_of(source: str, missed: Missed = lambda reason: None) -> Iterator[tuple[str, str]]:
    """Give the files of a source that are there now, each with its state.

    The state is made of size and time of the last change of the file and of the record beside it;
    or it is the reason for which the file cannot be read. ``missed`` is that of :func:`names_of`.

    Raises
    ------
    RecordError
        A list that cannot be read.
    OSError
        The disk cannot be reached. A server can have errors of other kinds.
    """
    if _is_list(source):
        for name in listed_names(source):
            yield from states_of(name, missed)
    elif is_address(source):
        for name, about in _at_address(source, missed):
            with suppress(FileNotFoundError):
                stamps = [stamp_of(one) for one in about] or [stamp(name)]
                yield name, " ".join(map(str, stamps))
    else:
        for name in [os.path.abspath(source)] if _is_one(source) else _on_disk(source, missed):
            with suppress(FileNotFoundError):  # not yet, or no more
                yield name, _state_on_disk(name)


def _state_on_disk(name: str) -> str:
    try:
        state = str(stamp(name))
        with suppress(FileNotFoundError):
            state += f" {stamp(str(Path(name).with_suffix('.json')))}"
    except OSError as error:
        if error.errno not in OF_ONE_FILE:
            raise
        return str(error)
    return state


def _is_one(source: str) -> bool:
    """Return whether a path is that of one file, which need not be there."""
    return not os.path.isdir(source) and not (_MAGIC.search(source) and not os.path.exists(source))


def _on_disk(source: str, missed: Missed) -> Iterator[str]:
    """Give the audio files of a folder or pattern."""
    path = os.path.abspath(source)
    if os.path.isdir(source):
        return map(str, audio.in_folder(Path(path)))
    base, deep, name = path.partition(f"{os.sep}**{os.sep}")
    if deep and not _MAGIC.search(base) and os.sep not in name and name != "**":
        return _below(base or os.sep, name, missed)
    return filter(_is_audio, glob.iglob(path, recursive=True))


def _below(base: str, pattern: str, missed: Missed) -> Iterator[str]:
    """Give the audio files below a folder, as glob does, which passes over errors in silence."""

    def on_error(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):  # not there yet, or no more
            missed(f"{error.filename}: {_LEFT_OUT} ({error.strerror})")

    for folder, folders, files in os.walk(base, onerror=on_error, followlinks=True):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in filter(_is_audio, fnmatch.filter(files, pattern)):
            yield os.path.join(folder, name)


def listed_names(source: str) -> Iterator[str]:
    """Give the names in a list ``@files.txt``, one in each line, or the source if it is no list.

    Raises
    ------
    RecordError
        The list cannot be read.
    """
    if not _is_list(source):
        yield source
        return
    path = Path(source[1:])
    check_file(path)
    try:
        with open(path, encoding="utf-8-sig") as file:
            for line in file:
                if name := line.rstrip("\r\n"):
                    yield name
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: cannot be read as a list of files ({error})") from error


def common_root(sources: Sequence[str]) -> str:
    """Return the folder or address below which all files of the sources are.

    Raises
    ------
    ParameterError
        Files on disks together with addresses, or addresses of several kinds.
    """
    root = None
    for base in _bases(sources):
        root = base if root is None else _common(root, base)
    if root is None:
        raise ParameterError("no files; give audio files, folders, patterns, or a list (@FILE)")
    return root


def check_moved(root: str, known: str) -> None:
    """Refuse a root that is above or below that of a dataset, and so gives its files other names.

    Raises
    ------
    ParameterError
        Files would be in the dataset twice.
    """
    one, other = (f"{path.rstrip('/')}/" for path in (root, known))
    if one != other and (one.startswith(other) or other.startswith(one)):
        raise ParameterError(
            f"--root {root}: the dataset names its recordings below {known}; below another folder "
            "the same files would have other names and count twice. Leave --root out, or write "
            "into another folder"
        )


def relative_name(name: str, root: str) -> str:
    """Return the name of a file below the root, with ``/`` between folders.

    Raises
    ------
    ParameterError
        The file is not below the root.
    """
    try:
        if not is_address(name):
            return Path(name).relative_to(root).as_posix()
        if name.startswith(f"{root}/"):
            return name[len(root) + 1 :]
        raise ValueError
    except ValueError:
        raise ParameterError(
            f"{name}: not below {root}, the root of the dataset's recordings; write into another "
            "folder, or give the files' new place with --root if they were moved"
        ) from None


def _is_list(source: str) -> bool:
    return source.startswith("@") and not os.path.exists(source)


def _is_audio(name: str) -> bool:
    path = Path(name)
    return path.suffix.lower() in audio.ENDINGS and not path.name.startswith(".")


def _checked(source: str, found: Iterable[str]) -> Iterator[str]:
    """Give the names, and refuse a source that has none."""
    empty = True
    for name in found:
        empty = False
        yield name
    if empty:
        raise RecordError(f"{source}: no audio files ({', '.join(audio.ENDINGS)})")


def _at_address(source: str, missed: Missed) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Give the addresses of a pattern or folder, folder by folder, or of the one file.

    Beside each of them: what the file system tells about the file and the record beside it, if they
    are listed.
    """
    system, path = file_system(source)
    if not _MAGIC.search(path):
        if not system.isdir(path):
            yield str(system.unstrip_protocol(path)), ()
            return
        path = f"{path.rstrip('/')}/*"
    from fsspec.utils import glob_translate

    pattern = re.compile(glob_translate(path))
    base = _plain_part(path)
    deep = "**" in path or "/" in path[len(base) :].strip("/")
    for where, files in _folders(system, base, deep, missed):
        for name in sorted(files):
            if pattern.match(f"{where}/{name}") and _is_audio(name):
                record = files.get(str(PurePosixPath(name).with_suffix(".json")))
                address = str(system.unstrip_protocol(f"{where}/{name}"))
                yield address, (files[name], *([record] if record else []))


def _folders(
    system: Any, base: str, deep: bool, missed: Missed
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Give the folders of a file system, each with what it tells about its files, by their names.

    fsspec's own ``walk`` leaves out folders that cannot be listed, in silence.
    """
    waiting = [base]
    while waiting:
        where = waiting.pop()
        try:
            listed = system.ls(where, detail=True)
        except FileNotFoundError:  # not there yet, or no more
            continue
        except PermissionError as error:
            missed(f"{system.unstrip_protocol(where)}: {_LEFT_OUT} ({error})")
            continue
        files, folders = {}, []
        for about in listed:
            place = about["name"].rstrip("/")
            if place == where:  # as object stores mark a folder
                continue
            if about["type"] != "directory":
                files[posixpath.basename(place)] = about
            elif deep:
                folders.append(place)
        yield where, files
        waiting += sorted(folders, reverse=True)


def _plain_part(path: str) -> str:
    """Return the folders of a pattern before its first folder with a wildcard.

    >>> _plain_part("stations/**/*.flac"), _plain_part("a/b/c*/d.wav")
    ('stations', 'a/b')
    """
    plain = path[: found.start()] if (found := _MAGIC.search(path)) else path
    return os.path.dirname(plain)


def _bases(sources: Iterable[str]) -> Iterator[str]:
    """Give the folder of every source."""
    for source in sources:
        if _is_list(source):
            yield from _bases(listed_names(source))
        elif is_address(source):
            system, path = file_system(source)
            is_folder = not _MAGIC.search(path) and system.isdir(path)
            yield str(system.unstrip_protocol(path if is_folder else _plain_part(path))).rstrip("/")
        elif os.path.isdir(source):
            yield os.path.abspath(source)
        else:
            name = os.path.abspath(source)
            yield os.path.dirname(name) if _is_one(source) else _plain_part(name)


def _common(one: str, other: str) -> str:
    if is_address(one) != is_address(other):
        raise ParameterError(
            f"{one} and {other}: files on disks and remote files cannot be measured in one run"
        )
    if not is_address(one):
        try:
            return os.path.commonpath([one, other])
        except ValueError as error:  # two disks of Windows
            raise ParameterError(f"{one} and {other}: have no folder in common") from error
    kinds = [address.partition("://") for address in (one, other)]
    if kinds[0][0] != kinds[1][0]:
        raise ParameterError(f"{one} and {other}: addresses of one kind are expected")
    return f"{kinds[0][0]}://{posixpath.commonpath([kinds[0][2] or '/', kinds[1][2] or '/'])}"
