"""From a response between samples to one of pressure: calibrated inputs, a reference microphone."""

import math

import numpy as np

from soundcal.calibration.model import Calibration
from soundcal.errors import ParameterError
from soundcal.response.combining import combine_responses
from soundcal.response.curve import ChannelResponse
from soundcal.response.model import Response, change_of, new_response
from soundcal.units import PASCAL_DB

__all__ = ["at_inputs", "by_substitution", "check_inputs"]


def check_inputs(inputs: Response, point: str) -> None:
    """Refuse what is not the relative response of inputs from a point to FS.

    Raises
    ------
    ParameterError
        It has other ends, or is absolute.
    """
    ends = (inputs.source_point, inputs.target_point)
    if ends != (point, "FS") or inputs.kind != "relative":
        raise ParameterError(
            f"{inputs.id}: from {ends[0]} to {ends[1]}, {inputs.kind}; the response of the inputs "
            f"leads from {point} to FS and is relative"
        )


def at_inputs(
    measured: Response,
    calibration: Calibration,
    *,
    inputs: Response | None = None,
    target_point: str = "DRP",
) -> Response:
    """Return the response to the pressure at calibrated inputs, in Pa per full scale.

    Parameters
    ----------
    measured : Response
        From FS to FS.
    calibration : Calibration
        Of the inputs, in Pa per full scale at the calibrator's frequency.
    inputs : Response, optional
        Of the inputs, from ``target_point`` to FS and relative to the calibrator's frequency. It is
        undone; without it the inputs are taken as flat.
    target_point : str
        Point of the calibrated pressure.

    Raises
    ------
    ParameterError
        A channel is not calibrated, or ``inputs`` is not such a response.
    """
    if inputs is not None:
        check_inputs(inputs, target_point)
    low, high = measured.valid
    curves = {}
    for name in measured.channels:
        chain = calibration.chain(name)
        known = None if inputs is None else inputs.channel(name)
        f = np.array([low, high]) if known is None else known.within(low, high).frequency
        u_response = 0.0 if known is None else known.uncertainty(f)
        curves[name] = ChannelResponse(
            f,
            chain.gain_db - (0.0 if known is None else known.level(f)) + np.zeros(f.size),
            u_db=np.hypot(chain.u_db, u_response) + np.zeros(f.size),
            dof=None if math.isinf(chain.dof) else np.full(f.size, chain.dof),
            correlation_octaves=math.inf,
        )
    of_inputs = new_response(
        f"inputs by {calibration.id}", "FS", target_point, "absolute", curves, valid=(low, high)
    )
    combined = combine_responses(measured, of_inputs, name=measured.name)
    conditions = dict(measured.conditions)
    flags = list(conditions.get("flags", ()))
    if inputs is None:
        flags.append("the response of the inputs is not given: they are taken as flat")
    levels = {
        name: level + calibration.chain(name).gain_db + PASCAL_DB
        for name, level in conditions["rms_db"].items()
    }
    return new_response(
        measured.name,
        "FS",
        target_point,
        "absolute",
        combined.channels,
        valid=measured.valid,
        made=measured.made,
        device=measured.device,
        conditions={**conditions, "flags": flags, "level_db": levels},
        provenance={
            **measured.provenance,
            "calibration": calibration.id,
            **({} if inputs is None else {"inputs": inputs.identity}),
            **change_of([measured] if inputs is None else [measured, inputs]),
        },
    )


def by_substitution(measured: Response, with_reference: Response, reference: Response) -> Response:
    """Return the response of a microphone that took the place of a reference microphone.

    Parameters
    ----------
    measured, with_reference : Response
        From FS to FS, with the microphone under test and with the reference microphone, from the
        same output at the same place.
    reference : Response
        Of the reference microphone, from P to FS, relative.

    Returns
    -------
    Response
        From P to FS, 0 dB at the frequency at which the reference has it.

    Raises
    ------
    ParameterError
        The points do not fit, or the reference is not relative.
    """
    check_inputs(reference, "P")
    at = reference.normalised_at or 0.0
    place = with_reference.normalised(at).reversed()
    combined = combine_responses(reference, place, measured.normalised(at))
    used = {"reference": reference, "with_reference": with_reference}
    return new_response(
        measured.name,
        "P",
        "FS",
        "relative",
        combined.channels,
        valid=combined.valid,
        normalised_at=at,
        incidence=reference.incidence,
        device=measured.device,
        conditions=measured.conditions,
        provenance={
            **measured.provenance,
            "operation": "exponential sweep, substitution",
            **{key: one.identity for key, one in used.items()},
            **change_of([measured, *used.values()]),
        },
    )
