"""Signatures of bundles: ours, those of `model_signing`, and what somebody made of them."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from edge.bundle import keys, open_bundle
from edge.bundle.signature import SIGNATURE, check
from edge.bundle.signing import sign_bundle, trust, write_pair
from edge.bundle.write import zip_bundle
from edge.errors import BundleError, ConfigError, SinkError


@pytest.fixture(autouse=True)
def own_home(tmp_path, monkeypatch):
    """Nothing is trusted, wherever the tests run."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setattr(keys, "SYSTEM", tmp_path / "etc" / keys.FILE)


@pytest.fixture
def pair(tmp_path) -> tuple[Path, Path]:
    return write_pair(tmp_path / "shop")


@pytest.fixture
def bundle(tiny_bundle, tmp_path) -> Path:
    return Path(shutil.copytree(tiny_bundle, tmp_path / "tiny"))


def signer(path: Path, public: Path) -> str | None:
    with open_bundle(path, keys=keys.read_public(public)) as opened:
        return opened.signer


def write_key(path: Path, key, password: bytes | None = None) -> Path:
    how = NoEncryption() if password is None else BestAvailableEncryption(password)
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how))
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    path.with_suffix(".pub").write_bytes(public)
    return path


@pytest.mark.parametrize("is_zip", [False, True])
def test_a_bundle_is_signed_and_says_by_whom(bundle, pair, tmp_path, is_zip):
    path = bundle
    if is_zip:
        path = tmp_path / "tiny.edge"
        zip_bundle(bundle, path)
    sign_bundle(path, pair[0])
    assert signer(path, pair[1]) == keys.read_public(pair[1])[0].id
    sign_bundle(path, pair[0])  # in place of the one that is there
    assert signer(path, pair[1])


def test_a_zip_of_a_signed_folder_is_signed(bundle, pair, tmp_path):
    sign_bundle(bundle, pair[0])
    zip_bundle(bundle, tmp_path / "tiny.edge")
    assert signer(tmp_path / "tiny.edge", pair[1])


@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_every_curve_of_the_specification(bundle, tmp_path, curve):
    key = write_key(tmp_path / "a.key", ec.generate_private_key(curve))
    sign_bundle(bundle, key)
    assert signer(bundle, key.with_suffix(".pub"))


# What `model_signing sign key` 1.1.1 wrote for a folder with a `bundle.json` of "{}\n" in it, and
# the key that was made for that.
PUBLIC = b"""-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEhrFbs0mM7SXlPz2vriKcQky0DePT
nvgN9nhNsDN5TKs2fqYx+eGfQkSNmDZl6jpp7SqBIRyIJ8rVkJnhKL/zWw==
-----END PUBLIC KEY-----
"""
PAYLOAD = (
    "ewogICJfdHlwZSI6ICJodHRwczovL2luLXRvdG8uaW8vU3RhdGVtZW50L3YxIiwKICAic3ViamVjdCI6IFsKICAg"
    "IHsKICAgICAgIm5hbWUiOiAibSIsCiAgICAgICJkaWdlc3QiOiB7CiAgICAgICAgInNoYTI1NiI6ICI5OWM5ZWFi"
    "ZGYzZDI1ZmYyODI2YzQyOTZiMzE5NjFjNDIxZGE0N2JmZmRlYjE4MmFiMzIzOTQ5NzMxMTRjMjk3IgogICAgICB9"
    "CiAgICB9CiAgXSwKICAicHJlZGljYXRlVHlwZSI6ICJodHRwczovL21vZGVsX3NpZ25pbmcvc2lnbmF0dXJlL3Yx"
    "LjAiLAogICJwcmVkaWNhdGUiOiB7CiAgICAicmVzb3VyY2VzIjogWwogICAgICB7CiAgICAgICAgIm5hbWUiOiAi"
    "YnVuZGxlLmpzb24iLAogICAgICAgICJhbGdvcml0aG0iOiAic2hhMjU2IiwKICAgICAgICAiZGlnZXN0IjogImNh"
    "M2QxNjNiYWIwNTUzODE4MjcyMjYxNDA1NjhmM2JlZjdlYWFjMTg3Y2ViZDc2ODc4ZTBiNjNlOWU0NDIzNTYiCiAg"
    "ICAgIH0KICAgIF0sCiAgICAic2VyaWFsaXphdGlvbiI6IHsKICAgICAgImFsbG93X3N5bWxpbmtzIjogZmFsc2Us"
    "CiAgICAgICJtZXRob2QiOiAiZmlsZXMiLAogICAgICAiaGFzaF90eXBlIjogInNoYTI1NiIsCiAgICAgICJpZ25v"
    "cmVfcGF0aHMiOiBbCiAgICAgICAgImJ1bmRsZS5zaWciLAogICAgICAgICIuZ2l0YXR0cmlidXRlcyIsCiAgICAg"
    "ICAgIi5naXRodWIiLAogICAgICAgICIuZ2l0IiwKICAgICAgICAiLmdpdGlnbm9yZSIKICAgICAgXQogICAgfQog"
    "IH0KfQ=="
)
SIG = (
    "MEUCIQDlXNXvJVyPOJzeCYYZEpSFkkFJdmprResWyhlWimgd7gIgfhhLgX2mvbiXI5Wsv3Lq89EhItJe+o79GmQ3"
    "QlTDaTU="
)
SIGNED = {
    "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
    "verificationMaterial": {
        "publicKey": {"hint": "e15012c35ec66ae93feb1c06e92e6e2d6ebde55bbeb5b3c57de829525410e8be"},
        "tlogEntries": [],
    },
    "dsseEnvelope": {
        "payload": PAYLOAD,
        "payloadType": "application/vnd.in-toto+json",
        "signatures": [
            {
                "sig": SIG,
                "keyid": "",
            }
        ],
    },
}


