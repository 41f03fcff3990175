"""The one result type of all indicators."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

import numpy as np

from soundcal.arrays import Array
from soundcal.plain import plain

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["PER_SIGNAL", "IndicatorResult", "of_each", "stack"]

R = TypeVar("R", bound="IndicatorResult")

PER_SIGNAL: Final = {"per_signal": True}
"""Metadata of the fields that hold one number, array or tuple per signal: their shape begins with
the leading shape, and tuples are nested like it. The other fields are common to all signals."""


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
        Unit of ``axis``: ``Bark``, ``Bark_HMS`` or ``Hz``.
    field : str
        Sound field assumed: ``free``, ``diffuse``, ``eardrum`` or "" where it has no effect.
    warnings : tuple of str
        Warnings about this result.
    binaural : IndicatorResult, optional
        The value of both ears that the standard itself defines, where it defines one and the last
        leading axis is a pair of ears; its leading shape is that of the ears without that axis.
    """

    name: str
    unit: str
    standard: str
    value: Any = dataclass_field(metadata=PER_SIGNAL)
    statistics: Mapping[str, Any] = dataclass_field(default_factory=dict, metadata=PER_SIGNAL)
    times: Array | None = dataclass_field(default=None, repr=False)
    series: Array | None = dataclass_field(default=None, repr=False, metadata=PER_SIGNAL)
    specific: Array | None = dataclass_field(default=None, repr=False, metadata=PER_SIGNAL)
    axis: Array | None = dataclass_field(default=None, repr=False)
    axis_unit: str = "Bark"
    field: str = ""
    warnings: tuple[str, ...] = ()
    binaural: "IndicatorResult | None" = dataclass_field(default=None, repr=False)

    def with_warnings(self, *warnings: str) -> Self:
        """Return the result with more warnings."""
        return replace(self, warnings=(*self.warnings, *warnings))

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as lists, numbers and strings, ready for JSON; nothing is rounded.

        Numbers that are undefined or unbounded, such as the level of silence, are None.
        """
        return {entry.name: plain(getattr(self, entry.name)) for entry in fields(self)}

    def to_frame(self) -> "pd.DataFrame":
        """Return value and statistics as a tidy table: one row per signal and statistic.

        Columns: ``signal`` (flat index over the leading axes; ``binaural`` for the standard's value
        of both ears, with the index of the pair where there are several), ``indicator``,
        ``statistic`` (``value`` for the single value), ``value``, ``unit``.
        """
        import pandas as pd

        rows: list[tuple[int | str, str, str, float, str]] = [
            (index, self.name, statistic, float(entry), self.unit)
            for statistic, values in (("value", self.value), *self.statistics.items())
            for index, entry in enumerate(np.ravel(values))
        ]
        if self.binaural is not None:
            one = np.ndim(self.binaural.value) == 0
            rows += [
                ("binaural" if one else f"binaural {pair}", *others)
                for pair, *others in self.binaural.to_frame().itertuples(index=False)
            ]
        return pd.DataFrame(rows, columns=["signal", "indicator", "statistic", "value", "unit"])


def _nested(entries: Sequence[Any], leading: tuple[int, ...]) -> Any:
    """Return the entries as tuples nested like the leading axes."""
    if not leading:
        return entries[0]
    size = len(entries) // max(1, leading[0])
    return tuple(
        _nested(entries[i * size : (i + 1) * size], leading[1:]) for i in range(leading[0])
    )


def of_each(results: Sequence[R], change: Callable[[Sequence[Any]], Any]) -> R:
    """Return the first of several results of one kind with its values per signal changed.

    Parameters
    ----------
    results : sequence of IndicatorResult
        Results of one kind.
    change : callable
        Takes what the results have in one field, or for one statistic, and returns what takes its
        place. A field that one of the results lacks is None, and a statistic is left out.
    """

    def changed(values: Sequence[Any]) -> Any:
        if any(value is None for value in values):
            return None
        if isinstance(values[0], Mapping):
            common = [key for key in values[0] if all(key in value for value in values)]
            return {key: changed([value[key] for value in values]) for key in common}
        return change(values)

    first = results[0]
    changes: dict[str, Any] = {
        entry.name: changed([getattr(result, entry.name) for result in results])
        for entry in fields(first)
        if entry.metadata == PER_SIGNAL
    }
    return replace(first, **changes)


def stack(
    results: Sequence[IndicatorResult], leading: tuple[int, ...], n_axes: int = 0
) -> IndicatorResult:
    """Combine results of single signals, or of groups of signals, into one.

    Parameters
    ----------
    results : sequence of IndicatorResult
        Results of one kind.
    leading : tuple of int
        Leading shape of the combination.
    n_axes : int
        Number of leading axes of each result: 0 for single signals.
    """

    def joined(values: Sequence[Any]) -> Any:
        if isinstance(values[0], tuple):
            return _nested(values, leading)
        array = np.asarray(values, dtype=np.float64)
        array = array.reshape(leading + array.shape[1 + n_axes :])
        return array if array.ndim else array.item()

    binaural = None
    if results[0].binaural is not None:
        pairs = [result.binaural for result in results if result.binaural is not None]
        binaural = stack(pairs, leading[:-1], n_axes - 1)
    warnings = tuple(dict.fromkeys(w for r in results for w in r.warnings))
    return replace(of_each(results, joined), warnings=warnings, binaural=binaural)
