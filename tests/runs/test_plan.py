"""Files are found, dated and cut in the same way, whoever looks at them."""

import io
import ntpath
import os
import struct
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from run_data import FS, write_recordings

from soundcal.errors import ParameterError, RecordError
from soundcal.runs.content_id import content_id
from soundcal.runs.follow import Following
from soundcal.runs.listing import common_root, names_of, relative_name
from soundcal.runs.plan import AudioFile, check_piece_length, content_now, looked_at, pieces_of
from soundcal.runs.remote import Stamp, stamp
from soundcal.runs.starts import AMBIGUOUS, RecorderClock, microseconds


def started(clock: RecorderClock, name: str, record: bytes = b"", file: bytes = b"") -> object:
    """Return the start that a clock finds, as text, and the doubt."""
    found, doubt = clock.start(name, record, io.BytesIO(file), len(file), FS)
    if found is None:
        return None
    return f"{datetime.fromtimestamp(found / 1e6, UTC):%Y-%m-%d %H:%M:%S.%f}", doubt


def bext(date: str = "2026-03-31", time: str = "06-00-01", reference: int = 0) -> bytes:
    """Return a broadcast WAV as far as its chunk bext."""
    text = bytes(320) + date.encode() + time.encode() + struct.pack("<Q", reference) + bytes(256)
    chunk = b"bext" + struct.pack("<I", len(text)) + text
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WAVE" + chunk


BERLIN = RecorderClock("%Y%m%d_%H%M%S", "Europe/Berlin")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("S1_20260131_235900.wav", ("2026-01-31 22:59:00.000000", "")),
        ("a/20260701_000000.flac", ("2026-06-30 22:00:00.000000", "")),
        ("x20261025_023000-3.wav", ("2026-10-25 00:30:00.000000", AMBIGUOUS)),
    ],
)
def test_names_tell_local_time(name: str, expected: object) -> None:
    assert started(BERLIN, name) == expected


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("20260329_023000.wav", "which the clocks of Europe/Berlin skip"),
        ("noise.wav", "no time as"),
        ("20260101_000000_20260101_010000.wav", "several times as"),
        ("20261331_000000.wav", "is not a time"),
    ],
)
def test_a_name_without_a_possible_time_is_refused(name: str, reason: str) -> None:
    with pytest.raises(RecordError, match=reason):
        started(BERLIN, name)


def test_a_zone_in_the_name_needs_no_other() -> None:
    clock = RecorderClock("%Y-%m-%dT%H%M%S%z")
    assert started(clock, "2026-01-01T000000+0530.wav") == ("2025-12-31 18:30:00.000000", "")


def test_the_header_of_a_broadcast_wav_counts_if_the_zone_is_known() -> None:
    utc = RecorderClock(time_zone="UTC")
    assert started(utc, "a.wav", file=bext()) == ("2026-03-31 06:00:01.000000", "")
    since = 6 * 3600 * FS + FS + FS // 4  # 06:00:01.25, which agrees with the seconds
    exact = ("2026-03-31 06:00:01.250000", "")
    assert started(utc, "a.wav", file=bext(reference=since)) == exact
    assert started(RecorderClock(), "a.wav", file=bext()) is None
    assert started(utc, "a.wav", file=bext(date="0000-00-00")) is None


def test_the_record_of_soundcal_tells_its_start() -> None:
    record = (
        b'{"schema": "soundcal/recording/2", "capture": {"started": "2026-03-31T06:00:00+02:00"}}'
    )
    assert started(RecorderClock(), "a.wav", record) == ("2026-03-31 04:00:00.000000", "")
    assert started(RecorderClock(), "a.wav", b'{"schema": "other"}') is None
    assert started(RecorderClock(), "a.wav", b"[") is None


@given(
    start=st.none() | st.integers(0, 10**13),
    fs=st.sampled_from([8000, 44100, 48000, 96000]),
    n_samples=st.integers(1, 10**8),
    piece_s=st.sampled_from([60, 600, 900, 1800]),
)
def test_pieces_cover_a_file_once_and_end_at_full_times(
    start: int | None, fs: int, n_samples: int, piece_s: int
) -> None:
    file = AudioFile("a", Stamp(0, ""), "", fs, n_samples, 1, start, "")
    pieces = list(pieces_of(file, piece_s))
    assert pieces[0].first == 0
    assert pieces[-1].last == n_samples
    assert [one.last for one in pieces[:-1]] == [one.first for one in pieces[1:]]
    for piece in pieces[1:]:
        since = (start or 0) * fs + piece.first * 1_000_000  # µs times fs
        assert 0 <= since % (piece_s * 1_000_000 * fs) < 1_000_000


