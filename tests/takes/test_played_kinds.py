"""Stimuli of psychoacoustics beside steady tones and noise: sweeps, modulated and limited tones."""

from dataclasses import replace

import numpy as np
import pytest

from soundcal.devices.simulated.equipment import HEADPHONES, SOUNDCARDS
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.recording import Capture
from soundcal.takes.against_stimulus import judge_played

FS = 48000
COMBINATIONS = [f"{card}+{headphone}" for card in SOUNDCARDS for headphone in HEADPHONES]


def time(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * FS)) / FS


def heard(played: np.ndarray, combination: str = COMBINATIONS[0]) -> Capture:
    with SimulatedLab(combination, seed=2) as lab:
        return lab.play_and_record(played, inputs=[1, 2])


def alarms(take: Capture, played: np.ndarray) -> dict[str, str]:
    checks = judge_played(take, played, expected=played.shape[1])
    return {check.name: check.reason for check in checks if check.verdict != "pass"}


def sweep(seconds: float, low: float, high: float) -> np.ndarray:
    t, octaves = time(seconds), np.log(high / low)
    phase = 2 * np.pi * low * seconds / octaves * (np.exp(t / seconds * octaves) - 1)
    return np.repeat(0.1 * np.sin(phase)[np.newaxis], 2, axis=0)


@pytest.mark.parametrize("combination", [COMBINATIONS[0], COMBINATIONS[-1]])
@pytest.mark.parametrize(
    ("seconds", "low", "high"), [(3, 20, 20000), (5, 100, 8000), (10, 50, 10000), (30, 20, 20000)]
)
def test_a_sweep_comes_back_without_an_alarm(
    seconds: float, low: float, high: float, combination: str
) -> None:
    played = sweep(seconds, low, high)
    assert not alarms(heard(played, combination), played)


@pytest.mark.parametrize(("rate", "depth"), [(0.5, 1.0), (4, 0.5), (4, 1.0), (20, 0.5), (70, 1.0)])
def test_the_level_of_a_modulated_tone_is_followed(rate: float, depth: float) -> None:
    t = time(4.0)
    wave = 0.1 * np.sin(2 * np.pi * 1000 * t) * (1 + depth * np.sin(2 * np.pi * rate * t))
    played = np.repeat(wave[np.newaxis], 2, axis=0)
    take = heard(played)
    assert not alarms(take, played)
    for gain_db in (-1.0 * (t > 3.0), -0.25 * t, -3.0 * (1 - np.exp(-t))):
        samples = np.round(take.samples * 10 ** (gain_db / 20) * 2**23) / 2**23
        found = alarms(replace(take, samples=samples), played)
        assert "level" in " ".join(found), gain_db[-1]


def test_a_limiter_shows_in_the_harmonics_of_a_tone_with_the_size_of_the_error() -> None:
    played = np.repeat(0.2 * np.sin(2 * np.pi * 1000 * time(3.0))[np.newaxis], 2, axis=0)
    take = heard(played)
    peak = np.sqrt(2.0) * take.samples[:, FS : 2 * FS].std(axis=1, keepdims=True)
    third = 0.05
    squashed = take.samples - 4 * third / (1 + 3 * third) * take.samples**3 / peak**2
    found = alarms(replace(take, samples=np.round(squashed * 2**23) / 2**23), played)
    assert list(found) == ["third harmonic"]
    assert "too low by 1.2 dB" in found["third harmonic"]


@pytest.mark.parametrize("combination", COMBINATIONS)
@pytest.mark.parametrize("frequency", [100, 1000, 3000])
def test_the_harmonics_of_clean_tones_pass(combination: str, frequency: float) -> None:
    played = np.repeat(0.2 * np.sin(2 * np.pi * frequency * time(2.0))[np.newaxis], 2, axis=0)
    assert "third harmonic" not in alarms(heard(played, combination), played)
