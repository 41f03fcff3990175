"""The simulated lab: soundcard, headphones, ears, calibrator and voltmeter with known true values.

It is a device like any other, named ``sim:SOUNDCARD+HEADPHONE[,option=value...]``, for example
``sim:onboard+closed-16`` or ``sim:interface+open-300,noise=0``; ``sim:lab`` is
``interface+open-300``. The equipment is listed in :mod:`soundcal.devices.simulated.equipment`, the
physics in :mod:`soundcal.devices.simulated.physics`.

Outputs 1 and 2 feed the left and right headphone. Inputs 1 and 2 are the left and right ear of the
head and torso simulator, inputs 3 and 4 are line inputs across outputs 1 and 2 (the load of the
line inputs on the outputs is neglected). The options scale effects: 1 leaves an effect unchanged,
0 removes it; all but ``seating`` are 1 if they are not given:

``output_impedance``
    factor on the soundcard's output impedance;
``spread``
    factor on the deviations of every unit from its data sheet and of every seating of the
    headphones from the usual one;
``response``
    factor in dB on the deviations of headphone, leak and ear responses from flat;
``noise``
    factor on all noises, and on the level fluctuation of the calibrator;
``seating``
    factor in dB on the notches at high frequencies that move with every seating of the headphones
    (:class:`~soundcal.devices.simulated.equipment.Seating`); 0 if not given.

The lab's *hands* perform the actions of a person in a laboratory:
:meth:`SimulatedLab.attach_calibrator`, :meth:`~SimulatedLab.seat_headphones` and so on.
:attr:`SimulatedLab.truth` gives the true value of every quantity; only tests use it. The same name,
rate, seed and sequence of calls give the same samples.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from types import TracebackType
from typing import Final, Self

import numpy as np

from soundcal.arrays import Array
from soundcal.devices.channels import input_channels, playable
from soundcal.devices.fade import fade_from
from soundcal.devices.protocol import RATES, Block, DeviceInfo, OnBlock, Playback, Stop
from soundcal.devices.simulated.equipment import (
    DEFAULT,
    EARS_MODEL,
    HEADPHONES,
    SOUNDCARDS,
    Calibrator,
    Voltmeter,
    stream_of,
)
from soundcal.devices.simulated.physics import SignalPath
from soundcal.devices.simulated.setup import Options, Published, Setup, Truth, side_of
from soundcal.errors import DeviceUnavailable, ParameterError
from soundcal.headphone import Headphone
from soundcal.recording import EARS, Capture, Flag, utc_now
from soundcal.takes.alignment import frame
from soundcal.units import level_to_pascal

__all__ = ["Options", "SimulatedLab", "Truth", "list_labs"]


INPUTS: Final = ("left", "right", "line left", "line right")
"""Channel names of the inputs, in order."""

_LISTENING_S: Final = 2.0
_AUDIBLE_DB: Final = 40.0  # well above the noise of the ears, far below any check noise
_BLOCK_S: Final = 0.1
_MAX_DELAY_S: Final = 0.1  # longest delay of the simulated soundcards; the search ends here


def _parse(name: str) -> tuple[str, str, Options]:
    """Split a name into soundcard, headphones and options."""
    combination, *words = (part.strip() for part in name.split(","))
    if combination == "lab":
        return (*DEFAULT, Options.parse(words))
    card, plus, headphones = combination.partition("+")
    if not plus or card not in SOUNDCARDS or headphones not in HEADPHONES:
        raise DeviceUnavailable(
            f"no simulated lab {combination!r}: use sim:lab, or sim:SOUNDCARD+HEADPHONE with "
            f"soundcards {', '.join(SOUNDCARDS)} and headphones {', '.join(HEADPHONES)}"
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
        Seed of the units on the shelf, the noises, seatings and delays.
    realtime : bool
        Take as long as a soundcard would; otherwise run as fast as possible.

    Raises
    ------
    DeviceUnavailable
        No such lab or rate.
    ParameterError
        Unknown option; factor or seed out of range.

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
        card, headphones, options = _parse(name)
        if fs not in RATES:
            raise DeviceUnavailable(
                f"sim:{name} cannot run at {fs} Hz; its rates are {', '.join(map(str, RATES))}"
            )
        if seed < 0:
            raise ParameterError(f"seed {seed}: 0 or more is expected")
        self._info, self._fs, self._realtime = replace(_info(name), seed=seed), fs, realtime
        spread = options.spread
        self._seatings = stream_of(seed, "seatings", card, headphones)
        self._notches = stream_of(seed, "notches", card, headphones)
        self._insertions = stream_of(seed, "insertions", card, headphones)
        self._delays = stream_of(seed, "delays", card, headphones)
        self._meter = Voltmeter.unit(seed, spread=spread)
        unit = HEADPHONES[headphones].unit(seed, spread=spread)
        self._setup = Setup(
            fs=fs,
            options=options,
            card=SOUNDCARDS[card].unit(
                seed, spread=spread, output_impedance=options.output_impedance
            ),
            headphones=unit,
            ears_v_pa=EARS_MODEL.volts_per_pascal(seed, spread=spread),
            calibrator=Calibrator.unit(seed, spread=spread),
            seating=unit.seating(self._seatings, self._notches, spread=spread),
        )
        noise_seed = int(stream_of(seed, "noise", card, headphones).integers(2**31))
        self._chain = SignalPath(self._setup.wiring(), fs=fs, seed=noise_seed)
        self._loop: Array | None = None
        self._loop_at = 0
        self._closed = False

    # the parts of the lab

    @property
    def info(self) -> DeviceInfo:
        """The properties of the device."""
        return self._info

    @property
    def fs(self) -> int:
        """Sampling rate in Hz."""
        return self._fs

    @property
    def data_sheet(self) -> Headphone:
        """Data sheet of the headphones."""
        return self._setup.headphones.model.sheet

    @property
    def published(self) -> Published:
        """Curves of the data sheets of headphones and soundcard."""
        return self._setup.published()

    @property
    def chain(self) -> SignalPath:
        """The signal processing in its present state.

        A card on an audio server calls its ``process`` in the server's callback, while another
        thread calls the hands: a change of the setup takes effect with the next block.
        """
        return self._chain

    @property
    def knob_db(self) -> float:
        """Position of the soundcard's volume knob, dB re full volume."""
        return self._setup.knob_db

    @property
    def truth(self) -> Truth:
        """True values in the present state; for tests."""
        return self._setup.truth()

    # the hands

    def attach_calibrator(self, ear: str, level: float = 94.0, frequency: float = 1000.0) -> None:
        """Put the sound calibrator on an ear, in place of the headphones (they stay plugged in).

        Parameters
        ----------
        ear : {"left", "right"}
            Ear with the calibrator; the other one hears the room.
        level : float
            Certified level, dB re 20 µPa.
        frequency : float
            Hz.

        Raises
        ------
        ParameterError
            No such ear, or a level or frequency that no calibrator has.
        """
        side, top = side_of(ear), self._fs / 6  # the third harmonic must fit
        if not 60.0 <= level <= 130.0:
            raise ParameterError(f"calibrator of {level} dB: 60 to 130 dB is expected")
        if not 20.0 <= frequency < top:
            raise ParameterError(f"calibrator of {frequency} Hz: 20 Hz to {top:.0f} Hz is expected")
        coupling = float(self._insertions.standard_normal())
        tone = self._setup.calibrator_tone(side, level, frequency, coupling)
        self._change(replace(self._setup, tone=(side, tone), seating=None))

    def remove_calibrator(self) -> None:
        """Take the sound calibrator off; the ears are then open to the room."""
        self._change(replace(self._setup, tone=None))

    def seat_headphones(self) -> None:
        """Plug the headphones in if necessary and put them on again, with another seating.

        Raises
        ------
        ParameterError
            The calibrator is still on an ear.
        """
        setup = self._setup
        if setup.tone is not None:
            raise ParameterError(
                f"the calibrator is on the {EARS[setup.tone[0]]} ear: remove it before you put "
                "the headphones on"
            )
        seating = setup.headphones.seating(
            self._seatings, self._notches, spread=setup.options.spread
        )
        self._change(replace(setup, plugged=True, seating=seating))

    def remove_headphones(self) -> None:
        """Take the headphones off and unplug them: the outputs are unloaded."""
        self._change(replace(self._setup, plugged=False, seating=None))

    def turn_knob(self, position_db: float) -> None:
        """Set the soundcard's volume, from -80 dB to 0 dB re full volume."""
        if not -80.0 <= position_db <= 0.0:
            raise ParameterError(f"volume of {position_db} dB: -80 to 0 dB is expected")
        self._change(replace(self._setup, knob_db=float(position_db)))

    def read_voltmeter(self, channel: str | int) -> float:
        """Return the meter's reading of the true-rms voltage across an output's terminals, V.

        With headphones plugged in this is the loaded voltage. The meter reads the signal played by
        :meth:`playing`, or else the noise of the output. It is AC coupled.
        """
        self._check_open()
        side, setup = side_of(channel), self._setup
        power = setup.output_noise**2
        if self._loop is not None:
            n = self._loop.shape[1]
            spectrum = np.fft.rfft(self._loop * setup.volts[:, np.newaxis], axis=1)
            volts = spectrum[side] + setup.crosstalk * spectrum[1 - side]
            volts = volts * setup.load(side, np.fft.rfftfreq(n, 1.0 / self._fs))
            lines = np.full(volts.size, 2.0)  # positive and negative frequency
            lines[0] = 0.0
            if n % 2 == 0:
                lines[-1] = 1.0
            power += float(np.sum(lines * np.abs(volts) ** 2)) / n**2
        return self._meter.read(float(np.sqrt(power)))

    def hear(self) -> str:
        """Listen for two seconds; return ``left``, ``right``, ``both`` or ``nothing``."""
        pressure = self.record(_LISTENING_S, inputs=[1, 2]).samples.T * self.truth.ear_pa_per_fs
        heard = pressure.std(axis=0) > level_to_pascal(_AUDIBLE_DB)
        return {(True, False): "left", (False, True): "right", (True, True): "both"}.get(
            (bool(heard[0]), bool(heard[1])), "nothing"
        )

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
        stop: Stop | None = None,
    ) -> Playback:
        """Play ``samples`` once; see :class:`~soundcal.devices.AudioDevice`."""
        played, _ = self._playable(samples, outputs)
        n, size = played.shape[1], self._block_size
        clock, first, end = time.monotonic(), 0, n
        while first < end:
            if end == n and stop is not None and stop():
                played, end = fade_from(played, first, self._fs)
            part = played[:, first : min(first + size, end)]
            self._wait(clock, first + part.shape[1])
            if on_block is not None and part.shape[1]:
                on_block(Block(part, first, n))
            first += size
        return Playback(end)

    def play_and_record(
        self,
        samples: Array,
        *,
        outputs: Sequence[int] | None = None,
        inputs: Sequence[int] | None = None,
        tail: float = 0.0,
        on_block: OnBlock | None = None,
        stop: Stop | None = None,
        marker: bool = True,
    ) -> Capture:
        """Play and record at the same time, aligned; see :class:`~soundcal.devices.AudioDevice`.

        A marker is played before the samples and removed (:mod:`soundcal.takes.alignment`); the
        blocks given to ``on_block`` contain it.
        """
        played, outs = self._playable(samples, outputs)
        channels = input_channels(self._info, inputs)
        framed = frame(played, self._fs, tail=tail, max_delay=_MAX_DELAY_S, marked=marker)
        routed = self._route(framed.samples, outs)

        def stopped(first: int) -> int | None:
            nonlocal routed, framed, stop
            if stop is None or first >= framed.start + framed.n_played or not stop():
                return None
            routed, end = fade_from(routed, first, self._fs)
            framed, stop = framed.ended(end), None
            return int(framed.samples.shape[1])

        self._start()
        take, started, rate = self._take(
            lambda first, n: routed[:, first : first + n],
            routed.shape[1],
            channels,
            on_block,
            stopped,
        )
        segment, delay, complaints = framed.align(take)
        return self._capture(
            segment,
            channels,
            started,
            rate,
            latency=None if delay is None else float(delay),
            flags=complaints,
        )

    @contextmanager
    def playing(self, samples: Array, *, outputs: Sequence[int] | None = None) -> Iterator[None]:
        """Play ``samples`` over and over; recordings made in the meantime contain them."""
        played, outs = self._playable(samples, outputs)
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

    # internals

    def _check_open(self) -> None:
        if self._closed:
            raise DeviceUnavailable(f"{self._info.name} was closed: open it again")

    def _playable(
        self, samples: Array, outputs: Sequence[int] | None
    ) -> tuple[Array, tuple[int, ...]]:
        self._check_open()
        if self._loop is not None:
            raise DeviceUnavailable(f"{self._info.name}: the outputs are in use by playing()")
        return playable(self._info, samples, self._fs, outputs)

    @property
    def _block_size(self) -> int:
        return round(_BLOCK_S * self._fs)

    def _route(self, samples: Array, outputs: Sequence[int]) -> Array:
        if tuple(outputs) == (1, 2):
            return samples
        routed = np.zeros((self._info.outputs, samples.shape[1]))
        routed[[channel - 1 for channel in outputs]] = samples
        return routed

    def _wait(self, clock: float, n: int) -> None:
        """Let the lab's clock catch up with ``n`` samples since ``clock``."""
        if self._realtime:
            time.sleep(max(0.0, clock + n / self._fs - time.monotonic()))

    def _start(self) -> None:
        """Start a stream with a delay of its own and with the playback already settled."""
        low, high = round(0.004 * self._fs), round(0.06 * self._fs)
        delay = int(self._delays.integers(low, high))
        self._chain.reset(delay)
        self._loop_at = 0
        if self._loop is not None:
            n = delay + self._chain.wiring.kernels.shape[1]
            self._chain.process(self._looped(0, n), [])
            self._loop_at = n

    def _looped(self, first: int, n: int) -> Array:
        """Return the samples that the outputs play, from ``first`` samples after the start."""
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
        stopped: Callable[[int], int | None] = lambda first: None,
    ) -> tuple[Array, str, float | None]:
        """Return the input while ``source(first, n)`` is played, the start time and the rate.

        ``stopped`` is asked before every block, with the samples played so far, and may shorten
        the take.
        """
        rows, started, clock = [channel - 1 for channel in channels], utc_now(), time.monotonic()
        size, done = self._block_size, 0
        piece = size if self._realtime else 8 * self._chain.step
        take = np.empty((len(rows), n))
        first = 0
        while first < n:
            n = stopped(done) or n
            stop = min(first + size, n)
            while done < stop:
                count = min(piece, n - done)
                take[:, done : done + count] = self._chain.process(source(done, count), rows)
                done += count
            self._wait(clock, stop)
            if on_block is not None:
                on_block(Block(take[:, first:stop].copy(), first, n))
            first += size
        return take[:, :n], started, n / (time.monotonic() - clock) if self._realtime else None

    def _endless(self, channels: Sequence[int]) -> Iterator[Block]:
        rows, clock, position = [channel - 1 for channel in channels], time.monotonic(), 0
        while True:
            self._check_open()
            samples = self._chain.process(self._looped(position, self._block_size), rows)
            self._wait(clock, position + self._block_size)
            yield Block(samples, position)
            position += self._block_size

    def _capture(
        self,
        samples: Array,
        channels: Sequence[int],
        started: str,
        rate: float | None,
        *,
        latency: float | None = None,
        flags: tuple[Flag, ...] = (),
    ) -> Capture:
        step = 2.0 ** (1 - (self._chain.wiring.bits or 24))
        clipped = (samples >= 1.0 - step) | (samples <= -1.0)
        return Capture(
            samples,
            self._fs,
            channels=tuple(INPUTS[channel - 1] for channel in channels),
            device=self._info.name,
            simulated=True,
            clipped=tuple(int(count) for count in clipped.sum(axis=1)),
            delivered_rate=rate,
            latency=latency,
            flags=flags,
            started=started,
        )

    def _change(self, setup: Setup) -> None:
        self._check_open()
        self._setup = setup
        self._chain.wiring = setup.wiring()
