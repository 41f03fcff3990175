"""Requirements on every audio device; the tests of each driver run them.

Each check takes an opened device and a :class:`Path`, an output and the input that receives it. It
asserts nothing about levels unless the gain of the device is known.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from soundcal.devices import AudioDevice, Block
from soundcal.errors import DeviceError, DeviceUnavailable, ParameterError, SignalError
from soundcal.recording import Capture

__all__ = ["CHECKS", "Path"]


@dataclass(frozen=True)
class Path:
    """An output and the input that hears it; other inputs may hear something else.

    ``spread`` is the number of samples by which the main peak of the path's impulse response may
    lie off the first one, 0 for a wire.
    """

    output: int = 1
    input: int = 1
    spread: int = 0


class Stop(Exception):
    """Raised by a callback."""


def _tone(device: AudioDevice, seconds: float = 0.5, frequency: float = 1000.0) -> np.ndarray:
    time = np.arange(round(seconds * device.fs)) / device.fs
    return 0.1 * np.sin(2 * np.pi * frequency * time)


def _noise(device: AudioDevice, seconds: float = 0.5) -> np.ndarray:
    n = round(seconds * device.fs)
    return 0.02 * np.clip(np.random.default_rng(5).standard_normal(n), -4, 4)


def _lag(heard: np.ndarray, played: np.ndarray) -> int:
    """Lag of the largest correlation."""
    n = heard.size + played.size
    spectrum = np.fft.rfft(heard, n) * np.conj(np.fft.rfft(played, n))
    lag = int(np.argmax(np.abs(np.fft.irfft(spectrum, n))))
    return lag if lag < heard.size else lag - n


def _amplitude(heard: np.ndarray, frequency: float, fs: int) -> float:
    time = np.arange(heard.size) / fs
    return 2 * abs(np.mean(heard * np.exp(-2j * np.pi * frequency * time)))


def info(device: AudioDevice, path: Path) -> None:
    assert isinstance(device, AudioDevice)
    assert device.info.identity
    assert device.info.inputs >= path.input
    assert device.info.outputs >= path.output
    assert device.fs > 0


def record(device: AudioDevice, path: Path) -> None:
    capture = device.record(0.25, inputs=[path.input])
    assert isinstance(capture, Capture)
    assert capture.samples.shape == (1, round(0.25 * device.fs))
    assert capture.fs == device.fs
    assert capture.device == device.info.identity
    assert capture.simulated == (device.info.kind == "simulated")
    assert capture.xruns == 0
    assert device.record(0.1).samples.shape[0] == device.info.inputs


def play(device: AudioDevice, path: Path) -> None:
    samples = _tone(device, 0.2)
    playback = device.play(samples, outputs=[path.output])
    assert playback.n_samples == samples.size
    assert playback.xruns == 0


def alignment(device: AudioDevice, path: Path) -> None:
    noise = _noise(device)
    capture = device.play_and_record(noise, outputs=[path.output], inputs=[path.input], tail=0.05)
    assert capture.flags == ()
    assert capture.latency is not None
    assert capture.n_samples == noise.size + round(0.05 * device.fs)
    assert abs(_lag(capture.samples[0], noise)) <= path.spread


def alignment_without_marker(device: AudioDevice, path: Path) -> None:
    noise = _noise(device)
    capture = device.play_and_record(
        noise, outputs=[path.output], inputs=[path.input], marker=False
    )
    assert capture.flags == ()
    assert capture.latency is not None
    assert capture.n_samples == noise.size
    assert abs(_lag(capture.samples[0], noise)) <= path.spread


def stopping(device: AudioDevice, path: Path) -> None:
    # a device that is faster than real time may have ended before it is stopped
    noise = _noise(device, 2.0)
    playback = device.play(noise, outputs=[path.output], stop=lambda: True)
    assert playback.n_samples <= noise.size
    capture = device.play_and_record(
        noise, outputs=[path.output], inputs=[path.input], stop=lambda: True
    )
    assert capture.samples.shape == (1, capture.n_samples)
    assert capture.n_samples <= noise.size
    assert device.play(noise, outputs=[path.output], stop=lambda: False).n_samples == noise.size


def alignment_of_tone(device: AudioDevice, path: Path) -> None:
    half = round(0.25 * device.fs)
    tone = _tone(device)
    tone[:half] = 0.0
    capture = device.play_and_record(tone, outputs=[path.output], inputs=[path.input])
    assert capture.flags == ()
    assert capture.n_samples == tone.size
    before = np.sqrt(np.mean(capture.samples[0, half // 2 : half - 5] ** 2))
    after = np.sqrt(np.mean(capture.samples[0, half + half // 2 :] ** 2))
    assert after > 10 * before
    onset = np.flatnonzero(np.abs(capture.samples[0]) > 0.5 * after)[0]
    assert abs(onset - half) <= 10 + path.spread


def alignment_is_measured_anew(device: AudioDevice, path: Path) -> None:
    noise = _noise(device, 0.3)
    takes = [
        device.play_and_record(noise, outputs=[path.output], inputs=[path.input]) for _ in range(3)
    ]
    lags = {_lag(take.samples[0], noise) for take in takes}
    assert len(lags) == 1


def channel_mapping(device: AudioDevice, path: Path) -> None:
    capture = device.play_and_record(_tone(device), outputs=[path.output])
    assert capture.samples.shape[0] == device.info.inputs
    heard = [_amplitude(row, 1000.0, device.fs) for row in capture.samples]
    one = device.play_and_record(_tone(device), outputs=[path.output], inputs=[path.input])
    same = _amplitude(one.samples[0], 1000.0, device.fs)
    assert heard[path.input - 1] == pytest.approx(same, rel=0.02)
    if device.info.inputs > 1:
        order = [path.input, 1 if path.input != 1 else 2]
        both = device.play_and_record(_tone(device), outputs=[path.output], inputs=order)
        assert _amplitude(both.samples[0], 1000.0, device.fs) == pytest.approx(same, rel=0.02)


def linearity(device: AudioDevice, path: Path) -> None:
    levels = [
        _amplitude(
            device.play_and_record(
                gain * _tone(device), outputs=[path.output], inputs=[path.input]
            ).samples[0],
            1000.0,
            device.fs,
        )
        for gain in (1.0, 0.1)
    ]
    assert levels[0] / levels[1] == pytest.approx(10.0, rel=0.005)


def refusals(device: AudioDevice, path: Path) -> None:
    tone = _tone(device, 0.05)
    for value in (np.nan, np.inf, 1.1, -1.1):
        bad = tone.copy()
        bad[7] = value
        with pytest.raises(SignalError):
            device.play(bad, outputs=[path.output])
        with pytest.raises(SignalError):
            device.play_and_record(bad, outputs=[path.output])
        with pytest.raises(SignalError), device.playing(bad, outputs=[path.output]):
            pass
    with pytest.raises(SignalError):
        device.play(np.zeros((1, 0)))
    with pytest.raises(DeviceUnavailable):
        device.record(0.1, inputs=[device.info.inputs + 1])
    with pytest.raises(DeviceUnavailable):
        device.record(0.1, inputs=[0])
    with pytest.raises(DeviceUnavailable):
        device.play(tone, outputs=[device.info.outputs + 1])
    with pytest.raises(DeviceUnavailable):
        device.play(np.zeros((device.info.outputs + 1, 480)))
    for outputs in ([1, 1], []):
        with pytest.raises(ParameterError):
            device.play(np.zeros((2, 480)), outputs=outputs)
    with pytest.raises(ParameterError):
        device.play(np.zeros((2, 480)), outputs=[path.output])
    for duration in (0.0, -1.0, np.nan):
        with pytest.raises(ParameterError):
            device.record(duration)
    with pytest.raises(ParameterError):
        device.play_and_record(tone, outputs=[path.output], tail=-1.0)


def playing(device: AudioDevice, path: Path) -> None:
    with device.playing(_tone(device), outputs=[path.output]):
        pass
    assert device.record(0.1, inputs=[path.input]).n_samples == round(0.1 * device.fs)


def stream(device: AudioDevice, path: Path) -> None:
    got = position = 0
    with device.stream(inputs=[path.input]) as blocks:
        for block in blocks:
            assert block.position == position
            assert block.total is None
            assert block.samples.shape[0] == 1
            position += block.samples.shape[1]
            got += 1
            if position > 0.5 * device.fs:
                break
    assert got >= 2
    assert device.record(0.1, inputs=[path.input]).n_samples == round(0.1 * device.fs)


def blocks_of_a_take(device: AudioDevice, path: Path) -> None:
    blocks: list[Block] = []
    capture = device.record(0.5, inputs=[path.input], on_block=blocks.append)
    np.testing.assert_array_equal(
        np.concatenate([block.samples for block in blocks], axis=1), capture.samples
    )
    assert len(blocks) >= 2
    position = 0
    for block in blocks:
        assert (block.position, block.total) == (position, capture.n_samples)
        position += block.samples.shape[1]
    blocks.clear()
    tone = _tone(device)
    device.play(tone, outputs=[path.output], on_block=blocks.append)
    np.testing.assert_array_equal(
        np.concatenate([block.samples for block in blocks], axis=1)[0], tone
    )


def abort(device: AudioDevice, path: Path) -> None:
    def stop(block: Block) -> None:
        raise Stop

    tone = _tone(device)
    with pytest.raises(Stop):
        device.record(5.0, inputs=[path.input], on_block=stop)
    with pytest.raises(Stop):
        device.play(tone, outputs=[path.output], on_block=stop)
    with pytest.raises(Stop):
        device.play_and_record(tone, outputs=[path.output], on_block=stop)
    with pytest.raises(Stop), device.playing(tone, outputs=[path.output]):
        raise Stop
    capture = device.play_and_record(tone, outputs=[path.output], inputs=[path.input])
    assert capture.n_samples == tone.size


def close_twice(device: AudioDevice, path: Path) -> None:
    device.close()
    device.close()
    with pytest.raises(DeviceError):
        device.record(0.1, inputs=[path.input])
    with pytest.raises(DeviceError):
        device.play(_tone(device, 0.05), outputs=[path.output])


CHECKS: tuple[Callable[[AudioDevice, Path], None], ...] = (
    info,
    record,
    play,
    alignment,
    alignment_without_marker,
    stopping,
    alignment_of_tone,
    alignment_is_measured_anew,
    channel_mapping,
    linearity,
    refusals,
    playing,
    stream,
    blocks_of_a_take,
    abort,
    close_twice,
)
"""Every check, :func:`close_twice` last: the device is closed after it."""
