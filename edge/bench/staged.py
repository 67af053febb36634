"""Where the time of a frame goes. Everything is done as `Tagger` does it, but one thing at a time:
were the next crop cut while the engine runs, nobody could tell the two apart.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from time import perf_counter

from edge.bench.line import STAGES
from edge.frames import tag_frame
from edge.glance.heat import Heat
from edge.records import Picture, Region
from edge.seen import OneByOne, View
from edge.tagger import Looks, Tagger


class Staged(OneByOne):
    """What `tag_frame` needs of a tagger, each part timed. For one frame at a time."""

    def __init__(self, tagger: Tagger) -> None:
        self._tagger = tagger
        self.heads, self.tags, self.pace = tagger.heads, tagger.tags, tagger.pace
        self.input_px, self.has_glance = tagger.input_px, tagger.has_glance
        self._ms = dict.fromkeys(STAGES, 0.0)
        self._since = 0.0  # the glance ended then, and no crop was asked for yet

    def stages_ms(self, picture: Picture, view: View) -> tuple[dict[str, float], int]:
        """A frame as a source's first: ms by stage, launches."""
        self._ms = dict.fromkeys(STAGES, 0.0)
        begin = self._since = perf_counter()
        seen = tag_frame(self, picture, view)
        self._ms["rest"] = (perf_counter() - begin) * 1e3 - sum(self._ms.values())
        return self._ms, seen.spent.glances + seen.spent.crops

    def looks(self, picture: Picture, regions: Iterable[Region]) -> Generator[Looks, None, None]:
        """As `Tagger.looks`, without reading ahead."""
        for region in regions:
            if region.kind != "full" and self._since:
                self._add("plan", self._since)
                self._since = 0.0
            yield self.look(picture, [region])
            if region.kind == "full":
                self._since = perf_counter()

    def look(self, picture: Picture, regions: Sequence[Region]) -> Looks:
        begin = perf_counter()
        batch = self._tagger.cut(picture, regions)
        self._add("cut", begin)
        outputs, engine_ms = self._tagger.launch(batch)
        self._ms["engine"] += engine_ms
        begin = perf_counter()
        embedding, by_head = self._tagger.read(outputs)
        self._add("heads", begin)
        return Looks(embedding, by_head, engine_ms)

    def glance(self, picture: Picture, part: Region | None = None) -> tuple[Heat, float]:
        begin = perf_counter()
        heat, engine_ms = self._tagger.glance(picture, part)
        self._add("cut", begin)
        self._ms["cut"] -= engine_ms
        self._ms["engine"] += engine_ms
        self._since = perf_counter()
        return heat, engine_ms

    def _add(self, stage: str, since: float) -> None:
        self._ms[stage] += (perf_counter() - since) * 1e3
