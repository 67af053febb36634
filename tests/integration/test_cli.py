"""The command as a user runs it: a process, on the null engine."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.pictures.calibration_set import read_set
from tests.tiny import edited, paint, write_tiny

PYTHON = [sys.executable, "-m", "edge"]
ROOT = Path(__file__).parents[2]
LIMIT_S = 60  # far beyond anything; a test that hits it hangs


def edge_tag(*args: object, **settings) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | settings
    return subprocess.run(
        [*PYTHON, *map(str, args)], cwd=ROOT, text=True, timeout=LIMIT_S, check=False, **given
    )


def parsed(text: str) -> list[dict]:
    """Every line as JSON; an incomplete line fails."""
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def only_ours(stderr: str) -> bool:
    """Nothing but our own lines: no library's chatter, no traceback."""
    return all(line.startswith(("edge-tag: ", "  fix: ")) for line in stderr.splitlines())


def save(path: Path, pixels: np.ndarray) -> Path:
    assert cv2.imwrite(str(path), pixels)
    return path


@pytest.fixture
def photo(tmp_path):
    """(60, 90): red at the left, blue at the right."""
    halves = np.hstack([paint("red", 60, 45), paint("blue", 60, 45)])
    return save(tmp_path / "photo.png", halves[..., ::-1])


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("clips") / "noise.avi"
    out = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    rng = np.random.default_rng(0)
    for _ in range(20):
        out.write(rng.integers(0, 255, (48, 64, 3), np.uint8))
    out.release()
    return path


# results


def test_a_line_has_exactly_the_promised_fields(tiny_bundle, photo):
    ran = edge_tag("--bundle", tiny_bundle, photo)
    (line,) = parsed(ran.stdout)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [key for key in line if key != "clock_synced"] == [  # not every kernel tells that one
        "schema", "source", "frame", "time", "size",
        "tags", "spent", "coverage", "oldest_s", "shed", "bundle", "engine", "none",
    ]  # fmt: skip
    tag = {"head", "tag", "group", "score", "box", "track", "looks", "age_s", "state", "level"}
    assert all(set(one) == tag for one in line["tags"])
    assert list(line["spent"]) == ["total_ms", "engine_ms", "glances", "crops"]
    assert (line["schema"], line["source"], line["frame"]) == (1, str(photo), 0)
    assert (line["size"], line["coverage"]) == ([90, 60], 1.0)
    assert (line["bundle"], line["engine"]) == ("tiny@3", "null/CPU")
    assert line["time"].endswith("Z")
    red = next(one for one in line["tags"] if one["tag"] == "red")
    assert red["group"] == "warm"
    assert red["track"] is None
    assert red["box"][0] == 0


def test_a_tag_of_the_glance_has_the_whole_frame_as_its_box(tiny_bundle, photo):
    (line,) = parsed(edge_tag("--bundle", tiny_bundle, "--whole", photo).stdout)
    assert {tuple(tag["box"]) for tag in line["tags"]} == {(0, 0, 90, 60)}
    assert (line["spent"]["crops"], line["coverage"]) == (0, 1.0)


def test_top_k_gives_the_best_of_each_head(tiny_bundle, photo):
    (line,) = parsed(edge_tag("--bundle", tiny_bundle, "--top-k", 2, photo).stdout)
    heads = [tag["head"] for tag in line["tags"]]
    assert (heads.count("colours"), heads.count("hues")) == (2, 2)


def test_no_time_leaves_the_glance_alone(tiny_bundle, photo):
    ran = edge_tag("--bundle", tiny_bundle, "--budget-ms", 0, photo)
    (line,) = parsed(ran.stdout)
    assert (line["spent"]["glances"], line["spent"]["crops"], line["coverage"]) == (1, 0, 0.0)
    assert "0 ms leave no time for a closer one (fix: a larger --budget-ms" in ran.stderr


