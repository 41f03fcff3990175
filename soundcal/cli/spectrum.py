"""``soundcal spectrum``: power spectral density or spectrogram of an audio file."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.cli.file_options import Patterns, add_other_device, channel_names_of
from soundcal.cli.options import (
    add_sensitivity,
    full_scale_doubts,
    full_scale_pascal,
    stated,
    stated_doubts,
)
from soundcal.cli.output import aligned, print_json, progress, say, show
from soundcal.cli.pictures import PICTURES, write_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from soundcal.calibrated import CalibratedFile
    from soundcal.indicators.spectra import SpectralDensity

__all__ = ["add"]

_EPILOG: Final = """\
Segments of 1/resolution s with a Hann window, half overlapping, are averaged in power. Levels are
in dB re (20 µPa)²/Hz, densities in Pa²/Hz. The ending of --out decides between a table (.csv,
.xlsx, .parquet) and a picture (.png, .svg, .pdf); give --out twice for both. A table has a row for
every channel and line; that of a spectrogram a row for every channel and time, and the level of
every line. A spectrogram has at most 1000 columns; in a longer one, neighbouring segments are
averaged. A file is read in blocks, so its length does not matter."""


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "spectrum",
        help="power spectral density or spectrogram of an audio file",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("file", action=Patterns, metavar="FILE", help="WAV, RF64, FLAC")
    group = parser.add_argument_group("calibration")
    ways = group.add_mutually_exclusive_group()
    ways.add_argument(
        "--calibration",
        action=Patterns,
        metavar="FILE",
        help="calibration record (JSON); by default the one that the record beside the file names",
    )
    add_sensitivity(ways, "--sensitivity")
    add_other_device(group)
    parser.add_argument(
        "--channels",
        type=channel_names_of,
        default=(),
        metavar="NAMES",
        help="channel names of the file, e.g. left,right",
    )
    parser.add_argument(
        "--spectrogram", action="store_true", help="over time, instead of one average"
    )
    parser.add_argument(
        "--resolution",
        type=float,
        metavar="HZ",
        help="distance of the lines (default 1 Hz; with --spectrogram 20 Hz)",
    )
    parser.add_argument(
        "--hop",
        type=float,
        metavar="S",
        help="time from one segment to the next (default: half a segment)",
    )
    parser.add_argument(
        "--weighting",
        choices=("A", "B", "C", "Z"),
        default="Z",
        help="frequency weighting (default Z: none)",
    )
    parser.add_argument(
        "--range",
        type=float,
        metavar="DB",
        help="range of levels in the picture of a spectrogram, down from the highest (default 80)",
    )
    parser.add_argument(
        "--out",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="write a table or a picture to this file; repeatable",
    )
    parser.add_argument("--force", action="store_true", help="replace existing files")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compute and write what was asked for."""
    from dataclasses import replace

    from soundcal.calibrated import calibrated_file
    from soundcal.errors import ParameterError
    from soundcal.file_spectra import density_of_file
    from soundcal.files.calibrations import load_calibration
    from soundcal.response.referring import not_undone

    if options.range is not None and not (options.spectrogram and options.range > 0.0):
        raise ParameterError("--range is a number of dB above 0, for --spectrogram")
    for path in options.out:
        _check(path, force=options.force)
    file = calibrated_file(
        options.file,
        calibration=load_calibration(Path(options.calibration)) if options.calibration else None,
        sensitivities=tuple(options.sensitivity or full_scale_pascal(options.full_scale or ())),
        channels=options.channels,
        other_device=options.other_device,
    )
    if named := not_undone(file.calibration, (), way=""):
        file = replace(
            file, notes=(*file.notes, f"calibration {file.calibration.id} names {named}")
        )
    with progress("transforming", file.about.duration, unit="s of audio") as advance:
        found = density_of_file(
            file,
            over_time=options.spectrogram,
            resolution=options.resolution,
            hop=options.hop,
            weighting=options.weighting,
            progress=advance,
        )
    if options.range is not None:
        found = replace(found, range_db=options.range)
    found = replace(found, warnings=(*found.warnings, *_doubts(options, file)))
    for path in options.out:
        _write(path, found, title=file.path.stem, force=options.force)
        say(f"written: {path}")
    for text in (*file.notes, *found.warnings):
        say(f"{file.path}: {text}")
    if options.json:
        _print_json(file, found)
    else:
        for line in _lines(found):
            show(line)
    return 0


