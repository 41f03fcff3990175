"""Make the example campaign: three short scenes, both methods, on the simulated lab.

Usage: python measurements/make_example.py [FOLDER]     (default: measurements/example)
"""

import shutil
import sys
from pathlib import Path

from soundcal import SimulatedLab
from soundcal.files.campaign import Campaign, write_campaign
from soundcal.lab import protocol
from soundcal.lab.operator import SimulatedOperator

COMBINATION = "portable+open-32"
SEED = 1


def make(folder: Path) -> None:
    """Measure the campaign into ``folder``, which is replaced."""
    shutil.rmtree(folder, ignore_errors=True)
    write_campaign(
        folder,
        Campaign(
            "Example: OCV and HATS on the simulated lab",
            people=("the soundcal developers",),
            place="simulated lab",
            licence="CC0-1.0",
            description=f"Three scenes of half a second on sim:{COMBINATION}, seed {SEED}.",
        ),
    )
    with SimulatedLab(COMBINATION, seed=SEED) as lab:
        sheet = lab.data_sheet
        changes = {
            "headphone": sheet.name,
            "impedance": str(sheet.impedance),
            "sensitivity": str(sheet.sensitivity),
            "sensitivity_per": sheet.per,
            "stimuli": "CG01,N1,W06",
            "duration": "0.5",
            "report": "no",  # derivatives can be made from what is kept
        }
        protocol.run(
            protocol.load("compare_methods"),
            lab,
            SimulatedOperator(lab),
            folder / COMBINATION,
            changes=changes,
        )


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "example")