def test_several_inputs_come_in_their_order(tiny_bundle, photo, clip):
    ran = edge_tag("--bundle", tiny_bundle, clip, photo, "--every-s", 1)
    assert [(Path(x["source"]).name, x["frame"]) for x in parsed(ran.stdout)] == [
        ("noise.avi", 0), ("noise.avi", 10), ("photo.png", 0),
    ]  # fmt: skip


def test_a_name_that_is_no_utf8_is_told_escaped_by_every_sink(tiny_bundle, photo, clip, tmp_path):
    folder, out = tmp_path / "caf\udce9s", tmp_path / "out"
    folder.mkdir()
    for n, file in enumerate((photo, clip)):
        (folder / f"{n}-\udce9{file.suffix}").write_bytes(file.read_bytes())
    (folder / "bad-\udce9.png").write_bytes(b"junk")
    kinds = "jsonl", "csv", "coco", "events", "snapshots"
    to = [word for kind in kinds for word in ("--to", f"{kind}:{out}/{kind}-\udce9")]
    args = [*to, "--outbox", out / "box", "--annotate", out, "--explain", out]
    ran = edge_tag("--bundle", tiny_bundle, *args, folder)
    names = [line["source"].rpartition("/")[2] for line in parsed(ran.stdout)]
    assert list(dict.fromkeys(names)) == ["0-\\udce9.png", "1-\\udce9.avi", "bad-\\udce9.png"]
    assert (ran.returncode, only_ours(ran.stderr)) == (3, True)
    assert {path.name for path in out.iterdir()} >= {f"{kind}-\udce9" for kind in kinds}


def test_a_number_of_frames_is_enough(tiny_bundle, clip):
    assert len(parsed(edge_tag("--bundle", tiny_bundle, "--frames", 3, clip).stdout)) == 3


def test_a_table_can_be_asked_for(tiny_bundle, photo):
    ran = edge_tag("run", "--bundle", tiny_bundle, "--table", photo)
    assert "colours" in ran.stdout
    assert "red" in ran.stdout
    assert ran.stdout.splitlines()[-1].endswith("edge-tag --camera 0")
    assert "of it in the engine" in ran.stdout.splitlines()[-2]


def test_annotated_pictures_are_written(tiny_bundle, photo, clip, tmp_path):
    out = tmp_path / "out"
    ran = edge_tag("--bundle", tiny_bundle, "--annotate", out, "--every-s", 1, photo, clip)
    assert ran.returncode == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == ["noise.000000.tags.jpg", "noise.000010.tags.jpg", "photo.tags.jpg"]


def test_why_is_told_in_pictures_and_no_more_than_asked(tiny_bundle, photo, clip, tmp_path):
    out = tmp_path / "why"
    args = ["--bundle", tiny_bundle, "--explain", out, "--explain-keep", 2, "--every-s", 0.5]
    ran = edge_tag(*args, photo, clip)
    assert ran.returncode == 0
    assert len(parsed(ran.stdout)) == 5
    assert sorted(path.name for path in out.iterdir()) == [
        "noise.000010.why.jpg", "noise.000015.why.jpg",
    ]  # fmt: skip
    assert "the 3 oldest pictures were removed, 2 are kept" in ran.stderr
    assert only_ours(ran.stderr)
    assert cv2.imread(str(out / "noise.000015.why.jpg")).shape[1] > 1280


def test_the_place_of_the_pictures_is_named_on_a_terminal(tiny_bundle, photo, tmp_path):
    ran = edge_tag("--bundle", tiny_bundle, "--table", "--explain", tmp_path / "why", photo)
    assert f"why, in pictures: {tmp_path}/why/*.why.jpg" in ran.stdout


def test_what_did_not_fit_is_in_the_line(tiny_bundle, photo):
    (line,) = parsed(edge_tag("--bundle", tiny_bundle, "--budget-ms", 0, photo).stdout)
    assert sum(line["shed"].values()) > 0
    (line,) = parsed(edge_tag("--bundle", tiny_bundle, photo).stdout)
    assert (line["shed"], line["coverage"]) == ({}, 1.0)


