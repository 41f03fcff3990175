"""Output of the commands: a JSON object or text on stdout, everything for people on stderr."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["Advance", "print_json", "progress", "say"]

Advance = Callable[[float, str], None]
"""Called with the amount done so far and a short remark, e.g. the running level."""

_LINE_EVERY_S: Final = 5.0


def say(text: str) -> None:
    """Write a line for the person at the terminal."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def print_json(schema: str, content: Mapping[str, Any]) -> None:
    """Print one JSON object with the name of its schema."""
    sys.stdout.write(json.dumps({"schema": schema, **content}, indent=2) + "\n")


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
        Total amount of work; None if it has no end.
    unit : str
        Unit of the amount, e.g. "s" or "files".

    Yields
    ------
    callable
        ``advance(done, remark)``.
    """
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            TextColumn("{task.completed:.0f}" + (f"/{total:.0f}" if total else "") + f" {unit}"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[remark]}"),
        )
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task(text, total=total, remark="")

            def move(done: float, remark: str = "") -> None:
                bar.update(task, completed=done, remark=remark)

            yield move
        return
    start = last = time.monotonic()

    def line(done: float, remark: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= _LINE_EVERY_S:
            last = now
            of = f" of {total:.0f}" if total else ""
            left = (total - done) * (now - start) / done if total and done > 0 else None
            about = "" if left is None else f", {left:.0f} s left"
            say(f"{text}: {done:.0f}{of} {unit}{about} {remark}".rstrip())

    yield line
