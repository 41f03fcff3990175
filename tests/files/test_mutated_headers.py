"""Each number of a header set to wrong values: the true samples, a flag, or a refusal."""

import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundcal.errors import RecordError, SoundcalError
from soundcal.files import audio

FS = 8000
N = 3 * FS + 1
SLACK = 64  # bytes that may be missing without a flag, as padding may be there
Place = tuple[Callable[[bytes], int], str]


def behind(name: bytes, more: int = 4) -> Callable[[bytes], int]:
    return lambda content: content.index(name) + more


def at(place: int) -> Callable[[bytes], int]:
    return lambda content: place


WAVE: dict[str, Place] = {
    "riff": (at(4), "<I"),
    "fmt": (behind(b"fmt "), "<I"),
    "rate": (behind(b"fmt ", 12), "<I"),
    "bytes per second": (behind(b"fmt ", 16), "<I"),
    "block align": (behind(b"fmt ", 20), "<H"),
    "data": (behind(b"data"), "<I"),
}
NUMBERS: dict[str, dict[str, Place]] = {
    "WAV": WAVE,
    "WAVEX": WAVE,
    "RF64": WAVE
    | {
        "ds64": (behind(b"ds64"), "<I"),
        "riff 64": (behind(b"ds64", 8), "<Q"),
        "data 64": (behind(b"ds64", 16), "<Q"),
    },
    "W64": {
        "riff": (at(16), "<Q"),
        "bytes per second": (behind(b"fmt ", 32), "<I"),
        "block align": (behind(b"fmt ", 36), "<H"),
        "data": (behind(b"data", 16), "<Q"),
    },
    "AIFF": {
        "form": (at(4), ">I"),
        "comm": (behind(b"COMM"), ">I"),
        "frames": (behind(b"COMM", 10), ">I"),
        "ssnd": (behind(b"SSND"), ">I"),
    },
    "AU": {"size": (at(8), ">I")},
    "CAF": {"desc": (behind(b"desc"), ">Q"), "data": (behind(b"data"), ">q")},
    "FLAC": {"samples": (at(22), ">I")},
}


def samples(n_channels: int) -> np.ndarray:
    drawn = np.random.default_rng(1).normal(0.0, 0.05, (N, n_channels))
    return np.round(drawn * 2**15) / 2**15


def written(path: Path, form: str, n_channels: int) -> bytes:
    subtype = "PCM_16" if form == "FLAC" else "PCM_24"
    soundfile.write(path, samples(n_channels), FS, subtype=subtype, format=form)
    return path.read_bytes()


