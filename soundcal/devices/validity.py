"""Is a take what the inputs heard? Checks with a number, a limit and a verdict.

What PortAudio reports about a stream proves little in either direction, so a take is judged by its
own samples. :class:`SignalChecks` does that block by block with constant memory, for recordings of
any length; :func:`judge` judges a whole take. :mod:`soundcal.devices.fidelity` adds what a take
tells when the stimulus that was played is known.

Verdicts are ``pass``, ``suspect`` (there may be an innocent reason; a person decides) and
``invalid`` (samples are missing or are not what the input heard). A field recording keeps its
verdicts as flags, a calibration refuses an invalid take (:func:`refuse_invalid`). A check without a
limit only informs. Checks that a take cannot support are not in the list.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from soundcal.devices import DeviceInfo
from soundcal.devices.checks import Gaps, path_flags
from soundcal.errors import ParameterError, SignalError
from soundcal.recording import Capture, with_flags
from soundcal.units import db

__all__ = [
    "Check",
    "SignalChecks",
    "Verdict",
    "flags_of",
    "judge",
    "judged",
    "level_step",
    "path_checks",
    "refuse_invalid",
    "stream_checks",
]

Samples = NDArray[np.float64]
Verdict = Literal["pass", "suspect", "invalid"]

FULL_SCALE: Final = 1.0 - 2.0**-15
"""From here on a sample is at full scale: the largest positive value of a 16-bit converter."""

PLATEAU_SAMPLES: Final = 3
PLATEAUS: Final = 3
"""So many equal samples in a row, so often, at the channel's own extreme are a clipped signal that
was turned down afterwards. With the noise of an analogue input, no signal repeats its extreme. A
sine wave of f Hz clipped by c dB shows them if ``fs/(pi f) acos(10^(-c/20))`` is 3 or more."""

_PLATEAU_FROM: Final = 0.1
_PLATEAU_EDGE: Final = 1e-3
"""Plateaus count from -20 dB re full scale on, and with an edge of 0.1 % of their height: the flat
tops that 16-bit quantisation gives a slow sine wave have edges of one step, 0.03 % of 0.1."""

DC_LIMIT: Final = 0.01
"""Offset re full scale that is accepted: it costs 0.1 dB of headroom, and in Z-weighted levels it
equals a sound 40 dB below full scale."""

_DC_SIGMAS: Final = 4.0
"""An offset is real if it is so many times its standard error; low frequencies in a short take have
a mean, too."""

BITS_LIMIT: Final = 16
"""At most so many bits used is a 16-bit path: quantisation noise of -101 dB re full scale (rms)
where a 24-bit path has -149 dB."""

_BITS_FROM: Final = 256
"""Samples other than zero that show which bits are used: 16 of 24 by chance has odds of 2^-2048."""

_WINDOW_S: Final = 0.05

RATE_TOLERANCE: Final = 0.005
RATE_JITTER_S: Final = 0.25
RATE_FROM_S: Final = 2.0
"""The clock of the computer judges the sampling rate of takes from 2 s on, to 0.5 % plus 0.25 s for
the irregular arrival of blocks, as the soundcard driver does while it records."""

STEP_LIMIT_DB: Final = 0.14
"""Level step accepted in a steady take, dB: the width of the ±0.07 dB by which a class 1 sound
calibrator may fluctuate (IEC 60942:2017)."""

STEP_INVALID_DB: Final = 0.5
"""Level step that makes a steady take useless, dB: as much as a calibrator and its seating may
deviate together; the two parts of the take have different sensitivities."""

_STEADY_DB: Final = 0.3
_STEP_SIGMAS: Final = 8.0
_STEP_WINDOWS: Final = 4


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a take.

    Parameters
    ----------
    name : str
        What was looked at.
    value : float
        What was found.
    unit : str
        Its unit.
    limit : float or None
        What is accepted; None if the check only informs.
    verdict : {"pass", "suspect", "invalid"}
        What follows.
    reason : str
        What was found in words, with its probable cause and the remedy; "" if it passed.
    channel : str
        The channel; "" if it is about the take.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    verdict: Verdict = "pass"
    reason: str = ""
    channel: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON; a value that is not finite is None."""
        return asdict(self) | {"value": self.value if np.isfinite(self.value) else None}


