"""Gaps of exact zeros, which audio servers insert in place of lost blocks."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Samples
from soundcal.recording import GAPS, Flag
from soundcal.takes.played import Played, remembered
from soundcal.takes.zeros import SHORTEST

__all__ = ["Gaps", "gap_flags", "with_silence_filled"]


_SILENT: Final = 1e-3
_AROUND: Final = 16


class Gaps:
    """A search for lost samples in a signal that comes in blocks: see :func:`gap_flags`.

    Examples
    --------
    >>> gaps = Gaps()
    >>> for block in ([0, 0, 1, 1], [0] * 40, [0, 1, 1]):
    ...     gaps.push(np.array([block]) * 0.1)
    >>> print(*gaps.flags(48000))
    1 gap of exact zeros on all inputs, 41 samples in all, first at 0.000 s
    """

    def __init__(self, *, sounding: bool = False) -> None:
        self.sounding = sounding
        """True if there is sound from the first sample to the last: zeros there are gaps, too."""
        self._position = 0
        self._run = 0
        self._begun = False
        self._first = 0
        self._count = 0
        self._lost = 0

    def push(self, samples: Samples | NDArray[np.bool_]) -> None:
        """Take the next samples, shape (n_channels, n), or where they are not zero."""
        n = samples.shape[1]
        places = np.flatnonzero(samples.any(axis=0))
        if places.size == 0:
            self._run += n
        else:
            if self._begun or self.sounding:
                self._note(np.array([self._run + places[0]]), places[:1])
            self._note(np.diff(places) - 1, places[1:])
            self._begun = True
            self._run = n - 1 - int(places[-1])
        self._position += n

    def _note(self, lengths: NDArray[np.intp], ends: NDArray[np.intp]) -> None:
        found = np.flatnonzero(lengths >= SHORTEST)
        if found.size and self._count == 0:
            self._first = self._position + int(ends[found[0]] - lengths[found[0]])
        self._count += found.size
        self._lost += int(lengths[found].sum())

    @property
    def lost(self) -> int:
        """Samples in all gaps so far."""
        return self._lost

    @property
    def silent(self) -> int:
        """Zeros at the end so far, if sound came before them; they do not count as a gap yet."""
        return self._run if self._begun or self.sounding else 0

    def flags(self, fs: int, where: str = "all inputs") -> tuple[Flag, ...]:
        """Return the flag of the gaps so far, if there are any."""
        if self._count == 0:
            return ()
        gaps = "1 gap" if self._count == 1 else f"{self._count} gaps"
        text = (
            f"{gaps} of exact zeros on {where}, {self._lost} samples in all, "
            f"first at {self._first / fs:.3f} s"
        )
        return (Flag(GAPS, text),)


def with_silence_filled(samples: Samples, played: Played) -> NDArray[np.bool_]:
    """Return a row that is false only where the samples are zero although sound was played.

    Sound 60 dB below the loudest sample counts as silence: it may be less than one step of the
    converter.
    """
    n = min(samples.shape[1], played.samples.shape[-1])
    filled = np.ones((1, samples.shape[1]), dtype=np.bool_)
    filled[0, :n] = (samples[:, :n] != 0.0).any(axis=0) | _silent(played.beginning(n))
    return filled


@remembered
def _silent(played: Played) -> NDArray[np.bool_]:
    """Return where nothing is heard of what was played, shape (n,)."""
    from scipy.ndimage import maximum_filter1d

    loudness = np.abs(np.atleast_2d(played.samples)).max(axis=0)
    # a wave is not silent where it passes through zero
    around = maximum_filter1d(loudness, 2 * _AROUND + 1) if loudness.size else loudness
    silent: NDArray[np.bool_] = around <= _SILENT * loudness.max(initial=0.0)
    return silent


def gap_flags(samples: Samples, fs: int, played: Samples | None = None) -> tuple[Flag, ...]:
    """Return a flag if all inputs fall silent together and come back: samples were lost.

    Audio servers insert exact zeros in place of lost blocks, often without a report; the noise of
    an analogue input is never exactly zero on all channels for long. If the played samples are
    known, only gaps during sound count, because a digital path may be silent; those at the start
    count, too.

    Parameters
    ----------
    samples : ndarray, shape (n_channels, n)
        Recorded samples.
    fs : int
        Sampling rate in Hz.
    played : ndarray, shape (n_outputs, m), optional
        Samples that were played, aligned to the recorded ones.

    Examples
    --------
    >>> samples = np.full((2, 480), 0.1)
    >>> samples[:, 100:164] = 0.0
    >>> print(*gap_flags(samples, 48000))
    1 gap of exact zeros on all inputs, 64 samples in all, first at 0.002 s
    """
    gaps = Gaps(sounding=played is not None)
    gaps.push(samples if played is None else with_silence_filled(samples, Played(played)))
    return gaps.flags(fs)
