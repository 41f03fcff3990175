"""The effort of a run, by arithmetic from a few pieces of its files.

Nothing is written. Of many files, some that are spread over the list are looked at and stand for
all; pieces from their middles are measured one after the other on one core.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any, Final

from soundcal.errors import RecordError
from soundcal.runs.plan import AudioFile, FilePiece, pieces_of
from soundcal.runs.work import Job, Problem, look_at_files, measure_pieces

__all__ = ["RunEstimate", "estimate_run"]

_LOOKED_AT: Final = 100
"""Most files whose headers are read."""

_TRIED: Final = 3
"""Most pieces that are measured."""

_WARM_UP_S: Final = 3
"""Sound that is measured before, so that nothing has to be loaded or compiled any more, s."""


@dataclass(frozen=True, slots=True)
class RunEstimate:
    """The effort of a run.

    Parameters
    ----------
    files, looked_at : int
        Files of the run, and those that stand for them.
    sound_s : float
        Sound of all files, s.
    pieces : float
        Pieces of all files.
    bytes_read, bytes_written : float
        Of all files, and of the dataset.
    tried_s, processor_s : float
        Sound that was measured, and the processor time that it took, s.
    """

    files: int
    looked_at: int
    sound_s: float
    pieces: float
    bytes_read: float
    bytes_written: float
    tried_s: float
    processor_s: float

    @property
    def speed(self) -> float:
        """Sound measured on one core over the time that it takes."""
        return self.tried_s / self.processor_s

    @property
    def core_hours(self) -> float:
        """Computing time of all files on one core, h."""
        return self.sound_s / self.speed / 3600.0

    def of(self, hours: float) -> "RunEstimate":
        """Return the effort of so many hours of sound like this."""
        share = hours * 3600.0 / self.sound_s
        return RunEstimate(
            self.files,
            self.looked_at,
            self.sound_s * share,
            self.pieces * share,
            self.bytes_read * share,
            self.bytes_written * share,
            self.tried_s,
            self.processor_s,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers, ready for JSON."""
        return {**asdict(self), "speed": self.speed, "core_hours": self.core_hours}


def estimate_run(names: Iterator[str], listed: int, job: Job) -> RunEstimate:
    """Return the effort of a run.

    Parameters
    ----------
    names : iterator of str
        Names of its files.
    listed : int
        Their number.
    job : Job
        What is measured.

    Raises
    ------
    RecordError
        One of the files that were chosen cannot be read or measured.
    """
    packed = job.packed()
    step = max(1, -(-listed // _LOOKED_AT))
    files = list(map(_usable, look_at_files(packed, list(islice(names, step // 2, None, step)))))
    each = [list(pieces_of(file, job.settings.piece_s)) for file in files]
    chosen = [each[n] for n in sorted({0, len(each) // 2, len(each) - 1})][:_TRIED]
    pieces = [own[len(own) // 2] for own in chosen]
    first = files[0]
    warm_up = FilePiece(first, 0, min(_WARM_UP_S * first.fs, first.n_samples))
    done = measure_pieces(packed, [warm_up, *pieces])[1:]
    for one in done:
        if one.problem is not None:
            raise RecordError(one.problem.reason)
    share = listed / len(files)
    n_pieces = share * sum(map(len, each))
    return RunEstimate(
        files=listed,
        looked_at=len(files),
        sound_s=share * sum(file.seconds for file in files),
        pieces=n_pieces,
        bytes_read=share * sum(file.stamp.size for file in files),
        bytes_written=n_pieces * sum(one.n_bytes for one in done) / len(done),
        tried_s=sum(piece.seconds for piece in pieces),
        # a clock of processor time that ticks every 16 ms (Windows) can tell nothing
        processor_s=sum(one.processor_s or one.wall_s for one in done),
    )


def _usable(found: AudioFile | Problem) -> AudioFile:
    if isinstance(found, Problem):
        raise RecordError(found.reason)
    return found
