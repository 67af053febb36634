"""Where results go."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from edge.errors import SinkError
from edge.explain.lettering import AREA, Pen, annotate, free_place
from edge.health import usage
from edge.pictures.regions import shared_px
from edge.pictures.stems import stem_of
from edge.records import FrameFailed, FrameTags, Spent, Tag
from edge.seen import Seen
from edge.sinks.explained import ExplainedPictures
from edge.sinks.jsonl import JsonlSink
from edge.sinks.pictures import PicturesSink
from edge.sinks.steady import SteadySink
from edge.sinks.table import TableSink
from edge.spelling import counted
from tests.happenings import Usage
from tests.tiny import paint

FAILED = FrameFailed(
    1, "bad.jpg", 0, "2026-01-01T00:00:00.000Z", "bad.jpg: file is empty", "copy it again"
)


def result(source: str = "a.jpg", frame: int = 0, tags: tuple[Tag, ...] = ()) -> FrameTags:
    spent = Spent(12.5, 10.0, 1, 3)
    time = "2026-01-01T00:00:00.000Z"
    return FrameTags(
        1, source, frame, time, (60, 40), tags, spent, 1.0, 0.5, {"aged": 2}, "b@1", "null/CPU"
    )


WHOLE = Tag("tags", "outdoor", None, 0.75, (0, 0, 60, 40))
PART = Tag("grocery", "Granny-Smith", "Apple", 0.93, (5, 6, 25, 36))


class Refusing(io.BytesIO):
    """A stream on a full disk, or without a reader."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error

    def write(self, _):
        raise self.error


FULL = OSError(28, "No space left on device")


def test_json_is_one_line_a_frame():
    out = io.BytesIO()
    sink = JsonlSink(out, "stdout")
    sink.write(result(tags=(PART,)), None)
    sink.write(FAILED, None)
    first, second = (json.loads(line) for line in out.getvalue().splitlines())
    assert first["tags"] == [
        {
            "head": "grocery", "tag": "Granny-Smith", "group": "Apple", "score": 0.93,
            "box": [5, 6, 25, 36], "track": None, "looks": 1, "age_s": 0.0, "state": "open",
            "level": "tag",
        }
    ]  # fmt: skip
    assert second["error"] == "bad.jpg: file is empty"


@pytest.mark.parametrize("make", [JsonlSink, lambda o, n: TableSink(o, n, is_compact=False)])
def test_a_full_disk_is_a_sink_error(make):
    with pytest.raises(SinkError, match="stdout: No space left on device") as caught:
        make(Refusing(FULL), "stdout").write(result(), None)
    assert "make room" in caught.value.fix


@pytest.mark.parametrize("make", [JsonlSink, lambda o, n: TableSink(o, n, is_compact=False)])
def test_a_reader_that_left_is_told_apart(make):
    with pytest.raises(BrokenPipeError):
        make(Refusing(BrokenPipeError()), "stdout").write(result(), None)


def table(*results: FrameTags | FrameFailed, **settings) -> list[str]:
    out = io.BytesIO()
    sink = TableSink(out, "stdout", **{"is_compact": False} | settings)
    for one in results:
        sink.write(one, None)
    sink.close()
    return out.getvalue().decode(settings.get("encoding", "utf-8")).splitlines()


def test_a_table_has_a_row_a_tag_and_the_time_spent():
    lines = table(result(tags=(PART, WHOLE)), FAILED, on_close="tags drawn on: out", next_step="n")
    assert lines[0].split() == ["file", "where", "head", "tag", "about", "score"]
    row = "a.jpg 5,6 20x30 grocery Granny-Smith Apple █████████░ 93%"
    assert lines[1].split() == row.split()
    assert lines[2].split()[:3] == ["whole", "tags", "outdoor"]
    assert lines[3] == "bad.jpg  error: bad.jpg: file is empty (fix: copy it again)"
    assert lines[5] == "frames: 1, 1 failed, 4 looks, 0.01 s, 80% of it in the engine"
    assert lines[6:] == ["tags drawn on: out"]  # and no next step: one failed
    assert table(FAILED, on_close="tags drawn on: out", next_step="n")[-1].startswith("frames: 0")
    assert table(result(tags=(WHOLE,)), next_step="next: edge-tag --camera 0")[-1].startswith(
        "next"
    )


def test_one_is_no_plural():
    assert [counted(n, "look") for n in (0, 1, 2)] == ["0 looks", "1 look", "2 looks"]