def test_what_model_signing_wrote_is_taken(tmp_path):
    (tmp_path / "a.pub").write_bytes(PUBLIC)
    known, data = keys.read_public(tmp_path / "a.pub"), json.dumps(SIGNED).encode()
    hint = SIGNED["verificationMaterial"]["publicKey"]["hint"]
    assert check(data, b"{}\n", known, "vector") == hint == known[0].id
    with pytest.raises(BundleError, match="is for a"):
        check(data, b"{}", known, "vector")


@pytest.fixture(scope="session")
def model_signing(tmp_path_factory) -> list[str]:
    """In an environment of its own: what it needs cannot be installed beside what we need."""
    venv = tmp_path_factory.mktemp("model-signing") / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    # it forgets to ask for pyopenssl
    install = [venv / "bin" / "pip", "install", "-q", "model-signing>=1.1,<2", "pyopenssl"]
    subprocess.run(install, check=True, capture_output=True)
    return [str(venv / "bin" / "model_signing")]


@pytest.mark.slow
@pytest.mark.parametrize("curve", [ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()])
def test_model_signing_takes_ours_and_we_take_its_own(bundle, tmp_path, model_signing, curve):
    key = write_key(tmp_path / "a.key", ec.generate_private_key(curve))
    told = ["--signature", bundle / SIGNATURE]
    sign_bundle(bundle, key)
    verify = [*model_signing, "verify", "key", bundle, "--public_key", key.with_suffix(".pub")]
    subprocess.run([*verify, *told], check=True)
    (bundle / SIGNATURE).unlink()
    subprocess.run([*model_signing, "sign", "key", bundle, "--private_key", key, *told], check=True)
    assert signer(bundle, key.with_suffix(".pub"))


def test_another_manifest_is_refused(bundle, pair):
    sign_bundle(bundle, pair[0])
    manifest = bundle / "bundle.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"counter": 3', b'"counter": 4'))
    with pytest.raises(BundleError, match=r"bundle\.sig: is for a bundle\.json of"):
        signer(bundle, pair[1])


def test_another_file_is_refused_when_it_is_read(bundle, pair):
    sign_bundle(bundle, pair[0])
    (bundle / "colours.txt").write_text("red\twarm\ngreen\nwhite\tcold\n")
    with pytest.raises(BundleError, match=r"colours\.txt"):
        signer(bundle, pair[1])


def test_another_key_is_refused_and_one_of_several_will_do(bundle, pair, tmp_path):
    sign_bundle(bundle, pair[0])
    other = write_pair(tmp_path / "other")[1]
    with pytest.raises(BundleError, match="is of no key that is trusted"):
        signer(bundle, other)
    both = tmp_path / "both.pem"
    both.write_bytes(other.read_bytes() + pair[1].read_bytes())
    assert signer(bundle, both) == keys.read_public(pair[1])[0].id


def test_a_bundle_without_a_signature_is_refused(bundle, pair):
    with pytest.raises(BundleError, match="not signed"):
        signer(bundle, pair[1])


