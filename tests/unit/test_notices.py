"""X4: whose work a bundle and an installation rest on, and under which licences."""

from __future__ import annotations

from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from edge.bundle import open_bundle
from edge.bundle.notices import LONGEST, SYSTEMS, _licence, notices
from tests.integration.test_cli import edge_tag
from tests.tiny import edited, write_tiny

NOTICE = (Path(__file__).parents[2] / "NOTICE").read_text("utf-8")


def test_x4_the_four_systems_are_named_with_their_licences(tmp_path):
    """Apache-2.0 (RAM, code and weights), MIT (AD-Net), BSD-3 (FashionSAP, BLIP), CC BY 4.0."""
    with open_bundle(write_tiny(tmp_path / "b")) as bundle:
        rows = notices(bundle)
    told = " ".join(f"{whose} {licence}" for kind, whose, licence in rows if kind == "method")
    for name in ("RAM", "weights Apache-2.0", "BLIP's BSD-3", "AD-Net", "MIT", "FashionSAP",
                 "CC BY 4.0"):  # fmt: skip
        assert name in told
    assert ("package", True) in {(kind, whose.startswith("numpy ")) for kind, whose, _ in rows}


@pytest.mark.parametrize("whose", [whose.split(",")[0].split(" (")[0] for whose, _ in SYSTEMS])
def test_x4_the_file_beside_the_code_names_them_too(whose):
    assert whose.replace("parts of it that are ", "") in NOTICE
    assert all(licence.removesuffix("-Clause") in NOTICE for _, licence in SYSTEMS)


def test_x4_what_a_bundle_learned_from_is_told_by_a_command(tmp_path):
    learned = [{"name": "shop", "source": "own pictures", "licence": "CC0"}, {"name": "more"}]
    bundle = edited(write_tiny(tmp_path / "b"), trained_on=learned)
    ran = edge_tag("bundle", "notices", bundle)
    assert ran.returncode == 0, ran.stderr
    assert "shop, own pictures" in ran.stdout
    assert [line.split()[-1] for line in ran.stdout.splitlines() if "shop, " in line] == ["CC0"]
    assert next(one for one in ran.stdout.splitlines() if "more " in one).endswith("not said")
    assert edge_tag("bundle", "notices", tmp_path / "none").returncode == 4


@pytest.mark.parametrize(
    ("metadata", "licence"),
    [
        ("License-Expression: MIT OR Apache-2.0\nLicense: UNKNOWN\n", "MIT OR Apache-2.0"),
        ("License: BSD\n  3-Clause\n", "BSD 3-Clause"),
        (f"License: {'x' * (LONGEST + 1)}\nClassifier: License :: OSI Approved :: MIT License\n"
         "Classifier: Topic :: A\n", "MIT License"),
        ("License: UNKNOWN\n", "not said"),
        ("Name: nobody\n", "not said"),
    ],
)  # fmt: skip
def test_x4_a_package_says_its_licence_in_one_of_three_ways(metadata, licence, tmp_path):
    (tmp_path / "METADATA").write_text(metadata, "utf-8")
    assert _licence(PathDistribution(tmp_path)) == licence
