"""``soundcal demo``: the whole study on the simulated lab, from the calibrator to the report."""

import argparse
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.output import Advance, print_json, progress, say, writing_report
from soundcal.isolation import from_here

if TYPE_CHECKING:
    from soundcal.arrays import Samples
    from soundcal.files.session import Session
    from soundcal.stimuli import Stimulus
    from soundcal.study import Study

__all__ = ["add"]

COMBINATIONS: Final = (
    "interface+closed-16",
    "interface+open-300",
    "onboard+closed-16",
    "onboard+open-300",
)
"""Low and high output impedance, each with low- and high-impedance headphones."""

_SCENE_S: Final = 5.0
_FULL_S: Final = 30.0
_FAMILIES: Final = ("LA", "LC", "N", "S")
_METHODS: Final = "ocv,hats"
_ALL_METHODS: Final = "ocv,ocv+,hats,eq"
_TITLES: Final = {
    _METHODS: "OCV against HATS on the simulated lab",
    _ALL_METHODS: "OCV, OCV+, HATS and EQ on the simulated lab",
}
_STEPS: Final = {_METHODS: 3, _ALL_METHODS: 5}
"""Steps of a session beside one per stimulus: ears before and after, open-circuit voltage; with all
methods also published curves and response of the headphones."""

_QUICK: Final = ("CG01", "CG04", "CG07", "E01b", "RPJ01", "W06")


@dataclass(frozen=True, slots=True)
class _Work:
    """Sessions by their folders, named by the combinations; stimuli, none for all scenes; seed.

    ``methods`` are those of the protocol.
    """

    sessions: tuple[Path, ...]
    stimuli: tuple[str, ...]
    duration: float
    seed: int
    methods: str

    def scenes(self) -> "list[Stimulus]":
        """Return the stimuli."""
        from soundcal.stimuli import load_catalogue, scenes, select

        catalogue = load_catalogue()
        return select(catalogue, self.stimuli) if self.stimuli else scenes(catalogue)


