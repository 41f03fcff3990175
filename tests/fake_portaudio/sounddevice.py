"""Stands in for sounddevice in the worker process: put this folder on its PYTHONPATH.

It offers what :mod:`soundcal.devices.portaudio.worker` uses. FAKE_PORTAUDIO holds a JSON object of
what shall go wrong, and FAKE_PORTAUDIO_LOG names a file to which opened streams are noted:

    import       "hang", "crash", "missing", "library", "broken"
    devices      list of devices instead of the default one
    open         PortAudio error code to fail with at opening
    format       true if WASAPI takes no float samples
    fs           sampling rate at which streams open, whatever was asked for
    at           position in frames (counted from the start of the stream) of what follows
    do           "stall", "crash", "garbage", "stop", "raise", "zeros", "overflow", "vanish",
                 "pause" (samples of the time "s" are lost); "hang at rates" while listing
    close        "hang"
    closed       file that is made when a stream is closed
    speed        times real time (default 40)

Streams call back with irregular block sizes. A duplex stream returns what it plays 3000 frames
later; an input stream delivers a ramp, channel c at frame n: (n + c) mod 4096 / 8192.
"""

import json
import os
import threading
import time

import numpy as np

_FAULT = json.loads(os.environ.get("FAKE_PORTAUDIO", "{}"))
DELAY = 3000
_SIZES = (1, 480, 1024, 37, 2048)

print("a driver that greets on standard output")

if _FAULT.get("import") == "hang":
    time.sleep(60)
elif _FAULT.get("import") == "crash":
    os.abort()
elif _FAULT.get("import") == "missing":
    raise ImportError("No module named '_sounddevice'")
elif _FAULT.get("import") == "library":
    raise OSError("PortAudio library not found")


class PortAudioError(Exception):
    """Message and code, as in sounddevice."""


class CallbackStop(Exception):
    """Ends a stream after what was handed over."""


if _FAULT.get("import") == "broken":
    raise PortAudioError("Error initializing PortAudio: Unanticipated host error", -9999)

_CARD = {
    "name": "Fake Card (hw:1,0)",
    "hostapi": 0,
    "max_input_channels": 4,
    "max_output_channels": 2,
    "default_samplerate": 48000.0,
}
_DEVICES = [{**_CARD, **device} for device in _FAULT.get("devices", [{}])]
_APIS = ("ALSA", "Core Audio", "ASIO", "Windows WASAPI", "Windows DirectSound", "MME")


_KEPT = (
    "device",
    "channels",
    "samplerate",
    "latency",
    "blocksize",
    "dtype",
    "dither_off",
    "clip_off",
)


def query_hostapis():
    return [{"name": n, "default_input_device": 0, "default_output_device": -1} for n in _APIS]


def query_devices():
    vanished = _FAULT.get("do") == "vanish" and os.path.exists(os.environ["FAKE_PORTAUDIO_LOG"])
    return [] if vanished else _DEVICES


def check_input_settings(device, samplerate, channels, dtype, extra_settings):
    if _FAULT.get("do") == "hang at rates":
        time.sleep(60)
    if samplerate not in (44100, 48000):
        raise PortAudioError("Invalid sample rate", -9997)


check_output_settings = check_input_settings


class _Settings:
    def __init__(self, **options):
        if [] in options.values():
            raise TypeError("channel_map must not be empty")
        self.options = options


class WasapiSettings(_Settings):
    pass


class AsioSettings(_Settings):
    pass


class CoreAudioSettings(_Settings):
    pass


def _terminate():
    pass


class _Stream:
    """Calls back from a thread of its own until told to stop."""

    def __init__(self, **options):
        if "open" in _FAULT:
            raise PortAudioError("Error opening stream", _FAULT["open"])
        extra = options["extra_settings"]
        extra = extra if isinstance(extra, tuple) else (extra,)
        if _FAULT.get("format") and extra[0].options["explicit_sample_format"]:
            raise PortAudioError("Sample format not supported", -9994)
        self.samplerate = _FAULT.get("fs", options["samplerate"])
        self.active = False
        self._callback = options["callback"]
        self._channels = options["channels"]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._position = 0
        self._played = np.zeros((DELAY, 0), dtype=np.float32)
        if log := os.environ.get("FAKE_PORTAUDIO_LOG"):
            kept = {k: options[k] for k in _KEPT}
            kept["asio"] = os.environ.get("SD_ENABLE_ASIO")
            kept["extra"] = [e and [type(e).__name__, e.options] for e in extra]
            with open(log, "a", encoding="utf-8") as file:
                file.write(json.dumps(kept) + "\n")

    def start(self):
        self.active = True
        self._thread.start()

    def stop(self):
        self._stop.set()
        self._thread.join()

    def close(self):
        if _FAULT.get("close") == "hang":
            time.sleep(60)
        self._stop.set()
        if closed := _FAULT.get("closed"):
            open(closed, "w").close()

    def _run(self):
        start = time.monotonic()
        count = 0
        while not self._stop.is_set():
            n = _SIZES[count % len(_SIZES)]
            count += 1
            self._position += n
            due = start + self._position / self.samplerate / _FAULT.get("speed", 40)
            time.sleep(max(0.0, due - time.monotonic()))
            reached = self._position > _FAULT.get("at", 0)
            if reached and _FAULT.get("do") == "pause" and self._once():
                time.sleep(_FAULT["s"])
                start += _FAULT["s"]
            if reached and not self._fault(_FAULT.get("do")):
                break
            overflow = _FAULT.get("do") == "overflow" and reached and self._once()
            try:
                self._call(n, "input overflow" if overflow else "", reached)
            except CallbackStop:
                break
        self.active = False

    def _once(self):
        if _FAULT.get("fired"):
            return False
        _FAULT["fired"] = True
        return True

    def _fault(self, kind):
        if kind == "stall":
            time.sleep(60)
        elif kind == "crash":
            os.abort()
        elif kind == "garbage":
            for descriptor in range(3, 9):
                try:
                    os.write(descriptor, b"not a message\n")
                except OSError:
                    continue
        return kind != "stop"

    def _call(self, n, status, reached):
        if _FAULT.get("do") == "raise" and reached:
            self._callback(["no array"], n, None, status)
        self._serve(n, status, _FAULT.get("do") in ("zeros", "vanish") and reached)


class InputStream(_Stream):
    def _serve(self, n, status, silent):
        frames = np.arange(self._position - n, self._position)[:, np.newaxis]
        ramp = (frames + np.arange(self._channels)) % 4096 / 8192
        self._callback((ramp * (not silent)).astype(np.float32), n, None, status)


class OutputStream(_Stream):
    def _serve(self, n, status, silent):
        self._callback(np.full((n, self._channels), np.nan, dtype=np.float32), n, None, status)


class Stream(_Stream):
    def _serve(self, n, status, silent):
        n_in, n_out = self._channels
        if not self._played.shape[1]:
            self._played = np.zeros((DELAY, n_out), dtype=np.float32)
        out = np.full((n, n_out), np.nan, dtype=np.float32)
        into = np.zeros((n, n_in), dtype=np.float32)
        width = min(n_in, n_out)
        into[:, :width] = self._played[:n, :width]
        self._callback(into, out, n, None, status)
        self._played = np.concatenate([self._played[n:], out])
