"""Tonality by the method of Aures (1985), with the tonal components of Terhardt et al. (1982).

Every 0.125 s a frame of 0.25 s is transformed under a Blackman-Harris window (lines 4 Hz apart).

1. A line is the peak of a tonal component if it is at least 7 dB above the lines 24 and 36 Hz away
   on both sides (Terhardt: 25 and 37.5 Hz), between 36 Hz and 5 kHz. The component is the
   power within 24 Hz of the peak above the mean of the lines further out, which replace it in the
   noise.
2. Its level excess ΔL is its level above the masking by other components, the noise of its critical
   band and the threshold in quiet. A component that noise and threshold alone would mask is noise;
   one that is masked by other components is neither heard nor noise.
3. ``T = c · w_T^0.29 · w_Gr^0.79`` with ``w_T² = Σ (w1′ w2′ w3′)²`` over the components, where w1
   falls with the bandwidth, w2 weights the frequency and w3 grows with ΔL, and with
   ``w_Gr = 1 − N_noise / N``, the loudness without the components over the whole loudness.

The loudness is that of ISO 532-1:2017, clause 5, with the frame treated as stationary: its band
levels are the lines weighted with the squared responses of the standard's filters.

Variant
-------
The bandwidth of a component is that of the rectangle with the same second moment, minus that of the
window. The factor c gives a 1 kHz tone of 60 dB 1 t.u. (Aures' own 1.09 would give 0.986.)

Known deviations
----------------
Bands of noise wider than about 50 Hz are noise here, while Aures also treats regions narrower than
a critical band as tonal if they exceed their neighbours by 7 dB. Tones above 5 kHz are ignored.
"""

from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundcal.arrays import Array
from soundcal.dsp.weighting import section_response
from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.frames import FrameStream
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import StreamRequest, run_stream
from soundcal.indicators.zwicker.filter_bank import TABLE_A2, band_filters
from soundcal.indicators.zwicker.method import loudness_of, to_energy
from soundcal.units import P_REF

if TYPE_CHECKING:
    from soundcal.indicators.stream import Field

__all__ = [
    "MINIMUM_DURATION",
    "Components",
    "TonalityMethod",
    "find_components",
    "open_tonality_stream",
    "tonality_aures",
]

Integers = NDArray[np.int64]

STANDARD: Final = "Aures 1985 on ISO 532-1:2017"

RATE: Final = 48000
LENGTH: Final = 12000
HOP: Final = LENGTH // 2
STEP: Final = RATE / LENGTH

MINIMUM_DURATION: Final = LENGTH / RATE
"""Shortest signal in s: one frame."""

CALIBRATION: Final = 1.105464
"""Factor in t.u. that fulfils the definition."""

_BLACKMAN_HARRIS: Final = (0.35875, -0.48829, 0.14128, -0.01168)
_LAST: Final = int(5000.0 / STEP)
_FAINTEST: Final = 0.1 * P_REF**2

_LOUDNESS_EXPONENT: Final = 0.79


class _Constants(NamedTuple):
    window: Array
    """Blackman-Harris window with the sum 1."""
    noise_bandwidth: float
    """Effective bandwidth of the window in lines."""
    moment: float
    """Second moment of the window's lines, in lines²."""
    bark: Array
    """Critical-band rates of the lines in Bark."""
    bands: Array
    """Squared responses of the 28 filters at the lines, shape (28, n)."""


class Components(NamedTuple):
    """The tonal components of a frame, strongest first."""

    frequency: Array
    """Centres in Hz."""
    power: Array
    """Mean squares in Pa²."""
    width: Array
    """Bandwidths in Hz."""
    peak: Integers
    """Lines of the peaks."""
    floor: Array
    """Mean squares in Pa² per line that replace the component in the noise."""


