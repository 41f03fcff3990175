"""Playback of samples at a gain, or at a calibrated level at the ears, and what the ears got."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.calibration import ocv
from soundcal.calibration.model import Calibration, Chain, Link
from soundcal.calibration.uncertainty import coverage_factor
from soundcal.devices.protocol import AudioDevice, OnBlock, Playback
from soundcal.errors import ParameterError
from soundcal.lab.levels import digital_levels
from soundcal.recording import EARS, Capture
from soundcal.response.equaliser import Equaliser, check_peak
from soundcal.response.inversion import InversionRule, inverse
from soundcal.response.model import Response
from soundcal.response.points import point_unit
from soundcal.takes.against_stimulus import judge_played
from soundcal.takes.check import Check, judged
from soundcal.takes.judge import judge
from soundcal.units import energetic_mean, from_db

__all__ = [
    "HeardLevel",
    "LevelAtEars",
    "heard_level",
    "play_and_record_at",
    "play_at",
    "playback_equaliser",
    "played_channels",
]

_ROUNDING: Final = 1e-9

_MEASURED: Final = ("exponential sweep", "mean of")
"""Beginnings of the operation by which a measured path was made: one seating, or several."""


@dataclass(frozen=True, slots=True)
class LevelAtEars:
    """A level at the ears, for a playback.

    Parameters
    ----------
    level : float
        Energetic mean of the ears that are played, dB re 20 µPa.
    calibration : Calibration
        Calibration of the outputs; its channels belong to outputs 1 and 2 if it names no others.
    weighting : {"A", "C", "Z"}
        Frequency weighting of the level.
    """

    level: float
    calibration: Calibration
    weighting: str = "A"

    @property
    def u_db(self) -> float:
        """Standard uncertainty of the level in dB: the largest of the outputs' calibration."""
        return self._widest.u_db

    @property
    def expanded(self) -> tuple[float, float]:
        """Expanded uncertainty in dB (95 %) and coverage factor of that calibration."""
        return self._widest.expanded()

    @property
    def dof(self) -> float:
        """Degrees of freedom of that uncertainty."""
        return self._widest.dof

    @property
    def _widest(self) -> Chain:
        chains = [self.calibration.chain(name) for name in self.calibration.channels]
        return max(chains, key=lambda chain: chain.u_db)

    def gain_db(
        self, samples: Samples, fs: int, outputs: Sequence[int], *, peak: float | None = None
    ) -> float:
        """Return the gain in dB with which samples of shape (n_outputs, n) have this level.

        ``peak`` is the largest magnitude that is played, if it is not that of the samples.

        Raises
        ------
        TargetNotReached
            The samples would clip.
        SignalError
            They are silent.
        ParameterError
            An output is not calibrated, or the calibration is of an input.
        """
        channels = played_channels(self.calibration, outputs)
        levels = digital_levels(samples, fs, self.weighting, channels)
        if peak is None:
            peak = float(np.abs(samples).max())
        return ocv.gain_for(self.calibration, self.level, levels, peak=peak)


def played_channels(calibration: Calibration | None, outputs: Sequence[int]) -> tuple[str, ...]:
    """Return the names of the channels that outputs play, by their calibration if there is one.

    Without a calibration, or if it names no others, outputs 1 and 2 are the ears.

    Raises
    ------
    ParameterError
        The calibration is of other outputs.
    """
    if calibration is None:
        ears = dict(zip((1, 2), EARS, strict=True))
        return tuple(ears.get(number, f"output {number}") for number in outputs)
    numbers = calibration.outputs or dict(zip(calibration.channels, (1, 2), strict=False))
    names = {number: name for name, number in numbers.items()}
    if unknown := [number for number in outputs if number not in names]:
        raise ParameterError(
            f"calibration {calibration.id} is of outputs {', '.join(map(str, names))} "
            f"({', '.join(names.values())}), not of {unknown[0]}"
        )
    return tuple(names[number] for number in outputs)


