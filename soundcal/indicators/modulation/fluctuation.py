"""Fluctuation strength by the model of Osses, García & Kohlrausch (2016).

Frames of 2 s with ramps of 50 ms, every 0.2 s, become excitations in 47 channels
(:mod:`soundcal.indicators.modulation.excitation`). The rectified excitation of each channel passes
a band-pass around 4 Hz; its output, divided by the mean, is the modulation depth m. Channels whose
neighbours 1 Bark away fluctuate alike contribute most: ``F′ = 0.498 g(z) m^1.7 |k₋ k₊|^1.7 sgn(k₋
k₊)``. Their sum is F; if it is negative, as the ramps can make it for a steady tone, F is 0.

As in the authors' implementation, a last frame filled up with silence includes the end of the
signal, and a signal shorter than 2 s has frames of its own length. A constant offset has no effect.

Known deviations
----------------
The model overrates tones modulated at 2 Hz by about a third and gives a quarter of the fluctuation
at 32 Hz; frequency modulation at 8 and 16 Hz is overrated fourfold, noise modulated at 1 Hz
underrated by half (Fastl & Zwicker 2007, Fig. 10.1). The anchor, a 1 kHz tone of 60 dB fully
modulated at 4 Hz, has a mean of 1.005 vacil over 4 s; the factor 0.498 of the publication was kept.
"""

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.long_spectrum import LongSpectrum
from soundcal.errors import SignalError
from soundcal.indicators.accepting import accepts_recording
from soundcal.indicators.frames import FrameStream
from soundcal.indicators.modulation.envelopes import WEAK, precise_lines, slow_lines
from soundcal.indicators.modulation.excitation import CHANNEL_BARK, N_CHANNELS, Excitation, table
from soundcal.indicators.modulation.excitation_tables import A0_FLUCTUATION, G_FLUCTUATION
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import StreamRequest, run_stream

if TYPE_CHECKING:
    from soundcal.indicators.stream import Field

__all__ = [
    "MINIMUM_DURATION",
    "FluctuationMethod",
    "FluctuationStream",
    "fluctuation_strength",
]


STANDARD: Final = "Osses, García & Kohlrausch 2016"

RATES: Final = (44100, 48000)
DURATION: Final = 2.0
OVERLAP: Final = 0.9

MINIMUM_DURATION: Final = 0.5
"""Shortest signal in s."""

CALIBRATION: Final = 0.498
_EXPONENT: Final = 1.7
_KNEE: Final = 0.7
_SLOPE: Final = 0.3

_RAMP: Final = 0.05
_GRAIN: Final = 100
_HIGHEST: Final = 64.0
"""Highest modulation frequency in Hz that is analysed; the band-pass leaves 0.2 % of it."""

_LOW_STOP: Final = (0.5, 17.5, 2)
_HIGH_STOP: Final = (20.0, 14.0, 4)
"""Frequency in Hz, attenuation there in dB and order of the Butterworth filters."""


class _Constants(NamedTuple):
    window: Array
    """Ramps over the number of samples."""
    filter: Spectrum
    """Response of the band-pass at the lines, half a line apart."""
    box: Spectrum
    """The same lines of a constant 1."""
    g: Array
    """Weights of the channels."""


def _ramps(length: int, rate: int) -> Array:
    window = np.ones(length)
    n = round(_RAMP * rate)
    window[:n] = 0.5 * (1.0 - np.cos(np.pi * np.arange(1, n + 1) / n))
    window[-n - 1 :] = 0.5 * (1.0 - np.cos(np.pi * np.arange(n, -1, -1) / n))
    return window


def _butterworth(stop: tuple[float, float, int]) -> tuple[float, int]:
    """Cut-off frequency in Hz and order; below the stop frequency the filter is a high-pass."""
    frequency, attenuation, order = stop
    ratio = (10.0 ** (attenuation / 10.0) - 1.0) ** (0.5 / order)
    return (frequency * ratio if stop == _LOW_STOP else frequency / ratio), order


def _band_pass(frequency: Array) -> Spectrum:
    """Response of the high-pass and the low-pass together."""
    response = np.ones(frequency.size, dtype=np.complex128)
    for stop in (_LOW_STOP, _HIGH_STOP):
        cutoff, order = _butterworth(stop)
        s = 1j * frequency / cutoff
        for k in range(order):
            pole = np.exp(1j * np.pi * (0.5 + (2 * k + 1) / (2.0 * order)))
            response *= (s if stop == _LOW_STOP else 1.0) / (s - pole)
    return response


