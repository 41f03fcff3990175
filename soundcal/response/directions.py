"""Both directions of a response, and the point of sound pressure to which they lead."""

from collections.abc import Sequence
from typing import Literal, get_args

from soundcal.errors import ParameterError
from soundcal.recording import AppliedResponse
from soundcal.response.model import Response
from soundcal.response.points import point_unit

__all__ = ["Direction", "check_direction", "incidence_after", "point_after"]

Direction = Literal["undo", "embed"]


def check_direction(direction: Direction) -> Direction:
    """Return a direction, and refuse what is none.

    Raises
    ------
    ParameterError
        With the two that exist.
    """
    if direction not in get_args(Direction):
        raise ParameterError(f"direction {direction!r:.40}; undo or embed is expected")
    return direction


def point_after(
    response: Response,
    direction: Direction,
    point: str,
    equalisation: Sequence[AppliedResponse] = (),
) -> str:
    """Return the reference point to which a response leads sound pressure.

    Between two points of sound the response has to be absolute, and the pressure has to be at the
    end where the direction begins. A response with an electrical end (FS or V), such as that of a
    microphone, has to be relative, since the calibration contains its level; the pressure belongs
    to the acoustical end before and after.

    Parameters
    ----------
    response : Response
        The response.
    direction : {"undo", "embed"}
        Direction, as of :class:`~soundcal.response.equaliser.Equaliser`.
    point : str
        Reference point of the pressure; empty if not stated.
    equalisation : sequence of AppliedResponse
        What was done to the pressure before.

    Raises
    ------
    ParameterError
        The response does not lead from that point, would shift every level, or was undone before.
    """
    ends = response.source_point, response.target_point
    start, end = ends if check_direction(direction) == "embed" else ends[::-1]
    name = f"response {response.id} ({' to '.join(ends)}, {response.kind})"
    acoustical = [at for at in ends if point_unit(at) == "Pa"]
    if len(acoustical) == 2:
        if response.kind != "absolute":
            raise ParameterError(
                f"{name}: an absolute one is needed, or every level is shifted (response import "
                "--kind absolute)"
            )
        if point != start:
            stated = f"refers to {point}" if point else "does not state its reference point"
            raise ParameterError(
                f"{name}: to {direction} it needs sound pressure at {start}; the recording {stated}"
            )
        return end
    if not acoustical:
        raise ParameterError(f"{name}: it is for samples, not for sound pressure")
    if response.kind != "relative":
        raise ParameterError(
            f"{name}: the calibration contains its level already; normalise the response at the "
            "frequency of the sound calibrator"
        )
    if point not in ("", acoustical[0]):
        raise ParameterError(f"{name}: the recording refers to {point}, not to {acoustical[0]}")
    before = [
        step.direction for step in equalisation if (step.source_point, step.target_point) == ends
    ]
    if before.count(direction) > before.count("embed" if direction == "undo" else "undo"):
        raise ParameterError(f"{name}: the recording has one with these ends {direction} already")
    return acoustical[0]


def incidence_after(response: Response, point: str, incidence: str) -> str:
    """Return the sound incidence at the point to which a response leads; empty if not stated.

    A microphone has another response for each incidence, and the sound field follows from it.

    Parameters
    ----------
    response : Response
        The response that was undone or embedded.
    point : str
        Reference point that was reached.
    incidence : str
        Sound incidence before, as of a :class:`~soundcal.recording.Recording`.

    Raises
    ------
    ParameterError
        The response is for another incidence than the pressure at the microphone.
    """
    if point == "P" and response.incidence and incidence not in ("", response.incidence):
        raise ParameterError(
            f"response {response.id}: for the incidence {response.incidence}, but the pressure is "
            f"stated for {incidence} (--incidence of the calibration or the recording); give the "
            "response for this incidence"
        )
    return (response.incidence or incidence) if point == "P" else ""
