"""Answers of a listening test as tables: ratings, and answers to questions.

Pure functions of :class:`soundcal.listening.results.Results`. Training and pilots are left out, and
so is whoever has withdrawn. Of a revised answer the last revision counts.
"""

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from soundcal.errors import ParameterError, RecordError
from soundcal.lab.equalisation import EqualisationRecord
from soundcal.listening.designs import Item
from soundcal.listening.results import (
    Results,
    TableRow,
    TrialRecord,
    database_of,
    read_results,
)
from soundcal.ratings import ANGLES, Ratings, make_ratings

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "NOT_MONITORED",
    "Repeats",
    "equalisations_of",
    "played_equalisation",
    "predicted_level",
    "presentation_flags",
    "question_table",
    "rating_tables",
    "ratings_of",
    "read_answers",
]

Repeats = Literal["mean", "first", "separate"]
"""Use of repeated trials: their mean, the first, or each under a name of its own, ``CG01@2``."""

NOT_MONITORED: Final = "not monitored"
"""Verdict on a presentation of which nothing was recorded."""

_RATING: Final = (
    *("participant", "condition", "stimulus", "attribute", "value", "order", "played", "seconds"),
    *("session", "block", "repeat", "revision", "plays", "input", "language", "presentation"),
    *("gain_db", "predicted_db", "measured_db", "verdict", "flags"),
)
"""Columns of a table of ratings; the first eight are those of :class:`soundcal.ratings.Ratings`."""

_QUESTION: Final = (
    *("participant", "condition", "stimulus", "question", "value", "text", "order", "seconds"),
    *("session", "block", "repeat", "revision", "input", "language"),
)

_TRIAL_KEY: Final = ("participant", "condition", "stimulus")


def rating_tables(
    results: Results, repeats: Repeats = "mean"
) -> "dict[tuple[float, float], pd.DataFrame]":
    """Return the tables of ratings, one per scale of the study, by its lowest and highest answer.

    Parameters
    ----------
    results : Results
        Content of the database.
    repeats : {"mean", "first", "separate"}
        Use of repeated trials: their mean, the first, or a stimulus name for each (``CG01@2``).

    Returns
    -------
    dict of (float, float) to DataFrame
        A row per answer; NaN where a scale was left unanswered. ``order`` is the place in the
        visit, ``plays`` the number of complete presentations, ``played`` 1 if there was one.
        ``presentation`` is the number of the last of them, to which ``gain_db``, ``predicted_db``,
        ``measured_db``, ``verdict`` and ``flags`` belong. Of repeats that
        are averaged, ``order`` is that of the first, ``plays`` the sum, and what differs stands
        side by side, separated by ``;``.

    Raises
    ------
    ParameterError
        Another use of repeats.
    """
    import pandas as pd

    if repeats not in get_args(Repeats):
        raise ParameterError(
            f"repeats {repeats!r}; one of {', '.join(get_args(Repeats))} is expected"
        )
    tables: dict[tuple[float, float], list[dict[str, Any]]] = defaultdict(list)
    counts: Counter[tuple[float | str, ...]] = Counter()
    for heard in results.trials:
        if not (heard.trial.scored and heard.trial.stimulus and heard.answers):
            continue
        rows = _ratings(heard)
        if not rows:
            continue
        scale = _scale(heard.scales)
        key = (*scale, *(rows[0][name] for name in _TRIAL_KEY))
        counts[key] += 1
        if repeats == "first" and counts[key] > 1:
            continue
        if repeats == "separate" and counts[key] > 1:
            for row in rows:
                row["stimulus"] = f"{row['stimulus']}@{counts[key]}"
        tables[scale] += rows
    return {
        scale: pd.DataFrame(_averaged(rows), columns=list(_RATING))
        for scale, rows in tables.items()
    }


def _ratings(heard: TrialRecord) -> list[dict[str, Any]]:
    """Return the answers to the scales of a trial, without those to questions."""
    plays = heard.plays
    played = plays[-1] if plays else {}
    common = {
        "participant": heard.participant,
        "condition": heard.trial.condition,
        "stimulus": heard.trial.stimulus,
        "order": heard.trial.position,
        "played": int(bool(plays)),
        "session": heard.visit,
        "block": heard.trial.block,
        "repeat": heard.trial.repeat,
        "plays": len(plays),
        "language": heard.language,
        "presentation": played.get("id"),
        "gain_db": played.get("gain_db"),
        "predicted_db": predicted_level(played) if played else None,
        "measured_db": played.get("measured_db"),
        "verdict": played.get("verdict") or NOT_MONITORED if played else "",
        "flags": "; ".join(presentation_flags(played)),
    }
    rows = []
    for item in heard.scales:
        answer = heard.answers.get(item.id, {})
        own = {key: answer.get(key) for key in ("value", "revision", "input", "seconds")}
        rows.append({**common, "attribute": item.id, **own})
    return rows


def _scale(scales: Sequence[Item]) -> tuple[float, float]:
    """Return the lowest and the highest answer to scales that a design has for one block."""
    lows = [item.low for item in scales if item.low is not None]
    highs = [item.high for item in scales if item.high is not None]
    return min(lows), max(highs)


def predicted_level(presentation: TableRow) -> float | None:
    """Return the level of a presentation as its target is stated, predicted, in dB re 20 µPa."""
    level: float | None = json.loads(presentation["predicted_json"]).get("level")
    return level


