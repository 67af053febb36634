"""Real fish, cut out of photographs of one fish each, to be laid on other grounds.

GrabCut draws the outline from two different first guesses. Where both end at the same outline, and
that has a fish's widths, it is believed: of murky pictures hardly any is left, and none is wrong by
much.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import msgspec
import numpy as np
from tqdm import tqdm

from edge.length.colours import filled
from edge.length.ends import body
from edge.length.ground import padding
from edge.length.measure import fish_score
from edge.length.midline import midline
from edge.records import F32, U8

SIDE_PX = 144  # longer side at which they are cut
GUESSES = ((0.80, 0.40), (0.65, 0.28))  # half-axes of an ellipse that is mostly fish, of the halves
RIM = 0.95  # what lies beyond it is ground
AGREE = 0.85  # overlap of both outlines
LIKE = 0.35  # least score of its widths
RIM_PX = 8  # of the outline that may lie at the picture's end
TRIES = 3  # pictures of one fish


class Said(msgspec.Struct):
    """A line of labels.jsonl."""

    file: str
    fish: str


def cut_outs(folder: Path) -> dict[str, F32]:
    """One fish -> its sprite (H, W, 4) 0..1, for those that could be cut out."""
    pictures: dict[str, list[str]] = {}
    for line in (folder / "labels.jsonl").read_bytes().splitlines():
        row = msgspec.json.decode(line, type=Said)
        pictures.setdefault(row.fish, []).append(row.file)
    found: dict[str, F32] = {}
    for fish, files in tqdm(pictures.items(), "cut out", unit="fish", disable=None):
        sprites = (cut_out(rgb) for rgb in _read(folder, files[:: max(1, len(files) // TRIES)]))
        sprite = next((one for one in sprites if one is not None), None)
        if sprite is not None:
            found[fish] = sprite
    return found


def cut_out(rgb: U8) -> F32 | None:
    """The fish in the middle of a picture; None where its outline is not sure."""
    shrink = SIDE_PX / max(rgb.shape[:2])
    view = np.asarray(cv2.resize(rgb, None, fx=shrink, fy=shrink), np.uint8)
    nothing = padding(view)
    first, second = (_grabbed(view, nothing, *guess) for guess in GUESSES)
    if (first & second).sum() < AGREE * (first | second).sum() or first.sum() < 300:
        return None
    rim = np.pad(np.zeros((view.shape[0] - 2, view.shape[1] - 2), bool), 1, constant_values=True)
    near = cv2.dilate((nothing | rim).astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    line = midline(first)
    drawn = None if line is None else body(first.astype(np.float32), line)
    if (first & near).sum() > RIM_PX or drawn is None or fish_score(drawn) < LIKE:
        return None
    alpha = cv2.GaussianBlur(
        cv2.erode(first, np.ones((2, 2), np.uint8)).astype(np.float32), (0, 0), 0.7
    )
    x, y, w, h = cv2.boundingRect(first)
    sprite = np.dstack([view.astype(np.float32) / 255, alpha])
    return np.ascontiguousarray(sprite[y : y + h, x : x + w], np.float32)


def _grabbed(view: U8, nothing: np.ndarray, wide: float, tall: float) -> U8:  # type: ignore[type-arg]
    """The largest piece that GrabCut finds, (H, W) 0 or 1."""
    height, width = view.shape[:2]
    y, x = (np.mgrid[:height, :width] + 0.5) / np.array([height, width])[:, None, None] * 2 - 1
    guess = np.full((height, width), cv2.GC_BGD, np.uint8)
    guess[x**2 + y**2 < 2 * RIM**2] = cv2.GC_PR_BGD
    guess[np.maximum(abs(x), abs(y)) > RIM] = cv2.GC_BGD
    guess[(x / wide) ** 2 + (y / tall) ** 2 < 1] = cv2.GC_PR_FGD
    guess[nothing] = cv2.GC_BGD
    cv2.setRNGSeed(0)
    cv2.grabCut(view, guess, None, np.zeros((1, 65)), np.zeros((1, 65)), 2, cv2.GC_INIT_WITH_MASK)  # type: ignore[call-overload]
    held = ((guess == cv2.GC_FGD) | (guess == cv2.GC_PR_FGD)).astype(np.uint8)
    held = np.asarray(cv2.morphologyEx(held, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(held)
    if count < 2:
        return held
    return filled((labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))).astype(np.uint8))


def _read(folder: Path, files: list[str]) -> Iterator[U8]:
    for file in files:
        bgr = cv2.imread(str(folder / file))
        if bgr is not None:
            yield np.ascontiguousarray(bgr[:, :, ::-1])
