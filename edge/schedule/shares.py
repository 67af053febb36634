"""Several cameras, one budget: whose turn it is, and what its frame may cost. Pure, no clock.

Deficit round robin (Shreedhar and Varghese 1996, IEEE/ACM ToN 4) by frames: each camera in turn,
who was served longest ago first. Every frame that comes, looked at or not, earns its camera's even
part of the pool, which is what the user gave one frame of all of them; a turn takes what its frame
cost. An even part may be too small for a frame that is of use, a glance and what it shows. So the
purse is one for all, and whose turn it is may take as much as that: many cameras get useful frames
seldom rather than useless ones often. What a quiet camera leaves, the next one has the sooner, and
a noisy one takes a useful frame in its turn and no more while others wait.

While the purse fills, what is saved goes to exploration; when it does not, nobody explores more
than a tenth of what its own frames have earned.

The laws (tests/property/test_shares.py): all frames together never cost more than what was earned,
and one frame; a frame is allowed what is useful and its even part, at least; no camera is served
twice while another's frame waits, so each is served as soon as a useful frame of every camera is
earned; what one leaves, others may use; cameras that want the same get the same.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf, isfinite

import msgspec
from msgspec.structs import replace

from edge.schedule.plan import EXPLORING

SAVED = 2.0  # pools, at most
GONE = 4  # times as seldom as the others: a camera whose frames come so has no part of the pool


class Account(msgspec.Struct, frozen=True):
    """One camera's."""

    served: int = -1  # the turn it had last
    came: int = 0  # frames so far
    heard: int = 0  # frames of all cameras when its last one came
    new: int = 0  # of them, since its last turn
    explores_ms: float = 0.0  # what exploration is owed since its last turn


class Shares(msgspec.Struct, frozen=True):
    """A pool, and what of it is earned."""

    pool_ms: float  # inf is no limit
    accounts: tuple[Account, ...]  # by camera
    useful_ms: float = 0.0  # what a frame must cost to be of use
    saved_ms: float = 0.0  # earned and not spent; below 0 when a frame took more than was there
    frames: int = 0  # that came, of all cameras
    turn: int = 0

    @property
    def even_ms(self) -> float:
        """A camera's part: the pool by the cameras that give frames."""
        return self.pool_ms / max(1, self.live)

    @property
    def live(self) -> int:
        """Cameras that give frames."""
        window = GONE * len(self.accounts)
        return sum(self.frames - account.heard <= window for account in self.accounts)

    @property
    def quantum_ms(self) -> float:
        """The least that a frame whose turn it is may cost."""
        return min(self.pool_ms, max(self.useful_ms, self.even_ms))


class Turn(msgspec.Struct, frozen=True):
    """A camera's."""

    camera: int
    allowed_ms: float  # what its frame may cost
    exploring_ms: float | None = None  # of that, for exploration; None: all that nothing else needs


def shared(cameras: int, pool_ms: float = inf, useful_ms: float = 0.0) -> Shares:
    """The accounts of so many cameras. Raises ValueError for no camera, or a time below 0."""
    if cameras < 1 or not pool_ms >= 0 or not useful_ms >= 0:
        found = f"{cameras} cameras share {pool_ms} ms, {useful_ms} ms are of use"
        raise ValueError(f"{found}, expected 1 or more and 0 or more")
    return Shares(pool_ms, (Account(),) * cameras, useful_ms, pool_ms if isfinite(pool_ms) else 0.0)


def next_turn(shares: Shares, waiting: Mapping[int, int]) -> tuple[Shares, Turn | None]:
    """Whose turn it is; None while nothing is saved: wait for more frames to come.

    waiting  cameras with a frame -> how many frames came of each, that one included
    Raises ValueError when there is none.
    """
    if not waiting:
        raise ValueError("no camera has a frame, expected at least one")
    for camera, came in sorted(waiting.items()):
        shares = _earned(shares, camera, came)
    camera = min(waiting, key=lambda camera: (shares.accounts[camera].served, camera))
    if not isfinite(shares.pool_ms):
        return shares, Turn(camera, inf)
    if shares.live <= 1:  # nobody to share with
        return shares, Turn(camera, shares.pool_ms)
    if shares.saved_ms < 0:
        return shares, None
    return shares, _turn(shares, camera, waiting)


def rested(shares: Shares) -> Shares:
    """No frame came for a while. Time goes by all the same: as if one had."""
    return _paid(shares, shares.even_ms)


def settled(shares: Shares, turn: Turn, spent_ms: float) -> Shares:
    """After the turn: what it cost."""
    account = replace(shares.accounts[turn.camera], served=shares.turn, new=0, explores_ms=0.0)
    shares = replace(_paid(shares, -spent_ms), turn=shares.turn + 1)
    return _with(shares, turn.camera, account)


def _earned(shares: Shares, camera: int, came: int) -> Shares:
    """With what the frames of a camera bring that came since."""
    account = shares.accounts[camera]
    new = max(0, came - account.came)
    if not new:
        return shares
    shares = replace(shares, frames=shares.frames + new)
    account = replace(account, came=came, new=account.new + new, heard=shares.frames)
    ms = new * _with(shares, camera, account).even_ms
    if isfinite(ms):
        owed_ms = min(account.explores_ms + EXPLORING * ms, shares.pool_ms)
        account = replace(account, explores_ms=owed_ms)
    return _paid(_with(shares, camera, account), ms)


def _turn(shares: Shares, camera: int, waiting: Collection[int]) -> Turn:
    """The quantum; and of what is saved beyond it, what those that wait do not need for theirs."""
    left_ms = shares.saved_ms - (len(waiting) - 1) * shares.quantum_ms
    allowed_ms = min(max(shares.quantum_ms, left_ms), shares.pool_ms)
    is_late = any(shares.accounts[other].new > 1 for other in waiting)
    return Turn(camera, allowed_ms, shares.accounts[camera].explores_ms if is_late else None)


def _paid(shares: Shares, ms: float) -> Shares:
    """An overdraft is no more than what one frame of each camera makes good."""
    pool_ms = shares.pool_ms
    if not isfinite(pool_ms):
        return shares
    saved_ms = min(max(shares.saved_ms + ms, -pool_ms), SAVED * pool_ms)
    return replace(shares, saved_ms=saved_ms)


def _with(shares: Shares, camera: int, account: Account) -> Shares:
    accounts = shares.accounts
    return replace(shares, accounts=(*accounts[:camera], account, *accounts[camera + 1 :]))