# pictures of every kind


def kinds(folder: Path) -> dict[str, tuple[int, int]]:
    """Pictures as people have them -> width and height as one sees them."""
    from PIL import Image

    red = Image.fromarray(paint("red", 60, 90))
    save(folder / "sixteen.png", paint("red", 60, 90)[..., ::-1].astype(np.uint16) * 257)
    red.convert("L").save(folder / "grey.jpg")
    red.convert("CMYK").save(folder / "cmyk.jpg")
    red.convert("P").save(folder / "palette.png")
    red.convert("RGBA").save(folder / "alpha.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees
    red.save(folder / "exif.jpg", exif=exif)
    save(folder / "one.png", paint("red", 1, 1))
    red.save(folder / "upper.JPEG")
    sizes = dict.fromkeys(("sixteen.png", "grey.jpg", "cmyk.jpg", "palette.png"), (90, 60))
    return sizes | {
        "alpha.png": (90, 60),
        "upper.JPEG": (90, 60),
        "exif.jpg": (60, 90),
        "one.png": (1, 1),
    }


def test_pictures_of_every_kind_are_read(tiny_bundle, tmp_path):
    pytest.importorskip("PIL", reason="pip install pillow")
    sizes = kinds(tmp_path)
    ran = edge_tag("--bundle", tiny_bundle, tmp_path)
    lines = {Path(x["source"]).name: x for x in parsed(ran.stdout)}
    assert (ran.returncode, ran.stderr) == (0, "")
    assert {name: tuple(line["size"]) for name, line in lines.items()} == sizes
    for name in set(sizes) - {"grey.jpg", "one.png"}:
        assert "red" in {tag["tag"] for tag in lines[name]["tags"]}, name


def test_an_unreadable_picture_has_its_line_and_the_run_goes_on(tiny_bundle, photo):
    (photo.parent / "bad.jpg").write_bytes(b"junk")
    (photo.parent / "cut.png").write_bytes(photo.read_bytes()[:-20])
    ran = edge_tag("--bundle", tiny_bundle, photo.parent)
    bad, cut, good = parsed(ran.stdout)
    assert ran.returncode == 3
    fields = [key for key in bad if key != "clock_synced"]
    assert fields == ["schema", "source", "frame", "time", "error", "fix"]
    assert bad["error"].startswith(f"{photo.parent}/bad.jpg: ")
    assert bad["fix"].startswith("open it in an image viewer")
    assert f"{bad['error']} (fix: {bad['fix']})" in ran.stderr
    assert "error" in cut
    assert good["tags"]
    assert only_ours(ran.stderr)


def test_a_clip_cut_short_gives_its_frames_a_line_and_3(tiny_bundle, clip, photo, tmp_path):
    cut = tmp_path / "cut.avi"
    cut.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    (tmp_path / "junk.mp4").write_bytes(b"junk" * 100)
    ran = edge_tag("--bundle", tiny_bundle, cut, tmp_path / "junk.mp4", photo)
    lines = parsed(ran.stdout)
    failed = [line for line in lines if "error" in line]
    assert ran.returncode == 3
    assert len(lines) > 5
    assert [Path(line["source"]).name for line in failed] == ["cut.avi", "junk.mp4"]
    assert "expected 20" in failed[0]["error"]
    assert "copy or record it again" in failed[0]["fix"]
    assert Path(lines[-1]["source"]).name == "photo.png"
    assert only_ours(ran.stderr)


def test_a_camera_has_a_deadline_unless_told_and_a_picture_has_none(tiny_bundle, photo):
    common = ("--bundle", tiny_bundle, "--frames", 1, "--json")
    [camera] = parsed(edge_tag(*common, "test://belt?fps=30").stdout)
    assert camera["spent"]["budget_ms"] == 200
    [told] = parsed(edge_tag(*common, "--budget-ms", 50, "test://belt?fps=30").stdout)
    assert told["spent"]["budget_ms"] == 50
    [picture] = parsed(edge_tag(*common, photo).stdout)
    assert "budget_ms" not in picture["spent"]


# exit codes


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--camera", "987"], 3, "camera:987: no /dev/video987, found "),
        (["nowhere.jpg"], 3, "nowhere.jpg: no such file or folder"),
        (["/"], 3, ""),
        ([], 2, "no input is given"),
        (["--threads", "0", "x.jpg"], 2, "argument --threads: '0' is given, expected a whole"),
        (["--budget-ms", "nan", "x.jpg"], 2, "argument --budget-ms: 'nan' is given"),
        (["--bundel", "x", "x.jpg"], 2, "unrecognized arguments"),
        (["--json", "--table", "x.jpg"], 2, "not allowed with"),
        (["--source", "camera:x"], 2, "expected camera:0"),
        (["--device", "rpi55", "x.jpg"], 78, "device profile 'rpi55' is unknown"),
        (["check", "nowhere"], 4, "nowhere: bundle is missing"),
        (["capture", "--camera", "0"], 2, "--out"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_with_its_exit_code(args, code, message, tmp_path):
    args = [str(tmp_path) if arg == "/" else arg for arg in args]
    ran = edge_tag(*args)
    assert (ran.returncode, ran.stdout) == (code, "")
    assert ran.stderr.startswith("edge-tag: ")
    assert message in ran.stderr
    assert only_ours(ran.stderr)


def test_a_name_cannot_move_the_cursor():
    ran = edge_tag("\x1b[2J.jpg")
    assert ran.returncode == 3
    assert "\x1b" not in ran.stderr


def test_a_bundle_that_is_not_there_is_4(photo):
    ran = edge_tag("--bundle", "nowhere", photo)
    assert (ran.returncode, ran.stdout) == (4, "")


def test_an_engine_that_is_not_known_is_refused(tiny_bundle, photo):
    assert edge_tag("--bundle", tiny_bundle, "--engine", "abacus", photo).returncode in (2, 4)
    assert edge_tag("--bundle", tiny_bundle, "--provider", "quantum", photo).returncode == 5


def test_a_profile_gives_what_no_flag_gave(tiny_bundle, photo, tmp_path):
    profile = tmp_path / "mine.toml"
    profile.write_text('name = "mine"\ntitle = "Mine"\nengine = "null"\nbudget_ms = 0.0\n')
    given = ["--bundle", tiny_bundle, "--device", profile, photo]
    (line,) = parsed(edge_tag(*given).stdout)
    assert line["spent"]["crops"] == 0
    (line,) = parsed(edge_tag(*given, "--budget-ms", 60_000).stdout)
    assert line["spent"]["crops"] > 0


def test_help_and_version_are_quick_and_0():
    shown = edge_tag("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "edge-tag --camera 0" in shown.stdout
    assert edge_tag("--version").stdout.startswith("edge-tag 0.")


# stdout, stderr, stdin


def test_an_annotate_folder_that_cannot_be_written_is_74(tiny_bundle, photo):
    ran = edge_tag("--bundle", tiny_bundle, "--annotate", photo / "out", photo)
    assert ran.returncode == 74
    assert only_ours(ran.stderr)


def test_a_folder_of_reasons_that_cannot_be_written_is_74(tiny_bundle, photo):
    ran = edge_tag("--bundle", tiny_bundle, "--explain", photo / "why", photo)
    assert ran.returncode == 74
    assert only_ours(ran.stderr)


@pytest.mark.parametrize(("flag", "suffix"), [("--explain", "why"), ("--annotate", "tags")])
def test_pictures_for_people_that_find_no_room_do_not_end_a_cameras_run(
    tiny_bundle, tmp_path, flag, suffix
):
    for n in (0, 1):
        (tmp_path / f"belt.{n:06d}.{suffix}.jpg").mkdir()  # in the way, as a full disk is
    source = "test://belt?fps=20&size=128x96"
    ran = edge_tag("--bundle", tiny_bundle, "--json", "--frames", 3, flag, tmp_path, source)
    assert (ran.returncode, len(parsed(ran.stdout))) == (0, 3)
    assert ran.stderr.count("the run goes on without") == 1
    assert (tmp_path / f"belt.000002.{suffix}.jpg").is_file()


def test_a_full_disk_is_74(tiny_bundle, photo):
    with Path("/dev/full").open("w") as full:
        ran = edge_tag("--bundle", tiny_bundle, photo, stdout=full)
    assert ran.returncode == 74
    assert "No space left on device" in ran.stderr
    assert only_ours(ran.stderr)


def test_a_picture_larger_than_the_disk_allows_is_74_and_leaves_no_part(
    tiny_bundle, photo, tmp_path
):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    args = ["--bundle", tiny_bundle, "--annotate", tmp_path / "out", photo]
    ran = edge_tag(*args, preexec_fn=limit)
    assert ran.returncode == 74
    assert list((tmp_path / "out").iterdir()) == []


def test_a_reader_that_leaves_ends_the_run_with_0(tiny_bundle, clip):
    with subprocess.Popen(
        [*PYTHON, "--bundle", str(tiny_bundle), *[str(clip)] * 50],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        json.loads(process.stdout.readline())
        process.stdout.close()
        assert process.wait(LIMIT_S) == 0
        assert process.stderr is not None
        assert process.stderr.read() == ""


def test_a_reason_larger_than_the_disk_allows_is_74_and_its_line_is_out(
    tiny_bundle, photo, tmp_path
):
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))

    args = ["--bundle", tiny_bundle, "--explain", tmp_path / "why", photo]
    ran = edge_tag(*args, preexec_fn=limit)
    assert ran.returncode == 74
    assert list((tmp_path / "why").iterdir()) == []
    assert parsed(ran.stdout)[0]["tags"]
    assert only_ours(ran.stderr)


@pytest.mark.parametrize(
    ("fd", "code"), [(0, 0), (1, 74), (2, 0)], ids=["stdin", "stdout", "stderr"]
)
def test_a_closed_stream_is_no_crash(tiny_bundle, photo, fd, code):
    ran = edge_tag("--bundle", tiny_bundle, photo, preexec_fn=lambda: os.close(fd))
    assert ran.returncode == code
    assert len(parsed(ran.stdout)) == (0 if code else 1)
    assert only_ours(ran.stderr)


def on_a_terminal(*args: object, is_all: bool = False) -> tuple[int, str | None, str]:
    """Run with stderr (with all) as a terminal: exit code, stdout, what the terminal showed."""
    ours, theirs = pty.openpty()
    stdout = theirs if is_all else subprocess.PIPE
    with subprocess.Popen(
        [*PYTHON, *map(str, args)], cwd=ROOT, stdout=stdout, stderr=theirs, text=True
    ) as process:
        os.close(theirs)
        out, _ = process.communicate(timeout=LIMIT_S)
    shown = b""
    while True:
        try:
            piece = os.read(ours, 4096)
        except OSError:  # how a terminal without a writer ends on Linux
            break
        if not piece:
            break
        shown += piece
    os.close(ours)
    return process.returncode, out, shown.decode()


def test_a_terminal_gets_a_progress_bar_and_stdout_stays_clean(tiny_bundle, clip):
    code, out, shown = on_a_terminal("--bundle", tiny_bundle, clip)
    assert (code, len(parsed(out))) == (0, 20)
    assert "/20" in shown
    code, _, shown = on_a_terminal("--bundle", tiny_bundle, "-q", clip)
    assert (code, shown) == (0, "")


# ends


def started(*args: object, **settings) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PYTHON, *map(str, args)],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings,
    )  # fmt: skip


