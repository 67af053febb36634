"""S1, S2: AutoFish's file as it is, its split by group, and fish that are on two sides."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from quantize.errors import WorkshopError
from quantize.fish import autofish
from quantize.fish.coco import (
    Category,
    Fish,
    FishSet,
    Picture,
    mask_of,
    path_of,
    read_coco,
    write_coco,
)
from quantize.fish.splits import leaks, side_of, split, without_stray
from quantize.pictures import read_folder, read_sources

NAMES = ("horse_mackerel", "whiting", "haddock", "cod", "hake", "saithe", "other")
SQUARE = (2.0, 2.0, 12.0, 2.0, 12.0, 8.0, 2.0, 8.0)


def fish(number: int, image: int, fish_id: int = 7, **more: object) -> Fish:
    said: dict = {"category_id": 3, "bbox": (2, 2, 10, 6), "area": 60.0, "segmentation": (SQUARE,),
                  "length": 34.5, "side_up": "L"}  # fmt: skip
    return Fish(id=number, image_id=image, fish_id=fish_id, **(said | more))


def fish_set(*rows: tuple[int, int]) -> FishSet:
    """(group, fish_id) rows, a picture each."""
    pictures = tuple(
        Picture(n, f"group_{g:02d}/{n:05d}.png", 2464, 2056, g) for n, (g, _) in enumerate(rows, 1)
    )
    masks = tuple(fish(n, n, number) for n, (_, number) in enumerate(rows, 1))
    return FishSet(pictures, masks, tuple(Category(n, name) for n, name in enumerate(NAMES)))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "annotations.json"
    write_coco(fish_set((1, 7), (10, 8), (2, 9)), path)
    return path


def test_s1_every_field_survives_a_round_trip(file: Path) -> None:
    found = read_coco(file)
    assert found == fish_set((1, 7), (10, 8), (2, 9))
    one = found.annotations[0]
    assert (one.fish_id, one.length, one.side_up) == (7, 34.5, "L")
    assert found.categories[0] == Category(0, "horse_mackerel")


def test_s1_fields_that_coco_has_besides_are_passed_over(file: Path) -> None:
    table = json.loads(file.read_bytes())
    table["info"], table["images"][0]["license"] = {"year": 2025}, 4
    file.write_text(json.dumps(table))
    assert len(read_coco(file).images) == 3


@pytest.mark.parametrize("spelled", ["group_1", "group_01"])
def test_s1_both_spellings_of_a_folder_are_found(tmp_path: Path, spelled: str) -> None:
    (tmp_path / spelled).mkdir()
    (tmp_path / spelled / "00001.png").write_bytes(b"")
    for name in ("group_1/00001.png", "group_01/00001.png"):
        picture = Picture(1, name, 10, 10)
        assert picture.group_number == 1
        assert path_of(picture, tmp_path) == tmp_path / spelled / "00001.png"


def test_s1_a_fish_in_pieces_is_one_mask() -> None:
    other = tuple(v + 20 if n % 2 == 0 else v for n, v in enumerate(SQUARE))
    mask = mask_of(fish(1, 1, segmentation=(SQUARE, other)), 40, 12)
    assert int(mask.sum()) == pytest.approx(120, rel=0.25)
    assert set(np.unique(mask)) == {0, 1}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"image_id": 99}, "annotation 1: image 99"),
        ({"category_id": 12}, "category 12"),
        ({"segmentation": [[1.0, 2.0, 3.0]]}, "polygon"),
        ({"id": 2}, "given twice"),
        ({"length": "long"}, "Expected `float"),
    ],
)
def test_s1_what_does_not_fit_together_is_named(file: Path, change: dict, says: str) -> None:
    table = json.loads(file.read_bytes())
    table["annotations"][0] |= change
    file.write_text(json.dumps(table))
    with pytest.raises(WorkshopError, match=says):
        read_coco(file)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff"])
def test_s1_what_is_no_such_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(WorkshopError, match="AutoFish"):
        read_coco(tmp_path / "a.json")


def test_s2_the_groups_of_each_side() -> None:
    sides = [side_of(group) for group in range(1, 26)]
    assert (sides.count("train"), sides.count("val"), sides.count("test")) == (15, 5, 5)
    assert {g for g in range(1, 26) if side_of(g) == "test"} == {10, 14, 20, 21, 22}


def test_s2_the_split_is_by_group() -> None:
    sides = split(fish_set((1, 7), (10, 8), (2, 9), (2, 9)))
    assert {side: len(part.annotations) for side, part in sides.items()} == {
        "train": 2, "val": 1, "test": 1,
    }  # fmt: skip


def test_s2_a_fish_on_two_sides_is_a_leak() -> None:
    leaking = fish_set((2, 50), (14, 50))
    assert leaks(leaking) == {50: (2, 14)}
    with pytest.raises(WorkshopError, match="fish 50: it is in groups 2, 14"):
        split(leaking)


def test_s2_fish_113_loses_its_stray_mask() -> None:
    found = fish_set((5, 113), (22, 113), (22, 113))
    assert leaks(without_stray(found)) == {}
    assert len(split(found)["test"].annotations) == 2


def test_s2_a_picture_without_a_group_is_refused() -> None:
    found = FishSet((Picture(1, "a.png", 9, 9),), (fish(1, 1),), (Category(3, "cod"),))
    with pytest.raises(WorkshopError, match="no group"):
        split(found)


def test_s2_the_file_becomes_a_picture_set_split_by_group(file: Path, tmp_path: Path) -> None:
    for group in (1, 10, 2):
        (tmp_path / f"group_{group}").mkdir()  # the older spelling
    with pytest.raises(WorkshopError, match=r"group_02/00003\.png: no such file"):
        autofish.write(tmp_path, "val", tmp_path / "set")
    for number, group in ((1, 1), (2, 10), (3, 2)):
        (tmp_path / f"group_{group}" / f"{number:05d}.png").write_bytes(b"")
    assert autofish.write(tmp_path, "val", tmp_path / "set") == 2
    found = read_folder(tmp_path / "set")
    told = [(s.file.parent.name, s.head, s.tag, s.split, s.box) for s in found.samples]
    cod, box = ("fish", "cod"), (2, 2, 12, 8)
    assert told == [("group_2", *cod, "train", box), ("group_1", *cod, "val", box)]
    assert all(sample.file.is_file() for sample in found.samples)
    assert read_sources(tmp_path / "set")[0]["licence"] == "CC BY 4.0"
    with pytest.raises(WorkshopError, match="something is there"):
        autofish.write(tmp_path, "val", tmp_path / "set")
    autofish.write(tmp_path, "test", tmp_path / "last")
    assert [s.file.parent.name for s in read_folder(tmp_path / "last").of("val")] == ["group_10"]


def test_a_box_is_whole_pixels_inside_the_picture() -> None:
    picture = Picture(1, "group_01/00001.png", 100, 50)
    assert autofish.box_of(fish(1, 1, bbox=(-0.5, 2.3, 20.2, 60.0)), picture) == (0, 2, 20, 50)
    assert autofish.box_of(fish(1, 1, bbox=(99.9, 49.9, 0.0, 0.0)), picture) == (99, 49, 100, 50)
