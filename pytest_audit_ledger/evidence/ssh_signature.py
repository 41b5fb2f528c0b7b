"""Signatures by SSH keys, as `ssh-keygen -Y sign` makes them and `ssh-keygen -Y verify` checks them.

What is signed is not the message itself: it is a namespace, which keeps a signature from being used for anything else,
and the SHA-512 of the message. Whom to trust is in a file `allowed_signers`, a line for each key:

    auditor@bank.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI…

Sources: OpenSSH, PROTOCOL.sshsig (version 1); ssh-keygen(1), "ALLOWED SIGNERS"; RFC 8332 (RSA), RFC 5656 (ECDSA).
"""

from __future__ import annotations

import re
import shlex
import stat
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from hashlib import sha256, sha512
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_private_key,
    load_ssh_public_key,
)

from pytest_audit_ledger.checkpoints import ed25519
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.reading import read_bytes, read_text
from pytest_audit_ledger.model.printable import printable

NAMESPACE = "audit-ledger"

LARGEST_KEY = 1_000_000
"""Bytes of a private key, or of a signature."""

_MAGIC, _VERSION = b"SSHSIG", (1).to_bytes(4, "big")
_BEGIN, _END = "-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----"
_Hash = type[SHA256] | type[SHA384] | type[SHA512]
_RSA_HASHES: Mapping[bytes, _Hash] = {b"rsa-sha2-512": SHA512, b"rsa-sha2-256": SHA256}
_CURVE_HASHES: Mapping[str, _Hash] = {"secp256r1": SHA256, "secp384r1": SHA384, "secp521r1": SHA512}


@dataclass(frozen=True)
class SshKey:
    """A private key that signs; `repr` leaves it out."""

    private: Ed25519PrivateKey | EllipticCurvePrivateKey | RSAPrivateKey = field(repr=False)

    @property
    def public(self) -> bytes:
        """The public key as SSH encodes it."""
        line = self.private.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
        return b64decode(line.split()[1])

    def sign(self, message: bytes) -> bytes:
        """Return the signature of a message in our namespace, as the file that ssh-keygen would write."""
        signed = _signed_data(NAMESPACE.encode(), b"sha512", message)
        parts = (self.public, NAMESPACE.encode(), b"", b"sha512", self._signature(signed))
        text = b64encode(_MAGIC + _VERSION + b"".join(map(_string, parts))).decode()
        lines = [text[at : at + 70] for at in range(0, len(text), 70)]
        return "\n".join((_BEGIN, *lines, _END, "")).encode()

    def _signature(self, data: bytes) -> bytes:
        kind = _strings(self.public)[0]
        if isinstance(self.private, RSAPrivateKey):
            return _string(b"rsa-sha2-512") + _string(self.private.sign(data, PKCS1v15(), SHA512()))
        if isinstance(self.private, EllipticCurvePrivateKey):
            numbers = decode_dss_signature(self.private.sign(data, ECDSA(_CURVE_HASHES[self.private.curve.name]())))
            return _string(kind) + _string(b"".join(_string(_mpint(number)) for number in numbers))
        return _string(kind) + _string(self.private.sign(data))


