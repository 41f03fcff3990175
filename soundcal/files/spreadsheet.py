"""Text in tables that a spreadsheet would execute as a formula.

A cell that begins with ``=``, ``+``, ``-``, ``@``, a tab or a line break and is not a number gets
an apostrophe in front, which spreadsheets take as the mark of a text (OWASP, CSV Injection).
Numbers stay as they are, negative ones too. :func:`from_cell` takes the apostrophe away again.
"""

import re
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["for_cell", "for_cells", "from_cell"]

T = TypeVar("T")

_FORMULA: Final = re.compile(r"'*[=+\-@\t\r\n]")


def for_cell(value: T) -> T | str:
    """Return a value as it is written into a table.

    >>> for_cell("=1+1"), for_cell("-3.5"), for_cell("N1"), for_cell(-3.5)
    ("'=1+1", '-3.5', 'N1', -3.5)
    """
    if not isinstance(value, str) or not _FORMULA.match(value) or _is_number(value):
        return value
    return f"'{value}"


def for_cells(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Return a table as it is written, its headings included; columns of numbers are untouched."""
    texts = frame.select_dtypes(exclude="number").columns
    changed = frame.assign(**{name: frame[name].map(for_cell) for name in texts})
    return changed.rename(columns=for_cell)


def from_cell(text: str) -> str:
    """Return a text as it was before :func:`for_cell`.

    >>> from_cell("'=1+1"), from_cell("'t Hof")
    ('=1+1', "'t Hof")
    """
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
