"""What a request may hold: JSON with exactly the fields of its action, and nothing else."""

import json
import math
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from starlette.requests import Request

__all__ = ["ACTIONS", "LARGEST", "BadRequest", "body_of", "checked"]

LARGEST: Final = 64 * 1024
"""Largest body of a request in bytes."""

_COMMON: Final = {"number": int, "key": str, "tab": str}

_OWN: Final[Mapping[str, Mapping[str, Any]]] = {
    "language": {"language": str},
    "consent": {"version": str, "agree": bool},
    "headphones": {"side": str, "heard": str},
    "comfort": {"ok": bool | None},
    "continue": {},
    "play": {"trial": int},
    "stop": {"trial": int},
    "draft": {"trial": int, "answers": dict},
    "answer": {"trial": int, "revision": int, "answers": dict, "seconds": int | float},
    "previous": {},
    "help": {},
    "take_over": {},
    "withdraw": {},
}

ACTIONS: Final[Mapping[str, Mapping[str, Any]]] = {
    action: {**_COMMON, **fields} for action, fields in _OWN.items()
}
"""Fields of every action of a participant, with their types."""

_INPUTS: Final = ("pointer", "touch", "keys")
_HIGHEST: Final = 2**53
_LONGEST: Final = 4000  # characters of a text


class BadRequest(Exception):
    """A request is refused: status, words for whoever reads them, and headers of the reply."""

    def __init__(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object in the body of a request.

    Raises
    ------
    BadRequest
        Not JSON, not an object, larger than 64 KiB, or with numbers or characters that no page
        sends.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BadRequest(415, "application/json is expected")
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > LARGEST:
            raise BadRequest(413, f"at most {LARGEST} bytes are accepted")
    try:
        text = content.decode()
        body = json.loads(text, parse_constant=_no_number, parse_float=_finite)
        json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is no character
    except (ValueError, RecursionError):
        raise BadRequest(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadRequest(400, "a JSON object is expected")
    return body


def checked(body: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return the body if it holds exactly the fields, with their types.

    Raises
    ------
    BadRequest
        A field is missing, unknown or of another type.
    """
    if unknown := sorted(set(body) - set(fields)):
        raise BadRequest(400, f"unknown field {unknown[0]!r:.60}")
    for name, kind in fields.items():
        if name not in body:
            raise BadRequest(400, f"the field {name} is missing")
        value = body[name]
        if not isinstance(value, kind) or (isinstance(value, bool) and kind in (int, int | float)):
            raise BadRequest(400, f"the field {name} is of another type than expected")
        if isinstance(value, str) and len(value) > _LONGEST:
            raise BadRequest(400, f"the field {name} is longer than {_LONGEST} characters")
        if isinstance(value, int | float) and not 0 <= value <= _HIGHEST:
            raise BadRequest(400, f"the field {name} is out of range")
    if "answers" in fields:
        for item, answer in body["answers"].items():
            _check_answer(item, answer)
    return dict(body)


def _check_answer(item: str, answer: object) -> None:
    if not isinstance(answer, dict) or set(answer) != {"value", "input"}:
        raise BadRequest(400, f"the answer {item!r:.60} holds value and input, and nothing else")
    if answer["input"] not in _INPUTS:
        raise BadRequest(400, f"input is one of {', '.join(_INPUTS)}")
    value = answer["value"]
    several = value if isinstance(value, list) else [value]
    for one in several:
        figure = isinstance(one, int | float) and not isinstance(one, bool)
        if not (figure and abs(one) <= _HIGHEST) and not isinstance(one, str):
            raise BadRequest(
                400, f"the value of {item!r:.60} is a number, a text or a list of texts"
            )
        if isinstance(one, str) and len(one) > _LONGEST:
            raise BadRequest(400, f"the value of {item!r:.60} is longer than {_LONGEST} characters")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)
