"""Reference points of sound pressure, as records of calibrations and of takes state them."""

from collections.abc import Mapping
from typing import Final

__all__ = ["STATED_INCIDENCES", "STATED_POINTS", "points_differ", "reference_point"]

STATED_POINTS: Final[Mapping[str, str]] = {
    **{symbol: symbol for symbol in ("P", "DRP", "ERP", "BEC", "FF", "DF", "ID")},
    "eardrum": "DRP",
    "coupler": "DRP",
    "free-field": "FF",
    "diffuse-field": "DF",
    "ear-canal-entrance": "",
    "terminals": "",
}
"""What can be stated, with its reference point (:data:`soundcal.response.POINTS`).

An ear canal may be open or blocked, and terminals have no sound pressure: those state no point.
"""


STATED_INCIDENCES: Final = ("0deg", "90deg", "random", "pressure")
"""Sound incidences that can be stated of the pressure at a microphone."""


def reference_point(stated: str) -> str:
    """Return the reference point that a record states; empty if it states none.

    >>> reference_point("eardrum"), reference_point("DF"), reference_point("terminals")
    ('DRP', 'DF', '')
    """
    return STATED_POINTS.get(stated, "")


def points_differ(one: str, other: str) -> bool:
    """Return whether two records state different points.

    Words are compared as they are, and with a symbol by their reference point.
    """
    if any(stated and reference_point(stated) == stated for stated in (one, other)):
        return reference_point(one) != reference_point(other)
    return one != other
