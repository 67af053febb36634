"""Several cameras, one budget: whose turn it is, and what its frame may cost. Pure, no clock.

Deficit round robin (Shreedhar and Varghese 1996, IEEE/ACM ToN 4) by frames. Every frame that comes,
looked at or not, earns its camera an even part of the pool, which is what the user gave one frame
of all of them. That part may be too small for a frame that is of use, a glance and what it shows;
so whose turn it is may take as much as that, out of a purse that is one for all. Many cameras get
useful frames seldom rather than useless ones often.

Who has taken no more than its frames earned goes first, and among those who was served longest ago.
So a camera that was quiet has its turn at once, and a noisy one has its part and what others leave.
What it took beyond that is forgiven but for half a useful frame: it waits, it does not starve.

Where frames were dropped the device does not keep up: then a turn has its useful frame, and a tenth
of what its camera earned explores. Else it may take what is saved, unless one waits that has saved
more of it and wanted more the last time; and past its useful frame it ends once somebody waits: no
camera is to wait for all that another finds worth a look.

The laws are in tests/property/test_shares.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import inf, isfinite

import msgspec
from msgspec.structs import replace

from edge.schedule.plan import EXPLORING

SAVED = 2.0  # pools, in the purse and of each camera, at most
OWED = 0.5  # useful frames: what a camera that took more than its part has to make good
GONE = 4  # times as seldom as the others: a camera whose frames come so has no part of the pool


class Account(msgspec.Struct, frozen=True):
    """What one camera has earned and spent."""

    came: int = 0  # frames so far
    new: int = 0  # of them, since its last turn; more than one, and some were dropped
    heard: int = 0  # frames of all cameras when its newest came
    served: int = -1  # the turn it had last
    credit_ms: float = 0.0  # earned by its frames and not spent; below 0 it lives on others
    explores_ms: float = 0.0  # what exploration is owed since its last turn
    wants_more: bool = False  # its last turn ended before all was looked at


class Shares(msgspec.Struct, frozen=True):
    """The pool, the purse, and the account of each camera."""

    pool_ms: float  # inf is no limit
    accounts: tuple[Account, ...]  # by camera
    useful_ms: float = 0.0  # what a frame must cost to be of use
    purse_ms: float = 0.0  # earned by all and not spent; below 0 it is overdrawn
    frames: int = 0  # that came, of all cameras
    turn: int = 0

    @property
    def live(self) -> int:
        """Cameras that give frames."""
        window = GONE * len(self.accounts)
        return max(1, sum(self.frames - account.heard <= window for account in self.accounts))

    @property
    def quantum_ms(self) -> float:
        """The least that a frame whose turn it is may cost: what is of use, or an even part."""
        return min(self.pool_ms, max(self.useful_ms, self.pool_ms / self.live))


class Turn(msgspec.Struct, frozen=True):
    """The turn of one camera."""

    camera: int
    allowed_ms: float  # what its frame may cost
    exploring_ms: float | None = None  # of that, for exploration; None: all that nothing else needs
    sure_ms: float = inf  # of that; the rest is lent, until another camera has a frame


def shared(cameras: int, pool_ms: float = inf, useful_ms: float = 0.0) -> Shares:
    """The accounts of so many cameras. Raises ValueError for no camera, or a time below 0."""
    if cameras < 1 or not pool_ms >= 0 or not useful_ms >= 0:
        found = f"{cameras} cameras share {pool_ms} ms, {useful_ms} ms are of use"
        raise ValueError(f"{found}, expected 1 or more and 0 or more")
    return Shares(pool_ms, (Account(),) * cameras, useful_ms, pool_ms if isfinite(pool_ms) else 0.0)


def next_turn(shares: Shares, waiting: Mapping[int, int]) -> tuple[Shares, Turn | None]:
    """Whose turn it is; None while the purse is overdrawn: wait for more frames to come.

    waiting  cameras with a frame -> how many frames came of each, that one included
    Raises ValueError when there is none.
    """
    if not waiting:
        raise ValueError("no camera has a frame, expected at least one")
    for camera, came in sorted(waiting.items()):
        shares = _earned(shares, camera, came)
    camera = min(waiting, key=lambda camera: _patience(shares, camera))
    # Nothing to share, or nobody to share with.
    if not isfinite(shares.pool_ms) or shares.live == 1:
        return shares, Turn(camera, shares.pool_ms)
    return shares, _turn(shares, camera, waiting) if shares.purse_ms >= 0 else None


def rested(shares: Shares) -> Shares:
    """After a while without a frame: the purse fills as if one had come."""
    return _paid(shares, shares.pool_ms / shares.live)


def settled(shares: Shares, turn: Turn, spent_ms: float, *, wants_more: bool = False) -> Shares:
    """After the turn: what it cost, and whether there was more to look at."""
    account = shares.accounts[turn.camera]
    if isfinite(shares.pool_ms):
        credit_ms = max(account.credit_ms - spent_ms, -OWED * shares.quantum_ms)
        account = replace(account, credit_ms=credit_ms)
    account = replace(account, new=0, served=shares.turn, explores_ms=0.0, wants_more=wants_more)
    shares = replace(_paid(shares, -spent_ms), turn=shares.turn + 1)
    return _with(shares, turn.camera, account)


def _earned(shares: Shares, camera: int, came: int) -> Shares:
    """With what the new frames of a camera earn."""
    account = shares.accounts[camera]
    new = max(0, came - account.came)
    if not new:
        return shares
    frames = shares.frames + new
    account = replace(account, came=came, new=account.new + new, heard=frames)
    shares = _with(replace(shares, frames=frames), camera, account)
    if not isfinite(shares.pool_ms):
        return shares
    ms = new * shares.pool_ms / shares.live
    credit_ms = min(account.credit_ms + ms, SAVED * shares.pool_ms)
    explores_ms = min(account.explores_ms + EXPLORING * ms, shares.pool_ms)
    account = replace(account, credit_ms=credit_ms, explores_ms=explores_ms)
    return _paid(_with(shares, camera, account), ms)


def _patience(shares: Shares, camera: int) -> tuple[bool, int, int]:
    """A sort key: first who owes nothing, then who was served longest ago."""
    account = shares.accounts[camera]
    return account.credit_ms < 0, account.served, camera


def _turn(shares: Shares, camera: int, waiting: Collection[int]) -> Turn:
    quantum_ms, pool_ms = shares.quantum_ms, shares.pool_ms
    if any(shares.accounts[other].new > 1 for other in waiting):
        return Turn(camera, quantum_ms, shares.accounts[camera].explores_ms)
    own = shares.accounts[camera]
    waits = [shares.accounts[other] for other in waiting if other != camera]
    if any(other.wants_more and other.credit_ms > own.credit_ms for other in waits):
        return Turn(camera, quantum_ms, sure_ms=quantum_ms)
    others_ms = min(len(waits) * quantum_ms, pool_ms)
    lent_ms = min(max(quantum_ms, shares.purse_ms - others_ms), pool_ms)
    return Turn(camera, lent_ms, sure_ms=quantum_ms)


def _paid(shares: Shares, ms: float) -> Shares:
    """With `ms` more in the purse. It is overdrawn by one pool at most, and saves SAVED pools."""
    pool_ms = shares.pool_ms
    if not isfinite(pool_ms):
        return shares
    return replace(shares, purse_ms=min(max(shares.purse_ms + ms, -pool_ms), SAVED * pool_ms))


def _with(shares: Shares, camera: int, account: Account) -> Shares:
    accounts = shares.accounts
    return replace(shares, accounts=(*accounts[:camera], account, *accounts[camera + 1 :]))
