"""``soundcal relate`` from files to words, tables and a page."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from relation_data import Made, make_study

import soundcal
from soundcal.calibration.model import Chain, Link, new_calibration
from soundcal.cli import main
from soundcal.files import audio
from soundcal.files.records import write_json
from soundcal.relation import relate
from soundcal.report import figures, relation_document, relation_summary
from soundcal.report.html import render_html

QUICK = ["--permutations", "199"]


@pytest.fixture(scope="module")
def made() -> Made:
    return make_study(planted={"pleasant": 0.95}, clipped=True)


@pytest.fixture
def files(made: Made, tmp_path: Path) -> tuple[Path, Path]:
    """A report's folder with the table of differences, and a table of ratings."""
    study = tmp_path / "study"
    study.mkdir()
    made.differences.to_csv(study / "differences.csv", index=False)
    ratings = tmp_path / "ratings.csv"
    made.ratings.table.to_csv(ratings, index=False)
    return study, ratings


def tidy(made: Made) -> pd.DataFrame:
    sides = [
        made.differences.assign(
            condition=name, value=made.differences[f"{side}_value"], channel="mono"
        )
        for name, side in (("ocv", "first"), ("hats", "second"))
    ]
    table = pd.concat(sides)
    return table[["condition", "stimulus", "channel", "indicator", "statistic", "value", "unit"]]


