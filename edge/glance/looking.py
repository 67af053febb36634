"""The glance: an open engine with the bundle's heat map, proven on its golden picture."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from edge.bundle.manifest import Artifact, GoldenCell, HeatArtifact, HeatMap
from edge.bundle.read import Bundle
from edge.engines import Engine, open_engine
from edge.errors import COPY_OR_OTHER, PACK_AGAIN, BundleError, InferenceError, NotReproduced
from edge.glance.heat import Heat, read
from edge.glance.parts import shifted
from edge.pictures import pixels
from edge.pictures.planes import Scratch
from edge.records import F32, U8, Picture, Region

if TYPE_CHECKING:
    from edge.boards.virtual import Virtual

TOLERANCE = 0.1  # of a probability; integer kernels differ a little between CPUs
OFF = 0.3  # cells, or doublings of the side, likewise
GEOMETRY = ("down", "right", "log2 of the side")


class Glancer:
    """Not thread-safe. Owns its engine."""

    def __init__(
        self,
        bundle: Bundle,
        spec: HeatMap,
        artifact: HeatArtifact,
        engine: Engine,
        clock: Callable[[], float] = perf_counter,
    ) -> None:
        """Raises BundleError when it does not answer as when it was packed."""
        self._spec, self._artifact, self._engine, self._clock = spec, artifact, engine, clock
        self._scratch, self._lock = Scratch(), threading.Lock()
        self._where = f"{bundle.root}: glance of {artifact.engine}/{artifact.precision}"
        self._check_input()
        golden = pixels.decode(bundle.read(spec.golden), f"{bundle.root}/{spec.golden.file}")
        self._require(golden)

    def glance(self, picture: Picture, part: Region | None = None) -> tuple[Heat, float]:
        """Heat over the picture, or over a part of it alone; and the ms inside the engine.

        Spots lie in px of the picture. Raises InferenceError.
        """
        return self.glance_at(self.shrunk(picture, part), pixels.size(picture), part)

    def shrunk(self, picture: Picture, part: Region | None = None) -> U8:
        """What the engine is given, (1, h, w, 3), fresh. Any thread may ask."""
        width, height = pixels.size(picture)
        made = np.empty((1, *self._shape), np.uint8)
        with self._lock:
            region = part or Region(0, 0, width, height, "full")
            pixels.shrink_into(picture, region, made[0], self._scratch)
        return made

    def glance_at(
        self, shrunk: U8, size: tuple[int, int], part: Region | None = None
    ) -> tuple[Heat, float]:
        """As `glance`, of what was shrunk before. size: of the picture, W, H"""
        region = part or Region(0, 0, *size, "full")
        launch = self._clock()
        heat, geometry = self._rows(self._engine.run(shrunk))
        engine_ms = (self._clock() - launch) * 1e3
        seen = read(heat, geometry, self._spec, region.x1 - region.x0, region.y1 - region.y0)
        return shifted(seen, region, *size), engine_ms

    def close(self) -> None:
        self._engine.close()

    @property
    def _shape(self) -> tuple[int, ...]:
        """Of one input."""
        return self._spec.input.height, self._spec.input.width, 3

    def _rows(self, outputs: Mapping[str, F32]) -> tuple[F32, F32]:
        """Of each output the one row. Raises InferenceError."""
        heat, geometry = outputs[self._artifact.heat], outputs[self._artifact.geometry]
        if not (np.isfinite(heat).all() and np.isfinite(geometry).all()):
            raise InferenceError(
                f"{self._where} gives NaN or infinity, expected numbers",
                fix="use another engine or another provider",
            )
        return heat[0], geometry[0]

    def _check_input(self) -> None:
        """Raises BundleError."""
        if self._engine.input.shape[1:] != self._shape:
            raise BundleError(
                f"{self._where}: input is {self._engine.input.shape[1:]}, expected {self._shape}",
                fix=PACK_AGAIN,
            )

    def _check_outputs(self, outputs: Mapping[str, F32]) -> None:
        """Of one picture. Raises BundleError."""
        cells = self._spec.rows * self._spec.columns
        wanted = {
            self._artifact.heat: (1, cells * len(self._spec.kinds)),
            self._artifact.geometry: (1, cells * 3),
        }
        for name, shape in wanted.items():
            found = outputs[name].shape if name in outputs else "missing"
            if found != shape:
                raise BundleError(
                    f"{self._where}: output {name!r} is {found}, expected {shape}", fix=PACK_AGAIN
                )

    def _require(self, golden: U8) -> None:
        """Raises BundleError, with the numbers, when the golden picture gives other answers."""
        spec = self._spec
        if golden.shape != self._shape:
            raise BundleError(
                f"{self._where}: golden picture is {golden.shape}, expected {self._shape}",
                fix=PACK_AGAIN,
            )
        outputs = self._engine.run(golden[None])
        self._check_outputs(outputs)
        places = [(cell.row, cell.column) for cell in self._artifact.golden]
        found = golden_cells(*self._rows(outputs), spec, places)
        findings = [
            finding
            for cell, now in zip(self._artifact.golden, found, strict=True)
            for finding in _differences(cell, now)
        ]
        if findings:
            more = f"; and {len(findings) - 3} more" if len(findings) > 3 else ""
            raise NotReproduced(
                f"{self._where} does not reproduce: {'; '.join(findings[:3])}{more}",
                fix=COPY_OR_OTHER,
            )


def golden_cells(
    heat: F32, geometry: F32, spec: HeatMap, places: Iterable[tuple[int, int]]
) -> list[GoldenCell]:
    """A row of each output -> what the cells at (row, column) say."""
    by_kind = read(heat, geometry, spec, spec.input.width, spec.input.height).by_kind
    told = geometry.reshape(spec.rows, spec.columns, 3)
    return [
        GoldenCell(
            row,
            column,
            {k: round(float(p), 4) for k, p in zip(spec.kinds, by_kind[row, column])},
            tuple(round(float(g), 3) for g in told[row, column]),  # type: ignore[arg-type]
        )
        for row, column in places
    ]


def _differences(expected: GoldenCell, found: GoldenCell) -> Iterator[str]:
    where = f"row {expected.row}, column {expected.column}"
    for kind, p in expected.heat.items():
        if not abs(found.heat[kind] - p) <= TOLERANCE:
            yield f"{where}: {kind!r} is {found.heat[kind]:.3f}, expected {p:.3f} +- {TOLERANCE}"
    for name, was, now in zip(GEOMETRY, expected.geometry, found.geometry, strict=True):
        if not abs(now - was) <= OFF:
            yield f"{where}: {name} is {now:.2f}, expected {was:.2f} +- {OFF}"


def open_glance(
    bundle: Bundle, focus: Artifact, provider: str, threads: int, virtual: Virtual | None = None
) -> Glancer | None:
    """The glance for the engine of `focus`, of the same precision where there is one.

    None when the bundle has none for that engine.
    Raises BundleError, EngineMissing, ProviderUnavailable.
    """
    spec = bundle.manifest.glance
    if spec is None:
        return None
    mine = [a for a in spec.artifacts if a.engine == focus.engine]
    if not mine:
        return None
    artifact = next((a for a in mine if a.precision == focus.precision), mine[0])
    files = [bundle.read(file) for file in artifact.files]
    engine = open_engine(artifact.engine, files, provider=provider, threads=threads)
    try:
        if virtual is None:
            return Glancer(bundle, spec, artifact, engine)
        engine = virtual.engine(engine, artifact.files, bundle.root)
        return Glancer(bundle, spec, artifact, engine, virtual.clock)
    except BaseException:
        engine.close()
        raise
