"""Bodies of requests: JSON, with what a page sends and nothing else."""

import asyncio
import json
import math
from collections.abc import Collection, Mapping
from typing import Any, Final, NoReturn

from starlette.requests import ClientDisconnect, Request

__all__ = ["LARGEST", "BadRequest", "body_of", "texts_of"]

LARGEST: Final = 64 * 1024
"""Largest body of a request in bytes."""

_LONGEST: Final = 4000  # characters of a text


_SLOWEST_S: Final = 30.0
"""Time in s in which a body must have arrived."""


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
        Not JSON, not an object, larger than 64 KiB, with numbers or characters that no page
        sends, or not complete within 30 s.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise BadRequest(415, "application/json is expected")
    content = bytearray()
    try:
        async with asyncio.timeout(_SLOWEST_S):
            async for part in request.stream():
                content += part
                if len(content) > LARGEST:
                    raise BadRequest(413, f"at most {LARGEST} bytes are accepted")
    except (ClientDisconnect, TimeoutError):  # a lost network; the page repeats the request
        raise BadRequest(408, "the request has not arrived completely") from None
    try:
        text = content.decode()
        body = json.loads(text, parse_constant=_no_number, parse_float=_finite)
        json.dumps(body, ensure_ascii=False).encode()  # half a surrogate pair is no character
    except (ValueError, RecursionError):
        raise BadRequest(400, "the body is not JSON") from None
    if not isinstance(body, dict):
        raise BadRequest(400, "a JSON object is expected")
    return body


def texts_of(body: Mapping[str, Any], names: Collection[str]) -> dict[str, str]:
    """Return the texts of a body that holds exactly the named ones.

    Raises
    ------
    BadRequest
        A text is missing, unknown or too long, or is none.
    """
    if wrong := sorted(set(body) ^ set(names)):
        raise BadRequest(400, f"the field {wrong[0]!r:.60} is missing or unknown")
    for name, value in body.items():
        if not isinstance(value, str) or len(value) > _LONGEST:
            raise BadRequest(400, f"{name}: a text of at most {_LONGEST} characters is expected")
    return dict(body)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(text)
