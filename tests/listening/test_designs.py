"""The contract of every design: replayable, strict in what it accepts, right in its results."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from listening_study import small_study

from soundcal.errors import ParameterError
from soundcal.listening.designs import (
    DESIGNS,
    Answered,
    Ask,
    Design,
    Done,
    Event,
    Item,
    Listened,
    Present,
    Trial,
    check_designs,
    consistency,
    shown_items,
)
from soundcal.listening.designs.registry import Designs
from soundcal.listening.plan import plan
from soundcal.listening.study import Study
from soundcal.ratings import make_ratings

SOUNDS = 'stimuli = ["CG01", "CT301", "E02", "N1"]\n'
QUESTION = '[[block.question]]\nid = "{0}"\nkind = "{0}"\ntext = {{ eng = "?" }}\n'
QUESTIONS = (
    QUESTION.format("choice")
    + 'choices = ["yes", "no"]\n'
    + QUESTION.format("many")
    + 'choices = ["birds", "cars", "people"]\n'
    + 'choice_texts = { eng = ["Birds", "Cars", "People"] }\n'
    + QUESTION.format("scale")
    + 'low = 1\nhigh = 5\nlabels = { eng = ["not at all", "completely"] }\n'
    + QUESTION.format("number")
    + "low = 18\nhigh = 99\nrequired = false\n"
    + QUESTION.format("text")
    + "required = false\npersonal = true\n"
)
ATTRIBUTES = """
[[block.attribute]]
id = "loud"
label = { eng = "loud" }

[[block.attribute]]
id = "sharp-dull"
low_label = { eng = "sharp" }
high_label = { eng = "dull" }
"""
BLOCKS = {
    "paq": 'scale = { start = "middle", attribute_order = "per trial" }\n',
    "paq-likert": 'scale = { low = 1, high = 5, input = "buttons" }\n',
    "scales": 'scale = { low = -3, high = 3, start = "random", attribute_order = '
    '"per participant" }\n' + ATTRIBUTES,
    "scales-number": 'scale = { low = 0, high = 10, step = 0.1, input = "number" }\n' + ATTRIBUTES,
    "acr": "plays = { min_complete = 2 }\n",
    "questions": QUESTIONS,
}
"""A block of every design, some of them twice."""


def study_of(folder: Path, kind: str, *, sounds: str = SOUNDS, head: str = "") -> Study:
    design = kind.split("-")[0]
    block = f'[[block]]\nid = "main"\ndesign = "{design}"\n{sounds}{head}{BLOCKS[kind]}'
    return small_study(folder, blocks=block)


@pytest.fixture(params=BLOCKS)
def study(request: pytest.FixtureRequest, tmp_path: Path) -> Study:
    return study_of(tmp_path, request.param)


def design_of(study: Study) -> Design:
    return DESIGNS[study.blocks[0].design]


def items_of(study: Study, trial: Trial) -> tuple[Item, ...]:
    words = study.words("eng")
    return shown_items(design_of(study).items(study.blocks[0], "eng", words), trial)


def answer(item: Item, at: float) -> Any:
    """Return the answer at a place of an item's range, from 0 to 1, as a page sends it."""
    if item.kind == "text":
        return f"word {at:.3f}"
    values = [value for value, _ in item.choices]
    if item.kind == "buttons":
        return sorted(values, key=float)[round(at * (len(values) - 1))]
    if item.kind in ("choice", "many"):
        value = values[min(int(at * len(values)), len(values) - 1)]
        return [value] if item.kind == "many" else value
    assert item.low is not None
    assert item.high is not None
    step = item.step or 1.0
    return item.low + round(at * (item.high - item.low) / step) * step


def session(study: Study, trials: Sequence[Trial], seed: int) -> list[Event]:
    """Return what happens when somebody listens and answers, some sounds more than once."""
    chance, design, history = np.random.default_rng(seed), design_of(study), list[Event]()
    while not isinstance(step := design.next(trials, history), Done):
        if isinstance(step, Present) or chance.random() < 0.2:
            history.append(Listened(step.trial.position, complete=bool(chance.random() < 0.8)))
        else:
            items = items_of(study, step.trial)
            sent = {item.id: answer(item, chance.random()) for item in items}
            values, missing = design.accept(items, sent)
            assert missing == ()
            history.append(Answered(step.trial.position, values))
    return history


