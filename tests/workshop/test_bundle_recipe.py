"""`make bundle` takes hours; that its stages know their flags and find what they read, seconds."""

from __future__ import annotations

import shutil
from importlib import import_module

import pytest

pytest.importorskip("torch", reason="no torch: pip install 'edge-tag[quantize]'")

from quantize.cli import _parser
from tests.rehearsal import FEWER, FLAGS, smaller, steps

MADE = "build/"  # what lies there was written by a step before

pytestmark = pytest.mark.skipif(not shutil.which("make"), reason="no make")


@pytest.mark.parametrize("target", ["bundle", "bundle-report", "attributes", "glance"])
def test_every_stage_of_a_recipe_knows_its_flags(target: str) -> None:
    stages = [step[1:] for step in steps(target) if step[0].endswith("edge-quantize")]
    assert stages
    for stage, *flags in stages:
        module = import_module(f"quantize.stages.{stage.replace('-', '_')}")
        for words in ([stage, *flags], smaller(["edge-quantize", stage, *flags])[1:]):
            _parser(stage, module).parse_args(words)  # leaves with 2 where it does not


def test_a_rehearsal_makes_every_step_of_a_recipe_smaller() -> None:
    """A flag that the recipe no longer has would make it no shorter, unnoticed."""
    words = {word for step in steps("bundle") for word in step}
    assert set(FEWER) <= words
    assert set(FLAGS) <= words


@pytest.mark.parametrize("target", ["bundle", "bundle-report"])
def test_every_step_of_a_recipe_reads_what_one_before_it_wrote(target: str) -> None:
    made: set[str] = set()
    for step in steps(target):
        flag = ""
        for word in step:
            if word.startswith(MADE) and flag != "--out":
                assert any(f"{one}/".startswith(f"{word}/") or word.startswith(f"{one}/")
                           for one in made), (word, step)  # fmt: skip
            flag = word if word.startswith("--") else flag
        made |= {step[i + 1] for i, word in enumerate(step) if word == "--out"}
    assert any(one.startswith(MADE) for one in made)
