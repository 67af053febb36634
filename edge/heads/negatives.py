"""Views of what nobody enrols: a sheet of rendered things and made-up marks, cut into its squares.

Drawn by `python -m calib_data.negatives`. A gallery learns from them what "none of these" looks
like to the bundle's network, on the engine that runs here.
"""

from __future__ import annotations

from pathlib import Path

from edge.pictures.pixels import decode
from edge.records import U8

SHEET = Path(__file__).parent / "negatives.jpg"
ROWS, COLUMNS = 9, 16  # of views
SIDE = 112  # px of a view: sharper ones say no more, and the sheet travels with every install


def negatives() -> list[U8]:
    """ROWS * COLUMNS views, (SIDE, SIDE, 3) each. Raises SourceError when the sheet is damaged."""
    sheet = decode(SHEET.read_bytes(), str(SHEET))
    return [
        sheet[y : y + SIDE, x : x + SIDE]
        for y in range(0, ROWS * SIDE, SIDE)
        for x in range(0, COLUMNS * SIDE, SIDE)
    ]
