"""The room's server: routes, headers, guards, events. No browser; see pages_in_browser.py."""

import json
import logging
import re
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPResponse
from typing import Any

import pytest
from fake_dashboard import FakeDashboard
from fake_room import FakeRoom, FakeStudy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from room_screens import SCREENS

from soundcal.errors import ParameterError
from soundcal.listening.room import ACTIONS
from soundcal.listening.store import StoreFailed
from soundcal.listening.web import Running, bind, make_app, qr_svg, requests
from soundcal.listening.web.desk import DESK_ACTIONS
from soundcal.listening.web.events import BEAT_S
from soundcal.listening.web.guards import Attempts

COOKIE = "soundcal_listening=secret-of-the-cookie"
DESK = "soundcal_desk=experimenter-key"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)


class Site:
    """A server with a room that the test controls."""

    def __init__(self, study: FakeStudy | None = None) -> None:
        self.room = FakeRoom(study)
        self.dashboard = FakeDashboard()
        self.bound = bind()
        self.host, port = self.bound.local.removeprefix("http://").split(":")
        self.port = int(port)
        app = make_app(self.room, self.dashboard, hosts=self.bound.hosts)
        self.server = Running(app, self.bound)
        self.server.start()
        self._connections: list[HTTPConnection] = []

    def hang_up(self) -> None:
        """Close all connections that are open."""
        while self._connections:
            connection = self._connections.pop()
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)
            connection.close()

    def stop(self) -> None:
        """End the server, and then what is still open."""
        self.server.stop()
        self.hang_up()

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        cookie: str = COOKIE,
        raw: bytes | None = None,
        **headers: str,
    ) -> tuple[int, Mapping[str, str], str]:
        """Return status, headers and text of the reply."""
        given = {"Origin": self.bound.local, "Content-Type": "application/json", "Cookie": cookie}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        given = {name: value for name, value in given.items() if value}
        content = raw if raw is not None else None if body is None else json.dumps(body).encode()
        reply = self.send(method, path, content, given)
        found = {name.lower(): value for name, value in reply.getheaders()}
        text = reply.read().decode()
        self._connections.pop().close()
        return reply.status, found, text

    def send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> HTTPResponse:
        """Return the reply, of which nothing is read yet; :meth:`stop` closes its connection."""
        connection = HTTPConnection(self.host, self.port, timeout=10)
        self._connections.append(connection)
        connection.request(method, path, body, dict(headers))
        return connection.getresponse()

    def body(self, action: str, **given: Any) -> dict[str, Any]:
        """Return what a page sends with an action."""
        examples: dict[str, Any] = {
            "language": "eng", "version": "1", "agree": True, "side": "left", "heard": "left",
            "ok": True, "trial": 7, "revision": 0, "seconds": 31.5,
            "answers": {"calm": {"value": 71, "input": "touch"}},
        }  # fmt: skip
        number, key = self.state()["number"], self.state()["data"]["key"]
        fields = {name: examples[name] for name in ACTIONS[action] if name in examples}
        return {"number": number, "key": key, "tab": "tab-1", **fields, **given}

    def state(self) -> dict[str, Any]:
        status, _, text = self.ask("GET", "/state?tab=tab-1")
        assert status == 200
        return json.loads(text)


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def shared() -> Iterator[Site]:
    made = Site()
    yield made
    made.stop()


def test_a_link_or_a_code_gives_a_strict_cookie_and_leads_to_the_page(site: Site) -> None:
    status, headers, text = site.ask("GET", "/j/good", cookie="")
    assert (status, 'content="0; url=/t"' in text) == (200, True)
    cookie = headers["set-cookie"]
    assert cookie.startswith(COOKIE)
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(cookie.split("; "))
    assert "good" not in text
    status, headers, _ = site.ask("POST", "/code", {"code": " abcd "}, cookie="")
    assert (status, headers["set-cookie"].startswith(COOKIE)) == (200, True)
    assert site.ask("GET", "/", cookie="")[1]["location"] == "/t"


