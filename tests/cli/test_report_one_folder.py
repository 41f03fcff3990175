"""The report of recordings of one method: their values, and no comparison."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile

from soundcal.cli import main
from soundcal.report import study_document
from soundcal.report.document import Table
from soundcal.study import Study, collect

FS = 48000
QUICK = ["--indicators", "LAeq,LA5,LCeq"]


@pytest.fixture
def walk(tmp_path: Path) -> Path:
    """Three recordings, the second with a dead right ear, and a file that is no audio."""
    folder = tmp_path / "walk"
    folder.mkdir()
    rng = np.random.default_rng(1)
    for i, name in enumerate(("park", "street_with_a_very_long_name_of_a_place", "yard")):
        samples = 0.01 * 2.0**i * rng.standard_normal((FS, 2))
        if i == 1:
            samples[:, 1] = 0.0
        soundfile.write(folder / f"{name}.wav", samples, FS, subtype="PCM_24")
    (folder / "broken.wav").write_bytes(b"RIFF\0\0\0\0WAVE")
    return folder


def tables_of(study: Study) -> dict[str, Table]:
    return {table.name: table for table in study_document(study).tables()}


def test_page_pdf_and_json_have_the_values_of_every_recording(
    walk: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    command = ["report", str(walk), "--sensitivity", "10", "--out", str(out), *QUICK]
    assert main([*command, "--pdf", "--json", "--no-cache"]) == 5  # of one file nothing is known
    told = capsys.readouterr()
    assert "3 recordings measured, 1 could not be measured" in told.err
    assert "broken.wav could not be measured: cannot be read as audio" in told.err
    values = pd.DataFrame(json.loads(told.out)["values"])
    leq = values[(values["indicator"] == "LA") & (values["statistic"] == "eq")]
    by_place = leq.set_index(["stimulus", "channel"])["value"]
    rows = pd.read_csv(out / "tables" / "values-la.csv").set_index("Recording")
    for place in ("park", "yard"):
        for ear in ("left", "right"):
            assert rows.loc[place, f"LAeq {ear} (dB)"] == pytest.approx(by_place[place, ear])
    assert np.isnan(rows.loc["street_with_a_very_long_name_of_a_place", "LAeq right (dB)"])
    assert rows.loc["broken"].isna().all()
    page = (out / "report.html").read_text(encoding="utf-8").replace("<wbr>", "")
    assert page.count("<svg") == 2  # one of each indicator
    assert "every sample is exactly zero" in page
    assert "broken.wav could not be measured" in page
    assert (out / "report.pdf").stat().st_size > 10_000


def test_known_levels_calibrate_the_recordings(walk: Path, tmp_path: Path) -> None:
    levels = tmp_path / "levels.csv"
    names = [path.stem for path in sorted(walk.iterdir())]
    lines = [f"{name},{60 + i},{61 + i},A" for i, name in enumerate(names)]
    levels.write_text("\n".join(["recording,left,right,weighting", *lines]))
    out = tmp_path / "out"
    assert main(["report", str(walk), "--levels", str(levels), "--out", str(out), *QUICK]) == 5
    rows = pd.read_csv(out / "tables" / "values-la.csv").set_index("Recording")
    for i, name in enumerate(names):
        found = rows.loc[name, ["LAeq left (dB)", "LAeq right (dB)"]].to_numpy(dtype=float)
        if name in ("park", "yard"):
            assert found == pytest.approx([60 + i, 61 + i], abs=1e-6)
        else:  # a level cannot be given to a dead ear, nor to a file that is no audio
            assert np.isnan(found).all()
    assert "a level of" in (out / "report.html").read_text(encoding="utf-8")


def test_one_file_alone(walk: Path) -> None:
    for path in sorted(walk.iterdir())[1:]:
        path.unlink()
    (walk / "broken.wav").unlink(missing_ok=True)
    soundfile.write(walk / "one.wav", 0.01 * np.random.default_rng(2).standard_normal(FS), FS)
    study = collect(walk, sensitivity=2.0, indicators="LAeq", cache=False)
    table = tables_of(study)["values-la"]
    assert [column.title for column in table.columns] == ["Recording", "mono"]
    ((name, value),) = table.rows
    assert name == "one"
    assert value == study.table["value"].iloc[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--sensitivity", "2", "--full-scale", "133"], "either of them calibrates"),
        (["--sensitivity", "2", "--calibration", "ears.json"], "either of them calibrates"),
        (["--stated-weighting", "A"], "belongs to --levels"),
        ([], "give a calibration"),
    ],
)
def test_unclear_calibrations_are_refused(
    walk: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["report", str(walk), *options]) != 0
    assert message in capsys.readouterr().err


def test_a_sensitivity_without_uncertainty_is_not_called_certain(walk: Path) -> None:
    study = collect(walk, sensitivity=2.0, indicators="LAeq", cache=False)
    table = tables_of(study)["calibrations"]
    titles = [column.title for column in table.columns]
    for row in table.rows:
        cells = dict(zip(titles, row, strict=True))
        assert cells["dB re 1 Pa/FS"] == pytest.approx(6.0206, abs=1e-4)
        assert [cells[name] for name in ("u (dB)", "U 95 % (dB)", "k")] == [None] * 3
    assert len(table.rows) > 0
