"""``soundcal response filter``: the inverse of a response as filter taps for other programs."""

import argparse
from pathlib import Path
from typing import Any, Final

from soundcal.cli.file_options import Patterns
from soundcal.cli.output import say, show
from soundcal.errors import ParameterError

__all__ = ["add_filter"]

_EPILOG: Final = """\
The filters make the response flat re 1 kHz, where their gain is 0 dB, or give it the target. Beyond
the range the gain is held. They are written as WAV of 32-bit float, a channel each, sample 1 first;
a program that convolves with them needs the headroom that is printed. soundcal itself needs no such
file: it designs the filters from the response at the rate of each signal.

Rules: "mean" for measuring; "mean+2s" for listening, leaves notches that move from seating to
seating; "kirkeby" regularises over the whole range instead of limiting the boost."""


def add_filter(actions: Any, named: str) -> None:
    """Add the action to the parser; ``named`` is the help on the file of a response."""
    parser: argparse.ArgumentParser = actions.add_parser(
        "filter",
        help="write the inverse of a response as filter taps for other programs",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", action=Patterns, metavar="FILE", help=named)
    parser.add_argument("--fs", type=int, default=48000, metavar="HZ", help="(default 48000)")
    parser.add_argument(
        "--out", "-o", type=Path, required=True, metavar="FILE.wav", help="file of the taps"
    )
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    inversion = parser.add_argument_group("inversion")
    inversion.add_argument(
        "--robust",
        default="mean",
        choices=("mean", "mean+2s", "kirkeby"),
        help="rule for notches, see below (default mean)",
    )
    inversion.add_argument(
        "--low", type=float, metavar="HZ", help="(default 40 Hz, of microphones 20 Hz)"
    )
    inversion.add_argument(
        "--high", type=float, metavar="HZ", help="(default 16 kHz, of microphones 20 kHz)"
    )
    inversion.add_argument(
        "--boost", type=float, default=12.0, metavar="DB", help="largest gain (default 12 dB)"
    )
    inversion.add_argument(
        "--smoothing", type=int, default=24, metavar="N", help="1/N octave (default 24)"
    )
    inversion.add_argument(
        "--target", metavar="FILE", help="response to reach, such as generic-df (default: flat)"
    )
    taps = parser.add_argument_group("filters")
    taps.add_argument("--phase", default="minimum", choices=("minimum", "linear"))
    taps.add_argument(
        "--taps", type=int, metavar="N", help="(default: the power of two from 0.17 s on)"
    )
    parser.set_defaults(run=run_filter)


def run_filter(options: argparse.Namespace) -> int:
    """Write the taps, and print what they do."""
    import numpy as np

    from soundcal.files import audio
    from soundcal.files.atomic import check_output
    from soundcal.response.equaliser import Equaliser
    from soundcal.response.inversion import inverse
    from soundcal.response.opening import open_response

    if options.out.suffix.lower() != ".wav":
        raise ParameterError(f"{options.out}: the taps are written as .wav")
    if not 8000 <= options.fs <= 768000:
        raise ParameterError(f"--fs {options.fs}: a rate of 8000 to 768000 Hz is expected")
    check_output(options.out, force=options.force)
    response = open_response(options.file)
    filter_ = inverse(
        response,
        low=options.low,
        high=options.high,
        boost=options.boost,
        smoothing=options.smoothing,
        rule=options.robust,
        target="flat" if options.target in (None, "flat") else open_response(options.target),
    )
    equaliser = Equaliser(
        filter_,
        direction="embed",
        fs=options.fs,
        channels=tuple(filter_.channels),
        phase=options.phase,
        taps=options.taps,
    )
    comment = f"inverse of response {response.id}; filter {filter_.id}"
    audio.write(
        options.out,
        equaliser.taps,
        options.fs,
        subtype="FLOAT",
        comment=comment,
        force=options.force,
    )
    say(f"written: {options.out}")
    low, high = filter_.valid
    show(f"{filter_.name}: {options.robust}, {low:g} to {high:g} Hz, {filter_.smoothing}")
    delay = f", delay {equaliser.delay} samples" if equaliser.delay else ", no delay"
    show(f"{equaliser.taps.shape[1]} taps at {options.fs} Hz, {options.phase} phase{delay}")
    frequency = np.geomspace(low, min(high, options.fs / 2), 1000)
    for name, gain in zip(equaliser.channels, equaliser.gain_db(frequency), strict=True):
        away = np.abs(gain - equaliser.wanted_db(name, frequency)).max()
        at = frequency[gain.argmax()]
        show(f"{name}: largest gain {gain.max():.1f} dB at {at:.0f} Hz, error up to {away:.2f} dB")
    return 0
