"""Results of the indicators of prominent and audible tones."""

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any

import numpy as np

from soundcal.arrays import Array
from soundcal.indicators.result import PER_SIGNAL, IndicatorResult

__all__ = ["AudibilityResult", "AudibleTone", "ProminenceResult", "RatedTone", "ToneTrack"]


@dataclass(frozen=True, slots=True)
class RatedTone:
    """A tone with its ratios and verdicts by ECMA-418-1.

    Parameters
    ----------
    frequency : float
        In Hz.
    level : float
        Level of the tone in dB re 20 µPa.
    tnr : float
        Tone-to-noise ratio in dB; ``inf`` if there is no noise in the critical band.
    tnr_limit : float
        Tone-to-noise ratio in dB from which on a tone is prominent at ``rated_at``.
    pr : float
        Prominence ratio in dB; NaN if the upper band is not below half the sampling rate.
    pr_limit : float
        Prominence ratio in dB from which on a tone is prominent.
    audible : bool
        The level is not below the lower threshold of hearing.
    rated_at : float
        Frequency in Hz at which the tone-to-noise ratio was determined: that of the strongest of
        several tones that are heard as one, otherwise the tone's own.
    """

    frequency: float
    level: float
    tnr: float
    tnr_limit: float
    pr: float
    pr_limit: float
    audible: bool
    rated_at: float

    @property
    def tnr_prominent(self) -> bool:
        """True if the tone is audible and its tone-to-noise ratio reaches the limit."""
        return self.audible and self.tnr >= self.tnr_limit

    @property
    def pr_prominent(self) -> bool:
        """True if the tone is audible and its prominence ratio reaches the limit."""
        return self.audible and self.pr >= self.pr_limit


@dataclass(frozen=True, slots=True, eq=False)
class ToneTrack:
    """A tone followed from segment to segment.

    Parameters
    ----------
    times : ndarray, shape (n,)
        Middles of consecutive segments in s.
    frequency : ndarray, shape (n,)
        In Hz.
    level, tnr, pr : ndarray, shape (n,)
        As of a :class:`RatedTone`.
    audible, tnr_prominent, pr_prominent : ndarray of bool, shape (n,)
        As of a :class:`RatedTone`, in the segment.
    """

    times: Array
    frequency: Array
    level: Array
    tnr: Array
    pr: Array
    audible: Array
    tnr_prominent: Array
    pr_prominent: Array


@dataclass(frozen=True, slots=True, eq=False)
class ProminenceResult(IndicatorResult):
    """Tone-to-noise ratio or prominence ratio of one or many signals, with the tones.

    Tuples have one entry per signal, nested like the leading axes; a single signal's tuple is the
    entry itself.

    Parameters
    ----------
    tones : tuple of RatedTone, one tuple per signal
        Tones of the averaged spectrum in the order of their frequencies, prominent or not.
    tracks : tuple of ToneTrack, one tuple per signal, optional
        The tones of the segments in the order of their beginnings, prominent or not.
    prominent_share : float or ndarray, shape (leading)
        Share of the segments with a prominent tone, 0 to 1.
    frequency : ndarray, shape (n_lines,), optional
        Frequencies of the spectrum's lines in Hz.
    spectrum : ndarray, shape (leading, n_lines), optional
        Averaged spectrum: level of each line in dB re 20 µPa under the Hann window; the powers of a
        tone's lines sum to that of the tone.
    """

    tones: Any = dataclass_field(default=(), metadata=PER_SIGNAL)
    tracks: Any = dataclass_field(default=None, repr=False, metadata=PER_SIGNAL)
    prominent_share: Any = dataclass_field(default=0.0, metadata=PER_SIGNAL)
    frequency: Array | None = dataclass_field(default=None, repr=False)
    spectrum: Array | None = dataclass_field(default=None, repr=False, metadata=PER_SIGNAL)


@dataclass(frozen=True, slots=True)
class AudibleTone:
    """A tone, or several in one critical band, with its audibility in one spectrum.

    Parameters
    ----------
    time : float
        Middle of the spectrum in s; NaN if it is not known.
    frequency : float
        In Hz; of several tones, that of the most audible one.
    level : float
        Tone level in dB(A): L_T, in IEC 61400-11 L_pt.
    noise_level : float
        Mean level of the noise in a line in dB(A): L_S, in IEC 61400-11 L_pn,avg.
    masking_level : float
        Level of the noise in the critical band in dB(A): L_G, in IEC 61400-11 L_pn.
    masking_index : float
        Masking index in dB: a_v, in IEC 61400-11 L_a.
    audibility : float
        ``level − masking_level − masking_index`` in dB.
    uncertainty : float
        Uncertainty of the audibility in dB for a coverage of 90 %; NaN in IEC 61400-11.
    members : tuple of float
        Frequencies in Hz of the tones that are rated together; the tone's own if it is alone.
    """

    time: float
    frequency: float
    level: float
    noise_level: float
    masking_level: float
    masking_index: float
    audibility: float
    uncertainty: float = np.nan
    members: tuple[float, ...] = ()

    @property
    def audible(self) -> bool:
        """True if the audibility is above 0 dB."""
        return self.audibility > 0.0


@dataclass(frozen=True, slots=True, eq=False)
class AudibilityResult(IndicatorResult):
    """Tonal audibility of one or many signals or series of spectra, with the tones.

    ``series`` has the decisive audibility of each spectrum, ``times`` the spectra's middles.

    Parameters
    ----------
    tones : tuple of AudibleTone, one tuple per signal
        The tones of all spectra, and then those that are rated together, spectrum by spectrum;
        nested like :attr:`ProminenceResult.tones`.
    uncertainty : float or ndarray, shape (leading), optional
        Uncertainty of the mean audibility in dB for a coverage of 90 % (ISO/PAS 20065).
    adjustment : float or ndarray, shape (leading), optional
        Tonal adjustment K_T of ISO 1996-2:2017, Table J.1, in dB (ISO/PAS 20065).
    frequency : ndarray, shape (n_lines,), optional
        Frequencies of the spectrum's lines in Hz.
    spectrum : ndarray, shape (leading, n_lines), optional
        Averaged spectrum: A-weighted level of each line in dB re 20 µPa, as an analyser shows it:
        that of a tone on the line.
    """

    tones: Any = dataclass_field(default=(), metadata=PER_SIGNAL)
    uncertainty: Any = dataclass_field(default=None, metadata=PER_SIGNAL)
    adjustment: Any = dataclass_field(default=None, metadata=PER_SIGNAL)
    frequency: Array | None = dataclass_field(default=None, repr=False)
    spectrum: Array | None = dataclass_field(default=None, repr=False, metadata=PER_SIGNAL)
