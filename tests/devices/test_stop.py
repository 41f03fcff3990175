"""A playback that is stopped fades out; one for a listener has nothing before its samples."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from fake_card import Fault

from soundcal import stimuli
from soundcal.devices import AudioDevice, Block
from soundcal.devices.fade import FADE_S
from soundcal.devices.portaudio.soundcard import Soundcard
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.recording import DELAY_NOT_MEASURED, RATE

FS = 48000
FADE = round(FADE_S * FS)


def noise(seconds: float, amplitude: float = 0.05) -> np.ndarray:
    n = round(seconds * FS)
    return amplitude * np.clip(np.random.default_rng(4).standard_normal((2, n)), -4, 4)


def lab() -> SimulatedLab:
    return SimulatedLab("lab,spread=0,noise=0,response=0", seed=1)


@pytest.fixture(params=["simulated", "soundcard"])
def device(request: pytest.FixtureRequest) -> AudioDevice:
    if request.param == "simulated":
        return lab()
    request.getfixturevalue("fault")(speed=2)
    return Soundcard("Fake Card")


def after(n: int, blocks: list[Block]) -> Callable[[], bool]:
    """Say stop once n samples went by."""
    return lambda: sum(block.samples.shape[1] for block in blocks) >= n


def test_a_stopped_playback_fades_within_20_ms_and_tells_how_much_was_played(
    device: AudioDevice,
) -> None:
    samples, blocks = noise(8.0), list[Block]()
    with device:
        played = device.play(samples, on_block=blocks.append, stop=after(FS, blocks))
    assert FS < played.n_samples < 7.5 * FS
    heard = np.concatenate([block.samples for block in blocks], axis=1)
    assert heard.shape[1] == played.n_samples
    np.testing.assert_array_equal(
        heard[:, : played.n_samples - FADE], samples[:, : played.n_samples - FADE]
    )
    factors = heard[:, -FADE:] / samples[:, played.n_samples - FADE : played.n_samples]
    assert (np.diff(factors[0]) < 0).all()
    np.testing.assert_allclose(factors[:, [0, -1]], [[1.0, 0.0]] * 2, atol=1e-5)


def test_what_is_recorded_ends_with_the_stopped_playback(device: AudioDevice) -> None:
    samples, blocks = noise(8.0), list[Block]()
    inputs = [3, 4] if isinstance(device, SimulatedLab) else [1, 2]
    with device:
        take = device.play_and_record(
            samples, inputs=inputs, on_block=blocks.append, stop=after(2 * FS, blocks), marker=False
        )
    assert take.latency is not None
    assert [flag for flag in take.flags if flag.kind != RATE] == []  # the stand-in has no clock
    n = take.n_samples
    assert FS < n < 7.9 * FS
    whole = samples[:, : n - FADE]
    gain = np.sum(take.samples[:, : n - FADE] * whole) / np.sum(whole**2)
    np.testing.assert_allclose(take.samples[:, : n - FADE], gain * whole, atol=1e-4)
    assert np.abs(take.samples[:, -10:]).max() < 0.001 * gain
    raw = np.concatenate([block.samples for block in blocks], axis=1)
    silent = raw[:, round(take.latency) + n + 1 :]
    assert np.abs(silent).max() < 1e-4


def test_a_playback_stopped_before_its_first_sample_is_silent(
    device: AudioDevice, fault: Fault
) -> None:
    fault(speed=1)  # half a second passes before the first sample
    with device:
        assert device.play(noise(0.5), stop=lambda: True).n_samples == 0
        take = device.play_and_record(noise(0.5), stop=lambda: True, marker=False)
    assert take.n_samples == 0


def test_a_stop_after_the_end_changes_nothing(device: AudioDevice) -> None:
    samples, blocks = noise(0.5), list[Block]()
    with device:
        played = device.play(samples, on_block=blocks.append, stop=after(round(0.5 * FS), blocks))
    assert played.n_samples == samples.shape[1]


def test_without_a_marker_nothing_is_played_before_the_samples(fault: Fault) -> None:
    """The stand-in returns what it plays; every frame of the stream counts, the first included."""
    samples, blocks = noise(0.5), list[Block]()
    with Soundcard("Fake Card") as card:
        take = card.play_and_record(samples, inputs=[1, 2], on_block=blocks.append, marker=False)
        assert take.latency == 3000.0
        raw = np.concatenate([block.samples for block in blocks], axis=1)
        assert not raw[:, :3000].any()
        np.testing.assert_array_equal(take.samples, samples.astype(np.float32))
        blocks.clear()
        card.play_and_record(samples, inputs=[1, 2], on_block=blocks.append)
        marked = np.concatenate([block.samples for block in blocks], axis=1)
        assert marked[:, : 3000 + 4800].any()


def test_in_the_lab_the_outputs_are_zero_before_the_samples(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with lab() as device:
        played: list[np.ndarray] = []
        process = device.chain.process

        def listening(block: np.ndarray, *more: Any) -> np.ndarray:
            played.append(block.copy())
            return process(block, *more)

        monkeypatch.setattr(device.chain, "process", listening)
        samples = noise(0.5)
        take = device.play_and_record(samples, inputs=[3, 4], marker=False)
    assert take.latency is not None
    np.testing.assert_array_equal(np.concatenate(played, axis=1)[:, : samples.shape[1]], samples)


@pytest.mark.parametrize("what", ["tone", "silence"])
def test_samples_that_do_not_show_the_delay_are_flagged(what: str) -> None:
    tone = 0.1 * np.sin(2 * np.pi * 1000 * np.arange(FS) / FS) * (what == "tone")
    with lab() as device:
        take = device.play_and_record(np.tile(tone, (2, 1)), inputs=[3, 4], marker=False)
    assert take.latency is None
    assert [flag.kind for flag in take.flags] == [DELAY_NOT_MEASURED]
    assert take.n_samples == FS


def test_scenes_show_their_delay() -> None:
    catalogue = stimuli.load_catalogue()
    with SimulatedLab("lab", seed=2) as device:
        for name in ("CG01", "E10", "HR01", "W09", "OS01c"):
            samples = 0.05 * stimuli.render(catalogue[name], duration=2.0)
            take = device.play_and_record(samples, inputs=[3, 4], marker=False)
            assert take.flags == (), name
            lag = take.samples[0] @ samples[0] / (samples[0] @ samples[0])
            error = take.samples[0] - lag * samples[0]
            assert np.std(error) < 0.02 * np.std(take.samples[0]), name
