"""Tables of ``soundcal measure``: ear rules, one row per recording, other formats, known levels."""

import csv
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import soundcal
from soundcal.calibration.model import Chain, Link, new_calibration
from soundcal.cli import main
from soundcal.errors import ParameterError, RecordError
from soundcal.files import audio
from soundcal.files.records import write_json
from soundcal.indicators.names import resolve
from soundcal.indicators.registry import REGISTRY

FS = 48000
CSV = "recording;left;right;weighting\nR1;62,5;63\u00a0;A\nR2;70;71;A\n"
Capsys = pytest.CaptureFixture[str]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recs").mkdir()
    for n in (1, 2):
        noise = 0.05 * np.random.default_rng(n).standard_normal((2, FS))
        audio.write(tmp_path / f"recs/R{n}.wav", noise, FS, subtype="FLOAT")
    (tmp_path / "levels.csv").write_text(CSV, encoding="utf-8")
    return tmp_path


def rows_of(path: str) -> list[dict[str, str]]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_files_that_are_not_measured_for_one_reason_are_told_once(
    folder: Path, capsys: Capsys
) -> None:
    assert main(["measure", "recs", "--indicators", "LAeq"]) == 5
    said = capsys.readouterr().err
    names = ", ".join(str(Path("recs") / name) for name in ("R1.wav", "R2.wav"))
    assert said.count("not measured: ") == 1
    assert f"not measured: {names}: not calibrated, so the samples" in said


def test_several_ear_rules_add_their_rows(folder: Path) -> None:
    command = "measure recs --levels levels.csv --indicators LAeq,N5 --ears each,max,energy,left"
    assert main([*command.split(), "--out", "t.csv"]) == 0
    found = {
        (row["channel"], row["indicator"]): float(row["value"])
        for row in rows_of("t.csv")
        if row["recording"].endswith("R1.wav")
    }
    assert set(found) == {
        *((ear, symbol) for ear in ("left", "right", "max") for symbol in ("LA", "N")),
        ("energy", "LA"),
        ("mean", "N"),  # a power exists for levels only
    }
    assert found["left", "LA"] == pytest.approx(62.5, abs=1e-9)
    assert found["max", "LA"] == pytest.approx(63.0, abs=1e-9)
    assert found["energy", "LA"] == pytest.approx(10 * np.log10((10**6.25 + 10**6.3) / 2), abs=1e-9)
    assert found["mean", "N"] == pytest.approx((found["left", "N"] + found["right", "N"]) / 2)


def test_a_dead_ear_leaves_the_rows_of_the_other_and_no_combined_value(
    folder: Path, capsys: Capsys
) -> None:
    one_sided = audio.read(folder / "recs/R1.wav").samples * [[1.0], [0.0]]
    audio.write(folder / "one.wav", one_sided, FS, subtype="FLOAT")
    command = "measure one.wav --sensitivity 2 --indicators LAeq --ears each,max --out t.csv"
    assert main(command.split()) == 5
    found = {(row["channel"], row["indicator"]): row for row in rows_of("t.csv")}
    assert set(found) == {("left", "LA"), ("right", "LA"), ("", "failed")}
    assert float(found["left", "LA"]["value"]) > 60
    assert found["right", "LA"]["value"] == ""
    assert "no value for the ear rule 'max'" in found["", "failed"]["statistic"]
    assert "no value for the ear rule 'max'" in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["csv", "xlsx", "parquet"])
def test_one_row_per_recording_in_every_format(folder: Path, ending: str) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow", reason="Parquet needs pyarrow")
    command = f"measure recs --levels levels.csv --indicators LAeq,N5 --wide --out t.{ending}"
    assert main([*command.split(), "--condition", "ocv"]) == 0
    read = {"csv": pd.read_csv, "xlsx": pd.read_excel, "parquet": pd.read_parquet}[ending]
    table = read(f"t.{ending}")
    assert list(table.columns) == [
        "condition",
        "recording",
        "LAeq_left [dB]",
        "LAeq_right [dB]",
        "N5_left [sone]",
        "N5_right [sone]",
        "calibration",
        "software",
    ]
    assert list(table["recording"]) == ["recs/R1.wav", "recs/R2.wav"]
    assert table["LAeq_right [dB]"].to_numpy(dtype=float) == pytest.approx([63.0, 71.0])
    assert set(table["condition"]) == {"ocv"}


