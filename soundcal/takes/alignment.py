"""Measured delay between output and input, from a marker played before the samples.

The delay of a soundcard differs from the one it reports, and it changes each time a stream starts.
It is therefore measured in every take. The samples themselves cannot serve for this: a sine wave
correlates with itself after every period, and silence with nothing. So the drivers put a *marker*,
a fixed burst of noise, in front of the samples and remove it afterwards::

    | lead-in | marker | gap | samples | tail |
                                ^ arrives at lead + marker + gap + delay

The marker is found by the normalised cross-correlation of Lewis (Fast normalized cross-correlation,
Vision Interface 1995), restricted to one dimension: the correlation of the marker with each piece
of the take, divided by the energies of both. Its value lies between -1 and 1 and does not depend on
the gain of the chain, so samples 40 dB louder than the marker do not hide it. A marker of N samples
gives values of about ``1/sqrt(N)`` for everything that is not the marker (0.016 here), and
``sqrt(r / (1 + r))`` for the marker in noise at a signal-to-noise ratio ``r``.

Where a marker must not be heard, the samples themselves have to serve, as far as they can
(``frame(…, marked=False)``). The burst is then the loudest part of the samples, and both it and the
take are differentiated none, one or two times, whichever makes the delay stand out most: low
frequencies, which look alike after every period, weigh less. A tone remains without a delay.

The delay is the lag of the largest magnitude, that is, the main peak of the path's impulse response
(as ISO 18233:2006 uses it). If no lag stands out, the take has no delay and a flag gives the
reason: soundcal does not guess.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Samples
from soundcal.errors import ParameterError, SignalError
from soundcal.recording import DELAY_NOT_MEASURED, Flag

__all__ = ["Bursts", "Delay", "Frame", "bursts_for", "find_each", "find_marker", "frame", "marker"]


MARKER_S: Final = 4096 / 48000
"""Length of the marker in s: 36 dB of processing gain at 48 kHz, short compared with any stimulus.
"""

MARKER_RMS_DB: Final = -40.0
"""RMS level of the marker, dB re full scale: a moderate 60 to 80 dB SPL in usual headphone chains.
"""

LEAD_S: Final = 0.02
GAP_S: Final = 0.1
"""Silence between marker and samples, s: the decay of filters and of measuring rooms is over."""

MAX_DELAY_S: Final = 1.0
"""Greatest delay that is allowed for, s; recording goes on for as long."""

CLEAR: Final = 0.15
"""Smallest correlation at which a marker counts as found: 9 sigma of chance, -16 dB SNR."""

RUNNER_UP: Final = 0.8
"""Largest correlation elsewhere, relative to the peak, that leaves the peak unambiguous."""

_BURST_S: Final = 2.0
"""Length of the part of the samples that is searched for where there is no marker, s."""

_ORDERS: Final = (2, 1, 0)
"""Times that samples are differentiated before they are compared without a marker."""

_NEAR_S: Final = 0.002  # within this of the peak, main lobe and early decay are not "elsewhere"
_SEED: Final = 20051


@lru_cache(maxsize=8)
def marker(fs: int) -> Samples:
    """Return the marker for a sampling rate: fixed Gaussian noise, shape (n,), read-only."""
    noise = np.random.default_rng(_SEED).standard_normal(max(512, round(MARKER_S * fs)))
    noise = np.clip(noise, -3.0, 3.0)
    noise -= noise.mean()
    noise *= 10.0 ** (MARKER_RMS_DB / 20.0) / np.sqrt(np.mean(noise**2))
    noise.flags.writeable = False
    return noise


@dataclass(frozen=True, slots=True)
class Delay:
    """Result of the search for the marker.

    Parameters
    ----------
    lag : int
        Delay in samples of the largest correlation.
    correlation : float
        Normalised correlation there, magnitude, 0 to 1.
    runner_up : float
        Largest magnitude elsewhere (more than 2 ms away).
    channel : int
        Row of the take in which the marker was clearest.
    """

    lag: int
    correlation: float
    runner_up: float
    channel: int

    @property
    def ambiguity(self) -> float:
        """Largest correlation elsewhere, relative to the peak."""
        return self.runner_up / self.correlation if self.correlation > 0 else 1.0

    @property
    def clear(self) -> bool:
        """True if the delay may be used."""
        return self.correlation >= CLEAR and self.runner_up <= RUNNER_UP * self.correlation

    @property
    def complaint(self) -> str:
        """The reason why the delay may not be used; "" if it may."""
        if self.clear:
            return ""
        if self.correlation < CLEAR:
            return (
                f"delay not measured: correlation of the marker {self.correlation:.3f}, at least "
                f"{CLEAR} needed; is the output connected to the input, and the level above the "
                "noise?"
            )
        return (
            f"delay not measured: the marker occurs twice (correlations {self.correlation:.3f} and "
            f"{self.runner_up:.3f}); look for an echo, a monitor path or a second playback"
        )


@dataclass(frozen=True, slots=True)
class Frame:
    """Samples to be played, preceded by the marker.

    Parameters
    ----------
    samples : ndarray, shape (n_channels, n)
        Lead-in, marker, gap, the samples, silence for tail and delay.
    fs : int
        Sampling rate in Hz.
    start : int
        Position of the first of the samples.
    n_wanted : int
        Samples of the aligned capture.
    max_delay : int
        Greatest delay in samples that can be found.
    n_played : int
        Samples that are played, the tail not included.
    marked : bool
        False without the marker: zeros, or nothing, stand in its place.
    """

    samples: Samples
    fs: int
    start: int
    n_wanted: int
    max_delay: int
    n_played: int
    marked: bool = True

    def ended(self, position: int) -> "Frame":
        """Return the frame whose playback ended early, at a position in it; without a tail."""
        n = min(max(0, position - self.start), self.n_played)
        end = self.start + n + self.max_delay
        return replace(self, samples=self.samples[:, :end], n_wanted=n, n_played=n)

    def align(self, take: Samples) -> tuple[Samples, int | None, tuple[Flag, ...]]:
        """Cut the aligned segment out of the take recorded while the frame was played.

        Parameters
        ----------
        take : ndarray, shape (n_inputs, n)
            At least as many samples as the frame has.

        Returns
        -------
        segment : ndarray, shape (n_inputs, n_wanted)
            Aligned; if the delay could not be measured, cut as if it were zero.
        delay : int or None
            Delay in samples.
        flags : tuple of Flag
            The reason why there is no delay.

        Raises
        ------
        SignalError
            The take is shorter than the frame.
        """
        if self.n_wanted == 0:  # stopped before the first sample, maybe within the marker
            return take[:, :0], None, ()
        if take.shape[1] < self.samples.shape[1]:
            raise SignalError(
                f"take of {take.shape[1]} samples for a frame of {self.samples.shape[1]}: "
                "samples were lost; repeat the take"
            )
        found = self._found(take)
        delay = found.lag if found is not None and found.clear else None
        first = self.start + (delay or 0)
        complaint = found.complaint if self.marked and found is not None else _unmarked(found)
        flags = (Flag(DELAY_NOT_MEASURED, complaint),) if complaint else ()
        return take[:, first : first + self.n_wanted], delay, flags

    def _found(self, take: Samples) -> Delay | None:
        """Return the delay of a take; None if only silence was played."""
        if self.marked:
            lead = round(LEAD_S * self.fs)
            return find_marker(take[:, lead:], marker(self.fs), max_delay=self.max_delay)
        played = self.samples[:, self.start : self.start + self.n_played]
        take = take[:, self.start :]
        found = [_by_samples(take, played, order, self) for order in _ORDERS]
        clearest = [delay for delay in found if delay is not None]
        return min(clearest, key=lambda delay: (not delay.clear, delay.ambiguity), default=None)


def _by_samples(take: Samples, played: Samples, order: int, of: Frame) -> Delay | None:
    """Return the delay of the loudest part of the samples, differentiated some times."""
    played, take = np.diff(played, n=order, axis=1), np.diff(take, n=order, axis=1)
    size = min(round(_BURST_S * of.fs), played.shape[1])
    if size < 1:
        return None
    sums = np.zeros(played.shape[1] + 1)
    np.cumsum((played**2).sum(axis=0), out=sums[1:])
    first = int(np.argmax(sums[size:] - sums[:-size]))
    heard = take[:, first : first + size + of.max_delay]
    bursts = [row for row in played[:, first : first + size] if row.any()]
    found = [find_marker(heard, burst, max_delay=of.max_delay) for burst in bursts]
    return max(found, key=lambda delay: delay.correlation, default=None)


def _unmarked(found: Delay | None) -> str:
    """Return the reason why the samples themselves do not show the delay; "" if they do."""
    if found is None:
        return "delay not measured: only silence was played"
    if found.clear:
        return ""
    if found.correlation < CLEAR:
        return (
            f"delay not measured: correlation of what was played {found.correlation:.3f}, at least "
            f"{CLEAR} needed; is the output connected to the input, and the level above the noise?"
        )
    return (
        "delay not measured: what was played resembles itself at another time (correlations "
        f"{found.correlation:.3f} and {found.runner_up:.3f}), as a tone does, or was heard twice"
    )


def frame(
    samples: Samples,
    fs: int,
    *,
    tail: float = 0.0,
    max_delay: float = MAX_DELAY_S,
    marked: bool = True,
) -> Frame:
    """Put the marker before samples.

    Parameters
    ----------
    samples : ndarray, shape (n_channels, n)
        Samples to be played; the marker goes to all of their channels.
    fs : int
        Sampling rate in Hz.
    tail : float
        Time in s to record after the last sample.
    max_delay : float
        Greatest delay in s to allow for.
    marked : bool
        False: nothing is put before the samples.

    Examples
    --------
    >>> played = frame(np.zeros((2, 480)), 48000, tail=0.01, max_delay=0.5)
    >>> played.n_wanted, played.max_delay
    (960, 24000)

    Raises
    ------
    ParameterError
        Negative tail or no time for a delay.
    """
    if not (tail >= 0 and np.isfinite(tail)):
        raise ParameterError(f"tail of {tail} s: 0 or more is expected")
    if not 0 < max_delay <= 10:
        raise ParameterError(f"greatest delay {max_delay} s: above 0 and up to 10 s is expected")
    sync = marker(fs) if marked else np.zeros(0)
    lead, gap = (round(LEAD_S * fs), round(GAP_S * fs)) if marked else (0, 0)
    start, delay = lead + sync.size + gap, round(max_delay * fs)
    n = samples.shape[1]
    n_wanted = n + round(tail * fs)
    played = np.zeros((samples.shape[0], start + n_wanted + delay))
    played[:, lead : lead + sync.size] = sync
    played[:, start : start + n] = samples
    return Frame(played, fs, start, n_wanted, delay, n, marked)


def find_marker(take: Samples, sync: Samples, *, max_delay: int) -> Delay:
    """Find a known burst in a take.

    Parameters
    ----------
    take : ndarray, shape (n_channels, n)
        Recorded samples; the lag counts from the first of them.
    sync : ndarray, shape (m,)
        The burst as it was played.
    max_delay : int
        Greatest lag in samples that is searched.

    Returns
    -------
    Delay
        Result for the channel with the largest correlation.

    Raises
    ------
    SignalError
        The take is shorter than the burst.
    """
    n_lags = min(max_delay, take.shape[1] - sync.size) + 1
    if n_lags < 1:
        raise SignalError(f"take of {take.shape[1]} samples; the marker alone has {sync.size}")
    heard = take[:, : n_lags + sync.size - 1]
    correlation = _correlations(heard, bursts_for(sync[np.newaxis], heard.shape[1]))
    channel = int(np.argmax(correlation.max(axis=1)))
    return _peak(correlation[channel], channel, sync.size)


@dataclass(frozen=True, slots=True)
class Bursts:
    """Known bursts, ready to be found in pieces of some length: see :func:`bursts_for`."""

    size: int
    spectrum: NDArray[np.complex128]
    energy: Samples


def bursts_for(syncs: Samples, n: int) -> Bursts:
    """Prepare bursts, shape (k, m), to be found in pieces of ``n`` samples."""
    from scipy.fft import next_fast_len, rfft

    # a circular correlation: at these lags the burst does not reach beyond the piece
    length = next_fast_len(n, real=True)
    own = np.sum(syncs**2, axis=1, keepdims=True)
    return Bursts(syncs.shape[1], np.conj(rfft(syncs, length, axis=1)), own)


def find_each(pieces: Samples, known: Bursts) -> list[Delay]:
    """Find a burst of its own in each of several pieces, as :func:`find_marker` finds one.

    Parameters
    ----------
    pieces : ndarray, shape (k, n)
        Recorded samples; all lags at which a burst lies within its piece are searched.
    known : Bursts
        The k bursts as they were played, for pieces of n samples.
    """
    rows = _correlations(pieces, known)
    return [_peak(row, number, known.size) for number, row in enumerate(rows)]


def _correlations(pieces: Samples, known: Bursts) -> Samples:
    """Return the magnitude of the normalised correlation at every lag, shape (k, n - m + 1)."""
    from scipy.fft import irfft, next_fast_len, rfft

    size, n_lags = known.size, pieces.shape[1] - known.size + 1
    length = next_fast_len(pieces.shape[1], real=True)
    spectrum = rfft(pieces, length, axis=1)
    spectrum *= known.spectrum
    product = irfft(spectrum, length, axis=1)[:, :n_lags]
    power = np.zeros((pieces.shape[0], pieces.shape[1] + 1))
    np.cumsum(pieces**2, axis=1, out=power[:, 1:])
    energy = power[:, size:] - power[:, :-size]
    # silence correlates with nothing; the floor lies 120 dB below the loudest piece
    floor = np.maximum(energy.max(axis=1, keepdims=True) * 1e-12, np.finfo(np.float64).tiny)
    found: Samples = np.abs(product) / np.sqrt(np.maximum(energy, floor) * known.energy)
    return found


def _peak(row: Samples, channel: int, size: int) -> Delay:
    """Return the lag of the largest correlation, and the largest elsewhere."""
    lag = int(np.argmax(row))
    near = max(1, round(_NEAR_S * size / MARKER_S))
    before, after = row[: max(0, lag - near)], row[lag + near + 1 :]
    runner_up = max(float(before.max(initial=0.0)), float(after.max(initial=0.0)))
    return Delay(lag, float(row[lag]), runner_up, channel)
