"""Meaning of a column by its name, in the languages of laboratories.

A name is a sequence of words, compared without accents and case. The word that says most decides:
"Pegelkorrektur" is a correction, "Unsicherheit des Pegels" an uncertainty and "frequency response"
a level. A name without a known word has no meaning.
"""

import re
import unicodedata
from typing import Final, Literal

__all__ = ["ColumnMeaning", "column_ear", "column_meaning", "named_correction"]

ColumnMeaning = Literal["frequency", "level", "correction", "phase", "other", ""]

_WORD: Final = re.compile(r"[^\W\d_]+")

_CORRECTION: Final = re.compile(
    r"korrekt|korrig|korekt|korekc|correc|correz|corrig|compens|kompens|entzerr|equali[sz]|ecualiz"
    r"|egali[sz]|invers|utjamn|^(eq|corr|korr|inv|comp|komp|korjaus)$"
)
_OTHER: Final = re.compile(
    r"unsicher|uncert|incert|onzeker|osaker|usikker|niepewn|nejist|epavarm|toleran|streuung|stdev"
    r"|sigma|coheren|koharenz|distor|verzerr|delay|laufzeit|^(u|unc|std|sd|dof|tol|thd|snr)$"
)
"""Uncertainties, and other quantities that are neither level nor phase."""

_PHASE: Final = re.compile(r"phas|^fas[ei]?|^faz|winkel|angle|angolo|angulo|^hoek|^vaihe")
_RADIANS: Final = re.compile(r"^rad(ian)?")
_LEVEL: Final = re.compile(
    r"pegel|level|niveau|nivel|livell|niva|poziom|uroven|^taso|betrag|magn|sensitiv|empfindl|sensib"
    r"|gevoelig|(?<!s)ampl|ampiezza|modul"
    r"|(?<!ein)(?<!aus)gang$|antwort|respons|respuest|respost|rispost|repons|ubertrag|gain|gananc|ganho|guadagn"
    r"|verstark|versterk|smooth|^(amp|lp|l[azc]?eq|mag|raw|spl)$"
)
_FREQUENCY: Final = re.compile(
    r"freq|frecuen|frekv|frekw|czestot|kmito|^(f|fr|frq|hz|khz|hertz|taajuus)$"
)
_MEANINGS: Final[tuple[tuple[ColumnMeaning, re.Pattern[str]], ...]] = (
    ("correction", _CORRECTION),
    ("other", _OTHER),
    ("phase", _PHASE),
    ("level", _LEVEL),
    ("frequency", _FREQUENCY),
)
"""The first that a word of the name has is the meaning of the name."""

_SYMBOLS: Final = ("c", "k")
"""Symbols of a correction; they are no words of the name of a file."""

_DECIBEL: Final = re.compile(r"^db")
_UNITS: Final = re.compile(r"^(re|rel|[mµμu]?v|[uµμ]?pa|fs)$")
_EARS: Final = {
    "left": re.compile(
        r"^(l|left|links?e?[rs]?|gauche|izquierd[ao]|sinistr[ao]|esquerd[ao]|vanster|venstre|lewy)$"
    ),
    "right": re.compile(
        r"^(r|right|rechte?[rs]?|droite?|derech[ao]|destr[ao]|direit[ao]|hoger|hojre|prawy)$"
    ),
}


def _words(name: str) -> list[tuple[str, str]]:
    """Return the words of a name as they are and folded: small letters without accents."""
    found = []
    for word in _WORD.findall(unicodedata.normalize("NFC", name)):
        letters = unicodedata.normalize("NFKD", word.casefold().replace("ø", "o"))
        found.append((word, "".join(c for c in letters if not unicodedata.combining(c))))
    return found


def column_meaning(name: str) -> ColumnMeaning:
    """Return the meaning of a column's name; "" if none of its words is known.

    A phase in radians is another quantity. Only "dB", or an ear, is a level. "f" has a meaning at
    the beginning, not in "H(f)".

    >>> column_meaning("Fréquence (Hz)"), column_meaning("Korrektur [dB]")
    ('frequency', 'correction')
    >>> column_meaning("Frequenzgang"), column_meaning("Messung 1 (dB)")
    ('level', '')
    """
    words = [folded for _, folded in _words(name)]
    words = [*words[:1], *(word for word in words[1:] if word != "f")]
    symbols = [word for word in words if not _DECIBEL.match(word)]
    if len(symbols) == 1 and symbols[0] in _SYMBOLS:
        return "correction"
    for meaning, pattern in _MEANINGS:
        if any(map(pattern.search, words)):
            in_radians = meaning == "phase" and any(map(_RADIANS.match, words))
            return "other" if in_radians else meaning
    said = [word for word in words if not _UNITS.match(word)]
    known = (_DECIBEL, *_EARS.values())
    is_level = bool(said) and all(any(p.match(word) for p in known) for word in said)
    return "level" if is_level else ""


def column_ear(name: str) -> str:
    """Return ``left`` or ``right`` if the name of a column names one ear, else "".

    >>> column_ear("Pegel links"), column_ear("R (dB)"), column_ear("raw")
    ('left', 'right', '')
    """
    words = [folded for _, folded in _words(name)]
    named = [ear for ear, pattern in _EARS.items() if any(map(pattern.match, words))]
    return named[0] if len(named) == 1 else ""


def named_correction(*names: str) -> str:
    """Return the word by which a file or column is called a correction, "" if there is none.

    >>> named_correction("mic_EQ", "raw"), named_correction("7103946_90deg", "frequency")
    ('EQ', '')
    """
    words = (pair for name in names for pair in _words(name))
    return next((word for word, folded in words if _CORRECTION.search(folded)), "")
