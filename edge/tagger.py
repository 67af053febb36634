"""An open engine with its bundle: regions of a picture in, scores of every head out."""

from __future__ import annotations

import ctypes
import logging
import os
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from os import PathLike
from threading import RLock
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, NoReturn, TypeVar

import msgspec
import numpy as np

from edge.bundle.golden import EMBEDDING, require
from edge.bundle.losses import losses
from edge.bundle.manifest import Artifact, Head
from edge.bundle.read import Bundle, TagNames, open_bundle
from edge.engines import ENGINES, Engine, check_name, installed, open_engine, pip_line
from edge.errors import PACK_AGAIN, BundleError, EngineMissing, InferenceError
from edge.frames import tag_frame
from edge.glance.heat import Heat
from edge.glance.looking import Glancer, open_glance
from edge.heads.embedded import AddedHead, open_attributes
from edge.heads.scores import scores
from edge.pictures import pixels
from edge.pictures.planes import Scratch
from edge.pictures.prepare import Preparer, prepare
from edge.records import F32, U8, Picture, Region, Tag
from edge.schedule.pace import Pace
from edge.seen import AS_USUAL, Glance, View

if TYPE_CHECKING:
    from edge.boards.virtual import Virtual

log = logging.getLogger(__name__)
T = TypeVar("T")

BATCH = 8  # regions a launch: more gain little on a CPU, and memory grows with it


class Looks(msgspec.Struct, frozen=True, eq=False):
    """What R regions look like, and what it cost to find out."""

    embedding: F32  # (R, D), rows of length 1
    scores: dict[str, F32]  # head -> (R, T) or, with "none", (R, T + 1)
    engine_ms: float  # inside the engine


class Reading:
    """What one region looks like, as `Looks`; made out while the engine is busy with the next one,
    so whoever asks for it late need not wait.
    """

    def __init__(self, engine_ms: float, read: Callable[[], tuple[F32, dict[str, F32]]]) -> None:
        self.engine_ms = engine_ms
        self._read = read

    @property
    def embedding(self) -> F32:
        """(1, D), of length 1. Raises InferenceError for what is no number, as does `scores`."""
        return self._read()[0]

    @property
    def scores(self) -> dict[str, F32]:
        """head -> (1, T) or, with "none", (1, T + 1)"""
        return self._read()[1]


