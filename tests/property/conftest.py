"""Hypothesis without its deadline: a busy machine is no failure, and no test asserts a time."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("edge", deadline=None)
settings.load_profile("edge")
