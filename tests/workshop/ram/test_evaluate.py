"""R11, R12: the published metrics and files; pictures that cannot be read are listed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")
Image = pytest.importorskip("PIL.Image", reason="pip install 'edge-tag[quantize]'")

from safetensors.numpy import load_file  # noqa: E402

from quantize.errors import WorkshopError  # noqa: E402
from quantize.ram import OpenTagger, open_tagger  # noqa: E402
from quantize.ram.annots import read_annotations, written  # noqa: E402
from quantize.ram.evaluate import evaluate  # noqa: E402
from quantize.ram.metrics import average_precisions, precision_recall  # noqa: E402
from tests.workshop.ram.synthetic import Plan, random_state, write  # noqa: E402

TAGS = ("Auto racing", "auto racing", "cat", "dog")


def by_hand_ap(scores: np.ndarray, truth: np.ndarray) -> float:
    """A loop down the ranking."""
    hits, total = 0, 0.0
    for rank, picture in enumerate(np.argsort(-scores, kind="stable"), 1):
        if truth[picture]:
            hits += 1
            total += hits / rank
    return total / (hits + 1e-8)


def test_average_precision_equals_a_loop() -> None:
    """R11, a column without positives included: it is 0 and counts."""
    random = np.random.default_rng(2)
    scores = random.random((60, 7)).astype(np.float32).round(2)  # with ties
    truth = random.random((60, 7)) < 0.2
    truth[:, 3] = False
    got = average_precisions(scores, truth)
    assert got == pytest.approx(
        [by_hand_ap(scores[:, k], truth[:, k]) for k in range(7)], abs=1e-12
    )
    assert got[3] == 0


def test_precision_and_recall_equal_counts() -> None:
    """R11"""
    given = np.array([[1, 1, 0], [1, 0, 0], [1, 0, 0]], bool)
    truth = np.array([[1, 0, 0], [1, 0, 1], [0, 0, 0]], bool)
    precision, recall = precision_recall(given, truth)
    assert precision == pytest.approx([2 / 3, 0, 0], abs=1e-8)
    assert recall == pytest.approx([1, 0, 0], abs=1e-8)
    assert precision[0] < 2 / 3  # the published denominator has its 1e-9


def test_openimages_names_are_matched_with_their_case(tmp_path: Path) -> None:
    file = tmp_path / "annots.txt"
    file.write_text("val/a1,Auto racing,dog\nval/b2\nval/c3,auto racing\n")
    read = read_annotations(file, TAGS, "names")
    assert read.files == ("val/a1", "val/b2", "val/c3")
    assert read.columns == ((0, 3), (), (1,))
    assert read.matrix().sum() == 3
    assert written(read, 0, [0, 3]) == "val/a1,Auto racing,dog"
    assert written(read, 1, []) == "val/b2"
    file.write_text("val/a1,Dog\n")
    with pytest.raises(WorkshopError, match=r"annots\.txt:1: tag 'Dog'") as caught:
        read_annotations(file, TAGS, "names")
    assert "'dog'" in caught.value.fix


def test_a_name_of_two_columns_sets_both(tmp_path: Path) -> None:
    """ImageNet-Multi has `missile` and `sunglasses` twice."""
    file = tmp_path / "annots.txt"
    file.write_text("a,missile\n")
    read = read_annotations(file, ("missile", "cat", "missile"), "names")
    assert read.columns == ((0, 2),)
    assert written(read, 0, [0, 2]) == "a,missile"


def test_hico_and_imagenet_multi_positions(tmp_path: Path) -> None:
    file = tmp_path / "annots.txt"
    file.write_text("a.jpg,0 3\nb.jpg\nc.jpg,\nd.jpg,2\n")
    read = read_annotations(file, TAGS, "spaced")
    assert read.columns == ((0, 3), (), (), (2,))
    assert written(read, 0, [0, 3]) == "a.jpg,0 3"
    file.write_text("a,0,3\n")
    assert read_annotations(file, TAGS, "ids").columns == ((0, 3),)
    for wrong in ("a,4", "a,-1", "a,x"):
        file.write_text(f"{wrong}\n")
        with pytest.raises(WorkshopError, match="a position from 0 to 3"):
            read_annotations(file, TAGS, "spaced")


@pytest.mark.parametrize("content", ["", ",dog\n", "\n"])
def test_annotations_without_pictures_are_refused(content: str, tmp_path: Path) -> None:
    (tmp_path / "annots.txt").write_text(content)
    with pytest.raises(WorkshopError, match="expected a picture"):
        read_annotations(tmp_path / "annots.txt", TAGS, "names")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Seven pictures of which one is damaged, and one more that is missing; their labels."""
    made = tmp_path_factory.mktemp("judged")
    random = np.random.default_rng(1)
    (made / "val").mkdir()
    for name in "abcdef":
        pixels = random.integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(pixels).save(made / "val" / f"{name}.jpg")
    (made / "val" / "broken.jpg").write_bytes(b"\xff\xd8\xff junk")
    rows = ["val/a,cat,dog", "val/broken,cat", "val/b,Auto racing", "val/c", "val/d,cat"]
    (made / "annots.txt").write_text("\n".join([*rows, "val/e,dog", "val/gone,dog", "val/f,cat"]))
    (made / "tags.txt").write_text("\n".join(TAGS))
    plan = Plan("ram", tags=4)
    write(random_state(plan), made / "a.pth")
    return made