def test_every_design_is_tested() -> None:
    assert {kind.split("-")[0] for kind in BLOCKS} == set(DESIGNS)


def test_the_trials_follow_from_seed_and_participant(study: Study) -> None:
    check_designs(study)
    assert plan(study, 3) == plan(study, 3)
    assert plan(study, 3) != plan(replace(study, seed=study.seed + 1), 3)
    orders = {tuple(t.stimulus for t in plan(study, n)[0].trials) for n in range(1, 20)}
    assert len(orders) > 5


def test_replaying_what_is_stored_gives_the_same_state(study: Study) -> None:
    design, trials = design_of(study), plan(study, 1)[0].trials
    history = session(study, trials, 1)
    stored = [Trial.from_dict(json.loads(json.dumps(trial.to_dict()))) for trial in trials]
    assert tuple(stored) == trials
    for n in range(len(history) + 1):
        assert design.next(stored, history[:n]) == design.next(trials, history[:n])
        # a delayed second copy of an event changes nothing
        doubled = [*history[:n], *(event for event in history[:n] if isinstance(event, Answered))]
        assert design.next(trials, doubled) == design.next(trials, history[:n])
    answered = [event.position for event in history if isinstance(event, Answered)]
    assert answered == list(range(1, len(trials) + 1))


def test_answers_count_after_complete_presentations_only(study: Study) -> None:
    design, trials = design_of(study), plan(study, 1)[0].trials
    first = trials[0]
    assert design.next(trials, []) == Present(first)
    assert design.next(trials, [Listened(1, complete=False)] * 9) == Present(first)
    assert design.next(trials, [Listened(2, complete=True)] * 9) == Present(first)
    heard: list[Event] = [Listened(1, complete=True)] * first.complete
    assert design.next(trials, heard[1:]) == Present(first)
    assert design.next(trials, heard) == Ask(first)
    assert design.next(trials, [*heard, Answered(1, {})]) == Present(trials[1])
    assert design.next(trials, [Answered(n, {}) for n in range(1, 5)]) == Done()


def test_a_page_of_questions_needs_no_sound(tmp_path: Path) -> None:
    study = study_of(tmp_path, "questions", sounds="")
    (trial,) = plan(study, 1)[0].trials
    assert (trial.stimulus, trial.condition, trial.complete) == (None, None, 0)
    assert design_of(study).next([trial], []) == Ask(trial)
    assert plan(study, 1)[1].trials == ()


def test_items_are_complete_and_in_the_order_of_the_trial(study: Study) -> None:
    for trial in plan(study, 2)[0].trials:
        items = items_of(study, trial)
        assert tuple(item.id for item in items) == trial.attributes
        assert len({item.id for item in items}) == len(items)
        for item in items:
            assert item.label or (item.low_label and item.high_label)
            if item.kind in ("choice", "many", "buttons"):
                assert len(item.choices) > 1
            if item.start is not None:
                assert item.kind == "slider"
                assert item.low is not None
                assert item.high is not None
                assert item.low <= item.start <= item.high


def test_what_is_missing_is_named_and_what_cannot_be_is_refused(study: Study) -> None:
    design, trial = design_of(study), plan(study, 1)[0].trials[0]
    items = items_of(study, trial)
    required = tuple(item.id for item in items if item.required)
    assert design.accept(items, {}) == ({}, required)
    assert design.accept(items, dict.fromkeys(trial.attributes, None)) == ({}, required)
    sent = {item.id: answer(item, 0.6) for item in items}
    values, missing = design.accept(items, sent)
    assert missing == ()
    assert set(values) == set(trial.attributes)
    json.dumps(values)
    with pytest.raises(ParameterError, match="'colour', which is not asked"):
        design.accept(items, {**sent, "colour": 1})
    odd = [True, 1e9, -1e9, float("nan"), "1e400", {}, ["?"], [["yes"]], "\0", {"value": 1}]
    for item in items:
        for value in odd:
            if item.kind == "text" and value in ("1e400",):
                continue
            with pytest.raises(ParameterError, match=item.id):
                design.accept(items, {**sent, item.id: value})


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=5))
def test_no_value_breaks_an_item(value: Any) -> None:
    items = [
        Item("slider", "slider", low=0.0, high=100.0, step=1.0),
        Item("number", "number"),
        Item("choice", "choice", choices=(("a", "A"),)),
        Item("many", "many", choices=(("a", "A"),)),
        Item("text", "text"),
    ]
    for item in items:
        try:
            values, _ = DESIGNS["questions"].accept([item], {item.id: value})
        except ParameterError:
            continue
        assert values in ({}, {item.id: values.get(item.id)})
        if item.kind == "slider" and values:
            assert 0 <= values["slider"] <= 100


