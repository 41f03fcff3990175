"""Faults in the path of a tone: phase jumps, and moments in which the tone is missing.

A tone resembles itself after each period, so correlation cannot find its delay. Its phase is
followed instead, under Hann windows of 20 ms (or six periods) that overlap by half. The phase may
grow steadily, because of the unknown frequency of a calibrator or the difference of two clocks. At
every window, two straight lines fitted to the phase before and after it are extrapolated to it. If
they differ by more than the phase of half a sample and by more than eight times the noise, samples
were lost or inserted: ``k`` samples turn the phase by ``2 pi f k / fs``. Whole periods leave no
trace.

Detection limits, for tones 20 dB or more above the noise around them:

=====================  ==========================================================================
slip                   one sample from 80 Hz up; below, 0.01 rad of phase. Not within 0.5 samples of
                       whole periods, nor in the first and last 80 ms (24 periods below 300 Hz)
missing or fading      6 dB over 2 ms, or two periods below 1 kHz
=====================  ==========================================================================
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Samples
from soundcal.takes.check import Check, Limit, fault
from soundcal.units import db

__all__ = [
    "FADE_DB",
    "HEARD_DB",
    "SLIPS",
    "PhaseTrack",
    "fading",
    "frequency_of",
    "phase_jumps",
    "slips_of",
    "track",
]


_WINDOW_S: Final = 0.02
_PERIODS: Final = 6.0

_SIDE: Final = 6
"""Windows to which a straight line is fitted on each side."""

_BETWEEN: Final = 1
"""Windows left out on each side of the window under test, because they overlap it."""

_SIGMAS: Final = 8.0
_LEAST_RAD: Final = 0.01

_QUIET_DB: Final = -20.0
"""Windows in which the tone is weaker than this, relative to its usual level, are not used."""

NARROW_DB: Final = -30.0
"""A stimulus is a tone if the power outside the third octave around its strongest line, relative to
the power inside, is at most this."""

HEARD_DB: Final = -10.0
"""The same for recorded samples, which contain the noise of the room; the limits follow the noise.
"""

_LOWEST_HZ: Final = 20.0

FADE_DB: Final = -6.0
"""Sudden loss of a tone that is invalid: no calibrator and no headphones fade within 1 ms."""

_FADE_S: Final = 0.001

SLIPS: Final = Limit(
    0.0, "≤", "samples missing or inserted", "use a larger buffer of the driver (--latency)"
)
_FADE: Final = Limit(
    FADE_DB,
    "≥",
    "no calibrator and no headphones fade within 1 ms",
    "samples were lost on the way: repeat the take",
)


@dataclass(frozen=True, slots=True)
class PhaseTrack:
    """Amplitude and phase of a tone along a take.

    Parameters
    ----------
    frequency : float
        Frequency of the carrier, Hz.
    starts : ndarray of int, shape (n,)
        First samples of the windows.
    size : int
        Length of a window, samples.
    phases : ndarray, shape (n,)
        Phase relative to the carrier or the stimulus, rad, unwrapped; NaN where the tone is weak.
    levels : ndarray, shape (n,)
        Level of the tone, relative to the stimulus if there is one, dB; NaN where that is silent.
    """

    frequency: float
    starts: NDArray[np.intp]
    size: int
    phases: Samples
    levels: Samples

    def delays(self, fs: int) -> Samples:
        """Return the phases as delays in samples."""
        return -self.phases * fs / (2.0 * np.pi * self.frequency)


@lru_cache(maxsize=1)
def _hann(n: int) -> Samples:
    window = np.hanning(n)
    window.flags.writeable = False
    return window


def frequency_of(x: Samples, fs: int, *, beside_db: float = NARROW_DB) -> float | None:
    """Return the frequency in Hz of a tone; None if the signal is not a tone.

    ``beside_db`` is the largest accepted power, from 20 Hz up, outside the third octave around the
    strongest line, in dB relative to the power inside it.
    """
    step = fs / x.size
    power = np.square(np.abs(np.fft.rfft(x * _hann(x.size))))[:-1]
    power[: int(np.ceil(_LOWEST_HZ / step))] = 0.0
    top = int(np.argmax(power))
    first, last = round(top * 2 ** (-1 / 6)), round(top * 2 ** (1 / 6))
    inside = float(power[first : last + 1].sum())
    if inside == 0.0 or float(power.sum()) - inside > 10 ** (beside_db / 10) * inside:
        return None
    return float(top * step)


def track(x: Samples, fs: int, frequency: float, played: Samples | None = None) -> PhaseTrack:
    """Follow a tone.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Recorded samples.
    fs : int
        Sampling rate in Hz.
    frequency : float
        Approximate frequency of the tone, Hz.
    played : ndarray, shape (n,), optional
        Played samples; phases are relative to them.
    """
    size = round(max(_WINDOW_S, _PERIODS / frequency) * fs)
    hop = size // 2
    starts = np.arange(0, x.size - size + 1, hop)
    carrier = np.hanning(size) * np.exp(-2j * np.pi * frequency / fs * np.arange(size))
    turned = np.exp(-2j * np.pi * frequency / fs * starts)

    def envelope(y: Samples) -> NDArray[np.complex128]:
        windows = np.lib.stride_tricks.sliding_window_view(y, size)[::hop]
        return np.asarray((windows @ carrier.real + 1j * (windows @ carrier.imag)) * turned)

    heard = envelope(x)
    weak = _weak(heard)
    levels = _level(heard)
    if played is not None:
        sent = envelope(played[: x.size])
        silent = _weak(sent)
        weak |= silent
        levels = np.where(silent, np.nan, levels - _level(sent))
        heard = heard * np.conj(sent)
    phases = np.full(starts.size, np.nan)
    phases[~weak] = np.unwrap(np.angle(heard[~weak]))
    return PhaseTrack(frequency, starts, size, phases, levels)


def _level(envelope: NDArray[np.complex128]) -> Samples:
    return np.asarray(20.0 * np.log10(np.maximum(np.abs(envelope), 1e-30)), dtype=np.float64)


def _weak(envelope: NDArray[np.complex128]) -> NDArray[np.bool_]:
    level = np.abs(envelope)
    usual = float(np.quantile(level, 0.9)) if level.size else 0.0
    return np.asarray((level <= 10 ** (_QUIET_DB / 20) * usual) | (usual == 0.0))


def phase_jumps(found: PhaseTrack, fs: int) -> tuple[list[tuple[int, float]], float]:
    """Return the jumps of the phase, ``(sample, jump in samples)``, and the limit in samples.

    The jump is positive if samples were inserted. It is known up to whole periods.
    """
    before, after = (_extrapolated(found.phases[::step])[::step] for step in (1, -1))
    jumps = np.angle(np.exp(1j * (after - before)))
    known = np.isfinite(jumps)
    if known.sum() < 2:
        return [], np.inf
    # the frequency is a line of the take's spectrum; its error turns the phase steadily
    steady = float(np.nanmedian(np.diff(found.phases))) / (found.size // 2)
    per_sample = 2.0 * np.pi * found.frequency / fs + steady
    usual = float(np.median(jumps[known]))
    noise = 1.4826 * float(np.median(np.abs(jumps[known] - usual)))
    limit = max(0.5 * per_sample, _LEAST_RAD, _SIGMAS * noise)
    over = np.flatnonzero(known & (np.abs(jumps) > limit))
    places = []
    groups = [
        group
        for group in np.split(over, np.flatnonzero(np.diff(over) > 2 * _SIDE) + 1)
        if group.size
    ]
    peaks = [int(group[int(np.argmax(np.abs(jumps[group])))]) for group in groups]
    for first, peak, last in zip([0, *peaks], peaks, [*peaks[1:], jumps.size], strict=False):
        at, jump = _fitted(found.phases, peak, first, last) or (peak, float(jumps[peak]))
        turned = float(np.angle(np.exp(1j * jump)))
        places.append((int(found.starts[at]) + found.size // 2, -turned / per_sample))
    return places, limit / per_sample


def _fitted(phases: Samples, near: int, first: int, last: int) -> tuple[int, float] | None:
    """Return the window of a jump near ``near`` and its size in rad.

    It is the jump that is fitted best by parallel lines, through up to twice as many windows as it
    was found by; windows before ``first`` and from ``last`` on lie beyond other jumps.
    """
    fits = []
    for at in range(near - 2, near + 3):
        left = np.arange(max(at - _BETWEEN - 2 * _SIDE, first), at - _BETWEEN)
        right = np.arange(at + _BETWEEN + 1, min(at + _BETWEEN + 2 * _SIDE + 1, last))
        left, right = (side[np.isfinite(phases[side])] for side in (left, right))
        n = min(left.size, right.size)
        if n >= _SIDE:
            places = np.concatenate([left[-n:], right[:n]])
            matrix = np.stack([np.ones(2 * n), places - at, places > at], axis=1)
            line = np.linalg.lstsq(matrix, phases[places], rcond=None)[0]
            fits.append((np.square(phases[places] - matrix @ line).mean(), at, float(line[2])))
    return min(fits)[1:] if fits else None


def _extrapolated(phases: Samples) -> Samples:
    """Return, at each window, the value of the straight line through the windows before it."""
    at = np.arange(-_SIDE, 0, dtype=np.float64) - _BETWEEN
    # least squares for a value at 0: weights of the windows
    weights = np.linalg.pinv(np.stack([np.ones(_SIDE), at], axis=1))[0]
    lines = np.full(phases.size, np.nan)
    if phases.size > _SIDE + _BETWEEN:
        fitted = np.lib.stride_tricks.sliding_window_view(phases, _SIDE) @ weights
        lines[_SIDE + _BETWEEN :] = fitted[: phases.size - _SIDE - _BETWEEN]
    return lines


def slips_of(name: str, found: PhaseTrack, fs: int) -> Check | None:
    """Return the check of a tone's phase; None if the take is too short or too noisy to judge."""
    places, limit = phase_jumps(found, fs)
    period = fs / found.frequency
    if not limit <= 0.5 * period:
        return None
    reason = ""
    if places:
        words = (
            f"{abs(size):.1f} samples {'inserted' if size > 0 else 'missing'} at {at / fs:.2f} s"
            for at, size in places
        )
        reason = (
            f"{name}: the phase of the tone jumps: {'; '.join(words)}, or these plus whole periods "
            f"of {period:.1f} samples; use a larger buffer of the driver (--latency), and look for "
            "resampling between two clocks"
        )
    moved = sum(abs(size) for _, size in places)
    return Check("slips", moved, "samples", SLIPS, fault(reason), reason, name)


