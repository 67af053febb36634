"""The workshop: turns teachers and labelled pictures into a small int8 bundle. Torch is allowed here."""
