"""Loudness and sharpness of signals that arrive in blocks: the stages behind the functions.

Both stages convert a signal of another rate to the 48 kHz of the filter bank. The
time-varying stage gives N, LN and S from one pass; without ``keep`` its memory does not grow with
the signal: percentiles come from :class:`soundcal.dsp.distribution.Distribution`.
"""

import math
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.dsp.resample import PASS, Resampler
from soundcal.errors import ParameterError, SignalError
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.series import Series
from soundcal.indicators.stream import StreamRequest
from soundcal.indicators.zwicker.filter_bank import CENTRES, RATE, STEP, SmoothedBank, SummedBank
from soundcal.indicators.zwicker.method import (
    BARK,
    LoudnessOverTime,
    loudness_of,
    to_energy,
)
from soundcal.indicators.zwicker.sharpness_weights import (
    STANDARDS,
    SharpnessWeighting,
    sharpness_of,
)
from soundcal.indicators.zwicker.tables import RAP
from soundcal.units import P_REF, power_db, sone_to_phon

__all__ = [
    "MINIMUM_DURATION",
    "SETTLING",
    "STANDARD",
    "LoudnessStream",
    "StationaryStream",
    "band_warnings",
]


STANDARD: Final = "ISO 532-1:2017"

MINIMUM_DURATION: Final = STEP / RATE
"""Shortest signal in s of the time-varying method: one step of 2 ms."""

SETTLING: Final = 0.2
"""Time in s that the stationary method leaves out at the beginning."""

STATIONARY_MINIMUM: Final = 0.1
"""Shortest time in s over which the stationary method averages."""

_N_LOW: Final = 11
_UPPER_EDGE: Final = CENTRES[-1] * 10.0**0.05


class _Converter:
    """The signal at 48 kHz."""

    def __init__(self, fs: float) -> None:
        self._resampler = Resampler(fs, RATE) if fs != RATE else None

    def push(self, block: Array) -> Array:
        return block if self._resampler is None else self._resampler.push(block)

    def finish(self) -> Array:
        return np.empty(0) if self._resampler is None else self._resampler.finish()


def band_warnings(fs: float, loudest_low: float) -> tuple[str, ...]:
    """Return warnings about the bands.

    Parameters
    ----------
    fs : float
        Sampling rate in Hz.
    loudest_low : float
        Largest mean square in Pa² of a band up to 250 Hz.
    """
    found = []
    if fs / 2.0 * PASS < _UPPER_EDGE:
        found.append(
            f"sampling rate {fs:g} Hz: nothing above {fs / 2.0 * PASS / 1000.0:.3g} kHz was "
            f"measured, but the loudness method extends to {_UPPER_EDGE / 1000.0:.3g} kHz"
        )
    if loudest_low > P_REF**2 * 10.0 ** (RAP[-1] / 10.0):
        level = power_db(loudest_low / P_REF**2)
        found.append(
            f"a band up to 250 Hz reached {level:.1f} dB: Table A.3 of {STANDARD} ends at "
            f"{RAP[-1]:g} dB, its last row was used"
        )
    return tuple(found)


