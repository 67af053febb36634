"""Stages: one module a command, `add` for its flags and `run`; folders in, one folder out."""
