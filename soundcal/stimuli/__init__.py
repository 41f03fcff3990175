"""Stimuli: a catalogue of tones, noises, sweeps and binaural scenes, and a lab's own files.

::

    stimulus = load_catalogue()["CG01"]
    samples = render(stimulus, fs=48000)        # shape (n_channels, n_samples), peak <= 0.9

A catalogue is a TOML file with one table ``[[stimulus]]`` per stimulus. What a computer makes is
the same to the last bit everywhere (:mod:`soundcal.stimuli.exact`), and the SHA-256 in the
catalogue says so; a lab's own WAV or FLAC files (``kind = "file"``) stand in a catalogue beside
them and are checked in the same way. ``level`` is the sound pressure level at which a listener is
meant to hear the stimulus, the energetic mean of both ears. The samples do not depend on it.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.stimuli.catalogue import Stimulus, load_catalogue, scenes, select
    from soundcal.stimuli.rendering import digest, render
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "Stimulus": "catalogue",
            "digest": "rendering",
            "load_catalogue": "catalogue",
            "render": "rendering",
            "scenes": "catalogue",
            "select": "catalogue",
        },
    )

__all__ = [
    "Stimulus",
    "digest",
    "load_catalogue",
    "render",
    "scenes",
    "select",
]
