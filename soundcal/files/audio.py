"""WAV, RF64 and FLAC in and out, with full scale 1.0 and nothing changed on the way.

Integer samples are divided by their full scale; float samples are taken as they are. Files are
written as 24-bit PCM or 32-bit float, never as 16-bit by accident, and appear under their name only
when they are complete. Beyond 4 GB a WAV becomes an RF64 (EBU Tech 3306).

A recording is the exception: :class:`Writer` writes it while it is made, under its own name, and
keeps the header true, so that whatever ends the program leaves a file that can be read.

Files from elsewhere are read only: what a broadcast WAV says in its chunk ``bext`` stays in it, and
soundcal makes no use of it.
"""

import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Final, Literal, Self

import numpy as np
from numpy.typing import NDArray

from soundcal.errors import ParameterError, RecordError, SignalError
from soundcal.files.atomic import check_output, file_digest, partial_file
from soundcal.files.flac import FlacFile
from soundcal.files.text import check_file
from soundcal.recording import Capture

__all__ = [
    "AudioInfo",
    "RecordingSubtype",
    "Subtype",
    "Writer",
    "blocks",
    "info",
    "read",
    "write",
]

Subtype = Literal["PCM_24", "FLOAT"]
RecordingSubtype = Literal["PCM_16", "PCM_24", "PCM_32", "FLOAT"]

_WAV_LIMIT: Final = 4_000_000_000
_FORM_SLACK: Final = 64
_SIZES: Final = re.compile(
    r"^\s*(data|SSND|Data Size|Riff size|riff) *: (\d+) \(should be (\d+)\)", re.MULTILINE
)
_UNKNOWN_FRAMES: Final = 1 << 62  # libsndfile gives 2^63 - 1 for a FLAC without a length
_LOSSY: Final = {"VORBIS", "OPUS", "MPEG_LAYER_III", "MPEG_LAYER_II", "MPEG_LAYER_I"}


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What the header of an audio file says.

    Parameters
    ----------
    fs : int
        Sampling rate in Hz.
    n_channels, n_samples : int
        Channels, and samples per channel.
    subtype : str
        Coding of the samples, in libsndfile's words.
    """

    fs: int
    n_channels: int
    n_samples: int
    subtype: str

    @property
    def duration(self) -> float:
        """Duration in s."""
        return self.n_samples / self.fs

    @property
    def flags(self) -> tuple[str, ...]:
        """Reasons to doubt the samples that the coding gives."""
        return (f"lossy coding ({self.subtype})",) if self.subtype in _LOSSY else ()


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import soundfile

    check_file(path)
    try:
        sound = soundfile.SoundFile(path)
    except (OSError, RuntimeError) as error:
        # soundfile's own errors derive from RuntimeError
        reason = "the file is empty" if path.stat().st_size == 0 else str(error).strip()
        raise RecordError(
            f"{path}: cannot be read as audio ({reason}); "
            "WAV, RF64, FLAC, AIFF, CAF or OGG expected"
        ) from error
    with sound:
        if sound.frames >= _UNKNOWN_FRAMES:
            raise RecordError(
                f"{path}: its header does not say how long it is; the program that wrote it was "
                "interrupted: convert it to WAV with flac or sox"
            )
        _check_complete(path, str(sound.extra_info))
        yield sound


def _check_complete(path: Path, header: str) -> None:
    """Refuse a file whose header promises more samples than follow.

    libsndfile reads what is there and says so only in its log. A size of 2^32 - 1 is what programs
    write that do not know the length beforehand; a form that is a few bytes shorter than it says is
    a common mistake of writers and takes nothing from the samples.
    """
    for name, promised, there in _SIZES.findall(header):
        missing = int(promised) - int(there)
        slack = 0 if name in ("data", "SSND", "Data Size") else _FORM_SLACK
        if slack < missing and int(promised) < 0xFFFFFFFF:
            raise RecordError(
                f"{path}: truncated, {there} of {promised} bytes are there; "
                "copy the file again, or repair its header if this is all there is"
            )
    if "Last page lacks an end-of-stream bit" in header:
        raise RecordError(f"{path}: truncated, the stream does not end; copy the file again")


def _info(sound: Any) -> AudioInfo:
    return AudioInfo(
        int(sound.samplerate), int(sound.channels), int(sound.frames), str(sound.subtype)
    )


def info(path: str | os.PathLike[str]) -> AudioInfo:
    """Return what the header of a file says, without reading its samples.

    Raises
    ------
    RecordError
        Missing, empty, or not audio.
    """
    path = Path(path)
    with _opened(path) as sound:
        about = _info(sound)
    if about.n_samples == 0:
        raise RecordError(f"{path}: the file holds no samples")
    return about


def _next_samples(path: Path, sound: Any, size: int) -> NDArray[np.float64]:
    """Return the next samples, shape (n <= size, n_channels)."""
    try:
        samples: NDArray[np.float64] = sound.read(size, dtype="float64", always_2d=True)
    except RuntimeError as error:  # soundfile's own errors derive from it
        raise RecordError(f"{path}: damaged or truncated ({str(error).strip()})") from error
    except MemoryError as error:
        raise RecordError(
            f"{path}: {sound.frames} samples in {sound.channels} channels, as its header says, do "
            "not fit into the memory; measure reads files of any length in blocks"
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
        about = _info(sound)
        samples = np.ascontiguousarray(_next_samples(path, sound, -1).T)
    if samples.shape[1] == 0:
        raise RecordError(f"{path}: the file holds no samples")
    if samples.shape[1] != about.n_samples:
        raise RecordError(
            f"{path}: truncated, {samples.shape[1]} of {about.n_samples} samples could be read"
        )
    return Capture(samples, about.fs, device=str(path), flags=about.flags)


def blocks(path: str | os.PathLike[str], size: int = 1 << 18) -> Iterator[NDArray[np.float64]]:
    """Read a file in blocks of shape (n_channels, n <= size), whatever its length.

    Raises
    ------
    RecordError, SignalError
        As for :func:`read`, at the block where it shows.
    """
    path = Path(path)
    with _opened(path) as sound:
        expected, found = sound.frames, 0
        while (block := _next_samples(path, sound, size)).size:
            if not np.isfinite(block).all():
                raise SignalError(f"{path}: samples that are NaN or infinite")
            found += block.shape[0]
            yield np.ascontiguousarray(block.T)
    if found != expected:
        raise RecordError(f"{path}: truncated, {found} of {expected} samples could be read")


def write(
    path: str | os.PathLike[str],
    samples: NDArray[np.float64],
    fs: int,
    *,
    subtype: Subtype = "PCM_24",
    comment: str = "",
    force: bool = False,
) -> str:
    """Write samples and return the SHA-256 of the file.

    Parameters
    ----------
    path : path
        Ends in ``.wav`` or ``.flac``.
    samples : ndarray, shape (n_channels, n_samples)
        1.0 is full scale; PCM refuses larger samples instead of clipping them.
    fs : int
        Sampling rate in Hz.
    subtype : {"PCM_24", "FLOAT"}
        FLAC knows PCM only.
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
    if form == "FLAC" and subtype == "FLOAT":
        raise ParameterError(f"{path}: FLAC holds integers; use .wav for float samples")
    if form == "WAV" and checked.samples.size * 4 > _WAV_LIMIT:
        form = "RF64"
    n_channels = checked.samples.shape[0]
    with (
        partial_file(path, force=force) as temporary,
        soundfile.SoundFile(temporary, "w", fs, n_channels, subtype, format=form) as sound,
    ):
        if comment:
            sound.comment = comment
        sound.write(checked.samples.T)
    return file_digest(path)


