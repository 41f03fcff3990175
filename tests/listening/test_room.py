"""The room through its public calls: what people see and may do, and what is stored."""

import hashlib
import json
import queue
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from listening_room import EXPOSURE, LAEQ, Book, House, Person, house, settle
from listening_study import small_study

from soundcal.errors import ParameterError, RecordError, StreamError
from soundcal.files.shipped import shipped
from soundcal.listening.room import Locked, UnknownCode, renew, store_amendment
from soundcal.listening.room.bodies import ACTIONS
from soundcal.listening.room.replies import Refused
from soundcal.listening.room.work import Work
from soundcal.listening.store import Store

SEQUENCES = "SELECT code, sequence FROM participant WHERE sequence IS NOT NULL ORDER BY sequence"
ORDER_OF = (
    "SELECT spec_json FROM trial JOIN session ON session.id = session WHERE participant = ? "
    "ORDER BY trial.id"
)
LONG_DRAFT = {str(i): {"value": "x" * 4000, "input": "keys"} for i in range(250)}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[House]:
    with house(small_study(tmp_path), tmp_path) as made:
        yield made


def test_a_visit_from_the_link_to_the_end(place: House) -> None:
    person = place.enter()
    screens = []
    for _ in range(60):
        if person.screen == "end":
            break
        if person.screen == "pause":
            place.clock.go_on(1.0)
        screens.append(person.go_on())
    assert screens[0] == "information"
    assert screens.count("answer") == 1 + 4 + 1
    assert screens.count("pause") == 1
    assert person.view.data["next_visit"]
    answers = place.rows("SELECT * FROM answer")
    assert len(answers) == 5 * 8
    assert {row["value"] for row in answers} == {50.0}
    assert [row["text"] for row in place.rows("SELECT * FROM personal")] == ["no"]
    assert person.seen == sorted(person.seen)


def answers_of(place: House) -> list[tuple[int, int, float]]:
    sql = "SELECT * FROM answer WHERE attribute = 'calm' ORDER BY trial, revision"
    return [(row["trial"], row["revision"], row["value"]) for row in place.rows(sql)]


def test_a_reload_changes_nothing_and_brings_the_draft_back(place: House) -> None:
    person = place.enter()
    view = person.until("answer")
    typed = {"calm": {"value": 31.0, "input": "touch"}}
    reply = person.act("draft", view, trial=view.data["trial"], answers=typed)
    assert reply.status == 200
    again = person.view
    assert (again.number, again.screen, again.data["draft"]) == (view.number, "answer", typed)
    assert answers_of(place) == []
    place.crash()
    person.room = place.room
    assert person.view.data["draft"] == typed


def test_a_second_window_takes_the_lead_and_the_first_one_takes_it_back(place: House) -> None:
    first = place.enter()
    view = first.until("answer")
    body = first.body(view, **first.fields("answer", view))
    second = Person(place.room, first.secret, "another window")
    assert second.screen == "answer"
    assert first.screen == "other_window"
    late = first.send("answer", body)
    assert (late.status, late.view.screen) == (409, "other_window")
    assert answers_of(place) == []
    assert first.act("take_over").status == 200
    assert first.screen == "answer"
    assert second.screen == "other_window"
    assert first.send("answer", body).status == 200
    assert len(answers_of(place)) == 1


def test_windows_are_told_when_another_one_leads(place: House) -> None:
    first = place.enter()
    before = first.until("ready").number
    news: list[tuple[int, str, str]] = []
    close = place.room.subscribe(
        first.secret, lambda number, kind, data: news.append((number, kind, data.get("screen", "")))
    )
    place.room.view(first.secret, "another window")
    settle(place.room)
    assert [kind for _, kind, _ in news] == ["state"]
    assert news[0][0] > before
    close()
    Person(place.room, first.secret, "a third window").until("answer")
    assert len(news) == 1


def test_the_same_request_twice_is_stored_once(place: House) -> None:
    person = place.enter()
    view = person.until("answer")
    body = person.body(view, **person.fields("answer", view))
    first, second = person.send("answer", body), person.send("answer", dict(body))
    assert (first.status, second.status) == (200, 200)
    assert first.view.number == second.view.number
    assert len(answers_of(place)) == 1
    body["answers"]["calm"]["value"] = 99.0
    other = person.send("answer", body)
    assert other.status == 409
    assert answers_of(place)[0][2] == 50.0


def test_a_request_is_recognised_after_a_restart(place: House) -> None:
    person = place.enter()
    view = person.until("answer")
    body = person.body(view, **person.fields("answer", view))
    assert person.send("answer", body).status == 200
    place.crash()
    person.room = place.room
    assert person.send("answer", body).status == 200
    assert len(answers_of(place)) == 1


def test_the_key_of_one_person_is_not_that_of_another(place: House) -> None:
    with_key = place.enter()
    view = with_key.until("information")
    body = with_key.body(view, version="2026-03-01", agree=True)
    assert with_key.send("consent", body).status == 200
    other = place.enter(tab="other")
    body |= {"number": other.view.number, "tab": "other"}
    assert other.send("consent", body).status == 409
    assert other.screen == "information"


def test_answers_to_an_old_trial_get_the_current_state(place: House) -> None:
    person = place.enter()
    view = person.until("answer")
    old = person.body(view, **person.fields("answer", view))
    person.send("answer", old)
    old["key"] = "another key"
    late = person.send("answer", old)
    assert late.status == 409
    assert late.view == replace(person.view, data=late.view.data)
    assert late.view.screen != "closed"
    assert len(answers_of(place)) == 1


