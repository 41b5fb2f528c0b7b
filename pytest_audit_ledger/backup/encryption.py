"""age: a backup that only a private key, or a passphrase, opens (https://age-encryption.org/v1).

A secret never stands on the command line. A key is named as one of

    age1…              a recipient, as age-keygen prints it
    ssh-ed25519 …      an SSH public key; also ssh-rsa
    @FILE              what FILE holds: recipients, one a line, or else a passphrase in its first line
    env:NAME           the same from an environment variable
    prompt             a passphrase that is asked for

The library streams what is encrypted to recipients. A passphrase it takes only with everything in memory, so that has a
limit (`LARGEST_WITH_PASSPHRASE`).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.model.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_WITH_PASSPHRASE = 256 * 1024 * 1024
"""Bytes that are encrypted with a passphrase, in memory; scrypt, which makes it a key, takes a gigabyte besides."""

MAGIC = b"age-encryption.org/v1\n"
"""What an age file begins with."""

_FORMS = "Write age1…, an SSH public key, @FILE, env:NAME or prompt; a secret does not belong on the command line."
_SECRETS = ("AGE-SECRET-KEY-", "AGE-PLUGIN-", "-----BEGIN")


@dataclass(frozen=True)
class Key:
    """What encrypts: recipients, which are public, or else a passphrase."""

    recipients: tuple[str, ...] = ()
    passphrase: str | None = field(default=None, repr=False)

    def described(self) -> list[str]:
        """Return for whom it encrypts, without the secret."""
        return list(self.recipients) if self.passphrase is None else ["passphrase"]


def read_key(named: str, *, confirmed: bool = True) -> Key:
    """Return the key that a user names (see the module); `confirmed`: a prompt asks twice.

    Raises UsageError, which never repeats a secret, where it is none, or where pyrage is not installed.
    """
    if named == "prompt":
        return Key(passphrase=_asked(confirmed=confirmed))
    text = named if named.startswith(("age1", "ssh-")) else _looked_up(named)
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise UsageError("The encryption key is empty.", "Was a variable not set, or is the file empty?")
    if lines[0].startswith(_SECRETS):
        raise UsageError("A private key opens a backup and does not encrypt one.", "Give its public key.")
    if not lines[0].startswith(("age1", "ssh-")):
        return Key(passphrase=text.split("\n", 1)[0].rstrip("\r"))
    for line in lines:
        _recipient(line)  # a mistake shows now
    return Key(recipients=tuple(lines))


def _looked_up(named: str) -> str:
    """Return what a file or a variable holds. Raises UsageError for anything else: it may be a secret."""
    if named.startswith("@") and len(named) > 1:
        return _contents(Path(named[1:]).expanduser())
    if named.startswith("env:"):
        name = named.removeprefix("env:")
        if not os.environ.get(name):
            raise UsageError(f"The environment variable {printable(name)} is not set.", "Set it to the key.")
        return os.environ[name]
    raise UsageError("This is no encryption key.", _FORMS)


def _contents(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise UsageError(f"The key {path} cannot be read: {words}.", "Check its name and permissions.") from None


def _asked(*, confirmed: bool) -> str:
    passphrase = getpass("Passphrase: ")
    if not passphrase:
        raise UsageError("The passphrase is empty.", "Nothing was done.")
    if confirmed and getpass("The same again: ") != passphrase:
        raise UsageError("The two passphrases are not the same.", "Nothing was done.")
    return passphrase


def _pyrage() -> Any:
    try:
        import pyrage  # noqa: PLC0415  (only the extra has it)
    except ImportError:
        raise UsageError(
            "Encryption needs the package pyrage, which is not installed.",
            "Run: pip install 'pytest-audit-ledger[age]'",
        ) from None
    return pyrage


def _recipient(text: str) -> Any:
    pyrage = _pyrage()
    try:
        return (pyrage.ssh if text.startswith("ssh-") else pyrage.x25519).Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise UsageError(
            f"The recipient {printable(text, 80)} cannot be used: {printable(str(error))}.", "Copy it once more."
        ) from None


def is_encrypted(file: BinaryIO) -> bool:
    """Tell whether a file is one of age's."""
    file.seek(0)
    return file.read(len(MAGIC)) == MAGIC


@dataclass(frozen=True)
class Opener:
    """What decrypts: private keys of pyrage's, or a passphrase."""

    identities: tuple[Any, ...] = ()
    passphrase: str | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        return bool(self.identities) or self.passphrase is not None


