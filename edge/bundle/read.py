"""A bundle: artifacts for several engines, their heads, their proof, one manifest that hashes all.

A bundle is a directory, or one `.edge` zip of it, with `bundle.json` at its root. Opening one reads
its manifest and its tag lists; every other file is read, and hashed, when it is asked for.
"""

from __future__ import annotations

import hashlib
import unicodedata
from os import PathLike
from pathlib import Path
from types import TracebackType

from edge.bundle.files import Folder, Store, Zip
from edge.bundle.installed import current
from edge.bundle.keys import Keys, trusted
from edge.bundle.manifest import MANIFEST, Artifact, Head, StoredFile
from edge.bundle.manifest_read import MAX_MANIFEST_BYTES, read_manifest
from edge.bundle.signature import AGAIN, MAX_SIGNATURE_BYTES, SIGNATURE, check
from edge.errors import COPY_AGAIN, PACK_AGAIN, BundleError

MAX_TAGS = 100_000  # of one head
NAME_ONE = "name a bundle: --bundle PATH"

DEFAULT = Path(__file__).parents[1] / "bundles" / "default"

TagNames = tuple[tuple[str, str | None], ...]  # (tag, its group or None), entry n names logit n


class Bundle:
    """An open bundle, its manifest checked. Not thread-safe."""

    def __init__(self, root: Path, store: Store, keys: Keys | None = None) -> None:
        """keys: those of which one must have signed it; None: it need not be signed.

        Raises BundleError when signature, manifest or tag lists are not right. The caller closes
        `store` then.
        """
        self.root = root  # the directory or zip, as the user wrote it
        self._store = store
        self.source = store.read(MANIFEST, MAX_MANIFEST_BYTES)  # the manifest as it is written
        self.signer = None if keys is None else self._signed_by(keys)  # id of that key
        self.manifest = read_manifest(self.source, f"{root}/{MANIFEST}")
        self._tags = {head.name: self._read_tags(head) for head in self.manifest.heads}

    @property
    def id(self) -> str:
        """`name@counter`."""
        return f"{self.manifest.name}@{self.manifest.counter}"

    def read(self, stored: StoredFile) -> bytes:
        """The bytes of one file, their size and hash checked, every time. Raises BundleError."""
        where = f"{self.root}/{stored.file}"
        size = self._store.size(stored.file)
        if size != stored.size_bytes:
            raise BundleError(
                f"{where}: file is {size} bytes, expected {stored.size_bytes} as the manifest says",
                fix=COPY_AGAIN,
            )
        data = self._store.read(stored.file, stored.size_bytes)
        digest = hashlib.sha256(data).hexdigest()
        if digest != stored.sha256:
            raise BundleError(
                f"{where}: SHA-256 is {digest[:16]}..., "
                f"expected {stored.sha256[:16]}... as the manifest says",
                fix=COPY_AGAIN,
            )
        return data

    def signature(self) -> bytes | None:
        """What `bundle.sig` holds, unchecked; None where there is none. Raises BundleError."""
        if not self._store.has(SIGNATURE):
            return None
        return self._store.read(SIGNATURE, MAX_SIGNATURE_BYTES)

    def _signed_by(self, keys: Keys) -> str:
        signature = self.signature()
        if signature is None:
            raise BundleError(f"{self.root}: bundle is not signed, expected {SIGNATURE}", fix=AGAIN)
        return check(signature, self.source, keys, f"{self.root}/{SIGNATURE}")

    def read_all(self) -> None:
        """Every file, for its hash. Raises BundleError."""
        for file in self.manifest.files():
            self.read(file)

    def tags_of(self, head: Head) -> TagNames:
        """(tag, group) in the order of the head's logits."""
        return self._tags[head.name]

    def artifact(self, engine: str, precision: str = "int8") -> Artifact:
        """The artifact of an engine at "int8" or "float". Raises BundleError when there is none."""
        for artifact in self.manifest.artifacts:
            if (artifact.engine, artifact.precision) == (engine, precision):
                return artifact
        here = ", ".join(f"{a.engine}/{a.precision}" for a in self.manifest.artifacts)
        raise BundleError(
            f"{self.root}: bundle has no artifact {engine}/{precision}, expected one of {here}",
            fix="name one of those, or leave --engine and --precision out",
        )

    def _read_tags(self, head: Head) -> TagNames:
        where = f"{self.root}/{head.tags.file}"
        names = _parse_tags(self.read(head.tags), where)
        if len(head.thresholds) not in (1, len(names)):
            raise BundleError(
                f"{self.root}/{MANIFEST}: head {head.name!r} has {len(head.thresholds)} "
                f"thresholds, expected 1, or {len(names)} as it has tags",
                fix=PACK_AGAIN,
            )
        return names

    def close(self) -> None:
        self._store.close()

    def __enter__(self) -> Bundle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_bundle(
    path: str | PathLike[str] | None = None, *, keys: Keys | None = None, is_own: bool = False
) -> Bundle:
    """Open a directory or a zip.

    path    None: the bundle that is installed on this device, else the one that came with edge-tag
    keys    those of which one must have signed it; None: what this device trusts, if it has such
            keys (`edge-tag bundle trust`). The bundle that came with edge-tag needs none.
    is_own  it is being made here: nobody can have signed it yet
    Raises BundleError, and ConfigError for keys that cannot be read.
    """
    root = (current() or DEFAULT) if path is None else Path(path)
    try:
        is_folder, is_file = root.is_dir(), root.is_file()
    except (OSError, ValueError) as e:  # too long, or a NUL in it
        raise BundleError(
            f"bundle {str(root)[:200]!r} cannot be looked for: {e}", fix=NAME_ONE
        ) from e
    if not is_folder and not is_file:
        raise _missing(root, is_default=root == DEFAULT)
    if keys is None and not is_own and root.absolute() != DEFAULT.absolute():
        keys = trusted()
    store: Store = Folder(root) if is_folder else Zip(root)
    try:
        return Bundle(root, store, keys)
    except BaseException:
        store.close()
        raise


