"""A config file: what is read, all that is refused at once, what flags change, what is shown."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from edge.cli import parse as words
from edge.config.applied import configured
from edge.config.hours import is_on
from edge.config.read import MAX_BYTES, MOST, parse, read
from edge.config.records import Camera, Config, Hours
from edge.config.shown import schema, toml
from edge.config.watch import Watch
from edge.errors import ConfigError, UsageError
from edge.events.zones import ANYWHERE
from edge.schedule.cooling import Thermal

CANARY = "canary7f3a"
GOOD = """\
budget_ms = 200
engine = "onnxruntime"
provider = "CUDA"
plane = "belt.json"
outbox_mb = 5

[[cameras]]
name = "door"
url = "rtsp://u:canary7f3a@cam/1?token=canary7f3a"
fps = 2
zones.till = [[0, 0.5], [1, 0.5], [1, 1]]
privacy = [[[0, 0], [0.2, 0], [0.2, 0.2]]]
schedule = [{days = ["mon", "tue"], from = "08:00", to = "18:00"}]

[[cameras]]
name = "belt"
url = "camera:0"
every_s = 3

[heads.clothes]
threshold = 0.6
[heads.fish]
on = false

[targets]
broker = "mqtt://broker/shop"
hook = "https://example.org/canary7f3a#token-env=HOOK"
"""


def refused(text: str | bytes) -> list[str]:
    """Every error, as it is said."""
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(ConfigError) as caught:
        parse(data, "edge.toml")
    return [f"{e} | {e.fix}" for e in (caught.value, *caught.value.also)]


def camera(more: str) -> str:
    return f'[[cameras]]\nname = "a"\nurl = "camera:0"\n{more}\n'


def test_what_is_written_is_what_is_read():
    config = parse(GOOD.encode(), "edge.toml")
    door, belt = config.cameras
    assert (door.name, door.pace_s, belt.pace_s) == ("door", 0.5, 3.0)
    assert door.zones == {"till": ((0, 0.5), (1, 0.5), (1, 1))}
    assert door.schedule == (Hours(("mon", "tue"), "08:00", "18:00"),)
    assert config.heads["clothes"].threshold == 0.6
    assert not config.heads["fish"].on
    assert config.targets["broker"] == "mqtt://broker/shop"


def test_a_file_that_says_nothing_is_a_config_of_defaults_and_an_empty_one_was_lost():
    assert parse(b"# nothing yet", "edge.toml") == Config()
    with pytest.raises(ConfigError, match="file is empty, as a power cut may leave one"):
        parse(b" \n", "edge.toml")


DOTS = "." * 40


@pytest.mark.parametrize(
    "text",
    [
        f"whole = true  # {DOTS}",
        f"whole = true\nbundle = '{DOTS}'",
        f'whole = true\nbundle = "\\"{DOTS}"',
        f'bundle = """\n\\"""{DOTS}"""\nwhole = true',
        f"bundle = '''a\n{DOTS}'''\nwhole = true",
    ],
)
def test_dots_in_a_comment_or_a_text_are_no_key_of_many_parts(text):
    assert parse(text.encode(), "edge.toml").whole


