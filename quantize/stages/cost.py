"""Stage `cost`: what networks cost, measured here, fitted, held against others' figures."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import onnx

from edge.boards.recognise import processor
from edge.boards.snapshot import take_snapshot
from edge.boards.work import Network
from edge.bundle.read import open_bundle
from edge.engines import Engine
from quantize.cost.bundled import counted_bundle
from quantize.cost.count import counted
from quantize.cost.fit import Measured
from quantize.cost.making import FILES, Key, export, make_int8, opened, opened_bundle, timed
from quantize.cost.refit import MEASURED, MODEL, NETWORKS, Measurements, Refit, read, refit, write
from quantize.cost.subjects import COUNTED, SUBJECTS, called, subject

EXAMPLE = """\
Without flags: count the bundle that ships, fit again what was measured before, write model.json,
print how far each network is missed when it is left out, each published figure when its board is.

  edge-quantize cost
  edge-quantize cost --measure              export, count and time the students first; an hour,
                                            stopped it goes on
  edge-quantize cost --bundle shop.bundle   count a bundle's own networks, for its predictions
"""


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize cost`."""
    add = parser.add_argument
    add("--out", type=Path, default=Path("devices/cost"), help="folder with what was measured")
    add("--measure", action="store_true", help="export, count and time the students first")
    add("--build", type=Path, default=Path("build/cost"), help="folder of the exported students")
    add("--seconds", type=float, default=20.0, help="of timing, a network")
    # of Zen 4 at 3.7 GHz: two pipes of 32 int8 (VPDPBUSD) or of 8 float multiplications
    add("--int8-gmac-s", type=float, default=236.8, help="peak of one core of this machine")
    add("--float-gmac-s", type=float, default=59.2, help="likewise in float")
    add("--bundle", help="count this bundle's networks into BUNDLE.networks.json, and no more")


def run(args: argparse.Namespace) -> None:
    """Measure where asked, fit, say how far off it is."""
    if args.bundle is not None:
        with open_bundle(args.bundle) as bundle:
            file = Path(f"{bundle.root}.networks.json")
            write(file, counted_bundle(bundle))
        sys.stdout.write(f"{file}: beside the bundle, where predictions look for it\n")
        return
    if args.measure:
        _measure(args)
    _count_ours(args.out / NETWORKS)
    made = refit(args.out)
    write(args.out / MODEL, made.costs)
    sys.stdout.writelines(f"{line}\n" for line in _told(made))


def _count_ours(file: Path) -> None:
    """The bundle that ships may have been packed again since: other layers, other hashes."""
    with open_bundle(None) as bundle:
        ours = counted_bundle(bundle)
    names = {network.name for network in ours}
    write(file, [*(n for n in read(file, list[Network]) if n.name not in names), *ours])


def _measure(args: argparse.Namespace) -> None:
    """What is timed lies in --build until all is: a run that is stopped goes on there."""
    args.build.mkdir(parents=True, exist_ok=True)
    so_far, load = args.build / MEASURED, os.getloadavg()[0]
    rows = read(so_far, list[Measured]) if so_far.exists() else []
    networks: list[Network] = []
    for network, engines in _subjects(args.build):
        networks.append(network)
        if _name(network) not in {row.network for row in rows}:
            rows += _rows(network, timed(engines(), args.seconds))
            write(so_far, rows)
    for name, side in COUNTED:
        file = export(subject(name, 1.0), side, args.build / f"{name}_{side}", "onnxruntime")
        networks.append(counted(onnx.load(file), name))
    peaks = {"int8": args.int8_gmac_s, "float": args.float_gmac_s}
    write(args.out / NETWORKS, networks)
    write(
        args.out / MEASURED,
        Measurements(processor(take_snapshot()), round(load, 1), peaks, tuple(rows)),
    )
    so_far.unlink()


def _subjects(build: Path) -> Iterator[tuple[Network, Callable[[], Mapping[Key, Engine]]]]:
    """Students and the networks of the bundle, counted; and what opens their artifacts."""
    for name, width, side in SUBJECTS:
        folder, network = build / f"{called(name, width)}_{side}", subject(name, width)
        for engine in FILES:
            export(network, side, folder, engine)
            make_int8(network, side, folder, engine)
        exact = onnx.load(folder / "float" / FILES["onnxruntime"])
        yield counted(exact, called(name, width)), partial(opened, folder)
    with open_bundle(None) as bundle:
        for n, network in enumerate(counted_bundle(bundle)):
            yield network, lambda n=n: opened_bundle(bundle)[n]


def _rows(network: Network, ms: Mapping[Key, float]) -> list[Measured]:
    rows = [Measured(_name(network), *key, round(one, 4)) for key, one in ms.items()]
    shown = ", ".join(f"{row.engine}/{row.precision} {row.ms} ms" for row in rows)
    sys.stderr.write(f"{_name(network)}: {shown}\n")
    return rows


def _name(network: Network) -> str:
    return f"{network.name}@{network.side_px}"


def _told(made: Refit) -> Iterator[str]:
    yield "each network predicted from the others (one thread, this machine):"
    for key, missed in made.missed.items():
        rates = made.costs.rates[key]
        yield f"  {key}: {rates.middle_off:.0%} off in the middle, {rates.most_off:.0%} at most"
        for m in missed:
            yield (
                f"    {m.network:28} {m.ms:8.3f} ms, predicted {m.predicted_ms:8.3f} ({m.off:+.0%})"
            )
    yield "published figures, each board predicted from the others:"
    for precision, compared in made.compared.items():
        for c in compared:
            yield (
                f"    {c.board:16} {c.network:24} {precision:5} {c.ms:7.1f} ms, "
                f"predicted {c.predicted_ms:7.1f} (x{c.predicted_ms / c.ms:.2f})"
            )
        most = made.costs.within[precision]
        yield f"  a CPU board that is not here is predicted within a factor of {most} ({precision})"
