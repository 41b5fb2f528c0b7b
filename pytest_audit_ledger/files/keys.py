"""Secrets that a user names instead of typing them: `env:NAME` or `@FILE`."""

from __future__ import annotations

import os
from pathlib import Path

from pytest_audit_ledger.errors import UsageError


def read_key(named: str) -> bytes:
    """Return what a variable or a file holds, without the line break at its end.

    Raises UsageError, which never shows a secret, if there is none, or `named` has another form.
    """
    if named.startswith("env:"):
        name = named.removeprefix("env:")
        if not os.environ.get(name):
            raise UsageError(f"The environment variable {name!r} is not set.", "Set it to the key.")
        return os.fsencode(os.environ[name])
    if named.startswith("@") and len(named) > 1:
        path = Path(named[1:]).expanduser()
        try:
            return path.read_bytes().removesuffix(b"\n").removesuffix(b"\r")
        except OSError as error:
            raise UsageError(f"The key {path} cannot be read: {error.strerror}.", "Check its name.") from error
    raise UsageError("This is not the name of a key.", "Write env:NAME for a variable or @FILE for a file.")