class _Plateaus:
    """Counts runs of equal samples at the extreme of a signal, on one side of zero."""

    def __init__(self, sign: float) -> None:
        self._sign = sign
        self.extreme = 0.0
        self.count = 0

    def push(self, y: Samples, starts: NDArray[np.intp], ends: NDArray[np.intp]) -> None:
        """Take runs ``[start, end)`` of ``y`` that have ended."""
        highest = float((self._sign * y).max(initial=0.0))
        if highest > self.extreme:
            self.extreme, self.count = highest, 0
        heights = self._sign * y[starts]
        edges = np.maximum(
            np.abs(y[ends] - y[starts]), np.abs(y[np.maximum(starts - 1, 0)] - y[starts])
        )
        sharp = edges >= _PLATEAU_EDGE * np.abs(heights)
        self.count += int((sharp & (heights >= _PLATEAU_FROM) & (heights == self.extreme)).sum())


class _Row:
    """What one channel amounts to so far."""

    def __init__(self, window: int) -> None:
        self.lowest, self.highest = np.inf, -np.inf
        self.full = self.in_a_row = self.live = self.used = 0
        self.finer = False
        self.plateaus = (_Plateaus(1.0), _Plateaus(-1.0))
        self.means = np.zeros(3)  # number, sum and sum of squares of the means of the windows
        self.power = 0.0
        self.quietest = np.inf
        self._window = window
        self._rest = np.zeros(0)
        self._last = np.zeros(0)

    def push(self, x: Samples) -> None:
        """Take the next samples, shape (n,), n > 0."""
        self.lowest = min(self.lowest, float(x.min()))
        self.highest = max(self.highest, float(x.max()))
        y = np.concatenate([self._last, x])
        full = np.abs(y) >= FULL_SCALE
        new = full[self._last.size :]
        self.full += int(new.sum())
        pairs = full[1:] & full[:-1] & (y[1:] * y[:-1] > 0)
        self.in_a_row += int(pairs[max(0, self._last.size - 1) :].sum())
        self._look_for_plateaus(y)
        self._last = y[-64:]
        self._note_bits(x)
        self._note_windows(x)

    def _look_for_plateaus(self, y: Samples) -> None:
        changes = np.flatnonzero(y[1:] != y[:-1]) + 1
        starts = np.concatenate([[0], changes[:-1]]) if changes.size else changes
        chosen = (changes >= max(1, self._last.size)) & (changes - starts >= PLATEAU_SAMPLES)
        for side in self.plateaus:
            side.push(y, starts[chosen], changes[chosen])

    def _note_bits(self, x: Samples) -> None:
        self.live += int(np.count_nonzero(x))
        if self.finer:
            return
        scaled = np.abs(x) * 2.0**23
        steps = np.rint(scaled)
        if np.any(steps != scaled):
            self.finer = True
        else:
            self.used |= int(np.bitwise_or.reduce(steps.astype(np.int64)))

    def _note_windows(self, x: Samples) -> None:
        y = np.concatenate([self._rest, x])
        n = y.size // self._window
        self._rest = y[n * self._window :]
        if n == 0:
            return
        windows = y[: n * self._window].reshape(n, self._window)
        means, power = windows.mean(axis=1), windows.var(axis=1)
        self.means += (n, means.sum(), np.square(means).sum())
        self.power += float(power.sum())
        self.quietest = min(self.quietest, float(power.min()))

    @property
    def bits(self) -> int:
        """Bits used; 25 if the samples are finer than 24 bits."""
        return 25 if self.finer else 24 - ((self.used & -self.used).bit_length() - 1)


