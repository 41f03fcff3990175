"""A FLAC file whose header stays correct while it is written, even if the disk becomes full."""

from contextlib import suppress
from typing import Any, BinaryIO, Final

from numpy.typing import NDArray

from soundcal.files.sink import Sink
from soundcal.stopping import uninterrupted

__all__ = ["FlacFile"]

_STREAMINFO: Final = 8  # bytes before the content of the first metadata block (RFC 9639, 8.2)


class FlacFile:
    """A FLAC file that grows: libsndfile encodes it, and its header counts the samples in it.

    libsndfile writes to a :class:`~soundcal.files.sink.Sink`, which keeps the error of a write that
    fails; :meth:`append`, :meth:`count` and :meth:`finish` raise it. The number of samples is in
    STREAMINFO (RFC 9639, 8.2); its MD5 comes at the end.

    Parameters
    ----------
    file : binary file
        Opened for reading and writing, without a buffer.
    fs, n_channels : int
        Sampling rate in Hz and number of channels.
    subtype : str
        PCM_16 or PCM_24.
    comment : str
        Goes into the file's comment; "" for none.
    """

    def __init__(
        self, file: BinaryIO, fs: int, n_channels: int, subtype: str, comment: str
    ) -> None:
        import soundfile

        self.n_samples = 0
        self._encoded = 0
        self._end = 0
        self._file = file
        self._sink = Sink(file)
        # Ctrl-C within a call of libsndfile to the sink would be lost there
        with uninterrupted():
            self._sound = soundfile.SoundFile(
                self._sink, "w", fs, n_channels, subtype, format="FLAC"
            )
            if comment:
                self._sound.comment = comment
        self._check()

    def append(self, frames: NDArray[Any]) -> None:
        """Append frames, shape (n, n_channels): int32, left-justified."""
        with uninterrupted():
            self._sound.write(frames)
        self._check()
        self._encoded += len(frames)
        self.n_samples = self._encoded
        self._end = self._file.tell()

    def count(self) -> int:
        """Write the number of samples in whole frames into the header, and return it."""
        self._check()
        return self._count()

    def finish(self) -> None:
        """Encode the last samples and complete the header."""
        with uninterrupted():
            self._sound.close()
        self._check()

    def _check(self) -> None:
        """After a failed write, cut the file to whole frames and raise the error."""
        if self._sink.error is None:
            return
        with suppress(OSError):  # what follows the last whole frame does not count anyway
            self._file.truncate(self._end)
        self.n_samples = self._count()
        raise self._sink.error

    def _count(self) -> int:
        here = self._file.tell()
        self._file.seek(_STREAMINFO)
        info = self._file.read(18).ljust(18, b"\0")
        size = int.from_bytes(info[:2], "big")
        # the encoder waits for one sample more than a frame before it writes the frame
        whole = max(0, self._encoded - 1) // size * size if size else 0
        if whole:
            number = int.from_bytes(info[10:], "big") >> 36 << 36 | whole  # the last 36 bits
            self._file.seek(_STREAMINFO + 10)
            self._file.write(number.to_bytes(8, "big"))
        self._file.seek(here)
        return whole
