"""Every screen and state that a participant can see, as the data that the room gives of it."""

from collections.abc import Iterator, Mapping
from typing import Any

from soundcal.listening.room import View

PAQ = ("pleasant", "chaotic", "vibrant", "uneventful", "calm", "annoying", "eventful", "monotonous")
AGREE = ("Strongly disagree", "Disagree", "Neither", "Agree", "Strongly agree")

PARAGRAPHS = (
    "You will hear 27 sounds, twice. After each sound you tell how you perceive the sound "
    "environment. There are no right or wrong answers.\n\n"
    "Your answers are stored under a code, without your name. You can stop at any time."
)


def item(name: str, kind: str = "slider", **given: Any) -> dict[str, Any]:
    """Return an item of a page as the room gives it."""
    usual: dict[str, Any] = {
        "id": name,
        "kind": kind,
        "label": name,
        "low": 0.0,
        "high": 100.0,
        "step": 1.0,
        "low_label": AGREE[0] if kind in ("slider", "number") else "",
        "high_label": AGREE[-1] if kind in ("slider", "number") else "",
        "choices": [],
        "required": True,
        "personal": False,
        "start": None,
    }
    return {**usual, **given}


SLIDERS = [item(name) for name in PAQ]
LIKERT = [
    item(name, "buttons", choices=[[str(n), text] for n, text in enumerate(AGREE, 1)])
    for name in PAQ[:3]
]
ACR = [
    item(
        "quality",
        "buttons",
        label="What is your opinion of the quality of the sound you have just heard?",
        choices=[["5", "Excellent"], ["4", "Good"], ["3", "Fair"], ["2", "Poor"], ["1", "Bad"]],
    )
]
QUESTIONS = [
    item(
        "hearing",
        "choice",
        label="Do you have any hearing loss that you know of?",
        choices=[[word, word] for word in ("no", "yes", "no answer")],
        personal=True,
    ),
    item(
        "sources",
        "many",
        label="Which sounds did you hear?",
        choices=[[word, word] for word in ("traffic", "voices", "birds", "water", "music")],
    ),
    item(
        "age", "number", label="How old are you?", low=18.0, high=99.0, low_label="", high_label=""
    ),
    item("remarks", "text", label="Is there anything you would like to tell us?", required=False),
]
FIGURES = [item(name, "buttons", choices=[[str(n), str(n)] for n in range(11)]) for name in PAQ[:2]]
NUMBERS = [item(name, "number") for name in PAQ[:2]]
BIPOLAR = [
    item("e1", label="", low_label="uneventful", high_label="eventful"),
    item("e2", label="How pleasant was it?", low=-3.0, high=3.0, start=0.0),
    item("e3", label="How loud was it?", start=83.0),
]

PROMPT = "To what extent do you agree or disagree that the sound environment is …"


def trial(**given: Any) -> dict[str, Any]:
    """Return the data of a trial."""
    usual: dict[str, Any] = {
        "trial": 7,
        "count": {"i": 3, "n": 27},
        "can_play": True,
        "can_stop": False,
        "can_previous": False,
        "duration_s": 30.0,
        "position_s": None,
        "played": 0,
        "plays_left": None,
        "items": SLIDERS,
        "draft": None,
        "revision": 0,
        "question": PROMPT,
        "template": "scales.html",
    }
    return {**usual, **given}


DRAFT = {
    "pleasant": {"value": 72, "input": "touch"},
    "calm": {"value": 50, "input": "keys"},
    "hearing": {"value": "yes", "input": "pointer"},
    "sources": {"value": ["birds", "water"], "input": "pointer"},
    "age": {"value": 41, "input": "keys"},
    "quality": {"value": 4.0, "input": "keys"},
}

SCREENS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "language": ("language", {"languages": ["eng"]}),
    "information": ("information", {"text": PARAGRAPHS, "consent_version": "2026-03-01"}),
    "declined": ("declined", {}),
    "headphones": ("headphones", {"heard": {}, "next": "left"}),
    "headphones-ask": ("headphones", {"heard": {}, "next": "left", "ask": "left"}),
    "headphones-playing": (
        "headphones",
        {"heard": {}, "next": "left", "ask": "left", "playing": True},
    ),
    "headphones-swapped": (
        "headphones",
        {"heard": {"left": "right"}, "next": "left", "problem": "turn"},
    ),
    "comfort": ("comfort", {}),
    "comfort-playing": ("comfort", {"playing": True}),
    "comfort-played": ("comfort", {"played": True}),
    "instructions": ("instructions", {"text": PARAGRAPHS, "design": "paq", "sounds": True}),
    "instructions-acr": (
        "instructions",
        {"text": PARAGRAPHS, "design": "acr", "sounds": True, "practice": True},
    ),
    "ready": ("ready", trial()),
    "ready-limited": ("ready", trial(plays_left=1, practice=True)),
    "ready-busy": ("ready", trial(can_play=False)),
    "ready-restarted": ("ready", trial(notice="restarted")),
    "ready-help": ("ready", trial(help=True)),
    "playing": ("playing", trial(position_s=11.4)),
    "playing-again": ("playing", trial(position_s=3.0, played=1, can_stop=True, draft=DRAFT)),
    "answer": ("answer", trial(played=1)),
    "answer-draft": ("answer", trial(played=1, draft=DRAFT, can_previous=True)),
    "answer-used": ("answer", trial(played=2, plays_left=0, can_play=False)),
    "answer-likert": ("answer", trial(played=1, items=LIKERT)),
    "answer-steps": (
        "answer",
        trial(
            played=1,
            items=[
                item(
                    "loud",
                    "buttons",
                    low_label="not at all",
                    high_label="extremely",
                    choices=[[str(n), str(n)] for n in range(11)],
                )
            ],
        ),
    ),
    "answer-acr": ("answer", trial(played=1, items=ACR, question="", draft=DRAFT)),
    "answer-figures": ("answer", trial(played=1, items=FIGURES)),
    "answer-numbers": ("answer", trial(played=1, items=NUMBERS)),
    "answer-bipolar": ("answer", trial(played=1, items=BIPOLAR, question="")),
    "questions": (
        "answer",
        trial(
            duration_s=None,
            can_play=False,
            items=QUESTIONS,
            question="",
            template="questions.html",
            count={"i": 1, "n": 1},
        ),
    ),
    "technical": ("technical", trial(starting=True, can_play=False)),
    "technical-help": ("technical", trial(assistant=True, help=True, can_play=False)),
    "pause": ("pause", {"done": 14, "n": 27, "seconds_left": 47.0, "at_most_s": 600.0}),
    "pause-over": ("pause", {"done": 14, "n": 27, "seconds_left": 0.0}),
    "waiting": ("waiting", {"reason": "turn", "position": 2}),
    "waiting-help": ("waiting", {"reason": "help", "help": True, "can_continue": True}),
    "other_window": ("other_window", {}),
    "other_window-released": ("other_window", {"released": True}),
    "closed": ("closed", {}),
    "limit": ("limit", {}),
    "stopped": ("stopped", {"reason": "too loud"}),
    "end": ("end", {"can_withdraw": True}),
    "end-visit": ("end", {"code": "K7Q4-M2XP", "next_visit": True}),
    "withdrawn": ("withdrawn", {}),
}
"""Name of a state to its screen and data."""


def views(language: str = "eng") -> Iterator[tuple[str, View]]:
    """Give every state by its name."""
    for number, (name, (screen, data)) in enumerate(SCREENS.items(), 1):
        yield name, View(number, screen, language, {"key": f"key-{number}", **data})
