"""Reference points: the places and quantities between which a response leads.

A response has two of them. What has to be undone follows from them, so nobody has to choose a sign.
"""

from collections.abc import Mapping
from typing import Final

from soundcal.errors import ParameterError

__all__ = ["INCIDENCES", "POINTS", "POINT_NAMES", "check_incidence", "check_point", "point_unit"]

POINT_NAMES: Final[Mapping[str, str]] = {
    "FS": "digital samples",
    "V": "voltage",
    "P": "sound pressure at a microphone",
    "DRP": "ear drum of a head and torso simulator or coupler (IEC 60318-4, -7)",
    "ERP": "ear reference point (ITU-T P.57, P.58)",
    "BEC": "entrance of the blocked ear canal",
    "FF": "frontal free field, at the centre of the head with the head absent",
    "DF": "diffuse field, at the centre of the head with the head absent",
    "ID": "the maker's direction-independent reference",
}
"""Reference points with their names."""

POINTS: Final = tuple(POINT_NAMES)
"""Symbols of the reference points."""

INCIDENCES: Final = ("0deg", "90deg", "random", "pressure")
"""Sound incidence for which the pressure at a microphone is defined; "" if it is not stated."""

_UNITS: Final[Mapping[str, str]] = {"FS": "FS", "V": "V"}


def check_point(point: str) -> None:
    """Refuse what is not a reference point.

    Raises
    ------
    ParameterError
        With the list of reference points.
    """
    if point not in POINT_NAMES:
        known = ", ".join(f"{symbol} ({name})" for symbol, name in POINT_NAMES.items())
        raise ParameterError(f"reference point {point!r:.40}; one of these is expected: {known}")


def check_incidence(incidence: str) -> None:
    """Refuse what is neither empty nor an incidence of sound at a microphone.

    Raises
    ------
    ParameterError
        With the list of incidences.
    """
    if incidence and incidence not in INCIDENCES:
        raise ParameterError(
            f"incidence {incidence!r:.40}; one of {', '.join(INCIDENCES)} is expected"
        )


def point_unit(point: str) -> str:
    """Return the unit of the quantity at a reference point: Pa, V or FS (full scale).

    >>> point_unit("DRP"), point_unit("FS")
    ('Pa', 'FS')
    """
    check_point(point)
    return _UNITS.get(point, "Pa")
