"""The simulated lab: a conforming device whose measurements find its truth."""

import numpy as np
import pytest
from device_conformance import CHECKS, Path

from soundcal.devices import list_devices, open_device
from soundcal.devices.equipment import HEADPHONES, SOUNDCARDS
from soundcal.devices.simulated import SimulatedLab, list_labs
from soundcal.errors import DeviceUnavailable, ParameterError
from soundcal.units import db

COMBINATIONS = [f"{card}+{headphones}" for card in SOUNDCARDS for headphones in HEADPHONES]


TIME = np.arange(48000) / 48000


@pytest.mark.parametrize("name", COMBINATIONS)
def test_conformance(name):
    with SimulatedLab(name, seed=2) as lab:
        for check in CHECKS:
            check(lab, Path(output=1, input=1, spread=6))
    with SimulatedLab(name, seed=2) as lab:
        for check in CHECKS:
            check(lab, Path(output=2, input=4))


def test_names():
    assert [info.name for info in list_labs()] == ["sim:lab", *(f"sim:{n}" for n in COMBINATIONS)]
    assert len(COMBINATIONS) == 12
    assert list_devices()[0][-13:] == list_labs()
    with open_device("sim:lab,noise=0.5, spread=0") as lab:
        assert lab.info.identity == "sim:lab,noise=0.5, spread=0"
    for name in ("nonsense", "interface", "interface+open-301", "+", ""):
        with pytest.raises(DeviceUnavailable, match=r"interface, portable, onboard.*open-300"):
            SimulatedLab(name)
    with pytest.raises(ParameterError, match="output_impedance, spread, response, noise"):
        SimulatedLab("lab,colour=1")
    for word in ("noise", "noise=", "noise=loud", "noise=-1", "noise=nan", "noise=101"):
        with pytest.raises(ParameterError, match="noise"):
            SimulatedLab(f"lab,{word}")
    with pytest.raises(DeviceUnavailable, match="48000"):
        SimulatedLab("lab", fs=47999)
    with pytest.raises(ParameterError, match="seed"):
        SimulatedLab("lab", seed=-1)


@pytest.mark.parametrize("name", COMBINATIONS)
@pytest.mark.parametrize("frequency", [100, 1000, 4000])
def test_level_through_the_chain_is_the_truth(name, frequency):
    for channel, ear in enumerate(("left", "right")):
        with SimulatedLab(f"{name},noise=0", seed=4) as lab:
            tone = 0.05 * np.sin(2 * np.pi * frequency * TIME)
            take = lab.play_and_record(tone, outputs=[channel + 1], inputs=[channel + 1])
            whole = take.samples[0, 24000:]  # whole periods, settled
            truth = lab.truth
            pressure = whole.std() / abs(truth.ear(ear, frequency))
            expected = 0.05 / np.sqrt(2) * abs(truth.transfer(ear, frequency))
            assert db(pressure / expected) == pytest.approx(0.0, abs=0.001)
            if frequency == 1000:
                calibrated = whole.std() * truth.ear_pa_per_fs[channel]
                assert db(calibrated / expected) == pytest.approx(0.0, abs=0.001)
