"""What pip would install on a 64-bit Arm board: wheels only, nothing compiled there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from edge.errors import EdgeError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
GLIBC = 36  # 2.36: Raspberry Pi OS and Debian 12; wheels for older ones do there too
ENGINES = {"onnxruntime": "onnx", "openvino": "openvino", "tflite": "tflite"}  # -> extra


def needs(extras: Sequence[str]) -> list[str]:
    """The runtime's requirements, and those of `extras`, as pyproject.toml has them."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    more = [need for extra in extras for need in project["optional-dependencies"][extra]]
    return [*project["dependencies"], *more]


def resolved(python: str, extras: Sequence[str], into: Path | None = None) -> list[str]:
    """The wheels for Linux on aarch64 and a Python like "3.11"; installed `into` a folder, or only
    looked for. Raises EdgeError with what pip said.
    """
    where = ["--dry-run", "--target", "nowhere"] if into is None else ["--target", str(into)]
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--ignore-installed", "--only-binary=:all:", "--implementation", "cp", "--report", "-"),
        *("--python-version", python, "--platform", "manylinux2014_aarch64"),
        *(f"--platform=manylinux_2_{minor}_aarch64" for minor in range(17, GLIBC + 1)),
        *where, *needs(extras),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise EdgeError(f"pip, for {python} on aarch64: {done.stderr.strip()[-600:]}")
    found = json.loads(done.stdout[done.stdout.index("{") :])["install"]
    return sorted(_file(item["download_info"]["url"]) for item in found)


def _file(url: str) -> str:
    """The file's name at the end of an address."""
    return re.sub(r".*/", "", url.partition("#")[0])
