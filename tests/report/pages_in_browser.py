"""Reports and the guide in a real browser: on paper and on a telephone.

``pytest -n 0 tests/report/pages_in_browser.py`` needs Chromium (Debian's package ``chromium``) and
is skipped without it; with the environment variable SOUNDCAL_REQUIRE_BROWSER=1 it fails instead.
"""

import html
import json
import os
import re
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from period_data import FS, Sound, write_dataset
from relation_data import make_study
from report_tables import tidy

from soundcal.calibration.model import Chain, Link, new_calibration
from soundcal.guide.website import write_guide
from soundcal.periods import Summarised, summarise
from soundcal.ratings import analyse_ratings
from soundcal.relation import relate
from soundcal.report import ratings_document, relation_document, write_document, write_report
from soundcal.report.periods import TABLES, periods_document
from soundcal.study import SessionInfo, Source, Study, study_of

PAGES = 40
"""Pages that the report of 23 indicators of four combinations may have."""

FRAMES = {"phone": "320px", "large phone": "390px", "paper": "180mm"}
"""Widths at which a page is laid out; on paper, between the margins of A4 (Letter is wider)."""

MEASURE = """
const found = [], letter = "[\\p{L}\\p{N}]";
const WORD = new RegExp(`(?<!${letter})(--)?${letter}{2,24}(?!${letter})`, "gu");
for (const frame of document.querySelectorAll("iframe")) {
  const page = frame.contentDocument, width = page.documentElement.clientWidth;
  const scrolls = e => e.closest(".scroll") && frame.dataset.kind !== "paper";
  const faults = [];
  if (page.documentElement.scrollWidth > width + 1) faults.push("the page scrolls sideways");
  for (const e of page.body.querySelectorAll("*")) {
    const box = e.getBoundingClientRect();
    if (box.width && box.right > width + 1 && !scrolls(e) && !e.closest(".skip, svg *"))
      faults.push(`${e.tagName} ends at ${box.right} of ${width}: ${e.textContent.slice(0, 60)}`);
    if (/^T[HD]$/.test(e.tagName) && box.width && e.textContent.length > 12 && box.width < 40)
      faults.push(`cell of ${box.width}: ${e.textContent.slice(0, 60)}`);
  }
  const walk = page.createTreeWalker(page.body, NodeFilter.SHOW_TEXT);
  for (let node; node = walk.nextNode();) {
    if (node.parentElement.closest("svg, style")) continue;
    for (const word of node.data.matchAll(WORD)) {
      const range = page.createRange();
      range.setStart(node, word.index);
      range.setEnd(node, word.index + word[0].length);
      const tops = new Set([...range.getClientRects()].map(r => Math.round(r.top)));
      if (tops.size > 1) faults.push(`broken: ${word[0]}`);
    }
  }
  found.push([frame.dataset.name, frame.dataset.kind, faults.slice(0, 8)]);
}
document.body.innerHTML = "";
document.body.append(Object.assign(document.createElement("pre"),
  {id: "found", textContent: JSON.stringify(found)}));
"""


@pytest.fixture(scope="session")
def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    if os.environ.get("SOUNDCAL_REQUIRE_BROWSER") == "1":
        pytest.fail("SOUNDCAL_REQUIRE_BROWSER=1, but Chromium is not installed")
    pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")


def browse(chromium: str, profile: Path, page: Path, *options: str) -> str:
    """Run Chromium without a window on a page, and return what it prints."""
    command = [
        chromium, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={profile}", "--window-size=900,1200", *options, page.resolve().as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=True)
    return done.stdout


def pages_of(chromium: str, page: Path, folder: Path) -> int:
    """Print a page, and return how many sheets of A4 it takes."""
    sheet = folder / "a4.html"
    text = page.read_text(encoding="utf-8")
    sheet.write_text(text.replace("</style>", "@page { size: A4; }</style>"), encoding="utf-8")
    paper = folder / "paper.pdf"
    browse(chromium, folder / "print", sheet, "--no-pdf-header-footer", f"--print-to-pdf={paper}")
    return len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))


