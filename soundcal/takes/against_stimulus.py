"""What a take tells about its path when the stimulus that was played is known.

The take is compared with the stimulus in windows of 85 ms. In each, the delay is the lag of the
largest normalised correlation (:func:`soundcal.takes.alignment.find_marker`); windows in which
nothing stands out, such as those of a tone, which resembles itself after each period, say nothing.
From one window to the next the delay may change in two ways only: steadily, then the clocks of
output and input differ, or by whole samples at once, then samples were lost or inserted.

A change by whole samples is believed only if it explains the take: one short filter must fit the
windows before and after with the change, and no such filter may fit them nearly as well without it
(a path that delays some frequencies more than others passes). The place is the one that leaves the
least unexplained (a maximum-likelihood change point in Gaussian noise), which is exact to the
sample where the path predicts well. A steady change is believed only if the spectrum of the
stimulus is the same in all windows. A tone is followed by its phase
(:mod:`soundcal.takes.tone_phase`, with its own limits of detection).

Detection limits, where the stimulus stands out from the noise:

=====================  ==========================================================================
dropout, zeros         32 samples on one input, while something is played
slip                   1 to 1500 samples (31 ms at 48 kHz), with two windows before and after;
                       noise, scenes and speech
clock difference       5 ppm and five times its standard uncertainty; white or steady noise
level step             0.14 dB and eight times its standard error, more in takes below 1 s; steady
                       noise, 0.4 s and more, not in the first and last 0.25 s
fading, other content  not found in noise, scenes and speech
=====================  ==========================================================================
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.errors import ParameterError
from soundcal.recording import Capture
from soundcal.takes.alignment import find_marker
from soundcal.takes.gaps import Gaps, with_silence_filled
from soundcal.takes.judge import Check, Verdict, judge, level_step
from soundcal.takes.tone_phase import fading, frequency_of, slips_of, track
from soundcal.units import db

__all__ = ["Slip", "compare_with_stimulus", "find_slips", "judge_played"]

Samples = NDArray[np.float64]

_WINDOW_S: Final = 4096 / 48000
_REACH: Final = 0.5
"""Largest change of the delay that is looked for, in windows: 43 ms."""

_QUIET_DB: Final = -60.0
"""Windows in which less is played, re the loudest one, say nothing about the path."""

_JUMP: Final = 0.6
"""Least change of the delay between windows that may be a slip, in samples."""

_TAPS: Final = 64
_BEFORE: Final = 16
_EXPLAINS: Final = 0.25
"""A slip is believed if it leaves at most a quarter of the power that its absence leaves."""

_ROUNDING: Final = 1e-12

DRIFT_LIMIT_PPM: Final = 5.0
"""Clock difference accepted, ppm: output and input of one device share a clock, so all that is left
is the uncertainty; two devices differ by 5 to 100 ppm."""

DRIFT_INVALID_PPM: Final = 300.0
"""No pair of crystal clocks is so far apart; samples are converted or lost on the way."""

_DRIFT_WINDOWS: Final = 5
_DRIFT_ERRORS: Final = 5.0

CROSSTALK_LIMIT_DB: Final = -20.0
"""Crosstalk accepted, dB: 1 % of the other ear's power, 0.04 dB in the level of equally loud ears;
headphones on a head and torso simulator are far below it."""

_SEGMENTS: Final = 8
_BINS: Final = 16
_BIN_DB: Final = -40.0
_COHERENT: Final = 0.5
_SWAPPED_DB: Final = 6.0

_ALIKE_DB: Final = 1.0
"""Windows of a stimulus are alike if level, or mean frequency, differ by no more at the extremes:
white noise stays within 0.8 dB (the level of 4096 samples has a standard deviation of 0.1 dB)."""


@dataclass(frozen=True, slots=True)
class Slip:
    """A sudden change of the delay.

    Parameters
    ----------
    position : int
        Sample of the take at which samples were inserted, or after which some are missing.
    size : int
        Samples inserted, or missing if negative.
    """

    position: int
    size: int

    def words(self, fs: int) -> str:
        """Return what happened, in words."""
        what = "inserted" if self.size > 0 else "missing"
        return f"{abs(self.size)} samples {what} at {self.position / fs:.4f} s"


@dataclass(frozen=True, slots=True)
class _Delays:
    """Delays in the windows that tell them: numbers of the windows and samples."""

    windows: NDArray[np.intp]
    delays: Samples
    size: int


def _delays(x: Samples, s: Samples, fs: int) -> _Delays:
    """Return the local delay of a recorded row against a played one."""
    size = round(_WINDOW_S * fs)
    reach = round(_REACH * size)
    n = min(x.size, s.size) // size
    padded = np.pad(x[: n * size], reach)
    power = np.square(s[: n * size].reshape(n, size)).mean(axis=1)
    windows, delays = [], []
    for i in np.flatnonzero(power > power.max(initial=0.0) * 10 ** (_QUIET_DB / 10)):
        sync = s[i * size : (i + 1) * size]
        piece = padded[i * size : (i + 1) * size + 2 * reach]
        found = find_marker(piece[np.newaxis], sync, max_delay=2 * reach)
        if found.clear and 0 < found.lag < 2 * reach:
            windows.append(int(i))
            delays.append(found.lag - reach + _fraction(piece, sync, found.lag))
    return _Delays(np.array(windows, dtype=np.intp), np.array(delays), size)


def _fraction(piece: Samples, sync: Samples, lag: int) -> float:
    """Return where between samples the correlation peaks: vertex of a parabola."""
    left, peak, right = (float(piece[lag + k : lag + k + sync.size] @ sync) for k in (-1, 0, 1))
    curvature = left - 2 * peak + right
    return float(np.clip(0.5 * (left - right) / curvature, -0.5, 0.5)) if curvature else 0.0


def _steps(found: _Delays) -> float:
    """Return the steady change of the delay per window: the median over neighbours."""
    if found.windows.size < 2:
        return 0.0
    return float(np.median(np.diff(found.delays) / np.diff(found.windows)))


def find_slips(x: Samples, s: Samples, fs: int) -> list[Slip]:
    """Return where samples are missing or were inserted.

    Parameters
    ----------
    x, s : ndarray, shape (n,)
        What was recorded and what was played, aligned.
    fs : int
        Sampling rate in Hz.

    Returns
    -------
    list of Slip
        Those with at least one window of 85 ms before and after, in which the delay can be told.
    """
    return _slips(x, s, _delays(x, s, fs))


def _slips(x: Samples, s: Samples, found: _Delays) -> list[Slip]:
    level = found.delays - _steps(found) * found.windows
    jumps = np.abs(level[2:] - level[:-2]) >= _JUMP
    slips = []
    for group in _groups(np.flatnonzero(jumps)):
        before, after = group[0], group[-1] + 2
        size = round(float(level[after] - level[before]))
        if size != 0:
            slip = _located(x, s, found, before, after, size)
            slips += [slip] if slip is not None else []
    return slips


def _groups(places: NDArray[np.intp]) -> list[list[int]]:
    """Return runs of neighbours; the two windows beside a slip notice it as well."""
    groups: list[list[int]] = []
    for place in places.tolist():
        if groups and place - groups[-1][-1] == 1:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _located(
    x: Samples, s: Samples, found: _Delays, before: int, after: int, size: int
) -> Slip | None:
    """Return where the slip is, if it explains the take better than no slip."""
    first = int(found.windows[before]) * found.size
    last = min((int(found.windows[after]) + 1) * found.size, x.size)
    old = round(float(found.delays[before]))
    n = found.size
    without, with_slip = (
        _unexplained(x, s, n, [(first, old), (last - n, old + extra)]) for extra in (0, size)
    )
    if with_slip > _EXPLAINS * without:
        return None
    gram, product, _ = _normal_equations(_seen(s, first, first + n, old), x[first : first + n])
    kernel = _solved(gram, product)
    errors = [
        # the prediction of every sample from the _TAPS samples of the row around it
        np.square(x[first:last] - np.correlate(_seen(s, first, last, delay), kernel))
        for delay in (old, old + size)
    ]
    return Slip(first + _change(errors[0], errors[1], max(size, 0)), size)


def _unexplained(x: Samples, s: Samples, n: int, pieces: Sequence[tuple[int, int]]) -> float:
    """Return the energy that one filter leaves of pieces ``(first, delay)`` of ``n`` samples."""
    grams, products, energies = zip(
        *(_normal_equations(_seen(s, at, at + n, delay), x[at : at + n]) for at, delay in pieces),
        strict=True,
    )
    gram, product, energy = np.sum(grams, axis=0), np.sum(products, axis=0), sum(energies)
    kernel = _solved(gram, product)
    rest = energy - 2.0 * kernel @ product + kernel @ gram @ kernel
    # what is left of a difference of nearly equal numbers is rounding
    return float(max(rest, _ROUNDING * energy))


def _seen(s: Samples, first: int, last: int, delay: int) -> Samples:
    """Return what a path of ``_TAPS`` taps sees of the played samples, _TAPS - 1 more of them."""
    start = first - delay + _BEFORE - (_TAPS - 1)
    stop = last - delay + _BEFORE
    inside = s[max(start, 0) : max(stop, 0)]
    row = np.zeros(stop - start)
    row[max(-start, 0) : max(-start, 0) + inside.size] = inside
    return row


def _normal_equations(row: Samples, heard: Samples) -> tuple[Samples, Samples, float]:
    """Return Gram matrix, right-hand side and energy of the fit of ``heard`` by a filter.

    The matrix of a filter's inputs is Toeplitz: its Gram matrix follows from its first line,
    ``G[i + 1, j + 1] = G[i, j] + r[n + i] r[n + j] - r[i] r[j]``, without being multiplied out.
    """
    n = heard.size
    gram = np.empty((_TAPS, _TAPS))
    gram[0] = np.correlate(row, row[:n])
    entering, leaving = row[n:], row[: _TAPS - 1]
    for i in range(_TAPS - 1):
        change = entering[i] * entering[i:] - leaving[i] * leaving[i:]
        gram[i + 1, i + 1 :] = gram[i, i:-1] + change
    gram = np.triu(gram) + np.triu(gram, 1).T
    return gram, np.correlate(row, heard), float(heard @ heard)


def _solved(gram: Samples, product: Samples) -> Samples:
    """Return the filter that explains most, shape (_TAPS,); a trace of noise keeps it unique."""
    noise = 1e-9 * np.trace(gram) / _TAPS + np.finfo(np.float64).tiny
    return np.asarray(np.linalg.solve(gram + noise * np.eye(_TAPS), product), dtype=np.float64)


def _change(old: Samples, new: Samples, inserted: int) -> int:
    """Return the place that leaves the least error; inserted samples are explained by neither."""
    n = old.size - inserted
    before = np.concatenate([[0.0], np.cumsum(old)])[: n + 1]
    after = np.concatenate([[0.0], np.cumsum(new)])
    return int(np.argmin(before + after[-1] - after[inserted : inserted + n + 1]))


def _without_slips(found: _Delays, slips: Sequence[Slip]) -> Samples:
    """Return the delays as if nothing had slipped; windows with a slip inside are not a number."""
    delays = found.delays.copy()
    start = found.windows * found.size
    for slip in slips:
        delays[start >= slip.position] -= slip.size
        delays[(start < slip.position) & (slip.position < start + found.size)] = np.nan
    return delays


def _drift(name: str, found: _Delays, slips: Sequence[Slip]) -> list[Check]:
    """Return the clock difference and the constancy of the delay, if enough windows tell."""
    delays = _without_slips(found, slips)
    known = np.isfinite(delays)
    delays, windows = delays[known], found.windows[known]
    if delays.size < _DRIFT_WINDOWS:
        return []
    i, j = np.triu_indices(delays.size, 1) if delays.size <= 300 else _halves(delays.size)
    slope = float(np.median((delays[j] - delays[i]) / (windows[j] - windows[i])))  # Theil-Sen
    rest = delays - slope * windows
    rest -= np.median(rest)
    spread = 1.4826 * float(np.median(np.abs(rest)))
    error = max(spread, 0.01) / float(np.sqrt(np.square(windows - windows.mean()).sum()))
    ppm, u = 1e6 * slope / found.size, 1e6 * error / found.size
    excess = abs(ppm) - _DRIFT_ERRORS * u
    found_checks = [Check("spread of the delay", spread, "samples", channel=name)]
    if excess <= DRIFT_LIMIT_PPM:
        return [*found_checks, Check("clock drift", ppm, "ppm", DRIFT_LIMIT_PPM, channel=name)]
    reason = (
        f"{name}: the input's clock differs from the output's by {ppm:+.1f} ppm (standard "
        f"uncertainty {u:.1f} ppm), the limit is ±{DRIFT_LIMIT_PPM:g} ppm; use outputs and inputs "
        "of one device, or a common clock"
    )
    verdict: Verdict = "invalid" if excess > DRIFT_INVALID_PPM else "suspect"
    return [
        *found_checks,
        Check("clock drift", ppm, "ppm", DRIFT_LIMIT_PPM, verdict, reason, name),
    ]


def _halves(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return pairs half a take apart: Theil's incomplete method, for many windows."""
    half = n // 2
    first = np.arange(half)
    return first, first + n - half


