"""A dashboard with data in every field, for tests of its page and routes."""

from collections.abc import Callable, Mapping
from typing import Any

from soundcal.errors import ParameterError


def person(code: str, **given: Any) -> dict[str, Any]:
    """Return a row of the table of people."""
    usual: dict[str, Any] = {
        "code": code,
        "sequence": 1,
        "state": "running",
        "language": "eng",
        "visit": 1,
        "condition": "OCV",
        "block": "main",
        "at_sound": True,
        "done": 13,
        "n": 29,
        "contact_s": 2,
        "away": False,
        "queue": 1,
        "call": "",
        "reason": "",
        "exposure_pa2h": 0.0018,
        "exposure_share": 0.011,
    }
    return {**usual, **given}


STATE: Mapping[str, Any] = {
    "role": "experimenter",
    "study": "cal-2026",
    "pilot": False,
    "closed": "",
    "failure": "",
    "counts": {"planned": 36, "running": 3, "done": 12, "dropped": 1},
    "people": [
        person("K7MQ2X", call="asks for help", contact_s=1),
        person("9TRW4H", queue=2, contact_s=140, away=True, visit=2),
        person("PX3C8N", state="stopped", reason="too loud", block=None, queue=None),
        person("B4ZQ7K", state="finished", block=None, queue=None, contact_s=None, done=29),
        person(
            "HN5V2T", state="invited", block=None, queue=None, contact_s=None, done=0, n=0,
            visit=None, exposure_pa2h=0.0, exposure_share=0.0,
        ),
    ],
    "device": {
        "name": "sim:lab",
        "xruns": 1,
        "faults": 1,
        "limits": {"laeq_db": 85.0, "exposure_pa2h": 0.16},
        "check": {
            "kind": "coupler",
            "passed": True,
            "age_h": 2.4,
            "valid": True,
            "operator": "AB",
            "deviations": ["left ear: +0.1 dB", "right ear: −0.2 dB"],
            "reasons": ["the volume control may have been moved"],
            "note": "",
        },
    },
    "plays": [
        {
            "at": "2026-11-30T04:11:23.512+00:00",
            "code": "K7MQ2X",
            "kind": "trial",
            "stimulus": "CG01",
            "condition": "OCV",
            "state": state,
            "verdict": verdict,
            "xruns": xruns,
            "predicted_db": 68.4,
            "measured_db": measured,
            "deviation_db": None if measured is None else measured - 68.4,
            "flags": flags,
        }
        for state, verdict, xruns, measured, flags in (
            ("playing", "", None, None, []),
            ("done", "pass", 0, 68.5, []),
            ("invalid", "invalid", 1, 61.0, ["a dropout of 12 ms"]),
            ("done", "", 0, None, []),
        )
    ],
    "balance": ["Conditions of 16 people: HATS then OCV 8, OCV then HATS 8."],
    "quality": [
        {
            "code": "K7MQ2X", "trials": 13, "seconds": 48.2, "seconds_share": 1.6, "plays": 1.2,
            "range_used": 0.93, "repeats": None, "findings": [],
        },
        {
            "code": "B4ZQ7K", "trials": 29, "seconds": 31.0, "seconds_share": 1.0, "plays": 1.0,
            "range_used": 0.21, "repeats": 0.41,
            "findings": ["straight-lining: 3", "small part of the scale used"],
        },
    ],
}  # fmt: skip
"""Data of the dashboard."""


class FakeDashboard:
    """Shows the same data for ever, and records what is done."""

    def __init__(self) -> None:
        self.log: list[tuple[str, Mapping[str, Any]]] = []
        self.changes: dict[str, Any] = {}

    def role(self, key: str) -> str:
        """Return the role."""
        return key.removesuffix("-key") if key in ("experimenter-key", "assistant-key") else ""

    def state(self, role: str) -> dict[str, Any]:
        """Return the data of a role."""
        state = {**STATE, "role": role, **self.changes}
        return state if role == "experimenter" else {**state, "quality": None}

    def act(self, action: str, body: Mapping[str, Any]) -> None:
        """Record an action."""
        if body.get("reason") == "":
            raise ParameterError("state the reason")
        self.log.append((action, body))

    def subscribe(self, tell: Callable[..., None]) -> Callable[[], None]:
        """Tell nothing."""
        return lambda: None
