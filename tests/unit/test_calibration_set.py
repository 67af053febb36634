"""Calibration sets."""

from __future__ import annotations

import hashlib
import json

import msgspec
import numpy as np
import pytest

from edge.errors import SinkError, SourceError
from edge.pictures import calibration_set as sets
from edge.records import Frame
from tests.tiny import paint

NEW = sets.CalibrationSet(1, "shop", "test", "CC0")
TIME = "2026-01-01T00:00:00.000Z"


def frames(*levels: int):
    """Grey pictures of these levels; a negative one cannot be read."""
    for n, level in enumerate(levels):
        pixels = None if level < 0 else np.full((40, 60, 3), level, np.uint8)
        yield Frame("camera:0", n, TIME, pixels, "" if pixels is not None else "camera:0: no frame")


def test_a_set_can_be_read_back(tmp_path):
    made = sets.capture(frames(0, 50, 100), tmp_path / "set", NEW, count=9)
    assert [path.name for path in sets.read_set(tmp_path / "set")] == [
        "000000.jpg",
        "000001.jpg",
        "000002.jpg",
    ]
    assert sets.load_set(tmp_path / "set") == made
    manifest = json.loads((tmp_path / "set" / "manifest.json").read_text())
    assert (manifest["name"], manifest["made_by"], manifest["licence"]) == ("shop", "test", "CC0")
    first = manifest["pictures"][0]
    assert (first["width"], first["height"], first["time"]) == (60, 40, TIME)


def test_frames_like_the_last_one_are_left_out(tmp_path):
    made = sets.capture(frames(50, 50, 51, 90, 90, 50), tmp_path, NEW, count=9)
    assert len(made.pictures) == 3


def test_unreadable_frames_are_left_out(tmp_path):
    assert len(sets.capture(frames(-1, 10, -1, 90), tmp_path, NEW, count=9).pictures) == 2


def test_the_count_is_kept_and_no_frame_is_taken_in_vain(tmp_path):
    source = frames(*range(0, 250, 10))
    assert len(sets.capture(source, tmp_path, NEW, count=3).pictures) == 3
    assert next(source).index == 3


def test_a_set_is_continued(tmp_path):
    sets.capture(frames(0, 100), tmp_path, NEW, count=2)
    other = sets.CalibrationSet(1, "other", "test", "")
    made = sets.capture(frames(100, 200), tmp_path, other, count=5)  # 100 is there already
    assert (made.name, len(made.pictures)) == ("shop", 3)
    assert len(sets.read_set(tmp_path)) == 3


def test_a_kill_between_picture_and_manifest_leaves_a_good_set(tmp_path):
    sets.capture(frames(0, 100), tmp_path, NEW, count=2)
    (tmp_path / "000002.jpg").write_bytes(b"written, not in the manifest yet")
    (tmp_path / ".manifest.json.part").write_bytes(b"{")
    assert len(sets.read_set(tmp_path)) == 2
    assert len(sets.capture(frames(200), tmp_path, NEW, count=3).pictures) == 3
    assert len(sets.read_set(tmp_path)) == 3


@pytest.mark.parametrize("how", ["gone", "empty", "shorter", "longer", "changed"])
def test_a_damaged_picture_is_found_and_the_set_not_continued(tmp_path, how):
    sets.capture(frames(0, 100), tmp_path, NEW, count=2)
    picture = tmp_path / "000001.jpg"
    content = picture.read_bytes()
    changed = {"empty": b"", "shorter": content[:-1], "longer": content + b"x"}
    changed["changed"] = content[:-1] + b"x"
    picture.unlink() if how == "gone" else picture.write_bytes(changed[how])
    with pytest.raises(SourceError, match=r"000001\.jpg"):
        sets.read_set(tmp_path)
    with pytest.raises(SourceError, match=r"000001\.jpg"):
        sets.capture(frames(200), tmp_path, NEW, count=3)
    assert len(sets.load_set(tmp_path).pictures) == 2


def test_a_set_whose_last_picture_is_none_is_not_continued(tmp_path):
    """Its hash is right, and it is no picture: somebody wrote both."""
    last = sets.Picture("a.jpg", 1, hashlib.sha256(b"x").hexdigest(), 1, 1, TIME)
    written = msgspec.json.encode(msgspec.structs.replace(NEW, pictures=(last,)))
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "manifest.json").write_bytes(written)
    with pytest.raises(SourceError, match=r"a\.jpg: file is no picture"):
        sets.capture(frames(200), tmp_path, NEW, count=3)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[" * 200_000,
        b"{}",
        b'{"schema": 2, "name": "", "made_by": "", "licence": ""}',
        b'{"schema": 1, "name": "", "made_by": "", "licence": "", "x": 1}',
        b'{"schema": 1, "name": "", "made_by": "", "licence": "", "pictures": [{"file": "../a.jpg",'
        b' "size_bytes": 1, "sha256": "", "width": 1, "height": 1, "time": ""}]}',
        b'{"schema": 1, "name": "", "made_by": "", "licence": "", "pictures": [{"file": "a.jpg",'
        b' "size_bytes": 9223372036854775808, "sha256": "", "width": 1, "height": 1, "time": ""}]}',
        b"\xff\xfe",
    ],
    ids=["empty", "deep", "bare", "schema", "unknown", "escape", "huge", "utf-16"],
)
def test_a_manifest_that_is_not_one_is_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_bytes(text)
    with pytest.raises(SourceError, match=r"manifest\.json"):
        sets.read_set(tmp_path)


def test_a_folder_that_cannot_be_written_is_a_sink_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError):
        sets.capture(frames(0), tmp_path / "file" / "set", NEW, count=1)


def test_pictures_keep_their_colours(tmp_path):
    frame = Frame("camera:0", 0, TIME, paint("red", 40, 60))
    sets.capture([frame], tmp_path, NEW, count=1)
    from edge.pictures.pixels import decode

    (path,) = sets.read_set(tmp_path)
    assert decode(path.read_bytes(), "x")[20, 30, 0] > 240
    assert sorted(path.name for path in tmp_path.iterdir()) == ["000000.jpg", "manifest.json"]
