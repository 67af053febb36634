"""The words of the programs that read a camera for us; nothing is started here."""

from __future__ import annotations

import pytest

from edge.errors import SourceError, UsageError
from edge.sources.commands import Shape, command, name_of, shape_of

SHAPE = Shape(1280, 720, 15)


def has(*programs: str):
    return lambda name: name in programs


def test_a_pi_uses_its_own_program():
    words = command("csi://0", SHAPE, has("rpicam-vid", "gst-launch-1.0"), False)
    assert " ".join(words) == (
        "rpicam-vid --nopreview --timeout 0 --camera 0 --codec yuv420 --width 1280 --height 720 "
        "--framerate 15 --flush --output -"
    )


def test_an_older_pi_too():
    assert command("csi://1", SHAPE, has("libcamera-vid"), False)[0] == "libcamera-vid"


def test_a_jetson_uses_nvidias_source():
    words = " ".join(command("csi://1", SHAPE, has("gst-launch-1.0"), True))
    assert words.startswith("gst-launch-1.0 --quiet nvarguscamerasrc sensor-id=1 ! ")
    assert "video/x-raw(memory:NVMM),width=1280,height=720,framerate=15/1 ! nvvidconv" in words
    assert words.endswith("video/x-raw,format=I420,width=1280,height=720 ! fdsink fd=1 sync=false")


def test_others_use_libcamera_through_gstreamer():
    words = command("libcamera:///base/soc/i2c0mux/imx708@1a", SHAPE, has("gst-launch-1.0"), False)
    assert words[2:4] == ["libcamerasrc", "camera-name=/base/soc/i2c0mux/imx708@1a"]
    assert "camera-name=0" not in command("csi://0", SHAPE, has("gst-launch-1.0"), False)


def test_a_named_camera_is_not_given_to_a_program_that_counts():
    both = has("rpicam-vid", "gst-launch-1.0")
    assert command("libcamera:///base/imx219", SHAPE, both, False)[0] == "gst-launch-1.0"


def test_nothing_installed_says_what_is_missing_and_that_opencv_is_not_it():
    with pytest.raises(
        SourceError, match=r"rpicam-vid, libcamera-vid or gst-launch-1\.0"
    ) as caught:
        command("csi://0", SHAPE, has(), False)
    assert "pip's OpenCV has no GStreamer" in str(caught.value)
    assert "apt install" in caught.value.fix


@pytest.mark.parametrize("text", ["csi://", "csi://0;reboot", "libcamera://a b", "csi://$(reboot)"])
def test_what_is_no_camera_is_refused(text):
    with pytest.raises(UsageError, match="not a camera"):
        command(text, SHAPE, has("gst-launch-1.0"), False)


def test_a_pipeline_reaches_the_program_word_by_word():
    words = command("gst:v4l2src device=/dev/video0; ! x", SHAPE, has("gst-launch-1.0"), False)
    assert words[2:6] == ["v4l2src", "device=/dev/video0;", "!", "x"]


def test_a_pipeline_is_not_shown():
    text = "gst:rtspsrc location=rtsp://cam user-pw=canary"
    assert name_of(text) == "gst:rtspsrc"
    with pytest.raises(SourceError) as caught:
        command(text, SHAPE, has(), False)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("text", ["1280", "1280x720x3", "1281x720", "0x720", "640x481", "99999x2"])
def test_a_size_that_cannot_be_is_refused(text):
    with pytest.raises(ValueError, match="expected WIDTHxHEIGHT"):
        shape_of(text, 15)
