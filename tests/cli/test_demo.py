"""``soundcal demo``, on one combination and with short scenes."""

import contextlib
import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from soundcal.cli import demo, main
from soundcal.files.session import Session
from soundcal.stimuli import load_catalogue, render

COMBINATION = "onboard+closed-16"


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """Folder, JSON and remarks of ``demo --quick``."""
    out = tmp_path_factory.mktemp("demo") / "out"
    said, remarks = io.StringIO(), io.StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(remarks),
    ):
        patch.setattr(demo, "COMBINATIONS", (COMBINATION,))
        patch.setattr(demo, "_SCENE_S", 0.5)
        assert main(["demo", "--quick", "--out", str(out), "--seed", "3", "--json"]) == 0
    return out, json.loads(said.getvalue()), remarks.getvalue()


def test_the_demo_says_in_five_lines_what_the_tables_hold(
    quick: tuple[Path, dict[str, Any], str],
) -> None:
    out, said, _ = quick
    assert said["schema"] == "soundcal/demo/1"
    assert len(said["summary"]) == 5
    assert Path(said["report"]).stat().st_size > 0
    assert Session(out / COMBINATION).exit_status in ("done", "out of tolerance")
    table = pd.read_csv(out / "agreement.csv")
    for line, method in ((said["summary"][1], "ocv"), (said["summary"][2], "hats")):
        row = table[
            (table["indicator"] == "LA")
            & (table["statistic"] == "eq")
            & (table["first"] == "in-situ")
            & (table["second"] == method)
        ]
        (bias,) = row["bias"]
        found = re.search(
            rf"in-situ − {method}.* sim:{re.escape(COMBINATION)} ([+-][0-9.]+) ", line
        )
        assert found, line
        assert float(found[1]) == pytest.approx(bias, abs=0.0051)
    found = re.search(r": (\S+) on .*, in-situ − (\w+) = ([+-][0-9.]+) dB", said["summary"][3])
    assert found
    table = pd.read_csv(out / "differences.csv").query("indicator == 'LA' and statistic == 'eq'")
    row = table[(table["second"] == found[2]) & (table["stimulus"] == found[1])]
    (difference,) = row[row["first"] == "in-situ"]["difference"]
    assert float(found[3]) == pytest.approx(difference, abs=0.0051)


def test_an_earlier_demo_is_not_touched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "report.html").write_text("of an earlier demo")
    assert main(["demo", "--out", str(tmp_path)]) == 5
    assert "choose another folder with --out" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


def test_the_quick_demo_is_one_combination_and_its_report(
    quick: tuple[Path, dict[str, Any], str],
) -> None:
    out, _, remarks = quick
    (session,) = (path for path in out.iterdir() if (path / "session.jsonl").exists())
    assert "18 recordings of 1 combination in" in remarks
    assert f"sim:{session.name} " in remarks
    recorded = {path.name.split("_")[0] for path in session.glob("rec-*.wav")}
    assert recorded == {f"rec-{name}" for name in demo._QUICK}
    assert not list(out.glob(".*"))  # the rendered scenes are gone


def test_scenes_rendered_before_are_those_of_the_protocol(tmp_path: Path) -> None:
    shelf = demo._Shelf(tmp_path)
    stimulus = load_catalogue()["W06"]
    assert shelf.put(stimulus, 0.3) == "W06"
    samples = shelf.render(stimulus, fs=48000, duration=0.3)
    assert samples.dtype == np.float64
    assert np.array_equal(samples, render(stimulus, duration=0.3))
