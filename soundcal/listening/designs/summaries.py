"""Tables of results that designs share."""

from typing import TYPE_CHECKING

from soundcal.agreement.intervals import t_quantile

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["counts", "mean_opinion", "profile"]

_SOUND = ["condition", "stimulus"]


def _means(table: "pd.DataFrame", keys: list[str], confidence: float) -> "pd.DataFrame":
    """Return n, mean, sd and the interval of the mean by Student's t over participants."""
    answered = table.dropna(subset=["value"])
    # repeated answers of one person are one observation
    people = answered.groupby([*keys, "participant"], sort=False)["value"].mean()
    found = people.groupby(keys, sort=False).agg(n="count", mean="mean", sd="std")
    t = [t_quantile(confidence, n - 1) if n > 1 else float("nan") for n in found["n"]]
    half = found["sd"] / found["n"] ** 0.5 * t
    with_interval: pd.DataFrame = found.assign(low=found["mean"] - half, high=found["mean"] + half)
    return with_interval


def mean_opinion(table: "pd.DataFrame", *, confidence: float = 0.95) -> "pd.DataFrame":
    """Return the mean opinion score (MOS) of every sound.

    Parameters
    ----------
    table : DataFrame
        ``participant, condition, stimulus, value``; several scores of a person for one sound are
        averaged first.
    confidence : float
        Of the interval, by Student's t over the participants.

    Returns
    -------
    DataFrame
        ``condition, stimulus, n`` (participants), ``mos, sd, low, high``; the interval of a single
        participant is NaN.
    """
    return _means(table, _SOUND, confidence).rename(columns={"mean": "mos"}).reset_index()


def profile(table: "pd.DataFrame", *, confidence: float = 0.95) -> "pd.DataFrame":
    """Return the answers to every attribute of every sound in short.

    Parameters
    ----------
    table : DataFrame
        ``participant, condition, stimulus, attribute, value``.
    confidence : float
        Of the interval of the mean, by Student's t over the participants.

    Returns
    -------
    DataFrame
        ``condition, stimulus, attribute, n`` (participants), ``mean, sd, low, high, median, min,
        max``.
    """
    keys = [*_SOUND, "attribute"]
    found = _means(table, keys, confidence)
    values = table.dropna(subset=["value"]).groupby(keys, sort=False)["value"]
    return found.join(values.agg(["median", "min", "max"])).reset_index()


def counts(table: "pd.DataFrame") -> "pd.DataFrame":
    """Return how often every answer was given.

    Parameters
    ----------
    table : DataFrame
        ``participant, condition, stimulus, attribute, value, text``: answers in words are texts,
        several choices a row each.

    Returns
    -------
    DataFrame
        ``condition, stimulus, attribute, answer, n, share`` (of the participants who answered);
        condition and stimulus are empty for questions without sound.
    """
    keys = [*_SOUND, "attribute"]
    answer = table["value"].map(lambda value: f"{value:g}", na_action="ignore")
    if "text" in table.columns:
        answer = answer.where(table["value"].notna(), table["text"])
    rows = table.assign(answer=answer).dropna(subset=["answer"])
    rows = rows.assign(**{name: rows[name].fillna("") for name in _SOUND})
    n = rows.groupby([*keys, "answer"])["participant"].nunique().rename("n")
    people = rows.groupby(keys)["participant"].nunique().rename("people")
    found = n.reset_index().merge(people.reset_index(), on=keys)
    return found.assign(share=found["n"] / found["people"]).drop(columns="people")
