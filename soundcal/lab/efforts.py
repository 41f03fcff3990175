"""The efforts of the steps that protocols share, from the settings that the steps read.

For ``effort(settings)`` of a protocol: add up what its ``run`` does.
"""

from collections.abc import Mapping
from typing import Final

from soundcal.lab.effort import Effort, playing, recording
from soundcal.lab.protocol import Value
from soundcal.lab.search import FLOOR_S
from soundcal.lab.steps import selected_stimuli
from soundcal.recording import EARS

__all__ = ["OPEN_CIRCUIT", "SEARCH_TAKES", "ears_effort", "stimuli_effort"]

OPEN_CIRCUIT: Final = Effort(hands=1 + len(EARS))
"""Unplugging, and a reading of the voltmeter per output."""

SEARCH_TAKES: Final = 2
"""Takes of a gain search that goes well: one from which the gain follows, and the accepted one."""


def ears_effort(settings: Mapping[str, Value]) -> Effort:
    """Return the effort of :func:`~soundcal.lab.steps.calibrate_ears`."""
    insertion = recording(float(settings["tone_duration"])) + Effort(hands=2)
    return insertion * (len(EARS) * int(settings["insertions"]))


def stimuli_effort(settings: Mapping[str, Value], *, takes: int) -> Effort:
    """Return the effort of :func:`~soundcal.lab.steps.with_headphones_on`.

    ``takes`` is the number of takes of each stimulus: :data:`SEARCH_TAKES` for a gain search, one
    for a known gain, none for a recording that is not made.
    """
    stimuli = len(selected_stimuli(settings))
    each = playing(float(settings["duration"])) * takes
    return Effort(hands=1) + playing(FLOOR_S) + each * stimuli
