"""The table of ratings: one row per answer, checked, with exclusions and their reasons."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from soundcal.errors import ParameterError, RecordError
from soundcal.files.names import in_counting_order, normal_name
from soundcal.ratings.soundscape import ANGLES, ATTRIBUTES, LIKERT, coordinates
from soundcal.recording import counted

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["COLUMNS", "OPTIONAL", "Exclusion", "Ratings", "make_ratings"]

COLUMNS: Final = ("participant", "condition", "stimulus", "attribute", "value")
"""Columns that every table of ratings has."""

OPTIONAL: Final = ("order", "played", "seconds")
"""Place in the participant's sequence from 1; 1 if the sound was played; seconds on the trial."""

KEYS: Final = ("participant", "condition", "stimulus")

ALL: Final = "all"
"""Name used instead of a stimulus for the mean over all stimuli of a participant."""

_TAKEN: Final = {
    "stimulus": (ALL,),
    "condition": ("participant", "unanswered", "seconds", "excluded", "reason"),
}
"""Names with a meaning of their own in the tables of results."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Ratings left out of the analysis, with the reason.

    Parameters
    ----------
    participant : str
        Name of the participant.
    reason : str
        Reason of the exclusion; printed in every report.
    condition, stimulus : str
        Condition and stimulus of the excluded trials; "" for all of them.
    """

    participant: str
    reason: str
    condition: str = ""
    stimulus: str = ""

    def __post_init__(self) -> None:
        for name in KEYS:
            object.__setattr__(self, name, normal_name(getattr(self, name)))
        if not self.participant or not self.reason.strip():
            raise ParameterError(
                f"exclusion of {self.participant or 'nobody'} without a reason; state both"
            )

    def to_dict(self) -> dict[str, str]:
        """Return the fields."""
        return {
            "participant": self.participant,
            "condition": self.condition,
            "stimulus": self.stimulus,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True, eq=False)