class SignalChecks:
    """Checks of the samples alone, in blocks; memory does not grow with the take.

    Parameters
    ----------
    channels : sequence of str
        Names of the channels.
    fs : int
        Sampling rate in Hz.

    Examples
    --------
    >>> checks = SignalChecks(("left",), 48000)
    >>> wave = 1.2 * np.sin(2 * np.pi * 997 * np.arange(4800) / 48000)
    >>> checks.push(0.5 * np.clip(wave, -1, 1)[np.newaxis])
    >>> [(check.name, check.verdict) for check in checks.checks() if check.verdict != "pass"]
    [('plateaus', 'invalid')]
    """

    def __init__(self, channels: Sequence[str], fs: int) -> None:
        if fs < 1:
            raise ParameterError(f"sampling rate {fs} Hz: a positive rate is expected")
        self._channels, self._fs = tuple(channels), fs
        self._rows = [_Row(max(1, round(_WINDOW_S * fs))) for _ in self._channels]
        self._gaps = Gaps()
        self._n_samples = 0

    def push(self, samples: Samples) -> None:
        """Take the next samples, shape (n_channels, n)."""
        if samples.shape[0] != len(self._rows):
            raise ParameterError(
                f"{samples.shape[0]} channels of samples, {len(self._rows)} expected"
            )
        if samples.shape[1] == 0:
            return
        self._gaps.push(samples)
        self._n_samples += samples.shape[1]
        for row, x in zip(self._rows, samples, strict=True):
            row.push(x)

    def checks(self) -> tuple[Check, ...]:
        """Return the checks of what came so far; none, if nothing came."""
        if self._n_samples == 0:
            return ()
        lost = self._gaps.flags(self._fs)
        found = [
            Check(
                "gaps",
                self._gaps.lost,
                "samples",
                0.0,
                "invalid" if lost else "pass",
                "".join(lost),
            )
        ]
        for name, row in zip(self._channels, self._rows, strict=True):
            found += [replace(check, channel=name) for check in self._of_channel(name, row)]
        return tuple(found)

    def _of_channel(self, name: str, row: _Row) -> list[Check]:
        alive = _liveness(name, row)
        if alive.verdict != "pass":
            return [alive]
        found = [alive, _clipping(name, row), _plateaus(name, row)]
        if row.live >= _BITS_FROM:
            found.append(_bits(name, row))
        if row.means[0] > 1:
            found += [_offset(name, row), *_levels(row)]
        return found


def _liveness(name: str, row: _Row) -> Check:
    swing, limit = row.highest - row.lowest, 0.0
    reason = ""
    if row.highest == row.lowest == 0.0:
        reason = (
            f"{name}: every sample is exactly zero; check the cable, the channel, and that the "
            "program may use the microphone"
        )
    elif swing == 0.0:
        reason = f"{name}: stuck at {row.highest:.4g} of full scale; restart the device"
    return Check("swing", swing, "FS", limit, "invalid" if reason else "pass", reason)


def _clipping(name: str, row: _Row) -> Check:
    if row.full == 0:
        return Check("clipping", 0.0, "samples", 0.0)
    verdict: Verdict = "invalid" if row.in_a_row else "suspect"
    reason = f"{name}: {row.full} samples at or beyond full scale; lower the input gain"
    return Check("clipping", row.full, "samples", 0.0, verdict, reason)


def _plateaus(name: str, row: _Row) -> Check:
    sides = [side for side in row.plateaus if side.extreme < FULL_SCALE]
    count = sum(side.count for side in sides)
    if count < PLATEAUS:
        return Check("plateaus", count, "", PLATEAUS - 1.0)
    height = max(side.extreme for side in sides if side.count)
    reason = (
        f"{name}: flat tops, {count} runs of equal samples at the extreme ({db(height):.1f} dB re "
        "full scale); something before this input clips: lower the level there"
    )
    return Check("plateaus", count, "", PLATEAUS - 1.0, "invalid", reason)


def _bits(name: str, row: _Row) -> Check:
    if row.bits > BITS_LIMIT:
        return Check("bits used", row.bits, "bit", BITS_LIMIT + 1.0)
    reason = (
        f"{name}: only {row.bits} bits are used; set the device to 24 bit, and look for a "
        "conversion on the way (operating system, driver, file)"
    )
    return Check("bits used", row.bits, "bit", BITS_LIMIT + 1.0, "suspect", reason)


def _offset(name: str, row: _Row) -> Check:
    n, total, squares = row.means
    mean = float(total / n)
    error = float(np.sqrt(max(0.0, squares / n - mean**2) / (n - 1)))
    if abs(mean) <= DC_LIMIT or abs(mean) <= _DC_SIGMAS * error:
        return Check("DC", mean, "FS", DC_LIMIT)
    reason = (
        f"{name}: DC of {mean:+.4f} of full scale, the limit is ±{DC_LIMIT:g}; use an AC coupled "
        "input, or high-pass the recording before Z-weighted levels are taken from it"
    )
    return Check("DC", mean, "FS", DC_LIMIT, "suspect", reason)


