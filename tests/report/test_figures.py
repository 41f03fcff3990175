"""Figures: right sizes and numbers, readable texts, and nothing left behind in matplotlib."""

import io
import itertools
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.text import Text
from report_tables import STATISTICS, tidy

from soundcal.errors import ParameterError
from soundcal.indicators.result import IndicatorResult
from soundcal.ratings import density
from soundcal.report import figures
from soundcal.report.figures.agreement import layout
from soundcal.report.figures.page import spread_out
from soundcal.report.style import value_text
from soundcal.report.svg import inline_svg
from soundcal.study import Rules, compare_methods


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def size_mm(figure: Figure) -> tuple[float, float]:
    width, height = 25.4 * figure.get_size_inches()
    return width, height


def inside(figure: Figure) -> bool:
    """Whether every text that is drawn lies within the figure (with matplotlib's own fonts)."""
    figures.save(figure, io.BytesIO(), form="png", dpi=100)
    width, height = 100.0 * figure.get_size_inches()
    unseen = {label for axes in figure.axes for label in labels_beyond(axes)}
    boxes = [
        text.get_window_extent()
        for text in figure.findobj(Text)
        if text.get_text() and text.get_visible() and text not in unseen
    ]
    return all(
        box.x0 > -1 and box.y0 > -1 and box.x1 < width + 1 and box.y1 < height + 1 for box in boxes
    )


def labels_beyond(axes: Axes) -> Iterator[Text]:
    """Labels of ticks outside the limits; they exist, but nothing is drawn."""
    for axis, limits in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        for tick in axis.get_major_ticks():
            if not min(limits) <= tick.get_loc() <= max(limits):
                yield from (tick.label1, tick.label2)


def result(channels: int, **changes) -> IndicatorResult:
    times = np.arange(0.0, 4.0, 0.002)
    bark = np.arange(1, 241) / 10.0
    level = 5.0 + np.sin(times) + np.arange(channels)[:, None]
    specific = level[:, :, None] * np.exp(-(((bark - 8.0) / 5.0) ** 2))
    statistics = {f"N{p}": np.percentile(level, 100 - p, axis=1) for p in (5, 10, 50, 90, 95)}
    made = IndicatorResult(
        "loudness_zwtv",
        "sone",
        "ISO 532-1:2017",
        level.max(axis=1),
        statistics | {"max": level.max(axis=1)},
        times,
        level,
        specific,
        bark,
    )
    return replace(made, **changes)


@pytest.mark.parametrize(("statistics", "width"), [(1, 88.0), (6, 180.0)])
def test_the_grid_prints_bias_and_limits(statistics: int, width: float) -> None:
    comparison = compare_methods(tidy(27, ("LA",), statistics), rules=Rules(delta={"LAeq": 4.0}))
    (figure,) = figures.bland_altman_grid(comparison.entries)
    assert size_mm(figure)[0] == pytest.approx(width)
    panels, _, height = layout(comparison.entries, list(STATISTICS["LA"][1][:statistics]))
    assert len(panels) == 3 * statistics
    assert size_mm(figure)[1] == pytest.approx(height)
    written = texts(figure)
    for entry in comparison.entries:
        a = entry.agreement
        for value in (a.bias, a.lower, a.upper):
            assert value_text(value, "dB", signed=True) in written
    assert "Mean of both methods in dB(A)" in written
    assert inside(figure)


