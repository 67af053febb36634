"""What the service manager hears, through a real socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from edge.health.notify import Notify


@contextmanager
def manager(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind("\0" + address[1:] if address.startswith("@") else address)
        listening.setblocking(False)
        yield listening


def heard(listening: socket.socket) -> list[list[str]]:
    messages = []
    with suppress(BlockingIOError):
        while True:
            messages.append(listening.recv(4096).decode().splitlines())
    return messages


@pytest.fixture(params=["path", "abstract"])
def address(request, tmp_path) -> str:
    if request.param == "path":
        return str(tmp_path / "notify")
    return f"@edge-tag-test-{os.getpid()}"


class Clock:
    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_ready_comes_with_the_first_frame_and_once(address):
    with manager(address) as listening:
        notify = Notify({"NOTIFY_SOCKET": address})
        assert heard(listening) == []
        notify.progressed("camera:0: frame 0")
        notify.progressed("camera:0: frame 1")
        assert heard(listening) == [["READY=1", "STATUS=camera:0: frame 0", "WATCHDOG=1"]]
        notify.stopping()
        notify.stopping()
        assert heard(listening) == [["STOPPING=1"]]


def test_the_dog_is_fed_by_frames_alone_and_not_by_each(address):
    clock = Clock()
    with manager(address) as listening:
        notify = Notify({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "8000000"}, clock)
        notify.progressed("0")
        heard(listening)
        for _ in range(20):  # 4 s at 5 frames a second
            clock.now_s += 0.2
            notify.progressed("n")
        assert heard(listening) == [["WATCHDOG=1", "STATUS=n"]] * 2
        clock.now_s += 60
        assert heard(listening) == []  # time alone says nothing


def test_a_start_may_take_as_long_as_its_camera_is_known_to_be_away(address):
    clock = Clock()
    with manager(address) as listening:
        notify = Notify({"NOTIFY_SOCKET": address}, clock)
        for _ in range(400):  # 40 s
            notify.waits("away")
            clock.now_s += 0.1
        assert heard(listening) == [["EXTEND_TIMEOUT_USEC=60000000", "STATUS=away"]] * 3
        notify.progressed("0")
        assert heard(listening)[0][0] == "READY=1"


def test_a_line_break_adds_no_word(address):
    with manager(address) as listening:
        Notify({"NOTIFY_SOCKET": address}).progressed("a\nMAINPID=1")
        assert heard(listening)[0][1] == "STATUS=a MAINPID=1"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_a_dog_of_another_process_is_not_ours(environ, expected):
    assert Notify(environ).watchdog_s == expected


def test_nobody_listens_and_nothing_happens(tmp_path, caplog):
    Notify({}).progressed("x")
    assert caplog.text == ""
    Notify({"NOTIFY_SOCKET": str(tmp_path / "gone")}).progressed("x")
    assert "No such file" in caplog.text


def test_ready_that_was_not_heard_is_said_again_and_complained_of_once(tmp_path, caplog):
    address = str(tmp_path / "late")
    notify = Notify({"NOTIFY_SOCKET": address})
    for _ in range(5):
        notify.progressed("x")
    assert caplog.text.count("NOTIFY_SOCKET") == 1
    with manager(address) as listening:
        notify.progressed("y")
        notify.progressed("z")
        assert heard(listening) == [["READY=1", "STATUS=y", "WATCHDOG=1"]]
