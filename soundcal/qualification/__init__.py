"""Qualification of a sound device whose outputs are cabled to its inputs.

The measurements, in this order: the wiring of the loop, with a quiet tone, so that nothing louder
is played until a cable is known to be in place; noise with silent outputs; frequency response and
crosstalk, by a sweep of each output in turn; distortion at several levels; dynamic range; level
linearity in steps of 10 dB; delay and clocks, with noise; the level over several minutes. Every
take is judged like a take of a recording (:mod:`soundcal.takes.judge`).

The results describe output and input together. Analogue levels are not needed: all results are
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