def test_the_grid_shows_every_point_and_the_bands() -> None:
    comparison = compare_methods(tidy(27, ("LA",), 1), rules=Rules(delta={"LAeq": 1.0}))
    (figure,) = figures.bland_altman_grid(comparison.entries)
    panels, _, _ = layout(comparison.entries, ["eq"])
    (points,) = figure.axes[0].lines
    drawn = np.stack(points.get_data())
    green, orange = (p for p in figure.axes[0].patches if p.get_gid() == "bands")
    for place, entry in enumerate(comparison.entries):
        panel = panels[entry.first, entry.second, "eq"]
        own = drawn[:, 27 * place : 27 * (place + 1)]
        assert own[0] == pytest.approx(panel.x(entry.averages))
        assert own[1] == pytest.approx(panel.y(entry.differences))
        assert panel.left < own[0].min() <= own[0].max() < panel.right
        assert panel.bottom < own[1].min() <= own[1].max() < panel.top
        low, high = panel.y_limits
        assert low < min(0.0, entry.differences.min()) < max(0.0, entry.differences.max()) < high
        a = entry.agreement
        corners = [
            green.get_path().vertices[5 * k : 5 * k + 5, 1] for k in (2 * place, 2 * place + 1)
        ]
        corners.append(orange.get_path().vertices[5 * place : 5 * place + 5, 1])
        for corner, interval in zip(corners, (a.lower_ci, a.upper_ci, a.bias_ci), strict=True):
            assert (corner.min(), corner.max()) == pytest.approx(tuple(panel.y(interval)))


def test_equivalence_is_drawn_in_units_of_the_allowable_difference() -> None:
    comparison = compare_methods(tidy(27, ("LA",)), rules=Rules(delta={"LA": 1.0}))
    figure = figures.equivalence_forest(comparison.tested)
    (axes,) = figure.axes
    lines = [np.asarray(line.get_xdata()) for line in axes.lines]
    drawn = {(round(float(x[0]), 9), round(float(x[-1]), 9)) for x in lines}
    edge = axes.get_xlim()[1]
    for entry in comparison.tested:
        found = entry.equivalence
        assert found is not None
        for low, high in (found.bounds, (found.lower, found.upper), found.bias_ci):
            assert (round(max(low, -edge), 9), round(min(high, edge), 9)) in drawn
    told = [text.get_text() for text in axes.texts]
    words = [figures.VERDICT_WORDS[entry.equivalence.verdict] for entry in comparison.tested]
    assert [text for text in told if text in figures.VERDICT_WORDS.values()] == words
    assert told.count("±1 dB(A)") == len(words)
    assert inside(figure)


def test_equivalence_far_outside_ends_in_an_arrow() -> None:
    comparison = compare_methods(tidy(27, ("LA",), 1), rules=Rules(delta={"LA": 0.05}))
    figure = figures.equivalence_forest(comparison.tested)
    (axes,) = figure.axes
    arrows = [line for line in axes.lines if line.get_marker() in ("<", ">")]
    assert len(arrows) >= 3
    assert {abs(float(np.asarray(line.get_xdata())[0])) for line in arrows} == {axes.get_xlim()[1]}
    assert inside(figure)


def test_more_than_six_statistics_make_a_second_figure() -> None:
    table = tidy(4, ("LA", "LC"), 6)
    table["statistic"] = table["statistic"].where(
        table["indicator"] == "LA", table["statistic"] + "x"
    )
    table["indicator"] = "LA"
    made = figures.bland_altman_grid(compare_methods(table).entries)
    assert [len(figure.axes[0].lines[0].get_xdata()) for figure in made] == [72, 72]
    with pytest.raises(ParameterError, match="exactly 1"):
        figures.bland_altman_grid(compare_methods(tidy(4)).entries)


def test_long_names_stay_inside() -> None:
    names = {"in-situ": "recorded in the field 2021", "ocv": "open circuit voltage method"}
    table = tidy([f"a rather long name of a stimulus {i}" for i in range(4)], ("LA",), 2)
    table["condition"] = table["condition"].replace(names)
    comparison = compare_methods(table)
    assert inside(figures.bland_altman_grid(comparison.entries)[0])
    wide = comparison.values.query("statistic == 'eq'").pivot(
        index="stimulus", columns="condition", values="value"
    )
    assert inside(figures.stimulus_dots(wide, "LAeq", "dB(A)"))
    assert inside(
        figures.bias_forest([("a very long name of equipment", comparison.entries[0])] * 2)
    )


