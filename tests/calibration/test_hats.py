"""Gain search: how many measurements, what stops it, and the published tables."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soundcal.calibration import hats
from soundcal.calibration.hats import GainSearch, Track, search_gain, search_gains, search_track
from soundcal.errors import ParameterError, RecordError, SignalError, TargetNotReached
from soundcal.files.gain_tables import INPUT_COLUMNS, OUTPUT_COLUMNS, output_table, read_tracks
from soundcal.units import db, energetic_mean, from_db

Chain = Callable[[float], tuple[float, float]]


def chain(left: float, right: float, *, floor: float = -math.inf, jitter: float = 0.0) -> Chain:
    """A linear chain with the given levels at gain 1, a noise floor and random errors in dB."""
    rng = np.random.default_rng(1)

    def level(gain: float, at_one: float) -> float:
        power = gain**2 * 10 ** (at_one / 10) + 10 ** (floor / 10)
        return 10 * math.log10(power) + rng.normal(0.0, jitter) if power else -math.inf

    return lambda gain: (level(gain, left), level(gain, right))


@given(st.floats(50.0, 120.0), st.floats(-10.0, 10.0), st.floats(20.0, 110.0), st.floats(-60, 0))
def test_two_measurements_on_a_linear_chain_without_noise(
    left: float, difference: float, target: float, start: float
) -> None:
    found = search_gain(chain(left, left + difference), target, start=from_db(start))
    assert len(found.steps) <= 2
    assert found.level == pytest.approx(target, abs=0.1)
    assert found.gains[0] == found.gains[1]
    assert energetic_mean(found.levels) == found.level


@given(st.floats(50.0, 110.0), st.floats(-6.0, 6.0), st.floats(35.0, 100.0))
@settings(max_examples=60)
def test_at_most_four_measurements_on_a_noisy_chain(
    left: float, difference: float, target: float
) -> None:
    found = search_gain(chain(left, left + difference, floor=30.0, jitter=0.02), target)
    assert len(found.steps) <= 4
    true = energetic_mean([left, left + difference]) + found.gain_db[0]
    assert true == pytest.approx(target, abs=0.25)


def test_the_floors_energy_is_subtracted() -> None:
    found = search_gain(chain(90.0, 90.0, floor=50.0), 55.0, tolerance=0.01)
    assert found.gain_db[0] == pytest.approx(-35.0, abs=0.011)
    assert found.steps[-1].levels[0] == pytest.approx(56.19, abs=0.02)


def test_a_floor_above_the_target_is_said_before_anything_is_played() -> None:
    played = []

    def measure(gain: float) -> tuple[float, float]:
        played.append(gain)
        return chain(90.0, 90.0, floor=66.8)(gain)

    with pytest.raises(TargetNotReached, match=r"floor 66\.80 dB, above the target 60 dB.*quieter"):
        search_gain(measure, 60.0)
    assert played == [0.0]


def test_a_given_floor_is_not_measured_again() -> None:
    def measure(gain: float) -> tuple[float, float]:
        assert gain > 0
        return chain(90.0, 90.0)(gain)

    assert search_gain(measure, 60.0, floor=(20.0, 20.0)).floor == (20.0, 20.0)


def test_no_gain_clips_and_the_missing_decibels_are_named() -> None:
    gains: list[float] = []

    def measure(gain: float) -> tuple[float, float]:
        gains.append(gain)
        return chain(70.0, 70.0)(gain)

    with pytest.raises(TargetNotReached, match=r"76\.02 dB at the largest gain.*at least 4\.0 dB"):
        search_gain(measure, 80.0, max_gain=2.0)
    assert max(gains) <= 2.0 * (1 + 1e-12)
    assert len(gains) == 3  # floor, first guess, largest gain


def test_a_chain_that_stays_silent_is_said() -> None:
    with pytest.raises(TargetNotReached, match=r"does not rise 3 dB above the noise floor.*mute"):
        search_gain(lambda gain: (-math.inf, -math.inf), 60.0, max_gain=2.0)
    with pytest.raises(TargetNotReached, match=r"does not rise 3 dB.*\(30\.00 dB\)"):
        search_gain(lambda gain: (30.0, 30.0), 60.0, max_gain=2.0)


@given(st.floats(1e-3, 1.0))
def test_the_largest_gain_never_exceeds_full_scale(peak: float) -> None:
    played: list[float] = []

    def measure(gain: float) -> tuple[float, float]:
        played.append(peak * gain)
        return chain(70.0, 70.0)(gain)

    search_gain(measure, 70.0 - db(peak), max_gain=1.0 / peak, tolerance=0.01)
    assert max(played) <= 1.0


def test_a_target_at_the_very_limit_is_reached() -> None:
    found = search_gain(chain(70.0, 70.0), 76.0, max_gain=2.0)
    assert found.level == pytest.approx(76.0, abs=0.1)


def test_a_start_buried_in_noise_climbs_out_by_the_multiplier() -> None:
    track = Track(55.0, start=1e-4, multiplier=10.0)
    found = search_track(chain(100.0, 100.0, floor=40.0), track)
    assert found.boundary_steps >= 1
    assert found.level == pytest.approx(55.0, abs=0.1)


def test_compression_is_followed_by_the_secant() -> None:
    def measure(gain: float) -> tuple[float, float]:
        level = -math.inf if gain == 0 else 80.0 + 0.7 * db(gain)
        return level, level

    found = search_gain(measure, 50.0)
    assert len(found.steps) <= 3
    assert found.level == pytest.approx(50.0, abs=0.1)


def test_a_step_is_bracketed_by_bisection() -> None:
    """A limiter: nothing changes above a gain, so that only the bracket leads home."""

    def measure(gain: float) -> tuple[float, float]:
        level = 40.0 if gain < 0.1 else 40.0 + 30.0 * min(1.0, (db(gain) + 20.0) / 4.0)
        return level, level

    found = search_track(measure, Track(55.0, 0.5, max_measurements=20), floor=(0.0, 0.0))
    assert found.level == pytest.approx(55.0, abs=0.5)


def test_a_chain_that_does_not_obey_ends_with_the_nearest() -> None:
    with pytest.raises(TargetNotReached, match=r"within ±0\.1 dB after 12 measurements; nearest"):
        search_gain(lambda gain: (70.0, 70.0) if gain else (20.0, 20.0), 60.0)


def test_without_strict_the_problem_is_in_the_result() -> None:
    found = search_gain(chain(90.0, 90.0, floor=66.0), 60.0, strict=False)
    assert not found.reached
    assert found.steps == ()
    assert found.gains == (0.0, 0.0)
    with pytest.raises(TargetNotReached):
        found.require()


def test_each_ear_can_have_its_own_gain() -> None:
    def measure(left: float, right: float) -> tuple[float, float]:
        return chain(90.0, 0.0)(left)[0], chain(0.0, 84.0)(right)[1]

    found = search_gains(measure, Track(60.0))
    assert len(found.steps) == 2
    assert found.gain_db == pytest.approx((-30.0, -24.0), abs=0.1)
    assert found.levels == pytest.approx((60.0, 60.0), abs=0.1)
    assert hats.gain_for_other_target(found, 66.0)[1] == pytest.approx(
        found.gains[1] * 1.9953, 1e-4
    )


def test_levels_that_are_no_numbers_and_impossible_settings_are_refused() -> None:
    with pytest.raises(SignalError, match="two numbers"):
        search_gain(lambda gain: (math.nan, 50.0), 60.0, floor=(0.0, 0.0))
    for wrong in ({"tolerance": 0.0}, {"start": -1.0}, {"max_gain": 0.0}):
        with pytest.raises(ParameterError, match=next(iter(wrong))):
            search_gain(chain(90.0, 90.0), 60.0, **wrong)


def test_a_record_of_a_search_holds_no_infinities() -> None:
    import json

    found = search_gain(chain(90.0, 90.0), 60.0)
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["floor"] == [None, None]


def many(n: int) -> tuple[dict[str, GainSearch], dict[str, tuple[float, float]]]:
    rng = np.random.default_rng(2)
    searches, digital = {}, {}
    for i in range(n):
        level, colour = rng.uniform(-40.0, -20.0), rng.normal(0.0, 1.0)
        measure = chain(110.0 + level + colour, 111.0 + level + colour)
        searches[f"s{i}"] = search_gain(measure, 65.0)
        digital[f"s{i}"] = (level, level)
    return searches, digital


def test_several_stimuli_make_an_output_calibration() -> None:
    searches, digital = many(27)
    found = hats.calibrate(searches, digital, device="card")
    assert found.direction == "output"
    assert found.chain("left").gain_db == pytest.approx(110.0 - 93.979, abs=0.6)
    assert found.chain("right").gain_db - found.chain("left").gain_db == pytest.approx(1.0)
    expanded, _ = found.chain("left").expanded(0.99)
    assert max(abs(r) for r in found.residuals["left"]) < expanded
    with pytest.raises(ParameterError, match="no digital level for s0"):
        hats.calibrate(searches, {})


SAMPLE = (
    ",".join(INPUT_COLUMNS) + "\n"
    "..\\SampleData\\sine_250hz.wav,60,0.1,1,4,10,10\n"
    "..\\SampleData\\white_noise.wav,70,0.05,1,3,10,10\n"
)


def test_the_published_tables_are_read_and_written(tmp_path: Path) -> None:
    (tmp_path / "tracks.csv").write_text(SAMPLE)
    tracks, notes = read_tracks(tmp_path / "tracks.csv")
    assert notes == ()
    assert tracks[1].file == "..\\SampleData\\white_noise.wav"
    assert tracks[1].track(2.0) == Track(70.0, 0.05, 1.0, 2.0, 3.0, 22)
    lab = chain(63.3, 63.3, floor=66.8)
    when = datetime(2021, 1, 12, 11, 14, tzinfo=UTC)
    done = [(t.file, search_track(lab, t.track(8.0), strict=False), when) for t in tracks]
    lines = output_table(done).splitlines()
    assert lines[0] == ",".join(OUTPUT_COLUMNS)
    assert lines[1].startswith("..\\SampleData\\sine_250hz.wav,-1.000000,66.8")
    _, gain, leq, calls, *_, within, date, time = lines[2].split(",")
    assert (within, date, time) == ("Y", "2021-01-12", "11:14 AM")
    assert float(leq) == pytest.approx(70.0, abs=0.05)
    assert float(gain) == pytest.approx(from_db(70.0 - 63.3), rel=0.01)
    assert int(calls) <= 4


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the table is empty"),
        ("a,b\n1,2\n", "no column Filepath, .*found a, b"),
        (SAMPLE + "x.wav,60,0.1\n", "line 4: an empty cell"),
        (SAMPLE + "x.wav,sixty,0.1,1,4,10,10\n", "line 4, column Desired.*'sixty' is not a number"),
        (SAMPLE + "x.wav,60,0,1,4,10,10\n", "line 4: tolerance 0.0"),
        (SAMPLE + "x.wav,60,0.1,1,4,-1,10\n", "line 4: -1 and 10 iterations"),
        (SAMPLE + "x.wav,60,0.1,1,4,1.5,10\n", "line 4: 1.5 and 10 iterations"),
    ],
)
def test_damaged_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "tracks.csv").write_text(text)
    with pytest.raises(RecordError, match=message):
        read_tracks(tmp_path / "tracks.csv")
