"""The tones of a study: found once, stored with the indicators, listed and drawn in the report."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from soundcal import collect, write_report
from soundcal.files import audio
from soundcal.indicators import tone_to_noise
from soundcal.study import Study

FS = 24000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two recordings; the left channel of one has a prominent tone without noise beside it."""
    made = tmp_path_factory.mktemp("study") / "fans"
    made.mkdir()
    noise = np.random.default_rng(1).normal(0.0, 0.01, (2, 2 * FS))
    audio.write(made / "noise.wav", noise, FS, subtype="FLOAT")
    t = np.arange(2 * FS) / FS
    whine = np.stack([0.02 * np.sin(2 * np.pi * 1000.0 * t), noise[1]])
    whine[1] += 0.02 * np.sin(2 * np.pi * 5000.0 * t)
    audio.write(made / "whine.wav", whine, FS, subtype="FLOAT")
    return made


def collected(folder: Path) -> Study:
    return collect(folder, sensitivity=1.0, indicators="TNRmax, PRmax")


def test_tones_are_stored_and_come_back(folder: Path) -> None:
    fresh, again = collected(folder), collected(folder)
    by_name = {source.stimulus: source for source in fresh.sources}
    pressure = audio.read(folder / "whine.wav").samples
    assert by_name["whine"].tones == dict(
        zip(("left", "right"), tone_to_noise(pressure, FS).tones, strict=True)
    )
    assert np.isposinf(by_name["whine"].tones["left"][0].tnr)
    stored = json.loads((folder / "derivatives/indicators/whine.wav.json").read_text())
    assert stored["tones"]["left"][0]["tnr"] == "inf"
    for one, other in zip(fresh.sources, again.sources, strict=True):
        assert repr(one.tones) == repr(other.tones)  # a ratio may be NaN, which equals nothing


def test_the_report_lists_the_prominent_tones(folder: Path, tmp_path: Path) -> None:
    study = collected(folder)
    page = write_report(study, tmp_path / "report")
    text = page.read_text(encoding="utf-8")
    assert "Prominent tones" in text
    assert 'id="tones-ratios' in text
    with open(page.parent / "tables" / "tones.csv", newline="", encoding="utf-8") as file:
        head, *rows = csv.reader(file)
    assert head[:4] == ["Recording", "Channel", "Frequency (Hz)", "Level (dB)"]
    listed = {(row[0], row[1], round(float(row[2]))): row for row in rows}
    assert set(listed) == {("whine", "left", 1000), ("whine", "right", 5000)}
    found = dict(next(s for s in study.sources if s.stimulus == "whine").tones)["right"]
    tone = next(tone for tone in found if round(tone.frequency) == 5000)
    row = listed["whine", "right", 5000]
    assert [float(cell) for cell in row[2:8]] == pytest.approx(
        [tone.frequency, tone.level, tone.tnr, tone.tnr_limit, tone.pr, tone.pr_limit]
    )
    assert row[8] == "TNR and PR"


def test_a_report_without_the_ratios_has_no_such_section(folder: Path, tmp_path: Path) -> None:
    study = collect(folder, sensitivity=1.0, indicators="LAeq", cache=False)
    assert all(not source.tones for source in study.sources)
    page = write_report(study, tmp_path / "report")
    assert "Prominent tones" not in page.read_text(encoding="utf-8")
