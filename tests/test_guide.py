"""The architecture page describes the tree as it is."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "soundcal"
PAGE = (PACKAGE / "guide" / "architecture.md").read_text(encoding="utf-8")


def test_the_layers_are_those_that_are_checked() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    checked = next(c["layers"] for c in contracts if c["name"] == "The layers of the house")
    shown = re.search(r"\n## The layers\n.*?```\n(.*?)\n```", PAGE, re.DOTALL)
    assert shown is not None
    assert shown[1].split("\n") == checked


def test_every_room_and_module_is_named() -> None:
    rooms = [path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name[0] not in "_."]
    modules = [path.stem for path in PACKAGE.glob("[a-z]*.py")]
    assert len(rooms) > 10
    assert [room for room in rooms if f"`{room}/`" not in PAGE] == []
    assert [module for module in modules if f"`{module}`" not in PAGE] == []


def test_every_file_it_names_exists() -> None:
    named = re.findall(r"`([a-z_/]+\.(?:py|md|toml))`", PAGE)
    assert len(named) > 2
    here = (PACKAGE, ROOT)
    assert [n for n in named if "/" in n and not any((base / n).is_file() for base in here)] == []
