"""The plan of a qualification and its results."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.devices import DeviceInfo
from soundcal.errors import ParameterError
from soundcal.plain import plain
from soundcal.qualification.limits import overall
from soundcal.qualification.signals import SWEEP_S, ToneAnalysis
from soundcal.takes.check import Check, Verdict

__all__ = [
    "Distortion",
    "Linearity",
    "Noise",
    "Qualification",
    "QualificationPlan",
    "Response",
    "Stability",
    "Timing",
    "path_names",
]


PROBE_S: Final = 1.0
SILENCE_S: Final = 11.0
TONE_S: Final = 3.0
STEP_S: Final = 1.0
NOISE_S: Final = 2.0
PIECE_S: Final = 20.0
"""Lengths of the takes, s."""

FLOOR_DB: Final = -160.0
"""Lower levels are shown as this one: digital silence has no level."""

_LEVELS: Final = (-1.0, -6.0, -20.0)
_LOWEST_STEP_DB: Final = -90.0


@dataclass(frozen=True, slots=True)
class QualificationPlan:
    """Level and length of the test of a device.

    Parameters
    ----------
    level : float
        Highest level of the test signals in dBFS (AES17: a full-scale sine has 0), -60 to 0. It is
        lowered automatically if the inputs would come within 1 dB of full scale.
    minutes : float
        Time in minutes for which the level is watched; 0 leaves this measurement out.
    plays : int
        Number of plays of the noise for delay and clocks, 2 to 100.

    Raises
    ------
    ParameterError
        A value is outside these ranges.
    """

    level: float = -6.0
    minutes: float = 1.0
    plays: int = 5

    def __post_init__(self) -> None:
        if not -60.0 <= self.level <= 0.0:
            raise ParameterError(f"level {self.level:g} dBFS: -60 to 0 is expected")
        if not 0.0 <= self.minutes <= 1440.0:
            raise ParameterError(f"{self.minutes:g} minutes: 0 to 1440 are expected")
        if not 2 <= self.plays <= 100:
            raise ParameterError(f"{self.plays} plays: 2 to 100 are expected")

    @property
    def tone_levels(self) -> tuple[float, ...]:
        """Levels at which distortion is measured, dBFS, the highest first."""
        below = [level for level in _LEVELS if level < self.level - 0.5]
        return (self.level, *below)

    @property
    def steps(self) -> tuple[float, ...]:
        """Levels of the staircase, dBFS; the last one repeats the first."""
        down = np.arange(self.level, _LOWEST_STEP_DB - 1e-9, -10.0).tolist()
        return (*down, self.level)

    @property
    def pieces(self) -> int:
        """Number of takes in which the level is watched."""
        return int(np.ceil(self.minutes * 60.0 / PIECE_S))

    def seconds(self, n_paths: int) -> float:
        """Return the seconds of sound that are played."""
        tones = TONE_S * (len(self.tone_levels) + 1) + STEP_S * len(self.steps)
        return (
            PROBE_S + SILENCE_S + n_paths * SWEEP_S + tones + self.plays * NOISE_S
            + self.pieces * PIECE_S
        )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """Frequency responses and crosstalk.

    Parameters
    ----------
    frequency : ndarray, shape (n_f,)
        Hz.
    level : ndarray, shape (n_paths, n_f)
        dB relative to 1 kHz.
    crosstalk : ndarray, shape (n_paths, n_paths, n_f)
        ``[i, k]``: level of output k at input i, in dB relative to its level at its own input; 0 on
        the diagonal.
    gain : ndarray, shape (n_paths,)
        From output to input at 1 kHz, dB re full scale.
    polarity : ndarray, shape (n_paths,)
        1, or -1 where the signal is inverted, 0 where no signal arrived.
    """

    frequency: Samples
    level: Samples
    crosstalk: Samples
    gain: Samples
    polarity: Samples

    def crosstalk_in_third_octaves(self) -> Samples:
        """Return the crosstalk as the mean power in a third octave around every frequency, dB.

        Returns
        -------
        ndarray, shape (n_paths, n_paths, n_f)
            Levels below :data:`FLOOR_DB` count as this one.
        """
        return np.apply_along_axis(_third_octave_means, -1, self.crosstalk)


def _third_octave_means(level: Samples) -> Samples:
    power = 10.0 ** (np.maximum(level, FLOOR_DB) / 10.0)
    width = 9  # points of the grid, 24 per octave
    padded = np.pad(power, width // 2, mode="edge")
    return np.asarray(10.0 * np.log10(np.convolve(padded, np.ones(width) / width, mode="valid")))


@dataclass(frozen=True, slots=True, eq=False)
class Noise:
    """The inputs while the outputs are silent; levels in dB rms re full scale.

    Parameters
    ----------
    a_weighted, unweighted : ndarray, shape (n_paths,)
        Levels (AES17-2015, 6.4.2, idle channel noise, A- instead of CCIR-weighted).
    mid : ndarray, shape (n_bands,)
        Mid-band frequencies of 1/3 octaves, Hz.
    bands : ndarray, shape (n_paths, n_bands)
        Levels.
    excess : ndarray, shape (n_paths,)
        Loudest 0.125 s above the median, dB.
    offset : ndarray, shape (n_paths,)
        Mean as a fraction of full scale.
    """

    a_weighted: Samples
    unweighted: Samples
    mid: Samples
    bands: Samples
    excess: Samples
    offset: Samples


@dataclass(frozen=True, slots=True, eq=False)
class Distortion:
    """Tones at one output level in dBFS, one analysis per path."""

    level: float
    tones: tuple[ToneAnalysis, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Linearity:
    """Level linearity.

    Parameters
    ----------
    level : ndarray, shape (n_steps,)
        Levels of the outputs, dBFS; the last step repeats the first.
    deviation : ndarray, shape (n_paths, n_steps)
        Deviation of the gain from that at the step nearest to -20 dBFS, dB.
    u : ndarray, shape (n_paths, n_steps)
        Standard uncertainty due to noise, dB.
    """

    level: Samples
    deviation: Samples
    u: Samples


@dataclass(frozen=True, slots=True, eq=False)
class Timing:
    """Delay and clocks.

    Parameters
    ----------
    latency : ndarray, shape (n_takes,)
        Delay from output to input in samples.
    drift_ppm : float or None
        Deviation of the inputs' clock from the outputs' clock, ppm; None if it was not found.
    rate_ppm : float or None
        Deviation of the sampling rate by the computer's clock, ppm; None without such a clock.
    """

    latency: Samples
    drift_ppm: float | None
    rate_ppm: float | None


@dataclass(frozen=True, slots=True, eq=False)
class Stability:
    """A tone over minutes, in takes of 20 s.

    Parameters
    ----------
    time : ndarray, shape (n,)
        Seconds of sound.
    level : ndarray, shape (n_paths, n)
        Level of the tone, dB relative to the first second.
    excess : ndarray, shape (n_paths, n_takes)
        Without the tone: loudest 0.125 s above the median, A-weighted, dB.
    """

    time: Samples
    level: Samples
    excess: Samples


@dataclass(frozen=True, slots=True, eq=False)
class Qualification:
    """The results of a device's qualification.

    Parameters
    ----------
    device : DeviceInfo
        The device.
    fs : int
        Sampling rate in Hz.
    outputs, inputs : tuple of int
        Channels; input k hears output k.
    swapped : int
        Number of inputs that were not cabled as named.
    broken : tuple of str
        Reasons why takes failed; these takes were repeated.
    plan : QualificationPlan
        The plan as requested.
    level : float
        Highest level that was played, dBFS.
    started : str
        ISO 8601, UTC.
    response, noise, distortion, dynamic, linearity, timing, stability
        Measurements; ``dynamic`` is the tone at -60 dBFS, ``stability`` None if left out.
    checks : tuple of Check
        Verdicts.
    """

    device: DeviceInfo
    fs: int
    outputs: tuple[int, ...]
    inputs: tuple[int, ...]
    swapped: int
    broken: tuple[str, ...]
    plan: QualificationPlan
    level: float
    started: str
    response: Response
    noise: Noise
    distortion: tuple[Distortion, ...]
    dynamic: Distortion
    linearity: Linearity
    timing: Timing
    stability: Stability | None
    checks: tuple[Check, ...]

    @property
    def paths(self) -> tuple[str, ...]:
        """Names of the paths, such as ``1→3``: output and input."""
        return path_names(self.outputs, self.inputs)

    @property
    def verdict(self) -> Verdict:
        """The worst verdict."""
        return overall(self.checks)

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON; numbers that are not finite are None."""
        return {
            "device": self.device.to_dict(),
            "fs": self.fs,
            "outputs": list(self.outputs),
            "inputs": list(self.inputs),
            "paths": list(self.paths),
            "swapped": self.swapped,
            "broken": list(self.broken),
            "plan": plain(self.plan),
            "level": self.level,
            "started": self.started,
            "verdict": self.verdict,
            "checks": [check.to_dict() for check in self.checks],
            "response": plain(self.response),
            "noise": plain(self.noise),
            "distortion": [_distortion(found) for found in self.distortion],
            "dynamic_range_tone": _distortion(self.dynamic),
            "linearity": plain(self.linearity),
            "timing": plain(self.timing),
            "stability": None if self.stability is None else plain(self.stability),
        }


def _distortion(found: Distortion) -> dict[str, Any]:
    rows = [{k: v for k, v in plain(t).items() if not k.startswith("lines")} for t in found.tones]
    return {"level": found.level, "tones": rows}


def path_name(output: int, heard_at: int) -> str:
    """Return the name of the path from an output to an input, such as ``1→3``."""
    return f"{output}→{heard_at}"


def path_names(outputs: Sequence[int], inputs: Sequence[int]) -> tuple[str, ...]:
    """Return the names of the paths from outputs to inputs, such as ``1→3``."""
    return tuple(path_name(o, i) for o, i in zip(outputs, inputs, strict=True))
