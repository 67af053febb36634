"""What `edge-quantize attributes` made -> a file of a bundle, for the student it was made for."""

from __future__ import annotations

from pathlib import Path

from edge.heads.attributes import FILE, parse_attributes
from quantize import recipe
from quantize.errors import WorkshopError


def attributes_files(folder: Path, student: Path) -> dict[str, bytes]:
    """`student`: the float weights that the bundle's artifacts came from.

    Raises WorkshopError for attributes of another one, BundleError for a file that is not right.
    """
    recipe.read(folder, "attributes")
    data = (folder / FILE).read_bytes()
    header, _ = parse_attributes(data, str(folder / FILE))
    if header.student != recipe.digest(student):
        raise WorkshopError(
            folder, f"attributes of the student {header.student[:16]}...",
            f"those of {student}, {recipe.digest(student)[:16]}...",
            "edge-quantize attributes --student with the one that was exported",
        )  # fmt: skip
    return {FILE: data}
