"""The live page of a run: a process, a browser, and what somebody does there."""

from __future__ import annotations

import fcntl
import json
import os
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
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.config.read import parse
from edge.pictures.calibration_set import read_set
from tests.brokers import free_port
from tests.browser import FOUND, MISSING, Tab, browser
from tests.tiny import write_tiny

ROOT = Path(__file__).parents[2]
LIMIT_S = 60
FRAMES = 4000
PACE_S = 0.02  # between two results that are read: the run waits for its reader
NAME = "<img src=x onerror=hacked=1>"  # of a thing; words of others are text
TOKEN = "canary-0123456789abcdef"


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Purple, with a red corner and a square that moves."""
    path = tmp_path_factory.mktemp("clip") / "belt.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (160, 120))
    for n in range(FRAMES):
        bgr = np.full((120, 160, 3), (160, 20, 150), np.uint8)
        bgr[:60, :80] = 0, 0, 255
        bgr[90:100, n % 140 : n % 140 + 20] = 255
        writer.write(bgr)
    writer.release()
    return path


@pytest.fixture
def file(tmp_path, clip):
    bundle = write_tiny(tmp_path / "shop.bundle")
    path = tmp_path / "edge.toml"
    path.write_text(
        f'bundle = "{bundle}"\ngallery = "{tmp_path}/new.gallery"\n'
        f'live_captures = "{tmp_path}/kept"\n'
        f'[[cameras]]\nname = "till"\nurl = "{clip}"\n'
    )
    return path


class Run:
    """A run whose results somebody reads slowly, so that it lasts."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        assert process.stdout is not None
        fcntl.fcntl(process.stdout, 1031, 4096)  # F_SETPIPE_SZ: a few lines, then it waits for us
        self.last = ""
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def address(self) -> str:
        assert self.process.stderr is not None
        said = self.process.stderr.readline()
        return re.findall(r"live page: (http://\S+)", said)[0]

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._reading.join()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.last = line
            time.sleep(PACE_S)


@contextmanager
def running(file: Path, *words: object) -> Iterator[Run]:
    process = subprocess.Popen(
        [sys.executable, "-m", "edge", "run", "--json", "--config", str(file), *map(str, words)],
        cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "XDG_STATE_HOME": str(file.parent)},
    )  # fmt: skip
    with closing(Run(process)) as run:
        yield run


def some(selector: str, test: str) -> str:
    """Is it so of any of those elements, `e`?"""
    return f"[...document.querySelectorAll({selector!r})].some(e => {test})"


def state(name: str) -> str:
    return f"document.getElementById('status')?.dataset.state === {name!r}"


ARROW = (
    "document.activeElement.dispatchEvent("
    "new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}))"
)
CHOOSE = (
    "(() => {{ const chosen = document.getElementById('camera'); chosen.value = '{}';"
    " chosen.dispatchEvent(new Event('change')); }})()"
)
needs_browser = pytest.mark.skipif(not FOUND, reason=MISSING)


