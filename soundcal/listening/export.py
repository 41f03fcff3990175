"""Export of a listening test: tables with their descriptions, and the log of every participant.

An export is a pure function of the database: made twice from the same rows, it has the same bytes.
It reads at one moment and needs no lock, so that it can be made while the room is open.
"""

import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from soundcal.files.atomic import check_output, make_folder, partial_file
from soundcal.files.spreadsheet import for_cell, for_cells
from soundcal.lab.presentations import PresentationEvent
from soundcal.listening.answers import (
    NOT_MONITORED,
    Repeats,
    equalisations_of,
    played_equalisation,
    presentation_flags,
    question_table,
    rating_tables,
    ratings_of,
)
from soundcal.listening.block_results import agreement_of_people, block_results
from soundcal.listening.results import Results, TableRow, TrialRecord
from soundcal.listening.sidecars import described
from soundcal.plain import plain
from soundcal.version import __version__

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["exported_files", "rating_files", "write_export"]

_NOTHING: Final = "n/a"
"""A missing value in a .tsv file, as in BIDS."""


def write_export(
    results: Results,
    out: Path,
    *,
    repeats: Repeats = "mean",
    personal: bool = False,
    force: bool = False,
) -> list[Path]:
    """Write the export of a listening test into a folder.

    Parameters
    ----------
    results : Results
        Content of the database.
    out : Path
        The folder; made if it does not exist.
    repeats : {"mean", "first", "separate"}
        Use of repeated trials, see :func:`soundcal.listening.answers.rating_tables`.
    personal : bool
        With the answers to personal questions.
    force : bool
        Replace the files of an earlier export.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    RecordError
        A file exists and ``force`` is not set, or cannot be written.
    """
    files = exported_files(results, repeats=repeats, personal=personal)
    for name in files:
        make_folder((out / name).parent)
        check_output(out / name, force=force)  # all of them before the first is written
    for name, text in files.items():
        with partial_file(out / name, force=force) as temporary:
            temporary.write_bytes(text.encode())
    return [out / name for name in files]


def exported_files(
    results: Results, *, repeats: Repeats = "mean", personal: bool = False
) -> dict[str, str]:
    """Return the files of an export by their names; see :func:`write_export`."""
    study = results.study
    files: dict[str, str] = {}
    ratings = rating_tables(results, repeats)
    about = ratings_of(results, repeats)
    for name, table, ratings_made in zip(
        rating_files(ratings), ratings.values(), about, strict=True
    ):
        files[name] = _csv(table)
        sidecar = {
            "scale": list(ratings_made.scale),
            "language": ratings_made.language,
            "conditions": list(study.sound.conditions),
            "repeats": repeats,
            "notes": list(ratings_made.notes),
            "columns": described(table.columns),
        }
        files[name.replace(".csv", ".json")] = _json(sidecar)
    questions = question_table(results, personal=personal)
    if len(questions):
        files["answers.csv"] = _csv(questions)
        files["answers.json"] = _json({"columns": described(questions.columns)})
    for design in dict.fromkeys(block.design for block in study.blocks):
        trials = [found for found in results.trials if found.trial.design == design]
        rows = [_trial(found) for found in trials]
        items = (item for found in trials for item in found.items)
        files |= _with_sidecar(f"trials_{design}", rows, described(_names(rows), items))
    for block, found in block_results(results).items():
        rows = [plain(row) for row in found.to_dict("records")]
        files |= _with_sidecar(f"results_{block}", rows, described(found.columns))
    for block, found in agreement_of_people(results).items():
        rows = [plain(row) for row in found.to_dict("records")]
        files |= _with_sidecar(f"agreement_{block}", rows, described(found.columns))
    for name, rows in (("participants", _participants(results)), ("stimuli", _stimuli(results))):
        files |= _with_sidecar(name, rows, described(_names(rows)))
    files["dataset_description.json"] = _json(_description(results, repeats, personal))
    for person in results.participants:
        files[f"sessions/{person['code']}/session.jsonl"] = _session_log(results, person)
    return files


def rating_files(scales: Iterable[tuple[float, float]]) -> list[str]:
    """Return the names of the tables of ratings, one per scale.

    >>> rating_files([(0.0, 100.0), (1.0, 5.0)])
    ['ratings.csv', 'ratings_1_to_5.csv']
    """
    names = [f"ratings_{low:g}_to_{high:g}.csv" for low, high in scales]
    return ["ratings.csv", *names[1:]] if names else []


def _trial(found: TrialRecord) -> dict[str, Any]:
    plays = found.plays
    played = plays[-1] if plays else {}
    answers = found.answers
    own = {question.id for question in found.block.questions if question.personal}
    return {
        "participant_id": found.participant,
        "session": found.visit,
        "order": found.trial.position,
        "block": found.trial.block,
        "stimulus": found.trial.stimulus,
        "condition": found.trial.condition,
        "repeat": found.trial.repeat,
        "state": found.state,
        "plays": len(plays) if found.trial.stimulus else None,
        "presentation": played.get("id"),
        "verdict": (played.get("verdict") or NOT_MONITORED) if played else None,
        "flags": "; ".join(presentation_flags(played)) or None,
        "revision": max((row["revision"] for row in answers.values()), default=None),
        "seconds": found.seconds,
        **{
            name: found.said(name) or answers.get(name, {}).get("value")
            for name in sorted(found.trial.attributes)
            if name not in own
        },
    }


