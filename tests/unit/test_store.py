"""Files that are there whole or not at all, in folders that others may write to, too."""

from __future__ import annotations

import os

import pytest

from edge.errors import SinkError
from edge.store import write_whole

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