@pytest.fixture(scope="module")
def opened(folder: Path) -> OpenTagger:
    return open_tagger(folder / "a.pth", tag_list=folder / "tags.txt", thresholds=0.5)


@pytest.mark.parametrize("unreadable", ["exclude", "zero"])
def test_the_five_files(unreadable: str, folder: Path, opened: OpenTagger, tmp_path: Path) -> None:
    """R11, R12: a corrupt picture and a missing one are listed, never replaced."""
    labels = read_annotations(folder / "annots.txt", TAGS, "names")
    out = tmp_path / "out"
    judged = evaluate(opened, labels, folder, out, batch=4, unreadable=unreadable)
    names = {"pred.txt", "pr.txt", "ap.txt", "summary.txt", "scores.safetensors"}
    assert {file.name for file in out.iterdir()} == names
    assert judged.unreadable == ("val/broken", "val/gone")
    assert judged.pictures == (6 if unreadable == "exclude" else 8)
    summary = (out / "summary.txt").read_text()
    assert "broken.jpg: not a picture" in summary
    assert "gone: not a picture" in summary

    scores = load_file(out / "scores.safetensors")["scores"]
    assert scores.shape == (8, 4)
    counted = [i for i in range(8) if unreadable == "zero" or i not in (1, 6)]
    truth = labels.matrix()[counted]
    ap = [by_hand_ap(scores[counted, k], truth[:, k]) for k in range(4)]
    assert judged.mean_ap == pytest.approx(np.mean(ap))
    assert f"mAP: {100 * judged.mean_ap}" in summary
    assert (out / "ap.txt").read_text().splitlines()[:2] == [
        "Tag,AP",
        f"Auto racing,{100 * ap[0]:.2f}",
    ]
    given = [line.split(",") for line in (out / "pred.txt").read_text().splitlines()]
    assert [row[0] for row in given] == [labels.files[i] for i in counted]
    wanted = [[TAGS[k] for k in range(4) if scores[i, k] >= 0.5] for i in counted]
    assert [row[1:] for row in given] == wanted
    precision = np.mean(
        [
            sum(TAGS[k] in row[1:] and t[k] for row, t in zip(given, truth))
            / (sum(TAGS[k] in row[1:] for row in given) + 1e-9)
            for k in range(4)
        ]
    )
    assert judged.class_precision == pytest.approx(precision)


def test_scores_are_those_of_single_pictures(
    folder: Path, opened: OpenTagger, tmp_path: Path
) -> None:
    labels = read_annotations(folder / "annots.txt", TAGS, "names")
    evaluate(opened, labels, folder, tmp_path / "out", batch=3)
    scores = load_file(tmp_path / "out" / "scores.safetensors")["scores"]
    with Image.open(folder / "val" / "f.jpg") as last:
        assert np.abs(scores[7] - opened.look([last]).scores[0]).max() < 1e-6


def test_thresholds_are_tried_again_without_running(
    folder: Path, opened: OpenTagger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = read_annotations(folder / "annots.txt", TAGS, "names")
    first = evaluate(opened, labels, folder, tmp_path / "out")
    again = open_tagger(folder / "a.pth", tag_list=folder / "tags.txt", thresholds=0.0)
    monkeypatch.setattr(OpenTagger, "look", None)  # running would fail
    second = evaluate(again, labels, folder, tmp_path / "out")
    assert second.mean_ap == first.mean_ap
    assert second.class_recall == pytest.approx(0.75)  # every tag is given; one has no positive
    other = opened.trimmed(TAGS[::-1])
    turned = read_annotations(folder / "annots.txt", TAGS[::-1], "names")
    with pytest.raises(WorkshopError, match="scores with another tagger"):
        evaluate(other, turned, folder, tmp_path / "out")


def test_other_tags_and_empty_folders_are_refused(
    folder: Path, opened: OpenTagger, tmp_path: Path
) -> None:
    labels = read_annotations(folder / "annots.txt", TAGS, "names")
    with pytest.raises(WorkshopError, match="a tagger of 2 tags"):
        evaluate(opened.trimmed(("cat", "dog")), labels, folder, tmp_path / "out")
    with pytest.raises(WorkshopError, match="no picture can be read"):
        evaluate(opened, labels, tmp_path, tmp_path / "out")
    assert evaluate(opened, labels, folder, tmp_path / "out").pictures == 6  # the right one now


def test_scores_of_a_picture_that_was_mended_since_are_not_taken(
    folder: Path, opened: OpenTagger, tmp_path: Path
) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(folder, mine)
    labels = read_annotations(mine / "annots.txt", TAGS, "names")
    assert evaluate(opened, labels, mine, tmp_path / "out").pictures == 6
    shutil.copy(mine / "val" / "a.jpg", mine / "val" / "broken.jpg")
    with pytest.raises(WorkshopError, match="scores with another set of pictures"):
        evaluate(opened, labels, mine, tmp_path / "out")