def _levels(row: _Row) -> list[Check]:
    floor = float(10.0 * np.log10(row.quietest)) if row.quietest > 0 else -np.inf
    power = row.power / row.means[0]
    level = float(10.0 * np.log10(power)) if power > 0 else -np.inf
    found = [Check("quietest 50 ms", floor, "dB re FS")]
    if np.isfinite(floor):
        found.append(Check("level above the quietest 50 ms", level - floor, "dB"))
    return found


def path_checks(info: DeviceInfo) -> tuple[Check, ...]:
    """Return a check that says what stands between soundcal and the device; none, if nothing does.

    Examples
    --------
    >>> path_checks(DeviceInfo("USB Audio (hw:1,0)", "ALSA", 2, 2))
    ()
    >>> path_checks(DeviceInfo("default", "ALSA", 2, 2, obstacle="a mixer"))[0].reason
    'not directly from the device: a mixer'
    """
    reasons = path_flags(info)
    return tuple(Check("in between", 1.0, "", 0.0, "suspect", reason) for reason in reasons)


def stream_checks(
    *,
    n_samples: int,
    fs: int,
    expected: int | None = None,
    xruns: int = 0,
    delivered_rate: float | None = None,
    device: str = "",
) -> tuple[Check, ...]:
    """Return the checks of how a stream went.

    Parameters
    ----------
    n_samples, fs : int
        Samples that arrived and nominal sampling rate in Hz.
    expected : int, optional
        Samples that were to arrive.
    xruns : int
        Overflows and underflows that the driver reported.
    delivered_rate : float, optional
        Samples per second of wall-clock time.
    device : str
        Identity of the device.

    Examples
    --------
    >>> checks = stream_checks(n_samples=480000, fs=48000, delivered_rate=44100.0)
    >>> [(check.name, check.verdict) for check in checks]
    [('overflows and underflows', 'pass'), ('rate', 'invalid')]
    """
    reason = "" if xruns == 0 else f"{xruns} overflows or underflows reported by the driver"
    found = [Check("overflows and underflows", xruns, "", 0.0, _doubt(reason), reason)]
    if expected is not None:
        short = n_samples - expected
        reason = "" if short == 0 else f"{n_samples} samples arrived, {expected} were expected"
        found.append(Check("samples", short, "", 0.0, _fault(reason), reason))
    # a JACK server in freewheel mode has no clock: its speed says nothing about its rate
    clockless = "JACK" in device and delivered_rate is not None and delivered_rate > 1.5 * fs
    if delivered_rate is not None and n_samples >= RATE_FROM_S * fs and not clockless:
        elapsed = n_samples / delivered_rate
        limit = RATE_TOLERANCE + RATE_JITTER_S / max(elapsed, RATE_JITTER_S)
        deviation = delivered_rate / fs - 1.0
        wrong = abs(deviation) > limit
        reason = f"delivered {delivered_rate:.0f} samples per second instead of {fs}"
        reason = reason if wrong else ""
        found.append(Check("rate", 1e6 * deviation, "ppm", 1e6 * limit, _fault(reason), reason))
    return tuple(found)


def _doubt(reason: str) -> Verdict:
    return "suspect" if reason else "pass"


def _fault(reason: str) -> Verdict:
    return "invalid" if reason else "pass"


def _window_levels(x: Samples, fs: int) -> Samples:
    """Return the levels of windows of 50 ms in dB re full scale, shape (n_windows,)."""
    size = max(1, round(_WINDOW_S * fs))
    n = x.size // size
    power = x[: n * size].reshape(n, size).var(axis=1)
    return np.asarray(10.0 * np.log10(np.maximum(power, 1e-30)), dtype=np.float64)


