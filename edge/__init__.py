"""edge-tag: tags for fine detail in pictures, on the device.

    import edge
    tagger = edge.open_tagger()
    for tag in tagger.tag(rgb):  # (H, W, 3) uint8
        print(tag.head, tag.tag, tag.score, tag.box)

Nothing is loaded before it is used: `import edge` costs no array library, no codec and no engine.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from edge.errors import (
    BundleError,
    CheckFailed,
    ConfigError,
    EdgeError,
    EngineError,
    EngineMissing,
    InferenceError,
    ProviderUnavailable,
    SinkError,
    SourceError,
    UsageError,
)

if TYPE_CHECKING:
    from edge.records import Budget, FrameTags, Tag
    from edge.seen import View
    from edge.tagger import Tagger, open_tagger

__version__ = "0.1.0"

__all__ = [
    "Budget",
    "BundleError",
    "CheckFailed",
    "ConfigError",
    "EdgeError",
    "EngineError",
    "EngineMissing",
    "FrameTags",
    "InferenceError",
    "ProviderUnavailable",
    "SinkError",
    "SourceError",
    "Tag",
    "Tagger",
    "UsageError",
    "View",
    "__version__",
    "open_tagger",
]

_LATER = {  # public name -> the module that loads when it is first asked for
    "Budget": "edge.records",
    "FrameTags": "edge.records",
    "Tag": "edge.records",
    "Tagger": "edge.tagger",
    "View": "edge.seen",
    "open_tagger": "edge.tagger",
}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


if not TYPE_CHECKING:  # or every name would be one of edge's to mypy, a misspelt one as well

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module 'edge' has no attribute {name!r}")
        return getattr(import_module(_LATER[name]), name)