def test_columns_line_up():
    lines = table(result(tags=(PART, WHOLE)))
    assert len({line.index(word) for line, word in zip(lines, ("head", "grocery", "tags"))}) == 1


def test_a_frame_without_tags_says_so():
    assert "no tag above its threshold" in "\n".join(table(result())).replace("…", "no tag ab")


def test_nothing_found_and_nothing_looked_for_are_told_apart():
    lines = table(replace(result(), coverage=0.25), replace(result(), shed={}))
    assert ["2 looks left out" in line for line in lines[1:3]] == [True, False]
    assert lines[-1].endswith("in the engine; coverage 62%")
    lines = table(replace(result(), coverage=0.25), is_compact=True)
    assert lines[0] == "a.jpg  12 ms  no tag, 2 looks left out"


def test_many_frames_take_one_line_each():
    lines = table(result(frame=7, tags=(PART, WHOLE)), is_compact=True)
    assert lines[0] == "a.jpg #7  12 ms  Granny-Smith 93%, outdoor 75%"


def test_frames_of_a_clip_take_one_line_each():
    assert table(result("c.mp4", 7, (PART, WHOLE)))[0].startswith("c.mp4 #7  12 ms  Granny-Smith")


def test_names_cannot_move_the_cursor():
    evil = Tag("tags", "\x1b[2Jowned", None, 0.5, (0, 0, 60, 40))
    assert "\x1b" not in "\n".join(table(result("\x1b]0;x\x07.jpg", tags=(evil,))))


def test_a_terminal_without_blocks_gets_plain_bars():
    assert "#########." in "\n".join(table(result(tags=(PART,)), encoding="ascii"))


# pictures


def test_heads_have_the_same_colours_in_every_run(tmp_path):
    for name, tags in (("a", (PART, WHOLE)), ("b", (WHOLE, PART))):
        sink = PicturesSink(tmp_path / name, ["grocery", "tags"])
        sink.write(result(tags=tags), paint("black", 40, 60))
    drawn = [cv2.imread(str(tmp_path / name / "a.tags.jpg")).mean((0, 1)) for name in "ab"]
    assert np.allclose(*drawn, atol=0.5)


def test_an_annotated_picture_shows_boxes_and_a_caption(tmp_path):
    pixels = paint("black", 400, 600)
    box = Tag("grocery", "Granny-Smith", None, 0.9, (50, 60, 250, 360))
    whole = Tag("tags", "outdoor", None, 0.75, (0, 0, 600, 400))
    drawn = annotate(pixels, [box, whole], {})
    assert drawn.shape[0] > 400
    assert drawn.shape[1] == 600
    assert drawn[200, 50].any()  # an edge of the box
    assert not drawn[390, 590].any()  # nothing elsewhere
    assert not pixels.any()  # the frame itself is as it was
    assert not (drawn[400:] == drawn[400, 599]).all()  # the caption is written


def test_what_was_measured_is_drawn_around():
    corners = ((20, 50), (60, 30), (80, 50), (60, 70))
    tag = Tag("length", "fish", None, 0.9, (10, 10, 90, 90))
    plain, drawn = (annotate(paint("black", 100, 100), [t], {})
                    for t in (tag, replace(tag, outline=corners)))  # fmt: skip
    changed = (plain != drawn).any(2)
    zoom = len(drawn) / 100
    left, middle = (slice(round(a * zoom), round(b * zoom)) for a, b in ((17, 25), (45, 55)))
    assert changed[middle, left].any()
    assert not changed[middle, middle].any()


def test_heads_differ_in_colour():
    colours: dict[str, tuple[int, int, int]] = {}
    annotate(paint("black", 90, 90), [WHOLE, PART], colours)
    assert len(set(colours.values())) == len(colours) == 2


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (9000, 20)], ids=str)
def test_odd_sizes_can_be_drawn_on(size):
    tags = [
        Tag("a", "b", None, 0.5, (0, 0, size[1], size[0])),
        Tag("a", "c", None, 0.5, (0, 0, 1, 1)),
    ]
    drawn = annotate(paint("red", *size), tags, {})
    assert drawn.shape[1] >= 480
    assert max(drawn.shape) < 10_000


def test_labels_do_not_cover_one_another():
    pen, taken = Pen(600), []
    label = pen.label("Granny-Smith 93%", (200, 30, 45))
    while (at := free_place(label, (100, 100, 300, 300), taken, 600, 400)) is not None:
        box = (*at, at[0] + label.width, at[1] + label.height)
        assert not any(shared_px(box, other) for other in taken)
        assert box[2] <= 600
        taken.append(box)
    assert len(taken) > 10


