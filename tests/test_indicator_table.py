"""The page "All indicators" has every indicator, and says of it what is so."""

from collections import Counter

import indicator_table
import numpy as np
import pytest

from soundcal.errors import SignalError
from soundcal.indicators import open_stream
from soundcal.indicators.registry import REGISTRY

PAGE = indicator_table.PAGE.read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    _, _, *lines = indicator_table.table_below(PAGE, heading).splitlines()
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_the_table_is_that_of_the_registry() -> None:
    found = indicator_table.table_below(PAGE, indicator_table.ALL)
    assert found == indicator_table.registry_table(), "run tests/indicator_table.py"


@pytest.mark.parametrize("symbol", REGISTRY)
def test_the_shortest_signal_is_the_shortest(symbol: str) -> None:
    n = round(indicator_table.SHORTEST[symbol] * indicator_table.FS)
    sound = 0.02 * np.random.default_rng(1).standard_normal((1, n))
    measured(symbol, sound)
    with pytest.raises(SignalError):
        measured(symbol, sound[:, :-1])


def measured(symbol: str, sound: np.ndarray) -> None:
    stream = open_stream([symbol], fs=indicator_table.FS, n_channels=1, threads=1)
    stream.push(sound)
    stream.finish()


def test_every_row_of_the_verification_is_counted() -> None:
    there = Counter(
        (family, *indicator_table.group(row))
        for family, members in indicator_table.families().items()
        for row in members
    )
    shown = {
        (family, source, of): int(n) for family, source, of, n, *_ in rows(indicator_table.EXACT)
    }
    assert shown == there, "run tests/indicator_table.py"


def test_every_indicator_has_its_speed() -> None:
    timed = {name.strip("`") for name, *_ in rows(indicator_table.FAST)}
    assert timed >= set(REGISTRY), "run tests/indicator_table.py"
