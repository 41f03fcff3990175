"""The guide as pages for a browser, which need no network."""

import doctest
import html
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.files.atomic import check_output, make_folder, partial_file
from soundcal.guide.pages import FOLDER, guide_index, guide_pages
from soundcal.version import __version__

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

__all__ = ["write_guide"]

_TEMPLATES: Final = FOLDER / "templates"
_OPTION: Final = re.compile(r"-[-\w]{1,23}(?![-\w])")
_WHOLE: Final = r'<span class="whole">\g<0></span>'
_LONG: Final = 100
"""Characters from which on a line of output is broken, as a terminal does it."""


def write_guide(folder: Path, *, force: bool = False) -> Path:
    """Write all pages of the guide as HTML with their pictures and their style.

    Parameters
    ----------
    folder : Path
        Folder to write to; made if it is missing.
    force : bool
        Replace files of these names.

    Returns
    -------
    Path
        The first page, ``index.html``.

    Raises
    ------
    RecordError
        A file exists and ``force`` is not set, or cannot be written.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html")
    markdown = _markdown()
    pages = [guide_index(), *guide_pages()]
    written: dict[str, bytes] = {
        name: (_TEMPLATES / name).read_bytes() for name in ("guide.css", "copy.js")
    }
    for number, page in enumerate(pages):
        tokens = markdown.parse(page.text)
        sections = list(_prepare(tokens))
        written[f"{page.name}.html"] = template.render(
            page=page,
            pages=pages,
            sections=sections,
            before=pages[number - 1] if number else None,
            after=pages[number + 1] if number + 1 < len(pages) else None,
            content=Markup(markdown.renderer.render(tokens, markdown.options, {})),
            version=__version__,
        ).encode()
    beside = sorted([*FOLDER.glob("figures/*.png"), *FOLDER.glob("notebooks/*.ipynb")])
    copies = {path: folder / path.relative_to(FOLDER) for path in beside}
    for name in ("figures", "notebooks"):
        make_folder(folder / name)
    for path in (*(folder / name for name in written), *copies.values()):
        check_output(path, force=force)
    for name, content in written.items():
        with partial_file(folder / name, force=force) as temporary:
            temporary.write_bytes(content)
    for path, copy in copies.items():
        with partial_file(copy, force=force) as temporary:
            shutil.copyfile(path, temporary)
    return folder / "index.html"


def _markdown() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("fence", _fence)
    markdown.add_render_rule("code_inline", _code)
    markdown.add_render_rule("table_open", _table_open)
    markdown.add_render_rule("table_close", _table_close)
    return markdown


def _prepare(tokens: "Sequence[Token]") -> "Iterator[tuple[str, str]]":
    """Give headings an anchor and links the ending of a page; yield anchor and text of sections."""
    for token, following in zip(tokens, (*tokens[1:], None), strict=True):
        if token.type == "heading_open" and following is not None:
            anchor = "-".join(re.findall(r"\w+", following.content.lower()))
            token.attrSet("id", anchor)
            if token.tag == "h2":
                yield anchor, re.sub(r"[`*_]", "", following.content)
        for part in token.children or ():
            if part.type == "link_open":
                part.attrSet("href", re.sub(r"^(\w+)\.md\b", r"\1.html", str(part.attrGet("href"))))


def _table_open(*_: Any) -> str:
    return '<div class="scroll" tabindex="0"><table>\n'


def _table_close(*_: Any) -> str:
    return "</table></div>\n"


def _code(_renderer: Any, tokens: "Sequence[Token]", index: int, *_others: Any) -> str:
    return f"<code>{_whole(tokens[index].content)}</code>"


def _whole(text: str) -> str:
    """Return escaped text whose options are not broken after a hyphen."""
    return _OPTION.sub(_WHOLE, html.escape(text))


def _fence(_renderer: Any, tokens: "Sequence[Token]", index: int, *_others: Any) -> str:
    """Return a block of code whose prompts are not copied with the commands."""
    language, _, rest = tokens[index].info.strip().partition(" ")
    body = tokens[index].content
    caption = ""
    if rest.startswith("file="):
        name = html.escape(rest.removeprefix("file="))
        caption = f'<p class="file">File <code>{name}</code></p>\n'
    if language == "console":
        shown = "".join(_console(body))
    elif ">>>" in body and language == "python":
        shown = "".join(_doctest(body))
    else:
        shown = f'<span class="typed">{html.escape(body)}</span>'
    kind = html.escape(f"{language} scroll".strip())
    return f'{caption}<pre class="{kind}"><code>{shown}</code></pre>\n'


def _console(body: str) -> Iterator[str]:
    typing = False
    for line in body.splitlines():
        typing = line.startswith("$ ") or (typing and line[:1] == ">")
        if typing:
            yield _typed(line, "$ " if line[0] == "$" else "> ")
        else:
            text = html.escape(line)
            yield f'<span class="long">{text}\n</span>' if len(line) > _LONG else f"{text}\n"


def _doctest(body: str) -> Iterator[str]:
    for part in doctest.DocTestParser().parse(body):
        if isinstance(part, str):
            yield html.escape(part)
            continue
        for number, line in enumerate(part.source.splitlines()):
            yield _typed(line, "... " if number else ">>> ", prompted=False)
        yield html.escape(part.want)


def _typed(line: str, prompt: str, *, prompted: bool = True) -> str:
    """Return a line that one types; the style sheet shows the prompt, so that it is not copied."""
    text = re.sub(r"^[$>] ?", "", line) if prompted else line
    return f'<span class="typed" data-prompt="{html.escape(prompt)}">{_whole(text)}\n</span>'
