"""Capture and Recording: what they accept, refuse and carry."""

import numpy as np
import pytest

from soundcal.errors import ParameterError, SignalError
from soundcal.recording import Capture, Flag, Recording, with_flags


def test_a_capture_names_ears_counts_clipped_samples_and_has_a_digest() -> None:
    capture = Capture(np.array([[0.0, 1.0, -1.0], [0.5, 0.0, 0.0]]), 48000)
    assert capture.channels == ("left", "right")
    assert capture.clipped == (2, 0)
    assert len(capture.sha256) == 64
    assert capture.duration == 3 / 48000


@pytest.mark.parametrize(
    "samples",
    [
        np.array([[0.0, np.nan]]),
        np.array([[0.0, np.inf]]),
        np.zeros((1, 4), dtype=np.int16),
        np.zeros((4, 2)),
        np.zeros((1, 2, 3)),
        np.zeros((1, 4), dtype=complex),
    ],
)
def test_unusable_samples_are_refused(samples: np.ndarray) -> None:
    with pytest.raises(SignalError):
        Capture(samples, 48000)
    with pytest.raises(SignalError):
        Recording(samples, 48000, "id")


def test_channel_names_must_fit() -> None:
    with pytest.raises(ParameterError, match="distinct"):
        Capture(np.zeros((2, 8)), 48000, channels=("left", "left"))
    recording = Recording(np.zeros((2, 8)), 48000, "id")
    with pytest.raises(ParameterError, match="left, right"):
        recording.channel("middle")


def test_flags_are_added_not_replaced() -> None:
    first, second = Flag("gaps", "first"), Flag("rate", "second")
    capture = Capture(np.zeros((1, 8)), 48000, flags=(first,))
    assert with_flags(capture, [second]).flags == (first, second)
    assert capture.flags == (first,)
