"""Encrypt and decrypt backups with age (https://age-encryption.org/v1).

Secrets are never given on the command line. A key is given as one of

    age1…              a recipient, as age-keygen prints it
    ssh-ed25519 …      an SSH public key; also ssh-rsa
    @FILE              the contents of FILE: recipients, one per line, or a passphrase in its first line
    env:NAME           the same from an environment variable
    prompt             a passphrase that is asked for

The library can stream only to recipients. With a passphrase everything is in memory, so there is a limit
(`LARGEST_WITH_PASSPHRASE`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field
from getpass import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from pytest_audit_ledger.errors import SourceError, UsageError
from pytest_audit_ledger.files.keys import named_secret, secret_in
from pytest_audit_ledger.model.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

LARGEST_WITH_PASSPHRASE = 256 * 1024 * 1024
"""Bytes that a passphrase can encrypt, in memory; scrypt, which derives the key, takes another gigabyte."""

MAGIC = b"age-encryption.org/v1\n"
"""The first bytes of an age file."""

_FORMS = "Give age1…, an SSH public key, @FILE, env:NAME or prompt; a secret does not belong on the command line."
_SECRETS = ("AGE-SECRET-KEY-", "AGE-PLUGIN-", "-----BEGIN")


@dataclass(frozen=True)
class Key:
    """A key that encrypts: public recipients, or a passphrase."""

    recipients: tuple[str, ...] = ()
    passphrase: str | None = field(default=None, repr=False)

    def described(self) -> list[str]:
        """Return who can decrypt, without the secret."""
        return list(self.recipients) if self.passphrase is None else ["passphrase"]


def read_key(named: str, *, confirmed: bool = True) -> Key:
    """Return the key that a user gives (see the module); `confirmed`: a prompt asks twice.

    Raises UsageError, which never shows a secret, for anything else, or if pyrage is not installed.
    """
    if named == "prompt":
        return Key(passphrase=_asked(confirmed=confirmed))
    text = named if named.startswith(("age1", "ssh-")) else _looked_up(named)
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    if not lines:
        raise UsageError("The encryption key is empty.", "Check the variable or the file that it comes from.")
    if lines[0].startswith(_SECRETS):
        raise UsageError("A private key cannot encrypt a backup, only open it.", "Give its public key.")
    if not lines[0].startswith(("age1", "ssh-")):
        return Key(passphrase=text.split("\n", 1)[0].rstrip("\r"))
    for line in lines:
        _recipient(line)  # report mistakes now
    return Key(recipients=tuple(lines))


def _looked_up(named: str) -> str:
    """Return the contents of a file or a variable. Raises UsageError for anything else: it may be a secret."""
    found = named_secret(named)
    if found is None:
        raise UsageError("This is not an encryption key.", _FORMS)
    return _text(found)


def _text(key: bytes) -> str:
    try:
        return key.decode()
    except UnicodeDecodeError:
        raise UsageError("The key is not UTF-8 text.", "Check the variable or the file.") from None  # the cause has it


def _asked(*, confirmed: bool) -> str:
    passphrase = getpass("Passphrase: ")
    if not passphrase:
        raise UsageError("The passphrase is empty; nothing was done.", "Run the command again.")
    if confirmed and getpass("Repeat the passphrase: ") != passphrase:
        raise UsageError("The two passphrases differ; nothing was done.", "Run the command again.")
    return passphrase


def _pyrage() -> Any:
    try:
        import pyrage  # noqa: PLC0415  (only the extra has it)
    except ImportError as error:
        raise UsageError(
            "Encryption needs the package pyrage, which is not installed.",
            "Run: pip install 'pytest-audit-ledger[age]'",
        ) from error
    return pyrage


def _recipient(text: str) -> Any:
    pyrage = _pyrage()
    try:
        return (pyrage.ssh if text.startswith("ssh-") else pyrage.x25519).Recipient.from_str(text)
    except pyrage.RecipientError as error:
        raise UsageError(
            f"The recipient {printable(text, 80)} is not valid: {printable(str(error))}.", "Copy it again."
        ) from error


def is_encrypted(file: BinaryIO) -> bool:
    """Return whether a file is encrypted with age."""
    file.seek(0)
    return file.read(len(MAGIC)) == MAGIC


@dataclass(frozen=True)
class Opener:
    """Keys that decrypt: private keys of pyrage's, or a passphrase; false if there is neither."""

    identities: tuple[Any, ...] = ()
    passphrase: str | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        return bool(self.identities) or self.passphrase is not None


