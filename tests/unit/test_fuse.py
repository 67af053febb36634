"""Tags of many looks become the tags of a frame."""

from __future__ import annotations

import itertools

from msgspec.structs import replace

from edge.memory.fuse import fuse
from edge.records import Box, Tag

WHOLE = (0, 0, 100, 100)


def tag(word: str, score: float, box: Box, head: str = "h") -> Tag:
    return Tag(head, word, None, score, box)


def test_touching_regions_with_one_tag_become_one():
    left, right = tag("a", 0.6, (0, 0, 50, 50)), tag("a", 0.8, (50, 0, 100, 50))
    assert fuse([], [left, right]) == (Tag("h", "a", None, 0.8, (0, 0, 100, 50), looks=2),)


def test_a_chain_of_regions_is_one_thing_in_any_order():
    chain = [tag("a", 0.5, (x, 0, x + 12, 10)) for x in (0, 10, 20, 30)]
    results = {fuse([], list(order)) for order in itertools.permutations(chain)}
    assert results == {(Tag("h", "a", None, 0.5, (0, 0, 42, 10), looks=4),)}


def test_regions_apart_stay_apart():
    near, far = tag("a", 0.5, (0, 0, 10, 10)), tag("a", 0.7, (20, 0, 30, 10))
    assert fuse([], [near, far]) == (far, near)


def test_regions_that_share_a_corner_stay_apart():
    assert len(fuse([], [tag("a", 0.5, (0, 0, 10, 10)), tag("a", 0.5, (10, 10, 20, 20))])) == 2


def test_different_tags_and_heads_do_not_merge():
    tags = [
        tag("a", 0.5, (0, 0, 9, 9)),
        tag("b", 0.5, (0, 0, 9, 9)),
        tag("a", 0.5, (0, 0, 9, 9), "g"),
    ]
    assert len(fuse([], tags)) == 3


def test_a_tag_of_the_whole_frame_passes_unchanged():
    whole = tag("a", 0.9, WHOLE)
    fused = fuse([whole], [tag("a", 0.2, (0, 0, 50, 50)), tag("a", 0.95, (50, 50, 90, 90))])
    assert whole in fused


def test_what_places_say_of_all_of_the_frame_is_not_said_twice():
    whole, half = tag("a", 0.9, WHOLE), tag("a", 0.95, (0, 0, 50, 100))
    places = [half, replace(half, box=(50, 0, 100, 100))]
    assert fuse([whole], places) == (whole,)
    assert fuse([tag("b", 0.9, WHOLE)], places)[0].box == WHOLE


def test_order_is_score_then_head_then_tag_then_box():
    expected = (
        tag("z", 0.9, WHOLE),
        tag("b", 0.5, WHOLE, "g"),
        tag("a", 0.5, (0, 0, 9, 9)),
        tag("a", 0.5, (20, 0, 29, 9)),
        tag("b", 0.5, (0, 0, 9, 9)),
    )
    for order in itertools.permutations(expected):
        assert (
            fuse([t for t in order if t.box == WHOLE], [t for t in order if t.box != WHOLE])
            == expected
        )


def test_of_the_best_a_place_is_no_larger_for_neighbours_that_hardly_say_so():
    """The union was the whole frame, and with it the glance's low score was told."""
    glance = [tag("red", 0.33, (0, 0, 30, 10))]
    places = [tag("red", 0.99, (0, 0, 10, 10)), tag("red", 0.001, (10, 0, 30, 10))]
    [red] = fuse(glance, places, top_k=1)
    assert (red.score, red.box) == (0.99, (0, 0, 10, 10))
    both = [*places, tag("red", 0.6, (8, 0, 18, 10))]
    assert fuse(glance, both, top_k=1)[0].box == (0, 0, 18, 10)


def test_top_k_keeps_the_best_of_each_head_at_its_best_place():
    glance = [tag("a", 0.3, WHOLE), tag("b", 0.2, WHOLE), tag("x", 0.1, WHOLE, "g")]
    closer = [tag("a", 0.6, (0, 0, 9, 9)), tag("c", 0.1, (0, 0, 9, 9))]
    assert [(t.head, t.tag, t.score) for t in fuse(glance, closer, top_k=2)] == [
        ("h", "a", 0.6),
        ("h", "b", 0.2),
        ("g", "x", 0.1),
    ]


def test_no_tags_give_no_tags():
    assert fuse([], []) == ()


def test_a_group_is_left_out_beside_a_tag_of_it() -> None:
    gala = Tag("grocery", "Gala", "Apple", 0.9, (0, 0, 10, 10))
    some = Tag("grocery", "Apple", "Apple", 0.7, (8, 0, 18, 10), level="group")
    assert [tag.tag for tag in fuse((), [gala, some])] == ["Gala"]
    apart = replace(some, box=(50, 50, 60, 60))
    assert [tag.level for tag in fuse((), [gala, apart])] == ["tag", "group"]
    thing = replace(gala, track=3)
    assert [tag.tag for tag in fuse((), [replace(some, box=(0, 0, 9, 9))], [thing])] == ["Gala"]


def test_a_tag_is_not_left_out_for_a_group_of_its_name() -> None:
    apple = Tag("grocery", "Apple", None, 0.9, (0, 0, 10, 10))
    thing = Tag("grocery", "Apple", "Apple", 0.7, (0, 0, 10, 10), 4, level="group")
    assert [tag.level for tag in fuse((), [apple], [thing])] == ["tag", "group"]
