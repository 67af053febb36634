"""Who may ask, over a real socket, and what they get."""

from __future__ import annotations

import http.client
import json
import logging
import socket
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from edge.errors import UsageError
from edge.health import serving as module
from edge.health.address import Door, parse_door
from edge.health.server import HealthServer
from edge.health.serving import Page, as_json
from edge.redact import Secret

TOKEN = "canary-0123456789abcdef"


def bug() -> Page:
    raise ZeroDivisionError(TOKEN)


PAGES = {"/healthz": lambda: as_json(200, alive=True), "/bug": bug}


@pytest.fixture
def opened():
    with closing(HealthServer(Door("127.0.0.1", 0), PAGES)) as server:
        yield server


@pytest.fixture
def guarded():
    with closing(HealthServer(Door("127.0.0.1", 0, Secret(TOKEN)), PAGES)) as server:
        yield server


def ask(server: HealthServer, path: str = "/healthz", method: str = "GET", **headers: str):
    """status, headers, body"""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
    with closing(connection):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=named)
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()


def test_a_page_and_its_headers(opened):
    status, headers, body = ask(opened, "/healthz?from=kubelet")
    assert (status, json.loads(body)) == (200, {"alive": True})
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "access-control-allow-origin" not in headers
    assert "Python" not in headers["server"]


def test_a_head_has_no_body(opened):
    status, headers, body = ask(opened, method="HEAD")
    assert (status, body, headers["content-length"]) == (200, b"", "16")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "NONSENSE"])
def test_nothing_can_be_changed(opened, method):
    status, headers, _ = ask(opened, method=method)
    assert status == 501
    assert "access-control-allow-origin" not in headers
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", ["/", "/etc/passwd", "/../healthz", "/healthz/", "//x"])
def test_there_are_no_other_pages(opened, path):
    assert ask(opened, path)[0] == 404


def test_a_bug_in_a_page_is_told_in_the_log_alone(opened, caplog):
    status, _, body = ask(opened, "/bug")
    assert (status, json.loads(body)) == (500, {"error": "a bug"})
    assert "ZeroDivisionError" in caplog.text
    assert ask(opened)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "169.254.1.1", "[fe80::1]"])
def test_a_name_of_somebody_else_is_not_ours(opened, host):
    """DNS that is pointed at 127.0.0.1 would let any web page read it."""
    assert ask(opened, Host=host)[0] == 421


@pytest.mark.parametrize("host", ["localhost:9464", "127.0.0.1", "[::1]:9464", "LOCALHOST"])
def test_the_names_of_loopback_are(opened, host):
    assert ask(opened, Host=host)[0] == 200


