"""``soundcal.plot``: what stands in the axes is what was measured, with its unit."""

from dataclasses import replace

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.axes import Axes
from relation_data import make_study
from report_tables import tidy

import soundcal
from soundcal.agreement import nonparametric_limits
from soundcal.calibration.stated import from_sensitivity
from soundcal.dsp.detectors import SETTLING
from soundcal.errors import ParameterError, SignalError
from soundcal.indicators import (
    band_levels,
    compute_results,
    leq,
    loudness_zwst,
    loudness_zwtv,
    peak_level,
    time_weighted_level,
)
from soundcal.recording import CLIPPING, Capture, Flag, Recording
from soundcal.relation import Relation, relate
from soundcal.response import generic_response
from soundcal.study import MethodComparison

FS = 48000


@pytest.fixture(scope="module")
def recording() -> Recording:
    noise = np.random.default_rng(1).standard_normal((2, FS)) * [[0.02], [0.01]]
    return Recording(noise, FS, "cal", source="takes/street.wav", u_db=(0.1, 0.2))


@pytest.fixture(scope="module")
def comparison() -> MethodComparison:
    rules = soundcal.Rules(delta={"LAeq": 1.0, "N5": "7 %"})
    return soundcal.compare_methods(tidy(10), rules=rules)


@pytest.fixture(scope="module")
def relation() -> Relation:
    made = make_study(stimuli=8, planted={"calm": 0.9})
    return relate(made.differences, made.ratings, ("ocv", "hats"), permutations=99, resamples=99)


def labels(axes: Axes) -> tuple[str, str]:
    return axes.get_xlabel(), axes.get_ylabel()


def names(axes: Axes) -> list[str]:
    legend = axes.get_legend()
    return [] if legend is None else [text.get_text() for text in legend.get_texts()]


def test_a_recording_is_its_level_over_time(recording: Recording) -> None:
    axes = recording.plot()
    level = time_weighted_level(recording)
    assert labels(axes) == ("Time (s)", "LAF (dB)")
    assert names(axes) == ["left", "right"]
    assert axes.get_title(loc="left") == "street"
    assert level.series is not None
    for line, series in zip(axes.get_lines(), level.series, strict=False):
        np.testing.assert_array_equal(line.get_ydata(), series)
    rules = {line.get_ydata()[0] for line in axes.get_lines()[2:]}
    assert rules == {level.statistics[name][ear] for name in ("5", "10", "50", "90", "95")
                     for ear in (0, 1)}  # fmt: skip


def test_other_levels_and_one_ear(recording: Recording) -> None:
    axes = soundcal.plot(recording, "lcs", of="right")
    expected = time_weighted_level(recording.channel("right"), FS, weighting="C", time="S")
    np.testing.assert_array_equal(axes.get_lines()[0].get_ydata(), expected.series)
    assert labels(axes) == ("Time (s)", "LCS (dB)")
    assert names(axes) == []


@pytest.mark.parametrize(("time", "seconds"), [("F", 3), ("S", 9), ("I", 3), ("F", 0.6), ("S", 5)])
def test_the_axis_of_a_level_leaves_out_the_rise_from_silence(time: str, seconds: float) -> None:
    noise = np.random.default_rng(1).standard_normal((2, round(seconds * FS))) * [[0.02], [0.01]]
    recording = Recording(noise, FS, "cal")
    level = time_weighted_level(recording, weighting="A", time=time)
    settled = level.series[:, level.times > min(SETTLING[time], seconds / 2)]
    assert level.series.min() < settled.min() - 5.0
    low, high = recording.plot(f"LA{time}").get_ylim()
    assert settled.min() - 1.0 < low < settled.min()
    assert high > level.series.max()


def test_flags_stand_in_the_title(recording: Recording) -> None:
    doubtful = replace(recording, flags=(Flag(CLIPPING, "left: 3 samples"),))
    assert doubtful.plot("pressure").get_title(loc="left") == "street\nflagged: clipping"


