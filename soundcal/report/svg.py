"""Figures as SVG text for a page: small, accessible, and in the page's own colours.

matplotlib writes SVG for a separate file. Inside a page, the same picture needs unique ids, no
prologue, a title and a description for screen readers, and colours that follow the light or dark
mode; and in a page with hundreds of panels it needs to be half the size.
"""

import io
import re
from typing import TYPE_CHECKING, Final

from soundcal.report import figures
from soundcal.report.style import COLUMN_MM, ROLES, inches

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["inline_svg"]

_HEAD: Final = re.compile(r'<svg[^>]*width="([\d.]+)pt"[^>]*>', re.DOTALL)
_BOILERPLATE: Final = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_STYLE: Final = re.compile(r'<defs>\s*<style type="text/css">[^<]*</style>\s*</defs>')
_TURN_BY_0: Final = re.compile(r' transform="rotate\(-?0(?:\.0+)? [^)]*\)"')
_FRACTION: Final = re.compile(r"(\d+\.\d{2})\d+")
_TAG: Final = re.compile(r"<[^>]+>|\s*\n\s*")
_GROUP_ID: Final = re.compile(r'<g id="[^"]*"')
_SPACE: Final = re.compile(r"\s*\n\s*")
_BARE_GROUP: Final = re.compile(r"<g>((?:(?!</?g\b).)*)</g>", re.DOTALL)
_FONT: Final = re.compile(r"font-family: [^;\"]*(;\s*)?")
_FONT_SHORTHAND: Final = re.compile(r"(font: [^;\"]*?[\d.]+px) [^;\"]*")
_EMPTY: Final = re.compile(r'<path d="[^"]*" style="fill: none"\s*/>')
_MARKER: Final = re.compile(
    r'<use xlink:href="(#\w+)" x="([\d.-]+)" y="([\d.-]+)" style="([^"]*)"\s*/>'
)


def inline_svg(figure: "Figure", name: str, title: str, description: str) -> str:
    """Return a figure as an ``<svg>`` element for a page.

    Parameters
    ----------
    figure : Figure
        Made by :mod:`soundcal.report.figures`.
    name : str
        Unique in the page; letters, digits, ``-`` and ``_``.
    title, description : str
        Texts for screen readers; they are escaped here.

    Returns
    -------
    str
        The element. Its colours are CSS variables with the light colours as defaults
        (:data:`soundcal.report.style.ROLES`), so it is also complete as a file.
    """
    file = io.BytesIO()
    figures.save(figure, file, form="svg", salt=name)
    text = file.getvalue().decode("utf-8")
    head = _HEAD.search(text)
    if head is None:  # pragma: no cover - matplotlib always writes it
        raise RuntimeError("matplotlib wrote no svg element")
    width, height = (72.0 * size for size in figure.get_size_inches())
    body = _shrunk(text[head.end() : text.rindex("</svg>")])
    body = _own_ids(body, name)
    for colour, variable in ROLES.items():
        body = body.replace(colour, f"var({variable},{colour})")
    kind = "column" if width <= 72.0 * inches(COLUMN_MM) + 1 else "page"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" '
        f'viewBox="0 0 {width:.2f} {height:.2f}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" '
        'font-family="var(--fig-font,sans-serif)" stroke-linejoin="round">'
        f'<title id="{name}-title">{_escaped(title)}</title>'
        f'<desc id="{name}-desc">{_escaped(description)}</desc>{body}</svg>'
    )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _shrunk(body: str) -> str:
    for pattern in (_BOILERPLATE, _STYLE, _TURN_BY_0, _EMPTY):
        body = pattern.sub("", body)
    body = _TAG.sub(_shorter_tag, body).replace("> <", "><")
    previous = ""
    while previous != body:
        previous, body = body, _BARE_GROUP.sub(r"\1", body)
    return _markers_in_groups(body).replace("xlink:href", "href")


def _shorter_tag(tag: re.Match[str]) -> str:
    """Shorten the text inside < and >; the text between tags is never touched."""
    text = _FRACTION.sub(r"\1", tag[0])
    text = _GROUP_ID.sub("<g", text)
    text = _FONT_SHORTHAND.sub(r"\1 sans-serif", _FONT.sub("", text))
    text = _SPACE.sub(" ", text)
    return text.replace(' "', '"').replace("; ", ";").replace(": ", ":")


def _markers_in_groups(body: str) -> str:
    """Write the common attributes of a run of equal markers once."""
    parts: list[str] = []
    style, end = "", 0
    for marker in _MARKER.finditer(body):
        target, x, y, own = marker.groups()
        between = body[end : marker.start()]
        if own != style or between:
            parts.append("</g>" if style else "")
            parts.append(between)
            parts.append(f'<g style="{own}">')
            style = own
        parts.append(f'<use href="{target}" x="{x}" y="{y}"/>')
        end = marker.end()
    if style:
        parts.append("</g>")
    return "".join(parts) + body[end:]


def _own_ids(body: str, name: str) -> str:
    """Number the ids that are used, so that they are short and unique in the page."""
    ids = list(dict.fromkeys(re.findall(r'\bid="([^"]+)"', body)))
    short = {old: f"{name}-{number}" for number, old in enumerate(ids)}
    body = re.sub(r'\bid="([^"]+)"', lambda m: f'id="{short[m[1]]}"', body)
    return re.sub(r"#(\w+)(?=[)\"])", lambda m: f"#{short.get(m[1], m[1])}", body)
