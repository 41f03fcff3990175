"""Streams of every kind: encodings that lack characters, closed ones, full ones; names from files.

Every command runs against each kind, and none ends in a traceback or loses a result.
"""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from soundcal.cli import main
from soundcal.cli.output import progress, visible, writing_report
from soundcal.files import audio

FS = 8000
COMMANDS = [
    "--help",
    "devices",
    "devices --test sim:lab --minutes 0 --plays 2",
    "stimuli list",
    "protocol list",
    "protocol show compare_methods",
    "protocol run microphone_check --device sim:lab --fs 8000 --set insertions=1 --out s",
    "measure Straße中−.wav --sensitivity 1 --indicators LAeq",
    "calibrate --device sim:lab --fs 8000 --insertions 1 --out ears.json",
    "record --device sim:lab --fs 8000 --duration 1 new.wav",
    "compare table.csv --ears left",
    "verify --family calibrator --no-mosqito",
]


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    noise = np.random.default_rng(1).normal(0.0, 0.05, (2, FS))
    audio.write(tmp_path / "Straße中−.wav", noise, FS)
    lines = ["stimulus,condition,channel,indicator,statistic,value,unit"]
    for number in range(5):
        for condition in ("−ocv", "hats"):
            value = 60 + number + 0.1 * number * (condition == "hats")
            lines.append(f"中{number},{condition},left,LA,eq,{value},dB")
    (tmp_path / "table.csv").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("command", COMMANDS)
def test_what_an_encoding_lacks_is_replaced(
    work: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    streams = {name: io.TextIOWrapper(io.BytesIO(), "ascii") for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    try:
        code = main(command.split())
    except SystemExit as end:  # --help
        code = int(end.code or 0)
    for stream in streams.values():
        stream.flush()
    assert code == 0, streams["stderr"].buffer.getvalue()  # type: ignore[attr-defined]


def test_a_minus_stays_a_minus(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO(), "cp1252")
    monkeypatch.setattr(sys, "stdout", stream)
    assert main(["devices"]) == 0
    stream.write("−3 dB ≤ 中")
    stream.flush()
    assert stream.buffer.getvalue().endswith(b"-3 dB <= \\u4e2d")  # type: ignore[attr-defined]


CLOSED = "import sys; from soundcal.cli import main; sys.exit(main(sys.argv[1:]))"
SHORT = ["--help", "stimuli list", "measure Straße中−.wav --sensitivity 1 --indicators LAeq"]


def started(command: str, stdout: int, stderr: int) -> "subprocess.Popen[bytes]":
    root = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([root, *filter(None, sys.path)])}
    words = [sys.executable, "-c", CLOSED, *command.split()]
    return subprocess.Popen(words, stdout=stdout, stderr=stderr, env=environment)


@pytest.mark.parametrize("command", SHORT)
@pytest.mark.parametrize("both", [False, True])
def test_a_reader_that_has_gone_is_no_fault(work: Path, command: str, both: bool) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    process = started(command, writing, writing if both else subprocess.PIPE)
    os.close(writing)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    assert b"Traceback" not in (err or b"")
    assert b"Exception" not in (err or b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("command", SHORT[1:])
def test_a_result_that_does_not_fit_on_the_disk_is_said_to_be_lost(
    work: Path, command: str
) -> None:
    with open("/dev/full", "wb") as full:
        process = started(command, full.fileno(), subprocess.PIPE)
        _, err = process.communicate(timeout=120)
    assert process.returncode == 5
    assert b"standard output: cannot be written (No space left on device)" in err
    assert b"Traceback" not in err


@pytest.mark.parametrize("text", ["a\x1b[2Jb", "a\nb", "a\rb", "a\u202eb", "a\x9bb", "a\u2028b"])
def test_names_cannot_command_the_terminal(
    work: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (work / "Straße中−.wav").rename(f"{text}.wav")
    assert main(["measure", f"{text}.wav", "--sensitivity", "1", "--indicators", "LAeq"]) == 0
    assert main(["measure", f"{text}.flac", "--sensitivity", "1", "--indicators", "LAeq"]) == 5
    with pytest.raises(SystemExit):
        main(["measure", "x.wav", f"--{text}"])
    out, err = capsys.readouterr()
    assert text not in out
    assert text not in err
    assert visible(text) in out
    assert visible(text) in err
    assert (
        main(["measure", f"{text}.wav", "--sensitivity", "1", "--indicators", "LA", "--json"]) == 0
    )
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["recording"] for row in rows} == {f"{text}.wav"}  # a program gets the name itself


def test_a_remark_of_a_progress_bar_is_no_markup(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress("rendering", 2, unit="stimuli") as advance:
        advance(1, "[/x] [red]\x1b]0;title\x07")
    assert "[/x] [red]\\x1b]0;title\\x07" in terminal.getvalue()


def test_the_time_left_is_shown_once_it_can_be_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("soundcal.cli.output.time.monotonic", lambda: float(next(clock)))
    with progress("measuring", 100.0, unit="s") as advance:
        for done in (1.0, 9.0, 20.0):
            advance(done, "")
    assert capsys.readouterr().err.splitlines() == [
        "measuring: 1 of 100 s",
        "measuring: 9 of 100 s",
        "measuring: 20 of 100 s, 120 s left",
    ]


def test_a_total_may_be_known_only_when_the_work_has_begun(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("soundcal.cli.output.time.monotonic", lambda: float(next(clock)))
    with writing_report() as advance:
        advance(0, "")
        advance(2, "LAeq", 8)
        advance(4, "N5")
    assert capsys.readouterr().err.splitlines() == [
        "writing the report: 0 figures",
        "writing the report: 2 of 8 figures, 60 s left LAeq",
        "writing the report: 4 of 8 figures, 30 s left N5",
    ]
    terminal = io.StringIO()
    monkeypatch.undo()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stderr", terminal)
    with writing_report() as advance:
        advance(2, "LAeq", 8)
    assert "2/8 figures" in terminal.getvalue()
