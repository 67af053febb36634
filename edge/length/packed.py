"""The outline that a bundle holds: the same folder, hashed by the bundle's manifest too."""

from __future__ import annotations

from edge.bundle.manifest import StoredFile
from edge.bundle.read import Bundle
from edge.errors import COPY_AGAIN, PACK_AGAIN, BundleError
from edge.length.outline import MANIFEST, Outliner, opened, parsed

FOLDER = "outline"  # in the bundle


def open_packed(
    bundle: Bundle, engine: str | None = None, provider: str = "CPU", threads: int = 0
) -> Outliner:
    """The bundle's outline, on an engine. Raises as `open_outline` does."""
    named = {file.file: file for file in bundle.manifest.outline}
    where = f"{bundle.root}/{FOLDER}"

    def read(stored: StoredFile) -> bytes:
        file = named.get(f"{FOLDER}/{stored.file}")
        if file is None or (file.sha256, file.size_bytes) != (stored.sha256, stored.size_bytes):
            raise BundleError(
                f"{where}: {stored.file} is another one for the bundle's manifest than for "
                f"{MANIFEST}, expected the same",
                fix=COPY_AGAIN,
            )
        return bundle.read(file)

    about = named.get(f"{FOLDER}/{MANIFEST}")
    if about is None:
        raise BundleError(f"{where}: no {MANIFEST} in the manifest, expected one", fix=PACK_AGAIN)
    made = parsed(bundle.read(about), f"{where}/{MANIFEST}")
    return opened(made, where, read, engine, provider, threads)
