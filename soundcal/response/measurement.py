"""Response between an output and an input of a device, from takes of a sweep.

The response leads from samples to samples (FS to FS). :mod:`soundcal.response.calibrated_inputs`
makes it the response of headphones at the ears (FS to DRP) or of a microphone (P to FS).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from soundcal.arrays import Array, Samples
from soundcal.dsp.convolve import fir_gain
from soundcal.errors import ParameterError, SignalError
from soundcal.response.curve import ChannelResponse, over_log_frequency
from soundcal.response.deconvolution import (
    COMMON,
    Gate,
    band_means,
    deconvolve,
    impulse_correlation,
    log_grid,
    third_octaves,
    window_high_pass,
)
from soundcal.response.distortion import total_harmonic_distortion
from soundcal.response.model import Response, new_response, with_provenance
from soundcal.response.sweep import Sweep
from soundcal.units import db, power_db

__all__ = [
    "MeasuredResponse",
    "SweepTest",
    "response_of_takes",
    "unmet_limits",
]

_LEAST_SNR_DB: Final = 20.0
"""Least ratio of signal to noise in a third octave, dB; it leaves u = 0.61 dB."""

_THD_LIMIT: Final = 0.01
"""Harmonic distortion above which a response is doubtful."""

_ALIKE: Final = 0.999
"""Least correlation of takes that are averaged, where there is no noise."""

_FINE: Final = 16
"""The lines from which bands are summed are as dense as those of so many windows."""

_TOP: Final = 0.95
"""The highest frequency of a response is at most this part of the sweep's."""


@dataclass(frozen=True, slots=True)
class SweepTest:
    """Sweep, window and range of a measurement.

    Parameters
    ----------
    sweep : Sweep
        What is played.
    gate : Gate
        Window of the impulse response.
    low, high : float
        Range of the response in Hz. It begins at :attr:`lowest`; ``high`` is lowered to 0.95 times
        the end of the sweep.

    Raises
    ------
    ParameterError
        The sweep begins above ``low``, or the range is empty.
    """

    sweep: Sweep
    gate: Gate = field(default_factory=Gate)
    low: float = 20.0
    high: float = 20000.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "high", min(self.high, _TOP * self.sweep.high))
        if not (1.1 * self.sweep.low <= self.low and self.lowest < self.high):
            raise ParameterError(
                f"response from {self.lowest:g} Hz to {self.high:g} Hz; a range that begins above "
                f"{1.1 * self.sweep.low:g} Hz, where the sweep has begun, is expected"
            )

    @property
    def lowest(self) -> float:
        """Frequency in Hz at which the response begins: ``low``, or what the window resolves."""
        return max(self.low, self.gate.lowest)

    @property
    def bands(self) -> Array:
        """Centres of the third octaves in Hz in which noise and distortion are stated."""
        return third_octaves(self.lowest, self.high)

    def to_dict(self) -> dict[str, Any]:
        """Return the settings, ready for JSON."""
        return {
            "sweep_s": self.sweep.duration,
            "sweep_hz": [self.sweep.low, self.sweep.high],
            "level_dbfs": self.sweep.level_dbfs,
            "window_s": [self.gate.before, self.gate.after],
        }


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredResponse:
    """A response from FS to FS with its impulse responses.

    Parameters
    ----------
    response : Response
        Its ``conditions`` hold SNR and distortion per channel and third octave, reasons to doubt it
        (``flags``), and what is out of its limits (``unmet_limits``).
    impulse : ndarray, shape (n_channels, n)
        Windowed impulse responses, after
        :func:`~soundcal.response.deconvolution.window_high_pass`.
    first_sample : int
        Position of the first sample of ``impulse`` relative to time 0; negative.
    high_pass_hz : float
        Corner frequency of the high-pass in Hz. It is undone in ``response``.
    """

    response: Response
    impulse: Array
    first_sample: int
    high_pass_hz: float

    def stored(self, wav: str, sha256: str, fs: int) -> Response:
        """Return the response, whose provenance names the file of the impulse responses.

        Parameters
        ----------
        wav : str
            Name of the file, beside that of the response.
        sha256 : str
            Its SHA-256.
        fs : int
            Its sampling rate in Hz.
        """
        impulse = {"wav": wav, "sha256": sha256, "fs": fs}
        impulse |= {"first_sample": self.first_sample, "high_pass_hz": self.high_pass_hz}
        return with_provenance(self.response, impulse=impulse)


@dataclass(frozen=True, slots=True, eq=False)
class _Channel:
    """What one channel of the takes tells."""

    curve: ChannelResponse
    impulse: Array
    rms_db: float
    snr_db: Array
    distortion: Array
    flags: tuple[str, ...]


