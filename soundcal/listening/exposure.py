"""Limits of what a listener hears, and the sound exposure of a person.

Levels are those at the ears, as they are: not referred to the diffuse field, which would lower
them. The louder ear counts. Every limit is compared with the level plus its expanded uncertainty
``U = 2 u`` (k = 2), that is, the limit is lowered by U. Influences that can only lower a level,
such as the load of headphones on an output of unknown impedance, are not in this uncertainty.

Sources
-------
Directive 2003/10/EC (noise at work), Article 3(1): lower exposure action values
``L_EX,8h`` = 80 dB(A) and ``p_peak`` = 112 Pa, C-weighted, which is 135 dB re 20 µPa; upper ones
85 dB(A) and 140 Pa (137 dB); exposure limit values 87 dB(A) and 200 Pa (140 dB).

Recommendation ITU-T H.870 (08/2018), the WHO-ITU standard of safe listening devices: 80 dB(A) for
40 hours a week for adults, 75 dB(A) for 40 hours a week for children and other sensitive users.
As exposure this is (20 µPa)² · 10^(80/10) · 40 h = 1.6 Pa²h, and 0.51 Pa²h.

The default limits of a study, the ceiling of LAeq and the share of a week's exposure that a day may
take are proposals of soundcal, not rules of a standard.
"""

import math
from dataclasses import dataclass
from typing import Final

from soundcal.errors import ParameterError
from soundcal.listening.presentable import Presentable
from soundcal.listening.study import Limits
from soundcal.units import level_to_pascal

__all__ = [
    "CEILING_LAEQ_DB",
    "CEILING_LCPEAK_DB",
    "WEEK_PA2H",
    "WEEK_SENSITIVE_PA2H",
    "Budget",
    "beyond_ceilings",
    "beyond_limits",
    "exposure_pa2h",
]

CEILING_LAEQ_DB: Final = 94.0
"""Largest LAeq of a presentation that a study may allow, dB re 20 µPa. A proposal: at 94 dB(A), or
1 Pa, the week's exposure is used up within 1.6 hours."""

CEILING_LCPEAK_DB: Final = 135.0
"""Largest LCpeak that a study may allow, dB re 20 µPa: the lower exposure action value of Directive
2003/10/EC, Article 3(1)(c), 112 Pa."""

WEEK_PA2H: Final = 1.6
"""Largest exposure in a week, Pa²h: 80 dB(A) for 40 hours, ITU-T H.870 (08/2018) for adults."""

WEEK_SENSITIVE_PA2H: Final = 0.51
"""The same for children and sensitive users: 75 dB(A) for 40 hours, ITU-T H.870 (08/2018)."""

_K: Final = 2.0
"""Coverage factor of the uncertainty that is added to a level before it is compared."""


def exposure_pa2h(laeq: float, duration: float) -> float:
    """Return the sound exposure ``∫ p_A² dt`` in Pa²h of a level in dB re 20 µPa over seconds.

    Examples
    --------
    80 dB(A) for 40 hours, and 27 sounds of 30 s at 70 dB(A), each played twice:

    >>> round(exposure_pa2h(80.0, 40 * 3600), 6)
    1.6
    >>> round(exposure_pa2h(70.0, 27 * 2 * 30.0), 4)
    0.0018
    """
    return level_to_pascal(laeq) ** 2 * duration / 3600.0


def beyond_ceilings(limits: Limits) -> list[str]:
    """Return the limits of a study that lie above what any study may allow, in words."""
    ceilings = (
        ("laeq_db", limits.laeq_db, CEILING_LAEQ_DB, "dB"),
        ("lcpeak_db", limits.lcpeak_db, CEILING_LCPEAK_DB, "dB"),
        ("exposure_pa2h", limits.exposure_pa2h, WEEK_PA2H, "Pa²h"),
    )
    return [
        f"limit {name} = {value:g} {unit}: at most {ceiling:g} {unit} is allowed"
        for name, value, ceiling, unit in ceilings
        if not value <= ceiling
    ]


def beyond_limits(limits: Limits, sound: Presentable) -> list[str]:
    """Return the reasons why a presentation may not be played; none if it may.

    Parameters
    ----------
    limits : Limits
        Limits of the study; the ceilings hold in any case.
    sound : Presentable
        The presentation.
    """
    expanded = _K * sound.u_above_db
    compared = (
        ("LAeq", sound.laeq, min(limits.laeq_db, CEILING_LAEQ_DB)),
        ("LAFmax", sound.lafmax, limits.lafmax_db),
        ("LCpeak", sound.lcpeak, min(limits.lcpeak_db, CEILING_LCPEAK_DB)),
    )
    return [
        f"{sound.name}: {symbol} {_louder(levels):.1f} dB with an uncertainty of {expanded:.1f} dB "
        f"(k = 2) exceeds the limit of {limit:g} dB; lower the target or the uncertainty"
        for symbol, levels, limit in compared
        if not _louder(levels) + expanded <= limit
    ]


def _louder(levels: tuple[float, float]) -> float:
    """Return the level of the louder ear; NaN, which no limit allows, if one is not known."""
    return math.nan if any(map(math.isnan, levels)) else max(levels)


@dataclass(frozen=True, slots=True)
class Budget:
    """The exposure that a person may have in a day and in a week.

    Parameters
    ----------
    day_pa2h : float
        Limit of a day, Pa²h.
    u_db : float
        Largest ``u_above_db`` in the study, in dB; the limits are lowered by twice of it.
    week_pa2h : float
        Limit of seven days, Pa²h.

    Raises
    ------
    ParameterError
        A limit that is not positive or beyond :data:`WEEK_PA2H`, or a negative uncertainty.

    Examples
    --------
    >>> budget = Budget(0.16, u_db=0.5)
    >>> round(budget.allowed_pa2h, 3), round(budget.left(0.12), 3)
    (0.127, 0.007)
    """

    day_pa2h: float
    u_db: float = 0.0
    week_pa2h: float = WEEK_PA2H

    def __post_init__(self) -> None:
        for value in (self.day_pa2h, self.week_pa2h):
            if not 0.0 < value <= WEEK_PA2H:
                raise ParameterError(
                    f"exposure limit {value:g} Pa²h: more than 0 and at most {WEEK_PA2H:g} Pa²h is "
                    "expected"
                )
        if not 0.0 <= self.u_db < math.inf:
            raise ParameterError(f"uncertainty {self.u_db} dB: 0 or more is expected")

    @property
    def allowed_pa2h(self) -> float:
        """Predicted exposure that is allowed in a day: the limit, less the uncertainty, Pa²h."""
        return self.day_pa2h / self._margin

    @property
    def _margin(self) -> float:
        return float(10.0 ** (_K * self.u_db / 10.0))

    def left(self, day: float, week: float | None = None) -> float:
        """Return the exposure in Pa²h that is left after that of the day and of seven days."""
        of_week = day if week is None else week
        return min(self.allowed_pa2h - day, self.week_pa2h / self._margin - of_week)

    def allows(self, sound: Presentable, day: float, week: float | None = None) -> bool:
        """Return whether one more presentation may be played.

        Parameters
        ----------
        sound : Presentable
            The next presentation; it counts in full, whether it is stopped or not.
        day, week : float
            Exposure of the person in the day and in the seven days before, Pa²h: the sum of the
            predicted exposures of all presentations, interrupted and repeated ones included.
        """
        return sound.exposure_pa2h <= self.left(day, week)
