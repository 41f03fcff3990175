"""``soundcal listen``: listening tests on web pages, played by the calibrated soundcard.

The parser. :mod:`soundcal.cli.listening_study` carries out what needs no server,
:mod:`soundcal.cli.listening_room` opens the room, and :mod:`soundcal.cli.listening_rehearsal`
rehearses.
"""

import argparse
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from soundcal.cli.device_options import add_device_options
from soundcal.errors import ParameterError

__all__ = ["add"]

_LIBRARIES: Final = ("starlette", "uvicorn", "segno")
"""Libraries of the extra ``listen``."""

_LEVEL_CHECKS: Final = ("coupler", "voltage", "ears-only")
_PORT: Final = 8000

_REPEATS: Final = ("mean", "first", "separate")


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "listen",
        help="carry out a listening test: pages for participants, sound from the calibrated card",
        description="Listening tests. Participants answer on a web page; the sound is played by "
        "this machine, through its soundcard, at calibrated levels. A study is a folder with the "
        "file study.toml.",
        epilog="In this order: new, check, rehearse, serve, export. A test from template to report "
        "in ten minutes: soundcal guide listening_tests.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for add_action in (
        _add_new,
        _add_check,
        _add_rehearse,
        _add_invite,
        _add_serve,
        _add_status,
        _add_export,
        _add_amend,
        _add_forget,
        _add_backup,
        _add_levels,
    ):
        add_action(actions)


def _action(
    actions: Any, name: str, help_text: str, *, of_study: bool = True, **more: Any
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=help_text, **more)
    if of_study:
        parser.add_argument("folder", type=Path, metavar="DIR", help="folder of the study")
    return parser


def _finish(
    parser: argparse.ArgumentParser, module: str, name: str, *, served: bool = False
) -> None:
    """Add ``--json``, and the function that carries out the action, imported when it is called.

    ``served``: it needs the libraries that serve the pages.
    """
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(run=_later(module, name, served))


def _later(module: str, name: str, served: bool) -> Callable[[argparse.Namespace], int]:
    def run(options: argparse.Namespace) -> int:
        missing = [library for library in _LIBRARIES if served and find_spec(library) is None]
        if missing:
            raise ParameterError(
                f"soundcal listen {name} needs the libraries {', '.join(missing)}; "
                "pip install 'soundcal[listen]'"
            )
        return int(getattr(import_module(f"soundcal.cli.{module}"), f"listen_{name}")(options))

    return run


def _pilot(parser: Any) -> None:
    parser.add_argument(
        "--pilot",
        action="store_true",
        help="a trial run with people: pilot.sqlite instead of answers.sqlite",
    )


def _add_new(actions: Any) -> None:
    parser = _action(actions, "new", "make the folder of a study from a template", of_study=False)
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="DIR", help="new folder of the study"
    )
    parser.add_argument(
        "--template",
        required=True,
        metavar="NAME",
        help="study to begin with; list prints the names",
    )
    _finish(parser, "listening_study", "new")


def _add_check(actions: Any) -> None:
    parser = _action(
        actions,
        "check",
        "check files, gains, levels, exposure, time and orders of a study",
        description="Exit codes: 0 the study can be carried out, 4 a limit of level or exposure "
        "would be exceeded, 5 a file is missing or does not fit.",
    )
    add_device_options(
        parser, required=False, rate=False, purpose="check that the gains fit to it: "
    )
    _finish(parser, "listening_study", "check")


def _add_rehearse(actions: Any) -> None:
    parser = _action(
        actions,
        "rehearse",
        "carry out the study with simulated participants, up to the report",
        description="Simulated participants take part through the real server, played by the "
        "simulated laboratory. Known differences between two conditions are planted in 20 % of "
        "the cells of stimulus and attribute; the report of the ratings should find them. Sounds "
        "are shortened, and gains are found in the simulated laboratory.",
    )
    parser.add_argument(
        "--participants",
        type=int,
        metavar="N",
        help="number of participants (default: as many as are planned)",
    )
    parser.add_argument(
        "--effects",
        type=float,
        default=15.0,
        metavar="PERCENT",
        help="planted differences in percent of the scale (default 15); 0 for none",
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="seed of the participants (default 0)"
    )
    parser.add_argument(
        "--out", type=Path, metavar="OUT", help="new folder (default DIR/rehearsal)"
    )
    parser.add_argument("--force", action="store_true", help="replace an earlier rehearsal")
    _finish(parser, "listening_rehearsal", "rehearse", served=True)