def test_all_faults_are_told_at_once_each_with_its_key():
    said = refused(
        'budgetms = 1\nthreads = 0\n[[cameras]]\nname = "a b"\nulr = "x"\n'
        "zones.z = [[0, 0], [1, 1.5], [nan, 1]]\n"
        'schedule = [{days = ["munday"], from = "8"}]\n[heads.fish]\ntreshold = 1\n'
    )
    assert [line.split(": ")[1] for line in said] == [
        "budgetms", "cameras[0].ulr", "cameras[0].url", "cameras[0].name",
        "cameras[0].zones.z[1][1]", "cameras[0].zones.z[2][0]", "cameras[0].schedule[0].days[0]",
        "cameras[0].schedule[0].from", "heads.fish.treshold", "threads",
    ]  # fmt: skip
    assert all(line.startswith("edge.toml: ") and "expected" in line for line in said)
    assert said[0].endswith("did you mean 'budget_ms'?")
    assert said[1].endswith("did you mean 'url'?")
    assert "1.5 is found, expected a number, 0 to 1" in said[4]
    assert "did you mean 'mon'?" in said[6] or "expected one of mon" in said[6]
    assert "expected a time like" in said[7]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a = ", "expected TOML"),
        ("\xff", "expected TOML"),
        ("threads = 1\nthreads = 2", "expected TOML"),
        ("threads = true", "threads: true is found, expected a whole number"),
        ("threads = 1.5", "threads: 1.5 is found"),
        (f"threads = {'9' * 400}", "threads: a very large number is found"),
        ("budget_ms = inf", "budget_ms: inf is found, expected a number"),
        ("budget_ms = -1", "budget_ms: -1 is found, expected ms, 0 or more"),
        ("cameras = 1", "cameras: 1 is found, expected an array"),
        ("cameras = [1]", "cameras[0]: 1 is found, expected"),
        ("heads = []", "heads: an array of 0 is found, expected a table"),
        ('bundle = ""', "bundle: '' is found, expected a text, not empty"),
        ("bundle = 1979-05-27", "bundle: 1979-05-27 is found, expected a text"),
        (camera("fps = 0"), "cameras[0].fps: 0 is found, expected frames a second, above 0"),
        (camera("fps = 1\nevery_s = 1"), "cameras[0]: fps and every_s are found, expected one"),
        (camera("ignore = [[[0, 0], [1, 1]]]"), "ignore[0]: an array of 2 is found, expected 3 to"),
        (camera("ignore = [[[0, 0, 0], [0, 1], [1, 0]]]"), "ignore[0][0]: an array of 3"),
        (camera("privacy = [[[0, 0], [1, 1], [0.5, 0.5]]]"), "privacy[0] encloses nothing"),
        (
            camera('zones."a/b" = [[0, 0], [1, 0], [1, 1]]'),
            "zones.a/b: 'a/b' is found, expected 1 to 64 letters",
        ),
        (camera('schedule = [{from = "09:00", to = "09:00"}]'), "expected two times"),
        (camera('schedule = [{from = "24:00"}]'), "expected two times"),
        (camera("schedule = [{days = []}]"), "schedule[0].days: an array of 0 is found"),
        (camera("") * 2, "cameras[1].name: 'a' is found twice, expected once"),
        (camera("") * 2, "cameras[1].url: the url of another camera"),
        ("[heads.fish]\nthreshold = 60", "heads.fish.threshold: 60 is found, expected a number, 0"),
        ('[targets]\na = "mqt://b/c"', "targets.a: 'mqt://b/c' is given, expected jsonl:..."),
        ('[targets]\na = "jsonl:f"\nb = "jsonl:f"', "targets.b: jsonl:f is found twice"),
        ('[targets]\na = "mqtt://b/c#usr=cam"', "targets.a: mqtt://b/c: option 'usr' is unknown"),
        ('[[cameras]]\nname = "a"\nurl = "rstp://cam/1"', "cameras[0].url: rstp:// is found"),
        ('whole = "yes"', "whole: 'yes' is found, expected true or false"),
    ],
)
def test_a_wrong_value_is_told_with_what_was_expected(text, says):
    assert any(says in line for line in refused(text)), refused(text)


def test_endless_faults_are_counted():
    said = refused("".join(f"key{n} = 1\n" for n in range(MOST + 5)))
    assert len(said) == MOST + 1
    assert "5 more problems" in said[-1]


def test_a_file_that_is_too_large_is_not_parsed(tmp_path):
    (tmp_path / "edge.toml").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="expected a config file"):
        read(tmp_path / "edge.toml")


@pytest.mark.parametrize(
    "text",
    [
        f'password = "{CANARY}"',
        f'[[cameras]]\nname = "rtsp://u:{CANARY}@cam"\nurl = ""',
        f'[[cameras]]\nname = "a"\nurl = ["rtsp://u:{CANARY}@cam"]',
        f'[targets]\na = "mqtt://u:{CANARY}@broker/x"',
        f'[targets]\na = "mqqt://u:{CANARY}@broker/x"',
        f'[targets]\na = "https://example.org/{CANARY}#timout=4"\nb = 1',
    ],
)
def test_no_error_shows_a_credential(text):
    assert CANARY not in "".join(refused(text))


