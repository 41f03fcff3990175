"""A listening test as data: sounds, people, blocks and texts.

:func:`soundcal.listening.reading.read_study` reads one. What a block asks is the matter of its
design (:mod:`soundcal.listening.designs`).
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from soundcal.files.atomic import file_digest
from soundcal.files.text import inside
from soundcal.listening.texts import Texts, load_texts
from soundcal.response.inversion import InversionRule
from soundcal.stimuli import Stimulus

__all__ = [
    "STUDY_FILE",
    "Attribute",
    "Block",
    "Limits",
    "Participants",
    "Pause",
    "Plays",
    "Question",
    "Scale",
    "Sound",
    "Study",
    "calibrations_beside",
    "changes",
]

STUDY_FILE: Final = "study.toml"
"""Name of the file in its folder."""

Words = Mapping[str, str]
"""A text by language."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A rating scale.

    Parameters
    ----------
    low, high, step : float
        Ends of the scale, and the distance of two answers.
    start : {"none", "middle", "random"}
        Place of the handle before it is touched; with ``none`` there is no handle.
    attribute_order : {"fixed", "per participant", "per trial"}
        Order of the scales: that of the block, or a random one.
    input : {"slider", "number", "buttons"}
        How the scale is answered.
    """

    low: float = 0.0
    high: float = 100.0
    step: float = 1.0
    start: Literal["none", "middle", "random"] = "none"
    attribute_order: Literal["fixed", "per participant", "per trial"] = "fixed"
    input: Literal["slider", "number", "buttons"] = "slider"


@dataclass(frozen=True, slots=True)
class Plays:
    """Number of presentations of a sound.

    Parameters
    ----------
    min_complete : int
        Complete presentations before answers count.
    max : int
        Most presentations; 0: no limit.
    stop_after_first : bool
        A participant may stop a presentation once there was a complete one.
    """

    min_complete: int = 1
    max: int = 0
    stop_after_first: bool = True


@dataclass(frozen=True, slots=True)
class Pause:
    """Breaks within a block.

    Parameters
    ----------
    after : int
        Trials between two breaks; 0: none.
    at_least_s, at_most_s : float
        Shortest and longest break in s; 0: no limit.
    """

    after: int = 0
    at_least_s: float = 0.0
    at_most_s: float = 0.0

    def due(self, passed: int, n: int) -> bool:
        """Return whether a break comes after so many of a block's n trials; never at its end.

        >>> [passed for passed in range(11) if Pause(after=5).due(passed, 10)]
        [5]
        """
        return self.after > 0 and 0 < passed < n and passed % self.after == 0


@dataclass(frozen=True, slots=True)
class Question:
    """One question.

    Parameters
    ----------
    id : str
        Identity in the tables.
    kind : {"choice", "many", "scale", "number", "text"}
        One of several choices, any of them, a scale, a number, or words.
    text : mapping of str to str
        The question by language.
    choices : tuple of str
        Choices as they are stored.
    choice_texts : mapping of str to tuple of str
        Choices as they are shown, by language; as they are stored if not given.
    labels : mapping of str to tuple of str
        Labels of a scale by language: of both ends, or of every step.
    low, high : float or None
        Limits of a scale or number.
    step : float or None
        Distance of two answers; None: any number.
    required : bool
        The page is not sent without an answer.
    personal : bool
        The answer is kept apart and exported only when asked for.
    """

    id: str
    kind: Literal["choice", "many", "scale", "number", "text"]
    text: Words
    choices: tuple[str, ...] = ()
    choice_texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    low: float | None = None
    high: float | None = None
    step: float | None = None
    required: bool = True
    personal: bool = False


@dataclass(frozen=True, slots=True)
class Attribute:
    """One scale of a block.

    Parameters
    ----------
    id : str
        Identity in the tables.
    label : mapping of str to str
        What is rated, by language; empty for a pair of opposite ends.
    low_label, high_label : mapping of str to str
        Labels of the ends by language.
    """

    id: str
    label: Words = field(default_factory=dict)
    low_label: Words = field(default_factory=dict)
    high_label: Words = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a study: the same questions about several sounds, or questions without sound.

    Parameters
    ----------
    id : str
        Identity in the tables.
    design : str
        Name of the method (see :data:`soundcal.listening.designs.DESIGNS`).
    stimuli : tuple of str
        Stimuli by id; empty for questions without sound.
    order : {"fixed", "permutation", "blocks", "williams", "constrained"}
        Order of the stimuli. ``blocks``: the groups in random order, each with its stimuli in
        random order; ``constrained``: stimuli of one group do not follow each other.
    groups : tuple of tuple of str
        Groups of stimuli; those in none are a group each.
    repeats : int
        Times that every stimulus is presented.
    scored : bool
        False for training.
    visits : {"every", "first", "last"}
        Visits of a person in which the block is part.
    scale : Scale
        Scale of the attributes.
    plays : Plays
        How often a sound is played.
    revise : {"none", "previous"}
        Whether the answers to the previous sound can be changed.
    pause : Pause
        Breaks.
    attributes : tuple of Attribute
        Scales of the block, if its design has none of its own.
    questions : tuple of Question
        Questions, below the scales.
    prompt : mapping of str to str
        Sentence above the scales by language, if not that of the design.
    instructions : mapping of str to str
        Text before the block by language.
    """

    id: str
    design: str
    stimuli: tuple[str, ...] = ()
    order: Literal["fixed", "permutation", "blocks", "williams", "constrained"] = "permutation"
    groups: tuple[tuple[str, ...], ...] = ()
    repeats: int = 1
    scored: bool = True
    visits: Literal["every", "first", "last"] = "every"
    scale: Scale = Scale()
    plays: Plays = Plays()
    revise: Literal["none", "previous"] = "none"
    pause: Pause = Pause()
    attributes: tuple[Attribute, ...] = ()
    questions: tuple[Question, ...] = ()
    prompt: Words = field(default_factory=dict)
    instructions: Words = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sound:
    """Playback of the sounds.

    Parameters
    ----------
    catalogue : Path or None
        Catalogue of the stimuli; None: that of soundcal.
    duration : float
        Duration of every stimulus in s; 0: that of the catalogue.
    outputs : tuple of int
        Outputs of the left and the right ear, from 1.
    monitor : {"none", "loopback"}
        How presentations are recorded.
    monitor_inputs : tuple of int
        Inputs that hear the outputs.
    check_every_hours : float
        Validity of a level check in h.
    fs : int
        Sampling rate in Hz.
    equalize : Path or None
        Response of the headphones for which all sounds are equalised, or of a filter.
    robust : {"mean+2s", "mean", "kirkeby"}
        Rule of the inverse of that response.
    conditions : mapping of str to Path
        Tables of gains by condition.
    """

    catalogue: Path | None = None
    duration: float = 0.0
    outputs: tuple[int, ...] = (1, 2)
    monitor: Literal["none", "loopback"] = "none"
    monitor_inputs: tuple[int, ...] = (1, 2)
    check_every_hours: float = 12.0
    fs: int = 48000
    equalize: Path | None = None
    robust: InversionRule = "mean+2s"
    conditions: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of sound at the louder ear, LAeq, LAFmax and LCpeak in dB of each presentation.

    ``exposure_pa2h`` is the sound exposure of a person in a day in Pa²h.
    """

    laeq_db: float = 85.0
    lafmax_db: float = 95.0
    lcpeak_db: float = 120.0
    exposure_pa2h: float = 0.16


@dataclass(frozen=True, slots=True)
class Participants:
    """The people, and the conditions that they hear.

    Parameters
    ----------
    planned : int
        Number of people.
    conditions : {"one", "between", "sessions", "blocks", "mixed"}
        The study has one condition; or a person hears one of them, each in a visit of its own, all
        in one visit after each other, or all shuffled.
    paired : int or None
        How many of the planned people hear all conditions, the others one; None: all.
    replace_dropouts : bool
        The order of somebody who did not finish goes to the next newcomer.
    resume : str
        ``always``, ``ask assistant``, or ``within N min``.
    withdraw_here : bool
        The last page offers to withdraw the data.
    """

    planned: int
    conditions: Literal["one", "between", "sessions", "blocks", "mixed"] = "one"
    paired: int | None = None
    replace_dropouts: bool = True
    resume: str = "always"
    withdraw_here: bool = False


@dataclass(frozen=True, slots=True)
class Study:
    """A listening test.

    Parameters
    ----------
    folder : Path
        Its folder.
    id, title : str
        Identity and title.
    seed : int
        Seed of all orders.
    languages : tuple of str
        Languages of the pages (ISO 639-3); the first is the default.
    texts : mapping of str to mapping of str to str
        The study's own texts by language and key.
    sound, limits, participants, blocks
        See the classes.
    toml : str
        Text of the study file.
    sha256 : str
        Its SHA-256.
    catalogue : mapping of str to Stimulus
        The stimuli by id.
    """

    folder: Path
    id: str
    title: str
    seed: int
    languages: tuple[str, ...]
    texts: Mapping[str, Words]
    sound: Sound
    limits: Limits
    participants: Participants
    blocks: tuple[Block, ...]
    toml: str
    sha256: str
    catalogue: Mapping[str, Stimulus] = field(default_factory=dict, repr=False)
    _words: dict[str, Texts] = field(default_factory=dict, init=False, repr=False, compare=False)

    def block(self, name: str) -> Block:
        """Return a block by its id."""
        return next(block for block in self.blocks if block.id == name)

    def stimuli(self) -> tuple[str, ...]:
        """Return the ids of all stimuli that are presented, each once."""
        return tuple(dict.fromkeys(name for block in self.blocks for name in block.stimuli))

    def words(self, language: str) -> Texts:
        """Return all texts in a language, the study's own before those of soundcal.

        Raises
        ------
        RecordError
            As for :func:`soundcal.listening.texts.load_texts`.
        """
        if language not in self._words:
            texts = load_texts(language, self.folder)
            self._words[language] = texts.with_own(self.texts.get(language, {}))
        return self._words[language]

    def files(self) -> dict[str, Path]:
        """Return the files that the study depends on, by name.

        They are the catalogue and the sound files of its stimuli, the response for which these are
        equalised, the tables of gains, the calibrations in the folders of these, and languages of
        the study's own.
        """
        found: dict[str, Path] = {}
        if self.sound.catalogue:
            found[self._name(self.sound.catalogue)] = self.sound.catalogue
        for name in self.stimuli():
            stimulus = self.catalogue[name]
            if stimulus.kind == "file":
                path = inside(stimulus.folder, str(stimulus.parameters["path"]))
                found[self._name(path)] = path
        if self.sound.equalize:
            found[self._name(self.sound.equalize)] = self.sound.equalize
        for gains in self.sound.conditions.values():
            found[self._name(gains)] = gains
            for path in calibrations_beside(gains):
                found[self._name(path)] = path
        for language in self.languages:
            path = self.folder / "languages" / f"{language}.toml"
            if path.exists():
                found[self._name(path)] = path
        return found

    def digests(self) -> dict[str, str]:
        """Return what must stay the same during a study: the SHA-256 of every file, by name.

        The study file is among them, and every stimulus made by soundcal with the checksum of its
        catalogue.

        Raises
        ------
        RecordError
            A file is missing or cannot be read.
        """
        made = {
            f"stimulus {name}": self.catalogue[name].sha256
            for name in self.stimuli()
            if self.catalogue[name].kind != "file"
        }
        files = {name: file_digest(path) for name, path in self.files().items()}
        return {STUDY_FILE: self.sha256, **files, **made}

    def _name(self, path: Path) -> str:
        # a rehearsal keeps its gains where the user wants; those of a study are inside its folder
        return Path(os.path.relpath(path.resolve(), self.folder.resolve())).as_posix()


def calibrations_beside(gains: Path) -> list[Path]:
    """Return the calibrations in the folder of a table of gains."""
    return sorted(gains.parent.glob("calibration*.json"))


def changes(before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Return in words what differs between two results of :meth:`Study.digests`.

    >>> changes({"study.toml": "a", "x.wav": "b"}, {"study.toml": "c"})
    ('study.toml has changed', 'x.wav is no longer part of the study')
    """
    changed = [
        f"{name} has changed" for name in before if now.get(name, before[name]) != before[name]
    ]
    gone = [f"{name} is no longer part of the study" for name in before if name not in now]
    added = [f"{name} is new" for name in now if name not in before]
    return (*changed, *gone, *added)
