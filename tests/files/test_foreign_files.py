"""Files from anywhere: every format exactly, through the reader and ``soundcal measure``.

And names from anywhere: folders, pipes, devices, links, what may not be read. Each is measured, or
refused with one clear error and exit code 5; nothing hangs, nothing fills the memory.
"""

import json
import os
import shutil
import struct
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundcal.cli import main
from soundcal.errors import RecordError, SoundcalError
from soundcal.files import audio
from soundcal.files.text import inside, read_text

Capsys = pytest.CaptureFixture[str]
BITS = {"PCM_16": 16, "PCM_24": 24, "PCM_32": 32, "FLOAT": 24, "DOUBLE": 53}


def noise(n_channels: int, n: int, subtype: str) -> np.ndarray:
    """Samples that the coding holds exactly."""
    scale = 2.0 ** (BITS[subtype] - 1)
    drawn = np.random.default_rng(1).uniform(-0.5, 0.5, (n_channels, n))
    return np.round(drawn * scale) / scale


def measured(path: str | Path, capsys: Capsys) -> list[float]:
    command = ["measure", "--sensitivity", "1", "--indicators", "LZeq", "--json", "--", str(path)]
    assert main(command) == 0
    return [row["value"] for row in json.loads(capsys.readouterr().out)["rows"]]


def levels(samples: np.ndarray) -> list[float]:
    """Equivalent levels in dB of samples in pascal, without weighting."""
    return [float(10 * np.log10(np.mean(row**2) / 20e-6**2)) for row in samples]


PCM = ("PCM_16", "PCM_24", "PCM_32")
REAL = ("FLOAT", "DOUBLE")
FORMATS = [
    *(("WAV", subtype) for subtype in (*PCM, *REAL)),
    *(("WAVEX", subtype) for subtype in (*PCM, *REAL)),
    *(("RF64", subtype) for subtype in ("PCM_16", "PCM_24", "FLOAT")),
    *(("W64", subtype) for subtype in ("PCM_24", "FLOAT")),
    *(("AIFF", subtype) for subtype in ("PCM_16", "PCM_24", "FLOAT")),
    *(("CAF", subtype) for subtype in ("PCM_24", "DOUBLE")),
    *(("FLAC", subtype) for subtype in ("PCM_16", "PCM_24")),
]


@pytest.mark.parametrize(("form", "subtype"), FORMATS)
def test_every_format_is_read_exactly(
    tmp_path: Path, capsys: Capsys, form: str, subtype: str
) -> None:
    samples = noise(3, 9600, subtype)
    path = tmp_path / f"take.{form.lower()}"
    soundfile.write(path, samples.T, 48000, subtype=subtype, format=form)
    np.testing.assert_array_equal(audio.read(path).samples, samples)
    joined = np.concatenate(list(audio.blocks(path, 1000)), axis=1)
    np.testing.assert_array_equal(joined, samples)
    assert measured(path, capsys) == pytest.approx(levels(samples), abs=1e-9)


@pytest.mark.parametrize("fs", [8000, 11025, 22050, 51200, 65536, 176400, 192000])
def test_odd_rates_and_many_channels(tmp_path: Path, capsys: Capsys, fs: int) -> None:
    samples = noise(8, 4096, "PCM_24")
    soundfile.write(tmp_path / "x.wav", samples.T, fs, subtype="PCM_24")
    assert audio.read(tmp_path / "x.wav").fs == fs
    assert measured(tmp_path / "x.wav", capsys) == pytest.approx(levels(samples), abs=1e-9)


