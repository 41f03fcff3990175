"""The simulated lab: soundcard, headphones, ears, calibrator and voltmeter of known truth.

It is a device like any other, named ``sim:SOUNDCARD+HEADPHONE[,option=value...]``, for example
``sim:onboard+closed-16`` or ``sim:interface+open-300,noise=0``; ``sim:lab`` is
``interface+open-300``. The equipment is listed in :mod:`soundcal.devices.equipment`, the physics in
:mod:`soundcal.devices.physics`.

Outputs 1 and 2 feed the left and right headphone. Inputs 1 and 2 are the left and right ear of the
head and torso simulator, inputs 3 and 4 line inputs across outputs 1 and 2 (their own load on the
output is neglected). The options scale effects, 1 leaves them as they are and 0 takes them away:

``output_impedance``
    factor on the soundcard's output impedance;
``spread``
    factor on the deviations of every unit from its data sheet and of every seating of the
    headphones from the usual one;
``response``
    factor in dB on the deviations of headphone, leak and ear responses from flat;
``noise``
    factor on all noises, and on the wavering of the calibrator.

The lab's *hands* do what a person does in a laboratory: :meth:`SimulatedLab.attach_calibrator`,
:meth:`~SimulatedLab.seat_headphones` and so on. :attr:`SimulatedLab.truth` says what every
measurement ought to find; only tests look at it. The same name, rate, seed and sequence of calls
give the same samples.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Final, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from soundcal.devices import Block, DeviceInfo, OnBlock, Playback
from soundcal.devices.alignment import frame
from soundcal.devices.checks import input_channels, playable
from soundcal.devices.equipment import (
    DEFAULT,
    EARS_MODEL,
    HEADPHONES,
    SOUNDCARDS,
    Calibrator,
    DataSheet,
    Seating,
    Voltmeter,
    stream_of,
)
from soundcal.devices.physics import (
    Chain,
    Tone,
    Wiring,
    divider,
    leak_db,
    minimum_phase_fir,
    white_noise_rms,
)
from soundcal.errors import DeviceUnavailable, ParameterError
from soundcal.recording import EARS, Capture, utc_now
from soundcal.units import db, from_db, level_to_pascal

__all__ = ["RATES", "Options", "SimulatedLab", "Truth", "list_labs"]

Array = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]

RATES: Final = (8000, 16000, 22050, 32000, 44100, 48000, 88200, 96000, 176400, 192000)
"""Sampling rates in Hz that the simulated soundcards offer."""

INPUTS: Final = ("left", "right", "line left", "line right")
"""Channel names of the inputs, in order."""

_BLOCK_S: Final = 0.1
_MAX_DELAY_S: Final = 0.1  # of the simulated soundcards; their drivers look no further
_HEADPHONE_TAPS_S: Final = 1536 / 48000
_EAR_TAPS_S: Final = 512 / 48000


@dataclass(frozen=True, slots=True)
class Options:
    """Factors on physical effects, see the module's docstring."""

    output_impedance: float = 1.0
    spread: float = 1.0
    response: float = 1.0
    noise: float = 1.0

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
                raise ParameterError(f"simulated lab: no option {name!r}; there are {known}")
            try:
                values[name] = float(text)
            except ValueError as error:
                raise ParameterError(f"simulated lab: {word!r}: a number is expected") from error
            if not 0.0 <= values[name] <= 100.0:
                raise ParameterError(f"simulated lab: {word!r}: a factor from 0 to 100 is expected")
        return cls(**values)


