"""Steady means steady: what changes the level of a take along its length is found, with its size.

Scenes of the catalogue serve as stimuli here, because their spectra and levels change all the time:
a path with a frequency response must not look like a change of level or of delay.
"""

from dataclasses import replace

import numpy as np
import pytest

from soundcal.devices.simulated.equipment import HEADPHONES, SOUNDCARDS
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import SignalError
from soundcal.recording import Capture
from soundcal.stimuli import load_catalogue, render, scenes
from soundcal.takes.against_stimulus import judge_played
from soundcal.takes.judge import refuse_invalid

FS = 48000
SECONDS = 4.0
TIME = np.arange(round(SECONDS * FS)) / FS
COMBINATIONS = [f"{card}+{headphone}" for card in SOUNDCARDS for headphone in HEADPHONES]
SCENES = scenes(load_catalogue())

CHANGES = {
    "five steps": (-1.0 * np.floor(1.25 * TIME), 4.0),
    "ramp": (-1.0 * TIME, 4.0),
    "gain control": (-8.0 * (1 - np.exp(-TIME)), 7.85),
    "pumping": (1.5 * np.sin(2 * np.pi * 5 * TIME), 3.0),
    "large step": (-30.0 * (TIME > 1.7), 30.0),
    "there and back": (-3.0 * ((TIME > 1.0) & (TIME < 2.0)), 3.0),
}


def played_as(kind: str) -> np.ndarray:
    if kind == "tone":
        return 0.2 * np.sin(2 * np.pi * 1000 * TIME + np.array([[0.0], [0.7]]))
    if kind == "noise":
        return 0.05 * np.random.default_rng(1).standard_normal((2, TIME.size))
    (scene,) = (scene for scene in SCENES if scene.id == kind)
    samples = np.atleast_2d(render(scene, fs=FS, duration=SECONDS))
    return np.repeat(0.1 * samples / np.abs(samples).max(), 2, axis=0)[:2]


@pytest.fixture(scope="module", params=["tone", "noise", "CT301", "E12b"])
def known(request: pytest.FixtureRequest) -> tuple[Capture, np.ndarray]:
    played = played_as(request.param)
    with SimulatedLab("interface+open-300", seed=2) as lab:
        return lab.play_and_record(played, inputs=[1, 2]), played


def turned(take: Capture, gain_db: np.ndarray) -> Capture:
    samples = np.round(take.samples * 10 ** (gain_db / 20) * 2**23) / 2**23
    return replace(take, samples=samples, clipped=())


@pytest.mark.parametrize("change", CHANGES)
def test_a_level_that_changes_is_invalid_and_its_size_is_given(
    known: tuple[Capture, np.ndarray], change: str
) -> None:
    take, played = known
    gain_db, size = CHANGES[change]
    found = judge_played(turned(take, gain_db), played)
    invalid = {c.name: c for c in found if c.verdict == "invalid" and c.channel == "left"}
    check = invalid.get("level over time") or invalid["level step"]
    assert abs(check.value) == pytest.approx(size, rel=0.25)
    assert " s" in check.reason


def test_a_larger_change_is_never_less_visible(known: tuple[Capture, np.ndarray]) -> None:
    take, played = known
    verdicts = []
    for size in (0.0, 1.0, 5.0, 30.0):
        found = judge_played(turned(take, -size * TIME / SECONDS), played)
        verdicts.append({c.verdict for c in found if c.name.startswith("level ")})
    assert verdicts[0] == {"pass"}
    assert all("invalid" in found for found in verdicts[1:]), verdicts


@pytest.mark.parametrize("change", CHANGES)
def test_an_unsteady_calibrator_is_refused(change: str) -> None:
    with SimulatedLab("interface+open-300", seed=2) as lab:
        lab.attach_calibrator("left")
        take = lab.record(SECONDS, inputs=[1, 2])
    refuse_invalid(take, "left")
    with pytest.raises(SignalError, match="level"):
        refuse_invalid(turned(take, CHANGES[change][0]), "left")


@pytest.mark.parametrize("number", range(0, len(SCENES), 5))  # all: tests/detection_rates.py
def test_scenes_come_back_without_an_alarm_and_lose_one_sample_with_one(number: int) -> None:
    played = played_as(SCENES[number].id)
    with SimulatedLab(COMBINATIONS[number % len(COMBINATIONS)], seed=number) as lab:
        take = lab.play_and_record(played, inputs=[1, 2])
    assert [c.reason for c in judge_played(take, played) if c.verdict != "pass"] == []
    lost = np.delete(take.samples, 71_000, axis=1)
    found = judge_played(replace(take, samples=lost, clipped=()), played)
    slips = [c for c in found if c.name == "slips"]
    assert [c.verdict for c in slips] == ["invalid"] * 2, slips
    assert [c.value for c in slips] == pytest.approx([1] * 2, abs=1)


@pytest.mark.parametrize("ppm", [2.0, 40.0])
def test_a_clock_that_differs_is_no_slip(ppm: float) -> None:
    played = played_as("E12b")
    with SimulatedLab("interface+open-300", seed=2) as lab:
        take = lab.play_and_record(played, inputs=[3, 4])
    at = np.arange(take.n_samples) * (1 + 1e-6 * ppm)
    stretched = np.stack([np.interp(at, np.arange(row.size), row) for row in take.samples])
    found = judge_played(replace(take, samples=stretched, clipped=()), played)
    assert [c.reason for c in found if c.name == "slips" and c.verdict != "pass"] == []
