"""Responses: sign, level, sum, filter and measurement, against closed forms.

No standard prints numbers for these. The sign and the level of a response follow from its
definition, harmonics of a polynomial and the gain of an echo from a formula, and the acceptance
limits of filters are soundcal's own.
"""

import math
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Final

import numpy as np
from scipy.signal import butter, sosfilt, sosfreqz

from soundcal.arrays import Array
from soundcal.dsp.convolve import fir_gain
from soundcal.dsp.octave import RESPONSE_BANDS
from soundcal.indicators.response_uncertainty import ResponseUncertainty, error_covariance
from soundcal.recording import Recording
from soundcal.response.combining import combine_responses
from soundcal.response.curve import ChannelResponse
from soundcal.response.deconvolution import Gate, deconvolve, window_high_pass
from soundcal.response.directions import Direction
from soundcal.response.distortion import harmonic_gains
from soundcal.response.equaliser import Equaliser
from soundcal.response.inversion import inverse
from soundcal.response.model import Response, new_response
from soundcal.response.sweep import Sweep
from soundcal.response.tables import generic_response
from soundcal.units import db, from_db
from soundcal.verification.rows import Row

__all__ = ["rows"]

DEFINITION: Final = "definition of a response"
GUM: Final = "JCGM 100:2008 (GUM)"
FARINA: Final = "Farina 2000, AES preprint 5093"
FS: Final = 48000

_F: Final = np.geomspace(10.0, 20000.0, 300)
_AUDIBLE: Final = np.geomspace(20.0, 20000.0, 400)
_CORNER: Final = 20.0


def _microphone(frequency: Array, level: Array, at: float = 1000.0) -> Response:
    """Return a microphone that is 0 dB at ``at`` Hz."""
    curve = ChannelResponse(frequency, level, u_db=np.full(frequency.size, 0.3))
    curve = curve.shifted(-float(curve.level(at)))
    return new_response("M", "P", "FS", "relative", {"mono": curve}, normalised_at=at)


def _bright() -> Response:
    return _microphone(
        np.array([20.0, 1000.0, 5000.0, 10000.0, 20000.0]), np.array([0.0, 0.0, 0.0, 3.0, 3.0])
    )


def _falling(at: float) -> Response:
    """Return a microphone whose level falls by 1 dB per octave towards low frequencies."""
    return _microphone(_F, np.log2(_F / 1000.0), at)


