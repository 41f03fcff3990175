"""One value of both ears for every period."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from period_data import FS, Sound, write_dataset

from soundcal.errors import ParameterError
from soundcal.periods import summarise
from soundcal.periods.local_time import Every, as_every
from soundcal.periods.sums import PeriodValues

START = datetime(2026, 7, 1, tzinfo=UTC)
WANTED = {"LA": ("eq", "max"), "N": ("mean",), "NHM": ("max",)}


def pieces(hour: int, levels: Sequence[float], sone: Sequence[float]) -> list[Sound]:
    """An hour of both ears, with the standard's own value of both."""
    about = {"recording": f"yard/{hour}.wav", "station": "yard", "first": hour * 3600 * FS}
    start, seconds = START + timedelta(hours=hour), 3600.0
    own = [Sound(start, seconds, 0.0, channels=("binaural",), symbol="NHM", values=(9.0,), **about)]
    for ear, level, value in zip(("left", "right"), levels, sone, strict=True):
        own.append(Sound(start, seconds, level, channels=(ear,), **about))
        own.append(
            Sound(start, seconds, 0.0, channels=(ear,), symbol="N", values=(value,), **about)
        )
    return own


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hours with the louder ear on the left, then on the right; one hour lies between them."""
    sounds = [*pieces(0, (66.0, 60.0), (4.0, 8.0)), *pieces(2, (50.0, 70.0), (2.0, 1.0))]
    return write_dataset(tmp_path_factory.mktemp("ears") / "r", sounds, wanted=WANTED)


def rows(folder: Path, rules: str, every: str = "hour") -> list[PeriodValues]:
    return list(summarise(folder, {"t": as_every(every)}, ears=rules).tables["t"].rows)


def test_the_rule_is_applied_to_the_values_of_every_period(yard: Path) -> None:
    first, empty, last = rows(yard, "max")
    assert {row.channel for row in (first, empty, last)} == {"max"}
    assert (first.values["LA", "eq"], first.values["N", "mean"]) == (pytest.approx(66.0), 8.0)
    assert (last.values["LA", "eq"], last.values["N", "mean"]) == (pytest.approx(70.0), 2.0)
    assert (empty.covered, dict(empty.values)) == (0.0, {})
    (whole,) = rows(yard, "max", "site")  # not the larger of the hours' larger ones
    right = 10 * math.log10((10**6 + 10**7) / 2)
    assert whole.values["LA", "eq"] == pytest.approx(right)
    assert whole.values["N", "mean"] == 4.5
    assert ("L", "den") in whole.values
    assert ("L", "den") not in first.values


def test_energetic_means_are_those_of_levels_only(yard: Path) -> None:
    found = {(row.channel, row.period.name[11:13]): row for row in rows(yard, "energy,left")}
    assert {channel for channel, _ in found} == {"energy", "mean", "left"}
    level = 10 * math.log10((10**6.6 + 10**6) / 2)
    assert dict(found["energy", "00"].values) == {
        ("LA", "eq"): pytest.approx(level),
        ("LA", "max"): pytest.approx(level),
    }
    mean = found["mean", "00"].values
    assert mean["N", "mean"] == 6.0
    assert math.isnan(mean["NHM", "max"])
    assert found["left", "00"].values["LA", "eq"] == pytest.approx(66.0)
    with_mean = {row.channel: row for row in rows(yard, "mean,energy", "site")}
    assert with_mean["mean"].values["N", "mean"] == 3.75
    assert ("LA", "eq") in with_mean["mean"].values
    assert set(with_mean) == {"energy", "mean"}


def test_the_binaural_value_is_the_standards_own(yard: Path) -> None:
    assert [row.channel for row in rows(yard, "binaural", "site")] == ["binaural"]
    channels = [row.channel for row in rows(yard, "each,mean,binaural,left", "site")]
    assert channels == ["left", "right", "mean", "binaural"]
    assert [row.channel for row in rows(yard, "", "site")] == ["binaural", "left", "right"]


def test_both_ears_are_covered_as_far_as_the_one_that_is_covered_less(tmp_path: Path) -> None:
    about = {"seconds": 1800.0, "recording": "yard/a.wav", "station": "yard"}
    half = timedelta(minutes=30)
    sounds = [
        Sound(START, channels=("left", "right"), **about),
        Sound(START + half, channels=("left",), first=1800 * FS, **about),
        Sound(START + half, channels=("right",), first=1800 * FS, valid=False, **about),
        Sound(START + 2 * half, channels=("left",), first=3600 * FS, **about),
    ]
    write_dataset(tmp_path / "r", sounds)
    first, last = rows(tmp_path / "r", "mean")
    assert (first.coverage, dict(first.left_out)) == (0.5, {"not valid": 1800.0})
    assert (last.coverage, dict(last.values)) == (0.0, {})
    (file,) = rows(tmp_path / "r", "mean", "recording")
    assert (file.period.name, file.covered) == ("yard/a.wav", 1800.0)


def test_other_channels(tmp_path: Path) -> None:
    mono = Sound(START, 3600.0, 61.0)
    write_dataset(tmp_path / "mono", [mono])
    (row,) = rows(tmp_path / "mono", "max")
    assert (row.channel, row.values["LA", "eq"]) == ("mono", pytest.approx(61.0))
    three = Sound(START, 3600.0, 61.0, channels=("left", "right", "top"))
    write_dataset(tmp_path / "three", [three])
    for folder, rules, message in (
        ("three", "max", "north: .* needs the channels left and right, found left, right, top"),
        ("mono", "binaural", "north: has no binaural value"),
        ("mono", "louder", "ear rule 'louder'"),
    ):
        with pytest.raises(ParameterError, match=message):
            summarise(tmp_path / folder, {"t": Every("day")}, ears=rules)
