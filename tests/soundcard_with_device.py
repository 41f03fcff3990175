"""Tests with real PortAudio: on the virtual soundcard of tests/rig, or on a real one.

::

    pytest -n 0 tests/soundcard_with_device.py                        virtual card (tests/rig)
    pytest -n 0 tests/soundcard_with_device.py --device "Fireface"    real card, outputs 1 and 2
                                                                      cabled to inputs 1 and 2

The virtual card is the simulated lab outside this process, behind a real audio server, so what is
measured can be compared with the truth. Tests that need the truth or break the device are skipped
on real hardware. Without jackd everything on the virtual card is skipped; with the environment
variable SOUNDCAL_REQUIRE_RIG=1 it fails instead.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import device_conformance as conformance
import numpy as np
import pytest
from virtual_soundcard import CARD, FS, LAB, PERIOD, Rig, RigOperator, noise, tone

from soundcal.calibration import hats, microphone, ocv
from soundcal.calibration.model import Calibration
from soundcal.cli import main
from soundcal.devices import AudioDevice, open_device
from soundcal.devices.portaudio.soundcard import Soundcard, probe
from soundcal.errors import DeviceUnavailable
from soundcal.files import audio
from soundcal.files.calibrations import load_calibration
from soundcal.headphone import Headphone
from soundcal.indicators import leq
from soundcal.lab import protocol
from soundcal.recording import EARS, Capture
from soundcal.units import db, energetic_mean, from_db

Check = Callable[[AudioDevice, conformance.Path], None]


@pytest.fixture
def device_name(virtual: Rig | None, request: pytest.FixtureRequest) -> Iterator[str]:
    name = request.config.getoption("--device")
    if virtual is not None:
        virtual.do("new_lab", **LAB)
        virtual.script("fast")
    yield str(name or CARD)
    if virtual is not None:
        virtual.script("real")


@pytest.fixture
def wires(request: pytest.FixtureRequest) -> dict[str, list[int]]:
    """Outputs and the inputs that hear them."""
    return {
        name: [int(part) for part in request.config.getoption(f"--{name}").split(",")]
        for name in ("outputs", "inputs")
    }


def amplitude(samples: np.ndarray, frequency: float) -> float:
    """Return the amplitude of a sine by least squares."""
    phase = 2 * np.pi * frequency * np.arange(samples.size) / FS
    basis = np.stack([np.cos(phase), np.sin(phase), np.ones_like(phase)], axis=1)
    return float(np.hypot(*np.linalg.lstsq(basis, samples, rcond=None)[0][:2]))


# On any device


@pytest.mark.parametrize("check", conformance.CHECKS, ids=lambda check: check.__name__)
def test_the_driver_does_what_every_device_must(
    device_name: str, wires: dict[str, list[int]], check: Check
) -> None:
    with open_device(device_name, fs=FS) as device:
        check(device, conformance.Path(wires["outputs"][0], wires["inputs"][0], spread=6))


def test_the_device_is_listed(device_name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert listed["problem"] == ""
    with open_device(device_name, fs=FS) as device:
        info = device.info
    found = [entry for entry in listed["devices"] if entry["identity"] == info.identity]
    assert len(found) == 1
    assert FS in found[0]["rates"]
    assert found[0]["inputs"] == info.inputs > 0


def test_a_recording_is_complete(
    device_name: str, wires: dict[str, list[int]], tmp_path: Path
) -> None:
    path = tmp_path / "take.wav"
    inputs = ",".join(map(str, wires["inputs"]))
    options = ["--device", device_name, "--duration", "2", "--inputs", inputs]
    assert main(["record", str(path), *options]) == 0
    record = json.loads(path.with_suffix(".json").read_text())
    assert audio.read(path).samples.shape == (len(wires["inputs"]), 2 * FS)
    assert (record["capture"]["n_samples"], record["capture"]["xruns"]) == (2 * FS, 0)
    assert record["flags"] == []


def test_a_file_is_played(device_name: str, wires: dict[str, list[int]], tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    audio.write(path, np.stack([tone(), tone()]), FS)
    outputs = ",".join(map(str, wires["outputs"]))
    options = ["--device", device_name, "--gain-db", "-20", "--outputs", outputs]
    assert main(["play", str(path), *options]) == 0


def test_what_is_played_arrives_aligned(device_name: str, wires: dict[str, list[int]]) -> None:
    samples = noise(1.0, len(wires["outputs"]))
    delays = []
    with open_device(device_name, fs=FS) as device:
        for _ in range(3):
            capture = device.play_and_record(samples, **wires, tail=0.1)
            assert capture.flags == ()
            assert capture.n_samples == FS + FS // 10
            assert capture.latency is not None
            delays.append(capture.latency)
            for played, recorded in zip(samples, capture.samples, strict=True):
                spectrum = np.conj(np.fft.rfft(played)) * np.fft.rfft(recorded[:FS])
                correlation = np.fft.irfft(spectrum)
                assert int(np.argmax(np.abs(correlation))) == 0
    assert all(0 < delay < FS / 2 for delay in delays)


def test_the_level_follows_the_gain(device_name: str, wires: dict[str, list[int]]) -> None:
    """An automatic gain or an "enhancement" would show: 3 steps of 10 dB within 0.05 dB."""
    found = []
    with open_device(device_name, fs=FS) as device:
        for gain_db in (0.0, -10.0, -20.0):
            wave = np.tile(tone(amplitude=0.2 * from_db(gain_db)), (len(wires["outputs"]), 1))
            capture = device.play_and_record(wave, **wires)
            found.append(amplitude(capture.samples[0], 1000.0))
    assert db(found[0] / found[1]) == pytest.approx(10.0, abs=0.05)
    assert db(found[1] / found[2]) == pytest.approx(10.0, abs=0.05)


# Against the truth of the virtual card


def test_the_delay_is_one_period_of_the_server(rig: Rig) -> None:
    with Soundcard(CARD) as card:
        for _ in range(3):
            assert card.play_and_record(noise(0.2), inputs=[1, 2]).latency == PERIOD


def test_channels_go_where_they_are_told(rig: Rig) -> None:
    rig.do("remove_headphones")
    truth = rig.do("truth")
    with Soundcard(CARD) as card:
        capture = card.play_and_record(tone()[np.newaxis], outputs=[2], inputs=[4, 3])
    expected = 0.1 * np.sqrt(2) * truth["v_fs"][1] / truth["line_v_per_fs"][1]
    assert amplitude(capture.samples[0], 1000.0) == pytest.approx(expected, rel=1e-3)
    assert amplitude(capture.samples[1], 1000.0) < 2e-3 * expected  # crosstalk only


@pytest.mark.parametrize("frequency", [100.0, 1000.0, 8000.0])
def test_the_pressure_at_the_ears_is_the_truth(rig: Rig, frequency: float) -> None:
    truth = rig.do("truth")
    with Soundcard(CARD) as card:
        capture = card.play_and_record(
            np.tile(tone(frequency, amplitude=0.05), (2, 1)), inputs=[1, 2]
        )
    for row, ear in enumerate(("left", "right")):
        expected = 0.05 * rig.do("transfer", channel=ear, frequencies=[frequency])[0]
        settled = capture.samples[row, FS // 4 :]
        at_1k = amplitude(settled, frequency) * truth["ear_pa_per_fs"][row]
        # the response of the ear, within 1 dB of flat below 10 kHz, is part of the capture
        limit = 0.02 if frequency == 1000.0 else 1.0
        assert db(at_1k / expected) == pytest.approx(0.0, abs=limit)


def test_the_calibrator_is_heard_on_its_ear(rig: Rig) -> None:
    truth = rig.do("truth")
    rig.do("attach_calibrator", ear="right", level=94.0, frequency=1000.0)
    with Soundcard(CARD) as card:
        capture = card.record(2.0, inputs=[1, 2])
    levels = [
        db(float(row.std()) * k / 20e-6)
        for row, k in zip(capture.samples, truth["ear_pa_per_fs"], strict=True)
    ]
    assert levels[1] == pytest.approx(94.0 + truth["calibrator_error_db"], abs=0.15)
    assert levels[0] < 40.0


def test_the_voltmeter_reads_what_is_being_played(rig: Rig) -> None:
    rig.do("remove_headphones")
    truth = rig.do("truth")
    with Soundcard(CARD) as card, card.playing(tone()[np.newaxis], outputs=[1]):
        time.sleep(0.2)
        volts = rig.do("read_voltmeter", channel="left")
    assert db(volts / (0.1 * truth["v_fs"][0])) == pytest.approx(0.0, abs=0.1)


def test_a_long_take_loses_nothing(rig: Rig) -> None:
    """60 s through PortAudio: electrically, every sample is where it belongs."""
    rig.do("new_lab", name="interface+open-300,noise=0", seed=3)
    rig.do("remove_headphones")
    truth = rig.do("truth")
    samples = noise(60.0, 1)
    with Soundcard(CARD) as card:
        capture = card.play_and_record(samples, outputs=[1], inputs=[3])
    gain = np.sqrt(2) * truth["v_fs"][0] / truth["line_v_per_fs"][0]
    assert capture.flags == ()
    # both converters round to 24 bit: half a step each, and one of single precision in transit
    np.testing.assert_allclose(capture.samples[0], gain * samples[0], atol=3 * 2.0**-23)


def test_real_time_takes_its_time(real_time: Rig) -> None:
    started = time.monotonic()
    with Soundcard(CARD) as card:
        capture = card.record(1.0)
    assert 1.4 < time.monotonic() - started < 6.0
    assert capture.delivered_rate == pytest.approx(FS, rel=0.2)


# Calibrations and a protocol, through the server, against the truth of the lab behind it


def calibrated_ears(rig: Rig, card: Soundcard, insertions: int) -> Calibration:
    hands = RigOperator(rig)
    takes: dict[str, list[Capture]] = {ear: [] for ear in EARS}
    for ear in EARS:
        for _ in range(insertions):
            hands.attach_calibrator(ear, 94.0, 1000.0)
            takes[ear].append(card.record(10.0, inputs=[1, 2]))
            hands.remove_calibrator()
    return microphone.calibrate(takes, level=94.0, frequency=1000.0)


def test_the_calibrator_finds_the_ears_within_its_uncertainty(rig: Rig) -> None:
    truth = rig.do("truth")
    with Soundcard(CARD) as card:
        calibration = calibrated_ears(rig, card, 3)
        assert calibration.device == card.info.identity
    for ear, expected in zip(EARS, truth["ear_pa_per_fs"], strict=True):
        expanded, _ = calibration.chain(ear).expanded()
        assert expanded < 0.5
        assert abs(db(calibration.sensitivity(ear) / expected)) < expanded


@pytest.mark.parametrize("lab", ["interface+open-300", "onboard+closed-16"])
def test_ocv_finds_voltage_and_level_within_its_uncertainty(rig: Rig, lab: str) -> None:
    rig.do("new_lab", name=lab, seed=3)
    truth = rig.do("truth")
    frequencies = [1000.0]
    at_ears = [rig.do("transfer", channel=ear, frequencies=frequencies)[0] for ear in EARS]
    hands = RigOperator(rig)
    hands.remove_headphones()
    sine = tone(amplitude=from_db(ocv.DIGITAL_LEVEL) * np.sqrt(2.0))[np.newaxis]
    voltages = {}
    with Soundcard(CARD) as card:
        for output, ear in enumerate(EARS, start=1):
            with card.playing(sine, outputs=[output]):
                voltages[ear] = hands.read_voltmeter(ear)
    headphone = Headphone(lab, truth["impedance"], truth["sensitivity"], truth["per"])
    calibration = ocv.calibrate(voltages, headphone)
    for ear, v_fs, at_ear in zip(EARS, truth["v_fs"], at_ears, strict=True):
        meter = calibration.chain(ear).links[0].u_db
        assert abs(db(calibration.details["v_fs_sine"][ear] / v_fs)) < 2 * meter
        expanded, _ = calibration.chain(ear).expanded()
        assert abs(db(calibration.sensitivity(ear) / at_ear)) < expanded


def test_the_search_at_the_ears_meets_its_target(rig: Rig) -> None:
    samples = noise(2.0)
    taken: list[Capture] = []
    with Soundcard(CARD) as card:
        ears = calibrated_ears(rig, card, 1)
        RigOperator(rig).seat_headphones()

        def measure(gain: float) -> tuple[float, float]:
            taken.append(card.play_and_record(gain * samples, inputs=[1, 2]))
            levels = leq(ears.apply(taken[-1]).pressure, FS, weighting="A").value
            return float(levels[0]), float(levels[1])

        found = hats.search_gain(measure, 65.0, tolerance=0.1, max_gain=10.0)
    assert len(found.steps) <= 4
    truth = np.array(rig.do("truth")["ear_pa_per_fs"])[:, np.newaxis]
    level = energetic_mean(leq(truth * taken[-1].samples, FS, weighting="A").value)
    expanded = max(ears.chain(ear).expanded()[0] for ear in EARS)
    assert abs(level - 65.0) < 0.1 + expanded
    assert all(take.flags == () for take in taken)


def test_the_study_runs_behind_the_server_as_it_does_in_the_simulation(
    rig: Rig, tmp_path: Path
) -> None:
    """compare_methods on two stimuli: everything it states agrees with the truth."""
    truth = rig.do("truth")
    changes = {
        "headphone": "closed-16",
        "impedance": str(truth["impedance"]),
        "sensitivity": str(truth["sensitivity"]),
        "sensitivity_per": truth["per"],
        "stimuli": "CG01,N1",
        "duration": "2",
        "insertions": "1",
        "indicators": "LA,LC",
    }
    with open_device(CARD, calibrating=True) as card:
        loaded = protocol.load("compare_methods")
        session = protocol.run(loaded, card, RigOperator(rig), tmp_path / "s", changes=changes)
    assert session.exit_status == "done"
    session.verify()
    ears = load_calibration(tmp_path / "s" / "calibration_before.json")
    for ear, expected in zip(EARS, truth["ear_pa_per_fs"], strict=True):
        assert abs(db(ears.sensitivity(ear) / expected)) < ears.chain(ear).expanded()[0]
    by_ocv = load_calibration(tmp_path / "s" / "calibration_ocv.json")
    for ear, v_fs in zip(EARS, truth["v_fs"], strict=True):
        meter = by_ocv.chain(ear).links[0].u_db
        assert abs(db(by_ocv.details["v_fs_sine"][ear] / v_fs)) < 2 * meter
    factors = np.array(truth["ear_pa_per_fs"])[:, np.newaxis]
    limit = 0.1 + max(ears.chain(ear).expanded()[0] for ear in EARS)
    for stimulus in ("CG01", "N1"):
        path = tmp_path / "s" / f"rec-{stimulus}_hats_run-1.wav"
        record = json.loads(path.with_suffix(".json").read_text())
        pressure = factors * audio.read(path).samples
        level = energetic_mean(leq(pressure, FS, weighting="A").value)
        assert abs(level - record["target"]) < limit
        assert record["flags"] == []
        assert record["capture"]["latency"] == PERIOD
    for name in ("indicators.csv", "agreement.csv", "report.html"):
        assert (tmp_path / "s" / "derivatives" / name).stat().st_size > 0


# Faults


def test_formats_the_device_has_not_are_refused(rig: Rig) -> None:
    with pytest.raises(DeviceUnavailable, match="refuses 44100 Hz; it offers 48000 Hz"):
        Soundcard(CARD, fs=44100)
    with (
        Soundcard(CARD, fs=48001) as card,
        pytest.raises(DeviceUnavailable, match="opened at 48000 Hz"),
    ):
        card.record(0.1)
    with (
        Soundcard(CARD) as card,
        pytest.raises(DeviceUnavailable, match=r"inputs 1 to 4; \[5\]"),
    ):
        card.record(0.1, inputs=[5])


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
def test_a_dead_server_ends_the_recording_and_keeps_the_file(
    real_time: Rig, number: signal.Signals, tmp_path: Path
) -> None:
    path = tmp_path / "take.wav"
    command = [sys.executable, "-m", "soundcal", "record", str(path), "--device", CARD]
    with real_time.broken():
        process = subprocess.Popen(
            [*command, "--duration", "60"], stderr=subprocess.PIPE, text=True
        )
        end = time.monotonic() + 20
        while time.monotonic() < end and not (path.exists() and path.stat().st_size > 500_000):
            time.sleep(0.02)
        real_time.kill("jackd", number)
        started = time.monotonic()
        _, printed = process.communicate(timeout=60)
        elapsed = time.monotonic() - started
    assert process.returncode == 3, printed
    assert elapsed < 4.0
    assert "incomplete" in printed
    record = json.loads(path.with_suffix(".json").read_text())
    assert audio.read(path).n_samples == record["capture"]["n_samples"] >= 20_000


def test_a_frozen_server_does_not_freeze_the_list(real_time: Rig) -> None:
    with real_time.broken():
        real_time.kill("jackd", signal.SIGSTOP)
        started = time.monotonic()
        cards, problem = probe()
        elapsed = time.monotonic() - started
        real_time.kill("jackd", signal.SIGCONT)
    assert cards == []
    assert "does not respond" in problem
    assert elapsed < 8.0


@pytest.mark.parametrize(("kind", "shift"), [("insert", 64), ("delete", -64)])
def test_slipped_samples_show_in_the_alignment_of_the_end(rig: Rig, kind: str, shift: int) -> None:
    """Neither PortAudio nor the frame count shows them: the rest of the take is displaced."""
    samples = noise(2.0, 1)
    with Soundcard(CARD) as card:
        rig.do("remove_headphones")
        rig.arm({"at": FS, "do": "insert", "n": 128}, {"at": FS + FS // 2, "do": kind, "n": 64})
        capture = card.play_and_record(samples, outputs=[1], inputs=[3], tail=0.1)
    reference = samples[0, -FS // 4 :]
    lags = np.arange(-400, 401)
    last = capture.samples[0]
    products = [last[2 * FS - FS // 4 + lag : 2 * FS + lag] @ reference for lag in lags]
    assert lags[int(np.argmax(products))] == 128 + shift


def test_without_the_server_there_is_no_device_and_a_remedy(rig: Rig) -> None:
    with rig.broken():
        rig.script("stop")
        with pytest.raises(DeviceUnavailable, match="finds no sound device: plug one in"):
            Soundcard(CARD)