@needs_browser
def test_somebody_looks_enrols_keeps_and_reloads(file, tmp_path):
    with running(file, "--live", "127.0.0.1:0") as run, browser() as tab:
        tab.size(1280, 900)
        tab.open(run.address())
        tab.until("document.getElementById('picture').naturalWidth === 160")
        tab.until(state("file"))
        tab.until("document.querySelectorAll('#tags .word').length > 0")
        tab.until("document.querySelector('#plot-total path')?.getAttribute('d').length > 50")
        tab.until("document.querySelectorAll('#events [data-type=new]').length > 0")
        tab.size(390, 844)  # a telephone: nothing is beside the page
        assert tab.run("document.documentElement.scrollWidth") == 390
        tab.size(1280, 900)

        # a box is dragged around a thing, which is then known
        left, top, wide, tall = tab.run(
            "(({x, y, width, height}) => [x, y, width, height])"
            "(document.getElementById('stage').getBoundingClientRect())"
        )
        tab.drag((left + wide * 0.56, top + tall * 0.05), (left + wide * 0.97, top + tall * 0.9))
        tab.until("document.activeElement.id === 'name'")
        assert tab.run("document.getElementById('status').textContent") == "frozen"
        tab.type(NAME)
        tab.key("Enter")
        said = tab.until("document.querySelector('.note')?.textContent")
        assert f"{NAME}: 1 picture" in said
        tab.until(some("#tags .word", f"e.textContent === {NAME!r}"))
        assert tab.run("document.getElementById('enrol').hidden")
        assert tab.run("window.hacked") is None
        assert NAME in {tag["tag"] for tag in json.loads(run.last)["tags"]}
        assert (tmp_path / "new.gallery").exists()

        # by keys alone: freeze, choose, move, leave
        tab.run("document.activeElement.blur()")
        tab.key("f")
        tab.until("document.querySelector('.thing[tabindex]') !== null")
        tab.run("document.querySelector('.thing[tabindex]').focus()")
        tab.key("Enter")
        box = "document.querySelector('#overlay .chosen').getAttribute('aria-label')"
        before = tab.until(f"document.activeElement.classList.contains('chosen') && {box}")
        tab.key("ArrowLeft", shift=True)
        tab.key("ArrowLeft")
        assert tab.run(box) != before
        size = f"{box}.split(' pixels')[0]"
        before = tab.run(size)
        tab.run(f"for (let n = 0; n < 200; n++) {ARROW}")
        assert tab.run(size) == before  # at the frame's edge as well
        tab.key("Escape")
        tab.until(state("file"))

        tab.key("c")
        tab.until(some(".note", "e.textContent.startsWith('Kept')"))
        assert len(read_set(tmp_path / "kept" / "till")) == 1

        # the file is wrong: all stays; then it is right, and its mask is on the picture
        right = file.read_text()
        file.write_text("thread = 1")
        tab.until("!document.getElementById('reload').hidden")
        tab.run("document.getElementById('reload').click()")
        tab.until("document.querySelector('.note.bad')?.textContent.includes('unknown key')")
        file.write_text(right + "privacy = [[[0, 0], [1, 0], [1, 1], [0, 1]]]\n")
        tab.run("document.getElementById('reload').click()")
        tab.until(some(".note", "e.textContent === 'Reloaded.'"))
        dark = (
            "(() => { const c = document.createElement('canvas').getContext('2d');"
            "c.drawImage(document.getElementById('picture'), 0, 0);"
            "return Math.max(...c.getImageData(40, 40, 1, 1).data.slice(0, 3)) < 30; })()"
        )
        tab.until(dark)
        assert tab.errors == []


@needs_browser
def test_a_zone_is_drawn_and_its_line_is_one_for_the_config_file(file):
    file.write_text(f"{file.read_text()}zones.door = [[0, 0], [0.2, 0], [0.2, 1], [0, 1]]\n")
    toml = "document.getElementById('area-toml').textContent"
    with running(file, "--live", "127.0.0.1:0") as run, browser() as tab:
        tab.size(1280, 900)
        tab.open(run.address())
        tab.until("document.querySelector('#overlay .zone') !== null")
        assert tab.run("document.querySelector('#overlay .area-name').textContent") == "door"

        # a zone with the pointer
        tab.run("document.getElementById('draw').click()")
        tab.until(state("frozen"))
        tab.until("document.querySelector('#overlay .cross') !== null")
        assert tab.run("document.getElementById('area-copy').disabled")
        for x, y in ((0.5, 0.25), (0.75, 0.25), (0.75, 0.75), (0.1, 0.9)):
            tab.click(*corner(tab, x, y))
        tab.key("Backspace")
        tab.run("document.getElementById('area-name').value = 'at the till'")
        tab.run("document.getElementById('area-name').dispatchEvent(new Event('input'))")
        told = tab.until(f"{toml}.includes('at-the-till') && {toml}")
        zone = parse(f"{file.read_text()}{told}".encode(), "edge.toml").cameras[0].zones
        assert list(zone) == ["door", "at-the-till"]
        wanted = [[0.5, 0.25], [0.75, 0.25], [0.75, 0.75]]
        np.testing.assert_allclose(zone["at-the-till"], wanted, atol=0.01)
        tab.key("Escape")
        tab.until(state("file"))

        # what is ignored by keys alone, beside what is ignored already
        file.write_text(f"{file.read_text()}ignore = [[[0, 0], [0.1, 0], [0.1, 0.1]]]\n")
        tab.run("document.getElementById('reload').click()")
        tab.until("document.querySelector('#overlay .ignored') !== null")
        tab.run("document.activeElement.blur()")
        tab.key("z")
        tab.until("document.querySelector('#overlay .cross') !== null")
        tab.run("document.getElementById('area-kind').value = 'ignore'")
        tab.run("document.querySelector('#overlay .cross').focus()")
        for arrow in ("ArrowLeft", "ArrowUp", "ArrowRight"):
            tab.key(arrow, shift=True)
            tab.key(" ")
        told = tab.until(f"!document.getElementById('area-copy').disabled && {toml}")
        before = file.read_text().rpartition("ignore")[0]
        ignored = parse(f"{before}{told}".encode(), "edge.toml").cameras[0].ignore
        assert [len(polygon) for polygon in ignored] == [3, 3]
        assert ignored[0] == ((0, 0), (0.1, 0), (0.1, 0.1))
        tab.run("document.getElementById('area-copy').click()")
        tab.until(some(".note", "e.textContent.includes('config file')"))
        assert tab.errors == []


