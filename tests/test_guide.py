"""The pages of the guide describe the tree as it is."""

import re
import tomllib
from pathlib import Path

import detection_rates

from soundcal import agreement, ratings
from soundcal.guide.pages import guide_pages
from soundcal.verification.statistics import all_rates

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "soundcal"
GUIDE = PACKAGE / "guide"
PAGE = (GUIDE / "architecture.md").read_text(encoding="utf-8")
JUDGING = (GUIDE / "judging_takes.md").read_text(encoding="utf-8")
STATISTICS = (GUIDE / "agreement_and_ratings.md").read_text(encoding="utf-8")


def test_every_page_is_in_the_list_once_and_by_its_title() -> None:
    pages = guide_pages()
    files = {path.stem for path in GUIDE.glob("*.md")} - {"index"}
    assert sorted(page.name for page in pages) == sorted(files)
    for page in pages:
        assert page.text.startswith(f"# {page.title}"), page.name


def test_the_readme_links_to_every_page_and_to_nothing_else() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", text)
    assert [link for link in links if not (ROOT / link).is_file()] == []
    names = {page.name for page in guide_pages()}
    assert {Path(link).stem for link in links if link.startswith("soundcal/guide/")} >= names


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


def test_the_detection_rates_are_of_the_faults_and_sounds_that_are_tried() -> None:
    table = re.search(r"\n(\| fault \|.*?)\n\n", JUDGING, re.DOTALL)
    assert table is not None
    head, _, *rows = [line.strip("| ").split(" | ") for line in table[1].split("\n")]
    assert head[1:] == list(detection_rates.KINDS)
    assert [row[0] for row in rows[:-1]] == list(detection_rates.FAULTS)
    cells = [re.fullmatch(r"(\d+)/(\d+)", cell) for row in rows for cell in row[1:]]
    assert {cell[2] for cell in cells if cell} == {str(trials(JUDGING))}
    assert all(cell is not None for cell in cells)
    assert set(rows[-1][1:]) == {f"{trials(JUDGING)}/{trials(JUDGING)}"}  # no clean take is flagged


def test_the_certificate_in_short_has_rates_that_are_simulated() -> None:
    table = re.search(r"\n\| rate \|.*?\n\n", STATISTICS, re.DOTALL)
    assert table is not None
    rows = [line.strip("| ").split(" | ") for line in table[0].strip().split("\n")[2:]]
    stated = {rate.quantity: rate for rate in all_rates()}
    assert len(rows) > 12
    for name, nominal, found, interval in rows:
        bound = {(True, False): "at least ", (False, True): "at most "}.get(
            (stated[name].at_least, stated[name].at_most), ""
        )
        assert nominal == f"{bound}{100 * stated[name].nominal:.3g} %"
        low, high = map(float, interval.removesuffix(" %").split(" to "))
        assert low <= float(found.removesuffix(" %")) <= high


def test_the_functions_and_options_that_the_page_on_statistics_names_exist() -> None:
    functions = set(re.findall(r"`([a-z]+_[a-z_]+)`", STATISTICS))
    public = {*agreement.__all__, *ratings.__all__}
    assert len(functions) > 8
    assert functions <= public
    commands = (PACKAGE / "cli").glob("*.py")
    code = "".join(path.read_text(encoding="utf-8") for path in commands)
    options = set(re.findall(r"--[a-z]+", STATISTICS))
    assert len(options) > 10
    assert [option for option in options if f'"{option}"' not in code] == []


def trials(page: str) -> int:
    """The number of trials of the command that the page names."""
    found = re.search(r"python tests/detection_rates\.py --trials (\d+)", page)
    assert found is not None
    return int(found[1])


def test_the_checks_that_it_names_are_made() -> None:
    table = re.search(r"\n\| check \|.*?\n\n", JUDGING, re.DOTALL)
    assert table is not None
    named = re.findall(
        r"`([^`]+)`", "".join(row.split("|")[1] for row in table[0].split("\n")[1:-2])
    )
    code = "".join(path.read_text(encoding="utf-8") for path in (PACKAGE / "takes").glob("*.py"))
    code += (PACKAGE / "recording.py").read_text(encoding="utf-8")
    assert len(named) > 20
    assert [name for name in named if f'"{name}"' not in code] == []
