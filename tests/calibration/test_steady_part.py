"""The steady part of a calibrator's recording: right to within 0.01 dB, or refused with reasons."""

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from soundcal.calibration.calibrator_take import check_take
from soundcal.calibration.steady_part import longest_steady_part, steady_parts
from soundcal.errors import SignalError, ToneNotFound
from soundcal.recording import Capture

FS = 8000
LEVEL = -20.0
OFF = -200.0

Gain = float | Callable[[np.ndarray], np.ndarray]
"""Gain of a segment in dB, constant or over its time in s."""


def recording(
    *segments: tuple[float, Gain],
    bumps: Sequence[tuple[float, float, float]] = (),
    frequency: float = 1000.3,
    noise: float = 1e-4,
    fs: int = FS,
) -> np.ndarray:
    """Return a tone of segments ``(seconds, gain)`` with bumps of noise ``(at, seconds, rms)``."""
    random = np.random.default_rng(1)
    gains = []
    for seconds, gain in segments:
        t = np.arange(round(seconds * fs)) / fs
        gains.append(gain(t) if callable(gain) else np.full(t.size, gain))
    gain_db = np.concatenate(gains)
    carrier = np.sin(2 * np.pi * frequency * np.arange(gain_db.size) / fs + 0.3)
    x = np.sqrt(2) * 10 ** ((LEVEL + gain_db) / 20) * carrier
    x += noise * random.standard_normal(x.size)
    for at, seconds, rms in bumps:
        part = x[round(at * fs) : round((at + seconds) * fs)]
        part += rms * random.standard_normal(part.size)
    return np.round(x * 2**23) / 2**23


def thump(x: np.ndarray, at: float, seconds: float, frequency: float) -> np.ndarray:
    """Add the pressure of a calibrator that is pushed on: a decaying infrasound."""
    t = np.maximum(np.arange(x.size) / FS - at, 0.0)
    return x + 0.5 * np.exp(-t / seconds) * np.sin(2 * np.pi * frequency * t)


