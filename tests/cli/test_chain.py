"""The output of one command is the input of the next."""

import json
from pathlib import Path

import numpy as np
import pytest

from soundcal.calibration.tone import sine
from soundcal.cli import main
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration
from soundcal.study import read_table

FS = 48000
STATED = ["--sensitivity", "1", "--indicators", "LAeq"]


def methods(folder: Path, n_channels: int = 2) -> list[str]:
    """Write four stimuli per method, the second method 1 dB louder; return the files."""
    files = []
    for method, gain in (("hats", 1.0), ("ocv", 10 ** (1 / 20))):
        (folder / method).mkdir()
        for number in range(1, 5):
            shape = (n_channels, FS)
            sound = 0.01 * number * np.random.default_rng(number).standard_normal(shape)
            audio.write(folder / method / f"0{number}.wav", gain * sound, FS, subtype="FLOAT")
            files.append(f"{method}/0{number}.wav")
    return files


@pytest.mark.parametrize(
    ("n_channels", "options"), [(1, []), (2, []), (2, ["--ears", "left"])], ids=str
)
def test_measure_then_compare(
    n_channels: int,
    options: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    files = methods(tmp_path, n_channels)
    assert main(["measure", *files, *STATED, "--out", "all.csv"]) == 0
    assert main(["compare", "all.csv", *options]) == 0
    told = capsys.readouterr().err
    assert "hats − ocv = −1.00 dB(A) on average over 4 stimuli" in told
    assert "names of the recordings' folders" in told


def test_what_was_not_measured_is_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    files = methods(tmp_path)
    Path("ocv/02.wav").write_bytes(b"no sound")
    assert main(["measure", *files, *STATED, "--out", "all.csv"]) == 5
    assert main(["compare", "all.csv"]) == 0
    told = capsys.readouterr().err
    assert "on average over 3 stimuli" in told
    assert "ocv/02.wav: not measured in full" in told


def measured(files: list[str], out: str, *options: str) -> None:
    assert main(["measure", *files, *STATED, *options, "--out", out]) == 0


@pytest.mark.parametrize("named", ["by the file", "by the option"])
def test_one_table_per_method(
    named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    methods(tmp_path)
    for method in ("hats", "ocv"):
        if named == "by the file":
            measured([f"{method}/*.wav"], f"{method}.csv")
        else:
            measured([method], f"of {method}.csv", "--condition", method)
    assert main(["compare", "*.csv"]) == 0
    told = capsys.readouterr().err
    assert "hats − ocv = −1.00 dB(A) on average over 4 stimuli" in told
    assert ("the condition is the name of the table" in told) == (named == "by the file")


def test_the_condition_is_a_column_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    methods(tmp_path)
    measured(["hats/01.wav"], "a.csv", "--condition", "=1+1", "--json")
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert {row["condition"] for row in rows} == {"=1+1"}
    assert Path("a.csv").read_text().splitlines()[1].startswith("'=1+1,hats/01.wav,left,LA,eq,")
    assert set(read_table(Path("a.csv"))["condition"]) == {"=1+1"}


def test_tables_that_were_computed_differently_are_compared_with_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    methods(tmp_path)
    measured(["hats"], "hats.csv")
    measured(["ocv"], "ocv.csv", "--field", "diffuse")
    assert main(["compare", "hats.csv", "ocv.csv"]) == 0
    told = capsys.readouterr().err
    assert "the conditions were computed differently" in told
    assert "diffuse field" in told


@pytest.mark.parametrize(
    ("tables", "way"),
    [
        (["hats.csv"], "(compare FIRST.csv SECOND.csv)"),
        (["hats.csv", "hats.csv"], "measure --condition NAME"),
        (["hats.csv", "copy/hats.csv"], "measure --condition NAME"),
        (["named.csv"], "soundcal compare FIRST.csv SECOND.csv"),
        (["hats.csv", "all.csv"], "measure --condition NAME"),
        (["hats", "ocv"], "soundcal report hats ocv"),
        (["hats/01.wav"], "soundcal measure hats/01.wav --out FILE.csv"),
        (["hats.csv", "all.json"], "--out FILE.csv"),
        (["hats.csv", "max.csv"], "with the same --ears"),
        (["hats.csv", "one.csv"], "the only common stimulus is '01'"),
        (["hats.csv", "combined.csv"], "column combination"),
        (["bare.csv"], "soundcal compare FIRST.csv SECOND.csv"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_be_compared_is_told_the_way(
    tables: list[str],
    way: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    methods(tmp_path)
    Path("copy").mkdir()
    measured(["hats"], "hats.csv")
    measured(["hats"], "copy/hats.csv")
    measured(["ocv"], "named.csv", "--condition", "ocv")
    measured(["hats", "ocv"], "all.csv")
    measured(["ocv"], "max.csv", "--ears", "max")
    measured(["ocv/01.wav"], "one.csv")
    Path("all.json").write_text("{}")
    lines = Path("named.csv").read_text().splitlines()
    combined = ["combination," + lines[0], *("x," + line for line in lines[1:])]
    Path("combined.csv").write_text("\n".join(combined))
    Path("bare.csv").write_text("stimulus,channel,indicator,statistic,value,unit\na,,LA,eq,1,dB\n")
    capsys.readouterr()
    assert main(["compare", *tables]) == 5
    assert way in capsys.readouterr().err


def test_recordings_of_one_folder_are_not_compared_and_the_way_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    methods(tmp_path)
    monkeypatch.chdir(tmp_path / "hats")
    assert main(["measure", "01.wav", "02.wav", *STATED, "--out", "../hats.csv"]) == 0
    assert main(["compare", "../hats.csv"]) == 5
    assert "soundcal report FOLDER FOLDER" in capsys.readouterr().err


def calibrator(rms_db: float, seconds: float = 11.0, seed: int = 0) -> np.ndarray:
    noise = 1e-4 * np.random.default_rng(seed).standard_normal(round(seconds * FS))
    return sine(rms_db, duration=seconds) + noise


def test_a_calibrator_file_per_microphone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        x = 1e-4 * np.random.default_rng(number).standard_normal((3, 11 * FS))
        x[number] = calibrator(-20.0 - number, seed=10 + number)
        audio.write(f"c{number + 1}.wav", x, FS)
    audio.write("mono.wav", calibrator(-22.0, seed=20)[np.newaxis], FS)
    audio.write("take.wav", np.full((3, FS), 0.01) * np.sin(np.arange(FS) / 10.0), FS)
    named = ["--channel", "ch1", "c1.wav", "--channel", "2", "c2.wav", "--channel", "ch3"]
    for last in ("c3.wav", "mono.wav"):
        assert main(["calibrate", *named, last, "--out", f"of_{last}.json"]) == 0
        made = load_calibration(f"of_{last}.json")
        assert made.channels == ("ch1", "ch2", "ch3")
        assert made.chain("ch3").gain_db - made.chain("ch1").gain_db == pytest.approx(2.0, abs=0.01)
        measure = ["measure", "take.wav", "--calibration", f"of_{last}.json"]
        assert main([*measure, "--indicators", "LAeq"]) == 0
    capsys.readouterr()
    assert main(["calibrate", "--left", "c1.wav", "--out", "no.json"]) == 2
    assert "--channel ch1 c1.wav" in capsys.readouterr().err
    assert main(["calibrate", "--channel", "3", "mono.wav", "--out", "no.json"]) == 2
    assert "--channel ch3" in capsys.readouterr().err


def test_the_part_of_a_file_that_holds_the_tone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    quiet = 1e-3 * np.random.default_rng(1).standard_normal(3 * FS)
    late = np.concatenate([quiet, calibrator(-20.0, 12.0), quiet[:FS]])
    audio.write("late.wav", late[np.newaxis], FS)
    whole = ["calibrate", "--left", "late.wav", "--out", "mic.json"]
    assert main(whole) == 5
    assert "at least 10 s of it with --from S --to S" in capsys.readouterr().err
    assert main([*whole, "--from", "3.5", "--to", "14.5"]) == 0
    assert "from 3.5 s to 14.5 s" in capsys.readouterr().err
    assert load_calibration("mic.json").chain("left").gain_db == pytest.approx(20.0, abs=0.03)
    assert main([*whole, "--force", "--from", "3.5", "--to", "99"]) == 2
    assert main([*whole, "--force", "--from", "5.5", "--to", "14.5"]) == 5
    assert "lasts 9.00 s" in capsys.readouterr().err
