"""Bundles that come to a device: newer ones, older ones, damaged ones, and the way back."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from edge.bundle import open_bundle
from edge.bundle.in_use import usable
from edge.bundle.installed import STATE, folder, installed
from edge.bundle.installing import install, listed, rollback
from edge.bundle.signing import sign_bundle, trust, write_pair
from edge.bundle.write import write_bundle, zip_bundle
from edge.cli import main
from edge.errors import BundleError, SinkError
from edge.heads.gallery_file import read_gallery, write_gallery
from edge.heads.gallery_path import default_path
from tests.galleries import gallery
from tests.tiny import tiny_parts


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr("edge.bundle.keys.SYSTEM", tmp_path / "etc" / "trusted-keys.pem")


def tiny(path: Path, counter: int, **changed) -> Path:
    files, manifest = tiny_parts()
    write_bundle(path, files, msgspec.structs.replace(manifest, counter=counter, **changed))
    return path


def in_use() -> str:
    with open_bundle() as bundle:
        return bundle.id


def test_the_one_that_is_installed_is_used_and_the_way_back_is_open(tmp_path):
    shipped = in_use()
    assert install(tiny(tmp_path / "a", 3)).before == shipped
    assert in_use() == "tiny@3"
    zip_bundle(tiny(tmp_path / "b", 4), tmp_path / "b.edge")
    assert install(tmp_path / "b.edge").now == "tiny@4"
    assert [row[:2] for row in listed()[:2]] == [("in use", "tiny@4"), ("before", "tiny@3")]
    assert rollback().now == in_use() == "tiny@3"
    assert rollback().now == in_use() == "tiny@4"
    assert usable(pytest.fail) == folder() / "tiny@4.edge"


def test_back_to_the_one_that_ships(tmp_path):
    shipped = in_use()
    with pytest.raises(BundleError, match="no bundle was installed"):
        rollback()
    install(tiny(tmp_path / "a", 3))
    assert rollback().now == in_use() == shipped


def test_an_older_one_is_refused_even_after_the_way_back_unless_it_is_meant(tmp_path):
    for counter in (3, 5):
        install(tiny(tmp_path / str(counter), counter))
    rollback()
    older = tiny(tmp_path / "4", 4)
    with pytest.raises(BundleError, match="counter is 4, expected 5 or more"):
        install(older)
    assert in_use() == "tiny@3"
    assert install(older, may_be_older=True).now == in_use() == "tiny@4"
    with pytest.raises(BundleError, match="expected 5 or more"):
        install(tiny(tmp_path / "3b", 3))
    assert install(tmp_path / "5").now == "tiny@5"


def test_the_same_again_changes_nothing_and_another_of_its_counter_is_refused(tmp_path):
    install(tiny(tmp_path / "a", 3))
    assert install(tmp_path / "a").before == "tiny@3"
    assert installed().previous is None
    with pytest.raises(BundleError, match="is another tiny@3"):
        install(tiny(tmp_path / "b", 3, recipe={"seed": 2}))


def test_two_are_kept(tmp_path):
    for counter in (3, 4, 5):
        install(tiny(tmp_path / str(counter), counter))
    assert sorted(path.name for path in folder().glob("*.edge")) == ["tiny@4.edge", "tiny@5.edge"]


def damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)


def test_a_damaged_one_is_passed_over_and_mended_by_installing_it_again(tmp_path):
    for counter in (3, 4):
        install(tiny(tmp_path / str(counter), counter))
    damage(folder() / "tiny@4.edge")
    said: list[str] = []
    assert usable(said.append) == folder() / "tiny@3.edge"
    assert "tiny@4.edge" in said[0]
    assert listed()[0][1] == "refused"
    assert install(tmp_path / "4").now == "tiny@4"
    assert usable(pytest.fail) == folder() / "tiny@4.edge"
    assert installed().previous == "tiny@3.edge"


def test_where_all_are_damaged_the_one_that_ships_is_used(tmp_path):
    shipped = in_use()
    install(tiny(tmp_path / "a", 3))
    (folder() / "tiny@3.edge").unlink()
    path = usable(lambda _: None)
    assert path is not None
    with open_bundle(path) as bundle:
        assert bundle.id == shipped
    (folder() / STATE).write_text("{")
    assert usable(lambda _: None) == path


def test_one_that_is_not_right_is_not_installed(tmp_path):
    install(tiny(tmp_path / "a", 3))
    golden = tiny_parts()[1].golden
    lie = msgspec.structs.replace(golden[0], scores={"null/int8": {"colours": {"green": 0.99}}})
    wrong = tiny(tmp_path / "b", 4, golden=(lie, *golden[1:]))
    with pytest.raises(BundleError, match="does not reproduce"):
        install(wrong)
    assert in_use() == "tiny@3"
    assert [path.name for path in folder().glob("*.edge*")] == ["tiny@3.edge"]


def test_a_device_that_trusts_a_key_installs_nothing_else(tmp_path):
    private, public = write_pair(tmp_path / "shop")
    trust(public)
    bundle = tiny(tmp_path / "a", 3)
    with pytest.raises(BundleError, match="not signed"):
        install(bundle)
    sign_bundle(bundle, private)
    assert install(bundle).now == in_use() == "tiny@3"


def test_a_disk_that_is_full_leaves_what_was(tmp_path, monkeypatch):
    install(tiny(tmp_path / "a", 3))
    newer = tiny(tmp_path / "b", 4)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("edge.bundle.write.sync", full)
    with pytest.raises(SinkError, match="No space left"):
        install(newer)
    assert in_use() == "tiny@3"
    assert [path.name for path in folder().glob("*.edge*")] == ["tiny@3.edge"]


def enrol(things: int) -> Path:
    with open_bundle() as bundle:
        write_gallery(default_path(bundle), gallery(things, bundle=bundle))
        return default_path(bundle)


def enrolled() -> list[str]:
    with open_bundle() as bundle:
        path = default_path(bundle)
        return [one.tag for one in read_gallery(path, bundle).tags] if path.exists() else []


def test_what_was_enrolled_goes_along_both_ways(tmp_path):
    install(tiny(tmp_path / "a", 3))
    enrol(1)
    assert "1 enrolled tag" in install(tiny(tmp_path / "b", 4)).gallery
    assert enrolled() == ["thing 0"]
    enrol(2)
    assert "2 enrolled tags" in rollback().gallery
    assert enrolled() == ["thing 0", "thing 1"]


def test_what_was_enrolled_for_another_embedding_stays_where_it_is_and_is_not_used(tmp_path):
    path = enrol(1)  # for the one that ships
    assert "the embedding is another" in install(tiny(tmp_path / "a", 3)).gallery
    assert enrolled() == []
    assert rollback().gallery == ""
    assert path.exists()
    assert enrolled() == ["thing 0"]


def test_the_command(tmp_path, capfd):
    assert main(["bundle", "install", str(tiny(tmp_path / "a", 3))]) == 0
    assert main(["bundle", "list"]) == 0
    assert main(["bundle", "show"]) == 0
    assert main(["bundle", "key", str(tmp_path / "shop")]) == 0
    assert (
        main(["bundle", "sign", str(tmp_path / "a"), "--key", str(tmp_path / "shop.key.pem")]) == 0
    )
    assert main(["bundle", "trust", str(tmp_path / "shop.pub.pem")]) == 0
    assert main(["bundle", "verify", str(tmp_path / "a")]) == 0
    assert main(["bundle", "trust", "--none"]) == 0
    assert main(["bundle", "rollback"]) == 0
    out = capfd.readouterr().out
    assert "tiny@3" in out
    assert "signed with the key" in out
    assert main(["bundle", "install", str(tmp_path / "nowhere")]) == 4
    assert main(["bundle"]) == 2
