"""The files of the live page, and what a browser may do with them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "page"
SCRIPT = "text/javascript; charset=utf-8"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
PAGES = {  # path -> file, and its kind
    "/": ("live.html", "text/html; charset=utf-8"),
    "/live.css": ("live.css", "text/css; charset=utf-8"),
    "/live.svg": ("live.svg", "image/svg+xml"),
    **{f"/{script.name}": (script.name, SCRIPT) for script in sorted(FOLDER.glob("*.js"))},
}


@cache
def read(name: str) -> bytes:
    """One of those, or what asks for a token."""
    return (FOLDER / name).read_bytes()
