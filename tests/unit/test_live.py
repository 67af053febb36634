"""What a page is told and what it can have done: the window, the jobs, the actions, the access."""

from __future__ import annotations

import threading
from datetime import datetime
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest

from edge.config.records import Camera, Config
from edge.config.watch import Reload, Watch
from edge.errors import InferenceError, SinkError, UsageError
from edge.frames import tag_frame
from edge.heads.added import open_gallery
from edge.heads.gallery_path import default_path
from edge.health import usage
from edge.health.address import Door
from edge.health.vitals import FILES, Vitals
from edge.live import shots, shown, stills, window
from edge.live.access import HEADER, KNOWN, WRONG, Access, is_ours
from edge.live.actions import Actions, Capture, Enrol, Freeze, Run
from edge.live.jobs import MOST, Jobs
from edge.live.window import HISTORY, LOOKED_S, Window
from edge.memory.known import Memory
from edge.pictures.calibration_set import read_set
from edge.pictures.planes import planes_of
from edge.records import U8, FrameFailed, FrameTags, Picture, Spent
from edge.redact import Secret
from edge.schedule.cooling import FREE
from edge.seen import Seen
from edge.tagger import Tagger, open_tagger
from tests.happenings import Usage, event
from tests.tiny import write_tiny

PURPLE, TEAL = (150, 20, 160), (0, 140, 140)
TOKEN = "canary-0123456789abcdef"


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def line(source: str = "camera:0", frame: int = 0, size: tuple[int, int] = (60, 40)) -> FrameTags:
    spent = Spent(4.0, 3.0, 1, 2)
    time = "2026-01-01T00:00:00.000Z"
    return FrameTags(1, source, frame, time, size, (), spent, 1.0, 0.0, {"heat": 2}, "b@1", "null")


def seen(budget_ms: float = np.inf) -> Seen:
    return Seen((), Spent(4.0, 3.0, 1, 2), 1.0, 0.0, (), (), None, None, budget_ms=budget_ms)


def card(colour: tuple[int, int, int] = PURPLE, width: int = 60, height: int = 40) -> U8:
    return np.full((height, width, 3), colour, np.uint8)


def decoded(data: bytes) -> U8:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(clock: Clock) -> Window:
    return Window(["camera:0", "till"], clock=clock)


# the window


def test_pictures_are_kept_and_encoded_only_while_somebody_looks(opened, clock, monkeypatch):
    made = []
    real = window.encoded
    monkeypatch.setattr(window, "encoded", lambda *args: made.append(1) or real(*args))
    opened.explain(line(frame=0), card(), seen())
    assert opened.jpeg("camera:0") is None  # that one was not kept; from now on somebody looks
    opened.explain(line(frame=1), card(), seen())
    assert made == []
    for _ in range(3):  # whoever looks at the same frame shares what was encoded
        shot, data = opened.jpeg("camera:0")
        assert (shot.result.frame, decoded(data).shape) == (1, (40, 60, 3))
    assert made == [1]
    clock.now_s += LOOKED_S + 1
    opened.explain(line(frame=2), card(), seen())
    assert opened._shots["camera:0"].picture is None
    assert opened._jpegs == {}


def test_whoever_is_late_gets_the_newest(opened):
    opened.look("camera:0")
    for n in range(50):
        opened.explain(line(frame=n), card(), seen())
    assert opened.wait(0, 0.0) == 50
    assert opened.look("camera:0").result.frame == 49
    assert len(opened._shots) == 1


def test_nothing_grows(opened, clock):
    opened.look(FILES)
    for n in range(HISTORY + 50):
        opened.explain(line(f"folder/{n}.jpg", n), card(), seen(200.0))
        opened.keep([event(n)], card())
        opened.freeze(FILES) if n else opened.look(FILES)
    assert (len(opened.points(FILES)), len(opened._stills._kept)) == (HISTORY, stills.MOST)
    assert len(opened.events(0)[1]) == window.MOST_EVENTS
    assert opened.sources() == ["camera:0", "till", FILES]
    assert Window(["shelf/"])._name("shelf/1.jpg") == "shelf/"
    opened.look("nobody has this name")
    assert "nobody has this name" not in opened._looked_s


def test_events_come_once_and_in_order(opened):
    opened.keep([event(1), event(2)], card())
    number, events = opened.events(0)
    assert [one.after.id for one in events] == ["t-1", "t-2"]
    assert opened.events(number) == (number, [])


def test_what_was_seen_under_other_masks_is_not_shown_any_more(opened):
    opened.look("camera:0")
    opened.explain(line(), card(), seen())
    number, _ = opened.freeze("camera:0")
    assert opened.jpeg("camera:0") is not None
    opened.forget()
    assert opened.jpeg("camera:0") is None
    for asked in (lambda: opened.frozen(number), lambda: opened.frozen_jpeg(number)):
        with pytest.raises(UsageError, match="not kept any more"):
            asked()


