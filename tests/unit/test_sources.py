"""Where frames come from."""

from __future__ import annotations

import sys
import threading
import time
from collections import deque
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import SourceError, UsageError
from edge.pictures.pixels import rgb
from edge.pictures.planes import CONVERSIONS, check_planes
from edge.redact import without_secrets
from edge.sources import kind_of, open_source
from edge.sources.camera import CameraLink, check_camera, connect
from edge.sources.clips import OpenCVClip
from edge.sources.images import natural
from edge.sources.lasting import Habits, LastingSource
from edge.sources.newest import Cameras, Newest
from edge.sources.usb import found_cameras
from tests.tiny import paint


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format, *args):  # noqa: A002  # its name in the parent
        """Nothing to stderr."""


def never() -> bool:
    return False


def write_picture(path: Path, colour: str = "red") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), paint(colour)[..., ::-1])
    return path


def write_clip(path: Path, frames: int = 20) -> Path:
    """Noise, so that the file is long enough to be cut."""
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    assert out.isOpened()
    rng = np.random.default_rng(0)
    for _ in range(frames):
        out.write(rng.integers(0, 255, (48, 64, 3), np.uint8))
    out.release()
    return path


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clips") / "noise.avi")


# what the user wrote


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("camera:0", "camera"),
        ("/dev/video3", "camera"),
        ("rtsp://cam/1", "stream"),
        ("rtsps://cam/1", "stream"),
        ("http://cam/x.jpg", "stream"),
        ("HTTPS://cam/x", "stream"),
    ],
)
def test_the_form_decides_the_kind(text, kind):
    assert kind_of(text) == kind


def test_paths_are_told_apart_by_what_is_there(tmp_path, clip):
    assert kind_of(str(tmp_path)) == "several"
    assert kind_of(str(write_picture(tmp_path / "A.PNG"))) == "images"
    assert kind_of(str(clip)) == "clip"


@pytest.mark.parametrize("text", ["nowhere.jpg", "", "a\0b.jpg", "rtsp:/one-slash"])
def test_what_is_not_there_is_said(text):
    with pytest.raises(SourceError, match="no such file or folder"):
        open_source(text)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(SourceError, match=r"'\.txt', expected a picture .* or a clip"):
        open_source(str(tmp_path / "notes.txt"))


@pytest.mark.parametrize("text", ["camera:", "camera:front", "camera:-1", "/dev/videoX"])
def test_a_camera_without_a_number_is_a_wrong_argument(text):
    with pytest.raises(UsageError, match="expected camera:0"):
        open_source(text)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("rtsp://bob:secret@cam:554/live", "rtsp://cam:554/live"),
        ("rtsp://bob:sec@ret/x@cam/live", "rtsp://cam/live"),
        ("http://cam/live?token=secret#secret", "http://cam/live"),
        ("photos/a?b.jpg", "photos/a?b.jpg"),
        ("rtsp://bob:half of a secret", "rtsp://***"),  # what a # in it cut off
        ("rtsp://bob:sec?ret@", "rtsp://"),
        ("rtsp://bob:sec", "rtsp://***"),
        ("rtsp://[fe80::1]:554/live", "rtsp://[fe80::1]:554/live"),
    ],
)
def test_credentials_are_not_shown(text, shown):
    assert without_secrets(text) == shown


def test_a_stream_that_does_not_answer_says_so_without_credentials():
    pytest.importorskip("av", reason="pip install 'edge-tag[video]'")
    with pytest.raises(SourceError) as caught:
        open_source("rtsp://bob:secret@127.0.0.1:9/live?token=secret")
    assert "secret" not in str(caught.value)
    assert "bob" not in str(caught.value)
    assert str(caught.value).startswith("rtsp://127.0.0.1:9/live: ")
    assert caught.value.__cause__ is None  # the cause quotes the address


