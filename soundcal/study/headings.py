"""Headings of the columns of wide tables: which indicator, statistic, ear and unit they name.

The spellings come from tables of Soundscapy (its settings file, its documentation and the
International Soundscape Database, which holds values of ArtemiS SUITE: ``LAeq_5``, ``N_avg``,
``Loudness_N5(soneGF)``, ``LAeq_L(A)(dB(SPL))``), from curves exported by ArtemiS SUITE (``L5(A)``,
``dB(SPL)``), and from standards and spreadsheets (``LAeq,T``, ``LpA,eq``, ``L(A)eq / dB(A)``).
What HEAD acoustics and Brüel & Kjær write above single values was not seen in files of their
programs. Nothing is guessed: a word that is not known makes a heading one that is not read.
"""

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from soundcal.files.names import normal_name
from soundcal.indicators.registry import REGISTRY
from soundcal.study.spellings import (
    CHANNELS,
    EAR_NOISE,
    EARS_IN_WORDS,
    LETTERS,
    LEVEL_WORDS,
    NOISE,
    QUANTITIES,
    RULES,
    SHARPNESS_OF_SOUNDSCAPY,
    STATISTICS,
    UNITS,
    WEIGHTED,
    bare_unit,
    ear_of,
    label_of,
    unit_key,
    unit_of,
)

__all__ = ["Heading", "read_heading", "read_headings", "with_unit_of"]

_LAST: Final = re.compile(r"(?:\s*[/|,;:]\s*|\s+in\s+|\s+)([^\s/|]+(?:\s?\([^()]*\))*)\s*$")
"""The last word of a heading, with its brackets: "L(A)eq / dB(A)", "N5 in sone"."""
_NUMBER: Final = re.compile(r"[+-]?[0-9.,]+(e[+-]?[0-9]+)?", re.IGNORECASE)
_PERCENT: Final = re.compile(r"(?<![0-9.,])([0-9]{1,2})\s*%")
_PERIOD: Final = re.compile(r"\s*,\s*(T\b|[0-9.]*\s*(ms|s|min|h)\b)(?!\w)")
_LONGEST: Final = 120


@dataclass(frozen=True, slots=True)
class Heading:
    """What a heading says.

    Parameters
    ----------
    text : str
        The heading.
    indicator, statistic : str
        Symbol and statistic; the statistic is "" where the heading names none (``N [sone]``).
        Both are "" for a heading that is not read.
    ear : {"", "left", "right", "mean", "max", "energy"}
        The ear, or the rule that made one value of both.
    unit : str
        Unit as it is stated; "" if it is not.
    remark : str
        Why the heading is not read; or what was understood though it is not written.
    conflict : str
        What contradicts itself in a heading of an indicator.
    """

    text: str
    indicator: str = ""
    statistic: str = ""
    ear: str = ""
    unit: str = ""
    remark: str = ""
    conflict: str = ""

    @property
    def label(self) -> str:
        """Symbol and statistic."""
        return self.indicator + self.statistic


def read_heading(text: str, *, letters: bool = False, rules: bool = False) -> Heading:
    """Read one heading.

    Parameters
    ----------
    text : str
        The heading.
    letters : bool
        True if L and R, or Ch1 and Ch2, name the ears: a table has both.
    rules : bool
        True if mean, max and energy after a statistic name a rule for both ears: the table has
        the same indicator of both ears.

    Returns
    -------
    Heading
        Without an indicator if the heading is not read.

    Examples
    --------
    >>> one = read_heading("Loudness N5 [soneGF] left")
    >>> one.label, one.ear, one.unit
    ('N5', 'left', 'sone')
    >>> read_heading("L(A)eq / dB(A)").label, read_heading("LAeq,T").label
    ('LAeq', 'LAeq')
    >>> read_heading("LCeq_LAeq(dB(SPL))").label
    ''
    """
    plain = unicodedata.normalize("NFKC", normal_name(text)).replace("μ", "µ")
    if not plain or len(plain) > _LONGEST or _NUMBER.fullmatch(plain):
        return Heading(text)
    diffuse = "diffuse field" if "gd" in unit_key(plain) else ""
    rest, units = _without_units(_PERCENT.sub(r"\1 ", plain))
    rest = _PERIOD.sub("", rest)
    words, ears = _words(rest, letters)
    if len(set(ears)) > 1:
        return Heading(text, remark="it names both ears")
    ear = ears[0] if ears else ""
    found = _indicator(words, units)
    if found is None:
        of_a = _indicator(words, ["dB(A)"]) if not units or units[-1] == "dB" else None
        remark = "a level without its frequency weighting" if of_a else ""
        return Heading(text, remark=remark)
    symbol, statistic, more = found
    remark = diffuse
    if more and rules and not ear and more in RULES:
        ear, more = RULES[more], ""
    if more and statistic == "eq" and symbol in ("LA", "LB", "LC", "LZ"):
        if more == "mean" or (more in ("max", "min") and "_" not in rest):
            return Heading(text, remark="a statistic of a statistic, or a rule for both ears")
        statistic, more = more, ""
        remark = "a statistic of short equivalent levels (Soundscapy: 125 ms), not of the level F"
    if more:
        return Heading(text, remark="two statistics, perhaps their difference")
    if statistic and statistic not in REGISTRY[symbol].statistics:
        return Heading(text, remark=f"{symbol} has no statistic {statistic}")
    if not statistic:
        only = REGISTRY[symbol].statistics
        if len(only) == 1:
            statistic = only[0]
        elif REGISTRY[symbol].family == "levels":
            statistic, remark = "eq", "the level without a statistic is the equivalent level"
        elif REGISTRY[symbol].family == "bands":
            return Heading(text)
    unit = units[-1] if units else ""
    heading = Heading(text, symbol, statistic, ear, unit, remark)
    return _checked(heading, len(words) == 1 and len(words[0]) == 1)


