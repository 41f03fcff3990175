"""One value of both ears for every period, by the rules of :mod:`soundcal.indicators.rows`.

The rule is applied to the values of the whole period: the higher ear is the one whose level of the
period, or whose percentile of it, is higher.
"""

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter
from typing import TypeVar

from soundcal.errors import ParameterError
from soundcal.indicators.rows import BINAURAL, EACH, EarRule, of_both_ears, rule_for
from soundcal.periods.local_time import Every
from soundcal.periods.sums import OF_PARTS, Label, PackedValues, PeriodValues
from soundcal.recording import EARS

__all__ = ["with_ear_rules"]

Number = TypeVar("Number", int, float)


def with_ear_rules(
    rows: Iterable[PeriodValues], every: Every, rules: Sequence[str], units: Mapping[Label, str]
) -> Iterator[PeriodValues]:
    """Give the rows of the channels that the rules ask for, or make of both ears.

    Parameters
    ----------
    rows : iterable of PeriodValues
        By station.
    every : Every
        Kind of the periods.
    rules : sequence of {"each", "mean", "max", "energy", "left", "right", "binaural"}
        As for :func:`soundcal.indicators.rows.by_rules`. The channel of a combined row is its rule.
        A station of one channel that is no ear keeps it.
    units : mapping of (str, str) to str
        Unit of every value by symbol and statistic.

    Raises
    ------
    ParameterError
        A station lacks an ear, or the binaural value.
    """
    for station, own in groupby(rows, attrgetter("station")):
        by_channel: dict[str, dict[str, PeriodValues]] = {}
        for row in own:
            by_channel.setdefault(row.channel, {})[row.period.name] = row
        yield from _of_station(station, by_channel, every, rules, units)


def _of_station(
    station: str,
    by_channel: Mapping[str, Mapping[str, PeriodValues]],
    every: Every,
    rules: Sequence[str],
    units: Mapping[Label, str],
) -> Iterator[PeriodValues]:
    channels = [name for name in by_channel if name != BINAURAL]
    single = len(channels) == 1 and channels[0] not in EARS
    of_both = [rule for rule in rules if rule not in (EACH, BINAURAL)]
    if EACH in rules or (of_both and single):
        for name in channels:
            yield from by_channel[name].values()
    made: dict[EarRule, dict[Label, None]] = {}  # energy is the mean of what is no level
    for rule in () if single else of_both:
        _check_ears(station, channels, rule)
        for label, unit in units.items():
            if every.whole_days or label[0] != OF_PARTS:
                made.setdefault(rule_for(rule, label[0], unit), {}).setdefault(label)
    for applied, labels in made.items():
        if applied not in EARS:
            yield from _of_both(by_channel, every, applied, labels)
        elif EACH not in rules:
            yield from by_channel[applied].values()
    if BINAURAL in rules:
        if BINAURAL not in by_channel and len(rules) == 1:
            raise ParameterError(
                f"{station}: has no binaural value; measure with --ears each,binaural, or choose "
                "another rule"
            )
        yield from by_channel.get(BINAURAL, {}).values()


def _check_ears(station: str, channels: Sequence[str], rule: str) -> None:
    needed = (rule,) if rule in EARS else EARS
    if not set(needed) <= set(channels) <= set(EARS):
        raise ParameterError(
            f"{station}: the ear rule {rule!r} needs the channel{'s' * (len(needed) > 1)} "
            f"{' and '.join(needed)}, found {', '.join(channels)}; measure with --channels "
            "left,right, or leave out the ear rule (--ears)"
        )


def _of_both(
    by_channel: Mapping[str, Mapping[str, PeriodValues]],
    every: Every,
    rule: EarRule,
    labels: Collection[Label],
) -> list[PeriodValues]:
    """Return the rows of both ears, those of time in its order."""
    places = {label: place for place, label in enumerate(labels)}
    left, right = (by_channel[ear] for ear in EARS)
    rows = []
    for name in dict.fromkeys([*left, *right]):
        if name in left and name in right:
            rows.append(_combined(left[name], right[name], rule, places))
        else:  # of one ear nothing is known
            one = left.get(name) or right[name]
            none = dict.fromkeys(one.parts, 0.0)
            rows.append(replace(one, channel=rule, values={}, covered=0.0, parts=none))
    return rows if every.unit == "recording" else sorted(rows, key=attrgetter("period"))


def _combined(
    left: PeriodValues, right: PeriodValues, rule: EarRule, places: Mapping[Label, int]
) -> PeriodValues:
    """Return the row of both ears, which is covered as far as the one that is covered less."""
    numbers = [
        of_both_ears(left.values.get(label, math.nan), right.values.get(label, math.nan), rule)
        for label in places
    ]
    return replace(
        left,
        channel=rule,
        covered=min(left.covered, right.covered),
        left_out=_larger(left.left_out, right.left_out),
        flags=_larger(left.flags, right.flags),
        values=PackedValues(places, numbers),
        parts={name: min(share, right.parts.get(name, 0.0)) for name, share in left.parts.items()},
        shorter={
            s: min(one.shorter.get(s, 1.0) for one in (left, right))
            for s in {**left.shorter, **right.shorter}
        },
        calibration="; ".join(dict.fromkeys([left.calibration, right.calibration])),
    )


def _larger(one: Mapping[str, Number], other: Mapping[str, Number]) -> dict[str, Number]:
    """Return the larger of the values that two mappings have in common, and all others."""
    return {**one, **other, **{name: max(one[name], other[name]) for name in one if name in other}}
