"""A figure in a page: guards the text replacements of inline_svg against other SVG of matplotlib.

Its patterns fit what matplotlib writes today. A release that writes colours, ids or markers in
another form would leave them as they are, without an error; these tests see it.
"""

import io
import re
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure
from report_tables import tidy

from soundcal.report import figures
from soundcal.report.style import ROLES
from soundcal.report.svg import inline_svg
from soundcal.study import compare_methods

COLOURS = {f"var({variable},{colour})" for colour, variable in ROLES.items()}


@pytest.fixture(scope="module")
def figure() -> Figure:
    return figures.bland_altman_grid(compare_methods(tidy(5, ("LA",), 1)).entries)[0]


@pytest.fixture(scope="module")
def text(figure: Figure) -> str:
    return inline_svg(figure, "one", "bias & limits", "a < b")


def ids(text: str) -> list[str]:
    return re.findall(r'\bid="([^"]+)"', text)


def test_the_element_has_the_size_of_the_figure_and_is_named(figure: Figure, text: str) -> None:
    root = ElementTree.fromstring(text)
    size = [72.0 * length for length in figure.get_size_inches()]
    box = [float(number) for number in root.attrib["viewBox"].split()]
    assert box == pytest.approx([0.0, 0.0, *size], abs=0.01)
    assert not {"width", "height"} & set(root.attrib)  # the style of the page sets the width
    assert root.attrib["class"] == "column"
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == "one-title one-desc"
    named = {part.attrib["id"]: part.text for part in root.iter() if "id" in part.attrib}
    assert (named["one-title"], named["one-desc"]) == ("bias & limits", "a < b")


def test_a_figure_across_the_page_has_another_class() -> None:
    wide = figures.bland_altman_grid(compare_methods(tidy(5, ("LA",), 4)).entries)[0]
    assert ElementTree.fromstring(inline_svg(wide, "w", "t", "d")).attrib["class"] == "page"


def test_ids_are_those_of_the_figure_and_what_is_referred_to_is_there(
    figure: Figure, text: str
) -> None:
    own = ids(text)
    assert len(own) == len(set(own))
    assert all(name.startswith("one-") for name in own)
    assert not set(own) & set(ids(inline_svg(figure, "two", "t", "d")))
    markers = re.findall(r'<use href="#([^"]+)"', text)
    clips = re.findall(r'clip-path="url\(#([^)]+)\)"', text)
    assert len(markers) >= 5 * 3  # the points of three panels
    assert clips
    assert {*markers, *clips} <= set(own)


def test_colours_and_fonts_are_those_of_the_page(text: str) -> None:
    found = {colour for _, colour in re.findall(r"\b(fill|stroke):([^;\"]+)", text)} - {"none"}
    assert len(found) > 3
    assert found <= COLOURS
    assert not re.findall(r'\b(?:fill|stroke)="', text)
    drawn = re.findall(r"<text[^>]*>", text)
    assert drawn
    assert all("fill:var(--fig-" in tag for tag in drawn)  # without it, a text would stay black
    assert not re.search(r"font-family:|DejaVu", text)
    assert 'font-family="var(--fig-font,sans-serif)"' in text


def test_texts_stay_texts(text: str) -> None:
    shown = set(re.findall(r">([^<]+)</text>", text))
    assert {"LAeq", "in-situ − ocv", "dB(A)", "Mean of both methods in dB(A)"} <= shown


def test_what_only_a_file_of_its_own_needs_is_gone(figure: Figure, text: str) -> None:
    for needless in ("<?xml", "<!", "<metadata", "<style", "xlink", "rotate(-0", "rotate(0", "\n"):
        assert needless not in text
    tags = re.sub(r">[^<]+<", "><", text)
    assert not re.search(r"\d\.\d{3}", tags)  # hundredths of a point are enough
    assert not re.search(r"<use[^>]*style", tags)  # equal markers stand in one group
    assert not re.search(r"<g>(?:(?!</?g\b).)*</g>", tags)  # groups without a purpose
    file = io.BytesIO()
    figures.save(figure, file, form="svg")
    assert len(text) < 0.6 * len(file.getvalue())
