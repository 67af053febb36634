"""Stage `label`: what a teacher thinks of every picture, on disk, once."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from quantize import recipe
from quantize.errors import WorkshopError
from quantize.labels import manifest as manifests
from quantize.labels.flags import add_flags, inputs_of, job_of, settings_of, through_ray
from quantize.labels.job import Job, missing
from quantize.labels.manifest import (
    LabelManifest,
    Stored,
    manifest_of,
    read_manifest,
    write_loaded,
    write_manifest,
)
from quantize.labels.processes import by_processes, on_own_device
from quantize.labels.ranks import Rank, one_at_a_time, rank_of
from quantize.labels.shards import read_left_out, read_stored
from quantize.labels.summary import counted, summary
from quantize.labels.work import work
from quantize.teachers import Description, open_teacher


def add(parser: argparse.ArgumentParser) -> None:
    """Flags of `edge-quantize label`."""
    add_flags(parser)


def run(args: argparse.Namespace) -> None:
    """Label what is not labelled yet; who finds every shard there finishes the folder."""
    rank = rank_of()
    if rank.world > 1 and (args.ray or args.workers):
        found = f"given with WORLD_SIZE {rank.world}"
        raise WorkshopError("--ray, --workers", found, "one way to share the work out", "leave out")
    job = job_of(args, rank)
    settings, inputs = settings_of(job), inputs_of(job)
    with one_at_a_time(job.out):
        recipe.begin(job.out, "label", settings, inputs, is_shared=rank.world > 1)
    about = _make(job, args, rank)
    with one_at_a_time(job.out):
        if left := missing(job):
            return _say(f"{job.out}: {len(left)} of {job.shards} shards are left to other ranks\n")
        return _finish(job, about)


def _make(job: Job, args: argparse.Namespace, rank: Rank) -> Description | None:
    """Every shard that is not there; the teacher's description when it was opened."""
    ours = missing(job, rank.number, rank.world)
    of_ours = range(rank.number, job.shards, rank.world)
    todo, total = (sum(len(job.of(n)) for n in numbers) for numbers in (ours, of_ours))
    with tqdm(total=total, initial=total - todo, desc="label", unit="picture", disable=None) as bar:
        return _shared(job, ours, args, rank, bar.update)


def _shared(
    job: Job, ours: list[int], args: argparse.Namespace, rank: Rank, tell: Callable[[int], object]
) -> Description | None:
    if not ours:
        return None
    if args.ray:
        about: Description | None = through_ray().by_ray(job, ours, _actors(job, args), tell)
        return about
    if args.workers and args.workers > 1:
        return by_processes(job, args.workers, tell)
    own = on_own_device(job, rank.local) if rank.world > 1 else job
    teacher = open_teacher(own.request)
    work(own, ours, teacher, tell)
    return teacher.about


def _finish(job: Job, about: Description | None) -> None:
    manifest = _known(job.out)
    if about is not None or manifest is None:
        about = about or open_teacher(job.request).about  # stopped between shards and manifest
        manifest = _written(job, about)
    counts = counted(job.out, manifest)
    recipe.finish(
        job.out,
        {
            "pictures": manifest.pictures,
            "left_out": len(manifest.left_out),
            "shards": manifest.shards,
            "tags": len(manifest.tags),
            "tags_a_picture": float(counts.sum() / max(1, manifest.pictures)),
        },
    )
    _say(summary(job.out, manifest, counts))


def _written(job: Job, about: Description) -> LabelManifest:
    left_out = [row for n in range(job.shards) for row in read_left_out(job.out, n)]
    count = len(job.samples) - len(left_out)
    kinds = {read_stored(job.out, n) for n in range(job.shards)}  # an older run's may be there
    coarsest: Stored = "float16" if "float16" in kinds else "float32"
    manifest = manifest_of(about, count, job.shards, tuple(left_out), coarsest)
    write_loaded(about, job.out)
    write_manifest(manifest, job.out)
    return manifest


def _say(text: str) -> None:
    sys.stdout.write(text)


def _known(out: Path) -> LabelManifest | None:
    return read_manifest(out) if (out / manifests.FILE).exists() else None


def _actors(job: Job, args: argparse.Namespace) -> int:
    return int(args.workers or through_ray().fitting(job.request.device, job.request.threads))
