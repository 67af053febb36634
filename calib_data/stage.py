"""A frame being furnished: what lies where, and the truth about it after the camera."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from calib_data.camera import photograph
from calib_data.paint import F32, U8, lay, overlap

SEEN_PX = 900  # a thing of which fewer pixels show is no longer a thing
SOLID = 0.5  # a pixel belongs to the thing that covers at least this much of it


@dataclass(frozen=True, slots=True)
class Thing:
    """What a head should name, and where it shows."""

    head: str
    tag: str
    box: tuple[int, int, int, int]  # x0, y0, x1, y1: half-open frame px about the pixels that show
    length_mm: float | None = None  # fish: along the mid-line, snout to tail fork
    length_px: float | None = None  # the same, measured along the drawn mid-line


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A rendered frame with its truth."""

    pixels: U8  # (H, W, 3) RGB
    things: tuple[Thing, ...]
    mm_per_px: float | None  # of the plane the things lie in; None when there is no such plane


@dataclass(slots=True, eq=False)
class Stage:
    """A frame (H, W, 3) float32, and for every pixel the number of the thing that shows there."""

    frame: F32
    names: list[Thing] = field(default_factory=list)  # thing n is names[n - 1]; boxes not yet known
    owner: NDArray[np.uint16] = field(init=False)  # (H, W); 0: nothing a head should name

    def __post_init__(self) -> None:
        self.owner = np.zeros(self.frame.shape[:2], np.uint16)

    def put(
        self, sprite: F32, x: int, y: int, thing: Thing | None = None, shadow: float = 0.4
    ) -> None:
        """Lay a sprite at x, y (top left, px). Without a thing it only hides what it covers."""
        lay(self.frame, sprite, x, y, shadow)
        parts = overlap(self.owner.shape, sprite.shape[:2], x, y)
        if parts is None:
            return
        number = 0
        if thing is not None:
            self.names.append(thing)
            number = len(self.names)
        self.owner[parts[0]][sprite[parts[1]][..., 3] >= SOLID] = number

    def is_free(self, sprite: F32, x: int, y: int) -> bool:
        """Whether a sprite would lie wholly inside the frame and on no thing."""
        height, width = sprite.shape[:2]
        if x < 0 or y < 0 or x + width > self.owner.shape[1] or y + height > self.owner.shape[0]:
            return False
        return not self.owner[y : y + height, x : x + width][sprite[..., 3] > 0.05].any()

    def view(self, matrix: NDArray[np.float64] | None) -> tuple[F32, NDArray[np.uint16]]:
        """Frame and owners through a homography (3, 3), at the same size."""
        if matrix is None:
            return self.frame, self.owner
        size = self.frame.shape[1::-1]
        seen = cv2.warpPerspective(self.frame, matrix, size, borderMode=cv2.BORDER_REPLICATE)
        owner = cv2.warpPerspective(self.owner, matrix, size, flags=cv2.INTER_NEAREST)
        return seen, owner

    def shoot(
        self,
        rng: np.random.Generator,
        matrix: NDArray[np.float64] | None = None,
        *,
        blur_px: float = 0.6,
        noise_level: float = 0.008,
        mm_per_px: float | None = None,
    ) -> Scene:
        """The frame as a camera gives it, with the things that still show."""
        seen, owner = self.view(matrix)
        pixels = photograph(rng, seen, blur_px, noise_level)
        return Scene(pixels, boxed(self.names, owner), mm_per_px)


def boxed(names: list[Thing], owner: NDArray[np.uint16]) -> tuple[Thing, ...]:
    """The things with the tight boxes of their pixels; those that hardly show are left out."""
    things = []
    for number, thing in enumerate(names, 1):
        mask = (owner == number).astype(np.uint8)
        x, y, w, h = cv2.boundingRect(mask)
        if np.count_nonzero(mask[y : y + h, x : x + w]) >= SEEN_PX:
            box = (x, y, x + w, y + h)
            things.append(Thing(thing.head, thing.tag, box, thing.length_mm, thing.length_px))
    return tuple(things)
