"""Nine symbols, and the 48 FashionGen categories that each of them stands for.

A symbol is one token of the text: FashionSAP (Han et al., CVPR 2023) puts it before a description,
and its place in the vocabulary is one of BERT's unused slots.
"""

from __future__ import annotations

from quantize.errors import WorkshopError

SYMBOLS = (  # in the order of their ids in the vocabulary, 1 to 9
    "tops",
    "pants",
    "skirts",
    "coats",
    "dresses",
    "shoes",
    "bags",
    "accessories",
    "others",
)
FIRST_ID = 1  # of the vocabulary; 0 is [PAD]

CATEGORIES: dict[str, tuple[str, ...]] = {  # symbol -> categories
    "tops": ("tops", "shirts", "sweaters"),
    "pants": ("pants", "jeans", "shorts"),
    "skirts": ("skirts",),
    "dresses": ("dresses", "jumpsuits", "suits & blazers"),
    "coats": ("jackets & coats",),
    "shoes": (
        "sandals", "monkstraps", "lace ups", "flats", "boots", "boat shoes & moccasins",
        "espadrilles", "heels", "loafers", "sneakers",
    ),
    "bags": (
        "tote bags", "duffle & top handle bags", "backpacks", "messenger bags & satchels",
        "clutches & pouches", "pouches & document holders", "travel bags", "shoulder bags",
        "briefcases", "duffle bags", "messenger bags",
    ),
    "accessories": (
        "ties", "fine jewelry", "eyewear", "hats", "belts & suspenders", "keychains", "blankets",
        "jewelry", "pocket squares & tie bars", "scarves", "gloves", "socks", "bag accessories",
    ),
    "others": ("lingerie", "underwear & loungewear", "swimwear"),
}  # fmt: skip
SYMBOL_OF = {category: symbol for symbol, held in CATEGORIES.items() for category in held}


def plain(category: str) -> str:
    """As the tables have it: lower case, tabs are spaces, nothing around it."""
    return category.strip().replace("\t", " ").lower()


def symbol_of(category: str) -> str:
    """One of SYMBOLS for a category in any case. Raises WorkshopError for one nobody knows."""
    found = SYMBOL_OF.get(plain(category))
    if found is None:
        raise WorkshopError(
            f"category {category!r}", "not known", "one of the 48 of FashionGen", "mend the row"
        )
    return found


def token_of(symbol: str) -> str:
    """Its token in the vocabulary. Raises ValueError for no symbol."""
    if symbol not in SYMBOLS:
        raise ValueError(f"symbol {symbol!r}, expected one of {', '.join(SYMBOLS)}")
    return f"[{symbol}_sign]"


def id_of(symbol: str) -> int:
    """Its id in the vocabulary, 1 to 9. Raises ValueError for no symbol."""
    token_of(symbol)
    return SYMBOLS.index(symbol) + FIRST_ID
