"""Checks with limits and verdicts from the measurements of a qualification."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from soundcal.qualification.limits import OS_MIXER, rated
from soundcal.qualification.results import Qualification, path_name
from soundcal.qualification.signals import upper_edge
from soundcal.takes.check import Check
from soundcal.units import power_db

__all__ = ["assess"]

_JUDGED_STEP_DB: Final = -70.0
_STEP_U_DB: Final = 0.0125
"""Level linearity is judged down to -70 dBFS, where 16 bits still suffice, and only where the noise
causes a standard uncertainty of at most a quarter of the limit."""

_THDN_FROM_DB: Final = -12.0
"""THD+N is judged where the tone arrives at this level in dBFS or above; below, noise decides it.
"""

_CROSSTALK_HZ: Final = ((100.0, "100 Hz"), (1000.0, "1 kHz"), (10000.0, "10 kHz"))


def assess(found: Qualification, *, os_mixer_allowed: bool = False) -> tuple[Check, ...]:
    """Judge all measurements.

    Parameters
    ----------
    found : Qualification
        The measurements; its own checks are ignored.
    os_mixer_allowed : bool
        True if the operating system's mixer may be in the signal path.
    """
    return (
        _of_path(found, allowed=os_mixer_allowed),
        rated("swapped channels", float(found.swapped), ""),
        *_of_response(found),
        *_of_crosstalk(found),
        *_of_noise(found),
        *_of_distortion(found),
        *_of_linearity(found),
        *_of_timing(found),
        *_of_stability(found),
    )


def _of_path(found: Qualification, *, allowed: bool) -> Check:
    """Return the check for software between soundcal and the device."""
    name, between = "operating system's mixer", float(found.device.os_mixer)
    if allowed or not found.device.os_mixer:
        return Check(name, between, "", None if allowed else OS_MIXER)
    return Check(name, between, "", OS_MIXER, "suspect", f"{name}: {found.device.obstacle}")


def _of_response(found: Qualification) -> Iterator[Check]:
    response, frequency = found.response, found.response.frequency
    judged = frequency <= upper_edge(found.fs) * 1.0001
    honest = "level at 0.45 fs" + (", high rate" if found.fs > 48000 else "")
    for k, name in enumerate(found.paths):
        level = response.level[k]
        worst = int(np.argmax(np.abs(np.where(judged, level, 0.0))))
        at = f" at {frequency[worst]:.0f} Hz"
        yield Check("loop gain", float(response.gain[k]), "dB", channel=name)
        yield rated("polarity", float(response.polarity[k]), "", name)
        yield rated("frequency response", float(level[worst]), "dB", name, at)
        yield rated(honest, float(level[-1]), "dB", name)
    if len(found.paths) > 1:
        balance = response.gain - response.gain[0]
        yield rated("channel balance", float(balance[np.argmax(np.abs(balance))]), "dB")


def _of_crosstalk(found: Qualification) -> Iterator[Check]:
    response, n = found.response, len(found.paths)
    for hz, text in _CROSSTALK_HZ:
        near = np.abs(np.log2(response.frequency / hz)) <= 1.0 / 6.0
        if not near.any():
            continue
        heard = power_db((10.0 ** (response.crosstalk[..., near] / 10.0)).mean(axis=-1))
        for k, i in ((k, i) for k in range(n) for i in range(n) if i != k):
            path = path_name(found.outputs[k], found.inputs[i])
            yield rated(f"crosstalk at {text}", float(heard[i, k]), "dB", path)


def _of_noise(found: Qualification) -> Iterator[Check]:
    noise = found.noise
    for k, name in enumerate(found.paths):
        yield rated("noise, A-weighted", float(noise.a_weighted[k]), "dB re FS", name)
        yield Check("noise, unweighted", float(noise.unweighted[k]), "dB re FS", channel=name)
        yield rated("sounds in the silence", float(noise.excess[k]), "dB", name)


def _of_distortion(found: Qualification) -> Iterator[Check]:
    for k, name in enumerate(found.paths):
        for place, at in enumerate(found.distortion):
            heard, text = at.tones[k], _at_level(at.level)
            if place == 0:
                yield rated("THD", heard.thd, "dB", name, text)
            else:
                yield Check(f"THD{text}", heard.thd, "dB", channel=name)
            if place == 0 and heard.level >= _THDN_FROM_DB:
                yield rated("THD+N", heard.thdn, "dB", name, text)
            else:
                yield Check(f"THD+N{text}", heard.thdn, "dB", channel=name)
        yield rated("dynamic range", -found.dynamic.tones[k].residual_a, "dB(A)", name)


def _at_level(level: float) -> str:
    return f" at {level:.0f} dBFS".replace("-", "−")


def _of_linearity(found: Qualification) -> Iterator[Check]:
    linearity = found.linearity
    for k, name in enumerate(found.paths):
        sure = (linearity.u[k] <= _STEP_U_DB) & (linearity.level >= _JUDGED_STEP_DB)
        worst = int(np.argmax(np.abs(np.where(sure, linearity.deviation[k], 0.0))))
        value = float(linearity.deviation[k, worst])
        yield rated("level linearity", value, "dB", name, _at_level(linearity.level[worst]))


def _of_timing(found: Qualification) -> Iterator[Check]:
    timing = found.timing
    last = f" ({found.broken[-1]})" if found.broken else ""
    yield rated("takes that failed", float(len(found.broken)), "", "", last)
    ms = 1000.0 * timing.latency / found.fs
    yield Check("delay", float(np.median(ms)), "ms")
    yield Check("delay, spread over all takes", float(np.ptp(ms)), "ms")
    if timing.rate_ppm is not None:
        yield Check("rate re the computer's clock", timing.rate_ppm, "ppm")


def _of_stability(found: Qualification) -> Iterator[Check]:
    stability = found.stability
    if stability is None:
        return
    span = float(np.ptp(stability.time))
    rows = zip(found.paths, stability.level, stability.excess, strict=True)
    for name, level, excess in rows:
        slope = float(np.polyfit(stability.time, level, 1)[0])
        yield rated("level drift", slope * span, "dB", name)
        yield rated("level range", float(np.ptp(level)), "dB", name)
        yield rated("sounds beside the tone", float(excess.max()), "dB", name)
