"""``soundcal measure`` and the batch behind it."""

import csv
import json
import math
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundcal.batch import measure_file, measure_files
from soundcal.calibration.model import Chain, Link, new_calibration
from soundcal.cli import main
from soundcal.dsp.distribution import CAPACITY
from soundcal.errors import ParameterError, RecordError, SignalError
from soundcal.files import audio
from soundcal.files.atomic import file_digest
from soundcal.files.calibrations import load_calibration, save_calibration
from soundcal.files.records import write_json
from soundcal.indicators import compute, leq, mosqito, resolve
from soundcal.prepared import Task
from soundcal.recording import CLIPPING, Capture, Flag

FS = 48000


def calibration(gain_left: float = 2.0, gain_right: float = 4.0):
    chains = {
        name: Chain((Link("test", 20 * math.log10(gain), 0.1),))
        for name, gain in (("left", gain_left), ("right", gain_right))
    }
    return new_calibration("stated", "input", chains)


def samples(seconds: float = 1.0, seed: int = 0, n_channels: int = 2) -> np.ndarray:
    return 0.05 * np.random.default_rng(seed).standard_normal((n_channels, round(seconds * FS)))


@pytest.fixture
def take(tmp_path: Path) -> Path:
    path = tmp_path / "take.wav"
    audio.write(path, samples(), FS, subtype="FLOAT")
    return path


@pytest.fixture
def cal_file(tmp_path: Path) -> Path:
    path = tmp_path / "cal.json"
    made = calibration()
    write_json(path, "soundcal/calibration/1", made.to_dict())
    assert load_calibration(path) == made
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_file_gives_what_the_recording_gives(take: Path) -> None:
    cal = calibration()
    names = ("LAeq", "LAmax", "LA5", "LCeq", "LCpeak")
    result = measure_file(take, Task(resolve(names), cal), label="take")
    recording = cal.apply(audio.read(take))
    assert list(result.rows) == compute(recording, names, label="take")
    assert result.flags == ()


