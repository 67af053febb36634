"""The schema that editors use and the reader that a run uses: they say the same of any file."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from edge.config.problems import problems
from edge.config.records import Config
from edge.config.shown import schema

SCHEMA = Draft202012Validator(json.loads(schema()))
BEYOND = (  # what needs two keys at once to be told, and what no schema can say
    "expected one of them",
    "encloses nothing",
    "expected one of zones",
    'before "24:00"',
    "expected it to rise",
)


def mostly(good: st.SearchStrategy[Any], bad: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A file with one fault tells more than one with ten."""
    return st.integers(0, 24).flatmap(lambda n: good if n else bad)


def lists(of: st.SearchStrategy[Any], least: int = 0, most: int = 2) -> st.SearchStrategy[Any]:
    return mostly(st.lists(of, min_size=least, max_size=most), st.just([]) | st.just("x"))


odd = st.booleans() | st.integers(-2, 9) | st.floats(-2, 2e9) | st.just("x") | st.just([])
share = mostly(st.floats(0, 1) | st.sampled_from([0, 1]), st.sampled_from([-0.1, 1.1, "0"]))
point = mostly(st.lists(share, min_size=2, max_size=2), st.lists(share, max_size=3))
polygon = lists(point, 3, 5)
name = mostly(
    st.sampled_from(["door", "till", "shop.1"]), st.sampled_from(["a b", "", "x" * 65, "Zürich"])
)
text = mostly(st.sampled_from(["camera:0", "x"]), st.sampled_from(["", "x" * 4097, 1]))
moment = mostly(
    st.sampled_from(["08:00", "23:59", "24:00"]), st.sampled_from(["8:00", "24:01", "", "noon", 8])
)
number = mostly(st.integers(1, 900) | st.floats(0.5, 900), odd)
count = mostly(st.integers(1, 900), odd)
is_on = mostly(st.booleans(), odd)
hours = st.fixed_dictionaries(
    {},
    optional={
        "days": lists(mostly(st.sampled_from(["mon", "sun"]), st.sampled_from(["Mon", 1])), 1),
        "from": moment,
        "to": moment,
    },
)
camera = st.fixed_dictionaries(
    {"name": name, "url": text},
    optional={
        "fps": number,
        "every_s": number,
        "zones": st.dictionaries(name, polygon, max_size=2),
        "required_zones": lists(name),
        "loiter_s": st.dictionaries(name, number, max_size=2),
        "only": lists(text),
        "ignore": lists(polygon),
        "privacy": lists(polygon),
        "schedule": lists(hours),
    },
)
head = st.fixed_dictionaries({}, optional={"on": is_on, "threshold": share})
limits = {"warm_c": number, "hot_c": number}
known = {
    "cameras": lists(mostly(camera, st.just({"name": "door"}))),
    "heads": st.dictionaries(mostly(st.just("clothes"), st.just("x" * 201)), head, max_size=2),
    "targets": st.dictionaries(name, text, max_size=2),
    "thermal": mostly(st.fixed_dictionaries(limits), st.fixed_dictionaries({}, optional=limits)),
    "length_to": mostly(st.sampled_from(["tips", "fork"]), st.just("tail")),
    "whole": is_on,
    **dict.fromkeys(("budget_ms", "mm_per_px", "explain_every_s"), number),
    **dict.fromkeys(("threads", "top_k", "outbox_mb", "explain_keep"), count),
    **dict.fromkeys(("bundle", "device", "health", "live", "outbox", "plane", "outline"), text),
}
unknown = st.fixed_dictionaries({}, optional={**known, "budget": odd, "Cameras": odd})
config = mostly(st.fixed_dictionaries({}, optional=known), unknown)


@settings(max_examples=400, deadline=None)
@given(config)
def test_the_schema_and_the_reader_agree(table: dict[str, Any]) -> None:
    table = as_toml(table)
    found = problems(table, Config)
    if SCHEMA.is_valid(table):
        assert all(any(words in p.says for words in BEYOND) for p in found), found
    else:
        assert found


def as_toml(value: Any) -> Any:
    """A whole number is 1, not 1.0, to TOML; to a schema it is both."""
    if isinstance(value, dict):
        return {key: as_toml(part) for key, part in value.items()}
    if isinstance(value, list):
        return [as_toml(part) for part in value]
    return value + 0.5 if isinstance(value, float) and value.is_integer() and value > 1 else value
