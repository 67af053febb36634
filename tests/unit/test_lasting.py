"""Live sources that break: when they are tried again, what is left out, what is said."""

from __future__ import annotations

import random
import threading
import time
from contextlib import closing
from itertools import count, pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.errors import SourceError, UsageError
from edge.pictures.pixels import rgb
from edge.pictures.planes import planes_of
from edge.records import Planes
from edge.sources import open_source, refuse_twice
from edge.sources.faults import QUIET_S, Damaged, Faults, Lost
from edge.sources.judging import FROZEN_S, Judge, is_half
from edge.sources.lasting import Habits, LastingSource
from edge.sources.pacing import LOCKED_S, MOST_S, Pacing
from edge.sources.request import options, split
from tests.brokers import until
from tests.cameras import Looking
from tests.tiny import i420, nv12, paint

DEMO = Path(__file__).parents[2] / "calib_data" / "demo"


# pauses


@given(st.integers(0, 10**6), st.integers(1, 40))
def test_pauses_grow_to_their_longest_and_no_further(seed, tries):
    pacing = Pacing(rng=random.Random(seed))
    pauses = [pacing.pause_s() for _ in range(tries)]
    for n, pause_s in enumerate(pauses):
        longest_s = min(0.5 * 2**n, MOST_S)
        assert longest_s / 2 <= pause_s <= longest_s


def test_two_devices_do_not_try_in_step():
    one, other = Pacing(rng=random.Random(1)), Pacing(rng=random.Random(2))
    assert [one.pause_s() for _ in range(8)] != [other.pause_s() for _ in range(8)]


@given(st.integers(0, 100))
def test_a_refused_password_is_not_tried_often_enough_to_be_locked_out(seed):
    assert Pacing(rng=random.Random(seed)).pause_s(is_refused=True) >= LOCKED_S / 2


def test_pauses_are_short_again_after_good_frames_and_not_after_one():
    pacing = Pacing(rng=random.Random(0))
    for _ in range(10):
        pacing.pause_s()
    pacing.good(100.0)
    assert pacing.pause_s() > MOST_S / 2 - 1  # one good frame was no recovery
    pacing.good(200.0)
    pacing.good(206.0)
    assert pacing.pause_s() <= 0.5


# what is said


def test_a_fault_that_comes_again_and_again_is_told_each_ten_minutes():
    now_s = [0.0]
    faults = Faults(lambda: now_s[0])
    told = []
    for second in range(0, 3600, 5):
        now_s[0] = second
        if faults.count("lost"):
            told.append(second)
    assert faults.counts()["lost"] == 720
    assert len(told) == 3600 / QUIET_S
    assert all(later - earlier == QUIET_S for earlier, later in pairwise(told))
    assert faults.count("frozen")  # another kind has its own word


class Link:
    """Gives what it is told to: pictures, None, or errors to raise."""

    def __init__(self, *gives) -> None:
        self.gives, self.is_closed = list(gives), False

    def read(self):
        time.sleep(0.002)
        given = self.gives.pop(0) if self.gives else None
        if isinstance(given, Exception):
            raise given
        return given

    def close(self) -> None:
        self.is_closed = True


def pictures(amount: int = 3, height: int = 16):
    rng = np.random.default_rng(amount)
    return [rng.integers(0, 255, (height, 16, 3), np.uint8) for _ in range(amount)]


def looking_at(*links, timeout_s: float = 0.3, frozen_s: float = FROZEN_S) -> Looking:
    """A source that finds one link after the other, the last of them again and again."""
    numbers = count()

    def connect():
        link = links[min(next(numbers), len(links) - 1)]
        if isinstance(link, Exception):
            raise link
        return link

    pacing = Pacing(0.01, 0.02, 5.0, random.Random(0))
    habits = Habits(0.0, timeout_s, frozen_s)
    return Looking(LastingSource("cam", connect, lambda: False, habits, None, pacing))


def test_a_link_that_breaks_is_closed_and_another_is_opened():
    first = Link(*pictures(1), Lost("cam: gone"))
    with closing(looking_at(first, Link(*pictures(500)))) as look:
        look.wait_for_more(3)
        assert first.is_closed
        assert [e for e in look.errors if "cam: gone" in e] == look.errors
        assert look.reconnects == 1
        assert look.counts() == {"lost": 1}


def test_frames_are_numbered_on_over_a_reconnect_and_say_when_they_came():
    first = Link(*pictures(1), Lost("cam: gone"))
    with closing(looking_at(first, Link(*pictures(500)))) as look:
        look.wait_for_more(4)
    assert [frame.index for frame in look.frames] == list(range(len(look.frames)))
    times = [frame.at_s for frame in look.good]
    assert times == sorted(times)
    assert all(frame.time.endswith("Z") for frame in look.frames)


