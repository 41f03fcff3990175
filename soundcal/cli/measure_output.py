"""Output of ``soundcal measure``: the table in a file, remarks, and the values on the terminal."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.cli.measured import all_values, short_table
from soundcal.cli.output import print_json, say, show

if TYPE_CHECKING:
    from soundcal.batch import FileResult

__all__ = ["say_remarks", "show_results", "write_results"]


def say_remarks(results: Sequence["FileResult"]) -> None:
    """Say what is to be known about the files, what is alike once with the names of the files."""
    from soundcal.files.names import gathered

    remarks = [
        (str(result.path), text)
        for result in results
        for text in (
            *result.notes,
            *map(str, result.flags),
            *(f"{symbol} not measured: {reason}" for symbol, reason in result.missing.items()),
        )
    ]
    for line in gathered(remarks):
        say(line)
    failed = [(str(result.path), result.error) for result in results if result.error]
    for line in gathered(failed):
        say(f"not measured: {line}")


def write_results(options: argparse.Namespace, results: Sequence["FileResult"]) -> None:
    """Write the table to the file given with ``--out``, if any."""
    from dataclasses import astuple

    from soundcal.files.exports import write_table
    from soundcal.indicators.rows import COLUMNS
    from soundcal.indicators.wide import wide_table
    from soundcal.recording import counted

    if not options.out or not results:
        return
    rows = [row for result in results for row in result.rows]
    if options.wide:
        columns, cells = wide_table(rows, uncertainty=options.uncertainty)
    else:
        columns, cells = list(COLUMNS), [list(astuple(row)) for row in rows]
    own, reached = _named(options), _reached(results)
    of_row = columns.index("recording")
    write_table(
        Path(options.out),
        [*own, *columns, *next(iter(reached.values()), {})],
        [[*own.values(), *row, *reached.get(row[of_row], {}).values()] for row in cells],
        force=options.force,
    )
    say(f"{counted(len(cells), 'row')} in {options.out}")


def _reached(results: Sequence["FileResult"]) -> dict[str, dict[str, str]]:
    """Return the columns of reference points and responses, by recording; none if none is known."""
    if not any(result.point or result.equalisation for result in results):
        return {}
    return {
        result.path: {
            "point": result.point,
            "responses": "; ".join(step.id for step in result.equalisation),
        }
        for result in results
    }


def _named(options: argparse.Namespace) -> dict[str, str]:
    """Return the columns of ``--condition`` and ``--take`` as far as they are given."""
    columns = {"condition": options.condition, "take": options.take}
    return {name: value for name, value in columns.items() if value}


def show_results(
    options: argparse.Namespace,
    results: Sequence["FileResult"],
    statement: Mapping[str, Any],
) -> None:
    """Write the result to stdout: JSON, or text for people unless it was written to a file.

    ``statement`` is the sensitivity that the options state, as it stands in JSON; empty if there is
    none.
    """
    from soundcal.files.records import provenance

    rows = [row for result in results for row in result.rows]
    if options.json:
        content: dict[str, Any] = {
            "software": provenance(),
            "field": _field(results) or options.field or "free",
            "ears": ",".join(options.ears),
            "rows": [_named(options) | row.to_dict() for row in rows],
            "flags": {
                result.path: [flag.text for flag in result.flags]
                for result in results
                if result.flags
            },
            "failed": {result.path: result.error for result in results if result.error},
            "points": {result.path: result.point for result in results if result.point},
            "equalisation": {
                result.path: [step.to_dict() for step in result.equalisation]
                for result in results
                if result.equalisation
            },
            "of_responses": {
                result.path: {name: dict(u) for name, u in result.of_responses.items()}
                for result in results
                if result.of_responses
            },
            "missing": {result.path: dict(result.missing) for result in results if result.missing},
        }
        if statement:
            content["stated"] = dict(statement)
        print_json("soundcal/measure/1", content)
        return
    known = [row for row in rows if row.value == row.value]
    for line in short_table(known) if options.out else all_values(known):
        show(line)
    for result in results:
        for channel, u in result.of_responses.items():
            show(
                f"{result.path}, {channel}: frequency response u(LA) = {u['LA_db']:.2f} dB, "
                f"u(LC) = {u['LC_db']:.2f} dB, u(LZ) = {u['LZ_db']:.2f} dB, "
                f"u(N) = {100 * u['N_relative']:.1f} %, u(S) = {100 * u['S_relative']:.1f} %"
            )


def _field(results: Sequence["FileResult"]) -> str:
    """Return the sound field of the files; ``by recording`` if they differ."""
    fields = {result.field for result in results if result.field}
    return "by recording" if len(fields) > 1 else "".join(fields)