def wrong(true: int, kind: str) -> Iterator[int]:
    top = {"H": 2**16, "I": 2**32, "Q": 2**64, "q": 2**63}[kind[1]] - 1
    few = [0, 1, 2, 3, 4, 6, 8, 16, 24, 28, 64, 255, 1000, 10**7, 2**31 - 1, 2**31, 2**62]
    near = [true + step for step in (-1000, -100, -65, -24, -8, -2, -1, 1, 2, 8, 24, 100, 1000)]
    for value in {*few, *near, top, top - 1, true // 2, true // 3, true * 2, true * 3}:
        if 0 <= value <= top and value != true:
            yield value


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("form", NUMBERS)
def test_no_wrong_number_of_a_header_goes_unsaid(
    tmp_path: Path, form: str, n_channels: int
) -> None:
    path = tmp_path / f"take.{form.lower()}"
    good, truth = written(path, form, n_channels), samples(n_channels)
    assert audio.read(path).flags == ()
    tried = 0
    for name, (place, kind) in NUMBERS[form].items():
        (true,) = struct.unpack_from(kind, good, place(good))
        for value in wrong(true, kind):
            bad = bytearray(good)
            struct.pack_into(kind, bad, place(good), value)
            path.write_bytes(bad)
            tried += 1
            try:
                take = audio.read(path)
            except SoundcalError:
                continue
            if take.flags:
                continue
            about = f"{name} {true} -> {value}"
            assert take.fs == FS, about
            n = take.n_samples
            assert N - SLACK // (3 * n_channels) - 1 <= n <= N, about
            np.testing.assert_array_equal(take.samples.T, truth[:n], err_msg=about)
    assert tried > 20


def test_a_rate_that_the_bytes_per_second_contradict_is_flagged(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    content = bytearray(written(path, "WAV", 2))
    struct.pack_into("<I", content, behind(b"fmt ", 12)(content), 44100)
    path.write_bytes(content)
    (flag,) = audio.read(path).flags
    assert "44100 Hz are 264600 bytes per second, but it states 48000, as for 8000 Hz" in flag.text
    struct.pack_into("<I", content, behind(b"fmt ", 16)(content), 0)  # not stated
    path.write_bytes(content)
    assert audio.read(path).flags == ()


@pytest.mark.parametrize("fs", [1, 999, 10_000_000])
@pytest.mark.parametrize("form", ["WAV", "AU", "CAF"])
def test_a_rate_of_no_sound_is_flagged(tmp_path: Path, form: str, fs: int) -> None:
    path = tmp_path / "take.x"
    soundfile.write(path, samples(1), fs, subtype="PCM_16", format=form)
    try:
        (flag,) = audio.info(path).flags
    except SoundcalError:
        return
    assert f"a sampling rate of {fs} Hz" in flag.text


def test_bytes_that_are_no_whole_sample_are_flagged(tmp_path: Path) -> None:
    path = tmp_path / "take.au"
    content = bytearray(written(path, "AU", 2))
    struct.pack_into(">I", content, 20, 52)  # channels
    path.write_bytes(content)
    (flag,) = audio.read(path).flags
    assert "18 more than whole samples of 156 bytes" in flag.text


def test_chunks_that_lead_nowhere_are_flagged(tmp_path: Path) -> None:
    path = tmp_path / "take.rf64"
    content = bytearray(written(path, "RF64", 2))
    struct.pack_into("<I", content, behind(b"ds64")(content), 20)
    path.write_bytes(content)
    try:
        take = audio.read(path)
    except SoundcalError:
        return
    assert "do not lead to its samples" in take.flags[0].text


@pytest.mark.parametrize("n_channels", [1, 2, 6])
@pytest.mark.parametrize("n", [4096, 5000, 10 * FS])
def test_frames_of_a_flac_behind_the_counted_ones_are_found(
    tmp_path: Path, n: int, n_channels: int
) -> None:
    path = tmp_path / "take.flac"
    noise = np.random.default_rng(1).normal(0.0, 0.05, (n, n_channels))
    soundfile.write(path, noise, FS, subtype="PCM_24")
    assert audio.read(path).flags == ()
    content = bytearray(path.read_bytes())
    struct.pack_into(">I", content, 22, n - 4000)
    path.write_bytes(content)
    (flag,) = audio.read(path).flags
    assert f"counts {n - 4000} samples, but 4000 more (0.5 s) follow" in flag.text
    if n > 3 * FS:
        struct.pack_into(">I", content, 22, FS)
        path.write_bytes(content)
        with pytest.raises(RecordError, match=rf"but {n - FS} more \(9.0 s\)"):
            audio.read(path)


def test_a_rate_that_the_frames_of_a_flac_contradict_is_flagged(tmp_path: Path) -> None:
    path = tmp_path / "take.flac"
    soundfile.write(path, samples(1), 48000, subtype="PCM_24")
    content = bytearray(path.read_bytes())
    content[18:21] = (44100 << 4 | content[20] & 15).to_bytes(3, "big")
    path.write_bytes(content)
    (flag,) = audio.info(path).flags
    assert flag.text == "its header states 44100 Hz, its frames 48000 Hz; 44100 Hz was taken"


def test_blocks_that_the_header_of_a_flac_excludes_are_flagged(tmp_path: Path) -> None:
    path = tmp_path / "take.flac"
    content = bytearray(written(path, "FLAC", 2))
    content[8:12] = struct.pack(">HH", 5096, 5096)
    path.write_bytes(content)
    (flag,) = audio.info(path).flags
    assert "blocks of 5096 to 5096 samples, its first frame has 4096" in flag.text


def test_more_valid_bits_than_bits_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    content = bytearray(written(path, "WAVEX", 2))
    struct.pack_into("<H", content, behind(b"fmt ", 26)(content), 32)
    path.write_bytes(content)
    with pytest.raises(RecordError, match="32 valid bits in samples of 24 bits"):
        audio.info(path)


def test_a_coding_of_unknown_length_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    content = bytearray(written(path, "WAV", 1))
    struct.pack_into("<H", content, behind(b"fmt ", 8)(content), 0x40)  # G.721
    path.write_bytes(content)
    with pytest.raises(RecordError):
        audio.read(path)


def test_chunks_without_an_end_are_not_followed_for_hours(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(written(path, "WAV", 1) + b"JUNK\0\0\0\0" * 1_000_000)
    with pytest.raises(RecordError, match="that belong to no chunk"):
        audio.info(path)
