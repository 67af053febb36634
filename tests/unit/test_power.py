"""Recorded boards, and what is read of them."""

from __future__ import annotations

import logging
import threading

import pytest

from edge.health import power
from edge.health.power import Power, read_power
from edge.health.usage import free_bytes, nearest
from edge.health.wall_clock import is_clock_synced
from edge.health.watch import BoardWatch
from edge.schedule.cooling import Held, Thermal
from tests.boards import JETSON, PC, PI, record


def test_a_pi_that_is_well(tmp_path):
    read = read_power(record(tmp_path, PI))
    assert read == Power({"cpu-thermal": 48.686}, (), (), 0.625)
    assert read.hottest_c == 48.686


@pytest.mark.parametrize(
    ("word", "now", "since_boot"),
    [
        ("50005", ("under-voltage", "throttled"), ("under-voltage", "throttled")),
        ("50000", (), ("under-voltage", "throttled")),
        ("80008", ("hot",), ("hot",)),
        ("2", ("capped",), ("capped",)),
        ("f000f", power.REASONS, power.REASONS),
        ("rubbish", (), ()),
        ("", (), ()),
    ],
)
def test_the_word_of_the_firmware(tmp_path, word, now, since_boot):
    read = read_power(record(tmp_path, PI, get_throttled=word))
    assert (read.now, read.since_boot) == (now, since_boot)


def test_where_the_word_is_no_file_the_command_is_asked(tmp_path):
    root = record(tmp_path, {k: v for k, v in PI.items() if "firmware" not in k})
    assert read_power(root, lambda: "throttled=0x50005\n").now == ("under-voltage", "throttled")
    assert read_power(root, lambda: "VCHI initialization failed").now == ()


def test_the_alarm_of_the_supply(tmp_path):
    assert read_power(record(tmp_path, PI, in0_lcrit_alarm="1")).now == ("under-voltage",)


def test_a_jetson_and_its_sensors_that_lie(tmp_path):
    read = read_power(record(tmp_path, JETSON))
    assert read == Power({"CPU-therm": 71.5, "GPU-therm": 69.0}, (), (), 1.0)
    slowed = read_power(record(tmp_path, JETSON, cooling_device0_cur_state="3"))
    assert (slowed.now, slowed.since_boot) == (("throttled",), ("throttled",))
    shed = read_power(record(tmp_path, JETSON, oc1_event_cnt="7", cooling_device0_cur_state="0"))
    assert (shed.now, shed.since_boot) == ((), ("throttled",))


def test_a_pc(tmp_path):
    read = read_power(record(tmp_path, PC))
    assert read.temperatures_c == {"acpitz": 27.8, "acpitz-1": 29.8, "x86_pkg_temp": 55.0}
    assert read.now == ()
    assert read.clock is None
    assert read_power(
        record(tmp_path, PC, cpu1_thermal_throttle_core_throttle_count="9")
    ).since_boot == ("throttled",)


def test_a_board_that_says_nothing(tmp_path):
    assert read_power(tmp_path) == Power()
    assert Power().hottest_c is None


def test_this_machine_can_be_read():
    assert set(read_power().now) <= set(power.REASONS)


def test_a_command_that_hangs_or_fails_is_nothing(tmp_path, monkeypatch):
    command = tmp_path / "vcgencmd"
    command.write_text("#!/bin/sh\necho throttled=0x1\n")
    command.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert power.read_throttled() == "throttled=0x1\n"
    command.write_text("no program\0")
    assert power.read_throttled() == ""
    command.unlink()
    assert power.read_throttled() == ""


# the watch


def test_the_watch_follows_the_board_and_says_what_changes(tmp_path, caplog):
    # two folders, for a look between two files of one that changes would see half of it
    folders = [
        record(tmp_path / "hot", PI, get_throttled="80008", temp="80100"),
        record(tmp_path / "cool", PI),
    ]
    looked = threading.Event()

    def read() -> Power:
        looked.set()
        return read_power(folders[-1])

    watch = BoardWatch(Thermal(40, 80), read, every_s=0.01)
    try:
        assert watch.held() == Held(pytest.approx(1 - 0.75 * 8.686 / 40), ())
        with caplog.at_level(logging.WARNING, "edge.health.watch"):
            folders.pop()
            for _ in range(3):
                looked.clear()
                assert looked.wait(5)
        assert watch.held() == Held(0.25, ("hot",))
        assert watch.power.hottest_c == 80.1
    finally:
        watch.close()
    assert [r.getMessage() for r in caplog.records] == [
        "the device says: hot (the budget is 25%)"
    ]  # once, however often it is looked at
    assert not any(t.name == "watch power" for t in threading.enumerate())


def test_a_supply_that_goes_to_and_fro_does_not_fill_a_log(caplog):
    weak = iter([Power(), Power(now=("under-voltage",))] * 50)
    with caplog.at_level(logging.DEBUG, "edge.health.watch"):
        watch = BoardWatch(None, lambda: next(weak), every_s=60)
        for _ in range(99):
            watch.look()
        watch.close()
    told = [r for r in caplog.records if r.levelno == logging.WARNING]
    assert (len(told), len(caplog.records)) == (1, 99)


def test_a_bug_in_looking_is_told_and_looking_goes_on(caplog):
    """The first look is at the start: a bug there is nobody's surprise."""
    answers = iter([Power(), ZeroDivisionError("bug"), Power(now=("hot",))])
    seen = threading.Event()

    def read() -> Power:
        answer = next(answers, Power(now=("hot",)))
        if isinstance(answer, Exception):
            raise answer
        if answer.now:
            seen.set()
        return answer

    watch = BoardWatch(None, read, every_s=0.01)
    with caplog.at_level(logging.ERROR, "edge.health.watch"):
        assert seen.wait(5)
    watch.close()
    assert "a bug" in caplog.text
    assert watch.held() == Held(1.0, ("hot",))  # no limits: told, and the budget stays


def test_room_is_that_of_the_nearest_folder(tmp_path):
    assert nearest(tmp_path / "a" / "b") == tmp_path
    assert (free_bytes(tmp_path / "a" / "b") or 0) > 0


def test_the_clock_is_right_or_not_or_nobody_knows():
    assert is_clock_synced() in (True, False, None)
