"""Play a list of stimuli to one listener, each at its calibrated level, in random order.

Needs
    soundcard with two outputs, headphones, and a table of gains that was found with the same
    soundcard, volume position and headphones (gains_ocv.json or gains_hats.json of a session).

Steps
    The stimuli of the table are played once each, in an order that follows from the participant's
    id and the seed. The listener rates each one when it has ended, on paper or in another program;
    the next one starts after the pause, during which the device plays silence. Every presentation
    is logged when it has ended, with its gain and target level; one that was stopped half-way is
    played again when the session is resumed.

Accepted
    if every presentation was played in full without lost samples.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from soundcal import stimuli
from soundcal.devices import AudioDevice
from soundcal.errors import ParameterError
from soundcal.files.session import ExitStatus
from soundcal.lab import steps
from soundcal.lab.effort import Effort
from soundcal.lab.gains import GainTable, playing_order, read_gains
from soundcal.lab.play import play_at
from soundcal.lab.presentations import PresentationEvent
from soundcal.lab.protocol import Bench, Setting, Value

SETTINGS = {
    "outputs": steps.DEVICE["outputs"],
    "catalogue": steps.STIMULI["catalogue"],
    "duration": steps.STIMULI["duration"],
    "gains": Setting(
        "", "", "table of gains: path of gains_ocv.json or gains_hats.json", required=True
    ),
    "participant": Setting("", "", "the listener's id", required=True),
    "seed": Setting(0, "", "seed of the random order, together with the participant's id"),
    "pause": Setting(10.0, "s", "silence between two stimuli", 0.0, 3600.0),
}


def check(settings: Mapping[str, Value], device: AudioDevice) -> None:
    """Refuse channels that the device does not have, and a table that cannot be played."""
    steps.check(settings, device)
    catalogue = steps.catalogue_of(settings)
    table = Path(str(settings["gains"]))
    rows = playing_order(read_gains(table), "", 0)
    if not rows:
        raise ParameterError(f"{settings['gains']}: no stimulus has a gain; nothing can be played")
    if equalisation := GainTable.read(table).equalisation:
        raise ParameterError(
            f"{table}: the gains hold for stimuli equalised for {equalisation}, and this protocol "
            "plays them as they are; use soundcal listen, or gains found without equalize"
        )
    stimuli.select(catalogue, [str(row["stimulus"]) for row in rows])


def effort(settings: Mapping[str, Value]) -> Effort:
    """Return the time of a run: every presentation, and the pauses between them."""
    n = len(playing_order(read_gains(Path(str(settings["gains"]))), "", 0))
    return Effort(n * float(settings["duration"]) + (n - 1) * float(settings["pause"]))


def run(bench: Bench) -> ExitStatus:
    """Carry out the steps."""
    rows = read_gains(Path(str(bench.settings["gains"])))
    order = playing_order(rows, str(bench.settings["participant"]), int(bench.number("seed")))
    for position, row in enumerate(order, start=1):
        name = f"presentation {position} of {len(order)}: {row['stimulus']}"
        bench.step(name, partial(_present, bench, row, position))
    flagged = [e for e in bench.session.events("presentation") if e["flags"]]
    return "out of tolerance" if flagged else "done"


def _present(bench: Bench, row: Mapping[str, Any], position: int) -> None:
    """Play the pause and one stimulus at its gain, and log it."""
    outputs = steps.channel_numbers(bench.settings, "outputs")
    pause = int(bench.number("pause") * bench.device.fs)
    if position > 1 and pause:
        bench.device.play(np.zeros((len(outputs), pause)), outputs=outputs)
    stimulus = steps.catalogue_of(bench.settings)[row["stimulus"]]
    samples = steps.render_stimulus(bench, stimulus)
    played, _ = play_at(float(row["gain_db"]), bench.device, samples, outputs=outputs)
    event = PresentationEvent(
        participant=str(bench.settings["participant"]),
        position=position,
        stimulus=stimulus.id,
        target=row["target"],
        gain_db=row["gain_db"],
        n_samples=played.n_samples,
        xruns=played.xruns,
        flags=[flag.text for flag in played.flags],
    )
    bench.session.log("presentation", **event.to_dict())
