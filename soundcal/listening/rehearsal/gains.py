"""Gains of a rehearsal, found by the laboratory's protocols on the simulated laboratory."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import RecordError
from soundcal.lab import protocol
from soundcal.lab.operator import SimulatedOperator
from soundcal.listening.equalising import missing_response
from soundcal.listening.study import Study

__all__ = ["SHORTENED_S", "find_gains", "with_simulated_gains"]

SHORTENED_S: Final = 0.5
"""Duration of the sounds of a rehearsal in s."""

_HATS: Final = "hats"


def with_simulated_gains(
    study: Study, lab: SimulatedLab, out: Path, tell: Callable[[str], None]
) -> Study:
    """Return the study with short sounds, and with gains found on the simulated laboratory.

    A table of gains whose name speaks of a HATS is found at the ears of the simulated one, every
    other by the open-circuit voltage. The study's own gains belong to another device. Sounds are
    equalised as in the study.

    Parameters
    ----------
    study : Study
        The study.
    lab : SimulatedLab
        Plays and measures.
    out : Path
        Folder of the sessions, inside that of the study.
    tell : callable
        Told the progress.

    Raises
    ------
    RecordError
        The response of the headphones is missing, or a protocol did not find all gains.
    """
    if missing := missing_response(study.sound):
        raise RecordError(missing)
    duration = min(SHORTENED_S, study.sound.duration or SHORTENED_S)
    short = replace(study, sound=replace(study.sound, duration=duration))
    conditions = {}
    for name, path in study.sound.conditions.items():
        kind = _HATS if _HATS in path.name.lower() else "ocv"
        table = out / kind / f"gains_{kind}.json"
        if not table.exists():
            find_gains(short, lab, kind, table.parent, tell)
        conditions[name] = table
    return replace(short, sound=replace(short.sound, conditions=conditions))


def find_gains(
    study: Study, lab: SimulatedLab, kind: str, folder: Path, tell: Callable[[str], None]
) -> None:
    """Run the protocol ``hats_headphones`` or ``ocv_headphones`` for the sounds of a study.

    Parameters
    ----------
    study : Study
        Its sounds, with their duration in ``study.sound``.
    lab : SimulatedLab
        Plays and measures.
    kind : {"hats", "ocv"}
        Method.
    folder : Path
        Folder of the session.
    tell : callable
        Told the progress.

    Raises
    ------
    RecordError
        Not all gains were found.
    """
    sheet = lab.data_sheet
    sound = study.sound
    changes = {
        "stimuli": ",".join(study.stimuli()),
        "catalogue": str(sound.catalogue or ""),
        "outputs": ",".join(map(str, sound.outputs)),
        "duration": str(sound.duration),
    }
    if sound.equalize:
        changes |= {"equalize": str(sound.equalize), "robust": sound.robust}
    if kind == _HATS:
        changes["insertions"] = "1"  # nobody listens
    else:
        changes |= {
            "headphone": sheet.name,
            "impedance": str(sheet.impedance),
            "sensitivity": str(sheet.sensitivity),
            "sensitivity_per": sheet.per,
        }
    tell(f"gains by {kind}_headphones on the simulated laboratory")
    found = protocol.load(f"{kind}_headphones")
    session = protocol.run(found, lab, SimulatedOperator(lab), folder, changes=changes)
    if session.exit_status != "done":
        raise RecordError(f"{folder}: {found.name} ended {session.exit_status}")
