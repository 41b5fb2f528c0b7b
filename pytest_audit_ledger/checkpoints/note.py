"""Signed notes and checkpoints, as C2SP specifies them: signed-note v1.0.0 and tlog-checkpoint v1.0.0. No I/O.

A note is a text, an empty line and signature lines. The text of a checkpoint is an origin (the name of the log), a tree
size and the base64 of a Merkle root (RFC 6962), each on its own line, then optional extension lines:

    bank.example/ledger
    4327
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

    — bank.example/ledger Az3grlgtzPICa5OS8npVmf1Myq/5IZni…

Keys are Ed25519 (RFC 8032). Both kinds are written as one line:

    NAME+HEX OF THE KEY ID+BASE64(0x01 || public key)                 a verifier key, which is public
    NAME+HEX OF THE KEY ID+BASE64(0x04 || public key)                 that of a witness (tlog-cosignature v1.0.0)
    PRIVATE+KEY+NAME+HEX OF THE KEY ID+BASE64(0x01 || private key)    a signing key, in the form of Go's sumdb/note

Signatures of unknown keys are ignored, as the standard asks: so witnesses can add theirs, and a new key can be
introduced. Everything here raises ValueError with the reason; callers that read files turn it into a sentence.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from pytest_audit_ledger.checkpoints import ed25519
from pytest_audit_ledger.checkpoints.merkle import HASH_SIZE

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

LARGEST_NOTE = 1_000_000
"""Bytes: room for hundreds of signatures, even post-quantum ones of about 5,000 bytes."""

LARGEST_SIZE = 2**63 - 1
"""Entries: the largest sequence number."""

ED25519, COSIGNATURE = 1, 4
"""The identifiers of the types of signatures (signed-note, "Signature types")."""

_PRIVATE = "PRIVATE+KEY+"
_DASH = "\N{EM DASH} "


def encode(data: bytes) -> str:
    """Return the base64 of `data` (RFC 4648, section 4)."""
    return b64encode(data).decode("ascii")


def decode(text: str) -> bytes:
    """Return the data of a base64 text. Raises ValueError, also for a second spelling of the same data."""
    try:
        data = b64decode(text, validate=True)
    except (TypeError, ValueError):
        raise ValueError("it contains text that is not base64") from None  # a cause may have a part of a key
    if encode(data) != text:
        raise ValueError("it contains base64 in a form that is not canonical")
    return data


def check_name(name: str) -> str:
    """Return `name`. Raises ValueError if no key can have it (signed-note, "Format")."""
    if not name or "+" in name or any(character.isspace() or ord(character) < 0x20 for character in name):
        raise ValueError("the name of a key must not be empty, and must not contain spaces or a plus sign")
    return name


@dataclass(frozen=True)
class VerifierKey:
    """A key that verifies signatures: `public` is the 32 bytes of an Ed25519 public key.

    `kind` is ED25519 for the key of a ledger, or COSIGNATURE for that of a witness, which dates what it signs.
    """

    name: str
    public: bytes
    kind: int = ED25519

    @property
    def key_id(self) -> bytes:
        """The four bytes that name the key in a signature (signed-note, "Ed25519 signatures")."""
        return sha256(self.name.encode() + b"\n" + bytes([self.kind]) + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{encode(bytes([self.kind]) + self.public)}"

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read a verifier key. Raises ValueError."""
        name, key_id, kind, public = _key_parts(text, (ED25519, COSIGNATURE))
        key = cls(name, public, kind)
        if key.key_id.hex() != key_id:
            raise ValueError("its key ID is not that of its key")
        ed25519.public_key(public)
        return key

    def verifies(self, text: bytes, signature: bytes) -> bool:
        """Return whether this key signed the text.

        A witness signs the time, too, which its signature begins with (tlog-cosignature, "Ed25519 signatures").
        """
        if self.kind == COSIGNATURE:
            time, signature = int.from_bytes(signature[:8], "big"), signature[8:]
            text = f"cosignature/v1\ntime {time}\n".encode() + text
        return ed25519.is_signed(ed25519.public_key(self.public), signature, text)


