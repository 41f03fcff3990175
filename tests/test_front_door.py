"""Every ``__init__`` holds a docstring and names; they load on first use and have their types."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import soundcal
from soundcal.lab import SimulatedOperator

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = sorted(
    ".".join(path.parent.relative_to(ROOT).parts)
    for path in (ROOT / "soundcal").rglob("__init__.py")
)


def source(package: str) -> list[ast.stmt]:
    path = ROOT.joinpath(*package.split("."), "__init__.py")
    return ast.parse(path.read_text(encoding="utf-8")).body


def imports(package: str, statements: list[ast.stmt]) -> dict[str, str]:
    """Return the names that are imported for type checkers, as the table writes them."""
    found = {}
    for statement in statements:
        assert statement.module.startswith(f"{package}."), "a package exports what is its own"
        module = statement.module.removeprefix(f"{package}.")
        for name in statement.names:
            where = f"{module}:{name.name}" if name.asname else module
            found[name.asname or name.name] = where
    return found


def table(statements: list[ast.stmt]) -> dict[str, str]:
    """Return the names that Python looks up, and where."""
    (assignment,) = statements
    assert ast.unparse(assignment.targets[0]).strip("()") == "__getattr__, __dir__"
    assert ast.unparse(assignment.value.func) == "on_first_use"
    return ast.literal_eval(assignment.value.args[1])


@pytest.mark.parametrize("package", PACKAGES)
def test_an_init_holds_a_docstring_and_names(package: str) -> None:
    docstring, *rest = source(package)
    assert isinstance(docstring.value.value, str)
    if not rest:
        return
    *first, door, names = rest
    assert all(isinstance(statement, ast.ImportFrom) for statement in first)
    assert ast.unparse(door.test) == "TYPE_CHECKING"
    assert ast.unparse(names.targets[0]) == "__all__"
    public = set(ast.literal_eval(names.value)) - {"__version__"}
    assert imports(package, door.body) == table(door.orelse)
    assert set(table(door.orelse)) == public
    assert len(names.value.elts) == len(set(ast.literal_eval(names.value)))
    module = import_module(package)
    assert public <= set(dir(module))
    for name in public:
        assert getattr(module, name) is not None
        folder = ROOT.joinpath(*package.split("."))
        assert not (folder / f"{name}.py").exists(), "importing the module would replace the name"
        assert not (folder / name).is_dir()


def test_a_misspelt_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="'soundcal' has no attribute 'nothing'"):
        _ = soundcal.nothing


SNIPPET = """\
import soundcal
from soundcal import Calibration, calibrate_microphone, measure, open_device
from soundcal.indicators import leq
from soundcal.stimuli import render

reveal_type(open_device)
reveal_type(Calibration)
reveal_type(calibrate_microphone)
reveal_type(measure)
reveal_type(leq(soundcal.read("take.wav"), weighting="C"))
reveal_type(render)
soundcal.open_devise
"""


@pytest.mark.long
def test_type_checkers_see_the_types(tmp_path: Path) -> None:
    pytest.importorskip("mypy", reason="mypy comes with the extra 'test'")
    (tmp_path / "snippet.py").write_text(SNIPPET, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", str(tmp_path / "snippet.py")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=240,
    )
    device, calibration, calibrate, measure, level, render, misspelt, _ = done.stdout.splitlines()
    assert device.endswith('-> soundcal.devices.protocol.AudioDevice"')
    assert calibration.endswith('-> soundcal.calibration.model.Calibration"')
    assert calibrate.endswith('-> soundcal.calibration.model.Calibration"')
    assert measure.endswith('-> pandas.core.frame.DataFrame"')
    assert level.endswith('"soundcal.indicators.result.IndicatorResult"')
    assert "soundcal.stimuli.catalogue.Stimulus" in render
    assert 'no attribute "open_devise"' in misspelt


def test_dir_shows_the_names_and_nothing_that_an_init_needs_for_itself() -> None:
    shown = {name for name in dir(soundcal) if not name.startswith("__")}
    assert set(soundcal.__all__) - {"__version__"} <= shown
    assert {"agreement", "indicators", "recording"} <= shown  # modules too
    assert not shown & {"TYPE_CHECKING", "on_first_use", "_lazy", "annotations"}
    assert soundcal.agreement.bland_altman is soundcal.bland_altman


def test_paths_may_be_texts(tmp_path: Path) -> None:
    """From a device to a report with nothing but names of the package."""
    folder = tmp_path / "ocv"
    folder.mkdir()
    with soundcal.open_device("sim:lab") as lab:
        ears = soundcal.calibrate_ears(lab, SimulatedOperator(lab), insertions=1)
        soundcal.save_calibration(str(folder / "calibration.json"), ears)
        lab.seat_headphones()
        for name in ("a", "b"):
            done = soundcal.record_to_file(
                lab,
                str(folder / f"{name}.wav"),
                duration=1.0,
                inputs=(1, 2),
                calibration=str(folder / "calibration.json"),
            )
    assert done.path == folder / "b.wav"
    table = soundcal.measure(str(folder), indicators="LAeq")
    assert len(table) == 4
    study = soundcal.collect(str(folder), indicators="LAeq", cache=False)
    page = soundcal.write_report(study, str(tmp_path / "report"))
    assert page.is_file()