def corner(tab: Tab, x: float, y: float) -> tuple[float, float]:
    """Where a share of the picture is on the page."""
    left, top, wide, tall = tab.run(
        "(({x, y, width, height}) => [x, y, width, height])"
        "(document.getElementById('stage').getBoundingClientRect())"
    )
    return left + wide * x, top + tall * y


@needs_browser
def test_a_page_says_that_it_lost_its_run_and_finds_it_again(file):
    port = free_port()
    with browser() as tab:
        with running(file, "--live", f"127.0.0.1:{port}") as run:
            tab.open(run.address())
            tab.until(state("file"))
        tab.until(state("away"))
        assert tab.run("document.getElementById('banner').textContent").startswith(
            "connection lost"
        )
        assert tab.run("document.getElementById('stage').hasAttribute('data-dim')")
        with running(file, "--live", f"127.0.0.1:{port}"):
            tab.until(state("file"))
            assert tab.run("document.getElementById('banner').hidden")


@needs_browser
def test_a_browser_shows_the_token_once(file, tmp_path):
    token = tmp_path / "token"
    token.write_text(TOKEN)
    words = ("--live", f"0.0.0.0:{free_port()}", "--live-token-file", token)
    with running(file, *words) as run, browser() as tab:
        address = run.address().replace("0.0.0.0", "127.0.0.1")
        tab.open(address)
        tab.until("document.querySelector('input[name=token]') !== null")
        tab.run("document.querySelector('input[name=token]').focus()")
        tab.type(TOKEN)
        tab.key("Enter")
        tab.until(state("file"))
        assert tab.run("location.href") == address
        assert tab.run("document.cookie") == ""  # no script can read it
        tab.open(address)
        tab.until(state("file"))


@needs_browser
def test_a_bookmark_names_a_camera(file):
    file.write_text(file.read_text() + '[[cameras]]\nname = "door"\nurl = "test://belt?fps=5"\n')
    with running(file, "--live", "127.0.0.1:0") as run, browser() as tab:
        tab.open(f"{run.address()}#camera=door")
        tab.until("document.getElementById('caption')?.textContent.startsWith('door #')")
        assert tab.run("location.hash") == "#camera=door"
        tab.run(CHOOSE.format("till"))
        tab.until("location.hash === '#camera=till'")
        assert tab.errors == []


@needs_browser
def test_a_camera_that_gives_nothing_does_not_show_what_another_one_saw(file):
    off = 'schedule = [{from = "03:00", to = "03:01"}]\n'
    file.write_text(file.read_text() + f'[[cameras]]\nname = "night"\nurl = "test://belt"\n{off}')
    with running(file, "--live", "127.0.0.1:0") as run, browser() as tab:
        tab.open(run.address())
        tab.until("document.querySelectorAll('#tags .word').length > 0")
        tab.until("document.getElementById('picture').naturalWidth > 0")
        tab.run(CHOOSE.format("night"))
        tab.until(state("off"))
        assert tab.run("document.getElementById('picture').naturalWidth") == 0
        left = "#tags *, #overlay *, #plot-total path"
        assert tab.run(f"document.querySelectorAll({left!r}).length") == 0
        assert tab.run("document.getElementById('caption').textContent") == ""


def test_a_program_asks_while_the_run_goes_on_and_the_end_is_quick(file):
    with running(file, "--live", "127.0.0.1:0") as run:
        address = run.address()
        with urllib.request.urlopen(f"{address}happening", timeout=LIMIT_S) as stream:
            kinds = [stream.readline() for _ in range(4)]
            assert kinds[0] == b"event: hello\n"
            told = b""
            while b'"jpeg":"/9j' not in told:
                told = stream.readline()
            run.process.send_signal(signal.SIGTERM)
            assert run.process.wait(LIMIT_S) == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--live", "0.0.0.0:8464"], "fix: --live-token-file FILE"),
        (["--live", "nonsense"], "--live: 'nonsense' is given, expected HOST:PORT"),
        (["--live-token-file", "x"], "expected --live beside it"),
        (["--live", ":0", "--live-token-file", "/nowhere"], "/nowhere: No such file"),
    ],
)
def test_what_is_wrong_is_told_at_once(file, words, says):
    ran = subprocess.run(
        [sys.executable, "-m", "edge", "run", "--config", str(file), *words],
        cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (2, "")
    assert says in ran.stderr
