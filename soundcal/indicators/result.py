"""The one result type of all indicators."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING, Any

import numpy as np

from soundcal.arrays import Array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["IndicatorResult"]


@dataclass(frozen=True, slots=True, eq=False)
class IndicatorResult:
    """An indicator of one or many signals.

    :func:`soundcal.plot` draws it. What Python prints of it leaves out the arrays over time and
    frequency.

    ``leading`` below denotes the shape of the input without its last axis: () for one signal,
    (2,) for both ears. Quantities of shape () are Python floats.

    Parameters
    ----------
    name : str
        Name in the registry, e.g. ``loudness_zwtv``.
    unit : str
        Unit of value, statistics and series, e.g. ``sone``.
    standard : str
        Standard, edition and clause, or publication, and the variant where there is one.
    value : float or ndarray, shape (leading)
        The single value, defined in the function's documentation.
    statistics : mapping of str to float or ndarray, shape (leading)
        Named statistics of the series: ``N5``, ``max``, …
    times : ndarray, shape (n_times,), optional
        Time axis of the series in s.
    series : ndarray, shape (leading, n_times), optional
        The indicator over time.
    specific : ndarray, shape (leading, [n_times,] n_axis), optional
        Specific values per Bark (or levels per frequency band).
    axis : ndarray, shape (n_axis,), optional
        Last axis of ``specific``: critical-band rates in Bark, or frequencies in Hz (see
        ``axis_unit``).
    axis_unit : str
        Unit of ``axis``: ``Bark`` or ``Hz``.
    field : str
        Sound field assumed: ``free``, ``diffuse`` or "" where it has no effect.
    warnings : tuple of str
        Warnings about this result.
    """

    name: str
    unit: str
    standard: str
    value: Any
    statistics: Mapping[str, Any] = dataclass_field(default_factory=dict)
    times: Array | None = dataclass_field(default=None, repr=False)
    series: Array | None = dataclass_field(default=None, repr=False)
    specific: Array | None = dataclass_field(default=None, repr=False)
    axis: Array | None = dataclass_field(default=None, repr=False)
    axis_unit: str = "Bark"
    field: str = ""
    warnings: tuple[str, ...] = ()

    def with_warnings(self, *warnings: str) -> "IndicatorResult":
        """Return the result with more warnings."""
        return replace(self, warnings=(*self.warnings, *warnings))

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as lists, numbers and strings, ready for JSON; nothing is rounded."""

        def plain(value: Any) -> Any:
            return value.tolist() if isinstance(value, np.ndarray | np.generic) else value

        return {
            "name": self.name,
            "unit": self.unit,
            "standard": self.standard,
            "value": plain(self.value),
            "statistics": {key: plain(value) for key, value in self.statistics.items()},
            "times": plain(self.times),
            "series": plain(self.series),
            "specific": plain(self.specific),
            "axis": plain(self.axis),
            "axis_unit": self.axis_unit,
            "field": self.field,
            "warnings": list(self.warnings),
        }

    def to_frame(self) -> "pd.DataFrame":
        """Return value and statistics as a tidy table: one row per signal and statistic.

        Columns: ``signal`` (flat index over the leading axes), ``indicator``, ``statistic``
        (``value`` for the single value), ``value``, ``unit``.
        """
        import pandas as pd

        rows = [
            (index, self.name, statistic, float(entry), self.unit)
            for statistic, values in (("value", self.value), *self.statistics.items())
            for index, entry in enumerate(np.ravel(values))
        ]
        return pd.DataFrame(rows, columns=["signal", "indicator", "statistic", "value", "unit"])
