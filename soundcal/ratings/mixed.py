"""A second opinion on all cells together: a linear mixed model with random effects of participants.

The fixed effects are the means of the cells, so their part of every matrix is diagonal (2 × 2 for
answers in pairs), and the restricted likelihood takes the inverse of a matrix of the size of the
random effects only. A table of 27 stimuli, 8 attributes, 2 conditions and 36 participants (12 960
answers) takes 0.5 to 5 s of one core; MixedLM of statsmodels 0.15 took 120 s for a random intercept
alone.
"""

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from soundcal.agreement.intervals import check_fraction
from soundcal.agreement.pairs import ROUNDING
from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.ratings.table import Ratings

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["MixedModel", "mixed_model"]

PAIR: Final = "participant × stimulus × attribute"
EFFECTS: Final = (
    "participant",
    "participant × attribute",
    "participant × condition",
    "participant × attribute × condition",
    PAIR,
)
"""Random effects of the full model; the last is common to the two answers of a pair."""


@dataclass(frozen=True, slots=True, eq=False)
class MixedModel:
    """Differences of two conditions by a mixed model.

    Parameters
    ----------
    cells : DataFrame
        ``stimulus, attribute, estimate, standard_error, df, ci_low, ci_high, p_value``: difference
        ``first - second`` in each cell; p values are not adjusted for their number.
    variances : dict of str to float
        Variance of each random effect in the model, and of single answers (``residual``).
    n, participants : int
        Number of answers used, and of participants.
    confidence : float
        Confidence of the intervals.
    method : str
        Description of the analysis in words.
    warnings : tuple of str
        Remarks that the reader needs.
    """

    cells: "pd.DataFrame"
    variances: dict[str, float]
    n: int
    participants: int
    confidence: float
    method: str
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return everything, ready for JSON."""
        return {
            "cells": self.cells.to_dict("records"),
            "variances": dict(self.variances),
            "n": self.n,
            "participants": self.participants,
            "confidence": self.confidence,
            "method": self.method,
            "warnings": list(self.warnings),
        }


def mixed_model(
    ratings: Ratings,
    first: str,
    second: str,
    *,
    effects: Sequence[str] | None = None,
    confidence: float = 0.95,
) -> MixedModel:
    """Fit one linear mixed model to all cells and return the differences of two conditions.

    ``rating ~ condition × stimulus × attribute`` with random effects of participants, by restricted
    maximum likelihood. It also uses the answers of participants of only one condition, and assumes
    that all answers have the same variance.

    Parameters
    ----------
    ratings : Ratings
        Answers.
    first, second : str
        Conditions; differences are ``first - second``.
    effects : sequence of str, optional
        Random effects, of ``participant`` (always there), ``participant × attribute``,
        ``participant × condition``, ``participant × attribute × condition`` and ``participant ×
        stimulus × attribute`` (common to the two answers of a pair). By default those that these
        data tell apart and that improve Akaike's criterion; the method names them.
    confidence : float
        Confidence of the intervals.

    Raises
    ------
    ParameterError
        Unknown condition or effect, fewer than 2 participants, no cell rated under both conditions,
        too few answers for the cells, answers without spread.

    Notes
    -----
    Patterson & Thompson, Biometrika 58:545 (1971); choice of random effects: Matuschek et al., J
    Mem Lang 94:305 (2017). Tests and intervals by Student's t with Satterthwaite's degrees of
    freedom, from the second derivatives of the restricted likelihood.
    """
    check_fraction("confidence", confidence)
    table, codes, keys = _cells_of(ratings, first, second)
    data = _Answers(
        table["value"].to_numpy(dtype=np.float64),
        _numbered(table["participant"].to_numpy()),
        _numbered(np.array([key[1] for key in keys]))[codes // 2],
        codes,
        2 * len(keys),
    )
    if data.people < 2 or data.spare - data.people < 1:
        raise ParameterError(
            f"{data.values.size} answers of {data.people} participant(s) in {data.cells} cells are "
            "too few for the model; use compare_ratings"
        )
    if not data.has_spread:
        raise ParameterError("all answers of a cell are equal; there is no spread to model")
    possible = data.told_apart()
    chosen = _asked(effects, possible) if effects is not None else None
    moments = _Moments(data, chosen or possible)
    fit = _best(moments, possible) if chosen is None else _Fit.of(moments, chosen)
    zero = [name for name in fit.effects if fit.variances[name] == 0.0]
    remark = f"the variance of {', '.join(zero)} is estimated as 0"
    why = "chosen by Akaike's criterion" if chosen is None else "as requested"
    return MixedModel(
        cells=_differences(fit, keys, confidence),
        variances=fit.variances,
        n=data.values.size,
        participants=data.people,
        confidence=confidence,
        method="linear mixed model, rating ~ condition × stimulus × attribute + "
        + " + ".join(f"(1 | {name})" for name in fit.effects)
        + f" ({why}), restricted maximum likelihood, differences {first} - {second}, Student's t "
        "with Satterthwaite's degrees of freedom",
        warnings=(remark,) if zero else (),
    )


def _asked(effects: Sequence[str], possible: Sequence[str]) -> tuple[str, ...]:
    """Return the requested effects in order."""
    strange = [name for name in effects if name not in possible]
    if strange or "participant" not in effects:
        raise ParameterError(
            f"effects {', '.join(effects)}; participant, and any of {', '.join(possible)}, which "
            "these data tell apart, are expected"
        )
    return tuple(name for name in EFFECTS if name in effects)


def _cells_of(
    ratings: Ratings, first: str, second: str
) -> tuple["pd.DataFrame", NDArray[np.int64], list[tuple[str, str]]]:
    """Return the answers of cells rated under both conditions, their column, and the cells."""
    table = ratings.table.dropna(subset=["value"])
    table = table[table["condition"].isin([first, second])]
    counts = table.groupby(["stimulus", "attribute"])["condition"].nunique()
    both = set(counts[counts == 2].index)
    keys = [(s, a) for s in ratings.stimuli for a in ratings.attributes if (s, a) in both]
    if not keys:
        raise ParameterError(
            f"no stimulus and attribute was rated under both {first!r} and {second!r}; conditions: "
            + ", ".join(ratings.conditions)
        )
    number = {key: i for i, key in enumerate(keys)}
    cell = np.array(
        [number.get(key, -1) for key in zip(table["stimulus"], table["attribute"], strict=True)]
    )
    codes = 2 * cell + (table["condition"] == second).to_numpy()
    return table[cell >= 0], codes[cell >= 0], keys


@dataclass(frozen=True, eq=False)
class _Answers:
    """Answers in rows: value, numbers of participant and attribute, column of cell and condition.

    The columns of a cell are neighbours: even for the first condition, odd for the second.
    """

    values: Array
    person: NDArray[np.intp]
    attribute: NDArray[np.intp]
    code: NDArray[np.int64]
    cells: int

    @cached_property
    def people(self) -> int:
        """Number of participants."""
        return int(self.person.max()) + 1

    @property
    def spare(self) -> int:
        """Number of answers minus number of cells."""
        return self.values.size - self.cells

    @cached_property
    def has_spread(self) -> bool:
        """False if all answers of each cell are equal."""
        mean = np.bincount(self.code, weights=self.values) / np.bincount(self.code)
        largest = float(np.abs(self.values).max())
        return bool(np.abs(self.values - mean[self.code]).max() > ROUNDING * largest)

    @cached_property
    def pair(self) -> NDArray[np.intp]:
        """Number of the pair that each row belongs to: participant and cell."""
        return _numbered(self.person * self.cells + self.code // 2)

    def told_apart(self) -> tuple[str, ...]:
        """Return the effects that these answers can tell apart from each other."""
        twice = np.bincount(self.pair) > 1
        found = ["participant"]
        if np.unique(self.attribute).size > 1:
            found.append(EFFECTS[1])
        # a person's conditions must differ in more than one pair, those of an attribute as well
        if twice.any() and np.bincount(self.person).max() > 2:
            found.append(EFFECTS[2])
        if EFFECTS[2] in found and EFFECTS[1] in found:
            of_one = np.bincount(self.groups(EFFECTS[1])[np.isin(self.pair, np.flatnonzero(twice))])
            if of_one.max() > 2:
                found.append(EFFECTS[3])
        if twice.any():
            found.append(PAIR)
        return tuple(found)

    def groups(self, name: str) -> NDArray[np.intp]:
        """Return the number of the group of a random effect that each row belongs to."""
        other = {
            "participant": np.zeros(self.values.size, dtype=np.int64),
            EFFECTS[1]: self.attribute.astype(np.int64),
            EFFECTS[2]: self.code % 2,
            EFFECTS[3]: 2 * self.attribute.astype(np.int64) + self.code % 2,
        }[name]
        return _numbered(self.person * (int(other.max()) + 1) + other)


def _numbered(keys: NDArray[Any]) -> NDArray[np.intp]:
    """Return the number of each key among the distinct ones."""
    return np.asarray(np.unique(keys, return_inverse=True)[1], dtype=np.intp)


def _dense(matrix: Any) -> Array:
    """Return a sparse or dense matrix as an array."""
    return np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)


class _Moments:
    """Products of the design matrices, from which the likelihood at any variances follows.

    ``y = X b + Z u + e``; ``cov e = I + t B B'`` relative to the residual variance, where B marks
    the pairs. ``(I + t B B')⁻¹ = I - Σ_m t/(1 + m t) B_m B_m'`` over pairs of m = 1 and 2 answers,
    so every product is a sum of three fixed matrices.
    """

    def __init__(self, data: _Answers, effects: Sequence[str]) -> None:
        from scipy import sparse

        n = data.values.size
        rows, ones = np.arange(n), np.ones(n)

        def marks(groups: NDArray[np.intp]) -> Any:
            return sparse.csr_array((ones, (rows, groups)), shape=(n, int(groups.max()) + 1))

        self.effects = [name for name in effects if name != PAIR]
        parts = [marks(data.groups(name)) for name in self.effects]
        z = sparse.hstack(parts).tocsr()
        x = sparse.csr_array((ones, (rows, data.code)), shape=(n, data.cells))
        b = marks(data.pair)
        size = np.bincount(data.pair)
        # about the means of the cells, which changes nothing but rounding
        self.means = (x.T @ data.values) / x.sum(axis=0)
        y = data.values - self.means[data.code]
        self.columns = np.repeat(np.arange(len(parts)), [part.shape[1] for part in parts])
        self.spare = data.spare
        self.size = {m: int(np.count_nonzero(size == m)) for m in (1, 2)}
        bz, bx, by = b.T @ z, b.T @ x, b.T @ y
        one, two = (sparse.diags_array((size == m).astype(float)) for m in (1, 2))
        self.zz, self.zx, self.zy = (
            [_dense(part) for part in of]
            for of in (
                (z.T @ z, bz.T @ one @ bz, bz.T @ two @ bz),
                (z.T @ x, bz.T @ one @ bx, bz.T @ two @ bx),
                (z.T @ y, bz.T @ (one @ by), bz.T @ (two @ by)),
            )
        )
        self.xy = [np.asarray(p) for p in (x.T @ y, bx.T @ (one @ by), bx.T @ (two @ by))]
        self.yy = [float(y @ y), float(by @ (one @ by)), float(by @ (two @ by))]
        count = np.bincount(data.code, minlength=data.cells).astype(np.float64)
        within = [np.asarray((bx.T @ part).sum(axis=1)) for part in (one, two)]
        self.xx = [count, *within]
        # pairs of two answers in each cell
        self.both = np.bincount(data.code // 2, weights=(size[data.pair] == 2) * 0.5)
        self.last: _Paired | None = None

    def only(self, effects: Sequence[str]) -> "_Moments":
        """Return the products of some of the effects; all others stay as they are."""
        there = np.array([name in effects for name in self.effects])
        keep = np.flatnonzero(there[self.columns])
        part = copy(self)
        part.effects = [name for name in self.effects if name in effects]
        part.columns = (np.cumsum(there) - 1)[self.columns[keep]]
        part.zz = [matrix[np.ix_(keep, keep)] for matrix in self.zz]
        part.zx, part.zy = ([rows[keep] for rows in of] for of in (self.zx, self.zy))
        part.last = None
        return part

    def paired(self, t: float) -> "_Paired":
        """Return the products at a variance of the pairs; the last ones are kept."""
        if self.last is None or self.last.t != t:
            self.last = _Paired(self, t)
        return self.last


class _Paired:
    """Products of the design matrices at a variance t of the pairs over the residual one."""

    def __init__(self, m: _Moments, t: float) -> None:
        gamma = (1.0, -t / (1.0 + t), -t / (1.0 + 2.0 * t))

        def mixed(parts: Sequence[Any]) -> Any:
            return sum(g * part for g, part in zip(gamma, parts, strict=True))

        xx, off = mixed(m.xx), gamma[2] * m.both
        first, second = xx[::2], xx[1::2]
        det = first * second - off**2
        self.t = t
        self.inverse = (second / det, first / det, -off / det)  # of the blocks of X' R⁻¹ X
        self.zx, self.xy = mixed(m.zx), mixed(m.xy)
        self.ax = self.blocks(self.zx)
        self.k = mixed(m.zz) - self.ax @ self.zx.T
        self.z = mixed(m.zy) - self.ax @ self.xy
        self.square = mixed(m.yy) - float(self.xy @ self.blocks(self.xy))
        self.log_det = (
            m.size[1] * math.log1p(t) + m.size[2] * math.log1p(2.0 * t) + float(np.log(det).sum())
        )

    def blocks(self, rows: Array) -> Array:
        """Return ``rows (X' R⁻¹ X)⁻¹``."""
        first, second, off = self.inverse
        even, odd = rows[..., ::2], rows[..., 1::2]
        out = np.empty_like(rows)
        out[..., ::2] = even * first + odd * off
        out[..., 1::2] = even * off + odd * second
        return out


class _At:
    """The model at given variances, relative to the residual one."""

    def __init__(self, m: _Moments, t: float, ratios: Array) -> None:
        from scipy.linalg import cho_factor, cho_solve

        self.m, self.paired = m, m.paired(t)
        k, z = self.paired.k, self.paired.z
        self.root = np.sqrt(ratios[m.columns])
        small = self.root[:, np.newaxis] * k * self.root
        small[np.diag_indices_from(small)] += 1.0
        self.factor = cho_factor(small, lower=True, check_finite=False)
        self.u = self.root * cho_solve(self.factor, self.root * z, check_finite=False)
        self.square = self.paired.square - float(z @ self.u)
        self.log_det = self.paired.log_det + 2.0 * float(np.log(np.diag(self.factor[0])).sum())

    @property
    def variance(self) -> float:
        """Residual variance with the largest restricted likelihood."""
        return float(self.square / self.m.spare)

    @property
    def shift(self) -> Array:
        """Corrections of the cells' means."""
        return self.paired.blocks(self.paired.xy - self.u @ self.paired.zx)

    def deviance(self, variance: float | None = None) -> float:
        """Return -2 log restricted likelihood, up to a constant."""
        v = self.variance if variance is None else variance
        return float(self.m.spare * math.log(v) + self.log_det + self.square / v)

    def slopes(self) -> Array:
        """Return the derivatives of the profile deviance by the ratios (without the pairs')."""
        from scipy.linalg import solve_triangular

        half = solve_triangular(
            self.factor[0], self.root[:, np.newaxis] * self.paired.k, lower=True, check_finite=False
        )
        trace = np.diag(self.paired.k) - (half**2).sum(axis=0)
        pull = self.paired.z - self.paired.k @ self.u
        each = trace - pull**2 / self.variance
        return np.asarray(np.bincount(self.m.columns, weights=each), dtype=np.float64)

    def contrast_variances(self) -> Array:
        """Return the variance of each cell's difference, relative to the residual variance."""
        from scipy.linalg import solve_triangular

        first, second, off = self.paired.inverse
        contrast = self.paired.ax[:, ::2] - self.paired.ax[:, 1::2]
        half = solve_triangular(
            self.factor[0], self.root[:, np.newaxis] * contrast, lower=True, check_finite=False
        )
        return np.asarray(first + second - 2.0 * off + (half**2).sum(axis=0))


@dataclass(frozen=True, slots=True, eq=False)
class _Fit:
    """Estimates with the largest restricted likelihood for some random effects."""

    moments: _Moments
    effects: tuple[str, ...]
    variances: dict[str, float]
    deviance: float

    @classmethod
    def of(
        cls,
        of_all: _Moments,
        effects: tuple[str, ...],
        near: "dict[str, float] | None" = None,
        slope: float = 1e-6,
    ) -> "_Fit":
        """Fit the effects from variances that are near, down to a slope of the deviance."""
        from scipy.optimize import minimize

        moments = of_all.only(effects)
        others = np.array([name != PAIR for name in effects])

        def deviance(log_ratios: Array) -> tuple[float, Array]:
            ratios = np.exp(log_ratios)
            here = _at(moments, effects, dict(zip(effects, ratios, strict=True)))
            along = np.empty(len(effects))
            along[others] = here.slopes() * ratios[others]
            if not others.all():
                ahead = ratios * np.where(others, 1.0, math.exp(_STEP))
                there = _at(moments, effects, dict(zip(effects, ahead, strict=True)))
                along[~others] = (there.deviance() - here.deviance()) / _STEP
            return here.deviance(), along

        start = np.log(np.full(len(effects), 0.2 / len(moments.effects)))
        if near is not None:
            ratio = np.array([near[name] for name in effects]) / near["residual"]
            start = np.log(np.maximum(ratio, 1e-3))
        found = minimize(
            deviance,
            start,
            jac=True,
            method="L-BFGS-B",
            bounds=[(_LOWEST, 10.0)] * len(effects),
            options={"ftol": 1e-14, "gtol": slope, "maxiter": 200},
        )
        best, least = np.asarray(found.x), float(found.fun)
        ratios = dict(zip(effects, np.exp(best).tolist(), strict=True))
        for name in effects:  # effects at the lower edge are 0 if that is no worse
            without = {**ratios, name: 0.0}
            other = _at(moments, effects, without).deviance()
            if other <= least + 1e-7:
                ratios, least = without, other
        variance = _at(moments, effects, ratios).variance
        variances = {name: ratio * variance for name, ratio in ratios.items()}
        return cls(moments, effects, {**variances, "residual": variance}, least)

    @property
    def criterion(self) -> float:
        """Akaike's criterion, up to a constant."""
        return self.deviance + 2.0 * len(self.effects)

    def at(self) -> _At:
        """Return the model at the estimates."""
        residual = self.variances["residual"]
        ratios = {name: self.variances[name] / residual for name in self.effects}
        return _at(self.moments, self.effects, ratios)

    def degrees_of_freedom(self) -> Array:
        """Return Satterthwaite's degrees of freedom of each cell's difference.

        ``2 f²/(g' A g)`` with the variance f of a difference, its derivatives g by the variances of
        the model, and their covariance A, the inverse of the curvature of the likelihood
        (Giesbrecht & Burns, Biometrics 41:477, 1985). Effects with a variance of 0 do not count.
        """
        names = [name for name in self.effects if self.variances[name] > 0.0]
        point = np.array([self.variances[name] for name in (*names, "residual")])

        def model(theta: Array) -> _At:
            ratios = dict.fromkeys(self.effects, 0.0)
            ratios |= dict(zip(names, theta[:-1] / theta[-1], strict=True))
            return _at(self.moments, self.effects, ratios)

        def deviance(theta: Array) -> float:
            return model(theta).deviance(float(theta[-1]))

        size = point.size
        # a step that moves the deviance well above its rounding errors
        step = np.maximum(2e-3 * point, 1e-4 * point[-1])
        step = np.minimum(step, 0.5 * point)
        middle = deviance(point)
        curve = np.empty((size, size))
        unit = np.diag(step)
        ahead = [deviance(point + d) for d in unit]
        back = [deviance(point - d) for d in unit]
        for i in range(size):
            curve[i, i] = (ahead[i] - 2.0 * middle + back[i]) / step[i] ** 2
        for i, j in combinations(range(size), 2):
            both = deviance(point + unit[i] + unit[j]) + deviance(point - unit[i] - unit[j])
            mixed = both - ahead[i] - back[i] - ahead[j] - back[j] + 2.0 * middle
            curve[i, j] = curve[j, i] = mixed / (2.0 * step[i] * step[j])

        def spread(theta: Array) -> Array:
            return float(theta[-1]) * model(theta).contrast_variances()

        gradient = np.array(
            [
                (spread(point + d) - spread(point - d)) / (2.0 * h)
                for d, h in zip(unit, step, strict=True)
            ]
        )
        covariance = 2.0 * np.linalg.inv(curve)
        of_variance = np.einsum("ik,ij,jk->k", gradient, covariance, gradient)
        with np.errstate(divide="ignore"):
            df = 2.0 * spread(point) ** 2 / of_variance
        most = float(self.moments.spare)
        return np.where((df > 0.0) & (df < most), df, most)


_LOWEST: Final = -16.0  # natural logarithm of the smallest ratio of variances
_STEP: Final = 1e-5  # of that logarithm
_ROUGH: Final = 1e-3  # slope at which the criterion is known well enough to choose


def _at(moments: _Moments, effects: Sequence[str], ratios: dict[str, float]) -> _At:
    other = np.array([ratios[name] for name in effects if name != PAIR])
    return _At(moments, ratios.get(PAIR, 0.0), other)


def _best(moments: _Moments, possible: tuple[str, ...]) -> _Fit:
    """Take in one effect after the other as long as that lowers Akaike's criterion."""
    best = _Fit.of(moments, possible[:1], slope=_ROUGH)
    while len(best.effects) < len(possible):
        candidates = [
            _Fit.of(
                moments,
                tuple(n for n in possible if n in best.effects or n == name),
                {**best.variances, name: 0.1 * best.variances["residual"]},
                _ROUGH,
            )
            for name in possible
            if name not in best.effects
        ]
        other = min(candidates, key=lambda fit: fit.criterion)
        if other.criterion >= best.criterion:
            break
        best = other
    # an effect that another one has replaced costs the criterion what it counts
    effects = tuple(n for n in best.effects if n == possible[0] or best.variances[n] > 0.0)
    return _Fit.of(moments, effects, best.variances)


def _differences(fit: _Fit, keys: list[tuple[str, str]], confidence: float) -> "pd.DataFrame":
    import pandas as pd
    from scipy.special import stdtr, stdtrit

    at = fit.at()
    means = fit.moments.means + at.shift
    estimate = means[::2] - means[1::2]
    error = np.sqrt(fit.variances["residual"] * at.contrast_variances())
    df = fit.degrees_of_freedom()
    half = stdtrit(df, 0.5 * (1.0 + confidence)) * error
    return pd.DataFrame(
        {
            "stimulus": [key[0] for key in keys],
            "attribute": [key[1] for key in keys],
            "estimate": estimate,
            "standard_error": error,
            "df": df,
            "ci_low": estimate - half,
            "ci_high": estimate + half,
            "p_value": 2.0 * stdtr(df, -np.abs(estimate) / error),
        }
    )