def level_step(
    x: Samples, fs: int, channel: str = "", *, reference: Samples | None = None
) -> Check | None:
    """Look for a level step in a signal that ought to be steady.

    The take is split where the mean levels before and after differ most. Their difference is a step
    if it is also eight times its standard error, which the windows of 50 ms give.

    Parameters
    ----------
    x : ndarray, shape (n,)
        One channel.
    fs : int
        Sampling rate in Hz.
    channel : str
        Its name.
    reference : ndarray, shape (n,), optional
        What was played; levels are taken relative to it.

    Returns
    -------
    Check or None
        None if the take is too short, or so unsteady that a step means nothing.

    Examples
    --------
    >>> wave = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)
    >>> wave[24000:] *= 1.122
    >>> check = level_step(wave, 48000, "left")
    >>> check.verdict, round(check.value, 2)
    ('invalid', 1.0)
    """
    levels = _window_levels(x, fs)
    if reference is not None:
        levels = levels - _window_levels(reference, fs)
    n = levels.size
    if n < 2 * _STEP_WINDOWS:
        return None
    before = np.arange(_STEP_WINDOWS, n - _STEP_WINDOWS + 1)
    total = np.cumsum(levels)
    steps = (total[-1] - total[before - 1]) / (n - before) - total[before - 1] / before
    # the evidence for a split grows with the smaller of its parts
    weight = np.sqrt(before * (n - before) / n)
    split = int(np.argmax(np.abs(steps) * weight))
    at, step = int(before[split]), float(steps[split])
    within = np.concatenate([levels[:at] - levels[:at].mean(), levels[at:] - levels[at:].mean()])
    spread = float(np.sqrt(np.square(within).sum() / (n - 2)))
    if spread > _STEADY_DB:
        return None
    real = abs(step) > _STEP_SIGMAS * spread / float(weight[split])
    if not real or abs(step) <= STEP_LIMIT_DB:
        return Check("level step", step, "dB", STEP_LIMIT_DB, channel=channel)
    verdict: Verdict = "invalid" if abs(step) > STEP_INVALID_DB else "suspect"
    reason = (
        f"{channel}: the level changes by {step:+.2f} dB at {at * _WINDOW_S:.2f} s, the limit is "
        f"±{STEP_LIMIT_DB:g} dB; look for a turned knob, automatic gain control and "
        "enhancements of the operating system"
    )
    return Check("level step", step, "dB", STEP_LIMIT_DB, verdict, reason, channel)


def judge(
    capture: Capture, *, steady: Sequence[str] = (), expected: int | None = None
) -> tuple[Check, ...]:
    """Judge a whole take.

    Parameters
    ----------
    capture : Capture
        The take.
    steady : sequence of str
        Channels that carry a steady sound, such as a sound calibrator's.
    expected : int, optional
        Number of samples that were to arrive.

    Examples
    --------
    >>> wave = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)
    >>> checks = judge(Capture(wave, 48000), steady=["mono"])
    >>> {check.verdict for check in checks}
    {'pass'}
    """
    signal = SignalChecks(capture.channels, capture.fs)
    signal.push(capture.samples)
    found = [
        *stream_checks(
            n_samples=capture.n_samples,
            fs=capture.fs,
            expected=expected,
            xruns=capture.xruns,
            delivered_rate=capture.delivered_rate,
            device=capture.device,
        ),
        *signal.checks(),
    ]
    for name in steady:
        if name not in capture.channels:
            raise ParameterError(f"no channel {name!r}, only {', '.join(capture.channels)}")
        step = level_step(capture.samples[capture.channels.index(name)], capture.fs, name)
        found += [step] if step is not None else []
    return tuple(found)


def flags_of(checks: Sequence[Check]) -> tuple[str, ...]:
    """Return what is suspect or invalid, in words."""
    return tuple(check.reason for check in checks if check.verdict != "pass")


def judged(capture: Capture, checks: Sequence[Check]) -> Capture:
    """Return the take with its verdicts among its flags; what it says already is not repeated."""
    new = [flag for flag in flags_of(checks) if flag not in capture.flags]
    return with_flags(capture, new) if new else capture


def refuse_invalid(take: Capture, ear: str) -> tuple[Check, ...]:
    """Refuse an invalid take of a calibrator tone; return its checks.

    Parameters
    ----------
    take : Capture
        One insertion.
    ear : str
        Channel that carries the tone; the only channel is it, whatever its name. Other channels
        are not judged.

    Raises
    ------
    SignalError
        A verdict is ``invalid``; the message has the reasons.
    ParameterError
        The take has several channels and none of that name.
    """
    name = ear if len(take.channels) > 1 else take.channels[0]
    checks = tuple(check for check in judge(take, steady=[name]) if check.channel in ("", name))
    reasons = [check.reason for check in checks if check.verdict == "invalid"]
    if reasons:
        raise SignalError(f"{ear}: the take is invalid ({'; '.join(reasons)}); record it again")
    return checks
