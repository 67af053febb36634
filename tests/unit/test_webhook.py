"""A webhook, against a real server on loopback."""

from __future__ import annotations

import hashlib
import hmac
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from edge.errors import SinkError, UsageError
from edge.outbox.box import Outbox
from edge.outbox.delivery import Delivery, EventRefused
from edge.outbox.ledger import Owed
from edge.sinks import SINKS, CarrierSite, open_carrier
from edge.sinks.target import parse_target
from tests.happenings import events

CANARY = "canary7f3a"
SITE = CarrierSite("box", (), dict, lambda _: None)


class Hook(ThreadingHTTPServer):
    """Answers with `answers` in turn, then 200; keeps what came."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.answers: list[int] = []
        self.more: dict[str, str] = {}  # headers
        self.came: list[tuple[str, dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/{CANARY}?token={CANARY}"


class Answering(BaseHTTPRequestHandler):
    server: Hook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.path, dict(self.headers), body))
        code = self.server.answers.pop(0) if self.server.answers else 200
        self.send_response(code)
        if code == 302:
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/elsewhere")
        for name, value in self.server.more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[Hook]:
    server = Hook()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def opened(url: str, options: str = ""):
    return open_carrier(parse_target(url + options, SINKS), SITE)


def owed(count: int) -> list[Owed]:
    return [Owed(n + 1, b'{"n":%d}' % n) for n in range(count)]


def test_each_event_is_a_post_in_order(hook):
    assert opened(hook.url).send(owed(3)) == 3
    assert [body for _, _, body in hook.came] == [b'{"n":0}', b'{"n":1}', b'{"n":2}']
    path, headers, _ = hook.came[1]
    assert path == f"/{CANARY}?token={CANARY}"
    assert (headers["Edge-Tag-Seq"], headers["Content-Type"]) == ("2", "application/json")
    assert "Edge-Tag-Signature" not in headers


def test_a_body_is_signed_with_the_secret(hook, monkeypatch):
    monkeypatch.setenv("HOOK_SECRET", "k")
    opened(hook.url, "#secret-env=HOOK_SECRET").send(owed(1))
    [(_, headers, body)] = hook.came
    digest = hmac.new(b"k", body, hashlib.sha256).hexdigest()
    assert headers["Edge-Tag-Signature"] == f"sha256={digest}"


@pytest.mark.parametrize("code", [500, 503, 429, 408, 404, 401, 302])
def test_what_may_pass_is_tried_again(hook, code):
    hook.answers = [200, code]
    carrier = opened(hook.url)
    assert carrier.send(owed(3)) == 1
    hook.answers = [code]
    with pytest.raises(SinkError, match=f"answers {code}") as caught:
        carrier.send(owed(1))
    assert not isinstance(caught.value, EventRefused)
    assert all(path.startswith(f"/{CANARY}") for path, _, _ in hook.came)  # no redirect is followed


@pytest.mark.parametrize("code", [400, 413, 422])
def test_an_event_that_will_never_be_taken_does_not_stop_the_others(hook, tmp_path, code, caplog):
    hook.answers = [200, code]
    carrier = opened(hook.url)
    outbox = Outbox(tmp_path / "o.db", [carrier.name])
    outbox.accept(events(4))
    delivery = Delivery(outbox, carrier, lambda: 0.0)
    hook.answers = [200, code, code]
    for _ in range(4):
        delivery.once()
    counts = delivery.health.counts
    assert (counts.sent, counts.refused, counts.owed) == (3, 1, 0)
    assert "event 2 is refused for good" in caplog.text
    outbox.close()


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [("30", 30, 30), ("99999999", 3600, 3600), ("-5", 0, 1), ("Wed, 21 Oct 2026", 0, 1)],
)
def test_who_says_when_to_come_again_is_not_asked_before(hook, tmp_path, said, least, most):
    hook.answers, hook.more = [503], {"Retry-After": said}
    carrier = opened(hook.url)
    with closing(Outbox(tmp_path / "o.db", [carrier.name])) as outbox:
        outbox.accept(events(1))
        assert least <= Delivery(outbox, carrier, lambda: 0.0).once() <= most


def test_no_answer_is_an_error_without_a_credential(hook, tmp_path, caplog):
    hook.shutdown()
    hook.server_close()
    carrier = opened(hook.url, "#timeout=0.2")
    outbox = Outbox(tmp_path / "o.db", [carrier.name])
    outbox.accept(events(1))
    delivery = Delivery(outbox, carrier, lambda: 0.0)
    pauses = [delivery.once() for _ in range(12)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (0.25, 30.0)
    health = delivery.health
    assert (health.failures, health.counts.owed) == (12, 1)
    assert CANARY not in f"{health} {caplog.text} {carrier.name} {delivery._thread.name}"
    outbox.close()


def test_two_hooks_of_one_host_are_told_apart(hook):
    other = hook.url.replace(CANARY, "other", 1)
    assert opened(hook.url).name != opened(other).name


def test_a_token_over_http_is_refused(hook, monkeypatch):
    monkeypatch.setenv("HOOK_TOKEN", CANARY)
    with pytest.raises(UsageError, match="expected https") as caught:
        opened(hook.url, "#token-env=HOOK_TOKEN")
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("token", ["café7f3a", "ключ7f3a", "canary\n7f3a"])
def test_a_token_that_no_header_takes_is_refused_at_once(token, monkeypatch):
    monkeypatch.setenv("HOOK_TOKEN", token)
    with pytest.raises(UsageError, match="expected ASCII alone") as caught:
        opened("https://h/hook", "#token-env=HOOK_TOKEN")
    assert "7f3a" not in f"{caught.value} {caught.value.fix}"


def test_a_path_is_escaped_as_browsers_do(hook):
    assert opened(hook.url.replace("?", "/tür 1/%C3%A4?")).send(owed(1)) == 1
    assert hook.came[0][0] == f"/{CANARY}/t%C3%BCr%201/%C3%A4?token={CANARY}"


def test_a_host_that_dns_does_not_have_is_refused():
    with pytest.raises(UsageError, match="the host is not ASCII"):
        opened("https://bücher.example/hook")


def test_a_bug_in_a_carrier_is_told_and_tried_again(tmp_path, caplog):
    class Broken:
        name = "broken"

        def send(self, events):
            raise ZeroDivisionError("oh")

        def tend(self):
            pass

        def close(self):
            pass

    outbox = Outbox(tmp_path / "o.db", ["broken"])
    outbox.accept(events(1))
    delivery = Delivery(outbox, Broken(), lambda: 1.0)
    assert [delivery.once(), delivery.once()] == [0.5, 1.0]
    assert "a bug" in caplog.text
    assert delivery.health.counts.owed == 1
    outbox.close()


def test_a_certificate_of_nobody_we_know_says_what_may_be_wrong_here(hook, tmp_path):
    """In 1970, where a board without a battery begins, no certificate is valid yet."""
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    if shutil.which("openssl") is None:
        pytest.skip("apt-get install openssl")
    subprocess.run([*made, *files], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    hook.socket = context.wrap_socket(hook.socket, server_side=True)
    with pytest.raises(SinkError, match="CERTIFICATE_VERIFY_FAILED") as caught:
        opened(hook.url.replace("http", "https")).send(owed(1))
    assert "clock of this machine" in caught.value.fix
    assert not hook.came
