#!/usr/bin/env python3
"""The simulated lab, or a card without physics (``plain.py``), as a soundcard on a JACK server.

PortAudio's JACK host API lists every JACK client as a device and connects streams to it by itself,
so this process *is* the soundcard, with headphones, ears, calibrator and voltmeter attached: a
:class:`soundcal.devices.simulated.lab.SimulatedLab` whose chain of signal processing runs in the
callback of the server.

A UNIX datagram socket takes the commands of the person in the lab. Every datagram is a JSON object
with the key ``do`` and is answered with ``{"value": ...}`` or ``{"error": text}``, so that tests
need not sleep:

``attach_calibrator``, ``remove_calibrator``, ``seat_headphones``, ``remove_headphones``,
``read_voltmeter``
    the lab's methods, with their arguments as further keys
``truth``
    numbers of the lab's truth; ``transfer``: magnitudes in Pa per full scale at ``frequencies``
``arm``
    list of ``faults``: ``{"at": position, "do": what, ...}``, in samples counted from the first
    sample played that is not zero (deterministic even if the server runs faster than real time);
    with ``silent`` from the first one that a program records, for takes that play nothing
``new_lab``
    forget everything and start again, with the keys ``name`` and ``seed``
``state``
    the state of the callback: ``cycles``, ``xruns``, the ``position`` of a count, and the number of
    ``connections`` to its channels

Faults: ``drop`` (zeros for ``n`` samples), ``insert`` (``n`` zeros), ``delete`` (``n`` samples, of
those inserted before), ``repeat`` (the next ``n`` samples replaced by the last ``n``), ``gain``
(``db`` from there on), ``mute``, ``ppm`` (the input's clock is that much faster from there on),
``stall`` (the card blocks for ``s`` seconds), ``slow`` (every period takes ``factor`` times as long
as it should), ``exit`` (unplugged), ``crash`` (the process dies at once).
"""

import argparse
import json
import os
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

import jack
import numpy as np
from plain import PlainCard

from soundcal.devices.simulated.lab import SimulatedLab

HANDS = (
    "attach_calibrator",
    "remove_calibrator",
    "seat_headphones",
    "remove_headphones",
)
METER_S = 1.0
IDLE_S = 0.002
TAPS = 64
KEPT = 8192


