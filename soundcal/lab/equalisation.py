"""Equalisation of stimuli for listeners: the filter, what the ears get, and the record of both.

The filter is that of :func:`soundcal.lab.play.playback_equaliser`. What it rings after the last
sample is played, too; levels refer to the duration of the stimulus, so that ``level + 10 lg t`` is
the whole energy.
"""

import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

from soundcal.arrays import Samples
from soundcal.lab.levels import digital_levels
from soundcal.lab.play import playback_equaliser
from soundcal.recording import EARS, Flag
from soundcal.response.equaliser import Equaliser
from soundcal.response.inversion import REFERENCE_HZ, InversionRule
from soundcal.response.model import Response
from soundcal.units import power_db

__all__ = ["EqualisationRecord", "StimulusEqualisation", "level_over"]


@dataclass(frozen=True, slots=True)
class EqualisationRecord:
    """The response and the filter with which stimuli were equalised.

    Parameters
    ----------
    response, name, sha256 : str
        Id, name and digest of the response.
    made : str
        Time of its making, ISO 8601, UTC.
    robust : str
        Rule of the inverse; "" if the response is that of a filter.
    low_hz, high_hz : float
        Range of the filter in Hz; its gain is held beyond.
    boost_db : float, optional
        Limit of its gain in dB re 1 kHz.
    smoothing : str
        Smoothing of the response before it was inverted.
    phase : str
        Phase of the filter.
    taps : int
        Its length in samples.
    """

    response: str
    name: str
    sha256: str
    made: str
    robust: str
    low_hz: float
    high_hz: float
    boost_db: float | None
    smoothing: str
    phase: str
    taps: int

    def __str__(self) -> str:
        rule = f"rule {self.robust}" if self.robust else "a filter"
        return (
            f"{self.name} ({self.response}, made {self.made[:10]}), {rule}, "
            f"{self.low_hz:g} to {self.high_hz:g} Hz"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the record, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the record of :meth:`to_dict`."""
        return cls(**{field.name: data[field.name] for field in fields(cls)})


class StimulusEqualisation:
    """Filters that make headphones flat for stimuli of two channels, and the ears behind them.

    Parameters
    ----------
    response : Response
        Of the headphones, from FS to sound pressure; or of a filter, from FS to FS.
    fs : int
        Sampling rate in Hz.
    rule : {"mean+2s", "mean", "kirkeby"}
        Rule of the inverse; ``mean+2s`` is for listening.
    device : str
        Identity of the device that plays; the response of another one is flagged.

    Attributes
    ----------
    record : EqualisationRecord
        Response and filter.
    applied : AppliedResponse
        The filter with its bands, as a recording of what it played states it.
    flags : tuple of Flag
        Reasons to doubt the filter, whatever is played
        (:meth:`soundcal.response.Equaliser.flags`).

    Raises
    ------
    ParameterError
        As for :func:`soundcal.lab.play.playback_equaliser`.
    """

    def __init__(
        self,
        response: Response,
        *,
        fs: int,
        rule: InversionRule = "mean+2s",
        device: str = "unknown",
    ) -> None:
        self._fs = fs
        self._filter = playback_equaliser(response, fs=fs, channels=EARS, rule=rule, device=device)
        self._headphones: Equaliser | None = None
        if response.target_point != "FS":
            relative = response
            if response.kind == "absolute":
                relative = response.normalised(REFERENCE_HZ)
            self._headphones = Equaliser(relative, direction="embed", fs=fs, channels=EARS)
        self._lock = threading.Lock()  # the filters keep the state of the signal that runs
        self.flags = self._filter.flags()
        made = self._filter.response
        self.applied = self._filter.applied()
        self.record = EqualisationRecord(
            response.id,
            response.name,
            response.sha256,
            response.made,
            str(made.provenance.get("rule", "")),
            *made.valid,
            made.provenance.get("boost_db"),
            made.smoothing,
            str(self.applied.settings["phase"]),
            int(self.applied.settings["taps"]),
        )

    def played(self, samples: Samples) -> tuple[Samples, tuple[Flag, ...]]:
        """Filter a stimulus of shape (2, n).

        Returns
        -------
        played : ndarray, shape (2, m)
            Longer by what the filters ring.
        flags : tuple of Flag
            Reasons to doubt it, beside those of the filter.
        """
        with self._lock:
            played = self._filter.whole(samples)
            return played, tuple(f for f in self._filter.flags() if f not in self.flags)

    def heard(self, samples: Samples, played: Samples) -> Samples:
        """Return what the ears get, re the level of the headphones at 1 kHz; shape (2, m).

        That of a relative response is re its own frequency. Behind a filter whose headphones are
        not known it is the stimulus, as flat headphones play it.

        Parameters
        ----------
        samples : ndarray, shape (2, n)
            The stimulus.
        played : ndarray, shape (2, m)
            Result of :meth:`played`.
        """
        if self._headphones is None:
            return samples
        with self._lock:
            return self._headphones.whole(played)

    def heard_levels(self, samples: Samples, played: Samples, weighting: str) -> dict[str, float]:
        """Return the levels of :meth:`heard` per ear in dB, over the duration of the stimulus."""
        heard = self.heard(samples, played)
        more = level_over(samples.shape[1], heard)
        levels = digital_levels(heard, self._fs, weighting)
        return {ear: level + more for ear, level in levels.items()}


def level_over(n_samples: int, longer: Samples) -> float:
    """Return what is to be added to the equivalent level of a signal, in dB, to refer it to n.

    >>> import numpy as np
    >>> round(level_over(1000, np.zeros((2, 2000))), 2)
    3.01
    """
    return float(power_db(longer.shape[1] / n_samples))
