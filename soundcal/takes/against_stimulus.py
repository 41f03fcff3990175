"""Checks of a take against the stimulus that was played.

The delay is followed through the take (:mod:`soundcal.takes.slips`): it shows samples that were
lost or inserted, and clocks that differ. A clock difference is accepted as real only if the
spectrum of the stimulus is the same in all windows. A tone is followed by its phase
(:mod:`soundcal.takes.tone_phase`, with its own detection limits). Two stimulus channels that differ
show the crosstalk between the inputs (:mod:`soundcal.takes.crosstalk`).

Detection limits, where the stimulus stands out from the noise:

=====================  ==========================================================================
dropout, zeros         32 samples on one input, while the stimulus is not silent
slip                   1 to 1500 samples (31 ms at 48 kHz), with two windows before and after;
                       noise, scenes and speech
clock difference       5 ppm and five times its standard uncertainty; white or steady noise
level step             0.14 dB and eight times its standard error, more in takes below 1 s; steady
                       noise, 0.4 s and more, not in the first and last 0.25 s
other content          1 % of the power within 0.2 s and 8 dB more than at other times, such as
                       10 ms of noise as loud as the stimulus; noise, scenes and speech
=====================  ==========================================================================
"""

from typing import Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.errors import ParameterError
from soundcal.recording import DELAY_NOT_MEASURED, Capture
from soundcal.takes.check import Check, Limit, doubt, fault
from soundcal.takes.crosstalk import crosstalk
from soundcal.takes.gaps import Gaps, with_silence_filled
from soundcal.takes.judge import judge
from soundcal.takes.level_over_time import (
    added_harmonic,
    both_levels,
    level_step,
    of_frames,
    of_tone,
)
from soundcal.takes.played import Played, known_stimulus, remembered
from soundcal.takes.short_time import ShortTime, short_time
from soundcal.takes.slips import (
    DRIFT,
    QUIET_DB,
    WINDOW_S,
    Delays,
    Slip,
    clock_drift,
    delays_of,
    slips_in,
)
from soundcal.takes.tone_phase import SLIPS, fading, frequency_of, slips_of, track
from soundcal.takes.zeros import DROPOUTS

__all__ = ["compare_with_stimulus", "judge_alone", "judge_played"]


_ALIKE_DB: Final = 1.0
"""Windows of a stimulus are alike if the extremes of their level, or of their mean frequency,
differ by no more than this: white noise stays within 0.8 dB (the level of 4096 samples has a
standard deviation of 0.1 dB)."""

OTHER_CONTENT: Final = "other content"
"""Name of the check of moments in which something else than the stimulus was recorded."""

_OTHER: Final = Limit(
    -20.0,
    "≤",
    "1 % of the power within 0.2 s",
    "look for samples that were replaced on the way, and for noises in the room",
)
_UNUSUAL: Final = 6.3
"""Least share, relative to its median over the take, of a moment that is unlike the others: 8 dB;
the share of clean takes stays within 6 dB."""

_MOST: Final = 1.0
"""Share beyond which a moment is doubted, whatever the others are: half of it is something else."""

_DROPOUTS: Final = Limit(0.0, "≤", "exact zeros while something was played")


