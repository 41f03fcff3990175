"""Changes of the level of a take that should have none: steps, ramps, automatic gain, pumping.

A level is known only as well as the noise lets it be known. The noise is estimated from what is not
the signal (lines beside a tone, what the stimulus does not explain), never from the scatter of the
levels themselves, so that a larger fault is never less visible than a small one. The levels are
averaged over several times, and at each of them the highest and the lowest are compared, less five
standard uncertainties each.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Samples
from soundcal.takes.check import SEVERITY, Check, Limit, Verdict, doubt
from soundcal.takes.short_time import ShortTime
from soundcal.takes.tone_phase import (
    HEARD_DB,
    PhaseTrack,
    fading,
    frequency_of,
    slips_of,
    track,
)

__all__ = [
    "LEVELS",
    "LEVEL_OVER_TIME",
    "added_harmonic",
    "both_levels",
    "level_step",
    "of_frames",
    "of_tone",
    "steady_sound",
]


LEVEL_OVER_TIME: Final = "level over time"
LEVEL_STEP: Final = "level step"
LEVELS: Final = (LEVEL_STEP, LEVEL_OVER_TIME)
"""Names of the checks."""

STEP_LIMIT_DB: Final = 0.14
"""Accepted level step in a steady take, dB: the width of the ±0.07 dB within which the level of a
class 1 sound calibrator may fluctuate (IEC 60942:2017)."""

STEP_INVALID_DB: Final = 0.5
"""Level step beyond which a steady take is useless, dB: the joint deviation of a calibrator and its
seating may be as large; the two parts of the take have different sensitivities."""

_SCATTER_DB: Final = 0.3
_STEP_SIGMAS: Final = 8.0
_STEP_ODDS: Final = 5e-7
"""Probability of mistaking chance for a step, on each side, by Student's distribution."""

_STEP_WINDOWS: Final = 4

_STEP: Final = Limit(
    STEP_LIMIT_DB,
    "±",
    "the fluctuation of a class 1 sound calibrator, IEC 60942:2017",
    "look for a turned knob, automatic gain control and enhancements of the operating system",
)

_WINDOW_S: Final = 0.05

_REMEDY: Final = (
    "look for automatic gain control, compression and enhancements of the operating system, and "
    "for a turned knob"
)
_STEADY: Final = Limit(
    STEP_LIMIT_DB, "≤", "the fluctuation of a class 1 sound calibrator, IEC 60942:2017", _REMEDY
)
_KNOWN: Final = Limit(
    0.3, "≤", "twice the fluctuation of a class 1 sound calibrator, IEC 60942:2017", _REMEDY
)
_HARMONIC: Final = Limit(
    2.0,
    "≤",
    "an ear canal raises the 0.3 % of good headphones to as much",
    "lower the level, and look for limiters and enhancements of the operating system",
)
_SHORT: Final = Limit(0.5, "≤", "within less than 0.25 s, no sound calibrator does this", _REMEDY)
"""The fluctuation of IEC 60942 has time weighting F, whose noise bandwidth is that of a mean over
0.25 s; shorter means of a clean tone may differ by more."""

_F_S: Final = 0.25
_SIGMAS: Final = 5.0
_FLOOR_DB: Final = 0.01
"""Least uncertainty of a level: errors of the short-time spectra that are no noise."""

_MOST_DB: Final = 2.0
"""Largest uncertainty of a level where the tone has vanished: noise alone scatters by as much."""

_EDGE: Final = 3
"""Windows left out next to silence."""

_OVERLAP: Final = 4.0 / 3.0
"""Variance of a mean of levels under Hann windows that overlap by half, relative to that of
independent ones."""