def played_equalisation(presentation: TableRow) -> tuple[EqualisationRecord, str] | None:
    """Return how a presentation was equalised, and the SHA-256 of what was played."""
    predicted = json.loads(presentation["predicted_json"])
    if not (record := predicted.get("equalisation")):
        return None
    return EqualisationRecord.from_dict(record), str(predicted["played_sha256"])


def equalisations_of(presentations: Iterable[TableRow]) -> tuple[EqualisationRecord, ...]:
    """Return every equalisation with which something was played, in the order of its first use."""
    found = [played_equalisation(row) for row in presentations]
    return tuple(dict.fromkeys(record for record, _ in filter(None, found)))


def presentation_flags(presentation: TableRow) -> list[str]:
    """Return the flags of a presentation."""
    text = presentation.get("flags")
    return list(json.loads(text)) if text else []


def _averaged(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one row per participant, condition, stimulus and attribute."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        groups[tuple(str(row[name]) for name in (*_TRIAL_KEY, "attribute"))].append(row)
    return [_mean(group) if len(group) > 1 else group[0] for group in groups.values()]


def _mean(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    def given(name: str) -> list[Any]:
        return [row[name] for row in rows if row[name] is not None]

    made = {name: _side_by_side(given(name)) for name in rows[0]}
    for name in ("value", "seconds", "measured_db"):
        made[name] = fmean(given(name)) if given(name) else None
    for name, combined in (("order", min), ("played", min), ("plays", sum), ("revision", max)):
        made[name] = combined(given(name)) if given(name) else None
    return made


def _side_by_side(values: Sequence[Any]) -> Any:
    different = list(dict.fromkeys(values))
    return different[0] if len(different) == 1 else "; ".join(map(str, different))


def question_table(results: Results, *, personal: bool = False) -> "pd.DataFrame":
    """Return the answers to questions, a row each.

    Parameters
    ----------
    results : Results
        Content of the database.
    personal : bool
        With the answers to personal questions; without them, the questions have no row.

    Returns
    -------
    DataFrame
        ``value`` is a number, ``text`` the choice or words; several choices are separated by
        ``;``. Both are empty if the question was left unanswered.
    """
    import pandas as pd

    rows = []
    for heard in results.trials:
        if not (heard.trial.scored and (heard.answers or heard.personal)):
            continue
        common = {
            "participant": heard.participant,
            "condition": heard.trial.condition,
            "stimulus": heard.trial.stimulus,
            "order": heard.trial.position,
            "session": heard.visit,
            "block": heard.trial.block,
            "repeat": heard.trial.repeat,
            "language": heard.language,
        }
        for question in heard.block.questions:
            if question.personal:
                if personal:
                    text = heard.personal.get(question.id)
                    rows.append({**common, "question": question.id, "text": text})
                continue
            answer = heard.answers.get(question.id, {})
            own = {key: answer.get(key) for key in ("value", "revision", "input", "seconds")}
            rows.append({**common, "question": question.id, **own, "text": heard.said(question.id)})
    return pd.DataFrame(rows, columns=list(_QUESTION))


def ratings_of(results: Results, repeats: Repeats = "mean", source: str = "") -> list[Ratings]:
    """Return the ratings for :mod:`soundcal.ratings`, one for each scale of the study."""
    language, notes = _language(row["language"] or "" for row in results.participants)
    return [
        make_ratings(
            table.drop(columns=[name for name in table if name not in _RATING[:8]]),
            scale=scale,
            language=language,
            sources=(source,) if source else (),
            notes=notes,
        )
        for scale, table in rating_tables(results, repeats).items()
    ]


def _language(spoken: Iterable[str]) -> tuple[str, tuple[str, ...]]:
    """Return the language that defines the angles of the attributes, and a remark."""
    languages = sorted({name for name in spoken if name})
    if len(languages) == 1 and languages[0] in ANGLES:
        return languages[0], ()
    reason = (
        f"participants answered in several languages ({', '.join(languages)})"
        if len(languages) > 1
        else f"no angles are published for the language {''.join(languages) or 'of the test'}"
    )
    return "equal", (f"{reason}: coordinates use equal angles",)


def read_answers(
    path: str | os.PathLike[str],
    *,
    repeats: Repeats = "mean",
    scale: tuple[float, float] | None = None,
) -> Ratings:
    """Read the ratings of a listening test, for :func:`soundcal.ratings.analyse_ratings`.

    Parameters
    ----------
    path : path
        Folder of the study, also while the room is open.
    repeats : {"mean", "first", "separate"}
        Use of repeated trials: their mean, the first, or a stimulus name for each (``CG01@2``).
    scale : tuple of float, optional
        Lowest and highest answer, needed if the study has several scales.

    Returns
    -------
    Ratings
        Without training, pilots and those who have withdrawn.

    Raises
    ------
    RecordError
        There is no study, or nobody has rated a sound yet.
    ParameterError
        The study has several scales, or not the one that is named.

    Examples
    --------
    >>> from soundcal.listening import read_answers
    >>> ratings = read_answers("test")                                     # doctest: +SKIP
    """
    folder = Path(path)
    found = ratings_of(read_results(folder, database_of(folder)), repeats, str(folder))
    if not found:
        raise RecordError(f"{folder}: nobody has rated a sound yet")
    if scale is None and len(found) == 1:
        return found[0]
    by_scale = {one.scale: one for one in found}
    if scale not in by_scale:
        scales = ", ".join(f"({low:g}, {high:g})" for low, high in by_scale)
        raise ParameterError(f"{folder}: scale={scale}; the study has the scales {scales}")
    return by_scale[scale]
