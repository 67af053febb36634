"""Which board a machine is, from its files; and the flags of a command on it."""

from __future__ import annotations

from argparse import Namespace

import pytest

from edge.boards.applied import with_device
from edge.boards.chosen import chosen, runnable
from edge.boards.profiles import files, find
from edge.boards.recognise import recognise
from edge.boards.snapshot import MOST, Snapshot, take_snapshot
from edge.errors import ConfigError, UsageError
from tests.machines import ACCEL, LUNAR_NPU, MACHINES, cpu, pci, record

KNOWN = {  # machine -> profile, a part of the reason
    "rpi4": ("rpi4", "Raspberry Pi 4 Model B Rev 1.4"),
    "compute-module-4": ("rpi4", "Compute Module 4"),
    "rpi5": ("rpi5", "Raspberry Pi 5 Model B Rev 1.0"),
    "rpi5-with-hailo": ("rpi5", "Raspberry Pi 5"),
    "rpi3": ("generic-arm", "Raspberry Pi 3 Model B Plus"),
    "orin-nano": ("orin-nano", "Jetson Orin Nano"),
    "orin-nx": ("orin-nano", "Jetson Orin NX"),
    "agx-orin": ("agx-orin", "Jetson AGX Orin"),
    "orin-in-a-container": ("orin-nano", "names no module"),
    "meteor-lake": ("meteor-lake-npu", "8086:7d1d"),
    "meteor-lake-without-driver": ("generic-x86", "Ultra 7 165H"),
    "lunar-lake": ("lunar-lake-npu", "8086:643e"),
    "n100": ("n100", "Intel(R) N100"),
    "gpu": ("cuda", "10de:1eb8"),
    "gpu-without-driver": ("generic-x86", "Xeon"),
    "pc": ("generic-x86", "Ryzen 7 5800X"),
    "arm-server": ("generic-arm", "aarch64"),
}


@pytest.fixture
def at(tmp_path):
    """A machine of MACHINES, written to disk and read back."""

    def read(name: str) -> Snapshot:
        machine, written = MACHINES[name]
        return take_snapshot(record(tmp_path / name, written), machine)

    return read


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_is_recognised_and_says_why(at, name):
    found = recognise(at(name))
    profile, why = KNOWN[name]
    assert found.profile == profile
    assert why in found.why
    assert {found.profile, *found.also} <= {path.stem for path in files()}


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("meteor-lake-without-driver", "an Intel NPU (PCI 8086:7d1d) without its driver"),
        ("gpu-without-driver", "an NVIDIA GPU (PCI 10de:1eb8) without its driver"),
        ("rpi5-with-hailo", "a Hailo accelerator (PCI 1e60:2864)"),
        ("orin-nx", "an Orin NX has more cores"),
        ("rpi5", ""),
        ("meteor-lake", ""),
    ],
)
def test_what_is_there_and_cannot_be_used_is_told(at, name, hint):
    found = recognise(at(name)).hint
    assert found.startswith(hint) if hint else not found


def test_a_card_that_renders_nothing_is_no_gpu():
    audio = pci("0000:01:00.1", "040300", "10de", "10f0")
    seen = Snapshot("x86_64", cpu("Intel(R) N100") | audio | {"dev/nvidia0": ""})
    assert recognise(seen).profile == "n100"


def test_an_accelerator_node_alone_is_no_npu():
    assert recognise(Snapshot("x86_64", cpu("AMD EPYC") | ACCEL)).profile == "generic-x86"


def test_a_card_beats_an_npu():
    card = MACHINES["gpu"][1] | LUNAR_NPU | ACCEL
    assert recognise(Snapshot("x86_64", card)).profile == "cuda"


def test_an_unknown_kind_of_machine_is_refused():
    with pytest.raises(ConfigError, match="'riscv64', expected x86_64 or aarch64"):
        recognise(Snapshot("riscv64", {}))


def test_this_machine_is_recognised():
    assert recognise(take_snapshot()).profile in {path.stem for path in files()}


