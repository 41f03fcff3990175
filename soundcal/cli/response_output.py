"""Output that the actions of ``soundcal response`` share: files, and a response as a table."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.output import aligned, print_json, say, show
from soundcal.cli.pictures import PICTURES, write_picture
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    from soundcal.response.model import Response

__all__ = ["add_output", "check_output_files", "finish"]

_OCTAVES: Final = (31.5, 63.0, 125.0, 250.0, 500.0, 1e3, 2e3, 4e3, 8e3, 16e3)
"""Frequencies in Hz that are shown if none are asked for."""


_FACTS: Final = ["file", "sign", "standard", "read", "text", "operation", "uncertainty", "flag"]
"""Entries of the provenance that are shown, also those of the parts of joined channels."""


def add_output(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Add the options that name the files to be written."""
    parser.add_argument(
        "--out",
        "-o",
        type=Path,
        required=required,
        metavar="FILE",
        help="record (.json), or one channel as CSV (.csv)",
    )
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="picture of the levels (.png, .svg, .pdf)"
    )
    parser.add_argument("--force", action="store_true", help="replace existing files")
    parser.add_argument("--json", action="store_true", help="the record on stdout")


def check_output_files(options: argparse.Namespace) -> None:
    """Refuse files that cannot be written, before anything is read."""
    from soundcal.files.atomic import check_output

    for path, endings in ((options.out, (".json", ".csv")), (options.plot, PICTURES)):
        if path is None:
            continue
        if path.suffix.lower() not in endings:
            raise ParameterError(f"{path}: written are {', '.join(endings)}; the ending decides")
        check_output(path, force=options.force)


def finish(options: argparse.Namespace, response: "Response", at: Sequence[float] = ()) -> int:
    """Write what was asked for, and print the response."""
    from soundcal.files.records import provenance
    from soundcal.response.own_csv import write_own_csv
    from soundcal.response.records import save_response

    if options.out is not None:
        write = write_own_csv if options.out.suffix.lower() == ".csv" else save_response
        write(options.out, response, force=options.force)
        say(f"written: {options.out}")
    if options.plot is not None:
        from soundcal.report.figures import curves_figure

        write_picture(curves_figure(response), options.plot, force=options.force)
        say(f"written: {options.plot}")
    if options.json:
        record = {"software": provenance(), **response.to_dict()}
        print_json(record.pop("schema"), record)
        return 0
    for line in _lines(response, at):
        show(line)
    return 0


def _fact(provenance: Mapping[str, Any], key: str) -> str:
    """Return an entry of the provenance; that of its parts, with their channels if they differ."""
    if provenance.get(key):
        return str(provenance[key])
    parts = provenance.get("parts")
    if not isinstance(parts, Mapping):
        return ""
    channels: dict[str, list[str]] = {}
    for name, part in parts.items():
        if isinstance(part, Mapping) and (text := _fact(part, key)):
            channels.setdefault(text, []).append(name)
    if len(channels) == 1 and sum(map(len, channels.values())) == len(parts):
        return next(iter(channels))
    return "; ".join(f"{', '.join(names)}: {text}" for text, names in channels.items())


def _lines(response: "Response", at: Sequence[float]) -> list[str]:
    """Return the ends, the range, the source, and a table of levels."""
    low, high = response.valid
    ends = f"{response.source_point} to {response.target_point}"
    facts = [
        f"{response.name}: {ends}, {response.kind}, {response.unit}",
        f"id {response.id}, made {response.made}",
        f"known from {low:g} to {high:g} Hz, smoothing {response.smoothing}"
        + (f", incidence {response.incidence}" if response.incidence else ""),
    ]
    facts += [f"{key}: {text}" for key in _FACTS if (text := _fact(response.provenance, key))]
    facts += [
        f"flag: {text}"
        for key in ("flags", "unmet_limits")
        for text in response.conditions.get(key, ())
    ]
    if any(frequency <= 0 for frequency in at):
        raise ParameterError("--at: frequencies above 0 Hz are expected")
    shown = at or [f for f in _OCTAVES if low <= f <= high]
    spread = any(curve.spread_db is not None for curve in response.channels.values())
    head = ["Hz"]
    for name in response.channels:
        head += [f"{name} dB", "u dB", *["s dB"] * spread]
    table = [head]
    for frequency in shown:
        row = [f"{frequency:g}" + ("" if low <= frequency <= high else " (held)")]
        for name in response.channels:
            curve = response.channel(name)
            row += [f"{curve.level(frequency):.2f}", f"{curve.uncertainty(frequency):.2f}"]
            row += [f"{curve.spread(frequency):.2f}"] * spread
        table.append(row)
    return [*facts, *aligned(table)]
