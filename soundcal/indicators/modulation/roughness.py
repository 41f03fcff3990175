"""Roughness by the model of Daniel & Weber (1997).

Frames of 200 ms under a Blackman window, half overlapping, become excitations in 47 channels
(:mod:`soundcal.indicators.modulation.excitation`). The fluctuation of each channel's rectified
excitation, weighted by its modulation frequency, over its mean is the degree of modulation m*, at
most 1. Channels whose neighbours 1 Bark away fluctuate alike contribute most: ``R′ = cal · g(z) ·
(m* · k₋ · k₊)²`` with the correlations k to both neighbours.

Variant
-------
Where the paper leaves a choice, or later implementations differ, the choices here are:

* Slopes are those of each line's own frequency and level.
* The weight of the modulation frequency is taken from five tables, as is common: three are curves
  of the paper, those of channels 6 to 15 and 21 to 25 are halfway between them. The first applies
  up to channel 5 (250 Hz) instead of channel 4: the measured curves of 125 and 250 Hz follow it
  more closely than the second. The last applies from 2 kHz up (channel 26) instead of from
  channel 42: the measured curves of 2, 4 and 8 kHz, and those of the original model, differ in
  height but hardly in shape. (From channel 42, fast modulation of 2 and 4 kHz would be too rough.)
* g(z), of which the paper prints no values, is estimated from the roughness of each carrier: it is
  the smoothest function (least sum of squared steps from Bark to Bark) with which 1 kHz has 1 asper
  and the others from 125 Hz to 8 kHz have the mean roughness of Fastl & Zwicker (2007, Fig. 11.2)
  at 20 to 160 Hz. It is close to the function of Aures (1985), with which 2 kHz is too rough and 4
  and 8 kHz are not rough enough.
* Excitations are rectified as if they were not sampled
  (:mod:`soundcal.indicators.modulation.envelopes`, within 0.0006 asper). Rectified samples of high
  carriers have aliases among their fluctuations: at 48 kHz the roughness of 4 kHz would depend on
  the carrier's phase by 2 %, that of 8 kHz by 5 %.
* A channel that does not fluctuate has no correlation with any other.
* The window itself fluctuates. Its share is divided out of m*, so the limit of 1 applies to the
  sound; and its own three lowest lines of modulation (up to 10 Hz) are left out. (With the window
  in m*, frequency modulation below 60 Hz reaches the limit too early.)
* Lines below 20 Hz are left out, and with them a constant offset.
* cal follows from the definition: a 1 kHz tone of 60 dB, fully modulated at 70 Hz, has 1 asper.
  With the window's share it would be 0.248 (0.25 in the paper).

Known deviations
----------------
Relative to the listening tests in Fig. 3 of the paper (60 dB, fully modulated, to 160 Hz) the
largest and the r.m.s. error are 0.037 and 0.023 asper at 250 Hz, 0.052 and 0.023 at 1 kHz, 0.026
and 0.010 at 4 kHz (the original 0.070/0.048, 0.106/0.067, 0.029/0.015). Relative to Fastl & Zwicker
(2007, Fig. 11.2) they are no larger than the original's at 125 Hz, 500 Hz, 2 kHz and 8 kHz.

White noise modulated at 70 Hz has 2.3 asper at 70 dB; the original is reported to give about 3.
With these excitations and correlations no choice of g(z) gives that value: a function that rises to
one maximum and falls again, and gives the seven carriers their roughness, gives the noise at most
2.38 asper. Other implementations of the published model also give 2.2 to 2.3.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array, Spectrum
from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.frames import FrameStream
from soundcal.indicators.modulation.envelopes import WEAK, precise_lines, slow_lines
from soundcal.indicators.modulation.excitation import CHANNEL_BARK, N_CHANNELS, Excitation, table
from soundcal.indicators.modulation.excitation_tables import (
    A0_ROUGHNESS,
    G_ROUGHNESS,
    H2,
    H5,
    H16,
    H21,
    H42,
)
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import StreamRequest, run_stream

if TYPE_CHECKING:
    from soundcal.indicators.stream import Field

__all__ = ["MINIMUM_DURATION", "RoughnessMethod", "open_roughness_stream", "roughness_dw"]


STANDARD: Final = "Daniel & Weber 1997, window divided out, g(z) from seven carriers"

RATE: Final = 48000
LENGTH: Final = 9600
HOP: Final = LENGTH // 2

MINIMUM_DURATION: Final = LENGTH / RATE
"""Shortest signal in s: one frame."""

CALIBRATION: Final = 0.428408
"""Factor in asper that fulfils the definition."""

_TOGETHER: Final = 8
"""Frames that are analysed at the same time."""

_WINDOW_LINES: Final = 3
_STEADY: Final = 1e-9
"""Degree of modulation below which a channel is steady: the rest is rounding."""


class _Constants(NamedTuple):
    window: Array
    """Blackman window, from samples to amplitudes."""
    ratio: float
    """Effective value of the window over its mean."""
    weights: Array
    """Weights of the modulation lines, shape (47, n)."""
    g: Array
    """Weights of the channels."""


def _modulation_weights(frequency: Array) -> Array:
    """Weights of modulation frequencies in Hz, shape (47, n); 0 for the window's own lines."""
    first = {1: H2, 6: H5, 16: H16, 21: H21, 26: H42}
    rows = np.array([table(points, frequency) for points in first.values()])
    channels = np.arange(1, N_CHANNELS + 1)
    weights = rows[np.searchsorted(list(first), channels, side="right") - 1]
    weights[:, :_WINDOW_LINES] = 0.0
    return weights


