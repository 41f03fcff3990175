"""A whole listening test in a real browser, with the sounds of the simulated lab.

``pytest -n 0 tests/listening/session_in_browser.py`` needs what ``pages_in_browser.py`` needs. With
the environment variable SOUNDCAL_WRITE_PICTURES=1 it also writes the pictures of the guide.
"""

import io
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import start_browser, violations
from guide_pages import GUIDE
from listening_sounds import find_gains, opened_lab
from listening_study import write_study
from PIL import Image
from room_screens import PAQ

from soundcal.listening.dashboard import Dashboard
from soundcal.listening.player import Player
from soundcal.listening.reading import read_study
from soundcal.listening.room import Room
from soundcal.listening.sound import SoundBook
from soundcal.listening.store import Store
from soundcal.listening.web import Running, bind, make_app

BLOCKS = """
[[block]]
id = "training"
design = "paq"
stimuli = ["CG01"]
scored = false

[[block]]
id = "main"
design = "paq"
stimuli = ["CG01", "N1"]
plays = { min_complete = 1, max = 0, stop_after_first = true }
pause = { after = 1, at_least_s = 1 }

[[block]]
id = "about-you"
design = "questions"

[[block.question]]
id = "hearing"
kind = "choice"
text = { eng = "Do you have any hearing loss that you know of?" }
choices = ["no", "yes", "no answer"]
personal = true
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from start_browser()


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study")
    find_gains(folder)
    return write_study(
        folder,
        ("sessions/ocv/", "ocv/"),
        ("sessions/hats/", "hats/"),
        ("duration = 2\n", 'duration = 2\nmonitor = "loopback"\nmonitor_inputs = [3, 4]\n'),
        ('"sessions"', '"between"'),
        blocks=BLOCKS,
    )


class House:
    """An open room in the simulated lab, with its server."""

    def __init__(self, folder: Path, database: Path, port: int = 0) -> None:
        self.study = read_study(folder)
        with ExitStack() as stack:
            lab = stack.enter_context(opened_lab())
            self.store = stack.enter_context(Store(database))
            book = stack.enter_context(closing(SoundBook(self.study)))
            player = Player(lab, book, self.study, lambda news: self.room.played(news))
            stack.enter_context(closing(player))
            self.room = Room(self.study, self.store, player, digests={}, device=lab.info.identity)
            stack.callback(self.room.close)
            self.dashboard = Dashboard(self.room, self.store)
            bound = bind(port)
            server = Running(make_app(self.room, self.dashboard, hosts=bound.hosts), bound)
            server.start()
            stack.callback(server.stop)
            self.address = bound.local
            self._stack = stack.pop_all()

    def close(self) -> None:
        self._stack.close()

    def rows(self, sql: str, *values: object) -> list[dict[str, Any]]:
        with self.store.read() as connection:
            return [dict(row) for row in connection.execute(sql, values)]


@pytest.fixture
def house(sounds: Path, tmp_path: Path) -> Iterator[House]:
    made = House(sounds, tmp_path / "answers.sqlite")
    yield made
    made.close()


def until(page: Any, holds: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for something that the test sees from outside: the pages allow no evaluated text."""
    for _ in range(round(20 * seconds)):
        if holds():
            return
        page.wait_for_timeout(50)
    raise AssertionError(page.locator("main").inner_text())


