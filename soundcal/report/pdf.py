"""The report as PDF for a lab's archive: the same document as the page, on A4."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from xml.sax.saxutils import escape

from soundcal.report import figures
from soundcal.report.document import (
    Block,
    Bullets,
    Document,
    Notice,
    Paragraph,
    Picture,
    Section,
    Table,
)
from soundcal.report.paper import LONG, bands
from soundcal.report.style import FAINT, INK, PAGE_MM

__all__ = ["render_pdf"]

_MM: Final = 72.0 / 25.4
_MARGIN: Final = 15.0 * _MM
_WIDTH: Final = PAGE_MM * _MM
_DPI: Final = 220
_SIZES: Final = (7.0, 6.5, 6.0, 5.5, 5.0, 4.5)
_PADDING: Final = 2.0


def render_pdf(document: Document) -> bytes:
    """Return a document as PDF, always the same bytes. Characters not in DejaVu Sans are boxes."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    fonts = _fonts()
    file = io.BytesIO()
    template = SimpleDocTemplate(
        file,
        pagesize=A4,
        leftMargin=_MARGIN,
        rightMargin=_MARGIN,
        topMargin=_MARGIN,
        bottomMargin=1.2 * _MARGIN,
        title=document.title,
        author="soundcal",
        creator="soundcal",
        invariant=1,
    )
    printer = _Printer(fonts)
    flow = [printer.text(document.title, "title"), printer.text(document.subtitle, "small")]
    for section in document.sections:
        flow += printer.section(section, 1)

    def number(canvas: Any, page: Any) -> None:
        canvas.setFont(fonts[0], 7)
        canvas.drawRightString(A4[0] - _MARGIN, 0.7 * _MARGIN, f"{page.page}")

    with _binary():
        template.build(flow, onFirstPage=number, onLaterPages=number)
    return file.getvalue()


@contextmanager
def _binary() -> Iterator[None]:
    """Let reportlab write streams as they are and not as text, which is longer and slower."""
    from reportlab import rl_config

    before = rl_config.useA85
    rl_config.useA85 = 0
    try:
        yield
    finally:
        rl_config.useA85 = before


