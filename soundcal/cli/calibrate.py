"""``soundcal calibrate``: the sound pressure at full scale, by one of four methods."""

import argparse
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.device_options import add_device_options, channel_list, open_from
from soundcal.cli.file_options import Patterns, add_point, stated_point
from soundcal.cli.options import add_sensitivity, numbers
from soundcal.cli.output import print_json, say, show
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from soundcal.cli.calibrating import Result
    from soundcal.devices import AudioDevice
    from soundcal.lab.operator import Operator

__all__ = ["add"]

_METHODS: Final = {
    "calibrator": "give recordings with --left FILE… --right FILE…, or --ears left --ready if the "
    "calibrator is in place",
    "ocv": "give --voltage V --voltage-right V, or --line-inputs with --ready",
    "hats": "give --ready if the headphones are on the simulator",
    "stated": "",
}
"""Methods, and the advice for each if nobody can be asked."""

_OPTIONS: Final = {
    "calibrator": ("left", "right", "channel", "expected"),
    "ocv": (
        *("voltage", "voltage_right", "line_inputs", "line_sensitivity", "impedance"),
        *("sensitivity", "per", "output_impedance", "stimulus"),
    ),
    "hats": ("ears_calibration", "stimuli", "tracks", "table"),
    "stated": ("pa_per_fs", "full_scale", "recording", "levels"),
}
"""Options without a default that only one method reads."""

_ABOUT: Final = {
    "calibrator": "a sound calibrator on each ear or microphone (default)",
    "ocv": "open-circuit voltage of the output, and the data sheet of the headphones",
    "hats": "gain search on a head and torso simulator with the headphones on",
    "stated": "a stated sensitivity, or a recording of known level",
}

_DESCRIPTION: Final = """\
Find the sound pressure in pascal that corresponds to digital full scale: with a sound
calibrator on the ears, by open-circuit voltage and data sheet, by gain search on a head
and torso simulator, or as stated. At a terminal, you are asked to do the manual steps.
"""
_EXAMPLES: Final = """
examples:
  soundcal calibrate --device "Fireface, ASIO" --level 94 --certificate-u 0.15
  soundcal calibrate --left l1.wav l2.wav --right r1.wav r2.wav
  soundcal calibrate --channel ch1 mic1.wav --channel ch2 mic2.wav --from 8 --to 25
  soundcal calibrate --method ocv --device sim:lab
  soundcal calibrate --method ocv --voltage 0.1234 --voltage-right 0.1229 \\
      --impedance 300 --sensitivity 103 --per V --target 65 --stimulus traffic.wav
  soundcal calibrate --method hats --device sim:lab --ears-calibration ears.json \\
      --stimuli traffic.wav birds.wav --target 65
  soundcal calibrate --method stated --recording traffic.wav --levels 68.2,67.9
"""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "calibrate",
        help="calibrate ears or an output; writes a calibration (JSON) with its budget",
        add_help=False,
    )
    _add_options(parser)
    for add_method in _OPTIONS_OF.values():
        add_method(parser)
    add_device_options(parser, required=False)
    parser.set_defaults(run=run)


class _Method(argparse.Action):
    """Store the method, and that it was given."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        namespace.method, namespace.help_on = values, values


class _Help(argparse.Action):
    """Show the options that all methods have, or also those of the method given before."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        method = getattr(namespace, "help_on", "")
        shown = argparse.ArgumentParser(
            prog=parser.prog,
            description=_DESCRIPTION,
            epilog=_parts(parser.prog) + _EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            add_help=False,
        )
        _add_options(shown)
        if method:
            _OPTIONS_OF[method](shown)
        add_device_options(shown, required=False)
        for line in shown.format_help().splitlines():
            show(line)
        parser.exit()