def test_an_answer_before_a_complete_presentation_is_refused(tmp_path: Path) -> None:
    with house(small_study(tmp_path), tmp_path, ready=False) as place:
        person = place.among_sounds()
        view = person.view
        answers = person.fields("answer", view)
        assert view.screen == "ready"
        assert person.act("answer", **answers).status == 409
        person.act("play", trial=view.data["trial"])
        assert person.act("answer", **answers).status == 409
        place.player.begin()
        assert person.act("answer", **answers).status == 409
        place.player.end("stopped")
        assert person.screen == "ready"
        assert person.act("answer", **answers).status == 409
        person.act("play", trial=view.data["trial"])
        place.player.end()
        assert person.act("answer", **answers).status == 200


def test_missing_and_impossible_answers_are_refused(place: House) -> None:
    person = place.enter()
    view = person.until("answer")
    fields = person.fields("answer", view)
    fields["answers"]["calm"]["value"] = ""
    del fields["answers"]["eventful"]
    reply = person.act("answer", view, **fields)
    assert (reply.status, reply.view.data["missing"]) == (422, ["calm", "eventful"])
    fields = person.fields("answer", view)
    fields["answers"]["calm"]["value"] = 101.0
    assert person.act("answer", view, **fields).status == 422
    fields["answers"]["calm"] = {"value": 50.0, "input": "touch", "more": 1}
    assert person.act("answer", view, **fields).status == 422
    assert answers_of(place) == []
    assert person.view.number == view.number


def test_two_presses_are_one_presentation(tmp_path: Path) -> None:
    with house(small_study(tmp_path), tmp_path, ready=False) as place:
        person = place.among_sounds()
        view = person.view
        one = person.act("play", view, trial=view.data["trial"])
        two = person.send("play", person.body(view, trial=view.data["trial"]) | {"key": "second"})
        assert (one.status, two.status) == (200, 409)
        assert two.view.screen == "playing"
        assert len(place.player.sounds) == 1


def test_the_row_of_a_presentation_is_stored_before_it_starts(tmp_path: Path) -> None:
    with house(small_study(tmp_path), tmp_path, ready=False) as place:
        seen: list[list[dict[str, Any]]] = []
        start = place.player.start

        def looks(presentation: int, condition: str, stimulus: str) -> None:
            with Store(place.path, read_only=True) as other, other.read() as connection:
                sql = "SELECT * FROM presentation WHERE id = ?"
                seen.append([dict(row) for row in connection.execute(sql, (presentation,))])
            start(presentation, condition, stimulus)

        place.player.start = looks  # type: ignore[method-assign]
        person = place.among_sounds()
        person.act("play", trial=person.view.data["trial"])
        row = seen[-1][0]
        assert row["state"] == "starting"
        assert row["exposure_pa2h"] == EXPOSURE
        assert (row["gain_db"], row["predicted_laeq"]) == (-12.0, LAEQ)
        assert row["calibration_id"] == f"calibration of {row['condition']}"


def test_what_was_playing_at_a_crash_is_interrupted_and_offered_again(tmp_path: Path) -> None:
    with house(small_study(tmp_path), tmp_path, ready=False) as place:
        person = place.among_sounds()
        view = person.view
        person.act("play", view, trial=view.data["trial"])
        place.player.begin()
        assert person.screen == "playing"
        place.crash()
        person.room = place.room
        again = person.view
        assert (again.screen, again.data["trial"]) == ("ready", view.data["trial"])
        assert again.data["notice"] == "restarted"
        rows = place.rows("SELECT state, exposure_pa2h FROM presentation ORDER BY id DESC")
        assert rows[0] == {"state": "interrupted", "exposure_pa2h": EXPOSURE}
        assert again.data["played"] == 0
        person.act("play", again, trial=again.data["trial"])
        place.player.end()
        assert person.screen == "answer"
        assert "notice" not in person.view.data


def test_after_an_orderly_end_there_is_no_notice(place: House) -> None:
    person = place.enter()
    person.until("ready")
    place.end()
    place.open()
    person.room = place.room
    assert "notice" not in person.view.data


def test_a_faulty_presentation_is_repeated_once_and_then_the_assistant_is_called(
    tmp_path: Path,
) -> None:
    with house(small_study(tmp_path), tmp_path, ready=False) as place:
        person = place.among_sounds()
        person.act("play", trial=person.view.data["trial"])
        place.player.begin()
        place.player.end("failed")
        assert person.screen == "technical"  # the repetition is about to start
        place.player.begin()
        assert (person.screen, person.view.data["again"]) == ("playing", True)
        place.player.end("done", verdict="invalid")
        view = person.view
        assert (view.screen, view.data["assistant"], view.data["help"]) == ("technical", True, True)
        assert len(place.player.sounds) == 2
        assert person.act("play", trial=view.data["trial"]).status == 409
        place.room.answer_help(place.code)
        assert person.screen == "ready"
        states = [row["state"] for row in place.rows("SELECT state FROM presentation WHERE trial")]
        assert states == ["failed", "invalid"]
        person.act("play", trial=person.view.data["trial"])
        place.player.end()
        assert person.screen == "answer"