def _doubts(options: argparse.Namespace, file: "CalibratedFile") -> tuple[str, ...]:
    """Repeat a stated sensitivity, and return what is doubtful about it."""
    option = "--sensitivity" if options.sensitivity else "--full-scale"
    typed = options.sensitivity or options.full_scale
    if not typed:
        return ()
    say(stated(option, file.sensitivities, "Pa per full scale"))
    return (
        *stated_doubts(option, typed, file.sensitivities),
        *full_scale_doubts(option, file.sensitivities),
    )


def _check(path: Path, *, force: bool) -> None:
    """Refuse a file that cannot be written, before anything is computed."""
    from soundcal.errors import ParameterError
    from soundcal.files.atomic import check_output
    from soundcal.files.exports import TABLE_ENDINGS, check_table_file

    ending = path.suffix.lower()
    if ending not in (*TABLE_ENDINGS, *PICTURES):
        endings = ", ".join((*TABLE_ENDINGS, *PICTURES))
        raise ParameterError(f"{path}: written are {endings}; the ending decides")
    if ending in TABLE_ENDINGS:
        check_table_file(path)
    check_output(path, force=force)


def _write(path: Path, found: "SpectralDensity", *, title: str, force: bool) -> None:
    """Write a table or a picture."""
    from soundcal.files.exports import write_table
    from soundcal.report.figures import density_figure

    if path.suffix.lower() in PICTURES:
        write_picture(density_figure(found, title), path, force=force)
    else:
        write_table(path, *_table(found), force=force)


def _table(found: "SpectralDensity") -> tuple[list[str], "Iterator[tuple[Any, ...]]"]:
    """Return the headings, and a row per line or, of a spectrogram, per time.

    A spectrogram in rows of one line each is more than a workbook can hold.
    """
    from soundcal.indicators.spectra import DENSITY_UNIT, LEVEL_UNIT

    if found.times is None:
        frame = found.to_frame()
        units = {"frequency": "Hz", "density": DENSITY_UNIT, "level": LEVEL_UNIT}
        columns = [f"{name} [{units[name]}]" if name in units else name for name in frame.columns]
        return columns, frame.itertuples(index=False, name=None)
    times = found.times.tolist()
    rows = (
        (channel, time, *level)
        for channel, levels in zip(found.channels, found.level, strict=True)
        for time, level in zip(times, levels.tolist(), strict=True)
    )
    return ["channel", "time [s]", *(f"{f:.10g} Hz" for f in found.frequency)], rows


def _lines(found: "SpectralDensity") -> list[str]:
    """Return settings, and per channel the level and the highest line above 0 Hz and its like."""
    from soundcal.indicators.spectra import LEVEL_UNIT
    from soundcal.units import P_REF, power_db

    density = found.density if found.times is None else found.density.mean(axis=-2)
    unit = "dB" if found.weighting == "Z" else f"dB({found.weighting})"
    table = [["channel", f"level {unit}", "highest line Hz", LEVEL_UNIT]]
    for name, row in zip(found.channels, density, strict=True):
        highest = 2 + int(row[2:].argmax())  # the lines below hold the offset
        total = power_db(float(row.sum()) * found.resolution / P_REF**2)
        peak = power_db(float(row[highest]) / P_REF**2)
        where = f"{found.frequency[highest]:g}" if row[highest] > 0.0 else "–"
        table.append([name, f"{total:.2f}", where, f"{peak:.2f}"])
    return [found.settings, *aligned(table)]


def _print_json(file: "CalibratedFile", found: "SpectralDensity") -> None:
    from soundcal.files.records import provenance

    about = {"recording": str(file.path), "calibration": file.calibration.id}
    print_json("soundcal/spectrum/1", {"software": provenance(), **about, **found.to_dict()})
