"""Conversion of the results of this package to plain data and to tables."""

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from soundcal.plain import plain

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["StatisticalResult"]


class StatisticalResult:
    """Base of the result types, which are frozen dataclasses."""

    __slots__ = ()

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as lists, numbers and strings, ready for JSON; nothing is rounded.

        Undefined and unbounded values are None.
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
