"""Published RAM, RAM++ and Tag2Text files, read without running any code in them.

Only the weights that tagging needs are kept. The file is mapped, not read: tensors that are not
kept (optimiser, captioner) are never touched, and those kept need no second copy, so the peak is
about the size of the kept weights. The file must stay as it is while its tagger is in use.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor
from torch.serialization import get_unsafe_globals_in_checkpoint

from quantize.errors import WorkshopError
from quantize.ram.configs import Kind, TaggerConfig
from quantize.ram.detect import config_of, counts_of, kind_of, rows_of
from quantize.ram.labels import LabelRows, refuse_bad_rows
from quantize.ram.layout import sorted_out
from quantize.ram.tables import resized, side_of
from quantize.ram.tagger import Tagger, build

State = dict[str, Tensor]
Unexpected = Literal["refuse", "ignore"]
TABLE = "relative_position_bias_table"
FORM = "a RAM, RAM++ or Tag2Text checkpoint"


class LoadReport(msgspec.Struct, frozen=True):
    """What became of every key of a file. `is_complete` or the tagger is refused."""

    file: str
    kind: str
    loaded: tuple[str, ...]
    renamed: dict[str, str]  # key -> name here
    resized: dict[str, str]  # key -> "169 -> 529 rows"
    dropped: dict[str, str]  # key -> reason
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: dict[str, str]  # key -> "(4585, 512), expected (233835, 512)"

    @property
    def is_complete(self) -> bool:
        return not (self.missing or self.unexpected or self.wrong_shape)

    def faults(self, most: int = 8) -> str:
        """The first keys that are wrong, in a sentence; "" when there are none."""
        wrong = [f"{key} is {what}" for key, what in self.wrong_shape.items()]
        parts = (("missing", self.missing), ("unexpected", self.unexpected), ("shape", wrong))
        return "; ".join(
            f"{len(keys)} {name}: {', '.join(keys[:most])}{' ...' if len(keys) > most else ''}"
            for name, keys in parts
            if keys
        )


def load(
    file: Path,
    *,
    image_size: int | None = None,
    kind: Kind | None = None,
    tags: int | None = None,
    unexpected: Unexpected = "refuse",
    relabel: bool = False,
) -> tuple[Tagger, LoadReport]:
    """A tagger on the CPU in single precision, and what became of every key.

    image_size  px, a multiple of 32; None: what the file was trained at. Where the window differs,
                position tables are resized
    kind        refuse a file of another kind; None: whatever the file is
    tags        number of tags, where RAM++ has another number of descriptions a tag than 51
    unexpected  "ignore": a key that no tagger has is reported, not refused
    relabel     its label rows are about to be replaced: any number of them goes, zeros too

    Raises WorkshopError for a file that is no such checkpoint, holds code, or lacks or has keys it
    should not: nothing is ever half loaded.
    """
    state, dropped = read_state(file)
    found = kind_of(file, state, kind)
    kept, more, renamed = sorted_out(state)
    config = config_of(file, found, kept, image_size)
    counts = counts_of(file, found, kept, rows_of(file, found, kept) if relabel else tags)
    with torch.device("meta"):
        tagger = build(config, counts)
    shapes = {key: tuple(value.shape) for key, value in tagger.state_dict().items()}
    changes = _resize_tables(kept, shapes)
    report = _reported(file, config, kept, shapes, renamed, changes, {**dropped, **more})
    _refuse_incomplete(report, unexpected)
    if not relabel:
        _refuse_rows(file, kept, counts)
    weights = {key: kept[key].float() for key in report.loaded}
    tagger.load_state_dict(weights, strict=True, assign=True)
    return tagger.requires_grad_(False).eval(), report


def read_state(file: Path, form: str = FORM) -> tuple[State, dict[str, str]]:
    """Tensors by key, and what stood beside them: key -> reason it is dropped.

    Raises WorkshopError that says `form` is expected.
    """
    if not file.is_file():
        raise WorkshopError(file, "no such file", "a checkpoint", "give --checkpoint a file")
    if file.suffix == ".safetensors":
        return _read_safetensors(file, form), {}
    table = read_torch(file, form)
    if not isinstance(table, Mapping):
        raise _not_weights(file, f"a {type(table).__name__}", form)
    weights = table.get("model", table)
    if not isinstance(weights, Mapping) or not all(isinstance(v, Tensor) for v in weights.values()):
        raise _not_weights(file, f"keys {', '.join(map(str, list(table)[:6]))}", form)
    beside = {str(k): "not weights" for k in table if "model" in table and k != "model"}
    return {str(k): v for k, v in weights.items()}, beside


def _read_safetensors(file: Path, form: str) -> State:
    try:
        return load_file(file)
    except (SafetensorError, OSError) as e:
        raise _not_weights(file, f"no safetensors file ({e})", form) from e


def read_torch(file: Path, form: str) -> Any:
    """What a .pth file holds. Raises WorkshopError when it is damaged or would run code."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of torch's, on pickles it is about to refuse
            return _mapped(file)
    except Exception as e:  # a damaged pickle raises what its opcodes stumble on: anything
        code = _code_in(file)
        if code:
            raise WorkshopError(
                file,
                f"it would run {', '.join(code[:4])}",
                "tensors alone; nothing of it was run",
                "have whoever made it save the weights as safetensors",
            ) from e
        raise _not_weights(file, f"it does not parse ({repr(e)[:120]})", form) from e


