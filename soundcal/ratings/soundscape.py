"""Perceived affective quality: coordinates, quadrants, medians after ISO/TS 12913-3.

Eight attributes lie on a circle. Pleasantness and eventfulness are projections onto its axes, from
-1 to 1. The formula of the 2019 edition assumes equal angles of 45°; translations of the attributes
lie at other angles, measured by Aletta et al. (2024). The second edition (2025) revises this annex;
results are always labelled with the edition.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ANGLES",
    "ATTRIBUTES",
    "GUI_ATTRIBUTES",
    "QUADRANTS",
    "Density",
    "centring",
    "coordinates",
    "density",
    "formula",
    "method_a",
    "quadrant_shares",
]

ATTRIBUTES: Final = (
    "pleasant",
    "vibrant",
    "eventful",
    "chaotic",
    "annoying",
    "monotonous",
    "uneventful",
    "calm",
)
"""The attributes in the order of their angles (ISO/TS 12913-3:2019, figure A.1)."""

GUI_ATTRIBUTES: Final = (
    "pleasant",
    "chaotic",
    "vibrant",
    "uneventful",
    "calm",
    "annoying",
    "eventful",
    "monotonous",
)
"""The attributes in the order of the sliders of the published listening test (kenowr/satp-gui)."""

ANGLES: Final[Mapping[str, tuple[float, ...]]] = {
    "equal": (0, 45, 90, 135, 180, 225, 270, 315),
    "eng": (0, 46, 94, 138, 177, 241, 275, 340),
    "arb": (0, 36, 45, 135, 167, 201, 242, 308),
    "cmn": (0, 18, 38, 154, 171, 196, 217, 318),
    "hrv": (0, 84, 93, 160, 173, 243, 273, 354),
    "nld": (0, 43, 111, 125, 174, 257, 307, 341),
    "deu": (0, 64, 97, 132, 182, 254, 282, 336),
    "ell": (0, 72, 86, 133, 161, 233, 267, 328),
    "ind": (0, 53, 104, 123, 139, 202, 284, 308),
    "ita": (0, 57, 104, 143, 170, 274, 285, 336),
    "spa": (0, 41, 103, 147, 174, 238, 279, 332),
    "swe": (0, 66, 87, 146, 175, 249, 275, 335),
    "tur": (0, 55, 97, 106, 157, 254, 289, 313),
}
"""Angle of each attribute in degrees, by language (ISO 639-3): Aletta et al., Appl Acoust
224:110109 (2024). ``equal``: the formula of ISO/TS 12913-3:2019."""

QUADRANTS: Final = ("vibrant", "chaotic", "monotonous", "calm")
"""Names of the quadrants, anticlockwise from pleasant and eventful."""

SLIDER: Final = (0.0, 100.0)
LIKERT: Final = (1.0, 5.0)


def formula(language: str) -> str:
    """Return the formula of the coordinates in words."""
    if language == "equal":
        return "ISO/TS 12913-3:2019, equations A.1 and A.2, divided by their range"
    return (
        f"projection about the scale midpoint with the angles of language {language} (Aletta et "
        "al. 2024), not those of ISO/TS 12913-3:2019"
    )


def _angles(language: str) -> Array:
    if language not in ANGLES:
        raise ParameterError(
            f"language {language!r}; angles are known for {', '.join(ANGLES)}. 'equal' is the "
            "formula of ISO/TS 12913-3:2019"
        )
    return np.deg2rad(np.array(ANGLES[language], dtype=np.float64))


def coordinates(
    values: ArrayLike,
    *,
    scale: tuple[float, float] = LIKERT,
    language: str = "equal",
    attributes: Sequence[str] = ATTRIBUTES,
) -> tuple[Array, Array]:
    """Return pleasantness and eventfulness, each from -1 to 1.

    ``P = Σ cos θ_i (x_i - mid)/(w Σ |cos θ_i|)``, and E with the sine; ``mid`` and ``w`` are middle
    and half width of the scale. With equal angles this is the formula of 2019 divided by its range,
    ``4 + √32`` on a scale from 1 to 5.

    Parameters
    ----------
    values : array_like, shape (..., 8)
        Answers; a missing one makes both coordinates NaN.
    scale : tuple of float
        Lowest and highest answer.
    language : str
        Key of :data:`ANGLES`.
    attributes : sequence of str
        Order of the last axis.

    Returns
    -------
    pleasantness, eventfulness : ndarray, shape (...)

    Raises
    ------
    ParameterError
        Not eight attributes, answers outside the scale, an unknown language.

    Notes
    -----
    ISO/TS 12913-3:2019, A.3; general form: Aletta et al. (2024), Mitchell & Aletta (2025).

    >>> p, e = coordinates([4, 4, 4, 2, 1, 3, 3, 4])
    >>> round(float(p), 2), round(float(e), 2)
    (0.53, 0.03)
    """
    low, high = scale
    if not low < high:
        raise ParameterError(f"scale from {low} to {high}; lowest and highest answer are expected")
    if sorted(attributes) != sorted(ATTRIBUTES):
        raise ParameterError(
            f"attributes {', '.join(attributes)}; exactly {', '.join(ATTRIBUTES)} are expected"
        )
    array = np.asarray(values, dtype=np.float64)
    if array.ndim == 0 or array.shape[-1] != len(ATTRIBUTES):
        raise ParameterError(f"answers of shape {array.shape}; the last axis holds 8 attributes")
    if (array < low).any() or (array > high).any():
        raise ParameterError(
            f"answers from {np.nanmin(array):g} to {np.nanmax(array):g} on a scale from {low:g} to "
            f"{high:g}; state the scale that was used"
        )
    theta = _angles(language)[[ATTRIBUTES.index(name) for name in attributes]]
    centred = (array - 0.5 * (low + high)) / (0.5 * (high - low))
    p, e = (centred @ axis / np.abs(axis).sum() for axis in (np.cos(theta), np.sin(theta)))
    return p, e


def centring(
    values: ArrayLike, *, scale: tuple[float, float], language: str
) -> tuple[float, float]:
    """Return how far another centring moves the coordinates: largest differences of P and E.

    Soundscapy (0.8.5, ``surveys.processing``) takes the middle between the largest and the smallest
    of a person's own eight answers for the middle of the scale. That changes nothing with equal
    angles, whose cosines and sines add up to 0.

    Parameters
    ----------
    values : array_like, shape (n, 8)
        Answers in the order of :data:`ATTRIBUTES`; rows with NaN are left out.
    scale, language
        As for :func:`coordinates`.

    >>> centring([[4, 4, 4, 4, 5, 5, 5, 5]], scale=(1, 5), language="equal")
    (0.0, 0.0)
    """
    array = np.asarray(values, dtype=np.float64)
    array = array[~np.isnan(array).any(axis=1)]
    if not len(array):
        return math.nan, math.nan
    theta, (low, high) = _angles(language), scale
    off = float(np.abs(array.max(axis=1) + array.min(axis=1) - low - high).max()) / (high - low)
    p, e = (
        off * abs(float(axis.sum())) / float(np.abs(axis).sum())
        for axis in (np.cos(theta), np.sin(theta))
    )
    # what rounding leaves of a sum that is 0
    return (p if p > 1e-12 else 0.0), (e if e > 1e-12 else 0.0)


def _points(pleasantness: ArrayLike, eventfulness: ArrayLike) -> Array:
    """Return both coordinates, shape (2, n), of the points that have both."""
    points = np.stack([np.ravel(pleasantness), np.ravel(eventfulness)]).astype(np.float64)
    return np.asarray(points[:, ~np.isnan(points).any(axis=0)])


def quadrant_shares(pleasantness: ArrayLike, eventfulness: ArrayLike) -> dict[str, float]:
    """Return the proportion of points in each quadrant, and on an ``axis`` between two.

    Parameters
    ----------
    pleasantness, eventfulness : array_like, shape (n,)
        Coordinates; points with NaN are left out.

    >>> quadrant_shares([0.5, -0.5, 0.2, 0.0], [0.5, 0.1, -0.3, 0.4])
    {'vibrant': 0.25, 'chaotic': 0.25, 'monotonous': 0.0, 'calm': 0.25, 'axis': 0.25}
    """
    points = _points(pleasantness, eventfulness)
    if points.size == 0:
        return dict.fromkeys((*QUADRANTS, "axis"), math.nan)
    # a value within the rounding errors of the projection is on the axis
    p, e = np.where(np.abs(points) < 1e-12, 0.0, points)
    inside = ((p > 0) & (e > 0), (p < 0) & (e > 0), (p < 0) & (e < 0), (p > 0) & (e < 0))
    shares = {name: float(m.mean()) for name, m in zip(QUADRANTS, inside, strict=True)}
    return {**shares, "axis": float(((p == 0) | (e == 0)).mean())}


@dataclass(frozen=True, slots=True, eq=False)
class Density:
    """Density of points in the plane of pleasantness and eventfulness, for a contour.

    Parameters
    ----------
    pleasantness, eventfulness : ndarray, shape (n,)
        Axes of the grid.
    density : ndarray, shape (n, n)
        Density, eventfulness along the first axis; integrates to 1.
    level : float
        Density on the contour.
    share : float
        Proportion of the probability inside the contour.
    """

    pleasantness: Array
    eventfulness: Array
    density: Array
    level: float
    share: float


def density(
    pleasantness: ArrayLike, eventfulness: ArrayLike, *, share: float = 0.5, cells: int = 121
) -> Density | None:
    """Return the kernel density of points, and the level whose contour encloses a share of it.

    Gaussian kernels with 1.2 times Scott's bandwidth, as usual in soundscape studies (Mitchell et
    al., JASA Express Lett 2:037201, 2022).

    Parameters
    ----------
    pleasantness, eventfulness : array_like, shape (n,)
        Coordinates; points with NaN are left out.
    share : float
        Proportion inside the contour.
    cells : int
        Points of the grid along each axis, which spans -1.2 to 1.2.

    Returns
    -------
    Density or None
        None for fewer than 3 points or points on a line, which have no density.

    Raises
    ------
    ParameterError
        The share is not between 0 and 1.
    """
    if not 0.0 < share < 1.0:
        raise ParameterError(f"share {share}; a fraction between 0 and 1 is expected")
    points = _points(pleasantness, eventfulness)
    if points.shape[1] < 3:
        return None
    covariance = np.cov(points)
    if np.linalg.matrix_rank(covariance, tol=1e-12) < 2:
        return None
    from scipy.stats import gaussian_kde

    kernel = gaussian_kde(points, bw_method=1.2 * points.shape[1] ** (-1.0 / 6.0))
    axis = np.linspace(-1.2, 1.2, cells)
    p, e = np.meshgrid(axis, axis)
    height = kernel(np.stack([p.ravel(), e.ravel()])).reshape(cells, cells)
    falling = np.sort(height.ravel())[::-1]
    mass = np.cumsum(falling) / falling.sum()
    level = float(falling[min(int(np.searchsorted(mass, share)), falling.size - 1)])
    return Density(axis, axis, height, level, share)


def method_a(
    table: "pd.DataFrame", *, scale: tuple[float, float], language: str = "equal"
) -> "pd.DataFrame":
    """Return medians and ranges per condition, stimulus and attribute, and coordinates of medians.

    ISO/TS 12913-3:2019, A.3 (method A): the central tendency of ordinal answers is the median, its
    dispersion the range. The coordinates of medians are not the medians of coordinates.

    Parameters
    ----------
    table : DataFrame
        Ratings in rows (see :class:`soundcal.ratings.Ratings`).
    scale : tuple of float
        Lowest and highest answer.
    language : str
        Key of :data:`ANGLES`.

    Returns
    -------
    DataFrame
        ``condition, stimulus, <attribute>, <attribute>_min, <attribute>_max (of each), n,
        pleasantness, eventfulness``; coordinates are NaN where an attribute was not asked.
    """
    keys = ["condition", "stimulus"]
    answered = table.dropna(subset=["value"])
    median, lowest, highest = (
        answered.pivot_table(
            index=keys, columns="attribute", values="value", aggfunc=how, sort=False
        ).reindex(columns=list(ATTRIBUTES))
        for how in ("median", "min", "max")
    )
    p, e = coordinates(median.to_numpy(), scale=scale, language=language)
    result = median.copy()
    for name in ATTRIBUTES:
        result[f"{name}_min"], result[f"{name}_max"] = lowest[name], highest[name]
    result["n"] = answered.groupby(keys)["participant"].nunique()
    result["pleasantness"], result["eventfulness"] = p, e
    result.columns.name = None
    return result.reset_index()
