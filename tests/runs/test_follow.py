"""A run that follows recorders measures every file once it has come to rest."""

import os
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import fsspec
import pytest
from run_data import FS, InProcess, files_of, measured, rows, settings, write_recordings

from soundcal.errors import RecordError
from soundcal.runs import read_failures
from soundcal.runs.follow import Following, follow_pieces
from soundcal.runs.running import RunTotals
from soundcal.runs.settings import begin
from soundcal.runs.versions import installed
from soundcal.runs.work import Job

NAME = "a_20260331_000000.wav"
OTHER = "b_20260331_010000.wav"


class Clock:
    """A clock that goes on when somebody waits; then something may happen."""

    def __init__(self, *events: Callable[[], Any]) -> None:
        self.s, self.events = 0.0, list(events)

    def __call__(self) -> float:
        return self.s

    def wait(self, seconds: float) -> None:
        self.s += seconds
        if not self.events:
            raise KeyboardInterrupt
        self.events.pop(0)()


def nothing() -> None:
    pass


def followed(out: Path, source: str, *events: Callable[[], Any], **given: Any) -> RunTotals:
    """Follow a source of files that have to rest for 60 s; every 30 s something happens."""
    clock, totals, of = Clock(*events), RunTotals(), settings()
    root, _ = begin(out, of, given.pop("root"))
    following = Following([source], root, 60.0, now=clock)
    with pytest.raises(KeyboardInterrupt):
        follow_pieces(
            following,
            Job(of, root, installed()),
            out,
            given.pop("engine", InProcess()),
            totals=totals,
            wait=clock.wait,
            **given,
        )
    return totals


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    """A folder without files."""
    (tmp_path / "audio").mkdir()
    return tmp_path / "audio"


def write(path: Path, seconds: float, at: Iterator[int] = count(1)) -> None:  # noqa: B008  one for all
    """Write a file whose time of change is another one each time."""
    write_recordings(path.parent, [path.name], seconds)
    os.utime(path, ns=(next(at) * 10**9,) * 2)


def test_a_file_is_measured_when_it_has_not_changed_for_so_long(audio: Path) -> None:
    out, there = audio.parent / "r", []

    def look() -> None:
        there.append(len(files_of(out)))

    def grow(seconds: float) -> None:
        look()
        write(audio / NAME, seconds)

    events = [nothing, *(lambda n=n: grow(n) for n in (0.5, 1.0, 2.5)), *[look] * 4]
    totals = followed(out, str(audio / "*.wav"), *events, root=str(audio))
    # seen first at 60 s, changed until 120 s, so complete at 180 s
    assert there == [0, 0, 0, 0, 0, 3, 3]
    assert (totals.pieces, totals.failures, totals.listed, totals.looked_at) == (3, 0, 1, 1)
    plain = audio.parent / "plain"
    measured(plain, [str(audio)], InProcess())
    assert files_of(out) == files_of(plain)


def test_new_files_are_found_and_a_file_that_goes_on_replaces_its_pieces(audio: Path) -> None:
    out, there = audio.parent / "r", []
    write(audio / NAME, 1.5)

    def more() -> None:
        there.append({(row["recording"], row["file_samples"]) for row in rows(out)})
        write(audio / NAME, 2.5)
        write(audio / OTHER, 1.0)

    def look() -> None:
        there.append({(row["recording"], row["file_samples"]) for row in rows(out)})

    totals = followed(
        out, str(audio), nothing, nothing, more, look, look, look, look, root=str(audio)
    )
    short, long, other = (NAME, 1.5 * FS), (NAME, 2.5 * FS), (OTHER, FS)
    assert there == [{short}, {short}, {short}, {long, other}, {long, other}]
    assert (totals.pieces, totals.looked_at) == (2 + 3 + 1, 3)
    plain = audio.parent / "plain"
    measured(plain, [str(audio)], InProcess())
    assert files_of(out) == files_of(plain)


def test_a_failure_is_tried_again_only_if_the_file_changes(audio: Path) -> None:
    out, engine = audio.parent / "r", InProcess()
    write(audio / NAME, 1.0)
    (audio / OTHER).write_bytes(b"RIFF")
    tasks = []
    events = [*[lambda: tasks.append(len(engine.sizes))] * 8]
    totals = followed(out, str(audio), *events, root=str(audio), engine=engine)
    assert tasks[2:] == [tasks[-1]] * 6
    assert (totals.pieces, totals.failures) == (1, 1)
    assert [Path(row["path"]).name for row in read_failures(out)] == [OTHER]
    mend = [nothing, nothing, lambda: write(audio / OTHER, 1.0), nothing, nothing, nothing]
    totals = followed(out, str(audio), *mend, root=str(audio))
    assert (totals.pieces, totals.there, totals.failures) == (1, 1, 0)
    assert not read_failures(out)


