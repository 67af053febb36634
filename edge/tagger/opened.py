"""A bundle opened on an engine: which artifact of it, on which engine, and both of them."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from functools import partial
from os import PathLike
from typing import TYPE_CHECKING

from edge.aside import Aside
from edge.bundle.losses import losses
from edge.bundle.read import Bundle, open_bundle
from edge.engines import ENGINES, check_name, installed, open_engine, pip_line
from edge.errors import BundleError, EngineMissing
from edge.glance.looking import Glancer, open_glance
from edge.tagger.tagger import Tagger

if TYPE_CHECKING:
    from edge.boards.virtual import Virtual

log = logging.getLogger(__name__)


def open_tagger(
    bundle: str | PathLike[str] | None = None,
    engine: str | None = None,
    provider: str | None = None,
    threads: int | None = None,
    precision: str | None = None,
    preferred: str | None = None,
    virtual: Virtual | None = None,
    whole: bool = False,
) -> Tagger:
    """Open a bundle on an engine; its golden pictures prove that it answers as when it was packed.

    bundle     a directory or `.edge` file; None: the one that is installed, else the one that
               came with edge-tag
    engine     None: the first of onnxruntime, openvino, tflite that is installed and in the bundle
    provider   the engine's execution target, in any case; None: CPU
    threads    None: the engine decides
    precision  "int8" or "float"; None: int8 where the bundle has it for that engine
    preferred  that one in place of int8, where the bundle has it
    virtual    a device whose predicted time every launch takes; None: this one, in its own time
    whole      only whole frames will be looked at: the glance is left out, which starts faster

    Raises BundleError, EngineError (of these EngineMissing and ProviderUnavailable), UsageError,
    and ConfigError where the keys that must have signed it cannot be read.
    """
    provider, threads = provider or "CPU", threads or 0
    if engine is not None:
        check_name(engine)
    with ExitStack() as opened, closing(Aside("open glance")) as aside:
        stored = opened.enter_context(open_bundle(bundle))
        name = engine or _choose(stored)
        artifact = stored.artifact(name, precision or _best_precision(stored, name, preferred))
        files = [stored.read(file) for file in artifact.files]
        glance: Callable[[], Glancer | None]
        glance = partial(open_glance, stored, artifact, provider, threads, virtual)
        if not whole and virtual is None:  # whose clock is one thread's
            later = aside.later(glance)  # both engines are opened side by side
            glance = glance if later is None else later.result
        running = open_engine(name, files, provider=provider, threads=threads)
        opened.enter_context(closing(running))
        if virtual is not None:
            running = virtual.engine(running, artifact.files, stored.root)
        glancer = None if whole else glance()
        if glancer is not None:
            opened.enter_context(closing(glancer))
        tagger = Tagger(stored, artifact, running, glancer, virtual)
        opened.pop_all()
    for loss in losses(tagger.heads, artifact):
        log.warning("%s: %s", stored.root, loss)
    if glancer is not None:
        _give_back()
    return tagger


def _give_back() -> None:
    """What was freed, to the system: engines that open side by side leave 5 MB of it in glibc."""
    with suppress(OSError, AttributeError, TypeError):  # another C library has no such function
        ctypes.CDLL(None).malloc_trim(0)


def _choose(bundle: Bundle) -> str:
    """The first engine that is both here and in the bundle."""
    offered = {artifact.engine for artifact in bundle.manifest.artifacts}
    here = {*installed(), "null"}
    for name in ENGINES:
        if name in offered and name in here:
            return name
    known = [name for name in ENGINES if name in offered]
    if not known:
        raise BundleError(
            f"{bundle.root}: bundle is for {', '.join(sorted(offered))}, "
            f"expected one of {', '.join(ENGINES)}",
            fix="update edge-tag: pip install -U edge-tag",
        )
    raise EngineMissing(
        f"{bundle.root}: bundle is for {', '.join(known)}, and none of them is installed",
        fix=pip_line(known[0]),
    )


def _best_precision(bundle: Bundle, engine: str, preferred: str | None) -> str:
    has = {a.precision for a in bundle.manifest.artifacts if a.engine == engine}
    if preferred in has:
        return preferred
    return "float" if has == {"float"} else "int8"
