"""What a command works with, opened as its flags say.

defaults   flags that were not given: from a config file, a device profile, what is installed
sources    what it reads
tagger     what it looks with
view       how closely it looks, and the plane that fish are measured in
results    where results go
listeners  who is told beside: targets of --to, the live page, whoever looks after the service
progress   how far it is

Heavy imports stand inside the functions: what a run does not use is not loaded.
"""
