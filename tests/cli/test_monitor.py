"""The live meter: the same numbers as from a recording, shown, written and logged as they come."""

import csv
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soundcal.calibration.stated import from_sensitivity
from soundcal.cli import main, monitor
from soundcal.devices import open_device
from soundcal.devices.portaudio import supervisor
from soundcal.devices.protocol import Block
from soundcal.devices.simulated.lab import SimulatedLab
from soundcal.errors import ParameterError, SignalError
from soundcal.files.calibrations import save_calibration
from soundcal.indicators import (
    band_levels,
    leq,
    loudness_ecma,
    loudness_zwtv,
    peak_level,
    percentile_levels,
    time_weighted_level,
)
from soundcal.indicators.levels.live_meter import LiveMeter
from soundcal.indicators.live_loudness import live_loudness
from soundcal.recording import OVERFLOWS, Flag
from soundcal.takes.tally import StreamTally

ROOT = Path(__file__).resolve().parents[2]
FAKE = str(ROOT / "tests" / "fake_portaudio")
FS = 44100
SENSITIVITY = 20.0


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def noise(seconds: float) -> np.ndarray:
    n = round(seconds * FS)
    return np.random.default_rng(1).standard_normal((2, n)) * np.linspace(0.01, 0.2, n)


def test_the_live_meter_agrees_with_the_indicators_of_the_recording() -> None:
    pressure = noise(12.5)
    meter, readings = LiveMeter(FS, 2), []
    edges = np.r_[0, np.sort(np.random.default_rng(2).integers(0, 12 * FS, 150)), pressure.shape[1]]
    for start, end in pairwise(edges):
        readings += meter.push(pressure[:, start:end])
    assert [one.second for one, _ in readings] == list(range(1, 13))
    for channel in range(2):
        reading, whole = readings[-1][channel], pressure[channel, : 12 * FS]
        assert reading.laeq == pytest.approx(leq(whole, FS).value, abs=1e-9)
        assert reading.laeq_1s == pytest.approx(leq(whole[-FS:], FS).value, abs=1e-3)
        assert reading.laeq_10s == pytest.approx(leq(whole[-10 * FS :], FS).value, abs=1e-3)
        fast = time_weighted_level(whole, FS, weighting="A", time="F")
        slow = time_weighted_level(whole, FS, weighting="A", time="S")
        assert fast.series is not None
        assert slow.series is not None
        assert reading.laf == pytest.approx(fast.series[-1], abs=1e-9)
        assert reading.las == pytest.approx(slow.series[-1], abs=1e-9)
        assert reading.lafmax == pytest.approx(fast.statistics["max"], abs=1e-9)
        # the peak filter still holds the last 31 samples
        assert reading.lcpeak == pytest.approx(peak_level(whole, FS, weighting="C").value, abs=0.01)
        found = percentile_levels(whole, FS).statistics
        for percent, level in reading.exceeded.items():
            assert level == pytest.approx(found[f"{percent:g}"], abs=1e-9)
        bands = band_levels(whole[-FS:], FS, limits=(100, 16000)).statistics
        for name, level in bands.items():
            if name in reading.bands:
                assert reading.bands[name] == pytest.approx(level, abs=0.5)


def test_maxima_belong_to_their_second_and_silence_has_no_level() -> None:
    pressure = np.zeros((1, 3 * FS))
    pressure[0, FS + 100 : FS + 8000] = 1.0
    first, second, third = (one for (one,) in LiveMeter(FS, bands=False).push(pressure))
    assert first.laeq == -math.inf
    assert first.lcpeak == -math.inf
    assert second.lafmax_1s == second.lafmax > third.lafmax_1s
    assert third.lafmax == second.lafmax
    assert third.lcpeak == second.lcpeak > third.lcpeak_1s
    assert third.bands == {}


def test_what_is_no_signal_is_refused() -> None:
    with pytest.raises(SignalError, match="shape"):
        LiveMeter(FS, 2).push(np.zeros((1, 10)))
    with pytest.raises(SignalError, match="NaN"):
        LiveMeter(FS).push(np.full((1, 10), np.nan))
    with pytest.raises(ParameterError, match="0 channels"):
        LiveMeter(FS, 0)
    assert LiveMeter(FS).push(np.zeros((1, 0))) == []


