"""What is looked for: labelled pictures that the bundle has a tag for, and photos under them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import msgspec

from calib_data.composed import Thing, canvas_files, parted, read_things
from edge.errors import SourceError
from edge.tagger import Tagger

SHARED = Path(__file__).parents[2] / "shared" / "data"


class Subjects(msgspec.Struct, frozen=True):
    """Pictures for a benchmark."""

    things: tuple[Thing, ...]  # those with a tag of the bundle, named as it names them; distractors
    canvases: tuple[Path, ...]
    left_out: dict[str, int]  # head/tag -> pictures of what the bundle cannot name


def subjects(tagger: Tagger, objects: Path | None, canvases: Path | None) -> Subjects:
    """Things of a folder, by default those of ../shared/data that no shipped weights learnt from.

    Raises SourceError when the folder holds none that the bundle can name, or no photo.
    """
    found = read_things(objects) if objects else held_out(SHARED)
    named, others = parted(found)
    known, left_out = nameable(named, tagger)
    if not known:
        tags = ", ".join(sorted(left_out)[:5]) or "none"
        raise SourceError(
            f"{objects or SHARED}: labels are {tags}, expected some that the bundle can name",
            fix=f"the tags of each head are in {tagger.bundle.root}/tags",
        )
    photos = canvas_files(canvases or SHARED / "photos")
    return Subjects((*known, *others), tuple(photos), dict(left_out))


def held_out(root: Path) -> list[Thing]:
    """What the bundle that ships has not learned of the shared sets (no grocery is left), and
    pictures without a mark as distractors.
    """
    from quantize.pictures.shared import picture_set  # the rules of the split live there

    found = picture_set(root, more=True)
    learned = {s.file for s in found.of("train")}
    left = [s for s in found.of("val") if s.file not in learned]
    kept = [Thing(s.file, s.head, s.tag, s.box) for s in left]
    return kept + parted(read_things(root / "logos"))[1]


def nameable(things: Iterable[Thing], tagger: Tagger) -> tuple[list[Thing], Counter[str]]:
    """The things whose tag the bundle knows, with its spelling; how many pictures of which others.

    A thing without a head belongs to the first head that knows its tag, the narrow ones first.
    """
    narrow_first = sorted(tagger.heads, key=lambda head: head.kind != "softmax")
    words = {h.name: {plain(tag): tag for tag, _ in tagger.tags[h.name]} for h in narrow_first}
    kept, left_out = [], Counter[str]()
    for thing in things:
        heads = [thing.head] if thing.head else list(words)
        head = next((h for h in heads if plain(thing.tag) in words.get(h, {})), None)
        if head is None:
            left_out[f"{thing.head or 'any'}/{thing.tag}"] += 1
        else:
            tag = words[head][plain(thing.tag)]
            kept.append(msgspec.structs.replace(thing, head=head, tag=tag))
    return kept, left_out


def plain(tag: str) -> str:
    """A tag without case, spaces, dashes: `T-Shirt`, `t shirt` and `tshirt` are one."""
    return "".join(c for c in tag.casefold() if c.isalnum())
