"""From simulated answers through the export's table to the cells that the report marks."""

from pathlib import Path

import numpy as np
import pytest
from listening_answers import listeners_of, make_study, results_of

from soundcal.errors import ParameterError
from soundcal.listening.answers import ratings_of
from soundcal.listening.rehearsal.listeners import Listeners, Verdict, verdict_on
from soundcal.listening.report import analyses_of
from soundcal.listening.study import Study
from soundcal.ratings import RatingsAnalysis, compare_ratings

PLANNED = 36
ATTRIBUTES = 8


def the_papers_study(folder: Path) -> Study:
    """36 people, 27 sounds, two calibrations."""
    return make_study(folder, planned=PLANNED, stimuli='"all"')


def verdict(study: Study, seed: int, effect: float) -> Verdict:
    people = listeners_of(study, seed=seed, effect=effect)
    (ratings,) = ratings_of(results_of(study, PLANNED, people))
    first, second = study.sound.conditions
    return verdict_on(people.planted, compare_ratings(ratings, first, second).cells)


def test_the_planted_cells_are_found(tmp_path: Path) -> None:
    study = the_papers_study(tmp_path)
    people = listeners_of(study, effect=0.2)
    (analysis,) = analyses_of(results_of(study, PLANNED, people))
    assert isinstance(analysis, RatingsAnalysis)
    assert analysis.comparison.direction == "OCV - HATS"
    found = verdict_on(people.planted, analysis.comparison.cells)
    assert found.cells == 27 * ATTRIBUTES
    assert found.planted == round(0.2 * found.cells)
    assert len(found.found) >= found.planted - 1
    assert len(found.false) <= 1
    assert {*found.found, *found.missed} == set(people.planted)


def test_nothing_is_found_where_nothing_is(tmp_path: Path) -> None:
    found = verdict(the_papers_study(tmp_path), 0, 0.0)
    assert found.planted == 0
    assert len(found.false) <= 1
    assert found.sentence() == (
        f"0 of 0 planted differences were found, and {len(found.false)} where there is none, "
        "among 216 cells"
    )


@pytest.mark.long
def test_power_and_false_alarms_over_200_seeds(tmp_path: Path) -> None:
    study, n = the_papers_study(tmp_path), 200
    verdicts = [verdict(study, seed, 0.15) for seed in range(n)]
    power = np.mean([len(one.found) / one.planted for one in verdicts])
    # Holm's adjustment holds the rate of studies with any false mark at 5 %
    alarms = np.mean([bool(one.false) for one in verdicts])
    print(f"power {power:.3f}, studies with a false mark {alarms:.3f}")
    assert power > 0.8
    assert alarms < 0.05 + 3 * (0.05 * 0.95 / n) ** 0.5


def test_answers_do_not_depend_on_the_order_in_which_they_are_asked_for() -> None:
    def people() -> Listeners:
        settings = {"scale": (1.0, 5.0), "step": 0.5, "effect": 0.3, "share": 0.5}
        cells = [(stimulus, name) for stimulus in "ab" for name in "xy"]
        return Listeners(cells, ("p", "q"), **settings)  # type: ignore[arg-type]

    first, second = people(), people()
    trials = [(person, c, s) for person in range(3) for c in ("p", "q") for s in ("a", "b")]
    forward = {trial: first.answers(*trial, ["x", "y"]) for trial in trials}
    backward = {trial: second.answers(*trial, ["x", "y"]) for trial in reversed(trials)}
    assert forward == backward
    values = {value for answers in forward.values() for value in answers.values()}
    assert values <= set(np.arange(1.0, 5.5, 0.5))
    assert len(first.planted) == 2
    assert [abs(value) for value in first.planted.values()] == pytest.approx([1.2, 1.2])


@pytest.mark.parametrize("settings", [{"effect": 0.7}, {"effect": -0.1}, {"share": 1.5}])
def test_impossible_effects_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match="expected"):
        Listeners([("a", "x")], ("p", "q"), scale=(0, 1), step=0.1, **({"effect": 0.1} | settings))
