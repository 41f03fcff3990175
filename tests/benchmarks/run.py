"""Speed of soundcal's indicators against other libraries; see README.md in this folder."""

import argparse
import contextlib
import importlib
import importlib.util
import io
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Any, Final

import numpy as np

FS: Final = 48000
LIBRARIES: Final = ("soundcal", "numpy", "scipy", "numba", "mosqito", "phonometry", "metasona")
HEARING_MODEL: Final = ("NHM", "THM", "RHM", "FHM")

Call = Callable[[np.ndarray], object]
Timer = Callable[[np.ndarray], float]


@dataclass(frozen=True)
class Case:
    """One indicator: soundcal's time and that of rivals that compute the same, by library."""

    name: str
    ours: Timer
    rivals: dict[str, Timer]


def signal(seconds: float) -> np.ndarray:
    """Return seeded noise that falls by 3 dB per octave, slowly modulated, 65 dB, in Pa."""
    n = round(seconds * FS)
    spectrum = np.fft.rfft(np.random.default_rng(2024).standard_normal(n))
    spectrum[1:] /= np.sqrt(np.arange(1, spectrum.size))
    spectrum[0] = 0.0
    x = np.fft.irfft(spectrum, n) * (1.0 + 0.5 * np.sin(2 * np.pi * 4.0 * np.arange(n) / FS))
    return x / np.std(x) * 20e-6 * 10 ** (65 / 20)


def ours(name: str, **options: Any) -> Call | None:
    """Return soundcal's function of that name, or None if this version has none."""
    import soundcal.indicators

    function = getattr(soundcal.indicators, name, None)
    return None if function is None else lambda x: function(x, FS, **options)


def theirs(library: str, module: str, name: str, **options: Any) -> dict[str, Timer]:
    """Return a rival's function, or nothing if the library is not installed or lacks it."""
    if importlib.util.find_spec(library) is None:
        return {}
    function = getattr(importlib.import_module(module), name, None)
    return (
        {} if function is None else {library: partial(timed, lambda x: function(x, FS, **options))}
    )


class OtherPython:
    """Rivals in a Python of their own (``rivals.py``), which measures their processor time."""

    def __init__(self, python: str) -> None:
        worker = Path(__file__).with_name("rivals.py")
        one_thread = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        outside = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        self._process = subprocess.Popen(
            [python, str(worker)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=outside | one_thread,
        )
        self.versions: dict[str, str] = self._answer()

    def _answer(self, *question: str) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if question:
            print(json.dumps(question), file=self._process.stdin, flush=True)
        return json.loads(self._process.stdout.readline())

    def timer(self, library: str, what: str) -> dict[str, Timer]:
        """Return the processor time of a rival's analysis, or nothing if it is not there."""

        def seconds(x: np.ndarray) -> float:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, "signal.npy")
                np.save(path, x)
                return float(self._answer(library, what, str(path)))

        return {library: seconds} if library in self.versions else {}


def hearing_model(*symbols: str) -> Timer | None:
    """Return the processor time of one channel, or None if this version lacks a symbol."""
    from soundcal.indicators import open_stream
    from soundcal.indicators.registry import REGISTRY

    def call(x: np.ndarray) -> object:
        stream = open_stream(symbols, fs=FS, n_channels=1, threads=1)
        stream.push(x[np.newaxis])
        return stream.finish()

    return partial(timed, call, clock=time.process_time) if set(symbols) <= set(REGISTRY) else None


def hearing_model_cases(other: OtherPython | None) -> list[Case]:
    """Return the cases of ECMA-418-2, whose rivals need a newer Python; all in processor time."""
    table: list[tuple[str, tuple[str, ...], tuple[str, ...]]] = [
        ("hearing model, loudness", ("NHM",), ("phonometry",)),
        ("hearing model, loudness and tonality", ("NHM", "THM"), ("metasona",)),
        ("hearing model, roughness", ("RHM",), ("metasona", "phonometry")),
        ("hearing model, fluctuation strength", ("FHM",), ("phonometry",)),
        ("hearing model, all four", HEARING_MODEL, ()),
    ]
    return [
        Case(
            name,
            ours,
            {
                rival: timer
                for library in libraries
                if other
                for rival, timer in other.timer(library, name.partition(", ")[2]).items()
            },
        )
        for name, symbols, libraries in table
        if (ours := hearing_model(*symbols)) is not None
    ]


