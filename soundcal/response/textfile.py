"""Responses in the text files of other programs: UMIK, EARS, Dayton, REW, AutoEq, WinMLS, …

All of these files state the response, which has to be subtracted: +3 dB at 10 kHz means that the
microphone reads 3 dB too much there. A file that states a correction is negated, and the record
says so. No level is taken from a header.
"""

import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, get_args

import numpy as np

from soundcal.errors import ParameterError, RecordError
from soundcal.files.text import read_export
from soundcal.response.column_names import column_meaning, named_correction
from soundcal.response.columns import NumberTable, number_table
from soundcal.response.combining import join_channels
from soundcal.response.curve import ChannelResponse
from soundcal.response.headers import HeaderFacts, header_facts
from soundcal.response.imported import FileSign, FoundCurve, imported_response
from soundcal.response.model import Response, ResponseKind
from soundcal.response.own_csv import is_own_csv, response_of_own_csv
from soundcal.response.plausible import rises_at_low_frequencies

__all__ = ["read_response"]

_KEPT: Final = 40
"""Header lines that the record keeps."""

_RESPONSES_OF_AUTOEQ: Final = ("raw", "smoothed")
"""Columns of a table of AutoEq without its target; its errors and equalisations contain it."""

_DECIBELS: Final = re.compile(r"db|spl|^raw$", re.IGNORECASE)
"""Names of columns that are levels in dB for certain."""

_SHORT: Final = 2
"""A name of so few letters is no word of any language."""

_RATIO: Final = 2.0
"""Ratios to the value at 1 kHz have a median between this and its inverse, as has that value."""


def read_response(
    path: str | os.PathLike[str],
    *,
    source_point: str = "",
    target_point: str = "",
    kind: ResponseKind = "relative",
    channel: str = "",
    incidence: str = "",
    as_: FileSign | None = None,
    columns: Sequence[str] = (),
    normalise_at: float = 1000.0,
    shift: float = 0.0,
) -> Response:
    """Read the response in a text file of another program, or in one of soundcal's own form.

    Parameters
    ----------
    path : path
        The file. Lines that begin with a number are data: frequency in Hz, level in dB, perhaps
        phase in degrees, separated by tabs, semicolons, commas or blanks. A file that begins with
        ``# soundcal-response 1`` states ends, kind, frequency and channel itself.
    source_point, target_point : str
        Reference points; FS to DRP for a table of AutoEq, else P to FS, if not given.
    kind : {"relative", "absolute"}
        A relative response gets 0 dB at ``normalise_at``.
    channel : str
        Name of the channel; the file's, or ``mono``, which serves all, if not given. A file with
        columns of both ears has the channels ``left`` and ``right``, or the one that is named.
    incidence : str
        Sound incidence at a microphone; the file's if not given.
    as_ : {"response", "correction"}, optional
        Sign of the file; a correction is negated. A response if not given, unless that is doubtful:
        by a name, also of a column that is not understood, or by the curve.
    columns : sequence of str
        Names or numbers of the columns of frequency, level and phase.
    normalise_at : float
        Frequency in Hz of the sound calibrator whose calibration the response refines.
    shift : float
        dB to add to an absolute response, such as one that was normalised at 1 kHz.

    Returns
    -------
    Response
        ``provenance`` has file, SHA-256, header and sign, and ``notes`` for people.

    Raises
    ------
    RecordError
        The file cannot be read, or does not look like a response, with the number of the line.
    ParameterError
        The sign is doubtful and not stated, values that may be ratios are not said to be levels by
        their column's name or by ``columns``, or a parameter contradicts the file.
    """
    path = Path(path)
    if as_ is not None and as_ not in get_args(FileSign):
        raise ParameterError(f"sign {as_!r:.40}; response or correction is expected")
    text, remarks = read_export(path)
    try:
        if is_own_csv(text):
            if as_ == "correction" or columns:
                raise ParameterError("a file of this form has named columns and holds a response")
            response = response_of_own_csv(text, path, shift=shift)
            _agreed("source point", source_point, response.source_point)
            _agreed("target point", target_point, response.target_point)
            _agreed("channel", channel, *response.channels)
            _agreed("incidence", incidence, response.incidence)
            return response
        table = number_table(text, columns=columns)
        of_ears = {
            ear: replace(table, column=name, level=level)
            for ear, (name, level) in table.ears.items()
            if channel in ("", ear) or channel not in table.ears
        }
        parts = [
            _of_one_column(
                path,
                one,
                source_point=source_point,
                target_point=target_point,
                kind=kind,
                channel=_agreed("channel", channel, ear),
                incidence=incidence,
                as_=as_,
                stated=bool(columns),
                remarks=remarks,
                normalise_at=normalise_at,
                shift=shift,
            )
            for ear, one in (of_ears or {"": table}).items()
        ]
        return join_channels(*parts, name=path.stem)
    except (ParameterError, RecordError) as error:
        raise type(error)(f"{path}: {error}") from error


