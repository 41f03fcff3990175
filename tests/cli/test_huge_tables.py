"""Tables that are small on the disk and huge in memory are refused at once."""

import gzip
import subprocess
import sys
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
@pytest.mark.parametrize("command", ["compare", "ratings"])
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
