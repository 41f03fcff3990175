"""A folder that somebody else has filled: nothing of it is executed, and it commands nothing."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from soundcal.batch import measure_files
from soundcal.calibration.stated import from_sensitivity
from soundcal.cli import main
from soundcal.files import audio
from soundcal.files.calibrations import save_calibration
from soundcal.files.lock import user_of
from soundcal.files.session import Session
from soundcal.indicators import resolve
from soundcal.prepared import Task
from soundcal.recording import Capture

PLANTED = ("joblib", "numpy", "numba", "pandas", "scipy", "soundfile", "matplotlib", "sounddevice")
SESSION = "protocol run microphone_check --device sim:lab --fs 8000 --out session"
REPORT = "report first second --calibration ears.json --indicators LAeq --jobs 2 --out report"
MEASURE = "measure a.wav b.wav --sensitivity 10 --indicators LAeq"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with two recordings in two folders, and modules that leave a trace."""
    noise = np.random.default_rng(1).normal(0.0, 0.05, (2, 8000))
    for name in ("a.wav", "b.wav", "first/N1.wav", "first/N2.wav", "second/N1.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        audio.write(tmp_path / name, noise, 8000)
    save_calibration(tmp_path / "ears.json", from_sensitivity({"left": 1.0, "right": 1.0}))
    monkeypatch.chdir(tmp_path)
    root = str(Path(__file__).parents[2])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([root, *filter(None, sys.path)]))
    return tmp_path


def plant(folder: Path) -> Path:
    trace = folder / "executed"
    for name in PLANTED:
        code = f"open({str(trace)!r}, 'a').write({name!r})\nraise ImportError('planted')\n"
        (folder / f"{name}.py").write_text(code)
    return trace


OTHERS = ("devices", SESSION, "verify --family levels --no-mosqito")
AS_MODULE = ("-m", "soundcal")
AS_TEXT = ("-c", "from soundcal.cli import main; main()")


@pytest.mark.parametrize(
    ("start", "command"),
    [
        (AS_MODULE, f"{MEASURE} --jobs 2"),
        pytest.param(AS_TEXT, f"{MEASURE} --jobs 2", marks=pytest.mark.long),
        *((AS_MODULE, command) for command in OTHERS[:-1]),
        pytest.param(AS_MODULE, OTHERS[-1], marks=pytest.mark.long),
        *(pytest.param(AS_TEXT, command, marks=pytest.mark.long) for command in OTHERS),
        pytest.param(AS_MODULE, REPORT, marks=pytest.mark.long),
        pytest.param(AS_TEXT, REPORT, marks=pytest.mark.long),
    ],
)
def test_no_module_of_the_folder_is_imported(
    folder: Path, start: tuple[str, ...], command: str
) -> None:
    trace = plant(folder)
    done = subprocess.run(
        [sys.executable, *start, *command.split()], capture_output=True, text=True
    )
    assert not trace.exists(), trace.read_text()
    assert done.returncode == 0, done.stderr


SHORT_DEMO = """
import sys
from soundcal.cli import demo, main
if __name__ == "__main__":
    demo.COMBINATIONS = ("onboard+closed-16",)
    demo._SCENE_S = 0.5
    sys.exit(main(["demo", "--out", "out"]))
"""


@pytest.mark.long
def test_no_module_of_the_folder_is_imported_by_the_demo(folder: Path) -> None:
    trace = plant(folder)
    done = subprocess.run([sys.executable, "-c", SHORT_DEMO], capture_output=True, text=True)
    assert not trace.exists(), trace.read_text()
    assert done.returncode == 0, done.stderr
    assert (folder / "out" / "report.html").exists()


@pytest.mark.long
def test_no_module_of_the_folder_is_imported_by_the_workers_of_a_script(folder: Path) -> None:
    trace = plant(folder)
    task = Task(wanted=resolve("LAeq"), sensitivities=(10.0,))
    assert [found.error for found in measure_files(["a.wav", "b.wav"], task, jobs=2)] == ["", ""]
    assert not trace.exists()
    assert "PYTHONSAFEPATH" not in os.environ


def test_settings_of_numba_and_matplotlib_in_the_folder_have_no_effect(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".numba_config.yaml").write_text("cache_dir: .\n")
    assert main(MEASURE.split()) == 5
    assert ".numba_config.yaml" in capsys.readouterr().err
    (folder / ".numba_config.yaml").unlink()
    plot = [*MEASURE.split(), "--plots"]
    assert main([*plot, "plain"]) == 0
    # matplotlib reads its settings when it is imported
    (folder / "matplotlibrc").write_text("lines.linewidth: 20\naxes.grid: True\n")
    command = [sys.executable, "-m", "soundcal", *plot, "set"]
    subprocess.run(command, check=True, capture_output=True)
    pictures = sorted(path.name for path in (folder / "plain").iterdir())
    assert pictures
    for name in pictures:
        assert (folder / "plain" / name).read_bytes() == (folder / "set" / name).read_bytes()


