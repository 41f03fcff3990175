"""``soundcal demo``: the whole study on the simulated lab, from the calibrator to the report."""

import argparse
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.output import Advance, print_json, progress, say
from soundcal.isolation import from_here

if TYPE_CHECKING:
    from soundcal.files.session import Session
    from soundcal.study import Study

__all__ = ["add"]

COMBINATIONS: Final = (
    "interface+closed-16",
    "interface+open-300",
    "onboard+closed-16",
    "onboard+open-300",
)
"""Low and high output impedance, each with low- and high-impedance headphones."""

_QUICK_S: Final = 5.0
_FULL_S: Final = 30.0
_QUICK_FAMILIES: Final = ("LA", "LC", "N", "S")
_STEPS: Final = 30
"""Steps of one session: 27 stimuli, ears before and after, open-circuit voltage."""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "demo", help="run the whole OCV-against-HATS study on the simulated lab"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="new folder (default soundcal-demo-TIME)"
    )
    parser.add_argument(
        "--full", action="store_true", help="scenes of 30 s instead of 5 s and all 39 indicators"
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the lab's equipment and noise (default 0)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the study, write the report, and print a summary of five lines."""
    from joblib import cpu_count

    from soundcal.errors import RecordError
    from soundcal.recording import utc_now
    from soundcal.report import write_report
    from soundcal.study import collect

    began = time.monotonic()
    stamp = "".join(c for c in utc_now()[:19] if c.isalnum())
    campaign = options.out or Path(f"soundcal-demo-{stamp}")
    sessions = [campaign / combination for combination in COMBINATIONS]
    if campaign.exists() and not (campaign.is_dir() and not any(campaign.iterdir())):
        raise RecordError(f"{campaign} already exists; choose another folder with --out")
    _measure(sessions, full=options.full, seed=options.seed)
    with progress("computing indicators", 81 * len(sessions), unit="recordings") as advance:
        study = collect(
            sessions,
            indicators=None if options.full else _quick_indicators(),
            title="OCV against HATS on the simulated lab",
            jobs=cpu_count(),
            progress=advance,
        )
    page = write_report(study, campaign)
    lines = _outcome(study, page, time.monotonic() - began)
    for line in lines:
        say(line)
    if options.json:
        print_json("soundcal/demo/1", {"summary": lines, "report": str(page)})
    return 0


def _measure(sessions: Sequence[Path], *, full: bool, seed: int) -> None:
    """Run all sessions, one per core at a time, and show the progress of their logs."""
    from joblib import Parallel, cpu_count, delayed

    finished = threading.Event()
    with progress("measuring", _STEPS * len(sessions), unit="steps") as advance:
        watch = threading.Thread(target=_watch, args=(sessions, advance, finished), daemon=True)
        watch.start()
        try:
            run_all = Parallel(n_jobs=min(cpu_count(), len(sessions)))
            session = delayed(from_here(_session))
            run_all(session(folder, full=full, seed=seed) for folder in sessions)
        finally:
            finished.set()
            watch.join()


def _watch(sessions: Sequence[Path], advance: Advance, finished: threading.Event) -> None:
    """Report the number of steps in the sessions' logs until all sessions have ended."""
    from soundcal.files.session import Session

    begun = [Session(folder) for folder in sessions]
    while not finished.wait(0.5):
        advance(sum(map(_steps_done, begun)), "")


def _steps_done(session: "Session") -> int:
    """Return the number of finished steps of a session that may not have begun yet."""
    from soundcal.errors import RecordError
    from soundcal.files.session import Event

    try:
        return len(session.events(Event.STEP))
    except RecordError:
        return 0


def _quick_indicators() -> tuple[str, ...]:
    """Return the study's levels, loudness and sharpness; its other indicators take longer."""
    from soundcal.indicators import STUDY

    return tuple(label for label in STUDY if label.startswith(_QUICK_FAMILIES))


def _session(folder: Path, *, full: bool, seed: int) -> None:
    """Compare the methods on one combination; the folder is named after it."""
    from soundcal.devices.simulated.lab import SimulatedLab
    from soundcal.lab import protocol
    from soundcal.lab.operator import SimulatedOperator

    with SimulatedLab(folder.name, seed=seed) as lab:
        sheet = lab.data_sheet
        changes = {
            "headphone": sheet.name,
            "impedance": str(sheet.impedance),
            "sensitivity": str(sheet.sensitivity),
            "sensitivity_per": sheet.per,
            "duration": str(_FULL_S if full else _QUICK_S),
            "report": "no",  # one report over all combinations follows
        }
        loaded, operator = protocol.load("compare_methods"), SimulatedOperator(lab)
        protocol.run(loaded, lab, operator, folder, changes=changes)


def _outcome(study: "Study", page: Path, seconds: float) -> list[str]:
    """Return the outcome in five lines."""
    n = len(study.sources)
    lines = [f"{n} recordings of {len(study.comparisons)} combinations in {seconds:.0f} s."]
    for method, name in (("ocv", "OCV"), ("hats", "HATS")):
        entries = {
            combination: comparison.entry("LAeq", "in-situ", method)
            for combination, comparison in study.comparisons.items()
        }
        # in-situ minus method is the report's direction; people ask how much too loud it played
        biases = "; ".join(
            f"{combination} {-e.agreement.bias:+.2f} "
            f"({-e.agreement.bias_ci[1]:+.2f} to {-e.agreement.bias_ci[0]:+.2f})"
            for combination, e in entries.items()
        )
        lines.append(f"{name}, mean deviation from in-situ LAeq in dB (95 % interval): {biases}.")
    worst = max(
        (
            (abs(e.worst[1]), e.second, combination, *e.worst)
            for combination, comparison in study.comparisons.items()
            for e in comparison.entries
            if e.label == "LAeq" and e.first == "in-situ"
        ),
    )
    lines.append(
        f"Worst stimulus: {worst[3]} with {worst[1].upper()} on {worst[2]}, {-worst[4]:+.2f} dB(A)."
    )
    lines.append(f"Report: {page}")
    return lines
