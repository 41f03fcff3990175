"""The pages of the guide, found by their names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from soundcal.errors import ParameterError

__all__ = ["FENCE", "GuidePage", "find_page", "guide_index", "guide_pages"]

FOLDER: Final = Path(__file__).parent
FENCE: Final = re.compile(r"^```([^\n`]*)\n(.*?)^```[ ]*$", re.MULTILINE | re.DOTALL)
"""A block of code: its info, such as ``toml file=NAME``, and its text."""

_ENTRY: Final = re.compile(r"^\* \[([^\]]+)\]\((\w+)\.md\): (.+(?:\n  .+)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class GuidePage:
    """One page of the guide.

    Parameters
    ----------
    name : str
        Name of the file without its ending.
    title : str
        Title as the list of pages writes it.
    summary : str
        Its content in one line.
    """

    name: str
    title: str
    summary: str

    @property
    def text(self) -> str:
        """The page as CommonMark."""
        return (FOLDER / f"{self.name}.md").read_text(encoding="utf-8")


def guide_index() -> GuidePage:
    """Return the page that lists the others."""
    return GuidePage("index", "The guide of soundcal", "all pages")


def guide_pages() -> list[GuidePage]:
    """Return the pages in the order in which ``index.md`` lists them."""
    found = _ENTRY.findall(guide_index().text)
    return [GuidePage(name, title, " ".join(line.split())) for title, name, line in found]


def find_page(topic: str) -> GuidePage:
    """Return the page that a word stands for.

    Parameters
    ----------
    topic : str
        Name of a page, of its file (``judging_takes.md``), its beginning, or the beginning of a
        word in its name or title, in capital or small letters, with spaces, hyphens or underscores.

    Raises
    ------
    ParameterError
        No page or several pages fit; the message has the names of those that are meant.

    Examples
    --------
    >>> find_page("judging").name
    'judging_takes'
    """
    from difflib import get_close_matches

    pages = guide_pages()
    wanted = _words(topic.removesuffix(".md"))
    for fits in (
        [page for page in pages if _words(page.name) == wanted],
        [page for page in pages if _words(page.name).startswith(wanted)],
        [page for page in pages if f" {wanted}" in f" {_words(f'{page.name} {page.title}')}"],
    ):
        if len(fits) == 1:
            return fits[0]
        if fits:
            raise ParameterError(f"several pages begin with {topic!r}: {_names(fits)}")
    known = {word: page for page in pages for word in _words(f"{page.name} {page.title}").split()}
    known |= {_words(page.name): page for page in pages}
    near = [known[word] for word in get_close_matches(wanted, known, n=3)]
    raise ParameterError(
        f"the guide has no page {topic!r}; "
        + (
            f"did you mean {' or '.join(dict.fromkeys(page.name for page in near))}; "
            if near
            else ""
        )
        + f"the pages are {_names(pages)}"
    )


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.lower().replace("_", " ")))


def _names(pages: Sequence[GuidePage]) -> str:
    return ", ".join(page.name for page in pages)
