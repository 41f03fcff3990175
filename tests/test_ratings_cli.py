"""``soundcal ratings`` from files to tables."""

import json
from pathlib import Path

import pandas as pd
import pytest
from test_ratings import GUI, MAPPING, WEBMUSHRA, study

from soundcal.cli import main


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
    assert "1 exclusion(s)" in said.err
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
        (["--gui", "p1:a:{gui}", "--stimuli", "absent.txt"], 5, "cannot be read"),
        (["{mushra}", "--mapping", "{mapping}"], 2, "--conditions FIRST SECOND"),
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
