"""Front end of the hearing model: from sound pressure to 53 band signals of one ear.

ECMA-418-2:2025, 5.1.1 to 5.1.4: conversion to 48 kHz, fade-in, outer and middle ear, filter bank.
All filters start at rest, so one pass serves all four metrics, whatever number of zeros each puts
before the signal. The standard leaves the conversion open; here it is linear-phase
(:mod:`soundcal.dsp.resample`), and the number of samples is rounded up.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.dsp.resample import Resampler
from soundcal.errors import ParameterError
from soundcal.indicators.hearing_model.front_end_kernels import ear_filter, filter_bank
from soundcal.indicators.hearing_model.tables import (
    BANDWIDTHS,
    CENTRES,
    EAR_SECTIONS,
    FIRST_SECTION,
    N_BANDS,
    RATE,
)

__all__ = ["FrontEnd"]

_CHUNK: Final = 4096
"""Most samples of band signals that are given out at a time."""

_FADE: Final = 0.5 - 0.5 * np.cos(np.pi * np.arange(240) / 240)
_ORDER: Final = 5
_HISTORY: Final = _ORDER - 1


def _bank() -> tuple[Array, Array]:
    """Return numerator (53, 4, 2) and pole (53, 2) of the bands, real and imaginary parts."""
    delay = 70.0 / (512.0 * BANDWIDTHS)
    decay = np.exp(-1.0 / (RATE * delay))
    pole = decay * np.exp(2j * np.pi * CENTRES / RATE)
    numbers = np.array([1.0, 11.0, 11.0, 1.0])
    delays = np.arange(1, _ORDER)
    gain = (1.0 - decay) ** _ORDER / (decay[:, np.newaxis] ** delays @ numbers)
    taps = 2.0 * gain[:, np.newaxis] * numbers * pole[:, np.newaxis] ** delays

    def parts(values: np.ndarray) -> Array:
        return np.stack([values.real, values.imag], axis=-1)

    return parts(taps), parts(pole)


class FrontEnd:
    """Band signals of one ear, block by block.

    The pieces that it gives out hold 4096 samples each, except the last one of the signal: they do
    not depend on how the signal is cut, bit for bit. They are overwritten by the next piece.

    Parameters
    ----------
    fs : float
        Sampling rate of the signal in Hz, at least 8 kHz.
    field : {"free", "diffuse", "eardrum"}
        Sound field; ``eardrum`` for the pressure at the eardrum, which has passed the outer ear.

    Raises
    ------
    ParameterError
        Unknown field, or a sampling rate that cannot be converted.

    Attributes
    ----------
    n : int
        Number of samples of the signal at 48 kHz that were given out.
    """

    def __init__(self, fs: float, field: str) -> None:
        if field not in FIRST_SECTION:
            raise ParameterError(
                f"sound field {field!r}; {', '.join(FIRST_SECTION)} are possible here"
            )
        self.n = 0
        self._resampler = None if fs == RATE else Resampler(fs, RATE)
        self._sections = EAR_SECTIONS[FIRST_SECTION[field] :]
        self._ear = np.zeros((len(self._sections), 2))
        self._taps, self._poles = _bank()
        self._bank = np.zeros((N_BANDS, _ORDER, 2))
        self._input = np.zeros(_HISTORY + _CHUNK)
        self._filled = 0
        self._bands = np.empty(N_BANDS * _CHUNK)

    def push(self, block: Array) -> Iterator[Array]:
        """Take samples in Pa, shape (n,), and give out the band signals in Pa, (53, m) each."""
        yield from self._collect(block if self._resampler is None else self._resampler.push(block))

    def finish(self) -> Iterator[Array]:
        """Give out the rest of the signal, which ends here."""
        if self._resampler is not None:
            yield from self._collect(self._resampler.finish())
        if self._filled:
            yield self._signal()

    def ringing(self, n: int) -> Iterator[Array]:
        """Give out what ``n`` zeros after the end of the signal become."""
        while n > 0:
            part = min(n, _CHUNK)
            self._input[_HISTORY : _HISTORY + part] = 0.0
            yield self._filtered(part)
            n -= part

    def _collect(self, samples: Array) -> Iterator[Array]:
        start = 0
        while start < samples.size:
            part = samples[start : start + _CHUNK - self._filled]
            begin = _HISTORY + self._filled
            self._input[begin : begin + part.size] = part
            self._filled += part.size
            start += part.size
            if self._filled == _CHUNK:
                yield self._signal()

    def _signal(self) -> Array:
        """Return the band signals of the samples collected."""
        if self.n == 0:
            faded = min(_FADE.size, self._filled)
            self._input[_HISTORY : _HISTORY + faded] *= _FADE[:faded]
        bands = self._filtered(self._filled)
        self.n += self._filled
        self._filled = 0
        return bands

    def _filtered(self, n: int) -> Array:
        x = self._input[: _HISTORY + n]
        ear_filter(x[_HISTORY:], self._sections, self._ear)
        bands = self._bands[: N_BANDS * n].reshape(N_BANDS, n)
        filter_bank(x, self._taps, self._poles, self._bank, bands)
        self._input[:_HISTORY] = x[-_HISTORY:].copy()
        return bands
