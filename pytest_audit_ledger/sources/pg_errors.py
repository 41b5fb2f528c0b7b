"""Errors of PostgreSQL, as one sentence with a remedy."""

from __future__ import annotations

import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import ClassVar

import psycopg2
from psycopg2 import errorcodes

from pytest_audit_ledger.errors import SourceError
from pytest_audit_ledger.sources.connection import Connection, Silence

_EARLY_S = 0.1
"""Seconds by which the server's clock may run ahead of ours in a statement."""

_CONFLICTS = (errorcodes.SERIALIZATION_FAILURE, errorcodes.DEADLOCK_DETECTED)

# SQLSTATE: PostgreSQL documentation, appendix A.
_BY_CODE = {
    "40001": (
        "The server cancelled the statement, because it conflicts with the replay of a standby",
        "Run again. If it happens again, verify the primary, or set hot_standby_feedback = on on the standby.",
    ),
    "40P01": ("The server ended a deadlock", "Run again when the maintenance of the table is done."),
    "53100": ("The server's disk is full", "Make room on the server, and run again."),
    "55P03": (
        "Another session holds a lock on the ledger",
        "Run again when the migration or maintenance that holds the lock is done.",
    ),
    "42501": (
        "The role may not read what is needed",
        "Grant SELECT on the ledger to the role, and BYPASSRLS if row-level security hides rows.",
    ),
    "42P01": ("A table is missing", "Name the ledger with --ledger-table schema.table."),
    "57014": (
        "An administrator, or a shorter timeout of the server, stopped the statement",
        "Run again. If it happens again, ask who cancels it, and look at the settings of this role and database.",
    ),
    "57P01": (
        "The server closed the connection",
        "Run again when it is up; nothing was concluded from this run.",
    ),
    "57P02": ("The server crashed", "Run again when it is up; nothing was concluded from this run."),
    "57P03": ("The server is starting up or shutting down", "Run again when it is up."),
    "53300": ("The server has no free connection", "Run again later, or with --ledger-workers 1."),
    "22021": (
        "A text of an entry is not valid UTF-8",
        (
            "An export is UTF-8. To export the other columns, name them with --fields. To find the entry, run "
            "`audit-ledger verify`. To keep its bytes, run `audit-ledger backup`."
        ),
    ),
    "25P03": (
        "The server ended this idle session",
        "Run again. If it happens again, find out why this process sends nothing for minutes.",
    ),
    "28P01": ("The password is wrong", "Check the password in the DSN, PGPASSWORD or ~/.pgpass."),
    "28000": ("The server refuses this role", "Check the role's name, and pg_hba.conf on the server."),
    "3D000": ("The database does not exist", "Check the name after the last slash of the DSN."),
}

_BY_CLASS = {
    "08": ("The connection was lost", "Run again; nothing was concluded from this run."),
    "22": ("A value cannot be read", "Find the entry: run the check entry_hash, or select it by its number."),
    "25": ("The server ended the transaction", "Run again; nothing was concluded from this run."),
    "40": ("The server rolled the transaction back", "Run again; nothing was concluded from this run."),
    "53": ("The server lacks resources", "Run again when it has memory, disk and connections to spare."),
    "55": ("Something on the server is in use", "Run again when the maintenance of the server is done."),
    "57": ("An operator intervened on the server", "Run again when the server is up."),
    "58": ("The server cannot read its own files", "Look at its log and its disks."),
    "XX": ("The server found damaged data or an error of its own", "First look at its log and its disks."),
}

_TIMED_OUT = (
    "The server stopped the statement after its timeout",
    "Allow more time with --ledger-timeout SECONDS, or find out what slows the server down.",
)

