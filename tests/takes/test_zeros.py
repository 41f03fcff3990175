"""Zeros at the start, at the end and on one channel: found by the noise of the converter."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import SignalError
from soundcal.recording import Capture
from soundcal.takes.against_stimulus import judge_played
from soundcal.takes.check import Check
from soundcal.takes.judge import SignalChecks, judge, refuse_invalid

FS = 48000
LAB = "interface+open-300"
PLACES = {
    "start": (slice(0, 48), "from the start to 0.001 s"),
    "long start": (slice(0, 48_000), "from the start to 1.000 s"),
    "nearly all": (slice(0, 94_000), "from the start to 1.958 s"),
    "middle": (slice(24_000, 24_480), "from 0.500 s to 0.510 s"),
    "end": (slice(-48, None), "from 1.999 s to the end"),
    "0.09 s at the end": (slice(-4320, None), "from 1.910 s to the end"),
}


def quiet_room() -> Capture:
    with SimulatedLab(LAB, seed=1) as lab:
        return lab.record(2.0, inputs=[1, 2])


def calibrator() -> Capture:
    with SimulatedLab(LAB, seed=1) as lab:
        lab.attach_calibrator("left")
        return lab.record(2.0, inputs=[1, 2])


@pytest.fixture(scope="module", params=[quiet_room, calibrator], ids=["room", "calibrator"])
def take(request: pytest.FixtureRequest) -> Capture:
    record: Callable[[], Capture] = request.param
    return record()


def silenced(take: Capture, rows: list[int], part: slice) -> Capture:
    samples = take.samples.copy()
    samples[rows, part] = 0.0
    return replace(take, samples=samples, clipped=())


def of_channels(checks: tuple[Check, ...]) -> dict[str, Check]:
    return {check.channel: check for check in checks if check.name == "dropouts"}


@pytest.mark.parametrize("place", PLACES)
def test_zeros_on_one_channel_are_found_with_size_and_place(take: Capture, place: str) -> None:
    part, words = PLACES[place]
    for row, name in enumerate(("left", "right")):
        silent = silenced(take, [row], part)
        found = of_channels(judge(silent))
        n = len(range(*part.indices(take.n_samples)))
        assert (found[name].value, found[name].verdict) == (n, "invalid")
        assert f"{n} samples: {words}" in found[name].reason
        assert found["right" if row == 0 else "left"].verdict == "pass"
        with pytest.raises(SignalError, match=f"{n} samples: {words}"):
            refuse_invalid(silent, name)


@pytest.mark.parametrize("place", PLACES)
def test_zeros_on_all_channels_are_found(take: Capture, place: str) -> None:
    silent = silenced(take, [0, 1], PLACES[place][0])
    found = [check for check in judge(silent) if check.verdict == "invalid"]
    expected = ["gaps"] if place == "middle" else ["dropouts", "dropouts"]
    assert [check.name for check in found if check.name in ("gaps", "dropouts")] == expected


def test_a_take_without_zeros_passes(take: Capture) -> None:
    assert {check.verdict for check in of_channels(judge(take)).values()} == {"pass"}


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    kind=st.sampled_from(["white", "brown", "hum"]),
    start=st.integers(32, 9600),
    end=st.integers(32, 9600),
    cuts=st.lists(st.integers(1, 47_999), max_size=12),
)
def test_blocks_give_what_the_whole_gives(
    seed: int, kind: str, start: int, end: int, cuts: list[int]
) -> None:
    random = np.random.default_rng(seed)
    x = random.standard_normal(FS)
    if kind == "brown":
        x = np.cumsum(x)
    elif kind == "hum":
        x = 20 * np.sin(2 * np.pi * 50 * np.arange(FS) / FS + seed) + 0.3 * x
    x = np.round(20 * x) / 2**23
    x[:start] = x[FS - end :] = 0.0
    x[[start, FS - end - 1]] = 20 / 2**23  # not a zero of its own beside them
    whole, parts = SignalChecks(("mono",), FS), SignalChecks(("mono",), FS)
    whole.push(x[np.newaxis])
    for part in np.split(x[np.newaxis], sorted(cuts), axis=1):
        parts.push(part)
    (found,) = of_channels(whole.checks()).values()
    assert [found] == list(of_channels(parts.checks()).values())
    assert (found.value, found.verdict) == (start + end, "invalid")


def test_a_digital_signal_may_fade_and_a_faint_one_may_be_zero() -> None:
    time = np.arange(2 * FS) / FS
    tone = 0.1 * np.sin(2 * np.pi * 1000 * time)
    faded = tone * np.clip((time - 0.05) / 0.005, 0, 1) * np.clip((1.95 - time) / 0.005, 0, 1)
    slow = 8 * 2.0**-23 * np.sin(2 * np.pi * 50 * time)
    faint = 0.5 * 2.0**-23 * np.random.default_rng(1).standard_normal(2 * FS)
    for x in (faded, slow, faint):
        samples = np.round(x * 2**23) / 2**23
        (check,) = of_channels(judge(Capture(samples, FS))).values()
        assert (check.value, check.verdict) == (0.0, "pass")
    late = tone * np.clip((time - 0.5) / 0.005, 0, 1)
    (check,) = of_channels(judge(Capture(late, FS))).values()
    assert check.verdict == "suspect"
    assert "from the start to 0.500 s" in check.reason


@pytest.mark.parametrize("noise", [0, 1])
@pytest.mark.parametrize("part", [slice(0, 480), slice(-480, None)])
def test_a_played_stimulus_tells_where_zeros_are_lost_samples(noise: int, part: slice) -> None:
    played = 0.1 * np.random.default_rng(1).standard_normal((2, FS)).clip(-4, 4)
    with SimulatedLab(f"{LAB},noise={noise}", seed=1) as lab:
        clean = lab.play_and_record(played, inputs=[1, 2])
        paused = played.copy()
        paused[:, part] = 0.0
        silent = lab.play_and_record(paused, inputs=[1, 2])
    assert [check.reason for check in judge_played(clean, played) if check.verdict != "pass"] == []
    # zeros where nothing is played, as a digital path gives them, are no fault
    for heard in (silent, silenced(silent, [0, 1], part)):
        found = judge_played(heard, paused)
        assert {check.verdict for check in of_channels(found).values()} == {"pass"}
    for rows in ([0], [0, 1]):
        found = judge_played(silenced(clean, rows, part), played)
        assert (of_channels(found)["left"].value, len(rows) == 2) == (
            480,
            any(check.name == "gaps" and check.verdict == "invalid" for check in found),
        )
        assert of_channels(found)["left"].verdict == "invalid"
        assert of_channels(found)["right"].verdict == ("invalid" if len(rows) == 2 else "pass")
