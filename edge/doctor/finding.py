"""What was looked at, how it is, and what to do."""

from __future__ import annotations

from typing import Literal

import msgspec

from edge.errors import EdgeError

Verdict = Literal["OK", "WARN", "FAIL"]


class Finding(msgspec.Struct, frozen=True):
    """One line of the doctor's."""

    area: str  # machine, camera, engine, bundle
    what: str
    verdict: Verdict
    found: str  # for people
    fix: str = ""  # one thing to do; always there unless all is OK
    exit_code: int = 0  # of the command, where this fails; as in edge.errors


def ok(area: str, what: str, found: str) -> Finding:
    return Finding(area, what, "OK", found)


def warn(area: str, what: str, found: str, fix: str) -> Finding:
    """It works, but not as it should."""
    return Finding(area, what, "WARN", found, fix)


def fail(area: str, what: str, error: EdgeError) -> Finding:
    """It does not work; the error says what to do."""
    return Finding(area, what, "FAIL", str(error), error.fix, error.exit_code)
