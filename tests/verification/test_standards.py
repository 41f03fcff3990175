"""Every number of a standard that soundcal reproduces; ``soundcal verify`` prints the same rows."""

import pytest

from soundcal.verification import Row, all_rows, evaluate

ROWS = all_rows()


@pytest.mark.parametrize("row", ROWS, ids=[f"{r.standard}, {r.clause}: {r.quantity}" for r in ROWS])
def test_row(row: Row) -> None:
    outcome = evaluate(row)
    assert outcome.verdict != "fail", (
        f"{outcome.value:.6g} {row.unit}, limits {row.lower:.6g} to {row.upper:.6g}"
    )


def test_printed_values_lie_within_their_limits() -> None:
    """A printed value outside its own limits would be a typing error."""
    rounding = 0.051
    for row in ROWS:
        assert row.lower - rounding <= row.expected <= row.upper + rounding, row.quantity
