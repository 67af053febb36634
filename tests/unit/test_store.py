"""Files that are there whole or not at all, in folders that others may write to, too."""

from __future__ import annotations

import os

import pytest

from edge.errors import SinkError
from edge.homes import own_folder
from edge.store import make_folder, write_whole

needs_links = pytest.mark.skipif(os.name == "nt", reason="a user may make no links")


@needs_links
def test_nothing_is_written_through_a_link_of_somebody_else(tmp_path):
    """`--explain /tmp/x` of one user, and another one who knows what its files are called."""
    ours = tmp_path / "ours.txt"
    ours.write_bytes(b"kept")
    for name in (".a.why.jpg.part", "a.why.jpg"):
        (tmp_path / name).symlink_to(ours)
    write_whole(tmp_path / "a.why.jpg", b"picture")
    assert ours.read_bytes() == b"kept"
    assert (tmp_path / "a.why.jpg").read_bytes() == b"picture"
    assert not (tmp_path / "a.why.jpg").is_symlink()


@needs_links
def test_a_pipe_in_the_way_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / ".a.part")
    write_whole(tmp_path / "a", b"whole", is_synced=True)
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_what_a_killed_run_had_in_hand_is_written_anew(tmp_path):
    (tmp_path / ".a.part").write_bytes(b"half of it, and longer than what comes")
    write_whole(tmp_path / "a", b"whole")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_what_cannot_be_written_leaves_what_was_there(tmp_path):
    (tmp_path / "a").write_bytes(b"before")
    (tmp_path / ".a.part").mkdir()
    with pytest.raises(SinkError):
        write_whole(tmp_path / "a", b"after")
    assert (tmp_path / "a").read_bytes() == b"before"


@needs_links
@pytest.mark.parametrize("kind", ["state", "data", "cache"])
def test_our_own_folders_are_for_their_user_alone(kind, tmp_path, monkeypatch):
    """There lie pictures of people, what was enrolled, and events."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("STATE_DIRECTORY", "CACHE_DIRECTORY", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    before = os.umask(0o022)
    try:
        make_folder(own_folder(kind) / "captures" / "till")
        make_folder(tmp_path / "named")
    finally:
        os.umask(before)
    assert own_folder(kind).stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "named").stat().st_mode & 0o777 == 0o755
