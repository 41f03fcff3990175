"""Reads the study file of a listening test.

::

    study = read_study(Path("test"))         # test/study.toml
    study.blocks[0].stimuli                  # ("W01", "CG01")

All paths are inside the folder of the study, which holds data only.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from soundcal.errors import RecordError
from soundcal.files.atomic import text_digest
from soundcal.files.text import inside
from soundcal.listening.study import (
    STUDY_FILE,
    Attribute,
    Block,
    Limits,
    Participants,
    Pause,
    Plays,
    Question,
    Scale,
    Sound,
    Study,
)
from soundcal.listening.study_file import Place, StudyFile
from soundcal.listening.texts import problem_of_own
from soundcal.stimuli import Stimulus, load_catalogue, scenes

__all__ = ["read_study"]

_MOST_STEPS: Final = 1_000_000


def read_study(folder: Path, *, text: str | None = None) -> Study:
    """Return the study of a folder.

    Whether the files that it names are there, and the levels that they give, is the matter of
    :func:`soundcal.listening.checking.check_study`.

    Parameters
    ----------
    folder : Path
        Folder of the study.
    text : str, optional
        Text of an earlier study file, instead of that of the folder.

    Raises
    ------
    RecordError
        No study file, or one that is not as it must be; the message names file and line.
    """
    file = StudyFile(folder / STUDY_FILE, text)
    content = file.content
    sound = _sound(file, folder)
    try:
        catalogue = load_catalogue(sound.catalogue)
    except RecordError as error:
        raise file.error(("sound", "catalogue"), str(error)) from error
    people = dict(content["participants"])
    people["paired"] = people.pop("both", None)
    _several(file, ("block",), content["block"])
    study = Study(
        folder=folder,
        id=content["id"],
        title=content["title"],
        seed=content["seed"],
        languages=tuple(content.get("languages", ["eng"])),
        texts=_frozen(content["texts"]),
        sound=sound,
        limits=Limits(**_floats(content.get("limits", {}))),
        participants=Participants(**people),
        blocks=tuple(_block(file, number, catalogue) for number in range(len(content["block"]))),
        toml=file.text,
        sha256=text_digest(file.text),
        catalogue=MappingProxyType(catalogue),
    )
    _check_people(file, study)
    _check_texts(file, study)
    return study


def _sound(file: StudyFile, folder: Path) -> Sound:
    table = dict(file.content["sound"])

    def path(name: str, *place: str) -> Path:
        try:
            return inside(folder, name)
        except RecordError as error:
            raise file.error(("sound", *place), str(error)) from error

    conditions = table.pop("conditions")
    for name in ("catalogue", "equalize"):
        if name in table:
            table[name] = path(table[name], name)
    gains = {name: path(text, "conditions", name) for name, text in conditions.items()}
    numbers = _floats(_tuples(table), "duration", "check_every_hours")
    return Sound(conditions=MappingProxyType(gains), **numbers)


def _block(file: StudyFile, number: int, catalogue: Mapping[str, Stimulus]) -> Block:
    place = ("block", number)
    table = dict(file.content["block"][number])
    stimuli = table.pop("stimuli", ())
    if stimuli == "all":
        stimuli = [stimulus.id for stimulus in scenes(catalogue)]
        if not stimuli:
            raise file.error((*place, "stimuli"), "all: no scene or file in the catalogue")
    _known(file, (*place, "stimuli"), stimuli, catalogue, "stimulus")
    groups = tuple(tuple(group) for group in table.pop("groups", ()))
    for group in groups:
        _known(file, (*place, "groups"), group, stimuli, "stimulus of the block")
    grouped = [name for group in groups for name in group]
    if len(set(grouped)) < len(grouped):
        raise file.error((*place, "groups"), "a stimulus is part of one group only")
    if groups and table.get("order") not in ("blocks", "constrained"):
        raise file.error((*place, "groups"), 'order = "blocks" or "constrained" is expected')
    for part in ("attribute", "question"):
        _several(file, (*place, part), table.get(part, ()))
    scale = Scale(**_floats(table.pop("scale", {}), "low", "high", "step"))
    _check_range(file, (*place, "scale"), scale.low, scale.high, scale.step)
    plays = Plays(**table.pop("plays", {}))
    if 0 < plays.max < plays.min_complete:
        raise file.error(
            (*place, "plays"),
            f"max = {plays.max} is less than min_complete = {plays.min_complete}",
        )
    pause = Pause(**_floats(table.pop("pause", {}), "at_least_s", "at_most_s"))
    if 0 < pause.at_most_s < pause.at_least_s:
        raise file.error(
            (*place, "pause"),
            f"at_most_s = {pause.at_most_s:g} s is less than at_least_s = {pause.at_least_s:g} s",
        )
    attributes = tuple(Attribute(**_frozen(entry)) for entry in table.pop("attribute", ()))
    questions = tuple(
        _question(file, (*place, "question", i), entry)
        for i, entry in enumerate(table.pop("question", ()))
    )
    return Block(
        stimuli=tuple(stimuli),
        groups=groups,
        # questions without sound are asked once, unless the file says otherwise
        visits=table.pop("visits", "every" if stimuli else "first"),
        scale=scale,
        plays=plays,
        pause=pause,
        attributes=attributes,
        questions=questions,
        **_frozen(table),
    )


def _question(file: StudyFile, place: Place, table: Mapping[str, Any]) -> Question:
    question = Question(**_floats(_frozen(table), "low", "high", "step"))
    kind, low, high = question.kind, question.low, question.high
    if kind in ("choice", "many") and not question.choices:
        raise file.error(place, f"kind {kind}: choices are missing")
    if kind not in ("choice", "many") and (question.choices or question.choice_texts):
        raise file.error(place, f"kind {kind}: it has no choices")
    if kind == "scale" and (low is None or high is None):
        raise file.error(place, "kind scale: low and high are missing")
    if low is not None and high is not None:
        _check_range(file, place, low, high, question.step)
    if kind not in ("scale", "number") and (low, high, question.step) != (None, None, None):
        raise file.error(place, f"kind {kind}: it has no low, high and step")
    for language, texts in question.choice_texts.items():
        if len(texts) != len(question.choices):
            raise file.error(
                place,
                f"choice_texts.{language} has {len(texts)} texts for {len(question.choices)} "
                "choices",
            )
    return question


def _check_range(
    file: StudyFile, place: Place, low: float, high: float, step: float | None
) -> None:
    if not low < high:
        raise file.error(place, f"from {low:g} to {high:g}; low < high is expected")
    if step is not None and not (high - low) / _MOST_STEPS <= step <= high - low:
        raise file.error(
            place, f"steps of {step:g} from {low:g} to {high:g}; 1 to {_MOST_STEPS} are expected"
        )


def _check_people(file: StudyFile, study: Study) -> None:
    people, conditions = study.participants, study.sound.conditions
    if people.conditions == "one" and len(conditions) > 1:
        raise file.error(
            ("participants", "conditions"),
            f"the sound has {len(conditions)} conditions ({', '.join(conditions)}); one of "
            "between, sessions, blocks and mixed is expected",
        )
    if people.paired is None:
        return
    place = ("participants", "both")
    if people.conditions not in ("sessions", "blocks"):
        raise file.error(
            place, f"conditions = {people.conditions!r}; sessions or blocks is expected with it"
        )
    if people.paired > people.planned:
        raise file.error(place, f"{people.paired} of {people.planned} planned people")


def _check_texts(file: StudyFile, study: Study) -> None:
    """Refuse a study that lacks a text of its own in one of its languages."""
    for language in study.languages:
        if language not in study.texts:
            raise file.error(("texts",), f"[texts.{language}] is missing")
    for language, own in study.texts.items():
        for key, text in own.items():
            if problem := problem_of_own(key, text):
                raise file.error(("texts", language, key), problem)
    for number, block in enumerate(study.blocks):
        place: Place = ("block", number)
        words: list[tuple[str, Container[str]]]
        words = [("instructions", block.instructions), ("prompt", block.prompt)]
        for attribute in block.attributes:
            sides = (attribute.label, attribute.low_label, attribute.high_label)
            words += [(f"attribute {attribute.id}", by_language) for by_language in sides]
        for question in block.questions:
            parts = (question.text, question.choice_texts, question.labels)
            words += [(f"question {question.id}", by_language) for by_language in parts]
        for name, by_language in words:
            missing = [language for language in study.languages if language not in by_language]
            if by_language and missing:
                raise file.error(place, f"{name}: no text in {', '.join(missing)}")


def _several(file: StudyFile, place: Place, tables: Iterable[Mapping[str, Any]]) -> None:
    """Refuse two tables with one id."""
    seen: set[str] = set()
    for number, table in enumerate(tables):
        if table["id"] in seen:
            raise file.error((*place, number, "id"), f"{table['id']!r} is used twice")
        seen.add(table["id"])


def _known(
    file: StudyFile, place: Place, names: Sequence[str], known: Iterable[str], what: str
) -> None:
    known = list(known)
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, 1)
            remedy = f"did you mean {close[0]}?" if close else f"known: {', '.join(known[:30])}"
            raise file.error(place, f"no {what} {name!r}; {remedy}")


def _floats(table: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """Return a table with its whole numbers as floats: those named, or all of them."""
    return {
        key: float(value) if type(value) is int and (not names or key in names) else value
        for key, value in table.items()
    }


def _tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def _frozen(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return a table whose lists are tuples and whose tables cannot be changed."""
    return {
        key: MappingProxyType(_frozen(value)) if isinstance(value, dict) else value
        for key, value in _tuples(table).items()
    }
