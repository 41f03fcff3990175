"""The dashboard: what it says of people, device, exposure, balance and the quality of answers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from listening_room import EXPOSURE, House, house
from listening_study import small_study

from soundcal.errors import ParameterError, SoundcalError
from soundcal.listening.dashboard import Dashboard
from soundcal.listening.quality import quality_of


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    limits = "[limits]\nexposure_pa2h = 0.01\n\n[participants]"
    study = small_study(tmp_path, ("[participants]", limits))
    with house(study, tmp_path) as made:
        yield made


def person_of(dashboard: Dashboard, code: str) -> dict[str, Any]:
    return next(one for one in dashboard.state("assistant")["people"] if one["code"] == code)


def test_people_are_shown_with_state_progress_and_exposure(home: House) -> None:
    dashboard = Dashboard(home.room, home.store, home.clock)
    home.room.invite(1)
    person = home.enter()
    found = person_of(dashboard, home.code)
    assert (found["state"], found["n"], found["done"]) == ("joined", 0, 0)
    person.until("comfort")
    assert not person_of(dashboard, home.code)["at_sound"]  # nothing that could be left out
    person.until("ready")
    person.go_on()
    found = person_of(dashboard, home.code)
    assert (found["state"], found["visit"], found["block"]) == ("running", 1, "training")
    assert found["at_sound"]
    assert found["contact_s"] == 0
    assert not found["away"]
    home.clock.go_on(140.0)
    found = person_of(dashboard, home.code)
    assert (found["contact_s"], found["away"]) == (140, True)
    plays = home.rows("SELECT sum(exposure_pa2h) AS sum, count(*) AS n FROM presentation")
    assert plays[0]["sum"] == pytest.approx(plays[0]["n"] * EXPOSURE)
    assert found["exposure_pa2h"] == pytest.approx(plays[0]["sum"])
    assert found["exposure_share"] == pytest.approx(plays[0]["sum"] / 0.01)
    home.clock.date += 2 * 86400.0
    found = person_of(dashboard, home.code)
    assert found["exposure_pa2h"] == pytest.approx(plays[0]["sum"])  # as the limit counts it
    counts = dashboard.state("assistant")["counts"]
    assert counts == {"planned": 8, "running": 1, "done": 0, "dropped": 0}


def test_whoever_calls_is_first_and_is_answered(home: House) -> None:
    dashboard = Dashboard(home.room, home.store, home.clock)
    person = home.among_sounds()
    code = home.code
    home.enter()
    person.act("help")
    first = dashboard.state("assistant")["people"][0]
    assert (first["code"], first["call"]) == (code, "asks for help")
    dashboard.act("answered", {"code": code})
    assert person_of(dashboard, code)["call"] == ""


def test_what_the_assistant_may_do(home: House) -> None:
    dashboard = Dashboard(home.room, home.store, home.clock)
    person = home.among_sounds()
    code = home.code
    for action in ("pause", "skip"):
        with pytest.raises(ParameterError, match="reason"):
            dashboard.act(action, {"code": code, "reason": "  "})
    dashboard.act("pause", {"reason": "fire drill"})
    assert (dashboard.state("assistant")["closed"], person.screen) == ("fire drill", "closed")
    dashboard.act("reopen", {})
    assert person.screen == "ready"
    before = person.view.data["trial"]
    dashboard.act("skip", {"code": code, "reason": "broken file"})
    person.until("ready")
    assert person.view.data["trial"] != before
    assert person_of(dashboard, code)["done"] == 1
    dashboard.act("release", {"code": code})
    dashboard.act("end", {"code": code})
    assert person_of(dashboard, code)["state"] == "stopped"
    assert dashboard.state("assistant")["counts"]["dropped"] == 1
    with pytest.raises(SoundcalError, match="NOBODY"):
        dashboard.act("release", {"code": "NOBODY"})
    with pytest.raises(ParameterError, match="not an action"):
        dashboard.act("delete", {"code": code})


def test_keys_give_roles_and_the_assistant_sees_no_answers(home: House) -> None:
    dashboard, other = (Dashboard(home.room, home.store, home.clock) for _ in range(2))
    assert {dashboard.role(key) for key in dashboard.keys.values()} == {"experimenter", "assistant"}
    assert not set(dashboard.keys.values()) & set(other.keys.values())
    for key in ("", "x", "é", dashboard.keys["assistant"][:-1], *other.keys.values()):
        assert dashboard.role(key) == ""
    assert "quality" in dashboard.state("experimenter")
    assert "quality" not in dashboard.state("assistant")


def test_level_checks_and_presentations_are_shown_with_their_verdicts(home: House) -> None:
    dashboard = Dashboard(home.room, home.store, home.clock)
    assert dashboard.state("assistant")["device"]["check"] is None
    values = (
        *("2026-11-30T00:00:00.000+00:00", "ears_only", 0, "AB", "device"),
        json.dumps({"left": -3.02}),
        json.dumps([{"verdict": "invalid", "reason": "3 dB low"}, {"verdict": "pass"}]),
        "2026-11-30T12:00:00.000+00:00",
    )
    sql = (
        "INSERT INTO level_check (at, kind, passed, operator, device, deviations_json, "
        "checks_json, valid_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
    )
    home.store.write(lambda c: c.execute(sql, values).rowcount).result()
    check = dashboard.state("assistant")["device"]["check"]
    assert (check["kind"], check["passed"], check["deviations"]) == (
        "ears only",
        False,
        ["left: -3.0 dB"],
    )
    assert check["reasons"] == ["3 dB low"]
    person = home.among_sounds()
    person.go_on()
    home.player.begin()
    deviation = {"name": "level deviation", "value": 0.41, "verdict": "suspect", "reason": "x"}
    home.player.end(measured_db=70.41, verdict="suspect", xruns=2, checks=(deviation,))
    last = dashboard.state("assistant")["plays"][0]
    assert (last["state"], last["verdict"], last["xruns"]) == ("done", "suspect", 2)
    assert (last["measured_db"], last["deviation_db"]) == (70.41, 0.41)
    assert dashboard.state("assistant")["device"]["xruns"] == 2


def test_the_balance_is_that_of_those_who_have_begun(home: House) -> None:
    dashboard = Dashboard(home.room, home.store, home.clock)
    assert dashboard.state("assistant")["balance"] == []
    home.among_sounds()
    (first, *_) = dashboard.state("assistant")["balance"]
    assert first.startswith("Conditions of 1 person:")


def test_the_quality_of_answers_is_told_and_excludes_nobody(home: House) -> None:
    person = home.enter(tone=50.0)
    home.patient(person)
    (found,) = quality_of(home.study.folder, home.path)
    assert (found["code"], found["trials"], found["plays"]) == (home.code, 4, 1.0)
    assert (found["seconds"], found["seconds_share"]) == (12.5, 6.25)
    assert found["range_used"] == 0.0
    assert found["repeats"] is None
    assert "straight-lining: 4" in found["findings"]
    assert not [text for text in found["findings"] if "incomplete" in text]


def test_repeated_sounds_tell_how_consistent_somebody_is(tmp_path: Path) -> None:
    changes = ('order = "permutation"', 'order = "permutation"\nrepeats = 2')
    with house(small_study(tmp_path, changes), tmp_path) as home:
        person = home.enter()
        tones = {name: 9.0 * i for i, name in enumerate("pcvuaemn")}
        person.value = lambda item: (
            item["choices"][0][0] if item["choices"] else tones.get(item["id"][0], 0.0)
        )
        home.patient(person)
        (found,) = quality_of(home.study.folder, home.path)
    assert found["repeats"] == pytest.approx(1.0)
    assert found["range_used"] > 0.25