class Participant:
    """Somebody at a page who does everything with one kind of hand."""

    def __init__(self, page: Any, hand: str, *, often: Any = None) -> None:
        self.page = page
        self.hand = hand
        self.often = often or (lambda screen: None)
        self.screens: list[str] = []

    def press(self, name: str) -> None:
        """Press a button, once it can be pressed."""
        button = self.page.get_by_role("button", name=name, exact=True)
        button.wait_for()
        until(self.page, lambda: button.get_attribute("aria-disabled") != "true")
        if self.hand == "keys":
            self.tab_to(button)
            self.page.keyboard.press("Enter")
        elif self.hand == "touch":
            button.tap()
        else:
            button.click()

    def tab_to(self, target: Any) -> None:
        """Reach an element with the Tab key only."""
        for _ in range(60):
            if target.evaluate("e => e === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab does not lead to {target}")

    def rate(self, name: str, share: float) -> None:
        """Answer a scale."""
        scale = self.page.locator(f"#i-{name}")
        if self.hand == "keys":
            self.tab_to(scale)
            self.page.keyboard.press("Home")
            for _ in range(round(10 * share)):
                self.page.keyboard.press("PageUp")
            return
        box = scale.bounding_box()
        at = {"x": share * box["width"], "y": box["height"] / 2}
        scale.tap(position=at) if self.hand == "touch" else scale.click(position=at)

    def choose(self, label: str) -> None:
        """Tick a choice."""
        choice = self.page.get_by_label(label, exact=True)
        if self.hand == "keys":
            first = choice.locator("xpath=ancestor::*[@role='radiogroup']//input").first
            self.tab_to(first if first.count() else choice)
            self.page.keyboard.press("Space")
            for _ in range(10):
                if choice.is_checked():
                    return
                self.page.keyboard.press("ArrowDown")
        elif self.hand == "touch":
            choice.tap()
        else:
            choice.click()

    def take_part(self, last: str = "end") -> None:
        """Go through the visit as far as a screen."""
        while True:
            until(self.page, self.must_act)
            screen = self.state("screen")
            self.screens.append(screen)
            self.often(screen)
            if screen == last:
                return
            self.number = self.state("number")
            self.step(screen)

    number = ""

    def state(self, name: str) -> str:
        """Return what the page says of its state."""
        return self.page.locator("#page").get_attribute(f"data-{name}")

    def must_act(self) -> bool:
        """Return whether the page asks for something new."""
        if self.state("number") == self.number:
            return False
        if self.page.locator("[data-locked]").count():
            return False
        sounding = self.page.locator(".player [aria-disabled=true]").count()
        return not sounding and self.state("screen") not in ("waiting", "technical")

    def step(self, screen: str) -> None:
        """Do what a screen asks for."""
        match screen:
            case "information":
                self.choose("I have read this and want to take part.")
                self.press("Start")
            case "headphones" if self.page.get_by_text("Where did you hear it?").is_visible():
                asked = self.page.locator("[data-ask]").get_attribute("data-ask")
                self.press(asked.capitalize())
            case "headphones":
                side = "Right" if self.page.locator("#play-right.main").count() else "Left"
                self.press(f"Play {side.lower()}")
            case "comfort":
                heard = self.page.get_by_role("button", name="Play again").count()
                self.press("Comfortable" if heard else "Play")
            case "instructions" | "pause":
                self.press("Continue")
            case "ready":
                self.press("Play")
            case "answer" if self.page.locator("#i-calm").count():
                for n, name in enumerate(PAQ):
                    self.rate(name, (n + 1) / 10)
                self.press("Send answers")
            case "answer":
                self.choose("no answer")
                self.press("Send answers")
            case _:
                raise AssertionError(screen)


def enter(house: House, browser: Any, **options: Any) -> Any:
    """Return the page of a newcomer, who has typed the code."""
    (invitation,) = house.room.invite(1)
    context = browser.new_context(reduced_motion="reduce", **options)
    page = context.new_page()
    page.goto(f"{house.address}/")
    page.get_by_label("Code").fill(invitation.code.lower())
    page.keyboard.press("Enter")
    until(page, lambda: page.locator("#page").get_attribute("data-screen") != "join")
    return page


HANDS = {
    "pointer": {"viewport": {"width": 1280, "height": 900}},
    "touch": {"viewport": {"width": 360, "height": 740}, "has_touch": True, "is_mobile": True},
    "keys": {"viewport": {"width": 820, "height": 1180}},
}


