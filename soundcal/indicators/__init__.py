"""Indicators: numbers computed from sound pressure.

Functions take ``pressure`` (..., n_samples) in Pa and ``fs`` in Hz and return an
:class:`~soundcal.indicators.result.IndicatorResult`. There are also:

* :func:`compute` – many indicators of a :class:`~soundcal.recording.Recording`, as tidy rows;
* :func:`compute_results` – the same as results, with series;
* :func:`open_stream` – the same for signals that come in blocks;
* :func:`combine_ears` – one value of both ears;
* :func:`power_spectral_density`, :func:`spectrogram` – spectra, as :class:`SpectralDensity`;
* :data:`REGISTRY`, :data:`STUDY`, :func:`resolve` – the indicators, and their names.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.indicators.analysis import open_stream
    from soundcal.indicators.annoyance import psychoacoustic_annoyance
    from soundcal.indicators.hearing_model.fluctuation import fluctuation_ecma
    from soundcal.indicators.hearing_model.loudness import loudness_ecma
    from soundcal.indicators.hearing_model.roughness import roughness_ecma
    from soundcal.indicators.hearing_model.tonality import tonality_ecma
    from soundcal.indicators.levels.bands import band_levels
    from soundcal.indicators.levels.functions import (
        leq,
        peak_level,
        percentile_levels,
        sel,
        sound_level,
        time_weighted_level,
    )
    from soundcal.indicators.measurement import compute, compute_results
    from soundcal.indicators.modulation.fluctuation import fluctuation_strength
    from soundcal.indicators.modulation.roughness import roughness_dw
    from soundcal.indicators.names import STUDY, resolve
    from soundcal.indicators.prominence.audibility import (
        tonal_audibility,
        tonal_audibility_from_lines,
    )
    from soundcal.indicators.prominence.ratios import prominence_ratio, tone_to_noise
    from soundcal.indicators.prominence.wind_turbines import (
        tonality_iec61400,
        tonality_iec61400_from_lines,
    )
    from soundcal.indicators.registry import REGISTRY
    from soundcal.indicators.result import IndicatorResult
    from soundcal.indicators.rows import COLUMNS, TidyRow, combine_ears, to_frame
    from soundcal.indicators.spectra import (
        SpectralDensity,
        power_spectral_density,
        spectrogram,
    )
    from soundcal.indicators.tonality.aures import tonality_aures
    from soundcal.indicators.zwicker.loudness import (
        loudness_from_bands,
        loudness_level_zwtv,
        loudness_zwst,
        loudness_zwtv,
    )
    from soundcal.indicators.zwicker.sharpness import (
        sharpness_din_st,
        sharpness_din_tv,
        sharpness_of,
    )
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "COLUMNS": "rows",
            "IndicatorResult": "result",
            "REGISTRY": "registry",
            "STUDY": "names",
            "SpectralDensity": "spectra",
            "TidyRow": "rows",
            "band_levels": "levels.bands",
            "combine_ears": "rows",
            "compute": "measurement",
            "compute_results": "measurement",
            "fluctuation_ecma": "hearing_model.fluctuation",
            "fluctuation_strength": "modulation.fluctuation",
            "leq": "levels.functions",
            "loudness_ecma": "hearing_model.loudness",
            "loudness_from_bands": "zwicker.loudness",
            "loudness_level_zwtv": "zwicker.loudness",
            "loudness_zwst": "zwicker.loudness",
            "loudness_zwtv": "zwicker.loudness",
            "open_stream": "analysis",
            "peak_level": "levels.functions",
            "percentile_levels": "levels.functions",
            "power_spectral_density": "spectra",
            "prominence_ratio": "prominence.ratios",
            "psychoacoustic_annoyance": "annoyance",
            "resolve": "names",
            "roughness_dw": "modulation.roughness",
            "roughness_ecma": "hearing_model.roughness",
            "sel": "levels.functions",
            "sharpness_din_st": "zwicker.sharpness",
            "sharpness_din_tv": "zwicker.sharpness",
            "sharpness_of": "zwicker.sharpness",
            "sound_level": "levels.functions",
            "spectrogram": "spectra",
            "time_weighted_level": "levels.functions",
            "to_frame": "rows",
            "tonal_audibility": "prominence.audibility",
            "tonal_audibility_from_lines": "prominence.audibility",
            "tonality_aures": "tonality.aures",
            "tonality_iec61400": "prominence.wind_turbines",
            "tonality_iec61400_from_lines": "prominence.wind_turbines",
            "tone_to_noise": "prominence.ratios",
            "tonality_ecma": "hearing_model.tonality",
        },
    )

__all__ = [
    "COLUMNS",
    "REGISTRY",
    "STUDY",
    "IndicatorResult",
    "SpectralDensity",
    "TidyRow",
    "band_levels",
    "combine_ears",
    "compute",
    "compute_results",
    "fluctuation_ecma",
    "fluctuation_strength",
    "leq",
    "loudness_ecma",
    "loudness_from_bands",
    "loudness_level_zwtv",
    "loudness_zwst",
    "loudness_zwtv",
    "open_stream",
    "peak_level",
    "percentile_levels",
    "power_spectral_density",
    "prominence_ratio",
    "psychoacoustic_annoyance",
    "resolve",
    "roughness_dw",
    "roughness_ecma",
    "sel",
    "sharpness_din_st",
    "sharpness_din_tv",
    "sharpness_of",
    "sound_level",
    "spectrogram",
    "time_weighted_level",
    "to_frame",
    "tonal_audibility",
    "tonal_audibility_from_lines",
    "tonality_aures",
    "tonality_ecma",
    "tonality_iec61400",
    "tonality_iec61400_from_lines",
    "tone_to_noise",
]
