"""R7, R8, R9: which tags a picture is given, and vocabularies cut, sorted and mixed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from quantize.errors import WorkshopError  # noqa: E402
from quantize.ram.checkpoint import load  # noqa: E402
from quantize.ram.labels import (  # noqa: E402
    LabelRows,
    averaged,
    join,
    kept,
    labels_of,
    select,
    with_labels,
)
from quantize.ram.tagger import Tagger  # noqa: E402
from quantize.ram.vocabulary import (  # noqa: E402
    Vocabulary,
    chosen,
    numbered,
    passing,
    read_tags,
    read_thresholds,
    scores_of,
    tags_of,
    vocabulary,
)
from tests.workshop.ram.reference import answers  # noqa: E402
from tests.workshop.ram.synthetic import Plan, pictures, random_state, write  # noqa: E402

TAGS = ("shoe", "coat", "hat", "bag")


@pytest.mark.parametrize(
    ("comparison", "score", "threshold", "is_given"),
    [
        ("strict", 0.5, 0.5, False),
        ("strict", np.nextafter(np.float32(0.5), np.float32(1)), 0.5, True),
        ("inclusive", 0.5, 0.5, True),
        ("inclusive", np.nextafter(np.float32(0.5), np.float32(0)), 0.5, False),
        # 0.65 is no float32: both sides must be rounded before they are compared.
        ("strict", np.float32(0.65), 0.65, False),
        ("inclusive", np.float32(0.65), 0.65, True),
        ("strict", 1.0, 1.0, False),
        ("strict", 0.0, 0.0, False),
        ("inclusive", 0.0, 0.0, True),
    ],
)
def test_comparison_at_equality(
    comparison: str, score: float, threshold: float, is_given: bool
) -> None:
    """R7"""
    known = vocabulary(("shoe",), thresholds=threshold, comparison=comparison)
    assert passing(known, [score]).tolist() == [is_given]
    assert bool(tags_of(known, np.array([score], np.float32))) == is_given


def test_a_file_then_overrides_then_deletions(tmp_path: Path) -> None:
    """R7: and a tag that is deleted or disabled is never given, but is told of."""
    file = tmp_path / "least.txt"
    file.write_text("0.65\n0.8\n1.0\n0.5\n")
    known = vocabulary(TAGS, thresholds=file, override={"coat": 0.3}, deleted=["bag"])
    assert known.thresholds == (0.65, 0.3, 1.0, 0.5)
    assert known.disabled == ("hat",)
    given = tags_of(known, np.array([0.9, 0.4, 1.0, 0.99], np.float32))
    assert [tag.name for tag in given] == ["shoe", "coat"]
    assert given[0].score == pytest.approx(0.9)
    assert given[0].position == 0


def test_best_first_and_chinese_by_position(tmp_path: Path) -> None:
    """Chinese names repeat, and the published file has spaces at line ends."""
    file = tmp_path / "chinese.txt"
    file.write_text("鞋 \n外套\n鞋\n包\n", "utf-8")
    known = vocabulary(TAGS, thresholds=0.1, chinese=file)
    given = tags_of(known, np.array([0.2, 0.9, 0.5, 0.05], np.float32))
    assert [(tag.name, tag.chinese) for tag in given] == [
        ("coat", "外套"),
        ("hat", "鞋"),
        ("shoe", "鞋"),
    ]


def test_scores_are_the_logistic_function() -> None:
    """R8: to the last bits, without overflow, and softer with a temperature."""
    logits = torch.linspace(-90, 90, 400)
    assert np.abs(scores_of(logits) - torch.sigmoid(logits).numpy()).max() < 2e-7
    assert scores_of([-1000.0, 1000.0]).tolist() == [0, 1]
    assert scores_of([2.0], temperature=2.0) == scores_of([1.0])


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "no line"), ("a\n\nb\n", "line 2 is blank"), ("a\n \n", "line 2 is blank")],
)
def test_tag_lists_with_gaps_are_refused(content: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "tags.txt"
    file.write_text(content)
    with pytest.raises(WorkshopError, match=said):
        read_tags(file)


def test_tag_lists_from_windows_are_read(tmp_path: Path) -> None:
    file = tmp_path / "tags.txt"
    file.write_bytes(b"\xef\xbb\xbfshoe \r\ncoat")
    assert read_tags(file) == ("shoe", "coat")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("0.5\n", "1 thresholds, expected 2"),
        ("0.5\nx\n", ":2: 'x'"),
        ("0.5\n1.5\n", "1.5"),
        ("0.5\nnan\n", "nan"),
    ],
)
def test_threshold_files_that_do_not_fit_are_refused(
    content: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "least.txt"
    file.write_text(content)
    with pytest.raises(WorkshopError) as caught:
        read_thresholds(file, 2)
    assert said in str(caught.value)


def test_unknown_tags_and_uneven_lists_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "chinese.txt"
    file.write_text("鞋\n", "utf-8")
    with pytest.raises(WorkshopError, match="1 names, expected 4"):
        vocabulary(TAGS, chinese=file)
    with pytest.raises(WorkshopError, match="not in it: 'Shoe'"):
        vocabulary(TAGS, deleted=["Shoe"])
    with pytest.raises(WorkshopError, match=r"threshold 2\.0"):
        vocabulary(TAGS, override={"shoe": 2.0})
    with pytest.raises(WorkshopError, match="No such file"):
        read_tags(tmp_path / "nowhere.txt")


def test_a_part_of_a_vocabulary_keeps_what_belongs_to_it() -> None:
    """R9"""
    known = Vocabulary(TAGS, (0.1, 0.2, 0.3, 0.4), ("一", "二", "三", "四"), deleted=(0, 3))
    part = chosen(known, [3, 1])
    assert part == Vocabulary(("bag", "coat"), (0.4, 0.2), ("四", "二"), deleted=(0,))
    assert numbered(3) == ("0", "1", "2")


@pytest.fixture(scope="module", params=["ram", "ram++", "tag2text"])
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple:
    plan = Plan(request.param, tags=9)
    state = random_state(plan)
    file = write(state, tmp_path_factory.mktemp("ram") / "a.pth")
    image = pictures(plan, 2)
    tagger, _ = load(file, tags=plan.tags)
    return plan, state, tagger, image, tagger(image)[0]


@pytest.mark.parametrize("positions", [[0], [8, 2, 5], list(range(9))[::-1], [4, 4, 1]])
def test_kept_tags_have_the_scores_of_the_full_run(opened: tuple, positions: list[int]) -> None:
    """R9: a subset, another order, a tag twice."""
    _, _, tagger, image, full = opened
    part = kept(tagger, positions)
    assert np.abs(scores_of(part(image)[0]) - scores_of(full[:, positions])).max() < 1e-6
    before, after = (t.visual_encoder.norm.weight.data_ptr() for t in (tagger, part))
    assert before == after, "the encoder is not stored again"


def ragged(tagger: Tagger, counts: list[int], words: int) -> LabelRows:
    rows = torch.randn(sum(counts), words, generator=torch.Generator().manual_seed(4))
    names = tuple(f"open {i}" for i in range(len(counts)))
    return LabelRows(names, tuple(counts), rows, {"made_from": "test"})


@pytest.mark.parametrize("counts", [[3, 1, 4, 1, 5], [2, 2, 1], [1], [7, 6, 5], [51, 1, 51, 2]])
def test_descriptions_of_any_number_equal_the_loop_over_tags(counts: list[int]) -> None:
    """R9: unequal row counts, which upstream's division breaks on (issue 154)."""
    plan = Plan("ram++", tags=2)
    state = random_state(plan)
    labels = ragged(None, counts, plan.words)
    tagger = with_labels(_built(plan, state), labels)
    image = pictures(plan, 3)
    with torch.no_grad():
        wanted, _ = answers(
            {**state, "label_embed": labels.matrix}, image.double(), "ram++", plan.heads, 3, counts
        )
        assert (tagger(image)[0] - wanted).abs().max() < 1e-4
    back = labels_of(tagger, labels.tags)
    assert torch.equal(back.matrix, labels.matrix)
    assert back.counts == labels.counts


