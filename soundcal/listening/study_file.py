"""A study file as checked TOML, with the line of every entry, so that an error can name it."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from soundcal.errors import RecordError
from soundcal.files.mapping import is_number
from soundcal.files.shipped import shipped
from soundcal.files.text import read_text

__all__ = ["STUDY_SCHEMA", "Place", "StudyFile"]

STUDY_SCHEMA: Final = "soundcal/study/1"
"""Value of the key ``schema`` in a study file."""

Place = tuple[str | int, ...]
"""Keys and numbers that lead to an entry, e.g. ``("block", 1, "plays", "max")``."""

_LIMIT: Final = 2**20  # bytes
_MISSING: Final = "no such file, so the folder is not a study; soundcal listen new makes one"
_KEY: Final = r'(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|\'[^\']*\')'
_KEYS: Final = re.compile(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*")
_HEADER: Final = re.compile(rf"\s*(\[\[?)({_KEYS.pattern})\]")
# strings and comments, within which no key begins
_SKIPPED: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"""|\'\'\'.*?\'\'\'|"(?:[^"\\\n]|\\.)*"|\'[^\'\n]*\'|#[^\n]*', re.DOTALL
)


class StudyFile:
    """The content of a study file.

    Parameters
    ----------
    path : Path
        The file.
    text : str, optional
        Its text, if it is not to be read.

    Attributes
    ----------
    text : str
        Its text.
    content : dict
        Its entries, which are as ``study.schema.json`` requires.

    Raises
    ------
    RecordError
        The file cannot be read, is not TOML, or is not as the schema requires; with the line.
    """

    def __init__(self, path: Path, text: str | None = None) -> None:
        self.path = path
        if text is None:
            text = read_text(path, missing=_MISSING, limit=_LIMIT)
        self.text = text
        try:
            self.content: dict[str, Any] = tomllib.loads(self.text)
        except (ValueError, RecursionError) as error:
            raise RecordError(f"{path}: cannot be read as a study ({error})") from error
        self._check()

    def error(self, place: Sequence[str | int], text: str) -> RecordError:
        """Return the error of an entry, which names file, line and entry."""
        line = self._line(tuple(place))
        where = f"{self.path}, line {line}: " if line else f"{self.path}: "
        return RecordError(f"{where}{_in_words(place)}{text}")

    def _check(self) -> None:
        from jsonschema.exceptions import best_match

        found = self.content.get("schema")
        if found != STUDY_SCHEMA:
            raise self.error(("schema",), f"{found!r:.60}; {STUDY_SCHEMA!r} is expected")
        # the message of an unknown key is better than those of what it makes missing
        errors = list(_validator().iter_errors(self.content))
        unknown = [error for error in errors if error.validator == "additionalProperties"]
        error = unknown[0] if unknown else best_match(errors) if errors else None
        if error is None:
            return
        place = tuple(error.absolute_path)
        if error in unknown:
            known = sorted(error.schema["properties"])
            key = next(key for key in error.instance if key not in known)
            raise self.error((*place, key), f"unknown key; {_suggestion(key, known)}")
        raise self.error(place, _message(error))

    def _line(self, place: Place) -> int:
        """Return the line of an entry, or of what is nearest around or in it; 0 if nothing is."""
        lines = _lines(self.text)
        for n in range(len(place), 0, -1):
            if found := [line for known, line in lines.items() if known[:n] == place[:n]]:
                return min(found)
        return 0


@lru_cache(maxsize=1)
def _validator() -> Any:
    from jsonschema import Draft202012Validator, validators

    extend: Any = validators.extend  # without types
    # JSON has neither whole numbers of their own nor infinite ones, TOML has both
    kinds = Draft202012Validator.TYPE_CHECKER.redefine_many(
        {
            "integer": lambda _, value: type(value) is int,
            # whole numbers of any length, which a maximum then refuses
            "number": lambda _, value: type(value) is int or is_number(value),
        }
    )
    text = (shipped("schema") / "study.schema.json").read_text(encoding="utf-8")
    return extend(Draft202012Validator, type_checker=kinds)(json.loads(text))


