"""Capture and Recording: samples as a device delivered them, and the same in pascal.

A :class:`Capture` holds digital samples, a :class:`Recording` holds sound pressure. They are
different types on purpose: the only way from one to the other is a calibration, so an uncalibrated
level cannot be computed by accident. Time is the last axis everywhere.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundcal.arrays import Samples
from soundcal.errors import ParameterError, SignalError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "CHANGED",
    "CLIPPING",
    "DELAY_NOT_MEASURED",
    "DOUBTFUL",
    "EARS",
    "EAR_DRUM",
    "EQUALISED_BEFORE",
    "EQUALISED_PEAK",
    "FULL_SCALE",
    "GAPS",
    "HEADER",
    "HELD",
    "INCOMPLETE",
    "INDICATOR",
    "LIMITED",
    "LOSSY",
    "MISSING",
    "NOT_MEASURED",
    "NO_RECORD",
    "OTHER_DEVICE",
    "OTHER_INPUT",
    "OTHER_POINT",
    "OTHER_RATE",
    "OVERFLOWS",
    "PATH",
    "PRIMING",
    "RATE",
    "STATED",
    "STOPPED",
    "WRONG_FIELD",
    "AppliedResponse",
    "Capture",
    "FilterBands",
    "Flag",
    "Recording",
    "channel_names",
    "clipped_in_file",
    "clipped_samples",
    "clipping_flag",
    "counted",
    "is_lossy",
    "sample_digest",
    "utc_now",
    "with_flags",
]


EARS: Final = ("left", "right")
"""Channel names of a two-channel recording, in order."""


# Kinds of flags; a flag that comes from a check of takes has the name of the check as its kind.
CHANGED: Final = "changed afterwards"
CLIPPING: Final = "clipping"
DELAY_NOT_MEASURED: Final = "delay not measured"
DOUBTFUL: Final = "calibration doubtful"
EAR_DRUM: Final = "ear drum as recorded"
EQUALISED_BEFORE: Final = "equalised before"
EQUALISED_PEAK: Final = "equalised peak"
GAPS: Final = "gaps"
HEADER: Final = "header"
HELD: Final = "response held beyond its range"
INCOMPLETE: Final = "incomplete"
INDICATOR: Final = "indicator"
LIMITED: Final = "limited"
LOSSY: Final = "lossy coding"
MISSING: Final = "missing by the clock"
NOT_MEASURED: Final = "not measured"
NO_RECORD: Final = "record not readable"
OTHER_DEVICE: Final = "calibration of another device"
OTHER_INPUT: Final = "calibration of another input"
OTHER_POINT: Final = "calibration at another point"
OTHER_RATE: Final = "calibration at another rate"
OVERFLOWS: Final = "overflows and underflows"
PATH: Final = "signal path"
PRIMING: Final = "priming"
RATE: Final = "rate"
STATED: Final = "stated values"
STOPPED: Final = "stopped"
WRONG_FIELD: Final = "another sound field"

FULL_SCALE: Final = 1.0 - 2.0**-15
"""From here on a sample is at full scale: the largest positive value of a 16-bit converter."""


@dataclass(frozen=True, slots=True)
class Flag:
    """A reason to doubt a take.

    Parameters
    ----------
    kind : str
        Identifier for programs: the name of the check that found it, or another constant of this
        module, such as :data:`DELAY_NOT_MEASURED`.
    text : str
        Text for people: the finding and its place, with the remedy.

    Examples
    --------
    >>> print(Flag(OVERFLOWS, "input overflow at 1.021 s"))
    input overflow at 1.021 s
    """

    kind: str
    text: str

    def __str__(self) -> str:
        return self.text

    def to_dict(self) -> dict[str, str]:
        """Return kind and text, ready for JSON."""
        return {"kind": self.kind, "text": self.text}


def clipped_samples(samples: Samples) -> NDArray[np.int64]:
    """Return the number of samples at or beyond full scale along the last axis."""
    return np.asarray((np.abs(samples) >= FULL_SCALE).sum(axis=-1), dtype=np.int64)


def counted(n: int, one: str, several: str = "") -> str:
    """Return a number with its noun, whose plural is ``several`` or has an s.

    >>> counted(1, "sample"), counted(2, "sample"), counted(0, "overflow or underflow", "overflows")
    ('1 sample', '2 samples', '0 overflows')
    """
    return f"{n} {one if n == 1 else several or one + 's'}"


def clipped_in_file(samples: Samples) -> tuple[int, ...]:
    """Return the number of samples at full scale per channel of a whole file.

    Integers never exceed 1.0. A channel that does is one of float samples, in pascal or from a
    recorder that has no full scale at 1.0, and is not clipped there.

    >>> clipped_in_file(np.array([[0.5, 1.0, -1.0], [0.5, 1.0, -3.0]]))
    (2, 0)
    """
    unlimited = np.abs(samples).max(axis=-1, initial=0.0) > 1.0
    return tuple(np.where(unlimited, 0, clipped_samples(samples)).tolist())


def clipping_flag(channel: str, count: int) -> Flag:
    """Return the flag of a channel with ``count`` samples at or beyond full scale."""
    text = f"{channel}: {counted(count, 'sample')} at or beyond full scale; lower the input gain"
    return Flag(CLIPPING, text)


def utc_now() -> str:
    """Return the present time as ISO 8601 in UTC, with seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def channel_names(n_channels: int) -> tuple[str, ...]:
    """Return the default names of ``n_channels`` channels.

    >>> channel_names(2), channel_names(1), channel_names(3)
    (('left', 'right'), ('mono',), ('ch1', 'ch2', 'ch3'))
    """
    if n_channels == 1:
        return ("mono",)
    if n_channels == 2:
        return EARS
    return tuple(f"ch{i + 1}" for i in range(n_channels))