@pytest.mark.parametrize("error", [StreamError("device gone"), OSError("device gone")])
def test_a_player_that_cannot_begin_is_a_technical_problem(
    tmp_path: Path, error: Exception
) -> None:
    with house(small_study(tmp_path), tmp_path, ready=False) as place:
        person = place.among_sounds()
        place.player.refuses = error
        person.act("play", trial=person.view.data["trial"])
        settle(place.room)
        assert (person.screen, person.view.data["assistant"]) == ("technical", True)
        rows = place.rows("SELECT state, flags FROM presentation WHERE trial ORDER BY id")
        assert [row["state"] for row in rows] == ["failed", "failed"]
        assert "device gone" in rows[0]["flags"]


def test_too_loud_stops_the_sound_and_nothing_plays_afterwards(tmp_path: Path) -> None:
    with house(small_study(tmp_path), tmp_path, ready=False) as place:
        person = place.enter()
        place.through_headphones(person)
        view = person.until("comfort")
        person.act("comfort", view, ok=None)
        place.player.begin()
        assert person.view.data["playing"]
        started = len(place.player.started)
        reply = person.act("comfort", ok=False)
        assert (reply.status, reply.view.screen) == (200, "stopped")
        assert place.player.now is None
        assert (
            place.rows("SELECT state FROM presentation ORDER BY id DESC")[0]["state"] == "stopped"
        )
        for action, fields in (("comfort", {"ok": None}), ("continue", {}), ("play", {"trial": 1})):
            assert person.act(action, **fields).status == 409
        assert len(place.player.started) == started
        again = Person(place.room, place.room.join(code=place.code))
        assert again.screen == "stopped"
        # the assistant is called, and says when the call is answered
        assert place.rows("SELECT held FROM session")[0]["held"] == "too loud"
        place.room.answer_help(place.code)
        assert place.rows("SELECT held FROM session")[0]["held"] == ""
        assert again.view.screen == "stopped"


def test_too_loud_before_the_sound_has_begun_leaves_it_unheard(tmp_path: Path) -> None:
    """The press comes while the row of the comfort sound is being stored."""
    with house(small_study(tmp_path), tmp_path, ready=False) as place:
        person = place.enter()
        place.through_headphones(person)
        view = person.until("comfort")
        gate = threading.Event()
        place.store.write(lambda _: gate.wait())
        play = place.room.act(person.secret, "comfort", person.body(view, ok=None))
        body = person.body(view, ok=False) | {"key": "too loud", "number": view.number + 1}
        loud = place.room.act(person.secret, "comfort", body)
        gate.set()
        assert play.result(10).status == 200
        assert loud.result(10).status == 200
        assert person.screen == "stopped"
        assert place.player.now is None


def test_the_headphones_are_checked_ear_by_ear(place: House) -> None:
    person = place.enter()
    view = person.until("headphones")
    assert (view.data["next"], view.data["ask"]) == ("left", None)
    assert person.act("headphones", side="left", heard="left").status == 409  # not heard yet
    person.act("headphones", side="left", heard="")
    assert person.view.data["ask"] == "left"
    person.act("headphones", side="left", heard="right")
    assert person.view.data["problem"] == "turn"
    for _ in range(2):
        person.act("headphones", side="left", heard="")
        person.act("headphones", side="left", heard="nothing")
    view = person.view
    assert (view.screen, view.data["reason"], view.data["help"]) == ("waiting", "headphones", True)
    place.room.answer_help(place.code)
    for side in ("left", "right"):
        assert person.view.data["next"] == side
        person.act("headphones", side=side, heard="")
        person.act("headphones", side=side, heard=side)
    assert person.screen == "comfort"
    assert person.act("comfort", ok=True).status == 409  # not heard yet


def test_stopping_is_allowed_after_one_complete_presentation(tmp_path: Path) -> None:
    with house(small_study(tmp_path), tmp_path, ready=False) as place:
        person = place.among_sounds()
        trial = person.view.data["trial"]
        person.act("play", trial=trial)
        place.player.begin()
        assert not person.view.data["can_stop"]
        assert person.act("stop", trial=trial).status == 409
        assert place.player.now is not None
        place.player.end()
        person.act("play", trial=trial)
        place.player.begin()
        assert person.view.data["can_stop"]
        assert person.act("stop", trial=trial).status == 200
        view = person.view
        assert (view.screen, view.data["played"]) == ("answer", 1)


def test_the_number_of_presentations_is_limited(tmp_path: Path) -> None:
    study = small_study(tmp_path, ("max = 0", "max = 2"))
    with house(study, tmp_path) as place:
        person = place.enter()
        person.until("answer")
        person.go_on()
        view = person.until("answer")
        assert (view.data["plays_left"], view.data["can_play"]) == (1, True)
        person.act("play", trial=view.data["trial"])
        view = person.view
        assert (view.data["plays_left"], view.data["can_play"]) == (0, False)
        assert person.act("play", trial=view.data["trial"]).status == 409
        assert view.data["played"] == 2


@pytest.mark.parametrize("most", [1, 2])
def test_a_sound_that_the_room_has_faded_out_is_not_missing_from_those_allowed(
    tmp_path: Path, most: int
) -> None:
    plays = f"min_complete = {most}, max = {most}"
    study = small_study(tmp_path, ("min_complete = 1, max = 0", plays))
    with house(study, tmp_path) as place:
        person = place.enter()
        person.until("answer")
        person.go_on()
        person.until("ready")
        for _ in range(most - 1):
            person.go_on()
        place.player.ready = False
        for _ in range(2):
            person.go_on()
            place.player.begin()
            person.act("help")
            person.act("continue")
            view = person.view
            assert (view.screen, view.data["plays_left"], view.data["can_play"]) == (
                *("ready", 1),
                True,
            )
        person.go_on()
        place.player.end()
        view = person.view
        assert (view.screen, view.data["plays_left"]) == ("answer", 0)
        assert person.act("play", trial=view.data["trial"]).status == 409


