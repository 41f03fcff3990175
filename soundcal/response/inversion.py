"""Inverse of a response: a filter for samples that makes it flat, or gives it a target.

With the level ``m`` of the response in dB, smoothed as a power mean over ±1/(2n) octave, the gain
is ``e = target - m``, re 1 kHz or the frequency of a relative response. It is held beyond a range,
and boosts are limited softly: above ``b - 3`` dB the gain is ``b - 3 + 3 tanh((e - b + 3) / 3)``,
which stays below ``b``. Cuts are not limited.

Rules for what the response is, and for the limit:

``mean``
    the mean over seatings in dB. For measuring: indicators are not biased.
``mean+2s``
    mean plus two standard deviations of the magnitude over seatings (Masiero and Fels, AES 130th
    Convention (2011)): notches that move from seating to seating are not filled. For listening; it
    takes some 3.5 dB away above 6 kHz.
``kirkeby``
    ``|W| = |H| / (|H|² + β)`` instead of the soft limit (Kirkeby et al., IEEE Trans. Speech Audio
    Process. 6 (1998) 189), with the β whose largest gain is b. It bends also what needs no limit,
    and turns deep notches down.

The magnitude over seatings is taken to be log-normal: a response keeps the mean and the standard
deviation of levels in dB.
"""

import re
from dataclasses import replace
from typing import Any, Final, Literal, get_args

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.response.curve import ChannelResponse
from soundcal.response.model import Response, derivation, new_response
from soundcal.units import db, from_db, power_db

__all__ = ["REFERENCE_HZ", "InversionRule", "inverse", "inversion_settings"]

InversionRule = Literal["mean", "mean+2s", "kirkeby"]

_KNEE_DB: Final = 3.0
REFERENCE_HZ: Final = 1000.0
"""Frequency in Hz at which the inverse of an absolute response is 0 dB."""

_WIDEST: Final = 12
"""Data smoothed over more than 1/12 octave are not inverted: their notches are filled already."""

_FINEST: Final = 96
_PER_WINDOW: Final = 8
"""Frequencies of the result per width of the smoothing."""

_HEADPHONE_RANGE: Final = (40.0, 16000.0)
_MICROPHONE_RANGE: Final = (20.0, 20000.0)


def inverse(
    response: Response,
    *,
    low: float | None = None,
    high: float | None = None,
    boost: float = 12.0,
    smoothing: int = 24,
    rule: InversionRule = "mean",
    target: Literal["flat"] | Response = "flat",
) -> Response:
    """Return the response of a filter that makes a response flat, or gives it a target.

    Parameters
    ----------
    response : Response
        Headphones (FS to DRP), a microphone (P to FS), …
    low, high : float, optional
        Range in Hz; beyond it, and beyond the valid range, the gain is held. 40 Hz to 16 kHz if not
        given, of microphones 20 Hz to 20 kHz.
    boost : float
        Limit of the gain in dB re 1 kHz, at least 3 dB.
    smoothing : int
        Width of the smoothing is 1/``smoothing`` octave; 1 to 96.
    rule : {"mean", "mean+2s", "kirkeby"}
        See above.
    target : "flat" or Response
        Response with the same target point that is to be reached, such as DF to DRP.

    Returns
    -------
    Response
        From FS to FS, relative: 0 dB at 1 kHz, so a scalar calibration of an output keeps its
        meaning. The uncertainty is that of the response. Give it to an
        :class:`~soundcal.response.Equaliser` that embeds it.

    Raises
    ------
    ParameterError
        A number out of range, data that are too smooth, a target with another target point, or no
        spread between seatings for ``mean+2s``.
    """
    at = response.normalised_at or REFERENCE_HZ
    if rule not in get_args(InversionRule):
        known = ", ".join(get_args(InversionRule))
        raise ParameterError(f"rule {rule!r:.40}; one of {known} is expected")
    if not _KNEE_DB <= boost < np.inf:
        raise ParameterError(f"boost of {boost:g} dB; {_KNEE_DB:g} dB or more are expected")
    if not (isinstance(smoothing, int) and 1 <= smoothing <= _FINEST):
        raise ParameterError(f"smoothing of 1/{smoothing} octave; 1 to 1/{_FINEST} is expected")
    for width in re.findall(r"1/(\d+)", response.smoothing):
        if int(width) < _WIDEST:
            raise ParameterError(
                f"response {response.id}: smoothing {response.smoothing}; at most 1/{_WIDEST} "
                "octave can be inverted: export it without smoothing"
            )
    if isinstance(target, Response) and target.target_point != response.target_point:
        raise ParameterError(
            f"target {target.id} leads to {target.target_point}, the response to "
            f"{response.target_point}; the same target point is expected"
        )
    usual = _HEADPHONE_RANGE if response.source_point == "FS" else _MICROPHONE_RANGE
    lowest = max(usual[0] if low is None else low, response.valid[0])
    highest = min(usual[1] if high is None else high, response.valid[1])
    if not lowest < at < highest:
        raise ParameterError(
            f"inverse from {lowest:g} to {highest:g} Hz; a range around {at:g} Hz is expected"
        )
    steps = int(np.ceil(np.log2(highest / lowest) * _PER_WINDOW * smoothing))
    grid = np.unique(np.append(np.geomspace(lowest, highest, steps + 1), at))
    parts = [response] if target == "flat" else [response, target]
    return new_response(
        f"inverse of {response.name}",
        "FS",
        "FS",
        "relative",
        {
            name: _inverse(
                response.channel(name),
                None if target == "flat" else target.channel(name),
                grid,
                at,
                boost=boost,
                smoothing=smoothing,
                rule=rule,
            )
            for name in response.channels
        },
        normalised_at=at,
        smoothing=f"1/{smoothing} octave",
        conditions=response.conditions,
        device=response.device,
        provenance={
            **derivation("inverse", parts),
            "rule": rule,
            "boost_db": boost,
            "target": "flat" if target == "flat" else target.id,
        },
    )


