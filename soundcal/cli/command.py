"""The command ``soundcal``: parser, dispatch, exit codes."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from soundcal.errors import RecordError, SoundcalError
from soundcal.version import __version__

__all__ = ["main"]

_MODULES: Final = (
    "demo",
    "devices",
    "stimuli",
    "calibrate",
    "check",
    "record",
    "play",
    "monitor",
    "measure",
    "compare",
    "ratings",
    "report",
    "protocol",
    "verify",
)
"""Modules of this package that add commands, in the order in which ``--help`` lists them."""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="soundcal",
        description="Audio calibration and psychoacoustic measurement, from the device to the "
        "report, in pascal.",
        epilog="Exit codes: 0 done and within tolerance, 1 bug, 2 usage error, 3 device error, "
        "4 measured but out of tolerance, 5 bad input file or record, 130 stopped by the operator.",
    )
    parser.add_argument("--version", action="version", version=f"soundcal {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name in _MODULES:
        import_module(f"soundcal.cli.{name}").add(commands)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    from soundcal.cli.settings import with_settings
    from soundcal.isolation import refuse_settings_of_numba, working_folder_left_out
    from soundcal.stopping import stoppable

    given = sys.argv[1:] if arguments is None else list(arguments)
    try:
        with stoppable(), working_folder_left_out():
            refuse_settings_of_numba()
            options = _parser().parse_args(with_settings(given))
            return int(options.run(options))
    except SoundcalError as error:
        sys.stderr.write(f"soundcal: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("soundcal: stopped by the operator\n")
        return 130
    except BrokenPipeError:
        # the reader of our output has gone (soundcal … | head): the interpreter would complain
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.filename is None:
            raise
        sys.stderr.write(f"soundcal: {str(error.filename)[:200]}: {error.strerror}\n")
        return RecordError.exit_code
