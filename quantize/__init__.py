"""The workshop: teachers and labelled pictures -> a small int8 bundle. Torch is allowed here."""

import os

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before any stage imports it: see edge.engines.ort
