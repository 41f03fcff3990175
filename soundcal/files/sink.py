"""A file that libsndfile writes through Python, so that the reason for a failure is known."""

import os
from typing import BinaryIO

__all__ = ["Sink"]


class Sink:
    """An open file for libsndfile, which cannot handle a write that fails.

    The first error is kept in :attr:`error`, and nothing is written from then on. libsndfile itself
    would only report "System error".

    Parameters
    ----------
    file : binary file
        Opened for reading and writing, without a buffer.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def write(self, content: bytes) -> int:
        """Write for libsndfile."""
        rest = memoryview(content)
        try:
            while rest and self.error is None:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            self.error = error
        return len(content)

    def read(self, size: int) -> bytes:
        """Read for libsndfile."""
        return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move for libsndfile."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """Return the position for libsndfile."""
        return self._file.tell()
