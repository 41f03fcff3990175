"""The soundcard driver: PortAudio in a supervised process, with every take checked before use.

The process that owns PortAudio is started for each take
(:mod:`soundcal.devices.portaudio.supervisor`), so each take finds the device afresh by its host API
and exact name, and a device or audio server that disappears raises a :class:`StreamError` within
two seconds instead of hanging the program. Samples are 32-bit float without dither or clipping; the
driver chooses the buffer length.

PortAudio's own reports are not trusted: the delay between output and input is measured in the
samples and the sampling rate against the clock. If a device delivers nothing but exact zeros,
soundcal checks that it is still present, because some audio servers deliver zeros in place of an
unplugged device.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from soundcal.arrays import Samples
from soundcal.devices.channels import input_channels, playable
from soundcal.devices.fade import fade_from
from soundcal.devices.path import path_flags
from soundcal.devices.portaudio.host_apis import JACK, WASAPI, obstacle
from soundcal.devices.portaudio.remedies import (
    in_use,
    list_problem,
    no_device_hint,
    open_problem,
    stream_problem,
)
from soundcal.devices.portaudio.request import QUEUE_BYTES, Request
from soundcal.devices.portaudio.resolve import paired, resolve_pair
from soundcal.devices.portaudio.supervisor import Broken, Message, Worker
from soundcal.devices.protocol import RATES, Block, DeviceInfo, OnBlock, Playback, Stop
from soundcal.errors import DeviceUnavailable, ParameterError, StreamError
from soundcal.identity import stable
from soundcal.recording import OVERFLOWS, PRIMING, Capture, Flag
from soundcal.takes.alignment import frame
from soundcal.takes.gaps import gap_flags
from soundcal.takes.tally import StreamTally

__all__ = ["Soundcard", "probe"]


_PREROLL_S: Final = 0.5
"""Silence before a take, during which input is dropped: drivers and servers falter at the start."""

_DELAY_S: Final = 0.5
"""Longest delay between output and input in the search, in addition to twice the driver's buffer.
"""

_GONE_S: Final = 1.0
"""After this many seconds of exact zeros on all inputs, check that the device is still present."""

_GONE_AT_END_S: Final = 0.1
"""The same, where a take ends with exact zeros."""

_PRIMING: Final = "priming output"
"""PortAudio's report that the driver asks for output before it starts; no samples are lost."""


def probe() -> tuple[list[DeviceInfo], str]:
    """Return the soundcards, and why there are none or some are missing ("": nothing is wrong).

    PortAudio is queried in a process of its own; if it does not respond within five seconds,
    crashes or is missing, the text states this and the remedy for this operating system. Sampling
    rates are tried one by one; those that could not be tried in time are left out.
    """
    return _listed(Request(task="rates"))


def _listed(request: Request) -> tuple[list[DeviceInfo], str]:
    devices: list[DeviceInfo] = []
    try:
        with Worker(request) as worker:
            for message in worker.messages():
                fields = message.fields
                if message.event == "devices":
                    pipewire = bool(fields["jack_is_pipewire"])
                    devices = [
                        _info(i, found, pipewire) for i, found in enumerate(fields["devices"])
                    ]
                elif message.event == "rates":
                    index = int(fields["index"])
                    devices[index] = replace(devices[index], rates=tuple(fields["rates"]))
    except Broken as broken:
        return devices, list_problem(broken)
    held = in_use([device.name for device in devices])
    return devices, held or ("" if devices else no_device_hint())


def _with_rates(info: DeviceInfo) -> DeviceInfo:
    """Return the device with the sampling rates it accepts, without testing other devices."""
    request = Request(task="rates", name=info.name, host_api=info.host_api)
    cards, _ = _listed(request)
    return next((card for card in cards if card.identity == info.identity), info)


def _info(index: int, found: dict[str, Any], jack_is_pipewire: bool) -> DeviceInfo:
    between = obstacle(found["name"], found["host_api"], jack_is_pipewire=jack_is_pipewire)
    return DeviceInfo(**found, index=index, obstacle=between)


@dataclass(slots=True)
class _Stopping:
    """A playback that may be stopped: the question, and once it was, start and end of the fade."""

    asked: Stop | None
    start: int | None = None
    end: int = 0

    def wanted(self) -> bool:
        """Ask, until the answer is yes."""
        if self.asked is None or not self.asked():
            return False
        self.asked = None
        return True


