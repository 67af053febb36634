"""Every file sink keeps its contract: options checked, a full disk told, nothing half written."""

from __future__ import annotations

import csv
import json
import os
import time
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest

from edge.clock import rfc3339
from edge.errors import SinkError, UsageError
from edge.records import FrameFailed, FrameTags
from edge.sinks import SINKS, CarrierSite, open_album, open_carrier, open_sink
from edge.sinks.recipients import open_recipients
from edge.sinks.rotating import RotatingFile
from edge.sinks.steady import SteadySink
from edge.sinks.target import parse_target
from tests.happenings import result, tag

FAILED = FrameFailed(1, "bad.jpg", 0, "", "bad.jpg: empty")
SITE = CarrierSite("box", (), dict, lambda _: None)
FILES = [kind for kind, (role, _, _) in SINKS.items() if role == "sink"]


def opened(kind: str, path: Path, options: str = ""):
    return open_sink(parse_target(f"{kind}:{path}{options}", SINKS))


def read(kind: str, path: Path) -> list[tuple[str, str]]:
    """(source, tag) of everything in a file."""
    text = path.read_text("utf-8")
    if kind == "jsonl":
        lines = [json.loads(line) for line in text.splitlines()]
        return [(line["source"], t["tag"]) for line in lines for t in line.get("tags", ())]
    if kind == "csv":
        return [(row["source"], row["tag"]) for row in csv.DictReader(text.splitlines())]
    whole = json.loads(text)
    images = {image["id"]: image["file_name"] for image in whole["images"]}
    names = {category["id"]: category["name"] for category in whole["categories"]}
    return [(images[a["image_id"]], names[a["category_id"]]) for a in whole["annotations"]]


@pytest.mark.parametrize("kind", FILES)
def test_what_is_written_is_read_back(tmp_path, kind):
    sink = opened(kind, tmp_path / "deep" / "file")
    sink.write(result([tag("Apple"), tag("Plum", 2)], "a.jpg"), None)
    sink.write(FAILED, None)
    sink.write(result([], "b.jpg"), None)
    sink.write(result([tag("Apple", 3)], "c.jpg"), None)
    sink.close()
    found = read(kind, tmp_path / "deep" / "file")
    assert found == [("a.jpg", "Apple"), ("a.jpg", "Plum"), ("c.jpg", "Apple")]
    assert [p.name for p in (tmp_path / "deep").iterdir()] == ["file"]


@pytest.mark.parametrize("kind", FILES)
def test_a_misspelt_option_is_told_with_the_nearest_one(tmp_path, kind):
    with pytest.raises(UsageError, match="'max-bm' is unknown"):
        opened(kind, tmp_path / "file", "#max-bm=3")


@pytest.mark.parametrize("kind", FILES)
def test_a_folder_that_cannot_be_made_is_told(tmp_path, kind):
    (tmp_path / "file").touch()
    with pytest.raises(SinkError, match="file"):
        opened(kind, tmp_path / "file" / "x")


