"""The report as one self-contained HTML page: inline SVG and CSS, nothing loaded from elsewhere."""

import re
import string
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

from soundcal.report.document import Document, Picture
from soundcal.report.paper import LONG, WORDY, bands, filed, point_size
from soundcal.report.svg import inline_svg

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

__all__ = ["render_html"]

_JOINT: Final = re.compile(r"(?<=\w[/_+.:-])(?=\w)")
_WORD: Final = 24
"""Letters of a word that stays in one line of a telephone, or of a narrow column."""


def render_html(document: Document, tables: str = "") -> str:
    """Return a document as a page.

    Every text that comes from outside, such as the name of a stimulus, is escaped.

    Parameters
    ----------
    document : Document
        The report.
    tables : str
        Folder of its tables as CSV, relative to the page; a printed page names them in place of
        long details. Empty if there are none.
    """
    return _page().render(
        document=document,
        kind=lambda block: type(block).__name__,
        svg=_svg,
        bands=bands,
        point_size=point_size,
        size=lambda text: " wordy long" if len(text) > WORDY else " long" * (len(text) > LONG),
        filed=lambda section: filed(document, section, tables),
    )


@cache
def _page() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("soundcal.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["names"] = _breakable
    environment.filters["css"] = _css_string
    return environment.get_template("report.html")


def _svg(picture: Picture) -> "Markup":
    from markupsafe import Markup

    # the figure's own text is escaped by matplotlib, title and description by inline_svg
    return Markup(inline_svg(picture.draw(), picture.name, picture.title, picture.description))


@lru_cache(maxsize=4096)
def _breakable(text: str) -> "Markup":
    """Return a text in which long names may be broken after a slash, a dot, … and not elsewhere.

    An option stays whole: browsers break it after its hyphens.
    """
    from markupsafe import Markup, escape

    def whole(word: str) -> Markup:
        option = Markup('<span class="option">{}</span>').format(word)
        return option if "--" in word else escape(word)

    words = (
        Markup("<wbr>").join(_JOINT.split(word)) if len(word) > _WORD else whole(word)
        for word in text.split(" ")
    )
    return Markup(" ").join(words)


def _css_string(text: str) -> "Markup":
    """Return a text as a string of a style sheet, in which it cannot end the string or the sheet.

    >>> print(_css_string('a"</style>'))
    "a\\22 \\3c \\2f style\\3e "
    """
    from markupsafe import Markup

    plain = frozenset(string.ascii_letters + string.digits + " ")
    safe = "".join(c if c in plain else f"\\{ord(c):x} " for c in text)
    return Markup(f'"{safe}"')
