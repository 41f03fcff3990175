"""Plots of tables of ratings: shares, central values and contours are those of the answers."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.contour import ContourSet
from ratings_data import study

import soundcal
from soundcal.errors import ParameterError, RecordError
from soundcal.ratings import (
    ATTRIBUTES,
    Ratings,
    analyse_ratings,
    central_answers,
    densities,
    density,
    make_ratings,
    stacked_answers,
)


def answers(values: list[int], condition: str = "hats", attribute: str = "calm") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "participant": [f"p{i}" for i in range(len(values))],
            "condition": condition,
            "stimulus": "S1",
            "attribute": attribute,
            "value": values,
        }
    )


def lines_of_contours(axes: Axes) -> list[ContourSet]:
    """The lines, without the areas inside them."""
    return [c for c in axes.collections if isinstance(c, ContourSet) and not c.filled]


@pytest.fixture(scope="module")
def ratings() -> Ratings:
    return study()


def test_bars_are_shares_about_the_middle_answer() -> None:
    table = pd.concat([answers([1, 2, 3, 3, 5, 5, 5, 5]), answers([3, 3], attribute="pleasant")])
    axes = soundcal.plot_likert(table, scale=(1, 5))
    assert [text.get_text() for text in axes.get_yticklabels()] == ["pleasant, hats", "calm, hats"]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == list("12345")
    widths = np.array([[bar.get_width() for bar in bars] for bars in axes.containers])
    np.testing.assert_allclose(widths.T, [[0, 0, 100, 0, 0], [12.5, 12.5, 25, 0, 50]])
    # half of the middle answers is on either side
    starts = [bars[1].get_x() for bars in axes.containers]
    np.testing.assert_allclose(starts, [-37.5, -25.0, -12.5, 12.5, 12.5])
    assert "share of the answers (%)" in axes.get_xlabel()


def test_a_slider_is_cut_into_parts() -> None:
    counts = stacked_answers(make_ratings(answers([0, 10, 40, 100]), scale=(0, 100)))
    assert list(counts.columns) == ["0 to 20", "20 to 40", "40 to 60", "60 to 80", "80 to 100"]
    assert counts.to_numpy().tolist() == [[2, 0, 1, 0, 1]]
    two = stacked_answers(make_ratings(answers([0, 10, 40, 100]), scale=(0, 100)), categories=2)
    assert two.to_numpy().tolist() == [[3, 1]]


def test_a_map_prints_medians_or_means() -> None:
    table = pd.concat([answers([1, 2, 5]), answers([2, 2, 5], "ocv")])
    axes = soundcal.plot_heat_map(table, scale=(1, 5))
    assert [text.get_text() for text in axes.texts] == ["2.0", "2.0"]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["calm, hats", "calm, ocv"]
    assert axes.get_xlabel() == "Stimulus"
    assert axes.figure.axes[1].get_ylabel() == "Median answer (1 to 5)"
    assert axes.images[0].get_clim() == (1.0, 5.0)
    means = soundcal.plot_heat_map(table, scale=(1, 5), centre="mean", across="condition")
    assert [text.get_text() for text in means.texts] == ["2.7", "3.0"]
    assert [text.get_text() for text in means.get_xticklabels()] == ["hats", "ocv"]


def test_central_answers_are_those_of_pandas(ratings: Ratings) -> None:
    found = central_answers(ratings, centre="mean")
    assert list(found.index) == [(a, c) for a in ATTRIBUTES for c in ratings.conditions]
    assert list(found.columns) == list(ratings.stimuli)
    table = ratings.table
    for (attribute, condition), row in found.iterrows():
        part = table[(table["attribute"] == attribute) & (table["condition"] == condition)]
        for stimulus, value in row.items():
            expected = part.loc[part["stimulus"] == stimulus, "value"].mean()
            assert value == pytest.approx(expected, rel=1e-12)


def test_the_plane_has_every_trial_and_a_contour_per_group(ratings: Ratings) -> None:
    axes = soundcal.plot_plane(ratings.table, scale=(0, 100), by="stimulus")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Pleasantness (1)", "Eventfulness (1)")
    points = ratings.points()
    assert sum(
        len(line.get_xdata()) for line in axes.get_lines() if line.get_marker() != "None"
    ) == (len(points))
    assert len(lines_of_contours(axes)) == len(ratings.stimuli)


def test_a_contour_encloses_its_share_of_the_trials(ratings: Ratings) -> None:
    points = ratings.points()
    found = densities(points, by="condition")
    for name, part in points.groupby("condition"):
        alone = density(part["pleasantness"], part["eventfulness"])
        assert alone is not None
        np.testing.assert_array_equal(found[str(name)].density, alone.density)
        assert found[str(name)].level == alone.level
    axes = soundcal.plot_plane(ratings.table, scale=(0, 100))
    shares = []
    for contour, name in zip(lines_of_contours(axes), ratings.conditions, strict=True):
        part = points[points["condition"] == name]
        xy = part[["pleasantness", "eventfulness"]].to_numpy()
        shares.append(contour.get_paths()[0].contains_points(xy).mean())
    # the kernels widen the estimate, so that more than half of the trials lie inside
    assert all(0.5 <= share <= 0.75 for share in shares)
    assert densities(points.head(4)) == {}


@pytest.mark.parametrize("pair", [("ocv", "hats"), ("hats", "ocv")])
def test_a_condition_has_one_colour_in_all_figures(ratings: Ratings, pair: tuple[str, str]) -> None:
    analysis = analyse_ratings(ratings, *pair)
    colours = []
    for kind in ("plane", "shifts"):
        axes = soundcal.plot(analysis, kind)
        handles, labels = axes.get_legend_handles_labels()
        colours.append(dict(zip(labels, [handle.get_color() for handle in handles], strict=True)))
    assert list(colours[0]) == list(pair)
    assert colours[0] == colours[1]
    labels = soundcal.plot(ratings, "plane").get_legend_handles_labels()[1]
    assert labels == list(ratings.conditions)


def test_ratings_and_their_analysis_have_the_same_plots(ratings: Ratings) -> None:
    for kind in ("plane", "likert", "median", "mean"):
        soundcal.plot(ratings, kind)
    analysis = analyse_ratings(ratings, "ocv", "hats")
    for kind in ("plane", "likert", "median", "mean", "shifts"):
        soundcal.plot(analysis, kind)
    axes = soundcal.plot(analysis, "differences")
    np.testing.assert_array_equal(
        np.asarray(axes.images[0].get_array()), analysis.comparison.heatmap()
    )
    assert axes.figure.axes[1].get_ylabel() == "Difference ocv - hats (0 to 100)"
    with pytest.raises(TypeError, match="analyse_ratings gives a RatingsAnalysis"):
        soundcal.plot(analysis.comparison)


def test_without_the_eight_attributes_there_is_no_plane() -> None:
    few = make_ratings(answers([1, 2, 3]), scale=(1, 5))
    assert soundcal.plot(few).get_xlabel().startswith("Disagreement")
    with pytest.raises(ParameterError, match="no plot 'plane' of Ratings; one of likert"):
        soundcal.plot(few, "plane")
    with pytest.raises(ParameterError, match="coordinates need all eight"):
        soundcal.plot_plane(few.table, scale=(1, 5))


def test_answers_and_columns_are_checked() -> None:
    with pytest.raises(ParameterError, match="outside the scale"):
        soundcal.plot_likert(answers([1, 6]), scale=(1, 5))
    with pytest.raises(ParameterError, match="outside the scale"):
        soundcal.plot_heat_map(answers([1, 6]), scale=(1, 5))
    with pytest.raises(RecordError, match="columns attribute are missing"):
        soundcal.plot_plane(answers([1]).drop(columns="attribute"), scale=(1, 5))
    with pytest.raises(TypeError, match=r"not Ratings; soundcal\.plot draws Ratings"):
        soundcal.plot_plane(make_ratings(answers([1]), scale=(1, 5)), scale=(1, 5))
    with pytest.raises(ParameterError, match="scale 5: two numbers are expected"):
        soundcal.plot_plane(answers([1]), scale=5)  # type: ignore[arg-type]
    with pytest.raises(ParameterError, match="across 'people'; one of condition"):
        soundcal.plot_heat_map(answers([1]), scale=(1, 5), across="people")
    with pytest.raises(ParameterError, match="centre 'mode'"):
        soundcal.plot_heat_map(answers([1]), scale=(1, 5), centre="mode")


def test_more_groups_than_colours_differ_in_their_markers(ratings: Ratings) -> None:
    parts = [ratings.table.assign(condition=f"c{i}") for i in range(3)]
    many = pd.concat([*parts, *(p.assign(condition=p["condition"] + "b") for p in parts)])
    axes = soundcal.plot_plane(many[many["stimulus"] == "S0"].drop_duplicates(
        ["participant", "condition", "attribute"]), scale=(0, 100))  # fmt: skip
    looks = {
        (line.get_color(), line.get_marker())
        for line in axes.get_lines()
        if line.get_marker() != "None"
    }
    assert len(looks) == 6
