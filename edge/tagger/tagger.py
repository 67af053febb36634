"""An open engine with its bundle: regions of a picture in, scores of every head out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from functools import partial
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from edge.bundle.golden import EMBEDDING, require
from edge.bundle.manifest import Artifact, Head
from edge.bundle.read import Bundle, TagNames
from edge.engines import Engine
from edge.frames import tag_frame
from edge.glance.heat import Heat
from edge.glance.looking import Glancer
from edge.heads import chosen
from edge.heads.embedded import AddedHead, open_attributes
from edge.pictures import pixels
from edge.pictures.planes import Scratch
from edge.pictures.prepare import Preparer, prepare
from edge.records import F32, U8, Picture, Region, Tag
from edge.schedule.pace import Pace
from edge.seen import AS_USUAL, Glance, View
from edge.tagger.answers import (
    Answers,
    Looks,
    Reading,
    check_input,
    check_outputs,
    read_outputs,
)
from edge.tagger.turns import Turns

if TYPE_CHECKING:
    from edge.boards.virtual import Virtual

T = TypeVar("T")

BATCH = 8  # regions a launch: more gain little on a CPU, and memory grows with it


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
        self.heads: tuple[Head, ...]
        self.tags: dict[str, TagNames]
        own = bundle.manifest.heads
        self._choose(chosen.Heads(own, {head.name: bundle.tags_of(head) for head in own}))
        self._engine = engine
        self._spec = bundle.manifest.input
        self._preparer = Preparer(self._spec.height, self._spec.width)
        self._scratch = Scratch()
        self._turns = Turns()
        check_input(bundle, artifact, engine)
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
        """Add a head, in place of one of its name that was added before. It counts from the next
        frame on; what was tuned stays so.
        """
        self._choose(chosen.with_head(self._heads, added))

    def tune(self, thresholds: Mapping[str, float], off: Collection[str] = ()) -> None:
        """Thresholds by head in place of the bundle's, heads to leave out; the rest as they came.

        Counts from the next frame on. Raises ValueError for a head that is not there, or for a
        threshold that is no probability, as 50 for 50 % would be.
        """
        self._choose(chosen.tune(self._heads, thresholds, off))

    def _choose(self, heads: chosen.Heads) -> None:
        self._heads, self.heads, self.tags = heads, heads.in_use, heads.tags

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
        """Look at one region after the other. While the engine runs, the next region is prepared,
        and the outputs for the one before are read.

        Scores are those of `look`. `regions` is asked for one more than is looked at, and the
        iterator may be left at any time; beginning another one ends it. Raises as `look` does, once
        it is that region's turn; none at all is no error here.
        """
        with closing(self._preparer.crops(picture, regions)) as crops:
            for crop in crops:
                outputs, engine_ms = self.launch(crop)
                yield Reading(engine_ms, self._preparer.aside(partial(self.read, outputs)))

    def aside(self, work: Callable[[], T]) -> Callable[[], T]:
        """Have `work` done while the engine is busy with the next of `looks`, in the order given.
        The function that comes back gives its result, or raises what it raised; call these in the
        same order.
        """
        return self._preparer.in_turn(work)

    def tag(self, picture: Picture, view: View = AS_USUAL) -> tuple[Tag, ...]:
        """The tags of a picture, best first, closer looks included; see `edge.frames`.

        Raises as `tag_frame` does; ValueError once closed, and in a process forked since.
        """
        with self._turns.one():
            return tag_frame(self, picture, view).tags

    def embed(self, picture: Picture) -> F32:
        """The whole picture -> (D,) of length 1. Raises InferenceError and ValueError as `tag`."""
        pixels.check(picture)
        width, height = pixels.size(picture)
        with self._turns.one():
            row: F32 = self.look(picture, [Region(0, 0, width, height, "full")]).embedding[0]
        return row

    def close(self) -> None:
        """Once whoever is at `tag` or `embed` has an answer."""
        self._turns.end(self._close)

    def _close(self) -> None:
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

    def read(self, outputs: Mapping[str, F32]) -> Answers:
        """What the engine gave -> embedding, scores by head. Raises InferenceError."""
        return read_outputs(outputs, self.artifact, self._heads.own, self._heads.added)

    def score(self, rgb: U8) -> dict[str, F32]:
        """One picture of the input size -> head -> its row of scores; and the embedding's."""
        outputs = self._engine.run(rgb[None])
        check_outputs(self.bundle, self.artifact, outputs)
        unit, by_head = self.read(outputs)
        return {name: rows[0] for name, rows in {EMBEDDING: unit, **by_head}.items()}