def test_closed_and_open_tags_mix(opened: tuple) -> None:
    """R9"""
    plan, _, tagger, image, full = opened
    if plan.kind == "tag2text":
        with pytest.raises(WorkshopError, match="a Tag2Text network"):
            labels_of(tagger, ["a"])
        with pytest.raises(WorkshopError, match="a Tag2Text network"):
            with_labels(tagger, ragged(tagger, [1], 32))
        return
    closed = labels_of(tagger, [f"closed {i}" for i in range(9)])
    new = ragged(tagger, [1, 1] if plan.kind == "ram" else [3, 2], plan.words)
    mixed = with_labels(tagger, join(select(closed, [7, 3]), new, select(closed, [0])))
    logits = mixed(image)[0]
    assert (logits[:, [0, 1, 4]] - full[:, [7, 3, 0]]).abs().max() < 1e-5
    alone = with_labels(tagger, new)(image)[0]
    assert (logits[:, 2:4] - alone).abs().max() < 1e-5
    assert (logits[:, 2] - logits[:, 0]).abs().max() > 1e-3


def test_ram_takes_one_row_a_tag(opened: tuple) -> None:
    plan, _, tagger, image, _ = opened
    if plan.kind != "ram":
        pytest.skip("RAM's rule")
    labels = ragged(tagger, [2, 3], plan.words)
    with pytest.raises(WorkshopError, match="up to 3 rows a tag, expected one"):
        with_labels(tagger, labels)
    one = averaged(labels)
    means = torch.stack([labels.matrix[:2].mean(0), labels.matrix[2:].mean(0)])
    assert torch.allclose(one.matrix, torch.nn.functional.normalize(means))
    assert with_labels(tagger, one)(image)[0].shape == (2, 2)


def test_rows_of_another_encoder_are_refused(opened: tuple) -> None:
    plan, _, tagger, _, _ = opened
    if plan.kind == "tag2text":
        pytest.skip("it takes none")
    with pytest.raises(WorkshopError, match="31 numbers a row, expected 32"):
        with_labels(tagger, ragged(tagger, [1], 31))
    zero = LabelRows(("a", "b"), (1, 1), torch.tensor([[1.0] * 32, [0.0] * 32]), {})
    with pytest.raises(WorkshopError, match="all zeros, the first of tag 'b'"):
        with_labels(tagger, zero)


def _built(plan: Plan, state: dict) -> Tagger:
    from quantize.ram.detect import config_of
    from quantize.ram.tagger import build

    tagger = build(config_of(Path("s"), plan.kind, state, plan.side), [plan.rows] * plan.tags)
    tagger.load_state_dict(state)
    return tagger.requires_grad_(False)