def test_silence_is_a_loss():
    silent = Link()
    with closing(looking_at(silent, Link(*pictures(500)), timeout_s=0.2)) as look:
        look.wait_for("cam: no frame for 0.2 s")
        look.wait_for_more(1)
        assert silent.is_closed
        assert look.counts() == {"timeout": 1}


def test_a_damaged_picture_is_left_out_and_the_link_stays():
    link = Link(pictures(1)[0], Damaged("cam: torn"), *pictures(500))
    with closing(looking_at(link)) as look:
        look.wait_for_more(2)
        assert look.counts()["corrupt"] == 1
        assert look.errors == []
        assert look.reconnects == 0


def test_nothing_but_damaged_pictures_is_a_loss():
    torn = Link(*[Damaged("cam: torn")] * 10_000)
    with closing(looking_at(torn, Link(*pictures(500)), timeout_s=0.1)) as look:
        look.wait_for("nothing but damaged frames")
        look.wait_for_more(1)


def test_a_frozen_link_is_told_and_opened_again_until_it_moves():
    still = pictures(1)[0]
    frozen = Link(*[still] * 1000)
    with closing(looking_at(frozen, frozen, frozen, Link(*pictures(500)), frozen_s=0.1)) as look:
        look.wait_for("the same picture for")
        until(lambda: look.reconnects == 1)
        assert look.counts()["frozen"] >= 3  # a new link that gives the same is no cure
        assert len(look.errors) == 1


def test_a_new_size_is_counted_and_goes_on():
    link = Link(*pictures(2), *pictures(2, height=32), *pictures(500, height=32))
    with closing(looking_at(link)) as look:
        look.wait_for_more(6)
        assert look.counts() == {"resized": 1}


def test_a_reader_that_hangs_in_a_driver_is_told_and_not_waited_for_at_the_end():
    release = threading.Event()

    class Hanging(Link):
        def read(self):
            release.wait(30)

    link = Hanging()
    look = looking_at(Lost("cam: unplugged"), link, timeout_s=0.1)
    look.wait_for("reading hangs for 0.3 s, in its driver")
    assert not look.source.newest.is_away  # a hang is nothing known: the watchdog is not fed
    look.close()
    assert not link.is_closed  # what is closed while a read hangs in it crashes the process
    release.set()


def test_while_it_is_away_and_tried_again_that_is_known():
    with closing(looking_at(Lost("cam: unplugged"))) as look:
        look.wait_for("unplugged")
        until(lambda: look.source.newest.is_away)


def test_a_source_that_is_away_ends_at_once():
    look = looking_at(Lost("cam: unplugged"))
    look.wait_for("unplugged")
    look.source._reader._due_s = time.monotonic() + 3600
    look.close()
    assert not any(t.name == "read cam" and t.is_alive() for t in threading.enumerate())


def test_a_bug_in_a_link_is_told_as_one():
    source = LastingSource("cam", lambda: Link(KeyError("ours")), lambda: False, Habits())
    with closing(source), pytest.raises(KeyError):
        next(source.frames())


# what is no picture


