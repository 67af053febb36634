"""Pins to the oldest versions that pyproject.toml allows: `python -m tests.oldest EXTRAS...`.

Pip takes the newest ones, so that nothing else would tell when a lower bound is no longer true.
"""

import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = Path(__file__).parents[1] / "pyproject.toml"
BOUND = re.compile(r"([\w.\[\]-]+)>=([\d.]+)[^;]*(;.*)?")  # what a requirement of ours looks like


def pins(extras: Sequence[str]) -> Iterator[str]:
    """Of the runtime, and of what the extras add."""
    project = tomllib.loads(PROJECT.read_text())["project"]
    more = [project["optional-dependencies"][extra] for extra in extras]
    for requirement in (*project["dependencies"], *(one for extra in more for one in extra)):
        name, least, where = BOUND.fullmatch(requirement).groups()
        minor = least if "." in least else f"{least}.0"
        yield f"{name}=={minor}.*{where or ''}"


if __name__ == "__main__":
    sys.stdout.writelines(f"{pin}\n" for pin in pins(sys.argv[1:]))
