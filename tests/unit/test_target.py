"""What stands behind `--to`, and that no credential in it is ever shown."""

from __future__ import annotations

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import EdgeError, UsageError
from edge.redact import Secret, read_secret, redacted, without_secrets
from edge.sinks import SINKS, CarrierSite, open_album, open_carrier, open_sink
from edge.sinks.target import OPTIONS, parse_target

CANARY = "canary7f3a"
SITE = CarrierSite("box", (), dict, lambda _: None)
OPEN = {"sink": open_sink, "album": open_album}


@pytest.mark.parametrize(
    ("text", "kind", "where", "options"),
    [
        ("jsonl:/d/t.jsonl", "jsonl", "/d/t.jsonl", {}),
        ("csv:t.csv#max-mb=3,keep=2", "csv", "t.csv", {"max-mb": "3", "keep": "2"}),
        ("mqtt://h:1/a/b#user=u", "mqtt", "mqtt://h:1/a/b", {"user": "u"}),
        ("https://h/p?q=1#secret-env=X", "https", "https://h/p?q=1", {"secret-env": "X"}),
    ],
)
def test_a_target_has_a_kind_a_place_and_options(text, kind, where, options):
    target = parse_target(text, SINKS)
    assert (target.kind, target.where, target.options) == (kind, where, options)


@pytest.mark.parametrize(
    ("text", "says", "fix"),
    [
        ("tags.jsonl", "expected jsonl:...", "--to jsonl:tags.jsonl"),
        ("jsnl:x", "'jsnl:x' is given", "did you mean jsonl:...?"),
        ("mqtt://", "is given", ""),
        ("jsonl:x#max-mb", "options do not parse", ""),
        ("jsonl:x#a=1,a=2", "options do not parse", ""),
    ],
)
def test_what_is_no_target_is_told(text, says, fix):
    with pytest.raises(UsageError, match=says) as caught:
        parse_target(text, SINKS)
    assert fix in caught.value.fix


LEAKS = [
    f"mqtt://cam:{CANARY}@broker/s",
    f"mqtt://{CANARY}@broker/s",
    f"mqtt://cam:{CANARY}#x@broker/s",
    f"mqtt://cam:x#{CANARY}@broker/s",
    f"mqtt://cam:a?{CANARY}@broker/s",
    f"mqtt://cam:a/{CANARY}@broker/s",
    f"mqt://cam:{CANARY}@broker/s",
    f"https://user:{CANARY}@host/hook",
    f"https://host:bad/{CANARY}",
    f"https://host/{CANARY}#timout=3",
    f"https://host/hook?token={CANARY}#timout=3",
    f"https://host/{CANARY}#timeout=0",
    f"https://host/{CANARY}#token-file=/nowhere",
    f"mqtt://h/s#user={CANARY},password-file=/nowhere",
    f"mqtt://h/s#user=cam,password={CANARY}",
]


@pytest.mark.parametrize("text", LEAKS)
def test_no_error_shows_a_credential(text):
    with pytest.raises(EdgeError) as caught:
        open_carrier(parse_target(text, SINKS), SITE)
    assert CANARY not in f"{caught.value} {caught.value.fix} {caught.value!r}"


@given(st.text("abc@:/?#%&=.[]~ +\\'\"", max_size=12), st.text("abc@:/?#%=[]", max_size=12))
def test_no_password_in_an_address_is_ever_shown(before, after):
    text = f"mqtt://cam:{before}{CANARY}{after}@broker/s"
    with pytest.raises(UsageError) as caught:
        parse_target(text, SINKS)
    assert CANARY not in f"{caught.value} {caught.value.fix}"


@given(st.text(min_size=1, max_size=20), st.text(max_size=9), st.text(max_size=9))
def test_a_secret_is_taken_out_of_any_text(value, before, after):
    secret = "<" + value + ">"
    text = redacted(before + secret + after, [Secret(secret)])
    assert secret not in text


def test_addresses_in_free_text_lose_user_password_and_query():
    text = "cannot open 'rtsp://u:p@cam:554/1?t=2' (http://x/?k=v)"
    assert redacted(text) == "cannot open 'rtsp://cam:554/1' (http://x/"
    assert without_secrets("a file") == "a file"


@pytest.mark.parametrize("between", ["user=shop_password={}_", "user=shop&password={}&", "pwd={}_"])
@given(st.text("ab@:/?#%&=_~", max_size=9), st.text("ab@:/?#%&=_~", max_size=9))
def test_a_password_in_a_path_is_hidden_and_channels_are_told_apart(between, before, after):
    path = between.format(before + CANARY + after)
    shown = [without_secrets(f"rtsp://cam/{path}channel={n}_stream=0.sdp") for n in (1, 2)]
    assert CANARY not in "".join(shown)
    assert shown[0] != shown[1]
    assert CANARY not in without_secrets(f"rtsp://cam/{path}")


def test_a_secret_shows_nothing_of_itself():
    secret = Secret(CANARY)
    shown = [repr(secret), str(secret), f"{secret:>20}", "%s" % secret, repr([secret])]  # noqa: UP031
    assert all(CANARY not in one for one in shown)
    assert CANARY.encode() not in pickle.dumps(secret)
    assert copy.deepcopy(secret).reveal() == "***"
    assert secret.reveal() == CANARY


def test_a_secret_comes_from_a_file_or_the_environment(tmp_path, monkeypatch):
    file = tmp_path / "secret"
    file.write_text(f"{CANARY}\n")
    monkeypatch.setenv("EDGE_CANARY", CANARY)
    assert read_secret("x", str(file), None).reveal() == CANARY
    assert read_secret("x", None, "EDGE_CANARY").reveal() == CANARY
    assert read_secret("x", None, None) is None


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", CANARY.encode() * 1000])
def test_a_file_that_holds_no_password_is_told_without_what_it_holds(tmp_path, content):
    file = tmp_path / "secret"
    file.write_bytes(content)
    with pytest.raises(UsageError, match="holds no password") as caught:
        read_secret("x", str(file), None)
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("kind", SINKS)
def test_what_a_kind_takes_is_what_it_asks_for(tmp_path, kind):
    """A config file is checked by the one, and a target is opened by the other."""
    place = "//127.0.0.1:1/x" if kind[:4] in ("mqtt", "http") else str(tmp_path / "x")
    target = parse_target(f"{kind}:{place}", SINKS)
    role = SINKS[kind][0]
    opened = open_carrier(target, SITE) if role == "carrier" else OPEN[role](target)
    opened.close()
    assert set(target.known) == {name for name in OPTIONS[kind] if not name.endswith(":")}


def test_an_option_that_nobody_knows_is_told_before_anything_is_opened(tmp_path):
    with pytest.raises(UsageError, match="'day' is unknown") as told:
        parse_target(f"snapshots:{tmp_path}/new#day=7,days:Person=1", SINKS)
    assert told.value.fix == "did you mean 'days'?"
    assert not (tmp_path / "new").exists()
