"""Rubbish instead of a config: refused with words, never a traceback, never half read."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.config.problems import problems
from edge.config.read import parse
from edge.config.records import Config
from edge.config.shown import toml
from edge.errors import ConfigError

GOOD = b"""\
budget_ms = 200
[[cameras]]
name = "door"
url = "rtsp://cam/1"
zones.till = [[0, 0.5], [1, 0.5], [1, 1]]
schedule = [{days = ["mon"], from = "08:00", to = "18:00"}]
[heads.clothes]
threshold = 0.6
[targets]
broker = "mqtt://broker/shop#user=cam,password-env=X"
"""
KEYS = ["cameras", "heads", "targets", "threads", "name", "url", "zones", "ignore", "from", "days"]
ATOMS = st.one_of(
    st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates(), st.times()
)
VALUES = st.recursive(
    ATOMS,
    lambda below: (
        st.lists(below, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), below, max_size=4)
    ),
    max_leaves=12,
)


def outcome(data: bytes) -> Config | ConfigError:
    try:
        return parse(data, "edge.toml")
    except ConfigError as e:
        wrong = e
    assert all(str(one).startswith("edge.toml: ") for one in (wrong, *wrong.also))
    return wrong


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=400))
def test_bytes(data):
    outcome(data)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.binary(max_size=3), st.integers(0, 5))
def test_a_good_file_with_a_wound(at, piece, cut):
    found = outcome(GOOD[:at] + piece + GOOD[at + cut :])
    if isinstance(found, Config):  # what passes is whole: it can be shown, and read again
        outcome(toml(found).encode("utf-8"))


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=4))
def test_any_toml_of_any_shape(table):
    found = problems(table, Config)
    assert all(problem.says and "expected" in problem.says for problem in found)


@pytest.mark.parametrize(
    "data",
    [
        b"a = " + b"[" * 100_000,
        b"a." * 50_000 + b"a = 1",
        b"threads = " + b"9" * 100_000,
        b"[" + b"a." * 5_000 + b"a]",
        b'cameras = ["' + b"x" * 200_000 + b'"]',
        b"'a'." * 5_000 + b"a = 1",
        b'a = {b = """c"""", ' + b"a." * 5_000 + b"a = 1}",
        b"a = '" + b"." * 40 + b"'\n" + b"a." * 5_000 + b"a = 1",
        b"a = " + b'"""\\' * 60_000,
        b"\x00",
        b"\xef\xbb\xbfbudget_ms = 1",
        GOOD.replace(b"door", b"\\ud800"),
    ],
)
def test_bombs(data):
    error = outcome(data)
    assert isinstance(error, ConfigError)
    assert len(str(error)) < 1000
