"""Descriptions of the columns of an export, as BIDS keeps them beside a table."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from soundcal.listening.designs import Item

__all__ = ["COLUMNS", "described"]

_STATES: Final = {
    "planned": "not reached",
    "current": "begun, not answered",
    "answered": "answered",
    "skipped": "skipped by the assistant",
    "joined": "has begun",
    "consented": "has agreed to take part",
    "finished": "has finished",
    "stopped": "has stopped, or was stopped",
}
"""States of trials, and of participants."""

COLUMNS: Final[Mapping[str, Mapping[str, Any]]] = {
    "participant": {"Description": "Code of the participant"},
    "participant_id": {"Description": "Code of the participant"},
    "condition": {"Description": "Condition: the table of gains with which the sound was played"},
    "stimulus": {"Description": "Stimulus; NAME@2 is its second presentation for rating"},
    "attribute": {"Description": "Attribute that was rated"},
    "question": {"Description": "Question of the study"},
    "value": {"Description": "Answer as a number; empty if there was none"},
    "text": {"Description": "Answer in words; several choices are separated by ;"},
    "order": {"Description": "Place in the visit, from 1"},
    "played": {"Description": "Sound presented to its end", "Levels": {"0": "no", "1": "yes"}},
    "seconds": {"Description": "Time on the page of the answer", "Units": "s"},
    "session": {"Description": "Visit of the participant, from 1"},
    "block": {"Description": "Block of the study"},
    "repeat": {"Description": "Number of the trial with this stimulus, condition and block"},
    "revision": {"Description": "Revision of the answer that counts; 0 is the first answer"},
    "plays": {"Description": "Complete presentations without a fault"},
    "input": {"Description": "Way of the answer: pointer, touch or keys"},
    "language": {"Description": "Language of the page (ISO 639-3)"},
    "presentation": {"Description": "Number of the last complete presentation"},
    "gain_db": {"Description": "Gain at which it was played", "Units": "dB"},
    "predicted_db": {
        "Description": "Predicted level as the target is stated: energetic mean of both ears",
        "Units": "dB re 20 uPa",
    },
    "measured_db": {"Description": "The same by the monitor", "Units": "dB re 20 uPa"},
    "verdict": {
        "Description": "Verdict on the presentation",
        "Levels": {
            "pass": "no fault found",
            "suspect": "a person decides",
            "invalid": "does not count",
            "not monitored": "nothing was recorded; frames and the driver's reports only",
        },
    },
    "flags": {"Description": "Doubts about the presentation, separated by ;"},
    "n": {"Description": "Number of participants"},
    "mos": {"Description": "Mean opinion score over the participants"},
    "mean": {"Description": "Mean over the participants"},
    "sd": {"Description": "Standard deviation over the participants"},
    "low": {"Description": "Lower end of the 95 % confidence interval: of the mean, or of icc"},
    "high": {"Description": "Upper end of it"},
    "sounds": {"Description": "Number of sounds"},
    "icc": {"Description": "Intraclass correlation ICC(A,1) of single participants"},
    "icc_mean": {"Description": "Intraclass correlation ICC(A,k) of the mean of the participants"},
    "median": {"Description": "Median of all answers"},
    "min": {"Description": "Lowest answer"},
    "max": {"Description": "Highest answer"},
    "answer": {"Description": "Answer that was given"},
    "share": {"Description": "Share of the participants who answered", "Units": "1"},
    "state": {"Description": "State of the trial or of the participant", "Levels": _STATES},
    "sequence": {"Description": "Number of the stored order, from 1"},
    "visits": {"Description": "Visits that were begun"},
    "trials": {"Description": "Planned trials of these visits"},
    "answered": {"Description": "Answered trials"},
    "presentations": {"Description": "Presentations, stopped and interrupted ones included"},
    "exposure_pa2h": {"Description": "Sound exposure of the louder ear", "Units": "Pa2h"},
    "consent_version": {"Description": "Version of the text of the consent"},
    "sha256": {"Description": "SHA-256 of the rendered samples"},
    "calibration": {"Description": "Calibration by which the gain was found"},
    "device": {"Description": "Device that played"},
    "target_db": {"Description": "Target level of the table of gains", "Units": "dB re 20 uPa"},
    "u_db": {"Description": "Standard uncertainty of the level", "Units": "dB"},
    "laeq_db": {"Description": "Predicted LAeq of the louder ear", "Units": "dB re 20 uPa"},
    "lafmax_db": {"Description": "Predicted LAFmax of the louder ear", "Units": "dB re 20 uPa"},
    "lcpeak_db": {"Description": "Predicted LCpeak of the louder ear", "Units": "dB re 20 uPa"},
    "duration_s": {"Description": "Duration", "Units": "s"},
    "response": {"Description": "Response of the headphones for which it was equalised"},
    "robust": {"Description": "Rule of the inverse of that response"},
    "played_sha256": {"Description": "SHA-256 of the equalised samples, without the gain"},
}
"""Description of every column of an export, except attributes and questions."""


def described(columns: Iterable[str], items: Iterable[Item] = ()) -> dict[str, Any]:
    """Return the sidecar of a table; ``items`` are what its other columns hold answers to."""
    own = {item.id: _item(item) for item in items}
    return {name: dict(COLUMNS.get(name) or own.get(name, {})) for name in columns}


def _item(item: Item) -> dict[str, Any]:
    made: dict[str, Any] = {"LongName": item.label or f"{item.low_label} – {item.high_label}"}
    if item.low is not None and item.high is not None:
        step = f" in steps of {item.step:g}" if item.step is not None else ""
        made["Units"] = f"scale from {item.low:g} to {item.high:g}{step}"
    if item.choices:
        made["Levels"] = dict(item.choices)
    elif item.low_label and item.low is not None and item.high is not None:
        made["Levels"] = {f"{item.low:g}": item.low_label, f"{item.high:g}": item.high_label}
    return made
