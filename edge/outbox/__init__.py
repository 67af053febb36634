"""What is owed to whom: events are on the disk before they are sent, and go once they arrived.

reporter  results -> events, handed to whoever is to have them
box       the outbox, whatever its disk does
ledger    what it has on the disk: events, and who is owed which
database  the SQLite file
sequence  numbers that only grow
delivery  from the outbox to one sink, tried until it arrives
health    how a sink is doing
opened    all of that, opened for a run
"""