def test_an_address_of_a_clip_gives_every_frame(clip):
    pytest.importorskip("av", reason="pip install 'edge-tag[video]'")
    handler = partial(Quiet, directory=str(clip.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = open_source(f"http://bob:secret@127.0.0.1:{server.server_port}/{clip.name}")
        frames = list(source.frames())
        source.close()
        server.shutdown()
    assert not source.is_live
    assert [frame.index for frame in frames] == list(range(20))
    assert frames[0].pixels.shape == (48, 64, 3)
    assert "secret" not in frames[0].source


def test_a_stream_without_its_package_gives_the_pip_line(monkeypatch):
    for module in ("edge.sources.stream", "edge.sources.decoder"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "av", None)  # how Python says that it is not installed
    with pytest.raises(SourceError, match="rtsp://cam/1: needs the package 'av'") as caught:
        open_source("rtsp://bob:secret@cam/1")
    assert caught.value.fix == "pip install 'edge-tag[video]'"


# pictures


def test_a_folder_gives_its_pictures_in_natural_order(tmp_path):
    for name in ("10.png", "9.png", "sub/1.jpg", ".hidden.png", ".git/x.png"):
        write_picture(tmp_path / name)
    for name in ("9.tags.jpg", "9.why.jpg"):  # ours
        write_picture(tmp_path / name)
    (tmp_path / "notes.txt").write_text("hello")
    source = open_source(str(tmp_path))
    names = [str(Path(f.source).relative_to(tmp_path)) for f in source.frames()]
    assert names == ["9.png", "10.png", "sub/1.jpg"]
    assert source.count == 3


@pytest.mark.parametrize("suffix", [".jfif", ".JPE", ".dib"])
def test_other_names_of_jpeg_and_bmp_are_pictures(tmp_path, suffix):
    """What browsers, and Windows, save a picture as."""
    path = write_picture(tmp_path / "a.png").rename(tmp_path / f"a{suffix}")
    for named in (path, tmp_path, f"{tmp_path}/*"):
        [frame] = open_source(named).frames()
        assert (frame.pixels == paint("red")).all()


@pytest.mark.parametrize(
    ("name", "fix"), [("edge.toml", "--config "), ("a.edge", "--bundle "), ("a.raw", "rename it")]
)
def test_what_is_no_input_is_told_what_it_may_be(tmp_path, name, fix):
    (tmp_path / name).touch()
    with pytest.raises(SourceError, match="the suffix is") as caught:
        open_source(tmp_path / name)
    assert caught.value.fix.startswith(fix)


def test_natural_order_survives_names_of_any_kind():
    names = ["a10", "a9", "9", "a", "²", "a9b", "٣"]
    assert sorted(names, key=natural).index("a9") < sorted(names, key=natural).index("a10")


def test_a_path_is_a_name_too(tmp_path):
    path = write_picture(tmp_path / "a.png")
    assert [frame.source for frame in open_source(path).frames()] == [str(path)]


def test_a_folder_without_pictures_says_what_it_found(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "b.txt").write_text("x")
    with pytest.raises(SourceError, match=r"no picture or clip in this folder, found 2 x \.txt"):
        open_source(str(tmp_path))


def test_an_unreadable_picture_is_a_frame_with_an_error_and_the_next_one_follows(tmp_path):
    (tmp_path / "1.jpg").write_bytes(b"junk")
    (tmp_path / "2.png").symlink_to(tmp_path / "gone.png")
    write_picture(tmp_path / "3.png")
    frames = list(open_source(str(tmp_path)).frames())
    assert [frame.pixels is None for frame in frames] == [True, True, False]
    assert all(f.error.startswith(f.source) for f in frames[:2])
    assert (frames[2].pixels == paint("red")).all()


def test_a_folder_stops_when_asked(tmp_path):
    for n in range(4):
        write_picture(tmp_path / f"{n}.png")
    seen: list[str] = []
    source = open_source(str(tmp_path), is_stopped=lambda: len(seen) == 2)
    seen.extend(frame.source for frame in source.frames())
    assert len(seen) == 2


def test_the_clips_of_a_folder_come_too_and_a_damaged_one_is_told(tmp_path, clip):
    write_picture(tmp_path / "1.png")
    (tmp_path / "2.mp4").write_bytes(b"junk")
    (tmp_path / "3.avi").write_bytes(clip.read_bytes())
    source = open_source(str(tmp_path))
    told = [(Path(frame.source).name, frame.pixels is None) for frame in source.frames()]
    assert (told[:3], source.count) == ([("1.png", False), ("2.mp4", True), ("3.avi", False)], None)


# clips


def test_a_clip_gives_every_frame(clip):
    source = open_source(str(clip))
    frames = list(source.frames())
    assert source.count == 20
    assert [frame.index for frame in frames] == list(range(20))
    assert frames[0].pixels.shape == (48, 64, 3)


def test_a_clip_is_thinned_by_its_own_time(clip):
    source = open_source(str(clip), every_s=0.5)
    assert [frame.index for frame in source.frames()] == [0, 5, 10, 15]
    assert source.count == 4


@pytest.fixture(scope="module")
def planar_clip(tmp_path_factory):
    """MPEG-4, which is stored as I420: a red half and a blue one, 12 frames."""
    path = tmp_path_factory.mktemp("clips") / "halves.mp4"
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 10, (96, 64))
    assert out.isOpened()
    for _ in range(12):
        halves = np.hstack([paint("red", 64, 48), paint("blue", 64, 48)])
        out.write(np.ascontiguousarray(halves[..., ::-1]))
    out.release()
    return path


def test_a_clip_gives_planes_where_its_decoder_does(planar_clip):
    pytest.importorskip("av", reason="pip install 'edge-tag[video]'")
    before = CONVERSIONS.count
    frames = list(open_source(str(planar_clip)).frames())
    assert [frame.index for frame in frames] == list(range(12))
    assert [round(frame.at_s, 3) for frame in frames[:3]] == [0.0, 0.1, 0.2]
    assert CONVERSIONS.count == before
    for frame in frames:
        check_planes(frame.pixels)
        shown = rgb(frame.pixels).astype(int)
        assert np.abs(shown[20:40, 10:38] - (255, 0, 0)).max() < 40
        assert np.abs(shown[20:40, 58:86] - (0, 0, 255)).max() < 40


def test_a_clip_shows_the_same_without_pyav(planar_clip, monkeypatch):
    pytest.importorskip("av", reason="pip install 'edge-tag[video]'")
    through_av = list(open_source(str(planar_clip), every_s=0.3).frames())
    monkeypatch.delitem(sys.modules, "edge.sources.decoder", raising=False)
    monkeypatch.setitem(sys.modules, "av", None)  # how Python says that it is not installed
    through_opencv = list(open_source(str(planar_clip), every_s=0.3).frames())
    assert [f.index for f in through_av] == [f.index for f in through_opencv] == [0, 3, 6, 9]
    for one, other in zip(through_av, through_opencv, strict=True):
        assert isinstance(other.pixels, np.ndarray)
        off = np.abs(rgb(one.pixels).astype(int) - other.pixels)
        assert off.mean() < 4


def test_a_clip_that_has_to_be_turned_is_left_to_opencv(planar_clip, monkeypatch):
    pytest.importorskip("av", reason="pip install 'edge-tag[video]'")
    monkeypatch.setattr("edge.sources.decoder.Clip.is_upright", False)
    frames = list(open_source(str(planar_clip)).frames())
    assert all(isinstance(frame.pixels, np.ndarray) for frame in frames)
    assert len(frames) == 12


def test_opencv_before_4_13_reads_clips_and_opens_cameras(clip, monkeypatch):
    """It had no `utils.logging`: both ended in an AttributeError."""
    monkeypatch.delattr("cv2.utils.logging", raising=False)
    assert OpenCVClip(str(clip)).grab()
    monkeypatch.setattr("edge.sources.camera.the_one", lambda text: 77)
    monkeypatch.setattr("edge.sources.camera.check_camera", lambda number: None)
    with pytest.raises(SourceError, match="is there but does not open"):
        connect("camera:77")


def test_frames_of_a_clip_may_be_kept(clip):
    """Whatever memory is used again."""
    source = open_source(str(clip))
    kept = [(rgb(f.pixels).copy(), f.pixels) for f in source.frames()]
    assert len(kept) == 20
    assert all(np.array_equal(copy, rgb(pixels)) for copy, pixels in kept)


def test_a_clip_has_its_colours_in_order(tmp_path):
    out = cv2.VideoWriter(str(tmp_path / "red.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    out.write(np.ascontiguousarray(paint("red", 48, 64)[..., ::-1]))
    out.release()
    (frame,) = open_source(str(tmp_path / "red.avi")).frames()
    assert frame.pixels[..., 0].min() > 200
    assert frame.pixels[..., 2].max() < 50


def test_a_clip_cut_short_gives_its_frames_and_then_an_error(clip, tmp_path):
    cut = tmp_path / "cut.avi"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    frames = open_source(str(cut)).frames()
    assert [next(frames).index for _ in range(8)] == list(range(8))
    with pytest.raises(SourceError, match=r"ends after \d+ frames, expected 20"):
        deque(frames, maxlen=0)


def test_a_file_that_is_no_clip_is_an_error_when_read(tmp_path):
    (tmp_path / "junk.mp4").write_bytes(b"junk" * 100)
    source = open_source(str(tmp_path / "junk.mp4"))
    with pytest.raises(SourceError, match="400 bytes that FFmpeg cannot read"):
        list(source.frames())


# cameras


def camera_source(driver, every_s=0.0, is_stopped=never, timeout_s=10.0) -> LastingSource:
    """camera:9 on a driver that stays the same over reconnects."""

    def connect() -> CameraLink:
        return CameraLink("camera:9", driver)

    habits = Habits(every_s, timeout_s)
    return LastingSource("camera:9", connect, is_stopped, habits, connect())


class Driver:
    """A camera driver: gives grey levels 0, 1, 2, ...; `broken` after some of them."""

    fourcc = "MJPG"

    def __init__(self, good: int = 10**9, pause_s: float = 0.0) -> None:
        self.reads, self.good, self.pause_s, self.is_released = 0, good, pause_s, False
        self.told: list[tuple[int, float]] = []

    def read(self, image=None):
        """Into `image`, as OpenCV does where it fits."""
        time.sleep(self.pause_s)
        if self.reads >= self.good:
            return False, None
        self.reads += 1
        found = self.picture(self.reads % 256)
        if image is not None and image.shape == found.shape:
            np.copyto(image, found)
            return True, image
        return True, found

    def picture(self, level: int) -> np.ndarray:
        return np.full((2, 2, 3), level, np.uint8)

    def get(self, key: int) -> float:
        return cv2.VideoWriter.fourcc(*self.fourcc) if key == cv2.CAP_PROP_FOURCC else 0.0

    def set(self, key: int, value: float) -> bool:
        self.told.append((key, value))
        return True

    def release(self) -> None:
        self.is_released = True


def test_a_slow_reader_gets_the_newest_frame():
    driver = Driver(good=5)
    source = camera_source(driver, 0.0, never, 0.3)
    while driver.reads < 5:
        time.sleep(0.01)
    time.sleep(0.05)
    frames = source.frames()
    assert next(frames).pixels[0, 0, 0] == 5
    source.close()
    assert driver.is_released


def test_a_camera_knows_whether_another_one_waits():
    given = [threading.Event(), threading.Event()]

    def reader(n):
        def read():
            given[n].wait()
            given[n].clear()
            return np.zeros((2, 2, 3), np.uint8)

        return read

    mailboxes = [Newest(reader(n), f"camera:{n}") for n in range(2)]
    cameras = Cameras(mailboxes)
    given[0].set()
    assert cameras.waiting(never) == [0]
    assert not cameras.is_waited_for(0)
    assert cameras.is_waited_for(1)
    assert cameras.take(0) is not None
    assert not cameras.is_waited_for(1)
    for event, mailbox in zip(given, mailboxes):
        mailbox.close(0.0)
        event.set()


def test_a_camera_that_stops_delivering_says_so():
    source = camera_source(Driver(good=1), 0.0, never, 0.3)
    frames = source.frames()
    next(frames)
    assert next(frames).error.startswith("camera:9: no frame for 0.3 s")
    source.close()


def test_a_waiting_camera_ends_when_asked():
    stopping = threading.Event()
    source = camera_source(Driver(good=0), 0.0, stopping.is_set, 60)
    threading.Timer(0.2, stopping.set).start()
    assert list(source.frames()) == []
    source.close()


def test_a_reader_that_fails_passes_its_error_on():
    def read():
        raise SourceError("rtsp://cam: the stream ended")

    newest = Newest(read, "rtsp://cam")
    with pytest.raises(SourceError, match="the stream ended"):
        next(newest.frames(never))
    assert newest.close()


def test_frames_of_a_camera_are_spaced():
    source = camera_source(Driver(pause_s=0.01), 0.25, never)
    frames = source.frames()
    next(frames)
    first = time.monotonic()
    second = next(frames)
    assert time.monotonic() - first > 0.2
    assert second.index == 1
    source.close()


class PlanarDriver(Driver):
    """A driver of planes: luma counts up, colour stays; as V4L2 gives them through OpenCV."""

    def __init__(self, fourcc: str, rows: int = 6, **settings) -> None:
        super().__init__(**settings)
        self.fourcc, self.rows = fourcc, rows

    def picture(self, level: int) -> np.ndarray:
        stacked = np.zeros((self.rows, 4), np.uint8)
        stacked[:4] = level
        pairs = (100, 200) if self.fourcc == "NV12" else (100,) * 4 + (200,) * 4
        stacked[4:] = np.resize(pairs, stacked[4:].shape)
        return stacked


@pytest.mark.parametrize("fourcc", ["NV12", "YU12", "YV12"])
def test_a_camera_of_planes_is_not_converted(fourcc):
    before, driver = CONVERSIONS.count, PlanarDriver(fourcc)
    source = camera_source(driver, 0.0, never)
    pixels = next(source.frames()).pixels
    source.close()
    assert driver.told == [(cv2.CAP_PROP_CONVERT_RGB, 0)]
    check_planes(pixels)
    assert pixels.luma.shape == (4, 4)
    u, v = np.dsplit(pixels.chroma[0], 2) if fourcc == "NV12" else pixels.chroma
    assert (u.max(), v.max()) == ((200, 100) if fourcc == "YV12" else (100, 200))
    assert CONVERSIONS.count == before


def test_a_camera_of_another_format_is_left_to_opencv():
    before, driver = CONVERSIONS.count, Driver(good=1)
    source = camera_source(driver, 0.0, never)
    assert next(source.frames()).pixels.shape == (2, 2, 3)
    source.close()
    assert driver.told == []
    assert CONVERSIONS.count == before + 1


@pytest.mark.parametrize(
    "make", [Driver, lambda **s: PlanarDriver("NV12", **s)], ids=["RGB", "NV12"]
)
def test_frames_of_a_camera_lie_in_memory_used_again_and_kept_ones_stay(make):
    source = camera_source(make(pause_s=0.001), 0.0, never)
    frames, kept, places = source.frames(), [], set()
    for n in range(40):
        pixels = next(frames).pixels
        luma = pixels if isinstance(pixels, np.ndarray) else pixels.luma
        places.add(luma.ctypes.data)
        if n % 10 == 0:
            kept.append((int(luma.flat[0]), luma))
    source.close()
    assert all((luma == level).all() for level, luma in kept)
    assert len(places) <= len(kept) + 5


class OddDriver(PlanarDriver):
    """Says NV12, and gives something else; BGR once it is told to convert, where `can` it."""

    def __init__(self, can: bool) -> None:
        super().__init__("NV12", rows=5)
        self.can = can

    def picture(self, level: int) -> np.ndarray:
        converts = self.told[-1:] == [(cv2.CAP_PROP_CONVERT_RGB, 1)]
        return (
            np.full((2, 2, 3), level, np.uint8) if converts and self.can else super().picture(level)
        )


def test_a_driver_that_gives_no_planes_is_left_to_opencv():
    source = camera_source(OddDriver(can=True), 0.0, never)
    assert next(source.frames()).pixels.shape == (2, 2, 3)
    source.close()


def test_a_driver_that_gives_no_frame_at_all_is_an_error():
    source = camera_source(OddDriver(can=False), 0.0, never)
    assert "camera:9: frame is (5, 4), expected (H, W, 3)" in next(source.frames()).error
    source.close()


def test_a_frame_says_when_it_came():
    source = camera_source(Driver(pause_s=0.02), 0.0, never)
    frames = source.frames()
    first, second = next(frames), next(frames)
    source.close()
    assert 0 < second.at_s - first.at_s < 60
    assert first.at_s <= time.monotonic()


def test_a_bug_in_a_reader_is_told_and_not_waited_for():
    def read():
        raise ZeroDivisionError("ours")

    newest = Newest(read, "camera:9")
    with pytest.raises(ZeroDivisionError):
        deque(newest.frames(never), maxlen=0)
    assert newest.close()


def test_a_missing_camera_lists_what_was_found(tmp_path):
    with pytest.raises(SourceError, match=r"found no .*/video\* at all") as caught:
        check_camera(0, tmp_path, tmp_path)
    assert caught.value.fix == "plug a camera in; without one: edge-tag test://belt"
    (tmp_path / "video2").write_text("")
    (tmp_path / "video10").write_text("")
    (tmp_path / "sys" / "video2").mkdir(parents=True)
    (tmp_path / "sys" / "video2" / "name").write_text("HD Webcam\n")
    found = found_cameras(tmp_path, tmp_path / "sys")
    assert found == f"{tmp_path}/video2 (HD Webcam), {tmp_path}/video10 (no name)"
    with pytest.raises(SourceError, match="HD Webcam") as caught:
        check_camera(0, tmp_path, tmp_path / "sys")
    assert caught.value.fix == "--camera 2 or --camera 10"
    check_camera(2, tmp_path, tmp_path / "sys")


def test_a_camera_of_somebody_else_says_permission_denied(tmp_path, monkeypatch):
    (tmp_path / "video0").write_text("")
    monkeypatch.setattr("os.access", lambda *_: False)  # the tests may run as root
    with pytest.raises(SourceError, match="permission denied") as caught:
        check_camera(0, tmp_path, tmp_path)
    assert "video" in caught.value.fix
