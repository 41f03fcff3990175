"""Every number of a standard that soundcal reproduces; ``soundcal verify`` prints the same rows."""

from importlib import import_module
from pathlib import Path

import pytest

from soundcal import verification
from soundcal.verification import FAMILIES, Row, all_rows, evaluate

ROWS = all_rows()


@pytest.mark.parametrize("row", ROWS, ids=[f"{r.standard}, {r.clause}: {r.quantity}" for r in ROWS])
def test_row(row: Row) -> None:
    outcome = evaluate(row)
    assert outcome.verdict != "fail", (
        f"{outcome.value:.6g} {row.unit}, limits {row.lower:.6g} to {row.upper:.6g}"
    )


def test_every_module_with_rows_is_a_family() -> None:
    package = Path(verification.__path__[0])
    names = [path.stem for path in package.glob("[a-z]*.py") if path.stem != "rows"]
    with_rows = {n for n in names if hasattr(import_module(f"soundcal.verification.{n}"), "rows")}
    assert with_rows == set(FAMILIES)


def test_printed_values_lie_within_their_limits() -> None:
    """A printed value outside its own limits would be a typing error."""
    rounding = 0.051
    for row in ROWS:
        assert row.lower - rounding <= row.expected <= row.upper + rounding, row.quantity
