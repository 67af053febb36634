"""Label rows for any tags, made with a text encoder: from names, or from descriptions.

The encoder runs here, on the host, and nowhere else: a device gets the finished rows. It is given
as a function `texts -> (len(texts), D)`; RAM and RAM++ were trained with CLIP ViT-B/16's (512).
The published 63 prompt templates are given as a file, one a line, with `{}` for the name and
`{article}` for a or an.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from quantize.errors import WorkshopError
from quantize.ram.labels import LabelRows, averaged, refuse_bad_rows
from quantize.ram.vocabulary import read_tags

TextTower = Callable[[list[str]], ArrayLike | Tensor]

AT_ONCE = 256  # texts a call of the encoder


def rows_from_names(
    names: Sequence[str], templates: Sequence[str], tower: TextTower, tower_name: str = ""
) -> LabelRows:
    """One row a name: its prompts' embeddings at length 1, averaged, at length 1 again.

    Raises WorkshopError for names or templates that cannot be filled in.
    """
    if not names or not templates:
        raise WorkshopError(
            "open tags", f"{len(names)} names, {len(templates)} templates", "some", "add one"
        )
    texts = [text for name in names for text in prompts(name, templates)]
    provenance = {
        "made_from": "names",
        "text_tower": tower_name,
        "templates": len(templates),
        "templates_sha256": _digest("\n".join(templates)),
    }
    counts = (len(templates),) * len(names)
    each = LabelRows(tuple(names), counts, _encoded(texts, tower), provenance)
    refuse_bad_rows("text encoder", each)
    rows = averaged(each)
    return LabelRows(rows.tags, rows.counts, rows.matrix, provenance)


def rows_from_descriptions(file: Path, tower: TextTower, tower_name: str = "") -> LabelRows:
    """One row a description, at length 1; tags may have different numbers of them.

    `file`: JSON, a list of {tag: [description, ...]}. Cutting a text to the encoder's length (77
    tokens for CLIP) is the encoder's affair. Raises WorkshopError where the file has another form.
    """
    described = read_descriptions(file)
    texts = [text for _, descriptions in described for text in descriptions]
    provenance = {
        "made_from": "descriptions",
        "text_tower": tower_name,
        "descriptions": len(texts),
        "file": file.name,
        "file_sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }
    tags = tuple(tag for tag, _ in described)
    counts = tuple(len(descriptions) for _, descriptions in described)
    labels = LabelRows(tags, counts, _encoded(texts, tower), provenance)
    refuse_bad_rows("text encoder", labels)
    return labels


def read_templates(file: Path) -> tuple[str, ...]:
    """One a line; each must have `{}`."""
    templates = read_tags(file)
    for number, template in enumerate(templates, 1):
        if "{}" not in template:
            raise WorkshopError(
                f"{file}:{number}", repr(template), "{} where the name goes", "add {} to the line"
            )
    return templates


def read_descriptions(file: Path) -> list[tuple[str, list[str]]]:
    """Tags with their descriptions, in the order of the file."""
    try:
        rows = msgspec.json.decode(file.read_bytes(), type=list[dict[str, list[str]]])
    except (OSError, msgspec.DecodeError) as e:
        raise _not_descriptions(file, str(e)) from e
    for number, row in enumerate(rows, 1):
        if len(row) != 1 or not all(texts and all(texts) for texts in row.values()):
            raise _not_descriptions(file, f"entry {number} has tags {list(row)[:3]}")
    if not rows:
        raise _not_descriptions(file, "an empty list")
    return [next(iter(row.items())) for row in rows]


def prompts(name: str, templates: Sequence[str]) -> list[str]:
    """Every template filled in, as the published rows were made.

    "This is " goes before those that begin with a letter a or with "the".
    """
    article, spoken = article_of(name), spoken_name(name)
    texts = [t.replace("{article}", article).replace("{}", spoken) for t in templates]
    return [f"This is {text}" if text.startswith(("a", "the")) else text for text in texts]


def article_of(name: str) -> str:
    """ "an" before a lower-case vowel. A capital one gets "a" ("a aircraft engine"): so do the
    published rows, and a row made otherwise would differ from them."""
    if not name:
        raise WorkshopError("open tags", "an empty name", "a word", "remove the empty line")
    return "an" if name[0] in "aeiou" else "a"


def spoken_name(name: str) -> str:
    """Lower case; `_` is a space, `/` is "or"; no dots at the end."""
    return name.replace("_", " ").replace("/", " or ").lower().rstrip(".")


def _encoded(texts: list[str], tower: TextTower) -> Tensor:
    """(texts, D) float32 rows of length 1"""
    parts = [_batch(texts[i : i + AT_ONCE], tower) for i in range(0, len(texts), AT_ONCE)]
    rows = torch.cat(parts)
    length = torch.linalg.vector_norm(rows, dim=1, keepdim=True)
    unit: Tensor = rows / length.clamp(min=torch.finfo(torch.float32).tiny)
    return unit


def _batch(texts: list[str], tower: TextTower) -> Tensor:
    rows = torch.as_tensor(tower(texts)).detach().float().cpu()
    if rows.ndim != 2 or len(rows) != len(texts):
        raise WorkshopError(
            "text encoder",
            f"gave shape {tuple(rows.shape)} for {len(texts)} texts",
            f"({len(texts)}, D)",
            "return one row a text",
        )
    return rows


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _not_descriptions(file: Path, found: str) -> WorkshopError:
    return WorkshopError(
        file, found, 'a list of {"tag": ["description", ...]}', "one tag an entry, with texts"
    )
