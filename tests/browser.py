"""Chromium for the tests of the listening room's pages, without its own traffic."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

ARGUMENTS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
"""Options that keep Chromium from asking anybody else; Playwright makes a new profile each time."""

REQUIRED = "SOUNDCAL_REQUIRE_BROWSER"
"""Environment variable that turns a skip into a failure."""


def _absent(reason: str) -> None:
    if os.environ.get(REQUIRED) == "1":
        pytest.fail(f"{REQUIRED}=1, but {reason}")
    pytest.skip(reason)


def start_browser() -> Iterator[Any]:
    """Give the browser, or skip with the reason."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _absent("playwright is not installed (pip install -e '.[browser]')")
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        _absent("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()
