"""Content of a study's database, read at one moment: the source of every export.

The rows are those of one read transaction, so that an export made while the room is open is
consistent. What follows from them is computed by :mod:`soundcal.listening.answers`.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from soundcal.errors import RecordError
from soundcal.listening.designs import DESIGNS, Item, Trial
from soundcal.listening.reading import read_study
from soundcal.listening.store import Store
from soundcal.listening.study import Block, Study

__all__ = ["LEVEL_NOT_CHECKED", "Results", "TableRow", "TrialRecord", "database_of", "read_results"]

TableRow = Mapping[str, Any]
"""A row of a table, by the names of its columns."""

_TABLES: Final = (
    *("study", "server_run", "participant", "session", "trial", "presentation", "answer"),
    *("personal", "level_check", "event", "withdrawal"),
)


LEVEL_NOT_CHECKED: Final = "level not checked"
"""Flag of presentations before which no coupler and no voltmeter has confirmed the levels."""


@dataclass(frozen=True, slots=True)
class TrialRecord:
    """A trial of a participant as it took place.

    Parameters
    ----------
    id : int
        Number of the trial in the database.
    participant, language : str
        Code of the participant, and language of the page.
    visit : int
        Number of the visit, from 1.
    block : Block
        The block as it was when the trial took place.
    items : tuple of Item
        What the trial asks, in the first language of the study.
    trial : Trial
        What was planned.
    state : str
        State of the trial.
    answers : mapping of str to row
        Last revision of each answer by attribute or question, without personal ones.
    personal : mapping of str to str
        Personal answers by question.
    presentations : tuple of row
        Every presentation of the sound, in that order.
    """

    id: int
    participant: str
    language: str
    visit: int
    block: Block
    items: tuple[Item, ...]
    trial: Trial
    state: str
    answers: Mapping[str, TableRow] = field(default_factory=dict)
    personal: Mapping[str, str] = field(default_factory=dict)
    presentations: tuple[TableRow, ...] = ()

    @property
    def scales(self) -> tuple[Item, ...]:
        """The scales on which the sound is rated, without the questions of the block."""
        questions = {question.id for question in self.block.questions}
        return tuple(item for item in self.items if item.id not in questions)

    def words(self, name: str) -> list[str]:
        """Return an answer in words: none, one text, or several choices."""
        text: str | None = self.answers.get(name, {}).get("text")
        if not text:
            return []
        several = any(item.id == name and item.kind == "many" for item in self.items)
        return list(json.loads(text)) if several else [text]

    def said(self, name: str) -> str | None:
        """Return an answer in words, several choices separated by ``;``; None if it has none."""
        return "; ".join(self.words(name)) or None

    @property
    def seconds(self) -> float | None:
        """Time on the page of the answers in s; None if it is not known."""
        times = [row["seconds"] for row in self.answers.values() if row["seconds"] is not None]
        return max(times, default=None)

    @property
    def plays(self) -> tuple[TableRow, ...]:
        """Complete presentations without a fault."""
        return tuple(
            row
            for row in self.presentations
            if row["state"] == "done" and row["verdict"] != "invalid"
        )


@dataclass(frozen=True, slots=True)
class Results:
    """The content of a database.

    Parameters
    ----------
    study : Study
        The study as it was frozen last.
    participants : tuple of row
        Those who joined and have not withdrawn, without pilots.
    trials : tuple of TrialRecord
        Their trials, in the order of the database.
    tables : mapping of str to tuple of row
        All rows of all tables.
    """

    study: Study
    participants: tuple[TableRow, ...]
    trials: tuple[TrialRecord, ...]
    tables: Mapping[str, tuple[TableRow, ...]]

    def sessions(self, code: str) -> list[TableRow]:
        """Return the rows of a participant's visits."""
        return [row for row in self.tables["session"] if row["participant"] == code]

    def presentations(self, code: str) -> list[TableRow]:
        """Return the rows of everything that was played to a participant."""
        visits = {row["id"] for row in self.sessions(code)}
        return [row for row in self.tables["presentation"] if row["session"] in visits]

    @property
    def withdrawn(self) -> int:
        """Number of people who have withdrawn their data."""
        return len({row["code_hash"] for row in self.tables["withdrawal"]})


