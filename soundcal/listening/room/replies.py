"""View of the state that a page shows, and the reply to an action."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from soundcal.errors import SoundcalError

__all__ = ["Locked", "Refused", "Reply", "UnknownCode", "View"]


class UnknownCode(SoundcalError):
    """No participant has this code, link or cookie."""


class Locked(SoundcalError):
    """The code is in use on another device; the assistant can release it."""


@dataclass(frozen=True, slots=True)
class View:
    """View of the state in one window of a participant.

    Parameters
    ----------
    number : int
        Number of the state; it only grows.
    screen : str
        Name of the screen.
    language : str
        Language of the page, empty before it is chosen.
    data : mapping of str to Any
        What the screen shows, ready for JSON. It names no file, stimulus, condition or level.
    """

    number: int
    screen: str
    language: str
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reply:
    """Reply to an action.

    Parameters
    ----------
    status : int
        200: done, or done before; 409: out of date, and the view is what is; 422: the answers are
        not complete or not possible; 423: nothing is accepted at present.
    view : View
        The state after the action.
    message : str
        The reason of a refusal, for logs and developers; pages have their own words.
    """

    status: int
    view: View
    message: str = ""


class Refused(Exception):
    """An action changes nothing; the reply says why."""

    def __init__(self, status: int, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.data = dict(data or {})
