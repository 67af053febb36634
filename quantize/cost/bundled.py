"""The networks of a bundle, counted: its ONNX artifacts say what they have a device do."""

from __future__ import annotations

import onnx
from msgspec.structs import replace

from edge.boards.work import Network
from edge.bundle.manifest import Artifact, HeatArtifact
from edge.bundle.read import Bundle
from quantize.cost.count import counted
from quantize.errors import WorkshopError


def counted_bundle(bundle: Bundle) -> list[Network]:
    """The student, and the glance where there is one. Raises WorkshopError without ONNX."""
    name, glance = bundle.manifest.name, bundle.manifest.glance
    found = [_counted(bundle, bundle.manifest.artifacts, name)]
    if glance is not None:
        found.append(_counted(bundle, glance.artifacts, f"{name}-glance"))
    return found


def _counted(
    bundle: Bundle, artifacts: tuple[Artifact, ...] | tuple[HeatArtifact, ...], name: str
) -> Network:
    files = [a.files[0] for a in artifacts if a.files[0].file.endswith(".onnx")]
    if not files:
        raise WorkshopError(
            bundle.root, f"no ONNX among the artifacts of {name}", "one", "pack it with onnxruntime"
        )
    network = counted(onnx.load_from_string(bundle.read(files[0])), name)
    hashes = {a.files[0].sha256: f"{a.engine}/{a.precision}" for a in artifacts}
    return replace(network, artifacts=hashes)
