"""Physics of the simulated lab, and the chain of signal processing that carries it out.

This module does no input or output: :class:`SignalPath` takes blocks of output samples and gives
blocks of input samples, both in the simulated lab and in the callback of an audio server.

From digital output to digital input, per channel::

    x  --delay--> round to 24 bit --> v = sqrt(2) V_FS x + noise + crosstalk          [V, open]
       --> p = v * Z_h(f) / (Z_h(f) + Z_out) * S(f)                                     [Pa]
       --> + calibrator tone --> u = p * M(f) + noise                                   [V]
       --> y = u / range --> clip to [-1, 1) --> round to 24 bit

``V_FS`` is the rms voltage of a full-scale sine, hence the root of two for the peak value 1. ``S``
is the sensitivity of the headphones on the ear in Pa/V, ``M`` the sensitivity of the ear with its
preamplifier in V/Pa. Effect by effect:

source and load
    :func:`divider`, with the impedance curve of :class:`Impedance`;
sensitivity and response
    ``20 lg |S| = L_1V + 20 lg(20 µPa) + D(f) + leak(f) + seating`` in dB re 1 Pa/V: level at 1 V of
    the data sheet plus the deviation of the unit, :class:`Curve` for D, :func:`leak_db`;
crosstalk
    ``v_1 + c v_2``, the same at all frequencies;
noise
    Gaussian and white up to half the sampling rate; every output and input has its own, and the
    noise at the ears is set by an A-weighted level (:func:`white_noise_rms`);
rounding
    :func:`quantise`; 24 bits add noise of q / sqrt(12), q = 2^-23, 149 dB below full scale
    (Bennett, Spectra of quantized signals, Bell Syst. Tech. J. 27 (1948) 446);
clipping
    the range of the converters ends at -1 and at 1 - q;
calibrator
    :class:`CalibratorTone`: fundamental, harmonics and slow fluctuation, as a pressure at the ear.

Everything between the two roundings is linear, so the frequency-dependent factors of a channel form
one minimum-phase FIR filter. The truth of the lab is computed from the same filter taps, not from
the formulas that they approximate.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundcal.arrays import Array, Spectrum
from soundcal.dsp.convolve import Convolver
from soundcal.errors import ParameterError, SignalError
from soundcal.units import P_REF, from_db

__all__ = [
    "Bump",
    "CalibratorTone",
    "Curve",
    "Impedance",
    "SignalPath",
    "Wiring",
    "divider",
    "leak_db",
    "quantise",
    "white_noise_rms",
]


@dataclass(frozen=True, slots=True)
class Bump:
    """A hump or dip of a response: centre in Hz, height in dB, width (one sigma) in octaves."""

    frequency: float
    gain_db: float
    width: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A frequency response in dB relative to 1 kHz, as a sum of bumps.

    ``D(f) = sum_i g_i exp(-(lb(f / f_i) / w_i)^2 / 2) - D_0``, D_0 such that D(1 kHz) = 0: smooth
    on a logarithmic axis, as measured curves in third octaves are, and easily varied.
    """

    bumps: tuple[Bump, ...]

    def level(self, frequency: ArrayLike) -> Array:
        """Return the response in dB at frequencies in Hz."""
        f = np.maximum(np.asarray(frequency, dtype=np.float64), 1.0)
        return np.asarray(self._sum(f) - self._sum(np.asarray(1000.0)))

    def _sum(self, f: Array) -> Array:
        total = np.zeros_like(f)
        for bump in self.bumps:
            octaves = np.log2(f / bump.frequency) / bump.width
            total = total + bump.gain_db * np.exp(-0.5 * octaves**2)
        return total

    def varied(self, draw: Array) -> "Curve":
        """Return the curve of another specimen.

        The heights of the bumps change by 1 dB and their frequencies by 5 % per unit of ``draw``,
        of shape (4,), whose values serve in turn for heights and frequencies. Zeros change nothing.
        """
        bumps = tuple(
            replace(
                bump,
                frequency=bump.frequency * float(np.exp(0.05 * draw[(i + 1) % 4])),
                gain_db=bump.gain_db + float(draw[i % 4]),
            )
            for i, bump in enumerate(self.bumps)
        )
        return Curve(bumps)


@dataclass(frozen=True, slots=True)
class Impedance:
    """Impedance of a dynamic headphone capsule.

    ``Z(f) = R_e + j 2 pi f L_e + R_r / (1 + j Q (f/f_r - f_r/f))``: voice coil, and the mechanical
    resonance seen from the electrical side (Small, Direct-Radiator Loudspeaker System Analysis,
    J. Audio Eng. Soc. 20 (1972) 383), plus the voice coil's inductance.

    Parameters
    ----------
    resistance : float
        R_e in ohm.
    bump : float
        R_r in ohm, added by the resonance.
    resonance : float
        f_r in Hz.
    q : float
        Q of the resonance.
    inductance : float
        L_e in H.
    """

    resistance: float
    bump: float
    resonance: float
    q: float
    inductance: float

    def at(self, frequency: ArrayLike) -> Spectrum:
        """Return the complex impedance in ohm at frequencies in Hz."""
        f = np.maximum(np.asarray(frequency, dtype=np.float64), 1e-3)
        detuning = f / self.resonance - self.resonance / f
        motional = self.bump / (1.0 + 1j * self.q * detuning)
        return np.asarray(self.resistance + 2j * np.pi * f * self.inductance + motional)

    def scaled(self, factor: float) -> "Impedance":
        """Return the same curve with all impedances multiplied by ``factor``."""
        return replace(
            self,
            resistance=self.resistance * factor,
            bump=self.bump * factor,
            inductance=self.inductance * factor,
        )


