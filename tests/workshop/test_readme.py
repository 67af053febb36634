"""The manual's workshop commands: each parses, and those of its RAM part run as they stand."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.cli import STAGES, _parser, main
from tests.manual import MANUAL
from tests.workshop.label import write_pictures, write_tags
from tests.workshop.ram import synthetic

LINES = MANUAL.replace("\\\n", " ").splitlines()
COMMANDS = [shlex.split(line)[1:] for line in LINES if line.startswith("    edge-quantize ")]
WHOLE = [words for words in COMMANDS if "..." not in words]
SMALL = {  # what makes a command quick
    "label": ["--device", "cpu", "--threads", "1"],
    "distill": ["--device", "cpu", "--epochs", "1", "--batch", "4", "--side", "64"],
}


def test_there_are_commands() -> None:
    assert {words[0] for words in COMMANDS} >= {"label", "distill", "finetune", "pack", "fashion"}
    assert {words[0] for words in COMMANDS} <= set(STAGES)


@pytest.mark.parametrize("words", WHOLE, ids=" ".join)
def test_every_workshop_command_parses(words: list[str]) -> None:
    stage = import_module(f"quantize.stages.{words[0].replace('-', '_')}")
    _parser(words[0], stage).parse_args(words)


def test_a_big_tagger_becomes_a_small_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The two commands, word by word, on a tiny checkpoint."""
    plan = synthetic.Plan("ram")
    monkeypatch.chdir(tmp_path)
    synthetic.write(synthetic.random_state(plan, captioner=False), Path("ram.pth"))
    write_tags(Path("tags.txt"), [f"tag {i}" for i in range(plan.tags)])
    write_pictures(Path("DIR"), 12)
    [told] = re.findall(r"A big tagger becomes a small one:\n\n(.*?)\n\n", MANUAL, re.DOTALL)
    for line in told.splitlines():
        words = shlex.split(line)[1:]
        assert main([*words, *SMALL[words[0]]]) == 0, line
    assert (tmp_path / "student/student.safetensors").is_file()
