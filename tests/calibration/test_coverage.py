"""Honest uncertainties: how often the stated interval holds the truth."""

import math

import numpy as np
import pytest

from soundcal.calibration.calibrator_take import ToneLimits
from soundcal.calibration.microphone import Influences, calibrate
from soundcal.recording import Capture
from soundcal.units import db, level_to_pascal


@pytest.mark.parametrize(
    ("insertions", "runs"),
    [
        (1, 250),
        pytest.param(1, 1000, marks=pytest.mark.long),
        pytest.param(2, 500, marks=pytest.mark.long),
        pytest.param(3, 400, marks=pytest.mark.long),
    ],
)
def test_intervals_of_95_percent_cover_the_truth_in_93_to_97(insertions: int, runs: int) -> None:
    """… or, in few runs, within three standard errors of these.

    Every influence of the budget is drawn from the distribution that the budget states.

    The takes are real samples: tone, level fluctuation and noise, through the public function. The
    truth of a simulated ear is its sensitivity. Unknown to the calibration are the
    calibrator's true level, the response between its frequency and 1 kHz, the environment, the
    certificate's last digit, every insertion, and where within its fluctuation the level stood
    during the takes. With three insertions, half of the laboratories insert well (0.05 dB), half
    badly (0.1 dB); with fewer, their repeatability is spread as the stated one is: 0.1 dB, known to
    25 %, which is 8 degrees of freedom.
    """
    fs = 2400
    rng = np.random.default_rng(1)
    stated = Influences(expanded=0.15)
    limits = ToneLimits(duration=2.5)  # every take is judged: short ones keep the test short
    t = np.arange(round(limits.duration * fs)) / fs
    half = 0.02
    swing = 10 ** (half * np.sin(2 * np.pi * 0.4 * t) / 20)  # whole periods: its mean is 0 dB
    carrier = math.sqrt(2.0) * swing * np.sin(2 * np.pi * 1000.0 * t + 0.3)
    hiss = 1e-4 * rng.normal(0.0, 1.0, (8, t.size))
    hits = 0
    for run in range(runs):
        sensitivity = rng.uniform(5.0, 20.0)
        repeatability = (0.05, 0.1)[run % 2]
        if insertions < 3:
            repeatability = stated.repeatability / math.sqrt(rng.chisquare(8) / 8)
        levels = (
            94.0
            + rng.normal(0.0, stated.expanded / stated.k)
            + rng.uniform(-1, 1) * stated.resolution / 2.0
            + rng.uniform(-1, 1) * stated.response_limit
            + rng.uniform(-1, 1) * stated.environment_limit
            + rng.uniform(-1, 1) * half
            + rng.normal(0.0, repeatability, insertions)
        )
        rms = level_to_pascal(levels) / sensitivity
        takes = [
            Capture(x * carrier + hiss[i % 8], fs, channels=("left",)) for i, x in enumerate(rms)
        ]
        chain = calibrate({"left": takes}, influences=stated, limits=limits).chain("left")
        hits += abs(chain.gain_db - db(sensitivity)) <= chain.expanded(0.95)[0]
    few = 3.0 * math.sqrt(0.95 * 0.05 / runs) if runs < 400 else 0.0
    assert 0.93 - few <= hits / runs <= 0.97 + few
