"""Responses measured through a device: sweeps are played, recorded and judged.

Each output plays the sweep in turn, so that an input that hears another output is noticed. The
response of headphones is measured with several seatings, and a seating that does not fit the others
is replaced.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.calibration.model import Calibration
from soundcal.devices.protocol import AudioDevice, OnBlock
from soundcal.errors import ParameterError, SignalError
from soundcal.lab.accepting import accepted, refuse_noise
from soundcal.lab.operator import Operator
from soundcal.recording import DELAY_NOT_MEASURED, EARS, Capture
from soundcal.response.calibrated_inputs import at_inputs
from soundcal.response.measurement import MeasuredResponse, SweepTest, response_of_takes
from soundcal.response.model import Response
from soundcal.response.seatings import misfit, over_seatings
from soundcal.response.sweep import Sweep
from soundcal.takes.against_stimulus import judge_played
from soundcal.takes.check import flags_of, refuse, refuse_broken
from soundcal.takes.played import Played
from soundcal.units import AES17_OFFSET_DB, PASCAL_DB

__all__ = [
    "Seatings",
    "SweepPath",
    "level_below",
    "measure_headphones",
    "measure_response",
    "take_duration",
]

_WHAT: Final = "recording of the sweep"

_TAIL_S: Final = 0.1
"""Time recorded after the sweep beyond the window of the impulse response, s."""


@dataclass(frozen=True, slots=True)
class SweepPath:
    """Outputs, inputs and test of a measured response.

    Parameters
    ----------
    device : AudioDevice
        Plays and records.
    test : SweepTest
        Sweep, window and range.
    outputs, inputs : tuple of int
        One output for each input, or one output that all inputs hear.
    channels : tuple of str
        Names of the inputs.
    averages : int
        Number of takes that are averaged.

    Raises
    ------
    ParameterError
        The numbers of outputs, inputs and names do not fit, or no take is asked for.
    """

    device: AudioDevice
    test: SweepTest
    outputs: tuple[int, ...] = (1, 2)
    inputs: tuple[int, ...] = (1, 2)
    channels: tuple[str, ...] = EARS
    averages: int = 2

    def __post_init__(self) -> None:
        n = len(self.inputs)
        if len(self.outputs) not in (1, n) or len(self.channels) != n:
            raise ParameterError(
                f"outputs {self.outputs}, inputs {self.inputs} and names {self.channels}: a name "
                "for each input, and one output for each or one for all of them, are expected"
            )
        if self.averages < 1:
            raise ParameterError(f"{self.averages} takes to average; at least 1 is needed")

    def take(self, samples: Samples, on_block: OnBlock | None = None) -> Capture:
        """Play samples and record them, aligned, with the tail of the response."""
        take = self.device.play_and_record(
            samples,
            outputs=self.outputs,
            inputs=self.inputs,
            tail=_tail(self.test),
            on_block=on_block,
        )
        return replace(take, channels=self.channels)


def _tail(test: SweepTest) -> float:
    """Return the time in s that is recorded after the sweep."""
    return test.gate.after + _TAIL_S


def take_duration(test: SweepTest, n_outputs: int) -> float:
    """Return the length in s of a take of the sweep on so many outputs."""
    sweep = test.sweep
    return sweep.duration + (n_outputs - 1) * sweep.stagger + _tail(test)


def level_below(
    limit: float, calibration: Calibration, *, channels: Sequence[str], level_dbfs: float = -20.0
) -> float:
    """Return the level of a sweep in dBFS, lowered where the ears would get more than ``limit``.

    Parameters
    ----------
    limit : float
        Highest level at the ears in dB re 20 µPa, as the calibration predicts it at 1 kHz.
    calibration : Calibration
        Of the outputs.
    channels : sequence of str
        Its channels that play.
    level_dbfs : float
        Level of the sweep without a limit.
    """
    loudest = max(calibration.chain(name).gain_db for name in channels)
    predicted = loudest + level_dbfs - AES17_OFFSET_DB + PASCAL_DB
    return level_dbfs - max(0.0, predicted - limit)


def measure_response(
    operator: Operator, path: SweepPath, *, name: str, on_block: OnBlock | None = None
) -> MeasuredResponse:
    """Measure the response from outputs to inputs once, with everything in its place.

    Parameters
    ----------
    operator : Operator
        Decides whether a refused take is recorded again.
    path : SweepPath
        Device, outputs, inputs and test.
    name : str
        Name of the response.
    on_block : callable, optional
        Called with every block of every take.

    Returns
    -------
    MeasuredResponse
        From FS to FS.

    Raises
    ------
    SignalError
        A take is broken, invalid or not aligned, and the operator does not try again; or there is
        nothing but noise.
    """
    played = path.test.sweep.staggered(len(path.outputs))
    tail = round(_tail(path.test) * path.device.fs)
    whole = Played(np.pad(played, ((0, 0), (0, tail))))

    def swept() -> tuple[Capture, tuple[str, ...]]:
        take = path.take(played, on_block)
        refuse_broken(take, _WHAT)
        unaligned = [flag.text for flag in take.flags if flag.kind == DELAY_NOT_MEASURED]
        if unaligned:
            raise SignalError(f"{_WHAT}: {'; '.join(unaligned)}")
        checks = judge_played(take, whole)
        refuse(checks, _WHAT)
        return take, tuple(flag.text for flag in (*take.flags, *flags_of(checks)))

    def silent() -> Capture:
        take = path.take(np.zeros_like(played), on_block)
        refuse_noise(take, "recording of the noise")
        return take

    silence = accepted(operator, silent)
    takes = [accepted(operator, swept) for _ in range(path.averages)]
    return response_of_takes(
        [take.samples for take, _ in takes],
        silence.samples,
        path.test,
        channels=path.channels,
        name=name,
        device=path.device.info.identity,
        n_outputs=len(path.outputs),
        flags=list(dict.fromkeys(flag for _, flags in takes for flag in flags)),
    )


@dataclass(slots=True)
class Seatings:
    """Seatings that were measured and fit one another, in memory.

    A session keeps them on disk (:mod:`soundcal.lab.response_steps`).
    """

    responses: list[Response] = field(default_factory=list)

    def keep(self, measured: MeasuredResponse) -> None:
        """Keep a seating."""
        self.responses.append(measured.response)

    def refuse(self, number: int, reason: str) -> None:
        """Drop the seating at this index."""
        del self.responses[number]

    def complete(
        self,
        operator: Operator,
        measure: Callable[[int], MeasuredResponse],
        n: int,
    ) -> list[Response]:
        """Have the headphones put on and measured until there are ``n`` seatings that fit.

        Parameters
        ----------
        operator : Operator
            Puts the headphones on, and decides whether a refused seating is replaced.
        measure : callable
            Measures the seating of this number, from 1.
        n : int
            Number of seatings.

        Raises
        ------
        SignalError
            A take or a seating was refused, and the operator does not try again.
        """
        while len(self.responses) < n:
            operator.seat_headphones()
            self.keep(measure(len(self.responses) + 1))
            wrong = misfit(self.responses)
            if wrong is not None:
                self.refuse(*wrong)
                if not operator.again(wrong[1]):
                    raise SignalError(wrong[1])
        return self.responses


def measure_headphones(
    device: AudioDevice,
    operator: Operator,
    *,
    ears: Calibration,
    ears_response: Response | None = None,
    seatings: int = 5,
    averages: int = 2,
    test: SweepTest | None = None,
    outputs: tuple[int, ...] = (1, 2),
    inputs: tuple[int, ...] = (1, 2),
    name: str = "headphones",
) -> Response:
    """Measure headphones on calibrated ears with several seatings.

    Parameters
    ----------
    device : AudioDevice
        Plays to the headphones and records the ears.
    operator : Operator
        Puts the headphones on.
    ears : Calibration
        Calibration of the ears.
    ears_response : Response, optional
        Of the ears, from DRP to FS, relative; without it they are taken as flat.
    seatings, averages : int
        Number of seatings, and of takes averaged in each.
    test : SweepTest, optional
        Sweep, window and range; 6 s at -20 dBFS, 100 ms, and 20 Hz to 20 kHz if not given.
    outputs, inputs : tuple of int
        Channels of left and right.
    name : str
        Name of the response.

    Returns
    -------
    Response
        From FS to DRP, absolute, in Pa per full scale, with the spread between seatings.

    Raises
    ------
    SignalError
        As for :meth:`Seatings.complete`.
    """
    test = test or SweepTest(Sweep(device.fs))
    path = SweepPath(device, test, outputs, inputs, EARS, averages)
    kept = Seatings().complete(
        operator,
        lambda number: measure_response(operator, path, name=f"{name}, seating {number}"),
        seatings,
    )
    return at_inputs(over_seatings(kept, name=name), ears, inputs=ears_response)
