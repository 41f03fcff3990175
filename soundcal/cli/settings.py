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

Options on the command line take precedence.
"""

import tomllib
from pathlib import Path
from typing import Any, Final

from soundcal.errors import RecordError
from soundcal.files.text import read_text

__all__ = ["with_settings"]

_FILE: Final = "soundcal.toml"


def with_settings(arguments: list[str], folder: Path = Path()) -> list[str]:
    """Insert the options of the settings file before those of the command line.

    Raises
    ------
    RecordError
        The file is not TOML, an option is outside the table of a command, or a value is not text,
        a number, true, false or a list of these.
    """
    path = folder / _FILE
    if not path.is_file():
        return arguments
    try:
        table: Any = tomllib.loads(read_text(path))
    except (ValueError, RecursionError) as error:  # not TOML, endless numbers, too deep
        raise RecordError(f"{path}: cannot be read as settings ({error})") from error
    stray = [key for key, value in table.items() if not isinstance(value, dict)]
    if stray:
        raise RecordError(f"{path}: {stray[0]} is outside a table; put it below [COMMAND]")
    options: list[str] = []
    depth = 0
    while depth < len(arguments) and isinstance(table.get(arguments[depth]), dict):
        table = table[arguments[depth]]
        depth += 1
        for key, value in table.items():
            if not isinstance(value, dict):  # the table of a word that may follow
                options += _option(path, key, value)
    return [*arguments[:depth], *options, *arguments[depth:]]


def _option(path: Path, key: str, value: Any) -> list[str]:
    name = f"--{key.replace('_', '-')}"
    if isinstance(value, bool):
        return [name] if value else []
    if isinstance(value, list):
        return [word for item in value for word in _option(path, key, item)]
    if isinstance(value, str | int | float):
        return [f"{name}={value}"]
    raise RecordError(f"{path}: {key} = {value!r}; text, number, true/false or a list expected")
