"""Lengths by way of the command: `--mm-per-px`, `calibrate`, `--plane`, and what each refuses."""

from __future__ import annotations

import csv
import json
import signal
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from calib_data.boards import Camera, board, poses
from calib_data.measured import Posed, measured, put
from calib_data.stage import Stage
from edge.cli import main
from edge.length import calibrating
from edge.length.outline import open_outline
from edge.length.plane import FlatPlane
from edge.length.plane_file import read_plane
from edge.length.ruler import Measured, Ruler
from tests.integration.test_cli import edge_tag, only_ours, parsed

OUTLINE = Path(__file__).parents[2] / "edge/bundles/default/outline"

MM_PER_PX = 0.9
TROUT = Posed("browntrout", 380.0, 0.0, 0.0, 3.0)
CAMERA = Camera((820, 616), 950.0)


@pytest.fixture(scope="module")
def belt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trout of known length on a white belt."""
    rng = np.random.default_rng(3)
    stage = Stage(np.full((640, 900, 3), 0.85, np.float32))
    put(stage, rng, TROUT, MM_PER_PX)
    path = tmp_path_factory.mktemp("belt") / "belt.png"
    assert cv2.imwrite(str(path), stage.shoot(rng).pixels[..., ::-1])
    return path


@pytest.fixture(scope="module")
def boards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("boards")
    rng = np.random.default_rng(1)
    for n, at in enumerate(poses(rng, 6, 700.0)):
        assert cv2.imwrite(str(folder / f"{n:02d}.png"), board(rng, CAMERA, at)[..., ::-1])
    return folder


def lengths(stdout: str) -> list[dict]:
    (line,) = parsed(stdout)
    return [tag for tag in line["tags"] if "length_cm" in tag]


def test_s9_a_line_says_how_long_a_fish_is(tiny_bundle, belt) -> None:
    ran = edge_tag("--bundle", tiny_bundle, "--json", "--mm-per-px", MM_PER_PX, belt)
    assert (ran.returncode, ran.stderr) == (0, "")
    [tag] = lengths(ran.stdout)
    assert (tag["head"], tag["tag"], tag["occluded"]) == ("length", "fish", False)
    assert tag["length_cm"] == pytest.approx(TROUT.tips_mm / 10, rel=0.02)
    assert 0 < tag["length_sd_cm"] < 2
    assert tag["track"] is not None


def test_s3_its_mask_and_species_are_told_and_are_in_files(tiny_bundle, belt, tmp_path) -> None:
    """The bundle knows no fish, so which one it is stays unsure."""
    coco, rows = tmp_path / "all.json", tmp_path / "all.csv"
    asked = "--bundle", tiny_bundle, "--mm-per-px", MM_PER_PX, "--to", f"coco:{coco}"
    ran = edge_tag(*asked, "--to", f"csv:{rows}", "--annotate", tmp_path / "drawn", belt)
    assert ran.returncode == 0, ran.stderr
    [tag] = lengths(ran.stdout)
    assert tag["species"] == "unsure"
    outline = np.array(tag["outline"])
    held = cv2.fillPoly(np.zeros((640, 900), np.uint8), [outline], 1)
    assert 0.08 < held.sum() / (tag["length_cm"] * 10 / MM_PER_PX) ** 2 < 0.25
    [one] = [a for a in json.loads(coco.read_text())["annotations"] if "segmentation" in a]
    assert one["segmentation"] == [outline.ravel().tolist()]
    assert one["area"] == cv2.contourArea(outline)  # not of its box
    told = csv.DictReader(rows.read_text("utf-8").splitlines())
    [row] = [r for r in told if r["head"] == "length"]
    assert (row["species"], float(row["length_cm"])) == ("unsure", tag["length_cm"])
    assert len(list((tmp_path / "drawn").iterdir())) == 1


@pytest.mark.parametrize(("shape", "seed"), [("forked", 2000), ("bent", 3016), ("straight", 3014)])
def test_s4_a_tail_that_the_outline_alone_would_lose_is_measured(shape, seed) -> None:
    scene, made = measured(seed, shape)
    of, ids = Measured(), count(1)
    ruler = Ruler(FlatPlane(scene.mm_per_px), "tips", open_outline(OUTLINE, threads=1))
    [fish] = of.look(ruler, scene.pixels, 0.0, lambda: np.inf, lambda: next(ids))
    assert fish.length_cm == pytest.approx(made.tips_mm / 10, rel=0.03)


@pytest.mark.parametrize("seed", [7, 14, 22])
def test_s7_a_fish_under_another_is_flagged_and_not_as_short_as_it_shows(seed) -> None:
    """Once they were 12 to 16 % too short, and nothing said so."""
    scene, made = measured(seed, "occluded")
    of, ruler = Measured(), Ruler(FlatPlane(scene.mm_per_px), "tips", open_outline(OUTLINE))
    of.look(ruler, scene.pixels, 0.0, lambda: np.inf, iter(range(1, 99)).__next__)
    looks = [fish.looks[0] for fish in of.known]
    under = max(looks, key=lambda look: look.midline_cm)
    assert under.is_occluded
    assert abs(under.cm * 10 / made.tips_mm - 1) < 0.07
    assert under.midline_cm * 10 < 0.9 * made.tips_mm


def test_s9_to_the_fork_it_is_shorter(tiny_bundle, belt) -> None:
    asked = "--bundle", tiny_bundle, "--json", "--mm-per-px", MM_PER_PX, "--length-to", "fork", belt
    [tag] = lengths(edge_tag(*asked).stdout)
    assert tag["length_cm"] == pytest.approx(TROUT.length_mm / 10, rel=0.02)


def test_without_a_plane_no_line_speaks_of_length(tiny_bundle, belt) -> None:
    assert "length" not in edge_tag("--bundle", tiny_bundle, "--json", belt).stdout


def test_s8_a_clip_has_one_track_a_fish_and_more_looks(tiny_bundle, belt, tmp_path) -> None:
    clip = tmp_path / "belt.avi"
    picture = cv2.imread(str(belt))
    out = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 5, (900, 640))
    for n in range(4):
        out.write(np.roll(picture, 6 * n, 1))
    out.release()
    ran = edge_tag("--bundle", tiny_bundle, "--json", "--mm-per-px", MM_PER_PX, clip)
    fish = [[t for t in line["tags"] if t["head"] == "length"] for line in parsed(ran.stdout)]
    assert [len(tags) for tags in fish] == [1, 1, 1, 1]
    assert len({tags[0]["track"] for tags in fish}) == 1
    assert [tags[0]["looks"] for tags in fish] == [1, 2, 3, 4]


def test_s5_calibrate_writes_a_plane_that_measures(boards, tiny_bundle, tmp_path) -> None:
    plane = tmp_path / "plane.json"
    (tmp_path / "plane.jpg").write_bytes(b"mine")
    ran = edge_tag("calibrate", boards, "--square-mm", 20, "--out", plane)
    assert ran.returncode == 0, ran.stderr
    assert "mm a pixel" in ran.stdout
    assert f"next: edge-tag --plane {plane} --camera 0\n" in ran.stdout
    assert (tmp_path / "plane.plane.jpg").stat().st_size > 10_000
    assert (tmp_path / "plane.jpg").read_bytes() == b"mine"
    assert read_plane(plane).width == 820
    scene, made = measured(1, "rotated", (820, 616), 0.9)
    picture = tmp_path / "fish.png"
    assert cv2.imwrite(str(picture), scene.pixels[..., ::-1])
    tags = lengths(edge_tag("--bundle", tiny_bundle, "--plane", plane, picture).stdout)
    assert tags, made  # its plane is another one: that it is measured is all there is to ask


def test_s5_the_picture_beside_a_plane_has_the_masks_of_its_camera(boards, tmp_path) -> None:
    plane, config = tmp_path / "plane.json", tmp_path / "edge.toml"
    strip = "[[0.98, 0], [1, 0], [1, 1], [0.98, 1]]"
    words = f'[[cameras]]\nname = "belt"\nurl = "{boards}"\nprivacy = [{strip}]\n'
    config.write_text(words, "utf-8")
    ran = edge_tag("calibrate", "--config", config, "--square-mm", 20, "--out", plane)
    assert ran.returncode == 0, ran.stderr
    assert f"next: edge-tag --plane {plane} --config {config}" in ran.stdout
    strip_px = cv2.imread(str(tmp_path / "plane.plane.jpg"))[:, -8:]
    assert strip_px.max() < 60


def test_s5_a_plane_for_other_frames_is_refused(boards, belt, tiny_bundle, tmp_path) -> None:
    plane = tmp_path / "plane.json"
    assert edge_tag("calibrate", boards, "--square-mm", 20, "--out", plane).returncode == 0
    ran = edge_tag("--bundle", tiny_bundle, "--plane", plane, belt)
    assert (ran.returncode, ran.stdout) == (78, "")
    assert "frames of 820 x 616 px, frame is 900 x 640 px" in ran.stderr


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("--square-mm", 20, "--board", "8x5"), 3, "--board 9x6"),
        (("--square-mm", 20, "--count", 3), 3, "found in 3 pictures, expected 5"),
        (("--square-mm", 0), 2, "the side of a square"),
        (("--square-mm", 20, "--board", "9"), 2, "inner corners like 9x6"),
        ((), 2, "--square-mm"),
        (("--square-mm", 20, "--out", "belt.JPG"), 2, "a file like belt.json"),
    ],
    ids=["another board", "too few", "no size", "half a board", "no square", "a picture"],
)
def test_s5_calibrate_teaches(boards, tmp_path, args, code, says) -> None:
    ran = edge_tag("calibrate", boards, "--out", tmp_path / "plane.json", *args)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert says in ran.stderr
    assert only_ours(ran.stderr)
    assert not (tmp_path / "plane.json").exists()


def test_a_first_picture_without_a_board_gives_no_plane_of_the_next_tilted_one(
    boards, tmp_path
) -> None:
    blurred = tmp_path / "00.png"
    flat = cv2.imread(str(boards / "00.png"))
    assert cv2.imwrite(str(blurred), cv2.GaussianBlur(flat, (0, 0), 15))
    others, plane = sorted(boards.iterdir())[1:], tmp_path / "plane.json"
    ran = edge_tag("calibrate", blurred, *others, "--square-mm", 20, "--out", plane)
    assert (ran.returncode, plane.exists()) == (3, False)
    assert "00.png: no board of 9 x 6 inner corners is found" in ran.stderr
    assert "take it again" in ran.stderr


def test_s5_calibrate_ends_when_stopped_and_writes_nothing(
    boards, tmp_path, monkeypatch, capfd
) -> None:
    real = calibrating.find

    def stopping(*given: object) -> object:
        signal.raise_signal(signal.SIGINT)
        return real(*given)

    monkeypatch.setattr(calibrating, "find", stopping)
    args = ["calibrate", str(boards), "--square-mm", "20", "--out", str(tmp_path / "plane.json")]
    assert main(args) == 6
    assert "stopped before its end" in capfd.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("--mm-per-px", 0), 2, "mm, above 0"),
        (("--mm-per-px", "nan"), 2, "mm, above 0"),
        (("--mm-per-px", 1, "--plane", "p"), 2, "not allowed with"),
        (("--length-to", "fork"), 2, "without a plane"),
        (("--plane", "nowhere.json"), 78, "No such file"),
        (("--mm-per-px", 1, "--outline", "nowhere"), 4, "outline.json"),
    ],
    ids=["zero", "no number", "both", "no plane", "no file", "no outline"],
)
def test_flags_that_cannot_be_meant_are_refused(belt, tiny_bundle, args, code, says) -> None:
    ran = edge_tag("--bundle", tiny_bundle, *args, belt)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert says in ran.stderr