def _checked(heading: Heading, bare: bool) -> Heading:
    """Return the heading with its conflict, or as one that is not read."""
    if not heading.unit:
        return heading
    entry = REGISTRY[heading.indicator]
    if entry.family == "levels":
        weighting = WEIGHTED.get(heading.unit)
        fits = heading.unit == "dB" or weighting == heading.indicator[-1]
    else:
        fits = heading.unit == entry.unit or (
            entry.unit == "au" and heading.unit in ("1", "-", "–")
        )
    if fits:
        return heading
    if heading.unit not in UNITS.values() and bare:
        return Heading(heading.text)  # T [s] is a time, R [m] a distance
    if unit_key(heading.unit).endswith("hms"):
        remark = "an indicator of the Sottek hearing model, of which NHM, THM, RHM and FHM are read"
        return Heading(heading.text, remark=remark)
    wanted = f"dB({heading.indicator[-1]})" if entry.family == "levels" else entry.unit
    conflict = f"the unit is {heading.unit}, but {heading.label} is in {wanted}"
    return replace(heading, conflict=conflict)


def _without_units(text: str) -> tuple[str, list[str]]:
    """Return a heading without the units in it, and these."""
    units: list[str] = []
    rest = text
    for start, end in reversed(_groups(text)):
        inner = text[start + 1 : end - 1].strip()
        if (unit := unit_of(inner)) or (text[start] == "[" and ear_of(inner) == "" and inner):
            if not unit and not re.fullmatch(r"[ABCZFSI]", inner):
                unit = inner
            if unit:
                units.insert(0, unit)
                rest = rest[:start] + " " + rest[end:]
    if units:
        return rest, units
    behind = ""
    for _ in range(2):  # behind the unit may stand an ear: "L(A)eq / dB(A) left"
        bare = _LAST.search(rest)
        if bare is None or bare.start() == 0:
            break
        if unit := bare_unit(bare[1]):
            return f"{rest[: bare.start()]} {behind}", [unit]
        rest, behind = rest[: bare.start()], bare[1]
    return text, []


def _groups(text: str) -> list[tuple[int, int]]:
    """Return start and end of the outermost brackets."""
    found, depth, start = [], 0, 0
    for index, sign in enumerate(text):
        if sign in "([{":
            start = index if depth == 0 else start
            depth += 1
        elif sign in ")]}" and depth:
            depth -= 1
            if depth == 0:
                found.append((start, index + 1))
    return found


def _words(text: str, letters: bool) -> tuple[list[str], list[str]]:
    """Return the words of a heading without its units, and the ears among them."""
    joined = re.sub(r"\(([ABCZ])\)", r"\1", text)  # L(A)eq, L5(A)
    joined = re.sub(r"(?i)\b(iso|din)\s*(?=[0-9])", r"\1", joined)
    joined = re.sub(r"(?i)\b(ch|channel|kanal)\s*([12])\b", r"\1\2", joined)
    kept, ears = [], []
    for word in re.split(r"[\s_,;:|()\[\]{}–—]+|(?<=\D)/|-(?=[^\W\d])", joined):
        lower = word.casefold()
        if not word or lower in EAR_NOISE:
            continue
        ear = EARS_IN_WORDS.get(lower) or ({**LETTERS, **CHANNELS}.get(lower) if letters else None)
        if ear:
            ears.append(ear)
        else:
            kept.append(word)
    return kept, ears


