"""Sensitivity of a microphone or ear, in pascal per full scale, from a calibrator tone.

A sound calibrator makes a tone of known level. Every take is checked before it is used; the checks
of the calibrator are those of IEC 60942:2017, class 1. The sensitivity is the certified pressure
divided by the narrow-band rms of the samples, averaged (in dB) over the insertions.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from soundcal.calibration.calibrator_take import (
    CLASS_1,
    ToneLimits,
    check_take,
    index_of,
)
from soundcal.calibration.drift import MEASURED
from soundcal.calibration.model import TO_1_KHZ, Calibration, Chain, Link, new_calibration
from soundcal.calibration.plausibility import compression, doubts, equal
from soundcal.calibration.tone import Tone, third_harmonic
from soundcal.calibration.uncertainty import (
    dof_from_doubt,
    expanded_to_standard,
    rectangular,
)
from soundcal.errors import ParameterError
from soundcal.identity import is_device, stable
from soundcal.recording import Capture, counted, is_lossy, sample_digest
from soundcal.units import PASCAL_DB, db

__all__ = [
    "LOSSY_DB",
    "REFERENCE_PRESSURE",
    "Influences",
    "calibrate",
]

REFERENCE_PRESSURE: Final = 101.325
"""Static pressure in kPa to which the level of a pistonphone refers (IEC 60942:2017)."""

_PEAKS: Final = 3
_ONE_PEAK: Final = 1e-4
_ROUND_DB: Final = 0.002
"""Peaks of three takes or more that agree this far (relative), at a tenth of a decibel, were set by
an editor: with a repeatability of 0.02 dB, chance makes such peaks once in ten thousand
calibrations."""

_ENOUGH: Final = 3
"""Insertions of one ear from which the scatter is known from itself: with two, the interval has a
coverage factor of up to 12.7 or, if chance makes them equal, no width at all."""

LOSSY_DB: Final = 0.25
"""Largest error in dB of a tone that a lossy coding changes and :func:`check_take` accepts. Up to
0.21 dB are seen (µ-law, A-law, IMA and MS ADPCM, MP3, Vorbis; 250 Hz and 1 kHz, -10 to -45 dB), as
much as the accepted distortion of 2.5 % would change at the tone's own frequency."""

_LOSSY_LINK: Final = (
    Link("lossy coding", 0.0, rectangular(LOSSY_DB), source=f"±{LOSSY_DB} dB, rectangular"),
)


@dataclass(frozen=True, slots=True)
class Influences:
    """Influences on the level at the microphone, in addition to the calibrator's nominal level.

    Parameters
    ----------
    expanded : float, optional
        Expanded uncertainty in dB of the level on the calibrator's certificate. Without a
        certificate the level may be anywhere within class 1: ±0.25 dB, itself verified with
        U = 0.15 dB (IEC 60942:2017, 160 Hz to 1250 Hz).
    k : float
        Coverage factor of ``expanded``.
    resolution : float
        Last digit of the level on the certificate, dB.
    response : float
        Response of the microphone at the reference frequency (1 kHz) relative to that at the
        calibrator's frequency, with coupler-volume correction if the microphone needs one, dB.
    response_limit : float
        Half width in dB of the error of ``response``. Default: assumption, ±0.1 dB.
    static_pressure : float, optional
        Ambient static pressure in kPa; a pistonphone's pressure is proportional to it.
    static_pressure_limit : float
        Half width in kPa of the barometer's error.
    environment_limit : float
        Half width in dB of the influence of temperature, humidity and, without a barometer, static
        pressure on the level of a feedback calibrator in a laboratory. Default: assumption,
        ±0.05 dB (IEC 60942:2017 allows class 1 ±0.25 dB over its whole range of conditions).
    repeatability : float
        Standard deviation in dB of one insertion, used when no ear has three insertions that
        differ. Default: assumption, 0.1 dB, known to 25 %.
    """

    expanded: float | None = None
    k: float = 2.0
    resolution: float = 0.01
    response: float = 0.0
    response_limit: float = 0.1
    static_pressure: float | None = None
    static_pressure_limit: float = 0.1
    environment_limit: float = 0.05
    repeatability: float = 0.1

    def __post_init__(self) -> None:
        if self.static_pressure is not None and not 50.0 <= self.static_pressure <= 115.0:
            raise ParameterError(
                f"static pressure {self.static_pressure} kPa; 50 to 115 kPa is expected "
                "(the barometer's reading on site, not reduced to sea level)"
            )


