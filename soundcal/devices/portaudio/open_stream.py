"""Opens a stream: finds the device again and gives each host API the settings for measurements.

Called in the worker process (:mod:`soundcal.devices.portaudio.worker`), which imports
``sounddevice`` and passes it on. JACK and ALSA were tested with virtual devices; the settings of
the other host APIs follow PortAudio's documentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from soundcal.devices.portaudio.host_apis import ASIO, CORE_AUDIO, WASAPI
from soundcal.devices.portaudio.request import Request
from soundcal.identity import same_device

__all__ = ["error_code", "host_api_settings", "open_portaudio_stream"]

_FORMAT_REFUSED: Final = -9994  # paSampleFormatNotSupported


class Callbacks(Protocol):
    """The methods that a stream calls."""

    def use_columns(self, columns: list[int]) -> None:
        """Set the columns of the output buffer that belong to the channels played."""
        ...

    def duplex(self, indata: Any, outdata: Any, frames: int, times: Any, status: Any, /) -> None:
        """Serve a stream with input and output."""
        ...

    def input(self, indata: Any, frames: int, times: Any, status: Any, /) -> None:
        """Serve a stream with input only."""
        ...

    def output(self, outdata: Any, frames: int, times: Any, status: Any, /) -> None:
        """Serve a stream with output only."""
        ...


def error_code(error: Exception) -> int:
    """Return PortAudio's error code, the second argument of its exceptions; 0 if there is none."""
    return int(error.args[1]) if len(error.args) > 1 and isinstance(error.args[1], int) else 0


def host_api_settings(
    sounddevice: Any, request: Request, device: Mapping[str, Any], *, explicit: bool = True
) -> tuple[Any, Any, bool]:
    """Return settings for input and output, and whether the settings select the channels.

    No host API may convert the sampling rate. With ``explicit``, WASAPI must take the samples as
    they are; otherwise PortAudio may round them to integers for the card.
    """
    inputs, outputs = ([c - 1 for c in part] for part in (request.inputs, request.outputs))
    if request.host_api == WASAPI and request.exclusive:
        # explicit_sample_format: without it WASAPI claims to support every format
        settings = sounddevice.WasapiSettings(exclusive=True, explicit_sample_format=explicit)
        return settings, settings, False
    if request.host_api == ASIO:
        into, out = (
            sounddevice.AsioSettings(channel_selectors=part) if part else None
            for part in (inputs, outputs)
        )
        return into, out, True
    if request.host_api == CORE_AUDIO:
        # inputs are a list; outputs are a map of the whole device, -1 for unused ones
        of_device = [-1] * int(device["max_output_channels"])
        for place, channel in enumerate(outputs):
            of_device[channel] = place
        # change the device's rate or refuse the stream: never insert a hidden resampler
        into, out = (
            sounddevice.CoreAudioSettings(
                channel_map=part, change_device_parameters=True, fail_if_conversion_required=True
            )
            if used
            else None
            for part, used in ((inputs, inputs), (of_device, outputs))
        )
        return into, out, True
    return None, None, False


@dataclass(frozen=True, slots=True)
class _Device:
    """The position of a device in the current list, and its properties from PortAudio."""

    index: int
    about: Mapping[str, Any]

    @property
    def channels(self) -> tuple[int, int]:
        """Numbers of its inputs and outputs."""
        return self.about["max_input_channels"], self.about["max_output_channels"]


_Found = tuple[_Device, _Device]
"""The recording and the playing device."""


