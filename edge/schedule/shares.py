"""Several cameras, one budget: whose turn it is, and what its frame may cost. Pure, no clock.

A round serves every camera that has a frame waiting when the round begins, once, and all frames of
a round together may cost one pool: what the user gave a frame. Deficit round robin (Shreedhar and
Varghese 1996, IEEE/ACM ToN 4) says what each may take: an even share, and with it what it could not
use before because the next launch did not fit.

Who asked for least last time goes first, so what the modest leave is shared by the greedy: that is
max-min fairness (Bertsekas and Gallager 1992, Data Networks, 6.5.2). A launch that takes more than
the pool less the others' floors fits in no round; what then happens, `frames.STARVED_S` says.

The laws (tests/property/test_shares.py): a round never grants more than the pool; nobody gets less
than the floor; a camera whose frame waits is served before any other is served twice more; cameras
that want the same get the same.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import inf, isfinite

import msgspec
from msgspec.structs import replace

FLOOR = 0.25  # of an even share: what nobody's hunger takes from a camera


class Account(msgspec.Struct, frozen=True):
    """One camera's."""

    credit_ms: float = 0.0  # of its shares: not used yet, or overdrawn; within one pool
    needs_ms: float = 0.0  # what its last frame cost; inf when it wanted more
    served: int = -1  # the turn it had last


class Shares(msgspec.Struct, frozen=True):
    """A pool in the middle of a round."""

    pool_ms: float  # a round's; inf is no limit
    accounts: tuple[Account, ...]  # by camera
    to_come: tuple[int, ...] = ()  # cameras of this round, in their order
    quantum_ms: float = 0.0  # the pool by the cameras of this round
    left_ms: float = 0.0  # of this round's pool
    free_ms: float = 0.0  # of that, what those who had enough left to the others
    turn: int = 0

    @property
    def floor_ms(self) -> float:
        return FLOOR * self.pool_ms / len(self.accounts)


class Turn(msgspec.Struct, frozen=True):
    """A camera's."""

    camera: int
    allowed_ms: float  # what its frame may cost
    even_ms: float  # of that, its share of this round


def shared(cameras: int, pool_ms: float = inf) -> Shares:
    """The accounts of so many cameras. Raises ValueError for no camera or a pool below 0."""
    if cameras < 1 or not pool_ms >= 0:
        raise ValueError(f"{cameras} cameras share {pool_ms} ms, expected 1 or more and 0 or more")
    return Shares(pool_ms, (Account(),) * cameras)


def next_turn(shares: Shares, waiting: Collection[int]) -> tuple[Shares, Turn]:
    """Whose turn it is among the cameras with a frame. Raises ValueError when there is none."""
    if not waiting:
        raise ValueError("no camera has a frame, expected at least one")
    to_come = tuple(camera for camera in shares.to_come if camera in waiting)
    if not to_come:
        to_come = tuple(sorted(waiting, key=lambda camera: _patience(shares, camera)))
        pool_ms = shares.pool_ms
        shares = replace(shares, quantum_ms=pool_ms / len(to_come), left_ms=pool_ms, free_ms=0.0)
    turn = _turn(shares, to_come[0], others=len(to_come) - 1)
    return replace(shares, to_come=to_come[1:]), turn


def settled(shares: Shares, turn: Turn, spent_ms: float, wanted_more: bool) -> Shares:
    """After the turn: what it cost, and whether the budget is what ended it."""
    account = shares.accounts[turn.camera]
    after = Account(0.0, inf if wanted_more else spent_ms, shares.turn)
    shares = replace(shares, turn=shares.turn + 1)
    if isfinite(shares.pool_ms):
        credit_ms = account.credit_ms + turn.even_ms - spent_ms
        left_ms = max(0.0, shares.left_ms - spent_ms)
        free_ms = shares.free_ms - (turn.even_ms - shares.quantum_ms)
        if not wanted_more:  # an empty queue saves nothing up, the others have it
            free_ms += min(max(credit_ms, 0.0), max(turn.even_ms - spent_ms, 0.0))
            credit_ms = min(credit_ms, 0.0)
        after = replace(after, credit_ms=max(credit_ms, -shares.pool_ms))
        shares = replace(shares, left_ms=left_ms, free_ms=free_ms)
    accounts = [*shares.accounts[: turn.camera], after, *shares.accounts[turn.camera + 1 :]]
    return replace(shares, accounts=_capped(accounts, after.credit_ms - shares.pool_ms))


def _capped(accounts: Sequence[Account], excess_ms: float) -> tuple[Account, ...]:
    """Nobody saves more than a pool up; what is too much, all who saved lose alike.

    Were it cut off from one alone, who got more than others would be forgotten.
    """
    if not excess_ms > 0:
        return tuple(accounts)
    return tuple(
        replace(account, credit_ms=max(min(account.credit_ms, 0.0), account.credit_ms - excess_ms))
        for account in accounts
    )


def _patience(shares: Shares, camera: int) -> tuple[float, float, int, int]:
    """The modest before the greedy; among equals who saved most, then who waited longest."""
    account = shares.accounts[camera]
    return account.needs_ms, -account.credit_ms, account.served, camera


def _turn(shares: Shares, camera: int, others: int) -> Turn:
    """The quantum, a part of what others left, and the camera's credit; but no other's floor."""
    if not isfinite(shares.pool_ms):
        return Turn(camera, inf, inf)
    floor_ms = shares.floor_ms
    even_ms = shares.quantum_ms + shares.free_ms / (others + 1)
    most_ms = max(floor_ms, shares.left_ms - others * floor_ms)
    wished_ms = even_ms + shares.accounts[camera].credit_ms
    return Turn(camera, min(max(wished_ms, floor_ms), most_ms), even_ms)