def fade(seconds: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda t: 20 * np.log10(np.maximum(t / seconds, 1e-9))


def wobble(t: np.ndarray) -> np.ndarray:
    return -6.0 + 5.0 * np.sin(9 * t) + 3.0 * np.sin(23 * t)


CHOSEN = {
    "put on late with a bump, taken off": (
        recording((6, OFF), (15, 0.0), (3, OFF), bumps=[(5.8, 0.4, 0.18)]),
        (6.2, 21.0),
    ),
    "taken off early": (recording((13, 0.0), (4, OFF)), (0.0, 13.0)),
    "handled at the start": (recording((13, 0.0), bumps=[(0.0, 0.5, 0.05)]), (0.5, 13.0)),
    "handled at the end": (recording((13, 0.0), bumps=[(12.0, 1.0, 0.05)]), (0.0, 12.0)),
    "cough in the middle": (recording((24, 0.0), bumps=[(8.0, 0.6, 0.1)]), (8.6, 24.0)),
    "faded in": (recording((1, OFF), (1, fade(1.0)), (12, 0.0)), (2.0, 14.0)),
    "wobbling while put on": (recording((1, OFF), (2, wobble), (12, 0.0)), (3.0, 15.0)),
    "pressure of pushing": (thump(recording((4, OFF), (14, 0.0)), 3.9, 0.5, 3.0), (4.0, 18.0)),
    "noisy": (recording((4, OFF), (14, 0.0), (1, OFF), noise=2e-3), (4.0, 18.0)),
    "put on twice": (recording((12, 0.0), (2, OFF), (11, 0.05), (1, OFF)), (0.0, 12.0)),
    "clipped while put on": (
        np.clip(recording((3, OFF), (12, 0.0), (1, OFF), bumps=[(2.7, 0.5, 1.0)]), -1, 1),
        (3.2, 15.0),
    ),
}


@pytest.mark.parametrize("case", CHOSEN)
def test_the_longest_steady_part_has_the_level_of_the_tone(case: str) -> None:
    x, (start, end) = CHOSEN[case]
    with pytest.raises((SignalError, ToneNotFound)):
        check_take(Capture(x, FS), "left")
    part = longest_steady_part(x, FS, 1000.0)
    assert start <= part.start < start + 0.8
    assert end - 0.8 < part.end <= end
    assert part.level == pytest.approx(LEVEL, abs=0.01)
    used = x[round(part.start * FS) : round(part.end * FS)]
    assert check_take(Capture(used, FS), "left").level == pytest.approx(LEVEL, abs=0.002)


@pytest.mark.parametrize(
    ("fs", "frequency", "nominal"),
    [(44100, 251.19, 250.0), (51200, 1000.0, 1000.0), (11025, 1005.0, 1000.0)],
)
def test_any_rate_and_frequency(fs: int, frequency: float, nominal: float) -> None:
    x = recording((3, OFF), (12, 0.0), (1, OFF), frequency=frequency, fs=fs)
    part = longest_steady_part(x, fs, nominal)
    assert (part.start, part.end) == pytest.approx((3.1, 14.9), abs=0.03)


def creeping(size: float, seconds: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda t: size * np.exp(-t / seconds)


REFUSED = {
    "switched by 20 dB": (recording((12, 0.0), (5, 19.0)), "at 2 levels .*-20.00 .*-1.00 dB"),
    "leak at the end": (recording((1, OFF), (13, 0.0), (3, -0.8)), r"-20\.80 dB re full scale"),
    "drift of 0.02 dB/s": (recording((30, lambda t: 0.02 * t)), "creeps"),
    "gain control, 1 s": (recording((2, OFF), (20, creeping(8.0, 1.0))), "creeps .* before"),
    "gain control, 0.1 s": (recording((2, OFF), (14, creeping(8.0, 0.1))), "creeps .* before"),
    "gain control of 1 dB": (recording((2, OFF), (16, creeping(1.0, 0.5))), "creeps .* before"),
    "gain control from the start": (recording((30, creeping(8.0, 3.0))), "creeps .* before"),
    "gain control after a cough": (
        recording((13, 0.0), (20, creeping(-6.0, 1.0)), bumps=[(12.9, 0.2, 0.1)]),
        "creeps",
    ),
    "pumping": (recording((20, lambda t: np.sin(31 * t))), "no part of 1 s"),
    "missing for 5 ms": (recording((11, 0.0), (0.005, OFF), (12, 0.0)), "interrupted at 10.9"),
    "missing for 0.19 s": (recording((11, 0.0), (0.19, OFF), (12, 0.0)), "interrupted at 10.9"),
    "samples lost": (np.delete(recording((24, 0.0)), slice(80000, 80003)), "interrupted at 9.9"),
    "too short": (
        recording((3, OFF), (8, 0.0), (2, OFF)),
        r"only \(7\.80 s\).*10 s.*--from 3\.10 --to 10\.90",
    ),
    "silence": (recording((20, OFF)), "no part of 1 s"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_part_is_not_chosen_if_the_rest_speaks_against_it(case: str) -> None:
    x, words = REFUSED[case]
    with pytest.raises(ToneNotFound, match=words):
        longest_steady_part(x, FS, 1000.0)


def test_one_lost_sample_is_found_in_the_part() -> None:
    fs = 48000
    x = np.delete(recording((2, OFF), (12, 0.0), (2, OFF), fs=fs), 400003)
    part = longest_steady_part(x, fs, 1000.0)
    used = Capture(x[round(part.start * fs) : round(part.end * fs)], fs)
    with pytest.raises(SignalError, match="the phase of the tone jumps"):
        check_take(used, "left")


def test_parts_come_in_the_order_of_time() -> None:
    x = recording((1, OFF), (3, 0.0), (1, OFF), (5, -3.0), (1, OFF))
    first, second = steady_parts(x, FS, 1000.0)
    assert (first.start, first.end, second.start, second.end) == pytest.approx(
        (1.1, 3.9, 5.1, 9.9), abs=0.03
    )
    assert (first.level, second.level) == pytest.approx((-20.0, -23.0), abs=0.01)
    assert steady_parts(x[:100], FS, 1000.0) == []
    assert steady_parts(x[:0], FS, 1000.0) == []
