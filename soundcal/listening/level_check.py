"""The level check that opens the room: do the gains still give the levels that they should?

=============  ===================================================================================
``coupler``    Headphones on the ears of a HATS or on couplers: noise on one side after the other
               (ears not swapped), silence, and two stimuli whose levels were measured at the ears
               when their gains were found: within 0.5 dB of them.
``voltage``    Open-circuit voltage of 1 kHz at −20 dB re full scale at each output, read from a
               voltmeter or recorded through line inputs: within 0.2 dB of the one from which the
               gains were computed.
``ears_only``  Somebody hears left and right. Levels are not checked.
=============  ===================================================================================

All limits are proposals. A room with a monitor also gets the reference with which the levels of its
presentations are compared.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import numpy as np

from soundcal.calibration import hats
from soundcal.calibration.model import Calibration
from soundcal.devices.protocol import AudioDevice
from soundcal.errors import DeviceUnavailable, ParameterError, SignalError
from soundcal.files.calibrations import load_calibration
from soundcal.lab.operator import Operator
from soundcal.lab.search import Ears
from soundcal.lab.voltage import LineInputs, read_voltages, record_voltages
from soundcal.listening.cues import CUE
from soundcal.listening.monitor import LIKENESS, judge_presentation
from soundcal.listening.presentable import Presentable
from soundcal.listening.results import LEVEL_NOT_CHECKED
from soundcal.listening.sound import SoundBook
from soundcal.listening.study import Study, calibrations_beside
from soundcal.recording import EARS
from soundcal.takes.against_stimulus import judge_alone
from soundcal.takes.check import Check, Limit, fault, flags_of, refuse, refuse_broken
from soundcal.units import db, from_db

__all__ = ["LevelCheck", "LevelCheckKind", "reference_of", "run_level_check"]

LevelCheckKind = Literal["coupler", "voltage", "ears_only"]

_CABLE: Final = Limit(
    0.9,
    "≥",
    "proposal: a cable changes the level only",
    'connect the inputs of the monitor to the outputs by cable, or set monitor = "none"',
)

MONITOR_GAIN: Final = "monitor gain"
"""Name of the check that keeps the reference of the monitor."""

_DIGITAL_DB: Final = -20.0
"""Rms of the tone of the voltage check, dB re full scale."""

_FLOOR_S: Final = 2.0

_COUPLER: Final = Limit(
    0.5,
    "±",
    "proposal: level when the gain was found",
    "set the volume control as it was, put the headphones on again, or find the gains again",
)
_VOLTAGE: Final = Limit(
    0.2,
    "±",
    "proposal: voltage when the output was calibrated",
    "set the volume control as it was, read the meter at the right output, or calibrate again",
)
_SEPARATION: Final = Limit(
    10.0, "≥", "noise on one side is louder there", "check whether left and right are swapped"
)
_SILENCE: Final = Limit(
    20.0,
    "≥",
    "noise stands out from silence",
    "stop other programs that play, and look for hum and noises in the room",
)
_HEARD: Final = Limit(
    1.0, "≥", "noise is heard on its side", "check plugs, and whether left and right are swapped"
)


@dataclass(frozen=True, slots=True)
class LevelCheck:
    """Result of a level check.

    Parameters
    ----------
    kind : {"coupler", "voltage", "ears_only"}
        How it was made.
    passed : bool
        True if no check failed.
    deviations : mapping of str to float
        Deviations in dB by stimulus and ear, or by ear.
    checks : tuple of Check
        All checks, with their limits and reasons.
    made, valid_until : str
        Time of the check and end of its validity, ISO 8601, UTC.
    flags : tuple of str
        What its sessions are flagged with.
    """

    kind: LevelCheckKind
    passed: bool
    deviations: Mapping[str, float]
    checks: tuple[Check, ...]
    made: str
    valid_until: str
    flags: tuple[str, ...] = ()

    @property
    def reasons(self) -> tuple[str, ...]:
        """Reasons for which it did not pass, in words."""
        return tuple(flag.text for flag in flags_of(self.checks))


def run_level_check(
    kind: LevelCheckKind,
    device: AudioDevice,
    study: Study,
    operator: Operator,
    *,
    book: SoundBook | None = None,
    line: LineInputs | None = None,
    accept_device: bool = False,
) -> LevelCheck:
    """Carry out a level check.

    Parameters
    ----------
    kind : {"coupler", "voltage", "ears_only"}
        How to check.
    device : AudioDevice
        The device of the room.
    study : Study
        The study.
    operator : Operator
        Puts headphones on, reads the voltmeter, listens. If a check fails, the operator may repeat
        it.
    book : SoundBook, optional
        The sounds of the study, if they are open already.
    line : LineInputs, optional
        Line inputs that measure the voltages instead of a voltmeter.
    accept_device : bool
        Check a device of another name than that for which the gains were found.

    Raises
    ------
    DeviceUnavailable
        The gains do not hold for the device.
    ParameterError
        The study has no gains that can be checked in this way.
    RecordError
        A calibration beside the gains cannot be read, or a stimulus was changed.
    SignalError
        A take is invalid, and the operator does not try again.
    """
    own = book or SoundBook(study)
    try:
        if found := own.disagreements(device, accept_device=accept_device):
            raise DeviceUnavailable("; ".join(found))
        while True:
            checks = _checks(kind, device, study, operator, own, line)
            reasons = "; ".join(flag.text for flag in flags_of(checks))
            if not reasons or not operator.again(reasons):
                break
    finally:
        if book is None:
            own.close()
    now = datetime.now(UTC)
    end = now + timedelta(hours=study.sound.check_every_hours)
    limits = (_COUPLER, _VOLTAGE)
    return LevelCheck(
        kind,
        not reasons,
        {check.channel: check.value for check in checks if check.limit in limits},
        tuple(checks),
        now.isoformat(timespec="milliseconds"),
        end.isoformat(timespec="milliseconds"),
        (LEVEL_NOT_CHECKED,) if kind == "ears_only" else (),
    )


def reference_of(checks: Sequence[Check]) -> tuple[float, ...]:
    """Return the gains with which presentations are compared, in dB per input of the monitor.

    Give it the checks of a level check; without a monitor there are none.
    """
    return tuple(check.value for check in checks if check.name == MONITOR_GAIN)


def _checks(
    kind: LevelCheckKind,
    device: AudioDevice,
    study: Study,
    operator: Operator,
    book: SoundBook,
    line: LineInputs | None,
) -> list[Check]:
    if kind == "coupler":
        checks = _by_coupler(device, study, operator, book)
    elif kind == "voltage":
        checks = _by_voltage(device, study, operator, book, line)
    else:
        checks = _by_ears(device, operator, book)
    if book.monitor_inputs:
        checks += _of_monitor(device, book)
    return checks


def _by_coupler(
    device: AudioDevice, study: Study, operator: Operator, book: SoundBook
) -> list[Check]:
    condition, calibration = _calibrated(
        study,
        book,
        lambda known: known.direction == "input" and set(EARS) <= set(known.channels),
        "levels that were measured at the ears, with the calibration of these beside its gains: "
        "check the voltage instead",
    )
    ears = Ears(
        device,
        calibration,
        book.outputs,
        tuple(calibration.inputs.get(ear, n) for n, ear in enumerate(EARS, start=1)),
    )
    operator.seat_headphones()
    floor = ears.levels(ears.take(np.zeros((2, round(_FLOOR_S * device.fs)))))
    checks = []
    for side, ear in enumerate(EARS):
        operator.tell(f"noise, {ear}")
        levels = ears.levels(ears.take(book.samples(CUE, ear)))
        checks.append(_separation(ear, levels[side] - levels[1 - side]))
        checks.append(_silence(ear, levels[side] - floor[side]))
    for one in _two_of(condition, study, book):
        operator.tell(one.stimulus)
        n_samples = round(one.duration_s * device.fs)
        weighted = replace(ears, weighting=book.weighting(condition), n_samples=n_samples)
        samples = book.samples(condition, one.stimulus)
        take = ears.take(samples)
        refuse_broken(take, one.name)
        refuse(judge_alone(take, samples), one.name)
        found = weighted.levels(take)
        meant = book.levels_in_table(condition, one.stimulus)
        for side, ear in enumerate(EARS):
            clean = hats.without_floor(found[side], floor[side])
            name = f"{one.stimulus} {ear}"
            checks.append(_deviation(name, clean - meant[side], _COUPLER))
    return checks


def _calibrated(
    study: Study, book: SoundBook, fits: Callable[[Calibration], bool], otherwise: str
) -> tuple[str, Calibration]:
    """Return a condition and the calibration of its gains, which lies beside them."""
    for condition, path in study.sound.conditions.items():
        for file in calibrations_beside(path):
            calibration = load_calibration(file)
            if fits(calibration) and book.calibration_id(condition) in ("", calibration.id):
                return condition, calibration
    raise ParameterError(f"no condition has {otherwise}")


def _two_of(condition: str, study: Study, book: SoundBook) -> list[Presentable]:
    """Return the loudest stimulus of a condition and the one in the middle."""
    found = [book.presentable(condition, stimulus) for stimulus in study.stimuli()]
    found.sort(key=lambda one: max(one.laeq), reverse=True)
    return list(dict.fromkeys((found[0], found[len(found) // 2])))


def _by_voltage(
    device: AudioDevice,
    study: Study,
    operator: Operator,
    book: SoundBook,
    line: LineInputs | None,
) -> list[Check]:
    _, calibration = _calibrated(
        study,
        book,
        lambda known: known.method == "ocv",
        "gains by open-circuit voltage, with the calibration beside them: check by the coupler "
        "instead",
    )
    outputs = study.sound.outputs
    operator.remove_headphones()
    volts = (
        read_voltages(device, operator, outputs=outputs, digital_level=_DIGITAL_DB)
        if line is None
        else record_voltages(device, line, outputs=outputs, digital_level=_DIGITAL_DB)
    )
    operator.plug_headphones()
    per_fs = calibration.details["v_fs_rms"]
    return [
        _deviation(ear, db(volts[ear] / (per_fs[ear] * from_db(_DIGITAL_DB))), _VOLTAGE)
        for ear in EARS
    ]


def _by_ears(device: AudioDevice, operator: Operator, book: SoundBook) -> list[Check]:
    checks = []
    for ear in EARS:
        with device.playing(book.samples(CUE, ear), outputs=book.outputs):
            answer = operator.hear(ear)
        reason = "" if answer == ear else f"noise on the {ear} was heard: {answer}; {_HEARD.remedy}"
        checks.append(Check("heard", float(answer == ear), "", _HEARD, fault(reason), reason, ear))
    return checks


def _of_monitor(device: AudioDevice, book: SoundBook) -> list[Check]:
    """Return the gains of the monitor, by noise on both sides, and what is wrong with its take."""
    noise = book.samples(CUE, "left") + book.samples(CUE, "right")
    take = device.play_and_record(
        noise, outputs=book.outputs, inputs=book.monitor_inputs, marker=False
    )
    judged = judge_presentation(take, noise, None)
    if judged is None or not judged.gains:
        raise SignalError(
            "the monitor does not hear the outputs: connect them to inputs "
            f'{", ".join(map(str, book.monitor_inputs))}, or set monitor = "none"'
        )
    gains = [
        Check(MONITOR_GAIN, gain, "dB", channel=name)
        for name, gain in zip(take.channels, judged.gains, strict=True)
    ]
    found = [_by_cable(check) if check.name == LIKENESS else check for check in judged.checks]
    return [*gains, *(check for check in found if check.verdict == "invalid")]


def _by_cable(likeness: Check) -> Check:
    """Return the check of what an input hears, which microphones, for example, do not pass.

    Their levels would depend on the spectrum of each sound, and not only on its gain.
    """
    if likeness.verdict == "invalid" or _CABLE.keeps(likeness.value):
        return likeness
    reason = (
        f"{likeness.channel}: noise arrives at the monitor with a correlation of "
        f"{likeness.value:.2f}, at least {_CABLE.value:g} is expected of a cable; {_CABLE.remedy}"
    )
    return replace(likeness, limit=_CABLE, verdict=fault(reason), reason=reason)


def _deviation(name: str, value: float, limit: Limit) -> Check:
    """Return the check of a level or voltage against the one when the gains were found."""
    words = f"{name}: {value:+.2f} dB, the limit is {limit.text} dB"
    return _limited("deviation", value, limit, words, name)


def _separation(ear: str, value: float) -> Check:
    words = (
        f"noise on the {ear} is {value:.1f} dB louder there than at the other ear, at least "
        f"{_SEPARATION.value:g} dB are expected"
    )
    return _limited("separation", value, _SEPARATION, words, ear)


def _silence(ear: str, value: float) -> Check:
    words = (
        f"{ear}: the noise is {value:.1f} dB above silence, at least {_SILENCE.value:g} dB are "
        "expected"
    )
    return _limited("silence", value, _SILENCE, words, ear)


def _limited(name: str, value: float, limit: Limit, words: str, channel: str) -> Check:
    """Return the check of a value in dB; ``words`` and the remedy are the reason if it fails."""
    reason = "" if limit.keeps(value) else f"{words}; {limit.remedy}"
    return Check(name, value, "dB", limit, fault(reason), reason, channel)
