"""Cameras that break, with real parts: what is said, what is counted, and that frames come again.

Pauses between tries are short here; that they grow and are capped is in tests/unit/test_lasting.py.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.errors import SourceError
from edge.pictures import pixels
from edge.sources import open_source, pacing, stream
from edge.sources.commands import Shape
from edge.sources.piped import PipedLink
from tests.brokers import free_port, until
from tests.cameras import (
    BALL,
    HttpCamera,
    Looking,
    RtspCamera,
    silent_server,
    why_no_gstreamer,
    why_no_rtsp_server,
)

pytest.importorskip("av", reason="pip install 'edge-tag[video]'")
import av

from edge.sources.decoder import Frames

ROOT = Path(__file__).parents[2]
SECRET = "canary-0123456789abcdef"

with_rtsp = pytest.mark.skipif(bool(why_no_rtsp_server()), reason=why_no_rtsp_server() or "-")
with_gst = pytest.mark.skipif(bool(why_no_gstreamer()), reason=why_no_gstreamer() or "-")


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Short pauses: a minute after a refused password is too long for a test."""
    monkeypatch.setattr(pacing, "LOCKED_S", 0.2)
    monkeypatch.setattr(pacing.Pacing.__init__, "__defaults__", (0.05, 0.5, 5.0, None))


@pytest.fixture
def camera():
    made = RtspCamera()
    yield made.start()
    made.stop()


@contextmanager
def looking(text: str, *, is_patient: bool = False) -> Iterator[Looking]:
    look = Looking(open_source(text, is_patient=is_patient))
    with closing(look):
        yield look


# RTSP


@with_rtsp
def test_a_camera_that_is_killed_and_comes_back(camera):
    with looking(camera.url) as look:
        look.wait_for_more()
        camera.stop()
        look.wait_for("tried again until it is back")
        camera.start()
        look.wait_for_more()
        assert look.reconnects == 1
        assert set(look.counts()) - {"corrupt"} == {"lost"}  # the kill may tear a frame
        assert len(look.errors) == 1  # many tries, one word


@with_rtsp
def test_a_camera_that_hangs_in_the_middle(camera):
    with looking(camera.url + "#timeout=2", is_patient=True) as look:  # a busy machine is no fault
        look.wait_for_more()
        before = look.counts().get("timeout", 0)
        camera.hang()
        until(lambda: look.counts().get("timeout", 0) > before)
        look.wait_for("no answer in time")
        camera.stop()
        camera.start()
        look.wait_for_more()


@with_rtsp
def test_a_camera_that_comes_back_with_another_size(camera):
    with looking(camera.url) as look:
        look.wait_for_more()
        camera.stop()
        camera.source = BALL.replace("width=320", "width=640").replace("height=240", "height=480")
        camera.start()
        look.wait_for_more()
        assert pixels.size(look.good[0].pixels) == (320, 240)
        assert pixels.size(look.good[-1].pixels) == (640, 480)
        assert look.counts()["resized"] == 1


@with_rtsp
def test_a_camera_that_freezes_is_left_out_and_opened_again():
    still = RtspCamera(BALL.replace("ball", "black"))
    still.start()
    with looking(still.url + "#frozen=1") as look:
        look.wait_for("the same picture for")
        before = len(look.good)
        until(lambda: look.counts()["frozen"] >= 2)  # opened again, and as still as before
        assert len(look.good) == before
        still.stop()
        still.source = BALL
        still.start()
        look.wait_for_more()
    still.stop()


@pytest.mark.slow
@with_rtsp
def test_a_slow_camera_is_waited_for_as_long_as_it_was_told(camera):
    camera.stop()
    camera.source = BALL.replace("15/1", "1/1")
    camera.start()
    with looking(camera.url + "#timeout=6") as look:
        look.wait_for_more(1)
        assert look.errors == []