def test_text_of_a_workbook_is_no_formula(folder: Path) -> None:
    from openpyxl import load_workbook

    (folder / "recs/R1.wav").rename(folder / "=1+1.wav")
    command = "measure =1+1.wav --sensitivity 2 --indicators LAeq --out t.xlsx"
    assert main(command.split()) == 0
    cell = load_workbook("t.xlsx").active["A2"]
    assert (cell.value, cell.data_type) == ("=1+1.wav", "s")


def test_what_failed_is_in_its_row(folder: Path) -> None:
    (folder / "recs/R3.wav").write_bytes(b"no sound")
    command = "measure recs --sensitivity 2 --indicators LAeq --wide --out t.csv"
    assert main(command.split()) == 5
    by_name = {row["recording"]: row for row in rows_of("t.csv")}
    assert by_name["recs/R3.wav"]["LAeq_left [dB]"] == ""
    assert "R3.wav" in by_name["recs/R3.wav"]["not measured"]
    assert by_name["recs/R1.wav"]["not measured"] == ""


def test_uncertainties_have_columns_if_they_are_asked_for(folder: Path) -> None:
    chains = {ear: Chain((Link("test", 6.0, 0.1),)) for ear in ("left", "right")}
    made = new_calibration("stated", "input", chains)
    write_json(Path("cal.json"), "soundcal/calibration/1", made.to_dict())
    command = "measure recs --calibration cal.json --indicators LAeq,N5 --wide"
    assert main([*command.split(), "--out", "plain.csv"]) == 0
    assert main([*command.split(), "--uncertainty", "--out", "u.csv"]) == 0
    plain, row = rows_of("plain.csv")[0], rows_of("u.csv")[0]
    assert set(row) - set(plain) == {
        f"u({name})"
        for name in ("LAeq_left [dB]", "LAeq_right [dB]", "N5_left [sone]", "N5_right [sone]")
    }
    assert float(row["u(LAeq_left [dB])"]) == pytest.approx(0.1)
    assert 0 < float(row["u(N5_left [sone])"]) < 0.05 * float(row["N5_left [sone]"])


@pytest.mark.parametrize("name", ["t.txt", "t", "t.xls", "t.json"])
def test_another_ending_is_refused_before_anything_is_measured(
    folder: Path, capsys: Capsys, name: str
) -> None:
    assert main(["measure", "recs", "--sensitivity", "2", "--out", name]) == 2
    assert ".csv, .xlsx, .parquet" in capsys.readouterr().err
    assert not (folder / name).exists()


