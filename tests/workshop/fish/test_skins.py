"""S3: real fish to learn from: cut out where colours show them whole, on one side alone."""

from __future__ import annotations

from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from calib_data.measured import Posed, put
from calib_data.stage import Stage
from edge.records import U8
from quantize.errors import WorkshopError
from quantize.fish.grounds import Grounds, read_grounds
from quantize.fish.outlines import crops
from quantize.fish.skins import bowed, cut, read_skins


def picture(seed: int, degrees: float = 8.0) -> tuple[U8, np.ndarray]:
    """A fish on a pale ground, and which pixels it is."""
    rng = np.random.default_rng(seed)
    stage = Stage(np.full((240, 420, 3), 0.82, np.float32))
    put(stage, rng, Posed("browntrout", 200.0, 0.0, 0.0, degrees), 0.8)
    return stage.shoot(rng).pixels, stage.owner == 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve individuals, one picture each."""
    path = tmp_path_factory.mktemp("fish")
    rows = []
    for n in range(12):
        cv2.imwrite(str(path / f"{n}.png"), picture(n)[0][..., ::-1])
        rows.append({"file": f"{n}.png", "fish": f"fish {n}", "length_mm": 200})
    (path / "labels.jsonl").write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    return path


def test_a_fish_is_cut_out_and_laid_level() -> None:
    rgb, shown = picture(1, 25.0)
    sprite = cut(rgb)
    assert sprite is not None
    assert sprite.shape[1] > 2.5 * sprite.shape[0]
    long = 200 / 0.8  # px; a cutout may be enlarged
    stout = (sprite[..., 3] > 127).sum() / sprite.shape[1] ** 2
    assert stout == pytest.approx(shown.sum() / long**2, rel=0.1)


@pytest.mark.parametrize("level", [0, 200])
def test_where_there_is_no_whole_fish_none_is_cut(level: int) -> None:
    assert cut(np.full((120, 300, 3), level, np.uint8)) is None
    rgb, shown = picture(2)
    assert cut(np.ascontiguousarray(rgb[:, : np.nonzero(shown)[1].mean().astype(int)])) is None


def test_no_individual_is_on_both_sides(folder: Path) -> None:
    names = [{skin.name for skin in read_skins(folder, side)} for side in (False, True)]
    assert all(names)
    assert not names[0] & names[1]


def test_cutouts_come_into_crops(folder: Path) -> None:
    skins = Grounds(skins=read_skins(folder, False))
    drawn, real = (np.stack([c.seen for c in crops(3, 6, 64, g)]) for g in (Grounds(), skins))
    assert not np.array_equal(drawn, real)


def test_a_folder_without_labels_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WorkshopError, match=r"labels\.jsonl"):
        read_skins(tmp_path, False)


def test_a_bent_fish_keeps_its_pixels() -> None:
    sprite = np.zeros((40, 160, 4), np.float32)
    sprite[10:30, 20:140] = 1
    bent = bowed(sprite, 0.1, 0.0)
    assert bent[..., 3].sum() == pytest.approx(sprite[..., 3].sum(), rel=0.02)
    assert np.ptp(np.nonzero(bent[..., 3] > 0.5)[0]) > 25


def test_photos_of_one_name_in_two_folders_are_two_photos(tmp_path: Path):
    """Cameras count from 1 in every folder; the last folder's took the place of the others."""
    for i, folder in enumerate(("quay", "deck")):
        (tmp_path / folder).mkdir()
        for n in range(12):
            grey = np.full((48, 64, 3), 20 * i + n, np.uint8)
            cv2.imwrite(str(tmp_path / folder / f"{n}.png"), grey)
        (tmp_path / folder / "._0.png").write_bytes(b"of a Mac")
    folders = [tmp_path / "quay", tmp_path / "deck", tmp_path / "deck"]
    sides = [read_grounds(folders, None, is_judge).photos for is_judge in (False, True)]
    seen = sorted(int(photo[0, 0, 0]) for side in sides for photo in side)
    assert seen == [*range(12), *range(20, 32)]
