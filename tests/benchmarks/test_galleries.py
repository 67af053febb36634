"""Galleries of one tagger, as `benchmarks.gallery` makes many of them."""

from __future__ import annotations

from pathlib import Path

import cv2

from benchmarks.galleries.photos import Galleries, Photo
from edge.tagger import open_tagger
from tests.tiny import paint


def test_an_example_and_the_sheet_are_embedded_once(
    tmp_path: Path, tiny_bundle: Path, monkeypatch
) -> None:
    photos = []
    for colour in ("red", "green", "blue"):
        file = tmp_path / f"{colour}.png"
        cv2.imwrite(str(file), paint(colour, 40, 40))
        photos.append(Photo(file, colour, ((4, 4, 36, 36),)))
    with open_tagger(tiny_bundle, "null") as tagger:
        looks, look = [], tagger.look
        monkeypatch.setattr(tagger, "look", lambda *words: looks.append(1) or look(*words))
        galleries = Galleries(tagger, photos)
        first = galleries.of([0, 1])
        count = len(looks)
        assert galleries.of([1, 0]).names == first.names
        assert len(looks) == count
        galleries.of([0, 1, 2])
        assert 0 < len(looks) - count < count / 10