class LoudnessStream:
    """Time-varying loudness (N, LN) and sharpness (S) of one signal.

    Parameters
    ----------
    request : StreamRequest
        With ``keep``, series and specific loudness are kept.
    weighting : {"din", "aures", "bismarck"}
        Weighting of the sharpness.
    """

    def __init__(self, request: StreamRequest, weighting: SharpnessWeighting = "din") -> None:
        self._request = request
        self._weighting: SharpnessWeighting = weighting
        self._sharp = "S" in request.wanted
        self._converter = _Converter(request.fs)
        self._bank = SmoothedBank()
        self._patterns = request.keep and request.patterns and "N" in request.wanted
        self._method = LoudnessOverTime(request.field, specific=self._patterns or self._sharp)
        self._loudness = Series(keep=request.keep)
        self._sharpness = Series(keep=request.keep)
        self._specific: list[Array] = []
        self._loudest_low = 0.0

    def push(self, block: Array) -> None:
        """Take the next samples in Pa, shape (n,)."""
        self._take(self._converter.push(block))

    def _take(self, samples: Array) -> None:
        mean_square = self._bank.push(samples)
        self._loudest_low = max(self._loudest_low, float(mean_square[:, :_N_LOW].max(initial=0.0)))
        block = self._method.push(mean_square)
        self._loudness.push(block.loudness)
        if self._sharp:
            self._sharpness.push(sharpness_of(block.instant, block.specific, self._weighting))
        if self._patterns:
            self._specific.append(block.specific)

    @property
    def running(self) -> tuple[float, float]:
        """Loudness at this moment and N5 so far, in sone; NaN before the first value."""
        if self._loudness.n == 0:
            return math.nan, math.nan
        return self._loudness.last, self._loudness.exceeded(5.0)

    def finish(self) -> dict[str, IndicatorResult]:
        """Return the results of the symbols N, LN and S that are wanted.

        Raises
        ------
        SignalError
            Less than 2 ms of signal.
        """
        self._take(self._converter.finish())
        if self._loudness.n == 0:
            raise SignalError(
                f"signal too short for the loudness: at least {MINIMUM_DURATION:g} s are needed"
            )
        results = {"N": self._loudness_result}
        results |= {"LN": self._level_result, "S": self._sharpness_result}
        return {symbol: results[symbol]() for symbol in self._request.wanted}

    def _times(self) -> Array | None:
        n = self._loudness.n
        return np.arange(n) * STEP / RATE if self._request.keep else None

    def _warnings(self) -> tuple[str, ...]:
        return band_warnings(self._request.fs, self._loudest_low)

    def _loudness_result(self) -> IndicatorResult:
        found = self._loudness.statistics()
        return IndicatorResult(
            "loudness_zwtv",
            "sone",
            f"{STANDARD}, clause 6",
            found["5"],
            found,
            times=self._times(),
            series=self._loudness.series(),
            specific=np.concatenate(self._specific) if self._patterns else None,
            axis=BARK if self._patterns else None,
            field=self._request.field,
            warnings=self._warnings(),
        )

    def _level_result(self) -> IndicatorResult:
        found = {k: sone_to_phon(v) for k, v in self._loudness.statistics().items() if k != "mean"}
        series = self._loudness.series()
        return IndicatorResult(
            "loudness_level_zwtv",
            "phon",
            f"{STANDARD}, clause 6 and 5.6",
            found["5"],
            found,
            times=self._times(),
            series=None if series is None else sone_to_phon(series),
            field=self._request.field,
            warnings=self._warnings(),
        )

    def _sharpness_result(self) -> IndicatorResult:
        found = self._sharpness.statistics()
        return IndicatorResult(
            "sharpness_din_tv",
            "acum",
            f"{STANDARDS[self._weighting]} on {STANDARD}, clause 6",
            found["mean"],
            found,
            times=self._times(),
            series=self._sharpness.series(),
            field=self._request.field,
            warnings=self._warnings(),
        )


class StationaryStream:
    """Stationary loudness (Nst) and sharpness (Sst) of one signal.

    Parameters
    ----------
    request : StreamRequest
        Sampling rate, sound field and the symbols wanted.
    weighting : {"din", "aures", "bismarck"}
        Weighting of the sharpness.
    skip : float
        Time in s left out at the beginning.

    Raises
    ------
    ParameterError
        Negative or infinite ``skip``.
    """

    def __init__(
        self,
        request: StreamRequest,
        weighting: SharpnessWeighting = "din",
        skip: float = SETTLING,
    ) -> None:
        if not skip >= 0.0 or not math.isfinite(skip):
            raise ParameterError(f"skip {skip} s; 0 or more is expected")
        self._request = request
        self._weighting: SharpnessWeighting = weighting
        self._converter = _Converter(request.fs)
        self._bank = SummedBank(round(skip * RATE))

    def push(self, block: Array) -> None:
        """Take the next samples in Pa, shape (n,)."""
        self._bank.push(self._converter.push(block))

    def finish(self) -> dict[str, IndicatorResult]:
        """Return the results of the symbols Nst and Sst that are wanted.

        Raises
        ------
        SignalError
            Too short a signal.
        """
        self._bank.push(self._converter.finish())
        averaged = self._bank.n_samples - self._bank.skip
        if averaged < round(STATIONARY_MINIMUM * RATE):
            raise SignalError(
                f"signal of {self._bank.n_samples / RATE:.4g} s is too short for the stationary "
                f"loudness: {self._bank.skip / RATE + STATIONARY_MINIMUM:.4g} s are needed"
            )
        mean_square = self._bank.mean_squares()
        loudness, specific = loudness_of(to_energy(mean_square), self._request.field)
        sharpness = sharpness_of(loudness, specific, self._weighting)
        warnings = band_warnings(self._request.fs, float(mean_square[:_N_LOW].max()))
        results = {
            "Nst": IndicatorResult(
                "loudness_zwst",
                "sone",
                f"{STANDARD}, clause 5",
                loudness,
                {"eq": loudness},
                specific=specific,
                axis=BARK,
                field=self._request.field,
                warnings=warnings,
            ),
            "Sst": IndicatorResult(
                "sharpness_din_st",
                "acum",
                f"{STANDARDS[self._weighting]} on {STANDARD}, clause 5",
                sharpness,
                {"eq": sharpness},
                field=self._request.field,
                warnings=warnings,
            ),
        }
        return {symbol: results[symbol] for symbol in self._request.wanted}
