"""Uncertainty of indicators from that of the responses that were undone or embedded.

The error of a response is one at every frequency, and errors of neighbouring frequencies are alike.
A level is a sum over third octaves, so its standard uncertainty is (GUM 5.2.2)

    ``u²(L) = Σ_i Σ_j w_i w_j r_ij u_i u_j``,  ``r_ij = exp(-(Δ_ij / ℓ)² / 2)``

with the share ``w_i`` of the weighted energy in band i, the distance ``Δ_ij`` of two bands in
octaves, and the distance ``ℓ`` over which the errors of the response are alike. The present levels
of all bands would rise together only for an infinite ``ℓ``.

Loudness and sharpness are no sums of band levels: curves of errors are drawn, the third-octave
levels of the whole recording shifted by each, and the spread of the stationary loudness
(ISO 532-1, 5.3) and its sharpness relative to their values taken for those over time.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from soundcal.arrays import Array, Samples
from soundcal.dsp.octave import RESPONSE_BANDS, Band, bands_between
from soundcal.dsp.spectrum import SpectrumStream
from soundcal.dsp.weighting import exact_level
from soundcal.indicators.registry import find
from soundcal.indicators.rows import TidyRow
from soundcal.indicators.zwicker.loudness import loudness_from_bands
from soundcal.indicators.zwicker.sharpness_weights import sharpness_of
from soundcal.recording import AppliedResponse
from soundcal.units import P_REF, from_db, power_db, sone_to_phon

__all__ = [
    "DRAWS",
    "ResponseUncertainty",
    "SpectrumOfChannels",
    "band_covariance",
    "channel_errors",
    "error_covariance",
    "with_responses",
]

DRAWS: Final = 400
"""Curves of errors that are drawn for loudness and sharpness."""

_SEED: Final = 532
_SEGMENT_S: Final = 0.3
_BATCH: Final = 8

_LOUDNESS: Final = slice(3, 31)
"""Bands of loudness: 25 Hz to 12.5 kHz."""

_OFFSET_LINES: Final = 2
"""Lines at and next to 0 Hz, which hold an offset."""


class SpectrumOfChannels:
    """Mean power spectra of channels that arrive in blocks.

    Parameters
    ----------
    fs : float
        Sampling rate in Hz.
    n_channels : int
        Number of channels.
    """

    def __init__(self, fs: float, n_channels: int) -> None:
        self._length = 2 ** math.ceil(math.log2(_SEGMENT_S * fs))
        self._streams = [SpectrumStream(fs, length=self._length) for _ in range(n_channels)]
        self.frequency: Array = self._streams[0].frequency
        self._power = np.zeros((n_channels, self.frequency.size))
        self._squares = np.zeros((n_channels, 1))
        self._n = 0

    def push(self, block: Samples) -> None:
        """Take the next samples in Pa, shape (n_channels, n)."""
        self._n += block.shape[1]
        self._squares += np.square(block).sum(axis=1, keepdims=True)
        self._transform(block)

    def finish(self) -> Array:
        """Return the mean power of each line in Pa², shape (n_channels, n_lines).

        Together the lines of a channel have the mean square of its samples.
        """
        self._transform(np.zeros((len(self._streams), self._length)))  # what fills no segment yet
        total = self._power.sum(axis=1, keepdims=True)
        scale = self._squares / max(1, self._n) / np.where(total > 0, total, 1.0)
        return np.asarray(self._power * scale)

    def uncertainty(
        self, errors: Mapping[str, Array], field: str
    ) -> "dict[str, ResponseUncertainty]":
        """Return the uncertainty by channel from the errors (:func:`channel_errors`)."""
        return {
            name: ResponseUncertainty(self.frequency, power, covariance, field)
            for (name, covariance), power in zip(errors.items(), self.finish(), strict=True)
        }

    def _transform(self, block: Samples) -> None:
        step = _BATCH * self._length
        for stream, power, samples in zip(self._streams, self._power, block, strict=True):
            for first in range(0, samples.size, step):
                power += stream.push(samples[first : first + step]).sum(axis=0)


def error_covariance(steps: Iterable[AppliedResponse], channel: str) -> Array:
    """Return the covariance of a channel's level errors in third octaves from 12.5 Hz, in dB².

    Parameters
    ----------
    steps : iterable of AppliedResponse
        Responses that were undone or embedded.
    channel : str
        Name of the channel.

    Returns
    -------
    ndarray, shape (n_bands, n_bands)

    Notes
    -----
    A response has one curve of errors, however often it was applied: what was embedded and undone
    again has no uncertainty. The gain of a relative response is exact at one frequency, so that the
    error in that third octave is taken from all others. Different responses are independent.
    """
    of_response: dict[str, tuple[Array, Array]] = {}
    n = len(RESPONSE_BANDS)
    for step in steps:
        bands = step.bands[channel]
        n = min(n, len(bands.frequency))
        frequency = np.array(bands.frequency)
        weights = np.eye(frequency.size)
        at = step.settings.get("fixed_at_hz")
        if at is not None:
            weights[:, np.abs(np.log(frequency / at)).argmin()] -= 1.0
        if step.direction == "undo":
            weights = -weights
        own = band_covariance(frequency, np.array(bands.u_db), bands.correlation_octaves)
        known, own = of_response.get(step.sha256, (np.zeros_like(weights), own))
        of_response[step.sha256] = known + weights, own
    total = np.zeros((n, n))
    for weights, own in of_response.values():
        total += (weights @ own @ weights.T)[:n, :n]
    return total


def channel_errors(steps: Sequence[AppliedResponse], channels: Iterable[str]) -> dict[str, Array]:
    """Return the covariance by channel (:func:`error_covariance`); empty if none is uncertain."""
    errors = {name: error_covariance(steps, name) for name in channels} if steps else {}
    return errors if any(covariance.any() for covariance in errors.values()) else {}


def band_covariance(frequency: Array, u_db: Array, correlation_octaves: float) -> Array:
    """Return the covariance of errors in bands, shape (n_bands, n_bands), in dB².

    Parameters
    ----------
    frequency, u_db : ndarray, shape (n_bands,)
        Mid-band frequencies in Hz, and the standard uncertainty in dB.
    correlation_octaves : float
        Distance in octaves over which the errors are alike; 0 for independent ones.
    """
    if correlation_octaves == 0:
        return np.diag(u_db**2)
    octaves = np.log2(frequency)
    distance = (octaves[:, np.newaxis] - octaves) / correlation_octaves
    return np.asarray(u_db[:, np.newaxis] * np.exp(-(distance**2) / 2.0) * u_db)


@dataclass(frozen=True, eq=False)
class ResponseUncertainty:
    """Standard uncertainty of one channel's indicators from its responses alone.

    Parameters
    ----------
    frequency : ndarray, shape (n_lines,)
        Frequencies of spectral lines in Hz.
    power : ndarray, shape (n_lines,)
        Mean power of the recording at them in Pa².
    covariance : ndarray, shape (n_bands, n_bands)
        Covariance of its errors (:func:`error_covariance`) in dB².
    field : str
        Sound field of loudness; the free field for one that ISO 532-1 does not have.
    """

    frequency: Array
    power: Array
    covariance: Array
    field: str = "free"

    def of_level(self, weighting: str = "A") -> float:
        """Return that of a weighted level in dB."""
        return self._of_energy(self.power * from_db(exact_level(self.frequency, weighting)) ** 2)

    def of_band(self, band: Band) -> float:
        """Return that of the level in a band in dB."""
        inside = (self.frequency >= band.lower) & (self.frequency < band.upper)
        return self._of_energy(np.where(inside, self.power, 0.0))

    @cached_property
    def of_loudness(self) -> tuple[float, float, float]:
        """That of N relative to N, of the loudness level in phon, and of S relative to S."""
        errors = np.vstack([np.zeros(len(self.covariance)), self.drawn(DRAWS)])[:, _LOUDNESS]
        own = power_db(self._in_bands(self.power)[_LOUDNESS] / P_REF**2)
        levels = np.full((DRAWS + 1, _LOUDNESS.stop - _LOUDNESS.start), -np.inf)
        levels[:, : own.size] = own + errors
        found = loudness_from_bands(levels, field=self.field if self.field == "diffuse" else "free")
        n = np.asarray(found.value)
        if not n[0] > 0:
            return 0.0, 0.0, 0.0
        s, phon = (
            np.asarray(sharpness_of(n, np.asarray(found.specific))),
            np.asarray(sone_to_phon(n)),
        )
        u_n, u_phon, u_s = (float(np.std(drawn[1:], ddof=1)) for drawn in (n, phon, s))
        return u_n / float(n[0]), u_phon, u_s / float(s[0]) if s[0] > 0 else 0.0

    def drawn(self, n: int) -> Array:
        """Return n curves of errors in third octaves in dB, shape (n, n_bands), always the same."""
        values, vectors = np.linalg.eigh(self.covariance)
        scaled = vectors * np.sqrt(np.clip(values, 0.0, None))
        independent = np.random.default_rng(_SEED).standard_normal((n, values.size))
        return np.asarray(independent @ scaled.T)

    def summary(self) -> dict[str, float]:
        """Return the uncertainty of levels in dB, and of N and S relative to them."""
        n, _, s = self.of_loudness
        return {
            "LA_db": self.of_level("A"),
            "LC_db": self.of_level("C"),
            "LZ_db": self.of_level("Z"),
            "N_relative": n,
            "S_relative": s,
        }

    def _of_energy(self, energy: Array) -> float:
        shares = self._in_bands(energy)
        total = shares.sum()
        if not total > 0:
            return 0.0
        shares = shares / total
        return math.sqrt(max(0.0, float(shares @ self.covariance @ shares)))

    def _in_bands(self, energy: Array) -> Array:
        """Sum the lines in bands; the first and the last have also what lies beyond them."""
        n = len(self.covariance)
        edges = [band.upper for band in RESPONSE_BANDS[: n - 1]]
        band = np.searchsorted(edges, self.frequency[_OFFSET_LINES:], side="right")
        return np.bincount(band, energy[_OFFSET_LINES:], n).astype(np.float64)


def with_responses(
    rows: Iterable[TidyRow],
    of_channels: Mapping[str, ResponseUncertainty],
    u_db: Mapping[str, float],
) -> list[TidyRow]:
    """Return rows of channels with the uncertainty of the responses in theirs, in squares.

    Parameters
    ----------
    rows : iterable of TidyRow
        Rows with the uncertainty of the calibration; where it is not known, it stays so.
    of_channels : mapping of str to ResponseUncertainty
        That of the responses, by channel; empty if there are none.
    u_db : mapping of str to float
        Standard uncertainty of the calibration in dB, by channel.

    Notes
    -----
    Indicators other than levels, loudness and sharpness are as uncertain as if the A-weighted level
    were raised by its uncertainty.
    """
    return [
        row
        if row.u is None or not of_channels
        else replace(row, u=_combined(row, row.u, of_channels, u_db))
        for row in rows
    ]


def _combined(
    row: TidyRow,
    u: float,
    of_channels: Mapping[str, ResponseUncertainty],
    u_db: Mapping[str, float],
) -> float:
    entry = find(row.indicator)
    # the value of both ears together has the larger factor of them
    own = [of_channels[row.channel]] if row.channel in of_channels else [*of_channels.values()]
    known = [u_db[row.channel]] if row.channel in u_db else [*u_db.values()]
    if entry.family == "bands":
        (band,) = bands_between(1 if row.indicator == "Loct" else 3, *[float(row.statistic)] * 2)
        return math.hypot(u, own[0].of_band(band))
    if entry.is_level:
        return math.hypot(u, own[0].of_level(row.indicator[1:]))
    if row.indicator in ("N", "Nst"):
        return math.hypot(u, row.value * own[0].of_loudness[0])
    if row.indicator == "LN":
        return math.hypot(u, own[0].of_loudness[1])
    if row.indicator in ("S", "Sst"):
        return math.hypot(u, row.value * own[0].of_loudness[2])
    pairs = zip(own, known, strict=True)
    return u * max(math.hypot(1.0, part.of_level() / level) for part, level in pairs if level > 0)
