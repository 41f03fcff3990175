"""The player on the simulated lab: outcomes, monitor, limits, and silence where it must be."""

import queue
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from listening_sounds import opened_lab, study_with_sounds

from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import DeviceUnavailable, ParameterError, StreamError
from soundcal.listening.cues import CUE
from soundcal.listening.monitor import LEVEL_DEVIATION
from soundcal.listening.player import Busy, Player, PlayerEvent
from soundcal.listening.sound import SoundBook
from soundcal.listening.study import Limits, Study

FS = 48000


class Heard:
    """The events of a player, waited for."""

    def __init__(self) -> None:
        self._events: queue.Queue[PlayerEvent] = queue.Queue()
        self.put = self._events.put

    def next(self, kind: str = "ended") -> PlayerEvent:
        """Return the next event of a kind."""
        while (event := self._events.get(timeout=60.0)).kind != kind:
            continue
        return event

    @property
    def silent(self) -> bool:
        """True if nothing more has happened."""
        return self._events.empty()


@contextmanager
def playing(
    study: Study, device: Any = None, **options: Any
) -> Iterator[tuple[Player, Heard, Any]]:
    heard = Heard()
    device = device or opened_lab()
    with (
        closing(SoundBook(study)) as book,
        device,
        closing(Player(device, book, study, heard.put, **options)) as player,
    ):
        yield player, heard, device


class Wrapped:
    """A lab that does something of its own when it plays."""

    def __init__(self, change: Callable[[np.ndarray], np.ndarray], **options: Any) -> None:
        self._lab, self._change = opened_lab(**options), change

    def __getattr__(self, name: str) -> Any:
        return getattr(self._lab, name)

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: Any) -> None:
        self._lab.close()

    def play_and_record(self, samples: np.ndarray, **options: Any) -> Any:
        return self._lab.play_and_record(self._change(samples), **options)


def test_a_presentation_is_played_recorded_and_judged(sounds: Path) -> None:
    with playing(study_with_sounds(sounds)) as (player, heard, _):
        player.start(7, "HATS", "CG01")
        started, first = heard.next("started"), heard.next()
        assert started.presentation == first.presentation == 7
        assert (first.outcome, first.n_samples, first.verdict) == ("done", 2 * FS, "pass")
        assert first.measured_db is None  # it is the reference
        player.start(8, "OCV", "N1")
        second = heard.next()
        predicted = player.book.presentable("OCV", "N1").predicted_db
        assert second.verdict == "pass"
        assert second.measured_db == pytest.approx(predicted, abs=0.05)
        assert second.flags == ()
        names = {check["name"] for check in second.checks}
        assert {LEVEL_DEVIATION, "slips", "dropouts"} <= names
        assert player.position() is None


@pytest.mark.parametrize("cue", ["left", "right", "comfort"])
def test_cues_are_played_and_judged_like_presentations(sounds: Path, cue: str) -> None:
    with playing(study_with_sounds(sounds)) as (player, heard, _):
        player.cue(1, cue)
        ended = heard.next()
    assert (ended.outcome, ended.verdict, ended.flags) == ("done", "pass", ())


def test_without_a_monitor_there_is_no_verdict(sounds: Path) -> None:
    with playing(study_with_sounds(sounds, monitor="none")) as (player, heard, _):
        player.start(1, "HATS", "CG01")
        ended = heard.next()
    assert (ended.outcome, ended.n_samples) == ("done", 2 * FS)
    assert (ended.verdict, ended.measured_db, ended.checks) == (None, None, ())


@pytest.mark.parametrize("monitor", ["none", "loopback"])
def test_stop_fades_and_the_outcome_says_how_much_was_played(sounds: Path, monitor: str) -> None:
    study = study_with_sounds(sounds, monitor=monitor)
    with playing(study, opened_lab(realtime=True)) as (player, heard, _):
        player.start(1, "HATS", "CG01")
        heard.next("started")
        seconds, total = player.position() or (0.0, 0.0)
        assert 0.0 <= seconds < total == 2.0
        with pytest.raises(Busy, match="presentation 1 is in progress"):
            player.start(2, "HATS", "CG01")
        player.stop()
        ended = heard.next()
        assert (ended.presentation, ended.outcome) == (1, "stopped")
        assert 0 < ended.n_samples < 1.8 * FS
        player.start(3, "HATS", "N1")
        assert heard.next("started").presentation == 3
        player.stop()
        assert heard.next().outcome == "stopped"


def test_a_presentation_stopped_before_it_begins_is_silent(sounds: Path) -> None:
    with playing(study_with_sounds(sounds)) as (player, heard, lab):
        lab.chain.reset(0)
        book = player.book
        ready = book.samples

        def late(condition: str, stimulus: str) -> np.ndarray:
            player.stop()
            return ready(condition, stimulus)

        book.samples = late  # type: ignore[method-assign]
        player.start(1, "HATS", "CG01")
        ended = heard.next()
        assert (ended.outcome, ended.n_samples) == ("stopped", 0)
        assert heard.silent


def test_nothing_plays_after_close(sounds: Path) -> None:
    study = study_with_sounds(sounds)
    with playing(study, opened_lab(realtime=True)) as (player, heard, _):
        player.start(1, "HATS", "CG01")
        heard.next("started")
        player.close()
        assert heard.next().outcome == "stopped"
        with pytest.raises(DeviceUnavailable, match="the player is closed"):
            player.start(2, "HATS", "CG01")
        assert heard.silent