def test_pictures_are_named_after_their_source(tmp_path):
    sink = PicturesSink(tmp_path / "new" / "out")
    for source, frame in [
        ("x/a.jpg", 0),
        ("y/a.png", 0),
        ("a-2.jpg", 0),
        ("c.mp4", 12),
        ("camera:0", 3),
    ]:
        sink.write(result(source, frame, (WHOLE,)), paint("red", 40, 60))
    sink.write(FAILED, None)
    assert sorted(p.name for p in (tmp_path / "new" / "out").iterdir()) == [
        "a-2-2.tags.jpg",
        "a-2.tags.jpg",
        "a.tags.jpg",
        "c.000012.tags.jpg",
        "camera-0.000003.tags.jpg",
    ]
    drawn = cv2.imread(str(tmp_path / "new" / "out" / "a.tags.jpg"))
    assert drawn[5, 200, 2] > 200  # red stays red


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("a/b.c.jpg", "b.c"),
        ("till.1", "till.1"),  # a camera: its name has no suffix
        ("rtsp://cam/live.sdp", "cam-live.sdp"),
        ("rtsp://cam:554/live/1", "cam-554-live-1"),
        ("...jpg", "frame"),
        ("äpfel 1.jpg", "äpfel-1"),
        ("x" * 300 + ".jpg", "x" * 100),
        ("鱼" * 100 + ".jpg", "鱼" * 66),  # 100 of them no file system takes
        ("\udcff1.jpg", "1"),
    ],
)
def test_a_stem_is_a_safe_file_name(source, stem):
    assert stem_of(source) == stem


def test_a_folder_that_cannot_be_made_is_a_sink_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="file"):
        PicturesSink(tmp_path / "file" / "out")


def test_a_picture_that_cannot_be_written_leaves_nothing_behind(tmp_path):
    sink = PicturesSink(tmp_path)
    (tmp_path / "a.tags.jpg").mkdir()  # in the way
    with pytest.raises(SinkError, match=r"a\.tags\.jpg"):
        sink.write(result(tags=(WHOLE,)), np.zeros((40, 60, 3), np.uint8))
    assert [path.name for path in tmp_path.iterdir()] == ["a.tags.jpg"]


# why


def seen() -> Seen:
    return Seen((), Spent(1.0, 1.0, 1, 0), 1.0, 0.0, (), (), None, None)


class Ticks:
    """A clock that somebody else moves."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_zones_are_drawn_with_their_names_where_no_label_of_a_thing_covers_them():
    areas = [("till", [(0.1, 0.1), (0.9, 0.1), (0.9, 0.9), (0.1, 0.9)])]
    plain, drawn = (annotate(paint("black", 500, 600), [], {}, one) for one in ([], areas))
    assert not plain.any()
    line, middle = drawn[240:260, 50:70], drawn[230:270, 260:340]
    assert abs(line.reshape(-1, 3).max(axis=0) - AREA).max() < 30  # it is soft at its edges
    assert (middle > 200).any()
    assert not drawn[100:200, 100:500].any()  # the rest is as it was
    over = replace(PART, box=(250, 235, 350, 270))
    assert (annotate(paint("black", 500, 600), [over], {}, areas)[230:270, 275:325] > 200).any()


def test_why_is_told_in_a_picture_a_frame(tmp_path):
    sink = ExplainedPictures(tmp_path / "new" / "why", keep=9)
    for source, frame in [("x/a.jpg", 0), ("y/a.png", 0), ("c.mp4", 12), ("camera:0", 3)]:
        sink.write(result(source, frame, (PART,)), paint("red", 40, 60), seen())
    sink.close()
    assert names_in(tmp_path / "new" / "why") == [
        "a-2.why.jpg", "a.why.jpg", "c.000012.why.jpg", "camera-0.000003.why.jpg",
    ]  # fmt: skip
    assert cv2.imread(str(tmp_path / "new" / "why" / "a.why.jpg")).shape[1] > 1280
    assert (sink.removed, sink.left_out) == (0, 0)


def test_a_folder_of_reasons_never_holds_more_than_it_may(tmp_path, caplog):
    """Those of earlier runs count, the oldest go first, and nobody else's file is touched."""
    (tmp_path / "notes.txt").write_text("mine")
    for age_s, name in ((50, "old.why.jpg"), (90, "older.why.jpg")):
        (tmp_path / name).write_bytes(b"x")
        os.utime(tmp_path / name, (1e9 - age_s, 1e9 - age_s))
    (tmp_path / ".a.why.jpg.part").touch()  # a power cut
    sink = ExplainedPictures(tmp_path, keep=3)
    assert not list(tmp_path.glob(".*"))
    left = []
    for frame in range(4):
        sink.write(result("c.mp4", frame), paint("red", 40, 60), seen())
        left.append([name for name in names_in(tmp_path) if name.endswith(".why.jpg")])
    assert left[0] == ["c.000000.why.jpg", "old.why.jpg", "older.why.jpg"]
    assert left[1] == ["c.000000.why.jpg", "c.000001.why.jpg", "old.why.jpg"]
    assert left[3] == ["c.000001.why.jpg", "c.000002.why.jpg", "c.000003.why.jpg"]
    assert (tmp_path / "notes.txt").read_text() == "mine"
    with caplog.at_level("WARNING", "edge"):
        sink.close()
    assert sink.removed == 3
    assert "the 3 oldest pictures were removed, 3 are kept" in caplog.text


