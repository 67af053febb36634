"""`edge-tag calibrate`: frames with a checkerboard in, a camera plane and a picture of it out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from edge.errors import CheckFailed, SourceError
from edge.length.board import (
    Board,
    Fitted,
    check_places,
    find,
    fit,
    is_new,
    other_pattern,
    reach,
)
from edge.length.board_picture import draw_corners, scale_range
from edge.length.plane_file import write_plane
from edge.pictures.pixels import jpeg, rgb, size
from edge.pictures.suffixes import CORNERS, is_picture
from edge.records import U8, Frame
from edge.store import write_whole

QUALITY = 88
NEAR = 0.6  # of the way to the corners: boards that stay nearer are told so


class CalibrationSettings(msgspec.Struct, frozen=True):
    """What to calibrate with."""

    pattern: tuple[int, int]  # inner corners, columns and rows
    square_mm: float
    count: int  # boards, at most


class Found(msgspec.Struct):
    """What was seen so far."""

    frames: int = 0  # that could be read
    boards: tuple[Board, ...] = ()
    still: int = 0  # frames in which the board has hardly moved
    first: U8 | None = None  # the first frame with a board in it
    other: U8 | None = None  # the first frame without one
    missed: str = ""  # a picture without one, before any that has one


def calibrated(
    frames: Iterable[Frame],
    settings: CalibrationSettings,
    out: Path,
    step: Callable[[], object],
    is_stopped: Callable[[], bool],
) -> list[str]:
    """Write the plane to `out`, and beside it a picture; gives lines that tell of it.

    Frames in which the board has hardly moved since another are passed over. Raises SourceError,
    UsageError, SinkError, each with what to do; CheckFailed once stopped.
    """
    seen = find_boards(frames, settings, step)
    if is_stopped():
        raise CheckFailed(
            "calibrate: stopped before its end, so there is no plane",
            fix="run it again; --count N asks for fewer boards",
        )
    if not seen.boards or seen.first is None:
        raise _no_board(seen, settings)
    if seen.missed:
        raise _board_missed(seen, settings)
    check_places(len(seen.boards) + seen.still, len(seen.boards))
    fitted = fit(seen.boards, settings.pattern, settings.square_mm)
    picture = out.with_suffix(CORNERS)
    write_whole(picture, jpeg(draw_corners(seen.first, fitted), QUALITY))
    write_plane(out, fitted.file)
    return [
        *summary(fitted, seen),
        f"{picture}: the corners found",
        f"{out}: {fitted.file.boards} boards",
    ]


def find_boards(
    frames: Iterable[Frame], settings: CalibrationSettings, step: Callable[[], object]
) -> Found:
    """Boards of the frames, each in a place of its own."""
    found = Found()
    for frame in frames:
        if frame.pixels is None:
            raise SourceError(frame.error, fix=frame.fix)
        found.frames += 1
        pixels = rgb(frame.pixels)
        corners = find(pixels, settings.pattern)
        if corners is None:
            found.other = pixels if found.other is None else found.other
            if not found.boards and is_picture(frame.source):
                found.missed = found.missed or frame.source
            continue
        name = f"{frame.source} #{frame.index}" if frame.index else frame.source
        board = Board(name, corners, size(pixels))
        if found.boards and not is_new(board, found.boards):
            found.still += 1
            continue
        found.first = pixels if found.first is None else found.first
        found.boards = (*found.boards, board)
        step()
        if len(found.boards) >= settings.count:
            break
    return found


def summary(fitted: Fitted, seen: Found) -> list[str]:
    """What a person should compare with a ruler, and what the boards do not say."""
    made, (least, most) = fitted.file, scale_range(fitted)
    wide, tall = made.plane.width * (least + most) / 20, made.plane.height * (least + most) / 20
    passed = f" ({seen.still} more had hardly moved)" if seen.still else ""
    return [
        f"boards: {made.boards} in {seen.frames} frames{passed}, {sum(fitted.in_plane)} lie in the "
        "plane",
        f"corners off by {made.residual_px:.2f} px, in the plane by {made.residual_mm:.2f} mm",
        f"scale: {least:.3f} to {most:.3f} mm a pixel; the frame shows about {wide:.0f} x "
        f"{tall:.0f} cm of the plane, if a square is {made.square_mm:g} mm: is that so?",
        *_unseen(reach(fitted.boards)),
    ]


def _unseen(far: float) -> list[str]:
    """What no residual says: where there was no board, the lens is a guess."""
    if far >= NEAR:
        return []
    return [
        f"boards reach {far:.0%} of the way from the middle of the frame to its corners: lengths "
        "farther out are guesses; take more boards there"
    ]


def _no_board(seen: Found, settings: CalibrationSettings) -> SourceError:
    columns, rows = settings.pattern
    other = None if seen.other is None else other_pattern(seen.other)
    fix = "count the inner corners of the board, light it evenly, show all of it"
    if other is not None:
        size = f"{other[0]}x{other[1]}"
        fix = f"a board of {size} inner corners is there: --board {size}"
    return SourceError(
        f"no board of {columns} x {rows} inner corners in {seen.frames} frames, "
        "expected one in each",
        fix=fix,
    )


def _board_missed(seen: Found, settings: CalibrationSettings) -> SourceError:
    """The board of the next picture is tilted, and fish would be measured in its plane. A camera
    may have to wait for its first board, pictures need not.
    """
    columns, rows = settings.pattern
    return SourceError(
        f"{seen.missed}: no board of {columns} x {rows} inner corners is found, expected the one "
        "that lies flat where fish will lie: it comes before the others",
        fix="take it again, sharp and with all of the board; or name the one that lies flat first",
    )
