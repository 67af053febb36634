"""BERT's WordPiece (uncased), with the vocabulary that comes with a checkpoint: text -> token ids.

The nine symbols have the ids 1 to 9. A plain BERT vocabulary has unused slots there, which are
taken for them.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quantize.errors import WorkshopError
from quantize.fashion.prompts import CLS, MASK, SEP
from quantize.fashion.symbols import FIRST_ID, SYMBOLS, token_of

PAD, UNK = "[PAD]", "[UNK]"
LONGEST = 100  # letters of a word; a longer one is unknown
I64 = NDArray[np.int64]
_IDEOGRAPHS = re.compile(
    "([\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0002a6df\U0002a700-\U0002ceaf\U0002f800-\U0002fa1f])"
)


class WordPiece:
    """Text -> token ids. `sha256` is of the vocabulary, symbols included."""

    def __init__(self, tokens: Sequence[str], where: object = "vocabulary") -> None:
        """Raises WorkshopError where a token that is needed is missing, or a symbol elsewhere."""
        self.tokens = tuple(_with_symbols(tokens, where))
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        for token in (PAD, UNK, CLS, SEP, MASK):
            if token not in self.ids:
                raise _no_vocabulary(where, f"no {token} in it")
        self.sha256 = hashlib.sha256("\n".join(self.tokens).encode()).hexdigest()
        specials = [UNK, PAD, CLS, SEP, MASK, *map(token_of, SYMBOLS)]
        self._specials = re.compile("(" + "|".join(map(re.escape, specials)) + ")")

    def split(self, text: str) -> list[str]:
        """Tokens of a text; special tokens in it are kept whole."""
        found: list[str] = []
        for part in self._specials.split(text):
            if self._specials.fullmatch(part):
                found.append(part)
            else:
                found += [piece for word in words(part) for piece in self._pieces(word)]
        return found

    def encode(self, text: str, most: int, *, ends: bool) -> list[int]:
        """[CLS] and the ids of `text`, `most` at most.

        ends  whether a [SEP] follows, inside `most`: the evaluation of retrieval has it, everything
              that was trained has not

        Raises ValueError where `most` has no room for these two.
        """
        room = most - 1 - ends
        if room < 0:
            raise ValueError(f"most is {most}, expected {1 + ends} or more")
        kept = [CLS, *self.split(text)[:room], *([SEP] if ends else [])]
        return [self.ids[token] for token in kept]

    def batch(self, texts: Sequence[str], most: int, *, ends: bool) -> tuple[I64, I64]:
        """(B, L) ids and mask, 1 where there is a token; L is the longest of them."""
        rows = [self.encode(text, most, ends=ends) for text in texts]
        length = max(map(len, rows))
        ids = np.full((len(rows), length), self.ids[PAD], np.int64)
        mask = np.zeros((len(rows), length), np.int64)
        for i, row in enumerate(rows):
            ids[i, : len(row)], mask[i, : len(row)] = row, 1
        return ids, mask

    def _pieces(self, word: str) -> list[str]:
        """The longest piece that is known, then the longest of the rest; all or [UNK]."""
        if len(word) > LONGEST:
            return [UNK]
        found, start = [], 0
        while start < len(word):
            sign = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((e for e in ends if sign + word[start:e] in self.ids), None)
            if end is None:
                return [UNK]
            found.append(sign + word[start:end])
            start = end
        return found


def words(text: str) -> list[str]:
    """Lower case without accents; punctuation and ideographs stand alone."""
    spaced = _IDEOGRAPHS.sub(r" \1 ", "".join(_plain(c) for c in text))
    found = []
    for word in unicodedata.normalize("NFC", spaced).split():
        bare = "".join(
            c for c in unicodedata.normalize("NFD", word.lower()) if unicodedata.category(c) != "Mn"
        )
        found += "".join(f" {c} " if is_punctuation(c) else c for c in bare).split()
    return found


def is_punctuation(char: str) -> bool:
    """ASCII signs that Unicode calls symbols (`$`, `+`, `^`) are punctuation to BERT."""
    if char.isascii():
        return char.isprintable() and not char.isalnum() and char != " "
    return unicodedata.category(char).startswith("P")


def read_vocabulary(file: Path) -> WordPiece:
    """One token a line. Raises WorkshopError."""
    try:
        lines = file.read_text("utf-8").removesuffix("\n").split("\n")  # U+2028 may be a token
    except (OSError, UnicodeDecodeError) as e:
        raise _no_vocabulary(file, str(e)) from e
    return WordPiece(lines, file)


def _plain(char: str) -> str:
    if char in "\t\n\r" or unicodedata.category(char) == "Zs":
        return " "
    is_control = unicodedata.category(char).startswith("C") or char == "\ufffd"
    return "" if is_control else char


def _with_symbols(tokens: Sequence[str], where: object) -> list[str]:
    """The nine at their ids, in place of unused slots. Raises WorkshopError for anything else."""
    found = list(tokens)
    if len(found) < FIRST_ID + len(SYMBOLS):
        raise _no_vocabulary(where, f"{len(found)} tokens")
    for i, symbol in enumerate(SYMBOLS, FIRST_ID):
        if found[i] != token_of(symbol) and not found[i].startswith("[unused"):
            raise _no_vocabulary(where, f"{found[i]!r} at id {i}, where {token_of(symbol)} goes")
        found[i] = token_of(symbol)
    return found


def _no_vocabulary(where: object, found: str) -> WorkshopError:
    return WorkshopError(
        where, found, "BERT's vocabulary, a token a line", "give the vocab.txt of the checkpoint"
    )
