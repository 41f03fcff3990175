"""Results as tidy rows, and the ear rule that combines both ears into one value.

ISO/TS 12913-3:2019, Table D.1, uses the higher ear as the single value; the study behind soundcal
(Lam et al., arXiv 2207.12899) used the arithmetic mean of both. The choice changes levels by tenths
of a decibel to several decibels, so it is explicit everywhere and printed with every table. Some
standards define a value of both ears themselves, which no rule can make of the two ears' values:
the rule ``binaural`` takes it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

import numpy as np

from soundcal.errors import ParameterError
from soundcal.indicators.registry import REGISTRY, find
from soundcal.indicators.result import IndicatorResult
from soundcal.recording import EARS, AppliedResponse
from soundcal.units import energetic_mean
from soundcal.version import __version__

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "BINAURAL",
    "COLUMNS",
    "EACH",
    "FAILED",
    "EarRule",
    "TidyRow",
    "by_rules",
    "check_ear_rules",
    "combine_ears",
    "ear_rules",
    "of_both_ears",
    "rule_for",
    "tidy_rows",
    "to_frame",
]

EarRule = Literal["mean", "max", "energy", "left", "right", "binaural"]

EACH: Final = "each"
"""The rule by which every channel keeps its own value."""

BINAURAL: Final = "binaural"
"""The rule that takes the standard's own value of both ears, and the channel of its rows."""

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
    binaural: bool = False,
    equalisation: Sequence[AppliedResponse] = (),
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
    field : {"free", "diffuse", "eardrum"}
        Sound field, named in the column ``software`` unless it is the free field.
    binaural : bool
        Also return rows of the standard's own value of both ears, with the channel ``binaural``,
        where the channels are left and right and the indicator has such a value. It is uncertain
        by the change of that value in ``shifted``.
    equalisation : sequence of AppliedResponse
        Responses that were undone or embedded before, named in the column ``software``.
    """
    software = f"soundcal {__version__}"
    if engine != "soundcal":
        software += f", engine {engine}"
    if field != "free":
        software += f", {field} field" if field != "eardrum" else ", pressure at the eardrum"
    software += "".join(f", {step}" for step in equalisation)
    rows = []
    for symbol, statistics in wanted.items():
        of_ears, raised_ears = results[symbol], None if shifted is None else shifted[symbol]
        places = [
            (channel, of_ears, raised_ears, index, u_db[index] if u_db else 0.0)
            for index, channel in enumerate(channels)
        ]
        if binaural and of_ears.binaural is not None and set(channels) == set(EARS):
            raised = None if raised_ears is None else raised_ears.binaural
            places.append((BINAURAL, of_ears.binaural, raised, 0, min(u_db, default=0.0)))
        for channel, result, raised, index, calibration_u in places:
            for statistic in statistics:
                if statistic not in result.statistics:
                    continue  # a band too high for the sampling rate; the result has a warning
                value = _value(result, statistic, index)
                u = calibration_u if calibration_u > 0 else None
                if u is not None and not find(symbol).is_level:
                    u = None
                    if raised is not None and np.isfinite(value):
                        u = abs(_value(raised, statistic, index) - value)
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
    rule : {"mean", "max", "energy", "left", "right", "binaural"}
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


def ear_rules(given: str | Iterable[str]) -> tuple[str, ...]:
    """Return the distinct rules of a text, in which commas separate them, or of several texts.

    >>> ear_rules("each, Max"), ear_rules(["mean", "mean"])
    (('each', 'max'), ('mean',))
    """
    texts = given.split(",") if isinstance(given, str) else given
    return tuple(dict.fromkeys(text.strip().lower() for text in texts))


def check_ear_rules(rules: Sequence[str], symbols: Iterable[str] = ()) -> None:
    """Refuse rules that are neither ``each`` nor make one value of both ears.

    Parameters
    ----------
    rules : sequence of str
        At least one rule.
    symbols : iterable of str
        Indicators that the rules are for. If ``binaural`` is the only rule, all of them need a
        value of both ears of their own; beside other rules it adds the rows of those that have one.

    Raises
    ------
    ParameterError
        No rule, an unknown one, or indicators without a binaural value, by name.
    """
    if not rules:
        raise ParameterError("no ear rule; at least one is expected, such as 'each'")
    known = (EACH, *get_args(EarRule))
    for rule in rules:
        if rule not in known:
            raise ParameterError(f"ear rule {rule!r}; one of {', '.join(known)} expected")
    lacking = [symbol for symbol in symbols if not find(symbol).binaural]
    if lacking and set(rules) == {BINAURAL}:
        able = [symbol for symbol, entry in REGISTRY.items() if entry.binaural]
        raise ParameterError(
            f"ear rule 'binaural': the standards of {', '.join(lacking)} define no value of both "
            f"ears; those of {', '.join(able)} do: choose them (--indicators); soundcal measure "
            "takes several rules (--ears each,binaural)"
        )


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

    Raises
    ------
    ParameterError
        The rule is ``binaural``: two values of single ears do not give it.

    Examples
    --------
    >>> of_both_ears(60.0, 66.0, "mean"), of_both_ears(60.0, 66.0, "max")
    (63.0, 66.0)
    >>> round(of_both_ears(60.0, 66.0, "energy"), 2)
    63.96
    """
    if rule == BINAURAL:
        raise ParameterError("the binaural value does not follow from the values of both ears")
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
        Every recording, indicator and statistic with the channels ``left`` and ``right``; and
        ``binaural``, where there is such a value.
    rule : {"mean", "max", "energy", "left", "right", "binaural"}
        ``mean``: arithmetic mean (Lam et al. 2022). ``max``: the ear with the larger value
        (ISO/TS 12913-3). ``energy``: level of the mean power, and for other indicators the
        arithmetic mean (:func:`rule_for`). ``left``, ``right``: that ear. ``binaural``: the
        standard's own value of both ears, the rows of this channel as they are.

    Returns
    -------
    list of TidyRow
        In the order of the input; ``channel`` is the rule applied. Uncertainties are combined as
        fully correlated (both ears see the same calibrator), which is the upper bound.

    Raises
    ------
    ParameterError
        Unknown rule, an ear missing, other channels, or an indicator without a binaural value.
    """
    pairs: dict[tuple[str, str, str], dict[str, TidyRow]] = {}
    own: list[TidyRow] = []
    for row in rows:
        if row.channel == BINAURAL:
            own.append(row)
            continue
        key = (row.recording, row.indicator, row.statistic)
        pairs.setdefault(key, {})[row.channel] = row
    if rule == BINAURAL:
        there = {(row.recording, row.indicator, row.statistic) for row in own}
        if lacking := [f"{i}{s} of {recording}" for recording, i, s in pairs.keys() - there]:
            raise ParameterError(f"no binaural value of {', '.join(sorted(lacking))}")
        return own
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


def by_rules(rows: Sequence[TidyRow], rules: Sequence[str]) -> list[TidyRow]:
    """Return the rows of every channel and of the combined ears, for several rules.

    Parameters
    ----------
    rows : sequence of TidyRow
        Rows of every channel.
    rules : sequence of {"each", "mean", "max", "energy", "left", "right", "binaural"}
        Each adds its rows, as :func:`combine_ears` makes them; ``each`` adds those of the channels,
        ``binaural`` beside other rules those of the indicators that have such a value. A row that
        two rules give (the left ear, or the mean where ``energy`` means it) is there once.

    Raises
    ------
    ParameterError
        As for :func:`combine_ears`.
    """
    found: dict[tuple[str, str, str, str], TidyRow] = {}
    for rule in rules:
        if rule == EACH:
            own = [row for row in rows if row.channel != BINAURAL]
        elif rule == BINAURAL and len(rules) > 1:
            own = [row for row in rows if row.channel == BINAURAL]
        else:
            own = combine_ears(rows, rule)
        for row in own:
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
