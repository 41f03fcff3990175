"""Settings of a lab in ``soundcal.toml``: options that need not be repeated on the command line.

The file is in the working folder and has one table per command; its keys are long options. A table
inside that of a command applies only to the word that follows it, for example to one protocol::

    [record]
    device = "Fireface, ASIO"
    fs = 48000

    [protocol.run]
    device = "Fireface, ASIO"

    [protocol.run.hats_headphones]
    set = ["calibrator_level=114"]

Options on the command line take precedence. The file may come with a folder that somebody else has
filled. Whatever it sets is therefore said on stderr; it cannot make a command replace files
(``force``), write outside its folder, name a protocol to run, or name the machines that compute
(``cluster``), whose answers are executed.
"""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

from soundcal.cli.output import say
from soundcal.errors import RecordError
from soundcal.files.text import read_toml

__all__ = ["SETTINGS_FILE", "WRITING", "with_settings"]

SETTINGS_FILE: Final = "soundcal.toml"
_KEY: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_MOST: Final = 100
WRITING: Final = ("out", "record", "report", "plot", "plots", "log", "table", "html")
"""Options of all commands that name a file or folder to write."""
_CHOICES: Final = ("indicators", "family")
"""Repeatable options whose values are one choice: those of the command line replace the file's."""


def with_settings(
    arguments: list[str], folder: Path = Path(), *, commands: Collection[str] = ()
) -> list[str]:
    """Insert the options of the settings file before those of the command line, and say which.

    Parameters
    ----------
    arguments : list of str
        The command line.
    folder : Path
        Folder of the settings file.
    commands : collection of str
        Commands that a table may be of; any by default.

    Raises
    ------
    RecordError
        The file is not TOML, an option is outside the table of a command, a table is not of a
        command, a value is not text,
        a number, true, false or a list of these, or an option is one that the file cannot set.
    """
    path = folder / SETTINGS_FILE
    if not path.is_file():
        return arguments
    table: Any = read_toml(path, "settings")
    stray = [key for key, value in table.items() if not isinstance(value, dict)]
    if stray:
        raise RecordError(f"{path}: {stray[0]} is outside a table; put it below [COMMAND]")
    if unknown := [key for key in table if commands and key not in commands]:
        raise RecordError(
            f"{path}: [{unknown[0]}] is not a command; there are {', '.join(commands)}"
        )
    options: list[str] = []
    depth = 0
    while depth < len(arguments) and isinstance(table.get(arguments[depth]), dict):
        table = table[arguments[depth]]
        depth += 1
        for key, value in table.items():
            if isinstance(value, dict):  # the table of a word that may follow
                continue
            if key not in _CHOICES or not _is_given(key, arguments):
                options += _option(path, key, value)
    if len(options) > _MOST:
        raise RecordError(
            f"{path}: {len(options)} options; a settings file has at most {_MOST} for a command"
        )
    if options:
        command = " ".join(arguments[:depth])
        say(f"{path}: sets {' '.join(options)} for {command}, unless the command line does")
    return [*arguments[:depth], *options, *arguments[depth:]]


def _is_given(key: str, arguments: list[str]) -> bool:
    """Return whether the command line has the option, or a beginning of its name."""
    words = (word.partition("=")[0] for word in arguments)
    return any(len(word) > len("--") and f"--{key}".startswith(word) for word in words)


def _option(path: Path, key: str, value: Any) -> list[str]:
    if not _KEY.fullmatch(key):
        raise RecordError(f"{path}: {key!r} is not the name of an option")
    name = f"--{key.replace('_', '-')}"
    # a beginning of an option's name is taken as the option
    if "force".startswith(key) and value is not False:
        raise RecordError(
            f"{path}: {key} cannot be set in a file; to replace files, give --force on the command "
            "line"
        )
    if len(key) > 1 and "cluster".startswith(key):
        raise RecordError(
            f"{path}: {key} cannot be set in a file; to compute on a cluster, give --cluster on "
            "the command line"
        )
    if value is not False and any(writing.startswith(key) for writing in WRITING):
        _refuse_outside(path, key, value)
    if isinstance(value, bool):
        return [name] if value else []
    if isinstance(value, list):
        return [word for item in value for word in _option(path, key, item)]
    if isinstance(value, str | int | float):
        return [f"{name}={value}"]
    raise RecordError(f"{path}: {key} = {value!r}; text, number, true/false or a list expected")


def _refuse_outside(path: Path, key: str, value: Any) -> None:
    """Refuse a file or folder to write that is not in the folder of the settings, links followed.

    Raises
    ------
    RecordError
        It is outside, or not a name.
    """
    folder = path.parent.resolve()
    try:
        within = (folder / value).resolve().is_relative_to(folder)
    except (OSError, RuntimeError, TypeError, ValueError):  # circular links, a number, a zero
        within = False
    if not within:
        raise RecordError(
            f"{path}: {key} = {value!r} does not name a file in the folder of {path.name}; to "
            "write elsewhere, give the option on the command line"
        )