def test_a_link_to_itself_does_not_keep_others_from_being_measured(audio: Path) -> None:
    out = audio.parent / "r"
    try:
        (audio / NAME).symlink_to(NAME)
    except OSError:
        pytest.skip("no links on this disk")
    write(audio / OTHER, 1.0)
    totals = followed(out, str(audio / "*.wav"), *[nothing] * 3, root=str(audio))
    assert (totals.pieces, totals.failures) == (1, 1)
    assert [Path(row["path"]).name for row in read_failures(out)] == [NAME]


def test_a_run_goes_on_though_all_files_were_empty(audio: Path) -> None:
    """As those of recorders that have begun and hold their first samples back."""
    for n in range(100):
        (audio / f"{n}_{NAME}").touch()
    events = [nothing, nothing, lambda: write(audio / OTHER, 1.0), *[nothing] * 3]
    totals = followed(audio.parent / "r", str(audio), *events, root=str(audio))
    assert (totals.pieces, totals.failures) == (1, 100)


def test_results_are_not_written_where_the_disk_of_the_dataset_was(audio: Path) -> None:
    out = audio.parent / "r"
    write(audio / NAME, 1.0)

    def unplug() -> None:
        out.rename(audio.parent / "away")
        out.mkdir()
        write(audio / OTHER, 1.0)

    events = [nothing, nothing, nothing, unplug, nothing, nothing]
    with pytest.raises(RecordError, match="no longer there"):
        followed(out, str(audio), *events, root=str(audio))
    assert not list(out.iterdir())


def test_a_record_that_comes_late_has_the_file_measured_again(audio: Path) -> None:
    out = audio.parent / "r"
    write(audio / NAME, 1.0)

    def record() -> None:
        (audio / NAME).with_suffix(".json").write_text("{}")

    events = [*[nothing] * 3, record, *[nothing] * 4]
    totals = followed(out, str(audio), *events, root=str(audio))
    assert totals.looked_at == 2


def test_a_file_whose_disk_was_away_is_tried_again(
    audio: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folder is there and empty, as that of a share that is not mounted."""
    out, away = audio.parent / "r", audio.parent / "away"
    write(audio / NAME, 1.0)

    class Unplugged(InProcess):
        def submit(self, *about: Any) -> None:
            if not away.exists() and not files_of(out) and len(self.sizes) == 0:
                audio.rename(away)
                audio.mkdir()
            super().submit(*about)

    def plug_in() -> None:
        audio.rmdir()
        away.rename(audio)

    events = [nothing, nothing, nothing, plug_in, nothing]
    totals = followed(out, str(audio), *events, root=str(audio), engine=Unplugged())
    assert (totals.failures, totals.pieces) == (0, 1)
    assert not read_failures(out)


def test_addresses_lists_and_what_cannot_be_listed(tmp_path: Path) -> None:
    memory, clock = fsspec.filesystem("memory"), Clock()
    names = tmp_path / "names.txt"
    sources = ["memory://station/**", f"@{names}"]
    following = Following(sources, "memory:///station", 60.0, now=clock)
    try:
        memory.pipe_file("/station/x/a.wav", b"1")
        assert list(following.at_rest()) == []
        assert following.troubles
        assert "cannot be listed now" in following.troubles[0]
        assert following.waiting == 1
        names.write_text("memory://station/x/late.wav\nmemory://other/c.wav\n")
        memory.pipe_file("/other/c.wav", b"1")
        clock.s = 59.9
        assert list(following.at_rest()) == []
        clock.s = 60.0
        assert list(following.at_rest()) == ["memory:///station/x/a.wav"]
        memory.pipe_file("/station/x/a.json", b"{}")
        clock.s = 130.0
        assert list(following.at_rest()) == []
        assert "not below memory:///station" in following.troubles[0]
        clock.s = 190.0
        assert list(following.at_rest()) == ["memory:///station/x/a.wav"]
        assert (list(following.at_rest()), following.waiting) == ([], 0)
    finally:
        memory.store.clear()
        memory.pseudo_dirs[:] = [""]


def test_listing_takes_a_twentieth_of_the_time_at_most() -> None:
    ticks = iter([0.0, 1.0, 10.0, 14.0])
    following = Following([], "/", 60.0, now=lambda: next(ticks))
    list(following.at_rest())
    assert following.interval_s == 30.0
    list(following.at_rest())
    assert following.interval_s == 80.0