@pytest.mark.parametrize("hand", HANDS)
def test_a_whole_visit(house: House, browser: Any, hand: str) -> None:
    asked: list[str] = []
    page = enter(house, browser, **HANDS[hand])
    page.on("request", lambda request: asked.append(request.url))
    person = Participant(page, hand)
    person.take_part()
    assert page.get_by_text("All answers are saved.").is_visible()
    assert violations(page) == []
    assert [url for url in asked if not url.startswith((f"{house.address}/", "data:"))] == []

    answers = house.rows("SELECT * FROM answer ORDER BY trial, attribute")
    assert Counter(row["attribute"] for row in answers) == dict.fromkeys(PAQ, 3)
    assert {row["input"] for row in answers} == {hand}
    for row in answers:
        assert abs(row["value"] - 10 * (PAQ.index(row["attribute"]) + 1)) <= 5
    assert [row["text"] for row in house.rows("SELECT text FROM personal")] == ["no answer"]
    played = house.rows("SELECT * FROM presentation")
    assert {row["state"] for row in played} == {"done"}
    assert sum(row["trial"] is not None for row in played) == 3
    assert page.url == f"{house.address}/t"
    page.context.close()


def test_reload_in_every_state_loses_nothing(house: House, browser: Any) -> None:
    page = enter(house, browser, viewport=HANDS["pointer"]["viewport"])

    def reload(screen: str) -> None:
        title = page.locator("h1").inner_text()
        page.reload()
        assert page.locator("#page").get_attribute("data-screen") == screen
        assert page.locator("h1").inner_text() == title
        page.go_back()
        page.go_forward()
        page.wait_for_url("**/t")
        assert page.locator("#page").get_attribute("data-screen") == screen
        page.wait_for_timeout(300)  # the older windows have been told

    person = Participant(page, "pointer", often=reload)
    person.take_part()
    assert {"information", "headphones", "comfort", "ready", "answer", "pause", "end"} <= {
        *person.screens
    }
    assert house.rows("SELECT count(*) AS n FROM submit") == [{"n": 4}]
    page.context.close()


def test_the_dashboard_shows_the_visit_and_acts(house: House, browser: Any) -> None:
    page = enter(house, browser, viewport=HANDS["pointer"]["viewport"])
    (person,) = house.rows("SELECT code FROM participant WHERE state != 'invited'")
    desk = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    desk.goto(f"{house.address}/dash/k/{house.dashboard.keys['experimenter']}")
    desk.wait_for_url("**/dash")
    row = desk.locator(f"#p-{person['code']}")
    row.get_by_text("Takes part").or_(row.get_by_text("Joined")).first.wait_for()
    page.get_by_role("button", name="I need help").click()
    row.get_by_text("Asks for help").wait_for(timeout=10000)
    row.get_by_role("button", name="Answered").click()
    row.get_by_text("Asks for help").wait_for(state="detached", timeout=10000)
    desk.get_by_label("Reason of a pause").fill("fire drill")
    desk.get_by_role("button", name="Pause room").click()
    page.get_by_role("heading", name="The room is closed").wait_for(timeout=10000)
    desk.get_by_text("Closed: fire drill").wait_for()
    desk.get_by_role("button", name="Reopen").click()
    page.get_by_role("heading", name="The room is closed").wait_for(state="detached", timeout=10000)
    Participant(page, "pointer").take_part()
    desk.reload()
    desk.locator(f"#p-{person['code']}").get_by_text("Finished").wait_for()
    desk.locator("#s-quality").get_by_text(person["code"]).wait_for(timeout=40000)
    assert violations(desk) == []
    state = house.dashboard.state("assistant")
    assert "quality" not in state
    assert not {"calm", "pleasant"} & set(json.dumps(state).split('"'))
    desk.context.close()
    page.context.close()


def test_a_restart_of_the_server_loses_nothing(sounds: Path, tmp_path: Path, browser: Any) -> None:
    database = tmp_path / "answers.sqlite"
    first = House(sounds, database)
    page = enter(first, browser, viewport=HANDS["pointer"]["viewport"])
    person = Participant(page, "pointer")
    person.take_part("answer")
    person.rate("calm", 0.3)
    person.rate("pleasant", 0.8)
    port = int(first.address.rpartition(":")[2])
    first.close()
    page.wait_for_timeout(1500)
    for name in PAQ:
        person.rate(name, 0.6)
    page.get_by_role("button", name="Send answers").click()
    page.get_by_text("No connection. Your answers are kept on this page").wait_for()
    second = House(sounds, database, port=port)
    until(page, lambda: second.rows("SELECT count(*) AS n FROM submit") == [{"n": 1}])
    answers = second.rows("SELECT value FROM answer")
    assert len(answers) == 8
    assert all(55 <= row["value"] <= 65 for row in answers)
    person.take_part()
    assert second.rows("SELECT count(*) AS n FROM submit") == [{"n": 4}]
    page.context.close()
    second.close()