def _indicator(words: Sequence[str], units: Sequence[str]) -> tuple[str, str, str] | None:
    """Return symbol, statistic and a second statistic; None if it is no indicator."""
    quantities: set[str] = set()
    levels = False
    symbolic: list[str] = []
    statistics: list[str] = []
    for word in words:
        lower = word.casefold()
        percent = re.fullmatch(r"0?([1-9][0-9]?)", lower)
        if lower in QUANTITIES and word != "F":
            quantities.add(QUANTITIES[lower])
        elif lower in LEVEL_WORDS:
            levels = True
        elif lower in NOISE:
            continue
        elif lower in STATISTICS and not (symbolic and _is_weighting_only(symbolic)):
            statistics.append(STATISTICS[lower])
        elif percent:
            statistics.append(percent[1])
        else:
            symbolic.append(word)
    statistics = list(dict.fromkeys(statistics))
    if levels and quantities == {"N"}:
        quantities = {"LN"}  # loudness level
    candidates: list[tuple[str, str]] = []
    joined = "".join(symbolic)
    if joined.casefold() in SHARPNESS_OF_SOUNDSCAPY:
        candidates = [("S", "")]
    elif joined:
        weighting = WEIGHTED.get(units[-1], "") if units else ""
        whole = label_of(joined, weighting)
        parts = [whole] if whole else [label_of(word, weighting) for word in symbolic]
        known = [part for part in parts if part is not None]
        if len(known) != len(parts):
            return None
        candidates = known
    symbols = quantities | {symbol for symbol, _ in candidates}
    if len(symbols) != 1:
        return None
    (symbol,) = symbols
    if levels and not REGISTRY[symbol].is_level and symbol != "LN":
        return None
    named = list(dict.fromkeys([s for _, s in candidates if s] + statistics))
    if len(named) > 2:
        return None
    first, second = [*named, "", ""][:2]
    return symbol, first, second


def _is_weighting_only(symbolic: Sequence[str]) -> bool:
    """Return whether the words so far are a level that "eq", "max" … belongs to: L, LpA, LAF."""
    return bool(re.fullmatch(r"L(p)?[ABCZ]?[FSI]?", "".join(symbolic)))


def with_unit_of(heading: Heading, text: str) -> Heading:
    """Return a heading that states no unit with the one in the text of another.

    >>> with_unit_of(read_heading("N5 left"), "Lautheit (rel.) [phon]").conflict
    'the unit is phon, but N5 is in sone'
    """
    units = _without_units(unicodedata.normalize("NFKC", normal_name(text)))[1]
    if heading.unit or not units or heading.indicator not in REGISTRY:
        return heading
    return _checked(replace(heading, unit=units[-1]), bare=False)


def read_headings(texts: Sequence[str], *, channels: bool = False) -> list[Heading]:
    """Read the headings of a table.

    Parameters
    ----------
    texts : sequence of str
        The headings.
    channels : bool
        True if the table has a column that names the channel: the letters L and R in a heading
        then are no ears.

    Returns
    -------
    list of Heading
        As many as there are texts.
    """
    first = [read_heading(text) for text in texts]
    lettered = [read_heading(text, letters=True) for text in texts]
    both = _of_both(lettered)
    found = [
        other
        if not channels and other.ear and not one.ear and (other.indicator, other.statistic) in both
        else one
        for one, other in zip(first, lettered, strict=True)
    ]
    both = _of_both(found)
    ruled = [read_heading(text, letters=True, rules=True) for text in texts]
    found = [
        other
        if not channels and other.ear in RULES and (other.indicator, other.statistic) in both
        else one
        for one, other in zip(found, ruled, strict=True)
    ]
    return [
        replace(one, remark="it may name an ear, but there is no such column of the other ear")
        if other.ear and not one.indicator and not one.remark
        else one
        for one, other in zip(found, lettered, strict=True)
    ]


def _of_both(headings: Sequence[Heading]) -> Collection[tuple[str, str]]:
    """Return the indicators that headings name for both ears."""
    ears: dict[tuple[str, str], set[str]] = {}
    for heading in headings:
        if heading.indicator:
            ears.setdefault((heading.indicator, heading.statistic), set()).add(heading.ear)
    return {key for key, there in ears.items() if {"left", "right"} <= there}
