"""Operators that need nobody: the simulated lab's own hands, and the script."""

import numpy as np
import pytest

from soundcal.calibration.tone import sine
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import ParameterError
from soundcal.lab.operator import PreparedOperator, SimulatedOperator


def test_the_simulated_lab_has_hands() -> None:
    said: list[str] = []
    with SimulatedLab("interface+open-300,noise=0,spread=0") as lab:
        hands = SimulatedOperator(lab, said.append)
        hands.tell("on")
        hands.remove_headphones()
        with lab.playing(sine(-20.0)[np.newaxis], outputs=(1,)):
            volts = hands.read_voltmeter("left")
        assert volts == pytest.approx(0.1 * np.sqrt(2.0) * lab.truth.v_fs[0], rel=1e-3)
        hands.attach_calibrator("left", 94.0, 1000.0)
        with pytest.raises(ParameterError, match="remove it before"):
            hands.seat_headphones()
        hands.remove_calibrator()
        hands.seat_headphones()
    assert said == ["on"]
    assert not hands.again("clipped")


def test_a_script_says_everything_beforehand() -> None:
    said: list[str] = []
    script = PreparedOperator({"left": 0.2}, said.append)
    script.attach_calibrator("left", 94.0, 1000.0)
    script.remove_calibrator()
    script.seat_headphones()
    script.remove_headphones()
    assert len(said) == 4
    assert all(text.startswith("assumed: ") for text in said)
    assert not script.again("clipped")
    assert script.read_voltmeter("left") == 0.2
    with pytest.raises(ParameterError, match="no voltage is given for right"):
        script.read_voltmeter("right")
