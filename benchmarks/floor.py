"""How hard are the pictures that we hold out? `python -m benchmarks.floor`, beside ../shared/data.

The README of that data gives what a stock network scores on other pictures, which we do not have,
when a linear probe learns on its embedding. The same probe on our own split says whether ours are
harder, and by that what our student may score on theirs: as many times fewer errors than the probe
as here. An estimate, with the chance of a few hundred pictures in it, and no measurement.

Writes benchmarks/results/floor.md and .json. A head's strongest probe of five strengths counts.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from torch.nn.functional import cross_entropy
from tqdm import tqdm

from benchmarks.machine import RESULTS, ROOT, about, write_json
from edge.bundle import DEFAULT, open_bundle
from edge.records import F32
from quantize.pictures import Sample
from quantize.pictures.shared import picture_set

DATA = ROOT.parent / "shared/data"
STOCK = DATA / "teachers/tf2_mobilenet_v2_1.0_224_ptq.tflite"
EMBEDDING = 1280
THEIRS = {"clothes": 80.1, "grocery": 66.1, "fish": 69.8}  # %, as the README of the data has them
STRENGTHS = (1e-4, 1e-3, 1e-2, 3e-2, 1e-1)  # of weight decay


class Stock:
    """The embedding of a stock network: float of its int8 numbers."""

    def __init__(self, file: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # keeping inner tensors is for debugging, it says
            self._run = Interpreter(
                str(file), num_threads=2, experimental_preserve_all_tensors=True
            )
        self._run.allocate_tensors()
        self._input = self._run.get_input_details()[0]
        inner = [
            t for t in self._run.get_tensor_details() if list(t["shape"][1:]) == [1, 1, EMBEDDING]
        ]
        self._inner = inner[-1]

    def __call__(self, file: Path) -> F32:
        """(D,) of a picture, as a whole."""
        shrunk = cv2.resize(cv2.imread(str(file)), (224, 224), interpolation=cv2.INTER_AREA)
        scale, zero = self._input["quantization"]
        kind = self._input["dtype"]
        numbers = np.round((shrunk[:, :, ::-1] / 127.5 - 1) / scale + zero)
        limits = np.iinfo(kind)
        self._run.set_tensor(
            self._input["index"], numbers.clip(limits.min, limits.max).astype(kind)[None]
        )
        self._run.invoke()
        scale, zero = self._inner["quantization"]
        row = self._run.get_tensor(self._inner["index"]).reshape(-1).astype(np.float32)
        return np.asarray((row - zero) * scale, np.float32)


def probe(train: F32, labels: Sequence[int], held_out: F32, strength: float) -> list[int]:
    """Logistic regression on (N, D) embeddings -> the class of each that is held out."""
    mean, spread = train.mean(0), train.std(0) + 1e-3
    x, y = torch.tensor((train - mean) / spread), torch.tensor(list(labels))
    weights = torch.zeros(x.shape[1], int(y.max()) + 1, requires_grad=True)
    bias = torch.zeros(weights.shape[1], requires_grad=True)
    descent = torch.optim.LBFGS([weights, bias], max_iter=200)

    def surprise() -> torch.Tensor:
        descent.zero_grad()
        loss = cross_entropy(x @ weights + bias, y) + strength * (weights**2).sum() / 2
        loss.backward()
        return loss

    descent.step(surprise)
    return (torch.tensor((held_out - mean) / spread) @ weights + bias).argmax(1).tolist()


def measured(samples: Sequence[Sample], stock: Stock) -> tuple[float, int]:
    """Top-1 of the probe on the pictures held out, %, and how many those are."""
    told = tqdm(samples, desc=samples[0].head, unit="picture", disable=None)
    rows = np.stack([stock(sample.file) for sample in told])
    tags = sorted({sample.tag for sample in samples})
    labels = np.array([tags.index(sample.tag) for sample in samples])
    aside = np.array([sample.split == "val" for sample in samples])
    right = [
        np.mean(probe(rows[~aside], labels[~aside].tolist(), rows[aside], s) == labels[aside])
        for s in STRENGTHS
    ]
    return 100 * float(max(right)), int(aside.sum())


def expected(ours: float, probe_here: float, probe_there: float) -> float:
    """Our top-1 on the other pictures, %: errors are as many times fewer than the probe's."""
    return 100 - (100 - ours) * (100 - probe_there) / (100 - probe_here)


def student() -> dict[str, float]:
    """Top-1 of what ships on our split, %: the worst int8 of all engines, by its own record."""
    with open_bundle(DEFAULT) as bundle:
        return {
            head.name: 100 * min(a.top1 for how, a in head.accuracy.items() if "int8" in how)
            for head in bundle.manifest.heads
        }


def table(rows: Mapping[str, Mapping[str, float]]) -> str:
    """Markdown, a line a head."""
    lines = [
        "| % | held out here | the stock probe: here | there | ours: here | there, estimated |"
    ]
    lines.append("|---" * 6 + "|")
    for head, row in rows.items():
        shown = (row["probe_here"], row["probe_there"], row["ours_here"], row["ours_there"])
        numbers = " | ".join(f"{number:.1f}" for number in shown)
        lines.append(f"| {head} | {row['pictures']:.0f} pictures | {numbers} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """The command line: it has no flags."""
    found: dict[str, Any] = about("floor", None)
    stock, ours, pictures = Stock(STOCK), student(), picture_set(DATA)
    rows = {}
    for head, there in THEIRS.items():
        samples = [s for s in pictures.samples if s.head == head]
        here, count = measured(samples, stock)
        rows[head] = {
            "pictures": count, "probe_here": here, "probe_there": there, "ours_here": ours[head],
            "ours_there": expected(ours[head], here, there),
        }  # fmt: skip
    write_json(RESULTS / "floor.json", found | {"rows": rows})
    (RESULTS / "floor.md").write_text(table(rows), "utf-8")
    sys.stdout.write(table(rows))


if __name__ == "__main__":
    main()