def test_a_snapshot_is_bounded_and_survives_rubbish(tmp_path):
    many = {}
    for n in range(MOST + 50):
        many |= pci(f"0000:{n:03d}", "030000", "10de", "1eb8")
    many |= {"proc/cpuinfo": "\xff" * 200_000, "proc/device-tree/model/x": "a folder"}
    seen = take_snapshot(record(tmp_path, many), "x86_64")
    assert len(list(seen.pci())) == MOST
    assert len(seen.text("proc/cpuinfo")) <= 2**16
    assert recognise(seen).profile == "generic-x86"


def test_auto_says_what_it_chose_and_why(at):
    said: list[str] = []
    assert chosen("auto", said.append, seen=at("rpi5-with-hailo")).name == "rpi5"
    board = "Raspberry Pi 5 Model B Rev 1.1"
    assert said == [
        f"edge-tag: --device auto: rpi5, because its device tree says {board}",
        "edge-tag: also here, unused: a Hailo accelerator (PCI 1e60:2864), for which there is no "
        "engine here",
    ]


@pytest.mark.parametrize(
    ("name", "machine", "told"),
    [
        ("rpi5", "rpi5", ""),
        ("generic-arm", "rpi5", ""),  # fits, if badly
        ("agx-orin", "orin-in-a-container", ""),  # nobody can tell
        ("rpi4", "rpi5", "--device rpi4: this machine looks like rpi5 (its device tree"),
        ("rpi5", "pc", "--device rpi5: this machine looks like generic-x86 (AMD Ryzen"),
        ("cuda", "gpu-without-driver", "--device cuda: this machine looks like generic-x86"),
    ],
)
def test_a_named_device_that_does_not_fit_is_told(at, name, machine, told):
    said: list[str] = []
    assert chosen(name, said.append, seen=at(machine)).name == name
    assert told in said[0] if told else not said


def test_on_a_cpu_another_engine_serves_and_is_told_on_an_npu_none_does():
    said: list[str] = []
    assert runnable(find("generic-x86"), ["openvino", "tflite"], said.append).engine == "openvino"
    assert said == ["edge-tag: onnxruntime is not installed: openvino instead"]
    for name, here in (("meteor-lake-npu", ["tflite"]), ("generic-x86", [])):
        assert runnable(find(name), here, said.append) == find(name)
    assert len(said) == 1


def test_a_file_and_a_virtual_device_are_taken_as_they_are(at, tmp_path):
    said: list[str] = []
    own = tmp_path / "own.toml"
    own.write_text('name = "own"\ntitle = "Own"\n')
    assert chosen(str(own), said.append, seen=at("pc")).name == "own"
    assert chosen("rpi5", said.append, is_virtual=True, seen=at("pc")).name == "rpi5"
    assert chosen("hailo-8l", said.append, seen=at("pc")).name == "hailo-8l"
    assert said == []


def flags(**given) -> Namespace:
    keys = ("device", "engine", "provider", "threads", "budget_ms", "thermal")
    return Namespace(**{**dict.fromkeys(keys), **given})


def test_flags_win_over_the_profile_and_a_provider_stays_with_its_engine():
    said: list[str] = []
    own = flags(device="meteor-lake-npu", engine="onnxruntime", budget_ms=7.0)
    with_device(own, said.append)
    assert (own.engine, own.provider, own.budget_ms) == ("onnxruntime", None, 7.0)
    assert own.thermal.hot_c == 100
    assert (own.preferred, own.virtual) == ("int8", None)


def test_a_virtual_device_keeps_its_budget_and_none_of_its_hardware():
    said: list[str] = []
    own = flags(device="orin-nano", engine="virtual")
    with_device(own, said.append)
    assert (own.provider, own.threads, own.thermal, own.budget_ms) == (None, None, None, 100.0)
    assert own.virtual.label == "orin-nano (virtual, predicted)"
    assert "orin-nano (virtual, predicted)" in said[0]
    assert "factor of 2" in said[0]


def test_a_virtual_engine_needs_a_device():
    with pytest.raises(UsageError, match="expected --device beside it"):
        with_device(flags(engine="virtual"), print)
