"""One metric of one ear, from the sound to its specific values."""

import numpy as np

from soundcal.indicators.hearing_model.envelope import EnvelopeBlocks
from soundcal.indicators.hearing_model.front_end import FrontEnd
from soundcal.verification.recipes import pressure


def specific_of(kind, recipe, cut=32768, fs=48000):
    """Specific values over time of a recipe by a kind of analysis, ``cut`` samples at a time."""
    front_end, analysis = FrontEnd(fs, "free"), kind()
    blocks = EnvelopeBlocks([analysis.length])
    sound = pressure({**recipe, "fs": fs})
    found = []
    for start in range(0, sound.size, cut):
        for bands in front_end.push(sound[start : start + cut]):
            for block in blocks.push(bands):
                analysis.push(block)
            found.append(analysis.take())
    for bands in front_end.finish():
        for block in blocks.push(bands):
            analysis.push(block)
    for block in blocks.finish():
        analysis.push(block)
    analysis.finish(front_end.n / 48000)
    return np.concatenate([*found, analysis.take()])
