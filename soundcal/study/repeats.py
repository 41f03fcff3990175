"""Limits of single ears and single takes: several values of a stimulus in one model.

Values of one stimulus are not independent. Limits come from the variance between and within
stimuli, and the stimulus is the unit of every interval and test.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from soundcal.arrays import Array
from soundcal.errors import ParameterError
from soundcal.files.names import some
from soundcal.study.rules import Rules, Takes
from soundcal.study.scales import back, on_scale, without_scale

if TYPE_CHECKING:
    import pandas as pd

    from soundcal.agreement import Agreement, AgreementTest, Diagnostics, RepeatedAgreement
    from soundcal.agreement.limits_of_agreement import Scale

__all__ = ["RepeatedValues"]

_SMALLEST: Final = 1e-9
_LARGEST: Final = 0.49
"""Levels between which a p value is looked for."""

_FEW: Final = 10
"""Number of stimuli below which limits rest on little, as in :func:`bland_altman`."""


@dataclass(frozen=True, slots=True, eq=False)
class RepeatedValues:
    """Values of one indicator by two methods, more than one of a stimulus.

    Parameters
    ----------
    x, y : ndarray, shape (n,)
        Values of the first and second method; NaN where a method has none in that row.
    stimulus, part : tuple of str, length n
        Stimulus of each row, and its ear or take.
    names : tuple of str
        The methods.
    unit : str
        Unit of the values.
    scale : {"difference", "percent", "ratio"}
        Scale of the differences.
    true_value : {"constant", "varying"}
        ``varying``: a row is a pair.
    warnings : tuple of str
        Remarks on values that were left out, and on few stimuli.
    """

    x: Array
    y: Array
    stimulus: tuple[str, ...]
    part: tuple[str, ...]
    names: tuple[str, str]
    unit: str
    scale: "Scale"
    true_value: Takes
    warnings: tuple[str, ...] = ()

    @property
    def several(self) -> bool:
        """True if a stimulus that both methods have has more than one row."""
        return len(set(self.stimulus)) < len(self.stimulus)

    @classmethod
    def of_rows(
        cls,
        rows: "pd.DataFrame",
        pair: tuple[str, str],
        unit: str,
        scale: "Scale",
        true_value: Takes,
        *,
        complete: bool = False,
    ) -> "RepeatedValues":
        """Return the usable rows of a table, of the stimuli that both methods have.

        Parameters
        ----------
        rows : DataFrame
            One column per method; the index is the stimulus and its ear or take.
        pair : tuple of str
            The methods.
        unit, scale, true_value
            As in the class.
        complete : bool
            Leave out stimuli without every one of the ears.
        """
        import pandas as pd

        x, y = (rows[name].to_numpy(dtype=np.float64) for name in pair)
        code, names = pd.factorize(rows.index.get_level_values(0))
        endless = names[np.unique(code[np.isinf(x) | np.isinf(y)])]
        x, y = (np.where(np.isfinite(side), side, np.nan) for side in (x, y))
        here = ~np.isnan(x), ~np.isnan(y)

        def per_stimulus(rows: NDArray[np.bool_]) -> NDArray[np.int64]:
            return np.bincount(code[rows], minlength=names.size)[code]

        if true_value == "varying":
            usable = here[0] & here[1]
            if complete:
                usable &= per_stimulus(usable) == rows.index.get_level_values(1).nunique()
        else:
            usable = (here[0] | here[1]) & (per_stimulus(here[0]) > 0) & (per_stimulus(here[1]) > 0)
        missing = names[np.unique(code[(here[0] | here[1]) & ~usable])]
        k = np.unique(code[usable]).size
        warnings = []
        if endless.size:
            warnings.append(
                f"infinite values left out, of {some(map(str, endless))}; check these recordings"
            )
        if missing.size and true_value == "varying":
            warnings.append(f"rows without all values left out, of {some(map(str, missing))}")
        if k < _FEW:
            warnings.append(f"only {k} stimuli: limits and their intervals rest on little")
        part = rows.index.get_level_values(1)[usable]
        return cls(
            x=x[usable],
            y=y[usable],
            stimulus=tuple(map(str, names[code[usable]])),
            part=tuple(map(str, part)),
            names=pair,
            unit=unit,
            scale=scale,
            true_value=true_value,
            warnings=tuple(warnings),
        )

    def without_scale(self, scale: "Scale") -> str:
        """Return the reason why the values cannot be compared on a scale; "" if they can."""
        x, y = self.x, self.y
        if scale == "percent":
            x = y = self.averages()
        # a row with a value of one method only counts, too
        x, y = np.where(np.isnan(x), y, x), np.where(np.isnan(y), x, y)
        return without_scale(x, y, self.stimulus, scale)

    def without(self, stimuli: Sequence[str]) -> "RepeatedValues":
        """Return the rows of the other stimuli."""
        kept = np.array([name not in stimuli for name in self.stimulus], dtype=bool)
        return replace(
            self,
            x=self.x[kept],
            y=self.y[kept],
            stimulus=tuple(s for s, on in zip(self.stimulus, kept, strict=True) if on),
            part=tuple(p for p, on in zip(self.part, kept, strict=True) if on),
        )

    def limits(self, rules: Rules) -> "RepeatedAgreement":
        """Return bias and limits of a single value of a further stimulus, on the scale."""
        from soundcal.agreement.limits_of_agreement import Points

        average = self.averages()
        found = self._model(rules, rules.confidence)
        if self.scale == "difference":
            return found
        points = found.points
        x, y = points.x, points.y
        if self.scale == "ratio":
            x, y = np.exp(x), np.exp(y)
        elif self.true_value == "varying":
            x, y = self.x, self.y
        else:
            of = dict(zip(self.stimulus, average, strict=True))
            middle = np.array([of[str(label)] for label in points.labels])
            x, y = x * middle / 100.0, y * middle / 100.0
        d = points.difference
        return replace(
            found,
            bias=back(found.bias, self.scale),
            lower=back(found.lower, self.scale),
            upper=back(found.upper, self.scale),
            bias_ci=self._back(found.bias_ci),
            lower_ci=self._back(found.lower_ci),
            upper_ci=self._back(found.upper_ci),
            prediction=self._back(found.prediction),
            scale=self.scale,
            method=f"{found.method}; on the scale {self.scale}",
            points=Points(
                labels=points.labels,
                x=x,
                y=y,
                average=0.5 * (x + y),
                difference=np.exp(d) if self.scale == "ratio" else d,
            ),
        )

    def _model(self, rules: Rules, confidence: float) -> "RepeatedAgreement":
        """Return the limits on the scale, of ratios those of the logarithms."""
        from soundcal.agreement import bland_altman_repeated

        x, y = on_scale(self.x, self.y, self.scale, self.averages())
        return bland_altman_repeated(
            x,
            y,
            self.stimulus,
            true_value=self.true_value,
            coverage=rules.coverage,
            confidence=confidence,
            interval=rules.repeated_interval or "mover",
            preset="paper" if rules.paper else None,
            names=self.names,
            unit=self.unit,
        )

    def means(self) -> tuple[tuple[str, ...], Array, Array]:
        """Return the stimuli and the mean of each method in each, on the scale (of logarithms)."""
        x, y = on_scale(self.x, self.y, self.scale, self.averages())
        names, code = np.unique(np.array(self.stimulus), return_inverse=True)
        sides = []
        for side in (x, y):
            there = ~np.isnan(side)
            sums = np.bincount(code[there], weights=side[there], minlength=names.size)
            sides.append(sums / np.bincount(code[there], minlength=names.size))
        return tuple(names.tolist()), sides[0], sides[1]

    def diagnose(self, rules: Rules, single: "Agreement") -> "Diagnostics":
        """Return the diagnostics of the stimuli's mean differences, which are independent.

        The limits without outlying stimuli are those of single values, as ``single``.
        """
        from soundcal.agreement import bland_altman, diagnose
        from soundcal.agreement.limits_of_agreement import Points

        names, x, y = self.means()
        plain = bland_altman(x, y, labels=names, coverage=rules.coverage)
        d = plain.points.difference
        average = _of_stimuli(single, names)
        match self.scale:
            case "ratio":
                x, y = np.exp(x), np.exp(y)
            case "percent":
                x, y = x * average / 100.0, y * average / 100.0
        points = Points(
            labels=names,
            x=x,
            y=y,
            average=average,
            difference=np.exp(d) if self.scale == "ratio" else d,
        )
        of_means = replace(plain, scale=self.scale, unit=self.unit, points=points)
        found = diagnose(of_means)
        if not found.outliers:
            return found
        rest = self.without([str(name) for name in found.outliers])
        if len(set(rest.stimulus)) < 2 or not rest.several:
            return replace(found, without_outliers=None)
        other = rest.limits(rules)
        return replace(found, without_outliers=(other.bias, other.lower, other.upper))

    def test(self, rules: Rules, delta: float) -> "tuple[AgreementTest, bool]":
        """Test agreement of single values within ±delta on the scale (of ratios, of logarithms).

        Limits: one-sided bounds by MOVER, whatever the intervals of the report: those of 1999 are
        symmetric, so that such a test would be false in 9 to 24 % of cases instead of 5 % (27 to 3
        stimuli, simulated). p is the smallest level at which the bounds lie within ±delta. Mean
        bias: two one-sided t-tests of the stimuli's means. There is no test of the central content
        of such a model.

        Returns
        -------
        AgreementTest
        bool
            True if one of the limits is shown to lie outside ±delta, with half the level for each.

        Raises
        ------
        ParameterError
            A confidence of 0.5 or less.
        """
        from soundcal.agreement import Claim, agreement_test

        alpha = 1.0 - rules.confidence
        if alpha >= 0.5:
            raise ParameterError(
                f"confidence {rules.confidence:g}: a test of single ears or takes within an "
                "allowable difference needs one above 0.5, e.g. 0.95"
            )
        _, x, y = self.means()
        of_means = agreement_test(x, y, delta, coverage=rules.coverage, alpha=alpha)
        rules = replace(rules, interval="mover", paper=False)
        two_sided = self._model(rules, rules.confidence)
        is_beyond = two_sided.lower_ci[1] < -delta or two_sided.upper_ci[0] > delta
        found = self._model(rules, 1.0 - 2.0 * alpha)
        bounds = (found.lower_ci[0], found.upper_ci[1])
        words, none = of_means.limits.statement, (math.nan, math.nan)
        test = replace(
            of_means,
            limits=Claim(
                "limits",
                words,
                bounds,
                math.nan if found.sd == 0.0 else self._p_of_limits(rules, delta),
                -delta < bounds[0] and bounds[1] < delta,
            ),
            content=Claim("content", "not tested: no test for repeats", none, math.nan, False),
            bias=found.bias,
            sd=found.sd,
            method=f"one-sided bounds of the limits ({found.interval}), mean bias by two one-sided "
            "t-tests of the stimuli's means",
        )
        return test, is_beyond

    def _p_of_limits(self, rules: Rules, delta: float) -> float:
        """Return the smallest level at which the bounds lie within ±delta; 1 from 0.5 on."""
        from scipy.optimize import brentq

        def excess(level: float) -> float:
            found = self._model(rules, 1.0 - 2.0 * level)
            return max(-found.lower_ci[0], found.upper_ci[1]) - delta

        if excess(_LARGEST) >= 0.0:
            return 1.0
        if excess(_SMALLEST) <= 0.0:
            return _SMALLEST
        return float(brentq(excess, _SMALLEST, _LARGEST, xtol=1e-9, rtol=1e-6))

    def averages(self) -> Array:
        """Return the values that percentages are of: mean of both methods, by row or stimulus."""
        if self.true_value == "varying":
            return 0.5 * (self.x + self.y)
        _, code = np.unique(np.array(self.stimulus), return_inverse=True)
        middle = np.zeros(int(code.max(initial=-1)) + 1)
        for side in (self.x, self.y):
            there = ~np.isnan(side)
            sums = np.bincount(code[there], weights=side[there], minlength=middle.size)
            middle += 0.5 * sums / np.bincount(code[there], minlength=middle.size)
        found: Array = middle[code]
        return found

    def _back(self, bounds: tuple[float, float]) -> tuple[float, float]:
        return back(bounds[0], self.scale), back(bounds[1], self.scale)


def _of_stimuli(single: "Agreement", names: Sequence[str]) -> Array:
    """Return the mean of both methods of each stimulus."""
    number = {name: i for i, name in enumerate(names)}
    code = np.array([number[str(label)] for label in single.points.labels], dtype=np.int64)
    values = 0.5 * (single.points.x + single.points.y)
    sums = np.bincount(code, weights=values, minlength=len(names))
    return np.asarray(sums / np.bincount(code, minlength=len(names)))
