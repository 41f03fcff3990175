"""Equaliser: filters that undo or embed a response, in samples that arrive in blocks.

The gain of a filter is the level of the response (*embed*) or its negative (*undo*); beyond the
valid range of the response it is held. A relative response gets a gain of exactly 0 dB at the
frequency of the sound calibrator, whose tone reads afterwards what the scalar calibration says. An
absolute response is applied as it is.

Minimum phase is the default: no delay and no ringing before an onset, so levels and loudness keep
their time axis. Filters are designed for the sampling rate of the signal; nothing is resampled.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array, Samples
from soundcal.dsp.convolve import Convolver, fir_gain
from soundcal.dsp.octave import RESPONSE_BANDS
from soundcal.dsp.spectrum import SpectrumStream
from soundcal.dsp.weighting import exact_level
from soundcal.errors import ParameterError, SignalError, TargetNotReached
from soundcal.recording import (
    EQUALISED_PEAK,
    HELD,
    AppliedResponse,
    FilterBands,
    Flag,
    Recording,
)
from soundcal.response.directions import Direction, check_direction, incidence_after, point_after
from soundcal.response.doubts import response_doubts
from soundcal.response.filter_design import (
    FilterPhase,
    designed_filter,
    filter_length,
)
from soundcal.response.inversion import inversion_settings
from soundcal.response.model import Response
from soundcal.units import db, from_db

__all__ = ["Equaliser", "check_headroom", "check_peak"]

_HELD_SHARE: Final = 0.01
"""Share of the A-weighted energy beyond the range of a response that is told."""

_SEGMENT: Final = 8192

_PEAK_HZ: Final = 5000.0
_PEAK_DB: Final = 3.0
"""A gain above this beyond this frequency is told: peaks depend on the phase of the response."""

_RUN_OUT: Final = 1.0 / 6.0
_STEEPEST: Final = 12.0
"""Octaves below the range over which the slope at its edge runs out, and its limit in dB/octave."""


class Equaliser:
    """Filters that undo or embed a response; their state is carried from block to block.

    Parameters
    ----------
    response : Response
        The response.
    direction : {"undo", "embed"}
        ``undo`` leads from the target to the source point of the response, ``embed`` the other way.
    fs : float
        Sampling rate in Hz.
    channels : sequence of str
        Names of the channels, in the order of the rows of a block.
    phase : {"minimum", "linear"}
        Minimum phase has no delay. Linear phase has one, which :meth:`stream` and :meth:`apply`
        take out of a whole signal; :meth:`process` refuses it.
    taps : int, optional
        Length of the filters; the power of two that lasts at least 0.17 s if not given.
    fixed_at : float, optional
        Frequency in Hz at which the gain is exactly 0 dB: that of the sound calibrator. Only of
        relative responses; where they are normalised if not given.
    device : str
        Identity of the device that records or plays the samples; the response of another one is
        flagged.

    Attributes
    ----------
    taps : ndarray, shape (n_channels, n_taps)
        The filters.
    delay : int
        Delay in samples: 0 of minimum phase.

    Raises
    ------
    ParameterError
        No such channel, direction or phase; a frequency beyond the valid range, or for an absolute
        response; gains over a range of more than 80 dB.

    Notes
    -----
    Minimum phase comes from the cepstrum of the gain (see
    :func:`~soundcal.dsp.minimum_phase.minimum_phase_fir`). The cutting of a signal into blocks
    changes the result by the rounding of the transforms, about 1e-15 of the largest value.

    Over 1/6 octave below the valid range the slope at its lower edge runs out, which changes the
    gain held there by 1 dB at most: a corner at the edge would be rounded inside the range.

    Examples
    --------
    From the ear drum to the frontal free field, by the table of an average head:

    >>> from soundcal.response import generic_response
    >>> head = generic_response("generic-ff")
    >>> field = Equaliser(head, direction="undo", fs=48000, channels=["left", "right"])
    >>> field.gain_db([1000.0]).round(2).tolist()
    [[-2.6], [-2.6]]
    """

    def __init__(
        self,
        response: Response,
        *,
        direction: Direction,
        fs: float,
        channels: Sequence[str],
        phase: FilterPhase = "minimum",
        taps: int | None = None,
        fixed_at: float | None = None,
        device: str = "unknown",
    ) -> None:
        self.response = response
        self.device = device
        self.direction = check_direction(direction)
        self.fs = fs
        self.channels = tuple(channels)
        self.phase = phase
        self.fixed_at = _fixed_at(response, fixed_at, fs)
        length = filter_length(fs, phase, taps)
        self.delay = (length - 1) // 2 if phase == "linear" else 0
        n = len(self.channels)
        if n == 0:
            raise ParameterError("an equaliser of 0 channels; 1 or more are expected")
        # one design serves all channels of a response that serves all
        names = self.channels[:1] if response.serves_all else self.channels
        designed = np.stack([self._design(name, length) for name in names])
        self.taps: Array = np.broadcast_to(designed, (n, length))
        self._convolver = Convolver(self.taps, range(n), n)
        self.reset()

    def wanted_db(self, channel: str, frequency: ArrayLike) -> Array:
        """Return the gain in dB that the response asks for, at frequencies in Hz."""
        curve = self.response.channel(channel)
        gain = curve.level(frequency)
        if self.fixed_at is not None:
            gain = gain - curve.level(self.fixed_at)
        return gain if self.direction == "embed" else -gain

    def gain_db(self, frequency: ArrayLike) -> Array:
        """Return the gain of the filters in dB, shape (n_channels, n), at n frequencies in Hz."""
        return db(np.abs([fir_gain(taps, frequency, self.fs) for taps in self.taps]))

    def reset(self) -> None:
        """Start a new signal, with silence before it."""
        self._convolver.reset()
        self._energy = [_Energy(self.fs, self.response.valid) for _ in self.channels]

    def process(self, block: Samples) -> Samples:
        """Filter the next samples of a running signal, without delay.

        Parameters
        ----------
        block : ndarray, shape (n_channels, n)
            Next samples.

        Returns
        -------
        ndarray, shape (n_channels, n)

        Raises
        ------
        ParameterError
            The filters have linear phase, hence a delay.
        SignalError
            Another number of channels.
        """
        if self.delay:
            raise ParameterError(
                f"a filter of linear phase delays by {1e3 * self.delay / self.fs:.1f} ms; take "
                "minimum phase for a running signal"
            )
        return self._filtered(block)

    def stream(self, blocks: Iterable[Samples], *, tail: bool = False) -> Iterator[Samples]:
        """Filter a whole signal block by block, and take out the delay.

        Parameters
        ----------
        blocks : iterable of ndarray, shape (n_channels, n)
            The signal; all state before it is forgotten.
        tail : bool
            Give also what rings after the last sample, as for playing.

        Yields
        ------
        ndarray, shape (n_channels, m)
            The blocks; without the tail as many samples in sum as there were.

        Raises
        ------
        SignalError
            Another number of channels.
        """
        self.reset()
        early = self.delay
        rest = np.zeros((len(self.channels), self.taps.shape[1] - 1 if tail else self.delay))
        for block in chain(blocks, [rest]):
            filtered = self._filtered(block)
            cut = min(early, filtered.shape[1])
            early -= cut
            if filtered.shape[1] > cut:
                yield filtered[:, cut:]

    def whole(self, samples: Samples) -> Samples:
        """Filter a whole signal, with what rings after its last sample, as for playing.

        Parameters
        ----------
        samples : ndarray, shape (n_channels, n)
            The signal; all state before it is forgotten.

        Returns
        -------
        ndarray, shape (n_channels, m)
            The signal without delay, and its tail.

        Raises
        ------
        SignalError
            Another number of channels.
        """
        return np.concatenate(list(self.stream([samples], tail=True)), axis=1)

    def apply(self, recording: Recording) -> Recording:
        """Return a recording at the other end of the response.

        Parameters
        ----------
        recording : Recording
            Sound pressure with the channels of the equaliser.

        Returns
        -------
        Recording
            The same number of samples, with its new reference point, the response and its filter
            in ``equalisation``, and the flags of :meth:`flags`.

        Raises
        ------
        ParameterError
            Another sampling rate or other channels, or a point that is not an end of the response
            (see :func:`~soundcal.response.directions.point_after`).
        """
        if (recording.fs, recording.channels) != (self.fs, self.channels):
            raise ParameterError(
                f"a recording of {', '.join(recording.channels)} at {recording.fs:g} Hz; the "
                f"equaliser is for {', '.join(self.channels)} at {self.fs:g} Hz"
            )
        point = point_after(self.response, self.direction, recording.point, recording.equalisation)
        pressure = np.empty_like(recording.pressure)
        step, first = self._convolver.step, 0
        pieces = (
            recording.pressure[:, at : at + step] for at in range(0, recording.n_samples, step)
        )
        for piece in self.stream(pieces):
            pressure[:, first : first + piece.shape[1]] = piece
            first += piece.shape[1]
        return replace(
            recording,
            pressure=pressure,
            point=point,
            incidence=incidence_after(self.response, point, recording.incidence),
            equalisation=(*recording.equalisation, self.applied()),
            flags=tuple(dict.fromkeys((*recording.flags, *self.flags()))),
        )

    def applied(self) -> AppliedResponse:
        """Return what the equaliser does: response, direction, settings, and gains in bands."""
        return AppliedResponse(
            self.response.id,
            self.response.name,
            self.response.sha256,
            self.response.source_point,
            self.response.target_point,
            self.direction,
            {"phase": self.phase, "taps": self.taps.shape[1], "fixed_at_hz": self.fixed_at}
            | inversion_settings(self.response),
            {name: self._bands(i, name) for i, name in enumerate(self.channels)},
            tuple(self.response.provenance.get("of", ())),
        )

    def flags(self) -> tuple[Flag, ...]:
        """Return the reasons to doubt the samples filtered since the last reset."""
        response = self.response
        found = [*response_doubts(response, self.device, self.fs)]
        high = np.geomspace(_PEAK_HZ, max(_PEAK_HZ, self.fs / 2.0), 1000)
        for name, energy in zip(self.channels, self._energy, strict=True):
            share = energy.held_share()
            if share > _HELD_SHARE:
                low, top = response.valid
                text = (
                    f"{name}: {100 * share:.1f} % of the A-weighted energy lies outside {low:g} to "
                    f"{top:g} Hz, where {response.name} is not known and its edges are held"
                )
                found.append(Flag(HELD, text))
            gain = self.wanted_db(name, high)
            if gain.max() > _PEAK_DB:
                text = (
                    f"{name}: gain of {gain.max():.1f} dB at {high[gain.argmax()]:.0f} Hz; LCpeak "
                    f"depends on the phase of {response.name}; the filter has {self.phase} phase"
                )
                found.append(Flag(EQUALISED_PEAK, text))
        return tuple(found)

    def _design(self, name: str, length: int) -> Array:
        taps = designed_filter(
            lambda frequency: self._rounded_db(name, frequency), self.fs, length, self.phase
        )
        if self.fixed_at is not None:
            taps /= np.abs(fir_gain(taps, self.fixed_at, self.fs))
        return taps

    def _rounded_db(self, name: str, frequency: Array) -> Array:
        """Return the gain of the design: at the lower edge, the slope runs out below the range.

        A filter of finite length rounds a corner, here by 0.14 dB for a roll-off of second order
        that begins to be held at 20 Hz. Rounded below the range, 0.05 dB remain within it.
        """
        low = self.response.valid[0]
        inside = self.wanted_db(name, [low, low * 2.0**_RUN_OUT])
        slope = np.clip((inside[1] - inside[0]) / _RUN_OUT, -_STEEPEST, _STEEPEST)
        below = np.log2(np.clip(frequency / low, 2.0**-_RUN_OUT, 1.0))  # octaves, not positive
        more: Array = slope * (below + below**2 / (2.0 * _RUN_OUT))
        return self.wanted_db(name, frequency) + more

    def _filtered(self, block: Samples) -> Samples:
        if block.ndim != 2 or block.shape[0] != len(self.channels):
            raise SignalError(
                f"a block of shape {block.shape}; ({len(self.channels)}, n) is expected: "
                f"{', '.join(self.channels)}"
            )
        filtered = np.empty(block.shape)
        rows = range(len(self.channels))
        for first in range(0, block.shape[1], self._convolver.step):
            piece = slice(first, first + self._convolver.step)
            self._convolver.process(block[:, piece], rows, filtered[:, piece])
            for row, energy in zip(filtered, self._energy, strict=True):
                energy.push(row[piece])
        return filtered

    def _bands(self, row: int, name: str) -> FilterBands:
        mid = np.array([band.mid for band in RESPONSE_BANDS if band.mid < self.fs / 2.0])
        curve = self.response.channel(name)
        gain = db(np.abs(fir_gain(self.taps[row], mid, self.fs)))
        return FilterBands(
            tuple(mid.tolist()),
            tuple(gain.tolist()),
            tuple((gain - self.wanted_db(name, mid)).tolist()),
            tuple(curve.uncertainty(mid).tolist()),
            tuple(curve.degrees_of_freedom(mid).tolist()),
            curve.correlation_octaves,
        )


class _Energy:
    """A-weighted energy of a signal inside and outside a range of frequencies."""

    def __init__(self, fs: float, inside: tuple[float, float]) -> None:
        self._stream = SpectrumStream(fs, length=_SEGMENT)
        f = self._stream.frequency
        self._weights = from_db(exact_level(f)) ** 2
        self._held = (f < inside[0]) | (f > inside[1])
        self._power = np.zeros(f.size)

    def push(self, samples: Array) -> None:
        self._power += self._stream.push(samples).sum(axis=0)

    def held_share(self) -> float:
        """Return the share outside, including samples that fill no segment yet."""
        rest = copy.copy(self._stream).push(np.zeros(_SEGMENT)).sum(axis=0)
        weighted = (self._power + rest) * self._weights
        total = float(weighted.sum())
        return float(weighted[self._held].sum()) / total if total > 0 else 0.0


def check_headroom(
    equaliser: Equaliser, blocks: Iterable[Samples], *, gain_db: float = 0.0
) -> float:
    """Find the largest sample of a filtered signal before it is played.

    Parameters
    ----------
    equaliser : Equaliser
        The filters; their state is reset.
    blocks : iterable of ndarray, shape (n_channels, n)
        The whole signal.
    gain_db : float
        Gain of the playback in dB.

    Returns
    -------
    float
        Largest magnitude, tail included; 1 is full scale.

    Raises
    ------
    TargetNotReached
        It is above full scale; the message has the dB that are missing.
    """
    highest = 0.0
    for block in equaliser.stream(blocks, tail=True):
        highest = max(highest, float(np.abs(block).max()))
    equaliser.reset()
    peak = highest * from_db(gain_db)
    check_peak(peak)
    return peak


def check_peak(peak: float) -> None:
    """Refuse an equalised signal whose largest magnitude is above 1, full scale.

    Raises
    ------
    TargetNotReached
        It is; the message has the dB that are missing.
    """
    if peak > 1.0:
        raise TargetNotReached(
            f"the equalised signal reaches {peak:.3f} of full scale: {db(peak):.2f} dB of headroom "
            "are missing; lower the level, or limit the boost of the filter"
        )


def _fixed_at(response: Response, fixed_at: float | None, fs: float) -> float | None:
    """Return the frequency of a gain of 0 dB; None of an absolute response."""
    if response.kind == "absolute":
        if fixed_at is not None:
            raise ParameterError(
                f"absolute response {response.id} fixed at {fixed_at:g} Hz; its level is kept: "
                "normalise it if it is to be relative"
            )
        return None
    at = response.normalised_at if fixed_at is None else fixed_at
    low, high = response.valid
    if at is None or not low <= at <= min(high, fs / 2.0):
        raise ParameterError(
            f"gain of 0 dB at {at} Hz; a frequency of {low:g} to {min(high, fs / 2.0):g} Hz is "
            "expected"
        )
    return at