@dataclass(frozen=True, slots=True, eq=False)
class Truth:
    """What the lab's measurements ought to find, in its present state. Pairs are left, right.

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
        The same of the unit on the shelf.
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

    def transfer(self, channel: str | int, frequency: ArrayLike) -> ComplexArray:
        """Return the pressure at an ear in Pa per digital full scale at its output.

        Present seating and load are included, the delay and crosstalk are not.

        Parameters
        ----------
        channel : {"left", "right"} or {1, 2}
            Ear.
        frequency : array_like of float
            Hz.
        """
        return _response(self.kernels[_side(channel)], frequency, self.fs)

    def ear(self, channel: str | int, frequency: ArrayLike) -> ComplexArray:
        """Return the input value in full scale per Pa at an ear, at frequencies in Hz."""
        return _response(self.ear_kernels[_side(channel)], frequency, self.fs)


def _response(taps: Array, frequency: ArrayLike, fs: int) -> ComplexArray:
    from scipy.signal import freqz

    f = np.asarray(frequency, dtype=np.float64)
    _, response = freqz(taps, worN=np.atleast_1d(f).ravel(), fs=fs)
    return np.asarray(response, dtype=np.complex128).reshape(f.shape)


def _side(channel: str | int) -> int:
    sides: dict[str | int, int] = {"left": 0, "right": 1, 1: 0, 2: 1}
    if channel not in sides:
        raise ParameterError(f"channel {channel!r}: left, right, 1 or 2 expected")
    return sides[channel]


def _parse(name: str) -> tuple[str, str, Options]:
    """Split a name into soundcard, headphones and options."""
    combination, *words = (part.strip() for part in name.split(","))
    if combination == "lab":
        return (*DEFAULT, Options.parse(words))
    card, plus, headphones = combination.partition("+")
    if not plus or card not in SOUNDCARDS or headphones not in HEADPHONES:
        raise DeviceUnavailable(
            f"no simulated lab {combination!r}; sim:lab, or sim:SOUNDCARD+HEADPHONE with "
            f"{', '.join(SOUNDCARDS)} and {', '.join(HEADPHONES)}"
        )
    return card, headphones, Options.parse(words)


def _info(name: str) -> DeviceInfo:
    card, headphones, _ = _parse(name)
    return DeviceInfo(
        name=f"sim:{name}",
        host_api="simulation",
        inputs=len(INPUTS),
        outputs=2,
        rates=RATES,
        kind="simulated",
        description=f"{SOUNDCARDS[card].description}; {HEADPHONES[headphones].description}",
    )


def list_labs() -> list[DeviceInfo]:
    """Return the simulated labs: the default and every combination of soundcard and headphones.

    >>> len(list_labs())
    13
    """
    names = [f"{card}+{headphones}" for card in SOUNDCARDS for headphones in HEADPHONES]
    return [_info(name) for name in ("lab", *names)]


class SimulatedLab:
    """A simulated laboratory, opened; an :class:`~soundcal.devices.AudioDevice` with hands.

    When it is opened, the headphones are plugged in and sit on the simulator's ears.

    Parameters
    ----------
    name : str
        ``SOUNDCARD+HEADPHONE[,option=value...]`` or ``lab[,option=value...]``.
    fs : int
        Sampling rate in Hz, one of :data:`RATES`.
    seed : int
        Which units are on the shelf, the noises, seatings and delays.
    realtime : bool
        Take as long as a soundcard would; otherwise as fast as possible.

    Raises
    ------
    DeviceUnavailable
        No such lab or rate.
    ParameterError
        Unknown option, impossible factor or seed.

    Examples
    --------
    >>> import numpy as np
    >>> from soundcal.units import pascal_to_level
    >>> with SimulatedLab("interface+open-300", seed=1) as lab:
    ...     lab.attach_calibrator("left", level=94.0)
    ...     take = lab.record(1.0, inputs=[1, 2])
    ...     pressure = take.samples[0] * lab.truth.ear_pa_per_fs[0]
    >>> abs(pascal_to_level(pressure.std()) - 94.0) < 0.4
    True
    """

    def __init__(
        self, name: str, *, fs: int = 48000, seed: int = 0, realtime: bool = False
    ) -> None:
        card, headphones, self._options = _parse(name)
        if fs not in RATES:
            raise DeviceUnavailable(
                f"sim:{name} cannot run at {fs} Hz; its rates are {', '.join(map(str, RATES))}"
            )
        if seed < 0:
            raise ParameterError(f"seed {seed}: 0 or more expected")
        spread = self._options.spread
        self._info = _info(name)
        self._fs, self._realtime = fs, realtime
        self._card = SOUNDCARDS[card].unit(
            seed, spread=spread, output_impedance=self._options.output_impedance
        )
        self._headphones = HEADPHONES[headphones].unit(seed, spread=spread)
        self._ears_v_pa = EARS_MODEL.volts_per_pascal(seed, spread=spread)
        self._calibrator = Calibrator.unit(seed, spread=spread)
        self._meter = Voltmeter.unit(seed, spread=spread)
        self._seatings = stream_of(seed, "seatings", card, headphones)
        self._insertions = stream_of(seed, "insertions", card, headphones)
        self._delays = stream_of(seed, "delays", card, headphones)
        self._knob_db = 0.0
        self._plugged = True
        self._tone: tuple[int, Tone] | None = None
        self._loop: Array | None = None
        self._loop_at = 0
        self._closed = False
        self._ear_taps = self._design_ears()
        self._seating: tuple[Seating, Seating] | None = self._draw_seating()
        self._headphone_taps, self._wiring = self._wire()
        noise_seed = int(stream_of(seed, "noise", card, headphones).integers(2**31))
        self._chain = Chain(self._wiring, fs=fs, seed=noise_seed)

    # what the lab consists of

    @property
    def info(self) -> DeviceInfo:
        """What is known about the device."""
        return self._info

    @property
    def fs(self) -> int:
        """Sampling rate in Hz."""
        return self._fs

    @property
    def data_sheet(self) -> DataSheet:
        """Data sheet of the headphones."""
        return self._headphones.model.sheet

    @property
    def knob_db(self) -> float:
        """Position of the soundcard's volume knob, dB re full volume."""
        return self._knob_db

    @property
    def truth(self) -> Truth:
        """What measurements ought to find in the present state; for tests."""
        sheet, card = self.data_sheet, self._card
        v_fs = self._volts() / np.sqrt(2.0)
        pa_fs = [card.mic_range[i] / self._ears_v_pa[i] for i in range(2)]
        return Truth(
            fs=self._fs,
            v_fs=(float(v_fs[0]), float(v_fs[1])),
            output_impedance=card.output_impedance,
            ear_pa_per_fs=(pa_fs[0], pa_fs[1]),
            line_v_per_fs=card.line_range,
            nominal_impedance=sheet.impedance,
            nominal_sensitivity_db_v=sheet.sensitivity_db_v,
            level_1v=self._headphones.level_1v,
            calibrator_error_db=self._calibrator.level_error_db,
            kernels=self._headphone_taps * self._volts()[:, np.newaxis],
            ear_kernels=self._ear_taps,
        )

    # the hands

    def attach_calibrator(self, ear: str, level: float = 94.0, frequency: float = 1000.0) -> None:
        """Put the sound calibrator on an ear, in place of the headphones (they stay plugged in).

        Parameters
        ----------
        ear : {"left", "right"}
            Which ear; the other one hears the room.
        level : float
            Certified level, dB re 20 µPa.
        frequency : float
            Hz.

        Raises
        ------
        ParameterError
            No such ear, or a level or frequency that no calibrator has.
        """
        side = _side(ear)
        if not 60.0 <= level <= 130.0:
            raise ParameterError(f"calibrator of {level} dB: 60 to 130 dB expected")
        if not 20.0 <= frequency < self._fs / 6:
            raise ParameterError(
                f"calibrator of {frequency} Hz: 20 Hz to {self._fs / 6:.0f} Hz expected"
            )
        unit, spread = self._calibrator, self._options.spread
        coupling = unit.coupling_db * spread * float(self._insertions.standard_normal())
        pressure = level_to_pascal(level + unit.level_error_db + coupling) * np.sqrt(2.0)
        f = frequency * (1.0 + unit.frequency_error)
        ear_fs = np.abs(_response(self._ear_taps[side], [f, 2 * f, 3 * f], self._fs))
        parts = pressure * ear_fs * (1.0, *unit.harmonics)
        wavering = (from_db(unit.fluctuation_db) - 1.0) * self._options.noise
        self._tone = (side, Tone(f, tuple(float(part) for part in parts), wavering))
        self._seating = None
        self._rewire()

    def remove_calibrator(self) -> None:
        """Take the sound calibrator off; the ears are then open to the room."""
        self._tone = None
        self._rewire()

    def seat_headphones(self) -> None:
        """Plug the headphones in if necessary and put them on afresh: another seating.

        Raises
        ------
        ParameterError
            The calibrator is still on an ear.
        """
        if self._tone is not None:
            raise ParameterError(
                f"the calibrator is on the {EARS[self._tone[0]]} ear: remove it before the "
                "headphones are put on"
            )
        self._plugged = True
        self._seating = self._draw_seating()
        self._rewire()

    def remove_headphones(self) -> None:
        """Take the headphones off and unplug them: the outputs are unloaded."""
        self._plugged = False
        self._seating = None
        self._rewire()

    def turn_knob(self, position_db: float) -> None:
        """Set the soundcard's volume, -80 dB to 0 dB re full volume."""
        if not -80.0 <= position_db <= 0.0:
            raise ParameterError(f"volume of {position_db} dB: -80 to 0 dB expected")
        self._knob_db = float(position_db)
        self._rewire()

    def read_voltmeter(self, channel: str | int) -> float:
        """Return the true-rms voltage between the terminals of an output, V, as the meter shows it.

        With headphones plugged in this is the loaded voltage. What is played by :meth:`playing` is
        measured, otherwise the noise of the output. The meter is AC coupled.
        """
        self._check_open()
        side, z = _side(channel), self._card.output_impedance
        power = (self._card.model.dac_noise * self._options.noise) ** 2
        if self._loop is not None:
            n = self._loop.shape[1]
            spectrum = np.fft.rfft(self._loop * self._volts()[:, np.newaxis], axis=1)
            volts = spectrum[side] + self._crosstalk() * spectrum[1 - side]
            if self._plugged:
                f = np.fft.rfftfreq(n, 1.0 / self._fs)
                volts = volts * divider(self._headphones.impedance[side].at(f), z[side])
            twice = np.full(volts.size, 2.0)
            twice[0] = 0.0
            if n % 2 == 0:
                twice[-1] = 1.0
            power += float(np.sum(twice * np.abs(volts) ** 2)) / n**2
        return self._meter.read(float(np.sqrt(power)))

    # the device

    def record(
        self,
        duration: float,
        *,
        inputs: Sequence[int] | None = None,
        on_block: OnBlock | None = None,
    ) -> Capture:
        """Record ``duration`` seconds; see :class:`~soundcal.devices.AudioDevice`."""
        self._check_open()
        channels = input_channels(self._info, inputs)
        n = round(duration * self._fs) if np.isfinite(duration) else 0
        if n < 1:
            raise ParameterError(f"duration of {duration} s: at least one sample is expected")
        self._start()
        take, started, rate = self._take(self._looped, n, channels, on_block)
        return self._capture(take, channels, started, rate)

    def play(
        self,
        samples: Array,
        *,
        outputs: Sequence[int] | None = None,
        on_block: OnBlock | None = None,
    ) -> Playback:
        """Play ``samples`` once; see :class:`~soundcal.devices.AudioDevice`."""
        self._check_open()
        played, _ = playable(self._info, samples, self._fs, outputs)
        n, size = played.shape[1], self._block_size
        clock = time.monotonic()
        for first in range(0, n, size):
            part = played[:, first : first + size]
            self._wait(clock, first + part.shape[1])
            if on_block is not None:
                on_block(Block(part, first, n))
        return Playback(n)

    def play_and_record(
        self,
        samples: Array,
        *,
        outputs: Sequence[int] | None = None,
        inputs: Sequence[int] | None = None,
        tail: float = 0.0,
        on_block: OnBlock | None = None,
    ) -> Capture:
        """Play and record at once, aligned; see :class:`~soundcal.devices.AudioDevice`.

        A marker is played before the samples and removed (:mod:`soundcal.devices.alignment`); the
        blocks given to ``on_block`` contain it.
        """
        self._check_open()
        played, outs = playable(self._info, samples, self._fs, outputs)
        channels = input_channels(self._info, inputs)
        if self._loop is not None:
            raise DeviceUnavailable(f"{self._info.name}: the outputs are in use by playing()")
        framed = frame(played, self._fs, tail=tail, max_delay=_MAX_DELAY_S)
        routed = self._route(framed.samples, outs)
        self._start()
        take, started, rate = self._take(
            lambda first, n: routed[:, first : first + n], routed.shape[1], channels, on_block
        )
        segment, delay, complaints = framed.align(take)
        capture = self._capture(segment, channels, started, rate)
        return replace(capture, latency=None if delay is None else float(delay), flags=complaints)

    @contextmanager
    def playing(self, samples: Array, *, outputs: Sequence[int] | None = None) -> Iterator[None]:
        """Play ``samples`` over and over; what is recorded meanwhile hears it."""
        self._check_open()
        played, outs = playable(self._info, samples, self._fs, outputs)
        if self._loop is not None:
            raise DeviceUnavailable(f"{self._info.name}: the outputs are in use by playing()")
        self._loop = self._route(played, outs)
        try:
            yield
        finally:
            self._loop = None

    @contextmanager
    def stream(self, *, inputs: Sequence[int] | None = None) -> Iterator[Iterator[Block]]:
        """Give an endless iterator over input blocks."""
        self._check_open()
        channels = input_channels(self._info, inputs)
        self._start()
        yield self._endless(channels)

    def close(self) -> None:
        """Release the device; safe to call twice."""
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

    # how it works inside

    def _check_open(self) -> None:
        if self._closed:
            raise DeviceUnavailable(f"{self._info.name} was closed: open it again")

    @property
    def _block_size(self) -> int:
        return round(_BLOCK_S * self._fs)

    def _route(self, samples: Array, outputs: Sequence[int]) -> Array:
        routed = np.zeros((self._info.outputs, samples.shape[1]))
        routed[[channel - 1 for channel in outputs]] = samples
        return routed

    def _wait(self, clock: float, n: int) -> None:
        """Let the lab's clock catch up with ``n`` samples since ``clock``."""
        if self._realtime:
            time.sleep(max(0.0, clock + n / self._fs - time.monotonic()))

    def _start(self) -> None:
        """Start a stream: its own delay, and what is being played has settled."""
        low, high = round(0.004 * self._fs), round(0.06 * self._fs)
        delay = int(self._delays.integers(low, high))
        self._chain.reset(delay)
        self._loop_at = 0
        if self._loop is not None:
            n = delay + self._wiring.kernels.shape[1]
            self._chain.process(self._looped(0, n), [])
            self._loop_at = n

    def _looped(self, first: int, n: int) -> Array:
        """Return what the outputs play, from ``first`` samples after the start."""
        if self._loop is None:
            return np.zeros((self._info.outputs, n))
        at = np.arange(self._loop_at + first, self._loop_at + first + n) % self._loop.shape[1]
        return self._loop[:, at]

    def _take(
        self,
        source: Callable[[int, int], Array],
        n: int,
        channels: Sequence[int],
        on_block: OnBlock | None,
    ) -> tuple[Array, str, float | None]:
        """Return what arrives while ``source(first, n)`` is played, start time and rate."""
        rows, started, clock = [channel - 1 for channel in channels], utc_now(), time.monotonic()
        take = np.empty((len(rows), n))
        size = self._block_size
        if not self._realtime:
            take[:] = self._chain.process(source(0, n), rows)
        for first in range(0, n, size):
            count = min(size, n - first)
            if self._realtime:
                take[:, first : first + count] = self._chain.process(source(first, count), rows)
                self._wait(clock, first + count)
            if on_block is not None:
                on_block(Block(take[:, first : first + count].copy(), first, n))
        return take, started, n / (time.monotonic() - clock) if self._realtime else None

    def _endless(self, channels: Sequence[int]) -> Iterator[Block]:
        rows, clock, position = [channel - 1 for channel in channels], time.monotonic(), 0
        while True:
            self._check_open()
            samples = self._chain.process(self._looped(position, self._block_size), rows)
            self._wait(clock, position + self._block_size)
            yield Block(samples, position)
            position += self._block_size

    def _capture(
        self, samples: Array, channels: Sequence[int], started: str, rate: float | None
    ) -> Capture:
        step = 2.0 ** (1 - (self._wiring.bits or 24))
        clipped = (samples >= 1.0 - step) | (samples <= -1.0)
        return Capture(
            samples,
            self._fs,
            channels=tuple(INPUTS[channel - 1] for channel in channels),
            device=self._info.name,
            simulated=True,
            clipped=tuple(int(count) for count in clipped.sum(axis=1)),
            delivered_rate=rate,
            started=started,
        )

    def _volts(self) -> Array:
        """Peak open-circuit voltage for a sample of value 1, per output."""
        factor = float(np.sqrt(2.0)) * from_db(self._knob_db)
        return np.array([v_fs * factor for v_fs in self._card.v_fs], dtype=np.float64)

    def _crosstalk(self) -> float:
        return from_db(self._card.model.crosstalk_db)

    def _draw_seating(self) -> tuple[Seating, Seating]:
        return self._headphones.seating(self._seatings, spread=self._options.spread)

    def _grid(self) -> Array:
        """Frequencies at which responses are designed, 1.5 Hz apart, from 0 Hz."""
        return np.linspace(0.0, self._fs / 2.0, 1 + 2 ** int(np.ceil(np.log2(self._fs / 3.0))))

    def _design_ears(self) -> Array:
        response = self._options.response * EARS_MODEL.response.level(self._grid())
        sensitivity = [db(self._ears_v_pa[i] / self._card.mic_range[i]) for i in range(2)]
        taps = round(_EAR_TAPS_S * self._fs)
        return np.stack([minimum_phase_fir(response + level, taps) for level in sensitivity])

    def _design_headphones(self, seating: tuple[Seating, Seating]) -> Array:
        """Pressure at the ears per open-circuit volt, Pa/V, as FIR taps."""
        f, unit = self._grid(), self._headphones
        rows = []
        for side in range(2):
            leak = leak_db(f, seating[side].leak_hz) - leak_db(1000.0, seating[side].leak_hz)
            shape = self._options.response * (unit.response[side].level(f) + leak)
            level = db(level_to_pascal(unit.level_1v[side] + seating[side].gain_db))
            rows.append(
                minimum_phase_fir(
                    level + shape + self._load_db(side, f), round(_HEADPHONE_TAPS_S * self._fs)
                )
            )
        return np.stack(rows)

    def _load_db(self, side: int, f: Array) -> Array:
        z = self._headphones.impedance[side].at(f)
        return db(np.abs(divider(z, self._card.output_impedance[side])).astype(np.float64))

    def _design_lines(self, taps: int) -> Array:
        """Value of the line inputs per open-circuit volt, 1/V."""
        rows = np.zeros((2, taps))
        rows[:, 0] = 1.0 / np.asarray(self._card.line_range)
        if self._plugged and any(self._card.output_impedance):
            f = self._grid()
            for side in range(2):
                rows[side] = minimum_phase_fir(
                    self._load_db(side, f) - db(self._card.line_range[side]), taps
                )
        return rows

    def _wire(self) -> tuple[Array, Wiring]:
        """Return the headphones' filters and the wiring of the present state."""
        n_headphone, n_ear = round(_HEADPHONE_TAPS_S * self._fs), self._ear_taps.shape[1]
        headphones = np.zeros((2, n_headphone))
        kernels = np.zeros((4, n_headphone + n_ear - 1))
        if self._seating is not None:
            headphones = self._design_headphones(self._seating)
            for side in range(2):
                kernels[side] = np.convolve(headphones[side], self._ear_taps[side])
        kernels[2:] = self._design_lines(kernels.shape[1])
        noise = self._options.noise
        adc = from_db(self._card.model.adc_noise_db)
        acoustic = np.hypot(
            white_noise_rms(EARS_MODEL.noise_dba, self._fs),
            white_noise_rms(EARS_MODEL.room_dba, self._fs),
        )
        ears = [
            float(np.hypot(acoustic * self._ears_v_pa[i] / self._card.mic_range[i], adc))
            for i in range(2)
        ]
        return headphones, Wiring(
            volts=self._volts(),
            kernels=kernels,
            sources=(0, 1, 0, 1),
            noise=(ears[0] * noise, ears[1] * noise, adc * noise, adc * noise),
            output_noise=self._card.model.dac_noise * noise,
            crosstalk=self._crosstalk(),
            tones=() if self._tone is None else (self._tone,),
        )

    def _rewire(self) -> None:
        self._check_open()
        self._headphone_taps, self._wiring = self._wire()
        self._chain.wiring = self._wiring
