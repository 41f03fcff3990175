"""The table with one row per recording, as spreadsheets have it, from tidy rows."""

import re
from collections.abc import Sequence
from typing import Any, Final

from soundcal.indicators.registry import REGISTRY
from soundcal.indicators.rows import FAILED, TidyRow

__all__ = ["NOT_MEASURED", "RECORDING", "wide_column", "wide_heading", "wide_table"]

RECORDING: Final = "recording"
NOT_MEASURED: Final = "not measured"

_HEADING: Final = re.compile(
    r"(?P<u>u\()?(?P<label>[^_()]+)_(?P<channel>.+) \[(?P<unit>[^\[]*)\]\)?"
)


def wide_column(row: TidyRow) -> str:
    """Return the name of the column that holds a row's value.

    >>> wide_column(TidyRow("a.wav", "left", "LA", "eq", 65.0, "dB", None, "", ""))
    'LAeq_left [dB]'
    """
    return f"{row.indicator}{row.statistic}_{row.channel} [{row.unit}]"


def wide_heading(name: str) -> tuple[str, str, str, str, bool] | None:
    """Return what the name of a column says: symbol, statistic, channel, unit, and whether it is u.

    The inverse of :func:`wide_column`; None for other columns.

    >>> wide_heading("LAeq_left [dB]"), wide_heading("u(N5_max [sone])")
    (('LA', 'eq', 'left', 'dB', False), ('N', '5', 'max', 'sone', True))
    """
    found = _HEADING.fullmatch(name)
    if found is None:
        return None
    of_label = (
        (entry.symbol, statistic)
        for entry in REGISTRY.values()
        for statistic in entry.statistics
        if entry.symbol + statistic == found["label"]
    )
    label = next(of_label, None)
    return None if label is None else (*label, found["channel"], found["unit"], bool(found["u"]))


def wide_table(
    rows: Sequence[TidyRow], *, uncertainty: bool = False
) -> tuple[list[str], list[list[Any]]]:
    """Arrange rows of the tidy table as one row per recording.

    Parameters
    ----------
    rows : sequence of TidyRow
        Rows of one or several recordings; rows ``failed`` included.
    uncertainty : bool
        Add a column ``u(…)`` beside every value whose standard uncertainty is known.

    Returns
    -------
    columns : list of str
        ``recording``; one column per channel (or ear rule) and label, such as ``LAeq_left [dB]``;
        ``not measured``, with the reasons, if there are any; ``calibration``; ``software``.
    cells : list of list
        One list per recording; None where there is no value.
    """
    names: dict[str, None] = {}
    by_recording: dict[str, dict[str, Any]] = {}
    for row in rows:
        cells = by_recording.setdefault(row.recording, {})
        cells["calibration"], cells["software"] = row.calibration, row.software
        if row.indicator == FAILED:
            before = cells.get(NOT_MEASURED)
            cells[NOT_MEASURED] = f"{before}; {row.statistic}" if before else row.statistic
            continue
        name = wide_column(row)
        names[name] = None
        cells[name] = row.value
        if uncertainty and row.u is not None:
            names[f"u({name})"] = None
            cells[f"u({name})"] = row.u
    failed = any(NOT_MEASURED in cells for cells in by_recording.values())
    columns = [*names, *([NOT_MEASURED] if failed else []), "calibration", "software"]
    table = [
        [recording, *(cells.get(name) for name in columns)]
        for recording, cells in by_recording.items()
    ]
    return [RECORDING, *columns], table
