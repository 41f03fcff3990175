"""Slips and clock differences: changes in the delay of a take against the stimulus.

The take is compared with the stimulus in windows of 85 ms. In each window, the delay is the lag of
the largest normalised correlation (:func:`soundcal.takes.alignment.find_each`). Windows in which
no lag stands out, such as those of a tone, which resembles itself after each period, are not used.
From one window to the next the delay may change in only two ways: steadily, if the clocks of output
and input differ, or suddenly by whole samples, if samples were lost or inserted.

A change by whole samples is accepted only if it explains the take: one short filter must fit the
windows before and after with the change, and no such filter may fit them nearly as well without it
(a path that delays some frequencies more than others passes). The position of the change is the one
that leaves the least energy unexplained (a maximum-likelihood change point in Gaussian noise); it
is exact to the sample where the filter predicts the take well.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Samples
from soundcal.takes.alignment import Bursts, bursts_for, find_each
from soundcal.takes.check import Check, Limit, Verdict
from soundcal.takes.played import Played, remembered_spectra

__all__ = [
    "DRIFT",
    "QUIET_DB",
    "WINDOW_S",
    "Delays",
    "Slip",
    "clock_drift",
    "delays_of",
    "find_slips",
    "slips_in",
]


WINDOW_S: Final = 4096 / 48000
_REACH: Final = 0.5
"""Largest change of the delay that is searched for, in windows: 43 ms."""

QUIET_DB: Final = -60.0
"""Windows of the stimulus below this level, relative to the loudest one, are not used."""

_AT_A_TIME: Final = 8
"""Windows that are compared at a time, so that their spectra stay in the processor's cache."""

_JUMP: Final = 0.6
"""Smallest change of the delay between windows that may be a slip, in samples."""

_TAPS: Final = 64
_BEFORE: Final = 16
_EXPLAINS: Final = 0.25
"""A slip is accepted if it leaves at most a quarter of the power that is left without it."""

_ROUNDING: Final = 1e-12

DRIFT_LIMIT_PPM: Final = 5.0
"""Accepted clock difference, ppm: output and input of one device share a clock, so only the
uncertainty remains; the clocks of two devices differ by 5 to 100 ppm."""

DRIFT_INVALID_PPM: Final = 300.0
"""No pair of crystal clocks differs by as much; samples are converted or lost on the way."""

_DRIFT_WINDOWS: Final = 5
_DRIFT_ERRORS: Final = 5.0

DRIFT: Final = "clock drift"
"""Name of the check."""

_DRIFT: Final = Limit(
    DRIFT_LIMIT_PPM,
    "±",
    "outputs and inputs of one device share a clock",
    "use outputs and inputs of one device, or a common clock",
)


@dataclass(frozen=True, slots=True)
class Slip:
    """A sudden change of the delay.

    Parameters
    ----------
    position : int
        Position in the take at which samples were inserted, or after which samples are missing.
    size : int
        Samples inserted, or missing if negative.
    """

    position: int
    size: int

    def words(self, fs: int) -> str:
        """Return the slip in words."""
        what = "inserted" if self.size > 0 else "missing"
        return f"{abs(self.size)} samples {what} at {self.position / fs:.4f} s"


@dataclass(frozen=True, slots=True)
class Delays:
    """Delays in the windows that show one: window numbers, delays in samples, window length."""

    windows: NDArray[np.intp]
    delays: Samples
    size: int


def delays_of(x: Samples, played: Played, fs: int) -> Delays:
    """Return the local delay of a recorded row against a played one."""
    size, s = round(WINDOW_S * fs), played.samples
    reach = round(_REACH * size)
    n = min(x.size, s.size) // size
    padded = np.pad(x[: n * size], reach)
    windows, delays = [], []
    for numbers, known in _bursts_of(played, size, n):
        pieces = np.stack([padded[i * size : (i + 1) * size + 2 * reach] for i in numbers])
        for i, piece, found in zip(numbers, pieces, find_each(pieces, known), strict=True):
            if found.clear and 0 < found.lag < 2 * reach:
                windows.append(int(i))
                sync = s[i * size : (i + 1) * size]
                delays.append(found.lag - reach + _fraction(piece, sync, found.lag))
    return Delays(np.array(windows, dtype=np.intp), np.array(delays), size)


@remembered_spectra
def _bursts_of(played: Played, size: int, n: int) -> list[tuple[NDArray[np.intp], Bursts]]:
    """Return the numbers of the first n windows with sound, some at a time, and their sound."""
    s, length = played.samples, size + 2 * round(_REACH * size)
    power = np.square(s[: n * size].reshape(n, size)).mean(axis=1)
    sounding = np.flatnonzero(power > power.max(initial=0.0) * 10 ** (QUIET_DB / 10))
    parts = [sounding[k : k + _AT_A_TIME] for k in range(0, sounding.size, _AT_A_TIME)]
    return [
        (numbers, bursts_for(np.stack([s[i * size : (i + 1) * size] for i in numbers]), length))
        for numbers in parts
    ]


