"""From a curve in a file to a response: sign, normalisation, checks, uncertainty, provenance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError, RecordError
from soundcal.files.atomic import file_digest
from soundcal.response.curve import ChannelResponse
from soundcal.response.model import Response, ResponseKind, new_response
from soundcal.response.plausible import (
    EARS_AND_COUPLERS,
    assumed_uncertainty,
    check_absolute,
    check_ascending,
    check_relative,
    curve_doubts,
    largest_value,
)
from soundcal.response.points import point_unit

__all__ = ["FileSign", "FoundCurve", "imported_response"]

FileSign = Literal["response", "correction"]

_SAID_DB: Final = 0.1
"""A level above this at the calibrator's frequency is told when it is subtracted."""


@dataclass(frozen=True, slots=True)
class FoundCurve:
    """A curve as a file states it, with all that is known of it.

    Parameters
    ----------
    lines : sequence of int
        Number of the line of each value; empty if the file has no lines.
    frequency, magnitude_db : ndarray, shape (n,)
        Hz and dB.
    phase_deg, u_db, dof, spread_db : ndarray, shape (n,), optional
        Phase in degrees, standard uncertainty in dB, its degrees of freedom, and the standard
        deviation between seatings in dB.
    sign : {"response", "correction"}
        A correction is negated.
    notes : sequence of str
        Remarks of the reader, for people.
    about : mapping
        Entries for the provenance.
    more : mapping
        Further parameters of :func:`soundcal.response.model.new_response`.
    """

    lines: Sequence[int]
    frequency: Array
    magnitude_db: Array
    phase_deg: Array | None = None
    u_db: Array | None = None
    dof: Array | None = None
    spread_db: Array | None = None
    correlation_octaves: float = 1.0
    sign: FileSign = "response"
    notes: Sequence[str] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)


def imported_response(
    found: FoundCurve,
    path: Path,
    *,
    source: str,
    target: str,
    kind: ResponseKind,
    channel: str,
    normalise_at: float,
    shift: float = 0.0,
) -> Response:
    """Return the response of a curve that was read from a file.

    Raises
    ------
    RecordError
        The curve does not look like a response of this kind, with the number of the line.
    ParameterError
        Parameters that contradict one another.
    """
    found, notes = _without_zero(found)
    curve, assumed = _curve(found, source, target)
    about: dict[str, Any] = {"sign": "as found"}
    if found.sign == "correction":
        about["sign"] = "correction, negated"
        notes.append("a correction by its sign: negated into the response")
        curve = curve.negated()
    if kind == "relative":
        if shift:
            raise ParameterError("a shift is for an absolute response; a relative one has 0 dB")
        there = _level_at(curve, normalise_at, microphone="P" in (source, target))
        curve = curve.shifted(-there)
        about["subtracted_db"] = there
        if abs(there) > _SAID_DB:
            notes.append(f"{there:.2f} dB at {normalise_at:g} Hz are subtracted")
        if source != target and point_unit(source) == point_unit(target) == "Pa":
            notes.append(
                f"relative, so it cannot refer recordings from {target} to {source} or back; for "
                "that, import it as absolute (--kind absolute)"
            )
        notes += check_relative(curve, found.lines, ear=target in EARS_AND_COUPLERS)
    elif shift:
        curve = curve.shifted(shift)
        about["shift_db"] = shift
    if kind == "absolute":
        check_absolute(curve, source, target)
    notes += curve_doubts(curve, found.lines)
    normalised_at = normalise_at if kind == "relative" else None
    notes.append(largest_value(curve, found.lines, source, target, normalised_at))
    if assumed:
        about["uncertainty"] = assumed
    provenance = {"file": path.name, "sha256": file_digest(path), **found.about, **about}
    return new_response(
        found.more.get("name") or path.stem,
        source,
        target,
        kind,
        {channel: curve},
        normalised_at=normalised_at,
        provenance={**provenance, "notes": notes},
        **{name: value for name, value in found.more.items() if name != "name"},
    )


def _without_zero(found: FoundCurve) -> tuple[FoundCurve, list[str]]:
    notes = list(found.notes)
    if not found.frequency.size or found.frequency[0] != 0.0:
        return found, notes
    notes.append(f"line {found.lines[0]}: the value at 0 Hz is left out")
    arrays: dict[str, Any] = {
        name: None if (values := getattr(found, name)) is None else values[1:]
        for name in ("frequency", "magnitude_db", "phase_deg", "u_db", "dof", "spread_db")
    }
    return replace(found, lines=found.lines[1:], **arrays), notes


def _curve(found: FoundCurve, source: str, target: str) -> tuple[ChannelResponse, str]:
    """Return the curve as found, and the description of an assumed uncertainty."""
    check_ascending(found.frequency, found.lines)
    u_db, assumed = found.u_db, ""
    if u_db is None:
        u_db, assumed = assumed_uncertainty(found.frequency, source, target)
    try:
        curve = ChannelResponse(
            found.frequency,
            found.magnitude_db,
            u_db=u_db,
            phase_deg=None if found.phase_deg is None else np.unwrap(found.phase_deg, period=360.0),
            dof=found.dof,
            spread_db=found.spread_db,
            correlation_octaves=found.correlation_octaves,
        )
    except ParameterError as error:
        raise RecordError(str(error)) from error
    return curve, assumed


def _level_at(curve: ChannelResponse, at_hz: float, *, microphone: bool) -> float:
    low, high = curve.frequency[0], curve.frequency[-1]
    if not low <= at_hz <= high:
        # an absolute response of a microphone undoes nothing: its calibration has the sensitivity
        absolute = "" if microphone else ", or import it as absolute (--kind absolute)"
        raise ParameterError(
            f"normalised at {at_hz:g} Hz, but the file has {low:g} to {high:g} Hz; name a "
            "frequency of that range (--normalise-at; normalised_at_hz in a typed chart) whose "
            f"level is that at the frequency of the sound calibrator{absolute}"
        )
    return float(curve.level(at_hz))
