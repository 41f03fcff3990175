"""The allowed parameters of a stimulus: keys, types and ranges, per kind."""

import math
from collections.abc import Mapping
from typing import Any, Final

from soundcal.errors import RecordError

__all__ = ["check_parameters"]

Range = tuple[float, float]

_SIGNALS: Final[dict[str, dict[str, Range]]] = {
    "tone": {"frequency": (1.0, 96e3)},
    "am": {"frequency": (1.0, 96e3), "modulation": (0.1, 1e3), "depth": (0.0, 1.0)},
    "fm": {"frequency": (1.0, 96e3), "modulation": (0.1, 1e3), "deviation": (0.0, 20e3)},
    "sweep": {"start": (1.0, 1e3), "stop": (2e3, 96e3)},
    "burst": {"frequency": (1.0, 96e3), "length": (1e-3, 60.0), "every": (0.01, 600.0)},
    "white": {},
    "pink": {},
    "speech": {},
}

_FREQUENCY: Final = (10.0, 20e3)
_EVENTS: Final[dict[str, Range]] = {"every": (2e-3, 600.0)}
_SOURCES: Final[dict[str, dict[str, Range]]] = {
    "noise": {},
    "hum": {"frequency": _FREQUENCY, "fall": (0.0, 60.0)},
    "impacts": _EVENTS | {"decay": (1e-3, 60.0)},
    "bursts": _EVENTS | {"length": (5e-3, 60.0)},
    "birds": _EVENTS | {"frequency": _FREQUENCY},
    "voices": {"frequency": (50.0, 1e3)},
    "notes": _EVENTS | {"frequency": _FREQUENCY, "length": (0.02, 60.0)},
    "vehicle": {"engine": (5.0, 1e3)},
    "siren": {"frequency": _FREQUENCY, "second": _FREQUENCY, "length": (0.02, 60.0)},
}
"""Numbers that each kind of source needs."""

_OPTIONS: Final[dict[str, Range]] = {
    "above": _FREQUENCY,
    "below": _FREQUENCY,
    "depth": (0.0, 40.0),
    "period": (0.01, 600.0),
    "harmonics": (1, 64),
    "wander": (0.0, 0.5),
    "spread": (0.0, 0.9),
    "jitter": (0.0, 1.0),
    "attack": (1e-3, 0.99),
    "tract": (0.5, 2.0),
    "rate": (0.5, 20.0),
    "rolling": (50.0, 5e3),
    "share": (0.0, 10.0),
}
"""Numbers that a layer may have."""

_LISTS: Final[dict[str, Range]] = {
    "azimuth": (-360.0, 360.0),
    "modes": _FREQUENCY,
    "scale": (-48.0, 48.0),
}
_PASSING: Final[dict[str, Range]] = {
    "distance": (0.5, 1e3),
    "speed": (0.1, 300.0),
    "every": (0.5, 600.0),
}
_PEAK: Final[tuple[Range, ...]] = (_FREQUENCY, (-40.0, 40.0), (0.1, 100.0))


def check_parameters(kind: str, parameters: Mapping[str, Any], where: str) -> None:
    """Check the parameters of a scene or signal.

    Raises
    ------
    RecordError
        A key is missing or unknown, or a value has the wrong type or is out of range; the message
        starts with ``where``.
    """
    if kind == "scene":
        _keys(parameters, {"layers"}, {"layers"}, where)
        if not isinstance(parameters["layers"], list) or not parameters["layers"]:
            raise RecordError(f"{where}: layers: a list of at least 1 layer is expected")
        for number, layer in enumerate(parameters["layers"], start=1):
            _layer(layer, f"{where}: layer {number}")
        return
    ranges = _SIGNALS[kind]
    _keys(parameters, set(ranges), set(ranges), where)
    for key, limits in ranges.items():
        _number(parameters[key], limits, f"{where}: {key}")


def _layer(layer: Any, where: str) -> None:
    source = layer.get("source") if isinstance(layer, dict) else None
    if not isinstance(source, str) or source not in _SOURCES:
        raise RecordError(f"{where}: source {source!r}; one of {', '.join(_SOURCES)} expected")
    numbers = _SOURCES[source] | {"level": (-60.0, 60.0)}
    lists = {"impacts": {"modes"}, "notes": {"scale"}}.get(source, set())
    place = {"passing"} if "passing" in layer else {"azimuth"}
    needed = {"source", *numbers, *lists, *place}
    _keys(layer, needed, {*needed, *_OPTIONS, "colour", "peaks"}, where)
    if "depth" in layer and "period" not in layer:
        raise RecordError(f"{where}: depth needs a period")
    for key, value in layer.items():
        limits = numbers.get(key) or _OPTIONS.get(key)
        if limits:
            _number(value, limits, f"{where}: {key}")
    if not isinstance(layer.get("harmonics", 1), int):
        raise RecordError(
            f"{where}: harmonics = {layer['harmonics']!r}; a whole number is expected"
        )
    for key in lists | (place & {"azimuth"}):
        _numbers(layer[key], _LISTS[key], f"{where}: {key}")
    if layer.get("colour", "white") not in ("white", "pink", "brown"):
        raise RecordError(f"{where}: colour {layer['colour']!r}; white, pink or brown is expected")
    _peaks(layer.get("peaks", []), f"{where}: peaks")
    if "passing" in layer:
        _passing(layer["passing"], f"{where}: passing")


def _peaks(peaks: Any, where: str) -> None:
    if not isinstance(peaks, list) or not all(isinstance(p, list) and len(p) == 3 for p in peaks):
        raise RecordError(f"{where} = {peaks!r}; a list of [frequency, dB, quality] expected")
    for peak in peaks:
        for value, limits in zip(peak, _PEAK, strict=True):
            _number(value, limits, where)


def _passing(way: Any, where: str) -> None:
    if not isinstance(way, dict):
        raise RecordError(f"{where} = {way!r}; a table with distance, speed and every is expected")
    _keys(way, set(_PASSING), {*_PASSING, "side"}, where)
    for key, limits in _PASSING.items():
        _number(way[key], limits, f"{where}: {key}")
    if way.get("side", "front") not in ("front", "behind"):
        raise RecordError(f"{where}: side {way['side']!r}; front or behind is expected")


def _keys(found: Mapping[str, Any], needed: set[str], allowed: set[str], where: str) -> None:
    missing, unknown = needed - set(found), set(found) - allowed
    if missing or unknown:
        problem = "missing" if missing else "unknown"
        raise RecordError(f"{where}: {problem} key {sorted(missing or unknown)[0]!r}")


def _numbers(values: Any, limits: Range, where: str) -> None:
    if not isinstance(values, list) or not values:
        raise RecordError(f"{where} = {values!r}; a list of at least 1 number is expected")
    for value in values:
        _number(value, limits, where)


def _number(value: Any, limits: Range, where: str) -> None:
    low, high = limits
    real = isinstance(value, int | float) and not isinstance(value, bool)
    if not real or not math.isfinite(value) or not low <= value <= high:
        raise RecordError(f"{where} = {value!r}; a number from {low:g} to {high:g} expected")