def read_identity(path: str | Path) -> Opener:
    """Return the private keys of a file: age identities, one a line, or an SSH key. Raises UsageError."""
    pyrage, text = _pyrage(), _contents(Path(path).expanduser())
    try:
        if text.startswith("-----BEGIN"):
            return Opener((pyrage.ssh.Identity.from_buffer(text.encode()),))
        lines = [line.strip() for line in text.splitlines() if line.startswith("AGE-SECRET-KEY-")]
        identities = tuple(pyrage.x25519.Identity.from_str(line) for line in lines)
    except pyrage.IdentityError as error:
        raise UsageError(f"The private key {path} cannot be used: {printable(str(error))}.", "") from None
    if not identities:
        raise UsageError(f"{path} holds no private key.", "Name a file of age identities, or an SSH private key.")
    return Opener(identities)


def opener_of(key: Key | None, identity: str | Path | None) -> Opener:
    """Return what opens a backup: the passphrase of a key, or the private keys of a file; nothing where there is none.

    Raises UsageError where the key is public, or both are given.
    """
    if key is not None and key.passphrase is None:
        raise UsageError("A public key does not open a backup.", "Give the private key with --identity.")
    if key is not None and identity is not None:
        raise UsageError("A passphrase and a private key were given.", "Give the one that belongs to the backup.")
    if identity is not None:
        return read_identity(identity)
    return Opener(passphrase=key.passphrase if key else None)


def key_of_this_run() -> tuple[str, Opener]:
    """Return a new recipient and the private key for it, which is forgotten when the run ends.

    What is encrypted for it as well can be read back once, to prove it, by a run that has no other private key.
    """
    identity = _pyrage().x25519.Identity.generate()
    return str(identity.to_public()), Opener((identity,))


def encrypt(key: Key, reader: BinaryIO, writer: BinaryIO) -> None:
    """Encrypt what is read. Raises UsageError where it is too much for a passphrase, and what reading or writing do."""
    pyrage = _pyrage()
    if key.passphrase is not None:
        plain = reader.read(LARGEST_WITH_PASSPHRASE + 1)
        if len(plain) > LARGEST_WITH_PASSPHRASE:
            raise UsageError(
                f"With a passphrase a backup is encrypted in memory, and has more than {LARGEST_WITH_PASSPHRASE >> 20} "
                "MiB.",
                "Encrypt it for a recipient (age-keygen makes one), which takes any size; or compress it.",
            )
        writer.write(pyrage.passphrase.encrypt(plain, key.passphrase))
        return
    recipients = [_recipient(text) for text in key.recipients]
    with _own_errors(pyrage.EncryptError) as watched:
        pyrage.encrypt_io(watched(reader), watched(writer), recipients)


def decrypt(opener: Opener, reader: BinaryIO, writer: BinaryIO) -> None:
    """Decrypt what is read. Raises SourceError where it cannot be, and what reading or writing do."""
    pyrage = _pyrage()
    try:
        if opener.passphrase is not None:
            writer.write(pyrage.passphrase.decrypt(reader.read(), opener.passphrase))
            return
        with _own_errors(pyrage.DecryptError, OSError) as watched:
            pyrage.decrypt_io(watched(reader), watched(writer), list(opener.identities))
    except pyrage.DecryptError as error:
        raise SourceError(
            f"The file cannot be decrypted: {printable(str(error)).rstrip('.')}.",
            "Give the private key (--identity), or the passphrase (--encryption-key), that belongs to it.",
        ) from None


@contextmanager
def _own_errors(*theirs: type[Exception]) -> Iterator[Callable[[BinaryIO], Any]]:
    """Wrap what the library reads and writes: it would tell of our exceptions as its own, in words only."""
    met: list[BaseException] = []

    class Watched:
        def __init__(self, inner: BinaryIO) -> None:
            self._inner = inner

        def read(self, size: int = -1) -> bytes:
            data: bytes = self._kept(self._inner.read, size)
            return data

        def write(self, data: bytes) -> int:
            self._kept(self._inner.write, data)
            return len(data)

        def flush(self) -> None:
            self._kept(self._inner.flush)

        def _kept(self, action: Callable[..., Any], *arguments: Any) -> Any:
            try:
                return action(*arguments)
            except BaseException as error:
                met.append(error)
                raise

    try:
        yield Watched
    except theirs as error:
        if met:
            raise met[0] from None
        if isinstance(error, OSError):  # what the library says of a payload that was changed
            message = "The file cannot be decrypted: it was changed, or is cut off."
            raise SourceError(message, "Fetch it again from where it was filed.") from None
        raise