def _add_invite(actions: Any) -> None:
    parser = _action(actions, "invite", "make codes and links for participants, to be printed")
    parser.add_argument(
        "--number",
        type=int,
        metavar="N",
        help="for so many more people (default: new links for all who have not come yet, and for "
        "those still missing of the planned ones)",
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE.html", help="sheets with code, link and QR code"
    )
    _address(parser)
    _pilot(parser)
    parser.add_argument("--force", action="store_true", help="replace an existing file")
    _finish(parser, "listening_room", "invite", served=True)


def _address(parser: Any) -> None:
    parser.add_argument(
        "--lan",
        metavar="ADDRESS",
        help="address of this machine in the local network, for tablets; without it, only this "
        "machine reaches the pages",
    )
    parser.add_argument(
        "--port", type=int, default=_PORT, metavar="N", help=f"port (default {_PORT})"
    )


def _add_serve(actions: Any) -> None:
    parser = _action(
        actions,
        "serve",
        "open the room: pages for participants, a dashboard for you",
        description="The room opens after a level check. Ctrl-C closes it when the sound that is "
        "playing has ended; every answer is stored by then.",
    )
    _room_options(parser)
    _address(parser)
    parser.add_argument(
        "--dashboard-lan",
        action="store_true",
        help="show the dashboard in the local network too, not only on this machine",
    )
    _pilot(parser)
    _finish(parser, "listening_room", "serve", served=True)


def _add_levels(actions: Any) -> None:
    parser = _action(actions, "levels", "carry out a level check without opening the room")
    _room_options(parser)
    _pilot(parser)
    _finish(parser, "listening_room", "levels", served=True)


def _room_options(parser: argparse.ArgumentParser) -> None:
    add_device_options(parser, rate=False)
    parser.add_argument(
        "--level-check",
        choices=_LEVEL_CHECKS,
        help="kind of level check: coupler or HATS at the headphones, voltage of the outputs, or "
        "by ear only, which every session is flagged with (default: an earlier check, as long as "
        "it is valid)",
    )
    parser.add_argument(
        "--accept-device",
        metavar="REASON",
        help="use another device than that of the gains; the reason is kept",
    )
    parser.add_argument(
        "--operator", default="", metavar="NAME", help="name kept with the level check"
    )


def _add_amend(actions: Any) -> None:
    parser = _action(actions, "amend", "accept a change of a study that has begun, as a version")
    parser.add_argument(
        "--reason", required=True, metavar="TEXT", help="reason, kept with the version"
    )
    _finish(parser, "listening_room", "amend")


def _add_status(actions: Any) -> None:
    parser = _action(actions, "status", "print participants, progress and the last level check")
    _pilot(parser)
    _finish(parser, "listening_study", "status")


def _add_export(actions: Any) -> None:
    parser = _action(
        actions,
        "export",
        "write the answers as tables, and the report",
        description="Writes ratings.csv, which soundcal ratings reads, and beside it trials, "
        "participants, sounds and a log for each participant. Training and pilots are left out. "
        "The room may be open meanwhile.",
    )
    parser.add_argument(
        "--out", type=Path, required=True, metavar="OUT", help="folder of the tables"
    )
    parser.add_argument(
        "--repeats",
        choices=_REPEATS,
        default="mean",
        help="repeated trials: their mean (default), the first, or each under a name of its own, "
        "CG01@2",
    )
    parser.add_argument(
        "--personal", action="store_true", help="with the answers to personal questions"
    )
    parser.add_argument(
        "--report", action="store_true", help="also write the report of the ratings, report.html"
    )
    parser.add_argument("--force", action="store_true", help="replace an earlier export")
    _finish(parser, "listening_study", "export")


def _add_forget(actions: Any) -> None:
    parser = _action(actions, "forget", "delete everything about a participant")
    parser.add_argument("code", metavar="CODE", help="code of the participant")
    _pilot(parser)
    _finish(parser, "listening_study", "forget")


def _add_backup(actions: Any) -> None:
    parser = _action(actions, "backup", "copy the answers, also while the room is open")
    parser.add_argument("file", type=Path, metavar="FILE", help="the copy, a new file")
    _finish(parser, "listening_study", "backup")
