"""``soundcal verify``: the library against the numbers printed in the standards."""

import argparse
import math
import sys
from typing import TYPE_CHECKING, Any

from soundcal.cli.output import progress, say, write_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from soundcal.verification import Outcome

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "verify",
        help="compute what the standards print, and compare",
        epilog="Exit code 4 if a value lies outside its limits. Known deviations are listed with "
        "their reason and do not count.",
    )
    parser.add_argument(
        "--family",
        action="append",
        metavar="NAME",
        help="only this family of indicators; repeatable (default: all)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compute all rows and print them, standard by standard."""
    from soundcal.errors import CalibrationError
    from soundcal.records import provenance
    from soundcal.verification import all_rows, evaluate

    rows = all_rows(options.family)
    outcomes = []
    with progress("verifying", len(rows), unit="rows") as advance:
        for number, row in enumerate(rows, start=1):
            outcomes.append(evaluate(row))
            advance(number, "")
    failed = [outcome for outcome in outcomes if outcome.verdict == "fail"]
    if options.json:
        content = {
            "software": provenance(),
            "rows": [_plain(outcome.to_dict()) for outcome in outcomes],
            "failed": len(failed),
        }
        write_json("soundcal/verify/1", content)
    else:
        for line in _table(outcomes):
            sys.stdout.write(line + "\n")
    say(_summary(outcomes))
    return CalibrationError.exit_code if failed else 0


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row with infinite limits as null, which JSON does not know."""
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in row.items()
    }


def _table(outcomes: "Sequence[Outcome]") -> list[str]:
    lines = []
    heading = ""
    for outcome in outcomes:
        row = outcome.row
        if heading != (heading := f"{row.standard}, {row.clause}"):
            lines += ["", heading]
        limits = f"{_number(row.lower)} … {_number(row.upper)}"
        lines.append(
            f"  {outcome.verdict:<15} {_number(outcome.value):>10} {row.unit:<6} {limits:<22} "
            f"printed {_number(row.expected):>8}  {row.quantity}"
            + (" [target]" if row.grade == "target" else "")
        )
        if row.known_deviation:
            lines.append(f"    {row.known_deviation}")
    return lines


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e5 else f"{value:g}"


def _summary(outcomes: "Sequence[Outcome]") -> str:
    counts = {
        verdict: sum(outcome.verdict == verdict for outcome in outcomes)
        for verdict in ("pass", "known deviation", "fail")
    }
    return (
        f"{len(outcomes)} values: {counts['pass']} within their limits, "
        f"{counts['known deviation']} known deviations, {counts['fail']} failed"
    )
