"""R5, R8, R19: a checkpoint opened for work: tags with scores, other precisions, no network."""

from __future__ import annotations

import socket
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
Image = pytest.importorskip("PIL.Image", reason="pip install 'edge-tag[quantize]'")

from quantize.errors import WorkshopError  # noqa: E402
from quantize.ram import LabelRows, OpenTagger, open_tagger  # noqa: E402
from quantize.ram.preprocess import batch  # noqa: E402
from tests.workshop.ram.reference import answers  # noqa: E402
from tests.workshop.ram.synthetic import Plan, random_state, write  # noqa: E402

TAGS = ("shoe", "coat", "hat", "bag", "sock")


class Case:
    """A kind of checkpoint with its files and what the reference says of two pictures."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.plan = Plan(kind, tags=5)
        self.state = random_state(self.plan)
        self.file = write(self.state, folder / "a.pth")
        self.tags = folder / "tags.txt"
        self.tags.write_text("\n".join(TAGS))
        self.chinese = folder / "chinese.txt"
        self.chinese.write_text("鞋\n外套 \n帽\n包\n袜\n", "utf-8")
        random = np.random.default_rng(3)
        sizes = ((30, 50), (120, 80))
        self.pictures = [random.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
        counts = [self.plan.rows] * 5
        image = batch(self.pictures, 96).double()
        with torch.no_grad():
            logits, embedding = answers(self.state, image, kind, self.plan.heads, 3, counts)
        self.logits, self.embedding = logits.numpy(), embedding.numpy()

    def open(self, **flags: object) -> OpenTagger:
        return open_tagger(self.file, **{"tag_list": self.tags, **flags})


@pytest.fixture(scope="module", params=["ram", "ram++", "tag2text"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return Case(request.param, tmp_path_factory.mktemp("opened"))


def test_logits_scores_and_embedding(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """R5, R6, R8, and R19: no socket is ever opened."""
    monkeypatch.setattr(socket, "socket", None)
    looked = case.open().look(case.pictures)
    assert np.abs(looked.logits - case.logits).max() < 1e-4
    assert np.abs(looked.embedding - case.embedding).max() < 1e-4
    assert np.abs(looked.scores - 1 / (1 + np.exp(-case.logits))).max() < 1e-4
    assert {looked.logits.dtype, looked.embedding.dtype, looked.scores.dtype} == {np.dtype("f4")}


def test_tags_in_both_languages(case: Case) -> None:
    """R5: those whose score passes, best first."""
    scores = 1 / (1 + np.exp(-case.logits[0]))
    least = float(np.sort(scores)[1:3].mean())
    given = case.open(thresholds=least, chinese=case.chinese).tags_in(case.pictures[0])
    assert [tag.position for tag in given] == np.argsort(-scores)[:3].tolist()
    names = ("鞋", "外套", "帽", "包", "袜")
    assert [(tag.name, tag.chinese) for tag in given] == [
        (TAGS[tag.position], names[tag.position]) for tag in given
    ]
    assert [tag.score for tag in given] == pytest.approx(np.sort(scores)[::-1][:3], abs=1e-4)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 0.02), ("bfloat16", 0.15)])
def test_other_precisions(case: Case, dtype: str, tolerance: float) -> None:
    looked = case.open(dtype=dtype).look(case.pictures)
    assert looked.logits.dtype == np.float32
    assert np.abs(looked.logits - case.logits).max() < tolerance
    assert np.abs(looked.logits - case.logits).max() > 0


@pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU")
@pytest.mark.parametrize(
    ("dtype", "tolerance"), [("float32", 1e-3), ("float16", 0.02), ("bfloat16", 0.15)]
)
def test_on_a_gpu(case: Case, dtype: str, tolerance: float) -> None:
    """R5, R6 on CUDA, in batches."""
    opened = case.open(device="cuda", dtype=dtype)
    for count in (1, 2, 3):
        looked = opened.look((case.pictures * 2)[:count])
        wanted = np.concatenate([case.logits, case.logits])[:count]
        assert np.abs(looked.logits - wanted).max() < tolerance
    assert np.abs(
        opened.trimmed(["bag"]).look(case.pictures).logits[:, 0] - case.logits[:, 3]
    ).max()


def test_trimmed(case: Case) -> None:
    """R9"""
    part = case.open(thresholds=0.25).trimmed(["bag", "shoe"])
    assert part.tags == ("bag", "shoe")
    assert part.vocabulary.thresholds == (0.25, 0.25)
    assert np.abs(part.look(case.pictures).logits - case.logits[:, [3, 0]]).max() < 1e-4
    with pytest.raises(WorkshopError, match="'Bag'"):
        part.trimmed(["Bag"])


def test_other_labels_keep_known_thresholds(case: Case) -> None:
    if case.plan.kind == "tag2text":
        pytest.skip("its tags are learnt")
    rows = torch.randn(2, 32, generator=torch.Generator().manual_seed(1))
    opened = case.open(override={"hat": 0.9})
    other = opened.with_labels(LabelRows(("hat", "glove"), (1, 1), rows, {}))
    assert other.vocabulary.thresholds == (0.9, 0.5)
    assert other.look(case.pictures).logits.shape == (2, 2)
    again = opened.with_labels(LabelRows(("hat", "glove"), (1, 1), rows + 1, {}))
    assert other.identity != again.identity
    assert other.identity == opened.with_labels(LabelRows(other.tags, (1, 1), rows, {})).identity


def test_without_a_tag_list_tags_are_numbers(case: Case) -> None:
    if case.plan.kind == "ram++":
        with pytest.raises(WorkshopError, match="a multiple of 51"):
            open_tagger(case.file)
        return
    opened = open_tagger(case.file, thresholds=0.0)
    assert opened.tags == ("0", "1", "2", "3", "4")
    assert opened.image_size == 96


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"dtype": "float8"}, "'float8', expected one of float32"),
        ({"device": "gpu!"}, "'gpu!', expected cpu, cuda"),
        ({"image_size": 100}, "100 px, expected a multiple of 32"),
        ({"tag_list": Path("nowhere.txt")}, "nowhere.txt"),
        ({"thresholds": 1.5}, r"threshold 1\.5"),
        ({"override": {"glove": 0.5}}, "'glove'"),
        pytest.param(
            {"device": "cuda"},
            "torch sees no GPU",
            marks=pytest.mark.skipif(torch.cuda.is_available(), reason="it does see one"),
        ),
    ],
)
def test_what_cannot_be_opened_says_why(case: Case, flags: dict, said: str) -> None:
    with pytest.raises(WorkshopError, match=said):
        case.open(**flags)
