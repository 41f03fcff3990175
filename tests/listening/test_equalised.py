"""Sounds of a study that are equalised for the headphones, in the lab and at its ears."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from listening_answers import fill, listeners_of, make_study
from listening_room import Book, house
from listening_sounds import opened_lab, study_with_sounds
from listening_study import small_study

from soundcal.arrays import Array
from soundcal.errors import ParameterError, RecordError
from soundcal.indicators import leq, peak_level, time_weighted_level
from soundcal.lab import protocol
from soundcal.lab.equalisation import EqualisationRecord, StimulusEqualisation
from soundcal.lab.gains import GainTable
from soundcal.lab.levels import on_channels
from soundcal.lab.operator import SimulatedOperator
from soundcal.listening.checking import check_study
from soundcal.listening.cues import CUE
from soundcal.listening.export import exported_files
from soundcal.listening.exposure import exposure_pa2h
from soundcal.listening.level_check import run_level_check
from soundcal.listening.presentable import Presentable
from soundcal.listening.report_section import listening_test
from soundcal.listening.results import database_of, read_results
from soundcal.listening.sound import SoundBook
from soundcal.listening.status import status_of
from soundcal.listening.store import Store
from soundcal.listening.study import Block, Study
from soundcal.response import inverse, load_response, save_response
from soundcal.stimuli import load_catalogue, render
from soundcal.units import energetic_mean

STIMULI = ("pink", "CG01")
SECONDS = 0.5
FS = 48000
SAME_SEATING_DB = 0.02
"""What the equalised chain keeps to at the same seating, 100 Hz to 10 kHz."""

MID = 1000.0 * 2.0 ** (np.arange(-10, 11) / 3.0)


@pytest.fixture(scope="module")
def folder(sounds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The response of the lab's headphones, and gains of stimuli equalised for them."""
    made = tmp_path_factory.mktemp("equalised")
    short = {"seatings": "2", "averages": "1", "sweep": "0.6"}
    short["ears"] = str(sounds / "hats" / "calibration_before.json")
    changes = {"stimuli": ",".join(STIMULI), "duration": str(SECONDS)}
    changes["equalize"] = str(made / "response" / "headphones.json")
    with opened_lab() as lab:
        hands = SimulatedOperator(lab)
        run = protocol.run
        run(protocol.load("headphone_response"), lab, hands, made / "response", changes=short)
        changes_hats = changes | {"insertions": "1"}
        run(protocol.load("hats_headphones"), lab, hands, made / "hats", changes=changes_hats)
        sheet = lab.data_sheet
        changes |= {"impedance": str(sheet.impedance), "sensitivity": str(sheet.sensitivity)}
        changes["sensitivity_per"] = sheet.per
        run(protocol.load("ocv_headphones"), lab, hands, made / "ocv", changes=changes)
    shutil.copy(made / "response" / "headphones.json", made)
    return made


def equalised(folder: Path, **sound: Any) -> Study:
    settings = {"duration": SECONDS, "equalize": folder / "headphones.json"}
    study = study_with_sounds(folder, **settings | sound)
    return replace(study, blocks=(Block("main", "paq", STIMULI),))


@pytest.fixture(scope="module")
def book(folder: Path) -> SoundBook:
    return SoundBook(equalised(folder))


def at_the_ears(book: SoundBook, condition: str, stimulus: str) -> Array:
    with opened_lab() as lab:
        take = lab.play_and_record(book.samples(condition, stimulus), inputs=[1, 2])
        pascal: Array = take.samples * np.array(lab.truth.ear_pa_per_fs)[:, np.newaxis]
    return pascal


def third_octaves(samples: Array, n: int = 1 << 17) -> Array:
    power, f = np.abs(np.fft.rfft(samples, n)) ** 2, np.fft.rfftfreq(n, 1 / FS)
    inside = [(f >= mid * 2 ** (-1 / 6)) & (f < mid * 2 ** (1 / 6)) for mid in MID]
    return 10 * np.log10(np.stack([power[:, band].sum(axis=1) for band in inside], axis=1))


def test_the_ears_get_the_spectrum_and_the_level_that_were_meant(book: SoundBook) -> None:
    one = book.presentable("HATS", "pink")
    heard = at_the_ears(book, "HATS", "pink")
    meant = on_channels(render(load_catalogue()["pink"], fs=FS, duration=SECONDS))
    deviation = third_octaves(heard) - third_octaves(meant)
    deviation -= deviation[:, MID == 1000.0]
    assert np.abs(deviation).max() <= SAME_SEATING_DB
    assert one.predicted_db == pytest.approx(one.target_db, abs=0.1)  # tolerance of the search


