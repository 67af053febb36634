"""Vitals as Prometheus reads them. The names are a promise: `edgetag_`, base units, `_total`.

A registry of our own: what other libraries of the process count is not ours to publish.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from edge import __version__
from edge.health.power import REASONS
from edge.health.usage import free_bytes, resident_bytes, written_bytes
from edge.health.vitals import BUCKETS_S, Tally, Vitals
from edge.health.wall_clock import is_clock_synced
from edge.health.watch import BoardWatch
from edge.outbox.health import FileHealth, SinkHealth
from edge.sources.newest import Newest

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """Everything there is to count, collected when it is asked for.

    sinks    how those who get events are doing
    disk     a folder of the file system that fills
    cameras  the mailboxes of live sources, by name
    files    likewise those who write files of their own
    events   by type, how many were told
    """

    def __init__(
        self,
        vitals: Vitals,
        watch: BoardWatch,
        sinks: Callable[[], Sequence[SinkHealth]],
        disk: Path,
        cameras: Mapping[str, Newest] = {},
        files: Callable[[], Sequence[FileHealth]] = tuple,
        events: Callable[[], Mapping[str, int]] = dict,
    ) -> None:
        self._vitals, self._watch, self._sinks, self._disk = vitals, watch, sinks, disk
        self._mailboxes, self._files, self._events = cameras, files, events
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """The page."""
        return generate_latest(self._registry)

    def describe(self) -> Iterable[Metric]:
        """Nothing is collected for the sake of registering."""
        return ()

    def collect(self) -> Iterator[Metric]:
        tallies = self._vitals.tallies()
        yield from _frames(tallies)
        yield from _looks(tallies)
        yield from self._cameras(tallies)
        yield from _faults(self._mailboxes)
        yield from _events(self._events())
        yield from _outbox(self._sinks())
        yield from _written(self._files())
        yield from self._device()
        yield from self._process()

    def _cameras(self, tallies: dict[str, Tally]) -> Iterator[Metric]:
        up = _gauge("camera_up", "1: the last frame could be read, and it is not away", "camera")
        age = _gauge("frame_age_seconds", "of the last frame when its tags were told", "camera")
        since = _gauge("since_frame_seconds", "since the last tagged frame", "camera")
        for name, tally in tallies.items():
            mailbox = self._mailboxes.get(name)
            is_away = mailbox is not None and mailbox.is_away
            up.add_metric([name], float(tally.is_up and not is_away))
            if tally.age_s is not None:
                age.add_metric([name], tally.age_s)
            if (since_s := self._vitals.since_s(tally)) is not None:
                since.add_metric([name], since_s)
        ready = _gauge("ready", "1: every camera has been tagged of late, as /readyz says")
        ready.add_metric([], float(not self._vitals.why_not_ready()))
        yield from (up, age, since, ready)

    def _device(self) -> Iterator[Metric]:
        power = self._watch.power
        heat = _gauge("device_temperature_celsius", "of the board's sensors", "sensor")
        for sensor, degrees in power.temperatures_c.items():
            heat.add_metric([sensor], degrees)
        now = _gauge("throttled", "1: the board says so now", "reason")
        before = _gauge("throttled_since_boot", "1: the board said so at any time", "reason")
        for reason in REASONS:
            now.add_metric([reason], float(reason in power.now))
            before.add_metric([reason], float(reason in power.since_boot))
        budget = _gauge("budget_ratio", "what heat leaves of a frame's budget, 0..1")
        budget.add_metric([], self._watch.held().factor)
        clock = _gauge("cpu_clock_ratio", "of its highest frequency, the slowest core, 0..1")
        if power.clock is not None:
            clock.add_metric([], power.clock)
        synced = _gauge("clock_synced", "1: the wall clock is right")
        if (is_synced := is_clock_synced()) is not None:
            synced.add_metric([], float(is_synced))
        yield from (heat, now, before, budget, clock, synced)

    def _process(self) -> Iterator[Metric]:
        memory = _gauge("process_resident_memory_bytes", "of this process")
        if (resident := resident_bytes()) is not None:
            memory.add_metric([], resident)
        free = _gauge("storage_free_bytes", "where events wait")
        if (room := free_bytes(self._disk)) is not None:
            free.add_metric([], room)
        written = _counter("bytes_written", "that this process sent to disks")
        if (count := written_bytes()) is not None:
            written.add_metric([], count)
        yield from (memory, free, written)
        built = {"version": __version__, "python": platform.python_version()}
        yield InfoMetricFamily("edgetag_build", "what runs", value=built)
        if self._vitals.bundle:
            told = {"bundle": self._vitals.bundle, "engine": self._vitals.engine}
            yield InfoMetricFamily("edgetag_bundle", "what it tags with", value=told)


def _frames(tallies: dict[str, Tally]) -> Iterator[Metric]:
    frames = _counter("frames", "by what came of them", "camera", "outcome")
    took = HistogramMetricFamily(
        "edgetag_frame_seconds", "from a frame's pixels to its tags", labels=["camera"]
    )
    engine = _counter("engine_seconds", "of that, inside the engine", "camera")
    over = _counter("budget_overrun", "frames that took longer than they were allowed", "camera")
    for name, tally in tallies.items():
        frames.add_metric([name, "tagged"], tally.tagged)
        frames.add_metric([name, "failed"], tally.failed)
        engine.add_metric([name], tally.engine_s)
        over.add_metric([name], tally.over_budget)
        took.add_metric([name], _cumulated(tally.by_duration), sum_value=tally.frame_s)
    yield from (frames, took, engine, over)


def _looks(tallies: dict[str, Tally]) -> Iterator[Metric]:
    looks = _counter("looks", "launches of the engine", "camera", "kind")
    shed = _counter("shed", "looks that would have paid and did not fit", "camera", "why")
    coverage = _gauge("coverage_ratio", "looked at closely of late, 0..1", "camera")
    oldest = _gauge("oldest_visit_seconds", "since the longest forgotten place", "camera")
    for name, tally in tallies.items():
        for kind, count in tally.looks.items():
            looks.add_metric([name, kind], count)
        for why, count in tally.shed.items():
            shed.add_metric([name, why], count)
        if tally.tagged:
            coverage.add_metric([name], tally.coverage)
            oldest.add_metric([name], tally.oldest_s)
    yield from (looks, shed, coverage, oldest)


def _faults(cameras: Mapping[str, Newest]) -> Iterator[Metric]:
    """Before any engine saw a frame."""
    faults = _counter("camera_faults", "what went wrong, by kind", "camera", "kind")
    again = _counter("camera_reconnects", "times that it was back", "camera")
    for name, mailbox in cameras.items():
        if mailbox.faults is not None:
            for kind, count in mailbox.faults.counts().items():
                faults.add_metric([name, kind], count)
            again.add_metric([name], mailbox.faults.reconnects)
    yield from (faults, again)


def _events(told: Mapping[str, int]) -> Iterator[Metric]:
    events = _counter("events", "that were told: new, update, end", "type")
    for kind, count in told.items():
        events.add_metric([kind], count)
    yield events


def _outbox(sinks: Sequence[SinkHealth]) -> Iterator[Metric]:
    owed = _gauge("outbox_events", "that wait for a sink", "sink")
    sent = _counter("outbox_sent", "events that arrived, over restarts", "sink")
    lost = _counter("outbox_dropped", "events that never will, over restarts", "sink", "reason")
    waiting = _gauge("outbox_waiting", "events in memory, as the disk takes none", "sink")
    failures = _gauge("sink_failures", "in a row; 0: all is well", "sink")
    for sink in sinks:
        owed.add_metric([sink.name], sink.counts.owed)
        sent.add_metric([sink.name], sink.counts.sent)
        lost.add_metric([sink.name, "room"], sink.counts.dropped)
        lost.add_metric([sink.name, "refused"], sink.counts.refused)
        waiting.add_metric([sink.name], sink.counts.waiting)
        failures.add_metric([sink.name], sink.failures)
    yield from (owed, sent, lost, waiting, failures)


def _written(files: Sequence[FileHealth]) -> Iterator[Metric]:
    written = _counter("sink_written", "frames, or pictures of what happened", "sink")
    left_out = _counter("sink_left_out", "of those, for want of room", "sink")
    removed = _counter("sink_removed", "pictures whose time was over", "sink")
    for file in files:
        written.add_metric([file.name], file.written)
        left_out.add_metric([file.name], file.left_out)
        removed.add_metric([file.name], file.removed)
    yield from (written, left_out, removed)


def _gauge(name: str, what: str, *labels: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"edgetag_{name}", what, labels=labels)


def _counter(name: str, what: str, *labels: str) -> CounterMetricFamily:
    return CounterMetricFamily(f"edgetag_{name}", what, labels=labels)


def _cumulated(counts: Sequence[int]) -> list[tuple[str, float]]:
    """As Prometheus wants its buckets: each holds those below it."""
    tops = [*(str(top) for top in BUCKETS_S), "+Inf"]
    return [(top, float(sum(counts[: n + 1]))) for n, top in enumerate(tops)]