def test_silence_has_no_level_and_says_so() -> None:
    silent = Recording(np.zeros((2, FS)), FS, "cal")
    for kind in ("LAF", "spectrum"):
        assert "no finite value" in [text.get_text() for text in silent.plot(kind).texts]
    with pytest.raises(SignalError, match="without samples"):
        Recording(np.zeros((2, 0)), FS, "cal").plot("pressure")
    with pytest.raises(ParameterError, match="too short"):
        Recording(np.ones((1, 10)), FS, "cal").plot()


def test_bands_over_time_are_a_spectrum_by_default(recording: Recording) -> None:
    over_time = compute_results(recording, ["Lthird"])["Lthird"]
    tops = [bar.get_y() + bar.get_height() for bar in soundcal.plot(over_time).patches]
    assert tops == [bar.get_y() + bar.get_height() for bar in recording.plot("spectrum").patches]
    assert len(soundcal.plot(over_time, "map", of="left").images) == 1


def test_more_channels_than_colours_are_told_apart() -> None:
    noise = np.random.default_rng(3).standard_normal((6, FS))
    many = Recording(noise, FS, "cal")
    lines = many.plot().get_lines()
    assert len({(line.get_color(), line.get_linestyle()) for line in lines}) == 6
    bars = soundcal.plot(leq(many), "values").patches
    assert len({bar.get_facecolor() for bar in bars}) == 6


@pytest.mark.parametrize("seconds", [0.02, 1.0])
def test_the_pressure_keeps_its_peaks(seconds: float) -> None:
    pressure = np.zeros((1, round(seconds * FS)))
    pressure[0, 777] = 1.5
    pressure[0, 779] = -0.5
    axes = Recording(pressure, FS, "cal").plot("pressure")
    assert labels(axes) == ("Time (s)", "Sound pressure (Pa)")
    (low, high) = axes.dataLim.intervaly
    assert (low, high) == (-0.5, 1.5)
    drawn = [c.get_paths()[0].vertices for c in axes.collections]
    x = np.concatenate(drawn)[:, 0] if drawn else axes.get_lines()[0].get_xdata()
    y = np.concatenate(drawn)[:, 1] if drawn else axes.get_lines()[0].get_ydata()
    assert x[np.argmax(y)] == pytest.approx(777 / FS, abs=seconds / 2000 + 1 / FS)


def test_third_octaves_are_bars(recording: Recording) -> None:
    axes = recording.plot("spectrum")
    expected = band_levels(recording)
    tops = [bar.get_y() + bar.get_height() for bar in axes.patches]
    assert expected.specific is not None
    np.testing.assert_allclose(tops, np.ravel(expected.specific), rtol=1e-12)
    assert labels(axes) == ("Band centre (Hz)", "Leq (dB)")
    lowest = min(bar.get_y() for bar in axes.patches)
    assert lowest == axes.get_ylim()[0] == 10 * np.floor(np.min(expected.specific) / 10)


def test_an_indicator_is_shown_as_it_has_values(recording: Recording) -> None:
    loudness = loudness_zwtv(recording)
    assert labels(soundcal.plot(loudness)) == ("Time (s)", "N (sone)")
    over_bark = soundcal.plot(loudness_zwst(recording), "bands")
    assert labels(over_bark) == ("Critical-band rate (Bark)", "Nst′ (sone/Bark)")
    image = soundcal.plot(loudness, "map", of="right")
    assert image.get_title(loc="left") == "Loudness, right"
    assert labels(image) == ("Time (s)", "Critical-band rate (Bark)")
    assert image.figure.axes[1].get_ylabel() == "N′ (sone/Bark)"
    bars = soundcal.plot(loudness, "values")
    assert [text.get_text() for text in bars.get_xticklabels()][:3] == ["max", "mean", "5 %"]
    heights = [bar.get_height() for bar in bars.patches]
    assert heights[:2] == [loudness.statistics[name][0] for name in ("max", "mean")]
    single = soundcal.plot(peak_level(recording.channel("left"), FS))
    assert labels(single) == ("", "Level (dB)")
    assert len(single.patches) == 1


