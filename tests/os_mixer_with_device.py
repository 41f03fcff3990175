"""Tests with the layers between a program and the device: PulseAudio, and an ALSA that fails.

::

    pytest -n 0 tests/os_mixer_with_device.py

The rig (tests/rig/mixer-rig.sh) is a PulseAudio server whose sink exists in memory only. A player,
another program, plays a tone to it; soundcal records what the sink plays. Then the sound server
does what happens in practice: it resamples, moves the volume, mutes, suspends, dies. A library
between PortAudio and ALSA gives the answers of a USB card that is busy, forbidden or unplugged.

Without PulseAudio everything is skipped; with SOUNDCAL_REQUIRE_RIG=1 it fails instead.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from soundcal.cli import main
from soundcal.devices import Block, open_device
from soundcal.devices.portaudio import soundcard
from soundcal.devices.portaudio.soundcard import Soundcard
from soundcal.errors import DeviceUnavailable, StreamError
from soundcal.files import audio
from soundcal.recording import Capture
from soundcal.takes.judge import judge
from soundcal.units import db

SCRIPT = Path(__file__).parent / "rig" / "mixer-rig.sh"
FS = 48000
INPUT = "MixedIn"
AMPLITUDES = (0.1, 0.05)


class Mixer:
    """The server from outside, and the faults of ALSA."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def server(self) -> str:
        return f"unix:{self.folder}/socket"

    def script(self, command: str) -> None:
        """Run a command of mixer-rig.sh; its processes stay, so their output goes nowhere."""
        log = self.folder / "script.log"
        with log.open("w") as file:
            done = subprocess.run([str(SCRIPT), command], stdout=file, stderr=file, timeout=60)
        assert done.returncode == 0, log.read_text()

    def control(self, *words: str) -> None:
        command = ["pactl", "--server", self.server, *words]
        subprocess.run(command, check=True, capture_output=True, timeout=10)

    def kill(self, number: signal.Signals) -> None:
        os.kill(int((self.folder / "server.pid").read_text()), number)

    def fault(self, order: str) -> None:
        """Let ALSA fail from now on in the way that alsafault.c explains; "" ends it."""
        new = self.folder / "order"
        new.write_text(order)
        new.replace(self.folder / "fault")


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mixer]:
    missing = [name for name in ("pulseaudio", "pactl", "pacat", "gcc") if not shutil.which(name)]
    if missing:
        reason = f"{', '.join(missing)} missing (tests/rig/mixer-rig.sh install)"
        if os.environ.get("SOUNDCAL_REQUIRE_RIG") == "1":
            pytest.fail(f"SOUNDCAL_REQUIRE_RIG=1, but {reason}")
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("mixer")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOUNDCAL_MIXER_RIG", str(folder))
        patch.setenv("ALSA_CONFIG_PATH", str(folder / "asound.conf"))
        patch.setenv("ALSAFAULT", str(folder / "fault"))
        found = Mixer(folder)
        found.script("start")
        yield found
        found.script("stop")


@pytest.fixture
def playing(rig: Mixer, tmp_path: Path) -> Iterator[Mixer]:
    """The server while another program plays a tone: 1 kHz, twice as much on the left."""
    rig.script("restart")
    n = np.arange(60 * FS)
    wave = np.sin(2 * np.pi * 1000 * n / FS) + 1e-5 * np.random.default_rng(1).normal(size=n.size)
    np.outer(wave, AMPLITUDES).astype("<f4").tofile(tmp_path / "tone.f32")
    format_ = ["--raw", "--format=float32le", f"--rate={FS}", "--channels=2", "--latency-msec=100"]
    player = subprocess.Popen(
        ["pacat", "--server", rig.server, "--device", "rig", *format_, tmp_path / "tone.f32"],
        stderr=subprocess.DEVNULL,
    )
    yield rig
    player.kill()
    player.wait()


