"""Write the tables of the page "All indicators": what there is, how exact, how fast.

Usage: python tests/indicator_table.py (four minutes)

The first table follows from the registry; a test holds the page to it. The others are from this
run: all rows of ``soundcal verify``, the agreement with MoSQITo, and the processor time of each
indicator.
"""

import math
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from benchmarks.run import FS, signal

from soundcal.indicators import open_stream
from soundcal.indicators.names import STUDY
from soundcal.indicators.registry import REGISTRY, Indicator
from soundcal.verification import FAMILIES, Outcome, Row, all_rows, evaluate
from soundcal.verification.against_mosqito import MosqitoAgreement, compare_with_mosqito

PAGE: Final = Path(__file__).resolve().parent.parent / "soundcal" / "guide" / "all_indicators.md"
ALL, EXACT, BESIDE, FAST = (
    "All of them",
    "Against the standards and publications",
    "Against MoSQITo",
    "How fast",
)
"""Headings of the page, each with one table."""

_LEVEL: Final = (
    "F for `max`, `min`, percentiles; S and I by their letter; none for `eq`, `E`, `peak`"
)
_ZWICKER: Final = "that of the method for `N(t)`, a value every 2 ms"
TIME: Final = {
    **dict.fromkeys(("LA", "LC", "LZ", "LB"), _LEVEL),
    **dict.fromkeys(("Loct", "Lthird"), "none: mean over the time"),
    "N": _ZWICKER,
    "LN": _ZWICKER,
    "S": "that of the loudness, a value every 2 ms",
    **dict.fromkeys(("Nst", "Sst"), "none: one value; the first 0.2 s are left out"),
    "F": "frames of 2 s every 0.2 s",
    "R": "frames of 0.2 s every 0.1 s",
    "T": "frames of 0.25 s every 0.125 s",
    "PA": "none: from `N5` and the means of `S`, `F`, `R`",
    **dict.fromkeys(
        ("TNR", "PR"), "none: mean over the time; over time, segments of 1 s every 0.5 s"
    ),
    **dict.fromkeys(
        ("NHM", "THM"), "that of the method, a value every 5.3 ms; the first 0.3 s are left out"
    ),
    "RHM": "that of the method, a value every 20 ms; the first 0.3 s are left out",
    "FHM": "that of the method, a value every 20 ms; the first 0.7 s are left out",
    "dL": "none: mean over spectra of 3 s",
    "dLa": "none: mean over spectra of 10 s",
}
"""What averages over time, by symbol."""

SHORTEST: Final = {
    **dict.fromkeys(("LA", "LC", "LZ", "LB", "Loct", "Lthird"), 1 / FS),
    **dict.fromkeys(("N", "LN", "S"), 0.002),
    **dict.fromkeys(("Nst", "Sst"), 0.3),
    **dict.fromkeys(("F", "PA"), 0.5),
    "R": 0.2,
    "T": 0.25,
    **dict.fromkeys(("NHM", "THM"), 0.304 + 1 / FS),
    "RHM": 0.32 + 1 / FS,
    "FHM": 1.5,
    **dict.fromkeys(("TNR", "PR", "dL", "dLa"), 1.0),
}
"""Shortest signal in s, by symbol; a test tries each of them."""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of CommonMark."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def registry_table() -> str:
    """Return the table of all indicators."""
    head = (
        "symbol", "name", "unit", "source", "statistics", "time weighting", "shortest signal",
    )  # fmt: skip
    return table(
        head,
        (
            (
                f"`{entry.symbol}`",
                entry.title,
                _unit(entry),
                entry.standard,
                _statistics(entry),
                TIME[entry.symbol],
                _shortest(SHORTEST[entry.symbol]),
            )
            for entry in REGISTRY.values()
        ),
    )


def _unit(entry: Indicator) -> str:
    letter = entry.symbol.removeprefix("L")
    weighted = entry.family == "levels" and letter != "Z"
    return f"dB({letter})" if weighted else entry.unit


def _statistics(entry: Indicator) -> str:
    if entry.family == "bands":
        return f"the band: `{entry.statistics[0]}` … `{entry.statistics[-1]}` Hz"
    usual = ", ".join(f"`{s}`" for s in entry.statistics if s not in entry.optional)
    more = ", ".join(f"`{s}`" for s in entry.optional)
    return usual + (f"; on request {more}" if more else "")


def _shortest(seconds: float) -> str:
    return "one sample" if seconds < 0.001 else f"{seconds:.4g} s"


def families() -> dict[str, list[Row]]:
    """Return the rows of verification by family, without those of the sound calibrator."""
    return {name: all_rows([name]) for name in FAMILIES if name != "calibrator"}


def group(row: Row) -> tuple[str, str]:
    """Return what rows of the table have in common: source, and where the limits come from."""
    return row.standard, row.grade