def divider(impedance: Spectrum, source: float) -> Spectrum:
    """Return the fraction of the open-circuit voltage at the headphones: ``Z_h / (Z_h + Z_out)``.

    >>> float(abs(divider(np.array([16.0 + 0j]), 16.0))[0])
    0.5
    """
    return np.asarray(impedance / (impedance + source))


def leak_db(frequency: ArrayLike, corner: float) -> Array:
    """Return the loss in dB through the leak between cushion and head.

    ``-10 lg(1 + (f_c / f)^2)``, first order: the acoustic mass of the leak shunts the air volume
    below the corner frequency.
    """
    f = np.maximum(np.asarray(frequency, dtype=np.float64), 1e-3)
    return np.asarray(-10.0 * np.log10(1.0 + (corner / f) ** 2))


def white_noise_rms(level_a: float, fs: int) -> float:
    """Return the rms in Pa of noise, white up to ``fs / 2``, with a given level in dB(A).

    The mean of the power weighting (IEC 61672-1:2013, Annex E) over the band is the ratio of the
    weighted to the unweighted power.
    """
    from soundcal.dsp.weighting import exact_level

    f = (np.arange(4096) + 0.5) * (fs / 2 / 4096)
    share = float(np.mean(10.0 ** (exact_level(f, "A") / 10.0)))
    return P_REF * from_db(level_a) / float(np.sqrt(share))


def quantise(samples: Array, bits: int) -> None:
    """Clip to [-1, 1) and round to the steps of a two's complement converter, in place.

    >>> samples = np.array([0.3, -1.5, 2.0])
    >>> quantise(samples, 3)
    >>> samples.tolist()
    [0.25, -1.0, 0.75]
    """
    scale = float(2 ** (bits - 1))
    samples *= scale
    np.rint(samples, out=samples)
    np.clip(samples, -scale, scale - 1.0, out=samples)
    samples /= scale


@dataclass(frozen=True, slots=True)
class CalibratorTone:
    """A tone with harmonics and a slowly fluctuating level, at one input.

    Parameters
    ----------
    frequency : float
        Hz.
    amplitude : tuple of float
        Peak values of fundamental and harmonics; 1 is full scale of the input.
    fluctuation : float
        Relative amplitude of the level fluctuation, which has a period of 3.1 s.
    """

    frequency: float
    amplitude: tuple[float, ...]
    fluctuation: float = 0.0

    def samples(self, first: int, n: int, fs: int) -> Array:
        """Return ``n`` samples from position ``first``."""
        time = np.arange(first, first + n) / fs
        phase = 2.0 * np.pi * self.frequency * time
        total = self.amplitude[0] * np.sin(phase)
        for order, amplitude in enumerate(self.amplitude[1:], start=2):
            total += amplitude * np.sin(order * phase)
        if self.fluctuation:
            total *= 1.0 + self.fluctuation * np.sin(2.0 * np.pi * time / 3.1)
        return total


@dataclass(frozen=True, slots=True, eq=False)
class Wiring:
    """A description of the chain, in the units of its two ends.

    Parameters
    ----------
    volts : ndarray, shape (n_out,)
        Open-circuit voltage for a sample of value 1, V.
    kernels : ndarray, shape (n_in, n_taps)
        Input value (1 is full scale) per volt at the output, as FIR taps.
    sources : tuple of int, length n_in
        The output (row) that each input hears.
    noise : tuple of float, length n_in
        RMS noise of the inputs; 1 is full scale.
    output_noise : float
        Noise of the outputs, V rms.
    crosstalk : float
        Fraction of the voltage of the other outputs, linear.
    tones : tuple of (int, CalibratorTone)
        Tones at inputs (row).
    bits : int or None
        Resolution of both converters; None leaves the samples unrounded.
    """

    volts: Array
    kernels: Array
    sources: tuple[int, ...]
    noise: tuple[float, ...]
    output_noise: float = 0.0
    crosstalk: float = 0.0
    tones: tuple[tuple[int, CalibratorTone], ...] = field(default=())
    bits: int | None = 24


