"""Published just noticeable differences (JND), each with its source and the way it was read.

A JND says which difference between two sounds a listener just hears; it is a possible allowable
difference between two methods. Only values are listed whose publication was read, itself or in a
quotation, and ``read`` says which. Values often quoted for loudness and sharpness (of refrigerators
and earth-moving machines) are absent because neither their papers nor a citable quotation could be
read; for tonality none was found.
"""

from dataclasses import dataclass
from typing import Final

from soundcal.errors import ParameterError

__all__ = ["JND_SETS", "Jnd", "jnd_set"]

_LEVELS: Final = ("LA", "LB", "LC", "LZ")

_FASTL: Final = "Fastl & Zwicker, Psychoacoustics: Facts and Models, 3rd ed., Springer 2007"
_SQAT: Final = (
    "quoted in the documentation of the toolbox SQAT (Felix Greco et al. 2023, "
    "doi 10.5281/zenodo.7934709), {}; the book itself was not read"
)


@dataclass(frozen=True, slots=True)
class Jnd:
    """A just noticeable difference.

    Parameters
    ----------
    indicators : tuple of str
        Symbols of the indicators.
    value : float
        The difference.
    unit : str
        Unit of the indicators, or ``%``: then a ratio of 1 + value/100 between two values is just
        noticeable.
    measured : str
        The quantity and the sounds for which it is stated.
    source : str
        Publication, with the place in it.
    read : str
        The way in which the publication was read.
    not_for : tuple of str
        Statistics to which it is not applied.
    """

    indicators: tuple[str, ...]
    value: float
    unit: str
    measured: str
    source: str
    read: str
    not_for: tuple[str, ...] = ()


JND_SETS: Final[dict[str, tuple[Jnd, ...]]] = {
    "jnd": (
        Jnd(
            _LEVELS,
            1.0,
            "dB",
            "the sound strength G of rooms",
            "ISO 3382-1:2009, Annex A (informative), Table A.1",
            "quoted in the documentation of the Python package phonometry (2026), module "
            "room.auditorium; the standard itself was not read",
            not_for=("peak",),
        ),
        Jnd(
            ("R",),
            17.0,
            "%",
            "the roughness of modulated tones",
            _FASTL,
            _SQAT.format("validation of Roughness_Daniel1997"),
        ),
        Jnd(
            ("F",),
            10.0,
            "%",
            "the fluctuation strength of modulated tones",
            _FASTL,
            _SQAT.format("validation of FluctuationStrength_Osses2016"),
        ),
    ),
    "jnd:noise": (
        Jnd(
            _LEVELS,
            0.4,
            "dB",
            "the level of broadband noise above 30 dB",
            "Handbook for Sound Engineers, chapter 3, section 3.8.6, page 54",
            "the page itself, in a transcription",
            not_for=("peak",),
        ),
    ),
}
"""Sets by the name that ``--delta`` takes; a JND applies to every statistic of its indicators that
it does not exclude, although it was measured with steady sounds."""


def jnd_set(name: str) -> tuple[Jnd, ...]:
    """Return a set of just noticeable differences.

    Raises
    ------
    ParameterError
        There is no such set.

    >>> [(jnd.indicators[0], jnd.value, jnd.unit) for jnd in jnd_set("jnd")]
    [('LA', 1.0, 'dB'), ('R', 17.0, '%'), ('F', 10.0, '%')]
    """
    if name not in JND_SETS:
        raise ParameterError(
            f"no set of just noticeable differences {name!r}; there are {', '.join(JND_SETS)}"
        )
    return JND_SETS[name]
