"""Commands, a module each: `parsed(words)`, its flags, and `main(flags, out, stop)`, its exit code.

To add one: a module here and a row in `edge.cli.VERBS`. Flags that several take are in `flags`, and
what those open is in `edge.opening`. Heavy imports stand inside the functions.
"""
