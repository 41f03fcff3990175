"""Levels of presentations follow from the tables of gains, and agree with the lab's ears."""

import json
import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from listening_sounds import STIMULI, opened_lab, study_with_sounds

from soundcal import stimuli
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import ParameterError, RecordError
from soundcal.files import audio
from soundcal.indicators import leq, peak_level, time_weighted_level
from soundcal.lab.gains import GainTable
from soundcal.listening.checking import check_study
from soundcal.listening.cues import CUE, CUES
from soundcal.listening.exposure import beyond_limits, exposure_pa2h
from soundcal.listening.presentable import Presentable
from soundcal.listening.sound import SoundBook
from soundcal.units import energetic_mean


@pytest.fixture(scope="module")
def book(sounds: Path) -> SoundBook:
    return SoundBook(study_with_sounds(sounds))


def at_the_ears(book: SoundBook, one: Presentable) -> np.ndarray:
    with opened_lab() as lab:
        assert isinstance(lab, SimulatedLab)
        take = lab.play_and_record(book.samples(one.condition, one.stimulus), inputs=[1, 2])
        pascal: np.ndarray = take.samples * np.array(lab.truth.ear_pa_per_fs)[:, np.newaxis]
    return pascal


@pytest.mark.parametrize("stimulus", STIMULI)
def test_predicted_levels_are_those_at_the_ears(book: SoundBook, stimulus: str) -> None:
    one = book.presentable("HATS", stimulus)
    heard = at_the_ears(book, one)
    expanded = 2.0 * one.u_db
    np.testing.assert_allclose(one.laeq, leq(heard, 48000.0, weighting="A").value, atol=expanded)
    lafmax = time_weighted_level(heard, 48000.0, weighting="A").value
    np.testing.assert_allclose(one.lafmax, lafmax, atol=expanded)
    # headphones and ear change the waveform, and with it the peak
    np.testing.assert_allclose(one.lcpeak, peak_level(heard, 48000.0, weighting="C").value, atol=4)
    assert one.predicted_db == pytest.approx(one.target_db, abs=0.1)
    assert one.exposure_pa2h == pytest.approx(exposure_pa2h(max(one.laeq), 2.0))
    assert one.duration_s == 2.0
    assert one.device == opened_lab().info.identity


def test_ocv_has_the_uncertainty_of_its_calibration(book: SoundBook) -> None:
    one = book.presentable("OCV", "CG01")
    assert one.calibration_id.startswith("ocv-")
    assert energetic_mean(one.laeq) == pytest.approx(one.target_db)
    # the load of the headphones on an unknown output only lowers the level
    assert one.u_above_db < one.u_db
    assert book.u_above_db == one.u_above_db


def test_cues_are_presentations_with_levels_of_their_own(book: SoundBook) -> None:
    loudest = max(book.loudest().laeq)
    left, right, comfort = (book.presentable(CUE, name) for name in CUES)
    assert max(left.laeq) == left.laeq[0] == pytest.approx(min(60.0, loudest))
    assert right.laeq[0] == -np.inf
    assert not book.samples(CUE, "right")[0].any()
    steps = np.split(book.samples(CUE, "comfort"), 3, axis=1)
    assert [np.std(step) / np.std(steps[2]) for step in steps] == pytest.approx([0.1, 10**-0.5, 1])
    own = [leq(step * 20e-6, 48000.0, weighting="A").value[0] for step in steps]
    last_step = max(comfort.laeq) + own[2] - energetic_mean(own)
    assert last_step == pytest.approx(loudest, abs=0.01)
    assert comfort.exposure_pa2h == pytest.approx(exposure_pa2h(max(comfort.laeq), 6.0))
    with pytest.raises(ParameterError, match="no cue 'both'"):
        book.presentable(CUE, "both")


def test_samples_are_prepared_ahead_and_have_the_digest_of_the_presentation(
    book: SoundBook,
) -> None:
    book.prepare([("HATS", "N1"), ("OCV", "CG01")])
    one = book.presentable("HATS", "N1")
    scaled = book.samples("HATS", "N1") / 10 ** (one.gain_db / 20)
    assert stimuli.digest(scaled) == one.sha256


def test_readings_are_kept_and_the_same_the_second_time(sounds: Path) -> None:
    study = study_with_sounds(sounds)
    first = SoundBook(study).presentables()
    assert (sounds / ".levels.json").is_file()
    assert SoundBook(study).presentables() == first


def changed(sounds: Path, folder: Path, name: str, **fields: object) -> Path:
    """Return a copy of the folder whose table has other fields; None takes one away."""
    shutil.copytree(sounds, folder)
    path = folder / name / f"gains_{name}.json"
    table = json.loads(path.read_text())
    for key, value in fields.items():
        rows = table["gains"] if key in ("sha256", "levels", "gain_db") else [table]
        for row in rows:
            if value is None:
                row.pop(key, None)
            else:
                row[key] = value
    path.write_text(json.dumps(table))
    return folder