def test_few_differ_most_of_many_stimuli() -> None:
    values = pd.DataFrame({"a": np.zeros(100), "b": np.arange(100.0)})
    values.index = [f"s{i}" for i in range(100)]
    figure = figures.stimulus_dots(values, "LAeq", "dB(A)")
    shown = {text for text in texts(figure) if text.startswith("s")}
    assert shown == {f"s{i}" for i in range(60, 100)}


@given(
    st.lists(st.floats(-50.0, 150.0), min_size=1, max_size=6),
    st.floats(0.01, 0.12),
)
def test_labels_are_spread_inside_the_axis(values: list[float], spacing: float) -> None:
    places = spread_out(sorted(values), (0.0, 100.0), spacing)
    assert all(b - a >= spacing - 1e-9 for a, b in itertools.pairwise(places))
    assert places[0] >= spacing / 2 - 1e-9
    assert places[-1] <= 1 - spacing / 2 + 1e-9


def test_labels_that_are_far_apart_stay_where_they_are() -> None:
    assert spread_out([10.0, 50.0, 90.0], (0.0, 100.0), 0.1) == pytest.approx([0.1, 0.5, 0.9])


@pytest.mark.parametrize("channels", [1, 2])
def test_an_indicator_over_time_with_percentiles_and_map(channels: int) -> None:
    figure = figures.indicator_figure(result(channels))
    written = texts(figure)
    made = result(channels)
    for name in ("N5", "N95"):
        assert f"{name}: {value_text(float(made.statistics[name][0]), 'sone')}" in written
    assert not any(text.startswith("max") for text in written)
    assert {"Time (s)", "Critical-band rate (Bark)", "Loudness zwtv′ (sone/Bark)"} <= set(written)
    images = [image for axes in figure.axes for image in axes.images]
    assert len(images) == channels
    assert inside(figure)


def test_a_short_event_stays_visible_in_the_map() -> None:
    """One of 2000 values over time stands out, in the column where it belongs."""
    made = result(1)
    assert made.times is not None
    assert made.specific is not None
    specific = made.specific.copy()
    specific[0, 1235] = 50.0
    (image,) = figures.indicator_figure(replace(made, specific=specific)).axes[1].images
    shown = np.asarray(image.get_array())
    assert shown.shape == (240, 1000)
    left, right, *_ = image.get_extent()
    column = int((made.times[1235] - left) / (right - left) * shown.shape[1])
    assert (shown[:, column] == 50.0).all()
    assert np.count_nonzero(shown == 50.0) == 240


def test_axes_name_the_quantity_and_both_ears_are_seen() -> None:
    level = result(2, name="sound_level", unit="dB", specific=None)
    axes = figures.indicator_figure(level, quantity="LAF").axes[0]
    assert axes.get_ylabel() == "LAF (dB)"
    assert figures.indicator_figure(level).axes[0].get_ylabel() == "Level (dB)"
    left, right = axes.get_lines()[:2]
    assert left.get_linewidth() > 2 * right.get_linewidth()
    assert figures.indicator_figure(result(2)).axes[0].get_ylabel() == "Loudness zwtv (sone)"


def test_equal_percentiles_stand_in_the_order_of_their_shares() -> None:
    """Silence most of the time: L50, L90 and L95 are equal, and the rarest is written on top."""
    statistics = dict.fromkeys(("90", "5", "95", "10", "50"), 5.0)
    one = result(1, value=6.0, statistics=statistics)
    axes = figures.indicator_figure(replace(one, series=one.series[0], specific=None)).axes[0]
    marks = sorted((text.get_position()[1], text.get_text()) for text in axes.texts)
    assert [text.split(" %")[0] for _, text in marks] == ["95", "90", "50", "10", "5"]


def test_a_spectrum_has_nominal_frequencies() -> None:
    bands = 1000.0 * 10.0 ** (np.arange(-16, 14) / 10.0)
    spectrum = result(
        2, times=None, series=None, specific=np.ones((2, 30)), axis=bands, axis_unit="Hz", unit="dB"
    )
    written = texts(figures.indicator_figure(spectrum))
    assert {"31.5", "63", "125", "1k", "16k", "left", "right"} <= set(written)


