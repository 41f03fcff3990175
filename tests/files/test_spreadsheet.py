"""Texts that a spreadsheet would execute, in every table that soundcal writes."""

import csv
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soundcal.cli import main
from soundcal.files import audio
from soundcal.files.spreadsheet import for_cell, for_cells, from_cell

FORMULAS = ["=1+1", "+1+1", "-1+cmd|' /C calc'!A0", "@SUM(1)", "\t=1", "\r=1", "-", "'=1"]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_becomes_a_text_and_back(text: str) -> None:
    assert for_cell(text) == f"'{text}"
    assert from_cell(f"'{text}") == text


@given(st.text() | st.text("'=+-@\t\r\n1e.", max_size=6))
def test_every_text_is_read_as_it_was(text: str) -> None:
    written = str(for_cell(text))
    assert from_cell(written) == text
    if written[:1] in tuple("=+-@\t\r\n"):
        float(written)  # only numbers may begin so


@given(st.floats() | st.integers())
def test_numbers_are_untouched(number: float) -> None:
    assert for_cell(number) is number
    assert for_cell(str(number)) == str(number)


def test_a_table_keeps_its_numbers_and_names() -> None:
    table = pd.DataFrame({"=name": ["-a", "b", None], "value": [-1.5, math.nan, -0.0]})
    written = for_cells(table)
    assert list(written) == ["'=name", "value"]
    assert list(written["'=name"])[:2] == ["'-a", "b"]
    pd.testing.assert_series_equal(written["value"], table["value"])


def test_the_table_of_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    noise = np.random.default_rng(1).normal(0.0, 1e-6, (1, 8000))
    audio.write("=1+1.wav", noise, 8000, subtype="FLOAT")
    words = "measure =1+1.wav --sensitivity 1 --indicators LAeq --out t.csv"
    assert main(words.split()) == 0
    with open("t.csv", newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert row["recording"] == "'=1+1.wav"
    assert float(row["value"]) < 0.0  # a negative level stays a number