def _fraction(piece: Samples, sync: Samples, lag: int) -> float:
    """Return the position of the correlation's peak between samples: vertex of a parabola."""
    left, peak, right = (float(piece[lag + k : lag + k + sync.size] @ sync) for k in (-1, 0, 1))
    curvature = left - 2 * peak + right
    return float(np.clip(0.5 * (left - right) / curvature, -0.5, 0.5)) if curvature else 0.0


def _steps(found: Delays) -> float:
    """Return the steady change of the delay per window: the median over neighbours."""
    if found.windows.size < 2:
        return 0.0
    return float(np.median(np.diff(found.delays) / np.diff(found.windows)))


def find_slips(x: Samples, s: Samples, fs: int) -> list[Slip]:
    """Return the slips: positions where samples are missing or were inserted.

    Parameters
    ----------
    x, s : ndarray, shape (n,)
        Recorded and played samples, aligned.
    fs : int
        Sampling rate in Hz.

    Returns
    -------
    list of Slip
        Slips with at least one window of 85 ms before and after in which the delay can be found.
    """
    return slips_in(x, s, delays_of(x, Played(s), fs))


def slips_in(x: Samples, s: Samples, found: Delays) -> list[Slip]:
    """Return the slips that the delays in the windows show; see :func:`find_slips`."""
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
    """Return runs of neighbours; a slip also shows in the two windows next to it."""
    groups: list[list[int]] = []
    for place in places.tolist():
        if groups and place - groups[-1][-1] == 1:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _located(
    x: Samples, s: Samples, found: Delays, before: int, after: int, size: int
) -> Slip | None:
    """Return the slip with its position, if it explains the take better than no slip."""
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
    # the difference of nearly equal numbers is rounding error
    return float(max(rest, _ROUNDING * energy))


def _seen(s: Samples, first: int, last: int, delay: int) -> Samples:
    """Return the played samples that a path of ``_TAPS`` taps sees: ``_TAPS - 1`` more."""
    start = first - delay + _BEFORE - (_TAPS - 1)
    stop = last - delay + _BEFORE
    inside = s[max(start, 0) : max(stop, 0)]
    row = np.zeros(stop - start)
    row[max(-start, 0) : max(-start, 0) + inside.size] = inside
    return row


def _normal_equations(row: Samples, heard: Samples) -> tuple[Samples, Samples, float]:
    """Return Gram matrix, right-hand side and energy of the fit of ``heard`` by a filter.

    The matrix of a filter's inputs is Toeplitz, so its Gram matrix follows from its first row by
    ``G[i + 1, j + 1] = G[i, j] + r[n + i] r[n + j] - r[i] r[j]``, without a matrix product.
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
    """Return the best-fitting filter, shape (_TAPS,); a trace of noise keeps it unique."""
    noise = 1e-9 * np.trace(gram) / _TAPS + np.finfo(np.float64).tiny
    return np.asarray(np.linalg.solve(gram + noise * np.eye(_TAPS), product), dtype=np.float64)


def _change(old: Samples, new: Samples, inserted: int) -> int:
    """Return the position with the least error; neither delay explains inserted samples."""
    n = old.size - inserted
    before = np.concatenate([[0.0], np.cumsum(old)])[: n + 1]
    after = np.concatenate([[0.0], np.cumsum(new)])
    return int(np.argmin(before + after[-1] - after[inserted : inserted + n + 1]))


def _without_slips(found: Delays, slips: Sequence[Slip]) -> Samples:
    """Return the delays with the slips removed; windows that contain a slip are not a number."""
    delays = found.delays.copy()
    start = found.windows * found.size
    for slip in slips:
        delays[start >= slip.position] -= slip.size
        delays[(start < slip.position) & (slip.position < start + found.size)] = np.nan
    return delays


def clock_drift(name: str, found: Delays, slips: Sequence[Slip]) -> list[Check]:
    """Return the clock difference and the spread of the delay, if enough windows show a delay."""
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
        return [*found_checks, Check(DRIFT, ppm, "ppm", _DRIFT, channel=name)]
    reason = (
        f"{name}: the input's clock differs from the output's by {ppm:+.1f} ppm (standard "
        f"uncertainty {u:.1f} ppm), the limit is {_DRIFT.text} ppm; {_DRIFT.remedy}"
    )
    verdict: Verdict = "invalid" if excess > DRIFT_INVALID_PPM else "suspect"
    return [*found_checks, Check(DRIFT, ppm, "ppm", _DRIFT, verdict, reason, name)]


def _halves(n: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return pairs half a take apart: Theil's incomplete method, for many windows."""
    half = n // 2
    first = np.arange(half)
    return first, first + n - half