def _missing(root: Path, *, is_default: bool) -> BundleError:
    if is_default:
        return BundleError(
            f"{root}: this edge-tag came without its default bundle",
            fix=NAME_ONE,
        )
    return BundleError(
        f"{root}: bundle is missing, expected a directory with {MANIFEST} in it, or an .edge file",
        fix="is the path right? ls tells what lies there",
    )


def _parse_tags(data: bytes, where: str) -> TagNames:
    """UTF-8, one `tag` or `tag<TAB>group` a line, each tag once. Raises BundleError."""
    if data.count(b"\n") > MAX_TAGS:
        raise BundleError(
            f"{where}: file has more than {MAX_TAGS} lines, expected at most that", fix=PACK_AGAIN
        )
    try:
        lines = data.decode("utf-8").removesuffix("\n").split("\n")
    except UnicodeDecodeError as e:
        raise BundleError(f"{where}: {e}, expected UTF-8", fix=PACK_AGAIN) from e
    names = tuple(_parse_tag(line, f"{where}: line {n}") for n, line in enumerate(lines, start=1))
    seen: dict[str, int] = {}
    for n, (tag, _) in enumerate(names, start=1):
        if tag in seen:
            raise BundleError(
                f"{where}: line {n} is {tag!r} like line {seen[tag]}, expected each tag once",
                fix=PACK_AGAIN,
            )
        seen[tag] = n
    return names


def _parse_tag(line: str, where: str) -> tuple[str, str | None]:
    tag, tab, group = line.partition("\t")
    for word in (tag, group) if tab else (tag,):
        # a CR of a Windows editor and a byte order mark would become part of a tag, and nobody
        # would see it
        if (
            not word
            or word != word.strip("\ufeff \u00a0")
            or not (word.isprintable() or all(unicodedata.category(c) != "Cc" for c in word))
        ):
            raise BundleError(
                f"{where} is {line[:100]!r}, expected `tag` or `tag<TAB>group`, LF at the end",
                fix=PACK_AGAIN,
            )
    return tag, group if tab else None
