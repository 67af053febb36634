"""Brand marks to learn from what sets marks apart: icons of the CC0 package Simple Icons, drawn.

`simpleicons` (PyPI) carries them as SVG, `resvg-py` draws them. Icons with terms of their own stay
out, and so do the brands of FlickrLogos-27: those are what galleries are judged with.
"""

from __future__ import annotations

import re

import cv2
import msgspec
import numpy as np

from edge.records import F32

JUDGED = (
    *("adidas", "apple", "bmw", "citroen", "cocacola", "dhl", "fedex", "ferrari", "ford"),
    *("google", "hp", "heineken", "intel", "mcdonalds", "mini", "nbc", "nike", "pepsi"),
    *("porsche", "puma", "redbull", "sprite", "starbucks", "texaco", "unicef", "vodafone", "yahoo"),
)
FLAT = re.compile(r"[^a-z0-9]")


class Icon(msgspec.Struct, frozen=True, eq=False):
    """A mark as its owner draws it, without its colour."""

    title: str
    ink: F32  # (h, w, 1) how much of it, 0..1
    colour: tuple[int, int, int]  # RGB


def names() -> list[str]:
    """Every icon that may be learned from, in a fixed order."""
    from simpleicons.all import icons

    return sorted(s for s, i in icons.items() if not (i.license or _is_judged(s, i.title)))


def icon(name: str, side: int) -> Icon:
    """One of `names`, on a sheet `side` px wide and high, cut to its ink."""
    import resvg_py
    from simpleicons.all import icons

    found = icons[name]
    png = bytes(resvg_py.svg_to_bytes(svg_string=found.svg, width=side, height=side))
    drawn = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    x, y, width, height = cv2.boundingRect(drawn[..., 3])
    ink = drawn[y : y + height, x : x + width, 3:].astype(np.float32) / 255
    red, green, blue = bytes.fromhex(found.hex)
    return Icon(found.title, ink, (red, green, blue))


def _is_judged(*words: str) -> bool:
    """A brand of those, or one that begins like it: Google Chrome is Google's."""
    flat = [FLAT.sub("", word.lower()) for word in words]
    return any(w == b or (len(b) > 3 and w.startswith(b)) for w in flat for b in JUDGED)