def signalled(process: subprocess.Popen[str], number: int) -> str:
    """Send a signal after the first line; everything it wrote to stdout, first line included.

    Not `communicate`: that loses what `readline` has read ahead.
    """
    assert process.stdout is not None
    killer = threading.Timer(LIMIT_S, process.kill)  # in place of a timeout
    killer.start()
    first = process.stdout.readline()
    process.send_signal(number)
    out = first + process.stdout.read()
    process.wait()
    killer.cancel()
    return out


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda n: n.name)
def test_a_signal_ends_with_0_and_complete_lines(tiny_bundle, clip, number):
    with started("--bundle", tiny_bundle, *[clip] * 200) as process:
        out = signalled(process, number)
        assert process.stderr is not None
        assert (process.returncode, process.stderr.read()) == (0, "")
    assert 1 <= len(parsed(out)) < 4000


def test_a_signal_before_the_first_frame_ends_with_0(tiny_bundle, clip):
    with started("--bundle", tiny_bundle, *[clip] * 200) as process:
        time.sleep(
            0.15
        )  # Python is up, the libraries are loading: a guess, right or not it must be 0
        process.send_signal(signal.SIGTERM)
        out, stderr = process.communicate(timeout=LIMIT_S)
    assert stderr == ""
    assert process.returncode in (0, -signal.SIGTERM)  # the latter: before our first line ran
    assert len(parsed(out)) < 4000


