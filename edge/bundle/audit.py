"""Is a bundle whole, and does it answer here as where it was packed? Every file, every engine."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from edge.bundle.keys import Keys
from edge.bundle.manifest import StoredFile
from edge.bundle.read import Bundle, open_bundle
from edge.bundle.signature import SIGNATURE
from edge.engines import ENGINES, installed, pip_line
from edge.errors import EdgeError, EngineMissing
from edge.length.packed import open_packed
from edge.tagger import open_tagger


class AuditFinding(msgspec.Struct, frozen=True):
    """One line of the answer."""

    what: str  # a file, or engine/precision
    answer: str  # "yes", "NO", or "-" where it could not be asked
    found: str  # why, for people
    is_golden: bool = False  # about what an engine answers, not about a file


def audit(path: str | None, keys: Keys | None = None) -> Iterator[AuditFinding]:
    """Hash every file of the bundle, then run its golden pictures on each engine that is installed,
    those of glance and outline too.

    `path` and `keys` as `open_bundle` takes them. Raises BundleError when the manifest itself
    cannot be read, or is not signed by one of the keys.
    """
    with open_bundle(path, keys=keys) as bundle:
        manifest = bundle.manifest
        yield AuditFinding(bundle.id, "yes", f"{bundle.root}: the manifest is well formed")
        yield _signed(bundle)
        for stored in manifest.files():
            yield _hashed(bundle, stored)
    for artifact in manifest.artifacts:
        yield _golden(path, artifact.engine, artifact.precision)


def _signed(bundle: Bundle) -> AuditFinding:
    if bundle.signer is not None:
        return AuditFinding(SIGNATURE, "yes", f"signed with the key {bundle.signer[:12]}...")
    found = "not signed"
    if bundle.signature() is not None:
        found = "signed, but no key is trusted: edge-tag bundle trust FILE, or --key FILE here"
    return AuditFinding(SIGNATURE, "-", found)


def _hashed(bundle: Bundle, stored: StoredFile) -> AuditFinding:
    try:
        bundle.read(stored)
    except EdgeError as e:
        return AuditFinding(stored.file, "NO", str(e))
    return AuditFinding(
        stored.file, "yes", f"{stored.size_bytes:,} bytes, SHA-256 {stored.sha256[:12]}..."
    )


def _golden(path: str | None, engine: str, precision: str) -> AuditFinding:
    what = f"{engine}/{precision}"
    if engine not in ENGINES:
        return AuditFinding(what, "-", "unknown to this edge-tag", is_golden=True)
    if engine not in (*installed(), "null"):
        return AuditFinding(what, "-", f"not installed: {pip_line(engine)}", is_golden=True)
    try:
        with open_tagger(path, engine, precision=precision) as tagger:  # runs the golden pictures
            glance = ", and so does the glance" if tagger.has_glance else ", has no glance"
            outline = _outline(tagger.bundle, engine)
    except EdgeError as e:
        return AuditFinding(what, "NO", str(e), is_golden=True)
    return AuditFinding(what, "yes", f"gives the golden answers{glance}{outline}", is_golden=True)


def _outline(bundle: Bundle, engine: str) -> str:
    """Raises BundleError for one that answers otherwise than where it was made."""
    if not bundle.manifest.outline:
        return ""
    try:
        open_packed(bundle, engine).close()
    except EngineMissing:
        return "; has no outline for it"
    return "; the outline gives its own"
