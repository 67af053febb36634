"""R9, R10, R18: `label --label-rows`: other tags for RAM, by their text embeddings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="pip install 'edge-tag[quantize]'")

from safetensors.torch import save_file  # noqa: E402

from quantize.errors import WorkshopError  # noqa: E402
from quantize.labels import Labels, load  # noqa: E402
from quantize.ram import LabelRows, open_tagger, write_labels  # noqa: E402
from quantize.ram.preprocess import open_picture  # noqa: E402
from quantize.ram.rows import read_rows  # noqa: E402
from tests.workshop.label import run, write_pictures, write_tags  # noqa: E402
from tests.workshop.ram.synthetic import Plan, random_state, write  # noqa: E402

NAMES = ("boot", "cape", "fez")
Rows = torch.Tensor


def as_tensor(rows: Rows, folder: Path) -> Path:
    torch.save(rows, folder / "rows.pth")
    return folder / "rows.pth"


def as_parameter(rows: Rows, folder: Path) -> Path:
    torch.save({"label_embed": torch.nn.Parameter(rows)}, folder / "rows.pt")
    return folder / "rows.pt"


def as_matrix(rows: Rows, folder: Path) -> Path:
    save_file({"rows": rows}, folder / "rows.safetensors")
    return folder / "rows.safetensors"


def as_npz(rows: Rows, folder: Path) -> Path:
    np.savez(folder / "rows.npz", rows=rows.numpy())
    return folder / "rows.npz"


def as_vectors(rows: Rows, folder: Path) -> Path:
    save_file(dict(zip(NAMES, rows.unbind(), strict=True)), folder / "rows.safetensors")
    return folder / "rows.safetensors"


def as_ours(rows: Rows, folder: Path) -> Path:
    each = len(rows) // len(NAMES)
    write_labels(LabelRows(NAMES, (each,) * len(NAMES), rows, {}), folder / "rows.safetensors")
    return folder / "rows.safetensors"


def labelled(folder: Path, kind: str, rows: Path, *more: str) -> Labels:
    teacher = {"ram": "ram", "ram++": "ram_plus", "tag2text": "tag2text"}[kind]
    weights = folder / "weights.pth"
    write(random_state(Plan(kind), captioner=False), weights)
    images = write_pictures(folder / "pictures", 2)
    command = ["--teacher", teacher, "--checkpoint", str(weights), "--images", str(images)]
    command += ["--label-rows", str(rows), "--device", "cpu", "--threads", "1", *more]
    run([*command, "--out", str(folder / "out")])
    return load(folder / "out")


@pytest.mark.parametrize(
    ("kind", "each", "store", "named"),
    [
        ("ram", 1, as_tensor, False),
        ("ram", 1, as_parameter, False),
        ("ram", 1, as_matrix, False),
        ("ram", 1, as_npz, False),
        ("ram", 1, as_vectors, True),
        ("ram", 1, as_ours, True),
        ("ram++", 4, as_tensor, False),
        ("ram++", 4, as_ours, True),
    ],
)
def test_other_tags_by_a_file(
    kind: str, each: int, store: Callable[[Rows, Path], Path], named: bool, tmp_path: Path
) -> None:
    """Any format; what is stored are the logits of the same network with these rows."""
    rows = torch.randn(3 * each, Plan(kind).words, generator=torch.Generator().manual_seed(1))
    names = ["--tag-list", str(write_tags(tmp_path / "names.txt", NAMES))]
    found = labelled(tmp_path, kind, store(rows, tmp_path), *([] if named else names))
    order = sorted(NAMES) if store is as_vectors else NAMES
    assert found.tags == tuple(order)
    assert found.thresholds == (0.5,) * 3
    own = LabelRows(NAMES, (each,) * 3, rows, {})
    tagger = open_tagger(tmp_path / "weights.pth", labels=own)
    for key, row in found.soft.items():
        seen = tagger.look([open_picture(tmp_path / "pictures" / Path(key).name)])
        assert np.abs(row - seen.logits[0]).max() < 1e-5


def test_the_checkpoint_s_own_rows_given_as_a_file_change_nothing(tmp_path: Path) -> None:
    """R9: several rows a tag, in the order of the published matrix."""
    plan = Plan("ram++")
    own = random_state(plan, captioner=False)["label_embed"]
    names = [f"tag {i}" for i in range(plan.tags)]
    tags = write_tags(tmp_path / "tags.txt", names)
    found = labelled(tmp_path, "ram++", as_tensor(own, tmp_path), "--tag-list", str(tags))
    tagger = open_tagger(tmp_path / "weights.pth", tag_list=tags)
    for key, row in found.soft.items():
        seen = tagger.look([open_picture(tmp_path / "pictures" / Path(key).name)])
        assert np.abs(row - seen.logits[0]).max() < 1e-5


@pytest.mark.parametrize(("kind", "rows", "tags"), [("ram", 4585, 4585), ("ram++", 233835, 4585)])
def test_a_matrix_of_the_published_size_has_the_published_tags(
    kind: str, rows: int, tags: int, tmp_path: Path
) -> None:
    file = as_tensor(torch.ones(rows, 2, dtype=torch.float16), tmp_path)
    found = read_rows(file, None, kind)
    assert (len(found.tags), found.counts[0], found.matrix.dtype) == (
        tags, rows // tags, torch.float32,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("store", "rows", "more", "message"),
    [
        (as_tensor, torch.zeros(3, 32), [], "label rows are all zeros"),
        (as_tensor, torch.ones(3, 31), [], "31 numbers a row"),
        (as_tensor, torch.ones(3), [], "shape"),
        (as_tensor, torch.ones(7, 32), ["--tag-list", "NAMES"], "7 rows, expected a multiple of 3"),
        (as_tensor, torch.ones(6, 32), ["--tag-list", "NAMES"], "up to 2 rows a tag"),
        (as_ours, torch.ones(3, 32), ["--tag-list", "NAMES"], "has its own tags"),
    ],
)
def test_rows_that_cannot_be_tags_are_refused(
    store: Callable[[Rows, Path], Path],
    rows: Rows,
    more: list[str],
    message: str,
    tmp_path: Path,
) -> None:
    """R18: zeros above all."""
    names = str(write_tags(tmp_path / "names.txt", NAMES))
    flags = [names if flag == "NAMES" else flag for flag in more]
    with pytest.raises(WorkshopError, match=message):
        labelled(tmp_path, "ram", store(rows, tmp_path), *flags)


def test_files_that_hold_no_rows_are_refused(tmp_path: Path) -> None:
    for name, content in (("a.pth", b"text"), ("a.npz", b"text"), ("a.safetensors", b"text")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(WorkshopError, match=name):
            read_rows(tmp_path / name)
    with pytest.raises(WorkshopError, match="no such file"):
        read_rows(tmp_path / "nowhere.npz")