@dataclass(frozen=True, slots=True)
class _Shelf:
    """Scenes that were rendered once for all sessions, in a folder."""

    folder: Path

    def put(self, stimulus: "Stimulus", duration: float) -> str:
        """Render a scene and return its id."""
        import numpy as np

        from soundcal.stimuli import render

        # multiples of 2^-23, which 32-bit floats hold exactly
        samples = render(stimulus, duration=duration).astype(np.float32)
        np.save(self.folder / f"{stimulus.id}.npy", samples)
        return stimulus.id

    def render(self, stimulus: "Stimulus", *, fs: int, duration: float) -> "Samples":
        """Return the samples of a scene, as the protocol asks for them."""
        import numpy as np

        samples: Samples = np.load(self.folder / f"{stimulus.id}.npy").astype(np.float64)
        return samples


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "demo", help="run the whole OCV-against-HATS study on the simulated lab"
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="new folder (default soundcal-demo-TIME)"
    )
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--quick",
        action="store_true",
        help=f"one of the four combinations, and {len(_QUICK)} of the 27 scenes",
    )
    size.add_argument(
        "--full",
        action="store_true",
        help="scenes of 30 s instead of 5 s, all 39 indicators, also the methods ocv+ and eq",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="seed of the lab's equipment and noise (default 0)"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the study, write the report, and print a summary of a few lines."""
    from soundcal.errors import RecordError
    from soundcal.files.atomic import make_folder
    from soundcal.recording import utc_now
    from soundcal.report import write_report
    from soundcal.study import collect

    began = time.monotonic()
    stamp = "".join(c for c in utc_now()[:19] if c.isalnum())
    campaign = options.out or Path(f"soundcal-demo-{stamp}")
    if campaign.exists() and not (campaign.is_dir() and not any(campaign.iterdir())):
        raise RecordError(f"{campaign} already exists; choose another folder with --out")
    make_folder(campaign)
    work = _Work(
        tuple(campaign / name for name in COMBINATIONS[-1 if options.quick else 0 :]),
        _QUICK if options.quick else (),
        _FULL_S if options.full else _SCENE_S,
        options.seed,
        _ALL_METHODS if options.full else _METHODS,
    )
    jobs = 1 if options.quick else _cores()  # what is done soon is not worth starting processes
    _measure(work, campaign, jobs)
    with progress("computing indicators", None, unit="recordings") as advance:
        study = collect(
            work.sessions,
            indicators=None if options.full else _indicators(),
            title=_TITLES[work.methods],
            jobs=jobs,
            progress=advance,
        )
    with writing_report() as advance:
        page = write_report(study, campaign, progress=advance)
    lines = _outcome(study, page, time.monotonic() - began)
    if options.full:
        lines[-1:-1] = _errors(study)
    for line in lines:
        say(line)
    if options.json:
        print_json("soundcal/demo/1", {"summary": lines, "report": str(page)})
    return 0


def _cores() -> int:
    from joblib import cpu_count

    return int(cpu_count())


def _measure(work: _Work, campaign: Path, jobs: int) -> None:
    """Render the scenes once, and run all sessions with them, one per core at a time."""
    from joblib import Parallel, delayed

    with TemporaryDirectory(prefix=".scenes-", dir=campaign) as folder:
        shelf = _Shelf(Path(folder))
        scenes = work.scenes()
        with progress("rendering scenes", len(scenes), unit="scenes") as advance:
            render_each = Parallel(n_jobs=min(jobs, len(scenes)), return_as="generator_unordered")
            put = delayed(from_here(shelf.put))
            names = render_each(put(scene, work.duration) for scene in scenes)
            for number, name in enumerate(names, start=1):
                advance(number, name)
        steps = (len(scenes) + _STEPS[work.methods]) * len(work.sessions)
        with progress("measuring", steps, unit="steps") as advance, _watched(work, advance):
            run_all = Parallel(n_jobs=min(jobs, len(work.sessions)))
            session = delayed(from_here(_session))
            run_all(session(folder, work, shelf) for folder in work.sessions)


@contextmanager
def _watched(work: _Work, advance: Advance) -> Iterator[None]:
    """Report the number of steps in the sessions' logs while the sessions run."""
    from soundcal.files.session import Session

    finished = threading.Event()
    begun = [Session(folder) for folder in work.sessions]

    def watch() -> None:
        while not finished.wait(0.5):
            advance(sum(map(_steps_done, begun)), "")

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def _steps_done(session: "Session") -> int:
    """Return the number of finished steps of a session that may not have begun yet."""
    from soundcal.errors import RecordError
    from soundcal.files.session import Event

    try:
        return len(session.events(Event.STEP))
    except RecordError:
        return 0


def _indicators() -> tuple[str, ...]:
    """Return the study's levels, loudness and sharpness; its other indicators take longer."""
    from soundcal.indicators import STUDY

    return tuple(label for label in STUDY if label.startswith(_FAMILIES))


def _session(folder: Path, work: _Work, shelf: _Shelf) -> None:
    """Compare the methods on one combination; the folder is named after it."""
    from soundcal.devices.simulated.lab import SimulatedLab
    from soundcal.lab import protocol
    from soundcal.lab.operator import SimulatedOperator

    with SimulatedLab(folder.name, seed=work.seed) as lab:
        sheet = lab.data_sheet
        changes = {
            "headphone": sheet.name,
            "impedance": str(sheet.impedance),
            "sensitivity": str(sheet.sensitivity),
            "sensitivity_per": sheet.per,
            "stimuli": ",".join(work.stimuli),
            "duration": str(work.duration),
            "methods": work.methods,
            "report": "no",  # one report over all combinations follows
        }
        loaded, operator = protocol.load("compare_methods"), SimulatedOperator(lab)
        protocol.run(loaded, lab, operator, folder, changes=changes, render=shelf.render)


def _outcome(study: "Study", page: Path, seconds: float) -> list[str]:
    """Return the outcome in a few lines; differences have the sign and the name of the report's."""
    from soundcal.recording import counted

    combinations = counted(len(study.comparisons), "combination")
    lines = [f"{len(study.sources)} recordings of {combinations} in {seconds:.0f} s."]
    found = [
        (name, comparison.entry("LAeq", first, method))
        for name, comparison in study.comparisons.items()
        for first, method in comparison.pairs
        if first == "in-situ"
    ]
    for direction in dict.fromkeys(entry.direction for _, entry in found):
        biases = "; ".join(
            f"{name} {e.agreement.bias:+.2f} "
            f"({e.agreement.bias_ci[0]:+.2f} to {e.agreement.bias_ci[1]:+.2f})"
            for name, e in found
            if e.direction == direction
        )
        lines.append(f"LAeq, {direction}, mean in dB(A) (95 % interval): {biases}.")
    name, worst = max(found, key=lambda one: abs(one[1].worst[1]))
    stimulus, difference = worst.worst
    lines.append(
        f"Worst stimulus: {stimulus} on {name}, {worst.direction} = {difference:+.2f} dB(A)."
    )
    lines.append(f"Report: {page}")
    return lines


def _errors(study: "Study") -> list[str]:
    """Return the fall of the errors from method to method, in words and as a table."""
    from soundcal.cli.output import aligned
    from soundcal.report import errors_table, errors_words

    table = errors_table(study)
    if table is None:
        return []
    means = [i for i, column in enumerate(table.columns) if column.group and column.title == "Mean"]
    named = [i for i, column in enumerate(table.columns) if column.title in ("Method", "Equipment")]
    taken = range(len(table.columns) - 2, len(table.columns))
    rows = [
        [
            *(table.columns[i].title for i in named),
            *(table.columns[i].group for i in means),
            *(table.columns[i].title for i in taken),
        ],
        *(
            [
                *(row[i] for i in named),
                *(f"{row[i]} ± {row[i + 1]}" for i in means),
                *(row[i] for i in taken),
            ]
            for row in table.texts()
        ),
    ]
    title = "Error of each method (method − in-situ): mean ± standard deviation over the scenes."
    return [title, *aligned(rows, names=len(named)), *errors_words(study)]