def _find(
    sounddevice: Any, name: str, request: Request, channels: tuple[int, ...]
) -> _Device | str:
    """Return the device that was opened, wherever it is in the list now, or a text on the problem.

    The device must have the same host API, name and numbers of inputs and outputs as before; only
    ALSA's card number may have changed, and only if there was no other card of the same name.
    """
    apis = sounddevice.query_hostapis()
    same = [
        _Device(index, device)
        for index, device in enumerate(sounddevice.query_devices())
        if (same_device(device["name"], name) if request.alone else device["name"] == name)
        and apis[device["hostapi"]]["name"] == request.host_api
    ]
    if not same:
        return (
            f"{name!r} is no longer listed: it was unplugged, or another program holds it; "
            "replug it, or close that program, and see soundcal devices"
        )
    fitting = [device for device in same if channels in ((), device.channels)]
    exact = [device for device in fitting if device.about["name"] == name]
    found = exact or fitting
    if len(found) == 1:
        return found[0]
    if found:
        return (
            f"{len(found)} devices are called {name!r} under {request.host_api}: unplug all but "
            "one, or rename them in the system settings"
        )
    has, had = ("{} inputs and {} outputs".format(*n) for n in (same[0].channels, channels))
    return (
        f"{name!r} now has {has}, but had {had} when it was opened: it is another device or in "
        "another mode; set it as it was, or open it again"
    )


def _find_both(sounddevice: Any, request: Request) -> _Found | str:
    """Return the devices for input and output, or a text on the problem."""
    into = _find(sounddevice, request.name, request, request.recording)
    if request.output in ("", request.name) and request.playing == request.recording:
        return into if isinstance(into, str) else (into, into)
    out = _find(sounddevice, request.output, request, request.playing)
    if isinstance(into, str) or isinstance(out, str):
        return into if isinstance(into, str) else str(out)
    return into, out


def open_portaudio_stream(
    sounddevice: Any, request: Request, take: Callbacks
) -> tuple[Any, list[int]] | str:
    """Return the stream, not yet started, and its input columns; or a text on the problem."""
    found = _find_both(sounddevice, request)
    if isinstance(found, str):
        return found
    try:
        return _opened(sounddevice, request, take, found, explicit=True)
    except sounddevice.PortAudioError as error:
        if request.host_api != WASAPI or error_code(error) != _FORMAT_REFUSED:
            raise
        # many cards accept only integers: PortAudio rounds to them, without dither
        return _opened(sounddevice, request, take, found, explicit=False)


def _width(wanted: tuple[int, ...], there: int, host_api: str) -> int:
    """Return the number of channels to open, from which the wanted ones can be picked.

    Mixers, and PortAudio itself under WASAPI, play a single channel on two and mix two recorded
    ones into one. So at least a pair is opened, and under WASAPI always the whole device.
    """
    if not wanted:
        return 0
    return there if host_api == WASAPI else max(*wanted, min(2, there))


def _opened(
    sounddevice: Any, request: Request, take: Callbacks, found: _Found, *, explicit: bool
) -> tuple[Any, list[int]]:
    recording, playing = found
    into, out, chosen = host_api_settings(sounddevice, request, playing.about, explicit=explicit)
    if chosen:
        n_in, n_out = len(request.inputs), len(request.outputs)
        columns, played = list(range(n_in)), list(range(n_out))
    else:
        api = request.host_api
        n_in = _width(request.inputs, recording.about["max_input_channels"], api)
        n_out = _width(request.outputs, playing.about["max_output_channels"], api)
        columns, played = [c - 1 for c in request.inputs], [c - 1 for c in request.outputs]
    take.use_columns(played)
    common = {
        "samplerate": request.fs,
        "blocksize": 0,
        "dtype": "float32",
        "latency": request.latency,
        "clip_off": True,
        "dither_off": True,
    }
    if n_in and n_out:
        stream = sounddevice.Stream(
            device=(recording.index, playing.index),
            channels=(n_in, n_out),
            extra_settings=(into, out),
            callback=take.duplex,
            never_drop_input=True,
            **common,
        )
    elif n_in:
        stream = sounddevice.InputStream(
            device=recording.index,
            channels=n_in,
            extra_settings=into,
            callback=take.input,
            **common,
        )
    else:
        stream = sounddevice.OutputStream(
            device=playing.index, channels=n_out, extra_settings=out, callback=take.output, **common
        )
    return stream, columns
