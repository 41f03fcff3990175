"""Put faults into clean takes and count how many of them are found, and how many clean ones are.

::

    python tests/detection_rates.py --trials 30 [--clean 500] [--jobs 2] [--seed 1]

Every fault is put into takes of every kind of sound, at random places, sizes and signs, in all
combinations of the simulated lab in turn; the scenes are those of the catalogue in turn. A fault is
found if any check is suspect or invalid. Clean takes are every scene on every combination and as
many random sounds as ``--clean`` says. Prints two tables, which are those of
``soundcal/guide/judging_takes.md``. Seeds are fixed: the same command gives the same tables.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import lru_cache, partial
from typing import Final

import numpy as np
from scipy.interpolate import CubicSpline

from soundcal.arrays import Samples
from soundcal.devices.simulated.lab import SimulatedLab, list_labs
from soundcal.recording import Capture
from soundcal.stimuli import load_catalogue, render, scenes
from soundcal.takes.against_stimulus import judge_played
from soundcal.takes.check import Check
from soundcal.takes.file_checks import judge_file
from soundcal.takes.judge import judge
from soundcal.units import from_db

FS: Final = 48000
SECONDS: Final = 4.0
N: Final = round(SECONDS * FS)
MORE: Final = 4096  # samples recorded beyond the end, which come up when others are lost
EDGE: Final = FS // 2  # faults inside a take keep this distance from its ends

COMBINATIONS: Final = [i.identity.removeprefix("sim:") for i in list_labs() if "+" in i.identity]
SCENES: Final = scenes(load_catalogue())

Rng = np.random.Generator
Change = Callable[[Samples, Rng], Samples]


def quantised(samples: Samples) -> Samples:
    return np.asarray(np.clip(np.round(samples * 2**23) / 2**23, -1.0, 1.0))


# the faults: from samples of shape (2, N + MORE) to at least N samples


def zeros(place: str, n: int, rows: slice) -> Change:
    def change(x: Samples, rng: Rng) -> Samples:
        at = {"start": 0, "middle": int(rng.integers(EDGE, N - EDGE)), "end": N - n}[place]
        x[rows, at : at + n] = 0.0
        return x

    return change


def repeated(x: Samples, rng: Rng, noise: float = 0.0) -> Samples:
    size = int(2 ** rng.uniform(6, 13))
    at = int(rng.integers(EDGE, N - EDGE))
    x[:, at : at + size] = x[:, at - size : at] + noise * rng.standard_normal((2, size))
    return x


def slip(size: int) -> Change:
    def change(x: Samples, rng: Rng) -> Samples:
        at = int(rng.integers(EDGE, N - EDGE))
        if rng.integers(2):
            return np.delete(x, range(at, at + size), axis=1)
        filled = x[:, at - size : at] + 2.0**-22 * rng.standard_normal((2, size))
        return np.concatenate([x[:, :at], filled, x[:, at:]], axis=1)

    return change


def filled(x: Samples, rng: Rng, *, factor: float = 0.0, noise: float = 0.0) -> Samples:
    at, n = int(rng.integers(EDGE, N - EDGE)), FS // 100
    rms = x.std(axis=1, keepdims=True)
    x[:, at : at + n] = factor * x[:, at : at + n] + noise * rms * rng.standard_normal((2, n))
    return x


def gain(curve: Callable[[Samples, Rng], Samples]) -> Change:
    def change(x: Samples, rng: Rng) -> Samples:
        time = np.arange(x.shape[1]) / FS
        return np.asarray(x * from_db(rng.choice([-1.0, 1.0]) * curve(time, rng)))

    return change


def step(size: float) -> Change:
    return gain(lambda time, rng: size * (time > rng.uniform(0.5, SECONDS - 0.5)))


def clipped(x: Samples, rng: Rng, height: float) -> Samples:
    top = 0.7 * float(np.abs(x).max())  # 3 dB of the highest peak are lost
    return np.asarray(height / top * np.clip(x, -top, top))


def stretched(ppm: float) -> Change:
    def change(x: Samples, rng: Rng) -> Samples:
        at = np.arange(N) * (1.0 + rng.choice([-1e-6, 1e-6]) * ppm)
        return np.asarray(CubicSpline(np.arange(x.shape[1]), x, axis=1)(at))

    return change


FIRST, ALL = slice(0, 1), slice(None)
FAULTS: Final[dict[str, Change]] = {
    "32 zeros on one channel, at the start": zeros("start", 32, FIRST),
    "32 zeros on one channel, in the middle": zeros("middle", 32, FIRST),
    "32 zeros on one channel, at the end": zeros("end", 32, FIRST),
    "32 zeros on all channels, at the start": zeros("start", 32, ALL),
    "32 zeros on all channels, in the middle": zeros("middle", 32, ALL),
    "32 zeros on all channels, at the end": zeros("end", 32, ALL),
    "0.2 s of zeros at the start": zeros("start", FS // 5, ALL),
    "0.2 s of zeros at the end": zeros("end", FS // 5, ALL),
    "block of 64 to 8192 samples delivered twice": repeated,
    "the same, with other rounding or dither": partial(repeated, noise=2.0**-22),
    "10 ms replaced by noise as loud as the sound": partial(filled, noise=1.0),
    "10 ms at less than half of the amplitude": partial(filled, factor=0.4),
    "1 sample lost or inserted": slip(1),
    "8 samples lost or inserted": slip(8),
    "64 samples lost or inserted": slip(64),
    "1500 samples lost or inserted": slip(1500),
    "level step of 0.3 dB": step(0.3),
    "level step of 0.6 dB": step(0.6),
    "level step of 3 dB": step(3.0),
    "level ramp of 1 dB": gain(lambda time, rng: time / SECONDS),
    "automatic gain that settles by 3 dB": gain(lambda time, rng: 3.0 * np.exp(-2.0 * time)),
    "pumping by ±1.5 dB at 2 to 8 Hz": gain(
        lambda time, rng: 1.5 * np.sin(2 * np.pi * rng.uniform(2, 8) * time)
    ),
    "clipped by 3 dB at full scale": lambda x, rng: clipped(x, rng, 1.0),
    "clipped by 3 dB before the input": lambda x, rng: clipped(x, rng, 0.316),
    "offset of 2 % of full scale": lambda x, rng: x + 0.02,
    "16 bits in place of 24": lambda x, rng: np.round(x * 2**15) / 2**15,
    "one channel dead": lambda x, rng: x * np.array([[0.0], [1.0]]),
    "both channels equal": lambda x, rng: x[[0, 0]],
    "one channel is the other one inverted": lambda x, rng: x[[0, 0]] * np.array([[1.0], [-1.0]]),
    "one channel inverted": lambda x, rng: x * np.array([[1.0], [-1.0]]),
    "channels swapped": lambda x, rng: x[::-1],
    "crosstalk of −10 dB": lambda x, rng: x + 0.316 * x[::-1],
    "clock 20 ppm off": stretched(20.0),
    "clock 100 ppm off": stretched(100.0),
    "44.1 kHz in place of 48 kHz": lambda x, rng: x,  # only the time of arrival shows it
}
TIMED: Final = "44.1 kHz in place of 48 kHz"


# the kinds of sound: a clean take with MORE samples, and what judges it

Checks = tuple[Check, ...]
Judge = Callable[[Capture], Checks]


@lru_cache(maxsize=2)
def scene(number: int) -> Samples:
    rendered = np.atleast_2d(render(SCENES[number], fs=FS, duration=SECONDS))
    return np.asarray(rendered / np.abs(rendered).max())


def sound(kind: str, number: int, rng: Rng) -> Samples:
    """Return a sound of two different channels, or of two equal ones, shape (2, N), peak 1."""
    if kind == "scene":
        found = np.broadcast_to(scene(number % len(SCENES)), (2, N))
    elif kind == "tone":
        phases = 2 * np.pi * 80 * 100 ** rng.uniform() * np.arange(N) / FS
        found = np.sin(phases + np.array([[0.0], [0.7]]))
    else:
        found = rng.standard_normal((2, N))
        if kind == "pink":
            spectrum = np.fft.rfft(found)
            found = np.fft.irfft(spectrum / np.sqrt(np.maximum(np.arange(N // 2 + 1), 20)), N)
    return np.asarray(found / np.abs(found).max())


def loudness(rng: Rng) -> float:
    """Return a peak that is above the noise of every combination and clips the input of none."""
    return float(from_db(rng.uniform(-40.0, -14.0)))


def played(kind: str, lab: SimulatedLab, number: int, rng: Rng) -> tuple[Capture, Judge]:
    samples = sound(kind, number, rng) * loudness(rng)
    take = lab.play_and_record(samples, inputs=[1, 2], tail=MORE / FS)
    return take, lambda capture: judge_played(capture, samples, expected=N)


def unknown(lab: SimulatedLab, number: int, rng: Rng) -> Capture:
    """Return a recording of a scene, a noise or a quiet room."""
    kind = ("scene", "white", "pink", "room")[number % 4]
    if kind == "room":
        return lab.record((N + MORE) / FS, inputs=[1, 2])
    samples = np.pad(sound(kind, number, rng), ((0, 0), (0, MORE)), mode="wrap")
    # the recording begins in the midst of the sound
    samples = np.roll(samples, int(rng.integers(N)), axis=1) * loudness(rng)
    return lab.play_and_record(samples, inputs=[1, 2])


def calibrator(lab: SimulatedLab, number: int, rng: Rng) -> tuple[Capture, Judge]:
    lab.attach_calibrator("left")
    take = lab.record((N + MORE) / FS, inputs=[1, 2])

    def judged(capture: Capture) -> Checks:
        checks = judge(capture, steady=["left"], expected=N)
        return tuple(check for check in checks if check.channel in ("", "left"))

    return take, judged


KINDS: Final[dict[str, Callable[[SimulatedLab, int, Rng], tuple[Capture, Judge]]]] = {
    "any file": lambda *given: (unknown(*given), judge_file),
    "any recording": lambda *given: (unknown(*given), partial(judge, expected=N)),
    "white noise, played": partial(played, "white"),
    "pink noise, played": partial(played, "pink"),
    "scenes, played": partial(played, "scene"),
    "tones, played": partial(played, "tone"),
    "calibrator's tone": calibrator,
}


def said(checks: Iterable[Check]) -> list[str]:
    return sorted({check.name for check in checks if check.verdict != "pass"})


def trial(job: tuple[int, str, int], faults: Sequence[str] = tuple(FAULTS)) -> list[bool]:
    """Put each fault into one take; return which were found, and last whether it was clean."""
    seed, kind, number = job
    numbers = [seed, list(KINDS).index(kind), number]
    name = COMBINATIONS[number % len(COMBINATIONS)]
    with SimulatedLab(name, seed=number) as lab:
        take, judged = KINDS[kind](lab, number, np.random.default_rng(numbers))
    found = []
    for fault in faults:
        rng = np.random.default_rng([*numbers, list(FAULTS).index(fault)])
        samples = quantised(FAULTS[fault](take.samples.copy(), rng)[:, :N])
        rate = 44100.0 if fault == TIMED else None
        broken = replace(take, samples=samples, clipped=(), delivered_rate=rate)
        found.append(bool(said(judged(broken))))
    clean = replace(take, samples=take.samples[:, :N], clipped=())
    return [*found, not said(judged(clean))]


def false_alarms(job: tuple[int, int]) -> list[str]:
    """Return the alarms of a scene on all combinations, or of 25 random sounds if job[1] < 0."""
    seed, number = job
    if number >= 0:
        samples = np.array(0.3 * np.broadcast_to(scene(number), (2, N)))
        takes = [(name, samples, number) for name in COMBINATIONS]
    else:
        rng = np.random.default_rng([seed, -number])
        takes = []
        for k in range(25):
            kind = ("white", "pink", "tone")[k % 3]
            n = int(rng.integers(FS // 4, N))
            part = sound(kind, 0, rng)[:, :n] * loudness(rng)
            takes.append((COMBINATIONS[k % len(COMBINATIONS)], part, 100 * -number + k))
    alarms = []
    for name, samples, lab_seed in takes:
        with SimulatedLab(name, seed=lab_seed) as lab:
            take = lab.play_and_record(samples, inputs=[1, 2] if lab_seed % 3 else [3, 4])
        if names := said(judge_played(take, samples, expected=samples.shape[1])):
            alarms.append(f"{number}, {name}: {', '.join(names)}")
    return alarms


def table(rates: dict[str, list[list[bool]]]) -> str:
    """Return the table of the faults: found of trials, and the clean takes at its end."""
    lines = [f"| fault | {' | '.join(rates)} |", "|---" * (len(rates) + 1) + "|"]
    for row, name in enumerate([*FAULTS, "none: clean takes that pass"]):
        cells = [f"{sum(t[row] for t in trials)}/{len(trials)}" for trials in rates.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Measure, print, and end with 1 if a clean take raised an alarm."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--trials", type=int, default=30, metavar="N")
    parser.add_argument("--clean", type=int, default=500, metavar="N")
    parser.add_argument("--jobs", type=int, default=2, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    numbers = range(options.trials)
    with ProcessPoolExecutor(options.jobs) as pool:
        jobs = [(options.seed, kind, number) for kind in KINDS for number in numbers]
        found = list(pool.map(trial, jobs))
        rates = {
            kind: [f for f, job in zip(found, jobs, strict=True) if job[1] == kind]
            for kind in KINDS
        }
        print(table(rates), flush=True)
        pieces = [*range(len(SCENES)), *(-1 - k for k in range(round(options.clean / 25)))]
        alarms = list(pool.map(false_alarms, [(options.seed, piece) for piece in pieces]))
    of_scenes = sum(map(len, alarms[: len(SCENES)]))
    print("\n| clean takes | number | with an alarm |\n|---|---|---|")
    print(f"| 27 scenes on 12 combinations | {len(SCENES) * len(COMBINATIONS)} | {of_scenes} |")
    of_random = sum(map(len, alarms[len(SCENES) :]))
    print(f"| random noises and tones | {25 * (len(pieces) - len(SCENES))} | {of_random} |")
    for line in (line for lines in alarms for line in lines):
        print(line, file=sys.stderr)
    return 1 if of_scenes + of_random or not all(f[-1] for f in found) else 0


if __name__ == "__main__":
    sys.exit(main())
