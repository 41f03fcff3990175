"""Tables that are small on the disk and huge in memory are refused at once."""

import gzip
import subprocess
import sys
import time
from pathlib import Path

import pytest

from soundcal.cli import main

HEADER = "stimulus,condition,channel,indicator,statistic,value,unit\n"
ROW = "N1,ocv,left,LA,eq,60,dB\n"
LIMITED = """
import resource, sys
from soundcal.cli import main
import pandas, scipy.stats  # what any table needs
resource.setrlimit(resource.RLIMIT_DATA, (2 * 2**30, 2 * 2**30))
sys.exit(main(sys.argv[1:]))
"""


def table(path: Path, kind: str) -> None:
    if kind == "compressed":
        with gzip.open(path, "wt", compresslevel=1) as file:
            file.write(HEADER)
            for _ in range(100):
                file.write(ROW * 50_000)
    elif kind == "columns":
        path.write_text(",".join(map(str, range(1_000_000))) + "\n" + "1," * 999_999 + "1\n")
    elif kind == "cell":
        path.write_text(HEADER + '"' + "x" * 70_000_000)
    elif kind == "cells":
        path.write_text("," * 4_000 + "\n" + ("1" + "," * 4_000 + "\n") * 2_000)


@pytest.mark.parametrize("kind", ["compressed", "columns", "cell", "cells"])
@pytest.mark.parametrize("command", ["compare", pytest.param("ratings", marks=pytest.mark.long)])
def test_a_huge_table_is_refused(tmp_path: Path, kind: str, command: str) -> None:
    pytest.importorskip("resource", reason="limits on memory are a matter of POSIX")
    path = tmp_path / ("table.csv.gz" if kind == "compressed" else "table.csv")
    table(path, kind)
    words = [command, str(path)] + ["--scale", "0", "100"] * (command == "ratings")
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, *words], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 5, done.stderr
    assert path.name in done.stderr
    assert "Traceback" not in done.stderr
    assert "memory" not in done.stderr


@pytest.mark.parametrize("command", ["measure fine.wav --calibration", "ratings t.csv --mapping"])
@pytest.mark.parametrize("content", ["[" * 200_000, '{"a":' * 200_000, "a = " + "[" * 200_000])
def test_a_deep_record_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, content: str
) -> None:
    path = tmp_path / "deep.json"
    path.write_text(content)
    assert main([*command.split(), str(path)]) == 5
    assert "deep.json" in capsys.readouterr().err


HUGE = {
    "keys": lambda: "[measure]\n" + "".join(f"k{n} = 1\n" for n in range(1_000_000)),
    "options": lambda: "[measure]\n" + "".join(f"k{n} = 1\n" for n in range(1_000)),
    "lists": lambda: '{"schema": "soundcal/calibration/1", "chains": [' + "[]," * 20_000_000,
    "digits": lambda: '{"schema": "soundcal/calibration/1", "made": ' + "9" * 5_000_000 + "}",
}


@pytest.mark.parametrize(
    ("kind", "command"),
    [
        ("keys", "measure fine.wav --sensitivity 1"),
        ("options", "measure fine.wav --sensitivity 1"),
        ("keys", "ratings huge --mapping huge"),
        ("keys", "stimuli list --catalogue huge"),
        ("lists", "measure fine.wav --calibration huge"),
        ("lists", "check huge huge"),
        ("digits", "measure fine.wav --calibration huge"),
    ],
)
def test_a_huge_record_is_refused_at_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    kind: str,
    command: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    name = "huge" if "huge" in command else "soundcal.toml"
    Path(name).write_text(HUGE[kind]())
    started = time.process_time()
    assert main(command.split()) == 5
    assert time.process_time() - started < 5.0
    said = capsys.readouterr().err
    assert f"{name}: " in said
    assert len(said) < 2000
