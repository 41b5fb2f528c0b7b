"""DSNs: read as libpq reads them, and shown without their secrets, in tracebacks too.

A traceback can show the local variables of every frame (`pytest --showlocals`, `capture_locals` of `traceback`). So a
DSN is an object, and its text is revealed only within the expression that hands it to libpq, never kept in a variable.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import psycopg2
from psycopg2.extensions import make_dsn, parse_dsn

from pytest_audit_ledger.errors import UsageError
from pytest_audit_ledger.files.stores import is_store

_SCHEMES = re.compile(r"^(postgresql|postgres)(\+psycopg2?)?://")
_VARIABLE = re.compile(r"env:([A-Za-z_]\w*)")
_USUAL_PORT = "5432"
_NONE: Mapping[str, Any] = {}


HANDED_ON = "AUDIT_LEDGER_EVIDENCE_DSN"
"""The variable by which one process of ours names the ledger to another, so that no list of processes shows a password.
No user can name it."""

_SECRETS = ("password", "sslpassword", "oauth_client_secret", "scram_client_key", "scram_server_key")


class Dsn:
    """Where a ledger is, as a user names it, shown without secrets by `str` and `repr`.

    Besides a DSN as libpq takes it (key=value pairs, or a URI, also with SQLAlchemy's `+psycopg`) it can be `env:NAME`,
    the name of an export or of a backup, or a demo.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str | Dsn) -> None:
        """Take the text. Nothing is checked yet: a frame that raised here would show it."""
        self._text: str = text.reveal() if isinstance(text, Dsn) else text

    def reveal(self) -> str:
        """Return the text with its secrets."""
        return self._text

    def as_named(self) -> Dsn:
        """Return this DSN as the user named it, where it is the variable by which another process of ours does."""
        return self.resolved() if self._text == f"env:{HANDED_ON}" else self

    def resolved(self) -> Dsn:
        """Return the value of the variable for `env:NAME`, and anything else as it is.

        Raises UsageError if the variable is not set.
        """
        if not self._text.startswith("env:"):
            return self
        found = _VARIABLE.fullmatch(self._text)
        if found is None:  # perhaps a DSN with its password
            raise UsageError(
                "What follows env: is not a valid variable name.", "Write env:LEDGER_DSN, or the DSN without env:."
            )
        name = found[1]
        if not os.environ.get(name):
            raise UsageError(f"The environment variable {name} is not set.", f"Set {name} to the DSN of the ledger.")
        return Dsn(os.environ[name])

    @property
    def holds_secret(self) -> bool:
        """Whether the text itself has a password or another secret; that of a variable or a file is not in it."""
        return not (_parsed(self._text) or {}).keys().isdisjoint(_SECRETS)

    def parameter(self, name: str) -> str:
        """Return one connection parameter, empty if it is not set. Raises UsageError if libpq cannot read the DSN."""
        return self._parameters().get(name, "")

    def having(self, replaced: Mapping[str, str | None] = _NONE, defaults: Mapping[str, str] = _NONE) -> Dsn:
        """Return this DSN as key=value pairs, with some parameters replaced; None removes one.

        `defaults` are for parameters that it does not set. Raises UsageError if libpq cannot read the DSN.
        """
        return Dsn(make_dsn(**{**defaults, **self._parameters(), **replaced}))

    def _parameters(self) -> dict[str, str]:
        # libpq's own message is dropped: it repeats parts of the text, and any part may be the password
        if (found := _parsed(self._text)) is None:
            raise UsageError(
                "PostgreSQL's client library cannot read this DSN.",
                "Write postgresql://user@host:5432/database, 'host=… dbname=… user=…' or service=NAME; "
                "in a URI, percent-encode characters such as @ : / # % in the password.",
            )
        return found

    def repeatable(self) -> str:
        """Return the text to name this ledger again in a command: as given, without its secrets.

        libpq then takes the password from PGPASSWORD or ~/.pgpass.
        """
        if (named := self.as_named()) is not self:
            return named.repeatable()
        if _VARIABLE.fullmatch(self._text):
            return self._text
        found = _parsed(self._text)
        if found is None:
            return str(self)
        kept = {name: value for name, value in found.items() if name not in _SECRETS}
        return self._text if kept == found else make_dsn(**kept)

    def __str__(self) -> str:
        if _VARIABLE.fullmatch(self._text):
            return self._text
        if is_store(self._text) and not re.search("[@?]", self._text):
            return self._text
        parameters = _parsed(self._text)
        if parameters is not None:
            return _masked(parameters)
        return "(unreadable DSN)" if re.search("[=@]|://", self._text) else self._text

    def __repr__(self) -> str:
        return f"Dsn({str(self)!r})"


def optional_dsn(text: str | Dsn | None) -> Dsn | None:
    """Return the DSN of a parameter that may be None."""
    return None if text is None else Dsn(text)


def _parsed(text: str) -> dict[str, str] | None:
    """Return the connection parameters of a DSN, None if libpq cannot read it or reads the password as another part."""
    try:
        found = dict(parse_dsn(_SCHEMES.sub("postgresql://", text)))
    except (psycopg2.Error, ValueError):
        return None
    host, database = found.get("host", "").lstrip("@"), found.get("dbname", "")
    is_split = "@" in host or re.search("[@=]|://", database)  # by an @ or / of the password that is not encoded
    return None if is_split or not re.fullmatch(r"[0-9,]*", found.get("port", "")) else found


def _masked(parameters: Mapping[str, str]) -> str:
    """Return connection parameters as a URI without secrets: `postgresql://user@host:port/database`."""
    user = f"{parameters['user']}@" if parameters.get("user") else ""
    host = parameters.get("host", "")
    if ":" in host and not host.startswith("/"):
        host = f"[{host}]"
    port = f":{parameters['port']}" if parameters.get("port") and not host.startswith("/") else ""
    socket = f"?host={host}" if host.startswith("/") else ""
    if socket and parameters.get("port", _USUAL_PORT) != _USUAL_PORT:
        socket += f"&port={parameters['port']}"
    service = f"?service={parameters['service']}" if parameters.get("service") else ""
    return f"postgresql://{user}{'' if socket else host}{port}/{parameters.get('dbname', '')}{socket or service}"
