"""Tones: every loss larger than the stated limits is found, and clean tones are believed."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from scipy.signal import resample

from soundcal.devices.simulated.lab import SimulatedLab, list_labs
from soundcal.errors import SignalError
from soundcal.recording import Capture
from soundcal.takes.against_stimulus import compare_with_stimulus
from soundcal.takes.check import Check
from soundcal.takes.judge import judge, refuse_invalid
from soundcal.takes.tone_phase import frequency_of, phase_jumps, track

FS = 48000
LABS = [info.identity.removeprefix("sim:") for info in list_labs() if "+" in info.identity]

Change = Callable[[np.ndarray], np.ndarray]


def changed(take: Capture, change: Change) -> Capture:
    return replace(take, samples=change(take.samples.copy()), clipped=())


def named(checks: tuple[Check, ...], name: str, channel: str = "left") -> Check:
    (found,) = [check for check in checks if (check.name, check.channel) == (name, channel)]
    return found


@pytest.fixture(scope="module")
def calibrator() -> Capture:
    """A sound calibrator on the left ear."""
    with SimulatedLab("interface+open-300", seed=1) as lab:
        lab.attach_calibrator("left", level=94.0)
        return lab.record(2.0, inputs=[1, 2])


@pytest.mark.parametrize("noise", [0, 1])
@pytest.mark.parametrize("name", LABS)
def test_the_calibrator_passes_on_every_combination(name: str, noise: int) -> None:
    with SimulatedLab(f"{name},noise={noise}", seed=5) as lab:
        for frequency, level in ((1000.0, 94.0), (250.0, 114.0)):
            lab.attach_calibrator("left", level=level, frequency=frequency)
            checks = refuse_invalid(lab.record(1.0, inputs=[1, 2]), "left")
            assert [check.reason for check in checks if check.verdict != "pass"] == []
            assert {"slips", "fading"} <= {check.name for check in checks}


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    frequency=st.floats(80, 8000),
    snr_db=st.floats(20, 90),
    at=st.floats(0.42, 0.58),
    size=st.integers(1, 3000) | st.integers(-3000, -1) | st.sampled_from([-1, 1]),
)
@example(seed=0, frequency=164.0, snr_db=35.0, at=0.5, size=97)
@example(seed=255, frequency=372.375, snr_db=26.0, at=0.453125, size=-62)
@example(seed=283379070, frequency=196.8192, snr_db=87.5727, at=0.51404, size=-613)
def test_lost_samples_turn_the_phase(
    seed: int, frequency: float, snr_db: float, at: float, size: int
) -> None:
    random = np.random.default_rng(seed)
    period = FS / frequency
    trace = (size + period / 2) % period - period / 2  # what is left beyond whole periods
    assume(abs(trace) >= min(0.9, 0.4 * period))
    tone = np.sin(2 * np.pi * frequency * np.arange(FS + 6000) / FS + random.uniform(0, 6))
    place = round(at * FS)
    late = place - size
    x = np.concatenate([tone[:place], tone[max(late, 0) :]])[:FS]
    x += 10 ** (-snr_db / 20) * random.standard_normal(FS) / np.sqrt(2)
    followed = frequency_of(x, FS, beside_db=-10.0)
    assert followed is not None
    found = track(x, FS, followed)
    places, limit = phase_jumps(found, FS)
    assume(limit <= 0.5 * period and abs(trace) > 1.1 * limit)  # the noise leaves enough to see
    assert len(places) == 1
    assert abs(places[0][0] - place) <= 2 * found.size
    wrong = abs(places[0][1] - size) % period
    assert min(wrong, period - wrong) <= 0.5 * limit


def test_one_lost_sample_refuses_a_calibrator(calibrator: Capture) -> None:
    lost = changed(calibrator, lambda samples: np.delete(samples, 50_000, axis=1))
    with pytest.raises(SignalError, match=r"phase of the tone jumps: 1\.0 samples missing at 1\.0"):
        refuse_invalid(lost, "left")


@pytest.mark.parametrize("kind", ["faint", "half", "other"])
def test_a_tone_that_is_missing_for_2_ms_refuses_a_calibrator(
    calibrator: Capture, kind: str
) -> None:
    def fade(samples: np.ndarray) -> np.ndarray:
        noise = 1e-4 * np.random.default_rng(1).standard_normal(96)
        factor = {"faint": 0.01, "half": 0.45, "other": 0.0}[kind]
        samples[0, 40_000:40_096] = factor * samples[0, 40_000:40_096] + noise
        return samples

    with pytest.raises(SignalError, match=r"left: the tone is missing at 0\.83"):
        refuse_invalid(changed(calibrator, fade), "left")


def test_slow_changes_are_no_slips(calibrator: Capture) -> None:
    """A calibrator may warm up: 0.1 % of its frequency and 0.1 dB within a second."""
    time = np.arange(2 * FS) / FS
    wandering = 0.1 * 1.006**time * np.sin(2 * np.pi * (1000 * time + 0.5 * time**2))
    checks = judge(Capture(wandering, FS), steady=["mono"])
    assert named(checks, "slips", "mono").verdict == "pass"
    assert named(checks, "fading", "mono").verdict == "pass"


def test_what_is_no_tone_is_not_judged_as_one() -> None:
    noise = 0.1 * np.random.default_rng(1).standard_normal(FS)
    assert frequency_of(noise, FS) is None
    assert frequency_of(np.zeros(FS), FS) is None
    names = {check.name for check in judge(Capture(noise, FS), steady=["mono"])}
    assert names.isdisjoint({"slips", "fading"})


@pytest.mark.parametrize("frequency", [100.0, 1000.0, 7000.0])
def test_clock_and_slips_of_a_played_tone_are_found(frequency: float) -> None:
    played = 0.05 * np.sin(2 * np.pi * frequency * np.arange(4 * FS) / FS) * np.ones((2, 1))
    with SimulatedLab("interface+open-300", seed=1) as lab:
        clean = lab.play_and_record(played, inputs=[1, 2])
    checks = compare_with_stimulus(clean, played)
    assert [check.reason for check in checks if check.verdict != "pass"] == []
    assert abs(named(checks, "clock drift").value) < 0.5

    def stretch(samples: np.ndarray) -> np.ndarray:
        n = samples.shape[1]
        at = 16 * np.arange(n) * (1 - 1e-4)
        fine = resample(samples, 16 * n, axis=1)
        return np.stack([np.interp(at, np.arange(16 * n), row) for row in fine])

    drift = named(compare_with_stimulus(changed(clean, stretch), played), "clock drift")
    assert drift.value == pytest.approx(100.0, abs=1.0)
    assert drift.verdict == "suspect"
    lost = changed(clean, lambda samples: np.delete(samples, range(90_000, 90_005), axis=1))
    slip = named(compare_with_stimulus(lost, played), "slips")
    period = FS / frequency  # whole periods leave no trace
    assert slip.verdict == "invalid"
    assert slip.value == pytest.approx(min(5.0, period - 5.0), abs=0.2)
    assert "at 1.8" in slip.reason