def test_a_frame_told_again_is_no_second_picture(tmp_path):
    sink = ExplainedPictures(tmp_path, keep=2)
    for source in ("a.jpg", "b.jpg", "a.jpg", "a.jpg"):
        sink.write(result(source), paint("red", 40, 60), seen())
    assert names_in(tmp_path) == ["a.why.jpg", "b.why.jpg"]
    assert sink.removed == 0


def test_reasons_are_spaced_for_each_camera_and_pictures_are_all_told(tmp_path):
    clock = Ticks()
    sink = ExplainedPictures(tmp_path, keep=99, every_s=10.0, clock=clock)
    for frame in range(7):
        clock.now_s = frame * 4.0
        for source in ("camera:0", "camera:1", f"{frame}.jpg"):
            sink.write(result(source, frame), paint("red", 40, 60), seen())
    cameras = [name for name in names_in(tmp_path) if name.startswith("camera")]
    assert cameras == [f"camera-{n}.{frame:06d}.why.jpg" for n in (0, 1) for frame in (0, 3, 6)]
    assert len(names_in(tmp_path)) == 6 + 7
    assert sink.left_out == 8


def test_a_reason_that_cannot_be_written_is_a_sink_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SinkError, match="file"):
        ExplainedPictures(tmp_path / "file" / "why", keep=9)
    sink = ExplainedPictures(tmp_path, keep=9)
    (tmp_path / "a.why.jpg").mkdir()  # in the way
    with pytest.raises(SinkError, match=r"a\.why\.jpg"):
        sink.write(result(), paint("red", 40, 60), seen())
    assert names_in(tmp_path) == ["a.why.jpg", "file"]


def test_pictures_of_a_camera_leave_a_disk_to_the_events(tmp_path, monkeypatch, caplog):
    free = [9 << 20]  # of 100 MB
    monkeypatch.setattr(usage.shutil, "disk_usage", lambda _: Usage(100 << 20, 0, free[0]))
    why = ExplainedPictures(tmp_path, keep=9, is_steady=True)
    tags = SteadySink(PicturesSink(tmp_path, leaves_room=True), "tags")
    for frame in range(3):
        why.write(result("camera:0", frame), paint("red", 40, 60), seen())
        tags.write(result("camera:0", frame), paint("red", 40, 60))
    assert names_in(tmp_path) == []
    assert caplog.text.count("less than 10 MB free, which are for events") == 2
    PicturesSink(tmp_path).write(result("a.jpg"), paint("red", 40, 60))  # no camera's: as asked
    free[0] = 11 << 20
    why.write(result("camera:0", 3), paint("red", 40, 60), seen())
    tags.write(result("camera:0", 3), paint("red", 40, 60))
    assert names_in(tmp_path) == [
        "a.tags.jpg", "camera-0.000003.tags.jpg", "camera-0.000003.why.jpg",
    ]  # fmt: skip


def test_an_old_reason_that_cannot_be_removed_is_a_sink_error(tmp_path):
    (tmp_path / "a.why.jpg" / "in it").mkdir(parents=True)
    sink = ExplainedPictures(tmp_path, keep=1)
    with pytest.raises(SinkError, match=r"a\.why\.jpg"):
        sink.write(result("b.jpg"), paint("red", 40, 60), seen())
