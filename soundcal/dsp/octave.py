"""Octave and fractional-octave bands of class 1 by IEC 61260-1:2014.

Every band is a Butterworth band-pass filter of second-order sections, made by the bilinear
transform, which keeps both band edges in place. Towards half the sampling rate the transform
compresses the upper flank and stretches the lower one, so the order is 3 or, where that does not
suffice, 4: the relative attenuation lies within the limits of class 1, with 0.05 dB in reserve, at
all frequencies up to half the sampling rate. Where a band's upper edge lies beyond half the
sampling rate (20 kHz at 44.1 kHz) the filter passes everything up to it. A band is refused if the
sampling rate cuts off more of its effective bandwidth than class 1 allows.

The filters start at rest. A third-octave filter needs about ``4.3 / f_m`` seconds to rise, 0.2 s
at 20 Hz.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundcal.arrays import Array
from soundcal.errors import ParameterError

__all__ = [
    "RESPONSE_BANDS",
    "Band",
    "BandFilter",
    "G",
    "attenuation",
    "bands_between",
    "class_1_limits",
    "effective_bandwidth",
    "filters",
]


G: Final = 10.0**0.3
"""Octave frequency ratio (IEC 61260-1:2014, 5.2)."""

_BREAKPOINTS: Final = (
    # exponent of G, least and largest relative attenuation in dB (Table 1, class 1)
    (0.0, -0.4, 0.4),
    (0.125, -0.4, 0.5),
    (0.25, -0.4, 0.7),
    (0.375, -0.4, 1.4),
    (0.5, -0.4, 5.3),
    (0.5, 1.2, math.inf),
    (1.0, 16.6, math.inf),
    (2.0, 40.5, math.inf),
    (3.0, 60.0, math.inf),
    (4.0, 70.0, math.inf),
)

LANES: Final = 8
"""Number of bands per row of the kernel, see :mod:`soundcal.dsp.octave_kernels`."""

PAST: Final = 8
ROWS: Final = 17

_RESERVE_DB: Final = 0.05
_BANDWIDTH_LIMIT_DB: Final = 0.4
_ORDERS: Final = (3, 4)
"""Sufficient at every rate: only the three highest bands, at most, need order 4."""

_HIGHEST_EDGE: Final = 0.49993
"""Highest upper edge of a filter as a share of the sampling rate. Closer to one half, the poles are
so close to −1 that rounding reaches the level: by 0.01 dB at 0.49999, by less than 1e-6 dB here."""

_PREFERRED: Final = (1.0, 1.25, 1.6, 2.0, 2.5, 3.15, 4.0, 5.0, 6.3, 8.0)


@dataclass(frozen=True, slots=True)
class Band:
    """One band.

    Parameters
    ----------
    fraction : int
        b of the 1/b-octave.
    number : int
        Band number; 0 is the band at (or just above) 1 kHz.
    """

    fraction: int
    number: int

    @property
    def mid(self) -> float:
        """Exact mid-band frequency in Hz (5.4, Formulas 2 and 3)."""
        shift = 0.0 if self.fraction % 2 else 0.5
        return 1000.0 * float(G ** ((self.number + shift) / self.fraction))

    @property
    def lower(self) -> float:
        """Lower band-edge frequency in Hz (5.6)."""
        return self.mid * float(G ** (-0.5 / self.fraction))

    @property
    def upper(self) -> float:
        """Upper band-edge frequency in Hz."""
        return self.mid * float(G ** (0.5 / self.fraction))

    @property
    def nominal(self) -> str:
        """Nominal mid-band frequency in Hz: ``31.5``, ``1000`` (5.5, Annex E)."""
        if self.fraction not in (1, 3):
            return f"{self.mid:.4g}" if self.mid < 1e4 else f"{round(self.mid, -1):.0f}"
        tenths = round(10 * math.log10(self.mid))
        decade, step = divmod(tenths, 10)
        return f"{_PREFERRED[step] * 10.0**decade:g}"


def bands_between(fraction: int, low: float, high: float) -> tuple[Band, ...]:
    """Return the bands with nominal frequencies from ``low`` to ``high`` Hz.

    Raises
    ------
    ParameterError
        No such bands, or a fraction outside 1 to 48.

    Examples
    --------
    >>> [band.nominal for band in bands_between(1, 31.5, 16000)]
    ['31.5', '63', '125', '250', '500', '1000', '2000', '4000', '8000', '16000']
    """
    if not (isinstance(fraction, int) and 1 <= fraction <= 48):
        raise ParameterError(f"1/{fraction} octave; a whole fraction from 1 to 48 is expected")
    if not 0 < low <= high < math.inf:
        raise ParameterError(f"bands from {low} to {high} Hz; two rising frequencies expected")
    tolerance = 1.02  # nominal and exact frequencies differ by up to 1.4 %
    first = math.floor(math.log(low / tolerance / 1000.0, G) * fraction) - 1
    last = math.ceil(math.log(high * tolerance / 1000.0, G) * fraction) + 1
    found = tuple(
        band
        for band in (Band(fraction, number) for number in range(first, last + 1))
        if low <= float(band.nominal) <= high
    )
    if not found:
        raise ParameterError(f"no 1/{fraction}-octave band from {low:g} to {high:g} Hz")
    return found


RESPONSE_BANDS: Final = bands_between(3, 12.5, 20000.0)
"""Third octaves in which gains and errors of responses are stated."""


def class_1_limits(ratio: ArrayLike, fraction: int) -> tuple[Array, Array]:
    """Return the least and largest relative attenuation in dB of class 1.

    Parameters
    ----------
    ratio : array_like
        Frequency over exact mid-band frequency.
    fraction : int
        b of the 1/b-octave (the breakpoints follow Formula 9).
    """
    x = np.abs(np.log10(np.asarray(ratio, dtype=np.float64)))
    factor = (G ** (0.5 / fraction) - 1.0) / (G**0.5 - 1.0)
    places = np.log10([1.0 + factor * (G**exponent - 1.0) for exponent, _, _ in _BREAKPOINTS])
    least = [low for _, low, _ in _BREAKPOINTS]
    most = [high for _, _, high in _BREAKPOINTS]
    outside = x > places[5]
    inner_most = np.interp(x, places[:5], most[:5])
    lower = np.where(outside, np.interp(x, places[5:], least[5:]), -0.4)
    upper = np.where(outside, np.inf, inner_most)
    return lower, upper


def _butterworth(order: int, low: float, high: float, fs: float) -> Array:
    """Return sections (order, 3): gain g, a1, a2 of ``g (1 − z⁻²) / (1 + a1 z⁻¹ + a2 z⁻²)``."""
    edges = np.tan(np.pi * np.array([low, min(high, _HIGHEST_EDGE * fs)]) / fs)
    centre, width = math.sqrt(edges[0] * edges[1]), float(edges[1] - edges[0])
    angles = np.pi * (2 * np.arange(1, order + 1) + order - 1) / (2 * order)
    prototype = np.exp(1j * angles) * width / 2.0
    root = np.sqrt(prototype**2 - centre**2 + 0j)
    analogue = np.concatenate([prototype + root, prototype - root])
    poles = (1.0 + analogue) / (1.0 - analogue)
    real = np.abs(analogue.imag) < 1e-9 * np.abs(analogue)
    pairs = [(p, p.conjugate()) for p in poles[(analogue.imag > 0) & ~real]]
    rest = np.sort(poles[real].real)
    pairs += [(complex(a), complex(b)) for a, b in rest.reshape(-1, 2)]
    z = np.exp(-2j * math.atan(centre))
    rows = []
    for p, q in pairs:
        a1, a2 = -(p + q).real, (p * q).real
        response = (1.0 - z**2) / (1.0 + a1 * z + a2 * z**2)
        rows.append((1.0 / abs(response), a1, a2))
    return np.array(rows)


def attenuation(sections: Array, frequency: ArrayLike, fs: float) -> Array:
    """Return the attenuation in dB of a band's sections at frequencies in Hz."""
    z = np.exp(-2j * np.pi * np.asarray(frequency, dtype=np.float64) / fs)
    response = np.ones_like(z)
    for g, a1, a2 in sections:
        response = response * (g * (1.0 - z**2) / (1.0 + a1 * z + a2 * z**2))
    with np.errstate(divide="ignore"):
        return np.asarray(-20.0 * np.log10(np.abs(response)))


