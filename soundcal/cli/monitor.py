"""``soundcal monitor``: a sound level meter in the terminal, as JSON lines, or logged for days."""

import argparse
import csv
import io
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from soundcal.cli.device_options import (
    add_device_options,
    channel_list,
    open_from,
    refuse_endless,
)
from soundcal.cli.file_options import (
    Patterns,
    add_live_response,
    channel_names_of,
    live_response,
)
from soundcal.cli.output import say

if TYPE_CHECKING:
    from soundcal.devices import AudioDevice
    from soundcal.indicators.levels.live_meter import Reading
    from soundcal.takes.tally import StreamTally

__all__ = ["add"]

_ROWS: Final = (
    ("LAF", "LAS", "LAeq,1s", "LAeq,10s"),
    ("LAeq", "LAFmax", "LCpeak", "LCpeak,1s"),
    ("LA5", "LA10", "LA50", "LA90", "LA95"),
)
_BAR_LINES: Final = 4
_BAR_RANGE_DB: Final = 60.0
_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_OCTAVES: Final = ("31.5", "63", "125", "250", "500", "1000", "2000", "4000", "8000", "16000")


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "monitor",
        help="live sound level meter: levels, percentiles, one-third octaves",
        description="Show levels every second until Ctrl-C or --duration. Without --calibration "
        "they are in dBFS (AES17: full-scale sine = 0), also A- and C-weighted.",
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        action=Patterns,
        metavar="JSON",
        help="levels in dB re 20 µPa",
    )
    parser.add_argument(
        "--inputs", type=channel_list, metavar="N,N", help="channels, e.g. 1,2 (default: all)"
    )
    parser.add_argument(
        "--names",
        type=channel_names_of,
        metavar="A,B",
        help="channel names, e.g. left for one calibrated input (default: as for record)",
    )
    add_live_response(parser)
    parser.add_argument("--duration", type=float, metavar="S", help="stop after this time, s")
    parser.add_argument(
        "--loudness",
        nargs="?",
        const="iso532",
        choices=("iso532", "ecma418"),
        metavar="METHOD",
        help="also show loudness: iso532 (default), N now and N5 so far; or ecma418, NHM now and "
        "NHMeq so far by the hearing model, for which every channel needs most of a processor core",
    )
    parser.add_argument("--no-bands", action="store_true", help="do not show one-third octaves")
    parser.add_argument(
        "--log", type=Path, metavar="CSV", help="write one line per second and channel to this file"
    )
    parser.add_argument(
        "--rotate",
        type=float,
        metavar="H",
        help="start a new log file, named after its start time, every H hours",
    )
    parser.add_argument("--force", action="store_true", help="replace an existing log")
    parser.add_argument("--json", action="store_true", help="one JSON object per second on stdout")
    add_device_options(parser)
    parser.set_defaults(run=run)


@dataclass(slots=True)
class _Second:
    """The readings of one second, as they are shown, logged and written."""

    moment: datetime
    unit: str
    second: int
    levels: dict[str, dict[str, float]]
    bands: dict[str, dict[str, float]]
    clipped: dict[str, int]
    flags: dict[str, int]


_DEAD: Final = "{}: every sample is exactly zero; check the cable and the channel"
"""Flag of a channel without any signal, counted in seconds."""

Sink = Callable[[_Second], None]


def run(options: argparse.Namespace) -> int:
    """Measure until the duration is over, the operator stops, or the device or the disk fails."""
    from soundcal.errors import DeviceError, ParameterError, RecordError

    if options.duration is not None and not options.duration >= 1:
        raise ParameterError(f"--duration {options.duration:g}: at least 1 s is expected")
    if options.rotate is not None and (options.log is None or not options.rotate > 0):
        raise ParameterError("--rotate needs --log and a positive number of hours")
    refuse_endless(options)
    last: list[_Second] = []
    failure = ""
    with ExitStack() as stack:
        device = stack.enter_context(open_from(options))
        sinks = _sinks(options, device, stack)
        try:
            for second in _seconds(options, device):
                last[:] = [second]
                for sink in sinks:
                    sink(second)
        except KeyboardInterrupt:
            if options.duration is not None:
                raise
        except (DeviceError, RecordError) as error:
            if not last:
                raise
            failure = f"stopped after {last[0].second} s: {error}"
    if last:
        _tell(last[0])
    if failure:
        say(f"flag: {failure}")
    return DeviceError.exit_code if failure else 0


def _sinks(options: argparse.Namespace, device: "AudioDevice", stack: ExitStack) -> list[Sink]:
    sinks: list[Sink] = []
    if options.log is not None:
        sinks.append(_Log(options.log, options.rotate, options.force, stack))
    if options.json:
        sinks.append(_write_json_line)
    elif sys.stderr.isatty():
        sinks.append(stack.enter_context(_live(device)))
    elif options.log is None:
        sinks.append(lambda second: say(_line(second)))
    return sinks


