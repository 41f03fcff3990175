"""Exports of a listening test: what soundcal ratings reads, and everything beside it."""

import csv
import io
import json
import math
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from listening_answers import NOW, fill, listeners_of, make_study, results_of

from soundcal.errors import ParameterError, RecordError
from soundcal.files.session import Session
from soundcal.listening import read_answers
from soundcal.listening.answers import rating_tables, ratings_of
from soundcal.listening.export import exported_files, write_export
from soundcal.listening.report_section import listening_test
from soundcal.listening.results import database_of, read_results
from soundcal.listening.store import Store
from soundcal.ratings import make_ratings, read_ratings
from soundcal.ratings.soundscape import GUI_ATTRIBUTES
from soundcal.report.sections.listening_test import listening_section


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    study = make_study(tmp_path / "study")
    fill(database_of(study.folder), study, 3, listeners_of(study))
    return study.folder


def change(folder: Path, *statements: str) -> None:
    """Change the database of a study."""
    with Store(database_of(folder)) as store:
        for text in statements:
            store.write(lambda connection, text=text: connection.execute(text).rowcount).result()


def exported(folder: Path, **settings: object) -> dict[str, str]:
    return exported_files(read_results(folder, database_of(folder)), **settings)  # type: ignore[arg-type]


def rows(text: str, delimiter: str = ",") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), delimiter=delimiter))