def test_without_a_cookie_there_is_the_way_in_and_nothing_else(site: Site) -> None:
    for cookie in ("", "soundcal_listening=wrong"):
        assert "Enter the code on your sheet." in site.ask("GET", "/t", cookie=cookie)[2]
        assert site.ask("GET", "/state", cookie=cookie)[0] == 401
        assert site.ask("GET", "/events", cookie=cookie)[0] == 401
        assert site.ask("POST", "/help", site.body("help"), cookie=cookie)[0] == 401
        assert site.ask("GET", "/dash", cookie=cookie)[0] == 401
        assert site.ask("POST", "/dash/reopen", {}, cookie=cookie)[0] == 401
    assert site.ask("GET", "/dash", cookie=COOKIE)[0] == 401
    assert site.ask("GET", "/state", cookie=DESK)[0] == 401
    assert site.room.log == []


def test_wrong_codes_are_slowed_down(site: Site) -> None:
    locked = site.ask("POST", "/code", {"code": "locked"}, cookie="")
    assert (locked[0], "in use on another device" in locked[2]) == (423, True)
    for n in range(10):
        if n % 2:
            status, headers, text = site.ask("GET", f"/j/guess-{n}", cookie="")
            assert (status, headers.get("set-cookie")) == (404, None)
            assert "This link is not known." in text
        else:
            assert site.ask("POST", "/code", {"code": f"g{n}"}, cookie="")[0] == 404
    status, headers, text = site.ask("POST", "/code", {"code": "abcd"}, cookie="")
    assert (status, 0 < int(headers["retry-after"]) <= 60) == (429, True)
    assert "Too many wrong codes" in text
    status, headers, text = site.ask("GET", "/j/good", cookie="")
    assert (status, headers.get("set-cookie"), "Too many" in text) == (429, None, True)
    assert site.state()["screen"] == "ready"  # whoever is in stays in


def test_attempts_are_free_again_after_a_minute() -> None:
    now = [0.0]
    attempts = Attempts(clock=lambda: now[0])
    for second in range(10):
        assert attempts.wait("a") == 0
        now[0] = float(second)
        attempts.failed("a")
    assert (attempts.wait("a"), attempts.wait("b")) == (51, 0)
    now[0] = 59.0
    assert attempts.wait("a") == 1
    now[0] = 60.0
    assert attempts.wait("a") == 0
    attempts.failed("a")
    assert attempts.wait("a") == 1
    for number in range(10_000):
        attempts.failed(f"address {number}")
    assert attempts.wait("a") == 0  # memory is bounded


def test_every_reply_has_the_headers(site: Site) -> None:
    paths = ("/t", "/state", "/j/good", "/j/bad", "/nothing", "/assets/listening.js", "/dash", "/")
    replies = [site.ask("GET", path) for path in paths]
    replies.append(site.ask("POST", "/help", {}))
    replies.append(site.ask("GET", "/t", Host="evil"))
    replies.append(site.ask("POST", "/help", {}, Origin="http://evil"))
    for status, headers, _ in replies:
        assert headers["content-security-policy"] == POLICY, status
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"
        assert "server" not in headers


INLINE = r"<script(?! type=\"module\" src=)|<style|\son\w+=|\sstyle="


def test_pages_hold_no_inline_code(shared: Site) -> None:
    for state in SCREENS:
        shared.room.show(state)
        page = shared.ask("GET", "/t")[2]
        assert not re.search(r"<script(?! type=\"module\" src=)|<style|\son\w+=|\sstyle=", page), (
            state
        )
        links = re.findall(r"(?:src|href|action)=\"([^\"]*)\"", page)
        assert {link for link in links if not link.startswith(("/", "#", "data:,"))} == set()
        assert "undefined" not in page
        assert "None" not in page
    page = shared.ask("GET", "/dash", cookie=DESK)[2]
    assert not re.search(INLINE, page)


def test_the_page_is_complete_without_a_script(shared: Site) -> None:
    shared.room.show("answer")
    page = shared.ask("GET", "/t")[2]
    assert '<html lang="en" dir="ltr">' in page
    assert page.count('type="range"') == 8
    assert page.count('aria-valuetext="not answered yet"') == 8
    assert "To what extent do you agree or disagree" in page
    assert "JavaScript" in page
    assert "CG01" not in page


