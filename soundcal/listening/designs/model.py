"""Trials, the items that a page asks, and the interface that every design fulfils.

A design is a pure function of a list of trials and of what happened so far. It knows no clock,
device, file or page, so that replaying the stored answers after a crash gives the same state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, Protocol

from soundcal.listening.study import Block, Study
from soundcal.listening.texts import Texts

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Answered",
    "Ask",
    "Design",
    "Done",
    "Event",
    "Item",
    "Listened",
    "Present",
    "Step",
    "Trial",
    "shown_items",
]


@dataclass(frozen=True, slots=True)
class Trial:
    """One sound with its questions, or a page of questions without sound.

    Parameters
    ----------
    block, design : str
        Id of the block and name of its design.
    position : int
        Place within the visit, from 1.
    stimulus, condition : str or None
        The sound and its table of gains; None without sound.
    repeat : int
        Number of the presentation of this stimulus under this condition in the block, from 1.
    scored : bool
        False for training.
    attributes : tuple of str
        Ids of the items in the order in which they are shown.
    starts : tuple of float
        Place of the handle of each item before it is touched; empty if there is none.
    complete : int
        Complete presentations before answers count; 0 without sound.
    """

    block: str
    design: str
    position: int
    stimulus: str | None
    condition: str | None
    repeat: int
    scored: bool
    attributes: tuple[str, ...]
    starts: tuple[float, ...] = ()
    complete: int = 1

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return values | {"attributes": list(self.attributes), "starts": list(self.starts)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Trial":
        """Return the trial of :meth:`to_dict`."""
        lists = {name: tuple(content[name]) for name in ("attributes", "starts")}
        return cls(**{**content, **lists})


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that a page asks.

    Parameters
    ----------
    id : str
        Identity in the tables.
    kind : {"slider", "buttons", "number", "choice", "many", "text"}
        How it is answered. ``buttons`` gives a number, ``choice`` a text, ``many`` a list of texts.
    label : str
        The question, or the word that is rated; empty for a pair of opposite ends.
    low, high, step : float or None
        Limits and distance of two answers; None: no limit, any number.
    low_label, high_label : str
        Labels of the ends.
    choices : tuple of (str, str)
        Values and labels of buttons and choices. The values of buttons are numbers as text.
    required : bool
        The page is not sent without an answer.
    personal : bool
        The answer is kept apart.
    start : float or None
        Place of the handle before it is touched; None: no handle. It is never an answer.
    """

    id: str
    kind: Literal["slider", "buttons", "number", "choice", "many", "text"]
    label: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    low_label: str = ""
    high_label: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    required: bool = True
    personal: bool = False
    start: float | None = None


def shown_items(items: Sequence[Item], trial: Trial) -> tuple[Item, ...]:
    """Return the items as a trial shows them: in its order, with the handles where they start."""
    by_id = {item.id: item for item in items}
    shown = [by_id[name] for name in trial.attributes]
    starts: Sequence[float | None] = trial.starts or [None] * len(shown)
    return tuple(
        replace(item, start=start if item.kind == "slider" else None)
        for item, start in zip(shown, starts, strict=True)
    )


@dataclass(frozen=True, slots=True)
class Listened:
    """The sound of the trial at a position was presented; ``complete`` if to its end, and valid."""

    position: int
    complete: bool


@dataclass(frozen=True, slots=True)
class Answered:
    """The items of the trial at a position were answered with these values, by id."""

    position: int
    values: Mapping[str, Any]


Event = Listened | Answered
"""Something that happened in a visit, as far as a design must know it."""


@dataclass(frozen=True, slots=True)
class Present:
    """The sound of this trial comes next; answers do not count yet."""

    trial: Trial


@dataclass(frozen=True, slots=True)
class Ask:
    """This trial can be answered; its sound, if any, may be played again."""

    trial: Trial


@dataclass(frozen=True, slots=True)
class Done:
    """All trials are answered."""


Step = Present | Ask | Done
"""The next step of a visit."""


class Design(Protocol):
    """A method of listening tests; see :mod:`soundcal.listening.designs`."""

    @property
    def name(self) -> str:
        """Name in study files."""

    @property
    def template(self) -> str:
        """File of the page, in ``listening/pages``."""

    def check(self, block: Block, study: Study) -> None:
        """Refuse a block that this design cannot carry out.

        Raises
        ------
        ParameterError
            With the id of the block.
        """

    def prompt(self, block: Block, language: str, texts: Texts) -> str:
        """Return the sentence above the items; empty if there is none."""

    def items(self, block: Block, language: str, texts: Texts) -> tuple[Item, ...]:
        """Return what a trial of the block asks, in the order of the block."""

    def asked(self, block: Block) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the ids of the items whose order may be random, and of those that follow them."""

    def next(self, trials: Sequence[Trial], history: Sequence[Event]) -> Step:
        """Return what comes next in the trials of a block.

        Parameters
        ----------
        trials : sequence of Trial
            In their order.
        history : sequence of Event
            What happened, oldest first; events of other trials are left out of account.
        """

    def accept(
        self, items: Sequence[Item], answers: Mapping[str, Any]
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return the values to store, and the ids of the required items without an answer.

        Parameters
        ----------
        items : sequence of Item
            Items of the trial.
        answers : mapping of str to Any
            What the page sent, by id of the item; None and "" are no answers.

        Returns
        -------
        values : dict of str to float, str or list of str
        missing : tuple of str

        Raises
        ------
        ParameterError
            An unknown item, or a value that is none of those that can be chosen.
        """

    def analyse(self, table: "pd.DataFrame") -> "pd.DataFrame":
        """Return the results of the design.

        Parameters
        ----------
        table : DataFrame
            ``participant, condition, stimulus, attribute, value``, a row per answer; of questions
            with words, ``text`` beside the value.
        """
