"""The simulated lab's shelf: soundcards, headphones, ears, calibrator and voltmeter as numbers.

A *model* has the values in the catalogue; a *unit* is the specimen on the shelf, which deviates
from them. All units are drawn from the seed and the model's name alone, so the same seed gives the
same headphones whichever soundcard they are plugged into. The factor ``spread`` scales every
deviation: at 0 each unit equals its data sheet.

The models are typical, not copies of products. Their figures come from data sheets of their kind:
closed 16 ohm headphones with 96 dB/mW, open 300 ohm headphones with 103 dB at 1 V, ears of 12.21
and 13.00 mV/Pa with preamplifier gains of 3.30 and 1.30 dB. The output impedances span the values
found in practice: 1 ohm in interfaces with feedback up to the outputs, 100 ohm where a resistor
protects the output. High values occur because IEC 61938 is reported to call for 120 ohm and 5 V as
the source for headphones of any impedance (epanorama.net, Headphone details).
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np

from soundcal.devices.simulated.physics import Bump, Curve, Impedance
from soundcal.headphone import Headphone
from soundcal.units import from_db

__all__ = [
    "DEFAULT",
    "EARS_MODEL",
    "HEADPHONES",
    "SOUNDCARDS",
    "Calibrator",
    "EarsModel",
    "HeadphoneModel",
    "HeadphoneUnit",
    "Seating",
    "SoundcardModel",
    "SoundcardUnit",
    "Voltmeter",
    "stream_of",
]


def stream_of(seed: int, *labels: str) -> np.random.Generator:
    """Return the random stream of a seed and labels, independent of all others."""
    words = [zlib.crc32(label.encode()) for label in labels]
    return np.random.Generator(np.random.SFC64([seed, *words]))


@dataclass(frozen=True, slots=True)
class SoundcardModel:
    """A soundcard model with headphone output, microphone and line inputs.

    Parameters
    ----------
    name, description : str
        Catalogue name and one line about it.
    v_fs : float
        Open-circuit rms voltage of a full-scale sine at full volume, V.
    output_impedance : float
        Ohm, resistive (as usual: a series resistor or an amplifier with feedback).
    dac_noise : float
        Noise of the output from 0 Hz to half the sampling rate, V rms.
    mic_range, line_range : float
        Peak voltage of input full scale, V: ears (after their preamplifier) and line inputs.
    adc_noise_db : float
        RMS noise of the inputs, dB re full scale.
    crosstalk_db : float
        From one output to the other, dB.
    gain_spread_db : float
        Standard deviation of the gains of outputs and inputs, dB.
    """

    name: str
    description: str
    v_fs: float
    output_impedance: float
    dac_noise: float
    mic_range: float
    line_range: float
    adc_noise_db: float
    crosstalk_db: float
    gain_spread_db: float

    def unit(self, seed: int, *, spread: float, output_impedance: float) -> "SoundcardUnit":
        """Take the soundcard from the shelf of ``seed``."""
        draw = stream_of(seed, "soundcard", self.name).standard_normal(8) * spread
        gains = from_db(self.gain_spread_db * draw)
        return SoundcardUnit(
            model=self,
            v_fs=(self.v_fs * gains[0], self.v_fs * gains[1]),
            output_impedance=(
                output_impedance * self.output_impedance * float(np.exp(0.02 * draw[6])),
                output_impedance * self.output_impedance * float(np.exp(0.02 * draw[7])),
            ),
            mic_range=(self.mic_range * gains[2], self.mic_range * gains[3]),
            line_range=(self.line_range * gains[4], self.line_range * gains[5]),
        )


@dataclass(frozen=True, slots=True)
class SoundcardUnit:
    """A soundcard with the values of its left and right channels (units as in the model)."""

    model: SoundcardModel
    v_fs: tuple[float, float]
    output_impedance: tuple[float, float]
    mic_range: tuple[float, float]
    line_range: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Seating:
    """The fit of the headphones on one ear: broadband gain in dB, leak's corner frequency in Hz.

    The corner moves with the gap between cushion and head. Repeated fittings on a head differ by
    tenths of a dB in the middle of the spectrum and by more where leaks act (Møller et al.,
    J. Audio Eng. Soc. 43 (1995) 203: headphones measured on human ears). At high frequencies the
    position of the capsule over the pinna moves two ``notches``:

    ``N(f) = sum_i -d_i exp(-(lb(f / f_i) / w_i)^2 / 2)`` in dB, with ``f_i = F_i exp(0.05 z_1)``
    and ``d_i = D_i exp(0.3 z_2)``; F_i = 9.3 and 13.5 kHz, D_i = 14 and 10 dB, w_i = 0.09 and 0.08
    octave; z is drawn from the standard normal distribution for every seating, ear and notch. That
    notches move is seen in repeated fittings (Møller et al.; Masiero and Fels, 130th AES
    Convention, London 2011); the form and the numbers are assumptions.
    """

    gain_db: float
    leak_hz: float
    notches: tuple[Bump, ...] = ()


_NOTCHES: Final = (Bump(9300.0, -14.0, 0.09), Bump(13500.0, -10.0, 0.08))
_NOTCH_SHIFT: Final = 0.05
_NOTCH_DEPTH: Final = 0.3
"""Notches of a seating, and the standard deviations of the logarithms of centre and depth."""


@dataclass(frozen=True, slots=True)
class HeadphoneModel:
    """A headphone model.

    Parameters
    ----------
    sheet : Headphone
        Published values.
    description : str
        One line.
    impedance : Impedance
        Curve of the nominal specimen.
    response : Curve
        Sound pressure at the ear drum relative to 1 kHz at constant voltage.
    leak_hz : float
        Corner frequency of the leak at an ordinary seating, Hz.
    sensitivity_spread_db, impedance_spread : float
        Standard deviations between units: level in dB, impedance relative.
    seating_spread_db, leak_spread : float
        Standard deviations between seatings: gain in dB, natural logarithm of the corner.
    """

    sheet: Headphone
    description: str
    impedance: Impedance
    response: Curve
    leak_hz: float
    sensitivity_spread_db: float
    impedance_spread: float
    seating_spread_db: float
    leak_spread: float

    def unit(self, seed: int, *, spread: float) -> "HeadphoneUnit":
        """Take the headphones from the shelf of ``seed``."""
        draw = stream_of(seed, "headphone", self.sheet.name).standard_normal(14) * spread
        both = 0.8 * draw[0]  # the two capsules of a unit come from one batch: they correlate
        levels = self.sheet.sensitivity_v + self.sensitivity_spread_db * (both + 0.6 * draw[1:3])
        factors = np.exp(self.impedance_spread * draw[3:5])
        left, right = (self.response.varied(draw[5 + 4 * i : 9 + 4 * i]) for i in range(2))
        return HeadphoneUnit(
            model=self,
            level_1v=(float(levels[0]), float(levels[1])),
            impedance=(self.impedance.scaled(factors[0]), self.impedance.scaled(factors[1])),
            response=(left, right),
        )


@dataclass(frozen=True, slots=True)
class HeadphoneUnit:
    """Headphones with the values of their left and right capsule.

    Parameters
    ----------
    model : HeadphoneModel
        Model of the headphones.
    level_1v : tuple of float
        Sound pressure level at 1 kHz and 1 V at the terminals, dB re 20 µPa.
    impedance : tuple of Impedance
        Impedance curves.
    response : tuple of Curve
        Responses relative to 1 kHz.
    """

    model: HeadphoneModel
    level_1v: tuple[float, float]
    impedance: tuple[Impedance, Impedance]
    response: tuple[Curve, Curve]

    def seating(
        self, fits: np.random.Generator, notches: np.random.Generator, *, spread: float
    ) -> tuple[Seating, Seating]:
        """Put the headphones on again.

        Gain and leak are drawn from one stream and the notches from another, whether the lab lets
        them act or not.
        """
        draw = fits.standard_normal(4) * spread
        moved = notches.standard_normal((2, len(_NOTCHES), 2)) * spread
        model = self.model
        left, right = (
            Seating(
                float(model.seating_spread_db * draw[2 * i]),
                float(model.leak_hz * np.exp(model.leak_spread * draw[2 * i + 1])),
                tuple(
                    Bump(
                        notch.frequency * float(np.exp(_NOTCH_SHIFT * z[0])),
                        notch.gain_db * float(np.exp(_NOTCH_DEPTH * z[1])),
                        notch.width,
                    )
                    for notch, z in zip(_NOTCHES, moved[i], strict=True)
                ),
            )
            for i in range(2)
        )
        return left, right


@dataclass(frozen=True, slots=True)
class EarsModel:
    """Ears of the head and torso simulator with their preamplifiers.

    Parameters
    ----------
    sensitivity : tuple of float
        Left and right, V/Pa at 1 kHz.
    gain_db : tuple of float
        Preamplifier gains, dB.
    noise_dba : float
        Self-noise of microphone and preamplifier, dB(A) re 20 µPa: usual for ear simulators with
        half-inch microphones.
    room_dba : float
        Noise of the room at the ears, dB(A): a good audiometric booth.
    response : Curve
        Output voltage relative to 1 kHz at constant pressure at the drum.
    spread_db : float
        Standard deviation of the sensitivities from their certificate, dB.
    """

    sensitivity: tuple[float, float]
    gain_db: tuple[float, float]
    noise_dba: float
    room_dba: float
    response: Curve
    spread_db: float

    def volts_per_pascal(self, seed: int, *, spread: float) -> tuple[float, float]:
        """Return the sensitivities of this unit with preamplifier, V/Pa at 1 kHz."""
        draw = stream_of(seed, "ears").standard_normal(2) * spread * self.spread_db
        left, right = (
            self.sensitivity[i] * from_db(self.gain_db[i] + float(draw[i])) for i in range(2)
        )
        return left, right


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A class 1 sound calibrator (IEC 60942:2017): one unit.

    Parameters
    ----------
    level_error_db : float
        Deviation from the certified level, dB. Drawn with a standard deviation of 0.07 dB, so the
        class 1 tolerance of 0.25 dB (Table 1) lies at 3.5 sigma.
    frequency_error : float
        Relative; class 1 allows 0.7 %.
    fluctuation_db : float
        Amplitude of the slow fluctuation of the level; class 1 allows 0.07 dB.
    coupling_db : float
        Standard deviation of the level between insertions, dB.
    harmonics : tuple of float
        Second and third harmonic relative to the fundamental; class 1 allows 2.5 % in all.
    """

    level_error_db: float
    frequency_error: float
    fluctuation_db: float = 0.02
    coupling_db: float = 0.03
    harmonics: tuple[float, float] = (0.004, 0.002)

    @classmethod
    def unit(cls, seed: int, *, spread: float) -> "Calibrator":
        """Take the calibrator from the shelf of ``seed``."""
        draw = np.clip(stream_of(seed, "calibrator").standard_normal(2), -3.0, 3.0) * spread
        return cls(level_error_db=float(0.07 * draw[0]), frequency_error=float(0.001 * draw[1]))