def test_a_library_that_is_missing_is_named(
    folder: Path, capsys: Capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("soundcal.files.text.find_spec", lambda name: None)
    assert main(["measure", "recs", "--sensitivity", "2", "--out", "t.xlsx"]) == 2
    assert 'openpyxl; pip install "soundcal[xlsx]"' in capsys.readouterr().err
    for name, library in (("a.xlsx", "openpyxl"), ("a.parquet", "pyarrow")):
        Path(name).write_bytes(b"PK")
        assert main(["compare", name, "b.csv"]) == 2
        err = capsys.readouterr().err
        assert f'{library}; pip install "soundcal[{name[2:]}]", or save the table as CSV' in err


def test_the_screen_has_a_short_table_beside_the_file(folder: Path, capsys: Capsys) -> None:
    assert main(["measure", "recs", "--levels", "levels.csv", "--out", "t.csv"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:6] == ["recording", "channel", "LAeq", "dB(A)", "LCeq", "dB(C)"]
    assert lines[1].split()[:3] == ["recs/R1.wav", "left", "62.50"]
    assert len(lines) == 1 + 4 + 1
    assert lines[-1] == "34 more values per row in the file"


def test_the_label_asked_for_and_no_more(folder: Path, capsys: Capsys) -> None:
    assert main(["measure", "recs/R1.wav", "--sensitivity", "2", "--indicators", "N5"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[1::2]] == ["N5", "N5"]


JSON = {"R1": {"Left": 62.5, "Right": 63.0}, "R2": {"Left": 70, "Right": 71.0}}


@pytest.mark.parametrize("weighting", ["A", "C", "Z"])
def test_levels_as_soundscapy_has_them(folder: Path, weighting: str) -> None:
    (folder / "levels.json").write_text(json.dumps(JSON))
    table = soundcal.measure(
        folder / "recs",
        levels=folder / "levels.json",
        weighting=weighting,
        indicators=f"L{weighting}eq",
    )
    assert table["value"].tolist() == pytest.approx([62.5, 63.0, 70.0, 71.0], abs=1e-9)


def test_one_level_for_all_channels_and_names_with_ending(folder: Path) -> None:
    (folder / "levels.csv").write_text("Recording,Level,Weighting\nR1.wav,60,Z\nrecs/R2.wav,61,c\n")
    table = soundcal.measure(folder / "recs/R1.wav", levels="levels.csv", indicators="LZeq")
    assert table["value"].tolist() == pytest.approx([60.0, 60.0], abs=1e-9)
    assert table.attrs["notes"] == ["levels.csv: levels of no file here: recs/R2.wav"]
    table = soundcal.measure(Path("recs/R2.wav"), levels="levels.csv", indicators="LCeq")
    assert table["value"].tolist() == pytest.approx([61.0, 61.0], abs=1e-9)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("recording,left,right,weighting\nR1,60,61,A\n", "no level of R2; every recording needs a"),
        ("recording,left,right,weighting\nR1,60,61,A\nr2,6,6,A\n", "'R2' (files) and 'r2' (the"),
        ("recording,left,right\nR1,60,61\nR2,60,61\n", "line 2: no frequency weighting"),
        ("recording,left,right,weighting\nR1,,,A\nR2,60,61,A\n", "no level of the recording 'R1'"),
        (
            "recording,left,right,weighting\nR1,1,2,A\nR1,60,61,A\n",
            "a second row for the recording",
        ),
        ("recording,left,right,weighting\nR1,loud,2,A\nR2,60,61,A\n", "column left"),
        ("name,left,right\nR1,60,61\n", "no column 'recording'"),
        ("recording,weighting\nR1,A\n", "no column with levels"),
        ("recording,left,right,Left,weighting\nR1,60,61,70,A\n", "'left' and 'Left' are the same"),
    ],
)
def test_tables_of_levels_that_are_refused(folder: Path, text: str, said: str) -> None:
    (folder / "levels.csv").write_text(text)
    with pytest.raises(RecordError) as error:
        soundcal.measure("recs", levels="levels.csv", indicators="LAeq")
    assert said in str(error.value)


@pytest.mark.parametrize(
    "text", ['{"R1": {"Left": 60, "Left": 61}}', '{"R1": 60}', "[1, 2]", "{", '{"R1": {"L": "a"}}']
)
def test_json_of_levels_that_is_refused(folder: Path, text: str) -> None:
    (folder / "levels.json").write_text(text)
    with pytest.raises(RecordError, match=r"levels\.json"):
        soundcal.measure("recs", levels="levels.json", weighting="A", indicators="LAeq")


def test_a_level_is_stated_once(folder: Path, capsys: Capsys) -> None:
    base = "measure recs --indicators LAeq --levels levels.csv"
    assert main([*base.split(), "--stated-weighting", "Z"]) == 5
    assert "the frequency weighting is 'A', but 'Z' was stated" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main([*base.split(), "--sensitivity", "2"])
    with pytest.raises(ParameterError, match="each of them calibrates"):
        soundcal.measure("recs", levels="levels.csv", calibration="x.json", indicators="LAeq")
    assert main(["measure", "recs", "--sensitivity", "2", "--stated-weighting", "A"]) == 2


def test_levels_of_channels_that_a_recording_does_not_have(folder: Path, capsys: Capsys) -> None:
    (folder / "levels.csv").write_text("recording,a,b,weighting\nR1,60,61,A\nR2,60,61,A\n")
    command = "measure recs --levels levels.csv --indicators LAeq"
    assert main(command.split()) == 5
    assert "levels of a, b, but the channels" in capsys.readouterr().err
    assert main([*command.split(), "--channels", "b,a"]) == 0
    assert "61.00" in capsys.readouterr().out.splitlines()[1]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("laeq", "LAeq"),
        ("LAFmax", "LAmax"),
        ("lcf95", "LC95"),
        ("LASMAX", "LASmax"),
        ("n5", "N5"),
        ("STUDY", "study"),
        ("Tonality_Aures", "T"),
    ],
)
def test_labels_as_people_write_them(typed: str, meant: str) -> None:
    assert resolve(typed) == resolve(meant)


