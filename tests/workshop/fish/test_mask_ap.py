"""Mask mAP: a hand example, and the same as pycocotools where it is installed."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from quantize.fish.mask_ap import MaskSet, ious, mask_ap


def strips(*spans: tuple[int, int]) -> np.ndarray:
    """Masks (N, 8, 40): columns from a to b."""
    masks = np.zeros((len(spans), 8, 40), bool)
    for mask, (a, b) in zip(masks, spans):
        mask[:, a:b] = True
    return masks


def given(masks: np.ndarray, species: list[int], scores: list[float] | None = None) -> MaskSet:
    return MaskSet(masks, np.array(species), np.array(scores or [0.0] * len(species)))


def test_s3_a_hand_example() -> None:
    """One of two found at IoU 0.8, one false: precision 1 to recall 0.5, at 7 thresholds."""
    truth = [given(strips((0, 10), (20, 30)), [0, 0])]
    found = [given(strips((0, 8), (32, 40)), [0, 0], [0.9, 0.8])]
    assert mask_ap(found, truth)["AP50"] == pytest.approx(51 / 101)
    assert mask_ap(found, truth)["mAP"] == pytest.approx(0.7 * 51 / 101)


def test_s3_a_species_of_its_own_is_no_help_to_another() -> None:
    truth = [given(strips((0, 10)), [0])]
    assert mask_ap([given(strips((0, 10)), [1], [0.9])], truth)["mAP"] == 0
    assert mask_ap([given(strips((0, 10)), [0], [0.9])], truth)["mAP"] == pytest.approx(1)


def test_s3_nothing_to_find_is_nothing_found() -> None:
    none = [given(strips(), [])]
    assert mask_ap(none, none)["mAP"] == 0


def test_intersection_over_union() -> None:
    assert ious(strips((0, 10)), strips((5, 15), (0, 10)))[0] == pytest.approx([1 / 3, 1])


@pytest.mark.parametrize("seed", range(6))
def test_s3_the_same_as_pycocotools(seed: int) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="pip install pycocotools")
    rng = np.random.default_rng(seed)
    truth, found = [], []
    for _ in range(5):
        for into, most in ((truth, 4), (found, 7)):
            n = int(rng.integers(0, most))
            starts, wide = rng.integers(0, 30, n), rng.integers(2, 10, n)
            masks = strips(*[(int(a), int(a + w)) for a, w in zip(starts, wide)])
            scores = np.round(rng.random(n), 1).tolist()  # ties on purpose
            into.append(given(masks, rng.integers(0, 2, n).tolist(), scores or None))
    assert mask_ap(found, truth)["mAP"] == pytest.approx(reference(coco, found, truth), abs=1e-9)


def reference(coco: object, found: list[MaskSet], truth: list[MaskSet]) -> float:
    from pycocotools import mask as rle
    from pycocotools.cocoeval import COCOeval

    def rows(ones: list[MaskSet], scored: bool) -> list[dict]:
        made = []
        for image, one in enumerate(ones, 1):
            for mask, species, score in zip(one.masks, one.species, one.scores):
                packed = rle.encode(np.asfortranarray(mask.astype(np.uint8)))
                row = {"id": len(made) + 1, "image_id": image, "category_id": int(species),
                       "segmentation": packed, "area": int(mask.sum()), "iscrowd": 0,
                       "bbox": [0, 0, 1, 1]}  # fmt: skip
                made.append(row | ({"score": float(score)} if scored else {}))
        return made

    with contextlib.redirect_stdout(io.StringIO()):
        labels = coco.COCO()
        present = sorted({int(s) for one in truth for s in one.species})
        labels.dataset = {
            "images": [{"id": n, "height": 8, "width": 40} for n in range(1, len(truth) + 1)],
            "categories": [{"id": n} for n in present],
            "annotations": rows(truth, False),
        }
        labels.createIndex()
        results = [r for r in rows(found, True) if r["category_id"] in present]
        judge = COCOeval(labels, labels.loadRes(results), "segm")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return float(judge.stats[0])