def answers_of(study: Study, people: int, truth: Mapping[tuple[str, str], float]) -> pd.DataFrame:
    """Return the answers of listeners who hear the truth, a place of the range, with some noise."""
    chance, rows = np.random.default_rng(5), []
    for person in range(1, people + 1):
        for visit in plan(study, person):
            for trial in visit.trials:
                items = items_of(study, trial)
                places = {
                    item.id: float(
                        np.clip(truth[str(trial.stimulus), item.id] + chance.normal(0, 0.1), 0, 1)
                    )
                    for item in items
                }
                values, _ = design_of(study).accept(
                    items, {item.id: answer(item, places[item.id]) for item in items}
                )
                for name, value in values.items():
                    row = (f"P{person}", trial.condition, trial.stimulus, name)
                    for one in value if isinstance(value, list) else [value]:
                        is_number = isinstance(one, float)
                        rows.append((*row, one if is_number else None, None if is_number else one))
    columns = ["participant", "condition", "stimulus", "attribute", "value", "text"]
    return pd.DataFrame(rows, columns=columns)


@pytest.mark.parametrize("kind", ["paq", "paq-likert", "scales", "scales-number", "acr"])
def test_simulated_listeners_are_recovered_and_can_be_compared(tmp_path: Path, kind: str) -> None:
    study = study_of(tmp_path, kind)
    items = {item.id: item for item in items_of(study, plan(study, 1)[0].trials[0])}
    places = [0.3, 0.4, 0.5, 0.6]
    truth = {
        (stimulus, name): places[(i + k) % 4]
        for i, stimulus in enumerate(study.blocks[0].stimuli)
        for k, name in enumerate(items)
    }
    table = answers_of(study, 30, truth)
    found = design_of(study).analyse(table)
    mean = "mos" if kind == "acr" else "mean"
    assert len(found) == 2 * 4 * len(items)
    assert set(found["n"]) == {30}
    for row in found.to_dict("records"):
        item = items[row.get("attribute", "score")]
        assert item.low is not None
        assert item.high is not None
        expected = item.low + truth[row["stimulus"], item.id] * (item.high - item.low)
        # noise of 0.1 of the range, or of 0.15 rounded to one of five buttons; 30 people
        assert abs(row[mean] - expected) < (item.high - item.low) * 0.1
        assert row["low"] < row[mean] < row["high"]
    low, high = next((i.low, i.high) for i in items.values())
    ratings = make_ratings(table, scale=(float(low or 0), float(high or 0)))
    assert set(ratings.attributes) == set(items)


def test_questions_are_counted(tmp_path: Path) -> None:
    study = study_of(tmp_path, "questions")
    truth = {(s, a): 0.2 for s in study.blocks[0].stimuli for a in
             ("choice", "many", "scale", "number", "text")}  # fmt: skip
    found = DESIGNS["questions"].analyse(answers_of(study, 30, truth))
    choice = found[found["attribute"] == "choice"]
    assert (choice.groupby(["condition", "stimulus"])["n"].sum() == 30).all()
    assert choice.loc[choice["answer"] == "yes", "share"].min() > 0.8
    assert set(found.loc[found["attribute"] == "many", "answer"]) <= {"birds", "cars"}


def test_a_mean_opinion_score_has_its_interval_and_n() -> None:
    rows = [("P1", 5), ("P2", 4), ("P3", 4), ("P3", 2)]
    table = pd.DataFrame(rows, columns=["participant", "value"]).assign(
        condition="OCV", stimulus="N1", attribute="score"
    )
    (row,) = DESIGNS["acr"].analyse(table).to_dict("records")
    # scores 5, 4, 3 of three people: mean 4, sd 1, t(0.975; 2) = 4.3027
    assert (row["n"], row["mos"], row["sd"]) == (3, 4.0, 1.0)
    assert row["high"] - 4 == pytest.approx(4.302653 / 3**0.5, abs=1e-6)
    (alone,) = DESIGNS["acr"].analyse(table.iloc[:1]).to_dict("records")
    assert alone["n"] == 1
    assert np.isnan(alone["low"])