def recorded(seconds: float, fs: int = FS, **acts: Callable[[], None]) -> Capture:
    """Record; the acts happen at the times in ms that their names say (``at_500``)."""
    todo = sorted((int(name.removeprefix("at_")) / 1000, act) for name, act in acts.items())

    def watch(block: Block) -> None:
        while todo and block.position >= todo[0][0] * fs:
            todo.pop(0)[1]()

    with Soundcard(INPUT, fs=fs) as card:
        capture = card.record(seconds, inputs=[1, 2], on_block=watch)
    assert not todo
    return capture


def amplitudes(capture: Capture) -> list[float]:
    return [float(np.sqrt(2.0) * row.std()) for row in capture.samples]


def verdicts(capture: Capture) -> dict[str, str]:
    """The checks that a take of a steady tone does not pass, besides that of the mixer."""
    checks = judge(capture, steady=capture.channels)
    return {check.name: check.verdict for check in checks if check.verdict != "pass"}


def test_calibration_refuses_the_mixer_and_takes_say_that_it_is_there(
    playing: Mixer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DeviceUnavailable, match=r"not fit for calibration: .*sound server"):
        open_device(INPUT, calibrating=True)
    assert main(["calibrate", "--device", INPUT, "--ready", "--out", str(tmp_path / "c.json")]) == 3
    assert main(["devices"]) == 0
    assert "not for calibration" in capsys.readouterr().out
    path = tmp_path / "take.wav"
    options = ["--device", INPUT, "--duration", "1", "--inputs", "1,2"]
    assert main(["record", str(path), *options]) == 0
    assert "verdict: suspect" in capsys.readouterr().err
    record = json.loads(path.with_suffix(".json").read_text())
    assert [c["name"] for c in record["checks"] if c["verdict"] != "pass"] == ["signal path"]
    assert record["flags"][0]["text"].startswith("not directly from the device")


def test_the_channels_are_not_mixed(playing: Mixer) -> None:
    """A program that records one channel of two from PulseAudio gets half of their sum."""
    with Soundcard(INPUT) as card:
        for channel, expected in enumerate(AMPLITUDES, start=1):
            capture = card.record(0.5, inputs=[channel])
            assert amplitudes(capture) == pytest.approx([expected], rel=1e-3)


def test_another_rate_is_resampled_without_a_word_so_the_flag_must_say_it(playing: Mixer) -> None:
    """PortAudio and the server report nothing, the clock agrees: only the path's name shows it."""
    capture = recorded(1.0, fs=44100)
    assert capture.fs == 44100
    assert capture.xruns == 0
    (flag,) = capture.flags
    assert "may resample" in flag.text


