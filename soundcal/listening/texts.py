"""Texts of the pages in a language: one TOML file per language, each with all keys of English."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal

from soundcal.errors import ParameterError, RecordError
from soundcal.files.text import inside, read_toml

__all__ = [
    "LANGUAGES",
    "OF_METHODS",
    "OF_STUDY",
    "Direction",
    "Texts",
    "load_texts",
    "problem_of_own",
]

LANGUAGES: Final = Path(__file__).parent / "languages"
"""Folder of the languages that come with soundcal, and name of that of a study."""

OF_METHODS: Final = ("paq_", "acr_")
"""Beginnings of the keys that only blocks of a method need."""

OF_STUDY: Final = ("information", "consent_version", "instructions")
"""Keys of the texts that only a study has."""

Direction = Literal["ltr", "rtl"]
"""Direction of writing: from left to right or from right to left."""

_FIELD: Final = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts in one language.

    Parameters
    ----------
    language : str
        Key of the language (ISO 639-3).
    name : str
        Its name in the language itself.
    direction : {"ltr", "rtl"}
        Direction of writing.
    words : mapping of str to str
        Texts by key.
    """

    language: str
    name: str
    direction: Direction
    words: Mapping[str, str]

    def __getitem__(self, key: str) -> str:
        try:
            return self.words[key]
        except KeyError:
            raise ParameterError(
                f"the text {key} is missing in {self.language}; give it in study.toml, "
                f"[texts.{self.language}]"
            ) from None

    def fill(self, key: str, **values: object) -> str:
        """Return a text with its ``{names}`` replaced; a name without a value stays.

        >>> load_texts("eng").fill("trial_count", n=3, total=27)
        'Sound 3 of 27'
        """
        return _FIELD.sub(lambda field: str(values.get(field[1], field[0])), self[key])

    def with_own(self, own: Mapping[str, str]) -> "Texts":
        """Return the texts with those of a study, which come before them."""
        words = MappingProxyType({**self.words, **own})
        return Texts(self.language, self.name, self.direction, words)


def load_texts(language: str, folder: Path | None = None) -> Texts:
    """Return the texts of a language.

    Parameters
    ----------
    language : str
        Key of the language (ISO 639-3).
    folder : Path, optional
        Folder of a study, whose own ``languages/KEY.toml`` comes before the one of soundcal.

    Raises
    ------
    RecordError
        No such language; the file cannot be read, or a text is missing, unknown, empty or holds a
        ``{name}`` that the room does not fill in.
    """
    path = LANGUAGES / f"{language}.toml"
    if folder is not None:
        own = inside(folder, f"{LANGUAGES.name}/{language}.toml")
        path = own if own.exists() else path
    shipped = sorted(file.stem for file in LANGUAGES.glob("*.toml"))
    missing = (
        f"no texts in the language {language!r}; soundcal has {', '.join(shipped)}, and a study "
        f"brings others as {LANGUAGES.name}/{language}.toml in its folder"
    )
    texts = _read(path, language, missing)
    if language != "eng" or folder is not None:
        _compare(texts, _read(LANGUAGES / "eng.toml", "eng", "reinstall soundcal"), path)
    return texts


def _read(path: Path, language: str, missing: str) -> Texts:
    table = read_toml(path, "texts of a language", missing=missing)
    if set(table) != {"language", "name", "dir", "texts"} or not isinstance(table["texts"], dict):
        raise RecordError(f"{path}: language, name, dir and the table [texts] are expected")
    if table["language"] != language:
        raise RecordError(
            f"{path}: language {table['language']!r:.40}; by the name of the file it is {language}"
        )
    if table["dir"] not in ("ltr", "rtl"):
        raise RecordError(f"{path}: dir {table['dir']!r:.40}; ltr or rtl is expected")
    for key, text in {"name": table["name"], **table["texts"]}.items():
        if not isinstance(text, str) or not text.strip():
            raise RecordError(f"{path}: {key} = {text!r:.40}; a text is expected")
    return Texts(language, table["name"], table["dir"], MappingProxyType(table["texts"]))


def _compare(texts: Texts, english: Texts, path: Path) -> None:
    """Refuse a language without a text that English has, or with one that English lacks."""
    needed = [key for key in english.words if not key.startswith(OF_METHODS)]
    missing = [key for key in needed if key not in texts.words]
    if missing:
        raise RecordError(f"{path}: the text {missing[0]} is missing, and {len(missing) - 1} more")
    for key, text in texts.words.items():
        if problem := _problem(key, text, english):
            raise RecordError(f"{path}: {key}: {problem}")


def problem_of_own(key: str, text: str) -> str:
    """Return what is wrong with a text of a study; empty if nothing is.

    >>> problem_of_own("join_titel", "Hello")
    'unknown text; did you mean join_title?'
    """
    return "" if key in OF_STUDY else _problem(key, text, load_texts("eng"))


def _problem(key: str, text: str, english: Texts) -> str:
    if key not in english.words:
        close = get_close_matches(key, [*OF_STUDY, *english.words], 1)
        return "unknown text" + (f"; did you mean {close[0]}?" if close else "")
    known = {*_FIELD.findall(english[key])}
    if strange := {*_FIELD.findall(text)} - known:
        return (
            f"holds {{{min(strange)}}}, which the room does not fill in; it fills in "
            f"{', '.join(sorted(known)) or 'nothing'} there"
        )
    return ""