def forged(bundle: Path, change) -> None:
    """The signature's JSON, changed; and the statement in it."""
    whole = json.loads((bundle / SIGNATURE).read_bytes())
    envelope = whole["dsseEnvelope"]
    statement = json.loads(base64.b64decode(envelope["payload"]))
    change(envelope, statement)
    envelope["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()
    (bundle / SIGNATURE).write_text(json.dumps(whole))


def other_digest(envelope, statement):
    statement["predicate"]["resources"][0]["digest"] = "0" * 64


def no_signature(envelope, statement):
    envelope["signatures"] = []


def short_signature(envelope, statement):
    envelope["signatures"][0]["sig"] = "AAAA"


@pytest.mark.parametrize("change", [other_digest, no_signature, short_signature])
def test_what_was_not_signed_is_refused(bundle, pair, change):
    sign_bundle(bundle, pair[0])
    forged(bundle, change)
    with pytest.raises(BundleError, match="is of no key that is trusted"):
        signer(bundle, pair[1])


@pytest.mark.parametrize("data", [b"", b"{}", b"[1]", b"\xff", b"x" * (1 << 21), b'{"a":' * 9999])
def test_rubbish_is_no_signature(bundle, pair, data):
    (bundle / SIGNATURE).write_bytes(data)
    with pytest.raises(BundleError):
        signer(bundle, pair[1])


def test_a_signature_of_something_else_is_refused(bundle, pair):
    """A good signature by a trusted key, on a statement that is not about a model's files."""
    from edge.bundle import signature

    private = keys.read_private(pair[0])
    before = signature.PREDICATE
    try:
        signature.PREDICATE = "https://example/other"
        data = signature.signed("tiny", {"bundle.json": "0" * 64}, private)
    finally:
        signature.PREDICATE = before
    (bundle / SIGNATURE).write_bytes(data)
    with pytest.raises(BundleError, match="https://example/other"):
        signer(bundle, pair[1])


def test_trusting_a_key_refuses_what_it_has_not_signed_but_for_what_ships(bundle, pair):
    with open_bundle(bundle):
        pass
    trust(pair[1])
    with pytest.raises(BundleError, match="not signed"):
        open_bundle(bundle)
    sign_bundle(bundle, pair[0])
    with open_bundle(bundle) as opened:
        assert opened.signer == keys.read_public(pair[1])[0].id
    with open_bundle() as shipped:
        assert shipped.signer is None


def test_the_administrators_keys_come_first(pair, tmp_path):
    trust(pair[1])
    other = write_pair(tmp_path / "other")[1]
    keys.SYSTEM.parent.mkdir()
    keys.SYSTEM.write_bytes(other.read_bytes())
    found = keys.trusted()
    assert found is not None
    assert [key.id for key in found] == [keys.read_public(other)[0].id]


@pytest.mark.parametrize("target", ["not-mounted/keys.pem", keys.FILE])
def test_keys_that_are_out_of_reach_are_no_reason_to_trust_everybody(bundle, target):
    """A link to a disk that is not there yet, or to itself: any bundle had been taken."""
    keys.SYSTEM.parent.mkdir()
    keys.SYSTEM.symlink_to(target)
    with pytest.raises(ConfigError, match=r"trusted-keys\.pem"):
        open_bundle(bundle)


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="root may look anywhere")
def test_nor_is_a_folder_that_we_may_not_look_into(bundle):
    keys.SYSTEM.parent.mkdir(mode=0)
    with pytest.raises(ConfigError, match="Permission denied"):
        open_bundle(bundle)


def test_a_pair_is_never_written_over_and_its_owner_alone_reads_the_private_one(pair):
    before = pair[0].read_bytes()
    assert pair[0].stat().st_mode & 0o77 == 0
    with pytest.raises(SinkError, match="exists"):
        write_pair(pair[0].with_name("shop"))
    assert pair[0].read_bytes() == before


def test_a_key_with_a_password(bundle, tmp_path):
    key = write_key(tmp_path / "a.key", ec.generate_private_key(ec.SECP256R1()), b"sesame")
    with pytest.raises(ConfigError, match="expected PEM of a private key"):
        sign_bundle(bundle, key)
    (tmp_path / "password").write_text("sesame\n")
    sign_bundle(bundle, key, tmp_path / "password")
    assert signer(bundle, key.with_suffix(".pub"))


def test_what_is_no_key_is_refused(bundle, pair, tmp_path):
    write_key(tmp_path / "edwards.key", ed25519.Ed25519PrivateKey.generate())
    write_key(tmp_path / "bitcoin.key", ec.generate_private_key(ec.SECP256K1()))
    (tmp_path / "empty").write_bytes(b"")
    for private in (
        pair[1],
        tmp_path / "empty",
        tmp_path / "edwards.key",
        tmp_path / "bitcoin.key",
    ):
        with pytest.raises(ConfigError, match="expected PEM of a private key"):
            sign_bundle(bundle, private)
    for public in ("edwards.pub", "bitcoin.pub", "empty", "shop.key.pem"):
        with pytest.raises(ConfigError, match="expected PEM of public keys"):
            trust(tmp_path / public)
    assert keys.trust_file() is None
    assert not (bundle / SIGNATURE).exists()


def test_a_key_that_is_trusted_is_never_left_out_for_want_of_a_package(bundle, pair, monkeypatch):
    trust(pair[1])
    for name in [name for name in sys.modules if name.split(".")[0] == "cryptography"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "edge.bundle.curves")
    with pytest.raises(ConfigError, match="cryptography"):
        open_bundle(bundle)
