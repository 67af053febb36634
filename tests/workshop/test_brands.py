"""Brand marks to learn from: nobody's judge among them, each class one look in many views."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("simpleicons", reason="pip install 'edge-tag[quantize]'")
pytest.importorskip("resvg_py", reason="pip install 'edge-tag[quantize]'")

from calib_data.icons import JUDGED, icon, names
from quantize.pictures import read_folder
from quantize.pictures.brands import SIDE, look_of, view, write
from quantize.pictures.samples import BRANDS
from quantize.pictures.shared import _rendered


def test_no_icon_is_of_a_brand_that_galleries_are_judged_with() -> None:
    known = names()
    assert len(known) > 1000
    for brand in ("googlechrome", "applemusic", "nike", "puma", "intel", "yahoo", "hp", *JUDGED):
        assert brand not in known


def test_an_icon_is_cut_to_its_ink() -> None:
    found = icon("python", 120)
    ink = found.ink[..., 0] > 0
    assert max(ink.shape) <= 120
    assert all(edge.any() for edge in (ink[0], ink[-1], ink[:, 0], ink[:, -1]))
    assert found.colour == (0x37, 0x76, 0xAB)


def test_a_view_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    looks = [look_of(n, ["python", "github"]) for n in range(2)]

    def seen(n: int, seed: int) -> np.ndarray:  # type: ignore[type-arg]
        return view(looks[n], [], np.random.default_rng(seed))

    again = seen(0, 1)
    assert again.shape == (SIDE, SIDE, 3)
    assert np.array_equal(again, seen(0, 1))
    assert not np.array_equal(again, seen(0, 2))
    assert not np.array_equal(again, seen(1, 1))


def test_a_set_of_marks_is_read_back_and_is_the_same_for_the_same_seed(tmp_path: Path) -> None:
    for name in ("one", "other"):
        write([], 4, 2, 3, tmp_path / name)
    one, other = (read_folder(tmp_path / name) for name in ("one", "other"))
    assert [s.file.name for s in one.samples] == [s.file.name for s in other.samples]
    assert all(
        a.file.read_bytes() == b.file.read_bytes() for a, b in zip(one.samples, other.samples)
    )
    assert {s.head for s in one.samples} == {BRANDS}
    assert len(one.lists[BRANDS].tags) == 4
    assert all(s.split == "train" for s in _rendered(tmp_path / "one"))
