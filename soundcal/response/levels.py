"""Levels that a stimulus has behind a response, by the sum over its spectrum."""

from collections.abc import Sequence

import numpy as np

from soundcal.arrays import Samples
from soundcal.dsp.weighting import exact_level
from soundcal.errors import ParameterError
from soundcal.response.model import Response
from soundcal.response.points import point_unit
from soundcal.units import PASCAL_DB, power_db

__all__ = ["levels_behind"]


def levels_behind(
    response: Response,
    samples: Samples,
    fs: float,
    *,
    channels: Sequence[str],
    weighting: str = "A",
) -> dict[str, float]:
    """Return the equivalent level of each channel at the target point of a response.

    ``10 lg sum_f |X(f)|^2 w(f)^2 |H(f)|^2`` over the lines of the spectrum, which equals filtering.

    Parameters
    ----------
    response : Response
        Absolute, from FS to sound pressure; at its edges the level is held.
    samples : ndarray, shape (n_channels, n)
        What is played; 1.0 is full scale.
    fs : float
        Sampling rate in Hz.
    channels : sequence of str
        Names of the channels.
    weighting : {"A", "C", "Z"}
        Frequency weighting.

    Returns
    -------
    dict of str to float
        dB re 20 µPa; -inf for silence.

    Raises
    ------
    ParameterError
        The response does not lead from FS to sound pressure, or is relative.
    """
    if (response.source_point, response.kind) != ("FS", "absolute") or (
        point_unit(response.target_point) != "Pa"
    ):
        raise ParameterError(
            f"{response.id}: {response.unit}; levels need an absolute response from FS to sound "
            "pressure"
        )
    from scipy.fft import next_fast_len  # loaded when it is needed, for quick commands

    n = samples.shape[1]
    size = next_fast_len(n, real=True)
    f = np.fft.rfftfreq(size, 1.0 / fs)
    both = np.full(f.size, 2.0)  # lines stand for their negative frequencies as well
    both[0] = 1.0
    if size % 2 == 0:
        both[-1] = 1.0
    weights = both * 10.0 ** (exact_level(f, weighting) / 10.0) / (float(size) * n)
    found = {}
    for name, row in zip(channels, samples, strict=True):
        power = np.abs(np.fft.rfft(row, size)) ** 2 * weights
        gain = 10.0 ** (response.channel(name).level(f) / 10.0)
        found[name] = float(power_db(np.sum(power * gain))) + PASCAL_DB
    return found
