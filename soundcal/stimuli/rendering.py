"""Rendering: the samples of a stimulus, checked against the catalogue."""

import hashlib
from pathlib import Path
from typing import Final

import numpy as np

from soundcal.arrays import Array
from soundcal.errors import ParameterError, RecordError
from soundcal.files import audio
from soundcal.files.atomic import file_digest
from soundcal.files.recordings import equalised_before
from soundcal.recording import Flag
from soundcal.stimuli.catalogue import LONGEST_S, Stimulus
from soundcal.stimuli.exact import to_24_bit
from soundcal.stimuli.parameters import check_parameters
from soundcal.stimuli.scenery import scene
from soundcal.stimuli.signals import SIGNALS
from soundcal.takes.file_checks import stimulus_flags

__all__ = ["digest", "file_flags", "render"]

_CATALOGUE_FS: Final = 48000
_RATES: Final = (8000, 192000)


def render(stimulus: Stimulus, *, fs: int = _CATALOGUE_FS, duration: float | None = None) -> Array:
    """Return the samples of a stimulus.

    Parameters
    ----------
    stimulus : Stimulus
        From :func:`~soundcal.stimuli.catalogue.load_catalogue`.
    fs : int
        Sampling rate in Hz, 8000 to 192000. For a file it must be the file's own rate.
    duration : float, optional
        Duration in s; that of the catalogue if not given. A scene with another duration is a
        different rendering, not the beginning of the first; a file is cut.

    Returns
    -------
    ndarray, shape (n_channels, n_samples)
        Multiples of 2^-23, at most 0.9; for a file, its own samples. A scene has two channels, left
        and right.

    Raises
    ------
    ParameterError
        Rate or duration out of range, a rate that is not that of the file, or one too low for the
        tone.
    RecordError
        The parameters do not describe the kind, or the samples or the file do not match the
        checksum of the catalogue.
    """
    if not _RATES[0] <= fs <= _RATES[1]:
        raise ParameterError(f"sampling rate {fs} Hz: {_RATES[0]} to {_RATES[1]} Hz are expected")
    seconds = stimulus.duration if duration is None else duration
    if not 0.1 <= seconds <= LONGEST_S:
        raise ParameterError(f"duration {seconds} s: 0.1 to {LONGEST_S:g} s are expected")
    if stimulus.kind == "file":
        return _from_file(stimulus, fs, duration)
    samples = _generate(stimulus, fs, round(seconds * fs))
    as_in_catalogue = fs == _CATALOGUE_FS and seconds == stimulus.duration
    if as_in_catalogue and stimulus.sha256 and digest(samples) != stimulus.sha256:
        raise RecordError(
            f"{stimulus.id}: the rendering has SHA-256 {digest(samples)}, but the catalogue gives "
            f"{stimulus.sha256}; either the entry was changed (then refresh its checksum) or this "
            "machine computes differently (then please report it)"
        )
    return samples


def file_flags(stimulus: Stimulus, *, equalised: bool = False) -> tuple[Flag, ...]:
    """Return the reasons to doubt the file of a stimulus, none of one that is generated.

    One that is to be ``equalised`` should not be a recording of equalised playback.

    Raises
    ------
    RecordError
        The file cannot be read.
    """
    if stimulus.kind != "file":
        return ()
    path = _path(stimulus)
    return (*stimulus_flags(audio.read(path)), *(equalised_before(path) if equalised else ()))


def digest(samples: Array) -> str:
    """Return the SHA-256 of a rendering: 24-bit values as little-endian int32, by channel."""
    return hashlib.sha256(np.ascontiguousarray(to_24_bit(samples), dtype="<i4").data).hexdigest()


def _generate(stimulus: Stimulus, fs: int, n: int) -> Array:
    check_parameters(stimulus.kind, stimulus.parameters, stimulus.id)
    make = scene if stimulus.kind == "scene" else SIGNALS[stimulus.kind]
    samples = make(stimulus.parameters, stimulus.seed, fs, n)
    return np.atleast_2d(to_24_bit(samples) * 2.0**-23)


def _from_file(stimulus: Stimulus, fs: int, duration: float | None) -> Array:
    path = _path(stimulus)
    found = file_digest(path)
    if found != stimulus.sha256:
        raise RecordError(
            f"{path}: SHA-256 {found} differs from that of the catalogue, "
            f"{stimulus.sha256 or 'none'}; it is not the file that was entered in the catalogue"
        )
    capture = audio.read(path)
    if capture.fs != fs:
        raise ParameterError(
            f"{path}: sampling rate {capture.fs} Hz, not {fs} Hz; soundcal does not resample "
            "silently: use the file's rate or convert the file"
        )
    n = capture.n_samples if duration is None else round(duration * fs)
    if n > capture.n_samples:
        raise ParameterError(
            f"{path}: holds {capture.duration:g} s, but {duration:g} s were requested"
        )
    return np.array(capture.samples[:, :n])


def _path(stimulus: Stimulus) -> Path:
    return stimulus.folder / str(stimulus.parameters["path"])
