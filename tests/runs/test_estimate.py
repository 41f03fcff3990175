"""``measure --estimate``: the effort of a run from a few of its pieces."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundcal.cli import main
from soundcal.prepared import Task
from soundcal.runs.cluster_file import read_cluster_file
from soundcal.runs.estimate import estimate_run
from soundcal.runs.running import spooled
from soundcal.runs.settings import RunSettings
from soundcal.runs.versions import installed
from soundcal.runs.work import Job

FS = 8000


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of 70, 90 and 110 s."""
    folder = tmp_path_factory.mktemp("files")
    rng = np.random.default_rng(1)
    for seconds in (70, 90, 110):
        sound = 0.01 * rng.standard_normal(seconds * FS)
        soundfile.write(folder / f"{seconds}.wav", sound, FS, subtype="PCM_24")
    return folder


def command(files: Path, out: Path, *options: str) -> list[str]:
    about = ["--sensitivity", "1", "--indicators", "LAeq", "--piece", "1min", "--out", f"{out}/"]
    return ["measure", str(files), *about, *options]


def test_sound_pieces_and_bytes_are_those_of_all_files(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(command(files, tmp_path / "r", "--estimate", "--json")) == 0
    found = json.loads(capsys.readouterr().out)
    assert not (tmp_path / "r").exists()
    assert (found["files"], found["looked_at"], found["pieces"]) == (3, 3, 6)
    assert found["sound_s"] == 270.0
    assert found["bytes_read"] == sum(path.stat().st_size for path in files.iterdir())
    assert found["tried_s"] == 10.0 + 30.0 + 50.0  # the second piece of each
    assert found["core_hours"] == pytest.approx(270.0 / found["speed"] / 3600)
    assert main(command(files, tmp_path / "r")) == 0
    written = sum(path.stat().st_size for path in (tmp_path / "r").rglob("summaries/*/*.parquet"))
    assert found["bytes_written"] == pytest.approx(written, rel=0.1)


def test_hours_of_sound_like_this_and_their_price(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    year = command(files, tmp_path / "r", "--estimate", "8760", "--price", "0.05")
    assert main(year) == 0
    lines = {line.split()[0]: line.split()[1:] for line in capsys.readouterr().out.splitlines()}
    assert lines["8760"][:3] == ["h", "of", "sound,"]
    assert float(lines["read"][0]) == pytest.approx(8760 * 3600 * FS * 3 / 1e9, rel=1e-2)
    price = float(lines["money"][0])
    assert price == pytest.approx(0.05 * float(lines["computing"][0]), rel=0.02)


def test_of_many_files_some_stand_for_all(files: Path, tmp_path: Path) -> None:
    settings = RunSettings(Task(wanted={"LA": ("eq",)}, sensitivities=(1.0,)), piece_s=60)
    with spooled([str(files / "90.wav")] * 950) as (listed, names):
        found = estimate_run(names, listed, Job(settings, str(files), installed()))
    assert (found.files, found.looked_at) == (950, 95)
    assert found.sound_s == pytest.approx(950 * 90.0)
    assert found.pieces == pytest.approx(950 * 2)


def test_a_coarse_clock_of_processor_time_does_not_matter(
    files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("time.thread_time", lambda: 0.0)
    assert main(command(files / "70.wav", tmp_path / "r", "--estimate", "--json")) == 0
    assert json.loads(capsys.readouterr().out)["speed"] > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--price", "1"], "--price belongs to --estimate"),
        (["--estimate", "-5"], "0 or more"),
        (["--estimate", "--price", "-1"], "0 or more"),
    ],
)
def test_what_cannot_be_estimated_is_refused(
    files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: list[str],
    message: str,
) -> None:
    assert main(command(files, tmp_path / "r", *options)) == 2
    assert message in capsys.readouterr().err


def test_an_estimate_is_of_a_dataset(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["measure", str(files), "--sensitivity", "1", "--estimate"]) == 2
    assert "--estimate belongs to a dataset" in capsys.readouterr().err


def test_a_file_that_cannot_be_read_is_named(
    files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    assert main(command(broken, tmp_path / "r", "--estimate")) == 5
    assert "broken.wav" in capsys.readouterr().err


def test_the_example_of_a_cluster_file_can_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("slurm", "pbs", "lsf", "kubernetes"):
        assert main(["measure", "--cluster-example", kind]) == 0
        path = tmp_path / f"{kind}.toml"
        path.write_text(capsys.readouterr().out, encoding="utf-8")
        assert read_cluster_file(path).kind == kind
