"""A checkpoint and its vocabulary together: pictures, captions and questions in, answers out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from edge.heads.text_vectors import TextVectors, header_of
from edge.records import F32, U8
from quantize.checkpoints.report import LoadReport
from quantize.contents import file_digest
from quantize.errors import WorkshopError
from quantize.fashion import prompts
from quantize.fashion.checkpoint import load
from quantize.fashion.configs import TOKENS, Kind
from quantize.fashion.layout import NAMES
from quantize.fashion.network import FashionNet
from quantize.fashion.tower import as_published
from quantize.fashion.wordpiece import WordPiece, read_vocabulary

BATCH = 32  # texts, or pictures, at once


class Word(msgspec.Struct, frozen=True):
    """An answer to a masked question."""

    token: str
    score: float  # 0..1, of all tokens


class Fashion:
    """Not thread-safe: one thread owns it."""

    def __init__(self, network: FashionNet, pieces: WordPiece, report: LoadReport) -> None:
        self.network = network
        self.pieces = pieces
        self.report = report
        self.kind = network.config.kind
        self._most = min(TOKENS[self.kind], network.config.bert.positions)

    @torch.inference_mode()
    def image_vectors(self, pictures: Sequence[U8]) -> F32:
        """(H, W, 3) RGB pictures of any size -> (B, joint), rows of length 1."""
        parts = (self.network.image_vectors(self._seen(some)) for some in _parts(pictures))
        return torch.cat(list(parts)).numpy()

    @torch.inference_mode()
    def text_vectors(self, captions: Sequence[str], *, ends: bool = True) -> F32:
        """Descriptions of products -> (B, joint). `ends`: with [SEP], as they were evaluated."""
        texts = [prompts.description(caption) for caption in captions]
        parts = (self.network.text_vectors(*self._read(some, ends=ends)) for some in _parts(texts))
        return torch.cat(list(parts)).numpy()

    def stored(self, captions: Sequence[str], ids: Sequence[str] = ()) -> TextVectors:
        """Text vectors for a device. ids: what each caption stands for."""
        rows = self.text_vectors(captions)
        checkpoint = file_digest(Path(self.report.file))
        named = list(ids) or [""] * len(captions)
        return TextVectors(header_of(rows, captions, named, self.pieces.sha256, checkpoint), rows)

    @torch.inference_mode()
    def query_vectors(self, pictures: Sequence[U8], captions: Sequence[Sequence[str]]) -> F32:
        """Reference pictures, and of each what should change -> (B, joint)."""
        ids, mask = self._read([prompts.difference(said) for said in captions], ends=False)
        return self.network.query_vectors(self._seen(pictures), ids, mask).numpy()

    @torch.inference_mode()
    def categories(self, pictures: Sequence[U8], captions: Sequence[str]) -> F32:
        """(B, classes) logits, from a picture and its description: the text may name the answer."""
        ids, mask = self._read([prompts.description(said) for said in captions], ends=False)
        at = torch.zeros(len(captions), dtype=torch.long)
        return self.network.categories(self._seen(pictures), ids, mask, at).numpy()

    @torch.inference_mode()
    def ask(self, picture: U8, question: str, answers: Sequence[str] = ()) -> list[Word]:
        """What stands at the first [MASK] of a question (`prompts.question`), best first.

        answers  the words to choose from, each one token; none: the ten best of the vocabulary

        Raises WorkshopError where the network has no words, or an answer is no single token.
        """
        if self.kind != "pretrain":
            raise _another(self, "questions", "a pre-training checkpoint")
        ids, mask = self._read([question], ends=False)
        hidden = (ids[0] == self.pieces.ids[prompts.MASK]).nonzero()
        if not len(hidden):
            raise WorkshopError("question", repr(question), "a [MASK]", "prompts.question(NAME)")
        logits = self.network.words(self._seen([picture]), ids, mask)[0, int(hidden[0])]
        scores = logits.softmax(0).numpy()
        chosen = [self._token(word) for word in answers] or np.argsort(-scores)[:10].tolist()
        chosen.sort(key=lambda i: -scores[i])
        return [Word(self.pieces.tokens[i], float(scores[i])) for i in chosen]

    def _token(self, word: str) -> int:
        pieces = self.pieces.split(word)
        if len(pieces) != 1:
            found = f"{word!r} is {len(pieces)} tokens"
            raise WorkshopError("answers", found, "words of one token", "ask with other words")
        return self.pieces.ids[pieces[0]]

    def _seen(self, pictures: Sequence[U8]) -> Tensor:
        side = self.network.config.vit.side
        return as_published(np.stack([square(picture, side) for picture in pictures]))

    def _read(self, texts: Sequence[str], *, ends: bool) -> tuple[Tensor, Tensor]:
        ids, mask = self.pieces.batch(texts, self._most, ends=ends)
        return torch.from_numpy(ids), torch.from_numpy(mask)


def open_fashion(
    checkpoint: Path,
    vocabulary: Path,
    *,
    kind: Kind | None = None,
    image_size: int | None = None,
    heads: int | None = None,
) -> Fashion:
    """A published file with its vocab.txt; see `checkpoint.load`. Raises WorkshopError."""
    network, report = load(checkpoint, kind=kind, image_size=image_size, heads=heads)
    pieces = read_vocabulary(vocabulary)
    if len(pieces.tokens) != network.config.bert.vocabulary:
        raise WorkshopError(
            vocabulary,
            f"{len(pieces.tokens)} tokens",
            f"{network.config.bert.vocabulary}, as the checkpoint has",
            "give the vocab.txt that belongs to it",
        )
    return Fashion(network, pieces, report)


def square(picture: U8, side: int) -> U8:
    """(H, W, 3) -> (side, side, 3), squashed, bicubic as the published code has it."""
    image = Image.fromarray(picture).resize((side, side), Image.Resampling.BICUBIC)
    return np.asarray(image)


def _parts(items: Sequence) -> Iterator[Sequence]:
    yield from (items[i : i + BATCH] for i in range(0, len(items), BATCH))


def _another(fashion: Fashion, what: str, wanted: str) -> WorkshopError:
    found = f"a network for {NAMES[fashion.kind]}"
    return WorkshopError(fashion.report.file, f"{found} answers no {what}", wanted, "give one")
