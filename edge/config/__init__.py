"""The config file: one TOML, checked whole before any of it is used, and read again on SIGHUP.

`records` says what may stand in it, `read` is the one way in, `watch` applies it to frames.
"""