def test_a_moved_volume_makes_a_steady_take_invalid(playing: Mixer) -> None:
    capture = recorded(2.0, at_1000=lambda: playing.control("set-sink-volume", "rig", "-6dB"))
    assert verdicts(capture) == {"level step": "invalid"}
    ratio = capture.samples[0, -FS // 4 :].std() / capture.samples[0, : FS // 4].std()
    assert db(float(ratio)) == pytest.approx(-6.0, abs=0.01)


def test_a_mute_is_a_gap(playing: Mixer) -> None:
    capture = recorded(
        2.0,
        at_500=lambda: playing.control("set-sink-mute", "rig", "1"),
        at_1000=lambda: playing.control("set-sink-mute", "rig", "0"),
    )
    assert verdicts(capture)["gaps"] == "invalid"
    assert any("gap of exact zeros" in flag.text for flag in capture.flags)


def test_a_mute_to_the_end_is_seen_too(playing: Mixer) -> None:
    capture = recorded(2.0, at_1000=lambda: playing.control("set-sink-mute", "rig", "1"))
    assert set(verdicts(capture).values()) & {"suspect", "invalid"}


LOSSES = {
    "suspended": lambda rig: rig.control("suspend-sink", "rig", "1"),
    "unloaded": lambda rig: rig.control("unload-module", "module-null-sink"),
    "killed": lambda rig: rig.kill(signal.SIGKILL),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_a_lost_server_ends_the_recording_in_time_and_keeps_the_file(
    playing: Mixer, tmp_path: Path, loss: str
) -> None:
    path = tmp_path / "take.wav"
    command = [sys.executable, "-m", "soundcal", "record", str(path), "--device", INPUT]
    process = subprocess.Popen(
        [*command, "--inputs", "1,2", "--duration", "60"], stderr=subprocess.PIPE, text=True
    )
    end = time.monotonic() + 20
    while time.monotonic() < end and not (path.exists() and path.stat().st_size > 300_000):
        time.sleep(0.02)
    started = time.monotonic()
    LOSSES[loss](playing)
    _, printed = process.communicate(timeout=60)
    elapsed = time.monotonic() - started
    assert process.returncode == 3, printed
    assert "incomplete" in printed
    assert elapsed < 5.0  # 2 s, and the exit of the interpreter on a busy machine
    record = json.loads(path.with_suffix(".json").read_text())
    assert audio.read(path).n_samples == record["capture"]["n_samples"] >= 20_000


# ALSA in trouble


@pytest.fixture
def trouble(playing: Mixer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Mixer]:
    monkeypatch.setenv("LD_PRELOAD", str(playing.folder / "alsafault.so"))
    playing.fault("")
    yield playing
    playing.fault("")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("EBUSY", "another program uses the device"),
        ("ENODEV", r"check the plug and your permissions|unplug and replug"),
        ("EACCES", r"check the plug and your permissions|unplug and replug"),
    ],
)
def test_a_card_that_cannot_be_opened_is_refused_with_the_reason(
    trouble: Mixer, error: str, said: str
) -> None:
    trouble.fault(f"open {error} {INPUT} 3")
    with Soundcard(INPUT) as card, pytest.raises(DeviceUnavailable, match=said):
        card.record(0.2, inputs=[1])


def test_a_card_that_is_busy_when_portaudio_starts_may_be_busy(trouble: Mixer) -> None:
    """PortAudio leaves it out of its list."""
    with Soundcard(INPUT) as card:
        trouble.fault(f"open EBUSY {INPUT} 1")
        with pytest.raises(DeviceUnavailable, match="unplugged, or another program holds it"):
            card.record(0.2, inputs=[1])
        trouble.fault("")
        assert card.record(0.2, inputs=[1]).n_samples == FS // 5


def test_an_unplugged_card_ends_the_take_in_two_seconds_with_bounded_memory(
    trouble: Mixer,
) -> None:
    """PortAudio keeps its stream active and prints a million lines (its issue 1037)."""
    unplugged: list[float] = []

    def unplug() -> None:
        trouble.fault("gone")
        unplugged.append(time.monotonic())

    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(StreamError, match=r"unplugged.* frames") as caught:
        recorded(60.0, at_500=unplug)
    # 1.5 s of silence and 0.5 s for the end; the rest is for a busy machine
    assert time.monotonic() - unplugged[0] < 3.5
    printed = getattr(caught.value.__cause__, "stderr", "")
    assert len(printed) <= 4096
    assert len(os.listdir("/proc/self/fd")) <= before
    with pytest.raises(DeviceUnavailable):
        Soundcard(INPUT).record(0.1, inputs=[1])


def test_an_overrun_is_reported_or_ends_the_take(trouble: Mixer) -> None:
    try:
        texts = [str(f) for f in recorded(1.5, at_500=lambda: trouble.fault("xrun")).flags]
    except StreamError as error:
        texts = [str(error)]
    assert any("driver reported" in text or "arrived before" in text for text in texts)


def test_nothing_of_it_remains(rig: Mixer) -> None:
    rig.script("restart")
    cards, problem = soundcard.probe()
    assert problem == ""
    assert INPUT in {card.name for card in cards}
