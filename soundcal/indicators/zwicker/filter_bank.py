"""The one-third-octave filter bank of ISO 532-1:2017, with its squaring and smoothing.

Tables A.1 and A.2 give 28 bands, 25 Hz to 12.5 kHz, as three second-order sections each, at 48 kHz.
This is not the bank of IEC 61260-1 (:mod:`soundcal.dsp.octave`): its filter skirts are part of the
loudness method.

All bands have the same zeros, ``(1 − z⁻²)³``, so the numerators are applied once to the signal and
each band needs only three two-pole recursions. This also removes a constant exactly.
"""

import math
from typing import Final

import numpy as np

from soundcal.arrays import Array

__all__ = [
    "BANDS",
    "CENTRES",
    "LEVELS_PER_S",
    "RATE",
    "REFERENCE",
    "STEP",
    "TABLE_A2",
    "SmoothedBank",
    "SummedBank",
    "band_filters",
]


RATE: Final = 48000.0
"""Sampling rate in Hz of the filters."""

BANDS: Final = 28
"""Number of bands."""

CENTRES: Final = tuple(1000.0 * 10.0 ** (k / 10.0) for k in range(-16, 12))
"""Exact centre frequencies in Hz, 25 Hz to 12.5 kHz."""

LEVELS_PER_S: Final = 2000
"""Smoothed values per second (ISO 532-1:2017, 6.3)."""

STEP: Final = 96
"""Samples in 2 ms, the step of the loudness over time; the bank works on whole steps."""

REFERENCE: Final = (
    (1.0, 2.0, 1.0, 1.0, -2.0, 1.0),
    (1.0, 0.0, -1.0, 1.0, -2.0, 1.0),
    (1.0, -2.0, 1.0, 1.0, -2.0, 1.0),
)
"""ISO 532-1:2017, Table A.1: b0, b1, b2, a0, a1, a2 of the three reference sections."""

# ISO 532-1:2017, Table A.2: values subtracted from a1 and a2 of the three sections, and the gain
TABLE_A2: Final = (
    (-6.70260e-04, 6.59453e-04, -3.75071e-04, 3.61926e-04, -3.06523e-04, 2.97634e-04, 4.30764e-11),
    (-8.47258e-04, 8.30131e-04, -4.76448e-04, 4.55616e-04, -3.88773e-04, 3.74685e-04, 8.59340e-11),
    (-1.07210e-03, 1.04496e-03, -6.06567e-04, 5.73553e-04, -4.94004e-04, 4.71677e-04, 1.71424e-10),
    (-1.35836e-03, 1.31535e-03, -7.74327e-04, 7.22007e-04, -6.29154e-04, 5.93771e-04, 3.41944e-10),
    (-1.72380e-03, 1.65564e-03, -9.91780e-04, 9.08866e-04, -8.03529e-04, 7.47455e-04, 6.82035e-10),
    (-2.19188e-03, 2.08388e-03, -1.27545e-03, 1.14406e-03, -1.02976e-03, 9.40900e-04, 1.36026e-09),
    (-2.79386e-03, 2.62274e-03, -1.64828e-03, 1.44006e-03, -1.32520e-03, 1.18438e-03, 2.71261e-09),
    (-3.57182e-03, 3.30071e-03, -2.14252e-03, 1.81258e-03, -1.71397e-03, 1.49082e-03, 5.40870e-09),
    (-4.58305e-03, 4.15355e-03, -2.80413e-03, 2.28135e-03, -2.23006e-03, 1.87646e-03, 1.07826e-08),
    (-5.90655e-03, 5.22622e-03, -3.69947e-03, 2.87118e-03, -2.92205e-03, 2.36178e-03, 2.14910e-08),
    (-7.65243e-03, 6.57493e-03, -4.92540e-03, 3.61318e-03, -3.86007e-03, 2.97240e-03, 4.28228e-08),
    (-1.00023e-02, 8.29610e-03, -6.63788e-03, 4.55999e-03, -5.15982e-03, 3.75306e-03, 8.54316e-08),
    (-1.31230e-02, 1.04220e-02, -9.02274e-03, 5.73132e-03, -6.94543e-03, 4.71734e-03, 1.70009e-07),
    (-1.73693e-02, 1.30947e-02, -1.24176e-02, 7.20526e-03, -9.46002e-03, 5.93145e-03, 3.38215e-07),
    (-2.31934e-02, 1.64308e-02, -1.73009e-02, 9.04761e-03, -1.30358e-02, 7.44926e-03, 6.71990e-07),
    (-3.13292e-02, 2.06370e-02, -2.44342e-02, 1.13731e-02, -1.82108e-02, 9.36778e-03, 1.33531e-06),
    (-4.28261e-02, 2.59325e-02, -3.49619e-02, 1.43046e-02, -2.57855e-02, 1.17912e-02, 2.65172e-06),
    (-5.91733e-02, 3.25054e-02, -5.06072e-02, 1.79513e-02, -3.69401e-02, 1.48094e-02, 5.25477e-06),
    (-8.26348e-02, 4.05894e-02, -7.40348e-02, 2.24476e-02, -5.34977e-02, 1.85371e-02, 1.03780e-05),
    (-1.17018e-01, 5.08116e-02, -1.09516e-01, 2.81387e-02, -7.85097e-02, 2.32872e-02, 2.04870e-05),
    (-1.67714e-01, 6.37872e-02, -1.63378e-01, 3.53729e-02, -1.16419e-01, 2.93723e-02, 4.05198e-05),
    (-2.42528e-01, 7.98576e-02, -2.45161e-01, 4.43370e-02, -1.73972e-01, 3.70015e-02, 7.97914e-05),
    (-3.53142e-01, 9.96330e-02, -3.69163e-01, 5.53535e-02, -2.61399e-01, 4.65428e-02, 1.56511e-04),
    (-5.16316e-01, 1.24177e-01, -5.55473e-01, 6.89403e-02, -3.93998e-01, 5.86715e-02, 3.04954e-04),
    (-7.56635e-01, 1.55023e-01, -8.34281e-01, 8.58123e-02, -5.94547e-01, 7.43960e-02, 5.99157e-04),
    (-1.10165e00, 1.91713e-01, -1.23939e00, 1.05243e-01, -8.91666e-01, 9.40354e-02, 1.16544e-03),
    (-1.58477e00, 2.39049e-01, -1.80505e00, 1.28794e-01, -1.32500e00, 1.21333e-01, 2.27488e-03),
    (-2.50630e00, 1.42308e-01, -2.19464e00, 2.76470e-01, -1.90231e00, 1.47304e-01, 3.91006e-03),
)

