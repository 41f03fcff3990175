"""Sections of a report without a comparison: the values of every recording, table and figure."""

from functools import partial
from typing import TYPE_CHECKING, Any

from soundcal.report import figures
from soundcal.report.document import Block, Bullets, Column, Picture, Section, Table, slug
from soundcal.report.style import count, family_name, unit_label, value_text
from soundcal.study import Study

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["values_sections", "values_summary", "values_words"]

_NAMES = ("combination", "condition", "stimulus", "take")
"""Columns that together name a recording; of these, those that differ are shown."""


def values_words(study: Study) -> list[str]:
    """Return what was measured in plain words: recordings, and the range of the main values."""
    names, table = _named(study)
    measured = len(table[names].drop_duplicates())
    missing = len(_recordings(study, names)) - measured
    texts = [
        f"{count(measured, 'recording')} measured"
        + (f", {missing} could not be measured" if missing else "")
        + ": the report has the values of each, and no comparison."
    ]
    for indicator, statistic in _leading(table):
        rows = _rows(table, indicator, statistic)
        rows = rows[rows["value"].notna()].sort_values("value", kind="stable")
        if len(rows):
            ends = [rows.iloc[0], rows.iloc[-1]]
            unit = str(rows["unit"].iloc[0])
            texts.append(
                f"{indicator}{statistic}: from "
                + " to ".join(
                    f"{value_text(float(end['value']), unit)} {unit_label(indicator, unit)} "
                    f"({_title(end, names)}, {end['channel']})"
                    for end in ends
                )
                + "."
            )
    return texts


def values_summary(study: Study) -> tuple[Block, ...]:
    """Return the outcome in words, and one table of the main value of each indicator."""
    names, table = _named(study)
    labels = [(i, s, str(_rows(table, i, s)["unit"].iloc[0])) for i, s in _leading(table)]
    found = _table(study, "overview", "Main value of each indicator", names, table, labels)
    return (Bullets(tuple(values_words(study))), found)


def values_sections(study: Study) -> list[Section]:
    """Return a section for each indicator: a figure and the table of all recordings."""
    names, table = _named(study)
    sections = []
    for (indicator, unit), rows in table.groupby(["indicator", "unit"], sort=False):
        symbol, heading = str(indicator), family_name(str(indicator))
        statistics = list(dict.fromkeys(map(str, rows["statistic"])))
        printed = unit_label(symbol, str(unit))
        heading += f" {symbol}" if heading != symbol else ""
        labels = [(symbol, statistic, str(unit)) for statistic in statistics]
        caption = f"{family_name(symbol)} of every recording in {printed}"
        blocks: list[Block] = []
        most = figures.MAX_VALUE_PANELS
        for start in range(0, len(labels), most):
            wide = _wide(rows, names, labels[start : start + most])
            if wide.notna().any(axis=None):
                blocks.append(_picture(symbol, printed, start, wide))
        name = slug("values", symbol)
        blocks.append(_table(study, name, caption, names, table, labels))
        sections.append(Section(slug("family", symbol), f"{heading} in {printed}", tuple(blocks)))
    return sections


def _picture(symbol: str, unit: str, start: int, wide: "pd.DataFrame") -> Picture:
    labels = ", ".join(dict.fromkeys(wide.columns.get_level_values(0)))
    return Picture(
        slug("dots", symbol, str(start or "")),
        f"{labels} of every recording",
        "One row per recording, one marker per channel. The numbers are in the table below.",
        f"{labels} of every recording in {unit}, ordered by the first of them.",
        partial(figures.value_dots, wide, unit),
    )


def _named(study: Study) -> tuple[list[str], "pd.DataFrame"]:
    """Return the columns that name a recording, and the table of values."""
    table = study.table
    several = [
        name
        for name in _NAMES
        if name in table.columns and (name == "stimulus" or table[name].nunique() > 1)
    ]
    return several, table


def _recordings(study: Study, names: list[str]) -> list[tuple[str, ...]]:
    """Return all recordings by name, also those that could not be measured."""
    found = [tuple(map(str, row)) for row in study.table[names].drop_duplicates().to_numpy()]
    if "take" not in names:
        own = [tuple(str(getattr(source, name)) for name in names) for source in study.sources]
        found = list(dict.fromkeys((*own, *found)))
    return found


def _title(row: Any, names: list[str]) -> str:
    return ", ".join(str(row[name]) for name in names)


def _rows(table: "pd.DataFrame", indicator: str, statistic: str) -> "pd.DataFrame":
    return table.loc[(table["indicator"] == indicator) & (table["statistic"] == statistic)]


def _leading(table: "pd.DataFrame") -> list[tuple[str, str]]:
    """Return the first statistic of each indicator, in their order."""
    first = table[["indicator", "statistic"]].drop_duplicates("indicator")
    return [(str(i), str(s)) for i, s in first.to_numpy()]


def _wide(
    table: "pd.DataFrame", names: list[str], labels: list[tuple[str, str, str]]
) -> "pd.DataFrame":
    """Return values by recording, label and channel."""
    rows = table.assign(
        label=table["indicator"].astype(str) + table["statistic"].astype(str),
        recording=[", ".join(map(str, row)) for row in table[names].to_numpy()],
    )
    wide = rows.pivot(index="recording", columns=["label", "channel"], values="value")
    channels = list(dict.fromkeys(table["channel"]))
    order = [(f"{i}{s}", channel) for i, s, _ in labels for channel in channels]
    return wide.loc[:, [key for key in order if key in wide.columns]]


def _table(
    study: Study,
    name: str,
    caption: str,
    names: list[str],
    table: "pd.DataFrame",
    labels: list[tuple[str, str, str]],
) -> Table:
    wide = _wide(table, names, labels)
    units = {f"{i}{s}": (i, unit) for i, s, unit in labels}
    several = len({unit for _, unit in units.values()}) > 1
    titles = {"stimulus": "Recording", "condition": "Condition", "combination": "Equipment"}
    columns = [Column(titles.get(one, one.capitalize())) for one in names]
    for label, channel in wide.columns.to_numpy():
        indicator, unit = units[str(label)]
        group = f"{label} in {unit_label(indicator, unit)}" if several else str(label)
        columns.append(Column(str(channel), "number", unit, group))
    cells = {str(index): row for index, row in zip(wide.index, wide.to_numpy(), strict=True)}
    empty = (None,) * len(wide.columns)
    rows = tuple(
        (
            *recording,
            *(
                (None if value != value else float(value) for value in cells[", ".join(recording)])
                if ", ".join(recording) in cells
                else empty
            ),
        )
        for recording in _recordings(study, names)
    )
    return Table(name, caption, tuple(columns), rows)