def _participants(results: Results) -> list[dict[str, Any]]:
    rows = []
    for person in results.participants:
        own = [found for found in results.trials if found.participant == person["code"]]
        presentations = results.presentations(person["code"])
        rows.append(
            {
                "participant_id": person["code"],
                "sequence": person["sequence"],
                "language": person["language"],
                "state": person["state"],
                "visits": len(results.sessions(person["code"])),
                "trials": len(own),
                "answered": sum(found.state == "answered" for found in own),
                "presentations": len(presentations),
                "exposure_pa2h": sum(row["exposure_pa2h"] for row in presentations),
                "consent_version": person["consent_version"],
            }
        )
    return rows


def _stimuli(results: Results) -> list[dict[str, Any]]:
    """Return the sounds as they were played: a row for each that differs in anything."""
    counts: Counter[tuple[tuple[str, Any], ...]] = Counter()
    for found in results.trials:
        for row in found.presentations:
            sound = {
                "stimulus": row["stimulus"],
                "condition": row["condition"],
                "sha256": row["sha256"],
                "gain_db": row["gain_db"],
                "calibration": row["calibration_id"],
                "device": row["device"],
                "target_db": row["target_db"],
                "u_db": row["u_db"],
                "laeq_db": row["predicted_laeq"],
                "lafmax_db": row["predicted_lafmax"],
                "lcpeak_db": row["predicted_lcpeak"],
                "exposure_pa2h": row["exposure_pa2h"],
                "duration_s": row["duration_s"],
            }
            if equalised := played_equalisation(row):
                how, digest = equalised
                sound |= {"response": how.response, "robust": how.robust, "played_sha256": digest}
            counts[tuple(sound.items())] += 1
    return [
        dict(sound) | {"presentations": n}
        for sound, n in sorted(counts.items(), key=lambda item: str(item[0]))
    ]


def _description(results: Results, repeats: Repeats, personal: bool) -> dict[str, Any]:
    study = results.study
    monitored = study.sound.monitor != "none"
    equalised = equalisations_of(results.tables["presentation"])
    return {
        "Name": study.title,
        "DatasetType": "raw",
        "GeneratedBy": [{"Name": "soundcal", "Version": __version__}],
        "StudyId": study.id,
        "StudyVersions": [
            {key: row[key] for key in ("version", "sha256", "frozen_at", "reason")}
            for row in results.tables["study"]
        ],
        "Seed": study.seed,
        "Languages": list(study.languages),
        "Conditions": list(study.sound.conditions),
        "Monitor": study.sound.monitor if monitored else NOT_MONITORED,
        **({"Equalisation": [how.to_dict() for how in equalised]} if equalised else {}),
        "Repeats": repeats,
        "PersonalAnswers": "included" if personal else "left out",
        "Withdrawn": results.withdrawn,
        "Layout": "like BIDS; no conformity with its validator is claimed",
    }


def _session_log(results: Results, person: TableRow) -> str:
    """Return the log of a participant, with the events of the protocol ``listening_session``."""
    sessions = results.sessions(person["code"])
    visits = {row["id"]: row["visit"] for row in sessions}
    trials = {found.id: found for found in results.trials}
    presentations = results.presentations(person["code"])
    versions = {row["id"]: row["version"] for row in results.tables["server_run"]}
    first = presentations[0] if presentations else None
    events: list[dict[str, Any]] = [
        {
            "time": sessions[0]["started"] if sessions else person["invited_at"],
            "event": "start",
            "schema": "soundcal/session/1",
            "protocol": "listen",
            "settings": {"study": results.study.id, "participant": person["code"]},
            "device": first["device"] if first else "",
            "software": {"soundcal": versions.get(first["run"], "") if first else ""},
        }
    ]
    for row in presentations:
        trial = trials[row["trial"]].trial if row["trial"] in trials else None
        event = PresentationEvent(
            participant=person["code"],
            position=trial.position if trial else None,
            stimulus=row["stimulus"],
            target=row["target_db"],
            gain_db=row["gain_db"],
            n_samples=row["n_samples"],
            xruns=row["xruns"],
            flags=presentation_flags(row),
        )
        events.append(
            {
                "time": row["started"] or row["requested"],
                "event": "presentation",
                **event.to_dict(),
                "presentation": row["id"],
                "kind": row["kind"],
                "visit": visits[row["session"]],
                "condition": row["condition"],
                "state": row["state"],
                "verdict": row["verdict"] or NOT_MONITORED,
                "measured_db": row["measured_db"],
                "exposure_pa2h": row["exposure_pa2h"],
            }
        )
    ended = [row["ended"] for row in sessions if row["ended"]]
    if ended and person["state"] in ("finished", "stopped"):
        status = "done" if person["state"] == "finished" else "aborted"
        events.append({"time": max(ended), "event": "stop", "exit_status": status})
    return "".join(json.dumps(event) + "\n" for event in events)


def _names(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for row in rows for name in row))


def _with_sidecar(
    name: str, rows: Sequence[Mapping[str, Any]], sidecar: Mapping[str, Any]
) -> dict[str, str]:
    """Return a table and the description of its columns; nothing if it has no rows."""
    if not rows:
        return {}
    columns = _names(rows)
    lines = [columns, *([_cell(row.get(column)) for column in columns] for row in rows)]
    text = "".join("\t".join(cells) + "\n" for cells in lines)
    return {f"{name}.tsv": text, f"{name}.json": _json(sidecar)}


def _cell(value: Any) -> str:
    if value is None or value == "":
        return _NOTHING
    if isinstance(value, str):
        # first without line breaks and outer spaces, behind which a formula would be missed
        return for_cell(" ".join(value.split())) or _NOTHING
    return f"{value:.10g}"


def _csv(table: "pd.DataFrame") -> str:
    out = io.StringIO()
    cells = for_cells(table.convert_dtypes())
    cells.to_csv(out, index=False, lineterminator="\n", float_format="%.10g")
    return out.getvalue()


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"
