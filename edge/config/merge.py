"""Flags and a config file together: a flag wins."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from edge.config.records import Camera, Config
from edge.errors import UsageError
from edge.spelling import nearest

ALIKE = (
    *("live", "live_token_file", "live_captures", "budget_ms", "outbox_mb", "vocabulary"),
    *("outline", "length_to", "top_k", "thermal", "health", "health_token_file"),
    *("explain", "explain_every_s", "explain_keep"),
)
NAME = re.compile(r"[\w-]+")  # of a camera, and of no file that has a suffix
PLACED = ("bundle", "engine", "threads", "device", "outbox")  # of the machine: a doctor asks too


def merged(flags: argparse.Namespace, config: Config) -> list[Camera | None]:
    """Sets what the file says and no flag did. Gives and raises as `with_cameras` does."""
    with_machine(flags, config)
    for key in ALIKE:
        _fill(flags, key, getattr(config, key))
    if not flags.no_gallery:
        _fill(flags, "gallery", config.gallery)
    if flags.mm_per_px is None and flags.plane is None:
        flags.plane, flags.mm_per_px = config.plane, config.mm_per_px
    flags.whole = flags.whole or config.whole
    flags.to = flags.to or list(config.targets.values())
    return with_cameras(flags, config)


def with_machine(flags: argparse.Namespace, config: Config) -> None:
    """Sets what runs the bundle, and where events wait, where no flag did."""
    is_foreign = flags.engine is not None and flags.engine != config.engine
    if flags.provider is None and not is_foreign:  # a provider belongs to its engine
        flags.provider = config.provider
    for key in PLACED:
        _fill(flags, key, getattr(config, key))


def with_cameras(flags: argparse.Namespace, config: Config) -> list[Camera | None]:
    """Sets `flags.sources`, by source `flags.paces_s` and `flags.names`, and `flags.only_some`:
    cameras of the file were chosen.

    Gives the camera of each source: an input that is the name or the url of one means that camera
    alone, any other input is none of the file's. Raises UsageError where there is no source.
    """
    cameras = _chosen(flags.sources, config)
    if not cameras:
        raise UsageError(
            f"{flags.config}: no camera is in it and no input is given, expected either",
            fix="[[cameras]], with name and url",
        )
    flags.only_some = bool(flags.sources)
    flags.sources = [
        text if camera is None else camera.url
        for text, camera in zip(flags.sources or config.cameras, cameras, strict=True)
    ]
    paces_s = [camera.pace_s if camera is not None else None for camera in cameras]
    flags.paces_s = [p if flags.every_s is None else flags.every_s for p in paces_s]
    flags.names = [camera and camera.name for camera in cameras]
    return cameras


def _fill(flags: argparse.Namespace, key: str, value: object) -> None:
    if getattr(flags, key) is None:
        setattr(flags, key, value)


def _chosen(texts: list[str], config: Config) -> list[Camera | None]:
    if not texts:
        return list(config.cameras)
    by_name = {c.url: c for c in config.cameras} | {c.name: c for c in config.cameras}
    for text in texts:
        if text not in by_name and NAME.fullmatch(text) and not Path(text).exists():
            raise _no_camera(text, [camera.name for camera in config.cameras])
    return [by_name.get(text) for text in texts]


def _no_camera(text: str, names: list[str]) -> UsageError:
    return UsageError(
        f"{text}: no camera of the config file has this name, and no file, expected "
        f"{', '.join(names) or 'a file'}",
        fix=nearest(text, names) or "edge-tag config show FILE tells its cameras",
    )
