"""Reasons to doubt a response that do not need the samples which it filters."""

from collections.abc import Iterator
from typing import Final, Literal

from soundcal.identity import devices_differ
from soundcal.recording import CHANGED, OTHER_DEVICE, OTHER_RATE, Flag
from soundcal.response.model import Response
from soundcal.response.points import point_unit
from soundcal.response.tables import NOT_YOUR_HATS, is_generic

__all__ = ["response_doubts"]

_ONE_SEATING: Final = "one seating"


def response_doubts(response: Response, device: str, fs: float) -> Iterator[Flag]:
    """Give the flags of a response that filters the samples of a device.

    Parameters
    ----------
    response : Response
        The response.
    device : str
        Identity of the device; a file or "unknown" is not compared, nor is a response between
        sound pressures, which has no device at its ends.
    fs : float
        Sampling rate of the samples in Hz; the file of a soundcard may state the one it holds for.
    """
    if is_generic(response):
        text = f"{response.name}: an average head and ear; use the response of your own HATS"
        yield Flag(NOT_YOUR_HATS, text)
    if response.is_changed:
        yield Flag(CHANGED, f"response {response.id}: changed after it was made")
    ends = [point_unit(point) for point in (response.source_point, response.target_point)]
    side: Literal["input", "output"] = "output" if ends[0] != "Pa" else "input"
    if ends != ["Pa", "Pa"] and devices_differ(response.device, device, side):
        text = f"response {response.id} belongs to {response.device}, not to {device}"
        yield Flag(OTHER_DEVICE, text)
    rate = response.conditions.get("fs", fs)
    if rate != fs:
        text = f"response {response.id} holds for {rate:g} Hz, not for {fs:g} Hz"
        yield Flag(OTHER_RATE, text)
    if response.conditions.get("seatings") == 1:
        text = (
            f"response {response.id}: of one seating; its uncertainty does not contain the spread "
            "between seatings"
        )
        yield Flag(_ONE_SEATING, text)
