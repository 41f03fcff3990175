"""``soundcal measure --out FOLDER/``: which results go into a dataset, and what is refused."""

import json
from pathlib import Path

import pytest
from run_data import InProcess, files_of, rows, write_recordings

from soundcal.cli import main
from soundcal.runs import opening, read_run, read_series

TIMES = ("--start-from", "%Y%m%d_%H%M%S", "--time-zone", "Europe/Berlin", "--piece", "1s")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with two recordings, of a command that computes in this process."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(opening, "engine_for", lambda cluster, jobs: InProcess())
    names = [f"sound/{station}/x_20260330_120000.wav" for station in ("a", "b")]
    write_recordings(tmp_path, names, 1.5)
    return tmp_path


def run(*words: str) -> int:
    return main(["measure", *words, "--indicators", "LAeq", "--sensitivity", "1"])


def test_the_same_command_measures_what_is_missing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("sound/**/*.wav", "--out", "results/", *TIMES) == 0
    assert "4 pieces measured (0.0008333 h of sound), in results" in capsys.readouterr().out
    assert {str(row["start_utc"])[:19] for row in rows(folder / "results")} == {
        "2026-03-30 10:00:00",
        "2026-03-30 10:00:01",
    }
    before = files_of(folder / "results")
    assert run("sound/**/*.wav", "--out", "results", "--json", *TIMES) == 0
    log = json.loads(capsys.readouterr().out)
    assert (log["schema"], log["pieces"], log["pieces_there"]) == ("soundcal/run-log/1", 0, 4)
    assert files_of(folder / "results") == before
    assert len(list((folder / "results/runs").iterdir())) == 2
    assert read_run("results")["root"] == str(folder / "sound")
    assert run("sound/**/*.wav", "--out", "results", "--root", ".", *TIMES) == 2
    assert "the same files would have other names and count twice" in capsys.readouterr().err
    assert run("sound/**/*.wav", "--out", "results", "--root", "sound/", *TIMES) == 0


def test_series_of_seconds_are_kept(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sound/a", "--out", "results/", "--keep", "LAF", *TIMES) == 0
    seconds = [row for batch in read_series("results") for row in batch.to_pylist()]
    assert [(row["symbol"], row["series"], row["n_samples"]) for row in seconds] == [
        ("LA", "F", 8000),
        ("LA", "F", 4000),
    ]
    assert run("sound/a", "--out", "results/", "--keep", "LAS", *TIMES) == 2
    assert "keep: LAF there, LAS here" in capsys.readouterr().err


def test_following_ends_with_ctrl_c(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # two files are looked at, two of their four pieces measured
    monkeypatch.setattr(opening, "engine_for", lambda cluster, jobs: InProcess(stop_after=3))
    (folder / "sound/a/broken.wav").write_bytes(b"RIFF")
    assert run("sound/**/*.wav", "--out", "r/", "--follow", "1s", *TIMES) == 0
    told = capsys.readouterr()
    assert "stopped; 2 pieces measured" in told.err
    assert "broken.wav" in told.err
    assert "the same command tries again" in told.err
    assert len(files_of(folder / "r")) == 2
    assert len(list((folder / "r/runs").iterdir())) == 1
    assert run("sound/late", "--out", "r/", "--follow", "1s", *TIMES) == 5
    assert "to wait for a folder, give a pattern in quotes, such as 'sound/late/*.wav'" in (
        capsys.readouterr().err
    )
    assert run("other/*.wav", "--out", "r/", "--follow", "1s", *TIMES) == 2
    assert "the root of the dataset's recordings" in capsys.readouterr().err


def test_a_list_names_the_files(folder: Path) -> None:
    names = sorted(map(str, folder.rglob("*.wav")))
    (folder / "files.txt").write_text(f"{names[0]}\n\nsound/missing.wav\n")
    assert run("@files.txt", "--out", "results/", "--root", "sound", *TIMES) == 5
    assert {row["recording"] for row in rows(folder / "results")} == {"a/x_20260330_120000.wav"}
    assert run("@files.txt", "--out", "table.csv") == 5
    assert len((folder / "table.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["sound/a", "--out", "results"], "write results/ for a dataset"),
        (["sound/a", "--out", "there.csv"], "a folder with the ending of a table"),
        (["sound/a", "--cluster", "local:2"], "--cluster belongs to a dataset; give --out FOLDER/"),
        (["sound/a", "--out", "t.csv", "--station", "x"], "--station belongs to a dataset"),
        (["sound/a", "--out", "t.csv", "--piece", "5min"], "--piece belongs to a dataset"),
        (["sound/a", "--out", "t.csv", "--keep", "LAF"], "--keep belongs to a dataset"),
        (["sound/a", "--out", "t.csv", "--follow"], "--follow belongs to a dataset"),
        (["sound/a", "--out", "r/", "--follow", "--estimate"], "leave out --follow"),
        (["sound/a", "--out", "r/", "--keep", "N"], "N is not measured; add it to --indicators"),
        (["sound/a", "--out", "r/", "--wide"], "--wide belongs to a table"),
        (["sound/a", "--out", "r/", "--piece", "7min"], "--piece: 420 s; a length that divides"),
        (["sound/a", "--out", "r/", "--time-zone", "Berlin"], "'Berlin' is not a time zone"),
        (["sound/a", "--out", "r/", "--start-from", "%H"], "date with its year, hour and minute"),
        (["sound/a", "--out", "r/", "--start-from", "%m%d_%H%M%S"], "date with its year"),
        (["sound/a", "--out", "r/", "--start-from", "%Y%j"], "hour and minute are expected"),
        (["sound/a", "--out", "r/", "--start-from", "%Y%m%d_%H%M"], "give --time-zone"),
        (["sound/a", "--out", "r/", "--ears", "max"], "--ears cannot be used for a dataset"),
        (["sound/c.wav", "--out", "r/"], "sound/c.wav: no such file"),
        (["sound/*.flac", "--out", "r/"], "sound/*.flac: no audio files"),
        (["s3://b/x.wav", "--out", "t.csv"], "remote files are measured into a dataset"),
        (["sound/a", "--out", "r/", "--cluster", "local:2", "--jobs", "2"], "leave it out"),
    ],
)
def test_refusals(
    folder: Path, capsys: pytest.CaptureFixture[str], words: list[str], reason: str
) -> None:
    (folder / "there.csv").mkdir()
    assert run(*words) in (2, 5)
    assert reason in capsys.readouterr().err


def test_a_settings_file_cannot_name_a_cluster(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "soundcal.toml").write_text('[measure]\ncluster = "tcp://elsewhere:8786"\n')
    assert run("sound/a", "--out", "r/") == 5
    assert "cluster cannot be set in a file" in capsys.readouterr().err