_BYTES: Final[dict[RecordingSubtype, int]] = {"PCM_16": 2, "PCM_24": 3, "PCM_32": 4, "FLOAT": 4}
_UNKNOWN: Final = 0xFFFFFFFF
_HEADER_EVERY_S: Final = 0.5


class Writer:
    """Writes a recording while it is made; use it as a context manager.

    The file is valid at every moment: the header says how much is there, to within the last half
    second, even after the process was killed. A WAV becomes an RF64 when it grows beyond 4 GB (EBU
    Tech 3306: the space of the chunk ``JUNK`` turns into ``ds64``). In a FLAC the number of samples
    in STREAMINFO (RFC 9639, 8.2) is kept up to date; its MD5 is there only when it is closed.

    Parameters
    ----------
    path : path
        Ends in ``.wav`` or ``.flac``.
    fs : int
        Sampling rate in Hz.
    n_channels : int
        Number of channels.
    subtype : {"PCM_16", "PCM_24", "PCM_32", "FLOAT"}
        How samples are stored; FLAC knows PCM_16 and PCM_24.
    comment : str
        Goes into the file's comment, for example the identity of the calibration.
    force : bool
        Replace an existing file.

    Raises
    ------
    ParameterError
        Unknown file type, or a subtype it does not know.
    RecordError
        The file exists, or cannot be written (:meth:`write` too: the disk is full).
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        fs: int,
        n_channels: int,
        *,
        subtype: RecordingSubtype = "FLOAT",
        comment: str = "",
        force: bool = False,
    ) -> None:
        self.path = Path(path)
        self.subtype: RecordingSubtype = subtype
        self.n_samples = 0
        self.limited = 0
        self._fs = fs
        self._n_channels = n_channels
        self._comment = comment.encode()
        self._header_due = 0
        kind = self.path.suffix.lower()
        if kind not in (".wav", ".flac"):
            raise ParameterError(f"{path}: the name must end in .wav or .flac")
        if kind == ".flac" and subtype not in ("PCM_16", "PCM_24"):
            raise ParameterError(f"{path}: FLAC holds PCM_16 or PCM_24, not {subtype}; use .wav")
        check_output(self.path, force=force)
        self._flac: FlacFile | None = None
        try:
            self._file: BinaryIO = open(self.path, "w+b", buffering=0)  # noqa: SIM115  held open
        except OSError as error:
            raise RecordError(f"{path}: cannot be written ({error.strerror})") from error
        try:
            if kind == ".flac":
                self._flac = FlacFile(self._file, fs, n_channels, subtype, comment)
                self._check_flac()
            else:
                self._put(self._header())
        except RecordError:
            self._file.close()
            self.path.unlink()
            raise

    def write(self, samples: NDArray[np.float64]) -> None:
        """Append samples of shape (n_channels, n).

        PCM limits samples beyond full scale to it and counts them in :attr:`limited`.
        """
        coded = self._coded(samples)
        if self._flac is not None:
            self._flac.encode(coded.T)
            self._check_flac()
        else:
            self._put(_packed(coded.T, self.subtype))
        self.n_samples += samples.shape[1]
        if self.n_samples >= self._header_due:
            self._header_due = self.n_samples + round(_HEADER_EVERY_S * self._fs)
            self.flush()

    def flush(self) -> None:
        """Make what was written so far readable; of a FLAC, what fills whole frames."""
        if self._flac is not None:
            if self._flac.count() == 0:
                self._header_due = 0  # the sooner it can be read, the better
            self._check_flac()
            return
        self._file.seek(0)
        self._put(self._header())
        self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        """Complete the file; safe to call twice."""
        if self._file.closed:
            return
        try:
            if self._flac is not None:
                self._flac.finish()
                self._check_flac()
            else:
                self.flush()
                self._cut()  # what an interrupt left of a block that does not count
                if self._data_bytes % 2:
                    self._put(b"\0")  # chunks have an even length
        finally:
            try:
                self._file.close()
            except OSError as error:  # some network drives refuse only now
                raise self._unwritable(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _data_bytes(self) -> int:
        return self.n_samples * self._n_channels * _BYTES[self.subtype]

    def _put(self, content: bytes) -> None:
        rest = memoryview(content)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            with suppress(OSError):  # the header counts without it, too
                self._cut()
            raise self._unwritable(error) from error

    def _cut(self) -> None:
        """Cut a WAV to the samples that its header counts."""
        self._file.truncate(len(self._header()) + self._data_bytes)
        self._file.seek(0, os.SEEK_END)

    def _check_flac(self) -> None:
        if self._flac is not None and self._flac.error is not None:
            self.n_samples = self._flac.cut()
            raise self._unwritable(self._flac.error)

    def _unwritable(self, error: OSError) -> RecordError:
        return RecordError(
            f"{self.path}: cannot be written ({error.strerror}); "
            f"{self.n_samples / self._fs:.2f} s are in the file"
        )

    def _coded(self, samples: NDArray[np.float64]) -> NDArray[Any]:
        if self.subtype == "FLOAT":
            return samples.astype("<f4")
        # left-justified in 32 bits, as libsndfile takes integers of any width
        bits = 8 * _BYTES[self.subtype]
        scale = 2.0 ** (bits - 1)
        self.limited += int((np.abs(samples) > 1.0).sum())
        codes = np.clip(np.rint(samples * scale), -scale, scale - 1.0).astype(np.int64)
        return (codes << (32 - bits)).astype("<i4")

    def _header(self) -> bytes:
        width = _BYTES[self.subtype]
        frame = width * self._n_channels
        code = 3 if self.subtype == "FLOAT" else 1
        form = struct.pack(
            "<HHIIHH", code, self._n_channels, self._fs, self._fs * frame, frame, 8 * width
        )
        chunks = _chunk(b"fmt ", form)
        if code == 3:
            chunks += _chunk(b"fact", struct.pack("<I", min(self.n_samples, _UNKNOWN)))
        if self._comment:
            chunks += _chunk(b"LIST", b"INFO" + _chunk(b"ICMT", self._comment + b"\0"))
        size = 4 + 36 + len(chunks) + 8 + self._data_bytes  # ds64 has 8 + 28 bytes
        if size <= _WAV_LIMIT:
            sizes, riff, data = _chunk(b"JUNK", bytes(28)), size, self._data_bytes
            name = b"RIFF"
        else:
            content = struct.pack("<QQQI", size, self._data_bytes, self.n_samples, 0)
            sizes, riff, data = _chunk(b"ds64", content), _UNKNOWN, _UNKNOWN
            name = b"RF64"
        head = name + struct.pack("<I", riff) + b"WAVE" + sizes + chunks
        return head + b"data" + struct.pack("<I", data)


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def _packed(coded: NDArray[Any], subtype: RecordingSubtype) -> bytes:
    """Return frames as the bytes of a WAV file."""
    frames = np.ascontiguousarray(coded)
    width = _BYTES[subtype]
    return frames.view(np.uint8).reshape(-1, 4)[:, 4 - width :].tobytes()
