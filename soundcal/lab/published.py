"""Gains by the open-circuit voltage and published curves over frequency (method ``ocv+``).

The curves are in files that settings name; the simulated lab has its own data sheets.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.calibration import ocv
from soundcal.devices import AudioDevice
from soundcal.dsp.octave import RESPONSE_BANDS
from soundcal.errors import ParameterError
from soundcal.indicators.response_uncertainty import (
    ResponseUncertainty,
    SpectrumOfChannels,
    band_covariance,
)
from soundcal.lab import steps
from soundcal.lab.protocol import Bench, Setting, Value
from soundcal.lab.response_steps import kept_response
from soundcal.lab.voltage import simulated_lab
from soundcal.recording import EARS
from soundcal.response.curve import ChannelResponse
from soundcal.response.impedance import ImpedanceCurve, read_impedance
from soundcal.response.levels import levels_behind
from soundcal.response.model import SCHEMA, Response, new_response
from soundcal.response.opening import open_response
from soundcal.response.plausible import assumed_uncertainty
from soundcal.response.published import PublishedCurves, published_output
from soundcal.stimuli import Stimulus
from soundcal.units import energetic_mean

__all__ = ["PUBLISHED", "keep_published_output", "published_curves", "record_by_published"]

PUBLISHED: Final = {
    "output_impedance": Setting(
        -1.0, "ohm", "ocv+: output impedance of the soundcard; -1: not known", -1.0, 10000.0
    ),
    "impedance_curve": Setting(
        "", "", "ocv+: impedance of the headphones over frequency (text file: Hz, ohm, degrees)"
    ),
    "published_response": Setting(
        "", "", "ocv+: published response of the headphones, V or FS to DRP (JSON)"
    ),
}
"""Settings of :func:`published_curves`."""

_RECORD: Final = "response_ocv+"

_FIELDS: Final = {
    "output_impedance": "output_ohm",
    "impedance_curve": "impedance",
    "published_response": "response",
}


def published_curves(settings: Mapping[str, Value], device: AudioDevice) -> PublishedCurves:
    """Return the curves that the settings name; those of the simulated lab where they name none.

    Raises
    ------
    ParameterError
        A setting is missing, or the response is of another kind.
    RecordError
        A file cannot be read.
    """
    given: dict[str, Any] = {}
    if path := str(settings["impedance_curve"]):
        given["impedance"] = read_impedance(path)
    if path := str(settings["published_response"]):
        given["response"] = open_response(path)
    if (ohm := float(settings["output_impedance"])) >= 0.0:
        given["output_ohm"] = ohm
    if (simulated := _simulated_sheets(device)) is not None:
        return replace(simulated, **given)
    missing = [name for name, field in _FIELDS.items() if field not in given]
    if missing:
        raise ParameterError(
            f"ocv+ needs {' and '.join(missing)}; set it (--set {missing[0]}=…), or leave the "
            "method out"
        )
    return PublishedCurves(**given)


def _simulated_sheets(device: AudioDevice) -> PublishedCurves | None:
    """Return the curves of the simulated lab; None for any other device."""
    lab = simulated_lab(device)
    if lab is None:
        return None
    sheet = lab.published
    u_db, assumed = assumed_uncertainty(sheet.frequency, "FS", "DRP")
    phase = np.rad2deg(np.angle(sheet.impedance))
    return PublishedCurves(
        sheet.output_impedance,
        ImpedanceCurve(sheet.frequency, np.abs(sheet.impedance), phase),
        new_response(
            f"{lab.data_sheet.name}, data sheet",
            "V",
            "DRP",
            "relative",
            {"all": ChannelResponse(sheet.frequency, sheet.response_db, u_db=u_db)},
            normalised_at=1000.0,
            provenance={"operation": "simulated data sheet", "uncertainty": assumed},
        ),
    )


def keep_published_output(bench: Bench) -> None:
    """Store the response from the samples to the ear drums as the published curves have it."""
    curves = published_curves(bench.settings, bench.device)
    response = published_output(steps.calibration_of(bench, "calibration_ocv"), curves)
    bench.session.add_record(_RECORD, SCHEMA, response.to_dict())


def record_by_published(bench: Bench, stimulus: Stimulus, samples: Samples) -> None:
    """Play with the gain that the whole spectrum needs behind the published response, and record.

    Raises
    ------
    TargetNotReached
        The samples would exceed full scale.
    """
    response = kept_response(bench, _RECORD)
    weighting = str(bench.settings["weighting"])
    levels = levels_behind(response, samples, bench.device.fs, channels=EARS, weighting=weighting)
    level = energetic_mean(list(levels.values()))
    gain = ocv.gain_to(stimulus.level, level, peak=float(np.abs(samples).max()))
    links = _link_uncertainties(response, samples, bench.device.fs, weighting)
    about = {"u_db": math.hypot(*links.values()), "u_links_db": links}
    steps.record_at_gain(bench, stimulus, samples, "ocv+", gain, about)


def _link_uncertainties(
    response: Response, samples: Samples, fs: int, weighting: str
) -> dict[str, float]:
    """Return the standard uncertainty in dB of the predicted level by each link.

    Both ears rest on the same publications, so their errors are equal and the larger one counts.
    """
    spectrum = SpectrumOfChannels(fs, len(EARS))
    spectrum.push(samples)
    mid = np.array([band.mid for band in RESPONSE_BANDS if band.mid < fs / 2])
    found: dict[str, float] = {}
    for ear, power in zip(EARS, spectrum.finish(), strict=True):
        curve = response.channels[ear]
        heard = power * 10.0 ** (curve.level(spectrum.frequency) / 10.0)
        for name, link in response.conditions["links"][ear].items():
            octaves = link["correlation_octaves"]
            errors = band_covariance(
                mid,
                replace(curve, u_db=link["u_db"]).uncertainty(mid),
                math.inf if octaves is None else octaves,
            )
            u_db = ResponseUncertainty(spectrum.frequency, heard, errors).of_level(weighting)
            found[name] = max(found.get(name, 0.0), u_db)
    return found
