"""The ear rule of :mod:`soundcal.indicators.rows`, applied to a whole table."""

from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.errors import RecordError
from soundcal.files.names import some
from soundcal.indicators.registry import REGISTRY
from soundcal.indicators.rows import BINAURAL, EarRule, of_both_ears, rule_for
from soundcal.recording import EARS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EAR_RULES", "SINGLE", "of_ears", "swapped_ears", "with_ears_combined"]

EAR_RULES: Final[dict[str, str]] = {
    "mean": "arithmetic mean of both ears",
    "max": "higher ear (ISO/TS 12913-3:2019, Table D.1)",
    "energy": "energetic mean of both ears",
    "left": "left ear",
    "right": "right ear",
    BINAURAL: "binaural value by the standard itself (ECMA-418-2: root mean square of the specific "
    "values of both ears)",
    "both": "both ears in one model, limits of a single ear",
    "single": "single channel",
}
"""Printed name of each rule; ``single`` stands for one-channel recordings."""

SINGLE: Final = "single"
"""Channel of a value that belongs to no ear, and the rule of recordings of one channel."""

_DERIVED: Final = ("mean", "max", "energy", BINAURAL)
"""Rules whose values a table may hold beside those of the ears."""

_APART_DB: Final = 2.0
"""Smallest mean change of the difference between the ears that is taken for exchanged ears."""

_KEYS: Final = ("condition", "stimulus", "indicator", "statistic", "unit")


def with_ears_combined(table: "pd.DataFrame", rule: EarRule) -> "pd.DataFrame":
    """Return one value per condition, stimulus and indicator.

    Parameters
    ----------
    table : DataFrame
        Tidy table with the columns ``condition, stimulus, indicator, statistic, unit, channel,
        value``, and ``take`` for repeated takes; rows in any order. Values that a rule has made
        count as they are; :func:`of_ears` leaves only those that are asked for.
    rule : {"mean", "max", "energy", "left", "right", "binaural"}
        Rule that combines the ears. A recording of one channel keeps its value, and its rule is
        recorded as ``single``.

    Returns
    -------
    DataFrame
        Columns ``condition, stimulus, indicator, statistic, unit`` (and ``take``), ``ears, value``.
        A value is NaN where an ear that the rule needs is not finite.

    Raises
    ------
    RecordError
        A value occurs twice, one ear is missing, or the channels are not ears.
    """
    import pandas as pd

    keys = [*_KEYS, *(["take"] if "take" in table.columns else [])]
    repeated = table.duplicated([*keys, "channel"])
    if repeated.any():
        row = table[repeated].iloc[0]
        take = f", take {row['take']}" if "take" in keys else ""
        raise RecordError(
            f"{row['stimulus']!r} ({row['condition']}, {row['indicator']}{row['statistic']}, "
            f"{row['channel']}{take}) occurs more than once; keep one, or name repeated takes in a "
            "column take"
        )
    made = table["channel"].isin((SINGLE, *_DERIVED))
    parts = []
    for ready, part in table.groupby(made, sort=False):
        wide = part.pivot(index=keys, columns="channel", values="value")
        names = [str(name) for name in wide.columns]
        if ready:
            values = part.set_index(keys)["value"]
            rules = part.set_index(keys)["channel"]
        elif len(names) == 1 and names[0] not in EARS:
            values, rules = wide.iloc[:, 0], pd.Series(SINGLE, index=wide.index)
        else:
            counts = part.groupby(keys, sort=False, observed=True).size()
            _check_ears(names, counts, rule)
            values, rules = _combined(wide, rule)
        parts.append(pd.DataFrame({"ears": rules, "value": values}).reset_index())
    flat = pd.concat(parts, ignore_index=True)
    return flat[[*keys, "ears", "value"]]


def of_ears(table: "pd.DataFrame", rule: str) -> "pd.DataFrame":
    """Return a tidy table without the values that a rule has made of both ears, unless it asks.

    A table of ``soundcal measure --ears each,max`` holds the ears and what was made of them. The
    ears count; only where a condition has none for an indicator, and the rule asked for is the one
    that was applied, its values count. The rule ``binaural`` takes the standard's own values.

    Parameters
    ----------
    table : DataFrame
        As for :func:`with_ears_combined`.
    rule : {"mean", "max", "energy", "left", "right", "binaural", "both"}
        The rule of the comparison.

    Raises
    ------
    RecordError
        An indicator of a condition has values by other rules only; or no indicator has a binaural
        value, for the rule ``binaural``, which leaves out those without one.
    """
    if rule == BINAURAL:
        return _binaural(table)
    derived = table["channel"].isin(_DERIVED)
    if not derived.any():
        return table
    by = ["condition", "indicator", "statistic"]
    ears = table["channel"].isin(EARS).groupby([table[name] for name in by]).transform("any")
    # of an energetic mean, an indicator that is no level has the arithmetic one
    kinds = list(zip(table["indicator"].map(str), table["unit"].map(str), strict=True))
    meant = {kind: rule if rule == "both" else rule_for(rule, *kind) for kind in set(kinds)}
    asked = [meant[kind] for kind in kinds]
    kept = ~derived | (~ears & (table["channel"] == asked))
    lost = (~kept).groupby([table[name] for name in by]).transform("all")
    if lost.any():
        row = table[lost].iloc[0]
        there = sorted(set(table[lost]["channel"]))
        raise RecordError(
            f"{row['indicator']}{row['statistic']} ({row['condition']}) is there as "
            f"{' and '.join(there)} of both ears only, but the rule is {rule}; choose "
            f"--ears {there[0]}, or measure all recordings with the same --ears"
        )
    return table[kept]