def test_results_that_cannot_be_drawn() -> None:
    with pytest.raises(ParameterError, match="neither a series nor"):
        figures.indicator_figure(result(1, series=None, specific=None))
    with pytest.raises(ParameterError, match="one recording at a time"):
        figures.indicator_figure(result(1, value=np.ones((2, 2))))
    with pytest.raises(ParameterError, match="3 names for 2"):
        figures.indicator_figure(result(2), channels=["a", "b", "c"])


def test_the_contour_of_the_circumplex_encloses_its_share() -> None:
    rng = np.random.default_rng(4)
    xy = rng.normal(0.0, 0.2, (2, 4000)).clip(-1.0, 1.0)
    found = density(*xy)
    assert found is not None
    figure = figures.circumplex({"hats": (xy[0], xy[1])}, contours={"hats": found})
    (contour,) = (c for c in figure.axes[0].collections if c.get_paths())
    inner = contour.get_paths()[0].contains_points(xy.T)
    # the estimate is wider than a normal distribution by its kernels: 1.2 times Scott's bandwidth
    expected = 1.0 - 0.5 ** (1.0 + (1.2 * 4000 ** (-1 / 6)) ** 2)
    assert inner.mean() == pytest.approx(expected, abs=0.03)  # 4 standard errors of 4000 points
    assert inside(figure)


def test_a_circumplex_without_contours() -> None:
    rng = np.random.default_rng(4)
    p, e = rng.uniform(-0.5, 0.5, (2, 50))
    figure = figures.circumplex({"hats": (p, e)})
    assert not [c for c in figure.axes[0].collections if c.get_paths()]


def test_a_map_of_one_stimulus_has_room_for_its_scale() -> None:
    cells = pd.DataFrame({"S1": [1.0, -2.0]}, index=["calm", "pleasant"])
    label = "Difference in-situ - hats of the ratings (0 to 100)"
    assert inside(figures.difference_map(cells, label=label))


def test_circumplex_with_arrows() -> None:
    a = np.linspace(-0.5, 0.5, 4)
    figure = figures.circumplex({"hats": (a, a), "ocv": (a, -a)}, arrows=True)
    assert not [c for c in figure.axes[0].collections if c.get_paths()]
    with pytest.raises(ParameterError, match="same points in order"):
        figures.circumplex({"hats": (a, a), "ocv": (a[1:], a[1:])}, arrows=True)
    with pytest.raises(ParameterError, match="-1 to 1"):
        figures.circumplex({"hats": (2 * a + 1, a)})
    with pytest.raises(ParameterError, match="0 conditions"):
        figures.circumplex({})


def test_stacked_answers_are_shares_about_the_middle() -> None:
    figure = figures.likert_bars(pd.DataFrame([[1, 1, 2, 4, 2]], index=["calm"]))
    widths = [patch.get_width() for patch in figure.axes[0].patches]
    assert widths == pytest.approx([10.0, 10.0, 20.0, 40.0, 20.0])
    assert figure.axes[0].patches[0].get_x() == pytest.approx(-30.0)
    with pytest.raises(ParameterError, match="at least one answer"):
        figures.likert_bars(pd.DataFrame([[0, 0]]))


def test_map_of_differences() -> None:
    cells = pd.DataFrame(
        [[10.0, -70.0], [np.nan, 0.0]], index=["calm", "chaotic"], columns=["a", "b"]
    )
    marks = pd.DataFrame([["", "***"], [None, "n"]])
    figure = figures.difference_map(cells, marks)
    image = figure.axes[0].images[0]
    assert image.get_clim() == (-60.0, 60.0)
    assert image.get_cmap().name == "PuOr"
    assert [text for text in texts(figure) if text in ("***", "n")] == ["***", "n"]
    assert inside(figure)
    with pytest.raises(ParameterError, match="shape"):
        figures.difference_map(cells, marks.iloc[:1])


