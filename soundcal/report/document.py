"""The parts of a report, before it becomes a page or a PDF.

:mod:`soundcal.report.study` and its neighbours write results as a :class:`Document`;
:mod:`soundcal.report.html` and :mod:`soundcal.report.pdf` print the same document. Tables keep
their numbers unrounded; only the printed text is formatted.
"""

import hashlib
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from soundcal.report.style import value_text

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = [
    "Block",
    "Bullets",
    "Column",
    "Document",
    "Notice",
    "Paragraph",
    "Picture",
    "Section",
    "Table",
    "slug",
]

Kind = Literal["text", "number", "signed", "interval", "p", "count", "significant"]
Cell = Any
"""None, a string, a number, or for an interval a pair of numbers."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    title : str
        Heading.
    kind : {"text", "number", "signed", "interval", "p", "count", "significant"}
        Format of the cells; ``significant`` is a number of any size with four digits.
    unit : str
        Unit of the numbers, which also decides the number of decimals.
    group : str
        Heading above neighbouring columns of the same group.
    decimals : int, optional
        Number of decimals, if not that of the unit.
    """

    title: str
    kind: Kind = "text"
    unit: str = ""
    group: str = ""
    decimals: int | None = None

    @property
    def numeric(self) -> bool:
        """True if the column is aligned like numbers."""
        return self.kind != "text"

    def text(self, cell: Cell) -> str:
        """Return a cell as it is printed."""
        if cell is None:
            return "–"
        if self.kind == "text":
            return str(cell)
        if self.kind == "count":
            return f"{cell:g}"
        if self.kind == "significant":
            return f"{cell:.4g}".replace("-", "−").replace("inf", "∞")
        if self.kind == "p":
            return "< 0.001" if cell < 0.001 else f"{cell:.3f}"
        if self.kind == "interval":
            return " to ".join(self._number(bound, signed=True) for bound in cell)
        return self._number(cell, signed=self.kind == "signed")

    def _number(self, value: float, *, signed: bool) -> str:
        if math.isinf(value):
            return "∞" if value > 0 else "−∞"
        return value_text(float(value), self.unit, signed=signed, decimals=self.decimals)


@dataclass(frozen=True, slots=True)
class Table:
    """A table; the first column names the row.

    Parameters
    ----------
    name : str
        Id in the page.
    caption : str
        Content of the table, with unit and ear rule.
    columns : tuple of Column
        Headings.
    rows : tuple of tuple
        Cells, unrounded.
    """

    name: str
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def texts(self) -> list[list[str]]:
        """Return all cells as printed."""
        return [
            [column.text(cell) for column, cell in zip(self.columns, row, strict=True)]
            for row in self.rows
        ]

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Headings above the columns, with the number of columns that each spans; empty if none."""
        if not any(column.group for column in self.columns):
            return []
        spans: list[tuple[str, int]] = []
        for column in self.columns:
            if spans and spans[-1][0] == column.group and column.group:
                spans[-1] = (column.group, spans[-1][1] + 1)
            else:
                spans.append((column.group, 1))
        return spans


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text."""

    text: str


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list of sentences."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Notice:
    """A remark that the reader must not miss."""

    text: str


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure, drawn when it is printed.

    Parameters
    ----------
    name : str
        Id in the page and name of its file.
    title, description : str
        Texts for readers who cannot see the figure.
    caption : str
        Printed below the figure.
    draw : callable
        Returns the figure.
    """

    name: str
    title: str
    description: str
    caption: str
    draw: "Callable[[], Figure]"


Block = Table | Paragraph | Bullets | Notice | Picture


@dataclass(frozen=True, slots=True)
class Section:
    """A section of a report.

    Parameters
    ----------
    name : str
        Id in the page.
    heading : str
        Its heading.
    blocks : tuple of Block or Section
        Its content.
    folded : bool
        Closed in a page on the screen until the reader opens it.
    on_paper : {"auto", "whole", "file"}
        A folded section when the page is printed: ``whole``, with its content; ``file``, one line
        that names the files of its tables, where these are written; ``auto``, whole unless the
        report has many rows in folded sections.
    """

    name: str
    heading: str
    blocks: tuple["Block | Section", ...]
    folded: bool = False
    on_paper: Literal["auto", "whole", "file"] = "auto"

    def tables(self) -> list[Table]:
        """Return all tables in order."""
        return [block for block in _walk(self.blocks) if isinstance(block, Table)]


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]

    def tables(self) -> list[Table]:
        """Return all tables in order."""
        return [block for block in _walk(self.sections) if isinstance(block, Table)]

    def folded(self) -> list[Section]:
        """Return the folded sections in order."""
        return [part for part in _sections(self.sections) if part.folded]

    def pictures(self) -> list[Picture]:
        """Return all figures in order."""
        return [block for block in _walk(self.sections) if isinstance(block, Picture)]

    def with_pictures(self, change: Callable[[Picture], Picture]) -> "Document":
        """Return the report with every figure changed."""
        return replace(self, sections=tuple(_with_pictures(s, change) for s in self.sections))


def _with_pictures(section: Section, change: Callable[[Picture], Picture]) -> Section:
    blocks = (
        _with_pictures(block, change)
        if isinstance(block, Section)
        else change(block)
        if isinstance(block, Picture)
        else block
        for block in section.blocks
    )
    return replace(section, blocks=tuple(blocks))


def _walk(blocks: Sequence["Block | Section"]) -> list[Block]:
    found: list[Block] = []
    for block in blocks:
        if isinstance(block, Section):
            found.extend(_walk(block.blocks))
        else:
            found.append(block)
    return found


def _sections(blocks: Sequence["Block | Section"]) -> list[Section]:
    found: list[Section] = []
    for block in blocks:
        if isinstance(block, Section):
            found += [block, *_sections(block.blocks)]
    return found


def slug(*parts: str) -> str:
    """Return a name that is valid as an id in a page and as a file name; different parts differ.

    >>> slug("agreement", "", "LA")
    'agreement-la'
    >>> slug("dots", "sim:lab") != slug("dots", "sim+lab")
    True
    """
    text = "-".join(part for part in parts if part)
    plain = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")
    if re.fullmatch(r"[A-Za-z0-9-]+", text):
        return plain
    return f"{plain}-{hashlib.sha256(text.encode()).hexdigest()[:6]}".lstrip("-")
