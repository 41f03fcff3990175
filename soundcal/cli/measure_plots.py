"""Figures of ``soundcal measure --plots``: one per file and indicator."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from soundcal.cli.output import say
from soundcal.cli.pictures import write_picture

if TYPE_CHECKING:
    from soundcal.batch import FileResult
    from soundcal.indicators.result import IndicatorResult
    from soundcal.prepared import Task

__all__ = ["check_plots", "draw_plots"]

_LONGEST_PLOT_S: Final = 300.0


def check_plots(options: argparse.Namespace, task: "Task") -> None:
    """Refuse files and engines that cannot be drawn, before anything is measured."""
    from soundcal.errors import ParameterError, RecordError
    from soundcal.files import audio
    from soundcal.files.atomic import check_output, make_folder

    if options.engine != "soundcal":
        raise ParameterError("--plots draws soundcal's own results; leave --engine out")
    for path in map(Path, options.files):
        try:
            duration = audio.info(path).duration
        except RecordError:
            continue  # the reason goes into the file's row
        if duration > _LONGEST_PLOT_S:
            raise ParameterError(
                f"{path}: {duration:.0f} s; --plots keeps every series in memory and takes files "
                f"of up to {_LONGEST_PLOT_S:.0f} s; measure without it, or cut out a part"
            )
    if len({Path(name).stem for name in options.files}) < len(options.files):
        raise ParameterError("--plots names figures after the files; file names must differ")
    make_folder(Path(options.plots))
    for name in options.files:
        for symbol in task.kept:
            check_output(_figure(options, name, symbol), force=options.force)


def _figure(options: argparse.Namespace, name: str, symbol: str) -> Path:
    return Path(options.plots) / f"{Path(name).stem}_{symbol}.png"


def draw_plots(options: argparse.Namespace, results: Sequence["FileResult"]) -> None:
    """Write one figure per file and indicator."""
    from soundcal.indicators.prominence.result import AudibilityResult, ProminenceResult
    from soundcal.indicators.registry import find
    from soundcal.recording import counted
    from soundcal.report.figures import indicator_figure, tones_figure

    drawn = 0
    for result in results:
        for symbol, found in result.results.items():
            if found.axis_unit != "Hz" and found.series is None and found.specific is None:
                say(f"{symbol} is a single number and is not drawn")
                continue
            name = f"{Path(result.path).stem}: {find(symbol).title} {symbol}"
            if isinstance(found, ProminenceResult | AudibilityResult):
                figure = tones_figure(found, result.channels, name)
            else:
                drawable, quantity = _drawable(found, name), _quantity(symbol)
                figure = indicator_figure(drawable, result.channels, quantity=quantity)
            write_picture(figure, _figure(options, result.path, symbol), force=options.force)
            drawn += 1
    say(f"{counted(drawn, 'figure')} in {options.plots}")


def _quantity(symbol: str) -> str:
    """Return the symbol that is drawn: levels over time come from the F detector."""
    from soundcal.indicators.registry import find

    family = find(symbol).family
    return f"{symbol}F" if family == "levels" else "Leq" if family == "bands" else symbol


def _drawable(result: "IndicatorResult", name: str) -> "IndicatorResult":
    """Return the result as it is drawn: band levels as a spectrum over the whole recording."""
    from dataclasses import replace

    import numpy as np

    if result.axis_unit != "Hz":
        return replace(result, name=name)
    spectrum = np.stack(list(result.statistics.values()), axis=-1)
    return replace(result, name=name, times=None, specific=spectrum)