def test_what_a_settings_file_sets_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "soundcal.toml").write_text("[measure]\nears = 'mean'\nout = 'table.csv'\n")
    assert main(MEASURE.split()) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "soundcal.toml" in line]
    assert said == [
        "soundcal.toml: sets --ears=mean --out=table.csv for measure, unless the command line does"
    ]
    assert (folder / "table.csv").exists()


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("force = true", "force"),
        ("forc = true", "forc"),
        ("'force' = 'yes'", "force"),
        ("out = '../mine.csv'", "out"),
        ("ou = '../mine.csv'", "ou"),
        ("out = '/tmp/mine.csv'", "out"),
        ("out = 'link/mine.csv'", "out"),
        ("out = true", "out"),
        ("plots = ['..']", "plots"),
        ("'out=../mine.csv' = true", "not the name of an option"),
        ("'' = '../mine.csv'", "not the name of an option"),
    ],
)
def test_a_settings_file_replaces_nothing_and_writes_nowhere_else(
    folder: Path, capsys: pytest.CaptureFixture[str], line: str, named: str
) -> None:
    (folder / "mine.csv").write_text("precious")
    theirs = folder / "theirs"
    theirs.mkdir()
    (theirs / "link").symlink_to(folder)
    (theirs / "soundcal.toml").write_text(f"[measure]\n{line}\n")
    os.chdir(theirs)
    before = sorted(folder.rglob("*"))
    assert main(["measure", "../a.wav", "--sensitivity", "10", "--indicators", "LAeq"]) == 5
    err = capsys.readouterr().err
    assert "soundcal.toml: " in err
    assert named in err
    assert sorted(folder.rglob("*")) == before
    assert (folder / "mine.csv").read_text() == "precious"


@pytest.mark.parametrize(
    ("table", "line", "command"),
    [
        ("play", "record = '../new.wav'", ["play", "../a.wav"]),
        ("play", "rec = '/tmp/new.wav'", ["play", "../a.wav"]),
        ("monitor", "log = '../new.csv'", ["monitor", "--duration", "1"]),
        ("spectrum", "out = '../new.csv'", ["spectrum", "../a.wav", "--sensitivity", "1"]),
    ],
)
def test_a_settings_file_makes_no_command_write_elsewhere(
    folder: Path, capsys: pytest.CaptureFixture[str], table: str, line: str, command: list[str]
) -> None:
    theirs = folder / "theirs"
    theirs.mkdir()
    (theirs / "soundcal.toml").write_text(f"[{table}]\n{line}\n")
    os.chdir(theirs)
    before = sorted(folder.rglob("*"))
    device = [] if table == "spectrum" else ["--device", "sim:lab"]
    assert main([*command, *device]) == 5
    assert "does not name a file in the folder of soundcal.toml" in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before


HOLDER = """
import sys, time
from pathlib import Path
from soundcal.files.lock import held
with held(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def holder(session: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(session)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_session_in_use_is_reported_with_a_note(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = folder / "session"
    made = Session.create(session, "compare_methods", {}, "sim:lab")
    ears = from_sensitivity({"left": 1.0, "right": 1.0}, device="sim:lab")
    made.add_record("calibration_before", "soundcal/calibration/1", ears.to_dict())
    about = {
        "stimulus": "N1",
        "condition": "ocv",
        "run": 1,
        "calibration": ears.id,
        "calibration_file": "calibration_before.json",
        "capture": Capture(np.zeros((2, 8000)), 8000, device="sim:lab").to_dict(),
        "flags": [],
    }
    noise = np.random.default_rng(1).normal(0.0, 0.05, (2, 8000))
    made.add_audio("rec-N1_ocv_run-1", noise, 8000, about)
    process = holder(session)
    try:
        assert main(["report", "session", "--indicators", "LAeq", "--out", "report"]) == 0
    finally:
        process.kill()
        process.communicate()
    told = capsys.readouterr().err
    assert f"in use by process {process.pid}" in told
    assert "what it had finished by now is reported" in told


@pytest.mark.parametrize("resume", [False, True])
def test_a_session_in_use_is_refused_until_its_process_is_gone(
    folder: Path, capsys: pytest.CaptureFixture[str], resume: bool
) -> None:
    command = SESSION.split()
    session = folder / "session"
    if resume:  # a session that was killed
        assert main(command) == 0
        log = session / "session.jsonl"
        lines = log.read_text().splitlines(keepends=True)
        log.write_text("".join(line for line in lines if '"event": "stop"' not in line))
        command.append("--resume")
    session.mkdir(exist_ok=True)
    process = holder(session)
    try:
        before = sorted(session.iterdir())
        assert main(command) == 5
        assert f"in use by process {process.pid} on" in capsys.readouterr().err
        assert sorted(session.iterdir()) == before
        assert user_of(session).startswith(f"process {process.pid} on ")
    finally:
        process.kill()
        process.communicate()
    assert (session / ".session.lock").exists()
    assert user_of(session) == ""
    assert main(command) == 0
    assert not (session / ".session.lock").exists()


@pytest.mark.skipif(os.name == "nt", reason="locks of POSIX")
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOLCK, "No locks available"), "No locks available; use a folder on a"),
        (PermissionError(errno.EACCES, "Permission denied"), "in use by another process"),
    ],
)
def test_a_disk_without_locks_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: OSError,
    said: str,
) -> None:
    def flock(*_: object) -> None:
        raise error

    monkeypatch.setattr("fcntl.flock", flock)
    monkeypatch.chdir(tmp_path)
    assert main(SESSION.split()) == 5
    assert said in capsys.readouterr().err
