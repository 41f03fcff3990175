"""Options of the commands that compare and report: ``compare``, ``report``, ``ratings``."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from soundcal.errors import ParameterError

if TYPE_CHECKING:
    from soundcal.study import Rules

__all__ = ["EAR_RULES", "add_page_options", "add_rule_options", "answers_from", "rules_from"]

EAR_RULES: Final = ("mean", "max", "energy", "left", "right", "binaural")
COMPARED_EARS: Final = (*EAR_RULES, "both")
SCALES: Final = ("difference", "ratio", "percent")
TAKES: Final = ("constant", "varying")
FURTHER: Final = ("deming", "passing-bablok", "ccc", "icc", "tdi")
INTERVALS: Final = ("exact", "pair", "1999", "1986", "mover")
FIGURES: Final = ("svg", "png", "pdf")


def add_page_options(group: Any, *, pdf: str, figures: str) -> None:
    """Add the options of a written page to a parser's group.

    Parameters
    ----------
    group : argument group
        Group of an argparse parser.
    pdf, figures : str
        Help texts, which state where the PDF and the figures are written.
    """
    group.add_argument("--title", metavar="TEXT", help="heading of the report")
    group.add_argument("--pdf", action="store_true", help=pdf)
    group.add_argument("--figures", nargs="+", choices=FIGURES, default=[], help=figures)
    group.add_argument("--force", action="store_true", help="replace existing files")
    group.add_argument("--json", action="store_true", help="one JSON object on stdout")


def add_rule_options(parser: argparse.ArgumentParser) -> None:
    """Add the options for the rules of a comparison and for its report."""
    group = parser.add_argument_group("comparison")
    group.add_argument(
        "--reference",
        metavar="NAME",
        help="compare the other methods with this one only: reference − other",
    )
    group.add_argument(
        "--ears",
        choices=COMPARED_EARS,
        default="mean",
        help="one value of both ears: arithmetic mean (default), max (ISO/TS 12913-3), energy "
        "(levels; other indicators: mean), left or right; binaural: the value of both ears that a "
        "standard itself defines (hearing model, ECMA-418-2); both: no such value, but limits of a "
        "single ear from a model of both",
    )
    group.add_argument(
        "--scale",
        nargs="+",
        default=[],
        metavar="[INDICATOR=]KIND",
        help="difference (default), ratio (first/second) or percent (of the mean of both methods), "
        "of all indicators that are not levels, or of one of them, e.g. N=ratio S=percent",
    )
    group.add_argument(
        "--takes",
        choices=TAKES,
        default="constant",
        help="repeated takes (column take): constant, takes of one method are independent of those "
        "of the other (default); varying, takes of one name are pairs",
    )
    group.add_argument(
        "--also",
        nargs="+",
        choices=FURTHER,
        default=[],
        help="further statistics: lines between the methods, concordance and intraclass "
        "correlation, total deviation index",
    )
    group.add_argument(
        "--interval",
        choices=INTERVALS,
        default="exact",
        help="confidence intervals of the limits (default: exact)",
    )
    group.add_argument(
        "--confidence",
        type=float,
        default=0.95,
        metavar="P",
        help="confidence level of the intervals (default 0.95)",
    )
    group.add_argument(
        "--paper",
        action="store_true",
        help="analysis of Lam et al. (2022): z = 1.96, intervals of 1999, mean of both ears",
    )
    group.add_argument(
        "--delta",
        nargs="+",
        default=[],
        metavar="LABEL=VALUE",
        help="allowable differences, fixed before the data were seen, for one label or for all "
        "statistics of an indicator, in its unit or in per cent, e.g. L(A)=1 N5=0.5 R=17%%; jnd "
        "stands for published just noticeable differences (jnd:noise: those of noise), which own "
        "values override; in per cent where the scale is ratio or percent",
    )
    group.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="STIMULUS=REASON",
        help="leave out a stimulus; the report prints the reason; repeat as needed",
    )
    texts = parser.add_argument_group("report")
    texts.add_argument(
        "--answer",
        action="append",
        default=[],
        metavar="ITEM=TEXT",
        help='answer to an item of the reporting checklist, e.g. 16="none"; repeat as needed',
    )
    add_page_options(
        texts,
        pdf="also write the report as PDF",
        figures="also write every figure as a file in these formats, into the folder of --out",
    )


def rules_from(options: argparse.Namespace) -> "Rules":
    """Return the rules that the options state."""
    from soundcal.study import Rules

    if options.paper and (options.ears != "mean" or options.interval not in ("exact", "1999")):
        raise ParameterError(
            f"--paper means --ears mean and --interval 1999, but --ears {options.ears} --interval "
            f"{options.interval} is given; leave one of them out"
        )
    delta, jnd = _deltas_of(options.delta)
    scale: dict[str, Any] = {}
    for text in options.scale:
        name, found, kind = text.rpartition("=")
        if kind not in SCALES or (found and not name) or name in scale:
            raise ParameterError(
                f"--scale {text}: once {', '.join(SCALES)}, or INDICATOR=KIND once for each of "
                "them is expected, e.g. --scale N=ratio S=percent"
            )
        scale[name] = kind
    excluded = {}
    for text in options.exclude:
        stimulus, found, reason = text.partition("=")
        if not found:
            raise ParameterError(f"--exclude {text}: STIMULUS=REASON expected, e.g. N1=clipped")
        excluded[stimulus] = reason
    return Rules(
        ears=options.ears,
        scale=scale[""] if list(scale) == [""] else scale or "difference",
        takes=options.takes,
        also=tuple(options.also),
        interval=options.interval,
        confidence=options.confidence,
        paper=options.paper,
        delta=delta,
        jnd=jnd,
        excluded=excluded,
    )


def _deltas_of(texts: Sequence[str]) -> tuple[dict[str, float | str], str]:
    """Return the allowable differences stated one by one, and the name of a published set."""
    delta: dict[str, float | str] = {}
    sets = []
    for text in texts:
        label, found, value = text.partition("=")
        if not found and label.split(":")[0] == "jnd":
            sets.append(label)
            continue
        try:
            delta[label] = value if value.endswith("%") else float(value)
        except ValueError as error:
            raise ParameterError(
                f"--delta {text}: LABEL=VALUE with a number or a percentage expected, e.g. LAeq=1 "
                "or R=17%, or jnd for published just noticeable differences"
            ) from error
    if len(sets) > 1:
        raise ParameterError(f"--delta {' '.join(sets)}: one published set expected")
    return delta, "".join(sets)


def answers_from(options: argparse.Namespace) -> dict[int, str]:
    """Return the answers to the checklist that the options give."""
    answers = {}
    for text in options.answer:
        number, found, answer = text.partition("=")
        if not found or not number.isdigit():
            raise ParameterError(f"--answer {text}: ITEM=TEXT expected, e.g. 16=none")
        answers[int(number)] = answer
    return answers