def test_what_stands_still_is_let_go_after_a_while(opened, clock):
    opened.look("camera:0")
    opened.explain(line(), card(), seen())
    number, shot = opened.freeze("camera:0")
    assert opened.frozen(number)[0] is shot
    clock.now_s += stills.KEPT_S + 1
    with pytest.raises(UsageError, match="not kept any more"):
        opened.frozen(number)
    opened.explain(line(frame=1), card(), seen())
    assert not opened._stills._kept


@pytest.mark.parametrize("size", [(60, 40), (2000, 1000), (1279, 721), (64, 4000)])
@pytest.mark.parametrize("kind", ["rgb", "planes"])
def test_a_picture_of_any_size_and_kind_is_encoded(size, kind):
    width, height = size[0] // 2 * 2, size[1] // 2 * 2
    picture: Picture = card(TEAL, width, height)
    if kind == "planes":
        bgr = card(TEAL, width, height)[..., ::-1]
        picture = planes_of(cv2.cvtColor(np.ascontiguousarray(bgr), cv2.COLOR_BGR2YUV_I420), "I420")
    found = decoded(shots.encoded(picture, 1280))
    assert max(found.shape) <= 1280
    assert abs(found.shape[1] / found.shape[0] - width / height) < 0.05 * width / height
    assert np.abs(found.mean((0, 1)) - TEAL[::-1]).max() < 6


def test_the_end_wakes_whoever_waits(opened):
    found = []
    waiting = threading.Thread(target=lambda: found.append(opened.wait(0, 60.0)))
    waiting.start()
    opened.close()
    waiting.join(10)
    assert found == [None]


# what is told


def test_a_frame_is_told_without_what_json_cannot_say(opened):
    opened.explain(line(), card(), seen())
    frame = shown.frame("camera:0", opened.look("camera:0"))
    told = msgspec.json.decode(msgspec.json.encode(frame))
    assert (told["budget_ms"], told["size"], told["held"]) == (None, [60, 40], [])


def test_a_camera_says_how_it_is(opened, clock):
    vitals = Vitals(["camera:0"], 10.0, clock)
    hosts = shown.Hosts(vitals, lambda: FREE, list, [], Path())

    def state() -> str:
        return shown.health(opened, hosts)["cameras"][0]["state"]

    assert state() == "connecting"
    vitals.told(line(), card(), 999.0)
    assert state() == "live"
    clock.now_s += 11
    assert state() == "stale"
    vitals.off("camera:0")
    assert state() == "off"
    gone = FrameFailed(1, "camera:0", 1, "", "camera:0: gone, rtsp://user:pw@192.0.2.7/x?key=1")
    vitals.told(gone, None, None)
    opened.write(gone, None)
    told = shown.health(opened, hosts)["cameras"][0]
    assert (told["state"], told["error"]) == ("lost", "camera:0: gone, rtsp://192.0.2.7/x")
    assert shown.health(opened, hosts)["cameras"][1] == {
        "name": "till", "state": "waiting", "error": "",
    }  # fmt: skip


# the jobs


def test_work_is_done_by_whoever_calls_and_its_error_goes_to_whoever_asked():
    jobs, found = Jobs(), []

    def fail() -> None:
        raise InferenceError("the engine fails")

    def ask() -> None:
        found.append(jobs.ask(threading.get_ident))
        with pytest.raises(InferenceError):
            jobs.ask(fail)
        found.append("told")

    asking = threading.Thread(target=ask)
    asking.start()
    while asking.is_alive():
        jobs()
    assert found == [threading.get_ident(), "told"]


def test_work_that_has_begun_is_waited_for():
    jobs, begun, found = Jobs(0.2), threading.Event(), []

    def long() -> str:
        begun.set()
        asking.join(0.5)  # longer than whoever asks has patience for its turn
        return "done"

    asking = threading.Thread(target=lambda: found.append(jobs.ask(long)))
    asking.start()
    while not begun.is_set():
        jobs()
    asking.join(10)
    assert found == ["done"]


def test_work_that_nobody_waits_for_any_more_is_not_done():
    jobs, done = Jobs(0.0), []
    for _ in range(MOST + 2):  # more than wait: those are refused at once
        with pytest.raises(UsageError, match="busy"):
            jobs.ask(lambda: done.append(1))
    jobs()
    assert done == []


# the actions


@pytest.fixture
def tagger(tmp_path):
    with open_tagger(write_tiny(tmp_path / "shop.bundle")) as tagger:
        yield tagger