_LANES: Final = 32
_ROWS: Final = 16
_DECIMATION: Final = round(RATE) // LEVELS_PER_S
_HISTORY: Final = 6
_LEAD: Final = _DECIMATION - 1


def band_filters() -> Array:
    """Return the bands as second-order sections without their gain, shape (28, 3, 6)."""
    table = np.array(TABLE_A2)
    filters = np.repeat(np.array(REFERENCE)[np.newaxis], BANDS, axis=0)
    filters[:, :, 4:] -= table[:, :6].reshape(BANDS, 3, 2)
    return filters


def _time_constant(centre: float) -> float:
    """Time constant in s of one smoothing stage (ISO 532-1:2017, 6.3)."""
    return 2.0 / (3.0 * min(centre, 1000.0))


def _workspace() -> tuple[Array, Array]:
    """Return states and coefficients in the form of the kernels, and the factors of the energies.

    Nine rows of states (two per section, three of the smoothing), seven rows of coefficients; one
    column per band and four spare columns, so that vectors are full.
    """
    rows = np.zeros((_ROWS, _LANES))
    filters = band_filters()
    rows[9:15:2, :BANDS] = -filters[:, :, 4].T
    rows[10:15:2, :BANDS] = -filters[:, :, 5].T
    decay = np.array([math.exp(-1.0 / (RATE * _time_constant(f))) for f in CENTRES])
    rows[15, :BANDS] = decay
    gain = np.array(TABLE_A2)[:, 6]
    return rows.reshape(-1), np.stack([gain**2 * (1.0 - decay) ** 3, gain**2])


class SmoothedBank:
    """Squared and smoothed bands of one signal that arrives in blocks.

    Notes
    -----
    The filters start at rest. The kernel processes whole steps of 2 ms only, so block sizes do not
    change a single bit of the result.
    """

    def __init__(self) -> None:
        self._rows, factors = _workspace()
        self._factors = factors[0].copy()
        # a value every 24 samples, the first at sample 0: 23 zeros ahead make the groups whole
        self._pending = np.zeros(_HISTORY + _LEAD)

    def push(self, block: Array) -> Array:
        """Take the next samples in Pa at 48 kHz and return mean squares in Pa².

        Parameters
        ----------
        block : ndarray, shape (n,)
            Sound pressure.

        Returns
        -------
        ndarray, shape (4 n_steps, 28)
            Four values, 0.5 ms apart, for each step of 2 ms that is complete; the first of a step
            belongs to its beginning.
        """
        from soundcal.indicators.zwicker.filter_bank_kernels import smoothed_bands

        samples = np.concatenate([self._pending, block])
        n_steps = (samples.size - _HISTORY - _LEAD) // STEP
        used = n_steps * STEP
        self._pending = samples[used:].copy()
        out = np.empty((used // _DECIMATION, BANDS))
        if n_steps:
            smoothed_bands(samples[: used + _HISTORY], self._rows, self._factors, out)
        return out


class SummedBank:
    """Mean square of the bands of one signal that arrives in blocks, without the settling time.

    Parameters
    ----------
    skip : int
        Samples at the beginning that are left out.
    """

    def __init__(self, skip: int) -> None:
        self.n_samples = 0
        self.skip = skip
        self._rows, factors = _workspace()
        self._factors = factors[1].copy()
        self._pending = np.zeros(_HISTORY)

    def push(self, block: Array) -> None:
        """Take the next samples in Pa at 48 kHz, shape (n,)."""
        from soundcal.indicators.zwicker.filter_bank_kernels import summed_bands

        samples = np.concatenate([self._pending, block])
        summed_bands(samples, self.skip - self.n_samples, self._rows)
        self.n_samples += block.size
        self._pending = samples[-_HISTORY:].copy()

    def mean_squares(self) -> Array:
        """Return the mean squares in Pa², shape (28,), of more than ``skip`` samples."""
        sums = self._rows[6 * _LANES : 6 * _LANES + BANDS]
        return np.asarray(sums * self._factors / (self.n_samples - self.skip))
