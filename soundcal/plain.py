"""Results as plain data, which JSON can hold."""

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np

__all__ = ["plain"]


def plain(value: Any) -> Any:
    """Return lists, mappings, numbers and strings that JSON can hold, without rounding.

    Arrays and tuples become lists, dataclasses mappings of their fields. A number that is undefined
    or unbounded (NaN, ±inf) becomes None, for which JSON has no number.

    >>> plain((1.5, float("nan"), "a", np.arange(2)))
    [1.5, None, 'a', [0, 1]]
    """
    kind = type(value)
    if kind is float:  # the most frequent kinds first
        return value if math.isfinite(value) else None
    if kind is str or kind is int:
        return value
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)
