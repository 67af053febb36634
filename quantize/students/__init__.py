"""Students: small networks by name that int8 does not hurt."""

from quantize.students.inverted import PLANS, Conv
from quantize.students.student import (
    MEAN,
    SCALE,
    Network,
    SettingsTable,
    Student,
    load,
    normalise,
    save,
)

__all__ = [
    "MEAN",
    "PLANS",
    "SCALE",
    "Conv",
    "Network",
    "SettingsTable",
    "Student",
    "load",
    "normalise",
    "save",
]
