"""Options of the relation of ratings to a study, and its computation: ``relate`` and ``report``."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from soundcal.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

    from soundcal.ratings import Ratings
    from soundcal.relation import Relation

__all__ = ["add_relation_options", "check_combination", "relation_from"]


def add_relation_options(group: Any, *, prefix: str = "") -> None:
    """Add the options of a relation to a parser's group.

    Parameters
    ----------
    group : argument group
        Group of an argparse parser.
    prefix : str
        Start of the names of the options.
    """
    group.add_argument(
        f"--{prefix}conditions",
        dest="relation_conditions",
        nargs=2,
        metavar=("FIRST", "SECOND"),
        help="conditions of the ratings that belong to FIRST and SECOND of --methods, if their "
        "names differ",
    )
    group.add_argument(
        f"--{prefix}combination",
        dest="relation_combination",
        metavar="NAME",
        help="combination of equipment that the ratings belong to, if the study has several",
    )
    group.add_argument(
        f"--{prefix}attributes",
        dest="relation_attributes",
        nargs="+",
        default=[],
        metavar="NAME",
        help="attributes to relate, pleasantness and eventfulness among them (default: all); fewer "
        "questions need smaller correlations for an answer",
    )
    group.add_argument(
        f"--{prefix}u",
        dest="relation_u",
        nargs="+",
        type=_labelled,
        default=[],
        metavar="LABEL=VALUE",
        help="standard uncertainty of an indicator's difference at a single stimulus, as far as it "
        "varies from stimulus to stimulus, e.g. LAeq=0.3 (default: 0)",
    )
    group.add_argument(
        f"--{prefix}permutations",
        dest="relation_permutations",
        type=int,
        default=9999,
        metavar="N",
        help="permutations of the stimuli for the tests (default 9999)",
    )
    group.add_argument(
        f"--{prefix}seed",
        dest="relation_seed",
        type=int,
        default=1,
        metavar="N",
        help="seed of the random numbers (default 1)",
    )


def _labelled(text: str) -> tuple[str, float]:
    """Return label and number of ``LABEL=VALUE``."""
    label, _, value = text.partition("=")
    try:
        return label, float(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(
            f"{text}: LABEL=VALUE with a number expected, e.g. LAeq=0.3"
        ) from error


def relation_from(
    options: argparse.Namespace,
    differences: "pd.DataFrame",
    ratings: "Ratings",
    *,
    methods: Sequence[str] | None,
    prefix: str = "",
) -> "Relation":
    """Relate the ratings to the differences of a study as the options ask for.

    Parameters
    ----------
    options : Namespace
        With the options of :func:`add_relation_options`, and ``confidence``.
    differences : DataFrame
        See :meth:`soundcal.study.Study.differences`.
    ratings : Ratings
        The answers.
    methods : sequence of str or None
        The two methods; by default those that were also rated.
    prefix : str
        Start of the names of the options.
    """
    from soundcal.relation import relate

    chosen = _of_combination(differences, options.relation_combination, prefix)
    conditions = options.relation_conditions
    pair = _pair(methods, conditions, chosen, ratings, prefix)
    return relate(
        chosen,
        ratings,
        pair,
        conditions=(conditions[0], conditions[1]) if conditions else None,
        attributes=options.relation_attributes,
        u=dict(options.relation_u),
        confidence=options.confidence,
        permutations=options.relation_permutations,
        seed=options.relation_seed,
    )


def check_combination(name: str | None, prefix: str, known: Sequence[str]) -> None:
    """Refuse a study of several combinations of equipment if none, or another one, was named.

    Parameters
    ----------
    name : str or None
        Value of the option.
    prefix : str
        Start of the names of the options.
    known : sequence of str
        Combinations of the study.

    Raises
    ------
    ParameterError
        The ratings cannot belong to all of them.
    """
    from soundcal.files.names import some

    option = f"--{prefix}combination"
    if name is None and len(known) > 1:
        raise ParameterError(
            f"the study has the combinations {some(known)}; name the one that the ratings belong "
            f"to with {option}"
        )
    if name is not None and name not in known:
        raise ParameterError(
            f"{option} {name}: the study has {some(filter(None, known)) or 'none'}"
        )


def _of_combination(differences: "pd.DataFrame", name: str | None, prefix: str) -> "pd.DataFrame":
    """Return the differences of the combination of equipment that the ratings belong to."""
    known = list(differences["combination"].unique()) if "combination" in differences else [""]
    check_combination(name, prefix, known)
    return differences if name is None else differences[differences["combination"] == name]


def _pair(
    methods: Sequence[str] | None,
    conditions: Sequence[str] | None,
    differences: "pd.DataFrame",
    ratings: "Ratings",
    prefix: str,
) -> tuple[str, str]:
    """Return the methods whose differences are related."""
    if methods:
        return methods[0], methods[1]
    rows = differences[["first", "second"]].drop_duplicates()
    pairs = [(str(first), str(second)) for first, second in rows.to_numpy()]
    rated = [pair for pair in pairs if conditions or set(pair) <= set(ratings.conditions)]
    if len(rated) == 1:
        return rated[0]
    known = "; ".join(f"{first} and {second}" for first, second in pairs)
    raise ParameterError(
        f"--methods FIRST SECOND is needed: the study compares {known}, the ratings have "
        f"{', '.join(ratings.conditions)}; if the names differ, name the ratings' conditions in "
        f"the same order with --{prefix}conditions"
    )
