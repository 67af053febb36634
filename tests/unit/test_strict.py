"""JSON into records, by several threads that are all the first to ask."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]

# New records each round, as a process has them at its start; in a process of its own, for where
# msgspec alone is asked, it ends with a segmentation fault.
FIRST_AT_ONCE = """
import sys, threading, types
import msgspec
from edge.strict import decoded

sys.setswitchinterval(1e-6)
inner = "".join(f"    g{k}: 'dict[str, tuple[float, ...]] | None' = None\\n" for k in range(6))
outer = "".join(f"    f{k}: 'dict[str, Inner] | None' = None\\n" for k in range(6))
source = f"class Inner(msgspec.Struct):\\n{inner}class Outer(msgspec.Struct):\\n{outer}"
data = b"{%b}" % b",".join(b'"f%d":{"a":{"g1":{"x":[1.0]}}}' % k for k in range(6))
for n in range(400):
    module = sys.modules[f"m{n}"] = types.ModuleType(f"m{n}")
    module.msgspec = msgspec
    exec(source, module.__dict__)
    begin = threading.Barrier(4)

    def ask():
        begin.wait()
        ASK(data, module.Outer)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for one in threads: one.start()
    for one in threads: one.join()
print("done")
"""


def test_threads_that_are_the_first_to_ask_for_a_record_wait_for_one_another():
    program = FIRST_AT_ONCE.replace("ASK", "decoded")
    words = [sys.executable, "-c", program]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert (ran.returncode, ran.stdout) == (0, "done\n"), ran.stderr[-500:]


def test_records_are_read_in_one_place():
    reading = [file for file in (ROOT / "edge").rglob("*.py") if _decodes(file)]
    assert reading == [ROOT / "edge" / "strict.py"]


def _decodes(file: Path) -> bool:
    return any(map(_is_decoding, ast.walk(ast.parse(file.read_text("utf-8")))))


def _is_decoding(node: ast.AST) -> bool:
    called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
    return called in ("msgspec.json.decode", "msgspec.json.Decoder", "json.Decoder")