def test_the_same_figure_is_the_same_text() -> None:
    entries = compare_methods(tidy(5, ("LA",), 1)).entries
    one, two = (inline_svg(figures.bland_altman_grid(entries)[0], "x", "t", "d") for _ in range(2))
    assert one == two
    assert "DejaVu" not in one
    assert "#0072b2" in one.replace("var(--fig-1,#0072b2)", "#0072b2")
    assert "0.025" in inline_svg(_with_text("0.0251"), "x", "t", "d")  # texts are never shortened


def _with_text(text: str) -> Figure:
    figure = Figure((1.0, 1.0))
    figure.text(0.5, 0.5, text)
    return figure


def test_matplotlib_is_left_as_it_was() -> None:
    code = (
        "import matplotlib, sys\n"
        "before = matplotlib.rcParams.copy()\n"
        "import pandas as pd\n"
        "from soundcal.report import figures\n"
        "values = pd.DataFrame({'a': [1.0, 2.0], 'b': [1.5, 2.5]}, index=['x', 'y'])\n"
        "figures.save(figures.stimulus_dots(values, 'N5', 'sone'), sys.argv[1], form='svg')\n"
        "assert matplotlib.rcParams.copy() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code, "/dev/null"], check=True, timeout=60)


@pytest.mark.parametrize("n", [3, 27, 200])
def test_names_in_a_scatter_do_not_cover_one_another(n: int) -> None:
    rng = np.random.default_rng(n)
    names = [f"place {i}" for i in range(n)]
    x, y = rng.normal(size=n), rng.normal(size=n)
    panel = figures.ScatterPanel("p", "x", "y", names, x, y, 0.1, np.full(n, 0.2), 0.5)
    names_do_not_overlap(figures.difference_scatter([panel]), n)


def test_shifts_of_stimuli_are_named() -> None:
    ends = {
        "ocv": ([-0.4, 0.2, 0.5], [0.3, -0.1, 0.6]),
        "hats": ([-0.2, 0.3, 0.5], [0.3, 0.0, 0.1]),
    }
    figure = figures.circumplex(ends, arrows=True, names=["street", "park", "square"])
    found = {text.get_text(): text for text in figure.axes[0].texts}
    for i, name in enumerate(("street", "park", "square")):
        assert found[name].xy == (ends["hats"][0][i], ends["hats"][1][i])


@pytest.mark.parametrize("n", [3, 27])
def test_names_of_shifts_do_not_cover_one_another(n: int) -> None:
    rng = np.random.default_rng(n)
    ends = {name: tuple(rng.uniform(-0.8, 0.8, (2, n))) for name in ("ocv", "hats")}
    figure = figures.circumplex(ends, arrows=True, names=[f"place {i}" for i in range(n)])
    names_do_not_overlap(figure, n, beginning="place")


def names_do_not_overlap(figure: Figure, n: int, beginning: str = "") -> None:
    FigureCanvasAgg(figure).draw()
    texts = [text for text in figure.axes[0].texts if text.get_text().startswith(beginning)]
    boxes = [text.get_window_extent() for text in texts]
    assert len(boxes) == n if n == 3 else 5 < len(boxes) <= n
    for i, box in enumerate(boxes):
        for other in boxes[:i]:
            across = min(box.x1, other.x1) - max(box.x0, other.x0)
            along = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert across < 0.5 or along < 0.3 * box.height


def test_an_hour_between_hours_without_sound_has_its_band() -> None:
    leq = np.array([60.0, 61.0, np.nan, 65.0, np.nan])
    panel = figures.CoursePanel("LAeq (dB(A))", {"mono": leq}, {"mono": (leq - 3.0, leq + 4.0)})
    *_, bars = figures.course_figure([panel]).axes[0].collections
    assert isinstance(bars, LineCollection)
    (bar,) = bars.get_segments()
    np.testing.assert_array_equal(bar, [[3.5, 62.0], [3.5, 69.0]])
