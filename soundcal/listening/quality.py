"""Quality of the answers while a test runs: findings for people, who decide what follows.

Computed from the stored answers with :func:`soundcal.ratings.check_quality`, which the analysis
uses later, and with what only the room knows: how long the sounds are and how often each was heard.
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import TYPE_CHECKING, Any, Final

from soundcal.agreement import icc
from soundcal.errors import ParameterError
from soundcal.listening.answers import rating_tables, ratings_of
from soundcal.listening.results import TrialRecord, read_results
from soundcal.ratings import check_quality

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["quality_of"]

_FEW_PAIRS: Final = 8
"""Repeated answers below which their consistency is not computed. A choice of soundcal."""

_UNUSED: Final = 0.25
"""Share of the scale below which the range of a person's answers is pointed out. A choice of
soundcal; a hint, not a criterion."""

_FEW_TRIALS: Final = 5
"""Trials from which on the range is judged."""


def quality_of(folder: Path, database: Path) -> list[dict[str, Any]]:
    """Return the quality of the answers of each participant to sounds, ready for JSON.

    Parameters
    ----------
    folder : Path
        Folder of the study.
    database : Path
        Its database.

    Returns
    -------
    list of dict
        ``code``, ``trials``; ``seconds``: median time on a trial in s; ``seconds_share``: the same
        in lengths of the sound; ``plays``: mean number of complete presentations;
        ``range_used``: largest minus smallest answer as a share of the scale; ``repeats``:
        intraclass correlation (form A,1) of the answers to repeated sounds; ``findings``: words.
        None where there is not enough data.

    Raises
    ------
    RecordError
        The database cannot be read.
    """
    results = read_results(folder, database)
    answered = [heard for heard in results.trials if heard.presentations and heard.answers]
    scored = [heard for heard in answered if heard.trial.scored]
    tables = list(rating_tables(results, "separate").items())
    found = Counter[tuple[str, str]]()
    for ratings in ratings_of(results, "separate"):
        durations = [row["duration_s"] for heard in scored for row in heard.presentations]
        findings = check_quality(ratings, shortest=min(durations)).findings
        # a person who has not finished yet has missed nothing
        for row in findings[findings["check"] != "incomplete"].to_dict("records"):
            found[str(row["participant"]), str(row["check"])] += 1
    people = dict.fromkeys(heard.participant for heard in scored)
    return [_of_person(code, scored, tables, found) for code in people]


def _of_person(
    code: str,
    scored: Sequence[TrialRecord],
    tables: "Sequence[tuple[tuple[float, float], pd.DataFrame]]",
    found: Counter[tuple[str, str]],
) -> dict[str, Any]:
    trials = [heard for heard in scored if heard.participant == code]
    times = [(heard.seconds, heard.presentations[-1]["duration_s"]) for heard in trials]
    known = [(seconds, duration) for seconds, duration in times if seconds is not None]
    ranges, pairs = [], []
    for (low, high), table in tables:
        own = table[table["participant"] == code]
        values = own["value"].dropna()
        if len(values):
            ranges.append((values.max() - values.min()) / (high - low))
        pairs += _repeated(own)
    findings = [f"{check}: {n}" for (person, check), n in sorted(found.items()) if person == code]
    used = max(ranges, default=None)
    if used is not None and used < _UNUSED and len(trials) >= _FEW_TRIALS:
        findings.append("small part of the scale used")
    return {
        "code": code,
        "trials": len(trials),
        "seconds": median(seconds for seconds, _ in known) if known else None,
        "seconds_share": median(s / d for s, d in known) if known else None,
        "plays": fmean(len(heard.plays) for heard in trials),
        "range_used": None if used is None else float(used),
        "repeats": _consistency(pairs),
        "findings": findings,
    }


def _repeated(own: "pd.DataFrame") -> list[tuple[float, float]]:
    """Return first and second answers to sounds that a person has heard twice or more."""
    own = own.assign(sound=own["stimulus"].str.split("@").str[0])
    groups = own.dropna(subset="value").groupby(["condition", "sound", "attribute"], sort=False)
    return [
        (float(group["value"].iloc[0]), float(group["value"].iloc[1]))
        for _, group in groups
        if len(group) > 1
    ]


def _consistency(pairs: Sequence[tuple[float, float]]) -> float | None:
    if len(pairs) < _FEW_PAIRS:
        return None
    try:
        return icc(pairs, "A,1").icc
    except ParameterError:  # all answers are the same
        return None
