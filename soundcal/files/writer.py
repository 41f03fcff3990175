"""A recording written while it is made, under its own name, and readable at every moment.

The header is kept correct, so that the file can be read however the program ends.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.errors import ParameterError, RecordError
from soundcal.files.atomic import check_output, why_unwritable
from soundcal.files.flac import FlacFile
from soundcal.files.wav import WavFile

__all__ = ["RecordingSubtype", "Writer"]

RecordingSubtype = Literal["PCM_16", "PCM_24", "PCM_32", "FLOAT"]

_BITS: Final[dict[RecordingSubtype, int]] = {"PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
_HEADER_EVERY_S: Final = 0.5


class _GrowingFile(Protocol):
    """A file that frames are appended to; its methods raise OSError if it cannot be written."""

    n_samples: int

    def append(self, frames: NDArray[Any]) -> None:
        """Append frames, shape (n, n_channels)."""

    def count(self) -> int:
        """Write the number of samples that can be read into the header, and return it."""

    def finish(self) -> None:
        """Complete the file."""


class Writer:
    """Writes a recording while it is made; use it as a context manager.

    The file is valid at every moment: its header counts the samples that are there, to within the
    last half second, even after the process was killed. A WAV becomes an RF64 when it grows beyond
    4 GB. In a FLAC only whole frames count before it is closed, and its MD5 comes last.

    Parameters
    ----------
    path : path
        Ends in ``.wav`` or ``.flac``.
    fs : int
        Sampling rate in Hz.
    n_channels : int
        Number of channels.
    subtype : {"PCM_16", "PCM_24", "PCM_32", "FLOAT"}
        Coding of the samples; FLAC takes PCM_16 and PCM_24.
    comment : str
        Goes into the file's comment, for example the identity of the calibration.
    force : bool
        Replace an existing file.

    Raises
    ------
    ParameterError
        Unknown file type, or a subtype that it does not support.
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
        self.limited = 0
        self._fs = fs
        self._header_due = 0
        kind = self.path.suffix.lower()
        if kind not in (".wav", ".flac"):
            raise ParameterError(f"{path}: the name must end in .wav or .flac")
        if kind == ".flac" and subtype not in ("PCM_16", "PCM_24"):
            raise ParameterError(f"{path}: FLAC holds PCM_16 or PCM_24, not {subtype}; use .wav")
        check_output(self.path, force=force)
        try:
            self._file: BinaryIO = open(self.path, "w+b", buffering=0)  # noqa: SIM115  held open
        except OSError as error:
            raise RecordError(
                f"{path}: cannot be written ({why_unwritable(error, self.path)})"
            ) from error
        form = FlacFile if kind == ".flac" else WavFile
        try:
            self._audio: _GrowingFile = form(self._file, fs, n_channels, subtype, comment)
        except OSError as error:
            self._file.close()
            self.path.unlink()
            raise self._unwritable(error, 0) from error

    @property
    def n_samples(self) -> int:
        """Samples per channel in the file."""
        return self._audio.n_samples

    def write(self, samples: Array) -> None:
        """Append samples of shape (n_channels, n).

        PCM limits samples beyond full scale to it and counts them in :attr:`limited`.
        """
        coded = self._coded(samples)
        with self._errors():
            self._audio.append(coded.T)
        if self.n_samples >= self._header_due:
            self._header_due = self.n_samples + round(_HEADER_EVERY_S * self._fs)
            self.flush()

    def flush(self) -> None:
        """Make what was written so far readable; of a FLAC, what fills whole frames."""
        with self._errors():
            if self._audio.count() == 0:
                self._header_due = 0  # the sooner it can be read, the better

    def close(self) -> None:
        """Complete the file; safe to call twice."""
        if self._file.closed:
            return
        with self._errors():
            try:
                self._audio.finish()
            finally:
                self._file.close()  # some network drives report an error only now

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _coded(self, samples: Array) -> NDArray[Any]:
        if self.subtype == "FLOAT":
            return samples.astype("<f4")
        # left-justified in 32 bits, as libsndfile takes integers of any width
        bits = _BITS[self.subtype]
        scale = 2.0 ** (bits - 1)
        self.limited += int((np.abs(samples) > 1.0).sum())
        codes = np.clip(np.rint(samples * scale), -scale, scale - 1.0).astype(np.int64)
        return (codes << (32 - bits)).astype("<i4")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._unwritable(error, self.n_samples) from error

    def _unwritable(self, error: OSError, n_samples: int) -> RecordError:
        return RecordError(
            f"{self.path}: cannot be written ({why_unwritable(error, self.path)}); "
            f"{n_samples / self._fs:.2f} s are in the file"
        )
