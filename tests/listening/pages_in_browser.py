"""The pages of the listening room in a real browser, with a room that the test controls.

``pytest -n 0 tests/listening/pages_in_browser.py`` needs Chromium (Debian's package ``chromium``)
and the extra ``browser``; it is skipped without them, and fails instead with the environment
variable SOUNDCAL_REQUIRE_BROWSER=1.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from browser import start_browser, violations
from fake_dashboard import FakeDashboard
from fake_room import FakeRoom, FakeStudy
from room_screens import PAQ, SCREENS

from soundcal.listening.web import Running, bind, make_app

TABLET = {"width": 820, "height": 1180}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    yield from start_browser()


class Site:
    """A room with a server."""

    def __init__(self, study: FakeStudy | None = None) -> None:
        self.room = FakeRoom(study)
        self.bound = bind()
        app = make_app(self.room, FakeDashboard(), hosts=self.bound.hosts)
        self.server = Running(app, self.bound)
        self.server.start()

    @property
    def address(self) -> str:
        return self.bound.local


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.server.stop()


@pytest.fixture
def visit(browser: Any, site: Site) -> Iterator[Callable[..., Any]]:
    """Give a function that opens the participant's page in a new browser profile."""
    contexts, foreign, faults = [], [], []

    def note(request: Any) -> None:
        if not request.url.startswith((f"{site.address}/", "data:")):
            foreign.append(request.url)

    def new(state: str | None = None, *, context: Any = None, **options: Any) -> Any:
        if state:
            site.room.show(state)
        if context is None:
            options = {"viewport": TABLET, "reduced_motion": "reduce", **options}
            context = browser.new_context(**options)
            contexts.append(context)
            context.on("request", note)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda message: faults.append(message.text) if is_fault(message) else 0)
        page.goto(f"{site.address}/j/good")
        page.wait_for_url("**/t")
        return page

    yield new
    for context in contexts:
        context.close()
    assert foreign == []
    assert faults == []


def is_fault(message: Any) -> bool:
    """Return whether the console complains of anything but a server that is out of reach."""
    return message.type in ("error", "warning") and "Failed to load resource" not in message.text


def overflow(page: Any) -> int:
    return page.evaluate("document.documentElement.scrollWidth - innerWidth")


def small_targets(page: Any) -> list[str]:
    return page.evaluate(
        """() => [...document.querySelectorAll("button, input:not([type=radio],[type=checkbox]),"
        + "summary, .choice")].filter(e => e.checkVisibility()).filter(e => {
          const box = e.getBoundingClientRect(); return box.height < 44 || box.width < 44;
        }).map(e => e.outerHTML.slice(0, 120))"""
    )


def scale(page: Any, name: str) -> Any:
    return page.locator(f"#i-{name}")


def is_touched(page: Any, name: str) -> bool:
    return scale(page, name).evaluate("e => 'touched' in e.dataset")


def answer_all(page: Any, share: float = 0.7) -> None:
    for name in PAQ:
        box = scale(page, name).bounding_box()
        scale(page, name).click(position={"x": share * box["width"], "y": box["height"] / 2})


# ---- looks and access


@pytest.mark.parametrize("state", SCREENS)
def test_a_state_can_be_used_by_everybody(visit: Any, state: str) -> None:
    page = visit(state)
    assert violations(page) == []
    assert small_targets(page) == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert overflow(page) <= 0
    page.set_viewport_size({"width": 640, "height": 900})
    page.evaluate("document.documentElement.style.fontSize = '212.5%'")  # twice the usual
    assert overflow(page) <= 0


def test_the_way_in_can_be_used_by_everybody(browser: Any, site: Site) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 640}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{site.address}/")
    assert page.url == f"{site.address}/t"
    assert violations(page) == []
    assert overflow(page) <= 0
    page.get_by_role("button", name="Start").click()
    assert page.locator("#f-code").inner_text() == "Enter the code on your sheet."
    assert page.evaluate("document.activeElement.id") == "code"
    page.keyboard.type("zzzz")
    page.keyboard.press("Enter")
    page.get_by_text("This code is not known. Please ask the assistant.").wait_for()
    assert violations(page) == []
    page.locator("#code").fill("abcd")
    page.keyboard.press("Enter")
    page.get_by_role("heading", name="Sound 3 of 27").wait_for()
    assert page.url == f"{site.address}/t"
    context.close()