# psycopg2 gives no SQLSTATE for a connection that fails, only libpq's words. Where these are the server's own, the
# SQLSTATE that the server sends with them is the second member.
_BY_WORDS = (
    (r"the database system is (starting up|shutting down|in recovery)", "57P03", *_BY_CODE["57P03"]),
    (r"conflict with recovery", "40001", *_BY_CODE["40001"]),
    (
        r"invalid sslmode value",
        None,
        "The DSN has an invalid sslmode",
        "Set sslmode to disable, allow, prefer, require, verify-ca or verify-full.",
    ),
    (
        r"invalid (?:\S+ )?(?:value|port number)|weak sslmode",
        None,
        "A connection parameter has an invalid value",
        "Correct the parameter that is named, in the DSN or in its variable.",
    ),
    (
        r"root certificate file|certificate verify failed",
        None,
        "The server's certificate could not be checked",
        "Set sslrootcert to the file of the authority that signed it.",
    ),
    (
        r"certificate .* does not match host name",
        None,
        "The server's certificate is for another host",
        "Set host to a name in the certificate, or sslmode=verify-ca to check only who signed it.",
    ),
    (
        r"private key file",
        None,
        "The client's key could not be used",
        "Set sslkey to the file of the key of sslcert, which only you may read.",
    ),
    (
        r"certificate file|certificate required|alert unknown ca",
        None,
        "The client's certificate could not be used",
        "Set sslcert to the file of a certificate that the server accepts.",
    ),
    (
        r"does not support SSL|server refused SSL",
        None,
        "The server has no encrypted connections",
        "Enable ssl on the server, or set sslmode=prefer to connect without encryption.",
    ),
    (r"password authentication failed", "28P01", *_BY_CODE["28P01"]),
    (
        r"no password supplied",
        None,
        "The server asks for a password and none was given",
        "Put it in PGPASSWORD, ~/.pgpass or the DSN.",
    ),
    (r'database ".*" does not exist', "3D000", *_BY_CODE["3D000"]),
    (r'role ".*" does not exist', "28000", "The role does not exist", "Check the user's name in the DSN."),
    (r"no pg_hba.conf entry|authentication failed", "28000", *_BY_CODE["28000"]),
    (
        r"Connection refused|No such file or directory|could not connect|Is the server running",
        None,
        "No server answers",
        "Check host and port, and that the server is up.",
    ),
    (r"could not translate host name", None, "The host name is unknown", "Check the host in the DSN."),
    (r"timeout expired|timed out", None, "The server did not answer in time", "Check host, port and firewall."),
    (r"too many clients|too many connections|remaining connection slots", "53300", *_BY_CODE["53300"]),
    (r"SSL", None, "The encrypted connection could not be made", "Check sslmode, sslrootcert and sslcert."),
    (r"definition of service", None, "The service is not defined", "Check the name, and ~/.pg_service.conf."),
    (
        # the third is what psycopg2 reports if a connection ends during COPY
        r"server closed the connection|connection already closed|COPY_OUT and no message|terminating connection",
        "08006",
        "The connection was lost",
        "Run again; nothing was concluded from this run.",
    ),
)


SENTENCES = tuple(
    dict.fromkeys((*_BY_CODE.values(), *_BY_CLASS.values(), _TIMED_OUT, *((row[2], row[3]) for row in _BY_WORDS)))
)
"""Every sentence with its remedy."""


class _Hook(threading.local):
    """Keeps the errors that psycopg2 has Python print during COPY, for each thread; the hook is the process's."""

    reported: list[psycopg2.Error] | None = None
    _lock = threading.Lock()
    _users = 0
    _restore: ClassVar[Callable[[], None]]

    @classmethod
    def _install(cls) -> None:
        before = sys.excepthook

        def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
            cause = error.__cause__ if isinstance(error, SystemError) else None
            if isinstance(cause, psycopg2.Error) and _hook.reported is not None:
                _hook.reported.append(cause)
            else:
                before(kind, error, trace)

        def restore() -> None:
            if sys.excepthook is hook:  # otherwise somebody has set another one since
                sys.excepthook = before

        sys.excepthook, cls._restore = hook, restore

    @contextmanager
    def keeping(self) -> Iterator[list[psycopg2.Error]]:
        """Return what is reported in this thread meanwhile."""
        found: list[psycopg2.Error] = []
        with self._lock:
            if not _Hook._users:
                self._install()
            _Hook._users += 1
        self.reported = found
        try:
            yield found
        finally:
            self.reported = None
            with self._lock:
                _Hook._users -= 1
                if not _Hook._users:
                    _Hook._restore()


