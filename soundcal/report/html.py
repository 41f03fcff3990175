"""The report as one self-contained HTML page: inline SVG and CSS, nothing loaded from elsewhere."""

from typing import TYPE_CHECKING

from soundcal.report.document import Document, Picture
from soundcal.report.svg import inline_svg

if TYPE_CHECKING:
    from markupsafe import Markup

__all__ = ["render_html"]


def render_html(document: Document) -> str:
    """Return a document as a page.

    Every text that comes from outside, such as the name of a stimulus, is escaped.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("soundcal.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.tests["section"] = lambda block: type(block).__name__ == "Section"
    page = environment.get_template("report.html")
    return page.render(document=document, kind=lambda block: type(block).__name__, svg=_svg)


def _svg(picture: Picture) -> "Markup":
    from markupsafe import Markup

    # the figure's own text is escaped by matplotlib, title and description by inline_svg
    return Markup(inline_svg(picture.draw(), picture.name, picture.title, picture.description))
