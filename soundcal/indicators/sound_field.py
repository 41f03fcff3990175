"""Sound fields that follow from reference points, and the error of pressure at the ear drum.

Loudness (ISO 532-1) and what is computed from it take the pressure in a sound field without the
listener, and so do the models of ECMA-418-2 for the fields ``free`` and ``diffuse``. A signal at
the ear drum has passed the outer ear once already, which then counts twice.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from soundcal.indicators.registry import REGISTRY
from soundcal.recording import EAR_DRUM, EARS, WRONG_FIELD, Flag

__all__ = ["assumed_field", "point_flags", "point_note", "sound_field"]

_FIELDS: Final = {"FF": "free", "ID": "free", "DF": "diffuse"}
_INCIDENCES: Final = {"0deg": "free", "random": "diffuse"}

_AT_EAR: Final = {"DRP": "the ear drum", "ERP": "the ear reference point"}

_TOO_HIGH: Final = {
    "DRP": (
        ("LA", "LAeq 8.5 dB (2.7 to 15.2 dB) too high"),
        ("N", "N5 60 % (31 to 114 %) too high"),
        ("S", "S 12 % (-4 to 34 %) too high"),
    ),
    "ERP": (
        ("LA", "LAeq 3.2 dB (1.3 to 6.8 dB) too high"),
        ("N", "N5 21 % (12 to 38 %) too high"),
        ("S", "S 1 % (-14 to 16 %) too high"),
    ),
}
"""Mean and range by which values are too high, by reference point and indicator.

27 scenes of the catalogue and noises of 3 s at their levels, from the front, by the generic
response of an average head, analysed as a free field; one ear.
"""


def sound_field(point: str, incidence: str = "") -> str:
    """Return the sound field of pressure at a reference point; empty if it does not follow.

    >>> sound_field("DF"), sound_field("ID"), sound_field("P", "random"), sound_field("DRP")
    ('diffuse', 'free', 'diffuse', '')
    """
    return _INCIDENCES.get(incidence, "") if point == "P" else _FIELDS.get(point, "")


def assumed_field(asked: str, point: str, incidence: str) -> str:
    """Return the sound field asked for; if it is empty, that of the point, or the free field."""
    return asked or sound_field(point, incidence) or "free"


def point_flags(point: str, incidence: str, field: str, symbols: Iterable[str]) -> tuple[Flag, ...]:
    """Return flags of indicators that need the pressure at another point, or another field.

    Parameters
    ----------
    point, incidence : str
        Reference point of the pressure and sound incidence, as of a
        :class:`~soundcal.recording.Recording`.
    field : {"free", "diffuse", "eardrum"}
        Sound field that is assumed.
    symbols : iterable of str
        Indicators.

    Returns
    -------
    tuple of Flag
        :data:`~soundcal.recording.EAR_DRUM` for pressure at the drum, with the size of the error;
        none for the models of hearing with the field ``eardrum``, which leave out the outer ear.
        :data:`~soundcal.recording.WRONG_FIELD` if the point has another field.
    """
    affected = [symbol for symbol in symbols if not _leaves_out(symbol, field)]
    if point in _AT_EAR:
        affected = [s for s in affected if REGISTRY[s].is_level or REGISTRY[s].models_the_ear]
        return (Flag(EAR_DRUM, _ear_drum(point, affected)),) if affected else ()
    own, affected = sound_field(point, incidence), _modelled(affected)
    if not affected or own in ("", field):
        return ()
    where = f"{point} ({incidence})" if point == "P" else point
    text = (
        f"sound pressure at {where} belongs to a {own} field, but the {field} field was stated "
        f"(--field) for {', '.join(affected)}"
    )
    return (Flag(WRONG_FIELD, text),)


def _leaves_out(symbol: str, field: str) -> bool:
    """Return whether a model of hearing leaves out the outer ear for the field."""
    return field == "eardrum" and REGISTRY[symbol].models_the_ear


def _modelled(symbols: Iterable[str]) -> list[str]:
    return [symbol for symbol in symbols if REGISTRY[symbol].models_the_ear]


def _ear_drum(point: str, affected: Sequence[str]) -> str:
    sizes = [text for symbol, text in _TOO_HIGH[point] if symbol in affected]
    size = f"; for sound from the front {', '.join(sizes)}" if sizes else ""
    return (
        f"sound pressure at {_AT_EAR[point]} ({point}), not referred to a sound field, with the "
        f"outer ear once too often in {', '.join(affected)}{size}; refer it to the field "
        "(--refer-to df, ff or id)"
    )


def point_note(point: str, channels: Sequence[str], field: str, symbols: Iterable[str]) -> str:
    """Return the remark on ears whose reference point is not stated; empty if it does not matter.

    It does not for levels, and for the field ``eardrum``, which states the point.
    """
    affected = _modelled(s for s in symbols if not _leaves_out(s, field))
    if point or set(channels) != set(EARS) or not affected:
        return ""
    return (
        "the reference point of the ears is not stated (calibrate --point); at the ear drum, "
        f"{', '.join(affected)} would contain the outer ear once too often (--refer-to)"
    )
