"""`devices/cost`: what was counted, measured and published, and the costs fitted to it."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import msgspec

from edge.boards.predict import Costs
from edge.boards.work import Network
from quantize import disk
from quantize.cost import published
from quantize.cost.fit import Measured, Missed, rates_by_engine
from quantize.cost.published import Compared
from quantize.errors import WorkshopError

NETWORKS, MEASURED, MODEL = "networks.json", "measured.json", "model.json"
PUBLISHED = "published.toml"
PRECISIONS = ("float", "int8")
T = TypeVar("T")


class Measurements(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`measured.json`."""

    machine: str
    load: float  # of the machine, when it began: processor time was taken, not the wall's
    core_gmac_s: dict[str, float]  # by precision, of one core
    rows: tuple[Measured, ...]


class Refit(msgspec.Struct, frozen=True, eq=False):
    """The costs, and how far off they are."""

    costs: Costs
    missed: dict[str, list[Missed]]  # "engine/precision" -> each network, left out
    compared: dict[str, list[Compared]]  # precision -> published figures, their board left out


def refit(folder: Path) -> Refit:
    """From the files of `folder`. Raises WorkshopError."""
    networks = {f"{n.name}@{n.side_px}": n for n in read(folder / NETWORKS, list[Network])}
    measured = read(folder / MEASURED, Measurements)
    found = rates_by_engine(measured.rows, networks)
    rates = {key: one for key, (one, _) in found.items()}
    plain = Costs(measured.machine, measured.core_gmac_s, rates, {}, {})
    boards = published.read(folder / PUBLISHED)
    judged = {p: published.factor(boards, networks, plain, p) for p in PRECISIONS}
    factor = {p: round(f, 4) for p, (f, _) in judged.items()}
    within = {p: round(max(c.off for c in compared), 2) for p, (_, compared) in judged.items()}
    costs = msgspec.structs.replace(plain, factor=factor, within=within)
    missed = {key: ones for key, (_, ones) in found.items()}
    return Refit(costs, missed, {p: compared for p, (_, compared) in judged.items()})


def read(file: Path, kind: type[T]) -> T:
    """Raises WorkshopError."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError) as e:
        raise WorkshopError(file, str(e), "what was measured", "--measure") from e


def write(file: Path, content: object) -> None:
    """As JSON that a diff can read. Raises WorkshopError."""
    text = msgspec.json.format(msgspec.json.encode(content), indent=1)
    disk.write(file, text + b"\n")