@lru_cache(maxsize=1)
def _constants() -> _Constants:
    from soundcal.indicators.tonality.kernels import bark_of

    phase = 2.0 * np.pi * np.arange(LENGTH) / LENGTH
    window = sum(a * np.cos(k * phase) for k, a in enumerate(_BLACKMAN_HARRIS))
    window = np.asarray(window, dtype=np.float64)
    window /= window.sum()
    around = np.arange(-3, 4)
    lobe = (np.array(_BLACKMAN_HARRIS)[np.abs(around)] / np.where(around == 0, 1.0, 2.0)) ** 2
    frequency = np.arange(LENGTH // 2 + 1, dtype=np.float64) * STEP
    filters = np.delete(band_filters(), 3, axis=2)
    responses = [np.prod(section_response(cascade, frequency, RATE), axis=0) for cascade in filters]
    gains = np.array(TABLE_A2)[:, 6]
    return _Constants(
        window=window,
        noise_bandwidth=float(LENGTH * np.sum(window**2)),
        moment=float(np.sum(around**2 * lobe) / np.sum(lobe)),
        bark=np.array([bark_of(f) for f in frequency.tolist()]),
        bands=(np.abs(np.array(responses)) * gains[:, np.newaxis]) ** 2,
    )


def find_components(power: Array) -> Components:
    """Return the tonal components of a spectrum.

    Parameters
    ----------
    power : ndarray, shape (6001,)
        Mean square in Pa² per line, 4 Hz apart, under the Blackman-Harris window.
    """
    from soundcal.indicators.tonality.kernels import describe_components, find_peaks

    rows = describe_components(power, find_peaks(power, _FAINTEST, _LAST), _constants().moment)
    centre, whole, moment, peak, floor = rows.T
    width = STEP * np.sqrt(12.0 * moment)
    return Components(centre * STEP, whole, width, peak.astype(np.int64), floor)


class TonalityMethod:
    """Tonality of frames.

    Parameters
    ----------
    field : {"free", "diffuse"}
        Sound field of the loudness.
    """

    rate = RATE
    length = LENGTH
    hop = HOP
    axis = None
    fills_up = False

    def __init__(self, field: "Field" = "free") -> None:
        self._field: Field = field

    def analyse(self, frames: Array) -> tuple[Array, Array]:
        """Return the values in t.u., and an empty array: there are no specific values."""
        from soundcal.indicators.tonality.kernels import W_EXPONENT, weigh_components

        values = np.zeros(len(frames))
        heard: list[tuple[int, float]] = []
        spectra = []
        for i, power in enumerate(self.spectrum(frames)):
            noise = np.empty_like(power)
            weight = weigh_components(*find_components(power), power, _constants().bark, noise)
            if weight > 0.0:
                heard.append((i, weight))
                spectra += [power, noise]
        loudness = self._loudness(spectra)
        for (i, weight), whole, rest in zip(heard, loudness[::2], loudness[1::2], strict=True):
            by_loudness = max(1.0 - rest / whole, 0.0) if whole > 0.0 else 0.0
            values[i] = CALIBRATION * weight**W_EXPONENT * by_loudness**_LOUDNESS_EXPONENT
        return values, np.empty(0)

    def spectrum(self, frames: Array) -> Array:
        """Return the mean squares in Pa² per line, without a constant offset, shape (..., 6001)."""
        c = _constants()
        weighted = frames * c.window
        weighted -= weighted.sum(axis=-1, keepdims=True) * c.window
        parts = np.fft.rfft(weighted).view(np.float64)
        parts *= parts
        return np.asarray(2.0 / c.noise_bandwidth * (parts[..., ::2] + parts[..., 1::2]))

    def _loudness(self, spectra: list[Array]) -> list[float]:
        from soundcal.indicators.tonality.kernels import sums_of_products

        if not spectra:
            return []
        # the matrix product of numpy would start threads of its own
        mean_squares = sums_of_products(np.array(spectra), _constants().bands)
        return [loudness_of(to_energy(row), self._field)[0] for row in mean_squares]


def open_tonality_stream(request: StreamRequest) -> FrameStream:
    """Open the stage of the tonality."""
    return FrameStream(request, TonalityMethod(request.field), "T", STANDARD)


@accepts_recording
def tonality_aures(pressure: ArrayLike, fs: float, *, field: str = "free") -> IndicatorResult:
    """Tonality over time by the method of Aures (1985).

    The module's documentation names the variant and its known deviations.

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa, at least 0.25 s.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz; other rates are converted to 48 kHz.
    field : {"free", "diffuse"}
        Sound field of the loudness.

    Returns
    -------
    IndicatorResult
        ``value`` is the mean in t.u.; ``statistics`` max, mean, 5, 10, 50, 90, 95; ``series`` T(t)
        every 0.125 s, ``times`` the middles of the frames. Silence and noise have 0.

    Raises
    ------
    SignalError
        As for :func:`soundcal.dsp.signal.pressure_array`; or shorter than 0.25 s.
    ParameterError
        Unknown field or a sampling rate that cannot be converted.

    Examples
    --------
    >>> t = np.arange(48000) / 48000
    >>> tone = np.sqrt(2) * 20e-6 * 10 ** (60 / 20) * np.sin(2 * np.pi * 1000 * t)
    >>> round(tonality_aures(tone, 48000).value, 3)
    1.0
    """
    return run_stream(
        open_tonality_stream, "T", pressure, fs, field=field, minimum=MINIMUM_DURATION
    )
