"""What Prometheus reads, read back with its own parser; and a run's health as a whole."""

from __future__ import annotations

import json
import logging
import re
import urllib.error
import urllib.request
from contextlib import closing

import pytest

from edge import extras
from edge.errors import UsageError
from edge.health.address import Door
from edge.health.notify import Notify
from edge.health.opened import HealthSettings, open_health
from edge.health.power import Power
from edge.health.vitals import Vitals
from edge.health.watch import BoardWatch
from edge.outbox.health import FileHealth, SinkHealth
from edge.outbox.ledger import Counts
from edge.schedule.cooling import FREE, Thermal
from edge.sources.faults import Faults
from tests.manual import MANUAL
from tests.unit.test_vitals import FAILED, TAGGED

pytest.importorskip("prometheus_client", reason="pip install 'edge-tag[health]'")
from prometheus_client.parser import text_string_to_metric_families

SINK = SinkHealth("mqtt://broker/shop", Counts(3, 41, 2, refused=1, waiting=9), failures=4)
FILE = FileHealth("snapshots:pics", written=9, left_out=2, removed=5)


class Away:
    """The mailbox of a camera that vanished, and was back once before."""

    def __init__(self) -> None:
        self.faults, self.is_away = Faults(), True
        for _ in range(2):
            self.faults.count("lost")
        self.faults.reconnects = 1


def page(tmp_path, cameras=("camera:0",)) -> str:
    from edge.health.metrics import Metrics

    vitals = Vitals(cameras, clock=lambda: 50.0)
    vitals.told(TAGGED, None, 49.5)
    vitals.told(FAILED, None, None)
    power = Power({"cpu": 75.0}, ("hot",), ("hot", "capped"), 0.5)
    with closing(BoardWatch(Thermal(70, 80), lambda: power, every_s=60)) as watch:
        boxes = {name: Away() for name in cameras}
        told = {"new": 7}
        counted = Metrics(
            vitals, watch, lambda: [SINK], tmp_path, boxes, lambda: [FILE], lambda: told
        )
        return counted.text().decode()


