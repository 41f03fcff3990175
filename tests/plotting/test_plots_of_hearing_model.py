"""``soundcal.plot`` of results of the hearing model: start left out, both ears, tonal frequency."""

from dataclasses import replace

import numpy as np
import pytest

import soundcal
from soundcal.errors import ParameterError
from soundcal.indicators.hearing_model.result import HearingModelResult
from soundcal.report.figures import indicator_figure

N, DISCARDED = 200, 57
TIMES = np.arange(N) / 187.5
BARK = np.arange(1, 54) / 2.0


def made(
    leading: tuple[int, ...], seed: int, binaural: HearingModelResult | None = None
) -> HearingModelResult:
    """A result with invented values."""
    rng = np.random.default_rng(seed)
    over_time = rng.uniform(0.5, 1.0, (*leading, N, 53))
    series = over_time.sum(axis=-1)
    counted = series[..., DISCARDED:]
    return HearingModelResult(
        "stand_in",
        "sone_HMS",
        "ECMA-418-2:2025",
        counted.mean(axis=-1),
        {"max": counted.max(axis=-1), "5": np.quantile(counted, 0.95, axis=-1)},
        times=TIMES,
        series=series,
        specific=over_time[..., DISCARDED:, :].mean(axis=-2),
        axis=BARK,
        axis_unit="Bark_HMS",
        binaural=binaural,
        discarded=DISCARDED,
        specific_series=over_time,
    )


@pytest.fixture(scope="module")
def ears() -> HearingModelResult:
    return made((2,), 1, made((), 2))


def test_the_value_of_both_ears_is_a_third_line(ears: HearingModelResult) -> None:
    axes = soundcal.plot(ears)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "left", "right", "binaural",
    ]  # fmt: skip
    assert ears.series is not None
    assert ears.binaural is not None
    for line, row in zip(axes.get_lines(), [*ears.series, ears.binaural.series], strict=False):
        np.testing.assert_array_equal(line.get_ydata(), row)
    rules = {line.get_ydata()[0] for line in axes.get_lines()[3:]}
    assert rules == {float(ears.binaural.statistics["5"])}
    bars = soundcal.plot(ears, "values")
    assert [bar.get_height() for bar in bars.patches[::2]] == pytest.approx(
        [*ears.statistics["max"], ears.binaural.statistics["max"]]
    )


def test_the_start_that_is_left_out_is_marked(ears: HearingModelResult) -> None:
    axes = soundcal.plot(ears, "series", of="right")
    (span,) = axes.patches
    assert (span.get_x(), span.get_x() + span.get_width()) == (0.0, TIMES[DISCARDED])
    assert "left out" in [text.get_text() for text in axes.texts]
    np.testing.assert_array_equal(axes.get_lines()[0].get_ydata(), ears.series[1])


def test_specific_values_over_the_critical_band_rate(ears: HearingModelResult) -> None:
    axes = soundcal.plot(ears, "bands")
    assert axes.get_xlabel() == "Critical-band rate (Bark_HMS)"
    assert axes.get_ylabel() == "Stand in′ (sone_HMS/Bark_HMS)"
    np.testing.assert_array_equal(axes.get_lines()[0].get_xdata(), BARK)
    np.testing.assert_array_equal(axes.get_lines()[2].get_ydata(), ears.binaural.specific)


def test_specific_tonality_is_no_density(ears: HearingModelResult) -> None:
    axes = soundcal.plot(replace(ears, unit="tu_HMS"), "bands")
    assert axes.get_ylabel() == "Stand in′ (tu_HMS)"


@pytest.mark.parametrize("of", ["left", "binaural"])
def test_specific_values_over_time_are_a_map(ears: HearingModelResult, of: str) -> None:
    (image,) = soundcal.plot(ears, "map", of=of).images
    shown = ears.specific_series[0] if of == "left" else ears.binaural.specific_series
    np.testing.assert_allclose(image.get_array(), np.asarray(shown).T)
    with pytest.raises(ParameterError, match="of is one of left, right, binaural"):
        soundcal.plot(ears, "map")


def test_the_frequency_of_the_tonality_has_gaps() -> None:
    frequency = np.full((2, N), 440.0)
    frequency[0, 100:120] = np.nan
    tonality = replace(made((2,), 3), frequency=frequency)
    axes = soundcal.plot(tonality, "frequency")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Time (s)", "Frequency (Hz)")
    assert axes.get_yscale() == "log"
    np.testing.assert_array_equal(axes.get_lines()[0].get_ydata(), frequency[0])
    assert len(axes.patches) == 1  # the start that is left out
    figure = indicator_figure(tonality, ("left", "right"))
    assert [axes.get_ylabel() for axes in figure.axes][1] == "Frequency (Hz)"


def test_a_figure_has_both_ears_and_the_binaural_value(ears: HearingModelResult) -> None:
    figure = indicator_figure(ears, ("front", "back"))
    for axes in figure.axes:
        names = [text.get_text() for text in axes.get_legend().get_texts()]
        assert names == ["front", "back", "binaural"]


def test_a_single_channel_has_no_third_line() -> None:
    axes = soundcal.plot(made((), 4))
    assert axes.get_legend() is None
    with pytest.raises(ParameterError, match="no channel 'binaural'"):
        soundcal.plot(made((), 4), of="binaural")
