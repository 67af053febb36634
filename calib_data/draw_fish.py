"""Fish from the side: shape, fins and marks of a species, bent along a mid-line of known length."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from calib_data.paint import (
    F32,
    Colour,
    add,
    blank,
    ellipse,
    jitter,
    line,
    lines,
    mix,
    noise,
    polygon,
    step,
    tint,
)

Rng = np.random.Generator
Outline = tuple[tuple[float, float], ...]
SNOUT, SPAN = 0.06, 1.18  # where the snout lies and how long the sprite is, in fish lengths


@dataclass(frozen=True, slots=True)
class Species:
    """What sets a fish apart; lengths are shares of the length from snout to tail fork."""

    depth: float  # greatest height of the body
    back: Colour
    side: Colour
    belly: Colour
    fin: Colour
    marks: str
    scales: float  # rows of scales along the body; 0: none to be seen
    dorsal: tuple[Outline, ...]
    anal: Outline
    fork: float  # how deep the tail is forked; 0: rounded
    mm: tuple[float, float]  # usual lengths
    deep_at: float = 0.38  # where the body is highest


_SOFT_DORSAL: Outline = ((0.46, 0.0), (0.48, 0.11), (0.52, 0.10), (0.60, 0.03), (0.62, 0.0))
_SOFT_ANAL: Outline = ((0.70, 0.0), (0.71, 0.08), (0.74, 0.075), (0.79, 0.03), (0.80, 0.0))
_TROUT_DORSAL: tuple[Outline, ...] = (
    ((0.42, 0.0), (0.44, 0.09), (0.49, 0.09), (0.55, 0.04), (0.56, 0.0)),
    ((0.80, 0.0), (0.815, 0.035), (0.84, 0.04), (0.835, 0.0)),  # the small fat fin
)

SPECIES: dict[str, Species] = {
    "bream": Species(
        0.40,
        (0.30, 0.29, 0.24),
        (0.60, 0.54, 0.40),
        (0.80, 0.74, 0.60),
        (0.26, 0.25, 0.25),
        "bronze",
        34,
        (((0.48, 0.0), (0.50, 0.15), (0.53, 0.13), (0.60, 0.03), (0.62, 0.0)),),
        ((0.60, 0.0), (0.62, 0.11), (0.66, 0.06), (0.83, 0.025), (0.86, 0.0)),
        0.13,
        (280, 520),
        0.40,
    ),
    "browntrout": Species(
        0.23,
        (0.36, 0.30, 0.15),
        (0.66, 0.52, 0.24),
        (0.86, 0.76, 0.50),
        (0.54, 0.42, 0.20),
        "red spots",
        0,
        _TROUT_DORSAL,
        _SOFT_ANAL,
        0.05,
        (220, 480),
    ),
    "chub": Species(
        0.24,
        (0.28, 0.30, 0.28),
        (0.66, 0.62, 0.46),
        (0.88, 0.84, 0.72),
        (0.66, 0.36, 0.24),
        "big scales",
        23,
        (_SOFT_DORSAL,),
        _SOFT_ANAL,
        0.09,
        (250, 520),
        0.34,
    ),
    "nase": Species(
        0.20,
        (0.30, 0.36, 0.40),
        (0.76, 0.79, 0.80),
        (0.94, 0.94, 0.92),
        (0.74, 0.44, 0.34),
        "silver",
        42,
        (((0.45, 0.0), (0.47, 0.12), (0.51, 0.10), (0.58, 0.03), (0.60, 0.0)),),
        _SOFT_ANAL,
        0.13,
        (250, 450),
        0.40,
    ),
    "perch": Species(
        0.31,
        (0.22, 0.28, 0.14),
        (0.60, 0.62, 0.28),
        (0.90, 0.86, 0.66),
        (0.86, 0.30, 0.12),
        "bars",
        38,
        (
            ((0.30, 0.0), (0.33, 0.13), (0.38, 0.145), (0.48, 0.10), (0.57, 0.02), (0.58, 0.0)),
            ((0.60, 0.0), (0.62, 0.10), (0.68, 0.08), (0.76, 0.02), (0.77, 0.0)),
        ),
        ((0.68, 0.0), (0.69, 0.09), (0.73, 0.08), (0.78, 0.02), (0.79, 0.0)),
        0.07,
        (150, 350),
        0.34,
    ),
    "rainbowtrout": Species(
        0.24,
        (0.26, 0.36, 0.30),
        (0.70, 0.74, 0.72),
        (0.92, 0.91, 0.88),
        (0.48, 0.50, 0.42),
        "pink stripe",
        0,
        _TROUT_DORSAL,
        _SOFT_ANAL,
        0.07,
        (250, 520),
    ),
    "burbot": Species(
        0.16,
        (0.27, 0.22, 0.12),
        (0.50, 0.40, 0.20),
        (0.82, 0.75, 0.58),
        (0.36, 0.29, 0.16),
        "mottled",
        0,
        (
            ((0.36, 0.0), (0.37, 0.05), (0.42, 0.055), (0.45, 0.0)),
            ((0.47, 0.0), (0.48, 0.05), (0.70, 0.06), (0.90, 0.055), (0.93, 0.0)),
        ),
        ((0.52, 0.0), (0.53, 0.045), (0.75, 0.055), (0.90, 0.05), (0.93, 0.0)),
        0.0,
        (280, 600),
        0.22,
    ),
}


@dataclass(frozen=True, slots=True, eq=False)
class Fish:
    """A drawn fish: sprite (H, W, 4) and its mid-line (N, 2) in sprite pixels, snout to fork."""

    sprite: F32
    midline: F32


def fish(rng: Rng, tag: str, length_px: float, bend: float = 0.0, wave: float = 0.0) -> Fish:
    """A fish with its head on the left whose mid-line is `length_px` long.

    `bend` and `wave` (about -0.2 to 0.2) are the height of a bow and of an S, in fish lengths.
    """
    flat = straight(rng, SPECIES[tag], length_px)
    return _bent(flat, length_px, bend, wave)


def straight(rng: Rng, kind: Species, length_px: float) -> F32:
    """The unbent fish, (H, W, 4): belly down, the mid-line level in the middle row."""
    height = int(length_px * (kind.depth + 0.38))
    width = int(length_px * SPAN)
    s = (np.arange(width, dtype=np.float32) + 0.5)[None] / length_px - SNOUT
    t = ((np.arange(height, dtype=np.float32) + 0.5)[:, None] - height / 2) / length_px
    s, t = np.broadcast_to(s, (height, width)), np.broadcast_to(t, (height, width))
    top, low = _outline(kind, s[0])
    sprite = blank(height, width)
    fin = jitter(rng, kind.fin, 0.05)
    _fins(sprite, rng, kind, fin, length_px, top, low)
    body = _body(rng, kind, s, t, top, low, length_px)
    add(sprite, body[..., 3], body[..., :3])
    _near_fins(sprite, rng, kind, fin, length_px, low)
    _face(sprite, kind, length_px, top, low)
    return sprite


def _outline(kind: Species, s: F32) -> tuple[F32, F32]:
    """Heights above and below the mid-line at s, in fish lengths."""
    places = [-0.03, 0.0, 0.06, 0.16, kind.deep_at, 0.62, 0.80, 0.90, 0.96, 1.2]
    end = 0.26 if kind.depth < 0.3 else 0.20
    shares = [0.16, 0.26, 0.50, 0.78, 1.0, 0.78, 0.40, end, end, end]
    dense = np.interp(s, places, shares)
    window = np.hanning(max(5, int(len(s) * 0.06)))
    smooth = np.convolve(np.pad(dense, len(window), mode="edge"), window / window.sum(), "same")
    smooth = smooth[len(window) : -len(window)]
    blunt = np.sqrt(np.clip(s / 0.035, 0, 1))
    rise = 0.56 if kind.depth > 0.3 else 0.50
    half = smooth * kind.depth * np.maximum(blunt, 0)
    return (half * rise).astype(np.float32), (half * (1 - rise)).astype(np.float32)


def _body(rng: Rng, kind: Species, s: F32, t: F32, top: F32, low: F32, length_px: float) -> F32:
    reach = np.where(t < 0, top[None], low[None])
    across = np.clip(t / np.maximum(reach, 1e-4), -1.2, 1.2)
    alpha = np.clip((reach - np.abs(t)) * length_px + 0.5, 0, 1) * step(s, 0.985, 0.955) * (s > 0)
    height, width = s.shape
    soft = noise(rng, height, width, length_px / 14, length_px / 8) * 0.10
    back, side = jitter(rng, kind.back, 0.03), jitter(rng, kind.side, 0.04)
    colour = mix(back, side, step(across + soft, -0.80, -0.15))
    colour = mix(colour, kind.belly, step(across + soft, 0.15, 0.75))
    colour = _scaled(colour, kind, s, t, across)
    colour = MARKS[kind.marks](rng, colour, s, t, across, length_px)
    lateral = np.exp(-(((across - 0.02 + 0.10 * (s - 0.5)) / 0.03) ** 2)) * step(s, 0.22, 0.26)
    colour = mix(colour, back, lateral * 0.35)
    bow = np.sqrt(np.clip(1 - across**2, 0, 1))
    shine = np.exp(-(((across + 0.42) / 0.15) ** 2)) + 0.3 * np.exp(-(((across - 0.3) / 0.2) ** 2))
    glare = 0.20 * shine * (0.75 + 0.5 * noise(rng, height, width, length_px / 30, length_px / 20))
    lit = colour * (0.58 + 0.46 * bow)[..., None] + glare[..., None]
    return np.dstack([np.clip(lit, 0, 1), alpha]).astype(np.float32)


def _scaled(colour: F32, kind: Species, s: F32, t: F32, across: F32) -> F32:
    if not kind.scales:
        return colour
    u, v = s * kind.scales * 1.9, t * kind.scales * 2.2
    row = np.floor(v)
    fx, fy = (u + 0.5 * np.mod(row, 2)) % 1 - 0.5, v - row - 0.5
    rim = step(np.hypot(fx * 1.1 + 0.25, fy), 0.42, 0.62) * step(s, 0.20, 0.25)
    weight = 0.55 if kind.marks == "big scales" else 0.30
    return mix(colour, colour * 0.45, rim * weight * step(across, 0.95, 0.4))


def _spots(
    rng: Rng, s: F32, length_px: float, where: list[tuple[float, float]], size: float
) -> F32:
    mask = np.zeros(s.shape, np.uint8)
    for x, y in where:
        at = round((x + SNOUT) * length_px * 16), round((y * length_px + s.shape[0] / 2) * 16)
        reach = size * length_px * rng.uniform(0.7, 1.3) * 16
        cv2.ellipse(
            mask,
            at,
            (max(10, round(reach)), max(10, round(reach * 0.85))),
            0,
            0,
            360,
            255,
            -1,
            cv2.LINE_AA,
            4,
        )
    return mask.astype(np.float32) / 255


def _scatter(rng: Rng, count: int, left: float, right: float, up: float, down: float) -> list:
    xs, ys = rng.uniform(left, right, count), rng.uniform(up, down, count)
    return [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]


def _red_spots(rng: Rng, colour: F32, s: F32, t: F32, across: F32, length_px: float) -> F32:
    dark = _scatter(rng, 75, 0.08, 0.86, -0.11, 0.02)
    red = _scatter(rng, 24, 0.24, 0.88, -0.04, 0.05)
    colour = mix(colour, (0.88, 0.80, 0.58), _spots(rng, s, length_px, dark, 0.0135) * 0.35)
    colour = mix(colour, (0.10, 0.07, 0.04), _spots(rng, s, length_px, dark, 0.0085) * 0.9)
    colour = mix(colour, (0.90, 0.82, 0.62), _spots(rng, s, length_px, red, 0.014) * 0.7)
    return mix(colour, (0.78, 0.14, 0.06), _spots(rng, s, length_px, red, 0.0085))


def _pink_stripe(rng: Rng, colour: F32, s: F32, t: F32, across: F32, length_px: float) -> F32:
    band = np.exp(-(((across - 0.02) / 0.26) ** 2)) * step(s, 0.06, 0.14)
    colour = mix(colour, (0.86, 0.38, 0.46), band * rng.uniform(0.55, 0.85))
    fine = _scatter(rng, 260, 0.05, 0.97, -0.13, 0.035)
    return mix(colour, (0.08, 0.09, 0.08), _spots(rng, s, length_px, fine, 0.0042) * 0.85)


def _bars(rng: Rng, colour: F32, s: F32, t: F32, across: F32, length_px: float) -> F32:
    wobble = noise(rng, *s.shape, length_px / 8, length_px / 12) * 0.012
    dark = np.zeros_like(s)
    for place in np.linspace(0.24, 0.86, int(rng.integers(6, 8))):
        wide = 0.030 * (0.55 + 0.45 * step(-across, -0.7, 0.6))
        dark = np.maximum(dark, step(np.abs(s - place + wobble), wide, wide * 0.55))
    return mix(colour, (0.10, 0.14, 0.07), dark * step(across, 0.72, 0.30) * 0.85)


def _mottled(rng: Rng, colour: F32, s: F32, t: F32, across: F32, length_px: float) -> F32:
    coarse = noise(rng, *s.shape, length_px / 26, length_px / 18)
    fine = noise(rng, *s.shape, length_px / 60, length_px / 50)
    blotch = step(coarse + 0.5 * fine, 0.0, 0.35) * step(across, 0.95, 0.5)
    colour = mix(colour, (0.12, 0.09, 0.05), blotch * 0.75)
    return mix(colour, (0.76, 0.66, 0.38), step(coarse + 0.5 * fine, -0.55, -0.8) * 0.6)


def _plain(rng: Rng, colour: F32, s: F32, t: F32, across: F32, length_px: float) -> F32:
    return colour


MARKS = {
    "bronze": _plain,
    "silver": _plain,
    "big scales": _plain,
    "red spots": _red_spots,
    "pink stripe": _pink_stripe,
    "bars": _bars,
    "mottled": _mottled,
}


def _fin(sprite: F32, rng: Rng, points: F32, colour: F32, clear: float = 0.88) -> None:
    """One fin with rays that run from its foot (first to last point) to its edge."""
    mask = polygon(*sprite.shape[:2], points) * clear
    add(sprite, mask, colour)
    rim, rays = points[1:-1], []
    for share in np.linspace(0.04, 0.96, 16):
        start = points[0] + (points[-1] - points[0]) * share
        at = share * (len(rim) - 1)
        low = min(int(at), len(rim) - 2)
        rays.append(np.stack([start, rim[low] + (rim[low + 1] - rim[low]) * (at - low)]))
    tint(sprite, lines(*sprite.shape[:2], rays, 1) * mask, colour * 0.55, 0.6)


def _pixels(points: Outline | list, edge: F32, sign: float, length_px: float, height: int) -> F32:
    """Fin points (place, height above the body) as sprite pixels."""
    out = []
    for place, rise in points:
        x = (place + SNOUT) * length_px
        skin = edge[min(int(x), len(edge) - 1)]
        out.append(
            (x, height / 2 + sign * (skin * (0.88 if rise == 0 else 1.0) + rise) * length_px)
        )
    return np.array(out, np.float32)


def _fins(
    sprite: F32, rng: Rng, kind: Species, fin: F32, length_px: float, top: F32, low: F32
) -> None:
    """Tail, back and anal fins: they lie behind the body."""
    height = sprite.shape[0]
    dull = fin if kind.marks != "bars" else np.array((0.36, 0.36, 0.20), np.float32)
    tall = 0.05 + kind.depth * 0.34
    if kind.fork:
        f = kind.fork
        tail = [
            (0.93, -0.04),
            (1.0 + f * 0.6, -tall),
            (1.0 + f * 0.75, -tall * 0.9),
            (1.0, 0.0),
            (1.0 + f * 0.75, tall * 0.9),
            (1.0 + f * 0.6, tall),
            (0.93, 0.04),
        ]
    else:
        tail = [
            (0.92, -0.03),
            (0.95, -tall * 0.62),
            (0.985, -tall * 0.45),
            (1.0, 0.0),
            (0.985, tall * 0.45),
            (0.95, tall * 0.62),
            (0.92, 0.03),
        ]
    points = [((x + SNOUT) * length_px, height / 2 + y * length_px) for x, y in tail]
    _fin(sprite, rng, np.array(points, np.float32), fin * 0.95, 1.0)
    for outline in kind.dorsal:
        _fin(sprite, rng, _pixels(outline, top, -1, length_px, height), dull * 0.9)
    _fin(sprite, rng, _pixels(kind.anal, low, 1, length_px, height), fin)


def _near_fins(sprite: F32, rng: Rng, kind: Species, fin: F32, length_px: float, low: F32) -> None:
    """Pelvic and breast fins: they lie before the body."""
    height = sprite.shape[0]
    at = 0.26 if kind.marks in {"bars", "mottled"} else 0.46
    pelvic = [(at, -0.02), (at + 0.045, 0.065), (at + 0.085, 0.06), (at + 0.06, -0.01)]
    _fin(sprite, rng, _pixels(pelvic, low, 1, length_px, height), fin)
    breast = np.array([(0.225, 0.35), (0.30, 0.42), (0.345, 0.62), (0.30, 0.74), (0.225, 0.55)])
    y = height / 2 + breast[:, 1] * kind.depth * 0.5 * length_px
    points = np.stack([(breast[:, 0] + SNOUT) * length_px, y], axis=1).astype(np.float32)
    soft = fin if kind.marks != "bars" else np.array((0.62, 0.50, 0.26), np.float32)
    _fin(sprite, rng, points, soft * 0.95, 0.8)


def _face(sprite: F32, kind: Species, length_px: float, top: F32, low: F32) -> None:
    """Gill cover, mouth, eye; and the burbot's barbel."""
    height, width = sprite.shape[:2]
    middle = height / 2

    def at(s: float, share: float) -> tuple[float, float]:
        x = (s + SNOUT) * length_px
        edge = top if share < 0 else low
        return x, middle + share * edge[int(x)] * length_px

    dark = np.array(kind.back) * 0.4
    gill = np.array(
        [at(0.175, -0.55), at(0.205, -0.2), at(0.212, 0.15), at(0.195, 0.5), at(0.16, 0.8)]
    )
    tint(sprite, line(height, width, gill, length_px / 150), dark, 0.55)
    low_mouth = 0.75 if kind.marks == "silver" else 0.35
    mouth = np.array(
        [at(0.008, low_mouth), at(0.03, low_mouth + 0.05), at(0.055, low_mouth + 0.15)]
    )
    tint(sprite, line(height, width, mouth, length_px / 120), dark, 0.9)
    eye, size = at(0.082, -0.30), length_px * 0.0155
    tint(sprite, ellipse(height, width, *eye, size * 1.15, size * 1.15), dark, 0.6)
    iris = (0.86, 0.62, 0.16) if kind.marks != "silver" else (0.90, 0.86, 0.62)
    tint(sprite, ellipse(height, width, *eye, size, size), iris)
    tint(sprite, ellipse(height, width, *eye, size * 0.55, size * 0.55), (0.03, 0.03, 0.03))
    spark = eye[0] - size * 0.25, eye[1] - size * 0.3
    tint(sprite, ellipse(height, width, *spark, size * 0.16, size * 0.16), (1, 1, 1))
    if kind.marks == "mottled":
        x, y = at(0.045, 1.0)
        add(
            sprite,
            line(
                height,
                width,
                np.array([(x, y - 1), (x - 2, y + length_px * 0.03)]),
                length_px / 130,
            ),
            dark + 0.2,
        )


