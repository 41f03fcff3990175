"""Recordings referred to a sound field, or freed of a microphone's response, before measuring.

What is done to the pressure follows from the ends of the responses; nobody states a direction.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from soundcal.arrays import Samples
from soundcal.calibration.model import Calibration
from soundcal.errors import ParameterError
from soundcal.recording import EARS, AppliedResponse, Flag
from soundcal.response.directions import Direction, incidence_after, point_after
from soundcal.response.equaliser import Equaliser
from soundcal.response.model import Response
from soundcal.response.points import POINT_NAMES, point_unit
from soundcal.response.tables import generic_response

__all__ = ["Referral", "chosen_responses", "not_undone", "referral"]

_FIELDS: Final[Mapping[str, str]] = {"ff": "FF", "df": "DF", "id": "ID"}
"""Fields to which ``--refer-to`` leads, with their reference points."""

_TABLES: Final = {"ff": "generic-ff", "df": "generic-df"}


@dataclass(frozen=True, slots=True)
class Referral:
    """Filters that lead a recording to the point where it is measured.

    Parameters
    ----------
    equalisers : tuple of Equaliser
        In the order of their use; none leaves the samples as they are.
    point, incidence : str
        Reference point and sound incidence that are reached, as of a
        :class:`~soundcal.recording.Recording`.
    notes : tuple of str
        Assumptions that were made.
    """

    equalisers: tuple[Equaliser, ...]
    point: str
    incidence: str
    notes: tuple[str, ...] = ()

    def process(self, block: Samples) -> Samples:
        """Filter the next samples, shape (n_channels, n)."""
        for equaliser in self.equalisers:
            block = equaliser.process(block)
        return block

    def flags(self) -> tuple[Flag, ...]:
        """Return the reasons to doubt the samples filtered so far."""
        return tuple(flag for equaliser in self.equalisers for flag in equaliser.flags())

    def applied(self) -> tuple[AppliedResponse, ...]:
        """Return what was done to the pressure, in order."""
        return tuple(equaliser.applied() for equaliser in self.equalisers)


def not_undone(
    calibration: Calibration, undone: Container[str], *, way: str = " (--response)"
) -> str:
    """Return the response that a calibration names and that was not undone, in words; or "".

    Parameters
    ----------
    calibration : Calibration
        It may name the response of its microphone or ear simulator.
    undone : container of str
        Digests of the responses that are undone.
    way : str
        The way to undo it; "" where there is none.
    """
    named = calibration.details.get("response")
    if not named or named["sha256"] in undone:
        return ""
    return f"the response {named['name']} ({named['id']}), which was not undone{way}"


def chosen_responses(refer_to: str, given: Sequence[Response]) -> tuple[Response, ...]:
    """Return the responses of a measurement, in the order of their use.

    Parameters
    ----------
    refer_to : {"", "ff", "df", "id"}
        Free field, diffuse field, or the maker's direction-independent reference.
    given : sequence of Response
        That of the microphone or the ear simulator (relative, from sound pressure to FS or V), and
        that from the field to the ear drum (absolute). For ``ff`` and ``df`` the table of an
        average head stands in for the latter.

    Raises
    ------
    ParameterError
        An unknown field, a response that does not have it at one of its ends or does not begin at
        a sound pressure, two of a kind, or none for ``id``.
    """
    if refer_to not in ("", *_FIELDS):
        raise ParameterError(f"refer to {refer_to!r:.40}; one of {', '.join(_FIELDS)} is expected")
    for response in given:
        if point_unit(response.source_point) != "Pa":
            raise ParameterError(
                f"{_told(response)}: it does not begin at a sound pressure, as those of a "
                "microphone and of a head do; one of headphones is for playing"
            )
    electrical = [response for response in given if not _is_acoustical(response)]
    acoustical = [response for response in given if _is_acoustical(response)]
    for same in (electrical, acoustical):
        if len(same) > 1:
            raise ParameterError(
                f"{' and '.join(_told(response) for response in same)}: one is expected; leave the "
                "others out, or chain those that meet (soundcal response combine)"
            )
    if not refer_to:
        if acoustical:
            raise ParameterError(
                f"{_told(acoustical[0])}: state to which field the recordings are to be referred "
                f"(--refer-to {', '.join(_FIELDS)})"
            )
        return tuple(electrical)
    if not acoustical:
        if refer_to not in _TABLES:
            raise ParameterError(
                f"--refer-to {refer_to}: only the maker knows {POINT_NAMES[_FIELDS[refer_to]]};"
                " give its response (--response FILE)"
            )
        acoustical = [generic_response(_TABLES[refer_to])]
    _direction(acoustical[0], _FIELDS[refer_to])
    return (*electrical, *acoustical)


def referral(
    responses: Iterable[Response],
    refer_to: str,
    *,
    point: str,
    incidence: str,
    channels: Sequence[str],
    fs: float,
    tone_frequency: float | None = None,
    device: str = "unknown",
) -> Referral:
    """Return the filters for a recording.

    Parameters
    ----------
    responses : iterable of Response
        As :func:`chosen_responses` returns them.
    refer_to : {"", "ff", "df", "id"}
        Sound field to which the pressure is referred.
    point, incidence : str
        Reference point and sound incidence of the pressure; ears whose point is not stated are
        taken to be at the ear drum, with a note.
    channels : sequence of str
        Names of the channels.
    fs : float
        Sampling rate in Hz.
    tone_frequency : float, optional
        Frequency in Hz of the sound calibrator, whose tone keeps its level; where a relative
        response is normalised if it is not known.
    device : str
        Identity of the device that recorded; the response of another one is flagged.

    Raises
    ------
    ParameterError
        A response that does not begin at the point, or has no such channel; or channels other than
        ears whose point is not stated.
    """
    equalisers: list[Equaliser] = []
    notes: list[str] = []
    for response in responses:
        if _is_acoustical(response):
            direction = _direction(response, _FIELDS[refer_to])
            start = response.target_point if direction == "undo" else response.source_point
            if not point:
                point = start
                notes.append(
                    f"the reference point of the recording is not stated; taken to be {point} "
                    f"({POINT_NAMES[point]})"
                )
        else:
            direction = "undo"
        point = point_after(response, direction, point)
        incidence = incidence_after(response, point, incidence)
        equalisers.append(
            Equaliser(
                response,
                direction=direction,
                fs=fs,
                channels=channels,
                fixed_at=tone_frequency if response.kind == "relative" else None,
                device=device,
            )
        )
    if notes and not set(channels) <= set(EARS):
        raise ParameterError(
            f"the reference point of {', '.join(channels)} is not stated, and only ears are taken "
            "to be at the ear drum; name them (--channels left,right), or state it (calibrate "
            "--point)"
        )
    return Referral(tuple(equalisers), point, incidence, tuple(notes))


def _is_acoustical(response: Response) -> bool:
    """Return whether both ends are sound pressures."""
    ends = response.source_point, response.target_point
    return all(point_unit(end) == "Pa" for end in ends)


def _direction(response: Response, field: str) -> Direction:
    """Return the direction that leads from the other end of a response to a field."""
    if field == response.source_point:
        return "undo"
    if field == response.target_point:
        return "embed"
    raise ParameterError(f"{_told(response)}: one that begins at {field} is expected")


def _told(response: Response) -> str:
    return f"response {response.id} from {response.source_point} to {response.target_point}"
