"""Plans of visits and trials, and their balance."""

from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from listening_study import small_study

from soundcal.errors import ParameterError
from soundcal.listening.plan import Visit, balance, incomplete_orders, pause_before, plan
from soundcal.listening.study import Study


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return small_study(tmp_path)


def with_people(study: Study, **people: Any) -> Study:
    return replace(study, participants=replace(study.participants, **people))


def with_main(study: Study, **main: Any) -> Study:
    blocks = [replace(b, **main) if b.id == "main" else b for b in study.blocks]
    return replace(study, blocks=tuple(blocks))


def heard(visit: Visit, block: str = "main") -> list[tuple[str | None, str | None]]:
    return [(t.stimulus, t.condition) for t in visit.trials if t.block == block]


def test_sessions_have_one_condition_each_in_both_orders(study: Study) -> None:
    first, second = plan(study, 1)
    assert [first.condition, second.condition] == ["OCV", "HATS"]
    assert [visit.condition for visit in plan(study, 2)] == ["HATS", "OCV"]
    assert [t.block for t in first.trials] == ["training", *["main"] * 4, "about-you"]
    assert [t.block for t in second.trials] == ["training", *["main"] * 4]
    assert [t.position for t in first.trials] == [1, 2, 3, 4, 5, 6]
    assert {condition for _, condition in heard(first)} == {"OCV"}
    assert heard(first) != [(name, "OCV") for name, _ in heard(second)]
    assert [t.scored for t in first.trials] == [False, *[True] * 5]


def test_between_one_blocks_and_mixed(study: Study) -> None:
    (visit,) = plan(with_people(study, conditions="between"), 2)
    assert {condition for _, condition in heard(visit)} == {"HATS"}
    (visit,) = plan(with_people(study, conditions="blocks"), 1)
    conditions = [condition for _, condition in heard(visit)]
    assert conditions == ["OCV"] * 4 + ["HATS"] * 4
    assert len(heard(visit, "training")) == 1
    mixed = with_people(study, conditions="mixed")
    orders = [heard(plan(mixed, n)[0]) for n in range(1, 9)]
    assert all(len(set(order)) == len(order) == 8 for order in orders)
    assert any([c for _, c in order] != ["OCV"] * 4 + ["HATS"] * 4 for order in orders)


@pytest.mark.parametrize("paired", [0, 3, 6, 7, 8])
def test_a_share_of_the_people_hears_both(study: Study, paired: int) -> None:
    people = with_people(study, paired=paired)
    plans = [plan(people, n) for n in range(1, 17)]
    assert sum(len(visits) == 2 for visits in plans[:8]) == paired
    orders = Counter(tuple(visit.condition for visit in visits) for visits in plans)
    for one, other in ((("OCV",), ("HATS",)), (("OCV", "HATS"), ("HATS", "OCV"))):
        assert orders[one] == orders[other]


@pytest.mark.parametrize("conditions", ["sessions", "blocks", "between", "mixed"])
def test_a_williams_design_is_complete_where_people_suffice(study: Study, conditions: str) -> None:
    people = with_main(with_people(study, conditions=conditions), order="williams")
    assert incomplete_orders(people) == ()
    (main,) = balance([plan(people, n) for n in range(1, 9)]).blocks
    assert main.places.min() == main.places.max() > 0
    others = [main.follows[i, k] for i in range(4) for k in range(4) if i != k]
    assert min(others) == max(others) > 0
    assert any("balanced" in text for text in main.sentences())


def test_neither_condition_nor_visit_comes_with_the_same_orders(study: Study) -> None:
    people = with_main(study, order="williams")
    plans = [plan(people, n) for n in range(1, 9)]
    for key in ("OCV", "HATS"):
        orders = Counter(
            tuple(heard(visit)) for visits in plans for visit in visits if visit.condition == key
        )
        assert list(orders.values()) == [2, 2, 2, 2]
    for visit in (0, 1):
        orders = Counter(tuple(name for name, _ in heard(visits[visit])) for visits in plans)
        assert list(orders.values()) == [2, 2, 2, 2]
    assert all(
        [n for n, _ in heard(first)] != [n for n, _ in heard(second)] for first, second in plans
    )


def test_27_sounds_and_36_people_do_not_make_a_williams_design(tmp_path: Path) -> None:
    study = small_study(
        tmp_path,
        ("planned = 8", "planned = 36"),
        ('["CG01", "CT301", "E02", "N1"]', '"all"'),
        ('"permutation"', '"williams"'),
    )
    (said,) = incomplete_orders(study)
    assert "27 sounds is complete with 54 people or a multiple of it, not with 36" in said
    assert 'order = "permutation"' in said
    sentences = balance([plan(study, n) for n in range(1, 37)]).sentences()
    assert sentences[0] == "Conditions of 36 people: HATS then OCV 18, OCV then HATS 18."
    assert not any("balanced" in text for text in sentences)


def test_repeats_are_rounds_that_do_not_meet_in_one_sound(study: Study) -> None:
    people = with_main(study, repeats=3)
    for number in range(1, 20):
        trials = [t for t in plan(people, number)[0].trials if t.block == "main"]
        assert [t.repeat for t in trials] == [1] * 4 + [2] * 4 + [3] * 4
        assert all(len({t.stimulus for t in trials[i : i + 4]}) == 4 for i in (0, 4, 8))
        assert all(a.stimulus != b.stimulus for a, b in pairwise(trials))


def test_constrained_orders_keep_sounds_apart_also_where_rounds_meet(study: Study) -> None:
    apart = (("CG01", "CT301"), ("E02", "N1"))
    people = with_main(study, order="constrained", groups=apart, repeats=2)
    group = {name: i for i, names in enumerate(apart) for name in names}
    for number in range(1, 20):
        order = [group[str(name)] for name, _ in heard(plan(people, number)[0])]
        assert all(a != b for a, b in pairwise(order))
    impossible = with_main(study, order="constrained", groups=(("CG01", "CT301", "E02", "N1"),))
    with pytest.raises(ParameterError, match="block main: no order of 4 sounds"):
        plan(impossible, 1)


def test_blocks_keep_groups_together(study: Study) -> None:
    people = with_main(study, order="blocks", groups=(("CG01", "E02"), ("CT301", "N1")))
    group = {"CG01": 0, "E02": 0, "CT301": 1, "N1": 1}
    orders = {tuple(str(name) for name, _ in heard(plan(people, n)[0])) for n in range(1, 40)}
    assert len(orders) == 8
    assert all(group[a] == group[b] and group[c] == group[d] for a, b, c, d in orders)


def test_breaks_are_due_within_a_block_only(study: Study) -> None:
    visit = plan(study, 1)[0]
    due = [pause_before(study, visit, n) is not None for n in range(1, 8)]
    assert due == [False, False, False, True, False, False, False]


def test_the_balance_of_fixed_orders_says_so(study: Study) -> None:
    found = balance([plan(with_main(study, order="fixed"), n) for n in (1, 2, 3)])
    assert "main: every sound stands 0 to 6 times at each of 4 places (1.5 on average)." in (
        found.sentences()
    )
    content = found.to_dict()
    assert content["conditions"][0] == {"order": ["HATS", "OCV"], "people": 1}
    assert content["blocks"][0]["places"][0] == [6, 0, 0, 0]


def test_participants_are_counted_from_1(study: Study) -> None:
    with pytest.raises(ParameterError, match="participant number 0; 1 or more"):
        plan(study, 0)
