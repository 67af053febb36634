"""A headless Chromium, driven over a pipe: the DevTools protocol needs nothing but this."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

FOUND = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), "")
MISSING = "no chromium here: apt-get install -y chromium"
LIMIT_S = 120.0  # a machine may be busy
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-extensions", "--disable-background-networking", "--disable-component-update"),
    *("--hide-scrollbars", "--mute-audio", "--remote-debugging-pipe"),
)
AS_3_AND_4 = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(end), fcntl.F_DUPFD, 10) for end in sys.argv[1:3]]
for end, number in zip(ends, (3, 4)):
    os.dup2(end, number)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Tab:
    """One page."""

    def __init__(self, to: int, answers: int) -> None:
        self._to, self._answers = to, answers
        self._number, self._rest, self._session = 0, b"", ""
        self.errors: list[str] = []  # of its scripts, and what its policy refused

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """What the browser answers. Raises AssertionError for an error of it."""
        self._number += 1
        sent: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            sent["sessionId"] = self._session
        os.write(self._to, json.dumps(sent).encode() + b"\0")
        while (told := self._next()).get("id") != self._number:
            self._note(told)
        assert "error" not in told, f"{method}: {told['error']}"
        found: dict[str, Any] = told["result"]
        return found

    def attach(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def size(self, width: int, height: int, *, dark: bool = False) -> None:
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def run(self, script: str) -> Any:
        """The value of an expression, once it is settled."""
        done = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in done, done["exceptionDetails"]
        return done["result"].get("value")

    def until(self, script: str, limit_s: float = LIMIT_S) -> Any:
        """The value of an expression, once it is true; while a page loads it may be an error."""
        deadline = time.monotonic() + limit_s
        tried = f"(() => {{ try {{ return {script}; }} catch {{ return null; }} }})()"
        while not (found := self.run(tried)):
            assert time.monotonic() < deadline, f"never so: {script}\n{self.errors}"
            time.sleep(0.05)
        return found

    def mouse(self, kind: str, x: float, y: float) -> None:
        held = int(kind != "mouseReleased")
        self.call(
            "Input.dispatchMouseEvent",
            type=kind, x=x, y=y, button="left", buttons=held, clickCount=1,
        )  # fmt: skip

    def drag(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        self.mouse("mousePressed", *start)
        self.mouse("mouseMoved", *end)
        self.mouse("mouseReleased", *end)

    def click(self, x: float, y: float) -> None:
        self.mouse("mousePressed", x, y)
        self.mouse("mouseReleased", x, y)

    def type(self, text: str) -> None:
        self.call("Input.insertText", text=text)

    def key(self, key: str, *, shift: bool = False) -> None:
        codes = {"Enter": (13, "\r"), "Escape": (27, ""), "Tab": (9, ""), "Backspace": (8, "")}
        arrows = ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown")
        codes |= {arrow: (code, "") for code, arrow in enumerate(arrows, 37)}
        code, text = codes.get(key, (ord(key.upper()[0]), key))
        own = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **own)
        self.call("Input.dispatchKeyEvent", type="keyUp", **own)

    def picture(self, path: Path, *, quality: int = 0) -> None:
        """What it shows, as PNG; as JPEG with a quality."""
        how = {"format": "jpeg", "quality": quality} if quality else {"format": "png"}
        data = self.call("Page.captureScreenshot", **how)["data"]
        path.write_bytes(base64.b64decode(data))

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            read = os.read(self._answers, 1 << 16)
            assert read, "chromium ended"
            self._rest += read
        one, _, self._rest = self._rest.partition(b"\0")
        told: dict[str, Any] = json.loads(one)
        return told

    def _note(self, told: dict[str, Any]) -> None:
        if told.get("method") == "Runtime.exceptionThrown":
            self.errors.append(str(told["params"]["exceptionDetails"]))
        if told.get("method") == "Log.entryAdded" and told["params"]["entry"]["level"] == "error":
            self.errors.append(told["params"]["entry"]["text"])


@contextmanager
def browser() -> Iterator[Tab]:
    """A tab of a fresh Chromium, which ends with it."""
    ours_in, theirs_out = os.pipe()
    theirs_in, ours_out = os.pipe()
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        words = [FOUND, *FLAGS, f"--user-data-dir={profile}"]
        ends = str(theirs_in), str(theirs_out)
        process = subprocess.Popen(
            [sys.executable, "-ISc", AS_3_AND_4, *ends, *words],
            pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            for end in (theirs_in, theirs_out):
                os.close(end)
            tab = Tab(ours_out, ours_in)
            tab.attach()
            yield tab
        finally:
            process.kill()
            process.wait()
            for end in (ours_in, ours_out):
                os.close(end)