def ssh_key(path: str | Path) -> SshKey:
    """Return the private key in a file. Raises UsageError, which never shows any of the key."""
    later = f"Sign the folder afterwards, in it: ssh-keygen -Y sign -n {NAMESPACE} -f KEY manifest.json"
    try:
        data = read_bytes(Path(path), LARGEST_KEY)
        open_to_others = Path(path).stat().st_mode & stat.S_IRWXO
    except OSError as error:
        raise UsageError(f"The SSH key {path} cannot be read: {error.strerror}.", "Name a private key.") from error
    if open_to_others:
        raise UsageError(f"Other users may read the SSH key {path}.", f"Run: chmod 600 {shlex.quote(str(path))}")
    try:
        private = load_ssh_private_key(data, None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        if "password" in str(error):  # a ValueError before cryptography 43
            raise UsageError(f"The SSH key {path} is protected by a passphrase.", later) from None
        private = None  # the error could repeat the key
    if not isinstance(private, (Ed25519PrivateKey, EllipticCurvePrivateKey, RSAPrivateKey)):
        raise UsageError(f"{path} is not an SSH private key of Ed25519, ECDSA or RSA in OpenSSH's format.", later)
    return SshKey(private)


@dataclass(frozen=True)
class SshSignature:
    """A signature that was not verified yet: the public key that it names, and what that signed."""

    public: bytes
    namespace: bytes
    hash_name: bytes
    kind: bytes
    signature: bytes

    @property
    def fingerprint(self) -> str:
        """The key as `ssh-keygen -l` names it."""
        return f"SHA256:{b64encode(sha256(self.public).digest()).decode().rstrip('=')}"

    @classmethod
    def parse(cls, data: bytes) -> SshSignature:
        """Read the file of a signature. Raises ValueError."""
        lines = data.decode("ascii").split("\n")
        if len(lines) < 3 or lines[0] != _BEGIN or lines[-2:] != [_END, ""]:
            raise ValueError("it is not an SSH signature")
        blob = b64decode("".join(lines[1:-2]), validate=True)
        if blob[:10] != _MAGIC + _VERSION:
            raise ValueError("it is not an SSH signature of version 1")
        public, namespace, _, hash_name, signature = _strings(blob[10:])
        kind, raw = _strings(signature)
        return cls(public, namespace, hash_name, kind, raw)

    def verifies(self, message: bytes) -> bool:
        """Return whether the key that it names signed the message in our namespace."""
        if self.namespace != NAMESPACE.encode() or self.hash_name not in (b"sha512", b"sha256"):
            return False
        data = _signed_data(self.namespace, self.hash_name, message)
        try:
            kind, *_ = _strings(self.public)
            key: Any = load_ssh_public_key(kind + b" " + b64encode(self.public))
            return self._verifies(key, data)
        except (InvalidSignature, UnsupportedAlgorithm, ValueError):
            return False

    def _verifies(self, key: Any, data: bytes) -> bool:
        if isinstance(key, Ed25519PublicKey):
            return ed25519.is_signed(ed25519.public_key(key.public_bytes_raw()), self.signature, data)
        if isinstance(key, RSAPublicKey) and self.kind in _RSA_HASHES:
            key.verify(self.signature, data, PKCS1v15(), _RSA_HASHES[self.kind]())
            return True
        if isinstance(key, EllipticCurvePublicKey):
            r, s = (int.from_bytes(number, "big") for number in _strings(self.signature))
            key.verify(encode_dss_signature(r, s), data, ECDSA(_CURVE_HASHES[key.curve.name]()))
            return True
        return False


@dataclass(frozen=True)
class AllowedSigner:
    """A line of a file of allowed signers: the principals, and the key as SSH encodes it."""

    principals: str
    public: bytes


def allowed_signers(path: str | Path) -> list[AllowedSigner]:
    """Return who may sign in our namespace.

    Raises UsageError if the file cannot be read, has no key for our namespace, or an option that only ssh-keygen knows.
    """
    try:
        lines = read_text(Path(path)).splitlines()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", "Name a file of allowed signers.") from error
    found = [signer for line in lines if line.strip() and line[0] != "#" for signer in _signer(line)]
    if not found:
        raise UsageError(
            f"{path} names nobody who may sign in the namespace {NAMESPACE}.",
            "Write a line of this form: auditor@bank.example ssh-ed25519 AAAA...",
        )
    return found


_LINE = re.compile(
    r'(?P<principals>"[^"]*"|\S+)\s+(?:(?P<options>(?:[^\s"]|"[^"]*")+)\s+)?'
    r"(?P<kind>(?:ssh|ecdsa|sk)-\S+)\s+(?P<key>(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?)(?:\s.*)?"
)


def _signer(line: str) -> Iterator[AllowedSigner]:
    told = _LINE.fullmatch(line)
    if told is None:
        return
    principals = told["principals"].strip('"')
    for option in re.findall(r'(?:[^,"]|"[^"]*")+', told["options"] or ""):
        name, _, value = option.partition("=")
        if name.lower() != "namespaces":
            raise UsageError(
                f"The line of {printable(principals)} has the option {printable(name)}, which only ssh-keygen knows.",
                "Use the command ssh-keygen -Y verify in README.txt of the folder.",
            )
        if not any(fnmatchcase(NAMESPACE, pattern) for pattern in value.strip('"').split(",")):
            return
    yield AllowedSigner(principals, b64decode(told["key"]))


def _signed_data(namespace: bytes, hash_name: bytes, message: bytes) -> bytes:
    digest = (sha512 if hash_name == b"sha512" else sha256)(message).digest()
    return _MAGIC + b"".join(map(_string, (namespace, b"", hash_name, digest)))


def _string(data: bytes) -> bytes:
    """Return bytes as SSH encodes them, after their length (RFC 4251, section 5)."""
    return len(data).to_bytes(4, "big") + data


def _mpint(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "big")  # a zero byte before a leading bit keeps it positive


def _strings(data: bytes) -> list[bytes]:
    """Return the strings that are one after the other. Raises ValueError if the last of them is cut off."""
    found = []
    while data:
        length = int.from_bytes(data[:4], "big")
        if len(data) < 4 + length:
            raise ValueError("it is truncated")
        found.append(data[4 : 4 + length])
        data = data[4 + length :]
    return found
