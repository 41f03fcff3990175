"""Limits for a sound device in calibrated work, with their sources, and verdicts.

Where no standard gives a limit, the limit follows from the effect on a level measured through the
device; the reason is part of the limit and is printed with it.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from soundcal.takes.check import SEVERITY, Check, Limit, Verdict

__all__ = ["LIMITS", "OS_MIXER", "merged", "overall", "rated"]

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
    "≤",
    "a sound 40 dB louder on one ear then changes the level of the other by 0.04 dB",
    "look for a mono switch, a monitor mix, plugs that are not fully in and cables side by side",
)

LIMITS: Final[dict[str, Limit]] = {
    "swapped channels": Limit(0.0, "≤", "every output is cabled to its own input"),
    "polarity": Limit(
        1.0,
        "≥",
        "binaural signals are added and compared with their sign",
        "look for a cable or a balanced connection with its poles exchanged",
    ),
    "channel balance": Limit(
        1.0,
        "±",
        "both ears get one gain in the published HATS method; from 1 dB up soundcal also warns "
        "about an open-circuit voltage",
        "look for a balance control, gain knobs that differ, and a mix of balanced and unbalanced "
        "connections",
    ),
    "frequency response": Limit(
        0.5,
        "±",
        "half of the 1 dB that IEC 61672-1:2013, Table 3, allows a complete class 1 sound level "
        "meter at middle frequencies",
        "look for tone controls, low-cut filters, a load on the output (headphones), and "
        "enhancements of the operating system",
    ),
    "level at 0.45 fs": Limit(
        0.1,
        "±",
        "the pass band of a converter ends above this frequency; a signal resampled from a lower "
        "rate has lost it (44.1 to 48 kHz: −21.6 dB at 20 kHz)",
        f"{_RESAMPLED}; a rise has other causes, see the frequency response",
    ),
    "level at 0.45 fs, high rate": Limit(
        3.0,
        "±",
        "above 48 kHz the analogue filters of converters begin to roll off; a signal resampled "
        "from a lower rate has no content there",
        _RESAMPLED,
    ),
    "noise, A-weighted": Limit(
        -90.0,
        "≤",
        "if full scale is 110 dB, this equals 20 dB(A), the self-noise of the microphones of a "
        "head and torso simulator",
        "lower the gain of the input if the source allows it; look for a ground loop, a power "
        "supply nearby and another program that plays sound",
    ),
    "sounds in the silence": Limit(
        6.0,
        "≤",
        "the noise of electronics is steady; pieces of 0.125 s vary by less than 1 dB",
        "another sound was recorded: close other programs, mute system sounds and monitoring",
    ),
    "THD": Limit(
        -80.0,
        "≤",
        "the harmonics of a tone of 90 dB then reach at most 10 dB, about the threshold of hearing",
        "lower the level (--level) or the gain; a converter or amplifier is driven too hard",
    ),
    "THD+N": Limit(
        -84.0,
        "≤",
        "the best sampling-rate conversion found in audio servers adds this much to a tone (they "
        "range from −67 to −84 dB)",
        _RESAMPLED + "; noise and a 16-bit path show here as well",
    ),
    "dynamic range": Limit(
        90.0,
        "≥",
        "as for the noise: from 20 dB(A) to 110 dB without changing the gain",
        "see noise, A-weighted; a path of 16 bits or less shows here",
    ),
    "level linearity": Limit(
        0.05,
        "±",
        "a sixth of the 0.3 dB error that IEC 61672-1:2013, 5.6, allows a class 1 sound level "
        "meter for level changes of up to 10 dB",
        _NOT_ITSELF,
    ),
    "crosstalk at 100 Hz": _CROSSTALK,
    "crosstalk at 1 kHz": _CROSSTALK,
    "crosstalk at 10 kHz": _CROSSTALK,
    "level drift": Limit(
        0.02,
        "±",
        "a fifth of the 0.1 dB change that IEC 61672-1:2013 allows a class 1 sound level meter in "
        "30 minutes of operation",
        "let the device warm up; " + _NOT_ITSELF,
    ),
    "sounds beside the tone": Limit(
        6.0,
        "≤",
        "noise and distortion of a steady tone are also steady",
        "another sound was recorded: close other programs, mute system sounds and monitoring",
    ),
    "level range": Limit(
        0.05,
        "≤",
        "as for the level linearity",
        "look for a turned knob, a loose contact, and a volume that the system changes",
    ),
    "takes that failed": Limit(
        0.0,
        "≤",
        "a recording would have ended, or could not have been aligned",
        "use a larger buffer of the driver (--latency), another port or another driver; close "
        "other programs that play sound or keep the computer busy",
    ),
}
"""Limits by the name of the check."""

OS_MIXER: Final = Limit(0.0, "≤", "it may resample, change the level and mix in other sounds")
"""Limit on software between soundcal and the device."""

_INVALID: Final = (
    "swapped channels",
    "takes that failed",
    "level linearity",
)
"""Failures that are no mere loss of quality: they make levels or channels wrong."""


def rated(name: str, value: float, unit: str, channel: str = "", found: str = "") -> Check:
    """Judge a value by its limit.

    Parameters
    ----------
    name : str
        A key of :data:`LIMITS`.
    value : float
        The measured value.
    unit : str
        Its unit.
    channel : str
        The path, such as ``1→2``; "" if the value describes the device.
    found : str
        Text to add to the reason, such as the frequency of the largest deviation.

    Examples
    --------
    >>> check = rated("channel balance", 1.5, "dB")
    >>> check.verdict, check.reason[:52]
    ('suspect', 'channel balance: +1.50 dB, the limit is ±1; look for')
    """
    limit = LIMITS[name]
    if limit.keeps(value):
        return Check(name, value, unit, limit, channel=channel)
    verdict: Verdict = "invalid" if name in _INVALID else "suspect"
    where = f"{channel}: {name}" if channel else name
    sign = "+" if limit.relation == "±" else ""
    digits = ".2f" if unit else ".0f"
    number = f"{value:{sign}{digits}} {unit}".strip().replace("-", "−")
    remedy = f"; {limit.remedy}" if limit.remedy else ""
    reason = f"{where}: {number}{found}, the limit is {limit.text}{remedy}"
    return Check(name, value, unit, limit, verdict, reason, channel)


def merged(checks: Iterable[Check]) -> tuple[Check, ...]:
    """Return one check per name and channel: the worst of several takes, then the largest."""
    worst: dict[tuple[str, str], Check] = {}
    for check in checks:
        key = (check.name, check.channel)
        if key not in worst or _gravity(check) > _gravity(worst[key]):
            worst[key] = check
    return tuple(worst.values())


def _gravity(check: Check) -> tuple[int, float]:
    value = abs(check.value) if np.isfinite(check.value) else 0.0
    limit = 0.0 if check.limit is None else check.limit.value
    return SEVERITY[check.verdict], value / limit if limit else value


def overall(checks: Sequence[Check]) -> Verdict:
    """Return the worst verdict."""
    return max((check.verdict for check in checks), key=lambda v: SEVERITY[v], default="pass")
