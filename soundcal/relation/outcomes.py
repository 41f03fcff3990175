"""Differences of the ratings per stimulus, with the errors that the participants leave in them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from soundcal.agreement import mean_difference
from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.ratings import ATTRIBUTES, Ratings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["AXES", "Heard", "answers_of", "outcome_differences"]

AXES: Final = ("pleasantness", "eventfulness")


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """Differences of one attribute, or of an axis of the plane, between two conditions.

    Parameters
    ----------
    name : str
        Attribute, ``pleasantness`` or ``eventfulness``.
    difference, standard_error : ndarray, shape (k,)
        Estimate of the ratings' test for each stimulus, and its standard error; NaN where the test
        has no estimate.
    n_pairs, n_first, n_second : ndarray, shape (k,)
        Participants with both answers, and with one of them only.
    scatter : ndarray, shape (k,)
        Share of each stimulus in the variance of the errors between stimuli. Their mean is the part
        of the variance of ``difference`` over the stimuli that the choice of the participants
        causes. What a participant adds to all stimuli alike is not in it.
    remarks : tuple of str
        Remarks of the tests, one for each stimulus that has one.
    """

    name: str
    difference: Array
    standard_error: Array
    n_pairs: Array
    n_first: Array
    n_second: Array
    scatter: Array
    remarks: tuple[str, ...] = ()


def answers_of(ratings: Ratings) -> "pd.DataFrame":
    """Return all answers in rows: ``participant, condition, stimulus, outcome, value``.

    The outcomes are the attributes and, if all eight were asked, the axes of the plane.
    """
    import pandas as pd

    keys = ["participant", "condition", "stimulus"]
    answers = ratings.table.rename(columns={"attribute": "outcome"})[[*keys, "outcome", "value"]]
    if set(ATTRIBUTES) <= set(ratings.attributes):
        points = ratings.points().melt(keys, AXES, var_name="outcome", value_name="value")
        answers = pd.concat([answers, points], ignore_index=True)
    return answers.dropna(subset="value")


def outcome_differences(
    answers: "pd.DataFrame", stimuli: list[str], first: str, second: str
) -> list[Heard]:
    """Return the differences ``first - second`` of every outcome.

    Parameters
    ----------
    answers : DataFrame
        See :func:`answers_of`.
    stimuli : list of str
        Stimuli, in the order of the results.
    first, second : str
        Conditions.
    """
    chosen = answers[answers["condition"].isin([first, second])]
    people = sorted(chosen["participant"].unique())
    found = []
    for name in dict.fromkeys(answers["outcome"]):
        of_one = chosen[chosen["outcome"] == name]
        sides = (
            of_one[of_one["condition"] == side]
            .pivot(index="participant", columns="stimulus", values="value")
            .reindex(index=people, columns=stimuli)
            .to_numpy(dtype=np.float64)
            for side in (first, second)
        )
        found.append(_outcome(str(name), *sides))
    return found


def _outcome(name: str, x: Array, y: Array) -> Heard:
    """Return the differences of one outcome; rows are participants, columns stimuli."""
    k = x.shape[1]
    difference, deviation = np.full(k, np.nan), np.full(k, np.nan)
    pull = np.zeros_like(x)
    pairs = (~np.isnan(x) & ~np.isnan(y)).sum(axis=0)
    remarks: list[str] = []
    for s in range(k):
        try:
            test = mean_difference(x[:, s], y[:, s])
        except ParameterError as error:  # too few answers for any test
            remarks.append(str(error))
            continue
        remarks += test.warnings
        difference[s], deviation[s] = test.estimate, test.standard_error
        pair = ~np.isnan(x[:, s]) & ~np.isnan(y[:, s])
        left_out = {"paired t-test": ~pair, "Welch's t-test": pair}.get(test.method, False)
        pull[:, s] = _pull(x[:, s], left_out) - _pull(y[:, s], left_out)
    there = ~np.isnan(difference)
    scatter = np.full(k, np.nan)
    n = int(there.sum())
    if n > 1:
        apart = pull[:, there] - pull[:, there].mean(axis=1, keepdims=True)
        scatter[there] = (apart**2).sum(axis=0) * n / (n - 1)
    return Heard(
        name,
        difference,
        deviation,
        pairs,
        (~np.isnan(x)).sum(axis=0) - pairs,
        (~np.isnan(y)).sum(axis=0) - pairs,
        scatter,
        tuple(remarks),
    )


def _pull(values: Array, left_out: NDArray[np.bool_] | bool) -> Array:
    """Return how far each participant moves the mean of a column; the squares sum to its variance.

    ``(x_i - mean)/√(n (n - 1))``: the sum of squares is the squared standard error of the mean, and
    the sum of products of two columns estimates the covariance of their means.
    """
    used = ~np.isnan(values) & ~np.asarray(left_out)
    n = int(used.sum())
    pull = np.zeros(values.size)
    if n > 1:
        pull[used] = (values[used] - values[used].mean()) / np.sqrt(n * (n - 1.0))
    return pull
