"""``soundcal listen rehearse``: a study with simulated participants."""

import argparse

from soundcal.cli.output import print_json, progress, say, show

__all__ = ["listen_rehearse"]


def listen_rehearse(options: argparse.Namespace) -> int:
    """Carry out a study with simulated participants; return 4 if something is wrong with it."""
    from soundcal.listening.plan import plan
    from soundcal.listening.reading import read_study
    from soundcal.listening.rehearsal import rehearse
    from soundcal.report import ratings_summary

    study = read_study(options.folder)
    n = study.participants.planned if options.participants is None else options.participants
    total = sum(len(visit.trials) for i in range(1, n + 1) for visit in plan(study, i))
    with progress("rehearsing", total, unit="pages of answers") as advance:
        found = rehearse(
            study,
            out=options.out or options.folder / "rehearsal",
            participants=n,
            effect=options.effects / 100.0,
            seed=options.seed,
            force=options.force,
            tell=say,
            advance=advance,
        )
    if options.json:
        print_json("soundcal/listen-rehearsal/1", found.to_dict())
        return 4 if found.problems else 0
    for line in found.sentences():
        show(line)
    for line in ratings_summary(found.analysis) if found.analysis else []:
        say(line)
    for line in found.check.remarks:
        show(f"note: {line}")
    for line in found.problems:
        show(f"wrong: {line}")
    for page in found.pages:
        say(f"report: {page}")
    return 4 if found.problems else 0
