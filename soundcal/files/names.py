"""Names by which tables and files are joined: one spelling each, and remarks on what was not."""

import re
import unicodedata
from collections.abc import Collection, Iterable
from typing import Final

__all__ = [
    "gathered",
    "in_counting_order",
    "lookalikes",
    "normal_name",
    "some",
    "trimmed",
    "unjoined",
    "without_brackets",
]


_INVISIBLE: Final = "\u00ad\u200b-\u200f\u2060\ufeff"
"""Soft hyphens, spaces of no width, marks of direction and of byte order; for a class of a pattern.
"""

_AROUND: Final = re.compile(rf"^[\s{_INVISIBLE}]+|[\s{_INVISIBLE}]+$")


def trimmed(text: str) -> str:
    """Return a text without the spaces around it, invisible ones included.

    Copied text may end in spaces of no width, which nobody sees.

    >>> trimmed("\\ufeff 62.5\\u200b\\xa0")
    '62.5'
    """
    return _AROUND.sub("", text)


def normal_name(text: str) -> str:
    """Return a name as all names are compared: in Unicode normal form C, without space around it.

    macOS writes ``é`` in file names as ``e`` and an accent, keyboards and Windows as one character.

    >>> normal_name(" cafe\\u0301 ") == "caf\\u00e9"
    True
    """
    return trimmed(unicodedata.normalize("NFC", text))


def in_counting_order(names: Iterable[str]) -> list[str]:
    """Return names sorted as people count: by the numbers in them, not digit by digit.

    >>> in_counting_order(["p10", "p2", "P1", "p02", "all"])
    ['all', 'P1', 'p02', 'p2', 'p10']
    """

    def key(name: str) -> tuple[tuple[tuple[int, int, str], ...], str]:
        parts = re.findall(r"[0-9]+|[^0-9]+", name.casefold())
        ranks = ((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)
        return tuple(ranks), name

    return sorted(names, key=key)


def without_brackets(name: str) -> str:
    """Return the label of an indicator as users' labels are compared with those of a table.

    >>> without_brackets("L(A)eq")
    'LAeq'
    """
    return name.replace("(", "").replace(")", "")


def some(names: Iterable[str], most: int = 6) -> str:
    """Return the first names in words.

    >>> some(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def gathered(notes: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """Return remarks on several files, those that are alike once, with the names of the files.

    Parameters
    ----------
    notes : iterable of (str, str)
        File and remark, which may begin with the file.

    Examples
    --------
    >>> gathered([("a.csv", "a.csv: line 2: empty"), ("b.csv", "b.csv: line 2: empty")])
    ('a.csv, b.csv: line 2: empty',)
    """
    files: dict[str, list[str]] = {}
    for file, note in notes:
        files.setdefault(note.removeprefix(f"{file}: "), []).append(file)
    return tuple(f"{some(dict.fromkeys(of))}: {note}" for note, of in files.items())


def unjoined(
    kind: str, first: str, of_first: Collection[str], second: str, of_second: Collection[str]
) -> tuple[str, ...]:
    """Return remarks on the names that occur on one of two sides only.

    Parameters
    ----------
    kind : str
        Plural of what is named, for example "stimuli".
    first, second : str
        Names of the sides.
    of_first, of_second : collection of str
        Names that occur on each.

    Examples
    --------
    >>> unjoined("stimuli", "ocv", ["S1", "S2"], "hats", ["S1"])
    ('stimuli under ocv only: S2',)
    """
    remarks = [
        f"{kind} under {side} only: {some(sorted(set(here) - set(there)))}"
        for side, here, there in ((first, of_first, of_second), (second, of_second, of_first))
        if set(here) - set(there)
    ]
    return (*remarks, *lookalikes(kind, first, of_first, second, of_second))


def lookalikes(
    kind: str, first: str, of_first: Collection[str], second: str, of_second: Collection[str]
) -> tuple[str, ...]:
    """Return a remark on names that differ in spelling only, on one side or between the two.

    Compared are all names without capitals, leading zeros, invisible characters and double spaces;
    names that occur on one side only are also compared without spaces, points and hyphens.

    The parameters are those of :func:`unjoined`.

    >>> print(*lookalikes("stimuli", "ocv", ["01", "s2"], "hats", ["1", "s3"]))
    stimuli '01' (ocv) and '1' (hats) count as different; if they are the same, spell them alike
    >>> print(*lookalikes("people", "ocv", ["Ann", "ann"], "hats", ["Ann"]))
    people 'Ann' and 'ann' (ocv) count as different; if they are the same, spell them alike
    """
    groups: dict[str, dict[str, None]] = {}
    for name in sorted({*of_first, *of_second}):
        groups.setdefault(_plain(name), {})[name] = None
    alone: dict[str, list[str]] = {}
    for here, there in ((of_first, of_second), (of_second, of_first)):
        for name in sorted(set(here) - set(there)):
            alone.setdefault(_plain(name, loosely=True), []).append(name)
    for key, names in alone.items():
        if {name in of_first for name in names} == {True, False}:
            groups.setdefault(key, {}).update(dict.fromkeys(names))

    def labelled(name: str) -> str:
        sides = [s for s, of in ((first, of_first), (second, of_second)) if name in of]
        return f"{name!r}" + (f" ({sides[0]})" if len(sides) == 1 else "")

    texts = {
        " and ".join(sorted(map(labelled, names), key=lambda text: text.endswith(f"({second})")))
        for names in groups.values()
        if len(names) > 1
    }
    if not texts:
        return ()
    alike = some(sorted(texts), 3)
    return (f"{kind} {alike} count as different; if they are the same, spell them alike",)


def _plain(name: str, *, loosely: bool = False) -> str:
    """Return a name without the differences that typing and spreadsheets make.

    >>> _plain("01") == _plain("1.0") and _plain("Calm") == _plain("calm\\u200b")
    True
    """
    text = re.sub(f"[{_INVISIBLE}]", "", unicodedata.normalize("NFKC", name).casefold())
    text = ("" if loosely else " ").join(text.split())
    try:
        return f"{float(text):g}"
    except ValueError:
        return text.translate(dict.fromkeys(map(ord, "-_."))) if loosely else text