def samples(text: str) -> dict[str, float]:
    """`name{label=value}` -> value"""
    return {
        f"{s.name}{{{','.join(f'{k}={v}' for k, v in s.labels.items())}}}": s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def test_what_was_counted_is_there(tmp_path):
    read = samples(page(tmp_path))
    expected = {
        "edgetag_frames_total{camera=camera:0,outcome=tagged}": 1,
        "edgetag_frames_total{camera=camera:0,outcome=failed}": 1,
        "edgetag_camera_faults_total{camera=camera:0,kind=lost}": 2,
        "edgetag_camera_faults_total{camera=camera:0,kind=frozen}": 0,
        "edgetag_camera_reconnects_total{camera=camera:0}": 1,
        "edgetag_frame_seconds_bucket{camera=camera:0,le=0.1}": 0,
        "edgetag_frame_seconds_bucket{camera=camera:0,le=0.2}": 1,
        "edgetag_frame_seconds_bucket{camera=camera:0,le=+Inf}": 1,
        "edgetag_frame_seconds_count{camera=camera:0}": 1,
        "edgetag_frame_seconds_sum{camera=camera:0}": 0.12,
        "edgetag_engine_seconds_total{camera=camera:0}": 0.1,
        "edgetag_frame_age_seconds{camera=camera:0}": 0.5,
        "edgetag_since_frame_seconds{camera=camera:0}": 0,
        "edgetag_budget_overrun_total{camera=camera:0}": 1,
        "edgetag_sink_written_total{sink=snapshots:pics}": 9,
        "edgetag_sink_left_out_total{sink=snapshots:pics}": 2,
        "edgetag_sink_removed_total{sink=snapshots:pics}": 5,
        "edgetag_events_total{type=new}": 7,
        "edgetag_camera_up{camera=camera:0}": 0,
        "edgetag_ready{}": 1,
        "edgetag_looks_total{camera=camera:0,kind=crop}": 3,
        "edgetag_shed_total{camera=camera:0,why=aged}": 4,
        "edgetag_coverage_ratio{camera=camera:0}": 0.5,
        "edgetag_oldest_visit_seconds{camera=camera:0}": 2,
        "edgetag_outbox_events{sink=mqtt://broker/shop}": 3,
        "edgetag_outbox_sent_total{sink=mqtt://broker/shop}": 41,
        "edgetag_outbox_dropped_total{reason=room,sink=mqtt://broker/shop}": 2,
        "edgetag_outbox_dropped_total{reason=refused,sink=mqtt://broker/shop}": 1,
        "edgetag_outbox_waiting{sink=mqtt://broker/shop}": 9,
        "edgetag_sink_failures{sink=mqtt://broker/shop}": 4,
        "edgetag_device_temperature_celsius{sensor=cpu}": 75,
        "edgetag_throttled{reason=hot}": 1,
        "edgetag_throttled{reason=capped}": 0,
        "edgetag_throttled_since_boot{reason=capped}": 1,
        "edgetag_budget_ratio{}": 0.5,
        "edgetag_cpu_clock_ratio{}": 0.5,
        "edgetag_bundle_info{bundle=tiny@3,engine=null/CPU}": 1,
    }
    assert {name: read.get(name) for name in expected} == expected
    assert read["edgetag_process_resident_memory_bytes{}"] > 1 << 20
    assert read["edgetag_storage_free_bytes{}"] > 0
    assert read["edgetag_bytes_written_total{}"] >= 0


def test_names_have_the_prefix_and_base_units(tmp_path):
    families = list(text_string_to_metric_families(page(tmp_path)))
    for family in families:
        assert family.name.startswith("edgetag_")
        assert family.documentation
        assert not re.search(r"_(ms|mb|percent|minutes)(_|$)", family.name)
    assert len({family.name for family in families}) == len(families)


def test_files_are_one_label(tmp_path):
    labels = set(re.findall(r'camera="(.*?)"', page(tmp_path, cameras=())))
    assert labels == {"files"}


def test_the_manual_tells_each_metric_and_no_other(tmp_path):
    [table] = re.findall(r"^\| metric \|.*?\n\n", MANUAL, re.S | re.M)
    told = set(re.findall(r"`edgetag_(\w+)", table))
    there = {s.split("{")[0].removeprefix("edgetag_") for s in samples(page(tmp_path))}
    there = {re.sub(r"^(frame_seconds)_(bucket|sum|count)$", r"\1", name) for name in there}
    assert told == there | {"clock_synced"}  # not every kernel tells that one


# all of it, opened


def get(health, path: str):
    url = f"http://127.0.0.1:{health.server.port}{path}"
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.read().decode()


def test_pages_of_a_run():
    settings = HealthSettings(names=("a.jpg", "camera:0"), live=(1,), door=Door("127.0.0.1", 0))
    with closing(open_health(settings, list, Notify({}))) as health:
        assert get(health, "/healthz")[0] == 200
        status, body = get(health, "/readyz")
        assert (status, json.loads(body)["why"]) == (503, ["nothing was tagged yet"])
        health.report(TAGGED, None, 0.0)
        assert get(health, "/readyz")[0] == 200
        status, body = get(health, "/metrics")
        assert (status, "edgetag_ready 1.0" in body) == (200, True)


def test_nothing_is_opened_where_nothing_is_asked_for():
    with closing(open_health(HealthSettings(), list, Notify({}))) as health:
        assert health.server is None
        assert health.held() is FREE
        health.report(TAGGED, None, None)


def test_a_camera_that_its_schedule_keeps_off_is_well():
    told: list[str] = []

    class Told(Notify):
        def progressed(self, status: str) -> None:
            told.append(status)

    settings = HealthSettings(names=("a.jpg", "till"), live=(1,), door=Door("127.0.0.1", 0))
    with closing(open_health(settings, list, Told({}))) as health:
        health.off(1)
        health.off(0)
        assert get(health, "/readyz")[0] == 200
        health.report(FAILED, None, None)
    assert told == ["till: off, by its schedule", "a.jpg: off, by its schedule"]


@pytest.mark.parametrize("is_ready", [False, True])
@pytest.mark.parametrize("away", [(True, True), (True, False), ()])
def test_only_cameras_that_are_all_known_to_be_away_excuse_a_wait(is_ready, away):
    told: list[str] = []

    class Told(Notify):
        def say(self, *lines: str) -> bool:
            told.extend(lines)
            return True

    mailboxes = tuple(Away() for _ in away)
    for mailbox, is_away in zip(mailboxes, away, strict=True):
        mailbox.is_away = is_away
    notify = Told({"WATCHDOG_USEC": "1"})
    with closing(open_health(HealthSettings(mailboxes=mailboxes), list, notify)) as health:
        if is_ready:
            health.report(TAGGED, None, None)
        told.clear()
        tended = health.tended(lambda: True)
        assert tended()
        how = "WATCHDOG=1" if is_ready else "EXTEND_TIMEOUT_USEC=60000000"
        why = "STATUS=every camera is away, and tried again"
        assert told == ([how, why] if away == (True, True) else [])


def test_events_are_accepted_before_the_dog_is_fed():
    told: list[str] = []

    class Told(Notify):
        def progressed(self, status: str) -> None:
            told.append(status)

    with closing(open_health(HealthSettings(), list, Told({}))) as health:
        health.after(lambda *frame: told.append("accepted"))(TAGGED, None, None)
        health.after(None)(FAILED, None, None)  # a frame that failed feeds nothing
    assert told == ["accepted", "camera:0: frame 0 is tagged"]


def test_a_dog_that_bites_between_two_frames_is_told(caplog):
    with caplog.at_level(logging.WARNING, "edge.health.opened"):
        notify = Notify({"WATCHDOG_USEC": "60000000"})
        open_health(HealthSettings(every_s=45.0), list, notify).close()
    assert "WatchdogSec is 60 s and a frame comes each 45 s" in caplog.text


def test_a_missing_package_is_told_with_the_line_that_installs_it(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError("no", name="prometheus_client")

    monkeypatch.setattr(extras, "import_module", missing)
    with pytest.raises(UsageError, match="'prometheus_client', which is not") as caught:
        open_health(HealthSettings(door=Door("127.0.0.1", 0)), list, Notify({}))
    assert caught.value.fix == "pip install 'edge-tag[health]'"