def exactness_table(found: dict[str, list[Outcome]]) -> str:
    """Return values within their limits, and how much of the limits the worst of them uses."""
    rows = []
    for family, outcomes in found.items():
        groups = defaultdict(list)
        for outcome in outcomes:
            groups[group(outcome.row)].append(outcome)
        for (standard, grade), members in groups.items():
            shares = [(share, o) for o in members if not math.isnan(share := _share(o))]
            known = [o for o in members if o.verdict == "known deviation"]
            two_sided = [pair for pair in shares if pair[1] not in known]
            share, words = "–", "every value has a limit on one side only"
            if two_sided:
                largest, worst = max(two_sided, key=lambda pair: pair[0])
                share = f"{100 * largest:.2g} %"
                deviation, limit = _deviation(worst)
                unit = "" if worst.row.unit == "1" else f" {worst.row.unit}"
                words = f"{worst.row.quantity}: {_number(deviation)} of {_number(limit)}{unit}"
            rows.append(
                (
                    family,
                    standard,
                    grade,
                    str(len(members)),
                    str(sum(o.within for o in members)),
                    str(len(known)),
                    share,
                    words,
                )
            )
    head = (
        "family", "source", "limits of", "values", "within", "known deviations",
        "largest share of the limit", "largest deviation and its limit",
    )  # fmt: skip
    return table(head, rows)


def _share(outcome: Outcome) -> float:
    """Return the deviation over the limit on its side; NaN where the printed value is a limit."""
    row = outcome.row
    if row.expected in (row.lower, row.upper):
        return math.nan
    deviation, limit = _deviation(outcome)
    return deviation / limit + 0.0  # no minus before 0


def _deviation(outcome: Outcome) -> tuple[float, float]:
    """Return the deviation from the printed value, and its limit on that side."""
    row = outcome.row
    deviation = outcome.value - row.expected
    return deviation, (row.upper if deviation > 0.0 else row.lower) - row.expected


def _number(value: float) -> str:
    return f"{value:+.2g}".replace("-", "−")


def mosqito_table(found: Sequence[MosqitoAgreement]) -> str:
    """Return bias, limits of agreement and the largest difference from MoSQITo."""
    rows = []
    for comparison in found:
        agreement = comparison.agreement
        largest = max(agreement.points.difference, key=abs)
        rows.append(
            (
                f"`{comparison.quantity.function}`, `{comparison.quantity.statistic}`",
                str(agreement.n),
                f"{_number(agreement.bias)} %",
                f"{_number(agreement.lower)} to {_number(agreement.upper)} %",
                f"{_number(largest)} %",
            )
        )
    return table(("value", "sounds", "bias", "95 % limits", "largest difference"), rows)


def speed_table(seconds: float = 30.0, rounds: int = 3) -> str:
    """Return processor time of one channel per minute of sound, and times real time."""
    sound = signal(seconds)[np.newaxis]
    named = {f"`{symbol}`": [symbol] for symbol in REGISTRY}
    named |= {
        "`study`, 39 values": list(STUDY),
        "`hearing_model`, all four": ["hearing_model"],
        "`all`": list(REGISTRY),
    }
    rows = []
    for name, labels in named.items():
        spent = []
        for _ in range(rounds):
            began = time.process_time()
            stream = open_stream(labels, fs=FS, n_channels=1, threads=1)
            stream.push(sound)
            stream.finish()
            spent.append(time.process_time() - began)
        best = min(spent)
        rows.append((name, f"{60 * best / seconds:.2g} s", f"{_rounded(seconds / best)}"))
    head = ("indicators", "processor time per minute of one channel", "times real time")
    return table(head, rows)


def _rounded(value: float) -> str:
    digits = 1 - math.floor(math.log10(value))
    return f"{round(value, digits):g}"


def with_table(page: str, heading: str, new: str) -> str:
    """Return the page with the table below a heading replaced."""
    changed, n = re.subn(
        rf"(\n## {re.escape(heading)}\n.*?\n\n)(?:\|[^\n]*\n)+",
        lambda found: found[1] + new,
        page,
        count=1,
        flags=re.DOTALL,
    )
    if not n:
        raise ValueError(f"no table below {heading!r}")
    return changed


def table_below(page: str, heading: str) -> str:
    """Return the table below a heading."""
    found = re.search(rf"\n## {re.escape(heading)}\n.*?\n\n((?:\|[^\n]*\n)+)", page, re.DOTALL)
    if found is None:
        raise ValueError(f"no table below {heading!r}")
    return found[1]


if __name__ == "__main__":
    outcomes = {name: [evaluate(row) for row in rows] for name, rows in families().items()}
    text = PAGE.read_text(encoding="utf-8")
    text = with_table(text, ALL, registry_table())
    text = with_table(text, EXACT, exactness_table(outcomes))
    text = with_table(text, BESIDE, mosqito_table(compare_with_mosqito()))
    text = with_table(text, FAST, speed_table())
    PAGE.write_text(text, encoding="utf-8")
