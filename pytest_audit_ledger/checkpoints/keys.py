"""Keys of checkpoints as options name them: a verifier key or a file with some, and a file with a signing key.

They are of the form of C2SP signed-note. The keys of transcripts are others: `transcript_keys.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pytest_audit_ledger.checkpoints.note import SigningKey, VerifierKey
from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.model.printable import printable

LARGEST_FILE = 64 * 1024
"""Bytes of a file with keys."""


def verifier_keys(named: Iterable[str], folder: str = "") -> tuple[VerifierKey, ...]:
    """Return the keys that these texts are, or that stand in the files they name, one on a line, `#` before a comment.

    Files are named relative to `folder`.

    Raises UsageError where one is neither.
    """
    return tuple(dict.fromkeys(key for text in named for key in _verifier_keys(text, folder)))


def _verifier_keys(text: str, folder: str) -> list[VerifierKey]:
    remedy = "Give the line that keygen printed, or a file that holds it."
    if text.startswith("PRIVATE+KEY+"):
        raise UsageError("That is a signing key, which verifies nothing and must be shown to nobody.", remedy)
    path = Path(folder, text)
    in_file = _is_file(path)
    lines = [line.strip() for line in (_read(path).splitlines() if in_file else [text])]
    keys = [line for line in lines if line and not line.startswith("#")]
    if not keys:
        raise UsageError(f"There is no verifier key in {text!r}.", remedy)
    return [_verifier_key(key, f"A key in {text}" if in_file else printable(key), remedy) for key in keys]


def _verifier_key(key: str, what: str, remedy: str) -> VerifierKey:
    try:
        return VerifierKey.parse(key)
    except ValueError as error:
        raise UsageError(f"{what} is no verifier key: {error}.", remedy) from None


def signing_key(path: str | Path) -> SigningKey:
    """Return the key in a file. Raises UsageError, whose words hold nothing of the key."""
    remedy = "Name the file that `audit-ledger checkpoint keygen` wrote."
    if not _is_file(Path(path)):
        what = "That is" if str(path).startswith("PRIVATE+KEY+") else f"{path} is"
        raise UsageError(f"{what} no file with a signing key.", remedy)
    try:
        return SigningKey.parse(_read(Path(path)).strip())
    except ValueError as error:
        raise UsageError(f"The file {path} holds no signing key: {error}.", remedy) from None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that is too long
        return False


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_FILE).decode()
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}.", "Check its permissions.") from None
    except UnicodeDecodeError:
        raise UsageError(f"{path} is no text.", "Name a file with keys.") from None