@pytest.mark.parametrize("kind", FILES)
def test_a_folder_in_the_place_of_the_file_is_told(tmp_path, kind):
    with pytest.raises(SinkError, match="no regular file"):
        opened(kind, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", FILES)
def test_a_full_disk_cuts_nothing_in_half(tmp_path, kind):
    """/dev/full takes no byte; a quota takes some."""
    sink = opened(kind, tmp_path / "file")
    steady = SteadySink(sink, "file")
    steady.write(result([tag("Apple")], "a.jpg"), None)
    spoiled = [name for name in vars(sink) if "file" in name]
    assert spoiled
    for holder in [sink, *vars(sink).values()]:
        for name, value in list(getattr(holder, "__dict__", {}).items()):
            if hasattr(value, "truncate"):
                setattr(holder, name, Quota(value, 30))
    steady.write(result([tag("Plum")], "b.jpg"), None)
    Quota.is_full = False
    steady.write(result([tag("Pear")], "c.jpg"), None)
    steady.close()
    Quota.is_full = True
    assert (steady.written, steady.left_out) == (2, 1)
    assert "No space left" in steady.outage.error
    assert read(kind, tmp_path / "file") == [("a.jpg", "Apple"), ("c.jpg", "Pear")]


class Quota:
    """A file on a disk that has room for a few more bytes."""

    is_full = True

    def __init__(self, file, left: int) -> None:
        self._file, self._left = file, left

    def write(self, data) -> int:
        if not Quota.is_full:
            return self._file.write(data)
        if self._left == 0:
            raise OSError(28, "No space left on device")
        taken, self._left = data[: self._left], max(0, self._left - len(data))
        return self._file.write(taken)

    def __getattr__(self, name: str):
        return getattr(self._file, name)


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_a_file_is_put_aside_when_it_is_large_and_the_oldest_goes(tmp_path):
    path = tmp_path / "f"
    file = RotatingFile(path, max_bytes=30, keep=2, heading=b"head\n")
    for n in range(10):
        file.append(b"line number %d\n" % n)
    file.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["f", "f.1", "f.2"]
    assert lines(path) == ["head", "line number 9"]
    assert lines(tmp_path / "f.1") == ["head", "line number 8"]


def test_a_file_with_the_columns_of_an_older_version_is_put_aside(tmp_path):
    path = tmp_path / "file"
    path.write_text("time,source,frame,tag\n,old.jpg,0,Apple\n")
    for name in ("a.jpg", "b.jpg"):
        sink = opened("csv", path)
        sink.write(result([tag("Plum")], name), None)
        sink.close()
    assert read("csv", path) == [("a.jpg", "Plum"), ("b.jpg", "Plum")]
    assert read("csv", tmp_path / "file.1") == [("old.jpg", "Apple")]
    assert not (tmp_path / "file.2").exists()


def test_a_file_is_put_aside_when_it_is_old(tmp_path):
    now = [1000.0]
    file = RotatingFile(tmp_path / "f", max_age_s=60, clock=lambda: now[0])
    file.append(b"a\n")
    now[0] += 59
    file.append(b"b\n")
    now[0] += 1
    file.append(b"c\n")
    file.close()
    assert lines(tmp_path / "f.1") == ["a", "b"]
    assert lines(tmp_path / "f") == ["c"]


def test_a_file_of_an_earlier_run_is_as_old_as_it_is(tmp_path):
    path, now = tmp_path / "f", [1000.0]
    for age_s in (59, 61):
        path.write_bytes(b"a\n")
        os.utime(path, (time.time() - age_s,) * 2)
        file = RotatingFile(path, max_age_s=60, clock=lambda: now[0])
        file.append(b"b\n")
        file.close()
        assert (tmp_path / "f.1").exists() == (age_s > 60)


def test_a_file_that_several_runs_wrote_is_as_old_as_its_first_record(tmp_path):
    path, hours = tmp_path / "f", 3600
    first = f'{{"time": "{rfc3339(time.time() - 25 * hours)}"}}\n'.encode()
    path.write_bytes(first + b"of today\n")
    file = RotatingFile(path, max_age_s=24 * hours)
    file.append(b"next\n")
    file.close()
    assert (tmp_path / "f.1").read_bytes() == first + b"of today\n"
    assert lines(path) == ["next"]


@pytest.mark.parametrize("how", ["moved", "folder moved", "emptied", "another in its place"])
def test_a_file_that_somebody_takes_away_is_begun_anew(tmp_path, how):
    path = tmp_path / "folder" / "f"
    file = RotatingFile(path, heading=b"head\n")
    file.append(b"first\n")
    if how == "emptied":
        os.truncate(path, 0)
    elif how == "folder moved":
        path.parent.rename(tmp_path / "march")
    else:
        path.rename(tmp_path / "march")
    if how == "another in its place":
        path.write_bytes(b"head\nof others\n")
    file.append(b"second\n")
    file.close()
    others = ["of others"] if how == "another in its place" else []
    assert lines(path) == ["head", *others, "second"]


def test_a_file_is_opened_again_when_its_disk_is_back(tmp_path):
    path = tmp_path / "f"
    file = RotatingFile(path)
    file.append(b"first\n")
    file._file = Quota(file._file, 0)  # whatever is done with it fails from now on
    with pytest.raises(SinkError):
        file.append(b"second\n")
    file.append(b"third\n")
    file.close()
    assert lines(path) == ["first", "third"]


@pytest.mark.parametrize("kind", ["jsonl", "csv", "events", "snapshots"])
def test_a_disk_that_is_not_there_yet_is_waited_for_where_nobody_would_start_again(tmp_path, kind):
    """A stick that broke must not keep everybody else from having anything."""
    disk, frame = tmp_path / "disk", np.zeros((50, 100, 3), np.uint8)
    disk.write_bytes(b"no folder")
    asked = [f"{kind}:{disk}/of/it"], ["camera:0"], f"{tmp_path}/outbox.db", 1
    with pytest.raises(SinkError, match="disk"):
        open_recipients(*asked)
    made = open_recipients(*asked, is_patient=True)
    with closing(made):
        for n in range(2):
            found = result([tag(track=n, state="settled")], second=n)
            for sink in made.sinks:
                sink.write(found, frame)
            if made.report is not None:
                made.report(found, frame, float(n))
            if n == 0:
                disk.unlink()  # the disk is there
    for sink in made.sinks:
        sink.close()
    there = disk / "of" / "it"
    found = there.rglob("*.jpg") if kind == "snapshots" else lines(there)
    assert len(list(found)) == {"csv": 2, "events": 4}.get(kind, 1)


def test_what_a_power_cut_left_of_a_line_is_cut_off(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"whole\nhal")
    file = RotatingFile(path)
    file.append(b"next\n")
    file.close()
    assert lines(path) == ["whole", "next"]


@pytest.mark.parametrize("kind", ["jsonl", "events"])
def test_a_file_of_somebody_else_is_refused_and_left_as_it_is(tmp_path, kind):
    """What stood behind its last line break was cut off, and lines of ours put there instead."""
    path = tmp_path / "notes.txt"
    path.write_bytes(b"one\ntwo, not yet")
    with pytest.raises(SinkError, match="begins like no file of results"):
        open_recipients([f"{kind}:{path}"], [], f"{tmp_path}/outbox.db", 1)
    assert path.read_bytes() == b"one\ntwo, not yet"


def test_a_table_of_somebody_else_is_put_aside_whole(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"price;tax\n1;2")
    sink = opened("csv", path)
    sink.write(result([tag("Plum")], "a.jpg"), None)
    sink.close()
    assert (tmp_path / "t.csv.1").read_bytes() == b"price;tax\n1;2"
    assert read("csv", path) == [("a.jpg", "Plum")]


@pytest.mark.parametrize(
    ("kind", "left"), [("jsonl", b"\0" * 9), ("jsonl", b"{"), ("csv", b"time,")]
)
def test_a_file_that_a_power_cut_left_without_a_line_is_begun_anew(tmp_path, kind, left):
    path = tmp_path / "f"
    path.write_bytes(left)
    sink = opened(kind, path)
    sink.write(result([tag("Plum")], "a.jpg"), None)
    sink.close()
    assert read(kind, path) == [("a.jpg", "Plum")]
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_coco_run_that_is_cut_off_leaves_the_earlier_file(tmp_path):
    first = opened("coco", tmp_path / "file")
    first.write(result([tag("Apple")], "a.jpg"), None)
    first.close()
    second = opened("coco", tmp_path / "file")
    second.write(result([tag("Plum")], "b.jpg"), None)
    assert read("coco", tmp_path / "file") == [("a.jpg", "Apple")]
    second.close()
    assert read("coco", tmp_path / "file") == [("b.jpg", "Plum")]


def test_a_coco_image_without_room_takes_its_annotations_back(tmp_path):
    sink = opened("coco", tmp_path / "file")
    sink.write(result([tag("Apple")], "a.jpg"), None)
    images = sink._image_file
    sink._image_file = Quota(images, 30)
    with pytest.raises(SinkError, match="No space left"):
        sink.write(result([tag("Plum"), tag("Fig", 2)], "b.jpg"), None)
    sink._image_file = images
    sink.write(result([tag("Pear")], "c.jpg"), None)
    sink.close()
    assert read("coco", tmp_path / "file") == [("a.jpg", "Apple"), ("c.jpg", "Pear")]
    whole = json.loads((tmp_path / "file").read_text("utf-8"))
    assert [a["id"] for a in whole["annotations"]] == [1, 2]


def test_a_cell_that_a_spreadsheet_would_run_is_text(tmp_path):
    sink = opened("csv", tmp_path / "file")
    sink.write(result([tag("=HYPERLINK(1)")], "a\nb.jpg"), None)
    sink.close()
    assert read("csv", tmp_path / "file") == [("a b.jpg", "'=HYPERLINK(1)")]


def test_the_lines_of_a_file_are_those_of_stdout(tmp_path):
    sink = opened("jsonl", tmp_path / "file", "#max-mb=1,keep=3,sync=always")
    one = result([tag("Apple")], "a.jpg")
    sink.write(one, None)
    sink.close()
    assert msgspec.json.decode((tmp_path / "file").read_bytes(), type=FrameTags) == one


@pytest.mark.parametrize("kind", sorted(SINKS))
def test_every_kind_opens_by_its_row(tmp_path, kind):
    pytest.importorskip("paho.mqtt.client", reason="pip install 'edge-tag[mqtt]'")
    role = SINKS[kind][0]
    where = f"{kind}:{tmp_path / 'x'}" if "tt" not in kind else f"{kind}://127.0.0.1:1/x"
    target = parse_target(where, SINKS)
    opener = {"sink": open_sink, "album": open_album}.get(role)
    sink = opener(target) if opener else open_carrier(target, SITE)
    sink.close()


def test_a_missing_package_is_told_with_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(SINKS, "mqtt", ("carrier", "nothing_of_that_name", "mqtt"))
    with pytest.raises(SinkError, match="needs the package 'nothing_of_that_name'") as caught:
        open_carrier(parse_target("mqtt://h/s", SINKS), SITE)
    assert caught.value.fix == "pip install 'edge-tag[mqtt]'"


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs Linux")
def test_the_name_of_a_new_file_is_on_the_disk_before_an_event_is_acknowledged(
    tmp_path, monkeypatch
):
    """Of a file whose folder was never written back a power cut may leave nothing."""
    synced, sync = [], os.fsync

    def noted(fd: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        sync(fd)

    monkeypatch.setattr(os, "fsync", noted)
    with closing(RotatingFile(tmp_path / "events", max_bytes=20, sync="always")) as file:
        file.append(b'{"first"}\n')
        assert synced == [str(tmp_path), str(tmp_path / "events")]
        synced.clear()
        file.append(b'{"second, aside"}\n')
        assert synced.index(str(tmp_path)) < len(synced) - 1
        assert synced[-1] == str(tmp_path / "events")
