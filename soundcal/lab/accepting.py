"""Takes that count: a refused one is recorded again while the operator agrees."""

from collections.abc import Callable
from typing import Final, TypeVar

import numpy as np

from soundcal.errors import SignalError
from soundcal.lab.operator import Operator
from soundcal.recording import Capture
from soundcal.takes.check import refuse, refuse_broken
from soundcal.takes.judge import judge

__all__ = ["accepted", "refuse_noise"]

Taken = TypeVar("Taken")

_STEPS: Final = 2.0
"""Noise of no more steps of the converter than this often leaves exact zeros on both inputs."""


def accepted(operator: Operator, record: Callable[[], Taken]) -> Taken:
    """Return the result of ``record``; a refused take is repeated while the operator agrees.

    Raises
    ------
    SignalError
        The take was refused, and the operator does not try again.
    """
    while True:
        try:
            return record()
        except SignalError as error:
            if not operator.again(str(error)):
                raise


def refuse_noise(take: Capture, what: str) -> None:
    """Refuse a take of the noise that is broken or invalid.

    Digital silence, as a path without noise gives it, is valid, and so is noise of one or two steps
    of the converter.

    Raises
    ------
    SignalError
        The take has overflows or clipped samples or is invalid; ``what`` names it.
    """
    refuse_broken(take, what)
    sizes = np.abs(take.samples)
    step = sizes.min(where=sizes > 0.0, initial=np.inf)
    if sizes.max() > _STEPS * step:
        refuse(judge(take), what)