def _message(error: Any) -> str:
    """Return in words why a value is refused."""
    value = f"{error.instance!r:.60}"
    match error.validator, error.validator_value:
        case "enum", choices:
            return f"{value}; one of {', '.join(map(str, choices))} is expected"
        case "required", names:
            missing = [name for name in names if name not in error.instance]
            return f"{', '.join(missing)} is missing"
        case "type", kind:
            words = _TYPES.get(kind, kind)
            return f"{value}; {words} is expected"
        case "minimum", least:
            return f"{value}; {least:g} or more is expected"
        case "exclusiveMinimum", least:
            return f"{value}; more than {least:g} is expected"
        case "maximum", most:
            return f"{value}; at most {most:g} is expected"
        case "minItems" | "minLength" | "minProperties", least:
            return f"{value} is too short; at least {least} are expected"
        case "maxItems" | "maxLength", most:
            return f"{value} is too long; at most {most} are expected"
        case "pattern", pattern:
            return f"{value}; {_PATTERNS.get(pattern, pattern)} is expected"
    return str(error.message)[:300]


_TYPES: Final[Mapping[str, str]] = {
    "object": "a table",
    "array": "a list",
    "string": "a text",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
}

_PATTERNS: Final[Mapping[str, str]] = {
    "^[a-z]{3}$": "a language of three letters (ISO 639-3)",
    "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$": "a name of letters, digits, '.', '_' and '-'",
    "^(always|ask assistant|within [1-9][0-9]{0,3} min)$": (
        "always, ask assistant or within NUMBER min"
    ),
}


def _suggestion(key: str, known: Sequence[str]) -> str:
    close = get_close_matches(key, known, 1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}"


def _in_words(place: Sequence[str | int]) -> str:
    """Return the name of an entry: ``block 2, plays, max: ``."""
    words: list[str] = []
    for key in place:
        if isinstance(key, int) and words:
            words[-1] += f" {key + 1}"
        else:
            words.append(str(key))
    return f"{', '.join(words)}: " if words else ""


@lru_cache(maxsize=8)
def _lines(text: str) -> dict[Place, int]:
    """Return the line of every table and key that begins one, except those within a value."""
    # strings keep their lines and lose their brackets; a line that begins in one begins with a zero
    blank = _SKIPPED.sub(lambda found: _blanked(found[0]), text)
    lines: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    depth = 0
    rows = zip(text.split("\n"), blank.split("\n"), strict=True)
    for line, (row, plain) in enumerate(rows, start=1):
        if depth == 0 and not plain.startswith("\0"):
            if header := _HEADER.match(row):
                table = _numbered(_parts(header[2]), header[1] == "[[", counts)
                lines.setdefault(table, line)
                continue
            if (key := _KEYS.match(row)) and row[key.end() : key.end() + 1] == "=":
                lines.setdefault((*table, *_parts(key[1])), line)
        depth += sum(map(plain.count, "[{")) - sum(map(plain.count, "]}"))
    return lines


def _blanked(text: str) -> str:
    return re.sub(r"(?<=\n)[^\n]", "\0", re.sub(r"[\[\]{}]", " ", text))


def _parts(keys: str) -> tuple[str, ...]:
    return tuple(part.strip("\"'") for part in re.findall(_KEY, keys))


def _numbered(keys: tuple[str, ...], is_list: bool, counts: dict[Place, int]) -> Place:
    """Return the place of a table; tables in lists are numbered as they come."""
    place: Place = ()
    for key in keys[:-1]:
        place = (*place, key)
        place = (*place, counts[place]) if place in counts else place
    place = (*place, keys[-1])
    if is_list:
        counts[place] = counts.get(place, -1) + 1
        return (*place, counts[place])
    return place
