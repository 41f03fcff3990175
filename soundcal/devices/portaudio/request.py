"""The task given to the worker process, as one line of JSON."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

__all__ = ["QUEUE_BYTES", "Request", "Task"]

QUEUE_BYTES: Final = 256 * 2**20
"""Limit of input waiting for the parent; beyond it the take fails rather than fills the memory."""

Task = Literal["list", "rates", "stream"]


@dataclass(frozen=True, slots=True)
class Request:
    """A task of the worker.

    Parameters
    ----------
    task : {"list", "rates", "stream"}
        List the devices; or list them and try the sampling rates of the named one (of all, if none
        is named); or stream.
    name, host_api : str
        Exact names of the device.
    output : str
        Exact name of the device that plays, if it is not the one that records.
    fs : int
        Sampling rate in Hz.
    latency : float
        Buffer to request from the driver, in s.
    inputs, outputs : tuple of int
        Channels from 1, in the order of the samples.
    samples : str
        File with the samples to play: little-endian float32, channels interleaved; "" for none.
    loop : bool
        Play them over and over.
    preroll : int
        Frames before the take: silence is played, input is dropped.
    total : int or None
        Frames of the take; None for an endless one.
    rest : int
        Frames that follow the last sample that is played, also when the playback is stopped.
    exclusive : bool
        Ask for the device without the operating system's mixer where the host API offers that.
    queue_bytes : int
        Bytes of input that may wait for the parent.
    recording, playing : tuple of int
        Numbers of inputs and outputs that the recording and the playing device had when they were
        opened; if these have changed, it is another device. Empty: not known.
    alone : bool
        True if no other device differed only in its card number.
    """

    task: Task = "list"
    name: str = ""
    host_api: str = ""
    output: str = ""
    fs: int = 48000
    latency: float = 0.2
    inputs: tuple[int, ...] = ()
    outputs: tuple[int, ...] = ()
    samples: str = ""
    loop: bool = False
    preroll: int = 0
    total: int | None = None
    rest: int = 0
    exclusive: bool = True
    queue_bytes: int = QUEUE_BYTES
    recording: tuple[int, ...] = ()
    playing: tuple[int, ...] = ()
    alone: bool = False

    def to_json(self) -> bytes:
        """Return the request as the line that the worker reads."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_json(cls, line: bytes) -> "Request":
        """Return the request that :meth:`to_json` wrote."""
        fields: dict[str, Any] = json.loads(line)
        for name in ("inputs", "outputs", "recording", "playing"):
            fields[name] = tuple(fields[name])
        return cls(**fields)
