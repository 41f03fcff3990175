"""The package as a whole: what importing it costs, what its command says, what it promises."""

import subprocess
import sys
from pathlib import Path

import pytest

import soundcal

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("scipy", "numba", "pandas", "matplotlib", "sounddevice", "mosqito")


def loaded_after(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(' '.join({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "code", ["import soundcal", "import soundcal.cli", "import soundcal.lab.protocol"]
)
def test_importing_is_cheap(code: str) -> None:
    assert not loaded_after(code) & set(HEAVY)


def test_help_needs_not_even_numpy() -> None:
    code = (
        "from soundcal.cli import main\nimport contextlib, io\n"
        "with contextlib.suppress(SystemExit), contextlib.redirect_stdout(io.StringIO()):\n"
        "    main(['--help'])"
    )
    assert not loaded_after(code) & {*HEAVY, "numpy"}


def test_versions_agree() -> None:
    version = soundcal.__version__
    assert f'version = "{version}"' in (ROOT / "pyproject.toml").read_text()
    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text()
    assert f"[{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_usage_errors_end_with_2_and_usage_on_stderr() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "soundcal", "nothing"], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "usage: soundcal" in done.stderr
    assert done.stdout == ""


def test_importlinter_contracts_are_kept() -> None:
    pytest.importorskip("importlinter", reason="import-linter comes with the extra 'test'")
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
