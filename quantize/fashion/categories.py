"""What each logit of a published category checkpoint means: 48 categories or 121 sub-categories.

The order is that of training, and it is in no file of a checkpoint. A sub-category of the
validation part that training never saw ("corsets & bodysuits") is unknown here, and counted as
such; the published evaluation takes it for the first of the list.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from quantize.fashion.symbols import plain

UNKNOWN = -1  # the label of what is in no list

CATEGORIES_48 = tuple(
    """tote bags|blankets|jackets & coats|boat shoes & moccasins|lace ups|loafers|shoulder bags
briefcases|ties|pants|dresses|pocket squares & tie bars|travel bags|hats|shorts|gloves
underwear & loungewear|scarves|suits & blazers|keychains|fine jewelry|socks|messenger bags
duffle bags|boots|duffle & top handle bags|sweaters|eyewear|shirts|flats|sneakers
messenger bags & satchels|backpacks|clutches & pouches|sandals|jumpsuits|jewelry|tops|skirts
bag accessories|lingerie|jeans|espadrilles|belts & suspenders|swimwear|heels
pouches & document holders|monkstraps""".replace("\n", "|").split("|")
)
SUB_CATEGORIES_121 = tuple(
    """structured hats|boy shorts|monkstraps|lace ups & oxfords|messenger bags|fur & shearling
peacoats|beach hats|heeled sandals|trousers|crewnecks|denim jackets|heels|mid length skirts
necklaces|one-piece|waistcoats|boat shoes & moccasins|mid length dresses|vests|loafers
biker & combat boots|beanies|short dresses|jackets|messenger bags & satchels|long dresses
backpacks|leather pants|tank tops & camisoles|sandals|turtlenecks|jumpsuits|pins|shawlnecks
henleys|bodysuits|fedoras & panama hats|cardigans|brooches|shorts|bow ties|blazers|tank tops
aviator|blankets|sleepwear|thongs|caps|bombers|clutches|flat sandals|low top sneakers
ankle boots|sweatshirts|v-necks|shirts|ballerina flats|earrings|rings|hoodies & zipups
sunglasses|sweatpants|high top sneakers|trench coats|cargo pants|swimsuits|duffle bags|bras
coats|pouches|espadrilles|caps & flat caps|mid-calf boots|glasses|silks & cashmeres|briefcases
short skirts|long skirts|tall boots|jeans|neck ties|keychains|slippers & loafers|wedge sneakers
leggings|tanks|flip flops|cover ups|duffle & top handle bags|t-shirts|socks|leather jackets
travel bags|gloves|tote bags|knits|blouses|lounge pants|bracelets|zip up & buckled boots|polos
robes|headbands & hair accessories|belts & suspenders|wingtip boots|desert boots|boxers
shoulder bags|bikinis|down|suits|tuxedos|lace-up boots|chelsea boots|pouches & document holders
pocket squares & tie bars|lace ups|scarves|briefs|bag accessories""".replace("\n", "|").split("|")
)


def labels_of(names: Sequence[str], listed: Sequence[str]) -> NDArray[np.int64]:
    """(N,) index of each name in `listed`, UNKNOWN where it is not there."""
    place = {name: i for i, name in enumerate(listed)}
    return np.array([place.get(plain(name), UNKNOWN) for name in names], np.int64)


def recognised(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> dict[str, float]:
    """accuracy, macro_f and micro_f of (N, T) logits, 0..1, and how many were `unknown`.

    An unknown label counts as wrong, whatever was answered. Macro F is the mean over the classes
    that occur as a label or an answer.
    """
    given = logits.argmax(1)
    hit = given == labels
    classes = sorted({*given.tolist(), *labels[labels != UNKNOWN].tolist()})
    return {
        "accuracy": float(hit.mean()),
        "macro_f": float(np.mean([_f1(given == c, labels == c) for c in classes])),
        "micro_f": float(hit.mean()),  # one answer and one label each: the same number
        "unknown": float((labels == UNKNOWN).sum()),
    }


def _f1(given: NDArray[np.bool_], right: NDArray[np.bool_]) -> float:
    both = int(given.sum()) + int(right.sum())
    return 2 * int((given & right).sum()) / both if both else 1.0
