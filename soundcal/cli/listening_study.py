"""Actions of ``soundcal listen`` that need no open room."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from soundcal.cli.output import aligned, print_json, say, show

if TYPE_CHECKING:
    from soundcal.listening.results import Results

__all__ = [
    "listen_backup",
    "listen_check",
    "listen_export",
    "listen_forget",
    "listen_new",
    "listen_status",
]


def listen_new(options: argparse.Namespace) -> int:
    """Make the folder of a study, or print the names of the templates."""
    from soundcal.errors import ParameterError
    from soundcal.listening.new import new_study, template_names

    if options.template == "list":
        names = template_names()
        if options.json:
            print_json("soundcal/listen-templates/1", {"templates": names})
            return 0
        for line in aligned([[name, title] for name, title in names.items()], names=2):
            show(line)
        return 0
    if options.folder is None:
        raise ParameterError("the folder of the study is missing: soundcal listen new DIR …")
    path = new_study(options.folder, options.template)
    say(f"{path}: edit it, then soundcal listen check {options.folder}")
    if options.json:
        print_json("soundcal/listen-new/1", {"file": str(path)})
    return 0


def listen_check(options: argparse.Namespace) -> int:
    """Check a study; return 0, 4 (a limit would be exceeded) or 5 (out of order)."""
    from contextlib import nullcontext

    from soundcal.cli.device_options import open_from
    from soundcal.listening.checking import check_study
    from soundcal.listening.reading import read_study

    study = read_study(options.folder)
    options.fs = study.sound.fs
    with open_from(options) if options.device else nullcontext() as device:
        found = check_study(study, device)
    if options.json:
        print_json("soundcal/listen-check/1", found.to_dict())
        return found.exit_code
    for line in aligned(found.table(), names=2) if found.presentations else []:
        show(line)
    for line in found.sentences():
        show(line)
    for kind, lines in (
        ("note", found.remarks),
        ("exceeds a limit", found.excesses),
        ("out of order", found.problems),
    ):
        for line in lines:
            show(f"{kind}: {line}")
    show(f"{options.folder}: {found.verdict}")
    return found.exit_code


def listen_status(options: argparse.Namespace) -> int:
    """Print participants, progress and the last level check."""
    from soundcal.listening.status import status_of

    found = status_of(_results(options, begun=False))
    if options.json:
        print_json("soundcal/listen-status/1", found)
        return 0
    version = f"version {found['version']} of the study" if found["version"] else "not begun"
    show(f"{found['title']} ({found['study']}), {version}")
    states = ", ".join(f"{n} {state}" for state, n in found["states"].items()) or "nobody yet"
    show(f"{found['planned']} participants planned: {states}; {found['withdrawn']} withdrew")
    if check := found["last_level_check"]:
        outcome = "passed" if check["passed"] else "failed"
        show(f"last level check {check['at'][:16]} UTC by {check['kind']}: {outcome}")
    else:
        show("no level check yet")
    for how in found["equalised_for"]:
        show(f"sounds are equalised for {how}")
    show(f"the room is open: {found['open']}" if found["open"] else "the room is closed")
    head = ["code", "state", "order", "visits", "answered", "trials", "exposure, Pa²h"]
    rows = [
        [
            person["code"],
            person["state"],
            str(person["sequence"] or ""),
            str(person["visits"]),
            str(person["answered"]),
            str(person["trials"]),
            f"{person['exposure_pa2h']:.2g}",
        ]
        for person in found["participants"]
    ]
    for line in aligned([head, *rows], names=2):
        show(line)
    return 0


def listen_export(options: argparse.Namespace) -> int:
    """Write the tables of the answers, and the report."""
    from soundcal.listening.copies import note_copy
    from soundcal.listening.export import write_export
    from soundcal.listening.report import write_test_report
    from soundcal.report import ratings_summary

    results = _results(options)
    settings = {"repeats": options.repeats, "force": options.force}
    note_copy(options.folder, "export", options.out)  # before it exists: none may go unnoticed
    paths = write_export(results, options.out, personal=options.personal, **settings)
    say(f"{len(paths)} files in {options.out}")
    pages = []
    if options.report:
        for path, analysis in write_test_report(results, options.out, **settings):
            for line in ratings_summary(analysis):
                say(line)
            say(f"report: {path}")
            pages.append(path)
    if options.json:
        content = {"files": list(map(str, paths)), "reports": list(map(str, pages))}
        print_json("soundcal/listen-export/1", content)
    return 0


def listen_forget(options: argparse.Namespace) -> int:
    """Delete everything about a participant."""
    from soundcal.listening.forget import forget
    from soundcal.listening.results import database_of

    database = database_of(options.folder, pilot=options.pilot)
    found = forget(options.folder, database, options.code)
    say(f"deleted: {found.rows} rows and {found.files} files of {options.code}")
    for copy in found.copies:
        say(f"not reached: {copy}; delete the participant there by hand, or delete the copy")
    if options.json:
        print_json("soundcal/listen-forget/1", found.to_dict())
    return 0


def listen_backup(options: argparse.Namespace) -> int:
    """Copy the answers into a file."""
    from soundcal.listening.copies import note_copy
    from soundcal.listening.results import database_of
    from soundcal.listening.store import Store

    note_copy(options.folder, "backup", options.file)
    with Store(database_of(options.folder), read_only=True) as store:
        store.backup(options.file)
    size = options.file.stat().st_size
    say(f"{options.file}: {size / 1e6:.1f} MB")
    if options.json:
        print_json("soundcal/listen-backup/1", {"file": str(options.file), "bytes": size})
    return 0


def _results(options: argparse.Namespace, *, begun: bool = True) -> "Results":
    from soundcal.listening.results import database_of, read_results

    folder: Path = options.folder
    return read_results(
        folder, database_of(folder, pilot=getattr(options, "pilot", False)), begun=begun
    )
