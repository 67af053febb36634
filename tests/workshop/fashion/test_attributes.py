"""Garment attributes: what is known of a picture, and the head that learns from it."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from calib_data.crops import SEWN, crop, sewn  # noqa: E402
from calib_data.crops import TAGS as DRAWN  # noqa: E402
from quantize.errors import WorkshopError  # noqa: E402
from quantize.fashion import attributes, items, learn, material  # noqa: E402
from quantize.fashion.attributes import GROUPS, IMPLIED, TAGS, table  # noqa: E402
from quantize.pictures import Sample  # noqa: E402


def test_a_category_implies_what_nearly_all_of_it_have():
    assert IMPLIED["T-Shirt"]["sleeve"] == "short-sleeve"
    assert IMPLIED["Longsleeve"]["sleeve"] == "long-sleeve"
    assert IMPLIED["Shorts"]["leg"] == "short-leg"
    assert "sleeve" not in IMPLIED["Dress"]  # some have, some have not
    for said in IMPLIED.values():
        table([said])  # every group and tag is known


def test_drawn_categories_agree_with_what_they_imply():
    """A rendered garment has what its category implies, sleeves of shirts and dresses apart."""
    for tag in SEWN:
        for seed in range(3):
            _, made = sewn(tag, seed, 48)
            known = attributes.by_construction(made)
            for group, implied in IMPLIED[tag].items():
                assert known[group] == implied, (tag, group)


def test_what_is_no_garment_has_nothing_and_what_nobody_labelled_is_open():
    assert set(attributes.known_of("grocery", "Lemon").values()) == {""}
    assert attributes.known_of("none", "") == attributes.NOTHING
    assert attributes.known_of("", "") == {}
    assert attributes.known_of("clothes", "Body") == {}


def test_a_table_says_what_is_so_and_what_is_known():
    wanted, sure = table([{"sleeve": "long-sleeve", "leg": ""}, {}], TAGS)
    column = {tag: i for i, tag in enumerate(TAGS)}
    assert wanted[0, column["long-sleeve"]] == 1
    assert wanted.sum() == 1
    known = {tag for tag, is_known in zip(TAGS, sure[0]) if is_known}
    assert known == {*GROUPS["sleeve"], *GROUPS["leg"]}
    assert not sure[1].any()


def test_dots_and_flowers_are_patterns():
    wanted, sure = table([{"pattern": "dotted"}, {"pattern": "flowered"}, {"pattern": ""}])
    column = TAGS.index("patterned")
    assert wanted[:, column].tolist() == [1, 1, 0]
    assert sure[:, column].all()


@pytest.mark.parametrize("said", [{"sleeves": ""}, {"leg": "long-sleeve"}])
def test_an_unknown_group_or_tag_is_refused(said):
    with pytest.raises(WorkshopError, match="expected"):
        table([said])


def test_a_tag_that_too_few_have_is_not_taught():
    known = [{"sleeve": "long-sleeve"}] * 3 + [{"sleeve": "short-sleeve"}] * 2
    wanted, sure = table(known)
    assert [TAGS[i] for i in attributes.taught(wanted, sure, 2)] == ["long-sleeve", "short-sleeve"]
    assert attributes.taught(wanted, sure, 3) == []


def toy(count: int = 300, seed: int = 0):
    """Features of which the first says long, the second short; a third of the labels unknown."""
    draw = np.random.default_rng(seed)
    features = draw.normal(3, 2, (count, 8)).astype(np.float32)
    wanted = np.zeros((count, 2), np.float32)
    wanted[:, 0], wanted[:, 1] = features[:, 0] > 3.5, features[:, 1] > 3.5
    sure = draw.random((count, 2)) < 0.67
    lied = np.where(sure, wanted, 1 - wanted)  # what is not known must not be learned from
    return features, lied.astype(np.float32), sure, wanted


def scored(features, fitted):
    weights, bias = fitted
    return 1 / (1 + np.exp(-(features @ weights.T + bias)))


def test_the_head_learns_from_what_is_known_alone():
    features, lied, sure, _ = toy()
    held_out, _, _, right = toy(seed=1)
    scores = scored(held_out, learn.fit(features, lied, sure))
    assert ((scores > 0.5) == (right > 0)).mean() > 0.9
    assert np.array_equal(scored(held_out, learn.fit(features, lied, sure)), scores)


def test_of_a_group_the_best_is_told_if_it_reaches_its_threshold():
    tags = ("long-sleeve", "hood", "short-sleeve")
    scores = np.array([[0.9, 0.7, 0.8], [0.6, 0.2, 0.8], [0.6, 0.9, 0.5]], np.float32)
    told = attributes.tags_given(scores, (0.7, 0.5, 0.5), tags)
    assert told.tolist() == [[True, True, False], [False, False, True], [False, True, True]]


def test_measures_equal_a_count_by_hand():
    scores = np.array([[0.9, 0.2], [0.7, 0.95], [0.3, 0.8], [0.1, 0.9]], np.float32)
    wanted = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)
    sure = np.array([[1, 1], [1, 1], [1, 1], [0, 1]], bool)
    tags = ("long-sleeve", "short-sleeve")
    first, second = learn.measured(scores, scores > 0.5, wanted, sure, tags)
    assert (first.count, first.present, first.precision, first.recall) == (3, 2, 0.5, 0.5)
    assert (first.f1, first.baseline) == (0.5, 0.8)
    assert (second.count, second.present) == (4, 2)
    assert second.precision == pytest.approx(2 / 3, abs=1e-4)
    assert second.average_precision == pytest.approx(1, abs=1e-4)
    assert learn.group_accuracy(scores, wanted, sure, tags) == {"sleeve": (4, 0.75)}


@pytest.mark.parametrize(
    ("changes", "worth"),
    [({}, True), ({"f1": 0.49}, False), ({"present": 9}, False), ({"precision": 0.7}, False)],
)
def test_a_tag_is_worth_telling_where_it_beats_whoever_says_it_blindly(changes, worth):
    tag = learn.Measured("hood", "neck", 100, 25, 0.9, 0.9, 0.9, 0.9, 0.4)
    assert learn.is_learned(msgspec.structs.replace(tag, **changes)) is worth


def test_photos_are_known_by_category_and_by_what_people_said(tmp_path: Path):
    (tmp_path / items.FILE).write_text(
        json.dumps({"file": "images/a.jpg", "attributes": {"age": "kids", "leg": ""}}) + "\n"
    )
    said = items.read_said(tmp_path)
    samples = [
        Sample(tmp_path / "a.jpg", "clothes", "T-Shirt", "val"),
        Sample(tmp_path / "b.jpg", "grocery", "Lemon", "train"),
        Sample(tmp_path / "c.jpg", "", "", "train"),
        Sample(tmp_path / "d.jpg", "clothes", "Body", "train"),
    ]
    found = list(items.photos(samples, said))
    assert [(source, out) for _, source, out, _ in found] == [("photos", True), ("others", False)]
    assert found[0][0]["age"] == "kids"
    assert found[0][0]["sleeve"] == "short-sleeve"
    assert items.read_said(tmp_path / "none") == {}
    (tmp_path / items.FILE).write_text("{}\n")
    with pytest.raises(WorkshopError, match="attributes"):
        items.read_said(tmp_path)


def test_drawn_garments_are_brought_to_the_mean_of_the_photos():
    draw = np.random.default_rng(0)
    features = draw.normal(0, 1, (8, 5)).astype(np.float32)
    features[4:] += 9
    sources = ("photos",) * 3 + ("others",) + ("rendered",) * 4
    held_out = (False, False, True, False, False, False, False, True)
    before = material.Material(features, ({},) * 8, sources, held_out)
    after = material.brought_together(before)
    assert np.array_equal(after.features[:4], features[:4])
    assert np.allclose(after.features[4:7].mean(0), features[:2].mean(0), atol=1e-5)
    assert np.allclose(after.features[7] - features[7], after.features[4] - features[4])
    assert material.brought_together(
        before.part(held_out=False, source="photos")
    ).features.shape == (2, 5)


def test_garments_are_drawn_to_learn_from_and_others_to_be_judged_by():
    found = list(items.garments(4, 0))
    held_out = [item for item in found if item[2]]
    assert (len(found), len(held_out)) == (5 * len(SEWN), len(SEWN))
    assert found[0][3]().shape == (192, 192, 3)
    assert "age" not in found[0][0]


def test_drawn_views_stay_what_they_were():
    """The pictures of the bundle's golden answers: attributes are noted, nothing is drawn anew."""
    import hashlib

    assert set(SEWN) < set(DRAWN["clothes"])
    seen = [hashlib.md5(crop("clothes", tag, 5, 96).tobytes()).hexdigest()[:6]
            for tag in ("T-Shirt", "Hat", "Polo", "Dress")]  # fmt: skip
    assert seen == ["fc14cf", "4e9f34", "04b674", "bfb790"]


@pytest.mark.parametrize("line", ["{}", '{"file": "b", "attributes": {}, "atributes": {}}', "x"])
def test_a_wrong_line_of_what_people_said_is_named_by_its_number(tmp_path: Path, line: str):
    """A blank line, or the mark that Notepad writes first, used to be the wrong one."""
    good = '{"file": "a.jpg", "attributes": {"age": "kids"}}'
    file = tmp_path / items.FILE
    file.write_text(f"\ufeff{good}\n\n", "utf-8")
    assert items.read_said(tmp_path) == {"a.jpg": {"age": "kids"}}
    file.write_text(f"\ufeff{good}\n\n{line}\n", "utf-8")
    with pytest.raises(WorkshopError, match=r"attributes\.jsonl:3: "):
        items.read_said(tmp_path)
