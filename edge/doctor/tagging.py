"""Engines, providers, the bundle, and its golden answers here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from edge.bundle.audit import audit
from edge.bundle.read import open_bundle
from edge.doctor.finding import Finding, fail, ok, warn
from edge.engines import ENGINES, installed, pip_line
from edge.errors import COPY_AGAIN, BundleError, CheckFailed, EdgeError, EngineMissing
from edge.heads.gallery_file import read_gallery
from edge.heads.gallery_path import default_path
from edge.spelling import counted
from edge.tagger import open_tagger

PACKAGES = {  # engine -> names under which it may be installed
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-openvino"),
    "openvino": ("openvino",),
    "tflite": ("ai-edge-litert", "tflite-runtime"),
}


def engines() -> Iterator[Finding]:
    """Which are installed; one is enough."""
    here = installed()
    for name in here:
        yield ok("engine", name, _version(name))
    if not here:
        none = EngineMissing(
            "no engine is installed, expected one of " + ", ".join(PACKAGES),
            fix=pip_line(next(iter(ENGINES))),
        )
        yield fail("engine", "any", none)


def run_as_asked(
    path: str | None,
    engine: str | None = None,
    provider: str | None = None,
    threads: int | None = None,
) -> Iterator[Finding]:
    """The tagger, opened as a run would open it: the provider asked for is the one in use.

    Each of them as `open_tagger` takes it.
    """
    asked = "/".join(word for word in (engine, provider) if word) or "default"
    try:
        with open_tagger(path, engine, provider, threads) as tagger:  # runs the golden pictures
            yield ok("engine", f"{asked}, as asked", f"{tagger.engine} gives the golden answers")
    except EdgeError as e:
        area = "bundle" if isinstance(e, BundleError) else "engine"
        yield fail(area, f"{asked}, as asked", e)


def bundle(path: str | None) -> Iterator[Finding]:
    """Its files, and its answers on each engine. Files that are as they should be are counted."""
    files = 0
    try:
        for found in audit(path):
            if found.answer == "NO":
                kind = CheckFailed if found.is_golden else BundleError
                yield fail("bundle", found.what, kind(found.found, fix=COPY_AGAIN))
            elif found.is_golden and found.answer == "yes":
                yield ok("bundle", f"{found.what}, golden", found.found)
            elif found.answer == "yes":
                files += 1
                if files == 1:
                    yield ok("bundle", found.what, found.found)
    except EdgeError as e:
        yield fail("bundle", path or "the one in use", e)
        return
    yield ok("bundle", "files", f"{files - 1} have the hashes of the manifest")


def gallery(path: str | None) -> Iterator[Finding]:
    """What was enrolled for the bundle; a run goes on without it where it cannot be read."""
    with suppress(EdgeError), open_bundle(path) as opened:  # what is wrong with it was told
        lies_at = default_path(opened)
        if not lies_at.exists():
            return
        try:
            tags = counted(len(read_gallery(lies_at, opened).tags), "tag")
            yield ok("bundle", "gallery", f"{lies_at}: {tags}")
        except BundleError as e:
            yield fail("bundle", "gallery", e)


def extras() -> Iterator[Finding]:
    """What only some need: told where it is missing, no more."""
    for package, extra, what in (
        ("av", "video", "streams, and clips in planes"),
        ("paho-mqtt", "mqtt", "MQTT"),
        ("prometheus-client", "health", "--health"),
    ):
        found = _installed((package,))
        if found:
            yield ok("engine", package, found)
        else:
            text = f"not installed: there is no {what}"
            yield warn("engine", package, text, f"pip install 'edge-tag[{extra}]', if you need it")


def _version(engine: str) -> str:
    return _installed(PACKAGES[engine]) or "installed, version unknown"


def _installed(packages: tuple[str, ...]) -> str:
    found = next((package for package in packages if _is_here(package)), None)
    return "" if found is None else f"{found} {version(found)}"


def _is_here(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True