def test_participants_do_not_read_the_title_of_the_study(shared: Site) -> None:
    page = shared.ask("GET", "/t")[2]
    assert "Listening test" in page
    assert "OCV" not in page  # a title may name conditions
    assert "OCV and HATS calibration" in shared.ask("GET", "/dash", cookie=DESK)[2]


def test_languages_are_offered_in_themselves_and_written_in_their_direction() -> None:
    study = FakeStudy()
    study.languages = ("deu", "arb")
    site = Site(study)
    site.room.language = ""
    site.room.show("language")
    page = site.ask("GET", "/t")[2]
    assert '<html lang="de" dir="ltr">' in page
    assert re.search(r'lang="ar" dir="rtl"[^>]*>name of arb</button>', page)
    site.room.language = "arb"
    site.room.show("answer")
    assert '<html lang="ar" dir="rtl">' in site.ask("GET", "/t")[2]
    assert '<html lang="en" dir="ltr">' in site.ask("GET", "/dash", cookie=DESK)[2]
    site.stop()


def test_the_script_is_small(shared: Site) -> None:
    _, headers, script = shared.ask("GET", "/assets/listening.js")
    assert headers["content-type"].startswith("text/javascript")
    assert len(script.encode()) <= 15_000
    assert "eval" not in script
    assert "http" not in script


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_an_action_reaches_the_room_with_its_fields_only(shared: Site, action: str) -> None:
    body = shared.body(action)
    status, _, text = shared.ask("POST", f"/{action}", body)
    assert (status, json.loads(text)["screen"]) == (200, shared.state()["screen"])
    if action != "take_over":
        assert shared.room.log[-1] == (action, body)
    before = list(shared.room.log)
    for wrong in (
        {**body, "admin": True},
        {name: value for name, value in body.items() if name != "key"},
        {**body, "number": "1"},
        {**body, "number": True},
        {**body, "number": -1},
        {**body, "tab": ""},
        {**body, "key": "x" * 5000},
    ):
        assert shared.ask("POST", f"/{action}", wrong)[0] == 400
    assert shared.room.log == before
    assert shared.ask("GET", f"/{action}")[0] == 405


def test_requests_from_elsewhere_are_refused(shared: Site) -> None:
    body = shared.body("help")
    before = len(shared.room.log)
    foreign = "http://evil.example"
    assert shared.ask("POST", "/help", body, Origin=foreign)[0] == 403
    assert shared.ask("POST", "/help", body, Origin="null")[0] == 403
    assert shared.ask("POST", "/help", body, Origin=f"{foreign}:{shared.port}")[0] == 403
    assert shared.ask("POST", "/help", body, Origin=f"{shared.bound.local}.evil")[0] == 403
    assert shared.ask("POST", "/help", body, Origin="", Sec_Fetch_Site="cross-site")[0] == 403
    for host in ("evil", f"evil:{shared.port}", "127.0.0.1", "127.0.0.1:1", ""):
        assert shared.ask("GET", "/t", Host=host or " ")[0] == 421, host
    assert shared.ask("POST", "/help", body, Content_Type="text/plain")[0] == 415
    form = "application/x-www-form-urlencoded"
    assert shared.ask("POST", "/help", raw=b"number=1", Content_Type=form)[0] == 415
    assert len(shared.room.log) == before
    assert shared.ask("POST", "/help", shared.body("help"), Origin="")[0] == 200  # no browser
    for method in ("PUT", "DELETE", "OPTIONS", "TRACE"):
        assert shared.ask(method, "/t")[0] == 405


def test_a_body_is_json_and_not_larger_than_it_may_be(shared: Site) -> None:
    for raw in (
        b"", b"[]", b"null", b"{", b"\xff{}", b'{"number": NaN}', b'{"number": 1e999}',
        b'{"key": "\\ud800"}', b"[" * 60_000, b'{"a":' * 10_000,
    ):  # fmt: skip
        assert shared.ask("POST", "/help", raw=raw)[0] == 400, raw[:20]
    large = shared.body("draft", answers={"calm": {"value": "x" * 70_000, "input": "keys"}})
    assert shared.ask("POST", "/draft", large)[0] == 413
    assert shared.ask("POST", "/code", raw=b" " * 1_000_000)[0] == 413
    assert shared.state()["screen"]


