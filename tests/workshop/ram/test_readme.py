"""The manual's lines for `quantize.ram`, run as they stand on a tiny checkpoint."""

from __future__ import annotations

import re
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
Image = pytest.importorskip("PIL.Image", reason="pip install 'edge-tag[quantize]'")
onnx = pytest.importorskip("onnx", reason="pip install 'edge-tag[quantize]'")

from quantize.ram import open_tagger, read_labels  # noqa: E402
from quantize.ram.evaluate import SCORES  # noqa: E402
from tests.manual import MANUAL  # noqa: E402
from tests.workshop.ram.synthetic import Plan, random_state, write  # noqa: E402

TAGS = ("person", "coat", "hat", "shoe")
PLAN = Plan("ram", tags=len(TAGS))


def lines_after(sentence: str) -> str:
    """The indented lines that follow it."""
    [found] = re.findall(rf"{re.escape(sentence)}\n\n((?:    .*\n|\n(?=    ))+)", MANUAL)
    return textwrap.dedent(found)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write(random_state(PLAN, captioner=False), Path("ram.pth"))
    return tmp_path


def test_open_tag_trim_cost_evaluate_export(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """R5, R7, R9, R11, R13, R21"""
    draw = np.random.default_rng(0)
    (folder / "pictures").mkdir()
    for name in ("photo.jpg", "pictures/a.png", "pictures/b.png"):
        Image.fromarray(draw.integers(0, 256, (40, 50, 3), np.uint8)).save(name)
    Path("tags.txt").write_text("\n".join(TAGS))
    Path("tags_chinese.txt").write_text("人\n外套\n帽\n鞋\n", "utf-8")
    Path("thresholds.txt").write_text("0\n0\n1\n0\n")
    Path("annots.txt").write_text("a,coat\nb,shoe,coat\n")
    left: dict[str, object] = {}
    exec(lines_after("From Python (`quantize.ram`; Tag2Text's captioner is not built):"), left)
    said = capsys.readouterr().out
    assert "('hat',)" in said  # disabled
    assert "人" not in said  # deleted
    assert "鞋" in said
    assert left["ram"].vocabulary.thresholds == (0, 0.6, 1, 0)
    assert left["few"].tags == ("coat", "shoe")
    assert left["judged"].pictures == 2
    written = {file.name for file in Path("judged").iterdir()}
    assert written == {"pred.txt", "ap.txt", "pr.txt", "summary.txt", SCORES}
    assert left["made"].bytes == Path("ram.onnx").stat().st_size
    costs = [float(line.split()[0]) for line in said.splitlines() if re.match(r"0\.\d+ \d+$", line)]
    assert costs[0] > costs[1]


def test_rows_of_other_tags(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R10: with a stand-in for the text encoder."""
    encode = SimpleNamespace(
        encode_text=lambda texts: torch.stack(
            [torch.sin(torch.arange(PLAN.words) * (1 + len(text))) for text in texts]
        )
    )
    model = SimpleNamespace(eval=lambda: encode)
    stub = SimpleNamespace(create_model=lambda *_, **__: model, get_tokenizer=lambda _: list)
    monkeypatch.setitem(sys.modules, "open_clip", stub)
    Path("templates.txt").write_text("a photo of a {}.\nthe {}.\n")
    Path("descriptions.json").write_text('[{"boot": ["tall", "of leather"]}, {"cape": ["long"]}]')
    exec(lines_after("with CLIP ViT-B/16 from this disk:"), {})
    rows = read_labels(Path("rows.safetensors"))
    assert (rows.tags, rows.counts) == (("boot", "cape"), (1, 1))
    assert read_labels(Path("described.safetensors")).counts == (2, 1)
    assert open_tagger(Path("ram.pth"), labels=rows).tags == rows.tags