def steady_sound(name: str, x: Samples, fs: int) -> list[Check]:
    """Return the checks of a channel that carries a steady sound, such as a calibrator's tone.

    Examples
    --------
    >>> tone = 0.1 * np.sin(2 * np.pi * 1000.3 * np.arange(96000) / 48000)
    >>> lost = np.delete(tone, range(50000, 50005))
    >>> for check in steady_sound("left", lost, 48000):
    ...     print(check.name, round(check.value, 1), check.verdict)
    level step 0.0 pass
    slips 5.0 invalid
    fading -0.0 pass
    """
    step = level_step(x, fs, name)
    frequency = frequency_of(x, fs, beside_db=HEARD_DB) if x.size else None
    if frequency is None:
        return [] if step is None else [step]
    found = track(x, fs, frequency)
    slips = slips_of(name, found, fs)
    intact = slips is None or slips.verdict == "pass"
    level = both_levels(step, of_tone(name, found, x, fs) if intact else [])
    others = (slips, fading(name, x, fs, frequency))
    return [*level, *(check for check in others if check is not None)]


def both_levels(step: Check | None, over_time: list[Check]) -> list[Check]:
    """Return both checks, without the second if the first says at least as much."""
    if step is None:
        return over_time
    said = step.verdict != "pass"
    more = [
        check for check in over_time if not said or SEVERITY[check.verdict] > SEVERITY[step.verdict]
    ]
    return [step, *more]


def of_frames(name: str, found: ShortTime, fs: int, *, steady: bool) -> list[Check]:
    """Return the check of a take whose stimulus is known; ``steady`` if its level is constant."""
    middles = np.arange(1.0, found.levels.size + 1.0) * (found.size / 2 / fs)
    limit = _STEADY if steady else _KNOWN
    return _check(name, found.levels, found.u_levels, np.asarray(middles, np.float64), limit)


def of_tone(
    name: str, found: PhaseTrack, x: Samples, fs: int, *, steady: bool = True
) -> list[Check]:
    """Return the check of a tone that should be steady, or as modulated as its stimulus.

    What a path delays of a modulated tone changes its level for a moment: such a tone is judged
    over 0.25 s and more only.

    Examples
    --------
    >>> from soundcal.takes.tone_phase import track
    >>> time = np.arange(96000) / 48000
    >>> falling = 0.1 * 10 ** (-time / 20) * np.sin(2 * np.pi * 1000 * time)
    >>> (check,) = of_tone("left", track(falling, 48000, 1000.0), falling, 48000)
    >>> check.verdict, round(check.value, 1)
    ('invalid', 1.7)
    """
    sounding = np.isfinite(found.levels)
    # a tone that begins or ends builds up and decays
    reach = _EDGE if steady else 1
    edge = np.convolve(
        np.pad(~sounding, reach, constant_values=True), np.ones(2 * reach + 1), "valid"
    )
    known = edge == 0
    if not known.any():
        return []
    noise = _noise_beside(x, found.frequency, fs) * 1.5 * fs / found.size
    levels = np.where(known, found.levels, 0.0)
    heard = levels if steady else np.where(known, track(x, fs, found.frequency).levels, 0.0)
    usual = float(np.quantile(heard[known], 0.9))
    # of a sine wave, the median of the squares is their mean
    power = float(np.median(np.square(x - x.mean())))
    u = 20.0 / np.log(10.0) * np.sqrt(noise / (2.0 * max(power, np.finfo(np.float64).tiny)))
    weaker = np.minimum(u * np.power(10.0, (usual - heard) / 20), max(float(u), _MOST_DB))
    middles = (found.starts + found.size / 2) / fs
    return _check(
        name,
        levels,
        np.where(known, weaker, np.inf),
        np.asarray(middles, dtype=np.float64),
        _STEADY if steady else _KNOWN,
        moments=steady,
    )


