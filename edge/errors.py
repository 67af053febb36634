"""Every error the runtime raises on purpose, and the exit code each one gives.

    EdgeError
      UsageError               2   a flag or an argument is wrong
      SourceError              3   frames cannot be read
      BundleError              4   a bundle is missing, damaged, hostile or too new
        NotReproduced              it does not answer here as where it was packed
      EngineError              5   an engine or a device does not do what was asked
        EngineMissing              the engine's package is not installed or does not load
        ProviderUnavailable        the engine is here, the provider asked for is not
        InferenceError             the engine failed, or was fed the wrong array
      CheckFailed              6   a check finished, and the answer is no
      SinkError               74   results cannot be written (EX_IOERR)
      ConfigError             78   a profile or a config file is wrong (EX_CONFIG)

1 is never used on purpose: Python returns it for a traceback, so 1 always means a bug in edge.
A message reads `where: thing is found, expected ...`; `fix` is one thing the reader can do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

# Fixes that many modules give.
COPY_AGAIN = "copy the bundle again"
PACK_AGAIN = "have it packed again: edge-quantize pack"
NOT_TRUSTED = (  # of another side's certificate
    "is the clock of this machine right (timedatectl)? if so, #ca-file=FILE behind the address, "
    "with the certificate of who signed theirs"
)
COPY_OR_OTHER = f"{COPY_AGAIN}; if that does not help, use another engine"


def with_fix(error: str, fix: str) -> str:
    """Both in one line."""
    return f"{error} (fix: {fix})" if fix else error


class EdgeError(Exception):
    """The world is not as it must be. `ValueError` is for callers' mistakes, this is for users'."""

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix

    @property
    def with_fix(self) -> str:
        return with_fix(str(self), self.fix)


class UsageError(EdgeError):
    """A flag or an argument is wrong."""

    exit_code = 2


class SourceError(EdgeError):
    """A picture, clip, folder, stream or camera cannot be read."""

    exit_code = 3


class BundleError(EdgeError):
    """A bundle is missing, damaged, hostile, or written by a newer edge-tag."""

    exit_code = 4


class NotReproduced(BundleError):
    """A bundle's golden pictures get other answers here than where it was packed."""


class EngineError(EdgeError):
    """An engine or a device does not do what was asked of it."""

    exit_code = 5


class EngineMissing(EngineError):
    """The engine's package is not installed, or does not load on this device."""


class ProviderUnavailable(EngineError):
    """The engine is here, the provider asked for is not."""


class InferenceError(EngineError):
    """The engine failed while running, or was fed an array it does not take."""


class CheckFailed(EdgeError):
    """A check ran to its end, and the answer is no."""

    exit_code = 6


class SinkError(EdgeError):
    """Results cannot be written."""

    exit_code = 74


class ConfigError(EdgeError):
    """A profile or a config file is wrong. also: the other things that are wrong with it."""

    exit_code = 78

    def __init__(self, message: str, *, fix: str = "", also: Sequence[ConfigError] = ()) -> None:
        super().__init__(message, fix=fix)
        self.also = tuple(also)
