"""Excitation patterns of Terhardt (1979), for the models of roughness and fluctuation strength.

The spectrum of a frame is spread over 47 channels at 0.5, 1, … 23.5 Bark. A channel contains the
lines within half a Bark unchanged, and lines further away attenuated along slopes of 27 dB/Bark
towards low and 24 + 230/f − 0.2 L dB/Bark towards high channels, down to the threshold in quiet;
the distance is that from the line to the channel's nearer edge.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.long_spectrum import LongSpectrum
from soundcal.dsp.workspace import Workspace
from soundcal.indicators.modulation.excitation_tables import BARK_SCALE, THRESHOLD
from soundcal.indicators.zwicker.tables import DDF, ZUP

if TYPE_CHECKING:
    from soundcal.indicators.modulation.excitation_kernels import Lines
    from soundcal.indicators.stream import Field

__all__ = ["CHANNEL_BARK", "N_CHANNELS", "Excitation", "lines_of", "table", "transmission"]


N_CHANNELS: Final = 47
CHANNEL_BARK: Final = np.arange(1, N_CHANNELS + 1) / 2.0
"""Critical-band rates in Bark of the channels' centres."""
CHANNEL_BARK.flags.writeable = False

_LOWEST: Final = 20.0
_HIGHEST: Final = 20000.0


def table(points: Sequence[tuple[float, float]], x: ArrayLike) -> Array:
    """Interpolate a printed table linearly, with constant values beyond its ends."""
    places, values = np.array(points).T
    return np.asarray(np.interp(np.asarray(x, dtype=np.float64), places, values), dtype=np.float64)


@lru_cache(maxsize=4)
def lines_of(length: int, rate: int) -> "Lines":
    """Return the lines of frames of ``length`` samples at ``rate`` Hz."""
    from soundcal.indicators.modulation import excitation_kernels as kernels

    step = rate / length
    frequency = np.arange(round(_HIGHEST / step) + 1, dtype=np.float64) * step
    position = 2.0 * table(BARK_SCALE, frequency)
    edges = table(THRESHOLD, np.arange(N_CHANNELS + 2) / 2.0) / kernels.DOUBLING
    return kernels.Lines(
        lowest=round(_LOWEST / step),
        position=position,
        hearing=table(THRESHOLD, position / 2.0) / kernels.DOUBLING,
        fallen=2.0 ** (-kernels.LOWER_SLOPE * position),
        slope=-(24.0 + 230.0 / np.maximum(frequency, step)) / (2.0 * kernels.DOUBLING),
        starts=np.searchsorted(position, np.arange(N_CHANNELS + 2)),
        edges=edges,
        lowest_below=np.minimum.accumulate(edges),
        lowest_above=np.minimum.accumulate(edges[::-1])[::-1].copy(),
    )


def transmission(points: Sequence[tuple[float, float]], bark: Array, field: "Field") -> Array:
    """Return the factor of the ear's transmission at the given critical-band rates.

    Parameters
    ----------
    points : sequence of (float, float)
        Critical-band rate and transmission in dB in the free field.
    bark : ndarray
        Critical-band rates in Bark.
    field : {"free", "diffuse"}
        Sound field; the diffuse one differs by Table A.5 of ISO 532-1:2017.
    """
    level = table(points, bark)
    if field == "diffuse":
        middles = (np.array(ZUP[:-1]) + np.array((0.0, *ZUP[:-2]))) / 2.0
        level = level + np.interp(bark, middles, DDF)
    return np.asarray(10.0 ** (level / 20.0), dtype=np.float64)


class Excitation:
    """Excitations of frames in 47 channels, with working memory.

    Parameters
    ----------
    length : int
        Samples per frame.
    rate : int
        Sampling rate in Hz.
    points : sequence of (float, float)
        Transmission of the ear, see :func:`transmission`.
    field : {"free", "diffuse"}
        Sound field.
    together : int
        Largest number of frames that are taken at the same time.
    """

    def __init__(
        self,
        length: int,
        rate: int,
        points: Sequence[tuple[float, float]],
        field: "Field",
        together: int = 1,
    ) -> None:
        from soundcal.indicators.modulation.excitation_kernels import BLOCK

        self._lines = lines_of(length, rate)
        n_lines = self._lines.hearing.size
        self._factors = np.sqrt(2.0) * transmission(points, self._lines.position / 2.0, field)
        self.workspace = Workspace()
        self.spectra = np.empty((together, length // 2 + 1), dtype=np.complex128)
        """Amplitudes of the frames' lines in Pa r.m.s., shape (n, at least n_lines)."""
        self._room = np.empty((4, BLOCK))
        self.gains = np.zeros((together * N_CHANNELS, n_lines), dtype=np.float32)
        """Gains of the lines in the channels of the frames, shape (47 n, n_lines).

        They take most of the memory, so they are in single precision, the lines in double.
        """
        self._spans = np.zeros((together * N_CHANNELS, 2), dtype=np.int64)
        self.spans = self._spans
        """First line and end (excluded) of the lines at which a channel is not zero, (47 n, 2).

        Beyond these, gains are arbitrary.
        """

    def take(self, frames: Array) -> list[bool]:
        """Take frames, shape (n, length); return which of them are audible.

        Their window, if they have one, has the mean 1/length.
        """
        np.fft.rfft(frames, axis=1, out=self.spectra[: len(frames)])
        return self._excite(len(frames))

    def take_long(self, frame: Array, spectrum: LongSpectrum) -> bool:
        """Take a frame without its mean, under the window of ``spectrum``, as :meth:`take`."""
        spectrum.write(frame, self.spectra[0, : self.gains.shape[1]])
        return all(self._excite(1))

    def _excite(self, n: int) -> list[bool]:
        from soundcal.indicators.modulation.excitation_kernels import excite

        self.spans = self._spans[: n * N_CHANNELS]
        found = []
        for i in range(n):
            own = slice(i * N_CHANNELS, (i + 1) * N_CHANNELS)
            gains, spans = self.gains[own], self._spans[own]
            spectrum = self.spectra[i]
            rooms = self._room, self._room[0].view(np.int64)
            audible = excite(spectrum, self._factors, self._lines, *rooms, gains, spans)
            found.append(bool(audible))
        return found

    def lines_in(self, channel: int) -> tuple[int, Spectrum]:
        """Return the number of the first line of a channel, and its lines from there on.

        Channels are counted on from frame to frame; the lines are amplitudes in Pa r.m.s.
        """
        low, after = self.spans[channel].tolist()
        lines = self.spectra[channel // N_CHANNELS, low:after]
        return low, lines * self.gains[channel, low:after]
