"""Words, units and labels as tables of other programs spell them."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final

from soundcal.indicators.names import named
from soundcal.indicators.registry import REGISTRY

__all__ = [
    "CHANNELS",
    "EARS_IN_WORDS",
    "EAR_NOISE",
    "LETTERS",
    "LEVEL_WORDS",
    "NOISE",
    "QUANTITIES",
    "RULES",
    "SHARPNESS_OF_SOUNDSCAPY",
    "STATISTICS",
    "UNITS",
    "WEIGHTED",
    "bare_unit",
    "ear_of",
    "ears_named",
    "is_unit",
    "label_of",
    "near_labels",
    "unit_key",
    "unit_of",
]

EARS_IN_WORDS: Final[dict[str, str]] = {
    "left": "left",
    "links": "left",
    "gauche": "left",
    "li": "left",
    "right": "right",
    "rechts": "right",
    "droite": "right",
    "re": "right",
}
LETTERS: Final = {"l": "left", "r": "right"}
CHANNELS: Final = {
    f"{word}{number}": ear
    for word in ("ch", "channel", "kanal")
    for number, ear in (("1", "left"), ("2", "right"))
}
RULES: Final = {"mean": "mean", "avg": "mean", "average": "mean", "max": "max", "energy": "energy"}
EAR_NOISE: Final = ("ear", "ohr", "channel", "ch", "kanal")

QUANTITIES: Final[dict[str, str]] = {
    "loudness": "N",
    "lautheit": "N",
    "sharpness": "S",
    "schärfe": "S",
    "roughness": "R",
    "rauigkeit": "R",
    "rauhigkeit": "R",
    "rough": "R",
    "fluctuation": "F",
    "schwankungsstärke": "F",
    "fs": "F",
    "tonality": "T",
    "tonalität": "T",
    "annoyance": "PA",
}
LEVEL_WORDS: Final = frozenset(
    ("level", "sound", "pressure", "equivalent", "continuous", "pegel", "schalldruckpegel", "spl")
)
NOISE: Final = frozenset(
    ("strength", "psychoacoustic", "zwicker", "iso532-1", "din45631", "din45631/a1", "din45692")
)
"""Words that say nothing against the indicators of soundcal."""

STATISTICS: Final[dict[str, str]] = {
    "avg": "mean",
    "mean": "mean",
    "average": "mean",
    "arith": "mean",
    "mittel": "mean",
    "mittelwert": "mean",
    "max": "max",
    "maximum": "max",
    "min": "min",
    "minimum": "min",
    "eq": "eq",
}
SHARPNESS_OF_SOUNDSCAPY: Final = ("sl", "sdintv")
"""``S_L`` (from the loudness) and ``S_din_tv``: both the sharpness over time of DIN 45692."""

UNITS: Final[dict[str, str]] = {
    **dict.fromkeys(("db", "dbspl", "dbre20µpa", "dbre20upa", "dbre20e-6pa"), "dB"),
    **{f"db{letter}": f"dB({letter.upper()})" for letter in "abc"},
    **dict.fromkeys(("dbz", "dblin"), "dB(Z)"),
    **{f"db{letter}spl": f"dB({letter.upper()})" for letter in "abc"},
    **dict.fromkeys(("sone", "sones", "sonegf", "sonegd"), "sone"),
    **dict.fromkeys(("phon", "phons", "phongf", "phongd"), "phon"),
    "acum": "acum",
    "asper": "asper",
    "vacil": "vacil",
    **dict.fromkeys(("t.u.", "tu", "t.u"), "t.u."),
    "au": "au",
    **{f"{unit.lower()}hms": f"{unit}_HMS" for unit in ("sone", "tu", "asper", "vacil")},
}
_FOREIGN_UNITS: Final = frozenset(
    (
        *("pa", "mpa", "µpa", "upa", "cpa", "hpa", "pa²", "v", "mv", "mv/pa", "%", "hz", "khz"),
        *("s", "ms", "min", "h", "m", "mm", "cm", "km", "m²", "°c", "bark", "1/min", "rpm"),
        *("iuhms", "casper", "iu", "-", "–", "1", "n/a"),
    )
)
"""Units of other quantities; an indicator cannot have them."""

_BARE: Final = ("pa", "mpa", "µpa", "cpa", "%")
"""Units of other quantities that need no brackets to be read as units."""

WEIGHTED: Final = {"dB(A)": "A", "dB(B)": "B", "dB(C)": "C", "dB(Z)": "Z"}


def unit_key(text: str) -> str:
    """Return a unit without the differences of spelling: small letters, no brackets or spaces."""
    return re.sub(r"[\s()\[\]_]", "", text.replace("μ", "µ")).lower()


def is_unit(text: str) -> bool:
    """Return whether a text is a unit that occurs in tables of indicators.

    >>> is_unit("[soneGF]"), is_unit("dB(A)"), is_unit("LAeq")
    (True, True, False)
    """
    key = unit_key(text)
    return key in UNITS or key in _FOREIGN_UNITS


def ear_of(text: str) -> str:
    """Return the ear, or the rule for both, that a cell of a column of channels names; or "".

    >>> ear_of("Left"), ear_of("Rechts"), ear_of("R"), ear_of("Ch 1"), ear_of("mono")
    ('left', 'right', 'right', 'left', '')
    """
    words = [word for word in re.split(r"[\s_()\[\]-]+", text.casefold()) if word]
    kept = [word for word in words if word not in EAR_NOISE]
    joined = "".join(words)
    known = {**EARS_IN_WORDS, **LETTERS, **RULES}
    if len(kept) == 1 and kept[0] in known:
        return known[kept[0]]
    return CHANNELS.get(joined, "")


def ears_named(cells: Sequence[str]) -> list[str]:
    """Return what the cells of a column of channels stand for; cells with no ear in them stay.

    A longer name of a channel has one word for an ear; 1 and 2 are channels if both occur. Where a
    higher number occurs, the numbered channels are those of several microphones, not ears.

    >>> ears_named(["HMS IV L", "HMS IV R"]), ears_named(["1", "2", "1"]), ears_named(["mono"])
    (['left', 'right'], ['left', 'right', 'left'], ['mono'])
    >>> ears_named(["ch1", "ch2", "ch3"])
    ['ch1', 'ch2', 'ch3']
    """
    numbers = {int(number[0]) for cell in cells if (number := re.search(r"[0-9]+$", cell))}
    if numbers - {1, 2}:
        return [cell if cell[-1:].isdigit() else ear_of(cell) or cell for cell in cells]
    plain = {"1": "left", "2": "right", "le": "left", "re": "right"}
    whole = set(map(str.casefold, cells))
    known = plain if whole in ({"1", "2"}, {"le", "re"}) else {}
    return [
        known.get(cell.casefold()) or ear_of(cell) or _ear_within(cell) or cell for cell in cells
    ]


def _ear_within(cell: str) -> str:
    """Return the ear that one of several words names, a letter at the end only; or ""."""
    words = [word for word in re.split(r"[\s_()\[\]:.-]+", cell.casefold()) if word]
    ears = {EARS_IN_WORDS[word] for word in words if len(word) > 2 and word in EARS_IN_WORDS}
    if not ears and len(words) > 1 and words[-1] in LETTERS:
        ears = {LETTERS[words[-1]]}
    return ears.pop() if len(ears) == 1 else ""


@cache
def label_of(text: str, weighting: str) -> tuple[str, str] | None:
    """Return symbol and statistic of a label; the statistic is "" for a symbol.

    >>> label_of("LAF5", ""), label_of("Leq", "A"), label_of("LpAeq", ""), label_of("N05", "")
    (('LA', '5'), ('LA', 'eq'), ('LA', 'eq'), ('N', '5'))
    """
    name = re.sub(r"^Lp(?=[ABCZ])", "L", text)
    name = re.sub(r"(?<=[A-Z])pk$", "peak", name)
    if placed := re.fullmatch(r"L([FSI]?)([0-9]{1,2}|eq|max|min|E|peak)([ABCZ])", name):
        name = f"L{placed[3]}{placed[1]}{placed[2]}"  # L5(A)
    elif weighting and re.fullmatch(r"L([FSI]?([0-9]{1,2}|eq|max|min|E|peak))?", name):
        name = f"L{weighting}{name[1:]}"
    name = re.sub(r"(?<=\D)0(?=[1-9]$)", "", name)
    name = re.sub(r"(?i)(?<=[a-z])(avg|average)$", "mean", name)
    if name in REGISTRY:
        return name, ""
    if len(name) < 2 or (len(name) == 2 and name.isalpha()):
        return None  # "n" is a count and "Pa" a unit
    found = named(name.strip())
    if found is None or len(found) != 1:
        return None
    ((symbol, statistics),) = found.items()
    written = name.casefold().startswith(symbol.casefold())
    return (symbol, statistics[0]) if len(statistics) == 1 and written else None


def bare_unit(text: str) -> str:
    """Return the unit that a word without brackets is, or ""; PA is no pascal."""
    key = unit_key(text)
    return unit_of(text) if key in UNITS or (key in _BARE and "PA" not in text) else ""


def unit_of(text: str) -> str:
    """Return the usual spelling of a unit, or "" if the text is none; a letter is none."""
    key = unit_key(text)
    if key in UNITS:
        return UNITS[key]
    return text.strip() if key in _FOREIGN_UNITS and key.isalpha() <= (len(key) > 1) else ""


def near_labels(text: str) -> list[str]:
    """Return labels that a heading that is not read may mean.

    >>> near_labels("LAeg"), near_labels("Temperature")
    (['LAeq', 'LAE'], [])
    """
    from difflib import get_close_matches

    word = re.sub(r"[\s_()]", "", re.sub(r"\[.*?\]", "", text))
    known = {label.lower(): label for entry in REGISTRY.values() for label in entry.labels}
    close = get_close_matches(word.lower(), known, n=3, cutoff=0.74)
    close.sort(key=lambda name: abs(len(name) - len(word)))
    return [known[name] for name in close] if word.lower() not in known else []
