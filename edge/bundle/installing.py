"""Bundles that come to a device: one is in use, the one before it is kept, an older one is refused.

Each is one `.edge` file in the user's data folder. The power may go at any byte: a file is whole
before it has its name, and in use once `installed.json` says so.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import msgspec

from edge.bundle.audit import audit
from edge.bundle.in_use import usable
from edge.bundle.installed import Installed, folder, installed, remember
from edge.bundle.read import DEFAULT, Bundle, open_bundle
from edge.bundle.write import write_zip
from edge.errors import BundleError, SinkError
from edge.heads.gallery import merged
from edge.heads.gallery_file import read_gallery, write_gallery
from edge.heads.gallery_path import default_path
from edge.process import say
from edge.spelling import counted
from edge.store import make_folder

SUFFIX = ".edge"
NEW = "new.edge"  # what is being looked at


class Outcome(msgspec.Struct, frozen=True):
    """Which bundle is in use, and what became of what was enrolled; for people."""

    now: str  # name@counter
    before: str
    gallery: str = ""

    def rows(self) -> list[tuple[str, str]]:
        """A table."""
        if self.now == self.before:
            return [("in use", f"{self.now}, as before")]
        rows = [("in use", self.now), ("before", f"{self.before}: edge-tag bundle rollback")]
        rows += [("gallery", self.gallery)] if self.gallery else []
        return [*rows, ("next", "start the daemon again: systemctl restart edge-tag")]


def install(path: Path, *, may_be_older: bool = False) -> Outcome:
    """The bundle at `path` is what edge-tag uses from now on, where none is named.

    It is copied, and looked at where it will lie: its signature where this device trusts keys,
    every hash, its golden pictures on every engine that is here. Raises BundleError for one that
    is not right, or older than one that was installed; SinkError for a disk that is full.
    """
    state = installed()
    with open_bundle(path) as bundle, _in_use() as old:
        file = f"{bundle.id}{SUFFIX}"
        if not may_be_older:
            _refuse_older(bundle, state)
        if file == state.current and _is_same(bundle, folder() / file):
            return Outcome(bundle.id, bundle.id)
        _copy(bundle, folder() / file)
        previous = state.previous if file == state.current else state.current
        newest = max(bundle.manifest.counter, state.newest.get(bundle.manifest.name, 0))
        known = {**state.newest, bundle.manifest.name: newest}
        return _changed(old, Installed(file, previous, known))


def rollback() -> Outcome:
    """Back to the bundle before this one; once more, and it is as it was.

    Raises BundleError where there is none, or it is damaged; SinkError.
    """
    state = installed()
    if state.current == state.previous:
        raise BundleError(
            "no bundle was installed, expected one to go back from",
            fix="edge-tag bundle install FILE",
        )
    with _in_use() as old:
        return _changed(old, Installed(state.previous, state.current, state.newest))


def listed() -> list[tuple[str, str, str]]:
    """What is on this device: which is in use, its name, where it lies or why not."""
    state = installed()
    files = [name for name in (state.current, state.previous) if name is not None]
    return [_listed(path, state) for path in (*(folder() / name for name in files), DEFAULT)]


def _listed(path: Path, state: Installed) -> tuple[str, str, str]:
    in_use = DEFAULT if state.current is None else folder() / state.current
    what = "in use" if path == in_use else "came with edge-tag" if path == DEFAULT else "before"
    try:
        with open_bundle(path) as bundle:
            bundle.read_all()
            return what, bundle.id, str(path)
    except BundleError as e:
        return what, "refused", str(e)


def _changed(old: Bundle, state: Installed) -> Outcome:
    path = DEFAULT if state.current is None else folder() / state.current
    with open_bundle(path) as bundle:
        bundle.read_all()
        gallery = _carry_gallery(old, bundle)
        remember(state)
        _prune(state)
        return Outcome(bundle.id, old.id, gallery)


def _in_use() -> Bundle:
    return open_bundle(usable(say) or DEFAULT)


def _refuse_older(bundle: Bundle, state: Installed) -> None:
    counter, newest = bundle.manifest.counter, state.newest.get(bundle.manifest.name, 0)
    if counter < newest:
        raise BundleError(
            f"{bundle.root}: counter is {counter}, expected {newest} or more, which was installed",
            fix="edge-tag bundle rollback goes back to the one before; --older, if this is meant",
        )


def _is_same(bundle: Bundle, path: Path) -> bool:
    """False for one that is damaged: it is copied again. Raises BundleError for another one."""
    try:
        with open_bundle(path) as old:
            old.read_all()
            source = old.source
    except BundleError:
        return False
    if source != bundle.source:
        raise BundleError(
            f"{bundle.root}: is another {bundle.id} than the one in use, expected a counter above",
            fix=f"edge-quantize pack --counter {bundle.manifest.counter + 1}",
        )
    return True


def _copy(bundle: Bundle, target: Path) -> None:
    make_folder(target.parent)
    fresh = target.with_name(NEW)
    try:
        write_zip(bundle, fresh, replace=True)
        _prove(fresh)
        fresh.replace(target)
    except OSError as e:
        raise SinkError(f"{target}: {e.strerror or e}", fix="make room on that disk") from e
    finally:
        with suppress(OSError):
            fresh.unlink(missing_ok=True)


def _prove(path: Path) -> None:
    findings = list(audit(str(path)))
    wrong = [f"{f.what}: {f.found}" for f in findings if f.answer == "NO"]
    if wrong:
        raise BundleError("; ".join(wrong), fix="the bundle in use stays; have another one packed")
    if not any(f.is_golden and f.answer == "yes" for f in findings):
        here = "; ".join(f"{f.what}: {f.found}" for f in findings if f.is_golden)
        raise BundleError(
            f"no engine of this bundle is here, expected one: {here}",
            fix="install what one of them names, and try again",
        )


def _carry_gallery(old: Bundle, bundle: Bundle) -> str:
    """What was enrolled goes along where the embedding is the same, beside what is there."""
    source, target = default_path(old), default_path(bundle)
    if source == target or not source.exists():
        return ""
    try:
        gallery = read_gallery(source, bundle)
    except BundleError:
        return f"what was enrolled stays with {old.id}, for the embedding is another: enrol again"
    if target.exists():
        with suppress(BundleError):  # one that is damaged has nothing to add
            gallery = merged(read_gallery(target, bundle), gallery)
    write_gallery(target, gallery)
    return f"{counted(len(gallery.tags), 'enrolled tag')} went along"


def _prune(state: Installed) -> None:
    """Bundles that nothing goes back to; what was enrolled for them is the user's, and stays."""
    for path in folder().glob(f"*{SUFFIX}"):
        if path.name not in (state.current, state.previous):
            with suppress(OSError):
                path.unlink()
