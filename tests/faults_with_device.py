"""The fault matrix: faults of the virtual soundcard, and soundcal's messages and files after them.

Faults happen at known samples (``tests/rig/simcard.py``), behind real PortAudio and a real audio
server. Each test states the verdict with its words and the exit code, and compares the samples that
are kept with those delivered before the fault.
"""

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from virtual_soundcard import CARD, FS, Rig, RigOperator, noise, tone

from soundcal.cli import main
from soundcal.devices.portaudio.soundcard import Soundcard
from soundcal.errors import SignalError, StreamError
from soundcal.files import audio
from soundcal.files.session import Session
from soundcal.lab import protocol
from soundcal.recording import Capture
from soundcal.takes.against_stimulus import judge_played
from soundcal.takes.alignment import GAP_S, marker
from soundcal.takes.check import Check

TIMES = np.arange(FS) / FS

BEFORE = marker(FS).size + round(GAP_S * FS)
"""Samples from the first one played to the first one of the take."""

AT = FS + 1000
"""Sample of the take at which the fault happens."""

STORE: dict[str, Any] = {"at": 0, "do": "insert", "n": 2048}
"""Inserts samples that can be deleted later; the samples after them are delayed by their number."""


def fault(what: str, at: int = AT, **how: Any) -> dict[str, Any]:
    return {"at": BEFORE + at, "do": what, **how}


def deleted(n: int) -> list[dict[str, Any]]:
    return [STORE, fault("delete", AT + STORE["n"], n=n)]


def fading(n: int) -> list[dict[str, Any]]:
    return [fault("gain", db=-50.0), fault("gain", AT + n, db=50.0)]


def played(card: Soundcard, samples: np.ndarray, inputs: list[int]) -> Capture:
    """A take of the samples played; without its rate, since a fast server has no clock."""
    return replace(card.play_and_record(samples, inputs=inputs), delivered_rate=None)


def reasons(checks: tuple[Check, ...], verdict: str) -> str:
    return "; ".join(check.reason for check in checks if check.verdict == verdict)


MATRIX = {
    "dropout": ([fault("drop", n=480)], "invalid", "480 samples in all, first at 1.021 s"),
    "insertion": ([fault("insert", n=128)], "invalid", "128 samples inserted at 1.0208 s"),
    "deletion": (deleted(64), "invalid", "64 samples missing at 1.0208 s"),
    "repetition": ([fault("repeat", n=512)], "invalid", "1 block of samples delivered twice"),
    "level step": ([fault("gain", db=-1.0)], "invalid", "the level changes by -"),
    "mute": ([fault("mute")], "invalid", "1 gap of exact zeros on left"),
    "fast clock": ([{"at": 0, "do": "ppm", "ppm": 100.0}], "suspect", "output's by +100."),
    "slow clock": ([{"at": 0, "do": "ppm", "ppm": -100.0}], "suspect", "output's by -100."),
}


@pytest.mark.parametrize("kind", MATRIX)
def test_a_fault_while_noise_is_played_is_named(rig: Rig, kind: str, tmp_path: Path) -> None:
    faults, verdict, words = MATRIX[kind]
    rig.do("new_lab", name="interface+open-300,noise=0", seed=3)
    rig.do("remove_headphones")
    truth = rig.do("truth")
    samples = noise(3.0)
    rig.arm(*faults)
    with Soundcard(CARD) as card:
        take = played(card, samples, [3, 4])
    checks = judge_played(take, samples, expected=3 * FS)
    assert words in reasons(checks, verdict)
    if verdict == "suspect":
        assert reasons(checks, "invalid") == ""
    audio.write(tmp_path / "take.wav", take.samples, FS, subtype="FLOAT")
    kept = audio.read(tmp_path / "take.wav").samples
    if verdict == "invalid":  # a clock is wrong from the beginning, everything else from AT on
        gains = np.sqrt(2) * np.divide(truth["v_fs"], truth["line_v_per_fs"])[:, np.newaxis]
        heard = (gains * samples)[:, :AT]
        # the other output leaks in by -70 dB, converters round to 24 bit
        np.testing.assert_allclose(kept[:, :AT], heard, atol=0.1 * 10 ** (-60 / 20))


