"""``soundcal protocol list|show|run``: lab protocols, listed, shown or run."""

import argparse
from pathlib import Path
from typing import Any

from soundcal.cli.device_options import add_device_options, open_from
from soundcal.cli.output import print_json, say, show

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "protocol", help="list, show or run a lab protocol"
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    lister = actions.add_parser("list", help="list the protocols that come with soundcal")
    lister.add_argument("--json", action="store_true", help="one JSON object on stdout")
    lister.set_defaults(run=_list)
    shower = actions.add_parser("show", help="print the lab sheet and the settings of a protocol")
    shower.add_argument("name", metavar="NAME|PATH", help="shipped protocol or a .py file")
    shower.add_argument("--json", action="store_true", help="one JSON object on stdout")
    shower.set_defaults(run=_show)
    runner = actions.add_parser("run", help="run a protocol and write a session folder")
    runner.add_argument("name", metavar="NAME|PATH", help="shipped protocol or a .py file")
    add_device_options(runner)
    runner.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="session folder (default: named by protocol and time)",
    )
    runner.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change a setting of the protocol (see: soundcal protocol show NAME); repeatable",
    )
    runner.add_argument(
        "--resume", action="store_true", help="continue the interrupted session in --out"
    )
    runner.add_argument("--json", action="store_true", help="one JSON object on stdout")
    runner.set_defaults(run=_run)


def _list(options: argparse.Namespace) -> int:
    from soundcal.lab import protocol

    loaded = [protocol.load(name) for name in protocol.shipped_names()]
    titles = {found.name: found.sheet.splitlines()[0] for found in loaded}
    if options.json:
        print_json("soundcal/protocols/1", {"protocols": titles})
        return 0
    for name, title in titles.items():
        show(f"{name:18} {title}")
    return 0


def _show(options: argparse.Namespace) -> int:
    from soundcal.lab import protocol

    found = protocol.load(options.name)
    path = protocol.find_protocol(options.name)
    if options.json:
        settings = {
            name: {
                "default": None if s.required else s.default,
                "unit": s.unit,
                "meaning": s.meaning,
                "required": s.required,
            }
            for name, s in found.settings.items()
        }
        content = {"name": found.name, "file": str(path), "sheet": found.sheet}
        print_json("soundcal/protocol/1", content | {"settings": settings})
        return 0
    for line in (*found.sheet.splitlines(), "", "Settings (change with --set KEY=VALUE)"):
        show(line)
    for name, setting in found.settings.items():
        value = f"{name}={'(required)' if setting.required else setting.default}"
        show(f"    {value:28} {setting.unit:5} {setting.meaning}")
    show("")
    show(f"File, to be copied for a protocol of your own: {path}")
    return 0


def _run(options: argparse.Namespace) -> int:
    from soundcal.cli.operators import operator_for
    from soundcal.files.session import Session
    from soundcal.lab import protocol
    from soundcal.lab.steps import channel_numbers
    from soundcal.recording import utc_now

    found = protocol.load(options.name)
    changes = dict(_pair(text) for text in options.set)
    stamp = "".join(c for c in utc_now()[:19] if c.isalnum())
    folder = options.out or Path(f"soundcal-{found.name}-{stamp}")
    if options.resume:
        settings = Session(folder).events()[0].get("settings", {})
    else:
        settings = found.resolve(changes)
    inputs = channel_numbers(settings, "inputs") if "inputs" in settings else (1, 2)
    with open_from(options, calibrating=True) as device:
        operator = operator_for(
            device,
            inputs=inputs,
            hint=f"run it at a terminal: the session in {folder} can be continued with --resume",
        )
        session = protocol.run(
            found, device, operator, folder, changes=changes, resume=options.resume
        )
    say(f"{session.exit_status}; session in {folder}")
    if options.json:
        content = {"folder": str(folder), "exit_status": session.exit_status}
        print_json("soundcal/session-result/1", content)
    return 0 if session.exit_status == "done" else 4


def _pair(text: str) -> tuple[str, str]:
    from soundcal.errors import ParameterError

    key, equals, value = text.partition("=")
    if not (key and equals):
        raise ParameterError(f"--set {text}: KEY=VALUE expected")
    return key.strip(), value.strip()
