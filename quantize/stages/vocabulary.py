"""Stage `vocabulary`: tags as text embeddings -> one small file that the device takes as it is.

The network of the bundle is not changed: its embedding is compared with each tag by cosine. Where
texts live in another space than that embedding, `--projection` brings it there.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from edge import __version__
from edge.bundle import open_bundle
from edge.heads.rows import embedding_id
from edge.heads.vocabulary import Header, Vocabulary, read_vocabulary, write_vocabulary
from quantize.errors import WorkshopError
from quantize.texts import F32, Texts, read_matrix, read_tags, read_texts

EXAMPLE = """\
examples:
  edge-quantize vocabulary --texts clip.safetensors --projection p.npz --out shop.tags
  edge-quantize vocabulary --open-clip ViT-B-32 --weights clip.pt --tags tags.txt \\
      --projection p.npz --out shop.tags
  edge-tag --vocabulary shop.tags photo.jpg

--texts: .safetensors or .npz, a vector a tag, or one matrix beside --tags (a tag a line, or
tag<TAB>group). --projection: one matrix, as many rows as the bundle's embedding is long.
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize vocabulary`."""
    one = parser.add_mutually_exclusive_group(required=True)
    one.add_argument("--texts", type=Path, metavar="FILE", help="vectors made elsewhere")
    one.add_argument("--open-clip", metavar="NAME", help="an open_clip model, with --weights")
    one.add_argument("--transformers", type=Path, metavar="DIR", help="a saved CLIP-like model")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="of the open_clip model")
    parser.add_argument("--tags", type=Path, metavar="FILE", help="which tags, and their groups")
    text = "sentences with {} for the tag, averaged"
    parser.add_argument("--prompts", nargs="+", default=["a photo of a {}."], help=text)
    text = "matrix from the bundle's embedding to the space of the texts"
    parser.add_argument("--projection", type=Path, metavar="FILE", help=text)
    parser.add_argument("--bundle", type=Path, help="the bundle it is for; none: the default one")
    text = "softmax: one of the tags or none; multilabel: each on its own"
    kinds = ("softmax", "multilabel")
    parser.add_argument("--answers", choices=kinds, default="softmax", help=text)
    add = parser.add_argument
    add("--temperature", type=float, default=0.02, help="cosine that one nat is worth")
    add("--offset", type=float, default=0.2, help="cosine at which a tag is as likely as none")
    add("--threshold", type=float, default=0.5, help="probability from which a tag is told")
    add("--out", type=Path, required=True, help="file to write")


def run(args: argparse.Namespace) -> None:
    """Write the file and read it as the device will. Raises WorkshopError and BundleError."""
    texts = _texts(args)
    projection = None if args.projection is None else read_matrix(args.projection)
    with open_bundle(args.bundle) as bundle:
        size = bundle.manifest.embedding_size
        _require_sizes(texts, projection, size, bundle.id)
        header = Header(
            schema=1,
            kind="vocabulary",
            made_by=f"edge-quantize {__version__}",
            source=texts.source[:400],
            tags=texts.tags,
            size=size,
            width=texts.vectors.shape[1],
            is_projected=projection is not None,
            embedding=None if projection is None else embedding_id(bundle.manifest),
            answers=args.answers,
            temperature=args.temperature,
            offset=args.offset,
            threshold=args.threshold,
        )
        write_vocabulary(args.out, Vocabulary(header, texts.vectors, projection))
        read_vocabulary(args.out, bundle)
    kilobytes = args.out.stat().st_size / 1e3
    sys.stdout.write(f"{args.out}: {len(texts.tags)} tags, {kilobytes:.0f} kB\n")


def _texts(args: argparse.Namespace) -> Texts:
    tags = None if args.tags is None else read_tags(args.tags)
    if args.texts is not None:
        return read_texts(args.texts, tags)
    if tags is None:
        raise WorkshopError("--tags", "not given", "the tags to embed", "--tags FILE")
    from quantize.texts import towers  # torch takes seconds, and vectors from a file need none

    words = [tag for tag, _ in tags]
    if args.transformers is not None:
        name = args.transformers.name
        vectors = towers.transformers_vectors(args.transformers, words, args.prompts)
    else:
        if args.weights is None:
            raise WorkshopError("--weights", "not given", "a file on this disk", "--weights FILE")
        name = args.open_clip
        vectors = towers.open_clip_vectors(name, args.weights, words, args.prompts)
    return Texts(tags, vectors, name)


def _require_sizes(texts: Texts, projection: F32 | None, size: int, bundle: str) -> None:
    """Raises WorkshopError when picture and text cannot be compared."""
    width = texts.vectors.shape[1]
    if projection is None and width != size:
        raise WorkshopError(
            texts.source, f"vectors of {width} numbers",
            f"{size}, as {bundle!r} embeds pictures",
            f"--projection with a matrix of {size} rows and {width} columns",
        )  # fmt: skip
    if projection is not None and projection.shape != (size, width):
        raise WorkshopError(
            "--projection", f"a matrix {projection.shape}", f"({size}, {width})",
            "fit it from this bundle's embeddings to these texts",
        )  # fmt: skip
