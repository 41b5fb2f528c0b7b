"""Signatures of evidence, held against ssh-keygen, OpenSSL and securesystemslib, and keys that nobody trusts."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner
from securesystemslib.dsse import Envelope
from securesystemslib.signer import SSlibKey

from pytest_audit_ledger.checkpoints.note import SigningKey, VerifierKey
from pytest_audit_ledger.cli import main
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.evidence.envelope import envelope, key_id, signers
from pytest_audit_ledger.evidence.ssh_signature import SshSignature, allowed_signers, ssh_key
from tests.forger import Forger
from tests.support.command import RunLedger
from tests.support.signers import write_private

KEY = SigningKey("bank.example/ledger", sha256(b"signing").digest())
OTHER = SigningKey("bank.example/ledger", sha256(b"other").digest())
MESSAGE = b'{"_type": "\xc3\xa9"}\n'
KINDS = [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "3072")]

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="the command ssh-keygen is not installed")


def generated(folder: Path, kind: str = "ed25519", bits: str = "256", passphrase: str = "") -> Path:
    """Return a new private key of SSH; the public one is next to it."""
    path = folder / f"{kind}{bits}"
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", passphrase, "-f", str(path)], check=True)
    return path


def allowing(key: Path, options: str = "") -> Path:
    """Return a file of allowed signers with a key."""
    path = key.with_suffix(".allowed")
    path.write_text(f"auditor@bank.example {options}{key.with_suffix('.pub').read_text()}")
    return path


def ssh_verifies(allowed: Path, signature: bytes, message: bytes, namespace: str = "audit-ledger") -> bool:
    file = allowed.with_name("signature")
    file.write_bytes(signature)
    command = ["ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "auditor@bank.example", "-n", namespace, "-s", file]
    return subprocess.run(list(map(str, command)), input=message, capture_output=True, check=False).returncode == 0


@needs_ssh
@pytest.mark.parametrize(("kind", "bits"), KINDS)
def test_ssh_keygen_verifies_what_we_sign_and_we_what_it_signs(tmp_path: Path, kind: str, bits: str) -> None:
    key = generated(tmp_path, kind, bits)
    allowed, signed = allowing(key), ssh_key(key).sign(MESSAGE)
    assert ssh_verifies(allowed, signed, MESSAGE)
    assert not ssh_verifies(allowed, signed, MESSAGE + b" ")
    assert not ssh_verifies(allowed, signed, MESSAGE, "file")
    for namespace, hash_name in (("audit-ledger", "sha512"), ("audit-ledger", "sha256"), ("file", "sha512")):
        command = ["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", namespace, "-O", f"hashalg={hash_name}"]
        theirs = subprocess.run(command, input=MESSAGE, capture_output=True, check=True).stdout
        signature = SshSignature.parse(theirs)
        assert signature.verifies(MESSAGE) is (namespace == "audit-ledger")
        assert not signature.verifies(MESSAGE + b" ")
        assert [one.public == signature.public for one in allowed_signers(allowed)] == [True]


@needs_ssh
def test_a_key_that_cannot_sign_is_refused_without_showing_it(tmp_path: Path) -> None:
    locked = generated(tmp_path, passphrase="secret")
    with pytest.raises(UsageError, match=r"protected by a passphrase\. Sign the folder afterwards"):
        ssh_key(locked)
    for text in ("", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"):
        write_private(tmp_path / "bad", text)
        with pytest.raises(UsageError, match="is not an SSH private key"):
            ssh_key(tmp_path / "bad")
    locked.chmod(0o644)
    with pytest.raises(UsageError, match="Other users may read"):
        ssh_key(locked)
    with pytest.raises(UsageError, match="No such file"):
        ssh_key(tmp_path / "nowhere")


@needs_ssh
@pytest.mark.parametrize(
    ("options", "allowed"),
    [
        ("", 1),
        ('namespaces="audit-ledger" ', 1),
        ('namespaces="git,audit-*" ', 1),
        ('namespaces="git" ', "names nobody"),
        ('namespaces="audit-ledger",valid-before="20200101" ', "has the option valid-before"),
        ("cert-authority ", "has the option cert-authority"),
    ],
)
def test_a_line_of_allowed_signers_allows_what_ssh_keygen_would(
    tmp_path: Path, options: str, allowed: int | str
) -> None:
    path = allowing(generated(tmp_path), options)
    path.write_text(f"# a comment\n\n{path.read_text()}")
    if isinstance(allowed, str):
        with pytest.raises(UsageError, match=allowed):
            allowed_signers(path)
    else:
        assert [one.principals for one in allowed_signers(path)] == ["auditor@bank.example"]


@pytest.mark.parametrize("data", [b"", b"\xff", b"-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----\n"])
def test_what_is_no_signature_says_so(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"not an SSH signature|ascii"):
        SshSignature.parse(data)


def test_a_key_that_cannot_be_read_is_nobodys(tmp_path: Path) -> None:
    assert not SshSignature(b"", b"audit-ledger", b"sha512", b"ssh-ed25519", b"").verifies(MESSAGE)
    allowed = tmp_path / "allowed_signers"
    allowed.write_text("auditor@bank.example ssh-ed25519 AAAAA\n")
    with pytest.raises(UsageError, match="names nobody"):
        allowed_signers(allowed)


def test_securesystemslib_reads_the_envelope_back() -> None:
    told = Envelope.from_dict(json.loads(envelope(MESSAGE, KEY)))
    assert (told.payload, told.payload_type) == (MESSAGE, "application/vnd.in-toto+json")
    public = KEY.verifier()
    key = SSlibKey(key_id(public), "ed25519", "ed25519", {"public": public.public.hex()})
    assert [*told.verify([key], 1)] == [key_id(public)]


def test_an_envelope_of_something_else_or_by_somebody_else_is_not_taken() -> None:
    data, keys = envelope(MESSAGE, KEY), [KEY.verifier()]
    assert signers(data, MESSAGE, keys) == (keys, [])
    assert signers(data, MESSAGE, [OTHER.verifier(), VerifierKey("x", keys[0].public)])[0] == []
    for wrong, payload in ((data, MESSAGE + b" "), (data.replace(b"in-toto", b"other"), MESSAGE), (b"[]", MESSAGE)):
        with pytest.raises(ValueError, match="it is"):
            signers(wrong, payload, keys)
    told = json.loads(data)
    told["signatures"][0]["sig"] = json.loads(envelope(MESSAGE, OTHER))["signatures"][0]["sig"]
    with pytest.raises(ValueError, match=r"has a wrong signature of the key bank\.example/ledger"):
        signers(json.dumps(told).encode(), MESSAGE, keys)


def verified(folder: Path, *options: str | Path) -> tuple[int, str]:
    arguments = ["evidence", "verify", str(folder), *map(str, options)]
    done = CliRunner().invoke(main, arguments, prog_name="audit-ledger")
    return done.exit_code, done.output


@pytest.fixture
def signed(pytester: pytest.Pytester, run: RunLedger, forger: Forger) -> Path:
    """Evidence that both kinds of keys signed; next to it are the keys, and a file of allowed signers."""
    key = generated(pytester.path)
    write_private(pytester.path / "signing.key", KEY.text())
    options = (f"--ledger-ssh-key={key.name}", "--ledger-signing-key=signing.key", "--ledger-evidence=filed")
    run(f"--ledger-db={forger.build(10).dsn}", *options)
    shutil.copy(allowing(key), pytester.path / "allowed_signers")
    return pytester.path / "filed"


@needs_ssh
def test_evidence_is_signed_and_says_by_whom(signed: Path) -> None:
    readme = (signed / "README.txt").read_text()
    (command,) = (line.strip() for line in readme.splitlines() if line.strip().startswith("ssh-keygen -Y verify"))
    done = subprocess.run(command, shell=True, cwd=signed, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.startswith('Good "audit-ledger" signature for auditor')) == (0, True), done
    allowed = ("--allowed-signers", signed.parent / "allowed_signers")
    code, output = verified(signed, "--verifier-key", KEY.verifier(), *allowed)  # type: ignore[arg-type]
    assert code == 0, output
    assert "Result     PASSED\n" in output
    assert "Signer     auditor@bank.example, by the SSH key SHA256:" in output
    assert f"Signer     bank.example/ledger, by the key {key_id(KEY.verifier())}\n" in output
    code, output = verified(signed)
    assert (code, output.count("which you did not name"), "no key that you named signed it" in output) == (0, 2, True)


@needs_ssh
def test_a_signature_that_does_not_hold_or_is_nobodys_that_is_trusted_fails(signed: Path) -> None:
    allowed = str(signed.parent / "allowed_signers")
    stranger = allowing(generated(signed.parent, "ecdsa", "256"))
    sig, dsse = signed / "manifest.json.sig", signed / "manifest.dsse.json"
    by_other = envelope((signed / "manifest.json").read_bytes(), OTHER)

    def swapped(folder: Path) -> None:
        told = json.loads(dsse.read_bytes())
        told["signatures"][0]["sig"] = json.loads(by_other)["signatures"][0]["sig"]
        (folder / dsse.name).write_text(json.dumps(told))

    cases: list[tuple[Callable[[Path], object], list[str], str]] = [
        (lambda folder: None, ["--allowed-signers", str(stranger)], "None of the allowed signers signed manifest.json"),
        (lambda folder: (folder / sig.name).unlink(), ["--allowed-signers", allowed], "There is no manifest.json.sig"),
        (lambda folder: (folder / sig.name).write_text("x"), [], "manifest.json.sig cannot be read"),
        (lambda folder: (folder / dsse.name).write_text("{}"), [], "manifest.dsse.json does not hold"),
        (lambda folder: None, ["--verifier-key", str(OTHER.verifier())], "None of the keys that you trust signed"),
        (
            swapped,
            ["--verifier-key", str(KEY.verifier())],
            "does not hold: it has a wrong signature of the key",
        ),
        (
            lambda folder: (folder / sig.name).write_bytes(ssh_key(signed.parent / "ed25519256").sign(b"else")),
            [],
            "manifest.json.sig is not a signature of manifest.json",
        ),
    ]
    for place, (change, options, sentence) in enumerate(cases):
        folder = signed.with_name(f"copy {place}")
        shutil.copytree(signed, folder)
        change(folder)
        code, output = verified(folder, *options)
        assert (code, sentence in output) == (1, True), f"{place}: {output}"
