"""soundcal's own text form of a response of one channel: for charts, certificates and tables.

::

    # soundcal-response 1
    # from: P
    # to: FS
    # kind: relative
    # normalised_at_hz: 250
    # incidence: 0deg
    # source: certificate 123 of 2026-01-15
    frequency_hz,magnitude_db,u_db
    20,-0.12,0.1
    …

The columns ``phase_deg``, ``u_db``, ``dof`` and ``spread_db`` may be left out, and so may all keys
but ``from``, ``to`` and ``kind``. A response that was written comes back exactly.
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np

from soundcal.errors import ParameterError, RecordError
from soundcal.files.atomic import partial_file
from soundcal.response.columns import LARGEST
from soundcal.response.curve import ChannelResponse
from soundcal.response.imported import FoundCurve, imported_response
from soundcal.response.model import Response, ResponseKind, marked_if_changed

__all__ = ["is_own_csv", "response_of_own_csv", "write_own_csv"]

_FIRST: Final = "# soundcal-response 1"
_KEY: Final = re.compile(r"#\s*([a-z_]+)\s*:\s*(.*)")
_COLUMNS: Final = {
    "frequency_hz": "frequency",
    "magnitude_db": "magnitude_db",
    "phase_deg": "phase_deg",
    "u_db": "u_db",
    "dof": "dof",
    "spread_db": "spread_db",
}
"""Columns and the names of their values in :class:`ChannelResponse` and :class:`FoundCurve`."""

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf")


def is_own_csv(text: str) -> bool:
    """Return True if a text begins as soundcal's own form does."""
    return text.lstrip().startswith(_FIRST)


def write_own_csv(
    path: str | os.PathLike[str], response: Response, *, channel: str = "", force: bool = False
) -> None:
    """Write one channel of a response as text.

    Parameters
    ----------
    path : path
        File to write.
    response : Response
        The response.
    channel : str
        Channel to write; the only one if not given.
    force : bool
        Replace an existing file.

    Raises
    ------
    ParameterError
        Several channels and none named, or no such channel.
    RecordError
        The file exists and ``force`` is not set, or it cannot be written.
    """
    names = tuple(response.channels)
    if not channel and len(names) > 1:
        raise ParameterError(f"a CSV file holds one channel; name one of {', '.join(names)}")
    channel = channel or names[0]
    if channel not in names:
        raise ParameterError(f"no channel {channel!r}, only {', '.join(names)}")
    curve = response.channels[channel]
    whole = len(names) == 1  # the id is that of all channels
    about = {
        "id": response.id if whole else "",
        "name": response.name,
        "from": response.source_point,
        "to": response.target_point,
        "kind": response.kind,
        "normalised_at_hz": "" if response.normalised_at is None else repr(response.normalised_at),
        "channel": channel,
        "valid_hz": ",".join(map(repr, response.valid)),
        "smoothing": response.smoothing,
        "incidence": response.incidence,
        "correlation_octaves": repr(curve.correlation_octaves),
        "made": response.made,
        "device": response.device,
        "conditions": response.conditions,
        "source": response.provenance,
    }
    columns = {column: getattr(curve, name) for column, name in _COLUMNS.items()}
    kept = {column: values.tolist() for column, values in columns.items() if values is not None}
    lines = [_FIRST]
    lines += [
        f"# {key}: {_written(key, value)}"
        for key, value in about.items()
        if value != "" or key == "channel"
    ]
    lines += [",".join(kept)]
    lines += [",".join(map(repr, row)) for row in zip(*kept.values(), strict=True)]
    with partial_file(Path(path), force=force) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def response_of_own_csv(text: str, path: Path, *, shift: float = 0.0) -> Response:
    """Return the response in a text of this form, which is in the file at ``path``.

    ``shift`` in dB is added to an absolute response that somebody typed.

    Raises
    ------
    RecordError
        A key, column or value that is wrong, with the number of its line.
    """
    about, columns, rows, lines = _parsed(text)
    values = {
        _COLUMNS[name]: np.array([row[index] for row in rows]) for index, name in enumerate(columns)
    }
    try:
        if not about.get("id"):
            return _typed_one(about, values, lines, path, shift)
        if shift:
            raise ParameterError("a response with an id is not shifted")
        return _written_one(about, values)
    except ParameterError as error:
        raise RecordError(str(error)) from error


def _written_one(about: Mapping[str, Any], values: Mapping[str, Any]) -> Response:
    """Return a response that soundcal wrote, marked if it was changed afterwards."""
    missing = [key for key in (*_NEEDED, "valid_hz", "made") if key not in about]
    if missing or "u_db" not in values:
        raise RecordError(f"an id, but no {', '.join([*missing, 'u_db'][:1])}; remove the id")
    octaves = about.get("correlation_octaves", 1.0)
    response = Response(
        about["id"],
        about.get("name", ""),
        about["from"],
        about["to"],
        about["kind"],
        {about.get("channel", "mono"): ChannelResponse(**values, correlation_octaves=octaves)},
        about["valid_hz"],
        about.get("normalised_at_hz"),
        about.get("smoothing", ""),
        about.get("incidence", ""),
        about.get("conditions", {}),
        about["made"],
        about.get("device", ""),
        about.get("source", {}),
    )
    return marked_if_changed(response)


