"""What PostgreSQL refuses, in one sentence with a remedy."""

from __future__ import annotations

import re

import psycopg2

from pytest_audit_ledger.errors import SourceError

# SQLSTATE classes and codes: PostgreSQL documentation, appendix A.
_BY_CODE = {
    "57014": (
        "The server stopped the statement after its timeout",
        "Allow more time with --ledger-timeout SECONDS, or look for what slows the server down.",
    ),
    "55P03": (
        "Another session holds a lock on the ledger",
        "Try again when the migration or maintenance that holds it is done.",
    ),
    "42501": (
        "The role may not read what is needed",
        "Grant SELECT on the ledger to the role; where row-level security hides rows, also BYPASSRLS.",
    ),
    "42P01": ("A table is missing", "Name the ledger with --ledger-table schema.table."),
    "57P01": ("The server closed the connection", "Run again when it is up; nothing was concluded from this run."),
    "57P02": ("The server crashed", "Run again when it is up; nothing was concluded from this run."),
    "57P03": ("The server is starting up or shutting down", "Run again when it is up."),
    "53300": ("The server has no connection left", "Run again later, or with --ledger-workers 1."),
    "28P01": ("The password is wrong", "Check the password in the DSN, PGPASSWORD or ~/.pgpass."),
    "28000": ("The server does not let this role in", "Check the role's name, and pg_hba.conf on the server."),
    "3D000": ("The database does not exist", "Check the name after the last slash of the DSN."),
}

# A connection that fails has no SQLSTATE in psycopg2, only libpq's words.
_BY_WORDS = (
    (r"password authentication failed", *_BY_CODE["28P01"]),
    (
        r"no password supplied",
        "The server asks for a password and none was given",
        "Put it in PGPASSWORD, ~/.pgpass or the DSN.",
    ),
    (r'database ".*" does not exist', *_BY_CODE["3D000"]),
    (r'role ".*" does not exist', "The role does not exist", "Check the user's name in the DSN."),
    (r"no pg_hba.conf entry|authentication failed", *_BY_CODE["28000"]),
    (
        r"Connection refused|No such file or directory|could not connect|Is the server running",
        "No server answers there",
        "Check host and port, and that the server is up.",
    ),
    (r"could not translate host name", "The host name is unknown", "Check the host in the DSN."),
    (r"timeout expired|timed out", "The server did not answer in time", "Check host, port and firewall."),
    (r"too many clients|too many connections|remaining connection slots", *_BY_CODE["53300"]),
    (r"SSL", "The encrypted connection could not be made", "Check sslmode and the certificates."),
    (r"definition of service", "The service is not defined", "Check the name, and ~/.pg_service.conf."),
    (
        # the third is what psycopg2 makes of a COPY whose connection ended
        r"server closed the connection|connection already closed|COPY_OUT and no message|terminating connection",
        "The connection was lost",
        "Run again; nothing was concluded from this run.",
    ),
)


def explain(error: psycopg2.Error, label: str) -> SourceError:
    """Return the error as one sentence about the database `label` with a remedy, and the server's own words."""
    words = _first_line(str(error))
    if error.pgcode in _BY_CODE:
        sentence, remedy = _BY_CODE[error.pgcode]
    else:
        words_only = () if error.pgcode else _BY_WORDS
        known = (entry[1:] for entry in words_only if re.search(entry[0], str(error)))
        sentence, remedy = next(known, ("PostgreSQL refused", "See the server's log."))
    return SourceError(f"{sentence}: {label} ({words}).", remedy)


def _first_line(text: str) -> str:
    """Return what the server said, on one line and without control characters."""
    line = text.strip().splitlines()[0] if text.strip() else "no reason given"
    line = re.sub(r"^connection to server (?:at|on socket) .*? failed: ", "", line)
    return "".join(character if character.isprintable() else " " for character in line).rstrip(".")[:300]