def levels(x: np.ndarray) -> object:
    """A, C, Z with F and S, Leq and percentiles of two ears, as ``soundcal measure`` does it."""
    from soundcal.indicators import open_stream

    stream = open_stream(["LA", "LC", "LZ"], fs=FS, n_channels=2)
    stream.push(np.stack([x, x[::-1]]))
    return stream.finish()


def cases() -> list[Case]:
    """Return the cases that this version of soundcal can run."""
    sq, slm = "mosqito.sq_metrics", "mosqito.sound_level_meter"
    table: list[tuple[str, Call | None, dict[str, Timer]]] = [
        ("levels of both ears, A, C, Z, F, S, Leq, LN", levels, {}),
        (
            "percentile levels, A, F",
            ours("percentile_levels"),
            theirs("phonometry", "phonometry", "ln_levels", weighting="A"),
        ),
        (
            "third-octave levels",
            ours("band_levels"),
            theirs("mosqito", slm, "noct_spectrum", fmin=24, fmax=12600)
            | theirs("phonometry", "phonometry", "octave_filter", fraction=3, limits=[20, 20000]),
        ),
        (
            "loudness, stationary",
            ours("loudness_zwst"),
            theirs("mosqito", sq, "loudness_zwst")
            | theirs("phonometry", "phonometry", "loudness_zwicker", stationary=True)
            | theirs("metasona", "metasona", "stationary_loudness"),
        ),
        (
            "loudness, time-varying",
            ours("loudness_zwtv"),
            theirs("mosqito", sq, "loudness_zwtv")
            | theirs("phonometry", "phonometry", "loudness_zwicker")
            | theirs("metasona", "metasona", "time_varying_loudness"),
        ),
        (
            "sharpness, stationary",
            ours("sharpness_din_st"),
            theirs("mosqito", sq, "sharpness_din_st")
            | theirs("phonometry", "phonometry", "sharpness_din"),
        ),
        (
            "sharpness, time-varying",
            ours("sharpness_din_tv"),
            theirs("mosqito", sq, "sharpness_din_tv"),
        ),
        (
            "roughness",
            ours("roughness_dw"),
            theirs("mosqito", sq, "roughness_dw")
            | theirs("metasona", "metasona", "roughness_daniel_weber"),
        ),
        (
            "fluctuation strength",
            ours("fluctuation_strength"),
            theirs("phonometry", "phonometry", "fluctuation_strength"),
        ),
        (
            "tonality",
            ours("tonality_aures"),
            theirs("metasona", "metasona", "tonality_aures"),
        ),
    ]
    return [
        Case(name, partial(timed, call), rivals) for name, call, rivals in table if call is not None
    ]


def timed(call: Call, x: np.ndarray, *, clock: Callable[[], float] = time.perf_counter) -> float:
    """Return the seconds of one call, its output and warnings thrown away."""
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        start = clock()
        call(x)
        return clock() - start