def fading(name: str, x: Samples, fs: int, frequency: float) -> Check | None:
    """Look for moments in which a steady tone is missing.

    Returns
    -------
    Check or None
        The lowest level of the tone over 1 ms (or one period) relative to its level in the 20
        windows on either side, dB; None if noise alone makes it fluctuate as much.
    """
    size = round(max(_FADE_S, 1.0 / frequency) * fs)
    n = 2 * (x.size // size) - 1
    if n < 64:
        return None
    carrier = np.exp(-2j * np.pi * frequency / fs * np.arange(size))
    windows = np.lib.stride_tricks.sliding_window_view(x, size)[:: size // 2][:n]
    mean = x.mean()
    level = np.abs((windows - mean) @ carrier)
    around = _median_filtered(level)
    share = level / np.maximum(around, np.finfo(np.float64).tiny)
    noise = 1.4826 * float(np.median(np.abs(share - np.median(share))))
    if _SIGMAS * noise > 1.0 - 10 ** (FADE_DB / 20):
        return None
    lowest = int(np.argmin(share))
    fade = db(max(float(share[lowest]), 1e-10))
    reason = ""
    if fade < FADE_DB:
        reason = (
            f"{name}: the tone is missing at {lowest * (size // 2) / fs:.3f} s ({fade:.1f} dB for "
            f"at least {1e3 * size / fs:.1f} ms); {_FADE.remedy}"
        )
    return Check("fading", fade, "dB", _FADE, fault(reason), reason, name)


def _median_filtered(level: Samples, half: int = 20) -> Samples:
    padded = np.pad(level, half, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1)
    return np.asarray(np.median(windows, axis=1), dtype=np.float64)
