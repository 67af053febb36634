"""A config file's bytes -> `Config`, or everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from edge import bounded
from edge.config.problems import Problem, problems
from edge.config.records import Config
from edge.errors import ConfigError, UsageError
from edge.health.address import parse_address, parse_door
from edge.sinks import SINKS
from edge.sinks.target import parse_target
from edge.spelling import nearest

SCHEMES = (
    *("rtsp://", "rtsps://", "http://", "https://", "v4l2://"),
    *("csi://", "libcamera://", "file://", "test://"),
)
SCHEME = re.compile(r"[A-Za-z][\w+.-]*://")
MAX_BYTES = 256 * 2**10
MOST = 20  # problems that are told
SCHEMA = "edge-tag config schema tells what may stand there"
DEEP = re.compile(rb"(?:\.[^.\[\]{},=\n]*){33}")  # a.b.c. and so on
TEXTS = re.compile(  # and comments; what is not closed goes to its end: no second try
    rb'"{3}(?:\\?.)*?(?:"{3,5}|\Z)'
    rb"|'{3}.*?(?:'{3,5}|\Z)"
    rb'|"(?:\\[^\n]|[^"\\\n])*"?'
    rb"|'[^'\n]*'?"
    rb"|#[^\n]*",
    re.DOTALL,
)


def nothing(config: Config) -> Iterable[Problem]:
    """More to look for."""
    return ()


def read(path: Path, more: Callable[[Config], Iterable[Problem]] = nothing) -> Config:
    """The config in a file. Raises ConfigError: its first fault, the others in `also`; what `more`
    finds is among them, once every key is of its kind.
    """
    fix = "name a config file, in TOML"
    return parse(bounded.read(path, MAX_BYTES, ConfigError, "a config file", fix), str(path), more)


def parse(data: bytes, where: str, more: Callable[[Config], Iterable[Problem]] = nothing) -> Config:
    """`where`, the file, opens every error. Its length is for the caller to limit. Raises
    ConfigError as `read` does.
    """
    if not data.strip():  # and the defaults would take the masks off a camera
        raise ConfigError(
            f"{where}: file is empty, as a power cut may leave one",
            fix="bring back a copy; a comment alone is a config that says nothing",
        )
    if DEEP.search(TEXTS.sub(b"", data)):
        # Python's reader takes minutes for a key of many thousand parts
        raise ConfigError(
            f"{where}: a key of many parts (a.b.c...) is found, expected a few", fix=SCHEMA
        )
    try:
        table = msgspec.toml.decode(data)
    except (msgspec.DecodeError, ValueError, RecursionError) as e:
        raise ConfigError(
            f"{where}: {_short(e)}, expected TOML",
            fix="mend that line: texts in quotes, each key once, each [table] on a line",
        ) from e
    refuse(problems(table, Config), where)
    config = msgspec.convert(table, Config)
    found = [*_twice(config), *_sources(config), *_targets(config), *_together(config)]
    refuse([*found, *more(config)], where)
    return config


def refuse(found: Sequence[Problem], where: str) -> None:
    """Raises ConfigError when there is any."""
    if not found:
        return
    told = [
        ConfigError(f"{where}: {p.key}: {p.says}" if p.key else f"{where}: {p.says}", fix=p.fix)
        for p in found[:MOST]
    ]
    if len(found) > MOST:
        told.append(ConfigError(f"{where}: {len(found) - MOST} more problems", fix=SCHEMA))
    told[-1].fix = told[-1].fix or SCHEMA
    raise ConfigError(str(told[0]), fix=told[0].fix, also=told[1:])


def _short(e: BaseException) -> str:
    return str(e).splitlines()[0][:200] if str(e) else type(e).__name__


def _twice(config: Config) -> Iterator[Problem]:
    """Names that two would have."""
    for n, camera in enumerate(config.cameras):
        before = config.cameras[:n]
        if camera.name in [other.name for other in before]:
            yield Problem(f"cameras[{n}].name", f"{camera.name!r} is found twice, expected once")
        if camera.url in [other.url for other in before]:
            yield Problem(f"cameras[{n}].url", "the url of another camera, expected one of its own")


def _targets(config: Config) -> Iterator[Problem]:
    places: set[str] = set()
    for name, text in config.targets.items():
        key = f"targets.{name}"
        try:
            parsed = parse_target(text, SINKS)
        except UsageError as e:
            yield Problem(key, str(e).removeprefix("--to: "), e.fix)
            continue
        if parsed.place in places:
            yield Problem(key, f"{parsed.shown} is found twice, expected once")
        places.add(parsed.place)


def _together(config: Config) -> Iterator[Problem]:
    """Keys that need, or exclude, one another."""
    if config.plane is not None and config.mm_per_px is not None:
        yield Problem("mm_per_px", "plane is found too, expected one of them")
    yield from _door("health", config.health, config.health_token_file)
    yield from _door("live", config.live, config.live_token_file)


def _door(key: str, where: str | None, token_file: str | None) -> Iterator[Problem]:
    if where is None:
        if token_file is not None:
            yield Problem(f"{key}_token_file", f"no {key} is found, expected both")
    else:
        try:
            if token_file is None:
                parse_door(where, None, f"--{key}")
            else:  # which may lie on another machine
                parse_address(where, f"--{key}")
        except UsageError as e:
            fix = e.fix.replace(f"--{key}-token-file FILE", f'{key}_token_file = "FILE"')
            yield Problem(key, str(e).removeprefix(f"--{key}: "), fix)


def _sources(config: Config) -> Iterator[Problem]:
    """Addresses that nothing here reads."""
    for n, camera in enumerate(config.cameras):
        found = SCHEME.match(camera.url)
        if found is not None and found[0].lower() not in SCHEMES:
            says = f"{found[0][:60]} is found, expected {', '.join(SCHEMES)}, camera:N or a path"
            yield Problem(f"cameras[{n}].url", says, nearest(found[0], SCHEMES))