def stacked(height: int = 48, width: int = 64) -> np.ndarray:
    rng = np.random.default_rng(0)
    return rng.integers(20, 230, (height * 3 // 2, width), np.uint8)


@pytest.mark.parametrize("layout", ["I420", "NV12", "RGB"])
@pytest.mark.parametrize("filling", [0, 128], ids=["never written", "cut short"])
@pytest.mark.parametrize("rows", [8, 24])
def test_the_rows_that_a_decoder_could_not_fill_are_seen(layout, filling, rows):
    planes = planes_of(stacked(), "I420")
    assert not is_half(as_layout(planes, layout))
    for plane in (planes.luma, *planes.chroma):
        plane[len(plane) - rows * len(plane) // 48 :] = filling
    assert is_half(as_layout(planes, layout))


def as_layout(planes: Planes, layout: str):
    return {"I420": planes, "NV12": nv12(planes)}.get(layout) or rgb(planes)


@pytest.mark.parametrize("level", range(0, 256, 16))
def test_a_wall_of_one_grey_is_a_picture(level):
    assert not is_half(np.full((48, 64, 3), level, np.uint8))


@pytest.mark.parametrize("colour", ["red", "green", "blue", "yellow", "black"])
def test_a_bar_below_a_picture_is_a_picture(colour):
    """Letterboxes are black, captions are coloured."""
    picture = rgb(planes_of(stacked(), "I420")).copy()
    picture[-12:] = paint(colour, 12, 64)
    assert not is_half(picture)


def test_no_picture_of_ours_looks_half_decoded():
    shelf = cv2.imread(str(DEMO / "shelf.jpg"))[..., ::-1]
    assert not is_half(np.ascontiguousarray(shelf))
    frames = [frame.pixels for frame in open_source(str(DEMO / "belt.mp4")).frames()]
    assert frames
    assert not any(map(is_half, frames))


def test_noise_is_no_still_picture_and_the_same_bytes_are():
    rng = np.random.default_rng(0)
    wall = np.full((480, 640), 100, np.uint8)
    judge = Judge(frozen_s=5)
    for second in range(60):
        grain = rng.integers(0, 2, wall.shape, np.uint8)  # as little as a sensor can have
        assert judge.frozen_s(as_grey(wall + grain), float(second)) == 0
    found = [judge.frozen_s(as_grey(wall), 100.0 + second) for second in range(8)]
    assert found == [0, 0, 0, 0, 0, 5, 6, 7]


def as_grey(luma: np.ndarray) -> Planes:
    half = np.full((luma.shape[0] // 2, luma.shape[1] // 2), 128, np.uint8)
    return Planes(luma, (half, half))


def test_a_still_picture_may_stay_for_ever_where_it_is_said():
    judge = Judge(frozen_s=0)
    assert [judge.frozen_s(paint("red"), second) for second in (0.0, 1e6)] == [0, 0]


def test_sizes_are_compared_with_the_one_before():
    judge = Judge()
    assert judge.resized(i420(planes_of(stacked(), "I420"))) == ""
    assert judge.resized(i420(planes_of(stacked(), "I420"))) == ""
    changed = judge.resized(i420(planes_of(stacked(96), "I420")))
    assert changed == "frames are now 64 x 96, and were 64 x 48"


# options


@pytest.mark.parametrize(
    ("text", "address", "given"),
    [
        ("camera:0", "camera:0", ""),
        ("camera:0#frozen=0", "camera:0", "frozen=0"),
        ("rtsp://bob:a#b@cam/1#timeout=3", "rtsp://bob:a#b@cam/1", "timeout=3"),
        ("rtsp://cam/1?x=y#password-file=/a#b", "rtsp://cam/1?x=y", "password-file=/a#b"),
    ],
)
def test_options_stand_behind_the_address(text, address, given):
    assert split(text) == (address, given)


def test_an_unknown_option_is_refused_with_the_nearest():
    with pytest.raises(UsageError, match="option 'frosen' is unknown") as caught:
        open_source("test://belt#frosen=3")
    assert caught.value.fix == "did you mean 'frozen'?"


def test_a_camera_may_be_named():
    assert options("stream", "rtsp://a:b@cam/1", "name=till").shown == "till"
    assert options("stream", "rtsp://a:b@cam/1", "").shown == "rtsp://cam/1"
    with closing(open_source("test://belt?fps=50#name=till")) as source:
        assert source.name == "till"
        assert next(source.frames()).source == "till"


def test_two_cameras_of_one_name_are_refused():
    refuse_twice(["a", "b"])
    with pytest.raises(UsageError, match="rtsp://nvr/live: two cameras have this name"):
        refuse_twice(["rtsp://nvr/live", "door", "rtsp://nvr/live"])


@pytest.mark.parametrize("text", ["camera:x", "usb:12:34", "csi://a b", "gst:", "test://moon"])
def test_what_cannot_be_is_an_error_at_once_even_for_the_patient(text):
    with pytest.raises((UsageError, SourceError)) as caught:
        open_source(text, is_patient=True)
    assert isinstance(caught.value, UsageError) or "not installed" in str(caught.value)


@pytest.mark.parametrize(
    "query", ["fps=0", "fps=x", "size=10x10", "size=64", "freeze=3", "freeze=3:4", "seed=-1", "a=b"]
)
def test_a_made_up_camera_refuses_what_it_does_not_know(query):
    with pytest.raises(UsageError, match="expected fps, size, seed, freeze"):
        open_source(f"test://belt?{query}")


def test_a_made_up_camera_shows_the_same_for_the_same_seed():
    firsts = []
    for seed in (1, 1, 2):
        with closing(open_source(f"test://belt?fps=50&size=128x96&seed={seed}")) as source:
            firsts.append(rgb(next(source.frames()).pixels).astype(int))
    assert np.abs(firsts[0] - firsts[1]).mean() < 12 < np.abs(firsts[0] - firsts[2]).mean()


# globs


def test_a_glob_gives_pictures_and_clips_in_natural_order(tmp_path):
    for name in ("10.png", "9.png", "9.tags.jpg", "x/1.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        assert cv2.imwrite(str(tmp_path / name), paint("red"))
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "11.mp4").write_bytes(b"junk")
    flat = open_source(str(tmp_path / "*"))
    frames = list(flat.frames())
    assert [Path(f.source).name for f in frames] == ["9.png", "10.png", "11.mp4"]
    assert [f.pixels is None for f in frames] == [False, False, True]  # the junk says why
    deep = open_source(str(tmp_path / "**" / "*.png"))
    assert deep.count == 3
    assert [Path(f.source).name for f in deep.frames()] == ["9.png", "10.png", "1.png"]


def test_a_glob_that_matches_nothing_says_so(tmp_path):
    with pytest.raises(SourceError, match="matches no picture or clip"):
        open_source(str(tmp_path / "*.jpg"))
