"""The flags of live sources, and what their addresses may say."""

from __future__ import annotations

import argparse

SOURCES = """
cameras and streams, with options behind a #:
  camera:0  usb:046d:0825[:SERIAL]  /dev/v4l/by-id/...  v4l2:///dev/video0
  rtsp://cam/1#transport=udp,user=shop,password-file=FILE    tcp unless it says udp
  csi://0#size=1920x1080,fps=15     also libcamera://NAME, gst:videotestsrc
  ...#timeout=30,frozen=0           s without a frame; s of the same picture, 0: any (10, 30)
  test://belt?fps=10&size=640x384&seed=1&freeze=60:15&vanish=90:20&silent=200:15&resize=120:30&rubbish=45:5
                                    a made-up camera; faults in the last 15 of every 60 s
one that breaks is opened again, after 0.5 to 30 s; what is wrong is told once each ten minutes
"""


def add_wait(parser: argparse.ArgumentParser) -> None:
    """Of `edge-tag`."""
    text = "a camera or stream that is not there yet is waited for (with --config, always)"
    parser.add_argument("--wait", action="store_true", help=text)