def _seconds(options: argparse.Namespace, device: "AudioDevice") -> Iterator[_Second]:
    """Measure, second by second."""
    import numpy as np

    from soundcal.calibration.belonging import mismatches
    from soundcal.indicators.levels.live_meter import LiveMeter
    from soundcal.lab.calibrations import calibration_for
    from soundcal.lab.record import recorded_channels
    from soundcal.takes.tally import StreamTally
    from soundcal.units import P_REF

    inputs = options.inputs or tuple(range(1, device.info.inputs + 1))
    channels = recorded_channels(options.names, len(inputs))
    calibration = calibration_for(options.calibration, device, "input", channels)
    if calibration is not None:
        numbers = dict(zip(channels, inputs, strict=True))
        for flag in mismatches(
            calibration, device=device.info.identity, fs=device.fs, inputs=numbers
        ):
            say(f"flag: {flag}")
    if calibration is None:
        # a full-scale sine, of rms 1/sqrt(2), then has 0 dB
        factors = np.full((len(inputs), 1), math.sqrt(2.0) * P_REF)
    else:
        factors = np.array([[calibration.sensitivity(name)] for name in channels])
    referred = live_response(options, calibration, channels, device)
    unit = "dBFS" if calibration is None else "dB"
    meter = LiveMeter(device.fs, len(inputs), bands=not options.no_bands)
    loudness = None
    if options.loudness and calibration is not None:
        from soundcal.indicators.live_loudness import live_loudness

        loudness = live_loudness(options.loudness, device.fs, len(inputs))
    elif options.loudness:
        say("no loudness without --calibration: values in sone need pascal")
    tally = StreamTally(device.fs, len(inputs), device.info.host_api)
    alive = np.zeros(len(inputs), dtype=np.bool_)
    started = datetime.now(UTC)
    with device.stream(inputs=inputs) as blocks:
        for block in blocks:
            for flag in block.flags:
                tally.report(flag, block.position)
            tally.add(block.samples, block.position + block.samples.shape[1], block.time)
            alive |= block.samples.any(axis=1)
            samples = block.samples if referred is None else referred.process(block.samples)
            pressure = samples * factors
            if loudness is not None:
                loudness.push(pressure)
            for readings in meter.push(pressure):
                missing = tally.missing / device.fs
                moment = started + timedelta(seconds=readings[0].second + missing)
                second = _second(moment, unit, channels, readings, tally)
                dead = [name for name, moves in zip(channels, alive, strict=True) if not moves]
                second.flags.update({_DEAD.format(name): second.second for name in dead})
                if loudness is not None:
                    for name, values in zip(channels, loudness.reading(), strict=True):
                        second.levels[name].update(values)
                yield second
                if options.duration is not None and second.second >= int(options.duration):
                    return


def _second(
    moment: datetime,
    unit: str,
    channels: Sequence[str],
    readings: Sequence["Reading"],
    tally: "StreamTally",
) -> _Second:
    named = dict(zip(channels, readings, strict=True))
    return _Second(
        moment,
        unit,
        readings[0].second,
        {name: reading.levels for name, reading in named.items()},
        {name: dict(reading.bands) for name, reading in named.items()},
        dict(zip(channels, tally.clipped.tolist(), strict=True)),
        {flag.text: count for flag, count in tally.counts.items()},
    )


def _numbers(levels: dict[str, float]) -> dict[str, float | None]:
    """Return levels as JSON holds them: silence is null."""
    return {name: level if math.isfinite(level) else None for name, level in levels.items()}


def _write_json_line(second: _Second) -> None:
    content = {
        "schema": "soundcal/monitor/1",
        "time": second.moment.isoformat(timespec="seconds"),
        "second": second.second,
        "unit": second.unit,
        "channels": {
            name: {
                **_numbers(second.levels[name]),
                "bands": _numbers(second.bands[name]),
                "clipped": second.clipped[name],
            }
            for name in second.levels
        },
        "flags": second.flags,
    }
    sys.stdout.write(json.dumps(content) + "\n")
    sys.stdout.flush()


