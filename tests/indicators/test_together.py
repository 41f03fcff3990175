"""Stages that analyse several channels together, and the binaural value of their results."""

import math
from collections.abc import Iterator

import numpy as np
import pytest
from fake_stage import FakeStage, indicator

from soundcal.errors import ParameterError, SignalError
from soundcal.indicators.analysis import Analysis
from soundcal.indicators.registry import REGISTRY
from soundcal.indicators.result import IndicatorResult
from soundcal.indicators.stream import StreamRequest, check_field, run_together

FS = 8000
WANTED = {"X": ("eq", "max"), "Y": ("eq",), "LA": ("eq",)}


@pytest.fixture(autouse=True)
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Enter the fake indicators, and return the numbers of channels of the stages opened."""
    for symbol in ("X", "Y"):
        monkeypatch.setitem(REGISTRY, symbol, indicator(symbol))
    monkeypatch.setattr(FakeStage, "opened", [], raising=False)
    return FakeStage.opened


def noise(*leading: int, seconds: float = 1.0) -> np.ndarray:
    return np.random.default_rng(8).normal(0.0, 0.02, (*leading, round(seconds * FS)))


def both(left: object, right: object) -> np.ndarray:
    return np.sqrt((np.square(left) + np.square(right)) / 2.0)


def test_one_stage_serves_all_channels_and_symbols(opened: list[int]) -> None:
    """Beside streams of single channels, cut into any blocks, in one thread or in two."""
    x = noise(2, seconds=10.03)  # longer than the parts that are processed at a time
    found = []
    for threads, cuts in ((1, []), (2, []), (2, [100, 101, 70000])):
        analysis = Analysis(StreamRequest(FS, WANTED), 2, threads)
        for block in np.split(x, cuts, axis=1):
            analysis.push(block)
        found.append(analysis.finish())
    assert opened == [2, 2, 2]
    for results in found:
        assert list(results) == ["X", "Y", "LA"]
        assert results["X"].series is not None
        assert results["X"].series.shape == (2, 101)
        assert results["X"].binaural is not None
        np.testing.assert_allclose(results["X"].binaural.series, both(*results["X"].series))
        for symbol, result in results.items():
            np.testing.assert_allclose(result.value, found[0][symbol].value, rtol=1e-12)


def test_an_indicator_may_be_too_short_where_another_is_not() -> None:
    analysis = Analysis(StreamRequest(FS, WANTED), 1)
    analysis.push(noise(1, seconds=0.3))
    results, refused = analysis.finish_possible()
    assert list(results) == ["X", "LA"]
    assert results["X"].binaural is None
    assert str(refused["Y"]) == "Y: at least 0.5 s are needed"
    with pytest.raises(SignalError, match=r"Y: at least 0\.5 s"):
        run_together(FakeStage, "Y", noise(seconds=0.3), FS)


def test_a_last_axis_of_two_is_a_pair_of_ears(opened: list[int]) -> None:
    x = noise(3, 2)
    pairs = run_together(FakeStage, "X", x, FS, specific=True)
    assert opened == [2, 2, 2]
    assert pairs.specific is not None
    assert pairs.specific.shape == (3, 2, 3)
    assert pairs.binaural is not None
    assert pairs.binaural.value.shape == (3,)
    assert pairs.binaural.specific is not None
    assert pairs.binaural.specific.shape == (3, 3)
    for index, ears in enumerate(x):
        one = run_together(FakeStage, "X", ears, FS)
        assert one.value.tolist() == pairs.value[index].tolist()
        assert one.specific is None
        assert one.binaural is not None
        assert isinstance(one.binaural.value, float)
        assert one.binaural.value == pairs.binaural.value[index]
    opened.clear()
    assert run_together(FakeStage, "X", noise(2, 3), FS).value.shape == (2, 3)
    single = run_together(FakeStage, "X", noise(), FS)
    assert isinstance(single.value, float)
    assert single.binaural is None
    assert opened == [1] * 7


def test_result_of_both_ears_as_dictionary_and_table() -> None:
    result = run_together(FakeStage, "X", noise(2), FS).with_warnings("noisy")
    read = result.to_dict()
    assert result.binaural is not None
    assert read["binaural"]["value"] == result.binaural.value
    assert read["binaural"]["binaural"] is None
    assert read["warnings"] == ["noisy"]
    table = result.to_frame()
    assert table["signal"].tolist() == [0, 1, 0, 1, 0, 1, *["binaural"] * 3]
    assert table["value"].iloc[-3:].tolist() == [
        result.binaural.value,
        result.binaural.statistics["eq"],
        result.binaural.statistics["max"],
    ]
    several = run_together(FakeStage, "X", noise(2, 2), FS).to_frame()
    assert several["signal"].tolist()[-6:] == ["binaural 0", "binaural 1"] * 3


def test_fields() -> None:
    """Only some indicators have the field of the eardrum; on a level it has no effect."""
    assert run_together(FakeStage, "X", noise(), FS, field="eardrum").field == "eardrum"
    assert check_field("eardrum", ["LA", "X"]) == "eardrum"
    with pytest.raises(ParameterError, match=r"'eardrum': N, R cannot .* LA, .*X, Y"):
        check_field("eardrum", ["LA", "N", "R", "X"])
    with pytest.raises(ParameterError, match="free, diffuse or eardrum is expected"):
        check_field("reverberant")


def test_results_without_a_binaural_value_have_none() -> None:
    result = IndicatorResult("leq", "dB", "none", math.pi)
    assert result.to_dict()["binaural"] is None
    assert len(result.to_frame()) == 1