def test_words_tables_page_and_json(
    files: tuple[Path, Path], made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    arguments = ["relate", *map(str, files), "--scale", "0", "100", *QUICK, "--out", str(out)]
    assert main([*arguments, "--json", "--pdf", "--figures", "svg"]) == 0
    said = capsys.readouterr()
    content = json.loads(said.out)
    assert content["schema"] == "soundcal/relation/1"
    expected = relate(made.differences, made.ratings, ("ocv", "hats"), permutations=199)
    assert [row["pearson"] for row in content["pairs"]] == pytest.approx(
        list(expected.pairs["pearson"])
    )
    for line in relation_summary(expected):
        assert line.split(";")[0] in said.err
    assert "pleasant: clear correspondence, most with I0" in said.err
    assert "eventful: no correlation is shown" in said.err
    written = {path.name for path in out.iterdir()}
    assert {"relation.html", "relation.pdf", "relation.json", "figures"} <= written
    pairs = pd.read_csv(out / "relation_pairs.csv")
    np.testing.assert_allclose(pairs["slope"], expected.pairs["slope"])
    assert len(pd.read_csv(out / "relation_ratings.csv")) == 27 * 3
    assert {p.name for p in (out / "figures").iterdir()} == {
        "correlation-map.svg",
        "difference-scatter.svg",
    }
    # nothing is overwritten unasked
    assert main(arguments) == 5
    assert main([*arguments, "--force"]) == 0


def test_a_study_can_be_given_as_tables(
    files: tuple[Path, Path], made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, ratings = files
    table = tmp_path / "indicators.csv"
    tidy(made).to_csv(table, index=False)
    slopes = []
    rest = ["--scale", "0", "100", *QUICK, "--json", "--methods", "ocv", "hats"]
    for paths in (
        [str(study), str(ratings)],
        [str(study / "differences.csv"), str(ratings)],
        [str(table), str(ratings)],
        [str(table), "--ratings", str(ratings)],
    ):
        assert main(["relate", *paths, *rest]) == 0
        pairs = json.loads(capsys.readouterr().out)["pairs"]
        slopes.append([row["slope"] for row in pairs])
    for other in slopes[1:]:
        assert other == pytest.approx(slopes[0])
    # the error of one calibration is common to all stimuli, that of two is not
    several = tidy(made)
    several["calibration"] = np.where(several["stimulus"] < "S10", "monday", several["condition"])
    several.to_csv(table, index=False)
    assert main(["relate", str(table), str(ratings), *rest]) == 0
    assert "ocv: 2 calibrations; their errors differ between the stimuli" in capsys.readouterr().err


def test_indicators_are_chosen_from_every_form_of_a_study(
    files: tuple[Path, Path], made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study, ratings = files
    table = tmp_path / "indicators.csv"
    tidy(made).to_csv(table, index=False)
    labels = list(dict.fromkeys(made.differences["indicator"] + made.differences["statistic"]))
    asked = ["--scale", "0", "100", *QUICK, "--json", "--methods", "ocv", "hats", "--indicators"]
    for path in (study, study / "differences.csv", table):
        arguments = ["relate", str(path), str(ratings), *asked]
        assert main([*arguments, f"{labels[2]}, {labels[0]}"]) == 0
        pairs = json.loads(capsys.readouterr().out)["pairs"]
        assert {row["label"] for row in pairs} == {labels[0], labels[2]}
        assert main([*arguments, f"{labels[0]},R5"]) == 2
        assert f"no R5 among the indicators: {labels[0]}" in capsys.readouterr().err
        assert main([*arguments, "loudnes"]) == 2
        assert "no indicator 'loudnes'" in capsys.readouterr().err


def test_conditions_of_other_names_are_matched(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    study, ratings = files
    table = pd.read_csv(ratings)
    table["condition"] = table["condition"].map({"ocv": "A", "hats": "B"})
    table.to_csv(ratings, index=False)
    arguments = ["relate", str(study), str(ratings), "--scale", "0", "100", *QUICK]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert "the study compares ocv and hats, the ratings have A, B" in said
    assert "--conditions" in said
    assert main([*arguments, "--conditions", "A", "B", "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["methods"] == ["ocv", "hats"]
    assert content["conditions"] == ["A", "B"]
    assert main([*arguments, "--methods", "hats", "ocv", "--conditions", "B", "A", "--json"]) == 0
    other = json.loads(capsys.readouterr().out)
    assert [row["slope"] for row in other["pairs"]] == pytest.approx(
        [row["slope"] for row in content["pairs"]]
    )


def test_one_of_several_combinations_is_chosen(
    files: tuple[Path, Path], made: Made, capsys: pytest.CaptureFixture[str]
) -> None:
    study, ratings = files
    other = made.differences.assign(first_value=made.differences["second_value"] + 1.0)
    table = pd.concat([made.differences.assign(combination="a"), other.assign(combination="b")])
    table.to_csv(study / "differences.csv", index=False)
    arguments = ["relate", str(study), str(ratings), "--scale", "0", "100", *QUICK]
    assert main(arguments) == 2
    assert "combinations a, b" in capsys.readouterr().err
    assert main([*arguments, "--combination", "c"]) == 2
    assert "the study has a, b" in capsys.readouterr().err
    assert main([*arguments, "--combination", "a"]) == 0


def test_uncertainties_and_attributes(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["relate", *map(str, files), "--scale", "0", "100", *QUICK, "--json"]
    assert main([*arguments, "--u", "I0=0.5", "--attributes", "pleasant"]) == 0
    pairs = json.loads(capsys.readouterr().out)["pairs"]
    assert {row["outcome"] for row in pairs} == {"pleasant"}
    assert [row["u"] for row in pairs] == [0.5, 0.0, 0.0, 0.0]
    with pytest.raises(SystemExit, match="2"):
        main([*arguments, "--u", "I0"])
    assert "LABEL=VALUE" in capsys.readouterr().err
    assert main([*arguments, "--pdf"]) == 2
    assert main(["relate", str(files[1]), "--scale", "0", "100"]) == 2
    assert "STUDY and RATINGS are expected" in capsys.readouterr().err


def test_the_page_shows_every_cell_and_marks_those_that_are_shown(made: Made) -> None:
    relation = relate(made.differences, made.ratings, ("ocv", "hats"), permutations=199)
    document = relation_document(relation)
    sizes = {table.name: len(table.rows) for table in document.tables()}
    assert sizes == {
        "relation": 3,
        "relation-pairs": 12,
        "relation-answers": 12,
        "relation-ratings": 81,
    }
    page = render_html(document)
    for line in relation_summary(relation):
        assert line.split(";")[0].replace("<", "&lt;") in page
    drawn = figures.correlation_map(
        relation.heatmap(), relation.heatmap("pearson_p") <= relation.level
    )
    axes = drawn.axes[0]
    shown = int((relation.pairs["pearson_p"] <= 0.05).sum())
    assert 0 < shown < 12
    assert len(axes.patches) == shown
    # readable without colours: the signed value of each cell is printed
    printed = [text.get_text().replace("−", "-") for text in axes.texts]
    assert [float(t) for t in printed] == pytest.approx(list(relation.pairs["pearson"]), abs=0.0051)
    scatter = next(p for p in document.pictures() if p.name == "difference-scatter").draw()
    assert len(scatter.axes) == 3
    for panel in scatter.axes:
        shown = {t.get_text() for t in panel.texts}  # but names that would cover others
        assert shown <= set(relation.measured.index)
        assert len(shown) > 0.6 * len(relation.measured)


def test_a_report_has_a_section_of_the_relation(
    made: Made, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = Chain((Link("calibrator", 0.0, 0.1, source="certificate"),))
    used = new_calibration("calibrator", "input", {"left": chain, "right": chain})
    rng = np.random.default_rng(3)
    stimuli = [f"S{number:02}" for number in range(1, 9)]
    for method in ("ocv", "hats"):
        folder = tmp_path / method
        folder.mkdir()
        write_json(folder / "calibration.json", "soundcal/calibration/1", used.to_dict())
        for name in stimuli:
            tone = np.sin(2.0 * np.pi * 1000.0 * np.arange(24_000) / 48_000.0)
            sides = 0.02 * rng.uniform(0.8, 1.2) * np.stack([tone, tone])
            audio.write(folder / f"{name}.wav", sides, 48_000, subtype="FLOAT")
    ratings = tmp_path / "ratings.csv"
    table = made.ratings.table
    table[table["stimulus"].isin(stimuli)].to_csv(ratings, index=False)
    out = tmp_path / "out"
    arguments = ["report", str(tmp_path / "ocv"), str(tmp_path / "hats"), "--indicators", "LAeq"]
    arguments += ["--out", str(out), "--json", "--ratings", str(ratings)]
    assert main(arguments) == 2
    assert "--ratings-scale LOW HIGH is needed" in capsys.readouterr().err
    assert main([*arguments, "--ratings-scale", "0", "100", "--ratings-permutations", "199"]) == 0
    said = capsys.readouterr()
    relation = json.loads(said.out)["relation"]
    assert relation["methods"] == ["hats", "ocv"]  # as the report compares them
    assert len(relation["indicators"]) == 8
    assert "pleasant: no correlation is shown" in said.err
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.count("ratings against indicators, hats − ocv: 8 stimuli") == 2  # also summary
    pairs = pd.read_csv(out / "tables" / "relation-pairs.csv")
    assert len(pairs) == 3
    # the command measures folders by itself
    folders = [str(tmp_path / method) for method in ("ocv", "hats")]
    again = ["relate", *folders, str(ratings), "--indicators", "LAeq", "--json", *QUICK]
    assert main([*again, "--scale", "0", "100"]) == 0
    assert json.loads(capsys.readouterr().out)["pairs"] == relation["pairs"]


def test_answers_outside_the_scale_are_refused_before_anything_is_measured(
    files: tuple[Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    study, ratings = files
    for command in (
        ["relate", str(study), str(ratings), "--scale", "0", "10"],
        ["report", str(study), "--ratings", str(ratings), "--ratings-scale", "0", "10"],
    ):
        assert main(command) == 2
        assert "answers lie outside the scale from 0 to 10" in capsys.readouterr().err


def test_the_combination_is_asked_for_before_anything_is_measured(
    files: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    session = Path(soundcal.__file__).parents[1] / "measurements/example/portable+open-32"
    for name in ("portable+open-32", "other"):
        copy = shutil.copytree(session, tmp_path / "all" / name)
        log = (copy / "session.jsonl").read_text(encoding="utf-8")
        for record in copy.glob("rec-*.json"):
            content = record.read_bytes()
            named = f'"combination": "sim:{name}"'.encode()
            changed = content.replace(b'"combination": "sim:portable+open-32"', named)
            record.write_bytes(changed)
            log = log.replace(*(hashlib.sha256(text).hexdigest() for text in (content, changed)))
        (copy / "session.jsonl").write_text(log, encoding="utf-8")
    before = sorted((tmp_path / "all").rglob("*"))
    all_of_it, ratings = str(tmp_path / "all"), str(files[1])
    report = ["report", all_of_it, "--ratings", ratings, "--ratings-scale", "0", "100"]
    for arguments in (["relate", all_of_it, ratings, "--scale", "0", "100"], report):
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert "combinations sim:" in said
        assert "combination" in said.split("belong to with --")[1]
    assert sorted((tmp_path / "all").rglob("*")) == before  # nothing was measured and kept
