"""`quantize.json`: what was tried, what was kept and why, and the hashes of the files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from quantize import disk
from quantize.errors import WorkshopError
from quantize.export.files import FILES
from quantize.int8.bench import Attempt
from quantize.int8.gate import Limits, Verdict
from quantize.int8.sensitivity import Hurt

FILE = "quantize.json"


class KeptAttempt(msgspec.Struct, frozen=True):
    """The artifact of an engine."""

    tried: Attempt
    files: dict[str, str]  # name in the folder -> SHA-256


class Record(msgspec.Struct, frozen=True):
    """Grows engine by engine: a run that is stopped goes on after the last whole one."""

    limits: Limits
    pictures: dict[str, int]  # "ranges", "judging", and how many of these have a label, by head
    kept: dict[str, KeptAttempt] = {}  # engine ->
    tried: tuple[Attempt, ...] = ()
    skipped: dict[str, str] = {}  # engine -> why
    sensitivity: tuple[Hurt, ...] = ()  # of the float student's layers, worst first

    @property
    def verdict(self) -> Verdict:
        return Verdict(tuple(row for kept in self.kept.values() for row in kept.tried.rows))


def write(record: Record, folder: Path) -> None:
    """Whole, or not at all."""
    disk.write(folder / FILE, msgspec.json.format(msgspec.json.encode(record)))


def store(kept: Attempt, files: list[bytes], folder: Path) -> KeptAttempt:
    """Write an engine's files."""
    names = FILES[kept.engine]
    for name, data in zip(names, files, strict=True):
        disk.write(folder / name, data)
    return KeptAttempt(kept, {name: sha256(data) for name, data in zip(names, files)})


def read(folder: Path) -> Record:
    """Raises WorkshopError when it is not there, or does not parse."""
    file = folder / FILE
    try:
        return msgspec.json.decode(file.read_bytes(), type=Record)
    except FileNotFoundError as e:
        raise WorkshopError(
            file, "no such file", "what `edge-quantize quantize` wrote", "run it first"
        ) from e
    except msgspec.DecodeError as e:
        raise WorkshopError(file, f"content does not parse ({e})", "a record", "--out OTHER") from e


def matching(folder: Path) -> Record:
    """`read`, without the engines whose files are not those that were judged: a kill came between
    the two.
    """
    record = read(folder)
    kept = {engine: one for engine, one in record.kept.items() if _is_whole(one, folder)}
    tried = tuple(one for one in record.tried if one.engine in kept)
    return msgspec.structs.replace(record, kept=kept, tried=tried)


def verified(folder: Path) -> Record:
    """`read`, with every file hashed. Raises WorkshopError that names the one that was changed."""
    record = read(folder)
    for engine, kept in record.kept.items():
        for name, digest in kept.files.items():
            file = folder / name
            if not file.is_file():
                raise WorkshopError(
                    file, "file is missing", f"the int8 of {engine}", "quantize again"
                )
            found = sha256(file.read_bytes())
            if found != digest:
                raise WorkshopError(
                    file,
                    f"SHA-256 is {found[:16]}...: not the file that was judged",
                    f"{digest[:16]}... as {FILE} says",
                    "quantize again, or put the file back",
                )
    return record


def sha256(data: bytes) -> str:
    """What `Kept.files` says of a file."""
    return hashlib.sha256(data).hexdigest()


def _is_whole(kept: KeptAttempt, folder: Path) -> bool:
    files = {folder / name: digest for name, digest in kept.files.items()}
    return all(f.is_file() and sha256(f.read_bytes()) == digest for f, digest in files.items())
