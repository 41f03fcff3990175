"""Levels behind responses, and the output with headphones as published curves predict it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from soundcal.calibration import ocv
from soundcal.errors import ParameterError, RecordError
from soundcal.headphone import Headphone
from soundcal.indicators import leq
from soundcal.response.curve import ChannelResponse
from soundcal.response.impedance import ImpedanceCurve, read_impedance
from soundcal.response.levels import levels_behind
from soundcal.response.model import new_response
from soundcal.response.published import PublishedCurves, published_output

SHEET = Headphone("example", 32.0, 100.0, "V")
OUTPUT = ocv.calibrate({"left": 0.1, "right": 0.2}, SHEET)  # at -20 dB: 1 V and 2 V per full scale


def published(levels: list[float], source: str = "V", **more: float) -> PublishedCurves:
    response = new_response(
        "example",
        source,
        "DRP",
        "relative",
        {"all": ChannelResponse([100.0, 1000.0, 10000.0], levels, u_db=0.5)},
        normalised_at=1000.0,
    )
    impedance = ImpedanceCurve(np.array([100.0, 1000.0, 10000.0]), np.array([96.0, 32.0, 32.0]))
    return PublishedCurves(**{"output_ohm": 32.0} | more, impedance=impedance, response=response)


@pytest.mark.parametrize("weighting", ["A", "C", "Z"])
def test_levels_behind_a_flat_response_are_those_of_the_pressure(weighting: str) -> None:
    noise = np.random.default_rng(1).standard_normal((2, 24001)) * [[0.01], [0.02]]
    flat = ChannelResponse([20.0, 20000.0], [6.0, 6.0], u_db=0.0)
    response = new_response("flat", "FS", "DRP", "absolute", {"all": flat})
    found = levels_behind(response, noise, 48000, channels=("left", "right"), weighting=weighting)
    measured = leq(noise * 10 ** (6 / 20), 48000.0, weighting=weighting).value
    assert list(found.values()) == pytest.approx(measured.tolist(), abs=0.02)


def test_the_level_of_a_tone_is_voltage_divider_and_response() -> None:
    response = published_output(OUTPUT, published([4.0, 0.0, -3.0]))
    n = np.arange(48000) / 48000
    for frequency, expected in ((100.0, 4.0 + 20 * np.log10(96 / 128)), (1000.0, -6.0206)):
        tone = np.tile(np.sqrt(2) * 1e-3 * np.sin(2 * np.pi * frequency * n), (2, 1))
        found = levels_behind(response, tone, 48000, channels=("left", "right"), weighting="Z")
        assert found["left"] == pytest.approx(100.0 - 60.0 + expected, abs=1e-3)
        assert found["right"] - found["left"] == pytest.approx(6.0206, abs=1e-3)


def test_every_link_has_its_uncertainty() -> None:
    response = published_output(OUTPUT, published([4.0, 0.0, -3.0]))
    links = response.conditions["links"]["left"]
    # 32 ohm +- 10 %: from 64/(64 + 3.2) to 64/(64 - 3.2) of the voltage, rectangular
    half = 10 * np.log10(67.2 / 60.8)
    assert links["source-load divider"]["u_db"][1] == pytest.approx(half / np.sqrt(3), rel=1e-6)
    assert links["frequency response"]["u_db"] == [0.5, 0.5, 0.5]
    assert links["headphone sensitivity"]["u_db"] == pytest.approx(np.sqrt(3))
    parts = [np.atleast_1d(link["u_db"])[-1] for link in links.values()]
    assert response.channel("left").u_db[-1] == pytest.approx(np.sqrt(np.sum(np.square(parts))))


def test_a_published_response_that_was_changed_marks_the_outputs() -> None:
    curves = published([4.0, 0.0, -3.0])
    changed = replace(curves.response, conditions={"edited": True})
    assert not published_output(OUTPUT, curves).is_changed
    assert published_output(OUTPUT, replace(curves, response=changed)).is_changed


def test_other_curves_and_calibrations_are_refused() -> None:
    with pytest.raises(ParameterError, match="V or FS to DRP"):
        published([4.0, 0.0, -3.0], source="P")
    with pytest.raises(ParameterError, match=r"output impedance -1\.0 ohm"):
        published([4.0, 0.0, -3.0], output_ohm=-1.0)
    relative = published([4.0, 0.0, -3.0], source="FS").response
    with pytest.raises(ParameterError, match="absolute response from FS"):
        levels_behind(relative, np.ones((1, 100)), 48000, channels=("left",))


def test_an_impedance_curve_is_read_with_its_phase(tmp_path: Path) -> None:
    path = tmp_path / "z.csv"
    path.write_text("frequency_hz,impedance_ohm,phase_deg\n100,50,30\n1000,25,0\n10000,25,45\n")
    curve = read_impedance(path)
    assert curve.at([50.0, 10000.0]) == pytest.approx(
        [50 * np.exp(1j * np.pi / 6), 25 * np.exp(1j * np.pi / 4)]
    )
    resistive = ImpedanceCurve(curve.frequency, curve.ohm)
    assert (resistive.loss_db([100.0, 10000.0], 25.0) < curve.loss_db([100, 10000], 25.0)).all()
    path.write_text("100,50\n1000,-25\n")
    with pytest.raises(RecordError, match=r"z.csv: .*ohms above 0"):
        read_impedance(path)