@pytest.mark.parametrize("stimulus", STIMULI)
def test_levels_and_exposure_are_those_of_what_is_played(book: SoundBook, stimulus: str) -> None:
    one = book.presentable("HATS", stimulus)
    heard = at_the_ears(book, "HATS", stimulus)
    energy = leq(heard, FS, weighting="A").value + 10 * np.log10(heard.shape[1] / FS)
    np.testing.assert_allclose(one.laeq, energy - 10 * np.log10(SECONDS), atol=SAME_SEATING_DB)
    recorded = exposure_pa2h(max(energy), 1.0)
    assert 10 * np.log10(one.exposure_pa2h / recorded) == pytest.approx(0, abs=SAME_SEATING_DB)
    lafmax = time_weighted_level(heard, float(FS), weighting="A").value
    np.testing.assert_allclose(one.lafmax, lafmax, atol=SAME_SEATING_DB)
    # the phase of headphones and ear is not known, and changes the peak
    np.testing.assert_allclose(one.lcpeak, peak_level(heard, FS, weighting="C").value, atol=4)
    assert one.duration_s == SECONDS
    assert one.played_sha256 != one.sha256


def test_gains_by_voltage_hold_behind_filter_and_headphones(book: SoundBook) -> None:
    for stimulus in STIMULI:
        one, by_ears = (book.presentable(name, stimulus) for name in ("OCV", "HATS"))
        assert energetic_mean(one.laeq) == pytest.approx(one.target_db)
        # the data sheet of the lab's headphones is theirs
        assert one.gain_db == pytest.approx(by_ears.gain_db, abs=0.1)


def test_cues_are_equalised_too(book: SoundBook) -> None:
    left, right = book.presentable(CUE, "left"), book.presentable(CUE, "right")
    heard = at_the_ears(book, CUE, "left")
    energy = leq(heard[:1], FS, weighting="A").value[0] + 10 * np.log10(heard.shape[1] / FS)
    level = energy - 10 * np.log10(left.duration_s)
    assert left.laeq[0] == pytest.approx(level, abs=2 * left.u_db)
    loudest = max(book.loudest().laeq)
    assert max(left.laeq[0], right.laeq[1]) == pytest.approx(min(60.0, loudest))
    assert not book.samples(CUE, "left")[1].any()
    assert left.played_sha256 != left.sha256


