"""Section of a report with the errors of the study's calibration methods, and what each takes."""

from collections.abc import Iterable, Mapping, Sequence
from math import isnan
from typing import Final

from soundcal.report.document import Block, Bullets, Column, Paragraph, Section, Table
from soundcal.report.style import count, unit_label, value_text
from soundcal.study import Study
from soundcal.study.method_errors import (
    ERROR_LABELS,
    MethodError,
    MethodErrors,
    method_errors,
    spread_change,
)
from soundcal.study.rules import STUDY_METHODS

__all__ = ["errors_blocks", "errors_table", "errors_words"]

_WITH: Final = {
    "ocv+": "published curves (ocv+)",
    "hats": "the gain search at the HATS (hats)",
    "eq": "equalisation on the HATS (eq)",
}

_RESPONSE: Final = (("ocv", "ocv+"), ("hats", "eq"))
"""Methods of which the second one differs by using the response of the headphones only."""

_RATIOS: Final = (
    "Two spreads s differ if the confidence interval of their ratio (Pitman 1939) excludes 1. It "
    "takes into account that the stimuli are the same, assumes normal errors, and is not adjusted "
    "for the number of comparisons. Most of a spread is more than half of its variance s²."
)


def errors_blocks(study: Study) -> tuple[Section, ...]:
    """Return a section with sentences and a table; none without a method of the study."""
    table = errors_table(study)
    if table is None:
        return ()
    found = method_errors(study)
    words = tuple(errors_words(study))
    blocks: list[Block] = [*([Bullets(words)] if words else []), table]
    if len({one.method for one in found}) > 1:
        blocks.append(Paragraph(_RATIOS))
    blocks += [Paragraph(text) for text in _search_words(study, found)]
    heading = "Errors of the methods, and what each takes"
    return (Section("method-errors", heading, tuple(blocks)),)


def errors_table(study: Study) -> Table | None:
    """Return mean error and standard deviation per method; None without a method of the study."""
    found = method_errors(study)
    if not found:
        return None
    labels = [label for label in ERROR_LABELS if any(label in one.errors for one in found)]
    named = len({one.combination for one in found}) > 1
    columns = [Column("Method"), *([Column("Equipment")] if named else [])]
    for label in labels:
        unit = ERROR_LABELS[label][2]
        heading = f"{label} ({_printed(label)})"
        columns += [Column("Mean", "signed", unit, heading), Column("s", "number", unit, heading)]
    columns += [
        Column("Needs"),
        Column("Actions", "count", group="Takes"),
        Column("min", "number", decimals=1, group="Takes"),
    ]
    rows = []
    for one in found:
        errors = [one.errors.get(label) for label in labels]
        numbers = [x for e in errors for x in ((e.mean, e.sd) if e else (None, None))]
        seconds, hands = one.effort or (None, None)
        minutes = None if seconds is None else seconds / 60.0
        equipment = [one.combination or None] if named else []
        rows.append((one.method, *equipment, *numbers, one.needs, hands, minutes))
    sized = {e.n for one in found for e in one.errors.values()}
    stimuli = count(sized.pop(), "stimulus", "stimuli") if len(sized) == 1 else "the stimuli"
    caption = (
        f"Error of each method: method − in-situ, mean and standard deviation s over {stimuli}; "
        "% is of the value in situ. Other tables have in-situ − method. Needs: beside soundcard "
        "and headphones. Takes: actions by hand, and minutes of playing and recording, as the "
        "sessions logged them for the method by itself (– if not logged)."
    )
    return Table("method-errors-table", caption, tuple(columns), tuple(rows))


def errors_words(study: Study) -> list[str]:
    """Return sentences on the fall of error and spread, and on its price: one for LAeq, one for N5.

    LAeq is followed from the first method of the study to the second (N5 too), N5 from the last
    but one to the last. A change of s is one only if the interval of the ratio of both excludes 1.
    """
    found = method_errors(study)
    if not found:
        return []
    confidence = next(iter(study.comparisons.values())).rules.confidence
    levels, loudness = (_by_method(found, label) for label in ("LAeq", "N5"))
    steps = {"LAeq": list(levels)[:2], "N5": list(loudness)[-2:]}
    texts = []
    for label, errors in (("LAeq", levels), ("N5", loudness)):
        if len(errors) == 1:
            ((method, own),) = errors.items()
            texts.append(f"{method}: {label} {_mean(own.values(), confidence)}.")
        elif errors:
            before, after = steps[label]
            change = _Change(before, after, errors, confidence)
            words = [change.words(), _price(found, before, after)]
            if (
                label == "LAeq"
                and steps["N5"] != steps["LAeq"]
                and {before, after} <= set(loudness)
            ):
                words.insert(1, _Change(before, after, loudness, confidence).spread_in_words())
            texts.append(" ".join(filter(None, words)))
    return texts


def _by_method(found: Sequence[MethodErrors], label: str) -> dict[str, dict[str, MethodError]]:
    """Return the errors of a label by method, and then by combination of equipment."""
    errors: dict[str, dict[str, MethodError]] = {}
    for one in found:
        if label in one.errors:
            errors.setdefault(one.method, {})[one.combination] = one.errors[label]
    in_order = [method for method in STUDY_METHODS if method in errors]
    return {method: errors[method] for method in in_order}


