"""What can be measured: one entry per indicator, and the indicators of the study.

A module joins the registry by one line per indicator in ``_TABLE`` below; nothing is imported until
the indicator is asked for. The line says

* the **symbol** of the tidy table (``LA``, ``N``) and the **name** of the public function, which
  lives in **module** and becomes an attribute of :mod:`soundcal.indicators` by standing here;
* the **statistics** that can follow the symbol (``eq``, ``max``, ``5`` …: symbol + statistic is the
  printed label, ``LA5``);
* the **stage** ``"module:callable"``. Indicators with the same stage are computed together by one
  stream (:class:`soundcal.indicators.stream.IndicatorStream`), which the callable opens for a
  :class:`~soundcal.indicators.stream.Plan` and which returns one result per wanted symbol. So
  loudness and sharpness name the same stage and share the specific loudness; or
* **derived**, ``"module:callable"``, for an indicator that is computed from the results of others
  (``needs``): the callable takes the mapping of symbols to results and returns a result.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any, Final

from soundcal.errors import ParameterError

__all__ = ["REGISTRY", "STUDY", "Indicator", "find", "resolve", "resolve_callable"]

PERCENTILES: Final = ("5", "10", "50", "90", "95")
"""Statistics of the study: exceeded in 5 … 95 % of the time."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """One indicator.

    Parameters
    ----------
    symbol : str
        Symbol in the tidy table.
    name : str
        Public function.
    module : str
        Module of the function.
    family : str
        Family, by which it can also be asked for.
    unit : str
        Unit of the value and of all statistics.
    standard : str
        Standard or publication, with edition.
    statistics : tuple of str
        What can follow the symbol, in the order of the table.
    stage : str
        ``"module:callable"`` that opens the stream; empty if derived.
    derived : str
        ``"module:callable"`` that makes the result from others; empty if not derived.
    needs : tuple of str
        Symbols that ``derived`` needs.
    title : str
        What it is, in words.
    optional : tuple of str
        Statistics that are left out unless they are asked for by their label, since they cost.
    engine : str
        Who computes it, if not soundcal; such an indicator is not part of ``all``.
    """

    symbol: str
    name: str
    module: str
    family: str
    unit: str
    standard: str
    statistics: tuple[str, ...]
    stage: str = ""
    derived: str = ""
    needs: tuple[str, ...] = ()
    title: str = ""
    optional: tuple[str, ...] = ()
    engine: str = ""

    @property
    def is_level(self) -> bool:
        """Whether it is a level of the sound: it has the calibration's uncertainty and a power."""
        return self.family in ("levels", "bands")

    @property
    def labels(self) -> tuple[str, ...]:
        """Printed labels: symbol and statistic."""
        return tuple(self.symbol + statistic for statistic in self.statistics)


_RARE_LEVELS: Final = (*(f"S{p}" for p in PERCENTILES), "Imax", "Imin", "peak")


def _level(weighting: str, standard: str) -> Indicator:
    return Indicator(
        f"L{weighting}",
        "sound_level",
        "soundcal.indicators.levels.functions",
        "levels",
        "dB",
        standard,
        ("eq", "E", "max", "min", *PERCENTILES, "Smax", "Smin", *_RARE_LEVELS),
        stage="soundcal.indicators.levels.stream:open_level_stream",
        title=f"{weighting}-weighted sound level",
        optional=_RARE_LEVELS,
    )


def _bands(symbol: str, title: str, nominal: str) -> Indicator:
    return Indicator(
        symbol,
        "band_levels",
        "soundcal.indicators.levels.bands",
        "bands",
        "dB",
        "IEC 61260-1:2014",
        tuple(nominal.split()),
        stage="soundcal.indicators.levels.bands:open_band_stream",
        title=title,
    )


_ZWICKER: Final = {"loudness": "ISO 532-1:2017", "sharpness": "DIN 45692:2009"}
"""Standard of each family that stands on Zwicker's loudness."""

_LOUDNESS_STAGE: Final = "soundcal.indicators.zwicker.stream:open_loudness_stream"
_STATIONARY_STAGE: Final = "soundcal.indicators.zwicker.stream:open_stationary_stream"


def _zwicker(
    family: str,
    symbol: str,
    function: str,
    unit: str,
    statistics: tuple[str, ...],
    stage: str,
    title: str,
) -> Indicator:
    return Indicator(
        symbol,
        function,
        f"soundcal.indicators.zwicker.{family}",
        family,
        unit,
        _ZWICKER[family],
        statistics,
        stage=stage,
        title=title,
    )


def _prominence(symbol: str, function: str, stage: str, title: str) -> Indicator:
    return Indicator(
        symbol,
        function,
        "soundcal.indicators.mosqito",
        "prominence",
        "dB",
        "ECMA-418-1",
        ("max", "total"),
        stage=f"soundcal.indicators.mosqito:{stage}",
        title=title,
        engine="MoSQITo",
    )


def _by_frames(
    symbol: str, function: str, module: str, family: str, unit: str, source: str, title: str
) -> Indicator:
    return Indicator(
        symbol,
        function,
        module,
        family,
        unit,
        source,
        _OVER_TIME,
        stage=f"{module}:open_{family}_stream",
        title=title,
    )


_OVER_TIME: Final = ("max", "mean", *PERCENTILES)
_OCTAVES: Final = "31.5 63 125 250 500 1000 2000 4000 8000 16000"
_THIRDS: Final = (
    "20 25 31.5 40 50 63 80 100 125 160 200 250 315 400 500 630 800 1000 1250 1600 2000 2500 3150 "
    "4000 5000 6300 8000 10000 12500 16000 20000"
)

