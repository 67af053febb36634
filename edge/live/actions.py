"""What can be done on the live page: a picture made to stand still, a tag enrolled, a picture kept
for calibration, the config file read again. What touches the tagger is done between two frames.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from edge import __version__
from edge.config.watch import Reload
from edge.errors import UsageError
from edge.heads import gallery as galleries
from edge.heads.added import gallery_head
from edge.heads.examples import example, new_gallery
from edge.heads.gallery import Enrolled, Gallery
from edge.heads.gallery_file import read_gallery, write_gallery
from edge.heads.rows import is_name
from edge.heads.scores import GALLERY
from edge.health.usage import leave_room
from edge.live import shown
from edge.live.jobs import Jobs
from edge.live.shots import Shot
from edge.live.window import Window
from edge.pictures.calibration_set import MANIFEST, MAX_PICTURES, CalibrationSet, capture, load_set
from edge.pictures.pixels import rgb
from edge.pictures.stems import stem_of
from edge.records import Box, Frame
from edge.tagger import Tagger

Name = Annotated[str, Meta(max_length=200)]


class Freeze(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest picture of a source is to stand still."""

    camera: Name


class Enrol(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a picture that stands still is a new thing, or one more view of a known one."""

    frozen: Name
    box: Box
    name: Name


class Capture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The newest picture is to be kept, or the one that stands still."""

    camera: Name
    frozen: Name | None = None


class Run(msgspec.Struct, frozen=True, eq=False):
    """What the actions work on.

    gallery   the file that things are enrolled in; None: the run takes none
    captures  the folder that pictures are kept in, each source's in its own
    reload    None: there is no config file
    """

    tagger: Tagger
    gallery: Path | None
    captures: Path
    reload: Reload | None


class Actions:
    """Any thread may ask. Raises EdgeErrors, which are told to whoever asked."""

    def __init__(self, window: Window, jobs: Jobs, run: Run) -> None:
        self._window, self._jobs, self._run = window, jobs, run
        self._enrolling = threading.Lock()
        self._capturing = threading.Lock()
        if run.reload is not None:
            run.reload.after = window.forget

    def known(self) -> dict[str, Any]:
        """What there is to be done here, and the names that are enrolled."""
        tags = self._run.tagger.tags
        return {
            "enrol": self._run.gallery is not None,
            "reload": self._run.reload is not None,
            "captures": str(self._run.captures),
            "heads": list(tags),
            "enrolled": [name for name, _ in tags.get(GALLERY, ())],
        }

    def freeze(self, request: Freeze) -> dict[str, Any]:
        number, shot = self._window.freeze(request.camera)
        return {"frozen": number, **shown.frame(request.camera, shot)}

    def enrol(self, request: Enrol) -> dict[str, Any]:
        """As `edge-tag enroll --name NAME PICTURE --box BOX`; the tagger knows it at once.

        The tagger's thread only looks; learning and the disk are this thread's.
        """
        run = self._run
        if run.gallery is None:
            raise UsageError("this run takes no gallery", fix="start it without --no-gallery")
        name = request.name.strip()
        if not is_name(name):
            raise UsageError(
                "expected a name of 1 to 100 characters, without line breaks",
                fix="type a shorter one",
            )
        _, picture = self._window.frozen(request.frozen)
        pixels, tagger = rgb(picture), run.tagger
        with self._enrolling:
            view = self._jobs.ask(lambda: example(tagger, pixels, request.box))
            made = self._with(run.gallery, Enrolled(name, None, (view,)))
            write_gallery(run.gallery, made)
            self._jobs.ask(lambda: tagger.put(gallery_head(made)))
        [tag] = [tag for tag in made.tags if tag.tag == name]
        return {
            "name": name,
            "examples": len(tag.examples),
            "recalled": tag.recalled,
            "gallery": str(run.gallery),
            "enrolled": [one.tag for one in made.tags],
        }

    def capture(self, request: Capture) -> dict[str, Any]:
        """As `edge-tag capture` keeps a frame: one that looks like the last one is left out."""
        shot = self._shot(request)
        folder = self._run.captures / stem_of(request.camera)
        leave_room(folder)
        result = shot.result
        frame = Frame(result.source, result.frame, result.time, shot.picture)
        new = CalibrationSet(1, stem_of(request.camera), f"edge-tag {__version__} live page", "")
        with self._capturing:
            before = _count(folder)
            made = capture([frame], folder, new, MAX_PICTURES)
        return {
            "kept": len(made.pictures) > before,
            "pictures": len(made.pictures),
            "folder": str(folder),
        }

    def reload(self) -> dict[str, Any]:
        """As SIGHUP does: the whole file counts, or nothing of it."""
        if self._run.reload is None:
            raise UsageError("this run has no config file", fix="edge-tag run --config FILE")
        done = self._jobs.ask(self._run.reload.now)
        return {
            "reloaded": not done.wrong,
            "wrong": [e.with_fix for e in done.wrong],
            "late": done.late,
        }

    def _with(self, path: Path, new: Enrolled) -> Gallery:
        """What is in the file counts: somebody may have enrolled something meanwhile."""
        tagger = self._run.tagger
        if path.exists():
            return galleries.with_examples(read_gallery(path, tagger.bundle), new)
        return self._jobs.ask(lambda: new_gallery(tagger, new))

    def _shot(self, request: Capture) -> Shot:
        known = self._window.sources()
        if request.camera not in known:  # each name would make a folder of its own
            raise UsageError(
                f"{request.camera[:80]}: no source has this name, expected {', '.join(known)}",
                fix="name one of them",
            )
        if request.frozen is not None:
            return self._window.frozen(request.frozen)[0]
        return self._window.newest(request.camera)


def _count(folder: Path) -> int:
    return len(load_set(folder).pictures) if (folder / MANIFEST).exists() else 0