def effective_bandwidth(sections: Array, band: Band, fs: float) -> float:
    """Return the deviation in dB of the effective from the reference bandwidth (5.12)."""
    span = min(20.0 ** (1.0 / band.fraction), 20.0)
    f = np.geomspace(band.mid / span, min(band.mid * span, 0.49999 * fs), 4001)
    gain = 10.0 ** (-attenuation(sections, f, fs) / 10.0)
    effective = float(np.trapezoid(gain, np.log(f)))
    return 10.0 * math.log10(effective / math.log(band.upper / band.lower))


def _conforms(sections: Array, band: Band, fs: float) -> bool:
    top = 0.4999 * fs
    inner = np.geomspace(band.lower / 1.02, min(band.upper * 1.02, top), 801)
    outer = np.geomspace(band.mid / 1000.0, top, 1201)
    f = np.concatenate([inner, outer])
    least, most = class_1_limits(f / band.mid, band.fraction)
    found = attenuation(sections, f, fs)
    return bool(
        np.all(found >= least + _RESERVE_DB)
        and np.all(found <= most - _RESERVE_DB)
        and abs(effective_bandwidth(sections, band, fs)) <= _BANDWIDTH_LIMIT_DB - _RESERVE_DB
    )


@lru_cache(maxsize=512)
def _design(band: Band, fs: float) -> Array | None:
    if band.mid >= _HIGHEST_EDGE * fs:
        return None
    for order in _ORDERS:
        sections = _butterworth(order, band.lower, band.upper, fs)
        if _conforms(sections, band, fs):
            return sections
    return None


