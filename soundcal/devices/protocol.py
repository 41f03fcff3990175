"""The protocol of every device, and what passes through it: blocks, captures and playbacks."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self, runtime_checkable

from soundcal.arrays import Samples
from soundcal.recording import Capture, Flag

__all__ = [
    "RATES",
    "AudioDevice",
    "Block",
    "DeviceInfo",
    "OnBlock",
    "Playback",
    "Stop",
]


RATES: Final = (8000, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 176400, 192000)
"""Sampling rates in Hz that soundcards are tested for and simulated devices offer."""


@dataclass(frozen=True, slots=True)
class DeviceInfo:
    """Properties of a device that are known before it is opened.

    Parameters
    ----------
    name, host_api : str
        Exact names; together they are the identity that survives a replug (the index does not).
    inputs, outputs : int
        Number of channels.
    rates : tuple of int
        Sampling rates in Hz that the device claims to support; empty if not probed.
    default_rate : float
        Sampling rate in Hz that the device would choose.
    kind : {"soundcard", "simulated"}
        Driver of the device.
    index : int, optional
        Position in the current PortAudio list; changes when devices come and go.
    default_input, default_output : bool
        True if the device is the operating system's default.
    obstacle : str
        Software between soundcal and the device that may resample, change the level or mix in
        other programs, with a remedy; calibration refuses the device unless told otherwise. "" if
        there is none.
    description : str
        One line to help a person choose.
    seed : int, optional
        Seed of the equipment of a simulated lab: with another one it is another unit of each.
    """

    name: str
    host_api: str
    inputs: int
    outputs: int
    rates: tuple[int, ...] = ()
    default_rate: float = 48000.0
    kind: Literal["soundcard", "simulated"] = "soundcard"
    index: int | None = None
    default_input: bool = False
    default_output: bool = False
    obstacle: str = ""
    description: str = ""
    seed: int | None = None

    @property
    def identity(self) -> str:
        """The name of the device in records."""
        return self.name if self.kind == "simulated" else f"{self.name}, {self.host_api}"

    @property
    def os_mixer(self) -> bool:
        """True if there is software between soundcal and the device."""
        return bool(self.obstacle)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        more = {"rates": list(self.rates), "identity": self.identity, "os_mixer": self.os_mixer}
        return asdict(self) | more


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a running stream.

    Parameters
    ----------
    samples : ndarray, shape (n_channels, n)
        Input samples, 1.0 is full scale; while only playing, the samples that were played.
    position : int
        Samples before this block.
    total : int or None
        Samples expected in all; None for an endless stream.
    flags : tuple of Flag
        What the driver reported for this block.
    time : float, optional
        Time of arrival in s, by :func:`soundcal.takes.missing_time.clock`; None where time is
        simulated.
    """

    samples: Samples
    position: int
    total: int | None = None
    flags: tuple[Flag, ...] = ()
    time: float | None = None


OnBlock = Callable[[Block], None]
"""Called with every block in the caller's thread, for progress and levels; may raise to stop."""


Stop = Callable[[], bool]
"""Asked with every block in the caller's thread; once it returns True, the playback fades out."""


@dataclass(frozen=True, slots=True)
class Playback:
    """The outcome of a playback: frames actually played, overflows and underflows, flags."""

    n_samples: int
    xruns: int = 0
    flags: tuple[Flag, ...] = ()


@runtime_checkable
class AudioDevice(Protocol):
    """An opened device. Use it as a context manager.

    ``inputs`` and ``outputs`` are channel numbers from 1. None means all inputs, or the first
    outputs, one for each row of ``samples``. Samples are float64 with shape (n_channels, n_samples)
    and must lie in [-1, 1]: every method raises :class:`SignalError` for NaN, infinite or larger
    samples instead of clipping them, :class:`DeviceUnavailable` for channels or formats that the
    device does not have, and :class:`StreamError` if the stream breaks.
    """

    @property
    def info(self) -> DeviceInfo:
        """The properties of the device."""
        ...

    @property
    def fs(self) -> int:
        """Sampling rate in Hz at which the device was opened."""
        ...

    def record(
        self,
        duration: float,
        *,
        inputs: Sequence[int] | None = None,
        on_block: OnBlock | None = None,
    ) -> Capture:
        """Record ``duration`` seconds."""
        ...

    def play(
        self,
        samples: Samples,
        *,
        outputs: Sequence[int] | None = None,
        on_block: OnBlock | None = None,
        stop: Stop | None = None,
    ) -> Playback:
        """Play ``samples`` once and return when the last one has left the device.

        When ``stop`` returns True, the samples fade to zero within 20 ms
        (:mod:`soundcal.devices.fade`) and the playback ends; ``Playback.n_samples`` is the number
        of samples that were played, those of the fade included.
        """
        ...

    def play_and_record(
        self,
        samples: Samples,
        *,
        outputs: Sequence[int] | None = None,
        inputs: Sequence[int] | None = None,
        tail: float = 0.0,
        on_block: OnBlock | None = None,
        stop: Stop | None = None,
        marker: bool = True,
    ) -> Capture:
        """Play and record at the same time.

        The capture is aligned: its first sample is the one during which the first sample of
        ``samples`` arrived at the input. The delay is measured in the take itself and stored in
        ``Capture.latency``. The capture is as long as ``samples`` plus ``tail`` seconds.

        The delay is measured with a marker before the samples. With ``marker=False`` nothing but
        exact zeros is played before them, for a listener's ears, and the delay is found with the
        samples themselves; a flag says so where they do not show it. ``stop`` works as for
        :meth:`play`; the capture is then as long as what was played.
        """
        ...

    def playing(
        self, samples: Samples, *, outputs: Sequence[int] | None = None
    ) -> AbstractContextManager[None]:
        """Play ``samples`` over and over while the context is open, e.g. to read a voltmeter."""
        ...

    def stream(
        self, *, inputs: Sequence[int] | None = None
    ) -> AbstractContextManager[Iterator[Block]]:
        """Give an endless iterator over input blocks, for live meters and unlimited recordings."""
        ...

    def close(self) -> None:
        """Release the device; safe to call twice."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
