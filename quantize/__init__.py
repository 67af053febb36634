"""The workshop: teachers and labelled pictures -> a small int8 bundle. Torch is allowed here."""
