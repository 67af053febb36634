"""What others published of boards that are not here, beside what is predicted of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from math import exp, log
from pathlib import Path

import msgspec

from edge.boards.predict import Costs, batch_ms
from edge.boards.profiles import Profile, Roofline
from edge.boards.work import Network
from quantize.errors import WorkshopError


class Figure(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One, of one network."""

    network: str
    precision: str
    ms: float
    batch: int = 1


class Board(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where, with which engine, and who says so."""

    name: str
    engine: str
    threads: int
    title: str
    url: str
    roofline: Roofline
    figures: tuple[Figure, ...]


class Published(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`devices/cost/published.toml`."""

    boards: tuple[Board, ...]


class Compared(msgspec.Struct, frozen=True):
    """A published figure, and what is predicted with a factor learned from the other boards."""

    board: str
    network: str
    precision: str
    ms: float
    predicted_ms: float

    @property
    def off(self) -> float:
        """2: predicted twice, or half, of what was published."""
        ratio = self.predicted_ms / self.ms
        return max(ratio, 1 / ratio)


def read(file: Path) -> tuple[Board, ...]:
    """Raises WorkshopError."""
    try:
        return msgspec.toml.decode(file.read_bytes(), type=Published).boards
    except (OSError, msgspec.MsgspecError) as e:
        raise WorkshopError(file, str(e), "boards with their figures", "git checkout it") from e


def factor(
    boards: Sequence[Board], networks: Mapping[str, Network], costs: Costs, precision: str
) -> tuple[float, list[Compared]]:
    """How much slower boards are than their peaks say: the mean of the boards' own, each board
    counting once; and every figure, predicted without its own board. Raises ValueError for one.
    """
    boards = [board for board in map(partial(_at, precision), boards) if board.figures]
    if len(boards) < 2:
        raise ValueError(f"{len(boards)} boards have figures, expected 2 or more")
    plain = msgspec.structs.replace(costs, factor={precision: 1.0})
    own = {board.name: _own(board, networks, plain) for board in boards}
    compared = []
    for board in boards:
        others = _mean([own[name] for name in own if name != board.name])
        compared += [
            Compared(
                board.name, f.network, f.precision, f.ms, others * _ms(f, board, networks, plain)
            )
            for f in board.figures
        ]
    return _mean(list(own.values())), compared


def _at(precision: str, board: Board) -> Board:
    figures = tuple(f for f in board.figures if f.precision == precision)
    return msgspec.structs.replace(board, figures=figures)


def _own(board: Board, networks: Mapping[str, Network], plain: Costs) -> float:
    return _mean([f.ms / _ms(f, board, networks, plain) for f in board.figures])


def _ms(figure: Figure, board: Board, networks: Mapping[str, Network], plain: Costs) -> float:
    profile = Profile(
        board.name, board.name, board.engine, threads=board.threads, roofline=board.roofline
    )
    return batch_ms(networks[figure.network], profile, plain, figure.precision, figure.batch)


def _mean(ratios: Sequence[float]) -> float:
    """Geometric: twice and half make 1."""
    return exp(sum(map(log, ratios)) / len(ratios))