def _tone_timing(name: str, x: Samples, s: Samples, fs: int, frequency: float) -> list[Check]:
    """Return the same for a tone, by its phase."""
    found = track(x, fs, frequency, s)
    slips = slips_of(name, found, fs)
    if slips is None:
        return []
    if slips.verdict != "pass":
        return [slips]
    known = np.isfinite(found.phases)
    hop = found.size // 2
    delays = _Delays(np.flatnonzero(known), found.delays(fs)[known], hop)
    return [slips, *_drift(name, delays, ())]


def _timing(name: str, x: Samples, s: Samples, fs: int) -> list[Check]:
    """Return slips, drift and spread of the delay of one channel."""
    n = min(x.size, s.size)
    frequency = frequency_of(s[:n], fs) if n else None
    if frequency is not None:
        return _tone_timing(name, x[:n], s[:n], fs, frequency)
    found = _delays(x, s, fs)
    if found.windows.size < 3:
        return []
    slips = _slips(x, s, found)
    moved = float(sum(abs(slip.size) for slip in slips))
    reason = ""
    if slips:
        reason = (
            f"{name}: {'; '.join(slip.words(fs) for slip in slips)}; raise --latency, and look for "
            "resampling between two clocks"
        )
    verdict: Verdict = "invalid" if slips else "pass"
    return [
        Check("slips", moved, "samples", 0.0, verdict, reason, name),
        *(_drift(name, found, slips) if _is_alike(s, found.size) else ()),
    ]


