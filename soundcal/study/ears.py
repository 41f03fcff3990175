"""The ear rule: one value out of two ears, by a stated rule.

ISO/TS 12913-3:2019, Table D.1, makes the higher ear the single value; the study behind soundcal
(Lam et al., arXiv 2207.12899) took the arithmetic mean of both. The choice moves levels by tenths
of a decibel to several decibels, so it is explicit everywhere and printed with every table.
"""

from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.errors import RecordError
from soundcal.indicators.rows import EarRule, rule_for
from soundcal.recording import EARS
from soundcal.units import energetic_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["EAR_RULES", "EarRule", "with_ears_combined"]

EAR_RULES: Final[dict[str, str]] = {
    "mean": "arithmetic mean of both ears",
    "max": "higher ear (ISO/TS 12913-3:2019, Table D.1)",
    "energy": "energetic mean of both ears",
    "left": "left ear",
    "right": "right ear",
    "single": "single channel",
}
"""What each rule is called in print; ``single`` stands for one-channel recordings."""

_KEYS: Final = ("condition", "stimulus", "indicator", "statistic", "unit")


def with_ears_combined(table: "pd.DataFrame", rule: EarRule) -> "pd.DataFrame":
    """Return one value per condition, stimulus and indicator.

    Parameters
    ----------
    table : DataFrame
        Tidy table with the columns ``condition, stimulus, indicator, statistic, unit, channel,
        value``; rows in any order.
    rule : {"mean", "max", "energy", "left", "right"}
        How the ears are combined. A recording of one channel keeps its value, and its rule is
        recorded as ``single``.

    Returns
    -------
    DataFrame
        Columns ``condition, stimulus, indicator, statistic, unit, ears, value``. A value is NaN
        where an ear that the rule needs is not finite.

    Raises
    ------
    RecordError
        A value occurs twice, one ear is missing, or the channels are not ears.
    """
    import pandas as pd

    keys = list(_KEYS)
    repeated = table.duplicated([*keys, "channel"])
    if repeated.any():
        row = table[repeated].iloc[0]
        raise RecordError(
            f"{row['stimulus']!r} ({row['condition']}, {row['indicator']}{row['statistic']}, "
            f"{row['channel']}) occurs more than once; keep one run, or average the runs first"
        )
    wide = table.pivot(index=keys, columns="channel", values="value")
    names = [str(name) for name in wide.columns]
    counts = table.groupby(keys, sort=False, observed=True).size()
    if len(names) == 1 and names[0] not in EARS:
        values, rules = wide.iloc[:, 0], pd.Series("single", index=wide.index)
    else:
        _check_ears(names, counts, rule)
        values, rules = _combined(wide, rule)
    flat = pd.DataFrame({"ears": rules, "value": values}).reset_index()
    return flat[[*keys, "ears", "value"]]


def _check_ears(names: list[str], counts: "pd.Series[int]", rule: EarRule) -> None:
    strangers = sorted(set(names) - set(EARS))
    if strangers:
        raise RecordError(
            f"channels {', '.join(sorted(names))}: the ear rule {rule!r} needs the channels "
            f"{' and '.join(EARS)}; rename the channels or keep one"
        )
    needed = (rule,) if rule in EARS else EARS
    missing = sorted(set(needed) - set(names))
    if missing:
        raise RecordError(f"ear rule {rule!r}, but the table has no channel {missing[0]!r}")
    alone = counts[counts < len(needed)]
    if len(alone):
        condition, stimulus, indicator, statistic, _ = alone.index[0]
        raise RecordError(
            f"{stimulus!r} ({condition}, {indicator}{statistic}) has one ear only, but the ear "
            f"rule {rule!r} needs both; measure the other ear, or use the rule left or right"
        )


def _combined(wide: "pd.DataFrame", rule: EarRule) -> "tuple[pd.Series[float], pd.Series[str]]":
    import pandas as pd

    kinds = zip(*(wide.index.get_level_values(name) for name in ("indicator", "unit")), strict=True)
    rules = pd.Series(
        [rule_for(rule, str(indicator), str(unit)) for indicator, unit in kinds],
        index=wide.index,
        dtype=object,
    )
    if rule in EARS:
        return wide[rule], rules
    ears = wide[list(EARS)].to_numpy(dtype=np.float64)
    if rule == "max":
        # np.max keeps NaN: a value that is missing in one ear is missing
        return pd.Series(ears.max(axis=1), index=wide.index), rules
    values = ears.mean(axis=1)
    levels = (rules == "energy").to_numpy()
    if levels.any():
        values[levels] = np.apply_along_axis(energetic_mean, 1, ears[levels])
    return pd.Series(values, index=wide.index), rules
