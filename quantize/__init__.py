"""The workshop: teachers and labelled pictures -> a small int8 bundle. Torch is allowed here."""

import edge.engines  # noqa: F401  # which has engines report to nobody, before a stage imports one
