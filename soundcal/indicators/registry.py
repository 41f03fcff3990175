"""All indicators, one entry each.

An indicator is added by one entry of ``_TABLE`` below; it is imported when it is first used. The
entry has

* the **symbol** of the tidy table (``LA``, ``N``) and the **name** of the public function, which
  :mod:`soundcal.indicators` also lists;
* the **statistics** that can follow the symbol (``eq``, ``max``, ``5`` …: symbol + statistic is the
  printed label, ``LA5``);
* the **stage** ``"module:callable"``. Indicators with the same stage are computed together by one
  stream (:class:`soundcal.indicators.stream.IndicatorStream`), which the callable opens for a
  :class:`~soundcal.indicators.stream.StreamRequest` and which returns one result per wanted symbol.
  For example, loudness and sharpness name the same stage and share the specific loudness. If the
  channels are analysed **together**, the callable also takes their number and opens one
  :class:`soundcal.indicators.stream.ChannelStage` for all; or
* **derived**, ``"module:callable"``, for an indicator that is computed from the results of others
  (``needs``): the callable takes the mapping of symbols to results and returns a result.
"""

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Final

from soundcal.errors import ParameterError

__all__ = [
    "ANY_FIELD",
    "PERCENTILES",
    "REGISTRY",
    "Indicator",
    "find",
    "resolve_callable",
]

ANY_FIELD: Final = ("free", "diffuse", "eardrum")
"""Sound fields of an indicator that has all of them, or on which they have no effect."""

PERCENTILES: Final = ("5", "10", "50", "90", "95")
"""Statistics of the study: exceeded in 5 … 95 % of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One indicator.

    Parameters
    ----------
    symbol : str
        Symbol in the tidy table.
    name : str
        Public function.
    family : str
        Family, which can be requested as a whole.
    unit : str
        Unit of the value and of all statistics.
    standard : str
        Standard or publication, with edition.
    statistics : tuple of str
        Statistics that can follow the symbol, in the order of the table.
    stage : str
        ``"module:callable"`` that opens the stream; empty if derived.
    derived : str
        ``"module:callable"`` that makes the result from others; empty if not derived.
    needs : tuple of str
        Symbols that ``derived`` needs.
    title : str
        Name in words.
    optional : tuple of str
        Statistics that are costly and therefore left out unless requested by their label.
    together : bool
        One stage analyses all channels of a recording.
    fields : tuple of str
        Sound fields that the indicator has.
    binaural : bool
        The standard defines one value of both ears.
    """

    symbol: str
    name: str
    family: str
    unit: str
    standard: str
    statistics: tuple[str, ...]
    stage: str = ""
    derived: str = ""
    needs: tuple[str, ...] = ()
    title: str = ""
    optional: tuple[str, ...] = ()
    together: bool = False
    fields: tuple[str, ...] = ("free", "diffuse")
    binaural: bool = False

    @property
    def is_level(self) -> bool:
        """True for a level: its uncertainty is the calibration's, and it corresponds to a power."""
        return self.family in ("levels", "bands")

    @property
    def models_the_ear(self) -> bool:
        """True if it takes the pressure in a sound field and adds the ear itself."""
        return not self.is_level and self.family != "prominence"

    @property
    def labels(self) -> tuple[str, ...]:
        """Printed labels: symbol and statistic."""
        return tuple(self.symbol + statistic for statistic in self.statistics)


_RARE_LEVELS: Final = (*(f"S{p}" for p in PERCENTILES), "Imax", "Imin", "peak")


_OVER_TIME: Final = ("max", "mean", *PERCENTILES)
_OCTAVES: Final = "31.5 63 125 250 500 1000 2000 4000 8000 16000"
_THIRDS: Final = (
    "20 25 31.5 40 50 63 80 100 125 160 200 250 315 400 500 630 800 1000 1250 1600 2000 2500 3150 "
    "4000 5000 6300 8000 10000 12500 16000 20000"
)


def _level(weighting: str, standard: str) -> Indicator:
    return Indicator(
        symbol=f"L{weighting}",
        name="sound_level",
        family="levels",
        unit="dB",
        standard=standard,
        statistics=("eq", "E", "max", "min", *PERCENTILES, "Smax", "Smin", *_RARE_LEVELS),
        stage="soundcal.indicators.levels.stream:LevelStream",
        title=f"{weighting}-weighted sound level",
        optional=_RARE_LEVELS,
        fields=ANY_FIELD,
    )


def _bands(symbol: str, title: str, nominal: str) -> Indicator:
    return Indicator(
        symbol=symbol,
        name="band_levels",
        family="bands",
        unit="dB",
        standard="IEC 61260-1:2014",
        statistics=tuple(nominal.split()),
        stage="soundcal.indicators.levels.bands:BandStream",
        title=title,
        fields=ANY_FIELD,
    )


def _hearing_model(symbol: str, name: str, unit: str, title: str) -> Indicator:
    return Indicator(
        symbol=symbol,
        name=name,
        family="hearing_model",
        unit=unit,
        standard="ECMA-418-2:2025",
        statistics=("eq", *_OVER_TIME),
        stage="soundcal.indicators.hearing_model.stage:HearingModelStage",
        title=f"{title}, hearing model",
        together=True,
        fields=ANY_FIELD,
        binaural=symbol != "THM",
    )