@dataclass(frozen=True, slots=True)
class Voltmeter:
    """A 4½-digit true-rms voltmeter.

    Parameters
    ----------
    gain_error : float
        Relative; standard deviation 0.2 % (typical class: 0.5 % of the reading).
    counts : int
        Counts of a range; ranges are 0.02, 0.2, 2, 20 V.
    """

    gain_error: float
    counts: int = 20000

    @classmethod
    def unit(cls, seed: int, *, spread: float) -> "Voltmeter":
        """Take the voltmeter from the shelf of ``seed``."""
        return cls(float(0.002 * spread * stream_of(seed, "voltmeter").standard_normal()))

    def read(self, volts: float) -> float:
        """Return the reading of the display for a true-rms voltage in V."""
        shown = volts * (1.0 + self.gain_error)
        limit = next((r for r in (0.02, 0.2, 2.0) if shown < r), 20.0)
        return round(shown * self.counts / limit) * limit / self.counts


def _by_name(*models: SoundcardModel) -> Mapping[str, SoundcardModel]:
    return MappingProxyType({model.name: model for model in models})


SOUNDCARDS: Final = _by_name(
    SoundcardModel(
        name="interface",
        description="studio interface, output impedance 1 ohm",
        v_fs=2.2,
        output_impedance=1.0,
        dac_noise=4e-6,
        mic_range=0.36,
        line_range=4.5,
        adc_noise_db=-112.0,
        crosstalk_db=-100.0,
        gain_spread_db=0.1,
    ),
    SoundcardModel(
        name="portable",
        description="portable USB soundcard, output impedance 22 ohm",
        v_fs=1.8,
        output_impedance=22.0,
        dac_noise=8e-6,
        mic_range=0.34,
        line_range=4.0,
        adc_noise_db=-106.0,
        crosstalk_db=-90.0,
        gain_spread_db=0.2,
    ),
    SoundcardModel(
        name="onboard",
        description="on-board sound of a PC, output impedance 100 ohm",
        v_fs=2.0,
        output_impedance=100.0,
        dac_noise=15e-6,
        mic_range=0.38,
        line_range=4.2,
        adc_noise_db=-100.0,
        crosstalk_db=-80.0,
        gain_spread_db=0.3,
    ),
)
"""The soundcards, by name."""