def test_participants_hear_exact_zeros_before_the_sound(
    sounds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with playing(study_with_sounds(sounds)) as (player, heard, lab):
        sent: list[np.ndarray] = []
        process = lab.chain.process

        def listening(block: np.ndarray, *more: Any) -> np.ndarray:
            sent.append(block.copy())
            return np.asarray(process(block, *more))

        monkeypatch.setattr(lab.chain, "process", listening)
        samples = player.book.samples("HATS", "CG01")
        player.start(1, "HATS", "CG01")
        heard.next()
        played = np.concatenate(sent, axis=1)
    first = int(np.flatnonzero(samples.any(axis=0))[0])
    assert not played[:, :first].any()
    np.testing.assert_array_equal(played[:, : samples.shape[1]], samples)
    assert not played[:, samples.shape[1] :].any()


@pytest.mark.parametrize(
    ("moved", "verdict", "outcome"),
    [(-0.2, "pass", "done"), (-0.6, "suspect", "done"), (-3.0, "invalid", "invalid")],
)
def test_a_knob_that_is_moved_shows_in_level_and_verdict(
    sounds: Path, moved: float, verdict: str, outcome: str
) -> None:
    with playing(study_with_sounds(sounds)) as (player, heard, lab):
        player.start(1, "HATS", "CG01")
        heard.next()
        lab.turn_knob(moved)
        player.start(2, "HATS", "N1")
        ended = heard.next()
        predicted = player.book.presentable("HATS", "N1").predicted_db
    assert (ended.verdict, ended.outcome) == (verdict, outcome)
    assert ended.measured_db == pytest.approx(predicted + moved, abs=0.05)
    assert any("volume control" in flag for flag in ended.flags) == (verdict != "pass")


def dropout(samples: np.ndarray) -> np.ndarray:
    """Silence 10 ms where the sound is strong."""
    broken = samples.copy()
    power = (samples[:, : samples.shape[1] // 480 * 480] ** 2).sum(axis=0)
    at = 480 * int(np.argsort(power.reshape(-1, 480).sum(axis=1))[-20])
    broken[:, at : at + 480] = 0.0
    return broken


def test_a_dropout_makes_a_presentation_invalid(sounds: Path) -> None:
    with playing(study_with_sounds(sounds), Wrapped(dropout)) as (player, heard, _):
        player.start(1, "HATS", "CG01")
        ended = heard.next()
    assert (ended.outcome, ended.verdict) == ("invalid", "invalid")
    assert any("ms of the sound are missing" in flag for flag in ended.flags)


def test_swapped_ears_are_found(sounds: Path) -> None:
    swapped = Wrapped(lambda samples: samples[::-1])
    with playing(study_with_sounds(sounds), swapped) as (player, heard, _):
        player.cue(1, "left")
        ended = heard.next()
    assert ended.outcome == "invalid"
    assert any("whether left and right are swapped" in flag for flag in ended.flags)


def test_a_broken_stream_fails_the_presentation_and_not_the_player(sounds: Path) -> None:
    def unplugged(samples: np.ndarray) -> np.ndarray:
        raise StreamError("the device has vanished")

    with playing(study_with_sounds(sounds), Wrapped(unplugged)) as (player, heard, _):
        player.start(1, "HATS", "CG01")
        ended = heard.next()
        assert (ended.outcome, ended.flags) == ("failed", ("the device has vanished",))
        player.start(2, "HATS", "CG01")
        assert heard.next().presentation == 2


def test_a_sound_beyond_the_limits_is_not_played(sounds: Path) -> None:
    study = study_with_sounds(sounds, limits=Limits(laeq_db=50.0))
    with playing(study) as (player, heard, _):
        player.start(1, "HATS", "CG01")
        ended = heard.next()
    assert (ended.outcome, ended.n_samples) == ("failed", 0)
    assert "exceeds the limit of 50 dB" in ended.flags[0]


def test_limits_above_the_ceilings_and_other_devices_are_refused(sounds: Path) -> None:
    with (
        pytest.raises(ParameterError, match="at most 94 dB"),
        playing(study_with_sounds(sounds, limits=Limits(laeq_db=100.0))),
    ):
        pass
    other = SimulatedLab("onboard+closed-16", seed=3)
    with (
        pytest.raises(DeviceUnavailable, match="gains were found with sim:lab"),
        playing(study_with_sounds(sounds), other),
    ):
        pass
    accepted = {"accept_device": "the same card under another name"}
    with playing(study_with_sounds(sounds), SimulatedLab("lab", seed=3), **accepted) as (
        player,
        heard,
        _,
    ):
        player.start(1, "HATS", "CG01")
        assert heard.next().outcome == "done"


def test_unknown_sounds_are_refused_at_once(sounds: Path) -> None:
    with playing(study_with_sounds(sounds)) as (player, heard, _):
        with pytest.raises(ParameterError, match="no cue"):
            player.start(1, CUE, "both")
        with pytest.raises(ParameterError, match="no stimulus"):
            player.start(1, "HATS", "none")
        assert heard.silent
        assert player.position() is None