@pytest.mark.parametrize(
    ("words", "is_service", "code"),
    [
        (["till", "--config", "no.toml"], False, 78),
        (["run", "--config=no.toml"], False, 78),
        (["no.jpg"], True, 3),
        (["no.jpg"], False, -signal.SIGHUP),
        (["capture", "--config", "no.toml", "--out", "set"], False, -signal.SIGHUP),
    ],
)
def test_a_reload_while_a_daemon_starts_is_no_end_of_it(words, is_service, code):
    hang_up = """
import runpy, signal, sys
signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it
class HangingUp:
    def find_spec(self, name, *_):
        if name == "edge.cli":
            signal.raise_signal(signal.SIGHUP)
sys.meta_path.insert(0, HangingUp())
sys.argv = ["edge-tag", *sys.argv[1:]]
runpy.run_module("edge", run_name="__main__")
"""
    env = {**os.environ, **({"NOTIFY_SOCKET": "/nowhere"} if is_service else {})}
    ran = subprocess.run(
        [sys.executable, "-c", hang_up, *words], cwd=ROOT, env=env, capture_output=True,
        timeout=LIMIT_S,
    )  # fmt: skip
    assert ran.returncode == code


def test_ctrl_c_while_our_imports_load_is_no_traceback():
    code = """
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background job ignores it
class Interrupting:
    def find_spec(self, name, *_):
        if name == "edge.cli":
            signal.raise_signal(signal.SIGINT)
sys.meta_path.insert(0, Interrupting())
runpy.run_module("edge", run_name="__main__")
"""
    args = [sys.executable, "-c", code]
    ran = subprocess.run(
        args, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )
    assert (ran.returncode, ran.stderr) == (-signal.SIGINT, "")


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (("--camer", 0), "--camera"),
        (("--waht", "a.jpg"), "--wait"),
        (("--budget=3", "a.jpg"), "--budget-ms"),
        (("enroll", "--nam", "A", "a.jpg"), "--name"),
    ],
)
def test_a_misspelt_flag_is_told_with_the_nearest_one(words, meant):
    ran = edge_tag(*words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert f"fix: did you mean '{meant}'?" in ran.stderr


def test_a_terminal_is_told_once_why_a_picture_failed(tiny_bundle, tmp_path):
    file = tmp_path / "a.png"
    file.write_text("none")
    code, _, shown = on_a_terminal("--bundle", tiny_bundle, file, is_all=True)
    assert (code, shown.count("is no picture")) == (3, 1), shown
    assert "frames: 0, 1 failed" in shown


def test_ctrl_c_ends_with_0_while_a_bar_is_shown(tiny_bundle, clip):
    ours, theirs = pty.openpty()
    args = [*PYTHON, "--bundle", str(tiny_bundle), *[str(clip)] * 200]
    with subprocess.Popen(
        args, cwd=ROOT, stdout=subprocess.PIPE, stderr=theirs, text=True
    ) as process:
        os.close(theirs)
        out = signalled(process, signal.SIGINT)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert process.returncode == 0
    assert "/4000" in shown
    assert "Traceback" not in shown
    assert 1 <= len(parsed(out)) < 4000


def test_capture_ends_with_0_and_a_whole_set_when_stopped(tmp_path, clip):
    with started("capture", *[clip] * 500, "--out", tmp_path / "set", "--every-s", 0) as process:
        while not (tmp_path / "set" / "000003.jpg").exists():
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        out, stderr = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, stderr) == (0, "")
    assert len(read_set(tmp_path / "set")) >= 3
    assert out.endswith("pictures\n")


