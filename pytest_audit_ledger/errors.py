"""Everything this package raises.

    LedgerError                what failed, and a remedy
    ├── UsageError             the request itself is wrong: a DSN, a table name, an option
    │   ├── SuiteError         mistakes in a suite file, each with file:line:column
    │   └── RegistrationError  a kind that cannot be registered
    ├── SourceError            the ledger could not be read: server down, access denied, connection lost
    ├── CannotEvaluate         one check could not be evaluated; the others could
    ├── NotApplicable          one check has nothing to be applied to
    └── OutputError            a file could not be written: disk full, folder missing, not permitted

A message says what failed and what was checked; the remedy says what to do about it. Neither ever holds a password.
"""

from __future__ import annotations


class LedgerError(Exception):
    """Base of everything raised here; `message` says what failed, `remedy` what to do."""

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class UsageError(LedgerError):
    """The request is wrong; nothing was connected to and nothing was checked."""


class SuiteError(UsageError):
    """A suite file has mistakes; the message lists every one of them with its place."""


class RegistrationError(UsageError):
    """A kind cannot be registered: its name is taken, or it is not a kind."""


class SourceError(LedgerError):
    """The ledger could not be read. This says nothing about whether it was tampered with."""


class CannotEvaluate(LedgerError):  # noqa: N818  (it is raised by a check to say so, and reads as a sentence)
    """A single check could not be evaluated; it becomes ERROR and the other checks go on."""


class NotApplicable(LedgerError):  # noqa: N818  (as above)
    """A check has nothing to be applied to, such as a trigger in an export; it becomes SKIP and the others go on."""


class OutputError(LedgerError):
    """A file could not be written; nothing of it is left, and an older file of that name is as it was."""
