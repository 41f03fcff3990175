"""Responses from SOFA files (AES69): seatings of headphones, and ears in a free or diffuse field.

``SimpleHeadphoneIR`` holds seatings of headphones, each ear with its own emitter; their levels are
averaged in dB. ``GeneralFIR`` is read if it holds one measurement. ``SimpleFreeFieldHRIR`` holds
ears for many directions: the diffuse field is the mean in power over the directions, weighted by
the solid angle of each, and the free field is the direction straight ahead. Most sets are known up
to the level of the loudspeaker only, so FF to DF is absolute while FF to DRP and DF to DRP are not.

The library sofar reads the files; it is loaded when one is read, and comes with the extra ``sofa``.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError, RecordError
from soundcal.files.text import check_file
from soundcal.recording import EARS, channel_names
from soundcal.response.combining import join_channels
from soundcal.response.imported import FoundCurve, imported_response
from soundcal.response.model import Response, ResponseKind
from soundcal.units import db, power_db

__all__ = ["read_sofa_response"]

_FEWEST_POINTS: Final = 4096
"""Shortest length of the Fourier transform; shorter impulse responses are padded with zeros."""

_FLOOR: Final = 1e-10
"""Smallest magnitude re the largest one: -200 dB instead of no level at all."""

_AHEAD_DEG: Final = 1.0
"""Largest angle between straight ahead and the direction that is taken for it."""

_KEPT: Final = (
    "GLOBAL_SOFAConventions",
    "GLOBAL_Title",
    "GLOBAL_DatabaseName",
    "GLOBAL_License",
    "GLOBAL_Organization",
    "GLOBAL_AuthorContact",
    "GLOBAL_References",
    "SourceManufacturer",
    "SourceModel",
    "ReceiverDescriptions",
    "MeasurementDate",
    "Data_Delay",
)
"""Entries that the provenance keeps; of one that has many values, the first."""


def read_sofa_response(
    path: str | os.PathLike[str],
    *,
    source_point: str = "",
    target_point: str = "",
    kind: ResponseKind = "relative",
    normalise_at: float = 1000.0,
    shift: float = 0.0,
) -> Response:
    """Read a response from a SOFA file; needs the extra ``soundcal[sofa]``.

    Parameters
    ----------
    path : path
        File of convention SimpleHeadphoneIR, GeneralFIR or SimpleFreeFieldHRIR.
    source_point, target_point : str
        Reference points; FS to DRP if not given. Of SimpleFreeFieldHRIR, the source is FF or DF,
        and the target DRP or, from FF, DF.
    kind : {"relative", "absolute"}
        A relative response gets 0 dB at ``normalise_at``.
    normalise_at : float
        Frequency in Hz.
    shift : float
        dB to add to an absolute response.

    Returns
    -------
    Response
        One channel per receiver, of two ``left`` and ``right``. Several seatings give the standard
        uncertainty of their mean and its degrees of freedom.

    Raises
    ------
    ParameterError
        The library is missing, or the points do not fit the convention.
    RecordError
        The file cannot be read, is of another convention, or its directions are not enough.
    """
    path = Path(path)
    content = _content(path)
    about = {"importer": "SOFA", **_described(content)}
    convention = str(content.get("GLOBAL_SOFAConventions", ""))
    try:
        data, fs = _impulse_responses(content)
        frequency, magnitude = _magnitudes(data, fs)
        if convention == "SimpleFreeFieldHRIR":
            levels, notes = _of_field(magnitude, _directions(content), source_point, target_point)
        elif convention in ("SimpleHeadphoneIR", "GeneralFIR"):
            levels, notes = db(magnitude), []
            if convention == "GeneralFIR" and len(data) > 1:
                raise RecordError(
                    f"GeneralFIR with {len(data)} measurements, whose emitters are not stated; 1 "
                    "measurement, or the convention SimpleHeadphoneIR, is expected"
                )
        else:
            raise RecordError(
                f"convention {convention!r:.40}; SimpleHeadphoneIR, GeneralFIR or "
                "SimpleFreeFieldHRIR is expected"
            )
        return _response(
            path,
            frequency,
            levels,
            notes,
            about,
            source=source_point or "FS",
            target=target_point or "DRP",
            kind=kind,
            normalise_at=normalise_at,
            shift=shift,
        )
    except (ParameterError, RecordError) as error:
        raise type(error)(f"{path}: {error}") from error


def _content(path: Path) -> Mapping[str, Any]:
    """Return the entries of the file by name."""
    check_file(path)
    if path.suffix.lower() != ".sofa":
        raise ParameterError(f"{path}: the ending .sofa is expected")
    if find_spec("sofar") is None:
        raise ParameterError(f'{path}: needs the library sofar; pip install "soundcal[sofa]"')
    import sofar

    try:
        return dict(vars(sofar.read_sofa(str(path), verify=False, verbose=False)))
    except (AttributeError, IndexError, KeyError, OSError, TypeError, ValueError) as error:
        raise RecordError(f"{path}: cannot be read as a SOFA file ({error!s:.200})") from error


def _impulse_responses(content: Mapping[str, Any]) -> tuple[Array, float]:
    """Return impulse responses, shape (n_measurements, n_receivers, n_samples), and their rate."""
    try:
        data = np.ma.filled(np.ma.asarray(content["Data_IR"], dtype=np.float64), math.nan)
        fs = float(np.ravel(content["Data_SamplingRate"])[0])
    except (IndexError, KeyError, TypeError, ValueError) as error:
        raise RecordError(f"no impulse responses with a sampling rate ({error!s:.80})") from error
    if data.ndim != 3 or data.shape[-1] < 2 or not np.isfinite(data).all():
        raise RecordError(
            f"impulse responses of shape {data.shape}; finite numbers of shape (measurements, "
            "receivers, samples) are expected"
        )
    if not 0 < fs < 10e6 or np.size(content["Data_SamplingRate"]) != 1:
        raise RecordError("one sampling rate in Hz is expected")
    if not np.abs(data).max(axis=-1).all():
        raise RecordError("an impulse response of zeros")
    return data, fs


def _magnitudes(data: Array, fs: float) -> tuple[Array, Array]:
    """Return frequencies in Hz, from that of one period in the impulse response, and |H|."""
    n = max(_FEWEST_POINTS, 2 ** math.ceil(math.log2(data.shape[-1])))
    frequency = np.fft.rfftfreq(n, 1.0 / fs)
    known = frequency >= fs / data.shape[-1]
    magnitude = np.abs(np.fft.rfft(data, n))
    least = _FLOOR * magnitude.max(axis=-1, keepdims=True)
    return frequency[known], np.maximum(magnitude, least)[..., known]


def _of_field(
    magnitude: Array, directions: Array, source: str, target: str
) -> tuple[Array, list[str]]:
    """Return levels re a field, shape (1, n_receivers, n_frequencies), and remarks."""
    if (source, target or "DRP") not in (("FF", "DRP"), ("DF", "DRP"), ("FF", "DF")):
        raise ParameterError(
            "ears in a field: state FF or DF as the source (--from), and DRP or, from FF, DF as "
            "the target"
        )
    notes: list[str] = []
    levels = np.zeros((1, *magnitude.shape[1:]))
    if source == "FF":
        angle = np.degrees(np.arccos(np.clip(directions[:, 0], -1.0, 1.0)))
        ahead = int(np.argmin(angle))
        if angle[ahead] > _AHEAD_DEG:
            raise RecordError(
                f"no direction straight ahead: the nearest lies {angle[ahead]:.1f} deg off"
            )
        levels += db(magnitude[ahead])
    if "DF" in (source, target):
        weights = _solid_angles(directions)
        power = np.tensordot(weights / weights.sum(), magnitude**2, axes=1)
        levels += power_db(power) if source == "DF" else -power_db(power)
        elevation = np.degrees(np.arcsin(np.clip(directions[:, 2], -1.0, 1.0)))
        notes.append(
            f"diffuse field: mean in power over {len(weights)} directions with elevations from "
            f"{elevation.min():.0f} to {elevation.max():.0f} deg, weighted by solid angle"
        )
    if target != "DF":
        notes.append("known up to the level of the loudspeaker, unless the file says otherwise")
    return levels, notes


def _directions(content: Mapping[str, Any]) -> Array:
    """Return unit vectors of the sources; x points ahead, y to the left, z up."""
    try:
        position = np.atleast_2d(np.asarray(content["SourcePosition"], dtype=np.float64))
    except (KeyError, TypeError, ValueError) as error:
        raise RecordError(f"no positions of the source ({error!s:.80})") from error
    if position.ndim != 2 or position.shape[1] != 3 or not np.isfinite(position).all():
        raise RecordError(f"positions of shape {position.shape}; 3 finite coordinates are expected")
    if str(content.get("SourcePosition_Type", "spherical")) == "spherical":
        azimuth, elevation = np.radians(position[:, 0]), np.radians(position[:, 1])
        return np.stack(
            [
                np.cos(elevation) * np.cos(azimuth),
                np.cos(elevation) * np.sin(azimuth),
                np.sin(elevation),
            ],
            axis=1,
        )
    distance = np.linalg.norm(position, axis=1, keepdims=True)
    if not distance.all():
        raise RecordError("a source at the centre of the head")
    vectors: Array = position / distance
    return vectors


def _solid_angles(directions: Array) -> Array:
    """Return the solid angle that is nearest to each direction; equal ones share theirs."""
    from scipy.spatial import QhullError, SphericalVoronoi

    distinct, which, count = np.unique(
        directions.round(6), axis=0, return_inverse=True, return_counts=True
    )
    try:
        points = distinct / np.linalg.norm(distinct, axis=1, keepdims=True)
        areas = SphericalVoronoi(points).calculate_areas()
    except (QhullError, ValueError) as error:
        raise RecordError(
            f"{len(distinct)} directions do not surround the head; a diffuse field needs those all "
            "around"
        ) from error
    which = np.ravel(which)
    shared: Array = (areas / count)[which]
    return shared


def _response(
    path: Path,
    frequency: Array,
    levels: Array,
    notes: list[str],
    about: Mapping[str, Any],
    **asked: Any,
) -> Response:
    """Return the response of levels of shape (n_seatings, n_receivers, n_frequencies)."""
    n, receivers = levels.shape[:2]
    names = EARS if receivers == len(EARS) else channel_names(receivers)
    mean = levels.mean(axis=0)
    parts = []
    for index, name in enumerate(names):
        more = {"smoothing": "none", "conditions": {"seatings": n} if n > 1 else {}}
        found = FoundCurve((), frequency, mean[index], notes=notes, about=about, more=more)
        if n > 1:
            spread = levels[:, index].std(axis=0, ddof=1)
            dof = np.full(frequency.size, n - 1.0)
            found = replace(found, u_db=spread / math.sqrt(n), dof=dof, spread_db=spread)
        parts.append(imported_response(found, path, channel=name, **asked))
    return join_channels(*parts, name=path.stem)


def _described(content: Mapping[str, Any]) -> dict[str, str]:
    """Return the entries that the provenance keeps, as text."""
    found = {name: np.ravel(np.asarray(content[name]))[:1] for name in _KEPT if name in content}
    return {
        name.removeprefix("GLOBAL_"): str(values[0])
        for name, values in found.items()
        if values.size and str(values[0]).strip()
    }
