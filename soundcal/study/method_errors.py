"""Errors of the study's calibration methods against the values in situ, and what each one takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.study.comparison import MethodComparison
from soundcal.study.model import Study
from soundcal.study.rules import STUDY_METHODS

if TYPE_CHECKING:
    from soundcal.agreement import SpreadRatio

__all__ = ["ERROR_LABELS", "MethodError", "MethodErrors", "method_errors", "spread_change"]

_REFERENCE: Final = STUDY_METHODS[0]

ERROR_LABELS: Final[Mapping[str, tuple[str, str, str]]] = {
    "LAeq": ("LA", "eq", "dB"),
    "N5": ("N", "5", "%"),
    "Smean": ("S", "mean", "acum"),
}
"""Label, and the indicator, its statistic and the unit of its errors; % is of the value in situ."""

_NEEDS: Final = {
    "ocv": "voltmeter, data sheet",
    "ocv+": "voltmeter, data sheet, published curves, output impedance",
    "hats": "HATS, calibrator",
    "eq": "HATS, calibrator, sweeps",
}
"""Instruments and data beside soundcard and headphones, in the protocol ``compare_methods``."""


@dataclass(frozen=True, slots=True, eq=False)
class MethodError:
    """Errors of one method in one value: method minus in situ, one per stimulus.

    Parameters
    ----------
    label, unit : str
        Label of the value and unit of its errors; ``%`` is of the value in situ.
    by_stimulus : mapping of str to float
        Errors of the stimuli that both have, two or more.
    mean, sd : float
        Mean and standard deviation (divisor n - 1) over the stimuli.
    ci : tuple of float
        Confidence interval of the mean by Student's t.
    """

    label: str
    unit: str
    by_stimulus: Mapping[str, float] = field(repr=False)
    mean: float
    sd: float
    ci: tuple[float, float]

    @property
    def n(self) -> int:
        """Number of stimuli."""
        return len(self.by_stimulus)

    @property
    def is_shown(self) -> bool:
        """True if the interval of the mean excludes 0."""
        return self.ci[0] > 0.0 or self.ci[1] < 0.0


@dataclass(frozen=True, slots=True, eq=False)
class MethodErrors:
    """One method on one combination of equipment.

    Parameters
    ----------
    combination, method : str
        Equipment and method.
    errors : mapping of str to MethodError
        By label, in the order of :data:`ERROR_LABELS`; without those that were not measured.
    effort : (float, int) or None
        Seconds of playing and recording, and actions by hand, that the method takes by itself, as
        the sessions logged them; None if none did, or if they differ.
    """

    combination: str
    method: str
    errors: Mapping[str, MethodError]
    effort: tuple[float, int] | None = None

    @property
    def needs(self) -> str:
        """Instruments and data that the method needs beside soundcard and headphones."""
        return _NEEDS[self.method]


def method_errors(study: Study) -> tuple[MethodErrors, ...]:
    """Return the errors of the study's methods, by combination of equipment and then by method.

    Empty unless the study compares a calibration method (``ocv``, ``ocv+``, ``hats``, ``eq``) with
    ``in-situ``. A method without errors in any of the labels is left out.
    """
    return tuple(
        MethodErrors(name, method, errors, _effort(study, name, method))
        for name, comparison in study.comparisons.items()
        for method in STUDY_METHODS[1:]
        if (errors := _errors(comparison, method))
    )


def spread_change(
    before: MethodError, after: MethodError, *, confidence: float = 0.95
) -> "SpreadRatio | None":
    """Return the ratio of two methods' standard deviations; None for fewer than 3 common stimuli.

    See :func:`soundcal.agreement.spread_ratio`.
    """
    from soundcal.agreement import spread_ratio

    common = [name for name in before.by_stimulus if name in after.by_stimulus]
    if len(common) < 3:
        return None
    sides = ([one.by_stimulus[name] for name in common] for one in (before, after))
    return spread_ratio(*sides, confidence=confidence)


def _errors(comparison: MethodComparison, method: str) -> dict[str, MethodError]:
    found = {}
    for label, (indicator, statistic, unit) in ERROR_LABELS.items():
        wide = comparison.by_method(indicator, statistic)
        if not {_REFERENCE, method} <= set(wide.columns):
            continue
        reference, own = (wide[name].to_numpy(dtype=np.float64) for name in (_REFERENCE, method))
        with np.errstate(divide="ignore", invalid="ignore"):
            error = 100.0 * (own - reference) / reference if unit == "%" else own - reference
        known = np.isfinite(error)
        if known.sum() >= 2:
            names = [str(name) for name in wide.index[known]]
            found[label] = _error(label, unit, names, error[known], comparison.rules.confidence)
    return found


def _error(
    label: str, unit: str, names: Sequence[str], values: Array, confidence: float
) -> MethodError:
    from soundcal.agreement.intervals import t_quantile
    from soundcal.agreement.limits_of_agreement import mean_and_sd

    mean, sd = mean_and_sd(values)
    half = t_quantile(confidence, values.size - 1) * sd / values.size**0.5
    by_stimulus = dict(zip(names, values.tolist(), strict=True))
    return MethodError(label, unit, by_stimulus, mean, sd, (mean - half, mean + half))


def _effort(study: Study, combination: str, method: str) -> tuple[float, int] | None:
    """Return what the sessions of a combination logged for a method, if they agree."""
    folders = {Path(s.path).parent.name for s in study.sources if s.combination == combination}
    logged = {s.efforts.get(method) for s in study.sessions if s.folder in folders}
    return logged.pop() if len(logged) == 1 else None
