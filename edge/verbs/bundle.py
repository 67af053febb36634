"""`edge-tag bundle`: what a bundle is, who signed it, which one this device uses."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from edge.process import Stop, print_table, write_line
from edge.verbs import check
from edge.verbs.flags import new_parser

ABOUT = "Bundles: look into one, sign it, install it on this device, go back to the one before."
EXAMPLES = """\
examples:
  edge-tag bundle show                          what the bundle in use can tell, and how well
  edge-tag bundle notices > NOTICES.txt         whose work it rests on, for who ships a device
  edge-tag bundle key shop                      once: shop.key.pem, for no device, and shop.pub.pem
  edge-tag bundle sign new.edge --key shop.key.pem
  edge-tag bundle trust shop.pub.pem            on the device: only what is signed with it
  edge-tag bundle install /media/stick/new.edge
  edge-tag bundle rollback                      the one before is used again

An installed bundle is used where no --bundle is named. It is proven on this device before it is:
its signature, every hash, its golden pictures on each engine that is here. One older than what was
installed is refused, as an old bundle with a good signature may be somebody's trick. Signatures are
OpenSSF Model Signing (1.0); a daemon takes up another bundle when it is started again.
"""


def parsed(words: Sequence[str]) -> argparse.Namespace:
    """The flags. Raises UsageError."""
    parser = new_parser("edge-tag bundle", ABOUT)
    parser.epilog = EXAMPLES
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("show", help="its heads, how well each does, what it was made from")
    add.add_argument("bundle", nargs="?", metavar="BUNDLE", help="default: the one in use")
    add.add_argument("--json", action="store_true", help="its manifest")
    add = actions.add_parser("notices", help="whose work it rests on, and under which licences")
    add.add_argument("bundle", nargs="?", metavar="BUNDLE", help="default: the one in use")
    actions.add_parser("list", help="those on this device, and which is in use")
    check.add_arguments(actions.add_parser("verify", help="the same as edge-tag check"))
    add = actions.add_parser("key", help="make a pair of keys: NAME.key.pem and NAME.pub.pem")
    add.add_argument("name", metavar="NAME", help="like shop, or keys/shop")
    _add_sign(actions.add_parser("sign", help="write bundle.sig into a bundle"))
    add = actions.add_parser("trust", help="which keys a bundle must be signed with, from now on")
    add.add_argument("keys", nargs="?", metavar="FILE", help="PEM of public keys; none: say which")
    add.add_argument("--none", action="store_true", help="any bundle will do again")
    add = actions.add_parser("install", help="use a bundle from now on, if it is right and newer")
    add.add_argument("bundle", metavar="BUNDLE", help="a folder or an .edge file")
    add.add_argument("--older", action="store_true", help="also one that is older")
    actions.add_parser("rollback", help="use the bundle before")
    return parser.parse_args(words)


def _add_sign(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="a folder or an .edge file")
    text = "PEM of a private key of an elliptic curve (P-256, P-384, P-521)"
    parser.add_argument("--key", required=True, metavar="FILE", help=text)
    text = "the file whose first line is the password of the key"
    parser.add_argument("--password-file", metavar="FILE", help=text)


def main(flags: argparse.Namespace, out: BinaryIO, stop: Stop) -> int:
    """One of the actions. Raises BundleError, ConfigError, SinkError, CheckFailed."""
    if flags.action == "verify":
        return check.main(flags, out, stop)
    rows = ACTIONS[flags.action](flags)
    if isinstance(rows, str):
        write_line(out, rows)
    elif rows:
        print_table(out, rows)
    return 0


Answer = str | Sequence[Sequence[str]]


def _show(flags: argparse.Namespace) -> Answer:
    from edge.bundle import open_bundle
    from edge.bundle.summary import summary

    with open_bundle(flags.bundle) as bundle:
        return bundle.source.decode().rstrip() if flags.json else summary(bundle)


def _notices(flags: argparse.Namespace) -> Answer:
    from edge.bundle import open_bundle
    from edge.bundle.notices import notices

    with open_bundle(flags.bundle) as bundle:
        return notices(bundle)


def _list(flags: argparse.Namespace) -> Answer:
    from edge.bundle.installing import listed

    return listed()


def _key(flags: argparse.Namespace) -> Answer:
    from edge.bundle.signing import write_pair

    private, public = write_pair(Path(flags.name))
    return [
        (str(private), "the private key: whoever has it can sign; keep it off the devices"),
        (str(public), "for the devices: edge-tag bundle trust"),
    ]


def _sign(flags: argparse.Namespace) -> Answer:
    from edge.bundle.signing import sign_bundle

    password = None if flags.password_file is None else Path(flags.password_file)
    return sign_bundle(Path(flags.bundle), Path(flags.key), password)


def _trust(flags: argparse.Namespace) -> Answer:
    from edge.bundle.signing import distrust, trust, trusted_rows

    if flags.none:
        return distrust()
    return trusted_rows() if flags.keys is None else trust(Path(flags.keys))


def _install(flags: argparse.Namespace) -> Answer:
    from edge.bundle.installing import install

    return install(Path(flags.bundle), may_be_older=flags.older).rows()


def _rollback(flags: argparse.Namespace) -> Answer:
    from edge.bundle.installing import rollback

    return rollback().rows()


ACTIONS: dict[str, Callable[[argparse.Namespace], Answer]] = {
    "show": _show,
    "notices": _notices,
    "list": _list,
    "key": _key,
    "sign": _sign,
    "trust": _trust,
    "install": _install,
    "rollback": _rollback,
}
