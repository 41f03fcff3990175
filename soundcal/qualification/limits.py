"""What is accepted of a sound device for calibrated work: limits with their sources, and verdicts.

Where no standard gives a limit, it follows from what it does to a level measured through the
device; the reason is part of the limit and is printed with it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np

from soundcal.takes.check import Check, Verdict

__all__ = ["LIMITS", "Limit", "limit_of", "merged", "overall", "rated", "with_limits"]

Relation = Literal["at most", "at least", "within ±"]


@dataclass(frozen=True, slots=True)
class Limit:
    """What is accepted of one property.

    Parameters
    ----------
    value : float
        In the unit of the check.
    relation : {"at most", "at least", "within ±"}
        Which side of it is accepted.
    source : str
        Standard and clause, or the reason.
    remedy : str
        What a failure usually comes from, and what helps.
    """

    value: float
    relation: Relation
    source: str
    remedy: str = ""

    def keeps(self, value: float) -> bool:
        """Return whether a value is accepted."""
        if self.relation == "at least":
            return value >= self.value
        return (abs(value) if self.relation == "within ±" else value) <= self.value

    @property
    def text(self) -> str:
        """The limit as it is printed."""
        sign = {"at most": "≤ ", "at least": "≥ ", "within ±": "±"}[self.relation]
        return f"{sign}{self.value:g}".replace("-", "−")


_RESAMPLED: Final = (
    "look for a conversion of the sampling rate: set the rate of the audio server or of the "
    "system's sound settings to that of soundcal, or choose the hardware device itself"
)
_NOT_ITSELF: Final = (
    "look for automatic gain control, noise suppression, loudness and other enhancements of the "
    "operating system or the driver, and switch them off"
)
_CROSSTALK: Final = Limit(
    -60.0,
    "at most",
    "a sound 40 dB louder on one ear then changes the level of the other by 0.04 dB",
    "look for a mono switch, a monitor mix, plugs that are not fully in and cables side by side",
)

LIMITS: Final[dict[str, Limit]] = {
    "swapped channels": Limit(0.0, "at most", "every output is cabled to its own input"),
    "polarity": Limit(
        1.0,
        "at least",
        "binaural signals are added and compared with their sign",
        "look for a cable or a balanced connection with its poles exchanged",
    ),
    "channel balance": Limit(
        1.0,
        "within ±",
        "both ears get one gain in the published HATS method; from 1 dB on soundcal warns of an "
        "open-circuit voltage, too",
        "look for a balance control, gain knobs that differ, and a mix of balanced and unbalanced "
        "connections",
    ),
    "frequency response": Limit(
        0.5,
        "within ±",
        "half of the 1 dB that IEC 61672-1:2013, Table 3, leaves a class 1 sound level meter as a "
        "whole at middle frequencies",
        "look for tone controls, low-cut filters, a load on the output (headphones), and "
        "enhancements of the operating system",
    ),
    "level at 0.45 fs": Limit(
        0.1,
        "within ±",
        "the pass band of a converter ends above; one that is resampled from a lower rate has lost "
        "it (44.1 to 48 kHz: −21.6 dB at 20 kHz)",
        f"{_RESAMPLED}; a rise has other causes, see the frequency response",
    ),
    "level at 0.45 fs, high rate": Limit(
        3.0,
        "within ±",
        "above 48 kHz the analogue filters of converters begin to fall off; a signal that is "
        "resampled from a lower rate has nothing there",
        _RESAMPLED,
    ),
    "noise, A-weighted": Limit(
        -90.0,
        "at most",
        "where full scale is 110 dB, it equals 20 dB(A), the self-noise of the microphones of a "
        "head and torso simulator",
        "lower the gain of the input if the source allows it; look for a ground loop, a power "
        "supply nearby and another program that plays",
    ),
    "sounds in the silence": Limit(
        6.0,
        "at most",
        "the noise of electronics is steady; 0.125 s of it vary by less than 1 dB",
        "something else was heard: close other programs, mute system sounds and monitoring",
    ),
    "THD": Limit(
        -80.0,
        "at most",
        "the harmonics of a tone of 90 dB are then at most 10 dB, about the threshold of hearing",
        "lower --level or the gain; a converter or amplifier is driven too hard",
    ),
    "THD+N": Limit(
        -84.0,
        "at most",
        "what the best of the sampling-rate conversions of audio servers leaves of a tone (they "
        "were found at −67 to −84 dB)",
        _RESAMPLED + "; noise and a 16-bit path show here as well",
    ),
    "dynamic range": Limit(
        90.0,
        "at least",
        "as for the noise: from 20 dB(A) to 110 dB without changing the gain",
        "see noise, A-weighted; a path of 16 bits or less shows here",
    ),
    "level linearity": Limit(
        0.05,
        "within ±",
        "a sixth of the 0.3 dB by which IEC 61672-1:2013, 5.6, lets a class 1 sound level meter "
        "err over changes of up to 10 dB",
        _NOT_ITSELF,
    ),
    "crosstalk at 100 Hz": _CROSSTALK,
    "crosstalk at 1 kHz": _CROSSTALK,
    "crosstalk at 10 kHz": _CROSSTALK,
    "level drift": Limit(
        0.02,
        "within ±",
        "a fifth of the 0.1 dB by which IEC 61672-1:2013 lets a class 1 sound level meter change "
        "in 30 minutes of operation",
        "let the device warm up; " + _NOT_ITSELF,
    ),
    "sounds beside the tone": Limit(
        6.0,
        "at most",
        "noise and distortion of a steady tone are steady, too",
        "something else was heard: close other programs, mute system sounds and monitoring",
    ),
    "level range": Limit(
        0.05,
        "at most",
        "as for the level linearity",
        "look for a turned knob, a loose contact, and a volume that the system changes",
    ),
    "takes that failed": Limit(
        0.0,
        "at most",
        "a recording would have ended, or could not have been aligned",
        "raise --latency, use another port or driver, close other programs that play, and what "
        "keeps the computer busy",
    ),
}
"""Limits by the name of the check."""

_INVALID: Final = (
    "swapped channels",
    "takes that failed",
    "level linearity",
)
"""Not a matter of quality: with these, levels or channels are not what they seem."""

_ELSEWHERE: Final[dict[str, Limit]] = {
    "operating system's mixer": Limit(
        0.0, "at most", "it may resample, change the level and mix other sounds in"
    ),
    "bits used": Limit(
        17.0, "at least", "a path of 16 bits has its noise at −101 dB re full scale"
    ),
    "DC": Limit(0.01, "within ±", "costs 0.1 dB of headroom"),
    "clock drift": Limit(5.0, "within ±", "outputs and inputs of one device share a clock"),
    "clipping": Limit(0.0, "at most", "a sample at full scale may stand for a larger one"),
    "plateaus": Limit(2.0, "at most", "equal samples in a row at the extreme: clipped before"),
    "gaps": Limit(0.0, "at most", "exact zeros in place of sound: samples were lost"),
    "repeated blocks": Limit(0.0, "at most", "noise never repeats itself to the last bit"),
    "dropouts": Limit(0.0, "at most", "exact zeros while something was played"),
    "slips": Limit(0.0, "at most", "samples missing or inserted"),
    "level step": Limit(
        0.14, "within ±", "the fluctuation of a class 1 sound calibrator, IEC 60942:2017"
    ),
    "overflows and underflows": Limit(0.0, "at most", "as the driver reports them"),
    "rate": Limit(0.0, "within ±", "against the computer's clock, 0.5 % and 0.25 s of jitter"),
    "swing": Limit(0.0, "at least", "a channel that never moves is dead"),
}
"""Limits that are set elsewhere, with their sources: those of every take, and of host APIs."""

_EVERY_TAKE: Final = Limit(0.0, "at most", "as for every take that soundcal makes")

_SEVERITY: Final[dict[Verdict, int]] = {"pass": 0, "suspect": 1, "invalid": 2}


def rated(name: str, value: float, unit: str, channel: str = "", found: str = "") -> Check:
    """Judge a value by its limit.

    Parameters
    ----------
    name : str
        A key of :data:`LIMITS`.
    value : float
        What was measured.
    unit : str
        Its unit.
    channel : str
        The path, such as ``1→2``; "" if it is about the device.
    found : str
        What to add to the reason, such as the frequency of the largest deviation.

    Examples
    --------
    >>> check = rated("channel balance", 1.5, "dB")
    >>> check.verdict, check.reason[:52]
    ('suspect', 'channel balance: +1.50 dB, the limit is ±1; look for')
    """
    limit = LIMITS[name]
    if limit.keeps(value):
        return Check(name, value, unit, limit.value, channel=channel)
    verdict: Verdict = "invalid" if name in _INVALID else "suspect"
    where = f"{channel}: {name}" if channel else name
    sign = "+" if limit.relation == "within ±" else ""
    digits = ".2f" if unit else ".0f"
    number = f"{value:{sign}{digits}} {unit}".strip().replace("-", "−")
    remedy = f"; {limit.remedy}" if limit.remedy else ""
    reason = f"{where}: {number}{found}, the limit is {limit.text}{remedy}"
    return Check(name, value, unit, limit.value, verdict, reason, channel)


def limit_of(check: Check) -> Limit | None:
    """Return the limit of a check with its source; None if it only informs."""
    if check.limit is None:
        return None
    limit = LIMITS.get(check.name) or _ELSEWHERE.get(check.name, _EVERY_TAKE)
    return replace(limit, value=check.limit)


def merged(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return one check per name and channel: the gravest of several takes, then the largest."""
    worst: dict[tuple[str, str], Check] = {}
    for check in checks:
        key = (check.name, check.channel)
        if key not in worst or _gravity(check) > _gravity(worst[key]):
            worst[key] = check
    return tuple(worst.values())


def _gravity(check: Check) -> tuple[int, float]:
    value = abs(check.value) if np.isfinite(check.value) else 0.0
    return _SEVERITY[check.verdict], value / check.limit if check.limit else value


def overall(checks: Sequence[Check]) -> Verdict:
    """Return the gravest verdict."""
    return max((check.verdict for check in checks), key=lambda v: _SEVERITY[v], default="pass")


def with_limits(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """Return the checks ready for JSON, each with the relation and the source of its limit."""
    rows = []
    for check in checks:
        limit = limit_of(check)
        about = {"relation": limit and limit.relation, "source": limit.source if limit else ""}
        rows.append(check.to_dict() | about)
    return rows