def inversion_settings(response: Response) -> dict[str, Any]:
    """Return rule, limits, target and smoothing of an inverse, ready for JSON; {} of another."""
    if response.provenance.get("operation") != "inverse":
        return {}
    named = {name: response.provenance[name] for name in ("rule", "boost_db", "target")}
    return {**named, "range_hz": list(response.valid), "smoothing": response.smoothing}


def _inverse(
    curve: ChannelResponse,
    target: ChannelResponse | None,
    grid: Array,
    at: float,
    *,
    boost: float,
    smoothing: int,
    rule: InversionRule,
) -> ChannelResponse:
    reached = _smoothed(_with_spread(curve) if rule == "mean+2s" else curve, grid, smoothing)
    if target is not None:
        reached = reached - target.level(grid)
    reference = int(np.searchsorted(grid, at))
    reached = reached - reached[reference]
    if rule == "kirkeby":
        magnitude, largest = from_db(reached), from_db(boost)
        # the largest gain, 1 / (2 sqrt(beta)), divided by that at 0 dB, 1 / (1 + beta)
        beta = (largest - np.sqrt(largest**2 - 1.0)) ** 2
        gain = db((1.0 + beta) * magnitude / (magnitude**2 + beta))
    else:
        above = np.maximum(-reached - boost + _KNEE_DB, 0.0)
        gain = np.minimum(-reached, boost - _KNEE_DB) + _KNEE_DB * np.tanh(above / _KNEE_DB)
    gain[reference] = 0.0
    return replace(curve.at(grid), magnitude_db=gain, phase_deg=None)


def _with_spread(curve: ChannelResponse) -> ChannelResponse:
    """Return the mean magnitude plus two standard deviations over seatings."""
    if curve.spread_db is None:
        raise ParameterError(
            "rule mean+2s needs the spread between seatings; a response that was measured over "
            "several of them has it, and the rule mean needs none"
        )
    variance = (curve.spread_db * np.log(10.0) / 20.0) ** 2  # of the logarithm of the magnitude
    more = np.exp(variance / 2.0) * (1.0 + 2.0 * np.sqrt(np.expm1(variance)))
    return replace(curve, magnitude_db=curve.magnitude_db + db(more))


def _smoothed(curve: ChannelResponse, grid: Array, n: int) -> Array:
    """Return the power mean over ±1/(2n) octave in dB.

    The mean is over the logarithm of frequency, and exact for levels that are linear over it.
    """
    half = 2.0 ** (1.0 / (2.0 * n))
    nodes = np.unique(np.concatenate([curve.frequency, grid / half, grid * half]))
    exponent = curve.level(nodes) * np.log(10.0) / 10.0
    step, rise = np.diff(np.log(nodes)), np.diff(exponent)
    flat = np.abs(rise) < 1e-9
    mean = np.exp(exponent[:-1]) * np.where(flat, 1.0, np.expm1(rise) / np.where(flat, 1.0, rise))
    total = np.concatenate(([0.0], np.cumsum(step * mean)))
    found = total[np.searchsorted(nodes, grid * half)] - total[np.searchsorted(nodes, grid / half)]
    width = np.log(half**2)
    smooth: Array = power_db(found / width)
    return smooth
