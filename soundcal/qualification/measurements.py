"""The takes of a qualification, one function per measurement."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import numpy as np

from soundcal.arrays import Samples
from soundcal.devices import AudioDevice, Block
from soundcal.errors import SignalError, StreamError
from soundcal.qualification.results import (
    NOISE_S,
    PIECE_S,
    PROBE_S,
    SILENCE_S,
    STEP_S,
    TONE_S,
    Distortion,
    Linearity,
    Noise,
    QualificationPlan,
    Response,
    Stability,
    Timing,
    path_names,
)
from soundcal.qualification.signals import (
    SILENCE,
    TONE_HZ,
    analyse_tone,
    band_noise,
    burst_excess,
    grid,
    impulse_response,
    loop_sweep,
    loop_tone,
    polarity,
    response_at,
    staircase,
    tone_level,
    weighted_noise,
    white_noise,
    without_tone,
)
from soundcal.recording import Capture
from soundcal.takes.against_stimulus import compare_with_stimulus
from soundcal.takes.check import Check
from soundcal.takes.judge import judge
from soundcal.takes.repeated_blocks import REPEATED_BLOCKS
from soundcal.takes.slips import DRIFT
from soundcal.units import db, from_db

__all__ = [
    "DYNAMIC_DB",
    "Loop",
    "OnProgress",
    "clocks",
    "distortion",
    "idle_noise",
    "level_linearity",
    "level_over_time",
    "responses",
    "wiring",
]

OnProgress = Callable[[float, str], None]
"""Called with the seconds of sound done and the name of the present measurement."""

DYNAMIC_DB: Final = -60.0
"""Level of the tone beside which the dynamic range is measured, dBFS (AES17-2015, 6.4.1)."""

_TAIL_S: Final = 0.6  # long enough for the response after a sweep
_BROKEN: Final = 3  # number of failed takes, in all, that are repeated
_PROBE_DB: Final = -40.0
_PROBE_ABOVE_DB: Final = 20.0
_PROBE_NOISE_DB: Final = -120.0
_PROBE_ALIKE_DB: Final = 6.0
_PROBE_BESIDE_HZ: Final = 60.0
_SETTLE_S: Final = 1.0
_EDGE_S: Final = 0.25
_STEP_SKIP_S: Final = 0.2
_NOISE_BELOW_DB: Final = 13.0  # noise is limited to four times its rms value, 12 dB above it
_REFERENCE_DB: Final = -20.0
_ROUNDING_DB: Final = -149.0  # of 24 bits, dB re full scale


class Loop:
    """A cabled loop: plays, records, counts the time, and collects the checks of the takes."""

    def __init__(
        self,
        device: AudioDevice,
        outputs: tuple[int, ...],
        inputs: tuple[int, ...],
        on_progress: OnProgress | None,
    ) -> None:
        self.device, self.outputs, self.inputs = device, outputs, inputs
        self.fs = device.fs
        self.checks: list[Check] = []
        self.latencies: list[float] = []
        self.broken: list[str] = []
        self.rates: list[float] = []
        self._on_progress = on_progress
        self._done = 0.0

    @property
    def n(self) -> int:
        """Number of paths."""
        return len(self.outputs)

    @property
    def paths(self) -> tuple[str, ...]:
        """Names of the paths."""
        return path_names(self.outputs, self.inputs)

    def take(self, samples: Samples, remark: str) -> Capture:
        """Play samples, shape (n_paths, n), and return the take, aligned and with a tail.

        A take that breaks off, or whose delay is not found, is noted and repeated.

        Raises
        ------
        StreamError
            Too many takes failed.
        """
        before = self._done
        while True:
            problem, self._done = "", before
            try:
                capture = self.once(samples, remark)
                if capture.latency is None:
                    problem = "; ".join(map(str, capture.flags)) or "delay not measured"
            except StreamError as error:
                problem = str(error)
            if not problem:
                return capture
            self.broken.append(problem)
            if len(self.broken) > _BROKEN:
                raise StreamError(
                    f"{len(self.broken)} takes failed; the last one, {remark}: {problem}"
                )

    def once(self, samples: Samples, remark: str) -> Capture:
        """Play samples and return the take, good or bad."""
        seconds = samples.shape[1] / self.fs

        def moved(block: Block) -> None:
            if self._on_progress is not None and block.total:
                share = (block.position + block.samples.shape[1]) / block.total
                self._on_progress(self._done + min(share, 1.0) * seconds, remark)

        capture = self.device.play_and_record(
            samples, outputs=self.outputs, inputs=self.inputs, tail=_TAIL_S, on_block=moved
        )
        self._done += seconds
        if capture.latency is not None:
            self.latencies.append(capture.latency)
        if capture.delivered_rate is not None:
            self.rates.append(capture.delivered_rate)
        return replace(capture, channels=self.paths)

    def everywhere(self, row: Samples) -> Samples:
        """Return the same signal for all outputs."""
        return np.repeat(row[np.newaxis], self.n, axis=0)

    def inner(self, capture: Capture, n: int) -> Capture:
        """Return a take of a signal of ``n`` samples without its edges and tail."""
        edge = round(_EDGE_S * self.fs)
        return replace(capture, samples=capture.samples[:, edge : n - edge], clipped=())

    def timing(self, drift_ppm: float | None) -> Timing:
        """Return the delays and clock differences of the takes so far."""
        return Timing(np.array(self.latencies), drift_ppm, self._rate_ppm())

    def _rate_ppm(self) -> float | None:
        rates = np.array(self.rates)
        if rates.size == 0:
            return None
        return float(1e6 * (np.median(rates) / self.fs - 1.0))

    def judge(self, capture: Capture, *, steady: bool = False, tone: bool = True) -> None:
        """Keep the verdicts on a take in which every input should have heard its output.

        A tone repeats itself by nature, in a digital path even to the last bit.
        """
        found = judge(capture, steady=self.paths if steady else ())
        left_out = (REPEATED_BLOCKS,) if tone else ()
        self.checks += [c for c in found if c.limit is not None and c.name not in left_out]


def wiring(loop: Loop) -> tuple[Samples, int]:
    """Find the input of every output with quiet tones.

    The loop's inputs are put in the order of the outputs that they hear.

    Returns
    -------
    gain : ndarray, shape (n_paths,)
        Gains of the paths in dB.
    swapped : int
        Number of inputs that are not cabled as named.

    Raises
    ------
    SignalError
        No input hears one of the outputs, or one input hears two of them.
    """
    n, fs = loop.n, loop.fs
    frequencies = 701.0 + 301.0 * np.arange(n) * min(1.0, fs / 48000.0)
    samples = np.stack([loop_tone(fs, PROBE_S, _PROBE_DB, f) for f in frequencies])
    capture = loop.once(samples, "wiring")
    heard = loop.inner(capture, samples.shape[1]).samples
    found, beside = (
        np.array([[tone_level(x, fs, f + away)[0] for x in heard] for f in frequencies])
        for away in (0.0, _PROBE_BESIDE_HZ)
    )
    _refuse_unheard(loop, found.max(axis=1), beside.max(axis=1))
    if capture.latency is None:
        raise SignalError(f"{'; '.join(map(str, capture.flags))} (nothing louder was played)")
    own, best = np.diagonal(found), np.argmax(found, axis=1)
    order = np.where(own >= found.max(axis=1) - _PROBE_ALIKE_DB, np.arange(n), best)
    for k, input_ in enumerate(order):
        if input_ in order[:k]:
            other = loop.outputs[order.tolist().index(input_)]
            raise SignalError(
                f"outputs {other} and {loop.outputs[k]} are both heard by input "
                f"{loop.inputs[input_]}: cable each output to an input of its own"
            )
    loop.inputs = tuple(loop.inputs[i] for i in order)
    gain = found[np.arange(n), order] - _PROBE_DB
    return gain, int(np.count_nonzero(order != np.arange(n)))


def _refuse_unheard(loop: Loop, strongest: Samples, beside: Samples) -> None:
    """Refuse to play anything louder where the tones did not arrive."""
    for output, level, noise in zip(loop.outputs, strongest, beside, strict=True):
        if level < max(noise, _PROBE_NOISE_DB) + _PROBE_ABOVE_DB:
            listed = " or ".join(str(i) for i in loop.inputs)
            raise SignalError(
                f"output {output} is not heard by input {listed}: a tone of {_PROBE_DB:g} dBFS "
                f"arrived at {level:.1f} dBFS, less than {_PROBE_ABOVE_DB:g} dB above the "
                "noise; cable the outputs to the inputs, turn the gains up and direct monitoring "
                "off (nothing louder was played)"
            )


def idle_noise(loop: Loop) -> Noise:
    """Measure the noise of the inputs while the outputs are silent."""
    silence = np.zeros((loop.n, round(SILENCE_S * loop.fs)))
    x = loop.take(silence, "noise").samples[:, : silence.shape[1]]
    mid, bands = band_noise(x, loop.fs, _SETTLE_S)
    return Noise(
        a_weighted=weighted_noise(x, loop.fs, "A", _SETTLE_S),
        unweighted=weighted_noise(x, loop.fs, "Z", _SETTLE_S),
        mid=mid,
        bands=bands,
        excess=burst_excess(x, loop.fs, _SETTLE_S),
        offset=x[:, round(_SETTLE_S * loop.fs) :].mean(axis=1),
    )


def responses(loop: Loop, level: float, offset: Samples) -> Response:
    """Play the sweep on each output in turn and record all inputs, less their offset."""
    n, fs = loop.n, loop.fs
    row, frequency = loop_sweep(fs, level), grid(loop.fs)
    paths = np.empty((n, n, frequency.size), dtype=np.complex128)  # input, output
    signs = np.empty(n)
    for k in range(n):
        samples = np.zeros((n, row.size))
        samples[k] = row
        heard = loop.take(samples, "frequency response").samples - offset[:, np.newaxis]
        taps = impulse_response(heard, row, fs)
        paths[:, k] = response_at(taps, frequency, fs)
        signs[k] = polarity(heard[k], row, fs)
    size = np.maximum(np.abs(paths), SILENCE)
    own = np.einsum("kkf->kf", size)
    gain = own[:, np.argmin(np.abs(frequency - 1000.0))]
    return Response(
        frequency=frequency,
        level=db(own / gain[:, np.newaxis]),
        crosstalk=db(size / own),
        gain=db(gain),
        polarity=signs,
    )


def distortion(loop: Loop, level: float) -> Distortion:
    """Play a tone at a level in dBFS on all outputs and analyse it."""
    samples = loop.everywhere(loop_tone(loop.fs, TONE_S, level))
    capture = loop.inner(loop.take(samples, f"tone at {level:.0f} dBFS"), samples.shape[1])
    loop.judge(capture)
    return Distortion(level, tuple(analyse_tone(x, loop.fs) for x in capture.samples))


def level_linearity(loop: Loop, plan: QualificationPlan, noise: Noise) -> Linearity:
    """Play a tone in steps of 10 dB; the noise gives the uncertainty of each step."""
    fs, levels = loop.fs, np.array(plan.steps)
    samples = loop.everywhere(staircase(fs, plan.steps, STEP_S))
    capture = loop.take(samples, "level linearity")
    loop.judge(loop.inner(capture, samples.shape[1]))
    size, skip = round(STEP_S * fs), round(_STEP_SKIP_S * fs)
    windows = capture.samples[:, : samples.shape[1]].reshape(loop.n, levels.size, size)[..., skip:]
    found = [[tone_level(step, fs, TONE_HZ) for step in row] for row in windows]
    heard = np.array([[level for level, _ in row] for row in found])
    reference = int(np.argmin(np.abs(levels - _REFERENCE_DB)))
    gain = (heard - levels)[:, reference : reference + 1]
    # white noise with the density that the noise of the silent loop has around the tone
    band = int(np.argmin(np.abs(noise.mid - TONE_HZ)))
    width = noise.mid[band] * (10.0**0.05 - 10.0**-0.05)
    rms = np.hypot(from_db(noise.bands[:, band]) * np.sqrt(0.5 * fs / width), from_db(_ROUNDING_DB))
    share = found[0][0][1]
    u = np.array(8.686 * share * rms[:, np.newaxis] / from_db(levels + gain))
    return Linearity(levels, heard - levels - gain, u)


def clocks(loop: Loop, plan: QualificationPlan) -> float | None:
    """Play noise several times; return the median clock difference in ppm, None if not found."""
    drifts = []
    for play in range(plan.plays):
        level = plan.level - _NOISE_BELOW_DB
        samples = white_noise(loop.fs, NOISE_S, level, loop.n, seed=play)
        capture = loop.take(samples, f"delay and clocks, {play + 1} of {plan.plays}")
        loop.judge(loop.inner(capture, samples.shape[1]), tone=False)
        for k, name in enumerate(loop.paths):  # one by one: sweeps measure crosstalk better
            heard = capture.samples[k : k + 1, : samples.shape[1]]
            path = replace(capture, samples=heard, channels=(name,), clipped=())
            found = compare_with_stimulus(path, samples[k : k + 1])
            loop.checks += found
            drifts += [check.value for check in found if check.name == DRIFT]
    return float(np.median(drifts)) if drifts else None


def level_over_time(loop: Loop, plan: QualificationPlan) -> Stability:
    """Play a tone for minutes, in takes of 20 s, and watch its level."""
    fs = loop.fs
    samples = loop.everywhere(loop_tone(fs, PIECE_S, plan.level))
    seconds = round(PIECE_S - 2 * _EDGE_S - 0.5)
    levels, excess, times = [], [], []
    for piece in range(plan.pieces):
        remark = f"level over time, {piece + 1} of {plan.pieces}"
        capture = loop.inner(loop.take(samples, remark), samples.shape[1])
        loop.judge(capture, steady=True)
        windows = capture.samples[:, : seconds * fs].reshape(loop.n, seconds, fs)
        levels.append([[tone_level(second, fs, TONE_HZ)[0] for second in row] for row in windows])
        excess.append(burst_excess(without_tone(capture.samples, fs), fs, _SETTLE_S))
        times.append(piece * PIECE_S + _EDGE_S + 0.5 + np.arange(seconds))
    level = np.concatenate(levels, axis=1)
    return Stability(np.concatenate(times), level - level[:, :1], np.stack(excess, axis=1))