def test_the_exposure_of_a_day_is_a_limit(tmp_path: Path) -> None:
    study = small_study(tmp_path, ("pause = { after = 2, at_least_s = 1 }", ""))
    # room for six presentations, with what the uncertainty takes away
    share = study.limits.exposure_pa2h / 10 ** (2 * 0.2 / 10) / 6.5
    with house(study, tmp_path, book=Book(study, exposure=share)) as place:
        person = place.enter()
        view = person.until("limit")
        assert len(place.player.started) == 6
        assert person.act("play", trial=1).status == 409
        place.clock.date += 25 * 3600  # the date alone helps nobody
        assert person.screen == "limit"
        place.clock.time += 25 * 3600
        assert person.screen != "limit"
        assert view.data["progress"]["i"] > 0


def test_a_level_beyond_the_limit_is_never_played(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    with house(study, tmp_path, book=Book(study, laeq=84.8)) as place:
        person = place.enter()
        person.until("limit")
        assert person.act("headphones", side="left", heard="").status == 409
        sounds = place.room._sounds
        with place.store.read() as connection:
            w = Work(connection, place.room._moment())
            with pytest.raises(Refused, match="limit of 85 dB"):
                sounds.request(w, place.code, 1, sounds.cue("left"))
        assert place.player.started == []


def test_help_pauses_and_fades_out_the_sound(tmp_path: Path) -> None:
    with house(small_study(tmp_path), tmp_path, ready=False) as place:
        person = place.among_sounds()
        person.act("play", trial=person.view.data["trial"])
        place.player.begin()
        reply = person.act("help")
        assert (reply.view.screen, reply.view.data["reason"]) == ("waiting", "help")
        assert place.player.now is None
        place.room.answer_help(place.code)
        assert person.screen == "ready"
        person.act("help")
        assert person.act("continue").status == 200  # pressed by mistake
        assert person.screen == "ready"


def test_a_break_has_its_shortest_duration(place: House) -> None:
    person = place.enter()
    view = person.until("pause")
    assert (view.data["done"], view.data["n"], view.data["seconds_left"]) == (2, 4, 1.0)
    assert person.act("continue").status == 409
    place.clock.date += 3600  # a clock that was set does not shorten it
    assert person.view.data["seconds_left"] == 1.0
    place.clock.time += 1.0
    assert person.act("continue").status == 200
    assert person.screen == "ready"


def test_a_paused_room_keeps_answers_and_plays_nothing(place: House) -> None:
    person = place.enter()
    view = person.until("answer")
    place.room.pause("fire alarm")
    assert person.screen == "closed"
    assert person.view.number > view.number
    assert person.act("play", trial=view.data["trial"]).status == 423
    assert person.act("answer", view, **person.fields("answer", view)).status == 200
    place.room.reopen()
    assert person.screen != "closed"
    assert len(answers_of(place)) == 1


def test_a_room_that_cannot_store_plays_nothing_and_says_so(tmp_path: Path) -> None:
    with house(small_study(tmp_path), tmp_path, ready=False) as place:
        person = place.among_sounds()
        view = person.view
        person.act("play", view, trial=view.data["trial"])
        place.player.begin()
        place.fill_the_disk()
        reply = person.act("draft", trial=view.data["trial"], answers=LONG_DRAFT)
        assert (reply.status, reply.view.screen) == (423, "closed")
        assert "no space left" in place.room.closed
        assert place.player.now is None
        started = len(place.player.started)
        assert person.act("play", trial=view.data["trial"]).status == 423
        assert len(place.player.started) == started
        place.empty_the_disk()
        place.room.reopen()
        assert person.act("help").status == 200


def test_a_sound_whose_end_could_not_be_stored_blocks_nobody(tmp_path: Path) -> None:
    with house(small_study(tmp_path), tmp_path, ready=False) as place:
        person = place.among_sounds()
        person.go_on()
        place.player.begin()
        place.lock_the_disk("ON")
        place.player.end()
        assert person.screen == "closed"
        place.lock_the_disk("OFF")
        place.room.reopen()
        assert person.screen == "ready"
        states = place.rows("SELECT state, exposure_pa2h FROM presentation ORDER BY id DESC")
        assert states[0] == {"state": "interrupted", "exposure_pa2h": EXPOSURE}
        person.go_on()
        place.player.end()
        assert person.screen == "answer"


def test_a_jump_of_the_date_is_an_event_and_the_order_stays(place: House) -> None:
    person = place.enter()
    person.until("ready")
    place.clock.date -= 3600
    person.until("answer")
    place.clock.date += 3600.5
    person.go_on()
    jumps = place.rows("SELECT * FROM event WHERE kind = 'clock jump' ORDER BY id")
    seconds = [json.loads(row["body"])["seconds"] for row in jumps]
    assert seconds == [-3600.0, 3600.5]
    assert person.seen == sorted(person.seen)


def test_two_people_share_the_device_one_after_the_other(tmp_path: Path) -> None:
    with house(small_study(tmp_path), tmp_path) as place:
        first, second = place.enter(), place.enter(tab="second")
        first.until("ready")
        view = second.until("waiting")
        assert (view.data["reason"], view.data["position"]) == ("turn", 1)
        told: list[int] = []
        place.room.subscribe(second.secret, lambda number, kind, data: told.append(number))
        first.until("pause")  # whoever has a break leaves the device to the next one
        settle(place.room)
        assert max(told) > view.number
        second.until("ready")
        place.clock.go_on(1.0)
        first.act("continue")
        assert first.screen == "waiting"
        second.until("pause")
        assert first.screen == "ready"


def test_a_turn_passes_on_when_its_holder_is_gone(tmp_path: Path) -> None:
    with house(small_study(tmp_path), tmp_path) as place:
        first, second = place.enter(), place.enter(tab="second")
        first.until("ready")
        assert second.until("waiting").data["position"] == 1
        place.clock.go_on(61.0)
        assert second.screen == "headphones"
        assert first.screen == "waiting"
        told: list[str] = []
        close = place.room.subscribe(
            first.secret, lambda n, kind, data: told.append(data["screen"])
        )
        place.clock.go_on(61.0)
        place.room.pass_turns()
        settle(place.room)
        assert told == ["ready"]
        close()


def test_whose_turn_has_passed_on_cannot_play_into_the_ears_of_another(place: House) -> None:
    first, second = place.enter(tab="first"), place.enter(tab="second")
    old = first.until("answer")
    assert old.data["can_play"]
    for _ in range(3):
        second.go_on()
    place.clock.go_on(61.0)
    second.until("ready")
    started = len(place.player.started)
    reply = first.act("play", old, trial=old.data["trial"])
    assert (reply.status, reply.view.data["can_play"]) == (409, False)
    assert len(place.player.started) == started


def test_a_code_identifies_and_the_assistant_lets_another_device_in(place: House) -> None:
    invitation = place.room.invite(1)[0]
    first = Person(place.room, place.room.join(code=f" {invitation.code.lower()} "))
    view = first.until("answer")
    with pytest.raises(Locked):
        place.room.join(code=invitation.code)
    place.room.release(invitation.code)
    second = Person(place.room, place.room.join(code=invitation.code), "tablet")
    assert second.view.data["trial"] == view.data["trial"]
    with pytest.raises(UnknownCode):
        place.room.view(first.secret, first.tab)
    with pytest.raises(Locked):
        place.room.join(code=invitation.code)
    assert place.room.join(token=invitation.token)
    for wrong in ({"code": "AAAAAA"}, {"token": invitation.code}, {}):
        with pytest.raises(UnknownCode):
            place.room.join(**wrong)


def test_new_links_make_the_earlier_ones_void_and_leave_the_codes(place: House) -> None:
    first, second = place.room.invite(2)
    came = Person(place.room, place.room.join(token=first.token))
    renewed = renew(place.store)
    assert (renewed.people, renewed.replaced) == (2, 1)
    assert [one.code for one in renewed.invitations] == [second.code]
    with pytest.raises(UnknownCode):
        place.room.join(token=second.token)
    assert place.room.join(token=renewed.invitations[0].token)
    assert came.screen == "information"


def test_a_room_that_opens_before_the_invitations_has_codes_and_no_links(place: House) -> None:
    planned = place.room.invite(2, with_link=False)
    with pytest.raises(UnknownCode):
        place.room.join(token=planned[0].token)
    assert place.room.join(code=planned[0].code)
    renewed = renew(place.store)
    assert (renewed.people, renewed.replaced) == (2, 0)
    assert place.room.join(token=renewed.invitations[0].token)


def test_secrets_are_stored_as_checksums_only(place: House) -> None:
    invitation = place.room.invite(1)[0]
    secret = place.room.join(token=invitation.token)
    place.end()
    content = b"".join(path.read_bytes() for path in place.path.parent.glob("answers*"))
    assert invitation.code.encode() in content
    assert invitation.token.encode() not in content
    assert secret.encode() not in content


def test_the_code_starts_the_next_visit_in_the_other_condition(place: House) -> None:
    invitation = place.room.invite(1)[0]
    first = Person(place.room, place.room.join(code=invitation.code))
    place.patient(first)
    shown = first.view.data
    assert (shown["code"], shown["next_visit"]) == (invitation.code, True)
    second = Person(place.room, place.room.join(code=invitation.code), "next day")
    assert second.screen == "headphones"  # consent holds
    place.patient(second)
    assert not second.view.data["next_visit"]
    visits = place.rows("SELECT visit, condition, state FROM session ORDER BY visit")
    assert {row["condition"] for row in visits} == {"OCV", "HATS"}
    assert {row["state"] for row in visits} == {"finished"}
    for row in visits:
        heard = place.rows(
            "SELECT DISTINCT presentation.condition FROM presentation "
            "JOIN session ON session.id = session "
            "WHERE visit = ? AND trial",
            row["visit"],
        )
        assert [one["condition"] for one in heard] == [row["condition"]]
    assert Person(place.room, place.room.join(code=invitation.code), "again").screen == "end"


def test_the_order_of_a_drop_out_goes_to_the_next_newcomer(place: House) -> None:
    people = [place.enter(tab=str(i)) for i in range(3)]
    for person in people[:2]:
        person.go_on()
    codes = [row["code"] for row in place.rows("SELECT code FROM participant ORDER BY sequence")]
    by_sequence = {row["sequence"]: row["code"] for row in place.rows(SEQUENCES)}
    place.room.end_session(by_sequence[1])
    assert people[0].screen == "stopped"
    people[2].go_on()
    rows = place.rows(SEQUENCES)
    assert sorted(row["sequence"] for row in rows) == [1, 1, 2]
    assert len(codes) == 3
    orders = [
        [one["spec_json"] for one in place.rows(ORDER_OF, row["code"])]
        for row in rows
        if row["sequence"] == 1
    ]
    assert orders[0] == orders[1] != []


def test_a_finished_visit_stays_one_when_the_second_does_not_come(place: House) -> None:
    person = place.enter()
    place.patient(person)
    place.room.end_session(place.code, "did not come again")
    assert person.screen == "stopped"
    assert [row["state"] for row in place.rows("SELECT state FROM session")] == ["finished"]
    again = Person(place.room, place.room.join(code=place.code))
    assert again.screen == "stopped"
    place.enter(tab="next").go_on()
    assert [row["sequence"] for row in place.rows(SEQUENCES)] == [1, 1]


def test_the_sounds_that_follow_are_prepared(place: House) -> None:
    person = place.enter()
    person.until("answer")
    sounds = [json.loads(row["spec_json"]) for row in place.rows(ORDER_OF, place.code)][:3]
    wanted = [(one["condition"], one["stimulus"]) for one in sounds]
    assert place.player.book.prepared == wanted


def test_windows_are_told_how_far_the_sound_is(tmp_path: Path) -> None:
    with house(small_study(tmp_path), tmp_path, ready=False) as place:
        person = place.among_sounds()
        told: queue.Queue[dict[str, Any]] = queue.Queue()

        def hear(number: int, kind: str, data: Mapping[str, Any]) -> None:
            if kind == "position":
                told.put(dict(data))

        place.room.subscribe(person.secret, hear)
        trial = person.view.data["trial"]
        person.act("play", trial=trial)
        place.player.begin()
        assert told.get(timeout=10) == {"trial": trial, "position_s": 0.5, "duration_s": 2.0}
        place.player.end()


def test_stored_orders_are_those_that_count(place: House) -> None:
    """The order of a second visit is that stored with the first participant."""
    person = place.enter()
    place.patient(person)
    stored = place.rows("SELECT * FROM plan WHERE sequence = 1 AND visit = 2")[0]
    assert len(place.rows("SELECT DISTINCT sequence FROM plan")) == 8
    place.room.join(code=place.code)
    specs = [json.loads(row["spec_json"]) for row in place.rows(ORDER_OF, place.code)]
    assert specs[-5:] == json.loads(stored["trials_json"])


def test_more_people_than_planned_get_an_order(tmp_path: Path) -> None:
    with house(small_study(tmp_path, ("planned = 8", "planned = 2")), tmp_path) as place:
        for i in range(4):
            place.enter(tab=str(i)).go_on()
        assert [row["sequence"] for row in place.rows(SEQUENCES)] == [1, 2, 3, 4]


def test_whoever_declines_hears_nothing_until_the_assistant_asks_again(place: House) -> None:
    person = place.enter()
    person.act("consent", version="2026-03-01", agree=False)
    assert person.screen == "declined"
    assert person.act("consent", version="2026-03-01", agree=True).status == 409
    place.room.release(place.code)
    back = Person(place.room, place.room.join(code=place.code))
    assert back.screen == "information"


def test_consent_is_stored_with_its_version_and_text(place: House) -> None:
    person = place.enter()
    assert person.act("consent", version="2025", agree=True).status == 409
    person.go_on()
    row = place.rows("SELECT * FROM participant")[0]
    text = place.study.texts["eng"]["information"]
    assert row["consent_version"] == "2026-03-01"
    assert row["consent_sha256"] == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("agree", [True, False])
def test_a_text_that_was_amended_in_a_visit_asks_for_consent_again(
    tmp_path: Path, agree: bool
) -> None:
    study = small_study(tmp_path)
    for path in study.sound.conditions.values():
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    with house(study, tmp_path) as place:
        person = place.enter()
        view = person.until("answer")
        fields = person.fields("answer", view)
        place.study = small_study(tmp_path, ('"2026-03-01"', '"2026-04-01"'))
        store_amendment(place.store, place.study, "the text says more")
        trials = place.rows("SELECT id FROM trial")
        place.crash()
        person.room = place.room
        view = person.view
        assert view.screen == "information"
        version = view.data["consent_version"]
        assert person.act("consent", view, version=version, agree=agree).status == 200
        assert place.rows("SELECT id FROM trial") == trials
        assert person.screen == ("answer" if agree else "declined")
        # whoever declines adds nothing more
        assert person.act("answer", **fields).status == (200 if agree else 409)
        assert len(answers_of(place)) == int(agree)


def test_withdrawing_deletes_the_answers(tmp_path: Path) -> None:
    study = small_study(tmp_path, ("planned = 8", "planned = 8\nwithdraw_here = true"))
    with house(study, tmp_path) as place:
        person = place.enter()
        place.patient(person)
        assert person.view.data["can_withdraw"]
        assert person.act("withdraw").view.screen == "withdrawn"
        for table in ("answer", "personal", "draft", "submit"):
            assert place.rows(f"SELECT * FROM {table}") == []
        assert place.rows("SELECT rows FROM withdrawal")[0]["rows"] == 5 * 9 + 2
        with pytest.raises(UnknownCode):
            place.room.join(code=place.code)


def test_the_previous_answers_can_be_revised_where_the_study_allows_it(tmp_path: Path) -> None:
    study = small_study(tmp_path, ('order = "permutation"', 'revise = "previous"'))
    with house(study, tmp_path) as place:
        person = place.enter()
        person.until("answer")
        person.go_on()  # training; nothing can be revised there
        view = person.until("ready")
        assert not view.data["can_previous"]
        person.until("answer")
        person.go_on()
        view = person.view
        assert (view.screen, view.data["can_previous"]) == ("ready", True)
        back = person.act("previous").view
        assert (back.screen, back.data["revision"], back.data["can_play"]) == ("answer", 1, False)
        assert back.data["draft"]["calm"] == {"value": 50.0, "input": "touch"}
        person.tone = 20.0
        person.act("answer", back, **person.fields("answer", back))
        assert person.view.data["trial"] == view.data["trial"]
        revised = [row for row in answers_of(place) if row[0] == back.data["trial"]]
        assert revised == [(back.data["trial"], 0, 50.0), (back.data["trial"], 1, 20.0)]


def test_a_broken_stimulus_is_left_out(place: House) -> None:
    person = place.enter()
    person.until("answer")
    person.go_on()
    view = person.until("ready")
    place.room.skip(place.code, "file is silent")
    after = person.view
    assert after.data["trial"] != view.data["trial"]
    assert after.data["count"] == {"i": 2, "n": 4}
    place.patient(person)
    assert len(answers_of(place)) == 1 + 3
    events = place.rows("SELECT body FROM event WHERE kind = 'skipped'")
    assert json.loads(events[0]["body"])["reason"] == "file is silent"


def test_only_a_sound_that_was_reached_can_be_left_out(place: House) -> None:
    person = place.enter()
    for screen in ("headphones", "comfort"):
        person.until(screen)
        with pytest.raises(ParameterError, match="not at a sound"):
            place.room.skip(place.code, "file is silent")
    person.until("ready")
    place.room.skip(place.code, "file is silent")
    assert len(place.rows("SELECT id FROM trial WHERE state = 'skipped'")) == 1


@pytest.mark.parametrize(
    ("resume", "minutes", "held"),
    [
        ("always", 600, False),
        ("within 30 min", 29, False),
        ("within 30 min", 31, True),
        ("ask assistant", 1, True),
    ],
)
def test_a_visit_is_resumed_by_its_rule(
    tmp_path: Path, resume: str, minutes: int, held: bool
) -> None:
    study = small_study(tmp_path, ("planned = 8", f'planned = 8\nresume = "{resume}"'))
    with house(study, tmp_path) as place:
        invitation = place.room.invite(1)[0]
        person = Person(place.room, place.room.join(token=invitation.token))
        view = person.until("answer")
        place.clock.go_on(60.0 * minutes)
        back = Person(place.room, place.room.join(token=invitation.token), "back")
        assert (back.screen == "waiting") is held
        if held:
            assert back.view.data["reason"] == "resume"
            place.room.answer_help(invitation.code)
        assert back.view.data["trial"] == view.data["trial"]


def test_a_window_left_open_for_too_long_asks_the_assistant_and_keeps_the_answers(
    tmp_path: Path,
) -> None:
    study = small_study(tmp_path, ("planned = 8", 'planned = 8\nresume = "within 30 min"'))
    with house(study, tmp_path) as place:
        person = place.enter()
        view = person.until("answer")
        place.clock.go_on(1860.0)
        reply = person.act("answer", view, **person.fields("answer", view))
        assert (reply.status, reply.view.screen) == (409, "waiting")
        place.room.answer_help(place.code)
        assert person.view.data["draft"]["calm"]["value"] == 50.0


def test_the_study_is_frozen_with_the_first_participant(place: House) -> None:
    assert place.rows("SELECT * FROM study") == []
    place.room.invite(3)
    assert place.rows("SELECT * FROM study") == []
    place.enter()
    row = place.rows("SELECT * FROM study")[0]
    assert (row["version"], row["toml"], row["sha256"]) == (1, place.study.toml, place.study.sha256)
    assert json.loads(row["files_json"]) == {"study.toml": place.study.sha256}


def test_no_page_names_a_stimulus_a_condition_or_a_level(place: House) -> None:
    person = place.enter()
    shown = []
    for _ in range(60):
        if person.screen == "end":
            break
        place.clock.go_on(1.0)
        shown.append(json.dumps(dict(person.view.data)))
        person.go_on()
    words = [*place.study.stimuli(), "OCV", "HATS", "gain", "calibration", "70.0", "LAeq"]
    text = " ".join(shown)
    assert [word for word in words if f'"{word}' in text or f" {word}" in text] == []


MALFORMED = [
    ("answer", {"trial": "1"}),
    ("answer", {"trial": True, "revision": 0, "answers": {}, "seconds": 1}),
    ("answer", {"trial": 1, "revision": 0, "answers": {}, "seconds": float("nan")}),
    ("answer", {"trial": 1, "revision": 0, "answers": {"calm": 5}, "seconds": 1}),
    ("draft", {"trial": 1, "answers": {"calm": {"value": {}, "input": "keys"}}}),
    ("play", {}),
    ("play", {"trial": 2**80}),
    ("play", {"trial": 1, "condition": "OCV"}),
    ("headphones", {"side": "up", "heard": ""}),
    ("draft", {"trial": 1, "answers": {"calm": {"value": "x" * 4001, "input": "keys"}}}),
    ("open_the_door", {}),
    ("language", {"language": "\ud800"}),
    ("draft", {"trial": 1, "answers": {"calm": {"value": "\udfff", "input": "keys"}}}),
    ("draft", {"trial": 1, "answers": {"\udfff": {"value": "1", "input": "keys"}}}),
]


@pytest.mark.parametrize("case", MALFORMED, ids=lambda case: str(case)[:60])
def test_a_body_that_no_page_sends_is_refused(place: House, case: tuple[str, Any]) -> None:
    action, fields = case
    person = place.enter()
    before = place.rows("SELECT count(*) AS n FROM event")
    assert person.act(action, **fields).status == 422
    assert place.rows("SELECT count(*) AS n FROM event") == before


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 2**70), st.floats(), st.text(max_size=20)
)
DEEP = st.recursive(
    VALUES | st.lists(VALUES, max_size=3),
    lambda deeper: st.dictionaries(st.sampled_from(["calm", "value", "input", "é"]), deeper),
    max_leaves=6,
)