def play_at(
    at: float | LevelAtEars,
    device: AudioDevice,
    samples: Samples,
    *,
    outputs: Sequence[int],
    equaliser: Equaliser | None = None,
    on_block: OnBlock | None = None,
) -> tuple[Playback, float]:
    """Play samples once, at a gain or at a calibrated level.

    Parameters
    ----------
    at : float or LevelAtEars
        A gain in dB, or the level at the ears.
    device : AudioDevice
        Plays the samples.
    samples : ndarray, shape (n_outputs, n)
        1.0 is full scale; nothing but the gain changes them.
    outputs : sequence of int
        Channels of the rows, from 1.
    equaliser : Equaliser, optional
        Filters that make the headphones flat (:func:`playback_equaliser`); what they ring after
        the last sample is played too. The level is then that of the unfiltered samples, as
        headphones that are flat would play them.
    on_block : callable, optional
        Called with every block that is played.

    Returns
    -------
    playback : Playback
        The outcome.
    gain_db : float
        The gain with which the samples were played.

    Raises
    ------
    TargetNotReached
        The level cannot be reached without clipping, or the filtered samples would clip; the
        message has the dB that are missing.
    SignalError
        The gain would clip, or silence was to have a level.
    ParameterError
        As for :meth:`LevelAtEars.gain_db`.
    """
    scaled, gain_db = _scaled(at, samples, device.fs, outputs, equaliser)
    return device.play(scaled, outputs=outputs, on_block=on_block), gain_db


def _scaled(
    at: float | LevelAtEars,
    samples: Samples,
    fs: int,
    outputs: Sequence[int],
    equaliser: Equaliser | None,
) -> tuple[Samples, float]:
    """Return the samples as they are played, and their gain in dB."""
    played = samples
    if equaliser is not None:
        played = equaliser.whole(samples)
    highest = float(np.abs(played).max(initial=0.0))
    if isinstance(at, LevelAtEars):
        gain_db = at.gain_db(samples, fs, outputs, peak=highest)
    else:
        gain_db = at
        if equaliser is not None:
            check_peak(highest * from_db(gain_db))
    scaled = played * from_db(gain_db)
    peak = np.abs(scaled).max(initial=0.0)
    if 1.0 < peak <= 1.0 + _ROUNDING:  # the largest gain times the peak may exceed 1 by some bits
        scaled = np.clip(scaled, -1.0, 1.0)
    return scaled, gain_db


def play_and_record_at(
    at: float | LevelAtEars,
    device: AudioDevice,
    samples: Samples,
    *,
    outputs: Sequence[int],
    inputs: Sequence[int],
    channels: Sequence[str],
    equaliser: Equaliser | None = None,
    on_block: OnBlock | None = None,
) -> tuple[Capture, tuple[Check, ...], float]:
    """Play samples once as :func:`play_at` does, and record them at the same time.

    Parameters
    ----------
    at, device, samples, outputs, equaliser, on_block
        As for :func:`play_at`.
    inputs : sequence of int
        Channels that are recorded, from 1.
    channels : sequence of str
        Their names.

    Returns
    -------
    capture : Capture
        The take, aligned to the samples; with an equaliser, longer by what its filters ring.
    checks : tuple of Check
        Judgement of the take, by itself and, where each input hears one output or all hear the
        same, against the samples that were played.
    gain_db : float
        The gain with which the samples were played.

    Raises
    ------
    TargetNotReached, SignalError, ParameterError
        As for :func:`play_at`.
    """
    scaled, gain_db = _scaled(at, samples, device.fs, outputs, equaliser)
    take = device.play_and_record(scaled, outputs=outputs, inputs=inputs, on_block=on_block)
    take = replace(take, channels=tuple(channels))
    alike = len(outputs) in (1, len(inputs))
    checks = judge_played(take, scaled) if alike else judge(take)
    return judged(take, checks), checks, gain_db


def playback_equaliser(
    response: Response,
    *,
    fs: float,
    channels: Sequence[str],
    rule: InversionRule = "mean",
    device: str = "unknown",
) -> Equaliser:
    """Return the filters by which samples make headphones flat.

    Parameters
    ----------
    response : Response
        Of the headphones (FS to DRP, or another sound pressure), which is inverted
        (:func:`soundcal.response.inverse`); or of a filter for samples (FS to FS).
    fs : float
        Sampling rate in Hz.
    channels : sequence of str
        Names of the channels that are played.
    rule : {"mean", "mean+2s", "kirkeby"}
        Rule of the inversion.
    device : str
        Identity of the device that plays; the response of another one is flagged.

    Raises
    ------
    ParameterError
        A response that does not begin at the samples, has no such channel, or cannot be inverted;
        a measured path from outputs to inputs, such as that of one seating.
    """
    ends = response.source_point, response.target_point
    if ends[0] != "FS" or point_unit(ends[1]) == "V":
        raise ParameterError(
            f"response {response.id} leads from {' to '.join(ends)}; that of headphones (FS to "
            "DRP) or of a filter (FS to FS) is expected"
        )
    if ends[1] == "FS" and str(response.provenance.get("operation")).startswith(_MEASURED):
        raise ParameterError(
            f"response {response.id} is a measured path from outputs to inputs, not a filter; that "
            "of headphones (FS to DRP) which was made of it is expected, or its inverse"
        )
    filter_ = response if ends[1] == "FS" else inverse(response, rule=rule)
    return Equaliser(filter_, direction="embed", fs=fs, channels=channels, device=device)