TONES = {
    "insertion": ([fault("insert", n=20)], "invalid", "the tone jumps: 20.0 samples inserted at"),
    "deletion": (deleted(1), "invalid", "the tone jumps: 1.0 samples missing"),
    "fading": (fading(480), "invalid", "the tone is missing at 1.02"),
    "level step": ([fault("gain", db=0.3)], "suspect", "level changes by +0.30 dB"),
    "slow clock": ([{"at": 0, "do": "ppm", "ppm": -100.0}], "suspect", "output's by -100."),
}


@pytest.mark.parametrize("kind", TONES)
def test_a_fault_while_a_tone_is_played_is_named(rig: Rig, kind: str) -> None:
    faults, verdict, words = TONES[kind]
    samples = np.stack([tone(seconds=3.0), tone(seconds=3.0)])
    rig.arm(*faults)
    with Soundcard(CARD) as card:
        take = played(card, samples, [1, 2])
    checks = judge_played(take, samples)
    assert words in reasons(checks, verdict)
    if verdict == "suspect":
        assert reasons(checks, "invalid") == ""


def test_without_a_fault_nothing_is_said(rig: Rig) -> None:
    with Soundcard(CARD) as card:
        for samples in (noise(3.0), np.stack([tone(seconds=3.0)] * 2)):
            checks = judge_played(played(card, samples, [1, 2]), samples)
            assert [check.reason for check in checks if check.verdict != "pass"] == []


# soundcal record: with the calibrator on the left ear, positions from the first sample recorded


def recorded(rig: Rig, path: Path, *faults: dict[str, Any], seconds: float) -> tuple[int, dict]:
    """Record with faults; return exit code and record."""
    rig.do("attach_calibrator", ear="left", level=94.0, frequency=1000.0)
    rig.arm(*faults, silent=True)
    code = main(
        ["record", str(path), "--device", CARD, "--duration", f"{seconds}", "--inputs", "1,2"]
    )
    return code, json.loads(path.with_suffix(".json").read_text())


def verdict_of(record: dict[str, Any]) -> str:
    found = {check["verdict"] for check in record["checks"]}
    return next(word for word in ("invalid", "suspect", "pass") if word in found)