def _dropouts(name: str, x: Samples, s: Samples, fs: int) -> Check:
    """Return the exact zeros on one channel while something was played on it."""
    gaps = Gaps()
    gaps.push(with_silence_filled(x[np.newaxis], s[np.newaxis]))
    gaps.push(np.ones((1, 1)))  # zeros at the end are a gap, too: something was played
    reason = "".join(gaps.flags(fs, name))
    return Check(
        "dropouts", gaps.lost, "samples", 0.0, "invalid" if reason else "pass", reason, name
    )


def _varies(s: Samples, size: int) -> tuple[float, float]:
    """Return how the level of the windows of a stimulus varies, and how their slope re level, dB.

    The slope of a signal re the signal is its mean frequency; if it stays, so does the spectrum.
    """
    n = s.size // size
    windows = s[: n * size].reshape(n, size)
    power, slope = np.square(windows).mean(axis=1), np.square(np.diff(windows)).mean(axis=1)
    played = power > power.max(initial=0.0) * 10 ** (_QUIET_DB / 10)
    if played.sum() < 2 or not (slope[played] > 0).all():
        return np.inf, np.inf
    tilt = 10.0 * np.log10(slope[played] / power[played])
    level = 10.0 * np.log10(power[played]) if played.all() else np.array([0.0, np.inf])
    return float(np.ptp(level)), float(np.ptp(tilt))


