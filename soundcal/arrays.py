"""The one name for arrays of numbers in annotations."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array"]

Array = NDArray[np.float64]
"""Double precision, of any shape; docstrings state shape and unit."""
