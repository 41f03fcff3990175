"""The process in which PortAudio runs, so that the caller's process cannot hang with it.

After the loss of a device or of an audio server, PortAudio's ``stop``, ``close`` and even the exit
of its process can block for ever; with a frozen server, importing ``sounddevice`` does too. So
this module is the only one that imports ``sounddevice``, and it runs as a process of its own,
``python -m soundcal.devices.portaudio.worker``, which :mod:`soundcal.devices.portaudio.supervisor`
starts, watches and, if need be, kills.

Protocol
--------
Standard input
    One line of JSON, the request (:class:`Request`). Standard input then stays open. A further line
    stops the playback: it fades to zero, and the take ends as soon as the rest is recorded. When it
    closes, because the parent wants to stop or has died, the worker closes the stream and exits; if
    PortAudio has not closed the stream within two seconds, the worker exits regardless.
Standard output
    Messages: one line of JSON each, with the key ``event``; a message with a key ``bytes`` is
    followed by that many bytes of little-endian float32 frames, channels interleaved.

    ========== ==================================================================================
    event      meaning
    ========== ==================================================================================
    hello      the interpreter runs
    imported   PortAudio responds
    devices    list of devices
    rates      sampling rates of one device of the list
    started    the stream runs, at the rate ``fs``
    block      ``frames`` frames from ``position`` (negative: before the take), the driver's
               reports (``flags``: pairs of position and text), ``time`` in s (:func:`clock`),
               samples
    stopped    the playback fades from ``position`` to ``end``; the take has ``total`` frames now
    error      ``kind``, ``text``, PortAudio's ``code`` (0: none), and the ``stage``
    done       everything was delivered
    ========== ==================================================================================

Anything that libraries print goes to standard error; the messages have a channel of their own.
"""

import json
import os
import queue
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from soundcal.devices.fade import falling
from soundcal.devices.portaudio.host_apis import CORE_AUDIO
from soundcal.devices.portaudio.open_stream import (
    error_code,
    host_api_settings,
    open_portaudio_stream,
)
from soundcal.devices.portaudio.request import Request
from soundcal.devices.protocol import RATES
from soundcal.takes.missing_time import clock

__all__ = ["jack_is_pipewire", "main"]

_GRACE_S: Final = 2.0
"""Time allowed to PortAudio for closing before the process exits without it."""

_POLL_S: Final = 0.1
"""Interval at which a silent stream is checked for whether it is still active."""

_HOLD_BACK_S: Final = 0.05
_FASTER: Final = 1.5
"""When the queue is half full and input arrives 1.5 times faster than real time, the callback waits
up to 50 ms for the parent. This slows down a server without a clock; a soundcard, which never
delivers faster than real time, would lose samples by such a wait. This is back-pressure at every
host API, decided within the callback as the stream runs. Whether the clock proves anything about a
take is another question, which :class:`soundcal.takes.tally.StreamTally` answers for itself."""

_JOIN_FRAMES: Final = 1 << 13
"""Waiting blocks are joined up to this length in frames, so that tiny callbacks cost little."""

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class _Piece:
    """The input and reports that one callback left for the writer."""

    position: int
    frames: int
    time: float
    samples: Samples | None = None
    flags: str = ""
    error: str = ""


class _Messages:
    """The channel to the parent, safe from text that libraries print on standard output."""

    def __init__(self) -> None:
        self._file: BinaryIO = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        self._lock = threading.Lock()

    def send(self, event: str, payload: bytes = b"", **fields: Any) -> None:
        """Send one message; if the parent has gone, the process closes its stream and ends.

        When a JACK client vanishes with an open stream, all other clients stop for seconds.
        """
        if payload:
            fields["bytes"] = len(payload)
        line = json.dumps({"event": event, **fields}).encode() + b"\n"
        try:
            with self._lock:
                self._file.write(line + payload)
                self._file.flush()
        except OSError:
            sys.exit(1)

    def fail(self, kind: str, text: str, *, code: int = 0, stage: str = "") -> None:
        """Send an error."""
        self.send("error", kind=kind, text=text, code=code, stage=stage)


