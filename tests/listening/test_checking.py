"""The check of a study before anybody comes."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from listening_sounds import opened_lab, study_with_sounds
from listening_study import small_study

from soundcal.listening.checking import StudyCheck, check_study
from soundcal.listening.exposure import Budget
from soundcal.listening.sound import SoundBook
from soundcal.listening.store import Store
from soundcal.listening.study import Block, Limits, Pause, Plays, Study


@pytest.fixture
def study(sounds: Path) -> Study:
    return study_with_sounds(sounds)


def with_main(study: Study, **main: Any) -> Study:
    return replace(study, blocks=(replace(study.blocks[0], **main),))


def test_a_study_in_order_has_levels_time_exposure_and_balance(study: Study) -> None:
    block = Block("main", "paq", ("CG01", "N1"), pause=Pause(1, 90.0), plays=Plays(2))
    with opened_lab() as lab:
        found = check_study(replace(study, blocks=(block,)), lab)
    assert (found.verdict, found.exit_code) == ("in order", 0)
    assert found.problems == found.excesses == found.remarks == ()
    names = [(one.condition, one.stimulus) for one in found.presentations]
    assert names == [("OCV", "CG01"), ("OCV", "N1"), ("HATS", "CG01"), ("HATS", "N1")]
    header, *rows = found.table()
    assert len({len(row) for row in (header, *rows)}) == 1
    assert [row[:2] for row in rows] == names
    assert header[-1] == "(mPa)²h"
    # 1 (mPa)² is 1e-6 Pa²
    assert float(rows[0][-1]) == pytest.approx(1e6 * found.presentations[0].exposure_pa2h, rel=0.01)
    # two sounds of 2 s, each heard twice
    assert [(v.number, v.pages, v.sound_s, v.breaks_s) for v in found.visits] == [
        (1, 2, 8.0, 90.0),
        (2, 2, 8.0, 90.0),
    ]
    first, *_ = found.sentences()
    assert first == (
        "Visit 1: 2 pages, 8 s of sound, at least 1 min 30 s of breaks; answering comes on top."
    )
    assert "Conditions of 2 people: HATS then OCV 1, OCV then HATS 1." in found.sentences()
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["verdict"] == "in order"
    assert len(content["presentations"]) == 4


def test_the_exposure_of_a_visit_is_that_of_its_presentations_and_of_the_headphone_check(
    study: Study,
) -> None:
    found = check_study(study)
    book = SoundBook(study)
    cues = sum(book.presentable("cue", name).exposure_pa2h for name in ("left", "right", "comfort"))
    book.close()
    of_condition = {
        name: sum(one.exposure_pa2h for one in found.presentations if one.condition == name)
        for name in ("OCV", "HATS")
    }
    # of the two people, the one with the louder condition counts in each visit
    for visit in found.visits:
        assert visit.exposure_pa2h == pytest.approx(max(of_condition.values()) + cues)
    assert found.allowed_pa2h == Budget(0.16, book.u_above_db).allowed_pa2h


def test_a_limit_that_would_be_exceeded_is_exit_code_4(study: Study) -> None:
    found = check_study(replace(study, limits=Limits(laeq_db=40)))
    assert (found.verdict, found.exit_code) == ("exceeds a limit", 4)
    assert any("CG01 (OCV): LAeq" in text for text in found.excesses)
    found = check_study(replace(study, limits=Limits(exposure_pa2h=1e-9)))
    assert found.exit_code == 4
    assert found.excesses[0].startswith("visit 1: an exposure of ")
    assert "1e-09 Pa²h" not in found.excesses[0]  # less the uncertainty


def test_visits_that_do_not_fit_into_one_day_are_told(study: Study) -> None:
    without = check_study(study)
    most = max(visit.exposure_pa2h for visit in without.visits)
    limit = 1.5 * most * 0.16 / without.allowed_pa2h
    found = check_study(replace(study, limits=Limits(exposure_pa2h=limit)))
    assert found.exit_code == 0
    assert any("must be on different days" in text for text in found.remarks)


def test_gains_of_another_device_are_out_of_order(study: Study) -> None:
    with opened_lab(fs=44100) as lab:
        found = check_study(study, lab)
    assert found.exit_code == 5
    assert any("44100 Hz, but the study at 48000 Hz" in text for text in found.problems)
    assert "gains were not compared with a device, as none was named" in check_study(study).remarks


def test_a_missing_table_of_gains_is_named_with_the_command_that_makes_it(tmp_path: Path) -> None:
    settings = "--set duration=2 --set stimuli=W01,CG01,CT301,E02,N1"
    found = check_study(small_study(tmp_path))
    assert (found.exit_code, found.presentations, found.table()) == (5, (), [])
    assert found.problems == (
        "sessions/ocv/gains_ocv.json: no such file; soundcal protocol run ocv_headphones --device "
        f"DEVICE --out {tmp_path / 'sessions/ocv'} {settings}",
        "sessions/hats/gains_hats.json: no such file; soundcal protocol run hats_headphones "
        f"--device DEVICE --out {tmp_path / 'sessions/hats'} {settings}",
    )
    assert found.balance is not None
    # what does not depend on gains is known without them
    assert [visit.sound_s for visit in found.visits] == [10.0, 10.0]


def copied_gains(sounds: Path, folder: Path, change: Any) -> Study:
    """Return the study with its tables of gains changed."""
    for name in ("ocv", "hats"):
        path = folder / name / f"gains_{name}.json"
        content = json.loads((sounds / name / path.name).read_text())
        change(content)
        path.parent.mkdir()
        path.write_text(json.dumps(content))
    return study_with_sounds(folder)


def louder(content: dict[str, Any]) -> None:
    for row in content["gains"]:
        row["gain_db"] += 60


def of_other_samples(content: dict[str, Any]) -> None:
    for row in content["gains"]:
        row["sha256"] = "0" * 64


def without_gain(content: dict[str, Any]) -> None:
    content["gains"][0]["gain_db"] = None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (louder, "times full scale, which clips"),
        (of_other_samples, "its gain was found with 000"),
        (without_gain, "did not reach its target"),
    ],
)
def test_what_cannot_be_played_is_out_of_order(
    sounds: Path, tmp_path: Path, change: Any, message: str
) -> None:
    found = check_study(copied_gains(sounds, tmp_path, change))
    assert found.exit_code == 5
    assert any(message in text for text in found.problems)


def test_an_unreadable_table_is_one_problem(sounds: Path, tmp_path: Path) -> None:
    study = copied_gains(sounds, tmp_path, lambda content: content.update(gains="no"))
    found = check_study(study)
    assert found.exit_code == 5
    assert len(found.problems) == 1
    assert "gains_ocv.json" in found.problems[0]


def test_designs_texts_and_orders_are_checked(study: Study) -> None:
    cases: dict[str, Study] = {
        "block main: no design 'pak'; did you mean paq?": with_main(study, design="pak"),
        "no texts in the language 'deu'": replace(study, languages=("eng", "deu")),
        "block main: no order of 2 sounds": with_main(
            study, order="constrained", groups=(("CG01", "N1"),)
        ),
    }
    for message, broken in cases.items():
        found = check_study(broken)
        assert found.exit_code == 5
        assert any(message in text for text in found.problems), message
        assert found.balance is None
    incomplete = check_study(replace(with_main(study, order="williams"), participants=replace(
        study.participants, planned=3)))  # fmt: skip
    assert any("a Williams design of 2 sounds" in text for text in incomplete.remarks)
    assert incomplete.exit_code == 0


def test_what_has_changed_since_the_first_participant_is_out_of_order(
    sounds: Path, tmp_path: Path
) -> None:
    study = copied_gains(sounds, tmp_path, lambda content: None)
    before = study.digests()
    with Store(tmp_path / "answers.sqlite") as store:
        row = (study.toml, study.sha256, json.dumps(before), "2026-03-01T00:00:00Z", "")
        store.write(
            lambda c: (
                c.execute(
                    "INSERT INTO study (version, toml, sha256, files_json, frozen_at, reason) "
                    "VALUES (1, ?, ?, ?, ?, ?)",
                    row,
                ).rowcount
            )
        ).result()
    assert check_study(study).problems == ()
    path = tmp_path / "ocv" / "gains_ocv.json"
    path.write_text(path.read_text() + "\n")
    assert check_study(study).problems == (
        "ocv/gains_ocv.json has changed since the study was frozen; soundcal listen amend makes a "
        "new version of it",
    )


def test_a_check_without_sounds_has_no_table() -> None:
    empty = StudyCheck((), (), (), (), (), 0.16, None)
    assert (empty.table(), empty.sentences(), empty.exit_code) == ([], (), 0)
