"""The runtime on an emulated 64-bit Arm: does it start, and does it say what it says here?

    apt-get install qemu-user-static mmdebstrap
    python -m devices.emulated_arm --work build/arm --out devices/results

A Debian root for arm64 (no root rights, nothing is run in it), the aarch64 wheels of every engine,
and `edge-tag` on one picture under qemu: the golden check as it opens its bundle, then tags,
beside those of this machine. Writes emulated-arm.json. EMULATED: times mean nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import write_json
from devices.arm_wheels import ENGINES, ROOT, resolved
from edge.errors import EdgeError, EngineError

QEMU = "qemu-aarch64-static"
CPU = "cortex-a76"  # a Raspberry Pi 5's
SUITE, PYTHON = "bookworm", "3.11"
PACKAGES = "python3-minimal,libpython3.11-stdlib,libstdc++6,libgcc-s1,zlib1g"
PICTURE = ROOT / "calib_data" / "demo" / "shelf.jpg"
WORK = ROOT / "build" / "arm"
LABEL = "emulated: times mean nothing"
CPUINFO = """processor\t: {n}
BogoMIPS\t: 108.00
Features\t: fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc \
dcpop asimddp
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x4
CPU part\t: 0xd0b
CPU revision\t: 1

"""


def why_not(work: Path) -> str:
    """What is missing to emulate; empty when nothing is."""
    if shutil.which(QEMU) is None:
        return "apt-get install qemu-user-static"
    return "" if (work / "wheels.json").exists() else "make arm builds the arm64 root first"


def build(work: Path) -> None:
    """A root and the wheels, where they are not there yet. Raises EngineError, EdgeError."""
    for tool in (QEMU, "mmdebstrap"):
        if shutil.which(tool) is None:
            raise EngineError(
                f"{tool}: not installed, expected it to emulate with",
                fix="apt-get install qemu-user-static mmdebstrap",
            )
    root, site = work / "root", work / "site"
    if not root.exists():
        work.mkdir(parents=True, exist_ok=True)
        words = ["--variant=extract", "--architectures=arm64", f"--include={PACKAGES}"]
        done = subprocess.run(["mmdebstrap", *words, SUITE, str(root)], capture_output=True)
        if done.returncode:
            shutil.rmtree(root, ignore_errors=True)
            raise EngineError(f"mmdebstrap: {done.stderr.decode(errors='replace')[-500:]}")
        # qemu shows this machine's own, and onnxruntime ends when it finds no Arm in it
        (root / "proc").mkdir(exist_ok=True)
        (root / "proc" / "cpuinfo").write_text("".join(CPUINFO.format(n=n) for n in range(4)))
    if not (work / "wheels.json").exists():
        wheels = resolved(PYTHON, list(ENGINES.values()), site)
        (work / "wheels.json").write_text(json.dumps(wheels))


def tags_of(engine: str, work: Path | None) -> tuple[dict[str, float], str]:
    """`head/tag` -> score, the three best of each head; or why there are none. work None: here."""
    words = ["-m", "edge", "--json", "--whole", "--top-k", "3", "--threads", "1"]
    path = str(ROOT)
    python = [sys.executable]
    if work is not None:
        root = work / "root"
        python = [QEMU, "-cpu", CPU, "-L", str(root), str(root / "usr/bin/python3.11")]
        path += f":{work / 'site'}"
    settings = {"PYTHONPATH": path, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [*python, *words, "--engine", engine, str(PICTURE)],
        env={**os.environ, **settings}, capture_output=True, text=True,
    )  # fmt: skip
    if done.returncode:
        return {}, done.stderr.strip()[-600:] or f"ended with {done.returncode}"
    line = json.loads(done.stdout)
    return {f"{tag['head']}/{tag['tag']}": tag["score"] for tag in line["tags"]}, ""


def compared(engine: str, work: Path) -> dict[str, Any]:
    """An engine there and here."""
    there, said = tags_of(engine, work)
    here, why = tags_of(engine, None)
    both = there.keys() & here.keys()
    return {
        "answers": bool(there),
        "said": said or why,
        "same_tags": sorted(there) == sorted(here) if there and here else None,
        "largest_difference": max((abs(there[t] - here[t]) for t in both), default=None),
        "tags": there,
    }


def run(work: Path, out: Path, engines: Sequence[str]) -> dict[str, Any]:
    """Build, compare, write, and say what came of it."""
    build(work)
    version = subprocess.run([QEMU, "--version"], capture_output=True, text=True).stdout
    found: dict[str, Any] = {
        "label": LABEL, "cpu": CPU, "emulator": version.splitlines()[0], "python": PYTHON,
        "picture": PICTURE.name, "wheels": json.loads((work / "wheels.json").read_text()),
        "engines": {engine: compared(engine, work) for engine in engines},
    }  # fmt: skip
    write_json(out / "emulated-arm.json", found)
    for engine, row in found["engines"].items():
        verdict = f"off by {row['largest_difference']:.4f}" if row["answers"] else row["said"]
        sys.stdout.write(f"{engine} ({LABEL}): {verdict}\n")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """5 when there is nothing to emulate with."""
    made = argparse.ArgumentParser(prog="python -m devices.emulated_arm")
    made.add_argument("--work", type=Path, default=WORK, help="root and wheels (default build/arm)")
    folder = Path(__file__).parent / "results"
    made.add_argument("--out", type=Path, default=folder, help="default devices/results")
    words = {"nargs": "+", "choices": list(ENGINES), "default": list(ENGINES)}
    made.add_argument("--engines", help="default: all", **words)
    args = made.parse_args(argv)
    try:
        run(args.work, args.out, args.engines)
    except EdgeError as e:
        sys.stderr.write(f"{e}\n" + (f"fix: {e.fix}\n" if e.fix else ""))
        return e.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