def _bent(flat: F32, length_px: float, bend: float, wave: float) -> Fish:
    """The fish bent so that its mid-line follows a bow and an S; arc length is kept."""
    height = flat.shape[0]
    steps = 1000  # a fish length; the ends lie on whole steps, so the mid-line is exact
    place = np.arange(-round(SNOUT * steps), round((SPAN - SNOUT) * steps) + 1) / steps
    tilt = -4 * bend * (place - 0.5) + 2 * np.pi * wave * np.cos(2 * np.pi * place)
    tilt = (tilt[1:] + tilt[:-1]) / 2
    x = np.concatenate([[0], np.cumsum(np.cos(tilt))]) / steps
    y = np.concatenate([[0], np.cumsum(np.sin(tilt))]) / steps
    margin = 2 + int(np.ptp(y) * length_px)
    out_h, out_w = height + margin, int(np.ptp(x) * length_px) + 2
    x, y = (x - x[0]) * length_px, (y - y.mean()) * length_px + out_h / 2
    columns = np.arange(out_w, dtype=np.float32)
    mid, lean = np.interp(columns, x, y), np.interp(columns, x, np.append(tilt, tilt[-1]))
    along = np.interp(columns, x, (place + SNOUT) * length_px)
    off = np.arange(out_h, dtype=np.float32)[:, None] - mid[None]
    map_x = (along[None] + off * np.sin(lean)[None]).astype(np.float32)
    map_y = (height / 2 + off * np.cos(lean)[None]).astype(np.float32)
    ready = flat.copy()
    ready[..., :3] *= ready[..., 3:]
    out = cv2.remap(ready, map_x, map_y, cv2.INTER_LINEAR)
    out[..., :3] /= np.maximum(out[..., 3:], 1e-3)
    shown = (place > -1e-9) & (place < 1 + 1e-9)
    return Fish(out, np.stack([x, y], axis=1)[shown].astype(np.float32))