_WEATHER: Final = 4.5
"""Half width in kPa of the static pressure near sea level, if no barometer was read."""


def calibrate(
    takes: Mapping[str, Sequence[Capture]],
    *,
    level: float = 94.0,
    frequency: float = 1000.0,
    pistonphone: bool = False,
    influences: Influences | None = None,
    expected: Mapping[str, float] | None = None,
    limits: ToneLimits = CLASS_1,
    device: str = "",
    files: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> Calibration:
    """Return the sensitivity of every ear from takes of a calibrator tone.

    Parameters
    ----------
    takes : mapping of str to sequence of Capture
        Takes of each ear, one per insertion of the calibrator. A take has a channel with the ear's
        name, or a single channel.
    level : float
        Level of the calibrator in dB re 20 µPa, from its certificate.
    frequency : float
        Frequency of the calibrator in Hz.
    pistonphone : bool
        True for a (250 Hz) pistonphone, whose pressure is proportional to the static pressure.
    influences : Influences, optional
        Certificate, corrections and their uncertainties.
    expected : mapping of str to float, optional
        Sensitivity per ear in Pa per full scale, e.g. of the last calibration.
    limits : ToneLimits
        Acceptance limits.
    device : str
        Identity of the device; that of the first take if not given.
    files : mapping of str to sequence of mapping, optional
        For each take, the file and the part of it that the take is; kept in ``details``.

    Returns
    -------
    Calibration
        Direction ``input``, method ``calibrator``; chain per ear with the GUM budget, residuals
        per insertion in dB, measured tones in ``details``. ``details["warnings"]`` lists what looks
        wrong without being impossible (:mod:`soundcal.calibration.plausibility`).

    Raises
    ------
    SignalError
        A take is too short, clipped, all zero, has lost blocks, or is invalid; see
        :func:`check_take`.
    ToneNotFound
        The tone is missing, or is not that of the calibrator; see :func:`check_take`.
    ParameterError
        No take, the same take given twice, takes of several devices, or a level or frequency out
        of range.

    Notes
    -----
    The expanded uncertainty (``Chain.expanded``) is Student's t with the effective degrees of
    freedom of Welch and Satterthwaite. That rule is good unless the scatter of the insertions
    dominates and has hardly any degrees of freedom: with a scatter of 0.1 dB, 3 insertions and a
    certificate of U = 0.15 dB, the 95 % intervals cover 95 %; with 0.2 dB and 2 insertions of one
    ear they cover only 91 %. Make 3 insertions or more.
    """
    stated = influences or Influences()
    if not takes or not all(takes.values()):
        raise ParameterError("an ear without a take; record at least 1 take of the tone per ear")
    if not 60.0 <= level <= 140.0:
        raise ParameterError(f"calibrator level {level} dB; 60 to 140 dB is expected")
    _refuse_two_devices([device, *(take.device for v in takes.values() for take in v)])
    _refuse_repeated(takes)
    tones: dict[str, list[Tone]] = {}
    for ear, captures in takes.items():
        wanted = None if expected is None else expected.get(ear)
        tones[ear] = [
            check_take(take, ear, level=level, frequency=frequency, expected=wanted, limits=limits)
            for take in captures
        ]
    thirds = {
        ear: [
            third_harmonic(take.samples[index_of(take, ear)], take.fs, tone.frequency)
            for take, tone in zip(captures, tones[ear], strict=True)
        ]
        for ear, captures in takes.items()
    }
    scatter = _scatter(tones, stated)
    common = _common_links(level, frequency, pistonphone, stated)
    chains = {}
    for ear, found in tones.items():
        linearity = _linearity_link(max(thirds[ear]))
        coding = _LOSSY_LINK if any(is_lossy(take.flags) for take in takes[ear]) else ()
        chains[ear] = Chain((*common, *coding, linearity, *_own_links(found, *scatter)))
    means = {ear: float(np.mean([t.level for t in found])) for ear, found in tones.items()}
    first = next(iter(takes.values()))[0]
    return new_calibration(
        "calibrator",
        "input",
        chains,
        device=device or first.device,
        residuals={ear: tuple(t.level - means[ear] for t in v) for ear, v in tones.items()},
        details={
            "calibrator": {"level": level, "frequency": frequency, "pistonphone": pistonphone},
            "influences": asdict(stated),
            "limits": asdict(limits),
            "tones": {ear: [t.to_dict() for t in found] for ear, found in tones.items()},
            **({} if files is None else {"files": files}),
            "takes_sha256": {ear: [take.sha256 for take in v] for ear, v in takes.items()},
            "fs": sorted({take.fs for v in takes.values() for take in v}),
            "simulated": any(take.simulated for v in takes.values() for take in v),
            "warnings": [
                *_brief(takes),
                *_lossy(takes),
                *_normalised(takes),
                *doubts(tones, thirds, stated.repeatability),
            ],
        },
    )


def _brief(takes: Mapping[str, Sequence[Capture]]) -> list[str]:
    """Return warnings about takes of less than the usual length, which looser limits accept."""
    return [
        f"{ear}, take {number} lasts {take.duration:.2f} s only; {CLASS_1.duration:g} s show "
        "whether the calibrator is steady"
        for ear, captures in takes.items()
        for number, take in enumerate(captures, start=1)
        if take.duration < CLASS_1.duration
    ]


def _lossy(takes: Mapping[str, Sequence[Capture]]) -> list[str]:
    """Return warnings about takes of a lossy coding."""
    return [
        f"{ear}, take {number}: lossy coding, which changes the level of a tone by up to "
        f"{LOSSY_DB:g} dB; record the calibrator without it"
        for ear, captures in takes.items()
        for number, take in enumerate(captures, start=1)
        if is_lossy(take.flags)
    ]


def _normalised(takes: Mapping[str, Sequence[Capture]]) -> list[str]:
    """Return a warning if three takes or more have one peak: an editor has set it."""
    rows = [take.samples[index_of(take, ear)] for ear, v in takes.items() for take in v]
    peaks = np.array([np.abs(row).max() for row in rows])
    level = db(float(peaks.mean()))
    same = np.ptp(peaks) <= _ONE_PEAK * peaks.mean()
    if peaks.size < _PEAKS or not same or abs(level - round(level, 1)) > _ROUND_DB:
        return []
    return [
        f"all {peaks.size} takes have the same peak, {level:.1f} dB re full scale, which noise "
        "does not give: an editor has normalised them, so their levels are not those of the input; "
        "use the recordings as they were made"
    ]


def _refuse_two_devices(names: Sequence[str]) -> None:
    """Refuse takes of several devices: the calibration would be of one and hold for none."""
    known = {stable(name): name for name in names if is_device(name)}
    if len(known) > 1:
        raise ParameterError(
            f"the takes are of different devices, {' and '.join(known.values())}; calibrate each "
            "device by itself"
        )


def _refuse_repeated(takes: Mapping[str, Sequence[Capture]]) -> None:
    """Refuse the same samples given as two insertions: their scatter of 0 would mean nothing."""
    seen: dict[str, str] = {}
    for ear, captures in takes.items():
        for number, take in enumerate(captures, start=1):
            found = f"{ear}, take {number}"
            samples = take.samples[index_of(take, ear)]
            if not samples.any():
                continue  # refused below, as a take without a signal
            digest = sample_digest(samples)
            if digest in seen:
                raise ParameterError(
                    f"{seen[digest]} and {found} hold the same samples; every insertion of the "
                    "calibrator needs a recording of its own: give each recording once"
                )
            seen[digest] = found


def _scatter(tones: Mapping[str, Sequence[Tone]], stated: Influences) -> tuple[float, float, str]:
    """Return the standard deviation of one insertion in dB, its degrees of freedom and source.

    The ears are nominally alike, and the same person puts the same calibrator on both, so their
    scatters are pooled (GUM 4.2.4).
    """
    squares, dof, most, same = 0.0, 0, 1, False
    for found in tones.values():
        levels = np.array([t.level for t in found])
        squares += float(((levels - levels.mean()) ** 2).sum())
        dof += levels.size - 1
        most = max(most, levels.size)
        same |= equal(levels)
    seen = math.sqrt(squares / dof) if dof else 0.0
    if (most >= _ENOUGH and not same) or seen > stated.repeatability:
        return seen, float(dof), "scatter, pooled over the ears"
    why = "one insertion has no scatter"
    if dof:
        why = (
            f"{seen:.4f} dB seen, insertions that are equal"
            if same
            else (f"{seen:.4f} dB seen, two insertions say little")
        )
    return stated.repeatability, dof_from_doubt(0.25), f"assumed, {why}; type B"


def _linearity_link(third: float) -> Link:
    """Return the influence of an input that makes the third harmonic itself, and so compresses."""
    limit = compression(third)
    return Link(
        MEASURED[2],
        0.0,
        rectangular(limit),
        source=f"third harmonic of {100 * third:.3f} %: {limit:.4f} dB if the input makes it, "
        "rectangular",
    )


def _own_links(found: Sequence[Tone], scatter: float, dof: float, source: str) -> list[Link]:
    n = len(found)
    mean = float(np.mean([t.level for t in found]))
    largest = max(t.fluctuation for t in found)
    return [
        Link(
            MEASURED[0],
            -mean,
            scatter / math.sqrt(n),
            dof,
            "dB re 1/FS",
            f"repeatability, {counted(n, 'insertion')} with s = {scatter:.4f} dB ({source})",
        ),
        Link(
            MEASURED[1],
            0.0,
            rectangular(largest),
            source=f"level seen to fluctuate by ±{largest:.4f} dB (F), rectangular",
        ),
    ]


def _common_links(
    level: float, frequency: float, pistonphone: bool, stated: Influences
) -> list[Link]:
    """Return the links that all ears share."""
    if stated.expanded is None:
        u = math.hypot(rectangular(0.25), expanded_to_standard(0.15))
        source = "no certificate stated: IEC 60942:2017 class 1, ±0.25 dB verified with U = 0.15 dB"
    else:
        u = expanded_to_standard(stated.expanded, stated.k)
        source = f"certificate, U = {stated.expanded} dB, k = {stated.k}"
    return [
        Link("calibrator level", level - PASCAL_DB, u, unit="dB re 1 Pa", source=source),
        Link(
            "resolution",
            0.0,
            rectangular(stated.resolution / 2.0),
            source=f"level stated to {stated.resolution} dB",
        ),
        Link(
            TO_1_KHZ,
            0.0 - stated.response,
            rectangular(stated.response_limit),
            source=f"{frequency:g} Hz to 1 kHz, ±{stated.response_limit} dB",
        ),
        _environment_link(pistonphone, stated),
    ]


def _environment_link(pistonphone: bool, stated: Influences) -> Link:
    if not pistonphone:
        limit = stated.environment_limit
        return Link("environment", 0.0, rectangular(limit), source=f"laboratory, ±{limit} dB")
    if stated.static_pressure is None:
        limit = db(1.0 + _WEATHER / REFERENCE_PRESSURE)
        return Link(
            "static pressure",
            0.0,
            rectangular(limit),
            source=f"no barometer read: {REFERENCE_PRESSURE} ± {_WEATHER} kPa near sea level",
        )
    ratio = stated.static_pressure / REFERENCE_PRESSURE
    limit = db(1.0 + stated.static_pressure_limit / stated.static_pressure)
    return Link(
        "static pressure",
        db(ratio),
        rectangular(limit),
        source=f"barometer, {stated.static_pressure} ± {stated.static_pressure_limit} kPa",
    )
