"""Drawn pictures with marks: what `benchmarks.gallery` reads, of marks that were not learned."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("simpleicons", reason="pip install 'edge-tag[quantize]'")
pytest.importorskip("resvg_py", reason="pip install 'edge-tag[quantize]'")
pytest.importorskip("matplotlib", reason="pip install 'edge-tag[bench]'")

from benchmarks.drawn_logos import LEARNED, LONG, SEED, unseen, write
from benchmarks.galleries.photos import brands_of, pixels_of, read_photos
from quantize.pictures import brands


def test_what_was_learned_is_not_among_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[str] = []
    monkeypatch.setattr(brands, "look_of", lambda n, slugs: learned.extend(slugs))
    monkeypatch.setattr(brands, "view", lambda *_: np.zeros((9, 9, 3), np.uint8))
    brands.write([], LEARNED, 0, SEED, tmp_path)
    assert len(set(learned)) > 400
    assert not set(learned) & set(unseen())


def test_marks_are_where_the_labels_say(tmp_path: Path) -> None:
    photo = tmp_path / "grey.png"
    cv2.imwrite(str(photo), np.full((600, 900, 3), 128, np.uint8))
    write([[photo]], tmp_path / "out", brands=2, views=4, none=2, seed=0)
    photos = read_photos(tmp_path / "out")
    assert len(photos) == 10
    assert len(brands_of(photos)) == 2
    assert {max(pixels_of(p).shape) for p in photos} == {LONG}
    for one in photos:
        rgb = pixels_of(one).astype(int)
        level = np.median(rgb, axis=(0, 1))
        stands_out = np.abs(rgb - level).max(axis=2) > 60  # more than noise
        for x0, y0, x1, y1 in one.boxes:
            assert stands_out[y0:y1, x0:x1].any()
            stands_out[max(0, y0 - 4) : y1 + 4, max(0, x0 - 4) : x1 + 4] = False  # blurred
        assert stands_out.mean() < 0.001