def sample_digest(samples: Samples) -> str:
    """Return the SHA-256 of samples as little-endian float64, channel by channel."""
    return hashlib.sha256(np.ascontiguousarray(samples, dtype="<f8").data).hexdigest()


def _two_dimensional(values: ArrayLike, what: str) -> Samples:
    array = np.asarray(values)
    if array.dtype.kind not in "fiu":
        raise SignalError(f"{what}: real numbers are expected, got {array.dtype}")
    if array.dtype.kind != "f":
        raise SignalError(
            f"{what}: integer samples ({array.dtype}) have no defined full scale; "
            "divide by full scale first (soundcal.files.audio does)"
        )
    array = np.asarray(array, dtype=np.float64)
    if array.ndim == 1:
        array = array[np.newaxis, :]
    if array.ndim != 2 or array.shape[0] == 0:
        raise SignalError(f"{what}: shape (n_channels, n_samples) expected, got {array.shape}")
    if array.shape[0] > array.shape[1] > 0:
        raise SignalError(
            f"{what}: {array.shape[0]} channels of {array.shape[1]} samples; "
            "time is the last axis, transpose samples-first arrays"
        )
    if not np.isfinite(array).all():
        bad = int(array.size - np.isfinite(array).sum())
        raise SignalError(f"{what}: {bad} of {array.size} samples are NaN or infinite")
    array.flags.writeable = False
    return array


def _check_common(fs: float, channels: tuple[str, ...], n_channels: int) -> tuple[str, ...]:
    if not 0 < fs < 10e6:
        raise ParameterError(f"sampling rate {fs} Hz: a positive rate is expected")
    names = tuple(channels) or channel_names(n_channels)
    if len(names) != n_channels or len(set(names)) != n_channels:
        raise ParameterError(f"{n_channels} distinct channel names are expected, got {names}")
    return names


def is_lossy(flags: Iterable[Flag]) -> bool:
    """Return True if one of the flags says that a lossy coding changed the samples."""
    return any(flag.kind == LOSSY for flag in flags)