def test_one_ear_of_a_result_has_the_numbers_of_that_ear(recording: Recording) -> None:
    axes = soundcal.plot(leq(recording), "values", of="right")
    (bar,) = axes.patches
    assert bar.get_y() + bar.get_height() == pytest.approx(leq(recording).value[1])


def test_a_calibration_is_its_budget() -> None:
    calibration = from_sensitivity({"left": 2.0, "right": 2.0}, u_db=0.3)
    axes = soundcal.plot(calibration)
    assert axes.get_xlabel() == "Standard uncertainty (dB)"
    assert [text.get_text() for text in axes.get_yticklabels()][-1] == "combined"
    assert {bar.get_width() for bar in axes.patches} == {0.3}
    with pytest.raises(ParameterError, match="no uncertainty was stated"):
        soundcal.plot(from_sensitivity({"left": 2.0}))


def test_a_response_is_its_level_in_a_band_of_uncertainty() -> None:
    free = generic_response("generic-ff")
    axes = soundcal.plot(free)
    assert labels(axes) == ("Frequency (Hz)", "Level (dB re Pa/Pa)")
    assert axes.get_title(loc="left") == "generic-ff: FF → DRP"
    assert (axes.get_xscale(), axes.get_xlim()) == ("log", (20.0, 20000.0))
    curve = axes.lines[-1].get_xydata()
    assert [20.0, 0.0] in curve.tolist()
    assert [2500.0, 16.8] in curve.tolist()
    (band,) = axes.collections
    edges = {tuple(corner) for corner in band.get_paths()[0].vertices.tolist()}
    assert {(1000.0, 3.6), (1000.0, 1.6), (20000.0, 6.5), (20000.0, -1.5)} <= edges
    with pytest.raises(ParameterError, match="no plot 'phase' of Response; one of level"):
        soundcal.plot(free, "phase")


def test_agreement_is_a_bland_altman_plot() -> None:
    x = np.linspace(60.0, 80.0, 12)
    y = x + np.random.default_rng(2).normal(0.5, 0.4, 12)
    found = soundcal.bland_altman(x, y, unit="dB")
    axes = soundcal.plot(found)
    assert labels(axes) == ("Mean of both methods (dB)", "x − y (dB)")
    points, *rules = axes.get_lines()
    np.testing.assert_array_equal(points.get_xydata()[:, 1], found.points.difference)
    drawn = [line.get_ydata()[0] for line in rules]
    assert drawn == [0.0, found.lower, found.bias, found.upper]
    quantiles = soundcal.plot(nonparametric_limits(found))
    assert labels(quantiles) == ("Mean of both methods", "x − y")


def test_a_comparison_in_units_of_the_allowable_difference(comparison: MethodComparison) -> None:
    axes = soundcal.plot(comparison)
    assert "units of the allowable difference" in axes.get_xlabel()
    rows = [text.get_text() for text in axes.get_yticklabels()]
    assert rows == ["LAeq", "N5"] * 3
    one = soundcal.plot(comparison, of="LAeq")
    assert one.get_xlabel() == "Difference of LAeq in dB(A)"
    assert [text.get_text() for text in one.get_yticklabels()] == [
        "in-situ − ocv",
        "in-situ − hats",
        "hats − ocv",
    ]


def test_one_pair_of_a_comparison(comparison: MethodComparison) -> None:
    entry = comparison.entry("LAeq", "in-situ", "ocv")
    axes = soundcal.plot(entry)
    assert labels(axes) == ("LAeq, mean of both methods (dB(A))", "LAeq, in-situ − ocv (dB(A))")
    assert {1.0, -1.0} <= {line.get_ydata()[0] for line in axes.get_lines()}
    with pytest.raises(ParameterError, match=r"comparison\.entry\('LAeq', 'hats', 'ocv'\)"):
        soundcal.plot(comparison, "bland-altman")
    two = soundcal.compare_methods(tidy(10), ["hats", "ocv"])
    assert labels(soundcal.plot(two, "bland-altman", of="N5"))[1] == "N5, hats − ocv (sone)"


