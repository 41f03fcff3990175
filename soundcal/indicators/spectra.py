"""Power spectral density and spectrogram of sound pressure (Welch 1967).

P. D. Welch, "The use of fast Fourier transform for the estimation of power spectra", IEEE Trans.
Audio Electroacoust. 15 (1967) 70-73: segments with a Hann window are transformed, and their power
is averaged. :mod:`soundcal.dsp.spectrum` states how the lines are scaled. The weightings are the
exact curves of IEC 61672-1:2013 (B: IEC 60651:1979) at the frequency of each line.
"""

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.dsp.signal import pressure_array
from soundcal.dsp.spectrum import NOISE_BANDWIDTH, SpectrumStream
from soundcal.dsp.weighting import check_weighting, exact_level
from soundcal.errors import ParameterError, SignalError
from soundcal.indicators.accepting import pressure_and_rate
from soundcal.plain import plain
from soundcal.recording import Recording, channel_names, counted
from soundcal.units import P_REF, from_db, power_db

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "DENSITY_UNIT",
    "LEVEL_UNIT",
    "DensityStream",
    "SpectralDensity",
    "power_spectral_density",
    "spectrogram",
]

DENSITY_UNIT: Final = "Pa²/Hz"
LEVEL_UNIT: Final = "dB re (20 µPa)²/Hz"

RESOLUTION: Final = 1.0
"""Default distance of the lines of a power spectral density in Hz."""

RESOLUTION_OVER_TIME: Final = 20.0
"""The same of a spectrogram."""

MOST_COLUMNS: Final = 1000
"""Largest number of columns of a spectrogram, unless another one is asked for."""

RANGE_DB: Final = 80.0
"""Range of levels in the figure of a spectrogram."""

_BLOCK: Final = 1 << 18
"""Samples per channel that are transformed at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class SpectralDensity:
    """Power spectral density of one or several channels, as an average or over time.

    :func:`soundcal.plot` draws it. ``leading`` denotes the shape of the input without its last
    axis: () for one signal, (2,) for both ears.

    Parameters
    ----------
    frequency : ndarray, shape (n_lines,)
        Frequencies of the lines in Hz, from 0 to half the sampling rate.
    density : ndarray, shape (leading, [n_times,] n_lines)
        Power spectral density in Pa²/Hz, one-sided: its integral over the frequency is the mean
        square of the pressure.
    fs : float
        Sampling rate in Hz.
    length : int
        Samples per segment, which has a Hann window.
    hop : int
        Samples from one segment to the next.
    averages : int
        Number of segments whose power is averaged; in a spectrogram, per column.
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting of the density; Z is none.
    channels : tuple of str
        Names of the channels.
    times : ndarray, shape (n_times,), optional
        Middles of a spectrogram's columns in s; None in an average.
    range_db : float
        Range of levels that the figure of a spectrogram shows, down from the highest.
    warnings : tuple of str
        Flags of the recording.
    """

    frequency: Array
    density: Array
    fs: float
    length: int
    hop: int
    averages: int
    weighting: str
    channels: tuple[str, ...]
    times: Array | None = None
    range_db: float = RANGE_DB
    warnings: tuple[str, ...] = ()

    @property
    def window(self) -> str:
        """Window of the segments."""
        return "Hann"

    @property
    def level(self) -> Array:
        """Level of the density in dB re (20 µPa)²/Hz, of the shape of the density."""
        return power_db(self.density / P_REF**2)

    @property
    def total_level(self) -> Any:
        """Level of all lines together in dB re 20 µPa, shape (leading, [n_times])."""
        return power_db(self.density.sum(axis=-1) * self.resolution / P_REF**2)

    @property
    def resolution(self) -> float:
        """Distance of the lines in Hz."""
        return self.fs / self.length

    @property
    def noise_bandwidth(self) -> float:
        """Effective noise bandwidth of a line in Hz: 1.5 distances of the lines."""
        return NOISE_BANDWIDTH * self.resolution

    @property
    def settings(self) -> str:
        """Window, resolution, averages and weighting in words, for captions."""
        segments = f"{counted(self.averages, 'segment')} of {self.length / self.fs:.4g} s"
        if self.times is not None:
            segments += " per column"
        overlap = 100.0 * (1.0 - self.hop / self.length)
        return (
            f"{segments}, {self.window} window, {overlap:.0f} % overlap; "
            f"lines {self.resolution:.4g} Hz apart, noise bandwidth {self.noise_bandwidth:.4g} Hz; "
            f"weighting {self.weighting}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as lists, numbers and strings, ready for JSON; nothing is rounded.

        The level of a density of 0 is None.
        """
        own = {entry.name: plain(getattr(self, entry.name)) for entry in fields(self)}
        arrays = {name: own.pop(name) for name in ("times", "frequency", "density")}
        return {
            "unit": DENSITY_UNIT,
            "level_unit": LEVEL_UNIT,
            "window": self.window,
            "resolution": self.resolution,
            "noise_bandwidth": self.noise_bandwidth,
            **own,
            **arrays,
            "level": plain(self.level),
        }

    def to_frame(self) -> "pd.DataFrame":
        """Return one row per channel, column of a spectrogram, and line.

        Columns: ``channel``, ``time`` (s, of a spectrogram), ``frequency`` (Hz), ``density``
        (Pa²/Hz), ``level`` (dB re (20 µPa)²/Hz).
        """
        import pandas as pd

        n_lines, n_channels = self.frequency.size, len(self.channels)
        n_rows = self.density.size // n_lines // n_channels
        columns: dict[str, Any] = {"channel": np.repeat(self.channels, n_rows * n_lines)}
        if self.times is not None:
            columns["time"] = np.tile(np.repeat(self.times, n_lines), n_channels)
        columns["frequency"] = np.tile(self.frequency, n_rows * n_channels)
        columns |= {"density": self.density.ravel(), "level": self.level.ravel()}
        return pd.DataFrame(columns)


