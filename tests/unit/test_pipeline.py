"""Sources to sinks: what overlaps, what is not converted, who gets how much, what breaks."""

from __future__ import annotations

import threading
import time
from contextlib import closing
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest
from msgspec.structs import replace

from edge.errors import InferenceError, SinkError, SourceError
from edge.explain.picture import explained
from edge.length.plane import CameraPlane
from edge.length.ruler import Ruler
from edge.pictures import pixels
from edge.pictures.planes import CONVERSIONS
from edge.pipeline import BROKEN, run
from edge.records import Budget, Frame, FrameFailed, FrameTags, Planes
from edge.seen import View
from edge.sources import open_source
from edge.sources.newest import Newest
from edge.tagger import open_tagger
from tests.tiny import i420, nv12, paint, write_glancing

LIMIT_S = 30


@pytest.fixture(scope="module")
def tagger(tiny_bundle):
    with open_tagger(tiny_bundle) as opened:
        yield opened


class Kept:
    """A sink."""

    def __init__(self, on_write=lambda result: None) -> None:
        self.results: list[FrameTags | FrameFailed] = []
        self.on_write = on_write

    def write(self, result, picture) -> None:
        self.results.append(result)
        self.on_write(result)

    def close(self) -> None:
        pass


class Files:
    """A source of pictures; `error` at its end."""

    is_live, newest = False, None

    def __init__(self, name, pictures, error: str = "", on_read=lambda n: None) -> None:
        self.name, self.count = name, len(pictures)
        self._pictures, self._error, self._on_read = pictures, error, on_read

    def frames(self):
        for n, picture in enumerate(self._pictures):
            self._on_read(n)
            yield Frame(self.name, n, "", picture, at_s=n / 5)
        if self._error:
            raise SourceError(self._error)

    def close(self) -> None:
        pass


class Live:
    """A camera that gives the same picture whenever it is asked, `good` times."""

    is_live, count = True, None

    def __init__(self, name: str, picture, good: int = 10**9) -> None:
        self.name = name
        numbers = count()

        def read():
            if next(numbers) >= good:
                raise SourceError(f"{name}: gone")
            time.sleep(0.002)
            return picture

        self.newest = Newest(read, name)

    def close(self) -> None:
        self.newest.close()


