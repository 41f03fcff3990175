"""Gain search on the simulated lab: 27 scenes on 12 combinations of soundcard and headphones."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from soundcal.calibration import stated
from soundcal.calibration.hats import GainSearch, search_gain
from soundcal.calibration.model import Calibration
from soundcal.devices.simulated.lab import SimulatedLab, list_labs
from soundcal.dsp.weighting import weight
from soundcal.recording import EARS, Capture
from soundcal.stimuli import load_catalogue, render, scenes
from soundcal.units import pascal_to_level

FS, SECONDS = 16000, 2.0
COMBINATIONS = [info.name.removeprefix("sim:") for info in list_labs() if "+" in info.name]


@cache
def stimuli() -> list[tuple[str, float, NDArray[np.float64]]]:
    return [
        (scene.id, scene.level, render(scene, fs=FS, duration=SECONDS))
        for scene in scenes(load_catalogue())
    ]


def levels(ears: Calibration, take: Capture) -> tuple[float, float]:
    pressure = ears.apply(replace(take, channels=EARS)).pressure
    left, right = pascal_to_level(np.sqrt((weight(pressure, FS, "A") ** 2).mean(axis=-1)))
    return float(left), float(right)


def searches(combination: str) -> dict[str, GainSearch]:
    found = {}
    with SimulatedLab(combination, fs=FS, seed=3) as lab:
        sensitivities = dict(zip(EARS, lab.truth.ear_pa_per_fs, strict=True))
        ears = stated.from_sensitivity(sensitivities)
        floor = levels(ears, lab.record(SECONDS, inputs=(1, 2)))
        for name, target, samples in stimuli():

            def measure(gain: float, played: NDArray[np.float64] = samples) -> tuple[float, float]:
                return levels(ears, lab.play_and_record(gain * played, inputs=(1, 2)))

            peak = float(np.abs(samples).max())
            found[name] = search_gain(
                measure, target, start=0.1 / peak, max_gain=1.0 / peak, floor=floor, strict=False
            )
    return found


def test_there_are_27_scenes_and_12_combinations() -> None:
    assert len(stimuli()) == 27
    assert len(COMBINATIONS) == 12


@pytest.mark.parametrize("combination", COMBINATIONS)
def test_targets_are_met_within_four_measurements(combination: str) -> None:
    """At most 4 measurements within 0.1 dB, for at least 95 % of the scenes."""
    found = searches(combination)
    good = [
        search
        for search in found.values()
        if search.reached
        and len(search.steps) <= 4
        and abs(search.level - search.track.target) <= 0.1
    ]
    assert len(good) >= 0.95 * len(found), [s.problem for s in found.values() if s.problem]