def check_tone(path: Path, record: dict[str, Any], n_samples: int) -> None:
    """The file is as long as its record says, and the tone is whole in its first samples."""
    samples = audio.read(path).samples
    assert samples.shape == (2, record["capture"]["n_samples"])
    x = samples[0, :n_samples]
    time_ = np.arange(n_samples) / FS
    basis = np.stack([f(2 * np.pi * 1000 * time_) for f in (np.sin, np.cos)], axis=1)
    pieces = np.array_split(np.arange(n_samples), n_samples // 2400)  # its level wanders a little
    rests = [x[i] - basis[i] @ np.linalg.lstsq(basis[i], x[i], rcond=None)[0] for i in pieces]
    assert (
        max(rest.std() for rest in rests) < 0.05 * x.std()
    )  # one lost sample leaves 0.065, the noise 0.033


WHOLE = {
    "dropout": ({"do": "drop", "n": 480}, "480 samples in all"),
    "repetition": ({"do": "repeat", "n": 1000}, "1 block of samples delivered twice, 1000 samples"),
    "mute": ({"do": "mute"}, "to the end"),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_a_recording_with_a_fault_is_kept_and_called_invalid(
    rig: Rig, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    what, words = WHOLE[kind]
    path = tmp_path / "take.wav"
    code, record = recorded(rig, path, {"at": 2 * FS, **what}, seconds=2.5)
    assert code == 0
    assert verdict_of(record) == "invalid"
    assert any(words in flag["text"] for flag in record["flags"])
    printed = capsys.readouterr().err
    assert words in printed
    assert "verdict: invalid" in printed
    assert record["capture"]["n_samples"] == 2.5 * FS
    check_tone(path, record, FS)


@pytest.mark.parametrize("kind", ["exit", "crash"])
def test_a_device_that_goes_ends_the_recording_and_what_is_there_is_kept(
    real_time: Rig, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "take.wav"
    with real_time.broken():
        code, record = recorded(real_time, path, {"at": 2 * FS, "do": kind}, seconds=10.0)
    assert code == StreamError.exit_code
    printed = capsys.readouterr().err
    assert "incomplete" in printed
    assert "vanished" in printed or "no response for" in printed
    # the preroll and what was on its way when the device went do not count
    assert record["capture"]["n_samples"] >= FS
    check_tone(path, record, FS)


def test_a_card_that_stalls_for_a_moment_is_suspect(real_time: Rig, tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    stall = {"at": FS, "do": "stall", "s": 0.4}
    code, record = recorded(real_time, path, stall, seconds=1.5)
    assert code == 0
    assert any("flow" in flag["text"] for flag in record["flags"])
    assert verdict_of(record) in ("suspect", "invalid")
    # nothing is lost behind a server that waits, and what is there is right
    check_tone(path, record, round(1.5 * FS))


def test_a_card_that_stalls_for_good_ends_the_recording(real_time: Rig, tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    started = time.monotonic()
    with real_time.broken():
        stall = {"at": 2 * FS, "do": "stall", "s": 30.0}
        code, record = recorded(real_time, path, stall, seconds=20.0)
        assert time.monotonic() - started < 12.0
    assert code == StreamError.exit_code
    assert any("no response for" in flag["text"] for flag in record["flags"])
    check_tone(path, record, FS)


def test_a_card_that_delivers_another_rate_is_invalid(real_time: Rig, tmp_path: Path) -> None:
    path = tmp_path / "take.wav"
    code, record = recorded(real_time, path, {"at": 0, "do": "slow", "factor": 1.25}, seconds=4.0)
    assert code == 0
    (rate,) = [check for check in record["checks"] if check["name"] == "rate"]
    assert rate["verdict"] == "invalid"
    assert rate["value"] < -1e5  # ppm
    assert "samples per second instead of 48000" in rate["reason"]


# soundcal play


def test_a_device_that_goes_while_playing_is_an_error(
    real_time: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "noise.wav"
    audio.write(path, noise(4.0), FS)
    with real_time.broken():
        real_time.arm({"at": FS, "do": "exit"})
        assert main(["play", str(path), "--device", CARD]) == StreamError.exit_code
    assert "replug it" in capsys.readouterr().err


# Calibrations and sessions


def calibrate(path: Path, *options: str) -> int:
    words = ["calibrate", "--device", CARD, "--ears", "left", "--ready", "--insertions", "2"]
    return main([*words, "--out", str(path), "--force", *options])


REFUSED = {
    "dropout": ([{"at": 4 * FS, "do": "drop", "n": 480}], "480 samples in all"),
    "slip": (
        [STORE, {"at": 16 * FS, "do": "delete", "n": 3}],
        "the phase of the tone jumps: 3.0 samples missing",
    ),
    "repetition": ([{"at": 4 * FS, "do": "repeat", "n": 1000}], "delivered twice"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_an_invalid_take_becomes_no_calibration(
    rig: Rig, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    faults, words = REFUSED[kind]
    out = tmp_path / "ears.json"
    out.write_text("the calibration of yesterday")
    rig.do("attach_calibrator", ear="left", level=94.0, frequency=1000.0)
    rig.arm(*faults, silent=True)
    assert calibrate(out) == SignalError.exit_code
    printed = capsys.readouterr().err
    assert words in printed
    assert "left: the take is invalid" in printed
    assert out.read_text() == "the calibration of yesterday"
    assert list(tmp_path.iterdir()) == [out]


def test_an_unplugged_device_leaves_no_calibration(
    rig: Rig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unplugged during the second of two takes: an earlier calibration stays as it was."""
    out = tmp_path / "ears.json"
    out.write_text("the calibration of yesterday")
    rig.do("attach_calibrator", ear="left", level=94.0, frequency=1000.0)
    with rig.broken():
        rig.arm({"at": 16 * FS, "do": "exit"}, silent=True)
        assert calibrate(out) == StreamError.exit_code
    assert "the device has vanished" in (printed := capsys.readouterr().err)
    assert "replug it and repeat the take" in printed
    assert out.read_text() == "the calibration of yesterday"
    assert list(tmp_path.iterdir()) == [out]


class Clumsy(RigOperator):
    """An operator who causes the faults before the first recording."""

    def __init__(self, rig: Rig, *faults: dict[str, Any]) -> None:
        super().__init__(rig)
        self._faults = faults

    def tell(self, text: str) -> None:
        if text.startswith("  left ") and text.endswith(" dB"):  # the noise floor is measured
            self._rig.arm(*self._faults)


def session(rig: Rig, folder: Path, *faults: dict[str, Any]) -> Session:
    truth = rig.do("truth")
    changes = {"headphone": "closed-16", "stimuli": "N1", "duration": "2"}
    changes |= {"impedance": str(truth["impedance"]), "sensitivity": str(truth["sensitivity"])}
    changes |= {"sensitivity_per": truth["per"], "insertions": "1", "report": "no"}
    loaded = protocol.load("compare_methods")
    with Soundcard(CARD) as card:
        return protocol.run(loaded, card, Clumsy(rig, *faults), folder, changes=changes)


def test_a_session_keeps_what_it_had_when_the_device_went(rig: Rig, tmp_path: Path) -> None:
    with (
        rig.broken(),
        pytest.raises(StreamError, match="the device has vanished"),
    ):
        session(rig, tmp_path / "s", {"at": 0, "do": "exit"})
    kept = Session(tmp_path / "s")
    kept.verify()
    assert kept.exit_status == "failed"
    assert "vanished" in kept.events()[-1]["reason"]
    assert (tmp_path / "s" / "calibration_before.json").is_file()
    assert list((tmp_path / "s").glob("rec-*_ocv*")) == []


def test_a_session_keeps_the_verdict_with_the_recording(rig: Rig, tmp_path: Path) -> None:
    session(rig, tmp_path / "s", fault("drop", AT, n=480), fault("drop", AT + 9600, n=480))
    path = tmp_path / "s" / "rec-N1_ocv_run-1.json"
    record = json.loads(path.read_text())
    assert verdict_of(record) == "invalid"
    assert any("960 samples in all, first at 1.021 s" in flag["text"] for flag in record["flags"])
    samples = audio.read(path.with_suffix(".wav")).samples
    assert not samples[:, AT : AT + 480].any()
    assert samples[:, AT - 1].any()
    assert samples[:, AT + 480].any()


# Properties, over many takes: one long stream behind real PortAudio, cut into pieces of 0.5 s

CHECK_OF = {"drop": "gaps", "repeat": "repeated blocks", "gain": "level step"}


def test_faults_are_found_in_random_takes_and_none_where_there_is_none(rig: Rig) -> None:
    """SOUNDCAL_TAKES raises the number of takes; every second one has a fault."""
    number = int(os.environ.get("SOUNDCAL_TAKES", "60"))
    random = np.random.default_rng(number)
    n = FS // 2
    kinds = (
        lambda: random.normal(0, 0.03, (2, n)),
        lambda: np.cumsum(random.normal(0, 0.03, (2, n)), axis=1) / np.sqrt(n),
        lambda: np.outer([0.1, 0.1], np.sin(2 * np.pi * random.uniform(100, 8000) * TIMES[:n])),
    )
    pieces = [np.clip(kinds[i % 3](), -0.5, 0.5) for i in range(number)]
    faults, names = [], {}
    for i in range(1, number, 2):
        # the level of the second kind is never steady
        names[i] = str(random.choice(["drop", "repeat"] if i % 3 == 1 else [*CHECK_OF]))
        if names[i] == "gain":
            step = float(random.choice([-6.0, 6.0]))
            faults.append(fault("gain", i * n + int(random.integers(10000, n - 10000)), db=step))
            faults.append(fault("gain", (i + 1) * n, db=-step))
            continue
        size = int(random.integers(32 if names[i] == "drop" else 64, 4000))
        # a repetition starts where the piece has enough samples to repeat
        faults.append(fault(names[i], i * n + int(random.integers(6000, n - 6000)), n=size))
    rig.arm(*faults)
    with Soundcard(CARD) as card:
        take = played(card, np.concatenate(pieces, axis=1), [1, 2])
    for i, piece in enumerate(pieces):
        part = replace(take, samples=take.samples[:, i * n : (i + 1) * n], clipped=(), flags=())
        invalid = {check.name for check in judge_played(part, piece) if check.verdict == "invalid"}
        if i in names:
            assert CHECK_OF[names[i]] in invalid, (i, names[i])
        else:
            assert invalid == set(), i
