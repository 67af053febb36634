"""A vocabulary of a few words, in the form of the published one."""

from __future__ import annotations

from pathlib import Path

from quantize.fashion.symbols import SYMBOLS

SPECIAL = ["[UNK]", "[CLS]", "[SEP]", "[MASK]"]
WORDS = [
    "the",
    "image",
    "description",
    "is",
    "difference",
    "between",
    "two",
    "images",
    "are",
    "and",
    "a",
    "red",
    "blue",
    "shirt",
    "dress",
    "gender",
    "women",
    "men",
    "yes",
    "no",
    "?",
    "&",
    "$",
    "+",
    "shir",
    "##t",
    "##s",
    "jean",
    "cafe",
    "2016",
    "spring",
    "summer",
    "season",
    "attribute",
    "cotton",
    "black",
    "jacket",
    "in",
    "more",
    "sleeves",
    "with",
]
TOKENS = ["[PAD]", *(f"[{symbol}_sign]" for symbol in SYMBOLS), *SPECIAL, *WORDS]


def write_vocabulary(folder: Path, size: int = 60) -> Path:
    """vocab.txt with `size` lines."""
    file = folder / "vocab.txt"
    filled = [*TOKENS, *(f"word{i}" for i in range(size - len(TOKENS)))]
    file.write_text("".join(f"{token}\n" for token in filled), "utf-8")
    return file
