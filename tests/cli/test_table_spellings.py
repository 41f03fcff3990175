"""Every command that reads a table reads the same content in every spelling, with equal results."""

import csv
import io
import json
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.cli import main
from soundcal.files import audio
from soundcal.files.gain_tables import INPUT_COLUMNS
from soundcal.ratings import ATTRIBUTES

Rows = list[list[str]]


def spelled(
    rows: Rows, separator: str = ",", *, decimal: str = ".", end: str = "\n", above: str = ""
) -> str:
    """Rows as text; only cells with a decimal point in a number get another sign."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator=end)
    for row in rows:
        writer.writerow([_with(cell, decimal) for cell in row])
    return above + text.getvalue()


def _with(cell: str, decimal: str) -> str:
    try:
        float(cell)
    except ValueError:
        return cell
    return cell if cell in NAMES else cell.replace(".", decimal)


def quoted(rows: Rows, separator: str) -> str:
    return "".join(separator.join(f'"{cell}"' for cell in row) + "\n" for row in rows)


def invisible(cell: str) -> str:
    """A name as it is copied from a page; numbers get a space that does not break."""
    return f"{cell}\xa0" if not cell or cell[0] in "0123456789" else f"\u200b{cell}\xa0\ufeff"


NAMES = ("01", "02", "2.0")

SPELLINGS: dict[str, Callable[[Rows], bytes]] = {
    "plain": lambda rows: spelled(rows).encode(),
    "byte order mark": lambda rows: spelled(rows).encode("utf-8-sig"),
    "semicolons": lambda rows: spelled(rows, ";", decimal=",", end="\r\n").encode(),
    "sep line": lambda rows: spelled(rows, ";", decimal=",", above="sep=;\n").encode(),
    "quoted decimal commas": lambda rows: spelled(rows, ",", decimal=",").encode(),
    "unicode text": lambda rows: spelled(rows, "\t", decimal=",").encode("utf-16"),
    "big endian": lambda rows: b"\xfe\xff" + spelled(rows, "\t").encode("utf-16-be"),
    "Windows-1252": lambda rows: spelled(rows, ";", decimal=",").encode("cp1252"),
    "old Macintosh": lambda rows: spelled(rows, end="\r").encode(),
    "decomposed": lambda rows: spelled(rows).replace("é", "e\u0301").encode(),
    "blank lines": lambda rows: ("\n" + spelled(rows, end="\n\n")).encode(),
    "byte order mark twice": lambda rows: b"\xef\xbb\xbf" + spelled(rows).encode("utf-8-sig"),
    "all quoted": lambda rows: quoted(rows, ",").encode(),
    "spaces after commas": lambda rows: quoted(rows, ", ").encode(),
    "quoted, tabs, empty columns": lambda rows: quoted([[*row, ""] for row in rows], "\t").encode(),
    "stated tabs": lambda rows: spelled(rows, "\t", above='"sep=\t"\n').encode(),
    "stated bars": lambda rows: spelled(rows, "|", decimal=",", above="sep=|\n").encode("utf-16"),
    "invisible": lambda rows: spelled([[invisible(cell) for cell in row] for row in rows]).encode(),
    "empty columns": lambda rows: spelled([[*row, "", ""] for row in rows]).encode(),
}

PEOPLE = ("01", "02", "NA", "André")


def answers() -> Rows:
    draw = np.random.default_rng(1)
    rows = [["participant", "condition", "stimulus", "attribute", "value", "seconds"]]
    for person in PEOPLE:
        for condition in ("2.0", "café"):
            for stimulus in ("001", "Straße"):
                for attribute in ATTRIBUTES:
                    value = f"{draw.uniform(20, 80):.1f}" if person != "02" else "50.5"
                    rows.append([person, condition, stimulus, attribute, value, "12.25"])
    rows[5][4] = "NA"
    rows[9][4] = ""
    return rows


def wide() -> Rows:
    draw = np.random.default_rng(2)
    rows = [["who", "session", "sound", "x", *(f"slider_{a}" for a in ATTRIBUTES)]]
    for person in PEOPLE:
        for session in ("001", "002"):
            rows.append(["", "", "", "", *[""] * 8])
            for sound in ("1", "café"):
                values = [f"{v:.2f}" for v in draw.uniform(10, 90, 8)]
                rows.append([person, session, sound, "é", *values])
    return rows


MAPPING = (
    '[scale]\nlow = 0\nhigh = 100\n[columns]\nparticipant = "who"\ncondition = "session"\n'
    'stimulus = "sound"\n[wide]\n'
    + "".join(f'{a} = "slider_{a}"\n' for a in ATTRIBUTES)
    + '[conditions]\n"001" = "2.0"\n"002" = "café"\n[stimuli]\n1 = "001"\n[keep]\nx = ["é"]\n'
)

GUI = [[str(n), *(f"{30 + 2.5 * n + i}" for i in range(8)), "1", "12.5"] for n in (1, 2, 3)]


def indicators() -> Rows:
    draw = np.random.default_rng(3)
    rows = [["condition", "stimulus", "channel", "indicator", "statistic", "value", "unit", "u"]]
    for condition in ("2.0", "café"):
        for stimulus in ("001", "01", "1", "NA", "Straße"):
            for ear in ("left", "right"):
                value = f"{draw.uniform(60, 70):.2f}"
                rows.append([condition, stimulus, ear, "LA", "eq", value, "dB", "0.15"])
    rows[3][5] = "NA"
    return rows


def of_ears() -> Rows:
    """The indicators as people have them, a row per recording and condition."""
    tidy = indicators()[1:]
    rows = [["Sound", "Condition", "LAeq left [dB]", "LAeq right [dB]", "x"]]
    for left, right in zip(tidy[::2], tidy[1::2], strict=True):
        rows.append([left[1], left[0], left[5], right[5], "é"])
    return rows


TRACKS = [list(INPUT_COLUMNS), ["Straße.wav", "60.5", "0.25", "0.01", "2.0", "10", "10"]]

EXCLUSIONS = [["participant", "reason", "condition"], ["André", "left early, unwell", "café"]]

RATINGS = ["--scale", "0", "100", "--conditions", "2.0", "café"]
EARS = "calibrate --simulate --fs 8000 --insertions 1 -o ears.json"
HATS = "calibrate --method hats --simulate --ears-calibration ears.json --force"
COMMANDS: dict[str, tuple[Rows, list[str]]] = {
    "ratings": (answers(), ["ratings", "FILE", *RATINGS]),
    "mapped": (wide(), ["ratings", "FILE", "--mapping", "map.toml", "--conditions", "2.0", "café"]),
    "gui": (
        GUI,
        ["ratings", "--gui", "01:ocv:FILE", "--gui", "NA:hats:FILE", "--stimuli", "ids.txt"],
    ),
    "exclusions": (EXCLUSIONS, ["ratings", "answers.csv", *RATINGS, "--exclude", "FILE"]),
    "compare": (indicators(), ["compare", "FILE"]),
    "compare wide": (of_ears(), ["compare", "FILE"]),
    "tracks": (TRACKS, [*HATS.split(), "--fs", "8000", "--tracks", "FILE"]),
}


def result(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> tuple[Any, str]:
    assert main([*arguments, "--json"]) == 0
    out, err = capsys.readouterr()
    content = json.loads(out)
    if "ratings" in content:
        for key in ("sources", "notes"):
            del content["ratings"][key]
    content.pop("warnings", None)
    if "calibration" in content:
        content = content["calibration"]["details"]["stimuli"]
    return content, err


FEW = ("plain", "semicolons", "unicode text", "Windows-1252", "invisible")
"""For the lists that belong to answers, which are read as all tables are."""


@pytest.mark.parametrize(
    ("command", "spellings"),
    [
        *((command, SPELLINGS) for command in ("ratings", "mapped", "tracks")),
        *((command, SPELLINGS) for command in ("compare", "compare wide")),
        *((command, FEW) for command in ("gui", "exclusions")),
        *(
            pytest.param(command, SPELLINGS, marks=pytest.mark.long)
            for command in ("gui", "exclusions")
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{len(value)} spellings",
)
def test_spellings_do_not_change_results(
    command: str,
    spellings: Collection[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "map.toml").write_text(MAPPING, encoding="utf-8-sig")
    (tmp_path / "ids.txt").write_text("01\nStraße\nNA\n", encoding="utf-16")
    (tmp_path / "answers.csv").write_text(spelled(answers()), encoding="utf-8")
    noise = np.random.default_rng(4).normal(0.0, 0.05, (1, 8000))
    audio.write(tmp_path / "Straße.wav", noise, 8000)
    assert main(EARS.split()) == 0
    capsys.readouterr()
    rows, arguments = COMMANDS[command]
    results = {}
    for name in spellings:
        (tmp_path / "table.csv").write_bytes(SPELLINGS[name](rows))
        given = [word.replace("FILE", "table.csv") for word in arguments]
        results[name], said = result(capsys, given)
        foreign = name == "Windows-1252" and command != "gui"
        assert ("read as Windows-1252" in said) == foreign
        assert results[name] == results["plain"], name


def test_names_stay_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "t.csv"
    path.write_text(spelled(answers()), encoding="utf-8")
    found, _ = result(capsys, ["ratings", str(path), *RATINGS])
    assert found["ratings"]["conditions"] == ["2.0", "café"]
    assert found["ratings"]["stimuli"] == ["001", "Straße"]
    assert found["ratings"]["participants"] == len(PEOPLE)
    assert found["quality"]["counts"]["missing"] == 2
    path.write_text(spelled(indicators()), encoding="utf-8")
    found, said = result(capsys, ["compare", str(path)])
    assert found["agreement"][0]["n"] == 4
    assert "left out: 01" in said


TABS = str.maketrans(",;", "\t,")
BROKEN: dict[str, tuple[Callable[[str], str], str]] = {
    "text": (lambda text: text.replace(",eq,6", ",eq,about 6", 1), "line 2, column value: 'about"),
    "thousands between tabs": (
        lambda text: re.sub(
            r"eq,6[0-3]\.[0-9]+", "eq,1;234", re.sub(r"eq,6[4-9][.0-9]+", "eq,850", text)
        ).translate(TABS),
        "column value: the comma in '1,234' may be a decimal comma or separate thousands",
    ),
    "quoted thousands between commas": (
        lambda text: re.sub(r"eq,([0-9]+)\.[0-9]+", r'eq,"\1,234"', text),
        "line 2, column value: the comma in '6[0-9],234' may be a decimal comma or separate thous",
    ),
    "points of thousands": (
        lambda text: re.sub(
            r"eq,6[0-3]\.", "eq,1.2", re.sub(r"eq,6[4-9][.0-9]+", "eq,850", text)
        ).replace(",", ";"),
        "column value: the point in '1.[0-9]{3}' may be a decimal point or separate thousands",
    ),
    "points and a comma elsewhere": (
        lambda text: (
            re.sub(r"eq,([0-9.]+)", r"eq,\g<1>1", text).replace(",", ";").replace("0.15", "0,15")
        ),
        "the point in '6[0-9.]+' may be a decimal point",
    ),
    "a date": (lambda text: text.replace("eq,6", "eq,03. Mai 6", 1), "line 2, column value: '03"),
    "a unit": (lambda text: text.replace(",dB", " dB,dB", 1), "line 2, column value: '6.* dB' is"),
    "header twice": (lambda text: text + text, "line 22, column value: 'value' is not a number"),
    "capitals": (lambda text: text.replace("stimulus", "Stimulus"), "no column stimulus.*Stimulus"),
    "thousands": (
        lambda text: re.sub(r"eq,[0-9.]+", 'eq,"1,234"', text),
        "line 2, column value: .*thousands",
    ),
    "no stimulus": (lambda text: text.replace("café,NA", "café,", 1), "line 18: .*stimulus is emp"),
    "cut": (lambda text: text + '"', "unexpected end"),
    "more cells": (lambda text: text.replace("0.15", "0,15"), "line 2: 9 columns"),
    "no column": (lambda text: text.replace("unit", "dB", 1), "no column unit; .*found condition,"),
    "two": (lambda text: text.replace("unit", "value", 1), "no column unit"),
    "ambiguous": (lambda text: "a,b;c\n1,2;3\n", "separated by semicolons or by commas"),
    "headless": (lambda text: text.split("\n")[1], "the table is empty"),
    "binary": (lambda text: "\0".join(text), "UTF-16 without a byte order mark"),
    "packed": (lambda text: "PK\3\4" + text, "a workbook"),
    "million columns": (lambda text: ",".join(map(str, range(10**6))), "line 1: too large"),
    "million cells": (lambda text: text + "," * 6 + "x\n" + "x,,,,,,,\n" * 600_000, "too large"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_errors_name_the_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage, message = BROKEN[name]
    path = tmp_path / "t.csv"
    path.write_text(damage(spelled(indicators())), encoding="utf-8")
    assert main(["compare", str(path)]) == 5
    assert re.search(message, capsys.readouterr().err)


def test_three_decimals_everywhere_are_decimals(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = indicators()
    for row in rows[1:]:
        row[5] = f"{row[5]}1" if row[5] != "NA" else "NA"
    plain = None
    for text in (spelled(rows), spelled(rows, ";"), spelled(rows, ";", decimal=",")):
        (tmp_path / "t.csv").write_text(text, encoding="utf-8")
        found, _ = result(capsys, ["compare", str(tmp_path / "t.csv")])
        assert found == (plain or found)
        plain = found


@pytest.mark.parametrize("separator", [";", "\t", "|"])
def test_three_decimals_after_a_comma_are_noted(
    separator: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = indicators()
    for row in rows[1:]:
        row[5], row[7] = (f"{row[5]}1" if row[5] != "NA" else "NA"), "1.125"
    path = tmp_path / "t.csv"
    path.write_text(spelled(rows), encoding="utf-8")
    plain, said = result(capsys, ["compare", str(path)])
    assert "comma" not in said
    above = "sep=|\n" if separator == "|" else ""
    path.write_text(spelled(rows, separator, decimal=",", above=above), encoding="utf-16")
    found, said = result(capsys, ["compare", str(path)])
    assert found == plain
    first = rows[1][5]
    line = 3 if above else 2
    assert (
        f"{path}: line {line}, column value: the comma in {first.replace('.', ',')!r}, and in 18 "
        f"others, is read as a decimal comma ({first}); if it separates thousands, write the "
        "numbers without it"
    ) in said


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("eq,6[0-9.]+,dB", "eq,-999,dB", "-999 dB (condition 2.0, stimulus 001)"),
        ("eq,6[0-9.]+,dB", "eq,-99,sone", "-99 sone (condition 2.0, stimulus 001)"),
        ("eq,6[0-9.]+,dB", "eq,-31.5,dB", ""),
        ("eq,6[0-9.]+,dB", "eq,-inf,dB", ""),
    ],
)
def test_a_code_for_missing_values_is_noted(
    old: str, new: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = spelled(indicators())
    if "sone" in new:  # both ears of all stimuli
        text = text.replace(",dB,", ",sone,")
        old = old.replace("dB", "sone")
    (tmp_path / "t.csv").write_text(re.sub(old, new, text, count=1), encoding="utf-8")
    _, said = result(capsys, ["compare", str(tmp_path / "t.csv")])
    note = f"1 values are too low for any sound; the first is {told}; if that stands for a missing"
    assert (note in said) == bool(told)
    assert ("too low" in said) == bool(told)


def test_answers_that_contradict_the_scale_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text(spelled(answers()), encoding="utf-8")
    asked = "is it the scale that was shown?"
    _, said = result(capsys, ["ratings", str(path), *RATINGS])
    assert asked not in said
    _, said = result(capsys, ["ratings", str(path), "--scale", "0", "1000", *RATINGS[3:]])
    assert "the scale is stated as 0 to 1000" in said
    assert asked in said
    rows = answers()
    rows[3][4] = "-99"
    path.write_text(spelled(rows), encoding="utf-8")
    assert main(["ratings", str(path), *RATINGS]) == 2
    assert (
        "1 answer lies outside the scale from 0 to 100, the first is -99 (participant 01, "
        f"condition 2.0, stimulus 001, attribute {rows[3][3]})"
    ) in capsys.readouterr().err


def test_what_is_missing_or_alike_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "t.csv"
    rows = answers()
    rows[7] = rows[7][:3]
    path.write_text(spelled(rows).replace("12.25\n", "12.25\n", 1), encoding="utf-8")
    assert main(["ratings", str(path), *RATINGS]) == 5  # without an attribute
    assert "line 8: the column attribute is empty" in capsys.readouterr().err
    rows = answers()
    rows[7] = rows[7][:4]
    rows[2][0] = "01\u200b1"
    rows[3][0] = "na"
    path.write_text(spelled(rows), encoding="utf-8")
    _, said = result(capsys, ["ratings", str(path), *RATINGS])
    assert f"{path}: line 8: fewer cells than columns; the missing ones are empty" in said
    assert "'NA' and 'na' (2.0) count as different" in said


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("01\n\nNA\n", "line 2: empty"),
        ("01\n02\n01\n", "line 3: the id of line 1"),
        ("01;\n02;\n03;\n", "line 1: '01;'"),
        ("stimulus\n01\nStraße\nNA\n", "NA never occurs in the files of --gui"),
    ],
)
def test_a_list_of_stimuli_is_not_shifted(
    lines: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "gui.csv").write_text(spelled(GUI))
    (tmp_path / "ids.txt").write_text(lines, encoding="utf-8")
    words = [
        f"--gui={who}:{name}:{tmp_path}/gui.csv" for who, name in (("1", "ocv"), ("2", "hats"))
    ]
    code = main(["ratings", *words, "--stimuli", str(tmp_path / "ids.txt")])
    assert code == (0 if "never" in message else 5)
    assert message in capsys.readouterr().err