CALM = '[[block.question]]\nid = "calm"\nkind = "text"\ntext = { eng = "?" }\n'


def test_the_agreement_of_people_is_their_intraclass_correlation() -> None:
    # Shrout & Fleiss (1979), table 2: six targets, four judges; ICC(2,1) 0.29, ICC(2,4) 0.62
    judges = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    rows = [
        (f"P{k}", f"S{i}", float(value))
        for i, values in enumerate(judges)
        for k, value in enumerate(values)
    ]
    rows.append(("P9", "S0", 3.0))  # has not rated all
    table = pd.DataFrame(rows, columns=["participant", "stimulus", "value"])
    table = table.assign(condition="OCV", attribute="calm")
    (found,) = consistency(table).to_dict("records")
    assert (found["sounds"], found["n"]) == (6, 4)
    assert round(found["icc"], 2) == 0.29
    assert round(found["icc_mean"], 2) == 0.62
    assert found["low"] < found["icc"] < found["high"]
    assert consistency(table.assign(value=3.0)).empty
    assert consistency(table[table["participant"] == "P0"]).empty


@pytest.mark.parametrize(
    ("design", "body", "message"),
    [
        ("paq", "", "block main: stimuli are missing"),
        ("paq", SOUNDS + ATTRIBUTES, "paq has eight attributes of its own"),
        ("paq", SOUNDS + CALM, "question calm has the id of a scale"),
        ("scales", ATTRIBUTES, "questions without sound"),
        ("scales", SOUNDS, "block.attribute.. is missing"),
        ("scales", SOUNDS + '[[block.attribute]]\nid = "a"\n', "attribute a needs a label"),
        ("acr", SOUNDS + "scale = { low = 1, high = 9 }\n", "acr has its own scale from 5 to 1"),
        ("questions", SOUNDS, "block.question.. is missing"),
        ("questions", 'scale = { input = "number" }\n' + CALM, "neither attributes nor a scale"),
    ],
)
def test_a_block_that_cannot_be_is_refused(
    tmp_path: Path, design: str, body: str, message: str
) -> None:
    study = small_study(tmp_path, blocks=f'[[block]]\nid = "main"\ndesign = "{design}"\n{body}')
    with pytest.raises(ParameterError, match=message):
        check_designs(study)


def test_too_many_buttons_and_wrong_labels_are_refused(tmp_path: Path) -> None:
    likert = BLOCKS["paq-likert"]
    for old, new, message in (
        ("high = 5", "high = 50", "scale: 50 buttons in a row; at most 21"),
        ('design = "paq"', 'design = "pak"', "block main: no design 'pak'; did you mean paq?"),
    ):
        block = f'[[block]]\nid = "main"\ndesign = "paq"\n{SOUNDS}{likert}'.replace(old, new)
        with pytest.raises(ParameterError, match=message):
            check_designs(small_study(tmp_path, blocks=block))
    block = f'[[block]]\nid = "main"\ndesign = "questions"\n{QUESTIONS}'
    three = block.replace('["not at all", "completely"]', '["a", "b", "c"]')
    with pytest.raises(ParameterError, match="3 labels in eng; two for the ends or 5"):
        check_designs(small_study(tmp_path, blocks=three))


PLUG_INS = """\
[soundcal.listening]
good = listening_plug_in:GOOD
half = listening_plug_in:HALF
broken = listening_plug_in_that_is_not_there:GOOD
"""


def test_a_broken_plug_in_is_named_and_harms_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "plug_in-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug-in\nVersion: 1\n")
    (info / "entry_points.txt").write_text(PLUG_INS)
    code = "from soundcal.listening.designs.questions import Questions\nclass Good(Questions):\n"
    code += "    name = 'good'\nGOOD, HALF = Good(), object()\n"
    (tmp_path / "listening_plug_in.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    designs = Designs(*DESIGNS.values())
    assert {"good", "half", "broken", "paq"} <= set(designs)
    assert designs["good"].name == "good"
    with pytest.raises(ParameterError, match="listening_plug_in:HALF of the design 'half' is not"):
        designs["half"]
    with pytest.raises(ParameterError, match="'broken' cannot be loaded: ModuleNotFoundError"):
        designs["broken"]
    assert designs["paq"] is DESIGNS["paq"]
