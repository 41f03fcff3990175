"""Audio files in and out, with full scale 1.0 and unchanged samples.

Integer samples are divided by their full scale; float samples are taken as they are. Files are
written as 24-bit PCM or 32-bit float, never as 16-bit by accident, and appear under their name only
when they are complete. A WAV larger than 4 GB is written as an RF64 (EBU Tech 3306). A recording is
written while it is made, by :class:`soundcal.files.writer.Writer`.

Files from elsewhere are only read; soundcal ignores the chunk ``bext`` of a broadcast WAV. Their
headers are checked by :mod:`soundcal.files.headers`.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError, RecordError, SignalError
from soundcal.files.atomic import file_digest, partial_file
from soundcal.files.chunks import Chunks
from soundcal.files.headers import header_flags
from soundcal.files.sink import Sink
from soundcal.files.text import check_file
from soundcal.files.wav import WAV_LIMIT
from soundcal.recording import LOSSY, Capture, Flag, clipped_in_file
from soundcal.stopping import uninterrupted

__all__ = [
    "ENDINGS",
    "AudioInfo",
    "Subtype",
    "blocks",
    "in_folder",
    "info",
    "read",
    "write",
]

Subtype = Literal["PCM_24", "FLOAT", "DOUBLE"]

ENDINGS: Final = (
    *(".wav", ".bwf", ".rf64", ".bw64", ".w64", ".flac", ".aiff", ".aif", ".aifc", ".caf", ".au"),
    *(".ogg", ".oga", ".opus", ".mp3"),
)
"""Endings of the names of audio files that are read from a folder."""

_FORM_SLACK: Final = 64
_SIZES: Final = re.compile(
    r"^\s*(data|SSND|Data Size|Riff size|riff) *: (\d+) \(should be (\d+)\)", re.MULTILINE
)
_UNKNOWN_FRAMES: Final = 1 << 62  # libsndfile gives 2^63 - 1 for a FLAC without a length
_LOSSLESS: Final = re.compile(r"PCM_\w+|FLOAT|DOUBLE|ALAC_\d+|DPCM_\d+|DWVW_\d+")
"""Codings that keep every sample; results from all others, known or not, carry a flag."""


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """The header of an audio file.

    Parameters
    ----------
    fs : int
        Sampling rate in Hz.
    n_channels, n_samples : int
        Channels, and samples per channel.
    subtype : str
        Coding of the samples, as libsndfile names it.
    doubts : tuple of Flag
        Contradictions between the header and the file.
    """

    fs: int
    n_channels: int
    n_samples: int
    subtype: str
    doubts: tuple[Flag, ...] = ()

    @property
    def duration(self) -> float:
        """Duration in s."""
        return self.n_samples / self.fs

    @property
    def flags(self) -> tuple[Flag, ...]:
        """Reasons to doubt the samples because of their coding or their header."""
        if _is_lossless(self.subtype):
            return self.doubts
        return (Flag(LOSSY, f"lossy coding ({self.subtype})"), *self.doubts)


def _way_on(path: Path) -> str:
    """Return what to do with a file of chunks that its reader does not understand."""
    with open(path, "rb") as file:
        form = file.read(4)
    if form == b"BW64":
        return "; this is a BW64: convert it with “ffmpeg -i FILE -c copy -rf64 always NEW.wav”"
    if form in (b"RIFF", b"RF64"):
        return (
            "; the parts of its header are damaged or not in the usual order: import it as raw "
            "data into an audio editor, and save it as WAV"
        )
    return ""


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import soundfile

    check_file(path)
    try:
        sound = soundfile.SoundFile(path)
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        # soundfile's own errors derive from RuntimeError; it takes the ending .raw for headerless
        # samples and raises TypeError
        reason = str(error).strip()
        if path.stat().st_size == 0:
            reason = "the file is empty"
        elif isinstance(error, TypeError):
            reason = "samples without a header"
        raise RecordError(
            f"{path}: cannot be read as audio ({reason}); "
            f"WAV, RF64, FLAC, AIFF, CAF or OGG expected{_way_on(path)}"
        ) from error
    with sound:
        if sound.frames >= _UNKNOWN_FRAMES:
            raise RecordError(
                f"{path}: its header does not state its length; the program that wrote it was "
                "interrupted: convert it to WAV with flac or sox"
            )
        _check_complete(path, str(sound.extra_info))
        yield sound


def _check_complete(path: Path, header: str) -> None:
    """Refuse a file whose header promises more samples than follow.

    libsndfile reads the samples that are there and mentions the difference only in its log.
    Programs that do not know the length beforehand write a size of 2^32 - 1. A form a few bytes
    shorter than its header states is a common mistake of writers and loses no samples.
    """
    for name, promised, there in _SIZES.findall(header):
        missing = int(promised) - int(there)
        slack = 0 if name in ("data", "SSND", "Data Size") else _FORM_SLACK
        if slack < missing and int(promised) < 0xFFFFFFFF:
            raise RecordError(
                f"{path}: truncated, it has {there} of {promised} bytes; "
                "copy the file again, or repair its header if there is no complete file"
            )
    if "Last page lacks an end-of-stream bit" in header:
        raise RecordError(f"{path}: truncated, the stream does not end; copy the file again")


def _is_lossless(subtype: str) -> bool:
    return _LOSSLESS.fullmatch(subtype) is not None


def _info(path: Path, sound: Any) -> AudioInfo:
    fs, n_channels, n_samples = int(sound.samplerate), int(sound.channels), int(sound.frames)
    doubts = header_flags(path, fs, n_channels, n_samples)
    return AudioInfo(fs, n_channels, n_samples, str(sound.subtype), doubts)


def info(path: str | os.PathLike[str]) -> AudioInfo:
    """Read the header of a file, not its samples.

    Raises
    ------
    RecordError
        Missing, empty, or not audio.
    """
    path = Path(path)
    with _opened(path) as sound:
        about = _info(path, sound)
    if about.n_samples == 0:
        raise RecordError(f"{path}: the file holds no samples")
    return about


def _next_samples(path: Path, sound: Any, size: int) -> Array:
    """Return the next samples, shape (n <= size, n_channels)."""
    try:
        samples: Array = sound.read(size, dtype="float64", always_2d=True)
    # soundfile's own errors derive from RuntimeError; without a known length it raises ValueError
    except (RuntimeError, ValueError) as error:
        raise RecordError(f"{path}: damaged or truncated ({str(error).strip()})") from error
    except MemoryError as error:
        raise RecordError(
            f"{path}: {sound.frames} samples in {sound.channels} channels, as its header states, "
            "do not fit into the memory; measure reads files of any length in blocks"
        ) from error
    return samples


def read(path: str | os.PathLike[str]) -> Capture:
    """Read a whole file.

    Parameters
    ----------
    path : path
        Any format that libsndfile reads; lossy ones are flagged.

    Returns
    -------
    Capture
        Samples with shape (n_channels, n_samples), 1.0 is full scale; ``device`` is the path.

    Raises
    ------
    RecordError
        Missing, empty, truncated, or not audio.
    SignalError
        The samples are not finite.
    """
    path = Path(path)
    with _opened(path) as sound:
        about = _info(path, sound)
        samples = np.ascontiguousarray(_next_samples(path, sound, -1).T)
    if samples.shape[1] == 0:
        raise RecordError(f"{path}: the file holds no samples")
    if samples.shape[1] != about.n_samples:
        raise RecordError(
            f"{path}: truncated, {samples.shape[1]} of {about.n_samples} samples could be read"
        )
    return Capture(
        samples,
        about.fs,
        device=str(path),
        clipped=clipped_in_file(samples),
        flags=about.flags,
    )


def blocks(
    path: str | os.PathLike[str],
    size: int = 1 << 18,
    *,
    start: int = 0,
    stop: int | None = None,
) -> Iterator[Array]:
    """Read a file, or a part of it, in blocks of shape (n_channels, n <= size).

    Parameters
    ----------
    path : path
        Any format that libsndfile reads.
    size : int
        Largest number of samples per channel in a block.
    start, stop : int
        First sample, and the one after the last; by default those of the file. A file of a lossy
        coding is decoded from its beginning, because its samples depend on what was decoded before.

    Raises
    ------
    RecordError, SignalError
        As for :func:`read`, at the block in which the error is found.
    """
    path = Path(path)
    with _opened(path) as sound:
        end = sound.frames if stop is None else min(stop, sound.frames)
        at = start if _is_lossless(sound.subtype) else 0
        if at:
            sound.seek(at)
        while (
            block := _next_samples(path, sound, size if stop is None else min(size, end - at))
        ).size:
            wanted = block[max(start - at, 0) :]
            if not np.isfinite(wanted).all():
                raise SignalError(f"{path}: contains samples that are NaN or infinite")
            at += block.shape[0]
            if wanted.size:
                yield np.ascontiguousarray(wanted.T)
    if at != end:
        raise RecordError(f"{path}: truncated, {at} of {end} samples could be read")


def write(
    path: str | os.PathLike[str],
    samples: Array,
    fs: int,
    *,
    subtype: Subtype = "PCM_24",
    comment: str = "",
    force: bool = False,
) -> str:
    """Write samples and return the SHA-256 of the file; equal samples make equal files.

    Parameters
    ----------
    path : path
        Ends in ``.wav`` or ``.flac``.
    samples : ndarray, shape (n_channels, n_samples)
        1.0 is full scale; PCM refuses larger samples instead of clipping them.
    fs : int
        Sampling rate in Hz.
    subtype : {"PCM_24", "FLOAT", "DOUBLE"}
        FLAC supports only PCM.
    comment : str
        Goes into the file's comment, for example the identity of the calibration.
    force : bool
        Replace an existing file.

    Raises
    ------
    SignalError
        Samples beyond full scale with PCM, or not finite.
    ParameterError
        Unknown file type.
    RecordError
        The file exists, or cannot be written.
    """
    import soundfile

    path = Path(path)
    formats = {".wav": "WAV", ".flac": "FLAC"}
    if path.suffix.lower() not in formats:
        raise ParameterError(f"{path}: the name must end in .wav or .flac")
    form = formats[path.suffix.lower()]
    checked = Capture(samples, fs)
    peak = float(np.abs(checked.samples).max(initial=0.0))
    if subtype == "PCM_24" and peak > 1.0:
        raise SignalError(
            f"{path}: peak {peak:.4g} is beyond full scale (1.0) and would clip; "
            "lower the gain or write 32-bit float"
        )
    if form == "FLAC" and subtype != "PCM_24":
        raise ParameterError(f"{path}: FLAC holds integers; use .wav for float samples")
    width = 8 if subtype == "DOUBLE" else 4
    if form == "WAV" and checked.samples.size * width > WAV_LIMIT:
        form = "RF64"
    n_channels = checked.samples.shape[0]
    with (
        partial_file(path, force=force) as temporary,
        open(temporary, "w+b", buffering=0) as file,
    ):
        sink = Sink(file)
        # Ctrl-C within a call of libsndfile to the sink would be lost there
        with (
            uninterrupted(),
            soundfile.SoundFile(sink, "w", fs, n_channels, subtype, format=form) as sound,
        ):
            if comment:
                sound.comment = comment
            sound.write(checked.samples.T)
        if sink.error is not None:
            raise sink.error
        if subtype != "PCM_24":
            _remove_time(file)
    return file_digest(path)


def _remove_time(file: BinaryIO) -> None:
    """Remove the time that libsndfile writes beside the peaks: equal samples make equal files."""
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = Chunks(file, length)
    for chunk in head.chunks(head.first):
        if chunk.name == b"PEAK":
            file.seek(chunk.start + 4)
            file.write(bytes(4))
        if chunk.name in (b"PEAK", b"data"):
            return


def in_folder(folder: Path) -> list[Path]:
    """Return the audio files of a folder, without those of its subfolders, sorted by name."""
    return sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in ENDINGS and not path.name.startswith(".")
    )