@with_rtsp
def test_a_wrong_password_is_said_once_and_shown_nowhere(tmp_path, caplog):
    guarded = RtspCamera(user="shop", password=SECRET)
    guarded.start()
    file = tmp_path / "password"
    file.write_text("wrong-" + SECRET)
    with looking(f"{guarded.url}#user=shop,password-file={file}", is_patient=True) as look:
        look.wait_for("user or password is refused")
        until(lambda: look.counts()["refused"] >= 3)
        assert len(look.errors) == 1
    with pytest.raises(SourceError, match="refused") as caught:
        open_source(guarded.url.replace("//", f"//shop:wrong-{SECRET}@"))
    file.write_text(SECRET)
    with looking(f"{guarded.url}#user=shop,password-file={file}") as good:
        good.wait_for_more()
        shown = [look.source.name, *look.errors, str(caught.value), caplog.text]
        shown += [good.source.name, repr(good.source), *(frame.source for frame in good.frames)]
    guarded.stop()
    assert SECRET not in "\n".join(shown)
    assert caught.value.__cause__ is None  # the cause quotes the address


@with_rtsp
def test_over_udp(camera):
    with looking(camera.url + "#transport=udp") as look:
        look.wait_for_more()


@with_rtsp
def test_a_camera_that_is_not_there_yet_is_waited_for():
    late = RtspCamera()
    with pytest.raises(SourceError, match="refused"):
        open_source(late.url)
    with looking(late.url, is_patient=True) as look:
        look.wait_for("Connection refused")
        late.start()
        look.wait_for_more()
    late.stop()


# what answers is no camera


def test_one_that_accepts_and_is_silent_is_no_answer_in_time():
    with silent_server() as port:
        with pytest.raises(SourceError, match="no answer in time"):
            open_source(f"rtsp://127.0.0.1:{port}/live#timeout=0.5")
        with looking(f"rtsp://127.0.0.1:{port}/live#timeout=0.5", is_patient=True) as look:
            until(lambda: look.counts().get("timeout", 0) >= 2)
            assert len(look.errors) == 1


def rubbish() -> Iterator[bytes]:
    rng = random.Random(0)
    for _ in range(200):
        yield rng.randbytes(4096)


def test_one_that_breaks_off_is_not_told_to_have_a_wrong_password(monkeypatch):
    class Torn:
        def __init__(self, container):
            pass

        def next(self):
            raise av.error.OSError(5, "Input/output error", "http://user:secret@cam/")

    monkeypatch.setattr(stream, "Frames", Torn)
    with pytest.raises(SourceError, match="till: the stream broke off: Input/output") as caught:
        stream.StreamLink("till", None).read()
    assert caught.value.fix == "is the camera still switched on?"


def test_one_that_sends_rubbish_is_no_camera():
    noise = HttpCamera("video/mp2t", rubbish)
    with pytest.raises(SourceError, match="Invalid data"):
        open_source(noise.url)
    with looking(noise.url, is_patient=True) as look:
        until(lambda: look.counts().get("lost", 0) >= 2)
        assert look.good == []
        assert len(look.errors) == 1
    noise.stop()


