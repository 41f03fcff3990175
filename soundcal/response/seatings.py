"""Headphones put on several times: mean response, spread, and seatings that do not fit.

Responses of headphones on ears differ from seating to seating: at low frequencies by the leak of
the cushion, at high frequencies by notches that move (Møller et al., J. Audio Eng. Soc. 43 (1995)
203). The mean has the uncertainty ``s / sqrt(n)``; the next seating, such as that of a listening
session, ``s sqrt(1 + 1 / n)``.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError, SignalError
from soundcal.recording import counted
from soundcal.response.curve import ChannelResponse
from soundcal.response.measurement import unmet_limits
from soundcal.response.model import Response, derivation, new_response
from soundcal.units import energetic_mean

__all__ = ["misfit", "over_seatings"]

_MISFIT_DB: Final = 6.0
"""A seating further than this from the median of the others, from 100 Hz to 1 kHz, is refused."""

_SPREAD_LIMIT_DB: Final = 3.0
"""Largest accepted standard deviation over seatings from 100 Hz to 1 kHz, dB [assumption]: twice as
much is the distance at which a seating is refused, so the seatings agree no better than by
chance."""

_SEATED: Final = (100.0, 1000.0)

_LEAST: Final = 3
"""Number of seatings from which it is known which of them differs."""

_CORRELATION_OCTAVES: Final = 1.0


def misfit(seatings: Sequence[Response]) -> tuple[int, str] | None:
    """Return the seating that does not fit the others, and the reason; None if all of them fit.

    Parameters
    ----------
    seatings : sequence of Response
        One response per seating, with the same channels and frequencies. Of fewer than three, none
        is refused.
    """
    if len(seatings) < _LEAST:
        return None
    worst, index, reason = _MISFIT_DB, -1, ""
    for channel in seatings[0].channels:
        f, levels = _levels(seatings, channel)
        seated = (f >= _SEATED[0]) & (f <= _SEATED[1])
        for number in range(len(seatings)):
            others = np.median(np.delete(levels[:, seated], number, axis=0), axis=0)
            away = levels[number, seated] - others
            at = int(np.argmax(np.abs(away)))
            if abs(away[at]) > worst:
                worst, index = float(abs(away[at])), number
                reason = (
                    f"seating {number + 1}, {channel}: {away[at]:+.1f} dB at {f[seated][at]:.0f} "
                    f"Hz relative to the median of the others, the limit is {_MISFIT_DB:g} dB; a "
                    "cushion may lie on the ear or stand off the head: seat the headphones again"
                )
    return (index, reason) if reason else None


def _levels(seatings: Sequence[Response], channel: str) -> tuple[Array, Array]:
    """Return the frequencies, shape (n,), and the levels in dB, shape (n_seatings, n)."""
    curves = [seating.channels[channel] for seating in seatings]
    f = curves[0].frequency
    if any(not np.array_equal(curve.frequency, f) for curve in curves):
        raise ParameterError(f"{channel}: seatings at different frequencies; one test is expected")
    return f, np.array([curve.magnitude_db for curve in curves])


def over_seatings(seatings: Sequence[Response], *, name: str = "") -> Response:
    """Return the mean over seatings in dB, with its uncertainty and the spread.

    Parameters
    ----------
    seatings : sequence of Response
        One measured response per seating, with the same ends, channels and frequencies. One alone
        has a flag, since its spread is not known.
    name : str
        Name of the result; that of the first seating if not given.

    Returns
    -------
    Response
        ``u_db`` is that of the mean, with n - 1 degrees of freedom; ``spread_db`` is the standard
        deviation between seatings. ``conditions`` has the least SNR and the largest distortion of
        all seatings.

    Raises
    ------
    ParameterError
        No seating, or they do not fit together.
    SignalError
        They have no common range with enough SNR.
    """
    if not seatings:
        raise ParameterError("no seating; at least 1 is expected")
    first, n = seatings[0], len(seatings)
    ends = {(s.source_point, s.target_point, s.kind, tuple(s.channels)) for s in seatings}
    if len(ends) > 1:
        raise ParameterError("seatings with different ends or channels; the same are expected")
    low = max(seating.valid[0] for seating in seatings)
    high = min(seating.valid[1] for seating in seatings)
    if not low < high:
        raise SignalError(
            "the seatings have no common range with enough SNR; raise the level, or look for noise"
        )
    conditions = _conditions(seatings)
    if n == 1:
        curves = dict(first.channels)
        conditions["flags"].append("one seating: the spread between seatings is not known")
    else:
        curves = {channel: _mean(seatings, channel) for channel in first.channels}
        conditions["unmet_limits"] += _wide(curves)
    return new_response(
        name or first.name,
        first.source_point,
        first.target_point,
        first.kind,
        curves,
        valid=(low, high),
        device=first.device,
        conditions={**conditions, "seatings": n},
        provenance=derivation(f"mean of {counted(n, 'seating')}", seatings),
    )


def _mean(seatings: Sequence[Response], channel: str) -> ChannelResponse:
    f, levels = _levels(seatings, channel)
    n, spread = len(seatings), levels.std(axis=0, ddof=1)
    return ChannelResponse(
        f,
        levels.mean(axis=0),
        u_db=spread / math.sqrt(n),
        dof=np.full(f.size, n - 1.0),
        spread_db=spread,
        correlation_octaves=_CORRELATION_OCTAVES,
    )


def _wide(curves: dict[str, ChannelResponse]) -> list[str]:
    found = []
    for name, curve in curves.items():
        if curve.spread_db is None:
            continue
        f = curve.frequency
        spread = np.where((f >= _SEATED[0]) & (f <= _SEATED[1]), curve.spread_db, 0.0)
        worst = int(np.argmax(spread))
        if spread[worst] > _SPREAD_LIMIT_DB:
            found.append(
                f"{name}: standard deviation of {spread[worst]:.1f} dB between seatings at "
                f"{f[worst]:.0f} Hz, the limit is {_SPREAD_LIMIT_DB:g} dB; seat the headphones "
                "more carefully"
            )
    return found


def _conditions(seatings: Sequence[Response]) -> dict[str, Any]:
    """Return the conditions of all seatings together."""
    all_ = [seating.conditions for seating in seatings]
    found = dict(all_[0])
    for key, of_all in (("snr_db", np.min), ("distortion", np.max)):
        found[key] = {
            name: of_all([one[key][name] for one in all_], axis=0).tolist() for name in found[key]
        }
    found["rms_db"] = {
        name: energetic_mean([one["rms_db"][name] for one in all_]) for name in found["rms_db"]
    }
    found["flags"] = list(dict.fromkeys(flag for one in all_ for flag in one["flags"]))
    found["unmet_limits"] = unmet_limits(found)
    return found
