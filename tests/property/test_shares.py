"""The laws of shares, on a clock that only the cameras and their frames move."""

from __future__ import annotations

from collections.abc import Callable, Collection
from itertools import pairwise
from math import inf

from hypothesis import example, given
from hypothesis import strategies as st

from edge.schedule.plan import EXPLORING
from edge.schedule.shares import OWED, SAVED, Shares, Turn, next_turn, settled, shared

PERIOD_MS = 200.0  # between two frames of a camera
CAMERAS = st.integers(2, 12)
POOL = st.floats(20, PERIOD_MS)
PART = st.floats(0.01, 1)  # of the pool
WISH = st.one_of(st.just(inf), st.floats(0, 300))
SLACK = 1e-6  # ms: sums of floats


class Clock:
    """Each camera gives a frame a period; turns cost.

    wish       what the frame of a camera in a turn would like to take, ms
    launch_ms  of which that is made up; 0: of anything
    """

    def __init__(
        self,
        shares: Shares,
        wish: Callable[[int, int], float],
        phases: list[float],
        launch_ms: float = 0.0,
    ):
        self.shares, self.wish, self.phases, self.launch_ms = shares, wish, phases, launch_ms
        self.now_ms = 0.0
        self.taken = [0] * len(phases)
        self.turns: list[tuple[float, Turn, float]] = []  # when it began, turn, spent
        self.waits: list[dict[int, float]] = []  # who waited then -> its credit
        self.came: list[int] = []  # frames of all cameras by then

    def newest(self) -> list[int]:
        return [int((self.now_ms - p) // PERIOD_MS) + 1 for p in self.phases]

    def run(self, periods: int) -> Clock:
        while self.now_ms < periods * PERIOD_MS:
            newest = self.newest()
            waiting = {c: n for c, n in enumerate(newest) if n > self.taken[c]}
            turn = None
            if waiting:
                self.shares, turn = next_turn(self.shares, waiting)
            if turn is None:
                self.now_ms = min(p + n * PERIOD_MS for p, n in zip(self.phases, newest)) + SLACK
                continue
            self.serve(turn, waiting, newest)
        return self

    def serve(self, turn: Turn, waiting: Collection[int], newest: list[int]) -> None:
        self.waits.append({c: self.shares.accounts[c].credit_ms for c in waiting})
        self.taken[turn.camera] = newest[turn.camera]
        wish = self.wish(turn.camera, len(self.turns))
        spent = min(wish, turn.allowed_ms)
        if self.launch_ms:
            spent = spent // self.launch_ms * self.launch_ms
        self.shares = settled(self.shares, turn, spent, wants_more=wish > turn.allowed_ms)
        self.turns.append((self.now_ms, turn, spent))
        self.came.append(sum(newest))
        self.now_ms += spent

    def spent_ms(self) -> list[float]:
        """By camera."""
        return [
            sum(s for _, turn, s in self.turns if turn.camera == c) for c in range(len(self.phases))
        ]

    def begun_ms(self, camera: int) -> list[float]:
        """Its turns."""
        return [t for t, turn, _ in self.turns if turn.camera == camera]

    def longest_ms(self, camera: int) -> float:
        """That it was not served."""
        return max(b - a for a, b in pairwise([0.0, *self.begun_ms(camera), self.now_ms]))


def phases(cameras: int) -> st.SearchStrategy[list[float]]:
    return st.lists(st.floats(0, PERIOD_MS - 1), min_size=cameras, max_size=cameras)


@st.composite
def runs(draw) -> Clock:
    """Any cameras, any frames, any wishes."""
    cameras, pool_ms = draw(CAMERAS), draw(POOL)
    wishes = draw(st.lists(WISH, min_size=1, max_size=30))
    launch_ms = draw(st.one_of(st.just(0.0), st.floats(0.1, 50)))
    shares = shared(cameras, pool_ms, draw(PART) * pool_ms)
    wish = lambda _, turn: wishes[turn % len(wishes)]  # noqa: E731
    return Clock(shares, wish, draw(phases(cameras)), launch_ms).run(15)


@given(runs())
def test_from_any_time_on_frames_cost_no_more_than_was_earned_and_what_was_saved(clock):
    """Every frame that comes earns an even part; the last turn may take one pool more."""
    pool_ms, even_ms = clock.shares.pool_ms, clock.shares.pool_ms / len(clock.phases)
    balance = [0.0]  # earned, less what was spent, by turn
    for (_, _, spent), before, now in zip(clock.turns, [0, *clock.came], clock.came):
        balance.append(balance[-1] + (now - before) * even_ms - spent)
    highest = balance[0]
    for left in balance:
        highest = max(highest, left)
        assert highest - left <= (SAVED + 1) * pool_ms + SLACK


@given(runs())
def test_a_frame_may_cost_what_is_useful_and_an_even_part_and_never_more_than_the_pool(clock):
    pool_ms, useful_ms = clock.shares.pool_ms, clock.shares.useful_ms
    for _, turn, _ in clock.turns:
        least_ms = max(useful_ms, pool_ms / len(clock.phases)) - SLACK
        assert least_ms <= turn.allowed_ms <= pool_ms
        assert turn.sure_ms >= least_ms  # which no other camera may cut short


@given(runs())
def test_nobody_is_served_twice_while_one_waits_that_has_taken_no_more_than_its_part(clock):
    since: dict[int, list[int]] = {}  # camera -> who was served while it waited and had credit
    for (_, turn, _), waiting in zip(clock.turns, clock.waits):
        for camera, credit_ms in waiting.items():
            if credit_ms >= 0:
                since.setdefault(camera, []).append(turn.camera)
        for others in since.values():
            assert len(set(others)) == len(others)
        since.pop(turn.camera, None)


@given(CAMERAS, POOL, PART, st.data())
def test_nobody_starves(cameras, pool_ms, part, data):
    """However greedy all are, and whatever they took before: each has a turn as soon as a useful
    frame of all, and half of one, is earned.
    """
    wishes = data.draw(st.lists(WISH, min_size=1, max_size=30))
    shares = shared(cameras, pool_ms, part * pool_ms)
    wish = lambda camera, turn: wishes[(7 * camera + turn) % len(wishes)]  # noqa: E731
    clock = Clock(shares, wish, data.draw(phases(cameras))).run(60)
    periods = (1 + OWED) * cameras * shares.quantum_ms / pool_ms + 2
    assert all(clock.longest_ms(c) <= periods * PERIOD_MS for c in range(cameras))


@given(CAMERAS, st.floats(20, 0.9 * PERIOD_MS), PART, st.floats(0, 0.9), st.data())
def test_a_noisy_camera_takes_nothing_from_the_others(cameras, pool_ms, part, modest, data):
    """Where a useful frame of its own and what the others want is no more than the pool: they have
    as many turns as without it, and all they want in each.
    """
    modest_ms = modest * pool_ms / cameras
    useful_ms = part * (pool_ms - (cameras - 1) * modest_ms)
    shares, at = shared(cameras, pool_ms, useful_ms), data.draw(phases(cameras))
    quiet = Clock(shares, lambda *_: modest_ms, at).run(30)
    noisy = Clock(shares, lambda camera, _: modest_ms if camera else inf, at).run(30)
    assert all(abs(s - modest_ms) < SLACK for _, turn, s in noisy.turns if turn.camera)
    for camera in range(1, cameras):
        assert len(noisy.begun_ms(camera)) >= len(quiet.begun_ms(camera)) - 3


@given(CAMERAS, POOL, PART, st.floats(0, 0.9), st.data())
def test_what_the_modest_leave_the_greedy_have(cameras, pool_ms, useful, modest, data):
    """Nothing of the pool is lost while a camera wants more."""
    modest_ms = modest * pool_ms / cameras
    shares = shared(cameras, pool_ms, useful * pool_ms)
    at = data.draw(phases(cameras))
    clock = Clock(shares, lambda camera, _: modest_ms if camera else inf, at).run(40)
    wanted_ms = pool_ms - (cameras - 1) * modest_ms
    assert clock.spent_ms()[0] >= wanted_ms * 36


@given(CAMERAS.flatmap(phases), POOL, st.floats(0.01, 0.5))
@example([0.0, 0.0, 51.0], 200.0, 0.125)
@example([0.0, 50.0, 0.0, 100.0], 200.0, 0.1)
@example([0.0, 100.0, 160.0, 0.0, 125.0, 71.0, 0.0, 0.0], 200.0, 0.021)
def test_cameras_that_want_the_same_get_the_same(at, pool_ms, launch):
    """Jain's index of what they spent, with launches of which two are a useful frame."""
    cameras, launch_ms = len(at), launch * pool_ms
    shares = shared(cameras, pool_ms, 2 * launch_ms)
    spent_ms = Clock(shares, lambda *_: inf, at, launch_ms).run(100).spent_ms()
    assert sum(spent_ms) ** 2 / (cameras * sum(ms * ms for ms in spent_ms)) >= 0.95


@given(runs())
def test_where_frames_were_dropped_a_tenth_of_what_came_explores(clock):
    pool_ms = clock.shares.pool_ms
    for _, turn, _ in clock.turns:
        assert turn.exploring_ms is None or turn.exploring_ms <= pool_ms
    given_ms = sum(turn.exploring_ms or 0.0 for _, turn, _ in clock.turns)
    assert given_ms <= EXPLORING * clock.came[-1] * pool_ms / len(clock.phases) + SLACK


@given(runs())
def test_the_same_frames_give_the_same_turns(clock):
    """No state, no clock, no chance."""
    first = shared(len(clock.phases), clock.shares.pool_ms, clock.shares.useful_ms)
    again = Clock(first, clock.wish, clock.phases, clock.launch_ms).run(15)
    assert again.turns == clock.turns
