"""The output of one command is the input of the next."""

import contextlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from soundcal.calibration.stated import from_sensitivity
from soundcal.calibration.tone import sine
from soundcal.cli import main
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration, save_calibration
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


def test_takes_of_one_method_are_measured_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    methods(tmp_path)
    for method in ("hats", "ocv"):
        for take, gain in (("1", 1.0), ("2", 10 ** (0.1 / 20))):
            own = ("--condition", method, "--take", take, "--sensitivity", str(gain))
            measured([method], f"{method}{take}.csv", *own)
    capsys.readouterr()
    assert main(["compare", "hats1.csv", "hats2.csv", "ocv1.csv", "ocv2.csv", "--json"]) == 0
    told = capsys.readouterr()
    assert "hats − ocv = −1.00 dB(A) on average over 4 stimuli" in told.err
    assert "a single take of a further stimulus" in told.err
    found = json.loads(told.out)["repeatability"]
    assert [row["method"] for row in found] == ["hats", "ocv"]
    for row in found:
        assert row["sd"] == pytest.approx(0.1 / np.sqrt(2.0), rel=1e-6)


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
    other = pd.read_csv("ocv.csv", dtype={"statistic": str}).drop(columns="software")
    other.to_csv("other.csv", index=False)
    assert main(["compare", "hats.csv", "other.csv"]) == 0
    assert "hats by soundcal" in (told := capsys.readouterr().err)
    assert "other by a program that is not named" in told