_CLOSED: Final = HeadphoneModel(
    sheet=Headphone("closed-16", 16.0, 96.0, "mW"),
    description="closed headphones, 16 ohm, 96 dB/mW",
    impedance=Impedance(15.2, 14.0, 110.0, 1.6, 90e-6),
    response=Curve((Bump(80, 4.0, 1.0), Bump(300, -2.0, 0.8), Bump(2800, 9.0, 0.7),
                    Bump(5200, -4.0, 0.35), Bump(8500, 5.0, 0.4), Bump(17000, -9.0, 0.7))),
    leak_hz=28.0,
    sensitivity_spread_db=1.0,
    impedance_spread=0.05,
    seating_spread_db=0.4,
    leak_spread=0.5,
)  # fmt: skip
_OPEN_32: Final = HeadphoneModel(
    sheet=Headphone("open-32", 32.0, 98.0, "mW"),
    description="open headphones, 32 ohm, 98 dB/mW",
    impedance=Impedance(30.5, 34.0, 95.0, 1.9, 180e-6),
    response=Curve((Bump(60, -2.0, 0.8), Bump(3200, 10.0, 0.75), Bump(6000, -3.0, 0.4),
                    Bump(9500, 4.0, 0.35), Bump(18000, -8.0, 0.7))),
    leak_hz=40.0,
    sensitivity_spread_db=0.9,
    impedance_spread=0.04,
    seating_spread_db=0.3,
    leak_spread=0.3,
)  # fmt: skip
_MONITOR: Final = HeadphoneModel(
    sheet=Headphone("monitor-80", 80.0, 96.0, "mW"),
    description="closed monitor headphones, 80 ohm, 96 dB/mW",
    impedance=Impedance(76.0, 60.0, 105.0, 1.8, 350e-6),
    response=Curve((Bump(70, 3.0, 0.9), Bump(220, -3.0, 0.6), Bump(3000, 8.0, 0.6),
                    Bump(5800, -2.0, 0.3), Bump(8800, 7.0, 0.35), Bump(17500, -9.0, 0.7))),
    leak_hz=24.0,
    sensitivity_spread_db=0.9,
    impedance_spread=0.04,
    seating_spread_db=0.35,
    leak_spread=0.45,
)  # fmt: skip
_OPEN_300: Final = HeadphoneModel(
    sheet=Headphone("open-300", 300.0, 103.0, "V"),
    description="open headphones, 300 ohm, 103 dB at 1 V",
    impedance=Impedance(288.0, 210.0, 85.0, 2.2, 1.2e-3),
    response=Curve((Bump(100, 1.5, 1.0), Bump(3100, 9.0, 0.8), Bump(5500, -2.0, 0.4),
                    Bump(9000, 3.0, 0.4), Bump(18500, -7.0, 0.7))),
    leak_hz=35.0,
    sensitivity_spread_db=0.7,
    impedance_spread=0.03,
    seating_spread_db=0.25,
    leak_spread=0.25,
)  # fmt: skip

HEADPHONES: Final[Mapping[str, HeadphoneModel]] = MappingProxyType(
    {model.sheet.name: model for model in (_CLOSED, _OPEN_32, _MONITOR, _OPEN_300)}
)
"""The headphones, by name."""

EARS_MODEL: Final = EarsModel(
    sensitivity=(12.21e-3, 13.00e-3),
    gain_db=(3.30, 1.30),
    noise_dba=20.0,
    room_dba=14.0,
    response=Curve((Bump(7500, 0.5, 0.6), Bump(16000, -1.5, 0.5))),
    spread_db=0.1,
)
"""The ears of the head and torso simulator."""

DEFAULT: Final = ("interface", "open-300")
"""Soundcard and headphones of ``sim:lab``."""
