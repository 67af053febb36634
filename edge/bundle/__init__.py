"""A bundle: written, opened, read file by file with every hash compared, and proven on its golden
pictures before it is used.

manifest       `bundle.json`: what a bundle says about itself
manifest_read  the one way to read it
files          where its bytes lie: a directory, or one zip of it
read           a bundle opened: artifacts, heads, their proof
write          bundles written, whole or not at all
golden         does an artifact say here what it said where it was packed?
audit          every file, every engine: is all of it right here?
losses         what int8 costs, by its own numbers
summary        what it says of itself, as rows of a table
keys           keys that bundles are signed with, and those that are trusted
curves         keys of elliptic curves, by the package `cryptography`
signature      who made it: an OpenSSF Model Signing signature, checked
signing        signed, and keys trusted
installing     bundles that come to a device: an older one is refused
installed      which of those is in use: `installed.json` beside them
notices        whose work it rests on, and under which licences
in_use         the one that a run begins with, although it may be damaged
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