@lru_cache(maxsize=4)
def _constants(length: int, rate: int) -> _Constants:
    step = rate / (2.0 * length)
    number = np.arange(math.ceil(_HIGHEST / step) + 1, dtype=np.float64)
    turns = number / (2.0 * length)
    box = np.ones(number.size, dtype=np.complex128)
    box[1:] = (1.0 - np.exp(-2j * np.pi * turns[1:] * length)) / (
        length * (1.0 - np.exp(-2j * np.pi * turns[1:]))
    )
    return _Constants(
        _ramps(length, rate) / length,
        _band_pass(number * step),
        box,
        table(G_FLUCTUATION, CHANNEL_BARK),
    )


class FluctuationMethod:
    """Fluctuation strength of frames.

    Parameters
    ----------
    length : int
        Samples per frame, a multiple of 100.
    rate : int
        Sampling rate in Hz.
    field : {"free", "diffuse"}
        Sound field.
    """

    axis = CHANNEL_BARK
    fills_up = True

    def __init__(self, length: int, rate: int, field: "Field" = "free") -> None:
        self.length = length
        self.rate = rate
        self.hop = length - round(OVERLAP * length)
        self._excitation = Excitation(length, rate, A0_FLUCTUATION, field)
        self._spectrum = LongSpectrum(_constants(length, rate).window)

    def analyse(self, frames: Array) -> tuple[Array, Array]:
        """Return the values in vacil and the specific values in vacil/Bark, shape (n, 47)."""
        specific = np.array([self._specific(frame) for frame in frames])
        return np.array([max(float(0.5 * row.sum()), 0.0) for row in specific]), specific

    def _specific(self, frame: Array) -> Array:
        c = _constants(self.length, self.rate)
        excitation = self._excitation
        if not excitation.take_long(frame, self._spectrum):
            return np.zeros(N_CHANNELS)
        n_lines = c.filter.size
        lines = slow_lines(excitation, self.length, n_lines)
        mean = lines[:, 0].real
        signals = _in_time(lines, c)
        depth, power, common = _depth(signals, mean)
        weak = np.flatnonzero((depth > 0.0) & (depth < WEAK))
        if weak.size:
            lines[weak] = precise_lines(excitation, weak, self.length, n_lines)
            signals[weak] = _in_time(lines[weak], c)[: weak.size]
            depth, power, common = _depth(signals, mean)
        depth = np.minimum(np.where(depth > _KNEE, _KNEE + _SLOPE * (depth - _KNEE), depth), 1.0)
        alike = _likeness(power, common)
        return CALIBRATION * c.g * depth**_EXPONENT * np.abs(alike) ** _EXPONENT * np.sign(alike)


