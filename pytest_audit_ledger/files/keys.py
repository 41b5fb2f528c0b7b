"""Secrets that a user names instead of typing them: `env:NAME` or `@FILE`."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.reading import read_bytes


def read_key(named: str) -> bytes:
    """Return what a variable or a file holds, without the line break at its end.

    Raises UsageError, which never shows a secret, if there is none, or `named` has another form.
    """
    found = named_secret(named)
    if found is None:
        raise UsageError("This is not the name of a key.", "Write env:NAME for a variable or @FILE for a file.")
    return found.removesuffix(b"\n").removesuffix(b"\r")


def named_secret(named: str) -> bytes | None:
    """Return what a variable or a file holds, None if `named` has another form. Raises UsageError if there is none."""
    if named.startswith("@") and len(named) > 1:
        return secret_in(Path(named[1:]).expanduser())
    if not named.startswith("env:"):
        return None
    name = named.removeprefix("env:")
    if not os.environ.get(name):
        raise UsageError(f"The environment variable {name!r} is not set.", "Set it to the key.")
    return os.fsencode(os.environ[name])


def secret_in(path: Path) -> bytes:
    """Return what a file holds. Raises UsageError if it cannot be read."""
    try:
        return read_bytes(path)
    except OSError as error:
        raise UsageError(
            f"The key file {path} cannot be read: {error.strerror}.", "Check its name and permissions."
        ) from error