def _typed_one(
    about: Mapping[str, Any],
    values: Mapping[str, Any],
    lines: list[int],
    path: Path,
    shift: float,
) -> Response:
    """Return a response that somebody typed, checked as one of another program is."""
    missing = [key for key in _NEEDED if key not in about]
    if missing:
        raise RecordError(f"no line '# {missing[0]}: …'")
    kind: ResponseKind = about["kind"]
    if kind not in get_args(ResponseKind):
        raise RecordError(f"kind {kind!r:.40}; one of {', '.join(get_args(ResponseKind))} expected")
    given = ("name", "smoothing", "incidence", "conditions", "made", "device")
    source = about.get("source", {})
    found = FoundCurve(
        lines,
        **values,
        correlation_octaves=about.get("correlation_octaves", 1.0),
        about={"importer": "own CSV", **source},
        more={
            "smoothing": "not stated",
            **{key: about[key] for key in given if key in about},
            **({"valid": about["valid_hz"]} if "valid_hz" in about else {}),
        },
    )
    return imported_response(
        found,
        path,
        source=about["from"],
        target=about["to"],
        kind=kind,
        channel=about.get("channel", "mono"),
        normalise_at=about.get("normalised_at_hz", 1000.0),
        shift=shift,
    )


_NEEDED: Final = ("from", "to", "kind")


def _parsed(text: str) -> tuple[dict[str, Any], list[str], list[list[float]], list[int]]:
    """Return the keys, the names of the columns, the rows of numbers and their lines."""
    about: dict[str, Any] = {}
    columns: list[str] = []
    rows: list[list[float]] = []
    lines: list[int] = []
    for number, raw in enumerate(text.split("\n"), 1):
        line = raw.strip()
        if not line or line == _FIRST:
            continue
        try:
            if line.startswith("#"):
                key = _KEY.fullmatch(line)
                if key:
                    about[key[1]] = _read(key[1], key[2])
            elif not columns:
                columns = _columns(line)
            else:
                rows.append(_row(line, columns))
                lines.append(number)
        except (ParameterError, RecordError, ValueError, RecursionError) as error:
            raise RecordError(f"line {number}: {line!r:.80}: {error}") from error
    if not rows:
        raise RecordError("no line of numbers")
    return about, columns, rows, lines


def _columns(line: str) -> list[str]:
    names = [name.strip() for name in line.split(",")]
    if names[:2] != list(_COLUMNS)[:2] or not set(names) <= set(_COLUMNS):
        raise RecordError(
            "the names of the columns are expected: frequency_hz,magnitude_db and perhaps "
            "phase_deg, u_db, dof, spread_db"
        )
    if len(set(names)) < len(names):
        raise RecordError("a column occurs twice")
    return names


def _row(line: str, columns: list[str]) -> list[float]:
    fields = [text.strip() for text in line.split(",")]
    if len(fields) != len(columns) or not all(map(_NUMBER.fullmatch, fields)):
        raise RecordError(
            f"{len(columns)} numbers with decimal points, separated by commas, are expected"
        )
    values = [float(text) for text in fields]
    if any(abs(v) > LARGEST and name != "dof" for name, v in zip(columns, values, strict=True)):
        raise RecordError("a number too large")
    return values


def _pair(text: str) -> tuple[float, float]:
    low, high = text.split(",")
    return float(low), float(high)


def _json_or_text(text: str) -> dict[str, Any]:
    if not text.startswith("{"):
        return {"text": text}
    return dict(json.loads(text))


def _word(text: str) -> str:
    return str(json.loads(text)) if text.startswith('"') else text


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {
    **dict.fromkeys(
        ("id", "name", "from", "to", "kind", "channel", "smoothing", "incidence", "made", "device"),
        _word,
    ),
    "normalised_at_hz": float,
    "valid_hz": _pair,
    "correlation_octaves": float,
    "conditions": _json_or_text,
    "source": _json_or_text,
}
"""Keys and what reads their values."""


def _read(key: str, text: str) -> Any:
    if key not in _READERS:
        raise RecordError(f"unknown key; one of {', '.join(_READERS)} is expected")
    return _READERS[key](text)


def _written(key: str, value: Any) -> str:
    """Return a value as text; words that would not come back as they are become JSON."""
    if isinstance(value, Mapping):
        return json.dumps(value)
    plain = value == value.strip() and value.isprintable() and not value.startswith('"')
    return str(value) if plain else json.dumps(value)
