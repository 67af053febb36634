"""The flags of a service that is left alone."""

from __future__ import annotations

import argparse


def add_health(parser: argparse.ArgumentParser) -> None:
    """Of `edge-tag`."""
    add = parser.add_argument_group("left alone").add_argument
    text = "serve /healthz, /readyz and /metrics there, like 127.0.0.1:9464 (default: nothing)"
    add("--health", metavar="HOST:PORT", help=text)
    text = "whoever asks has to know the line in it (Bearer); a must beyond loopback"
    add("--health-token-file", metavar="FILE", help=text)
    text = (
        "degrees C: from WARM on the budget shrinks, at HOT it is a quarter "
        "(default: the device profile's; it needs a budget)"
    )
    add("--thermal", type=thermal, metavar="WARM:HOT", help=text)


def add_doctor(parser: argparse.ArgumentParser) -> None:
    """Of `edge-tag doctor`."""
    parser.add_argument("--json", action="store_true", help="one JSON object")
    text = "without names, addresses, paths: safe to show to strangers"
    parser.add_argument("--redacted", action="store_true", help=text)


def thermal(text: str) -> tuple[float, float]:
    """`70:80` in degrees Celsius."""
    warm, _, hot = text.partition(":")
    try:
        limits = float(warm), float(hot)
    except ValueError:
        limits = float("nan"), float("nan")
    if not 0 <= limits[0] < limits[1] <= 150:  # a NaN fails too
        raise argparse.ArgumentTypeError(
            f"{text!r} is given, expected degrees C like 70:80, the second above the first"
        )
    return limits
