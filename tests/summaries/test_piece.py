"""Pieces of any length give what one run of the whole file gives."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from soundcal.batch import measure_file
from soundcal.calibration.stated import StatedLevels
from soundcal.dsp.octave import bands_between, filters
from soundcal.errors import ParameterError, SignalError
from soundcal.files import audio
from soundcal.indicators.names import resolve
from soundcal.indicators.rows import BINAURAL, TidyRow
from soundcal.indicators.zwicker.filter_bank import RATE, band_filters
from soundcal.prepared import Task
from soundcal.response.referring import chosen_responses
from soundcal.summaries import (
    PieceResult,
    Summary,
    check_piece_task,
    merge,
    needed_series,
    summarise_piece,
    value_from,
)
from soundcal.summaries.values import MERGEABLE, SeriesKey
from soundcal.summaries.warm_up import REACHES, TIME_CONSTANTS

GRID = 2.0**-16
"""Accuracy of percentiles, relative."""


def task(*names: str, **more: object) -> Task:
    return replace(Task(wanted=resolve(names), sensitivities=(2.0,)), **more)


def sound(path: Path, fs: int, seconds: float, n_channels: int = 1, *, seed: int = 0) -> Path:
    """Write noise whose level varies by 60 dB, a beating tone and clicks."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * fs)) / fs
    knots = np.arange(0.0, seconds + 1.0, 0.5)
    level = np.interp(t, knots, rng.uniform(-70.0, -10.0, knots.size))
    x = rng.normal(0.0, 1.0, (n_channels, t.size)) * 10.0 ** (level / 20.0)
    x += 0.02 * np.sin(2 * np.pi * 1000.0 * t) * (1 + 0.8 * np.sin(2 * np.pi * 4.0 * t))
    x[:, rng.integers(0, t.size, 9)] += 0.3
    audio.write(path, np.clip(x, -0.999, 0.999), fs)
    return path


def pieces(path: Path, what: Task, cuts: Sequence[float]) -> list[PieceResult]:
    """Summarise the pieces between times in s, which need not be samples or readings."""
    about = audio.info(path)
    at = [0, *(round(cut * about.fs) for cut in cuts), about.n_samples]
    return [summarise_piece(path, what, a, b) for a, b in pairwise(at)]


def merged(found: Sequence[PieceResult], channel: str) -> dict[SeriesKey, Summary]:
    by_series: dict[SeriesKey, list[Summary]] = {}
    for result in found:
        for one in result.summaries[channel]:
            by_series.setdefault((one.symbol, one.series), []).append(one)
    return {key: merge(parts) for key, parts in by_series.items()}


def check_equal(path: Path, what: Task, *cuts: Sequence[float]) -> None:
    """Compare merged pieces with one run: levels to 1e-6 dB, others to 1e-6 or the grid."""
    whole = measure_file(path, what)
    for times in cuts:
        found = pieces(path, what, times)
        assert {str(flag) for flag in whole.flags} == {str(f) for one in found for f in one.flags}
        compare(whole.rows, found)


def compare(rows: Sequence[TidyRow], found: Sequence[PieceResult]) -> None:
    for row in rows:
        value = value_from(merged(found, row.channel), row.indicator, row.statistic)
        rounded = row.statistic.lstrip("SI").isdigit() and row.indicator[1:] not in ("oct", "third")
        if rounded or row.indicator in ("PA", "THM", "NHM", "RHM", "FHM"):
            tolerance = {"rel": GRID}
        else:
            tolerance = {"abs": 1e-6} if row.unit == "dB" else {"rel": 1e-6}
        assert value == pytest.approx(row.value, **tolerance), (row.indicator, row.statistic)


@pytest.mark.parametrize(
    ("fs", "names", "seconds", "cuts"),
    [
        # the loudness of the piece at 12 s does not start with the file
        (
            44100,
            ("levels", "bands", "LApeak", "LZpeak", "LCS5", "N", "S", "LN"),
            14.0,
            (1.2345, 12.0, 13.9),
        ),
        (48000, ("LA", "LCImax", "R", "T"), 5.0, (1.5, 1.501, 4.2)),
        (96000, ("LAeq", "LA95", "LASmin", "N5", "F"), 4.5, (1.0, 3.7)),
    ],
)
def test_pieces_agree_with_one_run(
    fs: int, names: tuple[str, ...], seconds: float, cuts: tuple[float, ...], tmp_path: Path
) -> None:
    check_equal(sound(tmp_path / "a.wav", fs, seconds), task(*names), cuts)


def test_frames_are_those_of_one_run(tmp_path: Path) -> None:
    path, what = sound(tmp_path / "a.wav", 44100, 3.5), task("R", "T", "F")
    one = merged([summarise_piece(path, what)], "mono")
    # first and last piece are shorter than any frame; the last one of F is filled up
    results = pieces(path, what, (0.03, 0.7, 2.0, 3.45))
    assert not any(result.missing or result.flags for result in results)
    found = merged(results, "mono")
    for key, whole in one.items():
        assert found[key].n == whole.n
        assert found[key].distribution == whole.distribution
        assert found[key].maximum == pytest.approx(whole.maximum, rel=1e-12)
        assert float(found[key].total) == pytest.approx(float(whole.total), rel=1e-12)