_TABLE: Final = (
    _level("A", "IEC 61672-1:2013"),
    _level("C", "IEC 61672-1:2013"),
    _level("Z", "IEC 61672-1:2013"),
    _level("B", "IEC 60651:1979 (withdrawn)"),
    _bands("Loct", "octave-band level", _OCTAVES),
    _bands("Lthird", "third-octave-band level", _THIRDS),
    Indicator(
        symbol="N",
        name="loudness_zwtv",
        family="loudness",
        unit="sone",
        standard="ISO 532-1:2017",
        statistics=_OVER_TIME,
        stage="soundcal.indicators.zwicker.stream:LoudnessStream",
        title="loudness",
    ),
    Indicator(
        symbol="LN",
        name="loudness_level_zwtv",
        family="loudness",
        unit="phon",
        standard="ISO 532-1:2017",
        statistics=("max", *PERCENTILES),
        stage="soundcal.indicators.zwicker.stream:LoudnessStream",
        title="loudness level",
    ),
    Indicator(
        symbol="Nst",
        name="loudness_zwst",
        family="loudness",
        unit="sone",
        standard="ISO 532-1:2017",
        statistics=("eq",),
        stage="soundcal.indicators.zwicker.stream:StationaryStream",
        title="loudness, stationary method",
    ),
    Indicator(
        symbol="S",
        name="sharpness_din_tv",
        family="sharpness",
        unit="acum",
        standard="DIN 45692:2009",
        statistics=_OVER_TIME,
        stage="soundcal.indicators.zwicker.stream:LoudnessStream",
        title="sharpness",
    ),
    Indicator(
        symbol="Sst",
        name="sharpness_din_st",
        family="sharpness",
        unit="acum",
        standard="DIN 45692:2009",
        statistics=("eq",),
        stage="soundcal.indicators.zwicker.stream:StationaryStream",
        title="sharpness, stationary method",
    ),
    Indicator(
        symbol="F",
        name="fluctuation_strength",
        family="fluctuation",
        unit="vacil",
        standard="Osses et al. 2016",
        statistics=_OVER_TIME,
        stage="soundcal.indicators.modulation.fluctuation:FluctuationStream",
        title="fluctuation strength",
    ),
    Indicator(
        symbol="R",
        name="roughness_dw",
        family="roughness",
        unit="asper",
        standard="Daniel & Weber 1997",
        statistics=_OVER_TIME,
        stage="soundcal.indicators.modulation.roughness:open_roughness_stream",
        title="roughness",
    ),
    Indicator(
        symbol="T",
        name="tonality_aures",
        family="tonality",
        unit="t.u.",
        standard="Aures 1985",
        statistics=_OVER_TIME,
        stage="soundcal.indicators.tonality.aures:open_tonality_stream",
        title="tonality",
    ),
    Indicator(
        symbol="PA",
        name="psychoacoustic_annoyance",
        family="annoyance",
        unit="au",
        standard="Widmann 1992",
        statistics=("eq",),
        derived="soundcal.indicators.annoyance:annoyance_from_results",
        needs=("N", "S", "F", "R"),
        title="psychoacoustic annoyance",
    ),
    _hearing_model("NHM", "loudness_ecma", "sone_HMS", "loudness"),
    _hearing_model("THM", "tonality_ecma", "tu_HMS", "tonality"),
    _hearing_model("RHM", "roughness_ecma", "asper_HMS", "roughness"),
    _hearing_model("FHM", "fluctuation_ecma", "vacil_HMS", "fluctuation strength"),
    Indicator(
        symbol="TNR",
        name="tone_to_noise",
        family="prominence",
        unit="dB",
        standard="ECMA-418-1:2024",
        statistics=("max", "total", *PERCENTILES),
        stage="soundcal.indicators.prominence.ratios:RatioStream",
        title="tone-to-noise ratio",
        fields=ANY_FIELD,
    ),
    Indicator(
        symbol="PR",
        name="prominence_ratio",
        family="prominence",
        unit="dB",
        standard="ECMA-418-1:2024",
        statistics=("max", "total", *PERCENTILES),
        stage="soundcal.indicators.prominence.ratios:RatioStream",
        title="prominence ratio",
        fields=ANY_FIELD,
    ),
    Indicator(
        symbol="dL",
        name="tonal_audibility",
        family="prominence",
        unit="dB",
        standard="ISO/PAS 20065:2016",
        statistics=("eq", "max"),
        stage="soundcal.indicators.prominence.audibility:open_audibility_stream",
        title="tonal audibility",
        fields=ANY_FIELD,
    ),
    Indicator(
        symbol="dLa",
        name="tonality_iec61400",
        family="prominence",
        unit="dB",
        standard="IEC 61400-11:2012+A1",
        statistics=("eq", "max"),
        stage="soundcal.indicators.prominence.wind_turbines:open_wind_turbine_stream",
        title="tonality of wind turbines",
        fields=ANY_FIELD,
    ),
)

REGISTRY: Final[dict[str, Indicator]] = {entry.symbol: entry for entry in _TABLE}
"""All indicators by symbol."""


def find(symbol: str) -> Indicator:
    """Return the indicator of a symbol.

    Raises
    ------
    ParameterError
        Unknown symbol.
    """
    if symbol not in REGISTRY:
        raise ParameterError(f"no indicator {symbol!r}; known: {', '.join(REGISTRY)}")
    return REGISTRY[symbol]


@cache
def resolve_callable(path: str) -> Any:
    """Return the object at ``"module:name"``, importing the module."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