def test_the_levels_are_read_again_for_another_equalisation(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    first = SoundBook(equalised(tmp_path)).presentables()
    assert SoundBook(equalised(tmp_path)).presentables() == first
    for name in ("hats", "ocv"):
        rewritten(tmp_path / name / f"gains_{name}.json", equalisation=None)
    plain = SoundBook(equalised(tmp_path, equalize=None)).presentables()
    assert [one.played_sha256 for one in plain] == [one.sha256 for one in first]
    assert all(one.equalisation is None for one in plain)
    assert plain[0].lafmax != first[0].lafmax


def rewritten(path: Path, **fields: Any) -> None:
    """Change a table of gains; None takes a key away."""
    table = json.loads(path.read_text()) | fields
    path.write_text(json.dumps({key: value for key, value in table.items() if value is not None}))


def test_gains_of_another_equalisation_are_refused_with_the_way_out(
    folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(RecordError) as refused:
        SoundBook(equalised(folder, robust="mean"))
    response = load_response(folder / "headphones.json")
    words = str(refused.value)
    assert f"HATS: the gains were found with sounds equalised for {response.name}" in words
    assert "rule mean+2s, 40 to 16000 Hz, and those of the study are equalised for" in words
    path = folder / "headphones.json"
    assert words.endswith(f"find the gains again with --set equalize={path} --set robust=mean")
    with pytest.raises(RecordError, match=r"those of the study are not equalised; find the gains"):
        SoundBook(equalised(folder, equalize=None))
    found = check_study(equalised(folder, robust="mean"))
    assert found.exit_code == 5
    assert len(found.problems) == 1
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    rewritten(tmp_path / "hats" / "gains_hats.json", equalisation=None)
    with pytest.raises(RecordError, match=r"^HATS: the gains were found with sounds not equalised"):
        SoundBook(equalised(tmp_path))


def test_a_filter_is_applied_as_it_is(folder: Path) -> None:
    headphones = load_response(folder / "headphones.json")
    made = StimulusEqualisation(inverse(headphones, rule="mean+2s"), fs=FS, rule="mean")
    own = StimulusEqualisation(headphones, fs=FS)
    assert (made.record.robust, made.record.low_hz) == ("mean+2s", own.record.low_hz)
    assert made.record != own.record
    impulse = np.zeros((2, 100))
    impulse[:, 0] = 1.0
    played = made.played(impulse)[0]
    np.testing.assert_array_equal(played, own.played(impulse)[0])
    # its headphones are not known: those that it makes flat
    np.testing.assert_array_equal(made.heard(impulse, played), impulse)


def test_the_check_says_how_sounds_are_equalised_and_what_would_clip(
    folder: Path, tmp_path: Path, book: SoundBook
) -> None:
    response = load_response(folder / "headphones.json")
    with opened_lab() as lab:
        found = check_study(equalised(folder), lab)
    assert found.exit_code == 0, found.problems
    assert found.sentences()[0] == (
        f"Sounds are equalised for headphones ({response.id}, made {response.made[:10]}), rule "
        "mean+2s, 40 to 16000 Hz."
    )
    assert found.to_dict()["equalisation"]["sha256"] == response.sha256
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "hats" / "gains_hats.json"
    gains = json.loads(path.read_text())["gains"]
    peak = book.presentable("HATS", "pink").peak
    gains[0]["gain_db"] += 2.0 - 20 * np.log10(peak)
    rewritten(path, gains=gains)
    found = check_study(equalised(tmp_path))
    assert any(
        text.startswith("pink (HATS): with a gain of ")
        and "(equalised, 2.00 dB of headroom are missing)" in text
        for text in found.problems
    )


def test_the_response_is_frozen_and_missing_files_are_named(folder: Path, tmp_path: Path) -> None:
    study = equalised(folder)
    assert "headphones.json" in study.digests()
    found = check_study(equalised(tmp_path))
    path = tmp_path / "headphones.json"
    assert found.problems[0] == (
        f"{path}: no such file; soundcal response measure --device DEVICE --out {path}"
    )
    assert all(f"--set equalize={path} --set robust=mean+2s" in text for text in found.problems[1:])


def test_a_response_without_spread_is_refused_for_the_rule_that_needs_it(
    folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    response = load_response(folder / "headphones.json")
    curves = {name: replace(c, spread_db=None) for name, c in response.channels.items()}
    save_response(tmp_path / "headphones.json", replace(response, channels=curves), force=True)
    with pytest.raises(ParameterError, match=r"robust = 'mean\+2s': .* the rule mean needs none"):
        SoundBook(equalised(tmp_path))


def test_the_path_of_one_seating_is_no_filter(folder: Path) -> None:
    study = equalised(folder, equalize=folder / "response" / "seating-1.json")
    with pytest.raises(ParameterError, match="is a measured path from outputs to inputs, not a"):
        SoundBook(study)


def test_the_level_check_by_coupler_plays_equalised_sounds(folder: Path) -> None:
    with opened_lab() as lab:
        found = run_level_check("coupler", lab, equalised(folder), SimulatedOperator(lab))
    assert found.passed, found.reasons
    assert len(found.deviations) == 4
    assert max(map(abs, found.deviations.values())) <= 0.1


def test_a_listening_session_of_the_lab_refuses_such_gains(folder: Path) -> None:
    table = folder / "hats" / "gains_hats.json"
    assert GainTable.read(table).equalisation is not None
    loaded = protocol.load("listening_session")
    changes = {"gains": str(table), "participant": "P1"}
    assert loaded.check is not None
    with opened_lab() as lab, pytest.raises(ParameterError, match="hold for stimuli equalised for"):
        loaded.check(loaded.resolve(changes), lab)


class EqualisedBook(Book):
    """Sounds with stated levels that are equalised."""

    how: EqualisationRecord

    def presentable(self, condition: str, stimulus: str) -> Presentable:
        one = super().presentable(condition, stimulus)
        return replace(one, equalisation=self.how, played_sha256=f"equalised {stimulus}")


def test_the_row_of_a_presentation_says_how_it_was_equalised(
    book: SoundBook, tmp_path: Path
) -> None:
    study = small_study(tmp_path)
    equalised_book = EqualisedBook(study)
    assert book.equalisation is not None
    equalised_book.how = book.equalisation
    with house(study, tmp_path, book=equalised_book) as place:
        place.among_sounds()
        rows = place.rows("SELECT * FROM presentation")
    assert {row["stimulus"] for row in rows} >= {"left", "right"}
    for row in rows:
        kept = json.loads(row["predicted_json"])
        assert EqualisationRecord.from_dict(kept["equalisation"]) == book.equalisation
        assert kept["played_sha256"] == f"equalised {row['stimulus']}"


def test_export_status_and_report_name_the_response(book: SoundBook, tmp_path: Path) -> None:
    study = make_study(tmp_path)
    fill(database_of(tmp_path), study, 1, listeners_of(study))

    def files() -> dict[str, str]:
        return exported_files(read_results(tmp_path, database_of(tmp_path)))

    before = files()
    assert "response" not in before["stimuli.tsv"] + before["dataset_description.json"]
    how = book.equalisation
    assert how is not None
    predicted = {"level": 65.0, "equalisation": how.to_dict(), "played_sha256": "7" * 64}
    with Store(database_of(tmp_path)) as store:
        text, values = "UPDATE presentation SET predicted_json = ?", (json.dumps(predicted),)
        store.write(lambda connection: connection.execute(text, values).rowcount).result()
    after = files()
    head, *rows = after["stimuli.tsv"].splitlines()
    assert head.split("\t")[-4:] == ["response", "robust", "played_sha256", "presentations"]
    assert rows[0].split("\t")[-4:-1] == [how.response, "mean+2s", "7" * 64]
    description = json.loads(after["dataset_description.json"])
    assert description["Equalisation"] == [how.to_dict()]
    assert {name for name in after if after[name] != before[name]} == {
        "dataset_description.json",
        "stimuli.tsv",
        "stimuli.json",
    }
    results = read_results(tmp_path, database_of(tmp_path))
    assert status_of(results)["equalised_for"] == [str(how)]
    assert f"Sounds were equalised for {how}." in listening_test(results).setup
