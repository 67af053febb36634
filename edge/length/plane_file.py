"""The file of a camera plane: JSON, strict, with a hash over what it says.

    {"schema": 1, "kind": "camera-plane", "made": "...", "boards": 18, "square_mm": 20.0,
     "residual_px": 0.21, "residual_mm": 0.11, "plane": {"width": 2464, ...}, "sha256": "..."}

`sha256` is that of the file without it: a plane that was edited by hand, or cut short, is refused.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import msgspec
import numpy as np
from msgspec.structs import replace

from edge import bounded
from edge.errors import BundleError, ConfigError
from edge.length.plane import CameraPlane, mapped, undistorted
from edge.records import F64
from edge.store import write_whole
from edge.strict import decoded, read_json

SCHEMA = 1
MAX_BYTES = 1 << 16
MAX_SIDE_PX = 65_536
MAX_LENS = 100.0  # of its five numbers: real ones are below 5
AGAIN = "edge-tag calibrate again, or copy the file again"


class Lens(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """See CameraPlane."""

    width: int
    height: int
    focal_px: tuple[float, float]
    centre_px: tuple[float, float]
    distortion: tuple[float, float, float, float, float]
    to_plane: tuple[
        tuple[float, float, float], tuple[float, float, float], tuple[float, float, float]
    ]


class PlaneFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `edge-tag calibrate` writes."""

    schema: int
    kind: Literal["camera-plane"]
    made: str  # RFC 3339, UTC
    boards: int  # that were found
    square_mm: float
    residual_px: float  # of all corners, root mean square
    residual_mm: float  # of the corners in the plane, likewise
    sd_share: float  # of a length: see Plane
    plane: Lens
    sha256: str = ""


class _Peek(msgspec.Struct):
    schema: int


def write_plane(path: Path, made: PlaneFile) -> None:
    """Whole or not at all. Raises SinkError."""
    whole = replace(made, sha256=digest(made))
    write_whole(path, msgspec.json.format(msgspec.json.encode(whole), indent=1), is_synced=True)


def read_plane(path: Path) -> CameraPlane:
    """The plane of a file. Raises ConfigError for one that is missing, damaged or newer."""
    fix = "edge-tag calibrate writes one"
    data = bounded.read(path, MAX_BYTES, ConfigError, "a camera plane", fix)
    try:
        schema = read_json(data, _Peek, str(path), AGAIN).schema
        if schema == SCHEMA:
            made = read_json(data, PlaneFile, str(path), AGAIN)
    except BundleError as e:
        raise ConfigError(str(e), fix=e.fix.replace("the bundle", "the plane")) from e
    if schema != SCHEMA:
        _refuse(path, "schema", min(abs(schema), 10**9), f"{SCHEMA}")
    _check(made, path)
    return plane_of(made.plane, made.sd_share)


def plane_of(lens: Lens, sd_share: float = 0.003) -> CameraPlane:
    """What the file says, as what measures."""
    return CameraPlane(**msgspec.structs.asdict(lens), sd_share=sd_share)


def digest(made: PlaneFile) -> str:
    """SHA-256 of everything it says but this, hex."""
    text = msgspec.json.encode(replace(made, sha256=""))
    same = decoded(text, PlaneFile)  # 0 and 0.0 are one number
    return hashlib.sha256(msgspec.json.encode(same)).hexdigest()


def _check(made: PlaneFile, path: Path) -> None:
    """What the values say together."""
    if made.sha256 != digest(made):
        raise ConfigError(
            f"{path}: the file was changed: sha256 is {made.sha256[:80]!r}, "
            f"expected {digest(made)!r}",
            fix=AGAIN,
        )
    p = made.plane
    for name, side in (("width", p.width), ("height", p.height)):
        if not 16 <= side <= MAX_SIDE_PX:
            _refuse(path, f"plane.{name}", side, f"16 to {MAX_SIDE_PX} px")
    if not min(p.focal_px) > 0 or not max(p.focal_px) < 1e7:
        _refuse(path, "plane.focal_px", p.focal_px, "above 0 px")
    if not max(abs(k) for k in p.distortion) <= MAX_LENS:
        _refuse(path, "plane.distortion", p.distortion, f"-{MAX_LENS:g} to {MAX_LENS:g}")
    if not 0 <= made.sd_share <= 0.2:
        _refuse(path, "sd_share", made.sd_share, "0 to 0.2")
    scale = _scales(p)
    if not (np.isfinite(scale).all() and scale.min() > 1e-4 and scale.max() < 1e3):
        _refuse(path, "plane.to_plane", np.round(scale, 4).tolist(), "0.0001 to 1000 mm a pixel")


def _scales(p: Lens) -> F64:
    """mm a pixel in the middle and near the corners; what is no number where the plane is none."""
    plane = plane_of(p)
    at = np.array([[0.5, 0.5], [0.1, 0.1], [0.9, 0.1], [0.1, 0.9], [0.9, 0.9]])
    points = at * [p.width, p.height]
    with np.errstate(all="ignore"):
        straight = undistorted(points, plane.matrix, p.distortion)
        matrix = np.array(p.to_plane)
        steps = [mapped(straight + off, matrix) - mapped(straight, matrix) for off in np.eye(2)]
        scales: F64 = np.hypot(*np.concatenate(steps).T)
    return scales


def _refuse(path: Path, key: str, found: object, expected: str) -> None:
    raise ConfigError(f"{path}: {key} is {found!r}, expected {expected}", fix=AGAIN)
