"""The simulated lab at one moment: its units, their connections, and the resulting signal path.

:class:`Setup` is immutable. The lab's hands replace it with another one. A setup gives the
:class:`~soundcal.devices.simulated.physics.Wiring` for the chain and the :class:`Truth` for tests,
both from the same filter taps.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from soundcal.arrays import Array, Spectrum
from soundcal.devices.simulated.equipment import (
    EARS_MODEL,
    Calibrator,
    HeadphoneUnit,
    Seating,
    SoundcardUnit,
)
from soundcal.devices.simulated.physics import (
    CalibratorTone,
    Curve,
    Wiring,
    divider,
    leak_db,
    white_noise_rms,
)
from soundcal.dsp.convolve import fir_gain
from soundcal.dsp.minimum_phase import minimum_phase_fir
from soundcal.errors import ParameterError
from soundcal.units import db, from_db, level_to_pascal

__all__ = ["Options", "Published", "Setup", "Truth", "side_of"]


_HEADPHONE_TAPS_S: Final = 1920 / 48000
_EAR_TAPS_S: Final = 128 / 48000
_GRID_HZ: Final = 1.5
_PUBLISHED: Final = (-160, 105)
"""Range of the published curves in 1/24 octaves re 1 kHz: 10 Hz to 20 kHz."""


@dataclass(frozen=True, slots=True)
class Options:
    """Factors on physical effects; see :mod:`soundcal.devices.simulated.lab`."""

    output_impedance: float = 1.0
    spread: float = 1.0
    response: float = 1.0
    noise: float = 1.0
    seating: float = 0.0

    @classmethod
    def parse(cls, words: Sequence[str]) -> "Options":
        """Read ``option=value`` words.

        Raises
        ------
        ParameterError
            Unknown option, or not a number from 0 to 100.
        """
        values: dict[str, float] = {}
        for word in words:
            name, _, text = (part.strip() for part in word.partition("="))
            if name not in cls.__dataclass_fields__:
                known = ", ".join(cls.__dataclass_fields__)
                raise ParameterError(f"simulated lab: no option {name!r}; the options are {known}")
            try:
                values[name] = float(text)
            except ValueError as error:
                raise ParameterError(f"simulated lab: {word!r}: a number is expected") from error
            if not 0.0 <= values[name] <= 100.0:
                raise ParameterError(f"simulated lab: {word!r}: a factor from 0 to 100 is expected")
        return cls(**values)


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """True values of the lab in its present state, for comparison. Pairs are left, right.

    Parameters
    ----------
    fs : int
        Sampling rate in Hz.
    v_fs : tuple of float
        Open-circuit rms voltage of a full-scale sine at the present volume, V.
    output_impedance : tuple of float
        Ohm.
    ear_pa_per_fs : tuple of float
        Sensitivity of inputs 1 and 2, Pa per full scale at 1 kHz.
    line_v_per_fs : tuple of float
        Sensitivity of inputs 3 and 4, V per full scale.
    nominal_impedance : float
        Of the headphones' data sheet, ohm.
    nominal_sensitivity_db_v : float
        Of the data sheet, dB re 20 µPa at 1 V and 1 kHz.
    level_1v : tuple of float
        The same for the unit on the shelf.
    calibrator_error_db : float
        Deviation of the calibrator from its certified level.
    kernels : ndarray, shape (2, n_taps)
        From digital output to pressure at the ear, Pa per full scale; zeros without headphones.
    ear_kernels : ndarray, shape (2, n_taps)
        From pressure at the ear to digital input, full scale per Pa.
    """

    fs: int
    v_fs: tuple[float, float]
    output_impedance: tuple[float, float]
    ear_pa_per_fs: tuple[float, float]
    line_v_per_fs: tuple[float, float]
    nominal_impedance: float
    nominal_sensitivity_db_v: float
    level_1v: tuple[float, float]
    calibrator_error_db: float
    kernels: Array
    ear_kernels: Array

    def transfer(self, channel: str | int, frequency: ArrayLike) -> Spectrum:
        """Return the pressure at an ear in Pa per digital full scale at its output.

        The present seating and load are included; delay and crosstalk are not.

        Parameters
        ----------
        channel : {"left", "right"} or {1, 2}
            Ear.
        frequency : array_like of float
            Hz.
        """
        return fir_gain(self.kernels[side_of(channel)], frequency, self.fs)

    def ear(self, channel: str | int, frequency: ArrayLike) -> Spectrum:
        """Return the input value in full scale per Pa at an ear, at frequencies in Hz."""
        return fir_gain(self.ear_kernels[side_of(channel)], frequency, self.fs)


@dataclass(frozen=True, slots=True, eq=False)
class Published:
    """Data sheets as far as they give curves: those of the models, which the units deviate from.

    Parameters
    ----------
    output_impedance : float
        Of the soundcard, ohm.
    frequency : ndarray, shape (n,)
        Hz.
    impedance : ndarray, shape (n,)
        Complex, of the headphones, ohm.
    response_db : ndarray, shape (n,)
        Sound pressure at the ear drum at constant voltage, dB re 1 kHz, of an ordinary seating.
    """

    output_impedance: float
    frequency: Array
    impedance: Spectrum
    response_db: Array


@dataclass(frozen=True, eq=False)
class Setup:
    """Units on the bench and their connections. Pairs are left, right.

    The filters are 40 ms long, so they follow the formulas to within 0.001 dB from 500 Hz up,
    0.05 dB from 60 Hz up and 0.3 dB from 20 Hz up. The truth is not affected: it is computed from
    the filters.

    Parameters
    ----------
    fs : int
        Sampling rate in Hz.
    options : Options
        Factors on physical effects.
    card : SoundcardUnit
        Soundcard.
    headphones : HeadphoneUnit
        Headphones.
    ears_v_pa : tuple of float
        Sensitivities of the ears with preamplifiers, V/Pa.
    calibrator : Calibrator
        Sound calibrator.
    knob_db : float
        Volume of the soundcard, dB re full volume.
    plugged : bool
        True if the headphones load the outputs.
    seating : tuple of Seating or None
        Fit of the headphones on the ears; None if they are off.
    tone : (int, CalibratorTone) or None
        Tone of the calibrator, and the ear (0 or 1) it is on.
    """

    fs: int
    options: Options
    card: SoundcardUnit
    headphones: HeadphoneUnit
    ears_v_pa: tuple[float, float]
    calibrator: Calibrator
    knob_db: float = 0.0
    plugged: bool = True
    seating: tuple[Seating, Seating] | None = None
    tone: tuple[int, CalibratorTone] | None = None

    @property
    def volts(self) -> Array:
        """Peak open-circuit voltage for a sample of value 1, per output, V."""
        factor = float(np.sqrt(2.0)) * from_db(self.knob_db)
        return np.array([v_fs * factor for v_fs in self.card.v_fs], dtype=np.float64)

    @property
    def output_noise(self) -> float:
        """Noise of an output, V rms."""
        return self.card.model.dac_noise * self.options.noise

    @property
    def crosstalk(self) -> float:
        """Fraction of the other output's voltage, linear."""
        return from_db(self.card.model.crosstalk_db)

    @property
    def ear_pa_per_fs(self) -> tuple[float, float]:
        """Sensitivities of the ears' inputs at 1 kHz, Pa per full scale."""
        ranges = self.card.mic_range
        return ranges[0] / self.ears_v_pa[0], ranges[1] / self.ears_v_pa[1]

    def load(self, side: int, frequency: ArrayLike) -> Spectrum:
        """Return the fraction of the open-circuit voltage at the terminals of an output."""
        if not self.plugged:
            return np.ones(np.shape(frequency), dtype=np.complex128)
        impedance = self.headphones.impedance[side].at(frequency)
        return divider(impedance, self.card.output_impedance[side])

    @cached_property
    def ear_kernels(self) -> Array:
        """Filters from pressure at the ears to digital input, full scale per Pa."""
        return self._per_side(_EAR_TAPS_S, self._ear_db)

    @cached_property
    def headphone_kernels(self) -> Array:
        """Filters from open-circuit voltage to pressure at the ears, Pa/V; zeros if taken off."""
        if self.seating is None:
            return np.zeros((2, round(_HEADPHONE_TAPS_S * self.fs)))
        return self._per_side(_HEADPHONE_TAPS_S, self._headphone_db)

    def _ear_db(self, side: int, f: Array) -> Array:
        response = self.options.response * EARS_MODEL.response.level(f)
        return response - db(self.ear_pa_per_fs[side])

    def _headphone_db(self, side: int, f: Array) -> Array:
        if self.seating is None:
            raise ParameterError("the headphones are not on the ears")
        seat, unit = self.seating[side], self.headphones
        leak = leak_db(f, seat.leak_hz) - leak_db(1000.0, seat.leak_hz)
        shape = self.options.response * (unit.response[side].level(f) + leak)
        if self.options.seating:
            shape = shape + self.options.seating * Curve(seat.notches).level(f)
        level = db(level_to_pascal(unit.level_1v[side] + seat.gain_db))
        return level + shape + db(np.abs(self.load(side, f)))

    def _line_db(self, side: int, f: Array) -> Array:
        return db(np.abs(self.load(side, f))) - db(self.card.line_range[side])

    def _per_side(self, length: float, level: Callable[[int, Array], Array]) -> Array:
        """Design one filter per side; frequencies of the design are at most 1.5 Hz apart."""
        n = 2 ** int(np.ceil(np.log2(self.fs / 2 / _GRID_HZ)))
        f = np.linspace(0.0, self.fs / 2.0, n + 1)
        taps = round(length * self.fs)
        return np.stack([minimum_phase_fir(level(side, f), taps) for side in range(2)])

    def _line_kernels(self, taps: int) -> Array:
        """Filters from open-circuit voltage to the line inputs, full scale per V."""
        if self.plugged and any(self.card.output_impedance):
            return self._per_side(taps / self.fs, self._line_db)
        rows = np.zeros((2, taps))
        rows[:, 0] = 1.0 / np.array(self.card.line_range)
        return rows

    def calibrator_tone(
        self, side: int, level: float, frequency: float, coupling: float
    ) -> CalibratorTone:
        """Return the calibrator's tone as it arrives at the input of an ear.

        Parameters
        ----------
        side : int
            Ear, 0 or 1.
        level : float
            Certified level, dB re 20 µPa.
        frequency : float
            Hz.
        coupling : float
            Deviation of this insertion in standard deviations.
        """
        unit, options = self.calibrator, self.options
        error = unit.level_error_db + unit.coupling_db * options.spread * coupling
        pressure = level_to_pascal(level + error) * float(np.sqrt(2.0))
        f = frequency * (1.0 + unit.frequency_error)
        ear = np.abs(fir_gain(self.ear_kernels[side], [f, 2 * f, 3 * f], self.fs))
        parts = pressure * ear * np.array([1.0, *unit.harmonics])
        wavering = (from_db(unit.fluctuation_db) - 1.0) * options.noise
        return CalibratorTone(f, tuple(float(part) for part in parts), wavering)

    def wiring(self) -> Wiring:
        """Return the description of the chain; inputs are both ears, then both line inputs."""
        ears, headphones = self.ear_kernels, self.headphone_kernels
        taps = headphones.shape[1] + ears.shape[1] - 1
        if self.seating is None:
            heard = np.zeros((2, taps))
        else:
            heard = np.stack([np.convolve(headphones[i], ears[i]) for i in range(2)])
        adc = from_db(self.card.model.adc_noise_db)
        acoustic = float(
            np.hypot(
                white_noise_rms(EARS_MODEL.noise_dba, self.fs),
                white_noise_rms(EARS_MODEL.room_dba, self.fs),
            )
        )
        noise = (*(float(np.hypot(acoustic / pa, adc)) for pa in self.ear_pa_per_fs), adc, adc)
        return Wiring(
            volts=self.volts,
            kernels=np.concatenate([heard, self._line_kernels(taps)]),
            sources=(0, 1, 0, 1),
            noise=tuple(self.options.noise * rms for rms in noise),
            output_noise=self.output_noise,
            crosstalk=self.crosstalk,
            tones=() if self.tone is None else (self.tone,),
        )

    def published(self) -> Published:
        """Return the curves of the data sheets, at 24 frequencies per octave."""
        model, options = self.headphones.model, self.options
        f = 1000.0 * 2.0 ** (np.arange(*_PUBLISHED) / 24.0)
        leak = leak_db(f, model.leak_hz) - leak_db(1000.0, model.leak_hz)
        return Published(
            options.output_impedance * self.card.model.output_impedance,
            f,
            model.impedance.at(f),
            options.response * (model.response.level(f) + leak),
        )

    def truth(self) -> Truth:
        """Return the true values, which measurements should find."""
        sheet, rms = self.headphones.model.sheet, self.volts / np.sqrt(2.0)
        return Truth(
            fs=self.fs,
            v_fs=(float(rms[0]), float(rms[1])),
            output_impedance=self.card.output_impedance,
            ear_pa_per_fs=self.ear_pa_per_fs,
            line_v_per_fs=self.card.line_range,
            nominal_impedance=sheet.impedance,
            nominal_sensitivity_db_v=sheet.sensitivity_v,
            level_1v=self.headphones.level_1v,
            calibrator_error_db=self.calibrator.level_error_db,
            kernels=self.headphone_kernels * self.volts[:, np.newaxis],
            ear_kernels=self.ear_kernels,
        )


def side_of(channel: str | int) -> int:
    """Return 0 for the left or first channel, 1 for the right or second.

    Raises
    ------
    ParameterError
        The channel is neither.
    """
    sides: dict[str | int, int] = {"left": 0, "right": 1, 1: 0, 2: 1}
    if channel not in sides:
        raise ParameterError(f"channel {channel!r}: left, right, 1 or 2 is expected")
    return sides[channel]
