"""The actions of a page, and the form that each of their bodies must have."""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from soundcal.listening.room.replies import Refused

__all__ = ["ACTIONS", "check_body"]

_LONGEST: Final = 64  # characters of a key, of the name of a window, of an id
_MOST_ANSWERS: Final = 500
_LONGEST_DAY_S: Final = 86400.0


def _words(value: Any) -> bool:
    """Return whether a value is text that UTF-8 can hold; half of a surrogate pair is not."""
    return isinstance(value, str) and not any("\ud800" <= one <= "\udfff" for one in value)


def _text(value: Any) -> bool:
    return _words(value) and len(value) <= _LONGEST


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _yes_or_no(value: Any) -> bool:
    return isinstance(value, bool)


def _one_of(*values: object) -> Callable[[Any], bool]:
    return lambda value: any(value is one or value == one for one in values)


def _seconds(value: Any) -> bool:
    number = type(value) in (int, float)
    return value is None or (number and math.isfinite(value) and 0 <= value <= _LONGEST_DAY_S)


def _answers(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= _MOST_ANSWERS
        and all(_text(name) and _answer(one) for name, one in value.items())
    )


def _answer(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and {"value"} <= set(value) <= {"value", "input"}
        and _text(value.get("input", ""))
        and (
            value["value"] is None
            or _words(value["value"])
            or (type(value["value"]) in (int, float) and math.isfinite(value["value"]))
            or (
                isinstance(value["value"], list)
                and len(value["value"]) <= _MOST_ANSWERS
                and all(map(_words, value["value"]))
            )
        )
    )


_COMMON: Final[Mapping[str, Callable[[Any], bool]]] = {
    "number": _whole,
    "key": lambda value: _text(value) and value != "",
    "tab": _text,
}

ACTIONS: Final[Mapping[str, Mapping[str, Callable[[Any], bool]]]] = {
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
"""The actions, with the fields that their bodies have besides ``number``, ``key`` and ``tab``."""


def check_body(action: str, body: Mapping[str, Any]) -> None:
    """Refuse an action or a body that no page sends.

    Raises
    ------
    Refused
        An unknown action, a field that is missing, unknown or not of its kind.
    """
    if action not in ACTIONS:
        raise Refused(422, f"no action {action!r:.40}")
    fields = {**_COMMON, **ACTIONS[action]}
    if set(body) != set(fields):
        wrong = sorted(set(body) ^ set(fields))
        raise Refused(422, f"{action}: {', '.join(wrong)!r:.200} missing or unknown")
    for name, is_right in fields.items():
        if not is_right(body[name]):
            raise Refused(422, f"{action}: {name} = {body[name]!r:.80} is not possible")
