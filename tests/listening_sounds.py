"""A study with sounds for tests: gains found in the simulated lab, by both methods."""

from pathlib import Path
from typing import Any

from soundcal import stimuli
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.lab import protocol
from soundcal.lab.operator import SimulatedOperator
from soundcal.listening.study import Block, Limits, Participants, Sound, Study

__all__ = ["LAB", "STIMULI", "find_gains", "opened_lab", "study_with_sounds"]

LAB = "lab,spread=0"
"""Seating the headphones again changes nothing."""

STIMULI = ("CG01", "N1")
SECONDS = 2.0


def find_gains(folder: Path) -> None:
    """Leave the sessions ``ocv`` and ``hats`` in a folder."""
    common = {"stimuli": ",".join(STIMULI), "duration": str(SECONDS)}
    with SimulatedLab(LAB, seed=3) as lab:
        operator = SimulatedOperator(lab)
        sheet = lab.data_sheet
        headphones = {
            "impedance": str(sheet.impedance),
            "sensitivity": str(sheet.sensitivity),
            "sensitivity_per": sheet.per,
        }
        for name, more in (("ocv", headphones), ("hats", {"insertions": "2"})):
            loaded = protocol.load(f"{name}_headphones")
            protocol.run(loaded, lab, operator, folder / name, changes=common | more)
            operator.seat_headphones()


def study_with_sounds(folder: Path, *, limits: Limits | None = None, **sound: Any) -> Study:
    """Return a study of both conditions, monitored by the line inputs."""
    settings: dict[str, Any] = {
        "duration": SECONDS,
        "monitor": "loopback",
        "monitor_inputs": (3, 4),
        "conditions": {
            "OCV": folder / "ocv" / "gains_ocv.json",
            "HATS": folder / "hats" / "gains_hats.json",
        },
    }
    return Study(
        folder=folder,
        id="sounds",
        title="A study with sounds",
        seed=1,
        languages=("eng",),
        texts={},
        sound=Sound(**settings | sound),
        limits=limits or Limits(),
        participants=Participants(2, "sessions"),
        blocks=(Block("main", "paq", STIMULI),),
        toml="",
        sha256="",
        catalogue=stimuli.load_catalogue(),
    )


def opened_lab(**options: Any) -> SimulatedLab:
    """Return the lab in which the gains were found."""
    return SimulatedLab(LAB, seed=3, **options)
