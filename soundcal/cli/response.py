"""``soundcal response``: level over frequency between two reference points, as files."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.file_options import Patterns, channel_names_of
from soundcal.cli.options import numbers
from soundcal.cli.output import say
from soundcal.cli.response_filter import add_filter
from soundcal.cli.response_measuring import add_measure
from soundcal.cli.response_output import add_output, check_output_files, finish
from soundcal.errors import ParameterError
from soundcal.response.points import INCIDENCES, POINT_NAMES, POINTS

if TYPE_CHECKING:
    from soundcal.response.model import Response

__all__ = ["add"]

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
        help="calibration over frequency: measure, import, show, combine and invert responses",
        description="A response is the level over frequency at one reference point re another, "
        "with its uncertainty. What has to be undone follows from its two ends.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for add_action in (add_measure, _add_import, _add_show, _add_combine):
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
        help="columns of frequency, level in dB and perhaps phase, by name or number, e.g. 1,3",
    )
    parser.add_argument(
        "--add",
        action=Patterns,
        metavar="FILE",
        help="add the type's correction from P to P (own CSV): field response from an actuator's",
    )
    add_output(parser, required=True)
    parser.set_defaults(run=run_import)


def _add_show(actions: Any) -> None:
    parser = actions.add_parser(
        "show", help="print a response, or draw it with its band of uncertainty"
    )
    parser.add_argument("file", action=Patterns, metavar="FILE", help=_NAMED)
    parser.add_argument(
        "--at", type=numbers, metavar="HZ,…", help="frequencies of the table (default: octaves)"
    )
    add_output(parser, required=False)
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
    add_output(parser, required=True)
    parser.set_defaults(run=run_combine)


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(","))


def run_import(options: argparse.Namespace) -> int:
    """Read files of other programs, and write the response."""
    from soundcal.response.combining import join_channels, with_type_correction
    from soundcal.response.opening import open_response

    check_output_files(options)
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
    return finish(options, response)


def _say_notes(provenance: Mapping[str, Any]) -> None:
    """Repeat the remarks of the import, of several channels with their names."""
    for note in provenance.get("notes", ()):
        say(note)
    channels_of: dict[tuple[str, Any], list[str]] = {}
    for name, part in provenance.get("parts", {}).items():
        content = part.get("sha256", name), part.get("column")
        channels_of.setdefault(content, []).append(name)
        for note in part.get("notes", ()):
            say(f"{name}: {note}")
    for names in channels_of.values():
        if len(names) > 1:
            say(f"warning: {' and '.join(names)} come from files of the same content")


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

    check_output_files(options)
    response = open_response(options.file)
    if response.provenance.get("changed"):
        say(f"{options.file}: changed after it was made")
    return finish(options, response, options.at or ())


def run_combine(options: argparse.Namespace) -> int:
    """Write the response of a chain."""
    from soundcal.response.combining import combine_responses
    from soundcal.response.opening import open_response

    check_output_files(options)
    chain: list[Response] = []
    for file in options.files:
        response = open_response(file)
        if chain and response.source_point != chain[-1].target_point == response.target_point:
            say(f"{file}: reversed, {response.target_point} to {response.source_point}")
            response = response.reversed()
        chain.append(response)
    return finish(options, combine_responses(*chain, name=options.name))
