"""The soundcard driver against a stand-in for PortAudio, in the worker process as in earnest.

``fake_portaudio/sounddevice.py`` takes sounddevice's place and misbehaves on request, so that the
supervision is tested where neither PortAudio nor a soundcard is installed. The same driver meets
real PortAudio and a real audio server in ``soundcard_with_device.py``.
"""

import os
import signal as signals
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import device_conformance as conformance
import numpy as np
import pytest
from fake_card import FAKE, Fault, streams, tone

from soundcal.devices import Block
from soundcal.devices.portaudio import worker
from soundcal.devices.portaudio.request import Request
from soundcal.devices.portaudio.resolve import resolve_device
from soundcal.devices.portaudio.soundcard import Soundcard, probe
from soundcal.errors import DeviceUnavailable, StreamError
from soundcal.takes.gaps import Gaps, gap_flags
from soundcal.takes.missing_time import LIMIT_S, Timeline


@pytest.fixture(scope="module")
def opened() -> Soundcard:
    """The card, opened once: it holds nothing between takes, and every take is a new process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(FAKE))
        return Soundcard("fake")


@pytest.fixture
def card(fault: Fault, opened: Soundcard) -> Soundcard:
    return opened


def ramp(n: int, channel: int, start: int) -> np.ndarray:
    return (np.arange(start, start + n) + channel) % 4096 / 8192


def test_devices_are_listed_with_their_rates(fault: Fault) -> None:
    cards, problem = probe()
    assert problem == ""
    assert [card.identity for card in cards] == ["Fake Card (hw:1,0), ALSA"]
    assert (cards[0].inputs, cards[0].outputs, cards[0].rates) == (4, 2, (44100, 48000))
    assert not cards[0].os_mixer
    assert cards[0].default_input
    assert not cards[0].default_output


def test_the_driver_does_what_every_device_must(fault: Fault) -> None:
    card = Soundcard("fake")
    # all of them run against real PortAudio, in soundcard_with_device.py
    slow = (conformance.alignment_of_tone, conformance.channel_mapping, conformance.linearity)
    for check in conformance.CHECKS:
        if check not in slow:
            check(card, conformance.Path())


def test_a_recording_holds_every_sample_in_order(card: Soundcard) -> None:
    blocks: list[Block] = []
    capture = card.record(1.0, inputs=[3, 1], on_block=blocks.append)
    preroll = 24000
    np.testing.assert_array_equal(capture.samples[0], ramp(48000, 2, preroll).astype(np.float32))
    np.testing.assert_array_equal(capture.samples[1], ramp(48000, 0, preroll).astype(np.float32))
    assert capture.flags == ()
    assert capture.xruns == 0
    assert capture.device == "Fake Card (hw:1,0), ALSA"
    assert capture.delivered_rate is not None
    assert [b.position for b in blocks] == list(
        np.cumsum([0, *(b.samples.shape[1] for b in blocks[:-1])])
    )
    assert blocks[0].total == 48000


def test_streams_are_opened_as_measurements_need_them(card: Soundcard, tmp_path: Path) -> None:
    card.record(0.1, inputs=[2])
    card.play(tone(480), outputs=[2])
    opened = streams(tmp_path)
    assert [stream["channels"] for stream in opened] == [2, 2]
    for stream in opened:
        assert (stream["blocksize"], stream["dtype"], stream["latency"]) == (0, "float32", 0.2)


def test_a_stream_has_no_gaps_and_no_end(card: Soundcard) -> None:
    received: list[np.ndarray] = []
    with card.stream(inputs=[1]) as blocks:
        for block in blocks:
            assert block.total is None
            received.append(block.samples)
            if block.position + block.samples.shape[1] > 60000:
                break
    samples = np.concatenate(received, axis=1)
    np.testing.assert_array_equal(samples[0], ramp(samples.shape[1], 0, 24000).astype(np.float32))


def test_played_and_recorded_samples_are_aligned(card: Soundcard) -> None:
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 24000))
    capture = card.play_and_record(samples, inputs=[2, 1], tail=0.1)
    assert capture.latency == 3000
    assert capture.n_samples == 24000 + 4800
    np.testing.assert_array_equal(capture.samples[:, :24000], samples[::-1].astype(np.float32))
    assert not capture.samples[:, 24000:].any()


def test_playback_reports_what_was_played(card: Soundcard) -> None:
    played: list[Block] = []
    samples = tone(9600, 2)
    result = card.play(samples, on_block=played.append)
    assert result.n_samples == 9600
    assert result.flags == ()
    np.testing.assert_array_equal(np.concatenate([b.samples for b in played], axis=1), samples)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ({"import": "hang"}, "PortAudio does not respond .* audio server is frozen"),
        ({"import": "crash"}, "PortAudio crashed while starting .*signal 6"),
        ({"import": "missing"}, "package sounddevice cannot be imported"),
        ({"import": "library"}, "PortAudio is missing .*install"),
        ({"import": "broken"}, "PortAudio failed: .*Unanticipated host error"),
        ({"devices": []}, "finds no sound device"),
    ],
    ids=["hang", "crash", "missing", "library", "broken", "none"],
)
def test_what_is_wrong_with_portaudio_is_said_with_a_remedy(
    fault: Fault, what: dict[str, Any], said: str
) -> None:
    fault(**what)
    started = time.monotonic()
    cards, problem = probe()
    assert cards == []
    with pytest.raises(DeviceUnavailable, match=said):
        resolve_device("fake", cards, problem)
    assert time.monotonic() - started < 3.0


@pytest.mark.parametrize(
    ("what", "error", "said"),
    [
        ({"open": -9997}, DeviceUnavailable, r"refuses this sampling rate.*soundcal devices"),
        ({"open": -9985}, DeviceUnavailable, "another program uses the device"),
        ({"fs": 44100}, DeviceUnavailable, "asked for 48000 Hz but opened at 44100 Hz"),
        ({"do": "stall", "at": 48000}, StreamError, r"no response for 0\.7 s .*frames"),
        ({"do": "crash", "at": 48000}, StreamError, r"PortAudio crashed .*signal 6.*frames"),
        ({"do": "garbage", "at": 48000}, StreamError, "not a message"),
        ({"do": "stop", "at": 48000}, StreamError, r"stopped by itself.*of 96000 frames"),
        ({"do": "raise", "at": 48000}, StreamError, "AttributeError"),
        ({"do": "vanish", "at": 48000}, StreamError, "the device has vanished"),
    ],
    ids=["rate", "busy", "other rate", "stall", "crash", "garbage", "stop", "raise", "vanish"],
)
def test_a_fault_ends_the_take_in_time_and_says_how_far_it_came(
    card: Soundcard, fault: Fault, what: dict[str, Any], error: type[Exception], said: str
) -> None:
    fault(**what)
    started = time.monotonic()
    with pytest.raises(error, match=said):
        card.record(2.0)
    assert time.monotonic() - started < 3.0


def test_frames_before_a_stall_are_counted_exactly(card: Soundcard, fault: Fault) -> None:
    fault(do="stall", at=48000)
    received: list[np.ndarray] = []
    with pytest.raises(StreamError) as caught:
        card.record(2.0, inputs=[1], on_block=lambda block: received.append(block.samples))
    samples = np.concatenate(received, axis=1)
    assert f"{samples.shape[1]} of 96000 frames" in str(caught.value)
    assert 20000 < samples.shape[1] < 24001
    np.testing.assert_array_equal(samples[0], ramp(samples.shape[1], 0, 24000).astype(np.float32))


def test_a_stream_that_dies_while_playing_is_reported(card: Soundcard, fault: Fault) -> None:
    fault(do="crash", at=48000)
    with pytest.raises(StreamError, match="crashed"), card.playing(tone(4800)):
        time.sleep(1.0)


def test_a_close_that_hangs_costs_time_but_no_samples(card: Soundcard, fault: Fault) -> None:
    fault(close="hang")
    started = time.monotonic()
    assert card.record(0.5).n_samples == 24000
    assert time.monotonic() - started < 5.0


def test_reports_of_the_driver_travel_with_the_capture(card: Soundcard, fault: Fault) -> None:
    fault(do="overflow", at=36000)
    capture = card.record(1.0)
    assert capture.xruns == 1
    assert len(capture.flags) == 1
    assert "input overflow 1 time, first at 0.2" in capture.flags[0].text


def test_a_wrong_rate_is_flagged(card: Soundcard, fault: Fault) -> None:
    fault(speed=3)
    capture = card.record(2.5, inputs=[1])
    assert capture.delivered_rate == pytest.approx(3 * 48000, rel=0.1)
    assert any("instead of 48000" in flag.text for flag in capture.flags)


@pytest.mark.parametrize("played", [False, True])
def test_a_gap_is_flagged_unless_silence_was_played(played: bool) -> None:
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, (2, 9600))
    samples[:, 4800:4900] = 0.0
    known = samples if played else np.ones_like(samples)
    found = gap_flags(samples, 48000, known)
    assert bool(found) != played
    if found:
        assert (
            "1 gap of exact zeros on all inputs, 100 samples in all, first at 0.100 s"
            in found[0].text
        )
    assert gap_flags(samples[:, :4850], 48000) == ()  # an end is no gap
    gaps = Gaps()
    for start in range(0, 9600, 37):
        gaps.push(samples[:, start : start + 37])
    assert gaps.flags(48000) == gap_flags(samples, 48000)


@pytest.mark.parametrize("lost", [0.0, 0.2, 0.4, 10.0])
@pytest.mark.parametrize("late", [0.0, 0.1])
def test_samples_that_never_come_are_missed_by_the_clock(lost: float, late: float) -> None:
    """Blocks of 10 ms, one in five late; at 4.5 s the machine sleeps."""
    timeline = Timeline(48000)
    said = []
    for n in range(1000):
        moment = 0.01 * n + late * (n % 5 == 0) + lost * (n > 450)
        said.append(timeline.add(moment, 480 * n))
    said = [text for text in [*said, timeline.end()] if text]
    if lost <= LIMIT_S:
        assert (said, timeline.missing) == ([], 0)
        return
    (text,) = said
    assert "are missing at 4.5" in text
    assert abs(timeline.missing - lost * 48000) <= 1


def test_a_loss_at_the_end_of_a_stream_is_found() -> None:
    timeline = Timeline(48000)
    for n in range(360):
        assert timeline.add(0.01 * n + 1.0 * (n > 290), 480 * n) == ""
    assert "about 48000 samples (1.00 s) are missing at 2.9" in timeline.end()


def test_a_wrong_rate_is_reported_by_a_stream(card: Soundcard, fault: Fault) -> None:
    fault(speed=3)
    with card.stream(inputs=[1]) as blocks:
        doubts = next(block.flags for block in blocks if block.flags)
    assert "instead of 48000" in doubts[0].text


def test_input_that_nobody_fetches_ends_the_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_HOLD_BACK_S", 0.01)
    request = Request(task="stream", inputs=(1,), queue_bytes=2000)
    take = worker._Take(request, None, StopIteration)
    block = np.zeros((250, 1), dtype=np.float32)
    started = time.monotonic()
    take.input(block, 250, None, "")
    take.input(block, 250, None, "")
    with pytest.raises(StopIteration):
        take.input(block, 250, None, "")
    assert time.monotonic() - started >= 0.01  # faster than time, it waited for the parent first
    pieces = [take.pieces.get_nowait() for _ in range(3)]
    assert [piece.position for piece in pieces] == [0, 250, 500]
    assert "2000 bytes of input were waiting" in pieces[-1].error


def test_a_callback_in_time_is_not_held_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_HOLD_BACK_S", 30.0)
    request = Request(task="stream", inputs=(1,), queue_bytes=100)
    take = worker._Take(request, None, StopIteration)
    block = np.zeros((20, 1), dtype=np.float32)
    take._began = time.monotonic() - 1.0  # 20 samples in a second are no server without a clock
    started = time.monotonic()
    take.input(block, 20, None, "")
    assert time.monotonic() - started < 10.0


def test_silence_of_a_device_that_is_there_is_no_fault(card: Soundcard, fault: Fault) -> None:
    fault(do="zeros")
    assert not card.record(2.0).samples.any()


SCRIPT = """
import sys
from soundcal.devices.portaudio.soundcard import Soundcard
card = Soundcard("fake")
print("ready", flush=True)
{action}
"""


def start(action: str) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(FAKE), os.getcwd()])}
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(action=action)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def children(pid: int) -> list[int]:
    found = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True)
    return [int(word) for word in found.stdout.split()]


def gone(pids: list[int], within: float) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        alive = [pid for pid in pids if Path(f"/proc/{pid}/stat").exists()]
        if not alive:
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("signal", ["SIGINT", "SIGKILL"])
def test_no_worker_survives_its_parent(fault: Fault, signal: str, tmp_path: Path) -> None:
    fault(speed=1, closed=str(tmp_path / "closed"))
    process = start("card.record(60)")
    end = time.monotonic() + 5
    while not (workers := children(process.pid)) and time.monotonic() < end:
        time.sleep(0.05)
    assert workers
    time.sleep(0.7)
    os.kill(process.pid, signals.Signals[signal])
    process.communicate(timeout=60)
    assert gone(workers, 3.0)
    assert (tmp_path / "closed").exists()


@pytest.mark.long
def test_the_interpreter_exits_at_once_with_a_hanging_portaudio(fault: Fault) -> None:
    fault(close="hang", speed=1)
    with start("stream = card.stream()\nnext(stream.__enter__())\nsys.exit(7)") as process:
        assert process.wait(timeout=20) == 7