# other verbs


def test_check_says_yes_and_no(tiny_bundle, tmp_path):
    ran = edge_tag("check", tiny_bundle)
    assert ran.returncode == 0
    assert "null/int8" in ran.stdout
    bundle = write_tiny(tmp_path / "other")
    (bundle / "golden" / "red.png").write_bytes((bundle / "golden" / "blue.png").read_bytes())
    ran = edge_tag("check", bundle)
    assert ran.returncode == 6
    assert "NO   golden/red.png" in ran.stdout
    assert only_ours(ran.stderr)


def test_check_finds_golden_answers_that_differ(tmp_path):
    bundle = write_tiny(tmp_path / "other")
    golden = json.loads((bundle / "bundle.json").read_text())["golden"]
    golden[0]["scores"]["null/int8"]["colours"]["red"] = 0.1
    ran = edge_tag("check", edited(bundle, golden=golden))
    assert ran.returncode == 6
    assert "expected 0.100" in ran.stdout


def test_devices_lists_the_profiles():
    ran = edge_tag("devices")
    assert ran.returncode == 0
    assert "Raspberry Pi 5" in ran.stdout


def test_devices_auto_tells_the_profile_of_this_board():
    """An error said that it expects auto."""
    ran = edge_tag("devices", "auto")
    name = ran.stderr.removeprefix("edge-tag: --device auto: ").partition(",")[0]
    assert ran.returncode == 0
    assert ran.stdout.startswith(f"{name}: ")