@pytest.fixture
def ready(opened, tagger, tmp_path):
    """Actions on a window that shows a purple card; jobs are done as soon as they are asked for."""
    opened.look("camera:0")
    opened.explain(line(), card(), seen())
    return doing(opened, tagger, tmp_path)


class AtOnce(Jobs):
    """In the thread that asks: here it is the tagger's own."""

    def ask(self, work):
        return work()


def doing(opened: Window, tagger: Tagger, folder: Path, reload: Reload | None = None) -> Actions:
    run = Run(tagger, folder / "shop.bundle.gallery", folder / "captures", reload)
    return Actions(opened, AtOnce(), run)


def named(tags, head: str = "gallery") -> set[str]:
    return {tag.tag for tag in tags if tag.head == head}


def test_what_is_enrolled_is_told_from_the_next_frame_on(ready, tagger, tmp_path):
    past = Memory()
    assert named(tag_frame(tagger, card(), past=past, at_s=0.0).tags) == set()
    told = ready.enrol(Enrol(ready.freeze(Freeze("camera:0"))["frozen"], (0, 0, 60, 40), " Acme "))
    assert (told["name"], told["examples"], told["enrolled"]) == ("Acme", 1, ["Acme"])
    assert named(tag_frame(tagger, card(), past=past, at_s=0.1).tags) == {"Acme"}
    with open_tagger(tmp_path / "shop.bundle") as other:  # and over a restart
        other.add(open_gallery(other.bundle, default_path(other.bundle)))
        assert named(other.tag(card())) == {"Acme"}


def test_a_second_tag_moves_no_evidence_from_one_tag_to_another(ready, opened, tagger):
    past = Memory()
    ready.enrol(Enrol(ready.freeze(Freeze("camera:0"))["frozen"], (0, 0, 60, 40), "Acme"))
    for n in range(3):
        assert named(tag_frame(tagger, card(), past=past, at_s=float(n)).tags) == {"Acme"}
    opened.explain(line(frame=1), card(TEAL), seen())
    ready.enrol(Enrol(ready.freeze(Freeze("camera:0"))["frozen"], (0, 0, 60, 40), "Zest"))
    assert named(tag_frame(tagger, card(), past=past, at_s=3.1).tags) == {"Acme"}
    assert named(tagger.tag(card(TEAL))) == {"Zest"}
    assert ready.known()["enrolled"] == ["Acme", "Zest"]


def test_thresholds_stay_when_something_is_enrolled(ready, tagger):
    tagger.tune({"hues": 0.9}, ["colours"])
    ready.enrol(Enrol(ready.freeze(Freeze("camera:0"))["frozen"], (0, 0, 60, 40), "Acme"))
    assert {head.name: head.thresholds for head in tagger.heads} == {
        "hues": (0.9,), "gallery": (0.5,),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("box", "name", "says"),
    [
        ((0, 0, 61, 40), "Acme", "inside 60 x 40 px"),
        ((5, 5, 9, 9), "Acme", "expected 8 px or more"),
        ((0, 0, 60, 40), "", "expected a name"),
        ((0, 0, 60, 40), "a\nb", "expected a name"),
        ((0, 0, 60, 40), "x" * 101, "expected a name"),
    ],
)
def test_what_cannot_be_enrolled_changes_nothing(ready, tagger, tmp_path, box, name, says):
    frozen = ready.freeze(Freeze("camera:0"))["frozen"]
    with pytest.raises(UsageError, match=says):
        ready.enrol(Enrol(frozen, box, name))
    assert "gallery" not in tagger.tags
    assert not (tmp_path / "shop.bundle.gallery").exists()


def test_a_run_without_a_gallery_takes_none(opened, tagger, tmp_path):
    run = Run(tagger, None, tmp_path, None)  # --no-gallery
    with pytest.raises(UsageError, match="takes no gallery"):
        Actions(opened, AtOnce(), run).enrol(Enrol("x", (0, 0, 9, 9), "Acme"))


def test_a_name_of_no_source_makes_no_folder(ready, opened, tmp_path):
    frozen = ready.freeze(Freeze("camera:0"))["frozen"]
    for name in ("elsewhere", "../../elsewhere", ""):
        with pytest.raises(UsageError, match="no source has this name"):
            ready.capture(Capture(name, frozen))
    assert not (tmp_path / "captures").exists()