def _counted(tally: StreamTally, message: Message) -> tuple[Samples, int, tuple[Flag, ...]]:
    """Count a block; return the part within the take, its position, and the driver's reports."""
    start, frames = int(message.fields["position"]), int(message.fields["frames"])
    position = tally.n_samples
    end = start + frames if tally.total is None else min(start + frames, tally.total)
    expected = max(0, end - position) if message.samples.shape[0] else 0
    if max(start, 0) != position or message.samples.shape[1] != expected:
        raise Broken("garbage", "running", f"frames {start} to {end} came after {position}")
    reports = []
    for place, text in message.fields["flags"]:
        if place >= 0:
            reports.append(Flag(PRIMING if text == _PRIMING else OVERFLOWS, str(text)))
            tally.report(reports[-1], int(place))
    moment = float(message.fields["time"]) if start >= 0 else None
    tally.add(message.samples, start + frames, moment)
    return message.samples, position, tuple(reports)


class Soundcard:
    """A soundcard, opened by name (:func:`soundcal.devices.open_device`).

    Parameters
    ----------
    spec : str or int
        Index, or parts of "name, host API"; ``INPUT | OUTPUT`` where the two halves of a soundcard
        are listed as two devices.
    fs : int
        Sampling rate in Hz; refused if the device cannot deliver it, never converted.
    calibrating : bool
        Refuse a device behind the operating system's mixer.
    allow_os_mixer : bool
        Accept it, and open WASAPI in shared instead of exclusive mode.
    latency : float
        Buffer requested from the driver, in s.

    Raises
    ------
    DeviceUnavailable
        No such device, several match, PortAudio is missing, or the device is refused.
    ParameterError
        Rate or latency out of range.
    """

    def __init__(
        self,
        spec: str | int,
        *,
        fs: int = 48000,
        calibrating: bool = False,
        allow_os_mixer: bool = False,
        latency: float = 0.2,
    ) -> None:
        if not 1000 <= fs <= 768000:
            raise ParameterError(f"sampling rate {fs} Hz: 1000 to 768000 Hz is expected")
        if not 0.0 < latency <= 2.0:
            raise ParameterError(f"latency {latency:g} s: more than 0 and at most 2 s is expected")
        cards, problem = _listed(Request(task="list"))
        into, out = resolve_pair(spec, cards, problem)
        self._parts = (into, out)
        names = [stable(card.identity) for card in cards]
        self._alone = all(names.count(stable(part.identity)) == 1 for part in self._parts)
        info = _with_rates(into) if into == out else paired(_with_rates(into), _with_rates(out))
        if calibrating and info.os_mixer and not allow_os_mixer:
            raise DeviceUnavailable(
                f"{info.identity} is not fit for calibration: {info.obstacle} (see soundcal "
                "devices), or use --allow-os-mixer if you have verified the path"
            )
        if info.host_api == WASAPI and allow_os_mixer:
            between = info.obstacle or obstacle(info.name, WASAPI, exclusive=False)
            info = replace(info, obstacle=between)
        if info.rates and fs in RATES and fs not in info.rates:
            listed = ", ".join(str(rate) for rate in info.rates)
            raise DeviceUnavailable(
                f"{info.identity} refuses {fs} Hz; it offers {listed} Hz: use --fs, or set the "
                "rate in the audio server or driver panel (soundcal never resamples)"
            )
        self._info = info
        self._fs = fs
        self._latency = latency
        self._exclusive = not allow_os_mixer
        self._closed = False

    @property
    def info(self) -> DeviceInfo:
        """The properties of the device."""
        return self._info

    @property
    def fs(self) -> int:
        """Sampling rate in Hz."""
        return self._fs

    def record(
        self,
        duration: float,
        *,
        inputs: Sequence[int] | None = None,
        on_block: OnBlock | None = None,
    ) -> Capture:
        """Record ``duration`` seconds."""
        if not 0.0 < duration < 1e7:
            raise ParameterError(f"duration {duration:g} s: a positive time is expected")
        request = self._request(
            inputs=input_channels(self._info, inputs), total=round(duration * self._fs)
        )
        return self._capture(request, on_block)

    def play(
        self,
        samples: Samples,
        *,
        outputs: Sequence[int] | None = None,
        on_block: OnBlock | None = None,
        stop: Stop | None = None,
    ) -> Playback:
        """Play ``samples`` once and return when the last one has left the device."""
        checked, channels = playable(self._info, samples, self._fs, outputs)
        n_samples = checked.shape[1]
        tail = round((self._latency + 0.1) * self._fs)  # plays all samples the driver still holds
        # without its card a JACK server plays on silently: only the input shows that it is gone
        heard = self._info.host_api == JACK and self._parts[0] == self._parts[1]
        inputs = (1,) if heard and self._info.inputs else ()
        tally, stopping = self._tally(len(inputs), n_samples + tail), _Stopping(stop)
        with _samples_file(checked) as path:
            request = self._request(
                inputs=inputs, outputs=channels, samples=path, total=n_samples + tail, rest=tail
            )
            for _, position, reports in self._blocks(request, tally, stopping):
                if stopping.start is not None and n_samples == checked.shape[1]:
                    checked, n_samples = fade_from(checked, stopping.start, self._fs)
                part = checked[:, position : min(tally.n_samples, n_samples)]
                if on_block is not None and part.shape[1]:
                    on_block(Block(part, position, n_samples, reports))
        if self._info.host_api == JACK:
            self._look_for_device(tally)
        tally.end()
        return Playback(n_samples, tally.xruns, tally.flags())

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
        """Play and record at the same time, aligned by the delay measured in the take itself.

        For this purpose a short marker is played before the samples and removed afterwards
        (:mod:`soundcal.takes.alignment`); the blocks given to ``on_block`` contain it.
        """
        checked, channels = playable(self._info, samples, self._fs, outputs)
        longest = _DELAY_S + 2 * self._latency
        framed = frame(checked, self._fs, tail=tail, max_delay=longest, marked=marker)
        stopping = _Stopping(stop)
        with _samples_file(framed.samples) as path:
            request = self._request(
                inputs=input_channels(self._info, inputs),
                outputs=channels,
                samples=path,
                total=framed.samples.shape[1],
                rest=framed.max_delay,
            )
            capture = self._capture(request, on_block, stopping)
        if stopping.start is not None:
            framed = framed.ended(stopping.end)
            checked, _ = fade_from(checked, stopping.start - framed.start, self._fs)
            checked = checked[:, : framed.n_wanted]
        aligned, delay, complaints = framed.align(capture.samples)
        return replace(
            capture,
            samples=aligned,
            clipped=(),
            latency=None if delay is None else float(delay),
            flags=(*capture.flags, *complaints, *gap_flags(aligned, self._fs, checked)),
        )

    @contextmanager
    def playing(self, samples: Samples, *, outputs: Sequence[int] | None = None) -> Iterator[None]:
        """Play ``samples`` over and over while the context is open.

        If the stream breaks in the meantime, this is reported when the context ends.
        """
        checked, channels = playable(self._info, samples, self._fs, outputs)
        tally = self._tally(0)
        with _samples_file(checked) as path:
            request = self._request(outputs=channels, samples=path, loop=True)
            with Worker(request) as worker:
                for _ in self._read(worker, tally, _Stopping(None)):
                    break
                worker.drain()
                yield
                try:
                    worker.check()
                except Broken as broken:
                    raise self._error(broken, tally) from broken
            if self._info.host_api == JACK:
                self._look_for_device(tally)

    @contextmanager
    def stream(self, *, inputs: Sequence[int] | None = None) -> Iterator[Iterator[Block]]:
        """Give an endless iterator over input blocks."""
        request = self._request(inputs=input_channels(self._info, inputs))
        tally = self._tally(len(request.inputs))
        with Worker(request) as worker:
            yield self._endless(worker, tally)

    def _endless(self, worker: Worker, tally: StreamTally) -> Iterator[Block]:
        """Give blocks; a wrong rate is reported once, with the block in which it became certain."""
        told = False
        for samples, position, reports in self._read(worker, tally, _Stopping(None)):
            doubt = None if told else tally.rate_flag()
            told = told or doubt is not None
            flags = reports if doubt is None else (*reports, doubt)
            yield Block(samples, position, None, flags, tally.moment)

    def close(self) -> None:
        """Release the device; it is not held between takes. Safe to call twice."""
        self._closed = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _request(
        self,
        *,
        inputs: tuple[int, ...] = (),
        outputs: tuple[int, ...] = (),
        samples: str = "",
        loop: bool = False,
        total: int | None = None,
        rest: int = 0,
    ) -> Request:
        if self._closed:
            raise DeviceUnavailable(f"{self._info.identity} was closed: open it again")
        return Request(
            task="stream",
            name=self._parts[0].name,
            output=self._parts[1].name,
            host_api=self._info.host_api,
            fs=self._fs,
            latency=self._latency,
            inputs=inputs,
            outputs=outputs,
            samples=samples,
            loop=loop,
            preroll=round(_PREROLL_S * self._fs),
            total=total,
            rest=rest,
            exclusive=self._exclusive,
            queue_bytes=QUEUE_BYTES,
            recording=(self._parts[0].inputs, self._parts[0].outputs),
            playing=(self._parts[1].inputs, self._parts[1].outputs),
            alone=self._alone,
        )

    def _tally(self, n_channels: int, total: int | None = None) -> StreamTally:
        return StreamTally(self._fs, n_channels, self._info.host_api, total)

    def _capture(
        self, request: Request, on_block: OnBlock | None, stopping: _Stopping | None = None
    ) -> Capture:
        tally = self._tally(len(request.inputs), request.total)
        pieces: list[Samples] = []
        for samples, position, reports in self._blocks(request, tally, stopping):
            pieces.append(samples)
            if on_block is not None and samples.shape[1]:
                on_block(Block(samples, position, request.total, reports))
        samples = np.concatenate(pieces, axis=1)
        if samples.shape[1] != tally.total:
            raise StreamError(
                f"{self._info.identity}: {samples.shape[1]} of {tally.total} frames arrived "
                "although the stream ended normally; repeat the take"
            )
        if tally.zeros >= _GONE_AT_END_S * self._fs:
            self._look_for_device(tally)
        tally.end()
        flags = (*path_flags(self._info), *tally.flags())
        if not request.outputs:
            flags = (*flags, *gap_flags(samples, self._fs))
        return Capture(
            samples,
            self._fs,
            device=self._info.identity,
            xruns=tally.xruns,
            delivered_rate=tally.rate,
            flags=flags,
            started=tally.started,
        )

    def _blocks(
        self, request: Request, tally: StreamTally, stopping: _Stopping | None = None
    ) -> Iterator[tuple[Samples, int, tuple[Flag, ...]]]:
        with Worker(request) as worker:
            yield from self._read(worker, tally, stopping or _Stopping(None))

    def _read(
        self, worker: Worker, tally: StreamTally, stopping: _Stopping
    ) -> Iterator[tuple[Samples, int, tuple[Flag, ...]]]:
        second = round(_GONE_S * self._fs)
        look_at = second
        try:
            for message in worker.messages():
                if message.event == "started":
                    self._check_rate(float(message.fields["fs"]))
                if message.event == "stopped":
                    tally.total = int(message.fields["total"])
                    stopping.start = int(message.fields["position"])
                    stopping.end = int(message.fields["end"])
                if message.event != "block":
                    continue
                if stopping.wanted():
                    worker.stop()
                block = _counted(tally, message)
                if tally.n_samples > 0:
                    yield block
                if tally.zeros < second:
                    look_at = second
                elif tally.zeros >= look_at:
                    self._look_for_device(tally)
                    look_at = tally.zeros + 10 * second  # silent, but there
        except Broken as broken:
            raise self._error(broken, tally) from broken

    def _check_rate(self, fs: float) -> None:
        if abs(fs - self._fs) >= 0.5:
            raise DeviceUnavailable(
                f"{self._info.identity} was asked for {self._fs} Hz but opened at {fs:g} Hz: use "
                f"--fs {fs:.0f}, or set the rate in the audio server or driver panel"
            )

    def _look_for_device(self, tally: StreamTally) -> None:
        """Raise StreamError if a device that delivers nothing but zeros is no longer listed.

        If the devices cannot be listed, this proves nothing.
        """
        cards, problem = _listed(Request(task="list"))
        there = {card.identity for card in cards}
        unknown = bool(problem) and problem != no_device_hint()
        if unknown or all(part.identity in there for part in self._parts):
            return
        live = max(0, tally.n_samples - tally.zeros)
        raise StreamError(
            f"{self._info.identity}: the device has vanished; {live} frames "
            f"({live / self._fs:.2f} s) arrived before it delivered only zeros; replug it and "
            "repeat the take"
        )

    def _error(self, broken: Broken, tally: StreamTally) -> DeviceUnavailable | StreamError:
        if broken.stage not in ("running", "first block"):
            wanted = f"{self._fs} Hz"
            return DeviceUnavailable(open_problem(broken, self._info.identity, wanted))
        of = f" of {tally.total}" if tally.total is not None else ""
        return StreamError(
            f"{stream_problem(broken, self._info.identity)}; {tally.n_samples}{of} frames "
            f"({tally.n_samples / self._fs:.2f} s) arrived before"
        )


@contextmanager
def _samples_file(samples: Samples) -> Iterator[str]:
    """Give the name of a file with the samples in the worker's format."""
    with tempfile.TemporaryDirectory(prefix="soundcal-", ignore_cleanup_errors=True) as folder:
        path = Path(folder) / "play.f32"
        try:
            np.ascontiguousarray(samples.T, dtype="<f4").tofile(path)
        except OSError as error:
            raise DeviceUnavailable(
                f"{os.path.dirname(folder)}: no room for {samples.nbytes // 2} bytes of samples to "
                f"play ({error}); free some space or set TMPDIR to another folder"
            ) from error
        yield str(path)
