"""The ear rule ``binaural``: a value of both ears that an indicator's own standard defines."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fake_stage import FakeStage, indicator

from soundcal.batch import measure_file, measure_files
from soundcal.calibration.stated import from_sensitivity
from soundcal.errors import ParameterError, RecordError, SignalError
from soundcal.files import audio
from soundcal.indicators import compute
from soundcal.indicators.accepting import of_recording
from soundcal.indicators.registry import REGISTRY
from soundcal.indicators.rows import (
    TidyRow,
    by_rules,
    check_ear_rules,
    combine_ears,
    of_both_ears,
    rule_for,
    to_frame,
)
from soundcal.indicators.stream import run_together
from soundcal.prepared import Task
from soundcal.recording import OVERFLOWS, Flag, Recording
from soundcal.study import Rules, compare_methods, read_table
from soundcal.study.ears import of_ears
from soundcal.study.wide_rows import channel_for, channels_of

FS = 8000
WANTED = {"X": ("eq", "max"), "Y": ("eq",)}


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter the fake indicators, of which X has a binaural value."""
    for symbol in ("X", "Y"):
        monkeypatch.setitem(REGISTRY, symbol, indicator(symbol))
    monkeypatch.setattr(FakeStage, "opened", [], raising=False)


def noise(gain: float = 1.0) -> np.ndarray:
    return gain * np.random.default_rng(8).normal(0.0, [[0.02], [0.05]], (2, FS))


def file(folder: Path, name: str = "a.wav", gain: float = 1.0) -> Path:
    audio.write(folder / name, noise(gain), FS)
    return folder / name


def task(*ears: str, **changes: object) -> Task:
    return replace(Task(wanted=WANTED, ears=ears, sensitivities=(1.0,)), **changes)  # type: ignore[arg-type]


def labels(rows: tuple[TidyRow, ...]) -> list[str]:
    return [f"{row.channel} {row.indicator}{row.statistic}" for row in rows]


def test_binaural_rows_come_on_request_beside_those_of_other_rules(tmp_path: Path) -> None:
    path = file(tmp_path)
    ears = ["left Xeq", "left Xmax", "right Xeq", "right Xmax", "left Yeq", "right Yeq"]
    assert labels(measure_file(path, task("each")).rows) == ears
    stated = {"sensitivities": (), "calibration": from_sensitivity({"left": 1.0, "right": 1.0})}
    both = measure_file(path, task("each", "max", "binaural", **stated))
    assert labels(both.rows)[:6] == ears
    assert labels(both.rows)[6:] == [
        "max Xeq",
        "max Xmax",
        "max Yeq",
        "binaural Xeq",
        "binaural Xmax",
    ]
    result = run_together(FakeStage, "X", audio.read(path).samples, FS)
    assert result.binaural is not None
    assert both.rows[-2].value == pytest.approx(result.binaural.value, rel=1e-12)
    alone = measure_file(path, task("binaural", wanted={"X": ("eq",)}, **stated))
    assert alone.rows == (both.rows[-2],)


def test_uncertainty_is_that_of_the_binaural_value(tmp_path: Path) -> None:
    path = file(tmp_path)
    stated = from_sensitivity({"left": 1.0, "right": 1.0}, u_db=0.1)
    asked = task("each", "binaural", sensitivities=(), calibration=stated)
    known = measure_file(path, replace(asked, uncertainty=True)).rows
    assert [row.u for row in measure_file(path, asked).rows] == [None] * len(known)
    for row in known:
        assert row.u == pytest.approx(row.value * (10**0.005 - 1), rel=1e-9)


def test_refusals_by_name(tmp_path: Path) -> None:
    path = file(tmp_path)
    with pytest.raises(ParameterError, match=r"standards of Y define no value of both ears.* X do"):
        list(measure_files([path], task("binaural")))
    check_ear_rules(["each", "binaural"], WANTED)
    with pytest.raises(ParameterError, match="no ear rule"):
        check_ear_rules([])
    with pytest.raises(ParameterError, match=r"'median'; one of each, .*, binaural expected"):
        check_ear_rules(["each", "median"])
    with pytest.raises(SignalError, match="'binaural' needs the channels left and right"):
        measure_file(path, task("binaural", channels=("front", "back")))
    with pytest.raises(ParameterError, match="does not follow from the values"):
        of_both_ears(1.0, 2.0, rule_for("binaural", "X", "Pa"))