def _mapped(file: Path) -> Any:
    try:
        return torch.load(file, map_location="cpu", weights_only=True, mmap=True)
    except RuntimeError:  # files older than torch 1.6 are no archives and cannot be mapped
        return torch.load(file, map_location="cpu", weights_only=True)


def _code_in(file: Path) -> list[str]:
    try:
        return sorted(get_unsafe_globals_in_checkpoint(str(file)))
    except Exception:  # whatever is wrong with the file, it was refused already
        return []


def _resize_tables(kept: State, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, str]:
    """Resize, in place, position tables made for another window; key -> what was done.

    All of a file have one size: where one stands out it is damaged, and the report will say so.
    """
    tables = [key for key in shapes if key.endswith(TABLE) and key in kept]
    rows = {kept[key].shape[0] for key in tables if kept[key].ndim == 2}
    if len(rows) != 1 or not side_of(*rows):
        return {}
    changes = {}
    for key in tables:
        before, after = kept[key].shape[0], shapes[key][0]
        if before != after and kept[key].shape[1:] == shapes[key][1:]:
            changes[key] = f"{before} -> {after} rows"
            kept[key] = resized(kept[key], after)
    return changes


def _reported(
    file: Path,
    config: TaggerConfig,
    kept: State,
    shapes: Mapping[str, tuple[int, ...]],
    renamed: dict[str, str],
    changes: dict[str, str],
    dropped: dict[str, str],
) -> LoadReport:
    both = [key for key in shapes if key in kept]
    wrong = {
        key: f"{tuple(kept[key].shape)}, expected {shapes[key]}"
        for key in both
        if tuple(kept[key].shape) != shapes[key]
    }
    return LoadReport(
        file=str(file),
        kind=config.kind,
        loaded=tuple(key for key in both if key not in wrong),
        renamed=renamed,
        resized=changes,
        dropped=dropped,
        missing=tuple(key for key in shapes if key not in kept),
        unexpected=tuple(key for key in kept if key not in shapes),
        wrong_shape=wrong,
    )


def _refuse_incomplete(report: LoadReport, unexpected: Unexpected) -> None:
    is_whole = not (report.missing or report.wrong_shape)
    if report.is_complete or (is_whole and unexpected == "ignore"):
        return
    wanted = len(report.loaded) + len(report.missing) + len(report.wrong_shape)
    again = "download the file again, or check which network it belongs to"
    raise WorkshopError(
        report.file,
        report.faults(),
        f"the {wanted} keys of a {report.kind} checkpoint",
        'unexpected="ignore", if you know what the keys are' if is_whole else again,
    )


def _refuse_rows(file: Path, kept: State, counts: tuple[int, ...]) -> None:
    """Label rows of zeros are a network that was never given its tags (R18)."""
    rows = kept.get("label_embed", kept.get("label_embed.weight"))
    assert rows is not None  # the report would have said so
    names = tuple(f"number {i}" for i in range(len(counts)))
    refuse_bad_rows(file, LabelRows(names, counts, rows, {}))


def _not_weights(file: Path, found: str, form: str) -> WorkshopError:
    return WorkshopError(
        file,
        found,
        f"{form}: tensors by key, or a dict that has them as `model`",
        "give the published .pth file, or its weights as safetensors",
    )
