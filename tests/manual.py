"""The manual: README.md, and a README.md in the folder of each thing."""

from __future__ import annotations

from pathlib import Path

from benchmarks.readme import PAGES

TEXTS: dict[Path, str] = {page: page.read_text("utf-8") for page in PAGES}
README = TEXTS[PAGES[0]]
MANUAL = "\n\n".join(TEXTS.values())


def page(title: str) -> str:
    """By its first heading."""
    [found] = [text for text in TEXTS.values() if text.startswith(f"# {title}\n")]
    return found
