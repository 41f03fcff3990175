"""Indicators: numbers from pascals.

Functions take ``pressure`` (..., n_samples) in Pa and ``fs`` in Hz and return an
:class:`~soundcal.indicators.result.IndicatorResult`. They are loaded on first use. Beside them:

* :func:`compute` – many indicators of a :class:`~soundcal.recording.Recording`, as tidy rows;
* :func:`measure` – the same as results, with series;
* :func:`open_stream` – the same for signals that come in blocks;
* :func:`combine_ears` – one value of both ears;
* :data:`REGISTRY`, :data:`STUDY`, :func:`resolve` – what there is, and how it is asked for.
"""

from importlib import import_module
from typing import Any, Final

_PUBLIC: Final[dict[str, str]] = {
    "COLUMNS": "table",
    "REGISTRY": "registry",
    "STUDY": "registry",
    "IndicatorResult": "result",
    "TidyRow": "table",
    "combine_ears": "table",
    "compute": "measurement",
    "measure": "measurement",
    "open_stream": "stream",
    "resolve": "registry",
    "to_frame": "table",
    "band_levels": "bands",
    "fluctuation_strength": "fluctuation",
    "leq": "level",
    "loudness_from_bands": "loudness",
    "loudness_level_zwtv": "loudness",
    "loudness_zwst": "loudness",
    "loudness_zwtv": "loudness",
    "peak_level": "level",
    "pr_ecma": "oracle",
    "percentile_levels": "level",
    "psychoacoustic_annoyance": "annoyance",
    "roughness_dw": "roughness",
    "tonality_aures": "tonality",
    "sel": "level",
    "sharpness_din_st": "sharpness",
    "sharpness_din_tv": "sharpness",
    "sharpness_of": "sharpness",
    "sound_level": "level",
    "time_weighted_level": "level",
    "tnr_ecma": "oracle",
}
"""Public names and the module of this package that defines each."""

__all__ = [*_PUBLIC]  # the names of _PUBLIC, resolved by __getattr__


def __getattr__(name: str) -> Any:
    """Load a public name from its module on first use (PEP 562)."""
    if name in _PUBLIC:
        value = getattr(import_module(f"{__name__}.{_PUBLIC[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