def _parts(prog: str) -> str:
    """Return the methods and the way to see the options of each."""
    lines = [f"  {name:<11} {about}" for name, about in _ABOUT.items()]
    return "\n".join(["methods, with options of their own:", *lines]) + (
        f"\n\n  {prog} --method METHOD --help  shows the options of one\n"
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that all methods have."""
    parser.add_argument(
        "-h",
        "--help",
        action=_Help,
        nargs=0,
        default=argparse.SUPPRESS,
        help="show this help; after --method METHOD, also the options of the method",
    )
    parser.add_argument(
        "--method",
        action=_Method,
        choices=_METHODS,
        default="calibrator",
        help="method of calibration (calibrator)",
    )
    parser.add_argument(
        "--verbose",
        "-v",
        action="store_true",
        help="also print the uncertainty budget and the measured tones",
    )
    parser.add_argument(
        "--out", "-o", type=Path, metavar="JSON", help="file to write (calibration_METHOD.json)"
    )
    parser.add_argument("--force", action="store_true", help="replace existing files")
    parser.add_argument("--json", action="store_true", help="the result as JSON on stdout")
    parser.add_argument("--simulate", action="store_true", help="the same as --device sim:lab")
    parser.add_argument(
        "--ready",
        action="store_true",
        help="do not prompt: everything is in place (one ear or method at a time)",
    )
    parser.add_argument(
        "--weighting",
        choices=("A", "C", "Z"),
        default="A",
        help="frequency weighting of targets and stated levels (A)",
    )
    parser.add_argument(
        "--inputs",
        type=channel_list,
        default=(1, 2),
        metavar="N,N",
        help="input channels of the ears (1,2)",
    )
    parser.add_argument(
        "--outputs",
        type=channel_list,
        default=(1, 2),
        metavar="N,N",
        help="output channels of the headphones (1,2)",
    )
    parser.add_argument(
        "--target", type=float, metavar="DB", help="target level at the ears, dB re 20 µPa"
    )
    add_point(parser)
    parser.add_argument(
        "--response",
        action=Patterns,
        metavar="FILE",
        help="response of the microphone or ear simulator: the calibration keeps its identity, and "
        "measuring without it (measure --response) gives a note",
    )


def _add_calibrator_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of a sound calibrator."""
    group = parser.add_argument_group("sound calibrator")
    add = group.add_argument
    add("--level", type=float, default=94.0, metavar="DB", help="level, dB re 20 µPa (94)")
    add("--frequency", type=float, default=1000.0, metavar="HZ", help="frequency, Hz (1000)")
    add("--pistonphone", action="store_true", help="its level depends on the static pressure")
    add("--static-pressure", type=float, metavar="KPA", help="static pressure, kPa (pistonphone)")
    add("--certificate-u", type=float, metavar="DB", help="expanded uncertainty on its certificate")
    add("--certificate-k", type=float, default=2.0, metavar="K", help="its coverage factor (2)")
    add("--insertions", type=int, default=3, metavar="N", help="recordings per ear (3)")
    add(
        "--duration",
        type=float,
        default=10.0,
        metavar="S",
        help="length of each, s (10, the minimum)",
    )
    add(
        "--ears",
        type=_ear_names,
        default=("left", "right"),
        metavar="NAMES",
        help="ears to calibrate (left,right), or names of microphones, one for each of --inputs",
    )
    add(
        "--expected",
        type=Path,
        action=Patterns,
        metavar="JSON",
        help="earlier calibration; takes that differ from it by more than 6 dB are refused",
    )
    add(
        "--left",
        type=Path,
        action=Patterns,
        nargs="+",
        metavar="FILE",
        help="recordings of the left ear, instead of a device",
    )
    add(
        "--right",
        type=Path,
        action=Patterns,
        nargs="+",
        metavar="FILE",
        help="recordings of the right ear",
    )
    add(
        "--channel",
        nargs="+",
        action="append",
        default=[],
        metavar=("NAME", "FILE"),
        help="recordings of the calibrator on another channel: its name in the takes to be "
        "measured, or its number in the file; once for each channel",
    )
    add(
        "--from",
        dest="start",
        type=float,
        metavar="S",
        help="start of the tone in the files, s; without it, the longest steady part of at least "
        "10 s is used if the whole file is not steady",
    )
    add(
        "--to",
        dest="end",
        type=float,
        metavar="S",
        help="end of the tone in the files, s; a part chosen by hand may be as short as 2 s",
    )


def _add_ocv_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("open-circuit voltage (--method ocv)")
    add = group.add_argument
    add(
        "--voltage",
        type=float,
        metavar="V",
        help="rms voltage of the left output, measured beforehand",
    )
    add("--voltage-right", type=float, metavar="V", help="rms voltage of the right output")
    add(
        "--digital-level",
        type=float,
        default=-20.0,
        metavar="DB",
        help="rms of the test sine, dB re full scale (-20; a full-scale sine has -3.01)",
    )
    add(
        "--line-inputs",
        type=channel_list,
        metavar="N,N",
        help="line inputs that measure the voltages, instead of a voltmeter",
    )
    add(
        "--line-sensitivity",
        type=numbers,
        metavar="V,V",
        help="rms voltage at digital full scale of each line input",
    )
    add("--headphone", default="", metavar="NAME", help="model of the headphones")
    add("--impedance", type=float, metavar="OHM", help="impedance of the headphones (data sheet)")
    add(
        "--sensitivity",
        type=float,
        metavar="DB",
        help="sensitivity of the headphones (data sheet), dB re 20 µPa",
    )
    add(
        "--per",
        choices=("V", "mW"),
        help="the sensitivity is at 1 V or at 1 mW; data sheets state either (simulated lab: V)",
    )
    add(
        "--output-impedance",
        type=float,
        metavar="OHM",
        help="output impedance, if known, to correct for the voltage divider",
    )
    add("--knob", default="", metavar="TEXT", help="position of the volume control")
    add(
        "--stimulus",
        type=Path,
        action=Patterns,
        metavar="FILE",
        help="stimulus whose gain and voltage for --target are computed",
    )


def _add_hats_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("gain search (--method hats)")
    add = group.add_argument
    add(
        "--ears-calibration",
        type=Path,
        action=Patterns,
        metavar="JSON",
        help="calibration of the ears",
    )
    add(
        "--stimuli",
        type=Path,
        action=Patterns,
        nargs="+",
        metavar="FILE",
        help="stimuli to be brought to --target",
    )
    add(
        "--tracks",
        type=Path,
        action=Patterns,
        metavar="CSV",
        help="stimuli and targets in the published layout",
    )
    add("--table", type=Path, metavar="CSV", help="write the gains in the published layout")
    add(
        "--tolerance",
        type=float,
        default=0.1,
        metavar="DB",
        help="accepted deviation from the target, dB (0.1)",
    )
    add("--per-ear", action="store_true", help="find a gain for each ear instead of a common one")


def _add_stated_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("stated values (--method stated)")
    add = group.add_argument
    add_sensitivity(group.add_mutually_exclusive_group(), "--pa-per-fs")
    add(
        "--recording",
        type=Path,
        action=Patterns,
        metavar="FILE",
        help="recording whose level is known",
    )
    add("--levels", type=numbers, metavar="DB,DB", help="its Leq per channel, dB re 20 µPa")
    add("--u", type=float, default=0.0, metavar="DB", help="standard uncertainty, dB (none stated)")


_OPTIONS_OF: Final[dict[str, Callable[[argparse.ArgumentParser], None]]] = {
    "calibrator": _add_calibrator_options,
    "ocv": _add_ocv_options,
    "hats": _add_hats_options,
    "stated": _add_stated_options,
}


def _ear_names(text: str) -> tuple[str, ...]:
    """Return the names of an option such as ``left,right``, for ``type=``."""
    from soundcal.files.names import normal_name

    names = tuple(map(normal_name, text.split(",")))
    if all(names) and len(set(names)) == len(names):
        return names
    raise argparse.ArgumentTypeError(f"{text!r}: left,right or other names are expected, each once")


def run(options: argparse.Namespace) -> int:
    """Calibrate, write the calibration, print the sensitivities and, if asked for, the budget."""
    from dataclasses import replace

    from soundcal.calibration.model import with_details
    from soundcal.files.atomic import check_output
    from soundcal.files.calibrations import save_calibration

    if (options.start, options.end) != (None, None) and not _reads_a_file(options):
        raise ParameterError(
            "--from and --to choose a part of a file: give the recording (--left, --right, "
            "--channel NAME FILE, or --method stated --recording), or leave them out"
        )
    for option in _without_effect(options):
        say(f"warning: {option} has no effect with --method {options.method}")
    path = options.out or Path(f"calibration_{options.method}.json")
    for written in filter(None, (path, options.table)):
        check_output(written, force=options.force)
    if options.simulate and options.device is None:
        options.device = "sim:lab"
    opened: AbstractContextManager[AudioDevice | None] = nullcontext()
    if options.device is not None:
        opened = open_from(options, calibrating=True)
    with opened as device:
        result = _calibrated(options, device)
    if (found := result.calibration) is not None:
        if found.direction == "output":
            outputs = dict(zip(found.channels, options.outputs, strict=False))
            found = with_details(found, outputs=outputs)
            result = replace(result, calibration=found)
        if stated := {**stated_point(options), **_named_response(options)}:
            found = with_details(found, **stated)
            result = replace(result, calibration=found)
        save_calibration(path, found, force=options.force)
    if options.table is not None and result.table:
        _write_table(options.table, result.table, force=options.force)
    _tell(options, result, path)
    return 4 if result.missed else 0


def _named_response(options: argparse.Namespace) -> dict[str, Any]:
    """Return the identity of the microphone's response as a detail of the calibration."""
    if options.response is None:
        return {}
    from soundcal.response.opening import open_response
    from soundcal.response.referring import chosen_responses

    [response] = chosen_responses("", [open_response(options.response)])
    return {"response": {"id": response.id, "name": response.name, "sha256": response.sha256}}


def _without_effect(options: argparse.Namespace) -> list[str]:
    """Return the options that were given and that the method does not read."""
    unread = [
        name for method, names in _OPTIONS.items() if method != options.method for name in names
    ]
    if options.method == "stated":
        unread += [] if options.recording is not None else ["levels"]
        unread += ["recording"] if options.levels is None else []
    given = [name for name in unread if getattr(options, name) not in (None, [])]
    return ["--" + name.replace("_", "-") for name in given]


def _reads_a_file(options: argparse.Namespace) -> bool:
    if options.method == "stated":
        return options.recording is not None
    return options.method == "calibrator" and bool(options.left or options.right or options.channel)


def _calibrated(options: argparse.Namespace, device: "AudioDevice | None") -> "Result":
    from soundcal.cli import calibrating

    operator = None if device is None else _operator(options, device)
    return calibrating.BY_METHOD[options.method](options, device, operator)


def _operator(options: argparse.Namespace, device: "AudioDevice") -> "Operator":
    from soundcal.cli.operators import operator_for

    hint = _METHODS[options.method]
    return operator_for(device, inputs=options.inputs, hint=hint, ready=options.ready)


def _write_table(path: Path, text: str, *, force: bool) -> None:
    from soundcal.files.atomic import partial_file

    with partial_file(path, force=force) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _tell(options: argparse.Namespace, result: "Result", path: Path) -> None:
    from soundcal.cli.budget import budget_text, sensitivities_text, summary

    found = result.calibration
    if found is not None:
        text = budget_text(found) if options.verbose else sensitivities_text(found)
        for line in text.splitlines():
            say(line) if options.json else show(line)
    for note in (*(result.details if options.verbose else ()), *result.notes):
        say(note)
    if found is not None:
        say(f"written: {path}")
    if options.json:
        content = {
            "file": None if found is None else str(path),
            "calibration": None if found is None else found.to_dict(),
            "channels": {} if found is None else summary(found),
            "found": dict(result.found),
            "missed": list(result.missed),
        }
        print_json("soundcal/calibration-result/1", content)
