"""``soundcal warm-up``: compile all loops on purpose, before the first measurement."""

import argparse
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from soundcal.cli.output import progress, say

if TYPE_CHECKING:
    from soundcal.arrays import Samples

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "warm-up",
        help="compile the loops for this processor, which the first use does otherwise",
        description="Compile all loops for this processor and keep them on disk. Without it, the "
        "first measurement does so and takes up to a minute longer.",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Use everything that is compiled once, on a second of noise."""
    from soundcal.compiling import compiled

    began = time.monotonic()
    stages = _stages()
    with progress("compiling", len(stages), unit="stages") as advance:
        for number, (name, stage) in enumerate(stages, start=1):
            stage()
            advance(number, name)
    n, seconds = compiled(), time.monotonic() - began
    if n:
        say(f"{n} loops compiled in {seconds:.0f} s; they are kept on disk for this processor")
    else:
        say("all loops were compiled before; nothing was to be done")
    return 0


def _measure_file(noise: "Samples") -> None:
    """Measure a file, whose samples lie in memory in another order."""
    from soundcal.batch import measure_file
    from soundcal.files import audio
    from soundcal.indicators.names import resolve
    from soundcal.prepared import Task

    with TemporaryDirectory() as folder:
        path = Path(folder, "noise.wav")
        audio.write(path, noise, 48000)
        measure_file(path, Task(wanted=resolve("LAeq"), sensitivities=(1.0,)))


def _stages() -> list[tuple[str, Callable[[], object]]]:
    """Return name and call of everything that is compiled."""
    import numpy as np

    from soundcal.indicators.measurement import compute
    from soundcal.indicators.registry import REGISTRY, Indicator
    from soundcal.recording import Capture, Recording
    from soundcal.stimuli import load_catalogue, render
    from soundcal.takes.judge import judge

    noise = 0.1 * np.random.default_rng(0).standard_normal((2, 2 * 48000))
    recording = Recording(noise, 48000, "stated", channels=("left", "right"))
    low = Recording(noise[:, :44100], 44100, "stated", channels=("left", "right"))
    together: dict[str, list[Indicator]] = {}  # what one stage computes
    for entry in REGISTRY.values():
        together.setdefault(entry.stage or entry.derived, []).append(entry)
    stages: list[tuple[str, Callable[[], object]]] = [
        (own[0].title, partial(compute, recording, [name for one in own for name in one.labels]))
        for own in together.values()
    ]
    stages.append(("checks of takes", partial(judge, Capture(noise, 48000))))
    stages.append(("checks of files", partial(_measure_file, noise)))
    stages.append(("other sampling rates", partial(compute, low, ["LAeq", "N5"])))
    stages += [
        (f"stimulus {name}", partial(render, stimulus, duration=1.0))
        for name, stimulus in load_catalogue().items()
        if stimulus.kind != "file"
    ]
    return stages
