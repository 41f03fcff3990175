"""Actions of ``soundcal listen`` that open the room, check its levels, or let people in."""

import argparse
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.output import print_json, say, show

if TYPE_CHECKING:
    from soundcal.devices import AudioDevice
    from soundcal.listening.level_check import LevelCheck
    from soundcal.listening.serving import OpenRoom, Served

__all__ = ["listen_amend", "listen_invite", "listen_levels", "listen_serve"]

_LOOK_S: Final = 0.1


def listen_serve(options: argparse.Namespace) -> int:
    """Open the room until Ctrl-C."""
    from soundcal.errors import ParameterError
    from soundcal.listening.serving import served

    with _opened(options) as (opened, device):
        if options.level_check:
            check = _check_levels(options, opened, device)
            if not check.passed:
                return 4
        elif opened.levels_to_check():
            raise ParameterError(
                "no level check is valid: give --level-check coupler, voltage or ears-only"
            )
        settings = {"port": options.port, "lan": options.lan or ""}
        with served(opened, **settings, dashboard_lan=options.dashboard_lan) as server:
            _tell_links(options, server)
            with suppress(KeyboardInterrupt):  # how the room is closed
                server.running.run()
            _let_the_sound_end(opened)
        if _asked("Check the levels once more, for their drift?"):
            options.level_check = options.level_check or "ears-only"
            _check_levels(options, opened, device)
    return 0


def listen_levels(options: argparse.Namespace) -> int:
    """Carry out a level check; return 4 if it did not pass."""
    from soundcal.errors import ParameterError

    if not options.level_check:
        raise ParameterError("--level-check coupler, voltage or ears-only is missing")
    with _opened(options) as (opened, device):
        check = _check_levels(options, opened, device)
    if options.json:
        print_json("soundcal/listen-levels/1", _in_short(check))
    return 0 if check.passed else 4


def listen_amend(options: argparse.Namespace) -> int:
    """Accept a change of a study that has begun."""
    from soundcal.listening.serving import amend

    version, changed = amend(options.folder, options.reason)
    for line in changed:
        say(line)
    say(f"version {version} of the study: {options.reason}")
    if options.json:
        print_json("soundcal/listen-amend/1", {"version": version, "changed": list(changed)})
    return 0


def listen_invite(options: argparse.Namespace) -> int:
    """Make codes and links, and print them."""
    from soundcal.files.atomic import check_output, partial_file
    from soundcal.listening.invitations import invitation_sheets, new_invitations
    from soundcal.listening.reading import read_study
    from soundcal.recording import counted

    study = read_study(options.folder)
    if options.out:
        check_output(options.out, force=options.force)
    made, renewed = new_invitations(study, options.number, pilot=options.pilot)
    server = f"http://{options.lan or '127.0.0.1'}:{options.port}"
    if options.out:
        with partial_file(options.out, force=options.force) as temporary:
            temporary.write_text(invitation_sheets(study, made, server), encoding="utf-8")
        say(f"{len(made)} sheets: {options.out}")
    links = [{"code": one.code, "link": f"{server}/j/{one.token}"} for one in made]
    if options.json:
        print_json("soundcal/listen-invitations/1", {"invitations": links})
    elif not options.out:
        for one in links:
            show(f"{one['code']}  {one['link']}")
    if renewed:
        say(
            f"note: {counted(renewed, 'earlier link works', 'earlier links work')} no longer; the "
            "codes are as they were"
        )
    if not options.lan:
        say(
            "note: the links lead to this machine only; with --lan ADDRESS they are for tablets in "
            "the network"
        )
    return 0


@contextmanager
def _opened(options: argparse.Namespace) -> "Iterator[tuple[OpenRoom, AudioDevice]]":
    from soundcal.cli.device_options import open_from
    from soundcal.listening.reading import read_study
    from soundcal.listening.serving import open_room

    options.fs = read_study(options.folder).sound.fs
    with (
        open_from(options) as device,
        open_room(
            options.folder,
            device,
            pilot=options.pilot,
            accept_device=options.accept_device or "",
        ) as opened,
    ):
        yield opened, device


def _check_levels(
    options: argparse.Namespace, opened: "OpenRoom", device: "AudioDevice"
) -> "LevelCheck":
    """Carry out a level check, keep it, and say how it ended."""
    from soundcal.cli.operators import operator_for
    from soundcal.listening.level_check import run_level_check

    kind = options.level_check.replace("-", "_")
    operator = operator_for(device, inputs=opened.study.sound.monitor_inputs)
    book = opened.player.book
    accepted = bool(options.accept_device)
    if book.equalisation is not None:
        say(f"sounds are equalised for {book.equalisation}")
    check = run_level_check(kind, device, opened.study, operator, book=book, accept_device=accepted)
    opened.note_level_check(check, operator=options.operator, note=options.accept_device or "")
    for name, deviation in check.deviations.items():
        say(f"{name}: {deviation:+.2f} dB")
    say(f"level check by {options.level_check}: {'passed' if check.passed else 'failed'}")
    for reason in check.reasons:
        say(reason)
    return check


def _in_short(check: "LevelCheck") -> dict[str, Any]:
    return {
        "kind": check.kind,
        "passed": check.passed,
        "deviations": dict(check.deviations),
        "reasons": list(check.reasons),
        "valid_until": check.valid_until,
    }


def _tell_links(options: argparse.Namespace, server: "Served") -> None:
    """Print the links, and the QR code of the participants' page."""
    from soundcal.listening.web import qr_text

    links = {
        "participants": f"{server.bound.link}/",
        "experimenter": server.desk("experimenter"),
        "assistant": server.desk("assistant"),
    }
    if options.json:
        print_json("soundcal/listen-server/1", {"links": links})
        sys.stdout.flush()
        return
    for line in qr_text(links["participants"]).splitlines():
        show(line)
    show(f"participants:             {links['participants']}")
    show(f"dashboard, experimenter:  {links['experimenter']}")
    show(f"dashboard, assistant:     {links['assistant']}")
    pilot = " --pilot" if options.pilot else ""
    show(f"codes of participants:    soundcal listen status {options.folder}{pilot}")
    show("Ctrl-C closes the room when the sound that is playing has ended.")
    sys.stdout.flush()


def _let_the_sound_end(opened: "OpenRoom") -> None:
    """Wait for what is playing; a second Ctrl-C fades it out."""
    try:
        if opened.player.position() is not None:
            say("closing when the sound has ended; Ctrl-C once more fades it out")
        while opened.player.position() is not None:
            time.sleep(_LOOK_S)
    except KeyboardInterrupt:
        opened.player.stop()
    say("the room is closed; every answer is stored")


def _asked(question: str) -> bool:
    """Ask the person at the terminal; False where nobody is."""
    if not sys.stdin.isatty():
        return False
    sys.stderr.write(f"{question} [y: yes, Enter: no] ")
    sys.stderr.flush()
    with suppress(KeyboardInterrupt):
        return sys.stdin.readline().strip().lower() in ("y", "yes")
    return False