def _of_one_column(
    path: Path,
    table: NumberTable,
    *,
    source_point: str,
    target_point: str,
    kind: ResponseKind,
    channel: str,
    incidence: str,
    as_: FileSign | None,
    stated: bool,
    remarks: Sequence[str],
    **asked: Any,
) -> Response:
    """Return the response in a table's column of levels; ``stated`` if the caller chose it."""
    if not (stated or _DECIBELS.search(table.column)):
        _refuse_ratios(table)
    facts = header_facts(table.header, path.stem)
    autoeq = table.names[:2] == ("frequency", "raw")
    if autoeq and kind == "absolute":
        raise ParameterError("a table of AutoEq is normalised at 1 kHz: its level is lost")
    source = source_point or ("FS" if autoeq else "P")
    target = target_point or ("DRP" if autoeq else "FS")
    doubt = "" if as_ else _doubt(path, table, facts, (source, target), stated=stated)
    if doubt:
        raise ParameterError(
            f"is this a correction? {doubt}. State the sign: --as response if +3 dB means that "
            "the device is 3 dB too loud, --as correction if 3 dB have to be added"
        )
    found = FoundCurve(
        table.lines,
        table.frequency,
        table.level,
        table.phase,
        sign=as_ or "response",
        notes=(*remarks, *table.notes, *_told(facts), *(_with_target(table) if autoeq else ())),
        about={
            "importer": "text",
            "header": list(table.header[:_KEPT]),
            "columns": table.rule,
            "column": table.column,
            "serial": facts.serial,
            "stated_sensitivity": list(facts.sensitivity),
        },
        more={
            "incidence": _agreed("incidence", incidence, facts.incidence),
            "smoothing": facts.smoothing,
            "conditions": {"fs": facts.fs} if facts.fs else {},
        },
    )
    return imported_response(
        found,
        path,
        source=source,
        target=target,
        kind=kind,
        channel=_agreed("channel", channel, facts.channel) or "mono",
        **asked,
    )


def _refuse_ratios(table: NumberTable) -> None:
    """Refuse positive values around 1: levels in dB re 1 kHz are 0 there."""
    there = table.level[np.argmin(np.abs(table.frequency - 1000.0))]
    around = [1.0 / _RATIO <= value <= _RATIO for value in (there, np.median(table.level))]
    if table.level.min() > 0.0 and all(around):
        raise ParameterError(
            f"no value up to 0, and {there:g} at 1 kHz: is it a ratio (linear magnitude)? Then "
            "write 20 lg of the values. If they are levels in dB, state the columns (--columns 1,2)"
        )


def _doubt(
    path: Path, table: NumberTable, facts: HeaderFacts, ends: tuple[str, str], *, stated: bool
) -> str:
    """Return the reason for which a file may state a correction; "" if there is none."""
    title = "" if table.title in facts.sensitivity else table.title
    word = named_correction(path.stem, table.column, title)
    if table.names and not word and column_meaning(table.column) == "correction":
        word = table.column
    if word:
        return f"the file or its column is called {word!r}"
    letters = sum(map(str.isalpha, table.column))
    if table.names and not stated and letters > _SHORT and not column_meaning(table.column):
        return f"nobody knows what the name of its column {table.column!r} means"
    keep = table.frequency > 0
    f, level = table.frequency[keep], table.level[keep]
    if ends == ("P", "FS") and f.size > 1 and (np.diff(f) > 0).all():
        rise = rises_at_low_frequencies(ChannelResponse(f, level, u_db=np.zeros(f.size)))
        if rise:
            return f"{rise:.1f} dB more at 20 to 40 Hz than at 1 kHz, but microphones roll off"
    return ""


def _told(facts: HeaderFacts) -> list[str]:
    if not facts.sensitivity:
        return []
    return [
        f"stated sensitivity {'; '.join(facts.sensitivity)!r:.200}: kept, and not used as a level; "
        "levels come from a sound calibrator"
    ]


def _with_target(table: NumberTable) -> list[str]:
    if table.column in _RESPONSES_OF_AUTOEQ:
        return []
    return [f"column {table.column!r} of AutoEq contains a target curve; the response is in raw"]


def _agreed(what: str, given: str, found: str) -> str:
    """Return a statement of the caller or of the file, which must not contradict each other."""
    if given and found and given != found:
        raise ParameterError(f"{what} {given!r} is asked for, but the file says {found!r}")
    return given or found
