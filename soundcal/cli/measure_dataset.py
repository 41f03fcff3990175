"""``soundcal measure --out FOLDER``: summaries of any number of recordings, in a dataset."""

import argparse
import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from soundcal.cli.output import Advance, print_json, progress, say, show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import NoReturn

    from soundcal.prepared import Task
    from soundcal.runs.engine import Engine
    from soundcal.runs.running import RunTotals
    from soundcal.runs.work import Job

__all__ = ["add_dataset_options", "asks_for_dataset", "measure_into_dataset"]

_NOT_HERE: Final = ("wide", "plots", "condition", "take", "force")
"""Options of a table."""

_ONLY_HERE: Final = (
    "cluster",
    "piece",
    "start_from",
    "time_zone",
    "station",
    "root",
    "full_hash",
    "keep",
    "follow",
    "estimate",
    "price",
)


def add_dataset_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of runs whose results are a dataset."""
    group = parser.add_argument_group(
        "dataset",
        "--out FOLDER/ writes summaries of pieces of the recordings into a folder of Parquet "
        "files. The same command again computes what is missing. FILE may then be a pattern in "
        "quotes, a list @FILE, or an address such as s3://BUCKET/2026/**.",
    )
    group.add_argument(
        "--cluster",
        metavar="WHERE",
        help="compute with Dask: local:N (workers of this machine), the address of a scheduler "
        "such as tcp://HOST:8786, or a cluster file FILE.toml",
    )
    group.add_argument(
        "--cluster-example",
        metavar="KIND",
        help="show a cluster file of this kind (slurm, pbs, lsf, kubernetes) and end",
    )
    group.add_argument(
        "--piece",
        type=_seconds,
        metavar="TIME",
        help="length of the pieces into which files are cut, such as 5min (default 10min)",
    )
    group.add_argument(
        "--start-from",
        default="",
        metavar="PATTERN",
        help="date and time in the names of the files, such as '%%Y%%m%%d_%%H%%M%%S'",
    )
    group.add_argument(
        "--time-zone",
        default="",
        metavar="ZONE",
        help="time zone of the recorders' clocks, such as Europe/Berlin or UTC",
    )
    group.add_argument(
        "--station",
        default="",
        metavar="NAME",
        help="station of all files (default: the first folder below the root)",
    )
    group.add_argument(
        "--root",
        metavar="FOLDER",
        help="folder below which recordings are named (default: the one that all have in common)",
    )
    group.add_argument(
        "--full-hash",
        action="store_true",
        help="know files by their whole content, not by size, time and parts of the content",
    )
    group.add_argument(
        "--keep",
        default="",
        metavar="NAMES",
        help="also keep series with values of every second: LAF (LAeq and LAFmax of the second), N "
        "(mean and maximum), Lthird and other indicators that are measured, comma-separated",
    )
    group.add_argument(
        "--follow",
        nargs="?",
        type=_seconds,
        const=60,
        metavar="TIME",
        help="go on until Ctrl-C: wait for new files, and measure each of them when it has not "
        "changed for this time (default 1min); new files are looked for twice in this time",
    )
    group.add_argument(
        "--estimate",
        nargs="?",
        type=float,
        const=0.0,
        metavar="HOURS",
        help="measure a few pieces, write nothing, and say what all files will take, or so many "
        "hours of sound like them (a year: 8760)",
    )
    group.add_argument(
        "--price",
        type=float,
        metavar="MONEY",
        help="with --estimate: price of an hour of one core",
    )


def _seconds(text: str) -> int:
    """Return a length of time in s, for ``type=``."""
    from soundcal.periods.local_time import as_seconds

    if not (seconds := as_seconds(text)):
        raise argparse.ArgumentTypeError(f"{text!r}: a time such as 90s, 10min or 1h is expected")
    return seconds


def asks_for_dataset(options: argparse.Namespace) -> bool:
    """Return whether the results go into a dataset and not into a table.

    A folder, and a name that ends in ``/``, stands for a dataset; an ending of tables for a table.

    Raises
    ------
    ParameterError
        A folder with the ending of a table, or options of a dataset with a table or without
        ``--out``.
    """
    from soundcal.errors import ParameterError
    from soundcal.files.exports import TABLE_ENDINGS

    out = options.out or ""
    of_table = Path(out).suffix.lower() in TABLE_ENDINGS
    ends = out.endswith(("/", os.sep))
    if out and (ends or os.path.isdir(out)):
        if of_table and not ends:
            raise ParameterError(
                f"{out}: this is a folder with the ending of a table; write {out}/ for a dataset "
                "in it, or choose another name for a table"
            )
        return True
    if out and not of_table:
        raise ParameterError(
            f"{out}: neither a table ({', '.join(TABLE_ENDINGS)}; the ending decides) nor a folder "
            f"that is there; write {out}/ for a dataset in a new folder"
        )
    absent = (None, "", False)
    given = [name for name in _ONLY_HERE if all(getattr(options, name) is not no for no in absent)]
    if given:
        option = f"--{given[0].replace('_', '-')}"
        raise ParameterError(f"{option} belongs to a dataset; give --out FOLDER/, with the slash")
    return False


def measure_into_dataset(options: argparse.Namespace, task: "Task") -> int:
    """Measure the files into a dataset; exit code 5 if there are failures.

    If it is stopped, what is finished is kept. With ``--follow``, that is how it ends: exit code 0.
    """
    from soundcal.errors import ParameterError, SignalError
    from soundcal.recording import counted, utc_now
    from soundcal.runs.copies import remove_unused_copies
    from soundcal.runs.listing import check_moved, common_root, names_of, relative_name
    from soundcal.runs.opening import engine_for
    from soundcal.runs.remote import is_address
    from soundcal.runs.run_log import LOG_SCHEMA, write_log
    from soundcal.runs.running import RunTotals, run_pieces, spooled
    from soundcal.runs.settings import PIECE_S, RunSettings, begin
    from soundcal.runs.starts import RecorderClock
    from soundcal.runs.versions import check_installed, installed
    from soundcal.runs.work import Job
    from soundcal.stopping import uninterrupted
    from soundcal.summaries.seconds import kept_series

    if given := [name for name in _NOT_HERE if getattr(options, name)]:
        raise ParameterError(f"--{given[0]} belongs to a table; give --out FILE.csv")
    if options.cluster and options.jobs != 1:
        raise ParameterError("--jobs is for processes of this machine; leave it out with --cluster")
    if options.follow and options.estimate is not None:
        raise ParameterError("--estimate measures what is there; leave out --follow")
    if options.price is not None and options.estimate is None:
        raise ParameterError("--price belongs to --estimate")
    if (options.estimate or 0.0) < 0 or (options.price or 0.0) < 0:
        raise ParameterError("--estimate and --price: hours and a price of 0 or more are expected")
    check_installed("pyarrow")
    folder = Path(options.out)
    settings = RunSettings(
        task,
        piece_s=options.piece or PIECE_S,
        clock=RecorderClock(options.start_from, options.time_zone),
        full_hash=options.full_hash,
        station=options.station,
        keep=kept_series(options.keep) if options.keep else (),
    )
    _check_there(options.files, waits=bool(options.follow))
    root = _root(options.root) or common_root(options.files)
    started, clock = utc_now(), time.monotonic()
    totals = RunTotals()
    there = names_of(options.files, lambda reason: say(f"note: {reason}"))
    with spooled(() if options.follow else there) as (listed, names):
        if options.estimate is not None:
            return _estimate(options, names, listed, Job(settings, root, installed()))
        known, notes = begin(folder, settings, root)
        if options.root:
            check_moved(root, known)
        for note in notes:
            say(f"note: {note}")
        job = Job(settings, root if options.root else known, installed())
        if options.follow:  # it would wait for ever for files that it cannot take
            relative_name(f"{common_root(options.files)}/", job.root)
        engine = engine_for(options.cluster or "", options.jobs)
        if dashboard := getattr(engine, "dashboard", ""):
            say(f"Dask's dashboard: {dashboard} (its pages need bokeh: pip install bokeh)")
        workers = engine.workers
        try:
            with progress("measuring", None, unit="s of audio") as advance:
                if options.follow:
                    _follow(options, job, folder, engine, totals, advance)
                else:
                    run_pieces(
                        names,
                        listed,
                        job,
                        folder,
                        engine,
                        report=_reporter(advance),
                        totals=totals,
                    )
        except KeyboardInterrupt:
            say(f"stopped; {_done(totals, folder)}, and the same command continues")
            if not options.follow:
                raise
        finally:
            with uninterrupted():
                engine.close()
                if is_address(job.root):
                    remove_unused_copies()  # of workers that had to be killed
                about = {
                    "command": shlex.join(["soundcal", *sys.argv[1:]]),
                    "cluster": options.cluster or "",
                    "workers": workers,
                    "started": started,
                    "ended": utc_now(),
                }
                log = write_log(folder, totals, about, wall_s=time.monotonic() - clock)
    if options.json:
        print_json(LOG_SCHEMA, log)
    else:
        show(_done(totals, folder))
    for reason in totals.reasons:
        say(f"not measured: {reason}")
    if not totals.failures:
        return 0
    say(
        f"{counted(totals.failures, 'failure')} in {folder / 'failures'}; the same command tries "
        "again"
    )
    return 0 if options.follow else SignalError.exit_code


def _reporter(advance: Advance) -> "Callable[[RunTotals], None]":
    """Return what shows how far a run is."""
    return lambda now: advance(now.sound_s, _remark(now), now.expected_s)


def _follow(
    options: argparse.Namespace,
    job: "Job",
    folder: Path,
    engine: "Engine",
    totals: "RunTotals",
    advance: Advance,
) -> "NoReturn":
    """Measure files when they have come to rest; say at once what cannot be measured."""
    from soundcal.recording import counted
    from soundcal.runs.follow import Following, follow_pieces

    following = Following(options.files, job.root, options.follow)
    told: list[str] = []
    known: list[str] = []  # reasons of failures that are tried at every look

    def idle(now: "RunTotals") -> None:
        nonlocal told, known
        for trouble in following.troubles:
            if trouble not in told:
                say(trouble)
        for reason in now.reasons:
            if reason not in known:
                say(f"not measured: {reason}")
        known = now.reasons[:]
        now.reasons.clear()
        waiting = f"({counted(following.waiting, 'file')} not complete yet; waiting for new ones)"
        if [*following.troubles, waiting] != told:
            advance(now.sound_s, waiting)
        told = [*following.troubles, waiting]

    follow_pieces(
        following,
        job,
        folder,
        engine,
        report=_reporter(advance),
        idle=idle,
        totals=totals,
    )


def _estimate(options: argparse.Namespace, names: "Iterator[str]", listed: int, job: "Job") -> int:
    """Say what the run will take, by arithmetic from a few pieces."""
    from soundcal.recording import counted
    from soundcal.runs.estimate import estimate_run

    found = estimate_run(names, listed, job)
    whole = found.of(options.estimate) if options.estimate else found
    if options.json:
        print_json("soundcal/run-estimate/1", whole.to_dict())
        return 0
    hours = f"{whole.sound_s / 3600:.4g} h of sound"
    of = hours if options.estimate else f"{counted(listed, 'file')}, {hours}"
    if found.looked_at < listed and not options.estimate:
        of += f" (from {found.looked_at} of them)"
    show(
        f"measured on one core of this machine: {found.tried_s:.4g} s of sound in "
        f"{found.processor_s:.3g} s of processor time, {found.speed:.3g} x real time"
    )
    show(f"{of}, {whole.pieces:.0f} pieces")
    show(f"computing  {whole.core_hours:.3g} core-hours")
    show(f"read       {whole.bytes_read / 1e9:.3g} GB")
    show(f"written    {whole.bytes_written / 1e9:.3g} GB")
    if options.price is not None:
        cost = options.price * whole.core_hours
        show(f"money      {cost:.3g} at {options.price:g} for a core-hour")
    return 0


def _check_there(sources: list[str], *, waits: bool) -> None:
    """Refuse names on the command line that are nothing; those in lists become failures."""
    import glob

    from soundcal.errors import RecordError
    from soundcal.files.text import check_file

    for source in sources:
        plain = not (source.startswith("@") or "://" in source or glob.has_magic(source))
        if waits and plain and not os.path.exists(source):
            raise RecordError(
                f"{source}: is not there; to wait for a folder, give a pattern in quotes, such as "
                f"'{source.rstrip('/')}/*.wav'"
            )
        if plain and not os.path.isdir(source):
            check_file(Path(source))


def _root(text: str | None) -> str:
    """Return the folder or address of ``--root``, absolute; "" if it is not given."""
    if not text:
        return ""
    return text.rstrip("/") if "://" in text else os.path.abspath(text)


def _remark(totals: "RunTotals") -> str:
    if totals.waiting_for:
        return f"trying again later: {totals.waiting_for}"
    failed = f", {totals.failures} failed" if totals.failures else ""
    return f"({totals.looked_at} of {totals.listed} files{failed})"


def _done(totals: "RunTotals", folder: Path) -> str:
    from soundcal.recording import counted

    text = f"{counted(totals.pieces, 'piece')} measured ({totals.sound_s / 3600:.4g} h of sound)"
    if totals.there:
        text += f", {totals.there} were there"
    return f"{text}, in {folder}"
