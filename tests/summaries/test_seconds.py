"""Series that are kept second by second are those of one run over the whole file."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from scipy.signal import lfilter

from soundcal.dsp.weighting import WeightingFilter
from soundcal.errors import ParameterError
from soundcal.files import audio
from soundcal.indicators import loudness_zwtv
from soundcal.indicators.levels.bands import registry_record
from soundcal.indicators.names import resolve
from soundcal.prepared import Task
from soundcal.summaries import PieceResult, summarise_piece
from soundcal.summaries.seconds import check_kept, kept_series, seconds_of
from soundcal.units import pascal_to_level

FS = 22050
KEPT = kept_series("LAF,LCS,N,Lthird")
WHAT = Task(wanted=resolve("LAeq,LCSmax,N5,Lthird"), sensitivities=(2.0,))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound of 5.3 s that swells by 40 dB, with a click just before 2 s."""
    path = tmp_path_factory.mktemp("sound") / "a.wav"
    x = np.random.default_rng(3).standard_normal(round(5.3 * FS)) * 0.003
    x *= 10.0 ** (2.0 * np.sin(np.pi * np.arange(x.size) / x.size) ** 2)
    x[2 * FS - 3] = 0.9
    audio.write(path, x[np.newaxis].clip(-0.99, 0.99), FS)
    return path


def pressure_of(path: Path) -> np.ndarray:
    """Return the samples in Pa."""
    return 2.0 * next(audio.blocks(path, 10 * FS))[0]


def kept(found: list[PieceResult], key: tuple[str, str]) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and maximum of all seconds of all pieces."""
    own = [
        one for result in found for one in result.kept["mono"] if (one.symbol, one.series) == key
    ]
    return np.concatenate([one.mean for one in own]), np.concatenate([one.maximum for one in own])


@pytest.mark.parametrize("start", [None, 1_234_567_891_234])
def test_levels_are_those_of_the_samples_of_each_second(path: Path, start: int | None) -> None:
    """Computed from the samples with another filter for the average."""
    pressure = pressure_of(path)
    first_s = 0.0 if start is None else 1.0 - start % 10**6 / 1e6
    full = np.arange(first_s or 1.0, 5.3, 1.0)
    edges = [0, *np.ceil(full * FS - 1e-6).astype(int), pressure.size]
    result = summarise_piece(path, WHAT, keep=KEPT, start=start)
    assert result.seconds is not None
    assert result.seconds.edges.tolist() == edges
    assert result.seconds.starts[1] == round(first_s * 1e6) or start is None
    for weighting, tau, key in (("A", 0.125, ("LA", "F")), ("C", 1.0, ("LC", "S"))):
        squared = WeightingFilter(weighting, FS).push(pressure[np.newaxis])[0] ** 2
        decay = np.exp(-1.0 / (FS * tau))
        average = lfilter([1.0 - decay], [1.0, -decay], squared)
        mean, maximum = kept([result], key)
        for n, (a, b) in enumerate(pairwise(edges)):
            level = pascal_to_level(np.sqrt([squared[a:b].mean(), average[a:b].max()]))
            assert (mean[n], maximum[n]) == pytest.approx(level, abs=1e-6)


def test_pieces_keep_what_one_run_keeps(path: Path) -> None:
    start = 250_000
    whole = summarise_piece(path, WHAT, keep=KEPT, start=start)
    cuts = [0, *seconds_of(0, 10**6, FS, start).edges[[1, 4]].tolist(), audio.info(path).n_samples]
    pieces = [summarise_piece(path, WHAT, a, b, keep=KEPT, start=start) for a, b in pairwise(cuts)]
    starts = [one.seconds.starts.tolist() for one in pieces if one.seconds]
    assert starts == [[0], [750_000, 1_750_000, 2_750_000], [3_750_000, 4_750_000]]
    assert whole.seconds is not None
    assert [*starts[0], *starts[1], *starts[2]] == whole.seconds.starts.tolist()
    for key in (("LA", "F"), ("LC", "S"), ("N", ""), ("Lthird", "1000")):
        for ours, theirs in zip(kept(pieces, key), kept([whole], key), strict=True):
            assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-6, nan_ok=True)


def test_loudness_is_that_of_the_values_in_each_second(path: Path) -> None:
    expected = loudness_zwtv(pressure_of(path), FS)
    mean, maximum = kept([summarise_piece(path, WHAT, keep=KEPT)], ("N", ""))
    second = np.floor(expected.times + 1e-8).astype(int)
    for n in range(6):
        values = expected.series[second == n]
        assert (mean[n], maximum[n]) == pytest.approx((values.mean(), values.max()), rel=1e-9)


def test_bands_have_levels_of_seconds_and_no_maximum(path: Path) -> None:
    pressure, record = pressure_of(path), registry_record("Lthird", FS, keep=False)
    record.push(pressure[:FS])
    before = record.energies()["1000"]
    record.push(pressure[FS : 2 * FS])
    level = pascal_to_level(np.sqrt((record.energies()["1000"] - before) / FS))
    result = summarise_piece(path, WHAT, keep=KEPT)
    mean, maximum = kept([result], ("Lthird", "1000"))
    assert mean[1] == pytest.approx(level, abs=1e-6)
    assert np.isnan(maximum).all()


def test_kept_series_change_no_summary(path: Path) -> None:
    plain = summarise_piece(path, task_of("LAeq,LA50,N5"), 22050, 66150, keep=()).summaries
    own = summarise_piece(path, task_of("LAeq,LA50,N5"), 22050, 66150, keep=kept_series("LAI,N"))
    assert own.summaries == plain
    assert {(one.symbol, one.series) for one in own.kept["mono"]} == {("LA", "I"), ("N", "")}


def task_of(names: str) -> Task:
    return replace(WHAT, wanted=resolve(names))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ("LAeq", "no such series; did you mean"),
        (" ,", "no series named"),
        ("LCF", "LC is not measured; add it to --indicators"),
        ("LN", "has no series of its own; keep N"),
        ("PA", "keep N or S or F or R"),
        ("N", "N is not measured"),
    ],
)
def test_series_that_cannot_be_kept_are_refused(names: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        check_kept(kept_series(names), resolve("LAeq"))