class _Take:
    """The callback's side of a take: position, samples to play, and the queue of input."""

    def __init__(
        self,
        request: Request,
        played: Samples | None,
        stop: type[Exception],
        fading: threading.Event | None = None,
    ) -> None:
        self.request = request
        self.total = request.total
        self.ended: tuple[int, int] | None = None  # fade of a playback that was stopped
        self.pieces: queue.SimpleQueue[_Piece] = queue.SimpleQueue()
        self.queued = 0  # bytes; written by the callback only
        self.taken = 0  # bytes; written by the writer only
        self._played = played
        self._stop = stop
        self._fading = fading or threading.Event()
        self._ramp = falling(request.fs).astype(np.float32)
        self._position = -request.preroll
        self._began: float | None = None
        self._columns: list[int] = []

    def use_columns(self, columns: list[int]) -> None:
        """Set the columns of the output buffer that belong to the channels played."""
        self._columns = columns

    def duplex(self, indata: Samples, outdata: Samples, frames: int, _: Any, status: Any) -> None:
        """Serve a stream with input and output."""
        self._serve(indata, outdata, frames, status)

    def input(self, indata: Samples, frames: int, _: Any, status: Any) -> None:
        """Serve a stream with input only."""
        self._serve(indata, None, frames, status)

    def output(self, outdata: Samples, frames: int, _: Any, status: Any) -> None:
        """Serve a stream with output only."""
        self._serve(None, outdata, frames, status)

    def _serve(
        self, indata: Samples | None, outdata: Samples | None, frames: int, status: Any
    ) -> None:
        start = self._position
        try:
            if self._fading.is_set() and self.ended is None and self.total is not None:
                self._end(start, self.total - self.request.rest)
            if outdata is not None:
                self._fill(outdata, start)
            samples = None
            if indata is not None and start + frames > 0:
                samples = indata.copy()
                self.queued += samples.nbytes
            piece = _Piece(start, frames, clock(), samples, str(status) if status else "")
        except Exception as error:  # noqa: BLE001  PortAudio would print it and end the stream silently
            piece = _Piece(start, 0, clock(), error=f"{type(error).__name__}: {error}")
        if self.queued - self.taken > self.request.queue_bytes:
            text = f"more than {self.request.queue_bytes} bytes of input were waiting to be stored"
            piece = _Piece(start, 0, clock(), error=text)
        self.pieces.put(piece)
        self._hold_back()
        self._position = start + frames
        if piece.error or (self.total is not None and self._position >= self.total):
            raise self._stop

    def _end(self, start: int, whole: int) -> None:
        """Let a playback of ``whole`` frames end by a fade at ``start``, or not begin."""
        end = min(start + self._ramp.size, whole) if start > 0 else 0
        self.ended, self.total = (max(0, start), end), end + self.request.rest

    def _hold_back(self) -> None:
        now = time.monotonic()
        self._began = self._began or now
        brought = self._position + self.request.preroll
        if brought <= _FASTER * self.request.fs * (now - self._began):
            return
        most = self.request.queue_bytes // 2
        while self.queued - self.taken > most and time.monotonic() < now + _HOLD_BACK_S:
            time.sleep(0.002)

    def _fill(self, outdata: Samples, start: int) -> None:
        outdata[:] = 0.0
        played = self._played
        if played is None or start + len(outdata) <= 0:
            return
        skip = max(0, -start)
        first = start + skip
        wanted = len(outdata) - skip
        if self.request.loop:
            rows = np.arange(first, first + wanted) % len(played)
            outdata[skip:, self._columns] = played[rows]
        else:
            chunk = played[first : first + wanted]
            if self.ended is not None:
                chunk = self._faded(chunk, first, *self.ended)
            outdata[skip : skip + len(chunk), self._columns] = chunk

    def _faded(self, chunk: Samples, first: int, start: int, end: int) -> Samples:
        """Return samples from position ``first`` of a playback that fades from start to end."""
        at = np.arange(first, first + len(chunk))
        factors = self._ramp[np.clip(at - start, 0, self._ramp.size - 1)]
        factors = np.where(at < start, np.float32(1.0), factors * (at < end))
        faded: Samples = chunk * factors[:, np.newaxis]
        return faded


