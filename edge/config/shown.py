"""A config as TOML again, whole, without credentials; and its JSON schema."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

from edge.config.records import Config
from edge.redact import HIDDEN, without_secrets
from edge.sinks import SINKS
from edge.sinks.target import parse_target
from edge.sources.request import KNOWN, split


def schema(kind: type = Config) -> str:
    """JSON, for editors and readers: what a config file may hold, or another record."""
    found = msgspec.json.schema(kind)
    found["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(found, indent=2)


def toml(config: Config) -> str:
    """Every key that has a value, defaults too."""
    table = {key: value for key, value in _plain(config).items() if value is not None}
    table["targets"] = {name: _target(text) for name, text in config.targets.items()}
    cameras, tables = table.pop("cameras"), {k: table.pop(k) for k in ("targets", "heads")}
    lines = [f"{key} = {_value(value)}" for key, value in table.items()]
    for camera in cameras:
        camera["url"] = _url(camera["url"])
        lines += ["", "[[cameras]]", *_lines(camera)]
    lines += ["", "[targets]", *_lines(tables["targets"])] if tables["targets"] else []
    for name, head in tables["heads"].items():
        lines += ["", f"[heads.{_key(name)}]", *_lines(head)]
    return "\n".join(lines).lstrip("\n")


def _plain(config: Config) -> dict[str, Any]:
    table: dict[str, Any] = msgspec.to_builtins(config)
    return table


def _target(text: str) -> str:
    target = parse_target(text, SINKS)
    options = ",".join(f"{key}={value}" for key, value in target.options.items())
    return f"{target.shown}#{options}" if options else target.shown


def _url(text: str) -> str:
    """With its options: passwords stand in files. A made-up camera has no credentials."""
    address, options = split(text)
    shown = address if address.startswith("test://") else without_secrets(address)
    told = [o if o.partition("=")[0] in KNOWN else _hidden(o) for o in options.split(",") if o]
    return f"{shown}#{','.join(told)}" if told else shown


def _hidden(option: str) -> str:
    return f"{option.partition('=')[0]}={HIDDEN}"


def _lines(table: dict[str, Any]) -> list[str]:
    return [f"{_key(key)} = {_value(value)}" for key, value in table.items() if value is not None]


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else _value(name)


def _value(value: Any) -> str:
    if isinstance(value, str):  # a JSON string is a TOML string, but for this one letter
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(_lines(value))}}}"
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