_hook = _Hook()


@contextmanager
def copying() -> Iterator[None]:
    """Raise the error that the server reported first if it ends the session during COPY, and print nothing.

    libpq then reports two errors. While psycopg2 raises the first, it cannot decode the second, and has Python print a
    SystemError that the first one caused; what it raises in the end is one of the three.
    """
    with _hook.keeping() as reported:
        try:
            yield
        except psycopg2.Error as error:
            first = next((one for one in reported if one.pgcode), None)
            if first is None:
                raise
            raise first from error


def is_outage(sqlstate: str) -> bool:
    """Tell whether an error is about the server or its operation, whatever the SQL was."""
    return sqlstate[:2] in ("08", "40", "53", "57", "58", "XX") or sqlstate in ("25P03", "25P04", "55006", "55P03")


def timed_out(error: psycopg2.Error) -> bool:
    """Tell whether the server stopped a statement after the timeout that we set.

    The server's words say so, too, but in its own language. An administrator's cancel has the same SQLSTATE.
    """
    connection = error.cursor.connection if error.cursor is not None else None
    if error.pgcode != errorcodes.QUERY_CANCELED or not isinstance(connection, Connection):
        return False
    timeout_s = connection.line.timeout_s
    return timeout_s is not None and connection.line.took_s > timeout_s - _EARLY_S


def explain(error: psycopg2.Error, label: str) -> SourceError:
    """Return the error as one sentence about the database `label`, with the server's own words and a remedy."""
    if isinstance(error, Silence):
        return SourceError(
            f"The server sent nothing for {error.seconds:,.0f} s: {label}.",
            "Check the network and the proxies in between, and run again. If the server is only slow, allow more time "
            "with --ledger-timeout SECONDS.",
        )
    words, sqlstate = _first_line(str(error)), error.pgcode
    unknown = ("PostgreSQL refused", "See the server's log.")
    sentence, remedy = _BY_CODE.get(sqlstate or "") or _BY_CLASS.get((sqlstate or "")[:2], unknown)
    if timed_out(error):
        sentence, remedy = _TIMED_OUT
    elif sqlstate in (None, *_CONFLICTS):  # a deadlock can be with the replay of a standby, too
        known = (entry[1:] for entry in _BY_WORDS if re.search(entry[0], str(error)))
        sqlstate, sentence, remedy = next(known, (sqlstate, sentence, remedy))
    return SourceError(f"{sentence}: {label} ({words}).", remedy, sqlstate)


def _first_line(text: str) -> str:
    """Return what the server said, on one line and without control characters."""
    line = text.strip().splitlines()[0] if text.strip() else "no reason given"
    line = re.sub(r"^connection to server (?:at|on socket) .*? failed: ", "", line)
    line = re.sub(r"error with status PGRES_\w+ and no message from the libpq", "the server gave no reason", line)
    return "".join(character if character.isprintable() else " " for character in line).rstrip(".")[:300]


UNLOCKABLE = frozenset(
    {
        errorcodes.UNDEFINED_TABLE,
        errorcodes.INVALID_SCHEMA_NAME,
        errorcodes.WRONG_OBJECT_TYPE,
        errorcodes.INSUFFICIENT_PRIVILEGE,
    }
)
"""Why a table cannot be locked that is not one, or that the role may not read."""

UNDECIDED = frozenset(
    {
        errorcodes.LOCK_NOT_AVAILABLE,
        errorcodes.QUERY_CANCELED,
        errorcodes.READ_ONLY_SQL_TRANSACTION,
        errorcodes.ADMIN_SHUTDOWN,
        errorcodes.CRASH_SHUTDOWN,
        errorcodes.CANNOT_CONNECT_NOW,
        errorcodes.DEADLOCK_DETECTED,
        errorcodes.SERIALIZATION_FAILURE,
    }
)
"""Why a statement failed that says nothing about what it was to show."""
