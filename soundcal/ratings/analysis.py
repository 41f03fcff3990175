"""The whole analysis of a listening test in one result, as its tables and its report need it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from soundcal.agreement.multiplicity import Correction
from soundcal.agreement.paired import MeanTest
from soundcal.ratings.comparison import (
    RatingsComparison,
    compare_ratings,
    likert_shares,
    quadrant_table,
)
from soundcal.ratings.mixed import MixedModel, mixed_model
from soundcal.ratings.ordinal import OrdinalModel, few_categories, ordinal_model
from soundcal.ratings.quality import Quality, check_quality
from soundcal.ratings.soundscape import ATTRIBUTES, Density, method_a
from soundcal.ratings.summary import densities
from soundcal.ratings.table import Ratings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Plane", "RatingsAnalysis", "RatingsDescription", "analyse_ratings", "describe_ratings"]


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Ratings in the plane of pleasantness and eventfulness.

    Parameters
    ----------
    points : DataFrame
        Coordinates of every trial, see :meth:`Ratings.points`.
    trials, unusable : mapping of str to int
        Trials of each condition, and those of them that have no point, because not all eight
        attributes were answered.
    contours : mapping of str to Density
        Density of the points of each compared condition, with the level that encloses half of it;
        a condition whose points have no density (fewer than 5, or on a line) is absent.
    shifts : DataFrame
        Mean coordinates under both conditions per stimulus, of the participants who rated it
        under both: ``pleasantness_first, eventfulness_first, pleasantness_second, …``.
    quadrants : DataFrame
        See :func:`soundcal.ratings.quadrant_table`.
    medians : DataFrame
        See :func:`soundcal.ratings.method_a`.
    """

    points: "pd.DataFrame"
    trials: Mapping[str, int]
    unusable: Mapping[str, int]
    contours: Mapping[str, Density]
    shifts: "pd.DataFrame"
    quadrants: "pd.DataFrame"
    medians: "pd.DataFrame"


@dataclass(frozen=True, slots=True, eq=False)
class RatingsDescription:
    """What the answers of a listening test say without a comparison.

    Parameters
    ----------
    ratings : Ratings
        The answers without the excluded ones.
    quality : Quality
        Findings about the answers.
    categories : DataFrame
        Shares of the answers, see :func:`soundcal.ratings.likert_shares`.
    plane : Plane or None
        Coordinates; None if not all eight attributes were asked.
    """

    ratings: Ratings
    quality: Quality
    categories: "pd.DataFrame"
    plane: Plane | None

    def tables(self) -> "dict[str, pd.DataFrame]":
        """Return every table by its name."""
        tables = {
            "participants": self.ratings.participants(),
            "quality": self.quality.findings,
            "categories": self.categories,
        }
        if self.plane is not None:
            tables |= {
                "points": self.plane.points,
                "quadrants": self.plane.quadrants,
                "medians": self.plane.medians,
            }
        return tables

    def to_dict(self) -> dict[str, Any]:
        """Return ratings and quality, ready for JSON."""
        return {"ratings": self.ratings.to_dict(), "quality": self.quality.to_dict()}


@dataclass(frozen=True, slots=True, eq=False)
class RatingsAnalysis(RatingsDescription):
    """Everything that is computed from the ratings of a listening test.

    Parameters
    ----------
    ratings, quality, categories, plane
        As for :class:`RatingsDescription`.
    comparison : RatingsComparison
        Differences between two conditions.
    model : MixedModel or None
        A mixed model of the same answers, if one was asked for.
    ordinal : OrdinalModel or None
        An ordinal model of the same answers, if one was asked for.
    """

    comparison: RatingsComparison
    model: MixedModel | None = None
    ordinal: OrdinalModel | None = None

    def tables(self) -> "dict[str, pd.DataFrame]":
        """Return every table by its name."""
        tables = {"cells": self.comparison.cells, **RatingsDescription.tables(self)}
        if self.plane is not None:
            tables |= {"plane": self.comparison.plane, "pairs": self.comparison.pairs}
        if self.model is not None:
            tables["mixed"] = self.model.cells
        if self.ordinal is not None:
            tables["ordinal"] = self.ordinal.attributes
        return tables

    def to_dict(self) -> dict[str, Any]:
        """Return ratings, quality, comparison and model, ready for JSON."""
        content = RatingsDescription.to_dict(self)
        content["comparison"] = self.comparison.to_dict()
        if self.model is not None:
            content["mixed"] = self.model.to_dict()
        if self.ordinal is not None:
            content["ordinal"] = self.ordinal.to_dict()
        return content