def test_pictures_are_kept_as_capture_keeps_them(ready, opened, tmp_path):
    first = ready.capture(Capture("camera:0"))
    assert first == {"kept": True, "pictures": 1, "folder": str(tmp_path / "captures/camera-0")}
    assert ready.capture(Capture("camera:0"))["kept"] is False  # it looks like the last one
    frozen = ready.freeze(Freeze("camera:0"))["frozen"]
    opened.explain(line(frame=1), card(TEAL), seen())
    assert ready.capture(Capture("camera:0"))["pictures"] == 2
    assert ready.capture(Capture("camera:0", frozen))["pictures"] == 3
    kept = read_set(tmp_path / "captures/camera-0")
    purple, teal, again = (decoded(path.read_bytes()) for path in kept)
    assert np.array_equal(purple, again)
    assert not np.array_equal(purple, teal)


def test_a_disk_that_is_nearly_full_is_left_to_the_events(ready, monkeypatch, tmp_path):
    monkeypatch.setattr(usage.shutil, "disk_usage", lambda _: Usage(64 << 30, 0, (256 << 20) - 1))
    with pytest.raises(SinkError, match="less than 256 MB"):
        ready.capture(Capture("camera:0"))
    assert not (tmp_path / "captures").exists()


def test_a_reload_counts_whole_or_not_at_all_and_what_was_seen_before_is_forgotten(
    opened, tagger, tmp_path
):
    file = tmp_path / "edge.toml"
    camera = Camera("till", "camera:0")
    watch = Watch([camera], lambda: datetime(2026, 1, 1))
    reload = Reload(file, Config((camera,)), watch, tagger, lambda: False)
    ready = doing(opened, tagger, tmp_path, reload)
    opened.look("till")
    opened.explain(line("till"), card(), seen())
    file.write_text("thread = 1\n")
    told = ready.reload()
    assert not told["reloaded"]
    assert "unknown key" in told["wrong"][0]
    assert opened.jpeg("till") is not None
    masked = 'name = "till"\nurl = "camera:0"\nfps = 2\nprivacy = [[[0, 0], [1, 0], [1, 1]]]\n'
    file.write_text(f"[[cameras]]\n{masked}")
    assert ready.reload() == {"reloaded": True, "wrong": [], "late": ("cameras.till.fps",)}
    assert opened.jpeg("till") is None


def test_without_a_config_file_there_is_nothing_to_reload(ready):
    assert ready.known()["reload"] is False
    with pytest.raises(UsageError, match="no config file"):
        ready.reload()


# the access


def guarded(clock: Clock) -> Access:
    return Access(Door("0.0.0.0", 8464, Secret(TOKEN)), 8464, clock)


def test_the_token_opens_by_header_by_address_and_then_by_cookie(clock):
    access = guarded(clock)
    assert access.may({}, "", "a") == "no"
    assert access.may({"Authorization": f"Bearer {TOKEN}"}, "", "a") == "yes"
    assert access.may({}, TOKEN, "a") == "yes"
    line = access.cookie_line(is_secure=False)
    assert "; HttpOnly; SameSite=Strict" in line
    assert TOKEN not in line
    given = line.partition(";")[0]
    assert access.may({"Cookie": f"other=1; {given}"}, "", "a") == "yes"
    assert guarded(clock).may({"Cookie": given}, "", "a") == "yes"  # over a restart
    for wrong in (given[:-1], f"{given}0", "edge-tag-8464=", "edge-tag-8464=\xe9", "\0;;="):
        assert access.may({"Cookie": wrong}, "", "a") == "no"
    assert access.cookie_line(is_secure=True).endswith("; Secure")


def test_who_guesses_is_not_listened_to_for_a_while_and_others_are(clock):
    access = guarded(clock)
    for _ in range(WRONG):
        assert access.may({}, "guessed", "a") == "no"
    assert access.may({}, TOKEN, "a") == "later"
    assert access.may({}, TOKEN, "b") == "yes"
    cookie = access.cookie_line(is_secure=False).partition(";")[0]
    assert access.may({"Cookie": cookie}, "", "a") == "yes"  # a page that is open stays so
    clock.now_s += 61
    assert access.may({}, TOKEN, "a") == "yes"
    for n in range(2 * KNOWN):
        access.may({}, "guessed", str(n))
    assert len(access._wrong) == KNOWN


@pytest.mark.parametrize(
    ("headers", "ours"),
    [
        ({}, True),  # a program
        ({"Origin": "http://127.0.0.1:8464"}, True),
        ({"Origin": "https://127.0.0.1:8464", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "http://evil.example"}, False),
        ({"Origin": "http://127.0.0.1:9999"}, False),
        ({"Origin": "null"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({HEADER: ""}, False),
    ],
)
def test_only_our_own_page_changes_anything(headers, ours):
    assert is_ours({HEADER: "1", "Host": "127.0.0.1:8464", **headers}) is ours


def test_a_glance_is_no_closer_look():
    opened = Window(["camera:0"])
    opened.explain(line(), card(), seen())
    assert [point["looks"] for point in opened.points("camera:0")] == [2]
