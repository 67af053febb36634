"""Artifacts from stages and bundles, and what does not belong together."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
pytest.importorskip("onnxruntime", reason="pip install 'edge-tag[onnx]'")

from edge.engines import installed
from quantize.errors import WorkshopError
from quantize.int8.gate import Limits
from quantize.report.models import (
    HeadSpec,
    Side,
    _flat,
    from_bundle,
    from_stage,
    require_same_heads,
    wanted_engines,
)
from quantize.report.opened import Opened, require_alike
from tests.tiny import MODELS
from tests.workshop.report.made import lists, model, renamed, without_none, write_stage

ORT = ["onnxruntime"]


def opened(side: Side) -> list[Opened]:
    return [Opened(one, list(side.heads.values())) for one in side.models]


def test_a_stage_gives_every_engine_its_files(tmp_path: Path) -> None:
    side = from_stage(write_stage(tmp_path / "float", "export"), "float", installed())
    assert [m.engine for m in side.models] == installed()
    assert {o.spec for o in opened(side)} == {opened(side)[0].spec}
    assert side.heads["colours"].groups == ("warm", None, "cold")
    assert side.facts == {"export: worst": "0.001"}


def test_numbers_of_a_recipe_are_short() -> None:
    """Seventeen digits each pushed the rest of the line off the page."""
    told = _flat("export: ", {"off": {"1": 2.2351741790771484e-08}, "lr": 2e-05, "side": 224})
    assert told == {"export: off": "1 2.23517e-08", "export: lr": "2e-05", "export: side": "224"}


def test_one_logit_more_than_tags_makes_a_softmax_head(tmp_path: Path) -> None:
    side = from_stage(write_stage(tmp_path / "float", "export"), "float", installed())
    assert require_alike(opened(side)) == {"colours": "softmax", "hues": "multilabel"}


def test_outputs_without_names_go_by_order(tmp_path: Path) -> None:
    folder = write_stage(tmp_path / "float", "export", {"student.onnx": renamed(model())})
    [one] = opened(from_stage(folder, "float", ORT))
    assert one.tensors == {"colours": "b", "hues": "c"}


def test_an_int8_that_the_record_does_not_know_is_refused(tmp_path: Path) -> None:
    folder = write_stage(tmp_path / "int8", "quantize", {"student.onnx": model()})
    (folder / "student.tflite").write_bytes((MODELS / "tiny_int8.tflite").read_bytes())
    with pytest.raises(WorkshopError, match=r"student\.tflite: a file that was never judged"):
        from_stage(folder, "int8", ["onnxruntime", "tflite"])


def test_the_gates_limits_come_with_int8(tmp_path: Path) -> None:
    limits = {"points": 2.0, "f1": 0.1}
    folder = write_stage(tmp_path / "int8", "quantize", settings={"limits": limits})
    side = from_stage(folder, "int8", ORT)
    assert side.limits == Limits(points=2.0, f1=0.1)
    assert not any("limits" in key for key in side.facts)


def test_a_bundle_brings_its_temperatures_and_thresholds(wide_bundle: Path) -> None:
    side = from_bundle(wide_bundle, installed())
    assert [m.engine for m in side.models] == installed()
    assert side.title == "tiny@3"
    assert side.heads["hues"].thresholds == (0.5, 0.5, 0.6)
    assert side.heads["hues"].kind == "multilabel"


def test_a_bundle_for_no_engine_here_is_refused(tiny_bundle: Path) -> None:
    with pytest.raises(WorkshopError, match="bundle for null, expected int8 for onnxruntime"):
        from_bundle(tiny_bundle, ORT)


BREAKAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (lambda f: f.rename(f.with_name("away")), "no such folder"),
    "no recipe": (lambda f: (f / "recipe.json").unlink(), "no recipe.json in it"),
    "another stage's": (
        lambda f: (f / "recipe.json").write_text(
            (f / "recipe.json").read_text().replace('"export"', '"finetune"')
        ),
        "made by finetune, expected made by export",
    ),
    "stopped": (
        lambda f: (f / "recipe.json").write_text(
            json.dumps({**json.loads((f / "recipe.json").read_text()), "result": {}})
        ),
        "stopped before it was done",
    ),
    "no artifact": (
        lambda f: (f / "student.onnx").unlink(),
        "student.onnx: no such file, expected the float artifact of onnxruntime",
    ),
    "no tags": (lambda f: (f / "tags.json").unlink(), "tags.json: no such file"),
    "bad tags": (lambda f: (f / "tags.json").write_text("{"), "tags.json: "),
}


@pytest.mark.parametrize("name", BREAKAGES)
def test_a_folder_that_is_not_whole_is_refused(name: str, tmp_path: Path) -> None:
    folder = write_stage(tmp_path / "float", "export")
    spoil, words = BREAKAGES[name]
    spoil(folder)
    with pytest.raises(WorkshopError, match=words) as caught:
        from_stage(folder, "float", ORT)
    assert caught.value.fix or name == "bad tags"


def side_with(**tags: tuple[str, ...]) -> Side:
    heads = {h: HeadSpec(h, found, (None,) * len(found)) for h, found in tags.items()}
    return Side("x", heads, (), {})


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (side_with(fruit=("a", "b"), fish=("c",)), "heads are fish, fruit, expected fruit"),
        (side_with(fruit=("a",)), "head 'fruit' has 1 tags, expected 2"),
        (side_with(fruit=("a", "c")), "tag 1 of head 'fruit' is 'c', expected 'b'"),
    ],
)
def test_two_students_are_not_compared(other: Side, words: str) -> None:
    with pytest.raises(WorkshopError, match=words):
        require_same_heads(side_with(fruit=("a", "b")), other)


def test_a_tag_list_that_does_not_fit_the_logits_is_refused(tmp_path: Path) -> None:
    folder = write_stage(tmp_path / "float", "export")
    found = lists()
    found["hues"] = {"tags": ["one"], "groups": [None]}
    (folder / "tags.json").write_text(json.dumps(found))
    with pytest.raises(WorkshopError, match="3 logits for head 'hues', expected 1, or 2 with one"):
        opened(from_stage(folder, "float", ORT))


def test_outputs_that_no_tag_list_explains_are_refused(tmp_path: Path) -> None:
    folder = write_stage(tmp_path / "float", "export", {"student.onnx": renamed(model())})
    found = {head: table for head, table in lists().items() if head != "hues"}
    (folder / "tags.json").write_text(json.dumps(found))
    with pytest.raises(WorkshopError, match="3 outputs"):
        opened(from_stage(folder, "float", ORT))


def test_a_softmax_head_and_a_multilabel_one_are_not_of_one_student(tmp_path: Path) -> None:
    first = write_stage(tmp_path / "float", "export")
    second = write_stage(tmp_path / "int8", "quantize", {"student.onnx": without_none()})
    sides = from_stage(first, "float", ORT), from_stage(second, "int8", ORT)
    with pytest.raises(WorkshopError, match="3 logits for head 'colours', expected 4 as"):
        require_alike([*opened(sides[0]), *opened(sides[1])])


@pytest.mark.parametrize(
    ("engine", "words"), [("abacus", "'abacus' is unknown"), ("null", "'null' is")]
)
def test_an_engine_that_is_not_here_is_named(engine: str, words: str) -> None:
    with pytest.raises(WorkshopError, match=words):
        wanted_engines([engine])


def test_engines_are_asked_in_their_own_order() -> None:
    assert wanted_engines(None) == installed()
    assert wanted_engines(list(reversed(installed()))) == installed()
