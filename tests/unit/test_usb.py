"""Cameras by what they are. The trees are written after the kernel's: no camera is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge.doctor.anonymous import anonymous
from edge.errors import SourceError, UsageError
from edge.sources.camera import the_one
from edge.sources.usb import found_cameras, nodes, numbers


class Machine:
    """/dev and /sys/class/video4linux, with the devices behind them."""

    def __init__(self, root: Path) -> None:
        self.root, self.dev, self.sysfs = root, root / "dev", root / "sys/class/video4linux"
        (self.dev / "v4l/by-id").mkdir(parents=True)
        self.sysfs.mkdir(parents=True)

    def plug(self, number: int, title: str, place: int, port: str, usb_id: str = "") -> None:
        """usb_id: maker:model or maker:model:serial; empty: no USB camera"""
        device = self.root / "sys/devices/pci0000:00/usb1" / port
        interface = device / f"{port}:1.0"
        interface.mkdir(parents=True, exist_ok=True)
        if usb_id:
            maker, model, *serial = usb_id.split(":", 2)
            (device / "idVendor").write_text(f"{maker}\n")
            (device / "idProduct").write_text(f"{model}\n")
            for text in serial:
                (device / "serial").write_text(f"{text}\n")
        node = interface / "video4linux" / f"video{number}"
        node.mkdir(parents=True)
        (node / "name").write_text(f"{title}\n")
        (node / "index").write_text(f"{place}\n")
        (node / "device").symlink_to(interface)
        (self.sysfs / f"video{number}").symlink_to(node)
        (self.dev / f"video{number}").write_text("")

    def found(self, text: str) -> list[int]:
        return numbers(text, self.dev, self.sysfs)


@pytest.fixture
def machine(tmp_path) -> Machine:
    made = Machine(tmp_path)
    made.plug(0, "C270 HD WEBCAM", 0, "1-1", "046d:0825:A1B2C3D0")
    made.plug(1, "C270 HD WEBCAM", 1, "1-1", "046d:0825:A1B2C3D0")  # its metadata
    made.plug(2, "C270 HD WEBCAM", 0, "1-2", "046d:0825:0E:F5")
    made.plug(10, "unicam", 0, "soc")
    return made


def test_a_camera_is_found_by_maker_model_and_serial(machine):
    assert machine.found("usb:046d:0825:A1B2C3D0") == [0]
    assert machine.found("usb:046D:0825:0E:F5") == [2]  # letters of either case; a serial has any
    assert machine.found("usb:046d:0825:nobody") == []
    assert machine.found("usb:dead:beef") == []


def test_a_camera_keeps_its_name_at_another_number(machine):
    machine.plug(4, "HD Pro Webcam", 0, "1-3", "046d:082d")
    assert the_one("usb:046d:082d", machine.dev, machine.sysfs) == 4
    (machine.dev / "video4").unlink()
    with pytest.raises(SourceError, match=r"usb:046d:082d: no such camera, found .*C270"):
        the_one("usb:046d:082d", machine.dev, machine.sysfs)
    machine.plug(7, "HD Pro Webcam", 0, "1-4", "046d:082d")
    assert the_one("usb:046d:082d", machine.dev, machine.sysfs) == 7


def test_two_of_a_kind_ask_for_the_serial_number(machine):
    with pytest.raises(SourceError, match="2 such cameras") as caught:
        the_one("usb:046d:0825", machine.dev, machine.sysfs)
    assert "usb:046d:0825:A1B2C3D0" in str(caught.value)
    assert "serial" in caught.value.fix


def test_links_of_udev_are_followed(machine):
    link = machine.dev / "v4l/by-id/usb-046d_C270_HD_WEBCAM_A1B2C3D0-video-index0"
    link.symlink_to("../../video2")
    assert machine.found(f"/dev/v4l/by-id/{link.name}") == [2]
    assert machine.found(f"v4l2:///dev/v4l/by-id/{link.name}") == [2]
    assert machine.found("/dev/v4l/by-id/gone") == []


@pytest.mark.parametrize("text", ["camera:10", "/dev/video10", "v4l2:///dev/video10"])
def test_numbers_are_numbers(machine, text):
    assert machine.found(text) == [10]


@pytest.mark.parametrize(
    "text",
    ["camera:front", "usb:046d", "usb:xyzw:0825", "/dev/v4l/by-id/../../../etc/passwd", "v4l2://0"],
)
def test_what_names_no_camera_is_refused(machine, text):
    with pytest.raises(UsageError, match="expected camera:0, usb:046d:0825"):
        machine.found(text)


def test_the_list_has_what_a_camera_is_named_by(machine):
    shown = found_cameras(machine.dev, machine.sysfs)
    assert "video0 (C270 HD WEBCAM, usb:046d:0825:A1B2C3D0)" in shown
    assert shown.endswith("video10 (unicam)")
    assert [n.number for n in nodes(machine.dev, machine.sysfs)] == [0, 1, 2, 10]


def test_strangers_do_not_see_serial_numbers(machine):
    shown = anonymous(found_cameras(machine.dev, machine.sysfs))
    assert "A1B2C3D0" not in shown
    assert "0E:F5" not in shown
    assert "usb:046d:0825:<serial>" in shown