def halves(height: int = 60, width: int = 90):
    return np.hstack([paint("red", height, width // 2), paint("blue", height, width // 2)])


def planes(height: int = 60, width: int = 90) -> Planes:
    stacked = cv2.cvtColor(halves(height, width), cv2.COLOR_RGB2YUV_I420).ravel()
    u, v = stacked[height * width :].reshape(2, height // 2, width // 2)
    return Planes(stacked[: height * width].reshape(height, width), (u, v))


def never() -> bool:
    return False


def test_files_come_in_turn_and_each_line_is_about_its_frame(tagger):
    sink = Kept()
    files = [Files("a", [paint("red")] * 2), Files("b", [halves()])]
    totals = run(files, tagger, [sink], View(), is_stopped=never)
    assert (totals.frames, totals.failed) == (3, 0)
    assert [(r.source, r.frame, r.size) for r in sink.results] == [
        ("a", 0, (12, 8)), ("a", 1, (12, 8)), ("b", 0, (90, 60)),
    ]  # fmt: skip


def test_sinks_that_come_one_by_one_are_given_every_frame(tagger):
    sink = Kept()
    run([Files("a", [paint("red")] * 2)], tagger, iter([sink]), View(), is_stopped=never)
    assert [result.frame for result in sink.results] == [0, 1]


def test_a_source_that_breaks_has_a_last_line_and_the_others_go_on(tagger):
    sink = Kept()
    files = [Files("a", [paint("red")], "a: damaged"), Files("b", [paint("red")])]
    totals = run(files, tagger, [sink], View(), is_stopped=never)
    assert (totals.frames, totals.failed) == (2, 1)
    failed = sink.results[1]
    assert (failed.source, failed.frame, failed.error) == ("a", 1, "a: damaged")


def hiccups(monkeypatch, tagger, at) -> None:
    """From now on the engine fails at those launches."""
    launches, launch = count(), tagger.launch

    def sometimes(batch):
        if next(launches) in at:
            raise InferenceError("null: running: device lost")
        return launch(batch)

    monkeypatch.setattr(tagger, "launch", sometimes)


def test_a_frame_that_the_engine_fails_at_is_a_failed_one_and_the_run_goes_on(tagger, monkeypatch):
    hiccups(monkeypatch, tagger, {1, 2, 4})
    sink = Kept()
    files = [Files("a", [paint("red")] * 6)]
    totals = run(files, tagger, [sink], View(whole=True), is_stopped=never)
    assert (totals.frames, totals.failed) == (3, 3)
    assert [r.frame for r in sink.results if isinstance(r, FrameFailed)] == [1, 2, 4]
    assert sink.results[1].error == "null: running: device lost"


def test_an_engine_that_fails_again_and_again_ends_the_run(tagger, monkeypatch):
    hiccups(monkeypatch, tagger, range(2, 1000))
    sink = Kept()
    with pytest.raises(InferenceError, match="device lost"):
        run([Files("a", [paint("red")] * 99)], tagger, [sink], View(whole=True), is_stopped=never)
    assert len(sink.results) == 2 + BROKEN  # each with its line


def test_a_frame_of_another_shape_than_the_plane_fails_alone(tagger):
    plane = CameraPlane(12, 8, (10, 10), (6, 4), (0, 0, 0, 0, 0), ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
    sink, view = Kept(), View(ruler=Ruler(plane))
    pictures = [paint("red"), paint("red", 50, 20), paint("red")]
    totals = run([Files("a", pictures)], tagger, [sink], view, is_stopped=never)
    assert (totals.frames, totals.failed) == (2, 1)
    assert "plane is for frames of 12 x 8 px" in sink.results[1].error


def test_a_camera_of_another_shape_than_the_plane_ends_no_other_one_and_is_told_once(
    tagger, caplog
):
    """A restart must not find the run refused for good, for want of one camera."""
    plane = CameraPlane(12, 8, (10, 10), (6, 4), (0, 0, 0, 0, 0), ((1, 0, 0), (0, 1, 0), (0, 0, 1)))
    sink, view = Kept(), View(ruler=Ruler(plane))
    wrong, right = Live("wrong", paint("red", 50, 20)), Live("right", paint("red"))
    with closing(wrong), closing(right):
        while not wrong.newest.is_ready:
            time.sleep(0.01)
        totals = run([wrong, right], tagger, [sink], view, is_stopped=never, max_frames=10)
    assert min(totals.frames, totals.failed) >= 3
    assert caplog.text.count("wrong: plane is for frames of 12 x 8 px") == 1


def test_the_next_frame_is_read_while_this_one_is_tagged(tagger):
    """Were it read only when it is asked for, the sink would wait without end."""
    second = threading.Event()
    files = Files("a", [paint("red")] * 3, on_read=lambda n: n == 1 and second.set())
    sink = Kept(on_write=lambda result: result.frame or second.wait(LIMIT_S))
    run([files], tagger, [sink], View(), is_stopped=never)
    assert second.is_set()
    assert len(sink.results) == 3


def test_a_number_of_frames_is_enough_and_nothing_goes_on_reading(tagger):
    read: list[int] = []
    files = Files("a", [paint("red")] * 1000, on_read=read.append)
    run([files], tagger, [Kept()], View(), is_stopped=never, max_frames=3)
    seen = len(read)
    assert seen <= 6
    time.sleep(0.3)
    assert len(read) == seen


def test_a_sink_that_fails_ends_the_run_and_the_reading(tagger):
    def full(result) -> None:
        raise SinkError("stdout: No space left on device")

    with pytest.raises(SinkError):
        run([Files("a", [paint("red")] * 9)], tagger, [Kept(full)], View(), is_stopped=never)
    assert not any(thread.name == "read" for thread in threading.enumerate())


def test_no_thread_is_left_and_none_is_made_a_frame(tagger):
    before, seen = threading.active_count(), set()
    sink = Kept(on_write=lambda result: seen.update(t.ident for t in threading.enumerate()))
    run([Files("a", [halves()] * 30)], tagger, [sink], View(), is_stopped=never)
    first = {thread.ident for thread in threading.enumerate()}
    assert len(seen | first) <= before + 2  # one reads, one prepares crops
    assert threading.active_count() <= before + 1


@pytest.mark.parametrize("kind", [i420, nv12], ids=["I420", "NV12"])
def test_of_a_frame_of_planes_nothing_but_parts_is_converted(tagger, kind):
    before, sink = CONVERSIONS.count, Kept()
    run([Files("a", [kind(planes())] * 5)], tagger, [sink], View(), is_stopped=never)
    assert CONVERSIONS.count == before
    assert {tag.tag for tag in sink.results[0].tags} >= {"red", "blue"}
    pixels.rgb(kind(planes()))
    assert CONVERSIONS.count == before + 1


def test_planes_and_rgb_of_one_picture_give_the_same_tags(tagger):
    given = []
    for picture in (planes(), pixels.rgb(planes())):
        sink = Kept()
        run([Files("a", [picture])], tagger, [sink], View(), is_stopped=never)
        given.append({(tag.head, tag.tag, tag.box) for tag in sink.results[0].tags})
    assert given[0] == given[1]


def test_a_clip_is_tagged_without_converting_a_frame(tagger, tmp_path):
    pytest.importorskip("av", reason="pip install 'edge-tag[video]'")
    path = tmp_path / "halves.mp4"
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (96, 64))
    assert out.isOpened()
    for _ in range(6):
        out.write(np.ascontiguousarray(halves(64, 96)[..., ::-1]))
    out.release()
    before, sink = CONVERSIONS.count, Kept()
    run([open_source(str(path))], tagger, [sink], View(), is_stopped=never)
    assert CONVERSIONS.count == before
    assert len(sink.results) == 6
    assert {tag.tag for tag in sink.results[0].tags} >= {"red", "blue"}


def test_time_is_the_clips_own(tagger):
    """Five frames a second, however quickly they are tagged: ages tell it."""
    sink = Kept()
    view = View(budget=Budget(max_regions=1))
    run([Files("a", [halves()] * 6)], tagger, [sink], view, is_stopped=never)
    assert [round(result.oldest_s, 3) for result in sink.results][-1] == pytest.approx(1.0)


# several cameras


def test_cameras_share_one_budget_and_each_is_served(tagger):
    served: dict[str, int] = {}
    allowed_ms: list[float] = []

    def on_write(result) -> None:
        served[result.source] = served.get(result.source, 0) + 1

    cameras = [Live(f"camera:{n}", halves()) for n in range(3)]
    view = View(budget=Budget(frame_ms=30.0))
    run(
        cameras, tagger, [Kept(on_write)], view,
        is_stopped=lambda: sum(served.values()) >= 30, max_frames=60,
        explain=lambda result, picture, seen: allowed_ms.append(seen.budget_ms),
    )  # fmt: skip
    for camera in cameras:
        camera.close()
    assert set(served) == {"camera:0", "camera:1", "camera:2"}
    assert min(served.values()) >= 5  # readers are threads: they need not keep step
    assert all(30 / 3 - 0.01 <= ms <= 30 for ms in allowed_ms)


def test_a_camera_that_breaks_says_so_once_and_the_other_goes_on(tagger):
    sink = Kept()
    cameras = [Live("camera:0", halves(), good=2), Live("camera:1", halves())]
    run(
        cameras, tagger, [sink], View(), max_frames=40,
        is_stopped=lambda: bool(sink.results) and len(sink.results) >= 40,
    )  # fmt: skip
    for camera in cameras:
        camera.close()
    failed = [result for result in sink.results if isinstance(result, FrameFailed)]
    assert [(f.source, f.error) for f in failed] == [("camera:0", "camera:0: gone")]
    assert sink.results[-1].source == "camera:1"


def test_files_and_cameras_are_tagged_side_by_side(tagger):
    sink = Kept()
    camera = Live("camera:0", halves())
    files = [camera, Files("a", [halves()] * 20), Files("b", [paint("red")], "b: damaged")]
    run(
        files, tagger, [sink], View(budget=Budget(frame_ms=30.0)), max_frames=2000,
        is_stopped=lambda: any(isinstance(result, FrameFailed) for result in sink.results),
    )  # fmt: skip
    camera.close()
    came = [(result.source, result.frame) for result in sink.results]
    of_files = [(source, frame) for source, frame in came if source != "camera:0"]
    assert of_files == [*(("a", n) for n in range(20)), ("b", 0), ("b", 1)]
    between = came[came.index(("a", 0)) : came.index(("a", 19))]
    assert any(source == "camera:0" for source, _ in between)


def test_a_run_of_a_file_and_a_camera_ends_with_both(tagger):
    sink = Kept()
    camera = Live("camera:0", halves(), good=3)
    run([camera, Files("a", [paint("red")])], tagger, [sink], View(), is_stopped=never)
    camera.close()
    assert {r.source for r in sink.results} == {"a", "camera:0"}


# why


def test_whoever_explains_is_told_of_every_frame_that_was_tagged(tagger):
    told = []
    files = Files("a", [halves(), None, halves()])
    run(
        [files], tagger, [Kept()], View(), is_stopped=never,
        explain=lambda result, picture, seen: told.append((result.frame, picture, seen)),
    )  # fmt: skip
    assert [frame for frame, _, _ in told] == [0, 2]
    for _, picture, seen in told:
        assert picture.shape == (60, 90, 3)
        assert len(seen.looks) == seen.spent.glances + seen.spent.crops
        assert all(0 <= c.item < len(seen.items) for c in seen.candidates)


def test_a_place_not_looked_at_has_no_age(tagger):
    told = []
    view = View(budget=Budget(max_regions=2))
    run(
        [Files("a", [halves()])], tagger, [Kept()], view, is_stopped=never,
        explain=lambda result, picture, seen: told.append((result, seen)),
    )  # fmt: skip
    [(result, seen)] = told
    never_seen = np.isinf(seen.ages_s)
    assert 0 < never_seen.mean() < 1
    assert 1 - never_seen.mean() == pytest.approx(result.coverage, abs=1e-3)
    assert Path(result.source).name == "a"


def test_heat_is_told_where_the_bundle_has_a_glance_and_drawn(tmp_path):
    told = []
    write_glancing(tmp_path / "b")
    with open_tagger(tmp_path / "b") as opened:
        run(
            [Files("a", [halves()])], opened, [Kept()], View(), is_stopped=never,
            explain=lambda *given: told.append(given),
        )  # fmt: skip
    [(result, picture, seen)] = told
    assert seen.heat is not None
    with_heat, without = (
        explained(picture, result, each) for each in (seen, replace(seen, heat=None))
    )
    assert with_heat.shape == without.shape
    assert (with_heat != without).any()