class Tagger:
    """`tag` and `embed` may be called by any thread: they take turns. All else is for the one
    thread that owns a tagger. Owns its bundle and engine, and closes them.
    """

    def __init__(
        self,
        bundle: Bundle,
        artifact: Artifact,
        engine: Engine,
        glancer: Glancer | None = None,
        virtual: Virtual | None = None,
    ) -> None:
        """Raises BundleError when the artifact's shapes or scores are not those of the manifest."""
        self.bundle = bundle
        self.clock: Callable[[], float] = virtual.clock if virtual else perf_counter
        self.device = virtual.label if virtual else ""  # empty: this one
        self.pace = Pace(self.clock)
        self._glancer = glancer
        self.artifact = artifact
        self.heads: tuple[Head, ...] = bundle.manifest.heads
        self.tags: dict[str, TagNames] = {head.name: bundle.tags_of(head) for head in self.heads}
        self._added: tuple[AddedHead, ...] = ()
        self._tuned: tuple[Mapping[str, float], Collection[str]] = {}, ()
        self._engine = engine
        self._spec = bundle.manifest.input
        self._preparer = Preparer(self._spec.height, self._spec.width)
        self._scratch = Scratch()
        self._turns, self._process, self._is_closed = RLock(), os.getpid(), False
        self._check_input()
        require(bundle, artifact, self.score)  # which warms the engine up as well
        if (attributes := open_attributes(bundle)) is not None:
            self.add(attributes)

    @property
    def engine(self) -> str:
        """`engine/PROVIDER`, as in the results."""
        return f"{self._engine.name}/{self._engine.provider}"

    @property
    def input_px(self) -> int:
        """The longer side of the input: a region of this size loses no detail."""
        return max(self._spec.height, self._spec.width)

    @property
    def takes_batches(self) -> bool:
        """False: the artifact is for one picture, and more go through one by one."""
        return self._engine.input.shape[0] == -1

    @property
    def has_glance(self) -> bool:
        """Does the bundle know where in a frame to look?"""
        return self._glancer is not None

    def add(self, added: AddedHead) -> None:
        """One head more, which reads the embedding. Raises ValueError for a name that is taken."""
        if added.head.name in self.tags:
            raise ValueError(f"head {added.head.name!r} is there already, expected another name")
        self.put(added)

    def put(self, added: AddedHead) -> None:
        """The same, in place of the one of its name that was added before, where there is one.

        Counts from the next frame on; what was tuned stays so.
        """
        name = added.head.name
        self._added = (*(one for one in self._added if one.head.name != name), added)
        self.tags[name] = added.names
        self.tune(*self._tuned)

    def tune(self, thresholds: Mapping[str, float], off: Collection[str] = ()) -> None:
        """Thresholds by head in place of the bundle's, heads to leave out; the rest as they came.

        Counts from the next frame on. Raises ValueError for a head that is not there, or for a
        threshold that is no probability, as 50 for 50 % would be.
        """
        given = (*self.bundle.manifest.heads, *(added.head for added in self._added))
        known = [head.name for head in given]
        for name in (*thresholds, *off):
            if name not in known:
                raise ValueError(f"head {name!r} is unknown, expected one of {', '.join(known)}")
        for name, least in thresholds.items():
            if not 0 <= least <= 1:
                raise ValueError(f"threshold of head {name!r} is {least}, expected 0..1")
        self._tuned = thresholds, off
        self.heads = tuple(
            msgspec.structs.replace(head, thresholds=(thresholds[head.name],))
            if head.name in thresholds
            else head
            for head in given
            if head.name not in off
        )

    def glance(self, picture: Picture, part: Region | None = None) -> tuple[Heat, float]:
        """Where in a picture, or in a part of it, a closer look would pay; ms inside the engine.

        Raises ValueError without a glance in the bundle, InferenceError when the engine fails.
        """
        if self._glancer is None:
            raise ValueError(f"{self.bundle.root}: bundle has no glance")
        return self._glancer.glance(picture, part)

    def glance_ahead(self, picture: Picture, part: Region | None = None) -> Glance:
        """`glance`, when it is called; what the engine is given for it is made meanwhile, beside
        other launches. It may be left uncalled. Raises as `glance` does.
        """
        if self._glancer is None:
            raise ValueError(f"{self.bundle.root}: bundle has no glance")
        size, glance_at = pixels.size(picture), self._glancer.glance_at
        made = self._preparer.begin(partial(self._glancer.shrunk, picture, part))
        return lambda: glance_at(made(), size, part)

    def look(self, picture: Picture, regions: Sequence[Region]) -> Looks:
        """Scores of every head for each region, in the order of `regions`.

        A region of kind "full" is shrunk as a glance is, any other resized as a closer look. Raises
        InferenceError when the engine fails; ValueError for a region outside the picture, or none,
        and for an array that is no frame.
        """
        pixels.check(picture)
        if not regions:
            raise ValueError("regions is empty, expected 1 or more")
        engine_ms, parts = 0.0, []
        for i in range(0, len(regions), BATCH):
            outputs, ms = self.launch(self.cut(picture, regions[i : i + BATCH]))
            parts.append(outputs)
            engine_ms += ms
        embedding, by_head = self.read(
            {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
        )
        return Looks(embedding, by_head, engine_ms)

    def looks(self, picture: Picture, regions: Iterable[Region]) -> Generator[Reading, None, None]:
        """One region after the other; while the engine runs, the next one is prepared, and what it
        gave for the one before is made out.

        Scores are those of `look`. `regions` is asked for one more than is looked at, and the
        iterator may be left at any time; beginning another one ends it. Raises as `look` does, once
        it is that region's turn; none at all is no error here.
        """
        with closing(self._preparer.crops(picture, regions)) as crops:
            for crop in crops:
                outputs, engine_ms = self.launch(crop)
                yield Reading(engine_ms, self._preparer.aside(partial(self.read, outputs)))

    def aside(self, work: Callable[[], T]) -> Callable[[], T]:
        """Done while the engine is busy with the next of `looks`, one piece after the other; what
        comes back gives its result, or raises what it did. To be called in the order given.
        """
        return self._preparer.in_turn(work)

    def tag(self, picture: Picture, view: View = AS_USUAL) -> tuple[Tag, ...]:
        """The tags of a picture, best first, closer looks included; see `edge.frames`.

        Raises as `tag_frame` does; ValueError once closed, and in a process forked since.
        """
        with self._turn():
            return tag_frame(self, picture, view).tags

    def embed(self, picture: Picture) -> F32:
        """The whole picture -> (D,) of length 1. Raises InferenceError and ValueError as `tag`."""
        pixels.check(picture)
        width, height = pixels.size(picture)
        with self._turn():
            row: F32 = self.look(picture, [Region(0, 0, width, height, "full")]).embedding[0]
        return row

    def close(self) -> None:
        """Once whoever is at `tag` or `embed` has an answer. Of threads that a forked process has
        not got, the end would be waited for for ever: there the engine goes with the process.
        """
        if self._is_forked:
            return
        with self._turns:
            self._is_closed = True
            self._preparer.close()
            if self._glancer is not None:
                self._glancer.close()
            self._engine.close()
            self.bundle.close()

    def __enter__(self) -> Tagger:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def _is_forked(self) -> bool:
        """Is this process a copy of the one that opened it?"""
        return os.getpid() != self._process

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """One thread's after another's, as all use the same memory. Raises ValueError where there
        would be no answer: a forked process has none of the threads, and would wait for ever.
        """
        if self._is_forked:
            raise ValueError("tagger was opened before this process was forked, expected after it")
        with self._turns:
            if self._is_closed:
                raise ValueError("tagger is closed, expected an open one")
            yield

    def cut(self, picture: Picture, regions: Sequence[Region]) -> U8:
        """(R, h, w, 3), in memory that the next batch is made in again."""
        batch = self._scratch.array("batch", len(regions), self._spec.height, self._spec.width, 3)
        for region, row in zip(regions, batch, strict=True):
            prepare(picture, region, row, self._scratch)
        return batch

    def launch(self, batch: U8) -> tuple[dict[str, F32], float]:
        """What the engine gives, and the ms inside it."""
        begin = self.clock()
        outputs = self._engine.run(batch)
        return outputs, (self.clock() - begin) * 1e3

    def read(self, outputs: Mapping[str, F32]) -> tuple[F32, dict[str, F32]]:
        """Engine outputs by the artifact's names -> embedding, scores by head.

        After the engine the caches hold nothing of this, and every call of numpy costs several
        times what it costs in a loop: hence few of them, and none of their wrappers in Python.
        """
        names = self.artifact.outputs
        used = [outputs[name] for name in names.values() if name in outputs]
        if not np.isfinite(np.concatenate(used, axis=1)).all():
            self._refuse(outputs)
        rows = outputs[names["embedding"]]
        squares: F32 = np.add.reduce(rows * rows, axis=1, keepdims=True)
        lengths: F32 = np.maximum(np.sqrt(squares), 1e-12)  # all zero stays so
        unit = rows / lengths
        own = self.bundle.manifest.heads
        by_head = {head.name: scores(head, outputs[names[head.name]]) for head in own}
        return unit, by_head | {a.head.name: a.scores(unit) for a in self._added}

    def _refuse(self, outputs: Mapping[str, F32]) -> NoReturn:
        """Some of them are no numbers. Raises InferenceError."""
        word = next(
            word
            for word, name in self.artifact.outputs.items()
            if name in outputs and not np.isfinite(outputs[name]).all()
        )
        raise InferenceError(
            f"{self.engine}: output {word!r} holds NaN or infinity, expected numbers",
            fix="use the float artifact, another engine or another provider",
        )

    def score(self, rgb: U8) -> dict[str, F32]:
        """One picture of the input size -> head -> its row of scores; and the embedding's."""
        outputs = self._engine.run(rgb[None])
        self._check_outputs(outputs)
        unit, by_head = self.read(outputs)
        return {name: rows[0] for name, rows in {EMBEDDING: unit, **by_head}.items()}

    def _check_input(self) -> None:
        """Raises BundleError."""
        wanted = (self._spec.height, self._spec.width, 3)
        if self._engine.input.shape[1:] != wanted:
            raise self._mismatch("input", self._engine.input.shape[1:], wanted)

    def _check_outputs(self, outputs: Mapping[str, F32]) -> None:
        """Of one picture. Raises BundleError."""
        sizes = {"embedding": self.bundle.manifest.embedding_size}
        own = self.bundle.manifest.heads
        sizes |= {head.name: len(self.tags[head.name]) + head.has_none for head in own}
        for word, size in sizes.items():
            name = self.artifact.outputs[word]
            if name not in outputs:
                raise self._mismatch(
                    f"output {word!r}", f"missing ({name!r})", f"one of {list(outputs)}"
                )
            if outputs[name].shape != (1, size):
                raise self._mismatch(f"output {word!r}", outputs[name].shape, (1, size))

    def _mismatch(self, what: str, found: object, expected: object) -> BundleError:
        key = f"{self.artifact.engine}/{self.artifact.precision}"
        return BundleError(
            f"{self.bundle.root}: {what} of artifact {key} is {found}, expected {expected}",
            fix=PACK_AGAIN,
        )


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
    with ExitStack() as opened, ThreadPoolExecutor(1, "open glance") as aside:
        stored = opened.enter_context(open_bundle(bundle))
        name = engine or _choose(stored)
        artifact = stored.artifact(name, precision or _best_precision(stored, name, preferred))
        files = [stored.read(file) for file in artifact.files]
        glance: Callable[[], Glancer | None]
        glance = partial(open_glance, stored, artifact, provider, threads, virtual)
        if not whole and virtual is None:  # whose clock is one thread's
            glance = aside.submit(glance).result  # both engines are opened side by side
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