def _joined(take: _Take, first: _Piece) -> list[_Piece]:
    """Return ``first`` and the pieces already waiting behind it."""
    pieces = [first]
    frames = first.frames
    while frames < _JOIN_FRAMES and not pieces[-1].error:
        try:
            piece = take.pieces.get_nowait()
        except queue.Empty:
            break
        pieces.append(piece)
        frames += piece.frames
    return pieces


def _deliver(messages: _Messages, take: _Take, pieces: list[_Piece], columns: list[int]) -> None:
    """Send pieces as one block, cut to the take."""
    start, frames = pieces[0].position, sum(piece.frames for piece in pieces)
    payload = b""
    arrived = [piece.samples for piece in pieces if piece.samples is not None]
    if arrived:
        take.taken += sum(samples.nbytes for samples in arrived)
        joined = np.concatenate(arrived)[:, columns]
        end = start + frames
        first = end - len(joined)
        if take.total is not None:
            end = min(end, take.total)
        payload = joined[max(0, -first) : end - first].astype("<f4", copy=False).tobytes()
    flags = [(piece.position, piece.flags) for piece in pieces if piece.flags]
    messages.send(
        "block", payload, position=start, frames=frames, flags=flags, time=pieces[-1].time
    )


def _pump(
    messages: _Messages, take: _Take, stream: Any, columns: list[int], ended: threading.Event
) -> bool:
    """Pass on the callback's pieces until the take is complete or broken; True if complete."""
    told = False
    while not ended.is_set():
        try:
            first = take.pieces.get(timeout=_POLL_S)
        except queue.Empty:
            if not stream.active:
                messages.fail("stopped", "the stream stopped by itself", stage="running")
                return False
            continue
        pieces = _joined(take, first)
        if take.ended is not None and not told:
            told = True
            messages.send("stopped", position=take.ended[0], end=take.ended[1], total=take.total)
        delivered = [piece for piece in pieces if not piece.error]
        if delivered:
            _deliver(messages, take, delivered, columns)
        if pieces[-1].error:
            messages.fail("callback", pieces[-1].error, stage="running")
            return False
        if take.total is not None and pieces[-1].position + pieces[-1].frames >= take.total:
            return True
    return True


def _stream(
    messages: _Messages,
    sounddevice: Any,
    request: Request,
    ended: threading.Event,
    fading: threading.Event,
) -> None:
    played = None
    if request.samples:
        played = np.memmap(request.samples, dtype="<f4", mode="r").reshape(-1, len(request.outputs))
    take = _Take(request, played, sounddevice.CallbackStop, fading)
    opened = open_portaudio_stream(sounddevice, request, take)
    if isinstance(opened, str):
        messages.fail("identity", opened, stage="open")
        return
    stream, columns = opened
    try:
        stream.start()
        messages.send("started", fs=float(stream.samplerate))
        if _pump(messages, take, stream, columns, ended):
            messages.send("done")
            stream.stop()  # waits until all samples handed over have been played; close() does not
    finally:
        stream.close()