def _in_time(lines: Spectrum, c: _Constants) -> NDArray[np.float32]:
    """Return the band-passed fluctuations of channels, from lines half a line apart.

    The first half is that during the frame. They have no mean, so the error of single precision is
    relative to the fluctuation. Rows are transformed four at a time, so empty ones are added.
    """
    from scipy.fft import irfft

    n = len(lines)
    rows = np.zeros((-(-n // 4) * 4, lines.shape[1]), dtype=np.complex64)
    rows[:n] = (lines - lines[:, :1].real * c.box) * (0.5 * c.filter)
    return np.asarray(irfft(rows, 4 * (lines.shape[1] - 1), axis=1, norm="forward"))


def _depth(signals: NDArray[np.float32], mean: Array) -> tuple[Array, Array, Array]:
    """Return the modulation depths of the channels, and what :func:`_likeness` needs."""
    from soundcal.indicators.modulation.fluctuation_kernels import mean_products

    offset, power, common = (np.empty(n) for n in (N_CHANNELS, N_CHANNELS, N_CHANNELS - 2))
    mean_products(signals, signals.shape[1] // 2, offset, power, common)
    depth = np.zeros(N_CHANNELS)
    np.divide(np.sqrt(power + offset**2), mean, out=depth, where=mean > 0.0)
    return depth, power, common


def _likeness(power: Array, common: Array) -> Array:
    """Return the products of the correlations to both neighbours 1 Bark away, shape (47,).

    ``power`` are the mean squares of the channels, ``common`` the mean products of each and the
    one 1 Bark above. Beyond the outermost channels the correlations are extrapolated linearly.
    """
    norm = np.sqrt(power[:-2] * power[2:])
    up = np.zeros(N_CHANNELS)
    np.divide(common, norm, out=up[:-2], where=norm > 0.0)
    up[-2] = 2.0 * up[-3] - up[-4]
    up[-1] = 2.0 * up[-2] - up[-3]
    down = np.empty(N_CHANNELS)
    down[2:] = up[:-2]
    down[1] = 2.0 * up[2] - up[3]
    down[0] = 2.0 * up[1] - up[2]
    return up * down


class FluctuationStream:
    """Fluctuation strength of one signal; its frame length is known after 2 s or at the end.

    Parameters
    ----------
    request : StreamRequest
        With ``keep``, series and specific values are kept.
    """

    def __init__(self, request: StreamRequest) -> None:
        self._request = request
        self._rate = RATES[1] if request.fs == RATES[1] else RATES[0]
        self._waiting: list[Array] = []
        self._n_waiting = 0
        self._frames: FrameStream | None = None

    def push(self, block: Array) -> None:
        """Take the next samples in Pa, shape (n,)."""
        if self._frames is not None:
            self._frames.push(block)
            return
        self._waiting.append(block.copy())
        self._n_waiting += block.size
        if self._n_waiting >= DURATION * self._request.fs:
            self._open(round(DURATION * self._rate))

    def _open(self, length: int) -> FrameStream:
        method = FluctuationMethod(length, self._rate, self._request.field)
        self._frames = FrameStream(self._request, method, "F", STANDARD)
        for block in self._waiting:
            self._frames.push(block)
        self._waiting = []
        return self._frames

    def finish(self) -> dict[str, IndicatorResult]:
        """Return the result by its symbol.

        Raises
        ------
        SignalError
            Less than 0.5 s of signal.
        """
        if self._frames is not None:
            return self._frames.finish()
        duration = self._n_waiting / self._request.fs
        if duration < MINIMUM_DURATION:
            raise SignalError(
                f"signal of {duration:.4g} s is too short for fluctuation_strength: at least "
                f"{MINIMUM_DURATION:g} s are needed"
            )
        length = int(duration * self._rate) // _GRAIN * _GRAIN
        (result,) = self._open(length).finish().values()
        short = (
            f"signal of {duration:.4g} s, shorter than the usual frames of 2 s: fluctuation below "
            f"{2.0 / duration:.2g} Hz is underrated"
        )
        return {"F": result.with_warnings(short)}


@accepts_recording
def fluctuation_strength(pressure: ArrayLike, fs: float, *, field: str = "free") -> IndicatorResult:
    """Fluctuation strength over time by the model of Osses, García & Kohlrausch (2016).

    The module's documentation names the known deviations.

    Parameters
    ----------
    pressure : Recording or array_like, shape (..., n_samples)
        Sound pressure in Pa, at least 0.5 s; shorter than 2 s gives a warning.
    fs : float, needed for an array
        Sampling rate in Hz, at least 8 kHz. Other rates than 44.1 and 48 kHz are converted to
        44.1 kHz.
    field : {"free", "diffuse"}
        Sound field. The model was made for the free field; the diffuse one differs by the levels of
        ISO 532-1:2017, Table A.5.

    Returns
    -------
    IndicatorResult
        ``value`` is the mean in vacil; ``statistics`` max, mean, 5, 10, 50, 90, 95; ``series`` F(t)
        every 0.2 s, ``times`` the middles of the frames; ``specific`` F′(z, t) in vacil/Bark, shape
        (..., n_times, 47), at ``axis``. Silence has 0.

    Raises
    ------
    SignalError
        As for :func:`soundcal.dsp.signal.pressure_array`; or shorter than 0.5 s.
    ParameterError
        Unknown field or a sampling rate that cannot be converted.

    Examples
    --------
    >>> t = np.arange(3 * 44100) / 44100
    >>> tone = (1 + np.cos(2 * np.pi * 4 * t)) * np.cos(2 * np.pi * 1000 * t)
    >>> round(fluctuation_strength(0.02 * tone / np.sqrt(np.mean(tone**2)), 44100).value, 1)
    1.0
    """
    return run_stream(FluctuationStream, "F", pressure, fs, field=field, minimum=MINIMUM_DURATION)