class Ratings:
    """Answers of a listening test.

    Parameters
    ----------
    table : DataFrame
        One row per answer: :data:`COLUMNS` (text, and ``value``; NaN where not answered) and
        :data:`OPTIONAL`, NaN where unknown.
    scale : tuple of float
        Lowest and highest answer.
    language : str
        Language that defines the angles of the attributes, see :data:`soundcal.ratings.ANGLES`.
    excluded : tuple of Exclusion
        Exclusions of answers that are not in ``table``.
    sources : tuple of str
        Sources of the answers, e.g. files.
    notes : tuple of str
        Remarks about how the answers were read, for people.
    """

    table: "pd.DataFrame"
    scale: tuple[float, float]
    language: str = "equal"
    excluded: tuple[Exclusion, ...] = ()
    sources: tuple[str, ...] = field(default=())
    notes: tuple[str, ...] = ()

    @property
    def conditions(self) -> tuple[str, ...]:
        """Conditions in the order in which they first occur."""
        return tuple(self.table["condition"].unique())

    @property
    def stimuli(self) -> tuple[str, ...]:
        """Stimuli in alphabetical order, numbers in them in that of counting."""
        return tuple(in_counting_order(self.table["stimulus"].unique()))

    @property
    def attributes(self) -> tuple[str, ...]:
        """Attributes in the order of the circle, then any others in the order of occurrence."""
        there = list(self.table["attribute"].unique())
        known = [name for name in ATTRIBUTES if name in there]
        return tuple(known + [name for name in there if name not in known])

    def check_scale(self) -> None:
        """Refuse answers outside the scale, such as the number for "no answer" of a program.

        Raises
        ------
        ParameterError
            There are some.
        """
        low, high = self.scale
        outside = self.table[(self.table["value"] < low) | (self.table["value"] > high)]
        if len(outside):
            first = outside.iloc[0]
            trial = ", ".join(f"{name} {first[name]}" for name in (*KEYS, "attribute"))
            raise ParameterError(
                f"{counted(len(outside), 'answer lies', 'answers lie')} outside the scale from "
                f"{low:g} to {high:g}, the first is {first['value']:g} ({trial}); "
                "correct the scale, leave the cells of missing answers empty, or exclude these "
                "trials with a reason"
            )

    def wide(self) -> "pd.DataFrame":
        """Return one row per trial: participant, condition, stimulus as index, attributes across.

        Attributes are in the order of :attr:`attributes`; a missing answer is NaN.
        """
        table = self.table.pivot(index=list(KEYS), columns="attribute", values="value")
        return table.reindex(columns=list(self.attributes))

    def unanswered(self) -> "pd.DataFrame":
        """Return the answers that are missing from the trials: empty, or without a row.

        An attribute without a row is missing from a trial if the table has it for the same stimulus
        under the same condition, of anybody.

        Returns
        -------
        DataFrame
            ``participant, condition, stimulus, attribute``.
        """
        wide = self.wide()
        rows = self.table.assign(value=1.0)
        there = rows.pivot(index=list(KEYS), columns="attribute", values="value").notna()
        asked = there.groupby(["condition", "stimulus"]).transform("any")
        absent = (asked.reindex(columns=wide.columns) & wide.isna()).to_numpy()
        trial, attribute = absent.nonzero()
        found = wide.index[trial].to_frame(index=False)
        return found.assign(attribute=wide.columns.to_numpy()[attribute])

    def points(self) -> "pd.DataFrame":
        """Return pleasantness and eventfulness of every trial, for scatter and contour plots.

        Returns
        -------
        DataFrame
            ``participant, condition, stimulus, pleasantness, eventfulness``; trials without all
            eight attributes are left out.

        Raises
        ------
        ParameterError
            The eight attributes were not asked.
        """
        wide = self.wide()
        missing = [name for name in ATTRIBUTES if name not in wide.columns]
        if missing:
            raise ParameterError(
                f"attributes {', '.join(missing)} are not in the table; coordinates need all eight"
            )
        p, e = coordinates(
            wide[list(ATTRIBUTES)].to_numpy(), scale=self.scale, language=self.language
        )
        frame = wide.index.to_frame(index=False)
        return frame.assign(pleasantness=p, eventfulness=e).dropna().reset_index(drop=True)

    def to_isd(self) -> "pd.DataFrame":
        """Return the trials with the columns of the International Soundscape Database (ISD).

        They are those that Soundscapy reads (version 0.8.5, ``surveys`` and ``databases.isd``):
        ``soundscapy.databases.isd.validate(table)``, and its plots of ``ISOPleasant`` and
        ``ISOEventful``.

        Returns
        -------
        DataFrame
            One row per trial. ``LocationID`` is the stimulus, ``SessionID`` the condition,
            ``GroupID`` the participant, ``RecordID`` a running number as text. ``PAQ1`` …
            ``PAQ8`` are the attributes in the order of :data:`soundcal.ratings.ATTRIBUTES`, and any
            others follow by their names, all on the scale from 1 to 5 that Soundscapy expects:
            answers on another scale are converted linearly. ``ISOPleasant`` and ``ISOEventful``
            are the coordinates of :meth:`points`; Soundscapy's own differ from them unless the
            angles are equal (see :func:`soundcal.ratings.soundscape.centring`). A missing answer is
            NaN. ``attrs["val_range"]`` and ``attrs["angles"]`` are for
            ``soundscapy.surveys.add_iso_coords``.

        Raises
        ------
        ParameterError
            Not all eight attributes were asked, or answers outside the scale.

        Notes
        -----
        Such a table is read back with this mapping (see :func:`soundcal.ratings.read_mapped`, and
        ``soundcal ratings --mapping``)::

            language = "equal"
            [scale]
            low = 1
            high = 5
            [columns]
            participant = "GroupID"
            condition = "SessionID"
            stimulus = "LocationID"
            [wide]
            pleasant = "PAQ1"
            vibrant = "PAQ2"
            eventful = "PAQ3"
            chaotic = "PAQ4"
            annoying = "PAQ5"
            monotonous = "PAQ6"
            uneventful = "PAQ7"
            calm = "PAQ8"
        """
        self.check_scale()
        points = self.points().set_index(list(KEYS))
        low, high = self.scale
        wide = self.wide()
        if self.scale != LIKERT:
            wide = LIKERT[0] + (LIKERT[1] - LIKERT[0]) / (high - low) * (wide - low)
        wide.columns = [
            f"PAQ{ATTRIBUTES.index(name) + 1}" if name in ATTRIBUTES else name
            for name in self.attributes
        ]
        wide["ISOPleasant"] = points["pleasantness"].reindex(wide.index)
        wide["ISOEventful"] = points["eventfulness"].reindex(wide.index)
        table = wide.reset_index()
        names = {"stimulus": "LocationID", "condition": "SessionID", "participant": "GroupID"}
        for place, (ours, theirs) in enumerate(names.items()):
            table.insert(place, theirs, table.pop(ours))
        table.insert(len(names), "RecordID", [str(i + 1) for i in range(len(table))])
        table.attrs = {"val_range": LIKERT, "angles": ANGLES[self.language]}
        return table

    def exclude(self, exclusions: "list[Exclusion] | tuple[Exclusion, ...]") -> "Ratings":
        """Return the ratings without the excluded ones, which stay on record.

        Raises
        ------
        ParameterError
            An exclusion matches no row: a misspelt name must not go unnoticed.
        """
        keep = np.ones(len(self.table), dtype=bool)
        for one in exclusions:
            hit = (self.table["participant"] == one.participant).to_numpy()
            for column in ("condition", "stimulus"):
                wanted = getattr(one, column)
                if wanted:
                    hit = hit & (self.table[column] == wanted).to_numpy()
            if not hit.any():
                named = (repr(one.participant), one.condition, one.stimulus)
                raise ParameterError(
                    f"exclusion of participant {' '.join(filter(None, named))}: no such ratings; "
                    "check the names"
                )
            keep = keep & ~hit
        return replace(
            self,
            table=self.table[keep].reset_index(drop=True),
            excluded=(*self.excluded, *exclusions),
        )

    def participants(self) -> "pd.DataFrame":
        """Return the participants with their trials and exclusions.

        Returns
        -------
        DataFrame
            ``participant``, trials in each condition, ``unanswered`` (answers missing),
            ``seconds`` (median per trial), ``excluded`` and ``reason``; participants excluded
            altogether have a row without trials.
        """
        import pandas as pd

        trials = self.table.drop_duplicates(list(KEYS))
        counts = pd.crosstab(trials["participant"], trials["condition"])
        counts = counts.reindex(columns=list(self.conditions))
        frame = counts.assign(
            unanswered=self.unanswered()["participant"].value_counts(),
            seconds=trials.groupby("participant")["seconds"].median(),
        )
        gone = {one.participant for one in self.excluded}
        frame["unanswered"] = frame["unanswered"].fillna(0).astype(int)
        frame = frame.reindex(in_counting_order({*frame.index, *gone}))
        frame[list(self.conditions)] = frame[list(self.conditions)].fillna(0).astype(int)
        reasons: dict[str, list[str]] = {}
        for one in self.excluded:
            what = " ".join(part for part in (one.condition, one.stimulus) if part) or "all"
            reasons.setdefault(one.participant, []).append(f"{what}: {one.reason}")
        frame["excluded"] = [name in gone for name in frame.index]
        frame["reason"] = ["; ".join(reasons.get(name, [])) for name in frame.index]
        frame.columns.name = None
        return frame.rename_axis("participant").reset_index()

    def to_dict(self) -> dict[str, Any]:
        """Return the description of the ratings, without the answers, ready for JSON."""
        return {
            "scale": list(self.scale),
            "language": self.language,
            "conditions": list(self.conditions),
            "stimuli": list(self.stimuli),
            "attributes": list(self.attributes),
            "participants": int(self.table["participant"].nunique()),
            "answers": int(self.table["value"].notna().sum()),
            "excluded": [one.to_dict() for one in self.excluded],
            "sources": list(self.sources),
            "notes": list(self.notes),
        }


