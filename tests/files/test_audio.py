"""Audio files: exact both ways, and one clear error for each way in which a file can be bad."""

import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundcal.errors import ParameterError, RecordError, SignalError
from soundcal.files import audio, wav
from soundcal.files.atomic import file_digest, partial_file
from soundcal.files.writer import RecordingSubtype, Writer


def noise(n_channels: int = 2, n: int = 4800) -> np.ndarray:
    return np.random.default_rng(1).uniform(-0.5, 0.5, (n_channels, n))


@pytest.mark.parametrize("n_channels", [1, 2, 8])
@pytest.mark.parametrize("fs", [8000, 44100, 192000])
def test_24_bit_files_come_back_exactly(tmp_path: Path, n_channels: int, fs: int) -> None:
    samples = np.round(noise(n_channels) * 2**23) / 2**23
    for name in ("take.wav", "take.flac"):
        digest = audio.write(tmp_path / name, samples, fs)
        capture = audio.read(tmp_path / name)
        assert digest == file_digest(tmp_path / name)
        assert capture.fs == fs
        np.testing.assert_array_equal(capture.samples, samples)


def test_float_files_come_back_exactly_beyond_full_scale_too(tmp_path: Path) -> None:
    samples = (3 * noise()).astype(np.float32).astype(np.float64)
    audio.write(tmp_path / "take.wav", samples, 48000, subtype="FLOAT")
    np.testing.assert_array_equal(audio.read(tmp_path / "take.wav").samples, samples)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_full_scale_is_one_in_every_format(tmp_path: Path, subtype: str) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.0, 0.5, -1.0] * 9), 48000, subtype=subtype)
    np.testing.assert_array_equal(audio.read(tmp_path / "a.wav").samples[0, :3], [0.0, 0.5, -1.0])


@pytest.mark.parametrize("subtype", ["PCM_24", "FLOAT"])
def test_equal_samples_make_equal_files_at_any_time(tmp_path: Path, subtype: str) -> None:
    wave = np.array([[0.25, -0.5, 0.125], [0.0, 0.25, 0.5]])
    first = audio.write(tmp_path / "a.wav", wave, 48000, subtype=subtype)
    second = int(time.time())
    while int(time.time()) == second:  # libsndfile's times are whole seconds
        time.sleep(0.02)
    assert audio.write(tmp_path / "b.wav", wave, 48000, subtype=subtype) == first
    assert np.array_equal(audio.read(tmp_path / "a.wav").samples, wave)


def test_blocks_join_to_the_whole(tmp_path: Path) -> None:
    audio.write(tmp_path / "take.wav", noise(), 48000)
    joined = np.concatenate(list(audio.blocks(tmp_path / "take.wav", 1000)), axis=1)
    np.testing.assert_array_equal(joined, audio.read(tmp_path / "take.wav").samples)


@pytest.mark.parametrize("ending", ["wav", "flac", "ogg"])
def test_a_part_is_a_part_of_the_whole(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"take.{ending}"
    soundfile.write(path, noise(2, 30_000).T, 48000)
    whole = audio.read(path).samples
    found = list(audio.blocks(path, 1000, start=12_345, stop=23_456))
    assert {block.shape[1] for block in found[:-2]} <= {1000, 655}
    np.testing.assert_array_equal(np.concatenate(found, axis=1), whole[:, 12_345:23_456])
    last = np.concatenate(list(audio.blocks(path, 1000, start=29_999)), axis=1)
    np.testing.assert_array_equal(last, whole[:, 29_999:])


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no such file"):
        audio.read(tmp_path / "missing.wav")
    with pytest.raises(RecordError, match="not a file"):
        audio.read(tmp_path)
    (tmp_path / "empty.wav").touch()
    with pytest.raises(RecordError, match="empty"):
        audio.read(tmp_path / "empty.wav")
    (tmp_path / "text.wav").write_text("not audio at all")
    with pytest.raises(RecordError, match="cannot be read as audio"):
        audio.read(tmp_path / "text.wav")
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 48000, subtype="FLOAT")
    with pytest.raises(SignalError, match="NaN"):
        audio.read(tmp_path / "nan.wav")
    with pytest.raises(SignalError, match="NaN"):
        list(audio.blocks(tmp_path / "nan.wav"))
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 2)), 48000)
    with pytest.raises(RecordError, match="no samples"):
        audio.read(tmp_path / "none.wav")


