"""Digital levels of a stimulus: everything from which levels at the ears follow, read once.

To render a scene and to read its levels takes some seconds of processor time. The readings of
generated stimuli are therefore kept in the study's folder, under a key of everything that they
depend on. Sound files are read anew each time, which is quick and notices a change.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from soundcal import stimuli
from soundcal.arrays import Samples
from soundcal.errors import RecordError
from soundcal.files.atomic import partial_file, text_digest
from soundcal.lab.levels import digital_levels
from soundcal.listening.presentable import Levels
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
        Their SHA-256, see :func:`soundcal.stimuli.digest`.
    n_samples : int
        Samples per channel.
    equivalent : mapping of str to tuple of float
        Equivalent level by frequency weighting: A, C, Z. Silence has -inf.
    lafmax, lcpeak : tuple of float
        Largest A-weighted level with time weighting F, and C-weighted peak level.
    peak : float
        Largest absolute sample, 1.0 is full scale.
    """

    sha256: str
    n_samples: int
    equivalent: Mapping[str, Levels]
    lafmax: Levels
    lcpeak: Levels
    peak: float

    @classmethod
    def of(cls, samples: Samples, fs: int) -> Self:
        """Read the levels of samples."""
        from soundcal.indicators import peak_level, time_weighted_level

        # levels re full scale: full scale takes the place of the reference pressure
        as_pressure = samples * P_REF
        lafmax = time_weighted_level(as_pressure, float(fs), weighting="A").value
        lcpeak = peak_level(as_pressure, float(fs), weighting="C").value
        equivalent = {w: digital_levels(samples, fs, w) for w in ("A", "C", "Z")}
        return cls(
            stimuli.digest(samples),
            samples.shape[1],
            {w: _pair(list(levels.values())) for w, levels in equivalent.items()},
            _pair(lafmax),
            _pair(lcpeak),
            float(np.abs(samples).max(initial=0.0)),
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
        )


def _pair(levels: Any) -> Levels:
    left, right = (-np.inf if level is None else float(level) for level in levels)
    return left, right


def _plain(levels: Levels) -> list[float | None]:
    return [level if np.isfinite(level) else None for level in levels]


class KeptLevels:
    """Levels of generated stimuli, kept in a folder; one that cannot be written is no fault.

    Parameters
    ----------
    folder : Path
        The study's folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _NAME
        self._known: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            known = json.loads(self._path.read_text(encoding="utf-8"))
            self._known = known if isinstance(known, dict) else {}

    def get(self, stimulus: Stimulus, fs: int, duration: float) -> DigitalLevels | None:
        """Return the readings of a rendering, if they are known and do not depend on a file."""
        found = self._known.get(_key(stimulus, fs, duration))
        with suppress(KeyError, TypeError, ValueError, AttributeError):
            return DigitalLevels.from_dict(found) if stimulus.kind != "file" and found else None
        return None

    def put(self, stimulus: Stimulus, fs: int, duration: float, readings: DigitalLevels) -> None:
        """Keep the readings of a rendering."""
        self._known[_key(stimulus, fs, duration)] = readings.to_dict()
        with (
            suppress(OSError, RecordError),
            partial_file(self._path, force=True) as temporary,
        ):
            temporary.write_text(json.dumps(self._known), encoding="utf-8")


def _key(stimulus: Stimulus, fs: int, duration: float) -> str:
    entry = {name: value for name, value in asdict(stimulus).items() if name != "folder"}
    content = json.dumps([__version__, fs, duration, entry], sort_keys=True)
    return text_digest(content)
