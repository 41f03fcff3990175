"""Run a page of the guide in an empty folder, as a reader would, and compare what it shows.

Usage: python tests/guide_pages.py PAGE.md [PAGE.md ...] [--write]

A page is CommonMark in ``soundcal/guide``. Its fences are run from top to bottom in one folder:

* ``console``: a line ``$ command`` is run by the shell, where ``soundcal`` is the one under test. A
  command goes on over lines that begin with ``>`` or follow a backslash. The lines below, up to the
  next ``$``, are what it prints on stdout and stderr; ``...`` stands for anything. Without such
  lines the output is not compared. The exit code must be 0.
* ``python`` with ``>>>``: doctests that share one namespace per page; without, a script in the same
  namespace whose output is not compared.
* any language with ``file=NAME``: the text is written into that file.

Other fences are not run. A picture ``![words](figures/PAGE-what.png)`` is a file that the page's
commands have written under that path, or a picture of a web page (:data:`BY_BROWSER`), which the
tests in a browser make and compare. ``--write`` puts the real output (in place of lines that do
not match, such as a single ``?``) and the pictures into the guide.
"""

import contextlib
import difflib
import doctest
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest import mock

from soundcal.cli import command, main, output
from soundcal.guide.pages import FENCE

GUIDE: Final = Path(__file__).resolve().parent.parent / "soundcal" / "guide"
LARGEST_FIGURE: Final = 60_000
"""Bytes of a picture, so that the package stays small."""

BY_BROWSER: Final = ("listening_tests-rating", "listening_tests-dashboard")
"""Pictures that ``tests/listening/session_in_browser.py`` makes and compares."""

_OPTIONS: Final = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
_FIGURE: Final = re.compile(r"!\[([^\]]*)\]\(([^)\s]*)\)")
_FOR_THE_SHELL: Final = re.compile(r"[|&;<>()$`\\*?\[\]{}~#!\n]")


@dataclass
class Page:
    """A page, what its fences really gave, and what differs."""

    name: str
    text: str
    folder: Path
    names: dict[str, Any] = field(default_factory=lambda: {"__name__": "__main__"})
    problems: list[str] = field(default_factory=list)

    @property
    def figures(self) -> list[tuple[str, str]]:
        """The pictures: words and path."""
        return _FIGURE.findall(FENCE.sub("", self.text))

    def run(self) -> str:
        """Run all fences in the folder and return the text with the real output."""
        for line in re.findall(r"^[ >]+```.*", self.text, re.MULTILINE):
            self.problems.append(f"a fence must begin at the margin: {line}")
        (self.folder / "figures").mkdir()
        with surroundings(self.folder):
            text = FENCE.sub(self._fence, self.text)
        for words, path in self.figures:
            if not re.fullmatch(rf"figures/{self.name}-[a-z0-9-]+\.png", path):
                self.problems.append(f"{path}: is not called figures/{self.name}-WHAT.png")
            elif not words:
                self.problems.append(f"{path}: has no words that say what one sees")
            elif Path(path).stem in BY_BROWSER:
                continue
            elif not (self.folder / path).is_file():
                self.problems.append(f"{path}: was written by no command of the page")
            elif (size := (self.folder / path).stat().st_size) > LARGEST_FIGURE:
                self.problems.append(f"{path}: {size} bytes, more than {LARGEST_FIGURE}")
        return text

    def _fence(self, found: re.Match[str]) -> str:
        """Run a fence and return it with the real output."""
        language, _, rest = found[1].strip().partition(" ")
        line = self.text.count("\n", 0, found.start()) + 2
        body = found[2]
        if rest.startswith("file="):
            (self.folder / rest.removeprefix("file=")).write_text(body, encoding="utf-8")
        elif language == "console":
            body = self._console(body, line)
        elif language == "python" and ">>>" in body:
            body = self._doctest(body, line)
        elif language == "python":
            self._script(body, line)
        return f"```{found[1]}\n{body}```"

    def _console(self, body: str, line: int) -> str:
        lines = body.splitlines(keepends=True)
        given = []
        at = 0
        while at < len(lines):
            first = at
            if not lines[at].startswith("$ "):
                self.problems.append(f"line {line + at}: output without a command")
                return body
            typed = lines[at].removeprefix("$ ")
            at += 1
            while at < len(lines) and (
                lines[at].startswith(("> ", ">\n")) or typed.endswith("\\\n")
            ):
                typed += re.sub("^> ?", "", lines[at])
                at += 1
            start = at
            while at < len(lines) and not lines[at].startswith("$ "):
                at += 1
            want = "".join(lines[start:at])
            got, code = run_command(typed.rstrip("\n"))
            if code:
                self.problems.append(f"line {line + first}: {typed}exit code {code}\n{got}")
            if want and not _alike(want, got):
                self._differ(line + first, typed, want, got)
                want = got
            given += [*lines[first:start], want]
        return "".join(given)

    def _doctest(self, body: str, line: int) -> str:
        test = doctest.DocTestParser().get_doctest(body, {}, self.name, None, line)
        test.globs = self.names
        found: dict[int, str] = {}

        class Runner(doctest.DocTestRunner):
            """Keeps what differs in place of printing it."""

            def report_failure(self, out: Any, test: Any, example: Any, got: str) -> None:
                found[example.lineno] = got

            def report_unexpected_exception(
                self, out: Any, test: Any, example: Any, exc_info: Any
            ) -> None:
                last = "".join(traceback.format_exception_only(*exc_info[:2]))
                found[example.lineno] = f"Traceback (most recent call last):\n    ...\n{last}"

        Runner(verbose=False, optionflags=_OPTIONS).run(test, clear_globs=False)
        lines: list[str] = body.splitlines(keepends=True)
        for example in reversed(test.examples):
            if (got := found.get(example.lineno)) is not None:
                self._differ(line + example.lineno, example.source, example.want, got)
                start = example.lineno + example.source.count("\n")
                shown = re.sub(r"^[ \t]*$(?=\n)", "<BLANKLINE>", got, flags=re.MULTILINE)
                lines[start : start + example.want.count("\n")] = [shown]
        return "".join(lines)

    def _script(self, body: str, line: int) -> None:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                exec(compile("\n" * (line - 1) + body, f"{self.name}.md", "exec"), self.names)
        except Exception:
            self.problems.append(f"line {line}: {traceback.format_exc()}")

    def _differ(self, line: int, source: str, want: str, got: str) -> None:
        lines = difflib.unified_diff(want.splitlines(), got.splitlines(), n=0, lineterm="")
        self.problems.append(f"line {line}: {source}" + "\n".join(list(lines)[2:]))