def test_blocks_of_the_file_do_not_matter(take: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task(resolve(["LA"]), calibration())
    whole = measure_file(take, task).rows
    original = audio.blocks
    monkeypatch.setattr(audio, "blocks", lambda path, size: original(path, 1237))
    assert measure_file(take, task).rows == whole


def test_csv_of_the_command(take: Path, cal_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    arguments = ["measure", str(take), "--calibration", str(cal_file), "--indicators"]
    assert main([*arguments, "LAeq,LCeq", "--indicators", "LZ5", "--out", str(out)]) == 0
    rows = rows_of(out)
    assert [(r["indicator"], r["statistic"], r["channel"]) for r in rows] == [
        (s, k, c) for s, k in (("LA", "eq"), ("LC", "eq"), ("LZ", "5")) for c in ("left", "right")
    ]
    expected = leq(audio.read(take).samples[0] * 2.0, FS).value
    assert float(rows[0]["value"]) == pytest.approx(expected, abs=1e-9)
    assert float(rows[0]["u"]) == 0.1
    assert rows[0]["calibration"].startswith("stated-")
    assert main([*arguments, "LAeq", "--out", str(out)]) == 5  # exists
    assert main([*arguments, "LAeq", "--out", str(out), "--force"]) == 0
    assert main([*arguments, "LAeq", "--out", str(tmp_path / "no" / "out.csv")]) == 5


def test_json_is_one_object(take: Path, cal_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["measure", str(take), "--calibration", str(cal_file), "--json"]
    assert main([*arguments, "--indicators", "LAeq", "--ears", "energy"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["schema"] == "soundcal/measure/1"
    assert [r["channel"] for r in found["rows"]] == ["energy"]
    assert found["software"]["soundcal"]
    assert found["failed"] == {}


def test_text_for_people(take: Path, cal_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--calibration", str(cal_file), "--indicators", "LAeq,LCeq"]
    assert main(["measure", str(take), *options]) == 0
    text = capsys.readouterr().out
    assert text.count(f"{take}, left") == text.count(f"{take}, right") == 1
    assert "LAeq" in text
    assert "dB(A)  u 0.1" in text


def test_plots_of_every_indicator_and_the_spectrum(take: Path, tmp_path: Path) -> None:
    folder = tmp_path / "plots"
    options = ["--sensitivity", "1", "--indicators", "LAeq", "--plots", str(folder)]
    assert main(["measure", str(take), *options]) == 0
    assert sorted(p.name for p in folder.iterdir()) == ["take_LA.png", "take_Lthird.png"]
    assert all(p.stat().st_size > 5000 for p in folder.iterdir())
    assert main(["measure", str(take), *options]) == 5  # the figures exist
    assert main(["measure", str(take), *options, "--force"]) == 0


def test_single_numbers_are_not_drawn(
    take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "plots"
    options = ["--sensitivity", "1", "--indicators", "LAeq,Sst", "--plots", str(folder)]
    assert main(["measure", str(take), *options]) == 0
    assert sorted(p.name for p in folder.iterdir()) == ["take_LA.png", "take_Lthird.png"]
    assert "Sst is a single number and is not drawn" in capsys.readouterr().err


def test_plots_of_long_files_are_refused_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "long.wav"
    audio.write(path, np.zeros((1, 8000 * 301)), 8000)
    options = ["--sensitivity", "1", "--plots", str(tmp_path / "plots")]
    assert main(["measure", str(path), *options]) == 2
    assert "up to 300 s" in capsys.readouterr().err
    assert not (tmp_path / "plots").exists()


def test_uncalibrated_is_refused_with_the_ways_out(
    take: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["measure", str(take), "--json"]) == 5
    out = capsys.readouterr()
    assert "--calibration FILE" in out.err
    assert "--sensitivity PA_PER_FS" in out.err
    assert "not calibrated" in json.loads(out.out)["failed"][str(take)]


def test_stated_sensitivity_and_level(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def measured(*options: str) -> list[float]:
        assert main(["measure", str(take), "--indicators", "LAeq", "--json", *options]) == 0
        return [row["value"] for row in json.loads(capsys.readouterr().out)["rows"]]

    expected = leq(audio.read(take).samples * [[2.0], [3.0]], FS).value
    assert measured("--sensitivity", "2,3") == pytest.approx(expected.tolist(), abs=1e-9)
    assert measured("--sensitivity", "2")[0] == pytest.approx(expected[0], abs=1e-9)
    assert measured("--stated-level", "65,70") == pytest.approx([65.0, 70.0], abs=1e-9)
    assert main(["measure", str(take), "--sensitivity", "1,2,3"]) == 5
    assert main(["measure", str(take), "--sensitivity", "-1"]) == 2
    assert main(["measure", str(take), "--stated-level", "60,61,62"]) == 5
    with pytest.raises(SystemExit, match="2"):  # argparse
        main(["measure", str(take), "--sensitivity", "loud"])
    other = shutil.copy(take, take.with_name("other.wav"))
    assert main(["measure", str(take), str(other), "--stated-level", "65"]) == 2


def test_calibration_of_the_record_beside(take: Path, cal_file: Path) -> None:
    record = {
        "audio": take.name,
        "sha256": file_digest(take),
        "fs": FS,
        "calibration_file": cal_file.name,
        "capture": Capture(samples(), FS).to_dict(),
        "flags": [{"kind": "rate", "text": "2 overflows or underflows of the driver"}],
    }
    write_json(take.with_suffix(".json"), "soundcal/recording/2", record)
    result = measure_file(take, Task(resolve(["LAeq"])))
    assert result.rows[0].calibration == load_calibration(cal_file).id
    assert result.flags == (Flag("rate", "2 overflows or underflows of the driver"),)
    audio.write(take, samples(seed=1), FS, subtype="FLOAT", force=True)
    with pytest.raises(RecordError, match="changed after it was recorded"):
        measure_file(take, Task(resolve(["LAeq"])))


def test_somebody_elses_json_beside_is_left_alone(take: Path) -> None:
    take.with_suffix(".json").write_text('{"title": "a walk"}')
    assert measure_file(take, Task(resolve(["LAeq"]), calibration())).rows
    for foreign in (b'{"title": ', b"\xff\xfe{\x00", b"{'title': 1}", b"[1]", b""):
        take.with_suffix(".json").write_bytes(foreign)
        for task in (
            Task(resolve(["LAeq"]), calibration()),
            Task(resolve(["LAeq"]), sensitivities=(1.0,)),
        ):
            found = measure_file(take, task)
            assert found.rows
            assert not found.flags
        with pytest.raises(SignalError, match="--calibration FILE"):
            measure_file(take, Task(resolve(["LAeq"])))
    # the calibration made from a file of the same name
    save_calibration(take.with_suffix(".json"), calibration(), force=True)
    assert not measure_file(take, Task(resolve(["LAeq"]), calibration())).flags


def test_a_damaged_record_beside_is_flagged_if_the_calibration_is_given(take: Path) -> None:
    take.with_suffix(".json").write_text('{"schema": "soundcal/recording/2", "audio": ')
    found = measure_file(take, Task(resolve(["LAeq"]), calibration()))
    assert [flag.text for flag in found.flags] == [
        "take.json cannot be read as the record of the recording and is left out"
    ]
    with pytest.raises(RecordError, match="state the calibration"):
        measure_file(take, Task(resolve(["LAeq"])))


def test_one_sensitivity_serves_files_of_any_channel_count(take: Path, tmp_path: Path) -> None:
    mono = tmp_path / "mono.wav"
    audio.write(mono, samples(n_channels=1), FS, subtype="FLOAT")
    task = Task(resolve(["LZeq"]), sensitivities=(2.0,))
    two, one = measure_files([take, mono], task)
    assert [row.channel for row in two.rows + one.rows] == ["left", "right", "mono"]
    assert two.rows[0].u is None  # none was stated


def test_uncertainty_in_sone_is_the_change_with_the_level(take: Path) -> None:
    task = Task(resolve(["N5", "LAeq"]), calibration(), uncertainty=True)
    rows = measure_file(take, task, label="take").rows
    loud = new_calibration(
        "stated",
        "input",
        {
            n: Chain((Link("x", 20 * math.log10(g) + 0.1),))
            for n, g in (("left", 2.0), ("right", 4.0))
        },
    )
    raised = measure_file(take, Task(resolve(["N5"]), loud)).rows
    by_label = {(r.channel, r.indicator): r for r in rows}
    assert by_label["left", "LA"].u == pytest.approx(0.1)
    assert by_label["left", "N"].u == pytest.approx(raised[0].value - by_label["left", "N"].value)
    assert 0.003 < by_label["left", "N"].u / by_label["left", "N"].value < 0.02
    recording = calibration().apply(audio.read(take))
    assert compute(recording, ["N5", "LAeq"], label="take", uncertainty=True) == [
        replace(row, calibration=recording.calibration_id) for row in rows
    ]
    assert measure_file(take, Task(resolve(["N5"]), calibration())).rows[0].u is None


def test_mosqito_as_the_engine(take: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--sensitivity", "1", "--engine", "mosqito", "--json"]
    assert main(["measure", str(take), "--indicators", "Nst", *options]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {"engine mosqito" in row["software"] for row in found["rows"]} == {True}
    assert any("computed by MoSQITo" in flag for flag in found["flags"][str(take)])
    assert main(["measure", str(take), "--indicators", "LAeq", *options]) == 2


@pytest.mark.long
def test_mosqito_carries_the_uncertainty_and_misses_single_indicators(tmp_path: Path) -> None:
    """Another engine leaves by the same door: uncertainties, and a reason for what is missing."""
    path = tmp_path / "short.wav"
    audio.write(path, samples(0.25), FS, subtype="FLOAT")
    task = Task(resolve(["N5", "Nst"]), calibration(), engine="mosqito", uncertainty=True)
    result = measure_file(path, task)
    assert result.missing.keys() == {"Nst"}
    assert "too short" in result.missing["Nst"]
    assert {row.indicator for row in result.rows} == {"N", "failed"}
    louder = samples(0.25) * np.array([[2.0], [4.0]]) * 10 ** (0.1 / 20)
    for row, raised in zip(result.rows, mosqito.loudness_zwtv(louder, FS).value, strict=False):
        assert row.u == pytest.approx(raised - row.value, abs=0.002)
        assert row.u > 0.0


def test_a_recording_finds_its_calibration_from_its_own_folder(
    cal_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "takes").mkdir()
    out = tmp_path / "takes" / "take.wav"
    device = ["--device", "sim:lab", "--inputs", "1,2", "--duration", "1"]
    assert main(["record", *device, "--calibration", str(cal_file), str(out)]) == 0
    assert json.loads(out.with_suffix(".json").read_text())["calibration_file"] == "../cal.json"
    assert main(["measure", str(out), "--indicators", "LAeq"]) == 0
    assert "LAeq" in capsys.readouterr().out


def test_clipping_is_a_flag(tmp_path: Path) -> None:
    x = samples()
    x[1, 10:13] = 1.0
    audio.write(tmp_path / "x.wav", x, FS, subtype="FLOAT")
    result = measure_file(tmp_path / "x.wav", Task(resolve(["LAeq"]), calibration()))
    text = "right: 3 samples at or beyond full scale; lower the input gain"
    assert result.flags == (Flag(CLIPPING, text),)


@pytest.mark.parametrize("jobs", [1, 2])
def test_failures_are_kept_in_order(tmp_path: Path, take: Path, jobs: int) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("not audio")
    paths = [tmp_path / "empty.wav", take, tmp_path / "text.wav", tmp_path / "missing.wav"]
    seen: list[float] = []
    results = list(
        measure_files(
            paths, Task(resolve(["LAeq"]), calibration()), jobs=jobs, progress=seen.append
        )
    )
    assert [r.path for r in results] == [str(p) for p in paths]
    assert [bool(r.error) for r in results] == [True, False, True, True]
    failed = results[0].rows[0]
    assert (failed.indicator, math.isnan(failed.value)) == ("failed", True)
    assert "the file is empty" in failed.statistic
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1.0)


def test_workers_follow_the_program_into_another_folder(
    tmp_path: Path, take: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = Task(resolve(["LAeq"]), calibration())
    for name in ("first", "second"):  # the same workers serve both calls
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(take, folder / "a.wav")
        monkeypatch.chdir(folder)
        results = measure_files(["a.wav", "a.wav"], task, jobs=2)
        assert [(r.path, r.error) for r in results] == [("a.wav", "")] * 2
        shutil.rmtree(folder)


def test_one_failure_gives_exit_code_5_and_a_row(
    tmp_path: Path, take: Path, cal_file: Path
) -> None:
    out = tmp_path / "out.csv"
    files = [str(tmp_path / "none.wav"), str(take)]
    options = ["--calibration", str(cal_file), "--indicators", "LAeq", "--out", str(out)]
    assert main(["measure", *files, *options]) == 5
    rows = rows_of(out)
    assert [r["indicator"] for r in rows] == ["failed", "LA", "LA"]
    assert "no such file" in rows[0]["statistic"]


@pytest.mark.parametrize(
    ("seconds", "missing"), [(0.3, {"F"}), (0.22, {"F", "T"}), (0.05, {"F", "R", "T"})]
)
def test_a_short_file_gets_what_is_defined(
    seconds: float, missing: set[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short, out = tmp_path / "short.wav", tmp_path / "out.csv"
    audio.write(short, samples(seconds), FS, subtype="FLOAT")
    options = ["--sensitivity", "2", "--out", str(out), "--ears", "mean"]
    assert main(["measure", str(short), *options]) == 5
    rows = rows_of(out)
    failed = [row for row in rows if row["indicator"] == "failed"]
    reasons = {row["statistic"].partition(": ")[0]: row["statistic"] for row in failed}
    assert reasons.keys() == missing
    assert "too short for fluctuation_strength: at least 0.5 s are needed" in reasons["F"]
    found = {row["indicator"] for row in rows} - {"failed"}
    assert found == {"LA", "LC", "N", "S", "R", "T", "F"} - missing
    assert all(math.isfinite(float(row["value"])) for row in rows if row not in failed)
    assert f"{short}: F not measured: signal of {seconds:g} s" in capsys.readouterr().err
    assert main(["measure", str(short), "--sensitivity", "2", "--json"]) == 5
    assert json.loads(capsys.readouterr().out)["missing"][str(short)].keys() == missing


def test_nothing_defined_is_a_file_not_measured(tmp_path: Path) -> None:
    audio.write(tmp_path / "short.wav", samples(0.3), FS, subtype="FLOAT")
    task = Task(resolve(["F", "PA"]), calibration())
    (result,) = measure_files([tmp_path / "short.wav"], task)
    assert "too short for fluctuation_strength" in result.error
    assert [row.indicator for row in result.rows] == ["failed"]


def test_what_is_derived_is_missing_with_what_it_needs(tmp_path: Path) -> None:
    audio.write(tmp_path / "short.wav", samples(0.3), FS, subtype="FLOAT")
    result = measure_file(
        tmp_path / "short.wav", Task(resolve(["N", "PA"]), calibration(), uncertainty=True)
    )
    assert result.missing.keys() == {"PA"}
    assert "too short for fluctuation_strength" in result.missing["PA"]
    assert all(row.u is not None for row in result.rows if row.indicator == "N")


def test_ctrl_c_keeps_what_was_measured(
    take: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(paths: list[str], task: Task, **options: object) -> Iterator[object]:
        yield measure_file(paths[0], task)
        raise KeyboardInterrupt

    monkeypatch.setattr("soundcal.batch.measure_files", interrupted)
    out = tmp_path / "out.csv"
    options = ["--sensitivity", "1", "--indicators", "LAeq", "--out", str(out)]
    other = shutil.copy(take, take.with_name("other.wav"))
    assert main(["measure", str(take), str(other), *options]) == 130
    assert len(rows_of(out)) == 2
    assert "stopped after 1 of 2 files" in capsys.readouterr().err


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("n_channels", [1, 2, 8])
def test_formats_and_channel_counts(tmp_path: Path, subtype: str, n_channels: int) -> None:
    x = samples(0.5, n_channels=n_channels)
    path = tmp_path / "x.wav"
    soundfile.write(path, x.T, FS, subtype=subtype)
    names = tuple(f"m{i}" for i in range(n_channels))
    chain = Chain((Link("test", 0.0),))
    cal = new_calibration("stated", "input", dict.fromkeys(names, chain))
    result = measure_file(path, Task(resolve(["LZeq"]), cal, channels=names))
    expected = leq(x, FS, weighting="Z").value
    assert [row.value for row in result.rows] == pytest.approx(expected.tolist(), abs=0.01)


@pytest.mark.parametrize("fs", [8000, 22050, 44100, 192000])
def test_rates(tmp_path: Path, fs: int) -> None:
    t = np.arange(fs) / fs
    path = tmp_path / "x.wav"
    audio.write(path, np.sin(2 * np.pi * 1000 * t)[None] * 0.5, fs)
    cal = new_calibration("stated", "input", {"mono": Chain((Link("test", 0.0),))})
    (row,) = measure_file(path, Task(resolve(["LAeq"]), cal)).rows
    assert row.value == pytest.approx(20 * math.log10(0.5 / math.sqrt(2) / 20e-6), abs=0.02)


def test_refusals(take: Path, tmp_path: Path) -> None:
    with pytest.raises(SignalError, match="not calibrated"):
        measure_file(take, Task(resolve(["LAeq"])))
    with pytest.raises(
        ParameterError, match=r"calibrates left, right, not a, b.*--channels left,right"
    ):
        measure_file(take, Task(resolve(["LAeq"]), calibration(), channels=("a", "b")))
    with pytest.raises(ParameterError, match="2 channels in the file"):
        measure_file(take, Task(resolve(["LAeq"]), calibration(), channels=("left",)))
    with pytest.raises(ParameterError, match="no files"):
        list(measure_files([], Task()))
    with pytest.raises(ParameterError, match="0 jobs"):
        list(measure_files([take], Task(), jobs=0))
    with pytest.raises(ParameterError, match="no indicator"):
        list(measure_files([take], Task({"LQ": ("eq",)})))
    with pytest.raises(ParameterError, match="free, diffuse or eardrum"):
        list(measure_files([take], Task(resolve(["LAeq"]), field="open")))
    with pytest.raises(ParameterError, match="ear rule 'both'"):
        list(measure_files([take], Task(resolve(["LAeq"]), ears=("both",))))
    bad = tmp_path / "nan.wav"
    x = samples().T
    x[5, 0] = np.nan
    soundfile.write(bad, x, FS, subtype="FLOAT")
    with pytest.raises(SignalError, match="NaN"):
        measure_file(bad, Task(resolve(["LAeq"]), calibration()))
    cut = tmp_path / "cut.wav"
    cut.write_bytes(take.read_bytes()[:-1000])
    with pytest.raises(RecordError, match="truncated"):
        measure_file(cut, Task(resolve(["LAeq"]), calibration()))


ROOM_FOR_PERCENTILES = 2 * 4 * CAPACITY * 8
"""Bytes that the percentiles of LA, LC, N and S of two channels grow to within the first hour."""


@pytest.mark.parametrize(
    ("names", "minutes", "most"),
    [
        pytest.param("LAeq,LA5,LC5", 10.0, 400e6, marks=pytest.mark.long),
        ("study", 1 / 6, 400e6 - ROOM_FOR_PERCENTILES),
    ],
)
def test_memory_does_not_grow_with_the_file(
    names: str, minutes: float, most: float, tmp_path: Path
) -> None:
    """In a process of its own; ten minutes of stereo are 460 MB as float64."""
    path = tmp_path / "long.wav"
    block = (samples(10.0, seed=3)).T.astype(np.float32)
    with soundfile.SoundFile(path, "w", FS, 2, "PCM_16") as file:
        for _ in range(round(6 * minutes)):
            file.write(block)
    # ru_maxrss would be the parent's where that is larger, VmHWM is the process's own
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "from soundcal.cli import main\n"
        "code = main(sys.argv[1:])\n"
        "if sys.platform == 'linux':\n"
        "    lines = Path('/proc/self/status').read_text().splitlines()\n"
        "    peak = 1024 * next(int(x.split()[1]) for x in lines if x.startswith('VmHWM'))\n"
        "else:\n"
        "    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print(peak, file=sys.stderr)\n"
        "sys.exit(code)"
    )
    arguments = ["measure", str(path), "--sensitivity", "1", "--indicators", names]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--json"],
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stderr.split()[-1]) < most
