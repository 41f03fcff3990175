"""Play a list of stimuli to one listener, each at its calibrated level, in random order.

Needs
    soundcard with two outputs, headphones, and a table of gains found before with the same
    soundcard, volume position and headphones (gains_ocv.json or gains_hats.json of a session).

Steps
    The stimuli of the table are played once each, in an order that follows from the participant's
    id and the seed. The listener rates after each one, on paper or in another program; the next one
    starts after the pause. Every presentation is logged with its time, gain and target level.

Accepted
    if every presentation was played in full without lost samples.
"""

import hashlib
import random
import time
from functools import partial
from pathlib import Path
from typing import Any

from soundcal import steps, stimuli
from soundcal.errors import ParameterError
from soundcal.protocol import Bench, Setting
from soundcal.records import ExitStatus, read_json
from soundcal.units import from_db

SETTINGS = {
    "outputs": steps.DEVICE["outputs"],
    "catalogue": steps.STIMULI["catalogue"],
    "duration": steps.STIMULI["duration"],
    "gains": Setting("", "", "table of gains: path of gains_ocv.json or gains_hats.json"),
    "participant": Setting("", "", "the listener's id"),
    "seed": Setting(0, "", "seed of the random order, together with the participant's id"),
    "pause": Setting(10.0, "s", "silence after each stimulus"),
}


def run(bench: Bench) -> ExitStatus:
    """Carry out the steps."""
    for name in ("gains", "participant"):
        if not bench.settings[name]:
            raise ParameterError(f"setting {name} is empty; give it with --set {name}=…")
    rows = read_json(Path(str(bench.settings["gains"])), steps.GAINS_SCHEMA)["gains"]
    order = playing_order(rows, str(bench.settings["participant"]), int(bench.number("seed")))
    for position, row in enumerate(order, start=1):
        name = f"presentation {position} of {len(order)}: {row['stimulus']}"
        bench.step(name, partial(_present, bench, row, position))
    flagged = [e for e in bench.session.events() if e["event"] == "presentation" and e["flags"]]
    return "out of tolerance" if flagged else "done"


def playing_order(rows: list[dict[str, Any]], participant: str, seed: int) -> list[dict[str, Any]]:
    """Return the playable rows in the random order of one participant."""
    playable = sorted(
        (row for row in rows if row["gain_db"] is not None), key=lambda row: str(row["stimulus"])
    )
    key = hashlib.sha256(f"{participant}/{seed}".encode()).digest()
    random.Random(int.from_bytes(key, "big")).shuffle(playable)
    return playable


def _present(bench: Bench, row: dict[str, Any], position: int) -> None:
    """Play one stimulus at its gain and log it."""
    path = str(bench.settings["catalogue"])
    stimulus = stimuli.load_catalogue(Path(path) if path else None)[row["stimulus"]]
    played = bench.device.play(
        steps.render(bench, stimulus) * from_db(float(row["gain_db"])),
        outputs=steps.channel_numbers(bench, "outputs"),
    )
    bench.session.log(
        "presentation",
        participant=bench.settings["participant"],
        position=position,
        stimulus=stimulus.id,
        target=row["target"],
        gain_db=row["gain_db"],
        n_samples=played.n_samples,
        xruns=played.xruns,
        flags=list(played.flags),
    )
    time.sleep(bench.number("pause"))