@dataclass(frozen=True, slots=True, eq=False)
class Capture:
    """Digital samples as a device or a file delivered them.

    Parameters
    ----------
    samples : array_like of float, shape (n_channels, n_samples)
        1.0 is digital full scale. A one-dimensional array is one channel.
    fs : int
        Nominal sampling rate in Hz.
    channels : sequence of str, optional
        Channel names; two channels are ``left`` and ``right``.
    device : str
        Identity of the device ("host API: name") or the path of the file.
    simulated : bool
        True if the device was the simulated lab.
    xruns : int
        Overflows and underflows that the driver reported.
    clipped : sequence of int, optional
        Samples at or beyond full scale, per channel; counted from the samples if not given.
    delivered_rate : float, optional
        Frames received per second of wall-clock time, Hz; None if unknown.
    latency : float, optional
        Measured delay between output and input in samples, already removed; None if not measured.
    flags : sequence of Flag
        Reasons to doubt the take. Empty means none was found.
    started : str
        Start of the take, ISO 8601, UTC.

    Raises
    ------
    SignalError
        If the samples are not finite real numbers of the stated shape.
    ParameterError
        If the rate or the channel names are invalid.
    """

    samples: Samples
    fs: int
    channels: tuple[str, ...] = ()
    device: str = "unknown"
    simulated: bool = False
    xruns: int = 0
    clipped: tuple[int, ...] = ()
    delivered_rate: float | None = None
    latency: float | None = None
    flags: tuple[Flag, ...] = ()
    started: str = field(default_factory=utc_now)

    def __post_init__(self) -> None:
        set_ = object.__setattr__  # the dataclass is frozen; this only normalises its own fields
        samples = _two_dimensional(self.samples, "capture")
        set_(self, "samples", samples)
        set_(self, "channels", _check_common(self.fs, self.channels, samples.shape[0]))
        clipped = tuple(self.clipped) or tuple(clipped_samples(samples).tolist())
        set_(self, "clipped", clipped)
        set_(self, "flags", tuple(self.flags))

    @property
    def n_samples(self) -> int:
        """Number of samples per channel."""
        return int(self.samples.shape[1])

    @property
    def duration(self) -> float:
        """Duration in s."""
        return self.n_samples / self.fs

    @property
    def sha256(self) -> str:
        """SHA-256 of the samples (see :func:`sample_digest`)."""
        return sample_digest(self.samples)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the samples, ready for JSON."""
        return {
            "fs": self.fs,
            "channels": list(self.channels),
            "n_samples": self.n_samples,
            "device": self.device,
            "simulated": self.simulated,
            "xruns": self.xruns,
            "clipped": list(self.clipped),
            "delivered_rate": self.delivered_rate,
            "latency": self.latency,
            "flags": [flag.to_dict() for flag in self.flags],
            "started": self.started,
        }


@dataclass(frozen=True, slots=True)
class FilterBands:
    """A filter for one channel at the mid-band frequencies of third octaves.

    Parameters
    ----------
    frequency : tuple of float
        Hz.
    gain_db : tuple of float
        Gain of the filter in dB.
    residual_db : tuple of float
        Gain of the filter minus the one that the response asks for, dB.
    u_db : tuple of float
        Standard uncertainty of the response in dB.
    dof : tuple of float
        Degrees of freedom of the uncertainty.
    correlation_octaves : float
        Distance in octaves over which the errors of the response are alike.
    """

    frequency: tuple[float, ...]
    gain_db: tuple[float, ...]
    residual_db: tuple[float, ...]
    u_db: tuple[float, ...]
    dof: tuple[float, ...]
    correlation_octaves: float

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers, ready for JSON; what is infinite becomes null."""
        return {
            "frequency_hz": list(self.frequency),
            "gain_db": list(self.gain_db),
            "residual_db": list(self.residual_db),
            "u_db": list(self.u_db),
            "dof": [dof if math.isfinite(dof) else None for dof in self.dof],
            "correlation_octaves": self.correlation_octaves
            if math.isfinite(self.correlation_octaves)
            else None,
        }