class SignalPath:
    """The chain in blocks: output samples in, the same number of input samples out.

    The chain works sample by sample and keeps its state, so it can be called with any block length
    that an audio server chooses. The result is the same, except for the rounding of the transforms,
    which may move a sample by one step of the converter.

    Parameters
    ----------
    wiring : Wiring
        The present state of the lab; assign to :attr:`wiring` to change it while running.
    fs : int
        Sampling rate in Hz.
    seed : int
        Seed of the noises; every channel has its own stream.
    delay : int
        Samples from output to input.

    Examples
    --------
    A wire from output to input with 3 samples of delay, 1 V full scale at both ends:

    >>> wire = Wiring(np.ones(1), np.ones((1, 1)), (0,), (0.0,), bits=None)
    >>> chain = SignalPath(wire, fs=48000, delay=3)
    >>> chain.process(np.array([[0.5, 0.25]])).tolist()
    [[0.0, 0.0]]
    >>> chain.process(np.array([[0.0, 0.0]])).tolist()
    [[0.0, 0.5]]
    """

    def __init__(self, wiring: Wiring, *, fs: int, seed: int = 0, delay: int = 0) -> None:
        n_out, n_in = wiring.volts.size, wiring.kernels.shape[0]
        self.fs = fs
        self._wiring = self._convolved = wiring
        self._convolver = Convolver(wiring.kernels, wiring.sources, n_out)
        self._noises = [
            np.random.Generator(np.random.SFC64([seed, 1 + i])) for i in range(n_out + n_in)
        ]
        self._position = 0
        self._line = np.zeros((n_out, 0))
        self.reset(delay)

    @property
    def wiring(self) -> Wiring:
        """The present state of the lab."""
        return self._wiring

    @wiring.setter
    def wiring(self, wiring: Wiring) -> None:
        if wiring.volts.size != self._wiring.volts.size or len(wiring.sources) != len(
            self._wiring.sources
        ):
            raise ParameterError("the numbers of outputs and inputs of a chain cannot change")
        self._wiring = wiring  # one assignment: process may be running in another thread

    @property
    def step(self) -> int:
        """Length of the pieces in which long blocks are processed.

        Blocks whose lengths are multiples of it give the same samples to the last bit.
        """
        return self._convolver.step

    def reset(self, delay: int) -> None:
        """Start a new stream: silence before it, and another delay in samples."""
        if delay < 0:
            raise ParameterError(f"delay of {delay} samples: 0 or more is expected")
        self._line = np.zeros((self._wiring.volts.size, delay))
        self._convolver.reset()

    def process(self, block: Array, inputs: Sequence[int] | None = None) -> Array:
        """Play a block and return the input samples that arrive in the meantime.

        Parameters
        ----------
        block : ndarray, shape (n_out, n)
            Output samples, 1.0 is full scale; larger ones are clipped by the converter.
        inputs : sequence of int, optional
            Input rows that are wanted (from 0); all if not given.

        Returns
        -------
        ndarray, shape (n_inputs, n)

        Raises
        ------
        SignalError
            The block does not have one row per output.
        """
        wiring, n = self._wiring, block.shape[1]
        if block.shape[0] != wiring.volts.size:
            raise SignalError(
                f"{block.shape[0]} rows of samples for {wiring.volts.size} outputs: give one row "
                "per output"
            )
        rows = range(len(wiring.sources)) if inputs is None else inputs
        if wiring is not self._convolved:
            self._convolver.change(wiring.kernels, wiring.sources)
            self._convolved = wiring
        result = np.empty((len(rows), n))
        step = self._convolver.step  # long blocks go through in pieces that stay in the cache
        for first in range(0, n, step):
            piece = slice(first, first + step)
            self._piece(wiring, block[:, piece], rows, result[:, piece])
        return result

    def _piece(self, wiring: Wiring, block: Array, rows: Sequence[int], result: Array) -> None:
        n = block.shape[1]
        played = np.concatenate([self._line, block], axis=1)
        self._line = played[:, n:].copy()
        volts = self._voltage(wiring, played[:, :n])
        self._convolver.process(volts, rows, result)
        for i, row in enumerate(rows):
            if wiring.noise[row]:
                result[i] += wiring.noise[row] * self._noise(wiring.volts.size + row, n)
            for at, tone in wiring.tones:
                if at == row:
                    result[i] += tone.samples(self._position, n, self.fs)
        self._position += n
        if wiring.bits is not None:
            quantise(result, wiring.bits)

    def _voltage(self, wiring: Wiring, samples: Array) -> Array:
        """Open-circuit voltage of the outputs, in place of the samples."""
        if wiring.bits is not None:
            quantise(samples, wiring.bits)
        samples *= wiring.volts[:, np.newaxis]
        if wiring.output_noise:
            for row, volts in enumerate(samples):
                volts += wiring.output_noise * self._noise(row, volts.size)
        if wiring.crosstalk:
            samples = samples + wiring.crosstalk * (samples.sum(axis=0) - samples)
        return samples

    def _noise(self, stream: int, n: int) -> NDArray[np.float32]:
        return self._noises[stream].standard_normal(n, dtype=np.float32)