def database_of(folder: Path, *, pilot: bool = False) -> Path:
    """Return the database of a study: that of its participants, or that of the pilot."""
    return folder / ("pilot.sqlite" if pilot else "answers.sqlite")


def read_results(folder: Path, database: Path, *, begun: bool = True) -> Results:
    """Return the content of a database.

    Parameters
    ----------
    folder : Path
        Folder of the study.
    database : Path
        The database.
    begun : bool
        Refuse a database in which nobody has taken part yet; without it, the study is then that of
        the folder.

    Raises
    ------
    RecordError
        There is none, it cannot be read, or nobody has taken part yet, so that no study is in it.
    """
    with Store(database, read_only=True) as store, store.read() as connection:
        tables: dict[str, tuple[TableRow, ...]] = {}
        for name in _TABLES:
            rows = connection.execute(f"SELECT * FROM {name} ORDER BY rowid")
            tables[name] = tuple(dict(row) for row in rows)
    tables["presentation"] = _flagged(tables["presentation"], tables["level_check"])
    if begun and not tables["study"]:
        raise RecordError(f"{database}: nobody has taken part yet; there is nothing to export")
    studies = {row["version"]: read_study(folder, text=row["toml"]) for row in tables["study"]}
    people = tuple(row for row in tables["participant"] if not row["pilot"] and _took_part(row))
    last = studies[max(studies)] if studies else read_study(folder)
    return Results(last, people, _trials(studies, people, tables), tables)


def _flagged(presentations: Sequence[TableRow], checks: Sequence[TableRow]) -> tuple[TableRow, ...]:
    """Return the presentations; those after a check by ears only, or none, carry a flag."""
    found = []
    for row in presentations:
        before = [check for check in checks if check["passed"] and check["at"] <= row["requested"]]
        if before and before[-1]["kind"] != "ears_only":
            found.append(row)
        else:
            flags = [*json.loads(row["flags"]), LEVEL_NOT_CHECKED]
            found.append({**row, "flags": json.dumps(list(dict.fromkeys(flags)))})
    return tuple(found)


def _took_part(person: TableRow) -> bool:
    """Return whether somebody's answers are there, and may be used.

    Who has declined a text that was amended later, but consented to an earlier one and did not
    withdraw, took part until then.
    """
    if person["state"] == "declined":
        return person["consent_version"] is not None
    return person["state"] not in ("invited", "withdrawn")


def _trials(
    studies: Mapping[int, Study],
    people: Sequence[TableRow],
    tables: Mapping[str, Sequence[TableRow]],
) -> tuple[TrialRecord, ...]:
    languages = {row["code"]: row["language"] or "" for row in people}
    sessions = {row["id"]: row for row in tables["session"] if row["participant"] in languages}
    answers: dict[int, dict[str, TableRow]] = defaultdict(dict)
    for row in sorted(tables["answer"], key=lambda row: int(row["revision"])):
        answers[row["trial"]][row["attribute"]] = row
    personal: dict[int, dict[str, str]] = defaultdict(dict)
    for row in sorted(tables["personal"], key=lambda row: int(row["revision"])):
        personal[row["trial"]][row["item"]] = row["text"]
    presentations = defaultdict(list)
    for row in tables["presentation"]:
        presentations[row["trial"]].append(row)
    asked = {
        (version, block.id): DESIGNS[block.design].items(block, first, study.words(first))
        for version, study in studies.items()
        for first in study.languages[:1]
        for block in study.blocks
    }
    found = []
    for row in tables["trial"]:
        if (session := sessions.get(row["session"])) is None:
            continue
        name, number = session["participant"], row["id"]
        version = session["study_version"]
        trial = Trial.from_dict(json.loads(row["spec_json"]))
        found.append(
            TrialRecord(
                id=number,
                participant=name,
                language=languages[name],
                visit=int(session["visit"]),
                block=studies[version].block(trial.block),
                items=asked[version, trial.block],
                trial=trial,
                state=row["state"],
                answers=answers[number],
                personal=personal[number],
                presentations=tuple(presentations[number]),
            )
        )
    return tuple(found)