_TABLE: Final = (
    _level("A", "IEC 61672-1:2013"),
    _level("C", "IEC 61672-1:2013"),
    _level("Z", "IEC 61672-1:2013"),
    _level("B", "IEC 60651:1979 (withdrawn)"),
    _bands("Loct", "octave-band level", _OCTAVES),
    _bands("Lthird", "third-octave-band level", _THIRDS),
    _zwicker("loudness", "N", "loudness_zwtv", "sone", _OVER_TIME, _LOUDNESS_STAGE, "loudness"),
    _zwicker(
        "loudness",
        "LN",
        "loudness_level_zwtv",
        "phon",
        ("max", *PERCENTILES),
        _LOUDNESS_STAGE,
        "loudness level",
    ),
    _zwicker(
        "loudness",
        "Nst",
        "loudness_zwst",
        "sone",
        ("eq",),
        _STATIONARY_STAGE,
        "loudness, stationary method",
    ),
    _zwicker(
        "sharpness", "S", "sharpness_din_tv", "acum", _OVER_TIME, _LOUDNESS_STAGE, "sharpness"
    ),
    _zwicker(
        "sharpness",
        "Sst",
        "sharpness_din_st",
        "acum",
        ("eq",),
        _STATIONARY_STAGE,
        "sharpness, stationary method",
    ),
    _by_frames(
        symbol="F",
        function="fluctuation_strength",
        module="soundcal.indicators.modulation.fluctuation",
        family="fluctuation",
        unit="vacil",
        source="Osses et al. 2016",
        title="fluctuation strength",
    ),
    _by_frames(
        symbol="R",
        function="roughness_dw",
        module="soundcal.indicators.modulation.roughness",
        family="roughness",
        unit="asper",
        source="Daniel & Weber 1997",
        title="roughness",
    ),
    _by_frames(
        symbol="T",
        function="tonality_aures",
        module="soundcal.indicators.tonality.aures",
        family="tonality",
        unit="t.u.",
        source="Aures 1985",
        title="tonality",
    ),
    Indicator(
        "PA",
        "psychoacoustic_annoyance",
        "soundcal.indicators.annoyance",
        "annoyance",
        "au",
        "Widmann 1992",
        ("eq",),
        derived="soundcal.indicators.annoyance:annoyance_from_results",
        needs=("N", "S", "F", "R"),
        title="psychoacoustic annoyance",
    ),
    _prominence(
        "TNR", "tnr_ecma", "open_tone_to_noise_stream", "tone-to-noise ratio, through MoSQITo"
    ),
    _prominence("PR", "pr_ecma", "open_prominence_stream", "prominence ratio, through MoSQITo"),
)

REGISTRY: Final[dict[str, Indicator]] = {entry.symbol: entry for entry in _TABLE}
"""All indicators by symbol."""

_STUDY: Final = {
    "LA": ("eq", *PERCENTILES),
    "LC": ("eq", *PERCENTILES),
    "N": PERCENTILES,
    "S": ("mean", *PERCENTILES),
    "R": ("mean", *PERCENTILES),
    "T": PERCENTILES,
    "F": PERCENTILES,
}

STUDY: Final[tuple[str, ...]] = tuple(
    symbol + statistic for symbol, statistics in _STUDY.items() for statistic in statistics
)
"""Labels of the 39 values of the study (Lam et al. 2022): ``LAeq``, ``LA5``, …, ``F95``."""


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


def _matches(name: str) -> dict[str, tuple[str, ...]]:
    if name == "study":
        return resolve(STUDY)
    usual = {
        entry: tuple(s for s in entry.statistics if s not in entry.optional)
        for entry in REGISTRY.values()
    }
    if name == "all":
        return {e.symbol: statistics for e, statistics in usual.items() if not e.engine}
    for entry in REGISTRY.values():
        if name in entry.labels:
            return {entry.symbol: (name.removeprefix(entry.symbol),)}
    return {
        entry.symbol: statistics
        for entry, statistics in usual.items()
        if name in (entry.symbol, entry.name, entry.family)
    }


def resolve(names: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the statistics wanted per symbol, in the registry's order.

    Parameters
    ----------
    names : iterable of str
        Labels (``LAeq``), symbols (``LA``), functions (``loudness_zwtv``), families (``levels``),
        ``study`` or ``all``.

    Raises
    ------
    ParameterError
        Nothing asked for, or an unknown name.

    Examples
    --------
    >>> resolve(["LA5", "LAeq", "LCeq"])
    {'LA': ('eq', '5'), 'LC': ('eq',)}
    """
    wanted: dict[str, set[str]] = {}
    for name in [names] if isinstance(names, str) else names:
        found = _matches(name)
        if not found:
            families = sorted({entry.family for entry in REGISTRY.values()})
            raise ParameterError(
                f"no indicator {name!r}; families: {', '.join(families)}; symbols: "
                f"{', '.join(REGISTRY)}; labels like LAeq; or study, all"
            )
        for symbol, statistics in found.items():
            wanted.setdefault(symbol, set()).update(statistics)
    if not wanted:
        raise ParameterError("no indicator was asked for; at least one name is needed")
    return {
        symbol: tuple(s for s in entry.statistics if s in wanted[symbol])
        for symbol, entry in REGISTRY.items()
        if symbol in wanted
    }


@cache
def resolve_callable(path: str) -> Any:
    """Return the object at ``"module:name"``, importing the module."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
