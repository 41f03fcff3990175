"""Responses of several: in a chain, side by side as channels, or with a type's correction added.

In a chain, the target point of one is the source point of the next.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.response.curve import ChannelResponse
from soundcal.response.model import (
    REVERSED,
    SERVES_ALL,
    Response,
    change_of,
    derivation,
    new_response,
)

__all__ = ["combine_responses", "join_channels", "with_type_correction"]


def combine_responses(*responses: Response, name: str = "") -> Response:
    """Return the response of a chain: levels and phases are added, uncertainties in squares.

    Its frequencies are those of all its parts, in the range in which every part is valid. The
    errors of different responses are independent; one response has one error, which is zero again
    after there and back. The combined errors are alike over the largest distance of a part with an
    uncertainty, which is on the safe side for a sum over bands.

    Parameters
    ----------
    *responses : Response
        Two or more, in the order of the chain.
    name : str
        Name of the result; the names of the parts if not given.

    Raises
    ------
    ParameterError
        The points or incidences do not meet, relative and absolute responses are mixed, relative
        ones have 0 dB at different frequencies, channels differ, or no common range remains.
    """
    if len(responses) < 2:
        raise ParameterError(f"{len(responses)} response to combine; at least 2 are expected")
    for first, second in pairwise(responses):
        if first.target_point != second.source_point:
            raise ParameterError(
                f"{first.id} leads to {first.target_point}, but {second.id} begins at "
                f"{second.source_point}; reverse one of them or change their order"
            )
    kinds = {(response.kind, response.normalised_at) for response in responses}
    if len(kinds) > 1:
        raise ParameterError(
            "responses that are relative to different frequencies, or relative and absolute ones: "
            f"{', '.join(f'{r.id}: {r.unit}' for r in responses)}; apply them one after the other"
        )
    incidences = {response.incidence for response in responses} - {""}
    if len(incidences) > 1:
        raise ParameterError(f"sound incidences {', '.join(sorted(incidences))}; one is expected")
    low, high = _common_range(responses)
    signs = _signs(responses)
    return new_response(
        name or ", ".join(response.name for response in responses),
        responses[0].source_point,
        responses[-1].target_point,
        responses[0].kind,
        {
            channel: _sum(
                [response.channel(channel).within(low, high) for response in responses], signs
            )
            for channel in _channels(responses)
        },
        normalised_at=responses[0].normalised_at,
        smoothing=_smoothings(
            [(f"{r.source_point} to {r.target_point}", r.smoothing) for r in responses]
        ),
        incidence="".join(incidences),
        conditions={response.id: response.conditions for response in responses},
        device=", ".join(dict.fromkeys(r.device for r in responses if r.device)),
        provenance=derivation("combined", responses),
    )


def join_channels(*responses: Response, name: str = "") -> Response:
    """Return one response that has the channels of several, such as those of the two ears.

    Parameters
    ----------
    *responses : Response
        Responses between the same points, of one kind, with different channels.
    name : str
        Name of the result; the names of the parts if not given.

    Raises
    ------
    ParameterError
        Different points, kinds, frequencies of normalisation or incidences, or a channel occurs
        twice.
    """
    first = responses[0]
    for other in responses[1:]:
        if _ends(other) != _ends(first) or other.incidence != first.incidence:
            raise ParameterError(
                f"{other.name}: {_told(other)}, but {first.name}: {_told(first)}; responses of one "
                "kind and incidence between the same points are expected"
            )
    names = [channel for response in responses for channel in response.channels]
    if len(set(names)) < len(names) or (len(names) > 1 and set(names) & set(SERVES_ALL)):
        raise ParameterError(
            f"channels {', '.join(names)}; different names are expected, e.g. left"
        )
    if len(responses) == 1:
        return first
    valid = [response.valid for response in responses]
    return new_response(
        name or ", ".join(response.name for response in responses),
        first.source_point,
        first.target_point,
        first.kind,
        {channel: curve for response in responses for channel, curve in response.channels.items()},
        valid=(max(low for low, _ in valid), min(high for _, high in valid)),
        normalised_at=first.normalised_at,
        smoothing=_smoothings([(", ".join(r.channels), r.smoothing) for r in responses]),
        incidence=first.incidence,
        conditions=first.conditions
        if all(response.conditions == first.conditions for response in responses)
        else {", ".join(response.channels): response.conditions for response in responses},
        device=", ".join(dict.fromkeys(r.device for r in responses if r.device)),
        provenance={
            **derivation("joined", responses),
            "parts": {", ".join(response.channels): response.provenance for response in responses},
        },
    )


def _smoothings(of_parts: Sequence[tuple[str, str]]) -> str:
    """Return the smoothing of parts that have names: one if they agree, else that of each."""
    smoothings = {smoothing for _, smoothing in of_parts}
    if len(smoothings) == 1:
        return smoothings.pop()
    return "; ".join(f"{part}: {smoothing}" for part, smoothing in of_parts)


def with_type_correction(response: Response, correction: Response) -> Response:
    """Return the field response of a microphone from that of an electrostatic actuator.

    The correction of the type for a sound incidence is added, and the uncertainties in squares; a
    relative response has 0 dB at its frequency again. Both stand in the provenance.

    Parameters
    ----------
    response : Response
        From P, measured with an actuator.
    correction : Response
        From P to P: field re pressure, with the incidence of the field.

    Raises
    ------
    ParameterError
        Other points, or no common range.
    """
    if (correction.source_point, correction.target_point) != ("P", "P"):
        raise ParameterError(
            f"a type's correction from P to P is expected, not {_told(correction)}"
        )
    if response.source_point != "P" or response.incidence not in ("", "pressure"):
        raise ParameterError(
            f"the response of an actuator from P is expected, not {_told(response)}"
        )
    low, high = _common_range((response, correction))
    curves = {
        name: _sum(
            [part.channel(name).within(low, high) for part in (response, correction)],
            _signs((response, correction)),
        )
        for name in response.channels
    }
    at = response.normalised_at
    if at is not None:
        if not low <= at <= high:
            raise ParameterError(f"the type's correction has no value at {at:g} Hz")
        curves = {name: curve.shifted(-float(curve.level(at))) for name, curve in curves.items()}
    return new_response(
        response.name,
        response.source_point,
        response.target_point,
        response.kind,
        curves,
        normalised_at=at,
        smoothing=response.smoothing,
        incidence=correction.incidence,
        conditions=response.conditions,
        device=response.device,
        provenance={
            **response.provenance,
            **change_of([correction]),
            "type_correction": correction.provenance,
        },
    )


def _ends(response: Response) -> tuple[object, ...]:
    return response.source_point, response.target_point, response.kind, response.normalised_at


def _told(response: Response) -> str:
    stated = f", {response.incidence}" if response.incidence else ""
    return f"{response.source_point} to {response.target_point}{stated}, {response.unit}"


def _common_range(responses: Sequence[Response]) -> tuple[float, float]:
    low = max(response.valid[0] for response in responses)
    high = min(response.valid[1] for response in responses)
    if not low < high:
        ranges = ", ".join(f"{r.id}: {r.valid[0]:g} to {r.valid[1]:g} Hz" for r in responses)
        raise ParameterError(f"responses without a common range ({ranges})")
    return low, high


def _channels(responses: Sequence[Response]) -> tuple[str, ...]:
    named = [tuple(response.channels) for response in responses if not response.serves_all]
    if not named:
        return tuple(responses[0].channels)
    if any(set(names) != set(named[0]) for names in named):
        raise ParameterError(
            f"channels {'; '.join(', '.join(names) for names in named)}; the same are expected"
        )
    return named[0]


def _signs(responses: Sequence[Response]) -> Array:
    """Return how often each response is in a chain, shape (n_different, n_responses).

    A reversed one counts -1 for that of which it was made, unless it was changed afterwards.
    """
    origins: dict[str, int] = {}
    signs = np.zeros((len(responses), len(responses)))
    for index, response in enumerate(responses):
        back = response.provenance.get("operation") == REVERSED and not response.is_changed
        origin = response.provenance.get("of") if back else [response.identity]
        row = origins.setdefault(str(origin), len(origins))
        signs[row, index] = -1.0 if back else 1.0
    return signs[: len(origins)]


def _sum(parts: Sequence[ChannelResponse], signs: Array) -> ChannelResponse:
    frequency = np.unique(np.concatenate([part.frequency for part in parts]))
    at = [part.at(frequency) for part in parts]
    # parts of one response have one error, of which signs.sum(axis=1) remains
    first = np.abs(signs).argmax(axis=1)
    different = [at[index] for index in first]
    remaining = signs.sum(axis=1, keepdims=True)
    variances = (remaining * [part.u_db for part in different]) ** 2
    spreads = [
        times * part.spread_db
        for times, part in zip(remaining, different, strict=True)
        if part.spread_db is not None
    ]
    phases: Any = [part.phase_deg for part in at]
    known = all(phase is not None for phase in phases)
    has_dof = any(part.dof is not None for part in different)
    return ChannelResponse(
        frequency,
        np.sum([part.magnitude_db for part in at], axis=0),
        u_db=np.sqrt(variances.sum(axis=0)),
        phase_deg=np.sum(phases, axis=0) if known else None,
        dof=_effective(variances, different, frequency) if has_dof else None,
        spread_db=_spread(spreads),
        correlation_octaves=max(
            (
                part.correlation_octaves
                for part, variance in zip(different, variances, strict=True)
                if variance.any()
            ),
            default=0.0,
        ),
    )


def _spread(of_parts: Sequence[Array]) -> Array | None:
    """Return the spread of a chain: parts that were seated apart vary independently."""
    return np.sqrt(np.square(of_parts).sum(axis=0)) if of_parts else None


def _effective(variances: Array, parts: Sequence[ChannelResponse], frequency: Array) -> Array:
    """Return the effective degrees of freedom by frequency (Welch-Satterthwaite, GUM G.4.1)."""
    total = variances.sum(axis=0)
    shares = np.divide(variances, total, out=np.zeros_like(variances), where=total > 0)
    dof = np.array([part.degrees_of_freedom(frequency) for part in parts])
    with np.errstate(divide="ignore"):
        effective: Array = 1.0 / (shares**2 / dof).sum(axis=0)
    return effective