def added_harmonic(name: str, x: Samples, s: Samples, fs: int, frequency: float) -> list[Check]:
    """Return the check of the third harmonic that a path adds to a tone, by its own harmonics.

    Examples
    --------
    >>> tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)
    >>> (check,) = added_harmonic("left", np.tanh(2 * tone), tone, 48000, 1000.0)
    >>> check.verdict, round(check.value, 1)
    ('suspect', 6.7)
    """
    size = round(max(_F_S, 12.0 / frequency) * fs)
    if 3.0 * frequency > 0.45 * fs or x.size < size:
        return []
    added = max(0.0, _third(x, fs, frequency, size) - _third(s, fs, frequency, size))
    error = 20.0 * math.log10(1.0 + 3.0 * added)
    reason = (
        f"{name}: third harmonic of {100 * added:.1f} %, the limit is {_HARMONIC.value:g} %; if "
        f"the path compresses, the tone is too low by {error:.1f} dB, and so is every sound "
        f"as loud; {_HARMONIC.remedy}"
    )
    reason = reason if 100 * added > _HARMONIC.value else ""
    return [
        Check("third harmonic", 100 * added, "%", _HARMONIC, doubt(reason), reason, channel=name)
    ]


def _third(x: Samples, fs: int, frequency: float, size: int) -> float:
    """Return the rms of the third harmonic relative to that of the tone."""
    windows = np.lib.stride_tricks.sliding_window_view(x - x.mean(), size)[:: size // 2]
    turns = -2j * np.pi * frequency / fs * np.arange(size)
    tone, harmonic = (
        float(np.square(np.abs(windows @ (np.hanning(size) * np.exp(k * turns)))).sum())
        for k in (1, 3)
    )
    return math.sqrt(harmonic / tone) if tone > 0.0 else 0.0


def _noise_beside(x: Samples, frequency: float, fs: int) -> float:
    """Return the power density beside a tone, per hertz.

    It is the median of the lines from 0.5 to 0.9 and from 1.1 to 1.5 times the frequency, so that
    hum and other tones do not count; the median of a noise's lines is ln 2 times their mean.
    """
    n = min(x.size, 1 << 17)
    window = np.hanning(n)
    power = np.square(np.abs(np.fft.rfft(x[:n] * window))) * 2.0 / (fs * np.square(window).sum())
    line = frequency * n / fs
    sides = [power[round(a * line) : round(b * line) + 1] for a, b in ((0.5, 0.9), (1.1, 1.5))]
    return max((float(np.median(side)) for side in sides if side.size), default=0.0) / math.log(2)


def _sums(values: Samples | NDArray[np.bool_], width: int) -> Samples:
    """Return the sums of ``width`` neighbours."""
    total = np.cumsum(np.concatenate([[0.0], values]))
    return np.asarray(total[width:] - total[:-width], dtype=np.float64)


def _check(
    name: str, levels: Samples, u: Samples, times: Samples, slow: Limit, *, moments: bool = True
) -> list[Check]:
    u = np.hypot(u, _FLOOR_DB)
    if np.isfinite(u).sum() < 2:
        return []
    hop = float(times[1] - times[0])
    weights = 1.0 / np.square(u)
    worst: tuple[float, float, Limit, float, float, float] | None = None
    first = max(2, round(_F_S / hop))
    width = 1 if moments else first
    while width <= levels.size // 2:
        weight, known = _sums(weights, width), _sums(np.isfinite(u), width)
        full = known > 0.5 * width
        if full.any():
            mean = _sums(weights * levels, width)[full] / weight[full]
            doubt = _SIGMAS * np.sqrt((_OVERLAP if width > 1 else 1.0) / weight[full])
            middle = _sums(times, width)[full] / width
            top, bottom = int(np.argmax(mean - doubt)), int(np.argmin(mean + doubt))
            sure = max(0.0, float((mean - doubt)[top] - (mean + doubt)[bottom]))
            limit = slow if width * hop >= _F_S - hop / 2 else _SHORT
            found = (limit.excess(sure), sure, limit, float(mean[top] - mean[bottom]))
            if worst is None or found[0] > worst[0]:
                worst = (*found, float(middle[top]), float(middle[bottom]))
        width = first if width == 1 else 4 * width
    if worst is None:
        return []
    excess, sure, limit, change, high, low = worst
    if excess <= 0:
        return [Check(LEVEL_OVER_TIME, sure, "dB", limit, channel=name)]
    invalid = sure > STEP_INVALID_DB + (limit.value if limit is _SHORT else 0.0)
    verdict: Verdict = "invalid" if invalid else "suspect"
    reason = (
        f"{name}: the level is not steady, {change:.2f} dB higher at {high:.2f} s than at "
        f"{low:.2f} s, the limit is {limit.value:g} dB; levels of this take are wrong by up to "
        f"this much; {limit.remedy}"
    )
    return [Check(LEVEL_OVER_TIME, change, "dB", limit, verdict, reason, name)]


def _window_levels(x: Samples, fs: int) -> Samples:
    """Return the levels of windows of 50 ms in dB re full scale, shape (n_windows,).

    The windows fade in and out over 10 ms, so that the level of a low tone does not depend on where
    the windows cut it.
    """
    size = max(1, round(_WINDOW_S * fs))
    fade = size // 5
    weights = np.ones(size)
    weights[:fade] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / max(fade, 1))
    weights = np.minimum(weights, weights[::-1])
    weights /= weights.sum()
    n = x.size // size
    windows = x[: n * size].reshape(n, size)
    power = np.square(windows - (windows @ weights)[:, np.newaxis]) @ weights
    return np.asarray(10.0 * np.log10(np.maximum(power, 1e-30)), dtype=np.float64)