def test_a_thousand_channels(tmp_path: Path, capsys: Capsys) -> None:
    samples = noise(1024, 100, "PCM_16")
    soundfile.write(tmp_path / "x.wav", samples.T, 8000, subtype="PCM_16")
    assert measured(tmp_path / "x.wav", capsys) == pytest.approx(levels(samples), abs=1e-9)


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_what_is_read_and_written_comes_back_exactly(
    tmp_path: Path, subtype: audio.Subtype
) -> None:
    soundfile.write(tmp_path / "a.wav", noise(2, 5000, subtype).T, 44100, subtype=subtype)
    first = audio.read(tmp_path / "a.wav")
    audio.write(tmp_path / "b.wav", first.samples, first.fs, subtype=subtype)
    again = audio.read(tmp_path / "b.wav")
    assert again.fs == first.fs
    np.testing.assert_array_equal(again.samples, first.samples)


@pytest.mark.parametrize("place", ["before the samples", "after the samples"])
def test_a_broadcast_wave_is_read_and_left_as_it_is(
    tmp_path: Path, capsys: Capsys, place: str
) -> None:
    samples = noise(2, 4800, "PCM_24")
    path = tmp_path / "bwf.wav"
    soundfile.write(path, samples.T, 48000, subtype="PCM_24")
    # EBU Tech 3285: texts, date, time, time reference, version
    bext = b"scene 7".ljust(256, b"\0") + b"recorder".ljust(32, b"\0") + b"no. 3".ljust(32, b"\0")
    bext += b"2025-06-0112:00:00" + struct.pack("<QH", 48000 * 3600, 1) + bytes(254)
    chunk = b"bext" + struct.pack("<I", len(bext)) + bext
    content = path.read_bytes()
    at = content.index(b"data") if place == "before the samples" else len(content)
    content = content[:at] + chunk + content[at:]
    path.write_bytes(b"RIFF" + struct.pack("<I", len(content) - 8) + content[8:])
    before = path.read_bytes()
    np.testing.assert_array_equal(audio.read(path).samples, samples)
    assert measured(path, capsys) == pytest.approx(levels(samples), abs=1e-9)
    assert path.read_bytes() == before


def test_what_a_lossy_file_gives_says_so_with_the_results(tmp_path: Path, capsys: Capsys) -> None:
    soundfile.write(tmp_path / "x.ogg", noise(1, 48000, "FLOAT").T, 48000)
    command = f"measure {tmp_path}/x.ogg --sensitivity 1 --indicators LZeq --json".split()
    assert main(command) == 0
    printed = capsys.readouterr()
    assert "lossy coding (VORBIS)" in printed.err
    assert "lossy coding (VORBIS)" in json.dumps(json.loads(printed.out))


def test_the_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    with soundfile.SoundFile(tmp_path / "x.wav", "w", 48000, 8, "PCM_16") as file:
        for _ in range(40):
            file.write(np.full((48000, 8), 0.25))
    assert sum(b.shape[1] for b in audio.blocks(tmp_path / "x.wav", 1 << 14)) == 40 * 48000
    tracemalloc.start()
    for block in audio.blocks(tmp_path / "x.wav", 1 << 14):
        assert block[0, 0] == 0.25
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6  # the samples are 123 MB


# ---- headers that lie


def form(n_channels: int = 1, fs: int = 8000, bits: int = 16, tag: int = 1) -> bytes:
    frame = n_channels * bits // 8 % 65536
    return struct.pack("<HHIIHH", tag, n_channels, fs, fs * frame % 2**32, frame, bits)


def wave(fmt: bytes, size: int | None = None, data: bytes = bytes(range(200))) -> bytes:
    chunks = b"fmt " + struct.pack("<I", len(fmt)) + fmt
    chunks += b"data" + struct.pack("<I", len(data) if size is None else size) + data
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WAVE" + chunks