def test_any_cuts_give_the_levels_of_one_run(tmp_path: Path) -> None:
    """S needs the 35 s before a piece, so the last ones do not start with the file."""
    path = sound(tmp_path / "a.wav", 8000, 75.0)
    rng = np.random.default_rng(8)
    cuts = [(20.0, 56.78, 60.0), sorted(rng.uniform(0.0, 75.0, 12))]
    check_equal(path, task("LAeq", "LAImin", "LAS50", "LCSmax", "LZpeak", "Lthird"), *cuts)


@pytest.mark.long
def test_the_hearing_model(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav", 44100, 5.6)
    check_equal(path, task("NHM", "THM"), (0.2, 4.2, 5.0))


@pytest.mark.long
def test_the_hearing_model_with_slow_smoothing(tmp_path: Path) -> None:
    """The last piece does not start with the file."""
    check_equal(sound(tmp_path / "a.wav", 48000, 38.0), task("RHM", "FHM"), (35.0,))


def test_short_files_begin_like_one_run(tmp_path: Path) -> None:
    """Below 1 s, percentiles begin at the middle of the file, wherever it is cut."""
    path = sound(tmp_path / "a.wav", 44100, 0.7)
    check_equal(path, task("LA", "LAS5"), (0.2, 0.5))
    check_equal(sound(tmp_path / "b.wav", 48000, 0.004), task("LA5", "LAmin"), ())


def test_both_ears_and_a_referred_field(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav", 48000, 0.8, 2)
    responses = chosen_responses("df", [])
    what = task("LA", "NHM", ears=("each", BINAURAL), refer_to="df", responses=responses)
    found = pieces(path, what, (0.5,))
    rows = [row for row in measure_file(path, what).rows if row.channel == BINAURAL]
    assert rows
    for row in rows:
        value = value_from(merged(found, BINAURAL), row.indicator, row.statistic)
        assert value == pytest.approx(row.value, rel=GRID)
    assert found[0].point == "DF"
    assert set(found[0].summaries) == {"left", "right", BINAURAL}


def test_a_dead_channel_is_dead_in_its_piece_only(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(0.0, 0.05, (2, 3 * 48000))
    x[1, 48000:96000] = 0.0
    audio.write(tmp_path / "a.wav", x, 48000)
    found = pieces(tmp_path / "a.wav", task("LAeq"), (1.0, 2.0))
    assert [one.valid for one in found] == [
        {"left": True, "right": True},
        {"left": True, "right": False},
        {"left": True, "right": True},
    ]
    texts = [" ".join(str(flag) for flag in one.flags) for one in found]
    assert ["right" in text for text in texts] == [False, True, False]


def test_a_file_too_short_for_an_indicator_says_so(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav", 48000, 0.15)
    found = summarise_piece(path, task("LAeq", "R", "PA"))
    assert {one.symbol for one in found.summaries["mono"]} == {"LA", "N", "S"}
    assert "at least 0.2 s" in found.missing["R"]
    assert "at least 0.5 s" in found.missing["F"]
    with pytest.raises(SignalError, match=r"a\.wav.*at least 0\.2 s"):
        summarise_piece(path, task("R"))


def test_refusals(tmp_path: Path) -> None:
    path = sound(tmp_path / "a.wav", 48000, 0.1)
    with pytest.raises(ParameterError, match=r"samples 4000 to 5000 are no piece.* has 4800"):
        summarise_piece(path, task("LAeq"), 4000, 5000)
    with pytest.raises(ParameterError, match="no summaries of TNR"):
        check_piece_task(task("LAeq", "TNRmax"))
    with pytest.raises(ParameterError, match="engine 'mosqito' has no summaries"):
        check_piece_task(task("N", engine="mosqito"))
    with pytest.raises(ParameterError, match="no summaries of an uncertainty"):
        check_piece_task(task("N", uncertainty=True))
    stated = StatedLevels((65.0,))
    what = replace(task("LAeq"), sensitivities=(), levels={str(path.absolute()): stated})
    assert value_from(merged([summarise_piece(path, what)], "mono"), "LA", "eq") == pytest.approx(
        65
    )
    with pytest.raises(ParameterError, match=r"known level.*whole"):
        summarise_piece(path, what, 0, 2400)


def test_every_indicator_has_its_warm_up() -> None:
    for symbol in MERGEABLE:
        for key in needed_series(symbol, "1000" if symbol in ("Loct", "Lthird") else "Smax"):
            assert key[0] in REACHES or f"{key[1]}-weighted level" in REACHES


@pytest.mark.parametrize("fs", [8000, 11025, 32000, 44100, 48000, 96000])
def test_warm_ups_of_filters_last_as_many_time_constants_as_stated(fs: int) -> None:
    def slowest(sections: list[np.ndarray], rate: float) -> float:
        radius = max(np.abs(np.roots(np.array([1.0, *one[-2:]]))).max() for one in sections)
        return float(-TIME_CONSTANTS / (rate * np.log(radius)))

    of_bands = filters(bands_between(3, 20.0, 20000.0) + bands_between(1, 20.0, 20000.0), fs)
    reach = REACHES["Lthird"]
    assert slowest([s for band in of_bands.values() for s in band], fs) <= max(
        reach.before * 1.001, reach.samples_before / fs
    )
    assert slowest([*band_filters()[0]], RATE) <= REACHES["N"].before
