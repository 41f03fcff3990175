"""``soundcal verify``: check the indicators against the standards, and compare with MoSQITo."""

import argparse
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soundcal.cli.output import print_json, progress, say, show, writing_report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from soundcal.verification import Outcome
    from soundcal.verification.against_mosqito import MosqitoAgreement

__all__ = ["add"]


def add(commands: Any) -> None:
    """Add the command to the parser."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "verify",
        help="check the indicators against the values that the standards print",
        epilog="Exit code 4 if a value lies outside its limits. Known deviations are listed with "
        "their reason and do not count, nor do differences from MoSQITo.",
    )
    parser.add_argument(
        "--family",
        action="append",
        metavar="NAME",
        help="only this family of indicators; repeatable (default: all)",
    )
    parser.add_argument(
        "--no-mosqito",
        action="store_true",
        help="leave out the agreement with MoSQITo, which takes about half a minute",
    )
    parser.add_argument(
        "--statistics",
        action="store_true",
        help="simulate coverage and error rates of the statistics instead",
    )
    parser.add_argument(
        "--draws",
        type=int,
        metavar="N",
        help="draws of each rate of --statistics (default 400, about a minute; trials that take "
        "long have fewer)",
    )
    parser.add_argument("--report", metavar="FILE.html", help="also write the tables as a page")
    parser.add_argument("--pdf", action="store_true", help="also write the page as PDF, beside it")
    parser.add_argument("--force", action="store_true", help="replace existing files")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Compute all rows and print them, standard by standard."""
    from soundcal.errors import CalibrationError, ParameterError
    from soundcal.files.atomic import check_output
    from soundcal.files.records import provenance
    from soundcal.plain import plain
    from soundcal.verification import against_mosqito, all_rows, evaluate, outcome_summary

    if options.draws is not None and not options.statistics:
        raise ParameterError("--draws belongs to --statistics")
    work: list[Callable[[], Outcome]] = (
        _statistics(options)
        if options.statistics
        else [partial(evaluate, row) for row in all_rows(options.family)]
    )
    if options.report:
        for page in _pages(options):
            check_output(page, force=options.force)
    elif options.pdf:
        raise ParameterError("--pdf needs a page; give --report FILE.html")
    outcomes = []
    with progress("verifying", len(work), unit="rows") as advance:
        for number, compute in enumerate(work, start=1):
            outcomes.append(compute())
            advance(number, "")
    beside: list[MosqitoAgreement] = []
    if not (options.no_mosqito or options.statistics):
        with progress("comparing", len(against_mosqito.signals()), unit="signals") as advance:
            beside = against_mosqito.compare_with_mosqito(options.family, advance)
    if options.report:
        _write(options, outcomes, beside)
        say("report in " + ", ".join(map(str, _pages(options))))
    failed = [outcome for outcome in outcomes if outcome.verdict == "fail"]
    if options.json:
        content = {
            "software": provenance(),
            "rows": [plain(outcome.to_dict()) for outcome in outcomes],
            "failed": len(failed),
            "mosqito": [comparison.to_dict() for comparison in beside],
        }
        print_json("soundcal/verify/1", content)
    else:
        for line in (*_table(outcomes), *_agreement(beside)):
            show(line)
    say(outcome_summary(outcomes))
    return CalibrationError.exit_code if failed else 0


def _pages(options: argparse.Namespace) -> list[Path]:
    """Return the paths of the report: the page, and its PDF if it is asked for."""
    page = Path(options.report)
    return [page, page.with_suffix(".pdf")] if options.pdf else [page]


def _write(
    options: argparse.Namespace,
    outcomes: "Sequence[Outcome]",
    beside: "Sequence[MosqitoAgreement]",
) -> None:
    from soundcal.report import write_document
    from soundcal.report.certificate import certificate_document
    from soundcal.report.standards import verification_document
    from soundcal.verification.statistics import SimulatedRate

    rates = [outcome for outcome in outcomes if isinstance(outcome, SimulatedRate)]
    document = certificate_document(rates) if rates else verification_document(outcomes, beside)
    page = Path(options.report)
    with writing_report() as advance:
        write_document(document, page, pdf=options.pdf, force=options.force, progress=advance)


def _statistics(options: argparse.Namespace) -> "list[Callable[[], Outcome]]":
    from soundcal.errors import ParameterError
    from soundcal.verification.statistics import ALARM, DRAWS, all_rates, check_draws, simulate

    if options.family:
        raise ParameterError("--family names indicators; leave it out with --statistics")
    draws = DRAWS if options.draws is None else options.draws
    check_draws(draws)
    rates = all_rates()
    return [partial(simulate, stated, draws, ALARM / len(rates)) for stated in rates]


def _table(outcomes: "Sequence[Outcome]") -> list[str]:
    lines = []
    heading = ""
    for outcome in outcomes:
        row = outcome.row
        if heading != (heading := f"{row.standard}, {row.clause}"):
            lines += ["", heading]
        limits = f"{_number(row.lower)} … {_number(row.upper)}"
        lines.append(
            f"  {outcome.verdict:<15} {_number(outcome.value):>10} {row.unit:<6} {limits:<22} "
            f"{'stated' if row.grade == 'simulation' else 'printed'} "
            f"{_number(row.expected):>8}  {row.quantity}"
            + (" [target]" if row.grade == "target" else "")
        )
        if row.known_deviation:
            lines.append(f"    {row.known_deviation}")
    return lines


def _agreement(comparisons: "Sequence[MosqitoAgreement]") -> list[str]:
    if not comparisons:
        return []
    n = comparisons[0].agreement.n
    lines = ["", f"Agreement with MoSQITo 1.2.1: soundcal − MoSQITo in % of the mean, {n} signals"]
    for comparison in comparisons:
        found = comparison.agreement
        low, high = found.bias_ci
        worst = max(range(n), key=lambda i: abs(found.points.difference[i]))
        lines.append(
            f"  {comparison.quantity.label:<22} bias {found.bias:+.3f} ({low:+.3f} … {high:+.3f}), "
            f"95 % limits {found.lower:+.3f} … {found.upper:+.3f}; largest "
            f"{found.points.difference[worst]:+.3f}, {found.points.labels[worst]}"
        )
    errors = dict.fromkeys(error for c in comparisons for error in c.known_errors)
    return [*lines, "  Known errors of MoSQITo:", *(f"    {error}" for error in errors)]


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e5 else f"{value:g}"