def read_identity(path: str | Path) -> Opener:
    """Return the private keys in a file: age identities, one per line, or an SSH key. Raises UsageError."""
    pyrage, text = _pyrage(), _text(secret_in(Path(path).expanduser()))
    try:
        if text.startswith("-----BEGIN"):
            return Opener((pyrage.ssh.Identity.from_buffer(text.encode()),))
        lines = [line.strip() for line in text.splitlines() if line.startswith("AGE-SECRET-KEY-")]
        identities = tuple(pyrage.x25519.Identity.from_str(line) for line in lines)
    except pyrage.IdentityError as error:
        message = f"The private key {path} is not valid: {printable(str(error))}."
        raise UsageError(message, "Copy it again.") from None  # the cause has the key
    if not identities:
        raise UsageError(f"{path} has no private key.", "Name a file of age identities, or an SSH private key.")
    return Opener(identities)


def opener_of(encryption_key: str | Key | None, identity: str | Path | None) -> Opener:
    """Return what opens a backup: the passphrase of a key, the private keys in a file, or nothing if neither is given.

    Raises UsageError if the key is public, or if both are given.
    """
    key = read_key(encryption_key) if isinstance(encryption_key, str) else encryption_key
    if key is not None and key.passphrase is None:
        raise UsageError("A public key cannot open a backup.", "Give the private key with --identity.")
    if key is not None and identity is not None:
        raise UsageError("Both a passphrase and a private key were given.", "Give only the one that opens the backup.")
    if identity is not None:
        return read_identity(identity)
    return Opener(passphrase=key.passphrase if key else None)


def key_of_this_run() -> tuple[str, Opener]:
    """Return a new recipient and its private key, which is lost when the run ends.

    With this additional recipient, a run without the other private keys can read its own backup back to prove it.
    """
    identity = _pyrage().x25519.Identity.generate()
    return str(identity.to_public()), Opener((identity,))


def encrypt(key: Key, reader: BinaryIO, writer: BinaryIO) -> None:
    """Encrypt what is read. Raises UsageError if it is too much for a passphrase, and errors of reading and writing."""
    pyrage = _pyrage()
    if key.passphrase is not None:
        plain = reader.read(LARGEST_WITH_PASSPHRASE + 1)
        if len(plain) > LARGEST_WITH_PASSPHRASE:
            raise UsageError(
                f"A passphrase can encrypt up to {LARGEST_WITH_PASSPHRASE >> 20} MiB, and this backup is larger.",
                "Encrypt for a recipient, which has no limit (age-keygen makes one), or compress the backup.",
            )
        writer.write(pyrage.passphrase.encrypt(plain, key.passphrase))
        return
    recipients = [_recipient(text) for text in key.recipients]
    with _own_errors(pyrage.EncryptError) as watched:
        pyrage.encrypt_io(watched(reader), watched(writer), recipients)


def decrypt(opener: Opener, reader: BinaryIO, writer: BinaryIO) -> None:
    """Decrypt what is read. Raises SourceError if it cannot be decrypted, and errors of reading and writing."""
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
            "Give the private key (--identity) or the passphrase (--encryption-key) that belongs to it.",
        ) from None  # the cause has the passphrase


@contextmanager
def _own_errors(*theirs: type[Exception]) -> Iterator[Callable[[BinaryIO], Any]]:
    """Wrap what the library reads and writes, to get our own exceptions back: it would replace them by its own."""
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
        if isinstance(error, OSError):  # how the library reports a damaged payload
            message = "The file cannot be decrypted: it was changed or is truncated."
            raise SourceError(message, "Fetch it again from its archive.") from error
        raise
