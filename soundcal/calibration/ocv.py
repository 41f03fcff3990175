"""Open-circuit voltage: from a voltmeter and a data sheet to the level at the ear.

The output is measured unloaded while a sine of known digital level plays; the data sheet gives the
level of the headphone at 1 V. Every influence that the method leaves out is listed by name in its
uncertainty budget, with a standard uncertainty that can be replaced by a known value.

Digital levels are rms in dB re full scale. The voltage per full scale is likewise rms over rms; a
full-scale sine has 3.01 dB less (``v_fs_sine`` in the details).
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from soundcal.calibration.model import Calibration, Chain, Link, new_calibration
from soundcal.calibration.tone import measure_tone
from soundcal.calibration.uncertainty import rectangular
from soundcal.errors import ParameterError, SignalError, TargetNotReached, ToneNotFound
from soundcal.headphone import Headphone
from soundcal.recording import Capture
from soundcal.takes.check import refuse_broken
from soundcal.takes.judge import refuse_invalid
from soundcal.units import PASCAL_DB, db, energetic_mean, from_db

__all__ = [
    "DIGITAL_LEVEL",
    "DIVIDER",
    "FREQUENCY_RESPONSE",
    "Omissions",
    "calibrate",
    "gain_for",
    "gain_to",
    "line_voltages",
    "predicted_levels",
    "target_voltage",
    "u_above_db",
]

DIGITAL_LEVEL: Final = -20.0
"""Default rms of the test sine in dB re full scale."""

DIVIDER: Final = "source-load divider"
FREQUENCY_RESPONSE: Final = "frequency response"
"""Names of the links that curves over frequency can replace."""

_PLAUSIBLE_OHM: Final = 600.0
_PLAUSIBLE_V: Final = (1e-3, 10.0)
_ABSURD_V: Final = 100.0
_BALANCE_DB: Final = 1.0


@dataclass(frozen=True, slots=True)
class Omissions:
    """Influences that the method leaves out or takes on trust; a lab replaces the values it knows.

    Defaults without a source are assumptions, and the record labels them as such.

    Parameters
    ----------
    voltmeter : float
        Half width of the voltmeter's error in per cent of the reading. Default 1 %: the usual
        accuracy class of hand-held true-rms meters at 1 kHz.
    output_impedance : float, optional
        Source impedance of the output in ohm. If known, the source-load divider
        ``20 lg(Z/(Z + Z_out))`` is corrected; otherwise it is left at 0 dB.
    output_impedance_doubt : float
        Half width in per cent of the error of a known ``output_impedance``. Default 10 %.
    largest_output_impedance : float
        Upper limit of an unknown output impedance, in ohm. Default 120 ohm: the source impedance
        that IEC 61938 names for headphones, and the highest value commonly met.
    unit : float
        Half width in dB of the individual unit's deviation from the data sheet. Default 3 dB: a
        usual tolerance of the stated sensitivity.
    response : float
        Half width in dB of the difference between the level of a broad-band sound and that of a
        1 kHz tone. Default 3 dB.
    seating : float
        Standard deviation in dB between seatings of the headphone. Default 0.5 dB.
    field : float
        Half width in dB of the difference between the ear-drum pressure and the ear simulator or
        field to which the data sheet refers. Default 2 dB.
    """

    voltmeter: float = 1.0
    output_impedance: float | None = None
    output_impedance_doubt: float = 10.0
    largest_output_impedance: float = 120.0
    unit: float = 3.0
    response: float = 3.0
    seating: float = 0.5
    field: float = 2.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is not None and not 0 <= value < math.inf:
                raise ParameterError(f"{name} {value}; 0 or more is expected")
        if self.voltmeter >= 50.0:
            raise ParameterError(f"voltmeter error {self.voltmeter} %; less than 50 % is expected")


def calibrate(
    voltages: Mapping[str, float],
    headphone: Headphone,
    *,
    digital_level: float = DIGITAL_LEVEL,
    omissions: Omissions | None = None,
    knob: str = "",
    device: str = "unknown",
    fs: int | None = None,
    source: str = "voltmeter",
) -> Calibration:
    """Return the level at the ear per digital full scale as predicted by OCV.

    Parameters
    ----------
    voltages : mapping of str to float
        Rms voltage in V per output channel, unloaded, while the test sine plays.
    headphone : Headphone
        Data sheet.
    digital_level : float
        Rms of the test sine in dB re full scale.
    omissions : Omissions, optional
        Influences that the method leaves out.
    knob : str
        Position of the volume control; part of the record, since the result holds only for it.
    device : str
        Identity of the output device.
    fs : int, optional
        Sampling rate of the output in Hz, if it is known.
    source : str
        Instrument from which the voltage was read.

    Returns
    -------
    Calibration
        Direction ``output``, method ``ocv``. ``details["warnings"]`` lists values that look wrong
        without being impossible.

    Raises
    ------
    ParameterError
        A voltage that is not a positive number or beyond 100 V, or a digital level out of range.

    Examples
    --------
    The test sine of −20 dB gives 0.1 V at both outputs, unloaded:

    >>> sheet = Headphone("open", impedance=300.0, sensitivity=103.0, per="V")
    >>> found = calibrate({"left": 0.1, "right": 0.1}, sheet)
    >>> print(f"{found.sensitivity('left'):.3f} Pa per full scale")
    2.825 Pa per full scale

    With a device, :func:`soundcal.lab.calibrate_output` plays the sine and asks for the voltages.
    """
    _check(voltages, digital_level)
    known = omissions or Omissions()
    tail = _omitted_links(headphone, known)
    chains = {}
    for channel, voltage in voltages.items():
        meter = rectangular(db(1.0 + known.voltmeter / 100.0))
        chains[channel] = Chain(
            (
                Link(
                    "open-circuit voltage",
                    db(voltage),
                    meter,
                    unit="dB re 1 V",
                    source=f"{source}, {voltage:.6g} V rms, ±{known.voltmeter:g} %",
                ),
                Link("digital level", -digital_level, unit="dB re 1/FS", source="test sine, rms"),
                *tail,
            )
        )
    per_fs = {channel: v / from_db(digital_level) for channel, v in voltages.items()}
    return new_calibration(
        "ocv",
        "output",
        chains,
        device=device,
        details={
            "voltages": dict(voltages),
            "digital_level": digital_level,
            "v_fs_rms": per_fs,
            "v_fs_sine": {channel: v / math.sqrt(2.0) for channel, v in per_fs.items()},
            "headphone": asdict(headphone) | {"sensitivity_v": headphone.sensitivity_v},
            "omissions": asdict(known),
            "knob": knob,
            "fs": [] if fs is None else [fs],
            "warnings": _doubts(voltages, known.output_impedance),
        },
    )


def _check(voltages: Mapping[str, float], digital_level: float) -> None:
    if not voltages:
        raise ParameterError("no voltage given; give the voltage of at least one channel")
    if not -120.0 <= digital_level <= -3.01:
        raise ParameterError(
            f"test sine of {digital_level} dB rms re full scale; -120 to -3.01 dB is expected "
            "(-3.01 dB is a full-scale sine)"
        )
    for channel, voltage in voltages.items():
        if not 0 < voltage <= _ABSURD_V:
            raise ParameterError(
                f"{channel}: voltage {voltage} V; more than 0 and at most {_ABSURD_V:g} V rms are "
                "expected; read the meter in its AC range, in volt"
            )


def _omitted_links(headphone: Headphone, known: Omissions) -> tuple[Link, ...]:
    sensitivity = Link(
        "headphone sensitivity",
        headphone.sensitivity_v - PASCAL_DB,
        rectangular(known.unit),
        unit="dB re 1 Pa/V",
        source=f"data sheet, {headphone.sensitivity:g} dB/{headphone.per}, "
        f"{headphone.impedance:g} ohm; spread of the units ±{known.unit:g} dB",
    )
    return (
        sensitivity,
        _divider(headphone, known),
        Link(
            FREQUENCY_RESPONSE,
            0.0,
            rectangular(known.response),
            source=f"left out: data sheet holds at 1 kHz only; ±{known.response:g} dB assumed",
        ),
        Link(
            "seating",
            0.0,
            known.seating,
            source=f"left out: standard deviation {known.seating:g} dB assumed",
        ),
        Link(
            "field reference",
            0.0,
            rectangular(known.field),
            source="left out: ear drum relative to data sheet's reference; "
            f"±{known.field:g} dB assumed",
        ),
    )


def _loss(headphone: Headphone, z_out: float) -> float:
    """Return the gain in dB (0 or less) of the voltage divider of output and headphone."""
    return db(headphone.impedance / (headphone.impedance + z_out))


def _divider(headphone: Headphone, known: Omissions) -> Link:
    if known.output_impedance is None:
        return Link(
            DIVIDER,
            0.0,
            rectangular(-_loss(headphone, known.largest_output_impedance)),
            source=f"left out: output impedance not known, up to "
            f"{known.largest_output_impedance:g} ohm assumed",
        )
    z = known.output_impedance
    width = z * min(known.output_impedance_doubt, 100.0) / 100.0
    return Link(
        DIVIDER,
        _loss(headphone, z),
        rectangular((_loss(headphone, z - width) - _loss(headphone, z + width)) / 2.0),
        source=f"corrected: output impedance {z:g} ± {width:.3g} ohm",
    )


def _doubts(voltages: Mapping[str, float], output_impedance: float | None) -> list[str]:
    """Return warnings about values that look wrong without being impossible."""
    low, high = _PLAUSIBLE_V
    doubts = []
    if output_impedance is not None and output_impedance > _PLAUSIBLE_OHM:
        doubts.append(
            f"output impedance of {output_impedance:g} ohm: headphone outputs have up to "
            f"{_PLAUSIBLE_OHM:g} ohm; check the unit, and that it is not that of a line output"
        )
    for channel, voltage in voltages.items():
        if voltage > high:
            doubts.append(
                f"{channel}: {voltage:g} V is more than {high:g} V, which no headphone output "
                "delivers; check the meter's range and the unit"
            )
        elif voltage < low:
            doubts.append(
                f"{channel}: {voltage:g} V is less than {low:g} V, where meters read mostly noise "
                "and hum; turn the volume up or use a louder test sine"
            )
    difference = db(max(voltages.values()) / min(voltages.values()))
    if difference > _BALANCE_DB:
        doubts.append(
            f"the channels differ by {difference:.2f} dB, more than {_BALANCE_DB:g} dB; check "
            "balance, plugs, and that both were read at the same position of the volume control"
        )
    return doubts


def line_voltages(
    take: Capture, volts_per_fs: Mapping[str, float], *, frequency: float = 1000.0
) -> dict[str, float]:
    """Return the rms voltages of the test sine from a calibrated line input.

    Parameters
    ----------
    take : Capture
        Take recorded while the test sine plays; its channels have the names of the outputs.
    volts_per_fs : mapping of str to float
        Rms voltage in V per digital full scale of the input, per channel.
    frequency : float
        Frequency of the test sine in Hz.

    Returns
    -------
    dict of str to float
        Narrow-band rms in V, so that noise and hum do not count.

    Raises
    ------
    SignalError
        Clipped, lost blocks, or invalid (:func:`soundcal.takes.judge.refuse_invalid`).
    ToneNotFound
        The strongest line is not the test sine.
    ParameterError
        A channel without a positive input sensitivity.
    """
    found: dict[str, float] = {}
    for channel, samples in zip(take.channels, take.samples, strict=True):
        scale = volts_per_fs.get(channel, 0.0)
        if not scale > 0:
            raise ParameterError(
                f"{channel}: line input of {scale} V per full scale; more than 0 V is expected"
            )
        refuse_broken(take, channel, [channel])
        refuse_invalid(take, channel)
        tone = measure_tone(samples, take.fs)
        if tone.distortion > 0.5 or abs(tone.frequency / frequency - 1.0) > 0.007:
            raise ToneNotFound(
                f"{channel}: test sine of {frequency:g} Hz not found, strongest line at "
                f"{tone.frequency:.1f} Hz ({tone.level:.1f} dB re full scale); check the cable "
                "from the output to the line input and the volume control"
            )
        found[channel] = scale * from_db(tone.level)
    return found


def predicted_levels(
    calibration: Calibration, digital_levels: Mapping[str, float]
) -> dict[str, float]:
    """Return the level in dB re 20 µPa at each ear for a gain of 0 dB.

    Parameters
    ----------
    calibration : Calibration
        Calibration of an output, by any method.
    digital_levels : mapping of str to float
        Rms of the stimulus per channel in dB re full scale, with the frequency weighting of the
        level (A-weighted for an LAeq).

    Raises
    ------
    ParameterError
        An input calibration, or a channel that it does not have.
    """
    if calibration.direction != "output":
        raise ParameterError(
            f"calibration {calibration.id} is of an input; levels at the ear are predicted from "
            "an output calibration (method ocv or hats)"
        )
    return {
        channel: calibration.chain(channel).gain_db + PASCAL_DB + level
        for channel, level in digital_levels.items()
    }


def u_above_db(calibration: Calibration) -> float:
    """Return the standard uncertainty in dB of what can make levels higher than predicted.

    The load of the headphones on an output of unknown impedance only lowers them; that influence is
    left out. Of several channels, the largest uncertainty counts.

    Parameters
    ----------
    calibration : Calibration
        Calibration of an output, by any method.
    """
    omissions = calibration.details.get("omissions", {})
    one_sided = DIVIDER if omissions.get("output_impedance", 0.0) is None else ""
    return max(
        math.sqrt(math.fsum(link.u_db**2 for link in chain.links if link.name != one_sided))
        for chain in calibration.chains.values()
    )


def gain_for(
    calibration: Calibration,
    target: float,
    digital_levels: Mapping[str, float],
    *,
    peak: float,
) -> float:
    """Return the gain in dB with which a stimulus is predicted to reach the target level.

    Parameters
    ----------
    calibration : Calibration
        Calibration of the output.
    target : float
        Energetic mean of the ears' levels, dB re 20 µPa.
    digital_levels : mapping of str to float
        As for :func:`predicted_levels`.
    peak : float
        Largest magnitude of the stimulus' samples as a fraction of full scale.

    Raises
    ------
    TargetNotReached
        The gain would clip.
    SignalError
        The stimulus is silent.
    ParameterError
        As for :func:`predicted_levels`.
    """
    levels = predicted_levels(calibration, digital_levels)
    return gain_to(target, energetic_mean(list(levels.values())), peak=peak)


def gain_to(target: float, level: float, *, peak: float) -> float:
    """Return the gain in dB from a predicted level to the target level.

    Parameters
    ----------
    target, level : float
        Energetic means of the ears' levels in dB re 20 µPa, wanted and at a gain of 0 dB.
    peak : float
        Largest magnitude of the stimulus' samples as a fraction of full scale.

    Raises
    ------
    TargetNotReached
        The gain would clip.
    SignalError
        The stimulus is silent.
    """
    if not (peak > 0 and math.isfinite(level)):
        raise SignalError(f"the stimulus is silent: no gain brings it to {target:g} dB")
    gain = target - level
    room = -db(peak)
    if gain > room + 1e-9:
        raise TargetNotReached(
            f"target {target:g} dB needs a gain of {gain:+.2f} dB, but the stimulus clips beyond "
            f"{room:+.2f} dB, which gives {level + room:.2f} dB; turn the volume control up by at "
            f"least {gain - room:.1f} dB and calibrate the output again, or lower the target"
        )
    return gain


def target_voltage(
    headphone: Headphone,
    target: float,
    stimulus_level: float,
    *,
    digital_level: float = DIGITAL_LEVEL,
    output_impedance: float | None = None,
) -> float:
    """Return the voltage to set with the volume control so that a stimulus reaches the target.

    Parameters
    ----------
    headphone : Headphone
        Data sheet.
    target : float
        Level at the ear, dB re 20 µPa.
    stimulus_level : float
        Rms of the stimulus in dB re full scale, weighted as the target.
    digital_level : float
        Rms of the test sine that plays while the knob is being turned, dB re full scale.
    output_impedance : float, optional
        Output impedance in ohm, if known: the loaded output has less voltage than the unloaded one.

    Returns
    -------
    float
        Rms voltage in V of the unloaded output to read from the meter while the test sine plays.
        With ``digital_level = stimulus_level`` it is the voltage of the stimulus itself.

    Examples
    --------
    >>> round(target_voltage(Headphone("example", 300.0, 103.0), 83.0, -20.0), 3)
    0.1
    """
    level = target - headphone.sensitivity_v - _loss(headphone, output_impedance or 0.0)
    return from_db(level - stimulus_level + digital_level)