@dataclass(frozen=True, slots=True)
class AppliedResponse:
    """A response that was undone or embedded, and the filter that did it.

    Undoing what was embedded takes its error out again: two steps with the same ``sha256`` and
    opposite directions have no uncertainty together.

    Parameters
    ----------
    id, name, sha256 : str
        Identity, name and digest of the response.
    source_point, target_point : str
        Its ends; ``from`` and ``to`` in JSON.
    direction : str
        ``undo``: from the target to the source point; ``embed``: the other way.
    settings : mapping
        Phase, number of taps, and frequency of a gain of exactly 0 dB, as JSON values; of an
        inverse also its rule, limits, target and smoothing.
    bands : mapping of str to FilterBands
        The filter by channel.
    of : sequence of mapping
        ``id`` and ``sha256`` of the responses of which the response was made, such as that of the
        headphones of which it is the inverse.
    """

    id: str
    name: str
    sha256: str
    source_point: str
    target_point: str
    direction: str
    settings: Mapping[str, Any]
    bands: Mapping[str, FilterBands]
    of: Sequence[Mapping[str, str]] = ()

    def __str__(self) -> str:
        return f"response {self.id} {'undone' if self.direction == 'undo' else 'embedded'}"

    def to_dict(self) -> dict[str, Any]:
        """Return the step, ready for JSON."""
        return {
            "id": self.id,
            "name": self.name,
            "sha256": self.sha256,
            "from": self.source_point,
            "to": self.target_point,
            "direction": self.direction,
            "settings": dict(self.settings),
            "of": [dict(identity) for identity in self.of],
            "bands": {name: bands.to_dict() for name, bands in self.bands.items()},
        }


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Sound pressure in pascal, with the calibration that was applied.

    Parameters
    ----------
    pressure : array_like of float, shape (n_channels, n_samples)
        Sound pressure in Pa.
    fs : int
        Sampling rate in Hz.
    calibration_id : str
        Identity of the calibration that was applied.
    channels : sequence of str, optional
        Channel names; two channels are ``left`` and ``right``.
    capture_sha256 : str
        SHA-256 of the captured samples; empty if the pressure was computed, not recorded.
    u_db : sequence of float
        Combined standard uncertainty of the calibration per channel in dB; empty if not stated.
    flags : sequence of Flag
        Validity flags inherited from the capture; they accompany every result.
    source : str
        Source of the samples: device identity or file path.
    point : str
        Reference point of the pressure (:data:`soundcal.response.POINTS`); empty if not stated.
    incidence : str
        Sound incidence for which the pressure at a microphone (P) is defined; empty if not stated.
    equalisation : sequence of AppliedResponse
        Responses by which the pressure came to its point, in order.

    Raises
    ------
    SignalError, ParameterError
        As for :class:`Capture`.
    """

    pressure: Samples
    fs: int
    calibration_id: str
    channels: tuple[str, ...] = ()
    capture_sha256: str = ""
    u_db: tuple[float, ...] = ()
    flags: tuple[Flag, ...] = ()
    source: str = "unknown"
    point: str = ""
    incidence: str = ""
    equalisation: tuple[AppliedResponse, ...] = ()

    def __post_init__(self) -> None:
        set_ = object.__setattr__
        pressure = _two_dimensional(self.pressure, "recording")
        set_(self, "pressure", pressure)
        set_(self, "channels", _check_common(self.fs, self.channels, pressure.shape[0]))
        set_(self, "flags", tuple(self.flags))
        set_(self, "u_db", tuple(self.u_db))
        set_(self, "equalisation", tuple(self.equalisation))

    @property
    def n_samples(self) -> int:
        """Number of samples per channel."""
        return int(self.pressure.shape[1])

    @property
    def duration(self) -> float:
        """Duration in s."""
        return self.n_samples / self.fs

    def channel(self, name: str) -> Samples:
        """Return the pressure of one channel, shape (n_samples,), in Pa."""
        if name not in self.channels:
            raise ParameterError(
                f"no channel {name!r}; this recording has {', '.join(self.channels)}"
            )
        pressure: Samples = self.pressure[self.channels.index(name)]
        return pressure

    def plot(self, kind: str = "LAF", *, of: str = "", ax: "Axes | None" = None) -> "Axes":
        """Plot the recording, as :func:`soundcal.plot` does.

        Parameters
        ----------
        kind : str
            ``LAF``, ``LAS``, ``LCF`` …: level over time, with the levels exceeded in 5 to 95 % of
            it. ``pressure``: sound pressure over time. ``spectrum``: levels in third octaves.
        of : str
            Name of a channel; all channels if not given.
        ax : Axes, optional
            Axes to draw in; a new figure if not given.

        Raises
        ------
        ParameterError
            An unknown kind or channel.
        """
        # plots stand on top of everything else, and are loaded when one is drawn
        drawn: Axes = import_module("soundcal.plotting.results").plot(self, kind, of=of, ax=ax)
        return drawn


def with_flags(capture: Capture, flags: Sequence[Flag]) -> Capture:
    """Return the capture with more validity flags."""
    from dataclasses import replace

    return replace(capture, flags=(*capture.flags, *flags))
