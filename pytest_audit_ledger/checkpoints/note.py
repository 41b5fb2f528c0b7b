"""Signed notes and checkpoints, as C2SP specifies them: signed-note v1.0.0 and tlog-checkpoint v1.0.0. No I/O.

A note is a text, an empty line and signature lines. The text of a checkpoint is an origin (the name of the log), a tree
size and the base64 of a Merkle root (RFC 6962), each on a line, and perhaps extension lines:

    bank.example/ledger
    4327
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — bank.example/ledger Az3grlgtzPICa5OS8npVmf1Myq/5IZni…

Keys are Ed25519 (RFC 8032). Both kinds are written as one line:

    NAME+HEX OF THE KEY ID+BASE64(0x01 || public key)                 a verifier key, to be handed to everybody
    PRIVATE+KEY+NAME+HEX OF THE KEY ID+BASE64(0x01 || private key)    a signing key, as Go's sumdb/note writes it

Signatures of keys that nobody named are ignored, as the standard wants it: that is how witnesses add theirs, and how a
new key is introduced. Everything here raises ValueError with the reason; who reads files makes sentences of it.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from pytest_audit_ledger.checkpoints.merkle import HASH_SIZE

LARGEST_NOTE = 1_000_000
"""Bytes; hundreds of signatures, also of those that post-quantum algorithms make (about 5,000 bytes)."""

LARGEST_SIZE = 2**63 - 1
"""Entries: what a sequence number can be."""

_ED25519 = b"\x01"
"""The identifier of the signature type (signed-note, "Signature types")."""

_PRIVATE = "PRIVATE+KEY+"
_DASH = "\N{EM DASH} "


def encode(data: bytes) -> str:
    """Return the base64 of `data` (RFC 4648, section 4)."""
    return b64encode(data).decode("ascii")


def decode(text: str) -> bytes:
    """Return what base64 stands for. Raises ValueError, also where another text would stand for the same."""
    try:
        data = b64decode(text, validate=True)
    except (TypeError, ValueError):
        raise ValueError("it holds no base64 where it should") from None
    if encode(data) != text:
        raise ValueError("it holds base64 that is not written as it should be")
    return data


def check_name(name: str) -> str:
    """Return the name of a key, or raise ValueError where it cannot be one (signed-note, "Format")."""
    if not name or "+" in name or any(character.isspace() or ord(character) < 0x20 for character in name):
        raise ValueError("a name of a key is not empty, and has no spaces and no plus")
    return name


@dataclass(frozen=True)
class VerifierKey:
    """What proves a signature: `public` are the 32 bytes of an Ed25519 public key."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes by which a signature names its key (signed-note, "Ed25519 signatures")."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode(_ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read a verifier key. Raises ValueError."""
        name, key_id, public = _key_parts(text)
        key = cls(name, public)
        if key.key_id.hex() != key_id:
            raise ValueError("its key ID is not that of its key")
        return key

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Tell whether this key signed the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True)
class SigningKey:
    """What makes a signature: `private` are the 32 bytes of an Ed25519 private key, which never show."""

    name: str
    private: bytes = field(repr=False)

    @classmethod
    def generate(cls, name: str) -> SigningKey:
        """Return a new key. Raises ValueError where the name cannot be one."""
        return cls(check_name(name), Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """Read a signing key. Raises ValueError, whose words hold nothing of the key."""
        if not text.startswith(_PRIVATE):
            raise ValueError(f"it does not begin with {_PRIVATE}")
        name, key_id, private = _key_parts(text.removeprefix(_PRIVATE))
        key = cls(name, private)
        if key.verifier().key_id.hex() != key_id:
            raise ValueError("its key ID is not that of its key")
        return key

    def text(self) -> str:
        """Return the key as it is kept in a file."""
        return f"{_PRIVATE}{self.name}+{self.verifier().key_id.hex()}+{encode(_ED25519 + self.private)}"

    def verifier(self) -> VerifierKey:
        """Return the key that proves what this one signs."""
        return VerifierKey(self.name, self._key().public_key().public_bytes_raw())

    def sign(self, text: str) -> bytes:
        """Return the note that holds the text, signed. Raises ValueError where it can be no text of a note."""
        data = text.encode()
        signature = encode(self.verifier().key_id + self._key().sign(data))
        note = f"{text}\n{_DASH}{self.name} {signature}\n".encode()
        if Note.parse(note).text != text:
            raise ValueError("an empty line at its end")
        return note

    def _key(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.private)


def _key_parts(text: str) -> tuple[str, str, bytes]:
    """Return the name, the hexadecimal key ID and the key itself."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    if not encoded:
        raise ValueError("it has not the form NAME+ID+KEY")
    data = decode(encoded)
    if data[:1] != _ED25519:
        raise ValueError("it is no Ed25519 key")
    if len(data) != 1 + 32:
        raise ValueError("its key is not 32 bytes long")
    return check_name(name), key_id, data[1:]


@dataclass(frozen=True)
class Signature:
    """One signature line: the key's name, its four-byte ID, and what the key made."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True)
class Note:
    """A note that was read and not yet proven."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: bytes) -> Note:
        """Read a note (signed-note, "Format"). Raises ValueError."""
        if len(data) > LARGEST_NOTE:
            raise ValueError(f"it is larger than {LARGEST_NOTE:,} bytes")
        try:
            note = data.decode("utf-8")
        except UnicodeDecodeError:
            raise ValueError("it is no UTF-8") from None
        if any(ord(character) < 0x20 and character != "\n" for character in note):
            raise ValueError("it holds a control character")
        text, parted, lines = note.rpartition("\n\n")
        if not parted or not lines.endswith("\n"):
            raise ValueError("it is not signed")
        return cls(f"{text}\n", tuple(map(_signature, lines[:-1].split("\n"))))

    def signed_by(self, keys: Sequence[VerifierKey]) -> tuple[VerifierKey, ...]:
        """Return which of these keys signed the note (signed-note, "Signatures").

        Raises ValueError where none did, and where a signature that names one of them is not its.
        """
        found = []
        for line in self.signatures:
            for key in keys:
                if (line.name, line.key_id) == (key.name, key.key_id):
                    if not key.verifies(self.text.encode(), line.signature):
                        raise ValueError(f"the signature that names the key {key.name}+{key.key_id.hex()} is not its")
                    found.append(key)
        if not found:
            names = ", ".join(dict.fromkeys(f"{line.name}+{line.key_id.hex()}" for line in self.signatures))
            raise ValueError(f"it is signed by no trusted key, but by {names}")
        return tuple(dict.fromkeys(found))


def _signature(line: str) -> Signature:
    if not line.startswith(_DASH):
        raise ValueError("it is not signed")
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    data = decode(encoded)
    if len(data) <= 4:
        raise ValueError("it has a signature without a signature")
    return Signature(check_name(name), data[:4], data[4:])


@dataclass(frozen=True)
class Checkpoint:
    """How many entries a ledger had, and the Merkle root over them."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read the text of a checkpoint (tlog-checkpoint, "Note text"). Raises ValueError."""
        lines = text.removesuffix("\n").split("\n")
        if len(lines) < 3 or not all(lines):
            raise ValueError("it is no checkpoint, which has an origin, a size and a root, each on a line")
        origin, size, root, *extensions = lines
        if not re.fullmatch("0|[1-9][0-9]{0,18}", size) or int(size) > LARGEST_SIZE:
            raise ValueError("its second line is no size of a tree")
        if len(decode(root)) != HASH_SIZE:
            raise ValueError("its root is not 32 bytes long")
        return cls(origin, int(size), decode(root), tuple(extensions))

    def text(self) -> str:
        """Return the text to be signed."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, encode(self.root), *self.extensions))
