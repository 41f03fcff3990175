"""Response of an output with headphones, from its open-circuit voltage and published curves.

The level at the ear per digital full scale is predicted at every frequency:

``S_V + 20 lg V_FS + 20 lg |Z / (Z + Z_out)| + R(f) - R(1 kHz)``

with the sensitivity ``S_V`` of the data sheet, the open-circuit voltage ``V_FS``, the impedance
``Z(f)`` of the headphones, the output impedance ``Z_out`` and the published response ``R(f)``. A
stimulus is then predicted by its whole spectrum, not by one number at 1 kHz. The deviation of the
individual unit from what is published remains.
"""

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.calibration.model import Calibration, Link
from soundcal.calibration.ocv import DIVIDER, FREQUENCY_RESPONSE
from soundcal.calibration.uncertainty import rectangular
from soundcal.errors import ParameterError
from soundcal.response.curve import ChannelResponse
from soundcal.response.impedance import ImpedanceCurve
from soundcal.response.model import Response, derivation, new_response

__all__ = ["PublishedCurves", "published_output"]

_REPLACED: Final = (DIVIDER, FREQUENCY_RESPONSE)
"""Links of an OCV calibration that the curves replace."""


@dataclass(frozen=True, slots=True, eq=False)
class PublishedCurves:
    """What data sheets and publications say about a soundcard and headphones over frequency.

    Parameters
    ----------
    output_ohm : float
        Output impedance of the soundcard, ohm.
    impedance : ImpedanceCurve
        Impedance of the headphones.
    response : Response
        Of the headphones, at constant voltage: from V (or FS) to DRP, relative to 1 kHz.
    output_doubt : float
        Half width of the error of the output impedance in per cent. Default 10 %, as of
        :class:`soundcal.calibration.ocv.Omissions`.

    Raises
    ------
    ParameterError
        A negative output impedance, or a response of another kind.
    """

    output_ohm: float
    impedance: ImpedanceCurve
    response: Response
    output_doubt: float = 10.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.output_ohm < math.inf:
            raise ParameterError(f"output impedance {self.output_ohm} ohm; 0 or more is expected")
        _check_response(self.response)


def _check_response(response: Response) -> None:
    """Refuse what is not the published response of headphones, relative to 1 kHz."""
    ends = (response.source_point, response.target_point)
    if ends not in (("V", "DRP"), ("FS", "DRP")) or response.normalised_at != 1000.0:
        raise ParameterError(
            f"{response.id}: from {ends[0]} to {ends[1]}, {response.unit}; the published response "
            "of headphones leads from V or FS to DRP and has 0 dB at 1 kHz"
        )


def published_output(output: Calibration, curves: PublishedCurves, *, name: str = "") -> Response:
    """Return the response from the samples to the ear drums, as it is published.

    Parameters
    ----------
    output : Calibration
        Of the output, by OCV. Its links for the divider and for the frequency response are replaced
        by the curves; the others stay.
    curves : PublishedCurves
        The curves.
    name : str
        Name of the response.

    Returns
    -------
    Response
        FS to DRP, absolute. ``conditions["links"]`` has the standard uncertainty of each link, and
        for the ones over frequency its value per frequency; their errors are alike over
        ``correlation_octaves`` (null: at all frequencies).

    Raises
    ------
    ParameterError
        The calibration is not one by OCV.
    """
    if output.method != "ocv":
        raise ParameterError(
            f"{output.id}: a calibration by {output.method}; published curves belong to one by the "
            "open-circuit voltage (ocv)"
        )
    found, links = {}, {}
    for channel in output.channels:
        curve = curves.response.channel(channel)
        kept = [link for link in output.chain(channel).links if link.name not in _REPLACED]
        found[channel], links[channel] = _channel(curve, kept, curves)
    return new_response(
        name or f"{curves.response.name}, as published",
        "FS",
        "DRP",
        "absolute",
        found,
        smoothing=curves.response.smoothing,
        device=output.device,
        conditions={"output_impedance_ohm": curves.output_ohm, "links": links},
        provenance={
            **derivation("open-circuit voltage with published curves", [curves.response]),
            "calibration": output.id,
        },
    )


def _channel(
    curve: ChannelResponse, kept: list[Link], curves: PublishedCurves
) -> tuple[ChannelResponse, dict[str, Any]]:
    f, z = curve.frequency, curves.output_ohm
    width = z * min(curves.output_doubt, 100.0) / 100.0
    loss = curves.impedance.loss_db
    u_loss: Array = (loss(f, z - width) - loss(f, z + width)) / 2.0 * rectangular(1.0)
    u_level = math.hypot(*(link.u_db for link in kept))
    links: dict[str, Any] = {
        link.name: {"u_db": link.u_db, "correlation_octaves": None} for link in kept
    }
    links |= {
        DIVIDER: {"u_db": u_loss.tolist(), "correlation_octaves": None},
        FREQUENCY_RESPONSE: {
            "u_db": curve.u_db.tolist(),
            "correlation_octaves": curve.correlation_octaves
            if math.isfinite(curve.correlation_octaves)
            else None,
        },
    }
    response = ChannelResponse(
        f,
        math.fsum(link.gain_db for link in kept) + loss(f, z) + curve.magnitude_db,
        u_db=np.sqrt(u_level**2 + u_loss**2 + curve.u_db**2),
        correlation_octaves=math.inf,
    )
    return response, links
