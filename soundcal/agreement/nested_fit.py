"""Restricted likelihood of a balanced nested design whose spread follows a power of the size."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from soundcal.agreement.pairs import ROUNDING
from soundcal.arrays import Array
from soundcal.errors import ParameterError

__all__ = ["NestedFits", "Pivots", "draw_pivots", "fit_nested", "likely_power"]

_POWERS: Final = (-3.0, 5.0)
_GRID: Final = 121
_REACH: Final = 6.0
"""The power is integrated over a grid of this many standard errors on both sides."""


@dataclass(frozen=True, slots=True)
class NestedFits:
    """Fits for g given powers.

    Parameters
    ----------
    likelihood : ndarray, shape (g,)
        Logarithm of the restricted likelihood, up to a constant.
    coefficients : ndarray, shape (g, q)
        Coefficients of the bias.
    root : ndarray, shape (g, q, q)
        Errors of the coefficients for standard normal ones and a mean square of subjects of 1.
    names : tuple of str
        Levels of the design, l of them.
    squares : ndarray, shape (l, g)
        Sum of squares of each level, of differences divided by A^p.
    df, count : ndarray, shape (l,)
        Degrees of freedom of each level, and number of rows of each of its units.
    share : ndarray, shape (l,)
        Factor of each mean square in the variance of a single difference.
    """

    likelihood: Array
    coefficients: Array
    root: Array
    names: tuple[str, ...]
    squares: Array
    df: Array
    count: Array
    share: Array


def fit_nested(cells: Array, design: Array, logs: Array, powers: Array) -> NestedFits:
    """Fit the model for each of the given powers, in closed form.

    Parameters
    ----------
    cells : ndarray, shape (k, parts, repeats)
        Differences.
    design : ndarray, shape (k, q)
        Columns of the bias.
    logs : ndarray, shape (k,)
        Logarithm of the size of each subject.
    powers : ndarray, shape (g,)
        Powers of the size that the spread follows.

    Raises
    ------
    ParameterError
        The subjects' mean differences do not vary.
    """
    k, parts, repeats = cells.shape
    rows = parts * repeats
    of_part = cells.mean(axis=2)
    of_subject = of_part.mean(axis=1)
    between_parts = repeats * ((of_part - of_subject[:, np.newaxis]) ** 2).sum(axis=1)
    between_repeats = ((cells - of_part[:, :, np.newaxis]) ** 2).sum(axis=(1, 2))
    weight = np.exp(-np.outer(powers, logs))
    columns = weight[:, :, np.newaxis] * design
    gram = np.einsum("gkq,gkr->gqr", columns, columns)
    moment = np.einsum("gkq,gk->gq", columns, weight * of_subject)
    coefficients = np.linalg.solve(gram, moment[:, :, np.newaxis])[:, :, 0]
    left = weight * of_subject - np.einsum("gkq,gq->gk", columns, coefficients)
    levels = [
        ("subjects", rows, k - design.shape[1], rows * (left**2).sum(axis=1)),
        ("parts", repeats, k * (parts - 1), weight**2 @ between_parts),
        ("repeats", 1, k * parts * (repeats - 1), weight**2 @ between_repeats),
    ]
    names, counts, dfs, sums = zip(*(level for level in levels if level[2] > 0), strict=True)
    squares, df, count = np.array(sums), np.array(dfs, dtype=float), np.array(counts, dtype=float)
    # what rounding errors alone can be is 0
    squares[squares <= cells.size * (ROUNDING * float(np.abs(cells).max())) ** 2] = 0.0
    if (squares[0] == 0.0).any():
        raise ParameterError("the subjects' mean differences do not vary; nothing can be estimated")
    likelihood = -0.5 * df @ np.log(np.where(squares > 0.0, squares, 1.0))
    likelihood = likelihood - rows * powers * logs.sum() - 0.5 * np.linalg.slogdet(gram)[1]
    root = np.linalg.cholesky(np.linalg.inv(gram)) / math.sqrt(rows)
    share = np.diff(1.0 / count, prepend=0.0)
    return NestedFits(likelihood, coefficients, root, names, squares, df, count, share)


def likely_power(cells: Array, design: Array, logs: Array) -> tuple[float, float]:
    """Return the power of largest likelihood and its standard error; see :func:`fit_nested`."""
    from scipy.optimize import minimize_scalar

    def value(power: float) -> float:
        return -float(fit_nested(cells, design, logs, np.array([power])).likelihood[0])

    best = float(minimize_scalar(value, bounds=_POWERS, method="bounded").x)
    step = 0.05
    around = fit_nested(cells, design, logs, best + step * np.array([-1.0, 0.0, 1.0])).likelihood
    bend = float(2.0 * around[1] - around[0] - around[2]) / step**2
    # a likelihood without a clear top: the grid then reaches over all powers
    return best, 1.0 / math.sqrt(bend) if bend > 0.0 else _POWERS[1]


@dataclass(frozen=True, slots=True)
class Pivots:
    """Draws of the generalized pivots.

    Parameters
    ----------
    power, total : ndarray, shape (draws,)
        Power of the size; variance of a single difference divided by A^p.
    coefficients : ndarray, shape (draws, q)
        Coefficients of the bias.
    mean_squares : ndarray, shape (l, draws)
        Expected mean square of each level.
    """

    power: Array
    total: Array
    coefficients: Array
    mean_squares: Array


def draw_pivots(
    cells: Array, design: Array, logs: Array, power: tuple[float, float], draws: int, seed: int
) -> Pivots:
    """Draw from the generalized pivots; see :func:`fit_nested`.

    Parameters
    ----------
    cells, design, logs : ndarray
        The data.
    power : tuple of float
        Power of largest likelihood and its standard error; 0 if it is known.
    draws, seed : int
        Number of draws, and seed of the random numbers.
    """
    rng = np.random.default_rng(seed)
    best, error = power
    grid = best + error * np.linspace(-_REACH, _REACH, _GRID) if error > 0.0 else np.array([best])
    fits = fit_nested(cells, design, logs, grid)
    chance = np.exp(fits.likelihood - fits.likelihood.max())
    index = rng.choice(grid.size, draws, p=chance / chance.sum())
    free = fits.df[:, np.newaxis]
    mean_squares = fits.squares[:, index] / rng.chisquare(free, (free.size, draws))
    errors = np.einsum("gqr,gr->gq", fits.root[index], rng.normal(size=(draws, design.shape[1])))
    coefficients = fits.coefficients[index] + np.sqrt(mean_squares[0])[:, np.newaxis] * errors
    return Pivots(grid[index], fits.share @ mean_squares, coefficients, mean_squares)
