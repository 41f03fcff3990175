"""One contract for every calibration, whatever made it.

``apply(embed(x)) == x``; the simulated instrument equals ``embed``; the record comes back exactly;
the residuals lie within the stated uncertainty.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from soundcal.calibration import hats, microphone, stated
from soundcal.calibration.model import Calibration, Method
from soundcal.calibration.tone import sine
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.files.calibrations import load_calibration, save_calibration
from soundcal.lab.calibrator import calibrate_ears
from soundcal.lab.operator import SimulatedOperator
from soundcal.lab.voltage import calibrate_output
from soundcal.recording import EARS, Capture, Recording
from soundcal.units import db, pascal_to_level

LAB = "interface+open-300"
FREQUENCY = 1000.0


@cache
def lab() -> SimulatedLab:
    """A lab whose crosstalk and noise are as they are, headphones on."""
    return SimulatedLab(LAB, seed=5)


def identity() -> str:
    return lab().info.identity


@cache
def by_calibrator() -> Calibration:
    influences = microphone.Influences(expanded=0.25)
    found = calibrate_ears(lab(), SimulatedOperator(lab()), insertions=3, influences=influences)
    lab().seat_headphones()
    return found


@cache
def by_ocv() -> Calibration:
    headphone = lab().data_sheet
    found = calibrate_output(lab(), SimulatedOperator(lab()), headphone)
    lab().seat_headphones()
    return found


@cache
def by_hats() -> Calibration:
    ears = by_calibrator()
    searches, digital = {}, {}
    for frequency in (500.0, 1000.0, 2000.0):
        samples = np.tile(sine(-20.0, frequency), (2, 1))

        def measure(gain: float, played: np.ndarray = samples) -> tuple[float, float]:
            take = replace(lab().play_and_record(gain * played, inputs=(1, 2)), channels=EARS)
            left, right = pascal_to_level(ears.apply(take).pressure.std(axis=1))
            return float(left), float(right)

        name = f"{frequency:g} Hz"
        searches[name] = hats.search_gain(measure, 70.0, start=0.1, max_gain=7.0)
        digital[name] = (-20.0, -20.0)
    return hats.calibrate(searches, digital, ears=ears, device=identity())


@cache
def by_sensitivity() -> Calibration:
    pa = lab().truth.ear_pa_per_fs
    return stated.from_sensitivity(dict(zip(EARS, pa, strict=True)), u_db=0.1, device=identity())


@cache
def by_level() -> Calibration:
    x = np.random.default_rng(1).normal(0.0, 0.05, (2, 96000))
    return stated.from_level(Capture(x, 48000), {"left": 70.0, "right": 71.0}, u_db=0.5)


METHODS: dict[str, Callable[[], Calibration]] = {
    "calibrator": by_calibrator,
    "ocv": by_ocv,
    "hats": by_hats,
    "stated sensitivity": by_sensitivity,
    "stated level": by_level,
}


@pytest.fixture(params=METHODS)
def calibration(request: pytest.FixtureRequest) -> Calibration:
    return METHODS[request.param]()


def test_every_method_keeps_the_contract() -> None:
    assert {make().method for make in METHODS.values()} == set(get_args(Method))


def test_apply_undoes_embed(calibration: Calibration) -> None:
    x = np.random.default_rng(2).normal(0.0, 1.0, (2, 5000))
    recording = Recording(x, 48000, calibration.id, channels=calibration.channels)
    back = calibration.apply(calibration.embed(recording))
    assert np.all(np.abs(back.pressure - x) <= np.spacing(np.abs(x)))
    assert back.calibration_id == calibration.id
    capture = Capture(0.1 * x, 48000)
    again = calibration.embed(calibration.apply(capture))
    assert np.all(np.abs(again.samples - capture.samples) <= np.spacing(np.abs(capture.samples)))


def test_the_record_comes_back_exactly(calibration: Calibration, tmp_path: Path) -> None:
    assert Calibration.from_dict(json.loads(json.dumps(calibration.to_dict()))) == calibration
    save_calibration(tmp_path / "calibration.json", calibration)
    assert load_calibration(tmp_path / "calibration.json") == calibration


@pytest.mark.parametrize("method", ["calibrator", "hats"])
def test_the_residuals_lie_within_the_stated_uncertainty(method: str) -> None:
    found = METHODS[method]()
    assert set(found.residuals) == set(EARS)
    for name, residuals in found.residuals.items():
        expanded, _ = found.chain(name).expanded(0.95)
        assert len(residuals) == 3  # insertions, stimuli
        assert all(abs(r) <= expanded for r in residuals)


def test_the_budget_adds_up(calibration: Calibration) -> None:
    for chain in calibration.chains.values():
        *rows, combined = chain.budget()
        assert sum(r["gain_db"] for r in rows) == pytest.approx(combined["gain_db"], abs=1e-9)
        assert sum(r["u_db"] ** 2 for r in rows) == pytest.approx(combined["u_db"] ** 2)
        assert sum(r["share"] for r in rows) == pytest.approx(1.0)
        assert all(r["source"] for r in rows)


@pytest.mark.parametrize("method", ["calibrator", "stated sensitivity"])
def test_the_simulated_ears_record_what_embed_says(method: str) -> None:
    """A pressure at the ear, recorded by the lab, equals its embedding within the uncertainty."""
    found = METHODS[method]()
    played = np.tile(sine(-30.0, FREQUENCY), (2, 1))
    take = lab().play_and_record(played, inputs=(1, 2))
    for side, ear in enumerate(EARS):
        at_ear = abs(lab().truth.transfer(ear, FREQUENCY)) * 10 ** (-30.0 / 20.0)
        pressure = Recording(at_ear / 0.1 * sine(-20.0, FREQUENCY), 48000, found.id)
        embedded = found.embed(pressure, mapping={"mono": ear}).samples[0]
        expanded, _ = found.chain(ear).expanded(0.95)
        assert db(float(take.samples[side].std() / embedded.std())) == pytest.approx(
            0.0, abs=expanded
        )


@pytest.mark.parametrize("method", ["ocv", "hats"])
def test_the_simulated_headphones_play_what_apply_says(method: str) -> None:
    """The pressure that an output calibration predicts is that at the ear of the lab."""
    found = METHODS[method]()
    for ear in EARS:
        truth = db(float(abs(lab().truth.transfer(ear, FREQUENCY))))
        expanded, _ = found.chain(ear).expanded(0.95)
        assert found.chain(ear).gain_db == pytest.approx(truth, abs=expanded)
