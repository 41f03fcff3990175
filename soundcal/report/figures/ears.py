"""The value of both ears that a standard defines, drawn beside the ears."""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from soundcal.indicators.result import PER_SIGNAL
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

    def joined(ears: Any, own: Any) -> Any:
        if ears is None or own is None:
            return None
        if isinstance(ears, Mapping):
            return {name: joined(ears[name], own[name]) for name in ears if name in own}
        return np.concatenate([np.asarray(ears), np.asarray(own)[None]])

    of_both = {
        entry.name: joined(getattr(result, entry.name), getattr(both, entry.name))
        for entry in fields(result)
        if entry.metadata == PER_SIGNAL
    }
    return replace(result, binaural=None, **of_both), (*names, BINAURAL)