def _is_steady(s: Samples, size: int) -> bool:
    """Whether level and spectrum of a stimulus stay."""
    return max(_varies(s, size)) <= _ALIKE_DB


def _is_alike(s: Samples, size: int) -> bool:
    """Whether the spectrum of a stimulus stays, whatever its level does."""
    return _varies(s, size)[1] <= _ALIKE_DB


def _crosstalk(names: Sequence[str], x: Samples, s: Samples, fs: int) -> list[Check]:
    """Return how much of each of two outputs arrives at the other one's input."""
    size = round(_WINDOW_S * fs)
    n = min(x.shape[1], s.shape[1])
    if n < (_SEGMENTS + 1) * size // 2 or not x.any(axis=1).all():  # a dead input hears nothing
        return []
    view = np.lib.stride_tricks.sliding_window_view(
        np.concatenate([s[:, :n], x[:, :n]]), size, axis=1
    )
    spectra = np.fft.rfft(view[:, :: size // 2] * np.hanning(size), axis=2)
    cross = np.einsum("ikf,jkf->fij", spectra, spectra.conj())
    played, recorded = cross[:, :2, :2], cross[:, 2:, :2]
    power = np.real(np.einsum("fii->if", played))
    if not (power.max(axis=1) > 0).all():
        return []
    usable = (power > power.max(axis=1, keepdims=True) * 10 ** (_BIN_DB / 10)).all(axis=0)
    coherence = np.abs(played[:, 0, 1]) ** 2 / np.maximum(power[0] * power[1], 1e-300)
    usable &= coherence < _COHERENT
    if usable.sum() < _BINS:
        return []
    paths = recorded[usable] @ np.linalg.inv(played[usable])
    heard = np.einsum("fij,jf->ij", np.abs(paths) ** 2, power[:, usable])
    return _verdicts_on_crosstalk(names, heard)


def _verdicts_on_crosstalk(names: Sequence[str], heard: Samples) -> list[Check]:
    """Judge the powers ``heard[input, output]``."""
    found = []
    heard = np.maximum(heard, np.finfo(np.float64).tiny)
    ratios = [0.5 * db(float(heard[1 - k, k] / heard[k, k])) for k in range(2)]
    for k, ratio in enumerate(ratios):
        reason = ""
        if ratio > CROSSTALK_LIMIT_DB:
            reason = (
                f"{names[1 - k]}: hears the output of {names[k]} at {ratio:+.1f} dB re {names[k]} "
                f"itself, the limit is {CROSSTALK_LIMIT_DB:g} dB; look for a mono switch, a "
                "monitor mix and plugs that are not fully in"
            )
        verdict: Verdict = "suspect" if reason else "pass"
        found.append(
            Check("crosstalk", ratio, "dB", CROSSTALK_LIMIT_DB, verdict, reason, names[1 - k])
        )
    if min(ratios) > _SWAPPED_DB:
        reason = f"{names[0]} and {names[1]} are swapped: each hears the other's output; swap them"
        return [Check("swapped channels", min(ratios), "dB", _SWAPPED_DB, "invalid", reason)]
    return [*found, Check("swapped channels", min(ratios), "dB", _SWAPPED_DB)]


def _unaligned(capture: Capture) -> bool:
    """Whether the delay of a take could not be measured."""
    return capture.latency is None and any("delay not measured" in f for f in capture.flags)


def compare_with_stimulus(capture: Capture, played: Samples) -> tuple[Check, ...]:
    """Judge a take of a known stimulus.

    Parameters
    ----------
    capture : Capture
        Aligned, as :meth:`~soundcal.devices.AudioDevice.play_and_record` gives it.
    played : ndarray, shape (n_outputs, n)
        What was played; the outputs that the inputs hear, in their order. One output is heard by
        all inputs.

    Returns
    -------
    tuple of Check
        Dropouts, slips, clock drift, spread of the delay and, if the stimulus is steady, level
        steps per channel; crosstalk and swapped channels of two that differ.

    Raises
    ------
    ParameterError
        Neither one output nor as many as inputs.

    Examples
    --------
    >>> noise = 0.1 * np.random.default_rng(1).standard_normal((1, 48000))
    >>> late = np.insert(noise, [30000] * 5, 0.01, axis=1)
    >>> checks = compare_with_stimulus(Capture(late[:, :48000], 48000), noise)
    >>> [(c.value, c.verdict, c.reason[:40]) for c in checks if c.name == "slips"]
    [(5.0, 'invalid', 'mono: 5 samples inserted at 0.6250 s; ra')]
    """
    n_inputs = capture.samples.shape[0]
    if played.shape[0] not in (1, n_inputs):
        raise ParameterError(
            f"{played.shape[0]} outputs for {n_inputs} inputs: one output, or as many as inputs"
        )
    if _unaligned(capture):
        return ()  # there is nothing to compare
    fs, names = capture.fs, capture.channels
    sources = np.broadcast_to(played, (n_inputs, played.shape[1]))
    found: list[Check] = []
    for name, x, s in zip(names, capture.samples, sources, strict=True):
        found += [_dropouts(name, x, s, fs), *_timing(name, x, s, fs)]
        if _is_steady(s, round(_WINDOW_S * fs)):
            step = level_step(x[: s.size], fs, name, reference=s[: x.size])
            frequency = frequency_of(s[: x.size], fs)
            fades = None if frequency is None else fading(name, x[: s.size], fs, frequency)
            found += [check for check in (step, fades) if check is not None]
    intact = all(
        check.verdict == "pass" or (check.verdict == "suspect" and check.name != "clock drift")
        for check in found
    )
    if played.shape[0] == n_inputs == 2 and intact:  # a path that jumps has no one response
        found += _crosstalk(names, capture.samples, played, fs)
    return tuple(found)


def judge_played(
    capture: Capture, played: Samples, *, expected: int | None = None
) -> tuple[Check, ...]:
    """Judge a take of a known stimulus by itself and against the stimulus.

    Parameters
    ----------
    capture : Capture
        The take, aligned to what was played.
    played : ndarray, shape (n_outputs, n)
        As for :func:`compare_with_stimulus`.
    expected : int, optional
        Number of samples that were to arrive.

    Returns
    -------
    tuple of Check
        Those of :func:`~soundcal.takes.judge.judge` and of :func:`compare_with_stimulus`.
    """
    aligned = not _unaligned(capture)
    alone = judge(capture, expected=expected, played=played if aligned else None)
    return (*alone, *compare_with_stimulus(capture, played))
