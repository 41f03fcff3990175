"""Answers of simulated participants, in a database and as what is read from one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from soundcal.listening.designs import DESIGNS, Trial
from soundcal.listening.plan import plan
from soundcal.listening.reading import read_study
from soundcal.listening.rehearsal.listeners import Listeners
from soundcal.listening.results import Results, TrialRecord
from soundcal.listening.store import Connection, Store
from soundcal.listening.study import Study

STUDY = """\
schema = "soundcal/study/1"
id = "cal-2026"
title = "Two calibrations"
seed = 7
[texts.eng]
information = "You will hear sounds."
consent_version = "2026-03-01"
[sound]
duration = 1.0
[sound.conditions]
OCV = "ocv/gains_ocv.json"
HATS = "hats/gains_hats.json"
[limits]
laeq_db = 90
[participants]
planned = {planned}
conditions = "sessions"
[[block]]
id = "training"
design = "paq"
stimuli = ["W01"]
scored = false
visits = "first"
[[block]]
id = "main"
design = "paq"
stimuli = {stimuli}
repeats = {repeats}
[[block.question]]
id = "sources"
kind = "many"
text = {{ eng = "Which sounds do you hear?" }}
choices = ["traffic", "people", "nature"]
required = false
[[block]]
id = "quality"
design = "acr"
stimuli = ["CG01"]
visits = "last"
[[block]]
id = "about-you"
design = "questions"
[[block.question]]
id = "hearing"
kind = "choice"
text = {{ eng = "Do you have any hearing loss that you know of?" }}
choices = ["no", "yes"]
personal = true
[[block.question]]
id = "remark"
kind = "text"
text = {{ eng = "Is there anything that we should know?" }}
required = false
"""

NOW = "2026-03-02T10:00:00.000+00:00"


def make_study(
    folder: Path, planned: int = 4, stimuli: str = '["CG01", "CG04"]', repeats: int = 1
) -> Study:
    """Write a study file and read it."""
    folder.mkdir(parents=True, exist_ok=True)
    text = STUDY.format(planned=planned, stimuli=stimuli, repeats=repeats)
    (folder / "study.toml").write_text(text, encoding="utf-8")
    return read_study(folder)


def listeners_of(study: Study, **settings: Any) -> Listeners:
    """Return people who rate the main block of a study."""
    block = study.block("main")
    questions = {question.id for question in block.questions}
    items = DESIGNS[block.design].items(block, "eng", study.words("eng"))
    rated = [item.id for item in items if item.id not in questions]
    cells = [(stimulus, name) for stimulus in block.stimuli for name in rated]
    conditions = tuple(study.sound.conditions)
    scale = {"scale": (0.0, 100.0), "step": 1.0, "effect": 0.15}
    return Listeners(cells, conditions, **(scale | settings))


def given(study: Study, trial: Trial, person: int, people: Listeners) -> Iterator[dict[str, Any]]:
    """Yield the rows of a person's answers to a trial; a question without sound has none here."""
    values: dict[str, float | None] = {}
    if trial.design == "paq" and trial.block == "main":
        names = [name for name in trial.attributes if name != "sources"]
        assert trial.stimulus is not None
        assert trial.condition is not None
        values |= people.answers(person, trial.condition, trial.stimulus, names, trial.repeat)
    elif trial.design != "questions":
        values |= dict.fromkeys((n for n in trial.attributes if n != "sources"), 3.0)
    for name, value in values.items():
        yield {
            "attribute": name,
            "revision": 0,
            "value": value,
            "text": None,
            "input": "pointer",
            "seconds": 20.0,
            "touched": 1,
        }


def results_of(study: Study, n: int, people: Listeners) -> Results:
    """Return the main block of n participants as if it had been read from a database."""
    block, records = study.block("main"), []
    items = DESIGNS[block.design].items(block, "eng", study.words("eng"))
    for person in range(1, n + 1):
        for visit in plan(study, person):
            for trial in visit.trials:
                if trial.block != block.id:
                    continue
                rows = {row["attribute"]: row for row in given(study, trial, person, people)}
                place = (len(records), f"P{person:03}", "eng", visit.number)
                records.append(TrialRecord(*place, block, items, trial, "answered", rows))
    codes = [{"code": f"P{person:03}", "language": "eng"} for person in range(1, n + 1)]
    return Results(study, tuple(codes), tuple(records), {})


