"""Whose work a bundle and this installation rest on, and under which licences."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution, requires

from edge.bundle.read import Bundle

Row = tuple[str, str, str]  # which kind of thing, whose, its licence

# Their methods and formats are ours, none of their code or weights. A student that learned from
# their weights or data goes out under these terms.
SYSTEMS = (
    ("RAM, RAM++, Tag2Text (xinyu1205/recognize-anything), code and weights", "Apache-2.0"),
    ("parts of it that are BLIP's", "BSD-3-Clause"),
    ("AD-Net (fgic_lowd)", "MIT"),
    ("FashionSAP (hssip/FashionSAP)", "BSD-3-Clause"),
    ("AutoFish (vapaau/autofish)", "CC BY 4.0"),
)
OURS = "edge-tag"
NOT_SAID = "not said"
NAME = re.compile(r"[A-Za-z0-9._-]+")
CLASSIFIER = "License :: "
LONGEST = 200  # letters: some packages have the whole text there


def notices(bundle: Bundle) -> list[Row]:
    """A row a thing: what the weights learned from, the systems whose methods are used, and the
    packages of edge-tag that are installed here.
    """
    learned = [_learned(one) for one in bundle.manifest.trained_on]
    methods = [("method", whose, licence) for whose, licence in SYSTEMS]
    return [("bundle", bundle.id, "as what it learned from"), *learned, *methods, *_packages()]


def _learned(one: dict[str, str]) -> Row:
    said = [one[key] for key in ("name", "source") if one.get(key)]
    return "learned from", ", ".join(said) or NOT_SAID, one.get("licence") or NOT_SAID


def _packages() -> list[Row]:
    """Those that edge-tag asks for, with or without an extra, and that are here."""
    try:
        asked = [NAME.match(line) for line in requires(OURS) or ()]
    except PackageNotFoundError:  # run from a folder of sources
        asked = []
    names = sorted({found.group() for found in asked if found} - {OURS})
    return [("package", *row) for row in map(_package, names) if row is not None]


def _package(name: str) -> tuple[str, str] | None:
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return None
    return f"{name} {found.version}", _licence(found)


def _licence(found: Distribution) -> str:
    """As its metadata says: an expression, else a short text, else what it is classified as."""
    for field in ("License-Expression", "License"):
        text = " ".join(_told(found, field)[:1]).strip()
        if 0 < len(text) <= LONGEST and text != "UNKNOWN":
            return " ".join(text.split())
    kinds = [one for one in _told(found, "Classifier") if one.startswith(CLASSIFIER)]
    return ", ".join(one.rsplit(" :: ", 1)[-1] for one in kinds) or NOT_SAID


def _told(found: Distribution, field: str) -> list[str]:
    return found.metadata.get_all(field) or []
