"""Output of the commands: a JSON object or text on stdout, everything for people on stderr.

Names and texts that come from files are printed with their control characters escaped, so that they
cannot command the terminal or look like other text. What the encoding of a stream lacks is replaced
by something similar; nothing is lost because of it.
"""

import codecs
import io
import json
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final, Protocol, TextIO

from soundcal.errors import RecordError

__all__ = [
    "Advance",
    "aligned",
    "end_streams",
    "prepare_streams",
    "print_json",
    "progress",
    "say",
    "show",
    "visible",
    "writing_report",
]


class Advance(Protocol):
    """Called with the amount done, a short remark, and the total if it is known only now."""

    def __call__(self, done: float, remark: str = "", total: float | None = None) -> None:
        """Show the progress."""
        ...


_LINE_EVERY_S: Final = 5.0
_KNOWN_FROM: Final = 0.1
"""Share of the work after which the time left is shown: the first steps may take longer."""


# C0 and C1 except the tab, marks that change the direction or break lines, byte order mark
_CONTROL: Final = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
_SIMILAR: Final = {
    "−": "-",
    "–": "-",
    "±": "+/-",
    "×": "x",
    "·": "*",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "→": "->",
    "…": "...",
    "µ": "u",
    "μ": "u",
    "√": "sqrt ",
    "²": "^2",
    "³": "^3",
    "°": " deg",
    "“": '"',
    "”": '"',
    "•": "*",
    "─": "-",
    "►": ">",
    "└": "+",
    "┘": "+",
}
_ERRORS: Final = "soundcal-similar"
_STDOUT: Final = "standard output: cannot be written"


def visible(text: str) -> str:
    """Return text with control characters escaped, in one line.

    >>> visible("a\\x1b[2J.wav")
    'a\\\\x1b[2J.wav'
    """
    return _CONTROL.sub(lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def say(text: str) -> None:
    """Write a line for the person at the terminal; nobody is there if it cannot be written."""
    try:
        sys.stderr.write(visible(text) + "\n")
        sys.stderr.flush()
    except OSError:
        _discard(sys.stderr)


def show(text: str) -> None:
    """Write a line of the result to stdout."""
    _write(visible(text) + "\n")


def _write(text: str) -> None:
    try:
        sys.stdout.write(text)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise RecordError(f"{_STDOUT} ({error.strerror or error})") from error


def prepare_streams() -> None:
    """Let stdout and stderr take every text, whatever their encoding, and even if closed."""
    codecs.register_error(_ERRORS, _similar)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the caller (soundcal … >&-)
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  to the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_ERRORS)


def end_streams() -> str:
    """Write what waits for stdout; return the error if it is lost, "" if nobody reads it."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # the reader of our output has gone (soundcal … | head)
        _discard(sys.stdout)
    except OSError as error:
        _discard(sys.stdout)
        return f"{_STDOUT} ({error.strerror or error})"
    return ""


def _discard(stream: TextIO) -> None:
    """Send what a stream still holds nowhere; the interpreter would complain when it ends."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError):  # not a file
        return


def _similar(error: UnicodeError) -> tuple[str, int]:
    """Return a replacement for what cannot be encoded; a minus stays a minus."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    found = error.object[error.start : error.end]
    return "".join(_SIMILAR.get(c) or _escaped(c) for c in found), error.end


def print_json(schema: str, content: Mapping[str, Any]) -> None:
    """Print one JSON object with the name of its schema."""
    _write(json.dumps({"schema": schema, **content}, indent=2) + "\n")


def writing_report() -> AbstractContextManager[Advance]:
    """Show the progress of a report that is written, figure by figure."""
    return progress("writing the report", None, unit="figures")


@contextmanager
def progress(text: str, total: float | None, *, unit: str = "") -> Iterator[Advance]:
    """Show the progress of a long piece of work on stderr.

    At a terminal this is a bar with the time left, elsewhere a line every 5 s, so that a log shows
    progress but stays short.

    Parameters
    ----------
    text : str
        Name of the work, e.g. "measuring".
    total : float or None
        Total amount of work; None if it has no end, or is told by ``advance``.
    unit : str
        Unit of the amount, e.g. "s" or "files".

    Yields
    ------
    callable
        ``advance(done, remark, total)``; remark and total may be left out.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, Task, TextColumn, TimeRemainingColumn
        from rich.text import Text

        class Remaining(TimeRemainingColumn):
            """The time left, once enough is done to know it."""

            def render(self, task: Task) -> Text:
                known = task.total and task.completed >= _KNOWN_FROM * task.total
                return super().render(task) if known else Text("")

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:.0f}{task.fields[of]} " + unit),
            Remaining(),
            TextColumn("{task.fields[remark]}", markup=False),  # may be a name from a file
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(text, total=total, remark="", of=f"/{total:.0f}" if total else "")

            def move(done: float, remark: str = "", total: float | None = None) -> None:
                if total is not None:
                    bar.update(task, total=total, of=f"/{total:.0f}")
                bar.update(task, completed=done, remark=visible(remark))

            yield move
        return
    start = last = time.monotonic()
    known_total = total

    def line(done: float, remark: str = "", total: float | None = None) -> None:
        nonlocal last, known_total
        total = known_total = known_total if total is None else total
        now = time.monotonic()
        if now - last >= _LINE_EVERY_S:
            last = now
            of = f" of {total:.0f}" if total else ""
            known = total and done >= _KNOWN_FROM * total
            left = (total - done) * (now - start) / done if total and known else None
            about = "" if left is None else f", {left:.0f} s left"
            say(f"{text}: {done:.0f}{of} {unit}{about} {remark}".rstrip())

    yield line


def aligned(table: Sequence[Sequence[str]], *, names: int = 1) -> list[str]:
    """Return the rows of a table as lines; the first columns are names, the others numbers.

    >>> aligned([["method", "n"], ["ocv", "12"]])
    ['method   n', 'ocv     12']
    """
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        cells = [
            text.ljust(width) if index < names else text.rjust(width)
            for index, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return lines