def response_of_takes(
    takes: Sequence[Samples],
    silence: Samples,
    test: SweepTest,
    *,
    channels: Sequence[str],
    name: str,
    device: str = "",
    n_outputs: int = 1,
    flags: Sequence[str] = (),
) -> MeasuredResponse:
    """Return the response from what was played to what was recorded.

    Parameters
    ----------
    takes : sequence of ndarray, shape (n_channels, n)
        Takes of :meth:`~soundcal.response.sweep.Sweep.staggered`, aligned to it. They are averaged
        if their correlation from 100 Hz to 5 kHz is at least 0.999, or as high as noise lets it be.
    silence : ndarray, shape (n_channels, n)
        A take while nothing was played.
    test : SweepTest
        Sweep, window and range.
    channels : sequence of str
        Names of the channels.
    name, device : str
        Name of the response, and identity of the device.
    n_outputs : int
        Number of outputs: as many as channels, or one that all inputs hear.
    flags : sequence of str
        Reasons to doubt the takes.

    Returns
    -------
    MeasuredResponse
        Its range ends where the SNR falls below 20 dB.

    Raises
    ------
    SignalError
        No take, a take is too short, or all of it is noise.
    """
    if not takes:
        raise SignalError("no take of the sweep; at least 1 is needed")
    step = round(test.sweep.stagger * test.sweep.fs)
    found: dict[str, _Channel] = {}
    for number, channel in enumerate(channels):
        first = step * number if n_outputs > 1 else 0
        rows = [take[number, first:] for take in takes]
        found[channel] = _channel(channel, rows, silence[number, first:], test)
    valid = _valid_range([one.snr_db for one in found.values()], test)
    of_channels = [flag for one in found.values() for flag in one.flags]
    if test.lowest > test.low:
        of_channels.append(
            f"the response begins at {test.lowest:.4g} Hz, not {test.low:g} Hz: the window of "
            f"{test.gate.after:g} s is too short; {test.gate.after * test.lowest / test.low:.3g} s "
            "are needed"
        )
    conditions = {
        **test.to_dict(),
        "averages": len(takes),
        "rms_db": {channel: one.rms_db for channel, one in found.items()},
        "bands_hz": test.bands.tolist(),
        "snr_db": {channel: one.snr_db.tolist() for channel, one in found.items()},
        "distortion": {channel: one.distortion.tolist() for channel, one in found.items()},
        "flags": [*flags, *of_channels],
    }
    _, before = test.gate.weights(test.sweep.fs)
    response = new_response(
        name,
        "FS",
        "FS",
        "absolute",
        {channel: one.curve for channel, one in found.items()},
        valid=valid,
        device=device,
        conditions={**conditions, "unmet_limits": unmet_limits(conditions)},
        provenance={"operation": "exponential sweep"},
    )
    impulses = np.array([one.impulse for one in found.values()])
    return MeasuredResponse(response, impulses, -before, test.lowest)


def _channel(name: str, rows: Sequence[Array], silence: Array, test: SweepTest) -> _Channel:
    sweep, gate, fs = test.sweep, test.gate, test.sweep.fs
    whole = [deconvolve(row, sweep, test.lowest) for row in rows]
    cuts = [gate.cut(response, fs) for response in whole]
    energy = float(np.sum(gate.weights(fs)[0] ** 2))
    of_one = _density(silence, test)
    against, least = _agreement(cuts, fs, lambda f: energy * of_one(f))
    alike = [index for index, value in enumerate(against) if index == 0 or value >= least]
    flags: list[str] = []
    if len(alike) < len(rows):
        flags.append(
            f"{name}: {len(rows) - len(alike)} of {len(rows)} takes not averaged, correlation "
            f"{min(against):.4f} with the first; {least:.4f} is needed: keep still, and look for "
            "samples that were lost"
        )
    response = np.mean([whole[index] for index in alike], axis=0)
    impulse = gate.cut(response, fs)

    def density(f: Array) -> Array:
        return of_one(f) / len(alike)

    frequency, bands = log_grid(test.lowest, test.high), test.bands
    passed = fir_gain(impulse, frequency, fs)
    size = np.abs(passed)
    if not size.all():
        raise SignalError(f"{name}: nothing of the sweep was recorded; check the cable and level")
    power = np.abs(np.fft.rfft(impulse, _FINE * impulse.size)) ** 2
    with np.errstate(divide="ignore"):
        snr = power_db(band_means(power, bands, fs) / (density(bands) * energy))
    to_time_0 = np.exp(2j * np.pi * frequency * gate.weights(fs)[1] / fs)
    gain = passed * to_time_0 / window_high_pass(frequency, test.lowest)
    noise = np.sqrt(density(frequency) * energy) / size
    distortion = total_harmonic_distortion(
        response, sweep, bands, corner=test.lowest, noise=density
    )
    curve = ChannelResponse(
        frequency,
        db(np.abs(gain)),
        u_db=_DB_PER_SHARE * noise,
        phase_deg=np.rad2deg(np.unwrap(np.angle(gain))),
        correlation_octaves=0.0,
    )
    rms = float(np.sqrt(np.mean(np.square([row[: sweep.n_samples] for row in rows]))))
    snr = np.minimum(snr, _HIGHEST_SNR_DB)
    return _Channel(curve, impulse, db(rms), snr, distortion, tuple(flags))


