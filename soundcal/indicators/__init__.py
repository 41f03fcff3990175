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
    "COLUMNS": "rows",
    "REGISTRY": "registry",
    "STUDY": "registry",
    "IndicatorResult": "result",
    "TidyRow": "rows",
    "combine_ears": "rows",
    "compute": "measurement",
    "measure": "measurement",
    "open_stream": "stream",
    "resolve": "registry",
    "to_frame": "rows",
    "band_levels": "levels.bands",
    "fluctuation_strength": "modulation.fluctuation",
    "leq": "levels.functions",
    "loudness_from_bands": "zwicker.loudness",
    "loudness_level_zwtv": "zwicker.loudness",
    "loudness_zwst": "zwicker.loudness",
    "loudness_zwtv": "zwicker.loudness",
    "peak_level": "levels.functions",
    "pr_ecma": "mosqito",
    "percentile_levels": "levels.functions",
    "psychoacoustic_annoyance": "annoyance",
    "roughness_dw": "modulation.roughness",
    "tonality_aures": "tonality.aures",
    "sel": "levels.functions",
    "sharpness_din_st": "zwicker.sharpness",
    "sharpness_din_tv": "zwicker.sharpness",
    "sharpness_of": "zwicker.sharpness",
    "sound_level": "levels.functions",
    "time_weighted_level": "levels.functions",
    "tnr_ecma": "mosqito",
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
