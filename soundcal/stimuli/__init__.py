"""Stimuli: a catalogue of tones, noises, sweeps and binaural scenes, and a lab's own files.

::

    stimulus = load_catalogue()["CG01"]
    samples = render(stimulus, fs=48000)        # shape (n_channels, n_samples), peak <= 0.9

A catalogue is a TOML file with one table ``[[stimulus]]`` per stimulus. Rendered stimuli are the
same to the last bit on every computer (:mod:`soundcal.stimuli.exact`), and are checked against the
SHA-256 in the catalogue. A lab's own WAV or FLAC files (``kind = "file"``) may be listed in a
catalogue too and are checked in the same way. ``level`` is the sound pressure level at which a
listener should hear the stimulus, the energetic mean of both ears. The samples do not depend on it.
"""

from typing import TYPE_CHECKING

from soundcal._lazy import on_first_use

if TYPE_CHECKING:
    from soundcal.stimuli.catalogue import Stimulus, load_catalogue, scenes, select
    from soundcal.stimuli.rendering import digest, file_flags, render
else:
    __getattr__, __dir__ = on_first_use(
        __name__,
        {
            "Stimulus": "catalogue",
            "digest": "rendering",
            "file_flags": "rendering",
            "load_catalogue": "catalogue",
            "render": "rendering",
            "scenes": "catalogue",
            "select": "catalogue",
        },
    )

__all__ = [
    "Stimulus",
    "digest",
    "file_flags",
    "load_catalogue",
    "render",
    "scenes",
    "select",
]
