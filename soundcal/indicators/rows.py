"""Results as tidy rows, and the ear rule that combines both ears into one value.

ISO/TS 12913-3:2019, Table D.1, uses the higher ear as the single value; the study behind soundcal
(Lam et al., arXiv 2207.12899) used the arithmetic mean of both. The choice changes levels by tenths
of a decibel to several decibels, so it is explicit everywhere and printed with every table.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from soundcal.errors import ParameterError
from soundcal.indicators.registry import REGISTRY, find
from soundcal.indicators.result import IndicatorResult
from soundcal.recording import EARS
from soundcal.units import energetic_mean
from soundcal.version import __version__

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COLUMNS",
    "EACH",
    "FAILED",
    "EarRule",
    "TidyRow",
    "by_rules",
    "check_ear_rule",
    "combine_ears",
    "of_both_ears",
    "rule_for",
    "tidy_rows",
    "to_frame",
]

EarRule = Literal["mean", "max", "energy", "left", "right"]

EACH: Final = "each"
"""The rule by which every channel keeps its own value."""


FAILED: Final = "failed"
"""Indicator of a row for a file, or an indicator of it, that could not be measured; the statistic
gives the reason."""


@dataclass(frozen=True, slots=True)
class TidyRow:
    """One value of the tidy table.

    Parameters
    ----------
    recording : str
        Name of the recording: a file, a stimulus.
    channel : str
        Channel, or the ear rule where both ears were combined.
    indicator, statistic : str
        Symbol and statistic; together they are the printed label.
    value : float
        Value in ``unit``; never rounded.
    unit : str
        Unit.
    u : float or None
        Standard uncertainty in ``unit``; None if it is not known.
    calibration : str
        Identity of the calibration.
    software : str
        Software that computed the value.
    """

    recording: str
    channel: str
    indicator: str
    statistic: str
    value: float
    unit: str
    u: float | None
    calibration: str
    software: str

    def to_dict(self) -> dict[str, Any]:
        """Return the columns, ready for JSON; infinite values become null."""
        row = dict(zip(COLUMNS, _columns_of(self), strict=True))
        row["value"] = self.value if np.isfinite(self.value) else None
        return row


COLUMNS: Final = tuple(field.name for field in fields(TidyRow))
"""Columns of the tidy table, in order."""

_columns_of: Final = attrgetter(*COLUMNS)


def tidy_rows(
    results: Mapping[str, IndicatorResult],
    wanted: Mapping[str, Sequence[str]],
    *,
    recording: str,
    channels: Sequence[str],
    calibration: str = "",
    u_db: Sequence[float] = (),
    shifted: Mapping[str, IndicatorResult] | None = None,
    engine: str = "soundcal",
    field: str = "free",
) -> list[TidyRow]:
    """Return one row per channel and wanted statistic.

    Parameters
    ----------
    results : mapping of str to IndicatorResult
        Results by symbol, with leading shape (n_channels,).
    wanted : mapping of str to sequence of str
        Statistics per symbol.
    recording : str
        Name in the first column.
    channels : sequence of str
        Channel names.
    calibration : str
        Identity of the calibration.
    u_db : sequence of float
        Standard uncertainty of the calibration per channel in dB, or empty; 0 means that it was not
        stated. It is the uncertainty of every level.
    shifted : mapping of str to IndicatorResult, optional
        The same results with the pressure raised by the standard uncertainty of each channel; the
        difference is the uncertainty of all other indicators (GUM 5.1.3, Note 2).
    engine : {"soundcal", "mosqito"}
        Engine, named in the column ``software`` unless it is soundcal.
    field : {"free", "diffuse"}
        Sound field, named in the column ``software`` unless it is the free field.
    """
    software = f"soundcal {__version__}"
    if engine != "soundcal":
        software += f", engine {engine}"
    if field != "free":
        software += f", {field} field"
    rows = []
    for symbol, statistics in wanted.items():
        result = results[symbol]
        for index, channel in enumerate(channels):
            for statistic in statistics:
                if statistic not in result.statistics:
                    continue  # a band too high for the sampling rate; the result has a warning
                value = _value(result, statistic, index)
                u = u_db[index] if u_db and u_db[index] > 0 else None
                if u is not None and not find(symbol).is_level:
                    raised = None if shifted is None else shifted[symbol]
                    u = None if raised is None else abs(_value(raised, statistic, index) - value)
                rows.append(
                    TidyRow(
                        recording=recording,
                        channel=channel,
                        indicator=symbol,
                        statistic=statistic,
                        value=value,
                        unit=result.unit,
                        u=u,
                        calibration=calibration,
                        software=software,
                    )
                )
    return rows


def _value(result: IndicatorResult, statistic: str, channel: int) -> float:
    return float(np.ravel(result.statistics[statistic])[channel])


def rule_for(rule: str, indicator: str, unit: str) -> EarRule:
    """Return the ear rule as it applies to an indicator.

    A power, and thus an energetic mean, exists for levels only; for other indicators ``energy``
    means the arithmetic mean, and is recorded as such.

    Parameters
    ----------
    rule : {"mean", "max", "energy", "left", "right"}
        The requested rule.
    indicator, unit : str
        Symbol and unit; an indicator that soundcal does not know is a level if its unit is dB.

    Raises
    ------
    ParameterError
        Unknown rule.

    Examples
    --------
    >>> rule_for("energy", "LA", "dB"), rule_for("energy", "N", "sone")
    ('energy', 'mean')
    """
    rules: dict[str, EarRule] = {name: name for name in get_args(EarRule)}
    if rule not in rules:
        raise ParameterError(f"ear rule {rule!r}; one of {', '.join(rules)} expected")
    level = find(indicator).is_level if indicator in REGISTRY else unit.startswith("dB")
    return "mean" if rule == "energy" and not level else rules[rule]


def check_ear_rule(rule: str) -> None:
    """Refuse what is neither ``each`` nor a rule that makes one value of both ears.

    Raises
    ------
    ParameterError
        Unknown rule.
    """
    known = (EACH, *get_args(EarRule))
    if rule not in known:
        raise ParameterError(f"ear rule {rule!r}; one of {', '.join(known)} expected")


def of_both_ears(left: float, right: float, rule: EarRule) -> float:
    """Combine the values of both ears into one.

    Parameters
    ----------
    left, right : float
        Values of the ears in one unit.
    rule : {"mean", "max", "energy", "left", "right"}
        Rule that :func:`rule_for` returns for the indicator.

    Returns
    -------
    float
        NaN if an ear that the rule needs is NaN.

    Examples
    --------
    >>> of_both_ears(60.0, 66.0, "mean"), of_both_ears(60.0, 66.0, "max")
    (63.0, 66.0)
    >>> round(of_both_ears(60.0, 66.0, "energy"), 2)
    63.96
    """
    if rule in EARS:
        return left if rule == "left" else right
    if rule == "max":
        return float(np.maximum(left, right))  # unlike max(), it keeps NaN
    return energetic_mean([left, right]) if rule == "energy" else (left + right) / 2.0


def combine_ears(rows: Iterable[TidyRow], rule: str) -> list[TidyRow]:
    """Combine the values of both ears into one, by a stated rule.

    Parameters
    ----------
    rows : iterable of TidyRow
        Every recording, indicator and statistic with the channels ``left`` and ``right``.
    rule : {"mean", "max", "energy", "left", "right"}
        ``mean``: arithmetic mean (Lam et al. 2022). ``max``: the ear with the larger value
        (ISO/TS 12913-3). ``energy``: level of the mean power, and for other indicators the
        arithmetic mean (:func:`rule_for`). ``left``, ``right``: that ear.

    Returns
    -------
    list of TidyRow
        In the order of the input; ``channel`` is the rule applied. Uncertainties are combined as
        fully correlated (both ears see the same calibrator), which is the upper bound.

    Raises
    ------
    ParameterError
        Unknown rule, an ear missing, or other channels.
    """
    pairs: dict[tuple[str, str, str], dict[str, TidyRow]] = {}
    for row in rows:
        key = (row.recording, row.indicator, row.statistic)
        pairs.setdefault(key, {})[row.channel] = row
    combined = []
    for (recording, indicator, statistic), ears in pairs.items():
        if set(ears) != set(EARS):
            raise ParameterError(
                f"{recording}: the ear rule {rule!r} needs the channels left and right of "
                f"{indicator}{statistic}, found {', '.join(ears)}; name them (--channels "
                "left,right), or leave out the ear rule (--ears)"
            )
        rule_of_row = rule_for(rule, indicator, ears["left"].unit)
        combined.append(_combined(ears["left"], ears["right"], rule_of_row))
    return combined


def by_rules(rows: Sequence[TidyRow], rules: Iterable[str]) -> list[TidyRow]:
    """Return the rows of every channel and of the combined ears, for several rules.

    Parameters
    ----------
    rows : sequence of TidyRow
        Rows of every channel.
    rules : iterable of {"each", "mean", "max", "energy", "left", "right"}
        Each adds its rows, as :func:`combine_ears` makes them; ``each`` adds those given. A row
        that two rules give (the left ear, or the mean where ``energy`` means it) is there once.

    Raises
    ------
    ParameterError
        As for :func:`combine_ears`.
    """
    found: dict[tuple[str, str, str, str], TidyRow] = {}
    for rule in rules:
        for row in rows if rule == EACH else combine_ears(rows, rule):
            key = (row.recording, row.channel, row.indicator, row.statistic)
            found.setdefault(key, row)
    return list(found.values())


def _combined(left: TidyRow, right: TidyRow, rule: EarRule) -> TidyRow:
    value = of_both_ears(left.value, right.value, rule)
    if rule == "left" or (rule == "max" and left.value >= right.value):
        return replace(left, channel=rule, value=value)
    if rule in ("right", "max"):
        return replace(right, channel=rule, value=value)
    u = None
    if left.u is not None and right.u is not None:
        # d(value)/d(left): the left ear's share, of the power if the rule is "energy"
        by_power = rule == "energy" and np.isfinite(value)
        share = 10.0 ** ((left.value - value) / 10.0) / 2.0 if by_power else 0.5
        u = share * left.u + (1.0 - share) * right.u
    return replace(left, channel=rule, value=value, u=u)


def to_frame(rows: Iterable[TidyRow]) -> "pd.DataFrame":
    """Return the rows as the tidy table, a pandas DataFrame."""
    import pandas as pd

    frame = pd.DataFrame([_columns_of(row) for row in rows], columns=list(COLUMNS))
    return frame.astype({"value": "float64", "u": "float64"})
