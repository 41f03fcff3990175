"""Gain search at the ears: noise floor, levels, and takes, which count only if they are valid."""

from dataclasses import dataclass, replace
from typing import Final, Self

import numpy as np

from soundcal.arrays import Samples
from soundcal.calibration import hats
from soundcal.calibration.model import Calibration
from soundcal.devices.protocol import AudioDevice
from soundcal.errors import SignalError
from soundcal.lab.accepting import accepted, refuse_noise
from soundcal.lab.operator import Operator
from soundcal.recording import EARS, Capture
from soundcal.takes.against_stimulus import compare_with_stimulus, judge_alone
from soundcal.takes.check import Check, refuse, refuse_broken
from soundcal.takes.played import Played
from soundcal.units import power_db

__all__ = ["FLOOR_S", "Ears", "SearchResult"]

Levels = tuple[float, float]

FLOOR_S: Final = 5.0
"""Length of the recording of the noise floor, s."""

_START_PEAK: Final = 0.1
"""Peak of the first step of a search, as a part of full scale: far below clipping and any harm."""

_RECORDING: Final = "recording at the ears"


@dataclass(frozen=True, slots=True)
class SearchResult:
    """A gain search, and the take that it accepted.

    Parameters
    ----------
    search : GainSearch
        Gains, levels and every measurement.
    take : Capture, optional
        The take with the gain found; None if the target was not reached.
    checks : tuple of Check
        The checks of that take.
    """

    search: hats.GainSearch
    take: Capture | None = None
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True, slots=True)
class Ears:
    """Headphones on calibrated ears, to play stimuli and measure their levels at the ears.

    Parameters
    ----------
    device : AudioDevice
        Plays to the headphones and records the ears.
    calibration : Calibration
        Calibration of the ears, in pascal per full scale.
    outputs, inputs : tuple of int
        Channels of left and right.
    weighting : {"A", "C", "Z"}
        Frequency weighting of all levels.
    n_samples : int, optional
        Samples to which equivalent levels refer, such as those of a stimulus that is followed by
        what its filter rings; those of the take if not given.
    """

    device: AudioDevice
    calibration: Calibration
    outputs: tuple[int, ...] = (1, 2)
    inputs: tuple[int, ...] = (1, 2)
    weighting: str = "A"
    n_samples: int | None = None

    def take(self, samples: Samples) -> Capture:
        """Play samples of shape (2, n) and record them at the ears, aligned."""
        take = self.device.play_and_record(samples, outputs=self.outputs, inputs=self.inputs)
        return replace(take, channels=EARS)

    def levels(self, take: Capture) -> Levels:
        """Return the equivalent levels of left and right in dB re 20 µPa."""
        from soundcal.indicators import leq

        factors = np.array([[self.calibration.sensitivity(name)] for name in take.channels])
        found = leq(take.samples * factors, float(take.fs), weighting=self.weighting).value
        more = power_db(take.n_samples / self.n_samples) if self.n_samples else 0.0
        return float(found[0]) + more, float(found[1]) + more

    def noise_floor(self, operator: Operator) -> Levels:
        """Return the levels of the ears while silence is played, dB re 20 µPa.

        Raises
        ------
        SignalError
            The take has overflows or clipped samples or is invalid, and the operator does not try
            again. Digital silence, as a path without noise gives it, is valid: its level is -inf.
        """
        silence = np.zeros((len(EARS), int(FLOOR_S * self.device.fs)))

        def whole() -> Capture:
            take = self.take(silence)
            refuse_noise(take, _RECORDING)
            return take

        return self.levels(accepted(operator, whole))

    def search(
        self,
        operator: Operator,
        samples: Samples,
        track: hats.Track,
        *,
        floor: Levels,
        quiet_start: bool = True,
        per_ear: bool = False,
    ) -> SearchResult:
        """Search for the gain that brings a stimulus to its target level at the ears.

        Parameters
        ----------
        operator : Operator
            Decides whether a refused take is recorded again.
        samples : ndarray, shape (2, n)
            The stimulus without gain.
        track : Track
            Settings of the search; ``max_gain`` is replaced by the one that the stimulus' peak
            allows.
        floor : tuple of float
            Noise floor of both ears in dB, see :meth:`noise_floor`.
        quiet_start : bool
            Begin with a peak of a tenth of full scale instead of the gain ``track.start``.
        per_ear : bool
            Search for a gain for each ear instead of a common one.

        Raises
        ------
        SignalError
            The stimulus is silent; or a take has overflows or clipped samples or is invalid by
            itself, or the last take is not what was played, and the operator does not try again.
        """
        peak = float(np.abs(samples).max())
        if peak == 0.0:
            raise SignalError("the stimulus is silent: no gain brings it to its target level")
        track = replace(track, max_gain=1.0 / peak)
        if quiet_start:
            track = replace(track, start=_START_PEAK / peak)
        newest: list[_Take] = []
        stimulus = Played(samples)

        def measure(left: float, right: float) -> Levels:
            gains = np.array([[left], [right]])

            def record() -> _Take:
                take = self._take_of(stimulus, gains)
                # a gain per ear cannot be found with swapped channels, a common one can
                if per_ear or hats.meets_target(take.levels, track, floor):
                    return take.compared()
                return take.refused()

            newest[:] = [accepted(operator, record)]
            return newest[0].levels

        def whole() -> hats.GainSearch:
            if per_ear:
                return hats.search_gains(measure, track, floor=floor, strict=False)
            return hats.search_track(lambda g: measure(g, g), track, floor=floor, strict=False)

        while True:
            found = whole()
            if not newest:
                return SearchResult(found)
            try:
                # a path that does something else than play the stimulus misleads a search
                last = newest[0].compared()
            except SignalError as error:
                if not operator.again(str(error)):
                    raise
            else:
                return SearchResult(found, *last.accepted) if found.reached else SearchResult(found)

    def _take_of(self, stimulus: Played, gains: Samples) -> "_Take":
        """Return a take that is not broken."""
        # 1/peak times peak may exceed 1 by one bit
        take = self.take(np.clip(stimulus.samples * gains, -1.0, 1.0))
        refuse_broken(take, _RECORDING)
        # judged against the stimulus itself, scaled only by the ratio of the ears' gains
        ratios = gains / gains.max()
        played = stimulus if (ratios == 1.0).all() else Played(stimulus.samples * ratios)
        return _Take(take, self.levels(take), played, judge_alone(take, played))


@dataclass(frozen=True, slots=True)
class _Take:
    """A take of a search, what was played, and its checks: by itself, or of both."""

    capture: Capture
    levels: Levels
    played: Played
    checks: tuple[Check, ...]
    complete: bool = False

    def refused(self) -> Self:
        """Return the take if it is not invalid by itself; refuse it with all reasons if it is."""
        return self.compared() if any(c.verdict == "invalid" for c in self.checks) else self

    def compared(self) -> Self:
        """Return the take with all checks; the search accepts no take without them.

        Raises
        ------
        SignalError
            It is not what was played.
        """
        if self.complete:
            return self
        checks = (*self.checks, *compare_with_stimulus(self.capture, self.played))
        refuse(checks, _RECORDING)
        return replace(self, checks=checks, complete=True)

    @property
    def accepted(self) -> tuple[Capture, tuple[Check, ...]]:
        """The take and its checks."""
        return self.capture, self.checks
