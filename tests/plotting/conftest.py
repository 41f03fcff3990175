"""Plots without a display."""

from collections.abc import Iterator

import matplotlib
import pytest
from matplotlib import pyplot


@pytest.fixture(autouse=True)
def figures() -> Iterator[None]:
    """Draw without a display, and leave no figure open."""
    before = matplotlib.get_backend(auto_select=False)
    matplotlib.use("Agg")
    yield
    pyplot.close("all")
    if before is not None:
        matplotlib.use(before)
