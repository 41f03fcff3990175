"""The value of both ears that a standard defines, drawn beside the ears."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from soundcal.indicators.result import of_each
from soundcal.indicators.rows import BINAURAL

if TYPE_CHECKING:
    from soundcal.indicators.result import IndicatorResult

__all__ = ["with_binaural"]


def with_binaural(
    result: "IndicatorResult", names: Sequence[str]
) -> tuple["IndicatorResult", tuple[str, ...]]:
    """Return the result of two ears with the standard's own value of both as a third channel.

    A result without such a value is returned as it is.
    """
    both = result.binaural
    if both is None or np.ndim(result.value) != 1:
        return result, tuple(names)

    def joined(values: Sequence[Any]) -> Any:
        ears, own = values
        return np.concatenate([np.asarray(ears), np.asarray(own)[None]])

    return replace(of_each([result, both], joined), binaural=None), (*names, BINAURAL)