def _agreement(
    cuts: Sequence[Array], fs: int, noise: Callable[[Array], Array]
) -> tuple[list[float], float]:
    """Return the correlations with the first impulse response, and the least that is accepted.

    Noise that is as strong as ``noise``, |N|^2 over frequency, lowers the correlation by its share
    of the power; twice as much is accepted.
    """
    f = np.asarray(np.fft.rfftfreq(cuts[0].size, 1.0 / fs), dtype=np.float64)
    common = (f >= COMMON[0]) & (f <= COMMON[1])
    heard = float(np.mean(np.abs(np.fft.rfft(cuts[0])[common]) ** 2))
    share = float(np.mean(noise(f[common]))) / heard if heard > 0 else 0.0
    return [impulse_correlation(cuts[0], cut, fs) for cut in cuts], _ALIKE - 2.0 * share


_DB_PER_SHARE: Final = 20.0 / math.log(10.0) / math.sqrt(2.0)
"""Standard deviation of a level in dB per ratio of noise to signal: half of the noise power is in
phase with the signal."""

_HIGHEST_SNR_DB: Final = 200.0
"""Stands for the infinite SNR of a path without noise."""


def _density(silence: Array, test: SweepTest) -> Callable[[Array], Array]:
    """Return the mean square of the noise over frequency, per unit of a window's energy.

    Deconvolved noise stays stationary around time 0 and has, at each frequency, the energy of the
    whole take spread over the length of the take. All of it is used, since a window alone has too
    few lines in the lowest bands.
    """
    fs = test.sweep.fs
    power = np.abs(np.fft.rfft(deconvolve(silence, test.sweep, test.lowest))) ** 2 / silence.size
    bands = third_octaves(5.0, 0.5 * fs)
    means = band_means(power, bands, fs)

    def at(frequency: Array) -> Array:
        return over_log_frequency(frequency, bands, means)

    return at


def _valid_range(snr_db: Sequence[Array], test: SweepTest) -> tuple[float, float]:
    """Return the longest range in Hz in which every band has enough SNR."""
    bands, edge = test.bands, 10.0**0.05
    good = np.min(snr_db, axis=0) >= _LEAST_SNR_DB
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]]).astype(int)))
    runs = edges.reshape(-1, 2)
    if not runs.size:
        raise SignalError(
            f"nothing but noise: the SNR is below {_LEAST_SNR_DB:g} dB in every third octave; "
            "check the cables, and raise the level"
        )
    first, last = runs[np.argmax(np.diff(runs, axis=1))]
    low = test.lowest if first == 0 else max(test.lowest, float(bands[first] / edge))
    high = test.high if last == good.size else min(test.high, float(bands[last - 1] * edge))
    return low, high


def unmet_limits(conditions: Mapping[str, Any]) -> list[str]:
    """Return what of a measurement is out of its limits, in words with the remedy.

    Parameters
    ----------
    conditions : mapping
        ``bands_hz``, and ``snr_db`` and ``distortion`` per channel and band.
    """
    bands, found = np.array(conditions["bands_hz"]), []
    for name, levels in conditions["snr_db"].items():
        noisy = bands[np.array(levels) < _LEAST_SNR_DB]
        if noisy.size:
            found.append(
                f"{name}: SNR down to {min(levels):.0f} dB, too low in {noisy.size} of "
                f"{bands.size} third octaves from {noisy[0]:.0f} to {noisy[-1]:.0f} Hz, at least "
                f"{_LEAST_SNR_DB:g} dB are needed; raise the level, average more takes, or look "
                "for noise"
            )
    for name, shares in conditions["distortion"].items():
        worst = int(np.argmax(shares))
        if shares[worst] > _THD_LIMIT:
            found.append(
                f"{name}: harmonic distortion of {100 * shares[worst]:.2g} % at "
                f"{bands[worst]:.0f} Hz, the limit is {100 * _THD_LIMIT:g} %; lower the level"
            )
    return found