@dataclass(frozen=True, slots=True)
class HeardLevel:
    """Levels that the ears got.

    Parameters
    ----------
    levels, u_db : mapping of str to float
        Equivalent level per ear in dB re 20 µPa, and its standard uncertainty in dB.
    weighting : {"A", "C", "Z"}
        Frequency weighting.
    dof : mapping of str to float
        Degrees of freedom of the uncertainty of each ear; without, it is taken as known.
    """

    levels: Mapping[str, float]
    u_db: Mapping[str, float]
    weighting: str
    dof: Mapping[str, float] = field(default_factory=dict)

    @property
    def expanded(self) -> dict[str, float]:
        """Expanded uncertainty per ear in dB (95 %)."""
        return {
            name: coverage_factor(self.dof.get(name, math.inf)) * u for name, u in self.u_db.items()
        }

    @property
    def expanded_mean(self) -> tuple[float, float]:
        """Expanded uncertainty of the mean in dB (95 %), and its coverage factor."""
        return Chain((self._of_mean,)).expanded()

    @property
    def _of_mean(self) -> Link:
        """The mean as a contribution; it has the fewest degrees of freedom of an ear."""
        dof = min((self.dof.get(name, math.inf) for name in self.u_db), default=math.inf)
        return Link("ears", 0.0, self.u_mean_db, dof)

    @property
    def mean(self) -> float:
        """Energetic mean of the ears in dB."""
        return energetic_mean(list(self.levels.values()))

    @property
    def u_mean_db(self) -> float:
        """Standard uncertainty of the mean; the ears are fully correlated, by one calibrator."""
        shares = {name: 10.0 ** (level / 10.0) for name, level in self.levels.items()}
        total = sum(shares.values())
        if not total > 0:
            return max(self.u_db.values())
        return float(sum(self.u_db[name] * share for name, share in shares.items()) / total)

    def deviation(self, meant: LevelAtEars) -> tuple[float, float]:
        """Return by how much the mean differs from what was meant, and its uncertainty, in dB."""
        return self.mean - meant.level, math.hypot(self.u_mean_db, meant.u_db)

    def expanded_deviation(self, meant: LevelAtEars) -> tuple[float, float]:
        """Return the deviation's expanded uncertainty in dB (95 %), and its coverage factor."""
        played = Link("outputs", 0.0, meant.u_db, meant.dof)
        return Chain((self._of_mean, played)).expanded()

    def to_dict(self) -> dict[str, Any]:
        """Return the levels, ready for JSON; silence is null."""
        return {
            "levels": {n: v if math.isfinite(v) else None for n, v in self.levels.items()},
            "u_db": dict(self.u_db),
            "mean": self.mean if math.isfinite(self.mean) else None,
            "u_mean_db": self.u_mean_db,
            "expanded_db": self.expanded,
            "expanded_mean_db": self.expanded_mean[0],
            "weighting": self.weighting,
        }


def heard_level(take: Capture, calibration: Calibration, weighting: str) -> HeardLevel:
    """Return the equivalent levels of a take at the ears.

    Parameters
    ----------
    take : Capture
        The whole take.
    calibration : Calibration
        Calibration of the ears.
    weighting : {"A", "C", "Z"}
        Frequency weighting.

    Raises
    ------
    ParameterError
        A channel is not calibrated, or the calibration is of an output.
    """
    from soundcal.indicators import leq

    levels = leq(calibration.apply(take), weighting=weighting).value
    return HeardLevel(
        dict(zip(take.channels, np.ravel(levels).tolist(), strict=True)),
        {name: calibration.chain(name).u_db for name in take.channels},
        weighting,
        {name: calibration.chain(name).dof for name in take.channels},
    )