def watch(*options: str) -> int:
    return main(["monitor", "--device", "sim:lab", "--inputs", "1,2", *options])


def test_json_lines_hold_the_levels_of_the_recording(capsys: pytest.CaptureFixture[str]) -> None:
    sensitivities = dict.fromkeys(("left", "right"), SENSITIVITY)
    save_calibration("cal.json", from_sensitivity(sensitivities))
    assert watch("--duration", "3", "--calibration", "cal.json", "--loudness", "--json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["second"] for line in lines] == [1, 2, 3]
    last = lines[-1]
    assert (last["schema"], last["unit"], last["flags"]) == ("soundcal/monitor/1", "dB", {})
    with open_device("sim:lab") as lab, lab.stream(inputs=[1, 2]) as blocks:
        pieces = [next(blocks).samples for _ in range(35)]
    pressure = SENSITIVITY * np.concatenate(pieces, axis=1)[:, : 3 * 48000]
    for row, name in zip(pressure, ("left", "right"), strict=True):
        shown = last["channels"][name]
        assert shown["LAeq"] == pytest.approx(leq(row, 48000).value, abs=1e-6)
        assert shown["clipped"] == 0
        assert shown["bands"]["1000"] is not None
        expected = loudness_zwtv(row, 48000).statistics["5"]
        assert shown["N5"] == pytest.approx(expected, rel=0.02)


def test_loudness_of_the_hearing_model_while_it_goes_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """NHM of the last third of a second, the single value so far; nothing in the first 0.3 s."""
    sensitivities = dict.fromkeys(("left", "right"), SENSITIVITY)
    save_calibration("cal.json", from_sensitivity(sensitivities))
    options = ["--duration", "1", "--calibration", "cal.json", "--no-bands", "--json"]
    assert watch(*options, "--loudness", "ecma418") == 0
    (line,) = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    with open_device("sim:lab") as lab, lab.stream(inputs=[1, 2]) as blocks:
        pieces = [next(blocks).samples for _ in range(12)]
    pressure = SENSITIVITY * np.concatenate(pieces, axis=1)[:, :48000]
    expected = loudness_ecma(pressure, 48000)
    for row, name in enumerate(("left", "right")):
        shown = line["channels"][name]
        assert shown["NHMeq"] == pytest.approx(expected.value[row], rel=0.05)
        assert expected.series[row].min() <= shown["NHM"] <= expected.series[row].max()
    meter = live_loudness("ecma418", 48000, 2)
    meter.push(pressure[:, :4800])
    assert all(math.isnan(value) for values in meter.reading() for value in values.values())


def test_without_calibration_levels_are_relative_to_full_scale(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert watch("--duration", "1", "--no-bands", "--loudness") == 0
    said = capsys.readouterr().err
    assert "dBFS in 1 s" in said
    assert "no loudness without --calibration" in said


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_log_has_a_line_per_second_and_channel() -> None:
    assert watch("--duration", "4", "--log", "log.csv") == 0
    found = rows(Path("log.csv"))
    assert [row["channel"] for row in found] == 4 * ["left", "right"]
    assert all(float(row["LAF"]) < 0 and row["1000 Hz"] and row["clipped"] == "0" for row in found)
    times = [datetime.fromisoformat(row["time"]) for row in found[::2]]
    assert all((b - a).total_seconds() == 1 for a, b in pairwise(times))
    assert watch("--duration", "1", "--log", "log.csv") == 5
    assert watch("--duration", "1", "--log", "log.csv", "--force") == 0


def test_logs_rotate_and_nothing_is_missing_between_them() -> None:
    assert watch("--duration", "10", "--log", "log.csv", "--rotate", f"{3 / 3600}") == 0
    paths = sorted(Path().glob("log-*.csv"))
    found = [rows(path) for path in paths]
    assert [len(lines) for lines in found] == [6, 6, 6, 2]
    assert len({row["time"] for lines in found for row in lines}) == 10


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ([], "--realtime"),
        (["--duration", "0.5"], "at least 1 s"),
        (["--duration", "5", "--rotate", "1"], "--rotate needs --log"),
    ],
)
def test_impossible_requests_are_refused(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert watch(*options) == 2
    assert said in capsys.readouterr().err


def second(**changes: Any) -> Any:
    meter = LiveMeter(FS, 2)
    (readings,) = meter.push(noise(1.0))
    tally = StreamTally(FS, 2)
    tally.add(np.array([[1.0, 1.0, 1.0], [0.5, 0.5, 0.5]]), 3)
    for place in (0, 1):
        tally.report(Flag(OVERFLOWS, "input overflow"), place)
    made = monitor._second(datetime.now(UTC), "dB", ("left", "right"), readings, tally)
    made.levels["left"] |= changes
    return made


def test_the_screen_fits_80_columns_and_24_lines_and_shows_doubts() -> None:
    text = monitor._screen(
        second(N=12.3, N5=14.5, NHM=9.1, NHMeq=8.2),
        "A device with quite a long name, JACK Audio Kit",
        FS,
    )
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 24
    assert "left: 3 samples clipped, input overflow x2" in lines[-1]
    assert "left      N 12.30 sone, N5 14.50 sone" in lines
    assert "left      NHM 9.10 sone_HMS, NHMeq 8.20 sone_HMS" in lines
    assert "16k" in text


def test_bars_rise_with_the_level() -> None:
    low, high = (
        monitor._bars("left", {"1000": 20.0, "1250": 79.0})[3],
        monitor._bars("left", {"1000": 79.0, "1250": 20.0})[0],
    )
    assert low.endswith("█")
    assert high.split("|")[1].startswith("▇▇")


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in for PortAudio in the worker process."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([FAKE, str(ROOT)]))
    monkeypatch.setattr(supervisor, "LIMITS", supervisor.SilenceLimits(running=0.7))


@pytest.mark.usefixtures("fake")
def test_a_lost_device_ends_the_meter_with_what_was_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FAKE_PORTAUDIO", json.dumps({"do": "stall", "at": 170_000}))
    options = ["--device", "fake", "--inputs", "1", "--no-bands", "--log", "levels.csv"]
    assert main(["monitor", *options]) == 3
    printed = capsys.readouterr().err
    assert "mono: LAeq" in printed
    assert "dBFS in 3 s" in printed
    assert "flag: stopped after 3 s: Fake Card (hw:1,0), ALSA: no response for 0.7 s" in printed
    assert len(Path("levels.csv").read_text().splitlines()) == 4


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX limits")
def test_a_full_disk_leaves_whole_lines_in_the_log() -> None:
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000)); "
        "from soundcal.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    options = ["--device", "sim:lab", "--inputs", "1", "--no-bands", "--log", "levels.csv"]
    done = subprocess.run(
        [sys.executable, "-c", limited, "monitor", *options, "--duration", "60"],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 3, done.stderr
    assert "levels.csv: cannot be written" in done.stderr
    text = Path("levels.csv").read_text()
    rows = list(csv.reader(text.splitlines()))
    assert 2 < len(rows) < 60
    assert text.endswith("\n")
    assert {len(row) for row in rows} == {len(rows[0])}


def test_an_input_without_a_signal_is_flagged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = SimulatedLab.stream

    @contextmanager
    def unplugged(self: SimulatedLab, **options: Any) -> Iterator[Iterator[Block]]:
        with whole(self, **options) as blocks:
            yield (replace(block, samples=block.samples * [[1.0], [0.0]]) for block in blocks)

    options = ["monitor", "--device", "sim:lab", "--inputs", "1,2", "--duration", "2", "--no-bands"]
    assert main([*options, "--json"]) == 0
    assert "exactly zero" not in "".join(capsys.readouterr())
    monkeypatch.setattr(SimulatedLab, "stream", unplugged)
    assert main([*options, "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (flag,) = lines[-1]["flags"]
    assert flag.startswith("right: every sample is exactly zero")
    assert lines[-1]["channels"]["right"]["LAeq"] is None
