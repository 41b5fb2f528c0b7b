"""DSNs: read as libpq reads them, shown without their secrets."""

from __future__ import annotations

import os
import re

import psycopg2.extensions

from pytest_audit_ledger.errors import UsageError

_SCHEMES = re.compile(r"^(postgresql|postgres)(\+psycopg2?)?://")


def resolve(text: str) -> str:
    """Return the DSN that an option names: itself, or the value of a variable for `env:NAME`.

    Raises UsageError where the variable is not set.
    """
    if not text.startswith("env:"):
        return text
    name = text.removeprefix("env:")
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise UsageError(
            "What follows env: is no name of a variable.", "Write env:LEDGER_DSN, or the DSN without env:."
        )
    if not os.environ.get(name):
        raise UsageError(f"The environment variable {name} is not set.", f"Set {name} to the DSN of the ledger.")
    return os.environ[name]


def parse(dsn: str) -> dict[str, str]:
    """Return the connection parameters of a DSN: a URI (also with SQLAlchemy's `+psycopg`), or key=value pairs.

    Raises UsageError where libpq cannot read it. The message does not repeat the DSN, which may hold a password.
    """
    try:
        parameters = dict(psycopg2.extensions.parse_dsn(_SCHEMES.sub("postgresql://", dsn)))
    except psycopg2.Error:
        raise _unreadable() from None
    if not re.fullmatch(r"[0-9,]*", parameters.get("port", "")) or _is_split(parameters):
        raise _unreadable()
    return parameters


def _is_split(parameters: dict[str, str]) -> bool:
    """Tell whether a password that holds @ or / unencoded was read as part of the host or the database."""
    return (
        "@" in parameters.get("host", "").lstrip("@") or re.search("[@=]|://", parameters.get("dbname", "")) is not None
    )


def _unreadable() -> UsageError:
    return UsageError(
        "The DSN of the ledger is not one that PostgreSQL's client library can read.",
        "Write postgresql://user@host:5432/database, 'host=… dbname=… user=…' or service=NAME; "
        "in a URI, percent-encode characters such as @ : / # % in the password.",
    )


def mask(parameters: dict[str, str]) -> str:
    """Return connection parameters as a URI without secrets, for people: `postgresql://user@host:port/database`."""
    user = f"{parameters['user']}@" if parameters.get("user") else ""
    host = parameters.get("host", "")
    database = parameters.get("dbname", "")
    if "=" in database or "://" in database:
        database = "…"  # libpq takes a whole DSN for a name, with its password
    if ":" in host and not host.startswith("/"):
        host = f"[{host}]"
    port = f":{parameters['port']}" if parameters.get("port") and not host.startswith("/") else ""
    socket = f"?host={host}" if host.startswith("/") else ""
    service = f"?service={parameters['service']}" if parameters.get("service") else ""
    return f"postgresql://{user}{'' if socket else host}{port}/{database}{socket or service}"
