"""Digital levels of a stimulus: everything from which levels at the ears follow, read once.

An equalised stimulus has the levels of what the ears get, re the level of the headphones at 1 kHz.

To render a scene and to read its levels takes some seconds of processor time. The readings of
generated stimuli are therefore kept in the study's folder, under a key of everything that they
depend on. Sound files are read anew each time, which is quick and notices a change.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from soundcal import stimuli
from soundcal.arrays import Samples
from soundcal.errors import RecordError
from soundcal.files.atomic import partial_file, text_digest
from soundcal.lab.equalisation import EqualisationRecord, StimulusEqualisation, level_over
from soundcal.lab.levels import digital_levels
from soundcal.listening.presentable import Levels
from soundcal.recording import Flag
from soundcal.stimuli import Stimulus
from soundcal.units import P_REF
from soundcal.version import __version__

__all__ = ["DigitalLevels", "KeptLevels"]

_NAME: Final = ".levels.json"


@dataclass(frozen=True, slots=True)
class DigitalLevels:
    """Levels of samples of shape (2, n), left and right, in dB re full scale.

    Parameters
    ----------
    sha256 : str
        SHA-256 of the stimulus, see :func:`soundcal.stimuli.digest`.
    n_samples : int
        Samples per channel of the stimulus.
    equivalent : mapping of str to tuple of float
        Equivalent level by frequency weighting: A, C, Z. Silence has -inf. Of an equalised
        stimulus, the energy of all that is heard over the duration of the stimulus.
    lafmax, lcpeak : tuple of float
        Largest A-weighted level with time weighting F, and C-weighted peak level.
    peak : float
        Largest absolute sample that is played, 1.0 is full scale.
    played_sha256 : str
        SHA-256 of what is played, without the gain: of the stimulus, or of the equalised one.
    flags : tuple of str
        Reasons to doubt the equalised stimulus.
    """

    sha256: str
    n_samples: int
    equivalent: Mapping[str, Levels]
    lafmax: Levels
    lcpeak: Levels
    peak: float
    played_sha256: str
    flags: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, samples: Samples, fs: int, equalisation: StimulusEqualisation | None = None
    ) -> Self:
        """Read the levels of samples, as they are or as they are equalised."""
        from soundcal.indicators import peak_level, time_weighted_level

        played = heard = samples
        flags: Sequence[Flag] = ()
        if equalisation is not None:
            played, flags = equalisation.played(samples)
            heard = equalisation.heard(samples, played)
        more = level_over(samples.shape[1], heard)
        # levels re full scale: full scale takes the place of the reference pressure
        as_pressure = heard * P_REF
        lafmax = time_weighted_level(as_pressure, float(fs), weighting="A").value
        lcpeak = peak_level(as_pressure, float(fs), weighting="C").value
        equivalent = {w: digital_levels(heard, fs, w).values() for w in ("A", "C", "Z")}
        digest = stimuli.digest(samples)
        return cls(
            digest,
            samples.shape[1],
            {w: _pair([level + more for level in levels]) for w, levels in equivalent.items()},
            _pair(lafmax),
            _pair(lcpeak),
            float(np.abs(played).max(initial=0.0)),
            digest if equalisation is None else stimuli.digest(played),
            tuple(map(str, flags)),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the levels, ready for JSON; the level of silence is None."""
        found = asdict(self)
        found["equivalent"] = {w: _plain(levels) for w, levels in self.equivalent.items()}
        return found | {"lafmax": _plain(self.lafmax), "lcpeak": _plain(self.lcpeak)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the levels of :meth:`to_dict`."""
        return cls(
            str(data["sha256"]),
            int(data["n_samples"]),
            {w: _pair(levels) for w, levels in data["equivalent"].items()},
            _pair(data["lafmax"]),
            _pair(data["lcpeak"]),
            float(data["peak"]),
            str(data["played_sha256"]),
            tuple(data["flags"]),
        )


class KeptLevels:
    """Levels of generated stimuli, kept in a folder; one that cannot be written is no fault.

    Parameters
    ----------
    folder : Path
        The study's folder.
    equalisation : EqualisationRecord, optional
        Equalisation of the stimuli.
    """

    def __init__(self, folder: Path, equalisation: EqualisationRecord | None = None) -> None:
        self._equalisation = equalisation
        self._path = folder / _NAME
        self._known: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            known = json.loads(self._path.read_text(encoding="utf-8"))
            self._known = known if isinstance(known, dict) else {}

    def get(self, stimulus: Stimulus, fs: int, duration: float) -> DigitalLevels | None:
        """Return the readings of a rendering, if they are known and do not depend on a file."""
        found = self._known.get(self._key(stimulus, fs, duration))
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            return DigitalLevels.from_dict(found) if stimulus.kind != "file" and found else None
        return None

    def put(self, stimulus: Stimulus, fs: int, duration: float, readings: DigitalLevels) -> None:
        """Keep the readings of a rendering."""
        self._known[self._key(stimulus, fs, duration)] = readings.to_dict()
        with (
            suppress(OSError, RecordError),
            partial_file(self._path, force=True) as temporary,
        ):
            temporary.write_text(json.dumps(self._known), encoding="utf-8")

    def _key(self, stimulus: Stimulus, fs: int, duration: float) -> str:
        entry = {name: value for name, value in asdict(stimulus).items() if name != "folder"}
        content: list[Any] = [__version__, fs, duration, entry]
        if self._equalisation is not None:
            content.append(self._equalisation.to_dict())
        return text_digest(json.dumps(content, sort_keys=True))


def _pair(levels: Any) -> Levels:
    left, right = (-np.inf if level is None else float(level) for level in levels)
    return left, right


def _plain(levels: Levels) -> list[float | None]:
    return [level if np.isfinite(level) else None for level in levels]
