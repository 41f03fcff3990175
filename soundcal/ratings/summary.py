"""Answers in short, as figures show them: shares, central values, density in the plane."""

from typing import TYPE_CHECKING, Final, Literal, get_args

from soundcal.errors import ParameterError
from soundcal.files.names import in_counting_order
from soundcal.ratings.comparison import likert_shares
from soundcal.ratings.soundscape import Density, density
from soundcal.ratings.table import Ratings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Centre", "central_answers", "densities", "stacked_answers"]

Centre = Literal["median", "mean"]
"""Central tendency of answers."""

_FEWEST: Final = 5  # points that have a contour


def central_answers(
    ratings: Ratings, *, centre: Centre = "median", across: str = "stimulus"
) -> "pd.DataFrame":
    """Return the median or mean answer to every attribute, as a map shows it.

    Parameters
    ----------
    ratings : Ratings
        Answers; missing ones are left out.
    centre : {"median", "mean"}
        The median is the central tendency of ordinal answers (ISO/TS 12913-3:2019, A.3).
    across : {"stimulus", "participant", "condition"}
        Column of the table of ratings whose names go across.

    Returns
    -------
    DataFrame
        Attributes down in their order, names across; with several conditions, unless these go
        across, a row per attribute and condition. NaN where nobody answered.

    Raises
    ------
    ParameterError
        Another central tendency or column.

    Examples
    --------
    >>> import pandas as pd
    >>> from soundcal.ratings import make_ratings
    >>> rows = [("P1", "S1", 1), ("P2", "S1", 2), ("P3", "S1", 5), ("P1", "S2", 4)]
    >>> table = pd.DataFrame(rows, columns=["participant", "stimulus", "value"])
    >>> ratings = make_ratings(table.assign(condition="hats", attribute="calm"), scale=(1, 5))
    >>> central_answers(ratings)
    stimulus    S1   S2
    attribute
    calm       2.0  4.0
    """
    if centre not in get_args(Centre):
        raise ParameterError(f"centre {centre!r}; one of {', '.join(get_args(Centre))} is expected")
    _check_column("across", across)
    several = len(ratings.conditions) > 1 and across != "condition"
    rows = ["attribute", "condition"] if several else ["attribute"]
    found = ratings.table.pivot_table(
        index=rows, columns=across, values="value", aggfunc=centre, sort=False
    )
    order = [
        (attribute, condition) if several else attribute
        for attribute in ratings.attributes
        for condition in (ratings.conditions if several else ("",))
    ]
    names = list(ratings.conditions)
    if across != "condition":
        names = in_counting_order(ratings.table[across].unique())
    there = [key for key in order if key in found.index]
    return found.reindex(index=there, columns=names).rename_axis(columns=across)


def _check_column(option: str, name: str) -> None:
    known = ("condition", "stimulus", "participant")
    if name not in known:
        raise ParameterError(f"{option} {name!r}; one of {', '.join(known)} is expected")


def densities(
    points: "pd.DataFrame", *, by: str = "condition", share: float = 0.5
) -> dict[str, Density]:
    """Return the density of the points of every group in the plane.

    Parameters
    ----------
    points : DataFrame
        See :meth:`Ratings.points`.
    by : {"condition", "stimulus", "participant"}
        Column that makes the groups.
    share : float
        Proportion of the density inside the contour.

    Returns
    -------
    dict of str to Density
        A group whose points have no density (fewer than 5, or on a line) is absent.

    Raises
    ------
    ParameterError
        Another column, or a share that is not between 0 and 1.
    """
    _check_column("by", by)
    found = {}
    for name, part in points.groupby(by, sort=False):
        if len(part) >= _FEWEST:
            found[str(name)] = density(part["pleasantness"], part["eventfulness"], share=share)
    return {name: one for name, one in found.items() if one is not None}


def stacked_answers(
    ratings: Ratings, *, shares: "pd.DataFrame | None" = None, categories: int = 5
) -> "pd.DataFrame":
    """Return the numbers of answers in each category, as stacked bars show them.

    Parameters
    ----------
    ratings : Ratings
        Answers.
    shares : DataFrame, optional
        Their shares, if they are known, see :func:`likert_shares`.
    categories : int
        Number of categories, if they are not.

    Returns
    -------
    DataFrame
        One row per attribute and condition with answers, in their order; one column per category:
        the answer itself, or the ends of a part of the scale.

    Raises
    ------
    ParameterError
        As for :func:`likert_shares`.
    """
    shares = likert_shares(ratings, categories=categories) if shares is None else shares
    wide = shares.pivot(index=["attribute", "condition"], columns="category", values="n")
    wide = wide.reindex([(a, c) for a in ratings.attributes for c in ratings.conditions])
    ends = shares.drop_duplicates("category")[["low", "high"]].to_numpy()
    # categories of whole numbers begin half an answer below the scale
    whole = ends[0, 0] < ratings.scale[0]
    wide.columns = [
        f"{(low + high) / 2:g}" if whole else f"{low:g} to {high:g}" for low, high in ends.tolist()
    ]
    return wide[wide.sum(axis=1) > 0]
