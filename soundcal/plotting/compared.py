"""Plots of agreement, comparisons, studies and relations."""

from functools import partial
from typing import TYPE_CHECKING

from soundcal.errors import ParameterError
from soundcal.plotting.canvas import Drawing
from soundcal.report.figures.agreement import draw_bland_altman
from soundcal.report.figures.forest import draw_bias_forest, draw_equivalence
from soundcal.report.figures.page import short
from soundcal.report.figures.relation import draw_correlations, draw_scatter
from soundcal.report.figures.stimuli import MAX_DOT_ROWS, draw_dots
from soundcal.report.sections.relation import scatter_panel
from soundcal.report.style import unit_label

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soundcal.agreement.limits_of_agreement import Agreement
    from soundcal.agreement.nonparametric import NonparametricLimits
    from soundcal.relation.result import Relation
    from soundcal.study.comparison import Entry, MethodComparison
    from soundcal.study.model import Study

__all__ = [
    "of_agreement",
    "of_comparison",
    "of_correlations",
    "of_entry",
    "of_forest",
    "of_outcome",
    "of_values",
]

_AVERAGES = {
    "mean": "Mean of both methods",
    "geometric": "Geometric mean of both methods",
    "x": "First method",
    "y": "Second method",
}


def of_agreement(limits: "Agreement | NonparametricLimits") -> Drawing:
    """Draw differences over means, bias and limits of agreement."""
    unit = getattr(limits, "unit", "")
    scale = {"ratio": "×", "percent": "%"}.get(limits.scale, unit)
    average = _AVERAGES[getattr(limits, "x_axis", "mean")]
    direction = limits.direction.replace(" - ", " − ")
    return Drawing(
        partial(
            draw_bland_altman,
            limits=limits,
            x_label=f"{average} ({unit})" if unit else average,
            y_label=f"{direction} ({scale})" if scale else direction,
            unit=scale,
        ),
        110.0,
    )


def of_entry(entry: "Entry") -> Drawing:
    """Draw the Bland-Altman plot of one indicator and pair of methods."""
    unit = unit_label(entry.indicator, entry.unit)
    scale = unit_label(entry.indicator, entry.difference_unit)
    sign = "/" if entry.scale == "ratio" else "−"
    direction = f"{short(entry.first, 18)} {sign} {short(entry.second, 18)}"
    return Drawing(
        partial(
            draw_bland_altman,
            limits=entry.agreement,
            x_label=f"{entry.label}, {_AVERAGES[entry.agreement.x_axis].lower()} ({unit})",
            y_label=f"{entry.label}, {direction} ({scale})",
            unit=entry.difference_unit,
            allowed=entry.allowed,
        ),
        110.0,
    )


def of_comparison(comparison: "MethodComparison", of: str) -> Drawing:
    """Draw the Bland-Altman plot of a label, if it was compared for one pair of methods."""
    entries = _of_label(comparison.entries, of)
    if len(entries) > 1:
        label, pairs = entries[0].label, [(entry.first, entry.second) for entry in entries]
        raise ParameterError(
            f"{label} was compared for {len(pairs)} pairs of methods; plot one of them: "
            + " or ".join(f"comparison.entry{(label, *pair)}" for pair in pairs)
        )
    return of_entry(entries[0])


def _of_label(entries: "Sequence[Entry]", of: str) -> "list[Entry]":
    """Return the entries of a label; by default of LAeq, or else of the first one."""
    known = list(dict.fromkeys(entry.label for entry in entries))
    if of and of not in known:
        raise ParameterError(f"{of!r} was not compared; of is one of {', '.join(known)}")
    label = of or ("LAeq" if "LAeq" in known else known[0])
    return [entry for entry in entries if entry.label == label]


def of_forest(study: "Study | MethodComparison", of: str) -> Drawing:
    """Draw bias and limits as rows: in units of the allowable differences, or of one label."""
    comparisons = getattr(study, "comparisons", None) or {"": study}
    if not of and len(comparisons) == 1:
        (comparison,) = comparisons.values()
        tested = sorted(
            comparison.tested, key=lambda entry: comparison.pairs.index((entry.first, entry.second))
        )
        if tested:
            groups = len({entry.direction for entry in tested})
            return Drawing(
                partial(draw_equivalence, entries=tested),
                180.0,
                14.0 + 4.2 * (len(tested) + groups),
            )
    entries = [(name, entry) for name, one in comparisons.items() for entry in one.entries]
    chosen = {id(entry) for entry in _of_label([entry for _, entry in entries], of)}
    shown = [(name, entry) for name, entry in entries if id(entry) in chosen]
    return Drawing(partial(draw_bias_forest, entries=shown), 110.0, 24.0 + 6.0 * len(shown))


def of_values(comparison: "MethodComparison", of: str) -> Drawing:
    """Draw the values of a label per stimulus, one marker per method."""
    entry = _of_label(comparison.entries, of)[0]
    values = comparison.by_method(entry.indicator, entry.statistic)
    unit = unit_label(entry.indicator, entry.unit)
    rows = min(len(values), MAX_DOT_ROWS)
    return Drawing(
        partial(draw_dots, values=values, label=entry.label, unit=unit), 110.0, 22.0 + 4.0 * rows
    )


def of_correlations(relation: "Relation") -> Drawing:
    """Draw the correlations of all outcomes and indicators as a map; outlined: significant."""
    correlations = relation.heatmap()
    outlined = relation.heatmap("pearson_p") <= relation.level
    rows, columns = correlations.shape
    return Drawing(
        partial(draw_correlations, correlations=correlations, outlined=outlined),
        max(110.0, 50.0 + 6.0 * columns),
        35.0 + 6.0 * rows,
        colours="Pearson's correlation",
    )


def of_outcome(relation: "Relation", of: str) -> Drawing:
    """Draw the differences of an outcome against those of the indicator it follows most."""
    rows = relation.strongest(len(relation.outcomes))
    known = rows["outcome"].tolist()
    if of and of not in known:
        raise ParameterError(f"no outcome {of!r}; of is one of {', '.join(known)}")
    row = rows[rows["outcome"] == (of or known[0])].to_dict("records")[0]
    return Drawing(
        partial(draw_scatter, panel=scatter_panel(relation, {str(k): v for k, v in row.items()})),
        110.0,
    )