def test_writing_refuses_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(SignalError, match="clip"):
        audio.write(tmp_path / "loud.wav", 3 * noise(), 48000)
    with pytest.raises(ParameterError, match=r"\.wav or \.flac"):
        audio.write(tmp_path / "a.mp3", noise(), 48000)
    with pytest.raises(ParameterError, match="FLAC"):
        audio.write(tmp_path / "a.flac", noise(), 48000, subtype="FLOAT")
    with pytest.raises(RecordError, match="no such folder"):
        audio.write(tmp_path / "x" / "a.wav", noise(), 48000)
    audio.write(tmp_path / "a.wav", noise(), 48000)
    with pytest.raises(RecordError, match="--force"):
        audio.write(tmp_path / "a.wav", noise(), 48000)
    audio.write(tmp_path / "a.wav", noise(1), 48000, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_failure_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_text("old")

    def fill_the_disk() -> None:
        with partial_file(path, force=True) as temporary:
            temporary.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(RecordError, match="no space left on the disk"):
        fill_the_disk()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_lossy_files_are_flagged(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.ogg", noise(1, 48000)[0], 48000)
    assert "lossy" in audio.read(tmp_path / "a.ogg").flags[0].text


SUBTYPES: list[RecordingSubtype] = ["PCM_16", "PCM_24", "PCM_32", "FLOAT"]


@pytest.mark.parametrize("subtype", SUBTYPES)
@pytest.mark.parametrize("n_channels", [1, 3])
def test_a_recording_is_readable_while_it_is_written(
    tmp_path: Path, subtype: RecordingSubtype, n_channels: int
) -> None:
    bits = {"PCM_16": 15, "FLOAT": 23}.get(subtype, 23)
    samples = np.round(noise(n_channels, 9603) * 2**bits) / 2**bits
    path = tmp_path / "take.wav"
    with Writer(path, 9600, n_channels, subtype=subtype, comment="ear") as writer:
        for start in range(0, 9603, 97):
            writer.write(samples[:, start : start + 97])
            writer.flush()
            assert soundfile.info(path).frames == writer.n_samples
        for_others = path.read_bytes()  # what a killed process would leave
    (tmp_path / "killed.wav").write_bytes(for_others)
    for name in ("take.wav", "killed.wav"):
        capture = audio.read(tmp_path / name)
        np.testing.assert_array_equal(capture.samples, samples)
    info = soundfile.SoundFile(path)
    assert (info.subtype, info.samplerate, info.comment) == (subtype, 9600, "ear")
    info.close()
    assert path.stat().st_size % 2 == 0


def test_the_header_never_promises_more_than_is_there(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    with Writer(path, 48000, 2) as writer:
        for _ in range(50):
            writer.write(noise(2, 4800))
            found = soundfile.info(path).frames
            assert writer.n_samples - 24000 <= found <= writer.n_samples


def test_a_large_recording_becomes_an_rf64(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wav, "WAV_LIMIT", 100_000)
    samples = noise(2, 24000).astype(np.float32).astype(np.float64)
    path = tmp_path / "take.wav"
    with Writer(path, 48000, 2) as writer:
        writer.write(samples[:, :1000])
        writer.flush()
        assert soundfile.info(path).format == "WAV"
        writer.write(samples[:, 1000:])
    assert soundfile.info(path).format == "RF64"
    np.testing.assert_array_equal(audio.read(path).samples, samples)


def test_a_flac_recording_comes_back_exactly(tmp_path: Path) -> None:
    samples = np.round(noise() * 2**23) / 2**23
    with Writer(tmp_path / "a.flac", 48000, 2, subtype="PCM_24") as writer:
        writer.write(samples[:, :1000])
        writer.write(samples[:, 1000:])
    np.testing.assert_array_equal(audio.read(tmp_path / "a.flac").samples, samples)


def test_a_flac_is_readable_while_it_is_written(tmp_path: Path) -> None:
    samples = np.round(noise(2, 48000) * 2**23) / 2**23
    path, killed = tmp_path / "take.flac", tmp_path / "killed.flac"
    with Writer(path, 48000, 2, subtype="PCM_24", comment="ear") as writer:
        for start in range(0, 48000, 1000):
            writer.write(samples[:, start : start + 1000])
            if writer.n_samples > 5000:  # the first frame is counted without being asked
                writer.flush()
            killed.write_bytes(path.read_bytes())
            if writer.n_samples > 4096:
                capture = audio.read(killed)
                assert writer.n_samples - 4096 <= capture.n_samples < writer.n_samples
                np.testing.assert_array_equal(capture.samples, samples[:, : capture.n_samples])
            else:  # not a frame yet: a FLAC cannot say that it is empty
                with pytest.raises(RecordError, match="does not state its length"):
                    audio.read(killed)
    np.testing.assert_array_equal(audio.read(path).samples, samples)
    with soundfile.SoundFile(path) as sound:
        assert sound.comment == "ear"


def test_an_interrupted_block_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    with Writer(path, 48000, 1, subtype="PCM_24") as writer:
        writer.write(noise(1, 999))
        writer._file.write(b"half a block")  # what Ctrl-C leaves of a write
    assert audio.read(path).n_samples == 999
    content = path.read_bytes()
    assert b"half" not in content
    assert len(content) == content.index(b"data") + 8 + 3 * 999 + 1


def test_limited_samples_are_counted(tmp_path: Path) -> None:
    with Writer(tmp_path / "a.wav", 48000, 1, subtype="PCM_24") as writer:
        writer.write(np.array([[0.5, 1.5, -2.0, -1.0]]))
        assert writer.limited == 2
    np.testing.assert_array_equal(
        audio.read(tmp_path / "a.wav").samples[0], [0.5, 1 - 2**-23, -1.0, -1.0]
    )


def test_a_recording_replaces_nothing_by_accident(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("precious")
    with pytest.raises(RecordError, match="already exists"):
        Writer(tmp_path / "a.wav", 48000, 1)
    assert (tmp_path / "a.wav").read_text() == "precious"
    with pytest.raises(ParameterError, match=r"\.wav or \.flac"):
        Writer(tmp_path / "a.mp3", 48000, 1)
    with pytest.raises(ParameterError, match="FLAC holds PCM"):
        Writer(tmp_path / "a.flac", 48000, 1)
    with pytest.raises(RecordError, match="no such folder"):
        Writer(tmp_path / "no" / "a.wav", 48000, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav"]


@pytest.mark.parametrize("form", ["WAV", "RF64"])
def test_truncated_files_are_refused_before_anything_is_read(tmp_path: Path, form: str) -> None:
    path = tmp_path / "take.wav"
    soundfile.write(path, noise().T, 48000, subtype="PCM_24", format=form)
    path.write_bytes(path.read_bytes()[:-600])
    for attempt in (audio.read, audio.info, lambda p: list(audio.blocks(p))):
        with pytest.raises(RecordError, match="truncated"):
            attempt(path)


@pytest.mark.parametrize("ending", ["flac", "aiff", "w64", "au", "caf", "ogg"])
def test_other_formats_cut_short_are_refused(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"take.{ending}"
    soundfile.write(path, noise(n=48000).T, 48000)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(RecordError, match=r"truncated|malformed"):
        audio.read(path)
    with pytest.raises(RecordError, match=r"truncated|malformed"):
        list(audio.blocks(path))


def test_a_size_unknown_when_writing_is_no_truncation(tmp_path: Path) -> None:
    path = tmp_path / "pipe.wav"
    soundfile.write(path, noise().T, 48000, subtype="PCM_16")
    content = bytearray(path.read_bytes())
    at = content.index(b"data") + 4
    content[at : at + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert audio.info(path).n_samples == 4800


def test_info_is_what_the_header_says(tmp_path: Path) -> None:
    audio.write(tmp_path / "take.flac", noise(), 44100)
    about = audio.info(tmp_path / "take.flac")
    assert (about.fs, about.n_channels, about.n_samples) == (44100, 2, 4800)
    assert about.duration == pytest.approx(4800 / 44100)
    assert about.flags == ()