def _of_tone(name: str, x: Samples, played: Played, fs: int, frequency: float) -> list[Check]:
    """Return slips, drift and spread of the delay of a tone, from its phase, and its level."""
    s = played.samples
    found = track(x, fs, frequency, s)
    steady = _is_steady(played, round(WINDOW_S * fs))
    step = level_step(x, fs, name, reference=s) if steady else None
    fades = fading(name, x, fs, frequency) if steady else None
    slips = slips_of(name, found, fs)
    timing = [] if slips is None else [slips]
    intact = slips is None or slips.verdict == "pass"
    if slips is not None and intact:
        known = np.isfinite(found.phases)
        delays = Delays(np.flatnonzero(known), found.delays(fs)[known], found.size // 2)
        timing += clock_drift(name, delays, ())
    over_time = of_tone(name, found, x, fs, steady=steady) if intact else []
    level = both_levels(step, over_time) + added_harmonic(name, x, s, fs, frequency)
    return [*timing, *level, *([] if fades is None else [fades])]


def _of_sound(name: str, x: Samples, played: Played, fs: int) -> list[Check]:
    """Return slips, drift and spread of the delay of one channel, and its level."""
    s = played.samples
    x = x - x.mean()  # an offset of the input has nothing to do with the stimulus
    delays, frames = delays_of(x, played, fs), short_time(x, played, fs)
    slips = slips_in(x, s, delays) if delays.windows.size >= 3 else []
    timing = _slips(name, slips, frames, fs) if frames or delays.windows.size >= 3 else []
    intact = all(check.verdict == "pass" for check in timing)
    if delays.windows.size >= 3 and _is_alike(played, delays.size):
        timing += clock_drift(name, delays, slips)
    steady = _is_steady(played, round(WINDOW_S * fs))
    step = level_step(x, fs, name, reference=s) if steady else None
    if frames is None or not intact:
        return [*timing, *both_levels(step, [])]
    level = both_levels(step, of_frames(name, frames, fs, steady=steady))
    return [*timing, *level, _other_content(name, frames, fs)]


def _other_content(name: str, frames: ShortTime, fs: int) -> Check:
    """Return the check of what is in the take beside the stimulus, for a moment."""
    worst = int(np.argmax(frames.shares))
    share = float(frames.shares[worst])
    value = float(10.0 * np.log10(max(share, 1e-10)))
    reason = ""
    unusual = min(_UNUSUAL * float(np.median(frames.shares)), _MOST)
    if value > _OTHER.value and share > unusual:
        length = 2 * frames.size / fs
        reason = (
            f"{name}: between {worst * length:.2f} s and {(worst + 1.25) * length:.2f} s, "
            "something else than the stimulus was recorded, at "
            f"{value:.0f} dB relative to it, the limit is "
            f"{_OTHER.value:g} dB; {_OTHER.remedy}"
        )
    return Check(OTHER_CONTENT, value, "dB", _OTHER, doubt(reason), reason, name)


def _slips(name: str, slips: list[Slip], frames: ShortTime | None, fs: int) -> list[Check]:
    """Return the check of the slips; those of a few samples may show in the frames only."""
    moved = float(sum(abs(slip.size) for slip in slips))
    words = [slip.words(fs) for slip in slips]
    if not slips and frames is not None:
        moved = float(sum(abs(round(jump.size)) for jump in frames.jumps))
        words = [jump.words(fs) for jump in frames.jumps]
    reason = ""
    if words:
        reason = (
            f"{name}: {'; '.join(words)}; use a larger buffer of the driver (--latency), and look "
            "for resampling between two clocks"
        )
    return [Check("slips", moved, "samples", SLIPS, fault(reason), reason, name)]


def _dropouts(name: str, x: Samples, played: Played, fs: int) -> Check:
    """Return the exact zeros on one channel while something was played on it."""
    gaps = Gaps(sounding=True)
    gaps.push(with_silence_filled(x[np.newaxis], played))
    gaps.push(np.ones((1, 1)))  # makes zeros at the end count as a gap
    reason = "".join(flag.text for flag in gaps.flags(fs, name))
    return Check(DROPOUTS, gaps.lost, "samples", _DROPOUTS, fault(reason), reason, name)


@remembered
def _varies(played: Played, size: int) -> tuple[float, float]:
    """Return the ranges of level and of slope relative to level over a stimulus' windows, in dB.

    The slope of a signal relative to the signal is a measure of its mean frequency; if it stays
    constant, so does the spectrum.
    """
    n = played.samples.size // size
    windows = played.samples[: n * size].reshape(n, size)
    power, slope = np.square(windows).mean(axis=1), np.square(np.diff(windows)).mean(axis=1)
    heard = power > power.max(initial=0.0) * 10 ** (QUIET_DB / 10)
    if heard.sum() < 2 or not (slope[heard] > 0).all():
        return np.inf, np.inf
    tilt = 10.0 * np.log10(slope[heard] / power[heard])
    level = 10.0 * np.log10(power[heard]) if heard.all() else np.array([0.0, np.inf])
    return float(np.ptp(level)), float(np.ptp(tilt))


def _is_steady(played: Played, size: int) -> bool:
    """Return whether level and spectrum of a stimulus stay constant."""
    return max(_varies(played, size)) <= _ALIKE_DB


def _is_alike(played: Played, size: int) -> bool:
    """Return whether the spectrum of a stimulus stays constant, whatever its level does."""
    return _varies(played, size)[1] <= _ALIKE_DB


@remembered
def _frequency(played: Played, fs: int) -> float | None:
    """Return the frequency of a stimulus that is a tone."""
    return frequency_of(played.samples, fs) if played.samples.size else None


def _unaligned(capture: Capture) -> bool:
    """Return whether the delay of a take could not be measured."""
    return capture.latency is None and any(
        flag.kind == DELAY_NOT_MEASURED for flag in capture.flags
    )


def compare_with_stimulus(capture: Capture, played: Samples | Played) -> tuple[Check, ...]:
    """Judge a take of a known stimulus.

    Parameters
    ----------
    capture : Capture
        Aligned, as :meth:`~soundcal.devices.AudioDevice.play_and_record` gives it.
    played : ndarray, shape (n_outputs, n), or Played
        Samples that were played: one output for each input, in the order of the inputs, or one
        output that all inputs hear.

    Returns
    -------
    tuple of Check
        Per channel, dropouts, slips, clock drift, spread of the delay and, if the stimulus is
        steady, level steps; for two different channels, crosstalk and swapped channels.

    Raises
    ------
    ParameterError
        The number of outputs is neither one nor the number of inputs.

    Examples
    --------
    >>> noise = 0.1 * np.random.default_rng(1).standard_normal((1, 48000))
    >>> late = np.insert(noise, [30000] * 5, 0.01, axis=1)
    >>> checks = compare_with_stimulus(Capture(late[:, :48000], 48000), noise)
    >>> [(c.value, c.verdict, c.reason[:40]) for c in checks if c.name == "slips"]
    [(5.0, 'invalid', 'mono: 5 samples inserted at 0.6250 s; us')]
    """
    n_inputs = capture.samples.shape[0]
    played = known_stimulus(played)
    n_outputs = played.samples.shape[0]
    if n_outputs not in (1, n_inputs):
        raise ParameterError(
            f"{n_outputs} outputs for {n_inputs} inputs: one output, or one per input, is expected"
        )
    if _unaligned(capture):
        return ()  # not aligned: nothing to compare
    fs, names = capture.fs, capture.channels
    n = min(capture.n_samples, played.samples.shape[1])
    whole = played.beginning(n)
    found: list[Check] = []
    for number, (name, x) in enumerate(zip(names, capture.samples, strict=True)):
        source = whole.channel(number % n_outputs)
        found.append(_dropouts(name, x, source, fs))
        frequency = _frequency(source, fs)
        if frequency is None:
            found += _of_sound(name, x[:n], source, fs)
        else:
            found += _of_tone(name, x[:n], source, fs, frequency)
    intact = all(
        check.verdict == "pass" or (check.verdict == "suspect" and check.name != DRIFT)
        for check in found
    )
    if n_outputs == n_inputs == 2 and intact:  # a path that jumps has no single response
        found += crosstalk(names, capture.samples, whole, fs)
    return tuple(found)


def judge_alone(
    capture: Capture, played: Samples | Played, *, expected: int | None = None
) -> tuple[Check, ...]:
    """Judge a take by itself; it may be silent, or repeat itself, where its stimulus does so.

    Parameters
    ----------
    capture, played, expected
        As for :func:`judge_played`.
    """
    return judge(capture, expected=expected, played=None if _unaligned(capture) else played)


def judge_played(
    capture: Capture, played: Samples | Played, *, expected: int | None = None
) -> tuple[Check, ...]:
    """Judge a take of a known stimulus by itself and against the stimulus.

    Parameters
    ----------
    capture : Capture
        The take, aligned to the stimulus.
    played : ndarray, shape (n_outputs, n), or Played
        As for :func:`compare_with_stimulus`.
    expected : int, optional
        Number of samples that should have arrived.

    Returns
    -------
    tuple of Check
        Checks of :func:`judge_alone` and of :func:`compare_with_stimulus`.
    """
    played = known_stimulus(played)
    alone = judge_alone(capture, played, expected=expected)
    return (*alone, *compare_with_stimulus(capture, played))
