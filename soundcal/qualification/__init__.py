"""Qualification of a sound device whose outputs are cabled to its inputs.

What is measured, in this order: how the loop is wired, with a quiet tone, so that nothing louder
is played before a cable is known to be in place; noise with silent outputs; frequency response and
crosstalk by a sweep of each output in turn; distortion at several levels; dynamic range; level
linearity in steps of 10 dB; delay and clocks with noise; the level over minutes. Every take is
judged as takes of recordings are (:mod:`soundcal.takes.judge`).

The numbers belong to output and input together. Analogue levels are not needed: everything is
relative to full scale or to 1 kHz.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.qualification.measurements import OnProgress
    from soundcal.qualification.procedure import qualify
    from soundcal.qualification.results import Qualification, QualificationPlan
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "OnProgress": "measurements",
            "QualificationPlan": "results",
            "Qualification": "results",
            "qualify": "procedure",
        },
    )

__all__ = [
    "OnProgress",
    "Qualification",
    "QualificationPlan",
    "qualify",
]