def describe_ratings(ratings: Ratings, *, shortest: float | None = None) -> RatingsDescription:
    """Check the ratings of a listening test and describe the answers.

    Parameters
    ----------
    ratings : Ratings
        Answers, under one condition or several.
    shortest : float, optional
        As for :func:`soundcal.ratings.check_quality`.

    Raises
    ------
    ParameterError
        As for this function.
    """
    return RatingsDescription(
        ratings=ratings,
        quality=check_quality(ratings, shortest=shortest),
        categories=likert_shares(ratings),
        plane=_plane(ratings),
    )


def analyse_ratings(
    ratings: Ratings,
    first: str,
    second: str,
    *,
    test: MeanTest = "overlapping",
    correction: Correction = "holm",
    confidence: float = 0.95,
    preset: Literal["paper"] | None = None,
    mixed: bool = False,
    ordinal: bool = False,
    shortest: float | None = None,
) -> RatingsAnalysis:
    """Check the ratings of a listening test, compare two conditions and describe the answers.

    Parameters
    ----------
    ratings : Ratings
        Answers; participants may be absent from one condition.
    first, second, test, correction, confidence, preset
        As for :func:`soundcal.ratings.compare_ratings`.
    mixed : bool
        Also fit a mixed model, see :func:`soundcal.ratings.mixed_model`.
    ordinal : bool
        Also fit an ordinal model, see :func:`soundcal.ratings.ordinal_model`.
    shortest : float, optional
        As for :func:`soundcal.ratings.check_quality`.

    Raises
    ------
    ParameterError
        As for these functions.
    """
    quality = check_quality(ratings, shortest=shortest)
    comparison = compare_ratings(
        ratings,
        first,
        second,
        test=test,
        correction=correction,
        confidence=confidence,
        preset=preset,
    )
    if not ordinal:
        remarks = (*comparison.warnings, *few_categories(ratings))
        comparison = replace(comparison, warnings=remarks)
    return RatingsAnalysis(
        ratings=ratings,
        quality=quality,
        comparison=comparison,
        categories=likert_shares(ratings),
        plane=_plane(ratings, comparison),
        model=mixed_model(ratings, first, second, confidence=confidence) if mixed else None,
        ordinal=ordinal_model(ratings, first, second, correction=correction, confidence=confidence)
        if ordinal
        else None,
    )


def _plane(ratings: Ratings, comparison: RatingsComparison | None = None) -> Plane | None:
    """Return the answers in the plane, of the conditions that are compared, or of all."""
    if not set(ATTRIBUTES) <= set(ratings.attributes):
        return None
    points = ratings.points()
    shown = (comparison.first, comparison.second) if comparison else ratings.conditions
    trials = ratings.wide().index.get_level_values("condition")
    drawn = points["condition"]
    pairs = points.iloc[:0] if comparison is None else comparison.pairs
    return Plane(
        points=points,
        trials={name: int((trials == name).sum()) for name in ratings.conditions},
        unusable={
            name: int((trials == name).sum() - (drawn == name).sum()) for name in ratings.conditions
        },
        contours=densities(points[drawn.isin(shown)]),
        shifts=pairs.drop(columns=["participant", *({"condition"} & set(pairs))])
        .groupby("stimulus")
        .mean(),
        quadrants=quadrant_table(ratings),
        medians=method_a(ratings.table, scale=ratings.scale, language=ratings.language),
    )
