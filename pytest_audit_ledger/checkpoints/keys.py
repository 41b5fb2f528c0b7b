"""Read the keys of checkpoints that options name, and write a new signing key.

Keys have the form of C2SP signed-note. The keys of transcripts are different: `kinds/transcript_keys.py`.
"""

from __future__ import annotations

import shlex
import stat
from collections.abc import Iterable
from pathlib import Path

from pytest_audit_ledger.checkpoints.note import SigningKey, VerifierKey
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.reading import is_file, read_text
from pytest_audit_ledger.files.writing import whole_files
from pytest_audit_ledger.model.printable import printable

SIGNING_KEY_MODE = 0o600


def verifier_keys(named: Iterable[str], folder: str = "") -> tuple[VerifierKey, ...]:
    """Return the keys that these texts are, or that are in the files they name.

    A file has one key per line; lines that begin with `#` are comments. File names are relative to `folder`.
    Raises UsageError for a text that is neither.
    """
    return tuple(dict.fromkeys(key for text in named for key in _verifier_keys(text, folder)))


def _verifier_keys(text: str, folder: str) -> list[VerifierKey]:
    remedy = "Give the line that audit-ledger checkpoint keygen printed, or a file that contains it."
    if text.startswith("PRIVATE+KEY+"):
        raise UsageError("This is a signing key, which must stay secret; a verifier key is needed.", remedy)
    path = Path(folder, text)
    in_file = is_file(path)
    lines = [line.strip() for line in (_read(path).splitlines() if in_file else [text])]
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise UsageError(f"There is no verifier key in {text!r}.", remedy)
    return [_verifier_key(key, f"A line in {text}" if in_file else printable(key), remedy) for key in keys]


def _verifier_key(key: str, what: str, remedy: str) -> VerifierKey:
    try:
        return VerifierKey.parse(key)
    except ValueError as error:
        raise UsageError(f"{what} is not a verifier key: {error}.", remedy) from None  # the text may be a signing key


def signing_key(path: str | Path) -> SigningKey:
    """Return the signing key in a file.

    Raises UsageError, which never shows any of the key, also if every user may read the file.
    """
    remedy = "Name the file that audit-ledger checkpoint keygen wrote."
    if not is_file(Path(path)):
        itself = str(path).startswith("PRIVATE+KEY+")
        raise UsageError(
            "This is the key itself, not the name of its file." if itself else f"There is no file {path}.", remedy
        )
    try:
        key = SigningKey.parse(_read(Path(path)).strip())
    except ValueError as error:
        raise UsageError(f"{path} does not contain a signing key: {error}.", remedy) from None  # the cause has the key
    if Path(path).stat().st_mode & stat.S_IRWXO:
        raise UsageError(
            f"Other users may read or change the signing key {path}.", f"Run: chmod 600 {shlex.quote(str(path))}"
        )
    return key


def write_signing_key(path: Path, name: str) -> VerifierKey:
    """Write a new signing key of this name to a new file for its owner only; return the key that verifies it.

    Raises UsageError if no key can have the name, OutputError if the file exists or cannot be written.
    """
    try:
        key = SigningKey.generate(name)
    except ValueError as error:
        raise UsageError(
            f"{name!r} cannot be the name of a ledger: {error}.", "Use a name such as bank.example/ledger."
        ) from error
    with whole_files(path, mode=SIGNING_KEY_MODE, overwrite=False) as (draft,):
        draft.write(f"{key.text()}\n".encode())
    return key.verifier()


def _read(path: Path) -> str:
    try:
        return read_text(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", "Check its name and permissions.") from error