def make_ratings(
    table: "pd.DataFrame",
    *,
    scale: tuple[float, float],
    language: str = "equal",
    sources: tuple[str, ...] = (),
    attributes: Mapping[str, str] | None = None,
    notes: tuple[str, ...] = (),
) -> Ratings:
    """Check a table of answers, one row each.

    Parameters
    ----------
    table : DataFrame
        :data:`COLUMNS`, in any order, and any of :data:`OPTIONAL`; further columns are dropped.
    scale : tuple of float
        Lowest and highest answer. Answers outside are kept here, reported by
        :func:`soundcal.ratings.check`, and refused by the analysis.
    language : str
        Language that defines the angles of the attributes.
    sources : tuple of str
        Sources of the answers, e.g. files.
    attributes : mapping of str to str, optional
        Other names of the attributes, each with the name that it stands for.
    notes : tuple of str
        Remarks about how the answers were read.

    Raises
    ------
    RecordError
        Columns missing, a trial answered twice, answers that are not numbers, an unnamed trial, or
        a name with a meaning of its own, such as a stimulus ``all``.
    ParameterError
        An impossible scale.
    """
    import pandas as pd

    if np.shape(scale) != (2,):
        raise ParameterError(
            f"scale {scale!r}: two numbers are expected, the lowest and the highest answer, such "
            "as (1, 5)"
        )
    if not scale[0] < scale[1]:
        raise ParameterError(f"scale from {scale[0]} to {scale[1]}; lowest and highest expected")
    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise RecordError(
            f"columns {', '.join(missing)} are missing; expected: {', '.join(COLUMNS)}, and "
            f"optionally {', '.join(OPTIONAL)}; pandas makes a column per attribute long with "
            "table.melt(['participant', 'condition', 'stimulus'], var_name='attribute')"
        )
    frame = pd.DataFrame({name: table[name] for name in COLUMNS[:-1]})
    for name in frame.columns:
        names = [normal_name(str(text)) for text in frame[name]]
        if frame[name].isna().any() or "" in names:
            raise RecordError(f"column {name}: some rows are empty; every answer needs one")
        if taken := set(names) & set(_TAKEN.get(name, ())):
            raise RecordError(
                f"column {name}: the name {min(taken)!r} has a meaning of its own in the tables "
                "of results; rename it"
            )
        frame[name] = names
    frame["attribute"] = frame["attribute"].replace(dict(attributes or {}))
    for name in ("value", *OPTIONAL):
        given = table[name] if name in table.columns else np.nan
        try:
            numbers = pd.to_numeric(pd.Series(given, index=table.index))
            frame[name] = numbers.astype(np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise RecordError(f"column {name}: numbers are expected ({error})") from error
    twice = frame.duplicated([*KEYS, "attribute"])
    if twice.any():
        first = frame.loc[twice, [*KEYS, "attribute"]].to_dict("records")[0]
        raise RecordError(
            f"{counted(int(twice.sum()), 'answer is', 'answers are')} given twice, e.g. "
            + ", ".join(f"{name} {value}" for name, value in first.items())
            + "; average repeated trials first, or give them different stimulus names"
        )
    return Ratings(frame.reset_index(drop=True), scale, language, (), sources, notes)