def test_right_to_left(browser: Any) -> None:
    study = FakeStudy()
    study.languages = ("arb",)
    mirrored = Site(study)
    mirrored.room.language = "arb"
    mirrored.room.show("answer-draft")
    context = browser.new_context(viewport=TABLET, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{mirrored.address}/j/good")
    page.wait_for_url("**/t")
    assert page.locator("html").get_attribute("dir") == "rtl"
    title, help_ = page.locator(".title").bounding_box(), page.locator("#help").bounding_box()
    assert help_["x"] < title["x"]
    box = scale(page, "chaotic").bounding_box()
    scale(page, "chaotic").click(position={"x": 0.25 * box["width"], "y": box["height"] / 2})
    assert 70 <= int(scale(page, "chaotic").input_value()) <= 80
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert overflow(page) <= 0
    context.close()
    mirrored.server.stop()


def test_the_dashboard_can_be_used_by_everybody(browser: Any, site: Site) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    page.goto(f"{site.address}/dash/k/experimenter-key")
    page.wait_for_url("**/dash")
    assert violations(page) == []
    page.set_viewport_size({"width": 320, "height": 640})
    assert overflow(page) <= 0
    page.locator("summary").first.click()
    assert violations(page) == []
    context.close()


# ---- the rating scale


def test_figures_stand_in_one_row_between_their_ends(visit: Any) -> None:
    page = visit("answer-figures")
    page.set_viewport_size({"width": 320, "height": 640})
    boxes = [one.bounding_box() for one in page.locator("[data-item=pleasant] .choice").all()]
    assert len({box["y"] for box in boxes}) == 1
    assert boxes == sorted(boxes, key=lambda box: box["x"])
    assert min(min(box["width"], box["height"]) for box in boxes) >= 24.0  # WCAG 2.2, 2.5.8
    assert overflow(page) <= 0


def test_a_tap_anywhere_answers_also_in_the_middle(visit: Any) -> None:
    page = visit("answer")
    bare = scale(page, "calm").screenshot()
    scale(page, "calm").evaluate("e => { e.value = 90 }")
    assert scale(page, "calm").screenshot() == bare  # no handle shows where the value is
    assert scale(page, "calm").get_attribute("aria-valuetext") == "not answered yet"
    for name, share, value in (("pleasant", 0.5, 50), ("calm", 0.25, 25), ("vibrant", 1.0, 100)):
        box = scale(page, name).bounding_box()
        x = min(share * box["width"], box["width"] - 1)
        scale(page, name).click(position={"x": x, "y": box["height"] / 2})
        assert is_touched(page, name)
        assert abs(int(scale(page, name).input_value()) - value) <= 2
        assert scale(page, name).get_attribute("aria-valuetext") is None
        assert page.locator(f"#o-{name}").inner_text() == scale(page, name).input_value()
    page.mouse.move(0, 0)
    assert scale(page, "calm").screenshot() != bare
    assert not is_touched(page, "eventful")


def test_keys_answer_and_passing_through_does_not(visit: Any) -> None:
    page = visit("answer")
    scale(page, "pleasant").focus()
    for _ in PAQ:
        page.keyboard.press("Tab")
    assert not any(is_touched(page, name) for name in PAQ)
    for name, key, value in (
        ("pleasant", "ArrowRight", "51"),
        ("calm", "Home", "0"),
        ("vibrant", "End", "100"),
        ("annoying", "PageUp", "60"),
    ):
        scale(page, name).focus()
        page.keyboard.press(key)
        assert (scale(page, name).input_value(), is_touched(page, name)) == (value, True)


def test_a_finger_that_scrolls_is_no_answer(visit: Any, site: Site) -> None:
    page = visit("answer", has_touch=True, viewport={"width": 360, "height": 640})
    scale(page, "calm").scroll_into_view_if_needed()
    box = scale(page, "calm").bounding_box()
    x, y = box["x"] + 0.3 * box["width"], box["y"] + box["height"] / 2
    cdp = page.context.new_cdp_session(page)
    cdp.send("Input.synthesizeScrollGesture", {"x": x, "y": y, "yDistance": 150, "speed": 600})
    assert not is_touched(page, "calm")
    assert scale(page, "calm").get_attribute("aria-valuetext") == "not answered yet"
    scale(page, "calm").scroll_into_view_if_needed()
    box = scale(page, "calm").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert is_touched(page, "calm")
    body = site.room.wait_for("draft")
    assert body["answers"] == {"calm": {"value": 50, "input": "touch"}}


def test_small_steps_by_buttons(visit: Any) -> None:
    page = visit("answer")
    more = page.get_by_role("button", name="calm: more", exact=True)
    assert not more.is_visible()
    page.get_by_role("button", name="Show − and +").click()
    more.click()
    assert scale(page, "calm").input_value() == "50"
    more.click()
    page.get_by_role("button", name="pleasant: less", exact=True).click()
    assert scale(page, "calm").input_value() == "51"
    assert (scale(page, "pleasant").input_value(), is_touched(page, "pleasant")) == ("50", True)
    assert violations(page) == []
    assert small_targets(page) == []


def test_what_is_missing_is_said_where_it_is_missing(visit: Any, site: Site) -> None:
    page = visit("answer")
    for name in PAQ:
        if name not in ("calm", "eventful"):
            scale(page, name).focus()
            page.keyboard.press("ArrowLeft")
    page.get_by_role("button", name="Send answers").click()
    assert page.locator("#missing").inner_text() == "2 answers are missing: calm, eventful"
    assert page.evaluate("document.activeElement.id") == "i-calm"
    assert scale(page, "calm").get_attribute("aria-invalid") == "true"
    assert page.locator("#f-calm").inner_text() == "Please answer here."
    assert violations(page) == []
    page.keyboard.press("ArrowLeft")
    assert scale(page, "calm").get_attribute("aria-invalid") is None
    assert not [name for name, _ in site.room.log if name == "answer"]


def test_every_kind_of_question_gives_its_answer(visit: Any, site: Site) -> None:
    page = visit("questions")
    page.get_by_label("yes", exact=True).check()
    page.get_by_label("birds").check()
    page.get_by_label("music").check()
    page.get_by_label("How old are you?").fill("nine")
    page.get_by_role("button", name="Send answers").click()
    assert page.locator("#f-age").inner_text() == "Enter a number from 18 to 99."
    assert page.evaluate("document.activeElement.id") == "i-age"
    page.get_by_label("How old are you?").fill("41,5")
    page.get_by_role("button", name="Send answers").click()
    given = {name: one["value"] for name, one in site.room.wait_for("answer")["answers"].items()}
    assert given == {"hearing": "yes", "sources": ["birds", "music"], "age": 41.5}


def test_buttons_give_numbers(visit: Any, site: Site) -> None:
    page = visit("answer-acr")
    assert page.get_by_label("Good").is_checked()
    page.get_by_label("Fair").check()
    page.get_by_role("button", name="Send answers").click()
    assert site.room.wait_for("answer")["answers"]["quality"]["value"] == 3


# ---- a page that follows the server


def test_a_sound_is_shown_as_it_goes_and_quietly(visit: Any, site: Site) -> None:
    site.room.path = {("ready", "play"): "playing"}
    page = visit("ready")
    page.get_by_role("button", name="Play").focus()
    page.keyboard.press("Enter")
    page.get_by_text("Listen to the whole sound.").wait_for()
    assert site.room.wait_for("play")["trial"] == 7
    site.room.position(20.0)
    page.get_by_text(re.compile("2[0-2] of 30 seconds")).wait_for()
    assert page.evaluate("document.activeElement.id") == "play"
    assert page.locator("#say").inner_text() == ""
    site.room.show("answer")
    page.get_by_role("button", name="Send answers").wait_for()
    assert page.locator("#say").inner_text() == "The sound has ended."
    assert page.evaluate("document.activeElement.id") == "play"


def test_answers_survive_a_second_play_and_a_reload(visit: Any, site: Site) -> None:
    site.room.path = {("answer", "play"): "playing-again"}
    page = visit("answer")
    scale(page, "calm").focus()
    page.keyboard.press("End")
    page.get_by_role("button", name="Play again").click()
    page.get_by_role("button", name="Stop").wait_for()
    assert (scale(page, "calm").input_value(), is_touched(page, "calm")) == ("100", True)
    site.room.wait_for("draft")
    page.reload()
    assert (scale(page, "calm").input_value(), is_touched(page, "calm")) == ("100", True)
    assert page.locator("#o-calm").inner_text() == "100"


@pytest.mark.parametrize("state", ["ready", "playing", "answer-draft", "pause", "end"])
def test_reload_back_and_forward_show_the_current_state(visit: Any, site: Site, state: str) -> None:
    page = visit(state)
    shown = page.locator("main").inner_text()
    page.reload()
    assert page.locator("h1").inner_text() in shown
    page.go_back()
    page.go_forward()
    page.wait_for_url("**/t")
    assert page.locator("h1").inner_text() in shown
    site.room.show("instructions")
    page.get_by_role("heading", name="How it works").wait_for()
    page.go_back()
    page.go_forward()
    page.wait_for_url("**/t")
    page.get_by_role("heading", name="How it works").wait_for()


def test_a_double_click_acts_once(visit: Any, site: Site) -> None:
    site.room.path = {
        ("instructions", "continue"): "pause-over",
        ("pause-over", "continue"): "ready",
        ("ready", "play"): "answer",
        ("answer", "answer"): "ready",
    }
    page = visit("instructions")
    page.get_by_role("button", name="Continue").dblclick()
    page.get_by_role("heading", name="Time for a break").wait_for()
    page.get_by_role("button", name="Continue").dblclick()
    page.get_by_role("heading", name="Sound 3 of 27").wait_for()
    page.get_by_role("button", name="Play").dblclick()
    page.get_by_role("button", name="Send answers").wait_for()
    answer_all(page)
    page.get_by_role("button", name="Send answers").dblclick()
    page.get_by_text("Listen to the whole sound first").wait_for()
    page.wait_for_timeout(400)
    acted = [name for name, _ in site.room.log if name != "draft"]
    assert acted == ["continue", "continue", "play", "answer"]


def test_a_button_that_can_be_seen_acts_also_while_the_page_is_fetched(
    visit: Any, site: Site
) -> None:
    site.room.path = {("instructions", "continue"): "pause-over", ("pause-over", "continue"): "end"}
    page = visit("instructions")
    site.room.slow_s = 1.2  # the page is fetched twice: for the reply, and for the event
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Time for a break").wait_for()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("heading", name="Thank you").wait_for(timeout=15000)
    assert [name for name, _ in site.room.log] == ["continue", "continue"]


def test_an_action_is_sent_again_if_only_the_number_has_changed(visit: Any, site: Site) -> None:
    page = visit("information")
    page.get_by_label("I have read this and want to take part.").check()
    page.evaluate("document.querySelector('#page').dataset.number = 1")
    site.room.path = {("information", "consent"): "instructions"}
    page.get_by_role("button", name="Start").click()
    page.get_by_role("heading", name="How it works").wait_for()
    assert [name for name, _ in site.room.log] == ["consent"]


def test_another_window_takes_over_and_gives_back(visit: Any, site: Site) -> None:
    first = visit("answer")
    answer_all(first, 0.3)
    second = visit(context=first.context)
    second.get_by_role("button", name="Send answers").wait_for()
    site.room.show("answer")
    first.get_by_role("heading", name="This test is open in another window").wait_for()
    assert first.locator(".behind input").first.input_value() != "50"
    assert violations(first) == []
    first.get_by_role("button", name="Continue here").click()
    first.get_by_role("button", name="Send answers").wait_for()
    site.room.show("answer")
    second.get_by_role("heading", name="This test is open in another window").wait_for()


def test_lost_network_in_mid_submit(visit: Any, site: Site) -> None:
    site.room.path = {("answer", "answer"): "ready"}
    page = visit("answer")
    answer_all(page)
    cdp = page.context.new_cdp_session(page)
    cdp.send("Network.enable")
    gone = {"offline": True, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    cdp.send("Network.emulateNetworkConditions", gone)
    send = page.get_by_role("button", name="Send answers")
    send.click()
    page.get_by_text("No connection. Your answers are kept on this page").wait_for()
    page.wait_for_timeout(4000)
    assert send.get_attribute("aria-disabled") == "true"
    assert scale(page, "calm").input_value() != "50"
    assert not [name for name, _ in site.room.log if name == "answer"]
    cdp.send("Network.emulateNetworkConditions", {**gone, "offline": False})
    page.get_by_text("Listen to the whole sound first").wait_for(timeout=20000)
    assert [name for name, _ in site.room.log].count("answer") == 1


def test_a_lost_server_is_told_when_the_sound_must_be_over(visit: Any, site: Site) -> None:
    site.room.show("playing", position_s=0.0, duration_s=1.0)
    page = visit()
    page.context.set_offline(True)
    page.get_by_text("No connection.").wait_for(timeout=20000)
    page.context.set_offline(False)


def test_a_reply_that_is_lost_is_asked_for_again(visit: Any, site: Site) -> None:
    site.room.path = {("answer", "answer"): "ready"}
    page = visit("answer")
    answer_all(page)
    lost = []

    def lose(route: Any) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch())  # the server has stored it, the page never hears of it
            route.abort()

    page.route("**/answer", lose)
    page.get_by_role("button", name="Send answers").click()
    page.get_by_text("Listen to the whole sound first").wait_for(timeout=20000)
    assert [name for name, _ in site.room.log].count("answer") == 1
    page.unroute("**/answer")


def test_help_is_always_at_the_same_place(visit: Any, site: Site) -> None:
    page = visit("ready")
    places = set()
    for state in ("ready", "playing", "answer", "pause", "instructions", "end", "language"):
        site.room.show(state)
        page.reload()
        box = page.get_by_role("button", name="I need help").bounding_box()
        places.add((box["x"], box["y"]))
    assert len(places) == 1
    page.get_by_role("button", name="I need help").click()
    site.room.wait_for("help")


def test_consent_is_given_on_purpose(visit: Any, site: Site) -> None:
    page = visit("information")
    page.get_by_role("button", name="Start").click()
    assert page.evaluate("document.activeElement.id") == "agree"
    assert "Please tick the box" in page.locator("#f-agree").inner_text()
    page.get_by_label("I have read this and want to take part.").check()
    page.get_by_role("button", name="Start").click()
    body = site.room.wait_for("consent")
    assert (body["version"], body["agree"]) == ("2026-03-01", True)


def test_a_break_ends_when_it_may(visit: Any, site: Site) -> None:
    page = visit()
    site.room.show("pause", seconds_left=6.0)
    page.get_by_text("You can continue in 0:0").wait_for()
    assert page.get_by_role("button", name="Continue").get_attribute("aria-disabled") == "true"
    site.room.changes = {"seconds_left": 0.0}
    page.get_by_text("Continue when you are ready.").wait_for()
    page.get_by_role("button", name="Continue").click()
    site.room.wait_for("continue")


def test_texts_of_a_study_are_never_code(browser: Any) -> None:
    evil = "<img src=x onerror=alert(1)></title></script><script>alert(2)</script>"
    site = Site(FakeStudy(evil, title=evil, paq_prompt=evil, information_title=evil, help=evil))
    context = browser.new_context()
    page = context.new_page()
    page.on("dialog", lambda dialog: pytest.fail("a script of a text was run"))
    page.goto(f"{site.address}/j/good")
    for state in ("information", "answer", "end"):
        site.room.show(state, text=evil, question=evil, code=evil, next_visit=True)
        page.goto(f"{site.address}/t")
        assert page.locator("img").count() == 0
        assert page.locator(".title").inner_text() == evil
        assert page.locator("script").count() == 1
    context.close()
    site.server.stop()