@pytest.fixture(scope="module")
def measured_tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with tables that do not fit each other."""
    folder = tmp_path_factory.mktemp("tables")
    methods(folder)
    with contextlib.chdir(folder):
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
        bare = "stimulus,channel,indicator,statistic,value,unit\na,,LA,eq,1,dB\n"
        Path("bare.csv").write_text(bare)
    return folder


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
    measured_tables: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(measured_tables)
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


def stated(*names: str, value: float = 1.0) -> None:
    save_calibration("ears.json", from_sensitivity(dict.fromkeys(names, value)), force=True)


def test_folders_with_few_recordings_are_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    methods(tmp_path)
    stated("left", "right")
    report = ["report", "--calibration", "ears.json", "--indicators", "LAeq,N5", "--out"]
    for kept, told in (
        (2, "−1.00 dB(A) on average over 2 stimuli"),
        (1, "The methods have one stimulus in common (01)"),
    ):
        for path in [*tmp_path.glob("*/0?.wav")]:
            if int(path.stem) > kept:
                path.unlink()
        assert main([*report, f"report{kept}", "--", "hats", "ocv"]) == 0
        assert told in capsys.readouterr().err
    assert main([*report, "one", "--", "hats"]) == 0
    assert Path("one/indicators.csv").exists()
    capsys.readouterr()
    assert main([*report, "file", "--", "hats/01.wav"]) == 5
    assert "soundcal measure hats/01.wav" in capsys.readouterr().err


def test_the_channels_of_a_folder_are_named_as_they_were_calibrated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    methods(tmp_path, 1)
    stated("left", "right")
    report = ["report", "hats", "ocv", "--calibration", "ears.json", "--indicators", "LAeq"]
    assert main(report) == 5
    told = capsys.readouterr().err
    assert "hats/01.wav, hats/02.wav" in told
    assert "--channels left or --channels right" in told
    assert main([*report, "--channels", "left", "--ears", "left"]) == 0
    assert "hats − ocv = −1.00 dB(A)" in capsys.readouterr().err
    stated("mono")
    audio.write("two.wav", np.full((2, FS), 0.01) * np.sin(np.arange(FS) / 10.0), FS)
    assert main(["measure", "two.wav", "--calibration", "ears.json"]) == 5
    assert "--pa-per-fs PA,PA" in capsys.readouterr().err


def test_folders_of_six_microphones_are_reported_without_agreement(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    methods(tmp_path, 6)
    stated(*(f"ch{number}" for number in range(1, 7)))
    report = ["report", "hats", "ocv", "--calibration", "ears.json", "--indicators", "LAeq"]
    assert main([*report, "--out", "report"]) == 0
    assert "none is reported" in capsys.readouterr().err
    assert set(read_table(Path("report/indicators.csv"))["channel"]) >= {"ch1", "ch6"}


@pytest.mark.parametrize("people", [1, 2])
@pytest.mark.parametrize("stimuli", [1, 2])
def test_few_ratings_are_compared_as_far_as_they_go(
    people: int,
    stimuli: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    rows = [
        f"P{person},{condition},S{stimulus},pleasant,{40 + 7 * person + 3 * stimulus + more}"
        for person in range(people)
        for stimulus in range(stimuli)
        for condition, more in (("ocv", person), ("hats", 5))
    ]
    header = "participant,condition,stimulus,attribute,value"
    Path("r.csv").write_text("\n".join([header, *rows]))
    command = ["ratings", "r.*", "--scale", "0", "100", "--report", "r.html", "--out", "r"]
    assert main(command) == 0
    told = capsys.readouterr().err
    assert f"{people} participant" in told
    assert ("are needed for any test" in told) == (people == 1)


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


def late(level_db: float, seconds: float, seed: int = 1) -> np.ndarray:
    """A calibrator that is put on after 3 s with a bump and taken off 1 s before the end."""
    random = np.random.default_rng(seed)
    quiet = 1e-3 * random.standard_normal(3 * FS)
    x = np.concatenate([quiet, calibrator(level_db, seconds, seed), quiet[:FS]])
    x[round(2.8 * FS) : round(3.2 * FS)] += 0.2 * random.standard_normal(round(0.4 * FS))
    return x


CALIBRATOR_FILES = {
    "--left": ["--left", "late.wav"],
    "--right": ["--right", "late.wav"],
    "--channel": ["--channel", "ch3", "late.wav"],
    "both ears, one file": ["--left", "both.wav", "--right", "both.wav"],
    "one of a recording of six": ["--channel", "5", "six.wav"],
    "with --expected": ["--left", "late.wav", "--expected", "before.json"],
}


@pytest.fixture(scope="module")
def calibrator_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("calibrator")
    audio.write(folder / "late.wav", late(-20.0, 12.0)[np.newaxis], FS)
    one, other = late(-20.0, 12.0, 2), late(-20.0, 12.0, 3)
    quiet = 1e-4 * np.random.default_rng(4).standard_normal((6, 2 * one.size))
    both = quiet[:2].copy()
    both[0, : one.size] += one
    both[1, one.size :] += other
    audio.write(folder / "both.wav", both, FS)
    quiet[4, : one.size] += one
    audio.write(folder / "six.wav", quiet, FS)
    save_calibration(folder / "before.json", from_sensitivity({"left": 9.0}))
    return folder


@pytest.mark.parametrize("way", CALIBRATOR_FILES)
def test_a_calibrator_put_on_late_is_found(
    way: str,
    calibrator_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The part that is used is printed and kept, in every way that reads a calibrator's file."""
    monkeypatch.chdir(tmp_path)
    for file in calibrator_files.iterdir():
        Path(file.name).symlink_to(file)
    assert main(["calibrate", *CALIBRATOR_FILES[way], "--out", "mic.json"]) == 0
    said = capsys.readouterr().err
    made = load_calibration("mic.json")
    for name, chain in made.chains.items():
        assert chain.gain_db == pytest.approx(20.02, abs=0.01)
        (part,) = made.details["files"][name]
        assert part["chosen"] == "longest steady part"
        assert 3.2 <= part["from_s"] % 16.0 < 3.5
        assert 14.5 < part["to_s"] % 16.0 <= 15.0
        words = f"from {part['from_s']:g} s to {part['to_s']:g} s (longest steady part)"
        assert f"{name}: used of {part['file']}: {words}" in said
    # the same part by hand gives the same number
    if way == "--left":
        part = made.details["files"]["left"][0]
        limits = ["--from", str(part["from_s"]), "--to", str(part["to_s"])]
        assert main(["calibrate", "--left", "late.wav", *limits, "--out", "hand.json"]) == 0
        assert load_calibration("hand.json").chain("left").gain_db == made.chain("left").gain_db