@settings(
    max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(data=st.data())
def test_whatever_a_page_sends_gets_a_reply(place: House, data: st.DataObject) -> None:
    """Nothing raises, and what is refused changes nothing."""
    if place.guest is None:
        place.guest = place.enter()
        place.guest.until("answer")
    person = place.guest
    action = data.draw(st.sampled_from(sorted(set(ACTIONS) - {"help", "take_over"})))
    body = person.body()
    for name in ACTIONS[action]:
        if name not in body:
            body[name] = data.draw(DEEP | st.just(body["number"]) | st.just(1))
    if data.draw(st.booleans()):
        body[data.draw(st.sampled_from(["number", "key", "tab", "more"]))] = data.draw(DEEP)
    before = person.view
    reply = place.room.act(person.secret, action, body).result(10)
    settle(place.room)
    assert reply.status in (200, 409, 422)
    after = person.view
    # a window that is seen for the first time takes the lead, whatever becomes of its request
    other_window = isinstance(body["tab"], str) and body["tab"] != person.tab
    assert after.number == before.number or reply.status == 200 or other_window


def test_a_database_that_became_read_only_closes_the_room(place: House) -> None:
    person = place.enter()
    view = person.until("answer")
    place.store.write(lambda c: c.execute("PRAGMA query_only = ON").fetchone()).result()
    reply = person.act("answer", view, **person.fields("answer", view))
    assert (reply.status, reply.view.screen) == (423, "closed")
    assert place.room.closed == "the disk or the file is read-only"
    assert answers_of(place) == []
    with pytest.raises(RecordError, match="read-only"):
        place.room.reopen()
    place.store._connection.execute("PRAGMA query_only = OFF")
    place.room.reopen()
    assert person.act("answer", **person.fields("answer", view)).status == 200
    assert len(answers_of(place)) == 1


def test_an_amendment_keeps_the_orders_that_were_begun(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    for path in study.sound.conditions.values():
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    with house(study, tmp_path) as place:
        place.enter().go_on()
        without = small_study(tmp_path, ('"CG01", "CT301", "E02", "N1"', '"CG01", "CT301", "E02"'))
        with pytest.raises(RecordError, match="block main, stimulus N1, condition"):
            store_amendment(place.store, without, "one sound less")
        assert len(place.rows("SELECT * FROM study")) == 1
        more = small_study(tmp_path, ("planned = 8", "planned = 10"), ("20260301", "7"))
        assert store_amendment(place.store, more, "more people")[0] == 2
        plans: dict[int, list[str]] = {1: [], 2: []}
        for row in place.rows("SELECT * FROM plan ORDER BY version, sequence, visit"):
            plans[row["version"]].append(row["trials_json"])
        assert (len(plans[1]), len(plans[2])) == (2 * 8, 2 * 10)
        assert plans[1][:2] == plans[2][:2]
        assert plans[1][2:] != plans[2][2:16]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("order =", "scale = { low = 0, high = 10, step = 1 }\norder =", "main: its scale"),
        ('"no", "yes", "no answer"', '"no", "yes"', "about-you: its scale or its choices"),
        ('id = "hearing"', 'id = "ears"', "about-you: ears, hearing added or left out"),
    ],
)
def test_an_amendment_does_not_mix_answers_to_different_questions(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    study = small_study(tmp_path)
    for path in study.sound.conditions.values():
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    with house(study, tmp_path) as place:
        place.enter().until("ready")
        code = place.code
        waiting = place.enter(tab="not consented yet")
        amended = small_study(tmp_path, (old, new))
        with pytest.raises(RecordError, match=reason):
            store_amendment(place.store, amended, "better so")
        place.room.end_session(code)
        assert store_amendment(place.store, amended, "better so")[0] == 2
        place.study = amended
        place.crash()
        # the first takes over the order of the one who was stopped
        for person in (place.enter(), replace(waiting, room=place.room)):
            person.tone = 5.0
            place.patient(person)
        versions = place.rows("SELECT study_version FROM session ORDER BY id")
        assert [row["study_version"] for row in versions] == [1, 2, 2]


def test_an_amendment_leaves_what_earlier_versions_need(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.toml"
    catalogue.write_bytes((shipped("stimuli") / "catalogue.toml").read_bytes())
    own = ("duration = 2", 'duration = 2\ncatalogue = "catalogue.toml"')
    study = small_study(tmp_path, own)
    for path in study.sound.conditions.values():
        path.parent.mkdir(parents=True)
        path.write_text("{}")
    with house(study, tmp_path) as place:
        place.enter().until("ready")
        place.room.end_session(place.code)  # the order goes to a newcomer and is made anew
        text = catalogue.read_text()
        catalogue.write_text(text.replace('id = "N1"', 'id = "N9"'))
        less = small_study(tmp_path, own, (', "E02", "N1"', ', "E02"'))
        with pytest.raises(RecordError, match=r"version 1 .* could not be exported .*N1"):
            store_amendment(place.store, less, "one sound less")
        catalogue.write_text(text)
        assert store_amendment(place.store, small_study(tmp_path, own), "as before")[0] == 2
