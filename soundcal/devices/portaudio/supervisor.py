"""Starts, reads, watches and ends the process that owns PortAudio.

The parent decides and never waits for PortAudio: every wait has a limit, and a worker that exceeds
it is killed. One thread reads the worker's messages (:mod:`soundcal.devices.portaudio.worker`);
another reads the text that its libraries print and keeps only the end, for error messages.
"""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Self

import numpy as np

from soundcal.arrays import Array
from soundcal.devices.portaudio.request import Request
from soundcal.errors import DeviceError

__all__ = ["LIMITS", "Broken", "Message", "SilenceLimits", "Worker"]

Stage = Literal["start", "import", "open", "first block", "running"]


@dataclass(frozen=True, slots=True)
class SilenceLimits:
    """Limits on the worker's silence, in s.

    Parameters
    ----------
    start : float
        Until the interpreter runs; no audio is involved yet.
    importing : float
        Until PortAudio responds. With a frozen audio server it never does.
    opening : float
        Until the device is opened (or the devices are listed) and the stream has started.
    first : float
        Until the first block; slow servers need two seconds for it.
    running : float
        Between two blocks: the watchdog for stalled and unplugged devices.
    ending : float
        For closing the stream after a complete take; then the process is killed.
    broken : float
        The same after a fault, where waiting would gain nothing.
    """

    start: float = 20.0
    importing: float = 5.0
    opening: float = 5.0
    first: float = 3.0
    running: float = 1.5
    ending: float = 3.0
    broken: float = 0.5


LIMITS = SilenceLimits()

