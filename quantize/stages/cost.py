"""Stage `cost`: what networks cost, measured here, fitted, held against others' figures."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec
import onnx

from edge.boards.predict import Costs
from edge.boards.recognise import processor
from edge.boards.snapshot import taken
from edge.boards.work import Network
from edge.bundle.read import open_bundle
from quantize import disk
from quantize.cost import published
from quantize.cost.bundled import counted_bundle
from quantize.cost.count import counted
from quantize.cost.fit import Measured, Missed, rates_by_engine
from quantize.cost.making import (
    FILES,
    PRECISIONS,
    Key,
    export,
    make_int8,
    opened,
    opened_bundle,
    timed,
)
from quantize.cost.published import Compared
from quantize.cost.subjects import COUNTED, SUBJECTS, called, subject
from quantize.errors import WorkshopError

EXAMPLE = """\
Without flags: fit the costs again from what was measured before, print how far each network is
missed when it is left out, and each published figure when its board is; write model.json.

  edge-quantize cost
  edge-quantize cost --measure              export, count and time the students first; an hour
  edge-quantize cost --bundle shop.bundle   count a bundle's own networks, for its predictions
"""
NETWORKS, MEASURED, PUBLISHED, MODEL = (
    "networks.json",
    "measured.json",
    "published.toml",
    "model.json",
)


class Measurements(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`measured.json`."""

    machine: str
    load: float  # of the machine, when it began: processor time was taken, not the wall's
    core_gmac_s: dict[str, float]  # by precision, of one core
    rows: tuple[Measured, ...]


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
            _write(file, counted_bundle(bundle))
        sys.stdout.write(f"{file}: beside the bundle, where predictions look for it\n")
        return
    if args.measure:
        _measure(args)
    networks = {f"{n.name}@{n.side_px}": n for n in _read(args.out / NETWORKS, list[Network])}
    measurements = _read(args.out / MEASURED, Measurements)
    found = rates_by_engine(measurements.rows, networks)
    rates = {key: rates for key, (rates, _) in found.items()}
    costs = Costs(measurements.machine, measurements.core_gmac_s, rates, {}, {})
    sys.stdout.writelines(f"{line}\n" for line in _told({k: m for k, (_, m) in found.items()}))
    boards = published.read(args.out / PUBLISHED)
    for precision in PRECISIONS:
        factor, compared = published.factor(boards, networks, costs, precision)
        costs.factor[precision] = round(factor, 4)
        costs.within[precision] = within = round(max(c.off for c in compared), 2)
        sys.stdout.writelines(f"{line}\n" for line in _told_boards(compared, factor, within))
    _write(args.out / MODEL, costs)


def _measure(args: argparse.Namespace) -> None:
    networks, rows = [], []
    load = os.getloadavg()[0]
    for name, width, side in SUBJECTS:
        folder = args.build / f"{called(name, width)}_{side}"
        network = subject(name, width)
        for engine in FILES:
            export(network, side, folder, engine)
            make_int8(network, side, folder, engine)
        exact = onnx.load(folder / "float" / FILES["onnxruntime"])
        networks.append(counted(exact, called(name, width)))
        rows += _rows(networks[-1], timed(opened(folder), args.seconds))
    for name, side in COUNTED:
        exact = export(subject(name, 1.0), side, args.build / f"{name}_{side}", "onnxruntime")
        networks.append(counted(onnx.load(exact), name))
    with open_bundle(None) as bundle:
        ours = counted_bundle(bundle)
        for network, engines in zip(ours, opened_bundle(bundle)):
            rows += _rows(network, timed(engines, args.seconds))
    peaks = {"int8": args.int8_gmac_s, "float": args.float_gmac_s}
    _write(args.out / NETWORKS, [*networks, *ours])
    _write(args.out / MEASURED, Measurements(processor(taken()), load, peaks, tuple(rows)))


def _rows(network: Network, ms: Mapping[Key, float]) -> list[Measured]:
    name = f"{network.name}@{network.side_px}"
    rows = [Measured(name, *key, round(one, 4)) for key, one in ms.items()]
    sys.stderr.write(f"{name}: " + ", ".join(f"{r.engine}/{r.precision} {r.ms} ms" for r in rows))
    sys.stderr.write("\n")
    return rows


def _told(missed: Mapping[str, Sequence[Missed]]) -> Iterable[str]:
    yield "each network predicted from the others (one thread, this machine):"
    for key, ones in missed.items():
        offs = sorted(abs(m.off) for m in ones)
        yield f"  {key}: {offs[len(offs) // 2]:.0%} off in the middle, {offs[-1]:.0%} at most"
        for m in ones:
            yield (
                f"    {m.network:28} {m.ms:8.3f} ms, predicted {m.predicted_ms:8.3f} ({m.off:+.0%})"
            )


def _told_boards(compared: Sequence[Compared], factor: float, within: float) -> Iterable[str]:
    yield f"published figures, each board predicted from the others (factor {factor:.2f} in all):"
    for c in compared:
        yield (
            f"    {c.board:16} {c.network:24} {c.precision:5} {c.ms:7.1f} ms, "
            f"predicted {c.predicted_ms:7.1f} (x{c.predicted_ms / c.ms:.2f})"
        )
    precision = compared[0].precision
    yield f"a CPU board that is not here is predicted within a factor of {within} at {precision}"


def _read(file: Path, kind: type):  # type: ignore[no-untyped-def]
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as e:
        raise WorkshopError(file, str(e), "what was measured", "--measure") from e


def _write(file: Path, content: object) -> None:
    text = msgspec.json.format(msgspec.json.encode(content), indent=1)
    disk.write(file, text + b"\n")
