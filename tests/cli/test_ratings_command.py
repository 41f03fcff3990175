"""``soundcal ratings`` from files to tables and report."""

import html
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from ratings_data import GUI, MAPPING, WEBMUSHRA, study

from soundcal.cli import main
from soundcal.ratings import ATTRIBUTES, analyse_ratings, make_ratings
from soundcal.report import ratings_document, write_document


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "ratings.csv"
    study().table.to_csv(path, index=False)
    return path


def test_tables_and_json(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exclusions = tmp_path / "exclusions.csv"
    exclusions.write_text("participant,reason\np00,fell asleep\n")
    out = tmp_path / "out"
    arguments = ["ratings", str(table), "--scale", "0", "100", "--exclude", str(exclusions)]
    assert main([*arguments, "--out", str(out), "--json", "--shortest", "20"]) == 0
    said = capsys.readouterr()
    content = json.loads(said.out)
    assert content["schema"] == "soundcal/ratings/1"
    assert content["comparison"]["direction"] == "ocv - hats"
    differing = sum(row["p_adjusted"] < 0.05 for row in content["comparison"]["cells"])
    assert differing > 0
    assert f"{differing} of 32 cells differ" in said.err
    assert "1 exclusion\n" in said.err
    cells = pd.read_csv(out / "ratings_cells.csv")
    assert len(cells) == 32
    assert cells["n_pairs"].eq(18).all()
    about = json.loads((out / "ratings.json").read_text())
    assert about["schema"] == "soundcal/ratings/1"
    assert about["ratings"]["excluded"][0]["reason"] == "fell asleep"
    assert {path.name for path in out.iterdir()} == {"ratings.json", *about["tables"].values()}
    assert {"points", "pairs", "plane", "quadrants", "medians", "categories"} <= {*about["tables"]}
    # nothing is overwritten unasked, and nothing half-written
    (out / "ratings_cells.csv").unlink()
    assert main([*arguments, "--out", str(out)]) == 5
    assert not (out / "ratings_cells.csv").exists()
    assert main([*arguments, "--out", str(out), "--force"]) == 0


def test_files_of_the_listening_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["ratings", "--conditions", "a", "b", "--json"]
    for person in ("p1", "p2", "p3"):
        for condition in ("a", "b"):
            path = tmp_path / f"{person}{condition}.csv"
            path.write_text(GUI)
            arguments += ["--gui", f"{person}:{condition}:{path}"]
    ids = tmp_path / "ids.txt"
    ids.write_text("\n".join(f"X{i}" for i in range(1, 28)))
    assert main([*arguments, "--stimuli", str(ids)]) == 0
    said = capsys.readouterr()
    assert "X20" in json.loads(said.out)["ratings"]["stimuli"]
    assert "data quality: missing: 48" in said.err


def test_mapping_and_mixed_model(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ratings = study(both=6, only_ocv=0, only_hats=0, stimuli=1)
    ratings.table.to_csv(table, index=False)
    mapping = tmp_path / "mapping.toml"
    columns = ("participant", "condition", "stimulus", "attribute", "value")
    lines = [f'{name} = "{name}"' for name in columns]
    mapping.write_text("\n".join(["[scale]", "low = 0", "high = 100", "[columns]", *lines]))
    assert main(["ratings", str(table), "--mapping", str(mapping), "--mixed", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert len(content["mixed"]["cells"]) == 8


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "give a table"),
        (["{table}"], 2, "--scale LOW HIGH"),
        (["{table}", "--scale", "0", "10"], 2, "outside the scale"),
        (["{table}", "--scale", "0", "100", "--conditions", "a", "b"], 2, "two of ocv, hats"),
        (["absent.csv", "--scale", "0", "100"], 5, "no such file"),
        (["--gui", "p1:file.csv"], 2, "PARTICIPANT:CONDITION:FILE"),
        (["--gui", "p1:a:{mushra}"], 5, "11 columns"),
        (["--gui", "p1:a:{gui}", "--stimuli", "absent.txt"], 5, "absent.txt: no such file"),
        (["{mushra}", "--mapping", "{mapping}", "--mixed"], 2, "one condition only, hats"),
        (["{mushra}"], 5, "for a table of another program, a mapping file"),
    ],
)
def test_bad_input(
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    files = {"table": table}
    for name, text in (("mushra", WEBMUSHRA), ("mapping", MAPPING), ("gui", GUI)):
        files[name] = tmp_path / name
        files[name].write_text(text)
    assert main(["ratings", *(text.format(**files) for text in arguments)]) == code
    assert message in capsys.readouterr().err


def test_report(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    exclusions = tmp_path / "exclusions.csv"
    exclusions.write_text("participant,reason\np00,fell <asleep>\n")
    page = tmp_path / "ratings.html"
    arguments = ["ratings", str(table), "--scale", "0", "100", "--exclude", str(exclusions)]
    arguments += [
        "--report",
        str(page),
        "--pdf",
        "--figures",
        "svg",
        "--mixed",
        "--title",
        "Two ways of playback",
    ]
    assert main(arguments) == 0
    assert str(page.with_suffix(".pdf")) in capsys.readouterr().err
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg") == 4
    for part in (
        "Two ways of playback",
        "18 participants rated under both conditions, 13 only under ocv, 2 only under hats",
        "all: fell &lt;asleep&gt;",
        "Hotelling",
        "32 cells differ",
        "partially overlapping samples t-test T_new2 (Derrick et al. 2017)",
        "method A",
        "linear mixed model",
        "Purple: ocv is rated higher",
    ):
        assert part in text, part
    assert page.with_suffix(".pdf").read_bytes().startswith(b"%PDF")
    assert {path.name for path in (tmp_path / "ratings_figures").iterdir()} == {
        "circumplex-stimuli.svg",
        "circumplex.svg",
        "difference-map.svg",
        "likert.svg",
    }
    # nothing is overwritten unasked
    before = page.read_bytes()
    page.with_suffix(".pdf").unlink()
    assert main(arguments) == 5
    assert not page.with_suffix(".pdf").exists()
    assert main([*arguments, "--force"]) == 0
    assert page.read_bytes() == before
    assert main(["ratings", str(table), "--scale", "0", "100", "--pdf"]) == 2


def test_the_test_of_the_study_is_marked_wherever_it_shows(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "paper.html"
    command = ["ratings", str(table), "--scale", "0", "100", "--paper", "--report", str(page)]
    assert main(command) == 0
    shown = capsys.readouterr()
    assert "cells differ at 5 % after adjustment (bonferroni, by the study's test" in shown.err
    assert "74 % of studies" in shown.err
    text = html.unescape(page.read_text(encoding="utf-8"))
    # headline, smallest difference, caption of the picture, captions of both tables
    assert text.count("by the study's test, which rejects too often") == 5
    assert "stars by the study's liberal test" in text


@pytest.mark.parametrize("attributes", [("pleasant", "loud"), ATTRIBUTES])
def test_report_of_few_participants_and_attributes(
    tmp_path: Path, attributes: tuple[str, ...]
) -> None:
    ratings = study(both=3, only_ocv=0, only_hats=0, stimuli=1)
    table = ratings.table.assign(attribute=ratings.table["attribute"].replace("annoying", "loud"))
    if attributes == ATTRIBUTES:
        table = ratings.table
    ratings = make_ratings(table[table["attribute"].isin(attributes)], scale=(0, 100))
    analysis = analyse_ratings(ratings, "ocv", "hats")
    document = ratings_document(analysis)
    names = {section.name for section in document.sections}
    assert ("plane" in names) == (attributes == ATTRIBUTES)
    assert len(document.pictures()) == (4 if attributes == ATTRIBUTES else 2)
    assert write_document(document, tmp_path / "r.html") == [tmp_path / "r.html"]
    cells = next(table for table in document.tables() if table.name == "cells")
    assert [row[1] for row in cells.rows] == list(ratings.attributes)
    assert cells.rows[0][5] == analysis.comparison.cells["estimate"].iloc[0]


def test_report_without_anybody_under_both_conditions(tmp_path: Path) -> None:
    ratings = study(both=0, only_ocv=6, only_hats=5, stimuli=2)
    ratings.table.to_csv(tmp_path / "r.csv", index=False)
    page = tmp_path / "r.html"
    arguments = ["ratings", str(tmp_path / "r.csv"), "--scale", "0", "100", "--report", str(page)]
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    text = page.read_text(encoding="utf-8")
    assert "Nobody rated under both conditions" in text
    assert not re.search(r"\bnan\b", text)
    assert pd.read_csv(tmp_path / "out" / "ratings_plane.csv").empty


def test_one_condition_is_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = study(both=3, only_ocv=0, only_hats=0).table
    path, page = tmp_path / "answers.csv", tmp_path / "r.html"
    hats = table[table["condition"] == "hats"].reset_index(drop=True)
    hats.loc[0, "value"] = np.nan
    hats.to_csv(path, index=False)
    arguments = ["ratings", str(path), "--scale", "0", "100", "--report", str(page)]
    assert main([*arguments, "--out", str(tmp_path / "out"), "--json"]) == 0
    out, said = capsys.readouterr()
    assert "the answers under hats are described, and not compared" in said
    trials = len(hats.drop_duplicates(["participant", "stimulus"]))
    unusable = f"trials without all eight answers, which the plane cannot show: hats 1 of {trials}"
    assert unusable in said
    assert "comparison" not in json.loads(out)
    text = page.read_text(encoding="utf-8")
    assert f"Not drawn: {unusable}" in text
    assert "Differences by stimulus" not in text
    points = pd.read_csv(tmp_path / "out" / "ratings_points.csv")
    assert len(points) == trials - 1


def test_two_conditions_need_no_option_and_three_are_asked_for_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "answers.csv"
    table = study(both=6, only_ocv=0, only_hats=0).table
    named = table.assign(condition=table["condition"].map({"ocv": "in the field", "hats": "lab"}))
    named.to_csv(path, index=False)
    first, second = named["condition"].unique()
    assert main(["ratings", str(path), "--scale", "0", "100", "--json"]) == 0
    out, said = capsys.readouterr()
    assert f"note: differences are {first} - {second}, as the conditions follow" in said
    assert json.loads(out)["comparison"]["first"] == first
    pd.concat([table, named]).to_csv(path, index=False)
    assert main(["ratings", str(path)]) == 2
    said = capsys.readouterr().err
    assert "--scale LOW HIGH is needed" in said
    command = said.split("add: ")[1].split(" (and")[0]
    assert main(["ratings", str(path), *shlex.split(command)]) == 0
    assert main(["ratings", str(path), "--scale", "0", "100"]) == 2
    assert "for example --conditions " in capsys.readouterr().err


def test_remarks_on_many_files_are_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = "participant,condition,stimulus,attribute,value,é\n"
    for person in range(9):
        answers = "".join(f"p{person},{c},s{s},calm,{s}\n" for c in ("ocv", "hats") for s in (1, 2))
        (tmp_path / f"{person}.csv").write_text(rows + answers, encoding="cp1252")
    files = sorted(str(path) for path in tmp_path.glob("*.csv"))
    assert main(["ratings", *files, "--scale", "0", "9"]) == 0
    said = capsys.readouterr().err
    assert said.count("read as Windows-1252") == 1
    assert f"{files[5]} and 3 more: not UTF-8" in said


def test_no_difference_beyond_the_scale_is_called_detectable(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "answers.csv"
    study(both=2, only_ocv=0, only_hats=0).table.to_csv(path, index=False)
    assert main(["ratings", str(path), "--scale", "0", "100"]) == 0
    said = capsys.readouterr().err
    assert "not even a true difference of the whole scale would have been found in 80 %" in said
    study(both=12, only_ocv=0, only_hats=0).table.to_csv(path, index=False)
    assert main(["ratings", str(path), "--scale", "0", "100"]) == 0
    assert "in a typical cell (" in capsys.readouterr().err


def test_a_scale_beside_a_mapping_is_said_to_be_unused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table, mapping = tmp_path / "mushra.csv", tmp_path / "mapping.toml"
    table.write_text(WEBMUSHRA)
    mapping.write_text(MAPPING)
    arguments = ["ratings", str(table), "--mapping", str(mapping)]
    for more, said in (
        ([], set()),
        (["--scale", "0", "10"], {"--scale"}),
        (["--language", "eng"], {"--language"}),
    ):
        main([*arguments, *more])
        notes = capsys.readouterr().err.splitlines()
        assert {line.split()[1] for line in notes if "is not used" in line} == said
