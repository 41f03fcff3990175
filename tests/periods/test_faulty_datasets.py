"""What is wrong with a dataset is named, with a way out, and never read for something else."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from period_data import FS, Sound, write_dataset

from soundcal.cli import main
from soundcal.errors import RecordError
from soundcal.periods import summarise

START = datetime(2026, 7, 1, tzinfo=UTC)


def _without(column: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = _piece(folder)
        pq.write_table(pq.read_table(path, partitioning=None).drop_columns([column]), path)

    return change


def _other_type(folder: Path) -> None:
    path = _piece(folder)
    table = pq.read_table(path, partitioning=None)
    place = table.column_names.index("seconds")
    text = table.column("seconds").cast(pa.string())
    pq.write_table(table.set_column(place, "seconds", text), path)


def _foreign(folder: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), _piece(folder).with_name("mine.parquet"))


def _copied(folder: Path) -> None:
    path = _piece(folder)
    path.with_name(f"{path.stem} (1).parquet").write_bytes(path.read_bytes())


def _copied_day(folder: Path) -> None:
    path = _piece(folder)
    day = path.parent.with_name("day=2026-07-01 - Copy")
    day.mkdir()
    (day / path.name).write_bytes(path.read_bytes())


def _foreign_failure(folder: Path) -> None:
    (folder / "failures").mkdir()
    pq.write_table(pa.table({"a": [1]}), folder / "failures" / "mine.parquet")


def _newer_run(folder: Path) -> None:
    run = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**run, "schema": "soundcal/run/9"}))


def _cut_run(folder: Path) -> None:
    (folder / "run.json").write_text((folder / "run.json").read_text()[:100])


def _piece(folder: Path) -> Path:
    return sorted(folder.glob("summaries/*/*.parquet"))[0]


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "column of places missing": (
        _without("file_samples"),
        r"parquet: has no column file_samples; another version of soundcal .* into a new folder",
    ),
    "column of values missing": (_without("keys"), "has no column keys; another version"),
    "type": (_other_type, r"seconds holds values of another type \(string\); another version"),
    "foreign file": (_foreign, r"mine\.parquet: not a file that soundcal .* move it elsewhere"),
    "copied file": (_copied, r"\(1\)\.parquet: not a file that soundcal .* move it elsewhere"),
    "copied day": (_copied_day, r"not a file that soundcal .* move it elsewhere"),
    "foreign failure": (_foreign_failure, r"mine\.parquet: not written there .* move it elsewhere"),
    "empty file": (lambda folder: _piece(folder).write_bytes(b""), "cannot be read .* remove"),
    "settings lost": (lambda folder: (folder / "run.json").unlink(), "restore run.json, or"),
    "settings of a newer version": (_newer_run, "soundcal/run/9"),
    "settings cut": (_cut_run, "cannot be read as a JSON record"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named_with_a_way_out(
    tmp_path: Path, fault: str, capsys: pytest.CaptureFixture[str]
) -> None:
    change, message = FAULTS[fault]
    hours = [Sound(START + timedelta(hours=n), 3600.0, first=n * 3600 * FS) for n in range(2)]
    folder = write_dataset(tmp_path / "r", hours)
    change(folder)
    with pytest.raises(RecordError, match=message):
        summarise(folder, {"t": "day"})
    assert main(["compare", str(folder)]) == 5
    assert "soundcal report" not in capsys.readouterr().err


def test_columns_of_later_versions_do_no_harm(tmp_path: Path) -> None:
    folder = write_dataset(tmp_path / "r", [Sound(START, 3600.0, 61.0)])
    path = _piece(folder)
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.append_column("more", pa.array([1] * table.num_rows)), path)
    (row,) = summarise(folder, {"t": "hour"}).tables["t"].rows
    assert row.values["LA", "eq"] == pytest.approx(61.0)
