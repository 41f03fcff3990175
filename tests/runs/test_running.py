"""A run measures what is missing, whoever computes it and whatever happens in the meantime."""

import os
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import soundfile
from run_data import FS, TIMED, InProcess, files_of, measured, rows, settings, write_recordings

from soundcal.batch import measure_file
from soundcal.errors import ParameterError, RecordError
from soundcal.indicators.names import resolve
from soundcal.prepared import Task
from soundcal.runs import read_failures, read_run, read_summaries, summary_days
from soundcal.runs.engine import BundleEnd
from soundcal.runs.settings import RunSettings, begin
from soundcal.runs.starts import RecorderClock
from soundcal.runs.versions import installed
from soundcal.summaries import merge, value_from
from soundcal.summaries.columns import from_columns

NAMES = (
    "north/a_20260330_235958.wav",
    "north/b_20260331_000001.wav",
    "south/c_20260331_120000.wav",
)
PATTERN = "**/*.wav"


@pytest.fixture(scope="module")
def whole(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset that was computed without any incident."""
    out = tmp_path_factory.mktemp("whole") / "results"
    totals = measured(out, [str(recordings / PATTERN)], InProcess())
    assert (totals.pieces, totals.failures, totals.there) == (12, 0, 0)
    assert totals.sound_s == totals.to_do_s == totals.expected_s == 10.5
    assert totals.bytes_read == sum(p.stat().st_size for p in recordings.rglob("*.wav"))
    assert totals.bytes_written == sum(map(len, files_of(out).values()))
    return out


def test_pieces_begin_at_full_seconds_and_lie_in_the_day_of_their_start(whole: Path) -> None:
    assert summary_days(whole) == ["2026-03-30", "2026-03-31"]
    before = rows(whole, days=["2026-03-30"])
    assert {row["recording"] for row in before} == {NAMES[0]}
    assert sorted(row["first_sample"] for row in before if row["symbol"] == "LA") == [0, FS]
    first = min(rows(whole), key=lambda row: row["start_utc"])
    assert first["start_utc"] == datetime(2026, 3, 30, 23, 59, 58, tzinfo=UTC)
    assert (first["station"], first["channel"], first["fs"]) == ("north", "mono", FS)
    assert first["calibration"] == "stated 1 Pa per full scale"
    assert first["task"] == read_run(whole)["task_hash"][:16]


def test_columns_can_be_chosen(whole: Path) -> None:
    chosen = rows(whole, columns=["recording", "n_samples"])
    assert {tuple(row) for row in chosen} == {("recording", "n_samples")}
    assert len(chosen) == len(rows(whole))


def test_merged_pieces_have_the_level_of_the_file(whole: Path, recordings: Path) -> None:
    found = [
        one
        for batch in read_summaries(whole)
        if batch.column("recording")[0].as_py() == NAMES[2]
        for one in from_columns(batch)
    ]
    merged = merge(one for one in found if (one.symbol, one.series) == ("LA", "F"))
    level = value_from({("LA", "F"): merged}, "LA", "eq")
    expected = measure_file(recordings / NAMES[2], settings().task).rows
    (leq,) = [row.value for row in expected if row.indicator == "LA" and row.statistic == "eq"]
    assert level == pytest.approx(leq, abs=1e-6)


@pytest.mark.parametrize("seed", range(2))
def test_the_order_of_the_bundles_changes_no_byte(
    recordings: Path, whole: Path, tmp_path: Path, seed: int
) -> None:
    measured(tmp_path / "r", [str(recordings / PATTERN)], InProcess(seed))
    assert files_of(tmp_path / "r") == files_of(whole)


def test_a_run_that_was_stopped_three_times_gives_the_same(
    recordings: Path, whole: Path, tmp_path: Path
) -> None:
    out, there = tmp_path / "r", [0]
    for stop_after in (2, 2, 2):
        with pytest.raises(KeyboardInterrupt):
            measured(out, [str(recordings / PATTERN)], InProcess(stop_after=stop_after))
        there.append(len(files_of(out)))
    assert there == sorted(set(there))  # each went on where the other was stopped
    totals = measured(out, [str(recordings / PATTERN)], InProcess())
    assert totals.there == there[-1] < 12 == totals.there + totals.pieces
    assert files_of(out) == files_of(whole)


def test_two_runs_at_once_do_not_harm_each_other(
    recordings: Path, whole: Path, tmp_path: Path
) -> None:
    out = tmp_path / "r"

    class WithAnother(InProcess):
        """A second run begins and ends while this one has bundles under way."""

        began = False

        def finished(self, timeout: float | None) -> list[BundleEnd]:
            if len(files_of(out)) and not self.began:
                self.began = True
                measured(out, [str(recordings / PATTERN)], InProcess(1))
            return super().finished(timeout)

    measured(out, [str(recordings / PATTERN)], WithAnother())
    assert files_of(out) == files_of(whole)


def test_other_settings_are_refused_with_the_difference(whole: Path, recordings: Path) -> None:
    before = files_of(whole)
    with pytest.raises(ParameterError, match="piece_s: 1 there, 2 here"):
        measured(whole, [str(recordings)], InProcess(), settings(piece_s=2))
    with pytest.raises(ParameterError, match="station: none there, roof here"):
        measured(whole, [str(recordings)], InProcess(), settings(station="roof"))
    assert files_of(whole) == before


def test_a_folder_with_something_else_is_refused(tmp_path: Path, recordings: Path) -> None:
    (tmp_path / "letter.txt").write_text("x")
    with pytest.raises(RecordError, match="holds other files"):
        measured(tmp_path, [str(recordings)], InProcess())
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_a_dataset_that_another_run_begins_at_this_moment_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listing = Path.iterdir

    def listed_late(folder: Path) -> Iterator[Path]:
        monkeypatch.setattr(Path, "iterdir", listing)
        begin(tmp_path, settings(), "/of/the/other")
        return listing(folder)

    monkeypatch.setattr(Path, "iterdir", listed_late)
    root, _ = begin(tmp_path, settings(), "/of/this")
    assert root == "/of/the/other"


def test_settings_that_were_changed_by_hand_are_refused(recordings: Path, tmp_path: Path) -> None:
    begin(tmp_path / "r", settings(), str(recordings))
    run = tmp_path / "r/run.json"
    run.write_text(run.read_text().replace('"piece_s": 1', '"piece_s": 2'))
    with pytest.raises(RecordError, match="was changed after it was written"):
        begin(tmp_path / "r", settings(piece_s=2), str(recordings))


def test_files_outside_the_root_are_refused(whole: Path, tmp_path: Path) -> None:
    write_recordings(tmp_path, NAMES[:1])
    with pytest.raises(ParameterError, match=r"not below .* --root"):
        measured(whole, [str(tmp_path / PATTERN)], InProcess())


def test_what_is_being_written_does_not_look_finished(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Polars and DuckDB read hidden files, too: their sums would count it twice, or fail."""
    out, fsync, looks = tmp_path / "r", os.fsync, []

    def look(number: int) -> None:
        looks.append([path for path in out.rglob("*.parquet") if path.name.startswith(".")])
        fsync(number)

    monkeypatch.setattr(os, "fsync", look)
    measured(out, [str(recordings / "north")], InProcess())
    assert len(looks) >= len(files_of(out)) > 0
    assert not any(looks)


def test_a_worker_with_other_versions_stops_the_run(recordings: Path, tmp_path: Path) -> None:
    versions = installed() | {"numpy": "1.0"}
    with pytest.raises(ParameterError, match=r"numpy \S+ instead of 1\.0"):
        measured(tmp_path / "r", [str(recordings / PATTERN)], InProcess(), versions=versions)
    assert not files_of(tmp_path / "r")


def test_bad_files_are_failures_until_they_are_mended(tmp_path: Path) -> None:
    folder, out = tmp_path / "audio", tmp_path / "r"
    write_recordings(folder, NAMES[:2])
    good = (folder / NAMES[1]).read_bytes()
    (folder / NAMES[1]).write_bytes(good[: len(good) // 2])
    (folder / "north/d_20260331_000009.wav").write_bytes(b"no audio")
    (folder / "north/no-time.wav").write_bytes(good)
    missing = str(folder / "north/missing_20260331_000009.wav")
    totals = measured(out, [str(folder / PATTERN), missing], InProcess())
    assert (totals.pieces, totals.failures) == (4, 4)
    reasons = {Path(row["path"]).name[:2]: row["reason"] for row in read_failures(out)}
    assert "truncated" in reasons["b_"]
    assert "cannot be read as audio" in reasons["d_"]
    assert "no time as %Y%m%d_%H%M%S" in reasons["no"]
    assert reasons["mi"] == f"{missing}: No such file or directory"
    (folder / NAMES[1]).write_bytes(good)
    totals = measured(out, [str(folder / PATTERN), missing], InProcess())
    assert (totals.pieces, totals.there, totals.failures) == (4, 4, 3)
    assert len(read_failures(out)) == 3
    damaged = next((out / "failures").iterdir())
    damaged.write_bytes(b"PAR1")
    with pytest.raises(RecordError, match=damaged.name):
        read_failures(out)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such names")
def test_names_may_have_line_ends_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    name, bad = "a\nb\r.wav", "none\n.wav"
    write_recordings(tmp_path / "audio", [name], 0.1)
    for nothing in (bad, os.fsdecode(b"\xff.wav")):
        (tmp_path / "audio" / nothing).touch()
    of = settings(clock=RecorderClock())
    totals = measured(tmp_path / "r", [str(tmp_path / "audio")], InProcess(), of)
    assert (totals.pieces, totals.failures) == (1, 2)
    assert {row["recording"] for row in rows(tmp_path / "r")} == {name}
    assert {row["recording"] for row in read_failures(tmp_path / "r")} == {bad, "\\xff.wav"}


def test_what_a_killed_run_has_left_half_written_is_removed_later(tmp_path: Path) -> None:
    write_recordings(tmp_path / "audio", NAMES[:1])
    out = tmp_path / "r"
    measured(out, [str(tmp_path / "audio" / PATTERN)], InProcess())
    day = out / "summaries/day=2026-03-30"
    old, new = day / ".x.0123456789ab.part.parquet", day / ".y.0123456789ab.part.parquet"
    for left in (old, new):
        left.write_bytes(b"PAR1")
    os.utime(old, (0, 0))
    measured(out, [str(tmp_path / "audio" / PATTERN)], InProcess())
    assert (old.exists(), new.exists()) == (False, True)


def test_a_run_that_cannot_succeed_ends_early(tmp_path: Path) -> None:
    write_recordings(tmp_path / "audio", [f"{n}_20260331_000000.wav" for n in range(130)], 0.01)
    without = RunSettings(Task(wanted=resolve(["LAeq"])), clock=TIMED)
    with pytest.raises(RecordError, match=r"first 100 files or pieces have all failed.*calibrated"):
        measured(tmp_path / "r", [str(tmp_path / "audio")], InProcess(), without)
    assert len(read_failures(tmp_path / "r")) == 100
    with pytest.raises(ParameterError, match="which has no pieces yet"):
        measured(tmp_path / "r", [str(tmp_path / "audio")], InProcess())


def test_a_file_that_has_changed_replaces_its_old_pieces(tmp_path: Path) -> None:
    folder, out = tmp_path / "audio", tmp_path / "r"
    write_recordings(folder, NAMES[:2])
    measured(out, [str(folder / PATTERN)], InProcess())
    before = files_of(out)
    samples, _ = soundfile.read(folder / NAMES[0])
    soundfile.write(folder / NAMES[0], samples[: 2 * FS], FS, subtype="PCM_24")
    totals = measured(out, [str(folder / PATTERN)], InProcess())
    assert (totals.pieces, totals.there) == (2, 4)
    after = files_of(out)
    assert len(after) == 6
    assert len(set(before) & set(after)) == 4
    seconds = [row["seconds"] for row in rows(out) if row["recording"] == NAMES[0]]
    assert set(seconds) == {1.0}


def test_nothing_is_kept_of_a_file_whose_present_content_cannot_be_measured(
    tmp_path: Path,
) -> None:
    folder, out = tmp_path / "audio", tmp_path / "r"
    write_recordings(folder, NAMES[:2])
    measured(out, [str(folder / PATTERN)], InProcess())
    (folder / NAMES[0]).write_bytes((folder / NAMES[0]).read_bytes()[:9000])
    totals = measured(out, [str(folder / PATTERN)], InProcess())
    assert (totals.there, totals.failures) == (4, 1)
    assert {row["recording"] for row in rows(out)} == {NAMES[1]}


def test_a_file_whose_calibration_is_replaced_is_measured_again(tmp_path: Path) -> None:
    write_recordings(tmp_path / "audio", NAMES[:2])
    record = (tmp_path / "audio" / NAMES[0]).with_suffix(".json")
    record.write_text('{"calibration_file": "../cal.json"}')
    for there, text in ((0, "{}"), (4, '{"serial": 2}')):
        (tmp_path / "audio" / "cal.json").write_text(text)
        totals = measured(tmp_path / "r", [str(tmp_path / "audio" / PATTERN)], InProcess())
        assert totals.there == there


def test_a_file_that_grows_while_it_is_measured_is_a_failure(tmp_path: Path) -> None:
    folder, out = tmp_path / "audio", tmp_path / "r"
    write_recordings(folder, NAMES[:1])

    class Growing(InProcess):
        def finished(self, timeout: float | None) -> list[BundleEnd]:
            with open(folder / NAMES[0], "ab") as file:
                file.write(b"junk")
            return super().finished(timeout)

    totals = measured(out, [str(folder / PATTERN)], Growing())
    assert totals.pieces == 0
    assert {row["first_sample"] for row in read_failures(out)} == {0, FS, 2 * FS, 3 * FS}
    assert "changed while it was measured" in read_failures(out)[0]["reason"]


def test_a_share_that_disappears_is_waited_for(tmp_path: Path) -> None:
    share, away, out = tmp_path / "share", tmp_path / "away", tmp_path / "r"
    write_recordings(share, NAMES)

    class Unmounted(InProcess):
        calls = 0

        def finished(self, timeout: float | None) -> list[BundleEnd]:
            self.calls += 1
            if self.calls == 2:
                share.rename(away)
                share.mkdir()
            if self.calls == 5:
                share.rmdir()
                away.rename(share)
            return super().finished(timeout)

    engine = Unmounted()
    totals = measured(out, [str(share / PATTERN)], engine, retry_after=[0.01] * 9)
    assert engine.calls > 5
    assert (totals.pieces, totals.failures, totals.waiting_for) == (12, 0, "")
    shutil.rmtree(share)
    os.mkdir(share)
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(str(share / name) for name in NAMES))
    totals = measured(out, [f"@{listed}"], InProcess(), retry_after=[0.01] * 2, root=str(share))
    assert totals.failures == 3
    assert {row["tries"] for row in read_failures(out)} == {3}