_MODULE: Final = "soundcal.devices.portaudio.worker"
_STDERR_BYTES: Final = 4096
_QUEUE_MESSAGES: Final = 128
_OVERSLEPT_S: Final = 0.5  # a wait longer by this: the process was stopped in the meantime
_POLL_S: Final = 0.02
_WINDOWS_NEW_GROUP: Final = 0x00000200  # CREATE_NEW_PROCESS_GROUP, absent from subprocess elsewhere


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the worker: the event, its fields, and the samples of a block.

    ``samples`` has shape (n_channels, n); n is 0 if the message carries no samples.
    """

    event: str
    fields: dict[str, Any]
    samples: Array


@dataclass(slots=True, eq=False)
class Broken(Exception):
    """The worker failed; :mod:`~soundcal.devices.portaudio.soundcard` gives the caller the reason.

    Parameters
    ----------
    kind : str
        ``silent`` (nothing came in time), ``crashed`` (the process died), ``garbage`` (the worker
        wrote something that is not a message), or the kind of the worker's own error message.
    stage : str
        The stage that the worker had reached.
    text : str
        Description of the failure.
    code : int
        PortAudio's error code; 0 if there is none.
    """

    kind: str
    stage: str
    text: str
    code: int = 0
    stderr: str = field(default="", repr=False)


class Worker:
    """One worker process with one request; use it as a context manager.

    Parameters
    ----------
    request : Request
        Task of the worker.
    limits : SilenceLimits, optional
        Limits on its silence; :data:`LIMITS` if not given.
    """

    def __init__(self, request: Request, limits: SilenceLimits | None = None) -> None:
        self._limits = limits or LIMITS
        self._n_inputs = len(request.inputs)
        self._messages: queue.Queue[Message | Broken | None] = queue.Queue(_QUEUE_MESSAGES)
        self._discard = False
        self._fault: Broken | None = None
        self._seen = time.monotonic()
        self._stderr = b""
        self.stage: Stage = "start"
        self._process = _start()
        self._readers = [
            threading.Thread(target=target, daemon=True)
            for target in (self._read_messages, self._read_errors)
        ]
        for thread in self._readers:
            thread.start()
        pipe = self._process.stdin
        if pipe is not None:
            with suppress(BrokenPipeError):  # already dead: the reader finds out how
                pipe.write(request.to_json())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end(hurry=isinstance(error, Broken | DeviceError))

    def messages(self, until: str = "done") -> Iterator[Message]:
        """Give the messages as they come, up to and including the event ``until``.

        Raises
        ------
        Broken
            The worker reported an error, died, wrote nonsense or was silent for too long.
        """
        while True:
            message = self._next()
            self._advance(message.event)
            yield message
            if message.event == until:
                return

    def _next(self) -> Message:
        try:
            message = self._wait()
        except queue.Empty:
            text = f"no response for {self._limit():g} s"
            raise Broken("silent", self.stage, text, stderr=self.printed) from None
        if message is None:
            raise self._death()
        if isinstance(message, Broken):
            raise message
        return message

    def _wait(self) -> Message | Broken | None:
        """Return the next message; time during which this process was stopped does not count."""
        while True:
            asked, limit = time.monotonic(), self._limit()
            try:
                return self._messages.get(timeout=limit)
            except queue.Empty:
                if time.monotonic() - asked < limit + _OVERSLEPT_S:
                    raise

    def _advance(self, event: str) -> None:
        stages: dict[str, Stage] = {
            "hello": "import",
            "imported": "open",
            "started": "first block",
            "block": "running",
        }
        self.stage = stages.get(event, self.stage)

    def _limit(self) -> float:
        limits = self._limits
        return {
            "start": limits.start,
            "import": limits.importing,
            "open": limits.opening,
            "first block": limits.first,
            "running": limits.running,
        }[self.stage]

    def _death(self) -> Broken:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1.0)
        code = self._process.returncode
        if code is not None and code < 0:
            text = f"its process was ended by signal {-code}"
        else:
            text = f"its process ended with exit code {code}"
        self._readers[1].join(0.5)
        return Broken("crashed", self.stage, text, stderr=self.printed)

    @property
    def printed(self) -> str:
        """The end of the text that the worker and its libraries printed."""
        return self._stderr.decode(errors="replace").strip()

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    def check(self) -> None:
        """Wait for a sign of life; raise :class:`Broken` if the worker failed or fell silent.

        For a worker whose messages nobody reads: they are discarded (:meth:`drain`).
        """
        asked = time.monotonic()
        while self._fault is None and self._seen <= asked:
            if not self.alive:
                raise self._death()
            if time.monotonic() - asked > self._limit():
                raise Broken("silent", self.stage, f"no response for {self._limit():g} s")
            time.sleep(_POLL_S)
        if self._fault is not None:
            raise self._fault

    def stop(self) -> None:
        """Ask the worker to fade its playback out; it tells where the playback ends."""
        pipe = self._process.stdin
        if pipe is not None:
            with suppress(OSError):  # it has died: the next message says so
                pipe.write(b"stop\n")

    def drain(self) -> None:
        """Discard the messages of a worker whose messages nobody reads, so that it can continue."""
        self._discard = True
        with suppress(queue.Empty):
            while True:
                self._messages.get_nowait()

    def end(self, *, hurry: bool = False) -> None:
        """End the process: ask it to, wait for a while, then kill it. Safe to call twice."""
        self.drain()
        pipe = self._process.stdin
        if pipe is not None:
            with suppress(OSError):
                pipe.close()
        try:
            self._process.wait(self._limits.broken if hurry else self._limits.ending)
        except subprocess.TimeoutExpired:
            self._process.kill()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(1.0)
        for thread in self._readers:
            thread.join(1.0)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None and not any(thread.is_alive() for thread in self._readers):
                stream.close()

    def _put(self, message: Message | Broken | None) -> None:
        """Queue a message; a full queue holds the worker back, unless nobody reads it any more."""
        if isinstance(message, Message):
            self._seen = time.monotonic()
        elif isinstance(message, Broken):
            self._fault = message
        while not self._discard:
            try:
                self._messages.put(message, timeout=0.2)
            except queue.Full:
                continue
            return

    def _read_messages(self) -> None:
        pipe = self._process.stdout
        if pipe is None:
            return
        incoming = _Incoming(pipe.fileno())
        while line := incoming.line():
            try:
                fields = json.loads(line)
                event = str(fields.pop("event"))
                size = int(fields.pop("bytes", 0))
                payload = incoming.exactly(size)
                if len(payload) < size:
                    break  # died in the middle of a message
                if event == "error":
                    self._put(Broken(**fields, stderr=self.printed))
                else:
                    self._put(Message(event, fields, self._samples(payload)))
            except (ValueError, KeyError, AttributeError, TypeError) as error:
                shown = line[:60].decode(errors="replace")
                text = f"it wrote something that is not a message ({shown!r}: {error})"
                self._put(Broken("garbage", self.stage, text, stderr=self.printed))
                return
        self._put(None)

    def _samples(self, payload: bytes) -> Array:
        if not payload:
            return np.empty((self._n_inputs, 0))
        frames = np.frombuffer(payload, dtype="<f4").reshape(-1, self._n_inputs)
        return np.ascontiguousarray(frames.T, dtype=np.float64)

    def _read_errors(self) -> None:
        pipe = self._process.stderr
        if pipe is None:
            return
        while piece := os.read(pipe.fileno(), 65536):
            self._stderr = (self._stderr + piece)[-_STDERR_BYTES:]


class _Incoming:
    """A pipe, read in lines and counted bytes.

    Python's buffered reader is not used: if a thread is waiting in one when the interpreter exits,
    its lock causes a fatal error.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._buffer = bytearray()

    def _more(self) -> bool:
        piece = os.read(self._descriptor, 1 << 18)
        self._buffer += piece
        return bool(piece)

    def line(self) -> bytes:
        """Return the next line; at the end, the remaining bytes, which may be none."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if not self._more():
                return self._take(searched)
        return self._take(end + 1)

    def exactly(self, size: int) -> bytes:
        """Return ``size`` bytes, or fewer at the end."""
        while len(self._buffer) < size and self._more():
            continue
        return self._take(size)

    def _take(self, size: int) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken


def _start() -> "subprocess.Popen[bytes]":
    environment = dict(os.environ)
    # the worker finds this same soundcal, even if it is imported from a folder on sys.path
    root = str(Path(__file__).resolve().parents[3])
    known = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = f"{known}{os.pathsep}{root}" if known else root
    environment.setdefault("SD_ENABLE_ASIO", "1")
    windows = sys.platform == "win32"
    return subprocess.Popen(
        [sys.executable, "-P", "-m", _MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        env=environment,
        # a process group of its own: Ctrl-C reaches only the parent, which then ends the worker
        start_new_session=not windows,
        creationflags=_WINDOWS_NEW_GROUP if windows else 0,
    )
