"""`edge-tag enroll` as a user runs it, on the null engine: colours are things there."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

from edge.cli import main, parse
from edge.errors import UsageError
from edge.heads import enrolling
from edge.sources import images
from tests.integration.test_cli import edge_tag, only_ours, parsed, save
from tests.tiny import write_tiny


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "shop.bundle")


def card(path: Path, colour: tuple[int, int, int], shade: int = 0) -> Path:
    """A picture of one colour, given as RGB."""
    rgb = np.clip(np.full((40, 60, 3), colour, int) + shade, 0, 255).astype(np.uint8)
    return save(path, rgb[..., ::-1])


PURPLE, TEAL = (150, 20, 160), (0, 140, 140)


def run(*args: object) -> int:
    return main([str(arg) for arg in args])


def test_a_tag_is_enrolled_found_listed_and_removed(tmp_path: Path, bundle: Path) -> None:
    shots = [card(tmp_path / f"{n}.png", PURPLE, 10 * n) for n in range(3)]
    ran = edge_tag("enroll", "--bundle", bundle, "--name", "Acme", "--group", "Shop", *shots)
    assert (ran.returncode, ran.stderr) == (0, "")
    path = tmp_path / "shop.bundle.gallery"
    assert path.is_file()
    assert f"{path}: 1 tag, " in ran.stdout

    (line,) = parsed(edge_tag("--bundle", bundle, card(tmp_path / "new.png", PURPLE, 5)).stdout)
    found = [tag for tag in line["tags"] if tag["head"] == "gallery"]
    assert {(tag["tag"], tag["group"], tag["level"]) for tag in found} == {("Acme", "Shop", "tag")}
    assert found[0]["score"] >= 0.5

    (line,) = parsed(edge_tag("--bundle", bundle, "--no-gallery", tmp_path / "new.png").stdout)
    assert not [tag for tag in line["tags"] if tag["head"] == "gallery"]

    listed = edge_tag("enroll", "list", "--bundle", bundle)
    assert "Acme  Shop" in listed.stdout
    ran = edge_tag("enroll", "remove", "Acme", "--bundle", bundle)
    assert "only tag" in ran.stdout
    assert not path.exists()
    assert "nothing is enrolled" in edge_tag("enroll", "list", "--bundle", bundle).stdout


@pytest.mark.parametrize("first", [False, True])
def test_what_is_enrolled_while_another_one_looks_is_not_lost(
    first: bool,
    tmp_path: Path,
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Somebody at the live page, and somebody at the command line."""
    purple, teal = card(tmp_path / "p.png", PURPLE), card(tmp_path / "t.png", TEAL)
    if not first:
        assert (
            run("enroll", "--bundle", bundle, "--name", "Old", card(tmp_path / "o.png", TEAL, 60))
            == 0
        )
    look = enrolling.example

    def slow(*args: object, **more: object) -> object:
        monkeypatch.setattr(enrolling, "example", look)
        assert run("enroll", "--bundle", bundle, "--name", "Teal", teal) == 0
        return look(*args, **more)

    monkeypatch.setattr(enrolling, "example", slow)
    assert run("enroll", "--bundle", bundle, "--name", "Purple", "--group", "Shop", purple) == 0
    capfd.readouterr()
    run("enroll", "list", "--bundle", bundle)
    told = capfd.readouterr().out
    assert "Teal" in told
    assert "Purple  Shop" in told
    assert ("Old" in told) is not first