def test_what_is_shown_is_whole_reads_the_same_and_holds_no_credential():
    text = toml(parse(GOOD.encode(), "edge.toml"))
    assert CANARY not in text
    again = parse(text.replace("/***", "/x").encode(), "shown.toml")
    config = parse(GOOD.encode(), "edge.toml")
    assert again.cameras[1] == config.cameras[1]
    assert again.cameras[0].url == "rtsp://cam/1"
    assert (again.heads, again.budget_ms) == (config.heads, config.budget_ms)


def test_a_camera_is_shown_with_its_options_and_no_credential():
    urls = {
        f"rtsp://u:{CANARY}@cam/1#timeout=3,user=x": "rtsp://cam/1#timeout=3,user=x",
        f"rtsp://cam/1#password={CANARY}": "rtsp://cam/1#password=***",
        "test://belt?fps=5&freeze=60:15": "test://belt?fps=5&freeze=60:15",
    }
    for url, shown in urls.items():
        assert parse(toml(Config((Camera("a", url),))).encode(), "x").cameras[0].url == shown


def test_odd_texts_survive_being_shown():
    odd = 'a"b\\c\x7f\n\u2028\U0001f41f'
    config = Config((Camera("a", odd),))
    assert parse(toml(config).encode(), "x").cameras[0].url == odd


def test_the_schema_knows_every_key():
    found = json.loads(schema())
    assert set(found["$defs"]["Config"]["properties"]) == set(Config.__struct_fields__)
    assert {"from", "to", "days"} == set(found["$defs"]["Hours"]["properties"])
    assert found["$defs"]["Camera"]["additionalProperties"] is False


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="No such file") as caught:
        read(tmp_path / "edge.toml")
    assert caught.value.exit_code == 78
    with pytest.raises(ConfigError, match="no path"):
        read(Path("a\0b"))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "edge.toml"
    path.write_text(GOOD)
    return path


def applied(file, *more: str):
    flags = words(["run", "--config", str(file), *more])
    return flags, configured(flags, lambda: False)


def test_a_file_fills_the_flags(file):
    flags, found = applied(file)
    assert [c.name for c in found.cameras] == ["door", "belt"]
    assert flags.sources == [found.cameras[0].url, "camera:0"]
    assert (flags.paces_s, flags.names) == ([0.5, 3.0], ["door", "belt"])
    assert (flags.engine, flags.provider, flags.plane) == ("onnxruntime", "CUDA", "belt.json")
    assert (flags.budget_ms, flags.outbox_mb, len(flags.to)) == (200, 5, 2)


EVERY = """
thermal = {warm_c = 70, hot_c = 80}
health = "127.0.0.1:9464"
vocabulary = "shop.tags"
mm_per_px = 0.5
outline = "outline/"
length_to = "fork"
top_k = 3
whole = true
explain = "why/"
explain_every_s = 60
explain_keep = 9
[[cameras]]
name = "door"
url = "camera:0"
zones.till = [[0, 0], [1, 0], [1, 1]]
required_zones = ["till"]
loiter_s = {till = 5}
"""


