"""Playback at a gain or at a calibrated level at the ears."""

import numpy as np
import pytest

from soundcal.calibration import stated
from soundcal.calibration.model import with_details
from soundcal.calibration.tone import sine
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import ParameterError, SignalError, TargetNotReached
from soundcal.lab import LevelAtEars, play_at
from soundcal.units import from_db, pascal_to_level

FS = 8000
OUTPUTS = stated.from_sensitivity({"left": 10.0, "right": 20.0}, direction="output")


def tones(level: float = -40.0) -> np.ndarray:
    return np.tile(sine(level, 500.0, fs=FS, duration=0.5), (2, 1))


def at(level: float) -> LevelAtEars:
    return LevelAtEars(level, OUTPUTS, "Z")


def test_one_ear_gets_its_level_by_its_own_sensitivity() -> None:
    for output, sensitivity in ((1, 10.0), (2, 20.0)):
        gain = at(60.0).gain_db(tones()[:1], FS, [output])
        pressure = sensitivity * from_db(gain) * from_db(-40.0)
        assert pascal_to_level(pressure) == pytest.approx(60.0, abs=1e-6)


def test_the_sensitivity_is_that_of_the_calibrated_output() -> None:
    swapped = with_details(OUTPUTS, outputs={"left": 2, "right": 1})
    for output, sensitivity in ((1, 20.0), (2, 10.0)):
        gain = LevelAtEars(60.0, swapped, "Z").gain_db(tones()[:1], FS, [output])
        pressure = sensitivity * from_db(gain) * from_db(-40.0)
        assert pascal_to_level(pressure) == pytest.approx(60.0, abs=1e-6)
    foreign = with_details(OUTPUTS, outputs={"left": [1], "right": {}})
    known = at(60.0).gain_db(tones()[:1], FS, [1])
    assert LevelAtEars(60.0, foreign, "Z").gain_db(tones()[:1], FS, [1]) == known
    further = with_details(OUTPUTS, outputs={"left": 3, "right": 4})
    with pytest.raises(ParameterError, match=r"of outputs 3, 4 \(left, right\), not of 1"):
        LevelAtEars(60.0, further, "Z").gain_db(tones(), FS, [1, 2])


def test_both_ears_get_their_energetic_mean() -> None:
    with SimulatedLab("lab", fs=FS) as lab:
        played, gain = play_at(at(60.0), lab, tones(), outputs=(1, 2))
    powers = [10.0 ** (pascal_to_level(s * from_db(gain - 40.0)) / 10.0) for s in (10.0, 20.0)]
    assert 10.0 * np.log10(np.mean(powers)) == pytest.approx(60.0, abs=1e-6)
    assert played.n_samples == FS // 2


def test_the_largest_gain_does_not_clip_by_rounding() -> None:
    with SimulatedLab("lab", fs=FS) as lab:
        for peak in np.linspace(0.01, 0.99, 25):
            samples = peak * tones() / np.abs(tones()).max()
            gain = -20.0 * float(np.log10(np.abs(samples).max()))
            play_at(gain, lab, samples, outputs=(1, 2))


def test_every_refusal_names_a_remedy_that_fits() -> None:
    silence = np.zeros((2, FS))
    with SimulatedLab("lab", fs=FS) as lab:
        with pytest.raises(SignalError, match=r"would clip; lower the gain by 9.*dB or more"):
            play_at(130.0, lab, tones(), outputs=(1, 2))
        with pytest.raises(TargetNotReached, match=r"volume control up .*or lower the target"):
            play_at(at(160.0), lab, tones(), outputs=(1, 2))
        with pytest.raises(SignalError, match="silent: no gain brings it to 60 dB"):
            play_at(at(60.0), lab, silence, outputs=(1, 2))
        with pytest.raises(ParameterError, match=r"of outputs 1, 2 \(left, right\), not of 3"):
            play_at(at(60.0), lab, tones(), outputs=(1, 3))
