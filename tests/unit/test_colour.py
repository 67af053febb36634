"""The colour of a garment, in a word: robust against what is behind it, against light and folds."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
from msgspec.structs import replace

from calib_data.camera import balanced
from calib_data.crops import sewn
from edge.heads.colour import (
    BASIC,
    GARMENTS,
    LEAST,
    MULTICOLOUR,
    NAMED,
    colour_of,
    coloured,
    votes,
)
from edge.records import Planes, Tag

DYED = {"navy": (36, 46, 87), "red": (180, 36, 41), "white": (237, 237, 232), "olive": (82, 92, 56)}


def thing(colour, behind=(210, 190, 150), fill=0.6, size=64):
    """A square of one colour in the middle of another."""
    out = np.empty((size, size, 3), np.uint8)
    out[:] = behind
    edge = round(size * (1 - fill) / 2)
    out[edge : size - edge, edge : size - edge] = colour
    return out


@pytest.mark.parametrize("name", DYED)
@pytest.mark.parametrize("behind", [(210, 190, 150), (30, 110, 60), (15, 15, 15), (250, 250, 250)])
def test_what_lies_behind_does_not_name_a_thing(name, behind):
    assert colour_of(thing(DYED[name], behind)) == name


@pytest.mark.parametrize("name", DYED)
def test_a_thing_that_fills_its_box_keeps_its_colour(name):
    assert colour_of(thing(DYED[name], fill=1.0)) == name


@pytest.mark.parametrize("gain", [0.8, 1.2])
@pytest.mark.parametrize("name", ["red", "navy"])
def test_light_changes_no_colour(name, gain):
    lit = np.clip(thing(DYED[name]).astype(np.float32) * gain, 0, 255).astype(np.uint8)
    assert colour_of(lit) == name


def test_many_colours_are_multicolour():
    stripes = thing((0, 0, 0))
    for i, colour in enumerate([(200, 45, 45), (240, 215, 90), (60, 105, 170), (60, 140, 75)] * 4):
        stripes[12:52, 12 + i * 2 : 14 + i * 2] = colour
    assert colour_of(np.repeat(np.repeat(stripes, 2, 0), 2, 1)) == MULTICOLOUR


def test_votes_are_shares_of_all_names_best_first():
    found = votes(thing((180, 36, 41)))
    assert {name for name, _ in found} == set(NAMED)
    assert sum(share for _, share in found) == pytest.approx(1, abs=1e-5)
    assert [share for _, share in found] == sorted((s for _, s in found), reverse=True)


def test_every_anchor_has_its_own_name():
    for name, colours in NAMED.items():
        for colour in colours:
            assert colour_of(np.full((8, 8, 3), colour, np.uint8)) == name


@pytest.fixture(scope="module")
def dyed():
    """Garments of one dye, and which: folds, seams, prints, light and noise."""
    made = (sewn(tag, seed, 96) for seed in range(300, 308)
            for tag in ("T-Shirt", "Pants", "Dress", "Hoodie"))  # fmt: skip
    return [(pixels, known["colour"]) for pixels, known in made if "colour" in known]


@pytest.mark.parametrize(("light", "least"), [("as drawn", 0.85), ("warm", 0.7), ("cold", 0.7),
                                              ("greenish", 0.8)])  # fmt: skip
def test_rendered_garments_are_named_as_they_were_dyed_whatever_the_white_balance(
    dyed, light, least
):
    """The basic term; 0.85 and more is seen over many (benchmarks/fashion.py)."""
    told = [(colour_of(balanced(pixels, light)), dye) for pixels, dye in dyed]
    assert len(told) >= 10
    assert np.mean([BASIC.get(word, word) == BASIC.get(dye, dye) for word, dye in told]) >= least


def test_several_names_of_one_basic_term_are_that_term():
    """Where none has a third of the votes: navy, blue, light blue and white in equal parts."""
    parts = [(38, 48, 88), (50, 95, 170), (140, 180, 210), (228, 228, 226)]
    stripes = np.zeros((96, 96, 3), np.uint8)
    for i in range(24):
        stripes[:, 4 * i : 4 * i + 4] = parts[i % 4]
    assert votes(stripes)[0][1] < LEAST
    assert colour_of(stripes) == "blue"


def tags() -> list[Tag]:
    return [
        Tag("clothes", "T-Shirt", None, 0.9, (10, 10, 74, 74)),
        Tag("grocery", "Lemon", None, 0.8, (10, 10, 74, 74)),
    ]


def picture():
    out = np.full((90, 120, 3), 128, np.uint8)
    out[10:74, 10:74] = thing(DYED["navy"])
    return out


def test_only_garments_get_a_colour():
    (garment, lemon), known = coloured(picture(), tags(), {})
    assert known == {garment.box: "navy"}
    assert "clothes" in GARMENTS
    assert garment.colour == "navy"
    assert json.loads(msgspec.json.encode(garment))["colour"] == "navy"
    assert "colour" not in json.loads(msgspec.json.encode(lemon))


def test_planes_give_the_same_colour():
    rgb = picture().astype(np.float32)
    r, g, b = (rgb[..., i] for i in range(3))
    luma = 16 + (65.5 * r + 128.6 * g + 25 * b) / 255
    u = 128 + (-37.8 * r - 74.2 * g + 112 * b) / 255
    v = 128 + (112 * r - 93.8 * g - 18.2 * b) / 255
    chroma = tuple(np.round(c[::2, ::2]).astype(np.uint8) for c in (u, v))
    planes = Planes(np.round(luma).astype(np.uint8), chroma)
    assert coloured(planes, tags(), {})[0][0].colour == "navy"


def test_a_colour_is_measured_when_a_thing_is_looked_at():
    first = replace(tags()[0], track=7)
    [seen], known = coloured(picture(), [first], {})
    assert (seen.colour, known) == ("navy", {7: "navy"})
    grey = np.full((90, 120, 3), 128, np.uint8)
    later = replace(first, age_s=0.4, box=(0, 0, 64, 64))
    assert coloured(grey, [later], known)[0][0].colour == "navy"  # not looked at since
    assert coloured(grey, [first], known)[0][0].colour == "grey"
    assert coloured(grey, [replace(later, track=8)], known)[1] == {8: "grey"}  # 7 is forgotten
