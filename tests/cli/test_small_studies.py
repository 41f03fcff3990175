"""Studies with too little or odd content: reported with a remark, or refused with the reason."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.cli import main
from soundcal.ratings import ATTRIBUTES

Row = list[str]
Change = Callable[[Row], Row | None]


def answers(people: int = 4, stimuli: tuple[str, ...] = ("S1", "S2"), **names: str) -> list[Row]:
    draw = np.random.default_rng(1)
    rows = [["participant", "condition", "stimulus", "attribute", "value", "seconds"]]
    for person in range(people):
        for condition in ("ocv", "hats"):
            for stimulus in stimuli:
                for attribute in ATTRIBUTES:
                    value = f"{draw.uniform(5, 95):.1f}"
                    row = [f"p{person}", condition, stimulus, attribute, value, "12.5"]
                    rows.append([names.get(cell, cell) for cell in row])
    return rows


def values(stimuli: tuple[str, ...] = ("S1", "S2", "S3")) -> list[Row]:
    draw = np.random.default_rng(2)
    rows = [["condition", "stimulus", "channel", "indicator", "statistic", "value", "unit"]]
    for condition in ("ocv", "hats"):
        for stimulus in stimuli:
            for ear in ("left", "right"):
                value = f"{draw.uniform(50, 70):.2f}"
                rows.append([condition, stimulus, ear, "LA", "eq", value, "dB"])
    return rows


def without(*cells: str) -> Change:
    return lambda row: None if set(cells) <= set(row) else row


def unanswered(*cells: str, value: str = "NA") -> Change:
    def change(row: Row) -> Row:
        where = 4 if len(row) == 6 else 5  # ratings, or values
        return [*row[:where], value, *row[where + 1 :]] if set(cells) <= set(row) else row

    return change


def changed(rows: list[Row], change: Change) -> list[Row]:
    made = [change(row) for row in rows[1:]]
    return [rows[0], *(row for row in made if row is not None)]


LONG = "x" * 3000
RATINGS: dict[str, tuple[list[Row], int, str]] = {
    "attribute in one": (changed(answers(), without("calm", "hats")), 0, "under ocv only: calm"),
    "attribute unanswered in one": (
        changed(answers(), unanswered("calm", "hats")),
        0,
        "attributes with answers under ocv only: calm",
    ),
    "nobody": (changed(answers(), unanswered()), 5, "nobody answered: all 128 values are missing"),
    "nobody in one": (changed(answers(), unanswered("ocv")), 0, "under hats only: S1, S2"),
    "one person": (answers(1), 0, "at least 2 pairs"),
    "one stimulus": (answers(stimuli=("S1",)), 0, ""),
    "one condition": (changed(answers(), without("hats")), 2, "two of ocv are expected"),
    "all alike": (changed(answers(), unanswered(value="50")), 0, ""),
    "header only": (answers()[:1], 5, "the table is empty"),
    "name of a row": (answers(S1="all"), 5, "the name 'all' has a meaning of its own"),
    "name of a column": (answers(ocv="reason"), 5, "the name 'reason' has a meaning of its own"),
    "long names": (answers(S1=LONG), 0, ""),
    "markup": (answers(S1="<b>=1+1", S2="a\nb\x1b[31m"), 0, ""),
}
VALUES: dict[str, tuple[list[Row], int, str]] = {
    "one stimulus": (values(("S1",)), 5, "the only common stimulus is 'S1'"),
    "one condition": (changed(values(), without("hats")), 5, "one condition only (ocv)"),
    "one ear": (changed(values(), without("left")), 5, "no channel 'left'"),
    "nothing": (changed(values(), unanswered()), 5, "no indicator has 2 finite values"),
    "infinite": (
        changed(values(), unanswered("S1", value="-inf")),
        0,
        "without a finite value in either method, left out: S1",
    ),
    "infinite in one": (
        changed(values(), unanswered("S1", "ocv", value="inf")),
        0,
        "with a value in one method only, left out: S1",
    ),
    "a lost point": (
        changed(values(), unanswered("S1", value="6255")),
        0,
        "4 values in dB are above 194 dB",
    ),
    "too large": (changed(values(), unanswered(value="1e308")), 5, "line 2, column value: '1e308'"),
    "no indicator": (
        [[cell if cell != "LA" else "" for cell in row] for row in values()],
        5,
        "line 2: the column indicator is empty",
    ),
    "two spellings": (
        values() + [["OCV", *row[1:]] for row in values() if row[0] == "ocv"],
        0,
        "conditions 'OCV' and 'ocv' count as different",
    ),
    "header only": (values()[:1], 5, "the table is empty"),
    "long names": (values((LONG, "S2", "S3")), 0, ""),
    "markup": (values(("<b>=1+1", "a\nb\x1b[31m", "c")), 0, ""),
}


def no_number(name: str) -> Any:
    raise AssertionError(f"{name} is not JSON")


def run(
    words: str, rows: list[Row], folder: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    with (folder / "t.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    code = main([*words.split(), "--json"])
    out, err = capsys.readouterr()
    if code == 0:
        json.loads(out, parse_constant=no_number)
    assert "\x1b" not in err
    return code, err


@pytest.mark.parametrize("name", RATINGS)
def test_ratings(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows, code, message = RATINGS[name]
    names = ("reason", "hats") if name == "name of a column" else ("ocv", "hats")
    words = f"ratings t.csv --scale 0 100 --conditions {names[0]} {names[1]}"
    found, said = run(f"{words} --report r.html --pdf --out o", rows, tmp_path, capsys)
    assert found == code
    assert message in said


@pytest.mark.parametrize("name", VALUES)
def test_values(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    rows, code, message = VALUES[name]
    words = "compare t.csv --report r.html --pdf --out o"
    found, said = run(words, rows, tmp_path, capsys)
    assert found == code
    assert message in said