def test_values_per_stimulus(comparison: MethodComparison) -> None:
    axes = soundcal.plot(comparison, "values", of="N5")
    assert axes.get_xlabel() == "N5 in sone"
    assert names(axes) == ["in-situ", "ocv", "hats"]


def test_a_study_of_one_or_several_combinations() -> None:
    table = tidy(6)
    single = soundcal.study_of(table)
    assert soundcal.plot(single, "values").get_xlabel() == "LAeq in dB(A)"
    both = pd.concat([table.assign(combination=name) for name in ("a+x", "b+y")])
    axes = soundcal.plot(soundcal.study_of(both), of="N5")
    assert [text.get_text() for text in axes.get_yticklabels()] == ["a+x", "b+y"] * 3
    assert axes.get_xlabel() == "Difference of N5 in sone"


def test_a_relation_is_a_map_or_the_scatter_of_one_outcome(relation: Relation) -> None:
    axes = soundcal.plot(relation)
    np.testing.assert_array_equal(np.asarray(axes.images[0].get_array()), relation.heatmap())
    scatter = soundcal.plot(relation, "scatter", of="calm")
    assert labels(scatter) == ("Difference of I0 in dB", "Difference of calm (-1000 to 1000)")
    with pytest.raises(ParameterError, match="no outcome 'loud'"):
        soundcal.plot(relation, "scatter", of="loud")


def test_axes_that_are_given_are_used(recording: Recording) -> None:
    figure, (first, second) = pyplot.subplots(1, 2)
    assert soundcal.plot(recording, ax=first) is first
    assert recording.plot("spectrum", ax=second) is second
    assert pyplot.get_fignums() == [figure.number]
    # the style of the axes is theirs
    assert first.xaxis.label.get_size() == matplotlib.rcParams["font.size"]


def test_a_new_figure_is_known_to_pyplot_and_complete(recording: Recording, tmp_path) -> None:
    settings = dict(matplotlib.rcParams)
    axes = recording.plot()
    assert dict(matplotlib.rcParams) == settings
    assert pyplot.get_fignums() == [axes.figure.number]
    axes.figure.savefig(tmp_path / "level.png")
    box = axes.figure.get_tightbbox()
    width, height = axes.figure.get_size_inches()
    assert -0.01 <= box.x0 < box.x1 <= width + 0.01
    assert -0.01 <= box.y0 < box.y1 <= height + 0.01


def test_what_cannot_be_plotted_is_told_what_can(recording: Recording) -> None:
    with pytest.raises(TypeError, match=r"int has no plot; plots exist of Recording, .*Relation"):
        soundcal.plot(3)
    with pytest.raises(TypeError, match=r"calibration\.apply"):
        soundcal.plot(Capture(np.zeros((1, 100)), FS))
    with pytest.raises(TypeError, match=r"soundcal\.read"):
        soundcal.plot("take.wav")
    with pytest.raises(TypeError, match="one by one"):
        soundcal.plot([recording])
    with pytest.raises(TypeError, match="ax is of type ndarray; one Axes is expected"):
        recording.plot(ax=pyplot.subplots(1, 2)[1])
    with pytest.raises(TypeError, match="plot_plane"):
        soundcal.plot(pd.DataFrame({"x": [1]}))
    with pytest.raises(ParameterError, match="no plot 'forest' of Recording; one of LAF"):
        recording.plot("forest")
    with pytest.raises(ParameterError, match="no channel 'middle'; of is one of left, right"):
        recording.plot(of="middle")
    with pytest.raises(ParameterError, match="a map shows one channel"):
        soundcal.plot(loudness_zwtv(recording), "map")
    with pytest.raises(ParameterError, match="shows the whole; leave of='left' out"):
        soundcal.plot(from_sensitivity({"left": 2.0}), of="left")
    with pytest.raises(ParameterError, match="'LX' was not compared"):
        soundcal.plot(soundcal.compare_methods(tidy(6)), "values", of="LX")
