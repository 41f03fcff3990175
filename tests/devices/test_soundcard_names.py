"""Which soundcard is meant, how it is reached, and what people are told about it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from fake_card import Fault, streams, tone

from soundcal.cli import main
from soundcal.devices import DeviceInfo, open_device
from soundcal.devices.portaudio import worker
from soundcal.devices.portaudio.host_apis import obstacle
from soundcal.devices.portaudio.remedies import in_use, install_hint
from soundcal.devices.portaudio.resolve import resolve_device
from soundcal.devices.portaudio.soundcard import Soundcard
from soundcal.errors import DeviceUnavailable

CARDS = [
    DeviceInfo("USB Audio (hw:1,0)", "ALSA", 2, 2, index=0),
    DeviceInfo("USB Audio (hw:2,0)", "ALSA", 2, 2, index=1),
    DeviceInfo("default", "ALSA", 32, 32, index=2, obstacle="plug-ins"),
    DeviceInfo("HP Amp", "JACK Audio Connection Kit", 0, 2, index=3),
]


@pytest.mark.parametrize(
    ("spec", "index"),
    [("1", 1), (3, 3), ("hw:2", 1), ("usb 2,0 alsa", 1), ("HP AMP", 3), ("default", 2)],
)
def test_a_name_means_one_device(spec: str | int, index: int) -> None:
    assert resolve_device(spec, CARDS, "").index == index


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("usb", r"ambiguous: 0 USB Audio \(hw:1,0\), ALSA .*; 1 USB Audio"),
        ("alsa usb", "no device 'alsa usb'; available: 0 USB Audio"),
        ("7", "no device '7'"),
        ("", "no device ''"),
    ],
)
def test_other_names_are_refused_with_the_candidates(spec: str, said: str) -> None:
    with pytest.raises(DeviceUnavailable, match=said):
        resolve_device(spec, CARDS, "")


HALVES = [
    {"name": "Microphone (Fireface)", "hostapi": 3, "max_output_channels": 0},
    {"name": "Speakers (Fireface)", "hostapi": 3, "max_input_channels": 0},
    {"name": "Speakers (other)", "hostapi": 0, "max_input_channels": 0},
]


def test_the_halves_of_a_soundcard_are_used_as_one(fault: Fault, tmp_path: Path) -> None:
    fault(devices=HALVES)
    with pytest.raises(DeviceUnavailable, match=r'ambiguous.*"INPUT \| OUTPUT"'):
        Soundcard("fireface")
    with pytest.raises(DeviceUnavailable, match="different host APIs"):
        Soundcard("fireface | other")
    with Soundcard("fireface | fireface") as card:
        assert card.info.identity == "Microphone (Fireface) | Speakers (Fireface), Windows WASAPI"
        assert (card.info.inputs, card.info.outputs, card.info.rates) == (4, 2, (44100, 48000))
        capture = card.play_and_record(tone(4800), outputs=[2], inputs=[2])
        card.record(0.1)
        card.play(tone(480))
    assert capture.latency == 3000
    assert [stream["device"] for stream in streams(tmp_path)] == [[0, 1], 0, 1]


USB = {"name": "Scarlett: USB Audio (hw:1,0)"}
HDMI = {"name": "HDMI 0 (hw:0,3)", "max_input_channels": 0}


@pytest.mark.parametrize(
    "devices",
    [
        [USB, HDMI],
        [HDMI, {"name": "Scarlett: USB Audio (hw:2,0)"}],
        [USB, {**USB, "hostapi": 2}],
    ],
    ids=["other order", "other number of the card", "again under another host API"],
)
def test_a_device_is_found_again_after_a_replug(
    fault: Fault, tmp_path: Path, devices: list[dict[str, Any]]
) -> None:
    fault(devices=[HDMI, USB])
    with Soundcard("scarlett") as card:
        card.record(0.1)
        fault(devices=devices)
        card.record(0.1)
        assert card.info.identity == "Scarlett: USB Audio (hw:1,0), ALSA"
    first, again = (stream["device"] for stream in streams(tmp_path))
    assert first == 1
    assert devices[again]["name"].startswith("Scarlett")
    assert devices[again].get("hostapi", 0) == 0


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ([USB], [HDMI], "no longer listed"),
        ([USB], [{**USB, "max_input_channels": 2}], "now has 2 inputs and 2 outputs, but had 4"),
        ([USB], [{**USB, "hostapi": 1}], "no longer listed"),
        ([USB], [USB, USB], "2 devices are called"),
        # of two alike, the other one is not the one that was calibrated
        (
            [USB, {"name": "Scarlett: USB Audio (hw:2,0)"}],
            [{"name": "Scarlett: USB Audio (hw:2,0)"}],
            "no longer listed",
        ),
    ],
    ids=["gone", "channels", "host API", "two of the name", "its twin"],
)
def test_another_device_is_not_taken_for_it(
    fault: Fault, before: list[dict[str, Any]], after: list[dict[str, Any]], said: str
) -> None:
    fault(devices=before)
    with Soundcard("hw:1") as card:
        fault(devices=after)
        with pytest.raises(DeviceUnavailable, match=said):
            card.record(0.1)


def test_a_mixer_is_refused_for_calibration_unless_allowed(fault: Fault) -> None:
    fault(devices=[{"name": "default"}])
    with pytest.raises(DeviceUnavailable, match=r"plug-ins .*hw:.*--allow-os-mixer"):
        open_device("default", calibrating=True)
    for options in ({"calibrating": True, "allow_os_mixer": True}, {}):
        with open_device("default", **options) as device:
            (flag,) = map(str, device.record(0.1).flags)
        assert flag.startswith("not directly from the device: a chain of ALSA plug-ins")


def test_an_unsupported_rate_is_refused_when_opening(fault: Fault) -> None:
    with pytest.raises(DeviceUnavailable, match="refuses 96000 Hz; it offers 44100, 48000 Hz"):
        Soundcard("fake", fs=96000)


@pytest.mark.parametrize(
    ("api", "record", "play"),
    [
        (1, ["CoreAudioSettings", [3, 1]], ["CoreAudioSettings", [-1, 0]]),
        (2, ["AsioSettings", [3, 1]], ["AsioSettings", [1]]),
    ],
    ids=["Core Audio", "ASIO"],
)
def test_host_apis_that_choose_channels_are_told_which(
    fault: Fault, tmp_path: Path, api: int, record: list[Any], play: list[Any]
) -> None:
    fault(devices=[{"name": "Fake", "hostapi": api}])
    with Soundcard("fake") as card:
        capture = card.record(0.1, inputs=[4, 2])
        card.play(tone(480), outputs=[2])
    assert capture.samples.shape[0] == 2
    opened = streams(tmp_path)
    for stream, (kind, channels), count in zip(opened, (record, play), (2, 1), strict=True):
        settings = stream["extra"][0]
        assert settings[0] == kind
        assert channels in settings[1].values()
        assert stream["channels"] == count


EXCLUSIVE = {"exclusive": True, "explicit_sample_format": True}


def test_wasapi_is_opened_exclusively(fault: Fault, tmp_path: Path) -> None:
    fault(devices=[{"name": "Fake", "hostapi": 3}])
    assert Soundcard("fake", calibrating=True).record(0.1).flags == ()
    (flag,) = map(str, Soundcard("fake", allow_os_mixer=True).record(0.1).flags)
    assert "in shared mode the Windows mixer" in flag
    exclusive, shared = (stream["extra"][0] for stream in streams(tmp_path))
    assert exclusive == ["WasapiSettings", EXCLUSIVE]
    assert shared is None


def test_a_wasapi_card_without_float_samples_is_given_integers(
    fault: Fault, tmp_path: Path
) -> None:
    """By PortAudio, which converts the format of samples, never their rate, in exclusive mode."""
    fault(devices=[{"name": "Fake", "hostapi": 3}], format=True)
    Soundcard("fake").record(0.1)
    (stream,) = streams(tmp_path)
    assert stream["extra"] == [
        ["WasapiSettings", EXCLUSIVE | {"explicit_sample_format": False}],
    ]


@pytest.mark.parametrize(("api", "there"), [(3, [4, 2]), (0, [2, 2])], ids=["WASAPI", "ALSA"])
def test_a_single_channel_is_never_opened_alone(
    fault: Fault, tmp_path: Path, api: int, there: list[int]
) -> None:
    """Mixers, and PortAudio under WASAPI, would play it on two and record two into one."""
    fault(devices=[{"name": "Fake (hw:0,0)", "hostapi": api}])
    with Soundcard("fake") as card:
        capture = card.play_and_record(tone(4800), outputs=[2], inputs=[2])
        card.record(0.1, inputs=[1])
        card.play(tone(480), outputs=[1])
    assert capture.samples.shape[0] == 1
    opened = [stream["channels"] for stream in streams(tmp_path)]
    assert opened == [there, there[0], there[1]]


@pytest.mark.parametrize("api", range(6))
def test_no_stream_is_dithered_converted_or_clipped(fault: Fault, tmp_path: Path, api: int) -> None:
    fault(devices=[{"name": "Fake (hw:0,0)", "hostapi": api}])
    with Soundcard("fake") as card:
        card.play_and_record(tone(4800), inputs=[1])
    (stream,) = streams(tmp_path)
    kept = {key: stream[key] for key in ("samplerate", "dtype", "dither_off", "clip_off")}
    assert kept == {"samplerate": 48000, "dtype": "float32", "dither_off": True, "clip_off": True}
    assert stream["asio"] == "1"
    for settings in stream["extra"]:
        assert settings is None or not settings[1].get("auto_convert")


def test_two_asio_drivers_are_refused(fault: Fault) -> None:
    fault(devices=[{"name": "Alpha", "hostapi": 2}, {"name": "Beta", "hostapi": 2}])
    with pytest.raises(DeviceUnavailable, match="ASIO runs one at a time"):
        Soundcard("alpha | beta")
    assert Soundcard("beta | beta", calibrating=True).info.inputs == 4


@pytest.mark.parametrize(
    ("name", "api", "said"),
    [
        ("USB Audio (hw:1,0)", "ALSA", ""),
        ("sysdefault", "ALSA", "plug-ins"),
        ("pipewire", "ALSA", "plug-ins"),
        ("Fireface", "ASIO", ""),
        ("FL Studio ASIO", "ASIO", "program stands in"),
        ("Speakers (Fireface)", "Windows WASAPI", ""),
        ("Headset (WH-1000 Hands-Free AG Audio)", "Windows WASAPI", "Bluetooth"),
        ("Speakers (Fireface)", "Windows WDM-KS", ""),
        ("Speakers (Fireface)", "Windows DirectSound", "ASIO or WASAPI"),
        ("Speakers (Fireface)", "MME", "31 letters"),
        ("Fireface", "Core Audio", ""),
        ("Aggregate Device", "Core Audio", "resamples its parts"),
        ("BlackHole 2ch", "Core Audio", "program stands in"),
        ("system", "JACK Audio Connection Kit", ""),
        ("Fireface", "PulseAudio", "resamples"),
        ("Fireface", "OSS", "hw:"),
        ("Fireface", "A new one", "does not know"),
    ],
)
def test_what_is_fit_for_calibration_and_why_not(name: str, api: str, said: str) -> None:
    found = obstacle(name, api)
    assert bool(found) == bool(said)
    assert said in found


def test_pipewire_is_recognised_behind_its_jack(tmp_path: Path) -> None:
    folder = "/usr/lib/x86_64-linux-gnu"
    real, other = tmp_path / "real", tmp_path / "other"
    real.write_text(f"7f00 r-xp 0 00:00 1 {folder}/libjack.so.0\n")
    other.write_text(f"7f00 r-xp 0 00:00 1 {folder}/pipewire-0.3/jack/libjack.so.0\n")
    assert not worker.jack_is_pipewire(real)
    assert worker.jack_is_pipewire(other)
    assert not worker.jack_is_pipewire(tmp_path / "absent")
    jack = "JACK Audio Connection Kit"
    assert "PipeWire" in obstacle("SimHATS", jack, jack_is_pipewire=True)


@pytest.mark.parametrize(
    ("release", "command"),
    [
        ("ID=debian\n", "apt install libportaudio2"),
        ('ID=rocky\nID_LIKE="rhel centos fedora"\n', "dnf install portaudio"),
        ('ID="opensuse-leap"\n', "zypper install"),
        ("ID=arch\n", "pacman -S portaudio"),
    ],
)
def test_the_remedy_suits_the_system(tmp_path: Path, release: str, command: str) -> None:
    (tmp_path / "os-release").write_text(release)
    assert command in install_hint("linux", tmp_path / "os-release")
    assert "brew" in install_hint("darwin")
    assert "pip install" in install_hint("win32")


def test_a_device_that_another_program_holds_is_named(tmp_path: Path) -> None:
    """PortAudio leaves it out of its list."""
    for place, text in (
        ("card1/pcm0p", f"state: RUNNING\nowner_pid   : {os.getpid()}\n"),
        ("card1/pcm0c", "closed\n"),
        ("card2/pcm3c", "state: RUNNING\nowner_pid   : 999999999\n"),
    ):
        folder = tmp_path / place / "sub0"
        folder.mkdir(parents=True)
        (folder / "status").write_text(text)
    held = in_use(["Fake Card (hw:0,0)"], tmp_path)
    assert held.startswith("held by other programs and not listed: hw:1,0 (py")
    assert f"process {os.getpid()}); hw:2,3 (unknown, process 999999999)" in held
    assert in_use(["USB (hw:1,0)", "USB (hw:2,3)"], tmp_path) == ""
    assert in_use([], tmp_path / "absent") == ""
    with pytest.raises(DeviceUnavailable, match=r"no device 'usb'; .*hw:1,0"):
        resolve_device("usb", CARDS[2:], held)


def test_devices_are_listed_for_people(fault: Fault, capsys: pytest.CaptureFixture[str]) -> None:
    fault(devices=[{}, {"name": "default", "max_input_channels": 0}])
    assert main(["devices"]) == 0
    printed = capsys.readouterr()
    card, mixer, *labs = printed.out.splitlines()
    assert card == "  0 <  Fake Card (hw:1,0), ALSA (4 in, 2 out, 44100, 48000 Hz)"
    assert "default, ALSA (0 in, 2 out" in mixer
    assert "not for calibration" in mixer
    assert "sim:lab" in labs[0]
    assert "not for calibration: 1: a chain of ALSA plug-ins" in printed.err


def test_a_driver_that_hangs_while_rates_are_tried_costs_only_the_rates(
    fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    fault(do="hang at rates")
    assert main(["devices"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines()[0].endswith("Fake Card (hw:1,0), ALSA (4 in, 2 out, 48000 Hz)")
    assert "the list is incomplete: PortAudio does not respond" in printed.err


def test_without_portaudio_the_simulated_labs_are_still_listed(
    fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    fault(**{"import": "library"})
    assert main(["devices", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert "install" in listed["problem"]
    assert {device["kind"] for device in listed["devices"]} == {"simulated"}
    assert main(["record", "--device", "fake", "--duration", "1", "take.wav"]) == 3
    assert "--device sim:lab" in capsys.readouterr().err
