"""Checks of whether a take contains what the inputs received: number, limit and verdict.

PortAudio's reports about a stream prove little in either direction, so a take is judged by its own
samples. :class:`SignalChecks` does this block by block with constant memory, for recordings of any
length; :func:`judge` judges a whole take. :mod:`soundcal.takes.against_stimulus` adds checks that
need the stimulus that was played.

Verdicts are ``pass``, ``suspect`` (there may be a harmless reason; a person decides) and
``invalid`` (samples are missing or are not what the input received). A field recording keeps its
verdicts as flags; a calibration refuses an invalid take (:func:`refuse_invalid`). A check without a
limit only informs. Checks that a take cannot support are left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.errors import ParameterError
from soundcal.recording import (
    CLIPPING,
    FULL_SCALE,
    GAPS,
    MISSING,
    OVERFLOWS,
    RATE,
    Capture,
    clipping_flag,
    counted,
)
from soundcal.takes.channel_statistics import PLATEAUS, ChannelStatistics
from soundcal.takes.check import Check, Limit, Verdict, doubt, fault, refuse
from soundcal.takes.gaps import Gaps, with_silence_filled
from soundcal.takes.level_over_time import steady_sound
from soundcal.takes.played import Played, known_stimulus
from soundcal.takes.repeated_blocks import REPEATED_BLOCKS, Repeats
from soundcal.takes.zeros import LONG_S, SHORTEST, Zeros
from soundcal.units import db

__all__ = [
    "SignalChecks",
    "judge",
    "offset",
    "rate_check",
    "refuse_invalid",
    "stream_checks",
]


DC_LIMIT: Final = 0.01
"""Accepted offset as a fraction of full scale: it costs 0.1 dB of headroom, and in Z-weighted
levels it equals a sound 40 dB below full scale."""

_DC_SIGMAS: Final = 4.0
"""An offset is real if it is this many times its standard error; low frequencies in a short take
also have a mean."""

BITS_LIMIT: Final = 16
"""A path that uses no more bits than this is a 16-bit path: its quantisation noise is -101 dB re
full scale (rms), where a 24-bit path has -149 dB."""

BITS_FROM: Final = 256
"""Number of non-zero samples needed to find the bits in use: the odds that a 24-bit path uses only
16 bits by chance are then 2^-2048."""

_WINDOW_S: Final = 0.05

RATE_TOLERANCE: Final = 0.005
RATE_JITTER_S: Final = 0.25
RATE_FROM_S: Final = 2.0
"""The sampling rate of takes of 2 s or more is checked against the computer's clock, to within
0.5 % plus 0.25 s for the irregular arrival of blocks: this finds 44.1 kHz in place of 48 kHz in a
take of 4 s."""

_CLIPPING: Final = Limit(
    0.0, "≤", "a sample at full scale may stand for a larger one", "lower the input gain"
)
_PLATEAUS: Final = Limit(
    PLATEAUS - 1.0,
    "≤",
    "equal samples in a row at the extreme: clipped before",
    "lower the level there",
)
_GAPS: Final = Limit(0.0, "≤", "exact zeros in place of sound: samples were lost")
_REPEATED: Final = Limit(0.0, "≤", "noise never repeats itself to the last bit")
_NOT_FINITE: Final = Limit(0.0, "≤", "a sample is a number", "restart or update the driver")
_SWING: Final = Limit(0.0, "≥", "a channel that never moves is dead", "restart the device")
_BITS: Final = Limit(
    BITS_LIMIT + 1.0,
    "≥",
    "a path of 16 bits has its noise at −101 dB re full scale",
    "set the device to 24 bit, and look for a conversion on the way (operating system, driver, "
    "file)",
)
_DC: Final = Limit(
    DC_LIMIT,
    "±",
    "costs 0.1 dB of headroom",
    "use an AC coupled input, or high-pass the recording before you take Z-weighted levels from it",
)
_OVERFLOWS: Final = Limit(0.0, "≤", "as the driver reports them")
_SAMPLES: Final = Limit(0.0, "±", "the requested length")
_MISSING: Final = Limit(0.0, "≤", "the clock of the computer")


class SignalChecks:
    """Checks of the samples alone, in blocks; memory does not grow with the take.

    Parameters
    ----------
    channels : sequence of str
        Names of the channels.
    fs : int
        Sampling rate in Hz.
    zeros : bool
        Whether zeros in a single channel are looked for by the noise of the input.

    Examples
    --------
    >>> checks = SignalChecks(("left",), 48000)
    >>> wave = 1.2 * np.sin(2 * np.pi * 997 * np.arange(4800) / 48000)
    >>> checks.push(0.5 * np.clip(wave, -1, 1)[np.newaxis])
    >>> [(check.name, check.verdict) for check in checks.checks() if check.verdict != "pass"]
    [('plateaus', 'invalid')]
    """

    def __init__(self, channels: Sequence[str], fs: int, *, zeros: bool = True) -> None:
        if fs < 1:
            raise ParameterError(f"sampling rate {fs} Hz: a positive rate is expected")
        self._channels, self._fs = tuple(channels), fs
        self._rows = [ChannelStatistics(max(1, round(_WINDOW_S * fs))) for _ in self._channels]
        self._zeros = {name: Zeros(fs) for name in self._channels if zeros}
        self._gaps, self._repeats, self._played = Gaps(), Repeats(), Repeats()
        self._n_samples = self._not_numbers = 0

    def push(self, samples: Samples, played: Samples | Played | None = None) -> None:
        """Take the next samples, shape (n_channels, n).

        ``played`` holds the samples played in the meantime, shape (n_outputs, n): where they are
        silent, or repeat themselves, the recorded samples may be or do so too.
        """
        if samples.shape[0] != len(self._rows):
            raise ParameterError(
                f"{samples.shape[0]} channels of samples, {len(self._rows)} are expected"
            )
        if samples.shape[1] == 0:
            return
        if not np.isfinite(samples).all():
            self._not_numbers += int(np.count_nonzero(~np.isfinite(samples)))
            samples = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
        self._repeats.push(samples)
        if played is None:
            for zeros, x in zip(self._zeros.values(), samples, strict=False):
                zeros.push(x)
        else:
            played = known_stimulus(played)
            self._played.push(played.samples)
            self._gaps.sounding = True
        if played is None:
            self._gaps.push(samples)
        else:
            self._gaps.push(with_silence_filled(samples, played))
        self._n_samples += samples.shape[1]
        for row, x in zip(self._rows, samples, strict=True):
            row.push(x)

    @property
    def statistics(self) -> dict[str, ChannelStatistics]:
        """Statistics of the samples so far, by channel."""
        return dict(zip(self._channels, self._rows, strict=True))

    def checks(self) -> tuple[Check, ...]:
        """Return the checks of the samples so far; none before the first samples."""
        if self._n_samples == 0:
            return ()
        found = [*self._of_the_take()]
        gaps = found[0].value
        for name, row in self.statistics.items():
            found += [replace(check, channel=name) for check in self._of_channel(name, row)]
            if name in self._zeros and row.lowest < row.highest and not self._gaps.sounding:
                found.append(self._zeros[name].check(name, row.step, elsewhere=gaps))
        return tuple(found)

    def _of_the_take(self) -> Iterator[Check]:
        """Give the checks of all inputs together: a driver loses or repeats whole frames."""
        lost, reason = self._gaps.lost, "".join(flag.text for flag in self._gaps.flags(self._fs))
        # fewer zeros at the end: by the noise of each input (soundcal.takes.zeros)
        shortest = SHORTEST if self._gaps.sounding else LONG_S * self._fs
        if (silent := self._gaps.silent) >= shortest:
            start = (self._n_samples - silent) / self._fs
            end = f"exact zeros on all inputs from {start:.3f} s to the end, {silent} samples"
            lost, reason = lost + silent, f"{reason}; {end}" if reason else end
        yield Check(GAPS, lost, "samples", _GAPS, fault(reason), reason)
        repeated, reason, certain = self._repeats.found(self._fs)
        if not (reason and self._played.found(self._fs)[0]):
            verdict = fault(reason) if certain else doubt(reason)
            yield Check(REPEATED_BLOCKS, repeated, "samples", _REPEATED, verdict, reason)
        if n := self._not_numbers:
            reason = f"{n} samples are infinite or not numbers; {_NOT_FINITE.remedy}"
            yield Check("not finite", n, "samples", _NOT_FINITE, "invalid", reason)

    def _of_channel(self, name: str, row: ChannelStatistics) -> list[Check]:
        alive = _liveness(name, row)
        if alive.verdict != "pass":
            return [alive]
        found = [alive, _clipping(name, row), _plateaus(name, row)]
        if row.live >= BITS_FROM:
            found.append(_bits(name, row))
        if row.means[0] > 1:
            found += [_offset(name, row), *_levels(row)]
        return found


def _liveness(name: str, row: ChannelStatistics) -> Check:
    swing = row.highest - row.lowest
    reason = ""
    if row.highest == row.lowest == 0.0:
        reason = (
            f"{name}: every sample is exactly zero; check the cable, the channel, and that the "
            "program may use the microphone"
        )
    elif swing == 0.0:
        reason = f"{name}: stuck at {row.highest:.4g} of full scale; {_SWING.remedy}"
    return Check("swing", swing, "FS", _SWING, fault(reason), reason)


def _clipping(name: str, row: ChannelStatistics) -> Check:
    if row.full == 0 or row.unlimited:
        return Check(CLIPPING, 0.0, "samples", _CLIPPING)
    verdict: Verdict = "invalid" if row.in_a_row else "suspect"
    reason = clipping_flag(name, row.full).text
    return Check(CLIPPING, row.full, "samples", _CLIPPING, verdict, reason)


def _plateaus(name: str, row: ChannelStatistics) -> Check:
    sides = [side for side in row.plateaus if row.unlimited or side.extreme < FULL_SCALE]
    count = sum(side.count for side in sides)
    if count < PLATEAUS:
        return Check("plateaus", count, "", _PLATEAUS)
    height = max(side.extreme for side in sides if side.count)
    reason = (
        f"{name}: flat tops, {count} runs of equal samples at the extreme ({db(height):.1f} dB re "
        f"full scale); something before this input clips: {_PLATEAUS.remedy}"
    )
    return Check("plateaus", count, "", _PLATEAUS, "invalid", reason)


def _bits(name: str, row: ChannelStatistics) -> Check:
    if row.bits > BITS_LIMIT:
        return Check("bits used", row.bits, "bit", _BITS)
    reason = f"{name}: only {row.bits} bits are used; {_BITS.remedy}"
    return Check("bits used", row.bits, "bit", _BITS, "suspect", reason)


def offset(row: ChannelStatistics) -> tuple[float, float]:
    """Return the mean of a channel, and the value that it must exceed to be an offset."""
    n, total, squares = row.means
    if n < 2:
        return 0.0, 0.0
    mean = float(total / n)
    return mean, _DC_SIGMAS * float(np.sqrt(max(0.0, squares / n - mean**2) / (n - 1)))


def _offset(name: str, row: ChannelStatistics) -> Check:
    mean, error = offset(row)
    if abs(mean) <= DC_LIMIT or abs(mean) <= error:
        return Check("DC", mean, "FS", _DC)
    reason = f"{name}: DC of {mean:+.4f} of full scale, the limit is {_DC.text}; {_DC.remedy}"
    return Check("DC", mean, "FS", _DC, "suspect", reason)


def _levels(row: ChannelStatistics) -> list[Check]:
    floor = float(10.0 * np.log10(row.quietest)) if row.quietest > 0 else -np.inf
    power = row.power / row.means[0]
    level = float(10.0 * np.log10(power)) if power > 0 else -np.inf
    found = [Check("quietest 50 ms", floor, "dB re FS")]
    if np.isfinite(floor):
        found.append(Check("level above the quietest 50 ms", level - floor, "dB"))
    return found


def stream_checks(
    *,
    n_samples: int,
    fs: int,
    expected: int | None = None,
    xruns: int = 0,
    delivered_rate: float | None = None,
    missing: int | None = None,
) -> tuple[Check, ...]:
    """Return the checks of a stream's length, reports and timing.

    Parameters
    ----------
    n_samples, fs : int
        Samples that arrived and nominal sampling rate in Hz.
    expected : int, optional
        Samples that should have arrived.
    xruns : int
        Overflows and underflows that the driver reported.
    delivered_rate : float, optional
        Samples per second of wall-clock time; None if there is no clock to compare with.
    missing : int, optional
        Samples missing by the clock (:mod:`soundcal.takes.missing_time`).

    Examples
    --------
    >>> checks = stream_checks(n_samples=480000, fs=48000, delivered_rate=44100.0)
    >>> [(check.name, check.verdict) for check in checks]
    [('overflows and underflows', 'pass'), ('rate', 'invalid')]
    """
    words = counted(xruns, "overflow or underflow", "overflows or underflows")
    reason = "" if xruns == 0 else f"{words} reported by the driver"
    found = [Check(OVERFLOWS, xruns, "", _OVERFLOWS, doubt(reason), reason)]
    if expected is not None:
        short = n_samples - expected
        reason = f"{n_samples} samples arrived, {expected} were expected"
        if short < 0:
            reason += f": {-short} ({-short / fs:.2f} s) are missing"
        reason = reason if short else ""
        found.append(Check("samples", short, "", _SAMPLES, fault(reason), reason))
    if missing is not None:
        reason = f"{missing} samples ({missing / fs:.2f} s) are missing by the clock"
        reason = reason if missing else ""
        found.append(Check(MISSING, missing, "samples", _MISSING, fault(reason), reason))
    if delivered_rate is not None and n_samples >= RATE_FROM_S * fs:
        found.append(rate_check(n_samples, fs, delivered_rate))
    return tuple(found)


def rate_check(n_samples: int, fs: int, delivered_rate: float) -> Check:
    """Return the check of the sampling rate of a stream of 2 s or more."""
    elapsed = n_samples / delivered_rate
    tolerance = RATE_TOLERANCE + RATE_JITTER_S / max(elapsed, RATE_JITTER_S)
    limit = Limit(1e6 * tolerance, "±", "against the computer's clock, 0.5 % and 0.25 s of jitter")
    deviation = delivered_rate / fs - 1.0
    reason = ""
    if abs(deviation) > tolerance:
        reason = f"delivered {delivered_rate:.0f} samples per second instead of {fs}"
    return Check(RATE, 1e6 * deviation, "ppm", limit, fault(reason), reason)


def judge(
    capture: Capture,
    *,
    steady: Sequence[str] = (),
    expected: int | None = None,
    played: Samples | Played | None = None,
) -> tuple[Check, ...]:
    """Judge a whole take.

    Parameters
    ----------
    capture : Capture
        The take.
    steady : sequence of str
        Channels that carry a steady sound, such as a sound calibrator's.
    expected : int, optional
        Number of samples that should have arrived.
    played : ndarray, shape (n_outputs, n), or Played, optional
        Played samples, if the take is aligned to them.

    Examples
    --------
    >>> wave = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(48000) / 48000)
    >>> checks = judge(Capture(wave, 48000), steady=["mono"])
    >>> {check.verdict for check in checks}
    {'pass'}
    """
    signal = SignalChecks(capture.channels, capture.fs)
    signal.push(capture.samples, played)
    found = [
        *stream_checks(
            n_samples=capture.n_samples,
            fs=capture.fs,
            expected=expected,
            xruns=capture.xruns,
            delivered_rate=capture.delivered_rate,
        ),
        *signal.checks(),
    ]
    for name in steady:
        if name not in capture.channels:
            raise ParameterError(f"no channel {name!r}; there are {', '.join(capture.channels)}")
        x = capture.samples[capture.channels.index(name)]
        found += steady_sound(name, x, capture.fs)
    return tuple(found)


def refuse_invalid(take: Capture, ear: str, *, but: Sequence[str] = ()) -> tuple[Check, ...]:
    """Refuse an invalid take of a calibrator tone; return its checks.

    Parameters
    ----------
    take : Capture
        One insertion.
    ear : str
        Channel that carries the tone; a single channel carries it whatever its name. Other
        channels are not judged.
    but : sequence of str
        Names of checks that do not refuse the take.

    Raises
    ------
    SignalError
        A verdict is ``invalid``; the message gives the reasons.
    ParameterError
        The take has several channels, but none of that name.
    """
    name = ear if len(take.channels) > 1 else take.channels[0]
    checks = tuple(check for check in judge(take, steady=[name]) if check.channel in ("", name))
    refuse([check for check in checks if check.name not in but], ear)
    return checks
