"""``soundcal record`` and ``soundcal play``: what reaches the file and the device, and refusals.

The device is the stand-in of ``fake_portaudio`` in the worker process: the whole way of a sample
but for PortAudio itself.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.calibration.model import Chain, Direction, Link, new_calibration
from soundcal.cli import main
from soundcal.devices.portaudio import supervisor
from soundcal.files import audio
from soundcal.files.atomic import file_digest

FAKE = Path(__file__).parents[1] / "fake_portaudio"
IDENTITY = "Fake Card (hw:1,0), ALSA"


@pytest.fixture(autouse=True)
def card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FAKE), os.getcwd()]))
    monkeypatch.delenv("FAKE_PORTAUDIO", raising=False)
    monkeypatch.setattr(supervisor, "LIMITS", supervisor.SilenceLimits(running=0.7))
    monkeypatch.chdir(tmp_path)


def ramp(n: int, channel: int) -> np.ndarray:
    return (np.arange(24000, 24000 + n) + channel) % 4096 / 8192


def calibration(
    path: Path, direction: Direction, gain_db: float = 20.0, device: str = IDENTITY
) -> str:
    chains = {name: Chain((Link("sensitivity", gain_db),)) for name in ("left", "right")}
    made = new_calibration("stated", direction, chains, device=device)
    path.write_text(json.dumps(made.to_dict()))
    return made.id


def record(*options: str) -> int:
    return main(["record", "--device", "fake", "take.wav", *options])


def play(*options: str) -> int:
    return main(["play", "--device", "fake", "in.wav", *options])


def tone(n_channels: int, fs: int = 48000, amplitude: float = 0.1) -> None:
    wave = amplitude * np.sin(2 * np.pi * 1000 * np.arange(fs // 2) / fs)
    audio.write("in.wav", np.tile(wave, (n_channels, 1)), fs, subtype="FLOAT", force=True)


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "PCM_32", "FLOAT"])
def test_the_file_holds_every_sample_and_its_record_says_how(
    subtype: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert record("--duration", "1", "--inputs", "2,1", "--subtype", subtype, "--json") == 0
    capture = audio.read("take.wav")
    np.testing.assert_array_equal(capture.samples, [ramp(48000, 1), ramp(48000, 0)])
    kept = json.loads(Path("take.json").read_text())
    assert kept["schema"] == "soundcal/recording/2"
    assert kept["sha256"] == file_digest("take.wav")
    assert kept["capture"]["device"] == IDENTITY
    assert (kept["capture"]["n_samples"], kept["capture"]["xruns"]) == (48000, 0)
    # the ramp has 14 bits and a mean of a quarter of full scale, and is otherwise in order
    doubted = {check["name"] for check in kept["checks"] if check["verdict"] == "suspect"}
    assert doubted == {"bits used", "DC"}
    assert {check["verdict"] for check in kept["checks"]} == {"pass", "suspect"}
    assert kept["flags"] == [
        {"kind": check["name"], "text": check["reason"]}
        for check in kept["checks"]
        if check["reason"]
    ]
    printed = capsys.readouterr()
    assert json.loads(printed.out)["audio"] == "take.wav"
    assert "verdict: suspect (17 of 21 checks passed)" in printed.err
    assert "overall level: left" in printed.err


def test_a_flac_is_24_bit() -> None:
    assert main(["record", "--device", "fake", "take.flac", "--duration", "0.5"]) == 0
    np.testing.assert_array_equal(audio.read("take.flac").samples[3], ramp(24000, 3))


def test_a_calibration_gives_pascal_and_its_id_to_the_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = calibration(tmp_path / "cal.json", "input")
    assert record("--duration", "1", "--inputs", "1,2", "--calibration", "cal.json") == 0
    assert "dB(A)" in capsys.readouterr().err
    assert json.loads(Path("take.json").read_text())["calibration"] == made
    assert made.encode() in Path("take.wav").read_bytes()


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--duration", "-1"], 2, "positive time"),
        (["--inputs", "9", "--duration", "1"], 3, "inputs 1 to 4"),
        (["--fs", "96000", "--duration", "1"], 3, "offers 44100, 48000 Hz"),
        (["--duration", "1", "--names", "a,a,b,c"], 2, "4 distinct names"),
        (["--duration", "1", "--calibration", "no.json"], 5, "no such file"),
        (["--inputs", "1", "--duration", "1", "--calibration", "cal.json"], 2, "--names left or"),
        (["--duration", "1", "--calibration", "out.json"], 2, "calibrates the output"),
        (["--duration", "1", "--calibration", "other.json"], 2, "belongs to another"),
    ],
)
def test_refused_recordings_leave_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], code: int, said: str
) -> None:
    calibration(tmp_path / "cal.json", "input")
    calibration(tmp_path / "out.json", "output")
    calibration(tmp_path / "other.json", "input", device="another")
    assert record(*options) == code
    assert said in capsys.readouterr().err
    assert not Path("take.wav").exists()
    assert not Path("take.json").exists()


def test_nothing_is_replaced_without_force(capsys: pytest.CaptureFixture[str]) -> None:
    Path("take.wav").write_text("precious")
    assert record("--duration", "0.1") == 5
    assert "--force" in capsys.readouterr().err
    assert Path("take.wav").read_text() == "precious"
    assert record("--duration", "0.1", "--force") == 0
    assert audio.read("take.wav").n_samples == 4800


@pytest.mark.parametrize(
    ("options", "code"), [(["--duration", "0.1"], 5), (["--duration", "-1", "--force"], 2)]
)
def test_no_device_is_opened_for_what_cannot_be_recorded(options: list[str], code: int) -> None:
    Path("take.wav").write_text("precious")
    words = ["record", "take.wav", "--device", "no such device", *options]
    assert main(words) == code  # opening it would end with 3


def test_a_lost_device_leaves_what_was_recorded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_PORTAUDIO", json.dumps({"do": "stop", "at": 72000}))
    assert record("--duration", "10", "--inputs", "1") == 3
    capture = audio.read("take.wav")
    np.testing.assert_array_equal(capture.samples[0], ramp(capture.n_samples, 0))
    kept = json.loads(Path("take.json").read_text())
    assert kept["capture"]["n_samples"] == capture.n_samples
    assert "stopped by itself" in kept["flags"][0]["text"]
    assert "stopped by itself" in capsys.readouterr().err


LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
from soundcal.cli import main
sys.exit(main(["record", "--device", "fake", sys.argv[1], "--duration", "20", "--inputs", "1"]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
@pytest.mark.parametrize(("name", "least"), [("take.wav", 40_000), ("take.flac", 90_000)])
def test_a_full_disk_leaves_what_fitted(name: str, least: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, name], capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 3, done.stderr
    assert "cannot be written" in done.stderr
    capture = audio.read(name)
    n_samples = capture.n_samples
    assert least < n_samples < 960_000
    np.testing.assert_array_equal(capture.samples[0], ramp(n_samples, 0))
    kept = json.loads(Path("take.json").read_text())
    assert kept["capture"]["n_samples"] == n_samples
    missing = 960_000 - n_samples
    (check,) = (check for check in kept["checks"] if check["name"] == "samples")
    assert (check["value"], check["verdict"]) == (-missing, "invalid")
    assert f"{missing} ({missing / 48000:.2f} s) are missing" in done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MiB, where the system lets the tests have one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no permission to mount a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("name", ["take.wav", "take.flac"])
def test_the_record_finds_room_on_a_full_disk(small_disk: Path, name: str) -> None:
    path = small_disk / name
    assert main(["record", "--device", "fake", str(path), "--duration", "20"]) == 3
    capture = audio.read(path)
    assert capture.n_samples > 24_000
    for channel, row in enumerate(capture.samples):
        np.testing.assert_array_equal(row, ramp(capture.n_samples, channel))
    kept = json.loads((small_disk / "take.json").read_text())
    assert kept["sha256"] == file_digest(path)
    (flag,) = (flag["text"] for flag in kept["flags"] if flag["kind"] == "incomplete")
    assert "no space left on the disk" in flag


def test_a_disk_without_room_for_the_record_is_refused(
    small_disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (small_disk / "full").write_bytes(bytes(1000_000))
    path = small_disk / "take.wav"
    assert main(["record", "--device", "fake", str(path), "--duration", "20"]) == 5
    assert "no room for a record" in capsys.readouterr().err
    assert [file.name for file in small_disk.iterdir()] == ["full"]


def running(monkeypatch: pytest.MonkeyPatch, *options: str) -> "subprocess.Popen[str]":
    """Start a recording in real time in a process of its own and wait until it writes."""
    monkeypatch.setenv("FAKE_PORTAUDIO", json.dumps({"speed": 4}))
    process = subprocess.Popen(
        [sys.executable, "-m", "soundcal", "record", "--device", "fake", "take.wav", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 15
    path = Path("take.wav")
    while time.monotonic() < end and not (path.exists() and path.stat().st_size > 500_000):
        time.sleep(0.02)
    return process


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_a_killed_recording_is_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("take.json").write_text("{}")
    process = running(monkeypatch, "--inputs", "1", "--force")
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    capture = audio.read("take.wav")
    assert capture.n_samples > 72_000
    assert not Path("take.json").exists()  # of the recording that was replaced
    np.testing.assert_array_equal(capture.samples[0], ramp(capture.n_samples, 0))


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize(("options", "code"), [([], 0), (["--duration", "60"], 130)])
def test_ctrl_c_completes_the_file(
    monkeypatch: pytest.MonkeyPatch, options: list[str], code: int
) -> None:
    process = running(monkeypatch, *options)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == code, printed
    capture = audio.read("take.wav")
    assert json.loads(Path("take.json").read_text())["capture"]["n_samples"] == capture.n_samples


def played(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return dict(json.loads(capsys.readouterr().out))


def test_a_file_is_played_at_a_gain(capsys: pytest.CaptureFixture[str]) -> None:
    tone(2)
    assert play("--gain-db", "-6", "--json") == 0
    report = played(capsys)
    assert report["schema"] == "soundcal/playback/2"
    assert (report["gain_db"], report["n_samples"], report["outputs"]) == (-6.0, 24000, [1, 2])


def test_a_level_is_reached_by_the_calibrated_gain(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    tone(2, amplitude=0.1 * np.sqrt(2))  # -20 dB rms re full scale, A(1 kHz) = 0 dB
    calibration(tmp_path / "cal.json", "output", gain_db=20.0)
    # 20 dB re 1 Pa per full scale: 93.98 + 20 - 20 = 93.98 dB without gain
    assert play("--level", "65", "--calibration", "cal.json", "--weighting", "Z", "--json") == 0
    assert played(capsys)["gain_db"] == pytest.approx(65 - 93.979, abs=0.001)
    assert play("--level", "65", "--calibration", "cal.json", "--json") == 0
    # the filter's rise at the beginning of the half second counts as part of the signal
    assert played(capsys)["gain_db"] == pytest.approx(65 - 93.979, abs=0.05)


@pytest.mark.parametrize(
    ("n_channels", "fs", "options", "code", "said"),
    [
        (2, 48000, ["--gain-db", "21"], 5, "lower the gain by"),
        (2, 48000, ["--level", "130", "--calibration", "cal.json"], 5, "would clip"),
        (2, 44100, [], 2, "--fs 44100"),
        (1, 48000, [], 2, "mono: choose its outputs"),
        (2, 48000, ["--outputs", "1"], 2, "--outputs names 1"),
        (2, 48000, ["--outputs", "1,3"], 3, "outputs 1 to 2"),
        (2, 48000, ["--level", "65"], 2, "belong together"),
        (2, 48000, ["--level", "65", "--calibration", "in.json"], 2, "calibrates the input"),
        (2, 48000, ["--level", "65", "--calibration", "other.json"], 2, "belongs to another"),
    ],
)
def test_what_cannot_be_played_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    n_channels: int,
    fs: int,
    options: list[str],
    code: int,
    said: str,
) -> None:
    tone(n_channels, fs)
    calibration(tmp_path / "cal.json", "output")
    calibration(tmp_path / "in.json", "input")
    calibration(tmp_path / "other.json", "output", device="another")
    assert play(*options) == code
    assert said in capsys.readouterr().err


def test_a_silent_file_has_no_level(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tone(2, amplitude=0.0)
    calibration(tmp_path / "cal.json", "output")
    assert play("--level", "65", "--calibration", "cal.json") == 5
    assert "is silent" in capsys.readouterr().err


def test_a_mono_file_goes_where_it_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    tone(1)
    assert play("--outputs", "1,2", "--json") == 0
    assert played(capsys)["outputs"] == [1, 2]


def test_the_simulated_lab_records_and_plays_like_a_card(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    sim = ["--device", "sim:lab"]
    assert main(["record", "take.wav", *sim, "--duration", "1", "--inputs", "1,2", "--json"]) == 0
    kept = json.loads(capsys.readouterr().out)["capture"]
    assert kept["simulated"]
    assert (kept["device"], kept["n_samples"]) == ("sim:lab", 48000)
    assert audio.read("take.wav").samples.shape == (2, 48000)
    made = calibration(tmp_path / "cal.json", "input", device="sim:lab")
    named = ["--inputs", "2", "--names", "right", "--calibration", "cal.json"]
    assert main(["record", "right.flac", *sim, "--duration", "0.5", *named]) == 0
    kept = json.loads(Path("right.json").read_text())
    assert (kept["capture"]["channels"], kept["calibration"]) == (["right"], made)
    tone(2)
    assert main(["play", "in.wav", *sim, "--gain-db", "-20"]) == 0
    assert main(["record", "endless.wav", *sim]) == 2
    assert "--realtime" in capsys.readouterr().err
