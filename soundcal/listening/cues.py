"""Sounds that check the headphones: noise on one side, and noise as loud as the study will be.

``left`` and ``right`` are pink noise on one side, at a moderate level. ``comfort`` is pink noise on
both sides that rises in three steps to the loudest LAeq of the study, so that nobody meets that
level unprepared.
"""

from typing import Final

import numpy as np

from soundcal import stimuli
from soundcal.arrays import Samples
from soundcal.lab.levels import on_channels
from soundcal.stimuli import Stimulus
from soundcal.units import from_db

__all__ = ["CUE", "CUES", "cue_level", "cue_noise", "cue_samples"]

CUE: Final = "cue"
"""Condition under which these sounds are presented."""

CUES: Final = ("left", "right", "comfort")
"""Their names."""

_SIDES: Final = {"left": (1.0, 0.0), "right": (0.0, 1.0), "comfort": (1.0, 1.0)}

_MODERATE_DB: Final = 60.0
"""LAeq of the noise that tells left from right, or the loudest level of the study if that is lower.
A proposal: clearly audible and harmless."""

_RISE_DB: Final = (-20.0, -10.0, 0.0)
"""Steps of the comfort sound in dB re the loudest level of the study."""

_STEP_S: Final = 2.0
_FADE_S: Final = 0.1
"""Length of a step, and of its fades, in s."""


def cue_level(name: str, loudest: float) -> float:
    """Return the LAeq of a cue, or of its last step, from the loudest of the study, in dB."""
    return loudest if name == "comfort" else min(loudest, _MODERATE_DB)


def cue_noise(fs: int) -> Samples:
    """Return one step of a cue: pink noise with raised-cosine fades, shape (1, n)."""
    noise = Stimulus("cue", "pink", {}, 16, _STEP_S, 60.0, "A", "CC0-1.0", "")
    samples = stimuli.render(noise, fs=fs, duration=_STEP_S)
    ramp = 0.5 - 0.5 * np.cos(np.pi * (np.arange(round(_FADE_S * fs)) + 0.5) / (_FADE_S * fs))
    samples[:, : ramp.size] *= ramp
    samples[:, -ramp.size :] *= ramp[::-1]
    return samples


def cue_samples(name: str, fs: int, gain_db: float) -> Samples:
    """Return a cue, shape (2, n); its noise, or that of its last step, has the gain."""
    rises = _RISE_DB if name == "comfort" else (0.0,)
    one = cue_noise(fs)
    rising = np.concatenate([one * from_db(gain_db + rise) for rise in rises], axis=1)
    samples: Samples = on_channels(rising) * np.array(_SIDES[name])[:, np.newaxis]
    return samples
