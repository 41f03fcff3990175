"""``soundcal response``: level over frequency between two reference points, as files."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.file_options import Patterns, channel_names_of
from soundcal.cli.options import numbers
from soundcal.cli.output import aligned, print_json, say, show
from soundcal.cli.response_filter import add_filter
from soundcal.errors import ParameterError
from soundcal.response.points import INCIDENCES, POINT_NAMES, POINTS

if TYPE_CHECKING:
    from soundcal.response.model import Response

__all__ = ["add"]

_PICTURES: Final = (".png", ".svg", ".pdf")

_OCTAVES: Final = (31.5, 63.0, 125.0, 250.0, 500.0, 1e3, 2e3, 4e3, 8e3, 16e3)
"""Frequencies in Hz that are shown if none are asked for."""

_NAMED: Final = "record (JSON), own CSV, or a table: generic-ff, generic-df, p58-erp-drp"

_POINTS_TEXT: Final = "reference points:\n" + "\n".join(
    f"  {symbol:4} {name}" for symbol, name in POINT_NAMES.items()
)

_IMPORT_EPILOG: Final = f"""\
Read are the text files of miniDSP (UMIK-1, UMIK-2, EARS RAW), Dayton, REW (.cal, .txt, .frd),
AutoEq, JustOct, SpectraPLUS, WinMLS and others, SOFA files (extra sofa), and charts that are typed
as CSV below "# soundcal-response 1". They state the response: +3 dB at 10 kHz means that the device
is 3 dB too loud there. A sensitivity in a header is kept and never used as a level; levels come
from a sound calibrator. Exit codes: 2 the sign has to be stated, 5 the file cannot be read or does
not look like a response; the line is named.

{_POINTS_TEXT}"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "response",
        help="calibration over frequency: import, show, combine and invert responses",
        description="A response is the level over frequency at one reference point re another, "
        "with its uncertainty. What has to be undone follows from its two ends.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for add_action in (_add_import, _add_show, _add_combine):
        add_action(actions)
    add_filter(actions, _NAMED)


def _add_import(actions: Any) -> None:
    parser = actions.add_parser(
        "import",
        help="read a calibration file of a microphone, headphones or soundcard",
        epilog=_IMPORT_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "files",
        nargs="+",
        action=Patterns,
        metavar="FILE",
        help="text, CSV or SOFA file; of several, each is a channel of the response",
    )
    ends = parser.add_argument_group("ends (by default P to FS, of AutoEq FS to DRP)")
    ends.add_argument("--from", dest="source", choices=POINTS, default="", metavar="POINT")
    ends.add_argument("--to", dest="target", choices=POINTS, default="", metavar="POINT")
    parser.add_argument(
        "--as",
        dest="sign",
        choices=("response", "correction"),
        help="sign of the file; a correction is negated (default: response, unless doubtful)",
    )
    parser.add_argument(
        "--kind",
        choices=("relative", "absolute"),
        default="relative",
        help="relative: 0 dB at the sound calibrator's frequency (default); absolute: as it is",
    )
    parser.add_argument(
        "--normalise-at",
        type=float,
        default=1000.0,
        metavar="HZ",
        help="frequency of the sound calibrator (default 1000 Hz)",
    )
    parser.add_argument(
        "--shift", type=float, default=0.0, metavar="DB", help="add this to an absolute response"
    )
    parser.add_argument(
        "--channel",
        type=channel_names_of,
        default=(),
        metavar="NAMES",
        help="name of each file's channel, e.g. left,right (default: the file's, else all)",
    )
    parser.add_argument(
        "--incidence", choices=INCIDENCES, default="", help="sound incidence at a microphone"
    )
    parser.add_argument(
        "--columns",
        type=_words,
        default=(),
        metavar="NAMES",
        help="columns of frequency, level and perhaps phase, by name or number, e.g. 1,3",
    )
    parser.add_argument(
        "--add",
        action=Patterns,
        metavar="FILE",
        help="add the type's correction from P to P (own CSV): field response from an actuator's",
    )
    _add_output(parser, required=True)
    parser.set_defaults(run=run_import)


def _add_show(actions: Any) -> None:
    parser = actions.add_parser(
        "show", help="print a response, or draw it with its band of uncertainty"
    )
    parser.add_argument("file", action=Patterns, metavar="FILE", help=_NAMED)
    parser.add_argument(
        "--at", type=numbers, metavar="HZ,…", help="frequencies of the table (default: octaves)"
    )
    _add_output(parser, required=False)
    parser.set_defaults(run=run_show)


def _add_combine(actions: Any) -> None:
    parser = actions.add_parser(
        "combine",
        help="chain responses: the target of one is the source of the next",
        description="Add the levels of a chain, and its uncertainties in squares. A response that\n"
        "fits only in the other direction is reversed; that is told.",
        epilog=_POINTS_TEXT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="+", action=Patterns, metavar="FILE", help=_NAMED)
    parser.add_argument("--name", default="", help="name of the result")
    _add_output(parser, required=True)
    parser.set_defaults(run=run_combine)


def _add_output(parser: argparse.ArgumentParser, *, required: bool) -> None:
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


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


