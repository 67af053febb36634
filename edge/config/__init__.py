"""The config file: one TOML, checked whole before any of it is used, and read again on SIGHUP.

`records` says what may stand in it, `read` is the one way in, `watch` applies it to frames.

records      what may stand in it
read         the one way in
problems     all that is wrong with it, not only the first
merge        flags beside it: a flag wins
applied      in a run's flags, and at its frames
watch        at work: masks before a frame is looked at, zones after it; read again
masks        what is made black before anything sees it
zones        which names a tag gets, and whether it is told at all
hours        whether a camera is on
wanted       tags and groups that it names: does any head know them?
here         what it names and this machine has not
shown        as TOML again, without credentials; and its JSON schema
subcommands  what `edge-tag config` answers
"""
