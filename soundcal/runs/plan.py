"""The plan of a run: files are looked at, and cut into pieces.

The cut follows from the file and the length of a piece alone, never from the speed of a machine, so
a dataset has the same content whoever computed it. A file with a known start is cut at multiples of
the length in UTC, another one at multiples from its first sample.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from soundcal.errors import ParameterError, RecordError
from soundcal.files import audio
from soundcal.runs.content_id import content_id
from soundcal.runs.dataset import day_of
from soundcal.runs.remote import Stamp, calibration_beside, is_address, opened, record_of, stamp
from soundcal.runs.starts import RecorderClock

__all__ = ["AudioFile", "FilePiece", "check_piece_length", "content_now", "looked_at", "pieces_of"]

_HALF_HOUR_S: Final = 1800


@dataclass(frozen=True, slots=True)
class AudioFile:
    """A file of a run, as its header describes it.

    Parameters
    ----------
    name : str
        Path or address.
    stamp : Stamp
        Its size, and the time of its last change.
    content : str
        Identity of its content.
    fs : int
        Sampling rate in Hz.
    n_samples, n_channels : int
        Samples per channel, and channels.
    start : int, optional
        Start in µs since 1970-01-01 UTC; None if it is not known.
    doubt : str
        Reason to doubt the start; "" if there is none.
    """

    name: str
    stamp: Stamp
    content: str
    fs: int
    n_samples: int
    n_channels: int
    start: int | None
    doubt: str

    @property
    def seconds(self) -> float:
        """Duration in s."""
        return self.n_samples / self.fs


@dataclass(frozen=True, slots=True)
class FilePiece:
    """The samples from ``first`` up to but not including ``last`` of a file."""

    file: AudioFile
    first: int
    last: int

    @property
    def seconds(self) -> float:
        """Duration in s."""
        return (self.last - self.first) / self.file.fs

    @property
    def start(self) -> datetime | None:
        """Time of the first sample, to the nearest microsecond; None if it is not known."""
        if self.file.start is None:
            return None
        since = round(self.first * 1_000_000 / self.file.fs)
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.file.start + since)

    @property
    def day(self) -> str:
        """Day in whose folder its summaries lie."""
        return day_of(self.start)


def check_piece_length(seconds: float) -> None:
    """Refuse a length of pieces at which local hours and days would not begin.

    The clocks of nearly all zones differ from UTC by a multiple of 30 min; those of Nepal, Eucla
    and Chatham by one of 15 min, for which the length must divide 15 min.

    Raises
    ------
    ParameterError
        A length that does not divide 30 min into equal parts of whole seconds.
    """
    if not (seconds >= 1 and seconds == int(seconds) and _HALF_HOUR_S % int(seconds) == 0):
        raise ParameterError(
            f"--piece: {seconds:g} s; a length that divides 30 min is expected, such as 1min, "
            "5min, 10min or 15min, because local hours and days begin at such times"
        )


def looked_at(name: str, clock: RecorderClock, *, full_hash: bool = False) -> AudioFile:
    """Return what the header of a file and the record beside it tell.

    Raises
    ------
    RecordError
        It is not audio, is truncated, or has no start time as its name should state.
    OSError
        It cannot be reached.
    """
    before = stamp(name)
    record = record_of(name)
    fs, n_samples, n_channels = _format(name)
    with opened(name) as file:
        start, doubt = clock.start(name, record, file, before.size, fs)
    content = content_id(name, before, record + calibration_beside(name, record), full=full_hash)
    return AudioFile(name, before, content, fs, n_samples, n_channels, start, doubt)


def content_now(name: str, *, full_hash: bool = False) -> str:
    """Return the identity of the content of a file, which need not be audio.

    Raises
    ------
    OSError
        It cannot be read.
    """
    record = record_of(name)
    return content_id(name, stamp(name), record + calibration_beside(name, record), full=full_hash)


def _format(name: str) -> tuple[int, int, int]:
    """Return the sampling rate in Hz, the samples and the channels of a file."""
    if not is_address(name):
        about = audio.info(name)
        return about.fs, about.n_samples, about.n_channels
    import soundfile

    with opened(name) as file:
        try:
            with soundfile.SoundFile(file) as sound:
                found = int(sound.samplerate), int(sound.frames), int(sound.channels)
        except (soundfile.LibsndfileError, TypeError, ValueError) as error:
            reason = getattr(error, "error_string", error)  # without the memory address of the file
            raise RecordError(f"{name}: cannot be read as audio ({reason})") from error
    if found[1] == 0:
        raise RecordError(f"{name}: the file holds no samples")
    return found


def pieces_of(file: AudioFile, piece_s: int) -> Iterator[FilePiece]:
    """Give the pieces of a file.

    Parameters
    ----------
    file : AudioFile
        The file.
    piece_s : int
        Length of a piece in s.

    Examples
    --------
    A file that starts 1 s before a full minute, cut into pieces of 1 min:

    >>> file = AudioFile("a.wav", Stamp(0, ""), "", 100, 7000, 1, 59_000_000, "")
    >>> [(piece.first, piece.last) for piece in pieces_of(file, 60)]
    [(0, 100), (100, 6100), (6100, 7000)]
    """
    length = piece_s * 1_000_000
    offset = 0 if file.start is None else file.start % length
    first, number = 0, 1
    while first < file.n_samples:
        boundary = number * length - offset  # µs from the first sample
        last = min(-(-boundary * file.fs // 1_000_000), file.n_samples)
        if last > first:
            yield FilePiece(file, first, last)
            first = last
        number += 1
