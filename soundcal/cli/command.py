"""The command ``soundcal``: parser, dispatch, exit codes."""

import argparse
import os
import re
import sys
from collections import Counter
from collections.abc import Collection, Sequence
from functools import partial
from importlib import import_module
from typing import Final, NoReturn

from soundcal.cli.output import end_streams, prepare_streams, say, show, visible
from soundcal.cli.settings import SETTINGS_FILE
from soundcal.errors import RecordError, SoundcalError
from soundcal.version import __version__

__all__ = ["main"]

_MODULES: Final = (
    "demo",
    "devices",
    "stimuli",
    "calibrate",
    "response",
    "check",
    "record",
    "play",
    "monitor",
    "measure",
    "summarise",
    "spectrum",
    "compare",
    "listen",
    "ratings",
    "relate",
    "report",
    "protocol",
    "verify",
    "guide",
    "warm_up",
    "completion",
)
"""Modules of this package that add commands, in the order in which ``--help`` lists them."""


class _Parser(argparse.ArgumentParser):
    """Names in its errors may come from a folder's files; options may come from settings."""

    settings: Collection[str] = ()

    def error(self, message: str) -> NoReturn:
        named = re.match(r"argument (--[\w-]+)", message)
        if named and named[1] in self.settings:
            message += f" ({named[1]} is set in {SETTINGS_FILE})"
        super().error(visible(message))


def _parser(words: Sequence[str] = (), settings: Collection[str] = ()) -> argparse.ArgumentParser:
    """Return the parser for a command line.

    If its first word is a command, that is the only one which the parser knows: to import and
    build all takes longer than many a command. ``settings`` are the options that come from the
    settings file.
    """
    made = type("_Parser", (_Parser,), {"settings": settings})
    parser: argparse.ArgumentParser = made(
        prog="soundcal",
        description="Audio calibration and psychoacoustic measurement, from the device to the "
        "report, in pascal.",
        epilog="Exit codes: 0 done and within tolerance, 1 bug, 2 usage error, 3 device error, "
        "4 measured but out of tolerance, 5 bad input file or record, 130 stopped by the operator.",
    )
    parser.add_argument("--version", action="version", version=f"soundcal {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    parser.set_defaults(run=partial(_help, parser))
    named = [name for name in _MODULES if words and words[0] == name.replace("_", "-")]
    for name in named or _MODULES:
        import_module(f"soundcal.cli.{name}").add(commands)
    return parser


def _help(parser: argparse.ArgumentParser, _options: argparse.Namespace) -> int:
    """Show the help of the program, for a command line without a command."""
    for line in parser.format_help().splitlines():
        show(line)
    return 0


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    # before numpy is imported: threads of linear algebra spin while they wait for small matrices,
    # which takes a quarter of the demo's processor time, and longer than the work on a busy machine
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    prepare_streams()
    code = 0
    lost = ""
    try:
        code = _run(sys.argv[1:] if arguments is None else list(arguments))
    finally:  # also after SystemExit of --help
        lost = end_streams()
    if lost and not code:
        say(f"soundcal: {lost}")
        return RecordError.exit_code
    return code


def _say_compiling() -> None:
    say(
        "compiling loops for this processor, each when it is first used; that takes up to a minute "
        "(soundcal warm-up compiles all beforehand)"
    )


def _run(given: list[str]) -> int:
    from soundcal.cli.file_options import refuse_own_inputs
    from soundcal.cli.settings import WRITING, with_settings
    from soundcal.compiling import when_compiling
    from soundcal.isolation import refuse_settings_of_numba, working_folder_left_out
    from soundcal.stopping import stoppable

    try:
        with stoppable(), working_folder_left_out():
            if "_ARGCOMPLETE" in os.environ:  # a shell asks for what can follow
                from argcomplete import autocomplete

                autocomplete(_parser())  # ends the process
            refuse_settings_of_numba()
            when_compiling(_say_compiling)
            words = with_settings(given, commands=_MODULES)
            added = Counter(words) - Counter(given)
            own = {word.partition("=")[0] for word in given}
            set_there = {word.partition("=")[0] for word in added} - own
            options = _parser(words, set_there).parse_args(words)
            refuse_own_inputs(options, WRITING)
            return int(options.run(options))
    except SoundcalError as error:
        say(f"soundcal: {error}")
        return error.exit_code
    except KeyboardInterrupt:
        say("soundcal: stopped by the operator")
        return 130
    except BrokenPipeError:
        return 0  # the reader of our output has gone
    except OSError as error:
        where = f"{error.filename!s:.200}: " if error.filename is not None else ""
        say(f"soundcal: {where}{error.strerror or error}")
        return RecordError.exit_code
    except MemoryError:
        say("soundcal: not enough memory")
        return RecordError.exit_code
