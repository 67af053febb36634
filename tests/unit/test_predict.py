"""What is predicted of boards that are not here, and a device that takes the time predicted."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import json
from msgspec.structs import replace

from edge.boards import listing
from edge.boards.clock import DeviceClock
from edge.boards.predict import (
    BATCHES,
    BYTES,
    batch_ms,
    find_network,
    networks,
    predicted,
    read_costs,
)
from edge.boards.profiles import Profile, files, find, read
from edge.boards.virtual import Virtual, VirtualEngine
from edge.boards.work import Network, Work
from edge.bundle.read import open_bundle
from edge.engines import open_engine
from edge.errors import BundleError, ConfigError
from edge.records import Region
from edge.tagger import open_tagger
from tests.tiny import HEIGHT, WIDTH, null_model

COSTS = read_costs()
PROFILES = [read(path) for path in files()]
OURS = next(n for n in networks() if n.name == "edge-tag-default")
counts = st.integers(0, 10**9)
works = st.builds(Work, st.integers(1, 200), counts, counts, counts)
made = st.builds(
    lambda work: Network("any", 224, work),
    st.dictionaries(
        st.sampled_from(["conv", "pointwise", "depthwise", "linear"]), works, min_size=1
    ),
)


@given(network=made, profile=st.sampled_from(PROFILES), precision=st.sampled_from(list(BYTES)))
def test_a_larger_batch_takes_longer_and_a_picture_of_it_never_does(network, profile, precision):
    took = [batch_ms(network, profile, COSTS, precision, n) for n in BATCHES]
    each = [ms / n for ms, n in zip(took, BATCHES)]
    assert took == sorted(took)
    assert all(one >= next_ * (1 - 1e-9) for one, next_ in pairwise(each))


@given(network=made, profile=st.sampled_from(PROFILES))
def test_nothing_is_quicker_than_memory_or_than_the_peak_of_an_accelerator(network, profile):
    roof, took_ms = profile.roofline, batch_ms(network, profile, COSTS, "int8", 1)
    if roof.memory_gb_s is not None:
        assert took_ms >= (network.weights + network.activations) / roof.memory_gb_s / 1e6 * 0.999
    if roof.kind != "cpu":
        assert took_ms >= network.macs / roof.int8_gmac_s / 1e6 * 0.999


def test_more_threads_and_a_faster_processor_take_less():
    two, three = (
        batch_ms(OURS, replace(find("rpi5"), threads=n), COSTS, "int8", 1) for n in (2, 3)
    )
    assert three < two
    assert two < batch_ms(OURS, replace(find("rpi4"), threads=2), COSTS, "int8", 1)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_every_profile_is_predicted_and_says_that_it_is_a_prediction(profile):
    one = predicted(OURS, profile, COSTS, "int8")
    assert one.label == "predicted"
    assert one.within > 1
    assert list(one.batch_ms) == list(BATCHES)


@pytest.mark.parametrize(
    ("device", "network", "batch", "ms"),
    [  # what the profiles say that their launch_ms and share were taken from
        ("meteor-lake-npu", "mobilenet_v2", 1, 0.77),
        ("hailo-8l", "efficientnet_lite0", 1, 1000 / 215),
        ("hailo-8l", "efficientnet_lite0", 8, 8 * 1000 / 606),
    ],
)
def test_an_accelerator_gives_back_the_figures_it_was_made_of(device, network, batch, ms):
    counted = next(n for n in networks() if n.name == network and n.side_px == 224)
    assert batch_ms(counted, find(device), COSTS, "int8", batch) == pytest.approx(ms, rel=0.02)


def test_a_profile_without_a_roofline_predicts_nothing():
    with pytest.raises(ConfigError, match="'own' has no roofline"):
        batch_ms(OURS, Profile("own", "Own"), COSTS, "int8", 1)
    assert listing.predictions(Profile("own", "Own"), COSTS) == []


def test_the_networks_of_the_bundle_that_ships_are_counted():
    with open_bundle(None) as bundle:
        for artifacts in (bundle.manifest.artifacts, bundle.manifest.glance.artifacts):
            names = {find_network(a.files[0].sha256, bundle.root).name for a in artifacts}
            assert len(names) == 1


def test_a_network_that_nobody_counted_is_refused_until_it_is(tmp_path):
    virtual, root = Virtual(find("rpi5")), tmp_path / "shop"
    with open_bundle(None) as bundle:
        known = bundle.manifest.artifacts[0].files
    other = (replace(known[0], sha256="0" * 64),)
    with pytest.raises(BundleError, match="its layers are not counted") as caught:
        virtual.network(other, root)
    assert caught.value.fix == f"edge-quantize cost --bundle {root}"
    counted = replace(OURS, artifacts={"0" * 64: "onnxruntime/int8"})
    (tmp_path / "shop.networks.json").write_bytes(json.encode([counted]))
    assert virtual.network(other, root) == counted


class Hand:
    """A clock that stands still, and a sleep that moves it."""

    def __init__(self) -> None:
        self.now_s, self.slept_s = 5.0, []

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)
        self.now_s += seconds + 0.001  # never exact


def test_a_quick_machine_sleeps_and_a_slow_one_puts_the_clock_back():
    hand = Hand()
    clock = DeviceClock(hand, hand.sleep)
    begin = clock()
    clock.stand_at(begin + 0.25)
    assert hand.slept_s == pytest.approx([0.25])
    assert clock() == pytest.approx(begin + 0.25)
    hand.now_s += 1.0
    clock.stand_at(begin + 0.5)
    assert clock() == pytest.approx(begin + 0.5)
    assert clock.put_back_s == pytest.approx(0.75)
    assert len(hand.slept_s) == 1


def test_a_virtual_engine_gives_the_answers_of_the_real_one_and_takes_the_devices_time():
    hand = Hand()
    clock = DeviceClock(hand, hand.sleep)
    real = open_engine("null", [null_model()])
    engine = VirtualEngine("rpi5", real, lambda batch: 10.0 + 5.0 * batch, clock)
    batch = np.full((3, HEIGHT, WIDTH, 3), 90, np.uint8)
    begin = clock()
    answers = engine.run(batch)
    assert clock() - begin == pytest.approx(0.025)
    assert answers.keys() == real.run(batch).keys()
    for name, rows in real.run(batch).items():
        assert np.array_equal(answers[name], rows)
    assert f"{engine.name}/{engine.provider}" == "virtual/rpi5, predicted (answers: null/CPU)"


def test_a_launch_on_a_virtual_device_costs_what_is_predicted():
    hand = Hand()
    virtual = Virtual(find("orin-nano"), DeviceClock(hand, hand.sleep))
    picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    three = [Region(0, 0, 64, 64)] * 3
    with open_tagger(virtual=virtual) as tagger, open_tagger() as real:
        looks = tagger.look(picture, three)
        wanted_ms = batch_ms(OURS, virtual.profile, COSTS, "int8", 3)
        assert looks.engine_ms == pytest.approx(wanted_ms, rel=1e-6)
        assert np.array_equal(looks.embedding, real.look(picture, three).embedding)
        _, glance_ms = tagger.glance(picture)
        assert glance_ms != looks.engine_ms  # a network of its own
        assert tagger.device == "orin-nano (virtual, predicted)"
        assert tagger.engine.startswith("virtual/orin-nano, predicted (answers: ")


def test_devices_tell_all_and_mark_predictions():
    rows = listing.table()
    assert len(rows) == len(PROFILES) + 1
    assert "predicted" in rows[0][5]
    shown = {row[0]: row[5] for row in rows[1:]}
    assert shown["orin-nano"].endswith("ms (x2), int8")  # the profile itself runs float there
    assert shown["rpi5"].endswith(")")
    text = "\n".join(listing.lines("orin-nano"))
    for part in ("sudo nvpmodel", "102 GB/s", "https://", "predicted, not measured", "factor of 2"):
        assert part in text
    told = listing.as_json("rpi5")
    assert told["predictions"][0]["label"] == "predicted"
    assert len(json.encode(listing.as_json(None))) > 10_000