def test_every_flag_of_a_daemon_has_a_key_and_wins_over_it(tmp_path):
    file = tmp_path / "edge.toml"
    file.write_text(EVERY)
    assert parse(toml(parse(EVERY.encode(), "x")).encode(), "x") == parse(EVERY.encode(), "x")
    flags, found = applied(file)
    assert flags.thermal == Thermal(70, 80)
    assert (flags.health, flags.vocabulary, flags.outline) == (
        "127.0.0.1:9464", "shop.tags", "outline/",
    )  # fmt: skip
    assert (flags.mm_per_px, flags.plane, flags.length_to) == (0.5, None, "fork")
    assert (flags.top_k, flags.whole) == (3, True)
    assert (flags.explain, flags.explain_every_s, flags.explain_keep) == ("why/", 60, 9)
    rules = Watch(found.cameras).zone_rules("door")
    assert (rules.required, rules.loiter_s) == (("till",), {"till": 5})
    assert Watch(found.cameras).zone_rules("photo.jpg") == ANYWHERE
    flags, _ = applied(
        file, "--thermal", "60:90", "--plane", "p.json", "--length-to", "tips", "--health", ":1",
    )  # fmt: skip
    assert (flags.thermal, flags.health, flags.length_to) == ((60, 90), ":1", "tips")
    assert (flags.plane, flags.mm_per_px) == ("p.json", None)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('health = "nonsense"', "expected HOST:PORT"),
        ('health = "0.0.0.0:9464"', "not loopback and there is no token"),
        ('health = "nonsense"\nhealth_token_file = "x"', "expected HOST:PORT"),
        ('health_token_file = "x"', "no health is found"),
        ('live = "0.0.0.0:8464"', "live: 0.0.0.0 is not loopback and there is no token"),
        ('live_token_file = "x"', "no live is found"),
        ('plane = "p"\nmm_per_px = 1', "plane is found too"),
        ("thermal = {warm_c = 80, hot_c = 70}", "expected it to rise"),
        ("thermal = {warm = 80}", "warm_c"),
        ('[[cameras]]\nname="a"\nurl="b"\nrequired_zones = ["till"]', "zone 'till' is found"),
        ('[[cameras]]\nname="a"\nurl="b"\nloiter_s = {x = 1}', "zone 'x' is found"),
    ],
)
def test_keys_that_do_not_go_together_are_told(text, says):
    with pytest.raises(ConfigError) as caught:
        parse(text.encode(), "edge.toml")
    assert says in " ".join(map(str, (caught.value, *caught.value.also)))


def test_flags_win_over_the_file(file):
    flags, _ = applied(
        file, "--budget-ms", "50", "--every-s", "0", "--to", "jsonl:x", "--engine", "tflite",
        "--mm-per-px", "2", "--outbox-mb", "9",
    )  # fmt: skip
    assert (flags.budget_ms, flags.paces_s, flags.to) == (50, [0, 0], ["jsonl:x"])
    assert (flags.engine, flags.provider, flags.plane) == ("tflite", None, None)
    assert flags.outbox_mb == 9


def test_an_input_chooses_a_camera_by_name_or_url_or_is_a_stranger(file):
    flags, found = applied(file, "belt")
    assert (flags.sources, [c.name for c in found.cameras]) == (["camera:0"], ["belt"])
    assert [c.name for c in applied(file, "--camera", "0")[1].cameras] == ["belt"]
    flags, found = applied(file, "photo.jpg")
    assert (flags.sources, found.cameras, flags.names) == (["photo.jpg"], [None], [None])


def test_a_misspelt_camera_is_told_with_the_nearest_one(file):
    with pytest.raises(UsageError, match="no camera of the config file has this name") as caught:
        applied(file, "blet")
    assert caught.value.fix == "did you mean 'belt'?"


def test_no_camera_and_no_input_is_refused(tmp_path):
    (tmp_path / "e.toml").write_text("#")
    with pytest.raises(UsageError, match="no camera is in it"):
        applied(tmp_path / "e.toml")
    with pytest.raises(UsageError):
        words(["run"])
    with pytest.raises(UsageError, match="no file is given"):
        words(["config", "check"])


MONDAY = datetime(2026, 1, 5)


@pytest.mark.parametrize(
    ("hours", "day", "time", "answer"),
    [
        (Hours(), 0, (0, 0), True),
        (Hours(), 6, (23, 59), True),
        (Hours(("mon",), "08:00", "18:00"), 0, (8, 0), True),
        (Hours(("mon",), "08:00", "18:00"), 0, (7, 59), False),
        (Hours(("mon",), "08:00", "18:00"), 0, (18, 0), False),
        (Hours(("mon",), "08:00", "18:00"), 1, (9, 0), False),
        (Hours(("mon",), "22:00", "06:00"), 0, (23, 0), True),
        (Hours(("mon",), "22:00", "06:00"), 1, (5, 59), True),
        (Hours(("mon",), "22:00", "06:00"), 1, (6, 0), False),
        (Hours(("mon",), "22:00", "06:00"), 0, (5, 0), False),  # that was Sunday's night
        (Hours(("sun",), "22:00", "06:00"), 0, (5, 0), True),
        (Hours(("sun",), "22:00", "24:00"), 6, (23, 59), True),
    ],
)
def test_hours(hours, day, time, answer):
    now = MONDAY.replace(day=5 + day, hour=time[0], minute=time[1])
    assert is_on((hours,), now) is answer
    assert is_on((), now)