class Faults:
    """Faults armed at sample positions, applied to the samples on their way to the computer."""

    def __init__(self, n_inputs: int, leave: threading.Event) -> None:
        self._waiting = np.zeros((n_inputs, 0))
        self._given = np.zeros((n_inputs, 0))
        self._leave = leave
        self.arm([])

    def arm(self, faults: list[dict[str, Any]], *, silent: bool = False) -> None:
        """Take new faults; positions count from the next sample played that is not zero."""
        self._events = sorted(faults, key=lambda event: int(event["at"]))
        self._position = 0 if silent else None
        self._gain = 1.0
        self._clock: Clock | None = None
        self.slowness = 1.0

    def apply(self, played: np.ndarray, recorded: np.ndarray) -> np.ndarray:
        """Return the samples that reach the computer in place of a recorded block."""
        n = recorded.shape[1]
        if self._position is None and self._events and played.any():
            self._position = -int(np.flatnonzero(played.any(axis=0))[0])
        if self._clock is not None:
            recorded = self._clock.convert(recorded)
        self._waiting = np.concatenate([self._waiting, recorded * self._gain], axis=1)
        while self._due(n):
            self._fire(self._events.pop(0))
        if self._position is not None:
            self._position += n
        missing = max(0, n - self._waiting.shape[1])
        block = np.pad(self._waiting, ((0, 0), (missing, 0)))
        self._waiting = block[:, n:]
        self._given = np.concatenate([self._given, block[:, :n]], axis=1)[:, -KEPT:]
        return block[:, :n]

    def _due(self, n: int) -> bool:
        position = self._position
        return bool(position is not None and self._events and self._events[0]["at"] < position + n)

    def _overwrite(self, at: int, after: np.ndarray, samples: np.ndarray) -> None:
        """Overwrite samples; those still to come are overwritten when they are there."""
        n = min(samples.shape[1], after.shape[1])
        after[:, :n] = samples[:, :n]
        if n < samples.shape[1]:
            rest = {"at": at + n, "do": "overwrite", "samples": samples[:, n:]}
            self._events.insert(0, rest)

    def _fire(self, event: dict[str, Any]) -> None:
        first = max(0, int(event["at"]) - (self._position or 0))
        n = int(event.get("n", 0))
        there, after = self._waiting[:, :first], self._waiting[:, first:]
        kind = event["do"]
        if kind == "drop":
            self._overwrite(event["at"], after, np.zeros((len(there), n)))
        elif kind == "repeat":
            last = np.concatenate([self._given, there], axis=1)[:, -n:]
            self._overwrite(event["at"], after, last)
        elif kind == "overwrite":
            self._overwrite(event["at"], after, event["samples"])
        elif kind == "insert":
            zeros = np.zeros((there.shape[0], n))
            self._waiting = np.concatenate([there, zeros, after], axis=1)
        elif kind == "delete":
            self._waiting = np.concatenate([there, after[:, n:]], axis=1)
        elif kind in ("gain", "mute"):
            factor = 0.0 if kind == "mute" else 10.0 ** (event["db"] / 20.0)
            after *= factor
            self._gain *= factor
        elif kind == "ppm":
            # a store of samples, for a clock that is slower than the one it feeds
            store = np.zeros((len(there), KEPT))
            self._clock = Clock(float(event["ppm"]), self._waiting[:, -TAPS:])
            self._waiting = np.concatenate([there, store, after[:, : -TAPS // 2]], axis=1)
        elif kind == "slow":
            self.slowness = float(event["factor"])
        elif kind == "stall":
            time.sleep(float(event["s"]))
        elif kind == "exit":
            self._leave.set()
        elif kind == "crash":
            os._exit(9)


class Clock:
    """The input's clock runs faster than the output's: interpolation by a windowed sinc."""

    def __init__(self, ppm: float, history: np.ndarray) -> None:
        self._step = 1.0 - 1e-6 * ppm
        self._history = history
        self._next = history.shape[1] - TAPS / 2.0
        self._taps = np.arange(1 - TAPS // 2, TAPS // 2 + 1)

    def convert(self, samples: np.ndarray) -> np.ndarray:
        """Return the samples that can be interpolated by now; their number varies by one."""
        known = np.concatenate([self._history, samples], axis=1)
        n = int((known.shape[1] - TAPS / 2.0 - self._next) / self._step)
        at = self._next + self._step * np.arange(n)
        whole = np.floor(at).astype(np.intp)
        distance = self._taps - (at - whole)[:, np.newaxis]
        weights = np.sinc(distance) * np.cos(np.pi * distance / (TAPS + 2)) ** 2
        found = np.einsum("kt,ckt->ck", weights, known[:, whole[:, np.newaxis] + self._taps])
        start = int(self._next + self._step * n) - TAPS // 2
        self._history = known[:, start:]
        self._next += self._step * n - start
        return np.asarray(found)


class Card:
    """The JACK client: ports, callback, hands."""

    def __init__(self, name: str, lab: str, seed: int) -> None:
        self.leave = threading.Event()
        self._lock = threading.Lock()
        self._client = jack.Client(name, no_start_server=True)
        self.fs = int(self._client.samplerate)
        self.period = int(self._client.blocksize)
        self._renew(lab, seed)
        register_in, register_out = self._client.inports, self._client.outports
        n_outputs, n_inputs = self._lab.info.outputs, self._lab.info.inputs
        self._outputs = [register_in.register(f"playback_{i + 1}") for i in range(n_outputs)]
        self._inputs = [register_out.register(f"capture_{i + 1}") for i in range(n_inputs)]
        self._connections: set[tuple[str, str]] = set()
        self._client.set_process_callback(self._process)
        self._client.set_port_connect_callback(self._note_connection)
        self._client.set_xrun_callback(self._count_xrun)
        self._client.set_shutdown_callback(lambda *_: self.leave.set())
        self._xruns = 0
        self._cycles = 0

    def _renew(self, name: str, seed: int) -> None:
        plain = name.startswith(("plain-", "count-"))
        lab = PlainCard(name) if plain else SimulatedLab(name, fs=self.fs, seed=seed)
        with self._lock:
            self._lab = lab
            self._faults = Faults(lab.info.inputs, self.leave)
            self._recent = np.zeros((lab.info.outputs, round(METER_S * self.fs)))

    def _note_connection(self, source: jack.Port, target: jack.Port, connected: bool) -> None:
        pair = (source.name, target.name)
        if connected:
            self._connections.add(pair)
        else:
            self._connections.discard(pair)

    def _process(self, n: int) -> None:
        if not self._connections:
            # nobody listens: leave the processor to the tests when the server runs without a clock
            for port in self._inputs:
                port.get_array()[:] = 0.0
            time.sleep(IDLE_S)
            return
        played = np.stack([port.get_array() for port in self._outputs]).astype(np.float64)
        with self._lock:
            recorded = self._faults.apply(played, self._lab.chain.process(played))
            self._recent = np.concatenate([self._recent[:, n:], played], axis=1)
        for port, samples in zip(self._inputs, recorded, strict=True):
            port.get_array()[:] = samples
        if self._faults.slowness > 1.0:
            time.sleep(self._faults.slowness * n / self.fs)
        self._cycles += 1

    def _count_xrun(self, _: float) -> None:
        self._xruns += 1

    def serve(self, control: Path) -> None:
        """Run until told to leave."""
        control.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as door, self._client:
            door.bind(str(control))
            door.settimeout(0.05)
            print("ready", self.fs, self.period, flush=True)
            while not self.leave.is_set():
                try:
                    message, sender = door.recvfrom(1 << 20)
                except TimeoutError:
                    continue
                try:
                    answer = {"value": self._do(**json.loads(message))}
                except Exception as error:  # the card goes on; the test is told
                    answer = {"error": f"{type(error).__name__}: {error}"}
                door.sendto(json.dumps(answer).encode(), sender)
        control.unlink(missing_ok=True)

    def _do(self, do: str, **arguments: Any) -> Any:
        if do == "new_lab":
            return self._renew(arguments["name"], arguments["seed"])
        if do == "state":
            position = getattr(self._lab.chain, "position", None)
            return {
                "cycles": self._cycles,
                "xruns": self._xruns,
                "position": position,
                "connections": len(self._connections),
            }
        if do == "arm":
            with self._lock:
                return self._faults.arm(**arguments)
        if do in HANDS:
            with self._lock:
                return getattr(self._lab, do)(**arguments)
        if do == "read_voltmeter":
            with self._lock:
                recent = np.clip(self._recent, -1.0, 1.0)
                with self._lab.playing(recent):
                    return self._lab.read_voltmeter(**arguments)
        return self._look(do, arguments)

    def _look(self, do: str, arguments: dict[str, Any]) -> Any:
        truth = self._lab.truth
        if do == "truth":
            names = ("v_fs", "ear_pa_per_fs", "line_v_per_fs", "level_1v", "output_impedance")
            sheet = self._lab.data_sheet
            return {name: list(getattr(truth, name)) for name in names} | {
                "calibrator_error_db": truth.calibrator_error_db,
                "impedance": sheet.impedance,
                "sensitivity": sheet.sensitivity,
                "per": sheet.per,
            }
        if do == "transfer":
            frequencies = np.asarray(arguments["frequencies"], dtype=np.float64)
            return np.abs(truth.transfer(arguments["channel"], frequencies)).tolist()
        raise ValueError(f"the card cannot {do!r}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    # PortAudio 19.6 takes the name for a regular expression: letters, digits, blank, - and _ only
    parser.add_argument("--name", default="SimHATS")
    parser.add_argument("--lab", default="onboard+closed-16")
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--control", type=Path, required=True)
    options = parser.parse_args()
    card = Card(options.name, options.lab, options.seed)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: card.leave.set())
    card.serve(options.control)


if __name__ == "__main__":
    main()
