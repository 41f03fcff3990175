"""``soundcal response measure``: headphones on ears, a microphone, a soundcard's loop."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.device_options import add_device_options, channel_list, open_from
from soundcal.cli.file_options import Patterns
from soundcal.cli.output import say
from soundcal.cli.response_output import add_output, check_output_files, finish
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    from soundcal.response.model import Response

__all__ = ["add_measure"]

_PROTOCOL: Final = "headphone_response"
_CHANNELS: Final = (1, 2)

_EPILOG: Final = """\
Headphones (--ears): the headphones are put on several times. Each seating is kept in the folder
OUT-seatings as soon as it is measured, with its impulse responses as WAV of 64-bit float; after an
interruption --resume goes on. The protocol headphone_response calibrates the ears as well.

A soundcard: without --ears the response leads from samples to samples, e.g. through a cable from an
output to an input (--outputs 1 --inputs 1). The impulse response is written beside it as WAV.

A microphone: measure a reference microphone before a loudspeaker, then the other one at exactly the
same place, and name both files:
  soundcal response measure … --outputs 1 --inputs 1 --out before.json
  soundcal response measure … --outputs 1 --inputs 1 --out mic.json \\
      --reference before.json --reference-response reference.json

Exit code 4: measured, but in a third octave the SNR is below 20 dB or the harmonic distortion above
1 %, or the seatings differ by a standard deviation above 3 dB from 100 Hz to 1 kHz."""


def add_measure(actions: Any) -> None:
    """Add the action to the parser."""
    parser: argparse.ArgumentParser = actions.add_parser(
        "measure",
        help="measure a response with sweeps: headphones, a microphone, a soundcard",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_output(parser, required=True)
    parser.add_argument("--name", default="", help="name, such as model and serial number")
    add_device_options(parser)
    for name in ("--outputs", "--inputs"):
        parser.add_argument(name, type=channel_list, metavar="N,N", help="channels (default 1,2)")
    sweep = parser.add_argument_group("sweep")
    sweep.add_argument("--averages", type=int, metavar="N", help="takes averaged (default 2)")
    sweep.add_argument("--sweep", metavar="S", help="length (default 6 s)")
    sweep.add_argument("--level", metavar="DBFS", help="full-scale sine: 0 (default -20)")
    sweep.add_argument("--low", metavar="HZ", help="lower end (default 20 Hz)")
    sweep.add_argument("--high", metavar="HZ", help="upper end (default 20 kHz)")
    sweep.add_argument(
        "--window",
        metavar="S",
        help="length of the impulse response (default 0.1 s), which holds two periods of the "
        "lowest frequency of the response",
    )
    _add_headphones(parser.add_argument_group("headphones on ears"))
    microphone = parser.add_argument_group("microphone")
    microphone.add_argument(
        "--reference",
        action=Patterns,
        metavar="JSON",
        help="measured with the reference microphone at the same place",
    )
    microphone.add_argument(
        "--reference-response", action=Patterns, metavar="FILE", help="its response, P to FS"
    )
    parser.set_defaults(run=run_measure)


def _add_headphones(group: Any) -> None:
    group.add_argument(
        "--ears",
        "--calibration",
        type=Path,
        action=Patterns,
        metavar="JSON",
        help="calibration of the ears",
    )
    group.add_argument(
        "--ears-response",
        action=Patterns,
        metavar="FILE",
        help="response of the ears, DRP to FS (default: flat)",
    )
    group.add_argument("--seatings", metavar="N", help="(default 5)")
    group.add_argument(
        "--output-calibration",
        type=Path,
        action=Patterns,
        metavar="JSON",
        help="calibration of the outputs; lowers the sweep to --max-level",
    )
    group.add_argument(
        "--max-level", metavar="DB", help="highest level at the ears (default 85 dB re 20 µPa)"
    )
    group.add_argument(
        "--resume", action="store_true", help="go on with the series in OUT-seatings"
    )


def run_measure(options: argparse.Namespace) -> int:
    """Measure, write the response and print it."""
    check_output_files(options)
    if options.out.suffix.lower() != ".json":
        raise ParameterError(f"{options.out}: a measured response is written as .json")
    series = ("ears_response", "seatings", "output_calibration", "max_level")
    if options.ears is None and not options.resume:
        useless = [name for name in series if getattr(options, name) is not None]
        if useless:
            word = useless[0].replace("_", "-")
            raise ParameterError(f"--{word} needs --ears, the calibration of the ears")
        response = _measured_once(options)
    elif options.max_level is not None and options.output_calibration is None:
        raise ParameterError(
            "--max-level needs --output-calibration, by which the level at the ears is predicted"
        )
    elif options.reference or options.reference_response:
        raise ParameterError("--reference is for a microphone, --ears for headphones: give one")
    else:
        response = _measured_on_ears(options)
    finish(options, response)
    return 4 if response.conditions["unmet_limits"] else 0


def _measured_on_ears(options: argparse.Namespace) -> "Response":
    """Run the series of seatings in its folder, and return the response."""
    from soundcal.cli.operators import operator_for
    from soundcal.lab import protocol
    from soundcal.response.model import renamed_response
    from soundcal.response.records import load_response

    folder = options.out.with_name(f"{options.out.stem}-seatings")
    with open_from(options, calibrating=True) as device:
        operator = operator_for(
            device,
            inputs=options.inputs or _CHANNELS,
            hint=f"run it at a terminal: the series in {folder} can be continued with --resume",
        )
        protocol.run(
            protocol.load(_PROTOCOL),
            device,
            operator,
            folder,
            changes=_changes(options),
            resume=options.resume,
        )
    say(f"seatings: {folder}")
    response = load_response(folder / "headphones.json")
    return renamed_response(response, options.name or options.out.stem, series=folder.name)


def _changes(options: argparse.Namespace) -> dict[str, str]:
    """Return the settings of the protocol that the options give."""
    given = {
        "ears": options.ears,
        "ears_response": options.ears_response,
        "seatings": options.seatings,
        "output": options.output_calibration,
        "max_level": options.max_level,
        **_sweep_settings(options),
    }
    changes = {name: str(value) for name, value in given.items() if value is not None}
    for name in ("outputs", "inputs"):
        if channels := getattr(options, name):
            changes[name] = ",".join(map(str, channels))
    return changes


def _sweep_settings(options: argparse.Namespace) -> dict[str, Any]:
    return {
        "averages": options.averages,
        "sweep": options.sweep,
        "sweep_level": options.level,
        "low": options.low,
        "high": options.high,
        "window": options.window,
    }


def _measured_once(options: argparse.Namespace) -> "Response":
    """Measure from outputs to inputs, and write the impulse responses beside the record."""
    from soundcal.cli.operators import operator_for
    from soundcal.files import audio
    from soundcal.files.atomic import check_output
    from soundcal.lab.response_steps import SEATINGS, sweep_test
    from soundcal.lab.responses import SweepPath, measure_response
    from soundcal.recording import channel_names
    from soundcal.response.calibrated_inputs import by_substitution, check_inputs
    from soundcal.response.opening import open_response

    wav = options.out.with_suffix(".wav")
    check_output(wav, force=options.force)
    if bool(options.reference) != bool(options.reference_response):
        raise ParameterError("--reference and --reference-response belong together")
    references = None
    if options.reference:
        references = open_response(options.reference), open_response(options.reference_response)
        check_inputs(references[1], "P")
    given = {name: text for name, text in _sweep_settings(options).items() if text is not None}
    settings = {name: setting.default for name, setting in SEATINGS.items()}
    settings |= {name: SEATINGS[name].parse(name, str(text)) for name, text in given.items()}
    inputs = options.inputs or _CHANNELS
    with open_from(options, calibrating=True) as device:
        path = SweepPath(
            device,
            sweep_test(settings, device.fs),
            options.outputs or _CHANNELS,
            inputs,
            channel_names(len(inputs)),
            int(settings["averages"]),
        )
        operator = operator_for(device, inputs=inputs, ready=True)
        name = options.name or options.out.stem
        measured = measure_response(operator, path, name=name)
    digest = audio.write(wav, measured.impulse, device.fs, subtype="DOUBLE", force=options.force)
    say(f"written: {wav}")
    response = measured.stored(wav.name, digest, device.fs)
    for text in (*response.conditions["flags"], *response.conditions["unmet_limits"]):
        say(f"flag: {text}")
    return response if references is None else by_substitution(response, *references)