class _Log:
    """A CSV file with a line per second and channel; a new file every few hours if wanted."""

    def __init__(self, path: Path, hours: float | None, force: bool, stack: ExitStack) -> None:
        from soundcal.files.atomic import check_output

        self._path = path
        self._every = None if hours is None else timedelta(hours=hours)
        self._force = force
        self._due: datetime | None = None
        self._file: BinaryIO | None = None
        stack.callback(self._close)
        if hours is None:
            check_output(path, force=force)

    def __call__(self, second: _Second) -> None:
        """Write the lines of a second."""
        from soundcal.errors import RecordError
        from soundcal.files.atomic import why_unwritable

        rows = []
        for name, levels in second.levels.items():
            values = [*levels.values(), *second.bands[name].values()]
            shown = ["" if not math.isfinite(v) else f"{v:.2f}" for v in values]
            flags = "; ".join(f"{text} x{count}" for text, count in second.flags.items())
            moment = second.moment.isoformat(timespec="seconds")
            rows.append([moment, name, second.unit, *shown, second.clipped[name], flags])
        try:
            file = self._file
            if file is None or (self._due is not None and second.moment >= self._due):
                file = self._next_file(second)
            self._write(file, rows)
        except OSError as error:
            reason = why_unwritable(error, self._path)
            raise RecordError(f"{self._path}: cannot be written ({reason})") from error

    def _write(self, file: BinaryIO, rows: list[list[Any]]) -> None:
        """Write whole lines or, if the disk is full, none of them."""
        from soundcal.files.spreadsheet import for_cell

        text = io.StringIO(newline="")
        csv.writer(text).writerows(map(for_cell, row) for row in rows)
        rest = memoryview(text.getvalue().encode())
        before = file.tell()
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError:
            file.truncate(before)
            raise

    def _next_file(self, second: _Second) -> BinaryIO:
        from soundcal.files.atomic import check_output

        path = self._path
        if self._every is not None:
            stamp = second.moment.strftime("%Y%m%dT%H%M%SZ")
            path = path.with_name(f"{path.stem}-{stamp}{path.suffix}")
            self._due = second.moment + self._every
            check_output(path, force=self._force)
        self._close()
        file = open(path, "wb", buffering=0)  # noqa: SIM115  open for hours
        self._file = file
        first = next(iter(second.levels))
        bands = [f"{name} Hz" for name in second.bands[first]]
        head = ["time", "channel", "unit", *second.levels[first], *bands, "clipped", "flags"]
        self._write(file, [head])
        return file

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()


def _line(second: _Second) -> str:
    parts = [
        f"{name} LAF {levels['LAF']:.1f} LAeq {levels['LAeq']:.1f}"
        for name, levels in second.levels.items()
    ]
    return f"{second.second:>5} s  {'  '.join(parts)} {second.unit}{_doubts(second)}"


def _doubts(second: _Second) -> str:
    from soundcal.recording import counted

    found = [f"{name}: {counted(n, 'sample')} clipped" for name, n in second.clipped.items() if n]
    found += [f"{text} x{count}" for text, count in second.flags.items()]
    return "  ! " + ", ".join(found) if found else ""


@contextmanager
def _live(device: "AudioDevice") -> Iterator[Sink]:
    """Show the meter in place, on stderr."""
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    with Live(console=Console(stderr=True), auto_refresh=False) as live:

        def show(second: _Second) -> None:
            live.update(Text(_screen(second, device.info.identity, device.fs)), refresh=True)

        yield show


def _screen(second: _Second, device: str, fs: int) -> str:
    """Return the meter as text of at most 80 columns."""
    minutes, seconds = divmod(second.second, 60)
    clock = f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"
    lines = [f"{device[:50]:<50} {fs} Hz  {clock}"]
    for labels in _ROWS:
        lines.append(" " * 9 + "".join(f"{label:>11}" for label in labels))
        for name, levels in second.levels.items():
            cells = "".join(f"{levels[label]:>11.1f}" for label in labels)
            lines.append(f"{name[:9]:<9}{cells} {second.unit}")
    for name, levels in second.levels.items():
        for now, so_far, unit in (("N", "N5", "sone"), ("NHM", "NHMeq", "sone_HMS")):
            if now in levels:
                values = f"{now} {levels[now]:.2f} {unit}, {so_far} {levels[so_far]:.2f} {unit}"
                lines.append(f"{name[:9]:<9} {values}")
    for name, bands in second.bands.items():
        if bands:
            lines += _bars(name, bands)
    doubts = _doubts(second).strip()
    return "\n".join([*lines, doubts or "nothing clipped, no reports of the driver"])


def _bars(name: str, bands: dict[str, float]) -> list[str]:
    """Return one-third-octave levels as columns of block characters."""
    highest = max((level for level in bands.values() if math.isfinite(level)), default=0.0)
    top = 10.0 * math.ceil(highest / 10.0)
    lines = []
    for line in range(_BAR_LINES):
        floor = top - _BAR_RANGE_DB * (line + 1) / _BAR_LINES
        cells = []
        for level in bands.values():
            part = (level - floor) / (_BAR_RANGE_DB / _BAR_LINES) if math.isfinite(level) else 0.0
            cells.append(2 * _BLOCKS[round(8 * min(1.0, max(0.0, part)))])
        label = name[:6] if line == 0 else ""
        lines.append(f"{label:<6}{floor + _BAR_RANGE_DB / _BAR_LINES:>5.0f} |{''.join(cells)}")
    axis = [" "] * (2 * len(bands) + 4)
    for place, band in enumerate(bands):
        if band in _OCTAVES:
            text = f"{float(band) / 1000:g}k" if float(band) >= 1000 else band
            axis[2 * place : 2 * place + len(text)] = text
    return [*lines, f"{top - _BAR_RANGE_DB:>11.0f} |{''.join(axis).rstrip()} Hz"]


def _tell(second: _Second) -> None:
    """Print the values over the whole measurement."""
    for name, levels in second.levels.items():
        shown = ", ".join(
            f"{label} {levels[label]:.1f}" for label in ("LAeq", "LAFmax", "LCpeak", "LA50")
        )
        say(f"{name}: {shown} {second.unit} in {second.second} s")
    if doubts := _doubts(second).strip(" !"):
        say(f"flag: {doubts}")
