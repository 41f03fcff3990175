"""A header is a claim: what it leaves out is refused or flagged, and what is legal is read."""

import json
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundcal.cli import main
from soundcal.errors import RecordError
from soundcal.files import audio

Capsys = pytest.CaptureFixture[str]
FS = 8000
N = 6 * FS
FRAME = 4  # two channels of 16 bits
FORMS = ("WAV", "WAVEX", "RF64", "BW64", "W64", "AIFF", "CAF", "AU")


def noise(n: int = N) -> np.ndarray:
    return np.random.default_rng(1).normal(0.0, 0.05, (n, 2))


def written(folder: Path, form: str, n: int = N) -> Path:
    """A file of two channels and 16 bits; libsndfile does not write BW64."""
    path = folder / f"take.{form.lower()}"
    kind = "RF64" if form == "BW64" else form
    soundfile.write(path, noise(n), FS, subtype="PCM_16", format=kind)
    if form == "BW64":
        path.write_bytes(b"BW64" + path.read_bytes()[4:])
    return path


def with_size(path: Path, form: str, size: int) -> None:
    """Make the header count ``size`` bytes of samples."""
    content = bytearray(path.read_bytes())
    if form in ("RF64", "BW64"):
        at = content.index(b"ds64") + 16
        content[at : at + 8] = struct.pack("<Q", size)
        at = content.index(b"data") + 4
        content[at : at + 4] = b"\xff" * 4
    elif form == "W64":
        at = content.index(b"data") + 16
        content[at : at + 8] = struct.pack("<Q", size + 24)
    elif form == "AIFF":
        at = content.index(b"COMM") + 10
        content[at : at + 4] = struct.pack(">I", size // FRAME)
        at = content.index(b"SSND") + 4
        content[at : at + 4] = struct.pack(">I", size + 8)
    elif form == "CAF":
        at = content.index(b"data") + 4
        content[at : at + 8] = struct.pack(">q", size + 4)
    elif form == "AU":
        content[8:12] = struct.pack(">I", size)
    else:
        at = content.index(b"data") + 4
        content[at : at + 4] = struct.pack("<I", size)
    path.write_bytes(content)


def measured(path: Path, capsys: Capsys) -> tuple[int, dict]:
    command = ["measure", str(path), "--sensitivity", "1", "--indicators", "LZeq", "--json"]
    code = main(command)
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("counted", [0, 400 * FRAME, N * FRAME // 4, N * FRAME - 20000 * FRAME])
@pytest.mark.parametrize("form", FORMS)
def test_samples_behind_the_counted_ones_are_refused_with_their_number(
    tmp_path: Path, capsys: Capsys, form: str, counted: int
) -> None:
    path = written(tmp_path, form)
    with_size(path, form, counted)
    code, found = measured(path, capsys)
    assert code == 5
    (row,) = found["rows"]
    assert row["indicator"] == "failed"
    if form != "BW64":  # not every libsndfile reads it
        assert f" {N * FRAME - counted} bytes" in row["statistic"]
        assert f"counts {counted} bytes" in row["statistic"]
        assert "raw data from byte" in row["statistic"]


@pytest.mark.parametrize("form", [form for form in FORMS if form not in ("BW64", "W64")])
def test_the_last_second_of_a_recorder_that_was_killed_is_left_out_with_a_flag(
    tmp_path: Path, capsys: Capsys, form: str
) -> None:
    path = written(tmp_path, form)
    with_size(path, form, (N - FS) * FRAME)
    code, found = measured(path, capsys)
    assert code == 0
    (flag,) = found["flags"][str(path)]
    assert f"{FS * FRAME} bytes (1.0 s)" in flag
    assert "To have them, " in flag
    assert audio.read(path).n_samples == N - FS


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_is_shorter_than_its_header_says_is_refused(tmp_path: Path, form: str) -> None:
    path = written(tmp_path, form)
    with_size(path, form, N * FRAME)
    audio_end = path.read_bytes()
    path.write_bytes(audio_end[: len(audio_end) - N * FRAME // 2])
    with pytest.raises(RecordError):
        audio.info(path)


def test_a_size_that_started_again_at_4_gib_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, noise(), FS, subtype="PCM_16")
    with path.open("r+b") as file:
        file.truncate(2**32 + 44 + N * FRAME)  # sparse: takes no room on the disk
    with pytest.raises(RecordError, match=rf"{2**32} bytes .* follow"):
        audio.info(path)


def test_a_size_that_is_not_stated_is_flagged(tmp_path: Path, capsys: Capsys) -> None:
    path = written(tmp_path, "WAV")
    with_size(path, "WAV", 2**32 - 1)
    code, found = measured(path, capsys)
    assert code == 0
    assert "does not state the size" in found["flags"][str(path)][0]
    assert audio.read(path).n_samples == N


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


@pytest.mark.parametrize(
    "end",
    [
        chunk(b"LIST", b"INFO" + chunk(b"ICMT", b"a comment of odd length")),
        chunk(b"bext", bytes(602)),
        chunk(b"id3 ", b"ID3" + bytes(range(256))),
        chunk(b"Xyz1", bytes(range(200))) + chunk(b"cue ", bytes(28)),
        chunk(b"LIST", bytes(5000))[:3000],
        b"TAG" + bytes(range(125)),
        b"\0",
        bytes(range(60)),
    ],
    ids=["list", "bext", "id3", "own chunk", "cut chunk", "id3v1", "padding", "junk"],
)
@pytest.mark.parametrize("n", [N, N - 1])
@pytest.mark.parametrize("width", ["PCM_16", "PCM_24"])
def test_what_may_stand_behind_the_samples_is_no_reason_for_a_flag(
    tmp_path: Path, end: bytes, n: int, width: str
) -> None:
    path = tmp_path / "take.wav"
    soundfile.write(path, noise(n)[:, :1], FS, subtype=width)
    path.write_bytes(path.read_bytes() + end)
    about = audio.info(path)
    assert (about.n_samples, about.flags) == (n, ())


def fmt(tag: int, n_channels: int, frame: int, bits: int) -> bytes:
    return struct.pack("<HHIIHH", tag, n_channels, FS, FS * frame, frame, bits)


PCM_GUID = bytes.fromhex("0100000000001000800000aa00389b71")


def extensible(n_channels: int, frame: int, bits: int, valid: int) -> bytes:
    return fmt(0xFFFE, n_channels, frame, bits) + struct.pack("<HHI", 22, valid, 0) + PCM_GUID


@pytest.mark.parametrize(
    ("form", "contradiction"),
    [
        (extensible(2, 8, 24, 24), "24 bits take 6 bytes, but its block align is 8"),
        (extensible(2, 6, 32, 24), "32 bits take 8 bytes, but its block align is 6"),
        (fmt(1, 2, 8, 24), "24 bits take 6 bytes, but its block align is 8"),
        (fmt(1, 2, 8, 16), "16 bits take 4 bytes, but its block align is 8"),
        (fmt(1, 1, 4, 16), "16 bits take 2 bytes, but its block align is 4"),
        (fmt(3, 2, 4, 32), "32 bits take 8 bytes, but its block align is 4"),
    ],
)
def test_a_block_align_that_contradicts_bits_and_channels_is_refused(
    tmp_path: Path, form: bytes, contradiction: str
) -> None:
    content = b"WAVE" + chunk(b"fmt ", form) + chunk(b"data", bytes(range(240)) * 40)
    (tmp_path / "x.wav").write_bytes(chunk(b"RIFF", content))
    with pytest.raises(RecordError, match=contradiction):
        audio.info(tmp_path / "x.wav")


@pytest.mark.parametrize("form", [extensible(2, 8, 32, 24), fmt(1, 2, 8, 32)])
def test_24_bits_in_4_bytes_are_read_exactly(tmp_path: Path, form: bytes) -> None:
    codes = np.round(noise(400) * 2**23).astype("<i4")
    content = b"WAVE" + chunk(b"fmt ", form) + chunk(b"data", (codes << 8).tobytes())
    (tmp_path / "x.wav").write_bytes(chunk(b"RIFF", content))
    np.testing.assert_array_equal(audio.read(tmp_path / "x.wav").samples, codes.T / 2**23)


Command = Callable[[Path], list[str]]
COMMANDS: dict[str, Command] = {
    "measure": lambda file: ["measure", str(file), "--sensitivity", "1"],
    "stated level": lambda file: ["measure", str(file), "--stated-level", "70"],
    "calibrate": lambda file: ["calibrate", "--left", str(file), "--out", f"{file}.json"],
    "play": lambda file: ["play", "--device", "sim:lab", str(file), "--gain", "-20"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("kind", ["raw", "unfinished"])
def test_every_command_that_reads_audio_names_the_fault(
    tmp_path: Path, capsys: Capsys, command: str, kind: str
) -> None:
    path = written(tmp_path, "WAV")
    if kind == "raw":
        path = path.rename(path.with_suffix(".raw"))
        expected = "without a header"
    else:
        with_size(path, "WAV", 0)
        expected = f"{N * FRAME} bytes"
    assert main(COMMANDS[command](path)) == 5
    assert expected in "".join(capsys.readouterr())


def test_the_other_files_are_measured(tmp_path: Path, capsys: Capsys) -> None:
    good = written(tmp_path, "W64")
    raw = tmp_path / "take.raw"
    raw.write_bytes(bytes(range(256)) * 100)
    command = ["measure", str(raw), str(good), "--sensitivity", "1", "--indicators", "LAeq"]
    assert main([*command, "--json"]) == 5
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [row["indicator"] for row in rows] == ["failed", "LA", "LA"]


LOSSY = [
    ("WAV", "ULAW"),
    ("WAV", "ALAW"),
    ("WAV", "IMA_ADPCM"),
    ("WAV", "MS_ADPCM"),
    ("WAV", "GSM610"),
    ("WAV", "G721_32"),
    ("WAV", "NMS_ADPCM_16"),
    ("AU", "G723_24"),
    ("AU", "G723_40"),
    ("OGG", "VORBIS"),
    ("OGG", "OPUS"),
    ("MP3", "MPEG_LAYER_III"),
]


@pytest.mark.parametrize(("form", "coding"), LOSSY)
def test_a_lossy_coding_is_flagged(tmp_path: Path, form: str, coding: str) -> None:
    if coding not in soundfile.available_subtypes(form):
        pytest.skip(f"this libsndfile does not know {coding}")
    path = tmp_path / f"x.{form.lower()}"
    soundfile.write(path, noise()[:, :1], FS, subtype=coding, format=form)
    assert [flag.text for flag in audio.info(path).flags] == [f"lossy coding ({coding})"]
