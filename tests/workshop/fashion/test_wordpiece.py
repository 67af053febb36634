"""F4: WordPiece with the vocabulary that comes with a checkpoint."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantize.errors import WorkshopError
from quantize.fashion.wordpiece import WordPiece, read_vocabulary, words
from tests.workshop.fashion.words import SPECIAL, TOKENS, WORDS, write_vocabulary

PIECES = WordPiece(TOKENS)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("A red shirt", ["a", "red", "shirt"]),
        ("shirts", ["shirt", "##s"]),
        ("shirt's", ["shirt", "[UNK]", "[UNK]"]),
        ("Café", ["cafe"]),
        ("red&blue", ["red", "&", "blue"]),
        ("$+", ["$", "+"]),
        ("jeans?", ["jean", "##s", "?"]),
        ("zebra", ["[UNK]"]),
        ("a" * 101, ["[UNK]"]),
        ("", []),
        ("[CLS] [tops_sign] a [SEP]", ["[CLS]", "[tops_sign]", "a", "[SEP]"]),
        ("red\tblue\u00a0shirt\x00", ["red", "blue", "shirt"]),
    ],
)
def test_tokens_of_a_fixed_list(text, tokens):
    """F4: punctuation, `&`, accents, empty, over-long."""
    assert PIECES.split(text) == tokens


def test_ids_and_the_end():
    """F4: [SEP] at the evaluation of retrieval alone, and inside the limit."""
    cls, sep, red = (PIECES.ids[t] for t in ("[CLS]", "[SEP]", "red"))
    assert PIECES.encode("red", 8, ends=True) == [cls, red, sep]
    assert PIECES.encode("red", 8, ends=False) == [cls, red]
    assert PIECES.encode("red " * 20, 5, ends=True) == [cls, red, red, red, sep]
    assert PIECES.encode("red " * 20, 5, ends=False) == [cls, red, red, red, red]


def test_what_has_no_room_for_the_ends_is_refused():
    """F4: once the text was given but for its last token, far over the limit."""
    assert PIECES.encode("red shirt", 2, ends=True) == [PIECES.ids["[CLS]"], PIECES.ids["[SEP]"]]
    with pytest.raises(ValueError, match="most is 1, expected 2 or more"):
        PIECES.encode("red shirt", 1, ends=True)


def test_the_symbols_stand_at_1_to_9_also_in_a_plain_vocabulary():
    """F4"""
    plain = ["[PAD]", *(f"[unused{i}]" for i in range(9)), *SPECIAL, *WORDS]
    assert WordPiece(plain).tokens == PIECES.tokens
    assert WordPiece(plain).sha256 == PIECES.sha256
    assert PIECES.encode("[shoes_sign]", 4, ends=False)[1] == 6


def test_a_batch_is_padded_to_its_longest():
    """F3, F4"""
    ids, mask = PIECES.batch(["red", "a red shirt"], 20, ends=False)
    assert ids.shape == (2, 4)
    assert mask.tolist() == [[1, 1, 0, 0], [1, 1, 1, 1]]
    assert ids[0, 2:].tolist() == [0, 0]


def test_ideographs_and_accents_stand_alone():
    """F4"""
    assert words("衬衫Ärmel, naïve") == ["衬", "衫", "armel", ",", "naive"]


@pytest.mark.parametrize(
    ("tokens", "reason"),
    [
        (["[PAD]", "red"], "2 tokens"),
        (["[PAD]", "red", *TOKENS[2:]], "'red' at id 1"),
        ([t for t in TOKENS if t != "[MASK]"], "no \\[MASK\\]"),
    ],
)
def test_a_vocabulary_that_is_none_is_refused(tokens, reason):
    """F4"""
    with pytest.raises(WorkshopError, match=reason):
        WordPiece(tokens)


def test_a_vocabulary_is_read_from_its_file(tmp_path: Path):
    """F4"""
    assert read_vocabulary(write_vocabulary(tmp_path)).tokens[: len(TOKENS)] == tuple(TOKENS)
    with pytest.raises(WorkshopError, match=r"none\.txt"):
        read_vocabulary(tmp_path / "none.txt")


def test_a_line_ends_at_its_end_alone(tmp_path: Path):
    """F4: U+2028 and U+0085 are no ends of lines of a file; ids after such a token had shifted."""
    file = tmp_path / "vocab.txt"
    file.write_bytes("\r\n".join([*TOKENS, "a\u2028b", "\x85", "last"]).encode() + b"\r\n")
    read = read_vocabulary(file)
    assert (len(read.tokens), read.ids["last"]) == (len(TOKENS) + 3, len(TOKENS) + 2)
