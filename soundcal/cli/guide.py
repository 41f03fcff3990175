"""``soundcal guide``: the pages of the guide in the terminal, or as HTML."""

import argparse
import os
import re
import sys
from typing import TYPE_CHECKING, Any, ClassVar, Final

from soundcal.cli.output import say, show

if TYPE_CHECKING:
    from rich.console import ConsoleOptions, RenderResult

__all__ = ["add"]

_WIDEST: Final = 100
"""Columns of the terminal that text is set in."""

_PICTURE: Final = re.compile(r"!\[([^\]]*)\]\(([^)]*)\)")


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "guide",
        help="the guide: how to do each job, with commands that work",
        description="Show a page of the guide, or the list of its pages.",
    )
    parser.add_argument("topic", nargs="?", help="name of a page, or its beginning (default: list)")
    parser.add_argument(
        "--html", metavar="FOLDER", help="write all pages into a folder, for a browser without net"
    )
    parser.add_argument("--force", action="store_true", help="replace existing files")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Show a page, or write all."""
    from pathlib import Path

    from soundcal.errors import ParameterError
    from soundcal.guide.pages import find_page, guide_index

    if options.html is not None:
        from soundcal.guide.website import write_guide

        if options.topic is not None:
            raise ParameterError("--html writes all pages; leave the name of a page out")
        say(f"written: {write_guide(Path(options.html), force=options.force)}")
        return 0
    page = guide_index() if options.topic is None else find_page(options.topic)
    _show(page.text)
    return 0


def _show(text: str) -> None:
    """Show a page: set for the terminal and page by page, or as plain lines for a file."""
    import io

    from rich.console import Console
    from rich.markdown import CodeBlock, Markdown
    from rich.syntax import Syntax

    class Block(CodeBlock):
        """A block of code whose commands are one line each, however long, to be copied."""

        def __rich_console__(self, console: Console, options: "ConsoleOptions") -> "RenderResult":
            syntax = Syntax("", self.lexer_name, theme=self.theme)
            for line in syntax.highlight(str(self.text).strip("\n")).split("\n"):
                if line.plain.startswith("$ "):
                    line.no_wrap, line.overflow = True, "ignore"
                else:
                    line.no_wrap, line.overflow = False, "fold"
                yield line

    class Page(Markdown):
        elements: ClassVar = {**Markdown.elements, "fence": Block}

    content = Page(_for_a_terminal(text), code_theme="ansi_dark", hyperlinks=False)
    if sys.stdout.isatty():
        os.environ.setdefault("LESS", "-FRX")  # colours, and no pager for what fits the screen
        terminal = Console()
        with terminal.pager(styles=True):
            terminal.print(content, width=min(terminal.width, _WIDEST), crop=False)
        return
    plain = io.StringIO()
    Console(file=plain, width=_WIDEST, color_system=None).print(content, crop=False)
    for line in plain.getvalue().splitlines():
        show(line.rstrip())


def _for_a_terminal(text: str) -> str:
    """Return a page with names of files above their text, and words in place of pictures."""
    from soundcal.guide.pages import FENCE

    def named(fence: re.Match[str]) -> str:
        file = fence[1].partition(" file=")[2]
        return f"File `{file}`:\n\n{fence[0]}" if file else fence[0]

    return _PICTURE.sub(r"*Picture: \1*", FENCE.sub(named, text))
