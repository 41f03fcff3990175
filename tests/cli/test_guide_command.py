"""``soundcal guide``: pages found by their names, shown as text, and written for a browser."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

from soundcal.cli import main
from soundcal.guide.pages import find_page, guide_pages


def test_without_a_topic_every_page_has_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert len(guide_pages()) > 3
    for page in guide_pages():
        assert f"{page.title} ({page.name}.md): {page.summary}".replace("`", "") in shown


@pytest.mark.parametrize(
    "topic",
    [
        "judging_takes",
        "judging_takes.md",
        "Judging",
        "judging-takes",
        "judging takes",
        "takes are",
        "verdict",
    ],
)
def test_a_page_is_found_by_name_beginning_or_title(
    topic: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main(["guide", topic])
    shown = capsys.readouterr()
    if topic == "verdict":  # a word of the text is no name
        assert code == 2
        assert "has no page 'verdict'" in shown.err
        return
    assert code == 0
    assert "How takes are judged" in shown.out.splitlines()[0]
    assert not [line for line in shown.out.splitlines() if line != line.rstrip() or len(line) > 100]


def test_a_long_command_is_one_line_that_can_be_copied(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["guide", "first_steps"]) == 0
    lines = capsys.readouterr().out.splitlines()
    typed = [line for line in lines if line.startswith("$ ")]
    assert max(map(len, typed)) > 100
    page = find_page("first_steps").text.splitlines()
    assert typed == [line for line in page if line.startswith("$ ")]
    assert not [line for line in lines if not line.startswith("$ ") and len(line) > 100]


def test_a_page_that_is_misspelt_is_asked_about(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["guide", "architekture"]) == 2
    assert "did you mean architecture;" in capsys.readouterr().err
    assert main(["guide", "a"]) == 2
    assert "several pages begin with 'a'" in capsys.readouterr().err


def test_a_page_is_legible_where_only_ascii_is() -> None:
    for topic in ("architecture", "judging_takes", "all_indicators"):
        done = subprocess.run(
            [sys.executable, "-m", "soundcal", "guide", topic],
            capture_output=True,
            env={**os.environ, "PYTHONIOENCODING": "ascii"},
            check=True,
            timeout=60,
        )
        assert b"-----" in done.stdout
        assert b"\\u" not in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudoterminal")
def test_a_terminal_gets_colours_through_its_pager(tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text(f"#!/bin/sh\ncat > {tmp_path}/paged\n")
    pager.chmod(0o755)
    terminal, other = os.openpty()
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "LESS")}
    try:
        subprocess.run(
            [sys.executable, "-m", "soundcal", "guide", "architecture"],
            stdin=other,
            stdout=other,
            env={**kept, "PAGER": str(pager), "TERM": "xterm", "COLUMNS": "60"},
            check=True,
            timeout=60,
        )
    finally:
        os.close(terminal)
        os.close(other)
    paged = (tmp_path / "paged").read_text(encoding="utf-8")
    assert "\x1b[" in paged
    plain = re.sub(r"\x1b\[[0-9;]*m", "", paged)
    assert "Architecture" in plain
    assert max(map(len, plain.splitlines())) <= 60


class Links(HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if anchor := named.get("id"):
            assert anchor not in self.anchors, "an anchor names one place"
            self.anchors.add(anchor)
        if tag == "a":
            self.links.append(named["href"] or "")
        elif tag in ("link", "script", "img"):
            self.loaded.append(named.get("href") or named.get("src") or "")
        if tag == "img":
            assert named["alt"]


def test_the_pages_for_a_browser_are_whole_and_need_no_net(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "pages"
    assert main(["guide", "--html", str(folder)]) == 0
    assert f"written: {folder / 'index.html'}" in capsys.readouterr().err
    pages = {path.name: Links(path.read_text("utf-8")) for path in folder.glob("*.html")}
    assert len(pages) == len(guide_pages()) + 1
    for name, page in pages.items():
        for loaded in page.loaded:
            assert (folder / loaded).is_file(), f"{name} loads {loaded}"
        for link in page.links:
            if link.startswith("https://"):
                continue
            other, _, anchor = link.partition("#")
            if other.endswith(".ipynb"):
                assert (folder / other).is_file(), f"{name} links to {link}"
                continue
            assert (other or name) in pages, f"{name} links to {link}"
            assert not anchor or anchor in pages[other or name].anchors, f"{name} links to {link}"
        text = (folder / name).read_text("utf-8")
        assert "](" not in re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL)


def test_pages_that_exist_are_not_replaced_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "relating.html").write_text("mine")
    command = ["guide", "--html", str(tmp_path)]
    assert main(command) == 5
    assert "relating.html already exists" in capsys.readouterr().err
    assert [path.name for path in tmp_path.glob("*.*")] == ["relating.html"]
    assert main([*command, "--force"]) == 0
    assert (tmp_path / "relating.html").read_text() != "mine"
    assert main(["guide", "relating", "--html", str(tmp_path)]) == 2
