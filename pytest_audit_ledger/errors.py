"""Everything this package raises.

    LedgerError                what failed, and a remedy
    ├── UsageError             the request is wrong: a DSN, a table name, an option
    │   ├── SuiteError         mistakes in a suite file, each with file:line:column
    │   ├── ProfileError       mistakes in a profile, likewise
    │   └── RegistrationError  a kind that cannot be registered
    ├── SourceError            the ledger could not be read: server down, access denied, connection lost
    ├── CannotEvaluate         one check could not be evaluated; the others could
    ├── NotApplicable          one check has nothing to examine
    └── OutputError            a file could not be written: disk full, folder missing, not permitted

A message says what failed and where or why; the remedy says what to do. Neither ever contains a password.
"""

from __future__ import annotations

from copy import copy


class LedgerError(Exception):
    """Base of all errors of this package: `message` says what failed, `remedy` what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()

    def advising(self, remedy: str) -> LedgerError:
        """Return the same error with another remedy."""
        changed = copy(self)
        changed.remedy = remedy
        changed.args = (self.message, remedy)
        return changed

    def about(self, sentence: str) -> LedgerError:
        """Return the same error with a sentence before its message."""
        changed = copy(self)
        changed.message = f"{sentence} {self.message}"
        changed.args = (changed.message, self.remedy)
        return changed


class UsageError(LedgerError):
    """The request is wrong. No connection was made, and nothing was checked."""


class SuiteError(UsageError):
    """A suite file has mistakes; the message lists each with its place."""


class ProfileError(UsageError):
    """A profile has mistakes; the message lists each with its place."""


class RegistrationError(UsageError):
    """A plugin cannot be loaded, or what it adds not registered: its name is taken, or it is not what it must be."""


class SourceError(LedgerError):
    """The ledger could not be read. This says nothing about whether it was tampered with.

    `sqlstate` is the five-character SQLSTATE of the server's answer (PostgreSQL documentation, appendix A), 08006 if
    the connection was lost, None if no server gave one.
    """

    def __init__(self, message: str, remedy: str = "", sqlstate: str | None = None) -> None:
        super().__init__(message, remedy)
        self.sqlstate = sqlstate


class CannotEvaluate(LedgerError):  # noqa: N818  (a check raises it, and it reads as a sentence)
    """One check could not be evaluated. It becomes ERROR, and the other checks continue."""


class NotApplicable(LedgerError):  # noqa: N818  (as above)
    """One check has nothing to examine, such as triggers in an export. It becomes SKIP, and the others continue."""


class OutputError(LedgerError):
    """A file could not be written. Nothing of it is left, and an older file of that name is unchanged."""