def test_capture_makes_a_set_that_can_be_read_and_continued(tmp_path, clip):
    args = ["capture", "--source", clip, "--out", tmp_path / "set", "--every-s", "0.5"]
    ran = edge_tag(*args, "--count", 2, "--licence", "CC0")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout == f"{tmp_path}/set/manifest.json: 2 pictures\n"
    assert len(read_set(tmp_path / "set")) == 2
    assert edge_tag(*args, "--count", 3).returncode == 0
    assert len(read_set(tmp_path / "set")) == 3


def test_capture_without_a_picture_is_3(tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"junk")
    ran = edge_tag("capture", tmp_path, "--out", tmp_path / "set")
    assert ran.returncode == 3
    assert only_ours(ran.stderr)


def test_a_virtual_device_is_labelled_in_every_line(photo):
    ran = edge_tag("--engine", "virtual", "--device", "orin-nano", photo)
    assert ran.returncode == 0, ran.stderr
    (line,) = parsed(ran.stdout)
    assert line["device"] == "orin-nano (virtual, predicted)"
    assert line["engine"].startswith("virtual/orin-nano, predicted (answers: ")
    assert ran.stderr.count("orin-nano (virtual, predicted)") == 2  # at the start, and at the end


def test_a_device_is_chosen_and_said(photo, tiny_bundle):
    ran = edge_tag("--device", "auto", "--engine", "null", "--bundle", tiny_bundle, photo)
    assert ran.returncode == 0, ran.stderr
    assert "--device auto: " in ran.stderr
    assert ", because " in ran.stderr
    assert "device" not in parsed(ran.stdout)[0]