def faults(chromium: str, pages: dict[str, Path], folder: Path) -> dict[str, list[str]]:
    """Return what does not fit, by page and width; the rules for paper are tried on a screen."""
    parts = ["<!DOCTYPE html><meta charset='utf-8'><body>"]
    for name, path in pages.items():
        text = path.read_text(encoding="utf-8")
        assert "@media print" in text
        for kind, width in FRAMES.items():
            shown = text.replace("@media print", "@media all") if kind == "paper" else text
            parts.append(
                f'<iframe data-name="{name}" data-kind="{kind}" srcdoc="{html.escape(shown)}" '
                f'style="border:0;width:{width};height:900px"></iframe>'
            )
    parts.append(f"<script>window.onload = () => {{ {MEASURE} }};</script></body>")
    frames = folder / "frames.html"
    frames.write_text("\n".join(parts), encoding="utf-8")
    dom = browse(chromium, folder / "measure", frames, "--dump-dom", "--virtual-time-budget=60000")
    told = re.search(r'<pre id="found">(.*?)</pre>', dom, re.DOTALL)
    assert told is not None, dom[-2000:]
    found = json.loads(html.unescape(told[1]))
    assert len(found) == len(pages) * len(FRAMES)
    return {f"{name}, {kind}": texts for name, kind, texts in found if texts}


def demonstration() -> Study:
    """Return a study as large as that of ``soundcal demo``, with names that a user may have."""
    combinations = [
        f"{card}+{phone}"
        for card in ("sim:interface", "sim:onboard")
        for phone in ("closed-16", "open-300")
    ]
    names = [f"S{i:03d}" for i in range(25)]
    names += [
        "Piazza_della_Repubblica_2024-05-17_morning_take-3",
        "雨 in the courtyard, two voices",
    ]
    table = pd.concat(
        [
            tidy(names, ("LA", "LC", "N", "S"), seed=i).assign(combination=combination)
            for i, combination in enumerate(combinations)
        ]
    )
    made = study_of(table, title='Two "methods" \\ four <combinations>')
    links = (Link("sound calibrator", -12.3, 0.13, source="certificate"),)
    calibrations = [
        new_calibration("calibrator", "input", {"left": Chain(links), "right": Chain(links)})
        for _ in range(12)
    ]
    sources = tuple(
        Source(f"{equipment}/rec-{name}_{condition}_run-1.wav", f"{i:064x}", condition, name,
               equipment, calibrations[0].id, ())
        for equipment in combinations
        for condition in ("in-situ", "ocv", "hats")
        for i, name in enumerate(names)
    )  # fmt: skip
    settings = {f"setting_{i}": f"value {i}" for i in range(16)}
    sessions = tuple(
        SessionInfo(equipment, "compare_methods", equipment, "2026", "done", settings)
        for equipment in combinations
    )
    return replace(
        made, sources=sources, sessions=sessions, calibrations={c.id: c for c in calibrations}
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(demonstration(), tmp_path_factory.mktemp("report"))


def test_a_large_report_is_printed_on_few_pages(
    chromium: str, report: Path, tmp_path: Path
) -> None:
    assert 10 < pages_of(chromium, report, tmp_path) <= PAGES


def hours_of_two_stations(folder: Path) -> Summarised:
    """Three days of two stations, one of which pauses."""
    start = datetime(2026, 6, 30, 22, tzinfo=UTC)
    sounds = [
        Sound(
            start + timedelta(hours=n),
            3600.0,
            recording=f"{station}/a.wav",
            station=station,
            first=n * 3600 * FS,
            channels=("left", "right"),
            values=(50.0 + n % 24, 45.0, 62.0),
            flags=("clipping",) if n % 7 == 0 else (),
        )
        for station in ("north", "a_station_with_a_long_name_south_of_the_river")
        for n in range(72)
        if station == "north" or not 20 < n < 50
    ]
    write_dataset(folder, sounds)
    return summarise(folder, {"table": "day", **TABLES}, zone="Europe/Berlin")


def test_everything_fits_on_paper_and_telephones(
    chromium: str, report: Path, tmp_path: Path
) -> None:
    study = make_study()
    two = ("ocv", "hats")
    documents = {
        "ratings": ratings_document(analyse_ratings(study.ratings, *two)),
        "relation": relation_document(
            relate(study.differences, study.ratings, two, permutations=99)
        ),
        "periods": periods_document(hours_of_two_stations(tmp_path / "dataset")),
    }
    pages = {"report": report}
    for name, document in documents.items():
        (pages[name],) = write_document(document, tmp_path / f"{name}.html")
    assert faults(chromium, pages, tmp_path) == {}


def test_the_pages_of_the_guide_fit(chromium: str, tmp_path: Path) -> None:
    folder = write_guide(tmp_path / "guide").parent
    style = f"<style>{(folder / 'guide.css').read_text(encoding='utf-8')}</style>"
    pages = {}
    for page in sorted(folder.glob("*.html")):
        text = page.read_text(encoding="utf-8")
        head = '<link rel="stylesheet" href="guide.css">\n<script src="copy.js" defer></script>'
        assert head in text
        page.write_text(text.replace(head, style), encoding="utf-8")
        pages[page.stem] = page
    assert len(pages) > 15
    assert faults(chromium, pages, folder) == {}
