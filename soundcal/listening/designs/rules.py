"""Rules that the shipped designs share: a list of trials, and what counts as an answer."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from soundcal.errors import ParameterError
from soundcal.listening.designs.model import (
    Answered,
    Ask,
    Design,
    Done,
    Event,
    Item,
    Listened,
    Present,
    Step,
    Trial,
)
from soundcal.listening.study import Attribute, Block, Question, Scale, Study
from soundcal.listening.texts import Texts

__all__ = [
    "LONGEST_TEXT",
    "MOST_BUTTONS",
    "ListDesign",
    "attribute_item",
    "check_items",
    "check_words",
    "question_item",
    "refused",
    "steps",
]

LONGEST_TEXT: Final = 4000
"""Most characters of an answer in words."""

_MOST_STEPS: Final = 10_000  # more are not listed

MOST_BUTTONS: Final = 21
"""Most buttons of a scale: more of them are not hit, and a slider serves better."""


def refused(block: Block, text: str) -> ParameterError:
    """Return the error of a block."""
    return ParameterError(f"block {block.id}: {text}")


class ListDesign:
    """A design that goes through its trials in their order, each answered once."""

    def own(self, block: Block) -> tuple[str, ...]:
        """Return the ids of the items before the questions of the block."""
        return ()

    def asked(self, block: Block) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the ids of the items whose order may be random, and of the questions."""
        return self.own(block), tuple(question.id for question in block.questions)

    def next(self, trials: Sequence[Trial], history: Sequence[Event]) -> Step:
        """Return the first trial without answers: its sound, or its items once it was heard."""
        return _next_of_list(trials, history)

    def accept(
        self, items: Sequence[Item], answers: Mapping[str, Any]
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the values to store, and the ids of the required items without an answer."""
        return _accepted(items, answers)

    def prompt(self, block: Block, language: str, texts: Texts) -> str:
        """Return the sentence above the items: that of the block."""
        return block.prompt.get(language, "")


def _next_of_list(trials: Sequence[Trial], history: Sequence[Event]) -> Step:
    answered = {event.position for event in history if isinstance(event, Answered)}
    for trial in trials:
        if trial.position in answered:
            continue
        heard = sum(
            event.complete
            for event in history
            if isinstance(event, Listened) and event.position == trial.position
        )
        return Ask(trial) if heard >= trial.complete else Present(trial)
    return Done()


def steps(low: float, high: float, step: float) -> tuple[float, ...]:
    """Return the answers that a scale allows, 10,001 at most.

    >>> steps(1.0, 5.0, 1.0)
    (1.0, 2.0, 3.0, 4.0, 5.0)
    """
    n = math.floor(min((high - low) / step, _MOST_STEPS) + 1e-9)
    return tuple(round(low + i * step, 9) for i in range(n + 1))


def check_items(block: Block, own: Sequence[str]) -> None:
    """Refuse what a page cannot show: too many buttons, wrong labels, two items of one id.

    Parameters
    ----------
    block : Block
        Its scale and its questions are checked.
    own : sequence of str
        Ids of the items that come from the design.

    Raises
    ------
    ParameterError
        With the id of the block.
    """
    scale = block.scale
    if scale.input == "buttons":
        _check_buttons(block, "scale", steps(scale.low, scale.high, scale.step))
    for question in block.questions:
        name = f"question {question.id}"
        if question.id in own:
            raise refused(block, f"{name} has the id of a scale")
        if question.kind != "scale" or question.low is None or question.high is None:
            continue
        n = _check_buttons(block, name, steps(question.low, question.high, question.step or 1.0))
        for language, labels in question.labels.items():
            if len(labels) not in (2, n):
                raise refused(
                    block,
                    f"{name}: {len(labels)} labels in {language}; two for the ends or {n} for the "
                    "steps are expected",
                )


def check_words(design: Design, block: Block, study: Study) -> None:
    """Refuse a block for which a language of the study lacks words.

    Raises
    ------
    ParameterError
        With the id of the block.
    """
    for language in study.languages:
        try:
            design.items(block, language, study.words(language))
            design.prompt(block, language, study.words(language))
        except ParameterError as error:
            raise refused(block, str(error)) from error


def _check_buttons(block: Block, name: str, values: Sequence[float]) -> int:
    if len(values) > MOST_BUTTONS:
        raise refused(
            block, f"{name}: {len(values)} buttons in a row; at most {MOST_BUTTONS} are expected"
        )
    return len(values)


def attribute_item(attribute: Attribute, scale: Scale, language: str, default: Item) -> Item:
    """Return the item of an attribute; labels that it lacks are those of ``default``."""
    choices: tuple[tuple[str, str], ...] = ()
    if scale.input == "buttons":
        values = [f"{value:g}" for value in steps(scale.low, scale.high, scale.step)]
        choices = tuple((value, value) for value in values)
    return Item(
        attribute.id,
        scale.input,
        attribute.label.get(language, default.label),
        scale.low,
        scale.high,
        scale.step,
        attribute.low_label.get(language, default.low_label),
        attribute.high_label.get(language, default.high_label),
        choices,
    )


def question_item(question: Question, language: str) -> Item:
    """Return the item of a question."""
    common: dict[str, Any] = {
        "label": question.text[language],
        "required": question.required,
        "personal": question.personal,
    }
    labels = question.labels.get(language, ())
    match question.kind:
        case "choice" | "many" as kind:
            shown = question.choice_texts.get(language, question.choices)
            choices = tuple(zip(question.choices, shown, strict=True))
            return Item(question.id, kind, choices=choices, **common)
        case "scale" if question.low is not None and question.high is not None:
            step = question.step or 1.0
            values = steps(question.low, question.high, step)
            names = tuple(f"{value:g}" for value in values)
            labelled = labels if len(labels) == len(values) else names
            ends = labels if len(labels) == 2 < len(values) else ("", "")
            return Item(
                question.id,
                "buttons",
                low=question.low,
                high=question.high,
                step=step,
                low_label=ends[0],
                high_label=ends[1],
                choices=tuple(zip(names, labelled, strict=True)),
                **common,
            )
        case "number":
            low, high = question.low, question.high
            return Item(question.id, "number", low=low, high=high, step=question.step, **common)
    return Item(question.id, "text", **common)


def _accepted(
    items: Sequence[Item], answers: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    known = {item.id: item for item in items}
    for name in answers:
        if name not in known:
            raise ParameterError(f"answer to {name!r:.80}, which is not asked")
    values = {
        name: _value(item, answers[name])
        for name, item in known.items()
        if _given(answers.get(name))
    }
    missing = tuple(name for name, item in known.items() if item.required and name not in values)
    return values, missing


def _given(answer: Any) -> bool:
    return bool(answer.strip()) if isinstance(answer, str) else answer is not None and answer != []


def _value(item: Item, answer: Any) -> float | str | list[str]:
    if item.kind in ("slider", "number", "buttons"):
        return _number(item, answer)
    if item.kind == "text":
        if not isinstance(answer, str) or len(answer) > LONGEST_TEXT or "\0" in answer:
            raise ParameterError(
                f"{item.id}: {answer!r:.40}; words of at most {LONGEST_TEXT} characters expected"
            )
        return answer
    chosen = answer if item.kind == "many" else [answer]
    choices = [value for value, _ in item.choices]
    if not isinstance(chosen, list) or not all(one in choices for one in chosen):
        raise ParameterError(f"{item.id}: {answer!r:.80}; {', '.join(choices)} can be chosen")
    if item.kind == "choice":
        return str(answer)
    return [value for value in choices if value in chosen]


def _number(item: Item, answer: Any) -> float:
    low = -math.inf if item.low is None else item.low
    high = math.inf if item.high is None else item.high
    try:
        value = math.nan if isinstance(answer, bool) else float(answer)
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not (math.isfinite(value) and low <= value <= high):
        raise ParameterError(f"{item.id}: {answer!r:.40}; a number {_range(item)}is expected")
    if item.step is None:
        return value
    base = item.low or 0.0
    nearest = base + round((value - base) / item.step) * item.step
    if abs(nearest - value) > 1e-6 * item.step:
        raise ParameterError(f"{item.id}: {value:g}; steps of {item.step:g} are expected")
    return value


def _range(item: Item) -> str:
    lower = "" if item.low is None else f"from {item.low:g} "
    return lower + ("" if item.high is None else f"to {item.high:g} ")