def test_soundcal_ratings_reads_every_answer(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    write_export(read_results(folder, database_of(folder)), out)
    ratings = read_ratings(out / "ratings.csv", scale=(0, 100), language="eng")
    people = listeners_of(make_study(folder))
    assert len(ratings.table) == 3 * 2 * 2 * 8
    for row in ratings.table.to_dict("records"):
        number = int(row["participant"].removeprefix("QX"))
        place = (number, row["condition"], row["stimulus"])
        assert row["value"] == people.answers(*place, GUI_ATTRIBUTES)[row["attribute"]]
        assert (row["played"], row["seconds"]) == (1.0, 20.0)
    direct = read_answers(folder, scale=(0.0, 100.0))
    assert direct.table.equals(ratings.table)
    assert (direct.scale, direct.language) == ((0.0, 100.0), "eng")


def test_the_same_database_gives_the_same_bytes(folder: Path) -> None:
    assert exported(folder) == exported(folder)


def test_training_pilots_and_the_withdrawn_are_left_out(folder: Path) -> None:
    change(folder, "UPDATE participant SET pilot = 1 WHERE code = 'QX001'")
    change(folder, "UPDATE participant SET state = 'withdrawn' WHERE code = 'QX002'")
    files = exported(folder)
    assert {row["participant"] for row in rows(files["ratings.csv"])} == {"QX003"}
    assert {row["block"] for row in rows(files["ratings.csv"])} == {"main"}
    assert "W01" not in files["ratings.csv"]
    assert "QX001" not in "".join(files.values())
    assert "QX002" not in "".join(files.values())


def test_who_declines_an_amended_text_took_part_until_then(folder: Path) -> None:
    change(folder, "UPDATE participant SET state = 'declined' WHERE code = 'QX001'")
    change(folder, "UPDATE participant SET consent_version = '1' WHERE code = 'QX001'")
    change(
        folder,
        "UPDATE participant SET state = 'declined', consent_version = NULL WHERE code = 'QX002'",
    )
    files = exported(folder)
    assert {row["participant"] for row in rows(files["ratings.csv"])} == {"QX001", "QX003"}
    states = {row["participant_id"]: row["state"] for row in rows(files["participants.tsv"], "\t")}
    assert states["QX001"] == "declined"
    (text,) = [
        line
        for line in listening_test(read_results(folder, database_of(folder))).setup
        if "planned" in line
    ]
    assert "1 stopped" in text


def test_an_unanswered_scale_is_an_empty_cell(folder: Path) -> None:
    one = "attribute = 'calm' AND trial = (SELECT min(trial) FROM answer JOIN trial ON trial.id = "
    one += "trial WHERE block = 'main')"
    change(folder, f"DELETE FROM answer WHERE {one}")
    found = rows(exported(folder)["ratings.csv"])
    empty = [row for row in found if row["value"] == ""]
    assert len(found) == 96
    assert [row["attribute"] for row in empty] == ["calm"]
    table = read_answers(folder, scale=(0.0, 100.0)).table
    assert math.isnan(table[table["attribute"] == "calm"]["value"].iloc[0])


def test_the_last_revision_counts(folder: Path) -> None:
    columns = "trial, attribute, 1, value + 1, text, touched, input, seconds, submit_key, at"
    one = "SELECT min(trial) FROM answer JOIN trial ON trial.id = trial WHERE block = 'main'"
    before = rows(exported(folder)["ratings.csv"])
    change(folder, f"INSERT INTO answer SELECT {columns} FROM answer WHERE trial = ({one})")
    after = rows(exported(folder)["ratings.csv"])
    moved = [
        (float(new["value"]) - float(old["value"]), new["revision"])
        for old, new in zip(before, after, strict=True)
        if new["value"] != old["value"]
    ]
    assert moved == [(1.0, "1")] * 8


def test_repeats_are_averaged_or_the_first_or_separate(tmp_path: Path) -> None:
    study = make_study(tmp_path, repeats=2)
    results = results_of(study, 2, listeners_of(study))
    scale = (0.0, 100.0)
    separate = rating_tables(results, "separate")[scale]
    first, mean = (rating_tables(results, how)[scale] for how in ("first", "mean"))
    assert set(separate["stimulus"]) == {"CG01", "CG01@2", "CG04", "CG04@2"}
    assert len(first) == len(mean) == len(separate) / 2
    keys = ["participant", "condition", "stimulus", "attribute"]
    plain = separate.assign(stimulus=separate["stimulus"].str.removesuffix("@2"))
    assert plain.groupby(keys)["value"].mean().equals(mean.groupby(keys)["value"].first())
    own = separate[~separate["stimulus"].str.endswith("@2")]
    assert own.set_index(keys)["value"].equals(first.set_index(keys)["value"])
    assert set(mean["repeat"]) == {"1; 2"}
    for table in (separate, first, mean):
        make_ratings(table, scale=scale)  # no answer twice
    with pytest.raises(ParameterError, match="repeats 'last'; one of mean, first, separate"):
        rating_tables(results, "last")  # type: ignore[arg-type]


def test_several_scales_are_several_tables(folder: Path) -> None:
    files = exported(folder)
    assert {row["attribute"] for row in rows(files["ratings_1_to_5.csv"])} == {"score"}
    assert json.loads(files["ratings_1_to_5.json"])["scale"] == [1.0, 5.0]
    assert read_answers(folder, scale=(1.0, 5.0)).scale == (1.0, 5.0)
    with pytest.raises(ParameterError, match=r"the study has the scales \(0, 100\), \(1, 5\)"):
        read_answers(folder)


def test_personal_answers_only_if_asked_for(folder: Path) -> None:
    without, with_them = exported(folder), exported(folder, personal=True)
    assert "hearing of" not in "".join(without.values())
    assert with_them["answers.csv"].count("hearing of QX") == 3
    # what somebody typed is never a formula of a spreadsheet
    assert "'=remark of QX001" in without["answers.csv"]
    questions = {row["question"]: row["text"] for row in rows(without["answers.csv"])}
    assert questions["sources"] == "traffic; nature"


def test_every_table_describes_its_columns(folder: Path) -> None:
    files = exported(folder, personal=True)
    tables = [name for name in files if name.endswith((".csv", ".tsv"))]
    assert len(tables) == 12
    for name in tables:
        columns = files[name].partition("\n")[0].split("\t" if name.endswith("tsv") else ",")
        sidecar = json.loads(files[f"{name[:-4]}.json"])
        described = sidecar.get("columns", sidecar)
        assert list(described) == columns
        assert all(described.values()), name
    trials = json.loads(files["trials_paq.json"])
    assert trials["pleasant"]["Units"] == "scale from 0 to 100 in steps of 1"
    assert trials["sources"]["Levels"] == {
        "traffic": "traffic",
        "people": "people",
        "nature": "nature",
    }
    assert rows(files["trials_paq.tsv"], "\t")[1]["sources"] == "traffic; nature"


def test_the_results_of_each_block_stand_beside_the_answers(folder: Path) -> None:
    files = exported(folder)
    scores = {row["condition"]: row for row in rows(files["results_quality.tsv"], "\t")}
    # everybody gave 3, in the last of two visits
    score, alone = scores["HATS"], scores["OCV"]
    assert [score[key] for key in ("n", "mos", "sd", "low", "high")] == ["2", "3", "0", "3", "3"]
    assert [alone[key] for key in ("n", "mos", "low")] == ["1", "3", "n/a"]
    sidecar = json.loads(files["results_quality.json"])
    assert set(sidecar) == set(score)
    assert all(column["Description"] for column in sidecar.values())
    profile = rows(files["results_main.tsv"], "\t")
    assert {row["attribute"] for row in profile} >= {"pleasant", "monotonous"}
    assert "results_training.tsv" not in files
    assert not any("hearing" in row.values() for row in rows(files["results_about-you.tsv"], "\t"))


def test_the_report_states_opinions_with_their_number(folder: Path) -> None:
    test = listening_test(read_results(folder, database_of(folder)))
    assert set(test.opinions) == {
        ("OCV", "CG01", 1, 3.0, None, None),
        ("HATS", "CG01", 2, 3.0, 3.0, 3.0),
    }
    tables = {table.name: table for table in listening_section(test).tables()}
    assert tables["room-opinions"].rows == test.opinions
    agreement = tables["room-agreement"].rows
    assert {(row[0], row[3], row[4]) for row in agreement} == {("main", 2, 3)}
    assert {row[2] for row in agreement} == set(GUI_ATTRIBUTES)
    assert "agreement_quality.tsv" not in exported(folder)  # one sound only


def test_the_report_states_the_drift_since_the_first_level_check(
    folder: Path,
) -> None:
    with closing(sqlite3.connect(database_of(folder))) as database, database:
        for kind, deviations in (("coupler", {"left": 0.4, "right": -0.2}), ("ears_only", {})):
            database.execute(
                "INSERT INTO level_check (at, kind, passed, operator, device, deviations_json, "
                "checks_json) VALUES ('2026-03-02T18:00:00', ?, 1, 'Ada', 'sim:lab', ?, '[]')",
                (kind, json.dumps(deviations)),
            )
    checks = listening_test(read_results(folder, database_of(folder))).checks
    assert [row[1:5] for row in checks] == [
        ("coupler", "passed", -0.2, None),
        ("coupler", "passed", 0.4, pytest.approx(0.3)),
        ("ears only", "passed", None, None),
    ]


def test_the_log_of_a_participant_is_a_session(folder: Path, tmp_path: Path) -> None:
    write_export(read_results(folder, database_of(folder)), tmp_path)
    session = Session(tmp_path / "sessions" / "QX002")
    assert session.exit_status == "done"
    presented = session.events("presentation")
    assert [event["position"] for event in presented] == [1, 2, 3, 1, 2, 3]
    assert {event["verdict"] for event in presented} == {"not monitored"}
    # the fields that the protocol for tests on paper writes
    fields = {"participant", "position", "stimulus", "target", "gain_db", "n_samples", "xruns"}
    assert {*fields, "flags"} <= set(presented[0])


def test_sounds_and_monitoring_are_stated(folder: Path) -> None:
    flagged = """UPDATE presentation SET flags = '["level not checked"]', verdict = 'suspect'"""
    change(folder, flagged)
    files = exported(folder)
    sounds = rows(files["stimuli.tsv"], "\t")
    assert len(sounds) == 3 * 2
    assert sum(int(row["presentations"]) for row in sounds) == 3 * 6
    assert json.loads(files["dataset_description.json"])["Monitor"] == "not monitored"
    assert {row["flags"] for row in rows(files["ratings.csv"])} == {"level not checked"}
    assert {row["verdict"] for row in rows(files["ratings.csv"])} == {"suspect"}


def test_a_check_by_ears_only_leaves_a_flag(folder: Path) -> None:
    assert {row["flags"] for row in rows(exported(folder)["ratings.csv"])} == {""}
    columns = "at, kind, passed, operator, device, deviations_json, checks_json"
    ears = f"'{NOW}', 'ears_only', 1, '', 'sim:lab', '{{}}', '[]'"
    change(folder, f"INSERT INTO level_check ({columns}) VALUES ({ears})")
    files = exported(folder)
    assert {row["flags"] for row in rows(files["ratings.csv"])} == {"level not checked"}
    assert '"flags": ["level not checked"]' in files["sessions/QX001/session.jsonl"]
    change(folder, "DELETE FROM level_check")
    assert exported(folder)["ratings.csv"] == files["ratings.csv"]


def test_an_invalid_presentation_is_no_play(folder: Path) -> None:
    change(folder, "UPDATE presentation SET state = 'invalid' WHERE stimulus = 'CG01'")
    found = rows(exported(folder)["ratings.csv"])
    assert {(row["stimulus"], row["played"]) for row in found} == {("CG01", "0"), ("CG04", "1")}


def test_nothing_is_replaced_unasked(folder: Path, tmp_path: Path) -> None:
    results = read_results(folder, database_of(folder))
    write_export(results, tmp_path / "out")
    (tmp_path / "out" / "answers.csv").unlink()
    with pytest.raises(RecordError, match="already exists"):
        write_export(results, tmp_path / "out")
    assert not (tmp_path / "out" / "answers.csv").exists()
    write_export(results, tmp_path / "out", force=True)


def test_the_study_is_read_as_it_was_frozen(folder: Path) -> None:
    before = exported(folder)
    text = (folder / "study.toml").read_text(encoding="utf-8")
    (folder / "study.toml").write_text(text.replace('id = "sources"', 'id = "other"'))
    assert exported(folder) == before


def test_nobody_has_taken_part(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    with pytest.raises(RecordError, match="nobody has taken part yet"):
        read_answers(study.folder)
    Store(database_of(study.folder)).close()
    with pytest.raises(RecordError, match="nobody has taken part yet"):
        read_answers(study.folder)


def test_several_languages_have_equal_angles(folder: Path) -> None:
    change(folder, "UPDATE participant SET language = 'deu' WHERE code = 'QX002'")
    first, _ = ratings_of(read_results(folder, database_of(folder)))
    assert first.language == "equal"
    assert "several languages (deu, eng)" in first.notes[0]


@pytest.mark.parametrize("lead", ["", " ", "\v", "\n\t", "\N{NO-BREAK SPACE}"])
def test_no_cell_of_a_table_with_tabs_is_a_formula(folder: Path, lead: str) -> None:
    change(
        folder,
        "INSERT INTO answer (trial, attribute, revision, value, text, touched, input, seconds, "
        "submit_key, at) SELECT min(id), 'remark', 1, NULL, "
        f"'{lead}=1+1', 1, 'keys', 1.0, 'k', '2026-03-02' FROM trial WHERE design = 'questions'",
    )
    said = [row["remark"] for row in rows(exported(folder)["trials_questions.tsv"], "\t")]
    assert said[0] == "'=1+1"
