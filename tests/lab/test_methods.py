"""Methods of a comparison beside those of the published study, on the simulated lab."""

import json
from pathlib import Path
from statistics import stdev
from typing import cast

import numpy as np
import pytest

from soundcal.cli.operators import operator_for
from soundcal.devices import open_device
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import ParameterError
from soundcal.files.session import Event, Session
from soundcal.lab import protocol
from soundcal.response.curve import ChannelResponse
from soundcal.response.levels import levels_behind
from soundcal.response.model import new_response
from soundcal.stimuli import load_catalogue, render, scenes
from soundcal.units import energetic_mean

SHORT = {"duration": "1", "insertions": "1", "report": "no"}
THREE = {"stimuli": "CG01,N1,W06"}
SCENES = {"stimuli": ",".join(scene.id for scene in scenes(load_catalogue()))}


def compared(folder: Path, device: str, methods: str, **changes: str) -> Session:
    with open_device(device, seed=0, calibrating=True) as lab:
        return protocol.run(
            protocol.load("compare_methods"),
            lab,
            operator_for(lab),
            folder,
            changes=SHORT | changes | {"methods": methods},
        )


def errors(folder: Path, condition: str) -> dict[str, float]:
    """Return level minus target in dB of each stimulus."""
    records = [json.loads(p.read_text()) for p in folder.glob(f"rec-*_{condition}_run-1.json")]
    return {one["stimulus"]: one["search"]["level"] - one["target"] for one in records}


def test_published_curves_are_right_about_units_that_are_as_published(tmp_path: Path) -> None:
    """What OCV errs by on 16 ohm at 100 ohm is divider and response; ocv+ has both."""
    device = "sim:onboard+closed-16,spread=0,noise=0"
    session = compared(tmp_path / "s", device, "ocv,ocv+", **THREE)
    assert all(abs(error) > 5.0 for error in errors(session.folder, "ocv").values())
    for name, error in errors(session.folder, "ocv+").items():
        assert error == pytest.approx(raised_by_the_ears(name, device), abs=0.03)


def raised_by_the_ears(name: str, device: str) -> float:
    """Return by how many dB the ears' own response, 0.5 dB at 7.5 kHz, raises LAeq of a scene."""
    f = np.geomspace(20.0, 20000.0, 400)
    with open_device(device) as lab:
        ear = np.abs(cast(SimulatedLab, lab).truth.ear("left", f))
        ear /= np.abs(cast(SimulatedLab, lab).truth.ear("left", 1000.0))
    samples = render(load_catalogue()[name], fs=48000, duration=1.0)
    levels = []
    for response in (20.0 * np.log10(ear), np.zeros(f.size)):
        heard = new_response(
            "ears", "FS", "DRP", "absolute", {"all": ChannelResponse(f, response, u_db=0.0)}
        )
        both = levels_behind(heard, samples, 48000, channels=("left", "right"))
        levels.append(energetic_mean(list(both.values())))
    return levels[0] - levels[1]


@pytest.mark.long
def test_published_curves_leave_little_spread_between_stimuli(tmp_path: Path) -> None:
    session = compared(tmp_path / "s", "sim:lab", "ocv,ocv+", **SCENES)
    assert stdev(errors(session.folder, "ocv+").values()) <= 0.6
    assert stdev(errors(session.folder, "ocv").values()) > 1.5


def test_the_log_has_what_each_method_takes(tmp_path: Path) -> None:
    session = compared(tmp_path / "s", "sim:lab", "hats,ocv", stimuli="N1")
    logged = {event["method"]: event for event in session.events(Event.METHOD)}
    assert list(logged) == ["ocv", "hats"]
    assert (logged["ocv"]["hands"], logged["ocv"]["seconds"]) == (3, 0.0)
    # calibrator on and off, for two ears, before and after; headphones on
    assert logged["hats"]["hands"] == 9
    assert logged["hats"]["seconds"] > 4 * 10.0


def test_a_method_needs_no_more_than_its_own_data(tmp_path: Path) -> None:
    session = compared(tmp_path / "s", "sim:lab", "hats", stimuli="N1")
    assert not (session.folder / "calibration_ocv.json").exists()
    assert not errors(session.folder, "ocv")


def test_unknown_methods_are_refused(tmp_path: Path) -> None:
    for methods in ("ocv,hatz", " "):
        with pytest.raises(ParameterError, match="one or more of ocv, ocv"):
            compared(tmp_path / "s", "sim:lab", methods)
    assert not (tmp_path / "s").exists()