def _binaural(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return the binaural values of a table, or refuse one without any."""
    own = table[table["channel"] == BINAURAL]
    if own.empty:
        names = (table["indicator"] + table["statistic"]).drop_duplicates()
        able = [symbol for symbol, entry in REGISTRY.items() if entry.binaural]
        raise RecordError(
            f"ear rule 'binaural', but {some(names)} has no binaural value; {', '.join(able)} "
            "can have one: measure them with --ears each,binaural, or choose another rule"
        )
    return own


def swapped_ears(table: "pd.DataFrame", first: str, second: str) -> str:
    """Return a remark if left and right of one method look like right and left of another.

    Parameters
    ----------
    table : DataFrame
        As for :func:`with_ears_combined`; its first indicator in dB is looked at.
    first, second : str
        The conditions.

    Returns
    -------
    str
        "" unless the differences between the ears are opposite in both methods: apart by 2 dB or
        more on average, and three times nearer to each other with the ears exchanged.
    """
    levels = table[table["unit"].str.startswith("dB") & table["channel"].isin(EARS)]
    if levels.empty:
        return ""
    label = levels.iloc[0][["indicator", "statistic"]]
    own = levels[(levels[["indicator", "statistic"]] == label).all(axis=1)]
    takes = ["take"] if "take" in own.columns else []
    index = ["condition", "stimulus", *takes]
    wide = own.pivot(index=index, columns="channel", values="value")
    wide = wide.groupby(index[:2]).mean() if takes else wide
    if set(wide.columns) != set(EARS):
        return ""
    apart = (wide["left"] - wide["right"]).unstack("condition")
    if not {first, second} <= set(apart.columns):
        return ""
    one, other = (apart[name].to_numpy(dtype=np.float64) for name in (first, second))
    known = np.isfinite(one) & np.isfinite(other)
    one, other = one[known], other[known]
    if one.size < 2:
        return ""
    as_given, exchanged = np.abs(one - other).mean(), np.abs(one + other).mean()
    if as_given < _APART_DB or 3.0 * exchanged > as_given:
        return ""
    return (
        f"{first} − {second}: left and right seem to be exchanged in one of them: left − right is "
        f"{one.mean():+.1f} dB on average in {first} and {other.mean():+.1f} dB in {second}; check "
        "plugs and --channels"
    )


def _check_ears(names: list[str], counts: "pd.Series[int]", rule: EarRule) -> None:
    strangers = sorted(set(names) - set(EARS))
    if strangers:
        raise RecordError(
            f"channels {', '.join(sorted(names))}: the ear rule {rule!r} needs the channels "
            f"{' and '.join(EARS)}; measure all recordings alike, with --channels left,right and "
            "with the same --ears or none, keep the rows of one channel, or name the channels of a "
            "table left and right"
        )
    needed = (rule,) if rule in EARS else EARS
    missing = sorted(set(needed) - set(names))
    if missing:
        there = ", ".join(names)
        raise RecordError(
            f"ear rule {rule!r}, but the table has no channel {missing[0]!r}, only {there}; choose "
            f"another rule (--ears {names[0]})"
        )
    alone = counts[counts < len(needed)]
    if len(alone):
        condition, stimulus, indicator, statistic = alone.index[0][:4]
        raise RecordError(
            f"{stimulus!r} ({condition}, {indicator}{statistic}) has one ear only; the ear "
            f"rule {rule!r} needs both; measure the other ear, or use the rule left or right"
        )


def _combined(wide: "pd.DataFrame", rule: EarRule) -> "tuple[pd.Series[float], pd.Series[str]]":
    import pandas as pd

    kinds = zip(*(wide.index.get_level_values(name) for name in ("indicator", "unit")), strict=True)
    rules = [rule_for(rule, str(indicator), str(unit)) for indicator, unit in kinds]
    # the ear that the rule leaves out may be missing from the table
    needed = (rule, rule) if rule in EARS else EARS
    left, right = (wide[ear].tolist() for ear in needed)
    values = [of_both_ears(*row) for row in zip(left, right, rules, strict=True)]
    return pd.Series(values, index=wide.index), pd.Series(rules, index=wide.index, dtype=object)
