"""Which 101 candidates a query is asked among: 100 wrong ones and, last, the right one.

1,000 products are drawn. Wrong ones come from the product's own sub-category; where it has fewer
than 100 others, whole sub-categories, in a random order, are added before 100 are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import numpy as np
from numpy.typing import NDArray

from quantize.errors import WorkshopError

I64 = NDArray[np.int64]
QUERIES, WRONG = 1000, 100


class Queries:
    """Of products by number: `pictures` of each, and the `kinds` (sub-categories) they are of."""

    def __init__(
        self,
        pictures: Sequence[Sequence[int]],
        kinds: Sequence[str],
        queries: int = QUERIES,
        wrong: int = WRONG,
        seed: int = 66,
    ) -> None:
        """Raises WorkshopError where there are not more products than wrong candidates."""
        if len(pictures) <= wrong:
            raise WorkshopError(
                "products", str(len(pictures)), f"more than {wrong}", "the whole validation part"
            )
        self._pictures, self._kinds = pictures, kinds
        self._queries, self._wrong, self._draw = queries, wrong, Random(seed)
        self._of_kind: dict[str, list[int]] = {}
        for product, kind in enumerate(kinds):
            self._of_kind.setdefault(kind, []).append(product)

    def image_to_text(self) -> tuple[I64, I64]:
        """(Q,) pictures, (Q, wrong + 1) texts."""
        queries, shown = [], []
        for product in self._products():
            queries.append(self._draw.choice(self._pictures[product]))
            shown.append([*self._others(product), product])
        return np.array(queries, np.int64), np.array(shown, np.int64)

    def text_to_image(self) -> tuple[I64, I64]:
        """(Q,) texts, (Q, wrong + 1) pictures, one a product."""
        queries, shown = [], []
        for product in self._products():
            queries.append(product)
            chosen = [*self._others(product), product]
            shown.append([self._draw.choice(self._pictures[p]) for p in chosen])
        return np.array(queries, np.int64), np.array(shown, np.int64)

    def _products(self) -> list[int]:
        return self._draw.sample(range(len(self._pictures)), len(self._pictures))[: self._queries]

    def _others(self, product: int) -> list[int]:
        kind = self._kinds[product]
        pool = [other for other in self._of_kind[kind] if other != product]
        rest = [k for k in self._of_kind if k != kind]
        self._draw.shuffle(rest)
        while len(pool) < self._wrong:
            pool += self._of_kind[rest.pop()]
        return self._draw.sample(pool, self._wrong)
