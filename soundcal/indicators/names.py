"""Names of indicators and their values: labels, symbols, functions, families."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from soundcal.errors import ParameterError
from soundcal.indicators.registry import PERCENTILES, REGISTRY

__all__ = ["STUDY", "merged_statistics", "named", "resolve"]

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

_F: Final = ("max", "min", *PERCENTILES)
"""Statistics of a level of the time weighting F, which the letter F may precede: LAFmax."""


@cache
def _known() -> dict[str, dict[str, tuple[str, ...]]]:
    """Return what each name stands for: statistics per symbol."""
    entries = REGISTRY.values()
    usual = {e.symbol: tuple(s for s in e.statistics if s not in e.optional) for e in entries}
    known: dict[str, dict[str, tuple[str, ...]]] = {"all": usual}
    for entry in entries:
        symbol = entry.symbol
        for name in (symbol, entry.name, entry.family):
            known.setdefault(name, {})[symbol] = usual[symbol]
    for entry in entries:
        for statistic in entry.statistics:
            known[entry.symbol + statistic] = {entry.symbol: (statistic,)}
            if entry.family == "levels" and statistic in _F:
                known[f"{entry.symbol}F{statistic}"] = {entry.symbol: (statistic,)}
    return known


@cache
def _alike() -> dict[str, list[str]]:
    """Return the names that differ in capital and small letters only, by their small letters."""
    alike: dict[str, list[str]] = {}
    for name in _known():
        alike.setdefault(name.lower(), []).append(name)
    return alike


def named(name: str) -> Mapping[str, tuple[str, ...]] | None:
    """Return the statistics per symbol that a name stands for, or None if it is not known.

    Capital and small letters are alike where one name fits.

    >>> named("la5"), named("sound")
    ({'LA': ('5',)}, None)
    """
    if name.lower() == "study":
        return resolve(STUDY)
    known, alike = _known(), _alike().get(name.lower(), [])
    if name not in known and len(alike) == 1:
        name = alike[0]
    return known.get(name)


def _matches(name: str) -> Mapping[str, tuple[str, ...]]:
    """Return what a name stands for.

    Raises
    ------
    ParameterError
        Unknown name.
    """
    if (found := named(name)) is not None:
        return found
    from difflib import get_close_matches

    alike = _alike().get(name.lower(), [])
    lower = {other.lower(): other for other in (*_known(), "study")}
    close = set(get_close_matches(name.lower(), lower, n=4, cutoff=0.7))
    near = alike or [other for other in lower.values() if other.lower() in close]
    families = sorted({entry.family for entry in REGISTRY.values()})
    raise ParameterError(
        f"no indicator {name!r}"
        + (f"; did you mean {' or '.join(near)}?" if near else "")
        + f"; families: {', '.join(families)}; symbols: {', '.join(REGISTRY)}; labels like LAeq; "
        "or study, all"
    )


def resolve(names: str | Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Return the statistics wanted per symbol, in the registry's order.

    Parameters
    ----------
    names : str or iterable of str
        Labels (``LAeq``; ``LAFmax`` and ``LAF5`` are ``LAmax`` and ``LA5``), symbols (``LA``),
        functions (``loudness_zwtv``), families (``levels``), ``study`` or ``all``, in capital or
        small letters; a string may hold several, separated by commas.

    Raises
    ------
    ParameterError
        No names, or an unknown name.

    Examples
    --------
    >>> resolve(["LA5", "LAeq", "LCeq"])
    {'LA': ('eq', '5'), 'LC': ('eq',)}
    >>> resolve("LA5, N5")
    {'LA': ('5',), 'N': ('5',)}
    >>> resolve("laeq, LAFmax, n5")
    {'LA': ('eq', 'max'), 'N': ('5',)}
    """
    texts = [names] if isinstance(names, str) else names
    parts = [_matches(part.strip()) for text in texts for part in text.split(",")]
    if not parts:
        raise ParameterError("no indicator was requested; at least one name is needed")
    return merged_statistics(*parts)


def merged_statistics(*parts: Mapping[str, Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Unite the statistics wanted by any of the parts, per symbol in the registry's order.

    >>> merged_statistics({"N": ("5",)}, {"LA": ("eq",), "N": ("max",)})
    {'LA': ('eq',), 'N': ('max', '5')}
    """
    wanted: dict[str, set[str]] = {}
    for part in parts:
        for symbol, statistics in part.items():
            wanted.setdefault(symbol, set()).update(statistics)
    return {
        symbol: tuple(s for s in entry.statistics if s in wanted[symbol])
        for symbol, entry in REGISTRY.items()
        if symbol in wanted
    }