def test_a_table_of_an_older_version_is_read_with_a_remark(sounds: Path, tmp_path: Path) -> None:
    names = ("weighting", "calibration", "u_db", "u_above_db", "device", "outputs", "fs")
    fields = dict.fromkeys((*names, "duration", "sha256", "levels"))
    folder = changed(sounds, tmp_path / "old", "hats", **fields)
    assert GainTable.read(folder / "hats" / "gains_hats.json").device == ""
    book = SoundBook(study_with_sounds(folder))
    one = book.presentable("HATS", "CG01")
    new = SoundBook(study_with_sounds(sounds)).presentable("HATS", "CG01")
    assert one.laeq == pytest.approx(new.laeq)  # the levels of the search are older than their key
    assert one.u_db > new.u_db
    (remark,) = book.remarks()
    assert remark.startswith("HATS: the table of gains does not state weighting, calibration, u_db")
    assert "2.8 dB is assumed" in remark
    with opened_lab() as lab:
        assert book.disagreements(lab) == []


def test_a_changed_stimulus_is_named(sounds: Path, tmp_path: Path) -> None:
    folder = changed(sounds, tmp_path / "other", "hats", sha256="0" * 64)
    with pytest.raises(RecordError, match=r"CG01 \(HATS\): the stimulus has SHA-256"):
        SoundBook(study_with_sounds(folder)).presentable("HATS", "CG01")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"device": "other card, ALSA"}, "OCV: the gains were found with other card, ALSA"),
        ({"outputs": [2, 1]}, "OCV: the gains were found with outputs 2, 1, not 1, 2"),
        ({"fs": 44100}, "OCV: the gains were found with 44100 Hz, not 48000 Hz"),
        ({"duration": 30.0}, "OCV: the gains were found with stimuli of 30.0 s, not 2 s"),
    ],
)
def test_gains_of_another_setup_are_named(
    sounds: Path, tmp_path: Path, fields: dict[str, object], words: str
) -> None:
    folder = changed(sounds, tmp_path / "other", "ocv", **fields)
    with opened_lab() as lab:
        (found,) = SoundBook(study_with_sounds(folder)).disagreements(lab)
    assert found.startswith(words)


def test_a_device_without_the_rate_or_the_channels_is_named(book: SoundBook, sounds: Path) -> None:
    with opened_lab(fs=44100) as lab:
        assert "44100 Hz, but the study at 48000 Hz" in book.disagreements(lab)[0]
    study = study_with_sounds(sounds, monitor_inputs=(7, 8))
    with opened_lab() as lab:
        (found,) = SoundBook(study).disagreements(lab)
    assert found.endswith("has 4 inputs; the study needs 7, 8")
    study = study_with_sounds(sounds, monitor_inputs=(3,))
    with opened_lab() as lab:
        (found,) = SoundBook(study).disagreements(lab)
    assert found == "monitor inputs 3 for outputs 1, 2: one input for each output is needed"


def test_a_gain_that_clips_and_one_that_is_missing_are_refused(
    sounds: Path, tmp_path: Path
) -> None:
    loud = SoundBook(study_with_sounds(changed(sounds, tmp_path / "l", "ocv", gain_db=40.0)))
    with pytest.raises(ValueError, match="beyond full scale"):
        loud.samples("OCV", "CG01")
    with pytest.raises(ParameterError, match="no gain, the stimulus is not in its table"):
        loud.presentable("OCV", "W01")
    with pytest.raises(ParameterError, match="no condition 'X'"):
        loud.presentable("X", "W01")


def test_an_ear_without_sound_has_no_level(sounds: Path, tmp_path: Path) -> None:
    shutil.copytree(sounds, tmp_path, dirs_exist_ok=True)
    noise = np.vstack([np.zeros(96000), 0.1 * np.random.default_rng(1).standard_normal(96000)])
    checksum = audio.write(tmp_path / "one_ear.wav", noise, 48000)
    (tmp_path / "catalogue.toml").write_text(
        'schema = "soundcal/catalogue/1"\n[[stimulus]]\nid = "one_ear"\ntitle = "one ear"\n'
        'kind = "file"\nparameters = { path = "one_ear.wav" }\nseed = 0\nduration = 2.0\n'
        f'level = 60.0\nweighting = "A"\nlicence = "CC0-1.0"\nsha256 = "{checksum}"\n'
    )
    path = tmp_path / "hats" / "gains_hats.json"
    table = json.loads(path.read_text())
    row = {"stimulus": "one_ear", "target": 60.0, "gain_db": -20.0, "levels": [31.5, 63.0]}
    path.write_text(json.dumps(table | {"gains": [row]}))
    study = study_with_sounds(tmp_path, conditions={"HATS": path})
    study = replace(
        study,
        blocks=(replace(study.blocks[0], stimuli=("one_ear",)),),
        catalogue=stimuli.load_catalogue(tmp_path / "catalogue.toml"),
    )
    with closing(SoundBook(study)) as book:
        one = book.presentable("HATS", "one_ear")
        assert one.laeq == (-np.inf, pytest.approx(63.0))
        assert one.predicted_db == pytest.approx(60.0, abs=0.02)
        assert one.exposure_pa2h == pytest.approx(exposure_pa2h(63.0, 2.0))
        assert beyond_limits(study.limits, one) == []
        assert max(book.presentable(CUE, "comfort").laeq) < 63.0
    remarks = [text for text in check_study(study).remarks if text.startswith("one_ear: ")]
    assert len(remarks) == 1
    assert "left: every sample is exactly zero" in remarks[0]