def level_step(
    x: Samples, fs: int, channel: str = "", *, reference: Samples | None = None
) -> Check | None:
    """Look for a level step in a signal that should be steady.

    The take is split where the mean levels before and after differ most. Their difference is a step
    if it also exceeds eight times its standard error, which is estimated from windows of 50 ms; the
    factor is larger in takes of less than a second, where that estimate is poor.

    Parameters
    ----------
    x : ndarray, shape (n,)
        One channel.
    fs : int
        Sampling rate in Hz.
    channel : str
        Its name.
    reference : ndarray, shape (n,), optional
        Played samples; levels are taken relative to theirs.

    Returns
    -------
    Check or None
        None if the take is too short, or too unsteady for a step to mean anything.

    Examples
    --------
    >>> wave = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)
    >>> wave[24000:] *= 1.122
    >>> check = level_step(wave, 48000, "left")
    >>> check.verdict, round(check.value, 2)
    ('invalid', 1.0)
    """
    from scipy.special import stdtrit

    levels = _window_levels(x, fs)
    if reference is not None:
        levels = levels - _window_levels(reference, fs)
    n = levels.size
    if n < 2 * _STEP_WINDOWS:
        return None
    before = np.arange(_STEP_WINDOWS, n - _STEP_WINDOWS + 1)
    total = np.cumsum(levels)
    steps = (total[-1] - total[before - 1]) / (n - before) - total[before - 1] / before
    # the evidence for a split grows with the size of its smaller part
    at = int(before[np.argmax(np.abs(steps) * np.sqrt(before * (n - before)))])
    # a window that contains the step has the level of neither part: leave out those at the split
    first, last = levels[: at - 1], levels[at + 1 :]
    step = float(last.mean() - first.mean())
    within = np.concatenate([first - first.mean(), last - last.mean()])
    spread = float(np.sqrt(np.square(within).sum() / (n - 4)))
    if spread > _SCATTER_DB:
        return None
    error = spread * float(np.sqrt(1 / first.size + 1 / last.size))
    sigmas = max(_STEP_SIGMAS, float(stdtrit(n - 4, 1.0 - _STEP_ODDS)))
    if abs(step) <= max(STEP_LIMIT_DB, sigmas * error):
        return Check(LEVEL_STEP, step, "dB", _STEP, channel=channel)
    verdict: Verdict = "invalid" if abs(step) > STEP_INVALID_DB else "suspect"
    reason = (
        f"{channel}: the level changes by {step:+.2f} dB at {at * _WINDOW_S:.2f} s, the limit is "
        f"{_STEP.text} dB; {_STEP.remedy}"
    )
    return Check(LEVEL_STEP, step, "dB", _STEP, verdict, reason, channel)
