"""Checks of the samples of a file, recorded by soundcal or by another program.

:class:`FileChecks` adds to :class:`~soundcal.takes.judge.SignalChecks` what matters where nobody
has watched the recording: an ear that is dead, one signal in two channels, zeros in single channels
and at the start, an offset with its size in dB, limited peaks that are no flat tops, a level of a
few quantisation steps, and pressures that cannot be sound. One pass, constant memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.recording import CLIPPING, EARS, FULL_SCALE, GAPS, Capture, Flag, counted, is_lossy
from soundcal.takes.channel_statistics import ChannelStatistics
from soundcal.takes.check import Check, Limit, doubt, flags_of
from soundcal.takes.judge import BITS_FROM, DC_LIMIT, SignalChecks, offset
from soundcal.takes.odd_samples import OddSamples
from soundcal.takes.one_signal import OneSignal
from soundcal.takes.zero_runs import ZeroRuns
from soundcal.takes.zeros import LONG_S, QUIET_STEPS, SHORTEST
from soundcal.units import STATIC_PRESSURE, db, pascal_to_level

__all__ = ["DEAD", "FileChecks", "judge_file", "stimulus_flags"]

DEAD: Final = "swing"
"""Name of the check of a channel that never moves."""

_OF_A_STIMULUS: Final = (DEAD, CLIPPING, "plateaus", "DC")

_SINGLE_GAP_SAMPLES: Final = 64
"""Shortest gap on a single channel; on all channels it is that of takes."""

_DC_DB: Final = 0.1
"""Accepted share of an offset in LZeq, dB: the resolution of a sound level meter, IEC 61672-1."""

_FEW_STEPS: Final = 1.9
"""Rounding changes the level of a signal of fewer steps (rms) by 0.1 dB or more: the variance of
the rounding is 1/12 of a step."""

_FEW_BITS: Final = 9.0

_SAME_DB: Final = 0.005
"""Channels that differ by less than this (dB) are called equal."""

_EQUAL: Final = Limit(0.0, "≤", "two microphones never give equal samples")
_SILENT: Final = Limit(0.0, "≤", "an input with noise is never exactly zero for long")
_LIMITED: Final = Limit(
    0.0, "≤", "sound hardly ever reaches its extreme twice", "lower the level there"
)
_STEPS: Final = Limit(_FEW_STEPS, "≥", "rounding then changes the level by less than 0.1 dB")
_BITS: Final = Limit(_FEW_BITS, "≥", "the noise of 8 bits is at −53 dB re full scale")
_ZEROS: Final = Limit(LONG_S, "≤", "an input with noise is never exactly zero", "cut them off")
_DC: Final = Limit(_DC_DB, "≤", "resolution of a sound level meter, IEC 61672-1")
_PEAK: Final = Limit(
    float(pascal_to_level(STATIC_PRESSURE)),
    "≤",
    "the peak of a sound cannot exceed the static pressure of the air",
    "the sensitivity is in pascal per full scale, not in mV/Pa or counts",
)


class FileChecks:
    """Checks of a file, block by block.

    Parameters
    ----------
    channels : sequence of str
        Names of the channels. Only ``left`` and ``right`` are compared with one another.
    fs : int
        Sampling rate in Hz.
    sensitivities : sequence of float, optional
        Pascal per full scale of each channel; without them no check is in dB.
    coarse : bool
        True for samples of a lossy coding: flat tops mean nothing then.

    Examples
    --------
    >>> checks = FileChecks(("left", "right"), 48000)
    >>> checks.push(np.random.default_rng(1).normal(0.0, 0.1, (2, 4800)) * [[1.0], [0.0]])
    >>> checks.dead
    ('right',)
    """

    def __init__(
        self,
        channels: Sequence[str],
        fs: int,
        sensitivities: Sequence[float] = (),
        *,
        coarse: bool = False,
    ) -> None:
        self._channels, self._fs, self._coarse = tuple(channels), fs, coarse
        self._sensitivities = tuple(sensitivities)
        self._signal = SignalChecks(channels, fs, zeros=False)
        self._pairs = OneSignal(len(self._channels))
        self._zeros = ZeroRuns(SHORTEST)
        self._odd = [OddSamples() for _ in self._channels]
        single = self._channels if len(self._channels) > 1 else ()
        self._single = {name: ZeroRuns(_SINGLE_GAP_SAMPLES) for name in single}
        self._n_samples = 0

    def push(self, samples: Samples) -> None:
        """Take the next samples, shape (n_channels, n)."""
        self._signal.push(samples)
        if samples.shape[1] == 0:
            return
        self._pairs.push(samples)
        self._zeros.push(samples)
        for odd, row in zip(self._odd, samples, strict=True):
            odd.push(row)
        for row, zeros in zip(samples, self._single.values(), strict=False):
            zeros.push(row[np.newaxis])
        self._n_samples += samples.shape[1]

    @property
    def dead(self) -> tuple[str, ...]:
        """Channels that never move, although another one does."""
        rows = self._signal.statistics
        still = [name for name, row in rows.items() if row.lowest == row.highest]
        return tuple(still) if len(still) < len(rows) else ()

    def checks(self) -> tuple[Check, ...]:
        """Return the checks of the samples so far."""
        rows = self._signal.statistics
        found = [*self._of_signal(), *self._one_signal(), self._start()]
        flat = {check.channel for check in found if check.name == "plateaus" and check.reason}
        for index, (name, row) in enumerate(rows.items()):
            if row.lowest == row.highest:
                continue
            factor = self._sensitivities[index] if self._sensitivities else None
            of_row = [_offset(name, row, factor), *_peak(name, row, factor)]
            of_row += [_steps(name, row), *_bits(name, row, factor)]
            of_row += self._odd[index].checks(name, row, self._fs)
            if not self._coarse and name not in flat:
                of_row.append(_limited(name, row))
            if name in self._single:
                of_row.append(self._silence(name))
            found += [replace(check, channel=name) for check in of_row]
        return tuple(found)

    def _of_signal(self) -> Iterator[Check]:
        lost = self._zeros.count or self._zeros.end
        for check in self._signal.checks():
            coarse = self._coarse and check.name == "plateaus"
            # a file of 16 bits is no fault, and the offset has its own check here
            ours = check.name in ("DC", "bits used")
            # a quiet file, or passage, of few bits is zero for a while
            if not (ours or coarse or (check.name == GAPS and not lost)):
                yield check

    def _one_signal(self) -> Iterator[Check]:
        rows = [*self._signal.statistics.values()]
        steps = [row.step for row in rows]
        alive = [_rms(row) >= QUIET_STEPS * step for row, step in zip(rows, steps, strict=True)]
        reasons = []
        for i, j, factor in self._pairs.found(steps):
            if not (alive[i] and alive[j]):
                continue
            first, second = self._channels[i], self._channels[j]
            kind = "equal" if factor > 0 else "inverted"
            if abs(db(abs(factor))) > _SAME_DB:
                kind += f" but for {db(abs(factor)):+.1f} dB"
            ears = "not two ears" if {first, second} == set(EARS) else "not two microphones"
            reasons.append(
                f"{first} and {second} are {kind} from the first sample to the last: one signal in "
                f"both channels, {ears}"
            )
        reason = "; ".join(reasons)
        yield Check("equal channels", float(len(reasons)), "", _EQUAL, doubt(reason), reason)

    def _start(self) -> Check:
        seconds = self._zeros.start / self._fs
        reason = f"exact zeros on all channels for the first {seconds:.3f} s; {_ZEROS.remedy}"
        reason = reason if seconds >= LONG_S else ""
        return Check("zeros at the start", seconds, "s", _ZEROS, doubt(reason), reason)

    def _silence(self, name: str) -> Check:
        """Return the check of zeros in one channel while others go on."""
        own, common, fs = self._single[name], self._zeros, self._fs
        found = []
        if own.start >= LONG_S * fs and own.start > common.start:
            found.append(f"for the first {own.start / fs:.3f} s")
        if own.lost > common.lost:
            places = counted(own.count, "place")
            found.append(f"in {places}, {own.lost} samples in all, first at {own.first / fs:.3f} s")
        if own.end >= LONG_S * fs and own.end > common.end:
            found.append(f"from {(self._n_samples - own.end) / fs:.3f} s to the end")
        reason = f"{name}: exact zeros {', '.join(found)}, while another channel goes on"
        reason = reason if found else ""
        return Check("zeros in one channel", len(found), "", _SILENT, doubt(reason), reason)


def _rms(row: ChannelStatistics) -> float:
    """Return the rms without frequencies below 20 Hz."""
    return float(np.sqrt(row.power / max(row.means[0], 1.0)))


def _steps(name: str, row: ChannelStatistics) -> Check:
    """Return the check of a level that is a few quantisation steps."""
    steps = _rms(row) / row.step
    reason = (
        f"{name}: the level is {steps:.1f} steps of {row.bits} bits (rms), so rounding is a large "
        "part of it; record with more gain or more bits"
    )
    reason = reason if row.means[0] > 1 and not row.finer and steps < _FEW_STEPS else ""
    return Check("level in steps", steps, "", _STEPS, doubt(reason), reason)


def _bits(name: str, row: ChannelStatistics, factor: float | None) -> Iterator[Check]:
    """Give the check of a file of 8 bits or fewer."""
    if row.live < BITS_FROM:
        return
    noise = row.step / np.sqrt(12.0)
    level = f"{db(noise):.0f} dB re full scale"
    if factor is not None:
        level = f"{pascal_to_level(noise * factor):.0f} dB"
    reason = f"{name}: only {row.bits} bits are used; their rounding noise is at {level}"
    reason = reason if row.bits < _FEW_BITS else ""
    yield Check("few bits", row.bits, "bit", _BITS, doubt(reason), reason)


def _limited(name: str, row: ChannelStatistics) -> Check:
    """Return the check of peaks that end at one value, though not in flat tops."""
    sides = [s for s in row.extremes if s.limited and (row.unlimited or s.top < FULL_SCALE)]
    count = sum(side.at_top for side in sides)
    height = max((side.top for side in sides), default=0.0)
    reason = (
        f"{name}: {count} samples at exactly the same extreme ({db(abs(height)):.1f} dB re full "
        "scale), hardly any just below; something before this input clips or limits: "
        f"{_LIMITED.remedy}"
    )
    reason = reason if sides else ""
    return Check("equal extremes", count, "samples", _LIMITED, doubt(reason), reason)


def _offset(name: str, row: ChannelStatistics, factor: float | None) -> Check:
    """Return the check of an offset, with its share in LZeq and LCpeak."""
    mean, error = offset(row)
    power = row.power / max(row.means[0], 1.0)
    added = float(10.0 * np.log10(1.0 + mean**2 / power)) if power > 0 else 0.0
    peak = max(abs(row.highest - mean), abs(row.lowest - mean))
    jump = float(db((peak + abs(mean)) / peak)) if peak > 0 else 0.0
    real = abs(mean) > max(error, row.step) and (added > _DC_DB or abs(mean) > DC_LIMIT)
    size = "" if factor is None else f" ({float(pascal_to_level(abs(mean) * factor)):.1f} dB)"
    reason = (
        f"{name}: DC of {mean:+.2g} of full scale{size} raises LZeq by {added:.1f} dB and LCpeak "
        f"by up to {jump:.1f} dB; A-weighted levels are not affected: remove the mean of the "
        "samples, or use an AC coupled input"
    )
    reason = reason if real else ""
    return Check("DC", added, "dB", _DC, doubt(reason), reason)


def _peak(name: str, row: ChannelStatistics, factor: float | None) -> Iterator[Check]:
    if factor is None:
        return
    level = float(pascal_to_level(max(row.highest, -row.lowest) * factor))
    reason = (
        f"{name}: a peak of {level:.0f} dB cannot be sound, the limit is {_PEAK.value:.0f} dB; "
        f"{_PEAK.remedy}"
    )
    reason = reason if level > _PEAK.value else ""
    yield Check("peak", level, "dB", _PEAK, doubt(reason), reason)


def judge_file(capture: Capture, sensitivities: Sequence[float] = ()) -> tuple[Check, ...]:
    """Return the checks of a whole file that was read into memory.

    Parameters
    ----------
    capture : Capture
        The file.
    sensitivities : sequence of float, optional
        Pascal per full scale of each channel; without them no check is in dB.
    """
    coarse = is_lossy(capture.flags)
    checks = FileChecks(capture.channels, capture.fs, sensitivities, coarse=coarse)
    checks.push(capture.samples)
    return checks.checks()


def stimulus_flags(capture: Capture) -> tuple[Flag, ...]:
    """Return the reasons to doubt a file that is to be played.

    It may be silent for a while, and equal in both channels.
    """
    of_samples = [check for check in judge_file(capture) if check.name in _OF_A_STIMULUS]
    return (*capture.flags, *flags_of(of_samples))