def test_a_gallery_that_may_not_be_removed_is_said(
    tmp_path: Path,
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    shot = card(tmp_path / "a.png", PURPLE)
    assert run("enroll", "--bundle", bundle, "--name", "Acme", shot) == 0
    monkeypatch.setattr(Path, "unlink", refuse)
    assert run("enroll", "remove", "Acme", "--bundle", bundle) == 74
    assert "shop.bundle.gallery: Permission denied" in capfd.readouterr().err
    assert (tmp_path / "shop.bundle.gallery").is_file()


@pytest.mark.parametrize("what", ["example", "none_example"])
def test_a_picture_is_learned_before_the_next_is_decoded(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    shots = [card(tmp_path / f"{n}.png", PURPLE, 10 * n) for n in range(3)]
    assert run("enroll", "--bundle", bundle, "--name", "Acme", shots[0]) == 0
    said: list[str] = []
    for of, name in ((images, "read_frame"), (enrolling, what)):
        real = getattr(of, name)

        def told(*given: object, name=name, real=real, **more: object) -> object:
            said.append(name)
            return real(*given, **more)

        monkeypatch.setattr(of, name, told)
    words = ("--name", "Acme") if what == "example" else ("--none",)
    assert run("enroll", "--bundle", bundle, *words, *shots) == 0
    assert said == ["read_frame", what] * 3


def test_a_gallery_that_cannot_be_written_is_said_before_any_look(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(images, "read_frame", lambda path: pytest.fail("looks already"))
    shot = card(tmp_path / "a.png", PURPLE)
    words = ("--name", "Acme", "--gallery", "/proc/acme.gallery")
    assert run("enroll", "--bundle", bundle, *words, shot) == 74
    assert "/proc: " in capfd.readouterr().err


def test_enroll_ends_when_stopped_and_leaves_no_gallery(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shots = [card(tmp_path / f"{n}.png", PURPLE, 10 * n) for n in range(3)]
    said: list[str] = []
    real = images.read_frame

    def stopping(path: str) -> object:
        said.append(path)
        signal.raise_signal(signal.SIGINT)
        return real(path)

    monkeypatch.setattr(images, "read_frame", stopping)
    assert run("enroll", "--bundle", bundle, "--name", "Acme", *shots) == 6
    assert len(said) == 1
    assert run("enroll", "--bundle", bundle, "--name", "Acme", shots[0]) == 6  # at its first look
    assert "stopped before its end" in capfd.readouterr().err
    assert not (tmp_path / "shop.bundle.gallery").exists()


def test_two_devices_bring_their_galleries_together(
    tmp_path: Path, bundle: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one, two = tmp_path / "one.gallery", tmp_path / "two.gallery"
    for path, name, colour in ((one, "Acme", PURPLE), (two, "Zest", TEAL)):
        shot = card(tmp_path / f"{name}.png", colour)
        assert run("enroll", "--bundle", bundle, "--gallery", path, "--name", name, shot) == 0
    assert run("enroll", "merge", two, "--bundle", bundle, "--gallery", one) == 0
    assert run("enroll", "export", tmp_path / "c", "--bundle", bundle, "--gallery", one) == 0
    assert (tmp_path / "c").read_bytes() == one.read_bytes()
    assert run("enroll", "export", tmp_path / "c", "--bundle", bundle, "--gallery", one) == 2
    assert run("enroll", "import", one, "--bundle", bundle) == 0
    capfd.readouterr()
    assert run("enroll", "list", "--bundle", bundle) == 0
    out = capfd.readouterr().out
    assert "Acme" in out
    assert "Zest" in out


def test_pictures_of_none_join_what_is_none(tmp_path: Path, bundle: Path) -> None:
    shot = card(tmp_path / "a.png", PURPLE)
    assert run("enroll", "--bundle", bundle, "--none", shot) == 2  # nothing is enrolled yet
    assert run("enroll", "--bundle", bundle, "--name", "Acme", shot) == 0
    ran = edge_tag("enroll", "--bundle", bundle, "--none", card(tmp_path / "b.png", TEAL))
    assert "153 views of none" in ran.stdout


def test_only_the_box_is_learned(tmp_path: Path, bundle: Path) -> None:
    rgb = np.full((80, 80, 3), TEAL, np.uint8)
    rgb[10:50, 10:50] = PURPLE
    both = save(tmp_path / "both.png", rgb[..., ::-1])
    assert run("enroll", "--bundle", bundle, "--name", "A", both, "--box", "10,10,50,50") == 0
    (line,) = parsed(edge_tag("--bundle", bundle, card(tmp_path / "new.png", PURPLE)).stdout)
    assert {tag["tag"] for tag in line["tags"] if tag["head"] == "gallery"} == {"A"}


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["a.png"], 2, "expected --name TAG, or --none"),
        (["--name", "A", "--none", "a.png"], 2, "expected --name TAG, or --none"),
        (["--name", "A", "missing.png"], 3, "missing.png"),
        (["--name", "A", "clip.mp4"], 2, "is no picture"),
        (["--name", "A", "a.png", "--box", "0,0,9999,9"], 2, "a.png: enroll: box is 0,0,9999,9"),
        (["--name", "A", "a.png", "--box", "5,5,5,9"], 2, "expected x0,y0,x1,y1 in px"),
        (["--name", "A", "a.png", "--box", "0,0,9,9", "--box", "0,0,9,9"], 2, "2 --box for 1"),
        (["--name", "A\nB", "a.png"], 2, "expected 1 to 100 characters"),
        (["remove"], 2, "expected one TAG"),
        (["remove", "A"], 2, "nothing is enrolled"),
        (["list", "more"], 2, "expected nothing more"),
        (["merge", "missing.gallery"], 4, "file is missing"),
        ([], 2, "the following arguments are required: PICTURE"),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_and_changes_nothing(
    tmp_path: Path,
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    args: list[str],
    code: int,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    card(tmp_path / "a.png", PURPLE)
    before = sorted(p.name for p in tmp_path.iterdir())
    assert run("enroll", *args, "--bundle", "shop.bundle") == code
    out, err = capfd.readouterr()
    assert out == ""
    assert says.replace("\n", "?") in err
    assert only_ours(err)
    assert sorted(p.name for p in tmp_path.iterdir()) == before


def test_a_gallery_of_another_network_stops_a_run_with_the_fix(
    tmp_path: Path, bundle: Path
) -> None:
    assert run("enroll", "--bundle", bundle, "--name", "A", card(tmp_path / "a.png", PURPLE)) == 0
    path = tmp_path / "shop.bundle.gallery"
    ran = edge_tag("--gallery", path, tmp_path / "a.png")  # the bundle that ships
    assert (ran.returncode, ran.stdout) == (4, "")
    assert "expected" in ran.stderr
    assert "fix: move it away and enrol its pictures again" in ran.stderr


def test_a_gallery_that_nobody_named_and_the_disk_damaged_ends_no_run(
    tmp_path: Path, bundle: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    card(tmp_path / "a.png", PURPLE)
    path = tmp_path / "shop.bundle.gallery"
    path.write_bytes(b"junk")
    config = tmp_path / "edge.toml"
    config.write_text(
        f'bundle = "{bundle}"\n[[cameras]]\nname = "a"\nurl = "{tmp_path}/a.png"\n'
        "[heads.gallery]\nthreshold = 0.9\n"
    )
    for words in (["--bundle", bundle, tmp_path / "a.png"], ["--config", config]):
        ran = edge_tag(*words)
        assert (ran.returncode, len(parsed(ran.stdout))) == (0, 1)
        assert "the run goes on without what was enrolled" in ran.stderr
        assert "fix: move it away" in ran.stderr
        assert only_ours(ran.stderr)
    assert path.read_bytes() == b"junk"
    assert run("config", "check", config) == 0  # nothing is wrong with what it says
    assert run("doctor", "--bundle", bundle) == 4
    assert "gallery: fix: move it away" in capfd.readouterr().out
    ran = edge_tag("--bundle", bundle, "--gallery", path, tmp_path / "a.png")
    assert (ran.returncode, ran.stdout) == (4, "")  # somebody wants that one


def test_the_first_word_decides_unless_there_is_a_name() -> None:
    assert parse(["enroll", "list"]).action == "list"
    assert parse(["enroll", "--name", "A", "list"]).action == "add"
    with pytest.raises(UsageError, match="not allowed with"):
        parse(["--gallery", "x", "--no-gallery", "a.jpg"])
