"""Texts as FashionSAP reads them: cleaned captions, prefixes, attributes, masked questions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from quantize.errors import WorkshopError
from quantize.fashion.symbols import symbol_of, token_of

DESCRIPTION = "the image description is "  # retrieval, category
DIFFERENCE = "the difference between two images are "  # text-guided retrieval
MASK, CLS, SEP = "[MASK]", "[CLS]", "[SEP]"

ATTRIBUTES = ("category", "composition", "gender", "name", "season", "sub category")
SEASONS = {"SS": "spring summer", "FW": "fall winter"}

_GONE = re.compile(r"""[,.'!"()*#:;~]""")  # a question mark stays
_SPACES = re.compile(r"\s{2,}")


def cleaned(caption: str) -> str:
    """Lower case without most punctuation; `-` and `/` are spaces."""
    text = _GONE.sub("", caption.lower()).replace("-", " ").replace("/", " ")
    text = text.replace("<person>", "person").replace("<br>", " ")
    return _SPACES.sub(" ", text).rstrip("\n").strip(" ")


def description(caption: str) -> str:
    """What stands for a product in retrieval and category recognition."""
    return cleaned(DESCRIPTION + caption)


def difference(captions: Sequence[str]) -> str:
    """What changes from the reference picture to the one that is looked for."""
    return cleaned(DIFFERENCE + " and ".join(captions))


def season(code: str) -> str:
    """SS2016 -> spring summer 2016. Raises WorkshopError for another code."""
    spelled, year = SEASONS.get(code[:2]), code[2:]
    if spelled is None or len(year) != 4 or not year.isdecimal():
        raise WorkshopError("season", repr(code), "SS or FW and a year, as SS2016", "mend the row")
    return f"{spelled} {year}"


def phrase(name: str, value: str) -> str:
    """One attribute: "the image gender is women"."""
    return f"the image {_named(name)} is {_valued(value)}"


def phrases(attributes: Mapping[str, str], order: Sequence[str] = ATTRIBUTES) -> str:
    """All attributes in `order`, as they follow a description in pre-training."""
    return " ".join(phrase(name, attributes[name]) for name in order)


def question(name: str, length: int = 1) -> str:
    """Asks for a value: "the image gender is [MASK]", a mask for each token of the answer."""
    return " ".join([f"the image {_named(name)} is", *[MASK] * max(1, length)])


def yes_no_prompt(value: str) -> str:
    """Asks yes or no, for a set with one list of attributes: the answer is the token at [MASK]."""
    return f"is the image attribute {_valued(value)} ? {MASK}"


def pretraining(category: str, caption: str, attributes: Mapping[str, str]) -> str:
    """Symbol, description and attribute phrases, with the tokens between them spelled out."""
    symbol = token_of(symbol_of(category))
    return f"{CLS} {symbol} {description(caption)} {SEP} {phrases(attributes)}"


def _named(name: str) -> str:
    """FashionGen's `input_subcategory` or ours."""
    short = name.removeprefix("input_").lower()
    return "sub category" if short == "subcategory" else short


def _valued(value: str) -> str:
    return value.replace("&", "and").lower().strip()
