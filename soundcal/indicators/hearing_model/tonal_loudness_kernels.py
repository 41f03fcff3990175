"""Compiled loop of the noise reduction. It checks nothing: the callers do."""

import math

from soundcal.arrays import Array
from soundcal.dsp.kernel import kernel
from soundcal.indicators.hearing_model.tables import EPSILON

__all__ = ["split_loudness"]

_NEGLIGIBLE = 1e-30


@kernel
def _smooth(x: float, d: float, gain: float, s: Array) -> float:
    """Advance the low-pass of third order by one value; ``s``: two inputs, three sections."""
    s[2] = gain * (d * s[0] + d * d * s[1]) + d * s[2]
    s[3] = s[2] + d * s[3]
    s[4] = s[3] + d * s[4]
    s[1], s[0] = s[0], x
    for i in range(5):
        if s[i] < _NEGLIGIBLE:
            s[i] = 0.0
    return float(s[4])


@kernel
def split_loudness(tonal: Array, signal: Array, limits: Array, decay: float, state: Array) -> None:
    """Replace tonal component and loudness of the signal by loudness of tone and of noise.

    ``tonal`` and ``signal`` have the shape (n, bands), ``limits``, which is g(z), (bands,), and
    ``state`` (bands, 3, 5) (formulas 41 to 48).
    """
    gain = (1.0 - decay) ** 3 / (decay + decay * decay)
    for n in range(tonal.shape[0]):
        for b in range(tonal.shape[1]):
            t, s = tonal[n, b], signal[n, b]
            ratio = _smooth(t / (s - t + EPSILON), decay, gain, state[b, 0])
            t = _smooth(t, decay, gain, state[b, 1])
            s = _smooth(s, decay, gain, state[b, 2])
            kept = 1.0 - math.exp(-20.0 * (ratio / limits[b] - 0.07))
            tonal[n, b] = max(kept, 0.0) * t
            signal[n, b] = max(s - tonal[n, b], 0.0)
