"""The actions of a page, and the form that each of their bodies must have."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from soundcal.listening.designs import LONGEST_TEXT
from soundcal.listening.room.replies import Refused

__all__ = ["ACTIONS", "check_body"]

_LONGEST: Final = 64  # characters of a key, of the name of a window, of an id
_MOST_ANSWERS: Final = 500
_HIGHEST: Final = 2**53  # up to here, every whole number is one in JavaScript
_INPUTS: Final = ("pointer", "touch", "keys")


def _words(value: Any) -> bool:
    """Return whether a value is text that UTF-8 can hold; half of a surrogate pair is not."""
    return isinstance(value, str) and not any("\ud800" <= one <= "\udfff" for one in value)


def _text(value: Any) -> bool:
    return _words(value) and len(value) <= _LONGEST


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value <= _HIGHEST


def _number(value: Any) -> bool:
    return type(value) in (int, float) and abs(value) <= _HIGHEST


def _yes_or_no(value: Any) -> bool:
    return isinstance(value, bool)


def _one_of(*values: object) -> Callable[[Any], bool]:
    return lambda value: any(value is one or value == one for one in values)


def _seconds(value: Any) -> bool:
    return _number(value) and value >= 0


def _answers(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= _MOST_ANSWERS
        and all(_text(name) and _answer(one) for name, one in value.items())
    )


def _answer(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"value", "input"}
        and value["input"] in _INPUTS
        and (_number(value["value"]) or _said(value["value"]))
    )


def _said(value: Any) -> bool:
    """Return whether a value is words, or a list of choices."""
    if isinstance(value, list):
        return len(value) <= _MOST_ANSWERS and all(map(_text, value))
    return _words(value) and len(value) <= LONGEST_TEXT


_COMMON: Final[Mapping[str, Callable[[Any], bool]]] = {
    "number": _whole,
    "key": lambda value: _text(value) and value != "",
    "tab": _text,
}

_OWN: Final[Mapping[str, Mapping[str, Callable[[Any], bool]]]] = {
    "language": {"language": _text},
    "consent": {"version": _text, "agree": _yes_or_no},
    "headphones": {
        "side": _one_of("left", "right"),
        "heard": _one_of("", "left", "right", "both", "nothing"),
    },
    "comfort": {"ok": lambda value: value is None or isinstance(value, bool)},
    "continue": {},
    "play": {"trial": _whole},
    "stop": {"trial": _whole},
    "draft": {"trial": _whole, "answers": _answers},
    "answer": {"trial": _whole, "revision": _whole, "answers": _answers, "seconds": _seconds},
    "previous": {},
    "help": {},
    "take_over": {},
    "withdraw": {},
}

ACTIONS: Final[Mapping[str, Mapping[str, Callable[[Any], bool]]]] = {
    action: {**_COMMON, **fields} for action, fields in _OWN.items()
}
"""The actions, with the fields of their bodies and what each of these must be."""


def check_body(action: str, body: Mapping[str, Any]) -> None:
    """Refuse an action or a body that no page sends.

    Raises
    ------
    Refused
        An unknown action, a field that is missing, unknown or not of its kind.
    """
    if action not in ACTIONS:
        raise Refused(422, f"no action {action!r:.40}")
    fields = ACTIONS[action]
    if set(body) != set(fields):
        wrong = sorted(set(body) ^ set(fields))
        raise Refused(422, f"{action}: {', '.join(wrong)!r:.200} missing or unknown")
    for name, is_right in fields.items():
        if not is_right(body[name]):
            raise Refused(422, f"{action}: {name} = {body[name]!r:.80} is not possible")
