"""Checks of a take of a calibrator's tone before it is used: IEC 60942:2017, class 1."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from soundcal.calibration.tone import Tone, measure_tone
from soundcal.errors import ParameterError, SignalError, ToneNotFound
from soundcal.recording import LOSSY, Capture, is_lossy, sample_digest
from soundcal.takes.check import Check, refuse_broken
from soundcal.takes.judge import refuse_invalid
from soundcal.takes.level_over_time import LEVELS
from soundcal.takes.repeated_blocks import REPEATED_BLOCKS
from soundcal.units import PASCAL_DB, db, from_db

__all__ = ["CLASS_1", "ToneLimits", "check_take", "index_of"]


_CHECKED: Final[dict[tuple[object, ...], Tone]] = {}
"""Tones of the newest accepted takes, by all that the checks depend on: a laboratory checks each
insertion at once, and the calibration checks all of them again."""

_MOST: Final = 256


@dataclass(frozen=True, slots=True)
class ToneLimits:
    """Acceptance limits for a take of a calibrator tone.

    Parameters
    ----------
    duration : float
        Shortest take in s.
    frequency : float
        Largest relative deviation from the nominal frequency.
    fluctuation : float
        Largest short-term fluctuation in dB.
    distortion : float
        Largest distortion and noise (rms, relative).
    lowest : float
        Lowest plausible level of the tone in dB re full scale (rms) if no sensitivity is expected.
    deviation : float
        Largest deviation in dB from the expected sensitivity.
    separation : float
        Smallest level difference in dB between the tone and the same tone on other channels.
    """

    duration: float = 10.0
    frequency: float = 0.007
    fluctuation: float = 0.07
    distortion: float = 0.025
    lowest: float = -60.0
    deviation: float = 6.0
    separation: float = 20.0


CLASS_1: Final = ToneLimits()
"""IEC 60942:2017, class 1, 160 Hz to 1250 Hz: fluctuation, frequency, distortion and noise."""

_OF_A_CODING: Final = (REPEATED_BLOCKS, "plateaus")
"""Checks that mean nothing in a lossy coding, whose coarse steps make a tone repeat itself."""

_PEAK: Final = 0.999
"""Largest sample that counts as unclipped: integer converters clip just below 1.0."""


def check_take(
    take: Capture,
    ear: str,
    *,
    level: float = 94.0,
    frequency: float = 1000.0,
    expected: float | None = None,
    limits: ToneLimits = CLASS_1,
) -> Tone:
    """Return the tone of one take if the take can be used for calibration.

    Parameters
    ----------
    take : Capture
        One insertion.
    ear : str
        Channel that carries the tone.
    level, frequency : float
        Level and frequency of the calibrator, dB re 20 µPa and Hz.
    expected : float, optional
        Expected sensitivity in Pa per full scale.
    limits : ToneLimits
        Acceptance limits.

    Raises
    ------
    SignalError
        Too short, lost blocks, all zero, or clipped; the take is invalid
        (:func:`soundcal.takes.judge.judge`) for a reason other than its level.
    ToneNotFound
        No tone, wrong frequency, wrong channel, implausible level, fluctuation, or distortion.
    ParameterError
        The take has several channels, but none of that name.
    """
    key = (
        *(sample_digest(take.samples), take.fs, take.channels, take.clipped, take.xruns),
        *(take.delivered_rate, take.flags, ear, level, frequency, expected, limits),
    )
    if key not in _CHECKED:
        if len(_CHECKED) >= _MOST:
            _CHECKED.clear()
        _CHECKED[key] = _checked(take, ear, level, frequency, expected, limits)
    return _CHECKED[key]


def _checked(
    take: Capture,
    ear: str,
    level: float,
    frequency: float,
    expected: float | None,
    limits: ToneLimits,
) -> Tone:
    index = index_of(take, ear)
    _check_samples(take, index, ear, limits)
    # the level has limits of its own here, after those of the tone
    others = (*LEVELS, *_OF_A_CODING) if is_lossy(take.flags) else LEVELS
    checks = refuse_invalid(take, ear, but=others)
    _check_flags(take, ear)
    tone = measure_tone(take.samples[index], take.fs)
    _check_channel(take, index, ear, tone, limits)
    _check_frequency(tone, ear, frequency, limits)
    _check_level(tone, ear, level, expected, limits)
    levels = [check for check in checks if check.name in LEVELS]
    _check_steadiness(tone, ear, levels, limits)
    _check_purity(tone, ear, limits)
    return tone


def _check_flags(take: Capture, ear: str) -> None:
    """Refuse a take that its driver doubts although its samples are valid.

    A lossy coding changes a tone by less than the limits for its level and purity allow; it becomes
    a warning.
    """
    if others := [flag for flag in take.flags if flag.kind != LOSSY]:
        doubts = "; ".join(map(str, others))
        raise SignalError(
            f"{ear}: the take is doubtful ({doubts}); a calibration needs one without doubts; "
            "record again"
        )


def index_of(take: Capture, ear: str) -> int:
    """Return the position of an ear among the channels; the only channel serves any ear."""
    if len(take.channels) == 1:
        return 0
    if ear not in take.channels:
        raise ParameterError(
            f"no channel {ear!r} in the take, which has {', '.join(take.channels)}; name the "
            "channels"
        )
    return take.channels.index(ear)


def _check_samples(take: Capture, index: int, ear: str, limits: ToneLimits) -> None:
    samples = take.samples[index]
    if take.duration < limits.duration:
        raise SignalError(
            f"{ear}: the take lasts {take.duration:.2f} s, at least {limits.duration:g} s are "
            "needed; record longer"
        )
    refuse_broken(take, ear, [take.channels[index]])
    peak = float(np.abs(samples).max())
    if peak == 0.0:
        raise SignalError(
            f"{ear}: all {samples.size} samples are exactly zero; check that the program may use "
            "the microphone (system settings) and that the channel is connected"
        )
    if _PEAK <= peak <= 1.0:  # samples beyond 1.0 are float, without a full scale there
        raise SignalError(
            f"{ear}: clipped, peak {peak:.4f} of full scale, the limit is {_PEAK}; lower the input "
            "gain and record again"
        )


def _check_channel(take: Capture, index: int, ear: str, tone: Tone, limits: ToneLimits) -> None:
    for other, name in enumerate(take.channels):
        if other == index or not np.any(take.samples[other]):
            continue
        found = measure_tone(take.samples[other], take.fs)
        same = abs(found.frequency - tone.frequency) <= 0.01 * max(tone.frequency, 1.0)
        clear = found.distortion < 0.5
        if clear and tone.distortion >= 0.5 and found.level > tone.level:
            same = True  # this channel has no tone, the other one has
        if not (clear and same) or found.level < tone.level - limits.separation:
            continue
        if found.level > tone.level:
            raise ToneNotFound(
                f"{ear}: the tone is on channel {name} ({found.level:.1f} dB re full scale) and "
                f"not on {ear} ({tone.level:.1f} dB); move the calibrator or swap the inputs"
            )
        raise ToneNotFound(
            f"{ear}: the tone is also on {name}, only {tone.level - found.level:.1f} dB weaker, "
            f"at least {limits.separation:g} dB are expected; check for crosstalk or a mono mix"
        )


def _check_frequency(tone: Tone, ear: str, frequency: float, limits: ToneLimits) -> None:
    if tone.distortion >= math.sqrt(0.5):
        raise ToneNotFound(
            f"{ear}: no tone; the strongest line, at {tone.frequency:.1f} Hz, has "
            f"{100 * (1 - tone.distortion**2):.0f} % of the power, more than 50 % are expected; "
            "check that the calibrator is on and sits on this ear"
        )
    deviation = tone.frequency / frequency - 1.0
    if abs(deviation) > limits.frequency:
        raise ToneNotFound(
            f"{ear}: tone of {tone.frequency:.2f} Hz instead of {frequency:g} Hz "
            f"({100 * deviation:+.2f} %, the limit is ±{100 * limits.frequency:g} %); state the "
            "calibrator's frequency, check its battery and the device's sampling rate"
        )


def _check_level(
    tone: Tone, ear: str, level: float, expected: float | None, limits: ToneLimits
) -> None:
    if expected is not None:
        if not expected > 0:
            raise ParameterError(
                f"{ear}: expected sensitivity {expected} Pa/FS; more than 0 is expected"
            )
        found = level - PASCAL_DB - tone.level
        deviation = found - db(expected)
        if abs(deviation) > limits.deviation:
            raise ToneNotFound(
                f"{ear}: sensitivity {from_db(found):.4g} Pa/FS, {deviation:+.2f} dB from the "
                f"expected {expected:.4g} Pa/FS, the limit is ±{limits.deviation:g} dB; check "
                "the calibrator's level switch, the input gain and the seal of the coupler"
            )
    elif tone.level < limits.lowest:
        raise ToneNotFound(
            f"{ear}: tone of only {tone.level:.1f} dB re full scale, at least {limits.lowest:g} dB "
            "is plausible; raise the input gain or check the cable"
        )


def _check_steadiness(tone: Tone, ear: str, levels: Sequence[Check], limits: ToneLimits) -> None:
    """Refuse a level that fluctuates, or changes in a way that the weighting F smooths away."""
    if tone.fluctuation > limits.fluctuation:
        changes = "; ".join(check.reason for check in levels if check.reason)
        raise ToneNotFound(
            f"{ear}: the level fluctuates by ±{tone.fluctuation:.3f} dB, the limit is "
            f"±{limits.fluctuation:g} dB{f' ({changes})' if changes else ''}; wait until the "
            "calibrator has settled, seat it firmly, check its battery"
        )
    if invalid := [check.reason for check in levels if check.verdict == "invalid"]:
        raise ToneNotFound(f"{ear}: the level is not steady ({'; '.join(invalid)})")


def _check_purity(tone: Tone, ear: str, limits: ToneLimits) -> None:
    if tone.distortion > limits.distortion:
        raise ToneNotFound(
            f"{ear}: distortion and noise {100 * tone.distortion:.2f} %, the limit is "
            f"{100 * limits.distortion:g} %; lower the input gain if it overloads, raise it if "
            "noise dominates, keep quiet, check the calibrator"
        )