def jpegs() -> Iterator[bytes]:
    """A picture that moves, every third of them cut short."""
    wall = cv2.GaussianBlur(
        np.random.default_rng(0).integers(0, 255, (96, 128, 3), np.uint8), (0, 0), 3
    )
    for n in range(10_000):
        data = cv2.imencode(".jpg", np.roll(wall, n, 1))[1].tobytes()
        data = data[: len(data) // 2] if n % 3 == 2 else data
        head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        yield head.encode() + data + b"\r\n"
        time.sleep(0.02)


def test_jpegs_cut_short_are_left_out_before_anything_sees_them():
    mjpeg = HttpCamera("multipart/x-mixed-replace; boundary=part", jpegs)
    with looking(mjpeg.url) as look:
        look.wait_for_more(10)
        until(lambda: look.counts().get("corrupt", 0) >= 5)
        for frame in look.good:
            shown = pixels.rgb(frame.pixels).astype(int)
            assert np.abs(shown[-8:].mean() - shown[:8].mean()) < 60  # no green, no grey band
            assert shown[-8:].std() > 5
        assert look.errors == []
    mjpeg.stop()


class Photo:
    """A camera that has one picture at an address, and renews it; every fourth is cut short."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> Iterator[bytes]:
        rng = np.random.default_rng(self.asked)
        data = cv2.imencode(".jpg", rng.integers(0, 255, (96, 128, 3), np.uint8))[1].tobytes()
        self.asked += 1
        yield data[: len(data) // 2] if self.asked % 4 == 0 else data


def test_a_picture_that_a_camera_renews_is_fetched_again_and_again():
    photo = Photo()
    served = HttpCamera("image/jpeg", photo)
    source = open_source(served.url, every_s=0.05)
    with closing(Looking(source)) as look:
        look.wait_for_more(6)
        until(lambda: look.counts().get("corrupt", 0) >= 2)
        assert look.errors == []
        served.stop()
        until(lambda: look.counts().get("lost", 0) >= 1)
    assert len({frame.pixels.tobytes() for frame in look.good}) == len(look.good)


def test_a_picture_at_an_address_without_a_pace_is_looked_at_once():
    served = HttpCamera("image/jpeg", Photo())
    with closing(open_source(served.url)) as source:
        assert not source.is_live
        assert [frame.pixels.shape for frame in source.frames()] == [(96, 128, 3)]
    served.stop()


def sizes() -> Iterator[bytes]:
    """A camera that is turned on its side in the midst of it, without a word."""
    for n in range(10_000):
        size = (96, 128, 3) if n < 20 else (128, 96, 3)
        data = cv2.imencode(".jpg", np.random.default_rng(n).integers(0, 255, size, np.uint8))[1]
        head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        yield head.encode() + data.tobytes() + b"\r\n"
        time.sleep(0.02)


def test_a_stream_that_changes_its_size_goes_on_and_is_counted():
    mjpeg = HttpCamera("multipart/x-mixed-replace; boundary=part", sizes)
    with looking(mjpeg.url) as look:
        until(lambda: look.counts().get("resized", 0) == 1)
        look.wait_for_more(3)
        assert {pixels.size(frame.pixels) for frame in look.good} == {(128, 96), (96, 128)}
        assert look.errors == []
    mjpeg.stop()


def huge() -> Iterator[bytes]:
    """Good pictures, and then one of 2 MB that takes 1 GB once it is decoded."""
    for shape in [(96, 128, 3)] * 5 + [(12_000, 12_000, 3)] * 1000:
        data = cv2.imencode(".jpg", np.zeros(shape, np.uint8))[1].tobytes()
        head = f"--part\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
        yield head.encode() + data + b"\r\n"
        time.sleep(0.02)


def test_a_camera_that_sends_huge_pictures_does_not_end_the_others():
    """systemd ends the service at 1 GB, and with it every camera."""
    mjpeg = HttpCamera("multipart/x-mixed-replace; boundary=part", huge)
    with looking(mjpeg.url) as look:
        until(lambda: look.counts().get("corrupt", 0) + look.counts().get("lost", 0) >= 1)
        assert {pixels.size(frame.pixels) for frame in look.good} <= {(128, 96)}
    mjpeg.stop()


def test_a_stream_of_huge_pictures_says_how_large_they_may_be():
    data = h264(1, 12_000)
    served = HttpCamera("video/mp2t", lambda: iter([data]))
    with pytest.raises(SourceError, match="12000 x 12000 px, expected at most 67,108,864"):
        open_source(served.url)
    served.stop()


def h264(frames: int = 600, side: int = 0) -> bytes:
    """MPEG-TS, a key frame each second: a wall that moves."""
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts") as out:
        stream = out.add_stream("libx264", rate=15)
        stream.width, stream.height, stream.pix_fmt = side or 160, side or 128, "yuv420p"
        stream.options = {"tune": "zerolatency", "g": "15", "preset": "ultrafast"}
        wall = cv2.GaussianBlur(
            np.random.default_rng(0).integers(0, 255, (128, 160, 3), np.uint8), (0, 0), 3
        )
        for n in range(frames):
            picture = np.ascontiguousarray(np.roll(wall, n * 2, 1))
            out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        out.mux(stream.encode())
    return file.getvalue()


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_many_reconnects_leave_nothing_open():
    short = HttpCamera(
        "multipart/x-mixed-replace; boundary=part", lambda: islice(jpegs(), 2)
    )  # and it hangs up
    with looking(short.url) as look:
        until(lambda: look.reconnects >= 3)
        before = open_files(), threading.active_count()
        until(lambda: look.reconnects >= 9)
        after = open_files(), threading.active_count()
    short.stop()
    assert max(a - b for a, b in zip(after, before, strict=True)) <= 4  # one may just be opening


def flipped(data: bytes, bits: int, seed: int) -> bytes:
    """Past its head."""
    hurt, rng = bytearray(data), random.Random(seed)
    for _ in range(bits):
        hurt[rng.randrange(len(hurt) // 8, len(hurt))] ^= 1 << rng.randrange(8)
    return bytes(hurt)


def decoded(data: bytes) -> Iterator[tuple[int, np.ndarray, bool]]:
    """When, what, and is it torn?"""
    with av.open(io.BytesIO(data)) as container:
        frames = Frames(container)
        while True:
            try:
                frame = frames.next()
            except ValueError:
                continue
            if frame is None:
                return
            yield frame.pts, frame.to_ndarray(format="gray").astype(int), frames.is_torn


def test_what_shows_flipped_bits_is_left_out_and_the_rest_is_not():
    data = h264(300)
    clean = {pts: grey for pts, grey, _ in decoded(data)}
    assert not any(is_torn for _, _, is_torn in decoded(data))
    given = wrong = wrong_given = 0
    for pts, grey, is_torn in decoded(flipped(data, 30, seed=0)):
        is_wrong = pts in clean and np.abs(grey - clean[pts]).mean() > 1
        wrong += is_wrong
        given += not is_torn
        wrong_given += is_wrong and not is_torn
    assert given > 100
    assert wrong > 20
    assert wrong_given <= wrong / 10


def test_h264_with_flipped_bits_loses_frames_and_goes_on():
    data = flipped(h264(), 60, seed=1)

    def body() -> Iterator[bytes]:
        for at in range(0, len(data), 4096):
            yield data[at : at + 4096]
            time.sleep(0.01)

    hurt = HttpCamera("video/mp2t", body)
    with looking(hurt.url) as look:
        until(lambda: look.counts().get("corrupt", 0) >= 10)
        look.wait_for_more()
    hurt.stop()


# a daemon

patiently = partial(until, limit_s=90.0)  # its pauses grow as they do for everybody


class Daemon:
    """edge-tag in a process of its own; its lines and its pages."""

    def __init__(self, folder: Path, *words: object) -> None:
        self.port, self._folder = free_port(), folder
        with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edge", "--json", "--health", f"127.0.0.1:{self.port}",
                 *map(str, words)],
                cwd=ROOT, stdout=out, stderr=err,
            )  # fmt: skip

    def page(self, path: str) -> str:
        """Empty where it does not answer yet."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as page:
                return page.read().decode()
        except urllib.error.HTTPError as e:
            with e:
                return e.read().decode()
        except OSError:
            return ""

    def lines(self, source: str) -> list[dict[str, object]]:
        whole = self.said("out").splitlines(keepends=True)
        found = [json.loads(line) for line in whole if line.endswith("\n")]
        return [line for line in found if line["source"] == source]

    def said(self, where: str) -> str:
        return (self._folder / where).read_text("utf-8")

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(60)


@with_rtsp
def test_a_daemon_goes_on_without_a_camera_says_so_and_has_it_back(tiny_bundle, tmp_path):
    pytest.importorskip("prometheus_client", reason="pip install 'edge-tag[health]'")
    till = RtspCamera(user="shop", password=SECRET)
    address = till.url.replace("//", f"//shop:{SECRET}@") + "#name=till"
    daemon = Daemon(tmp_path, "--bundle", tiny_bundle, "--wait", address, "test://belt?fps=5")
    pages = []
    try:
        patiently(lambda: len(daemon.lines("test://belt")) >= 3)
        patiently(lambda: len(daemon.lines("till")) == 1)
        assert daemon.lines("till")[0]["error"].endswith("; tried again until it is back")
        pages.append(daemon.page("/readyz"))
        assert "till: nothing was tagged yet (till: Connection refused" in pages[0]
        till.start()
        patiently(lambda: "size" in (daemon.lines("till") or [{}])[-1])
        patiently(lambda: '"ready": true' in daemon.page("/readyz"))
        till.stop()
        patiently(lambda: 'edgetag_camera_up{camera="till"} 0.0' in daemon.page("/metrics"))
        before = len(daemon.lines("test://belt"))
        patiently(lambda: len(daemon.lines("test://belt")) >= before + 3)  # the other one goes on
        till.start()
        until(
            lambda: 'edgetag_camera_reconnects_total{camera="till"} 2.0' in daemon.page("/metrics")
        )
        pages.append(daemon.page("/metrics"))
    finally:
        till.stop()
        ended = daemon.stop()
    assert ended == 0
    assert re.search(r'edgetag_camera_faults_total\{camera="till",kind="lost"\} [2-9]', pages[1])
    last = daemon.lines("till")[-1]
    assert isinstance(last["at_s"], float)
    assert last.get("clock_synced") in (True, False, None)  # None: the kernel does not tell
    assert daemon.said("err").count("Connection refused") <= 1  # many tries, one word
    assert SECRET not in daemon.said("out") + daemon.said("err") + "".join(pages)


# programs


@with_gst
def test_gstreamer_gives_frames_of_the_size_that_was_asked_for():
    with looking("gst:videotestsrc is-live=true pattern=ball#size=320x240,fps=20") as look:
        look.wait_for_more(5)
        assert look.source.name == "gst:videotestsrc"
        assert {pixels.size(frame.pixels) for frame in look.good} == {(320, 240)}
        assert look.good[0].pixels.luma.std() > 5  # a ball on black
        assert look.errors == []


def child_of(look: Looking) -> int:
    """The program it runs."""
    return look.source._reader._link._child.pid


@with_gst
@pytest.mark.parametrize(
    ("how", "says"),
    [(signal.SIGKILL, "gst-launch-1.0 ended"), (signal.SIGSTOP, "no frame for 1 s")],
    ids=["killed", "hangs"],
)
def test_a_program_that_ends_or_hangs_is_started_again(how, says):
    with looking("gst:videotestsrc is-live=true#size=320x240,timeout=1,frozen=0") as look:
        look.wait_for_more()
        first = child_of(look)
        os.kill(first, how)
        look.wait_for(says)
        look.wait_for_more()
        assert child_of(look) != first
        assert not Path(f"/proc/{first}").exists()  # no zombies either


@with_gst
def test_a_program_that_cannot_work_says_why():
    with looking("gst:nosuchelement", is_patient=True) as look:
        look.wait_for('no element "nosuchelement"')
    with pytest.raises(SourceError, match='no element "nosuchelement"') as told:
        open_source("gst:nosuchelement")
    assert "gst-inspect-1.0" in told.value.fix


def test_a_program_that_takes_seconds_to_find_that_it_cannot_work_is_an_error(
    tmp_path, monkeypatch
):
    slow = tmp_path / "gst-launch-1.0"
    slow.write_text('#!/bin/sh\nsleep 3\necho "ERROR: no element \\"libcamerasrc\\"" >&2; exit 1\n')
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(SourceError, match='no element "libcamerasrc"') as told:
        open_source("csi://0")
    assert "gstreamer1.0-libcamera" in told.value.fix


def test_a_program_that_only_talks_is_ended_and_its_password_is_not_repeated(tmp_path):
    talker = tmp_path / "gst-launch-1.0"
    talker.write_text('#!/bin/sh\nwhile :; do echo "ERROR: $*" >&2; sleep 0.02; done\n')
    talker.chmod(0o755)
    words = [str(talker), "rtspsrc", f"user-pw={SECRET}"]
    link = PipedLink("gst:rtspsrc", words, Shape(320, 240, 15))
    assert link.read() is None  # and it returned
    os.kill(link._child.pid, signal.SIGKILL)
    with pytest.raises(SourceError, match=r"gst-launch-1\.0 ended") as caught:
        until(lambda: link.read() is not None)
    link.close()
    assert "ERROR: rtspsrc user-pw=***" in str(caught.value)
    assert SECRET not in str(caught.value)


# the made-up one


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("vanish=1:0.3", "lost"),
        ("rubbish=1:0.4", "corrupt"),
        ("resize=1:0.4", "resized"),
        ("freeze=2:1.5#frozen=0.5", "frozen"),
        ("silent=2:1.5#timeout=0.5", "timeout"),
    ],
)
def test_a_made_up_camera_fails_as_it_is_told_to(fault, kind):
    with looking(f"test://belt?fps=25&size=128x96&{fault}") as look:
        until(lambda: look.counts().get(kind, 0) >= 1)
        look.wait_for_more()
        assert set(look.counts()) == {kind}
        assert look.source.name == "test://belt"
        sizes = {pixels.size(frame.pixels) for frame in look.good}
        assert sizes == ({(128, 96), (64, 48)} if kind == "resized" else {(128, 96)})
        assert all(frame.pixels.luma[-4:].any() for frame in look.good)
