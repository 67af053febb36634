"""F6, F8: symbols, categories and prompts."""

from __future__ import annotations

import numpy as np
import pytest

from quantize.errors import WorkshopError
from quantize.fashion import prompts
from quantize.fashion.categories import (
    CATEGORIES_48,
    SUB_CATEGORIES_121,
    UNKNOWN,
    labels_of,
    recognised,
)
from quantize.fashion.symbols import CATEGORIES, SYMBOL_OF, SYMBOLS, id_of, symbol_of, token_of

COUNTS = {"tops": 3, "pants": 3, "skirts": 1, "coats": 1, "dresses": 3, "shoes": 10, "bags": 11,
          "accessories": 13, "others": 3}  # fmt: skip


def test_48_categories_have_one_of_nine_symbols_each():
    """F8"""
    assert {symbol: len(held) for symbol, held in CATEGORIES.items()} == COUNTS
    assert len(SYMBOL_OF) == 48
    assert set(SYMBOL_OF) == set(CATEGORIES_48)


@pytest.mark.parametrize(
    ("category", "symbol"),
    [("jackets & coats", "coats"), ("Suits & Blazers", "dresses"), ("socks", "accessories"),
     ("swimwear", "others"), (" JEANS\t", "pants"), ("messenger bags", "bags")],
)  # fmt: skip
def test_a_category_in_any_case_has_its_symbol(category, symbol):
    """F8"""
    assert symbol_of(category) == symbol


def test_the_ids_of_the_symbols_are_1_to_9():
    """F4"""
    assert [id_of(symbol) for symbol in SYMBOLS] == list(range(1, 10))
    assert (id_of("coats"), id_of("dresses")) == (4, 5)
    assert token_of("tops") == "[tops_sign]"
    with pytest.raises(ValueError, match="trousers"):
        id_of("trousers")


def test_an_unknown_category_is_refused():
    """F8"""
    with pytest.raises(WorkshopError, match="corsets"):
        symbol_of("corsets")


def test_label_lists_are_those_of_training():
    """F6: 48 and 121, each once; the ends of both lists."""
    assert (len(CATEGORIES_48), len(set(CATEGORIES_48))) == (48, 48)
    assert (len(SUB_CATEGORIES_121), len(set(SUB_CATEGORIES_121))) == (121, 121)
    assert (CATEGORIES_48[0], CATEGORIES_48[-1]) == ("tote bags", "monkstraps")
    assert (SUB_CATEGORIES_121[0], SUB_CATEGORIES_121[-1]) == ("structured hats", "bag accessories")


def test_a_sub_category_that_training_never_saw_is_unknown_and_not_the_first():
    """F6"""
    labels = labels_of(["structured hats", "Corsets & Bodysuits", "monkstraps"], SUB_CATEGORIES_121)
    assert labels.tolist() == [0, UNKNOWN, 2]
    logits = np.eye(3, 121, dtype=np.float32)
    logits[1] = logits[0]  # it is taken for the first: wrong
    found = recognised(logits, labels)
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["unknown"] == 1
    # class 0: precision 1/2, recall 1; class 2: both 1
    assert found["macro_f"] == pytest.approx((2 / 3 + 1) / 2)


@pytest.mark.parametrize(
    ("caption", "text"),
    [
        ('Slim-fit "jeans", in black/white.', "slim fit jeans in black white"),
        ("A  T-shirt?\n", "a t shirt?"),
        ("100% cotton & wool <br>dry", "100% cotton & wool dry"),
        ("", ""),
    ],
)
def test_captions_are_cleaned(caption, text):
    """F4"""
    assert prompts.cleaned(caption) == text


def test_prefixes():
    """F4"""
    assert prompts.description("Red shirt.") == "the image description is red shirt"
    said = prompts.difference(["is more red", "has sleeves"])
    assert said == "the difference between two images are is more red and has sleeves"


def test_attribute_phrases():
    """F8: golden strings."""
    assert prompts.phrase("input_gender", "Women") == "the image gender is women"
    assert prompts.phrase("input_subcategory", "SHOES & BOOTS") == (
        "the image sub category is shoes and boots"
    )
    assert prompts.season("SS2016") == "spring summer 2016"
    assert prompts.season("FW2015") == "fall winter 2015"
    with pytest.raises(WorkshopError, match="XX2016"):
        prompts.season("XX2016")


def test_masked_questions():
    """F8: golden strings."""
    assert prompts.question("season", 3) == "the image season is [MASK] [MASK] [MASK]"
    assert prompts.yes_no_prompt("V-neck") == "is the image attribute v-neck ? [MASK]"


def test_a_text_of_pre_training_in_full():
    """F8: golden string."""
    said = {"category": "JEANS", "composition": "100% cotton", "gender": "Men",
            "name": "Blue Jeans", "season": prompts.season("FW2016"),
            "sub category": "JEANS"}  # fmt: skip
    assert prompts.pretraining("jeans", "Slim-fit jeans.", said) == (
        "[CLS] [pants_sign] the image description is slim fit jeans [SEP] "
        "the image category is jeans the image composition is 100% cotton the image gender is men "
        "the image name is blue jeans the image season is fall winter 2016 "
        "the image sub category is jeans"
    )
