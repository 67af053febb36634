"""A teacher made of a model file: the part that ONNX and TFLite classifiers share.

The file is asked for what stands before its softmax or sigmoid, so that nothing is lost in
probabilities that round to 0 or 1; where that cannot be had, logits are computed back from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from edge.bundle.manifest import InputSpec
from edge.pictures import pixels
from edge.records import F32, U8
from quantize.errors import WorkshopError
from quantize.pictures import Sample, read
from quantize.teachers import Description, Kind, Request
from quantize.teachers.card import Card, Ends, Triple, needed_normalisation
from quantize.teachers.vocabulary import outputs_of

LEAST = 1e-7  # of a probability, before its logarithm
PROBE = 3  # pictures: enough to see a batch that is silently wrong
AGREED = 1e-3  # of the largest logit: more is another answer


class Graph(Protocol):
    """A model file, opened."""

    shape: tuple[int, ...]  # of its input; -1: open
    dtype: np.dtype[Any]  # of its input
    cut: Kind | None  # what stood behind the logits and is cut off; None: `run` gives the output

    def run(self, batch: NDArray[Any]) -> tuple[F32, F32 | None]:
        """Input as `shape` and `dtype` say -> (N, T) outputs, (N, D) embedding or None."""
        ...


class Feed(msgspec.Struct, frozen=True):
    """How pixels become the file's input."""

    dtype: np.dtype[Any]
    is_nchw: bool
    height: int  # px
    width: int
    batch: int  # pictures a run; -1: any number
    is_bgr: bool
    mean: Triple
    scale: Triple


class Classifier:
    """`graph` as a teacher."""

    def __init__(self, request: Request, card: Card, graph: Graph) -> None:
        self._graph = graph
        self._feed = feed_of(request, card, graph)
        self._spec = InputSpec(height=self._feed.height, width=self._feed.width)
        outputs, embedding = self._probe(str(request.checkpoint))
        self._ends = ends_of(card, graph, outputs)
        words = outputs_of(request, outputs.shape[1])
        self._kept = np.array(words.kept)
        self.about = Description(
            request.name,
            card.kind or graph.cut or ("sigmoid" if self._ends == "sigmoid" else "softmax"),
            words.tags,
            words.thresholds,
            0 if embedding is None else embedding.shape[1],
            (self._feed.height, self._feed.width),
        )

    def read(self, sample: Sample) -> U8:
        return read(sample)

    def fit(self, picture: U8) -> U8:
        return pixels.fit(picture, self._spec)

    def look(self, pictures: Sequence[U8]) -> tuple[F32, F32 | None]:
        outputs, embedding = self._run(pixels.batch(pictures, self._spec))
        return logits_of(outputs[:, self._kept], self._ends), embedding

    def _run(self, batch: U8) -> tuple[F32, F32 | None]:
        """(N, H, W, 3) in as many runs as the file's batch needs; a short last one is filled up."""
        size = self._feed.batch if self._feed.batch > 0 else len(batch)
        parts = []
        for start in range(0, len(batch), size):
            part = batch[start : start + size]
            filled = np.concatenate([part, np.repeat(part[-1:], size - len(part), 0)])
            parts.append([rows(a, len(part)) for a in self._graph.run(fed(filled, self._feed))])
        outputs, embedding = zip(*parts)
        return np.concatenate(outputs), None if embedding[0] is None else np.concatenate(embedding)

    def _probe(self, where: str) -> tuple[F32, F32 | None]:
        """Look at noise, alone and in a batch. Raises WorkshopError when the answers differ."""
        noise = np.random.default_rng(0).integers(
            0, 256, (PROBE, self._feed.height, self._feed.width, 3), np.uint8
        )
        if self._feed.batch > 0:
            return self._run(noise[:1])
        together, embedding = self._run(noise)
        for i in range(PROBE):
            alone, _ = self._run(noise[i : i + 1])
            gap = float(np.abs(alone - together[i : i + 1]).max())
            if gap > AGREED * max(1.0, float(np.abs(alone).max())):
                raise WorkshopError(
                    where,
                    f"a picture's outputs differ by {gap:.3g} alone and in a batch of {PROBE}",
                    "the same",
                    "export it again with a batch of 1, or with one that is really open",
                )
        return together, embedding


def rows(values: F32 | None, count: int) -> F32 | None:
    return None if values is None else values[:count]


def fed(batch: U8, feed: Feed) -> NDArray[Any]:
    """(N, H, W, 3) uint8 RGB -> the file's input, contiguous."""
    x: NDArray[Any] = batch[..., ::-1] if feed.is_bgr else batch
    if feed.dtype == np.int8:
        x = (x.astype(np.int16) - 128).astype(np.int8)
    elif feed.dtype != np.uint8:
        mean, scale = (np.array(v, np.float32) for v in (feed.mean, feed.scale))
        if feed.is_bgr:
            mean, scale = mean[::-1], scale[::-1]
        x = ((x.astype(np.float32) - mean) / scale).astype(feed.dtype)
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2) if feed.is_nchw else x)


def feed_of(request: Request, card: Card, graph: Graph) -> Feed:
    """Read the input's layout off its shape. Raises WorkshopError when it is no picture's."""
    shape, where = graph.shape, str(request.checkpoint)
    if len(shape) != 4 or graph.dtype not in (np.float32, np.float16, np.uint8, np.int8):
        raise WorkshopError(
            where, f"input is {graph.dtype} {shape}", "a batch of pictures", "give a classifier"
        )
    axes = {"nchw": shape[1], "nhwc": shape[3]}
    layouts = [name for name in axes if axes[name] == (3 if 3 in axes.values() else -1)]
    layout = card.layout or (layouts[0] if len(layouts) == 1 else None)
    if layout not in layouts:
        raise WorkshopError(
            where, f"input is {shape}", "3 channels", '{"layout": "nchw"} or "nhwc" in the .json'
        )
    height, width = shape[2:] if layout == "nchw" else shape[1:3]
    sides = tuple(n if n > 0 else card.side or 0 for n in (height, width))
    if 0 in sides or (card.side and card.side not in sides):
        found = f"sides are {height} x {width}" if 0 not in sides else "sides are left open"
        raise WorkshopError(where, found, f"{card.side or 'a number'} px", "--side N")
    exact = graph.dtype in (np.uint8, np.int8)
    plain: Triple = (0.0, 0.0, 0.0)
    mean, scale = (plain, plain) if exact else needed_normalisation(card, request)
    is_bgr, is_nchw = card.colour == "bgr", layout == "nchw"
    return Feed(graph.dtype, is_nchw, sides[0], sides[1], shape[0], is_bgr, mean, scale)


def ends_of(card: Card, graph: Graph, outputs: F32) -> Ends:
    """What `outputs` hold: as told, or probabilities when no row is negative and each sums to 1."""
    if graph.cut:
        return "logits"
    if card.ends:
        return card.ends
    is_share = bool((outputs >= 0).all()) and np.allclose(outputs.sum(1), 1, atol=1e-2)
    return "softmax" if is_share and outputs.shape[1] > 1 else "logits"


def logits_of(outputs: F32, ends: Ends) -> F32:
    """(N, T) outputs -> logits; those of a softmax up to a constant a picture."""
    if ends == "logits":
        return outputs
    p = np.clip(outputs, LEAST, 1 - LEAST)
    return np.log(p) if ends == "softmax" else np.log(p) - np.log1p(-p)
