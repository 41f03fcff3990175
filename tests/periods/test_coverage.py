"""Gaps, and pieces that claim the same time."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

from soundcal.periods.coverage import Gap, Piece, conflicts, gaps

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def piece(start: float, seconds: float, name: str = "a.wav", *, valid: bool = True) -> Piece:
    """A piece that begins some seconds after noon."""
    return Piece(NOON + timedelta(seconds=start), seconds, name, int(start), valid)


def test_a_file_under_two_names_counts_once() -> None:
    twice = [piece(600 * n, 600.0, name) for n in range(6) for name in ("copy.wav", "a.wav")]
    found = conflicts(twice)
    assert [c.piece.recording for c in found] == ["copy.wav"] * 6
    assert {(c.kept.recording, c.seconds) for c in found} == {("a.wav", 600.0)}


def test_the_longer_piece_counts_whatever_the_order() -> None:
    rest, long, late = piece(0, 5.0, "a.wav"), piece(0, 600.0, "b.wav"), piece(590, 400.0, "c.wav")
    for order in permutations([rest, long, late]):
        assert [c.piece for c in conflicts(order)] == [rest, late]


def test_a_second_is_what_a_clock_cannot_tell() -> None:
    assert conflicts([piece(0, 601.0), piece(600, 600.0)]) == []
    assert [c.seconds for c in conflicts([piece(0, 601.5), piece(600, 600.0)])] == [1.5]
    assert gaps([piece(0, 599.0), piece(600, 600.0)]) == []
    assert gaps([piece(600, 600.0), piece(0, 598.0)]) == [
        Gap(NOON + timedelta(seconds=598), NOON + timedelta(seconds=600))
    ]


def test_what_lies_inside_a_piece_is_a_conflict_however_short() -> None:
    assert [c.piece.seconds for c in conflicts([piece(600, 0.3), piece(600, 600.0)])] == [0.3]


def test_a_piece_that_is_not_valid_claims_no_time() -> None:
    assert conflicts([piece(0, 600.0, valid=False), piece(0, 300.0, "b.wav")]) == []


def test_a_gap_is_not_seen_inside_a_longer_piece() -> None:
    assert gaps([piece(0, 600.0), piece(10, 1.0), piece(600, 1.0)]) == []
