"""Names for arrays of numbers in annotations; docstrings state shape and unit."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Samples", "Spectrum"]

Array = NDArray[np.float64]
"""Numbers in double precision, of any shape."""

Samples = NDArray[np.float64]
"""Samples of a signal, shape (n_channels, n_samples); 1.0 is full scale."""

Spectrum = NDArray[np.complex128]
"""Complex amplitudes over frequency."""
