"""Who may import whom in the workshop: imports point down, and a vendor stands in its own file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
QUANTIZE = ROOT / "quantize"

RANKS: tuple[tuple[str, ...], ...] = (
    ("errors", "allocator"),
    ("contents", "disk"),
    ("recipe", "pictures", "timm_import", "texts", "checkpoints"),
    ("ram", "students"),
    ("teachers", "export"),
    ("labels",),
    ("training",),
    ("int8", "distill"),
    ("glance", "fashion", "cost"),
    ("fish",),
    ("report",),
    ("lowdata",),
    ("evidence", "publish"),
    ("pack",),
    ("stages",),
    ("cli",),
    ("__main__",),
)
RANK = {module: rank for rank, modules in enumerate(RANKS) for module in modules}
VENDORS = {  # packages that a workshop may lack, or that change often -> who may import them
    "timm": {"teachers.timm", "students.timm_student"},
    "ray": {"labels.through_ray"},
    "h5py": {"fashion.fashiongen"},
    "nncf": {"int8.ov_nncf"},
    "litert_torch": {"export.writers"},
    "ai_edge_litert": {"teachers.tflite", "students.stock", "int8.tfl_aeq"},
}
FILES = sorted(QUANTIZE.rglob("*.py"))


def module_of(file: Path) -> str:
    """quantize/ram/swin.py -> ram.swin; quantize/ram/__init__.py -> ram"""
    parts = file.relative_to(QUANTIZE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def imports_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_a_workshop_module_imports_only_what_lies_below_it(file: Path) -> None:
    own = module_of(file).split(".")[0]
    for name in imports_of(file):
        package, _, rest = name.partition(".")
        other = rest.split(".")[0]
        if package == "quantize" and other in RANK and other != own:
            assert RANK[other] < RANK[own], f"{file}: imports {name}"


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_a_vendor_is_imported_in_its_own_file(file: Path) -> None:
    for name in imports_of(file):
        homes = VENDORS.get(name.split(".")[0])
        assert homes is None or module_of(file) in homes, f"{file}: imports {name}"


def test_every_workshop_module_has_a_rank_and_every_rank_a_module() -> None:
    assert {module_of(file).split(".")[0] for file in FILES} - {"__init__"} == set(RANK)
