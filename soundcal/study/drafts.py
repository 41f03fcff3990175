"""The comparisons of a study whose recordings have been measured."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from typing import TYPE_CHECKING

from soundcal.indicators.rows import BINAURAL
from soundcal.recording import EARS
from soundcal.study.model import Study, study_of
from soundcal.study.rules import Rules

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["with_comparisons"]


def with_comparisons(
    draft: Study,
    methods: Sequence[str] | None,
    reference: str | None,
    rules: Rules | None,
) -> Study:
    """Return a study with its comparisons; a study of one method has none.

    Parameters
    ----------
    draft : Study
        A study without comparisons.
    methods, reference, rules
        As for :func:`soundcal.study.compare_methods`.
    """
    table = draft.table
    found = table["condition"].unique()
    if len(found) < 2 and (not methods or list(methods) == list(found)) and reference is None:
        return draft
    warning = _no_agreement(table, methods or [str(name) for name in found])
    if warning:
        return replace(draft, warnings=(*draft.warnings, warning))
    compared = study_of(table, methods, reference=reference, rules=rules)
    return replace(draft, comparisons=compared.comparisons)


def _no_agreement(table: "pd.DataFrame", methods: Sequence[str]) -> str:
    """Return the reason why the values are reported without agreement; "" if there is none."""
    channels = table["channel"][table["channel"] != BINAURAL].drop_duplicates().tolist()
    if len(channels) > 1 and not set(channels) <= set(EARS):
        return (
            f"The recordings have the channels {', '.join(channels)}; agreement needs left and "
            "right, or one channel that is the same in all, and none is reported."
        )
    if only := _only_stimulus(table, methods):
        return (
            f"The methods have one stimulus in common ({only}); agreement needs two or more, "
            "and none is reported."
        )
    return ""


def _only_stimulus(table: "pd.DataFrame", methods: Sequence[str]) -> str:
    """Return the stimulus that methods have in common, if no two of them have a second one."""
    stimuli = {name: set(table["stimulus"][table["condition"] == name]) for name in methods}
    common = [stimuli[a] & stimuli[b] for a, b in combinations(methods, 2)]
    most = max(common, key=len, default=set())
    return str(*most) if len(most) == 1 else ""
