"""Tables of results that designs share."""

from typing import TYPE_CHECKING

from soundcal.agreement import icc
from soundcal.agreement.intervals import t_quantile
from soundcal.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["consistency", "counts", "mean_opinion", "profile"]

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


def consistency(table: "pd.DataFrame", *, confidence: float = 0.95) -> "pd.DataFrame":
    """Return how much the participants agree on the differences of the sounds.

    Parameters
    ----------
    table : DataFrame
        ``participant, condition, stimulus, attribute, value``. Repeated answers of a person are
        averaged; people who did not rate all sounds of a condition are left out of it.
    confidence : float
        Of the interval.

    Returns
    -------
    DataFrame
        ``condition, attribute, sounds, n`` (participants), ``icc, low, high``: intraclass
        correlation of single participants, two-way, absolute agreement, and its interval;
        ``icc_mean``: the same of their mean. Left out is what two people or two sounds are not
        there for, and what does not vary.

    Notes
    -----
    McGraw & Wong (1996), ICC(A,1) and ICC(A,k); see :func:`soundcal.agreement.icc`.
    """
    import pandas as pd

    rows = []
    answered = table.dropna(subset=["value", *_SOUND])
    for (condition, attribute), part in answered.groupby(["condition", "attribute"], sort=False):
        wide = part.pivot_table(index="stimulus", columns="participant", values="value")
        rated = wide.dropna(axis="columns").to_numpy()
        try:
            one, mean = (icc(rated, form, confidence=confidence) for form in ("A,1", "A,k"))
        except ParameterError:  # too few, or all alike
            continue
        sounds, n = rated.shape
        rows.append((condition, attribute, sounds, n, one.icc, *one.ci, mean.icc))
    columns = ["condition", "attribute", "sounds", "n", "icc", "low", "high", "icc_mean"]
    return pd.DataFrame(rows, columns=columns)


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