def run_command(typed: str) -> tuple[str, int]:
    """Run a command line as a shell does; return what it prints and its exit code."""
    if typed.startswith("soundcal ") and not _FOR_THE_SHELL.search(typed):
        return _in_this_process(shlex.split(typed)[1:])
    done = subprocess.run(
        ["bash", "-c", typed],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        timeout=250,
        check=False,
    )
    return _tidy(done.stdout), done.returncode


def _in_this_process(words: list[str]) -> tuple[str, int]:
    """Run soundcal without the second that a process takes to start."""
    code: object
    shown = io.StringIO()
    with (
        contextlib.redirect_stdout(shown),
        contextlib.redirect_stderr(shown),
        mock.patch.object(sys, "stdin", io.StringIO()),
        _without_the_time(),
    ):
        try:
            code = main(words)
        except SystemExit as end:
            code = end.code or 0
    return _tidy(shown.getvalue()), code if isinstance(code, int) else 1


def _tidy(text: str) -> str:
    lines = [line.rstrip() for line in text.splitlines()]
    return "".join(f"{line}\n" for line in lines)


def soundcal() -> int:
    """Be the command ``soundcal`` of a shell."""
    with _without_the_time():
        return main()


@contextlib.contextmanager
def _without_the_time() -> Iterator[None]:
    """Leave out lines that depend on the machine: progress in time, notice of a first use."""
    with (
        mock.patch.object(output, "_LINE_EVERY_S", float("inf")),
        mock.patch.object(command, "_say_compiling"),
    ):
        yield


@contextlib.contextmanager
def surroundings(folder: Path) -> Iterator[None]:
    """Work in a folder as a new user on a machine that is always the same."""
    tests = Path(__file__).resolve().parent
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTEST", "COV", "FORCE_COLOR", "NO_COLOR", "LC_", "LANG"))
    }
    with tempfile.TemporaryDirectory() as other:
        home, bin_folder = Path(other, "home"), Path(other, "bin")
        home.mkdir()
        bin_folder.mkdir()
        for name, call in {
            "soundcal": '-P -u -c "import sys, guide_pages; sys.exit(guide_pages.soundcal())"',
            "python": "",
        }.items():
            script = bin_folder / name
            script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {call} "$@"\n')
            script.chmod(0o755)
        paths = [str(tests.parent), str(tests)]
        made = {
            "HOME": str(home),
            "XDG_CACHE_HOME": cache,  # of fonts and compiled loops: no settings
            "XDG_CONFIG_HOME": str(home / ".config"),
            "PATH": os.pathsep.join([str(bin_folder), os.environ.get("PATH", "")]),
            "PYTHONPATH": os.pathsep.join(paths),
            "OPENBLAS_NUM_THREADS": "1",
            "MPLBACKEND": "agg",
            "COLUMNS": "80",
            "TERM": "dumb",
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
        }
        with mock.patch.dict(os.environ, {**kept, **made}, clear=True), contextlib.chdir(folder):
            yield


def _alike(want: str, got: str) -> bool:
    return doctest.OutputChecker().check_output(want, got, _OPTIONS)


def problems(name: str, folder: Path, *, write: bool = False) -> list[str]:
    """Run a page of the guide in an empty folder; return what differs, and write it if asked to."""
    path = GUIDE / f"{name}.md"
    page = Page(name, path.read_text(encoding="utf-8"), folder)
    text = page.run()
    if write:
        path.write_text(text, encoding="utf-8")
    for _, figure in page.figures:
        if write and (folder / figure).is_file():
            (GUIDE / "figures").mkdir(exist_ok=True)
            shutil.copyfile(folder / figure, GUIDE / figure)
        elif not (GUIDE / figure).is_file():
            page.problems.append(f"{figure}: is not in the guide; --write puts it there")
    return page.problems


if __name__ == "__main__":
    write = "--write" in sys.argv
    bad = False
    for given in sys.argv[1:]:
        if given == "--write":
            continue
        began = os.times()
        with tempfile.TemporaryDirectory() as empty:
            found = problems(Path(given).stem, Path(empty), write=write)
        seconds = sum(os.times()[:4]) - sum(began[:4])
        print(*found, sep="\n\n")
        print(f"{given}: {len(found)} problems, {seconds:.1f} s of processor time")
        bad = bad or bool(found)
    sys.exit(bad)
