"""The templates are studies that can be carried out as they are."""

from pathlib import Path

import pytest

from soundcal.errors import ParameterError, RecordError
from soundcal.listening.designs import check_designs
from soundcal.listening.new import new_study, template_names
from soundcal.listening.plan import balance, incomplete_orders, plan
from soundcal.listening.reading import read_study


@pytest.mark.parametrize("name", template_names())
def test_a_template_is_a_study_without_gains(tmp_path: Path, name: str) -> None:
    file = new_study(tmp_path / name, name)
    study = read_study(file.parent)
    check_designs(study)
    assert study.id == name
    assert incomplete_orders(study) == ()
    assert all(plan(study, number)[0].trials for number in (1, 2))
    assert template_names()[name]
    with pytest.raises(RecordError, match="exists already and stays as it is"):
        new_study(tmp_path / name, "acr")
    assert read_study(file.parent) == study


def test_the_paper_s_study_has_27_scenes_two_calibrations_and_36_people(tmp_path: Path) -> None:
    new_study(tmp_path, "paq-two-calibrations")
    study = read_study(tmp_path)
    assert len(study.block("main").stimuli) == 27
    plans = [plan(study, number) for number in range(1, study.participants.planned + 1)]
    found = balance(plans)
    assert found.conditions == {
        ("OCV", "HATS"): 15,
        ("HATS", "OCV"): 15,
        ("OCV",): 3,
        ("HATS",): 3,
    }
    trials = plans[0][0].trials
    assert [t.block for t in trials] == [*["training"] * 2, *["main"] * 27, "about-you"]
    order = "pleasant, chaotic, vibrant, uneventful, calm, annoying, eventful, monotonous"
    assert ", ".join(trials[2].attributes) == order
    assert {q.personal for q in study.block("about-you").questions} == {True}


def test_an_unknown_template_says_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no template 'mushra'; there are acr, method-a, paq,"):
        new_study(tmp_path, "mushra")
    assert not (tmp_path / "study.toml").exists()