@pytest.mark.parametrize(
    "said", ["", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", "Bearer \xe9"]
)
def test_without_the_token_there_is_nothing_to_see(guarded, said):
    status, headers, body = ask(guarded, Authorization=said)
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert TOKEN.encode() not in body
    assert ask(guarded, "/nonsense", Authorization=said)[0] == 401


def test_with_the_token_any_name_will_do(guarded):
    assert ask(guarded, Authorization=f"Bearer {TOKEN}", Host="cam.lan")[0] == 200


def test_more_than_so_many_at_once_are_sent_away_and_then_served(opened):
    address = ("127.0.0.1", opened.port)
    held = [socket.create_connection(address, 5) for _ in range(module.MOST)]
    deadline = time.monotonic() + 5
    while threading.active_count() < module.MOST and time.monotonic() < deadline:
        time.sleep(0.01)
    assert ask(opened)[0] == 503
    for connection in held:
        connection.close()
    while (status := ask(opened)[0]) != 200 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert status == 200


def test_who_finds_no_thread_holds_no_place(opened, monkeypatch):
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as exhausted:
        exhausted.setattr(threading.Thread, "start", start)
        for _ in range(module.MOST):
            with pytest.raises(http.client.RemoteDisconnected):
                ask(opened)
    assert ask(opened)[0] == 200


def test_who_sends_a_byte_at_a_time_is_cut_off(monkeypatch):
    monkeypatch.setattr(module, "LONGEST_S", 0.3)
    with closing(HealthServer(Door("127.0.0.1", 0), PAGES)) as server:
        begin = time.monotonic()
        with socket.create_connection(("127.0.0.1", server.port), 5) as slow:
            slow.sendall(b"GET /healthz HTTP/1.0\r\n")
            with suppress(OSError):
                while time.monotonic() - begin < 5:
                    slow.sendall(b"X: y\r\n")
                    time.sleep(0.05)
        assert time.monotonic() - begin < 5


@pytest.mark.parametrize("rubbish", [b"\0" * 3000 + b"\r\n\r\n", b"GET " + b"/" * 70_000, b"\r\n"])
def test_rubbish_ends_that_connection_alone(opened, rubbish):
    with socket.create_connection(("127.0.0.1", opened.port), 5) as connection:
        connection.sendall(rubbish)
        connection.shutdown(socket.SHUT_WR)
    assert ask(opened)[0] == 200


def test_it_listens_on_ipv6_too():
    if not Path("/proc/net/if_inet6").exists():
        pytest.skip("this machine has no IPv6")
    with (
        closing(HealthServer(Door("::1", 0), PAGES)) as server,
        socket.create_connection(("::1", server.port), 5) as connection,
    ):
        connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b"200 OK" in connection.recv(100)


def test_the_end_frees_the_port_and_the_thread():
    server = HealthServer(Door("127.0.0.1", 0), PAGES)
    server.close()
    with pytest.raises(OSError):  # noqa: PT011
        socket.create_connection(("127.0.0.1", server.port), 1)
    assert not any(thread.name == "health" for thread in threading.enumerate())
    with closing(HealthServer(Door("127.0.0.1", server.port), PAGES)):
        pass


def test_a_port_that_is_taken_is_told(opened):
    with pytest.raises(UsageError, match="Address already in use") as caught:
        HealthServer(Door("127.0.0.1", opened.port), PAGES)
    assert caught.value.fix == "name another port"


# the address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:9464", "127.0.0.1", 9464),
        (":9464", "127.0.0.1", 9464),
        ("localhost:0", "127.0.0.1", 0),
        ("[::1]:80", "::1", 80),
        ("127.0.0.53:80", "127.0.0.53", 80),
    ],
)
def test_loopback_needs_no_token(text, host, port):
    assert parse_door(text, None) == Door(host, port, None)


@pytest.mark.parametrize("text", ["0.0.0.0:80", "[::]:80", "192.168.1.5:80"])
def test_beyond_loopback_a_token_is_a_must(text, tmp_path):
    with pytest.raises(UsageError, match="is not loopback and there is no token"):
        parse_door(text, None)
    file = tmp_path / "token"
    file.write_text(TOKEN + "\n")
    door = parse_door(text, str(file))
    assert door.opens(f"Bearer {TOKEN}")
    assert not door.opens("")
    assert TOKEN not in repr(door)


@pytest.mark.parametrize(
    "text", ["9464", "", "127.0.0.1", "x:y", "h:99999", "h:-1", "h:\u00b2", ":000000999999"]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(UsageError, match=r"expected HOST:PORT"):
        parse_door(text, None)


def test_a_name_is_refused_it_may_mean_any_address():
    with pytest.raises(UsageError, match="expected an address of this machine"):
        parse_door("camera.lan:80", None)


@pytest.mark.parametrize("token", ["guessed", "pässwort-0123456789abc"])
def test_a_token_that_is_guessed_or_cannot_be_sent_is_refused(token, tmp_path):
    file = tmp_path / "token"
    file.write_text(token, "utf-8")
    with pytest.raises(UsageError) as caught:
        parse_door("0.0.0.0:80", str(file))
    assert token not in str(caught.value)


def test_a_stranger_fills_no_memory_with_headers(guarded):
    """Of each connection the library would keep a hundred lines of 64 KiB."""
    with socket.create_connection(("127.0.0.1", guarded.port), timeout=5) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n" + b"X-A: " + b"a" * 40_000 + b"\r\n")
        connection.sendall(b"X-B: " + b"b" * 40_000 + b"\r\n\r\n")
        assert connection.recv(4096).startswith(b"HTTP/1.0 431")
    many = {"Cookie": "c=" + "x" * 40_000, "Authorization": f"Bearer {TOKEN}"}
    assert ask(guarded, **many)[0] == 200


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="others have no such option")
@pytest.mark.parametrize("host", ["192.0.2.77", "2001:db8::77"])
def test_an_address_that_the_network_has_not_given_yet_ends_no_daemon(host, caplog, monkeypatch):
    """It ended as with a wrong flag, and such a service is not started again."""
    monkeypatch.setattr(logging.getLogger("edge"), "propagate", True)  # after some command
    with closing(HealthServer(Door(host, 0, Secret(TOKEN)), PAGES)) as server:
        assert server.port > 0
    assert f"{host} is no address of this machine now" in caplog.text
