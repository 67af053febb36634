"""A bundle: written, opened, read file by file with every hash compared, and proven on its golden
pictures before it is used.
"""

from __future__ import annotations

from edge.bundle.manifest import (
    MANIFEST,
    SCHEMA,
    Accuracy,
    Artifact,
    Golden,
    Head,
    InputSpec,
    Manifest,
    StoredFile,
)
from edge.bundle.read import DEFAULT, Bundle, TagNames, open_bundle

__all__ = [
    "DEFAULT",
    "MANIFEST",
    "SCHEMA",
    "Accuracy",
    "Artifact",
    "Bundle",
    "Golden",
    "Head",
    "InputSpec",
    "Manifest",
    "StoredFile",
    "TagNames",
    "open_bundle",
]