def test_the_part_of_a_file_that_holds_the_tone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    audio.write("late.wav", late(-20.0, 9.0)[np.newaxis], FS)
    whole = ["calibrate", "--left", "late.wav", "--out", "mic.json"]
    assert main(whole) == 5
    said = capsys.readouterr().err
    assert "late.wav: left: " in said
    assert "steady from 3.3" in said
    assert "at least 10 s" in said
    assert "--from 3.3" in said
    assert main([*whole, "--from", "3.5", "--to", "11.5"]) == 0
    said = capsys.readouterr().err
    assert "from 3.5 s to 11.5 s (by hand)" in said
    assert "warning: left, take 1 lasts 8.00 s only" in said
    made = load_calibration("mic.json")
    assert made.chain("left").gain_db == pytest.approx(20.02, abs=0.01)
    assert made.details["files"]["left"][0]["chosen"] == "by hand"
    assert main([*whole, "--force", "--from", "3.5", "--to", "99"]) == 2
    assert main([*whole, "--force", "--from", "3.5", "--to", "5"]) == 5
    assert "lasts 1.50 s" in capsys.readouterr().err
    assert main(["calibrate", "--simulate", "--from", "3", "--out", "no.json"]) == 2
    assert "--from and --to choose a part of a file" in capsys.readouterr().err


def test_the_part_of_a_recording_whose_level_is_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    audio.write("late.wav", late(-20.0, 12.0)[np.newaxis], FS)
    stated = ["calibrate", "--method", "stated", "--recording", "late.wav", "--levels", "94"]
    part = ["--from", "3.5", "--to", "14.5", "--out", "mic.json"]
    assert main([*stated, "--weighting", "Z", *part]) == 0
    assert load_calibration("mic.json").chain("mono").gain_db == pytest.approx(20.02, abs=0.01)


def test_no_command_replaces_a_file_that_it_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    take = methods(tmp_path)[0]
    save_calibration("ears.json", from_sensitivity({"left": 1.0, "right": 1.0}))
    assert main(["measure", take, *STATED, "--condition", "a", "--out", "a.csv"]) == 0
    audio.write(tmp_path / "tone.wav", sine(-20.0, fs=FS)[np.newaxis], FS)
    live = ["--device", "sim:lab", "--inputs", "1,2", "--duration", "1"]
    Path("link.csv").symlink_to("a.csv")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    capsys.readouterr()
    for command in (
        ["measure", take, *STATED, "--out", take],
        ["measure", "hats", take, "--calibration", "ears.json", "--out", "./ears.json"],
        ["calibrate", "--left", "tone.wav", "--out", "tone.wav"],
        ["calibrate", "--channel", "ch3", "tone.wav", "--out", "tone.wav"],
        ["compare", "a.csv", "--report", "link.csv"],
        ["ratings", "a.csv", "--report", "a.csv"],
        ["record", "ears.wav", *live, "--calibration", "ears.json"],
    ):
        assert main([*command, "--force"]) == 5, command
        assert "this command reads the file and would replace it" in capsys.readouterr().err
    after = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert after == before


def test_an_earlier_calibration_may_be_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    calibrate = ["calibrate", "--device", "sim:lab", "--fs", "8000", "--insertions", "1"]
    assert main([*calibrate, "--out", "ears.json"]) == 0
    assert main([*calibrate, "--expected", "ears.json", "--out", "ears.json", "--force"]) == 0


def test_a_file_given_twice_is_measured_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    take = methods(tmp_path, 1)[0]
    assert main(["measure", take, f"./{take}", "hats", *STATED, "--json"]) == 0
    out, told = capsys.readouterr()
    assert len(json.loads(out)["rows"]) == 4
    assert f"note: {take}: given more than once, measured once" in told