def _change(response: Response, directions: Sequence[Direction], frequency: float) -> float:
    """Return the change of a tone's level in dB by the steps."""
    time = np.arange(FS) / FS
    tone = np.sin(2.0 * np.pi * frequency * time)
    point = "P" if response.kind == "relative" else "DRP"
    recording = Recording(tone, FS, "verification", point=point)
    for direction in directions:
        equaliser = Equaliser(response, direction=direction, fs=FS, channels=("mono",))
        recording = equaliser.apply(recording)
    steady = slice(FS // 2, 7 * FS // 10)
    return db(float(np.std(recording.pressure[0, steady]) / np.std(tone[steady])))


def _combined(value: Callable[[ChannelResponse], float]) -> float:
    """Return a value at 1 kHz of the chain of two responses."""
    f = np.array([20.0, 20000.0])
    parts = [
        new_response(
            name,
            *ends,
            "absolute",
            {"mono": ChannelResponse(f, np.full(2, level), u_db=np.full(2, u))},
        )
        for name, ends, level, u in (
            ("A", ("DF", "DRP"), 2.9, 0.3),
            ("B", ("DRP", "ERP"), -0.7, 0.4),
        )
    ]
    return value(combine_responses(*parts).channel("mono"))


def _filter_error(low: float) -> float:
    """Return the largest error of a filter for a roll-off of second order at 20 Hz, in dB."""
    microphone = _microphone(_AUDIBLE, -10.0 * np.log10(1.0 + (20.0 / _AUDIBLE) ** 4))
    equaliser = Equaliser(microphone, direction="undo", fs=FS, channels=("mono",))
    f = np.geomspace(low, 20000.0, 400)
    return float(np.abs(equaliser.gain_db(f)[0] - equaliser.wanted_db("mono", f)).max())


def _largest_boost() -> float:
    """Return the largest gain of a filter for headphones with a notch of 30 dB, in dB."""
    level = -30.0 * np.exp(-0.5 * (np.log2(_F / 7000.0) / 0.05) ** 2)
    curve = ChannelResponse(_F, level, u_db=np.zeros(_F.size))
    headphones = new_response("H", "FS", "DRP", "absolute", {"mono": curve})
    made = inverse(headphones, boost=12.0).channel("mono")
    return float(made.magnitude_db.max())


@lru_cache(maxsize=1)
def _distorted() -> tuple[Sweep, Array]:
    """Return a sweep and its response through ``x + 0.01 x² + 0.02 x³``."""
    sweep = Sweep(FS, duration=1.0, level_dbfs=-6.0)
    x = np.pad(sweep.samples(), (0, FS // 5))
    return sweep, deconvolve(x + 0.01 * x**2 + 0.02 * x**3, sweep, _CORNER)


def _harmonic(order: int) -> float:
    sweep, response = _distorted()
    return float(harmonic_gains(response, sweep, order, [1000.0], corner=_CORNER)[0])


def _sweep_error(corner: float, low: float, high: float) -> float:
    """Return the largest error of a measured response in dB: a high-pass of second order, or flat.

    Its corner frequency is in Hz; 0 for a path that passes everything.
    """
    sweep = Sweep(FS)
    played = np.pad(sweep.samples(), (0, FS // 5))
    f = np.geomspace(low, high, 300)
    taken, true = played, np.ones(f.size)
    if corner:
        sections = butter(2, corner, "highpass", fs=FS, output="sos")
        taken, true = sosfilt(sections, played), np.abs(sosfreqz(sections, f, fs=FS)[1])
    passed = fir_gain(Gate().cut(deconvolve(taken, sweep, _CORNER), FS), f, FS)
    return float(np.abs(db(np.abs(passed / window_high_pass(f, _CORNER)) / true)).max())


def _pink(octaves: float) -> ResponseUncertainty:
    """Return the uncertainty of pink noise from 1 dB per band, in the bands of loudness."""
    mid = np.array([band.mid for band in RESPONSE_BANDS])
    curve = ChannelResponse(
        mid, np.zeros(mid.size), u_db=np.ones(mid.size), correlation_octaves=octaves
    )
    ear = new_response("E", "DF", "DRP", "absolute", {"mono": curve})
    step = Equaliser(ear, direction="undo", fs=FS, channels=("mono",), taps=64).applied()
    power = np.where((mid > 24.0) & (mid < 13000.0), 4e-5, 0.0)
    return ResponseUncertainty(mid, power, error_covariance([step], "mono"))


def _level_rows() -> list[Row]:
    around = "microphone that is 3 dB too loud at 10 kHz"
    cases: list[tuple[str, str, float, float, Callable[[], float]]] = [
        ("sign", f"tone of 10 kHz, {around}, undone", -3.0, 0.01,
         partial(_change, _bright(), ("undo",), 10000.0)),
        ("sign", f"tone of 10 kHz, {around}, embedded", 3.0, 0.01,
         partial(_change, _bright(), ("embed",), 10000.0)),
        ("relative", f"calibrator's tone of 1 kHz, {around}, undone", 0.0, 1e-9,
         partial(_change, _bright(), ("undo",), 1000.0)),
        ("relative", "pistonphone's tone of 250 Hz, microphone with 1 dB per octave, undone", 0.0,
         1e-9, partial(_change, _falling(250.0), ("undo",), 250.0)),
        ("relative", "tone of 1 kHz, the same", -2.0, 0.01,
         partial(_change, _falling(250.0), ("undo",), 1000.0)),
        ("round trip", "tone of 3150 Hz, free field to drum, undone and embedded", 0.0, 0.01,
         partial(_change, generic_response("generic-ff"), ("undo", "embed"), 3150.0)),
    ]  # fmt: skip
    return [
        Row(
            DEFINITION,
            clause,
            f"change of level: {quantity}",
            expected,
            expected - limit,
            expected + limit,
            "dB",
            compute,
            grade="definition",
        )
        for clause, quantity, expected, limit, compute in cases
    ]


def rows() -> list[Row]:
    """Return the rows of responses."""
    head = Row(
        "ANSI S3.4-2007, as in public files",
        "free field to drum",
        "change of level: tone of 1 kHz at the drum, free field to drum undone",
        -2.6,
        -2.61,
        -2.59,
        "dB",
        partial(_change, generic_response("generic-ff"), ("undo",), 1000.0),
        grade="publication",
    )
    targets: list[tuple[str, str, float, Callable[[], float]]] = [
        ("filter of 8192 taps", "largest error, roll-off of second order at 20 Hz, from 20 Hz",
         0.06, partial(_filter_error, 20.0)),
        ("filter of 8192 taps", "the same from 31.5 Hz",
         0.02, partial(_filter_error, 31.5)),
        ("sweep of 6 s", "largest error, high-pass of second order at 20 Hz, 20 Hz to 20 kHz",
         0.1, partial(_sweep_error, 20.0, 20.0, 20000.0)),
        ("sweep of 6 s", "the same from 100 Hz to 10 kHz",
         0.02, partial(_sweep_error, 20.0, 100.0, 10000.0)),
        ("sweep of 6 s", "largest error, path that passes everything, 20 Hz to 20 kHz",
         0.1, partial(_sweep_error, 0.0, 20.0, 20000.0)),
        ("sweep of 6 s", "the same from 100 Hz to 10 kHz",
         0.02, partial(_sweep_error, 0.0, 100.0, 10000.0)),
    ]  # fmt: skip
    gum = (
        (0.0, "none", 0.26),
        (1.0 / 3.0, "1/3 octave", 0.41),
        (1.0, "1 octave", 0.67),
        (math.inf, "all", 1.0),
    )
    return [
        *_level_rows(),
        head,
        Row(
            DEFINITION,
            "chain",
            "level at 1 kHz of +2.9 dB and -0.7 dB combined",
            2.2,
            2.2 - 1e-9,
            2.2 + 1e-9,
            "dB",
            partial(_combined, lambda curve: float(curve.level(1000.0))),
            grade="definition",
        ),
        Row(
            GUM,
            "5.1.2",
            "standard uncertainty of 0.3 dB and 0.4 dB combined",
            0.5,
            0.5 - 1e-9,
            0.5 + 1e-9,
            "dB",
            partial(_combined, lambda curve: float(curve.uncertainty(1000.0))),
        ),
        *(
            Row(
                GUM,
                "5.2.2",
                f"u(LA) of pink noise, 1 dB per third octave, alike over {name}",
                u,
                u - 0.005,
                u + 0.005,
                "dB",
                partial(lambda octaves: _pink(octaves).of_level("A"), octaves),
                grade="target",
            )
            for octaves, name, u in gum
        ),
        *(
            Row(DEFINITION, clause, quantity, 0.0, 0.0, limit, "dB", compute, "target")
            for clause, quantity, limit, compute in targets
        ),
        Row(
            DEFINITION,
            "inverse",
            "largest gain for headphones with a notch of 30 dB, boost limited to 12 dB",
            12.0,
            0.0,
            12.0,
            "dB",
            _largest_boost,
            grade="target",
        ),
        *(
            Row(
                FARINA,
                "harmonics",
                f"{name} harmonic of x + 0.01 x² + 0.02 x³ at -6 dB re full scale, 1 kHz",
                amplitude,
                0.99 * amplitude,
                1.01 * amplitude,
                "1",
                partial(_harmonic, order),
                grade="definition",
            )
            for name, order, amplitude in (
                ("2nd", 2, 0.01 * from_db(-6.0) / 2.0),
                ("3rd", 3, 0.02 * from_db(-6.0) ** 2 / 4.0),
            )
        ),
    ]
