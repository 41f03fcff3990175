"""Random sequences of what can happen: no answer is lost or doubled, and a replay agrees."""

import contextlib
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from listening_room import EXPOSURE, House, Person, settle
from listening_study import small_study

from soundcal.listening.room.work import Work


class RandomVisits(RuleBasedStateMachine):
    """Two people who do what comes, twice, late, in two windows, through crashes of the server."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = contextlib.ExitStack()
        self.acknowledged: dict[tuple[int, int], float] = {}
        self.sent: list[tuple[int, str, dict[str, Any]]] = []
        self.people: list[Person] = []
        self.numbers: list[int] = []

    @initialize(revise=st.sampled_from(["none", "previous"]))
    def open(self, revise: str) -> None:
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        study = small_study(folder, ('order = "permutation"', f'revise = "{revise}"'))
        self.house = House(study, folder / "answers.sqlite", ready=False)
        self.stack.callback(lambda: self.house.store.close())
        for i in range(2):
            self.house.player.ready = True
            person = self.house.enter(tab=f"window {i}")
            person.until("ready" if i == 0 else "waiting")
            self.people.append(person)
            self.numbers.append(0)
        self.house.player.ready = False

    who = st.integers(0, 1)

    def send(self, i: int, action: str, body: dict[str, Any]) -> int:
        reply = self.people[i].send(action, body)
        if action == "answer" and reply.status == 200:
            key = (body["trial"], body["revision"])
            value = body["answers"].get("calm", {}).get("value", -1.0)
            assert self.acknowledged.setdefault(key, value) == value
        return reply.status

    @rule(i=who, tone=st.integers(0, 100))
    def go_on(self, i: int, tone: int) -> None:
        person = self.people[i]
        person.tone = float(tone)
        view = person.view
        if view.screen == "answer":
            body = person.body(view, **person.fields("answer", view))
            assert self.send(i, "answer", body) == 200
            self.sent.append((i, "answer", body))
        elif view.screen == "ready":
            body = person.body(view, **person.fields("play", view))
            self.send(i, "play", body)
            self.sent.append((i, "play", body))
        elif view.screen != "playing":
            if view.screen == "pause":
                self.house.clock.go_on(1.0)
            person.go_on()

    @rule(i=who)
    def draft(self, i: int) -> None:
        view = self.people[i].view
        if "trial" in view.data:
            answers = {"calm": {"value": 7.0, "input": "keys"}}
            self.people[i].act("draft", view, trial=view.data["trial"], answers=answers)

    @precondition(lambda self: self.sent)
    @rule(data=st.data())
    def again(self, data: Any) -> None:
        """Something that was sent is sent once more, unchanged or with another key."""
        i, action, body = data.draw(st.sampled_from(self.sent[-5:]))
        if data.draw(st.booleans()):
            body = body | {"key": f"late {len(self.sent)}"}
            if action == "answer":
                body = body | {"answers": {}}
        self.send(i, action, body | {"tab": self.people[i].tab})

    @rule(i=who)
    def another_window(self, i: int) -> None:
        self.people[i].tab = f"window {self.numbers[i]}.{len(self.sent)}"
        _ = self.people[i].view
        settle(self.house.room)

    @rule(i=who)
    def previous(self, i: int) -> None:
        view = self.people[i].view
        if view.data.get("can_previous"):
            assert self.people[i].act("previous", view).status == 200

    @rule(i=who)
    def help(self, i: int) -> None:
        self.people[i].act("help")
        self.people[i].act("continue")

    @precondition(lambda self: self.house.player.now is not None)
    @rule(outcome=st.sampled_from(["done", "done", "done", "failed", "begun"]))
    def sound(self, outcome: str) -> None:
        if outcome == "begun":
            self.house.player.begin()
        else:
            self.house.player.end(outcome)

    @rule(orderly=st.booleans())
    def restart(self, orderly: bool) -> None:
        if orderly:
            self.house.room.close()
        self.house.crash()
        for person in self.people:
            person.room = self.house.room

    @rule()
    def assistant(self) -> None:
        for row in self.house.rows("SELECT participant FROM session WHERE held <> ''"):
            self.house.room.answer_help(row["participant"])

    @invariant()
    def numbers_only_grow(self) -> None:
        for i, person in enumerate(self.people):
            number = person.view.number
            assert number >= self.numbers[i]
            self.numbers[i] = number

    @invariant()
    def what_was_acknowledged_is_stored_once(self) -> None:
        if not self.people:
            return
        rows = self.house.rows("SELECT trial, revision FROM submit")
        stored = [(row["trial"], row["revision"]) for row in rows]
        assert sorted(stored) == sorted(self.acknowledged)
        for row in self.house.rows("SELECT * FROM answer WHERE attribute = 'calm'"):
            key = (row["trial"], row["revision"])
            assert self.acknowledged.get(key, row["value"]) == row["value"]

    @invariant()
    def a_replay_gives_the_same_next_trial(self) -> None:
        if not self.people:
            return
        room = self.house.room
        with self.house.store.read() as connection:
            w = Work(connection, room._moment())
            for row in w.all("SELECT * FROM session WHERE state = 'running'"):
                current = w.all(
                    "SELECT id FROM trial WHERE session = ? AND state = 'current'", row["id"]
                )
                assert [one["id"] for one in current] == [room._answers.next_trial(w, row["id"])]

    @invariant()
    def every_presentation_counts(self) -> None:
        if not self.people:
            return
        rows = self.house.rows("SELECT state, exposure_pa2h FROM presentation")
        assert all(row["exposure_pa2h"] == EXPOSURE for row in rows)
        assert sum(row["state"] in ("starting", "playing") for row in rows) <= 1
        assert len(rows) == len(self.house.player.started)

    def teardown(self) -> None:
        self.stack.close()


RandomVisits.TestCase.settings = settings(
    max_examples=12,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestRandomVisits = RandomVisits.TestCase
