"""The measured delay is exact, or the take says that there is none."""

import numpy as np
import pytest

from soundcal.errors import ParameterError, SignalError
from soundcal.takes.alignment import find_marker, frame, marker

FS = 48000
TIME = np.arange(FS) / FS
RNG = np.random.default_rng(1)

STIMULI = {
    "tone": 0.9 * np.sin(2 * np.pi * 1000 * TIME),
    "low tone": 0.9 * np.sin(2 * np.pi * 50 * TIME),
    "tiny tone": 1e-4 * np.sin(2 * np.pi * 1000 * TIME),
    "noise": 0.25 * np.clip(RNG.standard_normal(FS), -3.5, 3.5),
    "silence": np.zeros(FS),
    "padded": np.concatenate([np.zeros(FS // 2), 0.9 * np.sin(2 * np.pi * 440 * TIME[: FS // 2])]),
}


def _delayed(played: np.ndarray, delay: int) -> np.ndarray:
    return np.pad(played, ((0, 0), (delay, 0)))[:, : played.shape[1]]


@pytest.mark.parametrize("name", STIMULI)
@pytest.mark.parametrize("delay", [0, 1, 777, 24000])
def test_noiseless_chain_is_aligned_to_the_sample(name, delay):
    stimulus = STIMULI[name][np.newaxis]
    played = frame(stimulus, FS, max_delay=0.5)
    segment, found, flags = played.align(0.3 * _delayed(played.samples, delay))
    assert (found, flags) == (delay, ())
    np.testing.assert_array_equal(segment, 0.3 * stimulus)


@pytest.mark.parametrize("name", STIMULI)
@pytest.mark.parametrize("snr_db", [20.0, 0.0, -10.0])
def test_low_signal_to_noise_ratio(name, snr_db):
    played = frame(STIMULI[name][np.newaxis], FS, max_delay=0.5)
    for seed in range(5):
        noise = np.random.default_rng(seed).standard_normal(played.samples.shape)
        noise *= 10 ** ((-40.0 - snr_db) / 20)
        _, found, flags = played.align(_delayed(played.samples, 1234) + noise)
        assert (found, flags) == (1234, ())


def test_lost_in_noise_is_said_not_guessed():
    played = frame(STIMULI["tone"][np.newaxis], FS, max_delay=0.5)
    noise = np.random.default_rng(0).standard_normal(played.samples.shape)
    for take in (noise, np.zeros_like(noise), np.full_like(noise, 0.1), noise + played.samples):
        segment, found, flags = played.align(take)
        assert found is None
        assert "delay not measured" in flags[0].text
        assert segment.shape == (1, FS)


def test_two_arrivals_are_ambiguous():
    played = frame(np.zeros((1, FS)), FS, max_delay=0.5)
    take = _delayed(played.samples, 100) + 0.95 * _delayed(played.samples, 9000)
    _, found, flags = played.align(take)
    assert found is None
    assert "twice" in flags[0].text


def test_inverted_polarity_and_dead_channel():
    played = frame(STIMULI["tone"][np.newaxis], FS, max_delay=0.5)
    take = np.concatenate([np.zeros_like(played.samples), -_delayed(played.samples, 50)])
    assert played.align(take)[1] == 50


def test_tail_and_marker_outside_the_segment():
    played = frame(0.5 * np.ones((2, 100)), FS, tail=0.01)
    segment, delay, _ = played.align(_delayed(played.samples, 3000))
    assert delay == 3000
    np.testing.assert_array_equal(segment, np.pad(0.5 * np.ones((2, 100)), ((0, 0), (0, 480))))


@pytest.mark.parametrize("fs", [8000, 44100, 192000])
def test_other_rates(fs):
    played = frame(np.zeros((1, fs)), fs, max_delay=0.3)
    assert played.align(_delayed(played.samples, fs // 5))[1] == fs // 5


def test_marker_is_moderate_and_fixed():
    sync = marker(FS)
    assert 20 * np.log10(np.sqrt(np.mean(sync**2))) == pytest.approx(-40, abs=1e-9)
    assert np.abs(sync).max() < 0.04
    assert marker(FS) is sync


def test_refusals():
    with pytest.raises(ParameterError, match="tail"):
        frame(np.zeros((1, 10)), FS, tail=-1)
    with pytest.raises(ParameterError, match="delay"):
        frame(np.zeros((1, 10)), FS, max_delay=0)
    played = frame(np.zeros((1, 10)), FS)
    with pytest.raises(SignalError, match="lost"):
        played.align(played.samples[:, :-1])
    with pytest.raises(SignalError, match="marker"):
        find_marker(np.zeros((1, 10)), marker(FS), max_delay=10)
