"""`--device auto`, and whether a device that was named is this one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from edge.boards import profiles
from edge.boards.profiles import VIRTUAL, Profile
from edge.boards.recognise import recognise
from edge.boards.snapshot import Snapshot, take_snapshot
from edge.engines import installed
from edge.errors import ConfigError

AUTO = "auto"


def chosen(
    name: str, say: Callable[[str], None], *, is_virtual: bool = False, seen: Snapshot | None = None
) -> Profile:
    """The profile `name`, or for "auto" the one of this machine, and why, to `say`.

    If the machine does not look like the profile that is named, `say` is told; not for a file,
    which somebody wrote for this machine. seen: the machine's files, read when not given. Raises
    ConfigError.
    """
    seen = seen or take_snapshot()
    if name == AUTO:
        found = recognise(seen)
        say(f"edge-tag: --device auto: {found.profile}, because {found.why}")
        if found.hint:
            say(f"edge-tag: also here, unused: {found.hint}")
        return runnable(profiles.find(found.profile), installed(), say)
    profile = profiles.find(name)
    if not (name.endswith(".toml") or is_virtual or profile.engine == VIRTUAL):
        _warn(profile, seen, say)
    return profile


def _warn(profile: Profile, seen: Snapshot, say: Callable[[str], None]) -> None:
    try:
        found = recognise(seen)
    except ConfigError:
        return  # no profile that ships is made for such a machine: nothing to compare with
    if profile.name not in (found.profile, *found.also):
        say(
            f"edge-tag: --device {profile.name}: this machine looks like {found.profile} "
            f"({found.why})"
        )


def runnable(profile: Profile, here: Sequence[str], say: Callable[[str], None]) -> Profile:
    """With an engine that is `here`: on a CPU any engine serves where the profile's is missing."""
    if profile.engine in here or not here or profile.provider not in (None, "CPU"):
        return profile
    say(f"edge-tag: {profile.engine} is not installed: {here[0]} instead")
    return msgspec.structs.replace(profile, engine=here[0])