class _Change:
    """The change of the errors in one label from a method to another one."""

    def __init__(
        self,
        before: str,
        after: str,
        errors: Mapping[str, Mapping[str, MethodError]],
        confidence: float,
    ) -> None:
        self.methods = before, after
        self.confidence = confidence
        shared = [name for name in errors[before] if name in errors[after]]
        self.before, self.after = ([errors[m][name] for name in shared] for m in (before, after))
        self.ratios = [
            spread_change(*pair, confidence=confidence)
            for pair in zip(self.before, self.after, strict=True)
        ]

    def words(self) -> str:
        """Return the change of the spread and of the mean errors."""
        before, after = self.methods
        if not self.ratios:
            return f"No equipment has both {before} and {after}."
        text = f"With {_WITH[after]}, {self.spread_in_words()}"
        shares = [r.ci[1] ** 2 for r in self.ratios if r is not None and r.direction < 0]
        if self.methods in _RESPONSE and len(shares) == len(self.ratios):
            text += f" {'Most' if max(shares) < 0.5 else 'Part'} of the spread with {before} is "
            text += "thus the headphones' frequency response, which one number at 1 kHz leaves out."
        text += f" {self.before[0].label} {_mean(self.after, self.confidence)} with {after}, and "
        return f"{text}{_mean(self.before, self.confidence)} with {before}."

    def spread_in_words(self) -> str:
        """Return the change of the spread as a sentence; "" without equipment in common."""
        if not self.ratios:
            return ""
        like = self.before[0]
        spans = (_span([e.sd for e in own], like) for own in (self.before, self.after))
        numbers = f"from {' to '.join(spans)}"
        ways = [r.direction if r is not None else 0 for r in self.ratios]
        text = f"s of {like.label}"
        if len(ways) > 1:
            lower, higher = ways.count(-1), ways.count(1)
            text += f" goes {numbers}, and is shown to fall in {lower}"
            text += f" and to rise in {higher}" if higher else ""
            return f"{text} of {len(ways)} combinations of equipment."
        interval = ""
        if (ratio := self.ratios[0]) is not None and not isnan(ratio.ratio):
            interval = f" (times {ratio.ratio:.2f}, {100 * self.confidence:g} % interval "
            interval += f"{ratio.ci[0]:.2f} to {ratio.ci[1]:.2f})"
        if not ways[0]:
            return f"{text} goes {numbers}{interval}, which does not decide if it changes."
        return f"{text} {'falls' if ways[0] < 0 else 'rises'} {numbers}{interval}."


def _mean(errors: Iterable[MethodError], confidence: float) -> str:
    """Return the mean error in words; of several combinations, its range."""
    own = list(errors)
    mean = _span([one.mean for one in own], own[0], signed=True)
    if len(own) > 1:
        shown = sum(one.is_shown for one in own)
        return f"errs on average by {mean} (shown in {shown} of {len(own)})"
    low, high = (value_text(bound, own[0].unit, signed=True) for bound in own[0].ci)
    interval = f"{100 * confidence:g} % interval {low} to {high}"
    if not own[0].is_shown:
        return f"shows no mean error ({mean}, {interval})"
    size = _span([abs(own[0].mean)], own[0])
    return f"is on average {size} too {'high' if own[0].mean > 0 else 'low'} ({interval})"


def _price(found: Sequence[MethodErrors], before: str, after: str) -> str:
    """Return the effort of two methods in words; "" if it is not known or not the same in all."""
    words = []
    for method in (after, before):
        logged = {one.effort for one in found if one.method == method}
        if len(logged) != 1 or (effort := logged.pop()) is None:
            return ""
        seconds, hands = effort
        played = f" and {seconds / 60.0:.1f} min of recording" if seconds else ""
        words.append(f"{count(hands, 'action')} by hand{played}")
    needs = f"{after} needs no HATS and takes" if after == "ocv+" else f"{after} takes"
    return f"{needs} {words[0]}, {before} {'the same' if words[0] == words[1] else words[1]}."


def _search_words(study: Study, found: Sequence[MethodErrors]) -> list[str]:
    """Return the reason why a search that met its target can leave an error of the mean of ears."""
    searched = [m for m in ("hats", "eq") if any(one.method == m for one in found)]
    rules = {e.ears for c in study.comparisons.values() for e in c.entries if e.label == "LAeq"}
    if not searched or not study.sessions or not rules & {"mean", "both"}:
        return []
    return [
        f"The gain search of {' and '.join(searched)} brings the energetic mean of both ears to "
        "the target, as published (Ooi et al. 2021). LAeq is compared by the arithmetic mean of "
        "both ears, which lies about 0.03 D² dB lower where they differ by D dB: a mean error of "
        "this size is no error of the search, and is not there with --ears energy."
    ]


def _span(values: Sequence[float], like: MethodError, *, signed: bool = False) -> str:
    """Return a value, or the smallest and the largest of several, with the unit."""
    texts = [value_text(x, like.unit, signed=signed) for x in (min(values), max(values))]
    between = " to " if signed else "–"
    return f"{between.join(dict.fromkeys(texts))} {_printed(like.label)}"


def _printed(label: str) -> str:
    indicator, _, unit = ERROR_LABELS[label]
    return unit_label(indicator, unit)