def _list(messages: _Messages, sounddevice: Any, request: Request) -> None:
    """Send the devices, then their rates; trying the rates is slow and may hang a bad driver."""
    apis = sounddevice.query_hostapis()
    devices = list(sounddevice.query_devices())
    messages.send(
        "devices",
        devices=[
            {
                "name": device["name"],
                "host_api": apis[device["hostapi"]]["name"],
                "inputs": device["max_input_channels"],
                "outputs": device["max_output_channels"],
                "default_rate": float(device["default_samplerate"]),
                "default_input": apis[device["hostapi"]]["default_input_device"] == index,
                "default_output": apis[device["hostapi"]]["default_output_device"] == index,
            }
            for index, device in enumerate(devices)
        ],
        jack_is_pipewire=jack_is_pipewire(),
    )
    for index, device in enumerate(devices if request.task == "rates" else []):
        identity = (device["name"], apis[device["hostapi"]]["name"])
        if request.name and identity != (request.name, request.host_api):
            continue
        if identity[1] == CORE_AUDIO:
            continue  # it accepts all rates, and converts; opening it with our settings is the test
        asked = Request(host_api=identity[1])
        # this tests rates, not sample formats
        into, out, _ = host_api_settings(sounddevice, asked, device, explicit=False)
        rates = [rate for rate in RATES if _accepts(sounddevice, index, device, rate, (into, out))]
        messages.send("rates", index=index, rates=rates)
    messages.send("done")


def _accepts(sounddevice: Any, index: int, device: Any, rate: int, extra: tuple[Any, Any]) -> bool:
    checks: list[tuple[Callable[..., Any], int, Any]] = [
        (sounddevice.check_input_settings, device["max_input_channels"], extra[0]),
        (sounddevice.check_output_settings, device["max_output_channels"], extra[1]),
    ]
    try:
        for check, channels, settings in checks:
            if channels:
                check(
                    device=index,
                    samplerate=rate,
                    channels=min(channels, 2),
                    dtype="float32",
                    extra_settings=settings,
                )
    except (sounddevice.PortAudioError, ValueError):
        return False
    return True


def jack_is_pipewire(maps: Path = Path("/proc/self/maps")) -> bool:
    """Return whether the JACK library of this process is PipeWire's.

    PortAudio does not report this, but the path of the library shows it, where /proc lists the path
    (Linux).
    """
    try:
        libraries = maps.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any("libjack" in line and "pipewire" in line for line in libraries)


def _watch_parent(ended: threading.Event, fading: threading.Event) -> None:
    """Wait for the end of standard input, allow PortAudio some time, then exit without it.

    Anything that comes before the end stops the playback.
    """
    while os.read(sys.stdin.fileno(), 4096):
        fading.set()
    ended.set()
    time.sleep(_GRACE_S)
    os._exit(1)


def _read_request() -> Request:
    line = b""
    while not line.endswith(b"\n"):
        piece = os.read(sys.stdin.fileno(), 1)
        if not piece:
            os._exit(1)
        line += piece
    return Request.from_json(line)


def main() -> int:
    """Serve one request and return the exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent handles Ctrl-C
    messages = _Messages()
    request = _read_request()
    ended, fading = threading.Event(), threading.Event()
    threading.Thread(target=_watch_parent, args=(ended, fading), daemon=True).start()
    messages.send("hello")
    try:
        import sounddevice
    except ImportError as error:
        messages.fail("not installed", str(error), stage="import")
        return 0
    except Exception as error:  # noqa: BLE001  OSError, or PortAudioError of the failed import
        kind = "library" if isinstance(error, OSError) else "portaudio"
        messages.fail(kind, str(error), code=error_code(error), stage="import")
        return 0
    messages.send("imported")
    try:
        if request.task == "stream":
            _stream(messages, sounddevice, request, ended, fading)
        else:
            _list(messages, sounddevice, request)
    except sounddevice.PortAudioError as error:
        messages.fail("portaudio", str(error), code=error_code(error), stage="open")
    except (ValueError, OSError) as error:
        messages.fail("refused", str(error), stage="open")
    # an audio server waits seconds for a client that merely vanishes
    sounddevice._terminate()  # noqa: SLF001  sounddevice offers it under no other name
    return 0


if __name__ == "__main__":
    sys.exit(main())
