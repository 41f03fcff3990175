"""Checks of the samples of a file, recorded by soundcal or by another program.

:class:`FileChecks` adds to :class:`~soundcal.takes.judge.SignalChecks` what matters where nobody
has watched the recording: an ear that is dead, both ears equal or inverted, zeros at the start, an
offset with its size in dB, and pressures that cannot be sound. One pass, constant memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.recording import CLIPPING, EARS, GAPS, LOSSY, Capture
from soundcal.takes.channel_statistics import ChannelStatistics
from soundcal.takes.check import Check, Limit, doubt
from soundcal.takes.judge import DC_LIMIT, SignalChecks, offset
from soundcal.takes.zeros import DROPOUTS
from soundcal.units import P_REF, STATIC_PRESSURE, db

__all__ = ["DEAD", "FileChecks", "judge_file"]

DEAD: Final = "swing"
"""Name of the check of a channel that never moves."""

_OF_A_STIMULUS: Final = (DEAD, CLIPPING, "plateaus", "DC")

_START_S: Final = 0.1
"""Exact zeros on all channels for this long (s) at the start are a doubt, as at the end."""

_DC_DB: Final = 0.1
"""Accepted share of an offset in LZeq, dB: the resolution of a sound level meter, IEC 61672-1."""

_QUIET_STEPS: Final = 8.0
"""A signal below this many quantisation steps (rms) is zero for a while by itself."""

_EQUAL: Final = Limit(0.0, "≤", "two microphones never give equal samples")
_ZEROS: Final = Limit(_START_S, "≤", "an input with noise is never exactly zero", "cut them off")
_DC: Final = Limit(_DC_DB, "≤", "resolution of a sound level meter, IEC 61672-1")
_PEAK: Final = Limit(
    float(db(STATIC_PRESSURE / P_REF)),
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
        self._signal = SignalChecks(channels, fs)
        ears = set(EARS) <= set(channels)
        self._ears = [self._channels.index(ear) for ear in EARS] if ears else []
        self._equal = self._inverted = bool(ears)
        self._zeros, self._begun = 0, False

    def push(self, samples: Samples) -> None:
        """Take the next samples, shape (n_channels, n)."""
        self._signal.push(samples)
        if self._equal or self._inverted:
            left, right = samples[self._ears]
            self._equal = self._equal and bool(np.array_equal(left, right))
            # a negative number may be rounded to another step than a positive one
            step = _step(*(self._signal.statistics[ear] for ear in EARS))
            self._inverted = self._inverted and bool(np.abs(left + right).max(initial=0.0) <= step)
        if not self._begun:
            live = np.flatnonzero(samples.any(axis=0))
            self._zeros += int(live[0]) if live.size else samples.shape[1]
            self._begun = live.size > 0

    @property
    def dead(self) -> tuple[str, ...]:
        """Channels that never move, although another one does."""
        rows = self._signal.statistics
        still = [name for name, row in rows.items() if row.lowest == row.highest]
        return tuple(still) if len(still) < len(rows) else ()

    def checks(self) -> tuple[Check, ...]:
        """Return the checks of the samples so far."""
        rows = self._signal.statistics
        found = [*self._of_signal(), *self._of_all()]
        for index, (name, row) in enumerate(rows.items()):
            if row.lowest == row.highest:
                continue
            factor = self._sensitivities[index] if self._sensitivities else None
            of_row = [_offset(name, row, factor), *_peak(name, row, factor)]
            found += [replace(check, channel=name) for check in of_row]
        return tuple(found)

    def _of_signal(self) -> Iterator[Check]:
        quiet = all(
            np.sqrt(row.power / max(row.means[0], 1.0)) < _QUIET_STEPS * _step(row)
            for row in self._signal.statistics.values()
        )
        for check in self._signal.checks():
            coarse = self._coarse and check.name == "plateaus"
            # a file of 16 bits is no fault, one channel of it may be silent, and the offset has
            # its own check here
            ours = check.name in ("DC", "bits used", DROPOUTS)
            if not (ours or coarse or (quiet and check.name == GAPS)):
                yield check

    def _of_all(self) -> Iterator[Check]:
        rows = list(self._signal.statistics.values())
        ears = [rows[index] for index in self._ears]
        if ears and min(row.highest for row in ears) > _QUIET_STEPS * _step(*ears):
            kind = "equal" if self._equal else "inverted" if self._inverted else ""
            reason = (
                f"left and right are {kind} from the first sample to the last: one signal in both "
                "channels, not two ears"
            )
            reason = reason if kind else ""
            yield Check("equal channels", float(bool(kind)), "", _EQUAL, doubt(reason), reason)
        seconds = self._zeros / self._fs if self._begun else 0.0
        reason = f"exact zeros on all channels for the first {seconds:.3f} s; {_ZEROS.remedy}"
        reason = reason if seconds >= _START_S else ""
        yield Check("zeros at the start", seconds, "s", _ZEROS, doubt(reason), reason)


def _step(*rows: ChannelStatistics) -> float:
    """Return the coarsest quantisation step of channels, at least that of 24 bits."""
    return max(2.0 ** (1 - min(row.bits, 24)) for row in rows)


def _offset(name: str, row: ChannelStatistics, factor: float | None) -> Check:
    """Return the check of an offset, with its share in LZeq and LCpeak."""
    mean, error = offset(row)
    power = row.power / max(row.means[0], 1.0)
    added = float(10.0 * np.log10(1.0 + mean**2 / power)) if power > 0 else 0.0
    peak = max(abs(row.highest - mean), abs(row.lowest - mean))
    jump = float(db((peak + abs(mean)) / peak)) if peak > 0 else 0.0
    real = abs(mean) > max(error, _step(row)) and (added > _DC_DB or abs(mean) > DC_LIMIT)
    size = "" if factor is None else f" ({float(db(abs(mean) * factor / P_REF)):.1f} dB)"
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
    level = float(db(max(row.highest, -row.lowest) * factor / P_REF))
    reason = (
        f"{name}: a peak of {level:.0f} dB cannot be sound, the limit is {_PEAK.value:.0f} dB; "
        f"{_PEAK.remedy}"
    )
    reason = reason if level > _PEAK.value else ""
    yield Check("peak", level, "dB", _PEAK, doubt(reason), reason)


def judge_file(capture: Capture, *, stimulus: bool = False) -> tuple[Check, ...]:
    """Return the checks of a whole file that was read into memory.

    Parameters
    ----------
    capture : Capture
        The file.
    stimulus : bool
        True for a file to be played: it may be silent for a while, and equal in both channels.
    """
    coarse = any(flag.kind == LOSSY for flag in capture.flags)
    checks = FileChecks(capture.channels, capture.fs, coarse=coarse)
    checks.push(capture.samples)
    found = checks.checks()
    return tuple(check for check in found if check.name in _OF_A_STIMULUS) if stimulus else found
