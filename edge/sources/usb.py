"""Cameras of this machine by what they are: their numbers change with a reboot or another socket.

usb:046d:0825                 maker and model, as lsusb says them
usb:046d:0825:1A2B3C4D        and serial number, where there are several
/dev/v4l/by-id/...            a link that udev keeps
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from edge.errors import UsageError
from edge.sysfs import text

DEV, SYSFS = Path("/dev"), Path("/sys/class/video4linux")
ID = re.compile(r"usb:([0-9a-fA-F]{4}):([0-9a-fA-F]{4})(?::(.{1,128}))?")
NUMBER = re.compile(r"(?:camera:|/dev/video|v4l2:///dev/video)(\d{1,3})")
LINK = re.compile(r"(?:v4l2://)?(/dev/v4l/by-(?:id|path)/[\w.:+-]{1,200})")
DEPTH = 6  # folders from a video node up to its USB device; two are usual


class Node(NamedTuple):
    """A video device. A camera may have several: pictures are in the one at place 0."""

    number: int
    title: str
    place: int
    usb_id: str  # usb:VVVV:PPPP[:SERIAL], empty for what is no USB camera


def nodes(dev: Path = DEV, sysfs: Path = SYSFS) -> list[Node]:
    """Those of this machine, by number."""
    names = [p.name for p in dev.glob("video[0-9]*") if p.name[5:].isdecimal()]
    return [_node(int(name[5:]), sysfs / name) for name in sorted(names, key=lambda n: int(n[5:]))]


def numbers(named: str, dev: Path = DEV, sysfs: Path = SYSFS) -> list[int]:
    """Which video devices `named` names now; none where it is not plugged in.

    Raises UsageError for what names no camera at all.
    """
    if found := NUMBER.fullmatch(named):
        return [int(found[1])]
    if found := ID.fullmatch(named):
        wanted = f"usb:{found[1]}:{found[2]}".lower()
        return [n.number for n in nodes(dev, sysfs) if _is_meant(n, wanted, found[3])]
    if found := LINK.fullmatch(named):
        to = (dev / Path(found[1]).relative_to("/dev")).resolve()
        return [n.number for n in nodes(dev, sysfs) if (dev / f"video{n.number}").resolve() == to]
    raise UsageError(
        f"{named}: not a camera, expected camera:0, usb:046d:0825, /dev/v4l/by-id/... or "
        "v4l2:///dev/video0",
        fix="edge-tag doctor lists those of this machine",
    )


def found_cameras(dev: Path = DEV, sysfs: Path = SYSFS) -> str:
    """The cameras of this machine in words, like `/dev/video0 (HD Webcam, usb:046d:0825)`."""
    found = nodes(dev, sysfs)
    if not found:
        return f"no {dev}/video* at all"
    return ", ".join(
        f"{dev}/video{n.number} ({', '.join(filter(None, (n.title or 'no name', n.usb_id)))})"
        for n in found
    )


def _is_meant(node: Node, usb_id: str, serial: str | None) -> bool:
    maker_and_model, own = node.usb_id[:13], node.usb_id[14:]
    return node.place == 0 and maker_and_model == usb_id and serial in (None, own)


def _node(number: int, folder: Path) -> Node:
    place = text(folder / "index")
    return Node(
        number, text(folder / "name"), int(place) if place.isdecimal() else 0, _usb_id(folder)
    )


def _usb_id(folder: Path) -> str:
    """Of the USB device that a video node belongs to: a folder or two above its own."""
    place = (folder / "device").resolve()
    for _ in range(DEPTH):
        maker, model = text(place / "idVendor"), text(place / "idProduct")
        if maker and model:
            serial = text(place / "serial")
            return f"usb:{maker}:{model}".lower() + (f":{serial}" if serial else "")
        place = place.parent
    return ""
