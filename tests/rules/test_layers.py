"""Who may import whom. Imports point down; the runtime never meets the workshop, nor torch."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.cli import VERBS

ROOT = Path(__file__).parents[2]
EDGE = ROOT / "edge"

RANKS: tuple[tuple[str, ...], ...] = (
    (
        "pictures",
        "glance",
        "schedule",
        "memory",
        "explain",
        "heads",
        "length",
        "events",
        "outbox",
        "health",
        "doctor",
        "config",
        "bench",
        "markup",
        "boards",
        "verbs",
        "live",
        "opening",
    ),  # no code: a docstring
    (
        "errors",
        "aside",
        "clock",
        "homes",
        "spelling",
        "pictures.suffixes",
        "sysfs",
        "engines.processor",
        "markup.svg",
        "markup.html",
    ),
    (
        "records",
        "store",
        "outage",
        "strict",
        "bounded",
        "process",
        "pictures.stems",
        "redact",
        "verbs.flags",
        "extras",
    ),
    (
        *(
            "bundle.files",
            "bundle.manifest",
            "bundle.curves",
            "pictures.regions",
            "pictures.lab",
            "schedule.plan",
            "schedule.cost",
        ),
        *("glance.gate", "memory.cells", "heads.text_vectors"),
        *("events.event", "events.zones", "outbox.sequence", "schedule.cooling", "doctor.finding"),
        *("sources.faults", "sources.pacing", "sources.usb", "sources.commands"),
        *("boards.clock", "boards.work", "boards.snapshot"),
        *("health.power", "health.wall_clock", "health.notify", "health.address", "health.usage"),
        *("bench.energy", "markup.document", "explain.ink"),
        "live.jobs",
    ),
    ("bench.line", "events.sights", "bundle.keys", "bundle.installed"),
    ("bundle.signature",),
    (
        *("sources.newest", "boards.profiles", "events.changes", "outbox.database"),
        *("sinks.target", "sinks.retention", "sinks.discovery"),
        *("pictures.buffers", "pictures.headers", "pictures.planes"),
        *("health.watch", "health.serving", "health.vitals", "doctor.anonymous"),
        *("config.records", "config.problems", "boards.recognise"),
        *("bench.samples", "bench.verdict", "bench.host", "bench.files", "bench.roofline"),
        *("bench.plots", "bench.table"),
        *("live.access", "live.files"),
    ),
    (
        *("bundle.manifest_read", "pictures.pixels", "heads.scores", "glance.heat", "memory.fuse"),
        *("heads.rows", "heads.gallery_fit", "outbox.ledger", "sinks.rotating"),
        *("sinks.mqtt_address", "health.server"),
        *("explain.lettering", "engines", "sources.decoder", "boards.predict"),
        "sources.request",
        *("bench.report",),
    ),
    (
        "pictures.calibration_set",
        *("memory.appearance", "memory.evidence", "explain.column", "sources.judging"),
        *("memory.places", "outbox.health", "outbox.box"),
        *("schedule.candidates", "schedule.pace", "schedule.shares", "glance.parts"),
        *("heads.colour", "heads.worn", "heads.negatives", "heads.gallery"),
        *("boards.chosen", "boards.virtual"),
    ),
    ("length.midline", "length.plane", "length.ground", "length.outline", "sources.lasting"),
    ("length.ends", "length.plane_file", "length.colours", "outbox.reporter"),
    ("sinks.broker", "sinks.cutouts"),
    ("length.pieces",),
    ("length.mask",),
    ("length.regressor", "length.board"),
    ("length.measure", "length.board_picture"),
    ("length.follow", "length.choose", "length.calibrating"),
    ("length.tags",),
    ("length.ruler",),
    (
        *("memory.tracks", "memory.sweep", "schedule.steady", "schedule.spending"),
        *("heads.views", "outbox.delivery", "health.metrics"),
    ),
    ("health.pages", "memory.faint", "memory.motion", "memory.tags", "memory.views"),
    ("health.opened", "boards.applied", "boards.listing"),
    ("memory.things",),
    ("memory.parts", "memory.place_tags"),
    ("memory.known",),
    ("seen",),
    ("frames.launches", "frames.budgets"),
    ("frames.begun",),
    ("frames.closer_looks", "frames.measuring"),
    ("frames.frame",),
    ("bundle.read", "frames", "sources"),
    ("bundle", "sources.several", "sources.ahead"),
    (
        *("bundle.write", "bundle.golden", "bundle.losses", "bundle.in_use", "bundle.summary"),
        *("bundle.notices",),
        *("pictures.prepare", "glance.looking", "explain.map"),
    ),
    (
        *("heads.gallery_file", "heads.gallery_path", "heads.vocabulary", "heads.attributes"),
        *("length.packed", "bundle.signing"),
    ),
    ("heads.embedded",),
    ("heads.added", "heads.chosen"),
    ("explain.panel",),
    ("explain.picture",),
    ("tagger.answers", "tagger.turns"),
    ("tagger.tagger",),
    ("tagger.opened",),
    ("sinks", "tagger", "config.hours", "config.masks", "config.merge", "config.wanted"),
    ("heads.examples", "config.read", "config.shown", "config.zones", "config.here"),
    ("bench.scene", "bench.staged"),
    ("bench.measuring",),
    ("bench.running", "bench.choosing"),
    ("config.watch", "config.subcommands"),
    ("config.applied",),
    ("live.shots",),
    ("live.stills",),
    ("live.window",),
    ("live.shown",),
    ("live.actions",),
    ("live.stream", "live.posts"),
    ("live.server",),
    ("pipeline.tagged",),
    ("pipeline.turns",),
    ("pipeline.running",),
    ("pipeline", "bundle.audit", "heads.enrolling"),
    ("outbox.opened", "bundle.installing"),
    ("sinks.recipients", "doctor.cameras", "doctor.tagging"),
    ("doctor.machine", "live.opened"),
    ("doctor.report",),
    (
        *("opening.defaults", "opening.sources", "opening.tagger", "opening.view"),
        "opening.progress",
    ),
    ("opening.results", "opening.listeners"),
    ("verbs.run_flags",),
    (
        *("verbs.run", "verbs.enroll", "verbs.capture", "verbs.calibrate", "verbs.check"),
        *("verbs.doctor", "verbs.config", "verbs.devices", "verbs.bench"),
    ),
    ("verbs.bundle",),
    ("cli",),
    ("__main__",),
)
RANK = {module: rank for rank, modules in enumerate(RANKS) for module in modules}
OPEN = {"engines", "sources", "sinks"}  # a new member of these needs no rank: it has the package's

ANYWHERE = {"numpy", "cv2", "msgspec"}  # what the runtime is made of
IN_ONE_PLACE = {  # other packages -> the only module that may import them
    "av": "sources.decoder",
    "onnxruntime": "engines.ort",
    "openvino": "engines.ov",
    "ai_edge_litert": "engines.tfl",
    "tflite_runtime": "engines.tfl",
    "tqdm": "sinks.progress",
    "paho": "sinks.broker",
    "prometheus_client": "health.metrics",
    "cryptography": "bundle.curves",
}
LATE = {"opening", "verbs", "__init__"}  # may import inside functions: to start quickly

FILES = sorted(EDGE.rglob("*.py"))


def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text("utf-8"))


def module_of(file: Path) -> str:
    """edge/sources/clips.py -> sources.clips; edge/sources/__init__.py -> sources"""
    parts = file.relative_to(EDGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Full names of the modules imported anywhere in `tree`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            assert node.module is not None
            yield node.module
            full = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name for name in full if is_ours(name))


def is_ours(name: str) -> bool:
    """True when `edge.x.y` is a module and not a name inside one."""
    path = ROOT.joinpath(*name.split("."))
    return name.startswith("edge.") and (path.is_dir() or path.with_suffix(".py").is_file())


def faults(module: str, source: str) -> list[str]:
    """What a module imports and may not."""
    tree = ast.parse(source)
    found = [fault for name in imports_of(tree) if (fault := fault_of(module, name))]
    if module.split(".")[0] not in LATE:
        found += [f"{module}: imports inside {where}" for where in late_imports(tree)]
    return found


def fault_of(module: str, name: str) -> str:
    package, _, rest = name.partition(".")
    if package != "edge":
        is_free = package in sys.stdlib_module_names or package in ANYWHERE
        is_home = IN_ONE_PLACE.get(package) == module
        return "" if is_free or is_home else f"{module}: imports {package}"
    if module == "__init__" or not rest:  # `edge` itself holds the version and nothing to load
        return ""
    if ranked(rest) not in RANK:
        return f"{module}: imports {name}, which has no rank"
    if rest in OPEN and ranked(module) == rest and module != rest:
        return ""  # a member may know its own package's contract
    is_below = RANK[ranked(rest)] < RANK[ranked(module)]
    return "" if is_below else f"{module}: imports {name}, which is not below it"


def ranked(module: str) -> str:
    """The name under which `module` stands in the ranks: its own, or that of its open package."""
    package = module.split(".")[0]
    return package if package in OPEN and module not in RANK else module


def late_imports(tree: ast.AST) -> list[str]:
    functions = (n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))
    return [
        function.name
        for function in functions
        if any(isinstance(n, ast.Import | ast.ImportFrom) for n in ast.walk(function))
    ]


@pytest.mark.parametrize("file", FILES, ids=module_of)
def test_a_module_imports_only_what_lies_below_it(file):
    assert faults(module_of(file), file.read_text("utf-8")) == []


def test_every_module_has_a_rank_and_every_rank_a_module():
    modules = {ranked(module_of(file)) for file in FILES} - {"__init__"}
    assert modules == set(RANK)
    assert len(RANK) == sum(map(len, RANKS))  # one each


LIST = re.compile(r"^(\w+)  +\S", re.MULTILINE)  # a line of a package's docstring: a module
LISTS = [
    f for f in FILES if f.stem == "__init__" and LIST.search(ast.get_docstring(parsed(f)) or "")
]


@pytest.mark.parametrize("file", LISTS, ids=module_of)
def test_a_package_that_lists_its_modules_lists_all_of_them(file):
    listed = LIST.findall(ast.get_docstring(parsed(file)) or "")
    assert sorted(listed) == sorted(f.stem for f in file.parent.glob("*.py") if f != file)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("memory.fuse", "import edge.tagger"),
        ("memory.fuse", "from edge import pipeline"),
        ("memory.fuse", "import torch"),
        ("memory.fuse", "from quantize import data"),
        ("memory.fuse", "import tqdm"),
        ("memory.fuse", "from edge.heads.scores import softmax"),
        ("memory.fuse", "from edge.memory import known"),
        ("memory.fuse", "from edge.bundle import Head"),
        ("memory", "from edge.memory.known import Memory"),
        ("bundle.read", "from edge.bundle import Head"),
        ("sources.newest", "from edge.sources import Source"),
        ("sources.decoder", "from edge.sources.clips import Clips"),
        ("sources.clips", "from edge.sources import camera"),
        ("sources.clips", "import edge.sources.camera"),
        ("engines.ort", "import openvino"),
        ("cli", "import onnxruntime"),
        ("verbs.run", "def main():\n    import onnxruntime"),
        ("verbs.run", "from edge.verbs.check import main"),
        ("tagger", "def f():\n    import json"),
        ("tagger", "import edge.nonsense"),
        ("tagger", "import edge.pictures.nonsense"),
    ],
)
def test_the_rule_itself_finds_faults(module, source):
    assert faults(module, source)


def modules_of_python(statement: str) -> set[str]:
    """In memory after `statement`, in a fresh one."""
    code = f"{statement}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(ran.stdout.splitlines()[-1]))


def loaded_by(statement: str) -> set[str]:
    """Top-level packages of those."""
    return {name.split(".")[0] for name in modules_of_python(statement)}


HEAVY = {"torch", "quantize", "cv2", "numpy", "msgspec", "tqdm", "PIL", *IN_ONE_PLACE}


@pytest.mark.parametrize(
    "statement",
    ["import edge", "import edge.cli", "from edge import EdgeError"]
    + [f"import {module}" for module in VERBS.values()],
)
def test_an_import_loads_nothing_heavy(statement):
    assert loaded_by(statement) & HEAVY == set()


def test_a_tagger_loads_no_engine_before_it_is_opened_and_never_torch():
    """R20: neither torch nor transformers, timm, torchvision; E measures time and memory."""
    assert (
        loaded_by("import edge; edge.open_tagger") & (HEAVY - {"cv2", "numpy", "msgspec"}) == set()
    )


UNUSED = (  # by one picture: what a start would take longer with
    *("edge.boards", "edge.config", "edge.length", "edge.live", "edge.outbox", "edge.health.watch"),
    *("edge.heads.added", "edge.heads.gallery", "edge.sources.lasting", "socket", "tqdm"),
)


def test_tagging_a_picture_loads_nothing_that_it_does_not_use(tiny_bundle, tmp_path):
    picture = tmp_path / "a.png"
    picture.write_bytes((tiny_bundle / "golden" / "red.png").read_bytes())
    words = ["--json", "--no-gallery", "--bundle", str(tiny_bundle), str(picture)]
    loaded = modules_of_python(f"from edge.cli import main; assert main({words}) == 0")
    assert "edge.tagger" in loaded
    assert [n for n in loaded if any(n == u or n.startswith(f"{u}.") for u in UNUSED)] == []


def test_public_names_are_sorted_and_there():
    import edge

    assert edge.__all__ == sorted(edge.__all__)
    assert all(getattr(edge, name) for name in edge.__all__)
    with pytest.raises(AttributeError, match="nonsense"):
        edge.nonsense  # noqa: B018


def test_the_version_is_the_packages():
    import edge

    assert f'version = "{edge.__version__}"' in (ROOT / "pyproject.toml").read_text("utf-8")
