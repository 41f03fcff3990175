"""The listening room on a soundcard: presentations through an audio server, watched from outside.

Run by ``tests/rig/audio-rig.sh run pytest -n 0 tests/listening_with_device.py``; about a minute.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from listening_room import Person
from virtual_soundcard import CARD, FS, Rig, RigOperator

from soundcal.devices.portaudio.soundcard import Soundcard
from soundcal.lab import protocol
from soundcal.listening.level_check import run_level_check
from soundcal.listening.serving import OpenRoom, open_room

STUDY = """\
schema = "soundcal/study/1"
title = "Twenty presentations through a soundcard"
id = "rig"
seed = 5
languages = ["eng"]

[texts.eng]
information = "You will hear two sounds, eight times each."
consent_version = "1"

[sound]
duration = 2
monitor = "loopback"
monitor_inputs = [3, 4]

[sound.conditions]
OCV = "ocv/gains_ocv.json"

[participants]
planned = 1

[[block]]
id = "main"
design = "paq"
stimuli = ["CG01", "N1"]
repeats = 8
"""

DROPOUT = [{"at": FS // 2, "do": "drop", "n": 480}]
STEP = [{"at": FS // 2, "do": "gain", "db": -4.0}, {"at": 2 * FS, "do": "gain", "db": 4.0}]


@pytest.fixture
def folder(rig: Rig, tmp_path: Path) -> Path:
    """A study whose gains are found with the virtual card."""
    rig.do("new_lab", name="lab,spread=0", seed=3)
    truth = rig.do("truth")
    changes = {
        "impedance": str(truth["impedance"]),
        "sensitivity": str(truth["sensitivity"]),
        "sensitivity_per": truth["per"],
        "stimuli": "CG01,N1",
        "duration": "2",
    }
    with Soundcard(CARD) as card:
        loaded = protocol.load("ocv_headphones")
        protocol.run(loaded, card, RigOperator(rig), tmp_path / "ocv", changes=changes)
        RigOperator(rig).plug_headphones()
    (tmp_path / "study.toml").write_text(STUDY, encoding="utf-8")
    return tmp_path


def rows(room: OpenRoom, sql: str) -> list[dict[str, Any]]:
    with room.store.read() as connection:
        return [dict(row) for row in connection.execute(sql)]


def visit(rig: Rig, room: OpenRoom, faults: dict[int, list[dict[str, Any]]]) -> None:
    """Take the visit to its end; before the sounds with these numbers, a fault is armed."""
    person = Person(room.room, room.room.join(token=room.room.invite(1)[0].token))
    until = time.monotonic() + 300.0
    while person.screen != "end":
        assert time.monotonic() < until, person.view
        if person.screen in ("playing", "technical") or person.view.data.get("playing"):
            time.sleep(0.01)
            continue
        if person.screen == "ready":
            n = len(rows(room, "SELECT 1 FROM presentation WHERE kind = 'trial'"))
            if n in faults:
                rig.arm(*faults.pop(n))
        person.go_on()


def test_twenty_presentations_a_dropout_and_a_level_step_are_caught_and_repeated(
    rig: Rig, folder: Path
) -> None:
    with Soundcard(CARD) as card, open_room(folder, card) as room:
        check = run_level_check("voltage", card, room.study, RigOperator(rig))
        assert check.passed, check.reasons
        room.note_level_check(check, operator="rig")
        visit(rig, room, {5: DROPOUT, 12: STEP})
        played = rows(room, "SELECT * FROM presentation ORDER BY id")
    trials = [row for row in played if row["kind"] == "trial"]
    assert len(trials) == 18  # 16, and two repeats
    invalid = [row for row in trials if row["state"] == "invalid"]
    assert [row["verdict"] for row in invalid] == ["invalid", "invalid"]
    assert "exact zeros" in invalid[0]["flags"] or "missing" in invalid[0]["flags"]
    assert "level" in invalid[1]["flags"]
    repeats = [row for row in trials if row["repeat_of"] is not None]
    assert [row["repeat_of"] for row in repeats] == [row["id"] for row in invalid]
    good = [row for row in played if row["state"] == "done"]
    assert (len(played), len(good)) == (21, 19)  # with the sounds that check the headphones
    assert {row["verdict"] for row in good} == {"pass"}
    deviations = [row["measured_db"] - row["target_db"] for row in good if row["kind"] == "trial"]
    print(f"level deviation: worst {max(map(abs, deviations)):.3f} dB")
    assert max(map(abs, deviations)) < 0.1


@contextmanager
def watched(seconds: float) -> Iterator[list[np.ndarray]]:
    """Record the line inputs by another process; give what it heard when both have ended."""
    heard: list[np.ndarray] = []

    def record() -> None:
        with Soundcard(CARD) as other:
            take = other.record(seconds, inputs=[3, 4], on_block=lambda _: ready.set())
            heard.append(take.samples)

    ready = threading.Event()
    thread = threading.Thread(target=record)
    thread.start()
    assert ready.wait(20.0)
    yield heard
    thread.join(60.0)


def noise(seconds: float) -> np.ndarray:
    n = round(seconds * FS)
    return 0.05 * np.clip(np.random.default_rng(2).standard_normal((2, n)), -4, 4)


def support(heard: np.ndarray) -> tuple[int, int]:
    """Return first and last sample that is not exactly zero."""
    there = np.flatnonzero(heard.any(axis=0))
    return int(there[0]), int(there[-1])


def test_nothing_leaves_the_card_before_the_samples_of_a_listener(real_time: Rig) -> None:
    real_time.do("new_lab", name="lab,spread=0,noise=0,response=0", seed=3)
    samples = noise(1.0)
    with watched(5.0) as heard, Soundcard(CARD) as card:
        take = card.play_and_record(samples, inputs=[3, 4], marker=False)
    assert take.flags == ()
    assert take.latency is not None
    first, _ = support(heard[0])
    x, s = heard[0][:, first : first + samples.shape[1]], samples
    gain = np.sum(x * s) / np.sum(s**2)
    # the first sample that is not zero is the first of the samples
    assert np.std(x - gain * s) < 0.01 * gain * np.std(s)


def test_a_stop_fades_out_and_the_number_of_samples_is_true(real_time: Rig) -> None:
    real_time.do("new_lab", name="lab,spread=0,noise=0,response=0", seed=3)
    samples, played = noise(5.0), 0

    def follow(block: Any) -> None:
        nonlocal played
        played = block.position + block.samples.shape[1]

    with watched(6.0) as heard, Soundcard(CARD) as card:
        told = card.play(samples, on_block=follow, stop=lambda: played > FS)
    assert FS < told.n_samples < 3 * FS
    first, last = support(heard[0])
    taps = 1200  # the filter of the path rings on
    assert told.n_samples - 20 <= last - first + 1 <= told.n_samples + taps
    x = heard[0][:, first : first + told.n_samples]
    fade = round(0.02 * FS)
    level = np.std(x[:, -4 * fade : -3 * fade])
    assert np.std(x[:, -fade // 10 :]) < 0.1 * level
    assert np.std(x[:, -2 * fade : -fade]) > 0.8 * level