def run_import(options: argparse.Namespace) -> int:
    """Read files of other programs, and write the response."""
    from soundcal.response.combining import join_channels, with_type_correction
    from soundcal.response.opening import open_response

    _check(options)
    channels = options.channel or ("",) * len(options.files)
    if len(channels) != len(options.files):
        raise ParameterError(f"--channel: {len(options.files)} names are expected, one per file")
    response = join_channels(
        *(
            _read_sofa(options, file) if _is_sofa(file) else _read_text(options, file, channel)
            for file, channel in zip(options.files, channels, strict=True)
        )
    )
    _say_notes(response.provenance)
    if options.add is not None:
        response = with_type_correction(response, open_response(options.add))
    return _finish(options, response)


def _say_notes(provenance: Mapping[str, Any]) -> None:
    """Repeat the remarks of the import, of several channels with their names."""
    for note in provenance.get("notes", ()):
        say(note)
    for name, part in provenance.get("parts", {}).items():
        for note in part.get("notes", ()):
            say(f"{name}: {note}")


def _is_sofa(file: str) -> bool:
    return Path(file).suffix.lower() == ".sofa"


def _read_text(options: argparse.Namespace, file: str, channel: str) -> "Response":
    from soundcal.response.textfile import read_response

    return read_response(
        file,
        channel=channel,
        incidence=options.incidence,
        as_=options.sign,
        columns=options.columns,
        **_ends_and_kind(options),
    )


def _read_sofa(options: argparse.Namespace, file: str) -> "Response":
    from soundcal.response.sofafile import read_sofa_response

    if options.sign == "correction" or options.columns or options.channel or options.incidence:
        raise ParameterError(
            "--as correction, --columns, --channel and --incidence are for text files"
        )
    return read_sofa_response(file, **_ends_and_kind(options))


def _ends_and_kind(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "source_point": options.source,
        "target_point": options.target,
        "kind": options.kind,
        "normalise_at": options.normalise_at,
        "shift": options.shift,
    }


def run_show(options: argparse.Namespace) -> int:
    """Print or draw a response."""
    from soundcal.response.opening import open_response

    _check(options)
    response = open_response(options.file)
    if response.provenance.get("changed"):
        say(f"{options.file}: changed after it was made")
    return _finish(options, response, options.at or ())


def run_combine(options: argparse.Namespace) -> int:
    """Write the response of a chain."""
    from soundcal.response.combining import combine_responses
    from soundcal.response.opening import open_response

    _check(options)
    chain: list[Response] = []
    for file in options.files:
        response = open_response(file)
        if chain and response.source_point != chain[-1].target_point == response.target_point:
            say(f"{file}: reversed, {response.target_point} to {response.source_point}")
            response = response.reversed()
        chain.append(response)
    return _finish(options, combine_responses(*chain, name=options.name))


def _check(options: argparse.Namespace) -> None:
    """Refuse files that cannot be written, before anything is read."""
    from soundcal.files.atomic import check_output

    for path, endings in ((options.out, (".json", ".csv")), (options.plot, _PICTURES)):
        if path is None:
            continue
        if path.suffix.lower() not in endings:
            raise ParameterError(f"{path}: written are {', '.join(endings)}; the ending decides")
        check_output(path, force=options.force)


def _finish(options: argparse.Namespace, response: "Response", at: Sequence[float] = ()) -> int:
    """Write what was asked for, and print the response."""
    from soundcal.files.atomic import partial_file
    from soundcal.files.records import provenance
    from soundcal.response.own_csv import write_own_csv
    from soundcal.response.records import save_response

    if options.out is not None:
        write = write_own_csv if options.out.suffix.lower() == ".csv" else save_response
        write(options.out, response, force=options.force)
        say(f"written: {options.out}")
    if options.plot is not None:
        from soundcal.report.figures import curves_figure, save

        with partial_file(options.plot, force=options.force) as temporary:
            form = options.plot.suffix.lower()[1:]
            save(curves_figure(response), temporary, form=form, dpi=150)
        say(f"written: {options.plot}")
    if options.json:
        record = {"software": provenance(), **response.to_dict()}
        print_json(record.pop("schema"), record)
        return 0
    for line in _lines(response, at):
        show(line)
    return 0


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
    facts += [
        f"{key}: {response.provenance[key]}"
        for key in ("file", "sign", "standard", "read", "text", "operation", "uncertainty", "flag")
        if response.provenance.get(key)
    ]
    if any(frequency <= 0 for frequency in at):
        raise ParameterError("--at: frequencies above 0 Hz are expected")
    shown = at or [f for f in _OCTAVES if low <= f <= high]
    head = ["Hz"]
    for name in response.channels:
        head += [f"{name} dB", "u dB"]
    table = [head]
    for frequency in shown:
        row = [f"{frequency:g}" + ("" if low <= frequency <= high else " (held)")]
        for name in response.channels:
            curve = response.channel(name)
            row += [f"{curve.level(frequency):.2f}", f"{curve.uncertainty(frequency):.2f}"]
        table.append(row)
    return [*facts, *aligned(table)]
