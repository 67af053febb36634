"""`make live-picture`: the README's picture of the live page, of the demo belt, in a Chromium.

On a busy machine a budget of more ms than the usual one: `python -m tests.live_picture 3000`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.browser import FOUND, MISSING, browser

ROOT = Path(__file__).parents[1]
BELT = "calib_data/demo/belt.mp4"
OUT = ROOT / "calib_data/demo/live.jpg"
TIMES = 40  # the belt, one after the other: a browser takes a while to start
THINGS, LOOKS, POINTS = 8, 4, 20  # on the picture; frames in its plots
SIZE = 1280, 880


def main(budget_ms: str = "200") -> None:
    """Raises SystemExit without a Chromium."""
    if not FOUND:
        raise SystemExit(MISSING)
    with TemporaryDirectory() as folder:
        words = ["--json", "--threads", "1", "--budget-ms", budget_ms, "--live", "127.0.0.1:0"]
        run = subprocess.Popen(
            [sys.executable, "-m", "edge", *words, *[BELT] * TIMES],
            cwd=ROOT, text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env={**os.environ, "XDG_DATA_HOME": folder, "XDG_STATE_HOME": folder},
        )  # fmt: skip
        try:
            assert run.stderr is not None
            [address] = re.findall(r"http://\S+", run.stderr.readline())
            with browser() as tab:
                tab.size(*SIZE)
                tab.open(address)
                wanted = {".thing": THINGS, ".look": LOOKS}
                enough = [
                    f"document.querySelectorAll('#overlay {name}').length >= {count}"
                    for name, count in wanted.items()
                ]
                drawn = "document.querySelector('#plot-total .line')?.getAttribute('d')"
                tab.until(f"{drawn}.split('L').length >= {POINTS}", 600)
                tab.until(" && ".join(enough), 600)
                tab.picture(OUT, quality=82)
        finally:
            run.kill()
            run.communicate()


if __name__ == "__main__":
    main(*sys.argv[1:2])