def _fonts() -> tuple[str, str]:
    """Register the fonts; those built into PDF have neither a minus sign nor Greek letters."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    names = ("soundcal-sans", "soundcal-sans-bold")
    for name, path in zip(names, figures.font_files(), strict=True):
        if name not in pdfmetrics.getRegisteredFontNames():
            pdfmetrics.registerFont(TTFont(name, str(path)))
    pdfmetrics.registerFontFamily(names[0], normal=names[0], bold=names[1])
    return names


class _Printer:
    """Converts blocks to the objects that reportlab lays out."""

    def __init__(self, fonts: tuple[str, str]) -> None:
        from reportlab.lib.styles import ParagraphStyle

        regular, bold = fonts
        self.fonts = fonts
        base = ParagraphStyle("text", fontName=regular, fontSize=8.5, leading=12, textColor=INK)
        self.styles = {
            "text": ParagraphStyle("p", base, spaceAfter=5),
            "small": ParagraphStyle("small", base, fontSize=7, leading=9.5, textColor=FAINT),
            "title": ParagraphStyle("title", base, fontName=bold, fontSize=16, leading=20),
            "h1": ParagraphStyle("h1", base, fontName=bold, fontSize=13, leading=16, spaceBefore=14,
                                 spaceAfter=5, keepWithNext=1),
            "h2": ParagraphStyle("h2", base, fontName=bold, fontSize=10.5, leading=13,
                                 spaceBefore=10, spaceAfter=4, keepWithNext=1),
            "h3": ParagraphStyle("h3", base, fontName=bold, fontSize=8.5, leading=11,
                                 spaceBefore=7, spaceAfter=3, keepWithNext=1),
            "caption": ParagraphStyle("caption", base, fontSize=7, leading=9.5, textColor=FAINT,
                                      spaceBefore=5, spaceAfter=3, keepWithNext=1),
            "notice": ParagraphStyle("notice", base, leftIndent=6, borderPadding=3, spaceBefore=5,
                                     spaceAfter=6, backColor="#fff4dc"),
            "item": ParagraphStyle("item", base, leftIndent=10, bulletIndent=2, spaceAfter=3),
        }  # fmt: skip

    def text(self, text: str, style: str, bullet: str | None = None) -> Any:
        from reportlab.platypus import Paragraph as Flowable

        return Flowable(escape(text), self.styles[style], bulletText=bullet)

    def section(self, section: Section, level: int) -> list[Any]:
        flow = [self.text(section.heading, f"h{min(level, 3)}")]
        for block in section.blocks:
            if isinstance(block, Section):
                flow += self.section(block, level + 1)
            else:
                flow += self.block(block)
        return flow

    def block(self, block: Block) -> list[Any]:
        match block:
            case Paragraph(text):
                return [self.text(text, "text")]
            case Notice(text):
                return [self.text(text, "notice")]
            case Bullets(items):
                return [self.text(item, "item", "•") for item in items]
            case Picture():
                return self.picture(block)
            case Table():
                flow = []
                for band in bands(block):
                    flow += [self.text(band.caption, "caption"), *self.table(band)]
                return flow

    def picture(self, picture: Picture) -> list[Any]:
        from PIL.Image import fromarray
        from reportlab.platypus import Image

        figure = picture.draw()
        width, height = (72.0 * size for size in figure.get_size_inches())
        file = io.BytesIO()
        fromarray(figures.pixels(figure, _DPI)).save(file, "PPM")  # not packed
        file.seek(0)
        # a figure taller than the page is drawn smaller
        scale = min(1.0, _WIDTH / width, 225.0 * _MM / height)
        image = Image(file, width=scale * width, height=scale * height, hAlign="LEFT")
        image.keepWithNext = 1
        return [image, self.text(picture.caption, "small")]

    def table(self, table: Table) -> list[Any]:
        from reportlab.platypus import LongTable, Spacer

        cells, size, widths = self._fitted(table)
        heads: list[list[Any]] = [self._headings(table, size)]
        if table.groups:
            heads.insert(0, _spread(table.groups))
        made = LongTable(
            [*heads, *cells],
            colWidths=widths,
            repeatRows=len(heads),
            hAlign="LEFT",
            splitInRow=1,  # a row with a long name may be taller than the page
        )
        made.setStyle(self._table_style(table, size, len(heads)))
        return [made, Spacer(1, 6)]

    def _headings(self, table: Table, size: float) -> list[Any]:
        """Return the headings of the columns, which wrap between words."""
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.platypus import Paragraph as Flowable

        left = ParagraphStyle("head", fontName=self.fonts[1], fontSize=size, leading=1.2 * size,
                              textColor=INK, splitLongWords=0)  # fmt: skip
        right = ParagraphStyle("head right", left, alignment=2)
        return [
            Flowable(escape(column.title), right if column.numeric else left)
            for column in table.columns
        ]

    def _fitted(self, table: Table) -> tuple[list[list[Any]], float, list[float]]:
        """Return cells, font size and column widths with which the table fits the page."""
        from reportlab.lib.styles import ParagraphStyle
        from reportlab.pdfbase.pdfmetrics import stringWidth
        from reportlab.platypus import Paragraph as Flowable

        regular, bold = self.fonts
        texts = table.texts()
        long = [
            any(len(row[i]) > LONG for row in texts) and not column.numeric
            for i, column in enumerate(table.columns)
        ]
        for size in _SIZES:
            widths = [
                max(
                    *(stringWidth(word, bold, size) for word in column.title.split()),
                    *(stringWidth(row[i], bold if i == 0 else regular, size) for row in texts),
                    0.0,
                )
                + 2 * _PADDING
                for i, column in enumerate(table.columns)
            ]
            fixed = sum(width for width, wraps in zip(widths, long, strict=True) if not wraps)
            n_long = sum(long)
            if fixed + 60.0 * n_long <= _WIDTH:
                break
        if n_long:
            share = max(60.0, (_WIDTH - fixed) / n_long)
            widths = [
                min(width, share) if wraps else width
                for width, wraps in zip(widths, long, strict=True)
            ]
        style = ParagraphStyle("cell", fontName=regular, fontSize=size, leading=1.25 * size,
                               textColor=INK, splitLongWords=1)  # fmt: skip
        cells = [
            [
                Flowable(escape(text), style) if wraps else text
                for text, wraps in zip(row, long, strict=True)
            ]
            for row in texts
        ]
        return cells, size, widths

    def _table_style(self, table: Table, size: float, n_heads: int) -> Any:
        from reportlab.lib.colors import HexColor
        from reportlab.platypus import TableStyle

        regular, bold = self.fonts
        line = HexColor("#c5ccd4")
        commands: list[tuple[Any, ...]] = [
            ("FONT", (0, 0), (-1, -1), regular, size, 1.25 * size),
            ("FONT", (0, 0), (-1, n_heads - 1), bold, size, 1.25 * size),
            ("FONT", (0, 0), (0, -1), bold, size, 1.25 * size),
            ("TEXTCOLOR", (0, 0), (-1, -1), HexColor(INK)),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("VALIGN", (0, 0), (-1, n_heads - 1), "BOTTOM"),
            ("LINEBELOW", (0, n_heads - 1), (-1, n_heads - 1), 0.8, line),
            ("LINEBELOW", (0, n_heads), (-1, -1), 0.3, line),
            ("LEFTPADDING", (0, 0), (-1, -1), _PADDING),
            ("RIGHTPADDING", (0, 0), (-1, -1), _PADDING),
            ("TOPPADDING", (0, 0), (-1, -1), 1.2),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 1.2),
        ]
        commands += [
            ("ALIGN", (i, 0), (i, -1), "RIGHT")
            for i, column in enumerate(table.columns)
            if column.numeric
        ]
        start = 0
        for title, span in table.groups:
            if title:
                cells = ((start, 0), (start + span - 1, 0))
                commands += [("SPAN", *cells), ("ALIGN", *cells, "CENTER")]
                commands.append(("LINEBELOW", *cells, 0.5, line))
            start += span
        return TableStyle(commands)


def _spread(groups: list[tuple[str, int]]) -> list[str]:
    """Return the row of group headings, each followed by the empty cells that it spans."""
    return [text for title, span in groups for text in (title, *[""] * (span - 1))]