def fill(database: Path, study: Study, n: int, people: Listeners) -> None:
    """Write n participants who finish the study into a database, as the room would."""
    with Store(database) as store:
        store.write(lambda connection: _fill(connection, study, n, people)).result()


def _fill(connection: Connection, study: Study, n: int, people: Listeners) -> None:
    def add(table: str, **row: Any) -> int:
        names, marks = ", ".join(row), ", ".join("?" * len(row))
        text = f"INSERT INTO {table} ({names}) VALUES ({marks})"
        return int(connection.execute(text, tuple(row.values())).lastrowid or 0)

    digests = {"sha256": study.sha256, "files_json": "{}"}
    add("study", version=1, toml=study.toml, frozen_at=NOW, reason="first participant", **digests)
    clock = {"host_clock_offset": 0.0, "pid": 1, "device": "sim:lab"}
    add("server_run", id=1, started=NOW, version="0.1.0", **clock)
    checked = {"operator": "Ada", "device": "sim:lab", "checks_json": "[]"}
    deviations = '{"left": 0.1, "right": -0.2}'
    add("level_check", at=NOW, kind="coupler", passed=1, deviations_json=deviations, **checked)
    add("event", **_EVENT, kind="opened", body="{}")
    for person in range(1, n + 1):
        code = f"QX{person:03}"
        place = {"code": code, "sequence": person, "token_hash": f"token of {code}", "pilot": 0}
        agreed = {"consent_version": "2026-03-01", "state": "finished", "invited_at": NOW}
        add("participant", language="eng", **place, **agreed)
        for visit in plan(study, person):
            times = {"started": NOW, "ended": NOW, "state": "finished"}
            own = {"visit": visit.number, "condition": visit.condition, "study_version": 1}
            session = add("session", participant=code, **own, **times)
            said = {"kind": "joined", "body": json.dumps({"code": code})}
            add("event", **_EVENT, participant=code, session=session, **said)
            for trial in visit.trials:
                of = {"block": trial.block, "design": trial.design, "position": trial.position}
                spec = json.dumps(trial.to_dict())
                number = add("trial", session=session, spec_json=spec, state="answered", **of)
                if trial.stimulus:
                    of = {"stimulus": trial.stimulus, "condition": trial.condition}
                    add("presentation", session=session, trial=number, **of, **_PRESENTATION)
                key = {"trial": number, "submit_key": f"key {number}", "at": NOW}
                add("submit", key=f"key {number}", trial=number, revision=0, body_sha256="", at=NOW)
                for row in given(study, trial, person, people):
                    add("answer", **key, **row)
                if trial.block == "main":
                    text = '["traffic", "nature"]'
                    add("answer", **key, attribute="sources", text=text, **_ANSWER)
                if trial.design == "questions":
                    text = f"hearing of {code}"
                    add("personal", trial=number, item="hearing", revision=0, text=text, at=NOW)
                    text = f"=remark of {code}"
                    add("answer", **key, attribute="remark", text=text, **_ANSWER)


_EVENT = {"at": NOW, "mono_ms": 0}
_ANSWER = {"revision": 0, "touched": 1, "input": "keys", "seconds": 20.0}
_PRESENTATION = {
    "kind": "stimulus",
    "seat": 1,
    "play_no": 1,
    "sha256": "5" * 64,
    "gain_db": -20.0,
    "calibration_id": "cal-1",
    "device": "sim:lab",
    "target_db": 65.0,
    "u_db": 1.0,
    "predicted_laeq": 65.5,
    "predicted_lafmax": 70.0,
    "predicted_lcpeak": 90.0,
    "predicted_json": '{"level": 65.0}',
    "exposure_pa2h": 1e-5,
    "duration_s": 1.0,
    "state": "done",
    "requested": NOW,
    "started": NOW,
    "ended": NOW,
    "run": 1,
    "mono_ms": 0,
    "n_samples": 48000,
    "xruns": 0,
}
