"""Responses from tables of standards: from the fields to the ear drum of an average head.

The digits come from public program files, whose authors name the standards; they were not checked
against the print, and the records say so. They describe no particular head and torso simulator:
whatever is referred to a field by them carries the flag "not your HATS".
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import numpy as np

from soundcal.errors import ParameterError
from soundcal.response.curve import ChannelResponse
from soundcal.response.model import Response, new_response
from soundcal.response.plausible import assumed_uncertainty

__all__ = ["GENERIC_RESPONSES", "NOT_YOUR_HATS", "generic_response", "is_generic"]

GENERIC_RESPONSES: Final = ("generic-ff", "generic-df", "p58-erp-drp")
"""Names of the tables."""

NOT_YOUR_HATS: Final = "not your HATS"
"""Flag of a response that describes an average head; key ``flag`` of its provenance."""

_MADE: Final = "2026-11-30T00:00:00+00:00"
"""Time of typing; a table has the same id everywhere."""

_FREQUENCIES: Final = (
    *(20, 25, 31.5, 40, 50, 63, 80, 100, 125, 160, 200, 250, 315, 400, 500, 630, 750, 800, 1000),
    *(1250, 1500, 1600, 2000, 2500, 3000, 3150, 4000, 5000, 6000, 6300, 8000, 9000, 10000),
    *(11200, 12500, 14000, 15000, 16000, 20000),
)
_BELOW_125: Final = (0.0,) * 8
_FROM_FREE: Final = (
    *_BELOW_125,
    *(0.1, 0.3, 0.5, 0.9, 1.4, 1.6, 1.7, 2.5, 2.7, 2.6, 2.6, 3.2, 5.2, 6.6, 12.0, 16.8, 15.3),
    *(15.2, 14.2, 10.7, 7.1, 6.4, 1.8, -0.9, -1.6, 1.9, 4.9, 2.0, -2.0, 2.5, 2.5),
)
_FROM_DIFFUSE: Final = (
    *_BELOW_125,
    *(0.1, 0.3, 0.4, 0.5, 1.0, 1.6, 1.7, 2.2, 2.7, 2.9, 3.8, 5.3, 6.8, 7.2, 10.2, 14.9, 14.5),
    *(14.4, 12.7, 10.8, 8.9, 8.7, 8.5, 6.2, 5.0, 4.5, 4.0, 3.3, 2.6, 2.0, 2.0),
)

_CANAL_FREQUENCIES: Final = (
    *(100, 125, 160, 200, 250, 315, 400, 500, 630, 800, 1000, 1250, 1600, 2000, 2500, 3150, 4000),
    *(5000, 6300, 8000, 10000),
)
_CANAL: Final = (
    *(0.0, 0.0, 0.0, 0.0, 0.3, 0.2, 0.5, 0.6, 0.7, 1.1, 1.7, 2.6, 4.2, 6.5, 9.4, 10.3, 6.6, 3.2),
    *(3.3, 16.0, 14.4),
)

_U_FIELD: Final = (1.0, 4.0)
_U_FIELD_LIMIT_HZ: Final = 5000.0
"""Standard uncertainties in dB up to and above this frequency.

Free minus diffuse field of a measured manikin (MIT KEMAR, 710 directions) agrees with the tables
within 1.5 dB from 200 Hz to 5 kHz, and is 3.5 to 6.2 dB off from 6.3 to 10 kHz.
"""

_NOT_CHECKED: Final = "read in public program files; not checked against the print"
_SHAW: Final = "outer ear after Shaw, as in ANSI S3.4 and ISO 532-2; edition not stated there"


def generic_response(name: str) -> Response:
    """Return the response in a table: absolute, for every channel.

    Parameters
    ----------
    name : {"generic-ff", "generic-df", "p58-erp-drp"}
        Frontal free field or diffuse field to the ear drum; ear reference point to the ear drum
        (ITU-T P.58).

    Returns
    -------
    Response
        ``provenance`` has standard, edition, where the digits were read, and the flag.

    Raises
    ------
    ParameterError
        No such table.

    Examples
    --------
    >>> print(generic_response("generic-ff").channel("mono").level(1000.0))
    2.6
    """
    if name not in GENERIC_RESPONSES:
        raise ParameterError(
            f"response {name!r:.80}; one of the tables {', '.join(GENERIC_RESPONSES)} is expected"
        )
    return _made(name)


def is_generic(response: Response) -> bool:
    """Return True if a response, or one of those it was made of, describes an average head."""
    return NOT_YOUR_HATS in str(response.provenance.get("flag", ""))


@cache
def _made(name: str) -> Response:
    if name == "p58-erp-drp":
        frequency = np.array(_CANAL_FREQUENCIES, dtype=np.float64)
        u_db, why = assumed_uncertainty(frequency, "ERP", "DRP")
        about: Mapping[str, Any] = {
            "standard": "ITU-T P.58, Table 14a; edition not stated where it was read",
            "read": f"{_NOT_CHECKED}; programs of one lineage",
            "uncertainty": why,
        }
        return _response(name, "ERP", frequency, np.array(_CANAL), u_db, about)
    free = name == "generic-ff"
    frequency = np.array(_FREQUENCIES, dtype=np.float64)
    u_db = np.where(frequency <= _U_FIELD_LIMIT_HZ, *_U_FIELD)
    about = {
        "standard": _SHAW,
        "read": f"{_NOT_CHECKED}; {'nine' if free else 'five'} files of few lineages agree",
        "uncertainty": "1 dB to 5 kHz, 4 dB above: deviation of a measured manikin (MIT KEMAR)",
    }
    levels = np.array(_FROM_FREE if free else _FROM_DIFFUSE)
    return _response(name, "FF" if free else "DF", frequency, levels, u_db, about)


def _response(
    name: str, source: str, frequency: Any, levels: Any, u_db: Any, about: Mapping[str, Any]
) -> Response:
    return new_response(
        name,
        source,
        "DRP",
        "absolute",
        {"all": ChannelResponse(frequency, levels, u_db=u_db)},
        made=_MADE,
        provenance={"importer": "table", "flag": NOT_YOUR_HATS, **about},
    )
