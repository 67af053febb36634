"""The laws of shares, on a clock that only the cameras move."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf

from hypothesis import given
from hypothesis import strategies as st

from edge.schedule.shares import Shares, Turn, next_turn, settled, shared

CAMERAS = st.integers(1, 12)
POOL = st.floats(0.5, 500)
WISH = st.one_of(st.just(inf), st.floats(0, 300))
SLACK = 1e-6  # ms: sums of floats


class Clock:
    """Frames come, turns cost. `wish(camera, turn)` is what a frame would like to take, ms."""

    def __init__(self, shares: Shares, wish: Callable[[int, int], float], launch_ms: float = 0.0):
        self.shares, self.wish, self.launch_ms = shares, wish, launch_ms
        self.now_ms = 0.0
        self.turns: list[tuple[Turn, float, bool]] = []  # turn, spent, whether a round began

    def serve(self, waiting: set[int]) -> int:
        begins = not set(self.shares.to_come) & waiting
        self.shares, turn = next_turn(self.shares, waiting)
        wished = self.wish(turn.camera, len(self.turns))
        spent = min(wished, turn.allowed_ms)
        if self.launch_ms:
            spent = spent // self.launch_ms * self.launch_ms
        self.shares = settled(self.shares, turn, spent, wished > spent)
        self.now_ms += spent
        self.turns.append((turn, spent, begins))
        return turn.camera

    def rounds(self) -> Iterator[list[tuple[Turn, float]]]:
        found: list[tuple[Turn, float]] = []
        for turn, spent, begins in self.turns:
            if begins and found:
                yield found
                found = []
            found.append((turn, spent))
        yield found


@st.composite
def runs(draw) -> Clock:
    """Any cameras, any frames, any wishes."""
    cameras, pool_ms = draw(CAMERAS), draw(POOL)
    turns = draw(st.integers(1, 60))
    wishes = draw(st.lists(WISH, min_size=turns, max_size=turns))
    launch_ms = draw(st.one_of(st.just(0.0), st.floats(0.1, 50)))
    clock = Clock(shared(cameras, pool_ms), lambda _, turn: wishes[turn], launch_ms)
    ids = st.sets(st.integers(0, cameras - 1), min_size=1)
    waiting: set[int] = set()
    for _ in range(turns):
        waiting |= draw(ids)
        waiting.discard(clock.serve(waiting))
    return clock


@given(runs())
def test_a_round_never_costs_more_than_the_pool(clock):
    """And a camera has one turn in it."""
    for turns in clock.rounds():
        assert sum(spent for _, spent in turns) <= clock.shares.pool_ms + SLACK
        cameras = [turn.camera for turn, _ in turns]
        assert len(set(cameras)) == len(cameras)


@given(runs())
def test_nobody_gets_less_than_the_floor_or_more_than_the_pool(clock):
    floor_ms, pool_ms = clock.shares.floor_ms, clock.shares.pool_ms
    for turn, _, _ in clock.turns:
        assert floor_ms - SLACK <= turn.allowed_ms <= pool_ms + SLACK
        assert all(abs(a.credit_ms) <= pool_ms for a in clock.shares.accounts)


@given(CAMERAS, POOL, st.data())
def test_a_waiting_frame_is_served_before_any_other_camera_comes_a_third_time(
    cameras, pool_ms, data
):
    """Whoever comes when a round has begun waits for the rest of it, and for one more."""
    clock = Clock(shared(cameras, pool_ms), lambda camera, _: inf if camera % 2 else 1.0)
    since: dict[int, int] = {}
    for n in range(8 * cameras):
        for camera in data.draw(st.sets(st.integers(0, cameras - 1), min_size=1)):
            since.setdefault(camera, n)
        served = clock.serve(set(since))
        meanwhile = [turn.camera for turn, _, _ in clock.turns[since.pop(served) : n]]
        assert all(meanwhile.count(other) <= 2 for other in meanwhile)
        assert served not in meanwhile


@given(st.integers(2, 12), POOL, st.floats(0.05, 0.5))
def test_a_greedy_camera_makes_the_others_wait_for_what_they_leave_and_no_longer(
    cameras, pool_ms, share
):
    """The others get all they want; a round takes a pool at most, so a wait does too."""
    modest_ms = share * pool_ms / cameras
    clock = Clock(shared(cameras, pool_ms), lambda camera, _: modest_ms if camera else inf)
    served_ms = [0.0] * cameras
    for _ in range(20):
        waiting = set(range(cameras))
        while waiting:
            start_ms, camera = clock.now_ms, clock.serve(waiting)
            waiting.discard(camera)
            assert start_ms - served_ms[camera] <= 2 * pool_ms + SLACK
            served_ms[camera] = clock.now_ms
    later = clock.turns[cameras:]  # before that nobody knows who is modest
    assert all(abs(spent - modest_ms) < SLACK for turn, spent, _ in later if turn.camera)
    greedy = [spent for turn, spent, _ in later if not turn.camera]
    left_ms = pool_ms - (cameras - 1) * modest_ms
    assert all(abs(spent - left_ms) < SLACK for spent in greedy)


@given(CAMERAS, POOL, st.floats(0.01, 0.7))
def test_cameras_that_want_the_same_get_the_same(cameras, pool_ms, launch_share):
    """Jain's index of what they spent, with launches that do not fit their shares."""
    clock = Clock(shared(cameras, pool_ms), lambda *_: inf, launch_share * pool_ms)
    spent_ms = [0.0] * cameras
    for _ in range(40):
        waiting = set(range(cameras))
        while waiting:
            waiting.discard(clock.serve(waiting))
    for turn, spent, _ in clock.turns:
        spent_ms[turn.camera] += spent
    jain = sum(spent_ms) ** 2 / (cameras * sum(ms * ms for ms in spent_ms))
    assert jain >= 0.95


@given(runs())
def test_the_same_frames_give_the_same_turns(clock):
    """No state, no clock, no chance."""
    again = Clock(shared(len(clock.shares.accounts), clock.shares.pool_ms), clock.wish)
    other = Clock(shared(len(clock.shares.accounts), clock.shares.pool_ms), clock.wish)
    for one in (again, other):
        for _ in clock.turns:
            one.serve(set(range(len(clock.shares.accounts))))
    assert again.turns == other.turns