@pytest.mark.parametrize(
    ("typed", "near"),
    [("Leq", "LAeq or LCeq or LZeq"), ("LAmx", "LAmax"), ("loudnes", "loudness"), ("R05", "R5")],
)
def test_a_label_that_is_none_is_answered_with_similar_ones(typed: str, near: str) -> None:
    with pytest.raises(ParameterError, match=f"did you mean.*{near}"):
        resolve(typed)


def test_all_indicators_are_listed(capsys: Capsys) -> None:
    assert main(["measure", "--indicators", "list"]) == 0
    out = capsys.readouterr().out
    assert "N      loudness in sone; ISO 532-1:2017\n       max, mean, 5" in out
    assert all(f"\n{symbol} " in f"\n{out}" for symbol in REGISTRY)


def test_a_folder_without_audio_is_refused(folder: Path, capsys: Capsys) -> None:
    (folder / "notes").mkdir()
    assert main(["measure", "notes", "--indicators", "LAeq"]) == 5
    assert "notes: no audio files (.wav, " in capsys.readouterr().err


def test_without_files_nothing_is_measured(capsys: Capsys) -> None:
    assert main(["measure"]) == 2
    assert "give audio files, or a folder" in capsys.readouterr().err


def test_a_mono_file_keeps_its_values_beside_a_rule_for_both_ears(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = 0.05 * np.random.default_rng(1).standard_normal((2, 48000))
    audio.write(tmp_path / "a.wav", noise, 48000)
    audio.write(tmp_path / "b.wav", noise[:1], 48000)
    files = [str(tmp_path / "a.wav"), str(tmp_path / "b.wav")]
    command = ["measure", *files, "--sensitivity", "2", "--indicators", "LAeq"]
    out = tmp_path / "out.csv"
    assert main([*command, "--ears", "each,max", "--out", str(out)]) == 5
    table = pd.read_csv(out).set_index(["recording", "channel"])["value"]
    assert table[files[1], "mono"] == table[files[0], "left"]
    assert table[files[0], "max"] == max(table[files[0], "left"], table[files[0], "right"])
    assert "5 rows in" in capsys.readouterr().err
    one = ["measure", files[1], "--sensitivity", "2", "--indicators", "LAeq", "--wide"]
    assert main([*one, "--out", str(tmp_path / "one.csv")]) == 0
    assert "1 row in" in capsys.readouterr().err
    assert main([*command, "--ears", "max", "--json"]) == 5
    assert "the ear rule 'max' needs the channels left and right, found mono" in (
        capsys.readouterr().err
    )
