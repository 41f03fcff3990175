"""Responses: calibration as a function of frequency, from one reference point to another."""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.response.calibrated_inputs import at_inputs, by_substitution
    from soundcal.response.combining import (
        combine_responses,
        join_channels,
        with_type_correction,
    )
    from soundcal.response.curve import ChannelResponse
    from soundcal.response.directions import point_after
    from soundcal.response.equaliser import Equaliser, check_headroom
    from soundcal.response.inversion import inverse
    from soundcal.response.measurement import SweepTest
    from soundcal.response.model import Response, new_response
    from soundcal.response.opening import open_response
    from soundcal.response.own_csv import write_own_csv
    from soundcal.response.points import INCIDENCES, POINT_NAMES, POINTS
    from soundcal.response.records import load_response, save_response
    from soundcal.response.seatings import over_seatings
    from soundcal.response.sofafile import read_sofa_response
    from soundcal.response.sweep import Sweep
    from soundcal.response.tables import GENERIC_RESPONSES, generic_response
    from soundcal.response.textfile import read_response
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "GENERIC_RESPONSES": "tables",
            "INCIDENCES": "points",
            "POINTS": "points",
            "POINT_NAMES": "points",
            "ChannelResponse": "curve",
            "Equaliser": "equaliser",
            "Response": "model",
            "Sweep": "sweep",
            "SweepTest": "measurement",
            "at_inputs": "calibrated_inputs",
            "by_substitution": "calibrated_inputs",
            "check_headroom": "equaliser",
            "combine_responses": "combining",
            "generic_response": "tables",
            "join_channels": "combining",
            "inverse": "inversion",
            "load_response": "records",
            "new_response": "model",
            "open_response": "opening",
            "over_seatings": "seatings",
            "point_after": "directions",
            "read_response": "textfile",
            "read_sofa_response": "sofafile",
            "save_response": "records",
            "with_type_correction": "combining",
            "write_own_csv": "own_csv",
        },
    )

__all__ = [
    "GENERIC_RESPONSES",
    "INCIDENCES",
    "POINTS",
    "POINT_NAMES",
    "ChannelResponse",
    "Equaliser",
    "Response",
    "Sweep",
    "SweepTest",
    "at_inputs",
    "by_substitution",
    "check_headroom",
    "combine_responses",
    "generic_response",
    "inverse",
    "join_channels",
    "load_response",
    "new_response",
    "open_response",
    "over_seatings",
    "point_after",
    "read_response",
    "read_sofa_response",
    "save_response",
    "with_type_correction",
    "write_own_csv",
]