@dataclass(frozen=True)
class SigningKey:
    """A key that signs: `private` is the 32 bytes of an Ed25519 private key; `repr` leaves them out."""

    name: str
    private: bytes = field(repr=False)

    @classmethod
    def generate(cls, name: str) -> SigningKey:
        """Return a new key. Raises ValueError if no key can have the name."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return cls(check_name(name), Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> SigningKey:
        """Read a signing key. Raises ValueError, whose message has nothing of the key."""
        if not text.startswith(_PRIVATE):
            raise ValueError(f"it does not begin with {_PRIVATE}")
        name, key_id, _, private = _key_parts(text.removeprefix(_PRIVATE), (ED25519,))
        key = cls(name, private)
        if key.verifier().key_id.hex() != key_id:
            raise ValueError("its key ID is not that of its key")
        return key

    def text(self) -> str:
        """Return the key as a file holds it."""
        return f"{_PRIVATE}{self.name}+{self.verifier().key_id.hex()}+{encode(bytes([ED25519]) + self.private)}"

    def verifier(self) -> VerifierKey:
        """Return the key that verifies what this one signs."""
        return VerifierKey(self.name, self._key().public_key().public_bytes_raw())

    def sign(self, text: str) -> bytes:
        """Return a note of this text, signed. Raises ValueError if no note can have this text."""
        data = text.encode()
        signature = encode(self.verifier().key_id + self.sign_bytes(data))
        note = f"{text}\n{_DASH}{self.name} {signature}\n".encode()
        if Note.parse(note).text != text:
            raise ValueError("it ends in an empty line")
        return note

    def sign_bytes(self, data: bytes) -> bytes:
        """Return the bare signature of bytes that are no note."""
        return self._key().sign(data)

    def _key(self) -> Ed25519PrivateKey:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        return Ed25519PrivateKey.from_private_bytes(self.private)


def _key_parts(text: str, kinds: Sequence[int]) -> tuple[str, str, int, bytes]:
    """Return the name, the hexadecimal key ID, the kind, which must be one of these, and the key itself."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    if not encoded:
        raise ValueError("it does not have the form NAME+ID+KEY")
    data = decode(encoded)
    if data[0] not in kinds:
        raise ValueError("it is not an Ed25519 key")
    if len(data) != 1 + 32:
        raise ValueError("its key is not 32 bytes long")
    return check_name(name), key_id, data[0], data[1:]


@dataclass(frozen=True)
class Signature:
    """One signature line: the key's name, its four-byte ID, and the signature."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True)
class Note:
    """A note whose signatures were not verified yet."""

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
            raise ValueError("it is not UTF-8") from None
        if any(ord(character) < 0x20 and character != "\n" for character in note):
            raise ValueError("it contains a control character")
        text, separator, lines = note.rpartition("\n\n")
        if not separator or not lines.endswith("\n"):
            raise ValueError("it is not signed")
        return cls(f"{text}\n", tuple(map(_signature, lines[:-1].split("\n"))))

    def signed_by(self, keys: Sequence[VerifierKey]) -> tuple[VerifierKey, ...]:
        """Return which of these keys signed the note (signed-note, "Signatures").

        Raises ValueError if none did, or if a signature names one of them and is wrong.
        """
        found = []
        for line in self.signatures:
            for key in keys:
                if (line.name, line.key_id) == (key.name, key.key_id):
                    if not key.verifies(self.text.encode(), line.signature):
                        raise ValueError(f"the signature of the key {key.name}+{key.key_id.hex()} is wrong")
                    found.append(key)
        if not found:
            names = ", ".join(dict.fromkeys(f"{line.name}+{line.key_id.hex()}" for line in self.signatures))
            raise ValueError(f"no trusted key signed it, only {names}")
        return tuple(dict.fromkeys(found))


def _signature(line: str) -> Signature:
    if not line.startswith(_DASH):
        raise ValueError("it is not signed")
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    data = decode(encoded)
    if len(data) <= 4:
        raise ValueError("a signature line has no signature")
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
            raise ValueError("it is not a checkpoint, which has an origin, a size and a root on three lines")
        origin, size, root, *extensions = lines
        if not re.fullmatch("0|[1-9][0-9]{0,18}", size) or int(size) > LARGEST_SIZE:
            raise ValueError("its second line is not a tree size")
        if len(decode(root)) != HASH_SIZE:
            raise ValueError("its root is not 32 bytes long")
        return cls(origin, int(size), decode(root), tuple(extensions))

    def text(self) -> str:
        """Return the text to sign."""
        return "".join(f"{line}\n" for line in (self.origin, self.size, encode(self.root), *self.extensions))
