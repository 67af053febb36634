"""The live page over a real socket: who may see it, who may change something, and how much."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import threading
import time
from contextlib import closing, suppress
from urllib.parse import quote

import pytest

from edge.errors import UsageError
from edge.health import serving as health
from edge.health.address import Door, parse_door
from edge.live import files, posts, stream
from edge.live import server as module
from edge.live.access import HEADER
from edge.live.actions import Actions, Run
from edge.live.jobs import Jobs
from edge.live.server import LiveServer
from edge.live.stream import Site
from edge.live.window import Window
from edge.redact import Secret
from edge.tagger import open_tagger
from tests.unit.test_live import TOKEN, card, line, seen

ROUTES = [*files.PAGES, "/happening", "/frame.jpg", "/frozen.jpg"]
ACTIONS = ["/freeze", "/enrol", "/capture", "/reload"]
OURS = {HEADER: "1", "Content-Type": "application/json"}


@pytest.fixture
def site(tiny_bundle, tmp_path):
    """A window that somebody looks at, with a picture in it; jobs are done by a thread."""
    window, ended, jobs = Window(["camera:0"]), threading.Event(), Jobs()
    window.look("camera:0")
    window.explain(line(), card(), seen())
    with open_tagger(tiny_bundle) as tagger:
        site = Site(window)
        site.actions = Actions(window, jobs, Run(tagger, tmp_path / "g", tmp_path / "c", None))

        def between() -> None:
            while not ended.wait(0.01):
                jobs()

        working = threading.Thread(target=between)
        working.start()
        yield site
        ended.set()
        working.join()


@pytest.fixture
def opened(site):
    with closing(LiveServer(Door("127.0.0.1", 0), site)) as server:
        yield server
        site.window.close()


@pytest.fixture
def guarded(site):
    with closing(LiveServer(Door("127.0.0.1", 0, Secret(TOKEN)), site)) as server:
        yield server
        site.window.close()


def ask(server, path, method="GET", body=None, **headers):
    """status, headers, body; of a stream its first 4096 bytes"""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, headers=named)
        answer = connection.getresponse()
        is_stream = "event-stream" in answer.getheader("Content-Type", "")
        data = answer.read1(4096) if is_stream else answer.read()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, data


def post(server, path, told, **headers):
    status, _, body = ask(server, path, "POST", json.dumps(told), **{**OURS, **headers})
    return status, json.loads(body)


@pytest.mark.parametrize("path", [*ROUTES, "/nonsense"])
def test_every_answer_has_its_headers(opened, path):
    _, headers, _ = ask(opened, path)
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert not any(name.startswith("access-control") for name in headers)


def test_the_page_takes_nothing_from_elsewhere_and_has_no_script_in_it(opened):
    page = ask(opened, "/")[2].decode()
    assert '<script src="/live.js" type="module">' in page
    for unwanted in ("<style", "style=", "onclick", "http:", "https:", "//"):
        assert unwanted not in page.replace("</", "")
    scripts = [path for path in files.PAGES if path.endswith(".js")]
    for path in ("/live.css", *scripts):
        assert b"https:" not in ask(opened, path)[2]
    for path in scripts:
        for unwanted in (b"innerHTML", b"insertAdjacentHTML", b"document.write", b"eval("):
            assert unwanted not in ask(opened, path)[2]


@pytest.mark.parametrize("path", sorted({*ROUTES} - {"/live.css"}))
def test_nothing_is_seen_without_the_token(guarded, path):
    for headers in ({}, {"Authorization": "Bearer guessed"}, {"Cookie": "edge-tag=guessed"}):
        status, found, body = ask(guarded, path, **headers)
        assert status == 401
        assert "set-cookie" not in found
        assert TOKEN.encode() not in body
    assert ask(guarded, "/nonsense")[0] == 401


@pytest.mark.parametrize("path", ACTIONS)
def test_nothing_is_done_without_the_token(guarded, site, path):
    assert post(guarded, path, {"camera": "camera:0"})[0] == 401
    assert not site.window._stills._kept


def test_a_browser_that_has_no_token_is_asked_for_it(guarded):
    status, headers, body = ask(guarded, "/", Accept="text/html,*/*")
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert b'name="token" type="password"' in body


def test_the_token_is_shown_once_and_then_the_cookie(guarded):
    status, headers, body = ask(guarded, f"/?token={quote(TOKEN)}")
    assert status == 200
    cookie = headers["set-cookie"]
    assert "HttpOnly; SameSite=Strict" in cookie
    assert TOKEN not in cookie + body.decode()
    for path in ("/", "/live.js", "/happening"):
        status, headers, _ = ask(guarded, path, Cookie=cookie.partition(";")[0])
        assert (status, "set-cookie" in headers) == (200, False)
    assert ask(guarded, "/frame.jpg?camera=camera:0", Authorization=f"Bearer {TOKEN}")[0] == 200


def test_the_form_shows_the_token_in_no_address(guarded):
    """A proxy logs addresses, and TLS is for a proxy."""
    form = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
    assert b'<form action="/" method="post">' in ask(guarded, "/", **form)[2]
    status, headers, body = ask(guarded, "/", "POST", f"token={quote(TOKEN)}", **form)
    assert (status, headers["location"], body) == (303, "/", b"")
    assert ask(guarded, "/", Cookie=headers["set-cookie"].partition(";")[0])[0] == 200
    status, headers, body = ask(guarded, "/", "POST", "token=guessed", **form)
    assert (status, "set-cookie" in headers) == (401, False)
    assert b'name="token"' in body
    assert ask(guarded, "/", "POST", f"token={quote(TOKEN)}")[0] == 415


@pytest.mark.parametrize("path", [*ROUTES, "/nonsense"])
def test_a_wrong_token_gives_no_cookie(guarded, path):
    for method in ("GET", "HEAD"):
        assert "set-cookie" not in ask(guarded, f"{path}?token=guessed", method)[1]


def test_a_token_reaches_no_log(guarded, caplog, monkeypatch):
    monkeypatch.setattr(logging.getLogger("edge"), "propagate", True)  # after some command
    caplog.set_level("DEBUG", "edge")
    asked = f"/happening?token={TOKEN}&" + "&".join("abcdefghij")
    for path in (f"/?token={TOKEN}", f"/nonsense?token={TOKEN}x", asked):
        assert ask(guarded, path)[0] in (200, 401)
    with socket.create_connection(("127.0.0.1", guarded.port), 10) as connection:
        connection.sendall(f"GET /?token={TOKEN} HTTP/9.9.9\r\n\r\n".encode())
        assert b"400" in connection.recv(1000)
    assert "GET /: 200" in caplog.text
    assert TOKEN not in caplog.text


def test_without_a_token_there_is_no_cookie(opened):
    assert "set-cookie" not in ask(opened, "/?token=anything")[1]
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    assert "set-cookie" not in ask(opened, "/", "POST", "token=anything", **form)[1]


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "192.168.1.5", "[fe80::1]"])
@pytest.mark.parametrize("path", [*ROUTES, *ACTIONS])
def test_a_name_of_somebody_else_is_not_ours(opened, host, path):
    """DNS that is pointed at 127.0.0.1 would let any web page look and enrol."""
    method = "POST" if path in ACTIONS else "GET"
    assert ask(opened, path, method, "{}" if method == "POST" else None, Host=host)[0] == 421


@pytest.mark.parametrize(
    "headers",
    [
        {HEADER: ""},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_page_from_elsewhere_changes_nothing(opened, site, headers):
    assert post(opened, "/freeze", {"camera": "camera:0"}, **headers)[0] == 403
    assert not site.window._stills._kept


@pytest.mark.parametrize("path", sorted({*ROUTES} - {"/live.css"}))
def test_a_page_from_elsewhere_draws_nothing_of_ours(opened, path):
    """Eight of its <img src=".../happening"> had taken all the streams there are."""
    for site in ("cross-site", "same-site"):
        foreign = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": "no-cors"}
        assert ask(opened, path, **foreign)[0] == 403
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert ask(opened, "/", **link)[0] == 200
    assert ask(opened, "/", **{"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"})[0] == 200


def test_a_page_from_elsewhere_that_knows_the_token_may_draw(guarded):
    foreign = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    assert ask(guarded, f"/live.js?token={quote(TOKEN)}", **foreign)[0] == 200
    assert ask(guarded, "/live.js", **foreign)[0] == 401


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "NONSENSE"])
def test_there_is_nothing_else_to_be_done(opened, method):
    status, headers, _ = ask(opened, "/enrol", method)
    assert status == 501
    assert not any(name.startswith("access-control") for name in headers)


@pytest.mark.parametrize("path", ACTIONS)
def test_a_get_changes_nothing(opened, path):
    assert ask(opened, path)[0] == 404


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        ("{}", {"Content-Type": "text/plain"}, 415),
        ("{}", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ("x" * (posts.MAX_BODY + 1), {}, 413),
        ("{}", {"Content-Length": "99999999999999999999"}, 413),
        ("{}", {"Content-Length": "-1"}, 411),
        ("{}", {"Content-Length": "\u00b2"}, 411),
        ("{}", {"Transfer-Encoding": "chunked"}, 411),
        ("{", {}, 400),
        ("[" * 2000, {}, 400),
        ('{"camera": "camera:0", "more": 1}', {}, 400),
        ('{"camera": 1}', {}, 400),
        (json.dumps({"camera": "x" * 201}), {}, 400),
        ('{"camera": "nobody"}', {}, 409),
    ],
)
def test_what_is_asked_wrongly_is_refused(opened, body, headers, status):
    with suppress(BrokenPipeError, ConnectionResetError):  # refused before all of it was sent
        assert ask(opened, "/freeze", "POST", body, **{**OURS, **headers})[0] == status
    assert ask(opened, "/")[0] == 200


def test_freeze_look_and_enrol(opened, tmp_path):
    status, told = post(opened, "/freeze", {"camera": "camera:0"})
    assert (status, told["frame"], told["size"]) == (200, 0, [60, 40])
    status, headers, picture = ask(opened, f"/frozen.jpg?frozen={told['frozen']}")
    assert (status, headers["content-type"], picture[:2]) == (200, "image/jpeg", b"\xff\xd8")
    wanted = {"frozen": told["frozen"], "box": [0, 0, 60, 40], "name": "Acme"}
    status, done = post(opened, "/enrol", wanted)
    assert (status, done["enrolled"], (tmp_path / "g").exists()) == (200, ["Acme"], True)
    assert post(opened, "/enrol", {**wanted, "box": [0, 0, 99, 99]})[0] == 409
    assert post(opened, "/enrol", {**wanted, "frozen": "gone"})[0] == 409
    assert ask(opened, "/frozen.jpg?frozen=gone")[0] == 410
    assert post(opened, "/nonsense", {})[0] == 404


def test_nothing_is_done_before_the_run_begins(site):
    site.actions = None
    with closing(LiveServer(Door("127.0.0.1", 0), site)) as server:
        assert post(server, "/freeze", {"camera": "camera:0"})[0] == 503
        assert b'"can":null' in told(server, 3, site.window)


def read_all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def told(server, count, window) -> bytes:
    """The first events of a stream."""
    with socket.create_connection(("127.0.0.1", server.port), 10) as connection:
        connection.sendall(b"GET /happening HTTP/1.1\r\nHost: localhost\r\n\r\n")
        found = b""
        while found.count(b"\n\n") < count:
            found += connection.recv(65536)
            window.explain(line(frame=1), card(), seen())
        return found


def test_what_happens_is_told_with_its_picture(opened, site):
    found = told(opened, 3, site.window).partition(b"\r\n\r\n")[2].split(b"\n\n")
    kinds = [part.splitlines()[0] for part in found if part.startswith(b"event")]
    assert kinds[:2] == [b"event: hello", b"event: frame"]
    hello = json.loads(found[0].splitlines()[1].removeprefix(b"data: "))
    assert hello["cameras"] == ["camera:0"]  # events of several say of which they are
    frame = json.loads(found[1].splitlines()[1].removeprefix(b"data: "))
    assert (frame["camera"], frame["size"]) == ("camera:0", [60, 40])
    assert frame["jpeg"].startswith("/9j/")


def test_so_many_pages_may_be_open_and_the_next_one_is_told_so(opened, site):
    streams = [socket.create_connection(("127.0.0.1", opened.port), 10) for _ in range(8)]
    for one in streams:
        one.sendall(b"GET /happening HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200 OK" in one.recv(200)
    assert ask(opened, "/happening")[0] == 503
    assert ask(opened, "/")[0] == 200  # there is still room for everything else
    streams.pop().close()
    deadline = time.monotonic() + 30
    while (status := ask(opened, "/happening")[0]) != 200 and time.monotonic() < deadline:
        site.window.explain(line(), card(), seen())
    assert status == 200
    for one in streams:
        one.close()


def test_who_reads_nothing_holds_nobody_up_and_is_left_in_the_end(opened, site, monkeypatch):
    monkeypatch.setattr(stream, "EVERY_S", 0.0)
    monkeypatch.setattr(module._Visitor, "timeout", 0.5)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", opened.port))
        slow.sendall(b"GET /happening HTTP/1.1\r\nHost: localhost\r\n\r\n")
        deadline = time.monotonic() + 30
        held = 0  # frames that the pipeline told while somebody read nothing
        while time.monotonic() < deadline:
            site.window.explain(line(frame=held), card(width=800, height=600), seen())
            is_there = site.streams._value < stream.MOST_STREAMS
            if held and not is_there:
                break
            held += is_there
            time.sleep(0.002)
    assert site.streams._value == stream.MOST_STREAMS  # it was left
    assert held > 3


def test_who_connects_early_and_asks_late_is_answered_in_full(opened, site, monkeypatch):
    """Browsers do: they connect before they know what to ask for."""
    monkeypatch.setattr(health, "LONGEST_S", 0.6)
    with socket.create_connection(("127.0.0.1", opened.port), 10) as connection:
        time.sleep(0.4)
        with site.window._encoding:  # the answer takes until the time of the connection is over
            connection.sendall(b"GET /frame.jpg?camera=camera:0 HTTP/1.0\r\n\r\n")
            time.sleep(0.4)
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head
        assert body[:2] == b"\xff\xd8"
    with socket.create_connection(("127.0.0.1", opened.port), 10) as connection:
        assert connection.recv(1) == b""  # who never asks is not waited for


def test_beyond_loopback_a_token_is_a_must_and_the_error_says_how():
    with pytest.raises(UsageError, match="is not loopback and there is no token") as caught:
        parse_door("0.0.0.0:8464", None, "--live")
    assert caught.value.fix.startswith("--live-token-file FILE")


def test_the_address_is_one_that_a_browser_takes(site):
    with closing(LiveServer(Door("127.0.0.1", 0), site)) as server:
        assert server.address == f"http://127.0.0.1:{server.port}/"
        with pytest.raises(UsageError, match="in use"):
            LiveServer(Door("127.0.0.1", server.port), site)


def test_who_asks_first_waits_for_a_picture(opened, site):
    site.window._drop(time.monotonic() + 60)  # nobody looked for a while
    coming = threading.Timer(0.2, lambda: site.window.explain(line(), card(), seen()))
    coming.start()
    status, headers, body = ask(opened, "/frame.jpg")  # of the only one there is
    coming.join()
    assert (status, headers["content-type"], body[:2]) == (200, "image/jpeg", b"\xff\xd8")


def test_a_picture_that_does_not_come_is_503_and_a_name_that_is_none_404(opened, site, monkeypatch):
    monkeypatch.setattr(module, "PICTURE_S", 0.1)
    site.window._drop(time.monotonic() + 60)
    status, headers, _ = ask(opened, "/frame.jpg?camera=camera:0")
    assert (status, headers["retry-after"]) == (503, "2")
    status, _, body = ask(opened, "/frame.jpg?camera=till")
    assert (status, b"camera:0" in body) == (404, True)


def test_the_address_that_is_told_is_one_that_a_browser_opens(site):
    with closing(LiveServer(Door("0.0.0.0", 0, Secret(TOKEN)), site)) as server:
        assert server.address == f"http://{socket.gethostname()}:{server.port}/"