def test_rows_of_the_rule_are_taken_as_they_are(tmp_path: Path) -> None:
    rows = measure_file(file(tmp_path), task("each", "binaural")).rows
    x = [row for row in rows if row.indicator == "X"]
    assert combine_ears(x, "binaural") == [row for row in x if row.channel == "binaural"]
    assert {row.channel for row in combine_ears(rows, "mean")} == {"mean"}
    assert {row.channel for row in by_rules(rows, ["each"])} == {"left", "right"}
    with pytest.raises(ParameterError, match="no binaural value of Yeq of "):
        combine_ears(rows, "binaural")


def test_rules_of_compute() -> None:
    """Several rules add their rows; alone, the rule needs left and right."""
    ears = Recording(noise(), FS, "here")
    rows = compute(ears, ["NHMeq"], ears="left,binaural")
    assert [row.channel for row in rows] == ["left", "binaural"]
    assert compute(ears, ["NHMeq"], ears=["binaural"]) == rows[1:]
    front = replace(ears, channels=("front", "back"))
    with pytest.raises(ParameterError, match="no binaural value of NHMeq of unknown"):
        compute(front, ["NHMeq"], ears="binaural")


def test_channels_that_are_no_ears_have_none() -> None:
    result = run_together(FakeStage, "X", noise(), FS)
    flags = (Flag(OVERFLOWS, "3 overflows"),)
    ears = of_recording(result, Recording(noise(), FS, "here", flags=flags), "free", ["N"])
    assert ears.binaural is not None
    assert ears.binaural.warnings == ears.warnings == ("3 overflows",)
    microphones = Recording(noise(), FS, "here", channels=("front", "back"))
    assert of_recording(result, microphones, "free", ["N"]).binaural is None


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    """Return the tables of two methods, each with the ears and the binaural value."""
    written = []
    for method, factor in (("A", 1.0), ("B", 1.1)):
        folder = tmp_path / method
        folder.mkdir()
        rows: list[TidyRow] = []
        for number in range(3):
            path = file(folder, f"s{number}.wav", factor * (1.0 + number))
            rows += measure_file(path, task("each", "binaural")).rows
        written.append(tmp_path / f"{method}.csv")
        to_frame(rows).to_csv(written[-1], index=False)
    return written


def test_comparison_takes_the_binaural_value_by_rule(tables: list[Path]) -> None:
    table = read_table(*tables)
    mean = compare_methods(table)
    assert {entry.ears for entry in mean.entries} == {"mean"}
    assert {entry.label for entry in mean.entries} == {"Xeq", "Xmax", "Yeq"}
    x = table[table["indicator"] == "X"]
    binaural = compare_methods(x, rules=Rules(ears="binaural"))
    assert "binaural value by the standard itself" in binaural.ears_in_words
    entry = binaural.entry("Xeq", "A", "B")
    expected = x[(x["channel"] == "binaural") & (x["statistic"] == "eq")]
    assert sorted([*entry.x, *entry.y]) == pytest.approx(sorted(expected["value"]), rel=1e-12)
    every = compare_methods(table, rules=Rules(ears="binaural"))
    assert {one.label for one in every.entries} == {"Xeq", "Xmax"}
    assert "no binaural value, not compared: Yeq" in every.warnings
    y = table[table["indicator"] == "Y"]
    with pytest.raises(RecordError, match=r"Yeq has no binaural value; .*X can have one"):
        compare_methods(y, rules=Rules(ears="binaural"))


def test_binaural_column_of_another_indicator_is_one_value_without_an_ear() -> None:
    """As analysers write it: only where the standard has a binaural value is it such a one."""
    assert channels_of(["Binaural", "L"]) == (["binaural", "left"], [])
    assert [channel_for("binaural", name) for name in ("X", "Y", "N", "unknown")] == [
        "binaural",
        *["single"] * 3,
    ]


def test_ears_count_unless_the_rule_asks_for_the_binaural_value(tables: list[Path]) -> None:
    table = read_table(*tables)
    assert set(of_ears(table, "max")["channel"]) == {"left", "right"}
    x = table[table["indicator"] == "X"]
    assert set(of_ears(x, "binaural")["channel"]) == {"binaural"}