@lru_cache(maxsize=1)
def _constants() -> _Constants:
    window = np.blackman(LENGTH + 1)[:-1]
    highest = int(H42[-1][0] * LENGTH / RATE)
    number = np.arange(highest + 1)
    return _Constants(
        window=window / window.sum(),
        ratio=float(np.sqrt(np.mean(window**2)) / np.mean(window)),
        weights=_modulation_weights(number * RATE / LENGTH),
        g=np.interp(CHANNEL_BARK, np.arange(len(G_ROUGHNESS)), G_ROUGHNESS),
    )


class RoughnessMethod:
    """Roughness of frames.

    Parameters
    ----------
    field : {"free", "diffuse"}
        Sound field.
    """

    rate = RATE
    length = LENGTH
    hop = HOP
    axis = CHANNEL_BARK
    fills_up = False

    def __init__(self, field: "Field" = "free") -> None:
        self._excitation = Excitation(LENGTH, RATE, A0_ROUGHNESS, field, _TOGETHER)

    def analyse(self, frames: Array) -> tuple[Array, Array]:
        """Return the roughness in asper and the specific roughness in asper/Bark, (n, 47)."""
        parts = [frames[i : i + _TOGETHER] for i in range(0, len(frames), _TOGETHER)]
        specific = np.concatenate([self._specific(some) for some in parts])
        return 0.5 * np.array([row.sum() for row in specific]), specific

    def _specific(self, frames: Array) -> Array:
        c = _constants()
        degree = np.zeros((len(frames), N_CHANNELS))
        if any(self._excitation.take(frames * c.window)):
            n_lines = 2 * c.weights.shape[1] - 1
            lines = slow_lines(self._excitation, LENGTH, n_lines, repeated=True)
            own = lines.reshape(len(frames), N_CHANNELS, -1)
            limit = (WEAK * c.ratio * lines[:, 0].real) ** 2
            weak = np.flatnonzero(_power(own * c.weights).ravel() < limit)
            if weak.size:
                lines[weak] = precise_lines(self._excitation, weak, LENGTH, n_lines, repeated=True)
            for row, some in zip(degree, own, strict=True):
                row[:] = _modulation(some[:, 0].real, some * c.weights)
        return CALIBRATION / 0.5 * c.g * degree**2


def _power(fluctuation: Spectrum) -> Array:
    """Mean squares of fluctuations given by their lines."""
    parts = np.ascontiguousarray(fluctuation).view(np.float64)
    return np.asarray(2.0 * np.einsum("...j,...j->...", parts, parts))


def _modulation(mean: Array, fluctuation: Spectrum) -> Array:
    """Degrees of modulation times the correlations to both neighbours, shape (47,)."""
    parts = np.ascontiguousarray(fluctuation).view(np.float64)
    power = _power(fluctuation)
    power[power <= (_STEADY * mean) ** 2] = 0.0
    heard = mean > 0.0
    degree = np.zeros(N_CHANNELS)
    degree[heard] = np.sqrt(power[heard]) / mean[heard] / _constants().ratio
    common = 2.0 * np.einsum("ij,ij->i", parts[:-2], parts[2:])
    norm = np.sqrt(power[:-2] * power[2:])
    correlation = np.zeros(N_CHANNELS - 2)
    np.divide(common, norm, out=correlation, where=norm > 0.0)
    found = np.minimum(degree, 1.0)
    found[:-2] *= correlation
    found[2:] *= correlation
    return found


def open_roughness_stream(request: StreamRequest) -> FrameStream:
    """Open the stage of the roughness."""
    return FrameStream(request, RoughnessMethod(request.field), "R", STANDARD)


@accepts_recording
def roughness_dw(pressure: ArrayLike, fs: float, *, field: str = "free") -> IndicatorResult:
    """Roughness over time by the model of Daniel & Weber (1997).

    The module's documentation names the variant and its known deviations.

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa, at least 0.2 s.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz.
    field : {"free", "diffuse"}
        Sound field. The model was made for the free field; the diffuse one differs by the levels of
        ISO 532-1:2017, Table A.5.

    Returns
    -------
    IndicatorResult
        ``value`` is the mean in asper; ``statistics`` max, mean, 5, 10, 50, 90, 95; ``series`` R(t)
        every 0.1 s, ``times`` the middles of the frames; ``specific`` R′(z, t) in asper/Bark, shape
        (..., n_times, 47), at ``axis``. Silence has 0.

    Raises
    ------
    SignalError
        As for :func:`soundcal.dsp.signal.pressure_array`; or shorter than 0.2 s.
    ParameterError
        Unknown field or a sampling rate that cannot be converted.

    Examples
    --------
    >>> t = np.arange(48000) / 48000
    >>> tone = (1 + np.sin(2 * np.pi * 70 * t)) * np.sin(2 * np.pi * 1000 * t)
    >>> round(roughness_dw(0.02 * tone / np.sqrt(np.mean(tone**2)), 48000).value, 3)
    1.0
    """
    return run_stream(
        open_roughness_stream, "R", pressure, fs, field=field, minimum=MINIMUM_DURATION
    )
