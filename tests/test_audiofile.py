"""Audio files: exact both ways, and one clear error for each way in which a file can be bad."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from soundcal import audiofile
from soundcal.errors import ParameterError, RecordError, SignalError


def noise(n_channels: int = 2, n: int = 4800) -> np.ndarray:
    return np.random.default_rng(1).uniform(-0.5, 0.5, (n_channels, n))


@pytest.mark.parametrize("n_channels", [1, 2, 8])
@pytest.mark.parametrize("fs", [8000, 44100, 192000])
def test_24_bit_files_come_back_exactly(tmp_path: Path, n_channels: int, fs: int) -> None:
    samples = np.round(noise(n_channels) * 2**23) / 2**23
    for name in ("take.wav", "take.flac"):
        digest = audiofile.write(tmp_path / name, samples, fs)
        capture = audiofile.read(tmp_path / name)
        assert digest == audiofile.file_digest(tmp_path / name)
        assert capture.fs == fs
        np.testing.assert_array_equal(capture.samples, samples)


def test_float_files_come_back_exactly_beyond_full_scale_too(tmp_path: Path) -> None:
    samples = (3 * noise()).astype(np.float32).astype(np.float64)
    audiofile.write(tmp_path / "take.wav", samples, 48000, subtype="FLOAT")
    np.testing.assert_array_equal(audiofile.read(tmp_path / "take.wav").samples, samples)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_full_scale_is_one_in_every_format(tmp_path: Path, subtype: str) -> None:
    soundfile.write(tmp_path / "a.wav", np.array([0.0, 0.5, -1.0] * 9), 48000, subtype=subtype)
    np.testing.assert_array_equal(
        audiofile.read(tmp_path / "a.wav").samples[0, :3], [0.0, 0.5, -1.0]
    )


def test_blocks_join_to_the_whole(tmp_path: Path) -> None:
    audiofile.write(tmp_path / "take.wav", noise(), 48000)
    joined = np.concatenate(list(audiofile.blocks(tmp_path / "take.wav", 1000)), axis=1)
    np.testing.assert_array_equal(joined, audiofile.read(tmp_path / "take.wav").samples)


def test_bad_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no such file"):
        audiofile.read(tmp_path / "missing.wav")
    with pytest.raises(RecordError, match="not a file"):
        audiofile.read(tmp_path)
    (tmp_path / "empty.wav").touch()
    with pytest.raises(RecordError, match="empty"):
        audiofile.read(tmp_path / "empty.wav")
    (tmp_path / "text.wav").write_text("not audio at all")
    with pytest.raises(RecordError, match="cannot be read as audio"):
        audiofile.read(tmp_path / "text.wav")
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 48000, subtype="FLOAT")
    with pytest.raises(SignalError, match="NaN"):
        audiofile.read(tmp_path / "nan.wav")
    with pytest.raises(SignalError, match="NaN"):
        list(audiofile.blocks(tmp_path / "nan.wav"))
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 2)), 48000)
    with pytest.raises(RecordError, match="no samples"):
        audiofile.read(tmp_path / "none.wav")


def test_writing_refuses_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(SignalError, match="clip"):
        audiofile.write(tmp_path / "loud.wav", 3 * noise(), 48000)
    with pytest.raises(ParameterError, match=r"\.wav or \.flac"):
        audiofile.write(tmp_path / "a.mp3", noise(), 48000)
    with pytest.raises(ParameterError, match="FLAC"):
        audiofile.write(tmp_path / "a.flac", noise(), 48000, subtype="FLOAT")
    with pytest.raises(RecordError, match="no such folder"):
        audiofile.write(tmp_path / "x" / "a.wav", noise(), 48000)
    audiofile.write(tmp_path / "a.wav", noise(), 48000)
    with pytest.raises(RecordError, match="--force"):
        audiofile.write(tmp_path / "a.wav", noise(), 48000)
    audiofile.write(tmp_path / "a.wav", noise(1), 48000, force=True)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_a_failure_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "old.txt"
    path.write_text("old")

    def fill_the_disk() -> None:
        with audiofile.partial_file(path, force=True) as temporary:
            temporary.write_text("half")
            raise OSError(28, "No space left on device")

    with pytest.raises(RecordError, match="No space left"):
        fill_the_disk()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_lossy_files_are_flagged(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.ogg", noise(1, 48000)[0], 48000)
    assert "lossy" in audiofile.read(tmp_path / "a.ogg").flags[0]
