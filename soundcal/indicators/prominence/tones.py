"""The tones of a spectrum and their ratios (ECMA-418-1:2024, 3rd edition).

The standard defines the ratios of a tone whose frequency is known, and leaves the search to the
user. The search here is soundcal's own:

1. A candidate is a line that no line within 7.5 % of the critical bandwidth exceeds. Its frequency
   is interpolated between the lines as for a sinusoid under the Hann window.
2. Its tone band reaches to the lowest line within those 7.5 % on each side; where that is the last
   one, to the next local minimum. The tone's power is that of the tone band above the mean of both
   edges. Strongest first; a candidate in the tone band of a stronger one is dropped.
3. It is a tone if its power is at least a quarter of ``n·Δf_c``, where ``n`` is the smaller of two
   estimates of the noise density in the critical band: what the tone leaves of the band, and 1.05
   times its median line.
4. The tone band of a tone is widened, within those 7.5 %, to hold the sidebands of a modulation:
   lines of more than 8 times the median line.
5. Edges that are sought at minima are lower than the noise. The noise in the tone band of a tone is
   therefore at least the mean of the lines beside it, 15 % of the critical bandwidth on each side
   without other tone bands.

Tones are rated strongest first, each with the tones in its critical band that are not rated yet and
are closer than the standard's proximity: they have one tone-to-noise ratio, of the sum of their
powers at the frequency of the strongest. The noise is the spectrum with the tone bands levelled to
the noise in them. Tones that are not rated, because they lie outside 89.1 Hz to 11.2 kHz or too
near to half the sampling rate, are not noise either.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.indicators.prominence import bands
from soundcal.indicators.prominence.kernels import highest_lines, tone_bands
from soundcal.indicators.prominence.result import RatedTone
from soundcal.units import P_REF, power_db

__all__ = ["COARSEST", "ToneSearch", "without_rounding_errors"]

COARSEST: Final = 2.5
"""Largest line spacing in Hz: half the tone band of a low tone has three lines."""

_TONE_BAND: Final = 0.075
"""Half of the tone band over the critical bandwidth."""

_STANDS_OUT: Final = 8.0
"""Power of a sideband over the median line of the critical band, at least."""

_ROUNDING: Final = 1e-22
"""Lines so far below the strongest one in power are rounding errors of the transform."""


def without_rounding_errors(power: Array, first: int = 0) -> Array:
    """Return a spectrum with 0 in the lines that are rounding errors of the transform.

    Lines before ``first`` are not counted as sound.
    """
    strongest = power[first:].max(initial=0.0)
    return np.where(power < _ROUNDING * strongest, 0.0, power)


def _edge(side: Array, limit: float) -> int:
    """Return the lowest line beyond the last one above a limit, counted from the peak outwards.

    Lines that rise to the end belong to something further out.
    """
    end = side.size - 1
    while end > 0 and side[end] > side[end - 1]:
        end -= 1
    last = int(np.flatnonzero(side[: end + 1] > limit).max(initial=0))
    return last + int(np.argmin(side[last : end + 1]))


@dataclass(frozen=True, slots=True)
class _Found:
    """A tone that is not rated yet."""

    frequency: float
    power: float


class ToneSearch:
    """Finds and rates the tones of spectra.

    Parameters
    ----------
    spacing : float
        Distance of the lines in Hz.
    n_lines : int
        Number of lines, from 0 Hz to half the sampling rate.
    """

    def __init__(self, spacing: float, n_lines: int) -> None:
        self._spacing = spacing
        frequency = np.arange(n_lines, dtype=np.float64) * spacing
        widths = bands.critical_bandwidth(frequency)
        lower, upper = bands.critical_band(frequency)
        self._widths: Array = widths / spacing
        self._half = np.floor(_TONE_BAND * self._widths).astype(np.int64)
        self._audio = int(20.0 / spacing)  # an offset is no sound
        first = np.maximum(np.floor(lower / spacing) + 1, self._audio)
        self._band_first = first.astype(np.int64)
        self._band_last = np.minimum(np.floor(upper / spacing), n_lines - 1).astype(np.int64)
        self._first = max(1, int(bands.critical_band(bands.LOWEST)[0] / spacing))
        self._last = min(n_lines - 2, int(bands.critical_band(bands.HIGHEST)[1] / spacing))
        self._end = frequency[-1]

    def tones(self, power: Array) -> list[RatedTone]:
        """Return the tones in the order of their frequencies.

        Parameters
        ----------
        power : ndarray, shape (n_lines,)
            Power of each line in Pa² under the Hann window.
        """
        heard = without_rounding_errors(power, self._audio)
        found, noise = self._found(heard)
        rated: list[RatedTone] = []
        waiting = [tone for tone in found if self._in_range(tone.frequency)]
        while waiting:
            strongest, *others = waiting
            lower, upper = bands.critical_band(strongest.frequency)
            distance = bands.proximity(strongest.frequency)
            group = [strongest] + [
                tone
                for tone in others
                if lower < tone.frequency <= upper
                and abs(tone.frequency - strongest.frequency) < distance
            ]
            rated += self._rated(group, heard, noise)
            waiting = [tone for tone in others if tone not in group]
        return sorted(rated, key=lambda tone: tone.frequency)

    def _found(self, power: Array) -> tuple[list[_Found], Array]:
        """Return the tones, strongest first, and the spectrum of the noise."""
        peaks = highest_lines(power, self._half, self._first, self._last)
        peaks = peaks[np.argsort(-power[peaks], kind="stable")]
        first, last, powers = tone_bands(
            power, peaks, self._half, self._band_first, self._band_last, self._widths
        )
        taken = np.zeros(power.size, dtype=np.bool_)
        tonal = np.zeros(power.size, dtype=np.bool_)
        kept: list[tuple[int, int, int]] = []
        for peak, a, b, own in zip(
            peaks.tolist(), first.tolist(), last.tolist(), powers.tolist(), strict=True
        ):
            if taken[peak]:
                continue
            if own > 0.0:
                a, b = self._with_sidebands(power, peak, a, b)
                free = np.flatnonzero(~taken[a : b + 1])
                a, b = a + int(free[0]), a + int(free[-1])
                kept.append((peak, a, b))
                tonal[a : b + 1] = True
            taken[a : b + 1] = True
        noise = power.copy()
        found = []
        for peak, a, b in kept:
            reach = 2 * int(self._half[peak])
            sides = (slice(max(0, a - reach), a), slice(b + 1, b + 1 + reach))
            beside = [power[side][~tonal[side]] for side in sides]
            density = np.mean([lines.mean() for lines in beside if lines.size] or [0.0])
            base = max((power[a] + power[b]) / 2.0, float(density))
            own = float(power[a : b + 1].sum() - base * (b + 1 - a))
            if own > 0.0:
                noise[a : b + 1] = base
                found.append(_Found(self._interpolated(power, peak), own))
        return sorted(found, key=lambda tone: -tone.power), noise

    def _with_sidebands(self, power: Array, peak: int, low: int, high: int) -> tuple[int, int]:
        """Return the tone band with the edges beyond the last lines that stand out of the noise."""
        half = int(self._half[peak])
        band = power[self._band_first[peak] : self._band_last[peak] + 1]
        limit = _STANDS_OUT * float(np.median(band))
        below = _edge(power[max(0, peak - half) : peak + 1][::-1], limit)
        above = _edge(power[peak : peak + half + 1], limit)
        return min(low, peak - below), max(high, peak + above)

    def _in_range(self, frequency: float) -> bool:
        """Return whether a tone is rated: its critical band must be part of the spectrum."""
        whole = bands.critical_band(frequency)[1] <= self._end
        return whole and bands.LOWEST <= frequency < bands.HIGHEST

    def _interpolated(self, power: Array, peak: int) -> float:
        """Return the frequency in Hz of a tone, from its highest line and that line's neighbours.

        Next to a sinusoid's highest line of the amplitude 1, ``δ`` line spacings away from it, the
        line on its side has the amplitude ``(1 + δ)/(2 − δ)``.
        """
        side = 1 if power[peak + 1] >= power[peak - 1] else -1
        ratio = float(np.sqrt(power[peak + side] / power[peak]))
        offset = min(max((2.0 * ratio - 1.0) / (ratio + 1.0), 0.0), 0.5)
        return (peak + side * offset) * self._spacing

    def _power(self, power: Array, lower: float, upper: float) -> tuple[float, float]:
        """Return power and width in Hz of the lines above ``lower`` up to ``upper`` Hz."""
        lines = power[int(lower / self._spacing) + 1 : int(upper / self._spacing) + 1]
        return float(lines.sum()), lines.size * self._spacing

    def _rated(self, group: list[_Found], power: Array, noise: Array) -> list[RatedTone]:
        """Return the tones of a group that is heard as one; its strongest is the first."""
        centre = group[0].frequency
        together = sum(tone.power for tone in group)
        around, width = self._power(noise, *bands.critical_band(centre))
        masking = around * bands.critical_bandwidth(centre) / width
        ratio = power_db(together / masking) if masking > 0.0 else np.inf
        level = power_db(together / P_REF**2)
        return [
            RatedTone(
                frequency=tone.frequency,
                level=power_db(tone.power / P_REF**2),
                tnr=float(ratio),
                tnr_limit=bands.tone_to_noise_limit(centre),
                pr=self._prominence(power, tone.frequency),
                pr_limit=bands.prominence_limit(tone.frequency),
                audible=bool(level >= bands.hearing_threshold(centre)),
                rated_at=centre,
            )
            for tone in group
        ]

    def _prominence(self, power: Array, frequency: float) -> float:
        """Return the prominence ratio in dB, or NaN if the spectrum does not reach far enough."""
        lower, upper = bands.critical_band(frequency)
        end = bands.upper_band_edge(frequency)
        if end > self._end:
            return np.nan
        middle, _ = self._power(power, lower, upper)
        below, width = self._power(power, bands.lower_band_edge(frequency), lower)
        above, _ = self._power(power, upper, end)
        if frequency <= bands.NARROWED:
            below *= 100.0 / width
        beside = (below + above) / 2.0
        return power_db(middle / beside) if beside > 0.0 else np.inf