def run(case: Case, x: np.ndarray, rounds: int) -> dict[str, Any]:
    """Time a case and its rivals, interleaved."""
    case.ours(x)
    for rival in case.rivals.values():
        rival(x[: FS // 2])
    mine: list[float] = []
    other: dict[str, list[float]] = {library: [] for library in case.rivals}
    for _ in range(rounds):
        mine.append(case.ours(x))
        for library, rival in case.rivals.items():
            other[library].append(rival(x))
    seconds = x.size / FS
    return {
        "indicator": case.name,
        "seconds_of_audio": seconds,
        "soundcal": mine,
        "times_real_time": seconds / statistics.median(mine),
        "rivals": other,
        "ratios": {
            library: statistics.median(b / a for a, b in zip(mine, runs, strict=True))
            for library, runs in other.items()
        },
    }


def cold_start(rounds: int) -> list[float]:
    """Return the seconds a fresh process needs to its first level, with compiled code on disk."""
    code = (
        "import numpy as np\nfrom soundcal.indicators import leq\n"
        f"leq(np.sin(np.arange({FS})), {FS}).value"
    )
    found = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
        found.append(time.perf_counter() - start)
    return found[1:]


def channels(x: np.ndarray, rounds: int, labels: Sequence[str]) -> dict[str, float]:
    """Return the time that the values of two channels take, relative to one channel's.

    ``one channel`` has one thread, ``two channels, one thread`` has one too, ``two channels`` is
    as fast as the library makes it without being asked. Medians of interleaved runs.
    """
    from soundcal.indicators import open_stream

    def measured(signals: np.ndarray, threads: int | None) -> float:
        def call(block: np.ndarray) -> object:
            stream = open_stream(labels, fs=FS, n_channels=len(block), threads=threads)
            stream.push(block)
            return stream.finish()

        return timed(call, signals)

    both = np.stack([x, x[::-1]])
    measured(both, None)
    shared, alone = [], []
    for _ in range(rounds):
        reference = measured(both[:1], 1)
        shared.append(measured(both, None) / reference)
        alone.append(measured(both, 1) / reference)
    return {
        "two channels": statistics.median(shared),
        "two channels, one thread": statistics.median(alone),
    }


def machine() -> dict[str, Any]:
    """Return what the numbers depend on."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    model = next((x.split(":")[1].strip() for x in lines if x.startswith("model name")), "")
    versions = {}
    for library in LIBRARIES:
        with contextlib.suppress(metadata.PackageNotFoundError):
            versions[library] = metadata.version(library)
    return {
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": versions,
    }


def main() -> None:
    """Run the benchmarks and print them."""
    from soundcal.indicators.names import STUDY
    from soundcal.indicators.registry import REGISTRY

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3.0, help="seconds of audio (default 3)")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds (default 3)")
    parser.add_argument("--only", default="", metavar="NAME", help="cases whose name contains this")
    parser.add_argument("--json", metavar="FILE", help="write all single runs to this file")
    parser.add_argument(
        "--python",
        metavar="PYTHON",
        help="another Python that has phonometry 3 or MetaSona, the rivals of the hearing model",
    )
    options = parser.parse_args()
    about = machine()
    other = OtherPython(options.python) if options.python else None
    if other:
        about["versions of the other Python"] = other.versions
    print(f"{about['processor']}, {about['cores']} cores, Python {about['python']}")
    for versions in (about["versions"], other.versions if other else {}):
        print(", ".join(f"{name} {version}" for name, version in versions.items()))
    x = signal(options.seconds)
    results = []
    for case in (*cases(), *hearing_model_cases(other)):
        if options.only in case.name:
            result = run(case, x, options.rounds)
            results.append(result)
            ratios = ", ".join(f"{r:.3g} × {name}" for name, r in result["ratios"].items())
            print(f"{case.name:44} {result['times_real_time']:8.3g} × real time   {ratios}")
    ears = {}
    for of, labels in (("study", STUDY), ("hearing model", HEARING_MODEL)):
        if options.only in of and set(labels) <= set(REGISTRY):
            ears[of] = channels(x, options.rounds, labels)
        for name, ratio in ears.get(of, {}).items():
            print(f"{f'{of}, {name}':44} {ratio:8.3g} × the time of one channel in one thread")
    start = cold_start(options.rounds)
    print(f"{'cold start, first level':44} {statistics.median(start):8.3g} s")
    if options.json:
        content = {"schema": "soundcal/benchmark/1", "machine": about, "cold_start": start}
        content |= {"channels": ears, "results": results}
        Path(options.json).write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
