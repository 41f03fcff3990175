"""Series of a dataset: values of every second, written once, beside the summaries."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from run_data import FS, InProcess, files_of, measured, settings, write_recordings

from soundcal.batch import measure_file
from soundcal.errors import ParameterError, RecordError
from soundcal.runs import read_failures, read_series
from soundcal.runs.starts import RecorderClock
from soundcal.summaries.seconds import kept_series

NAMES = ("north/a_20260330_235958.250000.wav", "south/b_20260331_120000.000000.wav")
CLOCK = RecorderClock("%Y%m%d_%H%M%S.%f", "UTC")
KEEPING = settings(clock=CLOCK, keep=kept_series("LAF,LAS"))


@pytest.fixture(scope="module")
def whole(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("whole") / "results"
    totals = measured(out, [str(recordings / "**/*.wav")], InProcess(), KEEPING)
    assert (totals.pieces, totals.failures) == (8, 0)
    assert totals.bytes_written == sum(map(len, files_of(out).values()))
    return out


def series(out: Path, **given: Any) -> list[dict[str, Any]]:
    return [row for batch in read_series(out, **given) for row in batch.to_pylist()]


def test_seconds_are_those_of_utc_and_lie_in_the_day_of_their_piece(whole: Path) -> None:
    rows = [row for row in series(whole) if row["station"] == "north" and row["series"] == "F"]
    rows.sort(key=lambda row: row["start_utc"])
    midnight = datetime(2026, 3, 31, tzinfo=UTC)
    begin = [timedelta(seconds=s) for s in (-1.75, -1, 0, 1)]
    assert [row["start_utc"] - midnight for row in rows] == begin
    assert [row["first_sample"] for row in rows] == [0, 6000, 14000, 22000]
    assert [row["n_samples"] for row in rows] == [6000, 8000, 8000, 6000]
    assert {row["fs"] for row in rows} == {FS}
    assert len(series(whole, days=["2026-03-30"])) == 2 * 2
    chosen = series(whole, columns=["station", "mean"])
    assert {tuple(row) for row in chosen} == {("station", "mean")}


def test_values_of_seconds_make_the_level_of_the_file(whole: Path, recordings: Path) -> None:
    rows = [row for row in series(whole) if row["recording"] == NAMES[0] and row["series"] == "F"]
    power = sum(row["n_samples"] * 10.0 ** (row["mean"] / 10.0) for row in rows)
    seconds = sum(row["n_samples"] for row in rows)
    found = {
        row.statistic: row.value for row in measure_file(recordings / NAMES[0], KEEPING.task).rows
    }
    # 32-bit floating-point numbers: 4e-6 dB
    assert 10 * np.log10(power / seconds) == pytest.approx(found["eq"], abs=1e-5)
    assert max(row["maximum"] for row in rows) == pytest.approx(found["max"], abs=1e-5)


def test_any_tool_reads_values_with_units_meaning_and_standards(whole: Path) -> None:
    table = pq.read_table(whole / "series")
    assert {str(table.schema.field(name).type) for name in ("mean", "maximum")} == {"float"}
    assert set(table["unit"].to_pylist()) == {"dB"}
    told = table.schema.metadata
    assert b"LAeq,1s" in told[b"soundcal.statistics"]
    assert b"61672" in told[b"soundcal.standard.LA"]
    assert table.schema.field("mean").metadata[b"description"]


def test_stops_and_missing_files_change_nothing(
    recordings: Path, whole: Path, tmp_path: Path
) -> None:
    """What has lost one of its two files is measured again."""
    out, sources = tmp_path / "r", [str(recordings / "**/*.wav")]
    for stop_after in (2, 3):
        with pytest.raises(KeyboardInterrupt):
            measured(out, sources, InProcess(stop_after=stop_after), KEEPING)
    measured(out, sources, InProcess(1), KEEPING)
    assert files_of(out) == files_of(whole)
    min((out / "series").rglob("*.parquet")).unlink()
    max((out / "summaries").rglob("*.parquet")).unlink()
    totals = measured(out, sources, InProcess(), KEEPING)
    assert (totals.pieces, totals.there) == (2, 6)
    assert files_of(out) == files_of(whole)


def test_a_file_that_was_replaced_leaves_no_series_behind(tmp_path: Path) -> None:
    name = tmp_path / "audio" / NAMES[1]
    out, undated = tmp_path / "r", settings(clock=RecorderClock(), keep=kept_series("LA"))
    write_recordings(name.parent, [name.name])
    measured(out, [str(name.parent)], InProcess(), undated)
    before = files_of(out)
    assert {row["start_utc"] for row in series(out)} == {None}
    write_recordings(name.parent, [name.name], 2.0)
    (out / "summaries/day=undated").joinpath(sorted(before)[-1].rpartition("/")[2]).unlink()
    measured(out, [str(name.parent)], InProcess(), undated)
    assert len(files_of(out)) == 4
    assert not files_of(out).items() & before.items()
    name.write_bytes(b"RIFF")
    measured(out, [str(name.parent)], InProcess(), undated)
    assert not files_of(out)
    assert len(read_failures(out)) == 1


def test_other_series_than_those_of_the_dataset_are_refused(
    whole: Path, recordings: Path, tmp_path: Path
) -> None:
    plain = settings(clock=CLOCK)
    with pytest.raises(ParameterError, match=r"keep: LAF,LAS there, none here"):
        measured(whole, [str(recordings)], InProcess(), plain)
    measured(tmp_path / "r", [str(recordings / "north")], InProcess(), plain)
    with pytest.raises(ParameterError, match=r"keep: none there, LAF,LAS here"):
        measured(tmp_path / "r", [str(recordings)], InProcess(), KEEPING)
    with pytest.raises(RecordError, match="has no series; soundcal measure --keep"):
        series(tmp_path / "r")
    with pytest.raises(ParameterError, match="--keep N: N is not measured"):
        settings(keep=kept_series("N"))