def test_two_people_take_turns(house: House, browser: Any) -> None:
    one = Participant(enter(house, browser, viewport=HANDS["pointer"]["viewport"]), "pointer")
    one.take_part("ready")
    other = Participant(enter(house, browser, **HANDS["touch"]), "touch")
    other.step("information")
    other.page.get_by_text("Your place in the queue: 1").wait_for()
    assert violations(other.page) == []
    here = [one, other]  # a break gives the turn to the other
    for _ in range(1200):
        for person in here:
            if person.state("screen") != "end" and person.must_act():
                person.number = person.state("number")
                person.step(person.state("screen"))
        here = [person for person in here if person.state("screen") != "end"]
        if not here:
            break
        one.page.wait_for_timeout(50)
    assert house.rows("SELECT count(*) AS n FROM submit") == [{"n": 8}]
    overlaps = house.rows(
        "SELECT 1 FROM presentation a JOIN presentation b ON a.id < b.id AND b.started < a.ended"
    )
    assert overlaps == []
    one.page.context.close()
    other.page.context.close()


def test_too_loud_stops_and_calls(house: House, browser: Any) -> None:
    page = enter(house, browser, viewport=HANDS["pointer"]["viewport"])
    person = Participant(page, "pointer")
    person.take_part("comfort")
    person.press("Play")
    person.press("Too loud")
    page.get_by_role("heading", name="The test was stopped").wait_for()
    assert violations(page) == []
    told = house.dashboard.state("assistant")
    assert told["counts"]["dropped"] == 1
    assert [one["call"] for one in told["people"] if one["call"]] == [
        "the sound was too loud, and the test has ended"
    ]
    page.context.close()


@pytest.mark.parametrize("name", ["rating", "dashboard"])
def test_the_pictures_of_the_guide_show_the_pages(house: House, browser: Any, name: str) -> None:
    page = enter(house, browser, viewport={"width": 760, "height": 1060})
    desk = browser.new_context(
        viewport={"width": 1100, "height": 860}, reduced_motion="reduce"
    ).new_page()
    shots: list[bytes] = []

    def look(screen: str) -> None:
        if shots or screen != "answer" or page.get_by_text("Practice").count():
            return
        if name == "rating":
            for number, attribute in enumerate(PAQ[:5]):
                person.rate(attribute, (0.74, 0.31, 0.55, 0.22, 0.66)[number])
            page.mouse.move(5, 5)
            page.wait_for_timeout(6000)  # words at the foot of the page have gone
            shots.append(page.screenshot())
            return
        desk.goto(f"{house.address}/dash/k/{house.dashboard.keys['experimenter']}")
        desk.wait_for_url("**/dash")
        desk.get_by_text("Takes part").first.wait_for()
        shots.append(desk.screenshot())

    person = Participant(page, "pointer", often=look)
    person.take_part()
    compare_picture(Image.open(io.BytesIO(shots[0])), GUIDE / f"figures/listening_tests-{name}.png")
    desk.context.close()
    page.context.close()


def compare_picture(shown: Image.Image, path: Path) -> None:
    """Compare roughly: codes, times and fonts differ from one machine to the next."""
    if os.environ.get("SOUNDCAL_WRITE_PICTURES") == "1":
        shown.convert("RGB").quantize(48).save(path, optimize=True)
    committed = Image.open(path)
    assert committed.size == shown.size
    small = [
        np.asarray(one.convert("L").resize((40, 50)), dtype=float) for one in (committed, shown)
    ]
    assert np.abs(small[0] - small[1]).mean() < 12.0
    assert path.stat().st_size <= 60_000