class DensityStream:
    """Power spectral density of a signal that arrives in blocks.

    Parameters
    ----------
    fs : float
        Sampling rate in Hz.
    n_channels : int
        Number of channels.
    resolution : float
        Distance of the lines in Hz; the segments have 1/resolution s, rounded to a whole number of
        samples.
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting.
    hop : float, optional
        Time from one segment to the next in s; half a segment by default.
    columns : int, optional
        Largest number of columns of a spectrogram, at least 2; by default one average is made.

    Raises
    ------
    ParameterError
        Unknown weighting; a resolution that gives segments of less than 4 samples; a hop that is
        not above 0 or longer than a segment.

    Notes
    -----
    The cutting into blocks does not matter. A spectrogram begins with one segment per column. When
    it is full, columns are averaged in pairs, and from then on twice as many segments go into each:
    memory is limited to ``columns`` values of 8 bytes for every line and channel, whatever the
    length of the signal.
    """

    def __init__(
        self,
        fs: float,
        n_channels: int,
        *,
        resolution: float = RESOLUTION,
        weighting: str = "Z",
        hop: float | None = None,
        columns: int | None = None,
    ) -> None:
        self._weighting = check_weighting(weighting)
        if not 0.0 < resolution <= fs / 4.0:
            raise ParameterError(
                f"lines {resolution:g} Hz apart; more than 0 Hz and at most {fs / 4.0:g} Hz, a "
                "quarter of the sampling rate, are possible"
            )
        length = round(fs / resolution)
        step = length // 2
        if hop is not None:
            if not 1.0 <= hop * fs <= length:
                raise ParameterError(
                    f"{hop:g} s from one segment to the next; {1.0 / fs:.4g} s to "
                    f"{length / fs:g} s, a sample to a segment, are possible"
                )
            step = round(hop * fs)
        if columns is not None and columns < 2:
            raise ParameterError(
                f"a spectrogram of at most {columns} columns; at least 2 are needed"
            )
        self._streams = [SpectrumStream(fs, length=length, hop=step) for _ in range(n_channels)]
        self._most = None if columns is None else columns - columns % 2
        self._size = 1  # segments per column
        self._columns: list[Array] = []
        self._sum = np.zeros((n_channels, length // 2 + 1))
        self._n = 0  # segments in the sum

    def push(self, block: Array) -> None:
        """Take the next samples in Pa, shape (n_channels, n)."""
        for start in range(0, block.shape[1], _BLOCK):
            part = block[:, start : start + _BLOCK]
            spectra = [s.push(row) for s, row in zip(self._streams, part, strict=True)]
            self._add(np.stack(spectra, axis=1))

    def _add(self, spectra: Array) -> None:
        """Add spectra, shape (k, n_channels, n_lines), to the average or to columns."""
        if self._most is None:
            self._sum += spectra.sum(axis=0)
            self._n += len(spectra)
            return
        for power in spectra:
            if len(self._columns) == self._most and self._n == 0:
                pairs = zip(self._columns[::2], self._columns[1::2], strict=True)
                self._columns = [one + other for one, other in pairs]
                self._size *= 2
            self._sum += power
            self._n += 1
            if self._n == self._size:
                self._columns.append(self._sum)
                self._sum, self._n = np.zeros_like(self._sum), 0

    def finish(self) -> SpectralDensity:
        """Return the density, with the usual names of the channels.

        The last column of a spectrogram may be an average of fewer segments than the others.

        Raises
        ------
        SignalError
            Less than one segment of signal.
        """
        first = self._streams[0]
        if first.n == 0:
            raise SignalError(
                f"signal too short for lines {first.spacing:g} Hz apart: at least "
                f"{first.length / first.fs:g} s are needed; a larger resolution needs less"
            )
        power, times = self._sum / max(self._n, 1), None
        if self._most is not None:
            sizes = np.full(len(self._columns), self._size)
            columns = self._columns
            if self._n:
                columns, sizes = [*columns, self._sum], np.append(sizes, self._n)
            power = np.stack([c / n for c, n in zip(columns, sizes, strict=True)], axis=1)
            ends = np.cumsum(sizes)
            times = (first.times[ends - sizes] + first.times[ends - 1]) / 2.0
        gains = from_db(exact_level(first.frequency, self._weighting)) ** 2
        return SpectralDensity(
            frequency=first.frequency,
            density=power * (gains / first.spacing),
            fs=first.fs,
            length=first.length,
            hop=first.hop,
            averages=first.n if self._most is None else min(self._size, first.n),
            weighting=self._weighting,
            channels=channel_names(len(self._streams)),
            times=times,
        )


def power_spectral_density(
    pressure: ArrayLike | Recording,
    fs: float | None = None,
    *,
    resolution: float = RESOLUTION,
    weighting: str = "Z",
) -> SpectralDensity:
    """Return the power spectral density, averaged over the whole signal.

    Parameters
    ----------
    pressure : array_like, shape (..., n_samples), or Recording
        Sound pressure in Pa.
    fs : float, optional
        Sampling rate in Hz; that of a Recording need not be given.
    resolution : float
        Distance of the lines in Hz. Segments of 1/resolution s have a Hann window and overlap by
        half.
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting; Z is none.

    Returns
    -------
    SpectralDensity
        Density in Pa²/Hz and level in dB re (20 µPa)²/Hz, with window, noise bandwidth and number
        of averages. The densities of Gaussian noise scatter by about 4.34/√averages dB; half
        overlap makes it 3 % more.

    Raises
    ------
    SignalError
        Samples that are not finite floating-point numbers, or less than one segment.
    ParameterError
        Unknown weighting, or an impossible rate or resolution.

    Notes
    -----
    A tone is a peak whose height depends on the resolution: its lines sum to its power. Its density
    at the highest line is that power divided by the noise bandwidth if it lies on a line.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(0.0, 0.02, 48000 * 10)
    >>> found = power_spectral_density(noise, 48000)
    >>> found.averages, found.noise_bandwidth
    (19, 1.5)
    >>> round(found.total_level, 1)  # as its Leq
    60.0
    >>> float(found.level[100:20000].mean().round(0))  # 60 dB - 10 lg(24000)
    16.0
    """
    return _whole(pressure, fs, resolution=resolution, weighting=weighting)


def spectrogram(
    pressure: ArrayLike | Recording,
    fs: float | None = None,
    *,
    resolution: float = RESOLUTION_OVER_TIME,
    hop: float | None = None,
    weighting: str = "Z",
    columns: int = MOST_COLUMNS,
    range_db: float = RANGE_DB,
) -> SpectralDensity:
    """Return the power spectral density over time.

    Parameters
    ----------
    pressure : array_like, shape (..., n_samples), or Recording
        Sound pressure in Pa.
    fs : float, optional
        Sampling rate in Hz; that of a Recording need not be given.
    resolution : float
        Distance of the lines in Hz. Segments of 1/resolution s have a Hann window.
    hop : float, optional
        Time from one segment to the next in s; half a segment by default.
    weighting : {"A", "B", "C", "Z"}
        Frequency weighting; Z is none.
    columns : int
        Largest number of columns. In a longer signal, neighbouring segments are averaged, in
        numbers of 2, 4, 8 …, so that no sound is left out.
    range_db : float
        Range of levels that a figure shows, down from the highest.

    Returns
    -------
    SpectralDensity
        Density in Pa²/Hz and level in dB re (20 µPa)²/Hz, shape (..., n_times, n_lines), with the
        number of segments per column as ``averages``.

    Raises
    ------
    SignalError
        Samples that are not finite floating-point numbers, or less than one segment.
    ParameterError
        Unknown weighting, or an impossible rate, resolution, hop, range or number of columns.

    Examples
    --------
    >>> noise = np.random.default_rng(1).normal(0.0, 0.02, 48000)
    >>> found = spectrogram(noise, 48000)
    >>> found.density.shape, found.times[:3].tolist()
    ((39, 1201), [0.025, 0.05, 0.075])
    """
    if not range_db > 0.0:
        raise ParameterError(f"a range of {range_db:g} dB; more than 0 dB is expected")
    found = _whole(
        pressure, fs, resolution=resolution, weighting=weighting, hop=hop, columns=columns
    )
    return replace(found, range_db=range_db)


def _whole(pressure: ArrayLike | Recording, fs: float | None, **options: Any) -> SpectralDensity:
    """Return the density of a whole signal, in the shape of its leading axes."""
    signal, rate = pressure_and_rate(pressure, fs)
    array = pressure_array(signal, rate)
    flat = array.reshape(-1, array.shape[-1])
    stream = DensityStream(rate, len(flat), **options)
    stream.push(flat)
    found = stream.finish()
    density = found.density.reshape(*array.shape[:-1], *found.density.shape[1:])
    if not isinstance(pressure, Recording):
        return replace(found, density=density)
    flags = tuple(map(str, pressure.flags))
    return replace(found, density=density, channels=pressure.channels, warnings=flags)
