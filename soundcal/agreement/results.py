"""What all results of this package can do: become plain data or a table."""

import math
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Result", "plain"]


def plain(value: Any) -> Any:
    """Return lists, numbers and strings that JSON can hold, without rounding.

    What is undefined or unbounded (NaN, ±inf) becomes None, for which JSON has no number.

    >>> plain((1.5, float("nan"), "a"))
    [1.5, None, 'a']
    """
    if isinstance(value, Result):
        return value.to_dict()
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


class Result:
    """Base of the result types, which are frozen dataclasses."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as lists, numbers and strings, ready for JSON; nothing is rounded.

        What is undefined or unbounded is None.
        """
        return {entry.name: plain(getattr(self, entry.name)) for entry in _fields(self)}

    def to_frame(self) -> "pd.DataFrame":
        """Return one row: a column per number or text, ``_low`` and ``_high`` for an interval."""
        import pandas as pd

        row: dict[str, Any] = {}
        for entry in _fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, bool | int | float | str):
                row[entry.name] = value
            elif _is_interval(value):
                row[f"{entry.name}_low"], row[f"{entry.name}_high"] = value
        return pd.DataFrame([row])


def _fields(result: Any) -> tuple[Any, ...]:
    return fields(result)


def _is_interval(value: Any) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and all(isinstance(v, float) for v in value)