def filters(bands: tuple[Band, ...], fs: float) -> dict[Band, Array]:
    """Return the sections of each band that is possible at the sampling rate, lowest first.

    Parameters
    ----------
    bands : tuple of Band
        The bands wanted.
    fs : float
        Sampling rate in Hz.

    Returns
    -------
    dict of Band to ndarray, shape (order, 3)
        Gain and a1, a2 of ``g (1 − z⁻²) / (1 + a1 z⁻¹ + a2 z⁻²)``. Bands for which no filter of
        class 1 exists at this rate are left out.

    Raises
    ------
    ParameterError
        No band is possible at this rate.
    """
    designed = {band: _design(band, float(fs)) for band in bands}
    found = {band: sections for band, sections in designed.items() if sections is not None}
    if not found:
        wanted = ", ".join(band.nominal for band in bands)
        raise ParameterError(f"no band of {wanted} Hz can be measured at {fs:g} Hz sampling rate")
    return found


def _packed(filters_: list[Array]) -> Array:
    """Arrange the poles of filters of one order for the kernel, shape (n_groups, ROWS · LANES)."""
    n_groups = -(-len(filters_) // LANES)
    table = np.zeros((n_groups, ROWS, LANES))
    for index, sections in enumerate(filters_):
        group, lane = divmod(index, LANES)
        for section, (_, a1, a2) in enumerate(sections):
            table[group, 8 + 2 * section, lane] = -a1
            table[group, 8 + 2 * section + 1, lane] = -a2
    return table.reshape(n_groups, ROWS * LANES)


class BandFilter:
    """The energies of several bands in time steps, block by block, for one signal.

    Parameters
    ----------
    bands : tuple of Band
        The bands wanted; :attr:`bands` are those that are possible at the rate.
    fs : float
        Sampling rate in Hz.
    step : float
        Step in s; step k ends with the last sample that is complete by ``k · step``.
    """

    def __init__(self, bands: tuple[Band, ...], fs: float, step: float) -> None:
        if not step * fs >= 1:
            raise ParameterError(f"step {step} s; at least one sample ({1 / fs:.3g} s) expected")
        designed = filters(bands, fs)
        self.bands = tuple(designed)
        self.step = step
        self.fs = float(fs)
        self._past = np.zeros(PAST)
        self._count = np.zeros(2, dtype=np.int64)
        orders = [[b for b in self.bands if len(designed[b]) == order] for order in _ORDERS]
        packs = [_packed([designed[band] for band in bands]) for bands in orders]
        self._n_cubic = len(packs[0])
        self._groups = np.concatenate(packs)
        places = [
            (first * LANES + lane, band)
            for first, bands in zip((0, self._n_cubic), orders, strict=True)
            for lane, band in enumerate(bands)
        ]
        place_of = {band: place for place, band in places}
        self._places = np.array([place_of[band] for band in self.bands])
        gains = [float(np.prod(designed[band][:, 0])) for band in self.bands]
        self._power = np.square(gains)

    @property
    def n_samples(self) -> int:
        """Samples taken so far."""
        return int(self._count[0])

    def push(self, block: Array) -> Array:
        """Take the next samples, shape (n,); return energies of ended steps, (n_steps, n_bands).

        Energies are sums of the squared band pressure over the samples of a step, in Pa².
        """
        from soundcal.dsp.octave_kernels import band_energies

        most = int(block.size / (self.step * self.fs)) + 2
        out = np.empty((most, len(self._groups), LANES))
        samples = np.concatenate([self._past, block])
        n = band_energies(
            samples, self.step * self.fs, self._n_cubic, self._groups, self._count, out
        )
        self._past = samples[samples.size - PAST :].copy()
        return out.reshape(most, -1)[:n, self._places] * self._power

    def restart(self) -> None:
        """Forget the energies of the step that has begun, but not the states of the filters."""
        self._groups[:, -LANES:] = 0.0

    def rest(self) -> Array:
        """Return the energies of the step that has begun and not ended, shape (n_bands,)."""
        energies: Array = self._groups[:, -LANES:].ravel()[self._places] * self._power
        return energies

    def step_ends(self, n_steps: int) -> NDArray[np.int64]:
        """Return the number of samples up to the end of each step."""
        ends = np.floor(np.arange(1, n_steps + 1) * (self.step * self.fs))
        return np.asarray(ends, dtype=np.int64)
