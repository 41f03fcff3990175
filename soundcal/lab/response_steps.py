"""Steps of a protocol that measure the response of headphones, seating by seating.

Each seating is in the session as soon as it is measured: its response in ``seating-N.json`` and its
impulse responses in ``seating-N.wav``. A session that was interrupted keeps them.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from soundcal.calibration.belonging import belonging, mismatches
from soundcal.calibration.model import Direction
from soundcal.calibration.reference_point import points_differ
from soundcal.devices import AudioDevice
from soundcal.errors import ParameterError
from soundcal.files import audio
from soundcal.files.atomic import file_digest
from soundcal.files.calibrations import load_calibration
from soundcal.files.session import ExitStatus
from soundcal.lab import steps
from soundcal.lab.effort import Effort, playing
from soundcal.lab.protocol import Bench, Setting, Value
from soundcal.lab.responses import (
    Seatings,
    SweepPath,
    level_below,
    measure_response,
    take_duration,
)
from soundcal.recording import EARS, counted
from soundcal.response.calibrated_inputs import at_inputs, check_inputs
from soundcal.response.deconvolution import Gate
from soundcal.response.measurement import MeasuredResponse, SweepTest
from soundcal.response.model import Response, with_provenance
from soundcal.response.opening import open_response
from soundcal.response.records import load_response, save_response
from soundcal.response.seatings import over_seatings
from soundcal.response.sweep import Sweep

__all__ = [
    "RESPONSE",
    "SEATINGS",
    "check_at_drum",
    "check_response",
    "conclude_response",
    "headphone_seatings",
    "keep_response",
    "kept_response",
    "prepare_response",
    "response_effort",
    "seating_effort",
    "sweep_path",
    "sweep_test",
]

_DRUM: Final = "DRP"
_EARS: Final = "calibration_before"
_OUTPUT: Final = "calibration_output"
_EARS_RESPONSE: Final = "response_ears"

SEATINGS: Final = {
    "seatings": Setting(5, "", "number of times the headphones are put on", 1, 100),
    "averages": Setting(2, "", "takes of the sweep that are averaged in each seating", 1, 100),
    "sweep": Setting(6.0, "s", "length of the sweep", 0.2, 60.0),
    "sweep_level": Setting(
        -20.0, "dBFS", "level of the sweep; a full-scale sine has 0", -100.0, 0.0
    ),
    "ears_response": Setting(
        "", "", "response of the ears, DRP to FS (JSON); empty: they are taken as flat"
    ),
    "low": Setting(20.0, "Hz", "lower end of the response", 2.0, 1000.0),
    "high": Setting(20000.0, "Hz", "upper end of the response", 2000.0, 90000.0),
    "window": Setting(0.1, "s", "length of the impulse response", 0.005, 10.0),
}
"""Settings of :func:`headphone_seatings`, beside :data:`soundcal.lab.steps.DEVICE`."""

RESPONSE: Final = {
    "ears": Setting(
        "", "", "calibration of the ears (JSON); empty: with the sound calibrator, as first step"
    ),
    "output": Setting(
        "", "", "calibration of the outputs (JSON), by which max_level limits the level at the ears"
    ),
    "max_level": Setting(85.0, "dB", "highest level at the ears, re 20 µPa", 40.0, 130.0),
    **SEATINGS,
}
"""Settings of the protocol that measures headphones and nothing else."""


def keep_response(bench: Bench, name: str, response: Response) -> None:
    """Store a response as the record ``name`` of the session, in place of one of that name."""
    bench.session.add_file(f"{name}.json", partial(save_response, response=response, force=True))


def kept_response(bench: Bench, name: str) -> Response:
    """Return a response of the session."""
    return load_response(bench.session.path(f"{name}.json"))


@dataclass(slots=True)
class _Kept(Seatings):
    """Seatings in a session."""

    bench: Bench = field(kw_only=True)
    name: str = field(kw_only=True)
    numbers: list[int] = field(default_factory=list, kw_only=True)

    def read(self) -> None:
        """Read the seatings that the session has."""
        for file in self.bench.session.files:
            stem, _dot, suffix = file.partition(".")
            number = stem.removeprefix(f"{self.name}-")
            if suffix == "json" and number.isdecimal():
                self.responses.append(kept_response(self.bench, stem))
                self.numbers.append(int(number))

    def keep(self, measured: MeasuredResponse) -> None:
        """Write a seating: its impulse responses, then the response that names them."""
        session, fs = self.bench.session, self.bench.device.fs
        number = max(self.numbers, default=0) + 1
        wav = session.add_file(
            f"{self.name}-{number}.wav",
            lambda path: audio.write(path, measured.impulse, fs, subtype="DOUBLE", force=True),
        )
        response = measured.stored(wav.name, file_digest(wav), fs)
        keep_response(self.bench, f"{self.name}-{number}", response)
        self.responses.append(response)
        self.numbers.append(number)

    def refuse(self, number: int, reason: str) -> None:
        """Withdraw a seating from the session, and remove its files."""
        session, stem = self.bench.session, f"{self.name}-{self.numbers[number]}"
        files = (f"{stem}.wav", f"{stem}.json")
        session.log("seating refused", files=list(files), reason=reason)
        session.withdraw(*files)
        for file in files:
            session.path(file).unlink(missing_ok=True)
        del self.responses[number], self.numbers[number]


def check_response(settings: Mapping[str, Value], device: AudioDevice) -> None:
    """Refuse files and values that would stop the measurement half-way.

    Raises
    ------
    ParameterError
        As for :func:`soundcal.lab.steps.check`; the range and the sweep do not fit, a calibration
        or the ears' response does not belong to the device or the ears, or the ears are not at DRP.
    RecordError
        A file cannot be read.
    """
    steps.check(settings, device)
    check_at_drum(settings)
    sweep_test(settings, device.fs)
    identity = device.info.identity
    sides: tuple[tuple[str, Direction], ...] = (("ears", "input"), ("output", "output"))
    for name, direction in sides:
        if path := str(settings.get(name, "")):
            calibration = load_calibration(path)
            belonging(calibration, EARS, device=identity, direction=direction, name=path)
            if direction == "input" and points_differ(_DRUM, calibration.point or _DRUM):
                raise ParameterError(
                    f"{path}: calibrated at {calibration.point}; the response of headphones is "
                    "measured to the ear drum (calibrate --point DRP)"
                )
    if path := str(settings["ears_response"]):
        check_inputs(open_response(path), _DRUM)


def check_at_drum(settings: Mapping[str, Value]) -> None:
    """Refuse ears at another point than DRP, where responses of headphones end.

    Raises
    ------
    ParameterError
        The setting ``point`` is another one.
    """
    if settings["point"] != _DRUM:
        raise ParameterError(
            f"point={settings['point']}: the response of headphones is measured to the ear drum "
            "(point=DRP)"
        )


def sweep_test(
    settings: Mapping[str, Value], fs: int, level_dbfs: float | None = None
) -> SweepTest:
    """Return sweep, window and range by :data:`SEATINGS`; the level may be another one."""
    level = float(settings["sweep_level"]) if level_dbfs is None else level_dbfs
    low, high = float(settings["low"]), float(settings["high"])
    sweep = Sweep(fs, duration=float(settings["sweep"]), low=low / 2, level_dbfs=level)
    return SweepTest(sweep, Gate(after=float(settings["window"])), low, high)


def prepare_response(bench: Bench) -> None:
    """Copy the calibrations and the ears' response into the session; calibrate the ears if needed.

    A session that is resumed does not need the files again.
    """
    settings, session = bench.settings, bench.session
    at_ears = {
        "point": str(settings["point"]),
        "inputs": dict(zip(EARS, steps.channel_numbers(settings, "inputs"), strict=True)),
    }
    sides: tuple[tuple[str, str, dict[str, Any]], ...] = (
        (_EARS, "ears", at_ears),
        (_OUTPUT, "output", {}),
    )
    for name, setting, where in sides:
        if path := str(settings.get(setting, "")):
            calibration = load_calibration(path)
            steps.keep_calibration(bench, name, calibration)
            for flag in mismatches(
                calibration, device=bench.device.info.identity, fs=bench.device.fs, **where
            ):
                bench.operator.tell(f"  warning: {flag}")
    if path := str(settings["ears_response"]):
        keep_response(bench, _EARS_RESPONSE, open_response(path))
    if f"{_EARS}.json" not in session.files:
        steps.calibrate_ears(bench, _EARS)


def sweep_path(bench: Bench) -> SweepPath:
    """Return outputs, inputs and sweep; its level is limited if the outputs are calibrated."""
    settings, level = bench.settings, bench.number("sweep_level")
    for name in (_OUTPUT, "calibration_ocv"):
        if f"{name}.json" in bench.session.files:
            output = steps.calibration_of(bench, name)
            level = level_below(bench.number("max_level"), output, channels=EARS, level_dbfs=level)
    return SweepPath(
        bench.device,
        sweep_test(settings, bench.device.fs, level),
        steps.channel_numbers(settings, "outputs"),
        steps.channel_numbers(settings, "inputs"),
        EARS,
        int(bench.number("averages")),
    )


def headphone_seatings(bench: Bench, name: str = "headphones") -> Response:
    """Measure headphones with several seatings, and store the response ``name``.

    The seatings that the session already has are kept.

    Raises
    ------
    SignalError
        A take or a seating was refused, and the operator does not try again.
    """
    path, n = sweep_path(bench), int(bench.number("seatings"))
    kept = _Kept(bench=bench, name="seating")
    kept.read()
    if kept.responses:
        bench.operator.tell(f"{counted(len(kept.responses), 'seating')} already measured, kept")
    begun, first = time.monotonic(), len(kept.responses)

    def measure(number: int) -> MeasuredResponse:
        left = ""
        if number > first + 1:
            each = (time.monotonic() - begun) / (number - 1 - first)
            left = f", about {each * (n - number + 1):.0f} s left"
        bench.operator.tell(f"seating {number} of {n}{left}")
        return measure_response(bench.operator, path, name=f"seating {number}")

    mean = over_seatings(kept.complete(bench.operator, measure, n), name=name)
    ears_response = None
    if f"{_EARS_RESPONSE}.json" in bench.session.files:
        ears_response = kept_response(bench, _EARS_RESPONSE)
    ears = steps.calibration_of(bench, _EARS)
    response = with_provenance(
        at_inputs(mean, ears, inputs=ears_response),
        impulses=[seating.provenance["impulse"] for seating in kept.responses],
    )
    keep_response(bench, name, response)
    for flag in (*response.conditions["flags"], *response.conditions["unmet_limits"]):
        bench.operator.tell(f"  {flag}")
    return response


def conclude_response(bench: Bench, name: str = "headphones") -> ExitStatus:
    """Return the session's exit status: SNR, distortion and spread against their limits."""
    response = kept_response(bench, name)
    return "out of tolerance" if response.conditions["unmet_limits"] else "done"


def response_effort(settings: Mapping[str, Value]) -> Effort:
    """Return the effort of :func:`headphone_seatings`."""
    each = seating_effort(settings, int(settings["averages"])) + Effort(hands=1)
    return each * int(settings["seatings"])


def seating_effort(settings: Mapping[str, Value], averages: int) -> Effort:
    """Return the effort of the takes of one seating: silence, and sweeps that are averaged."""
    test = sweep_test(settings, _USUAL_RATE)
    return playing(take_duration(test, len(EARS))) * (1 + averages)


_USUAL_RATE: Final = 48000
"""Sampling rate in Hz for which the length of a take is stated; at others it differs by 3 %."""