def flac_of_claimed_length(n: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.flac"
        soundfile.write(path, noise(1, 8000, "PCM_16").T, 8000)
        content = bytearray(path.read_bytes())
    content[21] = content[21] & 0xF0 | n >> 32  # STREAMINFO: 36 bits for the number of samples
    content[22:26] = struct.pack(">I", n & 0xFFFFFFFF)
    return bytes(content)


LIES = {
    "no channels": wave(form(n_channels=0)),
    "65535 channels": wave(form(n_channels=65535)),
    "rate 0": wave(form(fs=0)),
    "rate 2^32-1": wave(form(fs=2**32 - 1)),
    "0 bits": wave(form(bits=0)),
    "unknown coding": wave(form(tag=0x7777)),
    "more data": wave(form(), size=10**9),
    "no data": wave(form(), data=b""),
    "no format": b"RIFF\x10\0\0\0WAVEdata\x04\0\0\0\0\0\0\0",
    "FLAC of 2^36 samples": flac_of_claimed_length(2**36 - 1),
    "FLAC of too many": flac_of_claimed_length(9000),
}


@pytest.mark.parametrize("lie", LIES)
def test_headers_that_lie_are_refused(tmp_path: Path, capsys: Capsys, lie: str) -> None:
    path = tmp_path / f"x.{'flac' if 'FLAC' in lie else 'wav'}"
    path.write_bytes(LIES[lie])
    with pytest.raises(SoundcalError, match=r"x\.|sampling rate"):
        audio.read(path)
    assert main(["measure", str(path), "--sensitivity", "1", "--indicators", "LZeq"]) == 5
    err = capsys.readouterr().err
    assert "not measured: " in err
    assert "Traceback" not in err


# ---- names from anywhere

NAMES = [
    "with blank.wav",
    "ünï—中.wav",
    "new\nline.wav",
    "-dash.wav",
    "quo'te\".wav",
    "star*[1].wav",
    "%s{0}$HOME.wav",
    "x" * 250 + ".wav",
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    soundfile.write(tmp_path / "fine.wav", noise(2, 4800, "PCM_24").T, 48000, subtype="PCM_24")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no such names")
@pytest.mark.parametrize("name", NAMES)
def test_any_name_will_do(folder: Path, capsys: Capsys, name: str) -> None:
    shutil.copy("fine.wav", name)
    assert measured(name, capsys) == measured("fine.wav", capsys)


@pytest.mark.skipif(os.name == "nt", reason="names of POSIX")
def test_a_name_that_is_no_text_is_refused(folder: Path, capsys: Capsys) -> None:
    name = os.fsdecode(b"latin\xff.wav")
    shutil.copy("fine.wav", name)
    for more in ([], ["--out", "table.csv"]):
        assert main(["measure", name, "--sensitivity", "1", *more]) == 5
        assert r"latin\udcff.wav: the name is not text" in capsys.readouterr().err


def test_a_link_to_a_file_is_the_file(folder: Path, capsys: Capsys) -> None:
    Path("link.wav").symlink_to("fine.wav")
    assert measured("link.wav", capsys) == measured("fine.wav", capsys)


SPECIAL = {
    "loop.wav": "circular",
    "dangling.wav": "no such",
    "folder.wav": "not a file",
    "pipe.wav": "not a file",
    "/dev/zero": "not a file",
    "/dev/null": "not a file",
    "fine.wav/x.wav": "no such",
    "x" * 300 + ".wav": "too long",
    "/".join(["d" * 250] * 30): "too long",
}
USES = [
    "measure {} --sensitivity 1 --indicators LZeq --out table.csv",
    "measure fine.wav --calibration {} --indicators LZeq",
    "calibrate --left {}",
    "check {} {}",
    "stimuli list --catalogue {}",
    "report {}",
    "compare {}",
    "ratings {} --scale 0 100",
    "play --device sim:lab {}",
]


@pytest.mark.skipif(os.name == "nt", reason="files of POSIX")
@pytest.mark.parametrize("use", USES)
def test_what_is_no_file_is_refused(folder: Path, capsys: Capsys, use: str) -> None:
    Path("loop.wav").symlink_to("loop.wav")
    Path("dangling.wav").symlink_to("missing.wav")
    Path("folder.wav").mkdir()
    os.mkfifo("pipe.wav")
    for name, said in SPECIAL.items():
        assert main([word.format(name) for word in use.split()]) == 5, name
        err = capsys.readouterr().err
        assert "Traceback" not in err
        Path("table.csv").unlink(missing_ok=True)  # rows of what could not be measured
        if not use.startswith("report"):
            assert said in err or any(text in err for text in ("a folder;", "in this folder"))


@pytest.mark.skipif(os.name == "nt", reason="files of POSIX")
@pytest.mark.parametrize(
    ("name", "code", "said"),
    [
        ("/dev/null", 2, "the ending decides"),
        ("pipe.csv", 5, "cannot be replaced by one"),
        ("folder.csv", 2, "a folder with the ending of a table"),
    ],
)
def test_no_output_replaces_a_device(
    folder: Path, capsys: Capsys, name: str, code: int, said: str
) -> None:
    os.mkfifo("pipe.csv")
    Path("folder.csv").mkdir()
    kind = os.stat(name).st_mode
    command = ["measure", "fine.wav", "--sensitivity", "1", "--indicators", "LZeq"]
    assert main([*command, "--out", name, "--force"]) == code
    assert said in capsys.readouterr().err
    assert os.stat(name).st_mode == kind


@contextmanager
def somebody_else() -> Iterator[None]:
    """Give up the rights of root, to whom nothing is forbidden."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="permissions of POSIX")
@pytest.mark.parametrize("forbidden", ["file", "folder"])
def test_what_may_not_be_read_is_refused(
    folder: Path, capsys: Capsys, monkeypatch: pytest.MonkeyPatch, forbidden: str
) -> None:
    measured("fine.wav", capsys)  # everything is imported
    with tempfile.TemporaryDirectory() as open_to_all:
        place = Path(open_to_all) / "inner"
        place.mkdir()
        shutil.copy("fine.wav", place / "x.wav")
        Path(open_to_all).chmod(0o755)
        place.chmod(0o000 if forbidden == "folder" else 0o755)
        (place / "x.wav").chmod(0o000 if forbidden == "file" else 0o644)
        monkeypatch.chdir(open_to_all)
        try:
            for use in ("measure {} --sensitivity 1 --indicators LZeq", "check {} {}"):
                with somebody_else():
                    assert main(use.format("inner/x.wav", "inner/x.wav").split()) == 5
                assert "inner/x.wav: permission denied" in capsys.readouterr().err
        finally:
            place.chmod(0o755)


def test_a_name_in_a_record_cannot_leave_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "session"
    folder.mkdir()
    (tmp_path / "secret").write_text("x")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "up").symlink_to("..")
    (folder / "loop").symlink_to("loop")
    for name in ("../secret", str(tmp_path / "secret"), "link", "up/secret", "a/../../secret"):
        with pytest.raises(RecordError, match="leaves the folder"):
            inside(folder, name)
    for name in ("loop", "nul\0", "x" * 5000):
        with pytest.raises(RecordError):
            read_text(inside(folder, name))
    assert inside(folder, "a/../b.wav") == folder / "a/../b.wav"


def test_a_text_is_read_only_if_it_may_be_one(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(b"{}\r\n")
    assert read_text(path) == "{}\n"
    path.write_bytes(b"\xff")
    with pytest.raises(RecordError, match="cannot be read as text"):
        read_text(path)
    path.write_bytes(bytes(101))
    with pytest.raises(RecordError, match="too large for a file of text"):
        read_text(path, limit=100)


@pytest.mark.parametrize(("form", "way"), [(b"BW64", "ffmpeg -i FILE"), (b"RIFF", "as raw data")])
def test_a_file_that_the_reader_does_not_understand_names_a_way_on(
    tmp_path: Path, form: bytes, way: str
) -> None:
    path = tmp_path / "take.wav"
    path.write_bytes(form + struct.pack("<I", 36) + b"WAVE" + b"LIST\3\0\0\0abc" + bytes(40))
    with pytest.raises(RecordError, match=way):
        audio.info(path)