@pytest.mark.parametrize("seconds", [0, 0.5, 7, 1.5, 3600])
def test_lengths_that_hours_do_not_begin_with_are_refused(seconds: float) -> None:
    with pytest.raises(ParameterError, match="divides 30 min"):
        check_piece_length(seconds)


def test_the_identity_of_content(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(bytes(10**6))
    name, before = str(path), stamp(str(path))
    quick, full = content_id(name, before, b""), content_id(name, before, b"", full=True)
    assert content_id(name, before, b"{}") != quick  # another record, maybe another calibration
    os.utime(path, ns=(1, 1))
    assert content_id(name, stamp(name), b"") != quick
    assert content_id(name, stamp(name), b"", full=True) == full
    with open(path, "r+b") as file:
        file.seek(100_000)  # between the blocks
        file.write(b"x")
    assert content_id(name, stamp(name), b"", full=True) != full


def test_sources_and_their_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_recordings(tmp_path, ["s/a/1.wav", "s/b/c/2.wav", "s/b/.3.wav"], 0.1)
    (tmp_path / "s/a/1.txt").write_text("x")
    one, two = str(tmp_path / "s/a/1.wav"), str(tmp_path / "s/b/c/2.wav")
    assert sorted(names_of(["s/**"])) == sorted(names_of(["s/**/*.wav"])) == [one, two]
    assert list(names_of(["s/a", "s/b/c/2.wav"])) == [one, two]
    assert common_root(["s/**/*.wav"]) == common_root(["s/a", "s/b/c/2.wav"]) == f"{tmp_path}/s"
    (tmp_path / "list").write_text("s/a/1.wav\r\n\n" + two)
    assert list(names_of(["@list"])) == [one, two]
    assert relative_name(two, common_root(["@list"])) == "b/c/2.wav"
    for source in ("s/*.flac", "s", "@empty"):
        (tmp_path / "empty").write_text("")
        with pytest.raises(RecordError, match="no audio files"):
            list(names_of([source]))


def test_a_folder_that_cannot_be_listed_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by its permissions, which do not keep an administrator from listing it."""
    names = ["a/1.wav", "b/2.wav", "b/c/3.wav", ".d/4.wav", "a/.5.wav", "a/6.txt", "7.wav"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    source, scandir, missed = f"{tmp_path}/**/*.wav", os.scandir, []
    assert sorted(names_of([source], missed.append)) == sorted(
        str(tmp_path / names[n]) for n in (0, 1, 2, 6)
    )
    assert not missed

    def denied(path: str) -> object:
        if Path(path).name == "b":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    assert sorted(names_of([source], missed.append)) == sorted(
        str(tmp_path / names[n]) for n in (0, 6)
    )
    (reason,) = missed
    assert (
        reason == f"{tmp_path / 'b'}: cannot be listed, its files are left out (Permission denied)"
    )
    following = Following([source], str(tmp_path), 60.0)
    assert list(following.at_rest()) == []
    assert (following.waiting, following.troubles) == (2, missed)


def test_a_pattern_on_windows_has_a_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soundcal.runs.listing.os", SimpleNamespace(path=ntpath))
    assert common_root([r"C:\data\stations\**\*.flac"]) == r"C:\data\stations"


def test_what_is_no_file_is_not_read(tmp_path: Path) -> None:
    """A pipe would be waited for without an end; a device can be tested without waiting."""
    name = tmp_path / "a.wav"
    try:
        name.symlink_to(os.devnull)
    except OSError:
        pytest.skip("no links on this disk")
    with pytest.raises(RecordError, match="not a file"):
        content_now(str(name))


def test_a_file_is_looked_at(tmp_path: Path) -> None:
    write_recordings(tmp_path, ["a_20260131_000000.wav"], 2.0)
    found = looked_at(str(tmp_path / "a_20260131_000000.wav"), BERLIN)
    assert (found.fs, found.n_samples, found.n_channels, found.seconds) == (FS, 2 * FS, 1, 2.0)
    assert found.start == microseconds(datetime(2026, 1, 30, 23, tzinfo=UTC))
