"""The look of all figures: sizes in mm, colours for the colour-blind, names and formats of units.

Colours are those of Okabe and Ito (2008), which can be told apart with every common colour vision
deficiency; lines and markers also differ in shape, so that a print in grey is readable.
"""

import re
from typing import Any, Final

from soundcal.indicators.registry import REGISTRY

__all__ = [
    "COLUMN_MM",
    "INK",
    "METHOD_COLOURS",
    "PAGE_MM",
    "ROLES",
    "allowed_text",
    "count",
    "family_name",
    "inches",
    "known",
    "rc_settings",
    "unit_label",
    "value_text",
]

COLUMN_MM: Final = 88.0
"""Width of a figure for one column of a journal, mm."""

PAGE_MM: Final = 180.0
"""Width of a figure across the page, mm."""

INK: Final = "#1b1f24"
FAINT: Final = "#6b7280"
BLUE: Final = "#0072b2"
VERMILION: Final = "#d55e00"
GREEN: Final = "#007a5a"
PURPLE: Final = "#aa4499"

ROLES: Final[dict[str, str]] = {
    INK: "--fig-ink",
    FAINT: "--fig-faint",
    BLUE: "--fig-1",
    VERMILION: "--fig-2",
    GREEN: "--fig-3",
    PURPLE: "--fig-4",
}
"""Colours and the CSS variables that replace them in a page, where dark mode redefines them."""

METHOD_COLOURS: Final = (
    (BLUE, "o"),
    (VERMILION, "s"),
    (GREEN, "^"),
    (PURPLE, "D"),
    (INK, "v"),
)
"""Colour and marker of the first, second, … method or ear."""

_UNIT_OF_LEVEL: Final = {"L": "dB(A)", "LA": "dB(A)", "LB": "dB(B)", "LC": "dB(C)", "LZ": "dB"}

_DECIMALS: Final[dict[str, int]] = {"dB": 2, "sone": 2, "phon": 2, "%": 2}


def family_name(indicator: str) -> str:
    """Return the name of an indicator in words, as a heading; the symbol, if it is unknown.

    >>> family_name("LA"), family_name("X")
    ('A-weighted sound level', 'X')
    """
    if indicator not in REGISTRY:
        return indicator
    title = REGISTRY[indicator].title
    return title[0].upper() + title[1:]


def unit_label(indicator: str, unit: str) -> str:
    """Return the printed form of a unit.

    >>> unit_label("LA", "dB"), unit_label("N", "sone"), unit_label("X", "")
    ('dB(A)', 'sone', '1')
    """
    if unit == "dB":
        return _UNIT_OF_LEVEL.get(indicator, unit)
    return unit or "1"


def allowed_text(value: float, unit: str, scale: str) -> str:
    """Return an allowable difference as it is printed.

    >>> allowed_text(1.0, "dB(A)", "difference"), allowed_text(17.0, "asper", "ratio")
    ('±1 dB(A)', '17 %')
    """
    return {"ratio": f"{value:g} %", "percent": f"±{value:g} %"}.get(scale, f"±{value:g} {unit}")


def value_text(
    value: float | None, unit: str, *, signed: bool = False, decimals: int | None = None
) -> str:
    """Format a number for people, with a true minus sign; a missing number is a dash.

    A ratio (unit ×) has no sign.

    >>> value_text(-1.234, "dB"), value_text(0.1234, "acum", signed=True), value_text(None, "dB")
    ('−1.23', '+0.123', '–')
    >>> value_text(1.05, "×", signed=True)
    '1.050'
    """
    if value is None or value != value:
        return "–"
    if decimals is None:
        decimals = _DECIMALS.get(re.split(r"[( _]", unit)[0], 3)
    text = f"{value:{'+' if signed and unit != '×' else ''}.{decimals}f}"
    if float(text) == 0.0:
        text = text.lstrip("+-")
    return text.replace("-", "−")


def known(value: float) -> float | None:
    """Return a number as the cell of a table; the cell is empty if the number is NaN.

    >>> known(1.5), known(float("nan"))
    (1.5, None)
    """
    return None if value != value else value


def count(n: int, one: str, many: str = "") -> str:
    """Return a number with the noun that it counts.

    >>> count(1, "stimulus", "stimuli"), count(27, "stimulus", "stimuli"), count(2, "ear")
    ('1 stimulus', '27 stimuli', '2 ears')
    """
    return f"{n} {one if n == 1 else many or one + 's'}"


def inches(millimetres: float) -> float:
    """Return a length in inches, the unit of matplotlib."""
    return millimetres / 25.4


def rc_settings() -> dict[Any, Any]:
    """Return the matplotlib settings of all figures; text of 6.5 to 8 points."""
    return {
        "font.family": "sans-serif",
        "font.sans-serif": ["DejaVu Sans"],
        "font.size": 7.0,
        "axes.titlesize": 7.5,
        "axes.labelsize": 7.0,
        "xtick.labelsize": 6.5,
        "ytick.labelsize": 6.5,
        "legend.fontsize": 7.0,
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.edgecolor": FAINT,
        "axes.linewidth": 0.6,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.unicode_minus": True,
        "figure.facecolor": "none",
        "xtick.color": FAINT,
        "ytick.color": FAINT,
        "xtick.labelcolor": INK,
        "ytick.labelcolor": INK,
        "xtick.major.width": 0.6,
        "ytick.major.width": 0.6,
        "xtick.major.size": 2.5,
        "ytick.major.size": 2.5,
        "legend.frameon": False,
        "legend.handletextpad": 0.4,
        "text.parse_math": False,  # a name may hold a dollar sign
        "svg.fonttype": "none",
        "pdf.fonttype": 42,
    }
