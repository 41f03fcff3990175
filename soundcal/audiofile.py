"""WAV, RF64 and FLAC in and out, with full scale 1.0 and nothing changed on the way.

Integer samples are divided by their full scale; float samples are taken as they are. Files are
written as 24-bit PCM or 32-bit float, never as 16-bit by accident, and appear under their name only
when they are complete. Beyond 4 GB a WAV becomes an RF64 (EBU Tech 3306).
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from soundcal.errors import ParameterError, RecordError, SignalError
from soundcal.recording import Capture

__all__ = ["Subtype", "blocks", "file_digest", "partial_file", "read", "write"]

Subtype = Literal["PCM_24", "FLOAT"]

_WAV_LIMIT: Final = 4_000_000_000
_LOSSY: Final = {"VORBIS", "OPUS", "MPEG_LAYER_III", "MPEG_LAYER_II", "MPEG_LAYER_I"}


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import soundfile

    if not path.exists():
        raise RecordError(f"{path}: no such file")
    if not path.is_file():
        raise RecordError(f"{path}: not a file")
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
        yield sound


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
        expected = sound.frames
        samples = np.ascontiguousarray(sound.read(dtype="float64", always_2d=True).T)
        fs, subtype = int(sound.samplerate), str(sound.subtype)
    if samples.shape[1] == 0:
        raise RecordError(f"{path}: the file holds no samples")
    if samples.shape[1] != expected:
        raise RecordError(
            f"{path}: truncated, {samples.shape[1]} of {expected} samples could be read"
        )
    flags = (f"lossy coding ({subtype})",) if subtype in _LOSSY else ()
    return Capture(samples, fs, device=str(path), flags=flags)


def blocks(path: str | os.PathLike[str], size: int = 1 << 18) -> Iterator[NDArray[np.float64]]:
    """Read a file in blocks of shape (n_channels, n <= size), whatever its length.

    Raises
    ------
    RecordError, SignalError
        As for :func:`read`, at the block where it shows.
    """
    path = Path(path)
    with _opened(path) as sound:
        for block in sound.blocks(size, dtype="float64", always_2d=True):
            if not np.isfinite(block).all():
                raise SignalError(f"{path}: samples that are NaN or infinite")
            yield np.ascontiguousarray(block.T)


@contextmanager
def partial_file(path: Path, *, force: bool = False) -> Iterator[Path]:
    """Give a temporary name beside ``path`` that becomes ``path`` when the context ends well.

    Raises
    ------
    RecordError
        ``path`` exists and ``force`` is not set, its folder is missing, or writing fails (for
        example because the disk is full); nothing is left behind.
    """
    if path.exists() and not force:
        raise RecordError(f"{path} exists already; choose another name or use --force")
    if not path.parent.is_dir():
        raise RecordError(f"{path.parent}: no such folder")
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    except (OSError, RuntimeError) as error:
        raise RecordError(f"{path}: cannot be written ({error})") from error
    finally:
        temporary.unlink(missing_ok=True)


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


def file_digest(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file."""
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror})") from error