@pytest.mark.parametrize("action", ["draft", "answer"])
@pytest.mark.parametrize(
    "answers",
    [
        {"calm": 3},
        {"calm": {"value": 3}},
        {"calm": {"value": 3, "input": "mind"}},
        {"calm": {"value": 3, "input": "keys", "more": 1}},
        {"calm": {"value": None, "input": "keys"}},
        {"calm": {"value": True, "input": "keys"}},
        {"calm": {"value": {"a": 1}, "input": "keys"}},
        {"calm": {"value": [["a"]], "input": "keys"}},
        {"calm": {"value": 1e300, "input": "keys"}},
        {"calm": {"value": "x" * 5000, "input": "keys"}},
        [],
    ],
)
def test_answers_of_another_form_are_refused(shared: Site, action: str, answers: Any) -> None:
    before = len(shared.room.log)
    assert shared.ask("POST", f"/{action}", shared.body(action, answers=answers))[0] == 400
    assert len(shared.room.log) == before


def _of(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8), _of, max_leaves=6
)


def test_a_request_that_does_not_arrive_completely_is_no_fault_of_the_server(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(requests, "_SLOWEST_S", 0.1)
    head = f"POST /help HTTP/1.1\r\nHost: {site.host}:{site.port}\r\n"
    head += "Content-Type: application/json\r\nContent-Length: 600\r\n\r\n{"
    with socket.create_connection((site.host, site.port)) as lost:
        lost.sendall(head.encode())
    with socket.create_connection((site.host, site.port), timeout=10) as slow:
        slow.sendall(head.encode())
        assert slow.recv(20).startswith(b"HTTP/1.1 408")
    site.stop()
    assert site.room.log == []
    assert caplog.records == []


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_request_breaks_the_server(shared: Site, data: st.DataObject) -> None:
    at_desk = data.draw(st.booleans())
    actions = DESK_ACTIONS if at_desk else {**ACTIONS, "code": ("code",)}
    action = data.draw(st.sampled_from(sorted(actions)))
    names = st.sampled_from([*actions[action], "other"])
    body = data.draw(st.dictionaries(names, JSON, max_size=6) | JSON)
    if isinstance(body, dict) and action in ACTIONS and data.draw(st.booleans()):
        body = {**shared.body(action), **body}
    raw = (
        json.dumps(body).encode() if data.draw(st.booleans()) else data.draw(st.binary(max_size=60))
    )
    shared.room.log.clear()
    status, _, text = shared.ask(
        "POST", f"/dash/{action}" if at_desk else f"/{action}", raw=raw, cookie=f"{COOKIE}; {DESK}"
    )
    assert status in (200, 400, 404, 409, 422, 423, 429), (status, text)
    json.loads(text)
    for name, accepted in shared.room.log:
        assert set(accepted) == set(ACTIONS[name])


EVIL = ("../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%00", "listening.js/../../x", "\\..\\x", "é")


@pytest.mark.parametrize("path", EVIL)
def test_there_is_no_way_to_a_file(shared: Site, path: str) -> None:
    quoted = path.encode("ascii", "ignore").decode() or "%C3%A9"
    for start in (
        "/assets/",
        "/j/",
        "/",
        "/dash/k/",
        "/dash/",
        "/t/",
        "/state?tab=",
        "/events?tab=",
    ):
        if start == "/events?tab=":
            continue
        status, _, text = shared.ask("GET", f"{start}{quoted}")
        assert status in (200, 400, 401, 404, 405, 429), (start, status)
        assert "root:" not in text
        if start == "/assets/":
            assert status == 404
    shared.ask("POST", "/take_over", shared.body("take_over"))
    answers = {path: {"value": path, "input": "keys"}}
    for action, field in (("language", {"language": path}), ("draft", {"answers": answers})):
        assert shared.ask("POST", f"/{action}", shared.body(action, **field))[0] == 200


def test_texts_and_answers_are_shown_as_text(site: Site) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'>"
    site.room.show("questions")
    site.room.draft = {"remarks": {"value": evil, "input": "keys"}}
    assert "<img" not in site.ask("GET", "/t")[2]
    site.dashboard.changes = {"closed": evil, "failure": evil, "balance": [evil]}
    assert "<img" not in site.ask("GET", "/dash", cookie=DESK)[2]
    text = site.ask("POST", "/code", {"code": evil[:30]}, cookie="")[2]
    assert "<" not in json.loads(text)["message"]


def test_tokens_are_in_no_log(site: Site, caplog: pytest.LogCaptureFixture, capfd: Any) -> None:
    with caplog.at_level(logging.DEBUG):
        site.ask("GET", "/j/good", cookie="")
        site.ask("GET", "/j/token-that-is-wrong", cookie="")
        site.ask("GET", "/dash/k/experimenter-key")
        site.room.failing = RuntimeError("a fault of the room")
        status, headers, text = site.ask("POST", "/help", site.body("help"))
    assert (status, "fault" in text, headers["cache-control"]) == (500, False, "no-store")
    until = time.monotonic() + 5.0
    while "a fault of the room" not in caplog.text and time.monotonic() < until:
        time.sleep(0.01)
    out = capfd.readouterr()
    said = caplog.text + out.out + out.err
    assert "a fault of the room" in said
    for secret in ("token-that-is-wrong", "/j/", "secret-of-the-cookie", "experimenter-key"):
        assert secret not in said


def test_what_cannot_be_stored_is_said_so(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.room.failing = StoreFailed("the disk is full")
    status, _, text = site.ask("POST", "/help", site.body("help"))
    assert (status, "disk" in text) == (503, False)
    site.room.failing = ParameterError("calm: 300; a number from 0 to 100 is expected")
    assert site.ask("POST", "/help", site.body("help"))[0] == 422


def events_of(reply: HTTPResponse, n: int) -> list[dict[str, str]]:
    """Return the next events of a stream, without the lines about reconnecting."""
    found: list[dict[str, str]] = []
    event: dict[str, str] = {}
    while len(found) < n:
        line = reply.readline().decode().rstrip("\n")
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        else:
            if "event" in event:
                found.append(event)
            event = {}
    return found


def test_events_arrive_at_once_with_the_number_as_id(site: Site) -> None:
    headers = {"Cookie": COOKIE}
    reply = site.send("GET", "/events?tab=tab-1", None, headers)
    assert reply.getheader("content-type") == "text/event-stream; charset=utf-8"
    (first,) = events_of(reply, 1)
    assert (first["id"], json.loads(first["data"])["number"]) == ("1", 1)
    began = time.monotonic()
    site.room.show("playing")
    site.room.position(4.0)
    state, position = events_of(reply, 2)
    assert time.monotonic() - began < BEAT_S  # not only with the next sign of life
    assert (state["event"], state["id"]) == ("state", "2")
    assert json.loads(position["data"])["position_s"] == 4.0
    again = site.send("GET", "/events?tab=tab-1", None, {**headers, "Last-Event-ID": "2"})
    until = time.monotonic() + 5.0
    while site.room.subscribed < 2 and time.monotonic() < until:
        time.sleep(0.01)
    site.room.position(5.0)
    assert events_of(again, 1)[0]["event"] == "position"  # what is known is not repeated
    older = site.send("GET", "/events?tab=tab-1", None, {**headers, "Last-Event-ID": "1"})
    assert events_of(older, 1)[0]["id"] == "2"


def test_a_stream_shows_that_it_lives(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soundcal.listening.web.events.BEAT_S", 0.05)
    reply = site.send("GET", "/events?tab=tab-1", None, {"Cookie": COOKIE})
    assert [event["event"] for event in events_of(reply, 3)] == ["state", "beat", "beat"]
    site.hang_up()
    until = time.monotonic() + 5.0
    while site.room.subscribed and time.monotonic() < until:
        time.sleep(0.02)
    assert site.room.subscribed == 0  # a page that has gone is forgotten


def test_a_server_ends_although_pages_are_open() -> None:
    site = Site()
    reply = site.send("GET", "/events?tab=tab-1", None, {"Cookie": COOKIE})
    events_of(reply, 1)
    began = time.monotonic()
    site.stop()
    assert time.monotonic() - began < 9.0  # it would wait 10 s for them
    with pytest.raises(ConnectionRefusedError), socket.create_connection((site.host, site.port)):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="a limit of POSIX systems")
def test_pages_are_not_limited_by_the_usual_number_of_open_files() -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    try:
        site = Site()
        assert site.ask("GET", "/t")[0] == 200
        site.stop()
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 256
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_dashboard_has_a_key_of_its_own(site: Site) -> None:
    _, headers, text = site.ask("GET", "/dash/k/experimenter-key", cookie="")
    cookie = headers["set-cookie"]
    assert {"HttpOnly", "Path=/dash", "SameSite=strict"} <= set(cookie.split("; "))
    assert "experimenter-key" not in text
    assert site.ask("GET", "/dash/k/wrong", cookie="")[0] == 401
    assert "Quality of the data" in site.ask("GET", "/dash", cookie=DESK)[2]
    assistant = site.ask("GET", "/dash", cookie="soundcal_desk=assistant-key")
    assert (assistant[0], "Quality of the data" in assistant[2]) == (200, False)
    state = json.loads(site.ask("GET", "/dash/state", cookie=DESK)[2])
    assert state["counts"]["planned"] == 36


@pytest.mark.parametrize("action", sorted(DESK_ACTIONS))
def test_the_dashboard_acts(site: Site, action: str) -> None:
    body = dict.fromkeys(DESK_ACTIONS[action], "K7MQ2X")
    assert site.ask("POST", f"/dash/{action}", body, cookie=DESK)[0] == 200
    assert site.dashboard.log == [(action, body)]
    assert site.ask("POST", f"/dash/{action}", {**body, "x": 1}, cookie=DESK)[0] == 400
    assert site.ask("POST", f"/dash/{action}", body, cookie=DESK, Origin="http://evil")[0] == 403
    if "reason" in body:
        status, _, text = site.ask("POST", f"/dash/{action}", {**body, "reason": ""}, cookie=DESK)
        assert (status, "reason" in text) == (422, True)


def addresses() -> list[str]:
    """Return addresses of this computer other than loopback."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.connect(("192.0.2.1", 9))  # no packet is sent
            return [probe.getsockname()[0]]
    except OSError:
        return []


@pytest.mark.skipif(not addresses(), reason="this computer has no address in a network")
def test_in_the_network_there_are_participants_only() -> None:
    (lan,) = addresses()
    bound = bind(lan=lan)
    app = make_app(FakeRoom(), FakeDashboard(), hosts=bound.hosts)
    server = Running(app, bound)
    server.start()
    port = int(bound.local.rpartition(":")[2])
    assert bound.link == f"http://{lan}:{port}"

    def status(host: str, path: str, cookie: str, **headers: str) -> int:
        with closing(HTTPConnection(host, port, timeout=10)) as connection:
            connection.request("GET", path, headers={"Cookie": cookie, **headers})
            return connection.getresponse().status

    assert status(lan, "/t", COOKIE) == 200
    assert status(lan, "/dash", DESK) == 404
    assert status(lan, "/dash/k/experimenter-key", "") == 404
    assert status(lan, "/dash", DESK, Host=f"127.0.0.1:{port}") == 404  # the socket counts
    assert status("127.0.0.1", "/dash", DESK) == 200
    server.stop()


def test_addresses_that_cannot_be_bound_are_refused() -> None:
    for lan in ("0.0.0.0", "::", "127.0.0.1", "no address", "203.0.113.7"):
        with pytest.raises(ParameterError, match=re.escape(lan)):
            bind(lan=lan)
    bound = bind()
    # asyncio sends at once only through such sockets; otherwise a reply takes 40 ms more
    assert all(one.proto == socket.IPPROTO_TCP for one in bound.sockets)
    with pytest.raises(ParameterError, match="taken"):
        bind(int(bound.local.rpartition(":")[2]))
    bound.sockets[0].close()


def test_a_qr_code_is_a_drawing() -> None:
    assert qr_svg("http://192.168.1.20:8000/j/abc").startswith("<svg")
